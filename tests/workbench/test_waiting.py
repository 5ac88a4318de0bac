"""Waiting for the end of a job, with a bar for whoever watches: the same through both doors."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.model import Seconds
from tests.apps.test_watch import on_a_terminal
from workbench import Workbench
from workbench.jobs import Job, JobType, Status
from workbench.waiting import until_ended

SHOW = """
from datetime import UTC, datetime
from workbench.jobs import Job, JobType, Status
from workbench.waiting import job_bar
job = Job(job_id="1", job_type=JobType.PROCESS, episode_id="talk", status=Status.RUNNING, progress=42,
          message="stretch 2 of 5", eta_seconds=61, created_at=datetime.now(UTC))
with job_bar(True) as show:
    show(job)
"""
KERNEL = "import sys, types; sys.modules['ipykernel.zmqshell'] = types.ModuleType('zmqshell')"


def job(status: Status) -> Job:
    return Job(
        job_id="1", job_type=JobType.PROCESS, episode_id="a", status=status, created_at=datetime.now(UTC)
    )


def test_on_a_terminal_a_bar_shows_progress_message_and_time_left() -> None:
    said = on_a_terminal(SHOW)
    assert "talk:  42%|" in said
    assert "stretch 2 of 5, 01:01 left" in said


def test_in_a_notebook_there_is_a_bar_though_its_output_is_no_terminal() -> None:
    ran = subprocess.run([sys.executable, "-c", KERNEL + SHOW], capture_output=True, text=True, check=True)
    assert "stretch 2 of 5, 01:01 left" in ran.stdout + ran.stderr


def test_the_library_of_this_process_shows_the_same_bar_as_a_server(tmp_path: Path, tone: Path) -> None:
    code = f"""
from workbench import connect
with connect({str(tmp_path / "library")!r}, workers=1) as bench:
    bench.wait(bench.discover([{str(tone)!r}]).job_id)
"""
    assert "discover_episodes: 100%|" in on_a_terminal(code)


def test_in_a_pipe_there_is_no_bar(
    empty: Workbench, silence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert empty.wait(empty.discover([silence]).job_id).status is Status.COMPLETED
    assert capsys.readouterr().err == ""


def test_it_is_looked_again_until_the_job_has_ended() -> None:
    looks = iter([Status.QUEUED, Status.RUNNING, Status.FAILED])

    def look(most: Seconds) -> Job:
        time.sleep(0.6 * most)
        return job(next(looks))

    assert until_ended(look, None, bar=True).status is Status.FAILED


def test_after_the_given_time_the_job_is_returned_as_it_is() -> None:
    def look(most: Seconds) -> Job:
        time.sleep(most)
        return job(Status.RUNNING)

    started = time.monotonic()
    assert until_ended(look, 0.2, bar=False).status is Status.RUNNING
    assert 0.2 <= time.monotonic() - started < 1


def test_a_job_that_nobody_is_left_to_end_is_not_waited_for() -> None:
    assert until_ended(lambda most: job(Status.QUEUED), None, bar=False).status is Status.QUEUED
