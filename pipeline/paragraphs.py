"""The transcript as paragraphs: what a person reads, in the text file and on the episode page."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from pipeline.model import Chapter, Frozen, Seconds, Sentence, Transcript

_LONG_PAUSE: Seconds = 1.5
_LONG = 90  # words; a paragraph that is longer ends with its sentence
_SHORT = 25  # words; a pause does not end a paragraph that is shorter


class Paragraph(Frozen):
    """Sentences in a row of one chapter and one speaker."""

    chapter: int | None
    """Index of its chapter; none when the episode has no chapters."""
    speaker: str | None
    sentences: tuple[Sentence, ...]


def paragraphs(transcript: Transcript, chapters: Sequence[Chapter]) -> tuple[Paragraph, ...]:
    """All sentences in order; a new chapter or speaker, a long pause or 90 words start a new paragraph."""
    made: list[Paragraph] = []
    for group in _groups(transcript, chapters):
        chapter = _chapter(group[0], chapters)
        made.append(Paragraph(chapter=chapter, speaker=group[0].speaker, sentences=tuple(group)))
    return tuple(made)


def _groups(transcript: Transcript, chapters: Sequence[Chapter]) -> Iterator[list[Sentence]]:
    group = list(transcript.sentences[:1])
    for before, sentence in pairwise(transcript.sentences):
        count = before.words.end - group[0].words.first
        pause = transcript.words[sentence.words.first].start - transcript.words[before.words.end - 1].end
        turn = sentence.speaker != before.speaker or _chapter(sentence, chapters) != _chapter(
            before, chapters
        )
        if turn or count >= _LONG or (pause >= _LONG_PAUSE and count >= _SHORT):
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


def _chapter(sentence: Sentence, chapters: Sequence[Chapter]) -> int | None:
    started = [i for i, chapter in enumerate(chapters) if chapter.words.first <= sentence.words.first]
    return max(started, default=0) if chapters else None
