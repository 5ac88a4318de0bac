from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import StageName
from workbench.estimate import percent, usual

shares = st.floats(0, 1)
stages = st.sampled_from(list(StageName))
COSTS = usual(media=960, clips=6, clip_seconds=60, renditions=6)


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


def test_a_language_model_is_expected_to_take_longer_than_the_local_enricher():
    alone, asked = usual(960, 6, 60, 6), usual(960, 6, 60, 6, asks_llm=True)
    assert asked[StageName.ENRICHED] > 10 * alone[StageName.ENRICHED]
    assert asked[StageName.TRANSCRIBED] == alone[StageName.TRANSCRIBED]
