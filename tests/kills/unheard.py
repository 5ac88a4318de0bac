"""A worker is killed after its work is done and before anybody has heard of that.

A scheduler that is not our own then has another worker begin the same attempt once more, in the same folder,
whose result may be on its way into the library. The server is stopped meanwhile, so that it hears of neither.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from pipeline import manifest
from tests.kills.figures import Figures
from tests.kills.matrix import RESUMES_WITHIN, kill
from tests.kills.processes import until
from tests.kills.receiver import Receiver
from tests.kills.rounds import Artefacts, Round
from workbench.jobs import CLAIMED

NAME = "worker, done and unheard of (another cluster)"
_BEGUN_AGAIN_WITHIN = 6.0
"""Seconds in which the nannies have other workers, and the scheduler gives those the work."""


def unheard(folder: Path, recordings: Sequence[Path], figures: Figures, wanted: Artefacts) -> None:
    """What is done stays as it is until the server goes on. Raises TimeoutError."""
    receiver = Receiver()
    try:
        with Round(folder, recordings, receiver, own=False, parallel_episodes=1) as round:
            for episode_id in round.discover():
                round.submit(episode_id)
            attempts = round.library / "attempts"
            until(lambda: list(attempts.glob(f"*/{CLAIMED}")), "a worker was at work")
            with round.deployment.stopped("app"):
                until(lambda: _done(attempts), "it was done")
                before, killed_at = _done(attempts), time.time()
                kill("worker", round, own=False)
                figures.kills["worker"] += 1
                time.sleep(_BEGUN_AGAIN_WITHIN)
                if _done(attempts) != before:
                    figures.wrong.append("what was done was begun again")
            figures.recovered.append(
                until(lambda: round.goes_on(killed_at), f"work went on after {NAME}", RESUMES_WITHIN)
            )
            figures.end(round, wanted)
    finally:
        receiver.close()


def _done(attempts: Path) -> dict[str, int]:
    """The files of the attempts that are done, and when each was written; none until all of them are."""
    folders = [each for each in attempts.iterdir() if (each / CLAIMED).exists() or manifest.read(each)]
    if not all(map(manifest.read, folders)):
        return {}
    return {str(file): file.stat().st_mtime_ns for each in folders for file in each.iterdir()}
