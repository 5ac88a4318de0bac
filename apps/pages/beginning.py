"""A page's beginning is sent before the page is made.

All pages begin alike, with the scripts and styles that draw them. A browser works through those for about as
long as the server takes to make a page, so both do that at the same time.
"""

import logging
import re
from collections.abc import Sequence
from html import escape

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.pages import assets
from apps.pages.addresses import HOME
from apps.pages.shell import THEME
from apps.rest.metrics import answer_of

_LOG = logging.getLogger(__name__)
_PAGE = re.compile(rf"{HOME}/(?:library|inbox|jobs|system|(?:jobs|episodes)/(?!ws$)[^/]+)")
_ONE = re.compile(r"(job|episode)s/[^/]+$")
_BODY = b"<body>"
_FAILED = b"<p role=alert>This page cannot be shown, and the server's log says why. Load it again.</p>"


def is_page(scope: Scope) -> bool:
    """Whether a request is for a page as a whole."""
    return scope["type"] == "http" and scope["method"] == "GET" and bool(_PAGE.fullmatch(scope["path"]))


class Beginnings:
    """Answers with pages that `app` makes; the first of each kind shows what all of that kind begin with."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: dict[tuple[int, bool], bytes] = {}
        """How deep a page lies, from where it names its scripts, and whether it is dark."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["path"].count("/"), Request(scope).cookies.get(THEME) == "dark"
        answer_of(scope).route = _ONE.sub(r"\1s/{\1_id}", scope["path"])
        if known := self._known.get(kind):
            await self._finish(known, scope, receive, send)
            return
        start, page, addresses = await self._made(scope, receive)
        head, body, rest = page.partition(_BODY)
        if start["status"] == 200 and body:
            page = head + body + _links(addresses) + rest
            if not scope["query_string"]:  # nobody decides what others get
                self._known[kind] = head + body
        await send(_start(start))
        await send(_part(page))

    async def _finish(self, known: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        answer = answer_of(scope)
        answer.is_ahead = True
        await send(_start())
        await send(_part(known, more=True))
        try:
            start, page, addresses = await self._made(scope, receive)
            answer.status = start["status"]
            rest = page.partition(_BODY)[2] if answer.status == 200 else b""
        except Exception:
            answer.status = 500
            await send(_part(_FAILED))
            raise
        if not rest:
            _LOG.warning("a page was answered with %s: %s", answer.status, page[:500])
        await send(_part(_links(addresses) + rest if rest else _FAILED))

    async def _made(self, scope: Scope, receive: Receive) -> tuple[Message, bytes, list[str]]:
        """The start of the answer, all of its body, and the addresses of what that will ask for."""
        start: Message = {}
        parts: list[bytes] = []

        async def kept(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        with assets.fetched_ahead() as addresses:
            await self._app(scope, receive, kept)
        return start, b"".join(parts), addresses


def _start(made: Message | None = None) -> Message:
    """As it was made, or as it will be if nothing goes wrong; the theme's module is asked for at once."""
    kind = (b"content-type", b"text/html; charset=UTF-8")
    start: Message = made or {"type": "http.response.start", "status": 200, "headers": [kind]}
    headers = MutableHeaders(scope=start)
    del headers["content-length"]
    headers["Cache-Control"] = "no-store"
    headers["Link"] = f"<{assets.THEME}>; rel=modulepreload"
    return start


def _part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _links(addresses: Sequence[str]) -> bytes:
    """What the page will ask for once it is there, named so that the browser fetches it before."""
    return "".join(
        f'<link rel="preload" as="fetch" crossorigin href="{escape(address)}">' for address in addresses
    ).encode()
