from hypothesis import given
from hypothesis import strategies as some

from apps.pages.timeline import in_words, nudged, snapped
from pipeline.model import Sentence, Transcript, Word, WordSpan


def spoken(count: int) -> Transcript:
    words = tuple(
        Word(text=f"w{index}", start=index, end=index + 0.6, probability=1.0) for index in range(count)
    )
    sentence = Sentence(words=WordSpan(first=0, end=count))
    facts = {"language": "en", "language_probability": 1.0, "model": "tiny.en", "duration": count}
    return Transcript(**facts, words=words, sentences=(sentence,))


def test_edges_snap_to_the_nearest_words():
    assert snapped(spoken(10), 2.4, 5.4) == WordSpan(first=2, end=6)
    assert snapped(spoken(10), 2.6, 5.9) == WordSpan(first=3, end=6)
    assert snapped(spoken(10), -5, 99) == WordSpan(first=0, end=10)


def test_a_box_between_two_words_keeps_one():
    assert snapped(spoken(10), 4.9, 4.95) == WordSpan(first=5, end=6)


@given(
    some.integers(0, 8), some.integers(1, 9), some.sampled_from(["first", "end"]), some.sampled_from([-1, 1])
)
def test_a_nudge_never_leaves_the_transcript_and_keeps_a_word(first: int, length: int, edge: str, step: int):
    words = WordSpan(first=first, end=min(first + length, 9))
    moved = nudged(words, edge, step, 9)
    assert 0 <= moved.first < moved.end <= 9
    assert abs(moved.first - words.first) + abs(moved.end - words.end) <= 1


def test_what_is_said_is_text_and_no_markup():
    assert "&lt;b&gt;" in in_words("<b>", "one", "two", 0, 1, 2)
