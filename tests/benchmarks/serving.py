"""A real `workbench serve` on loopback for the benchmarks of the job service, and a small client of it.

The client is blocking sockets and next to no parsing: what it costs itself would make two routes look more
alike than they are.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline import ffmpeg
from workbench.run_file import serving
from workbench.settings import load_settings
from workbench.workbench import Workbench

_STARTS_WITHIN = 60.0
_RECEIVED = 1 << 16


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    host: str
    port: int
    pid: int

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """The bytes of a request."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        if content:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return head.encode() + b"\r\n" + content

    def connect(self) -> "Connection":
        return Connection(socket.create_connection((self.host, self.port), timeout=60))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What a route answers, over a connection of its own."""
        with self.connect() as connection:
            return connection.ask(self.request(method, path, body))


@dataclass
class Connection:
    """A connection that is kept open; closed by `with`."""

    socket: socket.socket
    _got: bytes = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, request: bytes) -> None:
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The body of the answer once it is whole; None while more has to come. Reads once, and may wait."""
        part = self.socket.recv(_RECEIVED)
        assert part, "the server has closed the connection"
        self._got += part
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return None
        assert head[9:10] == b"2", self._got.decode()
        self._got = b""
        return body

    def ask(self, request: bytes) -> Any:
        """The JSON that comes back."""
        self.send(request)
        while (body := self.receive()) is None:
            pass
        return json.loads(body)


@contextmanager
def served(library: Path, command: Sequence[str] = (), **settings: str) -> Iterator[Server]:
    """`workbench serve` for a library, on a free port, with `settings` as its variables have them.

    `command`: another one that serves the same way.
    """
    variables = {f"WORKBENCH_{name.upper()}": value for name, value in settings.items()}
    variables |= {"WORKBENCH_LIBRARY": str(library), "WORKBENCH_PORT": "0"}
    run = [sys.executable, "-m", *(command or ("apps.cli", "serve"))]
    process = subprocess.Popen(run, env=os.environ | variables)
    try:
        yield _started(library, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def rate(server: Server, requests: Sequence[bytes], seconds: float, connections: int = 8) -> float:
    """How many of `requests` a second are answered, in turn and again, while there are `connections`."""
    opened = [server.connect() for _ in range(connections)]
    sent = answered = 0
    for connection in opened:
        connection.send(requests[sent % len(requests)])
        sent += 1
    started = time.perf_counter()
    while (took := time.perf_counter() - started) < seconds:
        for connection in select.select(opened, [], [])[0]:
            if connection.receive() is not None:
                answered += 1
                connection.send(requests[sent % len(requests)])
                sent += 1
    for connection in opened:
        connection.socket.close()
    return answered / took


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them, 0 to 1, do not exceed."""
    return sorted(values)[max(0, -(-int(len(values) * share * 1000) // 1000) - 1)]


def an_episode(library: Path, folder: Path) -> str:
    """The id of an episode of 3 seconds, made in `folder` and discovered in a new library."""
    recording = folder / "tone.mp4"
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=3", "-c:a", "aac", str(recording)]
    ffmpeg.run(sound, length=3.0, report=lambda share: None)
    with Workbench(load_settings(library=library, workers=1)) as bench:
        found = bench.wait(bench.discover([recording]).job_id)
    assert found.result, found.message
    return str(found.result["episodes"][0]["episode_id"])


def told(name: str, value: float, promised: float, unit: str, kept: bool) -> bool:
    """Print a figure beside what was promised; `kept`."""
    print(f"{name}: {value:.2f} {unit} (promised {promised:g}): {'kept' if kept else 'NOT KEPT'}", flush=True)
    return kept


def _started(library: Path, process: subprocess.Popen[bytes]) -> Server:
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended: see above"
        if (found := serving(library)) and found.pid == process.pid:
            parts = urlsplit(found.url)
            server = Server(parts.hostname or "", parts.port or 0, found.pid)
            server.ask("GET", "/readyz")
            return server
        time.sleep(0.1)
    raise TimeoutError(f"the server did not start within {_STARTS_WITHIN:g} s")


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if rest else 0
