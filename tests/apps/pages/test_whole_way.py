"""The whole way in two browsers: upload, watch, correct, make again, approve, render, take away."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pipeline import ffmpeg
from tests.apps.pages.conftest import Open
from tests.apps.served import Server

SOON = 30_000  # milliseconds
LONG = 180_000  # in which a recording of 40 s is done, on two busy cores


def uploaded(page: Page, recording: Path, title: str) -> None:
    page.get_by_label("Title (for a single file)").fill(title)
    page.wait_for_timeout(500)
    page.get_by_test_id("files").set_input_files(recording)
    expect(page.get_by_text("has arrived", exact=False).first).to_be_visible(timeout=SOON)


def watched(page: Page, title: str) -> list[float]:
    """How far the bar of the job was, look by look, until it was done."""
    row = page.locator("li", has_text=title)
    expect(row.locator(".state")).to_have_text("Running", timeout=SOON)
    seen: list[float] = []
    for _ in range(LONG // 300):
        if row.locator(".state").inner_text() == "Done":
            return seen
        seen.append(float(row.locator("progress").evaluate("bar => bar.value")))
        page.wait_for_timeout(300)
    raise AssertionError(row.inner_text())


def files_of(server: Server) -> dict[str, int]:
    (shelf,) = (server.library / "episodes").iterdir()
    found = (file for file in shelf.rglob("*") if file.is_file())
    return {file.relative_to(shelf).as_posix(): file.stat().st_ino for file in found}


def corrected(page: Page, index: int, text: str) -> None:
    page.locator(f"[data-word='{index}']").dblclick()
    page.get_by_role("textbox", name="The right words").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-word='{index}']")).to_have_text(text)


def made_again(page: Page) -> None:
    page.get_by_role("button", name="Make again").click()
    expect(page.locator(".again")).to_be_hidden(timeout=LONG)


def goes_the_whole_way(server: Server, visit: Open, recording: Path) -> None:
    title = "A morning talk"
    page, other = visit(server, "/app/inbox"), visit(server, "/app/jobs")
    expect(other.get_by_role("heading", level=1)).to_be_visible(timeout=SOON)
    uploaded(page, recording, title)
    seen = watched(other, title)
    assert seen == sorted(seen)
    assert len(set(seen)) >= 3, "the bar moves while it runs"

    page.goto(f"{server.facts['url']}/app/library")
    page.get_by_role("link", name=title).click()
    expect(page.locator("[data-word='3']")).to_be_visible(timeout=SOON)
    other.goto(page.url)
    expect(other.locator("[data-word='3']")).to_be_visible(timeout=SOON)

    before = files_of(server)
    corrected(page, 3, "Pomegranate")
    expect(other.locator("[data-word='3']")).to_have_text("Pomegranate")
    made_again(page)
    after = files_of(server)
    subtitles = next(name for name in after if name.endswith(".srt"))
    assert "Pomegranate" in (next((server.library / "episodes").iterdir()) / subtitles).read_text()
    kept = {name for name in before if before[name] == after.get(name)}
    assert {name for name in before if name.endswith(("clean.mp4", "poster.jpg", "peaks.json"))} <= kept
    assert subtitles not in kept

    card = page.locator("ul.clips > li").first
    card.get_by_role("button", name="Approve").click()
    seen_there = other.locator("ul.clips > li").first.locator(".state.approved")
    expect(seen_there).to_have_text("Approved", timeout=SOON)
    page.get_by_role("button", name="Render approved (1)").click()
    expect(other.get_by_text("is completed").first).to_be_visible(timeout=LONG)
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download all (zip)").click()
    names = zipfile.ZipFile(io.BytesIO(taken.value.path().read_bytes())).namelist()
    assert {name.rpartition(".")[2] for name in names} == {"mp4"}
    assert len(names) >= 2


def test_a_recording_goes_the_whole_way_from_the_upload_to_the_clips(
    fresh: Server, visit: Open, talk: Path
) -> None:
    goes_the_whole_way(fresh, visit, talk)


@pytest.mark.real
def test_a_real_recording_goes_the_whole_way(fresh: Server, visit: Open, media: Path, tmp_path: Path) -> None:
    (recording,) = (media / "episode").glob("*.mp4")
    part = tmp_path / "Real talk.mp4"
    cut = ["-ss", "60", "-i", str(recording), "-t", "45", "-c", "copy", str(part)]
    ffmpeg.run(cut, length=45, report=lambda share: None)
    goes_the_whole_way(fresh, visit, part)
