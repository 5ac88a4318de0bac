"""The command line as a real process, and one library that it has filled."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import ffmpeg

if TYPE_CHECKING:
    from tests.apps.served import Guarded, Server

ROOT = Path(__file__).parent.parent.parent
WITHIN = 900  # seconds: the demo recording through all stages, on two busy cores


@dataclass(frozen=True)
class Run:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """What it printed with --json: one value."""
        (line,) = self.lines
        return line

    @property
    def lines(self) -> list[Any]:
        """What it printed with --json: one value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


SMALL = """\
model = "tiny.en"
clip_count = 3
clip_min_seconds = 6
clip_max_seconds = 12
aspect_ratios = ["1x1"]
"""
"""Settings with which a run takes no longer than it must."""

type Cli = Callable[..., Run]


def environment(**more: str) -> dict[str, str]:
    """This process's, without what a person may have set, plus `more`."""
    unset = ("WORKBENCH_", "NO_COLOR", "FORCE_COLOR", "TTY_", "COLUMNS", "TERM")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    return kept | {"PYTHONPATH": str(ROOT)} | more


def command(*arguments: object) -> list[str]:
    """What starts the command line in a process of its own."""
    return [sys.executable, "-m", "apps.cli", *map(str, arguments)]


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Runs the command line to its end, in a folder where nothing is."""
    nowhere = tmp_path_factory.mktemp("nowhere")

    def run(*arguments: object, cwd: Path = nowhere, **variables: str) -> Run:
        done = subprocess.run(
            command(*arguments),
            cwd=cwd,
            env=environment(HOME=str(nowhere), **variables),
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    return run


type Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command line in a process group of its own, which is gone at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object, **variables: str) -> subprocess.Popen[str]:
        pipes = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "start_new_session": True,
            # what a shell runs in the background hands on that it does not hear Ctrl-C
            "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        }
        place = environment(HOME=str(tmp_path), **variables)
        started.append(subprocess.Popen(command(*arguments), env=place, **pipes))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@dataclass(frozen=True)
class Processed:
    """A library with the demo recording and one file that is no recording, and the run that filled it."""

    library: Path
    recording: Path
    broken: Path
    run: Run

    @property
    def episode_id(self) -> str:
        return str(self.run.lines[0]["episode_id"])


@pytest.fixture(scope="session")
def processed(cli: Cli, demo_recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Processed:
    """The demo recording taken through all stages by the command line, together with a broken file."""
    folder = tmp_path_factory.mktemp("processed")
    recording, broken = folder / "the talk [1].mp4", folder / "broken.mp4"
    shutil.copy(demo_recording, recording)
    shutil.copy(demo_recording.with_suffix(".json"), recording.with_suffix(".json"))
    broken.write_text("this is no recording")
    library = folder / "library"
    library.mkdir()
    (library / "workbench.toml").write_text(SMALL)
    run = cli("process", recording, broken, "--library", library, "--json")
    return Processed(library, recording, broken, run)


@pytest.fixture(scope="module")
def site(processed: Processed) -> "Iterator[Server]":
    """A server of the library with the finished episode; tests look at it and change nothing."""
    from tests.apps.served import Server

    server = Server(processed.library)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory, tone: Path) -> "Iterator[Guarded]":
    """A server that needs a key, with a recording in its inbox that is an episode already."""
    from tests.apps.served import Guarded

    library = tmp_path_factory.mktemp("guarded")
    (library / "inbox").mkdir()
    shutil.copy(tone, library / "inbox" / "tone.mp4")
    with Guarded(library) as server:
        yield server


@pytest.fixture(scope="session")
def talk(demo_recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 40 seconds of the demo recording: enough for a transcript and a clip."""
    path = tmp_path_factory.mktemp("talk") / "Morning talk.mp4"
    command = ["-i", str(demo_recording), "-t", "40", "-c", "copy", str(path)]
    ffmpeg.run(command, length=40, report=lambda share: None)
    return path


class Reviewed:
    """A server with one finished episode, which each test leaves as it was."""

    def __init__(self, server: "Server", episode_id: str) -> None:
        self.server, self.episode_id = server, episode_id
        self.page = f"/app/episodes/{episode_id}"

    def get(self, path: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.server.client.get(f"/episodes/{self.episode_id}{path}").json()
        return found

    def file(self, name: str) -> str:
        answer = self.server.client.get(f"/episodes/{self.episode_id}/files/{name}")
        return answer.text if answer.status_code == 200 else ""

    def words(self) -> list[str]:
        return [word["text"] for word in self.get("/texts")["transcript"]["words"]]


@pytest.fixture(scope="session")
def reviewed(talk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    from tests.apps.served import Server

    library = tmp_path_factory.mktemp("reviewed") / "library"
    (library / "inbox").mkdir(parents=True)
    (library / "workbench.toml").write_text(f"{SMALL}stable_seconds = 0\n")
    shutil.copy(talk, library / "inbox" / talk.name)
    server = Server(library)
    try:
        asked = server.client.post("/async/discover", json={"process": True}).json()
        server.ended(asked["job_id"])
        (episode,) = server.client.get("/episodes").json()["episodes"]
        for job in server.client.get("/async/jobs").json()["jobs"]:
            assert server.ended(job["job_id"], within=WITHIN)["status"] == "completed"
        yield Reviewed(server, episode["episode_id"])
    finally:
        server.stop()
