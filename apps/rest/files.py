"""Files as answers."""

import re
from mimetypes import guess_type
from pathlib import Path
from typing import Self

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from apps.rest.problems import problem

_FRESH = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}
_PART = re.compile(r"\s*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))\s*")


class File(FileResponse):
    """A file that may be made anew: browsers ask whether what they have is still it."""

    chunk_size = 2**20
    """Bytes: a thread is asked for each piece, and that takes longer than to read a small one."""

    def __init__(self, path: Path, media_type: str | None = None) -> None:
        stat = path.stat()
        self._size = stat.st_size
        super().__init__(path, headers=_FRESH, stat_result=stat, media_type=media_type)

    @classmethod
    def of_recording(cls, path: Path) -> Self:
        """One that somebody gave: whatever its name ends with, no browser takes it for a page."""
        guess = guess_type(path.name)[0] or ""
        return cls(path, guess if guess.startswith(("audio/", "video/")) else "application/octet-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = HTTPConnection(scope)
        if asked.headers.get("if-none-match") == self.headers["etag"]:
            kept = {name: self.headers[name] for name in ("etag", "cache-control")}
            await Response(status_code=304, headers=kept)(scope, receive, send)
            return
        parts = _within(asked.headers.get("range", ""), self._size)
        if parts or parts is None:
            await super().__call__(_asking(scope, parts), receive, send)
            return
        reason = f"the file has {self._size} bytes: ask for some of them, or leave out Range"
        answer = problem(asked, 416, reason, headers={"Content-Range": f"bytes */{self._size}"})
        await answer(scope, receive, send)


def _within(asked: str, size: int) -> list[str] | None:
    """The parts of the header Range that lie in a file of `size` bytes.

    None when it cannot be read or has another unit: it is as if it was not there (RFC 9110, §14.2).
    """
    unit, _, listed = asked.partition("=")
    parts = [_PART.fullmatch(part) for part in listed.split(",")]
    if unit.strip().lower() != "bytes" or not all(parts):
        return None
    ranges = [(match[0].strip(), *match.groups()) for match in parts if match]
    if any(first and last and int(first) > int(last) for _, first, last, _ in ranges):
        return None
    return [text for text, first, _, end in ranges if (int(first) < size if first else int(end) > 0 < size)]


def _asking(scope: Scope, parts: list[str] | None) -> Scope:
    """`scope` with nothing in `Range` but `parts`; without it when there are none."""
    scope = {**scope, "headers": [each for each in scope["headers"] if each[0] != b"range"]}
    if parts:
        MutableHeaders(scope=scope)["range"] = f"bytes={','.join(parts)}"
    return scope
