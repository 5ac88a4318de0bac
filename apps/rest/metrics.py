"""Metrics for Prometheus: what is counted while the server runs, and how the library stands when it is asked.

One registry for each server, so that two in one process do not share counts. Names are in `apps/grafana`.
"""

import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import (
    CONTENT_TYPE_PLAIN_1_0_0,
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench.figures import Figures
from workbench.jobs import Job, JobType, Status, now
from workbench.uploads import Upload
from workbench.workbench import Workbench

_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_ANSWERED = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LASTED = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800)
_FOLD_AFTER = 500
"""Changes of jobs; some thousands are kept, and none may be missed between two looks."""
_ANSWER, _REFUSED = "workbench.answer", "refused"
_OUTCOMES = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Meter:
    """Counts what one server does."""

    def __init__(self, bench: Workbench, unfinished_bytes: Callable[[], int]) -> None:
        """`unfinished_bytes`: what the uploads under way will have when they are whole."""
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        build = Info("workbench_build", "The version that runs.", registry=registry)
        version = metadata.version("episode-workbench")
        build.info({"version": version, "python": platform.python_version()})
        self._requests = Counter(
            "workbench_http_requests",
            "Answered requests; `route` is `refused` where none was asked.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "workbench_http_request_seconds",
            "Time until an answer began; of pages, until they were there.",
            ("method", "route"),
            buckets=_ANSWERED,
            registry=registry,
        )
        self._uploads = Counter("workbench_uploads", "Recordings that came whole.", registry=registry)
        self._upload_bytes = Counter("workbench_upload_bytes", "Their bytes.", registry=registry)
        registry.register(_Ends(bench))
        registry.register(_Stand(bench, unfinished_bytes))

    @property
    def routes(self) -> APIRouter:
        """GET /metrics."""
        routes = APIRouter(tags=["system"])

        @routes.get("/metrics", response_class=PlainTextResponse)
        def metrics() -> Response:
            """Everything that is counted, in the text format of Prometheus."""
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_PLAIN_1_0_0)

        return routes

    def came(self, upload: Upload) -> None:
        """Count an upload that has come whole."""
        self._uploads.inc()
        self._upload_bytes.inc(upload.length)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The whole server, its guard too, with every request counted; needs `Routed` inside."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, answer = time.perf_counter(), Answer()

            async def counted(message: Message) -> None:
                starts = message["type"] == "http.response.start"
                if starts:
                    answer.status = message["status"]
                if _ends(message) if answer.is_ahead else starts:
                    self._count(scope["method"], answer, time.perf_counter() - began)
                await send(message)

            await app({**scope, _ANSWER: answer}, receive, counted)

        return measured

    def _count(self, method: str, answer: "Answer", seconds: float) -> None:
        known = method if method in _METHODS else "other"
        self._requests.labels(known, answer.route, str(answer.status)).inc()
        self._seconds.labels(known, answer.route).observe(seconds)


@dataclass
class Answer:
    """What `Meter.around` counts of an answer."""

    route: str = _REFUSED
    status: int = 0
    is_ahead: bool = False
    """Whether it began before anything was known of how it ends; it is counted then."""


def answer_of(scope: Scope) -> Answer:
    """What is counted of the answer to a request, for those within the app who know more of it."""
    return scope.get(_ANSWER) or Answer()


def _ends(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)


class Routed:
    """Tells `Meter.around`, from within the app, which route answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = answer_of(scope)
                if answer.route == _REFUSED:  # the innermost that answers knows best
                    answer.route = getattr(scope.get("route"), "path", "unknown")
            await send(message)

        await self._app(scope, receive, told)


class _Ends(Collector):
    """How long jobs waited and ran, from the changes that all readers follow."""

    def __init__(self, bench: Workbench) -> None:
        self._changes = bench.changes
        self._number = self._changes.number
        self._unread = 0
        self._last: dict[str, None] = {}
        self._door = threading.Lock()
        self._ran = Histogram(
            "workbench_job_duration_seconds",
            "From the start of a job to its end; 0 where it ended before it could start.",
            ("job_type", "outcome"),
            buckets=_LASTED,
            registry=None,
        )
        self._waited = Histogram(
            "workbench_job_wait_seconds",
            "From the request for a job to its start.",
            ("job_type",),
            buckets=_LASTED,
            registry=None,
        )
        for job_type in JobType:  # from 0 on: of a series that begins at 1, rate() never sees the first end
            self._waited.labels(job_type.value)
            for outcome in _OUTCOMES:
                self._ran.labels(job_type.value, outcome.value)
        self._changes.listen(self._changed)

    def collect(self) -> Iterable[Metric]:
        self._fold()
        return [*self._ran.collect(), *self._waited.collect()]

    def _changed(self) -> None:
        """Called for every change: nearly always it only counts."""
        self._unread += 1
        if self._unread >= _FOLD_AFTER:
            self._fold()

    def _fold(self) -> None:
        with self._door:
            self._unread = 0
            number = self._changes.number
            changed = self._changes.since(self._number) or []
            self._number = max([number, *(at for at, _ in changed)])
            for _, job in changed:
                if job.ended and job.job_id not in self._last:
                    self._observe(job)

    def _observe(self, job: Job) -> None:
        self._last[job.job_id] = None  # an end can be told twice
        while len(self._last) > 4 * _FOLD_AFTER:
            del self._last[next(iter(self._last))]
        ran = 0.0  # cancelled in the queue, or what it depends on failed: an end all the same
        if job.started_at and job.finished_at:
            ran = (job.finished_at - job.started_at).total_seconds()
            waited = (job.started_at - job.created_at).total_seconds()
            self._waited.labels(job.job_type.value).observe(waited)
        self._ran.labels(job.job_type.value, job.status.value).observe(ran)


class _Stand(Collector):
    """How the library stands at the moment it is asked."""

    def __init__(self, bench: Workbench, unfinished_bytes: Callable[[], int]) -> None:
        self._bench = bench
        self._unfinished_bytes = unfinished_bytes

    def collect(self) -> Iterator[Metric]:
        figures = self._bench.insight.figures()
        yield from _of_jobs(figures)
        yield from _of_deliveries(figures)
        tasks = SummaryMetricFamily(
            "workbench_task_seconds", "How long finished tasks kept their workers.", labels=["stage"]
        )
        for stage, (count, seconds) in figures.tasks.items():
            tasks.add_metric([stage], count, seconds)
        yield tasks
        bench = self._bench
        yield _gauge("workbench_tasks_running", "Tasks that run now.", bench.running)
        yield _gauge(
            "workbench_task_slots", "Tasks that can run at once; 0 before the first one.", bench.slots
        )
        yield _gauge(
            "workbench_paused", "1 while nothing may start: maintenance, a full disk.", bool(bench.pause())
        )
        etas = [job.eta_seconds for job in bench.jobs(Status.RUNNING) if job.eta_seconds is not None]
        if etas:
            yield _gauge(
                "workbench_running_eta_seconds", "Until the last of the running jobs ends.", max(etas)
            )
        yield _gauge(
            "workbench_uploads_unfinished_bytes",
            "What uploads under way will have.",
            self._unfinished_bytes(),
        )
        free = shutil.disk_usage(bench.settings.library).free
        yield _gauge("workbench_disk_free_bytes", "Free on the library's disk.", free)


def _of_jobs(figures: Figures) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("workbench_jobs", "Jobs that are kept.", labels=["job_type", "status"])
    for job_type in JobType:
        for status in Status:  # a series that is always there can be alerted on
            jobs.add_metric([job_type, status], figures.jobs.get((job_type, status), 0))
    yield jobs
    waiting = sum(count for (_, status), count in figures.jobs.items() if status == Status.QUEUED)
    yield _gauge("workbench_queue_length", "Jobs that wait.", waiting)
    age = _age(figures.queued_since)
    yield _gauge("workbench_queue_oldest_seconds", "For how long the oldest of them has waited.", age)


def _of_deliveries(figures: Figures) -> Iterator[Metric]:
    kept = GaugeMetricFamily("workbench_deliveries", "Messages that are kept.", labels=["kind", "state"])
    for kind in ("webhook", "mail"):
        for state in ("pending", "delivered", "dead"):
            kept.add_metric([kind, state], figures.deliveries.get((kind, state), 0))
    yield kept
    age = _age(figures.pending_since)
    yield _gauge("workbench_outbox_oldest_seconds", "Age of the oldest message that has not arrived.", age)


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)


def _age(since: datetime | None) -> float:
    return (now() - since).total_seconds() if since else 0.0
