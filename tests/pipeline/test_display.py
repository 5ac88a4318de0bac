"""What a notebook shows of a transcript, and the pieces that all such views are made of."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from pipeline import display
from pipeline.model import Transcript

type Spoken = Callable[..., Transcript]

LONG = "The river rose in the night. " * 20


class Balance(HTMLParser):
    """Counts what is opened and not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def with_doubt(transcript: Transcript, index: int, probability: float) -> Transcript:
    words = list(transcript.words)
    words[index] = words[index].model_copy(update={"probability": probability})
    return transcript.model_copy(update={"words": tuple(words)})


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (65.9, "1:05"), (3600, "1:00:00")])
def test_a_short_clock_reads_like_a_players(seconds: float, text: str) -> None:
    assert display.short_clock(seconds) == text


def test_a_transcript_shows_its_first_sentences_and_says_how_many_follow(spoken: Spoken) -> None:
    shown = spoken(LONG)._repr_html_()
    assert shown.count("The river rose") == 12
    assert "… and 8 more sentences" in shown
    assert "en (100%) · 120 words" in shown


def test_all_of_a_transcript_is_shown_when_asked_for(spoken: Spoken) -> None:
    shown = display.transcript(spoken(LONG), sentences=None)
    assert shown.count("The river rose") == 20
    assert "more sentences" not in shown


def test_a_word_that_may_be_wrong_is_marked_with_its_probability(spoken: Spoken) -> None:
    shown = with_doubt(spoken("The river rose."), 1, 0.31)._repr_html_()
    assert re.findall(r'title="(\d+%)">(\w+)</span>', shown) == [("31%", "river")]
    assert "1 of them below 50%" in shown


def test_who_speaks_is_said_where_it_is_known(spoken: Spoken) -> None:
    assert "<b>Ann</b> Who?" in spoken("Who? You.", speakers=("Ann", "Bo"))._repr_html_()


def test_nothing_that_was_said_is_taken_for_html(spoken: Spoken) -> None:
    shown = spoken("<script> & </div>.", speakers=("<i>",))._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt; &amp; &lt;/div&gt;." in shown
    assert "&lt;i&gt;" in shown


def test_what_is_opened_is_closed_and_nothing_is_fetched(spoken: Spoken) -> None:
    shown = with_doubt(spoken(LONG), 2, 0.1)._repr_html_()
    assert Balance(shown).open == []
    assert "http" not in shown
    assert "url(" not in shown


def test_silence_is_shown_as_what_it_is(spoken: Spoken) -> None:
    silent = spoken("").model_copy(update={"language": "und", "notes": ("nothing was said",)})
    assert "<em>nothing was said</em>" in silent._repr_html_()


def test_a_card_leaves_out_what_has_no_value() -> None:
    shown = display.card("A title", [("one", "1"), ("none", "")])
    assert ">one</td>" in shown
    assert "none</td>" not in shown
    assert Balance(shown).open == []
