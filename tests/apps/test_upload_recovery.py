import time
from pathlib import Path

import anyio
import pytest
from fastapi import FastAPI

from apps import server
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
    upload = uploads.create(Announced(length=len(content), filename="talk.mp4"))
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
        finally:
            assert running.stop() == 0
    assert [job["job_type"] for job in jobs] == ["discover_episodes"]


def test_uploads_that_expire_while_a_server_runs_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server, "_SWEEP_EVERY", 0.05)
    uploads = _uploads(tmp_path / "library", keep=0.2)
    uploads.create(Announced(length=1000, filename="talk.mp4"))

    async def live() -> None:
        with Workbench(Settings(library=tmp_path / "library", model="tiny.en")) as bench:
            async with server._life(bench, uploads)(FastAPI()):
                with anyio.fail_after(10):
                    while uploads.used_bytes():
                        await anyio.sleep(0.05)

    anyio.run(live)
    assert list((tmp_path / "library" / "uploads").iterdir()) == []
