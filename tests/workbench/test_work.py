"""What a job has left, from a library whose artefacts the tests put there."""

import json
from pathlib import Path

import pytest

from pipeline import stages
from pipeline.edits import WriteText
from pipeline.errors import UnreadableMedia
from pipeline.task import Task
from workbench.jobs import Job, JobType, Request
from workbench.library import Library
from workbench.store import Store
from workbench.work import Discovery, still_current, work_of


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def store(library: Library):
    store = Store(library.database)
    yield store
    store.close()


def _discovery(store: Store, library: Library, *files: Path) -> Discovery:
    params = {"files": [str(file) for file in files], "waiting": [], "closed": []}
    (made,) = store.submit([Request(job_type=JobType.DISCOVER, episode_id=None, params=params)])
    work = work_of(made.job, library, store)
    assert isinstance(work, Discovery)
    return work


def _do(library: Library, task: Task) -> None:
    attempt = library.new_attempt(task)
    stages.run(task, attempt, lambda share: None)
    library.publish(task, attempt)


def _found(store: Store, library: Library, recording: Path) -> str:
    work = _discovery(store, library, recording)
    for task in work.agenda().tasks:
        _do(library, task)
    assert work.agenda().tasks == ()
    (episode,) = work.result()["episodes"]
    return str(episode["episode_id"])


def test_of_thousands_of_files_only_the_next_few_are_looked_at(
    store: Store, library: Library, tmp_path: Path
):
    files = [tmp_path / f"{number}.wav" for number in range(300)]
    for file in files:
        file.touch()
    work = _discovery(store, library, *files)
    seen: dict[str, Task] = {}
    while tasks := work.agenda().tasks:
        assert len(tasks) <= 64
        assert not seen.keys() & {task.key for task in tasks}
        seen |= {task.key: task for task in tasks}
        for task in tasks:
            library.publish(task, _nothing_found(library, task))
    assert len(seen) == 300
    assert work.agenda().done == 1


def _nothing_found(library: Library, task: Task) -> Path:
    from pipeline import manifest

    attempt = library.new_attempt(task)
    manifest.write(attempt, task, "source", 0.0)
    return attempt


def test_a_file_named_twice_is_examined_once(store: Store, library: Library, tone: Path):
    assert len(_discovery(store, library, tone, tone).agenda().tasks) == 1


def test_a_recording_that_was_exchanged_is_not_taken_for_the_old_one(
    store: Store, library: Library, tone: Path, tmp_path: Path
):
    recording = tmp_path / f"talk{tone.suffix}"
    recording.write_bytes(tone.read_bytes())
    work = work_of(_processing(store, _found(store, library, recording)), library, store)
    assert work.agenda().tasks
    recording.write_bytes(tone.read_bytes() * 2)
    with pytest.raises(UnreadableMedia, match=f"{recording.name} has changed .* discover it again"):
        work.agenda()


def test_a_title_that_a_person_gave_stays_when_the_recording_is_found_again(
    store: Store, library: Library, tone: Path, tmp_path: Path
):
    recording = tmp_path / f"talk{tone.suffix}"
    recording.write_bytes(tone.read_bytes())
    recording.with_suffix(".json").write_text('{"title": "From the file"}')
    episode_id = _found(store, library, recording)
    assert store.episode(episode_id).title == "From the file"
    store.reviews.put(episode_id, "title", WriteText(field="title", text="Mine"), "", "Ada")
    store.change_episode(episode_id, lambda episode: episode.model_copy(update={"title": "Mine"}))
    assert _found(store, library, recording) == episode_id
    assert store.episode(episode_id).title == "Mine"


def test_a_page_plays_the_recording_under_the_name_that_it_has_now(
    store: Store, library: Library, silent_video: Path, tmp_path: Path
):
    recording = tmp_path / "talk.mp4"
    recording.write_bytes(silent_video.read_bytes())
    episode_id = _found(store, library, recording)
    assert 'src="talk.mp4"' in (_rendered(store, library, episode_id) / "index.html").read_text()
    renamed = recording.rename(tmp_path / "lecture.mp4")
    assert _found(store, library, renamed) == episode_id
    shelf = _rendered(store, library, episode_id)
    assert 'src="lecture.mp4"' in (shelf / "index.html").read_text()
    assert (shelf / "lecture.mp4").read_bytes() == silent_video.read_bytes()
    facts = json.loads((shelf / f"{episode_id}.rendered.json").read_text())
    assert facts["playback"]["file"] == "lecture.mp4"


def _rendered(store: Store, library: Library, episode_id: str) -> Path:
    """The episode's shelf, once all is done that it takes to have its page."""
    work = work_of(_processing(store, episode_id, "rendered"), library, store)
    while tasks := work.agenda().tasks:
        for task in tasks:
            _do(library, task)
    return Path(work.result()["shelf"])


def _processing(store: Store, episode_id: str, target: str = "transcribed") -> Job:
    params = {
        "target_stage": target,
        "force_reprocess": False,
        "options": {"transcribe": {"model": "tiny.en"}},
        "renditions": [],
        "clip_ids": None,
    }
    (made,) = store.submit([Request(job_type=JobType.PROCESS, episode_id=episode_id, params=params)])
    return made.job


BEFORE = {
    "source": "s",
    "transcript": "t",
    "enrichment": "e",
    "pictures": "i",
    "page": "p",
    "candidates": "c",
    "01-a/1x1": "x",
}


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        ({"transcript": "t"}, set(BEFORE)),
        ({"transcript": "other"}, {"source", "pictures"}),
        ({"enrichment": "other"}, {"source", "pictures", "transcript"}),
        ({"candidates": "other"}, {"source", "pictures", "transcript", "enrichment", "page"}),
        ({"page": "other"}, set(BEFORE) - {"page"}),
    ],
)
def test_what_was_made_of_a_replaced_artefact_is_not_current(after: dict[str, str], kept: set[str]):
    current = set(still_current(BEFORE, after))
    assert kept - after.keys() <= current
    assert current - after.keys() == kept - after.keys()
