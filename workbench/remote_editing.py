"""The review of a server's episodes, for notebooks and scripts: the verbs of `Editing`, over HTTP."""

from typing import Any
from urllib.parse import quote

from pipeline.clip_review import ReviewedClip
from pipeline.edits import EDIT, Edit
from workbench.reviewed import Made, Rebuild, Review, Standing, State, Texts, new_edit_id
from workbench.wire import Wire, noun


class RemoteEditing:
    """The reviews of a server's library. Everything is done in the name of the client's key.

    The verbs raise what those of `Editing` do, and what every verb of `Client` does.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def standing(self, episode_id: str) -> Standing:
        """How far people are with an episode, without its edits."""
        return self._wire.known(Standing, self._wire.get(_of(episode_id, "review")))

    def review(self, episode_id: str) -> Review:
        """How far people are with an episode, and all they have changed."""
        made = self._wire.get(_of(episode_id, "edits"))
        return self._reviewed(self._wire.get(_of(episode_id, "review")), made)

    def edit(self, episode_id: str, edit: Edit, *, edit_id: str | None = None) -> Review:
        """Keep an edit of an episode; an id again is the same edit as it is now."""
        path = _of(episode_id, f"edits/{quote(edit_id or new_edit_id(), safe='')}")
        return self._changed(episode_id, "PUT", path, json=EDIT.dump_python(edit, mode="json"))

    def undo(self, episode_id: str) -> Review:
        """Take back the last edit that was made with this key."""
        return self._changed(episode_id, "POST", _of(episode_id, "undo"), repeatable=False)

    def redo(self, episode_id: str) -> Review:
        """Make again what was taken back last with this key."""
        return self._changed(episode_id, "POST", _of(episode_id, "redo"), repeatable=False)

    def move(self, episode_id: str, state: State) -> Review:
        """Say how far people are with an episode."""
        return self._changed(episode_id, "PUT", _of(episode_id, "review"), json={"state": state})

    def heard(self, episode_id: str) -> Texts:
        """The texts as the machine made them."""
        return self._wire.known(Texts, self._wire.get(_of(episode_id, "texts"), heard=True))

    def texts(self, episode_id: str) -> Texts:
        """The texts with what people have changed."""
        return self._wire.known(Texts, self._wire.get(_of(episode_id, "texts")))

    def clips(self, episode_id: str) -> tuple[ReviewedClip, ...]:
        """The clips as they were reviewed, each with its words."""
        found = self._wire.get(_of(episode_id, "review/clips"))
        return self._wire.read(lambda told: tuple(noun(ReviewedClip, each) for each in told["clips"]), found)

    def rebuild(self, episode_id: str) -> Rebuild:
        """What has to be made again, and how long that takes."""
        found = self._wire.get(_of(episode_id, "review"))
        return self._wire.read(lambda told: noun(Rebuild, told["rebuild"]), found)

    def _changed(self, episode_id: str, method: str, path: str, **parts: Any) -> Review:
        view = self._wire.send(method, path, **parts)
        return self._reviewed(view, self._wire.get(_of(episode_id, "edits")))

    def _reviewed(self, view: Any, made: Any) -> Review:
        standing = self._wire.known(Standing, view)
        edits = self._wire.read(lambda told: tuple(noun(Made, each) for each in told["edits"]), made)
        return Review(**standing.model_dump(), edits=edits)


def _of(episode_id: str, what: str) -> str:
    return f"/episodes/{quote(episode_id, safe='')}/{what}"
