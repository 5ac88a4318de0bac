from pathlib import Path

import av
import pytest

from pipeline import ffmpeg
from pipeline.errors import ToolFailed, UnreadableMedia
from pipeline.model import AudioStream, Media, VideoStream
from pipeline.playable import Playback, playback, unplayable

PICTURE = ["-f", "lavfi", "-i", "testsrc2=s=321x243:r=25:d=2"]
TONE = ["-f", "lavfi", "-i", "sine=duration=2"]


def recording(path: Path, *arguments: str) -> Media:
    ffmpeg.run([*arguments, str(path)], length=2, report=lambda share: None)
    return media_of(path)


def media_of(path: Path) -> Media:
    with av.open(str(path)) as container:
        video = next(iter(container.streams.video), None)
        audio = next(iter(container.streams.audio), None)
        return Media(
            path=str(path),
            container=container.format.name,
            duration=(container.duration or 0) / 1e6,
            video=video
            and VideoStream(
                index=video.index,
                codec=video.codec_context.name,
                width=video.width,
                height=video.height,
                fps=25,
                pixel_format=video.codec_context.pix_fmt or "",
            ),
            audio=audio
            and AudioStream(
                index=audio.index, codec=audio.codec_context.name, sample_rate=audio.rate, channels=1
            ),
        )


def played(media: Media, out: Path) -> Playback:
    return playback(media, "ep", out=out, report=lambda share: None, threads=2)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.mp4", [*PICTURE, *TONE, "-pix_fmt", "yuv420p", "-vf", "scale=320:240", "-c:a", "aac"]),
        ("a.mov", [*PICTURE, "-pix_fmt", "yuv420p", "-vf", "scale=320:240"]),
        ("a.webm", [*PICTURE, *TONE, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime"]),
        ("a.mp3", TONE),
        ("a.m4a", TONE),
        ("a.wav", TONE),
        ("a.flac", TONE),
        ("a.ogg", [*TONE, "-c:a", "libopus"]),
    ],
)
def test_what_browsers_play_is_played_as_it_is(
    tmp_path: Path, out: Path, name: str, arguments: list[str]
) -> None:
    media = recording(tmp_path / name, *arguments)
    assert played(media, out) == Playback(file=name, made="as it is", reason="")
    assert list(out.iterdir()) == []


def test_a_container_that_browsers_do_not_know_is_repacked(tmp_path: Path, out: Path) -> None:
    media = recording(tmp_path / "a.mkv", *PICTURE, *TONE, "-pix_fmt", "yuv420p", "-c:a", "aac")
    made = played(media, out)
    assert (made.file, made.made) == ("ep.web.mp4", "repacked")
    assert unplayable(media_of(out / made.file)) == ""


@pytest.mark.parametrize(
    "codecs", [["-c:v", "mpeg4", "-c:a", "mp2"], ["-pix_fmt", "yuv420p10le", "-c:a", "flac"]], ids=str
)
def test_other_codecs_are_encoded(tmp_path: Path, out: Path, codecs: list[str]) -> None:
    media = recording(tmp_path / "a.mkv", *PICTURE, *TONE, *codecs)
    made = played(media, out)
    assert made.made == "encoded"
    again = media_of(out / made.file)
    assert unplayable(again) == ""
    assert again.duration == pytest.approx(2, abs=0.1)


def test_only_the_sound_is_encoded_where_the_picture_is_fine(tmp_path: Path, out: Path) -> None:
    media = recording(tmp_path / "a.mkv", *PICTURE, *TONE, "-pix_fmt", "yuv420p", "-c:a", "flac")
    made = played(media, out)
    assert made.made == "repacked"
    assert media_of(out / made.file).audio.codec == "aac"


def test_a_large_picture_gets_480_lines_and_even_sides(tmp_path: Path, out: Path) -> None:
    media = recording(tmp_path / "a.avi", "-f", "lavfi", "-i", "testsrc2=s=1279x719:r=5:d=1", "-c:v", "mpeg4")
    video = media_of(out / played(media, out).file).video
    assert (video.height, video.width % 2) == (480, 0)
    assert video.width / video.height == pytest.approx(1279 / 719, rel=0.01)


def test_a_tall_picture_gets_480_columns(tmp_path: Path, out: Path) -> None:
    media = recording(tmp_path / "a.avi", "-f", "lavfi", "-i", "testsrc2=s=720x1280:r=5:d=1", "-c:v", "mpeg4")
    assert media_of(out / played(media, out).file).video.width == 480


def test_wide_pixels_keep_their_width(tmp_path: Path, out: Path) -> None:
    pal = ["-f", "lavfi", "-i", "testsrc2=s=720x576:r=5:d=1", "-vf", "setsar=64/45", "-c:v", "mpeg4"]
    video = media_of(out / played(recording(tmp_path / "a.avi", *pal), out).file).video
    assert video.width / video.height == pytest.approx(16 / 9, rel=0.01)


def test_of_several_tracks_the_chosen_one_is_played(two_tracks: Path, out: Path) -> None:
    media = media_of(two_tracks)
    other = media.model_copy(update={"audio": media.audio.model_copy(update={"index": 2})})
    made = played(other, out)
    assert (made.made, made.reason) == ("repacked", "it holds several pictures or sounds")
    with av.open(str(out / made.file)) as container:
        assert [stream.rate for stream in container.streams.audio] == [44100]


def test_sound_that_browsers_do_not_play_becomes_m4a(tmp_path: Path, out: Path) -> None:
    made = played(recording(tmp_path / "a.aiff", *TONE), out)
    assert (made.file, made.made) == ("ep.web.m4a", "encoded")
    assert unplayable(media_of(out / made.file)) == ""


def test_sound_that_m4a_cannot_hold_is_encoded_for_it(tmp_path: Path, out: Path) -> None:
    made = played(recording(tmp_path / "a.mka", *TONE, "-c:a", "libmp3lame"), out)
    assert (made.file, made.made) == ("ep.web.m4a", "encoded")
    assert unplayable(media_of(out / made.file)) == ""


def test_a_copy_can_play_before_it_is_loaded(tmp_path: Path, out: Path) -> None:
    made = played(recording(tmp_path / "a.mkv", *PICTURE, "-pix_fmt", "yuv420p"), out)
    data = (out / made.file).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_copy_is_the_same_every_time(tmp_path: Path, out: Path) -> None:
    media = recording(tmp_path / "a.avi", *PICTURE, *TONE)
    first = (out / played(media, out).file).read_bytes()
    assert (out / played(media, out).file).read_bytes() == first


def test_a_recording_that_went_away_is_named(tmp_path: Path, out: Path) -> None:
    media = recording(tmp_path / "a.mp3", *TONE)
    Path(media.path).unlink()
    with pytest.raises(UnreadableMedia, match=r"a\.mp3"):
        played(media, out)


def test_a_recording_that_cannot_be_decoded_is_named_with_ffmpegs_words(tmp_path: Path, out: Path) -> None:
    media = recording(tmp_path / "a.avi", *PICTURE, *TONE)
    Path(media.path).write_bytes(b"nothing")
    with pytest.raises(ToolFailed, match=r"a\.avi.*ffmpeg failed"):
        played(media, out)


def test_names_with_odd_characters_are_only_names(tmp_path: Path, out: Path) -> None:
    media = recording(tmp_path / "a%d [ö] ' : _.avi", *TONE, "-c:a", "mp2")
    assert played(media, out).file == "ep.web.m4a"
