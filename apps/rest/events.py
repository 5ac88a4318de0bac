"""Live changes as server-sent events: the present look of each job that changes, the latest once.

An event's id is `<epoch>-<number>`. A client that comes back with it in `Last-Event-ID` goes on there; one
that was away for too long, or before a restart, first gets all open jobs anew.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from apps.rest.depends import Bench, base_of, sees_folders
from apps.rest.shapes import job_json
from workbench.jobs import Job
from workbench.workbench import Workbench

routes = APIRouter(prefix="/async", tags=["events"])

type LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)]

_PING_EVERY = 15.0
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


type _Found = Sequence[tuple[int | None, Job]]


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


class Event(NamedTuple):
    """A change of a job."""

    id: str | None
    """Where to go on after it; None where others of the same look are still to come."""
    data: str
    """The job as JSON."""


@routes.get("/jobs/{job_id}/events", response_class=EventStream, responses={204: {}})
async def of_job(bench: Bench, job_id: str, request: Request, last: LastEventId = None) -> Response:
    """The changes of one job, from its present look to its end, with which the stream ends.

    204 for who asks again after the end, as a browser does: it asks no more then.
    """
    await asyncio.to_thread(bench.job, job_id)
    if _has_heard_the_end(bench, job_id, last):
        return Response(status_code=204)
    return EventStream(_lines(follow(bench, request, job_id, last)), headers=_HEADERS)


@routes.get("/events", response_class=EventStream)
async def of_all(bench: Bench, request: Request, last: LastEventId = None) -> EventStream:
    """The changes of all jobs."""
    return EventStream(_lines(follow(bench, request, None, last)), headers=_HEADERS)


def follow(
    bench: Workbench, connection: HTTPConnection, job_id: str | None, last: str | None
) -> AsyncGenerator[Event | None]:
    """The changes of one job or of all, after the event `last`, for one client, over whatever they go.

    None comes every 15 seconds while nothing happens.
    """
    return _Reader(bench, connection, job_id).follow(last)


async def _lines(events: AsyncGenerator[Event | None]) -> AsyncIterator[str]:
    """Comments in between keep the connection open."""
    async with aclosing(events):
        yield "retry: 3000\n\n"
        async for event in events:
            if event:
                place = f"id: {event.id}\n" if event.id else ""
                yield f"{place}event: job\ndata: {event.data}\n\n"
            else:
                yield ": still here\n\n"


def _wake(loop: asyncio.AbstractEventLoop, news: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the server has just been stopped
        loop.call_soon_threadsafe(news.set)


def _number(bench: Workbench, last: str | None) -> int | None:
    """Of the event `last`; None for one of before a restart."""
    epoch, _, number = (last or "").partition("-")
    if epoch != bench.changes.epoch or not (number.isascii() and number.isdecimal()):
        return None
    return int(number)


def _has_heard_the_end(bench: Workbench, job_id: str, last: str | None) -> bool:
    """Whether the event `last` was a job's end, or came after it."""
    number = _number(bench, last)
    end = None if number is None else bench.changes.end_of(job_id)
    return number is not None and end is not None and end <= number


class _Reader:
    """One client that follows changes."""

    def __init__(self, bench: Workbench, connection: HTTPConnection, job_id: str | None) -> None:
        self._bench = bench
        self._base = base_of(connection)
        self._full = sees_folders(connection)
        self._job_id = job_id

    async def follow(self, last: str | None) -> AsyncGenerator[Event | None]:
        changes, news = self._bench.changes, asyncio.Event()
        loop = asyncio.get_running_loop()
        stop = changes.listen(lambda: _wake(loop, news))
        try:
            number = self._start(last)
            while True:
                news.clear()
                found: _Found | None = None if number is None else changes.since(number)
                if found is None:
                    number, jobs = changes.number, await asyncio.to_thread(self._present)
                    # who leaves in the middle of it sees all of it again, not only what changed since
                    found = [*((None, job) for job in jobs[:-1]), *((number, job) for job in jobs[-1:])]
                for at, job in found:
                    number = number if at is None else at
                    if self._job_id in (None, job.job_id):
                        yield self._event(at, job)
                        if self._job_id and job.ended:
                            return
                if not await _comes(news):
                    yield None
        finally:
            stop()

    def _start(self, last: str | None) -> int | None:
        """After which change to go on; None to begin with the present look."""
        if self._job_id and _has_heard_the_end(self._bench, self._job_id, last):
            return None  # there will be no other change
        return _number(self._bench, last)

    def _present(self) -> list[Job]:
        if self._job_id:
            return [self._bench.job(self._job_id)]
        return self._bench.open_jobs()

    def _event(self, number: int | None, job: Job) -> Event:
        content = job_json(job, self._base, full=self._full).decode()
        return Event(None if number is None else f"{self._bench.changes.epoch}-{number}", content)


async def _comes(news: asyncio.Event) -> bool:
    """Whether something happens before it is time to say that we are still here."""
    try:
        await asyncio.wait_for(news.wait(), _PING_EVERY)
    except TimeoutError:
        return False
    return True
