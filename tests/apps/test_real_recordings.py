"""Every real recording in one command: what can be used gets through all stages; the rest stops nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(2400)]

SMALL = """\
model = "tiny.en"
clip_count = 1
clip_max_seconds = 20
aspect_ratios = ["1x1"]
stable_seconds = 0
"""
UNUSABLE = {
    "broken_truncated.mp4",
    "chunk_out_of_range.mp4",
    "nostreams.mp4",
    "not_a_video.mp4",
    "zero_byte.mp4",
}
"""What no player opens either; what else lies in `bad/` is odd, and works."""


@pytest.fixture(scope="module")
def outcomes(media: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """File name → what `workbench process --json` said of it, for the whole folder."""
    library = tmp_path_factory.mktemp("library")
    (library / "workbench.toml").write_text(SMALL)
    command = [sys.executable, "-m", "apps.cli", "process", "--json", "--library", str(library), str(media)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=2300)
    assert ran.returncode == 1  # some could not be used
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    return {Path(each["file"]).name: each for each in told}


def test_every_recording_with_speech_gets_through_all_stages(outcomes: dict[str, Any], media: Path):
    folders = ("speech", "derived", "words", "video", "episode")
    beside = {".json", ".txt", ".srt", ".vtt", ".rttm", ".TextGrid", ".align"}
    recordings = {
        file.name for folder in folders for file in (media / folder).iterdir() if file.suffix not in beside
    }
    assert len(recordings) > 25
    reached = {name: (outcomes[name]["status"], outcomes[name]["stage"]) for name in recordings}
    assert set(reached.values()) == {("completed", "clipped")}, reached


def test_what_cannot_be_used_is_named_with_a_reason_and_stops_nothing(outcomes: dict[str, Any]):
    failed = {name: each["failure"] for name, each in outcomes.items() if each["status"] != "completed"}
    assert set(failed) >= UNUSABLE
    for name, failure in failed.items():
        assert name in failure["reason"]
        assert failure["kind"] == "UnreadableMedia", failure
