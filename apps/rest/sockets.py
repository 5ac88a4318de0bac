"""Live changes over websockets: the same as over server-sent events, a JSON message for each.

A message is {id, event: "job", data: the job}. Who comes back with the last id in `?last_event_id=` goes on
there. What a client sends is not read: nothing can be changed this way.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated

from anyio import CancelScope, create_task_group
from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from apps.rest.depends import Bench
from apps.rest.events import Event, follow
from apps.rest.problems import problem
from workbench.errors import NotFound

routes = APIRouter(prefix="/async")

type LastEventId = Annotated[str | None, Query(max_length=64)]


@routes.websocket("/jobs/{job_id}/events")
async def of_job(bench: Bench, job_id: str, socket: WebSocket, last_event_id: LastEventId = None) -> None:
    """The changes of one job, from its present look to its end, with which the connection is closed."""
    try:
        await asyncio.to_thread(bench.job, job_id)
    except NotFound as error:
        await socket.send_denial_response(problem(socket, 404, str(error)))
        return
    await _tell(socket, follow(bench, socket, job_id, last_event_id))


@routes.websocket("/events")
async def of_all(bench: Bench, socket: WebSocket, last_event_id: LastEventId = None) -> None:
    """The changes of all jobs."""
    await _tell(socket, follow(bench, socket, None, last_event_id))


async def _tell(socket: WebSocket, events: AsyncGenerator[Event | None]) -> None:
    await socket.accept()
    async with create_task_group() as both, aclosing(events):
        both.start_soon(_leave_with_client, socket, both.cancel_scope)
        with suppress(WebSocketDisconnect):  # it went, or its key was revoked
            async for event in events:
                if event:
                    await socket.send_text(_message(event))
            await socket.close()
        both.cancel_scope.cancel()


async def _leave_with_client(socket: WebSocket, both: CancelScope) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
    both.cancel()


def _message(event: Event) -> str:
    place = f'"{event.id}"' if event.id else "null"
    return f'{{"id":{place},"event":"job","data":{event.data}}}'
