"""Why each job waits, and how long it will still take.

The course of the running jobs and of the first queued ones is worked out at most once a second, at the pace
that was measured in this library; those further behind are told by the mean of these.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from pipeline.model import Seconds, StageName
from workbench.admission import Queue, Waiting
from workbench.attempts import Attempt, Attempts
from workbench.calendar import closings
from workbench.errors import WorkbenchError
from workbench.forecast import (
    Outlook,
    Pace,
    Phase,
    Spent,
    Times,
    discovery,
    forecast,
    remaining,
    usual_of,
)
from workbench.jobs import Duration, Job, JobType, now
from workbench.live import Active, Live
from workbench.retries import Retries
from workbench.rules import Rules
from workbench.store import Store
from workbench.work import phases_for, wanted_of

HORIZON = 100
"""Running, and queued, jobs whose course is worked out one by one."""
_REFRESH_EVERY: Seconds = 1.0
_ORDER = tuple(StageName)


class Outlooks:
    """What can be told of the time that jobs still take; for the dispatcher's thread, but for `waiting`."""

    def __init__(
        self, store: Store, rules: Rules, queue: Queue, attempts: Attempts, retries: Retries
    ) -> None:
        self._store = store
        self._rules = rules
        self._queue = queue
        self._attempts = attempts
        self._retries = retries
        self._measured = store.durations()
        self._is_measured = True
        self._wholes: dict[str, tuple[Job, tuple[Phase, ...], StageName]] = {}
        """Of the first queued jobs: what they ask for, all of its phases, and where the episode stood."""
        self._told: dict[str, Times | None] = {}
        self._last: tuple[int, Times | None] = 0, None
        """How many of the line are told, and the time of the last of them."""
        self._shut: list[tuple[Seconds, Seconds]] = []
        """When nothing starts, from the last refresh on."""
        self._refreshed = 0.0

    def measured(self, attempt: Attempt, waiting: Sequence[Active]) -> None:
        """A task has ended: remember for how long it kept its worker."""
        busy, task = time.monotonic() - attempt.started, attempt.task
        for active in waiting:
            active.spent.append(Spent(task.step, usual_of(task, active.work.phases), busy))
        if waiting and self._attempts.slots:
            phases = waiting[0].work.phases
            duration = Duration(
                job_id=waiting[0].job.job_id,
                stage=task.stage,
                step=task.step,
                model=next((each.model for each in phases if each.step == task.step), ""),
                workers=self._attempts.slots,
                usual_seconds=usual_of(task, phases),
                wall_seconds=busy,
            )
            self._store.add_duration(duration)
            self._is_measured = False

    def refresh(self, running: Sequence[Active]) -> None:
        """Bring the times left up to date; `running` in the order in which they get workers."""
        if time.monotonic() - self._refreshed < _REFRESH_EVERY:
            return
        self._refreshed = time.monotonic()
        if not self._is_measured:
            self._measured, self._is_measured = self._store.durations(), True
        closed = self._closed()
        if self._rules.pause() and not any(start <= 0 for start, _ in closed):
            self._told, self._last = {}, (0, None)  # nobody knows when the disk will have room
            return
        slots, pace = self._attempts.slots, Pace(self._measured, self._attempts.slots)
        line = self._queue.ahead(HORIZON, [active.job.job_id for active in running])
        jobs = [*map(self._running, running[:HORIZON]), *self._queued(running, line)]
        self._told = forecast(jobs, slots, self._rules.limits, self._rules.parallel, pace, closed)
        self._last = len(line), self._told[line[-1].job_id] if line else None
        self._shut = closed

    def timed(self, job_id: str, live: Live) -> Live:
        """`live` with the time left, counted in whole seconds so that it does not change all the time."""
        return self._with(live, self._told.get(job_id))

    def waiting(self, job: Job) -> Live:
        """What a job that has not started looks like."""
        reason = self._reason(job)
        told = self._told  # another one a moment later
        times = told[job.job_id] if job.job_id in told else self._behind(job)
        return self._with(Live(job.progress, job.current_stage, reason, waits_for=reason), times)

    def _with(self, live: Live, times: Times | None) -> Live:
        if times is None:
            return live
        age = time.monotonic() - self._refreshed
        p50, p90 = (round(max(0.0, each - age)) for each in (times.p50, times.p90))
        return replace(live, eta_seconds=p50, eta_p90_seconds=p90)

    def _behind(self, job: Job) -> Times | None:
        """The time of a job that is too far behind to be worked out: by the mean of those before it.

        It is the work that takes so many times as long; windows of maintenance come when they come.
        """
        (count, last), before = self._last, self._queue.before(job.job_id)
        if not last or before < count or self._queue.waits_for(job.job_id):
            return None
        times, shut = (before + 1) / count, self._shut
        return Times(*(_around(times * _open(each, shut), shut) for each in (last.p50, last.p90)))

    def _reason(self, job: Job) -> str:
        if first := self._queue.waits_for(job.job_id):
            return f"waiting for job {first}"
        if paused := self._rules.pause():
            return paused
        before = self._queue.before(job.job_id)
        return for_a_slot(before) if before else "next to start"

    def _closed(self) -> list[tuple[Seconds, Seconds]]:
        moment = now()
        return [
            ((start - moment).total_seconds(), (end - moment).total_seconds())
            for start, end in closings(self._rules.windows, moment, self._rules.zone)
        ]

    def _running(self, active: Active) -> Outlook:
        tasks, keys = active.agenda.tasks, active.keys
        at_work = {attempt.task.key: attempt for attempt in self._attempts.at(keys)}
        shares = [(task, at_work[task.key].share if task.key in at_work else None) for task in tasks]
        phases = remaining(active.work.phases, active.agenda.stage, shares)
        under_way = (
            Spent(
                attempt.task.step,
                attempt.share * usual_of(attempt.task, active.work.phases),
                time.monotonic() - attempt.started,
            )
            for attempt in at_work.values()
        )
        job, rest = active.job, 0.0 if at_work else self._retries.rest(keys)
        phases += _not_offered(active)
        return Outlook(job.job_id, phases, rest, None, job.episode_id, True, (*active.spent, *under_way))

    def _queued(self, running: Sequence[Active], line: Sequence[Waiting]) -> list[Outlook]:
        """What is ahead of the jobs in `line`: what one before them does for the same episode is done."""
        known = self._wholes
        self._wholes = {each.job_id: known.get(each.job_id) or self._whole(each.job_id) for each in line}
        reached = {active.job.episode_id: active.work.target for active in running}
        outlooks: list[Outlook] = []
        for each in line:
            job, phases, stage = self._wholes[each.job_id]
            furthest = max(stage, reached.get(job.episode_id, stage), key=_ORDER.index)
            ahead = remaining(phases, _spared(job, furthest)) if job.episode_id else phases
            after = self._queue.waits_for(each.job_id)
            outlooks.append(Outlook(each.job_id, ahead, 0.0, after, each.episode_id))
            reached[job.episode_id] = max((furthest, *(phase.stage for phase in phases)), key=_ORDER.index)
        return outlooks

    def _whole(self, job_id: str) -> tuple[Job, tuple[Phase, ...], StageName]:
        """A job that cannot even be read has nothing ahead of it: it fails when its turn comes."""
        job = self._store.job(job_id)
        with suppress(WorkbenchError, ValueError, LookupError):
            if job.job_type is JobType.DISCOVER:
                return job, discovery(len(job.params["files"])), StageName.DISCOVERED
            episode = self._store.episode(job.episode_id or "")
            return job, phases_for(wanted_of(job.params), episode.duration), episode.stage
        return job, (), StageName.DISCOVERED


def for_a_slot(before: int) -> str:
    """That a job waits until the workers have time for it, with `before` jobs before it."""
    return (
        f"waiting for a slot: {before} job{'s' * (before != 1)} before it" if before else "waiting for a slot"
    )


def _spared(job: Job, reached: StageName) -> StageName:
    """Up to which stage nothing is left to do for `job` once its episode has `reached` one."""
    if job.params["force_reprocess"]:
        return StageName.DISCOVERED
    if job.job_type is JobType.RENDER_CLIPS:  # in other renditions than before, or it would not be asked for
        return min(reached, StageName.RENDERED, key=_ORDER.index)
    return reached


def _not_offered(active: Active) -> tuple[Phase, ...]:
    """Of a discovery the files that are not among its tasks yet."""
    if active.job.job_type is not JobType.DISCOVER:
        return ()
    files = sum(phase.width for phase in active.work.phases)
    return discovery(round(files * (1 - active.agenda.done)) - len(active.agenda.tasks))


def _open(until: Seconds, shut: Sequence[tuple[Seconds, Seconds]]) -> Seconds:
    """How much of the time `until` then is outside the times that are `shut`."""
    return until - sum(max(0.0, min(end, until) - max(start, 0.0)) for start, end in shut)


def _around(work: Seconds, shut: Sequence[tuple[Seconds, Seconds]]) -> Seconds:
    """When so much work is done that nobody does in the times that are `shut`, which are in order."""
    for start, end in shut:
        if work > max(start, 0.0):
            work += end - max(start, 0.0)
    return work
