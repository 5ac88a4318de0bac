"""How long each open job will still take.

Jobs share the slots of the workers, so the time left of one cannot be told without the others: the course of
events is worked out task by task, the way the dispatcher gives slots, at the pace that was measured here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median, quantiles
from typing import Any

from pipeline.model import Seconds, Share, StageName
from pipeline.task import Task
from workbench.course import Course, Leg, Planned, Terms
from workbench.estimate import usual

_HONEST_FROM: Share = 0.1
"""Done share of a job from which on its own rate speaks for steps that were never measured."""
_MOST_GUESSED: Share = 0.25
"""Share of the work up to a job's end that may rest on guesses."""
_SURE_FROM: Share = 0.5
"""Done share of a phase from which on only the job's own rate speaks for the rest of it, when other jobs'
pace was never measured. Otherwise theirs counts to the end, less and less: a step's progress is uneven, and
an early rate makes that error twice as large."""
_SAMPLES = 20
_OBSERVED_SPREAD, _GUESSED_SPREAD = 1.25, 2.0
_LONGEST_ALONE, _LONGEST_STRETCH = 60.0, 180.0  # as pipeline/transcribe.py cuts; a test compares
_EXAMINING: Seconds = 1.0
_LEAST: Seconds = 0.001
"""Usual seconds below which a measurement says nothing."""
_SLOTS_OF_USUAL = 2

_STEPS: dict[str, tuple[StageName, Share]] = {
    "discover": (StageName.DISCOVERED, 1.0),
    "prepare": (StageName.TRANSCRIBED, 0.05),
    "stretch": (StageName.TRANSCRIBED, 0.93),
    "merge": (StageName.TRANSCRIBED, 0.02),
    "enrich": (StageName.ENRICHED, 1.0),
    "illustrate": (StageName.RENDERED, 0.6),
    "render": (StageName.RENDERED, 0.4),
    "choose": (StageName.CLIPPED, 0.02),
    "clip": (StageName.CLIPPED, 0.98),
}
"""Every step in order: its stage, and its share of the stage's work (the tasks of pipeline/plan.py agree)."""
_ORDER, _STAGES = tuple(_STEPS), tuple(StageName)


@dataclass(frozen=True, slots=True)
class Phase:
    """Tasks of a job that can run side by side; the phases of a job follow each other."""

    stage: StageName
    step: str
    usual: Seconds
    """What its `width` tasks take together on a usual machine, each in one slot, from their beginning."""
    width: int
    """Tasks that have not ended."""
    left: Share = 1.0
    """Of these tasks, the mean share that is not done."""
    model: str = ""
    """The speech or language model that its pace depends on, if it does."""
    begun: tuple[Seconds, ...] = ()
    """What is usually left of each task that runs at this moment (only in a job's first phase)."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a job has already done of a step, and how long workers were busy with that."""

    step: str
    usual: Seconds
    busy: Seconds


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is ahead of an open job."""

    job_id: str
    phases: tuple[Phase, ...]
    starts_at: Seconds = 0.0
    """From now on: when something other than slots and jobs, such as a retry, lets it go on."""
    after: str | None = None
    """The job that it depends on."""
    episode_id: str | None = None
    """Jobs of one episode take turns; a job without one needs no place among the parallel ones."""
    running: bool = False
    """Whether it has its place already."""
    spent: tuple[Spent, ...] = ()


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds until a job ends: as likely earlier as later, and what nine in ten do not pass."""

    p50: Seconds
    p90: Seconds


@dataclass(frozen=True, slots=True)
class Ratio:
    """Busy seconds for each usual second: as likely less as more, and what nine in ten do not pass."""

    p50: float
    p90: float


class Pace:
    """How many times as long as usual each step takes with the present workers."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], workers: int | str) -> None:
        """`rows` of {step, model, workers, usual_seconds, busy_seconds}; the last 20 of each count."""
        samples: dict[tuple[str, str], list[float]] = {}
        for row in rows:
            if row["workers"] == workers and row["usual_seconds"] >= _LEAST:
                key = (row["step"], row["model"])
                samples.setdefault(key, []).append(row["busy_seconds"] / row["usual_seconds"])
        self._ratios = {key: _spread(found[-_SAMPLES:]) for key, found in samples.items()}
        self.guess = _guess(list(self._ratios.values()))
        """For a step that was never measured: how the others compare with a usual machine."""

    def ratio(self, step: str, model: str = "") -> Ratio | None:
        """None for a step that was never measured."""
        return self._ratios.get((step, model))


def stretches_of(media_seconds: Seconds) -> int:
    """Into how many stretches a recording is cut."""
    return 1 if media_seconds <= _LONGEST_ALONE else 2 * ceil(media_seconds / (2 * _LONGEST_STRETCH))


def discovery(files: int) -> tuple[Phase, ...]:
    """The phases of a job that has `files` left to examine."""
    return (Phase(StageName.DISCOVERED, "discover", _EXAMINING * files, files),) if files else ()


def phases_of(
    media_seconds: Seconds,
    clips: int,
    clip_seconds: Seconds,
    renditions: int,
    target: StageName,
    *,
    asks_llm: bool,
    stretches: int,
    models: Mapping[str, str] | None = None,
) -> tuple[Phase, ...]:
    """All phases of a recording up to `target`, none of it done; `models` says which a step uses."""
    walls = usual(media_seconds, clips, clip_seconds, renditions, asks_llm=asks_llm)
    walls = {**walls, StageName.DISCOVERED: _EXAMINING}
    widths = {"stretch": stretches, "clip": clips}
    return tuple(
        Phase(
            stage,
            step,
            walls[stage] * share * (_SLOTS_OF_USUAL if step in widths else 1),
            widths.get(step, 1),
            model=(models or {}).get(step, ""),
        )
        for step, (stage, share) in _STEPS.items()
        if widths.get(step, 1) and _STAGES.index(stage) <= _STAGES.index(target)
    )


def remaining(
    phases: Sequence[Phase], stage: StageName, tasks: Sequence[tuple[Task, Share | None]] = ()
) -> tuple[Phase, ...]:
    """What is left of all the `phases` of a job once `stage` is the last that was reached.

    With `tasks`, `stage` is being worked on, and these are its tasks that have not ended: each with its
    done share if it runs, else None.
    """
    if not tasks:
        return tuple(each for each in phases if _STAGES.index(each.stage) > _STAGES.index(stage))
    step = tasks[0][0].step
    sizes = [usual_of(task, phases) for task, _ in tasks]
    total = sum(sizes)
    undone = sum(size * (1 - (done or 0.0)) for size, (_, done) in zip(sizes, tasks, strict=True))
    model = next((each.model for each in phases if each.step == step), "")
    begun = tuple(size * (1 - done) for size, (_, done) in zip(sizes, tasks, strict=True) if done is not None)
    left = undone / total if total else 1.0
    current = Phase(tasks[0][0].stage, step, total, len(tasks), left, model, begun)
    later = (each for each in phases if _ORDER.index(each.step) > _ORDER.index(step))
    return (current, *later)


def usual_of(task: Task, phases: Sequence[Phase]) -> Seconds:
    """What `task` usually takes in its slot, as one of a job with the `phases` as they were at first."""
    if task.step == "clip":  # its length is known by now
        span = task.media_seconds
        wall = usual(10 * span, 1, span, len(task.outputs))[StageName.CLIPPED]
        return _SLOTS_OF_USUAL * _STEPS["clip"][1] * wall
    whole = sum(each.usual for each in phases if each.step == task.step)
    return whole * task.share / _STEPS[task.step][1]


def forecast(
    jobs: Sequence[Outlook],
    slots: int,
    limits: Mapping[StageName, int],
    parallel: int,
    pace: Pace,
    closed: Sequence[tuple[Seconds, Seconds]] = (),
) -> dict[str, Times | None]:
    """When each job ends, from now; None when that cannot be told honestly, or when nothing lets it end.

    `jobs` are in order: the running ones first, then the queued ones as they will start. `limits` are the
    most tasks of a stage, and `parallel` the most episodes, at once. Nothing starts in the times that are
    `closed` (start and end, from now). Times at p90 are those of a day on which every step is slow.
    """
    expected = [_expected(outlook, pace) for outlook in jobs]
    told = _told_honestly(jobs, expected) if slots > 0 else frozenset()
    terms = Terms(slots, limits, parallel, closed)
    p50, p90 = (_ends(jobs, [each.legs[slow] for each in expected], terms) for slow in (0, 1))
    return {
        name: Times(p50[name], max(p50[name], p90[name])) if name in told and name in p50 else None
        for name in (outlook.job_id for outlook in jobs)
    }


def _spread(ratios: Sequence[float]) -> Ratio:
    """Few samples show less than the whole spread: it is widened by half for one, by a tenth for five."""
    high = quantiles(ratios, n=10, method="inclusive")[-1] if len(ratios) > 1 else ratios[0]
    return Ratio(median(ratios), high * (1 + 0.5 / len(ratios)))


def _guess(known: Sequence[Ratio]) -> Ratio:
    if not known:
        return Ratio(1.0, _GUESSED_SPREAD)
    usually = median(ratio.p50 for ratio in known)
    return Ratio(usually, max(_GUESSED_SPREAD * usually, *(ratio.p90 for ratio in known)))


@dataclass(slots=True)
class _Expected:
    """A job's work at the pace that is expected for it."""

    legs: tuple[list[Leg], list[Leg]]
    """As usual, and when slow."""
    work: Seconds
    """Slot-seconds, as usual."""
    is_guess: bool


def _expected(outlook: Outlook, pace: Pace) -> _Expected:
    usually: list[Leg] = []
    slowly: list[Leg] = []
    work, heaviest, is_known = 0.0, -1.0, True
    done, guess = _rate_of(outlook, pace)
    for phase in outlook.phases:
        if not phase.width:
            continue
        known = pace.ratio(phase.step, phase.model)
        ratio = _seen(outlook, phase, known, guess) if outlook.spent else known or guess
        usually.append(_leg(phase, ratio.p50))
        slowly.append(_leg(phase, ratio.p90))
        seconds = phase.usual * phase.left * ratio.p50
        work += seconds
        if seconds > heaviest:
            heaviest, is_known = seconds, known is not None
    return _Expected((usually, slowly), work, not is_known and done < _HONEST_FROM)


def _rate_of(outlook: Outlook, pace: Pace) -> tuple[Share, Ratio]:
    """How much of a job is done, and what that says of steps that were never measured."""
    past = sum(each.usual for each in outlook.spent)
    if past < _LEAST:
        return 0.0, pace.guess
    done = past / (past + sum(phase.usual * phase.left for phase in outlook.phases))
    rate = sum(each.busy for each in outlook.spent) / past
    return done, Ratio(rate, _GUESSED_SPREAD * rate) if done >= _HONEST_FROM else pace.guess


def _seen(outlook: Outlook, phase: Phase, known: Ratio | None, guess: Ratio) -> Ratio:
    """The pace of a phase: the more of it is done, the more its own rate counts."""
    learned = known or guess
    here = [each for each in outlook.spent if each.step == phase.step]
    past = sum(each.usual for each in here)
    if past < _LEAST:
        return learned
    share = min(1.0, past / (past + phase.usual * phase.left) / (1.0 if known else _SURE_FROM))
    rate = share * sum(each.busy for each in here) / past
    return Ratio((1 - share) * learned.p50 + rate, (1 - share) * learned.p90 + _OBSERVED_SPREAD * rate)


def _leg(phase: Phase, ratio: float) -> Leg:
    """What is left of a phase at a pace; the tasks that wait are taken to be of one length."""
    waiting = phase.width - len(phase.begun)
    rest = max(0.0, phase.usual * phase.left - sum(phase.begun))
    each = rest / waiting if waiting else 0.0
    return Leg(phase.stage, each * ratio, waiting, tuple(left * ratio for left in phase.begun))


def _told_honestly(jobs: Sequence[Outlook], expected: Sequence[_Expected]) -> frozenset[str]:
    """The jobs whose end rests on measurements, with no more than some guessed work before it."""
    total = guessed = 0.0
    told: set[str] = set()
    for outlook, each in zip(jobs, expected, strict=True):
        total += each.work
        guessed += each.work * each.is_guess
        if not each.is_guess and guessed <= _MOST_GUESSED * total:
            told.add(outlook.job_id)
    return frozenset(told)


def _ends(jobs: Sequence[Outlook], legs: Sequence[Sequence[Leg]], terms: Terms) -> dict[str, Seconds]:
    """When each job ends; those that never can are left out."""
    planned = (
        Planned(each.job_id, ahead, each.starts_at, each.after, each.episode_id, each.running)
        for each, ahead in zip(jobs, legs, strict=True)
    )
    return Course(planned, (outlook.job_id for outlook in jobs), terms).run()
