"""Framing: which part of the picture a clip shows, from moment to moment.

A framing is a list of crops, each in force from its time on. Today it is one crop around the middle; a
framing that follows faces gives more of them, and nothing else changes.
"""

from collections.abc import Sequence

from pydantic import Field

from pipeline.model import AspectRatio, Frozen, Seconds, Share

_SHAPES = {
    AspectRatio.VERTICAL: (9, 16),
    AspectRatio.SQUARE: (1, 1),
    AspectRatio.PORTRAIT: (4, 5),
    AspectRatio.LANDSCAPE: (16, 9),
}


class Crop(Frozen):
    """Where the middle of the shown part lies, as shares of the picture's width and height."""

    at: Seconds = Field(ge=0)
    """Seconds from the start of the clip from which it holds."""
    x: Share
    y: Share


class Framing(Frozen):
    """The largest part of the picture that has the shape, and where it lies from when on."""

    aspect_ratio: AspectRatio
    crops: tuple[Crop, ...] = Field(min_length=1)


def size(aspect_ratio: AspectRatio, short_side: int) -> tuple[int, int]:
    """Width and height in pixels, both even, of a clip whose shorter side is `short_side`."""
    across, down = _SHAPES[aspect_ratio]
    unit = short_side / min(across, down)
    return 2 * round(across * unit / 2), 2 * round(down * unit / 2)


def centred(aspect_ratio: AspectRatio) -> Framing:
    """The middle of the picture, from beginning to end."""
    return Framing(aspect_ratio=aspect_ratio, crops=(Crop(at=0, x=0.5, y=0.5),))


def crop_filter(framing: Framing) -> str:
    """The framing as ffmpeg's `crop` filter, for a picture with square pixels of any size.

    The view jumps from one crop to the next, as a cut does, and never leaves the picture.
    """
    across, down = _SHAPES[framing.aspect_ratio]
    xs = _steps([(crop.at, crop.x) for crop in framing.crops])
    ys = _steps([(crop.at, crop.y) for crop in framing.crops])
    return (
        f"crop=w='min(iw,ih*{across}/{down})':h='min(ih,iw*{down}/{across})'"
        f":x='clip(iw*{xs}-ow/2,0,iw-ow)':y='clip(ih*{ys}-oh/2,0,ih-oh)'"
    )


def _steps(values: Sequence[tuple[Seconds, float]]) -> str:
    """An expression of the time `t` that takes each value from its time on."""
    (_, value), *later = values
    if not later:
        return f"{value:.6f}"
    return f"if(lt(t,{later[0][0]:.3f}),{value:.6f},{_steps(later)})"
