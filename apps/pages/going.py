"""How the work goes: what waits and runs, what was done in the last day, and the workers.

Folded away at first, so that the list of jobs comes at once; what it shows is looked for once it is opened.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.pages import charts
from apps.pages.access import Visitor
from apps.pages.charts import Box
from apps.pages.following import every_second
from apps.pages.job import Records
from apps.pages.wording import KINDS, STATES, length, size
from workbench.access import Scope
from workbench.figures import Hour
from workbench.jobs import OPEN, JobType, Status
from workbench.workbench import Workbench
from workbench.workers import DASHBOARD, ClusterState, WorkerState

TITLE = "How the work goes"
_COLOURS = {Status.RUNNING: charts.DONE, Status.QUEUED: charts.QUIET}
_NO_CLUSTER = "No worker runs yet: they start with the first job that has something to do."
_SILENT = "No job has needed the scheduler yet, or it does not answer: it is looked for when one does."
_FOLD = {
    "boxShadow": "none",
    "border": "1px solid",
    "borderColor": "divider",
    "backgroundImage": "none",
    "& .title": {"font": "700 1.1rem/1.25 Georgia, serif"},
    "& .MuiAccordionDetails-root": {"px": 2, "pb": 2},
}
_CAPTION = "margin:1rem 0 .25rem;font:700 1.1rem/1.25 Georgia,serif"
_ITSELF = "Memory and processor are the worker's own, without the encoders that it starts."
_NOTE = "margin:.5rem 0 0;color:var(--mui-palette-text-secondary)"
_TEXT = "margin:0;color:var(--mui-palette-text-secondary)"

type Counts = Mapping[tuple[str, str], int]


class Going:
    """A part of the Jobs page that unfolds; `view` is what the page shows."""

    def __init__(self, bench: Workbench, visitor: Visitor) -> None:
        self._bench, self._visitor, self._looking = bench, visitor, threading.Lock()
        self._queue, self._day = _Chart(), _Chart()
        self._workers = Records(
            caption="Workers",
            heads=["Worker", "Memory", "Tasks", "Processor"],
            none=_SILENT if bench.settings.scheduler else _NO_CLUSTER,
            sizing_mode="stretch_width",
            margin=(16, 0, 0, 0),
        )
        self._below = pn.pane.HTML("", sizing_mode="stretch_width", margin=0)
        self._inside = pmui.Column(sizing_mode="stretch_width")
        self.view = pmui.Accordion(
            (TITLE, self._inside), title_variant="body1", sizing_mode="stretch_width", margin=0, sx=_FOLD
        )
        self.view.param.watch(lambda event: self._look(), "active")
        every_second(self._look)

    def _look(self) -> None:
        """While it is open; a scheduler that answers slowly holds up one look and not the next ones too."""
        if not self.view.active or not self._looking.acquire(blocking=False):
            return
        try:
            self._show()
        finally:
            self._looking.release()

    def _show(self) -> None:
        counts, day = self._bench.insight.figures().jobs, self._bench.insight.last_day()
        cluster = self._bench.insight.cluster()
        self._queue.show("Queue", depth_in_words(counts), depth(counts), _depth_chart)
        self._day.show("The last 24 hours", day_in_words(day), throughput(day), _day_chart)
        self._workers.rows = [row_of(each) for each in cluster.workers] if cluster else []
        self._below.object = f'<p style="{_NOTE}">{_ITSELF}</p>{self._link(cluster)}' if cluster else ""
        if not self._inside.objects:
            self._inside.objects = [self._queue.view, self._day.view, self._workers, self._below]

    def _link(self, cluster: ClusterState | None) -> str:
        """To Dask's dashboard: for admins, since others may not go there."""
        address = cluster and (f"{DASHBOARD}/status" if cluster.is_own else cluster.dashboard)
        if not address or self._visitor.scope < Scope.ADMIN:
            return ""
        colour = "color:var(--mui-palette-primary-main)"
        return (
            f'<p style="margin:.75rem 0 0"><a href="{escape(address)}" target="_blank" rel="noopener" '
            f'style="{colour}">Open the Dask dashboard</a></p>'
        )


class _Chart:
    """A chart below its heading and its words; it is drawn anew when it has changed."""

    def __init__(self) -> None:
        self._boxes: Sequence[Box] | None = None
        self._words = pn.pane.HTML("", sizing_mode="stretch_width", margin=0)
        self._below = pmui.Column(sizing_mode="stretch_width")
        self.view = pmui.Column(self._words, self._below, sizing_mode="stretch_width")

    def show(
        self, title: str, words: str, boxes: Sequence[Box], draw: Callable[[Sequence[Box]], Any]
    ) -> None:
        head = f'<h2 style="{_CAPTION}">{escape(title)}</h2>'
        self._words.object = f'{head}<p style="{_TEXT}">{escape(words)}</p>'
        if boxes != self._boxes:
            self._boxes = boxes
            pn.state.execute(lambda: self._draw(boxes, draw), schedule=True)

    def _draw(self, boxes: Sequence[Box], draw: Callable[[Sequence[Box]], Any]) -> None:
        self._below.objects = [charts.pane(draw(boxes))] if boxes else []


def depth(counts: Counts) -> list[Box]:
    """How many jobs of each type run, and after them how many wait."""
    boxes: list[Box] = []
    for lane, kind in enumerate(_kinds(counts)):
        left = 0
        for status, colour in _COLOURS.items():
            count = counts.get((kind, status), 0)
            if count:
                more = f"{count} {STATES[status].lower()}"
                box = Box(left, left + count, lane + 0.15, lane + 0.85, colour, KINDS[JobType(kind)], more)
                boxes.append(box)
            left += count
    return boxes


def depth_in_words(counts: Counts) -> str:
    """The same in a sentence."""
    said = []
    for kind in reversed(_kinds(counts)):
        found = [(status, counts.get((kind, status), 0)) for status in _COLOURS]
        each = ", ".join(f"{count} {STATES[status].lower()}" for status, count in found if count)
        said.append(f"{KINDS[JobType(kind)]}: {each}")
    return f"{'; '.join(said)}." if said else "No job waits and none runs."


def throughput(day: Sequence[Hour]) -> list[Box]:
    """How many jobs were done in each hour, and on top of them how many failed."""
    boxes: list[Box] = []
    for hour in day:
        left, done, failed = -hour.hours_ago - 1, hour.completed, hour.failed
        ago = hour.hours_ago
        title = f"{ago} to {ago + 1} hours ago" if ago else "In the last hour"
        media = f", with {length(hour.media_seconds)} of recordings" if hour.media_seconds else ""
        more = f"{done} done{media}; {failed} failed"
        parts = ((0, done, charts.DONE), (done, done + failed, charts.FAILED))
        boxes += [
            Box(left + 0.08, left + 0.92, bottom, top, colour, title, more)
            for bottom, top, colour in parts
            if top > bottom
        ]
    return boxes


def day_in_words(day: Sequence[Hour]) -> str:
    """The same in a sentence."""
    done, failed = sum(hour.completed for hour in day), sum(hour.failed for hour in day)
    if not done + failed:
        return "No job has ended in the last 24 hours."
    media = sum(hour.media_seconds for hour in day)
    recordings = f", which processed {length(media)} of recordings" if media else ""
    return f"{done} job{'s' * (done != 1)} done{recordings}; {failed} failed."


def row_of(worker: WorkerState) -> dict[str, Any]:
    """A worker as a row."""
    limit = worker.memory_limit_bytes
    memory = size(worker.memory_bytes) + (f" of {size(limit)}" if limit else ", without a limit")
    tasks = f"{worker.tasks or 'no'} task{'s' * (worker.tasks > 1)}"
    return {"cells": [f"Worker {worker.name}", memory, tasks, f"{worker.cpu_percent:.0f} % of a processor"]}


def _kinds(counts: Counts) -> list[str]:
    """The types of which jobs are open, in the order of lanes, from the bottom."""
    return [kind for kind in reversed(JobType) if any(counts.get((kind, status)) for status in OPEN)]


def _depth_chart(boxes: Sequence[Box]) -> Any:
    names = list(dict.fromkeys(box.title for box in boxes))
    return charts.lanes(boxes, names)


def _day_chart(boxes: Sequence[Box]) -> Any:
    return charts.hours(boxes, int(max(box.top for box in boxes)))
