"""The dispatcher with a cluster whose tasks end when, and as, the test says."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import manifest, stages
from pipeline.model import StageName, Transcript
from pipeline.task import Task
from workbench.calendar import Window
from workbench.dispatcher import Dispatcher
from workbench.errors import LibraryBroken
from workbench.jobs import Job, JobType, Outcome, Request, Status, new_job_id
from workbench.library import Library
from workbench.rules import Rules
from workbench.store import Store

NOTHING_SAID = Transcript(
    language="und", language_probability=0, model="tiny.en", duration=3, words=(), sentences=()
)
CONTENT = {
    "prepared": (
        "stretches.json",
        '{"language": "en", "probability": 1.0, "stretches": [[0.0, 1.5], [1.5, 3.0]], "notes": []}',
    ),
    "stretch": ("words.json", "[]"),
    "transcript": ("transcript.json", NOTHING_SAID.model_dump_json()),
}


class Hand:
    """Stands for a cluster with four workers; the test does their work by hand."""

    slots = 4
    waits_for: str | None = None

    def __init__(self, on_progress: Callable[[str, float], None], on_end: Callable[[Outcome], None]) -> None:
        self.on_progress = on_progress
        self.on_end = on_end
        self.running: dict[str, tuple[Task, Path]] = {}

    def start(self, task: Task, attempt: Path) -> None:
        self.running[attempt.name] = (task, attempt)

    def stop(self, attempt: str) -> None:
        self.running.pop(attempt)

    def close(self) -> None:
        self.running.clear()

    def finish(self, name: str) -> None:
        task, attempt = self.running.pop(name)
        if task.step == "discover":
            stages.run(task, attempt, lambda share: None)
        else:
            (kind,) = task.outputs
            file, text = CONTENT[kind]
            (attempt / file).write_text(text)
            manifest.write(attempt, task, kind, 0.0)
        self.on_end(Outcome(attempt=name))

    def fail(self, name: str, reason: str, *, transient: bool = False) -> None:
        del self.running[name]
        self.on_end(Outcome(attempt=name, failure=reason, kind="Test", transient=transient))


class Desk:
    """A library, its dispatcher, and the clusters it asked for."""

    def __init__(self, root: Path, **rules: Any) -> None:
        self.library = Library(root)
        self.store = Store(self.library.database)
        self.hands: list[Hand] = []
        self.changes: list[Job] = []
        self.rules = Rules(root, **rules)
        self.dispatcher = Dispatcher(
            self.store, self.library, self._connect, self.rules, "very-secret", self.changes.append
        )

    def _connect(self, on_progress: Callable[..., None], on_end: Callable[..., None]) -> Hand:
        self.hands.append(Hand(on_progress, on_end))
        return self.hands[-1]

    def close(self) -> None:
        self.dispatcher.close()
        self.store.close()

    def discover(self, *files: Path) -> Job:
        params = {"files": [str(file) for file in files], "waiting": [], "closed": []}
        return self._adopt(JobType.DISCOVER, None, params)

    def process(
        self, episode_id: str, *, target: str = "transcribed", force: bool = False, **more: Any
    ) -> Job:
        params = {
            "target_stage": target,
            "force_reprocess": force,
            "options": {"transcribe": {"model": "tiny.en"}},
            "renditions": [],
            "clip_ids": None,
        }
        return self._adopt(JobType.PROCESS, episode_id, params, **more)

    def _adopt(self, job_type: JobType, episode_id: str | None, params: dict[str, Any], **more: Any) -> Job:
        """Another job each time, however alike what they ask for."""
        params = params | {"asked": new_job_id()}
        facts = {"job_type": job_type, "episode_id": episode_id, "params": params}
        (made,) = self.store.submit([Request.model_validate(facts | more)])
        self.dispatcher.adopt(made.job)
        return made.job

    def look(self, job: Job) -> Job:
        return self.dispatcher.live(self.store.job(job.job_id))

    def running(self, step: str, count: int = 1) -> list[str]:
        """Names of the attempts at `step`, once there are `count`."""

        def at_it() -> list[str]:
            there = list(self.hands[-1].running.items()) if self.hands else []
            return [name for name, (task, _) in there if task.step == step]

        until(lambda: len(at_it()) == count)
        return at_it()

    def task(self, name: str) -> Task:
        return self.hands[-1].running[name][0]

    def do(self, *steps: str) -> None:
        for step in steps:
            for name in self.running(step, 2 if step == "stretch" else 1):
                self.hands[-1].finish(name)

    def ended(self, job: Job) -> Job:
        return self.dispatcher.wait(lambda: self.store.job(job.job_id), 20)

    def episode(self, recording: Path) -> str:
        job = self.discover(recording)
        self.do("discover")
        (episode,) = (self.ended(job).result or {})["episodes"]
        return str(episode["episode_id"])


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.01)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "library")
    yield desk
    desk.close()


WHOLE = ("prepare", "stretch", "merge")


def test_two_jobs_share_a_task_and_the_cancel_of_one_leaves_it_to_the_other(desk: Desk, tone: Path):
    one, other = desk.discover(tone), desk.discover(tone)
    (attempt,) = desk.running("discover")
    until(lambda: desk.store.job(other.job_id).status is Status.RUNNING)
    desk.dispatcher.cancel(one.job_id, "cancelled")
    assert desk.ended(one).status is Status.CANCELLED
    assert desk.running("discover") == [attempt]
    desk.do("discover")
    assert desk.ended(other).status is Status.COMPLETED


def test_a_second_job_on_an_episode_waits_and_then_finds_the_work_done(desk: Desk, tone: Path):
    episode_id = desk.episode(tone)
    first, second = desk.process(episode_id), desk.process(episode_id)
    desk.do("prepare")
    desk.running("stretch", 2)
    assert desk.look(second).status is Status.QUEUED
    desk.do("stretch", "merge")
    assert desk.ended(first).status is desk.ended(second).status is Status.COMPLETED
    assert desk.hands[-1].running == {}
    assert list((desk.library.root / "artefacts/prepared").iterdir()) == []


def test_the_most_urgent_job_starts_first_and_the_others_say_how_many_are_before_them(
    tmp_path: Path, tone: Path
):
    desk = Desk(tmp_path / "library", parallel=1)
    episode_id = desk.episode(tone)
    first = desk.process(episode_id)
    desk.running("prepare")
    second, urgent = desk.process(episode_id), desk.process(episode_id, priority=5)
    until(lambda: desk.look(second).waits_for == "waiting for a slot: 1 job before it")
    assert desk.look(urgent).waits_for == "next to start"
    desk.do(*WHOLE)
    order = [desk.ended(job).finished_at for job in (first, urgent, second)]
    assert order == sorted(order, key=str)
    desk.close()


def test_a_job_waits_for_the_one_it_depends_on(desk: Desk, tone: Path, silence: Path):
    first = desk.process(desk.episode(tone))
    later = desk.discover(silence)
    desk.running("prepare")
    dependent = desk._adopt(JobType.DISCOVER, None, later.params, depends_on=first.job_id)
    until(lambda: desk.look(dependent).waits_for == f"waiting for job {first.job_id}")
    desk.do("discover")
    assert desk.ended(later).status is Status.COMPLETED
    assert desk.look(dependent).status is Status.QUEUED
    desk.do(*WHOLE)
    assert desk.ended(dependent).status is Status.COMPLETED


def test_a_job_whose_dependency_failed_fails_with_it(desk: Desk, tone: Path):
    first = desk.process(desk.episode(tone))
    dependent = desk.process("nonesuch", depends_on=first.job_id)
    after = desk.process("nonesuch", depends_on=dependent.job_id)
    desk.hands[-1].fail(desk.running("prepare")[0], "no sound")
    for job, cause in ((dependent, first), (after, dependent)):
        failure = desk.ended(job).failure
        assert failure
        assert (failure.kind, cause.job_id in failure.reason) == ("DependencyFailed", True)


def test_nothing_starts_in_a_maintenance_window_and_the_job_says_until_when(tmp_path: Path, tone: Path):
    day = Window.parse("daily 00:00-24:00")
    desk = Desk(tmp_path / "library", windows=(day,))
    job = desk.discover(tone)
    until(lambda: (desk.look(job).waits_for or "").startswith("maintenance window until"))
    assert desk.hands == []
    desk.dispatcher.cancel(job.job_id, "cancelled")
    assert desk.ended(job).status is Status.CANCELLED
    desk.close()


def test_nothing_starts_on_a_disk_that_is_nearly_full(tmp_path: Path, tone: Path):
    desk = Desk(tmp_path / "library", min_free=1 << 60)
    job = desk.discover(tone)
    until(lambda: "`min_free_gb`" in (desk.look(job).waits_for or ""))
    assert desk.hands == []
    desk.close()


def test_a_stage_has_no_more_tasks_at_once_than_its_limit(tmp_path: Path, tone: Path):
    desk = Desk(tmp_path / "library", limits={StageName.TRANSCRIBED: 1})
    job = desk.process(desk.episode(tone))
    desk.do("prepare")
    for _ in range(2):
        desk.hands[-1].finish(desk.running("stretch", 1)[0])
        until(lambda: not any(task.part.get("index") == 0 for task, _ in desk.hands[-1].running.values()))
    desk.do("merge")
    assert desk.ended(job).status is Status.COMPLETED
    desk.close()


def test_a_job_that_runs_for_too_long_fails_and_leaves_nothing_running(tmp_path: Path, tone: Path):
    desk = Desk(tmp_path / "library", timeout=0.5)
    job = desk.discover(tone)
    failure = desk.ended(job).failure
    assert failure
    assert (failure.kind, failure.transient) == ("Timeout", True)
    assert desk.hands[-1].running == {}
    desk.close()


def test_the_time_that_a_job_may_run_does_not_count_what_it_waits(tmp_path: Path, tone: Path):
    limits = {StageName.TRANSCRIBED: 0}
    desk = Desk(tmp_path / "library", timeout=0.6, limits=limits)
    job = desk.process(desk.episode(tone))
    until(lambda: desk.look(job).waits_for == "limit of 0 at a time in the stage transcribed")
    time.sleep(1.5)
    assert desk.store.job(job.job_id).status is Status.RUNNING
    limits[StageName.TRANSCRIBED] = 1
    failure = desk.ended(job).failure
    assert failure
    assert failure.kind == "Timeout"
    desk.close()


def test_a_task_that_the_cluster_does_not_take_is_tried_again(desk: Desk, tone: Path):
    episode_id = desk.episode(tone)
    (hand,) = desk.hands
    take, refused = hand.start, []

    def refuse_once(task: Task, attempt: Path) -> None:
        if not refused:
            refused.append(attempt)
            raise OSError("the line is dead")
        take(task, attempt)

    hand.start = refuse_once  # type: ignore[method-assign]
    job = desk.process(episode_id)
    desk.do(*WHOLE)
    assert desk.ended(job).status is Status.COMPLETED
    assert not refused[0].exists()
    (failed,) = [line for line in desk.store.log_of(job.job_id) if line["kind"] == "attempt failed"]
    assert "the line is dead" in failed["body"]["failure"]


def test_every_change_of_a_job_is_told_in_order_and_ends_with_its_end(desk: Desk, tone: Path):
    job = desk.process(desk.episode(tone))
    desk.do(*WHOLE)
    desk.ended(job)
    until(lambda: desk.changes[-1].status is Status.COMPLETED)
    told = [change for change in desk.changes if change.job_id == job.job_id]
    assert [told[0].status, told[-1].status] == [Status.QUEUED, Status.COMPLETED]
    assert [change.progress for change in told] == sorted(change.progress for change in told)


def test_only_the_task_that_asks_the_language_model_gets_its_key(desk: Desk, tone: Path):
    desk.process(desk.episode(tone), target="enriched")
    assert desk.task(desk.running("prepare")[0]).api_key is None
    desk.do(*WHOLE)
    assert desk.task(desk.running("enrich")[0]).api_key == "very-secret"


def test_a_failed_job_keeps_the_progress_that_was_seen(desk: Desk, tone: Path):
    job = desk.process(desk.episode(tone))
    (attempt,) = desk.running("prepare")
    desk.hands[-1].on_progress(attempt, 0.8)
    until(lambda: desk.look(job).progress > 1)
    seen = desk.look(job).progress
    desk.hands[-1].fail(attempt, "no sound")
    ended = desk.ended(job)
    assert (ended.status, ended.progress) == (Status.FAILED, seen)
    assert ended.failure
    assert tone.name in ended.failure.reason


def test_a_failure_that_may_pass_is_tried_again(desk: Desk, tone: Path):
    job = desk.discover(tone)
    (first,) = desk.running("discover")
    desk.hands[-1].fail(first, "no answer", transient=True)
    (second,) = desk.running("discover")
    assert second != first
    desk.do("discover")
    assert desk.ended(job).status is Status.COMPLETED
    assert [line["kind"] for line in desk.store.log_of(job.job_id)].count("attempt failed") == 1


def test_a_job_without_a_scheduler_says_so_and_goes_on_when_it_is_back(desk: Desk, tone: Path):
    job = desk.discover(tone)
    (attempt,) = desk.running("discover")
    hand = desk.hands[-1]
    hand.slots, hand.waits_for = 0, "waiting for the scheduler at tcp://127.0.0.1:8786"
    hand.fail(attempt, "the scheduler was lost", transient=True)
    until(lambda: desk.look(job).message == hand.waits_for)
    hand.slots, hand.waits_for = 4, None
    desk.do("discover")
    assert desk.ended(job).status is Status.COMPLETED


def test_nobody_waits_for_a_job_when_the_database_cannot_be_written(tmp_path: Path, tone: Path):
    desk = Desk(tmp_path / "library")
    job = desk.discover(tone)
    desk.running("discover")
    desk.store.close()
    desk.do("discover")
    with pytest.raises(LibraryBroken, match="no job can go on: the library is closed"):
        desk.dispatcher.wait(lambda: job, 20)
    assert desk.hands[-1].running == {}
    desk.close()


def test_a_closed_dispatcher_leaves_its_jobs_open_and_no_attempt_behind(tmp_path: Path, tone: Path):
    desk = Desk(tmp_path / "library")
    job = desk.discover(tone)
    desk.running("discover")
    desk.dispatcher.close()
    assert desk.store.job(job.job_id).status is Status.RUNNING
    assert list((desk.library.root / "attempts").iterdir()) == []
    desk.close()


def test_a_late_end_of_a_stopped_attempt_publishes_nothing(desk: Desk, tone: Path):
    job = desk.discover(tone)
    (attempt,) = desk.running("discover")
    on_end = desk.hands[-1].on_end
    desk.dispatcher.cancel(job.job_id, "cancelled")
    desk.ended(job)
    on_end(Outcome(attempt=attempt))
    other = desk.discover(tone)
    assert desk.running("discover") != [attempt]
    desk.do("discover")
    assert desk.ended(other).status is Status.COMPLETED
    assert desk.ended(job).status is Status.CANCELLED
