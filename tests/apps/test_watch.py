"""How jobs are shown, and what Ctrl-C does to them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apps.watch import Lines, Signals, share_view, view
from pipeline.model import StageName
from workbench.jobs import Failure, Job, JobType, Status

if TYPE_CHECKING:
    from tests.apps.conftest import Cli, Start

pytestmark = pytest.mark.timeout(900)  # whole runs, on a busy machine

START = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
TITLES = {"1": "A talk [1]"}


def job(status: Status = Status.RUNNING, **fields: Any) -> Job:
    facts = {"job_id": "1", "job_type": JobType.PROCESS, "episode_id": "talk", "created_at": START}
    return Job.model_validate(facts | {"status": status} | fields)


def running(stage: StageName, progress: float, eta: float | None = None) -> Job:
    return job(current_stage=stage, progress=progress, message="stretch 1 of 2", eta_seconds=eta)


def test_a_line_has_stage_percent_message_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(TITLES) as lines:
        lines.update([running(StageName.TRANSCRIBED, 33.4, eta=61)])
    assert capsys.readouterr().err == "A talk [1]: transcribing, 33 %, stretch 1 of 2, 1:01 left\n"


def test_a_title_in_two_lines_is_shown_on_one(capsys: pytest.CaptureFixture[str]) -> None:
    Lines({"1": "A talk\nin two lines"}).update([running(StageName.TRANSCRIBED, 33.4, eta=61)])
    assert capsys.readouterr().err.startswith("A talk in two lines: transcribing, 33 %")


def test_the_time_that_is_enough_nine_times_in_ten_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    likely = running(StageName.ENRICHED, 50, eta=61)
    Lines(TITLES).update([likely.model_copy(update={"eta_p90_seconds": 100})])
    assert capsys.readouterr().err.endswith(", 1:01 left (90 %: 1:40)\n")


def test_why_a_job_waits_is_said_when_that_takes_long_and_nothing_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, window = Lines(TITLES), "maintenance window until 06:00"
    waiting = job(Status.QUEUED, waits_for=window, message=window, eta_seconds=600)
    for second in range(11):
        monkeypatch.setattr(time, "monotonic", lambda second=second: 1000.0 + second)
        lines.update([waiting, waiting.model_copy(update={"job_id": "2"})])
    assert capsys.readouterr().err == f"A talk [1]: {window}, 10:00 left\n"
    lines.update([running(StageName.TRANSCRIBED, 1)])
    assert "transcribing" in capsys.readouterr().err


def test_an_unknown_time_left_is_being_estimated(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(TITLES).update([running(StageName.ENRICHED, 50)])
    assert capsys.readouterr().err.endswith(", estimating…\n")


def test_lines_come_when_the_stage_changes_not_before(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(TITLES)
    for stage, percent in (("transcribed", 1), ("transcribed", 30), ("enriched", 60), ("enriched", 61)):
        lines.update([job(Status.QUEUED)])
        lines.update([running(StageName(stage), percent)])
    said = capsys.readouterr().err
    assert re.findall(r": (\w+), (\d+) %", said) == [("transcribing", "1"), ("enriching", "60")]


def test_a_long_stage_is_heard_of_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines(TITLES)
    for second in range(26):
        monkeypatch.setattr(time, "monotonic", lambda second=second: 1000.0 + second)
        lines.update([running(StageName.TRANSCRIBED, second)])
    assert re.findall(r"(\d+) %", capsys.readouterr().err) == ["0", "10", "20"]


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (
            job(Status.COMPLETED, started_at=START, finished_at=START + timedelta(seconds=75)),
            "A talk [1]: done in 1:15\n",
        ),
        (
            job(Status.FAILED, failure=Failure(reason="It broke.", kind="X")),
            "A talk [1]: failed: It broke.\n",
        ),
        (job(Status.CANCELLED), "A talk [1]: cancelled\n"),
    ],
)
def test_how_a_job_ended_is_said_once(ended: Job, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(TITLES)
    lines.update([ended])
    lines.update([ended])
    assert capsys.readouterr().err == said


def test_in_a_pipe_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(view(TITLES), Lines)
    with share_view("making it") as tell:
        tell(0.25)
        tell(0.5)
    assert capsys.readouterr().err == "making it: 25%\n"


def test_colours_that_are_forced_on_make_a_pipe_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(view(TITLES), Lines)


SHOW = """
from apps.watch import Bars
from tests.apps.test_watch import *
many = {str(number): f"talk\\n{number}" for number in range(40)}
with view(many) as screen:
    assert isinstance(screen, Bars)
    jobs = [running(StageName.CLIPPED, 42, eta=5).model_copy(update={"job_id": one}) for one in many]
    screen.update(jobs)
    time.sleep(0.3)
    screen.update([job(Status.CANCELLED).model_copy(update={"job_id": "3"})])
"""


def on_a_terminal(code: str, **variables: str) -> str:
    """What Python code writes to a terminal of 24 lines and 120 columns."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    termios = pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    place = {"COLUMNS": "120", "LINES": "24", "TERM": "xterm-256color", "PYTHONPATH": str(Path.cwd())}
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env=kept | place | variables
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass  # Linux says so when the other end is closed
    finally:
        os.close(ours)
    assert process.wait(30) == 0, shown.decode()
    return shown.decode()


def test_on_a_terminal_there_are_bars_with_all_that_is_known() -> None:
    shown = on_a_terminal(SHOW)
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown)
    row = r"^talk 0 +clipping +[━╸╺]+ +42% stretch 1 of 2 +0:05 left +0:00:0\d"
    assert re.search(row, plain, re.MULTILINE)
    assert "talk 3: cancelled" in plain
    assert "talk 39" not in plain  # no more rows than the terminal has
    assert "\x1b[?25h" in shown  # the cursor is back


def test_no_color_is_respected() -> None:
    coloured = r"\x1b\[[\d;]*3\d(;\d+)*m"
    assert re.search(coloured, on_a_terminal(SHOW))
    assert not re.search(coloured, on_a_terminal(SHOW, NO_COLOR="1"))


def test_signals_are_noted_and_given_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Signals() as signals:
        assert not signals.cancel
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert (signals.cancel, signals.leave) == (True, True)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def wait_for(stream: Any, text: str) -> None:
    """Read `stream` until a line has `text`."""
    seen = []
    for line in stream:
        seen.append(line)
        if text in line:
            return
    pytest.fail(f"{text!r} never came: {''.join(seen)}")


def workers_of(pid: int) -> list[int]:
    """All processes below `pid`, however deep."""
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def gone(pids: list[int], within: float = 10) -> bool:
    import psutil

    end = time.monotonic() + within
    while time.monotonic() < end:
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def transcribing(start: "Start", demo_recording: Path, tmp_path: Path) -> Callable[[], Any]:
    """A command in the middle of the transcription of the demo recording, into `tmp_path`."""
    (tmp_path / "workbench.toml").write_text('model = "tiny.en"\nclip_count = 0\n')
    process = start("process", demo_recording, "--library", tmp_path, "--json")
    wait_for(process.stderr, "transcribing")
    time.sleep(1)
    return process


def test_ctrl_c_cancels_the_jobs_and_ends_with_130(transcribing: Any, cli: "Cli", tmp_path: Path) -> None:
    below = workers_of(transcribing.pid)
    os.killpg(transcribing.pid, signal.SIGINT)  # as a terminal does: to all of them
    out, said = transcribing.communicate(timeout=60)
    assert transcribing.returncode == 130
    assert "cancelling… press Ctrl-C again to stop at once" in said
    assert "Traceback" not in said
    assert json.loads(out)["status"] == "cancelled"
    assert gone(below)
    (ended,) = cli("jobs", "--library", tmp_path, "--json", "--limit", "1").facts
    assert ended["status"] == "cancelled"


def test_ctrl_c_while_the_workers_start_makes_no_noise(start: "Start", tone: Path, tmp_path: Path) -> None:
    process = start("process", tone, "--library", tmp_path, "--json")
    wait_for(process.stderr, "starting")
    os.killpg(process.pid, signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["status"] == "cancelled"
    assert "Traceback" not in said


@pytest.mark.parametrize("module", ["typer", "rich.console", "pydantic", "pipeline.model", "apps.facts"])
def test_ctrl_c_while_the_command_is_still_loaded_ends_it_quietly(
    start: "Start", tmp_path: Path, module: str
) -> None:
    process = start("jobs", "--library", tmp_path / "library", PYTHONPROFILEIMPORTTIME="1")
    wait_for(process.stderr, f" {module}\n")
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in said


def test_a_second_ctrl_c_stops_at_once(transcribing: Any) -> None:
    below = workers_of(transcribing.pid)
    os.kill(transcribing.pid, signal.SIGINT)
    time.sleep(0.05)
    os.kill(transcribing.pid, signal.SIGINT)
    started = time.monotonic()
    assert transcribing.wait(10) == 130
    assert time.monotonic() - started < 2
    assert "resource_tracker" not in transcribing.communicate()[1]
    assert gone(below)


def test_sigterm_leaves_the_jobs_to_be_resumed(transcribing: Any, cli: "Cli", tmp_path: Path) -> None:
    below = workers_of(transcribing.pid)
    transcribing.terminate()
    transcribing.communicate(timeout=30)
    assert transcribing.returncode == 143
    assert gone(below)
    (left,) = cli("jobs", "--library", tmp_path, "--json", "--status", "queued").facts
    run = cli("process", "--library", tmp_path, "--json")
    assert (run.code, run.facts["episode_id"], run.facts["status"]) == (0, left["episode_id"], "completed")
