"""The table of steps, and the one function that does a task, wherever it runs.

To add a stage: write its module, give it a line in `STEPS` and in `Options`, and a planner in
`pipeline.plan`.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline import candidates, clips, discover, edits, enrich, manifest, render, transcribe, whisper
from pipeline.candidates import CandidateOptions
from pipeline.clip_command import ClipOptions
from pipeline.enrich import EnrichOptions
from pipeline.errors import PipelineError
from pipeline.model import ClipCandidate, Enrichment, Frozen, Rendition, Report, Source, Transcript
from pipeline.render import RenderOptions
from pipeline.task import Task
from pipeline.transcribe import TranscribeOptions

type Step = Callable[[Task, Path, Report], tuple[str, ...] | None]
"""Does a task's work; what it returns is what people must know of the result, a sentence each."""


class Options(Frozen):
    """Everything about an episode's processing that can be chosen, stage by stage."""

    transcribe: TranscribeOptions = TranscribeOptions()
    enrich: EnrichOptions = EnrichOptions()
    render: RenderOptions = RenderOptions()
    candidates: CandidateOptions = CandidateOptions()
    clips: ClipOptions = ClipOptions()


def run(task: Task, out: Path, report: Report) -> None:
    """Do `task` in the empty folder `out` and leave there its artefacts, each with its manifest.

    Raises PipelineError with a sentence for a person, or whatever `report` raises.
    """
    for kind in task.outputs:
        if (folder := task.folder(out, kind)) != out:  # `out` itself is gone when the task was stopped
            folder.mkdir(exist_ok=True)
    started = time.monotonic()
    notes = STEPS[task.step](task, out, report) or ()
    wall_seconds = time.monotonic() - started
    for kind in task.outputs:
        manifest.write(task.folder(out, kind), task, kind, wall_seconds, notes)


def load_speech_model(options: dict[str, Any], threads: int) -> None:
    """Load, in a thread of this process, the model with which a stretch will be transcribed."""

    def load() -> None:
        with suppress(PipelineError):  # whoever needs the model will say why it cannot be loaded
            whisper.load(TranscribeOptions.model_validate(options).model, threads)

    threading.Thread(target=load, daemon=True).start()


def source(path: str) -> Source:
    """The source facts in the artefact folder `path`."""
    return Source.model_validate_json((Path(path) / "source.json").read_bytes())


def transcript(path: str) -> Transcript:
    """The transcript in the artefact folder `path`."""
    return Transcript.model_validate_json((Path(path) / "transcript.json").read_bytes())


def enrichment(path: str) -> Enrichment:
    """The enrichment in the artefact folder `path`."""
    return Enrichment.model_validate_json((Path(path) / "enrichment.json").read_bytes())


def _discover(task: Task, out: Path, report: Report) -> None:
    settle = task.options.get("settle", 0.0)
    discover.examine(Path(task.inputs["recording"]), out=out, report=report, settle=settle)


def _prepare(task: Task, out: Path, report: Report) -> None:
    options = transcribe.TranscribeOptions.model_validate(task.options)
    media = source(task.inputs["source"]).media
    transcribe.prepare(media, options, out=out, report=report, threads=task.threads)


def _stretch(task: Task, out: Path, report: Report) -> None:
    options = transcribe.TranscribeOptions.model_validate(task.options)
    prepared, index = Path(task.inputs["prepared"]), int(task.part["index"])
    transcribe.stretch(prepared, index, options, out=out, report=report, threads=task.threads)


def _merge(task: Task, out: Path, report: Report) -> tuple[str, ...]:
    options = transcribe.TranscribeOptions.model_validate(task.options)
    media = source(task.inputs["source"]).media
    prepared = Path(task.inputs["prepared"])
    parts = [Path(task.inputs[name]) for name in sorted(task.inputs) if name.startswith("stretch")]
    merged = transcribe.merge(media, prepared, parts, options, out=out)
    report(1.0)
    return (*merged.notes, *transcribe.doubts(merged, options))


def _enrich(task: Task, out: Path, report: Report) -> tuple[str, ...]:
    made = enrich.enrich(
        source(task.inputs["source"]),
        transcript(task.inputs["transcript"]),
        enrich.EnrichOptions.model_validate(task.options),
        api_key=task.api_key,
        out=out,
        report=report,
    )
    return made.notes


def _illustrate(task: Task, out: Path, report: Report) -> None:
    episode_id, recording = str(task.part["episode_id"]), source(task.inputs["source"])
    render.illustrate(episode_id, recording, out=out, report=report, threads=task.threads)


def _render(task: Task, out: Path, report: Report) -> None:
    heard, found = transcript(task.inputs["transcript"]), enrichment(task.inputs["enrichment"])
    said, written = edits.revise(heard, found, _edits(task))
    render.render(
        str(task.part["episode_id"]),
        source(task.inputs["source"]),
        said,
        written,
        render.read_pictures(Path(task.inputs["pictures"])),
        render.RenderOptions.model_validate(task.options),
        out=out,
    )
    report(1.0)


def _edits(task: Task) -> tuple[edits.Edit, ...]:
    """What people have changed in the texts that the task reads."""
    return tuple(edits.EDIT.validate_python(each) for each in task.part["edits"])


def _choose(task: Task, out: Path, report: Report) -> None:
    chosen = candidates.choose(
        source(task.inputs["source"]),
        transcript(task.inputs["transcript"]),
        enrichment(task.inputs["enrichment"]),
        candidates.CandidateOptions.model_validate(task.options),
    )
    candidates.write_candidates(chosen, out)
    report(1.0)


def _clip(task: Task, out: Path, report: Report) -> None:
    clips.render_clip(
        source(task.inputs["source"]),
        edits.corrected(transcript(task.inputs["transcript"]), _edits(task)),
        ClipCandidate.model_validate(task.part["candidate"]),
        [Rendition.model_validate(rendition) for rendition in task.part["renditions"]],
        ClipOptions.model_validate(task.options),
        out=out,
        report=report,
        threads=task.threads,
    )


STEPS: dict[str, Step] = {
    "discover": _discover,
    "prepare": _prepare,
    "stretch": _stretch,
    "merge": _merge,
    "enrich": _enrich,
    "illustrate": _illustrate,
    "render": _render,
    "choose": _choose,
    "clip": _clip,
}
