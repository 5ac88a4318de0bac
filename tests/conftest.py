"""Recordings that the tests work on: made by the project itself, or by ffmpeg's test sources."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline import ffmpeg

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"]
_SECONDS = "3"
_PICTURE = ("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={_SECONDS}")
_TONE = ("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={_SECONDS}")
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need more than this checkout, or minutes, run only when `-m` names their marker."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) or "notebooks" in item.path.parts:
            item.add_marker("screens")
    asked = str(config.getoption("markexpr"))
    left = {marker for marker in ("real", "slow") if marker not in asked}
    out = [item for item in items if left & {mark.name for mark in item.iter_markers()}]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


@pytest.fixture(scope="session")
def demo_recording() -> Path:
    """The demo recording with its `.json`."""
    return the_demo()


def the_demo() -> Path:
    """The demo recording, kept in `.cache/demo` until what makes it changes."""
    kept = ROOT / ".cache" / "demo" / _state_of(ROOT / "apps" / "demo")
    if not kept.exists():
        from apps import demo

        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=kept.parent, prefix=".making-"))
        demo.make(fresh / "demo.mp4")
        _publish(fresh, kept)
    return kept / "demo.mp4"


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """The Chromium of this machine, without a window; while it is open, no test can run an event loop."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        told = "these tests need Chromium: install it (Debian: apt-get install chromium)"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real recordings; only tests marked `real` may use it."""
    folder = ROOT.parent / "shared" / "media"
    if not folder.is_dir():
        pytest.fail(f"the real recordings are not at {os.path.relpath(folder, ROOT)}: run without `-m real`")
    return folder


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s of test picture (320×180, 25 fps, H.264) with a 440 Hz tone (48 kHz mono, AAC)."""
    return made(tmp_path_factory, "tone.mp4", *_PICTURE, *_TONE, *_H264, "-c:a", "aac")


@pytest.fixture(scope="session")
def silent_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s of test picture without an audio track."""
    return made(tmp_path_factory, "silent_video.mp4", *_PICTURE, *_H264)


@pytest.fixture(scope="session")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s of sound in which every sample is zero (WAV, 48 kHz mono)."""
    source = f"anullsrc=sample_rate=48000:channel_layout=mono:duration={_SECONDS}"
    return made(tmp_path_factory, "silence.wav", "-f", "lavfi", "-i", source)


@pytest.fixture(scope="session")
def two_tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s of test picture with two audio tracks: 440 Hz in German, then 880 Hz in English, the default."""
    other = ("-f", "lavfi", "-i", f"sine=frequency=880:sample_rate=44100:duration={_SECONDS}")
    maps = ("-map", "0", "-map", "1", "-map", "2", "-metadata:s:a:0", "language=deu")
    marks = ("-metadata:s:a:1", "language=eng", "-disposition:a:0", "0", "-disposition:a:1", "default")
    return made(
        tmp_path_factory, "two_tracks.mp4", *_PICTURE, *_TONE, *other, *maps, *marks, *_H264, "-c:a", "aac"
    )


def made(factory: pytest.TempPathFactory, name: str, *arguments: str) -> Path:
    """A recording that ffmpeg makes from `arguments`, in a folder of its own."""
    path = factory.mktemp("media") / name
    ffmpeg.run([*arguments, str(path)], length=3, report=lambda share: None)
    return path


def _state_of(package: Path) -> str:
    """Names the sources in `package`: another text gives another name."""
    sources = sorted(package.glob("*.py"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def _publish(fresh: Path, kept: Path) -> None:
    """Put a finished folder in its place, unless a test run beside this one was quicker."""
    try:
        fresh.replace(kept)
    except OSError:
        shutil.rmtree(fresh)
