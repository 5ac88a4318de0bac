"""What a job is asked to do, with everything that it will need: settings changed later do not touch it."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline import discover, plan, stages, whisper
from pipeline.candidates import CandidateOptions
from pipeline.clip_command import ClipOptions
from pipeline.enrich import EnrichOptions
from pipeline.model import AspectRatio, Rendition, StageName, Variant
from pipeline.spelling import is_misnamed, misnamed, spelled
from pipeline.transcribe import TranscribeOptions
from workbench.errors import BadSetting, NotAllowed, NotFound
from workbench.jobs import Episode, JobType, Request
from workbench.library import Library
from workbench.settings import Settings
from workbench.store import Store


class Wishes:
    """Requests as the settings of a library make them."""

    def __init__(self, settings: Settings, library: Library, store: Store) -> None:
        self._settings = settings
        self._library = library
        self._store = store

    def discover(self, paths: Sequence[Path | str] | None, then: StageName | None) -> Request:
        """Examine the recordings in `paths`, or in the inbox and the set folders; take them to `then`.

        Raises ModelMissing when they are to be processed and the speech model is not here.
        """
        given = [_absolute(path) for path in paths or ()]
        folders = [path for path in given if path.is_dir()]
        if paths is None:
            folders = [self._library.inbox, *self._settings.folders]
        found = discover.scan(folders, stable=self._settings.stable_seconds)
        files = [path for path in given if not path.is_dir() and not is_misnamed(path)]
        unusable = [spelled(path) for path in given if not path.is_dir() and is_misnamed(path)]
        ready, waiting = (
            [str(path) for path in group if not self._library.made(path)]
            for group in (found.ready, found.waiting)
        )
        params: dict[str, Any] = {
            "files": [*map(str, files), *ready],
            "waiting": waiting,
            "settle": min(self._settings.stable_seconds, discover.LONGEST_SETTLE),
            "closed": list(found.closed),
            "refused": [_refused(file) for file in (*unusable, *found.misnamed)],
        }
        if then:
            params["process"] = self._params(then)
        return Request(job_type=JobType.DISCOVER, episode_id=None, params=params)

    def process(
        self,
        episode_id: str,
        target_stage: StageName,
        *,
        force_reprocess: bool,
        model: str | None = None,
        language: str | None = None,
    ) -> Request:
        """Raises NotFound for an unknown episode, ModelMissing when the speech model is not here."""
        self._store.episode(episode_id)
        given = {name: value for name, value in (("model", model), ("language", language)) if value}
        settings = self._settings.model_copy(update=given)
        params = self._params(target_stage, settings=settings) | {"force_reprocess": force_reprocess}
        params |= self._revision(episode_id)
        return Request(job_type=JobType.PROCESS, episode_id=episode_id, params=params)

    def clips(
        self,
        episode_id: str,
        known: Collection[str],
        clip_ids: Sequence[str] | None,
        variants: Sequence[Variant] | None,
        aspect_ratios: Sequence[AspectRatio] | None,
    ) -> Request:
        """Raises NotFound for a clip that is none of the `known`."""
        for clip_id in clip_ids or ():
            if clip_id not in known:
                listed = ", ".join(sorted(known)) or "none yet"
                raise NotFound(f"episode {episode_id} has no clip {clip_id}; it has {listed}")
        params = self._params(StageName.CLIPPED, variants, aspect_ratios)
        if before := self._store.last_params(episode_id):
            params["options"] = before["options"] | {"clips": params["options"]["clips"]}
        params["clip_ids"] = list(clip_ids) if clip_ids else None
        params |= self._revision(episode_id)
        return Request(job_type=JobType.RENDER_CLIPS, episode_id=episode_id, params=params)

    def rebuild(self, episode_id: str) -> Request:
        """Make again what rests on texts and clips that people have changed since it was made.

        Raises NotFound for an unknown episode, NotAllowed when nothing was made of it yet.
        """
        episode, before = self._store.episode(episode_id), self._store.last_params(episode_id)
        if before is None or "page" not in episode.artefacts:
            raise NotAllowed(f"episode {episode_id} is not rendered yet: process it first")
        params = rebuilding(episode, before) | self._revision(episode_id)
        return Request(job_type=JobType.PROCESS, episode_id=episode_id, params=params)

    def _revision(self, episode_id: str) -> dict[str, Any]:
        """Tells apart what is asked for before and after a change."""
        revision = self._store.reviews.standing(episode_id).revision
        return {"revision": revision} if revision else {}

    def _params(
        self,
        target: StageName,
        variants: Sequence[Variant] | None = None,
        ratios: Sequence[AspectRatio] | None = None,
        settings: Settings | None = None,
    ) -> dict[str, Any]:
        renditions = [
            Rendition(variant=variant, aspect_ratio=ratio).model_dump(mode="json")
            for ratio in ratios or self._settings.aspect_ratios
            for variant in variants or self._settings.variants
        ]
        return {
            "target_stage": target,
            "force_reprocess": False,
            "options": options_of(settings or self._settings).model_dump(mode="json"),
            "renditions": renditions,
            "clip_ids": None,
        }


def clip_files(episode: Episode) -> list[str]:
    """ "<clip_id>/<rendition>" of each file that was rendered of the episode's clips."""
    return sorted(kind for kind in episode.artefacts if "/" in kind)


def rebuilding(episode: Episode, before: Mapping[str, Any]) -> dict[str, Any]:
    """What makes again all that there is of an episode, with the options of `before`, the last job.

    All files of its clips, whichever renditions the last job was asked for.
    """
    files = clip_files(episode)
    renditions = sorted({file.partition("/")[2] for file in files})
    return {
        **before,
        "target_stage": StageName.CLIPPED if files else StageName.RENDERED,
        "force_reprocess": False,
        "clip_ids": None,
        "clip_files": files,
        "renditions": [plan.rendition(name).model_dump(mode="json") for name in renditions],
    }


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


def _refused(file: str) -> dict[str, str]:
    return {"file": file, "reason": misnamed(file), "kind": "UnreadableMedia"}


def _absolute(path: Path | str) -> Path:
    """One name for one place, however it is written; links stay, since they may name the episode."""
    return Path(os.path.normpath(Path(path).expanduser().absolute()))
