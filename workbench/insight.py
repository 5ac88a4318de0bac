"""How the work goes: what a job's tasks took, what was done in the last hours, and how the workers are."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench import figures
from workbench.cluster import OnEnd, OnProgress
from workbench.database import Database
from workbench.figures import Figures, Hour, TaskTime
from workbench.jobs import Status
from workbench.workers import ClusterState

if TYPE_CHECKING:
    from workbench.runner import Cluster

type Join = Callable[[OnProgress, OnEnd], "Cluster"]


class Insight:
    """Looks at the work of a library and changes nothing. Safe in threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cluster: Cluster | None = None

    def seeing(self, join: Join) -> Join:
        """`join`, after which the cluster that it gives can be looked at."""

        def joined(on_progress: OnProgress, on_end: OnEnd) -> "Cluster":
            self._cluster = join(on_progress, on_end)
            return self._cluster

        return joined

    def figures(self) -> Figures:
        """How the library stands, in numbers."""
        return figures.read(self._database)

    def jobs_of(self, episode_id: str, status: Status | None = None, limit: int = 5) -> list[str]:
        """The ids of an episode's newest jobs, the newest first."""
        values = {"episode_id": episode_id, "status": status, "limit": limit}
        return [row["job_id"] for row in self._database.read("jobs_of_episode", values)]

    def tasks(self, job_id: str) -> list[TaskTime]:
        """When each measured task of a job ran, the first to end first; the last ones of very many."""
        return figures.tasks_of(self._database, job_id)

    def last_day(self) -> list[Hour]:
        """What ended in each of the last 24 hours, the oldest first; hours without an end are left out."""
        return figures.last_day(self._database)

    def cluster(self) -> ClusterState | None:
        """The workers as they are now; None while no cluster was needed, or when it does not answer."""
        return self._cluster.state() if self._cluster else None

    def dashboard(self) -> str | None:
        """Where the dashboard of a cluster of our own answers on this machine; the first call starts it.

        None while there is no such cluster.
        """
        return self._cluster.dashboard() if self._cluster else None
