import base64
import time
from pathlib import Path

import anyio
import pytest
from fastapi import FastAPI

from apps import server
from apps.pages.entrance import Entrance
from tests.apps.served import Server
from workbench import Settings, Workbench
from workbench.uploads import Announced, Uploads


def _uploads(library: Path, keep: float) -> Uploads:
    (library / "inbox").mkdir(parents=True, exist_ok=True)
    most = 1 << 30
    return Uploads(library / "uploads", library / "inbox", most_bytes=most, quota_bytes=most, keep=keep)


def test_a_recording_that_came_whole_before_a_crash_becomes_an_episode_at_the_next_start(
    tmp_path: Path, tone: Path
):
    """The crash comes when the file lies in the inbox, and before anyone is told."""
    library, content = tmp_path / "library", tone.read_bytes()
    uploads = _uploads(library, keep=3600)
    upload = uploads.create(Announced(length=len(content), filename="talk.mp4", owner="reporter (ab12)"))
    with uploads.append(upload.upload_id, 0) as writer:
        writer.write(content)
        assert writer.finish() == library / "inbox" / "talk.mp4"
    for _ in range(2):  # the second start has nothing left to do
        running = Server(library, WORKBENCH_STABLE_SECONDS="0")
        try:
            deadline = time.monotonic() + 30
            while not running.client.get("/episodes").json()["episodes"]:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            jobs = running.client.get("/async/jobs").json()["jobs"]
            entries = running.client.get("/audit").json()["entries"]
        finally:
            assert running.stop() == 0
    assert [job["job_type"] for job in jobs] == ["discover_episodes"]
    told = [entry["what"] for entry in entries if (entry["who"], entry["action"]) == (upload.owner, "upload")]
    assert told == ["talk.mp4"]


def test_an_upload_that_is_no_recording_is_looked_at_once_however_often_the_server_starts(tmp_path: Path):
    library = tmp_path / "library"
    for _ in range(2):
        running = Server(library, WORKBENCH_STABLE_SECONDS="0")
        try:
            if not running.client.get("/async/jobs").json()["jobs"]:
                running.client.put("/uploads/talk.mp4", content=b"no recording").raise_for_status()
            jobs = running.client.get("/async/jobs").json()["jobs"]
            ended = [running.ended(job["job_id"]) for job in jobs]
        finally:
            assert running.stop() == 0
    assert [job["status"] for job in ended] == ["completed"]


def test_metadata_of_nothing_but_brackets_are_words_and_no_fault_of_the_server(tmp_path: Path):
    nested = base64.b64encode(b"[" * 20_000).decode()
    running = Server(tmp_path / "library")
    try:
        headers = {"Upload-Length": "4", "Upload-Metadata": f"filename dGFsay5tcDQ=,guests {nested}"}
        answer = running.client.post("/uploads", headers={"Tus-Resumable": "1.0.0", **headers})
    finally:
        assert running.stop() == 0
    assert answer.status_code == 201


def test_uploads_that_expire_while_a_server_runs_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server, "_SWEEP_EVERY", 0.05)
    uploads = _uploads(tmp_path / "library", keep=0.2)
    uploads.create(Announced(length=1000, filename="talk.mp4"))

    async def live() -> None:
        with Workbench(Settings(library=tmp_path / "library", model="tiny.en")) as bench:
            app = FastAPI()
            app.state.pages = Entrance(app, bench)
            async with server._life(bench, uploads, for_people=False)(app):
                with anyio.fail_after(10):
                    while uploads.used_bytes():
                        await anyio.sleep(0.05)

    anyio.run(live)
    assert list((tmp_path / "library" / "uploads").iterdir()) == []
