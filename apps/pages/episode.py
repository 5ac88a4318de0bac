"""One episode: the recording with its transcript, what it is about, its clips and its files."""

import logging
import threading
from contextlib import suppress
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from apps.pages import assets, shell
from apps.pages.access import Visitor
from apps.pages.addresses import file_address, heard_address, media_address
from apps.pages.desk import Desk
from apps.pages.following import follow
from apps.pages.job_list import Acts, JobList, row_of, titles_of
from apps.pages.parts import FOLDER, Part, style
from apps.pages.presence import Presence
from apps.pages.results import Results
from apps.pages.wording import STAGES, sentence
from pipeline import manifest, stages
from pipeline.display import short_clock
from pipeline.edits import changes
from pipeline.model import Seconds, StageName
from workbench.errors import NotFound
from workbench.jobs import Episode, Status
from workbench.workbench import Workbench

_LOG = logging.getLogger(__name__)
_HEARD = ("source", "transcript", "enrichment")
"""Artefacts that the player and the findings rest on."""
_SHOWN = 5  # jobs of each kind
_NOTE = "margin:0;padding:.25rem 1rem;border-left:3px solid var(--mui-palette-warning-main)"
_TO_COME = "There is no transcript yet. Process the episode, and it comes up here, word by word."


class Watch(Part):
    """A player with captions, and the transcript that follows it."""

    media = param.String()
    video = param.Boolean()
    poster = param.String(default="")
    captions = param.String(default="")
    language = param.String(default="en")
    words = param.String(default="")
    """Address of the transcript as it was heard."""
    patch = param.Dict(default={})
    """"words" and "speakers" that people have changed, by index."""
    editable = param.Boolean(default=False)
    missing = param.String(default=_TO_COME)
    chapters = param.List(default=[], item_type=dict)

    _bundle = FOLDER / "watch.js"
    _stylesheets = [*Part._stylesheets, style("watch.css")]

    def play(self, at: Seconds) -> None:
        """Play the recording from there."""
        self._send_msg({"play": at})


class EpisodePage(pn.viewable.Viewer):
    """The episode that the address names; it is drawn anew when a job has brought it further."""

    target = param.Selector(
        default=StageName.CLIPPED,
        objects={name: stage for stage, name in STAGES.items() if stage is not StageName.DISCOVERED},
        label="Process up to",
    )

    def __init__(self, bench: Workbench, **params: Any) -> None:
        super().__init__(**params)
        self._bench, self._visitor = bench, Visitor.here()
        self._episode_id = str(pn.state.route_params.get("episode_id", ""))
        self._body = pmui.Column(sizing_mode="stretch_width", sx={"gap": "24px"})
        self._jobs = JobList(
            Acts(bench, self._visitor),
            label="Jobs of this episode",
            sizing_mode="stretch_width",
            visible=False,
        )
        self._presence = Presence(bench, self._episode_id, self._visitor.name)
        self._desk = Desk(
            bench,
            self._visitor,
            self._episode_id,
            self._presence,
            sizing_mode="stretch_width",
            visible=False,
        )
        self._notes = pn.pane.HTML(sizing_mode="stretch_width", margin=0, visible=False)
        self._named = shell.Named()
        self._drawn: Episode | None = None
        self._results: Results | None = None
        self._revision = self._jobs_seen = -1
        self._drawing = threading.Lock()
        self._go = pmui.Button(label="Process", color="primary", margin=0)
        self._go.on_click(lambda event: self._process())
        self.refresh()
        follow(bench, self._visitor, self.refresh)
        pn.state.on_session_destroyed(lambda context: self._presence.leave())

    def refresh(self) -> None:
        """Look at the episode and its jobs again."""
        with self._drawing, suppress(NotFound):
            self._show_jobs()
            self._draw(self._bench.episode(self._episode_id))

    def _draw(self, episode: Episode) -> None:
        before, revision = self._drawn, self._bench.editing.standing(self._episode_id).revision
        self._drawn, known = episode, before.artefacts if before else {}
        is_changed = known != episode.artefacts or revision != self._revision
        if any(known.get(kind) != episode.artefacts.get(kind) for kind in _HEARD):
            self._put_together(episode)
        elif is_changed and self._results:  # whoever listens goes on listening
            self._results.update(episode)
        if is_changed:
            self._show_notes(episode)
            self._show_words(episode)
        self._watch.param.update(**_beside(self._bench, episode))
        self._named.param.update(title=episode.title, lead=_lead(episode))
        self._revision = revision
        self._desk.visible = "transcript" in episode.artefacts
        if self._desk.visible:
            self._desk.update(busy=self._busy)

    def _put_together(self, episode: Episode) -> None:
        """The player and the transcript are there at once, and what is below them once those are seen."""
        self._watch, self._results = _watch(self._bench, episode, editable=self._desk.editable), None
        self._body.objects = [self._watch]
        pn.state.onload(self._add_results)

    def _add_results(self) -> None:
        """In a thread of Panel's, and without the lock while they are made: changes wait for that."""
        watch, episode = self._watch, self._drawn
        if episode is None:
            return
        try:
            results = Results(self._bench, self._visitor, episode, watch.play)
        except Exception:  # noqa: BLE001 - Panel would never call again what is to come once a page is there
            _LOG.exception("what came of %s cannot be shown", self._episode_id)
            pn.state.notifications.error("The clips and files cannot be shown. Load the page again.")
            return
        with self._drawing:
            if self._watch is not watch:  # the page was drawn anew, and asks for its own
                return
            if self._drawn and self._drawn is not episode:
                results.update(self._drawn)
            self._results = results
            self._body.append(results.view)

    def _show_notes(self, episode: Episode) -> None:
        """What must be known of the results, such as that most words are guesses."""
        notes = manifest.notes(episode.artefacts.values())
        lines = "".join(
            f'<p role="note" style="{_NOTE}"><b>Note:</b> {escape(sentence(note))}</p>' for note in notes
        )
        self._notes.param.update(object=lines, visible=bool(notes))

    def _show_words(self, episode: Episode) -> None:
        """The words as they are with what people have changed."""
        if "transcript" not in episode.artefacts:
            return
        editing = self._bench.editing
        heard, now = editing.heard(self._episode_id), editing.texts(self._episode_id)
        words, speakers = changes(heard.transcript, now.transcript)
        self._watch.patch = {
            "words": {str(index): text for index, text in words.items()},
            "speakers": {str(index): name for index, name in speakers.items()},
        }

    def _show_jobs(self) -> None:
        if (number := self._bench.changes.number) == self._jobs_seen:
            return
        running, waiting, latest = (
            self._bench.jobs_with(self._bench.insight.jobs_of(self._episode_id, status, _SHOWN))
            for status in (Status.RUNNING, Status.QUEUED, None)
        )
        busy, failed = [*running, *waiting], [job for job in latest[:1] if job.failure]
        titles = titles_of(self._bench, [*busy, *failed])
        self._jobs.items = [row_of(job, titles, self._visitor) for job in busy or failed]
        self._jobs.visible, self._busy = bool(self._jobs.items), bool(busy)
        self._jobs_seen = number

    def _process(self) -> None:
        def ask() -> None:
            self._visitor.ask(self._bench, self._bench.process_request(self._episode_id, self.target))

        self._visitor.acts(ask)
        self._jobs_seen = -1  # the job is there before the dispatcher says so
        self.refresh()

    def __panel__(self) -> Any:
        try:
            episode = self._bench.episode(self._episode_id)
        except NotFound as error:
            return shell.page("No such episode", "library", lead=str(error))
        target = pmui.Select.from_param(self.param.target, width=220, size="small", margin=0)
        return shell.page(
            episode.title,
            "library",
            self._jobs,
            self._desk,
            self._notes,
            self._body,
            lead=_lead(episode),
            actions=[target, self._go],
            named=self._named,
        )


def _lead(episode: Episode) -> str:
    return f"{short_clock(episode.duration)}, {STAGES[episode.stage].lower()}"


def _beside(bench: Workbench, episode: Episode) -> dict[str, str]:
    """Where the poster and the captions are that have been made; another address for each making.

    They come a moment after the episode says so: their own time tells which ones lie there.
    """
    shelf, name, there = bench.shelf(episode.episode_id), episode.episode_id, dict[str, str]()
    for key, file in {"poster": "poster.jpg", "captions": f"{name}.vtt"}.items():
        with suppress(OSError):
            there[key] = f"{file_address(name, file)}?{(shelf / file).stat().st_mtime_ns:x}"
    return there


def _watch(bench: Workbench, episode: Episode, *, editable: bool) -> Watch:
    name, there = episode.episode_id, _beside(bench, episode)
    source, kinds = stages.source(episode.artefacts["source"]), episode.artefacts
    heard = bench.editing.heard(name) if "transcript" in kinds else None
    if heard:
        assets.soon(heard_address(name))
    chapters = heard.enrichment.chapters if heard and heard.enrichment else ()
    return Watch(
        media=media_address(name),
        video=source.media.video is not None,
        words=heard_address(name) if heard else "",
        language=heard.transcript.language if heard else "en",
        chapters=[{"title": each.title, "first": each.words.first} for each in chapters],
        editable=editable,
        sizing_mode="stretch_width",
        **there,
    )
