"""Commands about a library: init, episodes, search, show, clean, keys, config, doctor, serve."""

from pathlib import Path
from typing import Annotated, Any

import typer

from apps import facts, terminal
from apps.commands.flags import AsJson, Host, Language, Library, Model, Port, Scheduler, Workers
from apps.watch import Signals
from workbench.access import Scope
from workbench.door import enter
from workbench.settings import FILE, explain, load_settings

app = typer.Typer()


@app.command()
def init(
    path: Annotated[Path | None, typer.Argument(help="Its folder.", show_default=False)] = None,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """Make a library: the folder that holds everything."""
    settings = load_settings(library=path or library)
    with enter(settings):
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
def episodes(library: Library = None, as_json: AsJson = False) -> None:
    """List episodes."""
    settings = load_settings(library=library)
    with enter(settings) as bench:
        facts.show_episodes(bench.episodes(), settings.library, as_json=as_json)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help='Words; what is in "quotes" is said just so.')],
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many sentences at the most.")] = 50,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """Find what was said: the sentences that hold all of some words, in any order."""
    with enter(load_settings(library=library)) as bench:
        facts.show_matches(bench.search(text, limit), as_json=as_json)


@app.command()
def show(episode: str, library: Library = None, as_json: AsJson = False) -> None:
    """Show all facts of an episode.

    With --json also the paths of all its artefacts.
    """
    settings = load_settings(library=library)
    with enter(settings) as bench:
        facts.show_episode(bench, bench.episode(episode), settings.library, as_json=as_json)


@app.command()
def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """Remove old jobs, and artefacts that nothing needs any more.

    Jobs are old when they ended longer ago than the setting `keep_days` says.
    """
    with enter(load_settings(library=library)) as bench:
        facts.show_clean_up(bench.clean_up(dry_run=dry_run), dry_run=dry_run, as_json=as_json)


@app.command()
def keys(
    name: Annotated[str | None, typer.Argument(help="Name of a new key, such as n8n.")] = None,
    scope: Annotated[Scope, typer.Option(help="What it may do.")] = Scope.SUBMIT,
    revoke: Annotated[str | None, typer.Option(help="Id of a key that ends now.")] = None,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """List API keys, make one or revoke one.

    A new key is shown once. From the first one on, nobody gets in without.
    """
    with enter(load_settings(library=library)) as bench:
        if revoke:
            bench.keys.revoke(revoke)
        made = bench.keys.make(name, scope) if name else None
        facts.show_keys(bench.keys.keys(), made[1] if made else None, as_json=as_json)


@app.command()
def config(
    library: Library = None,
    model: Model = None,
    language: Language = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    host: Host = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """List every setting with its value and where that comes from.

    With the flags of another command, it tells what counts in that.
    """
    chosen = explain(
        library=library,
        model=model,
        language=language,
        workers=workers,
        scheduler=scheduler,
        host=host,
        port=port,
    )
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
    host: Host = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Check whether this machine can do the whole work."""
    from apps.doctor import examine

    settings = load_settings(
        library=library, model=model, workers=workers, scheduler=scheduler, host=host, port=port
    )
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
    host: Host = None,
    port: Port = None,
    library: Library = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Serve the library over HTTP, and do what schedules ask for, until it is stopped."""
    from apps import server

    flags: dict[str, Any] = {"host": host, "port": port, "workers": workers, "scheduler": scheduler}
    settings = load_settings(library=library, **flags)
    # uvicorn stops by them, and then raises them once more: the library is still to be closed
    with Signals() as signals:
        server.serve(settings, lambda: signals.leave or signals.cancel)
