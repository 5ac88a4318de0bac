"""The latest changes of jobs, for readers that follow them live.

Every change has a number, and of each job that was changed lately the last one is kept, so that a reader
who was away for a moment goes on where it was. A reader who was away for longer, or before a restart, is
told so and looks at all anew.
"""

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from itertools import takewhile

from workbench.jobs import Job

_LOG = logging.getLogger(__name__)
_KEPT = 500  # jobs


class Changes:
    """Numbered changes, newest last; safe from any thread."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(3)
        """Changes with every start: numbers of another epoch mean nothing."""
        self._latest: OrderedDict[str, tuple[int, Job]] = OrderedDict()
        """By job, in the order of the numbers."""
        self._number = 0
        self._forgotten = 0
        """Number of the latest change that is told to nobody any more."""
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
            self._latest[job.job_id] = self._number, job
            self._latest.move_to_end(job.job_id)
            if len(self._latest) > _KEPT:
                _, (self._forgotten, _) = self._latest.popitem(last=False)
            wake = list(self._wake)
        for each in wake:
            try:
                each()
            except Exception:  # noqa: BLE001 - a reader's fault must not become one of the job that changed
                _LOG.exception("a reader of changes could not be woken")

    def since(self, number: int) -> list[tuple[int, Job]] | None:
        """The changes after `number`, the latest look of each job once; None when some are forgotten."""
        with self._lock:
            if not self._forgotten <= number <= self._number:
                return None
            newest_first = takewhile(lambda change: change[0] > number, reversed(self._latest.values()))
            return list(newest_first)[::-1]

    def end_of(self, job_id: str) -> int | None:
        """The number of the change with which a job ended; None if readers were told long ago, or not yet."""
        with self._lock:
            number, job = self._latest.get(job_id, (None, None))
            return number if job and job.ended else None

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called after each change, from any thread; returns how to stop that."""
        with self._lock:
            self._wake.add(wake)

        def stop() -> None:
            with self._lock:
                self._wake.discard(wake)

        return stop
