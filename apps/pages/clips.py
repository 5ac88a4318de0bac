"""The clips of an episode: why each was chosen, what people think of it, and having it rendered."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import panel_material_ui as pmui
import param

from apps.pages.access import Visitor
from apps.pages.addresses import file_address, media_address
from apps.pages.parts import FOLDER, Part, said
from apps.pages.timeline import Timeline
from pipeline import stages, subtitles
from pipeline.captions import LOOKS
from pipeline.clip_review import ReviewedClip
from pipeline.display import short_clock
from pipeline.model import AspectRatio, Seconds, StageName, Variant
from workbench.access import Scope
from workbench.jobs import Clip, ClipFile, Episode
from workbench.workbench import Workbench

_NONE = ("No clips yet", "Process the episode up to its clips, and the best moments come up here.")
_NOTHING_GOOD = (
    "No clips",
    "Nothing in this recording was found worth a clip of its own. Select words of the transcript for one.",
)
_TOOLS = {"alignItems": "center", "flexWrap": "wrap", "gap": "12px"}
_VIEW = {"gap": "16px", "paddingTop": "16px"}
_NAMES = {
    "9x16": "Upright (9x16)",
    "4x5": "Portrait (4x5)",
    "1x1": "Square (1x1)",
    "16x9": "Wide (16x9)",
    "clean": "clean",
    "subtitled": "with subtitles",
}


class Clips(Part):
    """Clips as cards; `chosen` are the keys of those that are to be rendered."""

    items = param.List(default=[], item_type=dict)
    chosen = param.List(default=[], item_type=str)
    empty = param.Tuple(default=_NONE, length=2)
    media = param.String()
    editable = param.Boolean(default=False)

    _esm = FOLDER / "clips.js"
    _stylesheets = [*Part._stylesheets, FOLDER / "clips.css"]

    def __init__(self, act: Callable[[str, str, str], object], **params: Any) -> None:
        """`act` gets what is asked for ("seek", "adjust", "preview"), a clip's id and a shape; may answer."""
        super().__init__(**params)
        self._act = act

    def _handle_msg(self, msg: object) -> None:
        if answer := self._act(said(msg, "act"), said(msg, "key"), said(msg, "ratio")):
            self._send_msg(answer)


class ClipShelf:
    """Cards of the clips and a timeline, with the choice of what to render of them."""

    def __init__(
        self, bench: Workbench, visitor: Visitor, episode: Episode, play: Callable[[Seconds], None]
    ) -> None:
        """`play` plays the recording from a moment."""
        self._bench, self._visitor, self._episode, self._play = bench, visitor, episode, play
        self._reviewed: dict[str, ReviewedClip] = {}
        editable = visitor.scope >= Scope.SUBMIT
        media = media_address(episode.episode_id)
        self.cards = Clips(self._asked, media=media, editable=editable, sizing_mode="stretch_width")
        self._timeline = Timeline(bench, visitor, episode.episode_id, play)
        settings = bench.settings
        self._variants = _choice("Variants", Variant, settings.variants)
        self._ratios = _choice("Shapes", AspectRatio, settings.aspect_ratios)
        self._render = pmui.Button(label="Render all clips", color="primary", margin=0)
        self._render.on_click(lambda event: self._ask(self.cards.chosen or None))
        self._approved = pmui.Button(label="", variant="outlined", margin=0)
        self._approved.on_click(lambda event: self._ask(self._with("approved")))
        archive = f"/episodes/{quote(episode.episode_id)}/clips.zip"
        self._every = pmui.Button(label="Download all (zip)", href=archive, variant="outlined", margin=0)
        tools = [self._variants, self._ratios, self._render, self._approved, self._every]
        self._tools = pmui.Row(*tools, sizing_mode="stretch_width", sx=_TOOLS)
        parts = [self._timeline.view, self._tools, self.cards]
        self.view = pmui.Column(*parts, sizing_mode="stretch_width", sx=_VIEW)
        """What the page shows."""
        self.cards.param.watch(self._name_button, "chosen")
        self.update(episode)

    def update(self, episode: Episode) -> None:
        """Show the clips as they are now; what somebody has chosen, plays or writes stays."""
        clips = self._bench.clips(episode.episode_id)
        reviewed = self._bench.editing.clips(episode.episode_id)
        self._reviewed = {each.clip.clip_id: each for each in reviewed}
        stale = set(self._bench.editing.rebuild(episode.episode_id).clip_files)
        shown = sorted(clips, key=lambda clip: clip.verdict == "rejected")
        self.cards.param.update(
            items=[self._card(each, stale) for each in shown],
            empty=_NOTHING_GOOD if episode.stage is StageName.CLIPPED else _NONE,
        )
        self._timeline.update(reviewed)
        self._tools.visible = bool(clips)
        self._every.visible = any(each.files for each in clips)
        approved = len(self._with("approved"))
        self._approved.visible = approved > 0
        self._approved.label = f"Render approved ({approved})"

    def _with(self, verdict: str) -> list[str]:
        return [clip_id for clip_id, each in self._reviewed.items() if each.verdict == verdict]

    def _asked(self, act: str, clip_id: str, ratio: str) -> dict[str, Any] | None:
        if (known := self._reviewed.get(clip_id)) is None:
            return None
        if act == "seek":
            self._play(known.clip.span.start)
        elif act == "adjust":
            self._timeline.select(clip_id)
        elif act == "preview" and ratio in tuple(AspectRatio):
            return self._preview(known, AspectRatio(ratio))
        return None

    def _preview(self, known: ReviewedClip, ratio: AspectRatio) -> dict[str, Any]:
        """The captions that the clip's rendering in this shape will show, and how large they will be."""
        transcript = self._bench.editing.texts(self._episode.episode_id).transcript
        video = stages.source(self._episode.artefacts["source"]).media.video
        style, look = subtitles.style_for(ratio, transcript.language), LOOKS[ratio]
        rate = video.fps if video else 25.0
        found = subtitles.cues(transcript, style, known.clip.words, frame_rate=rate)
        return {
            "key": known.clip.clip_id,
            "ratio": ratio,
            "cues": [[cue.span.start, cue.span.end, list(cue.lines)] for cue in found],
            "look": {
                "line": f"{look.line_height * 100 / 1.2:.2f}cqh",  # lines are higher than letters
                "bottom": f"{look.bottom:.2%}",
                "sides": f"{look.sides:.2%}",
            },
        }

    def _name_button(self, event: Any) -> None:
        count = len(event.new)
        self._render.label = f"Render {count} clip{'s' * (count != 1)}" if count else "Render all clips"

    def _ask(self, clip_ids: list[str] | None) -> None:
        with self._visitor.acts():
            asked = self._bench.clips_request(
                self._episode.episode_id, clip_ids, self._variants.value, self._ratios.value
            )
            self._visitor.ask(self._bench, asked)

    def _card(self, clip: Clip, stale: set[str]) -> dict[str, Any]:
        episode_id = self._episode.episode_id
        files = [_file(episode_id, clip.clip_id, each, stale) for each in clip.files]
        current = {each["ratio"] for each in files if not each["stale"]}
        ratios = self._bench.settings.aspect_ratios
        words = self._reviewed[clip.clip_id].clip.words
        score = f", score {clip.score * 100:.0f} of 100" if clip.score_parts else ""
        return {
            "key": clip.clip_id,
            "title": clip.title,
            "start": clip.span.start,
            "end": clip.span.end,
            "said": [words.first, words.end],
            "from": short_clock(clip.span.start),
            "facts": f"{clip.span.duration:.0f} s{score}",
            "verdict": clip.verdict,
            "why_not": clip.verdict_reason,
            "hand": clip.by_hand,
            "reasons": list(clip.reasons),
            "parts": [[name.replace("_", " "), round(share, 3)] for name, share in clip.score_parts.items()],
            "files": files,
            "previews": [{"ratio": each, "name": _NAMES[each]} for each in ratios if each not in current],
        }


def _choice(label: str, every: Any, chosen: Any) -> pmui.MultiChoice:
    options = {_NAMES[each]: each for each in every}
    return pmui.MultiChoice(label=label, options=options, value=list(chosen), width=300, margin=0)


def _file(episode_id: str, clip_id: str, file: ClipFile, stale: set[str]) -> dict[str, Any]:
    rendition = f"{file.aspect_ratio}-{file.variant}"
    return {
        "name": f"{_NAMES[file.aspect_ratio]}, {_NAMES[file.variant]}",
        "ratio": file.aspect_ratio,
        "file": f"{episode_id}.{clip_id}.{rendition}.mp4",
        "address": file_address(episode_id, f"clips/{clip_id}.{rendition}.mp4"),
        "stale": f"{clip_id}/{rendition}" in stale,
    }
