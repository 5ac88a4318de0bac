"""Several jobs in one request: all are written down, or none; each can wait for one before it."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, model_validator

from apps.rest import shapes
from apps.rest.depends import Bench, By, IdempotencyKey, base_of
from apps.rest.jobs import clips_request, discover_request, process_request, submit_all
from apps.rest.shapes import WHOLE, Accepted, Body, ClipRendering, Discovery, JobId, Processing
from workbench import jobs
from workbench.access import Caller
from workbench.workbench import Workbench

routes = APIRouter(prefix="/async", tags=["jobs"])

_MOST = 500

type EpisodeId = Annotated[str, Field(max_length=200)]


class InBatch(Body):
    """What a job of a batch can be given besides."""

    depends_on: Annotated[int, Field(ge=0, lt=_MOST), WHOLE] | JobId | None = None
    """The job that has to be completed first: its id, or its place in this batch, from 0."""


class BatchProcess(Processing, InBatch):
    """Take an episode through the stages."""

    type: Literal["process"]
    episode_id: EpisodeId


class BatchRenderClips(ClipRendering, InBatch):
    """Render an episode's clips; those of a job before it in the batch when `clip_ids` is null."""

    type: Literal["render_clips"]
    episode_id: EpisodeId


class BatchDiscover(Discovery, InBatch):
    """Look for recordings."""

    type: Literal["discover"]


type BatchJob = Annotated[BatchProcess | BatchRenderClips | BatchDiscover, Field(discriminator="type")]


class Batch(Body):
    """Jobs to be written down together."""

    jobs: Annotated[list[BatchJob], Field(min_length=1, max_length=_MOST)]

    @model_validator(mode="after")
    def _each_depends_on_one_before(self) -> Self:
        for place, job in enumerate(self.jobs):
            if isinstance(job.depends_on, int) and job.depends_on >= place:
                raise ValueError(
                    f"jobs.{place}.depends_on is {job.depends_on}: name the place of a job before it, "
                    "or a job's id"
                )
        return self


class AcceptedBatch(BaseModel):
    """The answers, in the order of the batch."""

    jobs: list[Accepted]


@routes.post("/batch", status_code=202)
def batch(
    bench: Bench, body: Batch, request: Request, response: Response, by: By, key: IdempotencyKey = None
) -> AcceptedBatch:
    """Ask for up to 500 jobs at once."""
    made = submit_all(
        bench, request.url.path, by, key, body, lambda: [_request(bench, by, job) for job in body.jobs]
    )
    response.headers["Retry-After"] = "5"
    return AcceptedBatch(jobs=[shapes.accepted(each, base_of(request)) for each in made])


def _request(bench: Workbench, by: Caller, job: BatchJob) -> jobs.Request:
    match job:
        case BatchProcess():
            return process_request(bench, job.episode_id, job)
        case BatchRenderClips():
            return clips_request(bench, job.episode_id, job)
        case BatchDiscover():
            return discover_request(bench, by, job)
