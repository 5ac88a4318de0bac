"""The enricher that needs no network and no model: the same transcript gives the same enrichment.

Every part is taken from the transcript's own words, so every part is evidence of itself.
"""

from pipeline import names, summary, topics
from pipeline.highlights import HighlightBounds, highlights
from pipeline.keywords import keywords, phrases
from pipeline.model import Enrichment, Report, Source, Transcript
from pipeline.reading import read

_KEYWORDS = 10


def enrich(source: Source, transcript: Transcript, bounds: HighlightBounds, report: Report) -> Enrichment:
    """What can be said of the recording by counting its words; nothing but a title when nobody speaks."""
    if not transcript.words:
        return silent(source)
    reading = read(transcript)
    found = phrases(reading)
    parts = topics.own_chapters(source.media, reading) or topics.chapters(
        reading, found, source.media.duration, lambda done: report(0.5 * done)
    )
    named = names.names(reading, source.metadata)
    told, where = summary.summary(reading, parts)
    terms = keywords(found, _KEYWORDS)
    borders = [chapter.words.first for chapter in parts]
    best = highlights(reading, found, borders, bounds, lambda done: report(0.5 + 0.5 * done))
    report(1.0)
    return Enrichment(
        enricher="local",
        model=None,
        title=summary.title(source, reading, found, named),
        summary=told,
        summary_words=where,
        keywords=terms,
        chapters=parts,
        names=named,
        quotes=summary.quotes(reading, transcript.duration),
        show_notes=summary.show_notes(told, parts, named, terms),
        highlights=best,
    )


def silent(source: Source) -> Enrichment:
    """The enrichment of a recording in which nothing is said."""
    title = source.metadata.title or summary.from_file_name(source.media.path)
    return Enrichment(
        enricher="local", model=None, title=title, summary="", summary_words=(), keywords=(), chapters=(),
        names=(), quotes=(), show_notes=(), highlights=(),
    )  # fmt: skip
