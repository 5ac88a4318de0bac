"""The library while an episode is being processed: its card tells how far that is, and stays what it was."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.apps.conftest import WITHIN
from tests.apps.pages.conftest import Open
from tests.apps.served import Server

SOON = 60_000  # milliseconds


@pytest.fixture
def busy(fresh: Server, talk: Path, visit: Open) -> Page:
    """The library of a server that has just begun with a recording."""
    inbox = fresh.library / "inbox"
    inbox.mkdir(exist_ok=True)
    shutil.copy(talk, inbox / talk.name)
    found = fresh.client.post("/async/discover", json={"process": True}).json()
    assert fresh.ended(found["job_id"])["status"] == "completed"
    page = visit(fresh, "/app/library")
    expect(bar(page)).to_be_visible(timeout=SOON)
    return page


def bar(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("listitem").get_by_role("progressbar")


def moved(page: Page, times: int) -> None:
    """Wait until the bar has changed so many times."""
    for _ in range(times):
        before = bar(page).get_attribute("value")
        expect(bar(page)).not_to_have_attribute("value", before or "", timeout=SOON)


def test_a_card_that_changes_keeps_the_focus_its_elements_and_its_clicks(fresh: Server, busy: Page):
    link = busy.get_by_role("main").get_by_role("listitem").get_by_role("link")
    link.focus()
    element = link.element_handle()
    moved(busy, 3)
    expect(link).to_be_focused()
    assert element
    assert element.evaluate("link => link.isConnected")
    assert re.fullmatch(r"\d+", bar(busy).get_attribute("value") or ""), "in whole percents"
    link.hover()
    busy.mouse.down()
    moved(busy, 1)
    busy.mouse.up()
    expect(busy).to_have_url(re.compile("/app/episodes/morning-talk"))


def test_a_card_tells_what_has_become_of_its_episode(fresh: Server, busy: Page):
    card = busy.get_by_role("main").get_by_role("listitem")
    expect(card.locator(".poster")).to_have_text("MT")
    expect(card.locator("img")).to_have_count(0)
    for job in fresh.client.get("/async/jobs").json()["jobs"]:
        assert fresh.ended(job["job_id"], within=WITHIN)["status"] == "completed"
    expect(bar(busy)).to_have_count(0)
    expect(card.locator(".now")).to_be_hidden()
    expect(card.locator("img")).to_have_js_property("complete", True)
    expect(card.locator(".blank")).to_be_hidden()
    expect(card.locator(".state")).to_have_class("state clipped")
