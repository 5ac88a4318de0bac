"""What is written down of jobs, their events, episodes and measured durations.

Every change of a job's status is one statement with the guard in its WHERE, and in its log by the same
transaction. Whoever asks for a job gets it from memory when it was changed lately.
"""

import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from pipeline.model import StageName
from pipeline.task import key_of
from workbench.database import Database, Query, Row
from workbench.errors import KeyReused, NotAllowed, NotFound
from workbench.jobs import (
    Answering,
    Delivery,
    Duration,
    Episode,
    Failure,
    Job,
    JobType,
    Request,
    Status,
    Submitted,
    new_job_id,
    now,
)
from workbench.moments import needles_of
from workbench.recent import Recent
from workbench.reviews import Reviews

type Tell = Callable[[Job], Sequence[Delivery]]
"""Whom to tell of a job's end, and what."""

_EPISODES = 200  # remembered
_ANSWERS_KEPT = timedelta(days=2)


class Store:
    """The jobs and episodes of a library."""

    def __init__(self, file: Path, tell: Tell | None = None) -> None:
        """Open the database; `tell` fills the outbox when a job ends.

        Raises LibraryBusy when another process has it, LibraryBroken when it cannot be read.
        """
        self.database = Database(file)
        self.reviews = Reviews(self.database)
        self._tell = tell or (lambda job: ())
        self._episodes: dict[str, Episode] = {}
        self.recent = Recent()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Write what is still asked for and close the file; closing twice is no error."""
        self.database.close()

    def submit(
        self, requests: Sequence[Request], answering: Answering | None = None, who: str | None = None
    ) -> list[Submitted]:
        """Write down all requests, or none; one that is still open is answered with its job.

        `who` asks for them, for the audit. Raises KeyReused when the caller's key came with another body
        before, NotFound for an unknown dependency.
        """

        def add(query: Query) -> list[Submitted]:
            if answering and (before := _answered(query, answering)):
                return before
            made: list[Submitted] = []
            for request in requests:
                made.append(_add(query, request, made))
                if who and not made[-1].deduplicated:
                    _audit(query, who, made[-1].job)
            if answering:
                ids = json.dumps([each.job.job_id for each in made])
                query("add_answer", answering.model_dump() | {"job_ids": ids, "at": now()})
            return made

        made = self.database.write(add)
        self.recent.added(each.job for each in made if not each.deduplicated)
        return made

    def answered(self, answering: Answering) -> list[Submitted] | None:
        """The jobs that the caller's key was answered with before.

        Raises KeyReused when it came with another body, NotAllowed when a job of then was cleaned up.
        """
        return _answered(self.database.read, answering)

    def start(self, job_id: str) -> Job:
        """Raises NotAllowed when the job has ended."""
        return self._move("start_job", job_id, at=now())

    def progress(self, job_id: str, percent: float, stage: StageName | None, message: str) -> Job:
        """Raises NotAllowed when the job does not run: a late report never undoes a cancel."""
        return self._move("progress_job", job_id, progress=percent, stage=stage, message=message)

    def end(
        self,
        job_id: str,
        status: Status,
        *,
        message: str,
        percent: float = 0.0,
        stage: StageName | None = None,
        result: Row | None = None,
        failure: Failure | None = None,
        follow: Sequence[Request] = (),
    ) -> list[Job]:
        """End a job that had come to `percent`; the same transaction fills the outbox and adds what follows.

        Returns the jobs that follow. Raises NotAllowed when it has ended before.
        """
        values = {
            "job_id": job_id,
            "status": status,
            "message": message,
            "progress": percent,
            "stage": stage,
            "result": json.dumps(result) if result is not None else None,
            "failure": failure.model_dump_json() if failure else None,
            "at": now(),
        }

        def end(query: Query) -> tuple[Job, list[Job]]:
            job = _changed(query, query("end_job", values), "end_job")
            for delivery in self._tell(job):
                add_delivery(query, delivery)
            return job, [_add(query, request, []).job for request in follow]

        job, following = self._written(job_id, end)
        for each in (job, *following):
            self.recent.changed(each)
        return following

    def ask_cancel(self, job_id: str) -> None:
        """Write down that a job is to be cancelled; one that has ended stays as it is."""
        self.database.write(lambda query: query("ask_cancel", {"job_id": job_id}))

    def asked_to_cancel(self) -> list[str]:
        """The ids of the open jobs that somebody wanted to cancel."""
        return [row["job_id"] for row in self.database.read("asked_to_cancel")]

    def requeue_running(self) -> list[Job]:
        """Put back the jobs that a process ran which is no more."""
        jobs = self.database.write(lambda query: [_job(row) for row in query("requeue_running", {})])
        for job in jobs:
            self.recent.changed(job)
        return jobs

    def job(self, job_id: str) -> Job:
        """Raises NotFound."""
        if job := self.remembered(job_id):
            return job
        if not (rows := self.database.read("job", {"job_id": job_id})):
            raise NotFound(f"there is no job {job_id}; `workbench jobs` lists them")
        return _job(rows[0])

    def remembered(self, job_id: str) -> Job | None:
        """A job that was changed lately, without a look into the database."""
        return self.recent.job(job_id)

    def jobs(
        self, status: Status | None = None, limit: int = 50, before: str | None = None, text: str = ""
    ) -> list[Job]:
        """The newest jobs first, those older than the job `before`, with `text` in what is known of them."""
        values = {"status": status, "limit": limit, "before": before, "text": text.lower() or None}
        return [_job(row) for row in self.database.read("jobs", values)]

    def old_jobs(self, before: datetime) -> list[str]:
        """The ids of the jobs that ended `before`."""
        return [row["job_id"] for row in self.database.read("old_jobs", {"before": before})]

    def remove_old_jobs(self, before: datetime) -> list[str]:
        """Remove the jobs that ended `before`, with their logs and the messages about them; their ids.

        What is still to be told stays, and so does the answer to a caller's key, for two days.
        """

        def remove(query: Query) -> list[str]:
            gone = [row["job_id"] for row in query("remove_old_jobs", {"before": before})]
            query("remove_old_events", {})
            query("remove_old_deliveries", {"before": before})
            query("prune_answers", {"before": now() - _ANSWERS_KEPT})
            return gone

        gone = self.database.write(remove)
        self.recent.removed(gone)
        return gone

    def counts(self) -> dict[Status, tuple[int, datetime]]:
        """How many jobs have each status, and when the oldest of them was asked for."""
        rows = self.database.read("job_counts")
        return {Status(row["status"]): (row["count"], row["oldest"]) for row in rows}

    def last_params(self, episode_id: str) -> Row | None:
        """What the last completed job on an episode was asked for."""
        rows = self.database.read("last_completed", {"episode_id": episode_id})
        return _job(rows[0]).params if rows else None

    def open_jobs(self) -> list[Job]:
        """The oldest first."""
        return [_job(row) for row in self.database.read("open_jobs")]

    def log(self, job_id: str, kind: str, **body: object) -> None:
        """Add a line to a job's log."""
        row = {"job_id": job_id, "kind": kind, "body": json.dumps(body), "at": now()}
        self.database.write(lambda query: query("add_event", row))

    def log_of(self, job_id: str) -> list[Row]:
        """A job's log, oldest first: {at_utc, kind, body}."""
        rows = self.database.read("job_events", {"job_id": job_id})
        return [row | {"body": json.loads(row["body"])} for row in rows]

    def save_episode(self, episode: Episode) -> Episode:
        """Add an episode, or bring the one with that id up to date."""
        return self._latest_of(self.database.write(lambda query: _saved(query, episode)))

    def change_episode(self, episode_id: str, change: Callable[[Episode], Episode]) -> Episode:
        """Save what `change` makes of an episode as it stands in that moment. Raises NotFound."""

        def apply(query: Query) -> Episode:
            if not (rows := query("episode", {"episode_id": episode_id})):
                raise _no_episode(episode_id)
            episode = _episode(rows[0])
            return episode if (changed := change(episode)) == episode else _saved(query, changed)

        return self._latest_of(self.database.write(apply))

    def add_artefacts(self, read: Episode, more: Mapping[str, str]) -> Episode:
        """Name more artefacts of an episode.

        Raises NotAllowed when a job has named others since it was `read`: these may rest on what is gone.
        """

        def add(episode: Episode) -> Episode:
            if more.items() <= episode.artefacts.items():  # somebody asked for the same at the same time
                return episode
            if episode.artefacts != read.artefacts:
                raise NotAllowed(
                    f"a job has just changed episode {read.episode_id}: ask again once it has ended"
                )
            return episode.model_copy(update={"artefacts": {**episode.artefacts, **more}})

        return self.change_episode(read.episode_id, add)

    def episode(self, episode_id: str) -> Episode:
        """Raises NotFound."""
        if known := self._episodes.get(episode_id):
            return known
        if not (rows := self.database.read("episode", {"episode_id": episode_id})):
            raise _no_episode(episode_id)
        return self._latest_of(_episode(rows[0]))

    def episode_by_content(self, sha256: str) -> Episode | None:
        rows = self.database.read("episode_by_content", {"sha256": sha256})
        return _episode(rows[0]) if rows else None

    def episodes(self, limit: int | None = None, before: str | None = None, text: str = "") -> list[Episode]:
        """The newest first, older than the episode `before`, `text` in their titles. Raises NotFound."""
        last = self.episode(before) if before else None
        row = {"limit": limit, "before": before, "at": last and last.created_at, "needles": needles_of(text)}
        return [_episode(each) for each in self.database.read("episodes", row)]

    def add_duration(self, duration: Duration) -> None:
        """Remember for how long a task kept its worker."""
        row = duration.model_dump() | {"at": now()}
        self.database.write(lambda query: query("add_duration", row))

    def durations(self) -> list[Row]:
        """{step, model, workers, usual_seconds, busy_seconds} of each step of the latest jobs, in order."""
        return self.database.read("durations")

    def _latest_of(self, episode: Episode) -> Episode:
        """Keep an episode that was asked for, unless it has changed since it was read."""
        with self._lock:
            known = self._episodes.get(episode.episode_id)
            if known is None or known.updated_at <= episode.updated_at:
                self._episodes[episode.episode_id] = known = episode
            while len(self._episodes) > _EPISODES:
                del self._episodes[next(iter(self._episodes))]
        return known

    def _move(self, name: str, job_id: str, **values: object) -> Job:
        def move(query: Query) -> Job:
            return _changed(query, query(name, {"job_id": job_id, **values}), name)

        job = self._written(job_id, move)
        self.recent.changed(job)
        return job

    def _written[T](self, job_id: str, command: Callable[[Query], T]) -> T:
        try:
            return self.database.write(command)
        except NotAllowed:
            raise NotAllowed(f"job {job_id} is {self.job(job_id).status}: it does not change") from None


def add_delivery(query: Query, delivery: Delivery) -> None:
    """Put `delivery` into the outbox, as part of a transaction."""
    row = delivery.model_dump(include={"delivery_id", "job_id", "kind", "target", "body"})
    query("add_delivery", row | {"at": delivery.next_at})


def _answered(query: Query, answering: Answering) -> list[Submitted] | None:
    """The jobs that the caller's key was answered with before."""
    rows = query("answer", {"caller": answering.caller, "request_key": answering.request_key})
    if not rows:
        return None
    if rows[0]["body_hash"] != answering.body_hash:
        raise KeyReused(
            f"the Idempotency-Key {answering.request_key!r} was sent with another request before: "
            "use a new key for a new request"
        )
    job_ids = json.loads(rows[0]["job_ids"])
    found = [row for job_id in job_ids for row in query("job", {"job_id": job_id})]
    if len(found) < len(job_ids):
        raise NotAllowed(
            f"what the Idempotency-Key {answering.request_key!r} asked for is done and was cleaned up: "
            "use a new key to ask for it again"
        )
    return [Submitted(job=_job(row), deduplicated=True) for row in found]


def _add(query: Query, request: Request, earlier: Sequence[Submitted]) -> Submitted:
    depends_on = request.depends_on
    if isinstance(depends_on, int):
        depends_on = earlier[depends_on].job.job_id
    elif depends_on and not query("job", {"job_id": depends_on}):
        raise NotFound(f"`depends_on`: there is no job {depends_on}; `workbench jobs` lists them")
    facts = request.job_type, request.episode_id, request.params
    dedupe_key = key_of(*facts, *filter(None, (request.webhook_url, depends_on)))
    if (same := query("same_open_job", {"dedupe_key": dedupe_key})[0])["job_id"]:
        return Submitted(job=_job(query("job", same)[0]), deduplicated=True)
    row = request.model_dump() | {
        "job_id": new_job_id(),
        "params": json.dumps(request.params),
        "depends_on": depends_on,
        "dedupe_key": dedupe_key,
        "at": now(),
    }
    return Submitted(job=_changed(query, query("add_job", row), "add_job"))


def _audit(query: Query, who: str, job: Job) -> None:
    query("add_audit", {"at": now(), "who": who, "action": job.job_type, "what": job.job_id})


def _changed(query: Query, rows: list[Row], name: str) -> Job:
    if not rows:
        raise NotAllowed(name)
    job = _job(rows[0])
    if name != "progress_job":
        body = json.dumps({"message": job.message})
        query("add_event", {"job_id": job.job_id, "kind": job.status, "body": body, "at": now()})
    return job


def _job(row: Row) -> Job:
    """The job of a row, which holds only what was valid; what is alike is shared, since many are kept."""
    stage, failure = row["current_stage"], row["failure"]
    fields = row | {
        "job_type": JobType(row["job_type"]),
        "status": Status(row["status"]),
        "episode_id": row["episode_id"] and sys.intern(row["episode_id"]),
        "requested_by": row["requested_by"] and sys.intern(row["requested_by"]),
        "current_stage": stage and StageName(stage),
        "priority": row["priority"] or 0,
        "params": _params(row["params"]),
        "result": row["result"] and json.loads(row["result"]),
        "failure": failure and Failure.model_validate_json(failure),
    }
    del fields["dedupe_key"], fields["cancel_asked"]
    return Job.model_construct(**fields)


@lru_cache(maxsize=100)
def _params(text: str) -> Row:
    """What jobs are asked for; nobody changes it, so those that are asked for the same have it together."""
    return dict(json.loads(text))


def _no_episode(episode_id: str) -> NotFound:
    return NotFound(f"there is no episode {episode_id}; `workbench episodes` lists them")


def _saved(query: Query, episode: Episode) -> Episode:
    row = episode.model_dump(exclude={"artefacts", "created_at", "updated_at"})
    row |= {"artefacts": json.dumps(episode.artefacts), "at": now()}
    return _episode(query("save_episode", row)[0])


def _episode(row: Row) -> Episode:
    return Episode.model_validate(row | {"artefacts": json.loads(row["artefacts"])})
