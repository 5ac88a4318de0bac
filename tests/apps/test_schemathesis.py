"""Schemathesis over the OpenAPI of a real server: it sends what the document allows, and what it does not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.conftest import environment
from tests.apps.served import Guarded

ADMIN = ("/keys", "/keys/{key_id}", "/audit", "/async/clean_up")
LEFT_OUT = (
    "/async/events",  # has no end
    "/async/jobs/{job_id}/events",
    "/async/webhooks/test",  # sends to any address it is given
)
CONFIGURED = """
[checks.use_after_free]
enabled = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "413", "429", "5xx"]

[checks.negative_data_rejection]
expected-statuses = ["4xx", "5xx"]
"""
"""A job that was cancelled by DELETE can still be looked at; an upload takes no more than was announced; tus
answers 412 to another version of itself."""
QUICK = ("--phases", "examples,coverage", "--max-examples", "1", "--max-time", "20")
LONG = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "25", "--max-time", "90")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, tone: Path) -> Iterator[Guarded]:
    """A server of its own, whose keys and jobs nobody else needs, and which takes small uploads only."""
    library = tmp_path_factory.mktemp("asked")
    (library / "inbox").mkdir()
    (library / "inbox" / "tone.mp4").write_bytes(tone.read_bytes())
    with Guarded(library, WORKBENCH_UPLOAD_MAX_GB="0.0001", WORKBENCH_MIN_FREE_GB="0") as server:
        yield server


def found_by(server: Guarded, scope: str, *options: str) -> str:
    """What schemathesis says; empty when it found nothing."""
    (server.library / "schemathesis.toml").write_text(CONFIGURED)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.facts['url']}/openapi.json"]
    header = ("--header", f"X-API-Key: {server.keys[scope]}")
    always = ("--no-color", "--seed", "1", "--warnings", "off", "--generation-database", "none")
    hooks = environment(SCHEMATHESIS_HOOKS="tests.apps.schemathesis_hooks")
    ended = subprocess.run(
        [*command, *header, *always, *options], env=hooks, cwd=server.library, capture_output=True, text=True
    )
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def paths(option: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for name in names for part in (option, name))


@pytest.mark.parametrize("effort", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)], ids=["quick", "long"])
def test_schemathesis_finds_nothing(asked: Guarded, effort: tuple[str, ...]):
    found = found_by(asked, "submit", *effort, *paths("--exclude-path", (*ADMIN, *LEFT_OUT)))
    assert not found, found


@pytest.mark.parametrize("effort", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)], ids=["quick", "long"])
def test_schemathesis_finds_nothing_that_only_an_admin_may_ask(asked: Guarded, effort: tuple[str, ...]):
    found = found_by(asked, "admin", *effort, *paths("--include-path", ADMIN))
    assert not found, found
