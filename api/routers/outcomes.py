"""What is measured and which way is better, and what to know before a number is used."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from api.answers import Listed, Select, StoreDep, answer, answers_with, asked_of, listed
from kb.outcomes.vocabulary import load_caveats
from kb.store import results
from kb.store.listing import Asked
from kb.store.lookup import resolve_outcome
from kb.store.results import OutcomeSummary

router = APIRouter(tags=["outcomes"])

AskedOutcomes = Annotated[Asked, Depends(asked_of(results.OUTCOMES))]


class Caveats(BaseModel):
    results: list[dict[str, str]]


@router.get("/outcomes", responses=answers_with(Listed[OutcomeSummary]))
def list_outcomes(
    request: Request, store: StoreDep, asked: AskedOutcomes, select: Select = None
) -> Response:
    """Outcomes of the vocabulary, then those that one registry entry words in its own way."""
    with store.reading() as session:
        found = results.list_outcomes(session, asked)
    return listed(request, found, "outcomes/list.html", OutcomeSummary, select)


@router.get("/outcomes/{outcome}", responses=answers_with(OutcomeSummary))
def outcome(request: Request, store: StoreDep, outcome: str, select: Select = None) -> Response:
    """An outcome by its code or id, and how much is held of it."""
    with store.reading() as session:
        (found,) = results.outcome_summaries(session, [resolve_outcome(session, outcome)])
    return answer(request, found, "outcomes/one.html", select=select)


@router.get("/caveats", responses=answers_with(Caveats))
def caveats(request: Request) -> Response:
    """What each caveat means: the codes that studies, arms, results and adverse events carry."""
    known = [
        {"code": code, "explanation": explanation} for code, explanation in load_caveats().items()
    ]
    return answer(request, {"results": known}, "caveats.html")
