import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline import ffmpeg
from pipeline.errors import Cancelled, ToolFailed

ENDLESS = ["-f", "lavfi", "-i", "testsrc=d=36000:s=1280x720", "-c:v", "libx264", "-f", "null", "-"]


def _silent(_: float) -> None:
    pass


def _gone(processes: list[psutil.Process], within: float = 5.0) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=within)
    return not alive


def _eventually(found: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if processes := found():
            return processes
        time.sleep(0.05)
    raise AssertionError("the process did not start")


def _ffmpegs_of(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children(recursive=True) if "ffmpeg" in child.name()]


def test_progress_rises_to_the_length_of_the_output(tmp_path: Path):
    seen: list[float] = []
    ffmpeg.run(
        ["-re", "-f", "lavfi", "-i", "sine=d=2", str(tmp_path / "tone.wav")], length=2.0, report=seen.append
    )
    assert seen == sorted(seen)
    assert 0.3 < max(seen) <= 1.0


def test_what_a_measuring_filter_says_is_returned():
    said = ffmpeg.run(
        ["-f", "lavfi", "-i", "sine=d=1", "-af", "volumedetect", "-f", "null", "-"], length=1, report=_silent
    )
    assert "mean_volume" in said


def test_an_error_is_told_in_the_words_of_ffmpeg(tmp_path: Path):
    (tmp_path / "text.mp4").write_text("this is no recording")
    with pytest.raises(ToolFailed, match="Invalid data"):
        ffmpeg.run(["-i", str(tmp_path / "text.mp4"), str(tmp_path / "out.wav")], length=1, report=_silent)


def test_a_cancel_kills_ffmpeg_at_once():
    me = psutil.Process()
    before = set(_ffmpegs_of(me))
    started: list[psutil.Process] = []

    def cancel_once_it_runs(_: float) -> None:
        started.extend(set(_ffmpegs_of(me)) - before)
        if started:
            raise Cancelled

    with pytest.raises(Cancelled):
        ffmpeg.run(ENDLESS, length=36000, report=cancel_once_it_runs)
    assert _gone(started, within=1.0)


@pytest.mark.parametrize("victim", ["the asking process", "the guard"])
def test_ffmpeg_does_not_outlive_who_asked_for_it(victim: str):
    code = f"from pipeline import ffmpeg; ffmpeg.run({ENDLESS!r}, length=1, report=lambda share: None)"
    asking = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    running = _eventually(lambda: _ffmpegs_of(psutil.Process(asking.pid)))
    (running[0].parent() if victim == "the guard" else psutil.Process(asking.pid)).kill()
    asking.wait(10)
    assert _gone(running)


def test_raw_frames_can_be_fed(tmp_path: Path):
    frames = (bytes([shade]) * (16 * 16 * 3) for shade in range(25))
    out = tmp_path / "grey.mp4"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "16x16", "-r", "25", "-i", "pipe:0"]
    ffmpeg.feed([*raw, "-pix_fmt", "yuv420p", str(out)], frames)
    assert out.stat().st_size > 0


def test_feeding_into_a_bad_command_says_why(tmp_path: Path):
    with pytest.raises(ToolFailed, match="Unknown input format: 'nosuch'"):
        ffmpeg.feed(["-f", "nosuch", "-i", "pipe:0", str(tmp_path / "out.mp4")], iter([b"x" * 100]))


def test_it_knows_its_version_and_encoders():
    assert ffmpeg.version()
    assert {"libx264", "aac"} <= ffmpeg.encoders()
