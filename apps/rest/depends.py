"""What routes are given: the workbench, who asks, and this server's address as the client writes it."""

import threading
from typing import Annotated, Protocol, cast

from fastapi import Depends, Header, HTTPException, Request, Response
from starlette.requests import HTTPConnection

from apps.rest.guard import caller_of
from workbench.access import Caller, Scope
from workbench.jobs import Job
from workbench.workbench import Workbench

_WAITING = threading.BoundedSemaphore(150)
"""Fewer than the threads that the server has."""


async def bench_of(request: HTTPConnection) -> Workbench:
    """The one that the server was started with. Not worth the thread that it would get as a plain `def`."""
    return cast(Workbench, request.app.state.bench)


async def _by(request: HTTPConnection) -> Caller:
    return caller_of(request)


def base_of(request: HTTPConnection) -> str:
    """Without a slash at its end; for a websocket too the address of the routes."""
    public: str | None = request.app.state.bench.settings.public_url
    if public:
        return public.rstrip("/")
    scope = request.scope
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    host = request.headers.get("host") or request.base_url.netloc
    return f"{scheme}://{host}{scope.get('app_root_path', scope.get('root_path', ''))}".rstrip("/")


def sees_folders(request: HTTPConnection) -> bool:
    """Whether who asks may know the paths of this machine; nobody who has not been let in."""
    caller = request.scope.get("state", {}).get("caller")
    return isinstance(caller, Caller) and caller.scope is Scope.ADMIN


def only_admin(by: Caller, what: str) -> None:
    """Raises a problem of status 403 for all others."""
    if by.scope is not Scope.ADMIN:
        raise HTTPException(
            403,
            f"{what} needs the scope admin, and the key {by.name!r} may {by.scope}: use another key",
            {"WWW-Authenticate": 'Bearer realm="workbench", error="insufficient_scope", scope="admin"'},
        )


def patiently(bench: Workbench, job_id: str, seconds: float) -> Job:
    """The job once it has ended, or as it is after `seconds`.

    Who waits holds a thread: when too many do, the next one is told at once how the job stands.
    """
    if not _WAITING.acquire(blocking=False):
        return bench.job(job_id)
    try:
        return bench.wait(job_id, seconds, bar=False)
    finally:
        _WAITING.release()


class Page(Protocol):
    """Some of a list."""

    next_cursor: str | None


def linked[P: Page](page: P, request: Request, response: Response) -> P:
    """`page`, with the address of the next one, if there is one, in the header `Link` (RFC 8288)."""
    if page.next_cursor:
        query = request.url.include_query_params(cursor=page.next_cursor).query
        response.headers["Link"] = f'<{base_of(request)}{request.scope["path"]}?{query}>; rel="next"'
    return page


Bench = Annotated[Workbench, Depends(bench_of)]
By = Annotated[Caller, Depends(_by)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
