"""Sends recordings to a server by the protocol tus 1.0.0."""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

import httpx2

from pipeline.errors import BadOptions
from pipeline.model import Seconds
from workbench.errors import Unreachable
from workbench.uploads import UploadConflict, UploadLocked
from workbench.wire import LONGEST_PAUSE, SHORTEST_PAUSE, Wire

_TUS = {"Tus-Resumable": "1.0.0"}
_PIECE = 16 << 20  # bytes in one request: proxies often take no more than some tens of MB
_STUCK_MOST: Seconds = 90.0
"""How long nothing may come: a server waits 30 s for a connection that broke, and lets no other in."""
_WHOLE_WITHIN: Seconds = 600.0
"""The server reads a large file again before it is whole, to compare it."""


class Sender:
    """Sends a file by the protocol tus: where a connection broke, the next one goes on."""

    def __init__(self, wire: Wire, file: Path, show: Callable[[int], None]) -> None:
        """`show` is told how many bytes have come, again and again."""
        self._wire = wire
        self._file = file
        self._show = show
        self._length = file.stat().st_size
        self._name: str | None = None

    def send(self, said: Mapping[str, str]) -> str:
        """The name that the file has got in the inbox; `said` goes along with it.

        Raises Unreachable when the server does not come back, and what it says is wrong.
        """
        with self._file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        everything = {"filename": self._file.name, "checksum": f"sha256 {digest}", **said}
        pairs = (f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in everything.items())
        headers = {"Upload-Length": str(self._length), "Upload-Metadata": ",".join(pairs)}
        made = self._wire.ask("POST", "/uploads", headers=_TUS | headers)
        # Behind a proxy the path begins with what the server's address ends with already.
        place = "/uploads/" + made.headers.get("Location", "").rpartition("/")[2]
        offset, moved, pause = self._stands(made), time.monotonic(), SHORTEST_PAUSE
        while offset < self._length:
            came = self._go_on(place, offset)
            if came > offset:
                offset, moved, pause = came, time.monotonic(), SHORTEST_PAUSE
                continue
            if time.monotonic() - moved > _STUCK_MOST:
                raise Unreachable(f"{self._file.name} does not get beyond byte {came}: send it later")
            time.sleep(pause)
            offset, pause = came, min(2 * pause, LONGEST_PAUSE)
        return self._whole(place)

    def _go_on(self, place: str, offset: int) -> int:
        """How far the file has come after one more piece, or after a part of one."""
        with self._file.open("rb") as opened:
            opened.seek(offset)
            piece = opened.read(_PIECE)
        if not piece:
            raise BadOptions(f"{self._file} has become shorter while it was sent: send it once it is whole")
        headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
        try:
            return self._stands(
                self._wire.ask("PATCH", place, repeatable=False, content=piece, headers=_TUS | headers)
            )
        except (Unreachable, UploadLocked, UploadConflict):
            time.sleep(SHORTEST_PAUSE)  # the server may still write what came over the broken connection
            return self._stands(self._wire.ask("HEAD", place, headers=_TUS))

    def _whole(self, place: str) -> str:
        until = time.monotonic() + _WHOLE_WITHIN
        while self._name is None:
            if time.monotonic() > until:
                raise Unreachable(f"{self._file.name} has come, but the server does not say that it is whole")
            self._stands(self._wire.ask("HEAD", place, headers=_TUS))
            if self._name is None:
                time.sleep(LONGEST_PAUSE)
        return self._name

    def _stands(self, answer: httpx2.Response) -> int:
        """The first byte that has not come; on the way the name is kept, once there is one."""
        offset = self._wire.read(lambda told: int(told.headers["Upload-Offset"]), answer)
        if "Upload-File" in answer.headers:
            self._name = unquote(answer.headers["Upload-File"])
        self._show(offset)
        return offset
