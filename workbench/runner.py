"""The only module that talks to Dask: tasks go out as plain data, progress and outcomes come back.

Dask keeps no state and cannot stop running code, so nothing is left to it: no retries, no stealing, no
queue on a worker. An attempt is stopped by removing its folder; a worker that has not noticed after
`STOP_WITHIN` seconds is restarted.
"""

import ctypes
import math
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import metadata
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, get_worker

from pipeline import stages
from pipeline.errors import Cancelled, ModelFailed, PipelineError
from pipeline.model import Seconds, Share
from pipeline.task import Task
from workbench.errors import BadSetting
from workbench.jobs import Outcome

TOPIC = _PACKAGE = "episode-workbench"
_SAME_VERSIONS = ("dask", "distributed", "msgpack", "cloudpickle")
STOP_WITHIN: Seconds = 3.0
_TELL_EVERY: Seconds = 0.25
_CLAIM = ".claimed"
"""An empty folder in an attempt's: some schedulers start a task again whose worker they believe lost."""
_COUNT_EVERY: Seconds = 2.0
_ANSWER_WITHIN: Seconds = 10.0
_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.admin.tick.limit": "60s",
    "distributed.comm.timeouts.connect": "10s",
    "distributed.worker.daemon": True,
    # a terminal sends Ctrl-C to every process: what becomes of a job is for this one to decide
    "distributed.worker.preload": ["import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"],
    # Dask has workers give freed memory back at once, and the speech model then spends a third of its time
    # on page faults (six minutes of speech on a virtual machine: 8.5 s against 2.1 s of system time). Both
    # have to be set: glibc stops adapting the one when the other is given. Blocks from 8 MiB on are mapped
    # each for itself all the same: among the small ones they leave holes, which grew to a third of a process.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 256 << 20,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 8 << 20,
    "distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1,
    "distributed.nanny.pre-spawn-environ.GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


@dataclass
class _Running:
    future: Future[Any]
    stopped_at: float | None = None


@dataclass
class Cluster:
    """Workers, on this machine or elsewhere, that do tasks.

    `on_progress(attempt, share)` and `on_end(outcome)` are called from Dask's own thread: they must be
    quick and may not call back.
    """

    client: Client
    on_progress: Callable[[str, Share], None]
    on_end: Callable[[Outcome], None]
    own: LocalCluster | None = None
    _running: dict[str, _Running] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _slots: int = 0
    _counted_at: float = -math.inf

    def __post_init__(self) -> None:
        self.client.subscribe_topic(TOPIC, self._hear)

    @property
    def slots(self) -> int:
        """How many tasks can run at once, as of the last seconds; 0 while there is no worker."""
        if time.monotonic() - self._counted_at > _COUNT_EVERY:
            self._slots = self._count()
            self._counted_at = time.monotonic()
        return self._slots

    @property
    def is_gone(self) -> bool:
        """Whether the scheduler has not answered for so long that Dask gave it up."""
        return self.client.status == "closed"

    def abandon(self) -> None:
        """The scheduler is gone: every attempt there ends as lost."""
        with self._lock:
            names = list(self._running)
        for name in names:
            self._finish(_lost(name))

    def start(self, task: Task, attempt: Path) -> None:
        """Run `task` in the folder `attempt`."""
        name = attempt.name
        future = self.client.submit(
            work, task.model_dump(mode="json"), str(attempt), key=name, pure=False, retries=0
        )
        with self._lock:
            self._running[name] = _Running(future)
        future.add_done_callback(lambda done: self._end(name, done))
        if task.step == "prepare" and self.own:
            threading.Thread(target=self._load_speech_model, args=(task,), daemon=True).start()

    def _load_speech_model(self, task: Task) -> None:
        """While one worker decodes the sound, all of them load the model that will hear it."""
        with suppress(Exception):  # a worker that has not loaded it does so when it needs it
            self.client.run(stages.load_speech_model, task.options, task.threads)

    def stop(self, attempt: str) -> None:
        """The attempt's folder is gone: see to it that its work ends too."""
        with self._lock:
            running = self._running.get(attempt)
            if running and running.stopped_at is None:
                running.stopped_at = time.monotonic()

    def enforce(self) -> None:
        """Restart the workers that go on with a stopped attempt; to be called about every second."""
        now = time.monotonic()
        with self._lock:
            late = [
                name
                for name, running in self._running.items()
                if running.stopped_at and now - running.stopped_at > STOP_WITHIN
            ]
            for name in late:
                self._running[name].stopped_at = math.inf  # once is enough
        for name in late:
            threading.Thread(target=self._restart_worker_of, args=(name,), daemon=True).start()

    def close(self) -> None:
        """End the own workers at once; a cluster that was joined is left as it is."""
        with self._lock:
            futures = [running.future for running in self._running.values()]
            self._running.clear()
        self.client.cancel(futures)
        self.client.close(timeout=2)
        if self.own:
            self.own.close(timeout=5)

    def trouble(self) -> str | None:
        """What keeps this cluster from doing tasks, in one sentence; None when nothing does."""
        seen: Any = self.client.get_versions()
        if not seen["workers"]:
            return "it has no workers: start one with `dask worker ADDRESS`"
        here = _versions(seen["client"])
        for place, there in {"scheduler": seen["scheduler"], **seen["workers"]}.items():
            for name, theirs in _versions(there).items():
                if theirs != here[name]:
                    return f"{name} is {theirs} at {place} and {here[name]} here: install the same version"
        ours = metadata.version(_PACKAGE)
        for place, theirs in self.client.run(metadata.version, _PACKAGE, on_error="return").items():
            if theirs != ours:
                return f"{_PACKAGE} {ours} is needed at {place}, which has {theirs}"
        return None

    def _count(self) -> int:
        scheduler: Any = self.client.scheduler
        try:
            threads: dict[str, int] = self.client.sync(scheduler.ncores, callback_timeout=_ANSWER_WITHIN)
        except OSError:  # the connection is lost: either it comes back, or `is_gone` will say so
            return 0
        return sum(threads.values())

    def _restart_worker_of(self, name: str) -> None:
        processing = self.client.processing()
        workers = [address for address, keys in processing.items() if name in keys]
        self._finish(_stopped(name))
        if workers:
            self.client.restart_workers(workers, timeout=20, raise_for_error=False)

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        _, told = event
        self.on_progress(told["attempt"], told["share"])

    def _end(self, name: str, future: Future[Any]) -> None:
        outcome = _lost(name)
        if future.status == "finished":
            # the worker may be lost after it was done; and an attempt without an end blocks its job
            with suppress(Exception):
                outcome = Outcome(attempt=name, **future.result(timeout=_ANSWER_WITHIN))
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        """Each attempt ends once, whoever says so first."""
        with self._lock:
            known = self._running.pop(outcome.attempt, None)
        if known:
            known.future.release()
            self.on_end(_stopped(outcome.attempt) if known.stopped_at else outcome)


def connect(
    scheduler: str | None,
    workers: int,
    environment: dict[str, str],
    on_progress: Callable[[str, Share], None],
    on_end: Callable[[Outcome], None],
) -> Cluster:
    """The cluster at `scheduler`, or one of our own with `workers` processes.

    Raises BadSetting when no scheduler answers at that address.
    """
    with dask.config.set(_CONFIG):
        if scheduler is None:
            with _deaf_to_ctrl_c():
                own = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address=None,
                    # its status port, which is 8787 otherwise, with a warning when that is taken
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                    silence_logs="ERROR",
                    env=environment,
                )
            return Cluster(Client(own), on_progress, on_end, own)
        try:
            return Cluster(Client(scheduler, timeout="10s"), on_progress, on_end)
        except OSError as error:
            raise BadSetting(
                f"setting `scheduler`: no Dask scheduler answers at {scheduler}; start one or leave it out"
            ) from error


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started meanwhile, and by threads started meanwhile, never get a Ctrl-C.

    A terminal sends it to all of them, but what becomes of a job is for this process to decide.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows: there the preload does it, a second later
        yield
        return
    resource_tracker.ensure_running()  # its start would clear the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(plain: dict[str, Any], attempt: str) -> dict[str, Any]:
    """Do a task, on a worker. Returns the fields of an Outcome; never raises."""
    folder = Path(attempt)
    try:
        if refused := _refusal(folder):
            return refused
        _give_back_memory()
        stages.run(Task.model_validate(plain), folder, _Reporter(folder))
        (folder / _CLAIM).rmdir()
    except Cancelled:
        return {"failure": "it was stopped", "kind": "Cancelled"}
    except PipelineError as error:
        transient = isinstance(error, ModelFailed)
        return {"failure": str(error), "kind": type(error).__name__, "transient": transient}
    except Exception as error:  # noqa: BLE001 - the edge of the process: every error becomes an outcome
        if not folder.exists():
            return {"failure": "it was stopped", "kind": "Cancelled"}
        return {
            "failure": _unforeseen(error),
            "kind": type(error).__name__,
            "details": traceback.format_exc(),
        }
    return {}


def _give_back_memory() -> None:
    """Return to the system what earlier tasks left free; as `_CONFIG` has it, that would stay."""
    with suppress(AttributeError, OSError, TypeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _stopped(name: str) -> Outcome:
    return Outcome(attempt=name, failure="it was stopped", kind="Cancelled")


def _lost(name: str) -> Outcome:
    reason = (
        "the worker that did it was lost; when that happens again it may have run out of memory: "
        "set fewer `workers` or a smaller `model`"
    )
    return Outcome(attempt=name, failure=reason, kind="Lost", transient=True)


def _refusal(folder: Path) -> dict[str, Any] | None:
    """Claim an attempt; why it cannot be done here, if it cannot."""
    try:
        (folder / _CLAIM).mkdir()
    except FileNotFoundError:
        return _unseen(folder)
    except FileExistsError:
        return _lost(folder.name).model_dump(exclude={"attempt"})
    return None


def _unseen(folder: Path) -> dict[str, Any]:
    """Either the attempt was stopped, and nobody reads this, or the library is not on this machine."""
    return {
        "failure": f"the worker on {socket.gethostname()} does not see {folder}: "
        "the library must be on every worker's machine under the same path",
        "kind": "Unseen",
        "transient": True,
    }


def _unforeseen(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"the system says: {error.strerror} ({error.filename or 'no file named'})"
    return f"an error that should not happen: {type(error).__name__}: {error}"


def _versions(node: dict[str, Any]) -> dict[str, str]:
    """Of what must be the same everywhere; of Python only 3.x, since its patches are compatible."""
    packages = node["packages"]
    python = ".".join(packages["python"].split(".")[:2])
    return {"python": python} | {name: packages[name] for name in _SAME_VERSIONS}


class _Reporter:
    """Tells the app how far a task is, and the task when nobody wants it any more."""

    def __init__(self, attempt: Path) -> None:
        self._attempt = attempt
        self._told = 0.0

    def __call__(self, share: Share) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_EVERY and share < 1:
            return
        self._told = now
        if not self._attempt.exists():
            raise Cancelled
        get_worker().log_event(TOPIC, {"attempt": self._attempt.name, "share": share})
