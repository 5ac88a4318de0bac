"""Clips of spans in which the recording has a picture for a part of the time, or for none of it."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import captions, ffmpeg, framing, subtitles
from pipeline.clips import render_clip
from pipeline.errors import ToolFailed
from pipeline.loudness import measure
from pipeline.model import (
    AspectRatio,
    ClipCandidate,
    Media,
    Metadata,
    Rendition,
    Source,
    Span,
    Variant,
    WordSpan,
)
from tests.pipeline.test_captions import drawn, transcript_of, widest
from tests.pipeline.test_clips import CLEAN, SMALL, SUBTITLED
from tests.pipeline.test_clips import _frames as frames_of
from tests.pipeline.test_clips import _media as media_of
from tests.pipeline.test_clips import _render as render
from tests.pipeline.test_clips import out as out


def test_a_picture_that_ends_before_the_sound_is_held(tmp_path: Path, out: Path):
    path = tmp_path / "short.mkv"
    ffmpeg.run(
        ["-f", "lavfi", "-i", "testsrc2=s=160x90:d=1", "-f", "lavfi", "-i", "sine=d=3", str(path)],
        length=3,
        report=lambda share: None,
    )
    (file,) = render(media_of(path), out, [CLEAN])
    assert len(frames_of(file)) == 50


def _with_sound_of_30_seconds(path: Path, *picture: str) -> Media:
    """A recording whose picture is there for only a part of its sound."""
    inputs = [*picture, "-f", "lavfi", "-i", "sine=d=30", "-map", "0:v", "-map", "1:a"]
    ffmpeg.run([*inputs, "-c:v", "libx264", "-preset", "ultrafast", str(path)], length=30, report=_nobody)
    return media_of(path)


def _nobody(share: float) -> None:
    """A report that nobody reads."""


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
@pytest.mark.parametrize(
    ("picture", "start"),
    [
        (("-f", "lavfi", "-i", "testsrc2=s=160x90:d=5"), 15.0),
        (("-itsoffset", "20", "-f", "lavfi", "-i", "testsrc2=s=160x90:d=10"), 5.0),
        (("-itsoffset", "8", "-f", "lavfi", "-i", "testsrc2=s=160x90:d=20"), 5.0),
    ],
    ids=["the picture is over", "the picture has not begun", "the picture begins amid it"],
)
def test_where_there_is_sound_alone_a_clip_has_a_picture_and_its_sound_all_through(
    tmp_path: Path, out: Path, suffix: str, picture: tuple[str, ...], start: float
):
    media = _with_sound_of_30_seconds(tmp_path / f"part.{suffix}", *picture)
    span = Span(start=start, end=start + 5)
    for file in render(media, out, [CLEAN, SUBTITLED], span):
        assert len(frames_of(file)) in (5 * 24, 5 * 25)
        for second in range(5):
            part = tmp_path / f"{second}.wav"
            ffmpeg.run(["-ss", str(second), "-t", "1", "-i", str(file), str(part)], length=1, report=_nobody)
            assert measure(part, Span(start=0, end=1), _nobody).integrated == pytest.approx(-14, abs=1)


def test_a_clip_with_neither_picture_nor_sound_is_not_made(tmp_path: Path, out: Path):
    picture = ("-f", "lavfi", "-i", "testsrc2=s=160x90:d=5")
    media = _with_sound_of_30_seconds(tmp_path / "part.mkv", *picture).model_copy(update={"audio": None})
    with pytest.raises(ToolFailed, match=r"0\.00 s long instead of 5\.00 s"):
        render(media, out, [CLEAN], Span(start=15, end=20))


def test_a_recording_that_is_cut_off_fails_a_clip_behind_the_cut_in_words_and_no_other(
    tmp_path: Path, out: Path
):
    """With its index at the beginning it opens all the same."""
    whole = _with_sound_of_30_seconds(tmp_path / "whole.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x90:d=30")
    path = tmp_path / "cut.mp4"
    command = ["-i", whole.path, "-c", "copy", "-movflags", "+faststart", str(path)]
    ffmpeg.run(command, length=30, report=_nobody)
    media = media_of(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ToolFailed, match=r"clip 01-a-clip of .*cut\.mp4 cannot be made"):
        render(media, out, [CLEAN], Span(start=20, end=22))
    assert render(media, out, [CLEAN], Span(start=2, end=4))


@pytest.mark.parametrize("shape", [AspectRatio.VERTICAL, AspectRatio.LANDSCAPE])
def test_a_caption_of_as_many_rows_as_there_can_be_comes_out_whole(
    tmp_path: Path, out: Path, shape: AspectRatio
):
    path, words, size = tmp_path / "black.mp4", widest(shape), framing.size(shape, 180)
    ffmpeg.run(["-f", "lavfi", "-i", "color=black:s=320x180:d=6", str(path)], length=6, report=_nobody)
    said = transcript_of(words, start=0.0)
    candidate = ClipCandidate(
        clip_id="01",
        title="Wide",
        span=Span(start=0, end=4),
        words=WordSpan(first=0, end=len(words)),
        score=1,
        score_parts={},
        reasons=("",),
    )
    source = Source(sha256="0" * 64, bytes=1, media=media_of(path), metadata=Metadata())
    rendition = Rendition(variant=Variant.SUBTITLED, aspect_ratio=shape)
    render_clip(source, said, candidate, [rendition], SMALL, out=out, report=_nobody, threads=2)
    shown = frames_of(out / rendition.name / f"01.{rendition.name}.mp4")[25]
    cues = subtitles.cues(said, subtitles.style_for(shape, "en"))
    expected = drawn(tmp_path, captions.captions(cues, candidate.span, shape, size), size)
    assert len(cues) == 1
    assert (
        np.flatnonzero(shown.max(axis=1) > 128).tolist()
        == np.flatnonzero(expected.max(axis=1) > 128).tolist()
    )
