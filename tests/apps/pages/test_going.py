"""The part of the Jobs page that says how the work goes: its boxes and its words."""

from apps.pages import charts
from apps.pages.going import day_in_words, depth, depth_in_words, row_of, throughput
from workbench.figures import Hour
from workbench.workers import WorkerState

COUNTS = {
    ("process_episode", "running"): 2,
    ("process_episode", "queued"): 40,
    ("process_episode", "completed"): 9000,
    ("discover_episodes", "queued"): 1,
}
DAY = [
    Hour(hours_ago=5, completed=3, failed=0, media_seconds=4500),
    Hour(hours_ago=0, completed=1, failed=2, media_seconds=0),
]


def test_of_each_type_the_running_jobs_come_before_the_waiting_ones_and_ended_ones_do_not_count():
    boxes = depth(COUNTS)
    told = [(box.title, box.left, box.right, box.colour) for box in boxes]
    assert told == [
        ("Process", 0, 2, charts.DONE),
        ("Process", 2, 42, charts.QUIET),
        ("Look for recordings", 0, 1, charts.QUIET),
    ]
    assert boxes[0].bottom < 1 < boxes[2].bottom


def test_the_queue_in_words_names_each_type_or_says_that_there_is_none():
    assert depth_in_words(COUNTS) == "Look for recordings: 1 waiting; Process: 2 running, 40 waiting."
    assert depth_in_words({("render_clips", "failed"): 4}) == "No job waits and none runs."


def test_failed_jobs_stand_on_those_that_were_done_in_the_same_hour():
    old, done, failed = throughput(DAY)
    assert (old.left, old.right, old.top) == (-5.92, -5.08, 3)
    assert (done.bottom, done.top, failed.bottom, failed.top) == (0, 1, 1, 3)
    assert (done.colour, failed.colour) == (charts.DONE, charts.FAILED)
    assert old.title == "5 to 6 hours ago"
    assert old.more == "3 done, with 1 h 15 min of recordings; 0 failed"


def test_the_day_in_words_counts_jobs_and_minutes_of_recordings():
    assert day_in_words(DAY) == "4 jobs done, which processed 1 h 15 min of recordings; 2 failed."
    assert day_in_words([]) == "No job has ended in the last 24 hours."


def test_a_worker_tells_its_memory_of_its_limit_if_it_has_one():
    free = WorkerState(name="0", tasks=1, memory_bytes=300_000_000, memory_limit_bytes=None, cpu_percent=98.6)
    assert row_of(free)["cells"] == ["Worker 0", "300.0 MB, without a limit", "1 task", "99 % of a processor"]
    bound = free.model_copy(update={"memory_limit_bytes": 2_000_000_000, "tasks": 0})
    assert row_of(bound)["cells"][1:3] == ["300.0 MB of 2.0 GB", "no task"]
