"""The demo's frame: its recording, and the signpost at the end."""

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apps import tour
from apps.batch import Outcome
from apps.watch import Signals
from workbench import Workbench, load_settings
from workbench.jobs import Failure, Status

if TYPE_CHECKING:
    from tests.apps.conftest import Cli, Processed

pytestmark = pytest.mark.timeout(900)  # the first of them to need it waits for a whole run


def outcome_of(processed: "Processed") -> Outcome:
    return Outcome.model_validate(processed.run.lines[0])


def test_the_recording_is_made_once(tmp_path: Path) -> None:
    made = tmp_path / "cables-under-the-sea.mp4"
    made.write_bytes(b"made before")
    assert tour.recording(tmp_path, Signals()) == made
    assert made.read_bytes() == b"made before"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_making_the_recording_can_be_stopped(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with Signals() as signals:
        signal.raise_signal(number)
        with pytest.raises(SystemExit) as ended:
            tour.recording(tmp_path, signals)
    assert ended.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_at_the_end_stand_the_results_and_what_to_try_next(
    processed: "Processed", capsys: pytest.CaptureFixture[str]
) -> None:
    with Workbench(load_settings(library=processed.library, environment={})) as bench:
        tour.show(bench, outcome_of(processed), processed.library, as_json=False)
        shelf = bench.shelf(processed.episode_id)
    said = capsys.readouterr().out
    for place in (shelf / "index.html", shelf / f"{processed.episode_id}.srt", shelf / "clips"):
        assert place.exists()
        assert str(place) in said
    assert f"workbench show {processed.episode_id} --library {processed.library}\n" in said


def test_what_to_try_can_be_typed_whether_the_command_is_on_the_path_or_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for folder, command in (
        (tmp_path, Path(sys.executable).with_name("workbench")),
        (Path(sys.executable).parent, "workbench"),
    ):
        monkeypatch.setenv("PATH", str(folder))
        tour._signpost("talk", tmp_path)
        assert f"    {command} show talk --library {tmp_path}\n" in capsys.readouterr().out


def test_with_json_the_demo_gives_the_paths(
    processed: "Processed", capsys: pytest.CaptureFixture[str]
) -> None:
    with Workbench(load_settings(library=processed.library, environment={})) as bench:
        tour.show(bench, outcome_of(processed), processed.library, as_json=True)
    facts = json.loads(capsys.readouterr().out)
    assert facts["status"] == "completed"
    assert Path(facts["shelf"]).is_dir()
    assert facts["files"]["page"]


def test_a_failed_demo_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failure = Failure(reason="It broke.", kind="ToolFailed")
    failed = Outcome(file="x.mp4", episode_id=None, status=Status.FAILED, stage=None, failure=failure)
    with Workbench(load_settings(library=tmp_path, environment={})) as bench:
        tour.show(bench, failed, tmp_path, as_json=False)
    assert "It broke." in capsys.readouterr().out


def test_a_demo_with_an_unusable_file_ends_with_1(cli: "Cli", tmp_path: Path) -> None:
    (tmp_path / "mine.mp4").write_text("no recording")
    run = cli("demo", "mine.mp4", "--json", cwd=tmp_path)
    assert (run.code, run.facts["status"]) == (1, "failed")
    assert (tmp_path / ".demo" / "inbox").is_dir()  # its own library, in the current folder
