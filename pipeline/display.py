"""Values as short HTML for notebooks: text escaped, in the colours of the page, nothing from a network.

JupyterLab gives tables its own stripes and sets their text to the right, so what matters is said inline.
"""

from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.model import Seconds, Sentence, Share, Transcript, Word

DOUBTFUL: "Share" = 0.5
"""A word that the speech model gives less than this is marked."""
ACCENT = "#3b82c4"
"""Can be read on white and on black."""
_SHOWN = 12
_FAINT = "opacity:.65"
_CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0;background:none;border:none"
_MARK = "text-decoration:underline dotted #d9480f 2px;text-underline-offset:3px"


def card(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A bold title over a table of names and values; `title` and values are HTML, empty values left out."""
    lines = "".join(
        f'<tr style="background:none"><td style="{_CELL};{_FAINT}">{escape(name)}</td>'
        f'<td style="{_CELL}">{value}</td></tr>'
        for name, value in rows
        if value
    )
    head = f'<div style="font-weight:600">{title}</div>'
    return f'<div style="margin:4px 0">{head}<table style="margin:2px 0;border:none">{lines}</table></div>'


def bar(share: "Share") -> str:
    """A small bar for a number from 0 to 1."""
    inner = f'<span style="display:block;height:8px;width:{share:.0%};background:{ACCENT}"></span>'
    style = "display:inline-block;width:120px;background:rgba(128,128,128,.25);margin-right:8px"
    return f'<span style="{style}">{inner}</span>'


def short_clock(seconds: "Seconds") -> str:
    """A time as players show it: 65 is "1:05", 3725.5 is "1:02:05"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def transcript(value: "Transcript", *, sentences: int | None = _SHOWN, doubtful: "Share" = DOUBTFUL) -> str:
    """The first `sentences` with their times, or all of them; words below `doubtful` are underlined."""
    shown = value.sentences[:sentences]
    left = len(value.sentences) - len(shown)
    lines = "".join(_sentence(value, sentence, doubtful) for sentence in shown)
    more = f'<div style="{_FAINT}">… and {left} more sentences</div>' if left else ""
    notes = "".join(f"<div><em>{escape(note)}</em></div>" for note in value.notes)
    head = f'<div style="{_FAINT}">{_summary(value, doubtful)}</div>'
    return f'<div style="max-width:50em;line-height:1.5">{head}{notes}{lines}{more}</div>'


def _summary(value: "Transcript", doubtful: "Share") -> str:
    unsure = sum(word.probability < doubtful for word in value.words)
    language = f"{escape(value.language)} ({value.language_probability:.0%})"
    counted = f"{len(value.words)} words, {unsure} of them below {doubtful:.0%}"
    return f"{language} · {counted} · {short_clock(value.duration)} · {escape(value.model)}"


def _sentence(value: "Transcript", sentence: "Sentence", doubtful: "Share") -> str:
    words = value.words[sentence.words.first : sentence.words.end]
    who = f"<b>{escape(sentence.speaker)}</b> " if sentence.speaker else ""
    said = "".join(_words(words, doubtful)).strip()
    return f'<div><span style="{_FAINT}">{short_clock(words[0].start)}</span> {who}{said}</div>'


def _words(words: Iterable["Word"], doubtful: "Share") -> Iterator[str]:
    for word in words:
        text = escape(word.text)
        if word.probability < doubtful:
            text = f'<span style="{_MARK}" title="{word.probability:.0%}">{text}</span>'
        yield " " * word.space + text
