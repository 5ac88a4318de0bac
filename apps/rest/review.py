"""Routes of the review of an episode: what people change, undo and redo, and what that makes anew."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from apps.rest.depends import Bench, By, IdempotencyKey, base_of
from apps.rest.files import File
from apps.rest.jobs import rebuild_request, submit
from apps.rest.shapes import Accepted, Body, Wish, accepted
from pipeline.clip_review import ReviewedClip
from pipeline.edits import Edit
from pipeline.model import Enrichment, Transcript
from workbench.reviewed import Made, Rebuild, Review, Standing, State
from workbench.workbench import Workbench

routes = APIRouter(tags=["review"])

type EpisodeId = Annotated[str, Path(max_length=200)]
type EditId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class ReviewView(Standing):
    """How far people are with an episode, and what has to be made again for it to be as they want it."""

    episode_id: str
    edits: int
    """How many count."""
    can_undo: bool
    """Whether there is something of whoever asks to undo."""
    can_redo: bool
    rebuild: Rebuild


class Edits(BaseModel):
    """Everything that was changed in an episode, in order; those that were undone too."""

    episode_id: str
    edits: list[Made]


class Texts(BaseModel):
    """What is read of an episode, with what people have changed."""

    transcript: Transcript
    enrichment: Enrichment | None


class ReviewedClips(BaseModel):
    """The clips of an episode, the machine's and those made by hand, as people have them."""

    episode_id: str
    clips: list[ReviewedClip]


class Moved(Body):
    """Where the review of an episode is brought."""

    state: State


@routes.get("/episodes/{episode_id}/review")
def review(bench: Bench, episode_id: EpisodeId, by: By) -> ReviewView:
    """How far people are with it."""
    return _view(bench, episode_id, bench.editing.review(episode_id), by.label)


@routes.put("/episodes/{episode_id}/review")
def move(bench: Bench, episode_id: EpisodeId, body: Moved, by: By) -> ReviewView:
    """Say how far people are with it: proposed, in review, approved or published."""
    moved = bench.editing.move(episode_id, body.state, by.label)
    bench.audit(by.label, f"review: {body.state}", episode_id)
    return _view(bench, episode_id, moved, by.label)


@routes.get("/episodes/{episode_id}/edits")
def edits(bench: Bench, episode_id: EpisodeId) -> Edits:
    return Edits(episode_id=episode_id, edits=list(bench.editing.review(episode_id).edits))


@routes.put("/episodes/{episode_id}/edits/{edit_id}")
def edit(bench: Bench, episode_id: EpisodeId, edit_id: EditId, body: Edit, by: By) -> ReviewView:
    """Change something; sent again with the same id, it is the same change, as it is now."""
    made = bench.editing.edit(episode_id, body, edit_id=edit_id, who=by.label)
    return _view(bench, episode_id, made, by.label)


@routes.post("/episodes/{episode_id}/undo")
def undo(bench: Bench, episode_id: EpisodeId, by: By) -> ReviewView:
    """Take back the last change of whoever asks."""
    return _view(bench, episode_id, bench.editing.undo(episode_id, by.label), by.label)


@routes.post("/episodes/{episode_id}/redo")
def redo(bench: Bench, episode_id: EpisodeId, by: By) -> ReviewView:
    """Make again what whoever asks took back."""
    return _view(bench, episode_id, bench.editing.redo(episode_id, by.label), by.label)


@routes.get("/episodes/{episode_id}/review/clips")
def clips(bench: Bench, episode_id: EpisodeId) -> ReviewedClips:
    """The clips as they were reviewed, each with the words that it has; their files are at `/clips`."""
    return ReviewedClips(episode_id=episode_id, clips=list(bench.editing.clips(episode_id)))


@routes.get("/episodes/{episode_id}/texts")
def texts(bench: Bench, episode_id: EpisodeId, heard: bool = False) -> Texts:
    """Transcript and findings as they are now, rebuilt or not; with `heard` as the machine made them."""
    found = bench.editing.heard(episode_id) if heard else bench.editing.texts(episode_id)
    return Texts.model_construct(transcript=found.transcript, enrichment=found.enrichment)


@routes.get("/episodes/{episode_id}/heard.json", response_class=FileResponse)
def heard(bench: Bench, episode_id: EpisodeId) -> File:
    """The transcript as the machine made it: what edits count their words in."""
    return File(bench.editing.heard_file(episode_id))


@routes.post("/async/episodes/{episode_id}/rebuild", status_code=202)
def rebuild(
    bench: Bench,
    episode_id: EpisodeId,
    request: Request,
    response: Response,
    by: By,
    body: Wish | None = None,
    key: IdempotencyKey = None,
) -> Accepted:
    """Make again what rests on what was changed, and nothing else."""
    asked = body or Wish()
    made = submit(bench, request.url.path, by, key, asked, lambda: rebuild_request(bench, episode_id, asked))
    answer = accepted(made, base_of(request))
    response.headers.update({"Location": answer.links.self, "Retry-After": "2"})
    return answer


def _view(bench: Workbench, episode_id: str, review: Review, who: str) -> ReviewView:
    return ReviewView(
        **review.model_dump(include={"state", "by", "at", "revision"}),
        episode_id=episode_id,
        edits=len(review.based),
        can_undo=review.can_undo(who),
        can_redo=review.can_redo(who),
        rebuild=bench.editing.rebuild(episode_id),
    )
