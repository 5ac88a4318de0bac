"""`workbench serve` as a real process, a client of it, and a receiver of its webhooks."""

import json
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.apps.conftest import command, environment


class Receiver(ThreadingHTTPServer):
    """Takes webhooks; the first try of each is answered as an n8n that does not wait yet."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.got: list[tuple[dict[str, str], bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/wait?signature=a%2Fb"


class _Take(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        first = not any(headers["webhook-id"] == self.headers["webhook-id"] for headers, _ in self.server.got)
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(404 if first else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


class Server:
    """`workbench serve` on `port`, or on a free one."""

    def __init__(self, library: Path, port: int = 0, **variables: str) -> None:
        self.library = library
        arguments = ("serve", "--library", library, "--port", port, "--workers", "2")
        self.process = subprocess.Popen(
            command(*arguments), env=environment(WORKBENCH_MODEL="tiny.en", **variables)
        )
        file = library / ".server.json"
        deadline = time.monotonic() + 60
        self.facts: dict[str, Any] = {}
        while self.facts.get("pid") != self.process.pid:  # a server that was killed left its file
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
            if file.exists():
                self.facts = json.loads(file.read_text() or "{}")
        self.client = httpx2.Client(base_url=self.facts["url"], timeout=60)

    def client_with(self, key: str) -> httpx2.Client:
        return httpx2.Client(base_url=self.facts["url"], timeout=60, headers={"X-API-Key": key})

    def stop(self) -> int:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def ended(self, job_id: str, within: float = 60) -> dict[str, Any]:
        """The job once it has ended, `within` seconds."""
        deadline = time.monotonic() + within
        while True:
            job: dict[str, Any] = self.client.get(f"/async/jobs/{job_id}", params={"wait": 10}).json()
            if job["status"] not in ("queued", "running"):
                return job
            assert time.monotonic() < deadline


class Guarded(Server):
    """A server with a key of each scope; `client` is an admin, and `read` and `submit` are what they say."""

    def __init__(self, library: Path, **variables: str) -> None:
        quick = {"WORKBENCH_STABLE_SECONDS": "0", "WORKBENCH_RATE_LIMIT_PER_MINUTE": "100000"}
        super().__init__(library, **quick, **variables)
        self.keys = {"admin": self._made("admin")}
        self.client.headers["X-API-Key"] = self.keys["admin"]
        self.keys |= {scope: self._made(scope) for scope in ("read", "submit")}
        self.read, self.submit = (self.client_with(self.keys[scope]) for scope in ("read", "submit"))
        (found,) = self.client.post("/episodes/discover").json()["episodes"]
        self.episode_id = str(found["episode_id"])

    def _made(self, scope: str) -> str:
        answer = self.client.post("/keys", json={"name": scope, "scope": scope})
        return str(answer.json()["secret"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.read.close()
        self.submit.close()
        self.stop()
