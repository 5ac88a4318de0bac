"""From a recording to its episode, and from an episode to what was made of it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import UnreadableMedia
from workbench import Workbench
from workbench.episodes import Results, add
from workbench.errors import NotFound


@pytest.fixture
def made(bench: Workbench) -> Results:
    (episode,) = bench.episodes()
    return Results(episode)


def test_a_recording_is_the_same_episode_however_often_it_is_added(empty: Workbench, tone: Path) -> None:
    assert add(empty, tone).episode_id == add(empty, str(tone)).episode_id == "tone"


def test_a_file_that_is_no_recording_is_refused_with_the_reason(empty: Workbench, tmp_path: Path) -> None:
    wrong = tmp_path / "letter.mp4"
    wrong.write_text("Dear all,")
    with pytest.raises(UnreadableMedia, match=r"letter\.mp4"):
        add(empty, wrong)


def test_a_file_that_is_not_there_is_named(empty: Workbench, tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia, match=r"gone\.mp4"):
        add(empty, tmp_path / "gone.mp4")


def test_what_was_made_of_an_episode_is_read_from_its_artefacts(made: Results) -> None:
    assert made.source.media.duration == made.episode.duration
    assert len(made.transcript.words) > 100
    assert made.enrichment.chapters
    assert made.subtitles.cues > 10
    assert made.rendered.playback.file == "demo.mp4"


def test_other_limits_choose_other_clips_and_change_nothing(bench: Workbench, made: Results) -> None:
    before = bench.clips(made.episode.episode_id)
    short = made.candidates(count=3, shortest=5, longest=12)
    assert 0 < len(short) <= 3
    assert all(clip.span.duration <= 12 for clip in short)
    assert bench.clips(made.episode.episode_id) == before


def test_a_limit_that_does_not_exist_is_refused(made: Results) -> None:
    with pytest.raises(ValidationError, match="shortness"):
        made.candidates(shortness=3)


def test_what_is_not_made_yet_is_said_with_how_far_the_episode_is(empty: Workbench, tone: Path) -> None:
    with pytest.raises(NotFound, match=r"tone has no transcript on this machine \(it is discovered\)"):
        _ = Results(add(empty, tone)).transcript
