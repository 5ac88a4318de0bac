"""The clips of an episode: why each was chosen, what it looks like, and having them rendered."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import panel_material_ui as pmui
import param

from apps.pages.access import Visitor
from apps.pages.addresses import file_address
from apps.pages.parts import FOLDER, Part
from apps.pages.wording import clock
from pipeline.model import AspectRatio, Seconds, StageName, Variant
from workbench.jobs import Clip, Episode
from workbench.workbench import Workbench

_NONE = ("No clips yet", "Process the episode up to its clips, and the best moments come up here.")
_NOTHING_GOOD = ("No clips", "Nothing in this recording was found worth a clip of its own.")
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

    def _handle_msg(self, msg: dict[str, str]) -> None:
        for item in self.items:
            if item["key"] == msg["key"]:
                self._play(item["start"])


class ClipShelf:
    """Cards of the clips, with the choice of what to render of them."""

    def __init__(
        self, bench: Workbench, visitor: Visitor, episode: Episode, play: Callable[[Seconds], None]
    ) -> None:
        """`play` plays the recording from a moment."""
        self._bench, self._visitor, self._episode = bench, visitor, episode
        clips = bench.clips(episode.episode_id)
        self.cards = Clips(
            play,
            items=[_card(each, episode.episode_id) for each in clips],
            empty=_NOTHING_GOOD if episode.stage is StageName.CLIPPED else _NONE,
            sizing_mode="stretch_width",
        )
        settings = bench.settings
        self._variants = _choice("Variants", Variant, settings.variants)
        self._ratios = _choice("Shapes", AspectRatio, settings.aspect_ratios)
        self._render = pmui.Button(label="Render all clips", color="primary", margin=0)
        self._render.on_click(lambda event: self._ask())
        self.cards.param.watch(self._name_button, "chosen")

    @property
    def view(self) -> Any:
        """What the page shows."""
        if not self.cards.items:
            return self.cards
        rendered = any(item["files"] for item in self.cards.items)
        archive = f"/episodes/{quote(self._episode.episode_id)}/clips.zip"
        every = pmui.Button(
            label="Download all (zip)", href=archive, variant="outlined", visible=rendered, margin=0
        )
        tools = pmui.Row(
            self._variants, self._ratios, self._render, every,
            sx={"alignItems": "center", "flexWrap": "wrap", "gap": "12px"}, sizing_mode="stretch_width",
        )  # fmt: skip
        return pmui.Column(
            tools, self.cards, sizing_mode="stretch_width", sx={"gap": "16px", "paddingTop": "16px"}
        )

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
        "from": clock(clip.span.start),
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
