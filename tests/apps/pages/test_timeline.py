import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from apps.pages.timeline import begun, dragged, nudged, snapped
from apps.pages.waves import Waveform
from pipeline.model import ClipCandidate, Sentence, Span, Transcript, Word, WordSpan


def spoken(count: int, sentence: int | None = None, gone: tuple[int, ...] = ()) -> Transcript:
    """A word a second, in sentences of so many words; those that are `gone` were taken out by hand."""
    words = tuple(
        Word(text="" if index in gone else f"w{index}", start=index, end=index + 0.6, probability=1.0)
        for index in range(count)
    )
    length = sentence or count
    sentences = tuple(
        Sentence(words=WordSpan(first=first, end=min(first + length, count)))
        for first in range(0, count, length)
    )
    facts = {"language": "en", "language_probability": 1.0, "model": "tiny.en", "duration": count}
    return Transcript(**facts, words=words, sentences=sentences)


def clip(first: int, end: int) -> ClipCandidate:
    span = Span(start=max(0.0, first - 0.35), end=end - 0.1)
    words = WordSpan(first=first, end=end)
    return ClipCandidate(
        clip_id="1", title="One", span=span, words=words, score=0, score_parts={}, reasons=()
    )


def test_edges_snap_to_the_nearest_words():
    assert snapped(spoken(10), 2.4, 5.4) == WordSpan(first=2, end=6)
    assert snapped(spoken(10), 2.6, 5.9) == WordSpan(first=3, end=6)
    assert snapped(spoken(10), -5, 99) == WordSpan(first=0, end=10)


def test_a_box_between_two_words_keeps_one():
    assert snapped(spoken(10), 4.9, 4.95) == WordSpan(first=5, end=6)


def test_nothing_snaps_to_a_word_that_was_taken_out():
    assert snapped(spoken(10, gone=(3, 6)), 3.1, 6.6) == WordSpan(first=4, end=6)


def test_an_edge_that_was_not_dragged_keeps_its_word():
    words, one = spoken(20).words, clip(5, 10)
    short = Word(text="a", start=4.66, end=4.7, probability=1.0)
    quick = spoken(20).model_copy(update={"words": (*words[:4], short, *words[5:])})
    assert snapped(quick, one.span.start, 12.5).first == 4, (
        "the word before starts nearer to the clip's start"
    )
    assert dragged(quick, one, one.span.start, 12.5) == WordSpan(first=5, end=13)
    assert dragged(quick, one, 2.1, one.span.end) == WordSpan(first=2, end=10)


@given(
    some.integers(0, 8),
    some.integers(1, 9),
    some.sampled_from(["first", "end"]),
    some.sampled_from([-1, 1]),
    some.sampled_from(["word", "sentence"]),
)
def test_a_nudge_never_leaves_the_transcript_and_keeps_a_word(
    first: int, length: int, edge: str, step: int, by: str
):
    words = WordSpan(first=first, end=min(first + length, 9))
    moved = nudged(spoken(9, 3), words, edge, step, by)
    assert 0 <= moved.first < moved.end <= 9
    assert abs(moved.first - words.first) + abs(moved.end - words.end) <= (1 if by == "word" else 3)
    if moved != words:
        assert (getattr(moved, edge) > getattr(words, edge)) == (step > 0)


def test_a_nudge_by_a_sentence_goes_to_the_next_border_of_one():
    transcript, words = spoken(12, 4), WordSpan(first=2, end=7)
    assert nudged(transcript, words, "first", -1, "sentence").first == 0
    assert nudged(transcript, words, "first", 1, "sentence").first == 4
    assert nudged(transcript, words, "end", -1, "sentence").end == 4
    assert nudged(transcript, words, "end", 1, "sentence").end == 8


def test_a_nudge_passes_words_that_were_taken_out():
    words = WordSpan(first=4, end=6)
    assert nudged(spoken(10, gone=(2, 3)), words, "first", -1, "word").first == 1


def test_a_clip_from_a_moment_has_whole_sentences_and_is_long_enough():
    made = begun(spoken(20, 5), 7.2, 6)
    assert made.words == WordSpan(first=5, end=15)
    assert made.title == "w5 w6 w7 w8 w9 w10 w11 w12"
    assert begun(spoken(20, 5), 99, 6).words == WordSpan(first=15, end=20)
    assert begun(spoken(20, 5), 0, 1).words == WordSpan(first=0, end=5)


def test_three_hours_are_few_points_and_no_peak_is_lost(tmp_path: Path):
    peaks = np.zeros(3 * 3600 * 10, dtype=int)
    peaks[77_777] = 100
    file = tmp_path / "long.peaks.json"
    file.write_text(json.dumps({"per_second": 10, "peaks": peaks.tolist()}))
    seen = Waveform(file).between(0, 3 * 3600)
    assert 1000 < len(seen["x"]) <= 1500
    assert abs(seen["x"][np.argmax(seen["up"])] - 7777.7) < 10
    close = Waveform(file).between(7760, 7800)
    assert abs(close["x"][np.argmax(close["up"])] - 7777.75) < 0.1


def test_without_a_waveform_nothing_is_drawn(tmp_path: Path):
    assert len(Waveform(tmp_path / "none.json").between(0, 60)["x"]) == 0
