"""What was named on the command line, and what became of it."""

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps import batch
from apps.watch import Signals
from pipeline.model import StageName
from workbench import Workbench, load_settings
from workbench.jobs import Failure, Job, JobType, Status

ONLY_FOUND = {"target_stage": StageName.DISCOVERED}


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    with Workbench(load_settings(library=tmp_path / "library", environment={}, workers=1)) as bench:
        yield bench


@pytest.fixture
def folder(tmp_path: Path, tone: Path, silence: Path) -> Path:
    """Two recordings, a broken one, and a text."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    shutil.copy(tone, folder / "tone.mp4")
    shutil.copy(silence, folder / "silence.wav")
    (folder / "broken.mp4").write_text("no recording")
    (folder / "notes.txt").write_text("notes")
    return folder


def test_all_that_was_named_has_one_outcome_each_in_order(bench: Workbench, folder: Path) -> None:
    named = [folder / "broken.mp4", folder / "silence.wav", folder / "none.mp4", folder / "tone.mp4"]
    outcomes = batch.process(bench, [str(name) for name in named], Signals(), ONLY_FOUND)
    assert [outcome.file for outcome in outcomes] == [str(name) for name in named]
    assert [outcome.status for outcome in outcomes] == ["failed", "completed", "failed", "completed"]
    assert [outcome.failure and outcome.failure.kind for outcome in outcomes] == [
        *("UnreadableMedia", None, "NotFound", None)
    ]
    assert [outcome.episode_id is None for outcome in outcomes] == [True, False, True, False]


def test_a_folder_and_a_file_in_it_count_once(bench: Workbench, folder: Path) -> None:
    named = [str(folder / "tone.mp4"), str(folder), str(folder / "tone.mp4")]
    items = batch.gather(bench, named, lambda there: bench.wait(bench.discover(there).job_id))
    assert [Path(item.file).name for item in items] == ["tone.mp4", "broken.mp4", "silence.wav"]


def test_an_episode_is_named_by_its_id(bench: Workbench, folder: Path) -> None:
    (first,) = batch.process(bench, [str(folder / "tone.mp4")], Signals(), ONLY_FOUND)
    (again,) = batch.process(bench, [str(first.episode_id)], Signals(), ONLY_FOUND)
    assert again == first


def test_the_same_content_twice_is_one_episode_with_two_outcomes(bench: Workbench, folder: Path) -> None:
    shutil.copy(folder / "tone.mp4", folder / "copy.mp4")
    named = [str(folder / "tone.mp4"), str(folder / "copy.mp4")]
    first, second = batch.process(bench, named, Signals(), ONLY_FOUND)
    assert first.episode_id == second.episode_id
    assert [first.file, second.file] == named


def test_a_text_that_is_named_is_no_recording(bench: Workbench, folder: Path) -> None:
    (outcome,) = batch.process(bench, [str(folder / "notes.txt")], Signals(), ONLY_FOUND)
    assert outcome.status == "failed"
    assert outcome.failure
    assert "notes.txt" in outcome.failure.reason


@pytest.mark.skipif(sys.platform != "linux", reason="all names are UTF-8 on this system")
@pytest.mark.parametrize("named", [".", "Caf\udce9.mp4"], ids=["its folder is named", "it is named"])
def test_a_name_that_is_not_utf8_is_a_failure_of_its_own(bench: Workbench, folder: Path, named: str) -> None:
    (folder / "broken.mp4").rename(folder / "Caf\udce9.mp4")
    for file in folder.iterdir():
        os.utime(file, (0, 0))  # none of them is still being written
    names = [str(folder / named), str(folder / "tone.mp4"), str(folder / "silence.wav")]
    outcomes = batch.process(bench, names, Signals(), ONLY_FOUND)
    assert sorted(outcome.status for outcome in outcomes) == ["completed", "completed", "failed"]
    (failure,) = [outcome.failure for outcome in outcomes if outcome.failure]
    assert failure.reason == rf"{folder}/Caf\udce9.mp4 has a name that is not UTF-8: rename it"


@pytest.fixture
def strict(tmp_path: Path) -> Any:
    """A library in which files have to rest for two seconds."""
    found = load_settings(library=tmp_path / "library", environment={}, workers=1, stable_seconds=2)
    with Workbench(found) as bench:
        yield bench


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file that a thread goes on writing."""
    file, ended = tmp_path / "recordings/growing.wav", threading.Event()

    def write() -> None:
        while not ended.wait(0.1):
            with file.open("ab") as opened:
                opened.write(bytes(100))

    file.parent.mkdir(exist_ok=True)
    file.touch()
    writer = threading.Thread(target=write)
    writer.start()
    yield file
    ended.set()
    writer.join()


def test_whole_files_that_were_just_copied_into_a_folder_are_processed(
    strict: Workbench, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.mp4").unlink()
    outcomes = batch.process(strict, [str(folder)], Signals(), ONLY_FOUND, stable=2)
    assert [outcome.status for outcome in outcomes] == ["completed", "completed"]
    told = "2 files were written to a moment ago: waiting up to 2 s for them to be whole\n"
    said = capsys.readouterr()
    assert (said.err.count(told), said.out) == (1, "")


def test_a_file_in_a_folder_that_is_still_written_after_that_is_said(
    strict: Workbench, growing: Path, tone: Path
) -> None:
    shutil.copy(tone, growing.with_name("tone.mp4"))
    outcomes = batch.process(strict, [str(growing.parent)], Signals(), ONLY_FOUND, stable=2)
    ended = {Path(outcome.file or "").name: outcome.failure and outcome.failure.kind for outcome in outcomes}
    assert ended == {"growing.wav": "StillBeingWritten", "tone.mp4": None}


@pytest.mark.parametrize("sign", ["cancel", "leave"])
def test_a_wait_for_files_to_be_whole_ends_with_the_command(
    strict: Workbench, growing: Path, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    signals, left = Signals(), pytest.raises(SystemExit) if sign == "leave" else nullcontext()
    monkeypatch.setattr(
        "apps.terminal.say", lambda text: "waiting up to" in text and setattr(signals, sign, True)
    )
    with left:
        batch.process(strict, [str(growing.parent)], signals, ONLY_FOUND, stable=600)
    assert len(strict.jobs()) == 1


def test_an_empty_folder_is_said(
    bench: Workbench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert batch.process(bench, [str(tmp_path / "empty")], Signals(), ONLY_FOUND) == []
    assert f"no recordings found in {tmp_path / 'empty'}" in capsys.readouterr().err


def test_an_empty_name_is_not_the_current_folder(
    bench: Workbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (outcome,) = batch.process(bench, [""], Signals(), ONLY_FOUND)
    assert outcome.failure
    assert outcome.failure.kind == "NotFound"


def test_after_ctrl_c_nothing_more_is_started(bench: Workbench, folder: Path) -> None:
    signals = Signals()
    signals.cancel = True
    (outcome,) = batch.process(bench, [str(folder / "tone.mp4")], signals, ONLY_FOUND)
    assert outcome.status == "cancelled"
    assert [job.job_type for job in bench.jobs()] == [JobType.DISCOVER]


def test_with_nothing_open_there_is_nothing_to_resume(
    bench: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch.resume(bench, Signals()) == []
    assert "nothing to resume" in capsys.readouterr().err


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_an_outcome_is_that_of_its_job(status: Status) -> None:
    failure = Failure(reason="no", kind="X") if status is Status.FAILED else None
    item = batch.Item(file="a", title="A", episode_id="a")
    job = Job(
        job_id="1",
        job_type=JobType.PROCESS,
        episode_id="a",
        status=status,
        current_stage=StageName.ENRICHED,
        failure=failure,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    outcome = batch.outcome(item, job)
    assert (outcome.status, outcome.stage, outcome.failure) == (status, StageName.ENRICHED, failure)
