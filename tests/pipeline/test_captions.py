from pathlib import Path

import fontpkg
import numpy as np
import pysubs2
import pytest
from PIL import ImageFont

from pipeline import captions, ffmpeg, framing, subtitles
from pipeline.model import AspectRatio, Sentence, Span, Transcript, Word, WordSpan

SPAN = Span(start=100.0, end=104.0)
LONGEST_WORDS = ["minimum", "common", "women", "swimming", "throughout", "knowledge", "among", "mothers"]


def transcript_of(words: list[str], start: float = 100.0, each: float = 0.4) -> Transcript:
    return Transcript(
        language="en",
        language_probability=1,
        model="tiny.en",
        duration=1000,
        words=tuple(
            Word(text=text, start=start + index * each, end=start + (index + 0.9) * each, probability=1)
            for index, text in enumerate(words)
        ),
        sentences=(Sentence(words=WordSpan(first=0, end=len(words))),),
    )


def script_of(words: list[str], shape: AspectRatio, start: float = 100.0) -> pysubs2.SSAFile:
    cues = subtitles.cues(transcript_of(words, start), subtitles.style_for(shape, "en"))
    text = captions.captions(cues, SPAN, shape, framing.size(shape, 1080))
    return pysubs2.SSAFile.from_string(text)


def widest(shape: AspectRatio) -> list[str]:
    """Words for one cue that becomes as many rows as can be: no two of a line fit beside each other."""
    style = subtitles.style_for(shape, "en")
    outer = (style.line_length - 2) // 3
    return ["W" * outer, "W" * (style.line_length - 2 - 2 * outer), "W" * outer] * style.lines


def drawn(tmp_path: Path, script: str, size: tuple[int, int]) -> np.ndarray:
    """A black picture of `size` with `script` drawn on it, as grey values."""
    captions.copy_font(tmp_path)
    (tmp_path / "words.ass").write_text(script, encoding="utf-8")
    graph = f"color=black:s={size[0]}x{size[1]}:r=1:d=1,format=gray,ass=words.ass:fontsdir=."
    arguments = ["-filter_complex", graph, "-frames:v", "1", "-f", "rawvideo", "words.raw"]
    ffmpeg.run(arguments, length=1, report=lambda share: None, cwd=tmp_path)
    return np.frombuffer((tmp_path / "words.raw").read_bytes(), np.uint8).reshape(size[1], size[0])


def test_times_are_those_of_the_clip():
    events = script_of(["One", "two", "three."], AspectRatio.SQUARE, start=101.0).events
    assert (events[0].start, events[0].plaintext) == (1000, "One two three.")


def test_what_reaches_over_the_end_is_cut_and_what_lies_outside_is_left_out():
    words = ["word"] * 30
    events = script_of(words, AspectRatio.VERTICAL, start=99.0).events
    assert events[0].start == 0
    assert max(event.end for event in events) <= 4000
    assert all(event.end > event.start for event in events)


@pytest.mark.parametrize("text", ["{\\b1}", "a\\Nb", "{", "\\h", "<i>x</i>", "a\nb"])
def test_nothing_in_the_words_is_taken_for_a_command(tmp_path: Path, text: str):
    plain = drawn(tmp_path, captions.title_card("xx", SPAN, AspectRatio.SQUARE, (300, 300)), (300, 300))
    card = captions.title_card(f"x{text}x", SPAN, AspectRatio.SQUARE, (300, 300))
    odd = drawn(tmp_path, card, (300, 300))
    assert np.count_nonzero(odd.max(axis=0) > 128) > np.count_nonzero(plain.max(axis=0) > 128)
    lines = np.count_nonzero(np.diff((odd.max(axis=1) > 64).astype(int)) == 1)
    assert lines == 1


@pytest.mark.parametrize("shape", AspectRatio)
def test_captions_stay_in_the_safe_zone(tmp_path: Path, shape: AspectRatio):
    width, height = size = framing.size(shape, 360)
    cues = subtitles.cues(transcript_of(LONGEST_WORDS), subtitles.style_for(shape, "en"))
    picture = drawn(tmp_path, captions.captions(cues, SPAN, shape, size), size)
    rows, columns = np.flatnonzero(picture.max(axis=1) > 64), np.flatnonzero(picture.max(axis=0) > 64)
    look = captions.LOOKS[shape]
    assert rows[-1] < height * (1 - look.bottom) + 2
    assert rows[0] > height * 0.5
    assert columns[0] >= width * look.sides - 3
    assert columns[-1] <= width * (1 - look.sides) + 3


@pytest.mark.parametrize("shape", AspectRatio)
def test_the_highest_caption_that_there_can_be_is_not_above_the_highest_row(
    tmp_path: Path, shape: AspectRatio
):
    size = framing.size(shape, 360)
    picture = drawn(tmp_path, script_of(widest(shape), shape).to_string("ass"), size).max(axis=1)
    rows = np.count_nonzero(np.diff((picture > 128).astype(int)) == 1)
    assert rows == 3 * subtitles.style_for(shape, "en").lines
    highest = captions.highest_row(shape, size[1])
    assert highest % 2 == 0
    assert highest <= np.flatnonzero(picture > 16)[0] < highest + 0.06 * size[1]


def test_vertical_captions_leave_room_for_the_buttons_of_the_platforms():
    look = captions.LOOKS[AspectRatio.VERTICAL]
    assert look.bottom * 1920 >= 440
    assert look.sides * 1080 >= 108


@pytest.mark.parametrize("shape", AspectRatio)
def test_a_full_line_of_ordinary_words_fits(shape: AspectRatio):
    width, height = framing.size(shape, 1080)
    look = captions.LOOKS[shape]
    letters = look.line_height * height / 1.2  # Fira Sans: its lines are 1.2 times its letters' size
    font = ImageFont.truetype(fontpkg.path("Fira Sans", weight=700), letters)
    length = subtitles.style_for(shape, "en").line_length
    line = "And the crab, who had been asleep in her hole by the sea, heard him."[:length]
    assert font.getlength(line) <= width * (1 - 2 * look.sides)


def test_the_programs_own_font_is_used(tmp_path: Path):
    captions.copy_font(tmp_path)
    (font,) = tmp_path.iterdir()
    assert ImageFont.truetype(font, 10).getname() == ("Fira Sans", "Bold")


def test_a_title_stands_in_the_upper_half(tmp_path: Path):
    size = framing.size(AspectRatio.VERTICAL, 360)
    card = captions.title_card("The crab and the monkey", SPAN, AspectRatio.VERTICAL, size)
    rows = np.flatnonzero(drawn(tmp_path, card, size).max(axis=1) > 64)
    assert 0 < rows[0] < rows[-1] < size[1] / 2


WORDS = (
    "And the crab, who had been asleep in her hole by the sea, heard what they said of him and of it. " * 3
)
TITLES = {
    "one letter": "A",
    "60 characters": WORDS[:60],
    "120 characters": WORDS[:120],
    "200 characters": WORDS[:200],
    "200 characters in capitals": WORDS[:200].upper(),
    "200 of the widest letters": ("WWWWWW " * 30)[:200],
    "200 in Cyrillic": ("Быстрая лиса прыгнула через широкую межу " * 5)[:200],
    "one word": "W" * 200,
    "a long word amid others": f"The {'incomprehensibility' * 4} of the crab",
    "without spaces": "從前有一隻螃蟹住在海邊的洞裡" * 14,
    "marks of commands": "{\\b1}" * 40,
}


@pytest.mark.parametrize("shape", AspectRatio)
@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_a_title_of_any_length_ends_above_the_wave_and_within_the_margins(
    tmp_path: Path, title: str, shape: AspectRatio
):
    width, height = size = framing.size(shape, 360)
    picture = drawn(tmp_path, captions.title_card(title, SPAN, shape, size), size)
    rows, columns = np.flatnonzero(picture.max(axis=1) > 64), np.flatnonzero(picture.max(axis=0) > 64)
    assert height * 0.1 < rows[0] < rows[-1] < height * 0.44
    assert columns[0] >= width * captions.LOOKS[shape].sides - 3
    assert columns[-1] <= width * (1 - captions.LOOKS[shape].sides) + 3


@pytest.mark.parametrize("shape", AspectRatio)
@pytest.mark.parametrize("length", [60, 120, 160])
def test_a_title_of_ordinary_words_is_shown_whole_in_no_smaller_letters_than_can_be_read(
    shape: AspectRatio, length: int
):
    short, long = (_card(text, shape) for text in ("The crab", WORDS[:length]))
    assert long.events[0].plaintext.split() == WORDS[:length].split()
    assert 0.6 <= long.styles["Default"].fontsize / short.styles["Default"].fontsize <= 1


def test_what_does_not_fit_of_a_title_is_cut_after_a_word():
    shown = _card("MAMMOTHS " * 22, AspectRatio.SQUARE).events[0].plaintext
    assert len(shown) > 80
    assert set(shown.split()) == {"MAMMOTHS", "MAMMOTHS…"}


def test_a_word_is_rather_made_smaller_than_torn_and_chinese_rather_broken_than_made_smaller():
    word = _card("Donaudampfschifffahrt", AspectRatio.VERTICAL)
    chinese = _card("從前有一隻螃蟹住在海邊", AspectRatio.VERTICAL)
    assert word.events[0].plaintext == "Donaudampfschifffahrt"
    assert chinese.events[0].plaintext.count("\n") == 1
    assert chinese.styles["Default"].fontsize > word.styles["Default"].fontsize


def _card(title: str, shape: AspectRatio) -> pysubs2.SSAFile:
    return pysubs2.SSAFile.from_string(captions.title_card(title, SPAN, shape, framing.size(shape, 1080)))
