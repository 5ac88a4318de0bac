"""A button is answered by a thread, and each look at what has changed: only one of them may write."""

import asyncio
import weakref

import panel as pn
from bokeh.document import Document
from bokeh.server.contexts import BokehSessionContext
from bokeh.server.session import ServerSession
from panel.io.state import set_curdoc

from apps.pages.turns import told_apart


class _Opened:
    """A page that a browser has opened, without the browser."""

    def __init__(self) -> None:
        self.page = Document()
        self.context = BokehSessionContext("1", None, self.page)
        self.session = ServerSession("1", self.page)
        self.context._set_session(self.session)
        self.page._session_context = weakref.ref(self.context)
        pn.state._connected[self.page] = True

    def may_write(self) -> bool:
        with set_curdoc(self.page):
            return pn.state._unblocked(self.page)

    async def may_write_while_another_has_the_turn(self) -> bool:
        async with self.session._lock:
            return await asyncio.to_thread(self.may_write)

    async def may_write_in_its_turn(self) -> bool:
        return await self.session.with_document_locked(self.may_write)


def test_a_thread_does_not_write_while_another_one_has_the_turn():
    with told_apart():
        assert not asyncio.run(_Opened().may_write_while_another_has_the_turn())


def test_a_thread_writes_in_its_own_turn():
    with told_apart():
        assert asyncio.run(_Opened().may_write_in_its_turn())


def test_the_loop_writes():
    async def in_loop() -> bool:
        return _Opened().may_write()

    with told_apart():
        assert asyncio.run(in_loop())


def test_panel_alone_still_does_not_tell_threads_apart():
    """When this fails, `apps.pages.turns` may go."""
    assert asyncio.run(_Opened().may_write_while_another_has_the_turn())
