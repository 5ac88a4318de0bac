"""The latest changes of jobs, for readers that follow them live.

Every change has a number, and the last ones are kept, so that a reader who was away for a moment goes on
where it was. A reader who was away for longer, or before a restart, is told so and looks at all anew.
"""

import secrets
import threading
from collections import deque
from collections.abc import Callable

from workbench.jobs import Job

_KEPT = 2000


class Changes:
    """Numbered changes, newest last; safe from any thread."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(3)
        """Changes with every start: numbers of another epoch mean nothing."""
        self._kept: deque[tuple[int, Job]] = deque(maxlen=_KEPT)
        self._number = 0
        self._lock = threading.Lock()
        self._wake: set[Callable[[], None]] = set()

    @property
    def number(self) -> int:
        """Of the latest change."""
        return self._number

    def add(self, job: Job) -> None:
        """Make the present look of a job known."""
        with self._lock:
            self._number += 1
            self._kept.append((self._number, job))
            wake = list(self._wake)
        for each in wake:
            each()

    def since(self, number: int) -> list[tuple[int, Job]] | None:
        """The changes after `number`, the latest look of each job once; None when some are forgotten."""
        with self._lock:
            if number > self._number or (self._kept and number < self._kept[0][0] - 1):
                return None
            latest = {job.job_id: (at, job) for at, job in self._kept if at > number}
        return sorted(latest.values(), key=lambda each: each[0])

    def end_of(self, job_id: str) -> int | None:
        """The number of the change with which a job ended; None if readers were told long ago, or not yet."""
        with self._lock:
            ends = (at for at, job in self._kept if job.job_id == job_id and job.ended)
            return next(ends, None)

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called after each change, from any thread; returns how to stop that."""
        with self._lock:
            self._wake.add(wake)

        def stop() -> None:
            with self._lock:
                self._wake.discard(wake)

        return stop
