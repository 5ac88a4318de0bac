import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline import episode_files, subtitle_files, subtitles
from pipeline.edits import (
    EDIT,
    Based,
    CorrectEverywhere,
    CorrectWords,
    Edit,
    NameSpeaker,
    NewClip,
    ReviewClip,
    WriteItem,
    WriteText,
    changes,
    corrected,
    fault,
    holding,
    is_of_texts,
    kept,
    revise,
)
from pipeline.model import AspectRatio, Enrichment, Transcript, WordSpan
from tests.pipeline.spoken import spoken as talk

Enriched = Callable[[Transcript], Enrichment]
TEXT = "Ada Bell saw it. The old wall held. Then ada bell, tired, left the Bellows. We stayed. It was late."


def span(first: int, end: int) -> WordSpan:
    return WordSpan(first=first, end=end)


def words_edit(first: int, end: int, text: str) -> CorrectWords:
    return CorrectWords(words=span(first, end), text=text)


def said(transcript: Transcript, *edits: Edit) -> str:
    return corrected(transcript, edits).text()


def test_a_word_is_corrected_and_certain_from_then_on():
    now = corrected(talk("One too three."), [words_edit(1, 2, "two")])
    assert now.text() == "One two three."
    assert [word.probability for word in now.words] == [0.9, 1.0, 0.9]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("the cat sat", "See the cat sat there."),
        ("the cat", "See the cat there."),
        ("that New York cat sat", "See that New York cat sat there."),
        ("", "See there."),
        ("  spaced   out ", "See spaced out there."),
    ],
)
def test_some_words_become_as_many_as_were_written(text: str, whole: str):
    assert said(talk("See a hat mat there."), words_edit(1, 4, text)) == whole


def test_a_phrase_is_corrected_wherever_it_is_said_with_the_marks_around_it():
    edit = CorrectEverywhere(old="ada bell", new="Ada Bellow")
    assert said(talk(TEXT), edit) == TEXT.replace("Ada Bell ", "Ada Bellow ").replace(
        "ada bell,", "Ada Bellow,"
    )


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        ("Ada Bell", "Eda Bell", "Ada Bell's wall, Ada, Bell and Ada Bellows.", None),
        ("Bell", "Ada Bell", "Bell and Bell’s wall.", "Ada Bell and Ada Bell’s wall."),
        ("don", "Dan", "Don says: don't.", "Dan says: don't."),
        ("C++", "Rust", "I like C++, not C.", "I like Rust, not C."),
        ("C", "Go", "I like C++, not C.", "I like C++, not Go."),
        (".NET", "Java", "The net of .NET.", "The net of Java."),
        ("Bell.", "Bellow.", "Ask Ada Bell. Then Bell.", "Ask Ada Bellow. Then Bellow."),
        ("Ada Bell", "Eve", "This is Ada. Bell rings.", "This is Ada. Bell rings."),
        ("J. Bell", "Eve", "This is J. Bell here.", "This is Eve here."),
        ("new york", "New York", "In new (york) today.", "In New York) today."),
        ("wall", "dam", "A wall-mounted Wall.", "A dam-mounted dam."),
        ("um", "", "Um, we stayed, um. It was um-teen.", "we stayed. It was um-teen."),
        ("um", "", "Well, I said, um, that it is, um, late.", "Well, I said, that it is, late."),
    ],
)
def test_a_term_is_found_whole_with_marks_around_it(old: str, new: str, before: str, after: str | None):
    told = after or "Eda Bell's wall, Eda Bell and Ada Bellows."
    assert said(talk(before), CorrectEverywhere(old=old, new=new)) == told


def test_a_term_is_found_in_words_that_were_corrected_and_in_scripts_without_spaces():
    merged = words_edit(1, 2, "New York cat")
    assert said(talk("A dog sat."), merged, CorrectEverywhere(old="york CAT sat", new="Jersey dogs sat")) == (
        "A New Jersey dogs sat."
    )
    chinese = talk("我 爱 中 国 茶")
    joined = chinese.model_copy(
        update={"words": tuple(word.model_copy(update={"space": False}) for word in chinese.words)}
    )
    assert said(joined, CorrectEverywhere(old="中国", new="台湾")) == "我爱台湾茶"


def test_words_that_were_taken_out_can_be_written_again():
    assert said(talk("See the cat there."), words_edit(1, 3, ""), words_edit(2, 3, "dog")) == "See dog there."


def test_a_sentence_whose_last_words_are_taken_out_still_ends():
    assert said(talk("It was late, um. We left."), words_edit(3, 4, "")) == "It was late. We left."
    assert said(talk("It was late. Um. We left."), words_edit(3, 4, "")) == "It was late. We left."


def test_a_later_edit_wins_and_leaving_one_out_is_as_if_it_had_never_been_made():
    first, second, third = words_edit(0, 1, "A"), words_edit(0, 2, "B c"), words_edit(3, 4, "D.")
    transcript = talk("One two three four.")
    assert said(transcript, first, second, third) == "B c three D."
    assert said(transcript, first, third) == "A two three D."


texts = some.text("ab .,'é中", max_size=12)
spans = some.tuples(some.integers(0, 9), some.integers(1, 10)).map(
    lambda pair: span(min(pair[0], 9), max(pair[0] + 1, pair[1]))
)
any_edit = some.one_of(
    some.builds(CorrectWords, words=spans, text=texts),
    some.builds(CorrectEverywhere, old=some.sampled_from(["a", "b c", "d."]), new=texts),
    some.builds(NameSpeaker, sentences=some.none() | some.just(span(0, 1)), name=texts),
)


@given(some.lists(any_edit, max_size=6))
def test_words_keep_their_number_and_their_times_and_texts_their_spaces(made: list[Edit]):
    before = talk("a b c d. a b c d. a b.")
    after = corrected(before, made)
    assert [(word.start, word.end) for word in after.words] == [
        (word.start, word.end) for word in before.words
    ]
    assert [each.words for each in after.sentences] == [each.words for each in before.sentences]
    assert after.text() == " ".join(after.text().split()), "no double spaces"
    assert EDIT.validate_json(EDIT.dump_json(made[0])) == made[0] if made else True


@given(some.lists(any_edit, max_size=6), some.integers(0, 5))
def test_an_edit_that_is_left_out_leaves_nothing_behind(made: list[Edit], which: int):
    before = talk("a b c d. a b c d. a b.")
    without = made[:which] + made[which + 1 :]
    corrected(before, made)
    assert corrected(before, without) == corrected(talk("a b c d. a b c d. a b."), without)
    assert corrected(before, ()) == before


@given(some.lists(any_edit, max_size=5))
def test_what_is_read_of_a_corrected_talk_is_whole(made: list[Edit]):
    after = corrected(talk("a b c d. a b c d. a b."), made)
    assert "  " not in episode_files.text(after, ())
    style = subtitles.style_for(AspectRatio.LANDSCAPE, "en")
    shown = subtitles.cues(after, style)
    assert not [line for cue in shown for line in cue.lines if line != " ".join(line.split())]
    lines = " ".join(line for cue in shown for line in cue.lines)
    assert lines.replace(" ", "") == after.text().replace(" ", "")
    assert subtitle_files.vtt(shown).startswith("WEBVTT")
    assert episode_files.transcript_json(after)


def test_a_speaker_is_named_for_some_sentences_or_wherever_they_speak():
    transcript = talk("One. Two. Three.")
    some_of_it = NameSpeaker(sentences=span(0, 2), name="Ada")
    assert [each.speaker for each in corrected(transcript, [some_of_it]).sentences] == ["Ada", "Ada", None]
    rest = NameSpeaker(old=None, name="Bo")
    renamed = NameSpeaker(old="Ada", name="Ada Bell")
    now = corrected(transcript, [some_of_it, rest, renamed])
    assert [each.speaker for each in now.sentences] == ["Ada Bell", "Ada Bell", "Bo"]


def test_quotes_and_summaries_follow_the_words_that_they_rest_on(enriched: Enriched):
    transcript = talk("The old wall held. The water came. Then we left. It was late.")
    found = enriched(transcript)
    quote = found.quotes[0]
    found = found.model_copy(update={"summary": f"In short: {transcript.text(quote.words)} And so on."})
    now, after = revise(transcript, found, [words_edit(quote.words.first, quote.words.first + 1, "That")])
    assert after.quotes[0].text == now.text(quote.words)
    assert after.quotes[0].text.startswith("That ")
    assert f"In short: {now.text(quote.words)}" in after.summary


def test_a_summary_is_corrected_once_where_the_new_term_holds_the_old_one(enriched: Enriched):
    transcript = talk("The old Bell held. The water came. Then we left. It was late.")
    found = enriched(transcript).model_copy(
        update={"summary": "The old Bell held. So Bell it was.", "show_notes": ("The water came. Bell.",)}
    )
    everywhere = CorrectEverywhere(old="bell", new="Ada Bell")
    after = revise(transcript, found, [everywhere, words_edit(5, 6, "rain")])[1]
    assert after.summary == "The old Ada Bell held. So Ada Bell it was."
    assert after.show_notes == ("The rain came. Ada Bell.",)
    gone = revise(transcript, found, [words_edit(0, 4, "")])[1]
    assert gone.summary == "So Bell it was."


def test_a_text_of_somebodys_own_follows_later_edits_and_no_words(enriched: Enriched):
    transcript = talk("The old wall held. The water came. Then we left.")
    made: list[Edit] = [
        WriteText(field="summary", text="The old wall held.  Two  spaces."),
        words_edit(2, 3, "dam"),
        CorrectEverywhere(old="two", new="Three"),
    ]
    after = revise(transcript, enriched(transcript), made)[1]
    assert after.summary == "The old wall held.  Three  spaces."


def test_a_blank_item_is_left_out(enriched: Enriched):
    transcript = talk("The old wall held. The water came. Then we left. It was late.")
    found = enriched(transcript).model_copy(update={"keywords": ("wall", "water")})
    blank = WriteItem(items="keywords", index=0, text="  ")
    assert revise(transcript, found, [blank])[1].keywords == ("water",)
    assert kept(found, "keywords", [blank]) == [1]


def test_texts_and_items_are_written_anew_or_left_out(enriched: Enriched):
    transcript = talk("The old wall held. The water came. Then we left. It was late.")
    found = enriched(transcript)
    made: list[Edit] = [
        WriteText(field="title", text="Walls"),
        WriteItem(items="chapters", index=1, text="Second"),
        WriteItem(items="chapters", index=0, text=None),
        WriteItem(items="names", index=0, text=None),
        WriteItem(items="names", index=1, text="The Wall Board"),
    ]
    after = revise(transcript, found, made)[1]
    assert after.title == "Walls"
    assert [each.title for each in after.chapters][1] == "Second"
    assert len(after.chapters) == len(found.chapters), "chapters leave no gap, so none can be left out"
    assert [each.name for each in after.names] == ["The Wall Board", *[n.name for n in found.names[2:]]]
    assert kept(found, "names", made) == list(range(1, len(found.names)))


def test_a_term_is_corrected_in_what_was_found_too_but_not_inside_of_words(enriched: Enriched):
    transcript = talk("The old wall held. The water came. Then we left. It was late.")
    found = enriched(transcript).model_copy(update={"title": "Wall and Wallpaper", "keywords": ("wall",)})
    after = revise(transcript, found, [CorrectEverywhere(old="wall", new="dam")])[1]
    assert after.title == "dam and Wallpaper"
    assert after.keywords == ("dam",)


def test_an_edit_that_counts_words_holds_for_its_own_transcript_alone():
    counted, everywhere = words_edit(0, 1, "x"), CorrectEverywhere(old="a", new="b")
    made = [Based(edit=counted, base="t1"), Based(edit=everywhere), Based(edit=counted, base="t2")]
    assert holding(made, "t1", "e1") == (counted, everywhere)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (words_edit(3, 9, "x"), "no word 8"),
        (NameSpeaker(sentences=span(0, 7), name="x"), "no sentence 6"),
        (ReviewClip(clip_id="a", words=span(0, 99)), "no word 98"),
        (WriteItem(items="quotes", index=55, text="x"), r"no quotes\[55\]"),
    ],
)
def test_what_an_edit_counts_must_be_there(enriched: Enriched, edit: Edit, told: str):
    transcript = talk("One two three four.")
    found = enriched(talk("The old wall held. The water came. Then we left."))
    wrong = fault(edit, transcript, found)
    assert wrong
    assert re.search(told, wrong)


def test_changes_are_told_by_index():
    before = talk("One two. Three.")
    after = corrected(before, [words_edit(1, 2, "2."), NameSpeaker(sentences=span(1, 2), name="Bo")])
    assert changes(before, after) == ({1: "2."}, {1: "Bo"})


def test_edits_of_clips_change_no_text():
    assert not any(map(is_of_texts, [ReviewClip(clip_id="a"), NewClip(title="b", words=span(0, 1))]))
    assert is_of_texts(words_edit(0, 1, "x"))
