"""The course of a job: when each of its tasks ran, as a chart and in words."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.pages import charts
from apps.pages.access import Visitor
from apps.pages.charts import Box
from apps.pages.wording import length
from pipeline.model import Seconds, StageName
from workbench.figures import MOST_TASKS, TaskTime
from workbench.jobs import Job, Status, now
from workbench.workbench import Workbench

DOING = {
    StageName.DISCOVERED: "Find",
    StageName.TRANSCRIBED: "Transcribe",
    StageName.ENRICHED: "Enrich",
    StageName.RENDERED: "Render",
    StageName.CLIPPED: "Clip",
}
_STEPS = {
    "discover": "examining a recording",
    "prepare": "preparing the sound",
    "stretch": "hearing a stretch",
    "merge": "joining the stretches",
    "enrich": "finding titles, chapters and quotes",
    "illustrate": "poster and waveform",
    "render": "page and subtitles",
    "choose": "choosing clips",
    "clip": "cutting a clip",
}
_DID = {
    StageName.DISCOVERED: "found in",
    StageName.TRANSCRIBED: "transcribed in",
    StageName.ENRICHED: "enriched in",
    StageName.RENDERED: "rendered in",
    StageName.CLIPPED: "clipped in",
}
_TRY = "attempt failed"
"""Kind of the line in a job's log."""
_FAILED = "Failed tries"
_ROOM = 0.8
"""Of a lane that boxes take."""
_MARK = 0.008
"""Of the whole: how wide a failed try is drawn."""
_NONE = {
    Status.QUEUED: "Nothing of it has run yet: each task shows up here once it has ended.",
    Status.RUNNING: "Its first task is not done yet: each shows up here once it has ended.",
    Status.COMPLETED: "No task of it was measured: all that it was asked for was there already.",
    Status.FAILED: "No task of it went well, so there is no time to show: what happened is said below.",
    Status.CANCELLED: "It was stopped before a task of it had ended.",
}
_CAPTION = "margin:0 0 .5rem;font:700 1.25rem/1.25 Georgia,serif"
_SOFT = "margin:.25rem 0 0;color:var(--mui-palette-text-secondary)"


class Course:
    """A job's timeline; `view` is what the page shows."""

    def __init__(self, bench: Workbench, visitor: Visitor) -> None:
        self._bench, self._visitor = bench, visitor
        self._drawn: object = None
        self._figure: Any = None
        self._words = pn.pane.HTML("", sizing_mode="stretch_width", margin=0)
        self._chart = pmui.Column(sizing_mode="stretch_width")
        self.view = pmui.Column(self._words, self._chart, sizing_mode="stretch_width")
        self._seen: tuple[Job, list[dict[str, Any]]] | None = None
        self._loaded = False
        pn.state.onload(self._load)  # the words come with the page, and the chart after it

    def show(self, job: Job, log: list[dict[str, Any]]) -> None:
        """Bring it to how the job stands; what has not changed since is not drawn anew."""
        self._seen = job, log
        tries = sum(each["kind"] == _TRY for each in log)
        self._words.object = in_words(job, self._bench.insight.tasks(job.job_id), tries)
        if self._loaded:
            self._show(job, log)

    def _load(self) -> None:
        self._loaded = True
        if self._seen:
            self._show(*self._seen)

    def _show(self, job: Job, log: list[dict[str, Any]]) -> None:
        tasks = self._bench.insight.tasks(job.job_id)
        tries = self._visitor.may_know([each for each in log if each["kind"] == _TRY])
        running = job.current_stage if is_at_work(job) else None
        state = (len(tasks), tasks[-1].end if tasks else None, len(tries), running)
        if not (tasks or tries or running):
            return
        start = start_of(job, tasks)
        if state != self._drawn:
            self._drawn = state
            boxes, names = drawn(start, tasks, tries, running)
            figure = charts.timeline(boxes, names, _whole(boxes))
            pn.state.execute(lambda: self._put(figure), schedule=True)
        elif running:
            right = (now() - start).total_seconds()
            pn.state.execute(lambda: charts.stretch(self._figure, right), schedule=True)

    def _put(self, figure: Any) -> None:
        """In the page's own turn: threads may not change what Bokeh shows."""
        self._figure = figure
        self._chart.objects = [charts.pane(figure)]


def is_at_work(job: Job) -> bool:
    """Whether a task of it runs."""
    return job.status is Status.RUNNING and job.waits_for is None


def start_of(job: Job, tasks: Sequence[TaskTime]) -> datetime:
    """When its first task began; a job that was taken up again has tasks from before."""
    return min([task.start for task in tasks] or [job.started_at or job.created_at])


def drawn(
    start: datetime, tasks: Sequence[TaskTime], tries: Sequence[dict[str, Any]], running: StageName | None
) -> tuple[list[Box], list[str]]:
    """The boxes of a timeline, that of the stage that runs as the last one, and its lanes from the bottom."""
    by_stage = {stage: [task for task in tasks if task.stage is stage] for stage in StageName}
    stages = [stage for stage in StageName if by_stage[stage] or stage is running]
    names = [_FAILED] * bool(tries) + [DOING[stage] for stage in reversed(stages)]
    boxes = [box for stage in stages for box in _in_lane(by_stage[stage], start, names.index(DOING[stage]))]
    boxes += [_failed(each, start, _MARK * _whole(boxes)) for each in tries]
    if running:
        begun = max([task.end for task in tasks] or [start])
        boxes.append(_under_way(running, begun, start, names.index(DOING[running])))
    return boxes, names


def _in_lane(tasks: Sequence[TaskTime], start: datetime, lane: int) -> list[Box]:
    """Each task in the first row in which it has room: what ran side by side is drawn one above the other."""
    ends: list[datetime] = []
    placed: list[tuple[TaskTime, int]] = []
    for task in sorted(tasks, key=lambda task: task.start):
        row = next((row for row, end in enumerate(ends) if end <= task.start), len(ends))
        ends[row:] = [task.end, *ends[row + 1 :]]
        placed.append((task, row))
    height = _ROOM / max(1, len(ends))
    return [_box(task, start, lane + 1 - (1 - _ROOM) / 2 - row * height, height) for task, row in placed]


def _box(task: TaskTime, start: datetime, top: float, height: float) -> Box:
    left, right = ((at - start).total_seconds() for at in (task.start, task.end))
    step = _STEPS.get(task.step, task.step)
    more = f"{_exactly(right - left)}, from {task.start.astimezone():%H:%M:%S} on"
    more += f", by {task.model}" if task.model else ""
    return Box(left, right, top - height * 0.9, top, charts.DONE, step.capitalize(), more)


def _failed(event: dict[str, Any], start: datetime, width: Seconds) -> Box:
    at, said = (event["at_utc"] - start).total_seconds(), event["body"]
    more = f"{event['at_utc'].astimezone():%H:%M:%S}: {said.get('failure', '')}"
    return Box(
        max(0.0, at - width), at, 0.2, 0.8, charts.FAILED, str(said.get("task", "")).capitalize(), more
    )


def _under_way(stage: StageName, begun: datetime, start: datetime, lane: int) -> Box:
    left, right = ((at - start).total_seconds() for at in (begun, now()))
    more = f"at work since {begun.astimezone():%H:%M:%S}"
    return Box(left, max(left, right), lane + 0.1, lane + 0.9, charts.DONE, DOING[stage], more, alpha=0.45)


def _whole(boxes: Sequence[Box]) -> Seconds:
    return max((box.right for box in boxes), default=1.0)


def in_words(job: Job, tasks: Sequence[TaskTime], tries: int) -> str:
    """The same as the chart, as HTML for those who read it."""
    head = f'<h2 style="{_CAPTION}">Timeline</h2>'
    if not tasks:
        return f'{head}<p style="{_SOFT}">{_NONE[job.status]}</p>'
    said = [f"waited {length(waited)}"] if (waited := _waited(job)) >= 1 else []
    for stage in StageName:
        its = [task for task in tasks if task.stage is stage]
        if its:
            took = (max(task.end for task in its) - min(task.start for task in its)).total_seconds()
            count = f" ({len(its)} tasks)" if len(its) > 1 else ""
            said.append(f"{_DID[stage]} {length(took)}{count}")
    said += [f"{tries} {'try' if tries == 1 else 'tries'} failed"] if tries else []
    ends = (["it is still at work"] if is_at_work(job) else []) + _shortened(tasks)
    items = "".join(f'<li style="display:inline">{escape(each)}</li>' for each in _commas([*said, *ends]))
    return (
        f'{head}<ul aria-label="The timeline in words" style="{_SOFT};padding:0;list-style:none">{items}</ul>'
    )


def _commas(said: Sequence[str]) -> list[str]:
    first, *others = said
    parts = [first[0].upper() + first[1:], *others]
    return [f"{each}, " for each in parts[:-1]] + [f"{parts[-1]}."]


def _shortened(tasks: Sequence[TaskTime]) -> list[str]:
    return [f"of very many tasks the last {MOST_TASKS} are shown"] if len(tasks) == MOST_TASKS else []


def _waited(job: Job) -> Seconds:
    return (job.started_at - job.created_at).total_seconds() if job.started_at else 0.0


def _exactly(seconds: Seconds) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else length(seconds)
