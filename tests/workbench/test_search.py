"""Search in what was said, on a real database, with transcripts that come, change and go."""

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.edits import CorrectWords, NameSpeaker
from pipeline.model import StageName, Transcript, WordSpan
from tests.pipeline.spoken import BEES, HEATING, SHIPS, spoken
from tests.workbench.quick import settings_for
from workbench import Workbench
from workbench.errors import NotAllowed
from workbench.jobs import Episode
from workbench.search import Search
from workbench.store import Store

DAY = datetime(2026, 11, 1, tzinfo=UTC)


class Shelf:
    """A library's episodes and what is said in them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.said: dict[str, Transcript] = {}
        self.read: list[str] = []
        self.search = Search(store.database, self._transcript, ())

    def _transcript(self, episode_id: str) -> Transcript:
        self.read.append(episode_id)
        if episode_id not in self.said:
            raise NotAllowed(f"{episode_id} has no transcript")
        return self.said[episode_id]

    def put(self, episode_id: str, text: str, *, title: str = "") -> None:
        self.said[episode_id] = spoken(text)
        self.save(episode_id, {"transcript": f"/artefacts/{episode_id}"}, title=title)

    def save(self, episode_id: str, artefacts: dict[str, str], *, title: str = "") -> None:
        self.store.save_episode(
            Episode(
                episode_id=episode_id,
                title=title or episode_id.title(),
                stage=StageName.TRANSCRIBED,
                duration=60.0,
                recording=f"/recordings/{episode_id}.mp4",
                sha256=episode_id,
                artefacts=artefacts,
                created_at=DAY,
                updated_at=DAY,
            )
        )

    def found(self, text: str, limit: int = 50) -> list[str]:
        return [moment.text for moment in self.search(text, limit).moments]

    def episodes(self, text: str) -> list[str]:
        return [moment.episode_id for moment in self.search(text).moments]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    store = Store(tmp_path / "library.duckdb")
    yield Shelf(store)
    store.close()


def test_a_sentence_is_found_with_its_episode_and_its_moment(shelf: Shelf):
    shelf.put("heating", HEATING, title="Old houses")
    (moment,) = shelf.search("expensive mistake").moments
    words = shelf.said["heating"].words
    start = next(word.start for word in words if word.text == "Heating")
    assert (moment.episode_id, moment.title, moment.start) == ("heating", "Old houses", start)
    assert moment.text.startswith("Heating a room that nobody uses")


def test_all_words_have_to_be_in_one_sentence_in_any_order(shelf: Shelf):
    shelf.put("bees", BEES)
    assert shelf.found("honey flowers colony") == shelf.found("colony honey flowers")
    assert len(shelf.found("colony honey flowers")) == 1
    assert shelf.found("honey hive") == [], "both are said, but never together"


def test_what_is_in_quotes_is_there_as_it_is(shelf: Shelf):
    shelf.put("bees", BEES)
    assert len(shelf.found('"the old queen"')) == 1
    assert len(shelf.found("queen old the")) == 1
    assert shelf.found('"queen old the"') == []
    assert shelf.found('"he old quee"') == [], "whole words"


def test_case_and_accents_do_not_matter(shelf: Shelf):
    shelf.put("cafe", "Im Café an der Straße gab es Crème brûlée.")
    for asked in ("CAFE", "café", "strasse", "creme BRULEE"):
        assert shelf.episodes(asked) == ["cafe"], asked


def test_whole_words_come_before_parts_of_words_and_new_episodes_before_old(shelf: Shelf):
    shelf.put("old", "We sell art. A start is made.")
    shelf.put("new", "The party begins. Art is long.")
    assert shelf.found("art") == ["Art is long.", "We sell art.", "The party begins.", "A start is made."]


def test_parts_of_words_come_newest_first_even_where_the_whole_words_are_said_apart(shelf: Shelf):
    shelf.put("oldest", "The party starts.")
    shelf.put("older", "An artist has a star. A star is no art.")
    shelf.put("newest", "Artful starlings.")
    assert shelf.episodes("art star") == ["older", "newest", "older", "oldest"]


def test_more_than_the_limit_is_told(shelf: Shelf):
    shelf.put("ships", SHIPS)
    every = shelf.found("ship")
    few = shelf.search("ship", 2)
    assert ([each.text for each in few.moments], few.more) == (every[:2], True)
    assert not shelf.search("ship", len(every)).more


def test_the_first_of_very_many_episodes_are_those_that_are_new(shelf: Shelf):
    for number in reversed(range(60)):
        shelf.put(f"talk-{number}", f"This is the greeting of number {number}.")
    assert shelf.episodes("greeting") == [f"talk-{number}" for number in range(50)]
    assert shelf.episodes("greeting 57") == ["talk-57"]


@pytest.mark.parametrize("asked", ["", "  ", "…", '""'])
def test_without_a_word_nothing_is_found_and_nothing_is_read(shelf: Shelf, asked: str):
    shelf.put("bees", BEES)
    assert shelf.search(asked).moments == ()
    assert shelf.read == []


def test_what_was_read_is_not_read_again_until_it_changes(shelf: Shelf):
    shelf.put("bees", BEES)
    shelf.put("ships", SHIPS)
    assert shelf.episodes("honey") == shelf.episodes("honey") == ["bees"]
    assert sorted(shelf.read) == ["bees", "ships"]
    shelf.put("bees", "Wasps make none.")
    assert (shelf.episodes("honey"), shelf.episodes("wasps")) == ([], ["bees"])
    assert sorted(shelf.read) == ["bees", "bees", "ships"]


def test_an_episode_without_a_transcript_any_more_is_not_found(shelf: Shelf):
    shelf.put("bees", BEES)
    assert shelf.episodes("honey") == ["bees"]
    shelf.save("bees", {})
    assert shelf.episodes("honey") == []


def test_an_index_outlives_its_process(shelf: Shelf, tmp_path: Path):
    shelf.put("bees", BEES)
    shelf.episodes("honey")
    again = Search(shelf.store.database, shelf._transcript, ())
    assert [moment.episode_id for moment in again("honey").moments] == ["bees"]
    assert shelf.read == ["bees"]


def test_a_transcript_that_cannot_be_read_keeps_no_other_one_from_being_found(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
):
    shelf.put("bees", BEES)
    shelf.save("broken", {"transcript": "/nowhere"})
    assert shelf.episodes("honey") == shelf.episodes("honey") == ["bees"]
    assert shelf.read.count("broken") == 1
    assert "broken cannot be searched" in caplog.text


def test_in_a_server_it_takes_in_by_itself_what_is_told_to_have_changed(shelf: Shelf):
    told: list[object] = []
    took, put = threading.Event(), shelf.search.put

    class Watched(Search):
        def put(self, episode_id: str, transcript: Transcript, mark: str) -> None:
            put(episode_id, transcript, mark)
            took.set()

    def listen(wake: object) -> object:
        told.append(wake)
        return told.clear

    search = Watched(shelf.store.database, shelf._transcript, (listen,))  # type: ignore[arg-type]
    shelf.put("bees", BEES)
    search.start()
    assert took.wait(20)
    search.close()
    assert told == [], "nobody is woken any more"
    assert shelf.read == ["bees"]


def test_titles_are_found_by_their_words_without_case_and_accents(shelf: Shelf):
    shelf.put("a", "Hello there.", title="Crème de la Crème: part-2")
    shelf.put("b", "Hello there.", title="The Cream")

    def titled(text: str, before: str | None = None) -> list[str]:
        return [episode.episode_id for episode in shelf.store.episodes(None, before, text)]

    assert titled("CREME") == titled("part-2 crème") == titled('"de la"') == ["a"]
    assert titled("cre") == ["b", "a"]
    assert titled("cre", "b") == ["a"]
    assert titled("100%_") == []
    assert titled("") == titled("…") == ["b", "a"]


def test_what_people_have_corrected_is_what_is_found(finished: Path, tmp_path: Path):
    shutil.copytree(finished, tmp_path / "library", symlinks=True)
    with Workbench(settings_for(tmp_path / "library")) as bench:
        (episode,) = bench.episodes()
        name = episode.episode_id
        heard = bench.editing.heard(name).transcript
        first = heard.text(WordSpan(first=0, end=1)).strip(".,")
        assert bench.search(first).moments[0].start == heard.words[0].start
        bench.editing.edit(
            name, CorrectWords(words=WordSpan(first=0, end=1), text="Aubergine"), edit_id="one", who="Ada"
        )
        bench.editing.edit(
            name, NameSpeaker(sentences=WordSpan(first=0, end=1), name="Ada"), edit_id="two", who="Ada"
        )
        (moment,) = bench.search("aubergine").moments
        assert (moment.start, moment.speaker) == (heard.words[0].start, "Ada")
        bench.editing.undo(name, "Ada")
        bench.editing.undo(name, "Ada")
        assert bench.search("aubergine").moments == ()
