"""How a library stands, in numbers: a few grouped counts, cheap to ask for."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pipeline.model import Frozen, Seconds, StageName
from workbench.database import Database, Row
from workbench.jobs import now

MOST_TASKS = 2000
"""Of one job that are told."""


class Figures(Frozen):
    """Counts at one moment. Times are UTC."""

    jobs: dict[tuple[str, str], int]
    """Type and status → how many."""
    queued_since: datetime | None
    """When the oldest job that waits was asked for."""
    deliveries: dict[tuple[str, str], int]
    """Kind and state → how many."""
    pending_since: datetime | None
    """When the oldest message that has not arrived was written."""
    tasks: dict[str, tuple[int, Seconds]]
    """Stage → how many tasks were measured, and how long they took together."""


class TaskTime(Frozen):
    """A task that has ended well, and when it had its worker. Times are UTC."""

    stage: StageName
    step: str
    model: str
    """The speech or language model that it used, if any."""
    start: datetime
    end: datetime


class Hour(Frozen):
    """What ended within one hour."""

    hours_ago: int
    """How many whole hours passed since: 0 is the hour until now."""
    completed: int
    failed: int
    media_seconds: Seconds
    """How long the recordings of the completed processings are, together."""


def read(database: Database) -> Figures:
    """The figures as they are now."""
    jobs, deliveries = database.read("job_figures"), database.read("delivery_figures")
    return Figures(
        jobs={(row["job_type"], row["status"]): row["count"] for row in jobs},
        queued_since=_oldest(row for row in jobs if row["status"] == "queued"),
        deliveries={(row["kind"], row["state"]): row["count"] for row in deliveries},
        pending_since=_oldest(row for row in deliveries if row["state"] == "pending"),
        tasks={row["stage"]: (row["count"], row["seconds"]) for row in database.read("stage_figures")},
    )


def tasks_of(database: Database, job_id: str) -> list[TaskTime]:
    """The measured tasks of a job, the first to end first; of very many the last `MOST_TASKS`."""
    rows = database.read("job_tasks", {"job_id": job_id, "limit": MOST_TASKS})
    return [
        TaskTime(
            stage=row["stage"],
            step=row["step"],
            model=row["model"],
            start=row["at_utc"] - timedelta(seconds=row["wall_seconds"]),
            end=row["at_utc"],
        )
        for row in reversed(rows)
    ]


def last_day(database: Database) -> list[Hour]:
    """What ended in the last 24 hours, hour by hour, the oldest first."""
    return [Hour.model_validate(row) for row in database.read("last_day", {"now": now()})]


def _oldest(rows: Iterable[Row]) -> datetime | None:
    return min((row["oldest"] for row in rows), default=None)
