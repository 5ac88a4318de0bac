"""The library: every episode as a card, newest first, with what is being done for it now."""

from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from apps.pages import shell
from apps.pages.access import Visitor
from apps.pages.addresses import INBOX, episode_address, file_address
from apps.pages.following import every_second, follow
from apps.pages.moments import Said, SearchBox
from apps.pages.parts import FOLDER, Part, style
from apps.pages.wording import REVIEWS, STAGES, ago, left
from pipeline.display import short_clock
from workbench.jobs import Episode, Job, Status
from workbench.workbench import Workbench

_NOTHING_YET = (
    "No episodes yet",
    "Add a recording: it becomes an episode with a transcript, subtitles, a page and clips.",
    "Add recordings",
    INBOX,
)
_NOTHING_FOUND = (
    "Nothing found",
    "No title and no sentence has all of these words. Try fewer words, or other ones.",
    "",
    "",
)
_OPEN = (Status.QUEUED, Status.RUNNING)
"""In this order: of two jobs of an episode the one that runs is shown."""
_PAGE = 60  # episodes that are shown at first, and more at a time


class Cards(Part):
    """Episodes as cards; `empty` is a title, a sentence, and a link's label and address."""

    items = param.List(default=[], item_type=dict)
    empty = param.Tuple(default=_NOTHING_YET, length=4)

    _bundle = FOLDER / "cards.js"
    _stylesheets = [*Part._stylesheets, style("cards.css")]


class LibraryPage(pn.viewable.Viewer):
    """All episodes, or those with the words of `text` in their titles, and where these words are said."""

    text = param.String(default="")
    shown = param.Integer(default=_PAGE)

    def __init__(self, bench: Workbench, **params: Any) -> None:
        super().__init__(**params)
        self._bench, self._visitor = bench, Visitor.here()
        self._cards = Cards(sizing_mode="stretch_width")
        self._said = Said(bench)
        self._search = SearchBox(label="Search titles and what was said", width=340, margin=0)
        self._search.param.watch(lambda event: self.param.update(text=event.new), "text")
        self.text = self._search.text
        self._more = pmui.Button(label="Show more", variant="outlined", visible=False)
        self._more.on_click(lambda event: self.param.update(shown=self.shown + _PAGE))
        self.param.watch(lambda event: self._look(), "text")
        self.param.watch(lambda event: self.refresh(), "shown")
        self.refresh()
        follow(bench, self._visitor, self.refresh)
        if self.text:
            pn.state.onload(self._look, threaded=True)  # the page comes first
        every_second(self._keep_up)

    def refresh(self) -> None:
        """Look at the library again."""
        episodes = self._bench.episodes(self.shown + 1, text=self.text)
        busy = {job.episode_id: job for status in _OPEN for job in self._bench.jobs(status, _PAGE)}
        shown = episodes[: self.shown]
        self._cards.param.update(
            items=[self._card(each, busy.get(each.episode_id)) for each in shown],
            empty=_NOTHING_FOUND if self.text else _NOTHING_YET,
        )
        self._more.visible = len(episodes) > self.shown
        self._leave_room()

    def _look(self) -> None:
        self._said.look_for(self.text)
        self.refresh()

    def _keep_up(self) -> None:
        self._said.keep_up()
        self._leave_room()

    def _leave_room(self) -> None:
        """That nothing was found is told once, and only when neither a title nor a sentence was."""
        bare, found = bool(self.text) and not self._cards.items, self._said.found_for(self.text)
        self._cards.visible = not bare or found is False
        self._said.view.visible = bool(self.text) and not (bare and found is False)

    def _card(self, episode: Episode, job: Job | None) -> dict[str, Any]:
        card: dict[str, Any] = {
            "key": episode.episode_id,
            "address": episode_address(episode.episode_id),
            "title": episode.title,
            "facts": f"Changed {ago(episode.updated_at)}",
            "length": short_clock(episode.duration),
            "letters": "".join(word[0] for word in episode.title.split()[:2]).upper(),
            "poster": _poster(self._bench, episode),
            "state": STAGES[episode.stage],
            "state_key": episode.stage,
            "review": self._reviewed(episode.episode_id),
            "progress": None,
        }
        if job:
            said, more = self._visitor.may_know(job.message), left(job)
            card |= {"progress": round(job.progress), "message": f"{said}, {more}" if more else said}
        return card

    def _reviewed(self, episode_id: str) -> str:
        """How far people are with an episode, and who brought it there; nothing until somebody has looked."""
        standing = self._bench.editing.standing(episode_id)
        if standing.at is None:
            return ""
        who = (standing.by or "").partition(" (")[0]
        return f"{REVIEWS[standing.state]} by {who}, {ago(standing.at)}"

    def __panel__(self) -> Any:
        add = pmui.Button(label="Add recordings", href=INBOX, color="primary", margin=0)
        return shell.page(
            "Library", "library", self._cards, self._more, self._said.view, actions=[self._search, add]
        )


def _poster(bench: Workbench, episode: Episode) -> str | None:
    """The address of an episode's picture, if it has one."""
    there = "page" in episode.artefacts and (bench.shelf(episode.episode_id) / "poster.jpg").is_file()
    return file_address(episode.episode_id, "poster.jpg") if there else None
