"""A term that was written wrongly, and what it should be: found whole, whatever its case, in running text."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from pipeline.model import Word, WordSpan

_OPENING = "\"'“”‘’«»„([{¿¡"
_CLOSING = "\"'“”‘’«»)]}.,;:!?…"
"""Marks that belong to a sentence; others, as in C++ or .NET, belong to the term."""
_BETWEEN = r"[^\w.!?…。]+"
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_NOT_BEFORE = r"(?<!\w)"
_NOT_AFTER = r"(?![\w#+]|['’](?!s\b)\w)"
"""A possessive is the term still, and don't is not Don."""
_ALONE = (r"(?<![\w\-'’])", r"(?![\w#+\-'’])")
"""What is taken out leaves no piece of a word."""


class Term:
    """What is looked for, and what comes in its place."""

    def __init__(self, old: str, new: str) -> None:
        """`old` has a letter or a figure; marks of a sentence around it do not matter."""
        inner = old.strip().lstrip(_OPENING).rstrip(_CLOSING)
        lead, _, tail = old.strip().partition(inner)
        self.new = " ".join(new.split()).removeprefix(lead).removesuffix(tail)
        core = _BETWEEN.join(map(_token, inner.split()))
        before, after = (_NOT_BEFORE, _NOT_AFTER) if self.new else _ALONE
        before = "" if _UNSPACED.match(inner[0]) else before
        after = "" if _UNSPACED.match(inner[-1]) else after
        self._found = re.compile(before + core + after, re.IGNORECASE)
        self._hole = re.compile(rf"\s*{before}{core}{after}[,;:]?", re.IGNORECASE)

    def put(self, text: str) -> str:
        """`text` with the term as it should be, and no hole where it was taken out."""
        if self.new:
            return self._found.sub(lambda _: self.new, text)
        left, count = self._hole.subn("", text)
        return left.strip() if count else text

    def places(self, words: Sequence[Word]) -> Iterator[tuple[WordSpan, str]]:
        """Where the term is said, across words, and the text that these words are to have."""
        text, starts, indexes = _running(words)
        for first, last in self._runs(text, starts):
            end = starts[last] + len(words[indexes[last]].text)
            whole = text[starts[first] : end]
            made = self._found.sub(lambda _: self.new, whole)
            if not re.search(r"\w", made):
                made = ""
            yield WordSpan(first=indexes[first], end=indexes[last] + 1), made

    def _runs(self, text: str, starts: Sequence[int]) -> Iterator[tuple[int, int]]:
        """The first and the last word of each run of words that holds the term, once or more often."""
        run: tuple[int, int] | None = None
        for match in self._found.finditer(text):
            first = bisect_right(starts, match.start()) - 1
            last = bisect_right(starts, match.end() - 1) - 1
            if run and first <= run[1]:
                run = (run[0], max(run[1], last))
                continue
            if run:
                yield run
            run = (first, last)
        if run:
            yield run


def _token(token: str) -> str:
    bare = token.rstrip(_CLOSING)
    if not bare:
        return re.escape(token)
    marks = token[len(bare) :]
    return re.escape(bare) + (f"(?:{re.escape(marks)})?" if marks else "")


def _running(words: Sequence[Word]) -> tuple[str, list[int], list[int]]:
    """What is said as one text; where each word that has a text starts in it, and its index."""
    indexes = [index for index, word in enumerate(words) if word.text]
    parts = [" " * words[index].space + words[index].text for index in indexes]
    ends = list(accumulate(map(len, parts)))
    starts = [end - len(words[index].text) for end, index in zip(ends, indexes, strict=True)]
    return "".join(parts), starts, indexes
