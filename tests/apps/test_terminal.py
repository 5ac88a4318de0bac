"""What is printed, and how errors end a command."""

import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps import terminal
from pipeline.errors import BadOptions, ModelMissing, ToolFailed, UnreadableMedia
from workbench.errors import (
    AccessDenied,
    BadSetting,
    LibraryBroken,
    LibraryBusy,
    NotAllowed,
    NotFound,
    Unreachable,
)
from workbench.jobs import Failure

AWKWARD = "talk [bold]:smile: [/] \x5b1] “x”.mp4"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadSetting("no"), 2),
        (NotFound("no"), 2),
        (NotAllowed("no"), 2),
        (BadOptions("no"), 2),
        (ModelMissing("no"), 2),
        (LibraryBusy("no"), 3),
        (LibraryBroken("no"), 3),
        (Unreachable("no"), 3),
        (AccessDenied("no"), 3),
        (OSError(28, "No space left on device", "/library"), 3),
        (ToolFailed("no"), 1),
        (UnreadableMedia("no"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert terminal.refuse(error, as_json=False) == code


def test_a_refusal_is_one_sentence_beside_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.refuse(NotFound(f"there is no {AWKWARD}"), as_json=False)
    assert capsys.readouterr() == ("", f"error: there is no {AWKWARD}\n")


def test_a_refusal_as_json_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.refuse(LibraryBusy("in use"), as_json=True)
    failure = json.loads(capsys.readouterr().out)["failure"]
    assert Failure.model_validate(failure) == Failure(reason="in use", kind="LibraryBusy", transient=True)


def test_an_error_of_the_system_names_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.refuse(PermissionError(13, "Permission denied", "/library/x"), as_json=False)
    assert capsys.readouterr().err == "error: /library/x: Permission denied\n"


@pytest.mark.parametrize("printed", [terminal.show, lambda text: terminal.show_facts([("file", text)])])
def test_nothing_in_a_name_is_taken_for_markup(printed: object, capsys: pytest.CaptureFixture[str]) -> None:
    printed(AWKWARD)  # type: ignore[operator]
    assert AWKWARD in capsys.readouterr().out


def test_a_table_in_a_pipe_is_as_wide_as_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    long = "/a/very/long/path" * 30
    terminal.show_table(("id", "status", "path"), [("one", "failed", long)])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "status", "path"]
    assert row.split() == ["one", "failed", long]


def test_no_row_in_a_pipe_ends_in_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_table(("id", "title"), [("one", "short"), ("two", "long " * 30)])
    terminal.show_facts([("short", "x"), ("long", "y" * 300), ("several", "é" * 10)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines == [line.rstrip() for line in lines]


def test_a_name_with_line_breaks_or_commands_for_the_terminal_stays_one_row_and_does_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "a talk\nin two\r\x1b[31mlines\u2028.mp4\x07"
    terminal.show_table(("id", "title"), [("one", name)])
    terminal.show_facts([("title", name)])
    shown = capsys.readouterr().out
    assert shown.count(r"a talk in two \x1b[31mlines .mp4\x07") == 2
    assert len(shown.splitlines()) == 3
    terminal.show_json({"title": name})
    assert json.loads(capsys.readouterr().out)["title"] == name


def test_facts_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_facts([("a", None), ("b", ""), ("c", 0), ("d", ())])
    assert capsys.readouterr().out.split() == ["c", "0"]


def test_json_is_one_ascii_line_of_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
    terminal.show_json({"path": Path("a/é\udcff"), "at": at, "failure": Failure(reason="r", kind="k")})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    facts = json.loads(out)
    assert (facts["path"], facts["at"]) == ("a/é\udcff", "2026-11-23T21:00:00+00:00")
    assert facts["failure"]["kind"] == "k"


def test_what_is_no_fact_cannot_be_json() -> None:
    with pytest.raises(TypeError, match="object cannot be JSON"):
        terminal.show_json({"x": object()})


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599.7, "1:00:00"), (36_061, "10:01:01")],
)
def test_times_are_written_as_on_a_clock(seconds: float, shown: str) -> None:
    assert terminal.clock(seconds) == shown


def test_a_character_that_the_terminal_lacks_never_ends_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(written, encoding="ascii"))
    terminal.never_fail()
    terminal.show("Zoë \udcff")
    terminal.flush()
    assert written.getvalue() == b"Zo\\xeb \\udcff\n"


def test_a_reader_that_has_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        stream.write("facts")
        terminal.flush()
        stream.write("more")
        terminal.flush()


@pytest.mark.parametrize(
    "show", [terminal.show, terminal.show_json, lambda text: terminal.show_facts([("", text)])]
)
def test_a_command_goes_on_when_its_reader_has_gone(show: object, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        for _ in range(3):
            show("facts" * 10_000)  # type: ignore[operator]


def test_colours_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = {}
    for stream in (io.StringIO(), Screen()):
        terminal.console(stream).print("failed", style="red")
        shown[type(stream)] = "\x1b[" in stream.getvalue()
    assert shown == {io.StringIO: False, Screen: True}
