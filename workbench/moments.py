"""Moments of recordings: what somebody looks for, as terms, and where it is said."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.model import Frozen, Seconds

_ACCENTS = re.compile("[\u0300-\u036f]")
_LIKE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})
"""Letters that people write with plain ones, and that Unicode does not take apart."""
_QUOTES = '"“”„«»'
_ASKED = re.compile(rf"[{_QUOTES}]([^{_QUOTES}]*)[{_QUOTES}]|(\S+)")
_UNSPACED = "\u0e00"
"""From here on are the scripts that leave no space between words, such as Thai, Chinese and Japanese."""


class Moment(Frozen):
    """A sentence in which something is said that somebody looks for."""

    episode_id: str
    title: str
    """The episode's."""
    start: Seconds
    speaker: str | None = None
    text: str


class Matches(Frozen):
    """Where it is said: sentences with whole words first, and of these the newest episode's."""

    moments: tuple[Moment, ...] = ()
    more: bool = False
    """Whether there are more than were asked for."""
    unread: int = 0
    """Episodes whose words are not looked at yet, since they are new or have just changed."""


class Term(NamedTuple):
    """One of the things that a sentence has to hold."""

    needle: str
    """What has to be there of the sentence as `folded`."""
    whole: str
    """The same, if it has to be whole words."""


class _Letters(dict[int, str]):
    """Each letter as it is compared: without case and accents; what is no letter is a space."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", letter).casefold())
        plain = unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).translate(_LIKE)
        if unicodedata.category(letter) == "Cf":  # such as a hyphen that only shows at a line's end
            plain = ""
        self[code] = "".join(each if _is_of_words(each) else " " for each in plain)
        return self[code]


_LETTERS = _Letters()


def composed(text: str) -> str:
    """`text` in the form in which it is compared letter by letter."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """The words of `text` as they are compared, with one space before and after each."""
    return f" {' '.join(composed(text).translate(_LETTERS).split())} "


def terms_of(asked: str) -> tuple[Term, ...]:
    """What a sentence has to hold: each word, and what stands in quotes as it is there."""
    return tuple(_terms(asked))


def needles_of(asked: str) -> list[str]:
    """What a text as `folded` has to hold."""
    return [term.needle for term in terms_of(asked)]


def pieces(text: str, asked: str) -> list[tuple[str, bool]]:
    """`text` in pieces, each with whether it was asked for."""
    text = composed(text)
    plain, places = _placed(text)
    found = [False] * len(text)
    for term in terms_of(asked):
        start = plain.find(term.needle)
        while start >= 0:
            core = [place for place in places[start : start + len(term.needle)] if place is not None]
            found[core[0] : core[-1] + 1] = [True] * (core[-1] + 1 - core[0])
            start = plain.find(term.needle, start + 1)
    return _runs(text, found)


def _terms(asked: str) -> Iterator[Term]:
    for match in _ASKED.finditer(asked):
        quoted, word = match.groups()
        if core := folded(quoted if word is None else word).strip():
            whole = _padded(core)
            yield Term(needle=core if quoted is None else whole, whole=whole)


def _padded(core: str) -> str:
    """With the spaces around whole words, where the script has any."""
    return " " * (core[0] < _UNSPACED) + core + " " * (core[-1] < _UNSPACED)


def _is_of_words(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def _placed(text: str) -> tuple[str, list[int | None]]:
    """`text` as `folded`, and of which letter of `text` each of its letters is; None for spaces."""
    plain: list[str] = [" "]
    places: list[int | None] = [None]
    for place, letter in enumerate(text):
        for each in _LETTERS[ord(letter)]:
            if each != " " or plain[-1] != " ":
                plain.append(each)
                places.append(None if each == " " else place)
    if plain[-1] != " ":
        plain.append(" ")
        places.append(None)
    return "".join(plain), places


def _runs(text: str, found: Sequence[bool]) -> list[tuple[str, bool]]:
    runs: list[tuple[str, bool]] = []
    for letter, is_found in zip(text, found, strict=True):
        if runs and runs[-1][1] == is_found:
            runs[-1] = (runs[-1][0] + letter, is_found)
        else:
            runs.append((letter, is_found))
    return runs
