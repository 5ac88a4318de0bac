"""Summary, quotes, title and show notes, all taken from what was said.

A sentence stands for its chapter when it shares many words with the others (degree centrality, Erkan and
Radev 2004, LexRank) and can be understood alone.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import wording
from pipeline.keywords import Phrase, capitalised, heading
from pipeline.model import Chapter, Name, Quote, Seconds, Sentence, Source, Transcript, WordSpan
from pipeline.reading import Reading

_SUMMARY_WORDS = (8, 40)
_QUOTES_APART: Seconds = 20.0
_SAME_SUBJECT = 0.25
_MOST_SENTENCES = 4
_SIMILAR = 0.1  # Erkan and Radev found 0.1 the best threshold for an edge between two sentences
_SOON: Seconds = 60.0
_SUBJECT = re.compile(
    r"\b(?:talk(?:ing)? about|(?:episode|programme|program|show|talk|lecture) is about|discuss(?:ing)?|"
    r"the story of) (?!it\b|that\b|this\b|you\b)([^.,;!?]{8,70})(?=[.,;!?])",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r"\b(this episode|today (?:we|i)|talk(?:ing)? about|the story of|(?:question|message|stor)\w* .{0,40}"
    r"\b(?:on|about)|the topic|once upon|there (?:once )?was an?)\b"
)


def summary(reading: Reading, chapters: Sequence[Chapter]) -> tuple[str, tuple[WordSpan, ...]]:
    """Two to four sentences as they were said, in order, less "um" and "and so"; and where they are said."""
    different = _different(reading, chapters)
    per_chapter = 2 if len(different) == 1 else 1
    chosen = [one for chapter in different for one in _central(reading, chapter.words)[:per_chapter]]
    spans = tuple(wording.without_lead_in(reading, one) for one in sorted(chosen, key=_place))
    text = " ".join(sentence_text(reading, span) for span in spans)
    return text, spans


def quotes(reading: Reading, duration: Seconds) -> tuple[Quote, ...]:
    """Sentences worth printing, word for word: three to eight, in order of time."""
    wanted = min(8, max(3, round(duration / 240)))
    measured = [(wording.measure(reading, one).quotable, one) for one in reading.sentences]
    chosen: list[WordSpan] = []
    for score, one in sorted(measured, key=lambda pair: (-pair[0], pair[1].first)):
        if score < 0.35 or len(chosen) == wanted:
            break
        if all(_apart(reading, one, other) >= _QUOTES_APART for other in chosen):
            chosen.append(one)
    return tuple(quote(reading.transcript, one) for one in sorted(chosen, key=_place))


def quote(transcript: Transcript, words: WordSpan) -> Quote:
    """The quote that `words` are, with its speaker where one is known."""
    return Quote(text=transcript.text(words), words=words, speaker=speaker_of(transcript.sentences, words))


def speaker_of(sentences: Sequence[Sentence], words: WordSpan) -> str | None:
    """Who says the first of `words`."""
    said = (one.speaker for one in sentences if one.words.first <= words.first < one.words.end)
    return next(said, None)


def title(source: Source, reading: Reading, found: Sequence[Phrase], names: Sequence[Name]) -> str:
    """The given title; else the subject as announced, or as counted; else the words of the file's name."""
    if source.metadata.title:
        return source.metadata.title
    announced = _announced(reading)
    if announced:
        return announced
    taken = {word.casefold() for name in names for word in name.name.split()}
    free = [phrase for phrase in found if not taken & set(phrase.text.casefold().split())]
    whole, language = WordSpan(first=0, end=len(reading.forms)), reading.transcript.language
    subject = heading(free, whole, [whole], language)
    if not subject:
        return from_file_name(source.media.path)
    if source.metadata.guests and language == "en":
        return f"{source.metadata.guests[0]} on {subject[:1].lower() + subject[1:]}"
    return subject


def _announced(reading: Reading) -> str:
    """What the first minutes say that it will be about; empty when they do not."""
    if reading.transcript.language != "en":
        return ""
    soon = max(_SOON, reading.transcript.duration / 20)
    for sentence in reading.sentences:
        start = reading.transcript.words[sentence.first].start
        found = _SUBJECT.search(reading.transcript.text(sentence))
        if found and start < soon:
            return capitalised(found[1].removeprefix("the ").strip())
    return ""


def from_file_name(path: str) -> str:
    """The words of a file's name, as a title."""
    words = Path(path).stem.replace("_", " ").replace("-", " ").split()
    return capitalised(" ".join(words)) or "Untitled"


def show_notes(
    summary: str, chapters: Sequence[Chapter], names: Sequence[Name], keywords: Sequence[str]
) -> tuple[str, ...]:
    """What a listener reads below an episode: summary, chapters with times, names, keywords."""
    times = [f"{clock(chapter.span.start)} {chapter.title}" for chapter in chapters if len(chapters) > 1]
    named = ", ".join(name.name for name in names)
    lines = [summary, *times, f"Named: {named}" if named else "", ", ".join(keywords)]
    return tuple(line for line in lines if line)


def clock(seconds: Seconds) -> str:
    """`seconds` as it is written in show notes: 2:05, or 1:02:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def sentence_text(reading: Reading, words: WordSpan) -> str:
    """`words` as a written sentence."""
    return wording.tidied(reading.transcript.text(words), reading.transcript.language)


def _different(reading: Reading, chapters: Sequence[Chapter]) -> list[Chapter]:
    """Up to four chapters: the first, then the longest that speak of something else than those taken."""
    by_length = sorted(chapters[1:], key=lambda chapter: -chapter.span.duration)
    candidates = [*chapters[:1], *by_length]
    likeness = _likeness([reading.content(chapter.words) for chapter in candidates])
    taken: list[int] = []
    for number in range(len(candidates)):
        if all(likeness[number, other] < _SAME_SUBJECT for other in taken) and len(taken) < _MOST_SENTENCES:
            taken.append(number)
    others = [number for number in range(len(candidates)) if number not in taken]
    return [candidates[number] for number in (taken + others)[: max(2, len(taken))]]


def _central(reading: Reading, part: WordSpan) -> list[WordSpan]:
    """The sentences of `part`, the one that stands best for it first."""
    sentences = reading.sentences_in(part)
    scores = _centrality([reading.content(one) for one in sentences])
    rated = [
        (-score * _fitness(reading, one), one.first, one)
        for score, one in zip(scores, sentences, strict=True)
    ]
    return [one for _, _, one in sorted(rated, key=lambda entry: entry[:2])]


def _centrality(content: Sequence[list[str]]) -> list[float]:
    likeness = _likeness(content)
    return [float(value) for value in np.where(likeness >= _SIMILAR, likeness, 0.0).sum(axis=1)]


def _likeness(content: Sequence[list[str]]) -> NDArray[np.float64]:
    """How alike each two are in their words: the cosine of their tf-idf vectors."""
    if not any(content):
        return np.eye(len(content))
    from sklearn.feature_extraction.text import TfidfVectorizer  # seconds to load, and only needed here

    vectors = TfidfVectorizer(analyzer=list).fit_transform(content)
    likeness: NDArray[np.float64] = (vectors @ vectors.T).toarray()
    return likeness


def _fitness(reading: Reading, sentence: WordSpan) -> float:
    measured = wording.measure(reading, sentence)
    least, most = _SUMMARY_WORDS
    count = sentence.end - sentence.first
    fit = 1.0 if least <= count <= most else 0.3
    text = reading.transcript.text(sentence)
    announces = bool(_ANNOUNCES.search(text.casefold())) and not text.endswith("?")
    asks = 0.3 if text.endswith("?") else 1.0
    kept = 0.3 if measured.housekeeping and not announces else 1.0
    return (0.1 + measured.alone**2) * fit * asks * kept * (2.0 if announces else 1.0)


def _apart(reading: Reading, one: WordSpan, other: WordSpan) -> Seconds:
    words = reading.transcript.words
    return abs(words[one.first].start - words[other.first].start)


def _place(words: WordSpan) -> int:
    return words.first
