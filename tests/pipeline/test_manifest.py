import hashlib
from pathlib import Path

import pytest

from pipeline import manifest
from pipeline.model import StageName
from pipeline.task import Task


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/one.txt").write_text("one")
    task = Task(
        stage=StageName.CLIPPED,
        step="render",
        name="rendering",
        inputs={},
        options={"size": 3},
        outputs={"page": "k3y"},
        media_seconds=60.0,
        share=1.0,
        api_key="very-secret",
    )
    manifest.write(tmp_path, task, "page", 1.5, ("it is short",))
    return tmp_path


def test_it_says_what_was_made_of_what_and_how_long_it_took(artefact: Path):
    paper = manifest.read(artefact)
    assert paper
    assert (paper.kind, paper.key, paper.options, paper.wall_seconds) == ("page", "k3y", {"size": 3}, 1.5)
    assert paper.files[0].path == "clips/one.txt"
    assert paper.files[0].sha256 == hashlib.sha256(b"one").hexdigest()
    assert {"ffmpeg", "faster-whisper"} <= set(paper.tools)


def test_what_people_must_know_of_artefacts_is_found_without_reading_them(artefact: Path):
    assert manifest.notes([str(artefact), str(artefact / "none")]) == ["it is short"]


def test_a_secret_is_not_written(artefact: Path):
    assert "very-secret" not in (artefact / manifest.NAME).read_text()


@pytest.mark.parametrize("damage", ["cut", "removed", "no manifest", "broken manifest"])
def test_a_damaged_artefact_has_no_valid_manifest(artefact: Path, damage: str):
    if damage == "cut":
        (artefact / "clips/one.txt").write_text("o")
    elif damage == "removed":
        (artefact / "clips/one.txt").unlink()
    elif damage == "no manifest":
        (artefact / manifest.NAME).unlink()
    else:
        (artefact / manifest.NAME).write_text("{")
    assert manifest.read(artefact) is None
