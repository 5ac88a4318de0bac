"""The way to the pages, which are put together when somebody asks for the first of them.

What draws them takes two seconds to load and much memory: a server that only works for programs is there
sooner, and is smaller, without it.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module

import anyio
import anyio.to_thread
from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.pages.addresses import HOME, LIBRARY
from workbench.workbench import Workbench

_THEIRS = (f"{HOME}/", "/static/", "/components/", "/favicon.ico")
"""What the addresses of pages, and of what they are made of, begin with."""

routes = APIRouter(include_in_schema=False)


@routes.get("/")
@routes.get(HOME)
async def home() -> RedirectResponse:
    """The first page that people see."""
    return RedirectResponse(LIBRARY)


class Entrance:
    """Leads to the pages, or past them to `app`, which answers everything that is none of them."""

    def __init__(self, app: ASGIApp, bench: Workbench) -> None:
        self._app, self._bench = app, bench
        self._pages: ASGIApp | None = None
        self._opening = anyio.Lock()
        self._opened = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_theirs = scope["type"] in ("http", "websocket") and scope["path"].startswith(_THEIRS)
        await (await self.prepared() if is_theirs else self._app)(scope, receive, send)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """While the server runs; the pages end with it."""
        async with self._opened:
            yield

    async def prepared(self) -> ASGIApp:
        """The pages, which are put together by now."""
        async with self._opening:
            if self._pages is not None:
                return self._pages
            site = await anyio.to_thread.run_sync(import_module, "apps.pages.site")
            made: ASGIApp = await self._opened.enter_async_context(site.served(self._app, self._bench))
            self._pages = made
            return made
