"""Clip candidates: which passages become clips, and exactly where each starts and ends.

A candidate is whole sentences. It starts a moment before its first word and ends a moment after its
last, but never inside a neighbouring word.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Self

from pydantic import Field, TypeAdapter, model_validator

from pipeline.model import (
    ClipCandidate,
    Enrichment,
    Frozen,
    Highlight,
    Quote,
    Seconds,
    Source,
    Span,
    Transcript,
    Word,
    WordSpan,
)

_NAME = "candidates.json"
_LEAD: Seconds = 0.35  # OpenShorts' measured limits: more would show the end of what was said before
_TAIL: Seconds = 0.45
_APART: Seconds = 3.0  # a longer silence separates two matters
_SLUG_LENGTH = 48
_CLAUSE_ENDS = (",", ";", ":", "—", "–", "،", "、", "，")
_LIST = TypeAdapter(tuple[ClipCandidate, ...])

type _Bounds = tuple[int, int]
"""The first word of a passage, and the first word after it."""


class CandidateOptions(Frozen):
    """How many clips an episode gets, and how long they may be."""

    count: int = Field(default=6, ge=0)
    """Clips at most; the best passages come first."""
    at_least: int = Field(default=3, ge=0)
    """With fewer highlights than this, quotes with what is said around them become clips too."""
    shortest: Seconds = Field(default=15.0, gt=0)
    """A shorter highlight is extended by whole sentences; a recording that is shorter is one clip."""
    longest: Seconds = Field(default=60.0, gt=0)
    """A longer highlight is cut at the end of a sentence."""

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        if self.longest < self.shortest:
            raise ValueError(f"longest ({self.longest} s) must not be below shortest ({self.shortest} s)")
        return self


def choose(
    source: Source, transcript: Transcript, enrichment: Enrichment, options: CandidateOptions
) -> tuple[ClipCandidate, ...]:
    """The passages of `enrichment` that become clips, best first; no two share a word.

    None when nothing was said. The same values give the same candidates.
    """
    if not transcript.sentences:
        return ()
    cutter = _Cutter(source, transcript, enrichment, options)
    ranked = sorted(enrichment.highlights, key=lambda highlight: (-highlight.score, highlight.words.first))
    for highlight in ranked:
        cutter.take(highlight, options.count)
    for quote in enrichment.quotes:
        cutter.take(_highlight(quote), min(options.at_least, options.count))
    return tuple(cutter.candidates())


def write_candidates(candidates: Sequence[ClipCandidate], out: Path) -> None:
    """Write `candidates.json` into the folder `out`."""
    (out / _NAME).write_bytes(_LIST.dump_json(tuple(candidates), indent=1))


def read_candidates(folder: Path) -> tuple[ClipCandidate, ...]:
    """What `write_candidates` left in `folder`."""
    return _LIST.validate_json((folder / _NAME).read_bytes())


def cut(words: Sequence[Word], bounds: _Bounds, end: Seconds) -> Span:
    """From a moment before the first word to a moment after the last, at most half the silence.

    `bounds` are a word's index and that after another's; the recording is over at `end`.
    """
    first, following = bounds
    before = words[first].start - (words[first - 1].end if first else 0.0)
    after = (words[following].start if following < len(words) else end) - words[following - 1].end
    lead, tail = min(_LEAD, max(before, 0) / 2), min(_TAIL, max(after, 0) / 2)
    start = max(words[first].start - lead, 0.0)
    stop = min(words[following - 1].end + tail, end)
    return Span(start=round(start, 3), end=round(max(stop, start + 0.1), 3))


def slug(title: str) -> str:
    """Lower-case ASCII words joined by hyphens; "clip" where the title has none."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", ascii_only.replace("'", ""))
    kept = ""
    for word in words:
        if kept and len(kept) + len(word) + 1 > _SLUG_LENGTH:
            break
        kept = f"{kept}-{word}" if kept else word[:_SLUG_LENGTH]
    return kept or "clip"


class _Cutter:
    """Takes passages one by one, each cut so that it fits between those that are taken."""

    def __init__(
        self, source: Source, transcript: Transcript, enrichment: Enrichment, options: CandidateOptions
    ) -> None:
        self._transcript, self._options = transcript, options
        self._end = max(source.media.duration, transcript.words[-1].end)
        self._borders = {chapter.words.first for chapter in enrichment.chapters}
        self._taken: list[tuple[Highlight, _Bounds]] = []

    def take(self, highlight: Highlight, limit: int) -> None:
        """Take `highlight` if there is room for it, and fewer than `limit` are taken."""
        if len(self._taken) >= limit or not self._is_free(highlight.words.first, highlight.words.end):
            return
        bounds = self._shortened(self._whole_sentences(highlight.words))
        bounds = self._extended(bounds)
        if self._is_free(*bounds) and self._fits(bounds):
            self._taken.append((highlight, bounds))

    def candidates(self) -> Iterator[ClipCandidate]:
        for number, (highlight, (first, end)) in enumerate(self._taken, start=1):
            yield ClipCandidate(
                clip_id=f"{number:02d}-{slug(highlight.title)}",
                title=highlight.title,
                span=self._span((first, end)),
                words=WordSpan(first=first, end=end),
                score=highlight.score,
                score_parts=highlight.score_parts,
                reasons=highlight.reasons,
            )

    def _is_free(self, first: int, end: int) -> bool:
        return all(end <= other_first or first >= other_end for _, (other_first, other_end) in self._taken)

    def _fits(self, bounds: _Bounds) -> bool:
        """Long enough, unless it is all there is."""
        whole = bounds[0] == 0 and bounds[1] == len(self._transcript.words)
        return whole or self._span(bounds).duration >= self._options.shortest

    def _span(self, bounds: _Bounds) -> Span:
        return cut(self._transcript.words, bounds, self._end)

    def _whole_sentences(self, words: WordSpan) -> _Bounds:
        """`words`, widened to the start of its first sentence and the end of its last."""
        touched = [
            sentence.words
            for sentence in self._transcript.sentences
            if sentence.words.first < words.end and sentence.words.end > words.first
        ]
        if not touched:
            return words.first, words.end
        return touched[0].first, touched[-1].end

    def _shortened(self, bounds: _Bounds) -> _Bounds:
        """At most as long as allowed: cut at the latest sentence end, or else at a clause or a pause."""
        if self._span(bounds).duration <= self._options.longest:
            return bounds
        first, end = bounds
        fitting = [
            at for at in range(first + 1, end) if self._span((first, at)).duration <= self._options.longest
        ]
        ends = {sentence.words.end for sentence in self._transcript.sentences}
        whole = [at for at in fitting if at in ends and self._is_long_enough((first, at))]
        return first, (whole[-1] if whole else self._breathing_place(fitting or [first + 1]))

    def _is_long_enough(self, bounds: _Bounds) -> bool:
        return self._span(bounds).duration >= self._options.shortest

    def _breathing_place(self, places: Sequence[int]) -> int:
        """Of the last half of `places`, the one after a clause with the longest pause."""
        words = self._transcript.words
        late = places[len(places) // 2 :]
        return max(
            late,
            key=lambda at: (
                words[at - 1].text.endswith(_CLAUSE_ENDS),
                words[at].start - words[at - 1].end,
                at,
            ),
        )

    def _extended(self, bounds: _Bounds) -> _Bounds:
        """At least as long as wanted, by the neighbouring sentences that belong: first those of the
        same matter, then any."""
        for stays_on_matter in (True, False):
            while not self._is_long_enough(bounds):
                wider = min(self._wider(bounds, stays_on_matter), default=None)
                if wider is None:
                    break
                bounds = wider[1]
        return bounds

    def _wider(self, bounds: _Bounds, stays_on_matter: bool) -> Iterator[tuple[float, _Bounds]]:
        """`bounds` with one sentence more on either side, each with the silence in between.

        What follows is preferred to what comes before: a listener waits for the point.
        """
        (first, end), words = bounds, self._transcript.words
        sentences = [sentence.words for sentence in self._transcript.sentences]
        after = [((first, one.end), end, 0.0) for one in sentences if one.first <= end < one.end]
        before = [((one.first, end), first, 0.5) for one in sentences if one.first < first <= one.end]
        for wider, seam, handicap in chain(after, before):
            silence = words[seam].start - words[seam - 1].end
            belongs = seam not in self._borders and silence <= _APART
            fits = self._is_free(*wider) and self._span(wider).duration <= self._options.longest
            if fits and (belongs or not stays_on_matter):
                yield silence + handicap, wider


def _highlight(quote: Quote) -> Highlight:
    """A quote as the heart of a clip, for recordings with few highlights."""
    return Highlight(
        title=" ".join(quote.text.split()[:8]).strip(" ,;:-–—.…"),
        words=quote.words,
        score=0.0,
        score_parts={},
        reasons=("a sentence worth quoting, with what is said around it",),
    )
