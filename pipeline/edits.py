"""What people change in what was heard and found: corrections are kept beside the results, never in them.

An edit is a value. `revise` gives the transcript and the enrichment as they are with some edits, in the
order in which they were made, so that undoing one is leaving it out. Words keep their numbers and their times
whatever their texts become: a claim's evidence stays where it was, and any edit can be left out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from pipeline.model import (
    Chapter,
    Enrichment,
    Frozen,
    Name,
    Quote,
    Sentence,
    Transcript,
    Word,
    WordSpan,
)

type Line = Annotated[str, Field(max_length=500)]
type Text = Annotated[str, Field(max_length=20_000)]
type Verdict = Literal["approved", "rejected", "proposed"]
type ItemList = Literal["chapters", "names", "quotes", "show_notes", "keywords"]

_INNER = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)


class CorrectWords(Frozen):
    """Some words were heard wrongly; an empty text takes them out of everything that is read."""

    kind: Literal["words"] = "words"
    words: WordSpan
    text: Line


class CorrectEverywhere(Frozen):
    """A name or term was heard or written wrongly, wherever it stands; case does not matter to find it."""

    kind: Literal["everywhere"] = "everywhere"
    old: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\w")]
    new: Annotated[str, Field(max_length=200)]


class NameSpeaker(Frozen):
    """Who says some sentences: `sentences` is a run of them, by index; none for all of `old`'s."""

    kind: Literal["speaker"] = "speaker"
    sentences: WordSpan | None = None
    old: Line | None = None
    name: Line


class WriteText(Frozen):
    """The episode's title or summary, in somebody's own words."""

    kind: Literal["text"] = "text"
    field: Literal["title", "summary"]
    text: Text


class WriteItem(Frozen):
    """One chapter, name, quote, line of the notes or keyword; without a text it is left out."""

    kind: Literal["item"] = "item"
    items: ItemList
    index: Annotated[int, Field(ge=0, le=100_000)]
    text: Text | None


class ReviewClip(Frozen):
    """What somebody thinks of a clip: whether it goes out, its title, and which words it has."""

    kind: Literal["clip"] = "clip"
    clip_id: Annotated[str, Field(max_length=200)]
    decision: Verdict | None = None
    reason: Line = ""
    title: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    words: WordSpan | None = None


class NewClip(Frozen):
    """A clip that was found by a person."""

    kind: Literal["new clip"] = "new clip"
    title: Annotated[str, Field(min_length=1, max_length=200)]
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
            _write(words, edit.words, edit.text)
        elif isinstance(edit, CorrectEverywhere):
            for place in list(_places(words, edit.old)):
                _write(words, place, _dressed(words, place, edit.new))
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
    found = _follow(transcript, now, enrichment)
    for edit in edits:
        if isinstance(edit, CorrectEverywhere):
            found = _everywhere(found, edit)
        elif isinstance(edit, WriteText):
            found = found.model_copy(update={edit.field: edit.text})
    found = found.model_copy(update={"title": titled(enrichment.title, edits)})
    return now, _itemised(found, [edit for edit in edits if isinstance(edit, WriteItem)])


def titled(title: str, edits: Iterable[Edit]) -> str:
    """An episode's title as it is with `edits`."""
    for edit in edits:
        if isinstance(edit, CorrectEverywhere):
            title = _put(title, edit) or title
        elif isinstance(edit, WriteText) and edit.field == "title":
            title = edit.text.strip() or title
    return title


def rejected(edits: Iterable[Edit]) -> frozenset[str]:
    """The ids of the clips that are not to go out."""
    decided = [each for each in edits if isinstance(each, ReviewClip) and each.decision]
    last = {each.clip_id: each.decision for each in decided}
    return frozenset(clip_id for clip_id, decision in last.items() if decision == "rejected")


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


def _write(words: list[Word], place: WordSpan, text: str) -> None:
    """Put `text` in the place of some words: one for each as far as that goes, the rest into the last."""
    said = text.split()
    end = min(place.end, len(words))
    count = end - place.first
    if count <= 0:
        return
    if len(said) > count:
        said = [*said[: count - 1], " ".join(said[count - 1 :])]
    for index in range(place.first, end):
        number = index - place.first
        fresh = said[number] if number < len(said) else ""
        space = words[index].space and bool(fresh)
        words[index] = words[index].model_copy(update={"text": fresh, "probability": 1.0, "space": space})


def _places(words: Sequence[Word], phrase: str) -> Iterator[WordSpan]:
    """Where `phrase` is said, word by word; punctuation around and between does not matter."""
    wanted = [_bare(each) for each in phrase.split()]
    wanted = [each for each in wanted if each]
    spoken = [(index, bare) for index, word in enumerate(words) if (bare := _bare(word.text))]
    at = 0
    while wanted and at + len(wanted) <= len(spoken):
        run = spoken[at : at + len(wanted)]
        if [bare for _, bare in run] == wanted:
            yield WordSpan(first=run[0][0], end=run[-1][0] + 1)
            at += len(wanted)
        else:
            at += 1


def _dressed(words: Sequence[Word], place: WordSpan, text: str) -> str:
    """`text` with the punctuation that stands around the words in that place."""
    before = _INNER.match(words[place.first].text)
    after = _INNER.match(words[place.end - 1].text)
    return f"{before[1] if before else ''}{text}{after[3] if after else ''}" if text.strip() else ""


def _bare(text: str) -> str:
    inner = _INNER.match(text)
    return inner[2].casefold() if inner else text.casefold()


def _named(sentence: Sentence, number: int, edit: NameSpeaker) -> Sentence:
    here = edit.sentences is None or edit.sentences.first <= number < edit.sentences.end
    theirs = edit.sentences is not None or sentence.speaker == edit.old
    return sentence.model_copy(update={"speaker": edit.name.strip() or None}) if here and theirs else sentence


def _follow(before: Transcript, after: Transcript, found: Enrichment) -> Enrichment:
    """What is quoted from sentences that were corrected, as it is now."""
    changed = [
        (old, new)
        for sentence in before.sentences
        if (old := before.text(sentence.words)) != (new := after.text(sentence.words))
    ]
    speakers = {each.words.first: each.speaker for each in after.sentences}

    def follows(text: str) -> str:
        for old, new in changed:
            text = text.replace(old, new)
        return text

    def quoted(quote: Quote) -> Quote:
        same = before.text(quote.words) == after.text(quote.words)
        update = {} if same else {"text": after.text(quote.words)}
        if speaker := speakers.get(quote.words.first):
            update["speaker"] = speaker
        return quote.model_copy(update=update) if update else quote

    return found.model_copy(
        update={
            "summary": follows(found.summary),
            "show_notes": tuple(map(follows, found.show_notes)),
            "quotes": tuple(map(quoted, found.quotes)),
        }
    )


def _put(text: str, edit: CorrectEverywhere) -> str:
    """`text` with whole words replaced, and no hole where they were taken out."""
    pattern = rf"(?<!\w){re.escape(edit.old.strip())}(?!\w)"
    return re.sub(pattern, lambda _: edit.new, text, flags=re.IGNORECASE).replace("  ", " ").strip()


def _everywhere(found: Enrichment, edit: CorrectEverywhere) -> Enrichment:
    def put(text: str) -> str:
        return _put(text, edit) or text

    return found.model_copy(
        update={
            "summary": put(found.summary),
            "keywords": tuple(map(put, found.keywords)),
            "chapters": tuple(each.model_copy(update={"title": put(each.title)}) for each in found.chapters),
            "names": tuple(each.model_copy(update={"name": put(each.name)}) for each in found.names),
            "show_notes": tuple(map(put, found.show_notes)),
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
