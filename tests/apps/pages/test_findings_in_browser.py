"""What is claimed of an episode, as people write it anew: one text after the other, with buttons between."""

import re
import time

from playwright.sync_api import Locator, Page, expect

from tests.apps.conftest import Reviewed

SHOWN = 600  # milliseconds in which what was told comes back and is shown


def written(reviewed: Reviewed, page: Page, field: str, label: str, text: str) -> None:
    """Write a text anew and stay in it until what was kept has come back."""
    page.get_by_role("tab", name="About").click()
    page.get_by_role("textbox", name=label).click()
    page.keyboard.press("Control+a")
    page.keyboard.type(text)
    end = time.monotonic() + 10
    while reviewed.get("/texts")["enrichment"][field] != text:
        assert time.monotonic() < end
        page.wait_for_timeout(100)
    expect(page.get_by_text("All changes saved")).to_be_visible()
    page.wait_for_timeout(2 * SHOWN)


def plays(page: Page) -> bool:
    return not page.locator(".stage video").evaluate("player => player.paused")


def moment(page: Page) -> Locator:
    return page.locator("section.summary").get_by_role("button", name=re.compile("Play at")).first


def test_one_goes_on_from_one_text_to_the_next_by_keyboard(reviewed: Reviewed, opened: Page):
    written(reviewed, opened, "title", "The episode's title", "Talking of ships")
    opened.keyboard.press("Tab")
    summary = opened.get_by_role("textbox", name="Summary")
    opened.wait_for_timeout(SHOWN)
    opened.keyboard.type("Look, jolly ")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Look, jolly ")
    assert not plays(opened), "the letters are no keys of the player"
    opened.wait_for_timeout(2 * SHOWN)
    opened.keyboard.type("sailors, ")
    expect(summary).to_contain_text("Look, jolly sailors, ")
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("textbox", name="The episode's title")).to_have_text("Talking of ships")


def test_a_button_that_one_comes_to_from_a_text_keeps_the_focus(reviewed: Reviewed, opened: Page):
    written(reviewed, opened, "summary", "Summary", "Of ships.")
    opened.keyboard.press("Tab")
    opened.wait_for_timeout(SHOWN)
    expect(moment(opened)).to_be_focused()
    expect(opened.get_by_role("textbox", name="Summary")).to_have_text("Of ships.")


def test_a_button_that_is_pressed_after_a_text_was_written_does_what_it_says(
    reviewed: Reviewed, opened: Page
):
    written(reviewed, opened, "title", "The episode's title", "Talking of ships")
    moment(opened).hover()
    opened.mouse.down()
    opened.wait_for_timeout(SHOWN)  # a slow finger
    opened.mouse.up()
    expect(opened.locator(".stage video")).to_have_js_property("paused", False)
