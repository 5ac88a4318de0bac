"""What happens to jobs, brought to a page that is open."""

import threading
from collections.abc import Callable

import panel as pn

from workbench.workbench import Workbench

_PAUSE = 400  # milliseconds: several changes in a moment are one look


def follow(bench: Workbench, look: Callable[[], None]) -> None:
    """Have `look` called in this page's own turn soon after each change of a job, until the page is closed.

    Jobs that run change without a word being written: their page is looked at every second as well.
    """
    document = pn.state.curdoc
    if document is None:
        return
    waits = threading.Event()

    def turn() -> None:
        waits.clear()
        look()

    def wake() -> None:
        if not waits.is_set():
            waits.set()
            document.add_next_tick_callback(later)

    def later() -> None:
        document.add_timeout_callback(turn, _PAUSE)

    stop = bench.changes.listen(wake)
    pn.state.on_session_destroyed(lambda context: stop())
