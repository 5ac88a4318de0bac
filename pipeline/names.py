"""People and organisations that are named: few and right rather than many and wrong.

A name is a run of capitalised words that is capitalised where no sentence starts, with a sign of what it
is: a title, an introduction, an organisation's ending, a guest list. A capital alone proves nothing (a
town, a weekday, a month and a language have one, too), so a name without a sign is left out.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from pipeline.model import Metadata, Name, WordSpan
from pipeline.reading import SENTENCE_END, Reading, listed

type Kind = Literal["person", "organisation"]

_TITLES = listed("""
mr mrs ms miss dr doctor prof professor sir dame lord lady president senator governor mayor minister
chancellor judge justice captain general colonel sergeant king queen prince princess pope bishop
reverend herr frau señor señora monsieur madame
""")
_ORGANISATION_ENDS = listed("""
inc ltd llc corp corporation company co gmbh ag plc university college school institute academy
council committee commission ministry department agency bank group foundation trust society
association union party church hospital museum library orchestra club press times post news radio
television studios records court senate parliament congress house airlines motors labs laboratories
systems technologies software services partners holdings party universität stiftung verein
""")
_SPEAKS = listed("""
said says told tells asked asks replied answered wrote writes argues argued thinks
""")
_ROLES = listed("""
actor actress architect artist astronaut astronomer author baker banker biologist boss captain
chemist chief coach colleague commander composer cook director doctor driver economist editor
electrician engineer expert explorer farmer founder friend head historian host inventor investor
journalist landlord lawyer leader linguist manager mathematician mechanic merchant minister musician
nurse officer owner painter philosopher photographer physicist pilot player poet politician
president priest printer producer professor programmer psychologist researcher sailor scientist
sculptor secretary singer soldier surgeon teacher trader writer
""")
_PLACED_BY = {"in", "from", "near", "at", "to", "around", "across", "outside"}
_INTRODUCED_BY = re.compile(
    r"\b(?:i'm|i am|my name is|his name is|her name is|with me is|joined by|joining me is|thanks|thank you|"
    r"welcome|hello|hi|edited by|written by|recording by|read by|directed by|named|called)$"
)
_MADE_BY = re.compile(r"\b(?:edited|written|read|directed|composed|painted|invented|founded|recorded) by$")
_COMPANY_SIGNS = re.compile(
    r"\b(?:works? (?:for|at)|worked (?:for|at)|ceo of|founder of|platforms? like|companies like|"
    r"company called|"
    r"startup called|firms? like|acquired|a company|software like|assistant like|tools? like|apps? like)$"
)
_NEVER = listed("""
monday tuesday wednesday thursday friday saturday sunday january february march april may june july
august september october november december english french german spanish italian latin greek chinese
american british european roman gothic christian god bible internet christmas easter i ok okay
""")
# Languages that write every noun with a capital, or have no capitals at all: only signs can be trusted.
_CAPITALS_MEAN_NOTHING = {"de", "lb"}
_LONGEST = 4
_PARTICLES = {"of", "de", "van", "von", "der", "den", "la", "le", "da", "del", "bin", "al", "the", "for"}


def names(reading: Reading, metadata: Metadata) -> tuple[Name, ...]:
    """Who is named, in order of first mention, each with every place where it is."""
    places = _capitalised_runs(reading)
    kinds = {text: kind for text, spans in places.items() if (kind := _kind(reading, text, spans))}
    known: dict[str, Kind] = dict.fromkeys(metadata.guests, "person")
    known |= {text: kind for text, kind in kinds.items() if not _is_part_of(text, list(known))}
    known = {
        text: kind for text, kind in known.items() if not _is_part_of(text, [k for k in known if k != text])
    }
    found = [mentioned(reading, text, kind) for text, kind in known.items()]
    return tuple(sorted((name for name in found if name), key=lambda name: name.mentions[0].first))


def mentioned(reading: Reading, name: str, kind: Kind) -> Name | None:
    """`name` with every place where it, or a person's family name alone, is said; None when nowhere."""
    whole = reading.find(name)
    family = name.split()[-1] if name.strip() else ""
    alone = reading.find(family) if kind == "person" and " " in name else []
    inside = {i for span in whole for i in range(span.first, span.end)}
    is_written = [s for s in alone if s.first not in inside and _is_capitalised(reading, s.first)]
    mentions = sorted([*whole, *is_written], key=lambda span: span.first)
    return Name(name=name, kind=kind, mentions=tuple(mentions)) if mentions else None


def _capitalised_runs(reading: Reading) -> dict[str, list[WordSpan]]:
    """Runs of capitalised words as they are written, and where; a name at a sentence's start counts only
    when it is also seen elsewhere, or is more than one word."""
    if reading.transcript.language in _CAPITALS_MEAN_NOTHING:
        return _titled_runs(reading)
    lower = {
        form
        for form, word in zip(reading.forms, reading.transcript.words, strict=True)
        if word.text.islower()
    }
    places: dict[str, list[WordSpan]] = defaultdict(list)
    for sentence in reading.sentences:
        for span in _runs(reading, sentence):
            kept = _without_plain_start(reading, span, sentence.first, lower)
            if kept:
                places[written(reading, kept)].append(kept)
    return places


def written(reading: Reading, span: WordSpan) -> str:
    """A name as it is written, without punctuation and possessive."""
    text = reading.transcript.text(span).strip(" .,;:!?…\"“”‘’'()-")
    return text.removesuffix("'s").removesuffix("’s")


def _titled_runs(reading: Reading) -> dict[str, list[WordSpan]]:
    runs = [span for sentence in reading.sentences for span in _runs(reading, sentence)]
    places: dict[str, list[WordSpan]] = defaultdict(list)
    for span in runs:
        if reading.forms[span.first] in _TITLES and span.end - span.first > 1:
            places[written(reading, span)].append(span)
    return places


def _runs(reading: Reading, sentence: WordSpan) -> Iterator[WordSpan]:
    words, first = reading.transcript.words, sentence.first
    while first < sentence.end:
        end = first
        while end < sentence.end and end - first < _LONGEST and _continues(reading, first, end):
            end += 1
            if _closes(words[end - 1].text, reading.forms[end - 1]):
                break
        while end > first and not _is_capitalised(reading, end - 1):
            end -= 1
        if end > first:
            yield WordSpan(first=first, end=end)
        first = max(end, first + 1)


def _continues(reading: Reading, first: int, at: int) -> bool:
    if _is_capitalised(reading, at):
        return True
    particle = at > first and reading.forms[at] in _PARTICLES - {"the", "for"}
    return particle and at + 1 < len(reading.forms) and _is_capitalised(reading, at + 1)


def _closes(text: str, form: str) -> bool:
    """Whether a name cannot go on after this word: "Smith," does, "Dr." does not."""
    abbreviation = form in _TITLES or (len(form) == 1 and text.endswith("."))
    return text.endswith((*SENTENCE_END, ",", ";", ":", "'s", "’s", '"')) and not abbreviation


def _is_capitalised(reading: Reading, word: int) -> bool:
    text = reading.transcript.words[word].text.lstrip("\"'“‘(¿¡")
    return text[:1].isupper() and not text.startswith(("I'", "I’")) and reading.forms[word] != "i"


def _without_plain_start(
    reading: Reading, span: WordSpan, sentence_start: int, lower: set[str]
) -> WordSpan | None:
    """`span` less the words that are capitalised only because a sentence starts with them."""
    first = span.first
    while first < span.end and (
        (first == sentence_start and _is_plain(reading, first, lower)) or _is_stop(reading, first)
    ):
        first += 1
    return WordSpan(first=first, end=span.end) if first < span.end else None


def _is_plain(reading: Reading, word: int, lower: set[str]) -> bool:
    return reading.forms[word] in lower and reading.forms[word] not in _TITLES


def _is_stop(reading: Reading, word: int) -> bool:
    return not reading.stems[word] and reading.forms[word] not in _TITLES


def _kind(reading: Reading, text: str, places: Sequence[WordSpan]) -> Kind | None:
    """What `text` names, by its signs; None when they do not say."""
    forms = [form.strip(".") for form in text.casefold().split()]
    if all(form in _NEVER for form in forms) or forms[-1] in _NEVER or len(text) < 3:
        return None
    if forms[-1] in _ORGANISATION_ENDS and len(forms) > 1:
        return "organisation"
    if forms[0] in _TITLES:
        return "person" if len(forms) > 1 and not _is_common(reading, forms[-1]) else None
    if any(_COMPANY_SIGNS.search(_before(reading, span)) for span in places):
        return "organisation"
    if text.isupper() and len(forms) == 1 and len(places) > 1 and "." not in text:
        return "organisation" if _has_article(reading, places) else None
    return "person" if _is_person(reading, forms, places) else None


def _is_person(reading: Reading, forms: Sequence[str], places: Sequence[WordSpan]) -> bool:
    if any(_has_article(reading, [span]) for span in places):
        return False
    if all(span.first > 0 and reading.forms[span.first - 1] in _PLACED_BY for span in places):
        return False
    before = [_before(reading, span) for span in places]
    introduced = any(_INTRODUCED_BY.search(text) for text in before)
    speaks = any(_next(reading, span) in _SPEAKS for span in places)
    made = any(_MADE_BY.search(text) or text.endswith(" by") for text in before)
    if len(forms) == 1:
        return introduced and len(places) > 1 and not _is_common(reading, forms[0])
    return introduced or speaks or made or any(_has_role(reading, span) for span in places)


def _has_role(reading: Reading, span: WordSpan) -> bool:
    """Whether the words beside a name say what the person does: "Ann Lee was a cook"."""
    before = set(reading.forms[max(0, span.first - 5) : span.first])
    if before & _ROLES:
        return True
    after = reading.forms[span.end : span.end + 5]
    return bool(after) and after[0] in {"is", "was", "a", "an", "the", "who"} and bool(_ROLES & set(after))


def _is_common(reading: Reading, form: str) -> bool:
    """Whether the transcript also writes it as a common word."""
    spoken = zip(reading.forms, reading.transcript.words, strict=True)
    return any(other == form and word.text[:1].islower() for other, word in spoken)


def _has_article(reading: Reading, places: Sequence[WordSpan]) -> bool:
    return any(span.first > 0 and reading.forms[span.first - 1] in {"the", "a", "an"} for span in places)


def _before(reading: Reading, span: WordSpan) -> str:
    """The three words before `span`, as they are compared; a sentence's end cuts them off."""
    words, first = reading.transcript.words, span.first
    while first > max(0, span.first - 3) and not words[first - 1].text.endswith(SENTENCE_END):
        first -= 1
    return " ".join(reading.forms[first : span.first])


def _next(reading: Reading, span: WordSpan) -> str:
    return reading.forms[span.end] if span.end < len(reading.forms) else ""


def _is_part_of(text: str, others: Sequence[str]) -> bool:
    """Whether `text` is a shorter form of one of `others`: "Lang" of "Andrew Lang"."""
    own = set(text.casefold().split())
    return any(own < set(other.casefold().split()) or text.casefold() == other.casefold() for other in others)
