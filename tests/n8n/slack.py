"""What a Slack incoming webhook is to its sender, on loopback: takes {"text": ...} and answers "ok"."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Remembers every message in the order it came."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.url = ""

    def since(self, count: int) -> list[str]:
        """The messages after the first `count`."""
        return self.messages[count:]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver at a free port, for as long as the block runs."""
    kept = Receiver()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            text = _text(self.headers.get("Content-Type", ""), body)
            if text is not None:
                kept.messages.append(text)
            self._answer(*((400, b"invalid_payload") if text is None else (200, b"ok")))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        kept.url = f"http://127.0.0.1:{server.server_address[1]}/services/T0/B0/x"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kept
        server.shutdown()


def _text(kind: str, body: bytes) -> str | None:
    """The message's text; None where Slack would refuse it."""
    if "application/json" not in kind:
        return None
    try:
        text = json.loads(body).get("text")
    except (ValueError, AttributeError):
        return None
    return text if isinstance(text, str) and text else None
