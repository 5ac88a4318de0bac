"""What a job, an episode and a clip are to the outside: frozen, the same in Python and as JSON."""

import secrets
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.edits import Verdict
from pipeline.model import AspectRatio, Frozen, Seconds, Span, StageName, Variant
from workbench import display

type Percent = Annotated[float, Field(ge=0, le=100)]


class Status(StrEnum):
    """Where a job stands."""

    #: accepted and written down; nothing of it runs
    QUEUED = "queued"
    #: its tasks are being run
    RUNNING = "running"
    #: it has reached its target
    COMPLETED = "completed"
    #: it cannot reach its target; `failure` says why
    FAILED = "failed"
    #: somebody stopped it
    CANCELLED = "cancelled"


OPEN = (Status.QUEUED, Status.RUNNING)


class JobType(StrEnum):
    """What a job was asked to do."""

    DISCOVER = "discover_episodes"
    PROCESS = "process_episode"
    RENDER_CLIPS = "render_clips"


class Failure(Frozen):
    """Why a job failed: a sentence for a person, and what a program can tell apart."""

    reason: str
    """One sentence: which file or field, what is wrong, what to do."""
    kind: str
    """Name of the error's class, such as "UnreadableMedia"."""
    stage: StageName | None = None
    transient: bool = False
    """Whether the same request may well succeed later."""


class Job(Frozen):
    """One request and how far it is. Times are UTC."""

    job_id: str
    job_type: JobType
    episode_id: str | None
    status: Status
    progress: Percent = 0.0
    """Never goes back."""
    current_stage: StageName | None = None
    message: str = ""
    waits_for: str | None = None
    """Why nothing of it runs, in words; null while something does."""
    eta_seconds: Seconds | None = None
    """Time left, the wait included, as likely too long as too short; null until it can be told honestly."""
    eta_p90_seconds: Seconds | None = None
    """Time left that is enough nine times out of ten."""
    priority: int = 0
    """Of jobs that wait, the one with the highest starts first."""
    depends_on: str | None = None
    """The job that has to be completed before this one starts."""
    webhook_url: str | None = None
    """Who is told of its end."""
    requested_by: str | None = None
    """Name of whoever asked for it; null for this machine's command line."""
    params: dict[str, Any] = Field(default_factory=dict)
    result: dict[str, Any] | None = None
    failure: Failure | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.status not in OPEN

    def _repr_html_(self) -> str:
        return display.job(self)


class Request(Frozen):
    """A job that is asked for. The same request that is still open is not worked on twice."""

    job_type: JobType
    episode_id: str | None
    params: dict[str, Any]
    priority: int = 0
    depends_on: str | int | None = None
    """A job's id, or the index of an earlier request of the same batch."""
    webhook_url: str | None = None
    requested_by: str | None = None


class Submitted(Frozen):
    """What became of a request: a new job, or the one that was open or answered already."""

    job: Job
    deduplicated: bool = False


class Answering(Frozen):
    """A caller's own key for a request: sent again with the same body, it gets the same jobs again."""

    caller: str
    request_key: str
    body_hash: str


class Delivery(Frozen):
    """Something that has to be told to somebody. Times are UTC."""

    delivery_id: str
    """Goes out as `webhook-id`: the same for every try."""
    job_id: str | None
    kind: Literal["webhook", "mail"]
    target: str
    """The address as it was given."""
    body: str
    state: Literal["pending", "delivered", "dead"] = "pending"
    tries: int = 0
    next_at: datetime
    last_status: int | None = None
    last_reason: str | None = None
    created_at: datetime
    ended_at: datetime | None = None


UNWANTED = ".unwanted"
"""Lies in an attempt's folder that could not be removed, such as one with an open file on Windows."""
CLAIMED = ".claimed"
"""An empty folder in an attempt's, from when a worker begins it until its result is in the library."""
LOST = "Lost"
"""Kind of an outcome whose worker was lost: it may be the task that ended it, by the memory that it took."""
UNREACHED = "Unreached"
"""Kind of an outcome that says nothing of the task: its scheduler was lost."""


class Outcome(Frozen):
    """How an attempt at a task ended: `failure` is None when its results are in its folder."""

    attempt: str
    """Name of the attempt's folder."""
    failure: str | None = None
    """One sentence for a person."""
    kind: str = ""
    """The error's class; "Lost" when the worker died, "Cancelled" when nobody wanted the result."""
    transient: bool = False
    """Whether another attempt may well succeed."""
    details: str = ""
    """The traceback of an error that nobody foresaw."""


class Duration(Frozen):
    """For how long a task kept its worker."""

    job_id: str
    stage: StageName
    step: str
    model: str
    """The speech or language model that it used, if any."""
    workers: int
    """How many there were."""
    usual_seconds: Seconds
    """What it would have taken on a usual machine."""
    wall_seconds: Seconds


class ClipFile(Frozen):
    """One rendered file of a clip."""

    variant: Variant
    aspect_ratio: AspectRatio
    path: str


class Clip(Frozen):
    """A candidate, with the files that were rendered of it."""

    clip_id: str
    title: str
    span: Span
    score: float
    score_parts: dict[str, float]
    reasons: tuple[str, ...]
    verdict: Verdict = "proposed"
    """What a person has decided: a clip that is rejected is rendered only when it is asked for by name."""
    verdict_reason: str = ""
    by_hand: bool = False
    files: tuple[ClipFile, ...]

    def _repr_html_(self) -> str:
        return display.clip(self)


class Episode(Frozen):
    """One recording and what there is of it. Times are UTC."""

    episode_id: str
    title: str
    stage: StageName
    duration: Seconds
    recording: str
    """Path of the source file."""
    sha256: str
    artefacts: dict[str, str] = Field(default_factory=dict)
    """Kind → folder of the current artefact."""
    created_at: datetime
    updated_at: datetime

    def _repr_html_(self) -> str:
        return display.episode(self)


class Unused(Frozen):
    """A finished artefact that no episode needs any more."""

    path: str
    """Below the library."""
    bytes: int


class CleanUp(Frozen):
    """What was removed, or would be."""

    jobs: int
    """How many ended jobs, with their logs and messages."""
    artefacts: tuple[Unused, ...]
    bytes: int


def new_job_id() -> str:
    """A job id that sorts by the time it was made: milliseconds, then chance, in hexadecimal."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)
