"""What goes over the wire where it differs from the nouns of the workbench."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool
from pydantic_core import to_json

from pipeline.edits import Verdict
from pipeline.model import AspectRatio, StageName, Variant
from workbench.jobs import Clip, Delivery, Episode, Job, JobType, Submitted
from workbench.names import names_only


class Body(BaseModel):
    """What a client sends; an unknown field is an error, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


def _whole(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("Input should be a whole number")
    return value


WHOLE = BeforeValidator(_whole)
"""A number as JSON has it, neither a text nor true. Goes after the limits, or the schema would hide them."""

type ServerPath = Annotated[str, Field(min_length=1, max_length=4000)]
type JobId = Annotated[str, Field(max_length=64)]


type ModelName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?$", max_length=200)
]
type ModelPlace = Annotated[
    str,
    Field(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9._-]{1,99})?|([A-Za-z]:)?[/\\][^\x00-\x1f]*)$",
        max_length=4000,
    ),
]
"""A name, or the full path of a folder of the server's machine."""


class Wish(Body):
    """What every job can be given."""

    webhook_url: Annotated[str, Field(max_length=2000)] | None = None
    """Is told of the job's end."""
    priority: Annotated[int, Field(ge=-100, le=100), WHOLE] = 0
    """Of the jobs that wait, the one with the highest starts first."""


class Processing(Wish):
    """Take an episode through the stages."""

    target_stage: StageName = StageName.CLIPPED
    force_reprocess: StrictBool = False
    model: ModelName | None = None
    """The speech model, by its name; null for the setting `model`, which can name a folder too."""
    language: Annotated[str, Field(pattern="^[a-z]{2,3}$")] | None = None
    """The language that is spoken, as a code such as `en`; null for the setting `language`."""


class ClipRendering(Wish):
    """Render an episode's clips."""

    clip_ids: Annotated[list[str], Field(max_length=200)] | None = None
    variants: Annotated[list[Variant], Field(min_length=1, max_length=20)] | None = None
    aspect_ratios: Annotated[list[AspectRatio], Field(min_length=1, max_length=20)] | None = None


class Discovery(Wish):
    """Look for recordings in the inbox and the set folders."""

    paths: Annotated[list[ServerPath], Field(max_length=1000)] | None = None
    """Files or folders of the server's machine to look at in their place; needs the scope admin."""
    process: StrictBool = False
    """Whether what is found is processed too."""
    target_stage: StageName = StageName.CLIPPED


class Following(Body):
    """What a job asked for by itself can be given besides."""

    depends_on: JobId | None = None
    """The job that has to be completed first."""


class Process(Processing, Following):
    """Take an episode through the stages."""

    episode_id: Annotated[str, Field(max_length=200)] | None = None
    """The one that the path names, if it names one."""
    model: ModelPlace | None = None
    """The speech model, by its name, or with the scope admin by its folder; null for the setting `model`."""

    @property
    def names_folder(self) -> bool:
        """Whether the speech model is named by its folder."""
        return self.model is not None and (self.model[0] in "/\\" or self.model[1:2] == ":")


class RenderClips(ClipRendering, Following):
    """Render an episode's clips."""


class Discover(Discovery, Following):
    """Look for recordings."""


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


class JobDetails(JobView):
    """A job with what it was asked for and by whom."""

    params: dict[str, Any]
    webhook_url: str | None
    requested_by: str | None


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
    notes: list[str] | None = Field(
        None, description="What must be known of the results, such as silence; null in a list of episodes."
    )


class EpisodeDetails(EpisodeView):
    """An episode with the paths of this machine."""

    recording_path: str
    sha256: str
    artefacts: dict[str, str]
    """Kind of artefact → its folder."""
    shelf: str
    """The folder with the current results under readable names."""
    paths: dict[str, list[str]]
    """Kind of artefact → its files."""


class EpisodePage(BaseModel):
    """Some episodes, the newest first."""

    episodes: list[EpisodeDetails | EpisodeView]
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
    verdict: Verdict
    verdict_reason: str
    by_hand: bool
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


_DETAILS = {name for name, field in JobView.model_fields.items() if field.exclude}


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


def job_view(job: Job, base: str, *, full: bool = False) -> JobView:
    """`full`: with the paths of this machine, for those who may know them."""
    links = links_of(job.job_id)
    shown = job if full else without_folders(job)
    return JobView.model_construct(**dict(shown), status_url=base + links.self, links=links)


def job_json(job: Job, base: str, *, full: bool = False, details: bool = False) -> bytes:
    """What a JobView (`details`: a JobDetails) is as JSON, in a quarter of the time that making one takes."""
    links = links_of(job.job_id)
    shown = vars(job if full or details else without_folders(job))
    return to_json(
        {**shown, "status_url": base + links.self, "links": links},
        exclude=None if details else _DETAILS,
        inf_nan_mode="null",
    )


def without_folders(job: Job) -> Job:
    """The job as one sees it who may not know this machine's folders."""
    if job.result is None and job.failure is None and "/" not in job.message and "\\" not in job.message:
        return job  # nearly always, and this is asked at every look
    failure = job.failure
    if failure:
        failure = failure.model_copy(update={"reason": names_only(failure.reason)})
    shown = {"message": names_only(job.message), "result": names_only(job.result), "failure": failure}
    return job.model_copy(update=shown)


def episode_view(episode: Episode, files: list[str]) -> EpisodeView:
    return EpisodeView(**_episode_facts(episode), files=files)


def episode_details(
    episode: Episode, files: list[str], shelf: Path, paths: dict[str, list[str]]
) -> EpisodeDetails:
    return EpisodeDetails(
        **_episode_facts(episode),
        files=files,
        recording_path=episode.recording,
        sha256=episode.sha256,
        artefacts=episode.artefacts,
        shelf=str(shelf),
        paths=paths,
    )


def _episode_facts(episode: Episode) -> dict[str, Any]:
    facts = episode.model_dump(mode="json", exclude={"artefacts", "sha256", "recording"})
    return facts | {"recording": names_only(episode.recording)}


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
