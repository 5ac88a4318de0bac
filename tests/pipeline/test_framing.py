from pathlib import Path

import pytest

from pipeline import ffmpeg
from pipeline.framing import Crop, Framing, centred, crop_filter, size
from pipeline.model import AspectRatio

RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)
THREE_STRIPES = "color=red:s=40x90:r=10:d=1[r];color=green:s=80x90:r=10:d=1[g];color=blue:s=40x90:r=10:d=1[b]"


def _pictures(tmp_path: Path, framing: Framing, width: int, height: int) -> list[bytes]:
    """Frames of a picture of three upright stripes (red, wide green, blue), cropped, as RGB."""
    raw = tmp_path / "frames.raw"
    graph = f"{THREE_STRIPES};[r][g][b]hstack=3,format=rgb24,{crop_filter(framing)},scale={width}:{height}"
    arguments = ["-filter_complex", graph, "-f", "rawvideo", "-pix_fmt", "rgb24", str(raw)]
    ffmpeg.run(arguments, length=1, report=lambda share: None)
    data, one = raw.read_bytes(), width * height * 3
    return [data[at : at + one] for at in range(0, len(data), one)]


def _colour(picture: bytes) -> tuple[int, ...]:
    return tuple(picture[:3])


@pytest.mark.parametrize(
    ("aspect_ratio", "pixels"),
    [
        (AspectRatio.VERTICAL, (1080, 1920)),
        (AspectRatio.SQUARE, (1080, 1080)),
        (AspectRatio.PORTRAIT, (1080, 1350)),
        (AspectRatio.LANDSCAPE, (1920, 1080)),
    ],
)
def test_full_sizes_are_those_that_platforms_ask_for(aspect_ratio: AspectRatio, pixels: tuple[int, int]):
    assert size(aspect_ratio, 1080) == pixels


@pytest.mark.parametrize("aspect_ratio", AspectRatio)
@pytest.mark.parametrize("short_side", [180, 226, 358, 720])
def test_every_size_is_even(aspect_ratio: AspectRatio, short_side: int):
    assert all(side % 2 == 0 for side in size(aspect_ratio, short_side))


def test_the_middle_of_the_picture_is_shown(tmp_path: Path):
    for picture in _pictures(tmp_path, centred(AspectRatio.VERTICAL), 50, 90):
        assert picture == bytes(GREEN) * (50 * 90)


def test_a_picture_narrower_than_the_shape_loses_height_and_no_width(tmp_path: Path):
    (picture, *_) = _pictures(tmp_path, centred(AspectRatio.LANDSCAPE), 160, 90)
    assert _colour(picture) == RED
    assert _colour(picture[159 * 3 :]) == BLUE


def test_the_view_jumps_from_crop_to_crop(tmp_path: Path):
    crops = (Crop(at=0, x=0.1, y=0.5), Crop(at=0.5, x=0.5, y=0.5), Crop(at=0.8, x=0.9, y=0.5))
    framing = Framing(aspect_ratio=AspectRatio.VERTICAL, crops=crops)
    colours = [
        _colour(picture[-3:] if index >= 8 else picture)
        for index, picture in enumerate(_pictures(tmp_path, framing, 50, 90))
    ]
    assert colours == [RED] * 5 + [GREEN] * 3 + [BLUE] * 2


def test_the_view_never_leaves_the_picture(tmp_path: Path):
    framing = Framing(aspect_ratio=AspectRatio.SQUARE, crops=(Crop(at=0, x=1.0, y=1.0),))
    (picture, *_) = _pictures(tmp_path, framing, 90, 90)
    assert _colour(picture) == GREEN
    assert _colour(picture[-3:]) == BLUE
