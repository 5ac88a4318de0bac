"""Memory of the server during a long upload that breaks off three times.

    python -m tests.benchmarks.upload [--gigabytes 3]
    python -m tests.benchmarks.upload --url http://127.0.0.1:8080 [--pid 4711] [--key wb_...]

The file is generated while it is sent, and every MiB of it is another. The connection is closed at three
offsets, each time the server is asked where to go on, and in the end it has to have the same SHA-256: the
server checks it, and where the server is our own the file is read again here. The figure is how far the
server's resident memory rises above what it was after a first small upload.
"""

import argparse
import base64
import hashlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from apps.rest.uploads import CHUNK, STATUS_OF, router
from workbench.errors import WorkbenchError
from workbench.uploads import Upload, Uploads

MIB = 1 << 20
ALLOWED = 50 * 10**6  # bytes that the server's memory may grow by
BREAKS = 3
TUS = {"Tus-Resumable": "1.0.0"}


def main() -> int:
    arguments = _arguments()
    if arguments.serve:
        return _serve(arguments.serve)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        if shutil.disk_usage(folder).free < arguments.gigabytes * 10**9 * 1.5:
            print(f"{folder} has no room for {arguments.gigabytes:g} GB: name another with --folder")
            return 2
        if arguments.url:
            return _measure(Target(arguments.url, arguments.pid, arguments.key), arguments.gigabytes)
        with own_server(Path(folder)) as target:
            return _measure(target, arguments.gigabytes)


@dataclass(frozen=True)
class Target:
    """A running server."""

    url: str
    pid: int | None = None
    key: str | None = None
    inbox: Path | None = None

    @property
    def headers(self) -> dict[str, str]:
        return TUS | ({"Authorization": f"Bearer {self.key}"} if self.key else {})


@dataclass
class Memory:
    """The highest resident memory of a process, looked at every 20 ms by a thread."""

    pid: int
    peak: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Memory":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process(self.pid)
        while not self._end.wait(0.02):
            self.peak = max(self.peak, process.memory_info().rss)


def piece(number: int) -> bytes:
    """The MiB of that number of the generated file."""
    return number.to_bytes(8, "big") * (MIB // 8)


def pieces(start: int, end: int) -> Iterator[bytes]:
    """The generated file from byte `start` to byte `end`."""
    while start < end:
        part = piece(start // MIB)[start % MIB : start % MIB + end - start]
        yield part
        start += len(part)


@contextmanager
def own_server(folder: Path) -> Iterator[Target]:
    """The upload routes alone, in a process of their own."""
    run = [sys.executable, "-m", "tests.benchmarks.upload", "--serve", str(folder)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            port = int(server.stdout.readline())
            yield Target(f"http://127.0.0.1:{port}", server.pid, inbox=folder / "inbox")
        finally:
            server.kill()


def _measure(target: Target, gigabytes: float) -> int:
    length = int(gigabytes * 10**9)
    digest = hashlib.sha256()
    for part in pieces(0, length):
        digest.update(part)
    with httpx2.Client(base_url=target.url, headers=target.headers, timeout=600, trust_env=False) as client:
        _upload(client, target, 8 * MIB, [], None)
        before = psutil.Process(target.pid).memory_info().rss if target.pid else 0
        started = time.monotonic()
        breaks = sorted(random.Random(7).sample(range(1, length), BREAKS))
        if not target.pid:
            file, peak = _upload(client, target, length, breaks, digest.hexdigest()), 0
        else:
            with Memory(target.pid) as memory:
                file = _upload(client, target, length, breaks, digest.hexdigest())
            peak = memory.peak
        seconds = time.monotonic() - started
    print(f"{length / 10**9:.2f} GB in {seconds:.1f} s ({length / seconds / 10**6:.0f} MB/s), as {file}")
    same = target.inbox is None or _digest(target.inbox / file) == digest.hexdigest()
    print(f"sha256 {digest.hexdigest()}: {'the same' if same else 'ANOTHER'}")
    growth = peak - before
    print(f"server's memory {before / 10**6:.1f} MB, at most {peak / 10**6:.1f} MB: +{growth / 10**6:.1f} MB")
    return int(growth >= ALLOWED or not same)


def _upload(client: httpx2.Client, target: Target, length: int, breaks: list[int], sha256: str | None) -> str:
    """Send the generated file, closing the connection at `breaks`; the name that it got."""
    said = {"filename": "benchmark.bin"} | ({"checksum": f"sha256 {sha256}"} if sha256 else {})
    pairs = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
    answer = client.post("/uploads", headers={"Upload-Length": str(length), "Upload-Metadata": pairs})
    answer.raise_for_status()
    place, offset = answer.headers["Location"], 0
    for end in breaks:
        _send_and_break_off(client, target, place, offset, end, length)
        offset = _settled(client, place)
        print(f"broken off at {end}: goes on at {offset}")
    headers = {"Content-Type": CHUNK, "Upload-Offset": str(offset), "Content-Length": str(length - offset)}
    answer = client.patch(place, content=pieces(offset, length), headers=headers)
    answer.raise_for_status()
    return str(answer.headers["Upload-File"])


def _send_and_break_off(
    client: httpx2.Client, target: Target, place: str, offset: int, end: int, length: int
) -> None:
    """Announce all the rest, send up to `end`, and close the socket."""
    headers = target.headers | {
        "Host": client.base_url.host,
        "Content-Type": CHUNK,
        "Upload-Offset": str(offset),
        "Content-Length": str(length - offset),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    address = (client.base_url.host, client.base_url.port or 80)
    with socket.create_connection(address) as connection:
        connection.sendall(f"PATCH {place} HTTP/1.1\r\n{lines}\r\n".encode())
        for part in pieces(offset, end):
            connection.sendall(part)


def _settled(client: httpx2.Client, place: str) -> int:
    """The offset, when the server has written what was still on its way."""
    seen = -1
    while (now := int(client.head(place).headers["Upload-Offset"])) != seen:
        seen = now
        time.sleep(0.3)
    return now


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def app_over(folder: Path, after: Callable[[Path], None], silence: float = 30, **limits: float) -> FastAPI:
    """The upload routes with nothing around them but what makes an error a problem; every job is job 1."""
    given = {"most_bytes": 1 << 40, "quota_bytes": 1 << 40, "keep": 60.0} | limits
    app = FastAPI(max_body_size=1000)  # what an app may well have for all its other routes
    store = Uploads(folder / "uploads", folder / "inbox", **given)

    def came(upload: Upload) -> str:
        after(Path(str(upload.done)))
        return "1"

    app.include_router(router(store, came, silence=silence))

    @app.exception_handler(WorkbenchError)
    def problem(request: Request, error: WorkbenchError) -> JSONResponse:
        status = STATUS_OF[type(error)]
        return JSONResponse({"detail": str(error)}, status, media_type="application/problem+json")

    return app


def server_of(app: FastAPI, root_path: str = "") -> uvicorn.Server:
    settings = {"lifespan": "off", "ws": "none", "log_level": "error", "root_path": root_path}
    return uvicorn.Server(uvicorn.Config(app, **settings))


def _serve(folder: Path) -> int:
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    server_of(app_over(folder, lambda path: None)).run(sockets=[listening])
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=3.0)
    parser.add_argument("--folder", type=Path, help="where the file arrives; by default the temporary folder")
    parser.add_argument("--url", help="a running server, in place of one of our own")
    parser.add_argument("--pid", type=int, help="the process of that server, whose memory is looked at")
    parser.add_argument("--key", help="an API key of that server")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
