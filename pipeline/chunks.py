"""Speech packed into the pieces that the speech model hears at once, and the way back to the recording."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.model import Seconds, Word
from pipeline.whisper import CHUNK_SECONDS, RATE, Samples

type Range = tuple[int, int]
"""Half-open range of samples."""

_MOST = CHUNK_SECONDS * RATE


@dataclass(frozen=True)
class Chunk:
    """Some ranges of speech, joined without the silence between them."""

    ranges: tuple[Range, ...]

    def samples(self, sound: Samples) -> Samples:
        """What the model hears: at most 30 s."""
        return np.concatenate([sound[start:end] for start, end in self.ranges])

    def placed(self, word: Word, offset: Seconds) -> Word:
        """`word`, timed from the chunk's start, at its time in the recording.

        `offset` is the time of sample 0. A word never reaches over a silence that was left out: it
        stays in the range where its middle lies.
        """
        middle = (word.start + word.end) / 2 * RATE
        before = 0
        for start, end in self.ranges:
            if middle < before + end - start or (start, end) == self.ranges[-1]:
                break
            before += end - start
        shift, low, high = (start - before) / RATE, start / RATE, end / RATE
        times = (min(max(time + shift, low), high) + offset for time in (word.start, word.end))
        first, last = (round(time, 3) for time in times)
        return word.model_copy(update={"start": first, "end": last})


def pack(speech: Sequence[Range]) -> tuple[Chunk, ...]:
    """The ranges of `speech` in as few chunks of at most 30 s as they fit in, of about the same length.

    Each takes the model the same time however full it is, so few chunks are quick; equal ones leave no
    rest of a few words without context at the end.
    """
    ranges = [part for whole in speech for part in _halves(whole)]
    groups = _fill(ranges, _MOST)
    if len(groups) > 1:
        fair = sum(end - start for start, end in ranges) / len(groups)
        for slack in (1.05, 1.1, 1.2):
            even = _fill(ranges, min(_MOST, int(fair * slack)))
            if len(even) == len(groups):
                groups = even
                break
    return tuple(Chunk(tuple(group)) for group in groups)


def _halves(whole: Range) -> list[Range]:
    start, end = whole
    if end - start <= _MOST:
        return [whole]
    middle = (start + end) // 2
    return [*_halves((start, middle)), *_halves((middle, end))]


def _fill(ranges: Sequence[Range], most: int) -> list[list[Range]]:
    groups: list[list[Range]] = []
    length = 0
    for start, end in ranges:
        if not groups or length + end - start > most:
            groups.append([])
            length = 0
        groups[-1].append((start, end))
        length += end - start
    return groups
