"""What the pages may be asked for, and what browsers are told about them.

Bokeh takes a page's session from whoever asks: it is in a token that the page carries, with what was said of
the visitor when it was made. So a token counts only on the connection of the visitor for whom it was made,
and nobody gives a page the session that it is to have.
"""

from urllib.parse import parse_qsl, urlencode

from bokeh.util.token import get_token_payload
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.pages import assets
from apps.pages.addresses import HOME
from apps.pages.beginning import Beginnings, is_page

VISITOR = ("x-workbench-caller", "x-workbench-scope")
"""The headers by which the guard introduces who asks."""
_GIVEN = ("bokeh-token", "bokeh-session-id")
"""Headers by which a session would be chosen."""
_ASKED = ("q",)
"""The parameters that pages read. By others somebody would choose the session, the theme of whoever follows a
link, or where Panel takes its scripts from: it writes that into the page as it comes."""
_CLOSED = ("/autoload.js", "/metadata")
"""For pages inside those of other sites, which ours are not."""
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


class Gate:
    """Around the pages, and inside the guard, which says who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._pages = Beginnings(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and assets.is_asset(scope["path"]):
            await self._app(scope, receive, assets.kept(scope.get("query_string", b""), send))
        elif scope["type"] not in ("http", "websocket") or not scope["path"].startswith(f"{HOME}/"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket" and not _is_theirs(scope):
            await receive()  # its connect, which has to be answered
            await send({"type": "websocket.close", "code": 4403})
        elif scope["path"].endswith(_CLOSED):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            app = self._pages if is_page(scope) else self._app
            await app(_with_its_own_session(scope), receive, _told(send))


def _is_theirs(scope: Scope) -> bool:
    """Whether the page behind a websocket was made for the visitor whose connection it is."""
    own, offered = Headers(scope=scope), scope.get("subprotocols") or ()
    try:
        (token,) = (each for each in offered if each != "bokeh")
        said = {name.lower(): value for name, value in get_token_payload(token)["headers"].items()}
    except (ValueError, KeyError, AttributeError, TypeError):  # there is none, or it is none of Bokeh's
        return False
    return all(said.get(name) == own.get(name) for name in VISITOR)


def _with_its_own_session(scope: Scope) -> Scope:
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in query if name in _ASKED]
    headers = [
        (name, value) for name, value in scope["headers"] if name.decode("latin-1").lower() not in _GIVEN
    ]
    return {**scope, "headers": headers, "query_string": urlencode(kept).encode()}


def _told(send: Send) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _POLICY
            headers["Referrer-Policy"] = "same-origin"
            headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return told
