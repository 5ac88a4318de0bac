"""What is told of the time that jobs still take, with a cluster whose tasks end when the test says."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.model import StageName
from tests.workbench.test_dispatcher import Desk, until
from workbench.calendar import Window
from workbench.jobs import Duration, Job, now
from workbench.outlook import HORIZON

ALONE = 404
"""Seconds that the transcription of three seconds takes where every step takes a hundred times the usual."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """One episode at a time."""
    desk = Desk(tmp_path / "library", parallel=1)
    yield desk
    desk.close()


def taught(desk: Desk, recording: Path) -> str:
    """An episode in a library where every step of the transcription was measured."""
    for step, model in (("prepare", "tiny.en"), ("stretch", "tiny.en"), ("merge", "")):
        facts = {"job_id": "before", "stage": StageName.TRANSCRIBED, "step": step, "model": model}
        times = {"workers": desk.dispatcher.slots or 4, "usual_seconds": 1.0, "wall_seconds": 100.0}
        desk.store.add_duration(Duration.model_validate(facts | times))
    return desk.episode(recording)


def told(desk: Desk, job: Job) -> float:
    until(lambda: desk.look(job).eta_seconds is not None)
    return desk.look(job).eta_seconds or 0.0


def test_nothing_is_told_before_anything_was_measured(desk: Desk, tone: Path):
    job = desk.process(desk.episode(tone))
    desk.running("prepare")
    time.sleep(1.5)
    assert desk.look(job).eta_seconds is None
    assert desk.look(job).eta_p90_seconds is None


def test_the_wait_in_the_queue_is_part_of_the_time_left(desk: Desk, tone: Path):
    episode_id = taught(desk, tone)
    first, second, third = (desk.process(episode_id, force=True) for _ in range(3))
    times = [told(desk, job) for job in (first, second, third)]
    assert times == pytest.approx([ALONE, 2 * ALONE, 3 * ALONE], rel=0.02)
    assert desk.look(third).waits_for == "waiting for a slot: 1 job before it"
    assert (desk.look(second).eta_p90_seconds or 0) > times[1]


def test_a_job_that_has_started_says_who_has_the_slots(tmp_path: Path, tone: Path, silence: Path):
    desk = Desk(tmp_path / "library")
    one, other = desk.episode(tone), desk.episode(silence)
    desk.hands[-1].slots = 1
    desk.process(one)
    desk.running("prepare")
    later = desk.process(other)
    until(lambda: desk.look(later).waits_for == "waiting for a slot: 1 job before it")
    desk.close()


def test_what_an_earlier_job_does_for_an_episode_is_not_counted_again(desk: Desk, tone: Path):
    episode_id = taught(desk, tone)
    first, second = desk.process(episode_id), desk.process(episode_id)
    assert [told(desk, job) for job in (first, second)] == pytest.approx([ALONE, ALONE], rel=0.02)


def test_a_job_that_depends_on_another_ends_after_it(desk: Desk, tone: Path):
    episode_id = taught(desk, tone)
    first = desk.process(episode_id, force=True)
    second = desk.process(episode_id, force=True, depends_on=first.job_id)
    assert told(desk, second) == pytest.approx(2 * ALONE, rel=0.02)


def test_the_time_left_goes_down_with_the_work(desk: Desk, tone: Path):
    job = desk.process(taught(desk, tone))
    before = told(desk, job)
    desk.do("prepare")
    (one, other) = desk.running("stretch", 2)
    desk.hands[-1].on_progress(one, 0.5)
    desk.hands[-1].on_progress(other, 0.5)
    until(lambda: (desk.look(job).eta_seconds or before) < 0.6 * before)


def test_jobs_far_behind_are_told_by_the_mean_of_those_before_them(desk: Desk, tone: Path):
    episode_id = taught(desk, tone)
    jobs = [desk.process(episode_id, force=True) for _ in range(HORIZON + 50)]
    until(lambda: desk.look(jobs[-1]).waits_for == f"waiting for a slot: {HORIZON + 48} jobs before it")
    assert told(desk, jobs[-1]) == pytest.approx(len(jobs) * ALONE, rel=0.03)


def test_a_window_before_the_last_of_a_long_line_is_waited_for_once(desk: Desk, tone: Path):
    episode_id = taught(desk, tone)
    start, end = now() - timedelta(hours=1), now() + timedelta(hours=10)
    desk.rules.windows = (Window.parse(f"{start:%a} {start:%H:%M}-{end:%H:%M}"),)
    until(lambda: desk.rules.pause() is not None)
    jobs = [desk.process(episode_id, force=True) for _ in range(2 * HORIZON)]
    until(lambda: desk.look(jobs[-1]).waits_for is not None)
    assert told(desk, jobs[-1]) == pytest.approx(10 * 3600 + len(jobs) * ALONE, rel=0.03)


def test_a_maintenance_window_is_part_of_the_time_left(desk: Desk, tone: Path):
    episode_id = taught(desk, tone)
    start, end = now() - timedelta(hours=1), now() + timedelta(hours=2)
    desk.rules.windows = (Window.parse(f"{start:%H:%M}-{end:%H:%M}"),)
    until(lambda: desk.rules.pause() is not None)
    job = desk.process(episode_id)
    assert told(desk, job) == pytest.approx(7200 + ALONE, abs=90)
    assert (desk.look(job).waits_for or "").startswith("maintenance window until")


def test_nothing_is_told_while_the_disk_is_full(desk: Desk, tone: Path):
    job = desk.process(taught(desk, tone))
    told(desk, job)
    desk.rules.min_free = 1 << 60
    until(lambda: desk.look(job).eta_seconds is None)


def test_ten_thousand_jobs_in_the_queue_keep_the_dispatcher_busy_for_a_moment_only(desk: Desk, tone: Path):
    episode_id = taught(desk, tone)
    job = desk.process(episode_id, force=True)
    desk.running("prepare")
    queued = [desk.process(episode_id, force=True) for _ in range(HORIZON)][-1]
    told(desk, queued)
    outlooks, queue = desk.dispatcher._outlooks, desk.dispatcher._waiting
    for number in range(10_000):
        queue.add(queued.model_copy(update={"job_id": f"{queued.job_id}{number:05}"}), held=False)
    last = queued.model_copy(update={"job_id": f"{queued.job_id}09999"})
    started = time.process_time()
    assert (outlooks.waiting(last).eta_seconds or 0) > 9000 * ALONE
    outlooks._refreshed = 0.0  # it is renewed now
    outlooks.refresh([desk.dispatcher._active[job.job_id]])
    assert time.process_time() - started < 0.25


def test_a_discovery_is_told_by_its_files(desk: Desk, tone: Path, silence: Path):
    facts = {"job_id": "before", "stage": StageName.DISCOVERED, "step": "discover", "model": ""}
    times = {"workers": 4, "usual_seconds": 1.0, "wall_seconds": 100.0}
    for place in range(20):
        desk.store.add_duration(Duration.model_validate(facts | times | {"job_id": f"{place}"}))
    desk.discover(tone)
    desk.do("discover")
    job = desk.discover(tone, silence)
    assert told(desk, job) == pytest.approx(100, rel=0.05)
