"""Commands about jobs: jobs, job, cancel, retry."""

from typing import Annotated, Any

import typer

from apps import facts, terminal
from apps.commands.flags import AsJson, Library, Scheduler, Workers, code
from apps.watch import Signals, watch
from workbench.door import enter
from workbench.jobs import Status
from workbench.settings import load_settings

app = typer.Typer()


@app.command()
def jobs(
    status: Annotated[Status | None, typer.Option(help="Only jobs with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    settings = load_settings(library=library)
    with enter(settings) as bench:
        facts.show_jobs(bench.jobs(status, limit), settings.library, as_json=as_json)


@app.command()
def job(job_id: str, library: Library = None, as_json: AsJson = False) -> None:
    """Show a job with its log."""
    with enter(load_settings(library=library)) as bench:
        facts.show_job(bench.job(job_id), bench.log(job_id), as_json=as_json)


@app.command()
def cancel(job_id: str, library: Library = None, as_json: AsJson = False) -> None:
    """Cancel a job that has not ended."""
    with enter(load_settings(library=library)) as bench:
        cancelled = bench.cancel(job_id)
        if as_json:
            terminal.show_json(cancelled)
        else:
            terminal.show(f"{cancelled.job_id} {cancelled.status}")


@app.command()
def retry(
    job_id: str,
    workers: Workers = None,
    scheduler: Scheduler = None,
    library: Library = None,
    as_json: AsJson = False,
) -> None:
    """Do once more what a failed or cancelled job was to do."""
    here: dict[str, Any] = {"workers": workers, "scheduler": scheduler}
    with Signals() as signals, enter(load_settings(library=library, **here), here) as bench:
        again = bench.retry(job_id)
        (job,) = watch(bench, {again.job_id: again.episode_id or again.job_type}, signals)
        if as_json:
            terminal.show_json(job)
        else:
            terminal.show(f"{job.job_id} {job.status}")
    raise typer.Exit(code([job.status], signals))
