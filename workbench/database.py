"""The only module that opens the database: one writer, many readers, queries by name.

One thread writes, in transactions that take along whatever has been asked for meanwhile, since DuckDB
commits some hundreds of times a second whatever a commit holds. Readers have a cursor a thread.
"""

import os
import queue
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from workbench.errors import LibraryBroken, LibraryBusy

type Row = dict[str, Any]
type Query = Callable[[str, Mapping[str, object]], list[Row]]
"""Runs a named query; within one command all queries are one transaction."""

FAULTS = (duckdb.IOException, duckdb.TransactionException, duckdb.OutOfMemoryException)
"""What the disk or the memory is at fault for: the same again may well go right."""
_CHECKPOINT = "1MB"  # of changes: what was written since the last checkpoint takes that much memory too
_GROUP = 64  # commands that share one commit at the most
_FILES = ("queries.sql", "service.sql", "figures.sql", "reviews.sql", "search.sql")


class Database:
    """The library's database file."""

    def __init__(self, file: Path) -> None:
        """Open the database, made if it is not there.

        Raises LibraryBusy when another process has it, LibraryBroken when it cannot be read.
        """
        self._connection = _open(file)
        self._queries = {name: sql for each in _FILES for name, sql in _named(_sql(each)).items()}
        self._connection.execute(_sql("schema.sql"))
        self._local = threading.local()
        self._commands: queue.Queue[tuple[Callable[[Query], Any], Future[Any]] | None] = queue.Queue()
        self._closed = False
        self._door = threading.Lock()
        self._writer = threading.Thread(target=self._write_all, name="database-writer", daemon=True)
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

    def read(self, name: str, values: Mapping[str, object] | None = None) -> list[Row]:
        """The rows that a named query gives; moments come as aware UTC."""
        if not hasattr(self._local, "cursor"):
            self._local.cursor = self._connection.cursor()
        return _rows(self._local.cursor, self._queries[name], values or {})

    def write[T](self, command: Callable[[Query], T]) -> T:
        """Run `command` in the writer's thread and wait until it is committed.

        What it raises is raised here, and nothing of it is kept. Raises LibraryBroken after the end.
        """
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
            with suppress(duckdb.Error):  # a commit that failed has ended the transaction
                self._connection.rollback()
            raise
        return results

    def _query(self, name: str, values: Mapping[str, object]) -> list[Row]:
        return _rows(self._connection, self._queries[name], values)


def _open(file: Path) -> duckdb.DuckDBPyConnection:
    busy = f"the library {file.parent} is in use by process"
    try:
        # Within one process DuckDB shares a file among those who open it alike: no two are alike.
        alone: dict[str, str | bool | int | float | list[str]] = {"custom_user_agent": secrets.token_hex(8)}
        # one thread a query: with tables as small as these, to wake others takes longer than the query
        return duckdb.connect(file, config=alone | {"threads": "1", "checkpoint_threshold": _CHECKPOINT})
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
    result = connection.execute(sql, {name: _stored(value) for name, value in values.items()})
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, map(_told, row), strict=True)) for row in result.fetchall()]


def _stored(value: object) -> object:
    """DuckDB keeps UTC without a zone."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _told(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
