"""The dispatcher when the disk fails it for a moment: no job ends by that, and none is forgotten."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import manifest
from tests.workbench.test_dispatcher import CONTENT, Desk, until
from tests.workbench.test_dispatcher import desk as desk
from workbench.jobs import Outcome, Status, now

resource = pytest.importorskip("resource", reason="only POSIX limits the size of files")
_A_MOMENT = 2.0  # seconds: some turns of the dispatcher


@contextmanager
def _full_disk() -> Iterator[None]:
    """No file of this process can grow; the system says so as it does of a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handled)


def _failing_once(real: Callable[..., Any]) -> Callable[..., Any]:
    calls: list[bool] = []

    def do(*arguments: Any, **more: Any) -> Any:
        calls.append(True)
        if len(calls) == 1:
            raise duckdb.IOException("no space left on device")
        return real(*arguments, **more)

    return do


def test_a_job_whose_turn_comes_while_the_disk_is_full_starts_once_there_is_room(desk: Desk, tone: Path):
    episode_id = desk.episode(tone)
    desk.dispatcher._events.put(lambda: time.sleep(0.5))  # it is submitted before the disk is full
    job = desk.process(episode_id)
    with _full_disk():
        time.sleep(_A_MOMENT)
        assert desk.store.job(job.job_id).status is Status.QUEUED
    desk.do("prepare", "stretch", "merge")
    assert desk.ended(job).status is Status.COMPLETED


def test_a_job_that_has_done_all_while_the_disk_was_full_ends_and_the_next_one_starts(desk: Desk, tone: Path):
    episode_id = desk.episode(tone)
    job, following = desk.process(episode_id), desk.process(episode_id)
    desk.do("prepare", "stretch")
    (name,) = desk.running("merge")
    task, attempt = desk.hands[-1].running.pop(name)
    file, text = CONTENT["transcript"]
    (attempt / file).write_text(text)
    manifest.write(attempt, task, "transcript", 0.0)
    with _full_disk():
        desk.hands[-1].on_end(Outcome(attempt=name))
        time.sleep(_A_MOMENT)
        assert desk.store.job(job.job_id).status is Status.RUNNING
    assert desk.ended(job).status is Status.COMPLETED
    assert desk.ended(following).status is Status.COMPLETED
    assert desk.hands[-1].running == {}  # nothing of it was done again


def test_a_line_of_progress_that_cannot_be_written_fails_no_job(
    desk: Desk, tone: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(desk.store, "progress", _failing_once(desk.store.progress))
    job = desk.process(desk.episode(tone))
    desk.running("prepare")
    until(lambda: desk.store.job(job.job_id).message != "")
    assert desk.store.job(job.job_id).status is Status.RUNNING


def test_a_cancel_that_could_not_be_written_at_first_is_carried_out_all_the_same(
    desk: Desk, tone: Path, monkeypatch: pytest.MonkeyPatch
):
    job = desk.process(desk.episode(tone))
    desk.running("prepare")
    monkeypatch.setattr(desk.store, "end", _failing_once(desk.store.end))
    desk.dispatcher.cancel(job.job_id, "cancelled")
    assert desk.ended(job).status is Status.CANCELLED


def test_a_job_is_told_that_the_one_it_depends_on_failed_even_if_not_at_once(
    desk: Desk, tone: Path, monkeypatch: pytest.MonkeyPatch
):
    first = desk.process(desk.episode(tone))
    following = desk.process("nonesuch", depends_on=first.job_id)
    desk.running("prepare")
    until(lambda: desk.look(following).waits_for == f"waiting for job {first.job_id}")
    spoil = desk.dispatcher._spoil
    monkeypatch.setattr(desk.dispatcher, "_spoil", _failing_once(spoil))
    desk.dispatcher.cancel(first.job_id, "cancelled")
    failed = desk.ended(following)
    assert (failed.status, failed.failure and failed.failure.kind) == (Status.FAILED, "DependencyFailed")


def test_a_cancel_that_was_accepted_right_before_the_end_is_done_by_the_next_process(
    tmp_path: Path, tone: Path
):
    desk = Desk(tmp_path / "library")
    job = desk.process(desk.episode(tone))
    desk.running("prepare")
    desk.dispatcher._events.put(lambda: time.sleep(0.5))  # a slow turn, such as the start of a cluster
    desk.dispatcher.cancel(job.job_id, "cancelled")
    desk.close()
    desk = Desk(tmp_path / "library")
    desk.store.requeue_running()
    desk.dispatcher.adopt(desk.store.job(job.job_id))
    try:
        assert desk.ended(job).status is Status.CANCELLED
        assert desk.hands == []
    finally:
        desk.close()


def test_a_task_that_finds_no_folder_to_work_in_is_tried_again(
    desk: Desk, tone: Path, monkeypatch: pytest.MonkeyPatch
):
    episode_id = desk.episode(tone)
    real, places = desk.library.attempt_at, iter([tmp := desk.library.root / "gone" / "attempt"])
    monkeypatch.setattr(desk.library, "attempt_at", lambda task: next(places, None) or real(task))
    job = desk.process(episode_id)
    desk.do("prepare", "stretch", "merge")
    assert desk.ended(job).status is Status.COMPLETED
    assert not tmp.exists()
    assert "attempt failed" in [line["kind"] for line in desk.store.log_of(job.job_id)]


def test_forced_work_is_done_once_even_when_the_clock_is_set_back(
    desk: Desk, tone: Path, monkeypatch: pytest.MonkeyPatch
):
    job = desk.process(desk.episode(tone), force=True)
    desk.running("prepare")
    real = time.time
    monkeypatch.setattr("workbench.library.time.time", lambda: real() - 3600)
    monkeypatch.setattr("workbench.work.now", lambda: now() - timedelta(hours=1))
    desk.do("prepare")  # what is published in the moment of the change is made again
    desk.do("prepare", "stretch", "merge")
    assert desk.ended(job).status is Status.COMPLETED
