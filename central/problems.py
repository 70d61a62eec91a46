# SPDX-License-Identifier: Apache-2.0
"""Errors as problem+json (RFC 9457): a stable code, what happened, what to do; never a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from central.errors import BusyError, DomainError, MethodError
from central.etags import NotModified
from central.forms import methods_at

log = logging.getLogger(__name__)


def problem(error: DomainError, path: str) -> JSONResponse:
    """A domain error as a response. `type` is a page of the reference of errors, `code` its stable name."""
    return _response(error.status, error.code, error.message, path, headers=_headers(error))


def _headers(error: DomainError) -> dict[str, str]:
    if isinstance(error, MethodError):
        return {"Allow": ", ".join(sorted(error.allowed))}
    if isinstance(error, BusyError) or error.code == "idempotency_key_in_use":
        return {"Retry-After": "1"}
    return {"WWW-Authenticate": 'Basic realm="Dockline", charset="UTF-8"'} if error.status == HTTPStatus.UNAUTHORIZED else {}


def _response(status: int, code: str, detail: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    body = {
        "type": f"/errors/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "instance": path,
        **more,
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def form_problem(faults: Sequence[ErrorDetails], path: str) -> JSONResponse:
    """A body that does not fit its documented form."""
    return _invalid([{**fault, "loc": ("body", *fault["loc"])} for fault in faults], path)


def _invalid(faults: Iterable[Mapping[str, Any]], path: str) -> JSONResponse:
    fields = [{"at": "/".join(str(part) for part in each["loc"]), "message": each["msg"], "kind": each["type"]} for each in faults]
    return _response(422, "invalid_request", "; ".join(f"{each['at']}: {each['message']}" for each in fields), path, errors=fields)


def _methods_of(request: Request) -> set[str]:
    """All methods of an address; the framework itself names only those of the first route that has the path."""
    return set(methods_at(getattr(request.app.state, "addresses", ()), request.url.path))


def install(app: FastAPI) -> None:
    """Answer all errors of `app` as problems."""

    @app.exception_handler(DomainError)
    async def domain(request: Request, error: DomainError) -> JSONResponse:
        return problem(error, request.url.path)

    @app.exception_handler(NotModified)
    async def not_modified(request: Request, seen: NotModified) -> Response:
        return Response(status_code=304, headers={"ETag": seen.tag})

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return _invalid(error.errors(), request.url.path)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(_methods_of(request)))
        return _response(error.status_code, code, str(error.detail), request.url.path, headers=headers)

    @app.exception_handler(DataError)
    async def unstorable(request: Request, error: DataError) -> JSONResponse:
        # Routes bound their values; what slips through (a number beyond 64 bits, half a character) is the caller's, and the database has refused it whole.
        log.warning("a value that the database refuses", exc_info=error, extra={"path": request.url.path})
        return _response(422, "unstorable_value", "a value of the request is too large or has characters that no text may hold", request.url.path)

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        log.error("request broke", exc_info=error, extra={"path": request.url.path})
        return _response(500, "internal_error", "something broke inside Dockline; the service's log says what", request.url.path)
