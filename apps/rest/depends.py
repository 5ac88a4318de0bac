"""What routes are given: the workbench, who asks, and this server's address as the client writes it."""

import threading
from typing import Annotated, cast

from fastapi import Depends, Header, Request

from apps.rest.guard import caller_of
from workbench.access import Caller
from workbench.jobs import Job
from workbench.workbench import Workbench

_WAITING = threading.BoundedSemaphore(150)
"""Fewer than the threads that the server has."""


def bench_of(request: Request) -> Workbench:
    """The one that the server was started with."""
    return cast(Workbench, request.app.state.bench)


def base_of(request: Request) -> str:
    """Without a slash at its end."""
    public: str | None = request.app.state.bench.settings.public_url
    return (public or str(request.base_url)).rstrip("/")


def patiently(bench: Workbench, job_id: str, seconds: float) -> Job:
    """The job once it has ended, or as it is after `seconds`.

    Who waits holds a thread: when too many do, the next one is told at once how the job stands.
    """
    if not _WAITING.acquire(blocking=False):
        return bench.job(job_id)
    try:
        return bench.wait(job_id, seconds)
    finally:
        _WAITING.release()


Bench = Annotated[Workbench, Depends(bench_of)]
By = Annotated[Caller, Depends(caller_of)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
