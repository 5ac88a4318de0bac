"""Live changes over websockets, and that nobody comes around the guard through one."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.apps.served import Guarded


@contextmanager
def socket(server: Guarded, path: str, **headers: str) -> Iterator[ClientConnection]:
    address = server.facts["url"].replace("http:", "ws:") + path
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with connect(address, additional_headers=named, proxy=None, open_timeout=10) as connection:
        yield connection


def refused(server: Guarded, path: str, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as caught, socket(server, path, **headers):
        pass
    return caught.value.response.status_code


def session(server: Guarded, scope: str) -> str:
    """The cookie of a browser that has logged in."""
    answer = httpx2.post(f"{server.facts['url']}/login", data={"key": server.keys[scope]})
    return answer.headers["set-cookie"].partition(";")[0]


def started(server: Guarded) -> dict[str, Any]:
    place = f"/async/episodes/{server.episode_id}/process"
    body = {"target_stage": "transcribed", "force_reprocess": True}
    return dict(server.submit.post(place, json=body).json())


def test_a_job_is_followed_over_a_websocket_to_its_end(guarded: Guarded):
    made = started(guarded)
    with socket(guarded, made["links"]["events"], X_API_Key=guarded.keys["read"]) as connection:
        told = [json.loads(message) for message in connection]
    assert {each["event"] for each in told} == {"job"}
    assert [each["data"]["job_id"] for each in told] == [made["job_id"]] * len(told)
    assert told[-1]["data"]["status"] == "completed"
    progress = [each["data"]["progress"] for each in told]
    assert progress == sorted(progress)


def test_who_comes_back_with_the_last_id_goes_on_there_over_either_way(guarded: Guarded):
    made = started(guarded)
    with socket(guarded, "/async/events", X_API_Key=guarded.keys["read"]) as connection:
        first = next(told for message in connection if (told := json.loads(message))["id"])
    guarded.ended(made["job_id"])
    place = f"/async/events?last_event_id={first['id']}"
    with socket(guarded, place, X_API_Key=guarded.keys["read"]) as connection:
        after = json.loads(connection.recv(timeout=10))
    assert int(after["id"].partition("-")[2]) > int(first["id"].partition("-")[2])
    headers = {"Last-Event-ID": first["id"]}
    with guarded.read.stream("GET", made["links"]["events"], headers=headers) as stream:
        ids = [line[4:] for line in stream.iter_lines() if line.startswith("id: ")]
    assert int(ids[0].partition("-")[2]) > int(first["id"].partition("-")[2])


def test_who_leaves_amid_the_first_look_is_shown_all_of_it_again(guarded: Guarded):
    """Only its last job says where to go on: with the id of another one, those after it would never come."""
    place = f"/async/episodes/{guarded.episode_id}/process"
    wanted = [
        {"target_stage": stage, "force_reprocess": True} for stage in ("transcribed", "enriched", "rendered")
    ]
    made = {guarded.submit.post(place, json=body).json()["job_id"] for body in wanted}
    key = {"X_API_Key": guarded.keys["read"]}
    with socket(guarded, "/async/events", **key) as connection:
        looks = [json.loads(connection.recv(timeout=10)) for _ in made]
    assert {each["data"]["job_id"] for each in looks} == made
    assert [bool(each["id"]) for each in looks] == [False, False, True]
    with guarded.read.stream("GET", "/async/events") as stream:
        lines = itertools.takewhile(lambda line: not line.startswith("id: "), stream.iter_lines())
        assert sum(line == "event: job" for line in lines) == len(made) - 1
    for job_id in made:
        guarded.ended(job_id)


def test_who_has_heard_the_end_of_a_job_is_not_kept_waiting_for_more(guarded: Guarded):
    """A browser asks again after each end of a stream, until the answer is 204."""
    made = started(guarded)
    place = made["links"]["events"]
    with guarded.read.stream("GET", place) as stream:
        ids = [line[4:] for line in stream.iter_lines() if line.startswith("id: ")]
    again = guarded.read.get(place, headers={"Last-Event-ID": ids[-1]}, timeout=5)
    assert (again.status_code, again.content) == (204, b"")
    missed = guarded.read.get(place, headers={"Last-Event-ID": ids[0]}, timeout=5)
    assert missed.text.count('"status":"completed"') == 1
    with socket(guarded, f"{place}?last_event_id={ids[-1]}", X_API_Key=guarded.keys["read"]) as connection:
        (told,) = [json.loads(message) for message in connection]
    assert told["data"]["status"] == "completed"


def test_a_job_that_is_not_there_has_no_websocket(guarded: Guarded):
    assert refused(guarded, "/async/jobs/nonesuch/events", X_API_Key=guarded.keys["read"]) == 404


@pytest.mark.parametrize(
    "path", ["/async/events", "/async/jobs/nonesuch/events", "//async/events", "/ASYNC/events"]
)
def test_no_websocket_without_a_key(guarded: Guarded, path: str):
    assert refused(guarded, path) == 403
    assert refused(guarded, path, X_API_Key="wb_no") == 403
    assert refused(guarded, f"{path}?key={guarded.keys['admin']}") == 403
    assert refused(guarded, path, X_Workbench_Caller="admin", X_Workbench_Scope="admin") == 403


def test_a_browser_needs_its_session_and_to_come_from_our_own_pages(guarded: Guarded):
    cookie, ours = session(guarded, "read"), guarded.facts["url"]
    with socket(guarded, "/async/events", Cookie=cookie, Origin=ours):
        pass
    assert refused(guarded, "/async/events", Cookie=cookie) == 403
    assert refused(guarded, "/async/events", Cookie=cookie, Origin="http://evil.example") == 403
    assert refused(guarded, "/async/events", Cookie=cookie, Origin="null") == 403
    assert refused(guarded, "/async/events", Origin=ours) == 403


def test_what_a_client_sends_changes_nothing_and_a_revoked_key_hears_no_more(guarded: Guarded):
    made = guarded.client.post("/keys", json={"name": "short", "scope": "read"}).json()
    with socket(guarded, "/async/events", X_API_Key=made["secret"]) as connection:
        connection.send(json.dumps({"cancel": "all"}))
        job = started(guarded)
        assert connection.recv(timeout=10)
        guarded.client.delete(f"/keys/{made['key']['key_id']}")
        with pytest.raises(ConnectionClosed, match="4401"):
            [connection.recv(timeout=10) for _ in range(1000)]
    assert guarded.ended(job["job_id"])["status"] == "completed"
