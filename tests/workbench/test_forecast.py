import time
import wave
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import plan, sound, transcribe
from pipeline.model import StageName
from pipeline.task import Task
from tests.pipeline.test_plan import WHOLE, Shelf, _recording
from workbench.estimate import usual
from workbench.forecast import (
    Outlook,
    Pace,
    Phase,
    Ratio,
    Spent,
    Times,
    discovery,
    forecast,
    phases_of,
    remaining,
    stretches_of,
    usual_of,
)

STEPS = ("discover", "prepare", "stretch", "merge", "enrich", "illustrate", "render", "choose", "clip")
ALL = phases_of(960, 6, 30, 6, StageName.CLIPPED, asks_llm=False, stretches=6)
CUT = StageName.CLIPPED

ratios = st.floats(0.1, 10)
samples = st.lists(st.tuples(st.sampled_from(STEPS), ratios), max_size=30)
phases = st.builds(
    lambda step, usual, width, left, begun: Phase(CUT, step, usual, width, left, "", tuple(begun[:width])),
    st.sampled_from(STEPS),
    st.floats(0, 1000),
    st.integers(1, 8),
    st.floats(0, 1),
    st.lists(st.floats(0, 500), max_size=8),
)
spent = st.lists(st.builds(Spent, st.sampled_from(STEPS), st.floats(0, 100), st.floats(0, 500)), max_size=3)


def row(step: str, ratio: float = 1.0, model: str = "", workers: int = 2) -> dict[str, object]:
    """A task of `step` that took `ratio` times as long as usual."""
    return {
        "step": step,
        "model": model,
        "workers": workers,
        "usual_seconds": 10.0,
        "busy_seconds": 10 * ratio,
    }


def known(*ratios: float) -> Pace:
    return Pace([row(step, ratio) for step in STEPS for ratio in ratios or (1.0,)], 2)


def clips(width: int, each: float = 10.0, **more: object) -> Phase:
    return replace(Phase(CUT, "clip", width * each, width), **more)  # type: ignore[arg-type]


def line(*jobs: tuple[Phase, ...], running: int = 0) -> list[Outlook]:
    return [
        Outlook(f"job {place}", ahead, episode_id=f"episode {place}", running=place < running)
        for place, ahead in enumerate(jobs)
    ]


def p50s(
    jobs: list[Outlook], slots: int = 2, parallel: int = 4, pace: Pace | None = None
) -> list[float | None]:
    told = forecast(jobs, slots, {}, parallel, pace or known())
    return [times and round(times.p50, 6) for times in told.values()]


def a_task(step: str, share: float, media_seconds: float = 30.0, renditions: int = 1) -> Task:
    outputs = {f"{place}": "0" for place in range(renditions)}
    stage = next(each.stage for each in ALL if each.step == step)
    facts = {"name": step, "inputs": {}, "options": {}, "outputs": outputs}
    return Task(stage=stage, step=step, media_seconds=media_seconds, share=share, **facts)


@st.composite
def outlooks(draw: st.DrawFn) -> list[Outlook]:
    count, running = draw(st.integers(0, 6)), draw(st.integers(0, 3))
    return [
        Outlook(
            f"{place}",
            tuple(draw(st.lists(phases, max_size=4))),
            draw(st.floats(0, 100)),
            draw(st.none() | st.integers(0, 6).map(str)),
            draw(st.none() | st.integers(0, 4).map(str)),
            place < running,
            tuple(draw(spent)),
        )
        for place in range(count)
    ]


# -- what there is to do


@pytest.mark.parametrize("seconds", [0.5, 60, 60.1, 359.9, 360, 360.1, 725])
def test_a_recording_is_expected_to_be_cut_as_it_will_be(seconds: float, tmp_path: Path):
    with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.RATE)
        file.writeframes(bytes(2 * round(seconds * sound.RATE)))
    cuts = transcribe._cuts(sound.open_wav(tmp_path / "silence.wav"))
    assert stretches_of(seconds) == len(cuts) - 1


def test_the_phases_are_the_steps_in_order_with_their_widths():
    assert [(each.step, each.width) for each in ALL] == [
        ("discover", 1),
        ("prepare", 1),
        ("stretch", 6),
        ("merge", 1),
        ("enrich", 1),
        ("illustrate", 1),
        ("render", 1),
        ("choose", 1),
        ("clip", 6),
    ]


def test_a_job_alone_on_two_slots_takes_as_long_as_usual():
    (alone,) = p50s(line(ALL[1:]))
    assert alone == pytest.approx(sum(usual(960, 6, 30, 6).values()))


@pytest.mark.parametrize("target", list(StageName))
def test_no_phase_lies_behind_the_target(target: StageName):
    told = phases_of(960, 6, 30, 6, target, asks_llm=True, stretches=6)
    assert max(list(StageName).index(each.stage) for each in told) == list(StageName).index(target)


def test_a_job_that_wants_no_clips_has_no_phase_for_them():
    assert "clip" not in {each.step for each in phases_of(60, 0, 60, 6, CUT, asks_llm=False, stretches=1)}


def test_a_phase_knows_the_model_that_its_pace_depends_on():
    models = {"stretch": "small", "enrich": "a-llm"}
    told = phases_of(60, 1, 60, 1, CUT, asks_llm=True, stretches=1, models=models)
    assert {each.step: each.model for each in told if each.model} == models


def test_the_files_of_a_discovery_are_examined_side_by_side():
    assert p50s([Outlook("files", discovery(6))], slots=2) == [3.0]
    assert discovery(0) == ()


def test_after_a_stage_the_phases_of_the_later_ones_are_left():
    left = [each.step for each in remaining(ALL, StageName.ENRICHED)]
    assert left == ["illustrate", "render", "choose", "clip"]
    assert remaining(ALL, CUT) == ()


def test_of_a_stage_at_work_the_tasks_that_have_not_ended_are_left():
    tasks = [
        (a_task("stretch", 0.155), 0.5),
        (a_task("stretch", 0.155), 0.0),
        (a_task("stretch", 0.155), None),
    ]
    current, *later = remaining(ALL, StageName.TRANSCRIBED, tasks)
    assert current.usual == pytest.approx(ALL[2].usual / 2)
    assert (current.width, current.left) == (3, pytest.approx(2.5 / 3))
    assert current.begun == pytest.approx((ALL[2].usual / 12, ALL[2].usual / 6))
    assert [each.step for each in later] == ["merge", "enrich", "illustrate", "render", "choose", "clip"]


def test_the_planned_tasks_of_a_phase_are_usually_as_much_as_the_phase(tmp_path: Path):
    phases, shelf, seen = phases_of(60, 2, 60, 6, CUT, asks_llm=False, stretches=2), Shelf(tmp_path), []
    while tasks := plan.plan(_recording(), WHOLE, shelf.find).tasks:
        current = remaining(phases, tasks[0].stage, [(task, None) for task in tasks])[0]
        seen.append(current.step)
        whole = next(each for each in phases if each.step == current.step)
        assert (current.stage, current.width, current.left) == (whole.stage, whole.width, 1.0)
        assert current.usual == pytest.approx(whole.usual) or current.step == "clip"
        for task in tasks:
            shelf.finish(task)
    assert seen == list(STEPS[1:])


def test_a_clip_that_was_chosen_counts_by_its_length_and_renditions():
    expected = next(each.usual / each.width for each in ALL if each.step == "clip")
    one = usual_of(a_task("clip", 0.98 / 6, 30, 6), ALL)
    assert one == pytest.approx(expected, rel=0.02)
    assert usual_of(a_task("clip", 0.98 / 6, 60, 3), ALL) == pytest.approx(one)
    assert usual_of(a_task("clip", 0.98 / 6, 15, 1), ALL) < one / 10


# -- at what pace


def test_the_pace_of_a_step_is_that_of_its_model_and_workers():
    pace = Pace(
        [row("stretch", 2, "tiny"), row("stretch", 9, "large"), row("stretch", 5, "tiny", workers=8)], 2
    )
    assert pace.ratio("stretch", "tiny") == Ratio(2, 3)
    assert pace.ratio("stretch", "large") == Ratio(9, 13.5)
    assert pace.ratio("stretch") is None
    assert pace.ratio("clip") is None


def test_one_odd_run_does_not_spoil_the_pace_but_widens_it():
    steady, odd = (known(1.0, 1.1, 1.2, last).ratio("clip") for last in (1.0, 50.0))
    assert steady
    assert odd
    assert odd.p50 < 1.2
    assert odd.p90 > 20 > steady.p90


def test_few_samples_say_less_than_many():
    highs = [ratio.p90 for count in (1, 2, 5, 20) if (ratio := known(*[2.0] * count).ratio("clip"))]
    assert highs == [3.0, 2.5, 2.2, 2.05]


def test_only_the_last_twenty_runs_count():
    assert known(*[9.0] * 30, *[1.0] * 20).ratio("clip") == known(*[1.0] * 20).ratio("clip")


# -- when a job ends


def test_a_phase_of_three_clips_takes_two_rounds_of_two_slots():
    assert p50s(line((clips(3),))) == [20.0]


def test_a_queued_job_waits_for_the_slots_of_those_before_it():
    assert p50s(line((clips(2),), (clips(2),), (clips(1),), running=1)) == [10.0, 20.0, 30.0]


def test_a_task_that_runs_is_done_before_those_that_wait():
    at_work = clips(3, left=1.2 / 3, begun=(0.5, 1.5))  # two are nearly done, one has not begun
    assert p50s(line((at_work,), running=1)) == [pytest.approx(10.5)]
    assert p50s(line((clips(1, left=0.25, begun=(2.5,)),), running=1)) == [pytest.approx(2.5)]
    assert p50s(line((clips(3, left=0.2, begun=(0.0,)),), running=1)) == [pytest.approx(3.0)]


def test_a_slow_day_is_never_told_to_be_the_earlier():
    pace = Pace(
        [row("enrich"), *[row("clip")] * 20], 2
    )  # when slow, the short one ends after a slot is needed
    short = Phase(StageName.ENRICHED, "enrich", 9.0, 1)
    times = forecast(line((clips(1), clips(2)), (short,), (clips(1, 100.0),)), 2, {}, 4, pace)["job 0"]
    assert times == Times(30.0, 30.0)


def test_a_limit_and_a_time_of_maintenance_make_a_job_later():
    jobs = line((clips(2),))
    assert forecast(jobs, 2, {CUT: 1}, 4, known(2.0)) == {"job 0": Times(40.0, 60.0)}
    assert forecast(jobs, 2, {}, 4, known(2.0), closed=[(0, 100)]) == {"job 0": Times(120.0, 130.0)}


@pytest.mark.parametrize(
    ("is_known", "expected"), [(True, [10, 13.75, 17.5, 25, 32.5]), (False, [0, 40, 40, 40, 40])]
)
def test_the_more_a_job_has_done_of_a_phase_the_more_its_own_rate_counts(
    is_known: bool, expected: list[float]
):
    def left(done: int) -> float:
        so_far = Spent("clip", 10.0 * done, 40.0 * done)
        (job,) = line((clips(8 - done),), running=1)
        pace = known() if is_known else Pace([], 2)
        told = forecast([replace(job, spent=(so_far,))], 1, {}, 1, pace)["job 0"]
        return told.p50 / (8 - done) if told else 0.0

    assert [left(done) for done in (0, 1, 2, 4, 6)] == pytest.approx(expected)


def test_next_to_nothing_says_nothing_of_a_pace():
    (job,) = line((clips(2),), running=1)
    assert p50s([replace(job, spent=(Spent("clip", 5e-324, 40.0),))]) == [10.0]
    assert Pace([row("clip") | {"usual_seconds": 0.0}], 2).ratio("clip") is None


@given(outlooks(), samples, st.integers(0, 4), st.integers(1, 4))
def test_no_time_is_negative_and_the_slow_one_is_never_earlier(
    jobs: list[Outlook], taken: list[tuple[str, float]], slots: int, parallel: int
):
    told = forecast(jobs, slots, {CUT: 2}, parallel, Pace([row(*each) for each in taken], 2))
    assert told.keys() == {job.job_id for job in jobs}
    assert all(0 <= times.p50 <= times.p90 for times in told.values() if times)


@given(st.lists(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5)), min_size=1), max_size=5), ratios)
def test_the_work_of_all_jobs_takes_at_least_its_share_of_every_slot(
    sizes: list[list[tuple[int, int]]], ratio: float
):
    jobs = line(*(tuple(clips(width, each) for each, width in job) for job in sizes))
    work = ratio * sum(each * width for job in sizes for each, width in job)
    assert max((times or 0 for times in p50s(jobs, 3, 2, known(ratio))), default=0) >= 0.999 * work / 3


# -- whether it can be told honestly


def test_nothing_is_said_before_anything_was_measured():
    assert p50s(line(ALL, ALL, running=1), pace=Pace([], 2)) == [None, None]


def test_nothing_is_said_without_workers():
    assert p50s(line(ALL), slots=0) == [None]


def test_one_measured_task_of_the_heaviest_step_is_enough():
    assert p50s(line(ALL[1:]), pace=Pace([row("stretch"), row("merge")], 2)) == [None]
    (told,) = p50s(line(ALL[1:]), pace=Pace([row("clip", 2.0)], 2))
    usually = sum(usual(960, 6, 30, 6).values())
    assert told == pytest.approx(2 * usually)  # the other steps are as slow, as far as is known


def test_a_tenth_of_a_job_speaks_for_its_rest():
    (job,) = line((clips(8),), running=1)
    little, enough = (replace(job, spent=(Spent("stretch", usual, 3 * usual),)) for usual in (8.0, 9.0))
    assert p50s([little], slots=1, pace=Pace([], 2)) == [None]
    assert p50s([enough], slots=1, pace=Pace([], 2)) == [240.0]


def test_what_is_measured_is_not_told_behind_much_that_is_guessed():
    guess = (replace(clips(1), model="new"),)
    sure = (clips(2),)
    pace = Pace([row("clip")], 2)
    assert p50s(line(guess, sure), pace=pace) == [None, None]
    assert p50s(line(guess, sure, sure), pace=pace)[2] is not None
    assert p50s(line(sure, guess), pace=pace) == [10.0, None]


def test_a_job_whose_dependency_cannot_end_has_no_time():
    (job,) = line((clips(1),))
    assert p50s([replace(job, after="job 0")]) == [None]
    assert p50s([replace(job, after="long ended")]) == [10.0]


def test_two_hundred_queued_jobs_are_told_in_a_tenth_of_a_second():
    jobs, pace = line(*[ALL] * 204, running=4), known(1.0, 1.2)
    took = []
    for _ in range(10):
        start = time.process_time()
        told = forecast(jobs, 2, {}, 4, pace)
        took.append(time.process_time() - start)
    assert all(told.values())
    assert min(took) < 0.1
