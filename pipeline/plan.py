"""What is left to do: from what exists to the tasks that can start now.

`plan` is a pure look at the artefacts that are there. Called again after each finished task it walks an
episode from any state to its target, so a restart, a second request and a first run are the same thing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline import candidates, clip_review, edits, manifest, render, stages, transcribe
from pipeline.edits import Based, Edit
from pipeline.errors import BadOptions
from pipeline.model import (
    AspectRatio,
    ClipCandidate,
    Frozen,
    Metadata,
    Rendition,
    Seconds,
    Share,
    Source,
    StageName,
    Transcript,
    Variant,
    WordSpan,
)
from pipeline.stages import Options
from pipeline.task import Ref, Task, key_of

type Known = dict[str, Ref]
type Find = Callable[[str, str], Path | None]
"""Kind of artefact and key → the folder where it lies, if it exists whole."""

VERSIONS = {"discover": 1, "transcribe": 2, "enrich": 1, "illustrate": 1, "render": 3, "choose": 1, "clip": 4}
"""Raised when a step's results change for the same inputs and options: older artefacts are made anew.

Not for the wording of a transcript's note: what people corrected rests on its content, and would be lost.
"""

_ILLUSTRATED = 0.6
"""Share of rendering that the pictures take."""

ORDER = tuple(StageName)
RENDITIONS = tuple(
    Rendition(variant=variant, aspect_ratio=ratio)
    for ratio in (AspectRatio.VERTICAL, AspectRatio.SQUARE, AspectRatio.LANDSCAPE)
    for variant in Variant
)


class Recording(Frozen):
    """An episode as the planner sees it: its id, and the artefact that holds its source facts."""

    episode_id: str
    source: Source
    folder: str

    @property
    def ref(self) -> Ref:
        return Ref(path=self.folder, key=key_of("source", self.source.sha256))

    @property
    def seconds(self) -> Seconds:
        return self.source.media.duration


@dataclass(frozen=True)
class Wanted:
    """What is asked for: how far to go, with which options, and which clips in which renditions."""

    target: StageName
    options: Options
    renditions: tuple[Rendition, ...] = RENDITIONS
    clip_ids: tuple[str, ...] | None = None
    """None for every clip that nobody has rejected."""
    clip_files: frozenset[str] | None = None
    """"<clip_id>/<rendition>" of the files that are wanted, when not all renditions of all clips are."""
    edits: tuple[Based, ...] = ()
    """What people have changed."""


@dataclass(frozen=True)
class Progress:
    """Where an episode stands on the way to what is wanted."""

    stage: StageName
    """The stage that is worked on, or the target when nothing is left to do."""
    artefacts: Known = field(default_factory=dict)
    """The current ones: "source", "transcript", "enrichment", "pictures", "page", "candidates", and
    "<clip_id>/<rendition>" for each file of each clip."""
    tasks: tuple[Task, ...] = ()
    """What can start now; empty when nothing is left to do."""
    done: Share = 1.0
    """How much of the stage's work is finished."""
    leftovers: tuple[Ref, ...] = ()
    """Transient artefacts that a finished stage no longer needs."""


def discovery(path: Path, fingerprint: str, settle: Seconds = 0.0) -> Task:
    """The task that examines the file `path`; `fingerprint` changes when the file or its sidecar does."""
    return Task(
        stage=StageName.DISCOVERED,
        step="discover",
        name=f"examining {path.name}",
        inputs={"recording": str(path)},
        options={"settle": settle},
        outputs={"source": key_of("discover", VERSIONS["discover"], str(path), fingerprint)},
        media_seconds=0.0,
        share=1.0,
    )


def plan(recording: Recording, wanted: Wanted, find: Find) -> Progress:
    """The first stage on the way to what is wanted that is not finished, and its tasks that can start."""
    reached = Progress(StageName.DISCOVERED, {"source": recording.ref})
    leftovers: tuple[Ref, ...] = ()
    for stage in ORDER[1 : ORDER.index(wanted.target) + 1]:
        reached = _PLANNERS[stage](recording, wanted, reached.artefacts, find)
        leftovers += reached.leftovers
        if reached.tasks:
            break
    return replace(reached, leftovers=leftovers)


def outstanding(recording: Recording, wanted: Wanted, find: Find) -> tuple[Task, ...]:
    """All that has to be made anew for what is wanted, as far as that can be told at this moment."""
    reached, tasks = Progress(StageName.DISCOVERED, {"source": recording.ref}), list[Task]()
    for stage in ORDER[1 : ORDER.index(wanted.target) + 1]:
        reached = _PLANNERS[stage](recording, wanted, reached.artefacts, find)
        tasks += reached.tasks
        if reached.tasks and stage is not StageName.RENDERED:  # what comes after rests on it
            break
    return tuple(tasks)


def transcription_options(options: Options, metadata: Metadata) -> transcribe.TranscribeOptions:
    """The job's options, completed by what was written beside the recording."""
    chosen = options.transcribe
    names = (*metadata.guests, *([metadata.show] if metadata.show else []))
    vocabulary = dict.fromkeys((*chosen.vocabulary, *metadata.vocabulary, *names))
    return chosen.model_copy(
        update={"language": chosen.language or metadata.language, "vocabulary": tuple(vocabulary)}
    )


def _transcribed(recording: Recording, wanted: Wanted, known: Known, find: Find) -> Progress:
    options = transcription_options(wanted.options, recording.source.metadata)
    base = (VERSIONS["transcribe"], known["source"], options)
    draft = _Draft(StageName.TRANSCRIBED, options, {"source": recording.folder}, recording.seconds)
    prepare = draft.task("prepare", "decoding the sound", {"prepared": key_of("prepared", *base)}, 0.05)
    prepared = _found(prepare, find)
    merge = draft.task("merge", "joining the stretches", {"transcript": key_of("transcript", *base)}, 0.02)
    if transcript := _found(merge, find):
        found = {"transcript": transcript}
        return Progress(draft.stage, known | found, leftovers=_leftovers(prepare, prepared, find))
    if not prepared:
        return Progress(draft.stage, known, (_transient(prepare),), done=0.0)
    stretches = _stretches(draft, prepared)
    missing = tuple(task for task in stretches if not _found(task, find))
    if missing:
        return Progress(draft.stage, known, missing, done=0.98 - sum(task.share for task in missing))
    parts = {f"stretch-{index:04}": _found(task, find) for index, task in enumerate(stretches)}
    inputs = merge.inputs | {"prepared": prepared.path}
    inputs |= {name: ref.path for name, ref in parts.items() if ref}
    return Progress(draft.stage, known, (merge.model_copy(update={"inputs": inputs}),), done=0.98)


def _stretches(draft: "_Draft", prepared: Ref) -> tuple[Task, ...]:
    spans = transcribe.stretches(Path(prepared.path))
    total = sum(span.duration for span in spans)
    tasks = (
        draft.task(
            "stretch",
            f"transcribing stretch {index + 1} of {len(spans)}",
            {"stretch": key_of("stretch", prepared.key, index)},
            0.93 * span.duration / total,
            {"prepared": prepared.path},
        ).model_copy(update={"part": {"index": index}, "media_seconds": span.duration})
        for index, span in enumerate(spans)
    )
    return tuple(_transient(task) for task in tasks)


def _leftovers(prepare: Task, prepared: Ref | None, find: Find) -> tuple[Ref, ...]:
    """The decoded sound and the stretches of a transcript that is finished."""
    if not prepared:
        return ()
    draft = _Draft(prepare.stage, Frozen(), {}, 0.0)
    stretches = (_found(task, find) for task in _stretches(draft, prepared))
    return (*(ref for ref in stretches if ref), prepared)


def _enriched(recording: Recording, wanted: Wanted, known: Known, find: Find) -> Progress:
    inputs = {"source": recording.folder, "transcript": known["transcript"].path}
    draft = _Draft(StageName.ENRICHED, wanted.options.enrich, inputs, recording.seconds)
    what = (known["transcript"], recording.source.metadata, recording.source.media.chapters)
    key = replace(draft, options=wanted.options.enrich.deciding).key("enrich", *what)
    task = draft.task("enrich", "finding chapters, names, quotes and highlights", {"enrichment": key})
    return _single(task, known, find)


def _rendered(recording: Recording, wanted: Wanted, known: Known, find: Find) -> Progress:
    of, part = recording.episode_id, dict[str, Any](episode_id=recording.episode_id)
    draft = _Draft(StageName.RENDERED, Frozen(), {"source": recording.folder}, recording.seconds)
    key = draft.key("illustrate", known["source"], of)
    task = draft.task("illustrate", "making the poster and the waveform", {"pictures": key}, _ILLUSTRATED)
    pictures = _single(task.model_copy(update={"part": part}), known, find)
    if pictures.tasks:
        return pictures
    known, made = pictures.artefacts, _edits(wanted, known, edits.is_of_texts)
    inputs = {name: known[name].path for name in ("source", "transcript", "enrichment", "pictures")}
    draft = _Draft(StageName.RENDERED, wanted.options.render, inputs, recording.seconds)
    key = draft.key("render", *(known[name] for name in inputs), of, *made, *_shown(recording, known))
    name = "making subtitles and the episode page"
    task = draft.task("render", name, {"page": key}, 1 - _ILLUSTRATED)
    part |= {"edits": [edit.model_dump(mode="json") for edit in made]}
    reached = _single(task.model_copy(update={"part": part}), known, find)
    return replace(reached, done=_ILLUSTRATED) if reached.tasks else reached


def _shown(recording: Recording, known: Known) -> tuple[object, ...]:
    """What the page has from the recording itself, as far as there is any: keys without it stay.

    That is who is in it, and its name if the page plays it under another one than the pictures knew.
    """
    played = render.read_pictures(Path(known["pictures"].path)).playback
    now = render.played_now(played, recording.source.media)
    people = recording.source.metadata.model_dump(mode="json", include={"show", "guests"})
    shown = (now.file if now != played else None, people if any(people.values()) else None)
    return tuple(each for each in shown if each)


def _clipped(recording: Recording, wanted: Wanted, known: Known, find: Find) -> Progress:
    inputs = {name: known[name].path for name in ("source", "transcript", "enrichment")}
    draft = _Draft(StageName.CLIPPED, wanted.options.candidates, inputs, recording.seconds)
    key = draft.key("choose", *(known[name] for name in inputs))
    choice = _single(draft.task("choose", "choosing clips", {"candidates": key}, 0.02), known, find)
    if choice.tasks:
        return choice
    chosen = _chosen(recording, wanted, choice.artefacts)
    drafts = [_clip(recording, wanted, choice.artefacts, candidate, len(chosen)) for candidate in chosen]
    return _clips(choice.artefacts, drafts, find)


def _chosen(recording: Recording, wanted: Wanted, known: Known) -> list[ClipCandidate]:
    every = candidates.read_candidates(Path(known["candidates"].path))
    made = _edits(wanted, known, lambda edit: True)
    reviewed = clip_review.reviewed(every, _said(wanted, known).words, recording.seconds, made)
    listed = {each.clip.clip_id: each for each in reviewed}
    asked = wanted.clip_ids
    if unknown := sorted(set(asked or ()) - set(listed)):
        there = ", ".join(sorted(listed)) or "none"
        raise BadOptions(f"with these settings there is no clip {unknown[0]}; there is {there}")
    if asked is None:
        return [each.clip for each in reviewed if each.verdict != "rejected"]
    return [listed[clip_id].clip for clip_id in listed if clip_id in asked]


def _clip(
    recording: Recording, wanted: Wanted, known: Known, candidate: ClipCandidate, count: int
) -> tuple[ClipCandidate, Task]:
    """The task that renders `candidate` in everything that is wanted."""
    options = wanted.options.clips
    draft = _Draft(StageName.CLIPPED, options, {}, candidate.span.duration)
    what = (known["source"], candidate.title, candidate.span)
    shown = {Variant.SUBTITLED: _captions(_said(wanted, known), candidate.words), Variant.CLEAN: ([],)}
    task = draft.task(
        "clip",
        f"rendering clip {candidate.clip_id}",
        {
            each.name: draft.key("clip", each.name, *what, *shown[each.variant])
            for each in wanted.renditions
            if wanted.clip_files is None or f"{candidate.clip_id}/{each.name}" in wanted.clip_files
        },
        0.98 / count,
        {"source": recording.folder, "transcript": known["transcript"].path},
    )
    made = [edit.model_dump(mode="json") for edit in _edits(wanted, known, edits.is_of_texts)]
    part = {"candidate": candidate.model_dump(mode="json"), "edits": made}
    return candidate, task.model_copy(update={"part": part})


def _captions(said: Transcript, span: WordSpan) -> tuple[object, ...]:
    """What the captions of `span` are made of: its words and, as far as there are any, its turns.

    A turn is the word before which the speaker changes, where a caption has to end; names are not shown.
    """
    words = said.words[span.first : span.end]
    read = [(each.text, each.start, each.end, each.space) for each in words]
    here = [each for each in said.sentences if each.words.end > span.first and each.words.first < span.end]
    turns = [after.words.first for before, after in pairwise(here) if before.speaker != after.speaker]
    return (read, turns) if turns else (read,)


def _clips(known: Known, drafts: list[tuple[ClipCandidate, Task]], find: Find) -> Progress:
    """Of each clip only the renditions that are missing are rendered, all in one task."""
    artefacts, tasks = dict(known), []
    for candidate, task in drafts:
        folders = {kind: find(kind, key) for kind, key in task.outputs.items()}
        artefacts |= {
            f"{candidate.clip_id}/{kind}": Ref(path=str(folder), key=task.outputs[kind])
            for kind, folder in folders.items()
            if folder
        }
        if missing := {kind: task.outputs[kind] for kind, folder in folders.items() if not folder}:
            renditions = [rendition(kind).model_dump(mode="json") for kind in missing]
            part = task.part | {"renditions": renditions}
            tasks.append(task.model_copy(update={"outputs": missing, "part": part}))
    done = 1.0 - sum(task.share for task in tasks)
    return Progress(StageName.CLIPPED, artefacts, tuple(tasks), done=max(done, 0.0))


def rendition(name: str) -> Rendition:
    """The rendition whose name is `name`, such as "9x16-clean"."""
    ratio, _, variant = name.partition("-")
    return Rendition(variant=Variant(variant), aspect_ratio=AspectRatio(ratio))


def _single(task: Task, known: Known, find: Find) -> Progress:
    """A stage, or a stage's first step, that is one task with one artefact."""
    (kind,) = task.outputs
    if found := _found(task, find):
        return Progress(task.stage, known | {kind: found})
    return Progress(task.stage, known, (task,), done=0.0)


def _found(task: Task, find: Find) -> Ref | None:
    """The task's artefact, by what is in it: what follows is made anew only when that has changed."""
    ((kind, key),) = task.outputs.items()
    folder = find(kind, key)
    return Ref(path=str(folder), key=manifest.digest(folder)) if folder else None


def _transient(task: Task) -> Task:
    return task.model_copy(update={"transient": True})


@dataclass(frozen=True)
class _Draft:
    """What the tasks of one stage have in common."""

    stage: StageName
    options: Frozen
    inputs: dict[str, str]
    media_seconds: Seconds

    def key(self, step: str, *what: object) -> str:
        """The key of what `step` makes of `what`: inputs count by their key, not by their place."""
        return key_of(step, VERSIONS[step], self.options, *what)

    def task(
        self,
        step: str,
        name: str,
        outputs: dict[str, str],
        share: Share = 1.0,
        inputs: dict[str, str] | None = None,
    ) -> Task:
        return Task(
            stage=self.stage,
            step=step,
            name=name,
            inputs=self.inputs | (inputs or {}),
            options=self.options.model_dump(mode="json"),
            outputs=outputs,
            media_seconds=self.media_seconds,
            share=share,
        )


def _edits(wanted: Wanted, known: Known, counts: Callable[[Edit], bool]) -> tuple[Edit, ...]:
    """The edits that hold for what is known, of those that count."""
    keys = (known[name].key for name in ("transcript", "enrichment"))
    return tuple(edit for edit in edits.holding(wanted.edits, *keys) if counts(edit))


def _said(wanted: Wanted, known: Known) -> Transcript:
    """What was said, corrected; read once however often an episode is planned, again when made anew."""
    path = known["transcript"].path
    stat = (Path(path) / "transcript.json").stat()
    return _corrected(path, (stat.st_mtime_ns, stat.st_size), _edits(wanted, known, edits.is_of_texts))


@lru_cache(maxsize=4)
def _corrected(path: str, written: tuple[int, int], made: tuple[Edit, ...]) -> Transcript:
    heard = stages.transcript(path)
    return edits.corrected(heard, made) if made else heard


_PLANNERS: dict[StageName, Callable[[Recording, Wanted, Known, Find], Progress]] = {
    StageName.TRANSCRIBED: _transcribed,
    StageName.ENRICHED: _enriched,
    StageName.RENDERED: _rendered,
    StageName.CLIPPED: _clipped,
}
