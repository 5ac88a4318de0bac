"""Short ways to a library with quick settings, for the tests of the workbench."""

from pathlib import Path

from pipeline.model import AspectRatio, Variant
from workbench import Settings, Workbench
from workbench.jobs import Job, Status


def settings_for(library: Path, **changes: object) -> Settings:
    """Quick settings: two workers, two clips in two renditions."""
    quick = {"workers": 2, "model": "tiny.en", "clip_count": 2, "stable_seconds": 0}
    formats = {"variants": (Variant.CLEAN, Variant.SUBTITLED), "aspect_ratios": (AspectRatio.VERTICAL,)}
    return Settings.model_validate({"library": library} | quick | formats | changes)


def found(bench: Workbench, *paths: Path) -> Job:
    job = bench.wait(bench.discover(paths).job_id, timeout=120)
    assert job.status is Status.COMPLETED
    return job


def the_episode(bench: Workbench, path: Path) -> str:
    """The id of the one episode that `path` is."""
    (episode,) = (found(bench, path).result or {})["episodes"]
    return str(episode["episode_id"])
