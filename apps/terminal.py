"""What the command line prints: facts on standard output, for people or as JSON; all else on the other.

Nothing in file names and titles is taken for markup or a command to the terminal, and what they stand in
stays one line. In a pipe there are no colours, and lines are as long as they need to be.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, TextIO

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.errors import BadOptions, ModelMissing, PipelineError
from pipeline.model import Seconds
from workbench.errors import (
    AccessDenied,
    BadSetting,
    LibraryBroken,
    LibraryBusy,
    NotAllowed,
    NotFound,
    Unreachable,
    WorkbenchError,
)
from workbench.jobs import Failure, Status

DONE, FAILED, WRONG, UNUSABLE, CANCELLED, TERMINATED = 0, 1, 2, 3, 130, 143
EXIT_CODES = """\
Exit codes:
  0    everything that was asked for is done
  1    at least one job failed, a named file is no recording, or `doctor` found a problem
  2    wrong usage, a bad setting, or nothing has that id
  3    the library is busy or cannot be used, or its server does not answer or wants another key
  130  cancelled by Ctrl-C
  143  stopped by SIGTERM; the jobs are resumed by `workbench process`"""

_STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.RUNNING: "cyan",
    "ok": "green",
    "warning": "yellow",
    "problem": "red",
}
_UNLIMITED = 10_000  # columns: nothing is folded or cut in a pipe
_BREAKS = re.compile(r"[\t-\r\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _Console(Console):
    """One that goes on when its reader has gone away: the work, and its exit code, are what they were."""

    def on_broken_pipe(self) -> None:
        _to_nobody(self.file)


def console(stream: TextIO) -> Console:
    """A console on `stream` that prints text as it is."""
    in_pipe = not stream.isatty()
    return _Console(
        file=stream,
        width=_UNLIMITED if in_pipe else None,
        no_color=in_pipe or None,
        markup=False,
        emoji=False,
        highlight=False,
    )


def never_fail() -> None:
    """From here on, printing a character that the terminal does not have writes its code instead."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what replaces it takes any character
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Write out what is buffered; a reader that has gone away, as `head` does, is no error."""
    with _reader_may_leave():
        sys.stdout.flush()


def say(text: str) -> None:
    """A line for the person, beside the facts."""
    console(sys.stderr).print(Text(on_one_line(text)), soft_wrap=True)


def show(text: str) -> None:
    """A line of facts."""
    console(sys.stdout).print(Text(text), soft_wrap=True)


def show_json(value: object) -> None:
    """`value` on one line, in ASCII: any program can read it under any locale."""
    line = json.dumps(value, default=_plain) + "\n"
    with _reader_may_leave():
        sys.stdout.write(line)
        sys.stdout.flush()


def show_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """`rows` under `headers`; the first column is never folded, so that an id can be copied."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, header in enumerate(headers):
        table.add_column(header, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    _show(table)


def show_facts(facts: Sequence[tuple[str, object]]) -> None:
    """A name and a value on each line; those without a value are left out."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", [], ()):
            table.add_row(name, _cell(value))
    _show(table)


def on_one_line(text: str) -> str:
    """`text` with a blank for each line break, and any other control character spelled out.

    A file name or a title may hold some, and would break a row in two, or command the terminal.
    """
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", _BREAKS.sub(" ", text))


def refuse(error: Exception, *, as_json: bool) -> int:
    """Say in one sentence what cannot be done; return the exit code for it."""
    reason = str(error)
    if isinstance(error, OSError):
        reason = f"{error.filename or 'the system'}: {error.strerror or error}"
    failure = Failure(reason=reason, kind=type(error).__name__, transient=isinstance(error, LibraryBusy))
    if as_json:
        show_json({"failure": failure})
    say(f"error: {reason}")
    return _code(error)


def clock(seconds: Seconds) -> str:
    """1:02:03, or 2:03 when it is less than an hour."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def moment(time: datetime) -> str:
    """A time as people here read it."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: object) -> Text:
    return Text(on_one_line(str(value)), style=_STYLES.get(str(value), ""))


def _show(table: Table) -> None:
    """In a pipe, rows end where their text does: Rich fills them up to the longest."""
    screen = console(sys.stdout)
    if screen.file.isatty():
        screen.print(table)
        return
    with screen.capture() as drawn:
        screen.print(table)
    lines = drawn.get().removesuffix("\n").split("\n")
    screen.print(Text("\n".join(map(str.rstrip, lines))), soft_wrap=True)


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _to_nobody(sys.stdout)


def _to_nobody(stream: IO[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _code(error: Exception) -> int:
    if isinstance(error, BadSetting | NotFound | NotAllowed | BadOptions | ModelMissing):
        return WRONG
    if isinstance(error, LibraryBusy | LibraryBroken | Unreachable | AccessDenied | OSError):
        return UNUSABLE
    return FAILED


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be JSON")


REFUSALS = (WorkbenchError, PipelineError, OSError)
"""What ends a command with a sentence instead of a traceback."""
