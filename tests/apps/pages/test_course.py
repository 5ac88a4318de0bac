"""The timeline of a job: which boxes are drawn, and what is said of them."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from apps.pages import charts
from apps.pages.course import drawn, in_words, start_of
from pipeline.model import Seconds, StageName
from workbench.figures import TaskTime
from workbench.jobs import Job, JobType, Status

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: Seconds) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def task(stage: StageName, start: Seconds, end: Seconds, step: str = "stretch") -> TaskTime:
    return TaskTime(stage=stage, step=step, model="", start=at(start), end=at(end))


def job(status: Status, **facts: object) -> Job:
    known = {"job_id": "one", "job_type": JobType.PROCESS, "episode_id": "talk", "created_at": BEGIN}
    return Job.model_validate(known | {"status": status} | facts)


TASKS = [
    task(StageName.TRANSCRIBED, 0, 4, "prepare"),
    task(StageName.TRANSCRIBED, 4, 14),
    task(StageName.TRANSCRIBED, 4, 12),
    task(StageName.ENRICHED, 14, 20, "enrich"),
]


def test_each_stage_has_a_lane_and_the_first_is_on_top():
    boxes, names = drawn(BEGIN, TASKS, [], None)
    assert names == ["Enrich", "Transcribe"]
    assert [(box.left, box.right) for box in boxes] == [(0, 4), (4, 14), (4, 12), (14, 20)]
    assert {int(box.bottom) for box in boxes[:3]} == {1}
    assert int(boxes[3].bottom) == 0


def test_tasks_side_by_side_are_drawn_one_above_the_other():
    boxes, _ = drawn(BEGIN, TASKS, [], None)
    for one, other in combinations(boxes, 2):
        apart_in_time = one.right <= other.left or other.right <= one.left
        assert apart_in_time or one.top <= other.bottom or other.top <= one.bottom


def test_pointing_at_a_box_tells_its_step_length_and_start():
    (box,), _ = drawn(BEGIN, [TASKS[0]], [], None)
    assert box.title == "Preparing the sound"
    assert box.more == f"4.0 s, from {BEGIN.astimezone():%H:%M:%S} on"


def test_what_runs_is_the_last_box_from_the_last_end_on_even_before_a_task_of_its_stage_has_ended():
    boxes, names = drawn(BEGIN, TASKS, [], StageName.RENDERED)
    assert names[0] == "Render"
    assert boxes[-1].left == 20
    assert boxes[-1].alpha < 1
    assert boxes[-1].right > 20


def test_a_failed_try_has_a_mark_in_a_lane_of_its_own_with_its_reason():
    tried = {"at_utc": at(9), "kind": "attempt failed", "body": {"task": "hearing", "failure": "no memory"}}
    boxes, names = drawn(BEGIN, TASKS, [tried], None)
    assert names[0] == "Failed tries"
    (mark,) = [box for box in boxes if box.colour == charts.FAILED]
    assert (mark.right, mark.title) == (9, "Hearing")
    assert mark.more.endswith("no memory")
    assert 0 < mark.right - mark.left < 1


def test_a_job_that_was_taken_up_again_starts_with_its_first_task():
    later = job(Status.RUNNING, started_at=at(10))
    assert start_of(later, TASKS) == BEGIN
    assert start_of(later, []) == at(10)


def test_the_words_say_how_long_it_waited_and_what_each_stage_took():
    done = job(Status.COMPLETED, started_at=at(5))
    words = in_words(done, TASKS, tries=1)
    told = ["Waited 5 s", "transcribed in 14 s (3 tasks)", "enriched in 6 s", "1 try failed"]
    assert [told.index(each) for each in told if each in words] == [0, 1, 2, 3]
    assert 'aria-label="The timeline in words"' in words


def test_a_job_at_work_says_so_and_one_that_waits_for_something_does_not():
    assert "still at work" in in_words(job(Status.RUNNING), TASKS, 0)
    assert "still at work" not in in_words(job(Status.RUNNING, waits_for="a slot"), TASKS, 0)


@pytest.mark.parametrize("status", Status)
def test_without_tasks_it_says_why_there_is_nothing_to_see(status: Status):
    words = in_words(job(status), [], 0)
    assert "<p" in words
    assert "<ul" not in words


def contrast(one: str, other: str) -> float:
    """How far two colours are apart, as the web's guidelines count it."""

    def light(colour: str) -> float:
        shares = [each / 255 for each in bytes.fromhex(colour[1:])]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", ["#faf9f6", "#ffffff", "#131518", "#1b1e22"])
@pytest.mark.parametrize("colour", [charts.DONE, charts.QUIET, charts.FAILED])
def test_boxes_can_be_told_from_a_light_and_from_a_dark_ground(colour: str, ground: str):
    assert contrast(colour, ground) >= 3
