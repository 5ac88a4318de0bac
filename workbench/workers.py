"""What a cluster is to the outside: its workers, and where its dashboard is."""

from pipeline.model import Frozen

DASHBOARD = "/dask"
"""Where the dashboard of a cluster of our own begins, on its own address as on the server's."""


class WorkerState(Frozen):
    """A worker as it was at its last heartbeat."""

    name: str
    tasks: int
    """How many tasks it does now."""
    memory_bytes: int
    """What its process holds; the encoders that it starts are processes of their own."""
    memory_limit_bytes: int | None
    """None when it may take what the machine has."""
    cpu_percent: float
    """Of one processor."""


class ClusterState(Frozen):
    """A cluster at one moment."""

    workers: tuple[WorkerState, ...]
    is_own: bool
    """Whether this process has started it; its dashboard is then reached through the server."""
    dashboard: str | None = None
    """The address at which the dashboard of another's scheduler should be; None when it tells none."""
