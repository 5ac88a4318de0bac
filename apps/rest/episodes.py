"""Routes of episodes: what there is of them, their files, and the calls that wait for the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from apps.rest import shapes
from apps.rest.archive import archived
from apps.rest.depends import Bench, By, IdempotencyKey, base_of, linked, only_admin, patiently, sees_folders
from apps.rest.files import File
from apps.rest.jobs import Make, discover_request, one_request, submit
from apps.rest.shapes import (
    Accepted,
    Clips,
    Discover,
    EpisodeDetails,
    EpisodePage,
    EpisodeView,
    Found,
    JobView,
    Process,
    episode_view,
)
from pipeline import manifest
from workbench.errors import NotAllowed, NotFound
from workbench.jobs import Clip, Episode, Job
from workbench.names import names_only
from workbench.workbench import Workbench

routes = APIRouter(prefix="/episodes", tags=["episodes"])

WAIT_MOST = 240.0
"""Seconds: n8n and proxies give up at 300."""


class ProcessWhich(Process):
    """Take the named episode through the stages."""

    episode_id: Annotated[str, Field(max_length=200)]


@routes.get("")
def listed(
    bench: Bench,
    by: By,
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    text: Annotated[str, Query(max_length=200)] = "",
    details: bool = False,
) -> EpisodePage:
    """What there is, with `text` in its title, the newest first; `details` tells admins where it lies."""
    if details:
        only_admin(by, "`details`")
    found = bench.episodes(limit + 1, cursor, text)
    page = [_details(bench, each, []) if details else episode_view(each, []) for each in found[:limit]]
    cursor = page[-1].episode_id if len(found) > limit else None
    return linked(EpisodePage(episodes=page, next_cursor=cursor), request, response)


@routes.post("/discover", responses={202: {"model": Accepted}}, response_model=Found)
def discover(
    bench: Bench, request: Request, by: By, body: Discover | None = None, key: IdempotencyKey = None
) -> Response:
    """Look for recordings, and wait for what is found."""
    body = body or Discover()
    job, accepted = _waited(bench, request, by, key, body, lambda: discover_request(bench, by, body))
    if job is None:
        return accepted
    if job.result is None:
        raise NotAllowed(f"the discovery is {job.status} (job {job.job_id}: {job.message}): ask for it again")
    result = names_only(job.result)
    episodes = [{k: v for k, v in each.items() if k != "file"} for each in result["episodes"]]
    found = Found(
        episodes=episodes, count=len(episodes), skipped=result["skipped"], waiting=result["waiting"]
    )
    return _json(found)


@routes.post("/process", responses={202: {"model": Accepted}}, response_model=JobView)
def process(
    bench: Bench, request: Request, by: By, body: ProcessWhich, key: IdempotencyKey = None
) -> Response:
    return _processed(bench, request, by, key, body.episode_id, body)


@routes.get("/{episode_id}")
def look(bench: Bench, episode_id: str, by: By, details: bool = False) -> EpisodeDetails | EpisodeView:
    """An episode, its files, and what must be known of them; `details` tells admins where they lie."""
    if details:
        only_admin(by, "`details`")
    episode = bench.episode(episode_id)
    files = _names(bench.shelf(episode_id))
    view = _details(bench, episode, files) if details else episode_view(episode, files)
    return view.model_copy(update={"notes": manifest.notes(episode.artefacts.values())})


@routes.post("/{episode_id}/process", responses={202: {"model": Accepted}}, response_model=JobView)
def process_one(
    bench: Bench,
    episode_id: str,
    request: Request,
    by: By,
    body: Process | None = None,
    key: IdempotencyKey = None,
) -> Response:
    return _processed(bench, request, by, key, episode_id, body or Process())


@routes.get("/{episode_id}/clips")
def clips(bench: Bench, episode_id: str) -> Clips:
    """The clips that were chosen, each with the files rendered of it."""
    return _clips(episode_id, bench.clips(episode_id))


@routes.post("/{episode_id}/discover_clips")
def discover_clips(bench: Bench, episode_id: str, by: By) -> Clips:
    """The spans worth publishing; they are chosen now unless they were before. From `rendered` on."""
    found = bench.discover_clips(episode_id)
    bench.audit(by.label, "discover_clips", episode_id)
    return _clips(episode_id, found)


@routes.get("/{episode_id}/files/{path:path}", response_class=FileResponse)
@routes.head("/{episode_id}/files/{path:path}", include_in_schema=False)
def file(bench: Bench, episode_id: str, path: str) -> FileResponse:
    """A file of the episode's results; parts of it by `Range`."""
    shelf = bench.shelf(episode_id)
    if path not in _names(shelf):
        raise NotFound(f"episode {episode_id} has no file {path!r}: GET /episodes/{episode_id} lists them")
    return File(shelf / path)


@routes.get("/{episode_id}/media", response_class=FileResponse)
@routes.head("/{episode_id}/media", include_in_schema=False)
def media(bench: Bench, episode_id: str) -> FileResponse:
    """The recording as browsers can play it; parts of it by `Range`."""
    file = bench.playable(episode_id)
    if not file.is_file():
        raise NotFound(f"the recording of episode {episode_id} is not where it was: put {file.name} back")
    return File.of_recording(file)


@routes.get("/{episode_id}/clips.zip", response_class=StreamingResponse)
def archive(bench: Bench, episode_id: str) -> StreamingResponse:
    """All rendered clips of an episode in one file, but for those that were rejected."""
    shelf = bench.shelf(episode_id)
    out = {clip.clip_id for clip in bench.clips(episode_id) if clip.verdict == "rejected"}
    names = [name for name in _names(shelf) if name.startswith("clips/")]
    clips = [name for name in names if name.removeprefix("clips/").rsplit(".", 2)[0] not in out]
    if not clips:
        raise NotFound(f"episode {episode_id} has no clips yet: render some first")
    files = {f"{episode_id}/{name.removeprefix('clips/')}": shelf / name for name in clips}
    named = {"Content-Disposition": f'attachment; filename="{episode_id}.clips.zip"'}
    return StreamingResponse(archived(files), headers=named, media_type="application/zip")


def _processed(
    bench: Workbench, request: Request, by: By, key: str | None, episode_id: str, body: Process
) -> Response:
    job, accepted = _waited(bench, request, by, key, body, lambda: one_request(bench, by, episode_id, body))
    if job is None:
        return accepted
    content = shapes.job_json(job, base_of(request), full=sees_folders(request))
    return Response(content, media_type="application/json")


def _details(bench: Workbench, episode: Episode, files: list[str]) -> EpisodeDetails:
    shelf, paths = bench.shelf(episode.episode_id), bench.files(episode.episode_id)
    return shapes.episode_details(episode, files, shelf, paths)


def _clips(episode_id: str, clips: Sequence[Clip]) -> Clips:
    found = [shapes.clip_view(clip, episode_id) for clip in clips]
    return Clips(episode_id=episode_id, clips=found, count=len(found))


def _waited(
    bench: Workbench, request: Request, by: By, key: str | None, body: BaseModel, make: Make
) -> tuple[Job | None, Response]:
    """The job once it has ended; or the answer 202 when it takes longer than clients wait."""
    made = submit(bench, request.url.path, by, key, body, make)
    job = patiently(bench, made.job.job_id, WAIT_MOST)
    answer = shapes.accepted(made, base_of(request))
    headers = {"Location": answer.links.self, "Retry-After": "5"}
    accepted = Response(answer.model_dump_json(), 202, headers, media_type="application/json")
    return (job if job.ended else None), accepted


def _json(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


def _names(shelf: Path) -> list[str]:
    """The files on an episode's shelf, by their path there; the recording, only linked, is not among them."""
    there = (path for path in shelf.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path.relative_to(shelf).as_posix() for path in there)
