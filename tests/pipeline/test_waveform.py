from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import ffmpeg, probe
from pipeline.errors import UnreadableMedia
from pipeline.model import Media
from pipeline.waveform import _raise, waveform


def made(path: Path, *arguments: str) -> Media:
    ffmpeg.run([*arguments, str(path)], length=6, report=lambda share: None)
    return probe.probe(path)


def peaks(media: Media) -> tuple[int, ...]:
    return waveform(media, lambda share: None).peaks


@pytest.mark.parametrize("form", ["wav", "m4a", "mp3", "flac", "wv", "tta", "ogg", "mka"])
@pytest.mark.parametrize("rate", [44100, 16000, 8000])
def test_a_tone_between_silences_is_seen_where_it_is_heard(tmp_path: Path, form: str, rate: int):
    tone = f"aevalsrc='if(between(t,2,4),0.5*sin(440*2*PI*t),0)':d=6:s={rate}"
    found = peaks(made(tmp_path / f"a.{form}", "-f", "lavfi", "-i", tone))
    assert 59 <= len(found) <= 63  # an MP3 counts its padding
    assert max(found[:18]) <= 2
    assert all(40 <= each <= 60 for each in found[22:38])
    assert max(found[43:]) <= 2


def test_a_sample_that_is_no_number_counts_as_silence_and_an_endless_one_as_full(tmp_path: Path):
    samples = np.full(6 * 8000, 0.5, np.float32)
    samples[12_000], samples[20_000] = np.nan, np.inf
    raw = tmp_path / "raw.f32"
    raw.write_bytes(samples.tobytes())
    form = ("-f", "f32le", "-ar", "8000", "-ac", "1", "-i", str(raw), "-c:a", "pcm_f32le")
    found = peaks(made(tmp_path / "odd.wav", *form))
    assert found[15] == 50
    assert found[25] == 100


def test_a_packet_with_a_wild_time_adds_nothing(tmp_path: Path):
    jump = ("-f", "lavfi", "-i", "sine=d=2", "-bsf:a", "setts=pts='if(eq(N,20),PTS*100000,PTS)'")
    media = made(tmp_path / "wild.mkv", *jump, "-c:a", "aac").model_copy(update={"duration": 2.0})
    found = peaks(media)
    assert len(found) == 21
    assert min(found[6:18]) > 5


def test_a_frame_without_a_sample_changes_nothing():
    found, empty = np.zeros(10, np.uint8), av.AudioFrame("flt", "mono", 0)
    empty.sample_rate, empty.pts, empty.time_base = 8000, 2680, Fraction(1, 8000)
    assert _raise(found, empty, 0.0) == pytest.approx(3.35)
    assert not found.any()


def test_a_recording_that_starts_late_has_its_sound_at_its_beginning(tmp_path: Path):
    late = ["-f", "lavfi", "-i", "sine=d=2", "-output_ts_offset", "100"]
    found = peaks(made(tmp_path / "late.ts", *late, "-c:a", "aac"))
    assert len(found) <= 22
    assert min(found[2:15]) > 5


def test_without_sound_there_is_none(silent_video: Path):
    assert peaks(probe.probe(silent_video)) == ()


def test_a_recording_that_has_gone_is_told(tone: Path, tmp_path: Path):
    media = probe.probe(tone).model_copy(update={"path": str(tmp_path / "gone.mp4")})
    with pytest.raises(UnreadableMedia, match=r"gone\.mp4"):
        waveform(media, lambda share: None)


def test_progress_grows(tone: Path):
    seen: list[float] = []
    waveform(probe.probe(tone), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] > 0.9
