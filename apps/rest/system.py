"""Routes for whoever looks after the server."""

import logging
from importlib import metadata

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, StrictBool

from apps.rest.depends import Bench, By
from apps.rest.jobs import workers_of
from apps.rest.shapes import Body
from workbench import jobs

_LOG = logging.getLogger(__name__)
routes = APIRouter(tags=["system"])


class Health(BaseModel):
    """That the process answers."""

    status: str
    version: str


class Readiness(BaseModel):
    """That work is taken and written down."""

    status: str
    max_workers: int
    waits_for: str | None
    """Why nothing starts, if that is so."""


class Cleaning(Body):
    """Whether it is done, or only told."""

    dry_run: StrictBool = True


class Cleaned(jobs.CleanUp):
    """What was removed, or would be."""

    dry_run: bool


@routes.get("/healthz")
async def health() -> Health:
    return Health(status="ok", version=metadata.version("episode-workbench"))


@routes.get("/readyz")
def ready(bench: Bench) -> Readiness:
    """Writes to the database; answers 503 when that fails. Anybody may ask, so it does not say why."""
    try:
        bench.probe()
    except Exception as error:  # whatever it is, a full disk or a broken file, the answer is the same
        _LOG.exception("the workbench is not ready")
        raise HTTPException(
            503, "work cannot be taken or written down now: the server's log says why", {"Retry-After": "5"}
        ) from error
    return Readiness(status="ready", max_workers=workers_of(bench), waits_for=bench.pause())


@routes.post("/async/clean_up")
def clean_up(bench: Bench, by: By, body: Cleaning | None = None) -> Cleaned:
    """Remove old jobs and the artefacts that nothing needs any more, or only say what would go."""
    dry_run = (body or Cleaning()).dry_run
    done = bench.clean_up(dry_run=dry_run)
    if not dry_run:
        bench.audit(by.label, "clean up", f"{len(done.artefacts)} artefacts")
    return Cleaned.model_validate(done.model_dump() | {"dry_run": dry_run})
