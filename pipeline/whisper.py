"""The only module that loads faster-whisper: where speech is, in which language, and its words.

Importing this module is cheap; faster-whisper (a second) and the model are loaded on first use and kept
for the life of the process.
"""

import contextlib
import logging
import math
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import heap, speech_models
from pipeline.model import Report, Seconds, Word
from pipeline.speech_models import fetch, is_multilingual, resolve

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

__all__ = ["RATE", "Hearing", "Recogniser", "fetch", "is_multilingual", "load", "resolve", "speech"]

_LOG = logging.getLogger(__name__)

type Samples = NDArray[np.float32]
"""Mono sound, 16000 samples a second, -1..1."""

RATE = 16_000
CHUNK_SECONDS = 30
_CHUNK = CHUNK_SECONDS * RATE
_FRAMES = 3000  # of the spectrogram of a chunk: 10 ms each
_HOP = 160
_MODEL_BYTES_PER_BATCH = 600e6  # keeps a batch to a few seconds on one processor core
_MOST_AT_ONCE = 6  # chunks: more are hardly faster on a processor, and take 20 MB each with a small model
_ENCODED, _DECODED = 0.5, 0.87  # shares of a chunk's time; the words' times take the rest
_POSITIONS = 448
"""How many tokens Whisper's decoder can tell the place of. CTranslate2 takes half of it for what is said, as
Whisper was trained: a limit of 224 would cut fast speakers off at 112."""
_loading = threading.Lock()  # whoever comes while a model is being loaded gets that one
_OPENING, _CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"

# Whisper paper (Radford 2022), §4.5: text that compresses more is a loop; a chunk is silent when both of
# the other two say so.
_LOOPING = 2.4
_UNSURE = -1.0
_NO_SPEECH = 0.6


@dataclass(frozen=True)
class Hearing:
    """How to listen: ISO 639-1 language, words to expect, and the width of the beam search."""

    language: str = "en"
    vocabulary: tuple[str, ...] = ()
    beam_size: int = 1


@dataclass(frozen=True)
class _Guess:
    """What the decoder made of a chunk, without its end token."""

    tokens: tuple[int, ...]
    log_probability: float
    no_speech: float
    compression: float
    seconds: Seconds

    @property
    def merit(self) -> tuple[bool, bool, float]:
        """The better of two guesses is the greater."""
        return not self.loops, not self.breaks_off, self.log_probability

    @property
    def loops(self) -> bool:
        return self.compression > _LOOPING

    @property
    def breaks_off(self) -> bool:
        """Far fewer tokens than speech of that length has: 3 to 5 a second are usual."""
        return len(self.tokens) < self.seconds - 2

    @property
    def is_doubtful(self) -> bool:
        return self.loops or self.breaks_off or self.log_probability < _UNSURE

    @property
    def is_silence(self) -> bool:
        return not self.tokens or (self.no_speech > _NO_SPEECH and self.log_probability < _UNSURE)


def speech(samples: Samples) -> list[tuple[int, int]]:
    """Where somebody speaks, as half-open ranges of samples in order, each at most 28 s long.

    Found by Silero VAD, without margins; between two ranges lies a pause of at least 0.1 s.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    if not len(samples):
        return []
    found = get_speech_timestamps(
        samples, VadOptions(min_silence_duration_ms=100, speech_pad_ms=0, max_speech_duration_s=28)
    )
    ranges = ((int(each["start"]), min(int(each["end"]), len(samples))) for each in found)
    return [(start, end) for start, end in ranges if end > start]


def load(name: str, threads: int) -> "Recogniser":
    """The model `name` on `threads` processor threads, or on the GPU that CTranslate2 sees.

    Raises ModelMissing with the way to get it.
    """
    with _loading:
        return _loaded(name, threads)


@lru_cache(maxsize=2)
def _loaded(name: str, threads: int) -> "Recogniser":
    return Recogniser(name, threads)


def _use_wide_vectors() -> None:
    """Let CTranslate2 use AVX-512 where it costs no clock speed: a tenth less time for encoding.

    By default it leaves that to Intel's library, for older processors slow down. Those that also have
    VBMI2 (Intel from Ice Lake on, AMD from Zen 4 on) do not.
    """
    with contextlib.suppress(OSError):
        if " avx512_vbmi2" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace"):
            os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")


def _on_gpu(lies: Path) -> "WhisperModel | None":
    """The model in `lies` on the first GPU; none where there is none, or it cannot compute.

    CTranslate2 sees a GPU by its driver alone. That cuBLAS is missing, that the GPU is too old for half
    precision or its memory taken, shows when it first computes.
    """
    import ctranslate2
    from faster_whisper import WhisperModel

    if not ctranslate2.get_cuda_device_count():
        return None
    try:
        model = WhisperModel(str(lies), device="cuda", compute_type="float16", num_workers=1)
        model.encode(np.zeros((model.feature_extractor.mel_filters.shape[0], _FRAMES), np.float32))
    except (RuntimeError, ValueError) as error:
        _LOG.warning("the GPU cannot be used, so the processor transcribes: %s", error)
        return None
    return model


def _on_processor(lies: Path, threads: int) -> "WhisperModel":
    from faster_whisper import WhisperModel

    return WhisperModel(str(lies), device="cpu", compute_type="int8", cpu_threads=threads, num_workers=1)


class Recogniser:
    """A loaded speech model. It keeps nothing of what it heard."""

    def __init__(self, name: str, threads: int) -> None:
        lies = speech_models.folder(name)
        _use_wide_vectors()
        on_gpu = _on_gpu(lies)
        self._model = on_gpu or _on_processor(lies, threads)
        size = (lies / "model.bin").stat().st_size
        self.batch_size = 16 if on_gpu else max(1, min(_MOST_AT_ONCE, int(_MODEL_BYTES_PER_BATCH / size)))

    @property
    def languages(self) -> tuple[str, ...]:
        """The ISO 639-1 codes (some are longer) of the languages the model knows."""
        return tuple(self._model.supported_languages)

    def language(self, samples: Samples) -> dict[str, float]:
        """How likely each language is for the first 30 s of `samples`; the sum is 1."""
        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        encoded = self._storage([self._encode(samples[:_CHUNK])])
        return {token[2:-2]: share for token, share in self._model.model.detect_language(encoded)[0]}

    def words(
        self, chunks: Iterable[Samples], hearing: Hearing, *, count: int, report: Report
    ) -> Iterator[tuple[Word, ...]]:
        """The words of each of `count` chunks (at most 30 s), with times from the chunk's own start.

        A chunk in which the model hears nothing gives no words. No more of `chunks` are taken at once
        than are decoded at once. `report` is called after every chunk and every batch, and may raise.
        """
        from faster_whisper.tokenizer import Tokenizer

        tokenizer = Tokenizer(
            self._model.hf_tokenizer,
            self._model.model.is_multilingual,
            task="transcribe",
            language=hearing.language,
        )
        done = 0.0
        # of even size: the largest decides how much memory is used
        rounds = max(1, math.ceil(count / self.batch_size))
        for batch in batched(chunks, max(1, math.ceil(count / rounds))):
            encoded = []
            with heap.reused():
                for chunk in batch:
                    encoded.append(self._encode(chunk))
                    report((done + _ENCODED * len(encoded)) / count)
            seconds = [len(chunk) / RATE for chunk in batch]
            guesses = self._guesses(encoded, seconds, tokenizer, hearing)
            report((done + _DECODED * len(batch)) / count)
            yield from self._align(encoded, guesses, tokenizer)
            done += len(batch)
            report(done / count)

    def _encode(self, chunk: Samples) -> NDArray[Any]:
        """One chunk alone is quicker than a batch: it stays in the processor's cache."""
        features = self._model.feature_extractor(chunk)[..., :_FRAMES]
        features = np.pad(features, ((0, 0), (0, _FRAMES - features.shape[-1])))
        encoded = self._model.model.encode(self._storage([features]), to_cpu=True)
        result: NDArray[Any] = np.array(encoded)[0]
        return result

    def _storage(self, arrays: Sequence[NDArray[Any]]) -> Any:
        import ctranslate2

        return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.stack(arrays)))

    def _guesses(
        self, encoded: list[NDArray[Any]], seconds: list[Seconds], tokenizer: "Tokenizer", hearing: Hearing
    ) -> list[_Guess]:
        """Decode all at once, and the doubtful ones again with more care, one by one.

        A beam of five takes the memory of five chunks.
        """
        prompt = self._model.get_prompt(
            tokenizer, [], without_timestamps=True, hotwords=", ".join(hearing.vocabulary) or None
        )
        careful = {"beam_size": max(5, hearing.beam_size)}
        guesses = self._decode(encoded, seconds, tokenizer, prompt, {"beam_size": hearing.beam_size})
        for ways in (careful, careful | {"no_repeat_ngram_size": 3, "repetition_penalty": 1.1}):
            for i, guess in enumerate(guesses):
                hopeless = guess.is_silence or ("repetition_penalty" in ways and not guess.loops)
                if guess.is_doubtful and not hopeless:
                    (again,) = self._decode([encoded[i]], [seconds[i]], tokenizer, prompt, ways)
                    guesses[i] = max(guess, again, key=lambda each: each.merit)
        return guesses

    def _decode(
        self,
        encoded: Sequence[NDArray[Any]],
        seconds: Sequence[Seconds],
        tokenizer: "Tokenizer",
        prompt: list[int],
        ways: dict[str, Any],
    ) -> list[_Guess]:
        from faster_whisper.transcribe import get_suppressed_tokens

        results = self._model.model.generate(
            self._storage(encoded),
            [prompt] * len(encoded),
            max_length=_POSITIONS,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
            **ways,
        )
        return [_guess(result, length, tokenizer) for result, length in zip(results, seconds, strict=True)]

    def _align(
        self, encoded: Sequence[NDArray[Any]], guesses: Sequence[_Guess], tokenizer: "Tokenizer"
    ) -> list[tuple[Word, ...]]:
        """When each word of each guess was said, by the decoder's attention (dynamic time warping).

        One chunk at a time: it takes 20 to 45 MB each with the smallest model, and two take no less time.
        """
        words: list[tuple[Word, ...]] = [()] * len(guesses)
        for i, (sound, guess) in enumerate(zip(encoded, guesses, strict=True)):
            if guess.is_silence:
                continue
            frames = min(_FRAMES, max(2, int(guess.seconds * RATE / _HOP)))
            storage = self._storage([sound])
            (alignment,) = self._model.find_alignment(tokenizer, [list(guess.tokens)], storage, [frames])
            words[i] = _words(alignment, guess.seconds)
        return words


def _guess(result: Any, seconds: Seconds, tokenizer: "Tokenizer") -> _Guess:
    ids = result.sequences_ids[0]
    text = tokenizer.decode(ids).strip().encode()
    return _Guess(
        tokens=tuple(token for token in ids if token < tokenizer.eot),
        log_probability=result.scores[0] * len(ids) / (len(ids) + 1),
        no_speech=result.no_speech_prob,
        compression=len(text) / len(zlib.compress(text)),
        seconds=seconds,
    )


def _words(alignment: list[dict[str, Any]], seconds: Seconds) -> tuple[Word, ...]:
    """faster-whisper's aligned pieces as words with their punctuation."""
    from faster_whisper.transcribe import merge_punctuations

    merge_punctuations(alignment, _OPENING, _CLOSING)
    return tuple(
        Word(
            text=piece["word"].strip(),
            start=round(min(float(piece["start"]), seconds), 3),
            end=round(min(float(piece["end"]), seconds), 3),
            probability=round(min(1.0, max(0.0, float(piece["probability"]))), 4),
            space=piece["word"].startswith(" "),
        )
        for piece in alignment
        if piece["word"].strip()
    )
