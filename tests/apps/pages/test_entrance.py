"""The pages are put together when the first of them is asked for, and are in nobody's way before or after."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import anyio
import httpx2
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from apps.pages import entrance
from tests.apps.conftest import command, environment
from tests.apps.served import Guarded, Server
from workbench.workbench import Workbench

HTML = {"accept": "text/html"}


type Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start_in_terminal(tmp_path: Path) -> Iterator[Start]:
    """Starts the command line with its output on a terminal."""
    ours, theirs = os.openpty()
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object) -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen(command(*arguments), env=environment(HOME=str(tmp_path)), stdout=theirs)
        )
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.wait(20)
    os.close(theirs)
    os.close(ours)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    library = tmp_path / "library"
    library.mkdir()
    server = Server(library)
    yield server
    server.stop()


def draws_pages(process: int) -> bool:
    """Whether a process has loaded what Panel rests on."""
    return "tornado" in Path(f"/proc/{process}/maps").read_text()


def test_a_server_loads_what_draws_pages_only_for_them(server: Server):
    server.ended(server.client.post("/async/discover", json={}).json()["job_id"])
    assert not draws_pages(server.process.pid)
    server.client.get("/app/library", headers=HTML)
    assert draws_pages(server.process.pid)


def test_in_a_terminal_the_pages_are_put_together_before_somebody_asks(
    tmp_path: Path, start_in_terminal: Start
):
    started = start_in_terminal("serve", "--library", tmp_path, "--port", 0)
    deadline = time.monotonic() + 60
    while not draws_pages(started.pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_many_who_ask_for_the_first_page_at_once_all_get_it(server: Server):
    paths = ["/app/library", "/app/jobs", "/app/inbox", "/app/system"] * 2
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = list(pool.map(lambda path: server.client.get(path, headers=HTML), paths))
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    assert len({answer.text for answer in answers}) == len(paths)  # each has a session of its own


def test_programs_are_answered_while_the_pages_are_put_together(server: Server):
    with ThreadPoolExecutor(1) as pool:
        page = pool.submit(server.client.get, "/app/library", headers=HTML)
        while not page.done():
            assert server.client.get("/healthz").status_code == 200
    assert page.result().status_code == 200


@pytest.mark.parametrize("path", ["/app/nothing", "/nothing"])
def test_a_page_that_there_is_not_is_a_problem_as_everywhere(guarded: Guarded, path: str):
    answer = guarded.client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["instance"] == path


@pytest.mark.parametrize("path", ["/", "/app"])
def test_who_names_no_page_is_led_to_the_library(guarded: Guarded, path: str):
    assert guarded.client.get(path).headers["location"] == "/app/library"


def test_pages_that_cannot_be_put_together_are_a_problem_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("all else")(scope, receive, send)

    def broken(name: str) -> None:
        raise ImportError(f"{name} is not what it was")

    async def asked(path: str) -> httpx2.Response:
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path)

    monkeypatch.setattr(entrance, "import_module", broken)
    transport = httpx2.ASGITransport(app=entrance.Entrance(app, bench=cast(Workbench, None)))
    answer = anyio.run(asked, "/app/library")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "apps.pages.site is not what it was" in caplog.text
    assert anyio.run(asked, "/healthz").text == "all else"
