"""Uploads over HTTP: tus 1.0.0, so that a broken connection goes on where it stopped, and PUT for curl.

What a client may say in `Upload-Metadata`: filename; checksum, as "sha256 <hex>" of the whole file; and
title, show, language, guests, vocabulary, which come to lie beside the recording. The last two are JSON
lists, or texts between commas. `target_stage` and `priority` say how far the episode is then processed, and
how soon; without them it is only found.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import format_datetime
from functools import partial
from urllib.parse import quote

from anyio import CancelScope, move_on_after
from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from apps.rest.shapes import links_of
from apps.rest.upload_headers import (
    ALGORITHMS,
    announced_by,
    check_type,
    check_version,
    checksum_in,
    has_body,
    number_in,
)
from apps.rest.upload_schema import CHUNK, FILE, VERSION, Arrived, UploadStatus, described
from pipeline.model import Seconds
from workbench.errors import WorkbenchError
from workbench.uploads import (
    Announced,
    DiskFull,
    Upload,
    UploadChecksum,
    UploadConflict,
    UploadLocked,
    UploadNotFound,
    UploadQuota,
    Uploads,
    UploadTooLarge,
    Writer,
)

STATUS_OF: dict[type[WorkbenchError], int] = {
    UploadNotFound: 404,
    UploadConflict: 409,
    UploadTooLarge: 413,
    UploadLocked: 423,
    UploadChecksum: 460,
    UploadQuota: 507,
    DiskFull: 507,
}
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
PIECE = 4 << 20  # bytes that are written at once: small ones keep the disk and the threads busy for nothing
WAITING: Seconds = 1.0  # what has come is written after that time, however little it is


class TusRoute(APIRoute):
    """Says the version in every answer, errors too; a locked upload is worth another try soon."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Tus-Resumable", VERSION)
                if message["status"] == STATUS_OF[UploadLocked]:
                    headers.setdefault("Retry-After", "1")
            await send(message)

        await super().handle(scope, receive, marked)


def router(
    uploads: Uploads,
    after: Callable[[Upload], str],
    *,
    owner: Callable[[Request], str] = lambda request: "",
    base: Callable[[Request], str] = lambda request: "",
    silence: Seconds = 30.0,
) -> APIRouter:
    """The routes under `/uploads`.

    `after` gets each upload, in a thread, when its file lies whole in the inbox, and returns the id of the
    job that makes it an episode; a crash right before that leaves it to `Uploads.recover`. `owner` names who
    asks, and `base` is this server's address for them. A connection on which nothing comes for `silence`
    seconds is given up, so that another can go on.
    """
    # Bodies have no limit but that of `uploads`, whatever the app has for its other routes.
    routes = APIRouter(prefix="/uploads", tags=["uploads"], route_class=TusRoute, max_body_size=sys.maxsize)
    doors = _Doors(uploads, after, owner, base, silence)
    for path in ("", "/"):  # tus clients are used to the second one
        routes.add_api_route(
            path,
            doors.create,
            methods=["POST"],
            status_code=201,
            response_class=Response,
            include_in_schema=not path,
            openapi_extra=described("Upload-Length", most=uploads.most_bytes),
        )
    for path in ("", "/", "/{upload_id}"):
        routes.add_api_route(
            path, doors.options, methods=["OPTIONS"], status_code=204, include_in_schema=False
        )
    one = "/{upload_id}"
    routes.add_api_route(
        one, doors.status, methods=["GET"], name="upload_status", response_model=UploadStatus
    )
    routes.add_api_route(one, doors.head, methods=["HEAD"], response_class=Response)
    chunk = described("Upload-Offset", body=CHUNK, most=uploads.most_bytes)
    routes.add_api_route(one, doors.patch, methods=["PATCH"], status_code=204, openapi_extra=chunk)
    routes.add_api_route(one, doors.remove, methods=["DELETE"], status_code=204, openapi_extra=described())
    routes.add_api_route(one, doors.override, methods=["POST"], include_in_schema=False)
    whole = "/{name:path}"
    routes.add_api_route(
        whole, doors.put, methods=["PUT"], status_code=201, response_model=Arrived, openapi_extra=FILE
    )
    return routes


class _Doors:
    """What the routes do."""

    def __init__(
        self,
        uploads: Uploads,
        after: Callable[[Upload], str],
        owner: Callable[[Request], str],
        base: Callable[[Request], str],
        silence: Seconds,
    ) -> None:
        self._uploads, self._after, self._owner, self._silence = uploads, after, owner, silence
        self._base = base

    def options(self) -> Response:
        """What this server can do."""
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(self._uploads.most_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }
        return Response(status_code=204, headers=headers)

    async def create(self, request: Request) -> Response:
        """Announce an upload by `Upload-Length` and `Upload-Metadata`; its first bytes may come along."""
        check_version(request)
        announced = announced_by(request, self._owner(request))
        upload = await run_sync(self._uploads.create, announced)
        if has_body(request) or upload.length == 0:
            upload = await self._first(upload, request)
        place = request.url_for("upload_status", upload_id=upload.upload_id).path
        return Response(status_code=201, headers={"Location": place, **_headers(upload)})

    def status(self, upload_id: str) -> UploadStatus:
        """How far an upload has come."""
        upload = self._uploads.upload(upload_id)
        return UploadStatus(
            **upload.model_dump(include={"upload_id", "filename", "length", "offset"}),
            done=upload.done is not None,
            file=upload.done.name if upload.done else None,
            expires_at=None if upload.done else upload.expires_at,
        )

    def head(self, upload_id: str) -> Response:
        """From which byte to go on."""
        upload = self._uploads.upload(upload_id)
        if upload.offset == upload.length and not upload.done:
            # The client will send nothing more, so what a crash or a full disk left undone is done now.
            with suppress(UploadLocked):
                if self._uploads.finish(upload_id):
                    self._after(self._uploads.upload(upload_id))
            upload = self._uploads.upload(upload_id)
        headers = {"Upload-Length": str(upload.length), **_headers(upload)}
        if upload.sent:
            headers["Upload-Metadata"] = upload.sent
        return Response(headers=headers)

    async def patch(self, upload_id: str, request: Request) -> Response:
        """Send bytes from `Upload-Offset` on."""
        check_version(request)
        check_type(request)
        await self._append(upload_id, number_in(request, "Upload-Offset"), request)
        return Response(status_code=204, headers=_headers(await run_sync(self._uploads.upload, upload_id)))

    def remove(self, upload_id: str, request: Request) -> Response:
        """Give an upload up. A file that is whole stays in the inbox."""
        check_version(request)
        self._uploads.remove(upload_id)
        return Response(status_code=204)

    async def override(self, upload_id: str, request: Request) -> Response:
        """PATCH and DELETE for clients that can only POST."""
        match request.headers.get("X-HTTP-Method-Override", "").upper():
            case "PATCH":
                return await self.patch(upload_id, request)
            case "DELETE":
                return await run_sync(self.remove, upload_id, request)
        raise HTTPException(
            405, "POST goes to /uploads: use PATCH for an upload", {"Allow": "HEAD, PATCH, DELETE"}
        )

    async def put(self, name: str, request: Request) -> Response:
        """A whole file in one go: `curl -T talk.mp4 URL/uploads/`. It cannot be resumed.

        The answer names the job that makes it an episode; that job's result has the episode's id.
        """
        if "Content-Length" not in request.headers:
            raise HTTPException(411, "Content-Length is missing: send the file with its size")
        length = number_in(request, "Content-Length")
        announced = Announced(length=length, filename=name, owner=self._owner(request))
        upload = await run_sync(self._uploads.create, announced)
        try:
            came = await self._append(upload.upload_id, 0, request)
        finally:  # nobody was told the id
            with CancelScope(shield=True), suppress(UploadNotFound):
                await run_sync(self._uploads.remove, upload.upload_id)
        if came is None:
            raise HTTPException(400, "the file did not come whole: send it again")
        file, job_id = came
        place = self._base(request) + links_of(job_id).self
        arrived = Arrived(file=file, bytes=length, job_id=job_id, status_url=place)
        return JSONResponse(arrived.model_dump(), 201, {"Upload-File": quote(file)})

    async def _first(self, upload: Upload, request: Request) -> Upload:
        try:
            await self._append(upload.upload_id, 0, request)
        except UploadChecksum:  # the client never hears of the id, and starts again
            with suppress(UploadNotFound):
                await run_sync(self._uploads.remove, upload.upload_id)
            raise
        return await run_sync(self._uploads.upload, upload.upload_id)

    async def _append(self, upload_id: str, offset: int, request: Request) -> tuple[str, str] | None:
        """Take the body; the file's name in the inbox and its job, when it is whole by that."""
        append = partial(self._uploads.append, upload_id, offset, checksum=checksum_in(request))
        with await run_sync(append) as writer:
            writer.check(int(request.headers.get("Content-Length", 0)))
            await _receive(request, writer, self._silence)
            path = await run_sync(writer.finish)
        if not path:
            return None
        return path.name, await run_sync(lambda: self._after(self._uploads.upload(upload_id)))


async def _receive(request: Request, writer: Writer, silence: Seconds) -> None:
    """Write the body as it comes, in large pieces; what has come is kept, however it ends.

    Raises HTTPException when it ends too early; if the client is gone, nobody hears that.
    """
    buffer, written, more = bytearray(), time.monotonic(), True
    try:
        while more:
            message = await _heard(request, min(WAITING, silence) if buffer else silence)
            if message:
                buffer += message.get("body", b"")
                more = message.get("more_body", False)
            elif not buffer:
                what = (
                    f"nothing came for {silence:g} s; what came before is kept: ask for the offset and go on"
                )
                raise HTTPException(408, what)
            if len(buffer) >= PIECE or not message or time.monotonic() - written > WAITING:
                piece, buffer = buffer, bytearray()
                await run_sync(writer.write, piece)
                written = time.monotonic()
    finally:
        if buffer:
            with CancelScope(shield=True):
                await run_sync(writer.write, buffer)


async def _heard(request: Request, wait: Seconds) -> Message | None:
    """What comes next of the body, or None when nothing comes for that long.

    Not `request.stream()`: that ends for good when waiting for it is given up.
    """
    with move_on_after(wait):
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "the connection broke; what came is kept: ask for the offset and go on")
        return message
    return None


def _headers(upload: Upload) -> dict[str, str]:
    """Where the upload stands; a name that a header cannot have is percent-encoded."""
    stands = {"Upload-Offset": str(upload.offset), "Cache-Control": "no-store"}
    if upload.done:
        return {**stands, "Upload-File": quote(upload.done.name)}
    return {**stands, "Upload-Expires": format_datetime(upload.expires_at, usegmt=True)}
