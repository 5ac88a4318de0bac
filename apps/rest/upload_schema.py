"""What the OpenAPI says of uploads: the tus protocol is all headers, which the routes read themselves."""

from datetime import datetime
from typing import Any

from pipeline.model import Frozen

VERSION = "1.0.0"
CHUNK = "application/offset+octet-stream"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE = {"requestBody": {"content": {"application/octet-stream": _BINARY}}}


class Arrived(Frozen):
    """A whole file has come; the job will make it an episode."""

    file: str
    """The name in the inbox."""
    bytes: int
    job_id: str
    status_url: str
    """Absolute. The ended job's `result` names the episode."""


class UploadStatus(Frozen):
    """How far an upload has come, for people and scripts; tus clients ask with HEAD."""

    upload_id: str
    filename: str
    length: int
    offset: int
    done: bool
    file: str | None
    """The name in the inbox, once the upload is done."""
    expires_at: datetime | None
    """When an unfinished upload is forgotten."""


def described(number: str | None = None, *, most: int = 0, body: str | None = None) -> dict[str, Any]:
    """What the OpenAPI says of a request that the tus protocol describes by its headers."""
    version = {"name": "Tus-Resumable", "in": "header", "required": True, "schema": {"const": VERSION}}
    sizes = {"type": "integer", "minimum": 0, "maximum": most}
    numbers = [{"name": number, "in": "header", "required": True, "schema": sizes}] if number else []
    content = {"requestBody": {"required": True, "content": {body: _BINARY}}} if body else {}
    return {"parameters": [version, *numbers], **content}
