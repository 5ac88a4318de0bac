"""Jobs from memory, as they were committed last."""

from workbench import recent
from workbench.jobs import Job, Status, now
from workbench.recent import Recent


def _job(job_id: str, **changes: object) -> Job:
    facts = {"job_id": job_id, "job_type": "process_episode", "episode_id": "talk", "status": "queued"}
    return Job.model_validate(facts | {"created_at": now()} | changes)


def test_a_job_comes_back_as_it_was_changed_last():
    kept, first = Recent(), _job("1")
    kept.added([first])
    changed = first.model_copy(update={"status": Status.RUNNING, "progress": 12.5})
    kept.changed(changed)
    assert kept.job("1") == changed
    assert kept.job("2") is None


def test_a_new_job_that_was_changed_in_the_meantime_stays_so():
    kept, first = Recent(), _job("1")
    kept.changed(changed := first.model_copy(update={"status": Status.RUNNING}))
    kept.added([first])
    assert kept.job("1") == changed


def test_the_end_of_a_discovery_is_not_kept_since_it_may_list_thousands_of_files():
    kept, first = Recent(), _job("1", job_type="discover_episodes")
    kept.added([first])
    kept.changed(first.model_copy(update={"status": Status.COMPLETED}))
    assert kept.job("1") is None


def test_the_least_recent_jobs_are_forgotten(monkeypatch):
    monkeypatch.setattr(recent, "_KEPT", 2)
    kept = Recent()
    kept.added([_job("1"), _job("2")])
    kept.changed(_job("1", status="running"))
    kept.added([_job("3")])
    assert [kept.job(each) is not None for each in "123"] == [True, False, True]
    kept.removed(["3", "4"])
    assert kept.job("3") is None
