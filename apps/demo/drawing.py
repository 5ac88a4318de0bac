"""Draws one picture of the demo: a title, two people at a table, or one of them close."""

import math
from functools import lru_cache
from typing import Literal, NamedTuple

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from apps.demo.talk import NAMES, SHOW, TITLE, TOPICS, Role

type Shot = Literal["title", "wide", "host", "guest"]

WIDTH, HEIGHT = 1280, 720
_FINE = 2  # people are drawn this much larger and scaled down, for smooth edges
_PERSON = (620, 760)  # size of a person's sprite, with the chin at (310, 420)


class Pose(NamedTuple):
    """`mouth`: 0 closed, 1..3 opening, 4 rounded. `sway`: -2..2, from left to right."""

    mouth: int = 0
    blinks: bool = False
    sway: int = 0


STILL = Pose()


class _Looks(NamedTuple):
    skin: str
    shade: str
    hair: str
    clothes: str
    collar: str
    iris: str
    lips: str


_LOOKS: dict[Role, _Looks] = {
    "host": _Looks("#e9b892", "#d39a74", "#5a2f22", "#1f6f78", "#f3ead9", "#3d6b4f", "#b3474f"),
    "guest": _Looks("#f0c9a8", "#dba983", "#8b8f96", "#34405e", "#dfe6ee", "#4a6a94", "#b5685f"),
}
_GOLD, _INK, _PAPER = "#f2b544", "#101c2b", "#f5efe2"


def draw(shot: Shot, topic: int, host: Pose, guest: Pose) -> Image.Image:
    """The picture, RGB, `WIDTH`×`HEIGHT`."""
    if shot == "title":
        return _title()
    picture = _room(shot, topic).copy()
    if shot == "wide":
        _put(picture, "host", host, at=(350, 646), scale=0.7)
        _put(picture, "guest", guest, at=(930, 646), scale=0.7)
        picture.alpha_composite(_table())
    else:
        _put(picture, shot, host if shot == "host" else guest, at=(640, 800), scale=1.12)
        picture.alpha_composite(_plate(shot))
    return picture.convert("RGB")


def _put(picture: Image.Image, role: Role, pose: Pose, *, at: tuple[int, int], scale: float) -> None:
    """Set a person down with the middle of the sprite's bottom edge at `at`."""
    sprite = _person(role, pose.mouth, pose.blinks, scale)
    left = at[0] - sprite.width // 2 + round(3 * pose.sway * scale)
    top = at[1] - sprite.height + 2 * abs(pose.sway)
    picture.alpha_composite(sprite, (left, top))


@lru_cache(maxsize=64)
def _person(role: Role, mouth: int, blinks: bool, scale: float) -> Image.Image:
    sprite = Image.new("RGBA", (_PERSON[0] * _FINE, _PERSON[1] * _FINE))
    pen = _Pen(ImageDraw.Draw(sprite))
    looks = _LOOKS[role]
    if role == "host":
        pen.rounded((170, 130, 450, 500), 130, looks.hair)  # long hair falls behind the shoulders
    _body(pen, looks)
    _head(pen, looks)
    _hair(pen, role, looks)
    _nose(pen, looks)
    _eyes(pen, role, looks, blinks)
    _mouth(pen, looks, mouth)
    return sprite.resize((round(_PERSON[0] * scale), round(_PERSON[1] * scale)), Image.Resampling.LANCZOS)


class _Pen:
    """Draws in the sprite's own coordinates, whatever its resolution."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def ellipse(self, box: tuple[float, ...], fill: str) -> None:
        self._draw.ellipse([_FINE * side for side in box], fill=fill)

    def rounded(self, box: tuple[float, ...], radius: float, fill: str) -> None:
        self._draw.rounded_rectangle([_FINE * side for side in box], _FINE * radius, fill=fill)

    def polygon(self, points: list[tuple[float, float]], fill: str) -> None:
        self._draw.polygon([(_FINE * x, _FINE * y) for x, y in points], fill=fill)

    def arc(self, box: tuple[float, ...], start: float, end: float, fill: str, width: float) -> None:
        self._draw.arc([_FINE * side for side in box], start, end, fill=fill, width=round(_FINE * width))

    def half(self, box: tuple[float, ...], start: float, end: float, fill: str) -> None:
        self._draw.chord([_FINE * side for side in box], start, end, fill=fill)


def _body(pen: _Pen, looks: _Looks) -> None:
    pen.rounded((60, 480, 560, 900), 130, looks.clothes)
    pen.rounded((262, 380, 358, 540), 40, looks.shade)  # neck
    pen.polygon([(240, 484), (310, 600), (250, 620), (205, 492)], looks.collar)
    pen.polygon([(380, 484), (310, 600), (370, 620), (415, 492)], looks.collar)


def _head(pen: _Pen, looks: _Looks) -> None:
    pen.ellipse((172, 265, 212, 335), looks.shade)  # ears
    pen.ellipse((408, 265, 448, 335), looks.shade)
    pen.rounded((190, 140, 430, 432), 118, looks.skin)
    pen.half((268, 396, 352, 418), 0, 180, looks.shade)  # shadow of the lower lip
    pen.ellipse((262, 390, 358, 412), looks.skin)


def _nose(pen: _Pen, looks: _Looks) -> None:
    pen.ellipse((288, 292, 332, 336), looks.shade)
    pen.ellipse((288, 286, 332, 328), looks.skin)


def _hair(pen: _Pen, role: Role, looks: _Looks) -> None:
    if role == "host":
        pen.half((168, 100, 452, 400), 180, 360, looks.hair)
        pen.half((206, 178, 300, 330), 180, 360, looks.skin)
        pen.half((262, 178, 414, 330), 180, 360, looks.skin)
        return
    pen.half((180, 104, 440, 330), 180, 360, looks.hair)
    pen.rounded((180, 200, 212, 282), 14, looks.hair)
    pen.rounded((408, 200, 440, 282), 14, looks.hair)
    pen.half((204, 168, 416, 292), 180, 360, looks.skin)
    pen.rounded((204, 222, 416, 300), 10, looks.skin)
    pen.half((192, 256, 428, 446), 0, 180, looks.hair)  # a short beard
    pen.rounded((214, 258, 406, 392), 60, looks.skin)
    pen.half((254, 340, 366, 384), 180, 360, looks.hair)  # and a moustache
    pen.rounded((262, 358, 358, 398), 18, looks.skin)


def _eyes(pen: _Pen, role: Role, looks: _Looks, blinks: bool) -> None:
    for x in (256, 364):
        if blinks:
            pen.arc((x - 22, 252, x + 22, 282), 20, 160, looks.shade, 6)
        else:
            pen.ellipse((x - 23, 250, x + 23, 286), "#ffffff")
            pen.ellipse((x - 12, 254, x + 12, 282), looks.iris)
            pen.ellipse((x - 6, 261, x + 6, 275), "#161616")
            pen.ellipse((x + 1, 259, x + 6, 265), "#ffffff")
            pen.arc((x - 25, 247, x + 25, 290), 195, 345, looks.hair, 4)
        pen.arc((x - 32, 218, x + 32, 260), 205, 335, looks.hair, 8)
        if role == "guest":
            pen.arc((x - 37, 234, x + 37, 302), 0, 360, _INK, 4)
    if role == "guest":
        pen.arc((290, 254, 330, 282), 200, 340, _INK, 4)  # the glasses' bridge


def _mouth(pen: _Pen, looks: _Looks, mouth: int) -> None:
    if mouth == 0:
        pen.arc((276, 346, 344, 386), 25, 155, looks.lips, 6)
        return
    wide, high = {1: (32, 10), 2: (36, 18), 3: (39, 27), 4: (21, 20)}[mouth]
    x, y = 310, 378
    pen.ellipse((x - wide, y - high, x + wide, y + high), looks.lips)
    pen.ellipse((x - wide + 6, y - high + 5, x + wide - 6, y + high - 5), "#4a1518")
    if mouth in (2, 3):
        pen.rounded((x - wide + 15, y - high + 5, x + wide - 15, y - high + 11), 3, "#ffffff")
    if mouth == 3:
        pen.ellipse((x - 18, y + 6, x + 18, y + high - 5), "#c9575c")


@lru_cache(maxsize=16)
def _room(shot: Shot, topic: int) -> Image.Image:
    """The studio behind the people; in a close shot it is out of focus."""
    room = _gradient("#27405c", _INK)
    pen = ImageDraw.Draw(room)
    for x in range(0, WIDTH, 64):
        pen.line([(x, 0), (x, HEIGHT)], fill="#20354d", width=2)
    if shot == "wide":
        _screen(room, topic)
        return room
    for x, y, radius, colour in ((170, 170, 120, _GOLD), (1120, 240, 90, "#3c7d8c"), (1010, 90, 46, _GOLD)):
        here = x if shot == "host" else WIDTH - x  # the lamps stand on the other side for the other seat
        pen.ellipse((here - radius, y - radius, here + radius, y + radius), fill=colour)
    return room.filter(ImageFilter.GaussianBlur(34))


def _screen(room: Image.Image, topic: int) -> None:
    pen = ImageDraw.Draw(room)
    pen.rounded_rectangle((390, 22, 890, 150), 16, fill="#0b1420", outline=_GOLD, width=3)
    for line in range(3):
        points = [(x, 124 + 5 * line + round(5 * math.sin(x / 34 + line))) for x in range(410, 872, 4)]
        pen.line(points, fill=("#2f6f86", "#265a6e", "#1d4655")[line], width=3)
    pen.text((640, 56), SHOW.upper(), font=_font(24), fill=_GOLD, anchor="mm")
    pen.text((640, 92), TOPICS[topic], font=_font(30), fill=_PAPER, anchor="mm")


@lru_cache(maxsize=1)
def _table() -> Image.Image:
    """What stands before the two: microphones, the table, and their names on it."""
    layer = Image.new("RGBA", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(layer)
    for x, tilt in ((470, -50), (810, 50)):
        pen.line([(x, 620), (x + tilt, 520)], fill="#0c121b", width=9)
        pen.rounded_rectangle(
            (x + tilt - 20, 476, x + tilt + 20, 540), 20, fill="#161d28", outline="#596476", width=3
        )
    pen.rounded_rectangle((-40, 604, WIDTH + 40, HEIGHT + 60), 40, fill="#6b4429")
    pen.rounded_rectangle((-40, 604, WIDTH + 40, 622), 9, fill="#8a5c39")
    _names(pen, "host", left=160, top=638)
    _names(pen, "guest", left=740, top=638)
    return layer


@lru_cache(maxsize=2)
def _plate(role: Role) -> Image.Image:
    layer = Image.new("RGBA", (WIDTH, HEIGHT))
    _names(ImageDraw.Draw(layer), role, left=28, top=40, narrow=True)  # subtitles come below
    return layer


def _names(pen: ImageDraw.ImageDraw, role: Role, *, left: int, top: int, narrow: bool = False) -> None:
    """Who somebody is, on a plate; a narrow one is not cut when a clip takes the middle square."""
    name, what = NAMES[role]
    lines = what.split(", ") if narrow else [what]
    right, bottom = left + (236 if narrow else 380), top + 44 + 24 * len(lines)
    pen.rounded_rectangle((left, top, right, bottom), 10, fill=_INK)
    pen.rounded_rectangle((left, top, left + 8, bottom), 4, fill=_GOLD)
    pen.text((left + 24, top + 22), name, font=_font(28), fill=_PAPER, anchor="lm")
    for number, line in enumerate(lines):
        pen.text((left + 24, top + 51 + 24 * number), line, font=_font(19), fill="#b9c6d3", anchor="lm")


def _title() -> Image.Image:
    card = _gradient("#1d3a55", _INK)
    pen = ImageDraw.Draw(card)
    for line in range(6):
        points = [
            (x, 560 + 26 * line + round(14 * math.sin(x / 60 + 2 * line))) for x in range(0, WIDTH + 8, 8)
        ]
        pen.line(
            points, fill=("#2f6f86", "#2a6379", "#25566a", "#204a5b", "#1b3d4c", "#17323f")[line], width=5
        )
    pen.text((640, 190), SHOW.upper(), font=_font(46), fill=_GOLD, anchor="mm")
    pen.text((640, 290), TITLE, font=_font(72), fill=_PAPER, anchor="mm")
    pen.line([(540, 360), (740, 360)], fill=_GOLD, width=4)
    speakers = f"{NAMES['host'][0]} talks with {NAMES['guest'][0]}"
    pen.text((640, 412), speakers, font=_font(34), fill="#b9c6d3", anchor="mm")
    return card.convert("RGB")


def _gradient(top: str, bottom: str) -> Image.Image:
    mask = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    size = (WIDTH, HEIGHT)
    return Image.composite(Image.new("RGBA", size, bottom), Image.new("RGBA", size, top), mask)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface that comes with Pillow, so that the picture looks the same everywhere."""
    return ImageFont.load_default(size)
