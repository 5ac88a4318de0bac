"""Words as the speech model gives them, made into words in an order that can be relied on."""

import re
from collections.abc import Iterable, Sequence

from pipeline.model import Seconds, Word

_SHORTEST: Seconds = 0.02
_SEAM: Seconds = 0.3
_MOST_BASE, _MOST_PER_LETTER = 0.8, 0.08
"""Seconds: no word takes longer than 0.8 s and 0.08 s a letter; slow readers need half of that."""

_UNSPACED = re.compile(r"[฀-໿က-႟ក-៿぀-ヿ㐀-鿿豈-﫿]")
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese: scripts that put no space between words."""
_END = re.compile(r"[.!?。！？…][\"'”’)\]]*$")


def glued(pieces: Iterable[Word]) -> tuple[Word, ...]:
    """`pieces` with the tail of a word ("twenty", "-five"; "3", ".5") joined to its head.

    A piece without a space before it is a tail, except in scripts that write no spaces.
    """
    words: list[Word] = []
    for piece in pieces:
        if words and not piece.space and not _UNSPACED.match(piece.text):
            head = words[-1]
            update = {
                "text": head.text + piece.text,
                "end": piece.end,
                "probability": min(head.probability, piece.probability),
            }
            words[-1] = head.model_copy(update=update)
        else:
            words.append(piece)
    return tuple(words)


def moved(word: Word, seconds: Seconds) -> Word:
    """`word`, said `seconds` later."""
    return word.model_copy(
        update={"start": round(word.start + seconds, 3), "end": round(word.end + seconds, 3)}
    )


def joined(parts: Sequence[Sequence[Word]]) -> tuple[Word, ...]:
    """The words of neighbouring stretches as one list; a word that both heard at their seam comes once."""
    words: list[Word] = []
    for part in parts:
        rest = list(part)
        if words and rest and _same(words[-1], rest[0]):
            rest.pop(0)
        words += rest
    return tuple(words)


def in_order(words: Sequence[Word], length: Seconds) -> tuple[Word, ...]:
    """`words` with times that never go back, never overlap and lie within 0..`length` seconds.

    A word gets at least 0.02 s (less only where the recording ends), and at most a time that a slow
    speaker would need: the speech model lets words beside a pause reach into it.
    """
    placed: list[Word] = []
    before: Seconds = 0.0
    for word in words:
        start, end = _plausible(word, starts_anew=not placed or bool(_END.search(placed[-1].text)))
        start = min(round(max(start, before), 3), length)
        end = min(round(max(end, start + _SHORTEST), 3), length)
        placed.append(word.model_copy(update={"start": start, "end": end}))
        before = placed[-1].end
    return tuple(_from_the_end(placed, length))


def _plausible(word: Word, *, starts_anew: bool) -> tuple[Seconds, Seconds]:
    """The word's times; when it takes too long, the side that lies in the pause gives way."""
    most = _MOST_BASE + _MOST_PER_LETTER * len(word.text)
    if word.end - word.start <= most:
        return word.start, word.end
    if starts_anew and not _END.search(word.text):
        return word.end - most, word.end
    return word.start, word.start + most


def _from_the_end(words: list[Word], length: Seconds) -> list[Word]:
    """Words squeezed to nothing by the end of the recording take their time from those before them."""
    limit = length
    for i in range(len(words) - 1, -1, -1):
        word = words[i]
        if word.end <= limit and word.end - word.start >= _SHORTEST / 2:
            break
        end = min(word.end, limit)
        limit = max(0.0, min(word.start, round(end - _SHORTEST, 3)))
        words[i] = word.model_copy(update={"start": limit, "end": end})
    return words


def _same(last: Word, first: Word) -> bool:
    heard_twice = re.sub(r"\W", "", last.text).lower() == re.sub(r"\W", "", first.text).lower()
    return heard_twice and first.start - last.end < _SEAM and first.start - last.start < 2 * _SEAM
