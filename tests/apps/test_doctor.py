"""What the doctor finds on a machine that can work, and on one that cannot."""

import http.server
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apps import doctor
from apps.doctor import CHECKS, Finding, examine
from tests.apps.served import Server
from workbench import Workbench, load_settings

if TYPE_CHECKING:
    from tests.apps.conftest import Cli

NAMES = (
    "python",
    "ffmpeg",
    "subtitles",
    "speech model",
    "library",
    "disk",
    "memory",
    "loopback",
    "port",
    "cluster",
    "llm",
)


def find(name: str, **settings: Any) -> Finding:
    """What one check finds."""
    chosen = load_settings(environment={}, **settings)
    (finding,) = examine(chosen, names=[name])
    return finding


def test_a_machine_that_can_work_has_no_problem(cli: "Cli", tmp_path: Path) -> None:
    run = cli("doctor", "--library", tmp_path / "library", "--workers", "1", "--json")
    assert [finding["check"] for finding in run.facts] == list(NAMES)
    assert {finding["state"] for finding in run.facts} <= {"ok", "warning"}, run.out
    assert run.code == 0
    assert not (tmp_path / "library").exists()  # looking changes nothing


def test_a_problem_makes_the_exit_code_1_and_says_what_to_do(cli: "Cli", tmp_path: Path) -> None:
    run = cli("doctor", "--library", tmp_path, "--scheduler", "tcp://127.0.0.1:9", "--model", "tiny.en")
    assert run.code == 1
    lines = run.out.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("cluster"))
    assert lines[at].split()[1] == "problem"
    assert "tcp://127.0.0.1:9" in lines[at]
    assert "scheduler" in lines[at + 1]
    assert "Traceback" not in run.err


def test_every_check_has_advice() -> None:
    assert list(CHECKS) == list(NAMES) == list(doctor.ADVICE)


def test_ffmpeg_is_tried_out(tmp_path: Path) -> None:
    assert find("ffmpeg", library=tmp_path).state == "ok"
    assert find("subtitles", library=tmp_path).state == "ok"


def test_an_ffmpeg_that_cannot_run_is_a_problem(cli: "Cli", tmp_path: Path) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    run = cli("doctor", "--library", tmp_path, "--json", WORKBENCH_FFMPEG=str(broken))
    states = {finding["check"]: finding["state"] for finding in run.facts}
    assert (states["ffmpeg"], states["subtitles"]) == ("problem", "problem")
    assert run.code == 1


def test_the_speech_model_is_named(tmp_path: Path) -> None:
    finding = find("speech model", library=tmp_path, model="tiny.en")
    assert (finding.state, "tiny.en" in finding.found) == ("ok", True)


def test_a_missing_speech_model_is_a_problem(tmp_path: Path) -> None:
    finding = find("speech model", library=tmp_path, model=str(tmp_path / "no-model"))
    assert finding.state == "problem"
    assert finding.advice


def test_a_library_in_use_is_a_warning(cli: "Cli", tmp_path: Path) -> None:
    with Workbench(load_settings(library=tmp_path, environment={})):
        run = cli("doctor", "--library", tmp_path, "--workers", "1", "--json")
    states = {finding["check"]: finding["state"] for finding in run.facts}
    assert states["library"] == "warning"


def test_a_library_that_is_there_tells_its_episodes(tmp_path: Path) -> None:
    with Workbench(load_settings(library=tmp_path, environment={})):
        pass
    assert find("library", library=tmp_path).found == f"{tmp_path} with 0 episodes"


def test_a_broken_library_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "workbench.duckdb").write_text("no database" * 1000)
    assert find("library", library=tmp_path).state == "problem"


@pytest.mark.parametrize(("free", "state"), [(100, "ok"), (3, "warning"), (0.5, "problem")])
def test_little_room_on_the_disk_is_seen(
    free: float, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=int(free * 1e9))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    assert find("disk", library=tmp_path / "not" / "there").state == state


def test_too_many_workers_for_the_memory_are_seen(tmp_path: Path) -> None:
    assert find("memory", library=tmp_path, workers=256).state == "warning"
    assert "256 workers" in find("memory", library=tmp_path, workers=256).found


def test_a_port_that_another_program_has_is_a_warning_that_says_what_to_do(
    cli: "Cli", tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finding = find("port", library=tmp_path, port=port)
        run = cli("doctor", "--library", tmp_path, "--workers", "1", "--port", port)
    assert (finding.state, f"127.0.0.1:{port}" in finding.found) == ("warning", True)
    assert "another program" in finding.found
    assert "--port" in finding.advice
    assert "`port`" in finding.advice
    assert finding.found in run.out
    assert find("port", library=tmp_path, port=port).state == "ok"  # it is free again


def test_any_free_port_will_do_when_none_is_asked_for(tmp_path: Path) -> None:
    assert find("port", library=tmp_path, port=0).state == "ok"


def test_an_address_that_is_not_this_machines_is_a_problem(tmp_path: Path) -> None:
    assert find("port", library=tmp_path, host="192.0.2.1").state == "problem"  # reserved for documentation


def test_the_port_of_the_librarys_own_server_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    server = Server(tmp_path / "library")
    try:
        port = server.client.base_url.port
        own = find("port", library=tmp_path / "library", port=port)
        others = find("port", library=tmp_path / "another", port=port)
    finally:
        server.stop()
    assert (own.state, "own server" in own.found) == ("ok", True)
    assert others.state == "warning"


def test_without_an_endpoint_the_local_enricher_is_named(tmp_path: Path) -> None:
    assert "local enricher" in find("llm", library=tmp_path).found


class Endpoint(http.server.ThreadingHTTPServer):
    """A server that says what it is told to."""

    says = ""


class Scripted(http.server.BaseHTTPRequestHandler):
    """The far end of a chat completion: says what the server was told to say."""

    def do_POST(self) -> None:
        assert isinstance(self.server, Endpoint)
        self.rfile.read(int(self.headers["content-length"]))
        message = {"role": "assistant", "content": self.server.says}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(("127.0.0.1", 0), Scripted) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("says", "state"), [('{"word": "hello"}', "ok"), ("Hello there!", "warning")])
def test_an_endpoint_is_asked(endpoint: Endpoint, says: str, state: str, tmp_path: Path) -> None:
    endpoint.says = says
    url = f"http://127.0.0.1:{endpoint.server_port}/v1"
    assert find("llm", library=tmp_path, llm_base_url=url, llm_model="m").state == state


def test_an_endpoint_that_does_not_answer_is_a_problem(tmp_path: Path) -> None:
    finding = find("llm", library=tmp_path, llm_base_url="http://127.0.0.1:9/v1", llm_model="m")
    assert finding.state == "problem"
    assert "llm_base_url" in finding.advice
