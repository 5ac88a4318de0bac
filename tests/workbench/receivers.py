"""Real HTTP servers on 127.0.0.1 that take webhooks, as kindly or unkindly as their script says."""

import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from workbench.webhook import signing_secret

type Script = Callable[[BaseHTTPRequestHandler], None]


def new_secret() -> str:
    """One that nobody knows yet."""
    return signing_secret(None, secrets.token_bytes(32))


class Seen(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A real server on 127.0.0.1 that does as its script says; `seen` is what it was sent."""

    def __init__(self, script: Script, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self.seen, script))
        self._http.daemon_threads = True
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self.place = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(seen: list[Seen], script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append(Seen(self.path, {n.lower(): v for n, v in self.headers.items()}, body))
            self.close_connection = True
            with suppress(OSError):  # whoever asked has gone
                script(self)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    return Handler


def says(status: int, body: bytes = b"{}", **headers: str) -> Script:
    def script(http: BaseHTTPRequestHandler) -> None:
        http.send_response(status)
        for name, value in headers.items():
            http.send_header(name.replace("_", "-"), value)
        http.send_header("Content-Length", str(len(body)))
        http.end_headers()
        http.wfile.write(body)

    return script


def writes(start: bytes, *, drops: int = 0, every: float = 0.05) -> Script:
    """Raw bytes instead of an answer, and then a byte again and again: no single read waits long."""

    def script(http: BaseHTTPRequestHandler) -> None:
        http.wfile.write(start)
        for _ in range(drops):
            time.sleep(every)
            http.wfile.write(b"x")

    return script


type Start = Callable[..., Receiver]


@pytest.fixture
def receiver() -> Iterator[Start]:
    """Starts receivers, and ends them with the test."""
    started: list[Receiver] = []

    def start(script: Script, **how: Any) -> Receiver:
        started.append(Receiver(script, **how))
        return started[-1]

    yield start
    for one in started:
        one.close()
