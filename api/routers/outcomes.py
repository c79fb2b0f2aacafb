"""What is measured and which way is better, and what to know before a number is used."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.answers import Listed, Select, StoreDep, answer, answers_with, asked_of, listed
from kb.models.evidence import Category
from kb.outcomes.matching import Match, match_outcome
from kb.outcomes.vocabulary import load_caveats, load_vocabulary
from kb.store import outcomes, results
from kb.store.listing import Asked
from kb.store.lookup import plain_text, resolve_outcome
from kb.store.outcomes import OutcomeDetail
from kb.store.results import OutcomeMatchOut, OutcomeSummary

router = APIRouter(tags=["outcomes"])

AskedOutcomes = Annotated[Asked, Depends(asked_of(results.OUTCOMES))]


class Caveats(BaseModel):
    results: list[dict[str, str]]


class SuggestedMatch(BaseModel):
    code: str
    title: str
    confidence: float
    basis: str
    matched_text: str
    category: Category | None


class Suggestions(BaseModel):
    name: str
    results: list[SuggestedMatch]


class MatchIn(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"code": "T2_NEW", "by": "A. Reviewer", "why": "as in the protocol"}]
        }
    )

    code: str = Field(max_length=100, description="Of the vocabulary: EDSS, T2_NEW ...")
    by: str = Field(max_length=100, description="Who confirms it")
    why: str | None = Field(default=None, max_length=2000)
    category: Category | None = Field(
        default=None, description="The side its persons are on, where the wording says so"
    )


@router.get("/outcomes", responses=answers_with(Listed[OutcomeSummary]))
def list_outcomes(
    request: Request, store: StoreDep, asked: AskedOutcomes, select: Select = None
) -> Response:
    """Outcomes of the vocabulary, then those that one registry entry words in its own way."""
    with store.reading() as session:
        found = results.list_outcomes(session, asked)
    return listed(request, found, "outcomes/list.html", OutcomeSummary, select)


@router.get("/outcomes/suggestions", responses=answers_with(Suggestions))
def suggestions(
    request: Request,
    name: Annotated[
        str, Query(max_length=400, description="As a registry or report words it")
    ] = "",
    description: Annotated[str | None, Query(max_length=2000)] = None,
    unit: Annotated[str | None, Query(max_length=100)] = None,
    condition: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Which outcomes of the vocabulary a name may mean, best first. Nothing is stored."""
    found = match_outcome(name, description=description, unit=unit, condition=condition)
    known = {"name": name, "results": [_titled(match) for match in found]}
    return answer(request, known, "outcomes/suggestions.html")


@router.get("/outcomes/{outcome}", responses=answers_with(OutcomeDetail))
def outcome(request: Request, store: StoreDep, outcome: str, select: Select = None) -> Response:
    """An outcome by its code or id: its definition, how much is held of it and, for one without a
    code, what it may be."""
    with store.reading() as session:
        found = outcomes.read_outcome(session, resolve_outcome(session, outcome))
    return answer(request, found, "outcomes/one.html", select=select)


@router.post("/outcomes/{outcome}/match", responses=answers_with(OutcomeMatchOut))
def confirm_match(store: StoreDep, outcome: str, given: MatchIn) -> Response:
    """Say which outcome of the vocabulary one without a code is.

    Its results are then found under that code as well, each with this match beside it.
    """
    for text in (given.code, given.by, given.why or ""):
        plain_text(text)
    with store.writing() as session:
        found = outcomes.confirm_match(
            session,
            resolve_outcome(session, outcome),
            given.code,
            by=given.by,
            why=given.why,
            category=given.category,
            now=datetime.now(UTC),
        )
    return Response(orjson.dumps(found), media_type="application/json")


@router.delete("/outcomes/{outcome}/match", status_code=204, responses=answers_with(None))
def withdraw_match(store: StoreDep, outcome: str) -> Response:
    """Take a match back: the results stand under their own outcome again."""
    with store.writing() as session:
        outcomes.withdraw_match(session, resolve_outcome(session, outcome))
    return Response(status_code=204)


@router.get("/caveats", responses=answers_with(Caveats))
def caveats(request: Request) -> Response:
    """What each caveat means: the codes that studies, arms, results and adverse events carry."""
    known = [
        {"code": code, "explanation": explanation} for code, explanation in load_caveats().items()
    ]
    return answer(request, {"results": known}, "caveats.html")


def _titled(match: Match) -> dict[str, Any]:
    return {**asdict(match), "title": load_vocabulary()[match.code].name}
