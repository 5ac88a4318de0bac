"""What came of an episode, below its transcript: its clips, what it is about, and its files."""

from collections.abc import Callable
from html import escape
from pathlib import Path

import panel as pn
import panel_material_ui as pmui

from apps.pages.access import Visitor
from apps.pages.addresses import file_address
from apps.pages.clips import ClipShelf
from apps.pages.findings import Findings, sections
from apps.pages.wording import size
from pipeline.model import Seconds
from workbench.access import Scope
from workbench.jobs import Episode
from workbench.workbench import Workbench

_LINK = "color:var(--mui-palette-primary-main);overflow-wrap:anywhere"


class Results:
    """Three tabs; `view` is what the page shows."""

    def __init__(
        self, bench: Workbench, visitor: Visitor, episode: Episode, play: Callable[[Seconds], None]
    ) -> None:
        """`play` plays the recording from a moment."""
        self._bench, self._editable = bench, visitor.scope >= Scope.SUBMIT
        self._clips = ClipShelf(bench, visitor, episode, play)
        self._findings = Findings(play, sizing_mode="stretch_width")
        self._files = pn.pane.HTML(_files(bench, episode), sizing_mode="stretch_width")
        tabs = [("Clips", self._clips.view)]
        if "enrichment" in episode.artefacts:
            tabs.append(("About", self._findings))
        tabs.append(("Files", self._files))
        self.view = pmui.Tabs(*tabs, sizing_mode="stretch_width")
        self._find(episode)

    def update(self, episode: Episode) -> None:
        """Show all that as it is now."""
        self._clips.update(episode)
        self._files.object = _files(self._bench, episode)
        self._find(episode)

    def _find(self, episode: Episode) -> None:
        if "transcript" not in episode.artefacts:
            return
        editing, episode_id = self._bench.editing, episode.episode_id
        heard, now = editing.heard(episode_id), editing.texts(episode_id)
        if heard.enrichment and now.enrichment:
            self._findings.sections = sections(
                now.transcript,
                now.enrichment,
                heard.enrichment,
                editing.holding(episode_id),
                editable=self._editable,
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
