"""What an open page does when its server ends, and when there is one again."""

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.apps.served import Server
from tests.conftest import made

LOST, BACK = "The connection to the workbench is lost. Trying again…", "Connected again."
AGAIN = 40_000  # milliseconds in which a server starts on two busy cores, and its page comes
REFUSED = "net::ERR_"
"""What Chromium itself says of a server that is not there."""


class Place:
    """A library whose server comes and goes at one address."""

    def __init__(self, library: Path) -> None:
        self.server = Server(library)
        self.url = str(self.server.facts["url"])
        self.port = self.server.client.base_url.port or 0

    def ends(self, how: signal.Signals = signal.SIGKILL) -> None:
        self.server.client.close()
        self.server.process.send_signal(how)
        self.server.process.wait(20)

    def starts(self) -> None:
        self.server = Server(self.server.library, self.port)


@pytest.fixture
def place(tmp_path: Path, long_tone: Path) -> Iterator[Place]:
    """One with a recording of a minute in its inbox."""
    inbox = tmp_path / "library" / "inbox"
    inbox.mkdir(parents=True)
    (inbox.parent / "workbench.toml").write_text('model = "tiny.en"\nstable_seconds = 0\n')
    shutil.copy(long_tone, inbox / "tone.mp4")
    served = Place(inbox.parent)
    yield served
    served.server.stop()


@pytest.fixture(scope="module")
def long_tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of test picture with a tone."""
    picture = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=60", "-f", "lavfi", "-i", "sine=d=60")
    return made(tmp_path_factory, "tone.mp4", *picture, "-pix_fmt", "yuv420p", "-movflags", "+faststart")


type Visit = Callable[[str], Page]


@pytest.fixture
def visit(browser: Browser, place: Place) -> Iterator[Visit]:
    """Opens a page; whatever its console complains of fails the test, but for the server that is away."""
    context, trouble = browser.new_context(viewport={"width": 1440, "height": 700}), []

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and REFUSED not in message.text:
            trouble.append(message.text)

    def open_(path: str) -> Page:
        page = context.new_page()
        page.on("console", said)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(place.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=20_000)
        page.wait_for_load_state("networkidle")  # a server that ends earlier leaves modules and fonts unread
        return page

    yield open_
    context.close()
    assert trouble == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_page_whose_server_ends_says_so_and_comes_back_by_itself_as_it_was(
    place: Place, visit: Visit, how: signal.Signals
):
    page = visit("/app/inbox?t=1")
    page.get_by_label("Guests, with commas between").press_sequentially("Ada, Grace", delay=60)
    expect(page.get_by_label("Guests, with commas between")).to_have_value("Ada, Grace")
    box = page.locator(".main-content").first
    box.evaluate("box => { box.scrollTop = 60 }")
    expect(box).to_have_js_property("scrollTop", 60)
    place.ends(how)
    banner = page.get_by_role("status").filter(has_text=LOST)
    expect(banner).to_be_visible(timeout=5000)
    expect(page.get_by_text("connection")).to_have_count(1)  # no box of Panel's or Bokeh's beside it
    place.starts()
    expect(page.get_by_role("status").filter(has_text=BACK)).to_be_visible(timeout=AGAIN)
    assert page.url == f"{place.url}/app/inbox?t=1"
    expect(page.get_by_label("Guests, with commas between")).to_have_value("Ada, Grace")
    expect(page.locator(".main-content").first).to_have_js_property("scrollTop", 60)
    expect(page.get_by_text(BACK)).to_have_count(0, timeout=15_000)


def test_what_plays_goes_on_where_it_was(place: Place, visit: Visit):
    (found,) = place.server.client.post("/episodes/discover").json()["episodes"]
    page = visit(f"/app/episodes/{found['episode_id']}?t=5")
    player = page.locator("video").first
    expect(player).to_have_js_property("currentTime", 5, timeout=20_000)
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("l")
    page.keyboard.press(" ")
    expect(player).to_have_js_property("paused", False)
    place.ends()
    expect(page.get_by_text(LOST)).to_be_visible(timeout=5000)
    place.starts()
    expect(page.get_by_text(BACK)).to_be_visible(timeout=AGAIN)
    expect(player).to_have_js_property("paused", False, timeout=20_000)
    assert float(player.evaluate("player => player.currentTime")) > 14


def test_a_page_that_uploads_is_loaded_anew_only_when_all_has_arrived(
    place: Place, visit: Visit, tmp_path: Path, long_tone: Path
):
    page = visit("/app/inbox")
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_000_000}
    line.send("Network.emulateNetworkConditions", slow)
    long = tmp_path / "long.mp4"
    long.write_bytes(long_tone.read_bytes() + bytes(12_000_000))
    page.get_by_test_id("files").set_input_files(long)
    expect(page.get_by_text("left")).to_be_visible(timeout=20_000)
    place.ends()
    expect(page.get_by_text(LOST)).to_be_visible(timeout=5000)
    place.starts()
    expect(page.get_by_text("as soon as what is under way has ended")).to_be_visible(timeout=AGAIN)
    line.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    expect(page.get_by_text(BACK, exact=True)).to_be_visible(timeout=AGAIN)
    assert (place.server.library / "inbox" / "long.mp4").stat().st_size == long.stat().st_size
