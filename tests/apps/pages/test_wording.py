"""Lengths, moments and amounts, as the pages say them."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.pages.wording import ago, left, length, sentence, size
from workbench.jobs import Job, Status

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (45, "45 s"), (725, "12 min"), (3900, "1 h 5 min"), (7200, "2 h")],
)
def test_a_length_is_said_as_people_say_it(seconds: float, said: str):
    assert length(seconds) == said


@pytest.mark.parametrize(
    ("passed", "said"),
    [(timedelta(seconds=20), "just now"), (timedelta(minutes=5), "5 min ago"),
     (timedelta(days=1), "1 day ago"), (timedelta(days=3), "3 days ago"),
     (timedelta(days=30), "31 January 2026")],
)  # fmt: skip
def test_a_moment_is_told_by_how_long_ago_it_was(passed: timedelta, said: str):
    assert ago(NOON - passed, NOON) == said


def test_the_time_left_of_a_job_is_told_with_what_it_takes_at_most():
    facts = {"job_id": "1", "job_type": "process_episode", "episode_id": "talk", "created_at": NOON}
    job = Job.model_validate(facts | {"status": "running", "eta_seconds": 180, "eta_p90_seconds": 300})
    assert left(job) == "about 3 min left, at most 5 min"
    assert left(job.model_copy(update={"eta_p90_seconds": 182})) == "about 3 min left"
    assert left(job.model_copy(update={"eta_seconds": None})) == ""
    assert left(job.model_copy(update={"status": Status.COMPLETED})) == ""


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 bytes"), (1500, "2 kB"), (3_200_000, "3.2 MB"), (5e12, "5.0 TB")]
)
def test_an_amount_of_data_has_a_unit(count: float, said: str):
    assert size(count) == said


def test_what_is_said_in_passing_becomes_a_sentence():
    assert sentence("nothing was said") == "Nothing was said."
