from itertools import pairwise

import pytest

from pipeline import topics
from pipeline.keywords import phrases
from pipeline.model import Chapter, Seconds, Transcript
from pipeline.reading import read
from tests.pipeline.spoken import BEES, HEATING, SHIPS, recording, silently, spoken


def chapters_of(transcript: Transcript) -> tuple[Chapter, ...]:
    reading = read(transcript)
    return topics.chapters(reading, phrases(reading), transcript.duration, silently)


def assert_no_gap(chapters: tuple[Chapter, ...], duration: Seconds) -> None:
    assert chapters[0].span.start == 0
    assert chapters[-1].span.end == pytest.approx(duration, abs=0.5)
    assert all(a.span.end == b.span.start for a, b in pairwise(chapters))
    assert all(a.words.end == b.words.first for a, b in pairwise(chapters))
    assert len(chapters) == 1 or all(chapter.span.duration >= 10 for chapter in chapters)


def test_a_chapter_begins_where_the_subject_changes() -> None:
    transcript = spoken(HEATING + BEES + SHIPS)
    made = chapters_of(transcript)
    openings = [transcript.text(chapter.words) for chapter in made]
    assert [text.split(".")[0] for text in openings] == [
        "Today we talk about heating old houses",
        "Now let us turn to the bees in the garden",
        "The last part of this programme is about container ships",
    ]
    assert_no_gap(made, transcript.duration)


def test_a_change_of_words_alone_is_enough() -> None:
    without_cues = BEES.replace("Now let us turn to the bees in the garden. ", "")
    transcript = spoken(
        HEATING + without_cues + SHIPS.replace("The last part of this programme is about", "I like")
    )
    starts = [chapter.words.first for chapter in chapters_of(transcript)]
    borders = [len(HEATING.split()), len(HEATING.split()) + len(without_cues.split())]
    assert all(min(abs(start - border) for start in starts) <= 20 for border in borders)


def test_a_title_is_made_of_the_chapters_own_words() -> None:
    transcript = spoken(HEATING + BEES + SHIPS)
    for chapter in chapters_of(transcript):
        said = transcript.text(chapter.words).casefold()
        assert all(part.casefold() in said for part in chapter.title.split(" and "))


def test_no_two_titles_are_alike() -> None:
    titles = [chapter.title for chapter in chapters_of(spoken((HEATING + BEES) * 4))]
    assert len(titles) > 2
    assert len(set(titles)) == len(titles)


def test_a_short_recording_is_one_chapter() -> None:
    transcript = spoken("The kettle boils. The tea is ready. We drink the tea.")
    assert len(chapters_of(transcript)) == 1
    assert_no_gap(chapters_of(transcript), transcript.duration)


def test_a_recording_in_which_nothing_is_said_has_no_chapters() -> None:
    assert chapters_of(spoken("")) == ()


def test_the_first_chapter_starts_at_zero_however_late_the_first_word_comes() -> None:
    transcript = spoken(HEATING + BEES + SHIPS, start=30.0)
    assert_no_gap(chapters_of(transcript), transcript.duration)


@pytest.mark.parametrize(
    ("minutes", "least", "most"),
    [(1, 1, 1), (2.5, 3, 4), (16, 3, 7), (60, 5, 12), (180, 8, 19), (480, 13, 30)],
)
def test_the_number_of_chapters_grows_slowly_with_the_length(minutes: float, least: int, most: int) -> None:
    assert topics.bounds(60 * minutes) == pytest.approx((least, most), abs=1)


def test_a_long_recording_keeps_to_the_bounds() -> None:
    transcript = spoken((HEATING + BEES + SHIPS) * 12)
    least, most = topics.bounds(transcript.duration)
    made = chapters_of(transcript)
    assert least <= len(made) <= most
    assert_no_gap(made, transcript.duration)


def test_a_long_pause_draws_the_border() -> None:
    text = "We walk along the river. The river is wide. " * 20
    pauses = {70: 6.0, 140: 6.0}
    transcript = spoken(text, pauses=pauses)
    assert [chapter.words.first for chapter in chapters_of(transcript)] == [0, 70, 140]


def test_progress_is_reported_while_the_text_is_split() -> None:
    reading, seen = read(spoken((HEATING + BEES + SHIPS) * 3)), list[float]()
    topics.split(reading, reading.transcript.duration, seen.append)
    assert len(seen) > 20
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1


def test_the_recordings_own_chapters_are_kept_and_leave_no_gap() -> None:
    transcript = spoken(HEATING + BEES)
    own = [("Warm-up", 2.0, 20.0), ("Bees", 60.0, 80.0)]
    made = topics.own_chapters(recording(transcript, chapters=own).media, read(transcript))
    assert [chapter.title for chapter in made] == ["Warm-up", "Bees"]
    assert [chapter.span.start for chapter in made] == [0, 60.0]
    assert made[-1].span.end == transcript.duration
    assert made[0].words.first == 0
    assert made[0].words.end == made[1].words.first


def test_a_chapter_of_the_recording_that_holds_no_word_points_at_the_nearest() -> None:
    transcript = spoken("One two three four.", start=50.0)
    own = [("Silence", 0.0, 40.0), ("Talk", 40.0, 52.0)]
    made = topics.own_chapters(recording(transcript, chapters=own).media, read(transcript))
    assert made[0].words.first == 0
    assert made[1].words.end == 4


def test_a_recording_without_chapters_of_its_own_has_none() -> None:
    transcript = spoken(HEATING)
    assert topics.own_chapters(recording(transcript).media, read(transcript)) == ()


def test_a_chapter_without_a_word_still_has_a_title() -> None:
    reading = read(spoken("..."))
    assert [one.title for one in topics.chapters(reading, phrases(reading), 10.0, silently)] == ["Chapter"]
