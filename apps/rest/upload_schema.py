"""What the OpenAPI says of uploads: the tus protocol is all headers, which the routes read themselves."""

from typing import Any

VERSION = "1.0.0"
CHUNK = "application/offset+octet-stream"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE = {"requestBody": {"content": {"application/octet-stream": _BINARY}}}


def described(number: str | None = None, *, most: int = 0, body: str | None = None) -> dict[str, Any]:
    """What the OpenAPI says of a request that the tus protocol describes by its headers."""
    version = {"name": "Tus-Resumable", "in": "header", "required": True, "schema": {"const": VERSION}}
    sizes = {"type": "integer", "minimum": 0, "maximum": most}
    numbers = [{"name": number, "in": "header", "required": True, "schema": sizes}] if number else []
    content = {"requestBody": {"required": True, "content": {body: _BINARY}}} if body else {}
    return {"parameters": [version, *numbers], **content}
