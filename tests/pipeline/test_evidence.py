from itertools import pairwise

import pytest

from pipeline.evidence import Evidence
from pipeline.model import Metadata
from pipeline.reading import read
from pipeline.windows import tokens_in, windows
from tests.pipeline.spoken import BEES, HEATING, SHIPS, spoken

TALK = read(spoken(HEATING + BEES + SHIPS))
EVIDENCE = Evidence(TALK, Metadata(title="The Long View", guests=("Ada Stone",)))


@pytest.mark.parametrize(
    "text",
    [
        "Radiators in empty rooms waste gas.",
        "Karl von Frisch explains how bees dance",
        "In 1956 the first boxes went on a ship.",
        "Ada Stone on heat and bees",
        "Three ways to save heat in old houses",
    ],
)
def test_what_was_said_or_written_beside_it_may_be_claimed(text: str) -> None:
    assert EVIDENCE.fault(text) == ""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Bees visit 73 flowers.", "“73” is not in the transcript"),
        ("The bees of Albert Einstein dance.", "“Albert” is not in the transcript"),
        ("Quantum computers will cure cancer.", "little of it is said in the transcript"),
        ("And so on.", "little of it is said in the transcript"),
    ],
)
def test_what_nobody_said_may_not(text: str, fault: str) -> None:
    assert EVIDENCE.fault(text) == fault


def test_text_without_spaces_is_held_against_characters() -> None:
    evidence = Evidence(read(spoken("今日は 暖房の 話です。", language="ja")), Metadata())
    assert evidence.fault("暖房の話") == ""
    assert evidence.fault("量子計算機") == "little of it is said"


def test_of_two_places_the_nearest_to_the_sentence_is_taken() -> None:
    evidence = Evidence(read(spoken("It never ends. We wait here. It never ends.")), Metadata())
    near_the_end = evidence.place_of("it never ends", 3)
    assert near_the_end is not None
    assert near_the_end.first == 6
    assert evidence.place_of("it ends now", 1) is None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Karl von Frisch", ""),
        ("Albert Einstein", "it is not in the transcript"),
        ("the", "it is not a name"),
        ("radiators", "it is not written as a name"),
    ],
)
def test_a_name_has_to_be_said_and_written_as_one(name: str, fault: str) -> None:
    assert EVIDENCE.name_fault(name) == fault


@pytest.mark.parametrize(
    ("phrase", "said"), [("empty rooms", True), ("empty room", True), ("queen ship", False), ("", False)]
)
def test_a_keyword_is_said_when_its_words_follow_each_other(phrase: str, said: bool) -> None:
    assert EVIDENCE.is_said(phrase) is said


def test_one_window_holds_all_that_fits() -> None:
    shown = windows(TALK, 100_000)
    assert len(shown) == 1
    assert shown[0].holds(1)
    assert not shown[0].holds(len(TALK.sentences) + 1)


def test_windows_follow_each_other_without_a_gap_and_fit() -> None:
    shown = windows(TALK, 300)
    assert len(shown) > 2
    assert all(tokens_in(window.text) <= 310 for window in shown)
    assert all(a.last + 1 == b.first for a, b in pairwise(shown))
    assert (shown[0].words.first, shown[-1].words.end) == (0, len(TALK.forms))


def test_other_scripts_take_more_tokens() -> None:
    assert tokens_in("暖房" * 10) > tokens_in("he" * 10)
