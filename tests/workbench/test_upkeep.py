"""Cleaning up: what ended long ago goes, what is needed stays."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline import manifest
from pipeline.model import StageName
from pipeline.task import Task
from tests.workbench.quick import the_episode
from workbench import Workbench
from workbench.errors import LibraryBroken, NotAllowed, NotFound
from workbench.jobs import Episode, Job, JobType, Request, Status, now
from workbench.library import Library
from workbench.store import Store
from workbench.upkeep import Upkeep


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


@pytest.fixture
def store(library: Library) -> Iterator[Store]:
    store = Store(library.database)
    yield store
    store.close()


def _upkeep(store: Store, library: Library, days: float = 30.0, *, busy: bool = False) -> Upkeep:
    def quietly(do: Callable[[], None]) -> None:
        if busy:
            raise NotAllowed("a job is running")
        do()

    return Upkeep(store, library, timedelta(days=days), quietly)


def _artefact(library: Library, kind: str, key: str, age_days: float) -> Path:
    """An artefact of 5 bytes that was published so long ago."""
    task = Task(
        stage=StageName.ENRICHED,
        step="enrich",
        name="",
        inputs={},
        options={},
        outputs={kind: key},
        media_seconds=0.0,
        share=1.0,
    )
    attempt = library.new_attempt(task)
    folder = task.folder(attempt, kind)
    folder.mkdir(exist_ok=True)
    (folder / "words.json").write_text("12345")
    manifest.write(folder, task, kind, 0.1)
    (place,) = library.publish(task, attempt)
    moment = time.time() - age_days * 86400
    os.utime(Path(place, manifest.NAME), (moment, moment))
    return Path(place)


def _episode(store: Store, artefacts: dict[str, str]) -> None:
    facts = {"title": "Talk", "stage": StageName.ENRICHED, "duration": 1.0, "recording": "talk.mp4"}
    moments = {"created_at": now(), "updated_at": now()}
    store.save_episode(
        Episode.model_validate(
            {"episode_id": "talk", "sha256": "0", "artefacts": artefacts, **facts, **moments}
        )
    )


def _job(store: Store, number: int, *, ended: bool) -> Job:
    asked = Request(job_type=JobType.DISCOVER, episode_id=None, params={"number": number})
    (made,) = store.submit([asked])
    if ended:
        store.end(made.job.job_id, Status.COMPLETED, message="done")
    return made.job


def test_only_old_artefacts_that_no_episode_names_go(store: Store, library: Library):
    needed = _artefact(library, "enrichment", "a" * 8, 90)
    old = _artefact(library, "enrichment", "b" * 8, 90)
    young = _artefact(library, "enrichment", "c" * 8, 1)
    _episode(store, {"enrichment": str(needed)})
    done = _upkeep(store, library).clean_up(dry_run=False)
    assert [(each.path, each.bytes) for each in done.artefacts] == [(f"artefacts/enrichment/{old.name}", 5)]
    assert done.bytes == 5
    assert (needed.exists(), old.exists(), young.exists()) == (True, False, True)
    assert list((library.root / "attempts").iterdir()) == []


def test_the_artefacts_of_a_library_that_was_moved_are_still_needed(store: Store, library: Library):
    needed = _artefact(library, "enrichment", "a" * 8, 90)
    _episode(store, {"enrichment": f"/somewhere/else/artefacts/enrichment/{needed.name}"})
    assert _upkeep(store, library).clean_up(dry_run=False).artefacts == ()
    assert needed.exists()


def test_a_dry_run_names_what_would_go_and_removes_nothing(store: Store, library: Library):
    old = _artefact(library, "enrichment", "b" * 8, 90)
    job = _job(store, 1, ended=True)
    told = _upkeep(store, library, days=0).clean_up(dry_run=True)
    assert (told.jobs, len(told.artefacts), told.bytes) == (1, 1, 5)
    assert old.exists()
    assert store.job(job.job_id).ended
    assert _upkeep(store, library, days=0).clean_up(dry_run=False) == told


def test_while_a_job_runs_nothing_is_removed(store: Store, library: Library):
    old = _artefact(library, "enrichment", "b" * 8, 90)
    job = _job(store, 1, ended=True)
    with pytest.raises(NotAllowed):
        _upkeep(store, library, days=0, busy=True).clean_up(dry_run=False)
    assert old.exists()
    assert store.job(job.job_id).ended


def test_a_server_that_is_never_idle_still_gets_rid_of_its_old_jobs(store: Store, library: Library):
    old = _artefact(library, "enrichment", "b" * 8, 90)
    job = _job(store, 1, ended=True)
    with pytest.raises(NotAllowed):
        _upkeep(store, library, days=0, busy=True).by_itself()
    assert old.exists()
    with pytest.raises(NotFound):
        store.job(job.job_id)


def test_ended_jobs_go_with_their_logs_and_open_ones_stay(store: Store, library: Library):
    ended, still_open = _job(store, 1, ended=True), _job(store, 2, ended=False)
    assert _upkeep(store, library).clean_up(dry_run=False).jobs == 0
    assert _upkeep(store, library, days=0).clean_up(dry_run=False).jobs == 1
    assert [job.job_id for job in store.jobs()] == [still_open.job_id]
    assert store.log_of(ended.job_id) == []
    with pytest.raises(NotFound):
        store.job(ended.job_id)


def test_the_job_that_an_episode_was_last_made_by_stays_since_what_is_changed_is_made_in_the_same_way(
    store: Store, library: Library
):
    _episode(store, {})
    made = []
    for number, status in enumerate([Status.COMPLETED, Status.COMPLETED, Status.FAILED]):
        asked = Request(job_type=JobType.PROCESS, episode_id="talk", params={"number": number})
        (submitted,) = store.submit([asked])
        store.end(submitted.job.job_id, status, message="done")
        made.append(submitted.job)
    upkeep = _upkeep(store, library, days=0)
    assert upkeep.clean_up(dry_run=True).jobs == upkeep.clean_up(dry_run=False).jobs == 2
    assert [job.job_id for job in store.jobs()] == [made[1].job_id]
    assert store.last_params("talk") == {"number": 1}


def test_while_a_job_runs_the_workbench_says_so_and_afterwards_it_cleans_up(
    empty: Workbench, demo_recording: Path
):
    old = _artefact(empty.library, "enrichment", "b" * 8, 900)
    job = empty.process(the_episode(empty, demo_recording))
    while empty.job(job.job_id).status is Status.QUEUED:
        time.sleep(0.02)
    with pytest.raises(NotAllowed, match="a job is running"):
        empty.clean_up(dry_run=False)
    assert old.exists()
    empty.cancel(job.job_id)
    assert [each.path for each in empty.clean_up(dry_run=False).artefacts] == [
        f"artefacts/enrichment/{old.name}"
    ]
    assert not old.exists()


def test_whoever_cleans_up_is_not_left_waiting_for_a_dispatcher_that_has_ended(empty: Workbench):
    dispatcher = empty._dispatch()
    dispatcher.close()
    with pytest.raises(LibraryBroken):
        dispatcher.quietly(list)
