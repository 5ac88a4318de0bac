"""Reviewing an episode as people do: in Chromium, with two browsers, on a real recording."""

import re
import time

from playwright.sync_api import Browser, Page, expect

from tests.apps.conftest import Reviewed
from tests.apps.pages.conftest import Open

SOON = 20_000  # milliseconds
CHOSEN = """word => {
    const range = new Range()
    range.selectNodeContents(word)
    getSelection().removeAllRanges()
    getSelection().addRange(range)
}"""


def correct(page: Page, index: int, text: str, *, everywhere: bool = False) -> None:
    page.locator(f"[data-word='{index}']").dblclick()
    page.get_by_role("textbox", name="The right words").fill(text)
    if everywhere:
        page.get_by_label("Everywhere in this episode").check()
    page.keyboard.press("Enter")


def test_a_word_that_is_corrected_is_kept_at_once_and_seen_in_another_browser(
    reviewed: Reviewed, opened: Page, visit: Open
):
    other = visit(reviewed.server, reviewed.page)
    expect(other.locator("[data-word='5']")).to_be_visible(timeout=SOON)
    expect(opened.get_by_text("open in another window", exact=False)).to_be_visible(timeout=SOON)
    correct(opened, 5, "Aubergine")
    expect(opened.get_by_text("All changes saved")).to_be_visible()
    assert reviewed.words()[5] == "Aubergine"
    expect(opened.locator("[data-word='5']")).to_have_text("Aubergine")
    expect(other.locator("[data-word='5']")).to_have_text("Aubergine")
    expect(other.get_by_text("have to be made again", exact=False)).to_be_visible()
    other.reload()
    expect(other.locator("[data-word='5']")).to_have_text("Aubergine", timeout=SOON)


def test_undo_and_redo_by_keyboard(reviewed: Reviewed, opened: Page):
    before = opened.locator("[data-word='7']").inner_text()
    correct(opened, 7, "Zanzibar")
    expect(opened.locator("[data-word='7']")).to_have_text("Zanzibar")
    opened.keyboard.press("Control+z")
    expect(opened.locator("[data-word='7']")).to_have_text(before)
    opened.keyboard.press("Control+Shift+z")
    expect(opened.locator("[data-word='7']")).to_have_text("Zanzibar")


def test_undo_waits_for_what_is_being_saved(reviewed: Reviewed, opened: Page):
    before = opened.locator("[data-word='9']").inner_text()
    opened.route("**/edits/*", lambda route: (time.sleep(0.5), route.continue_()))
    with opened.expect_response("**/undo") as undone:
        correct(opened, 9, "Saskatoon")
        opened.keyboard.press("Control+z")
    assert undone.value.ok  # before it was saved there was nothing to undo
    expect(opened.locator("[data-word='9']")).to_have_text(before)
    assert "Saskatoon" not in reviewed.words()


def test_what_two_tabs_could_not_send_comes_when_one_of_them_is_opened_again(
    reviewed: Reviewed, browser: Browser
):
    """The server is away for both; the first tab is closed, the second one is loaded anew when it is back."""
    context = browser.new_context()
    tabs = [(context.new_page(), 11, "Timbuktu"), (context.new_page(), 12, "Reykjavik")]
    for page, index, _ in tabs:
        page.goto(f"{reviewed.server.facts['url']}{reviewed.page}")
        expect(page.locator(f"[data-word='{index}']")).to_be_visible(timeout=SOON)
        page.route("**/edits/*", lambda route: route.abort())
    for page, index, text in tabs:
        correct(page, index, text)
        expect(page.get_by_text("What you typed is kept in this browser")).to_be_visible()
    tabs[0][0].close()
    page.unroute("**/edits/*")
    page.reload()
    for _, index, text in tabs:
        expect(page.locator(f"[data-word='{index}']")).to_have_text(text, timeout=SOON)
    assert reviewed.words()[11:13] == ["Timbuktu", "Reykjavik"]
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('workbench:edit'))") == []
    context.close()


def test_a_term_is_corrected_everywhere_and_escape_leaves_all_as_it_is(reviewed: Reviewed, opened: Page):
    words = [word.strip(".,?!").lower() for word in reviewed.words()]
    common = max((word for word in set(words) if len(word) > 2), key=words.count)
    assert words.count(common) > 1
    first = words.index(common)
    opened.locator(f"[data-word='{first}']").dblclick()
    opened.get_by_role("textbox", name="The right words").fill("nothing")
    opened.keyboard.press("Escape")
    correct(opened, first, "Xylophone", everywhere=True)
    expect(opened.locator(f"[data-word='{first}']")).to_contain_text("Xylophone")
    now = [word.strip(".,?!") for word in reviewed.words()]
    assert now.count("Xylophone") == words.count(common)


def test_a_speaker_is_named_by_the_paragraph(reviewed: Reviewed, opened: Page):
    opened.get_by_role("button", name=re.compile("Name who speaks")).first.click()
    opened.get_by_role("textbox", name="Who speaks").fill("Ada Lovelace")
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("button", name="Rename Ada Lovelace").first).to_be_visible()
    assert reviewed.get("/texts")["transcript"]["sentences"][0]["speaker"] == "Ada Lovelace"
    opened.locator("[data-word='1']").evaluate(CHOSEN)  # in paragraphs that are drawn anew
    expect(opened.get_by_role("button", name="Make a clip")).to_be_visible()


def test_a_title_is_written_in_place_and_kept_while_it_is_typed(reviewed: Reviewed, opened: Page):
    opened.get_by_role("tab", name="About").click()
    title = opened.get_by_role("textbox", name="The episode's title")
    title.click()
    opened.keyboard.press("Control+a")
    opened.keyboard.type("Talking of ships")
    end = time.monotonic() + 5
    while reviewed.get("/texts")["enrichment"]["title"] != "Talking of ships":
        assert time.monotonic() < end, "what is typed is kept within two seconds, without leaving the field"
        opened.wait_for_timeout(100)
    expect(title).to_be_focused()


def test_a_new_title_stands_over_the_page_and_in_its_tab_at_once(reviewed: Reviewed, opened: Page):
    opened.get_by_role("tab", name="About").click()
    opened.get_by_role("textbox", name="The episode's title").click()
    opened.keyboard.press("Control+a")
    opened.keyboard.type("Talking of bridges")
    expect(opened.get_by_role("heading", level=1)).to_have_text("Talking of bridges")
    expect(opened).to_have_title(re.compile("^Talking of bridges"))


def test_captions_are_those_of_the_last_rendering_without_loading_the_page_anew(
    reviewed: Reviewed, opened: Page
):
    captions = opened.locator("track")
    before = captions.get_attribute("src") or ""
    correct(opened, 14, "Persimmon")
    opened.get_by_role("button", name="Make again").click()
    expect(captions).not_to_have_attribute("src", before, timeout=60_000)
    shown = opened.evaluate("async (src) => (await fetch(src)).text()", captions.get_attribute("src"))
    assert "Persimmon" in shown


def test_only_what_rests_on_a_change_is_made_again(reviewed: Reviewed, opened: Page):
    shelf = reviewed.server.library / "episodes" / reviewed.episode_id
    clips = sorted((shelf / "clips").glob("*.mp4"))
    before = {file.name: file.stat().st_ino for file in clips}
    facts = reviewed.get("/clips")["clips"][0]
    starts = [word["start"] for word in reviewed.get("/texts")["transcript"]["words"]]
    inside = next(index for index, start in enumerate(starts) if start > facts["start"] + 1)
    poster = (shelf / "poster.jpg").stat().st_ino
    correct(opened, inside, "Pomegranate")
    expect(opened.get_by_text("the page and its subtitles and 1 clip", exact=False)).to_be_visible()
    opened.get_by_role("button", name="Make again").click()
    expect(opened.locator(".again")).to_be_hidden(timeout=120_000)
    assert "Pomegranate" in reviewed.file(f"{reviewed.episode_id}.srt")
    assert (shelf / "poster.jpg").stat().st_ino == poster
    changed = {name for name, inode in before.items() if (shelf / "clips" / name).stat().st_ino != inode}
    assert changed == {name for name in before if name.startswith(facts["clip_id"]) and "subtitled" in name}


def test_how_far_the_review_is_can_be_said(reviewed: Reviewed, opened: Page):
    opened.get_by_label("Review", exact=True).select_option("approved")
    end = time.monotonic() + 10
    while reviewed.get("/review")["state"] != "approved":
        assert time.monotonic() < end
        opened.wait_for_timeout(100)
    assert reviewed.get("/review")["by"] == "anyone on this machine"
