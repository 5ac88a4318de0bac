"""Runs jobs: one thread that decides what starts when, and the only one that changes a running job.

It holds no state worth keeping. What is left of a job is read from the library each time something has
happened, so a restart goes on where the last process was stopped.
"""

import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial

from pipeline.model import Seconds, Share, StageName
from pipeline.task import Task
from workbench.admission import Queue
from workbench.attempts import Attempts, Connect
from workbench.database import FAULTS
from workbench.errors import LibraryBroken, NotAllowed, NotFound
from workbench.jobs import Failure, Job, Outcome, Request, Status
from workbench.library import Library
from workbench.live import Active, Live, look, reason_of
from workbench.outlook import Outlooks, for_a_slot
from workbench.retries import Retries
from workbench.rules import Rules
from workbench.store import Store
from workbench.work import Agenda, work_of

_LOG = logging.getLogger(__name__)
_TICK: Seconds = 0.5
_WRITE_EVERY: Seconds = 1.0
_FAULTS = 20  # in a row


class Dispatcher:
    """Works on the jobs that it is given until each has ended."""

    def __init__(
        self,
        store: Store,
        library: Library,
        connect: Connect,
        rules: Rules,
        api_key: str | None,
        on_change: Callable[[Job], None] = lambda job: None,
    ):
        self._store = store
        self._library = library
        self._rules = rules
        self._on_change = on_change
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting = Queue()
        self._active: dict[str, Active] = {}
        self._attempts = Attempts(library, connect, rules, api_key, self._on_progress, self._on_end)
        self._retries = Retries()
        self._outlooks = Outlooks(store, rules, self._waiting, self._attempts, self._retries)
        self._closing = False
        self._faults = 0
        self._broken: Exception | None = None
        self._changed = threading.Condition()
        for job_id in store.asked_to_cancel():
            self._stop(job_id, "cancelled")
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def adopt(self, job: Job) -> None:
        """Work on `job` when its turn comes; a job that is known already stays as it is."""
        self._events.put(lambda: self._take_up(job))

    def cancel(self, job_id: str, message: str) -> None:
        """End a job as cancelled, and stop what runs for it alone; after a restart if not before."""
        self._store.ask_cancel(job_id)
        self._stop(job_id, message)

    def _stop(self, job_id: str, message: str) -> None:
        self._events.put(lambda: self._drop(job_id, Status.CANCELLED, message))

    def live(self, job: Job) -> Job:
        """An open job as it looks at this moment."""
        if (active := self._active.get(job.job_id)) and active.live:
            return active.live.of(job)
        if job.job_id in self._waiting:
            return self._outlooks.waiting(job).of(job)
        return job

    def quietly(self, do: Callable[[], None]) -> None:
        """Have `do` done while no job runs and none is started.

        Raises NotAllowed when one runs, LibraryBroken when the dispatcher has ended.
        """
        done: Future[None] = Future()
        self._events.put(lambda: self._quietly(do, done))
        while not wait([done], _TICK).done:
            if not self._thread.is_alive():  # nobody would ever answer
                raise LibraryBroken("the library is being closed, or no job can go on: open it again")
        done.result()

    @property
    def broken(self) -> str | None:
        """Why no job can go on, if none can."""
        return str(self._broken) if self._broken else None

    @property
    def running(self) -> int:
        """How many tasks run now."""
        return len(self._attempts)

    @property
    def slots(self) -> int:
        """How many tasks can run at once; 0 while there is no cluster."""
        return self._attempts.slots

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
            self._hear(self._events.get(timeout=_TICK))
            while not self._closing:
                self._hear(self._events.get_nowait())
        if not self._closing:
            self._safely(self._advance)

    def _hear(self, event: Callable[[], None]) -> None:
        """What could not be written down is heard once more."""
        if not self._safely(event):
            self._events.put(event)

    def _safely(self, do: Callable[[], None]) -> bool:
        """Whether it met no fault, such as a full disk, that may pass; only one that lasts ends all."""
        try:
            do()
        except LibraryBroken:
            raise
        except Exception as error:
            self._faults += 1
            if self._faults > _FAULTS:
                raise
            _LOG.exception("a fault of the dispatcher, which goes on")
            time.sleep(_TICK)
            return not isinstance(error, FAULTS)
        self._faults = 0
        return True

    def _advance(self) -> None:
        for active in list(self._active.values()):
            if active.stale:
                self._guarded(active, self._look)
        self._start_jobs()
        for active in list(self._active.values()):
            self._guarded(active, self._start_tasks)
        self._outlooks.refresh(list(self._active.values()))
        for active in list(self._active.values()):
            self._guarded(active, self._tell)

    def _guarded(self, active: Active, do: Callable[[Active], None]) -> None:
        """An error in one job ends that job, never the dispatcher; a fault of the disk ends no job."""
        try:
            do(active)
        except FAULTS:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            self._fail(active.job, error, active.agenda.stage)

    def _fail(self, job: Job, error: Exception, stage: StageName | None = None) -> None:
        reason = reason_of(error)
        self._store.log(job.job_id, "error", details="".join(traceback.format_exception(error)))
        failure = Failure(reason=reason, kind=type(error).__name__, stage=stage)
        self._drop(job.job_id, Status.FAILED, reason, failure, stage=stage)

    def _quietly(self, do: Callable[[], None], done: Future[None]) -> None:
        try:
            if self._active:
                raise NotAllowed("a job is running: clean up when none is")
            do()
        except Exception as error:  # noqa: BLE001 - it is the caller's
            done.set_exception(error)
        else:
            done.set_result(None)

    def _take_up(self, job: Job) -> None:
        """Put a job into the queue, or see that the one which it depends on has spoilt it."""
        if job.job_id in self._active or job.job_id in self._waiting or self._store.job(job.job_id).ended:
            return
        before = self._dependency(job)
        if before and before.ended and before.status is not Status.COMPLETED:
            self._spoil(job.job_id, before)
            return
        self._waiting.add(job, held=bool(before and not before.ended))
        self._on_change(self.live(job))

    def _dependency(self, job: Job) -> Job | None:
        if not job.depends_on:
            return None
        with suppress(NotFound):  # it has been cleaned up, so it ended long ago
            return self._store.job(job.depends_on)
        return None

    def _spoil(self, job_id: str, before: Job) -> None:
        reason = f"job {before.job_id}, which it depends on, is {before.status}: retry that one first"
        self._drop(job_id, Status.FAILED, reason, Failure(reason=reason, kind="DependencyFailed"))

    def _start_jobs(self) -> None:
        while not self._rules.pause():
            busy = {active.job.episode_id for active in self._active.values()} - {None}
            job_id = self._waiting.next(busy, room=len(busy) < self._rules.parallel)
            if job_id is None:
                return
            self._start_job(job_id)

    def _start_job(self, job_id: str) -> None:
        """It leaves the queue last: whatever fails before, it is in one place or the other."""
        try:
            job = self._store.start(job_id)
            work = work_of(job, self._library, self._store)
        except FAULTS:
            raise
        except NotAllowed:  # it was cancelled before its turn
            self._waiting.remove(job_id)
            return
        except Exception as error:  # noqa: BLE001 - an error in one job ends that job
            self._fail(self._store.job(job_id), error)
            return
        active = Active(job, work, Agenda(StageName.DISCOVERED, (), 0.0))
        self._active[job.job_id] = active
        self._waiting.remove(job_id)
        self._guarded(active, self._look)

    def _look(self, active: Active) -> None:
        """Find out what is left of a job; end it when nothing is."""
        active.agenda = agenda = active.work.agenda()
        self._tidy(active)
        if agenda.tasks:
            active.stale = False
            return
        result, follow = active.work.result(), active.work.follow()
        job_id = active.job.job_id
        for note in result.get("notes", ()):  # before the end: who waited for that may close the library
            self._store.log(job_id, "note", message=note)
        self._drop(job_id, Status.COMPLETED, "done", result=result, stage=agenda.stage, follow=follow)

    def _tidy(self, active: Active) -> None:
        """Remove what the job no longer needs, unless another one is at work on the same episode."""
        others = (other.job for other in self._active.values() if other is not active)
        if not any(job.episode_id == active.job.episode_id for job in others):
            for leftover in active.agenda.leftovers:
                self._library.remove(leftover)

    def _start_tasks(self, active: Active) -> None:
        if not self._outlived(active) and not self._rules.pause():
            self._attempts.start(task for task in active.agenda.tasks if not self._retries.rests(task.key))

    def _outlived(self, active: Active) -> bool:
        """Whether a job was worked on for longer than it may; it is ended then.

        What it waits for, such as a slot, a maintenance window or room on the disk, is not its fault.
        """
        active.count(works=bool(self._attempts.at(active.keys)))
        timeout = self._rules.timeout
        if not timeout or active.worked <= timeout:
            return False
        reason = f"it ran for more than {timeout / 60:g} minutes (setting `job_timeout_minutes`)"
        failure = Failure(reason=reason, kind="Timeout", stage=active.agenda.stage, transient=True)
        self._drop(active.job.job_id, Status.FAILED, reason, failure)
        return True

    def _on_progress(self, attempt: str, share: Share) -> None:
        self._events.put(lambda: self._attempts.heard(attempt, share))

    def _on_end(self, outcome: Outcome) -> None:
        self._events.put(lambda: self._ended(outcome))

    def _ended(self, outcome: Outcome) -> None:
        if not (known := self._attempts.ended(outcome)):
            return
        attempt, outcome = known
        waiting = [each for each in self._active.values() if attempt.task.key in each.keys]
        for active in waiting:
            active.stale = True
        if outcome.failure is not None:
            self._retry_or_fail(attempt.task, outcome)
        else:
            self._retries.forget(attempt.task.key)
            self._outlooks.measured(attempt, waiting)

    def _retry_or_fail(self, task: Task, outcome: Outcome) -> None:
        tries, again = self._retries.failed(task.key, outcome)
        for active in list(self._active.values()):
            if task.key not in active.keys:
                continue
            said = outcome.model_dump(exclude={"attempt", "kind"})
            facts = {"task": task.name, "attempt": tries, "error": outcome.kind, **said}
            self._store.log(active.job.job_id, "attempt failed", **facts)
            if not again and (failure := active.work.failed(task, outcome)):
                self._drop(active.job.job_id, Status.FAILED, failure.reason, failure, stage=failure.stage)

    def _drop(
        self,
        job_id: str,
        status: Status,
        message: str,
        failure: Failure | None = None,
        result: dict[str, object] | None = None,
        stage: StageName | None = None,
        follow: tuple[Request, ...] = (),
    ) -> None:
        """End a job, and stop the attempts that no other job waits for."""
        active = self._active.get(job_id)
        self._stop_unwanted(besides=job_id)
        percent = active.live.progress if active and active.live else 0.0
        what = {"message": message, "percent": percent, "stage": stage, "result": result, "failure": failure}
        with suppress(NotAllowed):  # it may have ended before
            for following in self._store.end(job_id, status, follow=follow, **what):  # type: ignore[arg-type]
                self.adopt(following)
        self._active.pop(job_id, None)  # only now: its live look holds until its end can be read
        self._waiting.remove(job_id)
        ended = self._store.job(job_id)
        for spoilt in self._waiting.release(job_id, completed=ended.status is Status.COMPLETED):
            self._events.put(partial(self._spoil, spoilt, ended))
        self._on_change(ended)
        self._wake()

    def _stop_unwanted(self, besides: str) -> None:
        """Stop and forget the attempts that no job waits for but the one that ends."""
        going_on = (active for active in self._active.values() if active.job.job_id != besides)
        wanted = {key for active in going_on for key in active.keys}
        self._attempts.stop_all_but(wanted)
        self._retries.keep(wanted)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _tell(self, active: Active) -> None:
        """Bring the live look of a job up to date; write down what is new, at most once a second."""
        job_id, running = active.job.job_id, self._attempts.at(active.keys)
        live = self._outlooks.timed(job_id, look(active, running, self._held(active)))
        if live != active.live:
            active.live = live
            self._on_change(live.of(self._store.job(job_id)))
        news = Live(live.progress, live.stage, live.message)
        if news != active.written and time.monotonic() - active.written_at >= _WRITE_EVERY:
            active.written, active.written_at = news, time.monotonic()
            self._store.progress(job_id, live.progress, live.stage, live.message)

    def _held(self, active: Active) -> str | None:
        """Why none of a job's tasks runs, when there is more to say than that it waits for a worker."""
        if reason := self._rules.pause():
            return reason
        if lost := self._attempts.waits_for:
            return lost
        if resting := self._retries.next(active.keys):
            return resting
        if active.agenda.tasks and self._attempts.is_at_limit(stage := active.agenda.tasks[0].stage):
            return f"limit of {self._rules.limits[stage]} at a time in the stage {stage}"
        if len(self._attempts) >= self.slots > 0:
            return for_a_slot(list(self._active).index(active.job.job_id))
        return None

    def _leave(self) -> None:
        """Stop whatever runs, and let nobody wait for it."""
        self._closing = True
        try:
            self._attempts.close()
        finally:
            self._active.clear()
            self._wake()
