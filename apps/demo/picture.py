"""The demo's moving picture: who is in shot when, and the frames as raw YUV 4:2:0.

Few frames are really drawn: a picture is remembered by everything that can change in it.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from apps.demo import drawing
from apps.demo.talk import Role
from apps.demo.voices import END, TITLE, Turn
from pipeline.model import Report, Seconds

WIDTH, HEIGHT, FPS = drawing.WIDTH, drawing.HEIGHT, 25
_OPENING: Seconds = 4.0  # how long the two of them are shown before the first cut
_MOUTHS = (0.02, 0.06, 0.12)  # RMS from which the mouth opens by one more step
_REMEMBERED = 200  # pictures, at 1.4 MB each
_BLINK_EVERY: dict[Role, int] = {"host": 83, "guest": 101}  # frames; people blink about every 4 s
_SWAYS_EVERY: dict[Role, Seconds] = {"host": 5.3, "guest": 6.1}


def frames(turns: Sequence[Turn], *, report: Report) -> Iterator[bytes]:
    """Every frame of the recording in order: planar YUV 4:2:0, `WIDTH`×`HEIGHT`, `FPS` a second."""
    count = round((turns[-1].end + END) * FPS)
    for number in range(count):
        if number % FPS == 0:
            report(number / count)
        yield _drawn(_scene(number, turns))


class _Scene(NamedTuple):
    """Everything that can change in the picture."""

    shot: drawing.Shot
    topic: int
    host: drawing.Pose
    guest: drawing.Pose


def _scene(number: int, turns: Sequence[Turn]) -> _Scene:
    at = number / FPS
    if at < TITLE - 0.4:
        return _Scene("title", 0, drawing.STILL, drawing.STILL)
    turn = max((turn for turn in turns if turn.start <= at), key=lambda turn: turn.start, default=turns[0])
    shot = _shot(turn, at, turns)
    poses: dict[Role, drawing.Pose] = {role: _pose(role, number, turn) for role in ("host", "guest")}
    if shot == "host":
        poses["guest"] = drawing.STILL
    if shot == "guest":
        poses["host"] = drawing.STILL
    return _Scene(shot, turn.line.topic, poses["host"], poses["guest"])


def _shot(turn: Turn, at: Seconds, turns: Sequence[Turn]) -> drawing.Shot:
    """The two of them to begin and to end with, and in between whoever talks: a face for upright clips."""
    if at < turns[0].start + _OPENING or turn is turns[-1]:
        return "wide"
    return turn.line.role


def _pose(role: Role, number: int, turn: Turn) -> drawing.Pose:
    mouth = 0
    if turn.line.role == role:
        here = number - round(turn.start * FPS)
        loud = turn.loudness[here] if 0 <= here < len(turn.loudness) else 0.0
        mouth = sum(loud >= step for step in _MOUTHS)
        if mouth == 2 and here % 7 < 3:
            mouth = 4  # rounded lips now and then, as in speech
    sway = round(2 * math.sin(2 * math.pi * number / FPS / _SWAYS_EVERY[role]))
    return drawing.Pose(mouth, number % _BLINK_EVERY[role] < 4, sway)


@lru_cache(maxsize=_REMEMBERED)
def _drawn(scene: _Scene) -> bytes:
    picture = drawing.draw(scene.shot, scene.topic, scene.host, scene.guest)
    return _yuv(np.asarray(picture, dtype=np.float32))


# ITU-R BT.709, limited range
_TO_YUV = np.array(
    [[0.1826, 0.6142, 0.0620], [-0.1006, -0.3386, 0.4392], [0.4392, -0.3989, -0.0403]], np.float32
)


def _yuv(rgb: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> bytes:
    luma = rgb @ _TO_YUV[0] + 16.5
    halved = rgb[0::2] + rgb[1::2]
    chroma = (halved[:, 0::2] + halved[:, 1::2]) @ (_TO_YUV[1:].T / 4) + 128.5
    planes = (luma, chroma[..., 0], chroma[..., 1])
    return b"".join(plane.astype(np.uint8).tobytes() for plane in planes)
