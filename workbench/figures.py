"""How a library stands, in numbers: a few grouped counts, cheap to ask for."""

from collections.abc import Iterable
from datetime import datetime

from pipeline.model import Frozen, Seconds
from workbench.database import Database, Row


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


def _oldest(rows: Iterable[Row]) -> datetime | None:
    return min((row["oldest"] for row in rows), default=None)
