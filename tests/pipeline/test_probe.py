import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline import ffmpeg
from pipeline.errors import UnreadableMedia
from pipeline.probe import is_recording, probe

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=1")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")

type Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(name, *arguments)` has ffmpeg make a file."""

    def made(name: str, *arguments: str) -> Path:
        path = tmp_path / name
        ffmpeg.run([*arguments, str(path)], length=1, report=lambda share: None)
        return path

    return made


def test_a_plain_recording_is_taken_down(tone: Path):
    media = probe(tone)
    assert media.duration == pytest.approx(3.0, abs=0.1)
    assert media.video
    assert media.audio
    assert (media.video.codec, media.video.width, media.video.height) == ("h264", 320, 180)
    assert (media.video.fps, media.video.pixel_format, media.video.rotation) == (25, "yuv420p", 0)
    assert (media.audio.codec, media.audio.sample_rate, media.audio.channels) == ("aac", 48000, 1)


def test_a_recording_without_sound_has_no_audio(silent_video: Path):
    media = probe(silent_video)
    assert media.audio is None
    assert media.video


def test_a_recording_without_picture_has_no_video(silence: Path):
    media = probe(silence)
    assert media.video is None
    assert media.audio


def test_of_two_tracks_the_default_one_is_taken(two_tracks: Path):
    audio = probe(two_tracks).audio
    assert audio
    assert (audio.sample_rate, audio.language) == (44100, "eng")


def test_of_two_pictures_the_largest_is_taken(make: Make):
    large = ("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=1")
    video = probe(make("two.mp4", *PICTURE, *large, "-map", "0", "-map", "1", *H264)).video
    assert video
    assert (video.index, video.width) == (1, 640)


@pytest.mark.parametrize(("anticlockwise", "clockwise"), [(90, 270), (180, 180), (270, 90), (-90, 90)])
def test_a_turned_picture_is_measured_as_shown(make: Make, anticlockwise: int, clockwise: int):
    plain = make("plain.mp4", *PICTURE, *H264)
    turned = make("turned.mp4", "-display_rotation:v:0", str(anticlockwise), "-i", str(plain), "-c", "copy")
    video = probe(turned).video
    assert video
    assert video.rotation == clockwise
    assert (video.width, video.height) == ((320, 180) if clockwise == 180 else (180, 320))


def test_wide_pixels_are_measured_as_shown(make: Make):
    video = probe(make("pal.mp4", *PICTURE, "-vf", "scale=720:576,setsar=64/45", *H264)).video
    assert video
    assert (video.width, video.height) == (1024, 576)


def test_a_variable_frame_rate_is_given_as_its_average(make: Make):
    drop = ("-vf", "select='lt(n,10)+not(mod(n,5))'", "-fps_mode", "vfr")
    video = probe(make("vfr.mp4", *PICTURE, *drop, *H264)).video
    assert video
    assert 10 < video.fps < 20


@pytest.mark.parametrize("size", ["321x181", "17x33"])
def test_odd_sizes_are_taken_as_they_are(make: Make, size: str):
    odd = ("-f", "lavfi", "-i", f"testsrc=size={size}:rate=10:duration=1", "-pix_fmt", "yuv444p")
    video = probe(make("odd.mp4", *odd, "-c:v", "libx264")).video
    assert video
    assert f"{video.width}x{video.height}" == size


def test_hevc_with_ten_bits_is_read(make: Make):
    arguments = (*PICTURE, "-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le")
    video = probe(make("ten.mp4", *arguments)).video
    assert video
    assert (video.codec, video.pixel_format) == ("hevc", "yuv420p10le")


@pytest.mark.parametrize(
    "name", ['it\'s "quoted" [1].mp4', "Gespräch – 日本 🎙.mp4", "a:b %03d.mp4", "-i.mp4", " space .mp4"]
)
def test_any_name_works(tone: Path, tmp_path: Path, name: str):
    strange = tmp_path / name
    strange.write_bytes(tone.read_bytes())
    assert probe(strange).path == str(strange)


def test_a_relative_name_with_a_colon_is_a_file(tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "http:x.mp4").write_bytes(tone.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe(Path("http:x.mp4")).video


def test_cover_art_is_no_picture(make: Make):
    art = make("art.png", *PICTURE, "-frames:v", "1")
    covered = make(
        "cover.mp3", *SOUND, "-i", str(art), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "16"
    )
    assert probe(covered).video is None


def test_motion_jpeg_is_a_picture(make: Make):
    video = probe(make("camera.avi", *PICTURE, "-c:v", "mjpeg")).video
    assert video
    assert video.codec == "mjpeg"


def test_a_raw_stream_gets_its_length_from_its_packets(make: Make):
    raw = make("raw.h264", *PICTURE, *H264, "-f", "h264")
    assert probe(raw).duration == pytest.approx(1.0, abs=0.1)


def test_a_live_recording_without_a_stated_length_is_measured(make: Make):
    live = make("live.mkv", *PICTURE, *SOUND, *H264, "-c:a", "aac", "-f", "matroska", "-live", "1")
    assert probe(live).duration == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "form", [("cut.mp3", "-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0"), ("raw.aac", "-c:a", "aac")]
)
def test_a_format_that_states_no_length_is_measured_and_not_guessed(make: Make, form: tuple[str, ...]):
    quiet_first = ("-f", "lavfi", "-i", "anoisesrc=duration=20", "-af", "volume=enable='lt(t,10)':volume=0")
    assert probe(make(form[0], *quiet_first, *form[1:])).duration == pytest.approx(20, abs=0.2)


def test_chapters_of_the_recording_are_taken_over(make: Make, tmp_path: Path):
    notes = tmp_path / "chapters.txt"
    notes.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=Opening\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\n"
    )
    chapters = probe(make("c.mkv", *SOUND, "-i", str(notes), "-map", "0", "-map_chapters", "1")).chapters
    assert [(chapter.title, chapter.span.start) for chapter in chapters] == [
        ("Opening", 0.0),
        ("Chapter 2", float(Fraction(2, 5))),
    ]


def test_the_format_is_named_and_not_its_decoder(make: Make):
    audio = probe(make("a.mp3", *SOUND)).audio
    assert audio
    assert audio.codec == "mp3"


def test_the_content_decides_and_not_the_name(tone: Path, tmp_path: Path):
    unnamed = tmp_path / "recording"
    unnamed.write_bytes(tone.read_bytes())
    assert is_recording(unnamed)


def test_pictures_text_and_playlists_are_no_recordings(make: Make, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("not a recording\n" * 100)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    make("still.png", *PICTURE, "-frames:v", "1")
    make("moving.gif", *PICTURE)
    assert [path.name for path in tmp_path.iterdir() if is_recording(path)] == []


def test_text_in_any_script_is_called_text(tmp_path: Path):
    tale = tmp_path / "tale.mp4"
    tale.write_text("." + "я" * 5000, encoding="utf-8")
    with pytest.raises(UnreadableMedia, match="holds text"):
        probe(tale)


def test_a_playlist_of_recordings_is_refused(make: Make, tmp_path: Path):
    make("part.ts", *PICTURE, *H264)
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXTINF:1.0,\npart.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(UnreadableMedia, match=r"list\.m3u8 is a playlist"):
        probe(tmp_path / "list.m3u8")


def test_libav_says_nothing_on_the_terminal(tmp_path: Path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x20ftypisom" + bytes(500))
    program = "import sys, pathlib, pipeline.probe as p; p.is_recording(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(broken)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
