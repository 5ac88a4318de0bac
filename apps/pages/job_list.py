"""Jobs as rows, on every page that shows some."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import param

from apps.pages.access import Visitor
from apps.pages.addresses import job_address
from apps.pages.parts import FOLDER, Part, said, style
from apps.pages.wording import KINDS, STATES, ago, left
from workbench.errors import NotFound
from workbench.jobs import Job, Status
from workbench.workbench import Workbench


class JobList(Part):
    """Rows of jobs; `chosen` are the keys of those whose box is ticked, when there are boxes (`choosing`)."""

    label = param.String(default="Jobs")
    items = param.List(default=[], item_type=dict)
    choosing = param.Boolean(default=False)
    chosen = param.List(default=[], item_type=str)
    empty = param.Tuple(default=("No jobs", ""), length=2)

    _bundle = FOLDER / "job_list.js"
    _stylesheets = [*Part._stylesheets, style("job_list.css")]

    def __init__(self, act: Callable[[str, str], None], **params: Any) -> None:
        """`act` gets what a row's button asks for, "cancel" or "retry", and the job's id."""
        super().__init__(**params)
        self._act = act

    def _handle_msg(self, msg: object) -> None:
        self._act(said(msg, "act"), said(msg, "key"))
        self._send_msg({"done": True})


class Acts:
    """Cancels and retries jobs for whoever has the page open, and says what came of it."""

    def __init__(self, bench: Workbench, visitor: Visitor) -> None:
        self._bench = bench
        self._visitor = visitor

    def __call__(self, act: str, job_id: str) -> None:
        self._visitor.acts(lambda: self._do(act, job_id))

    def _do(self, act: str, job_id: str) -> None:
        if act == "cancel":
            self._bench.cancel(job_id, timeout=0.0)
        elif act == "retry":
            self._visitor.ask(self._bench, self._bench.retry_request(job_id))
        else:
            return  # it is none of our buttons
        self._bench.audit(self._visitor.name, act, job_id)


def row_of(job: Job, titles: dict[str, str], visitor: Visitor) -> dict[str, Any]:
    """What a row shows of `job` to a visitor; `titles` are those of the episodes."""
    about = titles.get(job.episode_id or "", job.episode_id) or _files(job)
    more = left(job)
    said = visitor.may_know(job.failure.reason if job.failure else job.message)
    return {
        "key": job.job_id,
        "address": job_address(job.job_id),
        "title": about,
        "facts": f"{KINDS[job.job_type]}, {ago(job.created_at)}",
        "state": STATES[job.status],
        "state_key": job.status,
        "open": not job.ended,
        "progress": round(job.progress, 1),
        "message": f"{said}, {more}" if more else said,
        "cancel": not job.ended,
        "retry": job.status in (Status.FAILED, Status.CANCELLED),
    }


def titles_of(bench: Workbench, jobs: Iterable[Job]) -> dict[str, str]:
    """Episode id → title, of the episodes that these jobs are about."""
    titles: dict[str, str] = {}
    for episode_id in {job.episode_id for job in jobs} - {None}:
        with suppress(NotFound):
            titles[str(episode_id)] = bench.episode(str(episode_id)).title
    return titles


def _files(job: Job) -> str:
    """What a discovery looks at."""
    files = [str(each).replace("\\", "/").rpartition("/")[2] for each in job.params.get("files", ())]
    if not files:
        return "Watched folders"
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
