"""How far people are with the review of each episode: its state, and what they have changed.

Every edit has an id that its maker chose, so that the same one sent twice, or sent again with more of a text
that is being typed, is one edit. Undo and redo are each person's own.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from pipeline.edits import EDIT, Edit
from workbench.database import Database, Query, Row
from workbench.errors import NotAllowed
from workbench.jobs import now
from workbench.reviewed import Made, Review, Standing, State

_LOG = logging.getLogger(__name__)
_KEPT = 100  # episodes whose edits are in memory


class Reviews:
    """The reviews of a library; safe in threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._standing = {row["episode_id"]: _standing(row) for row in database.read("reviews")}
        self._known: dict[str, Review] = {}
        self._wake: set[Callable[[], None]] = set()

    def standing(self, episode_id: str) -> Standing:
        """Without a look into the database."""
        return self._standing.get(episode_id, Standing())

    def review(self, episode_id: str) -> Review:
        """Of an episode nobody has touched, an empty one."""
        standing, known = self.standing(episode_id), self._known.get(episode_id)
        if known and known.revision == standing.revision:
            return known
        if not standing.revision:
            return Review()
        rows = self._database.read("edits", {"episode_id": episode_id})
        review = Review(**standing.model_dump(), edits=tuple(map(_made, rows)))
        with self._lock:
            while len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            if self.standing(episode_id).revision == standing.revision:
                self._known[episode_id] = review
        return review

    def put(self, episode_id: str, edit_id: str, edit: Edit, base: str, who: str) -> Review:
        """Keep an edit, or what has become of it; whoever makes another one cannot redo any more.

        Raises NotAllowed when the id is another person's.
        """
        row = {"episode_id": episode_id, "edit_id": edit_id, "base": base, "who": who, "at": now()}

        def put(query: Query) -> None:
            before = query("edit", {"episode_id": episode_id, "edit_id": edit_id})
            if before and before[0]["who"] != who:
                raise NotAllowed(f"edit {edit_id} is {before[0]['who']}'s: choose another id")
            query("save_edit", row | {"body": edit.model_dump_json()})
            query("forget_undone", {"episode_id": episode_id, "edit_id": edit_id, "who": who})

        return self._changed(episode_id, who, put)

    def undo(self, episode_id: str, who: str) -> Review:
        """Take back the last edit that `who` made. Raises NotAllowed when there is none."""
        return self._marked(episode_id, who, "last_edit", undone=True)

    def redo(self, episode_id: str, who: str) -> Review:
        """Make again what `who` took back last. Raises NotAllowed when there is nothing."""
        return self._marked(episode_id, who, "first_undone", undone=False)

    def move(self, episode_id: str, state: State, who: str) -> Review:
        """Bring the review of an episode to `state`."""
        row = {"episode_id": episode_id, "state": state, "who": who, "at": now()}
        return self._told(episode_id, self._database.write(lambda query: query("save_review", row)))

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called after each change, from any thread; returns how to stop that."""
        with self._lock:
            self._wake.add(wake)

        def stop() -> None:
            with self._lock:
                self._wake.discard(wake)

        return stop

    def wake(self) -> None:
        """Have all who listen look again."""
        with self._lock:
            listeners = list(self._wake)
        for each in listeners:
            try:
                each()
            except Exception:  # noqa: BLE001 - a reader's fault must not become one of whoever edits
                _LOG.exception("a reader of reviews could not be woken")

    def _marked(self, episode_id: str, who: str, which: str, *, undone: bool) -> Review:
        def mark(query: Query) -> None:
            if not (rows := query(which, {"episode_id": episode_id, "who": who})):
                what = "undo" if undone else "redo"
                raise NotAllowed(f"there is nothing of yours to {what} in episode {episode_id}")
            edit_id = rows[0]["edit_id"]
            query("mark_edit", {"episode_id": episode_id, "edit_id": edit_id, "undone": undone})

        return self._changed(episode_id, who, mark)

    def _changed(self, episode_id: str, who: str, change: Callable[[Query], None]) -> Review:
        row = {"episode_id": episode_id, "who": who, "at": now()}

        def apply(query: Query) -> list[Row]:
            change(query)
            return query("touch_review", row)

        return self._told(episode_id, self._database.write(apply))

    def _told(self, episode_id: str, rows: list[Row]) -> Review:
        """Of two who change at once, the one who is told last need not be the one who was written last."""
        standing = _standing(rows[0])
        with self._lock:
            if standing.revision > self.standing(episode_id).revision:
                self._standing[episode_id] = standing
        self.wake()
        return self.review(episode_id)


def _standing(row: Mapping[str, object]) -> Standing:
    facts = {"state": row["state"], "by": row["who"], "at": row["at_utc"], "revision": row["revision"]}
    return Standing.model_validate(facts)


def _made(row: Row) -> Made:
    facts = {"edit_id": row["edit_id"], "by": row["who"], "at": row["at_utc"], "base": row["base"]}
    return Made(**facts, edit=EDIT.validate_json(row["body"]), undone=row["undone"])
