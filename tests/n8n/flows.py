"""What each workflow has to do in a real n8n: run to its end, and say the right things in Slack."""

import base64
import hashlib
import hmac
import json
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.n8n.engine import Engine, send
from tests.n8n.processes import until
from tests.n8n.server import HEADER, SECRET, Server
from tests.n8n.slack import Receiver
from workbench import notices

HOOK = "workbench-job-ended"
DONE, FAILED = ":white_check_mark:", ":x:"
_WITHIN = 900  # seconds: a recording through all stages, and everything else on two busy cores


@dataclass(frozen=True)
class Check:
    """One line of the table."""

    flow: str
    what: str
    holds: bool
    seen: str = ""


@dataclass(frozen=True)
class Scene:
    """The three programs, and recordings that nobody has used yet."""

    server: Server
    engine: Engine
    slack: Receiver
    recordings: list[Path]

    def drop(self, order: int) -> Path:
        """The next recording in the inbox; those of one run are found by their order."""
        recording = self.recordings.pop(0)
        return Path(shutil.copyfile(recording, self.server.inbox / f"{order}-{recording.name}"))


def discovering(scene: Scene) -> Iterator[Check]:
    """A workbench that answers before anything is discovered: it has maintenance, and too many wait."""
    server, engine, start = scene.server, scene.engine, len(scene.slack.messages)
    with ThreadPoolExecutor(1) as pool:
        with server.serving(maintenance=True), server.crowded(server.ask("POST", "/async/discover", {})):
            engine.put("resume.json", config(scene, max_job_minutes=0))
            status, told = engine.execute("resume.json"), scene.slack.since(start)
            says = status == "success" and len(told) == 1 and "still discovering" in told[0]
            yield Check("resume", "a discovery that takes too long is reported", says, f"{status} {told}")
            engine.put("resume.json", config(scene, max_job_minutes=30))
            good, start = scene.drop(0), len(scene.slack.messages)
            night = pool.submit(engine.execute, "nightly.json")
            until(lambda: len(_discoveries(scene)) == 2, 60)
        with server.serving():
            status, told, found = night.result(), scene.slack.since(start), _discoveries(scene)
            says = len(told) == 1 and told[0].startswith(DONE) and good.stem in told[0]
            yield Check(
                "nightly", "another one is waited for, though the workbench stops meanwhile", says, str(told)
            )
            waited = engine.has_run("nightly.json", "Wait for discovery")
            once = waited and (status, len(found)) == ("success", 2)
            yield Check("nightly", "and is asked for twice, but started once", once, f"{status} {found}")
            yield from _clips_are_made("nightly", scene, good)
            good.unlink()


def nightly(scene: Scene) -> Iterator[Check]:
    """The owner's flow: one recording goes through, the one after it fails."""
    start = len(scene.slack.messages)
    good, bad = scene.drop(1), scene.drop(2)
    status = _while_spoiling(scene, bad, lambda: scene.engine.execute("nightly.json"))
    yield Check("nightly", "the execution ends", status == "success", status)
    yield from _two_messages("nightly", scene, start, good, bad)
    bad.unlink()
    yield from _clips_are_made("nightly", scene, good)
    start = len(scene.slack.messages)
    status = scene.engine.execute("nightly.json")
    told = scene.slack.since(start)
    yield Check("nightly", "the next night has nothing to say of what is finished", not told, str(told))


def resume(scene: Scene) -> Iterator[Check]:
    """The same, woken by the workbench's call; a call about another job does not count."""
    start = len(scene.slack.messages)
    good, bad = scene.drop(1), scene.drop(2)
    asleep = _while_spoiling(scene, bad, lambda: scene.engine.execute("resume.json"))
    yield Check("resume", "it sleeps until it is called", asleep == "waiting", asleep)
    stranger = json.dumps({"job_id": "another", "status": "completed"}).encode()
    taken = until(lambda: send(scene.engine.resume_url("resume.json"), stranger, {})[0] == 200, 20)
    yield Check("resume", "a call about another job is taken, and changes nothing", taken)
    until(lambda: len(scene.slack.since(start)) >= 2, _WITHIN)
    yield from _two_messages("resume", scene, start, good, bad)
    ended = until(lambda: list(scene.engine.executions("resume.json").values())[-1] == "success", 60)
    yield Check("resume", "the execution ends", ended, str(scene.engine.executions("resume.json")))
    bad.unlink()
    yield from _clips_are_made("resume", scene, good)


def callback(scene: Scene) -> Iterator[Check]:
    """Jobs that anybody started; and calls that are not the workbench's, or tell of nothing."""
    yield from _forged(scene)
    yield from _test_call(scene)
    good, bad = scene.drop(1), scene.drop(2)
    found = scene.server.discovered()
    yield from _half_way(scene, _id_of(good, found))
    start = len(scene.slack.messages)
    spoil(bad)
    for file in (good, bad):
        _process(scene, _id_of(file, found))
    until(lambda: len(scene.slack.since(start)) >= 3, _WITHIN)
    told = scene.slack.since(start)
    processed = [each for each in told if each.startswith(DONE) and "is processed" in each]
    rendered = [each for each in told if each.startswith(DONE) and "render_clips" in each]
    named = f"{FAILED} *{_id_of(bad, found)}*"
    failed = [each for each in told if each.startswith(named) and bad.name in each]
    yield Check("callback", "Slack hears that the recording is processed", len(processed) == 1, str(told))
    yield Check("callback", "and that its clips are done", len(rendered) == 1, str(rendered))
    yield Check(
        "callback",
        "and which other one failed, and why, and no more",
        (len(failed), len(told)) == (1, 3),
        str(told),
    )
    bad.unlink()
    yield from _clips_are_made("callback", scene, good)


def late(scene: Scene, nowhere: str) -> Iterator[Check]:
    """A job that takes longer than is allowed, and one whose call goes `nowhere`, an allowed address."""
    start = len(scene.slack.messages)
    slow = scene.drop(1)
    scene.engine.put("nightly.json", config(scene, poll_seconds=1, max_job_minutes=0))
    status = scene.engine.execute("nightly.json")
    told = scene.slack.since(start)
    says = status == "success" and len(told) == 1 and told[0].startswith(FAILED) and "its job is" in told[0]
    yield Check("nightly", "a job that takes too long is reported, not waited for", says, f"{status} {told}")
    episode_id = _id_of(slow, scene.server.discovered())
    (job,) = scene.server.jobs(episode_id, "process_episode")
    scene.server.ended(job)
    scene.server.ended(scene.server.ask("POST", f"/async/episodes/{episode_id}/render_clips", {}))
    lost = scene.drop(2)  # the only one with something still to do
    scene.engine.put("resume.json", config(scene, max_job_minutes=0.05))
    scene.engine.execute("resume.json", called_at=nowhere)
    until(lambda: len(scene.slack.since(start)) >= 2, 240)  # n8n looks once a minute whose time is up
    told = scene.slack.since(start + 1)
    asked = until(lambda: scene.engine.has_run("resume.json", "Job status"), 60)
    says = asked and len(told) == 1 and lost.stem in told[0]
    yield Check("resume", "when no call comes, it asks once how the job stands", says, f"{asked} {told}")


def config(scene: Scene, **more: object) -> dict[str, object]:
    """What has to be set in a template's Config, and nothing else."""
    return {"workbench_url": scene.server.url, "slack_webhook_url": scene.slack.url, **more}


def spoil(recording: Path) -> None:
    """Change a recording after it was discovered: its job has to fail."""
    with recording.open("ab") as file:
        file.write(b"more")


def _discoveries(scene: Scene) -> list[dict[str, Any]]:
    listed = scene.server.ask("GET", "/async/jobs?limit=200")["jobs"]
    return [each for each in listed if each["job_type"] == "discover_episodes"]


def _while_spoiling(scene: Scene, bad: Path, execute: Any) -> str:
    """The status of an execution; once its first job is there, `bad` is no more what was discovered."""
    before = len(scene.server.ask("GET", "/async/jobs?limit=200")["jobs"])
    stop = threading.Event()

    def watch() -> None:
        over = False
        while not over:
            over = stop.wait(0.2)  # one more look when it is over: it may have fallen asleep at once
            jobs = scene.server.ask("GET", "/async/jobs?limit=200")["jobs"]
            if any(job["job_type"] == "process_episode" for job in jobs[: len(jobs) - before]):
                spoil(bad)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return str(execute())
    finally:
        stop.set()
        watcher.join()


def _two_messages(flow: str, scene: Scene, start: int, good: Path, bad: Path) -> Iterator[Check]:
    told = scene.slack.since(start)
    done = [each for each in told if each.startswith(DONE) and good.stem in each]
    failed = [each for each in told if each.startswith(FAILED) and bad.name in each and "changed" in each]
    yield Check(flow, "Slack hears that the recording is processed", len(done) == 1, str(told))
    yield Check(
        flow, "and why the other one failed, and no more", (len(failed), len(told)) == (1, 2), str(failed)
    )


def _clips_are_made(flow: str, scene: Scene, good: Path) -> Iterator[Check]:
    """The job that the workflow started last, to its end."""
    found = scene.server.discovered()
    episode = _id_of(good, found)
    jobs = scene.server.jobs(episode, "render_clips")
    states = [scene.server.ended(job)["status"] for job in jobs]
    stage = scene.server.ask("GET", f"/episodes/{episode}")["stage"]
    yield Check(
        flow,
        "its clips are rendered, once",
        (states, stage) == (["completed"], "clipped"),
        f"{states} {stage}",
    )


def _id_of(file: Path, found: list[dict[str, Any]]) -> str:
    """An episode by its recording: titles change."""
    slug = "".join(sign if sign.isalnum() else "-" for sign in file.stem.lower())
    (episode,) = (each for each in found if each["episode_id"].startswith(slug))
    return str(episode["episode_id"])


def _forged(scene: Scene) -> Iterator[Check]:
    """Every kind of call that is not the workbench's, and then one of its own about a cancelled job."""
    address, start = f"{scene.engine.url}/webhook/{HOOK}", len(scene.slack.messages)
    event = {"id": "msg_1", "type": "job.cancelled", "job_id": "j1", "job_type": "process_episode"}
    body = json.dumps(
        {**event, "status": "cancelled", "result": None, "failure": None, "title": "café"}
    ).encode()
    clock = int(time.time())
    other = "whsec_" + base64.b64encode(b"somebody else's secret 123").decode()
    calls = (
        ("no header that it knows", 403, body, _headers(body, clock) | {HEADER[0]: "wrong"}),
        ("a signature with another secret", 401, body, _headers(body, clock, secret=other)),
        ("no signature", 401, body, {HEADER[0]: HEADER[1]}),
        ("another body than was signed", 401, body.replace(b"j1", b"j2"), _headers(body, clock)),
        ("a signature from 10 minutes ago", 401, body, _headers(body, clock - 600)),
    )
    for what, status, sent, headers in calls:
        answered = send(address, sent, headers)
        yield Check("callback", f"{what} is answered {status}", answered[0] == status, str(answered))
    told = scene.slack.since(start)
    yield Check("callback", "none of them reaches Slack", not told, str(told))
    headers = _headers(body, clock)
    headers["webhook-signature"] = f"v1,{'A' * 43}= {headers['webhook-signature']}"
    answered = send(address, body, headers)
    until(lambda: bool(scene.slack.since(start)), 30)
    told = scene.slack.since(start)
    says = answered[0] == 200 and len(told) == 1 and told[0].startswith(FAILED) and "was cancelled" in told[0]
    yield Check(
        "callback", "one that is signed twice, and once rightly, is taken", says, f"{answered} {told}"
    )


def _test_call(scene: Scene) -> Iterator[Check]:
    """What `POST /async/webhooks/test` sends; only an admin may ask for that, and n8n's key is none."""
    address, start = f"{scene.engine.url}/webhook/{HOOK}", len(scene.slack.messages)
    body = notices.test_notice(address).body.encode()
    answered = send(address, body, _headers(body, int(time.time())))
    until(lambda: bool(scene.slack.since(start)), 30)
    told = scene.slack.since(start)
    says = answered[0] == 200 and len(told) == 1 and told[0].startswith(DONE) and "test call" in told[0]
    yield Check("callback", "a test call is told as a test", says, f"{answered} {told}")


def _half_way(scene: Scene, episode_id: str) -> Iterator[Check]:
    """A job that ends before there are clips to choose."""
    start = len(scene.slack.messages)
    _process(scene, episode_id, target_stage="transcribed")
    until(lambda: bool(scene.slack.since(start)), _WITHIN)
    told, jobs = scene.slack.since(start), scene.server.jobs(episode_id, "render_clips")
    says = told == [f"{DONE} process_episode: *{episode_id}* is done"] and not jobs
    yield Check("callback", "of a recording that is only transcribed no clips are asked for", says, str(told))


def _process(scene: Scene, episode_id: str, **more: object) -> None:
    """Ask for a job whose end is told to `callback.json`."""
    wanted = {"webhook_url": f"{scene.engine.url}/webhook/{HOOK}", **more}
    scene.server.ask("POST", f"/async/episodes/{episode_id}/process", wanted)


def _headers(body: bytes, timestamp: int, *, secret: str = SECRET) -> dict[str, str]:
    """What Standard Webhooks 1.0 asks of a sender, and the static header."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_1.{timestamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    signed = {"webhook-id": "msg_1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    return {**signed, HEADER[0]: HEADER[1]}
