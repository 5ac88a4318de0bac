"""A real HTTP server that speaks chat completions and says what it was told to say, in order."""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class _Turn:
    status: int
    body: bytes
    content_type: str = "application/json"
    after: float = 0.0


class ScriptedServer:
    """Listens on 127.0.0.1 while it is entered; `requests` holds what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.turns: deque[_Turn] = deque()
        self.finally_says: str | None = None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answers(self, text: str, *, finish_reason: str = "stop", after: float = 0.0) -> None:
        """The next answer's text."""
        self.turns.append(_Turn(200, _completion(text, finish_reason), after=after))

    def always_answers(self, text: str) -> None:
        """Every answer's text once the script has run out."""
        self.finally_says = text

    def refuses(self, status: int, message: str) -> None:
        """The next answer is an error."""
        error = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
        self.turns.append(_Turn(status, json.dumps(error).encode()))

    def says(self, text: str, content_type: str) -> None:
        """The next answer is no completion at all."""
        self.turns.append(_Turn(200, text.encode(), content_type))

    def take(self) -> _Turn:
        if self.turns:
            return self.turns.popleft()
        if self.finally_says is not None:
            return _Turn(200, _completion(self.finally_says, "stop"))
        return _Turn(418, b'{"error": {"message": "the script has run out"}}')


def _completion(text: str, finish_reason: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice]}
    return json.dumps(whole).encode()


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append(Request(headers, body))
            turn = server.take()
            time.sleep(turn.after)
            try:
                self.send_response(turn.status)
                self.send_header("content-type", turn.content_type)
                self.send_header("content-length", str(len(turn.body)))
                self.send_header("retry-after-ms", "1")
                self.end_headers()
                self.wfile.write(turn.body)
            except OSError:
                self.close_connection = True  # whoever asked has gone

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    return Handler
