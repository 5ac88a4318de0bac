"""The pages are put together when the first of them is asked for, and are in nobody's way before or after."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.apps.served import Guarded, Server

HTML = {"accept": "text/html"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    library = tmp_path / "library"
    library.mkdir()
    server = Server(library)
    yield server
    server.stop()


def test_a_server_loads_what_draws_pages_only_for_them():
    look = "import sys, apps.server; print('panel' in sys.modules, 'apps.pages.site' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


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
