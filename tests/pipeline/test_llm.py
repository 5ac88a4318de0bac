"""The endpoint, spoken to over real HTTP; only the far end is scripted."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from pipeline.errors import Cancelled, ModelFailed
from pipeline.llm import BadAnswer, Endpoint, parse, salvaged, strict_schema
from tests.pipeline.scripted_server import ScriptedServer


class Verdict(BaseModel):
    word: str
    score: int


GOOD = '{"word": "yes", "score": 7}'


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def ask(server: ScriptedServer, system: str = "", user: str = "", **changes: Any) -> Verdict:
    with endpoint(server, **changes) as opened:
        return opened.answer(Verdict, system, user)


def endpoint(server: ScriptedServer, **changes: Any) -> Endpoint:
    settings: dict[str, Any] = {
        "api_key": None,
        "temperature": 0.0,
        "timeout": 5.0,
        "answer_tokens": 50,
        "look": lambda: None,
    }
    return Endpoint(server.base_url, "tiny", **(settings | changes))


def test_an_answer_comes_back_as_the_model_asked_for(server: ScriptedServer) -> None:
    server.answers(GOOD)
    assert ask(server, "You judge.", "Well?") == Verdict(word="yes", score=7)
    sent = server.requests[0].body
    assert sent["model"] == "tiny"
    assert sent["temperature"] == 0.0
    assert [message["content"] for message in sent["messages"]] == ["You judge.", "Well?"]
    assert sent["response_format"]["json_schema"]["schema"]["required"] == ["word", "score"]


@pytest.mark.parametrize(
    "said", [f"```json\n{GOOD}\n```", f"Sure, here it is: {GOOD} I hope it helps.", f"  {GOOD}\n"]
)
def test_words_around_the_json_are_passed_over(said: str) -> None:
    assert parse(Verdict, said).score == 7


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("I would rather not.", "Invalid JSON"),
        ('{"word": "yes"}', "score: Field required"),
        ('{"word": "yes", "score": "many"}', "score: .*valid integer"),
        ("", "Invalid JSON"),
    ],
)
def test_an_answer_in_another_form_says_what_is_wrong_with_it(said: str, reason: str) -> None:
    with pytest.raises(BadAnswer, match=reason) as raised:
        parse(Verdict, said)
    assert raised.value.text == said


def test_an_answer_that_broke_off_says_so(server: ScriptedServer) -> None:
    server.answers('{"word": "yes, and', finish_reason="length")
    with pytest.raises(BadAnswer, match="too long and broke off"):
        ask(server)


def test_a_server_without_json_schema_is_asked_for_a_json_object_and_the_schema_in_words(
    server: ScriptedServer,
) -> None:
    server.refuses(400, "response_format json_schema is not supported")
    server.answers(GOOD)
    server.answers(GOOD)
    with endpoint(server) as opened:
        assert opened.answer(Verdict, "Judge.", "Well?").word == "yes"
        assert opened.answer(Verdict, "Judge.", "And now?").word == "yes"
    forms = [request.body["response_format"]["type"] for request in server.requests]
    assert forms == ["json_schema", "json_object", "json_object"]
    assert "score" in server.requests[1].body["response_format"]["schema"]["properties"]
    assert '"score"' in server.requests[1].body["messages"][0]["content"]


def test_a_server_without_any_response_format_is_asked_in_plain_text(server: ScriptedServer) -> None:
    for _ in range(3):
        server.refuses(422, "unknown field response_format")
    server.answers(f"Of course! {GOOD}")
    assert ask(server).score == 7
    assert "response_format" not in server.requests[-1].body


@pytest.mark.parametrize(
    ("refusal", "left_out", "instead"),
    [
        ("Unsupported parameter: 'max_tokens'", "max_tokens", "max_completion_tokens"),
        ("Unsupported value: 'temperature' does not support 0", "temperature", "max_tokens"),
    ],
)
def test_what_a_server_does_not_know_is_left_out(
    server: ScriptedServer, refusal: str, left_out: str, instead: str
) -> None:
    server.refuses(400, refusal)
    server.answers(GOOD)
    ask(server)
    assert left_out not in server.requests[1].body
    assert instead in server.requests[1].body
    assert server.requests[1].body["response_format"]["type"] == "json_schema"


def test_a_server_that_stumbles_is_asked_again(server: ScriptedServer) -> None:
    server.refuses(503, "loading the model")
    server.answers(GOOD)
    assert ask(server).score == 7
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "message", "sentence"),
    [
        (401, "bad key", "refused the key .* set `api_key`"),
        (404, "model not found", "is not known there .* correct `model` or `base_url`"),
        (
            400,
            "this exceeds the context length of 2048",
            "status 400.*context length of 2048.*context_tokens",
        ),
    ],
)
def test_a_refusal_that_no_retry_helps_names_the_endpoint_and_the_setting(
    server: ScriptedServer, status: int, message: str, sentence: str
) -> None:
    server.refuses(status, message)
    with pytest.raises(ModelFailed, match=sentence) as raised:
        ask(server)
    assert server.base_url in str(raised.value)
    assert len(server.requests) == 1


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with ScriptedServer() as gone:
        pass
    with pytest.raises(ModelFailed, match="cannot be reached: start its server, or correct `base_url`"):
        ask(gone)


def test_a_server_that_is_too_slow_is_given_up(server: ScriptedServer) -> None:
    for _ in range(4):
        server.answers(GOOD, after=1.0)
    with pytest.raises(ModelFailed, match="did not answer in time"):
        ask(server, timeout=0.1)


def test_a_page_instead_of_a_completion_is_no_endpoint(server: ScriptedServer) -> None:
    server.says("<html>Welcome</html>", "text/html")
    with pytest.raises(ModelFailed, match="something else than a chat completion"):
        ask(server)


def test_a_cancel_ends_a_call_that_is_under_way(server: ScriptedServer) -> None:
    server.answers(GOOD, after=4.0)
    begun, before = time.monotonic(), set(threading.enumerate())

    def look() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        ask(server, look=look)
    assert time.monotonic() - begun < 2
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if "Executor" in thread.name]


def test_keys_of_the_environment_are_not_sent(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.invalid/v1")
    server.answers(GOOD)
    ask(server)
    assert "secret" not in json.dumps(server.requests[0].headers)
    assert server.requests[0].headers["authorization"] == "Bearer none"


def test_the_given_key_is_sent(server: ScriptedServer) -> None:
    server.answers(GOOD)
    ask(server, api_key="mine")
    assert server.requests[0].headers["authorization"] == "Bearer mine"


def test_a_schema_forbids_what_is_not_in_it() -> None:
    class Outer(BaseModel):
        inner: list[Verdict]

    schema = strict_schema(Outer)
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Verdict"]["required"] == ["word", "score"]


class Verdicts(BaseModel):
    about: str
    given: list[Verdict]
    notes: list[str]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'{{"about": "x", "given": [{GOOD}, {GOOD}, {{"word": "n', ["yes", "yes"]),
        (f'{{"about": "x", "given": [{GOOD}, {{"word": "no", ', ["yes"]),
        (f'{{"about": "x", "given": [{GOOD}], "notes": ["a", "b', ["yes"]),
        ('{"about": "x", "given": [', []),
    ],
)
def test_what_is_complete_of_a_broken_off_answer_is_kept(text: str, words: list[str]) -> None:
    kept = salvaged(Verdicts, text)
    assert kept is not None
    assert [verdict.word for verdict in kept.given] == words


@pytest.mark.parametrize("text", ["", "no", '{"given": [', "[1, 2", '{"about": 7, "given": ['])
def test_nothing_is_kept_of_an_answer_that_never_fitted(text: str) -> None:
    assert salvaged(Verdicts, text) is None
