"""The small file by which a command finds the server that has a library open."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from pipeline.model import Frozen, Seconds

NAME = ".server.json"
_WITHIN: Seconds = 2.0
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
"""Addresses that are listened on, but not connected to, and what reaches them."""


class RunFile(Frozen):
    """What a server writes into its library, readable by its own user only."""

    url: str
    pid: int
    token: str
    """Lets the command line in, as an admin."""


def serving(library: Path) -> RunFile | None:
    """The server that has `library` open; None when there is none.

    A file that a killed server left is not believed: its process has to be there, and to listen.
    """
    try:
        found = RunFile.model_validate_json((library / NAME).read_bytes())
    except (OSError, ValidationError):  # none, or one that is just being written
        return None
    import psutil  # not for the many commands that find no server

    reachable = found.model_copy(update={"url": _reachable(found.url)})
    return reachable if psutil.pid_exists(found.pid) and _listens(reachable.url) else None


def _reachable(url: str) -> str:
    parts = urlsplit(url)
    host = _ANYWHERE.get(parts.hostname or "")
    return parts._replace(netloc=f"{host}:{parts.port}").geturl() if host else url


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), _WITHIN):
            return True
    except OSError:
        return False
