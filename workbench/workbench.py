"""The one door: what REST, pages, the command line and notebooks call, and nothing behind it."""

import base64
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline import plan
from pipeline.candidates import read_candidates
from pipeline.model import AspectRatio, Seconds, Share, StageName, Variant
from workbench import calendar, notices
from workbench.access import Keys
from workbench.addresses import checked
from workbench.calendar import Schedule
from workbench.changes import Changes
from workbench.dispatcher import Dispatcher
from workbench.errors import BadSetting, LibraryBroken, NotAllowed, NotFound
from workbench.jobs import (
    Answering,
    Clip,
    ClipFile,
    Episode,
    Job,
    Outcome,
    Request,
    Status,
    Submitted,
    now,
)
from workbench.key_table import KeyTable
from workbench.library import Library
from workbench.outbox import Outbox
from workbench.routine import Routine
from workbench.rules import Rules
from workbench.settings import Settings
from workbench.store import Store
from workbench.webhook import check_secret
from workbench.wishes import Wishes
from workbench.work import artefact_files

if TYPE_CHECKING:
    from workbench.runner import Cluster


class Workbench:
    """A library, its jobs, and the cluster that works on them once a job is asked for."""

    def __init__(self, settings: Settings) -> None:
        """Open the library; nothing runs until it is asked for.

        Raises LibraryBusy when another process has it open, LibraryBroken when it cannot be used.
        """
        self.settings = settings
        self.library = Library(settings.library)
        self._rules = rules_of(settings)
        self._store = Store(self.library.database, lambda job: notices.notices(job, settings))
        self._wishes = Wishes(settings, self.library, self._store)
        self.changes = Changes()
        self.keys = Keys(KeyTable(self._store.database), self.library.secret("sessions"))
        self.outbox = Outbox(self._store.database, settings, self._webhook_secret(), self.job)
        self._dispatcher: Dispatcher | None = None
        self._routine: Routine | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs; unfinished jobs stay written down and can be resumed."""
        if self._routine:
            self._routine.close()
        self.outbox.close()
        if self._dispatcher:
            self._dispatcher.close()
        self._store.requeue_running()
        self._store.close()

    def discover(self, paths: Sequence[Path | str] | None = None) -> Job:
        """Examine recordings: those in `paths` (files or folders), or in the inbox and the set folders.

        The job's result is {"episodes": [{episode_id, file, title, duration}], "skipped": [{file,
        reason, kind}], "waiting": [file]}; "waiting" are files that are still being written.
        """
        return self._ask(self.discover_request(paths))

    def discover_request(
        self, paths: Sequence[Path | str] | None = None, then: StageName | None = None
    ) -> Request:
        """What `discover` asks for; what is found is taken to the stage `then`."""
        return self._wishes.discover(paths, then)

    def process(
        self,
        episode_id: str,
        *,
        target_stage: StageName = StageName.CLIPPED,
        force_reprocess: bool = False,
    ) -> Job:
        """Take an episode as far as `target_stage`; what is finished and current is not done again.

        Raises NotFound for an unknown episode, ModelMissing when the speech model is not here.
        """
        return self._ask(self.process_request(episode_id, target_stage, force_reprocess=force_reprocess))

    def process_request(
        self, episode_id: str, target_stage: StageName, *, force_reprocess: bool = False
    ) -> Request:
        """What `process` asks for."""
        return self._wishes.process(episode_id, target_stage, force_reprocess=force_reprocess)

    def render_clips(
        self,
        episode_id: str,
        *,
        clip_ids: Sequence[str] | None = None,
        variants: Sequence[Variant] | None = None,
        aspect_ratios: Sequence[AspectRatio] | None = None,
    ) -> Job:
        """Render some or all candidates of an episode, in the variants and ratios asked for.

        What comes before the clips stays as it was last made: other settings for the transcript or the
        enrichment are `process`'s to apply. Raises NotFound for an unknown episode or clip.
        """
        return self._ask(self.clips_request(episode_id, clip_ids, variants, aspect_ratios))

    def clips_request(
        self,
        episode_id: str,
        clip_ids: Sequence[str] | None = None,
        variants: Sequence[Variant] | None = None,
        aspect_ratios: Sequence[AspectRatio] | None = None,
    ) -> Request:
        """What `render_clips` asks for."""
        known = [clip.clip_id for clip in self.clips(episode_id)]
        return self._wishes.clips(episode_id, known, clip_ids, variants, aspect_ratios)

    def retry_request(self, job_id: str) -> Request:
        """The request of a job that has failed or was cancelled, once more.

        Raises NotFound, or NotAllowed when there is nothing to retry.
        """
        job = self._store.job(job_id)
        if job.status not in (Status.FAILED, Status.CANCELLED):
            raise NotAllowed(f"job {job_id} is {job.status}: only a failed or cancelled one can be retried")
        facts = job.model_dump(include={"job_type", "episode_id", "params", "priority", "webhook_url"})
        since = job.params.get("made_since") or job.created_at.isoformat()
        return Request.model_validate(facts | {"params": job.params | {"made_since": since}})

    def serve(self) -> None:
        """From now on do by itself what is open, what is to be told, and what schedules ask for.

        Raises BadSetting when a schedule cannot be read.
        """
        schedules = [Schedule.parse(text) for text in self.settings.schedules]
        self.outbox.start()
        self._dispatch()
        self.resume()
        keep = timedelta(days=self.settings.keep_days)
        self._routine = Routine(
            self._store.database,
            schedules,
            self._rules.zone,
            keep,
            lambda stage: self._ask(self.discover_request(then=stage)),
        )

    @property
    def slots(self) -> int:
        """How many tasks can run at once; 0 while no cluster was needed."""
        return self._dispatcher.slots if self._dispatcher else 0

    def pause(self) -> str | None:
        """Why nothing may start at this moment, in words; None when it may."""
        return self._rules.pause()

    def open_jobs(self) -> list[Job]:
        """Those that have not ended, the oldest first."""
        return [self._live(job) for job in self._store.open_jobs()]

    def counts(self) -> dict[Status, tuple[int, datetime]]:
        """How many jobs have each status, and when the oldest of them was asked for."""
        return self._store.counts()

    def check_webhook(self, url: str) -> None:
        """Raises BadAddress when webhooks may not go there, with what would have to be set."""
        checked(url, self.settings.webhook_allow)

    def audit(self, who: str, action: str, what: str) -> None:
        """Write down who did what."""
        row = {"at": now(), "who": who, "action": action, "what": what}
        self._store.database.write(lambda query: query("add_audit", row))

    def probe(self) -> None:
        """Write and read: raises LibraryBroken, or the database's own error, when that cannot be done."""
        if self._dispatcher and (broken := self._dispatcher.broken):
            raise LibraryBroken(f"no job can go on: {broken}; put that right and start the server again")
        self._store.database.write(lambda query: query("save_schedule_run", {"schedule": "", "at": now()}))

    def resume(self) -> list[Job]:
        """Take up every job that is not finished, the oldest first."""
        jobs = self._store.open_jobs()
        for job in jobs:
            self._adopt(job)
        return jobs

    def jobs(self, status: Status | None = None, limit: int = 50, before: str | None = None) -> list[Job]:
        """The newest jobs first, those older than the job `before`."""
        return [self._live(job) for job in self._store.jobs(status, limit, before)]

    def job(self, job_id: str) -> Job:
        """A job as it is at this moment. Raises NotFound."""
        return self._live(self._store.job(job_id))

    def log(self, job_id: str) -> list[dict[str, Any]]:
        """What happened to a job, oldest first: {at_utc, kind, body}. Raises NotFound."""
        self._store.job(job_id)
        return self._store.log_of(job_id)

    def cancel(self, job_id: str) -> Job:
        """Stop a job; one that has ended stays as it is. Raises NotFound."""
        job = self._store.job(job_id)
        if job.ended:
            return job
        self._dispatch().cancel(job_id, "cancelled")
        return self.wait(job_id)

    def wait(self, job_id: str, timeout: Seconds | None = None) -> Job:
        """The job once it has ended, or as it is after `timeout` seconds.

        A job that an earlier process left open is taken up. Raises NotFound, or LibraryBroken when no
        job can go on.
        """
        job = self._store.job(job_id)
        if job.ended:
            return job
        self._adopt(job)
        return self._dispatch().wait(lambda: self.job(job_id), timeout)

    def episodes(self) -> list[Episode]:
        """The newest first."""
        return self._store.episodes()

    def episode(self, episode_id: str) -> Episode:
        """Raises NotFound."""
        return self._store.episode(episode_id)

    def clips(self, episode_id: str) -> list[Clip]:
        """An episode's clip candidates, the best first, each with the files rendered of it."""
        artefacts = self.episode(episode_id).artefacts
        if "candidates" not in artefacts:
            return []
        return [
            Clip(
                **candidate.model_dump(exclude={"words"}),
                files=tuple(_clip_files(artefacts, candidate.clip_id)),
            )
            for candidate in read_candidates(Path(artefacts["candidates"]))
        ]

    def shelf(self, episode_id: str) -> Path:
        """The folder with an episode's current results under readable names."""
        return self.library.shelf(self.episode(episode_id).episode_id)

    def files(self, episode_id: str) -> dict[str, list[str]]:
        """Kind of artefact → paths of its files, for every current artefact of an episode."""
        artefacts = self.episode(episode_id).artefacts
        return {kind: [str(file) for file in artefact_files(folder)] for kind, folder in artefacts.items()}

    def submit(self, requests: Sequence[Request], answering: Answering | None = None) -> list[Submitted]:
        """Write all requests down, or none, and start on them; open ones are answered with their jobs.

        Raises KeyReused when the caller's key came with another body before, NotFound for an unknown
        dependency.
        """
        made = self._store.submit(requests, answering)
        for each in made:
            if not each.job.ended:
                self._adopt(each.job)
        return made

    def _webhook_secret(self) -> str:
        if self.settings.webhook_secret:
            check_secret(self.settings.webhook_secret)
            return self.settings.webhook_secret
        return f"whsec_{base64.b64encode(self.library.secret('webhooks')).decode()}"

    def _ended(self, job: Job) -> None:
        self.changes.add(job)
        if job.ended:
            self.outbox.look_now()

    def _ask(self, request: Request) -> Job:
        (made,) = self.submit([request])
        return made.job

    def _adopt(self, job: Job) -> None:
        """Work on a job, and first on the open ones that it depends on."""
        line = [job]
        with suppress(NotFound):  # one that ended so long ago that it was cleaned up
            while line[-1].depends_on:
                before = self._store.job(line[-1].depends_on)
                if before.ended:
                    break
                line.append(before)
        for each in reversed(line):
            self._dispatch().adopt(each)

    def _live(self, job: Job) -> Job:
        """A job as it looks now; one that has ended in the meantime is read again."""
        if job.ended or not self._dispatcher:
            return job
        live = self._dispatcher.live(job)
        return live if live is not job else self._store.job(job.job_id)

    def _dispatch(self) -> Dispatcher:
        """The dispatcher; the first call makes this process the one that works on the library."""
        with self._lock:
            if not self._dispatcher:
                self.library.sweep()
                self._store.requeue_running()
                self._dispatcher = Dispatcher(
                    self._store,
                    self.library,
                    self._connect,
                    self._rules,
                    self.settings.llm_api_key,
                    self._ended,
                )
            return self._dispatcher

    def _connect(
        self, on_progress: Callable[[str, Share], None], on_end: Callable[[Outcome], None]
    ) -> "Cluster":
        from workbench import runner  # Dask takes half a second to load, and many commands need none

        settings = self.settings
        environment = {"IMAGEIO_FFMPEG_EXE": str(settings.ffmpeg)} if settings.ffmpeg else {}
        return runner.connect(settings.scheduler, settings.worker_count, environment, on_progress, on_end)


def rules_of(settings: Settings) -> Rules:
    """What the settings say of when and how much may run. Raises BadSetting."""
    try:
        zone = ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadSetting(
            f"setting `timezone`: there is no {settings.timezone!r}; write one such as Europe/Berlin"
        ) from error
    return Rules(
        settings.library,
        parallel=settings.parallel_episodes,
        limits=dict(_limit(text) for text in settings.stage_limits),
        windows=calendar.windows(settings.maintenance_windows),
        zone=zone,
        min_free=int(settings.min_free_gb * 2**30),
        timeout=settings.job_timeout_minutes * 60 or None,
        threads=settings.threads,
    )


def _limit(text: str) -> tuple[StageName, int]:
    stage, _, count = text.partition("=")
    if stage not in list(StageName) or not count.isdecimal() or not int(count):
        raise BadSetting(f"setting `stage_limits` cannot be {text!r}: write it as transcribed=1,clipped=2")
    return StageName(stage), int(count)


def _clip_files(artefacts: dict[str, str], clip_id: str) -> list[ClipFile]:
    return [
        ClipFile(**plan.rendition(kind.partition("/")[2]).model_dump(), path=str(file))
        for kind, folder in artefacts.items()
        if kind.startswith(f"{clip_id}/")
        for file in artefact_files(folder)
    ]
