"""What schemathesis has to know of the workbench that no schema can say."""

import re
import uuid
from typing import Any

import schemathesis

NAME = re.compile(r"(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?")
"""What a model may be called."""

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Before each request, whatever made it up; what is not valid anyway stays as it is."""
    if case.headers and 1 <= len(str(case.headers.get("Idempotency-Key", ""))) <= 200:
        case.headers["Idempotency-Key"] = uuid.uuid4().hex  # one that came before is refused, as it should be
    if isinstance(case.body, dict):
        if "episode_id" in (case.path_parameters or {}) and len(str(case.body.get("episode_id"))) <= 200:
            _name_one_episode(case.body)
        jobs = case.body.get("jobs")
        batch = [job for job in jobs if isinstance(job, dict)] if isinstance(jobs, list) else []
        for each in (case.body, *batch):
            _make_possible(each)
        for name in ("words", "sentences"):
            _run_forward(case.body.get(name))
        for job in batch:
            place = job.get("depends_on")
            if isinstance(place, int | float) and not isinstance(place, bool) and 0 <= place < 500:
                job["depends_on"] = None


def _name_one_episode(body: dict[str, Any]) -> None:
    """No schema says that the body names the episode that the path names."""
    if isinstance(body.get("episode_id"), str):
        body["episode_id"] = None


def _run_forward(span: Any) -> None:
    """No schema says that a span ends after its first word."""
    if not isinstance(span, dict) or not all(_is_whole(span.get(edge)) for edge in ("first", "end")):
        return
    if span["first"] >= 0 and span["end"] <= span["first"]:
        span["end"] = span["first"] + 1


def _is_whole(value: object) -> bool:
    """Whether it is a whole number to a schema, as 5.0 is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0


def _make_possible(job: dict[str, Any]) -> None:
    """No schema says which addresses may be called, which models are here and what can be printed."""
    if isinstance(address := job.get("webhook_url"), str) and len(address) <= 2000:
        job["webhook_url"] = None
    if isinstance(model := job.get("model"), str) and NAME.fullmatch(model):
        job["model"] = "tiny.en"
    if isinstance(name := job.get("name"), str) and 1 <= len(name) <= 80:
        job["name"] = "a key"
