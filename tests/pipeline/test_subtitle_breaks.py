import pytest

from pipeline.subtitle_breaks import ends_sentence, penalties


def after(text: str, word: str, *, language: str = "en", pause: float = 0.0) -> float:
    words = text.split()
    return penalties(words, [pause] * (len(words) - 1), language=language)[words.index(word)]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (("It came. We left", "came."), ("It came, we left", "came,")),
        (("It came; we left", "came;"), ("It came, we left", "came,")),
        (("It came, we left", "came,"), ("It came and left", "came")),
        (("It came and left", "came"), ("Water came down fast", "came")),
        (("Water came down fast", "came"), ("Water and mud came", "and")),
        (("Water came down fast", "came"), ("See Ada Brook there", "Ada")),
        (("See Ada Brook there", "Ada"), ("See the bridge there", "the")),
    ],
)
def test_the_better_place_to_break_costs_less(better: tuple[str, str], worse: tuple[str, str]) -> None:
    assert after(*better) < after(*worse)


def test_a_pause_makes_a_break_cheaper() -> None:
    assert after("Water came down fast", "came", pause=0.4) < after("Water came down fast", "came")


def test_a_capital_on_a_small_word_begins_a_sentence_whose_full_stop_was_not_heard() -> None:
    assert after("life happens But we came", "happens") < after("life happens but we came", "happens")


def test_english_words_mean_nothing_in_another_language() -> None:
    assert after("in die Stadt", "die", language="de") == after("in die Stadt", "in", language="de")


def test_the_last_word_is_always_a_good_place() -> None:
    assert penalties(["and", "the"], [0.0], language="en")[-1] == 0
    assert penalties([], [], language="en") == []


@pytest.mark.parametrize("text", ["end.", "end?”", "end!)", "了。", "so…"])
def test_a_sentence_ends_also_inside_quotes_and_in_other_scripts(text: str) -> None:
    assert ends_sentence(text)


@pytest.mark.parametrize("text", ["Dr.", "mrs.", "end", "end,"])
def test_titles_and_commas_end_no_sentence(text: str) -> None:
    assert not ends_sentence(text)
