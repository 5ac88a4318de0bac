"""Jobs: what runs, what waits and why, and what became of the rest."""

import threading
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from apps.pages import shell
from apps.pages.access import Visitor
from apps.pages.following import every_second, follow
from apps.pages.going import Going
from apps.pages.job_list import Acts, JobList, row_of, titles_of
from apps.pages.wording import STATES
from workbench.jobs import Status
from workbench.workbench import Workbench

_PAGE = 50  # jobs, and more at a time
_STATES = {"All": "all", **{name: status for status, name in STATES.items()}}
_NONE = ("No jobs yet", "Add a recording, and what is done for it shows up here.")
_NONE_SUCH = ("No such jobs", "Nothing here has that state or that text: choose All, or fewer letters.")


class JobsPage(pn.viewable.Viewer):
    """The newest jobs first, of one `status` or all, with `text` in what is known of them."""

    status = param.Selector(default="all", objects=_STATES, label="State")
    text = param.String(default="", label="Search")
    shown = param.Integer(default=_PAGE)

    def __init__(self, bench: Workbench, **params: Any) -> None:
        super().__init__(**params)
        self._bench, self._visitor = bench, Visitor.here()
        self._acts, self._looking = Acts(bench, self._visitor), threading.Lock()
        self._list = JobList(self._acts, choosing=True, empty=_NONE, sizing_mode="stretch_width")
        self._counts = pmui.Typography("", variant="body2", sx={"color": "text.secondary"}, margin=0)
        self._going = Going(bench, self._visitor)
        self._more = pmui.Button(label="Show more", variant="outlined", visible=False)
        self._more.on_click(lambda event: self.param.update(shown=self.shown + _PAGE))
        self._cancel = self._bulk("Cancel chosen", "cancel")
        self._retry = self._bulk("Try chosen again", "retry")
        self._list.param.watch(lambda event: self._enable(), "chosen")
        self.param.watch(lambda *_: self.refresh(), ["status", "text", "shown"])
        self.refresh()
        follow(bench, self._visitor, self.refresh)
        every_second(self._while_running)

    def refresh(self) -> None:
        """Look at the jobs again; one look at a time, so that an old one never replaces a new one."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        status = None if self.status == "all" else Status(self.status)
        found = self._bench.jobs(status, self.shown + 1, text=self.text.strip())
        titles = titles_of(self._bench, found)
        self._list.param.update(
            items=[row_of(job, titles, self._visitor) for job in found[: self.shown]],
            empty=_NONE_SUCH if status or self.text else _NONE,
        )
        self._more.visible = len(found) > self.shown
        self._counts.object = escape(_summary(self._bench))
        self._enable()

    def _while_running(self) -> None:
        """Bars move between the changes that are told."""
        if any(item["state_key"] == Status.RUNNING for item in self._list.items):
            self.refresh()

    def _bulk(self, label: str, act: str) -> pmui.Button:
        button = pmui.Button(label=label, variant="outlined", margin=0, disabled=True)
        button.on_click(lambda event: self._act_on_chosen(act))
        return button

    def _act_on_chosen(self, act: str) -> None:
        able = {item["key"] for item in self._list.items if item[act]}
        for job_id in [each for each in self._list.chosen if each in able]:
            self._acts(act, job_id)
        self._list.chosen = []
        self.refresh()

    def _enable(self) -> None:
        chosen = [item for item in self._list.items if item["key"] in self._list.chosen]
        self._cancel.disabled = not any(item["cancel"] for item in chosen)
        self._retry.disabled = not any(item["retry"] for item in chosen)

    def __panel__(self) -> Any:
        state = pmui.Select.from_param(self.param.status, width=160, size="small", margin=0)
        search = pmui.TextInput.from_param(self.param.text, width=260, size="small", margin=0)
        tools = pmui.Row(
            state, search, self._cancel, self._retry, self._counts,
            sx={"alignItems": "center", "flexWrap": "wrap", "gap": "10px"},
            sizing_mode="stretch_width",
        )  # fmt: skip
        return shell.page("Jobs", "jobs", self._going.view, tools, self._list, self._more)


def _summary(bench: Workbench) -> str:
    """How the queue stands, in a sentence."""
    counts = {status: count for status, (count, _) in bench.counts().items()}
    said = [f"{counts[status]} {STATES[status].lower()}" for status in Status if counts.get(status)]
    slots = f"{bench.running} of {bench.slots} workers busy" if bench.slots else ""
    return ", ".join(filter(None, [*said, slots, bench.pause() or ""]))
