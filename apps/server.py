"""`workbench serve`: one process with the REST interface, the dispatcher, the outbox and the schedules."""

import logging
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from importlib import metadata
from pathlib import Path

import anyio.to_thread
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from apps import terminal
from apps.pages import entrance
from apps.pages.entrance import Entrance
from apps.rest import (
    batch,
    dashboard,
    deliveries,
    episodes,
    events,
    jobs,
    keys,
    login,
    problems,
    reference,
    review,
    search,
    sockets,
    system,
    uploads,
)
from apps.rest.depends import base_of
from apps.rest.guard import FAILURES_PER_MINUTE, Guard, caller_of, check_bind
from apps.rest.metrics import Meter, Routed
from pipeline.errors import ModelMissing
from workbench import run_file
from workbench.access import Limits, is_loopback
from workbench.errors import BadSetting
from workbench.jobs import Request
from workbench.settings import Settings
from workbench.uploads import Upload, Uploads
from workbench.workbench import Workbench

_LOG = logging.getLogger(__name__)
_UPLOADS_KEPT = 7 * 24 * 3600.0
_SWEEP_EVERY = 3600.0
_GB = 2**30
_LONGEST_BODY = 4 * 2**20
"""Bytes: a batch of 500 jobs has room. Uploads have limits of their own."""
_AT_ONCE = 200
"""Calls that may be under way: those that wait for a job's end hold a thread each."""
_RESTING = 75
"""Seconds that a connection may rest. Clients keep theirs for 5 (httpx, Node.js) and proxies for 60 (nginx):
were it closed before, a submit could meet the closing, and nobody would know whether it was taken."""


def application(bench: Workbench, local_token: str | None = None, *, for_people: bool = False) -> ASGIApp:
    """The whole server around an open workbench, behind its guard.

    `for_people`: somebody will look at its pages, which are put together at once.
    """
    settings, store = bench.settings, _uploads(bench)
    app = FastAPI(
        title="Episode workbench",
        version=metadata.version("episode-workbench"),
        summary="Long recordings in; a finished episode and short clips out.",
        lifespan=_life(bench, store, for_people=for_people),
        max_body_size=_LONGEST_BODY,
        docs_url=None,  # FastAPI's own take their scripts from another host
        redoc_url=None,
    )
    app.state.bench = bench
    app.state.pages = Entrance(app, bench)
    failures = Limits(FAILURES_PER_MINUTE)
    for part in (jobs, batch, deliveries, events, sockets, episodes, review, search, keys, system, reference):
        app.include_router(part.routes)
    meter = Meter(bench, store.used_bytes)

    def came(upload: Upload) -> str:
        meter.came(upload)
        return _came(bench, store, upload)

    app.include_router(
        uploads.router(store, came, owner=lambda request: caller_of(request).label, base=base_of)
    )
    app.include_router(login.router(bench.keys, failures, public_url=settings.public_url))
    app.include_router(meter.routes)
    app.include_router(dashboard.routes)
    app.add_middleware(Routed)
    app.include_router(entrance.routes)
    problems.install(app)
    guard = Guard(
        problems.outside(app.state.pages),
        bench.keys,
        Limits(settings.rate_limit_per_minute),
        loopback=is_loopback(settings.host),
        local_token=local_token,
        known_as=(settings.host, settings.public_url),
        failures=failures,
    )
    return meter.around(guard)


def serve(settings: Settings, is_unwanted: Callable[[], bool] = lambda: False) -> None:
    """Serve a library until SIGTERM or Ctrl-C. What is open then goes on at the next start.

    `is_unwanted` says whether such a signal came before uvicorn listened to them.
    Raises LibraryBusy, or BadSetting when the address cannot be used.
    """
    with Workbench(settings) as bench:
        check_bind(settings.host, bench.keys.needed)
        listener = _listen(settings.host, settings.port)
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(32)
        config = uvicorn.Config(
            application(bench, token, for_people=sys.stdout.isatty()),
            log_level="warning",
            timeout_graceful_shutdown=3,  # a reader of events never goes by itself
            timeout_keep_alive=_RESTING,
            server_header=False,
            proxy_headers=False,
        )
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{port}"
        with _run_file(settings.library, url, token):
            terminal.say(f"serving {settings.library} at {url} (the interface is described at {url}/docs)")
            _Server(config, is_unwanted).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, is_unwanted: Callable[[], bool]) -> None:
        super().__init__(config)
        self._is_unwanted = is_unwanted

    async def main_loop(self) -> None:
        self.should_exit = self.should_exit or self._is_unwanted()
        await super().main_loop()


def _life(
    bench: Workbench, store: Uploads, *, for_people: bool
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        pages: Entrance = app.state.pages
        anyio.to_thread.current_default_thread_limiter().total_tokens = _AT_ONCE
        bench.serve()
        async with pages.open(), anyio.create_task_group() as group:
            group.start_soon(_sweep, store)
            if for_people:
                group.start_soon(pages.ready)
            yield
            group.cancel_scope.cancel()

    return life


async def _sweep(store: Uploads) -> None:
    """Forget expired uploads now and then: until then they count towards the quota."""
    while True:
        await anyio.sleep(_SWEEP_EVERY)
        try:
            await anyio.to_thread.run_sync(store.sweep)
        except Exception:  # noqa: BLE001 - the server goes on, and the next time may go well
            _LOG.exception("expired uploads could not be removed")


def _uploads(bench: Workbench) -> Uploads:
    settings = bench.settings
    store = Uploads(
        settings.library / "uploads",
        bench.library.inbox,
        most_bytes=int(settings.upload_max_gb * _GB),
        quota_bytes=int(settings.upload_quota_gb * _GB),
        keep=_UPLOADS_KEPT,
        min_free=int(settings.min_free_gb * _GB),
    )
    store.sweep()
    for upload in store.recover():
        _came(bench, store, upload)
    return store


def _came(bench: Workbench, store: Uploads, upload: Upload) -> str:
    """A recording lies whole in the inbox: it becomes an episode by the job whose id is returned."""
    asked = _discovery(bench, upload)
    whole = {"params": asked.params | {"settle": 0.0}}  # nobody writes into it any more
    asked = asked.model_copy(update={"requested_by": upload.owner, "priority": upload.priority} | whole)
    (made,) = bench.submit([asked], None, upload.owner)
    bench.audit(upload.owner, "upload", upload.filename)
    store.tell(upload.upload_id)
    return made.job.job_id


def _discovery(bench: Workbench, upload: Upload) -> Request:
    """Without a speech model it is only found; the model may come later, the upload came now."""
    try:
        return bench.discover_request([str(upload.done)], upload.target_stage)
    except ModelMissing as error:
        _LOG.warning("%s is found, but not processed: %s", upload.filename, error)
        return bench.discover_request([str(upload.done)])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no name of a machine"
        raise BadSetting(
            f"settings `host` and `port`: {host}:{port} cannot be used ({why}): choose another"
        ) from error
    # for every connection that comes of it: an answer of two parts would else wait 40 ms for its second one
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def _run_file(library: Path, url: str, token: str) -> Iterator[None]:
    """Tells the command line of this user where the server is, and lets it in."""
    file = library / run_file.NAME
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    told = run_file.RunFile(url=url, pid=os.getpid(), token=token)
    file.write_text(told.model_dump_json(), encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()
