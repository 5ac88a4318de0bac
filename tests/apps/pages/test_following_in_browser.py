"""A transcript that follows the sound leaves alone who reads or writes elsewhere in it."""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.apps.conftest import Reviewed
from tests.apps.pages.conftest import Open
from tests.apps.pages.test_review_in_browser import SOON, correct

_LAST = """script => {
    const words = script.querySelectorAll("[data-word]")
    script.scrollTop = 1e6
    return Number(words[words.length - 1].dataset.word)
}"""


@pytest.fixture
def low(opened: Page) -> Page:
    """A window that shows a few lines of the transcript; its recording stands at the beginning."""
    opened.set_viewport_size({"width": 1440, "height": 300})
    opened.locator("[data-word='1']").click()
    expect(opened.locator(".said")).to_be_visible()
    pause(opened)
    return opened


def pause(page: Page) -> None:
    page.locator(".stage video").evaluate("player => player.pause()")
    expect(page.locator(".said")).to_have_count(1)
    page.wait_for_timeout(4500)  # a reader who has scrolled is left alone for four seconds


def at_the_end(page: Page) -> tuple[int, float]:
    """Scroll to the last words without a wheel, as a search in the page does; the last word, and how far."""
    last = page.locator(".script").evaluate(_LAST)
    page.wait_for_timeout(300)
    return int(last), scrolled(page)


def scrolled(page: Page) -> float:
    return float(page.locator(".script").evaluate("script => script.scrollTop"))


def test_what_another_one_corrects_does_not_scroll_a_transcript_that_does_not_play(
    reviewed: Reviewed, low: Page, visit: Open
):
    other = visit(reviewed.server, reviewed.page)
    expect(other.locator("[data-word='5']")).to_be_visible(timeout=SOON)
    _, before = at_the_end(low)
    assert before > 200
    correct(other, 5, "Aubergine")
    expect(low.locator("[data-word='5']")).to_have_text("Aubergine")
    low.wait_for_timeout(300)
    assert scrolled(low) == pytest.approx(before, abs=40)
    assert low.locator(".said").count() == 1


def test_what_one_types_into_a_correction_stays_in_sight_while_the_recording_plays(low: Page):
    last, _ = at_the_end(low)
    low.locator(f"[data-word='{last}']").dblclick()
    field = low.get_by_role("textbox", name="The right words")
    expect(field).to_be_focused()
    before = scrolled(low)
    low.locator(".stage video").evaluate("player => { player.currentTime = 3; player.play() }")
    for letter in "Aubergine":
        low.keyboard.type(letter)
        low.wait_for_timeout(600)  # for longer than one who has scrolled is left alone
    assert int(low.locator(".said").get_attribute("data-word") or last) < last - 5, "it plays elsewhere"
    assert scrolled(low) == before
    expect(field).to_be_in_viewport()


def test_a_press_on_the_transcript_counts_as_scrolling_for_a_while(low: Page):
    _, before = at_the_end(low)
    place = low.locator(".script").bounding_box()
    assert place
    low.mouse.move(place["x"] + place["width"] - 5, place["y"] + 50)  # where a scrollbar is dragged
    low.mouse.down()
    low.mouse.up()
    low.locator(".stage video").evaluate("player => player.play()")
    low.wait_for_timeout(2000)
    assert scrolled(low) == before
    end = time.monotonic() + 10
    while scrolled(low) == before:
        assert time.monotonic() < end, "after four seconds it follows the sound again"
        low.wait_for_timeout(200)
