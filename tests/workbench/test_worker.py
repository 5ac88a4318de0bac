"""A worker's end of an attempt, in a process of its own: such a process may be ended by it."""

import multiprocessing
import time
from pathlib import Path

import pytest

from pipeline import manifest, stages
from pipeline.model import Report, StageName
from pipeline.task import Task
from workbench import worker
from workbench.jobs import LOST
from workbench.library import Library

TASK = Task(
    stage=StageName.DISCOVERED,
    step="discover",
    name="examining",
    inputs={},
    options={},
    outputs={"source": "k"},
    media_seconds=1,
    share=1,
)


def _deaf(task: Task, out: Path, report: Report) -> None:
    """A step that never reports."""
    time.sleep(60)


def _listening(task: Task, out: Path, report: Report) -> None:
    for tick in range(600):
        report(tick / 600)
        time.sleep(0.1)


def _work(step: stages.Step, attempt: Path) -> None:
    stages.STEPS["discover"] = step
    worker.do(TASK, attempt, lambda share: None)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


@pytest.mark.parametrize(("step", "code"), [(_listening, 0), (_deaf, 1)])
def test_work_that_nobody_wants_any_more_ends_in_seconds_whether_it_listens_or_not(
    library: Library, step: stages.Step, code: int
):
    attempt = library.new_attempt(TASK)
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(step, attempt))
    process.start()
    while not list(attempt.iterdir()):
        time.sleep(0.02)
    library.discard(attempt)
    process.join(5)
    assert process.exitcode == code
    assert not attempt.exists()


def test_an_error_that_nobody_foresaw_is_an_outcome_with_its_traceback(library: Library):
    outcome = worker.do(TASK, library.new_attempt(TASK), lambda share: None)
    assert outcome["kind"] == "KeyError"
    assert "discover.examine" in outcome["details"]


def test_an_attempt_that_was_stopped_before_it_began_is_not_begun(library: Library):
    attempt = library.new_attempt(TASK)
    library.discard(attempt)
    assert worker.do(TASK, attempt, lambda share: None)["kind"] == "Unseen"
    assert not attempt.exists()


def test_an_attempt_that_is_done_is_not_begun_again(library: Library, tone: Path):
    """As a scheduler asks for that has lost the worker before it could say so."""
    task = TASK.model_copy(update={"inputs": {"recording": str(tone)}})
    attempt = library.new_attempt(task)
    assert worker.do(task, attempt, lambda share: None) == {}
    before = {path.name: path.stat().st_mtime_ns for path in attempt.iterdir()}
    assert worker.do(task, attempt, lambda share: None) == {}
    assert {path.name: path.stat().st_mtime_ns for path in attempt.iterdir()} == before
    (artefact,) = map(Path, library.publish(task, attempt))
    assert {path.name for path in artefact.iterdir()} == {"source.json", manifest.NAME}


def test_an_attempt_whose_result_is_not_whole_is_lost(library: Library, tone: Path):
    task = TASK.model_copy(update={"inputs": {"recording": str(tone)}})
    attempt = library.new_attempt(task)
    worker.do(task, attempt, lambda share: None)
    (attempt / "source.json").write_text("torn")
    assert worker.do(task, attempt, lambda share: None)["kind"] == LOST
