"""The clips of an episode as people review them: approved, rejected, cut anew, made by hand, previewed."""

import shutil
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.apps.conftest import SMALL, Reviewed
from tests.apps.pages.conftest import Open
from tests.apps.served import Guarded


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
    card = opened.locator("ul.clips > li").first
    expect(card.get_by_text("it will be made again")).to_be_visible()
    expect(card.locator("video[controls]")).to_be_visible()  # the file that there is plays meanwhile
    expect(card.get_by_role("option", name="Square (1x1): preview")).to_have_count(1)
    moved = clip(reviewed, one["clip_id"])
    assert one["start"] < moved["start"] < one["start"] + 2
    assert moved["end"] == one["end"]
    starts = [word["start"] for word in reviewed.get("/texts")["transcript"]["words"]]
    assert min(abs(start - moved["start"]) for start in starts) <= 0.36, "a moment before a word"


def test_an_edge_goes_by_a_sentence_with_shift(reviewed: Reviewed, opened: Page) -> None:
    one, transcript = first_clip(reviewed), reviewed.get("/texts")["transcript"]
    ends = [transcript["words"][each["words"]["end"] - 1]["end"] for each in transcript["sentences"]]
    inside = any(one["start"] + 5 < end < one["end"] - 1 for end in ends)  # the model may hear one sentence
    opened.get_by_role("button", name="Adjust where").first.click()
    way = "End earlier" if inside else "End later"
    opened.get_by_role("button", name=way).click(modifiers=["Shift"])
    expect(opened.get_by_text("made again", exact=False).first).to_be_visible()
    moved = clip(reviewed, one["clip_id"])
    assert (moved["end"] < one["end"]) == inside
    assert min(abs(moved["end"] - each) for each in ends) <= 0.46, "a moment after a sentence"
    assert moved["end"] != one["end"]


class Closeup:
    """The waveform around a clip, in seconds."""

    def __init__(self, reviewed: Reviewed, page: Page, one: dict[str, Any]) -> None:
        page.get_by_role("button", name="Adjust where").first.click()
        expect(page.get_by_role("button", name="End earlier")).to_be_visible()
        self.page, self.plot = page, page.locator(".bk-Canvas").nth(1)
        self.left = max(0.0, one["start"] - 20)
        self.right = min(reviewed.get()["duration"], one["end"] + 20)
        self._comes_to_rest((one["start"] + one["end"]) / 2)

    def _comes_to_rest(self, inside: float) -> None:
        """Wait until the page has scrolled there, and the box takes the pointer."""
        end, before = time.monotonic() + 20, None
        events = self.plot.locator(".bk-events")
        while before != (before := self.plot.bounding_box()) or "grab" not in str(
            events.evaluate("each => each.style.cursor")
        ):
            assert time.monotonic() < end, "the box cannot be taken"
            self.page.wait_for_timeout(300)
            self.move(inside)

    def move(self, seconds: float, steps: int = 6) -> None:
        box: FloatRect | None = self.plot.bounding_box()
        assert box
        across = box["width"] * (seconds - self.left) / (self.right - self.left)
        self.page.mouse.move(box["x"] + across, box["y"] + box["height"] * 0.4, steps=steps)


def test_an_edge_that_is_dragged_snaps_to_a_word(reviewed: Reviewed, opened: Page) -> None:
    one = first_clip(reviewed)
    closeup = Closeup(reviewed, opened, one)
    closeup.move(one["end"])
    opened.mouse.down()
    closeup.move(one["end"] - 3)
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


def test_a_drag_goes_on_whatever_others_change_meanwhile_and_is_kept_once_it_is_let_go(
    reviewed: Reviewed, opened: Page
) -> None:
    one = first_clip(reviewed)
    closeup = Closeup(reviewed, opened, one)
    closeup.move(one["end"])
    opened.mouse.down()
    closeup.move(one["end"] - 2)
    edit = {"kind": "clip", "clip_id": one["clip_id"], "title": "By somebody else"}
    path = f"/episodes/{reviewed.episode_id}/edits/somebody-elses"
    assert reviewed.server.client.put(path, json=edit).status_code == 200
    expect(opened.locator(".edges strong")).to_have_text("By somebody else")
    assert clip(reviewed, one["clip_id"])["end"] == one["end"], "nothing is kept while it is dragged"
    closeup.move(one["end"] - 3, steps=2)
    opened.mouse.up()
    end = time.monotonic() + 10
    while clip(reviewed, one["clip_id"])["end"] == one["end"]:
        assert time.monotonic() < end, "the drag was lost"
        opened.wait_for_timeout(100)
    assert clip(reviewed, one["clip_id"])["end"] < one["end"] - 1
    assert reviewed.get("/review")["edits"] == 2, "one edit for one drag"


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
    expect(opened.get_by_role("button", name="End earlier")).to_be_visible()  # it is in hand
    expect(card.get_by_text("Preview: not rendered yet")).to_be_visible()
    recording = opened.locator(".stage video, .stage audio").first
    recording.evaluate("player => player.play()")
    card.get_by_role("button", name="Play the preview").click()
    expect(recording).to_have_js_property("paused", True)  # one is heard at a time
    caption = card.locator(".caption span")
    expect(caption.first).to_be_visible()
    assert caption.first.inner_text().split()[0] in words[12:41]
    assert opened.evaluate("document.fonts.check('700 20px \"Clip letters\"')"), "in the letters of the clip"
    video = card.locator("video")
    video.evaluate("(player, end) => { player.currentTime = end - 0.4 }", made["end"])
    expect(card.get_by_role("button", name="Play the preview")).to_have_text("Play the preview")
    assert made["start"] - 0.1 <= video.evaluate("player => player.currentTime") <= made["end"]


def test_a_clip_is_made_from_where_the_player_is(reviewed: Reviewed, opened: Page) -> None:
    opened.locator("[data-word='30']").click()
    opened.keyboard.press("k")
    opened.get_by_role("button", name="New clip from here").click()
    card = opened.locator("ul.clips > li", has_text="By hand")
    expect(card).to_be_visible()
    made = next(each for each in reviewed.get("/clips")["clips"] if each["by_hand"])
    at = reviewed.get("/texts")["transcript"]["words"][30]["start"]
    assert made["start"] <= at < made["end"]
    assert made["end"] - made["start"] >= 6, "the shortest of these settings"
    expect(opened.locator(".edges strong")).to_have_text(made["title"])


def focused(page: Page) -> Locator:
    return page.locator("ul.clips :focus")


def test_with_the_keyboard_alone_a_clip_is_rejected_and_proposed_again(
    reviewed: Reviewed, opened: Page
) -> None:
    one = first_clip(reviewed)
    opened.get_by_role("button", name=f"Reject {one['title']}").focus()
    opened.keyboard.press("Enter")
    opened.keyboard.press("Escape")
    expect(focused(opened)).to_have_text("Reject")
    assert clip(reviewed, one["clip_id"])["verdict"] == "proposed"
    opened.keyboard.press("Enter")
    opened.keyboard.type("Says too little")
    opened.keyboard.press("Enter")
    becomes(reviewed, one["clip_id"], verdict="rejected")
    expect(opened.locator("ul.clips > li").last).to_contain_text("Says too little")
    expect(opened.get_by_role("button", name="Render all but rejected")).to_be_visible()
    expect(focused(opened)).to_have_text("Approve")
    opened.keyboard.press("Tab")
    expect(focused(opened)).to_have_text("Back to proposed")
    opened.keyboard.press("Enter")
    becomes(reviewed, one["clip_id"], verdict="proposed", verdict_reason="")


def test_who_may_only_look_sees_the_clips_and_no_controls(talk: Path, tmp_path: Path, visit: Open) -> None:
    (tmp_path / "inbox").mkdir()
    shutil.copy(talk, tmp_path / "inbox" / "talk.mp4")
    (tmp_path / "workbench.toml").write_text(SMALL.replace("clip_count = 3", "clip_count = 1"))
    with Guarded(tmp_path) as server:
        path = f"/async/episodes/{server.episode_id}/process"
        server.ended(server.client.post(path, json={"target_stage": "clipped"}).json()["job_id"])
        page = visit(server, f"/app/episodes/{server.episode_id}")
        page.get_by_label("Key").fill(server.keys["read"])
        page.get_by_role("button").click()
        card = page.locator("ul.clips > li").first
        expect(card.get_by_role("button", name="in the recording")).to_be_visible(timeout=20_000)
        expect(page.get_by_text("Download all (zip)")).to_be_visible()
        for name in ("Approve", "Reject", "Adjust", "New clip", "Render"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.get_by_role("checkbox")).to_have_count(0)
        page.context.close()
