"""The clips along the recording: where they lie in its waveform, and where the chosen one starts and ends."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, CustomJS, HoverTool
from bokeh.models.annotations import BoxAnnotation

from apps.pages import waves
from apps.pages.access import Visitor
from apps.pages.parts import FOLDER, Part, said, style
from apps.pages.waves import Waveform
from pipeline.clip_review import ReviewedClip
from pipeline.display import short_clock
from pipeline.edits import NewClip, ReviewClip, Verdict
from pipeline.model import ClipCandidate, Enrichment, Seconds, Transcript, WordSpan
from workbench.access import Scope
from workbench.reviewed import new_edit_id
from workbench.workbench import Workbench

_AROUND: Seconds = 20.0
_CLOSE: Seconds = 1.0  # to the border of what is seen: then more is shown
_STAYED: Seconds = 0.01
_TITLE_WORDS, _TITLE_LENGTH = 8, 120
_LOOKS: dict[Verdict, tuple[str, str]] = {
    "approved": ("#2b8a3e", "solid"),
    "proposed": ("#d9730d", "dashed"),
    "rejected": (waves.GREY, "dotted"),
}
"""Colour and line of each verdict: nobody has to tell colours apart."""
_VIEW = {"gap": "4px"}
_NO_BOXES: dict[str, list[Any]] = {
    name: [] for name in ("left", "right", "colour", "dash", "width", "title", "verdict")
}
# The browser moves the box by itself, and tells where it is once it is let go: nothing is sent while it is
# dragged, and what somebody else changes meanwhile does not take it out of the hand.
_PLACED = """
const {by, left, right} = hand.data
if (by[0] !== "words" || box.held) return
box.placing = true
box.setv({left: left[0], right: right[0]})
box.placing = false
"""
_DRAGGED = """
if (box.placing || box.held) return
box.held = true
const ends = ["pointerup", "pointercancel"]
const drop = () => {
  for (const name of ends) removeEventListener(name, drop, true)
  setTimeout(() => {
    box.held = false
    hand.data = {by: ["hand"], left: [box.left], right: [box.right]}
  }, 50)
}
for (const name of ends) addEventListener(name, drop, true)
"""


class Edges(Part):
    """What the clip in hand says first and last, and buttons that move its edges word by word."""

    heading = param.String()
    first = param.String()
    last = param.String()
    where = param.String()
    editable = param.Boolean(default=False)
    shown = param.Integer(default=0)
    """Rises when the browser is to scroll there."""

    _bundle = FOLDER / "edges.js"
    _stylesheets = [*Part._stylesheets, style("edges.css")]

    def __init__(self, act: Callable[[str, str, str], None], **params: Any) -> None:
        """`act` gets an edge ("first" or "end"; none to play the clip), "earlier" or "later", and by what."""
        super().__init__(**params)
        self._act = act

    def _handle_msg(self, msg: object) -> None:
        self._act(said(msg, "edge"), said(msg, "way"), said(msg, "by"))


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
        self._waveform = Waveform(bench.shelf(episode_id) / f"{episode_id}.peaks.json")
        self._boxes, self._chapters = ColumnDataSource(_NO_BOXES), ColumnDataSource({"at": [], "title": []})
        editable = visitor.scope >= Scope.SUBMIT
        self._closeup: _Closeup | None = None
        self._edges = Edges(self._asked, editable=editable, sizing_mode="stretch_width")
        self._detail = pmui.Column(sizing_mode="stretch_width", visible=False, sx=_VIEW)
        overview = pn.pane.Bokeh(self._overview(), sizing_mode="stretch_width", height=110, margin=0)
        key = pn.pane.HTML(_key(), sizing_mode="stretch_width", margin=0)
        parts = [overview, key, self._detail]
        self.view = pmui.Column(*parts, sizing_mode="stretch_width", sx=_VIEW, visible=False)
        """What the page shows."""

    def update(self, clips: Sequence[ReviewedClip]) -> None:
        """Show the clips as they are now; a clip that is being adjusted stays in hand."""
        _in_turn(lambda: self._update(clips))

    def select(self, clip_id: str) -> None:
        """Take a clip in hand, and have the browser show it."""

        def take() -> None:
            self._take(clip_id)
            self._edges.shown += 1

        _in_turn(take)

    def _update(self, clips: Sequence[ReviewedClip]) -> None:
        self._clips = {each.clip.clip_id: each for each in clips}
        self.view.visible = bool(clips)
        if clips:
            texts = self._bench.editing.texts(self._episode_id)
            self._chapters.data = _chapters(texts.enrichment)
        if self._chosen not in self._clips:
            self._chosen, self._detail.visible = None, False
        self._show()

    def _take(self, clip_id: str) -> None:
        if (known := self._clips.get(clip_id)) is None:
            return
        self._chosen = clip_id
        if self._closeup is None:  # few who open an episode look at a clip so closely
            self._closeup = _Closeup(known.clip, self._waveform, self._duration, self._edges.editable)
            self._closeup.listen(self._play, self._dropped)
            pane = pn.pane.Bokeh(self._closeup.plot, sizing_mode="stretch_width", height=130, margin=0)
            self._detail.objects = [self._edges, pane]
        self._closeup.look_at(known.clip)
        self._detail.visible = True
        self._show()

    def _show(self) -> None:
        """Bring the boxes to where the clips are now, and say the chosen one in words."""
        self._boxes.data = _boxes(list(self._clips.values()), self._chosen)
        if self._chosen is None or self._closeup is None:
            return
        known = self._clips[self._chosen]
        clip = known.clip
        self._closeup.place(clip, _LOOKS[known.verdict][0])
        spoken = [
            word.text for word in self._transcript.words[clip.words.first : clip.words.end] if word.text
        ]
        length = f"from {short_clock(clip.span.start)}, {clip.span.duration:.1f} s, {len(spoken)} words"
        first, last = (" ".join(part) for part in (spoken[:6], spoken[-6:]))
        self._edges.param.update(heading=clip.title, first=first, last=last, where=length)

    def _overview(self) -> Any:
        source = ColumnDataSource(self._waveform.between(0.0, self._duration))
        plot = waves.plot(0.0, self._duration, 110, source)
        boxes = plot.quad(
            left="left",
            right="right",
            bottom=-1,
            top=1,
            fill_color="colour",
            fill_alpha=0.25,
            line_color="colour",
            line_dash="dash",
            line_width="width",
            source=self._boxes,
        )
        ticks = plot.segment(
            x0="at",
            x1="at",
            y0=1.1,
            y1=waves.ABOVE,
            line_color=waves.GREY,
            line_width=4,
            source=self._chapters,
        )
        plot.add_tools(
            HoverTool(renderers=[boxes], tooltips="@title (@verdict)"),
            HoverTool(renderers=[ticks], tooltips="Chapter: @title"),
        )
        plot.on_event(Tap, self._tapped)
        return plot

    @property
    def _transcript(self) -> Transcript:
        return self._bench.editing.texts(self._episode_id).transcript

    def _tapped(self, event: Any) -> None:
        """A tap plays; in a clip, it also takes that clip in hand: of several there, the shortest."""
        at = min(max(0.0, event.x), self._duration)
        self._play(at)
        here = [each.clip for each in self._clips.values() if each.clip.span.start <= at < each.clip.span.end]
        if here:
            self._take(min(here, key=lambda clip: clip.span.duration).clip_id)

    def _dropped(self, left: Seconds, right: Seconds) -> None:
        """The box was dragged and let go."""
        if known := self._clips.get(self._chosen or ""):
            self._keep(known.clip, dragged(self._transcript, known.clip, left, right))

    def _asked(self, edge: str, way: str, by: str) -> None:
        known = self._clips.get(self._chosen or "")
        if known is None:
            return
        if not edge:
            self._play(known.clip.span.start)
        else:
            step = -1 if way == "earlier" else 1
            self._keep(known.clip, nudged(self._transcript, known.clip.words, edge, step, by))

    def _keep(self, clip: ClipCandidate, words: WordSpan) -> None:
        if clip.words == words:
            _in_turn(self._show)  # the box goes back to the words that it has
            return

        def keep() -> None:
            edit = ReviewClip(clip_id=clip.clip_id, words=words)
            self._bench.editing.edit(
                self._episode_id, edit_id=new_edit_id(), edit=edit, who=self._visitor.name
            )
            self.update(self._bench.editing.clips(self._episode_id))

        self._visitor.acts(keep)


class _Closeup:
    """The waveform around one clip, with a box over it whose edges can be dragged."""

    def __init__(self, clip: ClipCandidate, waveform: Waveform, duration: Seconds, editable: bool) -> None:
        self._waveform, self._duration = waveform, duration
        self._seen = self._around(clip)
        self._waves = ColumnDataSource(waveform.between(*self._seen))
        self._hand = ColumnDataSource({"by": ["words"], "left": [0.0], "right": [0.0]})
        self.plot = waves.plot(*self._seen, 130, self._waves)
        """What is drawn."""
        self._box = box = BoxAnnotation(
            left=clip.span.start,
            right=clip.span.end,
            bottom=-1,
            top=1,
            editable=editable,
            resizable="x",
            movable="x",
            syncable=False,
            fill_alpha=0.25,
            line_width=3,
        )
        self.plot.add_layout(box)
        args = {"box": box, "hand": self._hand}
        for edge in ("left", "right"):
            box.js_on_change(edge, CustomJS(args=args, code=_DRAGGED))
        self._hand.js_on_change("data", CustomJS(args=args, code=_PLACED))

    def listen(self, play: Callable[[Seconds], None], dropped: Callable[[Seconds, Seconds], None]) -> None:
        """`play` gets a moment that is tapped, `dropped` where the box is once it was dragged."""
        self.plot.on_event(Tap, lambda event: play(min(max(0.0, event.x), self._duration)))

        def told(name: str, old: Any, new: Any) -> None:
            if new["by"][0] == "hand":
                dropped(float(new["left"][0]), float(new["right"][0]))

        self._hand.on_change("data", told)

    def look_at(self, clip: ClipCandidate) -> None:
        """Show what is around a clip."""
        self._seen = left, right = self._around(clip)
        self._waves.data = self._waveform.between(left, right)
        self.plot.x_range.update(start=left, end=right)

    def place(self, clip: ClipCandidate, colour: str) -> None:
        """Bring the box to a clip, and what is seen with it."""
        self._box.update(fill_color=colour, line_color=colour)
        (left, right), (start, end) = self._seen, (clip.span.start, clip.span.end)
        if start - left < min(_CLOSE, start) or right - end < min(_CLOSE, self._duration - end):
            self.look_at(clip)
        self._hand.data = {"by": ["words"], "left": [start], "right": [end]}

    def _around(self, clip: ClipCandidate) -> tuple[Seconds, Seconds]:
        return max(0.0, clip.span.start - _AROUND), min(self._duration, clip.span.end + _AROUND)


def _in_turn(do: Callable[[], None]) -> None:
    """Do it in the page's own turn: buttons are answered by threads, which may not change Bokeh's models."""
    pn.state.execute(do, schedule=True)


def _boxes(clips: Sequence[ReviewedClip], chosen: str | None) -> dict[str, list[Any]]:
    return {
        "left": [each.clip.span.start for each in clips],
        "right": [each.clip.span.end for each in clips],
        "colour": [_LOOKS[each.verdict][0] for each in clips],
        "dash": [_LOOKS[each.verdict][1] for each in clips],
        "width": [5 if each.clip.clip_id == chosen else 2 for each in clips],
        "title": [each.clip.title for each in clips],
        "verdict": [each.verdict for each in clips],
    }


def _chapters(found: Enrichment | None) -> dict[str, list[Any]]:
    chapters = found.chapters if found else ()
    return {"at": [each.span.start for each in chapters], "title": [each.title for each in chapters]}


def _key() -> str:
    """How the boxes are to be read, and what a click does, as HTML."""
    box = "display:inline-block;width:1.5rem;height:.8rem;margin-right:.35rem;vertical-align:-1px"
    marks = "".join(
        f'<span><span style="{box};border:2px {line} {colour}"></span>{verdict.capitalize()}</span>'
        for verdict, (colour, line) in _LOOKS.items()
    )
    style = "display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.875rem"
    told = "A click plays from there, and takes the clip there in hand. Ticks above are chapters."
    return f'<div style="{style};color:var(--mui-palette-text-secondary)">{marks}<span>{told}</span></div>'


def dragged(transcript: Transcript, clip: ClipCandidate, left: Seconds, right: Seconds) -> WordSpan:
    """The words of `clip` once its edges are there: an edge that stayed keeps its word."""
    nearest, kept = snapped(transcript, left, right), clip.words
    first = kept.first if abs(left - clip.span.start) < _STAYED else nearest.first
    end = kept.end if abs(right - clip.span.end) < _STAYED else nearest.end
    return WordSpan(first=first, end=end) if first < end else nearest


def snapped(transcript: Transcript, left: Seconds, right: Seconds) -> WordSpan:
    """The words that start nearest to `left` and end nearest to `right`; one at least."""
    words = transcript.words
    spoken = [index for index, word in enumerate(words) if word.text] or [0]
    first = spoken[_nearest([words[index].start for index in spoken], left)]
    last = spoken[_nearest([words[index].end for index in spoken], right)]
    return WordSpan(first=first, end=max(first, last) + 1)


def nudged(transcript: Transcript, words: WordSpan, edge: str, step: int, by: str) -> WordSpan:
    """`words` with one edge at the next word, or sentence (`by`), before or after it; a word stays."""
    if by == "sentence":
        runs = [each.words for each in transcript.sentences]
    else:
        spoken = (index for index, word in enumerate(transcript.words) if word.text)
        runs = [WordSpan(first=index, end=index + 1) for index in spoken]
    if edge == "first":
        first = _next([run.first for run in runs], words.first, step)
        return words.model_copy(update={"first": first}) if first < words.end else words
    end = _next([run.end for run in runs], words.end, step)
    return words.model_copy(update={"end": end}) if end > words.first else words


def _next(borders: Sequence[int], at: int, step: int) -> int:
    """The border next to `at` in a direction; `at` itself where there is none."""
    place = bisect_right(borders, at) if step > 0 else bisect_left(borders, at) - 1
    return borders[place] if 0 <= place < len(borders) else at


def _nearest(times: Sequence[Seconds], moment: Seconds) -> int:
    place = bisect_left(times, moment)
    near = [index for index in (place - 1, place) if 0 <= index < len(times)]
    return min(near, key=lambda index: abs(times[index] - moment))


def begun(transcript: Transcript, at: Seconds, shortest: Seconds) -> NewClip:
    """A clip by hand from the sentence at a moment on, of whole sentences and `shortest` at least."""
    ends = [transcript.span(each.words).end for each in transcript.sentences]
    number = min(bisect_right(ends, at), len(ends) - 1)
    first = transcript.sentences[number].words.first
    start = transcript.words[first].start
    last = min(bisect_left(ends, start + shortest, lo=number), len(ends) - 1)
    words = WordSpan(first=first, end=transcript.sentences[last].words.end)
    title = " ".join(transcript.text(words).split()[:_TITLE_WORDS])
    return NewClip(title=title[:_TITLE_LENGTH] or "A clip", words=words)
