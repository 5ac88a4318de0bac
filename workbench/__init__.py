"""Jobs over the pipeline. The one door is `Workbench`.

from workbench import connect

with connect("my-library") as bench:
    job = bench.wait(bench.discover(["talk.mp4"]).job_id)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.door import connect
    from workbench.jobs import Job, Status
    from workbench.settings import Settings, load_settings
    from workbench.workbench import Workbench

__all__ = ["Job", "Settings", "Status", "Workbench", "connect", "load_settings"]

_HOMES = {
    "Job": "workbench.jobs",
    "Settings": "workbench.settings",
    "Status": "workbench.jobs",
    "Workbench": "workbench.workbench",
    "connect": "workbench.door",
    "load_settings": "workbench.settings",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for: a Dask worker imports this package, and needs neither database nor door."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")
