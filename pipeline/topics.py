"""Chapters: where a recording changes its subject.

The split is the one that makes each part's words most probable (Utiyama and Isahara 2001, A Statistical
Model for Domain-Independent Text Segmentation), found by dynamic programming over the sentences. A long
pause and a cue such as "let us turn to" (Passonneau and Litman 1997, Discourse Segmentation by Human and
Automated Means) make a border cheaper.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline import wording
from pipeline.keywords import Phrase, capitalised, heading
from pipeline.model import Chapter, Media, Report, Seconds, Span, WordSpan
from pipeline.reading import Reading, covering

_SHORTEST: Seconds = 10.0  # YouTube: chapters start at 0:00, three or more, ten seconds apart
_LONGEST: Seconds = 1500.0
_SPLIT_FROM: Seconds = 90.0
_PAUSE_HELPS_FROM: Seconds = 0.8

_CUE_BONUS = 12.0  # about what a pause of five seconds would be worth
_CUES = re.compile(
    r"^(?:\W*\w+\W+){0,3}?(?:let us (?:turn|move|talk|go|look)|"
    r"let's (?:turn|move|talk about|go (?:on|back)|look)|"
    r"moving on|next (?:up|topic|question|we)|(?:what|how) about|(?:the )?(?:last|next|second|third|final) "
    r"(?:part|subject|topic|question|story|chapter)|another (?:subject|topic|question)|chapter|"
    r"welcome (?:back )?to)\b"
)

type Costs = NDArray[np.float64]


def own_chapters(media: Media, reading: Reading) -> tuple[Chapter, ...]:
    """The chapters that the recording itself carries, stretched so that they leave no gap.

    Empty when it carries none, or nothing was said in it.
    """
    carried = sorted(media.chapters, key=lambda chapter: chapter.span.start)
    starts = {chapter.span.start: chapter.title for chapter in carried if chapter.span.start < media.duration}
    if not starts or not reading.transcript.words:
        return ()
    times = [0.0, *list(starts)[1:], media.duration]
    titles = list(starts.values())
    spans = [Span(start=a, end=b) for a, b in pairwise(times) if b > a]
    return tuple(
        Chapter(title=title.strip() or f"Chapter {number}", span=span, words=_words_in(reading, span))
        for number, (title, span) in enumerate(zip(titles, spans, strict=True), start=1)
    )


def chapters(
    reading: Reading, found: Sequence[Phrase], duration: Seconds, report: Report
) -> tuple[Chapter, ...]:
    """Chapters that cover 0..`duration` without a gap; none when nothing was said."""
    if not reading.sentences:
        return ()
    starts = split(reading, duration, report)
    ends = [*starts[1:], len(reading.sentences)]
    parts = [covering(reading.sentences[a:b]) for a, b in zip(starts, ends, strict=True)]
    return assembled(reading, parts, titles(reading, found, parts), duration)


def assembled(
    reading: Reading, parts: Sequence[WordSpan], names: Sequence[str], duration: Seconds
) -> tuple[Chapter, ...]:
    """Chapters from runs of words that follow each other; each lasts until the next one starts."""
    begins = [0.0, *(reading.transcript.words[part.first].start for part in parts[1:])]
    last = max(duration, reading.transcript.words[-1].end)
    ends = [*begins[1:], last]
    return tuple(
        Chapter(title=name, span=Span(start=begin, end=end), words=part)
        for name, begin, end, part in zip(names, begins, ends, parts, strict=True)
    )


def titles(reading: Reading, found: Sequence[Phrase], parts: Sequence[WordSpan]) -> list[str]:
    """A title for each part from its own words, no two alike."""
    seen: Counter[str] = Counter()
    made: list[str] = []
    for part in parts:
        language = reading.transcript.language
        title = heading(found, part, parts, language) or _opening(reading, part) or "Chapter"
        if title in seen:  # a second chapter on the same subject is named after what else it speaks of
            fresh = [phrase for phrase in found if phrase.text.casefold() not in title.casefold()]
            title = heading(fresh, part, parts, language) or title
        seen[title] += 1
        made.append(title if seen[title] == 1 else f"{title} ({seen[title]})")
    return made


def bounds(duration: Seconds) -> tuple[int, int]:
    """The least and the greatest sensible number of chapters: 3-4 for three minutes, 5-12 for an hour."""
    if duration < _SPLIT_FROM:
        return 1, 1
    root = math.sqrt(duration / 60)
    return max(3, round(1 + 0.55 * root)), max(3, round(2 + 1.25 * root))


def shortest(duration: Seconds) -> Seconds:
    """No chapter of a recording that lasts `duration` should be shorter."""
    return min(90.0, max(_SHORTEST, duration / 10))


def split(reading: Reading, duration: Seconds, report: Report) -> list[int]:
    """The number of the first sentence of each chapter; the first is 0."""
    least, most = bounds(duration)
    if most == 1 or len(reading.sentences) < 2 * least:
        return [0]
    costs = _costs(reading, shortest(duration), max(_LONGEST, duration / most), report)
    bonus = np.array([_bonus(reading, i) for i in range(len(reading.sentences))])
    return _cheapest(costs, bonus - math.log(len(reading.stems) + 2), least, most)


def _costs(reading: Reading, least: Seconds, most: Seconds, report: Report) -> Costs:
    """`[i, n]`: how badly sentences i..i+n go together, in nats; infinite where the part is too short."""
    vocabulary = len({stem for stem in reading.stems if stem}) or 1
    begins = np.array([reading.transcript.words[one.first].start for one in reading.sentences])
    ends = np.array([*begins[1:], reading.transcript.words[-1].end])
    count = len(begins)
    width = max(int(np.searchsorted(begins, begins[i] + most)) - i for i in range(count))
    costs = np.full((count, width), np.inf)
    content = [reading.content(one) for one in reading.sentences]
    for i in range(count):
        row = _row(content[i : i + width], vocabulary)
        long_enough = ends[i : i + width] - begins[i] >= least
        costs[i, : len(row)] = np.where(long_enough, row, np.inf)
        report(i / count)
    return costs


def _row(content: Sequence[Sequence[str]], vocabulary: int) -> Costs:
    """Cost of the parts that begin with the first sentence: -log of the words' smoothed probability."""
    seen: Counter[str] = Counter()
    total, inner, row = 0, 0.0, np.empty(len(content))
    for n, stems in enumerate(content):
        for stem in stems:
            k = seen[stem]
            inner += (k + 1) * math.log(k + 2) - (k * math.log(k + 1) if k else 0.0)
            seen[stem] = k + 1
        total += len(stems)
        row[n] = total * math.log(total + vocabulary) - inner
    return row


def _bonus(reading: Reading, sentence: int) -> float:
    """How much speaks for a border before `sentence`, in nats: a pause, a cue; less when it leans back."""
    if sentence == 0:
        return 0.0
    pause = reading.pause_after(reading.sentences[sentence - 1])
    said = reading.transcript.text(reading.sentences[sentence]).casefold()
    cue = _CUE_BONUS if reading.transcript.language == "en" and _CUES.search(said) else 0.0
    leaning = 1.0 - wording.measure(reading, reading.sentences[sentence]).alone
    return 3.0 * min(3.0, max(0.0, pause - _PAUSE_HELPS_FROM)) + cue - 3.0 * leaning


def _cheapest(costs: Costs, bonus: Costs, least: int, most: int) -> list[int]:
    """The starts of the `least` to `most` parts that cost least, `bonus` being what a start is worth."""
    count, width = costs.shape
    best = np.full((most + 1, count + 1), np.inf)
    best[0, 0] = 0.0
    came_from = np.zeros(best.shape, dtype=int)
    for i in range(count):
        reach = min(width, count - i)
        here = best[:-1, i, None] + costs[None, i, :reach] - bonus[i]
        known, way = best[1:, i + 1 : i + 1 + reach], came_from[1:, i + 1 : i + 1 + reach]
        better = here < known
        known[better], way[better] = here[better], i
    parts = min(range(least, most + 1), key=lambda number: float(best[number, count]))
    return _way_back(came_from, parts) if np.isfinite(best[parts, count]) else [0]


def _way_back(came_from: NDArray[np.int_], parts: int) -> list[int]:
    starts, at = [], came_from.shape[1] - 1
    for part in range(parts, 0, -1):
        at = int(came_from[part, at])
        starts.append(at)
    return starts[::-1]


def _words_in(reading: Reading, span: Span) -> WordSpan:
    """The words said within `span`; the nearest one when it is silent."""
    words = reading.transcript.words
    inside = [i for i, word in enumerate(words) if span.start <= word.start < span.end]
    if inside:
        return WordSpan(first=inside[0], end=inside[-1] + 1)
    nearest = min(range(len(words)), key=lambda i: abs(words[i].start - span.start))
    return WordSpan(first=nearest, end=nearest + 1)


def _opening(reading: Reading, part: WordSpan) -> str:
    end = min(part.end, part.first + 6)
    text = reading.transcript.text(WordSpan(first=part.first, end=end)).rstrip(" .,;:!?…")
    return capitalised(text + ("…" if end < part.end else ""))
