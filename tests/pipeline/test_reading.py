import pytest

from pipeline.reading import form_of, read, stem_of, stop_words_of
from tests.pipeline.spoken import spoken


@pytest.mark.parametrize(
    ("text", "form"),
    [("“Well,", "well"), ("Jane’s", "jane"), ("don’t", "don't"), ("—", ""), ("STRASSE", "strasse")],
)
def test_words_are_compared_without_case_punctuation_and_possessive(text: str, form: str) -> None:
    assert form_of(text) == form


def test_endings_do_not_count_and_stop_words_say_nothing() -> None:
    assert stem_of("houses", "en") == stem_of("house,", "en")
    assert [stem_of(word, "en") for word in ("the", "really", "1956", "x")] == [""] * 4
    assert stem_of("Häuser", "de") == stem_of("Häusern", "de")


def test_an_unknown_language_has_no_stop_words() -> None:
    assert stop_words_of("xx") == frozenset()
    assert stem_of("talossa", "xx") == "talossa"


def test_words_are_found_whatever_their_marks() -> None:
    reading = read(spoken('He said: "Never again," and left. Never, again!'))
    places = reading.find("never again")
    assert [(place.first, place.end) for place in places] == [(2, 4), (6, 8)]


def test_a_part_of_a_word_is_not_found() -> None:
    assert read(spoken("The heather blooms.")).find("heat") == []


def test_words_of_a_language_without_spaces_are_found() -> None:
    assert len(read(spoken("今日は 暖房の 話です。", language="ja")).find("暖房の話です")) == 1


def test_nothing_is_found_for_nothing() -> None:
    assert read(spoken("Hello world.")).find("…") == []


def test_a_sentence_that_goes_on_too_long_is_cut_at_its_pauses() -> None:
    reading = read(spoken("word " * 200, pauses={70: 1.0, 130: 1.0}))
    assert {piece.first for piece in reading.sentences} >= {0, 70, 130}
    assert all(reading.duration(piece) <= 30 for piece in reading.sentences)


def test_a_silence_ends_a_sentence() -> None:
    assert [one.first for one in read(spoken("one two three four", pauses={2: 9.0})).sentences] == [0, 2]


def test_the_pause_after_the_last_word_never_ends() -> None:
    reading = read(spoken("One. Two."))
    assert reading.pause_after(reading.sentences[0]) == pytest.approx(0.3)
    assert reading.pause_after(reading.sentences[1]) == float("inf")
