"""The REST interface through a real server in a process of its own, with a real cluster."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.apps.conftest import command, environment
from tests.apps.served import Receiver, Server
from tests.workbench.receivers import new_secret

SECRET = new_secret()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.shutdown()
    receiver.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, tone: Path) -> Iterator[Server]:
    library = tmp_path_factory.mktemp("served")
    (library / "inbox").mkdir()
    shutil.copy(tone, library / "inbox" / "tone.mp4")
    allowed = f"127.0.0.1:{receiver.server_port}"
    server = Server(
        library,
        WORKBENCH_WEBHOOK_ALLOW=allowed,
        WORKBENCH_WEBHOOK_SECRET=SECRET,
        WORKBENCH_STABLE_SECONDS="0",
    )
    yield server
    server.stop()


@pytest.fixture(scope="module")
def episode_id(server: Server) -> str:
    found = server.client.post("/episodes/discover").json()
    assert found["count"] == 1
    return str(found["episodes"][0]["episode_id"])


def test_a_submit_is_answered_at_once_with_where_to_look(server: Server, episode_id: str):
    body = {"target_stage": "transcribed"}
    answer = server.client.post(f"/async/episodes/{episode_id}/process", json=body)
    made = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == made["links"]["self"] == f"/async/jobs/{made['job_id']}"
    assert made["status_url"] == server.facts["url"] + answer.headers["location"]
    job = server.ended(made["job_id"])
    assert (job["status"], job["progress"], job["failure"]) == ("completed", 100, None)
    assert job["result"]["episode_id"] == episode_id
    assert "error" not in job


def test_the_end_of_a_job_is_told_signed_and_again_until_it_is_taken(
    server: Server, receiver: Receiver, episode_id: str
):
    body = {"target_stage": "transcribed", "webhook_url": receiver.url}
    made = server.client.post(f"/async/episodes/{episode_id}/process", json=body).json()
    server.ended(made["job_id"])
    deadline = time.monotonic() + 20
    page = f"/async/jobs/{made['job_id']}/deliveries"
    while (told := server.client.get(page).json()["deliveries"])[0]["state"] != "delivered":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (len(told), told[0]["tries"], told[0]["last_status"]) == (1, 2, 200)
    tries = [each for each in receiver.got if each[0]["webhook-id"] == told[0]["delivery_id"]]
    assert len(tries) == 2
    content = Webhook(SECRET).verify(tries[1][1], tries[1][0])
    assert content["type"] == "job.completed"
    assert (content["job_id"], content["status"]) == (made["job_id"], "completed")
    assert content["data"]["result"]["episode_id"] == episode_id
    assert content["data"]["episode_id"] == episode_id
    assert "a%2Fb" not in str(told)


def test_a_message_is_delivered_once_more_under_its_id_when_that_is_asked_for(
    server: Server, receiver: Receiver
):
    delivery = server.client.get("/async/deliveries", params={"limit": 1}).json()["deliveries"][0]
    before = len(receiver.got)
    assert server.client.post(f"/async/deliveries/{delivery['delivery_id']}/replay").status_code == 202
    deadline = time.monotonic() + 20
    while len(receiver.got) == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert receiver.got[-1][0]["webhook-id"] == delivery["delivery_id"]


def test_a_webhook_to_a_private_address_is_refused_with_the_name_of_the_setting(
    server: Server, episode_id: str
):
    body = {"webhook_url": "http://127.0.0.1:9/"}
    answer = server.client.post(f"/async/episodes/{episode_id}/process", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "`webhook_allow`" in answer.json()["detail"]


def test_the_same_idempotency_key_gets_the_same_job_and_another_body_is_refused(
    server: Server, episode_id: str
):
    place, headers = f"/async/episodes/{episode_id}/process", {"Idempotency-Key": "night-1"}
    first = server.client.post(place, json={"target_stage": "discovered"}, headers=headers).json()
    server.ended(first["job_id"])
    again = server.client.post(place, json={"target_stage": "discovered"}, headers=headers).json()
    assert (again["job_id"], again["deduplicated"]) == (first["job_id"], True)
    other = server.client.post(place, json={"target_stage": "enriched"}, headers=headers)
    assert other.status_code == 422


def test_a_client_that_polls_hears_that_nothing_is_new(server: Server):
    job = server.client.get("/async/jobs", params={"limit": 1, "status": "completed"}).json()["jobs"][0]
    first = server.client.get(job["links"]["self"])
    again = server.client.get(job["links"]["self"], headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "retry-after" not in first.headers
    look = server.client.get("/openapi.json").json()["paths"]["/async/jobs/{job_id}"]["get"]
    assert "304" in look["responses"]
    tag = first.headers["etag"]
    for known in (f'"other", {tag}', f"W/{tag}", "*"):
        assert server.client.get(job["links"]["self"], headers={"If-None-Match": known}).status_code == 304
    assert server.client.get(job["links"]["self"], headers={"If-None-Match": '"other"'}).status_code == 200


def test_all_jobs_come_page_by_page_each_once(server: Server):
    seen: list[str] = []
    cursor: str | None = None
    while True:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = server.client.get("/async/jobs", params=asked).json()
        seen += [job["job_id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == server.client.get("/async/stats").json()["total"]


def test_the_next_page_is_where_the_header_link_says(server: Server):
    first = server.client.get("/async/jobs", params={"limit": 2, "status": "completed"})
    second = server.client.get(first.links["next"]["url"])
    assert len(second.json()["jobs"]) == 2
    assert second.json()["jobs"][0]["job_id"] < first.json()["jobs"][-1]["job_id"]
    everything = server.client.get("/async/jobs", params={"limit": 200})
    assert "link" not in everything.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/async/jobs/nonesuch", 404),
        ("GET", "/episodes/nonesuch", 404),
        ("GET", "/nowhere", 404),
        ("POST", "/async/episodes/nonesuch/process", 422),
        ("GET", "/async/jobs?limit=1000", 422),
        ("PUT", "/async/stats", 405),
        ("POST", "/async/jobs/nonesuch/retry", 404),
    ],
)
def test_every_error_is_a_problem_that_says_what_to_do(server: Server, method: str, path: str, status: int):
    answer = server.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert {"type", "title", "status", "detail", "instance", "retryable"} <= answer.json().keys()
    plain = server.client.request(method, path, headers={"Accept": "application/json"})
    assert plain.headers["content-type"] == "application/json"
    assert plain.json()["status"] == status


def test_a_job_is_followed_live_to_its_end(server: Server, episode_id: str):
    body = {"target_stage": "transcribed", "force_reprocess": True}
    made = server.client.post(f"/async/episodes/{episode_id}/process", json=body).json()
    looks: list[dict[str, Any]] = []
    with server.client.stream("GET", made["links"]["events"]) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        looks += [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert looks[-1]["status"] == "completed"
    assert [look["progress"] for look in looks] == sorted(look["progress"] for look in looks)


def test_a_cancelled_job_can_be_retried_as_a_new_one_and_a_completed_one_cannot(
    server: Server, episode_id: str
):
    body = {"target_stage": "rendered", "force_reprocess": True}
    made = server.client.post(f"/async/episodes/{episode_id}/process", json=body).json()
    assert server.client.delete(made["links"]["cancel"]).json()["status"] == "cancelled"
    assert server.client.delete(made["links"]["cancel"]).status_code == 200
    answer = server.client.post(f"/async/jobs/{made['job_id']}/retry")
    again = answer.json()
    assert (answer.headers["location"], answer.headers["retry-after"]) == (again["links"]["self"], "5")
    assert again["job_id"] != made["job_id"]
    assert server.ended(again["job_id"])["status"] == "completed"
    assert server.client.post(f"/async/jobs/{again['job_id']}/retry").status_code == 409


def test_an_episodes_files_are_listed_and_handed_out_in_parts_and_nothing_else_is(
    server: Server, episode_id: str
):
    episode = server.client.get(f"/episodes/{episode_id}").json()
    assert f"{episode_id}.words.json" in episode["files"]
    place = f"/episodes/{episode_id}/files"
    part = server.client.get(f"{place}/{episode_id}.words.json", headers={"Range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    for name in ("tone.mp4", "../../workbench.duckdb", "%2e%2e/%2e%2e/workbench.duckdb", "nothing"):
        assert server.client.get(f"{place}/{name}").status_code in (404, 405)


def test_an_upload_becomes_an_episode_by_the_job_that_its_answer_names(server: Server, silence: Path):
    told = server.client.put("/uploads/uploaded.wav", content=silence.read_bytes()).raise_for_status().json()
    assert told["status_url"] == f"{server.client.base_url}/async/jobs/{told['job_id']}"
    job = server.client.get(told["status_url"], params={"wait": 30}).json()
    assert [each["episode_id"] for each in job["result"]["episodes"]] == ["uploaded"]
    assert server.client.get("/episodes/uploaded").status_code == 200


def test_a_recording_is_never_handed_out_as_a_page_whatever_its_name_says(server: Server, tone: Path):
    content = tone.read_bytes() + b"\0\0\0\x08free"  # another one than that of any recording here
    told = server.client.put("/uploads/page.html", content=content).raise_for_status().json()
    (episode,) = server.ended(told["job_id"])["result"]["episodes"]
    answer = server.client.get(f"/episodes/{episode['episode_id']}/media")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "status", "got"),
    [
        ("bytes=2-4", 206, slice(2, 5)),
        ("bytes = -3", 206, slice(-3, None)),
        ("Bytes=5-999999999999", 206, slice(5, None)),
        ("bytes=3-5,99999999-", 206, slice(3, 6)),
        ("items=0-1", 200, slice(None)),
        ("bytes=5-2", 200, slice(None)),
        ("bytes=9" + "9" * 5000 + "-", 200, slice(None)),
        ("nonsense", 200, slice(None)),
    ],
)
def test_a_part_of_a_file_is_handed_out_and_what_is_no_part_is_as_if_it_was_not_asked_for(
    server: Server, episode_id: str, asked: str, status: int, got: slice
):
    place = f"/episodes/{episode_id}/media"
    whole = server.client.get(place).content
    answer = server.client.get(place, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, whole[got])


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0"])
def test_a_part_behind_the_end_of_a_file_is_a_problem_that_says_how_long_it_is(
    server: Server, episode_id: str, asked: str
):
    place = f"/episodes/{episode_id}/media"
    size = len(server.client.get(place).content)
    answer = server.client.get(place, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(size) in answer.json()["detail"]


def test_the_server_says_that_it_is_well_and_who_may_ask_is_guarded(server: Server):
    assert server.client.get("/healthz").json()["status"] == "ok"
    assert server.client.get("/readyz").json()["status"] == "ready"
    foreign = server.client.get("/async/stats", headers={"Host": "evil.example"})
    assert foreign.status_code in (403, 421)


def test_a_second_server_is_refused_while_one_has_the_library(server: Server):
    second = subprocess.run(
        command("serve", "--library", server.library, "--port", "0"),
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert second.returncode == 3
    assert f"process {server.process.pid}" in second.stderr
    assert json.loads((server.library / ".server.json").read_text())["pid"] == server.process.pid


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 422),
        ({"content": b"<xml/>", "headers": {"Content-Type": "text/xml"}}, 422),
        ({"json": {"priority": "high"}}, 422),
        ({"json": {"priority": True}}, 422),
        ({"json": {"misspelt": 1}}, 422),
        ({"content": b" " * (5 << 20), "headers": {"Content-Type": "application/json"}}, 413),
        ({"json": {}, "headers": {"Idempotency-Key": "x" * 201}}, 400),
    ],
)
def test_a_body_that_cannot_be_used_is_a_problem_too(server: Server, sent: dict[str, Any], status: int):
    answer = server.client.post("/async/discover", **sent)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


def test_a_connection_that_rested_as_long_as_clients_keep_theirs_takes_another_request(server: Server):
    with closing(HTTPConnection(httpx2.URL(server.facts["url"]).netloc.decode(), timeout=20)) as rested:
        for rest in (6.0, 0.0):
            rested.request("GET", "/healthz")
            assert rested.getresponse().read()
            time.sleep(rest)


def test_a_method_that_a_path_does_not_take_is_answered_with_those_that_it_takes(server: Server):
    answer = server.client.put("/async/jobs/nonesuch")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")
    assert "DELETE, GET, not PUT" in answer.json()["detail"]


def test_what_was_accepted_before_a_kill_is_done_after_the_next_start(tmp_path: Path, tone: Path):
    library = tmp_path / "library"
    (library / "inbox").mkdir(parents=True)
    shutil.copy(tone, library / "inbox" / "tone.mp4")
    first = Server(library, WORKBENCH_STABLE_SECONDS="0")
    made = first.client.post("/async/discover", json={"process": True, "target_stage": "transcribed"}).json()
    first.client.close()
    first.process.kill()
    first.process.wait()
    second = Server(library, WORKBENCH_STABLE_SECONDS="0")
    assert second.ended(made["job_id"])["status"] == "completed"
    jobs = second.client.get("/async/jobs").json()["jobs"]
    (follower,) = [job for job in jobs if job["job_type"] == "process_episode"]
    assert second.ended(follower["job_id"])["status"] == "completed"
    assert second.stop() == 0
    assert not (library / ".server.json").exists()


def test_another_address_than_this_machines_own_needs_a_key_first(tmp_path: Path):
    arguments = ("serve", "--library", tmp_path / "library", "--host", "0.0.0.0", "--port", "0")
    refused = subprocess.run(command(*arguments), env=environment(), capture_output=True, text=True)
    assert refused.returncode == 2
    assert "workbench keys NAME" in refused.stderr


def test_from_the_first_key_on_nobody_gets_in_without(tmp_path: Path):
    library = tmp_path / "library"
    made = subprocess.run(
        command("keys", "n8n", "--library", library), env=environment(), capture_output=True, text=True
    )
    server = Server(library)
    assert server.client.get("/async/stats").status_code == 401
    key = {"X-API-Key": made.stdout.strip()}
    assert server.client.get("/async/stats", headers=key).status_code == 200
    assert server.client.get("/healthz").status_code == 200
    server.stop()
