"""From the submit of a job with nothing to do to its end: ours against RQ with a Redis of its own.

    python -m tests.benchmarks.empty_job [--jobs 200]

Needs RQ (the extra `bench`; see README.md) and the program redis-server.

- Ours: a real `workbench serve` on loopback. `POST .../process` for an episode that has reached that stage
  and is current, then `GET /async/jobs/{id}?wait=60`, over one open connection. No worker gets anything to
  do, so it is all of the queue and none of the work; every step is on the disk before it is answered.
- RQ: `Queue.enqueue` of a built-in function, then `Job.latest_result`, which is pushed to who waits. A worker
  as `rq worker` starts it, which forks for every job; Redis with Debian's defaults, which writes to the disk
  from time to time only.

In turn, one job each; the figure is the ratio of the medians. After it, without a promise, the same with
one small task of ours for a Dask worker: the discovery of a new recording of a second, probed and hashed.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.serving import Server, an_episode, served, told

ALLOWED = 2.0


def main() -> int:
    arguments = _arguments()
    if not (shutil.which("redis-server") and _has_rq()):
        print("this needs redis-server and the extra `bench`: see tests/benchmarks/README.md")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        episode_id = an_episode(library, Path(folder))
        settings = {"model": "tiny.en", "workers": "1", "rate_limit_per_minute": "1000000"}
        with _rq(Path(folder)) as queue, served(library, **settings) as server:
            ours = _ours(server, f"/async/episodes/{episode_id}/process", {"target_stage": "discovered"})
            took = _in_turn(ours, lambda: _enqueued(queue), arguments.jobs)
            worked = _in_turn(_discovery(server, Path(folder)), lambda: _enqueued(queue), arguments.jobs)
    _ratio("a small task", worked)
    ratio = _ratio("an empty job", took)
    return int(not told("an empty job, of RQ", ratio, ALLOWED, "×", ratio <= ALLOWED))


def _ratio(name: str, took: tuple[list[float], list[float]]) -> float:
    """Of the medians; printed with how far the times spread."""
    medians = [statistics.median(seconds) for seconds in took]
    for whose, seconds, median in zip(("ours", "RQ"), took, medians, strict=True):
        low, *_, high = (each * 1e3 for each in statistics.quantiles(seconds, n=20))
        print(f"{name}, {whose}: median {median * 1e3:.1f} ms, nine in ten {low:.1f} to {high:.1f} ms")
    print(f"{name}: {medians[0] / medians[1]:.2f} × RQ")
    return medians[0] / medians[1]


def _in_turn(
    ours: Callable[[], None], theirs: Callable[[], None], jobs: int
) -> tuple[list[float], list[float]]:
    """Seconds of each job, after ten that do not count: the first ones start workers."""
    took: tuple[list[float], list[float]] = [], []
    for number in range(jobs + 10):
        for run, seconds in zip((ours, theirs), took, strict=True):
            started = time.perf_counter()
            run()
            if number >= 10:
                seconds.append(time.perf_counter() - started)
    return took


def _ours(server: Server, path: str, body: dict[str, Any]) -> Callable[[], None]:
    connection = server.connect()

    def run() -> None:
        job = connection.ask(server.request("POST", path, body))
        assert not job["deduplicated"], "the job before has not ended"
        ended = connection.ask(server.request("GET", f"/async/jobs/{job['job_id']}?wait=60"))
        assert ended["status"] == "completed", ended

    return run


def _discovery(server: Server, folder: Path) -> Callable[[], None]:
    """Each time of another file: what is known already is nobody's work."""
    numbers = iter(range(1 << 31))

    def run() -> None:
        file = folder / f"recording-{next(numbers)}.wav"
        with wave.open(str(file), "wb") as sound:
            sound.setparams((1, 2, 16000, 0, "NONE", ""))
            sound.writeframes(os.urandom(32000))
        _ours(server, "/async/discover", {"paths": [str(file)]})()

    return run


def _enqueued(queue: Any) -> None:
    result = queue.enqueue(time.time).latest_result(timeout=60)
    assert result, "RQ did not do its job"


@contextmanager
def _rq(folder: Path) -> Iterator[Any]:
    """RQ's queue, with a worker and a Redis that end with it."""
    import redis
    import rq

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    keeps = ["--dir", str(folder), "--bind", "127.0.0.1", "--port", port]
    server = subprocess.Popen(["redis-server", *keeps], stdout=subprocess.DEVNULL)
    connection = redis.Redis(port=int(port))
    url = f"redis://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("rq")), "worker", "--quiet", "--url", url]
    try:
        _answers(connection)
        worker = subprocess.Popen(command)
        try:
            yield rq.Queue(connection=connection)
        finally:
            worker.terminate()
            worker.wait(30)
    finally:
        server.terminate()
        server.wait(30)


def _answers(connection: Any) -> None:
    import redis

    deadline = time.monotonic() + 20
    while True:
        try:
            connection.ping()
            return
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(0.05)


def _has_rq() -> bool:
    try:
        import rq  # noqa: F401
    except ImportError:
        return False
    return True


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
