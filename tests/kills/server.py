"""`workbench serve`, which writes a journal of its attempts and can be held between a result and its commit.

`python -m tests.kills.server JOURNAL ARGUMENTS...`: the arguments are those of `workbench`. While the file
`hold` lies beside the journal and names a step, the server stops right after it has published a result of
that step, makes the file `held`, and goes on when `hold` is gone.
"""

import json
import os
import sys
import time
from pathlib import Path

import workbench.workbench
from apps import cli
from pipeline.task import Task
from workbench.library import Library

HOLD, HELD = "hold", "held"


def watched(journal: Path) -> type[Library]:
    """A library that adds a line to `journal` for each attempt that begins and each result that is made."""

    def note(what: str, task: Task) -> None:
        line = json.dumps({"at": time.time(), "what": what, "key": task.key, "name": task.name})
        file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{line}\n".encode())  # at once and whole: a kill cannot tear it
        os.close(file)

    def wait_if_held(step: str) -> None:
        hold = journal.with_name(HOLD)
        while hold.exists() and hold.read_text() == step:
            journal.with_name(HELD).touch()
            time.sleep(0.02)

    class Watched(Library):
        def attempt_at(self, task: Task) -> Path:
            note("begun", task)
            return super().attempt_at(task)

        def publish(self, task: Task, attempt: Path) -> list[str]:
            folders = super().publish(task, attempt)
            note("made", task)
            wait_if_held(task.step)
            return folders

    return Watched


if __name__ == "__main__":
    workbench.workbench.Library = watched(Path(sys.argv.pop(1)))  # type: ignore[attr-defined]
    cli.main()
