"""Transcription from a recording to a transcript: the stretches, their seams, and odd recordings."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import jiwer
import pytest

from pipeline import ffmpeg, speech_models, transcribe
from pipeline.errors import Cancelled, ModelMissing, UnreadableMedia
from pipeline.model import AudioStream, Media, Report, Transcript, Word
from pipeline.transcribe import TranscribeOptions

OPTIONS = TranscribeOptions(model=speech_models.BUNDLED)
LANGUAGE_NOTE = r"tiny\.en knows only English"


def _ignore(share: float) -> None:
    """A report that nobody reads."""


def recording_at(path: Path, index: int = 0, duration: float = 3.0) -> Media:
    audio = AudioStream(index=index, codec="any", sample_rate=48000, channels=1)
    return Media(path=str(path), container="any", duration=duration, video=None, audio=audio)


def prepared(recording: Media, out: Path, options: TranscribeOptions = OPTIONS) -> Path:
    out.mkdir(parents=True)
    transcribe.prepare(recording, options, out=out, report=_ignore, threads=2)
    return out


def heard(
    plan: Path, out: Path, options: TranscribeOptions = OPTIONS, report: Report = _ignore
) -> list[Path]:
    """The folders with the words of all stretches of `plan`."""
    parts = [out / str(index) for index in range(len(transcribe.stretches(plan)))]
    for index, part in enumerate(parts):
        part.mkdir(parents=True)
        transcribe.stretch(plan, index, options, out=part, report=report, threads=2)
    return parts


def transcript(recording: Media, folder: Path, options: TranscribeOptions = OPTIONS) -> Transcript:
    plan = prepared(recording, folder / "prepared", options)
    (folder / "merged").mkdir()
    parts = heard(plan, folder / "parts", options)
    return transcribe.merge(recording, plan, parts, options, out=folder / "merged")


def plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))


def seconds_of(path: Path) -> float:
    said = ffmpeg.ask("-hide_banner", "-i", str(path))
    hours, minutes, seconds = re.findall(r"Duration: (\d+):(\d+):([\d.]+)", said)[0]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@pytest.fixture(scope="session")
def demo(demo_recording: Path) -> Media:
    return recording_at(demo_recording, 1, seconds_of(demo_recording))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("transcribed")


@pytest.fixture(scope="session")
def whole(demo: Media, folder: Path) -> Transcript:
    """The demo recording's transcript, from two stretches."""
    return transcript(demo, folder)


def test_what_was_said_is_in_the_transcript(whole: Transcript) -> None:
    from apps.demo import talk

    script = plain(" ".join(line.text for line in talk.LINES))
    assert jiwer.wer(script, plain(whole.text())) < 0.1
    assert whole.language == "en"
    assert whole.model == "tiny.en"


def test_clear_speech_has_no_notes(whole: Transcript) -> None:
    assert (*whole.notes, *transcribe.doubts(whole, OPTIONS)) == ()


def test_speech_that_is_not_english_is_mostly_guesses(demo: Media, tmp_path: Path) -> None:
    backwards = tmp_path / "backwards.wav"
    ffmpeg.run(["-t", "40", "-i", demo.path, "-af", "areverse", str(backwards)], length=40, report=_ignore)
    made = transcript(recording_at(backwards, 0, 40), tmp_path / "made")
    assert transcribe.doubts(made, OPTIONS) != ()


def told(*probabilities: float, language: str = "en") -> Transcript:
    """A transcript of words that are that likely."""
    words = tuple(
        Word(text="so", start=at, end=at + 1, probability=likely) for at, likely in enumerate(probabilities)
    )
    facts = {"language": language, "language_probability": 1, "model": "tiny.en", "duration": len(words)}
    return Transcript(words=words, sentences=(), **facts)


@pytest.mark.parametrize(
    ("probabilities", "guesses"),
    [
        ([0.49] * 41 + [0.5] * 59, "41%"),
        ([0.49] * 40 + [0.5] * 60, None),
        ([0.1] * 20, "100%"),
        ([0.1] * 19, None),
        ([], None),
    ],
)
def test_a_note_says_when_more_than_two_words_in_five_are_guesses(
    probabilities: list[float], guesses: str | None
) -> None:
    advice = "check the sound, and that English is spoken, for the speech model tiny.en knows nothing else"
    noted = (f"{guesses} of the words are guesses: {advice}",) if guesses else ()
    assert transcribe.doubts(told(*probabilities), OPTIONS) == noted


def test_of_a_model_with_many_languages_it_doubts_the_language(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("")
    (tmp_path / "vocabulary.txt").write_text("token\n" * 51865)
    options = TranscribeOptions(model=str(tmp_path))
    (note,) = transcribe.doubts(told(*[0.1] * 30, language="ca"), options)
    assert 'that "ca" is the language' in note


def test_words_are_in_order_within_the_recording(whole: Transcript, demo: Media) -> None:
    bounds = [time for word in whole.words for time in (word.start, word.end)]
    assert bounds == sorted(bounds)
    assert bounds[-1] <= demo.duration
    assert all(word.end > word.start and " " not in word.text for word in whole.words)


def test_every_word_is_in_a_sentence(whole: Transcript) -> None:
    covered = [i for each in whole.sentences for i in range(each.words.first, each.words.end)]
    assert covered == list(range(len(whole.words)))
    assert len(whole.sentences) > 20


def test_the_stretches_fill_the_recording_and_an_even_number_share_it(
    whole: Transcript, folder: Path
) -> None:
    spans = transcribe.stretches(folder / "prepared")
    assert len(spans) == 2
    assert spans[0].start == 0
    assert spans[0].end == spans[1].start
    assert spans[1].end == pytest.approx(whole.duration, abs=0.2)


def test_the_seam_between_stretches_loses_and_doubles_nothing(
    whole: Transcript, folder: Path, tmp_path: Path, demo: Media
) -> None:
    (seam,) = [span.end for span in transcribe.stretches(folder / "prepared")][:-1]
    across = tmp_path / "across.wav"
    cut = ["-ss", str(seam - 12), "-t", "24", "-i", demo.path, "-vn", "-ac", "1"]
    ffmpeg.run([*cut, str(across)], length=24, report=_ignore)
    once = transcript(recording_at(across, duration=24), tmp_path / "once")
    at_once = " ".join(word.text for word in once.words if 4 < word.start < 20)
    joined = " ".join(word.text for word in whole.words if seam - 8 < word.start < seam + 8)
    assert jiwer.wer(plain(at_once), plain(joined)) < 0.15


def test_the_transcript_in_the_file_is_the_one_returned(whole: Transcript, folder: Path) -> None:
    stored = (folder / "merged" / "transcript.json").read_bytes()
    assert Transcript.model_validate_json(stored) == whole


def test_the_same_stretch_gives_the_same_bytes_again(whole: Transcript, folder: Path, tmp_path: Path) -> None:
    transcribe.stretch(folder / "prepared", 1, OPTIONS, out=tmp_path, report=_ignore, threads=2)
    assert (tmp_path / "words.json").read_bytes() == (folder / "parts" / "1" / "words.json").read_bytes()


def test_the_vocabulary_reaches_the_model(whole: Transcript, folder: Path, tmp_path: Path) -> None:
    options = OPTIONS.model_copy(update={"vocabulary": ("Klara Bennsen", "Daniel Reed")})
    transcribe.stretch(folder / "prepared", 0, options, out=tmp_path, report=_ignore, threads=2)
    told = " ".join(word["text"] for word in json.loads((tmp_path / "words.json").read_bytes()))
    assert "Klara Bennsen" in told
    assert "Klara" not in whole.text()


def test_a_cancel_between_chunks_leaves_no_words(whole: Transcript, folder: Path, tmp_path: Path) -> None:
    def cancel_soon(share: float) -> None:
        if share > 0.1:
            raise Cancelled

    with pytest.raises(Cancelled):
        transcribe.stretch(folder / "prepared", 0, OPTIONS, out=tmp_path, report=cancel_soon, threads=2)
    assert list(tmp_path.iterdir()) == []


def test_progress_of_a_stretch_rises_to_one(whole: Transcript, folder: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    transcribe.stretch(folder / "prepared", 0, OPTIONS, out=tmp_path, report=seen.append, threads=2)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) > 3


def test_a_recording_without_an_audio_track_has_an_empty_transcript_that_says_so(
    silent_video: Path, tmp_path: Path
) -> None:
    made = transcript(recording_at(silent_video).model_copy(update={"audio": None}), tmp_path)
    assert (made.language, made.words, made.sentences) == ("und", (), ())
    assert made.notes == ("the recording has no sound",)


def test_silence_has_an_empty_transcript_that_says_so(silence: Path, tmp_path: Path) -> None:
    made = transcript(recording_at(silence), tmp_path)
    assert (made.language, made.words, made.duration) == ("und", (), 3.0)
    (note,) = made.notes
    assert note.startswith("the recording's sound is silent throughout")


def test_a_tone_is_not_speech(tone: Path, tmp_path: Path) -> None:
    made = transcript(recording_at(tone, 1), tmp_path)
    assert (made.language, made.words) == ("und", ())
    assert made.notes[-1] == "nothing was said"


@pytest.mark.parametrize(("index", "expected"), [(0, ""), (1, "telegraph")])
def test_the_chosen_audio_track_is_heard(demo: Media, tmp_path: Path, index: int, expected: str) -> None:
    both = tmp_path / "both.mka"
    hiss = ["-f", "lavfi", "-t", "12", "-i", "anoisesrc=amplitude=0.01:seed=1"]
    maps = ["-map", "0:a", "-map", "1:a", "-t", "12", "-c:a", "flac"]
    ffmpeg.run([*hiss, "-t", "12", "-i", demo.path, *maps, str(both)], length=12, report=_ignore)
    text = transcript(recording_at(both, index, 12), tmp_path / "made").text().lower()
    assert expected in text
    assert bool(text) is bool(expected)


def test_a_language_the_model_does_not_know_is_noted(tone: Path, tmp_path: Path) -> None:
    options = OPTIONS.model_copy(update={"language": "de"})
    made = transcript(recording_at(tone, 1), tmp_path, options)
    assert re.search(rf'given as "de", but the speech model {LANGUAGE_NOTE}', made.notes[0])


def test_a_missing_model_is_told_before_any_work_is_done(tone: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no speech model"):
        prepared(recording_at(tone, 1), tmp_path / "out", TranscribeOptions(model="gigantic"))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.mp3").write_text("not sound")
    with pytest.raises(UnreadableMedia, match=r"notes\.mp3"):
        prepared(recording_at(tmp_path / "notes.mp3"), tmp_path / "out")


def test_a_cancel_while_decoding_goes_through(tone: Path, tmp_path: Path) -> None:
    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        transcribe.prepare(recording_at(tone, 1), OPTIONS, out=tmp_path, report=cancel, threads=1)


@pytest.mark.parametrize(("minutes", "count"), [(0.9, 1), (1.1, 2), (5.9, 2), (6.1, 4), (20, 8)])
def test_stretches_are_even_in_number_and_at_most_210_seconds(
    tmp_path: Path, minutes: float, count: int
) -> None:
    path = tmp_path / "beeps.wav"
    beeps = f"sine=frequency=300:beep_factor=4:duration={minutes * 60}:sample_rate=16000"
    ffmpeg.run(["-f", "lavfi", "-i", beeps, str(path)], length=minutes * 60, report=_ignore)
    spans = transcribe.stretches(prepared(recording_at(path, duration=minutes * 60), tmp_path / "out"))
    assert len(spans) == count
    assert max(span.duration for span in spans) <= 210


def test_words_at_a_seam_that_both_stretches_heard_come_once(
    write_parts: Callable[..., tuple[Path, list[Path]]], tmp_path: Path
) -> None:
    plan, parts = write_parts(["in", "the"], ["The", "end."], at=10.0)
    made = transcribe.merge(recording_at(tmp_path, duration=20), plan, parts, OPTIONS, out=tmp_path)
    assert made.text() == "in the end."


def test_no_word_lies_outside_the_recording(
    write_parts: Callable[..., tuple[Path, list[Path]]], tmp_path: Path
) -> None:
    plan, parts = write_parts(["one"], ["two", "three"], at=0.2)
    made = transcribe.merge(recording_at(tmp_path, duration=0.3), plan, parts, OPTIONS, out=tmp_path)
    assert [word.text for word in made.words] == ["one", "two", "three"]
    assert max(word.end for word in made.words) <= made.duration == 0.4


def test_a_header_that_says_too_little_does_not_squeeze_the_words_together(
    write_parts: Callable[..., tuple[Path, list[Path]]], tmp_path: Path
) -> None:
    plan, parts = write_parts(["one"], ["two", "three"], at=10.0)
    made = transcribe.merge(recording_at(tmp_path, duration=5.0), plan, parts, OPTIONS, out=tmp_path)
    assert made.duration == 20.0
    assert made.words[-1].end > 10.0


@pytest.fixture
def write_parts(tmp_path: Path) -> Callable[..., tuple[Path, list[Path]]]:
    """A plan with two stretches that meet `at` a moment, and the words of each."""

    def write(first: list[str], second: list[str], at: float) -> tuple[Path, list[Path]]:
        plan = transcribe.Prepared(
            language="en", probability=1, stretches=((0.0, at), (at, 2 * at)), notes=("a note",)
        )
        (tmp_path / "stretches.json").write_text(plan.model_dump_json())
        starts = (at - 0.3 * len(first), at)
        return tmp_path, [
            _part(tmp_path / str(i), *each)
            for i, each in enumerate(zip((first, second), starts, strict=True))
        ]

    return write


def _part(folder: Path, texts: list[str], start: float) -> Path:
    words = [
        Word(text=text, start=start + 0.3 * i, end=start + 0.3 * i + 0.3, probability=0.9).model_dump()
        for i, text in enumerate(texts)
    ]
    folder.mkdir()
    (folder / "words.json").write_text(json.dumps(words))
    return folder


@pytest.mark.real
def test_a_famous_sentence_is_heard_word_for_word(media: Path, tmp_path: Path) -> None:
    made = transcript(recording_at(media / "speech" / "jfk.flac", duration=11.0), tmp_path)
    assert "ask not what your country can do for you" in plain(made.text())


@pytest.mark.real
def test_damaged_real_sound_does_not_stop_the_transcription(media: Path, tmp_path: Path) -> None:
    made = transcript(recording_at(media / "bad" / "failing_audio.mp4", 1, 11.3), tmp_path)
    assert made.duration == 11.3
