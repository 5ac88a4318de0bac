"""What a server does by itself: the work that schedules ask for, and cleaning up."""

import threading
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.errors import PipelineError
from pipeline.model import Seconds, StageName
from workbench.calendar import Schedule
from workbench.database import Database
from workbench.errors import LibraryBroken, WorkbenchError
from workbench.jobs import now

_LOOK_EVERY: Seconds = 10.0
_CLEAN_EVERY = timedelta(hours=6)
_ANSWERS_KEPT = timedelta(days=2)


class Routine:
    """A thread that looks at the clock."""

    def __init__(
        self,
        database: Database,
        schedules: Sequence[Schedule],
        zone: ZoneInfo,
        keep: timedelta,
        start: Callable[[StageName | None], object],
    ) -> None:
        """`start` asks for a discovery, and for what is found to be taken to a stage; `keep` ended jobs."""
        self._database = database
        self._schedules = schedules
        self._zone = zone
        self._keep = keep
        self._start = start
        self._cleaned: datetime | None = None
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
                traceback.print_exc()
            self._end.wait(_LOOK_EVERY)

    def look(self, moment: datetime) -> None:
        """Start what is due at `moment`; now and then remove what is old."""
        last = {row["schedule"]: row["at_utc"] for row in self._database.read("schedule_runs")}
        for schedule in self._schedules:
            if schedule.due(last.get(schedule.text), moment, self._zone):
                self._begin(schedule, moment)
        if self._cleaned is None or moment - self._cleaned > _CLEAN_EVERY:
            self._cleaned = moment
            clean(self._database, moment - self._keep)

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


def clean(database: Database, before: datetime, *, dry_run: bool = False) -> list[str]:
    """Remove the jobs that ended `before`, with their logs and messages; or only say which they are."""
    gone = [row["job_id"] for row in database.read("old_jobs", {"before": before})]
    if not dry_run:

        def remove(query: Callable[..., object]) -> None:
            query("remove_old_jobs", {"before": before})
            query("remove_old_events", {})
            query("remove_old_deliveries", {"before": before})
            query("prune_answers", {"before": now() - _ANSWERS_KEPT})

        database.write(remove)
    return gone
