"""Which pages there are, and how they come onto the server."""

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import panel as pn
from fastapi import FastAPI
from panel.io import document
from panel.io.fastapi import add_applications
from starlette.types import ASGIApp

from apps.pages import assets
from apps.pages.addresses import HOME, INBOX, JOBS, LIBRARY, SYSTEM
from apps.pages.episode import EpisodePage
from apps.pages.gate import VISITOR, Gate
from apps.pages.inbox import InboxPage
from apps.pages.job import JobPage
from apps.pages.jobs import JobsPage
from apps.pages.library import LibraryPage
from apps.pages.shell import NAME, THEME
from apps.pages.system import SystemPage
from apps.pages.turns import told_apart
from apps.rest import problems
from apps.rest.metrics import Routed
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
_LOOKED_THROUGH = 60  # seconds


@asynccontextmanager
async def served(app: ASGIApp, bench: Workbench) -> AsyncIterator[ASGIApp]:
    """The pages, with `app` for what is none of them, while they may be asked for; in the server's loop."""
    pages = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    pages.router.default = app
    problems.install(pages)
    _install(pages, bench)
    with _at_ease(), told_apart():
        async with pages.router.lifespan_context(pages):
            yield pages


def _install(app: FastAPI, bench: Workbench) -> None:
    """Put the pages onto `app`; the guard around it stays the one door."""
    assets.install()
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
    app.add_middleware(Routed)


@contextmanager
def _at_ease() -> Iterator[None]:
    """Without two things by which Panel keeps a server busy.

    Panel 1.10.0 starts its sweep of busy signs in whichever thread needs it first; in a thread other than the
    loop's it tries that again and again without end, and keeps a core busy. And some seconds after each page
    that is closed it looks through all that the process holds for what can be forgotten, which stops the
    server for 0.2 s; so that is done seldom, and what is there by now need not be looked through.
    """
    pn.state._schedule_busy_cleanup()
    before, document.GC_DEBOUNCE = document.GC_DEBOUNCE, _LOOKED_THROUGH
    gc.collect()  # what can be forgotten now would else be kept for good
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        document.GC_DEBOUNCE = before


def _view(page: Callable[[Workbench], Any], bench: Workbench) -> Callable[[], Any]:
    """What makes the page for each visitor; Panel calls nothing but functions."""

    def view() -> Any:
        return page(bench).__panel__()

    return view
