"""The episode page as a person meets it: opened from a folder, in Chromium."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline import ffmpeg
from pipeline.model import AudioStream, Enrichment, Media, Metadata, Source, Transcript, VideoStream
from pipeline.render import RenderOptions, illustrate, read_pictures, render

Spoken = Callable[..., Transcript]
Enriched = Callable[[Transcript], Enrichment]
TEXT = """The river rose in the night, and nobody on the bridge had seen it. We heard the bells first.
Then my neighbour came down the road with a lamp, and said that we had to leave. I asked how long we had.
An hour, perhaps a little more. The old café was under water by noon. Nobody came back for a week."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, spoken: Spoken, enriched: Enriched) -> Path:
    """A rendered episode of 30 s with its recording beside it."""
    out = tmp_path_factory.mktemp("page")
    path = tmp_path_factory.mktemp("media") / "river town #1.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=30", "-f", "lavfi", "-i", "sine=d=30"]
    ffmpeg.run([*inputs, "-pix_fmt", "yuv420p", "-g", "10", str(path)], length=30, report=lambda share: None)
    _render(path, out, spoken(TEXT, speakers=("Ann", "Bo")), enriched)
    shutil.copy(path, out)
    return out


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[Page]:
    """The page, opened at 1440 × 900; whatever it complains of or asks the network for fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened, trouble = context.new_page(), []
    opened.on("console", lambda message: trouble.append(message.text))
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on(
        "request",
        lambda request: (
            trouble.append(request.url)
            if "://" in request.url[:8] and not request.url.startswith("file:")
            else None
        ),
    )
    opened.goto((folder / "index.html").as_uri())
    becomes(opened, "document.getElementById('media').readyState >= 1")
    yield opened
    context.close()
    assert trouble == []


def _render(path: Path, out: Path, transcript: Transcript, enriched: Enriched) -> None:
    video = VideoStream(index=0, codec="h264", width=160, height=90, fps=10, pixel_format="yuv420p")
    audio = AudioStream(index=1, codec="aac", sample_rate=44100, channels=1)
    media = Media(path=str(path), container="mov,mp4", duration=30, video=video, audio=audio)
    source = Source(sha256="0", bytes=1, media=media, metadata=Metadata(show="The Desk"))
    enrichment = enriched(transcript).model_copy(update={"title": '</script><h1>It\'s & "here"'})
    illustrate("ep", source, out=out, report=lambda share: None, threads=1)
    render("ep", source, transcript, enrichment, read_pictures(out), RenderOptions(), out=out)


def becomes(page: Page, claim: str) -> None:
    """Wait until the page agrees; asked from here, since its policy lets it evaluate no text."""
    end = time.monotonic() + 10
    while not page.evaluate(claim):
        assert time.monotonic() < end, f"never became true: {claim}"
        page.wait_for_timeout(50)


def now(page: Page) -> float:
    return page.evaluate("document.getElementById('media').currentTime")


def click(page: Page, selector: str) -> None:
    """Click something that plays, and pause where it starts, so that a slow machine sees the same."""
    page.evaluate(
        """() => {
            const media = document.getElementById('media');
            window.played = false;
            media.addEventListener('play', () => { media.pause(); window.played = true; }, { once: true });
        }"""
    )
    page.locator(selector).click()
    becomes(page, "window.played && !document.getElementById('media').seeking")


def go(page: Page, seconds: float) -> None:
    page.evaluate(f"document.getElementById('media').currentTime = {seconds}")


def test_the_page_opens_from_a_folder_with_its_title_and_length(page: Page) -> None:
    expect(page.locator("h1")).to_have_text('</script><h1>It\'s & "here"')
    expect(page.locator("#length")).to_have_text("0:30")
    expect(page.locator("#missing")).to_be_hidden()


def start_of(transcript: Transcript, sentence: int) -> float:
    return transcript.span(transcript.sentences[sentence].words).start


def test_a_click_on_a_sentence_plays_from_there(page: Page, spoken: Spoken) -> None:
    click(page, "#s3")
    assert now(page) == pytest.approx(start_of(spoken(TEXT), 3), abs=0.3)
    expect(page.locator("#s3")).to_have_attribute("aria-current", "true")


def test_captions_show_what_is_said_and_can_be_turned_off(page: Page, spoken: Spoken) -> None:
    go(page, start_of(spoken(TEXT), 1) + 0.6)
    expect(page.locator("#captions")).to_contain_text("We heard the bells first.")
    page.keyboard.press("c")
    expect(page.locator("#captions")).to_be_empty()


def test_the_word_that_is_said_is_marked(page: Page, spoken: Spoken) -> None:
    go(page, start_of(spoken(TEXT), 1) + 0.6)
    becomes(page, "[...(CSS.highlights.get('word') ?? [])].join('') === 'the'")


def test_chapters_lead_to_their_start_and_the_current_one_is_marked(page: Page) -> None:
    click(page, "[data-chapter='1']")
    expect(page.locator("[data-chapter='1']")).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-chapter='0']")).not_to_have_attribute("aria-current", "true")
    expect(page.locator("#current-chapter")).to_have_text("Part 2")


def test_names_and_quotes_lead_to_what_was_said(page: Page) -> None:
    click(page, ".names:last-child a.time")
    expect(page.locator("#s6")).to_have_attribute("aria-current", "true")


def test_search_finds_without_accents_and_steps_through_the_matches(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("CAFE")
    expect(page.locator("#found")).to_have_text("1 of 1")
    page.locator("#search").fill("had")
    expect(page.locator("#found")).to_have_text("1 of 3")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_have_text("2 of 3")
    page.locator("#previous").click()
    expect(page.locator("#found")).to_have_text("1 of 3")
    page.locator("#search").fill("submarine")
    expect(page.locator("#found")).to_have_text("None")


def test_keys_play_and_move(page: Page) -> None:
    page.keyboard.press("l")
    becomes(page, "document.getElementById('media').currentTime === 10")
    page.keyboard.press("ArrowLeft")
    becomes(page, "document.getElementById('media').currentTime === 5")
    page.keyboard.press(" ")
    becomes(page, "!document.getElementById('media').paused")
    page.keyboard.press("k")
    becomes(page, "document.getElementById('media').paused")


def test_letters_typed_into_the_search_are_not_keys(page: Page) -> None:
    page.locator("#search").fill("")
    page.locator("#search").press_sequentially("lake k")
    assert now(page) == 0


@pytest.mark.parametrize(("address", "seconds"), [("#t=12.5", 12.5), ("#t=0:20", 20.0)])
def test_an_address_with_a_time_opens_there(page: Page, folder: Path, address: str, seconds: float) -> None:
    page.goto("about:blank")
    page.goto((folder / "index.html").as_uri() + address)
    becomes(page, f"document.getElementById('media').currentTime === {seconds}")


def test_nothing_sticks_out_on_a_phone_in_the_dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(19, 21, 24)"


def test_every_control_is_reached_by_tab_and_shows_it(page: Page) -> None:
    reached: set[str] = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert {"play", "seek", "back", "on", "mute", "cc", "speed", "full"} <= reached


def test_a_recording_that_is_not_there_can_be_chosen(browser: Browser, folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "index.html", tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    expect(page.locator("#missing")).to_be_visible()
    page.locator("#pick").set_input_files(next(folder.glob("*.mp4")))
    becomes(page, "document.getElementById('media').readyState >= 1")
    expect(page.locator("#missing")).to_be_hidden()
    page.close()


def test_three_hours_of_words_stay_quick(
    browser: Browser, folder: Path, tmp_path: Path, spoken: Spoken, enriched: Enriched
) -> None:
    transcript = spoken(TEXT * 500)
    assert len(transcript.words) > 30_000
    _render(next(folder.glob("*.mp4")), tmp_path, transcript, enriched)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto((tmp_path / "index.html").as_uri())
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    searching = """() => {
        const started = performance.now(), search = document.getElementById('search');
        search.value = 'neighbour';
        search.dispatchEvent(new Event('input'));
        return [performance.now() - started, document.getElementById('found').textContent];
    }"""
    took, found = page.evaluate(searching)
    page.close()
    assert found.endswith("of 500")
    assert loaded < 10_000  # milliseconds; about 700 and 200 on a quiet machine
    assert took < 5_000
