"""The review of an episode over HTTP, on a finished episode and a real server."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.apps.conftest import Reviewed
from tests.apps.served import Guarded

WORDS = {"kind": "words", "words": {"first": 2, "end": 3}, "text": "Pomegranate"}


class Desk:
    """Requests about the one episode."""

    def __init__(self, reviewed: Reviewed) -> None:
        self.client, self.path = reviewed.server.client, f"/episodes/{reviewed.episode_id}"

    def ask(self, method: str, path: str, body: object = None, status: int = 200) -> dict[str, Any]:
        answer = self.client.request(method, self.path + path, json=body)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def texts(self) -> list[str]:
        return [word["text"] for word in self.ask("GET", "/texts")["transcript"]["words"]]


@pytest.fixture
def desk(reviewed: Reviewed) -> Iterator[Desk]:
    desk = Desk(reviewed)
    yield desk
    while desk.ask("GET", "/review")["can_undo"]:
        desk.ask("POST", "/undo")


def test_an_edit_is_kept_sent_again_is_the_same_and_undone_and_redone(desk: Desk):
    before = desk.texts()
    made = desk.ask("PUT", "/edits/one", WORDS)
    assert made["state"] == "in review"
    assert made["rebuild"]["page"]
    assert desk.ask("PUT", "/edits/one", WORDS | {"text": "Quince"})["edits"] == made["edits"]
    assert desk.texts()[2] == "Quince"
    assert desk.ask("POST", "/undo")["can_redo"]
    assert desk.texts() == before
    desk.ask("POST", "/redo")
    assert desk.texts()[2] == "Quince"
    (kept,) = [each for each in desk.ask("GET", "/edits")["edits"] if each["edit_id"] == "one"]
    assert kept["edit"] == WORDS | {"text": "Quince"}
    assert desk.client.get(f"{desk.path}/heard.json").json()["words"][2]["text"] == before[2]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"kind": "nothing"}, 422, "kind"),
        (WORDS | {"text": None}, 422, "text"),
        (WORDS | {"words": {"first": 5, "end": 5}}, 422, "word"),
        (WORDS | {"words": {"first": 0, "end": 99_999}}, 409, "there is no word 99998"),
        ({"kind": "item", "items": "quotes", "index": 999, "text": "x"}, 409, "quotes[999]"),
    ],
)
def test_what_cannot_be_an_edit_is_a_problem_in_words(desk: Desk, body: object, status: int, told: str):
    problem = desk.ask("PUT", "/edits/bad", body, status)
    assert problem["status"] == status
    assert told in str(problem)


def test_nothing_to_undo_is_told_as_a_conflict(desk: Desk):
    while desk.ask("GET", "/review")["can_undo"]:
        desk.ask("POST", "/undo")
    assert "nothing of yours to undo" in desk.ask("POST", "/undo", status=409)["detail"]


def test_the_state_is_moved_and_says_by_whom(desk: Desk):
    assert desk.ask("PUT", "/review", {"state": "published"})["state"] == "published"
    told = desk.ask("GET", "/review")
    assert (told["state"], told["by"]) == ("published", "anyone on this machine")
    desk.ask("PUT", "/review", {"state": "perfect"}, status=422)


def test_a_rebuild_is_a_job_and_another_one_after_another_edit(desk: Desk):
    ask = f"/async{desk.path}/rebuild"
    desk.ask("PUT", "/edits/two", WORDS)
    first = desk.client.post(ask)
    assert first.status_code == 202
    assert first.headers["Location"].endswith(first.json()["job_id"])
    desk.ask("PUT", "/edits/three", WORDS | {"text": "Quince"})
    assert desk.client.post(ask).json()["job_id"] != first.json()["job_id"]


def test_a_rebuild_takes_a_key_and_no_webhook_that_is_not_allowed(desk: Desk):
    ask = f"/async{desk.path}/rebuild"
    refused = desk.client.post(ask, json={"webhook_url": "ftp://example.org/"})
    assert refused.status_code == 422, refused.text
    assert "webhook" in refused.json()["detail"]
    once = {"Idempotency-Key": "rebuild-once"}
    first, again = (desk.client.post(ask, headers=once).json()["job_id"] for _ in range(2))
    assert first == again


def test_clips_are_told_as_they_were_reviewed_with_their_words(desk: Desk):
    clip = desk.ask("GET", "/review/clips")["clips"][0]["clip"]
    judged = {"kind": "clip", "clip_id": clip["clip_id"], "decision": "rejected", "reason": "dull"}
    desk.ask("PUT", "/edits/judged", judged)
    found = desk.ask("GET", "/review/clips")["clips"][0]
    assert (found["verdict"], found["reason"], found["clip"]["words"]) == ("rejected", "dull", clip["words"])
    assert desk.ask("GET", "/review")["rebuild"]["leaving"] == [clip["clip_id"]]
    told = desk.ask("PUT", "/edits/judged2", judged | {"clip_id": "99-gone"}, 409)["detail"]
    assert "there is no clip 99-gone" in told


def test_what_the_machine_heard_and_found_can_be_read_beside_what_was_made_of_it(desk: Desk):
    before = desk.ask("GET", "/texts")
    desk.ask("PUT", "/edits/heard", WORDS)
    assert desk.ask("GET", "/texts?heard=true") == before != desk.ask("GET", "/texts")


def test_a_browser_that_has_the_transcript_is_not_sent_it_again(desk: Desk):
    path = f"{desk.path}/heard.json"
    first = desk.client.get(path)
    again = desk.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = desk.client.get(path, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_an_episode_that_is_not_there_is_404(reviewed: Reviewed):
    for method, path in (
        ("GET", "review"),
        ("GET", "review/clips"),
        ("GET", "edits"),
        ("GET", "texts"),
        ("POST", "undo"),
        ("POST", "redo"),
        ("GET", "heard.json"),
    ):
        assert reviewed.server.client.request(method, f"/episodes/nothing/{path}").status_code == 404
    assert reviewed.server.client.put("/episodes/nothing/edits/one", json=WORDS).status_code == 404


def test_who_may_only_read_sees_the_review_and_changes_nothing(guarded: Guarded):
    episode = guarded.client.post("/episodes/discover").json()["episodes"][0]
    path = f"/episodes/{episode['episode_id']}"
    assert guarded.read.get(f"{path}/review").status_code == 200
    for method, place, body in (
        ("PUT", "edits/one", WORDS),
        ("POST", "undo", None),
        ("POST", "redo", None),
        ("PUT", "review", {"state": "approved"}),
    ):
        assert guarded.read.request(method, f"{path}/{place}", json=body).status_code == 403
    assert guarded.read.post(f"/async{path}/rebuild").status_code == 403
    refused = guarded.submit.put(f"{path}/edits/one", json=WORDS)
    assert refused.status_code == 409
    assert "process it first" in refused.json()["detail"]
