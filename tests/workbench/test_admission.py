"""The queue of jobs that wait: whose turn it is, and why not yet."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.admission import Queue
from workbench.jobs import Job, JobType, Status, now


def _job(job_id: str, *, episode: str | None = "talk", priority: int = 0, after: str | None = None) -> Job:
    return Job(
        job_id=job_id,
        job_type=JobType.PROCESS,
        episode_id=episode,
        status=Status.QUEUED,
        priority=priority,
        depends_on=after,
        created_at=now(),
    )


def _queue(*jobs: Job) -> Queue:
    queue = Queue()
    for job in jobs:
        queue.add(job, held=bool(job.depends_on))
    return queue


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 99)), unique_by=lambda each: each[1]))
def test_the_most_urgent_starts_first_and_of_equals_the_oldest(wanted: list[tuple[int, int]]):
    queue = _queue(*(_job(f"{number:02}", priority=priority) for priority, number in wanted))
    order = []
    while (job_id := queue.next((), room=True)) is not None:
        assert queue.before(job_id) == 0
        order.append(job_id)
        queue.remove(job_id)
    assert order == [f"{number:02}" for _, number in sorted((-urgent, number) for urgent, number in wanted)]
    assert len(queue) == 0


def test_an_episode_that_is_worked_on_lets_the_next_one_pass():
    queue = _queue(_job("1", episode="busy"), _job("2", episode="free"))
    assert queue.next({"busy"}, room=True) == "2"
    assert queue.next({"busy", "free"}, room=True) is None


def test_without_room_only_a_job_without_an_episode_starts():
    queue = _queue(_job("1"), _job("2", episode=None))
    assert queue.next((), room=False) == "2"


def test_a_held_job_joins_the_line_when_the_one_before_it_is_completed():
    queue = _queue(_job("2", after="1"))
    assert (queue.next((), room=True), queue.waits_for("2")) == (None, "1")
    assert queue.release("1", completed=True) == []
    assert (queue.next((), room=True), queue.waits_for("2")) == ("2", None)


def test_held_jobs_are_named_when_the_one_before_them_will_never_be_completed():
    queue = _queue(_job("2", after="1"), _job("3", after="1"), _job("4"))
    assert queue.release("1", completed=False) == ["2", "3"]


def test_a_held_job_can_be_taken_out():
    queue = _queue(_job("2", after="1"))
    queue.remove("2")
    queue.remove("2")
    assert "2" not in queue
    assert queue.release("1", completed=False) == []


def test_a_job_that_is_in_already_stays_as_it_is():
    queue = _queue(_job("1"))
    queue.add(_job("1", priority=9), held=False)
    assert (len(queue), queue.before("1")) == (1, 0)


def test_ahead_are_the_first_of_the_line_and_who_waits_for_them():
    queue = _queue(*(_job(f"{number}") for number in range(5)), _job("5", after="1"), _job("6", after="5"))
    queue.add(_job("7", after="4"), held=True)
    queue.add(_job("8", priority=1, after="running"), held=True)
    assert [each.job_id for each in queue.ahead(3, ["running"])] == ["8", "0", "1", "2", "5", "6"]
