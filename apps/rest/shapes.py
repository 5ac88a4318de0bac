"""What goes over the wire where it differs from the nouns of the workbench."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.model import AspectRatio, StageName, Variant
from workbench.jobs import Clip, Delivery, Episode, Job, JobType, Submitted


class Body(BaseModel):
    """What a client sends; an unknown field is an error, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


class Submit(Body):
    """What every job can be given."""

    webhook_url: Annotated[str, Field(max_length=2000)] | None = None
    """Is told of the job's end."""
    priority: int = Field(default=0, ge=-100, le=100)
    """Of the jobs that wait, the one with the highest starts first."""
    depends_on: Annotated[str, Field(max_length=64)] | None = None
    """The job that has to be completed first."""


class Process(Submit):
    """Take an episode through the stages."""

    episode_id: Annotated[str, Field(max_length=200)] | None = None
    target_stage: StageName = StageName.CLIPPED
    force_reprocess: bool = False


class RenderClips(Submit):
    """Render an episode's clips."""

    clip_ids: Annotated[list[str], Field(max_length=200)] | None = None
    variants: Annotated[list[Variant], Field(min_length=1)] | None = None
    aspect_ratios: Annotated[list[AspectRatio], Field(min_length=1)] | None = None


class Discover(Submit):
    """Look for recordings in the inbox and the set folders."""

    process: bool = False
    """Whether what is found is processed too."""
    target_stage: StageName = StageName.CLIPPED


class Links(BaseModel):
    """Where to go on; paths of this server."""

    self: str
    events: str
    log: str
    cancel: str


class Accepted(BaseModel):
    """The answer to a submit: the job is written down, and will end."""

    job_id: str
    status: str
    message: str
    status_url: str
    """Absolute, for clients that follow it as it is."""
    links: Links
    deduplicated: bool
    """Whether this is an earlier request's job."""


class Address(Body):
    """Where a test message goes."""

    webhook_url: Annotated[str, Field(max_length=2000)]


class Tested(BaseModel):
    """What came of a test message."""

    delivered: bool
    status: int | None
    reason: str


class JobView(Job):
    """A job as clients see it."""

    params: dict[str, Any] = Field(default_factory=dict, exclude=True)
    webhook_url: str | None = Field(None, exclude=True)
    requested_by: str | None = Field(None, exclude=True)
    status_url: str
    links: Links


class JobPage(BaseModel):
    """Some jobs, the newest first."""

    jobs: list[JobView]
    next_cursor: str | None


class Event(BaseModel):
    """A line of a job's log."""

    at_utc: str
    kind: str
    body: dict[str, Any]


class JobLog(BaseModel):
    """What happened to a job, oldest first."""

    events: list[Event]


class Stats(BaseModel):
    """How many jobs there are, and how many tasks can run at once."""

    queued: int
    running: int
    completed: int
    failed: int
    cancelled: int
    total: int
    max_workers: int
    oldest_queued_seconds: float | None


class EpisodeView(BaseModel):
    """An episode without the paths of this machine."""

    episode_id: str
    title: str
    stage: StageName
    duration: float
    recording: str
    """Its file's name."""
    created_at: str
    updated_at: str
    files: list[str] = []
    """Paths below `/episodes/{episode_id}/files/`."""


class EpisodePage(BaseModel):
    """Some episodes, the newest first."""

    episodes: list[EpisodeView]
    next_cursor: str | None


class Found(BaseModel):
    """What a discovery found."""

    episodes: list[dict[str, Any]]
    count: int
    skipped: list[dict[str, Any]]
    waiting: list[str]


class ClipView(BaseModel):
    """A clip with the files rendered of it."""

    clip_id: str
    title: str
    start: float
    end: float
    score: float
    score_parts: dict[str, float]
    reasons: list[str]
    files: list[dict[str, str]]


class Clips(BaseModel):
    """An episode's clips, the best first."""

    episode_id: str
    clips: list[ClipView]
    count: int


class DeliveryView(BaseModel):
    """A message of the outbox, without its content; the address without its query, which may hold a token."""

    delivery_id: str
    job_id: str | None
    kind: Literal["webhook", "mail"]
    target: str
    state: Literal["pending", "delivered", "dead"]
    tries: int
    next_at: str
    last_status: int | None
    last_reason: str | None
    created_at: str
    ended_at: str | None


class DeliveryPage(BaseModel):
    """Some messages, the newest first."""

    deliveries: list[DeliveryView]
    next_cursor: str | None


def links_of(job_id: str) -> Links:
    place = f"/async/jobs/{job_id}"
    return Links(self=place, events=f"{place}/events", log=f"{place}/log", cancel=place)


def accepted(made: Submitted, base: str) -> Accepted:
    job = made.job
    message = "already asked for" if made.deduplicated else f"{_WORDS[job.job_type]} is queued"
    links = links_of(job.job_id)
    return Accepted(
        job_id=job.job_id,
        status=job.status,
        message=message,
        status_url=base + links.self,
        links=links,
        deduplicated=made.deduplicated,
    )


def job_view(job: Job, base: str) -> JobView:
    links = links_of(job.job_id)
    return JobView.model_construct(**dict(job), status_url=base + links.self, links=links)


def episode_view(episode: Episode, files: list[str]) -> EpisodeView:
    facts = episode.model_dump(mode="json", exclude={"artefacts", "sha256", "recording"})
    return EpisodeView(**facts, recording=episode.recording.rpartition("/")[2], files=files)


def clip_view(clip: Clip, episode_id: str) -> ClipView:
    place = f"/episodes/{episode_id}/files/clips/{clip.clip_id}"
    files = [
        {
            "variant": file.variant,
            "aspect_ratio": file.aspect_ratio,
            "url": f"{place}.{file.aspect_ratio}-{file.variant}.mp4",
        }
        for file in clip.files
    ]
    facts = clip.model_dump(exclude={"span", "files"})
    return ClipView(**facts, start=clip.span.start, end=clip.span.end, files=files)


def delivery_view(delivery: Delivery) -> DeliveryView:
    facts = delivery.model_dump(mode="json", exclude={"body"})
    return DeliveryView(**facts | {"target": delivery.target.partition("?")[0]})


_WORDS = {
    JobType.PROCESS: "processing",
    JobType.RENDER_CLIPS: "rendering clips",
    JobType.DISCOVER: "looking for recordings",
}
