"""Commands that have work done and show how it goes: discover, process, clips, demo."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from apps import facts, terminal
from apps.commands.flags import AsJson, Force, Language, Library, Model, Scheduler, Target, Workers, code
from apps.watch import Signals, watch
from pipeline.model import AspectRatio, StageName, Variant
from pipeline.speech_models import AUTO, REPOSITORIES
from pipeline.spelling import spelled
from workbench.door import enter
from workbench.jobs import Status
from workbench.settings import load_settings

app = typer.Typer()


@app.command()
def discover(
    folders: Annotated[
        list[str] | None, typer.Argument(metavar="FOLDER", help="Default: the inbox and the set folders.")
    ] = None,
    library: Library = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Find recordings and make them episodes.

    Files that were written to a moment ago are given the setting `stable_seconds` to be whole.
    """
    from apps import batch

    here: dict[str, Any] = {"workers": workers, "scheduler": scheduler}
    settings = load_settings(library=library, **here)
    with Signals() as signals, enter(settings, here) as bench:
        job = batch.look(bench, folders or None, signals, settings.stable_seconds)
    if as_json:
        found = {"episodes": [], "skipped": [], "waiting": []} | (job.result or {})
        terminal.show_json({"status": job.status, "failure": job.failure, **found})
    else:
        facts.show_discovery(job.result or {}, settings.library / "inbox")
    named = {spelled(os.path.normpath(Path(each).expanduser().absolute())) for each in folders or ()}
    in_vain = any(one["file"] in named for one in (job.result or {}).get("skipped", ()))
    raise typer.Exit(code([Status.FAILED if in_vain else job.status], signals))


@app.command()
def process(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|FOLDER|EPISODE", help="Default: every job that is not finished."),
    ] = None,
    target_stage: Target = StageName.CLIPPED,
    force: Force = False,
    model: Model = None,
    language: Language = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """Take recordings through the stages.

    With none named, every job that was not finished goes on. A file or folder goes before an episode.
    Files in a folder that were written to a moment ago are given the setting `stable_seconds` to be whole.
    What was changed in the metadata beside a recording is read when its file or folder is named, not when
    its episode is.
    With --json the last lines are one object a file: file, episode_id, status, stage, failure. The stage
    is the one that was reached, or the one in which the work stopped.
    """
    from apps import batch

    here: dict[str, Any] = {"workers": workers, "scheduler": scheduler}
    settings = load_settings(library=library, model=model, language=language, **here)
    with Signals() as signals, enter(settings, here) as bench:
        if what:
            how = _how(target_stage, force, model, language)
            outcomes = batch.process(bench, what, signals, how, settings.stable_seconds)
        else:
            outcomes = batch.resume(bench, signals)
        if as_json:
            for outcome in outcomes:
                terminal.show_json(outcome)
        else:
            facts.show_outcomes(bench, outcomes)
    raise typer.Exit(code([outcome.status for outcome in outcomes], signals))


@app.command()
def clips(
    episode: str,
    clip: Annotated[list[str] | None, typer.Option(help="Only this clip; may be repeated.")] = None,
    variant: Annotated[list[Variant] | None, typer.Option(help="Only this variant; may be repeated.")] = None,
    ratio: Annotated[
        list[AspectRatio] | None, typer.Option(help="Only this aspect ratio; may be repeated.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """Render an episode's clips and list them with their files."""
    here: dict[str, Any] = {"workers": workers, "scheduler": scheduler}
    settings = load_settings(library=library, **here)
    with Signals() as signals, enter(settings, here) as bench:
        started = bench.render_clips(episode, clip_ids=clip, variants=variant, aspect_ratios=ratio)
        (job,) = watch(bench, {started.job_id: episode}, signals)
        found = bench.clips(episode)
        if as_json:
            head = {"episode_id": episode, "status": job.status, "failure": job.failure}
            terminal.show_json({**head, "clips": found})
        elif job.status is Status.COMPLETED:
            facts.show_clips(found, bench.shelf(episode))
    raise typer.Exit(code([job.status], signals))


@app.command()
def demo(
    file: Annotated[Path | None, typer.Argument(help="Default: a recording made for it.")] = None,
    target_stage: Target = StageName.CLIPPED,
    force: Force = False,
    model: Model = None,
    language: Language = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """Take one recording through all stages.

    It makes the recording, if none is named, and its own library `.demo` in this folder, if none is given.
    """
    from apps import tour

    here: dict[str, Any] = {"workers": workers, "scheduler": scheduler}
    settings = load_settings(library=library or Path(tour.LIBRARY), model=model, language=language, **here)
    with Signals() as signals:
        recording = file or tour.recording(settings.library, signals)
        with enter(settings, here) as bench:
            outcome = tour.take(bench, recording, signals, _how(target_stage, force, model, language))
            tour.show(bench, outcome, settings.library, as_json=as_json)
    raise typer.Exit(code([outcome.status], signals))


def _how(target: StageName, force: bool, model: str | None, language: str | None) -> dict[str, Any]:
    """What `process` of a workbench is told; the settings say what is not given."""
    given = {"model": _model(model) if model else None, "language": language}
    chosen = {name: value for name, value in given.items() if value is not None}
    return {"target_stage": target, "force_reprocess": force} | chosen


def _model(name: str) -> str:
    """A folder by its full path, since a server works in another folder than this command."""
    place = Path(name).expanduser()
    is_name = name in (AUTO, *REPOSITORIES)
    is_folder = not is_name and (place.is_dir() or name.startswith((".", "~")))
    return os.path.normpath(place.absolute()) if is_folder else name
