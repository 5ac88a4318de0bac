"""A server with 10,000 jobs in its queue: submits, looks, lists, and the memory that the queue takes.

    python -m tests.benchmarks.queue [--jobs 10000] [--seconds 30]

A real `workbench serve` on loopback, with a maintenance window so that nothing starts. The jobs are
submitted over REST: the processing of one generated episode, each with a webhook address of its own, since
the same request twice is the same job.

- Submits: 50 a second on a fixed timetable, each counted from the moment at which it was due.
- Looks: `GET /async/jobs/{id}` for all queued jobs in random order, against a route that does nothing
  (`async`, an empty JSON object, the first of the routing table) in the same application behind the same
  guard; eight connections, rounds in turn, and the ratio of the medians. Beside them a job that is asked
  for again and again, as those who follow one do.
- Lists: pages of 50, the newest, by status, from a cursor in the middle, and both; the p99 of each.
- Memory: the server's resident memory after every 1,000 jobs; ten times the jobs may take 8 % more. What is
  kept of a job is its line in the queue, how it looks, without what it was asked for (which jobs share) or
  anything of its past, of 20,000 the least recent go; and its rows, which DuckDB keeps in its buffers.
"""

import argparse
import itertools
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from tests.benchmarks.serving import Server, an_episode, percentile, rate, served, told
from workbench.settings import load_settings

SUBMIT_P99 = 0.050  # seconds
PER_SECOND = 50
LOOK = 0.60  # of the requests a second of the empty route
PAGE_P99 = 0.050  # seconds
PER_JOB = 1500  # bytes of memory for each after the first 1,000
GROWTH = 1.08  # of the memory with the first 1,000
STEP = 1000  # jobs
ROUNDS = 7


def main() -> int:
    arguments = _arguments()
    if arguments.serve:
        return _serve()
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        episode_id = an_episode(library, Path(folder))
        settings = {
            "maintenance_windows": closed_now(),
            "webhook_allow": "127.0.0.1:9",
            "rate_limit_per_minute": "10000000",
            "model": "tiny.en",
        }
        with served(library, ("tests.benchmarks.queue", "--serve"), **settings) as server:
            kept = _all(Bench(server, episode_id), arguments.jobs, arguments.seconds)
    return int(not kept)


class Bench:
    """Asks the server for jobs, each of them another."""

    def __init__(self, server: Server, episode_id: str) -> None:
        self.server = server
        self.job_ids: list[str] = []
        self._path = f"/async/episodes/{episode_id}/process"
        self._number = itertools.count()
        self._local = threading.local()

    def submit(self) -> None:
        if not hasattr(self._local, "connection"):
            self._local.connection = self.server.connect()
        body = {"webhook_url": f"http://127.0.0.1:9/{next(self._number)}"}
        accepted = self._local.connection.ask(self.server.request("POST", self._path, body))
        self.job_ids.append(accepted["job_id"])


def _all(bench: Bench, jobs: int, seconds: float) -> bool:
    kept = [_memory(bench, jobs), _submits(bench, seconds), _looks(bench, seconds), _lists(bench)]
    stats = bench.server.ask("GET", "/async/stats")
    print(f"at the end {stats['queued']} jobs are queued, {stats['running']} run")
    return all(kept) and stats["queued"] == len(set(bench.job_ids))


def _memory(bench: Bench, jobs: int) -> bool:
    """Fill the queue, and look at the server's memory on the way."""
    process, seen = psutil.Process(bench.server.pid), []
    with ThreadPoolExecutor(8) as pool:
        for _ in range(0, jobs, STEP):
            list(pool.map(lambda _: bench.submit(), range(STEP)))
            time.sleep(1)
            seen.append(process.memory_info().rss)
            print(f"{len(bench.job_ids):6d} jobs: {seen[-1] / 1e6:6.1f} MB resident", flush=True)
    at = [STEP * (number + 1) for number in range(len(seen))]
    slope = statistics.linear_regression(at, seen).slope if len(seen) > 1 else 0.0
    small = told("memory of a queued job", slope, PER_JOB, "bytes", slope <= PER_JOB)
    growth = seen[-1] / seen[0]
    return told(f"memory, of that with {STEP} jobs", growth, GROWTH, "×", growth <= GROWTH) and small


def _submits(bench: Bench, seconds: float) -> bool:
    took: list[float] = []
    submits: list[Future[None]] = []
    started = time.perf_counter() + 0.5

    def submit(due: float) -> None:
        bench.submit()
        took.append(time.perf_counter() - due)

    with ThreadPoolExecutor(16) as pool:
        for number in range(int(seconds * PER_SECOND)):
            due = started + number / PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            submits.append(pool.submit(submit, due))
    for each in submits:
        each.result()  # raises what went wrong
    p99 = percentile(took, 0.99)
    print(f"submit: median {statistics.median(took) * 1e3:.1f} ms, most {max(took) * 1e3:.1f} ms")
    return told("submit, p99", p99 * 1e3, SUBMIT_P99 * 1e3, "ms", p99 <= SUBMIT_P99)


def _looks(bench: Bench, seconds: float) -> bool:
    server = bench.server
    every = [server.request("GET", f"/async/jobs/{job_id}") for job_id in bench.job_ids]
    random.Random(3).shuffle(every)
    asked = {"empty": [server.request("GET", "/async/empty")], "any job": every, "one job": every[:1]}
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        for name, requests in asked.items():
            found[name].append(rate(server, requests, seconds / ROUNDS / len(asked)))
    middle = {name: statistics.median(rates) for name, rates in found.items()}
    print("; ".join(f"{name}: {per_second:.0f} requests a second" for name, per_second in middle.items()))
    share = {name: middle[name] / middle["empty"] for name in ("any job", "one job")}
    kept = [told(f"{name}, of the empty route", each, LOOK, "", each >= LOOK) for name, each in share.items()]
    return all(kept)


def _lists(bench: Bench) -> bool:
    half = f"cursor={sorted(bench.job_ids)[len(bench.job_ids) // 2]}"
    kept = []
    for wanted in ("", "status=queued", half, f"status=queued&{half}", "status=completed"):
        request = bench.server.request("GET", f"/async/jobs?limit=50&{wanted}")
        with bench.server.connect() as connection:
            p99 = percentile(_timed(lambda: connection.ask(request), 100), 0.99)  # noqa: B023 - called here
        name = f"page of 50 ({wanted[:32] or 'newest'}), p99"
        kept.append(told(name, p99 * 1e3, PAGE_P99 * 1e3, "ms", p99 <= PAGE_P99))
    return all(kept)


def _timed(do: Callable[[], object], times: int) -> Sequence[float]:
    took = []
    for _ in range(times):
        started = time.perf_counter()
        do()
        took.append(time.perf_counter() - started)
    return took


def closed_now() -> str:
    """A maintenance window that began an hour ago and goes on for twenty."""
    now = datetime.now(UTC)
    return f"daily {now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=20):%H:%M}"


def _serve() -> int:
    """What `workbench serve` does, with one route more."""
    from fastapi import Response

    from apps import server
    from apps.rest import jobs

    async def empty() -> Response:
        return Response(b"{}", media_type="application/json")

    jobs.routes.add_api_route("/empty", empty)
    jobs.routes.routes.insert(0, jobs.routes.routes.pop())
    server.serve(load_settings())
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30, help="how long to submit, and to look")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
