"""The only module that talks to Dask: tasks go out as plain data, progress and outcomes come back.

Dask keeps no state and cannot stop running code, so nothing is left to it: no retries, no stealing, no
queue on a worker. An attempt is stopped by removing its folder: see `workbench.worker`. A scheduler that is
lost is looked for until it answers again; what ran there ends as an attempt that does not count.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
from distributed import Client, Future, LocalCluster, get_worker
from distributed.comm import core as comms
from distributed.utils import LoopRunner

from pipeline import heap, stages
from pipeline.model import Seconds, Share
from pipeline.task import Task
from workbench import worker
from workbench.errors import BadSetting
from workbench.jobs import UNREACHED, Outcome
from workbench.workers import DASHBOARD, ClusterState, WorkerState

TOPIC = _PACKAGE = "episode-workbench"
_SAME_VERSIONS = ("dask", "distributed", "msgpack", "cloudpickle")
_HERE = "127.0.0.1"
_LISTENERS = "distributed.scheduler.dashboard.bokeh-application.allow_websocket_origin"
_LOOK_EVERY: Seconds = 0.5
_ANSWER_WITHIN: Seconds = 5.0
WORKER_ENVIRONMENT = {
    # Dask has workers give freed memory back at once, and the speech model then spends a third of its time
    # on page faults. Both have to be set: glibc stops adapting the one when the other is given.
    "MALLOC_TRIM_THRESHOLD_": str(heap.KEPT),
    "MALLOC_MMAP_THRESHOLD_": str(heap.MAPPED_FROM),
    "MALLOC_ARENA_MAX": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""What a worker's memory is kept by; the C library reads it when the process starts."""
_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.admin.tick.limit": "60s",
    # what Dask watches itself by took a sixteenth of a worker's time, and half of this process's
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.worker.daemon": True,
    "distributed.worker.preload": ["workbench.worker_start"],
    **{f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in WORKER_ENVIRONMENT.items()},
}


@dataclass
class _Running:
    future: Future[Any]
    stopped: bool = False


class Cluster:
    """Workers, on this machine or elsewhere, that do tasks.

    `on_progress(attempt, share)` and `on_end(outcome)` are called from Dask's own thread: they must be
    quick and may not call back.
    """

    def __init__(
        self,
        address: str,
        on_progress: Callable[[str, Share], None],
        on_end: Callable[[Outcome], None],
        own: LocalCluster | None = None,
        patient: bool = False,
    ) -> None:
        """Join the scheduler at `address`; if `patient`, as soon as it answers, without waiting for that."""
        self.address = address
        self.client: Client | None = None
        self._on_progress = on_progress
        self._on_end = on_end
        self._own = own
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._scheduler_id = ""
        self._threads = 0
        self._closing = threading.Event()
        self._dashboard_lock, self._has_dashboard = threading.Lock(), False
        if not patient:
            self._look()
        self._looker = threading.Thread(target=self._look_on, name="cluster", daemon=True)
        self._looker.start()

    @property
    def slots(self) -> int:
        """How many tasks can run at once, as of the last second; 0 while there is no worker."""
        return self._threads if self._is_joined else 0

    @property
    def waits_for(self) -> str | None:
        """What keeps every task from starting, in words; None when nothing does."""
        if not self._is_joined:
            return f"waiting for the scheduler at {self.address}"
        return None if self._threads else f"waiting for a worker to join the scheduler at {self.address}"

    def start(self, task: Task, attempt: Path) -> None:
        """Run `task` in the folder `attempt`."""
        name = attempt.name
        with self._lock:
            future = self._submit(task, attempt)
            if future:
                self._running[name] = _Running(future)
        if not future:
            self._on_end(_unreached(name))
            return
        future.add_done_callback(lambda done: self._end(name, done))
        if task.step == "prepare" and self._own:
            threading.Thread(target=self._load_speech_model, args=(task,), daemon=True).start()

    def stop(self, attempt: str) -> None:
        """The attempt's folder is gone, and with it the worker's reason to go on: its end is no news."""
        with self._lock:
            if running := self._running.get(attempt):
                running.stopped = True

    def close(self) -> None:
        """End the own workers at once; a cluster that was joined is left as it is."""
        self._closing.set()
        self._looker.join()
        with self._lock:
            futures = [running.future for running in self._running.values()]
            self._running.clear()
        if self.client:
            with suppress(Exception):  # the scheduler may be gone this very moment
                self.client.cancel(futures)
            self.client.close(timeout=2)
        if self._own:
            self._own.close(timeout=5)

    def trouble(self) -> str | None:
        """What keeps this cluster from doing tasks, in one sentence; None when nothing does."""
        if not self.client:
            return "no scheduler answers there"
        seen: Any = self.client.get_versions()
        if not seen["workers"]:
            command = f"dask worker {self.address} --nthreads 1 --memory-limit 0"
            return f"it has no workers: start one with `{command}`"
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

    def state(self) -> ClusterState | None:
        """The workers as they are now; None when the scheduler does not answer."""
        client = self.client
        seen = _identity(client, workers=-1) if client else None
        if seen is None:
            return None
        workers = tuple(sorted(map(_worker, seen["workers"].values()), key=lambda worker: worker.name))
        elsewhere = None if self._own else _dashboard_of(self.address, seen["services"])
        return ClusterState(workers=workers, is_own=bool(self._own), dashboard=elsewhere)

    def dashboard(self) -> str | None:
        """Where Dask's dashboard answers on this machine; None for a cluster that is not our own.

        The first call starts it, which takes seconds: what is drawn with has to be loaded.
        """
        if not (own := self._own):
            return None
        from distributed.dashboard import scheduler as dashboard

        known: Any = own.scheduler
        here = f"{_HERE}:{known.http_server.port}"

        async def attach() -> None:
            with dask.config.set({_LISTENERS: [here]}):  # the pages of any site otherwise
                dashboard.connect(known.http_application, known.http_server, known, prefix=DASHBOARD)

        with self._dashboard_lock:
            if not self._has_dashboard:
                own.sync(attach)
                self._has_dashboard = True
        return f"http://{here}"

    @property
    def _is_joined(self) -> bool:
        client = self.client
        return client is not None and client.status == "running"

    def _look_on(self) -> None:
        while not self._closing.wait(_LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        """Join the scheduler, if need be; count its workers; leave it when it is gone or is another one."""
        client = self.client = self.client or self._joined()
        if not client:
            return
        seen = _identity(client)
        if client.status != "running" or (seen and seen["id"] != self._scheduler_id):
            self._leave(client)
        else:
            self._threads = seen["total_threads"] if seen else 0

    def _joined(self) -> Client | None:
        try:
            with dask.config.set(_CONFIG):
                if not self._own:
                    LoopRunner().run_sync(_greet, self.address)
                client = Client(self.address, timeout=_ANSWER_WITHIN, set_as_default=False)
        except OSError:
            return None
        seen = _identity(client)
        if not seen:
            client.close(timeout=1)
            return None
        self._scheduler_id = seen["id"]
        client.subscribe_topic(TOPIC, self._hear)
        return client

    def _leave(self, client: Client) -> None:
        """Dask's own way to join again would forget whom to tell of progress."""
        with self._lock:
            self.client = None
            names = list(self._running)
        for name in names:
            self._finish(_unreached(name))
        with suppress(Exception):  # it is gone
            client.close(timeout=1)

    def _submit(self, task: Task, attempt: Path) -> Future[Any] | None:
        if not (client := self.client):
            return None
        plain, key = task.model_dump(mode="json"), f"{task.step}-{attempt.name}"  # Dask's dashboard shows it
        try:
            return client.submit(work, plain, str(attempt), key=key, pure=False, retries=0)
        except Exception:  # noqa: BLE001 - Dask raises all sorts once the connection is lost
            return None

    def _load_speech_model(self, task: Task) -> None:
        """While one worker decodes the sound, all of them load the model that will hear it."""
        with suppress(Exception):  # a worker that has not loaded it does so when it needs it
            self.client.run(stages.load_speech_model, task.options, task.threads)  # type: ignore[union-attr]

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        _, told = event
        self._on_progress(told["attempt"], told["share"])

    def _end(self, name: str, future: Future[Any]) -> None:
        outcome = worker.lost(name)
        if future.status == "cancelled":
            self._threads = 0  # until it is known whether it is the same scheduler that answers
            outcome = _unreached(name)
        elif future.status == "finished":
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
            self._on_end(_stopped(outcome.attempt) if known.stopped else outcome)


def connect(
    scheduler: str | None,
    workers: int,
    environment: dict[str, str],
    on_progress: Callable[[str, Share], None],
    on_end: Callable[[Outcome], None],
    *,
    patient: bool = False,
) -> Cluster:
    """The cluster at `scheduler`, or one of our own with `workers` processes.

    Raises BadSetting when no scheduler answers at that address, unless `patient`.
    """
    if scheduler is None:
        own = _own(workers, environment)
        return Cluster(own.scheduler_address, on_progress, on_end, own)
    cluster = Cluster(scheduler, on_progress, on_end, patient=patient)
    if not cluster.client and not patient:
        cluster.close()
        raise BadSetting(
            f"setting `scheduler`: no Dask scheduler answers at {scheduler}; start one or leave it out"
        )
    return cluster


def _own(workers: int, environment: dict[str, str]) -> LocalCluster:
    with dask.config.set(_CONFIG), _deaf_to_ctrl_c():
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=None,
            # its status port, which is 8787 otherwise, with a warning when that is taken; the dashboard takes
            # a second to load, and starts when somebody asks for it
            scheduler_kwargs={"dashboard_address": f"{_HERE}:0", "http_prefix": DASHBOARD},
            silence_logs="ERROR",
            env=environment,
        )


async def _greet(address: str) -> None:
    """Raises OSError when no scheduler answers.

    Asked before there is a client: one that finds nobody leaves a thread and three open files behind.
    """
    greeted = await comms.connect(address, timeout=_ANSWER_WITHIN)
    await greeted.close()


def _identity(client: Client, workers: int = 0) -> dict[str, Any] | None:
    """What the scheduler says of itself and of so many workers (-1: all); None when it does not answer."""
    try:
        scheduler: Any = client.scheduler
        said = client.sync(scheduler.identity, n_workers=workers, callback_timeout=_ANSWER_WITHIN)
    except Exception:  # noqa: BLE001 - Dask raises all sorts once the connection is lost
        return None
    return dict(said)


def _worker(seen: dict[str, Any]) -> WorkerState:
    told = seen["metrics"]
    return WorkerState(
        name=str(seen["name"]),
        tasks=told.get("task_counts", {}).get("executing", 0),
        memory_bytes=told.get("memory", 0),
        memory_limit_bytes=seen["memory_limit"] or None,
        cpu_percent=told.get("cpu", 0.0),
    )


def _dashboard_of(scheduler: str, services: dict[str, int]) -> str | None:
    """The address of another's dashboard, by what its scheduler says; whether it answers, nobody knows."""
    port, host = services.get("dashboard"), urlsplit(scheduler).hostname
    return f"http://{f'[{host}]' if ':' in (host or '') else host}:{port}/status" if port and host else None


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
    dask_worker = get_worker()

    def tell(share: Share) -> None:
        dask_worker.log_event(TOPIC, {"attempt": folder.name, "share": share})

    return worker.do(Task.model_validate(plain), folder, tell)


def _stopped(name: str) -> Outcome:
    return Outcome(attempt=name, failure="it was stopped", kind="Cancelled")


def _unreached(name: str) -> Outcome:
    return Outcome(attempt=name, failure="the scheduler was lost", kind=UNREACHED, transient=True)


def _versions(node: dict[str, Any]) -> dict[str, str]:
    """Of what must be the same everywhere; of Python only 3.x, since its patches are compatible."""
    packages = node["packages"]
    python = ".".join(packages["python"].split(".")[:2])
    return {"python": python} | {name: packages[name] for name in _SAME_VERSIONS}
