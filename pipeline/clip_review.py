"""The clips of an episode as people have reviewed them: approved or not, cut anew, and added by hand."""

from collections.abc import Iterable, Sequence

from pipeline.candidates import cut, slug
from pipeline.edits import CorrectEverywhere, Edit, NewClip, ReviewClip, Verdict
from pipeline.model import ClipCandidate, Frozen, Seconds, Span, Word, WordSpan
from pipeline.terms import Term

BY_HAND = ("chosen by hand",)
_HAND = "hand-"


class ReviewedClip(Frozen):
    """A clip as it stands now, and what was decided about it."""

    clip: ClipCandidate
    verdict: Verdict = "proposed"
    reason: str = ""
    by_hand: bool = False


def reviewed(
    candidates: Iterable[ClipCandidate], words: Sequence[Word], duration: Seconds, edits: Iterable[Edit]
) -> tuple[ReviewedClip, ...]:
    """`candidates`, and the clips made by hand after them, as `edits` have them.

    `words` are those of the transcript, and `duration` is the recording's. Edits of clips that are not there
    say nothing.
    """
    clips = {each.clip_id: ReviewedClip(clip=each) for each in candidates}
    for edit in edits:
        if isinstance(edit, NewClip):
            made = _by_hand(edit, words, duration)
            clips[made.clip_id] = ReviewedClip(clip=made, verdict="approved", by_hand=True)
        elif isinstance(edit, ReviewClip) and edit.clip_id in clips:
            clips[edit.clip_id] = _judged(clips[edit.clip_id], edit, words, duration)
        elif isinstance(edit, CorrectEverywhere):
            term = Term(edit.old, edit.new)
            clips = {clip_id: _titled(each, term) for clip_id, each in clips.items()}
    return tuple(clips.values())


def hand_id(edit: NewClip) -> str:
    """The id of a clip that was made by hand: by where it starts and what it was called at first."""
    return f"{_HAND}{edit.words.first}-{slug(edit.title)}"


def withdrawn(clip_ids: Iterable[str], edits: Iterable[Edit]) -> frozenset[str]:
    """Of `clip_ids` those that are not to go out: rejected, or made by hand and taken back."""
    verdicts: dict[str, Verdict] = {}
    for edit in edits:
        if isinstance(edit, NewClip):
            verdicts[hand_id(edit)] = "approved"
        elif isinstance(edit, ReviewClip) and edit.decision:
            verdicts[edit.clip_id] = edit.decision
    made = {clip_id for clip_id, verdict in verdicts.items() if verdict != "rejected"}
    return frozenset(
        clip_id
        for clip_id in clip_ids
        if verdicts.get(clip_id) == "rejected" or (clip_id.startswith(_HAND) and clip_id not in made)
    )


def _by_hand(edit: NewClip, words: Sequence[Word], duration: Seconds) -> ClipCandidate:
    return ClipCandidate(
        clip_id=hand_id(edit),
        title=edit.title,
        span=cut(words, (edit.words.first, edit.words.end), max(duration, words[-1].end)),
        words=edit.words,
        score=0.0,
        score_parts={},
        reasons=BY_HAND,
    )


def _titled(before: ReviewedClip, term: Term) -> ReviewedClip:
    title = term.put(before.clip.title)
    if title in ("", before.clip.title):
        return before
    return before.model_copy(update={"clip": before.clip.model_copy(update={"title": title})})


def _judged(before: ReviewedClip, edit: ReviewClip, words: Sequence[Word], duration: Seconds) -> ReviewedClip:
    clip = before.clip.model_copy(update={"title": edit.title} if edit.title else {})
    if edit.words and edit.words != clip.words:
        clip = clip.model_copy(update={"words": edit.words, "span": _span(edit.words, words, duration)})
    if edit.decision is None:
        return before.model_copy(update={"clip": clip})
    return before.model_copy(update={"clip": clip, "verdict": edit.decision, "reason": edit.reason})


def _span(place: WordSpan, words: Sequence[Word], duration: Seconds) -> Span:
    return cut(words, (place.first, place.end), max(duration, words[-1].end))
