import math
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.loudness import SAMPLE_RATE, Loudness, gain_for, loudness_from, measure, sound_track
from pipeline.model import AudioStream, Media, Span

SPAN = Span(start=1.0, end=5.0)


def _recording(path: Path, level: float, channels: int = 1, rate: int = 16_000) -> Media:
    """Six seconds of noise that comes and goes like syllables, with peaks far above it."""
    generator = np.random.default_rng(7)
    time = np.arange(6 * rate) / rate
    envelope = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1) ** 2 * (0.6 + 0.4 * np.sin(2 * np.pi * 0.4 * time))
    samples = level * envelope * generator.standard_normal(len(time)) * 0.25
    samples[:: rate // 3] = level
    stored = np.clip(np.repeat(samples, channels) * 32767, -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(stored.tobytes())
    audio = AudioStream(index=0, codec="pcm_s16le", sample_rate=rate, channels=channels)
    return Media(path=str(path), container="wav", duration=6, video=None, audio=audio)


def _silent(_: float) -> None:
    pass


@pytest.mark.parametrize("level", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("target", [-14.0, -23.0])
def test_quiet_and_loud_speech_come_out_at_the_target(tmp_path: Path, level: float, target: float):
    media = _recording(tmp_path / "speech.wav", level)
    sound = sound_track(media, SPAN, target, folder=tmp_path, report=_silent)
    made = measure(sound, SPAN, _silent)
    assert made.integrated == pytest.approx(target, abs=1.0)
    assert made.true_peak <= -1.0


def test_the_track_is_stereo_at_48_khz_and_as_long_as_the_span(tmp_path: Path):
    media = _recording(tmp_path / "speech.wav", 0.3)
    sound = sound_track(media, SPAN, -14, folder=tmp_path, report=_silent)
    with av.open(str(sound)) as made:
        stream = made.streams.audio[0]
        samples = sum(frame.samples for frame in made.decode(stream))
        assert (stream.rate, stream.channels) == (SAMPLE_RATE, 2)
    assert samples / SAMPLE_RATE == pytest.approx(SPAN.duration, abs=0.03)


def test_the_sound_stays_where_it_was_in_time(tmp_path: Path):
    path = tmp_path / "click.wav"
    media = _recording(path, 0.0)
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").copy()
    samples[3 * 16_000 : 3 * 16_000 + 160] = 20_000
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())
    sound = sound_track(media, SPAN, -14, folder=tmp_path, report=_silent)
    with av.open(str(sound)) as made:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in made.decode(audio=0)])
    loud = np.flatnonzero(np.abs(heard) > 0.1)
    assert loud[0] / SAMPLE_RATE == pytest.approx(2.0, abs=0.005)


def test_silence_stays_silent(tmp_path: Path):
    media = _recording(tmp_path / "silence.wav", 0.0)
    sound = sound_track(media, SPAN, -14, folder=tmp_path, report=_silent)
    assert measure(sound, SPAN, _silent).integrated <= -70


def test_noise_that_nobody_hears_is_not_blown_up(tmp_path: Path):
    media = _recording(tmp_path / "hiss.wav", 0.001)
    sound = sound_track(media, SPAN, -14, folder=tmp_path, report=_silent)
    assert measure(sound, SPAN, _silent).integrated < -50


def test_a_recording_without_sound_gets_a_silent_track(tmp_path: Path):
    media = Media(path="film.mp4", container="mp4", duration=9, video=None, audio=None)
    sound = sound_track(media, SPAN, -14, folder=tmp_path, report=_silent)
    with av.open(str(sound)) as made:
        samples = sum(frame.samples for frame in made.decode(audio=0))
    assert samples / SAMPLE_RATE == pytest.approx(SPAN.duration, abs=0.03)


def test_progress_never_goes_back_and_never_passes_one(tmp_path: Path):
    seen: list[float] = []
    media = _recording(tmp_path / "speech.wav", 0.2)
    sound_track(media, SPAN, -14, folder=tmp_path, report=seen.append)
    assert seen == sorted(seen)
    assert 0.5 < max(seen) <= 1


@pytest.mark.parametrize(
    ("integrated", "gain"), [(-23.0, 9.0), (-9.0, -5.0), (-49.0, 30.0), (-51.0, 0.0), (-math.inf, 0.0)]
)
def test_the_gain_goes_to_the_target_within_reason(integrated: float, gain: float):
    assert gain_for(Loudness(integrated=integrated, true_peak=-1), -14) == pytest.approx(gain)


@pytest.mark.parametrize("said", ["", "I: nan LUFS\nPeak: nan dBFS", "I: -inf LUFS\nPeak: -inf dBFS"])
def test_a_meter_that_heard_nothing_means_silence(said: str):
    assert loudness_from(said) == Loudness(integrated=-math.inf, true_peak=-math.inf)
