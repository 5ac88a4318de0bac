"""What an episode is about, each claim with the moment in the recording that it rests on."""

from collections.abc import Callable
from typing import Any

import param

from apps.pages.parts import FOLDER, Part
from pipeline.display import short_clock
from pipeline.model import Enrichment, Seconds, Transcript, WordSpan


class Findings(Part):
    """Sections of claims; a click on a moment plays it."""

    sections = param.List(default=[], item_type=dict)

    _esm = FOLDER / "findings.js"
    _stylesheets = [*Part._stylesheets, FOLDER / "findings.css"]

    def __init__(self, seek: Callable[[Seconds], None], **params: Any) -> None:
        super().__init__(**params)
        self._seek = seek

    def _handle_msg(self, msg: object) -> None:
        at = msg.get("at") if isinstance(msg, dict) else None
        if isinstance(at, int | float):
            self._seek(float(at))


def findings(transcript: Transcript, enrichment: Enrichment, seek: Callable[[Seconds], None]) -> Findings:
    """The findings of an episode; `seek` plays the recording from a moment."""

    def moment(words: WordSpan) -> dict[str, Any]:
        start = transcript.span(words).start
        return {"at": start, "clock": short_clock(start)}

    summary = {"text": enrichment.summary, "moments": [moment(each) for each in enrichment.summary_words[:6]]}
    sections = [
        ("Summary", [summary] if enrichment.summary else []),
        ("Chapters", [{"text": each.title, "moments": [moment(each.words)]} for each in enrichment.chapters]),
        (
            "Quotes",
            [{"text": f"“{each.text}”", "moments": [moment(each.words)]} for each in enrichment.quotes],
        ),
        *(
            (title, [_named(each, moment) for each in enrichment.names if each.kind == kind])
            for title, kind in (("People", "person"), ("Organisations", "organisation"))
        ),
        ("Show notes", [{"text": line, "moments": []} for line in enrichment.show_notes]),
        (
            "Keywords",
            [{"text": ", ".join(enrichment.keywords), "moments": []}] if enrichment.keywords else [],
        ),
    ]
    made = [{"title": title, "claims": claims} for title, claims in sections if claims]
    return Findings(seek, sections=made, sizing_mode="stretch_width")


def _named(name: Any, moment: Callable[[WordSpan], dict[str, Any]]) -> dict[str, Any]:
    return {"text": name.name, "moments": [moment(each) for each in name.mentions[:8]]}
