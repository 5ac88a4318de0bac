"""Captions: subtitles as styled text (ASS) that is drawn into a clip's picture.

Letters are those of Fira Sans, which comes with the program, so that a clip looks the same on a machine
without any fonts. Scripts that Fira Sans lacks are drawn with the machine's own fonts.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import fontpkg
import pysubs2

from pipeline import title_size
from pipeline.model import AspectRatio, Frozen, Seconds, Share, Span
from pipeline.subtitles import Cue, style_for

_FAMILY, _WEIGHT = "Fira Sans", 700
_ANY_DIRECTION = -1  # libass then finds the base direction of each line (Arabic, Hebrew) by itself
_TITLE_TOP, _TITLE_HEIGHT = 0.14, 0.3  # of the height; the wave begins at 0.47
_TITLE_SIZES = (1.25, 1.1, 1.0, 0.9, 0.82, 0.75)  # of the captions' size
_EDGE = 0.1  # of a line's height: more than the black edge around the letters


class CaptionLook(Frozen):
    """Size and place of captions in a picture of one shape; lengths as shares of its height or width."""

    line_height: Share
    """Of the height. The BBC's 4.5 % at 9:16 and 8 % elsewhere, as far as full lines stay in the zone."""
    bottom: Share
    """Of the height; below lie a platform's own buttons and texts."""
    sides: Share
    """Of the width, left and right."""


LOOKS = {
    AspectRatio.VERTICAL: CaptionLook(line_height=0.043, bottom=440 / 1920, sides=0.1),
    AspectRatio.PORTRAIT: CaptionLook(line_height=0.052, bottom=0.1, sides=0.05),
    AspectRatio.SQUARE: CaptionLook(line_height=0.065, bottom=0.07, sides=0.05),
    AspectRatio.LANDSCAPE: CaptionLook(line_height=0.075, bottom=0.07, sides=0.1),
}


def captions(cues: Iterable[Cue], span: Span, aspect_ratio: AspectRatio, size: tuple[int, int]) -> str:
    """`cues` (times of the recording) as an ASS file for a clip of `span`; `size` in pixels.

    What lies outside the span is left out, and what reaches over its end is cut there.
    """
    script = _script(size)
    script.styles["Default"] = _style(LOOKS[aspect_ratio], size)
    for cue, start, end in _within(cues, span):
        script.append(_event(start, end, r"\N".join(map(_plain, cue.lines))))
    return script.to_string("ass")


def highest_row(aspect_ratio: AspectRatio, height: int) -> int:
    """The row of a picture above which no caption is drawn; an even one, which has colours of its own.

    A full line of wide letters becomes three rows where no two of its words fit beside each other. Four
    would take letters that are wider than high.
    """
    look, lines = LOOKS[aspect_ratio], style_for(aspect_ratio, "en").lines
    rows = 3 * lines + _EDGE
    return 2 * int(height * (1 - look.bottom - rows * look.line_height) / 2)


def changes(cues: Iterable[Cue], span: Span) -> tuple[Seconds, ...]:
    """When a clip of `span` shows another caption, or none any more, in seconds from its start."""
    return tuple(sorted({time for _, start, end in _within(cues, span) for time in (start, end)}))


def _within(cues: Iterable[Cue], span: Span) -> Iterator[tuple[Cue, Seconds, Seconds]]:
    """The cues that `span` shows, each with its start and end from the start of `span`."""
    for cue in cues:
        start, end = max(cue.span.start, span.start), min(cue.span.end, span.end)
        if end > start:
            yield cue, start - span.start, end - span.start


def title_card(title: str, span: Span, aspect_ratio: AspectRatio, size: tuple[int, int]) -> str:
    """`title` as an ASS file, large in the upper half of a clip of `span` that has no picture.

    A long title has smaller letters, and what does not fit above the wave even so is cut off.
    """
    script = _script(size)
    style = _style(LOOKS[aspect_ratio], size)
    style.alignment = pysubs2.Alignment.TOP_CENTER
    style.fontsize, lines = title_size.fitted(
        title,
        room=size[0] - 2 * style.marginl,
        height=_TITLE_HEIGHT * size[1],
        sizes=[round(share * style.fontsize, 1) for share in _TITLE_SIZES],
    )
    style.outline = style.shadow = 0
    style.marginv = round(_TITLE_TOP * size[1])
    script.styles["Default"] = style
    script.append(_event(0, span.duration, r"\N".join(map(_plain, lines))))
    return script.to_string("ass")


def copy_font(folder: Path) -> None:
    """Put the font into `folder`, for the option `fontsdir` of ffmpeg's `ass` filter."""
    shutil.copy(fontpkg.path(_FAMILY, weight=_WEIGHT), folder)


def letters() -> bytes:
    """The font itself, for whoever shows captions in another way."""
    return Path(fontpkg.path(_FAMILY, weight=_WEIGHT)).read_bytes()


def _script(size: tuple[int, int]) -> pysubs2.SSAFile:
    script = pysubs2.SSAFile()
    script.info |= {"PlayResX": str(size[0]), "PlayResY": str(size[1]), "WrapStyle": "0"}
    return script


def _style(look: CaptionLook, size: tuple[int, int]) -> pysubs2.SSAStyle:
    """White letters with a black edge and a soft shadow: readable on any picture.

    Drawn on a transparent picture, ffmpeg lets a half transparent colour cover only the square of its
    share: the shadow's 0.7 comes out as half.
    """
    width, height = size
    line = look.line_height * height
    side = round(look.sides * width)
    return pysubs2.SSAStyle(
        fontname=_FAMILY,
        fontsize=round(line, 1),
        bold=True,
        primarycolor=pysubs2.Color(255, 255, 255),
        outlinecolor=pysubs2.Color(0, 0, 0, 0),
        backcolor=pysubs2.Color(0, 0, 0, round(255 * (1 - 0.7))),
        outline=round(line * 0.055, 2),
        shadow=round(line * 0.03, 2),
        alignment=pysubs2.Alignment.BOTTOM_CENTER,
        marginl=side,
        marginr=side,
        marginv=round(look.bottom * height),
        encoding=_ANY_DIRECTION,
    )


def _event(start: float, end: float, text: str) -> pysubs2.SSAEvent:
    return pysubs2.SSAEvent(start=round(start * 1000), end=round(end * 1000), text=text)


def _plain(text: str) -> str:
    """`text` so that nothing in it is taken for a command."""
    no_commands = text.replace("\\", "\\\u2060").replace("{", r"\{").replace("}", r"\}")
    return " ".join(no_commands.split())
