import json
from pathlib import Path

import pytest

from pipeline.highlights import HighlightBounds
from pipeline.local_enricher import enrich
from pipeline.model import Enrichment, Metadata, Sentence, Transcript, Word, WordSpan
from tests.pipeline.spoken import BEES, HEATING, SHIPS, recording, silently, spoken

TALK = spoken(HEATING + BEES + SHIPS)

GERMAN = """
Heute geht es um die Heizung in alten Häusern. Warum verlieren alte Häuser so viel Wärme? Die Heizkörper in
leeren Zimmern kosten dreißig Prozent des Gases. Ein Thermostat kostet vierzig Euro. Der Kessel weiß nicht,
dass ein Zimmer leer ist. Die billigste Wärme ist die Wärme, die niemand macht.
Jetzt kommen wir zu den Bienen im Garten. Ein Volk von Bienen besucht zwei Millionen Blüten für ein Glas
Honig. Die Bienen finden den Weg nach der Sonne. Der Tanz der Bienen zeigt den anderen Bienen den Weg zu den
Blüten. Ohne Königin überlebt das Volk den Sommer nicht. Wer den Bienen helfen will, pflanzt Blumen.
"""
JAPANESE = "今日は 古い 家の 暖房の 話です。 空の 部屋の 暖房は 無駄です。 暖房を 止めましょう。 " * 6


def enriched(transcript: Transcript, metadata: Metadata | None = None, path: str = "talk.mp4") -> Enrichment:
    source = recording(transcript, metadata=metadata, path=path)
    return enrich(source, transcript, HighlightBounds(), silently)


def test_every_claim_points_at_words_that_exist() -> None:
    made = enriched(TALK)
    spans = [
        *made.summary_words,
        *(chapter.words for chapter in made.chapters),
        *(words for name in made.names for words in name.mentions),
        *(quote.words for quote in made.quotes),
        *(one.words for one in made.highlights),
    ]
    assert len(spans) > 10
    assert all(0 <= words.first < words.end <= len(TALK.words) for words in spans)
    assert all(quote.text == TALK.text(quote.words) for quote in made.quotes)


def test_the_same_transcript_gives_the_same_bytes() -> None:
    assert enriched(TALK).model_dump_json() == enriched(TALK).model_dump_json()


def test_the_title_is_what_people_gave_it() -> None:
    assert enriched(TALK, Metadata(title="Episode 7")).title == "Episode 7"


def test_the_title_is_the_subject_that_is_announced() -> None:
    assert enriched(TALK).title == "Heating old houses"


def test_the_title_is_counted_where_nothing_is_announced() -> None:
    title = enriched(spoken(BEES)).title
    assert "bees" in title.casefold()


def test_the_title_names_the_guest_of_a_subject_that_is_counted() -> None:
    title = enriched(spoken(BEES), Metadata(guests=("Karl von Frisch",))).title
    assert title.startswith("Karl von Frisch on ")


def test_the_title_is_the_files_name_when_there_is_nothing_else() -> None:
    assert enriched(spoken("Yes. No."), path="family-dinner_2024.mov").title == "Family dinner 2024"


def test_the_summary_tells_each_chapter_in_its_own_words() -> None:
    made = enriched(TALK)
    assert 2 <= len(made.summary_words) <= 4
    assert [words.first for words in made.summary_words] == sorted(w.first for w in made.summary_words)
    for subject in ("room", "bees", "ship"):
        assert subject in made.summary.casefold()


def test_the_summary_is_tidy_but_true() -> None:
    text = "And, um, the Nile floods the valley every year. So the farmers of the valley, uh, love the river."
    made = enriched(spoken(text))
    assert "um" not in made.summary.casefold().split()
    assert made.summary[0].isupper()
    assert set(made.summary.casefold().replace(".", "").split()) <= set(
        text.casefold().replace(".", "").split()
    )


def test_keywords_are_said() -> None:
    made = enriched(TALK)
    said = TALK.text().casefold()
    assert {"bees", "ship"} <= set(made.keywords)
    assert all(keyword.casefold() in said for keyword in made.keywords)


def test_show_notes_list_the_chapters_with_their_times() -> None:
    notes = enriched(TALK).show_notes
    assert any(line.startswith("0:00 ") for line in notes)
    assert "Named: Jane Miller, Karl von Frisch" in notes


def test_the_recordings_own_chapters_are_used() -> None:
    source = recording(TALK, chapters=[("Mine", 0.0, 60.0)])
    made = enrich(source, TALK, HighlightBounds(), silently)
    assert [chapter.title for chapter in made.chapters] == ["Mine"]


@pytest.mark.parametrize(("text", "language"), [(GERMAN * 2, "de"), (JAPANESE, "ja"), (GERMAN, "xx")])
def test_other_languages_are_enriched_too(text: str, language: str) -> None:
    made = enriched(spoken(text, language=language))
    assert made.title
    assert made.chapters
    assert made.keywords
    assert made.summary
    assert made.highlights
    assert made.names == ()


def test_german_keywords_are_no_stop_words() -> None:
    keywords = [keyword.casefold() for keyword in enriched(spoken(GERMAN * 2, language="de")).keywords]
    assert "bienen" in keywords
    assert not {"die", "der", "und", "ein", "den"} & set(keywords)


@pytest.mark.parametrize("text", ["", "Yes.", "um uh", "... !!! ???", "la " * 200, "So. And. But. Or."])
def test_odd_speech_is_enriched_without_a_failure(text: str) -> None:
    made = enriched(spoken(text))
    assert made.title
    assert all(quote.text for quote in made.quotes)


def test_a_transcript_without_a_single_mark_is_enriched() -> None:
    bare = spoken((HEATING + BEES).replace(".", "").replace("?", "").lower())
    made = enriched(bare)
    assert made.chapters[-1].span.end >= bare.duration - 0.5
    assert made.keywords


def test_progress_ends_at_one() -> None:
    seen: list[float] = []
    enrich(recording(TALK), TALK, HighlightBounds(), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.real
def test_a_podcast_of_six_minutes_is_what_its_listeners_heard(media: Path) -> None:
    made = enriched(_podcast(media / "speech" / "vibevoice_podcast0_SYNTHETIC.json"))
    assert len(made.highlights) >= 4
    assert {"tenants", "landlords"} & set(made.keywords)
    assert 3 <= len(made.chapters) <= 6


def _podcast(path: Path) -> Transcript:
    words: list[Word] = []
    sentences: list[Sentence] = []
    for turn in json.loads(path.read_text("utf-8"))["segments"]:
        tokens, first = turn["text"].split(), len(words)
        step = (turn["end"] - turn["start"]) / len(tokens)
        for number, token in enumerate(tokens):
            start = turn["start"] + number * step
            words.append(Word(text=token, start=start, end=start + 0.9 * step, probability=1.0))
            if token.endswith((".", "?", "!")) or number == len(tokens) - 1:
                sentences.append(Sentence(words=WordSpan(first=first, end=len(words))))
                first = len(words)
    return spoken("").model_copy(
        update={
            "language": "en",
            "duration": words[-1].end,
            "words": tuple(words),
            "sentences": tuple(sentences),
        }
    )
