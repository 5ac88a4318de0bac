"""What damaged, odd and hostile files get: either they work, or one sentence says why not."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import ffmpeg
from pipeline.discover import examine, scan
from pipeline.errors import UnreadableMedia
from pipeline.model import Source
from pipeline.probe import probe

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")
CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
KEYS = (
    "-encryption_key",
    "76a6c65c5ea762046bd749a2e632ccbb",
    "-encryption_kid",
    "a7e61c373e219033c21091fa607bf3b8",
)


def ignore(share: float) -> None:
    """A report that nobody reads."""


def made(path: Path, *arguments: str) -> Path:
    ffmpeg.run([*arguments, str(path)], length=2, report=ignore)
    return path


def cut(path: Path, source: Path, share: float) -> Path:
    content = source.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    return path


def empty(folder: Path) -> Path:
    (folder / "bad.mp4").touch()
    return folder / "bad.mp4"


def text(folder: Path) -> Path:
    (folder / "bad.mp4").write_text("Dear all, the recording follows tomorrow.\n" * 20)
    return folder / "bad.mp4"


def noise(folder: Path) -> Path:
    (folder / "bad.mp4").write_bytes(random.Random(1).randbytes(50_000))
    return folder / "bad.mp4"


def without_its_index(folder: Path) -> Path:
    return cut(folder / "bad.mp4", made(folder / "whole.mp4", *PICTURE, *SOUND, *CODECS), 0.5)


def with_little_more_than_its_index(folder: Path) -> Path:
    whole = made(folder / "whole.mp4", *PICTURE, *CODECS, "-movflags", "faststart")
    return cut(folder / "bad.mp4", whole, 0.02)


def encrypted(folder: Path) -> Path:
    return made(folder / "bad.mp4", *PICTURE, *SOUND, *CODECS, "-encryption_scheme", "cenc-aes-ctr", *KEYS)


def picture(folder: Path) -> Path:
    jpeg = made(folder / "still.jpg", *PICTURE, "-frames:v", "1")
    return jpeg.rename(folder / "bad.mp4")


def subtitles(folder: Path) -> Path:
    (folder / "lines.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    return made(folder / "bad.mp4", "-i", str(folder / "lines.srt"), "-c:s", "mov_text")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (empty, "is empty (0 bytes): copy it again"),
        (text, "holds text, not sound or picture: check what was saved under this name"),
        (noise, "is not in a format that ffmpeg knows: convert it to MP4, MKV, MP3 or WAV"),
        (without_its_index, "is cut off (its index, the moov atom, is missing): copy or export it again"),
        (
            with_little_more_than_its_index,
            "is damaged (h264 that cannot be decoded): copy or export it again",
        ),
        (encrypted, "is encrypted: export it without copy protection"),
        (picture, "is a picture, not a recording: give the video or the sound file"),
        (subtitles, "has no sound and no moving picture: check what was exported"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_cannot_be_used_gets_one_sentence(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
):
    bad = make(tmp_path)
    with pytest.raises(UnreadableMedia) as caught:
        probe(bad)
    said = str(caught.value)
    assert str(bad) in said
    assert said.endswith(reason)
    assert "\n" not in said


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UnreadableMedia, match=r"gone\.mp4 cannot be read: No such file or directory"):
        probe(tmp_path / "gone.mp4")


def test_a_folder_is_no_recording(tmp_path: Path):
    with pytest.raises(UnreadableMedia, match="cannot be read: Is a directory"):
        probe(tmp_path)


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mp4"])
def test_what_is_left_of_a_cut_off_recording_works(tmp_path: Path, name: str):
    whole = made(tmp_path / f"whole-{name}", *PICTURE, *SOUND, *CODECS, "-movflags", "faststart")
    media = probe(cut(tmp_path / name, whole, 0.6))
    assert media.video
    assert media.audio


def test_a_recording_with_damage_in_the_middle_works(tmp_path: Path, tone: Path):
    content = bytearray(tone.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 2000] = bytes(2000)
    (tmp_path / "hurt.mp4").write_bytes(content)
    assert probe(tmp_path / "hurt.mp4").duration == pytest.approx(3.0, abs=0.1)


def test_a_bad_file_leaves_no_source_behind(tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UnreadableMedia):
        examine(noise(tmp_path), out=out, report=ignore)
    assert not list(out.iterdir())


# What ../shared/media/bad holds: (width, height, rotation) of the picture, sample rate of the sound, seconds
WORKING = {
    "audio_only.mov": (None, 44100, 10.44),
    "av1_video.mkv": ((640, 360, 0), None, 5.0),
    "bad_container.mkv": ((480, 270, 0), 48000, 5.0),
    "chapters_auphonic.m4a": (None, 44100, 10.05),
    "chapters_mp3chaps.mp3": (None, 44100, 12.17),
    "corrupted.mp4": ((1280, 720, 0), None, 5.0),
    "cursed-vfr.mp4": ((3026, 1386, 0), None, 8.73),
    "failing_audio.mp4": ((640, 360, 0), 44100, 11.23),
    "h265_10bits.mp4": ((200, 200, 0), None, 1.0),
    "no_timescale.mp4": ((320, 240, 0), None, 6.04),
    "portrait_rotated_phone.MOV": ((320, 568, 90), 44100, 2.07),
    "rotation_270.mov": ((320, 568, 270), None, 0.1),
    "rotation_90.mov": ((320, 568, 90), None, 0.1),
    "silent_audio.mp4": (None, 8000, 60.0),
    "te[s]t_ video ' _ .flv": ((320, 240, 0), None, 1.88),
    "video_only.mov": ((640, 480, 0), None, 10.44),
}
REFUSED = {
    "broken_truncated.mp4": "cut off",
    "chunk_out_of_range.mp4": "damaged",
    "nostreams.mp4": "no sound and no moving picture",
    "not_a_video.mp4": "cut off",
    "zero_byte.mp4": "empty",
}


@pytest.mark.real
@pytest.mark.parametrize("name", WORKING)
def test_an_odd_real_file_works(media: Path, name: str):
    shape, sample_rate, seconds = WORKING[name]
    found = probe(media / "bad" / name)
    video, audio = found.video, found.audio
    assert (video and (video.width, video.height, video.rotation)) == shape
    assert (audio and audio.sample_rate) == sample_rate
    assert found.duration == pytest.approx(seconds, abs=0.01)
    assert video is None or 1 <= video.fps <= 60


@pytest.mark.real
@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_real_file_is_refused(media: Path, name: str):
    with pytest.raises(UnreadableMedia, match=REFUSED[name]):
        probe(media / "bad" / name)


@pytest.mark.real
def test_every_bad_real_file_is_accounted_for(media: Path):
    assert {path.name for path in (media / "bad").iterdir()} == {*WORKING, *REFUSED}


@pytest.mark.real
def test_chapters_of_real_podcasts_are_read(media: Path):
    chapters = probe(media / "bad" / "chapters_auphonic.m4a").chapters
    assert len(chapters) == 4
    assert chapters[0].title.startswith("Chapter 1")


@pytest.mark.real
def test_every_other_real_recording_is_examined(media: Path, tmp_path: Path):
    found = [path for path in scan([media], stable=0).ready if path.parent.name != "bad"]
    sources = [examined(path, tmp_path) for path in found]
    assert len(sources) == 27
    assert all(source.media.duration > 1 for source in sources)
    assert sum(source.media.audio is None for source in sources) == 2


@pytest.mark.real
def test_of_several_streams_the_largest_picture_and_the_first_sound_are_taken(media: Path):
    found = probe(media / "video" / "nasa_13013_multistream.mp4")
    assert found.video
    assert found.audio
    assert (found.video.index, found.audio.index) == (3, 1)


def examined(path: Path, folder: Path) -> Source:
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "out").mkdir()
    return examine(path, out=folder / "out", report=ignore)
