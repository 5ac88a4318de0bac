import pytest

from pipeline.subtitle_times import frame_gap, times

LIMITS = (0.833, 7.0, 17.0)


def shown(*heard: tuple[float, float], characters: int = 10) -> list[tuple[float, float]]:
    starts, ends = [start for start, _ in heard], [end for _, end in heard]
    spans = times(starts, ends, [characters] * len(heard), limits=LIMITS, frame_rate=25)
    return [(span.start, span.end) for span in spans]


@pytest.mark.parametrize(
    ("silence", "end", "following"),
    [
        (0.0, 1.92, 2.0),  # two frames are taken from the end
        (0.4, 2.32, 2.4),  # closed by staying
        (0.65, 2.5, 2.58),  # closed by staying 0.5 s and coming early
        (0.9, 1.95, 2.95),  # opened to a second
        (1.5, 2.0, 3.5),  # left alone
    ],
)
def test_a_silence_between_cues_is_closed_or_open_but_never_a_flicker(
    silence: float, end: float, following: float
) -> None:
    first, second = shown((0.0, 2.0), (2.0 + silence, 5.0))
    assert first[1] == pytest.approx(end)
    assert second[0] == pytest.approx(following)


def test_a_cue_waits_for_its_readers_but_not_longer_than_half_a_second() -> None:
    assert shown((0.0, 2.0), (9.0, 11.0), characters=40)[0] == (0.0, pytest.approx(2.353))
    assert shown((0.0, 2.0), (9.0, 11.0), characters=80)[0] == (0.0, pytest.approx(2.5))


def test_a_cue_too_short_to_see_stays_and_the_next_one_waits() -> None:
    first, second = shown((0.0, 0.2), (0.2, 3.0))
    assert first == (0.0, 0.833)
    assert second == (pytest.approx(0.913), 3.0)  # nothing after it to make room for


def test_a_word_that_lasts_forever_does_not_stay_forever() -> None:
    assert shown((0.0, 40.0))[0] == (0.0, 7.0)


@pytest.mark.parametrize(("rate", "gap"), [(25.0, 0.08), (60.0, 0.034), (1.99, 0.084), (1000.0, 0.034)])
def test_two_frames_are_measured_at_a_rate_that_video_plays_at(rate: float, gap: float) -> None:
    assert frame_gap(rate) == pytest.approx(gap)
