"""What a worker does with a task: one attempt, in a folder that exists as long as its result is wanted.

When the folder is gone the work stops: ffmpeg and each step at its next report, and what does not listen
(a batch of the speech model takes seconds) with its process. So a stopped job ends on every machine that
sees the library, whether the app or the scheduler can still reach that machine or not.
"""

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline import heap, manifest, stages
from pipeline.errors import Cancelled, ModelFailed, PipelineError
from pipeline.model import Seconds, Share
from pipeline.task import Task
from workbench.jobs import CLAIMED, LOST, UNWANTED, Outcome

STOP_WITHIN: Seconds = 2.0
"""How long a task may take to notice that it is not wanted any more, before its process is ended."""
_LOOK_EVERY: Seconds = 0.25
_TELL_EVERY: Seconds = 0.1


def do(task: Task, attempt: Path, tell: Callable[[Share], None]) -> dict[str, Any]:
    """Do `task` in the folder `attempt`, and `tell` how far it is at most ten times a second.

    Returns the fields of an Outcome; never raises.
    """
    try:
        if (known := _known(task, attempt)) is not None:
            return known
        heap.trim()  # what earlier tasks left free; workers are set up so that it would stay
        with _ended_when_unwanted(attempt):
            stages.run(task, attempt, _Reporter(attempt, tell))
    except Cancelled:
        return {"failure": "it was stopped", "kind": "Cancelled"}
    except PipelineError as error:
        transient = isinstance(error, ModelFailed)
        return {"failure": str(error), "kind": type(error).__name__, "transient": transient}
    except Exception as error:  # noqa: BLE001 - the edge of the process: every error becomes an outcome
        if not _is_wanted(attempt):
            return {"failure": "it was stopped", "kind": "Cancelled"}
        return {
            "failure": _unforeseen(error),
            "kind": type(error).__name__,
            "details": traceback.format_exc(),
        }
    return {}


def lost(name: str) -> Outcome:
    """The outcome of an attempt whose worker is no more."""
    reason = (
        "the worker that did it was lost; when that happens again it may have run out of memory: "
        "set fewer `workers` or a smaller `model`"
    )
    return Outcome(attempt=name, failure=reason, kind=LOST, transient=True)


class _Reporter:
    """Tells how far a task is, and the task when nobody wants it any more."""

    def __init__(self, attempt: Path, tell: Callable[[Share], None]) -> None:
        self._attempt = attempt
        self._tell = tell
        self._told = 0.0

    def __call__(self, share: Share) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_EVERY and share < 1:
            return
        self._told = now
        if not _is_wanted(self._attempt):
            raise Cancelled
        self._tell(share)


@contextmanager
def _ended_when_unwanted(attempt: Path) -> Iterator[None]:
    """End this process when the attempt's folder is gone and the work in this block goes on all the same."""
    done = threading.Event()
    threading.Thread(target=_watch, args=(attempt, done), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _watch(attempt: Path, done: threading.Event) -> None:
    seen = time.monotonic()
    while not done.wait(_LOOK_EVERY):
        if _is_wanted(attempt):
            seen = time.monotonic()
        elif time.monotonic() - seen > STOP_WITHIN:
            os._exit(1)  # the nanny starts another worker


def _is_wanted(attempt: Path) -> bool:
    try:
        attempt.stat()
        return not (attempt / UNWANTED).exists()
    except FileNotFoundError:
        return False
    except OSError:  # a network share that is away for a moment
        return True


def _known(task: Task, attempt: Path) -> dict[str, Any] | None:
    """Claim an attempt; the outcome, if it has one already or cannot be done here.

    Some schedulers start a task again whose worker they believe lost. That one may be at work, or may have
    been lost after all was done: its result may be on its way into the library, and is not touched.
    """
    try:
        (attempt / CLAIMED).mkdir()
    except FileNotFoundError:
        return _unseen(attempt)
    except FileExistsError:
        done = all(manifest.read(task.folder(attempt, kind)) for kind in task.outputs)
        return {} if done else lost(attempt.name).model_dump(exclude={"attempt"})
    return None


def _unseen(attempt: Path) -> dict[str, Any]:
    """Either the attempt was stopped, and nobody reads this, or the library is not on this machine."""
    return {
        "failure": f"the worker on {socket.gethostname()} does not see {attempt}: "
        "the library must be on every worker's machine under the same path",
        "kind": "Unseen",
        "transient": True,
    }


def _unforeseen(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"the system says: {error.strerror} ({error.filename or 'no file named'})"
    return f"an error that should not happen: {type(error).__name__}: {error}"
