"""How far a job is, by what its stages usually take."""

from collections.abc import Mapping

from pipeline.model import Seconds, Share, StageName

type Usual = Mapping[StageName, Seconds]
"""How long each stage of a job would take on two slow cores with the smallest model."""

_ORDER = tuple(StageName)


def usual(
    media: Seconds, clips: int, clip_seconds: Seconds, renditions: int, *, asks_llm: bool = False
) -> Usual:
    """What a recording of `media` seconds usually takes, with `clips` clips of about `clip_seconds`.

    Measured with tests/benchmarks on two cores of a virtual machine, model tiny.en, clips at 1080 lines.
    Only the proportions matter: a quicker machine is quicker at all of them. A language model's time is
    a guess (some seconds for each of the calls that ten minutes of speech need) until it was measured.
    """
    clipped = min(clips * clip_seconds, 0.8 * media)
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
