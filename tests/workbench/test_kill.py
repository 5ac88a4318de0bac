"""`kill -9` of every process in the middle of the work, then the same again; and of parts of a server."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pipeline.task import key_of
from tests.kills import recordings
from tests.kills.figures import Figures
from tests.kills.matrix import Cell, cell, without_kills
from tests.kills.rounds import Artefacts

pytestmark = pytest.mark.slow

SMALL = """\
clip_count = 4
clip_min_seconds = 6
clip_max_seconds = 12
aspect_ratios = ["9x16"]
"""
"""Settings with which a run takes no longer than it must."""


class Run:
    """`workbench process` on a recording, as a person starts it."""

    def __init__(self, library: Path, recording: Path) -> None:
        command = [sys.executable, "-m", "apps.cli", "process", "--library", str(library), "--json"]
        options = ["--workers", "2", "--model", "tiny.en", str(recording)]
        library.mkdir(exist_ok=True)
        (library / "workbench.toml").write_text(SMALL)
        self.attempts = library / "attempts"
        self.tried: set[str] = set()
        self.process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 240
        while not reached():
            assert self.process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline, "it never came so far"
            self._look()
            time.sleep(0.02)

    def kill(self) -> list[psutil.Process]:
        """Kill the whole tree at once; return those that are still there 5 s later."""
        parent = psutil.Process(self.process.pid)
        tree = [parent, *parent.children(recursive=True)]
        for process in tree:
            process.kill()
        _, alive = psutil.wait_procs(tree, timeout=5)
        self.process.communicate()
        return alive

    def result(self) -> dict[str, object]:
        while self.process.poll() is None:
            self._look()
            time.sleep(0.02)
        return dict(json.loads(self.process.communicate()[0].splitlines()[-1]))

    def _look(self) -> None:
        """Remember which tasks were tried: an attempt's folder is named by its task's key."""
        if self.attempts.is_dir():
            self.tried |= {attempt.name.partition("-")[0] for attempt in self.attempts.iterdir()}


def _published(library: Path, kind: str) -> dict[str, int]:
    """Key → time of each artefact of a kind."""
    folder = library / "artefacts" / kind
    manifests = folder.glob("*/manifest.json") if folder.is_dir() else ()
    return {manifest.parent.name: manifest.stat().st_mtime_ns for manifest in manifests}


def test_a_run_killed_in_transcription_goes_on_where_it_was(tmp_path: Path, demo_recording: Path):
    library = tmp_path / "library"
    first = Run(library, demo_recording)
    first.until(lambda: bool(_published(library, "stretch")))
    assert first.kill() == []
    finished = {key_of("stretch", [("stretch", key)]) for key in _published(library, "stretch")}

    second = Run(library, demo_recording)
    assert second.result()["status"] == "completed"
    assert second.tried
    assert not finished & second.tried
    assert list(second.attempts.iterdir()) == []
    assert _published(library, "stretch") == _published(library, "prepared") == {}


def test_a_run_killed_between_two_clips_renders_only_the_others(tmp_path: Path, demo_recording: Path):
    library, kind = tmp_path / "library", "9x16-clean"
    first = Run(library, demo_recording)
    first.until(lambda: bool(_published(library, kind)))
    assert first.kill() == []
    before = _published(library, kind)

    second = Run(library, demo_recording)
    assert second.result()["status"] == "completed"
    after = _published(library, kind)
    assert before.items() < after.items()
    assert list(second.attempts.iterdir()) == []


def test_a_killed_worker_costs_one_attempt_and_not_the_job(tmp_path: Path, demo_recording: Path):
    library = tmp_path / "library"
    run = Run(library, demo_recording)
    run.until(lambda: any("-c" in child.cmdline() for child in _workers(run)) and bool(run.tried))
    run.until(lambda: bool(_published(library, "prepared")))
    _workers(run)[0].kill()
    assert run.result()["status"] == "completed"


def _workers(run: Run) -> list[psutil.Process]:
    """Dask's worker processes: spawned by multiprocessing."""
    children = psutil.Process(run.process.pid).children(recursive=True)
    return [child for child in children if any("spawn_main" in part for part in child.cmdline())]


@dataclass(frozen=True)
class Unharmed:
    """What a library holds when nothing is killed; `folder` is where it was, since keys depend on it."""

    folder: Path
    recordings: tuple[Path, ...]
    artefacts: Artefacts


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory, demo_recording: Path) -> Unharmed:
    folder = tmp_path_factory.mktemp("kill")
    pieces = recordings.made(demo_recording, folder / "few", sounds=2, pictures=0)
    return Unharmed(folder / "round", pieces, without_kills(folder / "round", pieces))


@pytest.mark.parametrize(
    "each",
    [
        Cell("app", "after the artefact, before the commit", own=True),
        Cell("scheduler", "running", own=False),
    ],
    ids=str,
)
def test_of_a_server_whose_part_was_killed_no_job_is_lost_and_nothing_is_done_twice(
    unharmed: Unharmed, each: Cell
):
    """Two cells of `python -m tests.kills --matrix`."""
    figures = Figures()
    cell(unharmed.folder, unharmed.recordings, each, figures, unharmed.artefacts)
    assert figures.wrong == []
    assert (figures.jobs, figures.ids) == (2, 2)
