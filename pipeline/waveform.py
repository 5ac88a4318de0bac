"""The waveform of a recording: how loud it is from one tenth of a second to the next, to be drawn."""

from itertools import repeat
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.errors import UnreadableMedia
from pipeline.model import Frozen, Media, Report

PER_SECOND = 10
_FULL = 100


class Waveform(Frozen):
    """The loudest sample of each tenth of a second, 0 to 100 of full scale; none without sound."""

    per_second: int = PER_SECOND
    peaks: tuple[int, ...] = ()


def waveform(media: Media, report: Report) -> Waveform:
    """Read the sound of `media` once, a fraction of a second at a time; what is damaged counts as silence.

    Raises UnreadableMedia when the recording cannot be opened.
    """
    if media.audio is None:
        return Waveform()
    peaks: list[int] = []
    try:
        with av.open(media.path) as container:
            stream = container.streams.get(media.audio.index)[0]
            start = (container.start_time or 0) / av.time_base
            for packet in container.demux(stream):
                _add(packet, start, peaks)
                if packet.pts is not None and media.duration:
                    report(min(1.0, len(peaks) / PER_SECOND / media.duration))
    except (av.FFmpegError, OSError) as error:
        if not peaks:
            raise UnreadableMedia(f"{media.path} cannot be opened any more: {error}; check it") from error
    return Waveform(peaks=tuple(peaks[: round(media.duration * PER_SECOND) + 1]))


def _add(packet: Any, start: float, peaks: list[int]) -> None:
    """Raise the peaks by what is in `packet`; frames are shorter than a tenth of a second."""
    try:
        frames = packet.decode()
    except av.FFmpegError:
        return
    for frame in frames:
        if not isinstance(frame, av.AudioFrame) or frame.time is None:
            continue
        place = max(0, int((frame.time - start) * PER_SECOND))
        peaks.extend(repeat(0, place + 1 - len(peaks)))
        peaks[place] = max(peaks[place], _loudest(frame))


def _loudest(frame: av.AudioFrame) -> int:
    samples = frame.to_ndarray()
    if not samples.size:
        return 0
    if np.issubdtype(samples.dtype, np.unsignedinteger):  # eight bits around 128
        samples = samples.astype(np.int16) - 128
        full = 128.0
    else:
        full = float(2 ** (8 * samples.itemsize - 1)) if np.issubdtype(samples.dtype, np.integer) else 1.0
    loudest = max(float(samples.max()), -float(samples.min()))
    return min(_FULL, round(_FULL * loudest / full))


def write_waveform(found: Waveform, file: Path) -> None:
    """Write `found` as JSON."""
    file.write_text(found.model_dump_json(), encoding="utf-8")
