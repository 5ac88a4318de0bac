"""The command `workbench`: each of its commands calls the `Workbench` and shows what it says."""

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps import facts, terminal
from apps.watch import Signals, watch
from pipeline.model import AspectRatio, StageName, Variant
from workbench.access import Scope
from workbench.jobs import Status
from workbench.settings import FILE, Settings, explain, load_settings

if TYPE_CHECKING:
    from workbench.workbench import Workbench

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a bug shows its plain traceback, without the values of variables
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\n" + terminal.EXIT_CODES,
)

Library = Annotated[Path | None, typer.Option(help="Folder of the library.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Facts as JSON on standard output.")]
Target = Annotated[StageName, typer.Option(help="How far to go.")]
Force = Annotated[bool, typer.Option("--force", help="Do finished work again.")]
Model = Annotated[str | None, typer.Option(help="Speech model: auto, a faster-whisper name, or a folder.")]
Language = Annotated[str | None, typer.Option(help="Language of the recordings, such as en.")]
Workers = Annotated[int | None, typer.Option(help="Worker processes; 0 for one per core.")]
Scheduler = Annotated[str | None, typer.Option(help="Dask scheduler to use, such as tcp://10.0.0.5:8786.")]


def main() -> None:
    """Run the command line; it ends with one of `terminal.EXIT_CODES`."""
    terminal.never_fail()
    try:
        app()
    except terminal.REFUSALS as error:
        sys.exit(terminal.refuse(error, as_json="--json" in sys.argv))
    finally:
        terminal.flush()


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Long recordings in; a finished episode and short clips out.

    Settings come from the library's workbench.toml, then variables named WORKBENCH_<SETTING>, then flags,
    the later the stronger; `workbench config` lists them all.
    """
    if version:
        terminal.show(f"episode-workbench {metadata.version('episode-workbench')}")
        raise typer.Exit


@app.command()
def init(
    path: Annotated[Path | None, typer.Argument(help="Its folder.", show_default=False)] = None,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """Make a library: the folder that holds everything."""
    settings = load_settings(library=path or library)
    with _open(settings):
        pass
    file = settings.library / FILE
    made = not file.exists()
    if made:
        file.write_text(facts.template(explain(library=settings.library, environment={})), encoding="utf-8")
    if as_json:
        terminal.show_json(
            {"library": settings.library, "inbox": settings.library / "inbox", "settings": file}
        )
        return
    terminal.show(f"library: {settings.library}\nsettings: {file}{'' if made else ' (kept as it was)'}")
    terminal.say(f"Next: {facts.first_steps(settings.library)}.")


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
    """Find recordings and make them episodes."""
    settings = load_settings(library=library, workers=workers, scheduler=scheduler)
    with Signals() as signals, _open(settings) as bench:
        started = bench.discover(folders or None)
        (job,) = watch(bench, {started.job_id: "looking for recordings"}, signals)
    if as_json:
        found = {"episodes": [], "skipped": [], "waiting": []} | (job.result or {})
        terminal.show_json({"status": job.status, "failure": job.failure, **found})
    else:
        facts.show_discovery(job.result or {}, settings.library / "inbox")
    named = {os.path.normpath(Path(each).expanduser().absolute()) for each in folders or ()}
    in_vain = any(one["file"] in named for one in (job.result or {}).get("skipped", ()))
    raise typer.Exit(_code([Status.FAILED if in_vain else job.status], signals))


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
    With --json the last lines are one object a file: file, episode_id, status, stage, failure. The stage
    is the one that was reached, or the one in which the work stopped.
    """
    from apps import batch

    flags: dict[str, Any] = {"model": model, "language": language, "workers": workers, "scheduler": scheduler}
    settings = load_settings(library=library, **flags)
    with Signals() as signals, _open(settings) as bench:
        if what:
            how = {"target_stage": target_stage, "force_reprocess": force}
            outcomes = batch.process(bench, what, signals, how)
        else:
            outcomes = batch.resume(bench, signals)
        if as_json:
            for outcome in outcomes:
                terminal.show_json(outcome)
        else:
            facts.show_outcomes(bench, outcomes)
    raise typer.Exit(_code([outcome.status for outcome in outcomes], signals))


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
    settings = load_settings(library=library, workers=workers, scheduler=scheduler)
    with Signals() as signals, _open(settings) as bench:
        started = bench.render_clips(episode, clip_ids=clip, variants=variant, aspect_ratios=ratio)
        (job,) = watch(bench, {started.job_id: episode}, signals)
        found = bench.clips(episode)
        if as_json:
            head = {"episode_id": episode, "status": job.status, "failure": job.failure}
            terminal.show_json({**head, "clips": found})
        elif job.status is Status.COMPLETED:
            facts.show_clips(found, bench.shelf(episode))
    raise typer.Exit(_code([job.status], signals))


@app.command()
def jobs(
    status: Annotated[Status | None, typer.Option(help="Only jobs with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    settings = load_settings(library=library)
    with _open(settings) as bench:
        facts.show_jobs(bench.jobs(status, limit), settings.library, as_json=as_json)


@app.command()
def job(job_id: str, library: Library = None, as_json: AsJson = False) -> None:
    """Show a job with its log."""
    with _open(load_settings(library=library)) as bench:
        facts.show_job(bench.job(job_id), bench.log(job_id), as_json=as_json)


@app.command()
def cancel(job_id: str, library: Library = None, as_json: AsJson = False) -> None:
    """Cancel a job that has not ended."""
    with _open(load_settings(library=library)) as bench:
        cancelled = bench.cancel(job_id)
        if as_json:
            terminal.show_json(cancelled)
        else:
            terminal.show(f"{cancelled.job_id} {cancelled.status}")


@app.command()
def episodes(library: Library = None, as_json: AsJson = False) -> None:
    """List episodes."""
    settings = load_settings(library=library)
    with _open(settings) as bench:
        facts.show_episodes(bench.episodes(), settings.library, as_json=as_json)


@app.command()
def show(episode: str, library: Library = None, as_json: AsJson = False) -> None:
    """Show all facts of an episode.

    With --json also the paths of all its artefacts.
    """
    with _open(load_settings(library=library)) as bench:
        facts.show_episode(bench, bench.episode(episode), as_json=as_json)


@app.command()
def config(library: Library = None, as_json: AsJson = False) -> None:
    """List every setting with its value and where that comes from."""
    chosen = explain(library=library)
    if as_json:
        terminal.show_json(chosen)
    else:
        rows = [(one.name, facts.toml(one.value), one.source, one.help) for one in chosen]
        terminal.show_table(("setting", "value", "source", "what it is"), rows)


@app.command()
def doctor(
    library: Library = None,
    model: Model = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Check whether this machine can do the whole work."""
    from apps.doctor import examine

    settings = load_settings(library=library, model=model, workers=workers, scheduler=scheduler)
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            facts.show_finding(finding)
    if as_json:
        terminal.show_json(findings)
    failed = any(finding.state == "problem" for finding in findings)
    raise typer.Exit(terminal.FAILED if failed else terminal.DONE)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (5006); 0 for any.")] = None,
    library: Library = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Serve the library over HTTP, and do what schedules ask for, until it is stopped."""
    from apps import server

    flags: dict[str, Any] = {"host": host, "port": port, "workers": workers, "scheduler": scheduler}
    settings = load_settings(library=library, **flags)
    with (
        Signals()
    ):  # uvicorn stops by them, and then raises them once more: the library is still to be closed
        server.serve(settings)


@app.command()
def keys(
    name: Annotated[str | None, typer.Argument(help="Name of a new key, such as n8n.")] = None,
    scope: Annotated[Scope, typer.Option(help="What it may do.")] = Scope.SUBMIT,
    revoke: Annotated[str | None, typer.Option(help="Id of a key that ends now.")] = None,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """List API keys, make one or revoke one; not while a server runs.

    A new key is shown once. From the first one on, nobody gets in without.
    """
    with _open(load_settings(library=library)) as bench:
        if revoke:
            bench.keys.revoke(revoke)
        made = bench.keys.make(name, scope) if name else None
        facts.show_keys(bench.keys.keys(), made[1] if made else None, as_json=as_json)


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

    flags: dict[str, Any] = {"model": model, "language": language, "workers": workers, "scheduler": scheduler}
    settings = load_settings(library=library or Path(tour.LIBRARY), **flags)
    with Signals() as signals:
        recording = file or tour.recording(settings.library, signals)
        with _open(settings) as bench:
            how = {"target_stage": target_stage, "force_reprocess": force}
            outcome = tour.take(bench, recording, signals, how)
            tour.show(bench, outcome, as_json=as_json)
    raise typer.Exit(_code([outcome.status], signals))


def _open(settings: Settings) -> "Workbench":
    from workbench import Workbench

    return Workbench(settings)


def _code(ended: list[Status], signals: Signals) -> int:
    """The exit code of a command whose jobs ended like this."""
    if signals.cancel:
        return terminal.CANCELLED
    return terminal.DONE if all(status is Status.COMPLETED for status in ended) else terminal.FAILED


if __name__ == "__main__":
    main()
