"""What is told of a job's end, and to whom: it goes into the outbox with the end itself."""

import json
from collections.abc import Sequence
from typing import Any

from workbench.jobs import Delivery, Job, Status, new_job_id, now
from workbench.settings import Settings

_TOLD = {"job_id", "job_type", "status", "progress", "failure", "created_at", "finished_at"}
_RESULT = ("episode_id", "stage", "duration")


def notices(job: Job, settings: Settings) -> list[Delivery]:
    """A webhook to the address that the job named, and a mail when mails are set up."""
    told = [_delivery("webhook", job, job.webhook_url)] if job.webhook_url else []
    if settings.mail_to and settings.smtp_url and job.status is not Status.CANCELLED:
        told.append(_delivery("mail", job, ", ".join(settings.mail_to)))
    return told


def test_notice(url: str) -> Delivery:
    """A webhook that tells of nothing, to try an address."""
    message_id = _message_id()
    body = {"id": message_id, "type": "webhook.test", "timestamp": now().isoformat(), "data": {}}
    return _pending(message_id, None, "webhook", url, json.dumps(body))


def webhook_body(message_id: str, job: Job) -> dict[str, Any]:
    """The payload: the job's facts at the top level for n8n, and in `data` for Standard Webhooks.

    Of a result only what the receiver can use: no path of this machine.
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


def _delivery(kind: str, job: Job, target: str) -> Delivery:
    message_id = _message_id()
    return _pending(message_id, job.job_id, kind, target, json.dumps(webhook_body(message_id, job)))


def _pending(message_id: str, job_id: str | None, kind: str, target: str, body: str) -> Delivery:
    at = now()
    return Delivery.model_validate(
        {
            "delivery_id": message_id,
            "job_id": job_id,
            "kind": kind,
            "target": target,
            "body": body,
            "next_at": at,
            "created_at": at,
        }
    )


def _message_id() -> str:
    return f"msg_{new_job_id()}"


def states(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many deliveries are in each state."""
    return {"pending": 0, "delivered": 0, "dead": 0} | {row["state"]: row["count"] for row in rows}
