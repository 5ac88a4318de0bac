"""Clips that are chosen before any is rendered, and a job that takes long to stop."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx2
import pytest

from apps import server
from apps.rest import jobs
from tests.apps.conftest import SMALL, Processed
from tests.apps.served import Server
from workbench import Workbench, load_settings
from workbench.client import Client


@pytest.fixture
def library(processed: Processed, tmp_path: Path) -> Path:
    """One with the demo recording, and what another library knows of it, but for the joined transcript."""
    made, without = tmp_path / "library", shutil.ignore_patterns("transcript", "candidates")
    shutil.copytree(processed.library / "artefacts", made / "artefacts", ignore=without)
    (made / "inbox").mkdir()
    for file in (processed.recording, processed.recording.with_suffix(".json")):
        shutil.copy(file, made / "inbox")
    (made / "workbench.toml").write_text(SMALL + "stable_seconds = 0\n")
    return made


@pytest.fixture
def running(library: Path) -> Iterator[Server]:
    made = Server(library)
    yield made
    assert made.stop() == 0


def test_clips_are_chosen_at_once_for_a_rendered_episode_and_for_no_other(running: Server):
    (found,) = running.client.post("/episodes/discover").json()["episodes"]
    place = f"/episodes/{found['episode_id']}"
    early = running.client.post(f"{place}/discover_clips")
    assert (early.status_code, early.headers["content-type"]) == (409, "application/problem+json")
    assert "rendered" in early.json()["detail"]
    running.client.post(f"{place}/process", json={"target_stage": "rendered"}).raise_for_status()
    assert running.client.get(f"{place}/clips").json()["count"] == 0
    chosen = running.client.post(f"{place}/discover_clips").json()
    assert chosen["count"] == len(chosen["clips"]) > 0
    assert not any(clip["files"] for clip in chosen["clips"])
    assert running.client.get(f"{place}/clips").json() == chosen
    assert running.client.get(place).json()["stage"] == "rendered"
    with Client(running.facts["url"]) as client:
        by_client = client.discover_clips(found["episode_id"])
    last = running.client.get("/audit", params={"limit": 1}).json()["entries"][0]
    assert (last["action"], last["what"]) == ("discover_clips", found["episode_id"])
    assert [clip.clip_id for clip in by_client] == [clip["clip_id"] for clip in chosen["clips"]]


def test_a_job_that_is_still_being_stopped_is_answered_with_202(
    library: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "_STOP_MOST", 0.0)
    free = threading.Event()

    async def stop(bench: Workbench) -> None:
        transport = httpx2.ASGITransport(app=server.application(bench))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:5006") as client:
            (found,) = (await client.post("/episodes/discover", timeout=60)).json()["episodes"]
            place = f"/async/episodes/{found['episode_id']}/process"
            made = (await client.post(place, json={"force_reprocess": True})).json()
            look = made["links"]["self"]
            with anyio.fail_after(60):
                while (await client.get(look)).json()["progress"] < 1:
                    await anyio.sleep(0.1)
            bench._dispatcher._events.put(free.wait)  # busy, so that the job cannot end before the answer
            answer = await client.delete(look)
            assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
            assert answer.json()["status"] == "running"
            free.set()
            stopped = await client.get(look, params={"wait": 20})
            assert stopped.json()["status"] == "cancelled"

    with Workbench(load_settings(library=library, workers=2)) as bench:
        bench.serve()
        try:
            anyio.run(stop, bench)
        finally:
            free.set()
