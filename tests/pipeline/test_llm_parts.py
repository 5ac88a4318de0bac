"""What is left of a model's answers becomes a part of the enrichment, or the local one takes its place."""

from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from pipeline import llm_parts, local_enricher
from pipeline.asking import Asker
from pipeline.evidence import Evidence
from pipeline.faults import Faults
from pipeline.highlights import HighlightBounds, Scorer
from pipeline.keywords import phrases
from pipeline.llm_answers import ChapterStart, Overview, Told
from pipeline.llm_parts import Case
from pipeline.model import Highlight, Metadata, Quote, Transcript, WordSpan
from pipeline.names import mentioned
from pipeline.reading import read
from tests.pipeline.spoken import BEES, HEATING, SHIPS, recording, silently, spoken

TALK = spoken(HEATING + BEES + SHIPS)
READING = read(TALK)


class Nobody:
    """A model that must not be asked."""

    model = "nobody"

    def answer[T: BaseModel](self, schema: type[T], system: str, user: str) -> T:
        raise AssertionError(f"asked for {schema.__name__}: {system} {user}")


def case(metadata: Metadata | None = None, talk: Transcript = TALK) -> Case:
    source, reading = recording(talk, metadata=metadata), read(talk)
    bounds = HighlightBounds()
    return Case(
        source=source,
        reading=reading,
        local=local_enricher.enrich(source, talk, bounds, silently),
        bounds=bounds,
        faults=Faults(Evidence(reading, source.metadata), bounds),
        scorer=Scorer(reading, phrases(reading), ()),
        asker=Asker(Nobody()),
    )


def starts(*numbers: int, title: str = "Part {}") -> list[ChapterStart]:
    return [ChapterStart(sentence=number, title=title.format(number)) for number in numbers]


def highlight(first: int, last: int, score: float) -> Highlight:
    words = WordSpan(first=READING.sentences[first - 1].first, end=READING.sentences[last - 1].end)
    return Highlight(title="t", words=words, score=score, score_parts={}, reasons=("r",))


def notes(of: Case) -> Sequence[tuple[str, str]]:
    return [(repair.part, repair.action) for repair in of.asker.repairs]


def test_chapters_begin_at_the_sentences_that_were_named() -> None:
    made = llm_parts.chapters(case(), starts(1, 13, 23))
    assert [chapter.words.first for chapter in made] == [READING.sentences[n - 1].first for n in (1, 13, 23)]
    assert made[-1].span.end == TALK.duration


@pytest.mark.parametrize("first", [1, 2, 5])
def test_the_first_chapter_begins_with_the_recording(first: int) -> None:
    made = llm_parts.chapters(case(), starts(first, 13, 23))
    assert (made[0].span.start, made[0].words.first) == (0, 0)


def test_chapters_that_follow_too_soon_or_repeat_a_title_are_merged() -> None:
    crowded = [*starts(1, 13, 14, 23, 31), *starts(18, title="Part 13")]
    made = llm_parts.chapters(case(), crowded)
    assert [chapter.title for chapter in made] == ["Part 1", "Part 13", "Part 23"]


def test_a_late_first_sentence_that_is_named_twice_begins_one_chapter() -> None:
    about = case(talk=spoken(HEATING + BEES + SHIPS, start=60))
    made = llm_parts.chapters(about, [*starts(1), *starts(1, title="Again"), *starts(13, 23)])
    assert [chapter.title for chapter in made] == ["Part 1", "Part 13", "Part 23"]
    assert notes(about) == []


def test_chapters_out_of_order_are_put_in_order() -> None:
    made = llm_parts.chapters(case(), starts(23, 1, 13))
    assert [chapter.title for chapter in made] == ["Part 1", "Part 13", "Part 23"]


def test_too_few_chapters_are_replaced() -> None:
    about = case()
    assert llm_parts.chapters(about, starts(1)) == about.local.chapters
    assert notes(about) == [("chapters", "replaced by the local enricher")]


def test_the_best_highlights_are_kept_and_overlaps_left_out() -> None:
    found = [highlight(3, 8, 0.5), highlight(5, 9, 0.9), highlight(16, 20, 0.7), highlight(26, 31, 0.6)]
    made = llm_parts.highlights(case(), found)
    assert [one.score for one in made] == [0.9, 0.7, 0.6]


def test_missing_highlights_are_taken_from_the_local_enricher() -> None:
    about = case()
    made = llm_parts.highlights(about, [highlight(3, 8, 0.9)])
    assert len(made) == 3
    assert any(one in about.local.highlights for one in made)
    assert notes(about) == [("highlights", "replaced by the local enricher")]


def test_a_name_is_listed_once_and_guests_are_added() -> None:
    jane = mentioned(READING, "Jane Miller", "person")
    assert jane is not None
    about = case(Metadata(guests=("Malcolm McLean", "Nobody Known")))
    made = llm_parts.names(about, [jane, jane])
    assert [name.name for name in made] == ["Jane Miller", "Malcolm McLean"]


def test_names_are_local_when_every_one_was_dropped() -> None:
    about = case()
    about.asker.note("names", "dropped", "name “city”: it is not in the transcript")
    assert llm_parts.names(about, []) == about.local.names
    assert notes(about)[-1] == ("names", "replaced by the local enricher")


def test_no_names_is_a_good_answer() -> None:
    about = case()
    assert llm_parts.names(about, []) == ()
    assert notes(about) == []


def test_quotes_that_overlap_are_printed_once() -> None:
    first, second = WordSpan(first=0, end=7), WordSpan(first=3, end=12)
    found = [Quote(text=TALK.text(words), words=words) for words in (second, first)]
    assert [quote.words for quote in llm_parts.quotes(case(), found)] == [first]


def test_no_quote_at_all_is_replaced() -> None:
    about = case()
    assert llm_parts.quotes(about, []) == about.local.quotes
    assert notes(about) == [("quotes", "replaced by the local enricher")]


def test_without_an_overview_every_text_is_local_and_said_to_be() -> None:
    about = case()
    assert llm_parts.title(about, None) == about.local.title
    assert llm_parts.told(about, None) == (about.local.summary, about.local.summary_words)
    assert llm_parts.keywords(about, None) == about.local.keywords
    assert llm_parts.show_notes(about, None) == about.local.show_notes
    assert [part for part, _ in notes(about)] == ["title", "summary", "keywords", "show notes"]


def test_the_sound_half_of_a_summary_is_kept_with_its_evidence() -> None:
    about = case()
    sound = Told(text="Old houses waste heat.", sentences=[3, 5])
    invented = Told(text="Aliens landed in Leeds.", sentences=[2])
    overview = Overview(title="Heat", summary=[sound, invented], keywords=[], show_notes=[])
    text, where = llm_parts.told(about, overview)
    assert text == "Old houses waste heat."
    assert where == (READING.sentences[2], READING.sentences[4])
    assert notes(about) == [("summary", "dropped")]


def test_quotation_marks_around_a_title_are_taken_off() -> None:
    overview = Overview(title="“Heating old houses.”", summary=[], keywords=[], show_notes=[])
    assert llm_parts.title(case(), overview) == "Heating old houses"


def test_keywords_are_offered_once_and_not_without_end() -> None:
    words = ["radiators", "radiators", "bees", "ship", "queen", "dance", "boiler", "thermostat", "gas"]
    overview = Overview(title="Heat", summary=[], keywords=words, show_notes=[])
    assert llm_parts.keywords(case(), overview) == tuple(dict.fromkeys(words))
