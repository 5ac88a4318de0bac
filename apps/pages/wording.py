"""How the pages say what the `Workbench` knows: lengths, moments, stages and states."""

from datetime import UTC, datetime

from pipeline.model import Seconds, StageName
from workbench.jobs import Job, JobType, Status
from workbench.reviewed import State

STAGES = {
    StageName.DISCOVERED: "Found",
    StageName.TRANSCRIBED: "Transcribed",
    StageName.ENRICHED: "Enriched",
    StageName.RENDERED: "Page and subtitles ready",
    StageName.CLIPPED: "Clips ready",
}
STATES = {
    Status.QUEUED: "Waiting",
    Status.RUNNING: "Running",
    Status.COMPLETED: "Done",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancelled",
}
REVIEWS = {
    State.PROPOSED: "Proposed",
    State.IN_REVIEW: "In review",
    State.APPROVED: "Approved",
    State.PUBLISHED: "Published",
}
KINDS = {
    JobType.DISCOVER: "Look for recordings",
    JobType.PROCESS: "Process",
    JobType.RENDER_CLIPS: "Render clips",
}


def length(seconds: Seconds) -> str:
    """A length of time as people say it, to two places: "45 s", "12 min", "1 h 5 min"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def ago(moment: datetime, at: datetime | None = None) -> str:
    """How long ago something was, and the day once that is longer than a week."""
    passed = ((at or datetime.now(UTC)) - moment).total_seconds()
    if passed < 45:
        return "just now"
    if passed < 7 * 24 * 3600:
        days = int(passed // (24 * 3600))
        return f"{days} day{'s' * (days != 1)} ago" if days else f"{length(passed)} ago"
    return f"{moment.day} {moment:%B %Y}"


def left(job: Job) -> str:
    """The time that a job still takes, if that can be told: "about 3 min, at most 5 min"."""
    if job.ended or job.eta_seconds is None:
        return ""
    likely, most = length(job.eta_seconds), length(job.eta_p90_seconds or job.eta_seconds)
    return f"about {likely} left" if likely == most else f"about {likely} left, at most {most}"


def size(count: float) -> str:
    """An amount of data: "3.2 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("bytes", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def sentence(said: str) -> str:
    """What the pipeline says in passing, as a sentence that stands alone."""
    return f"{said[:1].upper()}{said[1:]}."
