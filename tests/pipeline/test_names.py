import pytest

from pipeline.model import Metadata, Name
from pipeline.names import mentioned, names
from pipeline.reading import read
from tests.pipeline.spoken import BEES, HEATING, SHIPS, spoken


def named(text: str, language: str = "en", **metadata: tuple[str, ...]) -> dict[str, str]:
    found = names(read(spoken(text, language=language)), Metadata.model_validate(metadata))
    return {name.name: name.kind for name in found}


def test_people_who_are_introduced_titled_or_quoted_are_found() -> None:
    said = (
        "My name is Jane Miller. We asked Dr. Paul Weiss about it. Later Anna Kovacs said no. "
        "The engineer Tom Reed agreed. Mary Hill was a nurse in the war."
    )
    assert set(named(said)) == {"Jane Miller", "Dr. Paul Weiss", "Anna Kovacs", "Tom Reed", "Mary Hill"}
    assert set(named(said).values()) == {"person"}


def test_organisations_are_found_by_their_ending_or_their_sign() -> None:
    said = "She studied at Harvard University. He works for Siemens now. The Red Cross Society helped."
    assert named(said) == dict.fromkeys(
        ["Harvard University", "Siemens", "Red Cross Society"], "organisation"
    )


@pytest.mark.parametrize(
    "said",
    [
        "And then we went home. Well, that was it. But nobody knew.",
        "On Monday it rained. In January it snowed. Every Sunday we rest.",
        "She speaks French and German. The English came later.",
        "We flew to New York. He came from San Francisco. In London it was dark.",
        "I think so. I'm sure. I've seen it. I said I would.",
        "The Crab saw the Monkey. Then the crab said to the monkey that it was late.",
        "THE END. OK. Wow! TV is dead.",
    ],
)
def test_a_capital_alone_makes_no_name(said: str) -> None:
    assert named(said) == {}


def test_the_test_talk_names_whom_it_names() -> None:
    assert list(named(HEATING + BEES + SHIPS)) == ["Jane Miller", "Karl von Frisch"]


def test_a_name_carries_every_place_where_it_is_said() -> None:
    transcript = spoken("I am Jane Miller. Then Miller laughed. Nobody but Jane Miller's dog was there.")
    found = names(read(transcript), Metadata())
    assert [name.name for name in found] == ["Jane Miller"]
    assert [transcript.text(words) for words in found[0].mentions] == [
        "Jane Miller.",
        "Miller",
        "Jane Miller's",
    ]


def test_a_shorter_form_of_a_name_is_not_a_second_name() -> None:
    said = "With me is Andrew Lang. Thank you, Lang. Hello Lang. Lang said goodbye."
    assert list(named(said)) == ["Andrew Lang"]


def test_a_guest_from_the_metadata_is_found_however_the_name_is_written() -> None:
    assert named("today jane miller is here", guests=("Jane Miller",)) == {"Jane Miller": "person"}


def test_a_guest_who_is_never_named_is_not_claimed() -> None:
    assert named("Hello everybody.", guests=("Jane Miller",)) == {}


def test_nouns_of_a_language_that_capitalises_them_are_no_names() -> None:
    said = "Der Hund sah die Katze auf der Straße. Dann kam Frau Schneider mit dem Auto."
    assert named(said, language="de") == {"Frau Schneider": "person"}


def test_a_language_without_capitals_gives_no_names_and_no_failure() -> None:
    assert named("今日 は 天気 が いい です。 明日 も 晴れ でしょう。", language="ja") == {}


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_guest_without_a_name_is_passed_over(blank: str) -> None:
    assert named("Hello everybody.", guests=(blank,)) == {}


def test_a_name_that_is_not_said_has_no_mentions() -> None:
    assert mentioned(read(spoken("Hello world.")), "Jane Miller", "person") is None


def test_names_come_in_the_order_of_their_first_mention() -> None:
    found: tuple[Name, ...] = names(read(spoken(HEATING + BEES)), Metadata(guests=("Karl von Frisch",)))
    firsts = [name.mentions[0].first for name in found]
    assert firsts == sorted(firsts)
    assert len(firsts) == 2
