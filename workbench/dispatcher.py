"""Runs jobs: one thread that decides what starts when, and the only one that changes a running job.

It holds no state worth keeping. What is left of a job is read from the library each time something has
happened, so a restart goes on where the last process was stopped.
"""

import queue
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import PipelineError
from pipeline.model import Seconds, Share, StageName
from pipeline.task import Task
from workbench import estimate
from workbench.errors import LibraryBroken, NotAllowed, WorkbenchError
from workbench.jobs import Failure, Job, Outcome, Status
from workbench.library import Library
from workbench.store import Store
from workbench.work import Agenda, Work, work_of

if TYPE_CHECKING:
    from workbench.runner import Cluster

MAX_ATTEMPTS = 3
_RETRY_AFTER: Seconds = 1.0
"""Wait before the second attempt; doubled for each further one."""
_TICK: Seconds = 0.5
_WRITE_EVERY: Seconds = 1.0


class Connect(Protocol):
    """Makes the cluster when the first task needs it."""

    def __call__(
        self, on_progress: Callable[[str, Share], None], on_end: Callable[[Outcome], None]
    ) -> "Cluster": ...


@dataclass(frozen=True)
class Live:
    """What a running job looks like at this moment."""

    progress: float
    stage: StageName
    message: str
    eta_seconds: Seconds | None


@dataclass
class _Attempt:
    task: Task
    folder: Path
    share: Share = 0.0


@dataclass
class _Active:
    """A job that is being worked on."""

    job: Job
    work: Work
    agenda: Agenda
    started: float = field(default_factory=time.monotonic)
    stage_started: float = field(default_factory=time.monotonic)
    stage_fresh: bool = False
    first_percent: float | None = None
    written_at: float = 0.0
    written: Live | None = None
    live: Live | None = None


class Dispatcher:
    """Works on the jobs that it is given until each has ended."""

    def __init__(self, store: Store, library: Library, connect: Connect, threads: int, api_key: str | None):
        self._store = store
        self._library = library
        self._connect = connect
        self._threads = threads
        self._api_key = api_key
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._active: dict[str, _Active] = {}
        self._attempts: dict[str, _Attempt] = {}
        self._tries: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._cluster: Cluster | None = None
        self._rates = estimate.Rates(store.durations())
        self._closing = False
        self._broken: Exception | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def adopt(self, job: Job) -> None:
        """Work on `job`; a job that is worked on already stays as it is."""
        self._events.put(lambda: self._take_up(job))

    def cancel(self, job_id: str, message: str) -> None:
        """End a job as cancelled, and stop what runs for it alone."""
        self._events.put(lambda: self._drop(job_id, Status.CANCELLED, message))

    def live(self, job_id: str | None = None) -> dict[str, Live]:
        """The present look of the jobs that run, or of that one, by job id."""
        active = [self._active.get(job_id)] if job_id else list(self._active.values())
        return {each.job.job_id: each.live for each in active if each and each.live}

    def wait(self, look: Callable[[], Job], timeout: Seconds | None) -> Job:
        """What `look` shows once the job has ended, or after `timeout` seconds.

        Raises LibraryBroken when no job can go on, such as when the disk of the database is full.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closing or look().ended, timeout)
        job = look()
        if self._broken and not job.ended:
            raise LibraryBroken(
                f"no job can go on: {self._broken}; put that right, and unfinished jobs can be resumed"
            ) from self._broken
        return job

    def close(self) -> None:
        """Stop at once; unfinished jobs stay open in the store and can be taken up again."""
        self._closing = True
        self._events.put(self._wake)
        self._thread.join()

    # -- everything below runs in the dispatcher's own thread

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn()
        except Exception as error:  # noqa: BLE001 - told to everyone who waits
            self._broken = error
        finally:
            self._leave()

    def _turn(self) -> None:
        """Do what has been asked for; once nothing more is, see to the jobs."""
        with suppress(queue.Empty):
            self._events.get(timeout=_TICK)()
            while not self._closing:
                self._events.get_nowait()()
        if not self._closing:
            self._advance()

    def _advance(self) -> None:
        if self._cluster and self._cluster.is_gone:
            self._cluster.abandon()
            self._cluster = None
        for active in list(self._active.values()):
            self._guarded(active, self._start_tasks)
        for active in list(self._active.values()):
            self._guarded(active, self._tell)
        if self._cluster:
            self._cluster.enforce()

    def _guarded(self, active: _Active, do: Callable[[_Active], None]) -> None:
        """An error in one job ends that job, never the dispatcher."""
        try:
            do(active)
        except Exception as error:  # noqa: BLE001 - see above
            self._fail(active.job, error, active.agenda.stage)

    def _fail(self, job: Job, error: Exception, stage: StageName | None = None) -> None:
        reason = f"an error that should not happen: {error!r}"
        if isinstance(error, PipelineError | WorkbenchError):
            reason = str(error)
        elif isinstance(error, OSError) and error.strerror:
            reason = f"the library cannot be written: {error.strerror} ({error.filename or 'no file named'})"
        self._store.log(job.job_id, "error", details="".join(traceback.format_exception(error)))
        failure = Failure(reason=reason, kind=type(error).__name__, stage=stage)
        self._drop(job.job_id, Status.FAILED, reason, failure, stage=stage)

    def _take_up(self, job: Job) -> None:
        if job.job_id in self._active:
            return
        try:
            job = self._store.start(job.job_id)
        except NotAllowed:
            return  # it was cancelled before its turn
        try:
            work = work_of(job, self._library, self._store)
        except Exception as error:  # noqa: BLE001 - an error in one job ends that job
            self._fail(job, error)
            return
        active = _Active(job, work, Agenda(StageName.DISCOVERED, (), 0.0))
        self._active[job.job_id] = active
        self._guarded(active, self._look)

    def _look(self, active: _Active) -> None:
        """Find out what is left of a job; end it when nothing is."""
        before, agenda = active.agenda, active.work.agenda()
        if agenda.stage != before.stage or not agenda.tasks:
            self._measure(active, before)
            active.stage_started, active.stage_fresh = time.monotonic(), agenda.done == 0
        active.agenda = agenda
        self._tidy(active)
        if agenda.tasks:
            return
        result = active.work.result()
        self._drop(active.job.job_id, Status.COMPLETED, "done", result=result, stage=agenda.stage)

    def _tidy(self, active: _Active) -> None:
        """Remove what the job no longer needs, unless another one is at work on the same episode."""
        others = (other.job for other in self._active.values() if other is not active)
        if not any(job.episode_id == active.job.episode_id for job in others):
            for leftover in active.agenda.leftovers:
                self._library.remove(leftover)

    def _measure(self, active: _Active, finished: Agenda) -> None:
        """Remember how long a stage took that this process did from its beginning."""
        usual = active.work.usual[finished.stage]
        if active.stage_fresh and finished.tasks and usual and self._cluster:
            wall = time.monotonic() - active.stage_started
            what = (finished.stage, active.work.model, self._cluster.slots, usual)
            self._store.add_duration(*what, wall)

    def _start_tasks(self, active: _Active) -> None:
        running = {attempt.task.key for attempt in self._attempts.values()}
        for task in active.agenda.tasks:
            if task.key in running or self._not_before.get(task.key, 0) > time.monotonic():
                continue
            if not self._cluster:
                self._cluster = self._connect(self._on_progress, self._on_end)
            if len(self._attempts) >= self._cluster.slots:
                return
            folder = self._library.new_attempt(task)
            self._attempts[folder.name] = _Attempt(task, folder)
            api_key = self._api_key if task.stage is StageName.ENRICHED else None
            extra = {"threads": self._threads, "api_key": api_key}
            self._cluster.start(task.model_copy(update=extra), folder)

    def _on_progress(self, attempt: str, share: Share) -> None:
        self._events.put(lambda: self._progressed(attempt, share))

    def _on_end(self, outcome: Outcome) -> None:
        self._events.put(lambda: self._ended(outcome))

    def _progressed(self, name: str, share: Share) -> None:
        if attempt := self._attempts.get(name):
            attempt.share = max(attempt.share, share)

    def _ended(self, outcome: Outcome) -> None:
        attempt = self._attempts.pop(outcome.attempt, None)
        if not attempt:
            return  # nobody waits for it any more: it must not be published
        if outcome.failure is None:
            outcome = self._published(attempt, outcome)
        if outcome.failure is not None:
            self._library.discard(attempt.folder)
            self._retry_or_fail(attempt.task, outcome)
        else:
            self._forget_tries(attempt.task)
        for active in list(self._active.values()):
            if any(task.key == attempt.task.key for task in active.agenda.tasks):
                self._guarded(active, self._look)

    def _published(self, attempt: _Attempt, outcome: Outcome) -> Outcome:
        try:
            self._library.publish(attempt.task, attempt.folder)
        except OSError as error:
            reason = f"{attempt.task.name}: the result cannot be put into the library: {error}"
            what = {"failure": reason, "kind": type(error).__name__, "transient": True}
            return outcome.model_copy(update=what)  # a virus scanner lets go of a file after a moment
        return outcome

    def _retry_or_fail(self, task: Task, outcome: Outcome) -> None:
        tries = self._tries[task.key] = self._tries.get(task.key, 0) + 1
        again = outcome.transient and tries < MAX_ATTEMPTS
        if again:
            self._not_before[task.key] = time.monotonic() + _RETRY_AFTER * 2 ** (tries - 1)
        else:
            self._forget_tries(task)
        for active in list(self._active.values()):
            if not any(wanted.key == task.key for wanted in active.agenda.tasks):
                continue
            said = outcome.model_dump(exclude={"attempt", "kind"})
            facts = {"task": task.name, "attempt": tries, "error": outcome.kind, **said}
            self._store.log(active.job.job_id, "attempt failed", **facts)
            if not again and (failure := active.work.failed(task, outcome)):
                self._drop(active.job.job_id, Status.FAILED, failure.reason, failure, stage=failure.stage)

    def _forget_tries(self, task: Task) -> None:
        """A later request for the same work starts with a clean sheet."""
        self._tries.pop(task.key, None)
        self._not_before.pop(task.key, None)

    def _drop(
        self,
        job_id: str,
        status: Status,
        message: str,
        failure: Failure | None = None,
        result: dict[str, object] | None = None,
        stage: StageName | None = None,
    ) -> None:
        """End a job, and stop the attempts that no other job waits for."""
        active = self._active.get(job_id)
        self._stop_unwanted(besides=job_id)
        percent = active.live.progress if active and active.live else 0.0
        with suppress(NotAllowed):  # it may have ended before
            self._store.end(
                job_id,
                status,
                message=message,
                percent=percent,
                stage=stage,
                result=result,
                failure=failure,
            )
        self._active.pop(job_id, None)  # only now: its live look holds until its end can be read
        self._wake()

    def _stop_unwanted(self, besides: str) -> None:
        """Stop the attempts that no job waits for but the one that ends."""
        going_on = (active for active in self._active.values() if active.job.job_id != besides)
        wanted = {task.key for active in going_on for task in active.agenda.tasks}
        for name, attempt in list(self._attempts.items()):
            if attempt.task.key not in wanted:
                self._stop(name)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _stop(self, name: str) -> None:
        attempt = self._attempts.pop(name)
        self._library.discard(attempt.folder)
        if self._cluster:
            self._cluster.stop(name)

    def _tell(self, active: _Active) -> None:
        """Bring the live look of a job up to date; write down what is new, at most once a second."""
        keys = {task.key for task in active.agenda.tasks}
        running = [attempt for attempt in self._attempts.values() if attempt.task.key in keys]
        done = active.agenda.done + sum(attempt.share * attempt.task.share for attempt in running)
        percent = estimate.percent(active.agenda.stage, min(done, 1.0), active.work.target, active.work.usual)
        percent = max(percent, active.live.progress if active.live else active.job.progress)
        message = _message(running)
        eta = self._eta(active, min(done, 1.0), percent)
        active.live = Live(percent, active.agenda.stage, message, eta)
        news = Live(percent, active.agenda.stage, message, None)
        if news != active.written and time.monotonic() - active.written_at >= _WRITE_EVERY:
            active.written, active.written_at = news, time.monotonic()
            self._store.progress(active.job.job_id, percent, active.agenda.stage, message)

    def _eta(self, active: _Active, done: Share, percent: float) -> Seconds | None:
        if active.first_percent is None:
            active.first_percent = percent
        work = active.work
        slots = self._cluster.slots if self._cluster else 0
        left = self._rates.seconds_left(active.agenda.stage, done, work.target, work.usual, work.model, slots)
        if left is not None:
            return left
        elapsed = time.monotonic() - active.started
        return estimate.extrapolated(elapsed, active.first_percent, percent)

    def _leave(self) -> None:
        """Stop whatever runs, and let nobody wait for it."""
        self._closing = True
        for name in list(self._attempts):
            self._library.discard(self._attempts.pop(name).folder)
        try:
            if self._cluster:
                self._cluster.close()
        finally:
            self._active.clear()
            self._wake()


def _message(running: list[_Attempt]) -> str:
    if not running:
        return "waiting for a worker"
    more = f" and {len(running) - 1} more" if len(running) > 1 else ""
    return running[0].task.name + more
