"""What is told of a job's end, to the letter, and to whom."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from workbench.jobs import Failure, Job, JobType, Status
from workbench.notices import notices, webhook_body
from workbench.settings import Settings

URL = "https://n8n.example/webhook-waiting/7?signature=a%2Fb"
MAILS = Settings(
    smtp_url="smtp://127.0.0.1:25", mail_from="bench@example.com", mail_to=("a@x.org", "b@x.org")
)


def job(status: Status = Status.COMPLETED, **changes: Any) -> Job:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    result = {
        "episode_id": "talk",
        "stage": "clipped",
        "duration": 60.0,
        "shelf": "/srv/library/episodes/talk",
        "notes": ["the recording has no sound"],
    }
    facts = {
        "job_id": "1",
        "job_type": JobType.PROCESS,
        "episode_id": "talk",
        "status": status,
        "progress": 100,
    }
    times = {"created_at": at, "finished_at": at, "params": {"path": "/srv/library"}}
    return Job.model_validate(facts | times | {"result": result, "webhook_url": URL} | changes)


def test_a_webhook_has_the_facts_of_the_job_and_an_id_at_its_top():
    body = webhook_body("msg_1", job())
    names = ("job_id", "job_type", "episode_id", "status", "progress", "result", "failure")
    told = {name: body[name] for name in names}
    assert told == {
        "job_id": "1",
        "job_type": "process_episode",
        "episode_id": "talk",
        "status": "completed",
        "progress": 100,
        "result": {
            "episode_id": "talk",
            "stage": "clipped",
            "duration": 60.0,
            "notes": ["the recording has no sound"],
        },
        "failure": None,
    }
    assert body["id"] == "msg_1"
    assert "error" not in body


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_the_episode_of_a_job_without_a_result_is_named_too(status: Status):
    body = webhook_body("msg_1", job(status, result=None))
    assert (body["result"], body["episode_id"], body["data"]["episode_id"]) == (None, "talk", "talk")


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_a_webhook_has_the_form_of_standard_webhooks(status: Status):
    body = webhook_body("msg_1", job(status))
    assert body["type"] == f"job.{status}"
    assert datetime.fromisoformat(body["timestamp"]).tzinfo
    assert body["data"] == {name: body[name] for name in body["data"]}
    assert body["data"]["status"] == status


def test_nothing_that_is_told_names_a_folder_of_this_machine():
    found = {"episodes": [{"episode_id": "talk", "file": "/srv/library/talk.mp4"}], "skipped": []}
    failure = Failure(reason="/srv/library/talk.mp4: there is no such file", kind="UnreadableMedia")
    ends = [
        job(),
        job(result=found, job_type=JobType.DISCOVER),
        job(Status.FAILED, result=None, failure=failure),
    ]
    told = [message.body for each in ends for message in notices(each, MAILS)]
    assert len(told) == 6
    assert "/srv" not in "".join(told)
    assert "talk.mp4: there is no such file" in told[-1]


def test_a_failure_is_told_with_its_reason():
    failure = Failure(reason="talk.mp4 is damaged: export it again", kind="UnreadableMedia")
    body = webhook_body("msg_1", job(Status.FAILED, result=None, failure=failure))
    assert (body["result"], body["failure"]) == (None, failure.model_dump())


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (Status.COMPLETED, ["webhook", "mail"]),
        (Status.FAILED, ["webhook", "mail"]),
        (Status.CANCELLED, ["webhook"]),
    ],
)
def test_every_end_is_told_by_webhook_and_what_nobody_stopped_by_mail(status: Status, kinds: list[str]):
    told = notices(job(status), MAILS)
    assert [each.kind for each in told] == kinds
    assert told[0].target == URL
    assert json.loads(told[0].body)["id"] == told[0].delivery_id
    assert {each.target for each in told[1:]} <= {"a@x.org, b@x.org"}


def test_nobody_is_told_unasked():
    assert notices(job(webhook_url=None), Settings()) == []
