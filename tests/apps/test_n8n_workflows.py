"""The n8n workflows as files; `python -m tests.n8n` runs them in a real n8n."""

import base64
import hashlib
import hmac
import json
import re
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import playwright
import pytest
from fastapi import FastAPI

from apps.rest import deliveries, episodes, jobs

TEMPLATES = Path(__file__).parent.parent.parent / "apps" / "n8n"
FILES = sorted(TEMPLATES.glob("*.json"))
README = (TEMPLATES / "README.md").read_text(encoding="utf-8")
LOOP = "Loop Over Items"
VERSIONS = {
    "code": 2,
    "httpRequest": 4.2,
    "if": 2.2,
    "manualTrigger": 1,
    "respondToWebhook": 1.1,
    "scheduleTrigger": 1.2,
    "set": 3.4,
    "splitInBatches": 3,
    "splitOut": 1,
    "stickyNote": 1,
    "wait": 1.1,
    "webhook": 2,
}
"""What n8n 1.123 and 2.41 both know; an older n8n does not know newer ones."""

type Workflow = dict[str, Any]
type Node = dict[str, Any]


@cache
def api() -> dict[str, Any]:
    """The OpenAPI document of the workbench."""
    app = FastAPI()
    for routes in (episodes.routes, jobs.routes, deliveries.routes):
        app.include_router(routes)
    return app.openapi()


def route(method: str, path: str) -> dict[str, Any] | None:
    """What the API says of a route, whose parameters may have any value; None when it has no such."""
    for known, methods in api()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path) and method.lower() in methods:
            return dict(methods[method.lower()])
    return None


def fields(described: Mapping[str, Any]) -> set[str]:
    """What the body of a request to this route may have."""
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    return set(api()["components"]["schemas"][name]["properties"])


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def workflow(request: pytest.FixtureRequest) -> Workflow:
    return load(request.param)


def load(file: Path) -> Workflow:
    return dict(json.loads(file.read_text(encoding="utf-8")))


def nodes(workflow: Workflow, kind: str = "") -> Iterator[Node]:
    """All that do something; of one type when `kind` names it."""
    for node in workflow["nodes"]:
        if node["type"].endswith(f".{kind}") if kind else not node["type"].endswith(".stickyNote"):
            yield node


def node(workflow: Workflow, name: str) -> Node:
    (found,) = (each for each in nodes(workflow) if each["name"] == name)
    return found


def outputs(workflow: Workflow, name: str) -> list[list[str]]:
    """For each output of a node, the nodes that it leads to."""
    ways = workflow["connections"].get(name, {}).get("main", [])
    return [[each["node"] for each in way] for way in ways]


def reachable(workflow: Workflow, start: Collection[str], around: Collection[str] = ()) -> set[str]:
    """`start` and every node behind it, without going through those in `around`."""
    found: set[str] = set()
    ahead = [name for name in start if name not in around]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += [each for way in outputs(workflow, name) for each in way if each not in around]
    return found


def in_the_loop(workflow: Workflow) -> set[str]:
    """What runs for each item."""
    return reachable(workflow, outputs(workflow, LOOP)[1], around=[LOOP])


def settings(workflow: Workflow) -> dict[str, Any]:
    rows = node(workflow, "Config")["parameters"]["assignments"]["assignments"]
    return {row["name"]: row["value"] for row in rows}


def texts(value: object) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def test_there_are_three_of_them():
    assert [file.name for file in FILES] == ["callback.json", "nightly.json", "resume.json"]
    assert len({load(file)["id"] for file in FILES}) == 3


def test_every_connection_leads_to_a_node(workflow: Workflow):
    names = [each["name"] for each in nodes(workflow)]
    assert len(set(names)) == len(names)
    used = {each for name in workflow["connections"] for way in outputs(workflow, name) for each in way}
    assert (used | set(workflow["connections"])) - set(names) == set()


def test_every_node_is_reached_from_a_trigger(workflow: Workflow):
    triggers = [each["name"] for each in nodes(workflow) if re.search(r"rigger$|\.webhook$", each["type"])]
    assert {each["name"] for each in nodes(workflow)} - reachable(workflow, triggers) == set()


def test_every_node_that_an_expression_names_is_there(workflow: Workflow):
    named = {name for text in texts(workflow["nodes"]) for name in re.findall(r"\$\('([^']+)'\)", text)}
    assert "Config" in named
    assert named - {each["name"] for each in nodes(workflow)} == set()


def test_the_versions_are_those_that_old_and_new_n8n_know(workflow: Workflow):
    used = {(each["type"].removeprefix("n8n-nodes-base."), each["typeVersion"]) for each in workflow["nodes"]}
    assert used - set(VERSIONS.items()) == set()


def test_nothing_needs_the_environment_or_a_licence(workflow: Workflow):
    assert [text for text in texts(workflow) if re.search(r"\$(env|vars|secrets)\b", text)] == []


def asked(workflow: Workflow) -> Iterator[tuple[str, str, str]]:
    """Method, path and body of every request to the workbench, with `x` in place of each expression."""
    base = "={{ $('Config').first().json.workbench_url }}"
    for each in nodes(workflow, "httpRequest"):
        given = each["parameters"]
        if given["url"].startswith(base):
            path = re.sub(r"\{\{.*?\}\}", "x", given["url"].removeprefix(base))
            yield given.get("method", "GET"), path, given.get("jsonBody", "")


def test_every_request_to_the_workbench_is_a_route_of_it(workflow: Workflow):
    requests = [(method, path) for method, path, _ in asked(workflow)]
    assert len(requests) >= 2
    assert [each for each in requests if route(*each) is None] == []


def test_every_body_has_only_what_the_route_knows(workflow: Workflow):
    bodies = [(route(method, path), body) for method, path, body in asked(workflow) if body]
    assert bodies
    for described, body in bodies:
        sent = set(re.findall(r"[{,]\s*\"?(\w+)\"?:", body))
        assert sent, body
        assert sent - fields(described or {}) == set()


def test_every_address_is_in_config(workflow: Workflow):
    elsewhere = [each for each in workflow["nodes"] if each["name"] != "Config"]
    assert [text for text in texts(elsewhere) if re.search(r"https?://|localhost|127\.0", text)] == []
    known = ("workbench_url", "slack_webhook_url")
    for each in nodes(workflow, "httpRequest"):
        found = re.match(r"=\{\{ \$\('Config'\)\.first\(\)\.json\.(\w+) \}\}", each["parameters"]["url"])
        assert found is not None, each["name"]
        assert found[1] in known


def test_there_is_no_secret_in_it(workflow: Workflow):
    assert [text for text in texts(workflow) if re.search(r"wb_[0-9a-f]{12}|whsec_[\w+/]{8}", text)] == []
    assert not settings(workflow).get("webhook_secret")
    for each in nodes(workflow):
        for reference in each.get("credentials", {}).values():
            assert set(reference) == {"id", "name"}
    assert not workflow["pinData"]


def test_the_workbench_is_asked_with_the_api_key_and_slack_without(workflow: Workflow):
    for each in nodes(workflow, "httpRequest"):
        ours = "workbench_url" in each["parameters"]["url"]
        assert ("httpHeaderAuth" in each.get("credentials", {})) == ours, each["name"]
        assert (each["parameters"].get("genericAuthType") == "httpHeaderAuth") == ours, each["name"]


def test_every_request_is_tried_again_as_often_as_n8n_can(workflow: Workflow):
    tries = {
        (each["retryOnFail"], each["maxTries"], each["waitBetweenTries"])
        for each in nodes(workflow, "httpRequest")
    }
    assert tries == {(True, 5, 5000)}  # n8n makes less of anything more


def keys(workflow: Workflow) -> dict[str, str]:
    """The `Idempotency-Key` of every request that starts a job, by the name of its node."""
    found = {}
    for each in nodes(workflow, "httpRequest"):
        if re.search("/async/episodes/|/episodes/discover$", each["parameters"]["url"]):
            headers = each["parameters"]["headerParameters"]["parameters"]
            named = {header["name"]: header["value"] for header in headers}
            found[each["name"]] = named["Idempotency-Key"]
    return found


def test_what_starts_a_job_can_be_sent_twice(workflow: Workflow):
    sent = keys(workflow)
    assert "Start clip rendering" in sent
    assert len(set(sent.values())) == len(sent)


@pytest.mark.parametrize("name", ["nightly.json", "resume.json"])
def test_a_job_of_another_n8n_that_counts_from_one_again_is_another_job(name: str):
    """An execution says when it started, and says the same when it tries again."""
    workflow = load(TEMPLATES / name)
    assert settings(workflow)["started"] == "={{ $now.toMillis() }}"
    start = "=n8n-{{ $execution.id }}-{{ $('Config').first().json.started }}-"
    assert {node: key.startswith(start) for node, key in keys(workflow).items()} == {
        "Discover episodes": True,
        "Start processing": True,
        "Start clip rendering": True,
    }


def test_a_request_that_fails_is_reported_and_stops_nothing(workflow: Workflow):
    for each in nodes(workflow, "httpRequest"):
        if "slack_webhook_url" in each["parameters"]["url"]:
            assert each["onError"] == "continueRegularOutput", each["name"]
        else:
            assert each["onError"] == "continueErrorOutput"
            (told,) = outputs(workflow, each["name"])[1]
            assert told.startswith("Slack: "), each["name"]


@pytest.mark.parametrize("name", ["nightly.json", "resume.json"])
def test_every_branch_of_the_loop_ends_back_at_it(name: str):
    workflow = load(TEMPLATES / name)
    for each in in_the_loop(workflow):
        kind = node(workflow, each)["type"].removeprefix("n8n-nodes-base.")
        split = kind == "if" or node(workflow, each).get("onError") == "continueErrorOutput"
        ways = outputs(workflow, each)
        assert len(ways) == (2 if split else 1), each
        assert all(ways), f"{each} has an output that leads nowhere"
        assert LOOP in reachable(workflow, [each]), each


@pytest.mark.parametrize("name", ["nightly.json", "resume.json"])
def test_a_discovery_that_goes_on_is_asked_for_again_or_told_to_slack(name: str):
    workflow = load(TEMPLATES / name)
    assert outputs(workflow, "Any episodes?") == [["Split Out"], ["Still discovering?"]]
    assert outputs(workflow, "Still discovering?") == [["For too long?"], []]
    assert outputs(workflow, "For too long?") == [["Slack: still discovering"], ["Wait for discovery"]]
    assert outputs(workflow, "Wait for discovery") == [["Discover episodes"]]


@pytest.mark.parametrize("name", ["nightly.json", "resume.json"])
def test_nothing_goes_in_circles_without_waiting(name: str):
    workflow = load(TEMPLATES / name)
    waits = {each["name"] for each in nodes(workflow, "wait")}
    for each in {each["name"] for each in nodes(workflow)} - waits - {LOOP}:
        behind = [target for way in outputs(workflow, each) for target in way]
        assert each not in reachable(workflow, behind, around=[LOOP, *waits]), each


def test_the_resume_address_goes_to_the_workbench_as_it_is():
    workflow = load(TEMPLATES / "resume.json")
    body = node(workflow, "Start processing")["parameters"]["jsonBody"]
    assert "webhook_url: $execution.resumeUrl }" in body
    wait = node(workflow, "Wait for the call")
    assert (wait["parameters"]["httpMethod"], wait["parameters"]["limitWaitTime"]) == ("POST", True)
    assert "webhookSuffix" not in wait["parameters"]["options"]


def test_the_readme_tells_of_every_file_setting_and_credential():
    told = [
        word
        for file in FILES
        for word in (
            file.name,
            *settings(load(file)),
            *(one["name"] for each in nodes(load(file)) for one in each.get("credentials", {}).values()),
        )
    ]
    assert [word for word in told if word not in README] == []


def test_every_command_of_the_readme_asks_a_route_that_is_there():
    commands = re.findall(r"curl .*?(?:-X (\w+) )?\"\$WORKBENCH(/[^\"?]*)", README)
    assert len(commands) == README.count("\ncurl ")
    assert [each for each in commands if route(each[0] or "GET", each[1]) is None] == []


RUN = """
const [code, cases] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const check = new (async () => {}).constructor('$input', code);
Promise.all(cases.map(({ body, headers, webhook_secret }) =>
  check.call({ helpers: { getBinaryDataBuffer: async () => Buffer.from(body, 'base64') } },
             { first: () => ({ json: { headers, webhook_secret } }) })))
  .then((answers) => console.log(JSON.stringify(answers.map(([{ json }]) => json))));
"""
KEY = bytes(range(200, 232))  # bytes that are no text


def checked(*calls: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `Check signature` says of each call; its code runs in the Node that Playwright brings."""
    code = node(load(TEMPLATES / "callback.json"), "Check signature")["parameters"]["jsCode"]
    program = shutil.which("node", path=Path(playwright.__file__).parent / "driver")
    assert program is not None
    given = json.dumps([code, calls])
    ended = subprocess.run(
        [program, "-e", RUN], input=given, capture_output=True, text=True, check=True, timeout=60
    )
    return list(json.loads(ended.stdout))


def call(
    body: str = '{"job_id": "j1"}', *, key: bytes = KEY, age: int = 0, signed: str | None = None
) -> dict[str, Any]:
    """A call as Standard Webhooks 1.0 wants it, `age` seconds old; `signed` is what was really signed."""
    moment = str(int(time.time()) - age)
    text = f"msg_1.{moment}.{body if signed is None else signed}"
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    secret = f"whsec_{base64.b64encode(KEY).decode()}"
    return {"body": base64.b64encode(body.encode()).decode(), "headers": headers, "webhook_secret": secret}


def test_the_signature_is_checked_over_bodies_of_every_length():
    bodies = [json.dumps({"text": "é" * length}, ensure_ascii=False) for length in (*range(70), 5000)]
    answers = checked(*map(call, bodies))
    assert [each["problem"] for each in answers] == [None] * len(bodies)
    assert [each["call"] for each in answers] == [json.loads(body) for body in bodies]


@pytest.mark.parametrize("length", [24, 32, 63, 64, 65, 100])
def test_the_secret_may_be_of_any_length(length: int):
    key = bytes((number * 7) % 256 for number in range(length))
    given = call(key=key) | {"webhook_secret": f"whsec_{base64.b64encode(key).decode()}"}
    assert [each["genuine"] for each in checked(given)] == [True]


def test_one_right_signature_among_several_is_enough():
    given = call()
    given["headers"]["webhook-signature"] = f"v1a,xyz v1,{'A' * 43}= {given['headers']['webhook-signature']}"
    assert checked(given)[0]["genuine"]


@pytest.mark.parametrize(
    ("how", "instead", "problem"),
    [
        ({"key": b"x" * 32}, {}, "does not match"),
        ({"signed": '{"job_id": "j2"}'}, {}, "does not match"),
        ({}, {"headers": {}}, "not of the last 5 minutes"),
        ({"age": 301}, {}, "not of the last 5 minutes"),
        ({"age": -330}, {}, "not of the last 5 minutes"),
        ({"key": b""}, {"webhook_secret": ""}, "missing or too short"),
        ({"key": b""}, {"webhook_secret": "whsec_"}, "missing or too short"),
    ],
    ids=["other secret", "other body", "no headers", "old", "from the future", "no secret", "empty secret"],
)
def test_a_call_that_is_not_the_workbenchs_is_told_apart(
    how: dict[str, Any], instead: dict[str, Any], problem: str
):
    (answer,) = checked(call(**how) | instead)
    assert problem in answer["problem"]
    assert (answer["genuine"], answer["call"]) == (False, {})
