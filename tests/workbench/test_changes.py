"""Changes that many readers follow, each from where it was."""

import threading

from workbench.changes import Changes
from workbench.jobs import Job, JobType, Status, now


def _job(job_id: str, progress: float = 0) -> Job:
    facts = {"job_type": JobType.DISCOVER, "episode_id": None, "status": Status.RUNNING, "created_at": now()}
    return Job.model_validate({"job_id": job_id, "progress": progress} | facts)


def test_a_reader_gets_what_came_since_its_last_look_and_of_each_job_the_latest():
    changes = Changes()
    changes.add(_job("a", 1))
    seen = changes.number
    for progress in (2, 3):
        changes.add(_job("a", progress))
        changes.add(_job("b", progress))
    assert [(job.job_id, job.progress) for _, job in changes.since(seen) or ()] == [("a", 3), ("b", 3)]
    assert changes.since(changes.number) == []


def test_a_reader_that_was_away_for_too_long_or_comes_from_elsewhere_is_told_so():
    changes = Changes()
    for number in range(600):
        changes.add(_job(str(number)))
    assert changes.since(0) is None
    assert changes.since(changes.number + 1) is None
    assert [job.job_id for _, job in changes.since(changes.number - 3) or ()] == ["597", "598", "599"]
    assert len(changes.since(100) or ()) == 500


def test_what_is_told_of_one_job_again_and_again_makes_nobody_forget_the_others():
    changes = Changes()
    changes.add(_job("a"))
    for progress in range(3000):
        changes.add(_job("b", progress / 30))
    assert [job.job_id for _, job in changes.since(0) or ()] == ["a", "b"]


def test_readers_are_woken_until_they_stop_listening():
    changes, woken = Changes(), threading.Event()
    stop = changes.listen(woken.set)
    changes.add(_job("a"))
    assert woken.is_set()
    stop()
    woken.clear()
    changes.add(_job("a"))
    assert not woken.is_set()


def test_a_reader_that_fails_when_it_is_woken_is_no_fault_of_the_job_and_wakes_the_others():
    changes, woken = Changes(), threading.Event()

    def gone() -> None:
        raise AttributeError("the page was closed")

    stops = [changes.listen(each) for each in (gone, woken.set, lambda: gone())]
    changes.add(_job("a"))
    assert woken.is_set()
    for stop in stops:
        stop()


def test_a_job_ends_for_readers_with_the_change_that_tells_them():
    changes = Changes()
    changes.add(_job("a"))
    assert changes.end_of("a") is None
    changes.add(_job("a").model_copy(update={"status": Status.COMPLETED}))
    changes.add(_job("b"))
    assert (changes.end_of("a"), changes.end_of("b")) == (2, None)
