"""Waits for the end of a job, or of an upload, and shows meanwhile how far it is: a bar for both doors.

On a terminal the bar is text, in a notebook a widget; in a pipe there is none.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.model import Seconds
from workbench.jobs import Job

_LOOK_EVERY: Seconds = 1.0  # while somebody watches
_LOOK_SELDOM: Seconds = 30.0


def until_ended(look: Callable[[Seconds], Job], timeout: Seconds | None, *, bar: bool) -> Job:
    """The job once it has ended, or as it is after `timeout` seconds; with `bar` its progress is shown.

    `look` gives the job once it has ended, or after as many seconds as it is told. When it gives an open
    one before that, nobody is left to end it, and it is returned as it is.
    """
    ends = time.monotonic() + (float("inf") if timeout is None else timeout)
    with job_bar(bar) as show:
        while True:
            asked_at = time.monotonic()
            most = min(_LOOK_EVERY if bar else _LOOK_SELDOM, max(0.0, ends - asked_at))
            job = look(most)
            show(job)
            now = time.monotonic()
            if job.ended or now >= ends or now - asked_at < most / 2:
                return job


@contextmanager
def job_bar(wanted: bool) -> Iterator[Callable[[Job], None]]:
    """Shows a job's progress, where there is somebody to see it."""
    if not wanted:
        yield lambda job: None
        return
    from tqdm.auto import tqdm  # a text in terminals, a widget in notebooks that have them

    bar = "{bar}" if _in_notebook() else "{bar:30}"  # a widget has its own width
    form = "{desc}: {percentage:3.0f}%|" + bar + "| {elapsed}{postfix}"
    with tqdm(total=100.0, bar_format=form, disable=_hidden()) as shown:

        def show(job: Job) -> None:
            left = "" if job.eta_seconds is None else f", {tqdm.format_interval(job.eta_seconds)} left"
            shown.set_description_str(job.episode_id or job.job_type, refresh=False)
            shown.set_postfix_str(f"{job.message or job.status}{left}", refresh=False)
            shown.n = job.progress
            shown.refresh()

        yield show


@contextmanager
def bytes_bar(file: Path, wanted: bool) -> Iterator[Callable[[int], None]]:
    """Shows how much of a file has come, where there is somebody to see it."""
    if not wanted:
        yield lambda came: None
        return
    from tqdm.auto import tqdm

    size = file.stat().st_size
    with tqdm(total=size, desc=file.name, unit="B", unit_scale=True, disable=_hidden()) as shown:

        def show(came: int) -> None:
            shown.n = came
            shown.refresh()

        yield show


def _hidden() -> bool | None:
    """None: not in a pipe. A notebook's output is no terminal, and is read by a person all the same."""
    return False if _in_notebook() else None


def _in_notebook() -> bool:
    return "ipykernel.zmqshell" in sys.modules
