"""What is wrong with a set of cues, cue by cue: the report that goes out with the subtitle files."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from pipeline.model import Frozen, Seconds, Share
from pipeline.subtitles import Cue, SubtitleStyle

type Rule = Literal[
    "lines", "line length", "overlap", "shortest", "longest", "speed limit", "comfortable speed"
]

_MUST: tuple[Rule, ...] = ("lines", "line length", "overlap", "shortest", "longest")
_FAST_SHARE = 0.02  # of cues may be over the speed limit: people do sometimes speak that fast
_ROUNDING: Seconds = 0.0005


class Finding(Frozen):
    """One rule that one cue breaks; `measured` and `limit` are in the rule's own unit."""

    cue: int
    """Number of the cue, from 1, as in the SRT file."""
    rule: Rule
    measured: float
    limit: float


class CheckReport(Frozen):
    """Whether the cues may go out, how often each rule is broken, and where."""

    passed: bool
    """No cue breaks a rule on lines, length, overlap or time, and at most 2 % are too fast."""
    cues: int
    totals: dict[Rule, int]
    over_speed_limit: Share
    """Share of the cues that are faster than the speed limit."""
    findings: tuple[Finding, ...]


def check(cues: Sequence[Cue], style: SubtitleStyle) -> CheckReport:
    """Hold `cues` against `style`: lines, characters a line, overlap, seconds, characters a second."""
    findings = tuple(_findings(cues, style))
    totals = Counter(finding.rule for finding in findings)
    fast = totals["speed limit"] / max(len(cues), 1)
    return CheckReport(
        passed=not any(totals[rule] for rule in _MUST) and fast <= _FAST_SHARE,
        cues=len(cues),
        totals=dict(sorted(totals.items())),
        over_speed_limit=round(fast, 4),
        findings=findings,
    )


def _findings(cues: Sequence[Cue], style: SubtitleStyle) -> Iterator[Finding]:
    for number, (cue, following) in enumerate(pairwise([*cues, None]), start=1):
        assert cue is not None
        yield from _shape(number, cue, style)
        yield from _time(number, cue, style)
        if following and cue.span.end > following.span.start:
            overlap = round(cue.span.end - following.span.start, 3)
            yield Finding(cue=number, rule="overlap", measured=overlap, limit=0)


def _shape(number: int, cue: Cue, style: SubtitleStyle) -> Iterator[Finding]:
    if len(cue.lines) > style.lines:
        yield Finding(cue=number, rule="lines", measured=len(cue.lines), limit=style.lines)
    longest = max(len(line) for line in cue.lines)
    if longest > style.line_length:
        yield Finding(cue=number, rule="line length", measured=longest, limit=style.line_length)


def _time(number: int, cue: Cue, style: SubtitleStyle) -> Iterator[Finding]:
    shown = round(cue.span.duration, 3)
    if shown < style.shortest - _ROUNDING:
        yield Finding(cue=number, rule="shortest", measured=shown, limit=style.shortest)
    if shown > style.longest + _ROUNDING:
        yield Finding(cue=number, rule="longest", measured=shown, limit=style.longest)
    speed = round(cue.characters / cue.span.duration, 1)
    if speed > style.speed_limit:
        yield Finding(cue=number, rule="speed limit", measured=speed, limit=style.speed_limit)
    elif speed > style.comfortable_speed:
        limit = style.comfortable_speed
        yield Finding(cue=number, rule="comfortable speed", measured=speed, limit=limit)
