"""Kills at random moments, one after the other, while jobs go on."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

from tests.kills.figures import Figures
from tests.kills.matrix import RESUMES_WITHIN
from tests.kills.processes import until
from tests.kills.receiver import Receiver
from tests.kills.rounds import Artefacts, Round

VICTIMS = ("app", "scheduler", "worker", "nanny")
"""A nanny is Dask's process that starts a worker, and starts it again."""


def at_random(
    folder: Path,
    recordings: Sequence[Path],
    chance: random.Random,
    most: int,
    figures: Figures,
    wanted: Artefacts,
) -> None:
    """One round in which something is killed until its jobs have ended, `most` times at the most.

    Raises TimeoutError when work did not go on after a kill.
    """
    receiver = Receiver(chance)
    try:
        with Round(folder, recordings, receiver, own=False) as round:
            for episode_id in round.discover():
                round.submit(episode_id)
            killed = 0
            while killed < most and round.open_jobs():
                time.sleep(chance.uniform(0.0, 0.6))
                killed += _killed(chance.choice(VICTIMS), round, chance, figures)
            figures.end(round, wanted)
    finally:
        receiver.close()


def _killed(victim: str, round: Round, chance: random.Random, figures: Figures) -> bool:
    """Kill, and wait until work goes on; False when the victim was not there at this moment."""
    killed_at = time.time()
    name = f"worker {chance.choice((1, 2))}"
    if victim == "worker":
        if not round.deployment.kill_workers(name):
            return False
    else:
        round.deployment.kill(name if victim == "nanny" else victim)
    figures.kills[victim] += 1
    figures.recovered.append(
        until(lambda: round.goes_on(killed_at), f"work went on after the {victim} was killed", RESUMES_WITHIN)
    )
    return True
