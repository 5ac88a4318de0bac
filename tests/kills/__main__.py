"""Kills what can be killed, and checks that nothing is lost and nothing done twice.

`python -m tests.kills --matrix` kills each of the server, the scheduler and a worker in each of four moments,
with a cluster beside the server and with the server's own; `--random 200` kills one of them at a time by
chance. The figures are printed as JSON at the end; the exit code is 1 when a promise was broken.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.conftest import the_demo
from tests.kills import recordings, unheard
from tests.kills.chance import at_random
from tests.kills.figures import Figures
from tests.kills.matrix import CELLS, cell, without_kills


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without ending what was started
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="kills-", delete=not arguments.keep) as scratch:
        folder = Path(scratch)
        if arguments.matrix:
            _matrix(folder, figures)
        if arguments.random:
            _random(folder, figures, arguments.random, arguments.seed)
    print(json.dumps(figures.summary(), indent=1))
    return 1 if figures.wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--matrix", action="store_true", help="kill each process in each moment")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="kill N times by chance")
    parser.add_argument("--keep", action="store_true", help="leave the last round's folder and log there")
    parser.add_argument("--seed", type=int, default=1, help="of that chance (default: 1)")
    arguments = parser.parse_args()
    if not arguments.matrix and not arguments.random:
        parser.error("say what to do: --matrix, --random N, or both")
    return arguments


def _matrix(folder: Path, figures: Figures) -> None:
    pieces = recordings.made(the_demo(), folder / "few", sounds=2, pictures=1)
    wanted = without_kills(folder / "round", pieces)
    for each in CELLS:
        with figures.counted(str(each)):
            cell(folder / "round", pieces, each, figures, wanted)
    with figures.counted(unheard.NAME):
        unheard.unheard(folder / "round", pieces, figures, wanted)


def _random(folder: Path, figures: Figures, kills: int, seed: int) -> None:
    pieces = recordings.made(the_demo(), folder / "many", sounds=10, pictures=2)
    wanted = without_kills(folder / "round", pieces)
    chance = random.Random(seed)
    last = figures.killed + kills
    while figures.killed < last and not figures.wrong:
        with figures.counted("at random"):
            at_random(folder / "round", pieces, chance, last - figures.killed, figures, wanted)


if __name__ == "__main__":
    sys.exit(main())
