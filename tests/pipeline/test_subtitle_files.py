from collections.abc import Callable
from pathlib import Path

import pysubs2
import pytest

from pipeline.model import Sentence, Span, Transcript, Word, WordSpan
from pipeline.subtitle_files import clock, srt, vtt
from pipeline.subtitles import Cue, Piece, SubtitleStyle, cues

Spoken = Callable[..., Transcript]
STYLE = SubtitleStyle()
TEXT = "We heard the bells first. Then my neighbour came down the road with a lamp in her hand and called."


def test_srt_has_numbers_times_and_crlf(spoken: Spoken) -> None:
    text = srt(cues(spoken("We heard the bells."), STYLE))
    assert text == "1\r\n00:00:00,000 --> 00:00:01,200\r\nWe heard the bells.\r\n\r\n"


def test_srt_is_read_back_as_it_was_written(spoken: Spoken, tmp_path: Path) -> None:
    made = cues(spoken(TEXT), STYLE)
    (tmp_path / "a.srt").write_text(srt(made), encoding="utf-8", newline="")
    read = pysubs2.load(str(tmp_path / "a.srt"))
    assert [event.plaintext for event in read] == ["\n".join(cue.lines) for cue in made]
    assert [event.start for event in read] == [round(cue.span.start * 1000) for cue in made]


def test_vtt_has_the_speaker_and_the_time_of_each_word(spoken: Spoken) -> None:
    text = vtt(cues(spoken("We heard bells.", speakers=("Ann",)), STYLE))
    words = "<v Ann>We <00:00:00.180>heard <00:00:00.540>bells."
    assert text == f"WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\n{words}\n"


def test_vtt_without_a_known_speaker_names_none(spoken: Spoken) -> None:
    assert "<v" not in vtt(cues(spoken(TEXT), STYLE))


def test_word_times_grow_inside_their_cue(spoken: Spoken) -> None:
    words = spoken(TEXT).words
    same = [word.model_copy(update={"start": 1.0, "end": 1.0}) for word in words]
    stuck = spoken(TEXT).model_copy(update={"words": tuple(same)})
    for block in vtt(cues(stuck, STYLE)).split("\n\n")[1:]:
        assert block.count("<00:") <= 1


def test_marks_of_the_format_in_the_words_do_no_harm(spoken: Spoken) -> None:
    said = cues(spoken("R&D --> <i>now</i>.", speakers=("A<B>\nC",)), STYLE)
    assert "R&amp;D" in vtt(said)
    assert "--&gt;" in vtt(said)
    assert "&lt;i&gt;now" in vtt(said)
    assert "<v A&lt;B&gt; C>" in vtt(said)
    assert srt(said).count("-->") == 1
    assert "<i>" not in srt(said)


def test_line_breaks_inside_a_word_cannot_end_a_cue() -> None:
    made = cues(_with_word("odd\n\n2"), STYLE)
    assert srt(made).split("\r\n")[2] == "odd 2"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00:00.000"), (3725.5, "01:02:05.500"), (59.9996, "00:01:00.000")]
)
def test_a_clock_is_exact_to_the_millisecond(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_no_cues_make_a_valid_file() -> None:
    assert srt([]) == ""
    assert vtt([]).startswith("WEBVTT\n")


def test_a_space_less_script_is_written_without_spaces() -> None:
    pieces = tuple(
        Piece(text=c, start=i / 4, end=i / 4 + 0.2, space=False, word=i) for i, c in enumerate("漢字")
    )
    cue = Cue(rows=(pieces,), span=Span(start=0, end=1))
    assert "漢<00:00:00.250>字" in vtt([cue])
    assert "漢字" in srt([cue])


def _with_word(text: str) -> Transcript:
    word = Word(text=text, start=0, end=1, probability=1)
    sentence = Sentence(words=WordSpan(first=0, end=1))
    facts = {"language": "en", "language_probability": 1, "model": "m", "duration": 2}
    return Transcript(**facts, words=(word,), sentences=(sentence,))
