"""Reviewing an episode: its texts and clips as people have changed them, and what that makes anew."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from pipeline import clip_review, edits, manifest, plan, stages
from pipeline.candidates import read_candidates
from pipeline.clip_review import ReviewedClip, withdrawn
from pipeline.edits import Edit, ReviewClip
from pipeline.model import Seconds, StageName
from pipeline.task import Task
from workbench.access import ANYONE
from workbench.errors import NotAllowed
from workbench.forecast import Pace, Phase, usual_of
from workbench.jobs import Episode
from workbench.library import Library
from workbench.reviewed import Rebuild, Review, Standing, State, Texts, new_edit_id
from workbench.store import Store
from workbench.wishes import clip_files, rebuilding
from workbench.work import phases_for, wanted_of


class Editing:
    """The reviews of a library's episodes, held against what there is of them."""

    def __init__(self, store: Store, library: Library, slots: Callable[[], int]) -> None:
        """`slots` tells how many tasks run at once, for estimates."""
        self._store, self._library, self._slots = store, library, slots
        self._reviews = store.reviews
        self.listen = store.reviews.listen
        """Have something called after each change, from any thread; returns how to stop that."""
        self.wake = store.reviews.wake
        """Have all who listen look again."""

    def standing(self, episode_id: str) -> Standing:
        """How far people are with an episode, without its edits and without a look into the database."""
        return self._reviews.standing(episode_id)

    def review(self, episode_id: str) -> Review:
        """How far people are with an episode, and all they have changed. Raises NotFound."""
        return self._reviews.review(self._store.episode(episode_id).episode_id)

    def edit(
        self, episode_id: str, edit: Edit, *, edit_id: str | None = None, who: str = ANYONE.label
    ) -> Review:
        """Keep an edit of an episode, in the name of `who`; an id again is the same edit as it is now.

        Raises NotFound for an unknown episode; NotAllowed when it has no transcript yet, the id is another
        person's, or the edit counts words or claims, or names a clip, that the episode does not have.
        """
        episode = self._store.episode(episode_id)
        heard = self._heard(episode)
        wrong = edits.fault(edit, heard.transcript, heard.enrichment) or self._clip_fault(edit, episode_id)
        if wrong:
            raise NotAllowed(f"this edit of episode {episode_id} cannot be made: {wrong}")
        keys = (_digest(episode, "transcript"), _digest(episode, "enrichment"))
        base = edits.base_of(edit, *keys)
        return self._titled(episode, self._reviews.put(episode_id, edit_id or new_edit_id(), edit, base, who))

    def undo(self, episode_id: str, who: str = ANYONE.label) -> Review:
        """Take back the last edit that `who` made. Raises NotFound, or NotAllowed when there is none."""
        return self._titled(self._store.episode(episode_id), self._reviews.undo(episode_id, who))

    def redo(self, episode_id: str, who: str = ANYONE.label) -> Review:
        """Make again what `who` took back last. Raises NotFound, or NotAllowed when there is nothing."""
        return self._titled(self._store.episode(episode_id), self._reviews.redo(episode_id, who))

    def move(self, episode_id: str, state: State, who: str = ANYONE.label) -> Review:
        """Say how far people are with an episode. Raises NotFound."""
        return self._reviews.move(self._store.episode(episode_id).episode_id, state, who)

    def heard_file(self, episode_id: str) -> Path:
        """The transcript as the machine made it. Raises NotFound, or NotAllowed when there is none yet."""
        return Path(self._transcribed(self._store.episode(episode_id))) / "transcript.json"

    def heard(self, episode_id: str) -> Texts:
        """The texts as the machine made them. Raises NotFound, or NotAllowed when there are none yet."""
        return self._heard(self._store.episode(episode_id))

    def texts(self, episode_id: str) -> Texts:
        """The texts with what people have changed. Raises as `heard` does."""
        episode = self._store.episode(episode_id)
        heard, made = self._heard(episode), self._counting(episode)
        if not made:
            return heard
        if heard.enrichment is None:
            return Texts.model_construct(transcript=edits.corrected(heard.transcript, made), enrichment=None)
        transcript, enrichment = edits.revise(heard.transcript, heard.enrichment, made)
        return Texts.model_construct(transcript=transcript, enrichment=enrichment)

    def holding(self, episode_id: str) -> tuple[Edit, ...]:
        """The edits that hold for what there is of an episode now, in order. Raises NotFound."""
        return self._counting(self._store.episode(episode_id))

    def clips(self, episode_id: str) -> tuple[ReviewedClip, ...]:
        """The clips as they were reviewed; before any were chosen, those made by hand. Raises NotFound."""
        episode = self._store.episode(episode_id)
        folder, made = episode.artefacts.get("candidates"), self._counting(episode)
        chosen = read_candidates(Path(folder)) if folder else ()
        if not made:
            return tuple(ReviewedClip(clip=each) for each in chosen)
        words = edits.corrected(self._heard(episode).transcript, made).words
        return clip_review.reviewed(chosen, words, episode.duration, made)

    def rebuild(self, episode_id: str) -> Rebuild:
        """What has to be made again, and how long that takes. Raises NotFound."""
        episode = self._store.episode(episode_id)
        review = self._reviews.review(episode_id)
        if "page" not in episode.artefacts or not review.edits:
            return Rebuild()
        before = self._store.last_params(episode_id)
        if before is None:
            return Rebuild()
        wanted = replace(wanted_of(rebuilding(episode, before)), edits=review.based)
        folder = episode.artefacts["source"]
        recording = plan.Recording(episode_id=episode_id, source=stages.source(folder), folder=folder)
        tasks = plan.outstanding(recording, wanted, partial(self._current, set(episode.artefacts.values())))
        clips = [(task.part["candidate"]["clip_id"], task) for task in tasks if task.step == "clip"]
        return Rebuild(
            page=any(task.stage is StageName.RENDERED for task in tasks),
            clips=tuple(clip_id for clip_id, _ in clips),
            clip_files=tuple(f"{clip_id}/{kind}" for clip_id, task in clips for kind in task.outputs),
            leaving=tuple(sorted(withdrawn(_rendered(episode), self._counting(episode)))),
            seconds=self._seconds(self._missing(tasks), phases_for(wanted, episode.duration)),
        )

    def _current(self, current: Collection[str], kind: str, key: str) -> Path | None:
        """An artefact that the episode has: one that lies there from before an undo is not on its shelf."""
        found = self._library.find(kind, key)
        return found if found and str(found) in current else None

    def _missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Those of which a result does not lie there from before."""
        find = self._library.find
        return [task for task in tasks if not all(find(kind, key) for kind, key in task.outputs.items())]

    def _clip_fault(self, edit: Edit, episode_id: str) -> str | None:
        """That the clip which is reviewed is not there, in words."""
        if not isinstance(edit, ReviewClip):
            return None
        there = [each.clip.clip_id for each in self.clips(episode_id)]
        if edit.clip_id in there:
            return None
        return f"there is no clip {edit.clip_id}; there is {', '.join(there) or 'none yet'}"

    def _titled(self, episode: Episode, review: Review) -> Review:
        """Have the episode named everywhere as it is titled now."""
        now = self._store.episode(episode.episode_id)
        if self._entitled(now) != now:
            self._store.change_episode(now.episode_id, self._entitled)
        return review

    def _entitled(self, episode: Episode) -> Episode:
        """With the title of this moment: of two who edit at once, the last one written sees both."""
        found = self._heard(episode).enrichment if "transcript" in episode.artefacts else None
        title = edits.titled(found.title, self._counting(episode)) if found else episode.title
        return episode.model_copy(update={"title": title})

    def _heard(self, episode: Episode) -> Texts:
        enrichment = episode.artefacts.get("enrichment")
        return _read(self._transcribed(episode), enrichment, _digest(episode, "transcript"))

    def _transcribed(self, episode: Episode) -> str:
        if "transcript" not in episode.artefacts:
            raise NotAllowed(f"episode {episode.episode_id} has no transcript yet: process it first")
        return episode.artefacts["transcript"]

    def _counting(self, episode: Episode) -> tuple[Edit, ...]:
        """The edits that hold for what there is of the episode now."""
        keys = (_digest(episode, "transcript"), _digest(episode, "enrichment"))
        return edits.holding(self._reviews.review(episode.episode_id).based, *keys)

    def _seconds(self, tasks: Sequence[Task], phases: Sequence[Phase]) -> Seconds | None:
        slots = max(1, self._slots())
        pace, total = Pace(self._store.durations(), slots), 0.0
        clips = sum(task.step == "clip" for task in tasks)
        for task in tasks:
            ratio = pace.ratio(task.step)
            if ratio is None:
                return None
            total += usual_of(task, phases) * ratio.p50 / (min(slots, clips) if task.step == "clip" else 1)
        return total


def _rendered(episode: Episode) -> set[str]:
    """Ids of the clips of which there are files."""
    return {file.partition("/")[0] for file in clip_files(episode)}


def _digest(episode: Episode, kind: str) -> str:
    folder = episode.artefacts.get(kind)
    return manifest.digest(Path(folder)) if folder else ""


@lru_cache(maxsize=2)  # a long one takes tens of megabytes
def _read(transcript: str, enrichment: str | None, made: str) -> Texts:
    """Read once however often it is looked at; `made` tells what lies there from what lay there before."""
    return Texts.model_construct(
        transcript=stages.transcript(transcript),
        enrichment=stages.enrichment(enrichment) if enrichment else None,
    )
