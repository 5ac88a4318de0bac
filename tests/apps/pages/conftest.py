"""A server with pages, and tabs of a browser in which nothing may go wrong unseen."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.apps.conftest import SMALL, Reviewed
from tests.apps.served import Server

expect.set_options(timeout=20_000)  # milliseconds: a machine with two slow cores may be busy with clips

_HINT = "was preloaded using link preload but not used"
"""No complaint: what was fetched ahead came sooner than a slow machine has a use for it."""

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


def is_complaint(kind: str, text: str) -> bool:
    """Whether a console says that something is wrong."""
    return kind in ("error", "warning") and _HINT not in text


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Opens a page in a tab of its own; what its console complains of, or asks others for, fails the test."""
    contexts, trouble = [], []

    def said(message: ConsoleMessage) -> None:
        if is_complaint(message.type, message.text):
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


@pytest.fixture
def opened(reviewed: Reviewed, visit: Open) -> Iterator[Page]:
    page = visit(reviewed.server, reviewed.page)
    expect(page.locator("[data-word='3']")).to_be_visible(timeout=20_000)
    yield page
    review = reviewed.get("/review")
    while review["can_undo"]:
        review = reviewed.server.client.post(f"/episodes/{reviewed.episode_id}/undo").json()
