"""What is looked for as terms, and where it is in a sentence."""

import unicodedata

import pytest

from workbench.moments import folded, needles_of, pieces, terms_of


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Turn the RADIATORS down!", " turn the radiators down "),
        ("Café — naïve, Łódź", " cafe naive lodz "),
        (unicodedata.normalize("NFD", "Café"), " cafe "),
        ("Straße", " strasse "),
        ("don't", " don t "),
        ("warm\u00adwater", " warmwater "),
        ("हिन्दी में", " हिन्दी में "),
        ("東京タワーで", " 東京タワーで "),
        ("…!?", "  "),
    ],
)
def test_a_text_is_compared_by_its_words_without_case_accents_and_signs(text: str, plain: str):
    assert folded(text) == plain


def test_what_is_asked_for_is_each_word_and_what_is_in_quotes():
    assert needles_of('  Heat "old house" boiler ') == ["heat", " old house ", "boiler"]
    assert needles_of("„alte Häuser“ don't") == [" alte hauser ", "don t"]
    assert needles_of('"half a quote') == ["half", "a", "quote"]
    assert needles_of(' … "" ') == []


def test_a_script_without_spaces_has_no_whole_words():
    (term,) = terms_of('"東京"')
    assert term.needle == term.whole == "東京"


def test_the_pieces_of_a_sentence_are_all_of_it_with_what_was_found():
    assert pieces("Plain: the Café's café.", "cafe") == [
        *(("Plain: the ", False), ("Café", True), ("'s ", False), ("café", True), (".", False))
    ]
    assert pieces("Turn it — off now", '"it off"') == [
        *(("Turn ", False), ("it — off", True), (" now", False))
    ]
    assert pieces("Die Straße", "strasse") == [("Die ", False), ("Straße", True)]
    assert pieces("nothing", "else") == [("nothing", False)]
