"""The parts of an enrichment from what a language model said, each replaced when too little of it is left.

Whatever is dropped or replaced here is noted, so that a reader of the artefact knows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline import topics
from pipeline.asking import Asker
from pipeline.faults import Faults
from pipeline.highlights import HighlightBounds, Scorer, overlaps
from pipeline.llm_answers import ChapterStart, Overview
from pipeline.model import Chapter, Enrichment, Highlight, Name, Quote, Source, WordSpan
from pipeline.names import mentioned
from pipeline.reading import Reading

REPLACED = "replaced by the local enricher"
NO_ANSWER = "no answer in the form asked for"
_LEAST_KEYWORDS = 3
_MOST_KEYWORDS = 12


@dataclass(frozen=True)
class Case:
    """All that is known before the model is asked, and where its faults are noted."""

    source: Source
    reading: Reading
    local: Enrichment
    bounds: HighlightBounds
    faults: Faults
    scorer: Scorer
    asker: Asker


def kept[T](case: Case, part: str, offered: Sequence[T], fault_of: Callable[[T], str]) -> list[T]:
    """What of `offered` is without fault; the rest is noted as dropped."""
    faults = [fault_of(one) for one in offered]
    for fault in filter(None, faults):
        case.asker.note(part, "dropped", fault)
    return [one for one, fault in zip(offered, faults, strict=True) if not fault]


def title(case: Case, overview: Overview | None) -> str:
    """The title that people gave, else the model's, else the local one."""
    if case.source.metadata.title:
        return case.source.metadata.title
    fault = case.faults.text(overview.title, "title") if overview else NO_ANSWER
    if overview and not fault:
        return overview.title.strip("\"“”'. ")
    case.asker.note("title", REPLACED, fault)
    return case.local.title


def told(case: Case, overview: Overview | None) -> tuple[str, tuple[WordSpan, ...]]:
    """The summary, and where what it tells is said."""
    good = kept(case, "summary", overview.summary if overview else [], case.faults.told)
    if not good:
        case.asker.note("summary", REPLACED, "no sentence of it is borne out by the transcript")
        return case.local.summary, case.local.summary_words
    numbers = sorted({number for one in good for number in one.sentences})
    return " ".join(one.text for one in good), tuple(case.faults.words(n, n) for n in numbers)


def keywords(case: Case, overview: Overview | None) -> tuple[str, ...]:
    """The keywords that are said."""
    offered = list(dict.fromkeys(overview.keywords)) if overview else []
    good = kept(case, "keywords", offered, case.faults.keyword)
    if len(good) >= _LEAST_KEYWORDS:
        return tuple(good[:_MOST_KEYWORDS])
    case.asker.note("keywords", REPLACED, "too few of them are said in the transcript")
    return case.local.keywords


def show_notes(case: Case, overview: Overview | None) -> tuple[str, ...]:
    """The lines that the transcript bears out."""
    offered = overview.show_notes if overview else []
    good = kept(case, "show notes", offered, lambda one: case.faults.text(one, "show note"))
    if good:
        return tuple(good)
    case.asker.note("show notes", REPLACED, "none of them is borne out by the transcript")
    return case.local.show_notes


def chapters(case: Case, starts: Sequence[ChapterStart]) -> tuple[Chapter, ...]:
    """Chapters from the starts that are far enough apart; the recording's own ones come first of all."""
    own = topics.own_chapters(case.source.media, case.reading)
    if own:
        return own
    duration = case.source.media.duration
    usable = _far_apart(case, starts)
    least, most = topics.bounds(duration)
    if not (least <= len(usable) <= 2 * most):
        case.asker.note(
            "chapters", REPLACED, f"{len(usable)} usable chapters for {duration / 60:.0f} minutes"
        )
        return case.local.chapters
    firsts = [case.reading.sentences[start.sentence - 1].first for start in usable]
    ends = [*firsts[1:], len(case.reading.forms)]
    parts = [WordSpan(first=a, end=b) for a, b in zip([0, *firsts[1:]], ends, strict=True)]
    return topics.assembled(case.reading, parts, [start.title for start in usable], duration)


def _far_apart(case: Case, starts: Sequence[ChapterStart]) -> list[ChapterStart]:
    """The starts in order, without those that come too soon after another or repeat its title.

    The first chapter begins with the recording, wherever the model saw it begin.
    """
    words, sentences = case.reading.transcript.words, case.reading.sentences
    least = topics.shortest(case.source.media.duration)
    last = case.source.media.duration - least
    usable: list[ChapterStart] = []
    before, titles = 0.0, set[str]()
    for start in sorted(starts, key=lambda one: one.sentence):
        at = words[sentences[start.sentence - 1].first].start if usable else 0.0
        # told twice, the first sentence can be said long after the recording's beginning: by time it is far
        apart = usable and start.sentence > usable[-1].sentence and before + least <= at <= last
        if not usable or (apart and start.title.casefold() not in titles):
            usable.append(start)
            before, titles = at, titles | {start.title.casefold()}
    return usable


def names(case: Case, found: Sequence[Name]) -> tuple[Name, ...]:
    """Each name once, the guests that are named among them; the local ones when all were dropped."""
    if not found and any(repair.part.startswith("names") for repair in case.asker.repairs):
        case.asker.note("names", REPLACED, "none of them is named in the transcript")
        return case.local.names
    guests = [mentioned(case.reading, guest, "person") for guest in case.source.metadata.guests]
    by_text = {name.name.casefold(): name for name in reversed([*[g for g in guests if g], *found])}
    return tuple(sorted(by_text.values(), key=lambda name: (name.mentions[0].first, name.name)))


def quotes(case: Case, found: Sequence[Quote]) -> tuple[Quote, ...]:
    """The quotes in order of time."""
    kept: list[Quote] = []
    for one in sorted(found, key=lambda quote: quote.words.first):
        if not any(overlaps(one.words, other.words) for other in kept):
            kept.append(one)
    if not kept and case.local.quotes:
        case.asker.note("quotes", REPLACED, "none that was offered is in the transcript")
        return case.local.quotes
    return tuple(kept)


def highlights(case: Case, found: Sequence[Highlight]) -> tuple[Highlight, ...]:
    """The best that do not overlap; filled up with the local ones when they are too few."""
    wanted = case.bounds.wanted(case.reading.transcript.duration)
    kept = _without_overlaps((), sorted(found, key=lambda one: -one.score))[:wanted]
    enough = max(min(case.bounds.at_least, wanted), wanted // 2)
    if len(kept) >= enough:
        return kept
    filled = _without_overlaps(kept, case.local.highlights)[: max(enough, len(kept))]
    if len(filled) > len(kept):
        case.asker.note("highlights", REPLACED, f"{len(kept)} usable, {enough} wanted")
    return tuple(sorted(filled, key=lambda one: -one.score))


def _without_overlaps(kept: Sequence[Highlight], more: Sequence[Highlight]) -> tuple[Highlight, ...]:
    chosen = list(kept)
    for one in more:
        if not any(overlaps(one.words, other.words) for other in chosen):
            chosen.append(one)
    return tuple(chosen)
