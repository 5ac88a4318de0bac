"""Speech packed into the pieces that the speech model hears at once, and the way back to the recording."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.model import Seconds, Word
from pipeline.whisper import CHUNK_SECONDS, RATE, Samples

type Range = tuple[int, int]
"""Half-open range of samples."""

MARGIN: Seconds = 0.4
_MOST = CHUNK_SECONDS * RATE
_GOOD_PAUSE: Seconds = 0.6
_CUT_COST = 2.0  # chunks that a cut without any pause may cost
_GAP: Seconds = 1.5
_LONG_WORD: Seconds = 1.0  # a word that takes longer hides speech that was not heard


@dataclass(frozen=True)
class Chunk:
    """Some ranges of speech, joined without the silence between them."""

    ranges: tuple[Range, ...]

    def samples(self, read: Callable[[int, int], Samples]) -> Samples:
        """What the model hears, at most 30 s, by what `read` gives of each range."""
        return np.concatenate([read(start, end) for start, end in self.ranges])

    def part(self, first: Seconds, last: Seconds) -> tuple[Range, ...]:
        """The ranges of samples that are `first` to `last` seconds from the chunk's start."""
        parts, before = [], 0
        for start, end in self.ranges:
            shift = start - before
            part = max(start, round(first * RATE) + shift), min(end, round(last * RATE) + shift)
            before += end - start
            if part[0] < part[1]:
                parts.append(part)
        return tuple(parts)

    def unheard(self, words: Sequence[Word]) -> tuple[Range, ...]:
        """The speech in which the model heard none of `words`, which are timed from the chunk's start.

        Cut off within a sentence, Whisper likes to leave its last words out; such a rest is worth a
        chunk of its own. Gaps under 1.5 s are pauses.
        """
        length = sum(end - start for start, end in self.ranges) / RATE
        ends = [0.0, *(word.start + min(word.end - word.start, _LONG_WORD) for word in words)]
        starts = [*(word.start for word in words), length]
        gaps = [gap for gap in zip(ends, starts, strict=True) if gap[1] - gap[0] >= _GAP]
        return tuple(part for gap in gaps for part in self.part(*gap))

    def placed(self, word: Word) -> Word:
        """`word`, timed from the chunk's start, at its time from sample 0.

        A word never reaches over a silence that was left out: it
        stays in the range where its middle lies.
        """
        middle = (word.start + word.end) / 2 * RATE
        before = 0
        for start, end in self.ranges:
            if middle < before + end - start or (start, end) == self.ranges[-1]:
                break
            before += end - start
        shift, low, high = (start - before) / RATE, start / RATE, end / RATE
        first, last = (round(min(max(time + shift, low), high), 3) for time in (word.start, word.end))
        return word.model_copy(update={"start": first, "end": last})


def pack(speech: Sequence[Range], length: int, margin: Seconds = MARGIN) -> tuple[Chunk, ...]:
    """The ranges of `speech`, with a margin around each within 0..`length`, in chunks of at most 30 s.

    Each chunk takes the model the same time however full it is, so few are quick. But a chunk that is
    cut within a sentence costs words; so the cuts with the least sum of chunks and too short pauses are
    taken (dynamic programming over the pauses).
    """
    if not speech:
        return ()
    pad = round(margin * RATE)
    ranges = [part for whole in speech for part in _halves(whole, _MOST - 2 * pad)]
    padded = _padded(ranges, pad, length)
    ends = list(itertools.accumulate((end - start for start, end in padded), initial=0))
    cost, begins = [0.0], [0]
    for last in range(1, len(padded) + 1):
        ways = [
            (cost[first] + 1 + _shortness(ranges, last), first)
            for first in range(last)
            if ends[last] - ends[first] <= _MOST
        ]
        best = min(ways)
        cost.append(best[0])
        begins.append(best[1])
    cuts = [len(padded)]
    while cuts[-1]:
        cuts.append(begins[cuts[-1]])
    return tuple(Chunk(tuple(padded[first:last])) for first, last in itertools.pairwise(reversed(cuts)))


def _shortness(ranges: Sequence[Range], cut: int) -> float:
    """How bad a cut before range `cut` is, in chunks: none at a pause of 0.6 s or at the end."""
    if cut == len(ranges):
        return 0.0
    pause = (ranges[cut][0] - ranges[cut - 1][1]) / RATE
    return _CUT_COST * max(0.0, 1 - pause / _GOOD_PAUSE)


def _padded(ranges: Sequence[Range], pad: int, length: int) -> list[Range]:
    """Each range with `pad` around it, or half of a shorter pause: faint sounds begin and end words."""
    lows = [0, *((end + start) // 2 for (_, end), (start, _) in itertools.pairwise(ranges))]
    highs = [*lows[1:], length]
    return [
        (max(start - pad, low), min(end + pad, high))
        for (start, end), low, high in zip(ranges, lows, highs, strict=True)
    ]


def _halves(whole: Range, most: int) -> list[Range]:
    start, end = whole
    if end - start <= most:
        return [whole]
    middle = (start + end) // 2
    return [*_halves((start, middle), most), *_halves((middle, end), most)]
