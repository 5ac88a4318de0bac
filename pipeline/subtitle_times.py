"""When each cue comes and goes: with its words, long enough to read, without flicker between cues.

The rules, in the order in which they win: cues never overlap; none is shorter or longer than allowed;
two frames lie between cues (Netflix); a gap is closed when it is short, and lasts a second or more
otherwise (BBC); a cue comes within 0.1 s of its first word, and goes at most 0.5 s (12 frames,
Netflix) after its last. Inside, all times are whole milliseconds: that is what subtitle files can say.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from pipeline.model import Seconds, Span

OPEN_FROM = 1000  # milliseconds: a gap shorter than this is a flicker
SLACK = 100
LINGER = 500
_TARGET = 1000


def frame_gap(frame_rate: float) -> Seconds:
    """Two frames, in seconds; a rate no video plays at (slides, 1000 fps) counts as the nearest that is."""
    return math.ceil(2000 / min(max(frame_rate, 23.976), 60.0)) / 1000


def times(
    starts: Sequence[Seconds],
    ends: Sequence[Seconds],
    characters: Sequence[int],
    *,
    limits: tuple[Seconds, Seconds, float],
    frame_rate: float,
) -> list[Span]:
    """A span for each cue, from when its first word starts and its last ends (seconds, ascending).

    `limits` are the shortest and the longest time a cue may last, and the characters a second
    that are comfortable to read: a cue stays longer to reach that, where there is room.
    """
    shortest, longest, speed = _ms(limits[0]), _ms(limits[1]), limits[2]
    gap = _ms(frame_gap(frame_rate))
    heard = [(_ms(start), _ms(end)) for start, end in zip(starts, ends, strict=True)]
    comes, goes = _beside_silences(heard, gap)
    shown: list[tuple[int, int]] = []
    for index, count in enumerate(characters):
        start = max(comes[index], shown[-1][1] + gap if shown else 0)
        readable = start + max(_TARGET, math.ceil(1000 * count / speed))
        end = max(goes[index], min(readable, _room(index, heard, comes)))
        shown.append((start, min(max(end, start + shortest), start + longest)))
    return [Span(start=start / 1000, end=end / 1000) for start, end in _closed(shown, longest, gap)]


def _ms(seconds: Seconds) -> int:
    return round(seconds * 1000)


def _beside_silences(heard: Sequence[tuple[int, int]], gap: int) -> tuple[list[int], list[int]]:
    """When cues should come and go, so that each silence between them is closed, or clearly open."""
    comes, goes = [start for start, _ in heard], [end for _, end in heard]
    for index in range(len(heard) - 1):
        silence = heard[index + 1][0] - heard[index][1]
        if silence < OPEN_FROM - 2 * SLACK:  # closed: by staying, and where that is not enough, by coming
            comes[index + 1] -= min(max(silence - gap - LINGER, 0), SLACK)
            goes[index] = comes[index + 1] - gap
        elif silence < OPEN_FROM:  # opened, by both a little
            missing = OPEN_FROM - silence
            comes[index + 1] += missing // 2
            goes[index] -= missing - missing // 2
    return comes, goes


def _room(index: int, heard: Sequence[tuple[int, int]], comes: Sequence[int]) -> int:
    """How long a cue may stay for its readers before an open gap would become a flicker."""
    lingering = heard[index][1] + LINGER
    return min(lingering, comes[index + 1] - OPEN_FROM) if index + 1 < len(comes) else lingering


def _closed(shown: Sequence[tuple[int, int]], longest: int, gap: int) -> list[tuple[int, int]]:
    """Gaps that became flickers because a cue had to stay its shortest time are closed too."""
    closed = list(shown)
    for index, ((start, end), (following, _)) in enumerate(pairwise(shown)):
        if gap < following - end < OPEN_FROM:
            closed[index] = (start, max(end, min(following - gap, start + longest)))
    return closed
