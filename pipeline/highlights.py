"""Highlights: passages worth a clip, from a sentence that starts well to one that makes the point.

Complaints about clip finders are about clips that start or end in the middle of a sentence, that set up
without a payoff, and that need what was said before. So every run of whole sentences of a fitting length
is scored for just that, against the other runs of the same recording.
"""

import math
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from pipeline import wording
from pipeline.keywords import Phrase, capitalised, heading
from pipeline.model import Frozen, Highlight, Report, Seconds, Share, WordSpan
from pipeline.reading import LONGEST_PAUSE, Reading, covering

_IDEAL: tuple[Seconds, Seconds] = (20.0, 45.0)
_WEIGHTS = {
    "hook": 0.22,
    "payoff": 0.24,
    "stands_alone": 0.24,
    "keywords": 0.12,
    "quotable": 0.12,
    "pace": 0.03,
    "length": 0.03,
}
_LIKE_ENOUGH = 0.4  # share of common words from which two passages tell the same


class HighlightBounds(Frozen):
    """How long a highlight may be, and how many are wanted."""

    shortest: Seconds = Field(default=15.0, gt=0)
    """Nothing shorter is proposed, unless the whole recording is shorter."""
    longest: Seconds = Field(default=60.0, gt=0)
    """Nothing longer is proposed."""
    at_least: int = Field(default=3, ge=0)
    """So many are proposed even when they are weak, if the recording is long enough."""
    at_most: int = Field(default=12, ge=0)
    """Never more than these, however long the recording is."""

    def wanted(self, duration: Seconds) -> int:
        """Three for three minutes, eight for a quarter of an hour, twelve from half an hour on."""
        return min(self.at_most, max(self.at_least, round(duration / 150 + 2)))


def highlights(
    reading: Reading,
    found: Sequence[Phrase],
    borders: Iterable[int],
    bounds: HighlightBounds,
    report: Report,
) -> tuple[Highlight, ...]:
    """The best passages that do not overlap, best first.

    `borders` are the first words of chapters, which a passage should not cross.
    """
    passages = _passages(reading, bounds, LONGEST_PAUSE) or _passages(reading, bounds, math.inf)
    if not passages:
        return _whole(reading, found)
    scorer = Scorer(reading, found, borders)
    scored: list[tuple[float, WordSpan]] = []
    for number, passage in enumerate(passages):
        scored.append((scorer.rank(passage), passage))
        if number % 100 == 0:
            report(number / len(passages))
    chosen = _best(reading, scored, bounds.wanted(reading.transcript.duration))
    made = [scorer.highlight(passage) for passage in chosen]
    return tuple(sorted(made, key=lambda one: (-one.score, one.words.first)))


class Scorer:
    """Knows what a passage needs to be compared with: every sentence's wording and every word's weight."""

    def __init__(self, reading: Reading, found: Sequence[Phrase], borders: Iterable[int]) -> None:
        self._reading = reading
        self._found = found
        self._borders = sorted(borders)
        self._wordings = {one.first: wording.measure(reading, one) for one in reading.sentences}
        self._weights = _weights(reading)
        self._usual_pace = _pace(reading, covering(reading.sentences))
        self._usual_density = self._median_density() or 1.0

    def parts(self, passage: WordSpan) -> dict[str, Share]:
        """Each reason for or against `passage`, as a share."""
        inside = self._reading.sentences_in(passage) or [passage]
        measured = [self._wording(one) for one in inside]
        duration = self._reading.duration(passage)
        noise = sum(one.housekeeping for one in measured) / len(measured)
        return {
            "hook": _rounded(max(measured[0].hook, 0.7 * measured[min(1, len(measured) - 1)].hook)),
            "payoff": _rounded(self._payoff(inside[-1], passage)),
            "stands_alone": _rounded(measured[0].alone * (1 - noise)),
            "keywords": _rounded(0.5 * self._density(passage) / self._usual_density),
            "quotable": _rounded(max(one.quotable for one in measured)),
            "pace": _rounded(0.5 * _pace(self._reading, passage) / self._usual_pace),
            "length": _rounded(_length(duration)),
        }

    def rank(self, passage: WordSpan) -> float:
        """What passages are chosen by: the score, less for crossing a chapter's border."""
        crosses = any(passage.first < border < passage.end for border in self._borders)
        return score_of(self.parts(passage)) * (0.6 if crosses else 1.0)

    def highlight(self, passage: WordSpan) -> Highlight:
        """`passage` with its title, score and reasons."""
        parts = self.parts(passage)
        return Highlight(
            title=self._title(passage),
            words=passage,
            score=_rounded(score_of(parts)),
            score_parts=parts,
            reasons=self._reasons(passage, parts),
        )

    def _payoff(self, last: WordSpan, passage: WordSpan) -> float:
        """How well `last` ends the passage: less when it starts something new or is gone on from."""
        own, before = set(self._reading.content(last)), WordSpan(first=passage.first, end=last.first + 1)
        shared = len(own & set(self._reading.content(before))) / max(1, len(own))
        following = self._wordings.get(last.end)
        closed = following.alone if following else 1.0
        return self._wording(last).payoff * (0.6 + min(0.4, 1.2 * shared)) * (0.7 + 0.3 * closed)

    def _wording(self, sentence: WordSpan) -> wording.Wording:
        return self._wordings.get(sentence.first) or wording.measure(self._reading, sentence)

    def _median_density(self) -> float:
        sentences = self._reading.sentences
        runs = [covering(sentences[i : i + 6]) for i in range(0, len(sentences), 3)]
        return statistics.median(self._density(run) for run in runs)

    def _density(self, passage: WordSpan) -> float:
        """Weight of the different subject words said, per word: repeating one adds nothing."""
        different = set(self._reading.content(passage))
        return math.fsum(self._weights[stem] for stem in different) / math.sqrt(passage.end - passage.first)

    def _title(self, passage: WordSpan) -> str:
        """The most quotable short sentence of the passage; else what it speaks of."""
        reading = self._reading
        short = [one for one in reading.sentences_in(passage) if 3 <= one.end - one.first <= 14]
        rated = [(_as_title(self._wordings[one.first]), -one.first, one) for one in short]
        best = max(rated, key=lambda entry: entry[:2], default=None)
        if best and best[0] >= 0.45:
            said = wording.without_lead_in(reading, best[2])
            return _as_heading(wording.tidied(reading.transcript.text(said), reading.transcript.language))
        return heading(self._found, passage, [passage], reading.transcript.language) or "Highlight"

    def _reasons(self, passage: WordSpan, parts: Mapping[str, float]) -> tuple[str, ...]:
        inside = self._reading.sentences_in(passage) or [passage]
        first = max(inside[:2], key=lambda one: (self._wording(one).hook, -one.first))
        opening, ending = self._text(first), self._text(inside[-1])
        subject = heading(self._found, passage, [passage], self._reading.transcript.language)
        reasons = [
            (parts["hook"] >= 0.5, f"{_opens(opening)}: “{_shortened(opening)}”"),
            (parts["payoff"] >= 0.5, f"ends on its point: “{_shortened(ending)}”"),
            (parts["stands_alone"] >= 0.8, "can be understood without what was said before"),
            (parts["quotable"] >= 0.5, "holds a line worth quoting"),
            (parts["keywords"] >= 0.55 and bool(subject), f"is dense in its subject: {subject}"),
        ]
        given = tuple(reason for holds, reason in reasons if holds)
        duration = round(self._reading.duration(passage))
        return given or (f"whole sentences, {duration} s long, among the best of this recording",)

    def _text(self, words: WordSpan) -> str:
        return self._reading.transcript.text(words)


def score_of(parts: Mapping[str, float]) -> Share:
    """One figure for all parts, weighted: a payoff and needing nothing count most."""
    return sum(weight * parts.get(name, 0.0) for name, weight in _WEIGHTS.items())


def fitted(reading: Reading, passage: WordSpan, bounds: HighlightBounds) -> WordSpan | None:
    """`passage` made to whole sentences and to a length within `bounds`; None when that cannot be done."""
    touched = [
        i for i, one in enumerate(reading.sentences) if one.end > passage.first and one.first < passage.end
    ]
    if not touched:
        return None
    first, last = touched[0], touched[-1]
    while last > first and reading.duration(_joined(reading, first, last)) > bounds.longest:
        last -= 1
    while reading.duration(_joined(reading, first, last)) < bounds.shortest:
        if last + 1 == len(reading.sentences):
            return None
        last += 1
    fit = _joined(reading, first, last)
    return fit if reading.duration(fit) <= bounds.longest else None


def overlaps(one: WordSpan, other: WordSpan) -> bool:
    """Whether a word belongs to both."""
    return one.first < other.end and other.first < one.end


def _passages(reading: Reading, bounds: HighlightBounds, hole: Seconds) -> list[WordSpan]:
    """Every run of whole sentences of a fitting length without a silence longer than `hole` in it.

    It ends with a mark, unless none does: Thai has no such marks, and a small model may leave them out.
    """
    made: list[WordSpan] = []
    for first in range(len(reading.sentences)):
        for last in range(first, len(reading.sentences)):
            passage = _joined(reading, first, last)
            duration = reading.duration(passage)
            if duration > bounds.longest:
                break
            if duration >= bounds.shortest:
                made.append(passage)
            if reading.pause_after(passage) > hole:
                break
    return [passage for passage in made if reading.is_ended(passage)] or made


def _joined(reading: Reading, first: int, last: int) -> WordSpan:
    return WordSpan(first=reading.sentences[first].first, end=reading.sentences[last].end)


def _whole(reading: Reading, found: Sequence[Phrase]) -> tuple[Highlight, ...]:
    """All that was said, when that is too short to choose from and still more than a few words."""
    if len(reading.forms) < 8:
        return ()
    words = WordSpan(first=0, end=len(reading.forms))
    made = Scorer(reading, found, ()).highlight(words)
    return (made.model_copy(update={"reasons": ("it is all that is said in this recording",)}),)


def _best(reading: Reading, scored: Sequence[tuple[float, WordSpan]], count: int) -> list[WordSpan]:
    """The best that neither overlap nor tell the same, each a little away from the others."""
    chosen: list[WordSpan] = []
    for _, passage in sorted(scored, key=lambda entry: (-entry[0], entry[1].first)):
        if len(chosen) == count:
            break
        if not any(overlaps(passage, one) or _tells_same(reading, passage, one) for one in chosen):
            chosen.append(passage)
    return chosen


def _tells_same(reading: Reading, one: WordSpan, other: WordSpan) -> bool:
    left, right = set(reading.content(one)), set(reading.content(other))
    return len(left & right) > _LIKE_ENOUGH * max(1, min(len(left), len(right)))


def _weights(reading: Reading) -> dict[str, float]:
    """How much a word says of the subject: more the more often it is said, but ever more slowly."""
    counts = Counter(stem for stem in reading.stems if stem)
    return {stem: math.log(1 + count) for stem, count in counts.items()}


def _pace(reading: Reading, passage: WordSpan) -> float:
    """Words a second; never 0."""
    return max(0.1, (passage.end - passage.first) / max(0.1, reading.duration(passage)))


def _length(duration: Seconds) -> float:
    """1 within the ideal length, less the further away."""
    short, long = _IDEAL
    return min(1.0, duration / short, long / duration)


def _as_title(measured: wording.Wording) -> float:
    return 0.0 if measured.housekeeping else max(measured.quotable, measured.hook * measured.alone)


def _as_heading(sentence: str) -> str:
    return capitalised(re.sub(r"[.,;:]+$", "", sentence))


def _opens(opening: str) -> str:
    if "?" in opening:
        return "opens with a question"
    return "opens with a figure" if re.search(r"\d", opening) else "opens strongly"


def _shortened(text: str, longest: int = 70) -> str:
    if len(text) <= longest:
        return text.strip("\"'“”")
    return text[:longest].rsplit(" ", 1)[0].strip("\"'“” ,;:") + "…"


def _rounded(value: float) -> Share:
    return round(min(1.0, max(0.0, value)), 3)
