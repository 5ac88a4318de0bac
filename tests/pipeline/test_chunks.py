"""Speech packed for the speech model, and words put back at their time in the recording."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import chunks
from pipeline.model import Word

RATE = 16000
LENGTHS = st.lists(st.tuples(st.integers(0, 20 * RATE), st.integers(1, 70 * RATE)), max_size=40)


def ranges(*seconds: tuple[float, float]) -> list[chunks.Range]:
    return [(int(start * RATE), int(end * RATE)) for start, end in seconds]


def word(start: float, end: float) -> Word:
    return Word(text="well", start=start, end=end, probability=0.9)


@given(LENGTHS)
def test_every_sample_of_speech_is_in_exactly_one_chunk_of_at_most_30_seconds(
    gaps: list[tuple[int, int]],
) -> None:
    speech, at = [], 0
    for gap, length in gaps:
        speech.append((at + gap, at + gap + length))
        at += gap + length
    packed = [part for chunk in chunks.pack(speech) for part in chunk.ranges]
    assert sum(end - start for start, end in packed) == sum(end - start for start, end in speech)
    assert packed == sorted(packed)
    for chunk in chunks.pack(speech):
        assert 0 < sum(end - start for start, end in chunk.ranges) <= 30 * RATE


def test_no_speech_gives_no_chunk() -> None:
    assert chunks.pack([]) == ()


def test_chunks_are_few_and_of_about_the_same_length() -> None:
    packed = chunks.pack(ranges(*((start, start + 4) for start in range(0, 40, 4))))
    assert [len(chunk.ranges) for chunk in packed] == [5, 5]


def test_the_model_hears_the_ranges_without_the_silence_between() -> None:
    sound = np.arange(100, dtype=np.float32)
    chunk = chunks.Chunk(((10, 13), (50, 52)))
    assert chunk.samples(sound).tolist() == [10, 11, 12, 50, 51]


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ((0.5, 1.0), (102.5, 103.0)),  # in the first range, which begins at 2 s
        ((5.5, 6.0), (120.5, 121.0)),  # in the second, which begins at 20 s
        ((4.9, 5.4), (120.0, 120.4)),  # over the joint: most of it is in the second
        ((4.5, 5.2), (106.5, 107.0)),  # over the joint: most of it is in the first
        ((9.9, 30.0), (124.9, 125.0)),  # longer than the chunk
    ],
)
def test_a_word_is_placed_in_the_range_it_was_said_in(
    heard: tuple[float, float], said: tuple[float, float]
) -> None:
    chunk = chunks.Chunk(tuple(ranges((2, 7), (20, 25))))
    placed = chunk.placed(word(*heard), 100.0)
    assert (placed.start, placed.end) == pytest.approx(said)
