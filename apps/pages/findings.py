"""What an episode is about, each claim with the moments that it rests on, to be written anew."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import param

from apps.pages.parts import FOLDER, Part, style
from pipeline.display import short_clock
from pipeline.edits import CorrectWords, Edit, ItemList, WriteItem, WriteText, kept
from pipeline.model import Enrichment, Frozen, Seconds, Transcript, WordSpan

type Moment = Callable[[WordSpan], dict[str, Any]]
type Claim = dict[str, Any]

_MOMENTS = 6  # of the summary, which rests on many


class Findings(Part):
    """Sections of claims; a click on a moment plays it, and a claim with an `edit` can be written anew."""

    sections = param.List(default=[], item_type=dict)

    _bundle = FOLDER / "findings.js"
    _stylesheets = [*Part._stylesheets, style("findings.css")]

    def __init__(self, seek: Callable[[Seconds], None], **params: Any) -> None:
        super().__init__(**params)
        self._seek = seek

    def _handle_msg(self, msg: object) -> None:
        at = msg.get("at") if isinstance(msg, dict) else None
        if isinstance(at, int | float):
            self._seek(float(at))


def sections(
    transcript: Transcript, now: Enrichment, heard: Enrichment, edits: Sequence[Edit], *, editable: bool
) -> list[dict[str, Any]]:
    """The findings as they are `now`, with what the machine had `heard` and the `edits` between the two."""
    told = _Told(transcript, now, heard, edits, editable)
    made = [
        ("Title", [told.text("title", now.title, "The episode's title")]),
        ("Summary", [told.summary()] if now.summary else []),
        ("Chapters", list(told.items("chapters"))),
        ("Quotes", list(told.quotes())),
        ("People", list(told.items("names", "person"))),
        ("Organisations", list(told.items("names", "organisation"))),
        ("Show notes", list(told.items("show_notes"))),
        ("Keywords", list(told.items("keywords"))),
    ]
    return [{"title": title, "claims": claims} for title, claims in made if claims]


class _Told:
    """Findings as claims that a browser shows."""

    def __init__(
        self,
        transcript: Transcript,
        now: Enrichment,
        heard: Enrichment,
        edits: Sequence[Edit],
        editable: bool,
    ) -> None:
        self._transcript, self._now, self._heard = transcript, now, heard
        self._edits, self._editable = edits, editable

    def text(self, field: str, text: str, label: str) -> Claim:
        edit = WriteText.model_construct(field=field, text="")
        return self._claim(field, text, label, [], edit)

    def summary(self) -> Claim:
        moments = [self._moment(each) for each in self._now.summary_words[:_MOMENTS]]
        return self.text("summary", self._now.summary, "Summary") | {"moments": moments, "lines": True}

    def items(self, items: ItemList, kind: str | None = None) -> Iterator[Claim]:
        """The items of a list; of the names those of one kind."""
        for index, item in self._each(items):
            if kind and item.kind != kind:
                continue
            text = item if isinstance(item, str) else getattr(item, "name", None) or item.title
            noun = items.replace("_", " ").removesuffix("s")
            edit = WriteItem(items=items, index=index, text="")
            remove = None if items == "chapters" else WriteItem(items=items, index=index, text=None)
            yield self._claim(
                f"{items}{index}", text, f"{noun}: {text[:60]}", self._places(item), edit, remove
            )

    def quotes(self) -> Iterator[Claim]:
        """A quote is what was said: to write it anew corrects the words that it rests on."""
        for index, quote in self._each("quotes"):
            edit = CorrectWords(words=quote.words, text="")
            remove = WriteItem(items="quotes", index=index, text=None)
            moments = [self._moment(quote.words)]
            claim = self._claim(f"quotes{index}", quote.text, "Quote, as it was said", moments, edit, remove)
            yield claim | {"quoted": True}

    def _each(self, items: ItemList) -> Iterator[tuple[int, Any]]:
        return zip(kept(self._heard, items, self._edits), getattr(self._now, items), strict=True)

    def _places(self, item: Any) -> list[dict[str, Any]]:
        spans = getattr(item, "mentions", None) or ([item.words] if hasattr(item, "words") else [])
        return [self._moment(each) for each in spans[:_MOMENTS]]

    def _moment(self, words: WordSpan) -> dict[str, Any]:
        start = self._transcript.span(words).start
        return {"at": start, "clock": short_clock(start)}

    def _claim(
        self,
        key: str,
        text: str,
        label: str,
        moments: list[dict[str, Any]],
        edit: Frozen,
        remove: Frozen | None = None,
    ) -> Claim:
        claim: Claim = {"key": key, "text": text, "label": label, "moments": moments}
        if self._editable:
            claim["edit"] = edit.model_dump(mode="json")
            claim["remove"] = remove.model_dump(mode="json") if remove else None
        return claim
