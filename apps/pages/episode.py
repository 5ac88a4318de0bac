"""One episode: the recording with its transcript, what it is about, its clips and its files."""

import threading
from html import escape
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from apps.pages import shell
from apps.pages.access import Visitor
from apps.pages.addresses import file_address, media_address
from apps.pages.clips import ClipShelf
from apps.pages.findings import findings
from apps.pages.following import follow
from apps.pages.job_list import Acts, JobList, row_of, titles_of
from apps.pages.parts import FOLDER, Part
from apps.pages.wording import STAGES, size
from pipeline import stages
from pipeline.display import short_clock
from pipeline.model import Enrichment, Seconds, StageName, Transcript
from workbench.errors import NotFound
from workbench.jobs import Episode, Job, Status
from workbench.workbench import Workbench

_HEARD = ("source", "transcript", "enrichment")
"""Artefacts that the player and the findings rest on."""
_SHOWN = 5  # jobs of each kind
_LINK = "color:var(--mui-palette-primary-main);overflow-wrap:anywhere"
_TO_COME = "There is no transcript yet. Process the episode, and it comes up here, word by word."


class Watch(Part):
    """A player with captions, and the transcript that follows it."""

    media = param.String()
    video = param.Boolean()
    poster = param.String(default="")
    captions = param.String(default="")
    language = param.String(default="en")
    words = param.String(default="")
    missing = param.String(default=_TO_COME)
    chapters = param.List(default=[], item_type=dict)

    _esm = FOLDER / "watch.js"
    _stylesheets = [*Part._stylesheets, FOLDER / "watch.css"]

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
        self._drawn: Episode | None = None
        self._drawing = threading.Lock()
        self._go = pmui.Button(label="Process", color="primary", margin=0)
        self._go.on_click(lambda event: self._process())
        self.refresh()
        follow(bench, self._visitor, self.refresh)

    def refresh(self) -> None:
        """Look at the episode and its jobs again."""
        self._show_jobs()
        try:
            episode = self._bench.episode(self._episode_id)
        except NotFound:
            return
        with self._drawing:
            before = self._drawn.artefacts if self._drawn else {}
            self._drawn = episode
            if any(before.get(kind) != episode.artefacts.get(kind) for kind in _HEARD):
                self._body.objects = self._parts(episode)
            elif before != episode.artefacts:  # whoever listens goes on listening
                self._clips.update(episode)
                self._files.object = _files(self._bench, episode)

    def _show_jobs(self) -> None:
        running, waiting, latest = (
            [job for job in self._bench.jobs(status, _SHOWN, text=self._episode_id) if self._is_mine(job)]
            for status in (Status.RUNNING, Status.QUEUED, None)
        )
        busy, failed = [*running, *waiting], [job for job in latest[:1] if job.failure]
        titles = titles_of(self._bench, [*busy, *failed])
        self._jobs.items = [row_of(job, titles, self._visitor) for job in busy or failed]
        self._jobs.visible = bool(self._jobs.items)

    def _is_mine(self, job: Job) -> bool:
        return job.episode_id == self._episode_id

    def _process(self) -> None:
        with self._visitor.acts():
            self._visitor.ask(self._bench, self._bench.process_request(self._episode_id, self.target))
        self.refresh()

    def _parts(self, episode: Episode) -> list[Any]:
        transcript, enrichment = _read(episode)
        watch = _watch(self._bench, episode, transcript, enrichment)
        self._clips = ClipShelf(self._bench, self._visitor, episode, watch.play)
        self._files = pn.pane.HTML(_files(self._bench, episode), sizing_mode="stretch_width")
        tabs = [("Clips", self._clips.view)]
        if transcript and enrichment:
            tabs.append(("About", findings(transcript, enrichment, watch.play)))
        tabs.append(("Files", self._files))
        return [watch, pmui.Tabs(*tabs, sizing_mode="stretch_width")]

    def __panel__(self) -> Any:
        try:
            episode = self._bench.episode(self._episode_id)
        except NotFound as error:
            return shell.page("No such episode", "library", lead=str(error))
        target = pmui.Select.from_param(self.param.target, width=220, size="small", margin=0)
        lead = f"{short_clock(episode.duration)}, {STAGES[episode.stage].lower()}"
        return shell.page(
            episode.title, "library", self._jobs, self._body, lead=lead, actions=[target, self._go]
        )


def _read(episode: Episode) -> tuple[Transcript | None, Enrichment | None]:
    kinds = episode.artefacts
    transcript = stages.transcript(kinds["transcript"]) if "transcript" in kinds else None
    enrichment = stages.enrichment(kinds["enrichment"]) if "enrichment" in kinds else None
    return transcript, enrichment


def _watch(
    bench: Workbench, episode: Episode, transcript: Transcript | None, enrichment: Enrichment | None
) -> Watch:
    shelf, name = bench.shelf(episode.episode_id), episode.episode_id
    there = {
        key: file_address(name, file)
        for key, file in {
            "poster": "poster.jpg",
            "captions": f"{name}.vtt",
            "words": f"{name}.words.json",
        }.items()
        if (shelf / file).is_file()
    }
    source = stages.source(episode.artefacts["source"])
    chapters = enrichment.chapters if enrichment else ()
    return Watch(
        media=media_address(name),
        video=source.media.video is not None,
        language=transcript.language if transcript else "en",
        chapters=[{"title": each.title, "first": each.words.first} for each in chapters],
        sizing_mode="stretch_width",
        **there,
    )


def _files(bench: Workbench, episode: Episode) -> str:
    """The episode's files as a list of links."""
    shelf = bench.shelf(episode.episode_id)
    files = sorted(file for file in shelf.rglob("*") if file.is_file() and not file.is_symlink())
    rows = "".join(_file(shelf, file, episode.episode_id) for file in files)
    if not rows:
        return "<p>No files yet: they are made when the episode is processed.</p>"
    return f'<ul style="line-height:2;padding-left:1.2rem">{rows}</ul>'


def _file(shelf: Path, file: Path, episode_id: str) -> str:
    name = file.relative_to(shelf).as_posix()
    link = f'<a style="{_LINK}" href="{file_address(episode_id, name)}" download>{escape(name)}</a>'
    return f"<li>{link} {size(file.stat().st_size)}</li>"
