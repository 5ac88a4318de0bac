"""Parts of a transcript that fit a language model's context, as numbered sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.model import WordSpan
from pipeline.reading import Reading, covering

_BYTES_PER_TOKEN = 3.0  # English has about 4, other scripts fewer characters but more bytes


@dataclass(frozen=True)
class Window:
    """A run of sentences that is shown in one call; numbers count from 1 over the whole transcript."""

    first: int
    last: int
    words: WordSpan
    text: str

    def holds(self, sentence: int) -> bool:
        return self.first <= sentence <= self.last


def windows(reading: Reading, tokens: int) -> tuple[Window, ...]:
    """The whole transcript in windows of about `tokens` tokens, in order, of about the same size."""
    lines = [_line(reading, number) for number in range(1, len(reading.sentences) + 1)]
    sizes = [tokens_in(line) for line in lines]
    count = max(1, -(-sum(sizes) // max(1, tokens)))
    fair = sum(sizes) / count
    made: list[Window] = []
    first, size = 0, 0
    for number, own in enumerate(sizes):
        if number > first and (size + own > tokens or size >= fair):
            made.append(_window(reading, lines, first, number))
            first, size = number, 0
        size += own
    return (*made, _window(reading, lines, first, len(lines)))


def tokens_in(text: str) -> int:
    """About how many tokens `text` is: more rather than fewer."""
    return int(len(text.encode()) / _BYTES_PER_TOKEN) + 1


def _line(reading: Reading, number: int) -> str:
    words = reading.sentences[number - 1]
    start = reading.transcript.words[words.first].start
    return f"[{number}] ({start:.0f}s) {reading.transcript.text(words)}"


def _window(reading: Reading, lines: Sequence[str], first: int, end: int) -> Window:
    words = covering(reading.sentences[first:end])
    return Window(first=first + 1, last=end, words=words, text="\n".join(lines[first:end]))
