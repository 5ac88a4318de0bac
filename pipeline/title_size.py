"""How large a title can be drawn: libass breaks lines between words, but tells nobody how many there will be.

So widths are added up here, letter by letter: rather too wide than too narrow, since kerning is left out.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, groupby
from typing import NamedTuple

import fontpkg
from PIL import ImageFont

_FONT = ImageFont.truetype(fontpkg.path("Fira Sans", weight=700), 1000)
_LINE = 1.2  # a line of Fira Sans is so much higher than its letters' size, by which widths are counted
_WIDE = 1.05  # of the size: the machine's font for what Fira Sans lacks may be a little larger
_ELLIPSIS = "…"


class _Piece(NamedTuple):
    """A word, or a part of one that is too wide for a line; all parts but the first begin a line."""

    text: str
    begins_line: bool = False

    @property
    def tears_word(self) -> bool:
        return self.begins_line and not _is_wide(self.text[0])


def fitted(
    title: str, *, room: float, height: float, sizes: Sequence[float]
) -> tuple[float, tuple[str, ...]]:
    """The largest of `sizes` (of a line) in which `title` fits, and its parts, each of which begins a line.

    Words are broken, other than between characters of full width, only where no size saves them. What
    does not fit in the last size either ends with an ellipsis: after a word, or where a line would end.
    """
    ways = [(size, room / size * _LINE, int(height / size + 0.01)) for size in sizes]
    broken = [(size, _pieces(title, across), across, rows) for size, across, rows in ways]
    fitting = [(size, pieces) for size, pieces, across, rows in broken if _row_count(pieces, across) <= rows]
    for size, pieces in fitting:
        if not any(piece.tears_word for piece in pieces):
            return size, _parts(pieces)
    if fitting:
        return fitting[0][0], _parts(fitting[0][1])
    size, pieces, across, rows = broken[-1]
    return size, _parts(_cut(pieces, across, rows))


def width(text: str) -> float:
    """How wide `text` is at most, in ems."""
    return sum(map(_letter, text))


@cache
def _letter(letter: str) -> float:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    return _WIDE if _is_wide(letter) else _FONT.getlength(letter) / _FONT.size


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in ("W", "F")


def _pieces(title: str, across: float) -> list[_Piece]:
    """The words; those too wide for a line and an ellipsis in parts of about the same width."""
    pieces, longest = [], across - width(_ELLIPSIS)
    for word in title.split():
        parts = [word] if width(word) <= longest else _torn(word, longest)
        pieces += [_Piece(part, begins_line=number > 0) for number, part in enumerate(parts)]
    return pieces


def _torn(word: str, longest: float) -> list[str]:
    """`word` in parts of about the same width, none wider than `longest`."""
    whole = width(word)
    each = whole / (whole // (longest - _WIDE) + 1)  # a part's last letter may reach beyond it
    ends = accumulate(map(_letter, word))
    numbered = groupby(zip(word, ends, strict=True), key=lambda one: int((one[1] - 0.01) / each))
    return ["".join(letter for letter, _ in part) for _, part in numbered]


def _row_count(pieces: Sequence[_Piece], across: float) -> int:
    rows, used = 1, 0.0
    for piece in pieces:
        own, beside = width(piece.text), used + width(" ")
        if used and (piece.begins_line or beside + own > across):
            rows, used = rows + 1, own
        else:
            used = beside + own if used else own
    return rows


def _cut(pieces: Sequence[_Piece], across: float, rows: int) -> list[_Piece]:
    """As many of the pieces as fit with an ellipsis behind them."""
    for count in range(len(pieces), 0, -1):
        *whole, last = pieces[:count]
        cut = [*whole, last._replace(text=last.text.rstrip(",;:–—-") + _ELLIPSIS)]
        if _row_count(cut, across) <= rows:
            return cut
    raise AssertionError("a line has room for a piece of a title and an ellipsis")


def _parts(pieces: Sequence[_Piece]) -> tuple[str, ...]:
    text = "".join(("\n" if piece.begins_line else " ") + piece.text for piece in pieces)
    return tuple(text.strip().split("\n"))
