"""The last step of every request: a value becomes JSON, or a page made from the same value.

In JSON a field that no source reports is null, never 0 and never left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, Signature
from typing import Annotated, Any, Generic, TypeVar, cast
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from pydantic import Field as ModelField
from sqlmodel import Session

from api.negotiation import wants_html
from api.pages import render
from api.problems import Problem
from kb.errors import Conflict, InvalidInput, NotFound
from kb.store.engine import Store
from kb.store.listing import MAX_DEPTH, MAX_PER_PAGE, Asked, Listing, Page

T = TypeVar("T")


class Meta(BaseModel):
    count: int = ModelField(description="Length of the whole list.")
    page: int | None = ModelField(description="Null where a cursor was used.")
    per_page: int
    next_cursor: str | None = ModelField(description="Null at the end, or where none was used.")


class Listed(BaseModel, Generic[T]):
    meta: Meta
    results: list[T]


def answers_with(model: Any) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: what comes back, and that a problem document comes back otherwise."""
    wrong: dict[str, Any] = {
        "description": "The request cannot be answered as it stands.",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    return {200: {"model": model}, 404: wrong, 422: wrong}


# -- what is asked -------------------------------------------------------------------------------


def the_store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


StoreDep = Annotated[Store, Depends(the_store)]

Select = Annotated[
    str | None,
    Query(description="Only these fields, separated by commas: id,title"),
]

# What a list can be asked besides its own fields: name, type, default, description.
_ASKED: Sequence[tuple[str, Any, Any, str]] = (
    ("search", str | None, None, "Words that must all occur, whatever the case"),
    (
        "filter",
        str | None,
        None,
        "Conditions as field:value, joined by commas. In a value | means or, ! before it not, "
        "null unknown; numbers take >, >=, <, <= and low-high. Every field below can be used "
        "here: year:>2015,type:!review|letter",
    ),
    ("sort", str | None, None, "field:asc or field:desc, several joined by commas"),
)


def asked_of(listing: Listing) -> Callable[..., Asked]:
    """The parameters of a list, for `Depends`: each field of the listing is one of them."""
    own = ("search", "filter", "sort", "page", "per_page", "cursor")

    def read(**values: Any) -> Asked:
        given = {name: values[name] for name in listing.fields if values[name] is not None}
        return Asked(fields=given, **{name: values[name] for name in own if name in values})

    declared = [
        (name, kind, default, about)
        for name, kind, default, about in _ASKED
        if name != "search" or listing.searched is not None
    ]
    declared += [(name, str | None, None, known.about) for name, known in listing.fields.items()]
    parameters = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind, Query(description=about)],
        )
        for name, kind, default, about in declared
    ]
    parameters += [
        Parameter(
            "page", Parameter.KEYWORD_ONLY, default=1, annotation=Annotated[int, Query(ge=1)]
        ),
        Parameter(
            "per_page",
            Parameter.KEYWORD_ONLY,
            default=25,
            annotation=Annotated[int, Query(ge=1, le=MAX_PER_PAGE)],
        ),
        Parameter(
            "cursor",
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                Query(
                    description="* to begin, then meta.next_cursor: the way through lists of more "
                    f"than {MAX_DEPTH:,} rows"
                ),
            ],
        ),
    ]
    read.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return read


_FORMATS = ("json", "html")
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def also_as(*formats: str) -> Callable[[Endpoint], Endpoint]:
    """Declares that an address answers in these formats too, where `format` asks for them."""

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.formats = (*_FORMATS, *formats)  # type: ignore[attr-defined]
        return endpoint

    return declare


def only_known_parameters(
    request: Request,
    format: Annotated[
        str | None,
        Query(
            description="json or html, instead of what the Accept header asks for; or what else "
            "the address offers"
        ),
    ] = None,
) -> None:
    """Refuses what an address does not know: a misspelt filter must not look like an answer."""
    offered = getattr(getattr(request.scope.get("route"), "endpoint", None), "formats", _FORMATS)
    if format is not None and format not in offered:
        raise InvalidInput(f"no format {format[:40]!r} here (expected {', '.join(offered)})")
    known = _parameters(request)
    given = request.query_params.multi_items()
    for name, value in given:
        if name not in known:
            raise InvalidInput(
                f"unknown parameter {name[:60]!r} (known: {', '.join(sorted(known)) or 'none'})"
            )
        if "\x00" in value or "\ufffd" in value:
            raise InvalidInput(f"{name} is not plain text in UTF-8: {value[:60]!r}")
        if not known[name] and sum(other == name for other, _ in given) > 1:
            raise InvalidInput(f"{name} is given more than once")


def _parameters(request: Request) -> dict[str, bool]:
    """The query parameters that the address asked for declares, and whether each may repeat."""
    path = getattr(request.scope.get("route"), "path_format", "")
    operations = request.app.openapi()["paths"].get(path, {})
    declared = operations.get(request.method.lower(), {}).get("parameters", ())
    return {"format": False} | {
        p["name"]: _takes_several(p["schema"]) for p in declared if p["in"] == "query"
    }


def _takes_several(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" or any(map(_takes_several, schema.get("anyOf", ())))


# -- what is answered ----------------------------------------------------------------------------


def answer(
    request: Request,
    value: Any,
    page: str,
    *,
    select: str | None = None,
    context: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The value as JSON, or `page` filled with it (as `it`). `select` keeps some of its fields; a
    page needs them all."""
    kept = value if select is None else _selected([value], type(value), select)[0]
    if wants_html(request.scope):
        body = render(page, {"it": value, "url": request.url, **(context or {})})
        return finished(request, body, "text/html; charset=utf-8", headers, status)
    return finished(request, orjson.dumps(kept), "application/json", headers, status)


def named(
    request: Request, session: Session, text: str | None, resolve: Callable[[Session, str], int]
) -> int | None:
    """Row number of the one thing that words typed into a search box name: an identifier leads to
    what it identifies. None where they name nothing, and for programs, which ask for it by name."""
    if not text or not wants_html(request.scope):
        return None
    try:
        return resolve(session, text)
    except (InvalidInput, NotFound, Conflict):
        return None


def listed(
    request: Request,
    found: Page[Any],
    page: str,
    kind: type[Any],
    select: str | None = None,
    *,
    context: Mapping[str, Any] | None = None,
) -> Response:
    """A page of a list in its envelope; `select` keeps some fields of results of this `kind`."""
    results = _selected(found.results, kind, select)
    meta = {
        "count": found.count,
        "page": found.page,
        "per_page": found.per_page,
        "next_cursor": found.next_cursor,
    }
    following = _next(request, found)
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    if wants_html(request.scope):
        return answer(
            request,
            found,
            page,
            headers=headers,
            context={
                "next_page": following,
                "previous_page": _previous(request, found),
                "asked": dict(request.query_params),
                **(context or {}),
            },
        )
    return answer(request, {"meta": meta, "results": results}, page, headers=headers)


def finished(
    request: Request,
    body: bytes | str,
    media_type: str,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """With an ETag, so that what has not changed is not sent again."""
    content = body.encode() if isinstance(body, str) else body
    tag = _tag(content)
    headers = {"ETag": tag, "Vary": "Accept", "Cache-Control": "no-cache", **(headers or {})}
    if status == 200 and _matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, status_code=status, media_type=media_type, headers=headers)


def is_current(expected: str, content: bytes) -> bool:
    """Whether an If-Match header names this content by the ETag it was answered with."""
    return _matches(expected, _tag(content))


def _tag(content: bytes) -> str:
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def _matches(wanted: str | None, tag: str) -> bool:
    held = [part.strip() for part in (wanted or "").split(",")]
    return "*" in held or tag.removeprefix("W/") in [part.removeprefix("W/") for part in held]


def _selected(results: list[Any], kind: type[Any], select: str | None) -> list[Any]:
    if select is None:
        return results
    allowed = [field.name for field in fields(kind)]
    names = [name.strip() for name in select.split(",")]
    for name in names:
        if name not in allowed:
            raise InvalidInput(f"cannot select {name[:60]!r} (known: {', '.join(allowed)})")
    return [{name: getattr(result, name) for name in names} for result in results]


def _next(request: Request, found: Page[Any]) -> str | None:
    if found.next_cursor:
        return _with(request, cursor=found.next_cursor)
    return _with(request, page=str((found.page or 0) + 1)) if found.has_next else None


def _previous(request: Request, found: Page[Any]) -> str | None:
    return _with(request, page=str(found.page - 1)) if found.page and found.page > 1 else None


def _with(request: Request, **changed: str) -> str:
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in changed]
    path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii")
    return f"{path}?{urlencode(kept + list(changed.items()))}"
