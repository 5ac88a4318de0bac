"""When a task that failed is tried again."""

import re

import pytest

from workbench.jobs import Outcome
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
