"""Which thread may write to a page: what Panel 1.10.0 does not know under FastAPI."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import panel as pn
from bokeh.server.session import ServerSession


class _Turn(threading.local):
    """Whether this thread does what Bokeh has locked the page for."""

    mine = False


_TURN = _Turn()


@contextmanager
def told_apart() -> Iterator[None]:
    """Have only that thread write to a page whose turn it is.

    Panel lets whoever is in the loop write, or who holds the lock on the page. Under FastAPI it does not know
    the loop and takes every thread for it; and a lock that anybody holds it takes for one's own. So threads
    that answer buttons write while others do, which fails in Bokeh, and what was to be shown is lost.
    """
    state, session = type(pn.state), cast(Any, ServerSession)
    before, locked = (state._on_loop_thread, state._document_lock_held), session.with_document_locked

    def with_document_locked(self: ServerSession, do: Callable[..., Any], *args: Any, **named: Any) -> Any:
        return locked(self, partial(_in_turn, do), *args, **named)

    session.with_document_locked = with_document_locked
    state._on_loop_thread, state._document_lock_held = property(_in_loop), property(lambda _: _TURN.mine)
    try:
        yield
    finally:
        state._on_loop_thread, state._document_lock_held = before
        session.with_document_locked = locked


def _in_turn(do: Callable[..., Any], *args: Any, **named: Any) -> Any:
    _TURN.mine = True
    try:
        return do(*args, **named)
    finally:
        _TURN.mine = False


def _in_loop(_: object) -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
