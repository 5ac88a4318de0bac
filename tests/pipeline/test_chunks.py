"""Speech packed for the speech model, and words put back at their time in the recording."""

import itertools

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


@given(LENGTHS, st.sampled_from([0.0, 0.4]))
def test_all_speech_is_in_order_in_chunks_of_at_most_30_seconds(
    gaps: list[tuple[int, int]], margin: float
) -> None:
    speech, at = [], 0
    for gap, length in gaps:
        speech.append((at + gap, at + gap + length))
        at += gap + length
    packed = chunks.pack(speech, at, margin)
    parts = [part for chunk in packed for part in chunk.ranges]
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(parts))
    assert all(any(low <= start < high for low, high in parts) for start, _ in speech)
    assert sum(end - start for start, end in parts) >= sum(end - start for start, end in speech)
    assert all(0 < sum(end - start for start, end in chunk.ranges) <= 30 * RATE for chunk in packed)


def test_no_speech_gives_no_chunk() -> None:
    assert chunks.pack([], 30 * RATE) == ()


def test_speech_gets_a_margin_that_ends_at_its_neighbour_and_at_the_edges() -> None:
    (chunk,) = chunks.pack(ranges((0.1, 2), (2.2, 4), (9, 10)), 20 * RATE)
    assert chunk.ranges == tuple(ranges((0, 2.1), (2.1, 4.4), (8.6, 10.4)))


def test_a_chunk_is_cut_at_the_longest_pause_that_needs_no_further_chunk() -> None:
    speech = ranges((0, 10), (10.2, 19.8), (20.6, 29), (29.2, 40))
    first, second = chunks.pack(speech, 41 * RATE)
    assert first.ranges[-1][1] == int(20.2 * RATE)
    assert second.ranges[0][0] == int(20.2 * RATE)


def test_speech_without_a_pause_is_halved() -> None:
    packed = chunks.pack(ranges((0, 50)), 50 * RATE)
    assert [chunk.ranges for chunk in packed] == [tuple(ranges((0, 25))), tuple(ranges((25, 50)))]


def test_the_model_hears_the_ranges_without_the_silence_between() -> None:
    sound = np.arange(100, dtype=np.float32)
    chunk = chunks.Chunk(((10, 13), (50, 52)))
    assert chunk.samples(lambda start, end: sound[start:end]).tolist() == [10, 11, 12, 50, 51]


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ((0.5, 1.0), (2.5, 3.0)),  # in the first range, which begins at 2 s
        ((5.5, 6.0), (20.5, 21.0)),  # in the second, which begins at 20 s
        ((4.9, 5.4), (20.0, 20.4)),  # over the joint: most of it is in the second
        ((4.5, 5.2), (6.5, 7.0)),  # over the joint: most of it is in the first
        ((9.9, 30.0), (24.9, 25.0)),  # longer than the chunk
    ],
)
def test_a_word_is_placed_in_the_range_it_was_said_in(
    heard: tuple[float, float], said: tuple[float, float]
) -> None:
    chunk = chunks.Chunk(tuple(ranges((2, 7), (20, 25))))
    placed = chunk.placed(word(*heard))
    assert (placed.start, placed.end) == pytest.approx(said)


@pytest.mark.parametrize(
    ("heard", "missing"),
    [
        ([(0.1, 0.6), (1.9, 2.4), (3.6, 4.0), (5.0, 5.4), (6.5, 6.9)], []),  # pauses
        ([(0.1, 0.6), (1.0, 1.5)], [(3.5, 7), (20, 22)]),  # the rest, over both ranges
        ([(2.0, 2.5), (3.8, 4.3), (5.6, 7)], [(2, 4)]),  # the beginning
        ([(0.1, 5.5), (5.6, 7)], [(3.1, 7), (20, 20.6)]),  # what hides in a word of 5 s
        ([], [(2, 7), (20, 22)]),
    ],
)
def test_speech_without_words_is_found(
    heard: list[tuple[float, float]], missing: list[tuple[float, float]]
) -> None:
    chunk = chunks.Chunk(tuple(ranges((2, 7), (20, 22))))
    assert chunk.unheard([word(*times) for times in heard]) == tuple(ranges(*missing))
