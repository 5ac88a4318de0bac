"""One n8n with a home of its own on loopback: credentials and workflows go in, executions come out."""

import json
import os
import re
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.n8n.processes import free_ports, running, tail, until

TEMPLATES = Path(__file__).parent.parent.parent / "apps" / "n8n"
_COMMAND_WITHIN = 600  # seconds
_START_WITHIN = 180
_OFF = (
    "AI",
    "COMMUNITY_PACKAGES",
    "DIAGNOSTICS",
    "DYNAMIC_BANNERS",
    "HIRING_BANNER",
    "LICENSE_AUTO_RENEW",
    "PERSONALIZATION",
    "PYTHON",
    "TEMPLATES",
    "VERSION_NOTIFICATIONS",
    "VERSION_NOTIFICATIONS_WHATS_NEW",
)
# These call n8n's own servers, whatever the switches above say, or take time to start.
_MODULES = (
    "mcp-registry,mcp,instance-ai,agents,chat-hub,workflow-builder,community-packages,source-control,"
    "insights,external-secrets"
)


class EngineFailed(Exception):
    """n8n refused a command; the message has what it said."""


class Engine:
    """n8n's command line, its server while `serving`, and what its database says of executions."""

    def __init__(self, folder: Path, programs: Mapping[str, str]) -> None:
        """`programs` are the variables with which n8n can be run; nothing is started yet."""
        folder.mkdir(parents=True)
        self.folder = folder
        self.port, broker, self._own_broker = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self._variables = _variables(folder, self.port, broker, programs) | _address(self.url)
        self._ids: dict[str, str] = {}

    def give(self, credentials: Sequence[Mapping[str, Any]]) -> None:
        """Put credentials in; n8n encrypts them."""
        file = self.folder / "credentials.json"
        file.write_text(json.dumps(credentials))
        self._run("import:credentials", f"--input={file}")
        file.unlink()

    def put(self, template: str, config: Mapping[str, object]) -> None:
        """Import a template of `apps/n8n` as it is, but for the values in its node Config."""
        workflow = json.loads((TEMPLATES / template).read_text(encoding="utf-8"))
        (node,) = (each for each in workflow["nodes"] if each["name"] == "Config")
        rows = {row["name"]: row for row in node["parameters"]["assignments"]["assignments"]}
        for name, value in config.items():
            rows[name]["value"] = value
        file = self.folder / template
        file.write_text(json.dumps(workflow))
        self._run("import:workflow", f"--input={file}")
        self._ids[template] = workflow["id"]

    def publish(self, template: str) -> None:
        """Activate it; this takes effect when the server starts."""
        self._run("publish:workflow", f"--id={self._ids[template]}")

    def active(self) -> set[str]:
        """The templates that are active; none when the server could not activate one of them."""
        if "initial workflow activation" in self.log.read_text(errors="replace"):
            return set()
        rows = {number for (number,) in self._query("SELECT id FROM workflow_entity WHERE active")}
        return {template for template, number in self._ids.items() if number in rows}

    def execute(self, template: str, called_at: str | None = None) -> str:
        """Press `Run now`; the status of the execution when it ended or fell asleep.

        `called_at` is the address that n8n believes to have; by default its true one.
        """
        before = set(self.executions(template))
        # Its exit code is no use: 0 for one that sleeps, and sometimes a crash after all is done.
        told = self._start("execute", f"--id={self._ids[template]}", "--rawOutput", called_at=called_at)
        after = self.executions(template)
        new = [each for each in after if each not in before]
        if not new:
            raise EngineFailed(f"n8n did not execute {template}; it said:\n{told[-2000:]}")
        return after[new[-1]]

    def executions(self, template: str) -> dict[str, str]:
        """Execution id → status, the oldest first."""
        rows = self._query(
            "SELECT id, status FROM execution_entity WHERE workflowId = ? ORDER BY id", self._ids[template]
        )
        return {str(number): str(status) for number, status in rows}

    def resume_url(self, template: str) -> str:
        """Where the newest execution waits for a call, as n8n told the workbench."""
        number = list(self.executions(template))[-1]
        token = re.search(r'"([0-9a-f]{64})"', self._data(number))
        if token is None:
            raise EngineFailed(f"execution {number} of {template} waits for no call")
        return f"{self.url}/webhook-waiting/{number}?signature={token[1]}"

    def has_run(self, template: str, node: str) -> bool:
        """Whether the newest execution came by a node."""
        return f'"{node}":' in self._data(list(self.executions(template))[-1])

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The server, which schedules, takes webhooks and wakes executions."""
        with running(["n8n", "start"], self.log, self._variables, self._is_ready, _START_WITHIN):
            yield

    def takes(self, path: str) -> bool:
        """Whether the webhook is there: the port answers before its routes are."""
        return until(lambda: send(f"{self.url}/webhook/{path}", b"{}", {})[0] != 404, _START_WITHIN)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz/readiness", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _data(self, number: str) -> str:
        ((data,),) = self._query("SELECT data FROM execution_data WHERE executionId = ?", number)
        return str(data)

    def _query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        place = (self.folder / ".n8n" / "database.sqlite").as_uri()
        with closing(sqlite3.connect(f"{place}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(statement, values).fetchall()

    def _run(self, *arguments: str) -> None:
        log = self.folder / "commands.log"
        told = self._start(*arguments, checked=True)
        with log.open("a") as kept:
            kept.write(told)

    def _start(self, *arguments: str, checked: bool = False, called_at: str | None = None) -> str:
        broker = {"N8N_RUNNERS_BROKER_PORT": str(self._own_broker)}  # the server has the other one
        ended = subprocess.run(
            ["n8n", *arguments],
            env=self._variables | broker | _address(called_at or self.url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_WITHIN,
        )
        if checked and ended.returncode != 0:
            raise EngineFailed(f"n8n {' '.join(arguments)} failed:\n{ended.stdout[-2000:]}")
        return ended.stdout

    def __str__(self) -> str:
        return tail(self.log) if self.log.exists() else "n8n was not started"


def send(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Status and text that a POST of JSON is answered with."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def _variables(folder: Path, port: int, broker: int, programs: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in programs.items() if not name.startswith(("N8N_", "DB_", "WEBHOOK"))}
    return {
        **own,
        **{f"N8N_{name}_ENABLED": "false" for name in _OFF},
        "DB_TYPE": "sqlite",
        "EXTERNAL_FRONTEND_HOOKS_URLS": "",
        "GENERIC_TIMEZONE": "UTC",
        "N8N_DIAGNOSTICS_CONFIG_BACKEND": "",
        "N8N_DIAGNOSTICS_CONFIG_FRONTEND": "",
        "N8N_DISABLED_MODULES": _MODULES,
        "N8N_ENCRYPTION_KEY": "only-for-the-tests",
        "N8N_HOST": "127.0.0.1",
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_PORT": str(port),
        "N8N_PROTOCOL": "http",
        "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_RUNNERS_BROKER_PORT": str(broker),
        "N8N_SECURE_COOKIE": "false",
        "N8N_USER_FOLDER": str(folder),
        "TZ": "UTC",
    }


def _address(url: str) -> dict[str, str]:
    return {"N8N_EDITOR_BASE_URL": f"{url}/", "N8N_WEBHOOK_URL": f"{url}/"}


def inherited() -> dict[str, str]:
    """This process's variables without what a person may have set for a workbench of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
