"""Jobs that wait for their turn: in which order they start, and which one of them may now.

Nothing here is worth keeping: the queue is filled from the store when a process starts.
"""

import bisect
import threading
from collections.abc import Collection, Iterable
from typing import NamedTuple

from workbench.jobs import Job


class Waiting(NamedTuple):
    """What decides when a job starts; the order of these is the order of the queue."""

    urgency: int
    """The negative priority."""
    job_id: str
    """Sorts by the time the job was asked for."""
    episode_id: str | None
    depends_on: str | None


class Queue:
    """The jobs that have not started; safe to ask from any thread."""

    def __init__(self) -> None:
        self._line: list[Waiting] = []
        self._known: dict[str, Waiting] = {}
        self._after: dict[str, list[Waiting]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._known

    def add(self, job: Job, *, held: bool) -> None:
        """Put `job` in; `held` while the job that it depends on is open."""
        waiting = Waiting(-job.priority, job.job_id, job.episode_id, job.depends_on)
        with self._lock:
            if job.job_id in self._known:
                return
            self._known[job.job_id] = waiting
            if held and job.depends_on:
                self._after.setdefault(job.depends_on, []).append(waiting)
            else:
                bisect.insort(self._line, waiting)

    def remove(self, job_id: str) -> None:
        """Take a job out; one that is not in is no error."""
        with self._lock:
            waiting = self._known.pop(job_id, None)
            if waiting is None:
                return
            at = bisect.bisect_left(self._line, waiting)
            if at < len(self._line) and self._line[at] == waiting:
                del self._line[at]
            elif waiting.depends_on in self._after:
                self._after[waiting.depends_on].remove(waiting)

    def release(self, ended: str, *, completed: bool) -> list[str]:
        """A job has ended: those that depend on it join the line, or are returned because they never can."""
        with self._lock:
            followers = self._after.pop(ended, [])
            if completed:
                for waiting in followers:
                    bisect.insort(self._line, waiting)
                return []
            return [waiting.job_id for waiting in followers]

    def next(self, busy: Collection[str | None], *, room: bool) -> str | None:
        """The job to start now: the first whose episode no other job works on.

        Jobs without an episode are short and take no room; for the others there has to be some.
        """
        with self._lock:
            for waiting in self._line:
                if waiting.episode_id is None or (room and waiting.episode_id not in busy):
                    return waiting.job_id
        return None

    def ahead(self, count: int, running: Iterable[str]) -> list[Waiting]:
        """The first `count` of the line, with those that wait for one of them or of the jobs `running`."""
        with self._lock:
            found = self._line[:count]
            open_ids = [*running, *(waiting.job_id for waiting in found)]
            for job_id in open_ids:  # it grows meanwhile
                followers = self._after.get(job_id, [])[: max(0, 2 * count - len(found))]
                found += followers
                open_ids += [waiting.job_id for waiting in followers]
        return sorted(found)

    def before(self, job_id: str) -> int:
        """How many jobs start before this one, as things stand."""
        with self._lock:
            waiting = self._known.get(job_id)
            return bisect.bisect_left(self._line, waiting) if waiting else 0

    def waits_for(self, job_id: str) -> str | None:
        """The open job that this one depends on."""
        with self._lock:
            waiting = self._known.get(job_id)
            held = waiting and waiting.depends_on in self._after
            return waiting.depends_on if waiting and held else None
