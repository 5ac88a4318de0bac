"""A server with pages, and tabs of a browser in which nothing may go wrong unseen."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from pipeline import ffmpeg
from tests.apps.conftest import SMALL
from tests.apps.served import Server

type Open = Callable[..., Page]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """A server of an empty library."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "workbench.toml").write_text(f"{SMALL}stable_seconds = 0\n")
    server = Server(library)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def talk(demo_recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 40 seconds of the demo recording: enough for a transcript and a clip."""
    path = tmp_path_factory.mktemp("talk") / "Morning talk.mp4"
    command = ["-i", str(demo_recording), "-t", "40", "-c", "copy", str(path)]
    ffmpeg.run(command, length=40, report=lambda share: None)
    return path


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Opens a page in a tab of its own; what its console complains of, or asks others for, fails the test."""
    contexts, trouble = [], []

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            trouble.append(message.text)

    def open_(server: Server, path: str, *, width: int = 1440, dark: bool = False) -> Page:
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page, url = context.new_page(), str(server.facts["url"])
        ours = (url, url.replace("http", "ws", 1), "data:", "blob:")
        page.on("console", said)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(ours) else trouble.append(asked.url))
        page.goto(url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert trouble == []


class Reviewed:
    """A server with one finished episode, which each test leaves as it was."""

    def __init__(self, server: Server, episode_id: str) -> None:
        self.server, self.episode_id = server, episode_id
        self.page = f"/app/episodes/{episode_id}"

    def get(self, path: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.server.client.get(f"/episodes/{self.episode_id}{path}").json()
        return found

    def file(self, name: str) -> str:
        answer = self.server.client.get(f"/episodes/{self.episode_id}/files/{name}")
        return answer.text if answer.status_code == 200 else ""

    def words(self) -> list[str]:
        return [word["text"] for word in self.get("/texts")["transcript"]["words"]]


@pytest.fixture(scope="session")
def reviewed(talk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    library = tmp_path_factory.mktemp("reviewed") / "library"
    (library / "inbox").mkdir(parents=True)
    (library / "workbench.toml").write_text(f"{SMALL}stable_seconds = 0\n")
    shutil.copy(talk, library / "inbox" / talk.name)
    server = Server(library)
    asked = server.client.post("/async/discover", json={"process": True}).json()
    server.ended(asked["job_id"])
    (episode,) = server.client.get("/episodes").json()["episodes"]
    jobs = server.client.get("/async/jobs").json()["jobs"]
    assert [server.ended(job["job_id"])["status"] for job in jobs] == ["completed"] * len(jobs)
    yield Reviewed(server, episode["episode_id"])
    server.stop()


@pytest.fixture
def opened(reviewed: Reviewed, visit: Open) -> Iterator[Page]:
    page = visit(reviewed.server, reviewed.page)
    expect(page.locator("[data-word='3']")).to_be_visible(timeout=20_000)
    yield page
    review = reviewed.get("/review")
    while review["can_undo"]:
        review = reviewed.server.client.post(f"/episodes/{reviewed.episode_id}/undo").json()
