"""The one door: what REST, pages, the command line and notebooks call, and nothing behind it."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from pipeline import discover, plan, stages, whisper
from pipeline.candidates import CandidateOptions, read_candidates
from pipeline.clip_command import ClipOptions
from pipeline.enrich import EnrichOptions
from pipeline.model import AspectRatio, Rendition, Seconds, Share, StageName, Variant
from pipeline.task import key_of
from pipeline.transcribe import TranscribeOptions
from workbench.dispatcher import Dispatcher, Live
from workbench.errors import BadSetting, NotFound
from workbench.jobs import Clip, ClipFile, Episode, Job, JobType, Outcome, Status, new_job_id
from workbench.library import Library
from workbench.settings import Settings
from workbench.store import Store
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
        self._store = Store(self.library.database)
        self._dispatcher: Dispatcher | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs; unfinished jobs stay written down and can be resumed."""
        if self._dispatcher:
            self._dispatcher.close()
        self._store.requeue_running()
        self._store.close()

    def discover(self, paths: Sequence[Path | str] | None = None) -> Job:
        """Examine recordings: those in `paths` (files or folders), or in the inbox and the set folders.

        The job's result is {"episodes": [{episode_id, file, title, duration}], "skipped": [{file,
        reason, kind}], "waiting": [file]}; "waiting" are files that are still being written.
        """
        given = [_absolute(path) for path in paths or ()]
        folders = [path for path in given if path.is_dir()]
        if paths is None:
            folders = [self.library.inbox, *self.settings.folders]
        found = discover.scan(folders, stable=self.settings.stable_seconds)
        files = [path for path in given if not path.is_dir()]
        ready, waiting = (
            [str(path) for path in group if not self.library.made(path)]
            for group in (found.ready, found.waiting)
        )
        params = {
            "files": [*map(str, files), *ready],
            "waiting": waiting,
            "closed": list(found.closed),
        }
        return self._submit(JobType.DISCOVER, None, params)

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
        self._store.episode(episode_id)
        params = self._params(target_stage, self.settings.variants, self.settings.aspect_ratios)
        return self._submit(JobType.PROCESS, episode_id, params | {"force_reprocess": force_reprocess})

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
        known = {clip.clip_id for clip in self.clips(episode_id)}
        for clip_id in clip_ids or ():
            if clip_id not in known:
                listed = ", ".join(sorted(known)) or "none yet"
                raise NotFound(f"episode {episode_id} has no clip {clip_id}; it has {listed}")
        chosen = variants or self.settings.variants, aspect_ratios or self.settings.aspect_ratios
        params = self._params(StageName.CLIPPED, *chosen)
        if before := self._store.last_params(episode_id):
            params["options"] = before["options"] | {"clips": params["options"]["clips"]}
        params["clip_ids"] = list(clip_ids) if clip_ids else None
        return self._submit(JobType.RENDER_CLIPS, episode_id, params)

    def resume(self) -> list[Job]:
        """Take up every job that is not finished, the oldest first."""
        jobs = self._store.open_jobs()
        for job in jobs:
            self._dispatch().adopt(job)
        return jobs

    def jobs(self, status: Status | None = None, limit: int = 50) -> list[Job]:
        """The newest jobs first."""
        live = self._live()
        return [_as_live(job, live.get(job.job_id)) for job in self._store.jobs(status, limit)]

    def job(self, job_id: str) -> Job:
        """A job as it is at this moment. Raises NotFound."""
        live = self._live(job_id)  # before the row: so a job that ends meanwhile is seen to have ended
        return _as_live(self._store.job(job_id), live.get(job_id))

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
        self._dispatch().adopt(job)
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

    def _submit(self, job_type: JobType, episode_id: str | None, params: dict[str, Any]) -> Job:
        """Write the request down and start on it; the same open request is returned instead."""
        dedupe_key = key_of(job_type, episode_id, params)
        job = self._store.add_job(new_job_id(), job_type, episode_id, params, dedupe_key)
        self._dispatch().adopt(job)
        return job

    def _params(
        self, target: StageName, variants: Sequence[Variant], ratios: Sequence[AspectRatio]
    ) -> dict[str, Any]:
        renditions = [
            Rendition(variant=variant, aspect_ratio=ratio).model_dump(mode="json")
            for ratio in ratios
            for variant in variants
        ]
        return {
            "target_stage": target,
            "force_reprocess": False,
            "options": options_of(self.settings).model_dump(mode="json"),
            "renditions": renditions,
            "clip_ids": None,
        }

    def _live(self, job_id: str | None = None) -> dict[str, Live]:
        return self._dispatcher.live(job_id) if self._dispatcher else {}

    def _dispatch(self) -> Dispatcher:
        """The dispatcher; the first call makes this process the one that works on the library."""
        with self._lock:
            if not self._dispatcher:
                self.library.sweep()
                self._store.requeue_running()
                settings = self.settings
                self._dispatcher = Dispatcher(
                    self._store, self.library, self._connect, settings.threads, settings.llm_api_key
                )
            return self._dispatcher

    def _connect(
        self, on_progress: Callable[[str, Share], None], on_end: Callable[[Outcome], None]
    ) -> "Cluster":
        from workbench import runner  # Dask takes half a second to load, and many commands need none

        settings = self.settings
        environment = {"IMAGEIO_FFMPEG_EXE": str(settings.ffmpeg)} if settings.ffmpeg else {}
        return runner.connect(settings.scheduler, settings.worker_count, environment, on_progress, on_end)


def options_of(settings: Settings) -> stages.Options:
    """What the settings say of an episode's processing; the speech model by the name it has here.

    Raises ModelMissing when it is not on this machine, BadSetting when settings contradict each other.
    """
    model = whisper.resolve(settings.model)
    try:
        return stages.Options(
            transcribe=TranscribeOptions(
                model=model, language=settings.language, vocabulary=settings.vocabulary
            ),
            enrich=EnrichOptions(
                base_url=settings.llm_base_url,
                model=settings.llm_model,
                context_tokens=settings.llm_context_tokens,
                timeout=settings.llm_timeout_seconds,
            ),
            candidates=CandidateOptions(
                count=settings.clip_count,
                shortest=settings.clip_min_seconds,
                longest=settings.clip_max_seconds,
            ),
            clips=ClipOptions(loudness=settings.loudness),
        )
    except ValidationError as error:
        raise BadSetting(f"these settings do not go together: {error.errors()[0]['msg']}") from error


def _as_live(job: Job, live: Live | None) -> Job:
    if not live or job.ended:
        return job
    return job.model_copy(
        update={
            "progress": live.progress,
            "current_stage": live.stage,
            "message": live.message,
            "eta_seconds": live.eta_seconds,
        }
    )


def _absolute(path: Path | str) -> Path:
    """One name for one place, however it is written; links stay, since they may name the episode."""
    return Path(os.path.normpath(Path(path).expanduser().absolute()))


def _clip_files(artefacts: dict[str, str], clip_id: str) -> list[ClipFile]:
    return [
        ClipFile(**plan.rendition(kind.partition("/")[2]).model_dump(), path=str(file))
        for kind, folder in artefacts.items()
        if kind.startswith(f"{clip_id}/")
        for file in artefact_files(folder)
    ]
