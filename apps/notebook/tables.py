"""Facts of an episode as tables, a row for each: what a person looks at before it is published."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from pipeline.display import DOUBTFUL, short_clock
from pipeline.model import Seconds, Share, Transcript, WordSpan
from pipeline.subtitle_check import CheckReport
from workbench.episodes import Results

_AROUND = 4  # words on each side


def show(table: pd.DataFrame, rows: int = 20) -> Any:
    """The first `rows` of a table as notebooks show them best: text to the left and whole, no index."""
    look = table.head(rows).style.hide(axis="index").format(precision=2)
    heads = {"selector": "th", "props": "text-align: left"}
    return look.set_properties(**{"text-align": "left"}).set_table_styles([heads])


def doubtful_words(transcript: Transcript, below: Share = DOUBTFUL) -> pd.DataFrame:
    """The words that the speech model gives less than `below`, the least likely first, as they were said."""
    rows = (
        {
            "at": short_clock(word.start),
            "seconds": word.start,
            "word": word.text,
            "probability": round(word.probability, 2),
            "said": _around(transcript, WordSpan(first=index, end=index + 1)),
        }
        for index, word in enumerate(transcript.words)
        if word.probability < below
    )
    columns = ["at", "seconds", "word", "probability", "said"]
    return _table(rows, columns).sort_values("probability", ignore_index=True)


def subtitle_findings(report: CheckReport) -> pd.DataFrame:
    """The rules that cues break; `measured` and `limit` are in the rule's own unit."""
    rows = (finding.model_dump() for finding in report.findings)
    return _table(rows, ["cue", "rule", "measured", "limit"])


def names(made: Results) -> pd.DataFrame:
    """Each place where a person or an organisation is named, with what is said there."""
    rows = (
        {"name": name.name, "kind": name.kind, **_evidence(made.transcript, words)}
        for name in made.enrichment.names
        for words in name.mentions
    )
    return _table(rows, ["name", "kind", "at", "said"])


def quotes(made: Results) -> pd.DataFrame:
    """Each quote beside the words of the transcript that it rests on."""
    rows = (
        {
            "quote": quote.text,
            "at": short_clock(_start(made.transcript, quote.words)),
            "said": made.transcript.text(quote.words),
        }
        for quote in made.enrichment.quotes
    )
    return _table(rows, ["quote", "at", "said"])


def chapters(made: Results) -> pd.DataFrame:
    """The chapters with their starts and their lengths in seconds."""
    rows = (
        {
            "at": short_clock(chapter.span.start),
            "chapter": chapter.title,
            "seconds": round(chapter.span.duration),
        }
        for chapter in made.enrichment.chapters
    )
    return _table(rows, ["at", "chapter", "seconds"])


def _table(rows: Iterable[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """With its columns even when there are no rows."""
    return pd.DataFrame(list(rows), columns=columns)


def _evidence(transcript: Transcript, words: WordSpan) -> dict[str, str]:
    return {"at": short_clock(_start(transcript, words)), "said": _around(transcript, words)}


def _start(transcript: Transcript, words: WordSpan) -> Seconds:
    return transcript.words[words.first].start


def _around(transcript: Transcript, words: WordSpan) -> str:
    """The words with a few before and after them."""
    first, end = max(0, words.first - _AROUND), min(len(transcript.words), words.end + _AROUND)
    dots = ("… " if first else "", " …" if end < len(transcript.words) else "")
    return transcript.text(WordSpan(first=first, end=end)).join(dots)
