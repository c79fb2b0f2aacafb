"""How people judged studies, and summary of findings rows. `api.guard` decides who may write."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import PlainTextResponse

from api.answers import StoreDep, answer, answers_with, finished
from api.problems import problem
from kb.appraisal.grade import SummaryRow
from kb.appraisal.tool import Tool, find_tool, load_tools
from kb.formats.appraisal_tables import read_appraisals as read_table
from kb.formats.summary_of_findings import rows_of
from kb.store.appraisals import (
    AppraisalOut,
    CompletenessOut,
    read_appraisals,
    reporting_completeness,
    robvis_table,
    save_appraisals,
)
from kb.store.lookup import plain_text, resolve_study

router = APIRouter(tags=["appraisals"])

_MOST_ERRORS = 200

ToolAsked = Annotated[str | None, Query(description="RoB 2, ROBINS-I, MINORS ...")]
VersionAsked = Annotated[str | None, Query(description="Of the tool")]
StudyAsked = Annotated[str | None, Query(description="S1, a registration number or a record key")]


class Count(BaseModel):
    count: int


class Appraisals(BaseModel):
    meta: Count
    results: list[AppraisalOut]


class Completenesses(BaseModel):
    meta: Count
    results: list[CompletenessOut]


class Tools(BaseModel):
    meta: Count
    results: list[Tool]


_JUDGEMENTS: Final = """study,tool,version,assessor,item,answer,support,locator
MS_IACOBAEUS_2019,MINORS,2003,anna,1,2,The aim is stated.,abstract
MS_IACOBAEUS_2019,MINORS,2003,anna,8,0,,
"""
_SUMMARY_ROW: Final = {
    "outcome": "EDSS worsened",
    "timeframe": "48 weeks",
    "body": "single-arm",
    "studies": 1,
    "participants": 5,
    "observed": {"estimate": 0.6, "ci_low": 0.147, "ci_high": 0.947},
    "steps": [{"domain": "imprecision", "levels": -1, "reason": "five participants"}],
}


class AppraisalsIn(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"table": _JUDGEMENTS}]})

    table: str = Field(
        description="CSV: study, tool, version, assessor, item, answer, support ...; or as robvis "
        "reads it: Study, D1 .. Dn, Overall"
    )
    tool: str | None = Field(default=None, description="Where the table does not say")
    version: str | None = None
    assessor: str | None = None


@router.get("/appraisal-tools", responses=answers_with(Tools))
def tools(request: Request) -> Response:
    """The tools with their items and answers; a tool of two versions is there twice."""
    found = list(load_tools())
    return answer(request, {"meta": {"count": len(found)}, "results": found}, "tools.html")


@router.get("/appraisals", responses=answers_with(Appraisals))
def appraisals(
    request: Request,
    store: StoreDep,
    study: StudyAsked = None,
    tool: ToolAsked = None,
    version: VersionAsked = None,
) -> Response:
    """Judgements with tool, version, assessor and support: each assessor's last word."""
    wanted = None if tool is None else find_tool(tool, version)
    with store.reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = read_appraisals(session, number, wanted)
    return answer(request, {"meta": {"count": len(found)}, "results": found}, "appraisals.html")


@router.get("/appraisals/robvis", response_class=PlainTextResponse)
def robvis(
    request: Request,
    store: StoreDep,
    tool: Annotated[str, Query(description="RoB 2, ROBINS-I, MINORS ...")],
    version: VersionAsked = None,
) -> Response:
    """The table that robvis reads, for one tool: a consensus stands for its assessors, and a study
    on which several differ without one is left out."""
    wanted = find_tool(tool, version)
    with store.reading() as session:
        table, _ = robvis_table(session, wanted)
    return finished(request, table, "text/csv; charset=utf-8")


@router.get("/studies/{study}/appraisals", responses=answers_with(Appraisals))
def appraisals_of_study(request: Request, store: StoreDep, study: str) -> Response:
    """Judgements of one study, of those before as well: nothing is overwritten."""
    with store.reading() as session:
        found = read_appraisals(session, resolve_study(session, study), with_earlier=True)
    return answer(request, {"meta": {"count": len(found)}, "results": found}, "appraisals.html")


@router.post("/appraisals")
def add_appraisals(request: Request, store: StoreDep, given: AppraisalsIn) -> Response:
    """Keep judgements: all of a table, or nothing where one cell is wrong. What an assessor said
    before stays, and what is said again changes nothing."""
    plain_text(given.table)
    body = given.table.encode()
    table = read_table(body, tool=given.tool, version=given.version, assessor=given.assessor)
    if table.errors:
        return problem(
            422,
            f"nothing imported: {table.errors[0]}"
            + (f" and {len(table.errors) - 1} more" if len(table.errors) > 1 else ""),
            path=request.url.path,
            as_page=False,
            errors=[
                {"parameter": f"line {e.line} {e.column}", "detail": e.message}
                for e in table.errors[:_MOST_ERRORS]
            ],
        )
    with store.writing() as session:
        counted = save_appraisals(session, table.claims, body, datetime.now(UTC))
    return _json({str(change): n for change, n in counted.items()})


@router.get("/completeness", responses=answers_with(Completenesses))
def completeness(request: Request, store: StoreDep, study: StudyAsked = None) -> Response:
    """What is told of each study's cells, by the items of DOSES and ISCT. An item that this base
    does not hold may well be told in the paper: only an assessor's answer says that it is not."""
    with store.reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = reporting_completeness(session, number)
    return answer(request, {"meta": {"count": len(found)}, "results": found}, "completeness.html")


@router.post("/summary-of-findings", responses=answers_with(list[SummaryRow]))
def summary_of_findings(
    rows: Annotated[list[dict[str, Any]], Body(examples=[[_SUMMARY_ROW]])],
) -> Response:
    """GRADE rows: certainty from the design and the steps given, risks per 1,000, and what a body
    of evidence without comparator cannot say. Computes only; nothing is kept."""
    return _json(rows_of(rows))


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
