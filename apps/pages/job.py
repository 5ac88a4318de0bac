"""One job: how far it is, what it waits for, everything that happened to it, and whom it told."""

import json
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from apps.pages import shell
from apps.pages.access import Visitor
from apps.pages.addresses import episode_address
from apps.pages.course import Course
from apps.pages.following import every_second, follow
from apps.pages.job_list import Acts, JobList, row_of, titles_of
from apps.pages.parts import FOLDER, Part, said, style
from apps.pages.wording import KINDS
from workbench.errors import NotFound
from workbench.jobs import Delivery
from workbench.workbench import Workbench


class Records(Part):
    """A table of texts; a row may have one button, whose key comes back."""

    caption = param.String()
    heads = param.List(default=[], item_type=str)
    rows = param.List(default=[], item_type=dict)
    none = param.String(default="Nothing yet.")

    _bundle = FOLDER / "records.js"
    _stylesheets = [*Part._stylesheets, style("records.css")]

    def __init__(self, act: Callable[[str], None] = lambda key: None, **params: Any) -> None:
        """`act` gets the key of the row whose button was pressed."""
        super().__init__(**params)
        self._act = act

    def _handle_msg(self, msg: object) -> None:
        self._act(said(msg, "key"))
        self._send_msg({"done": True})


class JobPage(pn.viewable.Viewer):
    """The job that the address names."""

    def __init__(self, bench: Workbench, **params: Any) -> None:
        super().__init__(**params)
        self._bench, self._visitor = bench, Visitor.here()
        self._job_id = str(pn.state.route_params.get("job_id", ""))
        self._row = JobList(Acts(bench, self._visitor), label="The job", sizing_mode="stretch_width")
        self._course = Course(bench, self._visitor)
        self._log = Records(
            caption="What happened", heads=["When", "What", "More"], sizing_mode="stretch_width"
        )
        self._told = Records(
            self._replay,
            caption="Who was told",
            heads=["Last try", "Where", "How it stands"],
            none="Nobody is to be told of this job.",
            sizing_mode="stretch_width",
        )
        self._ended = True  # as an unknown job, until it is seen
        self.refresh()
        follow(bench, self._visitor, self.refresh)
        every_second(self._while_open)

    def refresh(self) -> None:
        """Look at the job again."""
        try:
            job = self._bench.job(self._job_id)
        except NotFound:
            return
        self._ended = job.ended
        self._row.items = [row_of(job, titles_of(self._bench, [job]), self._visitor)]
        log = self._bench.log(self._job_id)
        self._log.rows = [_event(self._visitor.may_know(each)) for each in log]
        told = self._bench.outbox.deliveries(job_id=self._job_id)
        self._told.rows = [_delivery(each, self._visitor) for each in told]
        self._course.show(job, log)

    def _while_open(self) -> None:
        if not self._ended:
            self.refresh()

    def _replay(self, delivery_id: str) -> None:
        def replay() -> None:
            self._bench.outbox.replay(delivery_id)
            self._bench.audit(self._visitor.name, "replay", delivery_id)

        self._visitor.acts(replay)
        self.refresh()

    def __panel__(self) -> Any:
        try:
            job = self._bench.job(self._job_id)
        except NotFound as error:
            return shell.page("No such job", "jobs", lead=str(error))
        to = [_to_episode(job.episode_id)] if job.episode_id else []
        lead = f"Job {job.job_id}, asked for by {job.requested_by or 'this machine'}"
        return shell.page(
            KINDS[job.job_type],
            "jobs",
            self._row,
            self._course.view,
            self._log,
            self._told,
            lead=lead,
            actions=to,
        )


def _to_episode(episode_id: str) -> pmui.Button:
    return pmui.Button(
        label="Open the episode", href=episode_address(episode_id), variant="outlined", margin=0
    )


def _event(event: dict[str, Any]) -> dict[str, Any]:
    body = {key: value for key, value in event["body"].items() if value not in (None, "", False)}
    said = body.pop("message", "")
    more = "; ".join([said] * bool(said) + [f"{key}: {_plain(value)}" for key, value in body.items()])
    return {"cells": [_moment(event["at_utc"]), event["kind"], more]}


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _delivery(delivery: Delivery, visitor: Visitor) -> dict[str, Any]:
    tries = f"{delivery.tries} {'try' if delivery.tries == 1 else 'tries'}"
    how = ", ".join(filter(None, [delivery.state, tries, visitor.may_know(delivery.last_reason or "")]))
    where = delivery.target.partition("?")[0]  # what follows may be a secret of the receiver
    cells = [_moment(delivery.ended_at or delivery.created_at), where, how]
    return {"cells": cells, "key": delivery.delivery_id, "act": "Send again"}


def _moment(at: Any) -> str:
    return f"{at.astimezone():%d %b %H:%M:%S}"
