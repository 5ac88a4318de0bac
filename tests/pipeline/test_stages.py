import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import manifest, plan, stages, whisper
from pipeline.errors import UnreadableMedia
from pipeline.model import StageName
from pipeline.task import Task


def _ignore(_: float) -> None:
    pass


def _examine(recording: Path) -> Task:
    return plan.discovery(recording, "1:1")


def test_a_task_leaves_its_artefact_with_a_manifest_of_every_file(tone: Path, tmp_path: Path):
    task = _examine(tone)
    stages.run(task, tmp_path, _ignore)
    paper = manifest.read(tmp_path)
    assert paper
    assert (paper.kind, paper.key) == ("source", task.outputs["source"])
    assert [file.path for file in paper.files] == ["source.json"]
    assert stages.source(str(tmp_path)).media.path == str(tone)


def test_a_transcript_of_guesses_says_so_in_its_manifest(tone: Path, tmp_path: Path):
    source, prepared, stretch, out = (tmp_path / name for name in ("source", "prepared", "stretch", "out"))
    for folder in (source, prepared, stretch, out):
        folder.mkdir()
    stages.run(_examine(tone), source, _ignore)
    plan_of_one = {"language": "en", "probability": 1, "stretches": [[0, 3]], "notes": []}
    (prepared / "stretches.json").write_text(json.dumps(plan_of_one))
    words = [{"text": "so", "start": i / 10, "end": (i + 1) / 10, "probability": 0.1} for i in range(30)]
    (stretch / "words.json").write_text(json.dumps(words))
    task = Task(
        stage=StageName.TRANSCRIBED,
        step="merge",
        name="joining the stretches",
        inputs={"source": str(source), "prepared": str(prepared), "stretch0": str(stretch)},
        options={"model": "tiny.en"},
        outputs={"transcript": "key"},
        media_seconds=3,
        share=0.02,
    )
    stages.run(task, out, _ignore)
    (note,) = manifest.notes([str(out)])
    assert note.startswith("100% of the words are guesses")
    assert stages.transcript(str(out)).notes == ()


def test_a_task_that_fails_leaves_no_manifest(tmp_path: Path):
    (tmp_path / "text.mp4").write_text("this is no recording")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UnreadableMedia, match=r"text\.mp4"):
        stages.run(_examine(tmp_path / "text.mp4"), out, _ignore)
    assert manifest.read(out) is None


def test_a_task_whose_folder_was_removed_before_it_began_does_not_bring_it_back(tone: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        stages.run(_examine(tone), tmp_path / "stopped", _ignore)
    assert not (tmp_path / "stopped").exists()


def test_a_task_survives_the_way_to_a_worker_as_json(tone: Path):
    task = _examine(tone).model_copy(update={"threads": 2})
    assert Task.model_validate(json.loads(json.dumps(task.model_dump(mode="json")))) == task


def test_the_speech_model_is_loaded_beforehand_without_waiting_for_it():
    stages.load_speech_model({"model": "tiny.en"}, 2)
    deadline = time.monotonic() + 30
    while not whisper._loaded.cache_info().currsize and time.monotonic() < deadline:
        time.sleep(0.1)
    before = whisper._loaded.cache_info().misses
    whisper.load("tiny.en", 2)
    assert whisper._loaded.cache_info().misses == before


def test_a_model_that_is_missing_is_not_complained_about_beforehand():
    load = "stages.load_speech_model({'model': 'none'}, 1)"
    code = f"import time; from pipeline import stages; {load}; time.sleep(1)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0
    assert ran.stderr == ""
