"""The one way in over the network: curation tables. `api.guard` decides who may."""

from __future__ import annotations

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.answers import StoreDep, answers_with
from api.collection_names import extraction_source
from api.negotiation import wants_html
from api.problems import problem
from kb.errors import InvalidInput
from kb.formats.curation import read_tables
from kb.formats.tables import CellError
from kb.formats.workbook import MEDIA_TYPE
from kb.store.curated import CuratedReport, save_curated
from kb.store.lookup import plain_text

router = APIRouter(tags=["evidence"])

_MOST_ERRORS = 200


_PLACE: Final = {"source": "paper", "locator": "abstract"}
_EXAMPLE: Final[dict[str, Any]] = {
    "source": "my-review",
    "extractor": "anna",
    "tables": {
        "sources": [
            {"key": "paper", "kind": "abstract", "document": "10.3390/jcm8122102",
             "standing": "primary"}
        ],
        "studies": [{"study": "IACOBAEUS", "label": "Iacobaeus 2019",
                     "conditions": "multiple sclerosis", **_PLACE}],
        "arms": [{"study": "IACOBAEUS", "arm": "msc", "label": "MSC", "n_treated": "7", **_PLACE}],
        "results": [
            {"study": "IACOBAEUS", "arm": "msc", "outcome": "EDSS_CAT", "category": "worsened",
             "time": "48", "time_unit": "week", "since": "treatment",
             "statistic": "person_count", "unit": "persons", "n": "5", "events": "3",
             "state": "reported", **_PLACE}
        ],
    },
}  # fmt: skip


class EvidenceIn(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    source: str = Field(description="Name of the collection, e.g. ms-review-2026")
    tables: dict[str, list[dict[str, str | None]]] = Field(
        description="Rows by table name (studies, arms, results ...), cells as text"
    )
    extractor: str | None = Field(None, description="Who of several that extract for it")
    who: str | None = Field(None, description="Who brings it in; the extractor if left out")
    why: str | None = Field(None, description="Why it was entered or changed")


class EvidenceOut(BaseModel):
    """What changed: how many records were new, changed or unchanged, by kind."""

    source: str
    works: dict[str, int]
    lists: dict[str, int]
    studies: dict[str, int]
    registrations: dict[str, int]
    conflicts: int
    is_unchanged: bool
    warnings: list[dict[str, str]] = Field(
        description="What to look at, by table, row and column; it stopped nothing"
    )


async def _given(request: Request) -> EvidenceIn | bytes:
    """The tables of a request: as JSON, or a workbook as it is."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MEDIA_TYPE:
        return body
    try:
        return EvidenceIn.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}}]
        ) from error
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from error


@router.post(
    "/evidence",
    responses=answers_with(EvidenceOut),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": EvidenceIn.model_json_schema()},
                MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
def add_evidence(
    request: Request,
    store: StoreDep,
    given: Annotated[EvidenceIn | bytes, Depends(_given)],
    source: Annotated[
        str | None, Query(description="Name of the collection, where a workbook is sent")
    ] = None,
    extractor: Annotated[
        str | None, Query(description="Who extracted it, where a workbook is sent")
    ] = None,
    who: Annotated[str | None, Query(description="Who brings in a workbook")] = None,
    why: Annotated[str | None, Query(description="Why a workbook was entered")] = None,
) -> Response:
    """Bring in curation tables: all of them, or nothing where one cell is wrong.

    The tables are sent as JSON, or as the workbook that `kb outcomes template` writes. The same
    tables sent again change nothing; changed rows replace what this source said before.
    """
    if isinstance(given, bytes):
        if source is None:
            raise InvalidInput("source: missing (expected ?source= with a name, e.g. my-review)")
        name = extraction_source(source, extractor)
        curated = read_tables(given, source=name)
    else:
        if (source, extractor, who, why) != (None, None, None, None):
            raise InvalidInput("source, extractor, who and why stand in the JSON that is sent")
        name = extraction_source(given.source, given.extractor)
        _check_text(given)
        who, why = given.who, given.why
        curated = read_tables(given.tables, source=name)
    if curated.errors:
        return problem(
            422,
            f"nothing imported: {curated.errors[0]}"
            + (f" and {len(curated.errors) - 1} more" if len(curated.errors) > 1 else ""),
            path=request.url.path,
            as_page=wants_html(request.scope),
            errors=[
                {"parameter": f"{e.place} {e.column}".strip(), "detail": e.message, **_place(e)}
                for e in curated.errors[:_MOST_ERRORS]
            ],
        )
    report = save_curated(store, name, curated, who=who, why=why)
    warnings = [{"detail": w.message, **_place(w)} for w in curated.warnings[:_MOST_ERRORS]]
    return Response(
        orjson.dumps({**_shown(report), "warnings": warnings}), media_type="application/json"
    )


def _check_text(given: EvidenceIn) -> None:
    if not given.tables:
        raise InvalidInput("no tables (expected rows by table name, e.g. studies)")
    for table, rows in given.tables.items():
        plain_text(table)
        for row in rows:
            for text in (*row, *row.values()):
                plain_text(text or "")
    plain_text(f"{given.who} {given.why}")


def _place(found: CellError) -> dict[str, str]:
    """Where a mistake is, of which kind, and what stands there."""
    return {
        "code": found.code,
        "table": found.file,
        "row": str(found.line),
        "column": found.column,
        "cell": found.cell,
        "value": found.value,
    }


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
