"""How a sentence is worded: can it be understood alone, does it draw a listener in, does it make a point.

The signs that are not words (marks, numbers, length) hold for every language; the word lists are English
and are not looked at for another language.
"""

import re
from dataclasses import dataclass

from pipeline.model import WordSpan
from pipeline.reading import Reading, listed

_LEADING = listed("""
and so but or well um uh er yeah yes no okay ok right like actually exactly totally anyway now
because oh ah hey ha also plus basically honestly sorry then
""")
_LEADING_PAIRS = {("you", "know"), ("i", "mean"), ("you", "see"), ("of", "course")}
_POINTS_BACK = listed("""
he she it they that this these those his her its their him them it's he's she's they're that's
they've they'd it'd it'll that'll such another which who whom whose where when while
""")
_POINTS_BACK_LATER = listed("""
he she they it him them his her their that this those these
""")
_ASKS = listed("""
how what why which who
""")
_STRONG = listed("""
never always nobody everybody everyone nothing everything only first last best worst most biggest
largest smallest fastest cheapest hardest easiest greatest secret mistake mistakes wrong truth
problem surprising surprised surprise incredible amazing shocking brutal huge terrible wild crazy
wow impossible free money save lost killed died dead love hate fear afraid danger dangerous risk
failed fail win won kicker million billion percent half double twice zero must can't cannot why how
imagine remember listen stop tired waste stole broke changed forever instead actually
""")
_POINT = re.compile(
    r"\b(that's why|which means|that means|the (?:lesson|point|answer|result|truth|key|pattern|trick|secret)|"
    r"in the end|turns out|what (?:matters|counts)|so (?:that|the)|because|therefore|"
    r"as a result|it's (?:not )?about|not .{2,40} but|instead|from then on|after that|ever since|at last|"
    r"finally|i (?:learned|realised|realized|found)|we (?:learned|found|need|want)|you (?:can|need|have to)"
    r")\b"
)
_CONTRAST = re.compile(
    r"\b(not .{2,60}\b(?:but|it's|they were)\b|isn't .{2,40} it's|rather than|instead of|"
    r"more .{1,30} than|less .{1,30} than|n't .{2,60}, (?:but|it's|they))"
)
_ADDRESSES = re.compile(r"\b(you|your|you're|imagine|picture this|listen|let's)\b")
_HOUSEKEEPING = re.compile(
    r"\b(welcome (?:back|to)|thanks? (?:you|for|again|to|so)|show notes|subscribe|episode|recording by|"
    r"public domain|librivox|sponsor|podcast|follow us|please visit|see you|sitting with me|my name is|"
    r"sorry|hold on|jump in|great question|let us turn|let's (?:turn|move)|moving on|"
    r"(?:part of )?this programme?|links?)\b"
)
_SPOKEN_PAUSES = re.compile(r"(?:,\s*)?\b(?:um+|uh+|erm?|you know|i mean)\b,?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Wording:
    """One sentence, measured; every figure is a share."""

    alone: float
    """1 when nothing before it is needed to understand it."""
    hook: float
    """How much it draws a listener in when it comes first."""
    payoff: float
    """How much it makes a point when it comes last."""
    quotable: float
    housekeeping: bool
    """Greetings, thanks, notices: true, needed, and nobody's highlight."""


def measure(reading: Reading, sentence: WordSpan) -> Wording:
    """How `sentence` is worded."""
    text = reading.transcript.text(sentence)
    low = text.casefold().replace("’", "'")
    english = reading.transcript.language == "en"
    alone = _alone(reading, sentence, english)
    housekeeping = english and bool(_HOUSEKEEPING.search(low))
    strong = _strength(reading, sentence) if english else 0.0
    count = sentence.end - sentence.first
    return Wording(
        alone=alone,
        hook=0.0 if housekeeping else _hook(low, strong, count),
        payoff=0.0 if housekeeping else _payoff(reading, sentence, low, strong),
        quotable=0.0 if housekeeping else _quotable(low, strong, count, alone),
        housekeeping=housekeeping,
    )


def without_lead_in(reading: Reading, sentence: WordSpan) -> WordSpan:
    """`sentence` less the words that only tie it to what was said before ("And", "Well, you know,")."""
    if reading.transcript.language != "en":
        return sentence
    first, forms = sentence.first, reading.forms
    while first < sentence.end - 4:
        if (forms[first], forms[first + 1]) in _LEADING_PAIRS:
            first += 2
        elif forms[first] in _LEADING and not _is_needed(reading, first):
            first += 1
        else:
            break
    return WordSpan(first=first, end=sentence.end)


def tidied(text: str, language: str) -> str:
    """`text` as a written sentence: no "um", a capital at its start, one mark at its end."""
    if language == "en":
        text = _SPOKEN_PAUSES.sub(lambda found: ", " if found[0].count(",") > 1 else " ", text)
    text = re.sub(r"\s+", " ", text).strip(" ,;:-–—\"'“”‘")
    ends = text.endswith((".", "!", "?", "…", "。", "！", "？", "؟", "।"))
    return text[:1].upper() + text[1:] + ("" if ends or not text else ".")


def _is_needed(reading: Reading, word: int) -> bool:
    """ "No one", "so that", "right now": the first word belongs to the second."""
    return (reading.forms[word], reading.forms[word + 1]) in {
        ("no", "one"), ("so", "that"), ("right", "now"), ("now", "that"), ("like", "the"), ("no", "matter"),
        ("because", "of"), ("or", "else"), ("so", "many"), ("so", "much"), ("then", "again"),
    } or (reading.forms[word] in {"no", "right"} and not _ends_with_comma(reading, word))  # fmt: skip


def _ends_with_comma(reading: Reading, word: int) -> bool:
    return reading.transcript.words[word].text.endswith(",")


def _alone(reading: Reading, sentence: WordSpan, english: bool) -> float:
    text = reading.transcript.words[sentence.first].text.lstrip("\"'“‘¿¡(")
    score = 1.0
    if text[:1].islower():
        score -= 0.5  # the transcript broke off in the middle of a sentence
    if not reading.is_ended(sentence):
        score -= 0.4
    if english:
        score -= _leaning(reading, sentence)
    return max(0.0, score)


def _leaning(reading: Reading, sentence: WordSpan) -> float:
    """How much an English sentence leans on the one before it."""
    start = without_lead_in(reading, sentence).first
    leaning = 0.3 if start > sentence.first or reading.forms[sentence.first] in _LEADING else 0.0
    if reading.forms[start] in _ASKS and "?" not in reading.transcript.text(sentence):
        leaning += 0.3  # "How a heater saves money." is the rest of a sentence
    opening = reading.forms[start : min(start + 4, sentence.end)]
    if opening and opening[0] in _POINTS_BACK:
        return leaning + (0.3 if opening[0] in {"this", "these", "when", "while", "where"} else 0.6)
    said_before = any(reading.stems[i] for i in range(start, min(start + 4, sentence.end)))
    if not said_before and _POINTS_BACK_LATER & set(opening):
        leaning += 0.3
    return leaning


def _strength(reading: Reading, sentence: WordSpan) -> float:
    hits = sum(form in _STRONG for form in reading.words(sentence))
    return min(1.0, hits / 2)


def _hook(low: str, strong: float, count: int) -> float:
    score = 0.15 + 0.35 * strong
    score += 0.3 * ("?" in low) + 0.15 * bool(_ADDRESSES.search(low)) + 0.15 * bool(re.search(r"\d", low))
    score += 0.15 * ("!" in low) + 0.1 * bool(_CONTRAST.search(low))
    if count <= 14:
        score += 0.15
    return min(1.0, score * (0.7 if count > 32 or count < 3 else 1.0))


def _payoff(reading: Reading, sentence: WordSpan, low: str, strong: float) -> float:
    if not reading.is_ended(sentence) or low.rstrip("\"'”’").endswith("?"):
        return 0.0
    score = 0.3 + 0.3 * bool(_POINT.search(low)) + 0.2 * strong + 0.15 * bool(_CONTRAST.search(low))
    score += 0.1 * ("!" in low)
    if reading.pause_after(sentence) >= 0.6:
        score += 0.15
    return min(1.0, score)


def _quotable(low: str, strong: float, count: int, alone: float) -> float:
    if not 6 <= count <= 32 or low.endswith("?"):
        return 0.0
    score = 0.25 + 0.3 * strong + 0.25 * bool(_CONTRAST.search(low)) + 0.2 * bool(_POINT.search(low))
    score += 0.1 * bool(re.search(r"\d", low)) + 0.1 * (count <= 20)
    return min(1.0, score) * alone
