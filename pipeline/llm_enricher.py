"""The enricher that asks a language model, in small calls, and believes only what the transcript bears out.

For each window of the transcript: an outline, then names and quotes, then highlights; at the end one call
for the texts about the whole. A part that stays broken is taken from the local enricher, and marked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline import llm_parts, topics
from pipeline.asking import Asker, prompt
from pipeline.evidence import Evidence
from pipeline.faults import Faults
from pipeline.highlights import HighlightBounds, Scorer, fitted, overlaps, score_of
from pipeline.keywords import phrases
from pipeline.llm import Llm
from pipeline.llm_answers import ChapterStart, Outline, Overview, Passage, Passages, Point, Said
from pipeline.llm_parts import NO_ANSWER, REPLACED, Case, kept
from pipeline.model import Enrichment, Highlight, Name, Quote, Report, Source, WordSpan
from pipeline.names import mentioned
from pipeline.reading import Reading
from pipeline.summary import quote, sentence_text
from pipeline.windows import Window, tokens_in, windows

_CALLS_PER_WINDOW = 3


@dataclass
class _Gathered:
    """What the windows have given so far."""

    points: list[Point] = field(default_factory=list)
    starts: list[ChapterStart] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    highlights: list[Highlight] = field(default_factory=list)


def enrich(
    llm: Llm,
    source: Source,
    reading: Reading,
    local: Enrichment,
    *,
    bounds: HighlightBounds,
    window_tokens: int,
    report: Report,
) -> Enrichment:
    """`local` with every part by the language model that the transcript bears out.

    `window_tokens` is how much of the transcript is shown in one call. Raises ModelFailed when the model
    cannot be reached; nothing that it answers fails the enrichment.
    """
    faults = Faults(Evidence(reading, source.metadata), bounds)
    scorer = Scorer(reading, phrases(reading), ())
    case = Case(source, reading, local, bounds, faults, scorer, Asker(llm))
    shown = windows(reading, window_tokens)
    calls = _CALLS_PER_WINDOW * len(shown) + 1
    gathered = _Gathered()
    for number, window in enumerate(shown):
        of = f" (window {number + 1} of {len(shown)})" if len(shown) > 1 else ""
        for turn, step in enumerate((_outline, _said, _passages)):
            report((_CALLS_PER_WINDOW * number + turn) / calls)
            step(case, window, of, gathered)
    report((calls - 1) / calls)
    return _finished(case, llm.model, gathered, _overview(case, gathered.points, window_tokens))


def _finished(case: Case, model: str, gathered: _Gathered, overview: Overview | None) -> Enrichment:
    """The enrichment, each part from the model where enough of it is left, else from the local enricher."""
    summary, where = llm_parts.told(case, overview)
    return Enrichment(
        enricher="llm",
        model=model,
        title=llm_parts.title(case, overview),
        summary=summary,
        summary_words=where,
        keywords=llm_parts.keywords(case, overview),
        chapters=llm_parts.chapters(case, gathered.starts),
        names=llm_parts.names(case, gathered.names),
        quotes=llm_parts.quotes(case, gathered.quotes),
        show_notes=llm_parts.show_notes(case, overview),
        highlights=llm_parts.highlights(case, gathered.highlights),
        repairs=tuple(case.asker.repairs),
    )


def _outline(case: Case, window: Window, of: str, gathered: _Gathered) -> None:
    share = case.reading.duration(window.words) / max(1.0, case.source.media.duration)
    least, most = topics.bounds(case.source.media.duration)
    system = prompt("outline", least=max(1, int(least * share)), most=max(1, round(most * share)))

    def faults_of(answer: Outline) -> list[str]:
        points = [case.faults.point(window, one) for one in answer.points]
        return [*filter(None, [*points, *(case.faults.chapter(window, one) for one in answer.chapters)])]

    answer = case.asker.ask(Outline, f"chapters{of}", system, _following(window, gathered), faults_of)
    if answer is None:
        case.asker.note(f"chapters{of}", REPLACED, NO_ANSWER)
        gathered.starts.extend(_local_starts(case, window))
        return
    gathered.points += kept(case, f"outline{of}", answer.points, lambda one: case.faults.point(window, one))
    gathered.starts += kept(
        case, f"chapters{of}", answer.chapters, lambda one: case.faults.chapter(window, one)
    )


def _said(case: Case, window: Window, of: str, gathered: _Gathered) -> None:
    def faults_of(answer: Said) -> list[str]:
        names = [case.faults.name(one) for one in answer.names]
        return [*filter(None, [*names, *(case.faults.quote(one) for one in answer.quotes)])]

    answer = case.asker.ask(Said, f"names and quotes{of}", prompt("said"), window.text, faults_of)
    if answer is None:
        case.asker.note(f"names and quotes{of}", REPLACED, NO_ANSWER)
        gathered.quotes += [one for one in case.local.quotes if overlaps(one.words, window.words)]
        gathered.names += [
            one for one in case.local.names if any(overlaps(at, window.words) for at in one.mentions)
        ]
        return
    for one in kept(case, f"names{of}", answer.names, case.faults.name):
        name = mentioned(case.reading, one.name, one.kind)
        gathered.names += [name] if name else []
    for said in kept(case, f"quotes{of}", answer.quotes, case.faults.quote):
        words = case.faults.evidence.place_of(said.text, said.sentence)
        gathered.quotes += [quote(case.reading.transcript, words)] if words else []


def _passages(case: Case, window: Window, of: str, gathered: _Gathered) -> None:
    bounds = case.bounds
    most = max(1, bounds.wanted(case.reading.duration(window.words)))
    system = prompt("highlights", most=most, shortest=round(bounds.shortest), longest=round(bounds.longest))

    def faults_of(answer: Passages) -> list[str]:
        return [*filter(None, (case.faults.passage(window, one) for one in answer.highlights))]

    answer = case.asker.ask(Passages, f"highlights{of}", system, window.text, faults_of)
    if answer is None:
        case.asker.note(f"highlights{of}", REPLACED, NO_ANSWER)
        gathered.highlights += [one for one in case.local.highlights if overlaps(one.words, window.words)]
        return
    for one in kept(case, f"highlights{of}", answer.highlights, lambda one: case.faults.place(window, one)):
        _take(case, window, of, one, gathered)


def _take(case: Case, window: Window, of: str, one: Passage, gathered: _Gathered) -> None:
    """Adds `one`, made to fit where it does not; notes what was done."""
    fault = case.faults.passage(window, one)
    words = fitted(case.reading, case.faults.words(one.first, one.last), case.bounds)
    if fault:
        case.asker.note(f"highlights{of}", "repaired" if words else "dropped", fault)
    if words:
        gathered.highlights.append(_highlight(case, one, words))


def _highlight(case: Case, one: Passage, words: WordSpan) -> Highlight:
    """`words` with the mean of the model's scores and the measured ones."""
    measured = case.scorer.highlight(words)
    judged = {"hook": one.hook, "payoff": one.payoff, "stands_alone": one.stands_alone}
    means = {name: round((measured.score_parts[name] + value / 10) / 2, 3) for name, value in judged.items()}
    parts = {**measured.score_parts, **means}
    return Highlight(
        title=measured.title if case.faults.text(one.title, "title") else one.title,
        words=words,
        score=round(score_of(parts), 3),
        score_parts=parts,
        reasons=(one.reason, *measured.reasons),
    )


def _overview(case: Case, points: Sequence[Point], tokens: int) -> Overview | None:
    lines = [f"[{point.sentence}] {point.text}" for point in points]
    if not lines:  # nothing the model said can be used: what the local enricher says is at least true
        said = ((words, sentence_text(case.reading, words)) for words in case.local.summary_words)
        lines = [f"[{_number(case.reading, words)}] {text}" for words, text in said]
    while len(lines) > 2 and tokens_in("\n".join(lines)) > tokens:
        lines = lines[::2]

    def faults_of(answer: Overview) -> list[str]:
        texts = [case.faults.text(answer.title, "title")]
        texts += [case.faults.text(one, "show note") for one in answer.show_notes]
        return [*filter(None, [*texts, *(case.faults.told(one) for one in answer.summary)])]

    part = "title, summary, keywords and show notes"
    return case.asker.ask(Overview, part, prompt("overview"), "\n".join(lines), faults_of)


def _local_starts(case: Case, window: Window) -> list[ChapterStart]:
    inside = (one for one in case.local.chapters if window.words.first <= one.words.first < window.words.end)
    return [ChapterStart(sentence=_number(case.reading, one.words), title=one.title) for one in inside]


def _following(window: Window, gathered: _Gathered) -> str:
    """The window, after a word on the chapter that it may go on with."""
    if not gathered.starts:
        return window.text
    return f"The part before this one ended in the chapter “{gathered.starts[-1].title}”.\n\n{window.text}"


def _number(reading: Reading, words: WordSpan) -> int:
    """The number of the sentence in which `words` begin."""
    return next(n for n, one in enumerate(reading.sentences, start=1) if one.end > words.first)
