"""Which pages there are, and how they come onto the server."""

from collections.abc import Callable
from typing import Any

import panel as pn
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from panel.io.fastapi import add_applications

from apps.pages.addresses import HOME, INBOX, JOBS, LIBRARY, SYSTEM
from apps.pages.episode import EpisodePage
from apps.pages.gate import VISITOR, Gate
from apps.pages.inbox import InboxPage
from apps.pages.job import JobPage
from apps.pages.jobs import JobsPage
from apps.pages.library import LibraryPage
from apps.pages.shell import NAME, THEME
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
_THREADS = 4
"""For what buttons do, so that a slow one holds nobody else up."""


def install(app: FastAPI, bench: Workbench) -> None:
    """Put the pages onto `app`; the guard around it stays the one door."""
    pn.extension(nthreads=_THREADS, notifications=True)
    views = {route.removeprefix("/"): _view(page, bench) for route, page in PAGES.items()}
    add_applications(
        views,
        app=app,
        title=NAME,
        index_enabled=False,
        sign_sessions=True,
        secret_key=bench.library.secret("pages"),
        include_headers=[
            *VISITOR,
            *(name.title() for name in VISITOR),
        ],  # and no key, which pages would carry
        include_cookies=[THEME],
        extra_websocket_origins=["*"],  # the guard has looked at the origin
    )
    app.add_middleware(Gate)

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
