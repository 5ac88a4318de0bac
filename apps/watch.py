"""Shows how jobs go until they have ended, and minds Ctrl-C meanwhile.

On a terminal every open job has a row with a bar; in a pipe it has a line when its stage changes and
every ten seconds. How a job ended is one line that stays.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from apps import terminal
from pipeline.model import Report, Seconds, StageName
from workbench.errors import NotAllowed
from workbench.jobs import Job, Status

if TYPE_CHECKING:
    from workbench.door import Bench

_LOOK_FIRST: Seconds = 0.05
_LOOK_EVERY: Seconds = 0.1  # a stage may take no longer
_ASK_EVERY: Seconds = 0.5  # a server, which has others to answer
_SAY_EVERY: Seconds = 10.0
_AT_ONCE = "ignore:resource_tracker"
"""A second Ctrl-C leaves semaphores to Python's resource tracker, which removes them, and would say so."""
_NARROW = 110  # columns; below this the bar gives room to the words
_DOING = {
    None: "starting",
    StageName.DISCOVERED: "examining",
    StageName.TRANSCRIBED: "transcribing",
    StageName.ENRICHED: "enriching",
    StageName.RENDERED: "rendering",
    StageName.CLIPPED: "clipping",
}


class Signals:
    """While it is entered, Ctrl-C asks for a cancel and a second one stops at once; SIGTERM asks to leave."""

    def __init__(self) -> None:
        self.cancel = False
        self.leave = False

    def __enter__(self) -> Self:
        sys.warnoptions.append(_AT_ONCE)  # what the tracker is started with
        self._before = {
            signal.SIGINT: signal.signal(signal.SIGINT, self._interrupted),
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._terminated),
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        sys.warnoptions.remove(_AT_ONCE)
        for number, before in self._before.items():
            signal.signal(number, before)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self.cancel:
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h\n")  # the bars hide the cursor
            os._exit(terminal.CANCELLED)  # the workers and their ffmpeg end when this process is gone
        self.cancel = True

    def _terminated(self, number: int, frame: FrameType | None) -> None:
        self.leave = True


def watch(bench: "Bench", titles: Mapping[str, str], signals: Signals, *, cancel: bool = True) -> list[Job]:
    """Show the jobs in `titles` (job id → what to call it) until all have ended; return them.

    On the first Ctrl-C they are cancelled, or left alone if not `cancel`. Raises SystemExit when they are
    left alone, and on SIGTERM: the jobs stay open.
    """
    jobs: dict[str, Job] = {}
    left, told, pause = list(titles), False, _LOOK_FIRST
    with view(titles) as screen:
        while True:
            jobs |= {job.job_id: job for job in bench.jobs_with(left)}
            screen.update([jobs[job_id] for job_id in titles])
            left = [job_id for job_id in titles if not jobs[job_id].ended]
            if signals.leave:
                raise SystemExit(terminal.TERMINATED)
            if not left:
                return [jobs[job_id] for job_id in titles]
            if signals.cancel and not cancel:
                raise SystemExit(terminal.CANCELLED)
            if signals.cancel and not told:
                told = True
                screen.say("cancelling… press Ctrl-C again to stop at once")
                _cancel(bench, left)
            time.sleep(pause)
            pause = min(2 * pause, _ASK_EVERY if bench.detached else _LOOK_EVERY)


def _cancel(bench: "Bench", job_ids: list[str]) -> None:
    for job_id in job_ids:
        with suppress(NotAllowed):  # it has just ended
            bench.cancel(job_id)


@contextmanager
def share_view(title: str) -> Iterator[Report]:
    """A bar, or a line every ten seconds, for work of this process that reports its done share."""
    screen = terminal.console(sys.stderr)
    if _has_bars(screen):
        with Progress(*_columns(screen.width), console=screen, expand=True, transient=True) as progress:
            row = progress.add_task(title, total=1.0, stage="", message="", left="")
            yield lambda share: progress.update(row, completed=share)
        return
    said = -_SAY_EVERY

    def tell(share: float) -> None:
        nonlocal said
        if time.monotonic() - said >= _SAY_EVERY:
            said = time.monotonic()
            terminal.say(f"{title}: {share:.0%}")

    yield tell


class View(Protocol):
    """Where the state of jobs is shown."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...
    def update(self, jobs: list[Job]) -> None: ...
    def say(self, text: str) -> None: ...


def view(titles: Mapping[str, str]) -> View:
    """Bars on a terminal, lines elsewhere."""
    screen = terminal.console(sys.stderr)
    return Bars(titles) if _has_bars(screen) else Lines(titles)


def _has_bars(screen: Console) -> bool:
    return screen.file.isatty() and not screen.is_dumb_terminal  # FORCE_COLOR makes a pipe a "terminal"


class Lines:
    """A line for each change of stage, and now and then; of jobs that wait only when nothing runs."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles
        self._said: dict[str, tuple[str, Seconds]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        pass

    def update(self, jobs: list[Job]) -> None:
        now = time.monotonic()
        waiting = [job for job in jobs if job.status is Status.QUEUED]
        idle = not any(job.status is Status.RUNNING for job in jobs)
        told = [job for job in jobs if job.status is not Status.QUEUED]
        for job in told + (waiting[:1] if idle else []):
            said, at = self._said.setdefault(job.job_id, ("", now))
            state = said if job in waiting else str(job.status if job.ended else job.current_stage)
            is_due = not job.ended and now - at >= _SAY_EVERY
            if state != said or is_due:
                title = self._titles[job.job_id]
                for line in (_line(job, title), *_notes(job, title)):
                    self.say(line)
                self._said[job.job_id] = (state, now)

    def say(self, text: str) -> None:
        terminal.say(text)


class Bars:
    """A row with a bar for each open job, those that run first."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles
        self._screen = terminal.console(sys.stderr)
        self._progress = Progress(*_columns(self._screen.width), console=self._screen, expand=True)
        self._rows: dict[str, TaskID] = {}
        self._ended: set[str] = set()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for row in self._rows.values():
            self._progress.remove_task(row)
        self._progress.stop()

    def update(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.ended and job.job_id not in self._ended:
                self._end(job)
        still = sorted((job for job in jobs if not job.ended), key=lambda job: job.status is Status.QUEUED)
        room = max(1, self._screen.height - 3)
        for job in still[:room]:
            self._show(job)

    def say(self, text: str) -> None:
        self._progress.print(Text(terminal.on_one_line(text)))

    def _show(self, job: Job) -> None:
        if job.job_id not in self._rows:
            title = terminal.on_one_line(self._titles[job.job_id])
            self._rows[job.job_id] = self._progress.add_task(
                title, start=False, total=100, stage="", message="", left=""
            )
        row = self._rows[job.job_id]
        if job.status is Status.RUNNING:
            self._progress.start_task(row)
        self._progress.update(
            row,
            completed=job.progress,
            stage=_doing(job),
            message=terminal.on_one_line(job.waits_for or job.message),
            left=_time_left(job, short=self._screen.width < _NARROW),
        )

    def _end(self, job: Job) -> None:
        self._ended.add(job.job_id)
        if job.job_id in self._rows:
            self._progress.remove_task(self._rows.pop(job.job_id))
        title = self._titles[job.job_id]
        for line in (_line(job, title), *_notes(job, title)):
            self.say(line)


def _columns(width: int) -> tuple[TextColumn | BarColumn | TimeElapsedColumn, ...]:
    def text(form: str, *, ratio: int | None = None, min_width: int | None = None) -> TextColumn:
        shape = Column(no_wrap=True, overflow="ellipsis", ratio=ratio, min_width=min_width)
        return TextColumn(form, markup=False, table_column=shape)

    return (
        text("{task.description}", ratio=3),
        text("{task.fields[stage]}", min_width=12),
        BarColumn(bar_width=8 if width < _NARROW else 24),
        text("{task.percentage:>3.0f}%", min_width=4),
        text("{task.fields[message]}", ratio=4),
        text("{task.fields[left]}", min_width=11),
        TimeElapsedColumn(),
    )


def _line(job: Job, title: str) -> str:
    """The state of a job on one line."""
    if job.status is Status.FAILED:
        return f"{title}: failed: {job.failure.reason if job.failure else job.message}"
    if job.status is Status.CANCELLED:
        return f"{title}: cancelled"
    if job.status is Status.COMPLETED:
        return f"{title}: done{_took(job)}"
    if job.status is Status.QUEUED:
        parts = [job.waits_for or job.message or "waiting", _time_left(job)]
    else:
        parts = [_doing(job), f"{job.progress:.0f} %", job.message, _time_left(job)]
    return f"{title}: {', '.join(part for part in parts if part)}"


def _notes(job: Job, title: str) -> list[str]:
    """What is to be known of what came of a job, a line each."""
    return [f"{title}: note: {note}" for note in (job.result or {}).get("notes", ())]


def _doing(job: Job) -> str:
    return "waiting" if job.status is Status.QUEUED else _DOING[job.current_stage]


def _time_left(job: Job, *, short: bool = False) -> str:
    """As "3:10 left (90 %: 4:00)": the second time is enough nine times out of ten."""
    if job.eta_seconds is None:
        return "estimating…" if job.status is Status.RUNNING else ""
    left = terminal.clock(job.eta_seconds)
    most = left if short or job.eta_p90_seconds is None else terminal.clock(job.eta_p90_seconds)
    return f"{left} left" + (f" (90 %: {most})" if most != left else "")


def _took(job: Job) -> str:
    if not job.started_at or not job.finished_at:
        return ""
    return f" in {terminal.clock((job.finished_at - job.started_at).total_seconds())}"
