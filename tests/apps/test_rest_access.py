"""What each key may see and do beyond the guard: keys, audit, the server's folders, cleaning up."""

from pathlib import Path
from typing import Any

import pytest

from tests.apps.served import Guarded, Server


def discovered(server: Guarded, path: Path) -> dict[str, Any]:
    """The job that looked at `path`, as an admin sees it."""
    made = server.client.post("/async/discover", json={"paths": [str(path)]}).json()
    return server.ended(made["job_id"])


def test_a_key_is_made_shown_once_used_and_revoked(guarded: Guarded):
    made = guarded.client.post("/keys", json={"name": "n8n", "scope": "read"})
    key, secret = made.json()["key"], made.json()["secret"]
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    with guarded.client_with(secret) as n8n:
        assert n8n.get("/async/stats").status_code == 200
        assert guarded.client.delete(f"/keys/{key['key_id']}").status_code == 204
        assert n8n.get("/async/stats").status_code == 401
    (listed,) = [
        each for each in guarded.client.get("/keys").json()["keys"] if each["key_id"] == key["key_id"]
    ]
    assert (listed["name"], listed["scope"]) == ("n8n", "read")
    assert listed["revoked_at"]
    assert secret not in guarded.client.get("/keys").text


def test_a_key_that_is_not_there_cannot_be_revoked_and_one_without_a_name_not_made(guarded: Guarded):
    assert guarded.client.delete("/keys/0123456789ab").status_code == 404
    assert guarded.client.post("/keys", json={"name": "  "}).status_code == 422


def test_the_audit_says_who_did_what_the_latest_first(guarded: Guarded):
    guarded.submit.post(f"/async/episodes/{guarded.episode_id}/process", json={"target_stage": "discovered"})
    entries = guarded.client.get("/audit", params={"limit": 2}).json()["entries"]
    assert len(entries) == 2
    assert entries[0]["who"].startswith("submit (")
    assert entries[0]["action"] == "process_episode"
    assert entries[0]["at_utc"] >= entries[1]["at_utc"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/keys", None),
        ("POST", "/keys", {"name": "mine", "scope": "admin"}),
        ("DELETE", "/keys/0123456789ab", None),
        ("GET", "/audit", None),
        ("POST", "/async/clean_up", {"dry_run": True}),
        ("POST", "/async/discover", {"paths": ["/"]}),
        ("POST", "/episodes/discover", {"paths": []}),
        ("POST", "/async/batch", {"jobs": [{"type": "discover", "paths": ["/"]}]}),
        ("POST", "/async/webhooks/test", {"webhook_url": "https://example.com/"}),
        ("GET", "/episodes?details=true", None),
        ("GET", "/episodes/{episode_id}?details=true", None),
        ("GET", "/async/jobs/nonesuch?details=true", None),
    ],
)
def test_what_only_an_admin_may_do_is_refused_to_all_others(
    guarded: Guarded, method: str, path: str, body: dict[str, Any] | None
):
    answer = guarded.submit.request(method, path.format(episode_id=guarded.episode_id), json=body)
    assert (answer.status_code, answer.json()["status"]) == (403, 403)
    assert 'scope="admin"' in answer.headers["www-authenticate"]
    assert "admin" in answer.json()["detail"]


def test_an_admin_learns_what_a_job_was_asked_for_and_by_whom(guarded: Guarded):
    place = f"/async/episodes/{guarded.episode_id}/process"
    made = guarded.submit.post(place, json={"target_stage": "discovered", "priority": 3}).json()
    job = guarded.client.get(made["links"]["self"], params={"details": True}).json()
    assert (job["params"]["target_stage"], job["webhook_url"]) == ("discovered", None)
    assert job["requested_by"] == "submit"
    assert "params" not in guarded.client.get(made["links"]["self"]).json()


def test_an_admin_learns_where_an_episode_lies(guarded: Guarded):
    listed = guarded.client.get("/episodes", params={"details": True}).json()["episodes"]
    (episode,) = [each for each in listed if each["episode_id"] == guarded.episode_id]
    assert episode["recording_path"] == str(guarded.library / "inbox" / "tone.mp4")
    assert Path(episode["shelf"]).is_dir()
    assert len(episode["sha256"]) == 64
    one = guarded.client.get(f"/episodes/{guarded.episode_id}", params={"details": True}).json()
    assert one["paths"].keys() == one["artefacts"].keys() == episode["artefacts"].keys()
    assert all(Path(file).is_file() for files in one["paths"].values() for file in files)
    plain = guarded.read.get(f"/episodes/{guarded.episode_id}")
    assert str(guarded.library) not in plain.text
    assert plain.json()["recording"] == "tone.mp4"


def test_only_admins_see_the_servers_folders_in_what_went_wrong(guarded: Guarded, tmp_path: Path):
    broken = tmp_path / "my talks" / "broken.mp4"
    broken.parent.mkdir()
    broken.write_text("this is no recording")
    job = discovered(guarded, broken)
    (skipped,) = job["result"]["skipped"]
    assert skipped["file"] == str(broken)
    assert skipped["reason"].startswith(str(broken))
    seen = guarded.read.get(job["links"]["self"])
    (skipped,) = seen.json()["result"]["skipped"]
    assert skipped["file"] == "broken.mp4"
    assert skipped["reason"].startswith("broken.mp4 ")
    listed = guarded.read.get("/async/jobs", params={"limit": 200})
    told = guarded.read.get(job["links"]["events"])
    for answer in (seen, listed, told, guarded.read.get(job["links"]["log"])):
        assert str(tmp_path) not in answer.text


def test_what_would_be_cleaned_up_is_told_first(guarded: Guarded):
    told = guarded.client.post("/async/clean_up").json()
    assert told["dry_run"] is True
    assert told["bytes"] == sum(each["bytes"] for each in told["artefacts"])
    assert not any(Path(each["path"]).is_absolute() for each in told["artefacts"])
    done = guarded.client.post("/async/clean_up", json={"dry_run": False}).json()
    assert (done["dry_run"], done["jobs"]) == (False, told["jobs"])
    assert guarded.client.get(f"/episodes/{guarded.episode_id}").status_code == 200


def test_episodes_come_page_by_page_each_once_and_an_unknown_cursor_is_said(guarded: Guarded, silence: Path):
    for name in ("one.wav", "two.wav"):  # each is a recording of its own
        guarded.submit.put(f"/uploads/{name}", content=silence.read_bytes() + name.encode())
    made = guarded.client.post("/async/discover", json={}).json()
    guarded.ended(made["job_id"])
    seen: list[str] = []
    asked: dict[str, Any] = {"limit": 1}
    while True:
        page = guarded.read.get("/episodes", params=asked).json()
        seen += [each["episode_id"] for each in page["episodes"]]
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen)) >= 2
    assert guarded.read.get("/episodes", params={"cursor": "nonesuch"}).status_code == 404


def test_whether_it_is_ready_is_told_to_anybody_and_nothing_else_is(guarded: Guarded):
    with guarded.client_with("") as nobody:
        del nobody.headers["X-API-Key"]
        assert nobody.get("/readyz").json()["status"] == "ready"
        assert nobody.get("/healthz").json()["status"] == "ok"
        assert nobody.get("/metrics").status_code == 401


def test_probes_of_its_life_are_not_counted_and_all_else_is(tmp_path: Path):
    running = Server(tmp_path / "library", WORKBENCH_RATE_LIMIT_PER_MINUTE="60")
    try:
        assert {running.client.get("/healthz").status_code for _ in range(150)} == {200}
        assert {running.client.get("/readyz").status_code for _ in range(150)} == {200, 429}
        assert running.client.get("/healthz").status_code == 200
    finally:
        assert running.stop() == 0
