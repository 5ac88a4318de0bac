"""Search over HTTP, by the client and by the command line, on a server with a real recording."""

import pytest

from tests.apps.conftest import Cli, Processed
from tests.apps.served import Guarded, Server
from workbench.client import Client
from workbench.moments import Matches


@pytest.fixture(scope="module")
def sentence(site: Server, processed: Processed) -> tuple[str, float]:
    """Some sentence of the recording, and when it begins."""
    heard = site.client.get(f"/episodes/{processed.episode_id}/texts").json()["transcript"]
    span = max((each["words"] for each in heard["sentences"]), key=lambda span: span["end"] - span["first"])
    words = heard["words"][span["first"] : span["end"]]
    return "".join(" " * word["space"] + word["text"] for word in words).strip(), words[0]["start"]


def test_a_sentence_is_found_where_it_is_said(
    site: Server, processed: Processed, sentence: tuple[str, float]
):
    text, start = sentence
    answer = site.client.get("/search", params={"q": f'"{text.upper()}"'})
    assert answer.status_code == 200
    (moment,) = answer.json()["moments"]
    assert (moment["episode_id"], moment["text"], moment["start"]) == (processed.episode_id, text, start)
    assert answer.json()["more"] is False
    assert moment["title"] == site.client.get("/episodes").json()["episodes"][0]["title"]


def test_the_limit_is_kept_and_more_is_told(site: Server):
    found = site.client.get("/search", params={"q": "the", "limit": 2}).json()
    assert (len(found["moments"]), found["more"]) == (2, True)


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "  "}, {"q": "word", "limit": 0}])
def test_an_empty_query_is_a_problem_that_says_what_is_wrong(site: Server, query: dict[str, str]):
    answer = site.client.get("/search", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert ("query.q" if "limit" not in query else "query.limit") in answer.json()["detail"]


def test_signs_without_a_word_find_nothing(site: Server):
    assert site.client.get("/search", params={"q": "…"}).json() == Matches().model_dump(mode="json")


def test_who_may_read_may_search_and_nobody_else(guarded: Guarded):
    with guarded.client_with("wb_nothing") as nobody:
        assert nobody.get("/search", params={"q": "word"}).status_code == 401
    assert guarded.read.get("/search", params={"q": "word"}).status_code == 200


def test_episodes_are_found_by_their_titles(site: Server, processed: Processed):
    def found(text: str) -> list[str]:
        listed = site.client.get("/episodes", params={"text": text}).json()["episodes"]
        return [each["episode_id"] for each in listed]

    (episode,) = site.client.get("/episodes").json()["episodes"]
    assert found(episode["title"].upper()) == [processed.episode_id]
    assert found("no such title") == []
    with Client(str(site.facts["url"])) as client:
        assert client.episodes(text="no such title") == []


def test_client_and_command_find_the_same(
    site: Server, processed: Processed, cli: Cli, sentence: tuple[str, float]
):
    text, _ = sentence
    with Client(str(site.facts["url"])) as client:
        found = client.search(text)
        assert client.search(" ") == Matches()
    assert (found.moments[0].text, found.moments[0].start) == sentence
    asked = ("search", " ".join(text.split()[:3]), "--library", processed.library, "--limit", 1)
    shown = cli(*asked, "--json").facts["moments"]
    assert len(shown) == 1
    assert shown[0]["episode_id"] == processed.episode_id
    told = cli("search", text, "--library", processed.library)
    assert (told.code, processed.episode_id in told.out, text in told.out) == (0, True, True)
    nothing = cli("search", "zzzzzz", "--library", processed.library)
    assert (nothing.code, nothing.out, "try fewer" in nothing.err) == (0, "", True)
