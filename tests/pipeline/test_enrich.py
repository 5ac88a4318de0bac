"""Enrichment as the stage does it; a language model is a scripted server, asked over real HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.enrich import RESULT, EnrichOptions, enrich
from pipeline.errors import Cancelled, ModelFailed
from pipeline.model import Enrichment, Metadata, Repair, Source, Transcript
from tests.pipeline.scripted_server import ScriptedServer
from tests.pipeline.spoken import BEES, HEATING, SHIPS, recording, silently, spoken

TALK = spoken(HEATING + BEES + SHIPS)
FIRST_OF_BEES, FIRST_OF_SHIPS = 13, 23  # numbers of sentences, as the model sees them

OUTLINE: dict[str, Any] = {
    "points": [
        {"text": "Radiators in empty rooms waste the gas of old houses.", "sentence": 5},
        {"text": "Bees dance to show the way to the flowers.", "sentence": 18},
        {"text": "The container made shipping cheap.", "sentence": 27},
    ],
    "chapters": [
        {"sentence": 1, "title": "Heating old houses"},
        {"sentence": FIRST_OF_BEES, "title": "The dance of the bees"},
        {"sentence": FIRST_OF_SHIPS, "title": "Container ships"},
    ],
}
SAID: dict[str, Any] = {
    "names": [{"name": "Jane Miller", "kind": "person"}, {"name": "Malcolm McLean", "kind": "person"}],
    "quotes": [{"text": "The cheapest heat is the heat that you never make.", "sentence": 12}],
}


def passage(first: int, last: int, title: str = "Why old houses waste heat") -> dict[str, Any]:
    scores = {"hook": 9, "payoff": 8, "stands_alone": 10}
    return {"first": first, "last": last, "title": title, "reason": "It answers its own question.", **scores}


PASSAGES: dict[str, Any] = {
    "highlights": [passage(3, 8), passage(16, 20, "How bees dance"), passage(26, 31, "The steel box")]
}
OVERVIEW: dict[str, Any] = {
    "title": "Heat, bees and the steel box",
    "summary": [
        {"text": "Radiators in empty rooms waste the gas of old houses.", "sentences": [5]},
        {"text": "Bees dance to show the way to the flowers.", "sentences": [18, 19]},
    ],
    "keywords": ["radiators", "bees", "container ship"],
    "show_notes": ["Why radiators in empty rooms waste gas", "How bees find flowers"],
}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def script(server: ScriptedServer, *answers: dict[str, Any] | str) -> None:
    for answer in answers:
        server.answers(answer if isinstance(answer, str) else json.dumps(answer))


def enriched(
    server: ScriptedServer,
    out: Path,
    *,
    transcript: Transcript = TALK,
    source: Source | None = None,
    **options: Any,
) -> Enrichment:
    chosen = EnrichOptions(
        base_url=server.base_url, model="tiny", **{"context_tokens": 16000, "timeout": 5.0} | options
    )
    source = source or recording(transcript)
    return enrich(source, transcript, chosen, api_key=None, out=out, report=silently)


def assert_borne_out(made: Enrichment, transcript: Transcript) -> None:
    """What must hold of every enrichment, whoever made it."""
    assert all(quote.text == transcript.text(quote.words) for quote in made.quotes)
    assert all(words.end <= len(transcript.words) for words in made.summary_words)
    assert made.chapters[0].span.start == 0
    assert all(a.span.end == b.span.start for a, b in zip(made.chapters, made.chapters[1:], strict=False))
    assert made.chapters[-1].span.end >= transcript.duration - 0.5
    for name in made.names:
        family = name.name.split()[-1].casefold()
        assert all(family in transcript.text(words).casefold() for words in name.mentions)
    for one in made.highlights:
        assert 15 <= transcript.span(one.words).duration <= 60


def repairs(made: Enrichment, action: str) -> list[Repair]:
    return [repair for repair in made.repairs if repair.action == action]


def test_good_answers_become_the_enrichment_without_a_repair(server: ScriptedServer, tmp_path: Path) -> None:
    script(server, OUTLINE, SAID, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path)
    assert (made.enricher, made.model, made.repairs, made.notes) == ("llm", "tiny", (), ())
    assert made.title == "Heat, bees and the steel box"
    assert [chapter.title for chapter in made.chapters] == [
        "Heating old houses",
        "The dance of the bees",
        "Container ships",
    ]
    assert [name.name for name in made.names] == ["Jane Miller", "Malcolm McLean"]
    assert [quote.text for quote in made.quotes] == ["The cheapest heat is the heat that you never make."]
    assert {TALK.text(one.words).split()[0] for one in made.highlights} == {"Why", "How", "Malcolm"}
    assert made.keywords == ("radiators", "bees", "container ship")
    assert_borne_out(made, TALK)


def test_the_artefact_is_what_was_returned(server: ScriptedServer, tmp_path: Path) -> None:
    script(server, OUTLINE, SAID, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path)
    assert Enrichment.model_validate_json((tmp_path / RESULT).read_text("utf-8")) == made
    assert [path.name for path in tmp_path.iterdir()] == [RESULT]


def test_the_model_sees_numbered_sentences(server: ScriptedServer, tmp_path: Path) -> None:
    script(server, OUTLINE, SAID, PASSAGES, OVERVIEW)
    enriched(server, tmp_path)
    shown = server.requests[0].body["messages"][1]["content"]
    assert "[1] (0s) Today we talk about heating old houses." in shown
    assert f"[{FIRST_OF_BEES}] (57s) Now let us turn to the bees" in shown


def test_an_answer_that_is_no_json_is_asked_for_once_more(server: ScriptedServer, tmp_path: Path) -> None:
    script(server, '{"points": [', OUTLINE, SAID, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path)
    assert len(made.chapters) == 3
    assert [(repair.part, repair.action) for repair in made.repairs] == [("chapters", "repaired")]
    assert "cannot be used" in server.requests[1].body["messages"][1]["content"]


def test_a_part_that_is_broken_twice_comes_from_the_local_enricher(
    server: ScriptedServer, tmp_path: Path
) -> None:
    script(server, OUTLINE, SAID, "no", "no idea", OVERVIEW)
    made = enriched(server, tmp_path)
    assert [(repair.part, repair.action) for repair in made.repairs] == [
        ("highlights", "replaced by the local enricher")
    ]
    assert len(made.highlights) >= 3
    assert made.title == "Heat, bees and the steel box"
    assert_borne_out(made, TALK)
    (note,) = made.notes
    assert "said for highlights could not be used" in note


def test_a_quote_that_nobody_said_is_dropped(server: ScriptedServer, tmp_path: Path) -> None:
    invented = {
        **SAID,
        "quotes": [*SAID["quotes"], {"text": "Heat is the mother of all bees.", "sentence": 3}],
    }
    script(server, OUTLINE, invented, invented, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path)
    assert [quote.text for quote in made.quotes] == ["The cheapest heat is the heat that you never make."]
    dropped = repairs(made, "dropped")
    assert [repair.part for repair in dropped] == ["quotes"]
    assert "mother of all bees" in dropped[0].reason


def test_a_quote_is_printed_as_it_was_said_not_as_it_was_copied(
    server: ScriptedServer, tmp_path: Path
) -> None:
    sloppy = {
        **SAID,
        "quotes": [{"text": "the cheapest heat, is the heat that you never MAKE", "sentence": 1}],
    }
    script(server, OUTLINE, sloppy, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path)
    assert made.quotes[0].text == "The cheapest heat is the heat that you never make."


@pytest.mark.parametrize("name", ["Albert Einstein", "the", "radiators"])
def test_a_name_that_is_not_one_is_dropped(server: ScriptedServer, tmp_path: Path, name: str) -> None:
    wrong = {**SAID, "names": [*SAID["names"], {"name": name, "kind": "person"}]}
    script(server, OUTLINE, wrong, wrong, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path)
    assert [one.name for one in made.names] == ["Jane Miller", "Malcolm McLean"]
    assert [repair.part for repair in repairs(made, "dropped")] == ["names"]


def test_a_chapter_at_a_sentence_that_does_not_exist_is_dropped(
    server: ScriptedServer, tmp_path: Path
) -> None:
    wrong = {**OUTLINE, "chapters": [*OUTLINE["chapters"], {"sentence": 999, "title": "Bees again"}]}
    script(server, wrong, wrong, SAID, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path)
    assert len(made.chapters) == 3
    assert "no sentence 999" in repairs(made, "dropped")[0].reason


def test_too_few_chapters_are_replaced(server: ScriptedServer, tmp_path: Path) -> None:
    script(server, {**OUTLINE, "chapters": []}, SAID, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path)
    assert len(made.chapters) >= 3
    assert repairs(made, "replaced by the local enricher")[0].part == "chapters"
    assert_borne_out(made, TALK)


def test_the_recordings_own_chapters_are_never_overwritten(server: ScriptedServer, tmp_path: Path) -> None:
    source = recording(TALK, chapters=[("Mine", 0.0, 50.0), ("Also mine", 50.0, 120.0)])
    script(server, OUTLINE, SAID, PASSAGES, OVERVIEW)
    made = enriched(server, tmp_path, source=source)
    assert [chapter.title for chapter in made.chapters] == ["Mine", "Also mine"]


def test_a_highlight_of_the_wrong_length_is_made_to_fit(server: ScriptedServer, tmp_path: Path) -> None:
    long = {
        "highlights": [passage(1, 14), passage(16, 20, "How bees dance"), passage(26, 31, "The steel box")]
    }
    script(server, OUTLINE, SAID, long, long, OVERVIEW)
    made = enriched(server, tmp_path)
    assert len(made.highlights) == 3
    assert [repair.part for repair in repairs(made, "repaired")] == ["highlights"]
    assert_borne_out(made, TALK)


def test_too_few_highlights_are_filled_up(server: ScriptedServer, tmp_path: Path) -> None:
    script(server, OUTLINE, SAID, {"highlights": [passage(3, 8)]}, OVERVIEW)
    made = enriched(server, tmp_path)
    assert len(made.highlights) == 3
    assert "1 usable, 3 wanted" in repairs(made, "replaced by the local enricher")[0].reason


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"title": "Elvis Presley in Memphis today"}, "title"),
        ({"title": "Short title here please"}, "title"),
        ({"summary": [{"text": "Quantum computers will cure cancer.", "sentences": [5]}]}, "summary"),
        ({"summary": [{"text": "Bees dance to the flowers.", "sentences": [4000]}]}, "summary"),
        ({"summary": [{"text": "Bees visit 73 flowers.", "sentences": [15]}]}, "summary"),
        ({"keywords": ["blockchain"]}, "keywords"),
        ({"show_notes": ["Subscribe for premium content now"]}, "show notes"),
    ],
)
def test_an_invented_text_is_replaced_and_the_others_stay(
    server: ScriptedServer, tmp_path: Path, change: dict[str, Any], part: str
) -> None:
    wrong = OVERVIEW | change
    script(server, OUTLINE, SAID, PASSAGES, wrong, wrong)
    made = enriched(server, tmp_path)
    assert [repair.part for repair in repairs(made, "replaced by the local enricher")] == [part]
    assert made.title
    assert made.summary
    assert made.summary_words
    assert made.keywords
    assert made.show_notes


def test_a_title_that_people_gave_is_kept(server: ScriptedServer, tmp_path: Path) -> None:
    script(server, OUTLINE, SAID, PASSAGES, OVERVIEW)
    source = recording(TALK, metadata=Metadata(title="Episode 12"))
    assert enriched(server, tmp_path, source=source).title == "Episode 12"


@pytest.mark.parametrize("babble", ["", "I am a helpful model.", "{}", "[1, 2", '{"points": "many"}'])
def test_a_model_that_only_babbles_still_ends_in_a_whole_enrichment(
    server: ScriptedServer, tmp_path: Path, babble: str
) -> None:
    server.always_answers(babble)
    made = enriched(server, tmp_path)
    assert made.enricher == "llm"
    assert {"chapters", "highlights", "title", "summary"} <= {repair.part for repair in made.repairs}
    assert made.title
    assert len(made.chapters) >= 3
    assert len(made.highlights) >= 3
    assert_borne_out(made, TALK)


def test_a_long_transcript_is_shown_in_windows(server: ScriptedServer, tmp_path: Path) -> None:
    long = spoken((HEATING + BEES + SHIPS) * 6)
    server.always_answers("{}")
    made = enriched(server, tmp_path, transcript=long, context_tokens=2048)
    sizes = [len(json.dumps(request.body)) for request in server.requests]
    assert max(sizes) < 4 * 2048
    assert any("window 2 of " in repair.part for repair in made.repairs)
    assert_borne_out(made, long)


def test_an_endpoint_that_cannot_be_reached_fails_the_task(tmp_path: Path) -> None:
    with ScriptedServer() as gone:
        pass
    with pytest.raises(ModelFailed, match="`base_url`"):
        enriched(gone, tmp_path)
    assert not list(tmp_path.iterdir())


def test_progress_grows_from_call_to_call_and_ends_at_one(server: ScriptedServer, tmp_path: Path) -> None:
    seen: list[float] = []
    script(server, OUTLINE, SAID, PASSAGES, OVERVIEW)
    options = EnrichOptions(base_url=server.base_url, model="tiny")
    server.always_answers("{}")
    enrich(recording(TALK), TALK, options, api_key=None, out=tmp_path, report=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len({round(done, 2) for done in seen}) >= 5


def test_a_cancel_between_calls_ends_it(server: ScriptedServer, tmp_path: Path) -> None:
    def report(done: float) -> None:
        if done > 0.3:
            raise Cancelled

    script(server, OUTLINE, SAID, PASSAGES, OVERVIEW)
    options = EnrichOptions(base_url=server.base_url, model="tiny", context_tokens=16000)
    with pytest.raises(Cancelled):
        enrich(recording(TALK), TALK, options, api_key=None, out=tmp_path, report=report)
    assert len(server.requests) < 4
    assert not list(tmp_path.iterdir())


def test_without_an_endpoint_the_local_enricher_does_it(tmp_path: Path) -> None:
    made = enrich(recording(TALK), TALK, EnrichOptions(), api_key="unused", out=tmp_path, report=silently)
    assert (made.enricher, made.model, made.repairs) == ("local", None, ())
    assert_borne_out(made, TALK)


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:9/v1"])
def test_silence_has_a_title_and_nothing_else(tmp_path: Path, base_url: str | None) -> None:
    silence = spoken("")
    options = EnrichOptions(base_url=base_url, model="tiny")
    source = recording(silence, path="board-meeting_2024.mp4")
    made = enrich(source, silence, options, api_key=None, out=tmp_path, report=silently)
    assert made.title == "Board meeting 2024"
    assert (made.chapters, made.names, made.quotes, made.highlights) == ((), (), (), ())


def test_an_endpoint_needs_a_model() -> None:
    with pytest.raises(ValidationError, match="`base_url` needs a `model`"):
        EnrichOptions(base_url="http://127.0.0.1:11434/v1")


def test_a_password_in_the_address_is_refused_since_manifests_would_keep_it() -> None:
    with pytest.raises(ValidationError, match="give the key as `llm_api_key`") as caught:
        EnrichOptions(base_url="http://me:hidden@127.0.0.1:11434/v1", model="tiny")
    assert "hidden" not in caught.value.errors()[0]["msg"]
