"""The sound of a recording as a file of samples, read part by part."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import ffmpeg, sound
from pipeline.errors import Cancelled, UnreadableMedia
from pipeline.model import AudioStream, Media, Span

type Make = Callable[..., Media]


def _ignore(share: float) -> None:
    """A report that nobody reads."""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A recording that ffmpeg makes from a filter graph or arguments; its sound is stream `index`."""

    def made(*arguments: str, name: str = "made.wav", index: int = 0) -> Media:
        path = tmp_path / name
        ffmpeg.run([*arguments, str(path)], length=1, report=_ignore)
        return media(path, index)

    return made


def media(path: Path, index: int = 0, duration: float = 3.0) -> Media:
    audio = AudioStream(index=index, codec="any", sample_rate=48000, channels=1)
    return Media(path=str(path), container="any", duration=duration, video=None, audio=audio)


def lavfi(graph: str) -> tuple[str, ...]:
    return "-f", "lavfi", "-i", graph


def _pitch(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 16000 / len(samples))


def test_decoded_sound_is_16_khz_mono_as_long_as_the_recording(make: Make, tmp_path: Path) -> None:
    seen: list[float] = []
    stereo = make(*lavfi("sine=frequency=440:sample_rate=44100:duration=3"), "-ac", "2")
    decoded, notes = sound.decode(stereo, tmp_path / "audio.wav", report=seen.append)
    assert decoded.duration == pytest.approx(3, abs=0.05)
    assert _pitch(decoded.read(Span(start=1, end=2))) == pytest.approx(440, abs=2)
    assert notes == ()
    assert seen == sorted(seen)


@pytest.mark.parametrize(("index", "hertz"), [(1, 440), (2, 880)])
def test_the_chosen_track_is_decoded(two_tracks: Path, tmp_path: Path, index: int, hertz: int) -> None:
    decoded, _ = sound.decode(media(two_tracks, index), tmp_path / "audio.wav", report=_ignore)
    assert _pitch(decoded.read(Span(start=1, end=2))) == pytest.approx(hertz, abs=2)


def test_a_late_sound_track_keeps_its_times(make: Make, tmp_path: Path) -> None:
    picture = lavfi("testsrc2=size=64x64:rate=25:duration=3")
    late = ("-itsoffset", "1", *lavfi("sine=frequency=440:duration=2"))
    recording = make(*picture, *late, "-c:v", "mpeg4", "-c:a", "flac", name="late.mkv", index=1)
    decoded, _ = sound.decode(recording, tmp_path / "audio.wav", report=_ignore)
    assert np.abs(decoded.read(Span(start=0, end=0.9))).max() < 0.001
    assert np.abs(decoded.read(Span(start=1.1, end=2))).max() > 0.1


def test_damaged_sound_is_decoded_as_far_as_it_goes_and_a_note_says_so(make: Make, tmp_path: Path) -> None:
    recording = make(*lavfi("sine=frequency=440:duration=10"), "-c:a", "aac", name="damaged.aac")
    path = Path(recording.path)
    stored = bytearray(path.read_bytes())
    noise = np.random.default_rng(1).bytes(len(stored) // 5)
    stored[len(stored) // 2 : len(stored) // 2 + len(noise)] = noise
    path.write_bytes(stored)
    decoded, notes = sound.decode(recording, tmp_path / "audio.wav", report=_ignore)
    assert decoded.duration > 4
    assert "damaged" in notes[0]


def test_a_file_that_is_no_sound_is_unreadable_and_named(tmp_path: Path) -> None:
    path = tmp_path / "letter.mp3"
    path.write_text("Dear Sir")
    with pytest.raises(UnreadableMedia, match=r"letter\.mp3 cannot be decoded"):
        sound.decode(media(path), tmp_path / "audio.wav", report=_ignore)


def test_a_recording_without_sound_is_not_decoded(tmp_path: Path) -> None:
    silent = media(tmp_path / "picture.mp4").model_copy(update={"audio": None})
    with pytest.raises(UnreadableMedia, match="has no sound"):
        sound.decode(silent, tmp_path / "audio.wav", report=_ignore)


def test_a_cancel_ends_the_decoding(make: Make, tmp_path: Path) -> None:
    recording = make(*lavfi("sine=duration=3"))

    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        sound.decode(recording, tmp_path / "audio.wav", report=cancel)


@pytest.mark.parametrize(("decibels", "silent"), [(-80, True), (-40, False)])
def test_hiss_is_silence_and_a_whisper_is_not(
    make: Make, tmp_path: Path, decibels: int, silent: bool
) -> None:
    level = 10 ** (decibels / 20)
    quiet = make(*lavfi(f"aevalsrc='{level}*sin(440*2*PI*t)':d=2:s=16000"))
    decoded, _ = sound.decode(quiet, tmp_path / "audio.wav", report=_ignore)
    assert decoded.is_silent() is silent


def test_a_part_is_read_alone_and_past_the_end_there_is_nothing(make: Make, tmp_path: Path) -> None:
    decoded, _ = sound.decode(make(*lavfi("sine=duration=3")), tmp_path / "audio.wav", report=_ignore)
    whole = decoded.read(Span(start=0, end=60))
    assert len(whole) == decoded.count
    assert np.array_equal(decoded.read(Span(start=1, end=2)), whole[16000:32000])
    assert len(decoded.read(Span(start=60, end=70))) == 0


def test_a_cut_is_made_in_the_pause(make: Make, tmp_path: Path) -> None:
    pause = "sine=frequency=300:duration=20:sample_rate=16000,volume=0:enable='between(t,12,13)'"
    decoded, _ = sound.decode(make(*lavfi(pause)), tmp_path / "audio.wav", report=_ignore)
    assert 12 < sound.quietest(decoded, near=10, reach=5) < 13


def test_without_a_pause_the_cut_stays_where_it_was_meant(make: Make, tmp_path: Path) -> None:
    steady = make(*lavfi("sine=frequency=400:duration=20:sample_rate=16000"))
    decoded, _ = sound.decode(steady, tmp_path / "audio.wav", report=_ignore)
    assert sound.quietest(decoded, near=10, reach=5) == pytest.approx(10, abs=0.2)
