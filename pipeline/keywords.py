"""What a recording is about in a few phrases: counted runs of its own words, the longer before the shorter.

A phrase counts for itself only where it is not part of a longer one that recurs (the C-value of Frantzi,
Ananiadou and Mima 2000); within one part of a recording it counts by how much it belongs to that part
(tf-idf over the parts, the count dampened).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.model import WordSpan
from pipeline.reading import SENTENCE_END, Reading, listed

_LONGEST = 3
_CONNECTORS = {"of"}
_PUNCTUATION = (*SENTENCE_END, ",", ";", ":", "、", "，", "；", "：", "—", "–", '"')
_WEIGHT_BY_LENGTH = {1: 1.0, 2: 1.8, 3: 2.1}
_WEIGHT_IN_HEADING = {1: 1.0, 2: 1.9, 3: 2.2}
# What stands before a noun in English, so that "the bargain" counts and "hastened to" does not.
_BEFORE_NOUNS = listed("""
a an the this that these those my your our their his her its no some any every each of in for with
from about and on by at or between smart good more most new many few several two three single own
""")
_NOT_NOUNS = ("ly", "ize", "ised", "ized", "'re", "'ve", "'ll", "n't", "'d")


@dataclass(frozen=True)
class Phrase:
    """A run of words that is said in one or more places, alike but for endings."""

    stems: tuple[str, ...]
    text: str
    """As it is most often written in the transcript."""
    places: tuple[WordSpan, ...]


def phrases(reading: Reading) -> tuple[Phrase, ...]:
    """Every phrase of one to three words that could stand as a keyword, in order of first mention."""
    places: dict[tuple[str, ...], list[WordSpan]] = defaultdict(list)
    for sentence in reading.sentences:
        for span in _runs(reading, sentence):
            places[_key(reading, span)].append(span)
    kept = {key: spans for key, spans in places.items() if _may_be_keyword(reading, key, spans)}
    return tuple(Phrase(key, _surface(reading, spans), tuple(spans)) for key, spans in kept.items())


def keywords(found: Sequence[Phrase], count: int) -> tuple[str, ...]:
    """The `count` best phrases of the whole recording, best first, none a part of another."""
    scores = {phrase.stems: value for phrase, value in zip(found, _values(found), strict=True)}
    by_stems = {phrase.stems: phrase for phrase in found}
    return tuple(phrase.text for phrase in _best(scores, by_stems, count))


def heading(found: Sequence[Phrase], part: WordSpan, parts: Sequence[WordSpan], language: str) -> str:
    """One or two phrases that belong to `part` more than to the other `parts`; empty when it has none."""
    inside = {phrase.stems: _count_in(phrase, part) for phrase in found}
    scores = {
        phrase.stems: _belonging(phrase, inside[phrase.stems], parts)
        for phrase in found
        if inside[phrase.stems]
    }
    chosen = _best(scores, {phrase.stems: phrase for phrase in found}, 2)
    if len(chosen) == 2 and scores[chosen[1].stems] < 0.5 * scores[chosen[0].stems]:
        chosen = chosen[:1]
    return capitalised((" and " if language == "en" else ", ").join(phrase.text for phrase in chosen))


def capitalised(text: str) -> str:
    """`text` with its first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]


def _runs(reading: Reading, sentence: WordSpan) -> list[WordSpan]:
    words, stems = reading.transcript.words, reading.stems
    runs: list[WordSpan] = []
    for first in range(sentence.first, sentence.end):
        for end in range(first + 1, min(first + _LONGEST, sentence.end) + 1):
            if stems[first] and stems[end - 1] and _is_whole(reading, first, end):
                runs.append(WordSpan(first=first, end=end))
            if words[end - 1].text.endswith(_PUNCTUATION):
                break
    return runs


def _is_whole(reading: Reading, first: int, end: int) -> bool:
    """Whether nothing but words that carry meaning is inside, and no name is cut in two."""
    if _is_within_name(reading, first) or _is_within_name(reading, end):
        return False
    inner = range(first + 1, end - 1)
    return all(reading.stems[i] or reading.forms[i] in _CONNECTORS for i in inner)


def _is_within_name(reading: Reading, border: int) -> bool:
    words = reading.transcript.words
    if not 0 < border < len(words) or words[border - 1].text.endswith(_PUNCTUATION):
        return False
    both = words[border - 1].text[:1].isupper() and words[border].text[:1].isupper()
    return both and bool(reading.stems[border - 1] and reading.stems[border])


def _key(reading: Reading, span: WordSpan) -> tuple[str, ...]:
    return tuple(reading.stems[i] or reading.forms[i] for i in range(span.first, span.end))


def _may_be_keyword(reading: Reading, key: tuple[str, ...], places: Sequence[WordSpan]) -> bool:
    if len(key) > 1 and len(places) < 2:
        return False
    if reading.transcript.language != "en":
        return True
    return _looks_like_a_noun(reading, places)


def _looks_like_a_noun(reading: Reading, places: Sequence[WordSpan]) -> bool:
    last = reading.forms[places[0].end - 1]
    if last.endswith(_NOT_NOUNS) or "'" in last:
        return False
    before = [reading.forms[span.first - 1] for span in places if span.first > 0]
    after_noun_sign = sum(form in _BEFORE_NOUNS for form in before)
    is_single = places[0].end - places[0].first == 1
    share_needed = 0.3 if is_single else 0.15
    if is_single and last.endswith(("ed", "ing")):
        share_needed = 0.5
    return after_noun_sign >= max(1, share_needed * len(places))


def _surface(reading: Reading, places: Sequence[WordSpan]) -> str:
    words = reading.transcript.words
    written = Counter(_written(reading, span) for span in places)
    mid_sentence = Counter(
        _written(reading, span)
        for span in places
        if span.first > 0 and not words[span.first - 1].text.endswith(SENTENCE_END)
    )
    choice = mid_sentence or Counter({text.lower(): count for text, count in written.items()})
    return max(choice, key=lambda text: (choice[text], -len(text), text))


def _written(reading: Reading, span: WordSpan) -> str:
    text = reading.transcript.text(span).strip(" .,;:!?…\"“”‘’'()[]。，、！？؟")
    for ending in ("'s", "’s"):
        text = text.removesuffix(ending)
    return text


def _values(found: Sequence[Phrase]) -> list[float]:
    inside: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for phrase in found:
        for part in _sub_keys(phrase.stems):
            inside[part].append(len(phrase.places))
    return [_c_value(phrase, inside[phrase.stems]) for phrase in found]


def _c_value(phrase: Phrase, longer: Sequence[int]) -> float:
    own = len(phrase.places) - (sum(longer) / len(longer) if longer else 0.0)
    return _WEIGHT_BY_LENGTH[len(phrase.stems)] * own


def _sub_keys(stems: tuple[str, ...]) -> list[tuple[str, ...]]:
    lengths = range(1, len(stems))
    return [stems[i : i + n] for n in lengths for i in range(len(stems) - n + 1)]


def _best(
    scores: Mapping[tuple[str, ...], float], by_stems: Mapping[tuple[str, ...], Phrase], count: int
) -> list[Phrase]:
    """The best phrases that share no stem, best first; equal ones in order of first mention."""
    chosen: list[Phrase] = []
    for stems in sorted(scores, key=lambda key: (-scores[key], by_stems[key].places[0].first)):
        if not any(set(stems) & set(phrase.stems) for phrase in chosen):
            chosen.append(by_stems[stems])
        if len(chosen) == count:
            break
    return chosen


def _count_in(phrase: Phrase, part: WordSpan) -> int:
    return sum(part.first <= span.first and span.end <= part.end for span in phrase.places)


def _belonging(phrase: Phrase, inside: int, parts: Sequence[WordSpan]) -> float:
    holding = sum(_count_in(phrase, part) > 0 for part in parts) or 1
    rarity = math.log(1 + len(parts) / holding)
    weight = _WEIGHT_IN_HEADING[len(phrase.stems)]
    if len(parts) == 1:  # nothing to compare with: the longer phrase says more than the more frequent one
        return float(weight**1.3) * math.log(1 + inside)
    return weight * float(inside**0.75) * rarity
