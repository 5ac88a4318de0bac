"""The pages need nobody but their server: what the browser asks for, and what it says, page by page."""

from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.apps.pages.conftest import Reviewed, is_complaint
from tests.apps.served import Guarded

SOON = 20_000
SIGNS = {
    "/app/library": "{title}",
    "/app/inbox": "Drop recordings here",
    "/app/jobs": "{title}",
    "/app/jobs/{job_id}": "What happened",
    "/app/episodes/{episode_id}": "Copy a link to this moment",
    "/app/system": "tiny.en (used)",
}
"""Page → what stands there once all of it has come."""


class Watched:
    """A context of which every request and every word in a console is written down."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.asked: list[str] = []
        self.said: list[str] = []
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("page", self._look)
        context.on("console", lambda message: self._hear(message.type, message.text))
        context.on("weberror", lambda error: self.said.append(str(error.error)))

    def _look(self, page: Page) -> None:
        page.on("websocket", lambda socket: self.asked.append(socket.url))

    def _hear(self, kind: str, text: str) -> None:
        if is_complaint(kind, text):
            self.said.append(text)

    @property
    def hosts(self) -> set[str]:
        """Who was asked, without what the page holds itself."""
        return {urlsplit(url).netloc for url in self.asked if not url.startswith(("data:", "blob:"))}


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """One from which only this machine can be asked; whom else it wanted to ask is known all the same."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.route("**/*", _to_this_machine_only)
    yield Watched(context)
    context.close()


def _to_this_machine_only(route: Route) -> None:
    if urlsplit(route.request.url).hostname in ("127.0.0.1", None):
        route.continue_()
    else:
        route.abort("internetdisconnected")


def test_every_page_asks_nobody_but_its_server_and_has_nothing_to_complain_of(
    reviewed: Reviewed, watched: Watched
):
    jobs = reviewed.server.client.get("/async/jobs").json()["jobs"]
    page = watched.context.new_page()
    for path, sign in SIGNS.items():
        place = path.format(job_id=jobs[0]["job_id"], episode_id=reviewed.episode_id)
        page.goto(f"{reviewed.server.facts['url']}{place}")
        expect(page.get_by_text(sign.format(title=reviewed.get()["title"])).first).to_be_visible(timeout=SOON)
    url = urlsplit(str(reviewed.server.facts["url"]))
    assert watched.hosts == {url.netloc}
    assert {urlsplit(each).scheme for each in watched.asked} >= {"http", "ws"}
    assert watched.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_description_of_the_interface_asks_nobody_but_its_server(
    reviewed: Reviewed, watched: Watched, scheme: Literal["light", "dark"]
):
    page = watched.context.new_page()
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{reviewed.server.facts['url']}/docs")
    call = page.get_by_role("button", name="/async/jobs/{job_id}", exact=False).first
    expect(call).to_be_visible(timeout=SOON)
    assert ("dark-mode" in (page.locator("html").get_attribute("class") or "")) == (scheme == "dark")
    assert watched.hosts == {urlsplit(str(reviewed.server.facts["url"])).netloc}
    assert watched.said == []


def test_the_login_asks_nobody_but_its_server_and_has_nothing_to_complain_of(
    guarded: Guarded, watched: Watched
):
    page = watched.context.new_page()
    page.goto(f"{guarded.facts['url']}/app/library")
    expect(page.get_by_label("Key")).to_be_visible()
    page.get_by_label("Key").fill(guarded.keys["read"])
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Library", timeout=SOON)
    assert watched.hosts == {urlsplit(str(guarded.facts["url"])).netloc}
    assert watched.said == []
