"""The one door: what REST, pages, the command line and notebooks call, and nothing behind it."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from pipeline.model import AspectRatio, Seconds, StageName, Variant
from workbench import notices
from workbench.access import Keys
from workbench.addresses import checked
from workbench.catalogue import choose_clips, clips_of, playable
from workbench.changes import Changes
from workbench.cluster import cluster_of
from workbench.dispatcher import Dispatcher
from workbench.editing import Editing
from workbench.errors import LibraryBroken, NotAllowed, NotFound
from workbench.insight import Insight
from workbench.jobs import Answering, CleanUp, Clip, Episode, Job, Request, Status, Submitted, now
from workbench.key_table import KeyTable
from workbench.library import Library
from workbench.outbox import Outbox
from workbench.routine import Routine
from workbench.rules import rules_of
from workbench.search import Search
from workbench.settings import Settings
from workbench.store import Store
from workbench.timetable import Timetable
from workbench.upkeep import Upkeep
from workbench.waiting import until_ended
from workbench.webhook import signing_secret
from workbench.wishes import Wishes
from workbench.work import artefact_files


class Workbench:
    """A library, its jobs, and the cluster that works on them once a job is asked for."""

    detached = False
    """Whether the jobs go on when this process ends."""

    def __init__(self, settings: Settings) -> None:
        """Open the library; nothing runs until it is asked for.

        Raises LibraryBusy when another process has it open, LibraryBroken when it cannot be used.
        """
        self.settings = settings
        self.library = Library(settings.library)
        self._rules = rules_of(settings)
        self._store = Store(self.library.database, lambda job: notices.notices(job, settings))
        self.timetable = Timetable(settings, self._rules, self._store.database)
        self._wishes = Wishes(settings, self.library, self._store)
        self.changes = Changes()
        self.insight = Insight(self._store.database)
        self.editing = Editing(self._store, self.library, lambda: self.slots or settings.worker_count)
        told = (self.changes.listen, self.editing.listen)
        self.search = Search(self._store.database, lambda name: self.editing.texts(name).transcript, told)
        self.keys = Keys(KeyTable(self._store.database), self.library.secret("sessions"))
        secret = signing_secret(settings.webhook_secret, self.library.secret("webhooks"))
        self.outbox = Outbox(self._store.database, settings, secret)
        keep = timedelta(days=settings.keep_days)
        self._upkeep = Upkeep(self._store, self.library, keep, lambda do: self._dispatch().quietly(do))
        self._dispatcher: Dispatcher | None = None
        self._routine: Routine | None = None
        self._serves = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs; unfinished jobs stay written down and can be resumed."""
        if self._routine:
            self._routine.close()
        self.search.close()
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
        model: str | None = None,
        language: str | None = None,
    ) -> Job:
        """Take an episode as far as `target_stage`; what is finished and current is not done again.

        `model` and `language` are the settings' unless given. Raises NotFound, or ModelMissing.
        """
        request = self.process_request(
            episode_id, target_stage, force_reprocess=force_reprocess, model=model, language=language
        )
        return self._ask(request)

    def process_request(
        self,
        episode_id: str,
        target_stage: StageName,
        *,
        force_reprocess: bool = False,
        model: str | None = None,
        language: str | None = None,
    ) -> Request:
        """What `process` asks for; the speech model and the language are the settings' unless given."""
        return self._wishes.process(
            episode_id, target_stage, force_reprocess=force_reprocess, model=model, language=language
        )

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

    def rebuild(self, episode_id: str) -> Job:
        """Make again what rests on what people changed; raises as `rebuild_request` does."""
        return self._ask(self.rebuild_request(episode_id))

    def rebuild_request(self, episode_id: str) -> Request:
        """What `rebuild` asks for. Raises NotFound, or NotAllowed when nothing was made yet."""
        return self._wishes.rebuild(episode_id)

    def retry(self, job_id: str) -> Job:
        """Ask once more for what a failed or cancelled job was asked for; raises as `retry_request` does."""
        return self._ask(self.retry_request(job_id))

    def retry_request(self, job_id: str) -> Request:
        """The request of a job that has failed or was cancelled, once more.

        Raises NotFound, or NotAllowed when there is nothing to retry.
        """
        job = self._store.job(job_id)
        if job.status not in (Status.FAILED, Status.CANCELLED):
            raise NotAllowed(f"job {job_id} is {job.status}: only a failed or cancelled one can be retried")
        facts = job.model_dump(include={"job_type", "episode_id", "params", "priority", "webhook_url"})
        if job.depends_on in {each.job_id for each in self._store.open_jobs()}:
            facts["depends_on"] = job.depends_on  # one that has ended holds nothing up
        since = job.params.get("made_since") or job.created_at.isoformat()
        return Request.model_validate(facts | {"params": job.params | {"made_since": since}})

    def serve(self) -> None:
        """From now on do by itself what is open, what is to be told, and what schedules ask for.

        Raises BadSetting when a schedule cannot be read.
        """
        self.timetable.schedules()
        self._serves = True
        self.outbox.start()
        self.search.start()
        self._dispatch()
        self.resume()
        self._routine = Routine(
            self._store.database,
            self.timetable.schedules,
            self._rules.zone,
            lambda stage: self._ask(self.discover_request(then=stage)),
            self._upkeep.by_itself,
        )

    @property
    def running(self) -> int:
        """How many tasks run now."""
        return self._dispatcher.running if self._dispatcher else 0

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

    def audited(self, limit: int) -> list[dict[str, Any]]:
        """Who did what, the latest first: {at_utc, who, action, what}."""
        return self._store.database.read("audit", {"limit": limit})

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

    def jobs(
        self, status: Status | None = None, limit: int = 50, before: str | None = None, text: str = ""
    ) -> list[Job]:
        """The newest jobs first, those older than the job `before`, with `text` in what is known of them."""
        return [self._live(job) for job in self._store.jobs(status, limit, before, text)]

    def jobs_with(self, job_ids: Sequence[str]) -> list[Job]:
        """Those jobs as they are at this moment, in that order. Raises NotFound."""
        return [self.job(job_id) for job_id in job_ids]

    def job(self, job_id: str) -> Job:
        """A job as it is at this moment. Raises NotFound."""
        return self._live(self._store.job(job_id))

    def job_at_hand(self, job_id: str) -> Job | None:
        """A job as it is at this moment, if that can be told from memory, in microseconds."""
        return self._live(job) if (job := self._store.remembered(job_id)) else None

    def log(self, job_id: str) -> list[dict[str, Any]]:
        """What happened to a job, oldest first: {at_utc, kind, body}. Raises NotFound."""
        self._store.job(job_id)
        return self._store.log_of(job_id)

    def cancel(self, job_id: str, timeout: Seconds | None = None) -> Job:
        """Stop a job and wait for that, `timeout` seconds at the most; raises NotFound."""
        job = self._store.job(job_id)
        if job.ended:
            return job
        self._dispatch().cancel(job_id, "cancelled")
        return self.wait(job_id, timeout, bar=False)

    def wait(self, job_id: str, timeout: Seconds | None = None, *, bar: bool = True) -> Job:
        """The job once it has ended, or as it is after `timeout` seconds.

        With `bar` its progress is shown meanwhile, in terminals and notebooks. A job that an earlier
        process left open is taken up. Raises NotFound, or LibraryBroken when no job can go on.
        """
        job = self._store.job(job_id)
        if not job.ended:
            self._adopt(job)

        def look(most: Seconds) -> Job:
            return job if job.ended else self._dispatch().wait(lambda: self.job(job_id), most)

        return until_ended(look, timeout, bar=bar)

    def episodes(self, limit: int | None = None, before: str | None = None, text: str = "") -> list[Episode]:
        """The newest first, older than the episode `before`, `text` in their titles. Raises NotFound."""
        return self._store.episodes(limit, before, text)

    def episode(self, episode_id: str) -> Episode:
        """Raises NotFound."""
        return self._store.episode(episode_id)

    def clips(self, episode_id: str) -> list[Clip]:
        """An episode's clip candidates, the best first, each with the files rendered of it."""
        return clips_of(self.episode(episode_id), self.editing.clips(episode_id))

    def discover_clips(self, episode_id: str) -> list[Clip]:
        """An episode's clip candidates; they are chosen now if there are none.

        Raises NotFound, or NotAllowed when the episode is not rendered.
        """
        episode = self.episode(episode_id)
        if "candidates" not in episode.artefacts:
            params = self._wishes.clips(episode_id, (), None, None, None).params
            episode = choose_clips(episode, params, self.library, self._store)
        return clips_of(episode, self.editing.clips(episode_id))

    def clean_up(self, *, dry_run: bool = True) -> CleanUp:
        """Remove, or only name, jobs and unneeded artefacts that are older than the setting `keep_days`.

        Raises NotAllowed when artefacts would go while a job runs.
        """
        return self._upkeep.clean_up(dry_run=dry_run)

    def shelf(self, episode_id: str) -> Path:
        """The folder with an episode's current results under readable names."""
        return self.library.shelf(self.episode(episode_id).episode_id)

    def playable(self, episode_id: str) -> Path:
        """What browsers play of an episode: its recording, or the copy that was made for them."""
        return playable(self.episode(episode_id), self.shelf(episode_id))

    def files(self, episode_id: str) -> dict[str, list[str]]:
        """Kind of artefact → paths of its files, for every current artefact of an episode."""
        artefacts = self.episode(episode_id).artefacts
        return {kind: [str(file) for file in artefact_files(folder)] for kind, folder in artefacts.items()}

    def submit(
        self, requests: Sequence[Request], answering: Answering | None = None, who: str | None = None
    ) -> list[Submitted]:
        """Write all requests down, or none, and start on them; open ones are answered with their jobs.

        Raises KeyReused when the caller's key came with another body before, NotFound for an unknown
        dependency. `who` asks for them, for the audit.
        """
        made = self._store.submit(requests, answering, who)
        for each in made:
            if not each.job.ended:
                self._adopt(each.job)
        return made

    def answered(self, answering: Answering) -> list[Submitted] | None:
        """The jobs that the caller's key was answered with before; None for a new key.

        Raises KeyReused when it came with another body, NotAllowed when a job of then was cleaned up.
        """
        return self._store.answered(answering)

    def _ended(self, job: Job) -> None:
        self.changes.add(job)
        if job.ended and (job.webhook_url or self.settings.mail_to):
            self.outbox.look_now()

    def _ask(self, request: Request) -> Job:
        return self.submit([request])[0].job

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
                self._store.recent.added(self._store.open_jobs())  # taken up without a look at each
                join = self.insight.seeing(cluster_of(self.settings, patient=self._serves))
                key = self.settings.llm_api_key
                self._dispatcher = Dispatcher(self._store, self.library, join, self._rules, key, self._ended)
            return self._dispatcher
