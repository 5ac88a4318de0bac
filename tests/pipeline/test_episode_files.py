import json
from collections.abc import Callable
from itertools import pairwise

import pytest

from pipeline import episode_files
from pipeline.model import Chapter, Enrichment, Sentence, Span, Transcript, Word, WordSpan

Spoken = Callable[..., Transcript]
Enriched = Callable[[Transcript], Enrichment]
SENTENCE = "The old wall held the water for a while. "


def chapters(*starts: float, end: float = 100.0, title: str = "Part") -> tuple[Chapter, ...]:
    bounds = [*starts, end]
    return tuple(
        Chapter(title=title, span=Span(start=a, end=b), words=WordSpan(first=n, end=n + 1))
        for n, (a, b) in enumerate(pairwise(bounds))
    )


def test_the_text_has_chapters_speakers_and_blank_lines(spoken: Spoken, enriched: Enriched) -> None:
    transcript = spoken("One here. Two here. Three here.", speakers=("Ann", None, "Bo"))
    text = episode_files.text(transcript, enriched(transcript).chapters)
    assert text == "PART 1\n\nAnn: One here.\n\nPART 2\n\nTwo here.\n\nPART 3\n\nBo: Three here.\n"


def test_the_text_has_no_spaces_where_a_script_writes_none() -> None:
    said = [("今日は。", 0.0), ("晴れです。", 1.0)]
    words = tuple(Word(text=t, start=at, end=at + 1, probability=1, space=False) for t, at in said)
    sentences = tuple(Sentence(words=WordSpan(first=n, end=n + 1)) for n in range(2))
    transcript = Transcript(
        language="ja", language_probability=1, model="t", duration=2, words=words, sentences=sentences
    )
    assert episode_files.text(transcript, ()) == "今日は。晴れです。\n"


def test_the_text_of_silence_is_empty(spoken: Spoken) -> None:
    assert episode_files.text(spoken(""), ()) == ""


def test_the_transcript_is_a_podcast_transcript_with_our_words(spoken: Spoken) -> None:
    transcript = spoken("We heard bells. Then nothing.", speakers=("Ann", None))
    value = json.loads(episode_files.transcript_json(transcript))
    first, second = value["segments"]
    assert value["version"] == "1.0.0"
    assert (first["startTime"], first["speaker"], first["body"]) == (0.0, "Ann", "We heard bells.")
    assert "speaker" not in second
    assert [word["body"] for word in second["words"]] == ["Then", "nothing."]
    assert second["words"][0]["startTime"] == second["startTime"]


def test_chapters_follow_the_podcast_namespace_and_begin_at_zero() -> None:
    value = json.loads(episode_files.chapters_json("Title", chapters(1.5, 40.0)))
    assert value["version"] == "1.2.0"
    assert value["chapters"] == [
        {"startTime": 0.0, "title": "Part", "endTime": 40.0},
        {"startTime": 40.0, "title": "Part", "endTime": 100.0},
    ]


def test_the_chapter_track_is_webvtt_with_escaped_titles() -> None:
    text = episode_files.chapters_vtt(chapters(0.0, title="A & <b>\n\nB -->"))
    assert text == "WEBVTT\n\n1\n00:00:00.000 --> 00:01:40.000\nA &amp; &lt;b&gt; B --&gt;\n"


def test_youtube_chapters_start_at_zero_and_have_no_brackets() -> None:
    text = episode_files.youtube_chapters(chapters(2.0, 20.0, 3725.9, end=4000.0, title="A <b>"))
    assert text == "0:00 A ‹b›\n0:20 A ‹b›\n1:02:05 A ‹b›\n"


@pytest.mark.parametrize("starts", [(), (0.0, 50.0), (0.0, 9.5, 50.0), (0.0, 40.0, 91.0)])
def test_chapters_that_youtube_would_not_show_are_left_out(starts: tuple[float, ...]) -> None:
    assert episode_files.youtube_chapters(chapters(*starts)) is None


def test_show_notes_have_every_part_with_its_times(spoken: Spoken, enriched: Enriched) -> None:
    transcript = spoken(SENTENCE * 30)
    notes = episode_files.show_notes(transcript, enriched(transcript))
    assert notes.startswith("# A river town\n\nWhat the river gave, and what it took.\n\n## Notes\n")
    assert "- A map of the river" in notes
    assert "- 0:00 Part 1" in notes
    assert "- Ada Brook (0:00, 1:" in notes
    assert "## Organisations" in notes
    assert "> The old wall held the water for a while.\n>\n> — Ada Brook, 0:00" in notes


def test_nothing_in_the_notes_is_taken_for_markdown(spoken: Spoken, enriched: Enriched) -> None:
    transcript = spoken(SENTENCE * 3)
    wild = enriched(transcript).model_copy(
        update={"title": "# <script> *a* [b](c) `d`", "summary": "1. R&D", "show_notes": ("+ x\n# y",)}
    )
    notes = episode_files.show_notes(transcript, wild)
    assert "# \\# \\<script\\> \\*a\\* \\[b\\](c) \\`d\\`" in notes
    assert "1\\. R&amp;D" in notes
    assert "\\+ x \\# y" in notes
