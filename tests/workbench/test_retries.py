"""When a task that failed is tried again."""

import re

import pytest

from workbench.jobs import LOST, UNREACHED, Outcome
from workbench.retries import MAX_ATTEMPTS, Retries

PASSING = Outcome(attempt="a", failure="no answer", kind="Test", transient=True)
LASTING = Outcome(attempt="a", failure="no sound", kind="Test")


def test_what_may_pass_is_tried_again_until_the_last_attempt():
    retries = Retries()
    told = [retries.failed("key", PASSING) for _ in range(MAX_ATTEMPTS)]
    assert told == [(1, True), (2, True), (3, False)]
    assert not retries.rests("key")


def test_what_lasts_is_not_tried_again():
    assert Retries().failed("key", LASTING) == (1, False)


def test_a_task_whose_worker_was_lost_is_tried_more_often_than_one_that_failed_by_itself():
    retries = Retries()
    lost = Outcome(attempt="a", failure="the worker was lost", kind=LOST, transient=True)
    told = [retries.failed("key", lost)[1] for _ in range(6)]
    assert told == [True] * 5 + [False]


def test_that_a_scheduler_was_lost_says_nothing_of_the_task_and_is_not_counted():
    retries = Retries()
    lost = Outcome(attempt="a", failure="the scheduler was lost", kind=UNREACHED, transient=True)
    for _ in range(MAX_ATTEMPTS + 1):
        assert retries.failed("key", lost) == (0, True)
    assert retries.rests("key")
    assert retries.failed("key", PASSING) == (1, True)


def test_each_way_to_end_is_counted_by_itself():
    """Three rate limits and a lost scheduler do not use up the tries of a task that then fails once."""
    retries = Retries()
    for kind, times in (("RateLimited", 3), (LOST, 3), (UNREACHED, 9)):
        outcome = Outcome(attempt="a", failure="for now", kind=kind, transient=True)
        assert all(retries.failed("key", outcome)[1] for _ in range(times))
    assert retries.failed("key", PASSING) == (7, True)
    assert retries.failed("key", PASSING) == (8, True)
    assert retries.failed("key", PASSING) == (9, False)


def test_a_task_rests_before_its_next_attempt_and_says_why():
    retries = Retries()
    retries.failed("key", PASSING)
    assert retries.rests("key")
    assert not retries.rests("another")
    said = retries.next({"key", "another"}) or ""
    assert re.fullmatch(r"trying again in [12] s, after: no answer", said)  # chance adds up to a half
    assert retries.next({"another"}) is None


@pytest.mark.parametrize("outcomes", [[PASSING], [PASSING, PASSING]])
def test_a_later_request_for_the_same_work_starts_with_a_clean_sheet(outcomes: list[Outcome]):
    retries = Retries()
    for outcome in outcomes:
        retries.failed("key", outcome)
    retries.forget("key")
    assert not retries.rests("key")
    assert retries.failed("key", PASSING) == (1, True)


def test_a_rate_limit_is_waited_out_longer_and_named():
    limit = Outcome(attempt="a", failure="takes no more calls", kind="RateLimited", transient=True)
    retries = Retries()
    told = [retries.failed("key", limit)[1] for _ in range(MAX_ATTEMPTS + 1)]
    assert all(told)
    assert re.fullmatch(r"trying again in [456]\d s, LLM rate limit", retries.next({"key"}) or "")
    assert 40 <= retries.rest({"key"}) <= 60


def test_what_nobody_wants_any_more_is_forgotten():
    retries = Retries()
    retries.failed("wanted", PASSING)
    retries.failed("unwanted", PASSING)
    retries.keep({"wanted"})
    assert (retries.rests("wanted"), retries.rests("unwanted")) == (True, False)
    assert retries.failed("unwanted", PASSING) == (1, True)
