"""Subtitles: the words of a transcript as cues that can be read in the time they are shown.

Where to cut is found for the whole text at once, as the cheapest way through a graph whose edges are
all cues that fit (dynamic programming, after Knuth and Plass 1981, "Breaking Paragraphs into Lines").
The numbers are those of the Netflix timed text style guides and the BBC Subtitle Guidelines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline import subtitle_breaks
from pipeline.model import AspectRatio, Frozen, Seconds, Span, Transcript, Word, WordSpan
from pipeline.subtitle_times import times

_NEW_CUE_SILENCE: Seconds = 1.5  # nobody should read what is said only after such a silence
_IMPOSSIBLE = 1e6


class SubtitleStyle(Frozen):
    """The limits that cues keep: characters a line, lines, reading speed, seconds on screen."""

    line_length: int = Field(default=42, ge=4)
    """Characters in a line at most; Netflix: 42 in Latin script, 16 in Chinese."""
    lines: int = Field(default=2, ge=1, le=4)
    """Lines of a cue at most."""
    comfortable_speed: float = Field(default=17.0, gt=0)
    """Characters a second that anybody can read; cues stay longer to reach it where there is room."""
    speed_limit: float = Field(default=20.0, gt=0)
    """Characters a second that a cue should never pass (Netflix, English, adults)."""
    shortest: Seconds = Field(default=0.833, gt=0)
    """Seconds a cue is shown at least (Netflix: 5/6 of a second)."""
    longest: Seconds = Field(default=7.0, gt=0)
    """Seconds a cue is shown at most (Netflix)."""

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        if self.longest < self.shortest:
            raise ValueError(f"longest ({self.longest} s) must not be below shortest ({self.shortest} s)")
        return self


_LINE_LENGTHS = {"16x9": 42, "4x5": 32, "1x1": 32, "9x16": 25}
_WIDE_SCRIPTS = {"zh": (9.0, 11.0), "yue": (9.0, 11.0), "ja": (4.0, 7.0), "ko": (12.0, 14.0)}
_WIDE_SHARE = 16 / 42  # Netflix: 16 characters of Chinese or Korean where Latin script has 42


def style_for(aspect_ratio: AspectRatio, language: str) -> SubtitleStyle:
    """The limits for a picture of this shape and a language, by the code that whisper has for it.

    Chinese, Cantonese, Japanese and Korean count wide characters: fewer in a line and fewer a second.
    """
    length, lines = _LINE_LENGTHS[aspect_ratio], 3 if aspect_ratio is AspectRatio.VERTICAL else 2
    if language not in _WIDE_SCRIPTS:
        return SubtitleStyle(line_length=length, lines=lines)
    comfortable, limit = _WIDE_SCRIPTS[language]
    wide = round(length * _WIDE_SHARE)
    return SubtitleStyle(line_length=wide, lines=lines, comfortable_speed=comfortable, speed_limit=limit)


class Piece(Frozen):
    """A word of a cue, or a part of a word that is too long for a line; `word` is its index."""

    text: str
    start: Seconds
    end: Seconds
    space: bool
    word: int


class Cue(Frozen):
    """What is shown at one time: its lines, as the pieces they are made of, and when."""

    rows: tuple[tuple[Piece, ...], ...]
    span: Span
    speaker: str | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(_text(row) for row in self.rows)

    @property
    def words(self) -> WordSpan:
        return WordSpan(first=self.rows[0][0].word, end=self.rows[-1][-1].word + 1)

    @property
    def characters(self) -> int:
        """What there is to read, with the spaces, a line's end counting as one."""
        return len(" ".join(self.lines))


def cues(
    transcript: Transcript, style: SubtitleStyle, words: WordSpan | None = None, *, frame_rate: float = 25.0
) -> tuple[Cue, ...]:
    """The transcript, or its `words`, as cues in order; times are those of the recording.

    Every word appears once. Lines, length, the longest and shortest time and the gap of two frames
    at `frame_rate` always hold; reading speed is kept where the speech leaves the room. Only where
    several speakers interrupt each other within a second may a cue come later than its words.
    """
    spoken = _Spoken.of(transcript, style, words or _all(transcript))
    if not spoken.pieces:
        return ()
    bounds = [0, *_cheapest(_costs(spoken, style))]
    runs = [slice(first, end) for first, end in pairwise(bounds)]
    spans = times(
        [spoken.starts[run.start] for run in runs],
        [spoken.ends[run.stop - 1] for run in runs],
        [int(spoken.width(run.start, run.stop)) for run in runs],
        limits=(style.shortest, style.longest, style.comfortable_speed),
        frame_rate=frame_rate,
    )
    return tuple(
        Cue(rows=_rows(spoken, run, style), span=span, speaker=spoken.speakers[run.start])
        for run, span in zip(runs, spans, strict=True)
    )


@dataclass(frozen=True)
class _Spoken:
    """The words as arrays: what the cost of a cue is computed from."""

    pieces: list[Piece]
    starts: list[Seconds]
    ends: list[Seconds]
    speakers: list[str | None]
    breaks: NDArray[np.float64]
    """What it costs to break after each piece."""
    reading: NDArray[np.int64]
    """Characters before each piece, spaces included; one more than there are pieces."""
    spaces: NDArray[np.int64]

    @classmethod
    def of(cls, transcript: Transcript, style: SubtitleStyle, words: WordSpan) -> "_Spoken":
        pieces = list(_pieces(transcript.words, words, style.line_length))
        starts, ends = _orderly(pieces)
        speaker_of = _speakers(transcript)
        spaces = np.array([piece.space for piece in pieces], dtype=np.int64)
        lengths = np.array([len(piece.text) for piece in pieces], dtype=np.int64)
        return cls(
            pieces=pieces,
            starts=starts,
            ends=ends,
            speakers=[speaker_of[piece.word] for piece in pieces],
            breaks=_breaks(pieces, starts, ends, language=transcript.language),
            reading=np.concatenate([[0], np.cumsum(spaces + lengths)]),
            spaces=spaces,
        )

    def width(self, first: int, end: int) -> int:
        """Characters of the pieces from `first` to before `end` in one line."""
        return int(self.reading[end] - self.reading[first] - self.spaces[first])


def _all(transcript: Transcript) -> WordSpan:
    return WordSpan(first=0, end=max(len(transcript.words), 1))


def _pieces(words: Sequence[Word], span: WordSpan, line_length: int) -> Iterator[Piece]:
    """The words; one that is several, as a correction may be, in parts that share its time by letters."""
    for index, word in enumerate(words[span.first : span.end], start=span.first):
        parts = _parts(word, line_length)
        letters, duration = sum(len(part) for part, _ in parts), word.end - word.start
        done, start = 0, word.start
        for part, space in parts:
            done += len(part)
            end = word.start + duration * (done / letters)
            yield Piece(text=part, start=start, end=end, space=space, word=index)
            start = end


def _parts(word: Word, line_length: int) -> list[tuple[str, bool]]:
    """What can stand in a line by itself, each with whether a space stands before it."""
    return [
        (said[first : first + line_length], first == 0 and (word.space or number > 0))
        for number, said in enumerate(word.text.split())
        for first in range(0, len(said), line_length)
    ]


def _orderly(pieces: Sequence[Piece]) -> tuple[list[Seconds], list[Seconds]]:
    """Start and end times that never go back, whatever the recogniser said."""
    starts = np.maximum.accumulate([piece.start for piece in pieces]) if pieces else np.array([])
    ends = np.maximum(starts, [piece.end for piece in pieces]) if pieces else starts
    latest = np.append(starts[1:], np.inf)[: len(starts)]
    return starts.tolist(), np.minimum(ends, latest).tolist()


def _speakers(transcript: Transcript) -> list[str | None]:
    speakers: list[str | None] = [None] * len(transcript.words)
    for sentence in transcript.sentences:
        run = slice(sentence.words.first, sentence.words.end)
        speakers[run] = [sentence.speaker] * len(speakers[run])
    return speakers


def _breaks(
    pieces: Sequence[Piece], starts: Sequence[Seconds], ends: Sequence[Seconds], *, language: str
) -> NDArray[np.float64]:
    pauses = [after - before for after, before in zip(starts[1:], ends[:-1], strict=True)]
    costs = subtitle_breaks.penalties([piece.text for piece in pieces], pauses, language=language)
    for index, (piece, following) in enumerate(pairwise(pieces)):
        if piece.word == following.word and not following.space:
            costs[index] = subtitle_breaks.SPLIT_WORD
    return np.array(costs)


def _costs(spoken: _Spoken, style: SubtitleStyle) -> NDArray[np.float64]:
    """`costs[end, count]`: of a cue of `count` pieces before `end`; infinite where none may be."""
    reach = _reach(spoken, style)
    firsts = np.arange(len(reach))
    costs = np.full((len(reach) + 1, int((reach - firsts).max()) + 1), np.inf)
    for count in range(1, costs.shape[1]):
        first = firsts[reach - firsts >= count]
        costs[first + count, count] = _cost(spoken, style, first, first + count)
    return costs


def _reach(spoken: _Spoken, style: SubtitleStyle) -> NDArray[np.int64]:
    """For each piece, where a cue that starts with it must end at the latest."""
    count = len(spoken.pieces)
    limit = np.arange(count)
    for _ in range(style.lines):
        here = np.minimum(limit, count - 1)
        room = spoken.reading[limit] + spoken.spaces[here] + style.line_length
        limit = np.searchsorted(spoken.reading, room, side="right") - 1
    walls = [
        index + 1
        for index, (speaker, following) in enumerate(pairwise(spoken.speakers))
        if speaker != following or spoken.starts[index + 1] - spoken.ends[index] >= _NEW_CUE_SILENCE
    ]
    wall = np.array([*walls, count])
    reach: NDArray[np.int64] = np.minimum(limit, wall[np.searchsorted(wall, np.arange(count), side="right")])
    return reach


def _cost(
    spoken: _Spoken, style: SubtitleStyle, first: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What the cues from `first` to before `end` cost: their break, their times, their looks."""
    starts, ends = np.array(spoken.starts), np.array(spoken.ends)
    width = spoken.reading[end] - spoken.reading[first] - spoken.spaces[first]
    spoken_for = ends[end - 1] - starts[first]
    silence = np.append(starts, np.inf)[end] - ends[end - 1]
    shown = np.maximum(spoken_for + np.minimum(silence, 0.5), 0.01)
    speed = width / np.maximum(shown, width / 1000)
    inner_ends = np.concatenate([[0], np.cumsum(spoken.breaks == subtitle_breaks.SENTENCE_END)])
    sentences = inner_ends[end - 1] - inner_ends[first]
    full = width / (style.line_length * style.lines)
    return np.asarray(
        4.0  # a cue is one more thing to read
        + 1.4 * spoken.breaks[end - 1]
        + 6.0 * sentences  # one sentence a cue where possible
        + 8.0 * np.maximum(full - 0.9, 0) * 10  # a cue that is full leaves no choice of line ends
        + 6.0 * np.maximum(0.3 - full, 0)
        + 6.0 * (end - first == 1) * (width < 12)  # no word stands alone if it can be helped
        + 20.0 * np.maximum(1.0 - shown, 0)
        + 60.0 * (shown < style.shortest)
        + 0.8 * np.maximum(speed - style.comfortable_speed, 0)
        + 6.0 * np.maximum(speed - style.speed_limit, 0)
        + 4.0 * np.maximum(shown - 5.5, 0)
        + _IMPOSSIBLE * (spoken_for > style.longest)
    )


def _cheapest(costs: NDArray[np.float64]) -> list[int]:
    """The ends of the cues on the cheapest way through all pieces."""
    length, widest = costs.shape[0] - 1, costs.shape[1]
    best = np.full(length + 1 + widest, np.inf)  # shifted by `widest`, so that no index is negative
    best[widest] = 0.0
    counts = np.zeros(length + 1, dtype=np.int64)
    for end in range(1, length + 1):
        ways = best[end + widest : end : -1] + costs[end]
        counts[end] = np.argmin(ways)
        best[end + widest] = ways[counts[end]]
    ends = [length]
    while ends[-1] > 0:
        ends.append(ends[-1] - int(counts[ends[-1]]))
    return ends[-2::-1]


def _rows(spoken: _Spoken, run: slice, style: SubtitleStyle) -> tuple[tuple[Piece, ...], ...]:
    """The pieces of a cue in as few lines as hold them, broken where it hurts least."""
    for lines in range(1, style.lines + 1):
        ways = combinations(range(run.start + 1, run.stop), lines - 1)
        bounds = [(run.start, *way, run.stop) for way in ways]
        fitting = [way for way in bounds if _widest(spoken, way) <= style.line_length]
        if fitting:
            best = min(fitting, key=lambda way: _ugliness(spoken, way, style.line_length))
            return tuple(tuple(spoken.pieces[first:end]) for first, end in pairwise(best))
    raise AssertionError("a cue was chosen that does not fit")


def _widest(spoken: _Spoken, bounds: Sequence[int]) -> int:
    return max(spoken.width(first, end) for first, end in pairwise(bounds))


def _ugliness(spoken: _Spoken, bounds: Sequence[int], line_length: int) -> float:
    """Bad breaks, lines of unequal length, and upper lines longer than lower ones (Netflix: bottom-heavy)."""
    widths = [spoken.width(first, end) / line_length for first, end in pairwise(bounds)]
    torn = sum(float(spoken.breaks[end - 1]) for end in bounds[1:-1])
    uneven = sum((upper - lower) ** 2 for upper, lower in pairwise(widths))
    top_heavy = sum(max(upper - lower, 0) for upper, lower in pairwise(widths))
    lonely = sum(end - first == 1 for first, end in pairwise(bounds)) if len(bounds) > 2 else 0
    return torn + 12.0 * uneven + 2.0 * top_heavy + 3.0 * lonely


def _text(row: Sequence[Piece]) -> str:
    return "".join(" " * piece.space + piece.text for piece in row).strip()
