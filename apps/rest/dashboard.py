"""Dask's dashboard, behind the login: what our own scheduler shows on this machine, and no other place.

The guard lets only admins come here. Of what a browser sends nothing goes on but what is asked for; the
scheduler gets no key and no cookie.
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import quote

import httpx2
from anyio import CancelScope, create_task_group
from fastapi import APIRouter, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import RedirectResponse, Response
from websockets import Origin, Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from apps.rest.depends import Bench
from apps.rest.problems import problem
from pipeline.model import Seconds
from workbench.workbench import Workbench
from workbench.workers import DASHBOARD

routes = APIRouter(prefix=DASHBOARD, include_in_schema=False)

_START = f"{DASHBOARD}/status"
_NONE = "no cluster of this server has been needed yet: its dashboard is here once a job has run"
_SILENT = "the dashboard does not answer: try again in a moment"
_ASKED = ("accept", "if-none-match", "if-modified-since")
_ANSWERED = ("content-type", "cache-control", "etag", "last-modified")
_CLOSED = ("proxy",)
"""Of Dask: it would lead to other hosts."""
_PATIENCE: Seconds = 30.0
_PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here is encrypted, since it stays on this machine; to load all certificates takes a while."""


@routes.get("")
@routes.get("/")
async def start() -> RedirectResponse:
    """To the first page of it."""
    return RedirectResponse(_START)


@routes.get("/{path:path}")
async def shown(bench: Bench, path: str, request: Request) -> Response:
    """A page or a file of the dashboard, which starts when it is first asked for."""
    place = await _place(bench, path, request.url.query)
    if not place:
        raise HTTPException(404, _NONE)
    headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
    try:
        async with httpx2.AsyncClient(verify=_PLAIN, trust_env=False, timeout=_PATIENCE) as client:
            found = await client.get(place, headers=headers)
    except httpx2.HTTPError as error:
        raise HTTPException(503, _SILENT, {"Retry-After": "5"}) from error
    if found.is_redirect:
        return RedirectResponse(_START)  # Dask's own mean that page, by an address that is wrong here
    kept = {name: found.headers[name] for name in _ANSWERED if name in found.headers}
    return Response(found.content, found.status_code, kept)


@routes.websocket("/{path:path}")
async def live(bench: Bench, path: str, socket: WebSocket) -> None:
    """What brings a page of the dashboard up to date."""
    place = await _place(bench, path, socket.url.query)
    if not place:
        await socket.send_denial_response(problem(socket, 404, _NONE))
        return
    try:
        scheduler = await _joined(place, socket.scope["subprotocols"])
    except (OSError, WebSocketException):
        await socket.send_denial_response(problem(socket, 503, _SILENT))
        return
    async with scheduler:
        await socket.accept(scheduler.subprotocol)
        async with create_task_group() as both:
            both.start_soon(_ask, socket, scheduler, both.cancel_scope)
            both.start_soon(_tell, scheduler, socket, both.cancel_scope)


async def _place(bench: Workbench, path: str, query: str) -> str | None:
    """Where `path` of the dashboard is on this machine, if anywhere."""
    parts = path.split("/")
    if parts[0] in _CLOSED or ".." in parts:
        return None
    here = await asyncio.to_thread(bench.insight.dashboard)
    return f"{here}{DASHBOARD}/{quote(path)}{'?' * bool(query)}{query}" if here else None


async def _joined(place: str, offered: Iterable[str]) -> ClientConnection:
    return await connect(
        place.replace("http", "ws", 1),
        origin=Origin(place.partition(DASHBOARD)[0]),  # as a page of its own
        subprotocols=[Subprotocol(each) for each in offered] or None,
        proxy=None,
        compression=None,
        max_size=None,  # a picture of many tasks is long
    )


async def _ask(socket: WebSocket, scheduler: ClientConnection, both: CancelScope) -> None:
    with suppress(ConnectionClosed):
        while (message := await socket.receive())["type"] == "websocket.receive":
            text = message.get("text")
            await scheduler.send(message["bytes"] if text is None else text)
    both.cancel()


async def _tell(scheduler: ClientConnection, socket: WebSocket, both: CancelScope) -> None:
    with suppress(ConnectionClosed, WebSocketDisconnect):  # who looked went, or their key was revoked
        async for message in scheduler:
            await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))
        await socket.close()
    both.cancel()
