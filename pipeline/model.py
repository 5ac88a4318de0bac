"""The nouns of the pipeline: frozen, validated, the same in memory, in a file and on the wire.

Times are seconds from the start of the recording. Spans of time and of words are half open:
`end` is the first moment, or the first word, that is not part of the span.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline import display

type Seconds = float
type Share = Annotated[float, Field(ge=0, le=1)]
type Lufs = Annotated[float, Field(ge=-31, le=-9)]
"""How loud a whole clip is to be: louder than what platforms play, or softer, nobody wants."""
type Report = Callable[[float], None]
"""Carries the done share of a task (0..1) out, and may raise `Cancelled` in."""


class Frozen(BaseModel):
    """A value: it cannot be changed, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StageName(StrEnum):
    """How far an episode has come; the value is what the API calls `target_stage`."""

    DISCOVERED = "discovered"
    TRANSCRIBED = "transcribed"
    ENRICHED = "enriched"
    RENDERED = "rendered"
    CLIPPED = "clipped"


class Span(Frozen):
    """A stretch of a recording, in seconds."""

    start: Seconds = Field(ge=0)
    end: Seconds

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"a span must end after it starts, not {self.start}..{self.end}")
        return self

    @property
    def duration(self) -> Seconds:
        return self.end - self.start


class WordSpan(Frozen):
    """A run of a transcript's words, by index: the evidence for a claim about the recording."""

    first: int = Field(ge=0)
    end: int

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.end <= self.first:
            raise ValueError(f"a word span needs at least one word, not {self.first}..{self.end}")
        return self


class VideoStream(Frozen):
    """The picture that is used; width and height in pixels as shown, rotation already applied."""

    index: int
    codec: str
    width: int
    height: int
    fps: float
    pixel_format: str
    rotation: int = 0
    """Degrees clockwise that a player turns the stored picture: 0, 90, 180 or 270."""


class AudioStream(Frozen):
    """The sound track that is used; `sample_rate` in hertz."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    language: str | None = None


class SourceChapter(Frozen):
    """A chapter that the recording itself carries."""

    title: str
    span: Span


class Media(Frozen):
    """What can be known of a recording without decoding all of it."""

    path: str
    container: str
    duration: Seconds
    video: VideoStream | None
    audio: AudioStream | None
    chapters: tuple[SourceChapter, ...] = ()


class Metadata(Frozen):
    """What people wrote beside the recording, in `name.json` or `name.yaml`."""

    title: str | None = None
    show: str | None = None
    guests: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    language: str | None = None


class Source(Frozen):
    """A discovered recording: where it is, what it holds, and what was written beside it."""

    sha256: str
    bytes: int
    media: Media
    metadata: Metadata


class Word(Frozen):
    """A spoken word with its punctuation; `space` says whether a space stands before it."""

    text: str
    start: Seconds
    end: Seconds
    probability: Share
    space: bool = True


class Sentence(Frozen):
    """A run of words that belong together, said by one speaker (when speakers are known)."""

    words: WordSpan
    speaker: str | None = None


class Transcript(Frozen):
    """Every word of a recording in order, and the sentences they form."""

    language: str
    """ISO 639-1 code; "und" when nothing was said."""
    language_probability: Share
    model: str
    duration: Seconds
    words: tuple[Word, ...]
    sentences: tuple[Sentence, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know of this transcript, such as "the recording has no sound"."""

    def text(self, words: WordSpan | None = None) -> str:
        """The words as running text: those of `words`, or all."""
        chosen = self.words[words.first : words.end] if words else self.words
        return "".join(" " * word.space + word.text for word in chosen).strip()

    def span(self, words: WordSpan) -> Span:
        """From the start of the first word of `words` to the end of its last."""
        start, end = self.words[words.first].start, self.words[words.end - 1].end
        return Span(start=start, end=max(end, start + 0.001))

    def _repr_html_(self) -> str:
        return display.transcript(self)


class Chapter(Frozen):
    """A part of the episode with one subject; the chapters of an episode leave no gap."""

    title: str
    span: Span
    words: WordSpan


class Name(Frozen):
    """A person or an organisation that is named, with every place where it is."""

    name: str
    kind: Literal["person", "organisation"]
    mentions: tuple[WordSpan, ...] = Field(min_length=1)


class Quote(Frozen):
    """A sentence worth printing, word for word as it was said."""

    text: str
    words: WordSpan
    speaker: str | None = None


class Highlight(Frozen):
    """A passage worth a clip, with why."""

    title: str
    words: WordSpan
    score: Share
    score_parts: dict[str, Share]
    reasons: tuple[str, ...] = Field(min_length=1)


class Repair(Frozen):
    """A part of an enrichment that the language model got wrong, and what was done about it."""

    part: str
    action: Literal["repaired", "dropped", "replaced by the local enricher"]
    reason: str


class Enrichment(Frozen):
    """What an episode is about, each claim with the words it rests on."""

    enricher: Literal["local", "llm"]
    model: str | None
    """The language model's name; none for the local enricher."""
    title: str
    summary: str
    summary_words: tuple[WordSpan, ...]
    keywords: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    names: tuple[Name, ...]
    quotes: tuple[Quote, ...]
    show_notes: tuple[str, ...]
    """Paragraphs or list lines of plain text, in order."""
    highlights: tuple[Highlight, ...]
    repairs: tuple[Repair, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of it: that a language model was asked in vain for some parts."""
        replaced = [one.part for one in self.repairs if one.action == "replaced by the local enricher"]
        parts = ", ".join(dict.fromkeys(replaced))
        what = f"what the language model said for {parts} could not be used: the local enricher's is there"
        return (what,) if parts else ()


class Variant(StrEnum):
    """Whether a clip's words are burnt into its picture."""

    CLEAN = "clean"
    SUBTITLED = "subtitled"


class AspectRatio(StrEnum):
    """Width to height of a clip."""

    VERTICAL = "9x16"
    SQUARE = "1x1"
    PORTRAIT = "4x5"
    LANDSCAPE = "16x9"


class Rendition(Frozen):
    """One file of a clip."""

    variant: Variant
    aspect_ratio: AspectRatio

    @property
    def name(self) -> str:
        return f"{self.aspect_ratio}-{self.variant}"


class ClipCandidate(Frozen):
    """A span worth publishing, cut on word and sentence ends."""

    clip_id: str
    """Readable and stable: a number in order of score and a slug of the title."""
    title: str
    span: Span
    words: WordSpan
    score: Share
    score_parts: dict[str, Share]
    reasons: tuple[str, ...]
