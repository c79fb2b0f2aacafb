"""Errors as RFC 9457 problem documents, and as pages for browsers. One table gives the status."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.negotiation import wants_html
from api.pages import render
from kb.errors import (
    Conflict,
    InvalidInput,
    KBError,
    NotEstimable,
    NotFound,
    SourceRejected,
    SourceUnavailable,
    StoreUnavailable,
    Unauthorized,
)

_log = logging.getLogger(__name__)

STATUS: Final[Mapping[type[KBError], int]] = {
    InvalidInput: 422,
    NotEstimable: 422,
    NotFound: 404,
    Conflict: 409,
    Unauthorized: 401,
    StoreUnavailable: 503,
    SourceUnavailable: 503,
    SourceRejected: 502,
}
MEDIA_TYPE: Final = "application/problem+json"

# What is said for errors that the framework raises, by status.
_DETAIL: Final[Mapping[int, str]] = {
    404: "nothing is served at {path}; /docs lists what is",
    405: "{method} is not served at {path}",
    500: "a mistake of this server, not of the request; its log tells more",
}


class Problem(BaseModel):
    """RFC 9457. `detail` says what was wrong, what came in and what would do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, str]] | None = Field(
        default=None, description="Per parameter, where several are wrong."
    )


class Moved(Exception):
    """What was asked for was merged into something else, now at `location`."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def problem(
    status: int,
    detail: str,
    *,
    path: str,
    as_page: bool = False,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    title = HTTPStatus(status).phrase
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": path,
    }
    if errors:
        said["errors"] = errors
    headers = {"Vary": "Accept", "Cache-Control": "no-store", **(headers or {})}
    if as_page:
        return Response(
            render("error.html", said),
            status_code=status,
            media_type="text/html",
            headers=headers,
        )
    return Response(orjson.dumps(said), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def status_of(error: KBError) -> int:
    """That of the nearest class in `STATUS`; 500 for one nobody thought of."""
    return next((STATUS[c] for c in type(error).__mro__ if c in STATUS), 500)


def install(app: FastAPI) -> None:
    app.add_exception_handler(KBError, _on_purpose)
    app.add_exception_handler(Moved, _moved)
    app.add_exception_handler(HTTPException, _from_the_framework)
    app.add_exception_handler(RequestValidationError, _wrong_parameters)
    app.add_exception_handler(Exception, _by_mistake)


def _answer(request: Request, status: int, detail: str, **more: Any) -> Response:
    return problem(status, detail, path=request.url.path, as_page=wants_html(request.scope), **more)


def _on_purpose(request: Request, error: Exception) -> Response:
    assert isinstance(error, KBError)
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(round(retry_after_s))
    detail = str(error)
    if isinstance(error, StoreUnavailable):
        # Where the database lies is for whoever runs the server, not for whoever asks it.
        _log.error("%s", detail)
        detail = "the database does not answer now; the server's log says why"
    return _answer(request, status_of(error), detail, headers=headers)


def _moved(request: Request, error: Exception) -> Response:
    assert isinstance(error, Moved)
    return Response(status_code=301, headers={"Location": error.location, "Vary": "Accept"})


def _from_the_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = _DETAIL.get(error.status_code)
    detail = said.format(method=request.method, path=request.url.path) if said else error.detail
    return _answer(
        request,
        error.status_code,
        str(detail),
        headers=error.headers,
    )


def _wrong_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {
            "parameter": _place(found),
            "detail": _what_is_wrong(found),
        }
        for found in error.errors()
    ]
    detail = "; ".join(f"{e['parameter']}: {e['detail']}" for e in errors[:3])
    return _answer(request, 422, detail, errors=errors)


def _place(found: Mapping[str, Any]) -> str:
    if found["type"] == "json_invalid":
        return "body"
    return ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0])


def _what_is_wrong(found: Mapping[str, Any]) -> str:
    if found["type"] == "missing":
        return "missing"
    if found["type"] == "json_invalid":
        return f"not JSON: {_lowered(str(found['ctx']['error']))}, at character {found['loc'][1]}"
    return f"{_lowered(found['msg'])}, received {str(found.get('input'))[:60]!r}"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _by_mistake(request: Request, error: Exception) -> Response:
    # What went wrong inside goes to the log, where the server writes it, and not to the caller.
    return _answer(request, 500, _DETAIL[500])
