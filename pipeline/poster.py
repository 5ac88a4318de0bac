"""A telling picture of a recording: of several moments the sharpest that is neither dark nor bleached."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipeline import ffmpeg
from pipeline.errors import ToolFailed, UnreadableMedia
from pipeline.model import Media, Report, Seconds, VideoStream
from pipeline.probe import opened

_WIDEST = 1280
_LOOKED_AT = 12
_SAMPLE_WIDTH = 320


def poster(media: Media, *, out: Path, report: Report) -> Path | None:
    """Write `out/poster.jpg`, 1280 pixels wide and high at most, upright; none without a usable picture.

    Looked at are frames at twelve places spread over the recording.
    """
    if media.video is None:
        return None
    moments = [(place + 0.3) / (_LOOKED_AT + 0.2) * media.duration for place in range(_LOOKED_AT)]
    best = _best(media.path, media.video, moments, report)
    if best is None:
        return None
    target = out / "poster.jpg"
    fit = f"scale=w='min(iw,{_WIDEST})':h='min(ih,{_WIDEST})':force_original_aspect_ratio=decrease"
    square = f"scale=iw*sar:ih,setsar=1,{fit}"
    picture = ["-map", f"0:{media.video.index}", "-frames:v", "1", "-vf", square]
    form = [
        "-c:v",
        "mjpeg",
        "-q:v",
        "3",
        "-pix_fmt",
        "yuvj420p",
        "-flags",
        "+bitexact",
        "-map_metadata",
        "-1",
    ]
    still = ["-i", f"file:{media.path}", *picture, *form, "-update", "1", str(target)]
    # where a container cannot seek, its first picture has to do
    for seek in (["-ss", f"{max(best - 0.001, 0):.3f}"], []):
        with contextlib.suppress(ToolFailed):
            ffmpeg.run([*seek, *still], length=0, report=lambda _: report(0.9))
        if target.is_file() and target.stat().st_size:
            return target
    target.unlink(missing_ok=True)
    return None


def telling(picture: NDArray[Any]) -> float:
    """How much a grey picture (height × width, 0..255) shows: sharp edges and a wide range of light.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al. 2000), damped so that noise and
    text do not win by far; a picture that is nearly black, white or flat gets close to nothing.
    """
    light = picture.astype(np.float64)
    edges = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:] - 4 * light[1:-1, 1:-1]
    sharpness = np.log1p(edges.var())
    exposure = max(0.0, 1 - abs(light.mean() - 118) / 118)
    return float(sharpness * exposure * min(light.std() / 50, 1.0))


def _best(path: str, video: VideoStream, moments: Sequence[Seconds], report: Report) -> Seconds | None:
    """The time of the most telling frame; on equal terms the earlier one."""
    scored: dict[Seconds, float] = {}
    try:
        with opened(Path(path)) as container:
            stream = container.streams.get(video.index)[0]
            for number, moment in enumerate(moments):
                report(0.8 * number / len(moments))
                scored.update(_look(container, stream, moment))
    except (av.FFmpegError, OSError, UnreadableMedia):
        return max(scored, key=lambda time: scored[time], default=None)
    return max(scored, key=lambda time: scored[time], default=None)


def _look(container: Any, stream: Any, moment: Seconds) -> Iterable[tuple[Seconds, float]]:
    """Time and score of the first frame that decodes from the keyframe before `moment`.

    Where the container cannot seek, it is the next frame.
    """
    clock_at_start = (container.start_time or 0) / av.time_base
    with contextlib.suppress(av.FFmpegError):
        container.seek(int((clock_at_start + moment) / stream.time_base), stream=stream)
    try:
        frame = next(container.decode(stream), None)
    except (av.FFmpegError, ValueError):
        return []
    if frame is None or frame.time is None:
        return []
    since_start = frame.time - clock_at_start
    height = max(round(_SAMPLE_WIDTH * frame.height / frame.width), 16)
    return [(since_start, telling(frame.reformat(_SAMPLE_WIDTH, height, "gray").to_ndarray()))]
