"""Live changes as server-sent events: the present look of each job that changes, the latest once.

An event's id is `<epoch>-<number>`. A client that comes back with it in `Last-Event-ID` goes on there; one
that was away for too long, or before a restart, first gets all open jobs anew.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from apps.rest.depends import Bench, base_of
from apps.rest.shapes import job_view
from workbench.jobs import Job
from workbench.workbench import Workbench

routes = APIRouter(prefix="/async", tags=["events"])

type LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)]

_PING_EVERY = 15.0
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@routes.get("/jobs/{job_id}/events", response_class=StreamingResponse)
async def of_job(bench: Bench, job_id: str, request: Request, last: LastEventId = None) -> StreamingResponse:
    """The changes of one job, from its present look to its end, with which the stream ends."""
    await asyncio.to_thread(bench.job, job_id)
    return _stream(_Reader(bench, request, job_id).follow(last))


@routes.get("/events", response_class=StreamingResponse)
async def of_all(bench: Bench, request: Request, last: LastEventId = None) -> StreamingResponse:
    """The changes of all jobs."""
    return _stream(_Reader(bench, request, None).follow(last))


def _wake(loop: asyncio.AbstractEventLoop, news: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the server has just been stopped
        loop.call_soon_threadsafe(news.set)


def _stream(content: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(content, media_type="text/event-stream", headers=_HEADERS)


class _Reader:
    """One client that follows changes."""

    def __init__(self, bench: Workbench, request: Request, job_id: str | None) -> None:
        self._bench = bench
        self._base = base_of(request)
        self._job_id = job_id

    async def follow(self, last: str | None) -> AsyncIterator[str]:
        """The events, one text each; comments in between keep the connection open."""
        changes, news = self._bench.changes, asyncio.Event()
        loop = asyncio.get_running_loop()
        stop = changes.listen(lambda: _wake(loop, news))
        try:
            yield "retry: 3000\n\n"
            number = self._number(last)
            while True:
                news.clear()
                found = None if number is None else changes.since(number)
                if found is None:
                    number, jobs = changes.number, await asyncio.to_thread(self._present)
                    found = [(number, job) for job in jobs]
                for number, job in found:
                    if self._job_id in (None, job.job_id):
                        yield self._event(number, job)
                        if self._job_id and job.ended:
                            return
                yield await self._ping(news)
        finally:
            stop()

    def _number(self, last: str | None) -> int | None:
        epoch, _, number = (last or "").partition("-")
        return int(number) if epoch == self._bench.changes.epoch and number.isdecimal() else None

    def _present(self) -> list[Job]:
        if self._job_id:
            return [self._bench.job(self._job_id)]
        return self._bench.open_jobs()

    def _event(self, number: int, job: Job) -> str:
        content = job_view(job, self._base).model_dump_json()
        return f"id: {self._bench.changes.epoch}-{number}\nevent: job\ndata: {content}\n\n"

    async def _ping(self, news: asyncio.Event) -> str:
        try:
            await asyncio.wait_for(news.wait(), _PING_EVERY)
        except TimeoutError:
            return ": still here\n\n"
        return ""
