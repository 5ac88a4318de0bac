from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import StageName
from workbench.estimate import Rates, extrapolated, percent

shares = st.floats(0, 1)


def _row(stage: StageName, wall: float, model: str = "tiny.en", workers: int = 2) -> dict[str, object]:
    return {"stage": stage, "model": model, "workers": workers, "media_seconds": 100.0, "wall_seconds": wall}


@given(shares, shares, st.sampled_from(list(StageName)), st.sampled_from(list(StageName)))
def test_more_done_is_never_a_smaller_percentage(
    one: float, other: float, stage: StageName, target: StageName
):
    less, more = sorted((one, other))
    assert 0 <= percent(stage, less, target) <= percent(stage, more, target) <= 100


def test_a_later_stage_starts_where_the_one_before_ended():
    order = list(StageName)
    for before, after in pairwise(order[1:]):
        end = percent(before, 1.0, StageName.CLIPPED)
        assert percent(after, 0.0, StageName.CLIPPED) == pytest.approx(end)


def test_the_last_stage_done_is_a_hundred_percent():
    for target in StageName:
        assert percent(target, 1.0, target) == pytest.approx(100)


def test_nothing_is_said_of_a_stage_that_was_never_measured():
    rates = Rates([_row(StageName.TRANSCRIBED, 10)])
    assert rates.seconds_left(StageName.TRANSCRIBED, 0, StageName.CLIPPED, "tiny.en", 2, 100) is None
    assert rates.seconds_left(StageName.TRANSCRIBED, 0, StageName.TRANSCRIBED, "large", 2, 100) is None


def test_time_left_is_the_rest_of_this_stage_and_all_of_the_next():
    rates = Rates([_row(StageName.TRANSCRIBED, 20), _row(StageName.ENRICHED, 5)])
    left = rates.seconds_left(StageName.TRANSCRIBED, 0.5, StageName.ENRICHED, "tiny.en", 2, 1000)
    assert left == pytest.approx(100 + 50)


def test_one_odd_run_does_not_spoil_the_estimate():
    rates = Rates([_row(StageName.TRANSCRIBED, wall) for wall in (10, 11, 500)])
    left = rates.seconds_left(StageName.TRANSCRIBED, 0, StageName.TRANSCRIBED, "tiny.en", 2, 100)
    assert left == pytest.approx(11)


def test_without_measurements_the_rest_takes_as_long_as_what_was_done():
    assert extrapolated(30, 0, 50) == pytest.approx(30)
    assert extrapolated(30, 40, 70) == pytest.approx(30)
    assert extrapolated(3, 0, 5) is None
