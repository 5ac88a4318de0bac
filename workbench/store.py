"""The only module that opens the database: jobs, their events, episodes and measured durations.

One thread writes, in transactions that take along whatever has been asked for meanwhile, since DuckDB
commits some hundreds of times a second whatever a commit holds. Readers have a cursor a thread.
"""

import json
import os
import queue
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from pipeline.model import Seconds, StageName
from workbench.errors import LibraryBroken, LibraryBusy, NotAllowed, NotFound
from workbench.jobs import Episode, Failure, Job, JobType, Status, now

type Row = dict[str, Any]
type Query = Callable[[str, Mapping[str, object]], list[Row]]
"""Runs a named query; within one command all queries are one transaction."""

_GROUP = 64  # commands that share one commit at the most


class Store:
    """The library's database."""

    def __init__(self, file: Path) -> None:
        """Open the database, made if it is not there.

        Raises LibraryBusy when another process has it, LibraryBroken when it cannot be read.
        """
        self._connection = _open(file)
        self._queries = _named(_sql("queries.sql"))
        self._connection.execute(_sql("schema.sql"))
        self._local = threading.local()
        self._commands: queue.Queue[tuple[Callable[[Query], Any], Future[Any]] | None] = queue.Queue()
        self._closed = False
        self._door = threading.Lock()
        self._writer = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Write what is still asked for and close the file; closing twice is no error."""
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._commands.put(None)
        self._writer.join()
        self._connection.close()

    def add_job(
        self, job_id: str, job_type: JobType, episode_id: str | None, params: Row, dedupe_key: str
    ) -> Job:
        """Write down a request; the same request that is still open is returned instead."""

        def add(query: Query) -> Job:
            if same := query("same_open_job", {"dedupe_key": dedupe_key}):
                return _job(same[0])
            row = {
                "job_id": job_id,
                "job_type": job_type,
                "episode_id": episode_id,
                "params": json.dumps(params),
                "dedupe_key": dedupe_key,
                "at": _stamp(now()),
            }
            return self._changed(query, query("add_job", row))

        return self._write(add)

    def start(self, job_id: str) -> Job:
        """Raises NotAllowed when the job has ended."""
        return self._move("start_job", job_id, at=_stamp(now()))

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
    ) -> Job:
        """End a job that had come to `percent`. Raises NotAllowed when it has ended before."""
        return self._move(
            "end_job",
            job_id,
            status=status,
            message=message,
            progress=percent,
            stage=stage,
            result=json.dumps(result) if result is not None else None,
            failure=failure.model_dump_json() if failure else None,
            at=_stamp(now()),
        )

    def requeue_running(self) -> list[Job]:
        """Put back the jobs that a process ran which is no more."""
        return self._write(lambda query: [_job(row) for row in query("requeue_running", {})])

    def job(self, job_id: str) -> Job:
        """Raises NotFound."""
        rows = self._read("job", {"job_id": job_id})
        if not rows:
            raise NotFound(f"there is no job {job_id}; `workbench jobs` lists them")
        return _job(rows[0])

    def jobs(self, status: Status | None = None, limit: int = 50) -> list[Job]:
        """The newest jobs first."""
        return [_job(row) for row in self._read("jobs", {"status": status, "limit": limit})]

    def last_params(self, episode_id: str) -> Row | None:
        """What the last completed job on an episode was asked for."""
        rows = self._read("last_completed", {"episode_id": episode_id})
        return _job(rows[0]).params if rows else None

    def open_jobs(self) -> list[Job]:
        """The oldest first."""
        return [_job(row) for row in self._read("open_jobs", {})]

    def log(self, job_id: str, kind: str, **body: object) -> None:
        """Add a line to a job's log."""
        row = {"job_id": job_id, "kind": kind, "body": json.dumps(body), "at": _stamp(now())}
        self._write(lambda query: query("add_event", row))

    def log_of(self, job_id: str) -> list[Row]:
        """A job's log, oldest first."""
        return [
            row | {"body": json.loads(row["body"])} for row in self._read("job_events", {"job_id": job_id})
        ]

    def save_episode(self, episode: Episode) -> Episode:
        """Add an episode, or change the one with its id."""
        row = {
            "episode_id": episode.episode_id,
            "sha256": episode.sha256,
            "title": episode.title,
            "stage": episode.stage,
            "duration": episode.duration,
            "recording": episode.recording,
            "artefacts": json.dumps(episode.artefacts),
            "at": _stamp(now()),
        }
        return self._write(lambda query: _episode(query("save_episode", row)[0]))

    def episode(self, episode_id: str) -> Episode:
        """Raises NotFound."""
        rows = self._read("episode", {"episode_id": episode_id})
        if not rows:
            raise NotFound(f"there is no episode {episode_id}; `workbench episodes` lists them")
        return _episode(rows[0])

    def episode_by_content(self, sha256: str) -> Episode | None:
        rows = self._read("episode_by_content", {"sha256": sha256})
        return _episode(rows[0]) if rows else None

    def episodes(self) -> list[Episode]:
        """The newest first."""
        return [_episode(row) for row in self._read("episodes", {})]

    def add_duration(
        self, stage: StageName, model: str, workers: int, usual_seconds: Seconds, wall_seconds: Seconds
    ) -> None:
        """Remember how long a stage took."""
        row = {
            "stage": stage,
            "model": model,
            "workers": workers,
            "usual_seconds": usual_seconds,
            "wall_seconds": wall_seconds,
            "at": _stamp(now()),
        }
        self._write(lambda query: query("add_duration", row))

    def durations(self) -> list[Row]:
        """Stage, model, workers, usual_seconds and wall_seconds of the latest runs."""
        return self._read("durations", {})

    def _move(self, name: str, job_id: str, **values: object) -> Job:
        def move(query: Query) -> Job:
            return self._changed(query, query(name, {"job_id": job_id, **values}), name)

        try:
            return self._write(move)
        except NotAllowed:
            raise NotAllowed(f"job {job_id} is {self.job(job_id).status}: it does not change") from None

    @staticmethod
    def _changed(query: Query, rows: list[Row], name: str = "add_job") -> Job:
        """Every change of a job's status is in its log, in the same transaction."""
        if not rows:
            raise NotAllowed(name)
        job = _job(rows[0])
        if name != "progress_job":
            body = json.dumps({"message": job.message})
            query("add_event", {"job_id": job.job_id, "kind": job.status, "body": body, "at": _stamp(now())})
        return job

    def _read(self, name: str, values: Mapping[str, object]) -> list[Row]:
        if not hasattr(self._local, "cursor"):
            self._local.cursor = self._connection.cursor()
        return _rows(self._local.cursor, self._queries[name], values)

    def _write[T](self, command: Callable[[Query], T]) -> T:
        """Run `command` in the writer's thread and wait until it is committed."""
        done: Future[T] = Future()
        with self._door:  # nobody would ever answer what is asked after the end
            if self._closed:
                raise LibraryBroken("the library is closed: open it again")
            self._commands.put((command, done))
        return done.result()

    def _write_all(self) -> None:
        while (first := self._commands.get()) is not None:
            group = [first]
            while len(group) < _GROUP:
                try:
                    following = self._commands.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._commands.put(None)
                    break
                group.append(following)
            self._commit(group)

    def _commit(self, group: list[tuple[Callable[[Query], Any], Future[Any]]]) -> None:
        """All in one transaction; when one of them fails, each in its own, so that only that one fails."""
        try:
            results = self._transaction([command for command, _ in group])
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the command
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for alone in group:
                self._commit([alone])
            return
        for (_, done), result in zip(group, results, strict=True):
            done.set_result(result)

    def _transaction(self, commands: list[Callable[[Query], Any]]) -> list[Any]:
        self._connection.begin()
        try:
            results = [command(self._query) for command in commands]
            self._connection.commit()
        except BaseException:
            self._connection.rollback()
            raise
        return results

    def _query(self, name: str, values: Mapping[str, object]) -> list[Row]:
        return _rows(self._connection, self._queries[name], values)


def _open(file: Path) -> duckdb.DuckDBPyConnection:
    busy = f"the library {file.parent} is in use by process"
    try:
        # Within one process DuckDB shares a file among those who open it alike: no two are alike.
        return duckdb.connect(file, config={"custom_user_agent": secrets.token_hex(8)})
    except duckdb.ConnectionException as error:
        raise LibraryBusy(f"{busy} {os.getpid()}, this one: close it there first") from error
    except duckdb.IOException as error:
        if holder := re.search(r"PID (\d+)", str(error)):
            raise LibraryBusy(f"{busy} {holder[1]}: wait until it is done, or stop it") from error
        raise LibraryBroken(f"{file} cannot be opened: {error}") from error
    except duckdb.Error as error:
        raise LibraryBroken(
            f"{file} is damaged ({error}): move it away and run `workbench discover`; artefacts are kept"
        ) from error


def _sql(name: str) -> str:
    return resources.files("workbench").joinpath("sql", name).read_text(encoding="utf-8")


def _named(text: str) -> dict[str, str]:
    """The queries of a file, by the name in the comment line above each."""
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object]) -> list[Row]:
    result = connection.execute(sql, dict(values))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _stamp(moment: datetime) -> datetime:
    """DuckDB keeps UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _utc(row: Row) -> Row:
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _job(row: Row) -> Job:
    fields = {name: value for name, value in _utc(row).items() if name != "dedupe_key"}
    for name in ("params", "result", "failure"):
        fields[name] = json.loads(fields[name]) if fields[name] is not None else None
    return Job.model_validate(fields)


def _episode(row: Row) -> Episode:
    return Episode.model_validate(_utc(row) | {"artefacts": json.loads(row["artefacts"])})
