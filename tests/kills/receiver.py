"""Takes webhooks as their receivers do at their worst: late, with an error first, or while they are held."""

import json
import random
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

from tests.workbench.receivers import new_secret


class Receiver(ThreadingHTTPServer):
    """Listens on a port of this machine until it is closed."""

    daemon_threads = True

    def __init__(self, chance: random.Random | None = None) -> None:
        """Answer at once; with a `chance`, one time in five with an error and one in five a second late."""
        super().__init__(("127.0.0.1", 0), _Take)
        self.secret = new_secret()
        self.ids: defaultdict[str, set[str]] = defaultdict(set)
        """Job → the ids under which its end was told."""
        self.taken: set[str] = set()
        """The ids that were acknowledged."""
        self.wrong: list[str] = []
        """What was not signed as it should be."""
        self.open = threading.Event()
        """While it is cleared, every request is held."""
        self.holding = threading.Semaphore(0)
        self.open.set()
        self._chance = chance
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.open.set()
        self.shutdown()
        self.server_close()

    def status(self, headers: dict[str, str], body: bytes) -> int:
        """Write down what has come; the status to answer with."""
        try:
            Webhook(self.secret).verify(body, headers)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            self.wrong.append(repr(error))
            return 400
        told = json.loads(body)
        with self._lock:
            self.ids[told["job_id"]].add(headers["webhook-id"])
            luck = self._chance.random() if self._chance else 1.0
        if not self.open.is_set():
            self.holding.release()
            self.open.wait(30)
        if luck < 0.2:
            return 500
        if luck < 0.4:
            time.sleep(1.0)
        self.taken.add(headers["webhook-id"])
        return 200

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that was killed is no news."""


class _Take(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.status({name.lower(): value for name, value in self.headers.items()}, body)
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""
