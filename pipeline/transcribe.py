"""Transcription: sound to words, in stretches that can be done side by side.

`prepare` decodes the sound and cuts it at silences, `stretch` hears one part, `merge` joins them.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, TypeAdapter

from pipeline import chunks, sentences, sound, speech_models, whisper, word_times
from pipeline.display import DOUBTFUL
from pipeline.errors import BadOptions
from pipeline.model import Frozen, Media, Report, Seconds, Share, Span, Transcript, Word
from pipeline.sound import Sound

_LONGEST_ALONE: Seconds = 60.0
_MOST: Seconds = 180.0  # finding the speech takes memory by the length: 100 MB at 270 s, 70 MB at 180 s
_REACH: Seconds = 15.0
_FOUND, _HEARD = 0.06, 0.95  # shares of a stretch's time: the speech is found, and heard for the first time
_VOTES = 7
_PREPARED, _WORDS, _SOUND = "stretches.json", "words.json", "audio.wav"
_NO_SOUND = "the recording has no sound"
_SILENT = "the recording's sound is silent throughout: check the microphone or the track that was exported"
_NOTHING_SAID = "nothing was said"
_ENOUGH = 20  # words: of fewer no share says anything
_MOST_GUESSES: Share = 0.4
"""Between what tiny.en makes of English (2 to 9 % guesses, 26 % when heard across a room) and of German and
Catalan (60 % and 67 %): measured on 18 recordings, with no other model."""
_WORD_LIST: TypeAdapter[tuple[Word, ...]] = TypeAdapter(tuple[Word, ...])


class TranscribeOptions(Frozen):
    """How a recording is transcribed."""

    model: str = speech_models.AUTO
    """A name as `whisper.resolve` gives it, or auto for the best model on this machine."""
    language: str | None = None
    """ISO 639-1 code; none to find it out."""
    vocabulary: tuple[str, ...] = ()
    """Names and terms that are likely to be said, spelt as they should be."""
    beam_size: int = Field(default=1, ge=1, le=10)
    """Width of the search for the best text: 5 takes half as long again, and seldom finds better."""


class Prepared(Frozen):
    """What is known before the first word: the language, and where the sound is cut."""

    language: str
    probability: Share
    stretches: tuple[tuple[Seconds, Seconds], ...]
    notes: tuple[str, ...]


def prepare(media: Media, options: TranscribeOptions, *, out: Path, report: Report, threads: int) -> None:
    """Write the sound to `out/audio.wav` (16 kHz, mono, 16 bit) and the plan to `out/stretches.json`.

    A recording without sound, or with silence only, gets no stretches and a note that says so.
    Raises UnreadableMedia, ModelMissing, or BadOptions for a language the model does not know.
    """
    found = _prepared(media, options, out, report, threads)
    (out / _PREPARED).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    report(1.0)


def stretches(prepared: Path) -> tuple[Span, ...]:
    """The stretches that `prepare` planned in the folder `prepared`."""
    return tuple(Span(start=start, end=end) for start, end in _read_plan(prepared).stretches)


def stretch(
    prepared: Path, index: int, options: TranscribeOptions, *, out: Path, report: Report, threads: int
) -> None:
    """Write the words of stretch `index` to `out/words.json`, timed from the start of the recording.

    Raises ModelMissing.
    """
    plan = _read_plan(prepared)
    span = stretches(prepared)[index]
    part = sound.open_wav(prepared / _SOUND).part(span)
    speech = whisper.speech(part.samples(0, part.count))
    report(_FOUND)
    words: list[Word] = []
    if speech:
        hearing = whisper.Hearing(plan.language, options.vocabulary, options.beam_size)
        recogniser = whisper.load(speech_models.resolve(options.model), threads)
        words = _heard(part, speech, recogniser, hearing, report)
    words = [word_times.moved(word, span.start) for word in words]
    (out / _WORDS).write_bytes(_WORD_LIST.dump_json(tuple(words)) + b"\n")
    report(1.0)


def merge(
    media: Media, prepared: Path, parts: Sequence[Path], options: TranscribeOptions, *, out: Path
) -> Transcript:
    """Join the words in the folders `parts` (in order) and write `out/transcript.json`."""
    plan = _read_plan(prepared)
    told = [_WORD_LIST.validate_json((part / _WORDS).read_bytes()) for part in parts]
    # a damaged header can say less than there is to hear
    length = max([media.duration, *(end for _, end in plan.stretches[-1:])])
    words = word_times.in_order(word_times.joined(told), length)
    empty = () if words or {_NO_SOUND, _SILENT} & set(plan.notes) else (_NOTHING_SAID,)
    transcript = Transcript(
        language=plan.language if words else "und",
        language_probability=plan.probability if words else 0.0,
        model=speech_models.label(speech_models.resolve(options.model)),
        duration=length,
        words=words,
        sentences=sentences.sentences(words),
        notes=(*plan.notes, *empty),
    )
    (out / "transcript.json").write_text(transcript.model_dump_json() + "\n", encoding="utf-8")
    return transcript


def doubts(made: Transcript, options: TranscribeOptions) -> tuple[str, ...]:
    """A note for whoever makes the episode when its words are mostly guesses; readers see each that is.

    It is the share of the whole recording: a passage in another language stays unnoticed.
    """
    guesses = sum(word.probability < DOUBTFUL for word in made.words)
    if len(made.words) < _ENOUGH or guesses <= _MOST_GUESSES * len(made.words):
        return ()
    advice = f'and that "{made.language}" is the language, or choose another speech model than {made.model}'
    if not speech_models.is_multilingual(speech_models.resolve(options.model)):
        advice = f"and that English is spoken, for the speech model {made.model} knows nothing else"
    return (f"{guesses / len(made.words):.0%} of the words are guesses: check the sound, {advice}",)


def _heard(
    part: Sound,
    speech: Sequence[chunks.Range],
    recogniser: whisper.Recogniser,
    hearing: whisper.Hearing,
    report: Report,
) -> list[Word]:
    """The words in the ranges `speech` of `part`; what the model passed over is heard a second time.

    Chunks are read when their turn comes: memory does not grow with the length of the part.
    """
    words: list[Word] = []
    for done, until, margin in ((_FOUND, _HEARD, chunks.MARGIN), (_HEARD, 1.0, 0.0)):
        packed = chunks.pack(speech, part.count, margin)
        sounds = (chunk.samples(part.samples) for chunk in packed)
        pieces = recogniser.words(sounds, hearing, count=len(packed), report=_between(report, done, until))
        speech = []
        for chunk, heard in zip(packed, pieces, strict=True):
            words += (chunk.placed(piece) for piece in word_times.glued(heard))
            speech += chunk.unheard(heard)
    return sorted(words, key=lambda word: word.start)


def _between(report: Report, done: Share, until: Share) -> Report:
    """`report` for a part of the work, which takes it from `done` to `until`."""
    return lambda share: report(done + (until - done) * share)


def _prepared(media: Media, options: TranscribeOptions, out: Path, report: Report, threads: int) -> Prepared:
    model = speech_models.resolve(options.model)
    if media.audio is None:
        return Prepared(language="und", probability=0, stretches=(), notes=(_NO_SOUND,))
    decoded, notes = sound.decode(media, out / _SOUND, report=lambda share: report(0.9 * share))
    if decoded.is_silent():
        silent = _SILENT if decoded.count else _NO_SOUND
        return Prepared(language="und", probability=0, stretches=(), notes=(*notes, silent))
    cuts = _cuts(decoded)
    language, probability, remarks = _language(decoded, options, model, threads)
    spans = tuple(itertools.pairwise(cuts))
    return Prepared(language=language, probability=probability, stretches=spans, notes=(*notes, *remarks))


def _cuts(decoded: Sound) -> list[Seconds]:
    """Where the stretches begin and end: an even number of about the same length, cut at silences.

    An even number keeps two workers busy to the end.
    """
    length = decoded.duration
    if length <= _LONGEST_ALONE:
        return [0.0, round(length, 3)]
    count = 2 * -(-length // (2 * _MOST))
    each = length / count
    reach = min(_REACH, each / 4)
    inner = [sound.quietest(decoded, each * i, reach) for i in range(1, int(count))]
    return [0.0, *inner, round(length, 3)]


def _language(
    decoded: Sound, options: TranscribeOptions, model: str, threads: int
) -> tuple[str, Share, tuple[str, ...]]:
    """The language, how sure that is, and what a reader must know of it."""
    given = _given(options)
    if not speech_models.is_multilingual(model):
        return "en", 1.0, _another_language(model, given)
    recogniser = whisper.load(model, threads)
    if given and given not in recogniser.languages:
        raise BadOptions(
            f'the language "{options.language}" is not one the speech model knows: '
            'give a code such as "en" or "de", or leave it out'
        )
    return (given, 1.0, ()) if given else (*_vote(decoded, recogniser), ())


def _vote(decoded: Sound, recogniser: whisper.Recogniser) -> tuple[str, Share]:
    """The language that is most likely over windows spread over the whole recording.

    The first window alone is often wrong: music, a guest's accent, a greeting in another language.
    """
    count = int(min(_VOTES, max(1, decoded.duration // whisper.CHUNK_SECONDS)))
    room = max(0.0, decoded.duration - whisper.CHUNK_SECONDS)
    total: dict[str, float] = {}
    for i in range(count):
        start = room * (i + 0.5) / count
        window = decoded.read(Span(start=start, end=start + whisper.CHUNK_SECONDS))
        for language, share in recogniser.language(window).items():
            total[language] = total.get(language, 0.0) + share / count
    best = max(total, key=lambda language: total[language])
    return best, min(1.0, round(total[best], 4))


def _given(options: TranscribeOptions) -> str:
    """The code of the language that people gave, without its region; nothing if they gave none."""
    return (options.language or "").lower().replace("_", "-").partition("-")[0]


def _another_language(model: str, given: str) -> tuple[str, ...]:
    """A note when the language that people gave is not the one that the model knows."""
    if given in ("", "en"):
        return ()
    name = speech_models.label(model)
    return (f'the language was given as "{given}", but the speech model {name} knows only English',)


def _read_plan(prepared: Path) -> Prepared:
    return Prepared.model_validate(json.loads((prepared / _PREPARED).read_bytes()))
