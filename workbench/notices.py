"""What is told of a job's end, and to whom: it goes into the outbox with the end itself."""

import json
from typing import Any, Literal

from workbench.jobs import Delivery, Job, Status, new_job_id, now
from workbench.mail import mail_of
from workbench.names import names_only
from workbench.settings import Settings

_TOLD = {"job_id", "job_type", "episode_id", "status", "progress", "failure", "created_at", "finished_at"}
_RESULT = ("episode_id", "stage", "duration", "notes")


def notices(job: Job, settings: Settings) -> list[Delivery]:
    """A webhook to the address that the job named, and a mail when mails are set up.

    They leave this machine, so they say nothing of its folders.
    """
    if job.failure:
        failure = job.failure.model_copy(update={"reason": names_only(job.failure.reason)})
        job = job.model_copy(update={"failure": failure})
    told = []
    if job.webhook_url:
        message_id = _message_id()
        body = webhook_body(message_id, job)
        told.append(_pending(message_id, job.job_id, "webhook", job.webhook_url, body))
    if settings.mail_to and job.status is not Status.CANCELLED:
        letter = mail_of(job, settings.mail_to, settings.public_url)
        body = {"subject": letter.subject, "text": letter.text}
        told.append(_pending(_message_id(), job.job_id, "mail", ", ".join(letter.to), body))
    return told


def test_notice(url: str) -> Delivery:
    """A webhook that tells of nothing, to try an address."""
    message_id = _message_id()
    body = {"id": message_id, "type": "webhook.test", "timestamp": now().isoformat(), "data": {}}
    return _pending(message_id, None, "webhook", url, body)


def webhook_body(message_id: str, job: Job) -> dict[str, Any]:
    """The payload: the job's facts at the top level for n8n, and in `data` for Standard Webhooks.

    Of a result only what the receiver can use.
    """
    facts = job.model_dump(mode="json", include=_TOLD) | {"result": _result(job)}
    head = {"id": message_id, "type": f"job.{job.status}", "timestamp": now().isoformat()}
    return {**head, **facts, "data": facts}


def _result(job: Job) -> dict[str, Any] | None:
    if job.result is None:
        return None
    if "episodes" in job.result:
        return {"episodes": [each["episode_id"] for each in job.result["episodes"]]}
    return {name: job.result.get(name) for name in _RESULT}


def _pending(
    message_id: str, job_id: str | None, kind: Literal["webhook", "mail"], target: str, body: dict[str, Any]
) -> Delivery:
    at = now()
    return Delivery(
        delivery_id=message_id,
        job_id=job_id,
        kind=kind,
        target=target,
        body=json.dumps(body),
        next_at=at,
        created_at=at,
    )


def _message_id() -> str:
    return f"msg_{new_job_id()}"
