from itertools import pairwise

import pytest

from pipeline import summary, topics
from pipeline.keywords import phrases
from pipeline.model import Chapter, Metadata, Name, Sentence, Span, WordSpan
from pipeline.reading import Reading, read
from tests.pipeline.spoken import BEES, HEATING, SHIPS, recording, silently, spoken

TALK = read(spoken(HEATING + BEES + SHIPS))


def chapters_of(reading: Reading) -> tuple[Chapter, ...]:
    return topics.chapters(reading, phrases(reading), reading.transcript.duration, silently)


def test_chapters_on_one_subject_are_told_once() -> None:
    twice = read(spoken(HEATING + BEES + HEATING))
    _, where = summary.summary(twice, chapters_of(twice))
    subjects = [any(stem.startswith("bee") for stem in twice.content(words)) for words in where]
    assert subjects.count(True) == 1
    assert len(where) == 2


def test_a_single_chapter_is_told_in_two_sentences() -> None:
    reading = read(spoken(SHIPS))
    only = Chapter(title="Ships", span=Span(start=0, end=60), words=WordSpan(first=0, end=len(reading.forms)))
    _, where = summary.summary(reading, [only])
    assert len(where) == 2


def test_a_question_is_no_summary() -> None:
    text, _ = summary.summary(TALK, chapters_of(TALK))
    assert "?" not in text


def test_quotes_are_sentences_and_stand_apart() -> None:
    found = summary.quotes(TALK, TALK.transcript.duration)
    starts = [TALK.transcript.words[quote.words.first].start for quote in found]
    assert len(found) >= 3
    assert all(b - a >= 20 for a, b in pairwise(starts))
    assert {quote.words for quote in found} <= set(TALK.sentences)


def test_a_quote_names_its_speaker_where_one_is_known() -> None:
    transcript = spoken("The river never sleeps. The farmers always wait.")
    speakers = ("Ann", None)
    said = [
        Sentence(words=one.words, speaker=who)
        for one, who in zip(transcript.sentences, speakers, strict=True)
    ]
    known = transcript.model_copy(update={"sentences": tuple(said)})
    assert summary.quote(known, said[0].words).speaker == "Ann"
    assert summary.quote(known, said[1].words).speaker is None


def test_dull_talk_gives_no_quotes() -> None:
    assert summary.quotes(read(spoken("Yes. No. Maybe so. It is. They are.")), 10.0) == ()


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Today we talk about the rivers of Europe. They are long.", "Rivers of Europe"),
        ("This episode is about growing rice in Asia, and more.", "Growing rice in Asia"),
        ("We will talk about it. Rice rice, the rice grows in the field.", "Field"),
    ],
)
def test_a_title_is_taken_from_an_announcement_only_when_it_names_a_subject(said: str, title: str) -> None:
    reading = read(spoken(said))
    source = recording(reading.transcript)
    assert title.casefold() in summary.title(source, reading, phrases(reading), ()).casefold()


def test_an_announcement_late_in_the_recording_is_no_title() -> None:
    reading = read(spoken(HEATING + BEES + "Next week we talk about the rivers of Europe."))
    assert "Europe" not in summary.title(recording(reading.transcript), reading, phrases(reading), ())


def test_a_title_does_not_repeat_a_name_as_its_subject() -> None:
    reading = read(spoken(BEES))
    name = Name(name="The Bees", kind="organisation", mentions=(WordSpan(first=0, end=1),))
    title = summary.title(recording(reading.transcript), reading, phrases(reading), [name])
    assert "bees" not in title.casefold()


def test_show_notes_leave_out_what_there_is_none_of() -> None:
    assert summary.show_notes("It rains.", (), (), ()) == ("It rains.",)
    assert summary.show_notes("", (), (), ("rain", "snow")) == ("rain, snow",)


def test_metadata_wins_over_everything() -> None:
    source = recording(TALK.transcript, metadata=Metadata(title="Mine"))
    assert summary.title(source, TALK, phrases(TALK), ()) == "Mine"
