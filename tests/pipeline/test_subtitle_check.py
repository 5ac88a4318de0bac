from collections.abc import Callable

import pytest

from pipeline.model import Span, Transcript
from pipeline.subtitle_check import check
from pipeline.subtitles import Cue, Piece, SubtitleStyle, cues

Spoken = Callable[..., Transcript]
STYLE = SubtitleStyle()


def cue(*lines: str, start: float = 0.0, end: float = 3.0) -> Cue:
    rows = tuple((Piece(text=line, start=start, end=end, space=True, word=0),) for line in lines)
    return Cue(rows=rows, span=Span(start=start, end=end))


@pytest.mark.parametrize(
    ("broken", "rule", "measured"),
    [
        (cue("one", "two", "three"), "lines", 3),
        (cue("x" * 43), "line length", 43),
        (cue("short", end=0.5), "shortest", 0.5),
        (cue("long", end=7.2), "longest", 7.2),
        (cue("x" * 41, end=2.0), "speed limit", 20.5),
        (cue("x" * 38, end=2.0), "comfortable speed", 19.0),
    ],
)
def test_each_broken_rule_is_found(broken: Cue, rule: str, measured: float) -> None:
    (finding,) = check([broken], STYLE).findings
    assert (finding.cue, finding.rule, finding.measured) == (1, rule, measured)


def test_cues_that_overlap_are_found() -> None:
    report = check([cue("one"), cue("two", start=2.5, end=5.0)], STYLE)
    assert report.totals == {"overlap": 1}
    assert report.findings[0].measured == 0.5
    assert not report.passed


def test_cues_at_their_limits_pass() -> None:
    assert check([cue("x" * 42, "y" * 42, end=7.0), cue("z", start=7.0, end=7.833)], STYLE).passed


def test_one_fast_cue_in_fifty_passes_and_two_do_not() -> None:
    fast, calm = cue("x" * 41, end=2.0), cue("calm")
    apart = [calm.model_copy(update={"span": Span(start=10.0 * n, end=10.0 * n + 3)}) for n in range(1, 50)]
    assert check([fast, *apart], STYLE).passed
    other = fast.model_copy(update={"span": Span(start=1000.0, end=1002.0)})
    assert not check([fast, *apart, other], STYLE).passed


def test_speed_that_is_only_uncomfortable_passes() -> None:
    report = check([cue("x" * 38, end=2.0)], STYLE)
    assert report.passed
    assert report.over_speed_limit == 0


def test_no_cues_pass() -> None:
    assert check([], STYLE).passed


def test_ordinary_speech_passes(spoken: Spoken) -> None:
    text = "The old wall would hold the water for a while, but not until the morning. We left. " * 30
    report = check(cues(spoken(text), STYLE), STYLE)
    assert report.passed
    assert report.cues > 30
