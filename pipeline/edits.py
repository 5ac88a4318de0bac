"""What people change in what was heard and found: corrections are kept beside the results, never in them.

An edit is a value. `revise` gives the transcript and the enrichment as they are with some edits, in the
order in which they were made, so that undoing one is leaving it out. Words keep their numbers and their times
whatever their texts become: a claim's evidence stays where it was, and any edit can be left out.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter

from pipeline.model import (
    Chapter,
    Enrichment,
    Frozen,
    Highlight,
    Name,
    Quote,
    Sentence,
    Transcript,
    Word,
    WordSpan,
)
from pipeline.terms import Term

type Line = Annotated[str, Field(max_length=500)]
type Text = Annotated[str, Field(max_length=20_000)]
type ClipTitle = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
type Verdict = Literal["approved", "rejected", "proposed"]
type ItemList = Literal["chapters", "names", "quotes", "show_notes", "keywords"]

_CLOSED = re.compile(r"[.!?…。！？]+[\"'”’»)\]]*$")
_STANDS_FOR = 0xF0000  # the first character of a range that no text uses


def _or_none(text: str | None) -> str | None:
    """What is blank is left out."""
    return text if text and text.strip() else None


def _named_by_kind(schema: dict[str, Any]) -> None:
    schema["required"] = ["kind", *schema.get("required", [])]


class _Kind(Frozen):
    """A kind of edit; who sends one has to say which, since it tells what the rest means."""

    model_config = ConfigDict(json_schema_extra=_named_by_kind)


class CorrectWords(_Kind):
    """Some words were heard wrongly; an empty text takes them out of everything that is read."""

    kind: Literal["words"] = "words"
    words: WordSpan
    text: Line


class CorrectEverywhere(_Kind):
    """A name or term was heard or written wrongly, wherever it stands; case does not matter to find it."""

    kind: Literal["everywhere"] = "everywhere"
    old: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\w")]
    new: Annotated[str, Field(max_length=200)]


class NameSpeaker(_Kind):
    """Who says some sentences: `sentences` is a run of them, by index; none for all of `old`'s."""

    kind: Literal["speaker"] = "speaker"
    sentences: WordSpan | None = None
    old: Line | None = None
    name: Line


class WriteText(_Kind):
    """The episode's title or summary, in somebody's own words."""

    kind: Literal["text"] = "text"
    field: Literal["title", "summary"]
    text: Text


class WriteItem(_Kind):
    """One chapter, name, quote, line of the notes or keyword; without a text it is left out."""

    kind: Literal["item"] = "item"
    items: ItemList
    index: Annotated[int, Field(ge=0, le=100_000)]
    text: Annotated[Text | None, AfterValidator(_or_none)]


class ReviewClip(_Kind):
    """What somebody thinks of a clip: whether it goes out, its title, and which words it has."""

    kind: Literal["clip"] = "clip"
    clip_id: Annotated[str, Field(max_length=200)]
    decision: Verdict | None = None
    reason: Line = ""
    title: ClipTitle | None = None
    words: WordSpan | None = None


class NewClip(_Kind):
    """A clip that was found by a person."""

    kind: Literal["new clip"] = "new clip"
    title: ClipTitle
    words: WordSpan


type Edit = Annotated[
    CorrectWords | CorrectEverywhere | NameSpeaker | WriteText | WriteItem | ReviewClip | NewClip,
    Field(discriminator="kind"),
]
EDIT: TypeAdapter[Edit] = TypeAdapter(Edit)
"""Reads an edit from JSON."""


class Based(Frozen):
    """An edit, and the key of the transcript or the enrichment whose words or claims it counts.

    It does not hold for another one. Without a base it holds for all: it counts nothing.
    """

    edit: Edit
    base: str = ""


def base_of(edit: Edit, transcript: str, enrichment: str) -> str:
    """Of the keys of a transcript and an enrichment the one that `edit` rests on, if any."""
    if isinstance(edit, WriteItem):
        return enrichment
    return transcript if isinstance(edit, CorrectWords | NameSpeaker | ReviewClip | NewClip) else ""


def holding(edits: Iterable[Based], *keys: str) -> tuple[Edit, ...]:
    """The edits that hold for the artefacts with these keys, in order."""
    return tuple(each.edit for each in edits if not each.base or each.base in keys)


def fault(edit: Edit, transcript: Transcript, enrichment: Enrichment | None) -> str | None:
    """What `edit` counts that is not there, in words; None when all of it is."""
    places = [(getattr(edit, "words", None), len(transcript.words), "word")]
    places.append((getattr(edit, "sentences", None), len(transcript.sentences), "sentence"))
    for place, count, noun in places:
        if isinstance(place, WordSpan) and place.end > count:
            return f"there is no {noun} {place.end - 1}: the transcript has {count}, counted from 0"
    if isinstance(edit, WriteItem):
        there = len(getattr(enrichment, edit.items)) if enrichment else 0
        if edit.index >= there:
            return f"there is no {edit.items}[{edit.index}]: there are {there}, counted from 0"
    return None


def is_of_texts(edit: Edit) -> bool:
    """Whether an edit changes what is read; the others are about clips."""
    return not isinstance(edit, ReviewClip | NewClip)


def corrected(transcript: Transcript, edits: Sequence[Edit]) -> Transcript:
    """`transcript` as it is with `edits`; words that somebody wrote are certain."""
    words, sentences = list(transcript.words), list(transcript.sentences)
    for edit in edits:
        if isinstance(edit, CorrectWords):
            _write(words, edit.words, edit.text, transcript.words)
        elif isinstance(edit, CorrectEverywhere):
            for place, text in list(Term(edit.old, edit.new).places(words)):
                _write(words, place, text, transcript.words)
        elif isinstance(edit, NameSpeaker):
            sentences = [_named(each, number, edit) for number, each in enumerate(sentences)]
    return transcript.model_copy(update={"words": tuple(words), "sentences": tuple(sentences)})


def revise(
    transcript: Transcript, enrichment: Enrichment, edits: Sequence[Edit]
) -> tuple[Transcript, Enrichment]:
    """Both as they are with `edits`: quotes and summaries follow the words that they rest on."""
    if not edits:
        return transcript, enrichment
    now = corrected(transcript, edits)
    sayings = _Sayings(transcript, now)
    found = sayings.marked(_quoted(transcript, now, enrichment))
    for edit in edits:
        if isinstance(edit, CorrectEverywhere):
            found = _everywhere(found, Term(edit.old, edit.new))
        elif isinstance(edit, WriteText) and edit.field == "summary":
            found = found.model_copy(update={"summary": edit.text})
    found = sayings.said(found).model_copy(update={"title": titled(enrichment.title, edits)})
    return now, _itemised(found, [edit for edit in edits if isinstance(edit, WriteItem)])


def titled(title: str, edits: Iterable[Edit]) -> str:
    """An episode's title as it is with `edits`."""
    for edit in edits:
        if isinstance(edit, CorrectEverywhere):
            title = Term(edit.old, edit.new).put(title) or title
        elif isinstance(edit, WriteText) and edit.field == "title":
            title = edit.text.strip() or title
    return title


def changes(before: Transcript, after: Transcript) -> tuple[dict[int, str], dict[int, str | None]]:
    """Index → text of the words, and index → speaker of the sentences, that are not as they were."""
    words = {
        index: new.text
        for index, (old, new) in enumerate(zip(before.words, after.words, strict=True))
        if new is not old
    }
    speakers = {
        index: new.speaker
        for index, (old, new) in enumerate(zip(before.sentences, after.sentences, strict=True))
        if new.speaker != old.speaker
    }
    return words, speakers


def kept(found: Enrichment, items: ItemList, edits: Iterable[Edit]) -> list[int]:
    """By which index the machine's items are known that are still there with `edits`, in order."""
    writes = [each for each in edits if isinstance(each, WriteItem) and each.items == items]
    last = {edit.index: edit.text for edit in writes}
    every = range(len(getattr(found, items)))
    return [index for index in every if items == "chapters" or last.get(index, "") is not None]


def _write(words: list[Word], place: WordSpan, text: str, heard: Sequence[Word]) -> None:
    """Put `text` in the place of some words: one for each as far as that goes, the rest into the last.

    `heard` are the words as they were at first, which know where a space stands.
    """
    said = text.split()
    end = min(place.end, len(words))
    count = end - place.first
    if count <= 0:
        return
    closed = _CLOSED.search(words[end - 1].text)
    if len(said) > count:
        said = [*said[: count - 1], " ".join(said[count - 1 :])]
    for index in range(place.first, end):
        number = index - place.first
        fresh = said[number] if number < len(said) else ""
        space = bool(fresh) and (number > 0 or heard[index].space)
        words[index] = words[index].model_copy(update={"text": fresh, "probability": 1.0, "space": space})
    if closed and not said:
        _close(words, place.first, closed[0])


def _close(words: list[Word], end: int, mark: str) -> None:
    """Let the words before `end` end the sentence, whose last words were taken out."""
    last = next((index for index in range(end - 1, -1, -1) if words[index].text), None)
    if last is not None and not _CLOSED.search(words[last].text):
        text = words[last].text.rstrip(",;:") + mark
        words[last] = words[last].model_copy(update={"text": text})


def _named(sentence: Sentence, number: int, edit: NameSpeaker) -> Sentence:
    here = edit.sentences is None or edit.sentences.first <= number < edit.sentences.end
    theirs = edit.sentences is not None or sentence.speaker == edit.old
    name = " ".join(edit.name.split()) or None
    return sentence.model_copy(update={"speaker": name}) if here and theirs else sentence


def _quoted(before: Transcript, after: Transcript, found: Enrichment) -> Enrichment:
    """The quotes as they are said, and by whom, after words were corrected."""
    speakers = {each.words.first: each.speaker for each in after.sentences}

    def quoted(quote: Quote) -> Quote:
        same = before.text(quote.words) == after.text(quote.words)
        update = {} if same else {"text": after.text(quote.words)}
        if speaker := speakers.get(quote.words.first):
            update["speaker"] = speaker
        return quote.model_copy(update=update) if update else quote

    return found.model_copy(update={"quotes": tuple(map(quoted, found.quotes))})


class _Sayings:
    """Sentences that were corrected, of which summary and notes are made.

    A character stands for each while these are edited: a term that was corrected in the sentence already
    must not be corrected there once more.
    """

    def __init__(self, before: Transcript, after: Transcript) -> None:
        pairs = {
            old: new
            for each in before.sentences
            if (old := before.text(each.words)) != (new := after.text(each.words)) and old
        }
        longest_first = sorted(pairs.items(), key=lambda pair: -len(pair[0]))
        self._pairs = [(chr(_STANDS_FOR + number), *pair) for number, pair in enumerate(longest_first)]

    def marked(self, found: Enrichment) -> Enrichment:
        """With the characters."""
        return _texts(found, self._mark)

    def said(self, found: Enrichment) -> Enrichment:
        """With the sentences as they are now."""
        return _texts(found, self._say)

    def _mark(self, text: str) -> str:
        for mark, old, _ in self._pairs:
            if old in text:
                text = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", mark, text)
        return text

    def _say(self, text: str) -> str:
        for mark, _, new in self._pairs:
            if mark in text:
                text = text.replace(mark, new) if new else re.sub(f"{mark} ?", "", text).rstrip()
        return text


def _texts(found: Enrichment, change: Callable[[str], str]) -> Enrichment:
    notes = tuple(map(change, found.show_notes))
    return found.model_copy(update={"summary": change(found.summary), "show_notes": notes})


def _everywhere(found: Enrichment, term: Term) -> Enrichment:
    def put(text: str) -> str:
        return term.put(text) or text

    def titled[T: (Chapter, Highlight)](each: T) -> T:
        return each.model_copy(update={"title": put(each.title)})

    return _texts(found, put).model_copy(
        update={
            "keywords": tuple(map(put, found.keywords)),
            "chapters": tuple(map(titled, found.chapters)),
            "highlights": tuple(map(titled, found.highlights)),
            "names": tuple(each.model_copy(update={"name": put(each.name)}) for each in found.names),
        }
    )


def _itemised(found: Enrichment, edits: Iterable[WriteItem]) -> Enrichment:
    """Each item as the last edit of it has it; those without a text are left out at the end."""
    last = {(edit.items, edit.index): edit.text for edit in edits}
    update: dict[str, object] = {}
    for items in {items for items, _ in last}:
        each = enumerate(getattr(found, items))
        made = [
            item if (items, index) not in last else _written(item, last[items, index]) for index, item in each
        ]
        update[items] = tuple(item for item in made if item is not None)
    return found.model_copy(update=update)


def _written[T: (str, Chapter, Name, Quote)](item: T, text: str | None) -> T | None:
    """`item` with another text; a chapter cannot be left out, since chapters leave no gap."""
    if isinstance(item, Chapter):
        return item.model_copy(update={"title": text}) if text else item
    if text is None:
        return None
    if isinstance(item, str):
        return text
    field = "name" if isinstance(item, Name) else "text"
    return item.model_copy(update={field: text})
