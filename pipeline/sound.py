"""The sound of a recording as a file of samples, of which any part can be read alone.

Memory does not grow with the length of the recording: nothing here holds more than a minute of it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import ffmpeg
from pipeline.errors import ToolFailed, UnreadableMedia
from pipeline.model import Media, Report, Seconds, Span
from pipeline.whisper import RATE, Samples

_HEADER = 4096  # bytes in which the WAV header ends
_BLOCK: Seconds = 60.0
_SILENT = 10 ** (-60 / 20)  # of full scale: below it there is hiss at most
_FRAME: Seconds = 0.02
_PAUSE = 15  # frames: 0.3 s, a pause between sentences
_TROUBLE = re.compile(r"error|invalid|corrupt|could not|missing", re.IGNORECASE)


@dataclass(frozen=True)
class Sound:
    """A WAV file of 16 kHz mono 16-bit samples."""

    path: Path
    offset: int
    """Bytes before the first sample."""
    count: int
    """Samples."""

    @property
    def duration(self) -> Seconds:
        return self.count / RATE

    def part(self, span: Span) -> "Sound":
        """The sound of `span`, as far as there is any."""
        first, last = (min(round(time * RATE), self.count) for time in (span.start, span.end))
        return Sound(self.path, self.offset + 2 * first, last - first)

    def samples(self, first: int, last: int) -> Samples:
        """The samples `first` to `last`, of which the second is not included."""
        stored = np.fromfile(self.path, dtype="<i2", count=last - first, offset=self.offset + 2 * first)
        return stored.astype(np.float32) / np.float32(32768)

    def read(self, span: Span) -> Samples:
        """The samples of `span`, as far as there are any."""
        part = self.part(span)
        return part.samples(0, part.count)

    def is_silent(self) -> bool:
        """Whether no sample is louder than -60 dB of full scale."""
        starts = np.arange(0, self.duration, _BLOCK)
        return all(
            np.abs(self.read(Span(start=start, end=start + _BLOCK))).max(initial=0) < _SILENT
            for start in map(float, starts)
        )


def decode(media: Media, target: Path, *, report: Report) -> tuple[Sound, tuple[str, ...]]:
    """Write the sound of `media` to `target`; also what a reader must know of it.

    What is damaged is left out, and gaps become silence, so that every sample keeps its time.
    Raises UnreadableMedia when ffmpeg cannot read the sound at all.
    """
    if media.audio is None:
        raise UnreadableMedia(f"{media.path} has no sound: choose a recording with an audio track")
    taken = ["-max_error_rate", "1", "-i", media.path, "-map", f"0:{media.audio.index}"]
    made = ["-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_s16le"]
    plain = ["-map_metadata", "-1", "-bitexact", "-rf64", "auto", "-f", "wav", str(target)]
    try:
        said = ffmpeg.run(["-v", "error", *taken, *made, *plain], length=media.duration, report=report)
    except ToolFailed as error:
        raise UnreadableMedia(
            f"the sound of {media.path} cannot be decoded ({error}): repair or convert it"
        ) from error
    return open_wav(target), _notes(said)


def open_wav(path: Path) -> Sound:
    """The file that `decode` wrote."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    offset = header.index(b"data") + 8
    return Sound(path, offset, (path.stat().st_size - offset) // 2)


def quietest(sound: Sound, near: Seconds, reach: Seconds) -> Seconds:
    """The middle of the quietest 0.3 s at most `reach` from `near`; of equals the one nearest to it."""
    low = max(0.0, near - reach)
    samples = sound.read(Span(start=low, end=near + reach))
    size = round(_FRAME * RATE)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    if len(frames) < _PAUSE:
        return near
    loudness = np.convolve(np.square(frames).mean(axis=1), np.ones(_PAUSE) / _PAUSE, mode="valid")
    middles = low + (np.arange(len(loudness)) + _PAUSE / 2) * _FRAME
    decibels = 10 * np.log10(loudness + 1e-7).round(7)
    distance = np.abs(middles - near) / max(reach, _FRAME)
    return float(round(middles[np.argmin(decibels + distance)], 3))


def _notes(said: str) -> tuple[str, ...]:
    if not any(_TROUBLE.search(line) for line in said.splitlines()):
        return ()
    return ("parts of the sound are damaged; what could be decoded was transcribed",)
