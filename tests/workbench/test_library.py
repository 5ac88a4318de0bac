import os
import time
from pathlib import Path

import pytest

from pipeline import manifest
from pipeline.model import StageName
from pipeline.task import Ref, Task
from workbench.errors import LibraryBroken
from workbench.jobs import UNWANTED
from workbench.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def _task(**changes: object) -> Task:
    facts = {"stage": StageName.TRANSCRIBED, "step": "merge", "name": "joining", "inputs": {}, "options": {}}
    sizes = {"outputs": {"transcript": "abc"}, "media_seconds": 1.0, "share": 1.0}
    return Task.model_validate(facts | sizes | changes)


def _made(library: Library, task: Task, text: str = "hello") -> Path:
    attempt = library.new_attempt(task)
    for kind in task.outputs:
        folder = task.folder(attempt, kind)
        folder.mkdir(exist_ok=True)
        (folder / "result.txt").write_text(text)
        manifest.write(folder, task, kind, 0.1)
    return attempt


def test_an_attempt_that_the_system_does_not_let_go_of_is_marked_as_unwanted(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    attempt = _made(library, _task())

    def refused(*_: object, **__: object) -> None:
        raise PermissionError("a file in it is open")

    with monkeypatch.context() as windows:
        windows.setattr(Path, "rename", refused)
        windows.setattr("shutil.rmtree", lambda *_, **__: None)
        library.discard(attempt)
    assert (attempt / UNWANTED).exists()
    library.sweep()
    assert not attempt.exists()


def test_a_sweep_removes_files_too(library: Library):
    (library.root / "attempts" / "secret-1").write_bytes(b"half of it")
    library.sweep()
    assert list((library.root / "attempts").iterdir()) == []


def test_a_result_is_there_once_it_is_published_and_not_before(library: Library):
    task = _task()
    attempt = _made(library, task)
    assert library.find("transcript", "abc") is None
    library.publish(task, attempt)
    assert (library.find("transcript", "abc") / "result.txt").read_text() == "hello"
    assert not attempt.exists()


def test_a_result_is_dated_by_this_machine_whatever_the_workers_clock_says(library: Library):
    task = _task()
    attempt = _made(library, task)
    os.utime(attempt / manifest.NAME, (0, 0))
    before = time.time()
    library.publish(task, attempt)
    assert (library.find("transcript", "abc") / manifest.NAME).stat().st_mtime >= before - 0.01


def test_a_task_with_several_results_publishes_each(library: Library):
    task = _task(step="clip", outputs={"9x16-clean": "a", "1x1-clean": "b"})
    library.publish(task, _made(library, task))
    assert library.find("9x16-clean", "a")
    assert library.find("1x1-clean", "b")
    assert list((library.root / "attempts").iterdir()) == []


def test_a_broken_artefact_counts_as_missing_and_is_replaced(library: Library):
    task = _task()
    library.publish(task, _made(library, task))
    (library.root / "artefacts/transcript/abc/result.txt").write_text("cut")
    assert library.find("transcript", "abc") is None
    library.publish(task, _made(library, task, "again"))
    assert (library.find("transcript", "abc") / "result.txt").read_text() == "again"


def test_what_attempts_left_behind_is_swept_away(library: Library):
    _made(library, _task())
    library.sweep()
    assert list((library.root / "attempts").iterdir()) == []


def test_discarding_twice_is_no_error(library: Library):
    attempt = _made(library, _task())
    library.discard(attempt)
    library.discard(attempt)
    library.remove(Ref(path=str(attempt), key="gone"))
    assert not attempt.exists()


def test_what_a_kill_leaves_of_an_artefact_that_is_removed_is_swept_away(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    task = _task()
    (place,) = library.publish(task, _made(library, task))
    with monkeypatch.context() as killed:
        killed.setattr("shutil.rmtree", lambda *_, **__: None)
        library.remove(Ref(path=str(place), key="abc"))
    assert list((library.root / "artefacts" / "transcript").iterdir()) == []
    library.sweep()
    assert list((library.root / "attempts").iterdir()) == []


def test_a_shelf_holds_the_files_under_their_names_and_leads_to_the_recording(
    library: Library, tmp_path: Path
):
    recording, page = tmp_path / "Talk.MP4", tmp_path / "index.html"
    recording.write_bytes(b"picture")
    page.write_text("page")
    shelf = library.arrange("talk", {"index.html": page, "clips/01.mp4": page}, recording)
    assert (shelf / "index.html").read_text() == "page"
    assert (shelf / "clips/01.mp4").exists()
    assert (shelf / "Talk.MP4").read_bytes() == b"picture"
    assert (shelf / "Talk.MP4").is_symlink()


def test_a_shelf_is_replaced_as_a_whole(library: Library, tmp_path: Path):
    page = tmp_path / "page"
    page.write_text("page")
    library.arrange("talk", {"old.html": page}, tmp_path / "talk.mp4")
    shelf = library.arrange("talk", {"new.html": page}, tmp_path / "talk.mp4")
    assert sorted(path.name for path in shelf.iterdir()) == ["new.html", "talk.mp4"]
    assert page.read_text() == "page"


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be made unwritable this way on Windows")
def test_a_place_that_cannot_be_a_library_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LibraryBroken, match="file cannot be a library"):
        Library(tmp_path / "file")
