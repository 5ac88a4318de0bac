"""The jobs that were changed last, from memory: a look at one of them needs no database."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from workbench.jobs import Job, JobType

_KEPT = 20_000  # jobs
_FIELDS = tuple(Job.model_fields)
type _Look = tuple[tuple[str, ...], tuple[object, ...]]
"""The names of the fields that are not None, which jobs of one look share, and their values."""


class Recent:
    """Jobs as they were committed last; safe from any thread."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, _Look] = OrderedDict()
        """As models they take ten times the memory."""
        self._lock = threading.Lock()

    def job(self, job_id: str) -> Job | None:
        """A job that was changed lately."""
        if not (look := self._jobs.get(job_id)):
            return None
        fields: dict[str, Any] = dict.fromkeys(_FIELDS)
        fields.update(zip(*look, strict=True))
        return Job.model_construct(**fields)

    def changed(self, job: Job) -> None:
        """Keep the present look of `job`; not of a discovery's end, which may list thousands of files."""
        with self._lock:
            if job.ended and job.job_type is JobType.DISCOVER:
                self._jobs.pop(job.job_id, None)
                return
            self._jobs[job.job_id] = _look(job)
            self._jobs.move_to_end(job.job_id)
            self._forget_the_oldest()

    def added(self, jobs: Iterable[Job]) -> None:
        """Keep new jobs; by now one of them may have been changed, and stays so."""
        with self._lock:
            for job in jobs:
                self._jobs.setdefault(job.job_id, _look(job))
            self._forget_the_oldest()

    def removed(self, job_ids: Iterable[str]) -> None:
        with self._lock:
            for job_id in job_ids:
                self._jobs.pop(job_id, None)

    def _forget_the_oldest(self) -> None:
        while len(self._jobs) > _KEPT:
            self._jobs.popitem(last=False)


def _look(job: Job) -> _Look:
    values = tuple(getattr(job, name) for name in _FIELDS)
    names = _shared(tuple(name for name, value in zip(_FIELDS, values, strict=True) if value is not None))
    return names, tuple(value for value in values if value is not None)


@lru_cache(maxsize=100)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    return names
