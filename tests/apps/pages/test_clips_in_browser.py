"""The clips of an episode as people review them: approved, rejected, cut anew, made by hand, previewed."""

import time
from typing import Any

from playwright.sync_api import Page, expect

from tests.apps.pages.conftest import Reviewed


def clip(reviewed: Reviewed, clip_id: str) -> dict[str, Any]:
    return next(each for each in reviewed.get("/clips")["clips"] if each["clip_id"] == clip_id)


def becomes(reviewed: Reviewed, clip_id: str, **wanted: object) -> dict[str, Any]:
    end = time.monotonic() + 10
    while not wanted.items() <= clip(reviewed, clip_id).items():
        assert time.monotonic() < end, clip(reviewed, clip_id)
        time.sleep(0.1)
    return clip(reviewed, clip_id)


def first_clip(reviewed: Reviewed) -> dict[str, Any]:
    found: dict[str, Any] = reviewed.get("/clips")["clips"][0]
    return found


def test_a_clip_is_approved_and_rejected_with_a_reason(reviewed: Reviewed, opened: Page) -> None:
    one = first_clip(reviewed)
    card = opened.locator("ul.clips > li").first
    card.get_by_role("button", name="Approve").click()
    expect(card.locator(".state.approved")).to_have_text("Approved")
    becomes(reviewed, one["clip_id"], verdict="approved")
    expect(opened.get_by_role("button", name="Render approved (1)")).to_be_visible()
    card.get_by_role("button", name="Reject").click()
    opened.keyboard.type("Too long for us")
    opened.keyboard.press("Enter")
    expect(opened.get_by_text("Too long for us")).to_be_visible()
    becomes(reviewed, one["clip_id"], verdict="rejected", verdict_reason="Too long for us")
    opened.get_by_role("heading", level=1).click()
    opened.keyboard.press("Control+z")
    becomes(reviewed, one["clip_id"], verdict="approved")


def test_a_title_is_written_on_the_card(reviewed: Reviewed, opened: Page) -> None:
    one = first_clip(reviewed)
    title = opened.get_by_role("textbox", name="Title of the clip").first
    title.fill("The week that went wrong")
    title.press("Enter")
    becomes(reviewed, one["clip_id"], title="The week that went wrong")


def test_an_edge_goes_word_by_word_with_the_buttons(reviewed: Reviewed, opened: Page) -> None:
    one = first_clip(reviewed)
    opened.get_by_role("button", name="Adjust where").first.click()
    later = opened.get_by_role("button", name="Start later")
    later.click()
    expect(opened.get_by_text("made again", exact=False).first).to_be_visible()
    moved = clip(reviewed, one["clip_id"])
    assert one["start"] < moved["start"] < one["start"] + 2
    assert moved["end"] == one["end"]
    starts = [word["start"] for word in reviewed.get("/texts")["transcript"]["words"]]
    assert min(abs(start - moved["start"]) for start in starts) <= 0.36, "a moment before a word"


def test_an_edge_that_is_dragged_snaps_to_a_word(reviewed: Reviewed, opened: Page) -> None:
    one = first_clip(reviewed)
    opened.get_by_role("button", name="Adjust where").first.click()
    expect(opened.get_by_role("button", name="End earlier")).to_be_visible()
    plot = opened.locator(".bk-Canvas").nth(1)
    plot.scroll_into_view_if_needed()
    opened.wait_for_timeout(800)  # until it is drawn
    box = plot.bounding_box()
    assert box
    left, right = max(0.0, one["start"] - 20), min(reviewed.get()["duration"], one["end"] + 20)
    wide = box["width"]

    def at(seconds: float) -> float:
        return float(box["x"] + wide * (seconds - left) / (right - left))

    middle = box["y"] + box["height"] * 0.4
    opened.mouse.move(at(one["end"]), middle)
    opened.mouse.down()
    opened.mouse.move(at(one["end"] - 3), middle, steps=6)
    opened.mouse.up()
    end = time.monotonic() + 10
    while clip(reviewed, one["clip_id"])["end"] == one["end"]:
        assert time.monotonic() < end, "the edge did not move"
        opened.wait_for_timeout(100)
    moved = clip(reviewed, one["clip_id"])
    assert moved["start"] == one["start"]
    assert one["end"] - 5 < moved["end"] < one["end"] - 1
    ends = [word["end"] for word in reviewed.get("/texts")["transcript"]["words"]]
    assert min(abs(moved["end"] - each) for each in ends) <= 0.46, "a moment after a word"


def test_words_that_are_selected_become_a_clip_that_can_be_seen_before_it_is_rendered(
    reviewed: Reviewed, opened: Page
) -> None:
    opened.locator("[data-word='12']").scroll_into_view_if_needed()
    opened.evaluate(
        """() => {
        const find = (root, pick) => {
          for (const each of root.querySelectorAll("*")) {
            if (each.matches(pick)) return each
            const inner = each.shadowRoot && find(each.shadowRoot, pick)
            if (inner) return inner
          }
        }
        const range = document.createRange()
        range.setStart(find(document, "[data-word='12']").firstChild, 0)
        range.setEnd(find(document, "[data-word='40']").firstChild, 1)
        getSelection().removeAllRanges()
        getSelection().addRange(range)
    }"""
    )
    opened.get_by_role("button", name="Make a clip").click()
    card = opened.locator("ul.clips > li", has_text="By hand")
    expect(card).to_be_visible()
    made = next(each for each in reviewed.get("/clips")["clips"] if each["by_hand"])
    assert made["verdict"] == "approved"
    words = reviewed.words()
    assert made["title"] == " ".join(words[12:20])
    expect(card.get_by_role("button", name="Play the preview")).to_be_visible()
    card.get_by_role("button", name="Play the preview").click()
    caption = card.locator(".caption span")
    expect(caption.first).to_be_visible(timeout=15_000)
    assert caption.first.inner_text().split()[0] in words[12:41]
