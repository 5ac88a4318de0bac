"""The pages as people meet them: in Chromium, on a real server, with a real recording."""

import shutil
import time
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, Route, expect

from tests.apps.conftest import Processed
from tests.apps.pages.conftest import Open
from tests.apps.served import Guarded, Server

PAGES = {
    "/app/library": "Library",
    "/app/inbox": "Add recordings",
    "/app/jobs": "Jobs",
    "/app/system": "System",
}
LIGHT, DARK = "rgb(250, 249, 246)", "rgb(19, 21, 24)"


def heading(page: Page) -> str:
    found = page.get_by_role("heading", level=1)
    expect(found).to_be_visible(timeout=20_000)
    return found.inner_text()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_comes_up_without_a_word_in_the_console_and_fits(
    site: Server, visit: Open, path: str, width: int
):
    page = visit(site, path, width=width, dark=width == 390)
    assert heading(page) == PAGES[path]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.title() == f"{PAGES[path]} · Episode workbench"
    here = page.get_by_role("navigation", name="Pages").locator("[aria-current]")
    expect(here).to_have_text(PAGES[path])


def test_an_empty_library_says_what_to_do_first_and_leads_there(fresh: Server, visit: Open):
    page = visit(fresh, "/")
    expect(page.get_by_text("No episodes yet")).to_be_visible(timeout=20_000)
    page.get_by_role("main").get_by_role("link", name="Add recordings").last.click()
    assert heading(page) == "Add recordings"


def ground(page: Page, colour: str) -> None:
    expect(page.get_by_role("main")).to_have_css("background-color", colour)


def test_dark_or_light_is_what_the_system_has_until_somebody_chooses(site: Server, visit: Open):
    page = visit(site, "/app/jobs", dark=True)
    ground(page, DARK)
    page.wait_for_timeout(1000)  # the very first page is asked for twice
    page.get_by_role("button", name="Toggle theme").click()
    ground(page, LIGHT)
    page.wait_for_function("document.cookie.includes('workbench_theme=light')")
    page.reload()
    ground(page, LIGHT)


def test_a_server_whose_pages_were_looked_at_comes_to_rest(site: Server, visit: Open):
    """Panel 1.10.0 kept a core busy for ever after the first page."""
    for path in PAGES:
        heading(visit(site, path))
    process = psutil.Process(site.process.pid)
    before = process.cpu_times().user
    visit(site, "/app/system").wait_for_timeout(5000)
    assert process.cpu_times().user - before < 2.5


def test_a_click_on_a_word_plays_it_and_the_transcript_follows(
    site: Server, processed: Processed, visit: Open
):
    page = visit(site, f"/app/episodes/{processed.episode_id}")
    word = page.locator("[data-word='30']")
    expect(word).to_be_visible(timeout=20_000)
    word.click()
    expect(page.locator(".said")).to_be_visible()
    said = int(page.locator(".said").get_attribute("data-word") or 0)
    assert 30 <= said < 40
    page.keyboard.press("k")
    assert page.locator("video").first.evaluate("player => player.paused")


def test_a_link_to_a_moment_begins_there(site: Server, processed: Processed, visit: Open):
    page = visit(site, f"/app/episodes/{processed.episode_id}?t=12.5")
    expect(page.locator("[data-word]").first).to_be_visible(timeout=20_000)
    expect(page.locator("video").first).to_have_js_property("currentTime", 12.5)


def test_what_must_be_known_of_an_episode_stands_above_it_and_in_its_facts(
    fresh: Server, silence: Path, visit: Open
):
    (fresh.library / "inbox").mkdir(exist_ok=True)
    shutil.copy(silence, fresh.library / "inbox")
    fresh.client.post("/episodes/discover")
    fresh.client.post("/episodes/silence/process", json={"target_stage": "transcribed"}, timeout=60)
    (note,) = fresh.client.get("/episodes/silence").json()["notes"]
    assert note.startswith("the recording's sound is silent throughout")
    assert fresh.client.get("/episodes").json()["episodes"][0]["notes"] is None  # a list reads no manifests
    page = visit(fresh, "/app/episodes/silence")
    shown = page.get_by_role("note")
    expect(shown).to_have_text(f"Note: T{note[1:]}.")
    above, player = shown.bounding_box(), page.locator("audio, video").first.bounding_box()
    assert above
    assert player
    assert above["y"] + above["height"] <= player["y"]


def test_who_may_only_look_sees_everything_but_folders_and_is_told_when_pressing_a_button(
    guarded: Guarded, visit: Open
):
    page = visit(guarded, "/app/inbox")
    page.get_by_label("Key").fill(guarded.keys["read"])
    page.get_by_role("button").click()
    assert heading(page) == "Add recordings"
    expect(page.get_by_text("Watched: inbox", exact=True)).to_be_visible()
    page.wait_for_function("Bokeh.documents[0].is_idle")  # where messages show comes last of all
    page.get_by_role("button", name="Look in the watched folders").click()
    expect(page.get_by_text("this key may only look")).to_be_visible()
    page.goto(f"{guarded.facts['url']}/app/system")
    expect(page.get_by_text("tiny.en (English only)")).to_be_visible(timeout=20_000)
    assert "/" + "tmp/" not in page.get_by_role("main").inner_text()


def test_an_upload_that_is_cancelled_leaves_nothing_on_the_server(fresh: Server, visit: Open, tmp_path: Path):
    page = visit(fresh, "/app/inbox")
    assert heading(page) == "Add recordings"
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_000_000}
    line.send("Network.emulateNetworkConditions", slow)
    long = tmp_path / "long.mp4"
    long.write_bytes(bytes(30_000_000))
    page.get_by_test_id("files").set_input_files(long)
    expect(page.get_by_text("of 30.0 MB")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Cancel long.mp4").click()
    expect(page.get_by_text("long.mp4")).to_have_count(0)
    uploads, end = fresh.library / "uploads", time.monotonic() + 40
    while any(uploads.iterdir()):
        assert time.monotonic() < end, "what had come is still there"
        page.wait_for_timeout(500)


def test_an_upload_that_is_cancelled_before_the_server_has_said_where_it_is_leaves_nothing_either(
    fresh: Server, visit: Open, tmp_path: Path
):
    page = visit(fresh, "/app/inbox")
    assert heading(page) == "Add recordings"
    asked: list[Route] = []
    page.route("**/uploads/", lambda route: asked.append(route))  # held back
    long = tmp_path / "long.mp4"
    long.write_bytes(bytes(1_000_000))
    page.get_by_test_id("files").set_input_files(long)
    cancel = page.get_by_role("button", name="Cancel long.mp4")
    expect(cancel).to_be_visible()
    while not asked:
        page.wait_for_timeout(50)
    cancel.click()
    expect(page.get_by_text("long.mp4")).to_have_count(0)
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as removed:
        asked[0].continue_()
    assert removed.value.status == 204
    assert not any((fresh.library / "uploads").iterdir())


def test_a_key_that_belongs_to_a_list_does_not_play_the_recording(
    site: Server, processed: Processed, visit: Open
):
    page = visit(site, f"/app/episodes/{processed.episode_id}")
    expect(page.locator("[data-word]").first).to_be_visible(timeout=20_000)
    video = page.locator(".stage video")
    choice = page.get_by_role("combobox", name="Process up to")
    choice.focus()
    choice.press(" ")
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    assert video.evaluate("player => player.paused")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press(" ")
    expect(video).to_have_js_property("paused", False)


def test_an_episode_that_is_not_there_is_told_in_words(site: Server, visit: Open):
    page = visit(site, "/app/episodes/nothing")
    assert heading(page) == "No such episode"
    expect(page.get_by_text("there is no episode nothing")).to_be_visible()
