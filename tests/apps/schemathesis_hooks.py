"""What schemathesis has to know of the workbench that no schema can say."""

import re
import uuid
from typing import Any

import schemathesis

NAME = re.compile(r"(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?")
"""What a model may be called."""

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def map_headers(context: Any, headers: Any) -> Any:
    """A key that came with another request before is refused, as it should be."""
    if headers and 1 <= len(headers.get("Idempotency-Key", "")) <= 200:
        headers["Idempotency-Key"] = uuid.uuid4().hex
    return headers


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """No schema says which addresses may be called, which models are here, which job came before."""
    if isinstance(body, dict):
        jobs = body.get("jobs")
        batch = [job for job in jobs if isinstance(job, dict)] if isinstance(jobs, list) else []
        for each in (body, *batch):
            if isinstance(address := each.get("webhook_url"), str) and len(address) <= 2000:
                each["webhook_url"] = None
            if isinstance(model := each.get("model"), str) and NAME.fullmatch(model):
                each["model"] = "tiny.en"
        for job in batch:
            if type(job.get("depends_on")) is int and job["depends_on"] >= 0:
                job["depends_on"] = None
    return body
