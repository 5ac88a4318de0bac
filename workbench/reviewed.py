"""The nouns of a review: its state, what was changed, what is read, and what has to be made again."""

import secrets
from datetime import datetime
from enum import StrEnum

from pipeline.edits import Based, Edit
from pipeline.model import Enrichment, Frozen, Seconds, Transcript


class State(StrEnum):
    """How far people are with an episode."""

    #: as the machine made it; nobody has looked
    PROPOSED = "proposed"
    #: somebody has begun
    IN_REVIEW = "in review"
    #: it can go out
    APPROVED = "approved"
    #: it is out
    PUBLISHED = "published"


class Made(Frozen):
    """An edit that somebody made. Times are UTC."""

    edit_id: str
    by: str
    at: datetime
    edit: Edit
    base: str
    undone: bool = False


class Standing(Frozen):
    """The state of an episode's review, and who brought it there. Times are UTC."""

    state: State = State.PROPOSED
    by: str | None = None
    at: datetime | None = None
    revision: int = 0
    """Grows with every change."""


class Review(Standing):
    """A review with its edits, those that were undone too, in order."""

    edits: tuple[Made, ...] = ()

    @property
    def based(self) -> tuple[Based, ...]:
        """The edits that count."""
        return tuple(Based(edit=each.edit, base=each.base) for each in self.edits if not each.undone)

    def can_undo(self, who: str) -> bool:
        return any(each.by == who and not each.undone for each in self.edits)

    def can_redo(self, who: str) -> bool:
        return any(each.by == who and each.undone for each in self.edits)


class Rebuild(Frozen):
    """What has to be made again for an episode to be as it was edited."""

    page: bool = False
    """The episode page and all texts that lie beside it."""
    clips: tuple[str, ...] = ()
    """Ids of the clips of which some files are made again."""
    clip_files: tuple[str, ...] = ()
    """"<clip_id>/<rendition>" of each of these files."""
    leaving: tuple[str, ...] = ()
    """Ids of rendered clips that were rejected, or made by hand and taken back: their files go."""
    seconds: Seconds | None = None
    """How long that takes; None while it was never measured."""

    @property
    def needed(self) -> bool:
        return self.page or bool(self.clip_files or self.leaving)


class Texts(Frozen):
    """What is read of an episode."""

    transcript: Transcript
    enrichment: Enrichment | None


def new_edit_id() -> str:
    """An id for an edit that nobody else has."""
    return secrets.token_hex(12)
