"""Transcripts for tests, from plain text: every word gets a time as if it were said at a steady pace."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.model import (
    Media,
    Metadata,
    Seconds,
    Sentence,
    Source,
    SourceChapter,
    Span,
    Transcript,
    Word,
    WordSpan,
)

_SENTENCE_END = (".", "!", "?", "…", "。", "！", "？")


def spoken(
    text: str,
    *,
    language: str = "en",
    word_seconds: Seconds = 0.4,
    pauses: Mapping[int, Seconds] | None = None,
    start: Seconds = 0.0,
) -> Transcript:
    """`text` as a transcript: a sentence ends at its mark, a word at `word_seconds`, with 0.3 s between
    sentences; `pauses` gives the silence before a word, by its index."""
    words: list[Word] = []
    sentences: list[Sentence] = []
    at, first = start, 0
    for index, token in enumerate(text.split()):
        at += (pauses or {}).get(index, 0.0)
        words.append(Word(text=token, start=at, end=at + word_seconds, probability=0.9, space=index > 0))
        at += word_seconds
        if token.endswith(_SENTENCE_END) and token != "Dr.":
            sentences.append(Sentence(words=WordSpan(first=first, end=index + 1)))
            first, at = index + 1, at + 0.3
    if first < len(words):
        sentences.append(Sentence(words=WordSpan(first=first, end=len(words))))
    return Transcript(
        language=language if words else "und",
        language_probability=1.0,
        model="test",
        duration=max(at, 1.0),
        words=tuple(words),
        sentences=tuple(sentences),
    )


def recording(
    transcript: Transcript,
    *,
    path: str = "talk.mp4",
    metadata: Metadata | None = None,
    chapters: Sequence[tuple[str, Seconds, Seconds]] = (),
) -> Source:
    """The source that `transcript` could come from."""
    own = tuple(SourceChapter(title=title, span=Span(start=a, end=b)) for title, a, b in chapters)
    media = Media(
        path=str(Path("/recordings") / path),
        container="mp4",
        duration=transcript.duration,
        video=None,
        audio=None,
        chapters=own,
    )
    return Source(sha256="0" * 64, bytes=1, media=media, metadata=metadata or Metadata())


def silently(done: float) -> None:
    """A report that nobody reads."""


HEATING = """
Today we talk about heating old houses. My name is Jane Miller and I run a heating company in Leeds.
Why do old houses waste so much heat? The answer is the radiators, because nobody ever turns the radiators
down. I measured two hundred houses last winter, and the radiators in empty rooms took thirty percent of the
gas. That is money that simply flies out of the window. A thermostat on every radiator costs forty pounds and
pays for itself in one winter. The boiler does not know that a room is empty. A thermostat does. Heating a
room that nobody uses is the most expensive mistake in an old house. So turn the radiators down before you
buy a new boiler. The cheapest heat is the heat that you never make.
"""

BEES = """
Now let us turn to the bees in the garden. A colony of bees visits two million flowers for one jar of honey.
Bees find their way home by the sun, and they tell the other bees where the flowers are with a dance. How can
a dance show the way to a flower? The angle of the dance is the angle to the sun, and its length is the
distance. Karl von Frisch said that the dance of the bees is a miracle of nature. Every spring the colony
raises a new queen and the old queen leaves the hive with half of the bees. A hive without a queen never
survives the summer. If you want to help the bees, do not buy a hive. Plant flowers that bloom in autumn,
because that is when the bees are hungry.
"""

SHIPS = """
The last part of this programme is about container ships. A container ship carries twenty thousand boxes, and
a crew of only twenty people looks after the ship. Before the container, loading a ship took a week and a
hundred men. Malcolm McLean put the first boxes on a ship in 1956 and the price of shipping fell to a
fortieth. It was not a better engine that made trade cheap, but a steel box of the same size everywhere.
The port of Rotterdam now loads a ship in a day. Who pays for the fuel of the ship? The cargo does, and a pair
of shoes pays less than a cent for its trip across the ocean. The box changed the world more than the ship
ever did.
"""
