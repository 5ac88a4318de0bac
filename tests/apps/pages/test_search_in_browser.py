"""The search of the library, as people meet it: in Chromium, on a real recording."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.apps.conftest import Processed
from tests.apps.pages.conftest import Open
from tests.apps.served import Guarded, Server

SOON = 20_000  # milliseconds


@pytest.fixture(scope="module")
def said(site: Server, processed: Processed) -> tuple[str, float]:
    """A word that is said once in the recording, and when the sentence with it begins."""
    heard = site.client.get(f"/episodes/{processed.episode_id}/texts").json()["transcript"]
    words = [re.sub(r"\W", "", word["text"]).lower() for word in heard["words"]]
    word = max((word for word in words if sum(word in each for each in words) == 1), key=len)
    at = words.index(word)
    first = next(
        each["words"]["first"]
        for each in heard["sentences"]
        if each["words"]["first"] <= at < each["words"]["end"]
    )
    return word, heard["words"][first]["start"]


def look_for(page: Page, text: str) -> None:
    box = page.get_by_role("searchbox", name="Search titles and what was said")
    expect(box).to_be_visible(timeout=SOON)
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.type(text)
    expect(box).to_have_value(text)


def test_a_word_that_is_said_leads_to_its_moment(
    site: Server, processed: Processed, said: tuple[str, float], visit: Open
):
    word, start = said
    page = visit(site, "/app/library")
    look_for(page, word.upper())
    found = page.get_by_role("region", name="In what was said").get_by_role("link")
    expect(found).to_have_count(1, timeout=SOON)
    expect(found.locator("mark")).to_have_text(re.compile(word, re.IGNORECASE))
    assert page.url.endswith(f"/app/library?q={word.upper()}")
    found.click()
    page.wait_for_url(f"**/app/episodes/{processed.episode_id}?t=*")
    expect(page.locator("[data-word]").first).to_be_visible(timeout=SOON)
    expect(page.locator("video").first).to_have_js_property("currentTime", round(start, 2))
    page.go_back()
    expect(found.locator("mark")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("searchbox")).to_have_value(word.upper())


@pytest.mark.parametrize("width", [1440, 390])
def test_an_address_with_a_query_is_the_search_itself_and_fits(
    site: Server, said: tuple[str, float], visit: Open, width: int
):
    page = visit(site, f"/app/library?q={said[0]}", width=width, dark=width == 390)
    expect(page.get_by_role("searchbox")).to_have_value(said[0], timeout=SOON)
    expect(page.get_by_role("region", name="In what was said").locator("mark")).to_have_count(1, timeout=SOON)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_title_is_found_and_an_empty_search_shows_all_again(site: Server, visit: Open):
    title = site.client.get("/episodes").json()["episodes"][0]["title"]
    page = visit(site, "/app/library")
    card = page.get_by_role("link", name=title)
    look_for(page, title.split()[-1].upper())
    expect(page).to_have_url(re.compile(r"\?q="))
    expect(card.first).to_be_visible()
    page.get_by_role("searchbox").fill("zzzzzz")
    expect(page.get_by_text("No title and no sentence has all", exact=False)).to_be_visible(timeout=SOON)
    expect(card).to_have_count(0)
    page.get_by_role("searchbox").fill("")
    expect(card.first).to_be_visible(timeout=SOON)
    expect(page.get_by_role("region", name="In what was said")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/app/library$"))


def test_who_may_only_look_can_search(guarded: Guarded, visit: Open):
    page = visit(guarded, "/app/library?q=nothing")
    page.get_by_label("Key").fill(guarded.keys["read"])
    page.get_by_role("button").click()
    expect(page.get_by_text("No title and no sentence has all", exact=False)).to_be_visible(timeout=SOON)
    expect(page.get_by_role("searchbox")).to_have_value("nothing")
