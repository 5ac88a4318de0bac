import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.edits import CorrectWords, corrected
from pipeline.model import AspectRatio, Sentence, Transcript, Word, WordSpan
from pipeline.subtitle_times import OPEN_FROM, frame_gap
from pipeline.subtitles import Cue, SubtitleStyle, cues, style_for

Spoken = Callable[..., Transcript]
WIDE = style_for(AspectRatio.LANDSCAPE, "en")
TALE = """
The river rose in the night, and nobody on the bridge had seen it coming. We heard the bells first.
Then my neighbour, Ada Brook, came down the road with a lamp in her hand and said that we had to leave.
I asked her how long we had. An hour, she said, perhaps a little more, because the old wall would hold
the water for a while, but it would not hold it until the morning.
"""
STYLES = [style_for(ratio, language) for ratio in AspectRatio for language in ("en", "ja")]


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """Whatever a recogniser could come up with: odd times, very long words, interrupting speakers."""
    texts = draw(st.lists(st.text("abe.,!?漢ß- ", min_size=1, max_size=12), min_size=1, max_size=60))
    texts = [text for text in texts if text.strip()] or ["well"]
    texts[0] = draw(st.sampled_from([texts[0], "x" * 130]))
    time, words = 0.0, []
    for text in texts:
        time += draw(st.sampled_from([0.0, 0.0, 0.05, 0.4, 0.55, 0.7, 0.9, 1.2, 3.0, -0.2]))
        length = draw(st.sampled_from([0.0, 0.1, 0.3, 0.8, 9.0]))
        start = max(time, 0.0)
        space = draw(st.booleans())
        words.append(Word(text=text, start=start, end=start + length, probability=0.5, space=space))
        time = start + length
    cut = draw(st.integers(1, len(words)))
    parts = [(0, cut, "Ann"), *([(cut, len(words), "Bo")] if cut < len(words) else [])]
    sentences = [Sentence(words=WordSpan(first=a, end=b), speaker=name) for a, b, name in parts]
    return Transcript(
        language="en",
        language_probability=1,
        model="m",
        duration=time + 1,
        words=tuple(words),
        sentences=tuple(sentences),
    )


def letters(text: str) -> str:
    return "".join(text.split())


@given(transcript=transcripts(), style=st.sampled_from(STYLES))
@settings(max_examples=60, deadline=None)
def test_every_word_is_shown_once_and_in_order(transcript: Transcript, style: SubtitleStyle) -> None:
    shown = "".join(line for cue in cues(transcript, style) for line in cue.lines)
    assert letters(shown) == letters(transcript.text())


@given(transcript=transcripts(), style=st.sampled_from(STYLES))
@settings(max_examples=60, deadline=None)
def test_lines_and_times_keep_their_limits_whatever_was_recognised(
    transcript: Transcript, style: SubtitleStyle
) -> None:
    made = cues(transcript, style)
    assert all(len(cue.lines) <= style.lines for cue in made)
    assert all(len(line) <= style.line_length for cue in made for line in cue.lines)
    assert all(style.shortest - 1e-6 <= cue.span.duration <= style.longest + 1e-6 for cue in made)


@given(transcript=transcripts(), frame_rate=st.sampled_from([2.0, 23.976, 25.0, 60.0, 1000.0]))
@settings(max_examples=60, deadline=None)
def test_two_frames_lie_between_cues_and_no_gap_flickers(transcript: Transcript, frame_rate: float) -> None:
    made = cues(transcript, WIDE, frame_rate=frame_rate)
    for before, after in pairwise(made):
        gap = after.span.start - before.span.end
        assert gap >= frame_gap(frame_rate) - 1e-6
        held = before.span.duration >= WIDE.longest - 1e-6
        assert held or gap <= frame_gap(frame_rate) + 1e-6 or gap >= OPEN_FROM / 1000 - 1e-6


@given(transcript=transcripts())
@settings(max_examples=40, deadline=None)
def test_a_new_speaker_gets_a_new_cue(transcript: Transcript) -> None:
    turn = transcript.sentences[0].words.end
    for cue in cues(transcript, WIDE):
        assert cue.words.end <= turn or cue.words.first >= turn
        assert cue.speaker == ("Ann" if cue.words.end <= turn else "Bo")


@pytest.mark.parametrize("pause", [0.05, 0.3, 0.55, 0.65, 0.75, 0.85, 0.95, 1.1, 1.4, 2.5])
def test_cues_come_with_their_words_and_go_soon_after_them(spoken: Spoken, pause: float) -> None:
    transcript = spoken(TALE, pause=pause)
    for cue in cues(transcript, WIDE):
        said = transcript.span(cue.words)
        assert abs(cue.span.start - said.start) <= 0.101
        assert -0.101 <= cue.span.end - said.end <= 0.65


def test_sentences_end_their_cues(spoken: Spoken) -> None:
    texts = [" ".join(cue.lines) for cue in cues(spoken(TALE), WIDE)]
    assert all(text.endswith((".", ",")) or "." not in text for text in texts)
    assert sum(text.endswith(".") for text in texts) == TALE.count(".")


def test_no_line_ends_on_a_word_that_leans_on_the_next(spoken: Spoken) -> None:
    lines = [line for cue in cues(spoken(TALE), WIDE) for line in cue.lines]
    leaning = {"the", "a", "in", "on", "of", "and", "that", "my", "her", "she", "we", "would", "not"}
    assert [line for line in lines if line.split()[-1].lower() in leaning] == []


def test_first_and_last_names_stay_together(spoken: Spoken) -> None:
    lines = [line for cue in cues(spoken(TALE), WIDE) for line in cue.lines]
    assert any("Ada Brook" in line for line in lines)


def test_two_lines_are_of_like_length_and_the_lower_is_rarely_shorter(spoken: Spoken) -> None:
    two = [cue.lines for cue in cues(spoken(TALE), WIDE) if len(cue.lines) == 2]
    assert two
    assert all(min(map(len, lines)) >= 0.4 * max(map(len, lines)) for lines in two)


def test_text_that_fits_one_line_is_one_line(spoken: Spoken) -> None:
    assert cues(spoken("We heard the bells first."), WIDE)[0].lines == ("We heard the bells first.",)


def test_no_word_is_left_alone(spoken: Spoken) -> None:
    made = cues(spoken(TALE), WIDE)
    assert all(cue.words.end - cue.words.first > 1 for cue in made)


def test_a_cue_stays_longer_where_there_is_room_to_read(spoken: Spoken) -> None:
    fast = spoken("Nobody saw the water rise. It came.", letter=0.045, pause=2.0)
    first = cues(fast, WIDE)[0]
    assert first.span.end > fast.words[4].end
    assert first.characters / first.span.duration == pytest.approx(17, abs=0.5)


def test_a_part_of_the_words_becomes_cues_in_the_times_of_the_recording(spoken: Spoken) -> None:
    transcript = spoken(TALE)
    part = WordSpan(first=15, end=20)
    made = cues(transcript, WIDE, part)
    assert [cue.lines for cue in made] == [("We heard the bells first.",)]
    assert made[0].words == part
    assert made[0].span.start == pytest.approx(transcript.words[15].start, abs=0.001)


def test_a_vertical_picture_gets_shorter_and_more_lines(spoken: Spoken) -> None:
    made = cues(spoken(TALE), style_for(AspectRatio.VERTICAL, "en"))
    assert max(len(line) for cue in made for line in cue.lines) <= 25
    assert max(len(cue.lines) for cue in made) == 3


def test_a_language_without_spaces_is_measured_in_characters(spoken: Spoken) -> None:
    transcript = spoken(
        "昔々あるところに、おじいさんとおばあさんがいました。" * 4, language="ja", spaces=False
    )
    made = cues(transcript, style_for(AspectRatio.LANDSCAPE, "ja"))
    assert max(len(line) for cue in made for line in cue.lines) <= 16
    assert all(cue.lines[-1].endswith(("。", "、")) for cue in made)


@pytest.mark.parametrize("ratio", AspectRatio)
@pytest.mark.parametrize(("language", "text"), [("zh", "从前有一只螃蟹"), ("yue", "從前有一隻蟹")])
def test_lines_of_chinese_are_no_wider_than_those_of_latin_script(
    spoken: Spoken, ratio: AspectRatio, language: str, text: str
) -> None:
    made = cues(spoken(text * 8, language=language, spaces=False), style_for(ratio, language))
    letters_of_half_the_width = 2 * max(len(line) for cue in made for line in cue.lines)
    assert letters_of_half_the_width <= style_for(ratio, "en").line_length


def test_a_word_longer_than_a_line_goes_on_in_the_next(spoken: Spoken) -> None:
    made = cues(spoken("See " + "w" * 60 + " now."), WIDE)
    assert max(len(line) for cue in made for line in cue.lines) <= 42
    assert letters("".join(line for cue in made for line in cue.lines)) == "See" + "w" * 60 + "now."


@pytest.mark.parametrize("ratio", [AspectRatio.VERTICAL, AspectRatio.LANDSCAPE])
def test_many_words_that_were_written_for_one_are_broken_between_them(
    spoken: Spoken, ratio: AspectRatio
) -> None:
    heard, name = spoken("We work at NASA now."), "National Aeronautics and Space Administration"
    said = corrected(heard, [CorrectWords(words=WordSpan(first=3, end=4), text=name)])
    made = cues(said, style_for(ratio, "en"))
    shown = [word for cue in made for line in cue.lines for word in line.split()]
    assert shown == f"We work at {name} now.".split()


def test_the_words_that_were_written_for_one_share_its_time(spoken: Spoken) -> None:
    heard = spoken("NASA", letter=2.0)
    said = corrected(heard, [CorrectWords(words=WordSpan(first=0, end=1), text="aaaa bbbb " * 5 + "cccc")])
    first, *_, last = (piece for cue in cues(said, WIDE) for row in cue.rows for piece in row)
    assert (first.start, last.end) == pytest.approx((heard.words[0].start, heard.words[0].end))
    assert first.end - first.start == pytest.approx(last.end - last.start)


def test_a_recording_without_words_has_no_cues(spoken: Spoken) -> None:
    assert cues(spoken(""), WIDE) == ()


def test_cues_are_the_same_every_time(spoken: Spoken) -> None:
    def texts(made: tuple[Cue, ...]) -> list[str]:
        return [cue.model_dump_json() for cue in made]

    assert texts(cues(spoken(TALE), WIDE)) == texts(cues(spoken(TALE), WIDE))


def test_three_hours_of_words_take_seconds(spoken: Spoken) -> None:
    transcript = spoken(TALE * 400)
    started = time.process_time()
    cues(transcript, WIDE)
    assert len(transcript.words) > 30_000
    assert time.process_time() - started < 10  # about 1.5 s; the rest is for a busy machine


@pytest.mark.parametrize(
    "limits", [{"lines": 0}, {"line_length": 0}, {"speed_limit": 0}, {"shortest": 3.0, "longest": 2.0}]
)
def test_limits_that_no_cue_can_keep_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SubtitleStyle.model_validate(limits)
