"""What is counted, and what was not as promised."""

import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.kills.rounds import Artefacts, Round


class Figures:
    """The counts of all rounds so far."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.recovered: list[float] = []
        """Seconds from each kill to the next finished piece of work."""
        self.jobs = self.results = self.ids = 0
        self.wrong: list[str] = []

    @property
    def killed(self) -> int:
        return self.kills.total()

    def end(self, round: Round, wanted: Artefacts) -> None:
        """Let `round` come to its end, check it, and add what it did."""
        self.wrong += round.finish()
        here = round.artefacts()
        lacking, added = wanted.keys() - here.keys(), here.keys() - wanted.keys()
        self.wrong += [f"missing: {kind} {key}" for kind, key in sorted(lacking)]
        self.wrong += [f"without kills there is no {kind} {key}" for kind, key in sorted(added)]
        others = [each for each in wanted.keys() & here.keys() if wanted[each] != here[each]]
        self.wrong += [f"without kills {kind} {key} has other bytes" for kind, key in sorted(others)]
        self.jobs += len(round.accepted)
        self.results += len(round.lines("made"))
        self.ids += sum(len(round.receiver.ids[job_id]) for job_id in round.accepted.values())

    @contextmanager
    def counted(self, name: str) -> Iterator[None]:
        """Print how `name` went; a wait that was too long is a broken promise, and not the end."""
        started, before, killed = time.monotonic(), len(self.wrong), self.killed
        try:
            yield
        except TimeoutError as error:
            self.wrong.append(str(error))
        how = "; ".join(self.wrong[before:]) or "as promised"
        seconds, kills = time.monotonic() - started, self.killed - killed
        print(f"{seconds:6.1f} s, kills: {kills:2}  {name}: {how}", file=sys.stderr)

    def summary(self) -> dict[str, Any]:
        return {
            "kills": dict(self.kills) | {"total": self.killed},
            "jobs accepted": self.jobs,
            "results made": self.results,
            "webhook ids": self.ids,
            "seconds to the next result": {
                "median": round(statistics.median(self.recovered), 2) if self.recovered else None,
                "longest": round(max(self.recovered), 2) if self.recovered else None,
            },
            "broken promises": self.wrong,
        }
