"""Routes for whoever looks after the server."""

from importlib import metadata

from fastapi import APIRouter
from pydantic import BaseModel

from apps.rest.depends import Bench

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


@routes.get("/healthz")
async def health() -> Health:
    return Health(status="ok", version=metadata.version("episode-workbench"))


@routes.get("/readyz")
def ready(bench: Bench) -> Readiness:
    """Writes to the database; answers 503 when that fails."""
    bench.probe()
    return Readiness(status="ready", max_workers=bench.slots, waits_for=bench.pause())
