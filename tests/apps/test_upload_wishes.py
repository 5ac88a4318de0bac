"""How far an uploaded recording is processed, and what is played of an episode."""

import base64
from pathlib import Path

import httpx2
import pytest

from apps.rest.upload_schema import VERSION
from tests.apps.conftest import Processed
from tests.apps.served import Guarded, Server
from workbench import Workbench, load_settings


def announced(client: httpx2.Client, content: bytes, **said: str) -> httpx2.Response:
    """The answer to an upload that comes with its announcement."""
    pairs = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
    headers = {"Tus-Resumable": VERSION, "Upload-Length": str(len(content)), "Upload-Metadata": pairs}
    headers["Content-Type"] = "application/offset+octet-stream"
    return client.post("/uploads", content=content, headers=headers)


def test_an_upload_that_says_how_far_is_processed_that_far_and_that_soon(guarded: Guarded, silence: Path):
    said = {"filename": "quiet.wav", "title": "Quiet", "target_stage": "transcribed", "priority": "7"}
    assert announced(guarded.submit, silence.read_bytes(), **said).status_code == 201
    (found,) = [job for job in guarded.client.get("/async/jobs").json()["jobs"] if job["priority"] == 7]
    (episode,) = guarded.ended(found["job_id"])["result"]["episodes"]
    assert episode["title"] == "Quiet"
    jobs = guarded.client.get("/async/jobs").json()["jobs"]
    (process,) = [job for job in jobs if job["episode_id"] == episode["episode_id"]]
    assert process["priority"] == 7
    assert guarded.ended(process["job_id"])["result"]["stage"] == "transcribed"


@pytest.mark.parametrize("said", [{"target_stage": "perfect"}, {"priority": "soon"}, {"priority": "1000"}])
def test_an_upload_that_asks_for_what_there_is_not_is_refused_before_it_comes(
    guarded: Guarded, said: dict[str, str]
):
    answer = announced(guarded.submit, b"", filename="talk.mp4", **said)
    assert answer.status_code == 400
    assert next(iter(said)) in answer.json()["detail"]


def test_the_recording_of_an_episode_is_played_in_parts(site: Server, processed: Processed):
    path = f"/episodes/{processed.episode_id}/media"
    whole = processed.recording.read_bytes()
    answer = site.client.get(path, headers={"Range": "bytes=100-199"})
    assert answer.status_code == 206
    assert answer.content == whole[100:200]
    assert site.client.head(path).headers["content-length"] == str(len(whole))
    assert answer.headers["content-type"] == "video/mp4"


def test_all_clips_come_as_one_file_or_none_with_a_sentence(
    site: Server, guarded: Guarded, processed: Processed
):
    answer = site.client.get(f"/episodes/{processed.episode_id}/clips.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.content.startswith(b"PK")
    none = guarded.client.get(f"/episodes/{guarded.episode_id}/clips.zip")
    assert none.status_code == 404
    assert "no clips yet" in none.json()["detail"]


def test_a_recording_that_was_moved_away_is_told_by_its_name(fresh_server: Server, tone: Path):
    inbox = fresh_server.library / "inbox"
    (inbox / "tone.mp4").write_bytes(tone.read_bytes())
    (found,) = fresh_server.client.post("/episodes/discover").json()["episodes"]
    (inbox / "tone.mp4").unlink()
    answer = fresh_server.client.get(f"/episodes/{found['episode_id']}/media")
    assert answer.status_code == 404
    assert "tone.mp4" in answer.json()["detail"]


def test_nobody_waits_for_an_upload_to_be_whole(tmp_path: Path, tone: Path):
    (tmp_path / "library").mkdir()
    server = Server(tmp_path / "library")  # files in folders have to rest for ten seconds here
    try:
        told = server.client.put("/uploads/talk.mp4", content=tone.read_bytes()).raise_for_status().json()
        (episode,) = server.ended(told["job_id"])["result"]["episodes"]
    finally:
        server.stop()
    with Workbench(load_settings(library=server.library, environment={})) as bench:
        assert (episode["episode_id"], bench.job(told["job_id"]).params["settle"]) == ("talk", 0.0)


@pytest.fixture
def fresh_server(tmp_path: Path):
    library = tmp_path / "library"
    (library / "inbox").mkdir(parents=True)
    (library / "workbench.toml").write_text("stable_seconds = 0\n")
    server = Server(library)
    yield server
    server.stop()
