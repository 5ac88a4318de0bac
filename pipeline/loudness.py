"""Loudness: a stretch of a recording as a sound track that is as loud as platforms play.

EBU R 128 and ITU-R BS.1770 measure it. The gain is one number for the whole stretch, so quiet and loud
passages keep their relation; only where peaks would clip, a limiter at four times the sample rate holds
them. What comes of it is measured, because the limiter takes away from it, and corrected when it is off.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline import ffmpeg
from pipeline.model import Frozen, Media, Report, Span

SAMPLE_RATE = 48_000
_PEAK = -2.0  # dBTP before AAC: encoded clips then stay below −1 (OpenShorts: 14 of 14 clips)
_SILENT = -50.0  # LUFS below which there is nothing but noise, which stays as it is
_MOST_GAIN = 30.0
_CLOSE_ENOUGH = 0.3  # LU
_TRIES = 3
_PRIMING = 1024  # samples that ffmpeg's AAC encoder puts before the first
_METER = "ebur128=peak=true:framelog=quiet"


class Loudness(Frozen):
    """What a meter says of a stretch: LUFS (−70 or less for silence), and the true peak in dBTP."""

    integrated: float
    true_peak: float

    @property
    def is_silence(self) -> bool:
        """Nothing, or nothing but noise."""
        return self.integrated < _SILENT


def sound_track(
    media: Media, span: Span, target: float, *, folder: Path, report: Report, seeks: bool = True
) -> Path:
    """Write `folder/sound.aac`: AAC, 48 kHz stereo, 192 kbit/s, `span` of `media` at `target` LUFS.

    Without `seeks` the recording is read from its beginning: ffmpeg goes by the picture, and misses the sound
    of a time at which there is none.
    It is as long as `span`, and in step with the picture without an edit list: the first 21 ms are given
    to the encoder's priming. A recording without sound gives silence, and so does silence.
    Raises ToolFailed.
    """
    raw, encoded = folder / "sound.wav", folder / "sound.aac"
    loudness = _extract(media, span, raw, lambda share: report(share / 2), seeks=seeks)
    gain = gain_for(loudness, target)
    for number in range(_TRIES):
        limits = loudness.true_peak + gain > _PEAK
        made = _encode(raw, encoded, gain, limits, span, _part(report, number))
        if gain == 0.0 or abs(made.integrated - target) <= _CLOSE_ENOUGH:
            break
        gain = min(gain + target - made.integrated, _MOST_GAIN)
    return encoded


def _part(report: Report, number: int) -> Report:
    """Of the second half of the work, the part of one try."""
    return lambda share: report(0.5 + (number + share) / (2 * _TRIES))


def gain_for(loudness: Loudness, target: float) -> float:
    """Decibels that bring `loudness` to `target`; none for what is silent or nothing but noise."""
    if loudness.is_silence:
        return 0.0
    return min(target - loudness.integrated, _MOST_GAIN)


def measure(path: Path, span: Span, report: Report) -> Loudness:
    """The loudness of the sound in the file `path`, which is as long as `span`."""
    said = ffmpeg.run(
        ["-i", _url(path), "-map", "0:a", "-af", _METER, "-f", "null", "-"],
        length=span.duration,
        report=report,
    )
    return loudness_from(said)


def loudness_from(said: str) -> Loudness:
    """What ffmpeg's `ebur128` wrote at its end, as numbers."""
    integrated, peak = re.findall(r"\bI: +(\S+) LUFS", said), re.findall(r"\bPeak: +(\S+) dBFS", said)
    return Loudness(integrated=_number(integrated), true_peak=_number(peak))


def _number(found: Sequence[str]) -> float:
    value = float(found[-1]) if found else -math.inf
    return -math.inf if math.isnan(value) else value


def _extract(media: Media, span: Span, to: Path, report: Report, *, seeks: bool) -> Loudness:
    """The stretch as plain samples, measured on the way: the only time the recording's sound is read."""
    exactly = f"apad,atrim=duration={span.duration:.3f}"
    whole = media.audio and not seeks
    part = f"atrim={span.start:.3f}:{span.end:.3f},asetpts=PTS-{span.start:.3f}/TB," if whole else ""
    stereo = f"aresample={SAMPLE_RATE}:async=1:first_pts=0,aformat=channel_layouts=stereo"
    filters = f"{part}{stereo},{exactly},{_METER}"
    said = ffmpeg.run(
        [*_sound_of(media, span if seeks else None), "-af", filters, "-c:a", "pcm_f32le", str(to)],
        length=span.duration,
        report=report,
    )
    return loudness_from(said)


def _sound_of(media: Media, span: Span | None) -> list[str]:
    if media.audio is None:
        return ["-f", "lavfi", "-i", f"anullsrc=r={SAMPLE_RATE}:cl=stereo"]
    part = ["-ss", f"{span.start:.3f}", "-t", f"{span.duration:.3f}"] if span else []
    return [*part, "-i", _url(Path(media.path)), "-map", f"0:{media.audio.index}"]


def _encode(raw: Path, to: Path, gain: float, limits: bool, span: Span, report: Report) -> Loudness:
    """Write `to`, and say how loud that is before AAC, which changes it by less than 0.1 LU."""
    filters = f"volume={gain:.2f}dB{_limiter() if limits else ''},atrim=start_sample={_PRIMING}"
    said = ffmpeg.run(
        ["-i", _url(raw), "-af", f"{filters},ebur128=framelog=quiet", "-c:a", "aac", "-b:a", "192k", str(to)],
        length=span.duration,
        report=report,
    )
    return loudness_from(said)


def _limiter() -> str:
    """Takes most of the time that a sound track takes."""
    ceiling = f"alimiter=limit={10 ** (_PEAK / 20):.4f}:attack=2:release=60:level=0:latency=1"
    return f",aresample={4 * SAMPLE_RATE},{ceiling},aresample={SAMPLE_RATE}"


def _url(path: Path) -> str:
    """`path` so that ffmpeg takes nothing in it for a protocol, a pattern or an option."""
    return f"file:{path.resolve()}"
