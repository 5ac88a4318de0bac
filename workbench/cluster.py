"""How a library comes to the cluster that works for it, once there is work."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.model import Share
from workbench.jobs import Outcome
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.runner import Cluster

type OnProgress = Callable[[str, Share], None]
type OnEnd = Callable[[Outcome], None]


def cluster_of(settings: Settings, *, patient: bool) -> Callable[[OnProgress, OnEnd], "Cluster"]:
    """What joins the set scheduler, or starts workers of its own.

    Who is `patient` waits for a scheduler that is not there yet.
    """

    def join(on_progress: OnProgress, on_end: OnEnd) -> "Cluster":
        from workbench import runner  # Dask takes half a second to load, and many commands need none

        environment = {"IMAGEIO_FFMPEG_EXE": str(settings.ffmpeg)} if settings.ffmpeg else {}
        return runner.connect(
            settings.scheduler, settings.worker_count, environment, on_progress, on_end, patient=patient
        )

    return join
