"""How the work goes, told from what is written down and from the cluster."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from pipeline.model import StageName
from tests.workbench.quick import found
from workbench import Workbench, figures
from workbench.insight import Insight
from workbench.jobs import Duration, Job, JobType, Request, Status, now
from workbench.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "workbench.duckdb")
    yield store
    store.close()


def measured(store: Store, job_id: str, step: str, seconds: float) -> None:
    store.add_duration(
        Duration(
            job_id=job_id,
            stage=StageName.TRANSCRIBED,
            step=step,
            model="tiny.en",
            workers=2,
            usual_seconds=1.0,
            wall_seconds=seconds,
        )
    )


def ended(store: Store, status: Status, name: str) -> str:
    request = Request(job_type=JobType.PROCESS, episode_id=name, params={"name": name})
    job = store.submit([request])[0].job
    store.end(job.job_id, status, message="")
    return job.job_id


def test_a_tasks_time_begins_as_long_before_its_end_as_it_kept_its_worker(store: Store):
    measured(store, "one", "prepare", 3.0)
    measured(store, "another", "prepare", 9.0)
    measured(store, "one", "stretch", 12.5)
    first, second = figures.tasks_of(store.database, "one")
    assert (first.step, second.step) == ("prepare", "stretch")
    assert second.end - second.start == timedelta(seconds=12.5)
    assert abs(second.end - now()) < timedelta(seconds=20)


def test_of_very_many_tasks_the_last_ones_are_told(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(figures, "MOST_TASKS", 2)
    for step in ("first", "second", "third"):
        measured(store, "one", step, 1.0)
    assert [each.step for each in figures.tasks_of(store.database, "one")] == ["second", "third"]


def test_a_job_without_tasks_has_no_times(store: Store):
    assert figures.tasks_of(store.database, "nothing") == []


def test_the_last_day_counts_what_ended_by_the_hour_and_leaves_out_what_is_older(store: Store):
    for status in (Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.CANCELLED):
        ended(store, status, f"{status} {len(figures.last_day(store.database))}")
    old = ended(store, Status.COMPLETED, "old")
    earlier = ended(store, Status.COMPLETED, "earlier")
    for job_id, hours in ((old, 25), (earlier, 3.5)):
        store.database._connection.execute(
            "UPDATE jobs SET finished_at = finished_at - to_seconds(?) WHERE job_id = ?",
            [hours * 3600, job_id],
        )
    hours = figures.last_day(store.database)
    told = [(each.hours_ago, each.completed, each.failed) for each in hours]
    assert told == [(3, 1, 0), (0, 2, 1)]


def processed(bench: Workbench) -> list[Job]:
    """The jobs that processed a recording, the first one first; other tests may have added some."""
    jobs = bench.jobs(Status.COMPLETED, limit=500)
    return [each for each in reversed(jobs) if each.job_type is JobType.PROCESS]


def test_processed_recordings_count_with_their_length(bench: Workbench):
    lengths = [bench.episode(job.episode_id).duration for job in processed(bench) if job.episode_id]
    assert lengths
    media = sum(hour.media_seconds for hour in bench.insight.last_day())
    assert media == pytest.approx(sum(lengths))


def test_a_finished_job_tells_all_its_stages_in_order(bench: Workbench):
    job = processed(bench)[0]
    assert job.finished_at
    tasks = bench.insight.tasks(job.job_id)
    stages = list(dict.fromkeys(task.stage for task in tasks))
    assert stages == [*StageName][1:]
    assert all(job.created_at <= task.start < task.end <= job.finished_at for task in tasks)


def test_before_a_cluster_was_needed_there_are_no_workers_and_no_dashboard(empty: Workbench):
    assert empty.insight.cluster() is None
    assert empty.insight.dashboard() is None


def test_the_workers_of_a_cluster_of_our_own_are_told_and_its_dashboard_starts_when_asked_for(
    empty: Workbench, tone: Path
):
    found(empty, tone)
    state = empty.insight.cluster()
    assert state
    assert state.is_own
    assert len(state.workers) == 2
    assert all(worker.memory_bytes > 10e6 and worker.memory_limit_bytes is None for worker in state.workers)
    place = empty.insight.dashboard()
    assert place
    assert place == empty.insight.dashboard()
    with httpx2.Client(trust_env=False) as client:
        assert client.get(f"{place}/dask/status").status_code == 200


def test_the_jobs_of_an_episode_are_its_own_however_many_others_have_names_like_it(store: Store):
    mine = [ended(store, Status.FAILED, "episode-1"), ended(store, Status.COMPLETED, "episode-1")]
    for number in range(10, 20):
        ended(store, Status.COMPLETED, f"episode-{number}")
    insight = Insight(store.database)
    assert insight.jobs_of("episode-1") == [*reversed(mine)]
    assert insight.jobs_of("episode-1", Status.FAILED) == mine[:1]
    assert insight.jobs_of("episode-1", limit=1) == mine[1:]
    assert insight.jobs_of("episode") == []
