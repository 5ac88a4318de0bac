"""Routes of jobs: submit, look, list, cancel, retry."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel

from apps.rest import shapes
from apps.rest.depends import Bench, By, IdempotencyKey, base_of, patiently
from apps.rest.shapes import Accepted, Discover, JobLog, JobPage, JobView, Process, RenderClips, Stats
from workbench import jobs
from workbench.access import Caller
from workbench.jobs import Answering, Status, Submitted
from workbench.workbench import Workbench

type Make = Callable[[], jobs.Request]

_WAIT_MOST = 60.0


routes = APIRouter(prefix="/async", tags=["jobs"])


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
        bench, request, response, by, key, body, lambda: process_request(bench, episode_id, body)
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
    return _submitted(bench, request, response, by, key, body, lambda: discover_request(bench, body))


@routes.post("/jobs/{job_id}/retry", status_code=202)
def retry(
    bench: Bench, job_id: str, request: Request, response: Response, by: By, key: IdempotencyKey = None
) -> Accepted:
    made = submit(bench, request.url.path, by, key, shapes.Body(), lambda: bench.retry_request(job_id))
    response.headers["Location"] = f"/async/jobs/{made.job.job_id}"
    return shapes.accepted(made, base_of(request))


@routes.get("/jobs")
def listed(
    bench: Bench,
    request: Request,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> JobPage:
    found = bench.jobs(status, limit + 1, cursor)
    page = [shapes.job_view(job, base_of(request)) for job in found[:limit]]
    return JobPage(jobs=page, next_cursor=page[-1].job_id if len(found) > limit else None)


@routes.get("/jobs/{job_id}", response_model=JobView)
def look(
    bench: Bench,
    job_id: str,
    request: Request,
    wait: Annotated[float, Query(ge=0, le=_WAIT_MOST)] = 0.0,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    job = patiently(bench, job_id, wait) if wait else bench.job(job_id)
    content = shapes.job_view(job, base_of(request)).model_dump_json().encode()
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"} | ({} if job.ended else {"Retry-After": "2"})
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


@routes.delete("/jobs/{job_id}", response_model=JobView, responses={202: {"model": JobView}})
def cancel(bench: Bench, job_id: str, request: Request, by: By) -> Response:
    before = bench.job(job_id)
    job = bench.cancel(job_id)
    if not before.ended:
        bench.audit(by.label, "cancel", job_id)
    content = shapes.job_view(job, base_of(request)).model_dump_json()
    return Response(content, 200 if job.ended else 202, media_type="application/json")


@routes.get("/jobs/{job_id}/log")
def log(bench: Bench, job_id: str) -> JobLog:
    events = [
        {"at_utc": line["at_utc"].isoformat(), "kind": line["kind"], "body": line["body"]}
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
    request = make().model_copy(update={"requested_by": caller.name})
    answering = None
    if key:
        content = json.dumps([path, body.model_dump(mode="json")], sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        answering = Answering(caller=caller.key_id or caller.name, request_key=key, body_hash=digest)
    (made,) = bench.submit([request], answering)
    if not made.deduplicated:
        bench.audit(caller.label, made.job.job_type, made.job.job_id)
    return made


def process_request(bench: Workbench, episode_id: str, body: Process) -> jobs.Request:
    """What `body` asks for. Raises NotFound, BadAddress or ModelMissing."""
    asked = bench.process_request(episode_id, body.target_stage, force_reprocess=body.force_reprocess)
    return _with(bench, asked, body)


def clips_request(bench: Workbench, episode_id: str, body: RenderClips) -> jobs.Request:
    """What `body` asks for. Raises NotFound or BadAddress."""
    asked = bench.clips_request(episode_id, body.clip_ids, body.variants, body.aspect_ratios)
    return _with(bench, asked, body)


def discover_request(bench: Workbench, body: Discover) -> jobs.Request:
    """What `body` asks for. Raises BadAddress, or ModelMissing when what is found is to be processed."""
    asked = bench.discover_request(then=body.target_stage if body.process else None)
    return _with(bench, asked, body)


def stats_of(bench: Workbench) -> Stats:
    """How many jobs have each status, and for how long the oldest has waited."""
    counts = bench.counts()
    numbers = {status.value: counts.get(status, (0, None))[0] for status in Status}
    oldest = counts[Status.QUEUED][1] if Status.QUEUED in counts else None
    waited = (datetime.now(UTC) - oldest).total_seconds() if oldest else None
    return Stats(
        **numbers, total=sum(numbers.values()), max_workers=bench.slots, oldest_queued_seconds=waited
    )


def _with(bench: Workbench, asked: jobs.Request, body: shapes.Submit) -> jobs.Request:
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
