"""Which pages there are, and how they come onto the server."""

from collections.abc import Callable
from typing import Any

import panel as pn
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from panel.io.fastapi import add_applications
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.pages.addresses import HOME, INBOX, JOBS, LIBRARY, SYSTEM
from apps.pages.episode import EpisodePage
from apps.pages.inbox import InboxPage
from apps.pages.job import JobPage
from apps.pages.jobs import JobsPage
from apps.pages.library import LibraryPage
from apps.pages.shell import NAME
from apps.pages.system import SystemPage
from workbench.workbench import Workbench

PAGES: dict[str, Callable[[Workbench], Any]] = {
    LIBRARY: LibraryPage,
    INBOX: InboxPage,
    JOBS: JobsPage,
    f"{JOBS}/{{job_id}}": JobPage,
    f"{HOME}/episodes/{{episode_id}}": EpisodePage,
    SYSTEM: SystemPage,
}
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' blob: 'unsafe-inline' 'unsafe-eval'",  # Bokeh compiles components in the browser
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self' blob:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    ]
)
"""A page can load nothing from another host, whatever is written into a transcript."""
_THREADS = 4
"""For what buttons do, so that a slow one holds nobody else up."""


def install(app: FastAPI, bench: Workbench) -> None:
    """Put the pages onto `app`; the guard around it stays the one door."""
    pn.extension(nthreads=_THREADS, notifications=True)
    views = {route.removeprefix("/"): _view(page, bench) for route, page in PAGES.items()}
    add_applications(
        views, app=app, title=NAME, index_enabled=False, extra_websocket_origins=["*"]
    )  # the guard has looked at the origin
    app.add_middleware(_Headers)

    @app.get("/", include_in_schema=False)
    @app.get(HOME, include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse(LIBRARY)


def started() -> None:
    """To be called once, in the server's loop, before the first page is asked for.

    Panel 1.10.0 starts its sweep of busy signs in whichever thread needs it first; in a thread other than the
    loop's it tries that again and again without end, and keeps a core busy.
    """
    pn.state._schedule_busy_cleanup()


def _view(page: Callable[[Workbench], Any], bench: Workbench) -> Callable[[], Any]:
    """What makes the page for each visitor; Panel calls nothing but functions."""

    def view() -> Any:
        return page(bench).__panel__()

    return view


class _Headers:
    """What browsers are told about the pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY
                headers["Referrer-Policy"] = "same-origin"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        is_page = scope["type"] == "http" and scope["path"].startswith(f"{HOME}/")
        await self._app(scope, receive, told if is_page else send)
