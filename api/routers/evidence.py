"""The one way in over the network: curation tables. `api.guard` decides who may."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.answers import StoreDep, answers_with
from api.collection_names import check_name
from api.negotiation import wants_html
from api.problems import problem
from kb.errors import InvalidInput
from kb.formats.curation import read_tables
from kb.store.curated import CuratedReport, save_curated
from kb.store.lookup import plain_text

router = APIRouter(tags=["evidence"])

_MOST_ERRORS = 200


class EvidenceIn(BaseModel):
    source: str = Field(description="Name of the collection, e.g. ms-review-2026")
    tables: dict[str, list[dict[str, str | None]]] = Field(
        description="Rows by table name (studies, arms, results ...), cells as text"
    )


class EvidenceOut(BaseModel):
    """What changed: how many records were new, changed or unchanged, by kind."""

    source: str
    works: dict[str, int]
    lists: dict[str, int]
    studies: dict[str, int]
    registrations: dict[str, int]
    conflicts: int
    is_unchanged: bool


@router.post("/evidence", responses=answers_with(EvidenceOut))
def add_evidence(request: Request, store: StoreDep, given: EvidenceIn) -> Response:
    """Bring in curation tables: all of them, or nothing where one cell is wrong.

    The same tables sent again change nothing; changed rows replace what this source said before.
    """
    check_name(given.source)
    if not given.tables:
        raise InvalidInput("no tables (expected rows by table name, e.g. studies)")
    for table, rows in given.tables.items():
        plain_text(table)
        for row in rows:
            for text in (*row, *row.values()):
                plain_text(text or "")
    curated = read_tables(given.tables, source=given.source)
    if curated.errors:
        return problem(
            422,
            f"nothing imported: {curated.errors[0]}"
            + (f" and {len(curated.errors) - 1} more" if len(curated.errors) > 1 else ""),
            path=request.url.path,
            as_page=wants_html(request.scope),
            errors=[
                {"parameter": f"{e.file}:{e.line} {e.column}".strip(), "detail": e.message}
                for e in curated.errors[:_MOST_ERRORS]
            ],
        )
    report = save_curated(store, given.source, curated)
    return Response(orjson.dumps(_shown(report)), media_type="application/json")


def _shown(report: CuratedReport) -> dict[str, object]:
    kinds = ("works", "lists", "studies", "registrations")
    counts = {
        kind: {str(change): n for change, n in getattr(report, kind).items()} for kind in kinds
    }
    return {
        "source": report.source,
        **counts,
        "conflicts": report.conflicts,
        "is_unchanged": report.is_unchanged,
    }
