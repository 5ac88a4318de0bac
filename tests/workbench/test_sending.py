"""Recordings that are sent to a real server, also over connections that break."""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest

from tests.apps.served import Server
from tests.workbench.test_client import Answer, reply
from tests.workbench.test_client import client as client
from tests.workbench.test_client import scripted as scripted
from tests.workbench.test_client import server as server
from workbench import sending
from workbench.access import Scope
from workbench.client import Client
from workbench.errors import AccessDenied


def test_a_recording_is_sent_and_becomes_an_episode_with_what_was_said_of_it(
    client: Client, server: Server, silence: Path, tmp_path: Path
) -> None:
    place = tmp_path / "größe, two.wav"
    place.write_bytes(silence.read_bytes() + b"more")  # the same bytes would be the same episode
    name = client.upload(place, title="A talk", guests=["Ada", "Bo, of Rome"], bar=False)
    assert name == place.name
    assert (server.library / "inbox" / name).read_bytes() == place.read_bytes()
    deadline = time.monotonic() + 60
    while "A talk" not in {episode.title for episode in client.episodes()}:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert client.upload(place, bar=False) != name  # two files never have one name


def passed_on(server: Server, handler: BaseHTTPRequestHandler, body: bytes) -> httpx2.Response:
    """What the server says to a request, as a proxy asks it, with `body` for what came."""
    kept = {name: each for name, each in handler.headers.items() if name.lower() != "host"}
    kept["Content-Length"] = str(len(body))
    return server.client.request(handler.command, handler.path, content=body, headers=kept)


def answered(handler: BaseHTTPRequestHandler, passed: httpx2.Response) -> None:
    told = {name: passed.headers[name] for name in passed.headers if name.startswith(("upload", "loc"))}
    reply(handler, passed.status_code, passed.content, **told)


def test_a_recording_goes_on_where_the_connection_broke(
    server: Server,
    client: Client,
    scripted: Callable[[Answer], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "talk.bin").write_bytes(content)
    monkeypatch.setattr(sending, "_PIECE", 100_000)
    came: list[tuple[str, int]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        came.append((handler.command, len(body)))
        breaks = handler.command == "PATCH" and len(came) in (2, 5)  # the first piece, and a later one
        if breaks:
            passed_on(server, handler, body[: len(body) // 2])
            handler.connection.close()
        else:
            answered(handler, passed_on(server, handler, body))

    with Client(scripted(answer)) as far:
        name = far.upload(tmp_path / "talk.bin", bar=False)
    assert (server.library / "inbox" / name).read_bytes() == content
    assert [verb for verb, _ in came].count("HEAD") == 2
    assert sum(size for verb, size in came if verb == "PATCH") < 2 * len(content)


def test_a_recording_waits_for_the_server_to_let_go_of_a_connection_that_is_dead(
    server: Server,
    client: Client,
    scripted: Callable[[Answer], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server says first that nothing came, and then, longer than ten tries, that somebody else sends."""
    (tmp_path / "slow.bin").write_bytes(b"a talk")
    monkeypatch.setattr(sending, "LONGEST_PAUSE", 0.1)
    refusals = [(408, None), *[(423, "UploadLocked")] * 12]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        if handler.command == "PATCH" and refusals:
            status, kind = refusals.pop(0)
            reply(handler, status, json.dumps({"detail": "go on later", "kind": kind}).encode())
            return
        answered(handler, passed_on(server, handler, body))

    with Client(scripted(answer)) as far:
        name = far.upload(tmp_path / "slow.bin", bar=False)
    assert (server.library / "inbox" / name).read_bytes() == b"a talk"
    assert refusals == []


def test_a_file_that_is_not_there_or_may_not_be_sent_is_said(
    client: Client, server: Server, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        client.upload(tmp_path / "nowhere.mp4")
    (tmp_path / "talk.mp4").write_bytes(b"a talk")
    key, text = client.keys.make("reader", Scope.READ)
    with Client(server.facts["url"], key=text) as reader, pytest.raises(AccessDenied, match="needs submit"):
        reader.upload(tmp_path / "talk.mp4")
    client.keys.revoke(key.key_id)
