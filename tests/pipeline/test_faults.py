"""What is wrong with an answer is said in words that the model can act on."""

import pytest

from pipeline.evidence import Evidence
from pipeline.faults import Faults
from pipeline.highlights import HighlightBounds
from pipeline.llm_answers import ChapterStart, NamedOne, Passage, Point, QuotedText, Told
from pipeline.model import Metadata
from pipeline.reading import read
from pipeline.windows import windows
from tests.pipeline.spoken import BEES, HEATING, SHIPS, spoken

TALK = read(spoken(HEATING + BEES + SHIPS))
FAULTS = Faults(Evidence(TALK, Metadata()), HighlightBounds())
WINDOW = windows(TALK, 500)[0]
BEYOND = WINDOW.last + 1


def passage(first: int, last: int, title: str = "Old houses waste heat") -> Passage:
    return Passage(first=first, last=last, title=title, reason="It works.", hook=5, payoff=5, stands_alone=5)


def test_sound_items_have_no_fault() -> None:
    assert FAULTS.point(WINDOW, Point(text="Old houses waste heat.", sentence=3)) == ""
    assert FAULTS.chapter(WINDOW, ChapterStart(sentence=1, title="Heating old houses")) == ""
    assert FAULTS.name(NamedOne(name="Jane Miller", kind="person")) == ""
    assert (
        FAULTS.quote(QuotedText(text="A thermostat on every radiator costs forty pounds", sentence=7)) == ""
    )
    assert FAULTS.keyword("radiators") == ""
    assert FAULTS.told(Told(text="Old houses waste heat.", sentences=[3])) == ""
    assert FAULTS.passage(WINDOW, passage(3, 8)) == ""


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FAULTS.point(WINDOW, Point(text="Old houses.", sentence=BEYOND)), f"no sentence {BEYOND} here"),
        (FAULTS.point(WINDOW, Point(text="Aliens have landed.", sentence=1)), "Aliens"),
        (
            FAULTS.chapter(WINDOW, ChapterStart(sentence=0, title="Heat")),
            "chapter “Heat”: there is no sentence 0",
        ),
        (
            FAULTS.chapter(WINDOW, ChapterStart(sentence=1, title="Chapter 99")),
            "“99” is not in the transcript",
        ),
        (FAULTS.name(NamedOne(name="Bob Stone", kind="person")), "name “Bob Stone”: it is not in"),
        (FAULTS.quote(QuotedText(text="Heat is a river.", sentence=1)), "not said in these words"),
        (FAULTS.quote(QuotedText(text="old houses", sentence=1)), "too short to stand alone"),
        (FAULTS.keyword("blockchain"), "keyword “blockchain”: it is not said"),
        (FAULTS.told(Told(text="Old houses waste heat.", sentences=[])), "names no sentence that exists"),
        (FAULTS.told(Told(text="Old houses waste heat.", sentences=[0])), "names no sentence that exists"),
        (FAULTS.told(Told(text="Aliens landed in 2077.", sentences=[1])), "“2077” is not in the transcript"),
        (FAULTS.passage(WINDOW, passage(8, 3)), f"must be sentences 1 to {WINDOW.last}, in order"),
        (FAULTS.passage(WINDOW, passage(1, BEYOND)), "must be sentences 1 to"),
        (FAULTS.passage(WINDOW, passage(3, 3)), "it lasts 3 s; choose 15 to 60 s"),
        (FAULTS.passage(WINDOW, passage(3, 8, "Aliens landed")), "highlight 3-8: title “Aliens landed”"),
    ],
)
def test_a_fault_names_the_item_and_what_is_wrong(fault: str, words: str) -> None:
    assert words in fault


def test_a_passage_of_the_wrong_length_still_has_a_place() -> None:
    assert FAULTS.place(WINDOW, passage(3, 3)) == ""
    assert FAULTS.place(WINDOW, passage(3, BEYOND))


def test_sentences_become_words_by_their_numbers() -> None:
    words = FAULTS.words(2, 3)
    assert TALK.transcript.text(words).startswith("My name is Jane Miller")
    assert TALK.transcript.text(words).endswith("waste so much heat?")
