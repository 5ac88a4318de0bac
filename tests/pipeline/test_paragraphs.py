from collections.abc import Callable

from pipeline.model import Enrichment, Transcript
from pipeline.paragraphs import paragraphs

Spoken = Callable[..., Transcript]
Enriched = Callable[[Transcript], Enrichment]
SENTENCE = "The old wall held the water for a while. "


def test_every_sentence_is_in_one_paragraph_in_order(spoken: Spoken, enriched: Enriched) -> None:
    transcript = spoken(SENTENCE * 40, speakers=("Ann", "Ann", "Bo"))
    made = paragraphs(transcript, enriched(transcript).chapters)
    assert tuple(sentence for part in made for sentence in part.sentences) == transcript.sentences


def test_a_new_speaker_starts_a_paragraph(spoken: Spoken) -> None:
    made = paragraphs(spoken(SENTENCE * 4, speakers=("Ann", "Ann", "Bo", "Bo")), ())
    assert [part.speaker for part in made] == ["Ann", "Bo"]


def test_a_new_chapter_starts_a_paragraph(spoken: Spoken, enriched: Enriched) -> None:
    transcript = spoken(SENTENCE * 6)
    made = paragraphs(transcript, enriched(transcript).chapters)
    assert [(part.chapter, len(part.sentences)) for part in made] == [(0, 2), (1, 2), (2, 2)]


def test_a_long_paragraph_ends_with_a_sentence(spoken: Spoken) -> None:
    counts = [len(part.sentences) * 9 for part in paragraphs(spoken(SENTENCE * 40), ())]
    assert max(counts) < 100
    assert len(counts) == 4


def test_a_long_pause_starts_a_paragraph_unless_it_would_be_tiny(spoken: Spoken) -> None:
    made = paragraphs(spoken(SENTENCE * 6, pause=2.0), ())
    assert [len(part.sentences) for part in made] == [3, 3]


def test_without_words_there_are_no_paragraphs(spoken: Spoken) -> None:
    assert paragraphs(spoken(""), ()) == ()
