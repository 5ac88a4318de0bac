"""A transcript as the local enricher reads it: comparable words, their stems, sentences of bearable length.

Works for any language: tokens are the transcript's own words, compared without case and punctuation.
Stop words and stems come from `stop-words` and `snowballstemmer` where these know the language; words
of other languages are compared as they are.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, islice, takewhile

import snowballstemmer
import stop_words

from pipeline.model import Seconds, Transcript, WordSpan

SENTENCE_END = (".", "!", "?", "…", "。", "！", "？", "؟", "।", "۔")
LONGEST_PAUSE: Seconds = 4.0  # whoever is silent for longer begins anew
_LONGEST_SENTENCE: Seconds = 30.0
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_POSSESSIVE = re.compile(r"['’]s$")


def listed(words: str) -> frozenset[str]:
    """A list of words, written as text."""
    return frozenset(words.split())


# scikit-learn's list has nouns that a recording may well be about (Nothman et al. 2018, Stop Word Lists
# in Free Open-source Software Packages).
_NOT_STOP_WORDS = {"system", "bill", "fire", "interest", "computer", "detail", "mill", "con"}
_SPOKEN_ENGLISH = listed("""
a's ago ah aha ain't alright anybody anyways apparently ask asked asking bad basically best better
big bit bring came can't come comes coming course couldn't crazy day days definitely did didn't
different does doesn't doing don't easy end exactly fact far feel feels felt fine folks forth gave
getting gets gives going gone gonna good got gotta great guess guy guys ha hadn't happen happened
happens hard hasn't haven't he'd he'll he's hear heard hello help hey hi hmm hold honestly huge i'd
i'll i'm i've isn't it'd it'll it's just keeps kind knew know known knows later let let's like liked
literally little long look looked looking looks lot lots love make makes making man maybe mean means
men mention minute minutes mm month months near nearby nice oh ok okay old people place point pretty
probably quick quickly quite ran read real really right said sat saw say saying says second seconds
set she'd she'll she's shouldn't small sometimes somebody soon sorry sort start started starts stuff
super sure taken takes taking talk talked talking tell telling thank thanks that's there's they'd
they'll they're they've thing things think thinking thought time times today told took totally tried
true try trying uh um use used using usually wanna want wanted wants was wasn't way ways we'd week
weeks we'll we're we've welcome went weren't what's whenever where's who's won't word words work
worked works wouldn't wow yeah year years yep yes you'd you'll you're you've
""")


@dataclass(frozen=True)
class Reading:
    """What is known of each word, by its index in the transcript."""

    transcript: Transcript
    sentences: tuple[WordSpan, ...]
    """In order; none longer than half a minute unless it has no pause at all."""
    forms: tuple[str, ...]
    """Each word without case, punctuation and possessive; empty when nothing is left."""
    stems: tuple[str, ...]
    """The stem of each word that carries meaning; empty for the others."""

    def words(self, span: WordSpan) -> Iterator[str]:
        """The forms of `span` that are not empty."""
        return (form for form in self.forms[span.first : span.end] if form)

    def content(self, span: WordSpan) -> list[str]:
        """The stems of the words of `span` that carry meaning."""
        return [stem for stem in self.stems[span.first : span.end] if stem]

    def duration(self, span: WordSpan) -> Seconds:
        return self.transcript.span(span).duration

    def pause_after(self, span: WordSpan) -> Seconds:
        """Silence between the last word of `span` and the next; infinite at the end."""
        words = self.transcript.words
        if span.end >= len(words):
            return float("inf")
        return max(0.0, words[span.end].start - words[span.end - 1].end)

    def is_ended(self, span: WordSpan) -> bool:
        """Whether the last word of `span` carries the mark that ends a sentence."""
        return self.transcript.words[span.end - 1].text.rstrip("\"'”’»)").endswith(SENTENCE_END)

    def sentences_in(self, span: WordSpan) -> list[WordSpan]:
        """The sentences that lie wholly within `span`."""
        first = bisect_left(self.sentences, span.first, key=lambda one: one.first)
        return list(takewhile(lambda one: one.end <= span.end, islice(self.sentences, first, None)))

    def find(self, text: str) -> list[WordSpan]:
        """Every place where the words of `text` are said one after another, in order of time.

        Case, punctuation, possessives and spaces do not count; a match begins and ends with a whole word.
        """
        wanted = "".join(squashed(form_of(word)) for word in text.split())
        if not wanted:
            return []
        joined, word_at, borders = self._squashed
        found = (match.start() for match in re.finditer(f"(?={re.escape(wanted)})", joined))
        whole = (at for at in found if at in borders and at + len(wanted) in borders)
        return [WordSpan(first=word_at[at], end=word_at[at + len(wanted) - 1] + 1) for at in whole]

    @cached_property
    def _squashed(self) -> tuple[str, list[int], frozenset[int]]:
        """All words run together, the word that each character belongs to, and where words begin."""
        words = [squashed(form) for form in self.forms]
        word_at = [i for i, word in enumerate(words) for _ in word]
        return "".join(words), word_at, frozenset(accumulate(map(len, words), initial=0))


def read(transcript: Transcript) -> Reading:
    """Everything that the parts of an enrichment need to know of `transcript`."""
    forms = tuple(form_of(word.text) for word in transcript.words)
    stems = tuple(stem_of(word.text, transcript.language) for word in transcript.words)
    sentences = tuple(
        piece for sentence in transcript.sentences for piece in _pieces(transcript, sentence.words)
    )
    return Reading(transcript, sentences, forms, stems)


def form_of(text: str) -> str:
    """`text` as it is compared: without case, outer punctuation and possessive."""
    return _POSSESSIVE.sub("", _EDGES.sub("", text).casefold()).replace("’", "'")


def stem_of(text: str, language: str) -> str:
    """The stem of a word that carries meaning in `language`; empty for one that does not."""
    form = form_of(text)
    if form in stop_words_of(language) or not _carries_meaning(form, text):
        return ""
    return _stemmer(language).stemWord(form)


def squashed(text: str) -> str:
    """The letters and digits of `text` without case, run together."""
    return "".join(character for character in text.casefold() if character.isalnum())


@cache
def stop_words_of(language: str) -> frozenset[str]:
    """Words of `language` (ISO 639-1) that say nothing of a subject; empty when the language is unknown."""
    if language == "en":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # seconds to load

        return frozenset((ENGLISH_STOP_WORDS - _NOT_STOP_WORDS) | _SPOKEN_ENGLISH)
    return frozenset(form_of(word) for word in stop_words.safe_get_stop_words(language))


def covering(spans: Iterable[WordSpan]) -> WordSpan:
    """The shortest span that holds all of `spans`."""
    chosen = list(spans)
    return WordSpan(first=min(one.first for one in chosen), end=max(one.end for one in chosen))


class _AsIs:
    """Stands in for a stemmer where there is none for a language."""

    def stemWord(self, word: str) -> str:
        return word


@cache
def _stemmer(language: str) -> _AsIs:
    name = stop_words.LANGUAGE_MAPPING.get(language, "")
    if name not in snowballstemmer.algorithms():
        return _AsIs()
    stemmer: _AsIs = snowballstemmer.stemmer(name)
    return stemmer


def _carries_meaning(form: str, text: str) -> bool:
    if not form or form[0].isdigit():
        return False
    return len(form) > 2 or not form.isascii() or (len(form) == 2 and _EDGES.sub("", text).isupper())


def _pieces(transcript: Transcript, words: WordSpan) -> list[WordSpan]:
    """Cuts a sentence that has a hole, or is too long to bear, at its longest pause, again and again."""
    if words.end - words.first < 2:
        return [words]
    pauses = {
        i: transcript.words[i].start - transcript.words[i - 1].end for i in range(words.first + 1, words.end)
    }
    cut = max(pauses, key=lambda i: (pauses[i], -i))
    if transcript.span(words).duration <= _LONGEST_SENTENCE and pauses[cut] < LONGEST_PAUSE:
        return [words]
    left, right = WordSpan(first=words.first, end=cut), WordSpan(first=cut, end=words.end)
    return [*_pieces(transcript, left), *_pieces(transcript, right)]
