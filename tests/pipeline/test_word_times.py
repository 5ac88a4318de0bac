"""Words in an order, and with times, that can be relied on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Word
from pipeline.word_times import glued, in_order, joined

MOMENTS = st.floats(0, 30, allow_nan=False)


def word(text: str, start: float = 0.0, end: float = 0.3, *, space: bool = True) -> Word:
    return Word(text=text, start=start, end=end, probability=0.9, space=space)


def texts(words: tuple[Word, ...]) -> list[str]:
    return [each.text for each in words]


def test_the_tail_of_a_word_is_joined_to_its_head() -> None:
    pieces = [word("twenty"), word("-five", 0.3, 0.7, space=False), word("percent", 0.8, 1.2)]
    assert texts(glued(pieces)) == ["twenty-five", "percent"]
    assert glued(pieces)[0].end == 0.7


def test_a_joined_word_is_as_sure_as_its_weakest_piece() -> None:
    weak = word(".5", space=False).model_copy(update={"probability": 0.2})
    assert glued([word("3"), weak])[0].probability == 0.2


def test_words_of_a_script_without_spaces_stay_apart() -> None:
    pieces = [word("東京"), word("に", space=False), word("行く。", space=False)]
    assert texts(glued(pieces)) == ["東京", "に", "行く。"]


def test_a_word_that_both_stretches_heard_comes_once() -> None:
    told = [
        [word("the", 9.0, 9.2), word("end.", 9.8, 10.0)],
        [word("End", 10.0, 10.2), word("of", 10.3, 10.5)],
    ]
    assert texts(joined(told)) == ["the", "end.", "of"]


def test_a_word_said_again_after_a_pause_stays() -> None:
    assert texts(joined([[word("no", 9.0, 9.2)], [word("no", 10.4, 10.6)]])) == ["no", "no"]


def test_joining_nothing_gives_nothing() -> None:
    assert joined([]) == ()
    assert joined([[], [word("yes")], []]) == (word("yes"),)


@given(st.lists(st.tuples(MOMENTS, MOMENTS), max_size=30), st.floats(5, 20))
def test_times_never_go_back_nor_leave_the_recording(times: list[tuple[float, float]], length: float) -> None:
    words = in_order([word("so", start, end) for start, end in times], length)
    bounds = [time for each in words for time in (each.start, each.end)]
    assert bounds == sorted(bounds)
    assert all(0 <= bound <= length for bound in bounds)
    assert len(words) == len(times)


def test_words_said_at_the_same_moment_each_get_a_little_time() -> None:
    words = in_order([word("a", 1.0, 1.0), word("b", 1.0, 1.0), word("c", 1.0, 1.5)], 10.0)
    assert [(each.start, each.end) for each in words] == [(1.0, 1.02), (1.02, 1.04), (1.04, 1.5)]


def test_words_at_the_very_end_take_their_time_from_those_before() -> None:
    words = in_order([word("the", 9.5, 10.0), word("end.", 10.0, 10.4)], 10.0)
    assert words[-1].end == 10.0
    assert words[-1].end - words[-1].start == pytest.approx(0.02)
    assert words[0].end <= words[1].start


@pytest.mark.parametrize(
    ("before", "text", "times"),
    [
        ("done.", "And", (4.0, 5.04)),  # it begins a sentence: the pause lies before it
        ("and", "then", (1.0, 2.12)),  # it stands within one: the pause lies after it
        ("and", "stop.", (1.0, 2.2)),  # it ends one
    ],
)
def test_a_word_gives_a_pause_back(before: str, text: str, times: tuple[float, float]) -> None:
    words = in_order([word(before, 0.5, 0.9), word(text, 1.0, 5.04)], 10.0)
    assert (words[1].start, words[1].end) == pytest.approx(times)


def test_a_word_of_plausible_length_keeps_its_times() -> None:
    slow = word("extraordinary", 1.0, 2.3)
    assert in_order([slow], 10.0) == (slow,)
