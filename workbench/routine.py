"""What a server does by itself: the work that schedules ask for, and cleaning up."""

import logging
import threading
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.errors import PipelineError
from pipeline.model import Seconds, StageName
from workbench.calendar import Schedule
from workbench.database import Database
from workbench.errors import LibraryBroken, NotAllowed, WorkbenchError
from workbench.jobs import now

_LOG = logging.getLogger(__name__)
_LOOK_EVERY: Seconds = 10.0
_CLEAN_EVERY = timedelta(hours=6)
_CLEAN_AGAIN = timedelta(minutes=10)
"""After a job was in the way: to look through a library's artefacts takes the disk some time."""


class Routine:
    """A thread that looks at the clock."""

    def __init__(
        self,
        database: Database,
        schedules: Callable[[], Sequence[Schedule]],
        zone: ZoneInfo,
        start: Callable[[StageName | None], object],
        clean_up: Callable[[], object],
    ) -> None:
        """`schedules` gives those that count now; `start` asks for a discovery, and for what is found to be
        taken to a stage."""
        self._database = database
        self._schedules = schedules
        self._zone = zone
        self._start = start
        self._clean_up = clean_up
        self._clean_at: datetime | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="routine", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self.look(now())
            except LibraryBroken:
                pass  # it is being closed
            except Exception:  # noqa: BLE001 - the next look may go well
                _LOG.exception("what a schedule asks for could not be started")
            self._end.wait(_LOOK_EVERY)

    def look(self, moment: datetime) -> None:
        """Start what is due at `moment`; now and then remove what is old."""
        schedules = {schedule.text: schedule for schedule in self._schedules()}
        last = {row["schedule"]: row["at_utc"] for row in self._database.read("schedule_runs")}
        for text, schedule in schedules.items():
            if schedule.due(last.get(text), moment, self._zone):
                self._begin(schedule, moment)
        self._remember(schedules.keys(), last.keys(), moment)
        if self._clean_at is None or moment >= self._clean_at:
            self._clean_at = moment + _CLEAN_AGAIN
            with suppress(NotAllowed):  # a job runs: a quieter moment will come
                self._clean_up()
                self._clean_at = moment + _CLEAN_EVERY

    def _remember(self, now: Set[str], before: Set[str], moment: datetime) -> None:
        """A schedule counts from when it was first seen: what the machine sleeps through later was missed.

        One that is gone is forgotten: should it come back, it has missed nothing.
        """

        def note(query: Callable[..., object]) -> None:
            for text in now - before:
                query("see_schedule", {"schedule": text, "at": moment})
            for text in before - now - {""}:
                query("forget_schedule", {"schedule": text})

        if now ^ (before - {""}):
            self._database.write(note)

    def _begin(self, schedule: Schedule, moment: datetime) -> None:
        """A schedule that cannot start is in the audit, and is tried again at its next time."""
        said = schedule.text
        try:
            self._start(schedule.target)
        except (WorkbenchError, PipelineError, OSError) as error:
            said = f"{schedule.text}: {error}"
        row = {"at": moment, "who": "schedule", "action": "discover", "what": said}

        def note(query: Callable[..., object]) -> None:
            query("save_schedule_run", {"schedule": schedule.text, "at": moment})
            query("add_audit", row)

        self._database.write(note)
