"""What an episode is published with beside its page: text, transcript, chapters and show notes.

Transcript and chapters follow the podcast namespace (Podcasting 2.0: transcript JSON 1.0.0, JSON
chapters 1.2.0).
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from pipeline.display import short_clock
from pipeline.model import Chapter, Enrichment, Name, Seconds, Transcript, Word, WordSpan
from pipeline.paragraphs import paragraphs
from pipeline.subtitle_files import clock, escaped

_YOUTUBE_CHAPTERS = 3  # YouTube shows none when there are fewer, or one is shorter than 10 s
_YOUTUBE_SHORTEST: Seconds = 10.0
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~])")


def text(transcript: Transcript, chapters: Sequence[Chapter]) -> str:
    """The words as paragraphs, a blank line between two; each chapter begins with its title in capitals."""
    blocks: list[str] = []
    chapter: int | None = None
    for paragraph in paragraphs(transcript, chapters):
        if paragraph.chapter is not None and paragraph.chapter != chapter:
            chapter = paragraph.chapter
            blocks.append(_one_line(chapters[chapter].title).upper())
        first, last = paragraph.sentences[0].words, paragraph.sentences[-1].words
        said = _one_line(transcript.text(WordSpan(first=first.first, end=last.end)))
        blocks.append(f"{paragraph.speaker}: {said}" if paragraph.speaker else said)
    return "".join(f"{block}\n\n" for block in blocks).rstrip("\n") + "\n" * bool(blocks)


def transcript_json(transcript: Transcript) -> str:
    """Podcasting 2.0 transcript: a segment for each sentence; `words` holds its words, with probabilities."""
    segments = []
    for sentence in transcript.sentences:
        span = transcript.span(sentence.words)
        words = transcript.words[sentence.words.first : sentence.words.end]
        segment: dict[str, Any] = {"startTime": span.start, "endTime": span.end}
        if sentence.speaker:
            segment["speaker"] = sentence.speaker
        body = transcript.text(sentence.words)
        segments.append({**segment, "body": body, "words": [_word(word) for word in words]})
    facts = {"version": "1.0.0", "language": transcript.language, "model": transcript.model}
    return _json({**facts, "segments": segments})


def chapters_json(title: str, chapters: Sequence[Chapter]) -> str:
    """Podcasting 2.0 chapters (`application/json+chapters`); the first starts at 0."""
    listed = [
        {"startTime": start, "title": _one_line(chapter.title), "endTime": chapter.span.end}
        for start, chapter in _from_zero(chapters)
    ]
    return _json({"version": "1.2.0", "title": title, "chapters": listed})


def chapters_vtt(chapters: Sequence[Chapter]) -> str:
    """The chapters as a WebVTT track of the kind "chapters"."""
    cues = [
        f"{number}\n{clock(start)} --> {clock(chapter.span.end)}\n{escaped(_one_line(chapter.title))}\n"
        for number, (start, chapter) in enumerate(_from_zero(chapters), start=1)
    ]
    return "WEBVTT\n\n" + "\n".join(cues)


def youtube_chapters(chapters: Sequence[Chapter]) -> str | None:
    """Lines for a YouTube description, "0:00 Title"; none when YouTube would show no chapters.

    YouTube wants three chapters of ten seconds at least, the first at 0:00, and no angle brackets.
    """
    starts = [int(start) for start, _ in _from_zero(chapters)]
    ends = [*starts[1:], chapters[-1].span.end if chapters else 0.0]
    if len(starts) < _YOUTUBE_CHAPTERS or any(
        b - a < _YOUTUBE_SHORTEST for a, b in zip(starts, ends, strict=True)
    ):
        return None
    titles = [_one_line(chapter.title).replace("<", "‹").replace(">", "›") for chapter in chapters]
    return "".join(f"{short_clock(start)} {title}\n" for start, title in zip(starts, titles, strict=True))


def show_notes(transcript: Transcript, enrichment: Enrichment) -> str:
    """Markdown: summary, notes, chapters, people and organisations, quotes, each with its time."""
    chapters = [f"- {short_clock(c.span.start)} {_markdown(c.title)}" for c in enrichment.chapters]
    quotes = [
        f"> {_markdown(quote.text)}\n>\n> — {_markdown(quote.speaker or 'in the recording')}, "
        f"{short_clock(transcript.span(quote.words).start)}\n"
        for quote in enrichment.quotes
    ]
    parts = [
        ("", [_markdown(enrichment.summary)]),
        ("Notes", [_note(line) for line in enrichment.show_notes]),
        ("Chapters", chapters),
        ("People", _names(transcript, enrichment, "person")),
        ("Organisations", _names(transcript, enrichment, "organisation")),
        ("Quotes", quotes),
        ("Keywords", [_markdown(", ".join(enrichment.keywords))]),
    ]
    filled = [(heading, [line for line in lines if line]) for heading, lines in parts]
    blocks = [(f"## {h}\n\n" if h else "") + "\n".join(lines).rstrip() for h, lines in filled if lines]
    return "\n\n".join([f"# {_markdown(enrichment.title)}", *blocks]) + "\n"


def _names(transcript: Transcript, enrichment: Enrichment, kind: str) -> list[str]:
    def line(name: Name) -> str:
        times = ", ".join(short_clock(transcript.span(words).start) for words in name.mentions)
        return f"- {_markdown(name.name)} ({times})"

    return [line(name) for name in enrichment.names if name.kind == kind]


def _word(word: Word) -> dict[str, Any]:
    times = {"startTime": word.start, "endTime": word.end}
    return {"body": word.text, **times, "probability": round(word.probability, 3), "space": word.space}


def _from_zero(chapters: Sequence[Chapter]) -> list[tuple[Seconds, Chapter]]:
    return [(chapter.span.start if index else 0.0, chapter) for index, chapter in enumerate(chapters)]


def _note(line: str) -> str:
    """A line of the notes: a list's line stays one, anything else is a paragraph."""
    item = re.match(r"[-*•]\s+(.*)", line.strip(), re.DOTALL)
    return f"- {_markdown(item[1])}" if item else _markdown(line) + "\n"


def _markdown(text: str) -> str:
    """Text in which nothing is taken for Markdown or HTML."""
    plain = _MARKDOWN.sub(r"\\\1", _one_line(text)).replace("&", "&amp;")
    return re.sub(r"^(\d+)([.)])|^([-+])", lambda m: f"{m[1] or ''}\\{m[2] or m[3]}", plain)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
