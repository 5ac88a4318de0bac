"""Errors as RFC 9457 problems: the one table from what the workbench refuses to HTTP statuses."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.rest import uploads
from apps.rest.depends import sees_folders
from pipeline.errors import BadOptions, ModelMissing, PipelineError
from workbench.addresses import BadAddress
from workbench.errors import (
    BadSetting,
    KeyReused,
    LibraryBroken,
    LibraryBusy,
    NotAllowed,
    NotFound,
    WorkbenchError,
)
from workbench.names import names_only

STATUS_OF: dict[type[Exception], int] = {
    NotFound: 404,
    NotAllowed: 409,
    KeyReused: 422,
    BadAddress: 422,
    BadSetting: 422,
    BadOptions: 422,
    ModelMissing: 503,
    LibraryBusy: 503,
    LibraryBroken: 503,
    PipelineError: 422,
    WorkbenchError: 500,
} | dict(uploads.STATUS_OF.items())
_BODIES = ("application/problem+json", "application/json")
_AGAIN = (408, 423, 429, 502, 503, 504, 507)


class Fault(BaseModel):
    """A field that cannot be used."""

    field: str
    reason: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    """One sentence: what is wrong, which field or file, what to do."""
    instance: str
    """The path that was asked for."""
    retryable: bool
    """Whether the same request may succeed later."""
    kind: str | None = None
    """The name of the error's class, where the workbench itself refused it."""
    errors: list[Fault] | None = None
    """What else is wrong with the request's fields."""


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem, and its OpenAPI say so."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            _describe(plain())
        return plain()

    app.openapi = openapi  # type: ignore[method-assign] # the way FastAPI documents
    for kind in (WorkbenchError, PipelineError):
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def outside(app: ASGIApp) -> ASGIApp:
    """`app`, with its answer to a body that is too long, which no handler sees, as a problem too."""

    async def speaking(scope: Scope, receive: Receive, send: Send) -> None:
        told = False

        async def spoken(message: Message) -> None:
            nonlocal told
            if message["type"] == "http.response.start" and message["status"] == 413:
                kind = Headers(raw=message["headers"]).get("content-type", "")
                told = kind.startswith("text/plain")
                if told:
                    detail = "the body is too long: make several requests, and send recordings to /uploads"
                    await problem(Request(scope), 413, detail)(scope, receive, send)
            if not told:
                await send(message)

        await app(scope, receive, spoken)

    return speaking


def problem(
    request: HTTPConnection,
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    errors: Sequence[Any] = (),
    headers: Any = None,
) -> JSONResponse:
    """The answer; as plain JSON for a client that asks for JSON alone, as n8n does.

    `kind` is the class of the workbench's own error, for programs.
    """
    body = Problem(
        title=HTTPStatus(status).phrase if status in set(HTTPStatus) else "Checksum Mismatch",
        status=status,
        detail=detail,
        instance=request.url.path,
        retryable=status in _AGAIN,
        kind=kind,
        errors=list(errors) or None,
    )
    accept = request.headers.get("accept", "")
    plain = "application/json" in accept and "problem+json" not in accept
    return JSONResponse(
        body.model_dump(exclude_none=True), status, dict(headers or {}), media_type=_BODIES[plain]
    )


def _describe(document: dict[str, Any]) -> None:
    """Add the problems to the OpenAPI: any operation can be refused."""
    parts = document.setdefault("components", {})
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    parts.setdefault("schemas", {}).update(schema.pop("$defs") | {"Problem": schema})
    content = {kind: {"schema": {"$ref": "#/components/schemas/Problem"}} for kind in _BODIES}
    for status, what in (("4XX", "Refused"), ("5XX", "Not possible now")):
        parts.setdefault("responses", {})[status] = {"description": what, "content": content}
    for operation in (each for path in document["paths"].values() for each in path.values()):
        operation["responses"].pop("422", None)
        for status in ("4XX", "5XX"):
            operation["responses"][status] = {"$ref": f"#/components/responses/{status}"}
    for unused in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(unused, None)


def _refused(request: Request, error: Exception) -> JSONResponse:
    status = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    offset = getattr(error, "offset", None)
    headers = {"Upload-Offset": str(offset)} if offset is not None else {}
    if status in _AGAIN:
        headers["Retry-After"] = "5"
    detail = str(error) if sees_folders(request) else names_only(str(error))
    return problem(request, status, detail, kind=type(error).__name__, headers=headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"field": ".".join(map(str, each["loc"])), "reason": each["msg"]} for each in error.errors()[:20]
    ]
    first = faults[0]
    status = 400 if first["field"] == "header.Idempotency-Key" else 422  # that one says: the same, otherwise
    return problem(request, status, f"{first['field']}: {first['reason']}", errors=faults)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 404 and detail == "Not Found":
        detail = f"there is nothing at {request.url.path}: /docs lists what there is"
    if error.status_code == 405 and detail == "Method Not Allowed":
        headers["Allow"] = ", ".join(_allowed(request))
        detail = f"{request.url.path} takes {headers['Allow']}, not {request.method}"
    return problem(request, error.status_code, detail, headers=headers)


def _allowed(request: Request) -> list[str]:
    """The documented methods of all routes with this path; a route knows only its own."""
    route = request.scope.get("route")
    known = request.app.openapi()["paths"].get(getattr(route, "path_format", ""), {})
    return sorted(map(str.upper, known)) or sorted(getattr(route, "methods", None) or ())


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    """The traceback goes to the server's own log."""
    return problem(request, 500, f"an error that should not happen: {type(error).__name__}; see the log")
