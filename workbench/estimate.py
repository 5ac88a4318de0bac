"""How far a job is and how long it will still take, from what stages took before."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from pipeline.model import Seconds, Share, StageName

USUAL = {
    StageName.DISCOVERED: 0.0,
    StageName.TRANSCRIBED: 0.55,
    StageName.ENRICHED: 0.03,
    StageName.RENDERED: 0.07,
    StageName.CLIPPED: 0.35,
}
"""Share of the work that each stage usually is (tiny.en, six clips, 16 minutes, two cores)."""

HONEST_FROM: Share = 0.1
"""Without earlier runs to go by, nothing is said before this much of the job is done."""


def percent(stage: StageName, done: Share, target: StageName) -> float:
    """How much of the way to `target` is done when `done` of `stage` is; 0..100."""
    order = list(StageName)
    way = {name: USUAL[name] for name in order[: order.index(target) + 1]}
    total = sum(way.values())
    if not total:
        return 100.0 * done
    passed = sum(way.get(name, 0.0) for name in order[: order.index(stage)])
    return min(100.0, 100.0 * (passed + USUAL[stage] * done) / total)


class Rates:
    """Wall seconds for each second of a recording, by stage, model and number of workers."""

    def __init__(self, durations: Iterable[Mapping[str, Any]]) -> None:
        samples: dict[tuple[str, str, int], list[float]] = {}
        for row in durations:
            key = (row["stage"], row["model"], row["workers"])
            samples.setdefault(key, []).append(row["wall_seconds"] / row["media_seconds"])
        self._rates = {key: median(values) for key, values in samples.items()}

    def seconds_left(
        self, stage: StageName, done: Share, target: StageName, model: str, workers: int, media: Seconds
    ) -> Seconds | None:
        """Time from `done` of `stage` to the end of `target`; None when a stage was never measured."""
        order = list(StageName)
        ahead = order[order.index(stage) : order.index(target) + 1]
        rates = [self._rates.get((name, model, workers)) for name in ahead if USUAL[name]]
        known = [rate for rate in rates if rate is not None]
        if len(known) < len(rates) or not known:
            return None
        return media * (known[0] * (1 - done) + sum(known[1:]))


def extrapolated(elapsed: Seconds, before: float, reached: float) -> Seconds | None:
    """Time left if the rest goes as fast as what was done since the start, from `before` percent."""
    gone = (reached - before) / 100
    return elapsed * (100 - reached) / 100 / gone if gone >= HONEST_FROM else None
