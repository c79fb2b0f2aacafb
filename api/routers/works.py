"""Works and everything about them. A DOI holds slashes: its parts come before the work itself."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from sqlmodel import Session

from api.answers import (
    Listed,
    Select,
    StoreDep,
    also_as,
    answer,
    answers_with,
    asked_of,
    listed,
    named,
)
from api.negotiation import wants_html
from api.problems import Moved
from api.reference_exports import (
    FORMAT_NAMES,
    export_links,
    exported_work,
    exported_works,
    reference_format_asked,
)
from kb.models.ids import Kind, public_id
from kb.store import works
from kb.store.identity_lists import of_work
from kb.store.listing import Asked
from kb.store.lookup import resolve_work
from kb.store.works import (
    CitingWork,
    CoverageOut,
    ObservationOut,
    RecordOut,
    ReferenceOut,
    ReferenceSource,
    WorkDetail,
    WorkLink,
    WorkSummary,
    work_links,
)

router = APIRouter(prefix="/works", tags=["works"])

AskedWorks = Annotated[Asked, Depends(asked_of(works.WORKS))]


class ReferencesMeta(BaseModel):
    count: int
    source: str | None
    view: str | None
    sources: list[ReferenceSource]


class References(BaseModel):
    meta: ReferencesMeta
    results: list[ReferenceOut]


class Records(BaseModel):
    results: list[RecordOut]


class Observations(BaseModel):
    results: list[ObservationOut]


class Coverages(BaseModel):
    results: list[CoverageOut]


@router.get("", responses=answers_with(Listed[WorkSummary]))
@also_as(*FORMAT_NAMES)
def list_works(
    request: Request, store: StoreDep, asked: AskedWorks, select: Select = None
) -> Response:
    """Works, newest first unless asked otherwise; those of unknown year come last.

    With `format=ris`, `nbib`, `bibtex` ... (docs/import-export.md) all of them as one file, as many
    as the list counts; `page`, `per_page`, `cursor` and `select` have no part in that.
    """
    if (format := reference_format_asked(request)) is not None:
        return exported_works(store, asked, format)
    with store.reading() as session:
        if (number := named(request, session, asked.search, resolve_work)) is not None:
            return RedirectResponse(f"/works/{public_id(Kind.WORK, number)}", 303)
        found = works.list_works(session, asked)
    links = export_links(request)
    return listed(
        request, found, "works/list.html", WorkSummary, select, context={"exports": links}
    )


@router.get("/{work:path}/references", responses=answers_with(References))
def references(
    request: Request,
    store: StoreDep,
    work: str,
    source: Annotated[str | None, Query(description="Whose list; the fullest unless said")] = None,
) -> Response:
    """One source's list of references in its order, resolved to works or not."""
    with store.reading() as session:
        number = _number(request, session, work, "/references")
        found = works.read_references(session, number, source)
        this = _link(session, number)
    value = {
        "meta": {
            "count": len(found.references),
            "source": found.source,
            "view": found.view,
            "sources": found.sources,
        },
        "results": found.references,
    }
    return answer(request, value, "works/references.html", context={"work": this})


@router.get("/{work:path}/cited-by", responses=answers_with(Listed[CitingWork]))
def cited_by(request: Request, store: StoreDep, work: str, asked: AskedWorks) -> Response:
    """Works held here that cite it, each with who says so."""
    with store.reading() as session:
        number = _number(request, session, work, "/cited-by")
        found = works.list_citing(session, number, asked)
        this = _link(session, number)
    return listed(request, found, "works/cited_by.html", CitingWork, context={"work": this})


@router.get("/{work:path}/records", responses=answers_with(Records))
def records(request: Request, store: StoreDep, work: str) -> Response:
    """Who said what: every source's record of the work, as understood, and its payload."""
    with store.reading() as session:
        number = _number(request, session, work, "/records")
        found = works.read_records(session, work_id=number)
        this = _link(session, number)
    return answer(request, {"results": found}, "works/records.html", context={"work": this})


@router.get("/{work:path}/observations", responses=answers_with(Observations))
def observations(request: Request, store: StoreDep, work: str) -> Response:
    """Counts as sources gave them, each with its day. They are never added up."""
    with store.reading() as session:
        number = _number(request, session, work, "/observations")
        found = works.observations(session, number)
        this = _link(session, number)
    return answer(request, {"results": found}, "works/observations.html", context={"work": this})


@router.get("/{work:path}/coverage", responses=answers_with(Coverages))
def coverage(request: Request, store: StoreDep, work: str) -> Response:
    """Per source, how many references and citing works it claims, and how many are held."""
    with store.reading() as session:
        number = _number(request, session, work, "/coverage")
        found = works.coverage(session, number)
        this = _link(session, number)
    return answer(request, {"results": found}, "works/coverage.html", context={"work": this})


@router.get("/{work:path}", responses=answers_with(WorkDetail))
@also_as(*FORMAT_NAMES)
def work(request: Request, store: StoreDep, work: str, select: Select = None) -> Response:
    """A work with everything held about it, and per field the record it came from; or, with
    `format=ris` and so on, as a file for reference managers."""
    format = reference_format_asked(request)
    with store.reading() as session:
        number = _number(request, session, work, "")
        if format is not None:
            return exported_work(request, session, number, format)
        found = works.read_work(session, number)
        coverage = works.coverage(session, number)
        observations = works.observations(session, number)
        identity = of_work(session, number) if wants_html(request.scope) else None
    return answer(
        request,
        found,
        "works/one.html",
        select=select,
        context={
            "coverage": coverage,
            "observations": observations,
            "identity": identity,
            "exports": export_links(request),
        },
    )


def _number(request: Request, session: Session, name: str, part: str) -> int:
    """The work's row number; the id of a work that was merged sends on to where it went."""
    number = resolve_work(session, name)
    asked, canonical = name.strip().upper(), public_id(Kind.WORK, number)
    if re.fullmatch(r"W[0-9]+", asked) and asked != canonical:
        query = f"?{request.url.query}" if request.url.query else ""
        raise Moved(f"/works/{canonical}{part}{query}")
    return number


def _link(session: Session, number: int) -> WorkLink:
    return work_links(session, [number])[number]
