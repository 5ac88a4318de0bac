"""How good a place between two words is for a subtitle, or one of its lines, to end.

The rules are the BBC Subtitle Guidelines' and the Netflix English Timed Text Style Guide's: after
punctuation; before a conjunction or a preposition; not between article and noun, preposition and
phrase, conjunction and clause, pronoun and verb, parts of a verb, or first and last name. The word
lists are English; in other languages only punctuation and pauses count.
"""

from collections.abc import Sequence

from pipeline.model import Seconds

SENTENCE_END = 0.0
SPLIT_WORD = 14.0
_CLAUSE_END = 1.0
_COMMA = 1.5
_PAUSE = 3.0
_BEFORE_JOINING_WORD = 3.5
_ANYWHERE = 5.0
_IN_A_NAME = 9.0
_AFTER_LEANING_WORD = 10.0
_HEARD_PAUSE: Seconds = 0.3

_CLOSERS = "\"'”’»)]}"
_SENTENCE_MARKS = (".", "?", "!", "…", "。", "？", "！", "؟", "।")
_CLAUSE_MARKS = (";", ":", "—", "–", "；", "：")
_COMMA_MARKS = (",", "、", "，", "،")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONJUNCTIONS = _words("""
    and but or nor so yet because although though while if unless until since when where that which
    who whose as than whether
""")
_PREPOSITIONS = _words("""
    of in on at to from with by for about into onto over under between through during before after
    against within without near above below across along among around behind beyond despite except
    inside outside per toward towards upon via like
""")
_ARTICLES = _words("""
    a an the this that these those my your his her its our their some any no every each another such
    very more most
""")
_PRONOUNS = _words("""
    i you he she it we they who there i'm you're he's she's it's we're they're i've you've we've
    they've i'll you'll he'll she'll we'll they'll
""")
_AUXILIARIES = _words("""
    am is are was were be been being has have had do does did will would shall should can could may
    might must not don't doesn't didn't isn't aren't wasn't weren't can't couldn't won't wouldn't
    shouldn't haven't hasn't hadn't mr mrs ms dr st prof
""")

_JOINING = _CONJUNCTIONS | _PREPOSITIONS
_LEANING = _JOINING | _ARTICLES | _PRONOUNS | _AUXILIARIES
_TITLES = frozenset(["mr.", "mrs.", "ms.", "dr.", "st.", "prof."])


def ends_sentence(text: str) -> bool:
    """Whether a word closes a sentence, by its punctuation; titles such as "Dr." do not."""
    return text.rstrip(_CLOSERS).endswith(_SENTENCE_MARKS) and text.lower() not in _TITLES


def penalties(texts: Sequence[str], pauses: Sequence[Seconds], *, language: str) -> list[float]:
    """For each word, what it costs to break after it: 0 is a sentence's end, 10 tears a phrase apart.

    `pauses` has the silence after each word, in seconds. The last word costs nothing.
    """
    english = language == "en"
    costs = [
        _penalty(text, following, pause, english=english)
        for text, following, pause in zip(texts[:-1], texts[1:], pauses, strict=False)
    ]
    return [*costs, SENTENCE_END][: len(texts)]


def _penalty(text: str, following: str, pause: Seconds, *, english: bool) -> float:
    bare = text.rstrip(_CLOSERS)
    if ends_sentence(text):
        return SENTENCE_END
    if bare.endswith(_CLAUSE_MARKS):
        return _CLAUSE_END
    if bare.endswith(_COMMA_MARKS):
        return _COMMA
    cost = _phrase_penalty(text, following) if english else _ANYWHERE
    return min(cost, _PAUSE + cost / 4) if pause >= _HEARD_PAUSE else cost


def _phrase_penalty(text: str, following: str) -> float:
    """English: what a break between two words of one clause tears apart."""
    word, after = text.lower().replace("’", "'").strip(".\"'“”‘"), following.lower().strip(".,?!\"'“”‘")
    capital = following[:1].isupper() and after != "i" and not after.startswith("i'")
    if capital and after in _LEANING:
        return _COMMA  # no name begins so: a sentence does, whose full stop was not recognised
    if word in _LEANING:
        return _AFTER_LEANING_WORD
    if capital and text[:1].isupper():
        return _IN_A_NAME
    return _BEFORE_JOINING_WORD if after in _JOINING else _ANYWHERE
