"""Words to sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Word
from pipeline.sentences import sentences


def said(text: str, *, pause_after: dict[str, float] | None = None, each: float = 0.3) -> list[Word]:
    """The words of `text`, each 0.3 s long, with a pause after the words that are named."""
    words, at = [], 0.0
    for token in text.split():
        words.append(Word(text=token, start=at, end=at + each, probability=0.9))
        at += each + (pause_after or {}).get(token, 0.0)
    return words


def split(words: list[Word]) -> list[str]:
    spans = (sentence.words for sentence in sentences(words))
    return [" ".join(word.text for word in words[span.first : span.end]) for span in spans]


@pytest.mark.parametrize(
    "text",
    [
        "It works. | Does it? | Yes! | Good.",
        "यह चलता है। | अच्छा है।",
        "هل يعمل؟ | نعم",
        "یہ چلتا ہے۔ | اچھا",
        "Dr. Smith met Mrs. Jones. | They talked.",
        "We saw J. R. Tolkien there. | He wrote.",
        "It costs 3.5 million. | That is much.",
        "He lives in the U.S. | They do not.",
        "In the U.S. alone it sold.",
        "We meet at 5 p.m. today. | Come.",
        "We meet at 5 p.m. | Come then.",
        "Take apples, pears, etc. and go. | Now.",
        "This is No. 5 of ten. | No. | Never.",
        'She said "Stop." | Then she left.',
        "It was 1858. | The wire broke.",
        "I know who it was: I. | You did not.",
        "Wait... what was that? | Hm.",
        "Well… | He stopped.",
        "He asked why? and left.",
        "行く。 | 来る。",
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str) -> None:
    assert split(said(text.replace(" | ", " "))) == text.split(" | ")


def test_a_long_silence_ends_a_sentence_without_punctuation() -> None:
    assert split(said("and then it stopped we waited", pause_after={"stopped": 2.5})) == [
        "and then it stopped",
        "we waited",
    ]


def test_a_short_pause_does_not() -> None:
    assert len(split(said("and then it stopped we waited", pause_after={"stopped": 0.8}))) == 1


def test_a_sentence_without_end_is_cut_at_a_comma() -> None:
    words = said(" ".join(["and"] * 30 + ["then,"] + ["but"] * 30))
    assert [len(part.split()) for part in split(words)] == [31, 30]


def test_a_sentence_without_end_or_comma_is_cut_at_its_longest_pause() -> None:
    words = said(" ".join(["and"] * 30 + ["then"] + ["but"] * 30), pause_after={"then": 0.4})
    assert split(words)[0].endswith("then")


def test_slow_speech_is_cut_after_30_seconds() -> None:
    words = said(" ".join(["slow"] * 40), each=1.0)
    assert all(len(part.split()) <= 30 for part in split(words))


def test_no_words_give_no_sentences() -> None:
    assert sentences([]) == ()


@given(
    st.lists(st.sampled_from(["a", "B.", "Dr.", "c,", "U.S.", "5", "No.", "why?", "...", "."]), max_size=200)
)
def test_every_word_is_in_exactly_one_sentence(tokens: list[str]) -> None:
    words = said(" ".join(tokens))
    covered = [i for each in sentences(words) for i in range(each.words.first, each.words.end)]
    assert covered == list(range(len(words)))
