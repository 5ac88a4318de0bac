"""The clips of an episode: why each was chosen, what it looks like, and having them rendered."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import panel_material_ui as pmui
import param

from apps.pages.access import Visitor
from apps.pages.addresses import file_address
from apps.pages.parts import FOLDER, Part, said
from pipeline.display import short_clock
from pipeline.model import AspectRatio, Seconds, StageName, Variant
from workbench.jobs import Clip, Episode
from workbench.workbench import Workbench

_NONE = ("No clips yet", "Process the episode up to its clips, and the best moments come up here.")
_NOTHING_GOOD = ("No clips", "Nothing in this recording was found worth a clip of its own.")
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

    _esm = FOLDER / "clips.js"
    _stylesheets = [*Part._stylesheets, FOLDER / "clips.css"]

    def __init__(self, play: Callable[[Seconds], None], **params: Any) -> None:
        super().__init__(**params)
        self._play = play

    def _handle_msg(self, msg: object) -> None:
        for item in self.items:
            if item["key"] == said(msg, "key"):
                self._play(item["start"])


class ClipShelf:
    """Cards of the clips, with the choice of what to render of them."""

    def __init__(
        self, bench: Workbench, visitor: Visitor, episode: Episode, play: Callable[[Seconds], None]
    ) -> None:
        """`play` plays the recording from a moment."""
        self._bench, self._visitor, self._episode = bench, visitor, episode
        self.cards = Clips(play, sizing_mode="stretch_width")
        settings = bench.settings
        self._variants = _choice("Variants", Variant, settings.variants)
        self._ratios = _choice("Shapes", AspectRatio, settings.aspect_ratios)
        self._render = pmui.Button(label="Render all clips", color="primary", margin=0)
        self._render.on_click(lambda event: self._ask())
        archive = f"/episodes/{quote(episode.episode_id)}/clips.zip"
        self._every = pmui.Button(label="Download all (zip)", href=archive, variant="outlined", margin=0)
        self._tools = pmui.Row(
            self._variants, self._ratios, self._render, self._every, sizing_mode="stretch_width", sx=_TOOLS
        )
        self.view = pmui.Column(self._tools, self.cards, sizing_mode="stretch_width", sx=_VIEW)
        """What the page shows."""
        self.cards.param.watch(self._name_button, "chosen")
        self.update(episode)

    def update(self, episode: Episode) -> None:
        """Show the clips as they are now; what somebody has chosen stays."""
        clips = self._bench.clips(episode.episode_id)
        self.cards.param.update(
            items=[_card(each, episode.episode_id) for each in clips],
            empty=_NOTHING_GOOD if episode.stage is StageName.CLIPPED else _NONE,
        )
        self._tools.visible = bool(clips)
        self._every.visible = any(each.files for each in clips)

    def _name_button(self, event: Any) -> None:
        count = len(event.new)
        self._render.label = f"Render {count} clip{'s' * (count != 1)}" if count else "Render all clips"

    def _ask(self) -> None:
        with self._visitor.acts():
            asked = self._bench.clips_request(
                self._episode.episode_id, self.cards.chosen or None, self._variants.value, self._ratios.value
            )
            self._visitor.ask(self._bench, asked)


def _choice(label: str, every: Any, chosen: Any) -> pmui.MultiChoice:
    options = {_NAMES[each]: each for each in every}
    return pmui.MultiChoice(label=label, options=options, value=list(chosen), width=300, margin=0)


def _card(clip: Clip, episode_id: str) -> dict[str, Any]:
    return {
        "key": clip.clip_id,
        "title": clip.title,
        "start": clip.span.start,
        "from": short_clock(clip.span.start),
        "facts": f"{clip.span.duration:.0f} s, score {clip.score * 100:.0f} of 100",
        "reasons": list(clip.reasons),
        "parts": [[name.replace("_", " "), round(share, 3)] for name, share in clip.score_parts.items()],
        "files": [
            {
                "name": f"{_NAMES[file.aspect_ratio]}, {_NAMES[file.variant]}",
                "ratio": file.aspect_ratio,
                "file": f"{episode_id}.{clip.clip_id}.{file.aspect_ratio}-{file.variant}.mp4",
                "address": file_address(
                    episode_id, f"clips/{clip.clip_id}.{file.aspect_ratio}-{file.variant}.mp4"
                ),
            }
            for file in clip.files
        ],
    }
