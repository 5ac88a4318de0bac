"""Transcripts and enrichments made of plain text, with times that people could speak at."""

from collections.abc import Callable

import pytest

from pipeline.model import (
    Chapter,
    Enrichment,
    Highlight,
    Name,
    Quote,
    Sentence,
    Span,
    Transcript,
    Word,
    WordSpan,
)

type Spoken = Callable[..., Transcript]


@pytest.fixture(scope="session")
def spoken() -> Spoken:
    """Text as if it were spoken: `spoken("One. Two.", language="en", pause=0.3, speakers=("Ann", "Bo"))`.

    A letter takes `letter` seconds; `pause` lies between sentences, which the speakers say in turn.
    """
    return _spoken


@pytest.fixture(scope="session")
def enriched() -> Callable[[Transcript], Enrichment]:
    """An enrichment with three chapters, a name of each kind, a quote and a highlight."""
    return _enriched


def _spoken(
    text: str,
    *,
    language: str = "en",
    letter: float = 0.06,
    pause: float = 0.3,
    speakers: tuple[str | None, ...] = (None,),
    spaces: bool = True,
) -> Transcript:
    words: list[Word] = []
    sentences: list[Sentence] = []
    time, first = 0.0, 0
    tokens = text.split() if spaces else list(text)
    for number, token in enumerate(tokens, start=1):
        end = time + letter * (len(token) + spaces)
        words.append(Word(text=token, start=round(time, 3), end=round(end, 3), probability=0.9, space=spaces))
        time = end
        if token.endswith((".", "?", "!", "。")) or number == len(tokens):
            speaker = speakers[len(sentences) % len(speakers)]
            sentences.append(Sentence(words=WordSpan(first=first, end=number), speaker=speaker))
            time, first = end + pause, number
    return Transcript(
        language=language,
        language_probability=1.0,
        model="tiny.en",
        duration=max(time, 0.1),
        words=tuple(words),
        sentences=tuple(sentences),
    )


def _enriched(transcript: Transcript) -> Enrichment:
    sentences = transcript.sentences
    third = max(len(sentences) // 3, 1)
    firsts = [sentences[number * third].words.first for number in range(3)]
    ends = [*firsts[1:], len(transcript.words)]
    starts = [0.0, *(transcript.words[first].start for first in firsts[1:]), transcript.duration]
    chapters = tuple(
        Chapter(
            title=f"Part {number + 1}",
            span=Span(start=starts[number], end=starts[number + 1]),
            words=WordSpan(first=firsts[number], end=ends[number]),
        )
        for number in range(3)
    )
    first, last = sentences[0].words, sentences[-1].words
    return Enrichment(
        enricher="local",
        model=None,
        title="A river town",
        summary="What the river gave, and what it took.",
        summary_words=(first,),
        keywords=("river", "bridge"),
        chapters=chapters,
        names=(
            Name(name="Ada Brook", kind="person", mentions=(first, last)),
            Name(name="River Trust", kind="organisation", mentions=(last,)),
        ),
        quotes=(Quote(text=transcript.text(first), words=first, speaker="Ada Brook"),),
        show_notes=("Recorded on the bridge.", "- A map of the river"),
        highlights=(
            Highlight(
                title="The flood", words=last, score=0.8, score_parts={}, reasons=("a complete thought",)
            ),
        ),
    )
