"""The desk of an episode: how far its review is, undo and redo, and what has to be made again."""

from urllib.parse import quote

import param

from apps.pages.access import Visitor
from apps.pages.parts import FOLDER, Part, said, style
from apps.pages.presence import Presence, in_words
from apps.pages.wording import ago, length
from workbench.access import Scope
from workbench.reviewed import Rebuild, State
from workbench.workbench import Workbench


class Desk(Part):
    """What stands above an episode that can be reviewed; it sends the edits of the whole page."""

    address = param.String()
    """Of the episode in the REST interface."""
    editable = param.Boolean(default=False)
    state = param.String(default=State.PROPOSED)
    by = param.String(default="")
    edits = param.Integer(default=0)
    can_undo = param.Boolean(default=False)
    can_redo = param.Boolean(default=False)
    others = param.String(default="")
    rebuild = param.String(default="")
    busy = param.Boolean(default=False)

    _bundle = FOLDER / "desk.js"
    _stylesheets = [*Part._stylesheets, style("desk.css")]

    def __init__(
        self, bench: Workbench, visitor: Visitor, episode_id: str, presence: Presence, **params: object
    ) -> None:
        editable = visitor.scope >= Scope.SUBMIT
        super().__init__(address=f"/episodes/{quote(episode_id)}", editable=editable, **params)
        self._bench, self._visitor, self._episode_id = bench, visitor, episode_id
        self._presence = presence

    def update(self, *, busy: bool) -> None:
        """Look at the review again; `busy` while a job works on the episode."""
        review = self._bench.editing.review(self._episode_id)
        rebuild = self._bench.editing.rebuild(self._episode_id)
        by = (review.by or "").partition(" (")[0]
        self.param.update(
            state=review.state,
            by=f"{by}, {ago(review.at)}" if review.at else "",
            edits=len(review.based),
            can_undo=review.can_undo(self._visitor.name),
            can_redo=review.can_redo(self._visitor.name),
            others=in_words(self._presence.others),
            rebuild=in_short(rebuild, busy=busy),
            busy=busy,
        )

    def _handle_msg(self, msg: object) -> None:
        self._visitor.acts(lambda: self._do(said(msg, "act"), said(msg, "state")))

    def _do(self, act: str, state: str) -> None:
        if act == "rebuild":
            self._visitor.ask(self._bench, self._bench.rebuild_request(self._episode_id))
        elif state in tuple(State):
            self._bench.editing.move(self._episode_id, State(state), self._visitor.name)
            self._bench.audit(self._visitor.name, f"review: {state}", self._episode_id)


def in_short(rebuild: Rebuild, *, busy: bool) -> str:
    """What is behind what people have changed, and how long making it again takes; nothing if nothing is."""
    clips, files, leaving = len(rebuild.clips), len(rebuild.clip_files), len(rebuild.leaving)
    parts = ["the page and its subtitles"] if rebuild.page else []
    if clips:
        parts.append(f"{clips} clip{'s' * (clips != 1)} ({files} file{'s' * (files != 1)})")
    made = " and ".join(parts)
    gone = f"the files of {leaving} clip{'s' * (leaving != 1)} have to go" if leaving else ""
    if not made and not gone:
        return ""
    takes = f", about {length(rebuild.seconds)}" if rebuild.seconds is not None and not busy else ""
    again = f"{made} have to be made again{takes}" if made else ""
    lead = "A job is at work; to" if busy else "To"
    return f"{lead} follow what was changed, {', and '.join(filter(None, (again, gone)))}."
