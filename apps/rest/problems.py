"""Errors as RFC 9457 problems: the one table from what the workbench refuses to HTTP statuses."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from apps.rest import uploads
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
_AGAIN = (408, 423, 429, 502, 503, 504, 507)
_TYPE = "application/problem+json"


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem."""
    for kind in (WorkbenchError, PipelineError):
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def problem(
    request: Request, status: int, detail: str, *, errors: Sequence[Any] = (), headers: Any = None
) -> JSONResponse:
    """The answer; as plain JSON for a client that asks for JSON alone, as n8n does."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase if status in set(HTTPStatus) else "Checksum Mismatch",
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "retryable": status in _AGAIN,
    }
    if errors:
        body["errors"] = list(errors)
    accept = request.headers.get("accept", "")
    plain = "application/json" in accept and "problem+json" not in accept
    return JSONResponse(
        body, status, media_type="application/json" if plain else _TYPE, headers=dict(headers or {})
    )


def _refused(request: Request, error: Exception) -> JSONResponse:
    status = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    offset = getattr(error, "offset", None)
    headers = {"Upload-Offset": str(offset)} if offset is not None else {}
    if status in _AGAIN:
        headers["Retry-After"] = "5"
    return problem(request, status, str(error), headers=headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"field": ".".join(map(str, each["loc"])), "reason": each["msg"]} for each in error.errors()[:20]
    ]
    first = faults[0]
    return problem(request, 422, f"{first['field']}: {first['reason']}", errors=faults)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    known = {404: f"there is nothing at {request.url.path}: /docs lists what there is"}
    detail = known.get(error.status_code, error.detail) if error.detail == "Not Found" else error.detail
    return problem(request, error.status_code, str(detail), headers=error.headers)


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    """The traceback goes to the server's own log."""
    return problem(request, 500, f"an error that should not happen: {type(error).__name__}; see the log")
