from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import StageName
from workbench.estimate import Rates, extrapolated, left, percent, usual

shares = st.floats(0, 1)
stages = st.sampled_from(list(StageName))
COSTS = usual(media=960, clips=6, clip_seconds=60, renditions=6)
TINY = ("tiny.en", 2)


def _row(stage: StageName, slower: float) -> dict[str, object]:
    """A run in which `stage` took `slower` times as long as usual."""
    times = {"usual_seconds": 100.0, "wall_seconds": 100.0 * slower}
    return {"stage": stage, "model": "tiny.en", "workers": 2, **times}


@given(shares, shares, stages, stages)
def test_more_done_is_never_a_smaller_percentage(
    one: float, other: float, stage: StageName, target: StageName
):
    less, more = sorted((one, other))
    assert 0 <= percent(stage, less, target, COSTS) <= percent(stage, more, target, COSTS) <= 100


def test_a_later_stage_starts_where_the_one_before_ended():
    for before, after in pairwise(list(StageName)[1:]):
        end = percent(before, 1.0, StageName.CLIPPED, COSTS)
        assert percent(after, 0.0, StageName.CLIPPED, COSTS) == pytest.approx(end)


def test_the_last_stage_done_is_a_hundred_percent():
    for target in StageName:
        assert percent(target, 1.0, target, COSTS) == pytest.approx(100)


def test_clips_are_most_of_the_work_unless_few_are_asked_for():
    few = usual(media=3600, clips=1, clip_seconds=20, renditions=1)
    many = usual(media=3600, clips=6, clip_seconds=60, renditions=6)
    assert few[StageName.CLIPPED] < few[StageName.TRANSCRIBED] < many[StageName.CLIPPED]


def test_a_short_recording_has_no_more_clips_than_it_lasts():
    assert usual(60, 6, 60, 1)[StageName.CLIPPED] < usual(600, 6, 60, 1)[StageName.CLIPPED]


def test_nothing_is_said_of_a_stage_that_was_never_measured():
    rates = Rates([_row(StageName.TRANSCRIBED, 1)])
    assert rates.worker_seconds(StageName.CLIPPED, 100, *TINY) is None
    assert rates.worker_seconds(StageName.TRANSCRIBED, 100, "large", 2) is None
    assert rates.worker_seconds(StageName.TRANSCRIBED, 100, *TINY) == pytest.approx(100)


def test_what_is_left_is_the_rest_of_this_stage_and_all_of_the_next():
    rest = left(StageName.TRANSCRIBED, 0.5, StageName.ENRICHED, COSTS)
    assert rest == {
        StageName.TRANSCRIBED: pytest.approx(COSTS[StageName.TRANSCRIBED] / 2),
        StageName.ENRICHED: COSTS[StageName.ENRICHED],
    }


def test_one_odd_run_does_not_spoil_the_estimate():
    rates = Rates([_row(StageName.TRANSCRIBED, slower) for slower in (1.0, 1.1, 50)])
    assert rates.worker_seconds(StageName.TRANSCRIBED, 10, *TINY) == pytest.approx(11)


def test_a_long_task_counts_for_more_than_a_short_one():
    short = [_row(StageName.TRANSCRIBED, 9) | {"usual_seconds": 1.0, "wall_seconds": 9.0}] * 3
    rates = Rates([*short, _row(StageName.TRANSCRIBED, 2)])
    assert rates.worker_seconds(StageName.TRANSCRIBED, 10, *TINY) == pytest.approx(20)


def test_without_measurements_the_rest_takes_as_long_as_what_was_done():
    assert extrapolated(30, 0, 50) == pytest.approx(30)
    assert extrapolated(30, 40, 70) == pytest.approx(30)
    assert extrapolated(3, 0, 5) is None


def test_a_language_model_is_expected_to_take_longer_than_the_local_enricher():
    alone, asked = usual(960, 6, 60, 6), usual(960, 6, 60, 6, asks_llm=True)
    assert asked[StageName.ENRICHED] > 10 * alone[StageName.ENRICHED]
    assert asked[StageName.TRANSCRIBED] == alone[StageName.TRANSCRIBED]
