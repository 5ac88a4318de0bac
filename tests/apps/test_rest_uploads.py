"""Uploads over HTTP, against real servers on this machine: in a thread, and in a process that is killed."""

import base64
import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx2
import pytest

from apps.rest.upload_schema import CHUNK, VERSION
from pipeline.model import Metadata
from tests.benchmarks.upload import Memory, app_over, own_server, server_of

type Open = Callable[..., "Desk"]

MIB = 1 << 20
TALK = os.urandom(300_000)
TUS = {"Tus-Resumable": VERSION}
CHUNKED = {**TUS, "Content-Type": CHUNK}


class Desk:
    """A server in a thread, and a client of it."""

    def __init__(self, folder: Path, root_path: str = "", **limits: float) -> None:
        self.inbox, self.parts = folder / "inbox", folder / "uploads"
        self.arrived: list[Path] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.server = server_of(app_over(folder, self.arrived.append, **limits), root_path)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]})
        self.client = client_of(f"http://127.0.0.1:{self.port}")

    def files(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.inbox.iterdir()}

    def create(self, length: int, **said: str) -> str:
        """A new upload's place."""
        return created(self.client, length, **said)

    def patch(self, place: str, offset: int, content: bytes, **headers: str) -> httpx2.Response:
        given = {**CHUNKED, "Upload-Offset": str(offset)} | headers
        return self.client.patch(place, content=content, headers=given)

    def offset(self, place: str) -> int:
        return int(self.client.head(place).headers["Upload-Offset"])

    def comes_to(self, place: str, offset: int) -> bool:
        return soon(lambda: self.offset(place) == offset)


def client_of(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, trust_env=False, timeout=60)


def created(client: httpx2.Client, length: int, **said: str) -> str:
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata(**said)}
    answer = client.post("/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def metadata(**said: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())


def soon(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not (now := true()) and time.monotonic() < until:
        time.sleep(0.02)
    return now


def half_sent(port: int, place: str, content: bytes, announced: int) -> socket.socket:
    """A PATCH of `announced` bytes of which only `content` is sent; the connection stays open."""
    headers = {**CHUNKED, "Host": "x", "Upload-Offset": "0", "Content-Length": str(announced)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"PATCH {place} HTTP/1.1\r\n{lines}\r\n".encode() + content)
    return connection


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Open]:
    opened: list[Desk] = []

    def run(**options: object) -> Desk:
        desk = Desk(tmp_path, **options)
        opened.append(desk)
        desk.thread.start()
        assert soon(lambda: desk.server.started)
        return desk

    yield run
    for desk in opened:
        desk.client.close()
        desk.server.should_exit = True
        desk.thread.join()
        desk.listening.close()


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    return open_desk()


def test_a_server_says_what_it_can_do_to_whoever_asks(desk: Desk):
    answer = desk.client.options("/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,creation-with-upload,checksum,termination,expiration"
    assert answer.headers["Tus-Max-Size"] == str(1 << 40)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha256,sha1,md5"


def test_a_file_in_three_chunks_arrives_whole_and_is_announced_once(desk: Desk):
    place = desk.create(len(TALK), filename="Größe 1.mp4")
    for start in range(0, len(TALK), 100_000):
        answer = desk.patch(place, start, TALK[start : start + 100_000])
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(start + 100_000))
        assert ("Upload-Expires" in answer.headers) == (start < 200_000)
    assert unquote(answer.headers["Upload-File"]) == "Größe 1.mp4"
    assert desk.files() == {"Größe 1.mp4": TALK}
    assert desk.patch(place, len(TALK), b"").status_code == 204
    assert desk.arrived == [desk.inbox / "Größe 1.mp4"]


def test_head_and_get_tell_where_an_upload_stands(desk: Desk):
    place = desk.create(len(TALK), filename="talk.mp4", title="A talk")
    desk.patch(place, 0, TALK[:1000])
    head, status = desk.client.head(place), desk.client.get(place).json()
    assert (head.status_code, head.headers["Cache-Control"]) == (200, "no-store")
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("1000", str(len(TALK)))
    assert head.headers["Upload-Metadata"] == metadata(filename="talk.mp4", title="A talk")
    assert (status["offset"], status["done"], status["file"]) == (1000, False, None)
    desk.patch(place, 1000, TALK[1000:])
    head, status = desk.client.head(place), desk.client.get(place).json()
    assert (head.headers["Upload-Offset"], head.headers["Upload-File"]) == (str(len(TALK)), "talk.mp4")
    assert (status["offset"], status["done"], status["file"]) == (len(TALK), True, "talk.mp4")


def test_a_broken_connection_loses_nothing_that_came_and_another_goes_on(desk: Desk):
    place = desk.create(len(TALK), filename="talk.mp4")
    half_sent(desk.port, place, TALK[:123_456], len(TALK)).close()
    assert desk.comes_to(place, 123_456)
    assert desk.patch(place, 123_456, TALK[123_456:]).status_code == 204
    assert desk.files() == {"talk.mp4": TALK}


def test_a_server_that_is_killed_in_the_middle_loses_nothing_that_it_wrote(tmp_path: Path):
    content = os.urandom(20 * MIB)
    with own_server(tmp_path) as server, client_of(server.url) as client:
        place = created(client, len(content), filename="talk.mp4")
        with half_sent(client.base_url.port, place, content[: 11 * MIB], len(content)):
            assert soon(lambda: int(client.head(place).headers["Upload-Offset"]) >= 8 * MIB)
            os.kill(server.pid, signal.SIGKILL)
    with own_server(tmp_path) as server, client_of(server.url) as client:
        offset = int(client.head(place).headers["Upload-Offset"])
        assert 8 * MIB <= offset <= 11 * MIB
        headers = {**CHUNKED, "Upload-Offset": str(offset)}
        answer = client.patch(place, content=content[offset:], headers=headers)
        assert answer.headers["Upload-File"] == "talk.mp4"
    assert (tmp_path / "inbox" / "talk.mp4").read_bytes() == content


def test_a_killed_server_has_finished_when_the_client_asks_again(desk: Desk):
    place = desk.create(len(TALK), filename="talk.mp4")
    part = desk.parts / f"{place.rpartition('/')[2]}.part"
    part.write_bytes(TALK)  # the last byte was written, and then the server was killed
    answer = desk.client.head(place)
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-File"]) == (str(len(TALK)), "talk.mp4")
    assert desk.files() == {"talk.mp4": TALK}
    assert len(desk.arrived) == 1


def test_a_wrong_offset_is_refused_and_changes_nothing(desk: Desk):
    place = desk.create(20 * MIB, filename="talk.mp4")
    desk.patch(place, 0, TALK)
    answer = desk.patch(place, 5, bytes(10 * MIB))  # longer than all buffers: the answer arrives all the same
    assert answer.status_code == 409
    assert "goes on at byte 300000, not 5" in answer.json()["detail"]
    assert desk.offset(place) == len(TALK)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Upload-Offset": "-1"}, 400),
        ({"Upload-Offset": "9" * 5000}, 400),
        ({"Upload-Checksum": "crc32 AAAA"}, 400),
        ({"Upload-Checksum": "sha1 no-base64!"}, 400),
    ],
)
def test_a_chunk_that_breaks_the_protocol_is_refused(desk: Desk, headers: dict[str, str], status: int):
    place = desk.create(10, filename="talk.mp4")
    answer = desk.patch(place, 0, b"0123456789", **headers)
    assert answer.status_code == status
    assert answer.headers["Tus-Resumable"] == VERSION
    assert answer.headers.get("Tus-Version") == (VERSION if status == 412 else None)
    assert desk.offset(place) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "10", "Tus-Resumable": "2.0.0"}, 412),
        ({}, 400),
        ({"Upload-Defer-Length": "1"}, 400),
        ({"Upload-Length": "10", "Upload-Concat": "partial"}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": "filename no-base64!"}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": "a YQ==,a YQ=="}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": metadata(checksum="sha256 123")}, 400),
        ({"Upload-Length": str((1 << 40) + 1)}, 413),
    ],
)
def test_an_upload_that_cannot_be_is_refused(desk: Desk, headers: dict[str, str], status: int):
    answer = desk.client.post("/uploads", headers={**TUS, **headers})
    assert answer.status_code == status
    assert len(answer.json()["detail"].split()) > 4
    assert list(desk.parts.iterdir()) == []


def test_more_bytes_than_were_announced_are_refused(desk: Desk):
    place = desk.create(10, filename="talk.mp4")
    with half_sent(desk.port, place, b"", 11) as early:
        assert early.recv(100).startswith(b"HTTP/1.1 413 ")
    headers = {**CHUNKED, "Upload-Offset": "0"}
    assert desk.client.patch(place, content=iter([b"0123456789", b"0"]), headers=headers).status_code == 413
    assert desk.files() == {}


def test_unfinished_uploads_have_a_quota(open_desk: Open):
    desk = open_desk(quota_bytes=1000)
    place = desk.create(900, filename="one.mp4")
    headers = {**TUS, "Upload-Length": "101"}
    answer = desk.client.post("/uploads", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (507, "application/problem+json")
    assert desk.client.delete(place, headers=TUS).status_code == 204
    assert desk.client.post("/uploads", headers=headers).status_code == 201


def test_an_upload_that_expired_is_not_found(open_desk: Open):
    desk = open_desk(keep=0.2)
    place = desk.create(10, filename="talk.mp4")
    time.sleep(0.3)
    assert desk.client.head(place).status_code == desk.patch(place, 0, TALK[:10]).status_code == 404


def test_the_second_connection_waits_until_the_first_is_gone(desk: Desk):
    place = desk.create(len(TALK), filename="talk.mp4")
    with half_sent(desk.port, place, TALK[:50_000], len(TALK)):
        assert desk.comes_to(place, 50_000)  # written after a second, though little
        answer = desk.patch(place, 50_000, TALK[50_000:])
        assert (answer.status_code, answer.headers["Retry-After"]) == (423, "1")
        assert desk.client.delete(place, headers=TUS).status_code == 423
    assert soon(lambda: desk.patch(place, 50_000, TALK[50_000:]).status_code == 204)
    assert desk.files() == {"talk.mp4": TALK}


def test_a_connection_on_which_nothing_comes_is_given_up(open_desk: Open):
    desk = open_desk(silence=0.3)
    place = desk.create(len(TALK), filename="talk.mp4")
    with half_sent(desk.port, place, TALK[:50_000], len(TALK)) as stalled:
        assert stalled.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert desk.patch(place, 50_000, TALK[50_000:]).status_code == 204
    assert desk.files() == {"talk.mp4": TALK}


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
def test_a_chunk_is_checked_by_its_checksum(desk: Desk, algorithm: str):
    place = desk.create(20, filename="talk.mp4")
    digest = base64.b64encode(hashlib.new(algorithm, b"0123456789").digest()).decode()
    sent = {"Upload-Checksum": f"{algorithm} {digest}"}
    assert desk.patch(place, 0, b"0123456789", **sent).status_code == 204
    assert desk.patch(place, 10, b"0123456780", **sent).status_code == 460
    assert desk.offset(place) == 10
    assert desk.patch(place, 10, b"0123456789", **sent).headers["Upload-File"] == "talk.mp4"


def test_a_file_is_checked_by_the_checksum_that_was_announced(desk: Desk):
    place = desk.create(len(TALK), filename="talk.mp4", checksum=f"sha256 {hashlib.sha256(b'x').hexdigest()}")
    assert desk.patch(place, 0, TALK).status_code == 460
    assert desk.client.head(place).status_code == 404
    assert desk.files() == {}
    place = desk.create(len(TALK), filename="talk.mp4", checksum=f"sha256 {hashlib.sha256(TALK).hexdigest()}")
    assert desk.patch(place, 0, TALK).status_code == 204


def test_an_upload_of_no_bytes_is_done_when_it_is_announced(desk: Desk):
    headers = {**TUS, "Upload-Length": "0", "Upload-Metadata": metadata(filename="nothing.mp4")}
    answer = desk.client.post("/uploads/", headers=headers)
    assert (answer.status_code, answer.headers["Upload-File"]) == (201, "nothing.mp4")
    assert desk.files() == {"nothing.mp4": b""}
    assert len(desk.arrived) == 1


@pytest.mark.parametrize("length", [1000, len(TALK)])
def test_the_first_bytes_may_come_with_the_announcement(desk: Desk, length: int):
    headers = {**TUS, "Upload-Length": str(len(TALK)), "Upload-Metadata": metadata(filename="talk.mp4")}
    assert desk.client.post("/uploads", content=TALK[:length], headers=headers).status_code == 415
    answer = desk.client.post("/uploads", content=TALK[:length], headers={**headers, "Content-Type": CHUNK})
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(length))
    desk.patch(answer.headers["Location"], length, TALK[length:])
    assert desk.files() == {"talk.mp4": TALK}
    assert len(desk.arrived) == 1


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("../../evil.mp4", "evil.mp4"),
        ("a\u0000b", "ab"),
        (".hidden", "hidden"),
        ("x" * 300, "x" * 200),
        ('say "it\'s".mp4', "say _it's_.mp4"),
        ("talk.mp4\r\nSet-Cookie: a=b", "talk.mp4Set-Cookie_ a=b"),
    ],
)
def test_a_name_that_lies_stays_in_the_inbox(desk: Desk, tmp_path: Path, told: str, name: str):
    place = desk.create(len(TALK), filename=told)
    assert unquote(desk.patch(place, 0, TALK).headers["Upload-File"]) == name
    assert desk.files() == {name: TALK}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inbox", "uploads"]


def test_what_is_told_of_a_recording_lies_beside_it(desk: Desk):
    said = {"title": "Größe", "guests": "Ada, Bo", "vocabulary": '["Dask, distributed"]'}
    desk.patch(desk.create(len(TALK), filename="talk.mp4", **said), 0, TALK)
    told = Metadata.model_validate_json(desk.files()["talk.json"])
    assert told == Metadata(title="Größe", guests=("Ada", "Bo"), vocabulary=("Dask, distributed",))


def test_giving_up_frees_the_space_and_never_takes_a_file_from_the_inbox(desk: Desk):
    place = desk.create(len(TALK), filename="talk.mp4")
    desk.patch(place, 0, TALK[:1000])
    assert desk.client.delete(place, headers=TUS).status_code == 204
    assert desk.client.delete(place, headers=TUS).status_code == desk.client.head(place).status_code == 404
    assert list(desk.parts.iterdir()) == []
    place = desk.create(len(TALK), filename="talk.mp4")
    desk.patch(place, 0, TALK)
    assert desk.client.delete(place, headers=TUS).status_code == 204
    assert desk.files() == {"talk.mp4": TALK}


def test_a_client_that_can_only_post_says_what_it_means(desk: Desk):
    place = desk.create(len(TALK), filename="talk.mp4")
    headers = {**CHUNKED, "Upload-Offset": "0"}
    patch = desk.client.post(place, content=TALK[:10], headers={**headers, "X-HTTP-Method-Override": "PATCH"})
    assert (patch.status_code, patch.headers["Upload-Offset"]) == (204, "10")
    assert desk.client.post(place, content=TALK[:10], headers=headers).status_code == 405
    assert desk.client.post(place, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert desk.client.head(place).status_code == 404


def test_places_are_given_as_the_proxy_before_us_has_them(open_desk: Open):
    desk = open_desk(root_path="/desk")
    assert desk.create(1).startswith("/desk/uploads/")


def test_one_put_brings_a_whole_file(desk: Desk):
    for name, expected in (("Gr%C3%B6%C3%9Fe.mp4", "Größe.mp4"), ("Gr%C3%B6%C3%9Fe.mp4", "Größe-2.mp4")):
        answer = desk.client.put(f"/uploads/{name}", content=TALK)
        told = {"file": expected, "bytes": len(TALK), "job_id": "1", "status_url": "/async/jobs/1"}
        assert (answer.status_code, answer.json()) == (201, told)
        assert unquote(answer.headers["Upload-File"]) == expected
    assert desk.client.put("/uploads/..%2F..%2Fevil.mp4", content=b"").json()["file"] == "evil.mp4"
    assert desk.files() == {"Größe.mp4": TALK, "Größe-2.mp4": TALK, "evil.mp4": b""}
    assert [path.name for path in desk.arrived] == ["Größe.mp4", "Größe-2.mp4", "evil.mp4"]
    assert list(desk.parts.iterdir()) == []


def test_a_put_that_breaks_off_or_has_no_size_leaves_nothing(desk: Desk):
    assert desk.client.put("/uploads/talk.mp4", content=iter([TALK])).status_code == 411
    with socket.create_connection(("127.0.0.1", desk.port)) as connection:
        head = b"PUT /uploads/talk.mp4 HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
        connection.sendall(head + TALK[:100])
        assert soon(lambda: len(list(desk.parts.iterdir())) == 2)
    assert soon(lambda: list(desk.parts.iterdir()) == [])
    assert desk.files() == {}


def test_a_long_upload_takes_no_more_memory_than_a_short_one(tmp_path: Path):
    block, peak = os.urandom(MIB), {}
    with own_server(tmp_path) as server, client_of(server.url) as client:
        for name, count in (("short", 16), ("long", 400)):
            headers = {**CHUNKED, "Upload-Offset": "0", "Content-Length": str(count * MIB)}
            place, content = created(client, count * MIB, filename=name), (block for _ in range(count))
            with Memory(server.pid) as memory:
                assert client.patch(place, content=content, headers=headers).headers["Upload-File"] == name
            peak[name] = memory.peak
    assert peak["long"] - peak["short"] < 20 * MIB
