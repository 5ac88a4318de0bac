import pytest

from pipeline.highlights import HighlightBounds, Scorer, fitted, highlights, overlaps, score_of
from pipeline.keywords import phrases
from pipeline.model import Highlight, Transcript, WordSpan
from pipeline.reading import read
from tests.pipeline.spoken import BEES, HEATING, SHIPS, silently, spoken

ADJECTIVES = (
    "red",
    "old",
    "big",
    "wet",
    "dry",
    "hot",
    "new",
    "raw",
    "shy",
    "sly",
    "odd",
    "tan",
    "sad",
    "mad",
    "icy",
)
TALK = spoken(HEATING + BEES + SHIPS)


def found_in(transcript: Transcript, **bounds: float) -> tuple[Highlight, ...]:
    reading = read(transcript)
    limits = HighlightBounds.model_validate(bounds)
    return highlights(reading, phrases(reading), (), limits, silently)


def test_a_talk_of_three_minutes_gives_at_least_three() -> None:
    assert len(found_in(TALK)) >= 3


def test_an_hour_gives_at_least_six_and_at_most_twelve() -> None:
    different = " ".join((HEATING + BEES + SHIPS).replace("the", f"the {name}") for name in ADJECTIVES)
    assert 6 <= len(found_in(spoken(different, word_seconds=0.5))) <= 12


def test_every_passage_is_whole_sentences_of_the_right_length() -> None:
    sentences = TALK.sentences
    for one in found_in(TALK):
        assert 15 <= TALK.span(one.words).duration <= 60
        assert one.words.first in {sentence.words.first for sentence in sentences}
        assert one.words.end in {sentence.words.end for sentence in sentences}
        assert TALK.words[one.words.end - 1].text.endswith((".", "!"))


def test_passages_do_not_overlap_and_the_best_comes_first() -> None:
    found = found_in(TALK)
    assert not any(overlaps(a.words, b.words) for i, a in enumerate(found) for b in found[i + 1 :])
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_the_score_is_made_of_its_parts_and_has_reasons() -> None:
    for one in found_in(TALK):
        assert one.score == pytest.approx(score_of(one.score_parts), abs=0.01)
        assert {"hook", "payoff", "stands_alone"} <= set(one.score_parts)
        assert all(reason[0].islower() for reason in one.reasons)


def test_a_question_that_gets_its_answer_is_found() -> None:
    openings = [TALK.text(one.words).split("?")[0] for one in found_in(TALK)]
    assert "Why do old houses waste so much heat" in openings


def test_a_passage_does_not_cross_a_chapters_border_where_it_need_not() -> None:
    reading = read(TALK)
    borders = [len(HEATING.split()), len((HEATING + BEES).split())]
    for one in highlights(reading, phrases(reading), borders, HighlightBounds(), silently):
        assert not any(one.words.first < border < one.words.end for border in borders)


@pytest.mark.parametrize(
    ("weaker", "better", "part"),
    [
        (
            "He said that it was so for them.",
            "Radiators in empty rooms waste a third of the gas.",
            "stands_alone",
        ),
        ("And so radiators waste the gas again.", "Radiators waste the gas again.", "stands_alone"),
        ("Radiators stand in many rooms here.", "Why do radiators waste your money?", "hook"),
        ("Welcome back to the show, everybody.", "Nobody ever turns the radiators down.", "hook"),
    ],
)
def test_an_opening_is_judged_by_what_it_says(weaker: str, better: str, part: str) -> None:
    rest = " The radiators are hot in winter. Gas costs more every year. Turn the radiators down."

    def score(opening: str) -> float:
        reading = read(spoken(opening + rest))
        whole = WordSpan(first=0, end=len(reading.forms))
        return Scorer(reading, (), ()).parts(whole)[part]

    assert score(better) > score(weaker)


@pytest.mark.parametrize(
    ("weaker", "better"),
    [
        ("But who would pay for the heat?", "That means the heat is free."),
        ("By the way, my aunt sells umbrellas.", "So the cheapest heat is the heat you never make."),
    ],
)
def test_an_ending_is_judged_by_the_point_it_makes(weaker: str, better: str) -> None:
    start = "Heat is expensive in winter. Old houses lose heat through the roof. "

    def score(ending: str) -> float:
        reading = read(spoken(start + ending))
        return Scorer(reading, (), ()).parts(WordSpan(first=0, end=len(reading.forms)))["payoff"]

    assert score(better) > score(weaker)


def test_the_same_story_told_twice_is_proposed_once() -> None:
    found = found_in(spoken(HEATING + BEES + HEATING))
    texts = [set(read(TALK).content(one.words)) for one in found_in(spoken(HEATING + HEATING))]
    assert len(found) >= 2
    assert len(texts) <= 2


def test_a_recording_shorter_than_a_highlight_is_one_highlight() -> None:
    found = found_in(spoken("Nobody believed that the old bridge would hold. It held for a hundred years."))
    assert len(found) == 1
    assert found[0].words == WordSpan(first=0, end=14)
    assert found[0].reasons == ("it is all that is said in this recording",)


@pytest.mark.parametrize("text", ["", "Yes.", "One two three."])
def test_a_few_words_are_no_highlight(text: str) -> None:
    assert found_in(spoken(text)) == ()


def test_a_long_silence_is_never_inside() -> None:
    transcript = spoken(HEATING, pauses={60: 10.0})
    assert not any(one.words.first < 60 < one.words.end for one in found_in(transcript))


def test_bounds_are_kept() -> None:
    found = found_in(TALK, shortest=20.0, longest=30.0, at_most=2)
    assert len(found) == 2
    assert all(20 <= TALK.span(one.words).duration <= 30 for one in found)


def test_a_rough_passage_is_made_to_fit() -> None:
    reading, bounds = read(TALK), HighlightBounds()
    short = fitted(reading, WordSpan(first=3, end=5), bounds)
    long = fitted(reading, WordSpan(first=0, end=len(reading.forms)), bounds)
    for one in (short, long):
        assert one is not None
        assert one.first == 0
        assert 15 <= reading.duration(one) <= 60


def test_a_passage_at_the_very_end_that_is_too_short_cannot_be_made_to_fit() -> None:
    reading = read(TALK)
    last = reading.sentences[-1]
    assert fitted(reading, last, HighlightBounds()) is None


def test_a_language_without_word_lists_gets_highlights_too() -> None:
    german = (
        "Warum verlieren alte Häuser so viel Wärme? Die Heizkörper in leeren Zimmern kosten dreißig Prozent "
        "des Gases. Ein Thermostat kostet vierzig Euro und rechnet sich in einem Winter. Der Kessel weiß "
        "nicht, dass ein Zimmer leer ist. Das Thermostat weiß es. Die billigste Wärme macht niemand. "
    )
    found = found_in(spoken(german * 2, language="de"))
    assert found
    assert found[0].title


def test_a_transcript_without_any_mark_gets_highlights_of_the_right_length_too() -> None:
    words = TALK.words
    bare = tuple(word.model_copy(update={"text": word.text.strip('.,!?"')}) for word in words)
    found = found_in(TALK.model_copy(update={"words": bare}))
    assert len(found) >= 3
    assert all(15 <= TALK.span(one.words).duration <= 60 for one in found)


def test_a_recording_with_long_silences_only_still_gets_passages_of_the_right_length() -> None:
    sparse = spoken(
        ("Nobody believed in the old bridge. " * 40).strip(), pauses=dict.fromkeys(range(6, 240, 6), 6.0)
    )
    found = found_in(sparse)
    assert found
    assert all(15 <= sparse.span(one.words).duration <= 60 for one in found)
