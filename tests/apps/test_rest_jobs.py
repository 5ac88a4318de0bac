"""What a job is asked for over HTTP: of which episode, with which model, and how many workers there are."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import speech_models
from tests.apps.served import Guarded, Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a speech model, as a person may have made one."""
    place = tmp_path_factory.mktemp("models") / "my model"
    shutil.copytree(speech_models.folder("tiny.en"), place)
    return place


def asked(server: Guarded, by: str, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    client = {"admin": server.client, "submit": server.submit}[by]
    answer = client.post(path.format(server.episode_id), json={"target_stage": "discovered"} | body)
    return answer.status_code, answer.json()


PATHS = ("/async/episodes/{}/process", "/episodes/{}/process")


@pytest.mark.parametrize("path", PATHS)
def test_an_admin_may_name_the_folder_of_a_model(guarded: Guarded, folder: Path, path: str):
    status, job = asked(guarded, "admin", path, model=str(folder))
    assert status in (200, 202)
    params = guarded.client.get(f"/async/jobs/{job['job_id']}?details=true").json()["params"]
    assert params["options"]["transcribe"]["model"] == str(folder)


@pytest.mark.parametrize("path", PATHS)
def test_others_may_not_and_are_told_who_may(guarded: Guarded, folder: Path, path: str):
    status, problem = asked(guarded, "submit", path, model=str(folder))
    assert (status, problem["detail"]) == (
        403,
        "a folder as `model` needs the scope admin, and the key 'submit' may submit: use another key",
    )


@pytest.mark.parametrize("name", ["/nowhere", "C:\\nowhere", "/" + "a" * 3000])
def test_a_folder_without_a_model_is_the_askers_fault(guarded: Guarded, name: str):
    status, problem = asked(guarded, "admin", PATHS[0], model=name)
    assert (status, problem["kind"]) == (422, "BadOptions")
    assert name in problem["detail"]


@pytest.mark.parametrize("name", ["../up", "", "a b", "/a\nb"])
def test_what_is_neither_a_name_nor_a_full_path_is_refused(guarded: Guarded, name: str):
    status, problem = asked(guarded, "admin", PATHS[0], model=name)
    assert status == 422
    assert problem["detail"].startswith("body.model: ")


@pytest.mark.parametrize("path", PATHS)
def test_an_episode_that_is_named_twice_and_differs_is_refused(guarded: Guarded, path: str):
    status, problem = asked(guarded, "submit", path, episode_id="another")
    assert status == 422
    assert "episode_id is 'another' in the body and " in problem["detail"]
    assert asked(guarded, "submit", path, episode_id=guarded.episode_id)[0] in (200, 202)


def test_clips_are_of_the_episode_in_the_path_alone(guarded: Guarded):
    path = f"/async/episodes/{guarded.episode_id}/render_clips"
    answer = guarded.submit.post(path, json={"episode_id": "another"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.episode_id")


def test_before_the_first_task_the_workers_to_come_are_told(tmp_path: Path):
    server = Server(tmp_path)
    try:
        assert server.client.get("/async/stats").json()["max_workers"] == 2
    finally:
        server.stop()


def test_of_somebody_elses_scheduler_is_told_what_is_known(tmp_path: Path):
    server = Server(tmp_path, WORKBENCH_SCHEDULER="tcp://127.0.0.1:9")
    try:
        assert server.client.get("/async/stats").json()["max_workers"] == 0
    finally:
        server.stop()


def test_a_discovery_that_was_stopped_is_no_empty_one(tmp_path: Path, tone: Path):
    library = tmp_path / "library"
    (library / "inbox").mkdir(parents=True)
    shutil.copy(tone, library / "inbox")
    now = datetime.now(UTC)
    closed = f"daily {now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=20):%H:%M}"  # nothing starts
    settings = {"STABLE_SECONDS": "0", "MAINTENANCE_WINDOWS": closed, "TIMEZONE": "UTC"}
    server = Server(library, **{f"WORKBENCH_{name}": value for name, value in settings.items()})
    try:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(server.client.post, "/episodes/discover", timeout=60)
            jobs: list[dict[str, Any]] = []
            deadline = time.monotonic() + 20
            while not jobs:
                assert time.monotonic() < deadline
                jobs = server.client.get("/async/jobs?status=queued").json()["jobs"]
            server.client.delete(f"/async/jobs/{jobs[0]['job_id']}")
            problem = answer.result()
        assert (problem.status_code, "is cancelled" in problem.json()["detail"]) == (409, True)
    finally:
        server.stop()
