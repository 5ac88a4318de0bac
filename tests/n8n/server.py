"""A real `workbench serve` on loopback, with a library of its own."""

import base64
import json
import re
import secrets
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.n8n.engine import inherited
from tests.n8n.processes import NotStarted, free_ports, running, until

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "apps.cli"]
HEADER = ("X-Workbench-Token", secrets.token_hex(16))
SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
_SMALL = """\
model = "tiny.en"
stable_seconds = 0
clip_count = 2
clip_min_seconds = 5
clip_max_seconds = 15
variants = ["subtitled"]
aspect_ratios = ["1x1"]
"""
_START_WITHIN = 120
_CROWD = 150
"""As many may wait for a job's end at once; who comes then is answered at once."""


class Server:
    """The REST API of a workbench, which runs while `serving`, and the inbox of its library."""

    def __init__(self, folder: Path, allow: str) -> None:
        """A new library in `folder`; its webhooks are signed with SECRET, carry HEADER and go to `allow`."""
        self._library, self._log = folder / "library", folder / "workbench.log"
        self.inbox = self._library / "inbox"
        self.inbox.mkdir(parents=True)
        (self._library / "workbench.toml").write_text(_SMALL)
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self._variables = inherited() | {
            "PYTHONPATH": str(ROOT),
            "WORKBENCH_WEBHOOK_ALLOW": allow,
            "WORKBENCH_WEBHOOK_HEADER": ": ".join(HEADER),
            "WORKBENCH_WEBHOOK_SECRET": SECRET,
        }
        self.key = _make_key(self._library, self._variables)

    @contextmanager
    def serving(self, *, maintenance: bool = False) -> Iterator[None]:
        """The server, ready; in a time of maintenance no job starts."""
        variables = self._variables | ({"WORKBENCH_MAINTENANCE_WINDOWS": _window()} if maintenance else {})
        where = ["--library", str(self._library), "--port", str(self._port), "--workers", "2"]
        with running([*COMMAND, "serve", *where], self._log, variables, self.is_ready, _START_WITHIN):
            yield

    @contextmanager
    def crowded(self, job: dict[str, Any]) -> Iterator[None]:
        """While as many wait for the end of `job`, which does not come, as the server lets."""
        over = threading.Event()

        def wait() -> None:
            with suppress(OSError, HTTPException, RuntimeError):  # the server stops
                while not over.is_set():
                    self.ask("GET", f"/async/jobs/{job['job_id']}?wait=60")

        for _ in range(_CROWD):
            threading.Thread(target=wait, daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the API says; its error, when there is one, is raised with the problem in its text."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/json", "X-API-Key": self.key}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace")
            raise RuntimeError(f"{method} {path} was answered {error.code}: {told}") from None

    def discovered(self) -> list[dict[str, Any]]:
        """The episodes whose recordings lie in the inbox."""
        return list(self.ask("POST", "/episodes/discover")["episodes"])

    def jobs(self, episode_id: str, job_type: str) -> list[dict[str, Any]]:
        """The jobs of an episode, the newest first."""
        listed = self.ask("GET", "/async/jobs?limit=200")["jobs"]
        return [each for each in listed if (each["episode_id"], each["job_type"]) == (episode_id, job_type)]

    def ended(self, job: dict[str, Any], within: float = 600) -> dict[str, Any]:
        """The job when it has ended, or as it is after so many seconds."""
        last = [job]

        def is_over() -> bool:
            last[0] = self.ask("GET", f"/async/jobs/{job['job_id']}")
            return last[0]["status"] not in ("queued", "running")

        until(is_over, within)
        return last[0]

    def is_ready(self) -> bool:
        request = urllib.request.Request(f"{self.url}/readyz", headers={"X-API-Key": self.key})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _window() -> str:
    """The whole week but for a day that is not near: one without any day is refused."""
    away = (datetime.now(UTC) + timedelta(days=3)).strftime("%a")
    days = (day for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun") if day != away)
    return f"{','.join(days)} 00:00-24:00"


def _make_key(library: Path, variables: Mapping[str, str]) -> str:
    """A key for n8n: with it the workbench is closed to everybody who has none."""
    command = [*COMMAND, "keys", "n8n", "--scope", "submit", "--library", str(library)]
    made = subprocess.run(command, env=dict(variables), capture_output=True, text=True, timeout=_START_WITHIN)
    key = re.search(r"wb_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", made.stdout)
    if key is None:
        raise NotStarted(f"`workbench keys` showed no key: {made.stdout}{made.stderr}")
    return key[0]
