"""The way to the pages, which are put together when somebody asks for the first of them.

What draws them takes two seconds to load and much memory: a server that only works for programs is there
sooner, and is smaller, without it.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module

import anyio
import anyio.to_thread
from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from apps.pages.addresses import ASSETS, HOME, LIBRARY
from apps.rest.problems import problem
from workbench.workbench import Workbench

_LOG = logging.getLogger(__name__)
_THEIRS = (f"{HOME}/", *ASSETS)

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
        app = self._app
        if scope["type"] in ("http", "websocket") and scope["path"].startswith(_THEIRS):
            app = self._pages or await self.ready()
        await app(scope, receive, send)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """While the server runs; the pages end with it."""
        async with self._opened:
            yield
        self._pages = None

    async def ready(self) -> ASGIApp:
        """The pages, put together by now, or what says that they cannot be shown."""
        async with self._opening:
            if self._pages is None:
                try:
                    self._pages = await self._put_together()
                except Exception:  # noqa: BLE001 - all else that the server does goes on
                    _LOG.exception("the pages cannot be shown")
            return self._pages or _sorry

    async def _put_together(self) -> ASGIApp:
        site = await anyio.to_thread.run_sync(import_module, "apps.pages.site")
        made: ASGIApp = await self._opened.enter_async_context(site.served(self._app, self._bench))
        return made


async def _sorry(scope: Scope, receive: Receive, send: Send) -> None:
    """To who asks for pages that there are not: everything but them goes on."""
    if scope["type"] == "websocket":
        await WebSocketClose(1011)(scope, receive, send)
        return
    detail = "the pages cannot be shown, and the server's log says why; commands and the REST interface go on"
    await problem(Request(scope), 503, detail)(scope, receive, send)
