"""What happens to jobs, brought to a page that is open."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import panel as pn
from panel.io.callbacks import PeriodicCallback

from apps.pages.access import Visitor
from workbench.errors import NotFound
from workbench.jobs import Job, JobType, Status
from workbench.workbench import Workbench

_ONE_BY_ONE = 3  # ends that are told each; more are told in one sentence
_SHOWN = 6000  # milliseconds
_PAUSE = 400  # milliseconds: several changes in a moment are one look
_EDIT_PAUSE = 60  # whoever corrects a word wants to see it


def follow(bench: Workbench, visitor: Visitor, look: Callable[[], None]) -> None:
    """Have `look` called in this page's own turn soon after each change of a job, or of what people edit.

    That goes on until the page is closed, and whoever has it open is told of each job that ends.
    """
    document = pn.state.curdoc
    if document is None:
        return
    waits, turns = threading.Event(), threading.Lock()
    seen = bench.changes.number

    def turn() -> None:
        nonlocal seen
        waits.clear()
        with turns:
            ended, seen = _ended_since(bench, seen)
            _tell(bench, visitor, ended)
            look()

    def wake(pause: int) -> None:
        if waits.is_set():
            return
        waits.set()
        with suppress(AttributeError, RuntimeError):  # the page is being closed
            document.add_next_tick_callback(lambda: document.add_timeout_callback(turn, pause))

    stops = (
        bench.changes.listen(partial(wake, _PAUSE)),
        bench.editing.listen(partial(wake, _EDIT_PAUSE)),
    )
    pn.state.on_session_destroyed(lambda context: [stop() for stop in stops])


def every_second(look: Callable[[], None]) -> None:
    """Have `look` called each second while the page is open; to Panel that is nothing to wait for."""
    PeriodicCallback(callback=look, period=1000, background=True).start()


def _ended_since(bench: Workbench, number: int) -> tuple[list[Job], int]:
    """The jobs that ended after the change `number`, and the number of the latest that was looked at."""
    latest = bench.changes.number
    changed = bench.changes.since(number)
    if changed is None:  # it was too long ago
        return [], latest
    ended = [job for _, job in changed if job.ended and job.job_type is not JobType.DISCOVER]
    return ended, changed[-1][0] if changed else number


def _tell(bench: Workbench, visitor: Visitor, ended: Sequence[Job]) -> None:
    if len(ended) > _ONE_BY_ONE:
        failed = sum(job.status is Status.FAILED for job in ended)
        pn.state.notifications.info(f"{len(ended)} jobs have ended, {failed} of them failed", duration=_SHOWN)
        return
    for job in ended:
        about = job.episode_id or job.job_id
        with suppress(NotFound):
            about = bench.episode(about).title
        if job.status is Status.FAILED and job.failure:
            reason = visitor.may_know(job.failure.reason)
            pn.state.notifications.error(f"{about}: {reason}", duration=2 * _SHOWN)
        else:
            pn.state.notifications.success(f"{about} is {job.status}", duration=_SHOWN)
