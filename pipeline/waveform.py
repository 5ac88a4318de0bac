"""The waveform of a recording: how loud it is from one tenth of a second to the next, to be drawn."""

from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnreadableMedia
from pipeline.model import Frozen, Media, Report
from pipeline.probe import opened

PER_SECOND = 10
_FULL = 100


class Waveform(Frozen):
    """The loudest sample of each tenth of a second, 0 to 100 of full scale; nothing at all without sound."""

    per_second: int = PER_SECOND
    peaks: tuple[int, ...] = ()


def waveform(media: Media, report: Report) -> Waveform:
    """Read the sound of `media` once, a fraction of a second at a time; what is damaged counts as silence.

    Raises UnreadableMedia when the recording cannot be opened.
    """
    if media.audio is None:
        return Waveform()
    peaks = np.zeros(round(media.duration * PER_SECOND) + 1, np.uint8)
    read = False
    try:
        with opened(Path(media.path)) as container:
            stream = container.streams.get(media.audio.index)[0]
            start = (container.start_time or 0) / av.time_base
            for packet in container.demux(stream):
                for frame in _decoded(packet):
                    done = _raise(peaks, frame, start)
                    read = True
                    report(min(1.0, max(0.0, done / peaks.size)))
    except (av.FFmpegError, OSError) as error:
        if not read:
            raise UnreadableMedia(f"{media.path} cannot be opened any more: {error}; check it") from error
    return Waveform(peaks=tuple(peaks.tolist()))


def _decoded(packet: Any) -> list[av.AudioFrame]:
    try:
        frames = packet.decode()
    except av.FFmpegError:
        return []
    return [frame for frame in frames if isinstance(frame, av.AudioFrame) and frame.time is not None]


def _raise(peaks: NDArray[np.uint8], frame: av.AudioFrame, start: float) -> float:
    """Raise the peaks that `frame` reaches (of FLAC or TTA, several); return where it ends among them."""
    first = (float(frame.time or 0) - start) * PER_SECOND
    if not frame.samples:
        return first
    levels = _levels(frame)
    length = frame.samples * PER_SECOND / frame.sample_rate
    for place in range(max(0, int(first)), min(peaks.size, ceil(first + length))):
        begin, end = (round((each - first) / length * levels.size) for each in (place, place + 1))
        heard = levels[max(0, begin) : end]
        if heard.size:
            peaks[place] = max(int(peaks[place]), round(_FULL * float(heard.max())))
    return first + length


def _levels(frame: av.AudioFrame) -> NDArray[np.float32]:
    """How far each sample is from silence, 0 to 1 of full scale; what is no number is silence."""
    samples = frame.to_ndarray()
    levels = samples.astype(np.float32)
    if np.issubdtype(samples.dtype, np.unsignedinteger):  # eight bits around 128
        levels -= 128
        levels /= 128
    elif np.issubdtype(samples.dtype, np.integer):
        levels /= 2 ** (8 * samples.itemsize - 1)
    return np.nan_to_num(np.abs(levels)).clip(0, 1).max(axis=0)


def write_waveform(found: Waveform, file: Path) -> None:
    """Write `found` as JSON."""
    file.write_text(found.model_dump_json(), encoding="utf-8")
