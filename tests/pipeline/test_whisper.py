"""The speech model's one owner: which models are here, where speech is, and what is heard."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import ffmpeg, sound, speech_models, whisper
from pipeline.errors import Cancelled, ModelMissing
from pipeline.model import Span


def _ignore(share: float) -> None:
    """A report that nobody reads."""


@pytest.fixture(scope="session")
def talk(demo_recording: Path, tmp_path_factory: pytest.TempPathFactory) -> sound.Sound:
    """The demo recording's sound as the speech model takes it."""
    target = tmp_path_factory.mktemp("talk") / "audio.wav"
    plain = ["-vn", "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le"]
    ffmpeg.run(["-i", str(demo_recording), *plain, str(target)], length=150, report=_ignore)
    return sound.open_wav(target)


@pytest.fixture(scope="session")
def recogniser() -> whisper.Recogniser:
    return whisper.load(speech_models.BUNDLED, 2)


def test_importing_the_module_does_not_load_faster_whisper() -> None:
    code = (
        "import sys, pipeline.whisper; print('faster_whisper' in sys.modules, 'ctranslate2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_auto_always_finds_a_model() -> None:
    assert speech_models.folder(whisper.resolve("auto")).joinpath("model.bin").is_file()


def test_a_resolved_name_resolves_to_itself() -> None:
    once = whisper.resolve("auto")
    assert whisper.resolve(once) == once


def test_a_folder_with_a_model_is_a_model(tmp_path: Path) -> None:
    (tmp_path / "mine").symlink_to(speech_models.folder("tiny.en"), target_is_directory=True)
    assert whisper.resolve(str(tmp_path / "mine")) == str((tmp_path / "mine").resolve())


def test_a_model_that_is_not_here_is_an_error_that_says_how_to_get_it() -> None:
    missing = next(name for name in speech_models.REPOSITORIES if speech_models._known_folder(name) is None)
    with pytest.raises(ModelMissing, match=f'"{missing}" is not on this machine: get it with `hf download'):
        whisper.resolve(missing)


def test_a_model_nobody_knows_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ModelMissing, match=r'no speech model "gigantic".*tiny\.en'):
        whisper.resolve("gigantic")


def test_a_folder_without_a_model_is_an_error_that_lists_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"holds no speech model: it needs the files model\.bin"):
        whisper.resolve(str(tmp_path))


def test_fetching_a_model_nobody_knows_is_an_error() -> None:
    with pytest.raises(ModelMissing, match="no speech model"):
        whisper.fetch("gigantic")


def test_the_bundled_model_knows_only_english(recogniser: whisper.Recogniser) -> None:
    assert not whisper.is_multilingual("tiny.en")
    assert recogniser.languages == ("en",)
    assert recogniser.language(np.zeros(whisper.RATE, np.float32)) == {"en": 1.0}


def test_a_model_is_loaded_once_for_a_number_of_threads(recogniser: whisper.Recogniser) -> None:
    assert whisper.load(speech_models.BUNDLED, 2) is recogniser


def test_a_gpu_that_cannot_compute_leaves_the_work_to_the_processor(
    talk: sound.Sound, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def without_cublas(*_: object) -> None:
        raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")

    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    monkeypatch.setattr("faster_whisper.WhisperModel.encode", without_cublas)
    recogniser = whisper.Recogniser("tiny.en", 1)
    (words,) = recogniser.words(
        [talk.read(Span(start=0, end=20))], whisper.Hearing(), count=1, report=_ignore
    )
    assert words
    assert "the processor transcribes" in caplog.text


def test_a_label_hides_where_a_model_lies() -> None:
    assert speech_models.label("/data/models/parliament-small") == "parliament-small"
    assert speech_models.label("tiny.en") == "tiny.en"


@pytest.mark.parametrize("seconds", [0, 0.01, 20])
def test_there_is_no_speech_in_silence(seconds: float) -> None:
    assert whisper.speech(np.zeros(int(seconds * whisper.RATE), np.float32)) == []


def test_speech_is_found_between_silences(talk: sound.Sound) -> None:
    silence = np.zeros(5 * whisper.RATE, np.float32)
    said = talk.read(Span(start=0, end=8))
    ranges = whisper.speech(np.concatenate([silence, said, silence]))
    assert ranges[0][0] > 4 * whisper.RATE
    assert ranges[-1][1] < 14 * whisper.RATE
    assert sum(end - start for start, end in ranges) > 4 * whisper.RATE


def test_words_come_in_order_with_times_and_probabilities(
    talk: sound.Sound, recogniser: whisper.Recogniser
) -> None:
    (words,) = recogniser.words(
        [talk.read(Span(start=0, end=16))], whisper.Hearing(), count=1, report=_ignore
    )
    text = " ".join(word.text for word in words).lower()
    assert "telegraph cables" in text
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(0 <= word.start <= word.end <= 16 and 0 < word.probability <= 1 for word in words)


def test_a_chunk_of_noise_in_a_batch_leaves_the_others_alone(
    talk: sound.Sound, recogniser: whisper.Recogniser
) -> None:
    said = talk.read(Span(start=0, end=16))
    hum = 0.01 * np.sin(np.arange(10 * whisper.RATE) * 0.05, dtype=np.float32)
    (alone,) = recogniser.words([said], whisper.Hearing(), count=1, report=_ignore)
    _, beside, _ = recogniser.words([hum, said, hum], whisper.Hearing(), count=3, report=_ignore)
    assert [word.text for word in beside] == [word.text for word in alone]


def test_the_vocabulary_spells_a_name(talk: sound.Sound, recogniser: whisper.Recogniser) -> None:
    said = [talk.read(Span(start=0, end=16))]
    hearing = whisper.Hearing(vocabulary=("Klara Bennsen",))
    (words,) = recogniser.words(said, hearing, count=1, report=_ignore)
    assert "Klara" in " ".join(word.text for word in words)  # without the list it is "Clara"


def test_a_cancel_stops_before_the_next_chunk(talk: sound.Sound, recogniser: whisper.Recogniser) -> None:
    seen: list[float] = []

    def cancel_at_once(share: float) -> None:
        seen.append(share)
        raise Cancelled

    chunks = [talk.read(Span(start=start, end=start + 20.0)) for start in (0, 20, 40, 60)]
    with pytest.raises(Cancelled):
        list(recogniser.words(chunks, whisper.Hearing(), count=len(chunks), report=cancel_at_once))
    assert len(seen) == 1


def test_progress_rises_to_one(talk: sound.Sound, recogniser: whisper.Recogniser) -> None:
    seen: list[float] = []
    chunks = [talk.read(Span(start=start, end=start + 5.0)) for start in range(0, 50, 5)]
    heard = list(recogniser.words(chunks, whisper.Hearing(), count=len(chunks), report=seen.append))
    assert len(heard) == len(chunks)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_batches_are_even_so_that_none_needs_more_memory_than_it_must(
    talk: sound.Sound, recogniser: whisper.Recogniser
) -> None:
    seen: list[float] = []
    half = recogniser.batch_size // 2 + 1
    chunks = [talk.read(Span(start=0, end=5))] * (2 * half)
    list(recogniser.words(chunks, whisper.Hearing(), count=len(chunks), report=seen.append))
    assert seen.index(0.5) == half + 1  # the first half encoded one by one, then decoded, then aligned


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's high-water mark")
def test_a_long_stretch_takes_hardly_more_memory_than_a_short_one(talk: sound.Sound) -> None:
    short, long = (_peak_of_hearing(talk, chunks) for chunks in (6, 14))  # one batch, and three
    assert long - short < 24 << 20


def _peak_of_hearing(talk: sound.Sound, chunks: int) -> int:
    """The most bytes that a fresh process holds while it hears so many chunks of 30 s."""
    code = """
import sys
from pathlib import Path
from pipeline import sound, whisper
from pipeline.model import Span
recogniser = whisper.load("tiny.en", 1)
talk = sound.open_wav(Path(sys.argv[1]))
count = int(sys.argv[2])
starts = (10.0 * (i % 4) for i in range(count))  # the same four again: what is said decides it too
chunks = (talk.read(Span(start=start, end=start + 30)) for start in starts)
list(recogniser.words(chunks, whisper.Hearing(), count=count, report=lambda share: None))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    command = [sys.executable, "-c", code, str(talk.path), str(chunks)]
    environment = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_MMAP_THRESHOLD_": str(8 << 20)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return int(done.stdout) * 1024


def test_a_fast_speaker_is_heard_to_the_end(
    demo_recording: Path, recogniser: whisper.Recogniser, tmp_path: Path
) -> None:
    target, made = tmp_path / "fast.wav", ["-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le"]
    fast = ["-i", str(demo_recording), "-vn", "-af", "atempo=1.8", *made, str(target)]
    ffmpeg.run(fast, length=150, report=_ignore)
    samples = sound.open_wav(target).read(Span(start=0, end=30))
    (words,) = recogniser.words([samples], whisper.Hearing(), count=1, report=_ignore)
    assert len(words) > 120  # at more than 112 tokens Whisper was cut off once


def test_a_long_list_of_names_leaves_the_decoder_room(
    talk: sound.Sound, recogniser: whisper.Recogniser
) -> None:
    names = tuple(f"Professor Annabelle Whitcombe {number}" for number in range(80))
    looping = np.tile(talk.read(Span(start=10, end=11)), 30)
    list(recogniser.words([looping], whisper.Hearing(vocabulary=names), count=1, report=_ignore))
