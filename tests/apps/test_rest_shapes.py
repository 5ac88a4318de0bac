import json
from datetime import UTC, datetime

import pytest

from apps.rest import shapes
from pipeline.model import StageName
from workbench.jobs import Failure, Job, JobType, Status

BASE = "http://127.0.0.1:5006"
QUEUED = Job(
    job_id="01a",
    job_type=JobType.PROCESS,
    episode_id="moon",
    status=Status.QUEUED,
    message="waiting for a slot: 2 jobs before it",
    params={"target_stage": "clipped"},
    webhook_url="https://example.org/hook",
    requested_by="n8n",
    created_at=datetime(2026, 11, 24, 19, 39, 25, 1500, tzinfo=UTC),
)
ENDED = QUEUED.model_copy(
    update={
        "status": Status.FAILED,
        "progress": 45.0,
        "current_stage": StageName.TRANSCRIBED,
        "message": "failed",
        "result": {"file": "/srv/library/inbox/moon.mp4", "duration": 12.5},
        "failure": Failure(
            reason="/srv/library/inbox/moon.mp4 is gone", kind="UnreadableMedia", stage="transcribed"
        ),
        "finished_at": datetime(2026, 11, 24, 20, 0, tzinfo=UTC),
    }
)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("job", [QUEUED, ENDED], ids=lambda job: job.status)
def test_a_job_as_json_is_what_its_view_is(job: Job, full: bool):
    view = shapes.job_view(job, BASE, full=full)
    assert json.loads(shapes.job_json(job, BASE, full=full)) == view.model_dump(mode="json")


def test_the_json_of_a_job_names_no_folder_of_this_machine():
    told = shapes.job_json(ENDED, BASE).decode()
    assert "moon.mp4" in told
    assert "/srv" not in told


def test_with_details_it_says_what_was_asked_for_and_by_whom():
    plain = json.loads(shapes.job_json(QUEUED, BASE))
    details = json.loads(shapes.job_json(QUEUED, BASE, details=True))
    assert details == shapes.JobDetails.model_validate(details).model_dump(mode="json")
    assert {name: details[name] for name in details.keys() - plain.keys()} == {
        "params": {"target_stage": "clipped"},
        "webhook_url": "https://example.org/hook",
        "requested_by": "n8n",
    }
