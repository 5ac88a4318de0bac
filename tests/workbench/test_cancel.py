"""A cancel through a real server: seconds later no processor time is spent on the job any more."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline import ffmpeg
from tests.kills.processes import until
from tests.kills.receiver import Receiver
from tests.kills.rounds import Round

pytestmark = pytest.mark.slow

_LOOK_EVERY = 1.0  # seconds: over shorter ones the heartbeats of six waiting processes fall together
_IDLE = 0.3
"""Share of a processor core that waiting processes may take together."""


@pytest.fixture(scope="module", params=[True, False], ids=["own cluster", "another cluster"])
def round(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, demo_recording: Path
) -> Iterator[Round]:
    folder = tmp_path_factory.mktemp("cancel")
    picture, talk = folder / "picture.mp4", folder / "talk.wav"
    picture.symlink_to(demo_recording)
    over_and_over = ["-stream_loop", "-1", "-i", str(demo_recording), "-t", "1800"]
    ffmpeg.run([*over_and_over, "-vn", "-ac", "1", "-ar", "16000", str(talk)], length=1800, report=_nobody)
    clips = {"clip_count": 2, "clip_min_seconds": 30, "clip_max_seconds": 60, "aspect_ratios": ["9x16"]}
    receiver = Receiver()
    with Round(folder / "round", [picture, talk], receiver, own=request.param, **clips) as round:
        assert round.discover() == ["picture", "talk"]
        yield round
    receiver.close()


def test_nothing_runs_5_s_after_a_cancel_in_the_transcription(round: Round):
    job_id = round.submit("talk")
    until(lambda: any(line["name"].startswith("transcribing") for line in round.lines("begun")), "it began")
    time.sleep(2)
    assert _busy(round.deployment.alive(), 1.0)
    _cancel(round, job_id)


def test_nothing_runs_5_s_after_a_cancel_while_ffmpeg_renders(round: Round):
    job_id = round.submit("picture")
    until(lambda: any(line["name"].startswith("rendering") for line in round.lines("begun")), "it began")
    until(lambda: round.deployment.alive("libx264"), "ffmpeg ran")
    _cancel(round, job_id)


def _cancel(round: Round, job_id: str) -> None:
    """Cancel, and see that it is quiet 5 s later and stays so."""
    there = round.deployment.alive()
    started = time.monotonic()
    round.ask("DELETE", f"/async/jobs/{job_id}")
    last, size = time.monotonic() - started, _size(round.library)
    while time.monotonic() - started < 8:
        busy, before, size = _busy(there, _LOOK_EVERY), size, _size(round.library)
        if busy or size > before or round.deployment.alive("libx264"):
            last = time.monotonic() - started
    print(f"quiet {last:.2f} s after the cancel")
    assert last < 5
    assert round.status(job_id) == "cancelled"
    assert list((round.library / "attempts").iterdir()) == []


def _busy(processes: list[psutil.Process], seconds: float) -> bool:
    """Whether `processes` use the processor in the next `seconds`."""
    before = _used(processes)
    time.sleep(seconds)
    after = _used(processes)
    return sum(after[pid] - before[pid] for pid in after) > _IDLE * seconds


def _used(processes: list[psutil.Process]) -> dict[int, float]:
    """Processor seconds so far of those that are still there."""
    used = {}
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used[process.pid] = times.user + times.system
    return used


def _size(library: Path) -> int:
    """Bytes of all attempts and results."""
    files = [file for name in ("attempts", "artefacts") for file in (library / name).rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())


def _nobody(share: float) -> None:
    """Nobody waits for it."""
