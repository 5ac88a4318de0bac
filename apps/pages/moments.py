"""The search of the library: its box, and the sentences in which something is said."""

import threading
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from apps.pages.addresses import episode_address
from apps.pages.parts import FOLDER, Part, style
from pipeline.display import short_clock
from workbench.moments import Matches, Moment, pieces
from workbench.workbench import Workbench

_PAGE = 50  # sentences that are shown at first, and more at a time


class SearchBox(Part):
    """Where somebody types what to look for; what stands in the address as `q` is there at first."""

    text = param.String(default="")
    label = param.String(default="Search")

    _bundle = FOLDER / "search.js"
    _stylesheets = [*Part._stylesheets, style("search.css")]

    def __init__(self, **params: Any) -> None:
        asked = pn.state.session_args.get("q", [b""])[0].decode("utf-8", "replace")
        super().__init__(text=asked[:500].strip(), **params)


class MomentList(Part):
    """Sentences, each with where it is said."""

    items = param.List(default=[], item_type=dict)
    note = param.String(default="")

    _bundle = FOLDER / "moments.js"
    _stylesheets = [*Part._stylesheets, style("moments.css")]


class Said:
    """What was said with the words that somebody looks for; `view` shows it."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._list = MomentList(sizing_mode="stretch_width")
        self._more = pmui.Button(label="Show more moments", variant="outlined", visible=False)
        self._more.on_click(lambda event: self._show_more())
        self.view = pmui.Column(self._list, self._more, sizing_mode="stretch_width", visible=False)
        self._text, self._looked, self._shown = "", "", _PAGE
        self._found, self._revision = Matches(), -1
        self._looking = threading.Lock()

    def found_for(self, text: str) -> bool | None:
        """Whether anything was said with these words, or may yet be; None while nobody has looked."""
        if text != self._looked:
            return None
        return bool(self._found.moments or self._found.unread)

    def look_for(self, text: str) -> None:
        """Show what was said with the words of `text`."""
        self._text, self._shown = text, _PAGE
        self.look()

    def look(self) -> None:
        """Look again; one look at a time, so that an old one never replaces a new one."""
        with self._looking:
            text, self._revision = self._text, self._bench.search.revision
            self._found = found = self._bench.search(text, self._shown)
            self._list.param.update(
                items=[_row(each, text) for each in found.moments], note=_note(found) if text else ""
            )
            self._more.visible, self._looked = found.more, text

    def keep_up(self) -> None:
        """Look again if something else may be found by now."""
        if self._text and (self._found.unread or self._revision != self._bench.search.revision):
            self.look()

    def _show_more(self) -> None:
        self._shown += _PAGE
        self.look()


def _row(moment: Moment, text: str) -> dict[str, Any]:
    return {
        "address": f"{episode_address(moment.episode_id)}?t={moment.start:.2f}",
        "title": moment.title,
        "clock": short_clock(moment.start),
        "speaker": moment.speaker or "",
        "pieces": pieces(moment.text, text),
    }


def _note(found: Matches) -> str:
    if count := found.unread:
        are = "episode is" if count == 1 else "episodes are"
        return f"{count} {are} still being read: what is said there comes up here in a moment."
    return "" if found.moments else "No sentence has all of these words. Try fewer words, or other ones."
