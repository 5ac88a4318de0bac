"""The one door of the web app: every page, route, file and websocket is behind it.

Put `Guard` around the finished app, last of all: what is added to the app as middleware before the pages
are would never see the pages. It lets a request in or refuses it, and tells the app who asks.
"""

import hmac
import math
import posixpath
import time
from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from apps.rest.login import origin_of, same_site, session_cookie, sessions_in
from pipeline.model import Seconds
from workbench.access import ANYONE, COMMAND_LINE, Caller, Keys, Limits, Scope, is_loopback, network_of
from workbench.errors import BadSetting

OPEN_PATHS = ("/healthz", "/readyz", "/login", "/logout")
"""What answers without a login, spelled exactly so."""
ADMIN_PATHS = ("/keys", "/audit", "/async/clean_up", "/async/webhooks/test", "/dask")
"""What only an admin may use, with everything below."""
READ_METHODS = ("GET", "HEAD", "OPTIONS")
READ_SOCKETS = ("/async/", "/app/")
"""Websockets below these only tell, or are pages, whose buttons ask who presses them."""
FAILURES_PER_MINUTE = 10
"""How many wrong keys an address may show before it is told to wait."""
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_OWN_HEADERS = b"x-workbench-"

type _Headers = Iterable[tuple[str, str]]
type _By = Literal["header", "cookie", "place"] | None


def check_bind(host: str, keys_needed: bool) -> None:
    """Refuse to listen where other machines can reach while there is no key (`Keys.needed` is False).

    Raises BadSetting, which says how to make a key.
    """
    if not keys_needed and not is_loopback(host):
        raise BadSetting(
            f"setting `host` is {host!r}, which other machines can reach, and nobody needs a key yet: "
            "make one with `workbench keys NAME`, or use 127.0.0.1"
        )


def caller_of(request: HTTPConnection) -> Caller:
    """Who asks; for routes as `Annotated[Caller, Depends(caller_of)]`.

    Raises RuntimeError when the app is not behind a Guard, or on an open path without a login.
    """
    caller = request.scope.get("state", {}).get("caller")
    if not isinstance(caller, Caller):
        raise RuntimeError("nobody has been let in here: put apps.rest.guard.Guard around the app")
    return caller


class _Refused(Exception):
    """The request goes no further; `detail` says what to do."""

    def __init__(self, status: int, detail: str, headers: _Headers = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers)


class _Asked:
    """What a request says, read once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.websocket = connection["type"] == "websocket"
        self.method = "GET" if self.websocket else str(connection["method"])
        self.root = str(connection.get("root_path", ""))
        self.path = str(connection["path"]).removeprefix(self.root)
        self.network = network_of((connection.get("client") or ("unknown",))[0])
        self._headers = Headers(scope=connection)

    def header(self, name: str) -> str | None:
        """All values of a header as one: sent twice it matches nothing, so that no half is believed."""
        values = self._headers.getlist(name)
        return ("; " if name == "cookie" else ", ").join(values) if values else None

    @property
    def plain_path(self) -> str:
        """The path as the strictest reader could understand it."""
        return posixpath.normpath("/" + self.path.replace("\\", "/").lower().lstrip("/"))

    @property
    def changes(self) -> bool:
        """Whether it can change something: a websocket's messages can."""
        return self.websocket or self.method not in READ_METHODS

    @property
    def is_navigation(self) -> bool:
        return not self.websocket and self.method == "GET" and "text/html" in (self.header("accept") or "")

    @property
    def target(self) -> str:
        """Path and query as they were sent."""
        path = self.connection.get("raw_path") or quote(self.connection["path"]).encode()
        query = self.connection.get("query_string", b"")
        return bytes(path + (b"?" + query if query else b"")).decode("latin-1")


class Guard:
    """Lets in who has shown a key, a session or the local token; everybody, on loopback without keys."""

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys,
        limits: Limits,
        *,
        loopback: bool,
        local_token: str | None,
        known_as: Collection[str | None] = (),
        failures: Limits | None = None,
        open_paths: Collection[str] = OPEN_PATHS,
    ) -> None:
        """`loopback`: only this machine can reach us. `local_token`: what the command line shows.

        `known_as`: the settings `host` and `public_url`. `failures`: wrong keys an address may show;
        give the login page the same.
        """
        self._app = app
        self._keys = keys
        self._limits = limits
        self._loopback = loopback
        self._local_token = local_token
        self._failures = failures or Limits(FAILURES_PER_MINUTE)
        self._open_paths = frozenset(open_paths)
        names = [name.lower() for name in known_as if name]
        self._origins = {origin for name in names if (origin := origin_of(name))}
        self._hosts = {*_LOCAL_NAMES, *names, *(host for _, host, _ in self._origins)}
        self._https = any(scheme == "https" for scheme, _, _ in self._origins)

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = _Asked(scope)
        try:
            caller, headers = self._admit(asked)
        except _Refused as refused:
            await _refuse(asked, refused, receive, send)
            return
        watched = _Watched(self._keys, caller, headers, receive, send)
        await self._app(_introduced(scope, caller), watched.receive, watched.send)

    def _admit(self, asked: _Asked) -> tuple[Caller | None, list[tuple[str, str]]]:
        """Who asks, and what the answer's headers have to tell them. Raises _Refused."""
        is_open = self._loopback and not self._keys.needed
        if is_open:
            self._check_address(asked)
        caller, by = self._identify(asked, is_open)
        headers = [] if asked.path == "/healthz" else self._count(asked, caller)  # probes share an address
        needs_nobody = asked.path in self._open_paths and not asked.websocket
        if by in ("cookie", "place") or (caller is None and needs_nobody):
            self._check_origin(asked, must_tell=by == "cookie")
        if not needs_nobody:
            _check_scope(asked, caller or self._stop(asked))
            if by == "cookie" and (cookie := self._renewal(asked)):
                headers.append(("set-cookie", cookie))
        return caller, headers

    def _identify(self, asked: _Asked, is_open: bool) -> tuple[Caller | None, _By]:
        """Who asks, and how we know. Raises _Refused when a key is shown and is wrong."""
        shown = asked.header("x-api-key")
        scheme, _, bearer = (asked.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            shown = bearer.strip()
        if shown is not None:
            return self._holder(asked, shown), "header"
        for text in sessions_in(self._keys, asked.header("cookie") or ""):
            if caller := self._keys.from_cookie(text):
                return caller, "cookie"
        return (ANYONE, "place") if is_open else (None, None)

    def _holder(self, asked: _Asked, shown: str) -> Caller:
        """Who holds that key or token.

        Only wrong keys are slowed down. One client with an old key must not lock out all others behind
        the same address; and nobody guesses 256 bits, at any speed.
        """
        if self._local_token and hmac.compare_digest(shown.encode(), self._local_token.encode()):
            return COMMAND_LINE
        if caller := self._keys.who(shown):
            return caller
        if wait := self._failures.take(asked.network, time.monotonic()):
            raise _too_many("too many wrong keys", wait, self._failures)
        raise _Refused(
            401,
            "that key is not one of this workbench, or was revoked: make one with `workbench keys NAME`",
            [("www-authenticate", 'Bearer realm="workbench", error="invalid_token"')],
        )

    def _stop(self, asked: _Asked) -> Caller:
        """Nobody is let in: to the login page with a browser, a sentence for all others."""
        if asked.is_navigation:
            target = asked.target if same_site(asked.target) else f"{asked.root}/"
            raise _Refused(303, "", [("location", f"{asked.root}/login?next={quote(target, safe='/')}")])
        detail = "this needs a key, as `Authorization: Bearer wb_...` or `X-API-Key: wb_...`, or a login"
        if b"wb_" in asked.connection.get("query_string", b""):
            detail = "a key in the address is not read, since addresses are logged: send it as a header"
        raise _Refused(401, detail, [("www-authenticate", 'Bearer realm="workbench"')])

    def _check_address(self, asked: _Asked) -> None:
        """While being on this machine is enough, be sure that the request is meant for and from it.

        A page of the internet can let its own name point to 127.0.0.1, but not send another Host.
        """
        if any(asked.header(name) is not None for name in _PROXY_HEADERS):
            raise _Refused(
                403,
                "this came through a proxy, and the workbench is open to its own machine only: "
                "make a key with `workbench keys NAME`",
            )
        found = origin_of(f"http://{asked.header('host')}")
        if found is None or found[1] not in self._hosts:
            raise _Refused(
                421,
                "the address names a host that is not this workbench: use localhost, "
                "or set `public_url` to the address that you use",
            )

    def _check_origin(self, asked: _Asked, must_tell: bool) -> None:
        """A page of another site must not change anything with the user's session, or from their machine.

        `must_tell`: a request that does not say where it comes from is refused too.
        """
        if not asked.changes:
            return
        origin, site = asked.header("origin"), asked.header("sec-fetch-site")
        if origin and origin != "null":
            ours = self._is_ours(asked, origin)
        elif site is not None:
            ours = site == "same-origin"
        else:
            ours = origin is None and not must_tell
        if not ours:
            raise _Refused(
                403,
                "this request comes from a page of another site: open the workbench itself, "
                "set `public_url` if a proxy renames it, or send a key",
            )

    def _is_ours(self, asked: _Asked, origin: str) -> bool:
        found = origin_of(origin)
        return found is not None and (
            found in self._origins or found == origin_of(f"{found[0]}://{asked.header('host')}")
        )

    def _count(self, asked: _Asked, caller: Caller | None) -> list[tuple[str, str]]:
        """Count the request; what is left, as headers."""
        who = asked.network
        if caller not in (None, ANYONE):
            who = caller.key_id or caller.name
        now = time.monotonic()
        if wait := self._limits.take(who, now):
            raise _too_many("too many requests", wait, self._limits)
        return _limit_headers(self._limits, f"r={self._limits.left(who, now)}")

    def _renewal(self, asked: _Asked) -> str | None:
        for text in sessions_in(self._keys, asked.header("cookie") or ""):
            if fresh := self._keys.renewed(text):
                return session_cookie(self._keys, fresh, asked.connection, https=self._https)
        return None


class _Watched:
    """A connection that ends when its key is revoked, or when the first key is made, however long it is.

    A download of known length that has begun is finished: it would only look broken.
    """

    def __init__(
        self, keys: Keys, caller: Caller | None, headers: _Headers, receive: Receive, send: Send
    ) -> None:
        self._keys = keys
        self._caller = caller
        self._headers = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        self._receive = receive
        self._send = send
        self._endless = False
        self._ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive" and self._is_out():
            await self._end({"type": "websocket.close", "code": 4401})
            return {"type": "websocket.disconnect", "code": 4401}
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._started(message)
        elif message["type"] == "websocket.send" and self._is_out():
            await self._end({"type": "websocket.close", "code": 4401})
            raise OSError("the key that opened this websocket does not count any more")
        elif message["type"] == "http.response.body" and self._endless and self._is_out():
            await self._end({"type": "http.response.body", "body": b"", "more_body": False})
        if not self._ended:
            await self._send(message)

    def _is_out(self) -> bool:
        return self._caller is not None and not self._keys.still(self._caller)

    async def _end(self, message: Message) -> None:
        if not self._ended:
            self._ended = True
            await self._send(message)

    def _started(self, message: Message) -> Message:
        given = list(message.get("headers", ()))
        names = {bytes(name).lower() for name, _ in given}
        self._endless = b"content-length" not in names
        # No other site may show our pages in a frame and have them clicked.
        frame = [] if b"x-frame-options" in names else [(b"x-frame-options", b"SAMEORIGIN")]
        return {**message, "headers": [*given, *frame, *self._headers]}


def _check_scope(asked: _Asked, caller: Caller) -> None:
    needed = _needed(asked)
    if caller.scope < needed:
        raise _Refused(
            403,
            f"the key {caller.name!r} may {caller.scope}, and this needs {needed}: use a key with that scope",
            [("www-authenticate", f'Bearer realm="workbench", error="insufficient_scope", scope="{needed}"')],
        )


def _needed(asked: _Asked) -> Scope:
    path = asked.plain_path
    if any(path == known or path.startswith(f"{known}/") for known in ADMIN_PATHS):
        return Scope.ADMIN
    tells = path.startswith(READ_SOCKETS) if asked.websocket else not asked.changes
    return Scope.READ if tells else Scope.SUBMIT


def _introduced(connection: Connection, caller: Caller | None) -> Connection:
    """The request with who asks, for routes in the state and for pages as headers; a client's are removed."""
    headers = [
        (name, value)
        for name, value in connection["headers"]
        if not name.lower().replace(b"_", b"-").startswith(_OWN_HEADERS)
    ]
    state = {name: value for name, value in connection.get("state", {}).items() if name != "caller"}
    if caller is not None:
        headers += [
            (_OWN_HEADERS + b"caller", quote(caller.label).encode()),
            (_OWN_HEADERS + b"scope", caller.scope.encode()),
        ]
        state["caller"] = caller
    return {**connection, "headers": headers, "state": state}


def _too_many(what: str, wait: Seconds, limits: Limits) -> _Refused:
    seconds = math.ceil(wait)
    headers = [("retry-after", str(seconds)), *_limit_headers(limits, f"r=0;t={seconds}")]
    return _Refused(429, f"{what}: {limits.per_minute} a minute are allowed; wait {seconds} s", headers)


def _limit_headers(limits: Limits, left: str) -> list[tuple[str, str]]:
    """The RateLimit headers of the IETF's draft."""
    return [("ratelimit-policy", f'"minute";q={limits.per_minute};w=60'), ("ratelimit", f'"minute";{left}')]


async def _refuse(asked: _Asked, refused: _Refused, receive: Receive, send: Send) -> None:
    if asked.websocket:
        await receive()  # its connect, which has to be answered
        await send({"type": "websocket.close", "code": 4000 + refused.status})
        return
    accept = asked.header("accept") or ""
    plain = "application/json" in accept and "application/problem+json" not in accept
    media_type = "application/json" if plain else "application/problem+json"
    headers = {"cache-control": "no-store", **refused.headers}
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": str(refused),
        "instance": asked.connection["path"],
        "retryable": refused.status == 429,
    }
    response = (
        Response(status_code=303, headers=headers)
        if refused.status == 303
        else JSONResponse(problem, refused.status, headers, media_type)
    )
    await response(asked.connection, receive, send)
