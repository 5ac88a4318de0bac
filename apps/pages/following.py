"""What happens to jobs, brought to a page that is open."""

import threading
from collections.abc import Callable
from contextlib import suppress

import panel as pn

from apps.pages.access import Visitor
from workbench.errors import NotFound
from workbench.jobs import Job, JobType, Status
from workbench.workbench import Workbench

_PAUSE = 400  # milliseconds: several changes in a moment are one look


def follow(bench: Workbench, visitor: Visitor, look: Callable[[], None]) -> None:
    """Have `look` called in this page's own turn soon after each change of a job, until the page is closed.

    Whoever has the page open is told of each job that ends.
    """
    document = pn.state.curdoc
    if document is None:
        return
    waits = threading.Event()
    seen = bench.changes.number

    def turn() -> None:
        nonlocal seen
        waits.clear()
        changed, seen = bench.changes.since(seen) or [], bench.changes.number
        for _, job in changed:
            if job.ended and job.job_type is not JobType.DISCOVER:
                _tell(bench, visitor, job)
        look()

    def wake() -> None:
        if not waits.is_set():
            waits.set()
            document.add_next_tick_callback(later)

    def later() -> None:
        document.add_timeout_callback(turn, _PAUSE)

    stop = bench.changes.listen(wake)
    pn.state.on_session_destroyed(lambda context: stop())


def _tell(bench: Workbench, visitor: Visitor, job: Job) -> None:
    about = job.episode_id or job.job_id
    with suppress(NotFound):
        about = bench.episode(about).title
    if job.status is Status.FAILED and job.failure:
        pn.state.notifications.error(f"{about}: {visitor.may_know(job.failure.reason)}", duration=0)
    else:
        pn.state.notifications.success(f"{about} is {job.status}", duration=6000)
