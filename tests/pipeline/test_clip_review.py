import pytest

from pipeline.clip_review import ReviewedClip, hand_id, reviewed, withdrawn
from pipeline.edits import CorrectEverywhere, Edit, NewClip, ReviewClip
from pipeline.model import ClipCandidate, Span, WordSpan
from tests.pipeline.spoken import spoken

TALK = spoken("One two three four. Five six seven eight. Nine ten eleven twelve.")


def candidate(clip_id: str, first: int, end: int) -> ClipCandidate:
    return ClipCandidate(
        clip_id=clip_id,
        title=clip_id,
        span=Span(start=TALK.words[first].start, end=TALK.words[end - 1].end),
        words=WordSpan(first=first, end=end),
        score=0.5,
        score_parts={},
        reasons=("good",),
    )


CLIPS = (candidate("a", 0, 4), candidate("b", 4, 8))


def after(*edits: Edit) -> dict[str, ReviewedClip]:
    return {each.clip.clip_id: each for each in reviewed(CLIPS, TALK.words, TALK.duration, edits)}


def test_nobody_has_decided_anything_at_first():
    assert [each.verdict for each in after().values()] == ["proposed", "proposed"]


def test_the_last_decision_counts_and_a_new_title_decides_nothing():
    found = after(
        ReviewClip(clip_id="a", decision="rejected", reason="dull"),
        ReviewClip(clip_id="a", title="Better"),
        ReviewClip(clip_id="b", decision="rejected", reason="long"),
        ReviewClip(clip_id="b", decision="approved"),
    )
    assert (found["a"].verdict, found["a"].reason, found["a"].clip.title) == ("rejected", "dull", "Better")
    assert (found["b"].verdict, found["b"].reason) == ("approved", "")


def test_a_term_corrected_everywhere_is_corrected_in_the_titles_too():
    found = after(
        ReviewClip(clip_id="a", title="Ada Lovelance speaks"),
        CorrectEverywhere(old="lovelance", new="Lovelace"),
    )
    assert (found["a"].clip.title, found["b"].clip.title) == ("Ada Lovelace speaks", "b")
    assert after(CorrectEverywhere(old="a", new=""))["a"].clip.title == "a"


def test_a_clip_cut_anew_starts_a_moment_before_its_first_word_and_never_inside_a_neighbour():
    clip = after(ReviewClip(clip_id="a", words=WordSpan(first=1, end=6)))["a"].clip
    assert clip.words == WordSpan(first=1, end=6)
    assert TALK.words[0].end <= clip.span.start <= TALK.words[1].start
    assert TALK.words[5].end <= clip.span.end <= TALK.words[6].start


def test_a_clip_made_by_hand_comes_last_is_approved_and_can_be_reviewed_like_others():
    made = NewClip(title="Ça alors: eight!", words=WordSpan(first=7, end=12))
    clip_id = hand_id(made)
    assert clip_id == "hand-7-ca-alors-eight"
    found = after(made, ReviewClip(clip_id=clip_id, title="Other"))
    assert list(found) == ["a", "b", clip_id]
    assert found[clip_id].by_hand
    assert found[clip_id].verdict == "approved"
    assert found[clip_id].clip.title == "Other"
    assert after(made, made).keys() == found.keys()


def test_a_clip_made_by_hand_once_more_is_as_it_was_made_last():
    first, longer = (NewClip(title=" Mine ", words=WordSpan(first=7, end=end)) for end in (9, 12))
    found = after(first, ReviewClip(clip_id="hand-7-mine", decision="rejected"), longer)["hand-7-mine"]
    assert (found.verdict, found.clip.words.end, found.clip.title) == ("approved", 12, "Mine")


def test_clips_are_withdrawn_that_are_rejected_or_whose_maker_took_them_back():
    made = NewClip(title="Mine", words=WordSpan(first=7, end=9))
    no, yes = (ReviewClip(clip_id="a", decision=verdict) for verdict in ("rejected", "approved"))
    there = ("a", "b", hand_id(made))
    assert withdrawn(there, [made]) == set()
    assert withdrawn(there, [made, no]) == {"a"}
    assert withdrawn(there, [no, yes]) == {hand_id(made)}
    assert withdrawn(there, [made, ReviewClip(clip_id=hand_id(made), decision="rejected"), made]) == set()


@pytest.mark.parametrize("edit", [ReviewClip(clip_id="gone", decision="approved")])
def test_a_clip_that_is_not_there_any_more_is_passed_over(edit: Edit):
    assert list(after(edit)) == ["a", "b"]
