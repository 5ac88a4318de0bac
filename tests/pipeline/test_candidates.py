from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.candidates import CandidateOptions, choose, read_candidates, write_candidates
from pipeline.model import (
    Chapter,
    Enrichment,
    Highlight,
    Media,
    Metadata,
    Quote,
    Sentence,
    Source,
    Span,
    Transcript,
    Word,
    WordSpan,
)

SHORT = CandidateOptions(shortest=2, longest=6.5, at_least=0)


def _source(duration: float) -> Source:
    media = Media(path="talk.mp4", container="mp4", duration=duration, video=None, audio=None)
    return Source(sha256="0" * 64, bytes=1, media=media, metadata=Metadata())


def _transcript(lengths: Sequence[int], pause: float = 0.6, gap: float = 0.1) -> Transcript:
    """Sentences of so many words of 0.4 s, `pause` apart."""
    words: list[Word] = []
    sentences = []
    now = 1.0
    for length in lengths:
        first = len(words)
        for number in range(length):
            text = f"word{len(words)}" + "." * (number == length - 1)
            words.append(Word(text=text, start=now, end=now + 0.4, probability=1))
            now += 0.4 + gap
        now += pause - gap
        sentences.append(Sentence(words=WordSpan(first=first, end=len(words))))
    return Transcript(
        language="en",
        language_probability=1,
        model="tiny.en",
        duration=now + 1,
        words=tuple(words),
        sentences=tuple(sentences),
    )


def _highlight(first: int, end: int, score: float = 0.5, title: str = "The Crab and the Monkey") -> Highlight:
    words = WordSpan(first=first, end=end)
    return Highlight(
        title=title, words=words, score=score, score_parts={"hook": score}, reasons=("it hooks",)
    )


def _enrichment(
    *highlights: Highlight, quotes: tuple[Quote, ...] = (), chapters: tuple[Chapter, ...] = ()
) -> Enrichment:
    return Enrichment(
        enricher="local",
        model=None,
        title="",
        summary="",
        summary_words=(),
        keywords=(),
        chapters=chapters,
        names=(),
        quotes=quotes,
        show_notes=(),
        highlights=highlights,
    )


def _words(
    transcript: Transcript, enrichment: Enrichment, options: CandidateOptions
) -> list[tuple[int, int]]:
    chosen = choose(_source(transcript.duration), transcript, enrichment, options)
    return [(candidate.words.first, candidate.words.end) for candidate in chosen]


def test_a_highlight_inside_a_sentence_becomes_the_whole_sentence():
    assert _words(_transcript([6, 6, 6]), _enrichment(_highlight(8, 10)), SHORT) == [(6, 12)]


def test_a_clip_starts_a_moment_before_its_first_word_and_ends_a_moment_after_its_last():
    transcript = _transcript([6, 6, 6], pause=2.0)
    (clip,) = choose(_source(60), transcript, _enrichment(_highlight(6, 12)), SHORT)
    assert transcript.words[6].start - clip.span.start == pytest.approx(0.35)
    assert clip.span.end - transcript.words[11].end == pytest.approx(0.45)


def test_in_a_short_silence_lead_and_tail_take_half_of_it():
    transcript = _transcript([6, 6, 6], pause=0.2)
    (clip,) = choose(_source(60), transcript, _enrichment(_highlight(6, 12)), SHORT)
    assert transcript.words[6].start - clip.span.start == pytest.approx(0.1)
    assert clip.span.end - transcript.words[11].end == pytest.approx(0.1)


def test_a_clip_never_reaches_beyond_the_recording():
    transcript = _transcript([6])
    end = transcript.words[-1].end + 0.1
    (clip,) = choose(_source(end), transcript, _enrichment(_highlight(0, 6)), SHORT)
    assert clip.span.end <= end


def test_a_highlight_that_is_too_long_is_cut_at_the_end_of_a_sentence():
    assert _words(_transcript([5, 5, 5, 5]), _enrichment(_highlight(0, 20)), SHORT) == [(0, 10)]


def test_a_sentence_that_is_too_long_is_cut_at_its_longest_late_pause():
    transcript = _transcript([30])
    words = list(transcript.words)
    late = [word.model_copy(update={"start": word.start + 0.5, "end": word.end + 0.5}) for word in words[9:]]
    transcript = transcript.model_copy(update={"words": (*words[:9], *late)})
    assert _words(transcript, _enrichment(_highlight(0, 30)), SHORT) == [(0, 9)]


def test_a_highlight_that_is_too_short_is_extended_by_what_follows():
    assert _words(_transcript([2, 2, 2]), _enrichment(_highlight(2, 4)), SHORT) == [(2, 6)]


def test_an_extension_stays_in_its_chapter_where_it_can():
    transcript = _transcript([2, 2, 2])
    span = Span(start=0, end=1)
    chapters = (
        Chapter(title="One", span=span, words=WordSpan(first=0, end=4)),
        Chapter(title="Two", span=span, words=WordSpan(first=4, end=6)),
    )
    assert _words(transcript, _enrichment(_highlight(2, 4), chapters=chapters), SHORT) == [(0, 4)]


def test_a_recording_shorter_than_the_shortest_clip_is_one_clip():
    assert _words(_transcript([3, 3]), _enrichment(_highlight(0, 3)), CandidateOptions()) == [(0, 6)]


def test_no_words_give_no_clips():
    empty = Transcript(language="und", language_probability=0, model="", duration=9, words=(), sentences=())
    assert choose(_source(9), empty, _enrichment(_highlight(0, 3)), CandidateOptions()) == ()


def test_the_best_come_first_and_no_more_than_wanted():
    enrichment = _enrichment(_highlight(0, 6, 0.2), _highlight(6, 12, 0.9), _highlight(12, 18, 0.5))
    options = SHORT.model_copy(update={"count": 2})
    assert _words(_transcript([6, 6, 6]), enrichment, options) == [(6, 12), (12, 18)]


def test_with_few_highlights_quotes_become_clips_too():
    quotes = tuple(
        Quote(text="word6 word7", words=WordSpan(first=first, end=first + 2)) for first in (6, 12, 18)
    )
    enrichment = _enrichment(_highlight(0, 6), quotes=quotes)
    options = SHORT.model_copy(update={"at_least": 3})
    assert _words(_transcript([6, 6, 6, 6]), enrichment, options) == [(0, 6), (6, 12), (12, 18)]


@pytest.mark.parametrize(
    ("title", "clip_id"),
    [
        ("The Crab and the Monkey", "01-the-crab-and-the-monkey"),
        ("Don't “panic”, André!", "01-dont-panic-andre"),
        ("猿蟹合戦", "01-clip"),
        ("so " * 60, "01-" + "-".join(["so"] * 16)),
        ("../../etc/passwd", "01-etc-passwd"),
    ],
)
def test_an_id_is_a_number_and_a_slug_of_the_title(title: str, clip_id: str):
    enrichment = _enrichment(_highlight(0, 6, title=title))
    (clip,) = choose(_source(60), _transcript([6, 6]), enrichment, SHORT)
    assert clip.clip_id == clip_id


def test_a_longest_below_the_shortest_is_refused():
    with pytest.raises(ValidationError, match="must not be below shortest"):
        CandidateOptions(shortest=20, longest=10)


def test_candidates_are_read_back_as_they_were_written(tmp_path: Path):
    chosen = choose(_source(60), _transcript([6, 6]), _enrichment(_highlight(0, 6)), SHORT)
    write_candidates(chosen, tmp_path)
    assert read_candidates(tmp_path) == chosen


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 25), min_size=1, max_size=30),
    pause=st.sampled_from([0.0, 0.3, 1.0, 4.0]),
    places=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 80)), min_size=1, max_size=6),
)
def test_clips_do_not_overlap_and_cut_no_word(
    lengths: list[int], pause: float, places: list[tuple[int, int]]
):
    transcript = _transcript(lengths, pause=pause)
    count = len(transcript.words)
    highlights = [_highlight(first % count, min(first % count + length, count)) for first, length in places]
    options = CandidateOptions(shortest=5, longest=20)
    clips = choose(_source(transcript.duration), transcript, _enrichment(*highlights), options)
    for one, other in combinations(clips, 2):
        assert one.span.end <= other.span.start or other.span.end <= one.span.start
    for clip in clips:
        assert clip.span.duration <= 20.01
        assert clip.span.duration >= 5 or clip.words == WordSpan(first=0, end=count)
        for edge in (clip.span.start, clip.span.end):
            assert not any(word.start + 0.001 < edge < word.end - 0.001 for word in transcript.words)
    assert [clip.score for clip in clips] == sorted((clip.score for clip in clips), reverse=True)
    assert all(one.clip_id < other.clip_id for one, other in pairwise(clips))
