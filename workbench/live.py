"""What a job looks like while it runs, from what its tasks have told."""

import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

from pipeline.errors import PipelineError
from pipeline.model import Seconds, StageName
from workbench import estimate
from workbench.attempts import Attempt
from workbench.errors import WorkbenchError
from workbench.forecast import Spent
from workbench.jobs import Job
from workbench.work import Agenda, Work


@dataclass(frozen=True)
class Live:
    """What a job looks like at this moment."""

    progress: float
    stage: StageName | None
    message: str
    eta_seconds: Seconds | None = None
    eta_p90_seconds: Seconds | None = None
    waits_for: str | None = None

    def of(self, job: Job) -> Job:
        """`job` as it looks now."""
        look = {
            "progress": self.progress,
            "current_stage": self.stage,
            "message": self.message,
            "eta_seconds": self.eta_seconds,
            "eta_p90_seconds": self.eta_p90_seconds,
            "waits_for": self.waits_for,
        }
        made = copy(job)
        vars(made).update(look)  # as `model_copy`, without a set of these names in each look that is kept
        return made


@dataclass
class Active:
    """A job that is being worked on."""

    job: Job
    work: Work
    agenda: Agenda
    stale: bool = True
    """Whether something has happened since the agenda was made."""
    worked: Seconds = 0.0
    """For how long at least one of its tasks has run."""
    counted_at: float = field(default_factory=time.monotonic)
    spent: list[Spent] = field(default_factory=list)
    """The tasks that have ended here."""
    written_at: float = 0.0
    written: Live | None = None
    live: Live | None = None

    @property
    def keys(self) -> set[str]:
        """Of the tasks that it waits for."""
        return {task.key for task in self.agenda.tasks}

    def count(self, *, works: bool) -> None:
        """Add the time since the last count to what it has worked, if it `works`."""
        now = time.monotonic()
        self.worked += (now - self.counted_at) * works
        self.counted_at = now


def look(active: Active, running: Sequence[Attempt], waits_for: str | None) -> Live:
    """How far a job is, of whose tasks `running` are under way; never less far than it was."""
    done = active.agenda.done + sum(attempt.share * attempt.task.share for attempt in running)
    stage, work = active.agenda.stage, active.work
    percent = estimate.percent(stage, min(done, 1.0), work.target, work.usual)
    percent = max(percent, active.live.progress if active.live else active.job.progress)
    if not running:
        return Live(percent, stage, waits_for or "waiting for a worker", waits_for=waits_for)
    more = f" and {len(running) - 1} more" if len(running) > 1 else ""
    return Live(percent, stage, running[0].task.name + more)


def reason_of(error: Exception) -> str:
    """Why an error ends a job, in one sentence."""
    if isinstance(error, PipelineError | WorkbenchError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"the library cannot be written: {error.strerror} ({error.filename or 'no file named'})"
    return f"an error that should not happen: {error!r}"
