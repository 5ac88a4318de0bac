"""How long a task's report of its progress takes to those who follow the job live.

    python -m tests.benchmarks.live [--readers 20] [--seconds 30]

A real `workbench serve` on loopback with a Dask scheduler and a worker, in processes of their own, a job,
and 20 readers of its server-sent events. In place of its own work the task reports 20 times a second and
writes down when (a preload of the worker sees to that); all that follows upon a report is the product's.
The product tells ten reports a second of those: one that it leaves out has come when a reader hears of that
progress or more. Counted is every report at every reader, by the one clock of this machine.
"""

import argparse
import bisect
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from tests.benchmarks.serving import Server, an_episode, percentile, served, told

P99 = 0.250  # seconds
REPORT_EVERY = 0.05  # seconds
LAST = 0.9
"""The share at which the task stops to report."""
FILE, LASTS = "BENCHMARK_REPORTS", "BENCHMARK_SECONDS"

type Told = tuple[float, float]
"""When, and how far: a share where it is reported, a percentage where it is read."""


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        reports = Path(folder) / "reports"
        episode_id = an_episode(Path(folder) / "library", Path(folder))
        variables = {FILE: str(reports), LASTS: str(arguments.seconds)}
        with (
            _cluster(Path(folder), variables) as address,
            served(Path(folder) / "library", scheduler=address, model="tiny.en") as server,
        ):
            job = server.ask("POST", f"/async/episodes/{episode_id}/process", {})
            read = _read(server, job["job_id"], arguments.readers, arguments.seconds + 3)
            made = [(float(at), float(share)) for at, share in map(str.split, reports.open())]
    assert len(made) > arguments.seconds, "the task has hardly reported"
    took = [late for reader in read for late in _late(made, reader)]
    print(f"{len(made)} reports, {len(read)} readers, {sum(map(len, read)) / len(read):.0f} events each")
    print(f"median {statistics.median(took) * 1e3:.1f} ms, most {max(took) * 1e3:.1f} ms")
    p99 = percentile(took, 0.99)
    return int(not told("from a report to a reader, p99", p99 * 1e3, P99 * 1e3, "ms", p99 <= P99))


def dask_setup(worker: object) -> None:
    """Called by Dask in the worker: its tasks report from now on, and do nothing else."""
    from workbench import worker as ours

    ours.stages = SimpleNamespace(run=_report)  # type: ignore[assignment]


def _report(task: object, attempt: Path, report: Callable[[float], None]) -> None:
    seconds = float(os.environ[LASTS])
    number = int(seconds / REPORT_EVERY)
    with Path(os.environ[FILE]).open("a", buffering=1) as file:
        for each in range(1, number + 1):
            time.sleep(REPORT_EVERY if each < number else 1)  # the last one is told for certain
            file.write(f"{time.monotonic()} {LAST * each / number}\n")
            report(LAST * each / number)
    while True:
        time.sleep(1)


def _read(server: Server, job_id: str, readers: int, seconds: float) -> list[list[Told]]:
    """What each reader was told, and when, until the job is cancelled after `seconds`."""
    heard: list[list[tuple[float, bytes]]] = [[] for _ in range(readers)]
    threads = [threading.Thread(target=_follow, args=(server, job_id, each)) for each in heard]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.ask("DELETE", f"/async/jobs/{job_id}")
    for thread in threads:
        thread.join()
    return [
        [
            (at, json.loads(line.removeprefix(b"data: "))["progress"])
            for at, part in each
            for line in part.splitlines()
            if line.startswith(b"data: ")
        ]
        for each in heard
    ]


def _follow(server: Server, job_id: str, heard: list[tuple[float, bytes]]) -> None:
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(server.request("GET", f"/async/jobs/{job_id}/events"))
        while part := connection.recv(1 << 16):
            heard.append((time.monotonic(), part))
            if part.endswith(b"0\r\n\r\n"):  # the end of the stream
                return


def _late(made: list[Told], read: list[Told]) -> Iterator[float]:
    """How long after each report a reader knew of that much progress or more."""
    percents = [percent for _, percent in read]
    per_share = (percents[-1] - percents[0]) / LAST  # of the one task that runs: from its start to its last
    assert per_share > 0, "the reader heard of no progress"
    for at, share in made:
        place = bisect.bisect_left(percents, percents[0] + per_share * share - 1e-6)
        yield read[place][0] - at


@contextmanager
def _cluster(folder: Path, variables: dict[str, str]) -> Iterator[str]:
    """A scheduler and a worker; the scheduler's address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    host, port = address.split(":")
    worker = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
    commands = [
        ["scheduler", "--host", host, "--port", port, "--no-dashboard"],
        ["worker", f"tcp://{address}", *worker, "--preload", "tests.benchmarks.live"],
    ]
    environment = os.environ | variables | {"PYTHONPATH": str(Path.cwd())}
    started = [
        subprocess.Popen([sys.executable, "-m", "dask", *each], env=environment, stderr=subprocess.DEVNULL)
        for each in commands
    ]
    try:
        yield f"tcp://{address}"
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30, help="how long the task reports")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
