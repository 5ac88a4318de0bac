"""The clips of an episode: why each was chosen, what people think of it, and having it rendered."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from zlib import crc32

import panel_material_ui as pmui
import param

from apps.pages.access import Visitor
from apps.pages.addresses import file_address, media_address
from apps.pages.parts import FOLDER, Part, said, style
from apps.pages.timeline import Timeline, begun
from pipeline import stages, subtitles
from pipeline.captions import LOOKS, letters
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
    video = param.Boolean(default=True)
    editable = param.Boolean(default=False)
    can_add = param.Boolean(default=False)
    """Whether clips can be made by hand: only beside those that were chosen."""

    _bundle = FOLDER / "clips.js"
    _stylesheets = [*Part._stylesheets, style("clips.css")]

    def __init__(self, act: Callable[[str, str, str], object], **params: Any) -> None:
        """`act` gets what is asked for, a clip's id and a detail of it, and may answer.

        That is "seek", "adjust", "preview" in a shape, or a "new" clip from a moment on.
        """
        super().__init__(**params)
        self._act = act

    def _handle_msg(self, msg: object) -> None:
        if answer := self._act(said(msg, "act"), said(msg, "key"), said(msg, "detail")):
            self._send_msg(answer)


class ClipShelf:
    """Cards of the clips and a timeline, with the choice of what to render of them."""

    def __init__(
        self, bench: Workbench, visitor: Visitor, episode: Episode, play: Callable[[Seconds], None]
    ) -> None:
        """`play` plays the recording from a moment."""
        self._bench, self._visitor, self._episode, self._play = bench, visitor, episode, play
        self._reviewed: dict[str, ReviewedClip] = {}
        self._has_letters = False
        self._editable = visitor.scope >= Scope.SUBMIT
        self.cards = Clips(
            self._asked,
            media=media_address(episode.episode_id),
            video=stages.source(episode.artefacts["source"]).media.video is not None,
            editable=self._editable,
            sizing_mode="stretch_width",
        )
        self._timeline = Timeline(bench, visitor, episode.episode_id, play)
        settings = bench.settings
        self._variants = _choice("Variants", Variant, settings.variants)
        self._ratios = _choice("Shapes", AspectRatio, settings.aspect_ratios)
        self._render = pmui.Button(label="", color="primary", margin=0)
        self._render.on_click(lambda event: self._ask(self.cards.chosen or None))
        self._approved = pmui.Button(label="", variant="outlined", margin=0)
        self._approved.on_click(lambda event: self._ask(self._with("approved")))
        archive = f"/episodes/{quote(episode.episode_id)}/clips.zip"
        self._every = pmui.Button(label="Download all (zip)", href=archive, variant="outlined", margin=0)
        makes = [self._variants, self._ratios, self._render, self._approved] if self._editable else []
        self._tools = pmui.Row(*makes, self._every, sizing_mode="stretch_width", sx=_TOOLS)
        parts = [self._timeline.view, self._tools, self.cards]
        self.view = pmui.Column(*parts, sizing_mode="stretch_width", sx=_VIEW)
        """What the page shows."""
        self.cards.param.watch(lambda event: self._name_buttons(), "chosen")
        self.update(episode)

    def update(self, episode: Episode) -> None:
        """Show the clips as they are now; what somebody has chosen, plays or writes stays."""
        self._episode = episode
        clips = self._bench.clips(episode.episode_id)
        reviewed = self._bench.editing.clips(episode.episode_id)
        self._reviewed = {each.clip.clip_id: each for each in reviewed}
        stale = set(self._bench.editing.rebuild(episode.episode_id).clip_files)
        shown = sorted(clips, key=lambda clip: clip.verdict == "rejected")
        self.cards.param.update(
            items=[self._card(each, stale) for each in shown],
            chosen=[clip_id for clip_id in self.cards.chosen if clip_id in self._reviewed],
            empty=_NOTHING_GOOD if episode.stage is StageName.CLIPPED else _NONE,
            can_add="candidates" in episode.artefacts,
        )
        self._timeline.update(reviewed)
        self._tools.visible = bool(clips)
        self._every.visible = any(each.files for each in clips)
        self._name_buttons()

    def _with(self, verdict: str) -> list[str]:
        return [clip_id for clip_id, each in self._reviewed.items() if each.verdict == verdict]

    def _asked(self, act: str, clip_id: str, detail: str) -> dict[str, Any] | None:
        if act == "new":
            return self._begun(detail)
        if (known := self._reviewed.get(clip_id)) is None:
            return None
        if act == "seek":
            self._play(known.clip.span.start)
        elif act == "adjust":
            self._timeline.select(clip_id)
        elif act == "preview" and detail in tuple(AspectRatio):
            return self._preview(known, AspectRatio(detail))
        return None

    def _begun(self, moment: str) -> dict[str, Any] | None:
        """The edit that makes a clip from a moment of the player on; the browser keeps it as all others."""
        transcript = self._bench.editing.texts(self._episode.episode_id).transcript
        try:
            at = float(moment)
        except ValueError:
            return None
        if not transcript.sentences:
            return None
        made = begun(transcript, at, self._bench.settings.clip_min_seconds)
        return {"edit": made.model_dump(mode="json")}

    def _preview(self, known: ReviewedClip, ratio: AspectRatio) -> dict[str, Any]:
        """The captions that the clip's rendering in this shape will show, and how large they will be."""
        transcript = self._bench.editing.texts(self._episode.episode_id).transcript
        video = stages.source(self._episode.artefacts["source"]).media.video
        style, look = subtitles.style_for(ratio, transcript.language), LOOKS[ratio]
        rate = video.fps if video else 25.0
        found = subtitles.cues(transcript, style, known.clip.words, frame_rate=rate)
        font = {} if self._has_letters else {"font": letters()}  # once for each page
        self._has_letters = True
        return font | {
            "key": known.clip.clip_id,
            "ratio": ratio,
            "cues": [[cue.span.start, cue.span.end, list(cue.lines)] for cue in found],
            "look": {
                "line": f"{look.line_height * 100 / 1.2:.2f}cqh",  # lines are higher than letters
                "bottom": f"{look.bottom:.2%}",
                "sides": f"{look.sides:.2%}",
            },
        }

    def _name_buttons(self) -> None:
        count, approved = len(self.cards.chosen), len(self._with("approved"))
        every = "Render all but rejected" if self._with("rejected") else "Render all clips"
        self._render.label = f"Render {count} clip{'s' * (count != 1)}" if count else every
        self._approved.label, self._approved.visible = f"Render approved ({approved})", approved > 0

    def _ask(self, clip_ids: list[str] | None) -> None:
        def ask() -> None:
            asked = self._bench.clips_request(
                self._episode.episode_id, clip_ids, self._variants.value, self._ratios.value
            )
            self._visitor.ask(self._bench, asked)

        self._visitor.acts(ask)

    def _card(self, clip: Clip, stale: set[str]) -> dict[str, Any]:
        episode_id = self._episode.episode_id
        files = [_file(episode_id, clip.clip_id, each, stale) for each in clip.files]
        current = {each["ratio"] for each in files if not each["stale"]}
        ratios = dict.fromkeys((*self._bench.settings.aspect_ratios, *AspectRatio))  # the usual ones first
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
        "address": f"{file_address(episode_id, f'clips/{clip_id}.{rendition}.mp4')}?{_made(file)}",
        "stale": f"{clip_id}/{rendition}" in stale,
    }


def _made(file: ClipFile) -> str:
    """Another one for each rendering, so that a browser does not show the one that it has kept."""
    return f"{crc32(file.path.encode()):08x}"
