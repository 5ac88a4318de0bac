import pytest

from pipeline.keywords import heading, keywords, phrases
from pipeline.model import WordSpan
from pipeline.reading import read
from pipeline.summary import clock, from_file_name
from pipeline.wording import Wording, measure, tidied, without_lead_in
from tests.pipeline.spoken import BEES, HEATING, SHIPS, spoken


def measured(sentence: str, language: str = "en") -> Wording:
    reading = read(spoken(sentence, language=language))
    return measure(reading, WordSpan(first=0, end=len(reading.forms)))


@pytest.mark.parametrize(
    ("leaning", "standing"),
    [
        ("He never came back to it.", "The captain never came back to the ship."),
        ("And so the captain left the ship.", "The captain left the ship."),
        ("which is why the captain left.", "The captain left for a reason."),
        ("How a captain leaves a ship.", "How does a captain leave a ship?"),
        ("The captain left the ship and", "The captain left the ship."),
    ],
)
def test_a_sentence_that_needs_another_stands_less_alone(leaning: str, standing: str) -> None:
    assert measured(leaning).alone < measured(standing).alone


def test_a_greeting_is_housekeeping_and_neither_hook_nor_quote() -> None:
    greeting = measured("Welcome back to the best show in the world, everybody!")
    assert greeting.housekeeping
    assert (greeting.hook, greeting.payoff, greeting.quotable) == (0, 0, 0)


def test_a_question_is_no_payoff_and_no_quote() -> None:
    assert measured("Why is the sea so salty here?").payoff == 0
    assert measured("Why is the sea so salty here?").quotable == 0
    assert measured("Why is the sea so salty here?").hook > measured("The sea is salty here now.").hook


def test_marks_are_understood_in_every_language() -> None:
    assert measured("Warum ist das Meer so salzig?", "de").hook > measured("Das Meer ist salzig.", "de").hook


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("And so, you know, the river floods the valley.", "the river floods the valley."),
        ("No one knows the river well.", "No one knows the river well."),
        ("Well, actually the river floods every year.", "the river floods every year."),
        ("So many rivers flood every year.", "So many rivers flood every year."),
        ("Yes, indeed.", "Yes, indeed."),
    ],
)
def test_only_what_ties_a_sentence_to_the_last_is_taken_off(said: str, left: str) -> None:
    reading = read(spoken(said))
    kept = without_lead_in(reading, reading.sentences[0])
    assert reading.transcript.text(kept) == left


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("the river, um, floods", "The river, floods."),
        ("uh the river floods!", "The river floods!"),
        ("the umbrella is mine", "The umbrella is mine."),
        ("", ""),
    ],
)
def test_a_written_sentence_has_no_um(said: str, written: str) -> None:
    assert tidied(said, "en") == written


def test_keywords_prefer_the_longer_phrase_to_its_parts() -> None:
    reading = read(
        spoken("The steel box is here. A steel box is heavy. Every steel box is grey. The sky is grey.")
    )
    assert keywords(phrases(reading), 3)[0] == "steel box"


def test_a_heading_belongs_to_its_part() -> None:
    reading = read(spoken(HEATING + BEES + SHIPS))
    first, second = len(HEATING.split()), len((HEATING + BEES).split())
    parts = [
        WordSpan(first=0, end=first),
        WordSpan(first=first, end=second),
        WordSpan(first=second, end=len(reading.forms)),
    ]
    found = phrases(reading)
    headings = [heading(found, part, parts, "en") for part in parts]
    assert ["bees" in text.casefold() for text in headings] == [False, True, False]
    assert ["ship" in text.casefold() for text in headings] == [False, False, True]


def test_a_part_without_a_subject_has_no_heading() -> None:
    reading = read(spoken("Yes. No. Well."))
    whole = WordSpan(first=0, end=3)
    assert heading(phrases(reading), whole, [whole], "en") == ""


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (125.9, "2:05"), (3725, "1:02:05")])
def test_times_are_written_as_people_read_them(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("path", "title"), [("/a/board-meeting_2024.mp4", "Board meeting 2024"), ("/a/---.mp4", "Untitled")]
)
def test_a_file_name_becomes_words(path: str, title: str) -> None:
    assert from_file_name(path) == title
