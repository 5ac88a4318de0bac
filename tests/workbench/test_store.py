import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.model import StageName
from workbench.errors import KeyReused, LibraryBroken, LibraryBusy, NotAllowed, NotFound
from workbench.jobs import Answering, Delivery, Duration, Episode, Failure, Job, JobType, Request, Status, now
from workbench.store import Store


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path / "workbench.duckdb")
    yield store
    store.close()


@pytest.fixture
def job(store: Store) -> Job:
    return _add(store, "same")


def _add(store: Store, what: str) -> Job:
    (made,) = store.submit([_request(what)])
    return made.job


def _request(what: str, **more: object) -> Request:
    params = {"target_stage": "clipped", "what": what}
    return Request.model_validate(
        {"job_type": JobType.PROCESS, "episode_id": "talk", "params": params} | more
    )


def _episode(**changes: object) -> Episode:
    facts = {"episode_id": "talk", "title": "Talk", "stage": "discovered", "duration": 60.0, "sha256": "5e"}
    times = {"recording": "talk.mp4", "created_at": now(), "updated_at": now()}
    return Episode.model_validate(facts | times | changes)


def test_a_new_job_is_queued_and_can_be_read_back(store: Store, job: Job):
    assert job.status is Status.QUEUED
    assert store.job(job.job_id) == job
    assert store.open_jobs() == [job]


def test_jobs_are_found_by_what_they_are_about_and_not_by_their_options(store: Store, job: Job):
    files = {"files": ["/inbox/50%_off.mp4"], "waiting": []}
    (news,) = store.submit([Request(job_type=JobType.DISCOVER, episode_id=None, params=files)])
    assert [each.job_id for each in store.jobs(text="TALK")] == [job.job_id]
    assert [each.job_id for each in store.jobs(text="%_O")] == [news.job.job_id]
    assert store.jobs(text="clipped") == [], "it is among the options of the first"
    assert store.jobs(text="inbox") == [], "who may search may not know the folders"


def test_the_same_request_is_one_job_as_long_as_it_is_open(store: Store, job: Job):
    assert _add(store, "same").job_id == job.job_id
    store.end(job.job_id, Status.COMPLETED, message="done")
    assert _add(store, "same").job_id != job.job_id


def test_a_job_that_fails_keeps_what_was_shown_last(store: Store, job: Job):
    store.start(job.job_id)
    store.progress(job.job_id, 40, StageName.TRANSCRIBED, "")
    store.end(job.job_id, Status.FAILED, message="", percent=45)
    assert store.job(job.job_id).progress == 45


def test_progress_never_goes_back(store: Store, job: Job):
    store.start(job.job_id)
    store.progress(job.job_id, 60, StageName.TRANSCRIBED, "")
    assert store.progress(job.job_id, 40, StageName.TRANSCRIBED, "").progress == 60


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_an_ended_job_does_not_move(store: Store, job: Job, end: Status):
    store.start(job.job_id)
    store.end(job.job_id, end, message="")
    with pytest.raises(NotAllowed, match=f"is {end}"):
        store.progress(job.job_id, 50, None, "late")
    with pytest.raises(NotAllowed):
        store.end(job.job_id, Status.COMPLETED, message="")
    assert store.job(job.job_id).status is end


def test_a_failure_keeps_its_reason_and_where_it_happened(store: Store, job: Job):
    failure = Failure(reason="talk.mp4: no sound", kind="UnreadableMedia", stage=StageName.TRANSCRIBED)
    store.end(job.job_id, Status.FAILED, message=failure.reason, failure=failure)
    assert store.job(job.job_id).failure == failure


def test_every_change_of_status_is_in_the_log(store: Store, job: Job):
    store.start(job.job_id)
    store.log(job.job_id, "attempt failed", reason="lost")
    store.end(job.job_id, Status.CANCELLED, message="cancelled")
    log = store.log_of(job.job_id)
    assert [line["kind"] for line in log] == ["queued", "running", "attempt failed", "cancelled"]
    assert log[2]["body"] == {"reason": "lost"}


def test_running_jobs_of_a_process_that_is_gone_are_queued_again(tmp_path: Path):
    first = Store(tmp_path / "db")
    job = _add(first, "a")
    first.start(job.job_id)
    first.close()
    second = Store(tmp_path / "db")
    assert [again.status for again in second.requeue_running()] == [Status.QUEUED]
    second.close()


def test_what_was_last_asked_of_an_episode_is_what_was_last_completed(store: Store):
    assert store.last_params("talk") is None
    first, second = _add(store, "a"), _add(store, "b")
    store.end(first.job_id, Status.COMPLETED, message="")
    store.end(second.job_id, Status.FAILED, message="")
    assert store.last_params("talk") == first.params
    assert store.last_params("another") is None


def test_jobs_are_listed_newest_first_and_by_status(store: Store):
    jobs = [_add(store, str(number)) for number in range(3)]
    store.end(jobs[1].job_id, Status.FAILED, message="")
    assert [job.job_id for job in store.jobs()] == [job.job_id for job in reversed(jobs)]
    assert [job.job_id for job in store.jobs(Status.FAILED)] == [jobs[1].job_id]
    assert len(store.jobs(limit=2)) == 2


def test_an_unknown_job_is_named_with_what_to_do(store: Store):
    with pytest.raises(NotFound, match="nonesuch; `workbench jobs`"):
        store.job("nonesuch")


def test_one_failing_command_of_a_group_does_not_undo_the_others(store: Store, job: Job):
    store.end(job.job_id, Status.COMPLETED, message="")
    refused: list[bool] = []

    def add_or_break(number: int) -> None:
        try:
            store.end(job.job_id, Status.FAILED, message="") if number % 2 else _add(store, str(number))
        except NotAllowed:
            refused.append(True)

    threads = [threading.Thread(target=add_or_break, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 10
    assert len(store.open_jobs()) == 10


def test_an_episode_is_found_by_id_and_by_content_and_changes_in_place(store: Store):
    store.save_episode(_episode())
    store.save_episode(_episode(stage="transcribed", artefacts={"transcript": "there"}))
    assert store.episode("talk").stage is StageName.TRANSCRIBED
    assert store.episode_by_content("5e") == store.episode("talk")
    assert store.episode_by_content("other") is None
    assert len(store.episodes()) == 1


def test_what_is_asked_for_after_a_cancel_is_not_the_job_that_is_about_to_end(store: Store, job: Job):
    store.ask_cancel(job.job_id)
    again, same = (_add(store, "same").job_id for _ in range(2))
    assert again != job.job_id
    assert same == again


def test_of_changes_made_to_an_episode_at_the_same_time_none_is_lost(store: Store):
    store.save_episode(_episode())

    def name(kind: str) -> None:
        store.change_episode(
            "talk", lambda each: each.model_copy(update={"artefacts": each.artefacts | {kind: "there"}})
        )

    threads = [threading.Thread(target=name, args=(f"kind-{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(store.episode("talk").artefacts) == {f"kind-{number}" for number in range(20)}
    with pytest.raises(NotFound, match="no episode other"):
        store.change_episode("other", lambda each: each)


def test_an_episode_that_a_change_leaves_as_it_is_was_not_changed(store: Store):
    before = store.save_episode(_episode())
    assert store.change_episode("talk", lambda each: each.model_copy()).updated_at == before.updated_at


def test_a_change_is_the_latest_even_when_the_clock_was_set_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    store.save_episode(_episode())
    monkeypatch.setattr("workbench.store.now", lambda: now() - timedelta(hours=1))
    store.change_episode("talk", lambda each: each.model_copy(update={"title": "corrected"}))
    assert store.episode("talk").title == "corrected"


def test_a_job_from_memory_is_the_one_that_is_written_down(store: Store, job: Job):
    failure = Failure(reason="clip.mp4 is gone", kind="UnreadableMedia", stage=StageName.TRANSCRIBED)
    store.end(job.job_id, Status.FAILED, message="gone", failure=failure, percent=40.0)
    (written,) = store.jobs()
    assert store.remembered(job.job_id) == written
    assert written.failure == failure


def test_what_a_step_took_is_told_by_job_for_the_last_twenty_of_them(store: Store):
    facts = {"stage": StageName.TRANSCRIBED, "step": "stretch", "model": "tiny.en", "workers": 2}
    for number in range(25):
        for half in (0.25, 0.75):
            times = {"usual_seconds": 10.0, "wall_seconds": half * number}
            store.add_duration(Duration.model_validate({"job_id": f"{number}"} | facts | times))
    kept = store.durations()
    assert [row["busy_seconds"] for row in kept] == [float(number) for number in range(5, 25)]
    assert {row["usual_seconds"] for row in kept} == {20.0}


def test_a_request_with_a_key_of_its_own_is_answered_with_the_same_job_even_after_its_end(store: Store):
    answering = Answering(caller="n8n", request_key="abc", body_hash="1")
    (first,) = store.submit([_request("one")], answering)
    store.end(first.job.job_id, Status.COMPLETED, message="done")
    (again,) = store.submit([_request("one")], answering)
    assert (again.job.job_id, again.deduplicated) == (first.job.job_id, True)
    (other,) = store.submit([_request("one")], answering.model_copy(update={"caller": "another"}))
    assert other.job.job_id != first.job.job_id


def test_a_key_that_was_used_for_another_request_is_refused(store: Store):
    answering = Answering(caller="n8n", request_key="abc", body_hash="1")
    store.submit([_request("one")], answering)
    with pytest.raises(KeyReused, match="'abc'"):
        store.submit([_request("two")], answering.model_copy(update={"body_hash": "2"}))
    assert len(store.jobs()) == 1


def test_of_a_batch_either_all_jobs_are_written_down_or_none(store: Store):
    clips = _request("clips", depends_on=0)
    first, second = store.submit([_request("process"), clips])
    assert second.job.depends_on == first.job.job_id
    with pytest.raises(NotFound, match="`depends_on`: there is no job nonesuch"):
        store.submit([_request("more"), _request("broken", depends_on="nonesuch")])
    assert len(store.jobs()) == 2


def test_another_receiver_of_the_same_work_is_another_job(store: Store):
    (one,) = store.submit([_request("a", webhook_url="https://one.example")])
    (other,) = store.submit([_request("a", webhook_url="https://two.example")])
    (same,) = store.submit([_request("a", webhook_url="https://one.example")])
    assert other.job.job_id != one.job.job_id == same.job.job_id


def test_the_end_of_a_job_and_its_message_are_one_transaction(tmp_path: Path):
    def tell(job: Job) -> list[Delivery]:
        facts = {"delivery_id": f"msg-{job.job_id}", "job_id": job.job_id, "kind": "webhook", "body": "{}"}
        times = {"next_at": now(), "created_at": now()}
        return [Delivery.model_validate({"target": "https://one.example"} | facts | times)]

    store = Store(tmp_path / "db", tell)
    job = _add(store, "a")
    store.end(job.job_id, Status.COMPLETED, message="done")
    with pytest.raises(NotAllowed):
        store.end(job.job_id, Status.FAILED, message="late")
    store.close()
    again = Store(tmp_path / "db")
    due = again.database.read("due_deliveries", {"now": now(), "each": 10, "limit": 10})
    assert [row["delivery_id"] for row in due] == [f"msg-{job.job_id}"]
    again.close()


def test_what_follows_a_job_is_written_down_with_its_end(store: Store, job: Job):
    (following,) = store.end(job.job_id, Status.COMPLETED, message="done", follow=[_request("next")])
    assert store.job(following.job_id).status is Status.QUEUED


def test_older_jobs_are_listed_page_by_page(store: Store):
    jobs = [_add(store, str(number)) for number in range(5)]
    page = store.jobs(limit=2)
    rest = store.jobs(before=page[-1].job_id)
    assert {job.job_id for job in (*page, *rest)} == {job.job_id for job in jobs}
    assert len(rest) == 3


def test_closing_twice_is_no_error_and_nothing_waits_for_a_closed_library(tmp_path: Path):
    store = Store(tmp_path / "db")
    store.close()
    store.close()
    with pytest.raises(LibraryBroken, match="is closed"):
        store.requeue_running()


def test_one_process_cannot_open_it_twice_either(tmp_path: Path, store: Store):
    with pytest.raises(LibraryBusy, match=f"in use by process {os.getpid()}, this one"):
        Store(tmp_path / "workbench.duckdb")


def test_a_damaged_database_is_an_error_with_a_way_out(tmp_path: Path):
    (tmp_path / "db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(LibraryBroken, match="db"):
        Store(tmp_path / "db")


def test_a_key_whose_job_was_cleaned_up_is_told_so_and_makes_no_second_job(store: Store):
    answering = Answering(caller="n8n", request_key="night-1", body_hash="a")
    (made,) = store.submit([_request("same")], answering)
    store.end(made.job.job_id, Status.CANCELLED, message="cancelled")
    assert store.answered(answering) is not None
    store.remove_old_jobs(now() + timedelta(seconds=1))
    with pytest.raises(NotAllowed, match="cleaned up"):
        store.answered(answering)
    with pytest.raises(NotAllowed, match="cleaned up"):
        store.submit([_request("same")], answering)
    assert store.jobs() == []
