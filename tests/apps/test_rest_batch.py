"""Several jobs in one request, and requests that come twice."""

from pathlib import Path
from typing import Any

import pytest

from apps.rest.jobs import submit_all
from apps.rest.shapes import Body
from tests.apps.served import Guarded
from workbench.access import Caller, Scope
from workbench.errors import NotFound
from workbench.jobs import Request
from workbench.settings import Settings
from workbench.workbench import Workbench


def asked(server: Guarded, *jobs: dict[str, Any], **headers: str) -> Any:
    answer = server.submit.post("/async/batch", json={"jobs": list(jobs)}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["jobs"]


def test_a_job_of_a_batch_waits_for_the_one_before_it(guarded: Guarded):
    episode = {"episode_id": guarded.episode_id}
    process = {"type": "process", **episode, "target_stage": "clipped"}
    render = {"type": "render_clips", **episode, "aspect_ratios": ["1x1"], "depends_on": 0}
    first, second = asked(guarded, process, render)
    assert guarded.ended(second["job_id"])["depends_on"] == first["job_id"]
    ends = [guarded.ended(each["job_id"]) for each in (first, second)]
    assert [job["status"] for job in ends] == ["completed", "completed"]
    assert ends[1]["started_at"] >= ends[0]["finished_at"]


def test_a_job_of_a_batch_can_wait_for_one_that_was_asked_for_before(guarded: Guarded):
    (found,) = asked(guarded, {"type": "discover"})
    process = {"type": "process", "episode_id": guarded.episode_id, "target_stage": "discovered"}
    (made,) = asked(guarded, process | {"depends_on": found["job_id"]})
    assert guarded.ended(made["job_id"])["depends_on"] == found["job_id"]


def test_of_a_batch_with_one_job_that_cannot_be_nothing_is_done(guarded: Guarded):
    before = guarded.read.get("/async/stats").json()["total"]
    jobs = [{"type": "discover", "priority": 7}, {"type": "process", "episode_id": "nonesuch"}]
    answer = guarded.submit.post("/async/batch", json={"jobs": jobs})
    assert (answer.status_code, answer.json()["kind"]) == (404, "NotFound")
    assert guarded.read.get("/async/stats").json()["total"] == before


@pytest.mark.parametrize(
    "jobs",
    [
        [],
        [{"type": "discover", "depends_on": 0}],
        [{"type": "discover"}, {"type": "discover", "depends_on": 2}],
        [{"type": "discover"}, {"type": "discover", "depends_on": -1}],
        [{"type": "discover"}, {"type": "discover", "depends_on": True}],
        [{"type": "sing"}],
        [{"type": "process"}],
        [{"type": "discover"}] * 501,
    ],
)
def test_a_batch_that_makes_no_sense_is_refused_with_the_field(guarded: Guarded, jobs: list[Any]):
    answer = guarded.submit.post("/async/batch", json={"jobs": jobs})
    assert answer.status_code == 422
    assert "jobs" in answer.json()["detail"]


def test_the_same_key_gets_the_same_batch_again(guarded: Guarded):
    jobs = [{"type": "discover", "priority": 1}]
    first = asked(guarded, *jobs, **{"Idempotency-Key": "batch-1"})
    guarded.ended(first[0]["job_id"])
    again = asked(guarded, *jobs, **{"Idempotency-Key": "batch-1"})
    assert (again[0]["job_id"], again[0]["deduplicated"]) == (first[0]["job_id"], True)
    other = {"jobs": [*jobs, {"type": "discover"}]}
    headers = {"Idempotency-Key": "batch-1"}
    assert guarded.submit.post("/async/batch", json=other, headers=headers).status_code == 422


def test_what_was_answered_is_answered_again_though_it_could_not_be_asked_for_any_more(tmp_path: Path):
    def gone() -> list[Request]:
        raise NotFound("the episode is not there any more")

    caller, body = Caller(None, "n8n", Scope.SUBMIT), Body()
    with Workbench(Settings(library=tmp_path)) as bench:
        first = submit_all(bench, "/async/discover", caller, "k", body, lambda: [bench.discover_request()])
        again = submit_all(bench, "/async/discover", caller, "k", body, gone)
        assert [each.job.job_id for each in again] == [each.job.job_id for each in first]
        assert again[0].deduplicated
        with pytest.raises(NotFound, match="not there any more"):
            submit_all(bench, "/async/discover", caller, "other", body, gone)
