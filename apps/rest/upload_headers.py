"""What the headers of an upload say: tus 1.0.0 has no bodies but the bytes themselves."""

import base64
import binascii
import json
import re
from contextlib import suppress
from typing import Literal

from fastapi import HTTPException, Request

from apps.rest.upload_schema import CHUNK, VERSION
from pipeline.model import Metadata, StageName
from workbench.uploads import Announced, Checksum

ALGORITHMS = ("sha256", "sha1", "md5")
_SHA256 = re.compile(r"sha256[ :]+([0-9a-f]{64})", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,18}")
_PRIORITY = re.compile(r"-?[0-9]{1,2}|-?100")


def announced_by(request: Request, owner: str) -> Announced:
    """The upload that a request announces; `owner` is who sends it."""
    for header, what in (("Upload-Defer-Length", "the length"), ("Upload-Concat", "one upload for one file")):
        if header in request.headers:
            raise HTTPException(400, f"{header} cannot be used here: announce {what} with Upload-Length")
    length = number_in(request, "Upload-Length")
    if has_body(request):
        check_type(request)
        if int(request.headers.get("Content-Length", 0)) > length:
            raise HTTPException(
                413, f"the body is longer than the {length} bytes that Upload-Length announces"
            )
    sent = request.headers.get("Upload-Metadata", "")
    said = _said(sent)
    return Announced(
        length=length,
        filename=said.get("filename") or said.get("name") or "",
        metadata=_metadata(said),
        sha256=_sha256(said.get("checksum")),
        target_stage=_target(said.get("target_stage", "")),
        priority=_priority(said.get("priority", "")),
        sent=sent,
        owner=owner,
    )


def _said(header: str) -> dict[str, str]:
    """`Upload-Metadata`: pairs of a key and a value in base64, with commas between them."""
    said: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        if key in said:
            raise HTTPException(400, f"{key!r} is twice in Upload-Metadata: name it once")
        said[key] = _decoded(value.strip(), f"{key!r} in Upload-Metadata").decode(errors="replace")
    return said


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise HTTPException(400, f"{what} is not base64: encode it") from error


def _metadata(said: dict[str, str]) -> Metadata:
    told = {name: text for name in Metadata.model_fields if (text := said.get(name, "").strip())}
    lists = {name: _items(told[name]) for name in ("guests", "vocabulary") if name in told}
    return Metadata.model_validate(told | lists)


def _target(text: str) -> StageName | None:
    """How far the episode is to be processed; none: it is only found."""
    if text in ("", StageName.DISCOVERED):
        return None
    try:
        return StageName(text)
    except ValueError as error:
        known = ", ".join(StageName)
        raise HTTPException(400, f"'target_stage' in Upload-Metadata must be one of {known}") from error


def _priority(text: str) -> int:
    if text and not _PRIORITY.fullmatch(text):
        raise HTTPException(400, "'priority' in Upload-Metadata must be a whole number from -100 to 100")
    return int(text or 0)


def _items(text: str) -> tuple[str, ...]:
    """A JSON list, or what stands between commas or on lines."""
    with suppress(ValueError, RecursionError):  # of text that is no list, or one of nothing but brackets
        if isinstance(items := json.loads(text), list):
            return tuple(map(str, items))
    return tuple(item.strip() for item in re.split(r"[,\n]", text) if item.strip())


def _sha256(text: str | None) -> str | None:
    if text is None:
        return None
    if not (found := _SHA256.fullmatch(text.strip())):
        raise HTTPException(400, "'checksum' in Upload-Metadata must be 'sha256 ' and 64 hex digits")
    return found[1].lower()


def checksum_in(request: Request) -> Checksum | None:
    """What the body has to come to, if the client says so."""
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, digest = header.strip().partition(" ")
    known: tuple[Literal["sha256", "sha1", "md5"], ...] = ("sha256", "sha1", "md5")
    for name in known:
        if name == algorithm:
            return name, _decoded(digest.strip(), "Upload-Checksum")
    raise HTTPException(400, f"Upload-Checksum cannot be {algorithm!r}: use {', '.join(known)}")


def number_in(request: Request, header: str) -> int:
    """The number of bytes in a header that has to be there."""
    value = request.headers.get(header, "")
    if not _NUMBER.fullmatch(value):
        raise HTTPException(400, f"the header {header} must be a number of bytes, not {value!r}")
    return int(value)


def has_body(request: Request) -> bool:
    """Whether bytes come along."""
    return request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers


def check_type(request: Request) -> None:
    """Bytes come under the name that tus has for them, or the answer is 415."""
    given = request.headers.get("Content-Type", "")
    if given.partition(";")[0].strip().lower() != CHUNK:
        raise HTTPException(415, f"the bytes of an upload are sent as {CHUNK}, not as {given!r}")


def check_version(request: Request) -> None:
    """The client speaks tus 1.0.0, or the answer is 412."""
    given = request.headers.get("Tus-Resumable")
    if given is None:
        raise HTTPException(400, f"the header Tus-Resumable is missing: send {VERSION}")
    if given != VERSION:
        said = f"Tus-Resumable must be {VERSION}, not {given!r}"
        raise HTTPException(412, said, {"Tus-Version": VERSION})
