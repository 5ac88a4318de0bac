"""The runner against a real Dask cluster of two worker processes."""

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from pipeline import manifest
from pipeline.model import StageName
from pipeline.task import Task
from workbench import runner
from workbench.errors import BadSetting
from workbench.jobs import CLAIMED, UNREACHED, Outcome
from workbench.library import Library
from workbench.runner import Cluster, connect

ROOT = Path(__file__).parent.parent.parent


class Watcher:
    """Hears what the cluster says."""

    def __init__(self) -> None:
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self.shares: list[float] = []

    def outcome(self) -> Outcome:
        return self.outcomes.get(timeout=60)


@pytest.fixture(scope="module")
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture(scope="module")
def cluster(watcher: Watcher) -> Iterator[Cluster]:
    cluster = connect(
        None, 2, {}, lambda _, share: watcher.shares.append(share), lambda end: watcher.outcomes.put(end)
    )
    yield cluster
    cluster.close()


class External:
    """A scheduler and a worker in processes of their own, as somebody starts them on other machines."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._port = server.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self._port}"
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        here = ["--host", "127.0.0.1", "--port", str(self._port), "--no-dashboard"]
        self._run("scheduler", *here)
        local = ["--nthreads", "1", "--memory-limit", "0", "--no-dashboard", "--host", "127.0.0.1"]
        self._run("worker", self.address, *local, "--local-directory", str(self._folder))

    def kill(self) -> None:
        """End all at once, without a word."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
        self._processes.clear()

    def _run(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "dask", *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._processes.append(subprocess.Popen(command, env=environment, start_new_session=True, **quiet))


@pytest.fixture
def external(tmp_path: Path) -> Iterator[External]:
    external = External(tmp_path)
    yield external
    external.kill()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def _examine(recording: Path) -> Task:
    return Task(
        stage=StageName.DISCOVERED,
        step="discover",
        name="examining",
        inputs={"recording": str(recording)},
        options={},
        outputs={"source": "k"},
        media_seconds=1,
        share=1,
    )


def _endless(tmp_path: Path) -> Task:
    """Examining a recording so long that it does not end before it is stopped."""
    big = tmp_path / "big.wav"
    with wave.open(str(big), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(bytes(32_000))
    with big.open("r+b") as file:
        file.truncate(200 << 30)  # sparse: it takes no room on the disk
    return _examine(big)


def test_a_task_ends_with_its_artefact_in_the_attempts_folder(
    cluster: Cluster, watcher: Watcher, library: Library, tone: Path
):
    attempt = library.new_attempt(_examine(tone))
    cluster.start(_examine(tone), attempt)
    assert watcher.outcome() == Outcome(attempt=attempt.name)
    assert manifest.read(attempt)
    (artefact,) = map(Path, library.publish(_examine(tone), attempt))
    assert {path.name for path in artefact.iterdir()} == {"source.json", manifest.NAME}


def test_an_attempt_that_another_worker_is_at_is_left_to_it(
    cluster: Cluster, watcher: Watcher, library: Library, tone: Path
):
    attempt = library.new_attempt(_examine(tone))
    (attempt / CLAIMED).mkdir()
    cluster.start(_examine(tone), attempt)
    assert watcher.outcome().kind == "Lost"
    assert not (attempt / "source.json").exists()


def test_a_recording_that_cannot_be_read_is_an_outcome_with_a_sentence(
    cluster: Cluster, watcher: Watcher, library: Library, tmp_path: Path
):
    (tmp_path / "text.mp4").write_text("this is no recording")
    attempt = library.new_attempt(_examine(tmp_path / "text.mp4"))
    cluster.start(_examine(tmp_path / "text.mp4"), attempt)
    outcome = watcher.outcome()
    assert outcome.kind == "UnreadableMedia"
    assert "text.mp4" in (outcome.failure or "")
    assert not outcome.transient


def test_a_worker_that_does_not_see_the_library_says_so(
    cluster: Cluster, watcher: Watcher, tmp_path: Path, tone: Path
):
    cluster.start(_examine(tone), tmp_path / "elsewhere")
    outcome = watcher.outcome()
    assert (outcome.kind, outcome.transient) == ("Unseen", True)
    assert f"does not see {tmp_path / 'elsewhere'}" in (outcome.failure or "")


def test_a_task_whose_attempt_is_gone_stops(
    cluster: Cluster, watcher: Watcher, library: Library, tmp_path: Path
):
    attempt = library.new_attempt(_endless(tmp_path))
    cluster.start(_endless(tmp_path), attempt)
    time.sleep(1)
    library.discard(attempt)
    cluster.stop(attempt.name)
    started = time.monotonic()
    assert watcher.outcome().kind == "Cancelled"
    assert time.monotonic() - started < 5


def test_a_killed_worker_is_a_lost_attempt_and_the_next_task_runs(
    cluster: Cluster, watcher: Watcher, library: Library, tmp_path: Path, tone: Path
):
    attempt = library.new_attempt(_endless(tmp_path))
    cluster.start(_endless(tmp_path), attempt)
    time.sleep(1)
    for pid in cluster.client.run(_pid).values():
        psutil.Process(pid).kill()
    outcome = watcher.outcome()
    assert (outcome.kind, outcome.transient) == ("Lost", True)
    library.discard(attempt)
    again = library.new_attempt(_examine(tone))
    cluster.start(_examine(tone), again)
    assert watcher.outcome() == Outcome(attempt=again.name)


def test_a_scheduler_that_does_not_answer_names_the_setting():
    with pytest.raises(BadSetting, match=r"setting `scheduler`.*127\.0\.0\.1:9"):
        connect("tcp://127.0.0.1:9", 1, {}, lambda *_: None, lambda _: None)


def test_a_scheduler_that_is_lost_is_found_again_and_costs_no_try(
    external: External, library: Library, tmp_path: Path, tone: Path
):
    watcher = Watcher()
    external.start()
    cluster = connect(
        external.address, 1, {}, lambda _, share: watcher.shares.append(share), watcher.outcomes.put
    )
    try:
        _until(lambda: cluster.slots == 1)
        attempt = library.new_attempt(_endless(tmp_path))
        cluster.start(_endless(tmp_path), attempt)
        _until(lambda: bool(watcher.shares))
        external.kill()
        assert watcher.outcome().kind == UNREACHED
        assert (cluster.slots, cluster.waits_for) == (0, f"waiting for the scheduler at {external.address}")
        library.discard(attempt)
        watcher.shares.clear()
        external.start()
        _until(lambda: cluster.slots == 1)
        again = library.new_attempt(_examine(tone))
        cluster.start(_examine(tone), again)
        assert watcher.outcome() == Outcome(attempt=again.name)
        assert watcher.shares
    finally:
        cluster.close()


def test_looking_for_a_scheduler_again_and_again_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "_ANSWER_WITHIN", 0.1)
    monkeypatch.setattr(runner, "_LOOK_EVERY", 0.05)
    cluster = connect("tcp://127.0.0.1:9", 1, {}, lambda *_: None, lambda _: None, patient=True)
    try:
        time.sleep(1)
        process = psutil.Process()
        threads, files = process.num_threads(), process.num_fds()
        time.sleep(2)
        assert process.num_threads() <= threads + 1  # that of the look that is going on
        assert process.num_fds() <= files + 5
    finally:
        cluster.close()


def test_whoever_is_patient_waits_for_a_scheduler_that_is_not_there_yet(external: External):
    cluster = connect(external.address, 1, {}, lambda *_: None, lambda _: None, patient=True)
    try:
        assert cluster.waits_for == f"waiting for the scheduler at {external.address}"
        external.start()
        _until(lambda: cluster.slots == 1)
        assert cluster.waits_for is None
    finally:
        cluster.close()


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc that is told what to keep")
def test_workers_keep_small_blocks_for_speed_until_the_next_task_and_big_ones_never(
    cluster: Cluster, watcher: Watcher, library: Library, tone: Path
):
    assert all(grown < 8 << 20 for grown in cluster.client.run(_grown_by, 8, 16 << 20).values())
    kept = cluster.client.run(_grown_by, 64, 1 << 20)
    assert all(grown > 32 << 20 for grown in kept.values())
    before = sum(cluster.client.run(_resident).values())
    attempt = library.new_attempt(_examine(tone))
    cluster.start(_examine(tone), attempt)
    assert watcher.outcome().failure is None
    assert sum(cluster.client.run(_resident).values()) < before - (24 << 20)


def test_another_ones_cluster_tells_its_workers_and_where_its_dashboard_would_be_and_none_of_ours_is_started(
    external: External,
):
    external.start()
    cluster = connect(external.address, 1, {}, lambda *_: None, lambda _: None)
    try:
        _until(lambda: cluster.slots == 1)
        state = cluster.state()
        assert state
        assert (len(state.workers), state.is_own) == (1, False)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/status", state.dashboard or "")
        assert cluster.dashboard() is None
        external.kill()
        _until(lambda: cluster.state() is None)
    finally:
        cluster.close()


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _grown_by(count: int, size: int) -> int:
    """How many bytes more this process holds after it has used and freed `count` blocks of `size` bytes."""
    import ctypes

    import numpy as np

    ctypes.CDLL(None).malloc_trim(0)
    before = _resident()
    blocks = [np.ones(size, np.uint8) for _ in range(count)]
    blocks.clear()
    return _resident() - before


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _pid() -> int:
    import os

    return os.getpid()


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="there is no priority to set on this system")
def test_workers_of_our_own_leave_the_server_the_first_turn(cluster: Cluster):
    client = cluster.client
    assert client is not None
    found = client.run(lambda: os.getpriority(os.PRIO_PROCESS, 0))
    assert set(found.values()) == {os.getpriority(os.PRIO_PROCESS, 0) + 5}
