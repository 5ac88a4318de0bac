"""Words to sentences, by punctuation, pauses and a limit on length."""

import re
from collections.abc import Iterator, Sequence

from pipeline.model import Seconds, Sentence, Word, WordSpan

_PAUSE: Seconds = 2.0  # after so long a silence a new sentence begins, whatever the punctuation says
_MOST_WORDS = 50
_MOST_SECONDS: Seconds = 30.0
_QUOTES = "\"'”’»)]}"
_TITLES = {"mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "rev", "gen", "col", "sgt", "capt"}
_BEFORE_MORE = _TITLES | {"lt", "gov", "sen", "rep", "hon", "mt", "messrs", "no", "vol", "fig", "pp"}
"""Abbreviations that are always followed by what they belong to."""
_MAY_END = {"etc", "inc", "ltd", "co", "corp", "approx", "dept", "est", "a.m", "p.m", "e.g", "i.e", "cf"}
"""Abbreviations that end a sentence only when the next word begins with a capital."""
_LETTERS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]$")
"""Initials and their like: J, U.S, Ph.D without the last point."""


def sentences(words: Sequence[Word]) -> tuple[Sentence, ...]:
    """The sentences that `words` form: every word is in exactly one, and they are in order.

    A sentence ends at . ? ! … (not after "Dr." or an initial), at a silence of 2 s, and, when that
    leaves more than 50 words or 30 s, at the best place within: a comma, or else the longest pause.
    """
    spans = (part for span in _ended(words) for part in _short(words, span))
    return tuple(Sentence(words=WordSpan(first=first, end=end)) for first, end in spans)


def _ended(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    first = 0
    for i, word in enumerate(words):
        following = words[i + 1] if i + 1 < len(words) else None
        if following is None or _ends(word, following):
            yield first, i + 1
            first = i + 1


def _ends(word: Word, following: Word) -> bool:
    if following.start - word.end >= _PAUSE:
        return True
    bare = word.text.rstrip(_QUOTES)
    if bare.endswith(("?", "!", "。", "！", "？", "؟", "।", "۔")):
        return not following.text[:1].islower()
    if bare.endswith(("…", "...")):
        return following.text[:1].isupper()
    return bare.endswith(".") and _is_full_stop(bare[:-1].lstrip("\"'“‘([{"), following.text)


def _is_full_stop(before: str, following: str) -> bool:
    """Whether the point after `before` ends a sentence, and not an abbreviation."""
    lowered = before.lower()
    if lowered in _BEFORE_MORE or following[:1].islower():
        # "No." before a word is an answer, before a digit a number.
        return lowered == "no" and not following[:1].isdigit() and not following[:1].islower()
    if _LETTERS.match(before) and before != "I":
        # One initial is followed by a name; "U.S." and "p.m." may well end a sentence.
        return len(before) > 1 and following[:1].isupper()
    return lowered not in _MAY_END or following[:1].isupper()


def _short(words: Sequence[Word], span: tuple[int, int]) -> Iterator[tuple[int, int]]:
    first, end = span
    seconds = words[end - 1].end - words[first].start
    if end - first < 2 or (end - first <= _MOST_WORDS and seconds <= _MOST_SECONDS):
        yield span
        return
    margin = max(1, (end - first) // 4)
    inner = range(first + margin, max(first + margin + 1, end - margin + 1))
    cut = max(inner, key=lambda i: _fitness(words[i - 1], words[i]))
    yield from _short(words, (first, cut))
    yield from _short(words, (cut, end))


def _fitness(word: Word, following: Word) -> float:
    """How good a place to cut lies between two words, in seconds of pause."""
    return following.start - word.end + (1.0 if word.text.endswith((",", ";", ":", "，", "、")) else 0.0)
