"""The course of events: when jobs end that share slots, worked out by the rules of the dispatcher.

Jobs take their places in order, at most so many episodes at once; the tasks of the earlier one go first; what
has started is finished. Tasks of one leg that start together end together, so that is one event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from pipeline.model import Seconds, StageName


class Leg(NamedTuple):
    """One or more tasks of a job that can run side by side; the legs of a job follow each other."""

    stage: StageName
    each: Seconds
    """Length of each task that waits."""
    waiting: int
    begun: tuple[Seconds, ...] = ()
    """What is left of each task that runs when the job takes its place."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A job as it is at first: what is ahead of it, and what holds it (see `forecast.Outlook`)."""

    job_id: str
    legs: Sequence[Leg]
    starts_at: Seconds = 0.0
    after: str | None = None
    episode_id: str | None = None
    running: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What all jobs share."""

    slots: int
    limits: Mapping[StageName, int]
    """The most tasks of a stage at once."""
    parallel: int
    """The most episodes at once."""
    closed: Sequence[tuple[Seconds, Seconds]] = ()
    """Start and end of each time in which nothing starts."""


class _Job:
    """A job that is underway, or in line."""

    __slots__ = ("busy", "each", "held", "legs", "place", "plan", "stage", "waiting")

    def __init__(self, place: int, plan: Planned) -> None:
        self.place = place
        self.plan = plan
        self.legs = [*reversed(plan.legs)]
        self.stage = StageName.DISCOVERED
        self.each: Seconds = 0.0
        self.waiting = 0
        self.busy = 0
        self.held = False

    def __lt__(self, other: "_Job") -> bool:
        return self.place < other.place


class Course:
    """One course of events, from now on."""

    def __init__(self, jobs: Iterable[Planned], open_ids: Iterable[str], terms: Terms) -> None:
        """`jobs` in order, of all the jobs that have not ended."""
        self._now: Seconds = 0.0
        self._number = 0
        self._free = terms.slots
        self._room = dict(terms.limits)
        self._parallel = terms.parallel
        self._closed = terms.closed
        self._open = set(open_ids)
        self._ends: dict[str, Seconds] = {}
        self._events: list[tuple[Seconds, int, _Job | None, int]] = []
        """When; a number, so that jobs are not compared; whose; how many of its tasks end, 0 to let it go."""
        self._active: list[_Job] = []
        self._busy: set[str] = set()
        self._line: list[_Job] = []
        self._loose: list[_Job] = []
        """In line, but they need no place."""
        self._parked: dict[str, list[_Job]] = {}
        """By the episode that another job works on."""
        self._followers: dict[str, list[_Job]] = {}
        """By the job that they depend on."""
        for place, plan in enumerate(jobs):
            self._add(_Job(place, plan))

    def run(self) -> dict[str, Seconds]:
        """When each job ends; those that never can are left out."""
        while True:
            if not self._is_closed():
                self._start_jobs()
                self._start_tasks()
            if not self._events:
                return self._ends
            self._now = self._events[0][0]
            self._happen(*heappop(self._events))  # at least one each time round, whatever the numbers are
            while self._events and self._events[0][0] <= self._now:
                self._happen(*heappop(self._events))

    def _happen(self, _moment: Seconds, _number: int, job: _Job | None, count: int) -> None:
        if job and count:
            self._end_tasks(job, count)
        elif job:
            self._let_go(job)

    def _add(self, job: _Job) -> None:
        plan = job.plan
        if plan.running:
            self._enter(job)
            if plan.starts_at > 0:
                job.held = True
                self._at(plan.starts_at, job)
        elif plan.after in self._open:
            self._followers.setdefault(plan.after, []).append(job)
        else:
            self._await(job)

    def _at(self, moment: Seconds, job: _Job | None = None, count: int = 0) -> None:
        self._number += 1
        heappush(self._events, (moment, self._number, job, count))

    def _await(self, job: _Job) -> None:
        if job.plan.starts_at > self._now:
            self._at(job.plan.starts_at, job)
        else:
            self._let_go(job)

    def _let_go(self, job: _Job) -> None:
        if job.held:
            job.held = False
        else:
            heappush(self._line if job.plan.episode_id else self._loose, job)

    def _is_closed(self) -> bool:
        for start, end in self._closed:
            if start <= self._now < end:
                self._at(end)
                return True
        return False

    def _start_jobs(self) -> None:
        while (self._line or self._loose) and (job := self._next()):
            self._enter(job)

    def _next(self) -> _Job | None:
        """The first in line for which there is a place and whose episode no other job works on."""
        while self._line and len(self._busy) < self._parallel:
            if self._loose and self._loose[0] < self._line[0]:
                break
            job = heappop(self._line)
            episode_id = job.plan.episode_id or ""
            if episode_id not in self._busy:
                return job
            self._parked.setdefault(episode_id, []).append(job)
        return heappop(self._loose) if self._loose else None

    def _enter(self, job: _Job) -> None:
        self._active.append(job)
        if job.plan.episode_id:
            self._busy.add(job.plan.episode_id)
        self._go_on(job)

    def _go_on(self, job: _Job) -> None:
        """To the job's next phase, or to its end."""
        if not job.legs:
            self._end_job(job)
            return
        job.stage, job.each, job.waiting, begun = job.legs.pop()
        for left in begun:
            self._start(job, left, 1)

    def _start_tasks(self) -> None:
        for job in self._active:
            if self._free <= 0:
                return
            if job.waiting and not job.held:
                count = min(job.waiting, self._free)
                if job.stage in self._room:
                    count = min(count, self._room[job.stage])
                if count > 0:
                    job.waiting -= count
                    self._start(job, job.each, count)

    def _start(self, job: _Job, length: Seconds, count: int) -> None:
        job.busy += count
        self._take(job.stage, count)
        self._at(self._now + length, job, count)

    def _take(self, stage: StageName, count: int) -> None:
        self._free -= count
        if stage in self._room:
            self._room[stage] -= count

    def _end_tasks(self, job: _Job, count: int) -> None:
        job.busy -= count
        self._take(job.stage, -count)
        if not job.busy and not job.waiting:
            self._go_on(job)

    def _end_job(self, job: _Job) -> None:
        plan = job.plan
        self._ends[plan.job_id] = self._now
        self._open.discard(plan.job_id)
        self._active.remove(job)
        if plan.episode_id:
            self._busy.discard(plan.episode_id)
            for parked in self._parked.pop(plan.episode_id, ()):
                heappush(self._line, parked)
        for follower in self._followers.pop(plan.job_id, ()):
            self._await(follower)
