"""Findings of the checks, and accepting one with a reason. `api.guard` decides who may."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.answers import StoreDep, answer, answers_with
from kb.errors import InvalidInput
from kb.outcomes.checks.explained import EXPLAINED
from kb.outcomes.checks.finding import Severity
from kb.store.checks import FindingOut, accept, check
from kb.store.lookup import resolve_study

router = APIRouter(tags=["checks"])


class Standing(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    ALL = "all"


class CheckMeta(BaseModel):
    """`count` findings are listed; `open` counts those of them that nobody has accepted."""

    count: int
    open: int


class Checked(BaseModel):
    meta: CheckMeta
    results: list[FindingOut]


class AcceptanceIn(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"by": "A. Reader", "why": "the report counts eyes, two of each person"}]
        }
    )

    by: str = Field(description="Who accepts the finding, or takes that back")
    why: str = Field(description="Why it stands as it is")
    is_accepted: bool = Field(default=True, description="false takes an acceptance back")


SeverityAsked = Annotated[Severity | None, Query(description="error, warning or note")]
CheckAsked = Annotated[str | None, Query(description="Id of a check, e.g. n-rises")]
StandingAsked = Annotated[Standing, Query(description="open, accepted or all")]


@router.get("/checks", responses=answers_with(Checked))
def all_checks(
    request: Request,
    store: StoreDep,
    severity: SeverityAsked = None,
    check_id: Annotated[str | None, Query(alias="check", description="Id of a check")] = None,
    standing: StandingAsked = Standing.ALL,
) -> Response:
    """Findings on every study held: numbers that cannot be true, seldom are, or count persons
    twice."""
    return _answer(request, store, None, severity, check_id, standing)


@router.get("/studies/{study}/checks", responses=answers_with(Checked))
def checks_of_study(
    request: Request,
    store: StoreDep,
    study: str,
    severity: SeverityAsked = None,
    check_id: Annotated[str | None, Query(alias="check", description="Id of a check")] = None,
    standing: StandingAsked = Standing.ALL,
) -> Response:
    """Findings on one study, each with the numbers behind it and, where somebody accepted it, the
    reason."""
    return _answer(request, store, study, severity, check_id, standing)


@router.post("/checks/{key}/acceptance", responses=answers_with(FindingOut))
def accept_finding(store: StoreDep, key: str, given: AcceptanceIn) -> Response:
    """Record why a finding stands as it is. It stays in the lists, with the reason beside it; with
    another number behind it, it is another finding, and open."""
    with store.writing() as session:
        found = accept(
            session,
            key,
            by=given.by,
            why=given.why,
            is_accepted=given.is_accepted,
            now=datetime.now(UTC),
        )
    return Response(orjson.dumps(found), media_type="application/json")


def _answer(
    request: Request,
    store: StoreDep,
    study: str | None,
    severity: Severity | None,
    check_id: str | None,
    standing: Standing,
) -> Response:
    if check_id is not None and check_id not in EXPLAINED:
        raise InvalidInput(f"no check {check_id[:60]!r} (known: {', '.join(sorted(EXPLAINED))})")
    with store.reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = check(session, number)
    if severity is not None:
        found = [f for f in found if f.severity == severity]
    if check_id is not None:
        found = [f for f in found if f.check == check_id]
    if standing is not Standing.ALL:
        found = [f for f in found if (f.acceptance is None) is (standing is Standing.OPEN)]
    is_open = sum(f.acceptance is None for f in found)
    value = {"meta": {"count": len(found), "open": is_open}, "results": found}
    return answer(request, value, "checks.html", context={"of": study})
