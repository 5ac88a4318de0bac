"""Why each job waits, and how long it will still take.

The workers' time is counted: what a job needs of it, by what its stages cost here before, after what the
jobs before it need. A job whose stages were never measured here is extrapolated once a tenth is done.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from pipeline.model import Seconds, StageName
from workbench import estimate
from workbench.admission import Queue
from workbench.jobs import Job
from workbench.live import Active, Attempt, Live
from workbench.rules import Rules
from workbench.store import Store
from workbench.work import Work

_SIDE_BY_SIDE = (StageName.TRANSCRIBED, StageName.CLIPPED)
"""Stages of many tasks: the others keep one worker busy."""
_REFRESH_EVERY: Seconds = 0.5
_MARGIN = 1.3
"""Nine times out of ten a job takes less than this many times the estimate."""


class Outlooks:
    """What can be told of the time that jobs still take; for the dispatcher's thread."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self._rules = rules
        self._rates = estimate.Rates(store.durations())
        self._left: dict[str, Seconds | None] = {}
        self._refreshed = 0.0

    def measured(self, attempt: Attempt, work: Work, slots: int) -> None:
        """A task has ended: remember for how long it kept its worker."""
        usual = work.usual[attempt.task.stage] * attempt.task.share
        if usual and slots:
            busy = time.monotonic() - attempt.started
            self._store.add_duration(attempt.task.stage, work.model, slots, usual, busy)

    def refresh(self, running: Sequence[Active], slots: int) -> None:
        """Bring the time left of the running jobs up to date, in the order in which they get workers."""
        if time.monotonic() - self._refreshed < _REFRESH_EVERY:
            return
        self._refreshed = time.monotonic()
        before: Seconds = 0.0
        left: dict[str, Seconds | None] = {}
        for active in running:
            alone, workers = self._alone(active, slots)
            left[active.job.job_id] = alone + before if alone is not None else None
            before += workers / slots if slots else 0.0
        self._left = left

    def renew(self) -> None:
        """Take in what was measured since; when a job ends."""
        self._rates = estimate.Rates(self._store.durations())

    def timed(self, job_id: str, live: Live) -> Live:
        """`live` with the time left, counted in whole seconds so that it does not change all the time."""
        left = self._left.get(job_id)
        if left is None:
            return live
        return replace(live, eta_seconds=round(left), eta_p90_seconds=round(left * _MARGIN))

    def waiting(self, job: Job, queue: Queue) -> Live:
        """What a job that has not started looks like."""
        reason = self._reason(job, queue)
        return Live(job.progress, job.current_stage, reason, waits_for=reason)

    def _reason(self, job: Job, queue: Queue) -> str:
        if first := queue.waits_for(job.job_id):
            return f"waiting for job {first}"
        if paused := self._rules.pause():
            return paused
        before = queue.before(job.job_id)
        if not before:
            return "next to start"
        return f"waiting for a slot: {before} job{'s' * (before > 1)} before it"

    def _alone(self, active: Active, slots: int) -> tuple[Seconds | None, Seconds]:
        """The time that a job would take if it had all workers, and the workers' time in it."""
        work, total, workers = active.work, 0.0, 0.0
        if not any(work.usual.values()):
            return self._extrapolated(active), 0.0
        for stage, usual in estimate.left(active.agenda.stage, active.done, work.target, work.usual).items():
            cost = self._rates.worker_seconds(stage, usual, work.model, slots)
            if cost is None:
                return self._extrapolated(active), 0.0
            total += cost / max(1, slots if stage in _SIDE_BY_SIDE else 1)
            workers += cost
        return total, workers

    def _extrapolated(self, active: Active) -> Seconds | None:
        if active.live is None:
            return None
        if active.first_percent is None:
            active.first_percent = active.live.progress
        elapsed = time.monotonic() - active.started
        return estimate.extrapolated(elapsed, active.first_percent, active.live.progress)
