"""Each of {server, scheduler, worker} is killed in each of four moments."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kills.figures import Figures
from tests.kills.processes import until
from tests.kills.receiver import Receiver
from tests.kills.rounds import Artefacts, Round
from workbench.jobs import CLAIMED

RESUMES_WITHIN = 30.0
MOMENTS = ("queued", "running", "after the artefact, before the commit", "during a webhook")


@dataclass(frozen=True)
class Cell:
    """What is killed when; `own` if the workers are the server's."""

    victim: str
    moment: str
    own: bool

    def __str__(self) -> str:
        return f"{self.victim}, {self.moment} ({'its own' if self.own else 'another'} cluster)"


CELLS = tuple(
    Cell(victim, moment, own)
    for own, victims in ((False, ("app", "scheduler", "worker")), (True, ("app", "worker")))
    for victim in victims
    for moment in MOMENTS
)


def without_kills(folder: Path, recordings: Sequence[Path]) -> Artefacts:
    """What the library holds when nothing is killed."""
    receiver = Receiver()
    try:
        with Round(folder, recordings, receiver, own=True) as round:
            for episode_id in round.discover():
                round.submit(episode_id)
            if wrong := round.finish():
                raise RuntimeError(f"even without a kill: {wrong}")
            return round.artefacts()
    finally:
        receiver.close()


def cell(folder: Path, recordings: Sequence[Path], each: Cell, figures: Figures, wanted: Artefacts) -> None:
    """Submit all, wait for the moment, kill, and see it through. Raises TimeoutError."""
    receiver = Receiver()
    try:
        with Round(folder, recordings, receiver, own=each.own, parallel_episodes=1) as round:
            _come_to(each.moment, round)
            killed_at = time.time()
            kill(each.victim, round, own=each.own)
            figures.kills[each.victim] += 1
            round.release()
            receiver.open.set()
            figures.recovered.append(
                until(lambda: round.goes_on(killed_at), f"work went on after {each}", RESUMES_WITHIN)
            )
            figures.end(round, wanted)
    finally:
        receiver.close()


def kill(victim: str, round: Round, *, own: bool) -> None:
    """The server, the scheduler, or every worker, so that the one that is at work is among them."""
    if victim == "worker":
        nannies = ("app",) if own else ("worker 1", "worker 2")
        until(lambda: any([*map(round.deployment.kill_workers, nannies)]), "there was a worker to kill")
    else:
        round.deployment.kill(victim)


def _come_to(moment: str, round: Round) -> None:
    episodes = round.discover()
    if moment == MOMENTS[2]:
        round.hold("render")
    if moment == MOMENTS[3]:
        round.receiver.open.clear()
    jobs = [round.submit(episode_id) for episode_id in episodes]
    if moment == MOMENTS[0]:
        until(lambda: round.status(jobs[-1]) == "queued", "a job was queued")
    elif moment == MOMENTS[1]:
        until(lambda: _is_at_work(round), "a worker was at work")
    elif moment == MOMENTS[2]:
        until(lambda: round.held, "a page was made")
    else:
        until(lambda: round.receiver.holding.acquire(blocking=False), "a webhook was on its way")


def _is_at_work(round: Round) -> bool:
    return any((round.library / "attempts").glob(f"*/{CLAIMED}"))
