"""What there is of an episode: its clip candidates, and the files rendered of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline import plan, stages
from pipeline.clip_review import ReviewedClip
from pipeline.model import Share, StageName
from workbench.errors import NotAllowed
from workbench.jobs import Clip, ClipFile, Episode
from workbench.library import Library
from workbench.store import Store
from workbench.work import artefact_files, wanted_of


def clips_of(episode: Episode, reviewed: Iterable[ReviewedClip]) -> list[Clip]:
    """An episode's clips as they were `reviewed`, each with the files rendered of it."""
    return [
        Clip(
            **each.clip.model_dump(exclude={"words"}),
            verdict=each.verdict,
            verdict_reason=each.reason,
            by_hand=each.by_hand,
            files=tuple(_clip_files(episode.artefacts, each.clip.clip_id)),
        )
        for each in reviewed
    ]


def playable(episode: Episode, shelf: Path) -> Path:
    """What browsers play of an episode: its recording, or the copy that was made for them, on its `shelf`."""
    copies = (shelf / f"{episode.episode_id}.web{suffix}" for suffix in (".mp4", ".m4a"))
    return next((copy for copy in copies if copy.is_file()), Path(episode.recording))


def choose_clips(episode: Episode, params: dict[str, Any], library: Library, store: Store) -> Episode:
    """The episode with its candidates chosen, as a job with `params` would choose them; takes no second.

    Raises NotAllowed when that job would have more to do before, or a job works on the episode meanwhile.
    """
    folder = episode.artefacts["source"]
    recording = plan.Recording(episode_id=episode.episode_id, source=stages.source(folder), folder=folder)
    reached = plan.plan(recording, wanted_of(params), library.find)
    if reached.stage is not StageName.CLIPPED:
        raise NotAllowed(
            f"episode {episode.episode_id} is not ready for clips: it has to be {reached.stage} first "
            f'(POST /async/episodes/{episode.episode_id}/process with {{"target_stage": "rendered"}})'
        )
    for task in reached.tasks:
        if task.step == "choose":
            attempt = library.new_attempt(task)
            stages.run(task, attempt, _ignore)
            library.publish(task, attempt)
    chosen = plan.plan(recording, wanted_of(params), library.find).artefacts["candidates"]
    return store.add_artefacts(episode, {"candidates": chosen.path})


def _ignore(share: Share) -> None:
    """It is done at once: nobody reads how far it is."""


def _clip_files(artefacts: dict[str, str], clip_id: str) -> list[ClipFile]:
    return [
        ClipFile(**plan.rendition(kind.partition("/")[2]).model_dump(), path=str(file))
        for kind, folder in artefacts.items()
        if kind.startswith(f"{clip_id}/")
        for file in artefact_files(folder)
    ]
