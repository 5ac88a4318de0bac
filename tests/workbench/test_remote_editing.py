"""The review of a finished episode through a real server: each test takes back what it has changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.edits import CorrectEverywhere, CorrectWords, NameSpeaker, NewClip, ReviewClip
from pipeline.model import WordSpan
from tests.apps.served import Server
from workbench.client import Client
from workbench.errors import AccessDenied, NotAllowed, NotFound
from workbench.jobs import Status
from workbench.reviewed import State


@pytest.fixture(scope="module")
def client(finished: Path) -> Iterator[Client]:
    server = Server(finished)
    try:
        with Client.of_library(server.library) as client:
            yield client
    finally:
        server.stop()


@pytest.fixture
def name(client: Client) -> Iterator[str]:
    """The id of the episode."""
    name = client.episodes()[0].episode_id
    yield name
    while client.editing.review(name).can_undo("command line"):
        client.editing.undo(name)


def word(index: int, text: str) -> CorrectWords:
    return CorrectWords(words=WordSpan(first=index, end=index + 1), text=text)


def test_a_correction_is_made_undone_and_redone_in_the_name_of_the_key(client: Client, name: str) -> None:
    editing = client.editing
    before = editing.texts(name)
    made = editing.edit(name, word(2, "Pomegranate"))
    assert (made.state, made.by) == (State.IN_REVIEW, "command line")
    assert editing.texts(name).transcript.words[2].text == "Pomegranate"
    assert editing.heard(name) == before
    assert editing.undo(name).can_redo("command line")
    assert editing.texts(name) == before
    assert editing.redo(name) == editing.review(name)
    assert editing.review(name).edits[-1].edit == word(2, "Pomegranate")


def test_the_same_id_is_the_same_edit(client: Client, name: str) -> None:
    for text in ("Pome", "Pomegranate"):
        made = client.editing.edit(name, word(2, text), edit_id="typing")
    assert [each.edit for each in made.edits if each.edit_id == "typing"] == [word(2, "Pomegranate")]


def test_terms_speakers_and_states(client: Client, name: str) -> None:
    editing = client.editing
    editing.edit(name, NameSpeaker(name="Ada", sentences=WordSpan(first=0, end=1)))
    editing.edit(name, CorrectEverywhere(old=editing.heard(name).transcript.words[0].text, new="Quince"))
    now = editing.texts(name).transcript
    assert now.sentences[0].speaker == "Ada"
    assert now.words[0].text.startswith("Quince")
    assert editing.move(name, State.APPROVED).state is State.APPROVED
    assert editing.standing(name).state is State.APPROVED


def test_clips_are_judged_cut_and_made_by_hand(client: Client, name: str) -> None:
    editing = client.editing
    first, *_ = editing.clips(name)
    shorter = WordSpan(first=first.clip.words.first + 1, end=first.clip.words.end)
    editing.edit(
        name, ReviewClip(clip_id=first.clip.clip_id, decision="rejected", reason="dull", words=shorter)
    )
    editing.edit(name, NewClip(title="By me", words=WordSpan(first=2, end=14)))
    judged, *_, mine = editing.clips(name)
    assert (judged.verdict, judged.reason, judged.clip.words) == ("rejected", "dull", shorter)
    assert (mine.by_hand, mine.verdict, mine.clip.title) == (True, "approved", "By me")
    assert editing.rebuild(name).leaving == (first.clip.clip_id,)


def test_what_has_to_be_made_again_is_told_and_made(client: Client, name: str) -> None:
    client.editing.edit(name, word(2, "Pomegranate"))
    told = client.editing.rebuild(name)
    assert told.page
    assert told.seconds
    assert client.wait(client.rebuild(name).job_id, 120).status is Status.COMPLETED
    assert not client.editing.rebuild(name).needed
    assert "Pomegranate" in (client.shelf(name) / f"{name}.txt").read_text()
    client.editing.undo(name)
    assert client.wait(client.rebuild(name).job_id, 120).status is Status.COMPLETED


def test_what_cannot_be_is_refused_as_by_the_workbench(client: Client, name: str) -> None:
    with pytest.raises(NotAllowed, match="there is no word 99999"):
        client.editing.edit(name, word(99_999, "x"))
    with pytest.raises(NotAllowed, match="nothing of yours to undo"):
        client.editing.undo(name)
    for ask in (client.editing.review, client.editing.texts, client.editing.clips, client.rebuild):
        with pytest.raises(NotFound):
            ask("nobody")
    with Client(client._wire.url, key="wb_wrong") as stranger, pytest.raises(AccessDenied):
        stranger.editing.review(name)
