"""The clips along the recording: where they lie in its waveform, and where the chosen one starts and ends."""

import json
from bisect import bisect_left
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, HoverTool, Range1d
from bokeh.models.annotations import BoxAnnotation
from bokeh.plotting import figure
from numpy.typing import NDArray

from apps.pages.access import Visitor
from pipeline.clip_review import ReviewedClip
from pipeline.display import short_clock
from pipeline.edits import ReviewClip
from pipeline.model import Seconds, Transcript, WordSpan
from workbench.access import Scope
from workbench.reviews import new_edit_id
from workbench.workbench import Workbench

_POINTS = 1500  # of a waveform that is drawn: more than a screen has
_AROUND: Seconds = 20.0
_RESTS = 350  # milliseconds without a move after which a drag is taken to be over
_GREY = "#8a8f98"  # can be read on white and on black
_COLOURS = {"proposed": "#d9730d", "approved": "#2b8a3e", "rejected": "#8a8f98"}
_CLOCK = """
const minutes = Math.floor(tick / 60), seconds = String(Math.floor(tick % 60)).padStart(2, "0");
return `${minutes}:${seconds}`;
"""
_ROW = {"alignItems": "center", "flexWrap": "wrap", "gap": "8px"}
_VIEW = {"gap": "4px"}
_NUDGES = (
    ("Start earlier", "first", -1),
    ("Start later", "first", 1),
    ("End earlier", "end", -1),
    ("End later", "end", 1),
)


class Timeline:
    """The whole recording with its clips; below it the chosen clip, whose edges can be dragged."""

    def __init__(
        self, bench: Workbench, visitor: Visitor, episode_id: str, play: Callable[[Seconds], None]
    ) -> None:
        """`play` plays the recording from a moment."""
        self._bench, self._visitor, self._episode_id, self._play = bench, visitor, episode_id, play
        self._clips: dict[str, ReviewedClip] = {}
        self._chosen: str | None = None
        self._duration = bench.episode(episode_id).duration
        file = bench.shelf(episode_id) / f"{episode_id}.peaks.json"
        self._peaks, self._per_second = _read(file)
        self._boxes = ColumnDataSource({name: [] for name in ("left", "right", "colour", "title", "verdict")})
        self._box: BoxAnnotation | None = None
        self._moves, self._quiet = 0, False
        self._said = pn.pane.HTML("", sizing_mode="stretch_width", margin=0)
        self._detail = pmui.Column(sizing_mode="stretch_width", visible=False, sx=_VIEW)
        overview = pn.pane.Bokeh(self._overview(), sizing_mode="stretch_width", height=110, margin=0)
        self.view = pmui.Column(overview, self._detail, sizing_mode="stretch_width", sx=_VIEW, visible=False)
        """What the page shows."""

    def update(self, clips: Sequence[ReviewedClip]) -> None:
        """Show the clips as they are now; a clip that is being adjusted stays in hand."""
        _in_turn(lambda: self._update(clips))

    def select(self, clip_id: str) -> None:
        """Take a clip in hand."""
        _in_turn(lambda: self._select(clip_id))

    def _update(self, clips: Sequence[ReviewedClip]) -> None:
        self._clips = {each.clip.clip_id: each for each in clips}
        self.view.visible = bool(clips)
        self._boxes.data = {
            "left": [each.clip.span.start for each in clips],
            "right": [each.clip.span.end for each in clips],
            "colour": [_COLOURS[each.verdict] for each in clips],
            "title": [each.clip.title for each in clips],
            "verdict": [each.verdict for each in clips],
        }
        if self._chosen in self._clips:
            self._place()
        elif self._chosen:
            self._chosen, self._detail.visible = None, False

    def _select(self, clip_id: str) -> None:
        self._chosen = clip_id
        self._detail.objects = [
            self._said,
            pn.pane.Bokeh(self._closeup(), sizing_mode="stretch_width", height=130, margin=0),
            pmui.Row(*self._tools(), sizing_mode="stretch_width", sx=_ROW),
        ]
        self._detail.visible = True
        self._place()

    def _overview(self) -> Any:
        plot = _plot(0.0, self._duration, 110)
        _draw(plot, *_thinned(self._peaks, self._per_second, 0.0, self._duration))
        boxes = plot.quad(
            left="left",
            right="right",
            bottom=-1,
            top=1,
            fill_color="colour",
            fill_alpha=0.3,
            line_color="colour",
            line_width=2,
            source=self._boxes,
        )
        plot.add_tools(HoverTool(renderers=[boxes], tooltips=[("", "@title"), ("", "@verdict")]))
        plot.on_event(Tap, self._tapped)
        return plot

    def _closeup(self) -> Any:
        span = self._clips[self._chosen or ""].clip.span
        left, right = max(0.0, span.start - _AROUND), min(self._duration, span.end + _AROUND)
        plot = _plot(left, right, 130)
        _draw(plot, *_thinned(self._peaks, self._per_second, left, right))
        self._box = BoxAnnotation(
            left=span.start,
            right=span.end,
            editable=self._may,
            resizable="x",
            movable="x",
            fill_color=_COLOURS["proposed"],
            fill_alpha=0.25,
            line_color=_COLOURS["proposed"],
            line_width=3,
        )
        for edge in ("left", "right"):
            self._box.on_change(edge, self._moved)
        plot.add_layout(self._box)
        plot.on_event(Tap, lambda event: self._play(max(0.0, event.x)))
        return plot

    def _tools(self) -> list[Any]:
        play = pmui.Button(label="Play the clip", variant="outlined", size="small", margin=0)
        play.on_click(lambda event: self._play(self._clips[self._chosen or ""].clip.span.start))
        if not self._may:
            return [play]
        made = []
        for label, edge, step in _NUDGES:
            button = pmui.Button(label=label, variant="outlined", size="small", margin=0)
            button.description = f"{label} by a word"
            button.on_click(lambda event, edge=edge, step=step: self._nudge(edge, step))
            made.append(button)
        return [play, *made]

    @property
    def _may(self) -> bool:
        return self._visitor.scope >= Scope.SUBMIT

    @property
    def _transcript(self) -> Transcript:
        return self._bench.editing.texts(self._episode_id).transcript

    def _tapped(self, event: Any) -> None:
        """A tap plays; in a clip, it also takes that clip in hand."""
        here = [
            clip_id
            for clip_id, each in self._clips.items()
            if each.clip.span.start <= event.x < each.clip.span.end
        ]
        self._play(min(max(0.0, event.x), self._duration))
        if here:
            self.select(here[0])

    def _moved(self, name: str, old: float, new: float) -> None:
        """The box is dragged: once it rests, its edges snap to words."""
        if self._quiet or pn.state.curdoc is None:
            return
        self._moves += 1
        move = self._moves
        pn.state.curdoc.add_timeout_callback(lambda: self._rested(move), _RESTS)

    def _rested(self, move: int) -> None:
        if move == self._moves and self._box is not None:
            left, right = (float(str(edge)) for edge in (self._box.left, self._box.right))
            self._keep(snapped(self._transcript, left, right))

    def _nudge(self, edge: str, step: int) -> None:
        words = self._clips[self._chosen or ""].clip.words
        self._keep(nudged(words, edge, step, len(self._transcript.words)))

    def _keep(self, words: WordSpan) -> None:
        known = self._clips.get(self._chosen or "")
        if known is None or known.clip.words == words:
            _in_turn(self._place)
            return
        with self._visitor.acts():
            edit = ReviewClip(clip_id=known.clip.clip_id, words=words)
            self._bench.editing.edit(self._episode_id, new_edit_id(), edit, self._visitor.name)
            self.update(self._bench.editing.clips(self._episode_id))

    def _place(self) -> None:
        """Bring the box to where the chosen clip is now, and say it in words."""
        clip = self._clips[self._chosen or ""].clip
        if self._box is not None:
            self._quiet = True
            self._box.update(left=clip.span.start, right=clip.span.end)
            self._quiet = False
        words = self._transcript.words[clip.words.first : clip.words.end]
        first, last = (" ".join(each.text for each in part) for part in (words[:6], words[-6:]))
        self._said.object = in_words(clip.title, first, last, clip.span.start, clip.span.duration, len(words))


def _in_turn(do: Callable[[], None]) -> None:
    """Do it in the page's own turn: buttons are answered by threads, which may not change Bokeh's models."""
    pn.state.execute(do, schedule=True)


def in_words(title: str, first: str, last: str, start: Seconds, length: Seconds, count: int) -> str:
    """What a clip says first and last, and how long it is, as HTML."""
    where = f"from {short_clock(start)}, {length:.1f} s, {count} words"
    return (
        f"<p style='margin:.5rem 0'><strong>{escape(title)}</strong>: “{escape(first)} … {escape(last)}” "
        f"<span style='color:var(--mui-palette-text-secondary)'>{where}</span></p>"
    )


def snapped(transcript: Transcript, left: Seconds, right: Seconds) -> WordSpan:
    """The words that start nearest to `left` and end nearest to `right`; one at least."""
    starts, ends = [word.start for word in transcript.words], [word.end for word in transcript.words]
    first = _nearest(starts, left)
    return WordSpan(first=first, end=max(first, _nearest(ends, right)) + 1)


def nudged(words: WordSpan, edge: str, step: int, count: int) -> WordSpan:
    """`words` with one word more or less at one edge, of `count` that there are."""
    if edge == "first":
        return WordSpan(first=min(max(0, words.first + step), words.end - 1), end=words.end)
    return WordSpan(first=words.first, end=min(max(words.first + 1, words.end + step), count))


def _nearest(times: Sequence[Seconds], moment: Seconds) -> int:
    place = bisect_left(times, moment)
    near = [index for index in (place - 1, place) if 0 <= index < len(times)]
    return min(near, key=lambda index: abs(times[index] - moment))


def _read(file: Path) -> tuple[NDArray[np.float64], float]:
    """The waveform, 0 to 1, and how many peaks a second has; none for an episode of an older version."""
    if not file.is_file():
        return np.zeros(0), 1.0
    found = json.loads(file.read_bytes())
    return np.asarray(found["peaks"], dtype=np.float64) / 100, float(found["per_second"])


def _thinned(
    peaks: NDArray[np.float64], per_second: float, left: Seconds, right: Seconds
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and the loudest peaks between two moments, few enough to be drawn."""
    part = peaks[int(left * per_second) : int(right * per_second) + 1]
    each = max(1, -(-len(part) // _POINTS))
    padded = np.pad(part, (0, -len(part) % each))
    loudest: NDArray[np.float64] = padded.reshape(-1, each).max(axis=1) if len(padded) else padded
    times = np.arange(len(loudest), dtype=np.float64) + 0.5
    return left + times * (each / per_second), loudest


def _plot(left: Seconds, right: Seconds, height: int) -> Any:
    plot = figure(
        x_range=Range1d(start=left, end=right),
        y_range=Range1d(start=-1.05, end=1.05),
        height=height,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=0,
    )
    plot.yaxis.visible = plot.grid.visible = False
    axis = plot.xaxis[0]
    axis.formatter = CustomJSTickFormatter(code=_CLOCK)
    axis.update(axis_line_color=_GREY, major_tick_line_color=_GREY, major_label_text_color=_GREY)
    axis.minor_tick_line_color = None
    return plot


def _draw(plot: Any, times: NDArray[np.float64], peaks: NDArray[np.float64]) -> None:
    """A plot must have something to draw: without a waveform, nothing that can be seen."""
    plot.varea(x=times, y1=-peaks, y2=peaks, fill_color=_GREY, fill_alpha=0.55)
