"""How far a job is and how long it will still take, from what stages usually take and took before."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.model import Seconds, Share, StageName

type Usual = Mapping[StageName, Seconds]
"""How long each stage of a job would take on two slow cores with the smallest model."""

HONEST_FROM: Share = 0.1
"""Without earlier runs to go by, nothing is said before this much of the job is done."""

_ORDER = tuple(StageName)


def usual(
    media: Seconds, clips: int, clip_seconds: Seconds, renditions: int, *, asks_llm: bool = False
) -> Usual:
    """What a recording of `media` seconds usually takes, with `clips` clips of up to `clip_seconds`.

    Measured with tests/benchmarks on two cores of a virtual machine, model tiny.en, clips at 1080 lines.
    Only the proportions matter: a quicker machine is quicker at all of them. A language model's time is
    a guess (some seconds for each of the calls that ten minutes of speech need) until it was measured.
    """
    clipped = min(clips * clip_seconds / 2, 0.8 * media)  # clips seldom use the longest time allowed
    return {
        StageName.DISCOVERED: 0.0,
        StageName.TRANSCRIBED: 2.0 + 0.03 * media,
        StageName.ENRICHED: 10.0 + 0.1 * media if asks_llm else 1.0 + 0.001 * media,
        StageName.RENDERED: 2.0 + 0.003 * media,
        StageName.CLIPPED: 0.1 + 0.36 * clipped * renditions,
    }


def percent(stage: StageName, done: Share, target: StageName, costs: Usual) -> float:
    """How much of the way to `target` is done when `done` of `stage` is; 0..100."""
    total = sum(costs[name] for name in _ORDER[: _ORDER.index(target) + 1])
    if not total:
        return 100.0 * done
    passed = sum(costs[name] for name in _ORDER[: _ORDER.index(stage)])
    return min(100.0, 100.0 * (passed + costs[stage] * done) / total)


class Rates:
    """What each second that a stage usually takes costs here in seconds of a worker, by model and workers."""

    def __init__(self, durations: Iterable[Mapping[str, Any]]) -> None:
        samples: dict[tuple[str, str, int], list[tuple[float, float]]] = {}
        for row in durations:
            if usual := row["usual_seconds"]:
                key = (row["stage"], row["model"], row["workers"])
                samples.setdefault(key, []).append((row["wall_seconds"] / usual, usual))
        self._rates = {key: _median(weighted) for key, weighted in samples.items()}

    def worker_seconds(self, stage: StageName, usual: Seconds, model: str, workers: int) -> Seconds | None:
        """What `usual` seconds of `stage` cost the workers together; None when that was never measured."""
        rate = self._rates.get((stage, model, workers))
        return usual * rate if rate is not None else None


def _median(weighted: list[tuple[float, float]]) -> float:
    """The value in the middle of (value, weight) pairs: one odd run does not spoil it."""
    half, passed = sum(weight for _, weight in weighted) / 2, 0.0
    for value, weight in sorted(weighted):
        passed += weight
        if passed >= half:
            return value
    raise ValueError("no values")


def left(stage: StageName, done: Share, target: StageName, costs: Usual) -> dict[StageName, Seconds]:
    """The usual seconds of each stage from `done` of `stage` to the end of `target`."""
    ahead = _ORDER[_ORDER.index(stage) : _ORDER.index(target) + 1]
    return {name: costs[name] * (1 - done if name == stage else 1) for name in ahead if costs[name]}


def extrapolated(elapsed: Seconds, before: float, reached: float) -> Seconds | None:
    """Time left if the rest goes as fast as what was done since the start, from `before` percent."""
    gone = (reached - before) / 100
    return elapsed * (100 - reached) / 100 / gone if gone >= HONEST_FROM else None
