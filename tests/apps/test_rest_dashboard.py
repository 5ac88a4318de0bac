"""Dask's dashboard on the server's own address: for admins, live, and leading nowhere else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets import Subprotocol
from websockets.sync.client import connect

from tests.apps.served import Guarded, Server
from tests.apps.test_rest_sockets import refused, session


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Server]:
    """A server of an empty library, which has needed no cluster."""
    server = Server(tmp_path)
    yield server
    server.stop()


def token_of(page: str) -> str:
    """What a page of Bokeh opens its websocket with."""
    found = re.search(r'"token":\s*"([^"]+)"', page)
    assert found, page
    return found[1]


def test_only_an_admin_sees_the_dashboard_and_nobody_without_a_key(guarded: Guarded):
    answers = [client.get("/dask/status").status_code for client in (guarded.submit, guarded.read)]
    assert answers == [403, 403]
    with guarded.client_with("") as nobody:
        del nobody.headers["X-API-Key"]
        assert nobody.get("/dask/status").status_code == 401
    page = guarded.client.get("/dask/status")
    assert page.status_code == 200
    assert "Bokeh" in page.text


def test_its_websocket_is_closed_to_all_but_admins(guarded: Guarded):
    place = "/dask/status/ws"
    assert refused(guarded, place) == 403
    for scope in ("read", "submit"):
        assert refused(guarded, place, X_API_Key=guarded.keys[scope]) == 403
    cookie = session(guarded, "admin")
    assert refused(guarded, place, Cookie=cookie, Origin="https://elsewhere.example") == 403


def test_a_page_of_it_is_brought_up_to_date_over_its_websocket(guarded: Guarded):
    page = guarded.client.get("/dask/individual-task-stream")
    address = guarded.facts["url"].replace("http:", "ws:") + "/dask/individual-task-stream/ws"
    offered = [Subprotocol("bokeh"), Subprotocol(token_of(page.text))]
    key = {"X-API-Key": guarded.keys["admin"]}
    with connect(address, additional_headers=key, subprotocols=offered, proxy=None) as connection:
        said = [connection.recv(timeout=20) for _ in range(3)]
    assert json.loads(said[0])["msgtype"] == "ACK"


def test_its_scripts_come_from_this_server_and_it_names_no_other_host(guarded: Guarded):
    page = guarded.client.get("/dask/status").text
    sources = re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', page)
    assert sources
    assert [each for each in sources if each.startswith(("http", "//"))] == []


@pytest.mark.parametrize("path", ["/dask", "/dask/"])
def test_its_start_leads_to_its_first_page_here(guarded: Guarded, path: str):
    answer = guarded.client.get(path, follow_redirects=False)
    assert answer.headers["location"] == "/dask/status"


@pytest.mark.parametrize(
    "path", ["/dask/proxy/80/example.org/", "/dask/%2e%2e/status", "/dask/..%2fstatus", "/dask/nothing"]
)
def test_it_leads_to_no_other_place(guarded: Guarded, path: str):
    assert guarded.client.get(path, follow_redirects=False).status_code == 404


def test_before_a_job_has_run_it_says_when_it_is_there(idle: Server):
    answer = idle.client.get("/dask/status")
    assert answer.status_code == 404
    assert "once a job has run" in answer.json()["detail"]
