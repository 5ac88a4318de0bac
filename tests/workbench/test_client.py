"""The verbs of the workbench over HTTP, with a real server, and with networks that break."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from pipeline.errors import BadOptions, ModelMissing, UnreadableMedia
from pipeline.model import StageName
from tests.apps.served import Server
from workbench.access import Scope
from workbench.client import Client
from workbench.errors import AccessDenied, BadSetting, NotAllowed, NotFound, Unreachable, WorkbenchError
from workbench.jobs import Job, Status

TRANSCRIBED = StageName.TRANSCRIBED


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tone: Path) -> Iterator[Server]:
    library = tmp_path_factory.mktemp("served")
    (library / "inbox").mkdir()
    shutil.copy(tone, library / "inbox" / "tone.mp4")
    server = Server(library, WORKBENCH_STABLE_SECONDS="0")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with Client.of_library(server.library) as client:
        yield client


@pytest.fixture(scope="module")
def episode_id(client: Client) -> str:
    """Of the tone, transcribed."""
    found = client.wait(client.discover().job_id, bar=False)
    (episode,) = (found.result or {})["episodes"]
    job = client.wait(client.process(episode["episode_id"], target_stage=TRANSCRIBED).job_id)
    assert job.status is Status.COMPLETED, job.failure
    return str(episode["episode_id"])


type Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def scripted() -> Iterator[Callable[[Answer], str]]:
    """Starts a server on which each request is answered by the given function; gives its address."""
    started: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            do_GET = do_POST = do_DELETE = do_PATCH = do_HEAD = answer

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        started.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=started[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{started[-1].server_port}"

    yield start
    for each in started:
        each.shutdown()
        each.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, content: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


# ---- the same verbs and nouns


def test_a_job_is_the_same_noun_as_in_the_workbench(client: Client, episode_id: str) -> None:
    job = client.jobs(limit=1)[0]
    assert isinstance(job, Job)
    assert (job.status, job.episode_id, job.ended) == (Status.COMPLETED, episode_id, True)
    assert client.jobs_with([job.job_id, job.job_id]) == [job, job]
    assert client.job(job.job_id).params["target_stage"] == "transcribed"
    kinds = [line["kind"] for line in client.log(job.job_id)]
    assert (kinds[0], kinds[-1]) == ("queued", "completed")
    assert client.log(job.job_id)[0]["at_utc"] >= job.created_at


def test_jobs_are_listed_by_status_and_page(client: Client, episode_id: str) -> None:
    jobs = client.jobs(Status.COMPLETED)
    assert [job.job_id for job in jobs] == sorted((job.job_id for job in jobs), reverse=True)
    assert client.jobs(Status.COMPLETED, before=jobs[0].job_id) == jobs[1:]
    assert client.jobs(Status.COMPLETED, limit=1) == jobs[:1]
    assert client.open_jobs() == client.resume() == []


def test_an_episode_comes_with_its_paths_on_this_machine(
    client: Client, server: Server, episode_id: str
) -> None:
    (episode,) = client.episodes()
    assert episode == client.episode(episode_id)
    assert Path(episode.recording) == server.library / "inbox" / "tone.mp4"
    assert (len(episode.sha256), episode.stage) == (64, TRANSCRIBED)
    assert client.shelf(episode_id).is_dir()
    assert all(Path(file).is_file() for files in client.files(episode_id).values() for file in files)
    assert client.clips(episode_id) == []


def test_episodes_are_listed_by_page_as_by_the_workbench(
    client: Client, episode_id: str, silence: Path
) -> None:
    client.wait(client.discover([silence]).job_id, bar=False)
    newest, oldest = client.episodes()
    assert client.episodes(limit=1) == [newest]
    assert client.episodes(before=newest.episode_id) == [oldest]
    assert client.episodes(1, oldest.episode_id) == []
    with pytest.raises(NotFound):
        client.episodes(before="nobody")


def test_a_path_that_is_named_is_found_from_this_folder(
    client: Client, silence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(silence.parent)
    job = client.wait(client.discover([silence.name]).job_id, bar=False)
    assert [found["file"] for found in (job.result or {})["episodes"]] == [str(silence)]


def test_a_path_that_is_not_utf8_cannot_be_sent(client: Client) -> None:
    with pytest.raises(UnreadableMedia, match=r"Caf\\udce9\.mp4 has a name that is not UTF-8: rename it"):
        client.discover(["Caf\udce9.mp4"])


def test_a_cancelled_job_can_be_retried_and_a_completed_one_cannot(client: Client, episode_id: str) -> None:
    started = client.process(episode_id, target_stage=StageName.RENDERED, force_reprocess=True)
    assert client.cancel(started.job_id).status is Status.CANCELLED
    again = client.wait(client.retry(started.job_id).job_id)
    assert (again.status, again.job_id != started.job_id) == (Status.COMPLETED, True)
    with pytest.raises(NotAllowed, match="only a failed or cancelled one"):
        client.retry(again.job_id)


def test_what_the_server_refuses_is_the_workbenchs_own_error(client: Client, episode_id: str) -> None:
    with pytest.raises(NotFound, match="there is no job 17"):
        client.job("17")
    with pytest.raises(NotFound, match="there is no episode ä b\\?"):
        client.episode("ä b?")
    with pytest.raises(BadOptions, match="large-v3"):
        client.process(episode_id, model="large-v3")
    with pytest.raises(NotFound, match="no clip c9"):
        client.render_clips(episode_id, clip_ids=["c9"])
    with pytest.raises(BadSetting, match="printable characters"):
        client.keys.make(" ", Scope.READ)


def test_what_the_workbench_itself_cannot_do_is_not_asked_again(scripted: Callable[[Answer], str]) -> None:
    came: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        came.append(handler.path)
        problem = b'{"detail": "no model is here", "kind": "ModelMissing", "status": 503}'
        reply(handler, 503, problem, Retry_After="1")

    with Client(scripted(answer)) as client, pytest.raises(ModelMissing, match="no model is here"):
        client.process("talk")
    assert came == ["/async/episodes/talk/process"]


def test_waiting_ends_after_the_timeout(client: Client, episode_id: str) -> None:
    started = client.process(episode_id, force_reprocess=True)
    asked = time.monotonic()
    assert not client.wait(started.job_id, timeout=0.2, bar=False).ended
    assert time.monotonic() - asked < 3
    client.cancel(started.job_id)


# ---- keys


def test_a_key_sees_and_does_what_it_may(client: Client, server: Server, episode_id: str) -> None:
    key, text = client.keys.make("reader", Scope.READ)
    with Client(server.facts["url"], key=text) as reader, Client(server.facts["url"]) as nobody:
        episode = reader.episode(episode_id)
        assert (episode.recording, episode.sha256, episode.artefacts) == ("tone.mp4", "", {})
        with pytest.raises(AccessDenied, match="needs submit"):
            reader.process(episode_id)
        with pytest.raises(AccessDenied, match="admin"):
            reader.shelf(episode_id)
        with pytest.raises(AccessDenied, match="needs a key"):
            nobody.jobs()
        client.keys.revoke(key.key_id)
        with pytest.raises(AccessDenied, match="revoked"):
            reader.jobs()
    assert client.keys.keys()[-1].revoked_at


# ---- networks that break


def test_where_no_server_is_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    started = time.monotonic()
    with Client("http://127.0.0.1:9") as client, pytest.raises(Unreachable, match="`workbench serve`"):
        client.jobs()
    assert time.monotonic() - started < 5
    with pytest.raises(Unreachable, match="`workbench serve`"):
        Client.of_library(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:5006",
        "ftp://localhost",
        "http://",
        "",
        "http://[::1",
        "http://localhost:99999",
    ],
)
def test_what_is_no_servers_address_is_refused(url: str) -> None:
    with pytest.raises(BadSetting, match="http://"):
        Client(url)


def test_what_is_no_workbench_is_said(scripted: Callable[[Answer], str]) -> None:
    url = scripted(lambda handler: reply(handler, 200, b"<h1>Welcome</h1>"))
    with Client(url) as client, pytest.raises(WorkbenchError, match="check the address"):
        client.jobs()


ASKED: dict[str, Callable[[Client], object]] = {
    "jobs": lambda client: client.jobs(),
    "some jobs": lambda client: client.jobs_with(["1"]),
    "job": lambda client: client.job("1"),
    "log": lambda client: client.log("1"),
    "submit": lambda client: client.process("talk"),
    "episodes": lambda client: client.episodes(),
    "episode": lambda client: client.episode("talk"),
    "clips": lambda client: client.clips("talk"),
    "shelf": lambda client: client.shelf("talk"),
    "files": lambda client: client.files("talk"),
    "cleaning": lambda client: client.clean_up(),
    "keys": lambda client: client.keys.keys(),
    "key": lambda client: client.keys.make("n8n", Scope.READ),
}
NOT_OURS = (
    *("{}", "[]", "3", "null", '{"jobs": 3, "keys": {"a": 1}, "episodes": null}'),
    '{"jobs": [1], "keys": [{}], "episodes": ["x"], "clips": [{}], "events": [{"at_utc": "noon"}], '
    '"next_cursor": null, "shelf": 1, "paths": 1, "key": 1}',
)


@pytest.mark.parametrize("content", NOT_OURS)
@pytest.mark.parametrize("what", ASKED)
def test_json_that_is_no_workbenchs_is_said_too(
    scripted: Callable[[Answer], str], what: str, content: str
) -> None:
    url = scripted(lambda handler: reply(handler, 200, content.encode()))
    with Client(url) as client, pytest.raises(WorkbenchError, match="did not answer as a workbench does"):
        ASKED[what](client)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_before_a_server_that_is_gone_is_told_from_the_server(
    scripted: Callable[[Answer], str], status: int
) -> None:
    came: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        came.append(handler.path)
        reply(handler, status, b"<html><h1>Bad Gateway</h1></html>")

    url = scripted(answer)
    with Client(url, patience=0.5) as client, pytest.raises(Unreachable) as raised:
        client.jobs()
    assert str(raised.value).startswith(f"a proxy at {url} cannot reach the workbench ({status} ")
    assert "`workbench serve`" in str(raised.value)
    assert len(came) > 1  # it may just be started again


def test_a_server_that_is_busy_is_asked_again_when_it_says(scripted: Callable[[Answer], str]) -> None:
    came: list[float] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        came.append(time.monotonic())
        if len(came) == 1:
            reply(handler, 429, b'{"detail": "wait"}', Retry_After="1")
        elif len(came) == 2:
            reply(handler, 503, b"<h1>starting</h1>")
        else:
            reply(handler, 200, b'{"keys": []}')

    with Client(scripted(answer)) as client:
        assert client.keys.keys() == []
    assert 1 <= came[1] - came[0] < 2
    assert came[2] - came[1] < 1


def test_a_job_whose_answer_was_lost_is_made_once(
    client: Client, server: Server, episode_id: str, scripted: Callable[[Answer], str]
) -> None:
    made: list[bytes] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        kept = {name: each for name, each in handler.headers.items() if name.lower() != "host"}
        passed = server.client.request(handler.command, handler.path, content=body, headers=kept)
        if handler.command == "POST":
            made.append(passed.content)
            if len(made) == 1:
                client.wait(passed.json()["job_id"], bar=False)  # only the key can tell that it was done
                handler.connection.close()
                return
        reply(handler, passed.status_code, passed.content)

    with Client(scripted(answer)) as far:
        job = far.process(episode_id, target_stage=TRANSCRIBED)
    assert len(made) == 2
    assert httpx2.Response(202, content=made[0]).json()["job_id"] == job.job_id
    assert client.jobs(limit=1)[0].job_id == job.job_id


def test_waiting_goes_on_when_the_server_is_started_again(tmp_path: Path, tone: Path) -> None:
    library = tmp_path / "library"
    (library / "inbox").mkdir(parents=True)
    shutil.copy(tone, library / "inbox" / "tone.mp4")
    first = Server(library, WORKBENCH_STABLE_SECONDS="0")
    with Client.of_library(library) as client:
        (episode,) = (client.wait(client.discover().job_id).result or {})["episodes"]
        started = client.process(episode["episode_id"], target_stage=TRANSCRIBED)
        first.client.close()
        first.process.kill()
        first.process.wait()
        ended: list[Job] = []
        waiting = threading.Thread(target=lambda: ended.append(client.wait(started.job_id, timeout=60)))
        waiting.start()
        second = Server(library, WORKBENCH_STABLE_SECONDS="0")
        waiting.join(70)
        assert [job.status for job in ended] == [Status.COMPLETED]
        second.stop()
