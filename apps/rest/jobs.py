"""Routes of jobs: submit, look, list, cancel, retry."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from apps.rest import shapes
from apps.rest.depends import Bench, By, IdempotencyKey, base_of, linked, only_admin, patiently, sees_folders
from apps.rest.guard import caller_of
from apps.rest.shapes import (
    Accepted,
    ClipRendering,
    Discover,
    Discovery,
    JobDetails,
    JobLog,
    JobPage,
    JobView,
    Process,
    Processing,
    RenderClips,
    Stats,
)
from pipeline.errors import BadOptions, ModelMissing
from workbench import jobs
from workbench.access import Caller
from workbench.jobs import Answering, Status, Submitted
from workbench.names import names_only
from workbench.workbench import Workbench

type Make = Callable[[], jobs.Request]

type MakeAll = Callable[[], Sequence[jobs.Request]]

_WAIT_MOST = 60.0
_STOP_MOST = 10.0
"""Seconds that a client waits for a job to stop; it stops after that too."""

routes = APIRouter(prefix="/async", tags=["jobs"])


class _Look(BaseModel):
    """What can be asked for with a look at a job."""

    wait: Annotated[float, Field(ge=0, le=_WAIT_MOST)] = 0.0
    """Seconds to wait for the job's end."""
    details: bool = False
    """Whether admins are told what it was asked for."""


_PLAIN = _Look()
_LOOKS = [
    {"name": name, "in": "query", "required": False, "schema": schema}
    for name, schema in _Look.model_json_schema()["properties"].items()
]
_TAG = {"name": "if-none-match", "in": "header", "required": False, "schema": {"type": "string"}}


# The first in the line of routes, since it is asked by far the most. For the same reason it reads its
# parameters by itself: FastAPI takes as long for four of them as for all the rest.
@routes.get(
    "/jobs/{job_id}",
    response_model=JobDetails | JobView,
    responses={304: {"description": "It is as it was when it had that ETag."}},
    openapi_extra={"parameters": [*_LOOKS, _TAG]},
)
async def look(job_id: str, request: Request) -> Response:
    """How far a job is, at once or once it has ended; `details` tells admins what it was asked for."""
    bench: Workbench = request.app.state.bench
    asked = _asked(request) if request.scope["query_string"] else _PLAIN
    if asked.details:
        only_admin(caller_of(request), "`details`")
    if asked.wait:
        job = await to_thread.run_sync(patiently, bench, job_id, asked.wait)
    else:  # a thread would cost more than all the rest
        at_hand = bench.job_at_hand(job_id)
        job = at_hand if at_hand else await to_thread.run_sync(bench.job, job_id)
    content = shapes.job_json(job, base_of(request), full=sees_folders(request), details=asked.details)
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"} | ({} if job.ended else {"Retry-After": "2"})
    if _is_known(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


@routes.post("/episodes/{episode_id}/process", status_code=202)
def process(
    bench: Bench,
    episode_id: str,
    body: Process,
    request: Request,
    response: Response,
    by: By,
    key: IdempotencyKey = None,
) -> Accepted:
    return _submitted(
        bench, request, response, by, key, body, lambda: one_request(bench, by, episode_id, body)
    )


@routes.post("/episodes/{episode_id}/render_clips", status_code=202)
def render_clips(
    bench: Bench,
    episode_id: str,
    body: RenderClips,
    request: Request,
    response: Response,
    by: By,
    key: IdempotencyKey = None,
) -> Accepted:
    return _submitted(bench, request, response, by, key, body, lambda: clips_request(bench, episode_id, body))


@routes.post("/discover", status_code=202)
def discover(
    bench: Bench, body: Discover, request: Request, response: Response, by: By, key: IdempotencyKey = None
) -> Accepted:
    return _submitted(bench, request, response, by, key, body, lambda: discover_request(bench, by, body))


@routes.post("/jobs/{job_id}/retry", status_code=202)
def retry(
    bench: Bench, job_id: str, request: Request, response: Response, by: By, key: IdempotencyKey = None
) -> Accepted:
    return _submitted(bench, request, response, by, key, shapes.Body(), lambda: bench.retry_request(job_id))


@routes.get("/jobs")
def listed(
    bench: Bench,
    request: Request,
    response: Response,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    ids: Annotated[list[str] | None, Query(max_length=100)] = None,
) -> JobPage:
    """The newest jobs first; or, for who follows several, those with the given `ids` in their order."""
    found = bench.jobs(status, limit + 1, cursor) if ids is None else bench.jobs_with(ids)
    most = limit if ids is None else len(ids)
    base, full = base_of(request), sees_folders(request)
    page = [shapes.job_view(job, base, full=full) for job in found[:most]]
    cursor = page[-1].job_id if len(found) > most else None
    return linked(JobPage(jobs=page, next_cursor=cursor), request, response)


@routes.delete("/jobs/{job_id}", response_model=JobView, responses={202: {"model": JobView}})
def cancel(bench: Bench, job_id: str, request: Request, by: By) -> Response:
    """Stop a job. 202 when it is still being stopped after ten seconds; to ask again does no harm."""
    before = bench.job(job_id)
    bench.cancel(job_id, timeout=0)
    if not before.ended:
        bench.audit(by.label, "cancel", job_id)
    job = patiently(bench, job_id, _STOP_MOST)
    headers = {} if job.ended else {"Retry-After": "1"}
    content = shapes.job_json(job, base_of(request), full=sees_folders(request))
    return Response(content, 200 if job.ended else 202, headers, "application/json")


@routes.get("/jobs/{job_id}/log")
def log(bench: Bench, job_id: str, request: Request) -> JobLog:
    """What happened to a job, oldest first."""
    full = sees_folders(request)
    events = [
        {
            "at_utc": line["at_utc"].isoformat(),
            "kind": line["kind"],
            "body": line["body"] if full else names_only(line["body"]),
        }
        for line in bench.log(job_id)
    ]
    return JobLog.model_validate({"events": events})


@routes.get("/stats")
def stats(bench: Bench) -> Stats:
    return stats_of(bench)


def submit(
    bench: Workbench, path: str, caller: Caller, key: str | None, body: BaseModel, make: Make
) -> Submitted:
    """Ask for a job in the name of `caller`; with a key of theirs, only once."""
    (made,) = submit_all(bench, path, caller, key, body, lambda: [make()])
    return made


def submit_all(
    bench: Workbench, path: str, caller: Caller, key: str | None, body: BaseModel, make: MakeAll
) -> list[Submitted]:
    """Ask for jobs in the name of `caller`; with a key of theirs, only once.

    What was answered before is answered so again, whatever has become of what it was about: `make` is not
    called then.
    """
    answering = _answering(path, caller, key, body) if key else None
    if answering and (before := bench.answered(answering)):
        return before
    requests = [each.model_copy(update={"requested_by": caller.name}) for each in make()]
    return bench.submit(requests, answering, caller.label)


def one_request(bench: Workbench, caller: Caller, episode_id: str, body: Process) -> jobs.Request:
    """What `body` asks for, of the episode that the path names. Raises as `process_request` does."""
    if body.episode_id not in (None, episode_id):
        raise BadOptions(
            f"episode_id is {body.episode_id!r} in the body and {episode_id!r} in the path: "
            "name one episode, or leave it away in the body"
        )
    if body.names_folder:
        only_admin(caller, "a folder as `model`")
    return process_request(bench, episode_id, body)


def process_request(bench: Workbench, episode_id: str, body: Processing) -> jobs.Request:
    """What `body` asks for. Raises NotFound, BadAddress, BadOptions or ModelMissing."""
    try:
        asked = bench.process_request(
            episode_id,
            body.target_stage,
            force_reprocess=body.force_reprocess,
            model=body.model,
            language=body.language,
        )
    except ModelMissing as error:
        if body.model is None:
            raise
        raise BadOptions(str(error)) from error  # not this server's fault: another name would do
    except OSError as error:
        if body.model is None:
            raise
        what = f"model: {body.model} cannot be looked at ({error.strerror}): name another folder"
        raise BadOptions(what) from error
    return _with(bench, asked, body)


def clips_request(bench: Workbench, episode_id: str, body: ClipRendering) -> jobs.Request:
    """What `body` asks for. Raises NotFound or BadAddress."""
    asked = bench.clips_request(episode_id, body.clip_ids, body.variants, body.aspect_ratios)
    return _with(bench, asked, body)


def rebuild_request(bench: Workbench, episode_id: str, body: shapes.Wish) -> jobs.Request:
    """What `body` asks for. Raises NotFound, NotAllowed or BadAddress."""
    return _with(bench, bench.rebuild_request(episode_id), body)


def discover_request(bench: Workbench, caller: Caller, body: Discovery) -> jobs.Request:
    """What `body` asks for. Raises BadAddress, or ModelMissing when what is found is to be processed."""
    if body.paths is not None:
        only_admin(caller, "`paths`")
    asked = bench.discover_request(body.paths, then=body.target_stage if body.process else None)
    return _with(bench, asked, body)


def stats_of(bench: Workbench) -> Stats:
    """How many jobs have each status, and for how long the oldest has waited."""
    counts = bench.counts()
    numbers = {status.value: counts.get(status, (0, None))[0] for status in Status}
    oldest = counts[Status.QUEUED][1] if Status.QUEUED in counts else None
    waited = (datetime.now(UTC) - oldest).total_seconds() if oldest else None
    return Stats(
        **numbers, total=sum(numbers.values()), max_workers=workers_of(bench), oldest_queued_seconds=waited
    )


def workers_of(bench: Workbench) -> int:
    """How many tasks can run at once; before the first one, how many workers will be started for it.

    How many a scheduler has that is somebody else's is not known before it was asked.
    """
    settings = bench.settings
    return bench.slots or (0 if settings.scheduler else settings.worker_count)


def _is_known(known: str | None, tag: str) -> bool:
    """Whether a client with these `If-None-Match` tags has the content of `tag` (RFC 9110, 13.1.2).

    A proxy that compresses marks them as weak, which makes no difference here.
    """
    tags = [each.strip().removeprefix("W/") for each in (known or "").split(",")]
    return tag in tags or tags == ["*"]


def _asked(request: Request) -> _Look:
    """Raises RequestValidationError as FastAPI does."""
    try:
        return _Look.model_validate(dict(request.query_params))
    except ValidationError as error:
        faults = [{"loc": ("query", *fault["loc"]), "msg": fault["msg"]} for fault in error.errors()]
        raise RequestValidationError(faults) from error


def _answering(path: str, caller: Caller, key: str, body: BaseModel) -> Answering:
    content = json.dumps([path, body.model_dump(mode="json", exclude_unset=True)], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Answering(caller=caller.key_id or caller.name, request_key=key, body_hash=digest)


def _with(bench: Workbench, asked: jobs.Request, body: shapes.Wish) -> jobs.Request:
    if body.webhook_url:
        bench.check_webhook(body.webhook_url)
    wishes: dict[str, Any] = body.model_dump(include={"webhook_url", "priority", "depends_on"})
    return asked.model_copy(update=wishes)


def _submitted(
    bench: Workbench,
    request: Request,
    response: Response,
    caller: Caller,
    key: str | None,
    body: BaseModel,
    make: Make,
) -> Accepted:
    made = submit(bench, request.url.path, caller, key, body, make)
    answer = shapes.accepted(made, base_of(request))
    response.headers.update({"Location": answer.links.self, "Retry-After": "5"})
    return answer
