"""Works cited in the styles of journals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from api.answers import StoreDep, also_as, answer, answers_with, finished
from api.negotiation import asked_format
from kb.citing.cited import Cited, Printed, cited, cited_together, item_from_record
from kb.citing.styles import packaged_style
from kb.errors import InvalidInput
from kb.store.exported_works import work_records
from kb.store.lookup import resolve_work

router = APIRouter(prefix="/works", tags=["works"])

# A long reference list; `kb cite` takes any number.
_MOST_WORKS = 500

StyleName = Annotated[
    str,
    Query(
        description="apa, nlm, ama, vancouver, nature, harvard ..., or any published CSL style",
        max_length=200,
    ),
]
LocaleName = Annotated[
    str | None, Query(description="de-DE, fr-FR ...; the style's own unless said", max_length=20)
]


@dataclass(frozen=True)
class References:
    """References in one style; `together` is how all are cited in one place."""

    style: str
    references: list[Cited]
    together: Printed


@router.get("/cite", responses=answers_with(References))
@also_as("text")
def cite_several(
    request: Request,
    store: StoreDep,
    id: Annotated[list[str], Query(description="A work by any of its names; several in order")],
    style: StyleName = "apa",
    locale: LocaleName = None,
) -> Response:
    """Works as references in the order given, and how they are cited together.

    As JSON, or with `format=text` and `format=html` the references alone, one per line.
    """
    if len(id) > _MOST_WORKS:
        raise InvalidInput(f"{len(id)} works at once (at most {_MOST_WORKS}; kb cite takes more)")
    with store.reading() as session:
        return _cited(request, session, id, style, locale)


@router.get("/{work:path}/cite", responses=answers_with(References))
@also_as("text")
def cite(
    request: Request,
    store: StoreDep,
    work: str,
    style: StyleName = "apa",
    locale: LocaleName = None,
) -> Response:
    """The work as a reference, and how it is cited in the text.

    As JSON, or with `format=text` and `format=html` the reference alone.
    """
    with store.reading() as session:
        return _cited(request, session, [work], style, locale)


def _cited(
    request: Request, session: Session, names: list[str], style: str, locale: str | None
) -> Response:
    wanted = packaged_style(style, locale)
    numbers = [resolve_work(session, name) for name in names]
    items = [item_from_record(record) for record in work_records(session, numbers)]
    found = cited(wanted, items)
    format = asked_format(request.scope)
    if format == "text":
        lines = "".join(f"{one.reference.text}\n" for one in found)
        return finished(request, lines, "text/plain; charset=utf-8")
    if format == "html":
        lines = "".join(f"<p>{one.reference.html}</p>\n" for one in found)
        return finished(request, lines, "text/html; charset=utf-8")
    value = References(style, found, cited_together(wanted, items))
    return answer(request, value, "works/cite.html")
