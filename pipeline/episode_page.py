"""The episode page: one HTML file that works from a folder, a web server or a memory stick.

Style, script and data are inside; the recording, the poster and the downloads lie beside it. Its
content security policy lets nothing else in, and runs only the script whose hash it names.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.display import short_clock
from pipeline.model import Enrichment, Name, Seconds, Source, Span, Transcript, WordSpan
from pipeline.paragraphs import paragraphs
from pipeline.subtitles import Cue

_FOLDER = Path(__file__).with_name("page")
_MARKS_OF_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def episode_page(
    source: Source,
    transcript: Transcript,
    enrichment: Enrichment,
    cues: Sequence[Cue],
    *,
    media_file: str,
    poster: str | None,
    downloads: Mapping[str, str],
) -> str:
    """The page as HTML.

    `media_file`, `poster` and the values of `downloads` (label → file) are names relative to the
    page. Nothing that was said or written can leave its place in the page: text is escaped.
    """
    style, script = _asset("episode.css"), _asset("episode.js")
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("episode.html.j2").render(
        policy=_policy(style, script),
        style=style,
        script=script,
        data=_data(transcript, enrichment, cues, media_file),
        media={"video": source.media.video is not None, "file": quote(media_file)},
        poster=quote(poster) if poster else None,
        downloads={label: quote(name) for label, name in downloads.items()},
        show=source.metadata.show,
        guests=source.metadata.guests,
        duration=_in_words(source.media.duration),
        transcript=transcript,
        enrichment=enrichment,
        chapters=[{"title": c.title, **_time(c.span.start), **_length(c.span)} for c in enrichment.chapters],
        paragraphs=_paragraphs(transcript, enrichment),
        highlights=[
            {"title": h.title, "reasons": h.reasons, **_place(transcript, h.words)}
            for h in enrichment.highlights
        ],
        quotes=[
            {"text": q.text, "speaker": q.speaker, **_place(transcript, q.words)} for q in enrichment.quotes
        ],
        people=_names(transcript, enrichment, "person"),
        organisations=_names(transcript, enrichment, "organisation"),
        notes=_notes(enrichment.show_notes),
    )


def _asset(name: str) -> Markup:
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))


def _policy(style: str, script: str) -> str:
    """`file:` and `blob:` let the page work from a folder, and with a recording that is picked by hand."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src 'self' file: data:",
            "media-src 'self' file: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(transcript: Transcript, enrichment: Enrichment, cues: Sequence[Cue], media_file: str) -> Markup:
    """What the script needs, as JSON that no HTML parser can read as anything else; times in milliseconds."""
    words = transcript.words
    value = {
        "mediaFile": media_file,
        "language": transcript.language,
        "sentences": [[s.words.first, s.words.end] for s in transcript.sentences],
        "wordStarts": [_ms(word.start) for word in words],
        "wordOffsets": list(_offsets(transcript)),
        "wordLengths": [_utf16(word.text) for word in words],
        "end": _ms(words[-1].end) if words else 0,
        "cues": [[_ms(cue.span.start), _ms(cue.span.end), "\n".join(cue.lines)] for cue in cues],
        "chapters": [[_ms(c.span.start), _ms(c.span.end), c.title] for c in enrichment.chapters],
    }
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(re.sub("[<>&\u2028\u2029]", lambda mark: _MARKS_OF_HTML[mark[0]], text))


def _offsets(transcript: Transcript) -> Iterator[int]:
    """Where each word begins in the text of its sentence."""
    for sentence in transcript.sentences:
        offset = 0
        for number, word in enumerate(transcript.words[sentence.words.first : sentence.words.end]):
            offset += word.space and number > 0
            yield offset
            offset += _utf16(word.text)


def _utf16(text: str) -> int:
    """The length that JavaScript gives a text."""
    return len(text.encode("utf-16-le")) // 2


def _ms(seconds: Seconds) -> int:
    return round(seconds * 1000)


def _time(seconds: Seconds) -> dict[str, str]:
    return {"start": f"{seconds:.3f}".rstrip("0").rstrip("."), "clock": short_clock(seconds)}


def _length(span: Span) -> dict[str, str]:
    return {"length": _in_words(span.duration)}


def _place(transcript: Transcript, words: WordSpan) -> dict[str, str]:
    span = transcript.span(words)
    return {**_time(span.start), **_length(span)}


def _in_words(seconds: Seconds) -> str:
    """A duration as people say it: "42 sec", "16 min", "1 h 5 min"."""
    if seconds < 90:
        return f"{round(seconds)} sec"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _paragraphs(transcript: Transcript, enrichment: Enrichment) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    index, chapter = 0, None
    for paragraph in paragraphs(transcript, enrichment.chapters):
        sentences = [
            {
                "index": index + number,
                "text": transcript.text(sentence.words),
                "space": transcript.words[sentence.words.first].space,
            }
            for number, sentence in enumerate(paragraph.sentences)
        ]
        first = transcript.words[paragraph.sentences[0].words.first].start
        heading = paragraph.chapter if paragraph.chapter != chapter else None
        made.append(
            {"heading": heading, "speaker": paragraph.speaker, "sentences": sentences, **_time(first)}
        )
        index, chapter = index + len(sentences), paragraph.chapter
    return made


def _names(transcript: Transcript, enrichment: Enrichment, kind: str) -> list[dict[str, Any]]:
    def shown(name: Name) -> dict[str, Any]:
        return {"name": name.name, "mentions": [_place(transcript, words) for words in name.mentions]}

    return [shown(name) for name in enrichment.names if name.kind == kind]


def _notes(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Paragraphs, and lists made of neighbouring lines that begin with a dash or a bullet."""
    parts = [(bool(re.match(r"[-*•]\s", line.strip())), line.strip()) for line in lines if line.strip()]
    return [
        {"list": is_list, "lines": [re.sub(r"^[-*•]\s+", "", line) if is_list else line for _, line in group]}
        for is_list, group in groupby(parts, key=lambda part: part[0])
    ]
