import string

import fontpkg
import pytest
from PIL import ImageFont

from pipeline import title_size


@pytest.mark.parametrize(
    "text",
    [
        "And the crab, who had been asleep in her hole by the sea, heard him.",
        "THE CRAB AND THE MONKEY",
        "Größere Füchse jagen im März öfter, und zwölf Boxkämpfer sehen ihnen dabei zu",
        "Быстрая лиса прыгнула через широкую межу",
        "Ο κάβουρας που κοιμόταν δίπλα στη θάλασσα",
        string.ascii_lowercase,
        string.ascii_uppercase,
        string.digits,
        string.punctuation,
    ],
)
def test_text_is_counted_wider_than_it_is_drawn_but_not_by_much(text: str):
    font = ImageFont.truetype(fontpkg.path("Fira Sans", weight=700), 1000)
    assert 1.0 <= title_size.width(text) / (font.getlength(text) / 1000) <= 1.1


def test_marks_on_letters_take_no_room():
    assert title_size.width("e\u0301") == title_size.width("é") == title_size.width("e")


def test_parts_of_a_long_word_are_about_equally_long():
    _, parts = title_size.fitted("蟹" * 30, room=200, height=100, sizes=[12.0])
    assert [len(part) for part in parts] == [15, 15]
