"""Errors as problem documents (RFC 9457): one table from the class to the status."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.logs import request_id
from lineage.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    Denied,
    Gone,
    Invalid,
    LineageError,
    NotFound,
    PreconditionFailed,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

__all__ = ["MEDIA_TYPE", "Refusal", "add_handlers", "malformed", "problem", "status_of"]

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

# The nearest class of an error's ancestry counts: CycleError, PlanChanged and Blocked are Conflict.
_STATUS: Final[Mapping[type[LineageError], int]] = {
    NotFound: 404,
    AlreadyExists: 409,
    Gone: 410,
    Conflict: 409,
    PreconditionFailed: 412,
    Denied: 403,
    Unauthenticated: 401,
    Invalid: 422,
    TooLarge: 413,
    Corrupt: 500,  # what is stored; 422 where the client sent it
    Unavailable: 503,
    TimedOut: 504,
    LineageError: 500,
}
_TITLES: Final = {
    "not_found": "Not found",
    "already_exists": "Already exists",
    "gone": "Deleted",
    "conflict": "Conflict",
    "cycle": "Would close a cycle",
    "plan_changed": "The plan no longer holds",
    "blocked": "Blocked",
    "precondition_failed": "Changed since it was read",
    "denied": "Denied",
    "unauthenticated": "No key, or a wrong one",
    "invalid": "Invalid",
    "too_large": "Too large",
    "corrupt": "Bytes do not match their digest",
    "unavailable": "Unavailable",
    "timed_out": "No answer in time",
    "error": "Error",
}
_RECEIVING: Final = ("/api/v1/uploads/", "/api/v1/drafts")
_OURS: Final = frozenset({"type", "title", "status", "detail", "code", "request_id"})


class Refusal(HTTPException):
    """An error with another status than its class has."""

    def __init__(
        self, error: LineageError, status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, error.message, headers)
        self.error = error


def malformed(field: str, reason: str) -> Refusal:
    """What cannot even be read: 400, where 422 is what can be read and makes no sense."""
    return Refusal(Invalid(field, reason), 400)


def status_of(error: LineageError, path: str) -> int:
    """The status that answers this error to a request for this path."""
    if isinstance(error, Corrupt) and path.startswith(_RECEIVING):
        return 422
    return next(_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS)


def problem(error: LineageError, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document of an error; its facts stand beside what RFC 9457 names."""
    document = {name: value for name, value in error.facts.items() if name not in _OURS}
    document |= {
        "type": f"urn:lineage:error:{error.code}",
        "title": _TITLES[error.code],
        "status": status,
        "detail": error.message,
        "code": error.code,
        "request_id": request_id.get(),
    }
    all_headers = dict(headers or {})
    if status == 401:
        all_headers["WWW-Authenticate"] = 'Bearer realm="lineage"'
    if status == 503:
        all_headers["Retry-After"] = "1"
    content = orjson.dumps(document, default=str)
    return Response(content, status, all_headers, media_type=MEDIA_TYPE)


async def _on_lineage_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, LineageError)  # noqa: S101 - it is registered for this class
    status = status_of(exc, request.url.path)
    if status >= 500:
        _log.warning("failed code=%s reason=%r", exc.code, exc.message)
    return problem(exc, status)


async def _on_http_exception(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101
    error: LineageError
    if isinstance(exc, Refusal):
        error = exc.error
    elif exc.status_code == 404:
        error = NotFound(f"there is nothing at {request.url.path}; see /api/v1/docs")
    elif exc.status_code == 405:
        error = Invalid("method", f"{request.method} does not apply to {request.url.path}")
    elif exc.status_code < 500:
        error = Invalid("request", exc.detail)
    else:
        error = LineageError(exc.detail)
    return problem(error, exc.status_code, exc.headers)


async def _on_invalid_request(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101
    first: Mapping[str, Any] = exc.errors()[0]
    where = [str(part) for part in first["loc"]]
    # ("body", "config", "lr") is the field config.lr; ("body",) is the body itself.
    field = ".".join(where[1:]) or where[0]
    if where == ["body"] and first["type"] in ("missing", "model_attributes_type"):
        reason = "is not a JSON object sent as application/json"
        return problem(Invalid("body", reason), 400)
    return problem(Invalid(field, str(first["msg"])), 422)


async def _on_disconnect(_: Request, __: Exception) -> Response:
    _log.info("client_gone")
    return Response(status_code=499)  # nobody reads it; the log and the metrics do


def add_handlers(app: FastAPI) -> None:
    """Make every error of this application a problem document."""
    app.add_exception_handler(LineageError, _on_lineage_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
