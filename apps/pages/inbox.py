"""Adding recordings: by upload, or from the folders that are watched."""

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from apps.pages import shell
from apps.pages.access import Visitor
from apps.pages.following import follow
from apps.pages.job_list import Acts, JobList, row_of, titles_of
from apps.pages.parts import FOLDER, Part, style
from pipeline.model import StageName
from workbench.jobs import Job, JobType
from workbench.workbench import Workbench

_TARGETS = {
    "Everything, with clips": StageName.CLIPPED,
    "Page and subtitles": StageName.RENDERED,
    "Transcript": StageName.TRANSCRIBED,
    "Only find it": StageName.DISCOVERED,
}
_URGENCIES = {"Normal": 0, "Before others": 10, "After others": -10}
_LANGUAGES = {
    "Detect it": "",
    "English": "en",
    "German": "de",
    "Spanish": "es",
    "French": "fr",
    "Catalan": "ca",
}
_SHOWN = 12  # jobs


class Upload(Part):
    """Sends recordings to `endpoint` by tus; `fields` go with each as its metadata."""

    endpoint = param.String(default="/uploads/")
    fields = param.Dict(default={})

    _bundle = FOLDER / "upload.js"
    _stylesheets = [*Part._stylesheets, style("upload.css")]


class InboxPage(pn.viewable.Viewer):
    """What is said of the next recordings, and what became of the last ones."""

    title = param.String(default="", label="Title (for a single file)")
    series = param.String(default="", label="Show")
    guests = param.String(default="", label="Guests, with commas between")
    vocabulary = param.String(default="", label="Names and terms, with commas")
    language = param.Selector(default="", objects=_LANGUAGES, label="Language")
    target = param.Selector(default=StageName.CLIPPED, objects=_TARGETS, label="Process up to")
    urgency = param.Selector(default=0, objects=_URGENCIES, label="Priority")

    def __init__(self, bench: Workbench, **params: Any) -> None:
        super().__init__(**params)
        self._bench, self._visitor = bench, Visitor.here()
        self._upload = Upload(sizing_mode="stretch_width")
        self._jobs = JobList(
            Acts(bench, self._visitor),
            label="What became of them",
            empty=("Nothing has come yet", "What you add shows up here, with what is done for it."),
            sizing_mode="stretch_width",
        )
        self._look = pmui.Button(label="Look in the watched folders", variant="outlined", margin=0)
        self._look.on_click(lambda event: self._visitor.acts(self._discover))
        self.param.watch(lambda *_: self.describe(), [*_WRITTEN, *_CHOSEN])
        self.describe()
        self.refresh()
        follow(bench, self._visitor, self.refresh)

    def describe(self) -> None:
        """Have what the form says go with the next upload."""
        said = {name: getattr(self, name) for name in ("title", "guests", "vocabulary", "language")}
        self._upload.fields = said | {
            "show": self.series,
            "target_stage": self.target,
            "priority": str(self.urgency),
        }

    def refresh(self) -> None:
        """Look at the latest jobs again."""
        jobs = self._bench.jobs(limit=_SHOWN)
        titles = titles_of(self._bench, jobs)
        self._jobs.items = [_row(job, titles, self._visitor) for job in jobs]

    def _discover(self) -> None:
        then = None if self.target is StageName.DISCOVERED else self.target
        asked = self._bench.discover_request(then=then)
        self._visitor.ask(self._bench, asked.model_copy(update={"priority": self.urgency}))

    def __panel__(self) -> Any:
        settings = self._bench.settings
        form = pmui.Paper(
            pmui.Typography("What is known of them", variant="h6", sx={"margin": 0}),
            *(_field(self, name) for name in _WRITTEN),
            *(pmui.Select.from_param(self.param[name], sizing_mode="stretch_width") for name in _CHOSEN),
            variant="outlined",
            sx={"padding": "18px", "gap": "6px"},
            sizing_mode="stretch_width",
        )
        watched_folders = (self._bench.library.inbox, *settings.folders)
        folders = ", ".join(self._visitor.may_know(str(each)) for each in watched_folders)
        watched = pmui.Row(
            self._look,
            pmui.Typography(f"Watched: {escape(folders)}", variant="body2", sx={"color": "text.secondary"}),
            sx={"alignItems": "center", "flexWrap": "wrap"},
            sizing_mode="stretch_width",
        )
        left = pmui.Column(self._upload, watched, self._jobs, sizing_mode="stretch_width", sx={"gap": "18px"})
        columns = pmui.Grid(
            pmui.Grid(left, size={"xs": 12, "md": 8}),
            pmui.Grid(form, size={"xs": 12, "md": 4}),
            container=True,
            spacing=3,
            sizing_mode="stretch_width",
        )
        lead = (
            "Each recording becomes an episode. What you write down helps the transcript to get names right."
        )
        return shell.page("Add recordings", "inbox", columns, lead=lead)


def _field(page: InboxPage, name: str) -> pmui.TextInput:
    """A text that counts while it is typed: a file that is dropped leaves the focus where it is."""
    field = pmui.TextInput(label=page.param[name].label, sizing_mode="stretch_width")
    field.param.watch(lambda event: page.param.update(**{name: event.new}), "value_input")
    return field


_WRITTEN = ("title", "series", "guests", "vocabulary")
_CHOSEN = ("language", "target", "urgency")


def _row(job: Job, titles: dict[str, str], visitor: Visitor) -> dict[str, Any]:
    """A discovery that has ended says what it found, and what it could not read and why."""
    row = row_of(job, titles, visitor)
    if job.job_type is not JobType.DISCOVER or not job.result:
        return row
    found, skipped = job.result["episodes"], job.result["skipped"]
    said = [f"found {each['title']}" for each in found] + [each["reason"] for each in skipped]
    return row | {"message": visitor.may_know("; ".join(said[:4])) or "nothing new"}
