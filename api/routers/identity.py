"""Which works may be one, and what people decide about that. `api.guard` decides who may."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.answers import Listed, Select, StoreDep, answer, answers_with, asked_of, listed
from kb.errors import InvalidInput
from kb.models.tables import IdentityKind
from kb.store.identity_decisions import IdentityDeciding, decide_identity, withdraw_decision
from kb.store.identity_lists import (
    IDENTITY_DECISIONS,
    PAIRS,
    IdentityDecisionOut,
    PairOut,
    list_identity_decisions,
    list_pairs,
    read_identity_decision,
)
from kb.store.listing import Asked

router = APIRouter(prefix="/identity", tags=["identity"])

AskedPairs = Annotated[Asked, Depends(asked_of(PAIRS))]
AskedDecisions = Annotated[Asked, Depends(asked_of(IDENTITY_DECISIONS))]


async def _sent(request: Request) -> bytes:
    return await request.body()


Sent = Annotated[bytes, Depends(_sent)]


class IdentityDecisionIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "works": ["W1", "W2"],
                    "decision": "different",
                    "who": "anna",
                    "why": "two phases of one trial, each with its own patients",
                }
            ]
        },
    )

    works: list[str] | None = Field(
        None,
        description="Two of: W1 or any identifier of a work; record:12; reference:12:3, which is "
        "line 3 of the bibliography in record 12",
    )
    records: list[int] | None = Field(None, description="Or two records, by number")
    decision: IdentityKind
    who: str
    why: str

    @model_validator(mode="after")
    def _names_two(self) -> IdentityDecisionIn:
        if (self.works is None) == (self.records is None):
            raise ValueError("name two works or two records")
        if len(self.works or self.records or ()) != 2:
            raise ValueError("a decision is about two things, no more and no fewer")
        return self

    @property
    def of(self) -> tuple[str, str]:
        one, other = self.works or [f"record:{number}" for number in self.records or ()]
        return one, other


class WithdrawalIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"who": "bert", "why": "the second trial is the first"}]},
    )

    who: str
    why: str


@router.get("/pairs", responses=answers_with(Listed[PairOut]))
def pairs(request: Request, store: StoreDep, asked: AskedPairs, select: Select = None) -> Response:
    """What waits for a person: works that may be one (unsure), works that belong together and are
    two (linked), records that contradict the work whose identifier they share (contradiction)."""
    with store.reading() as session:
        found = list_pairs(session, asked)
    return listed(request, found, "identity/pairs.html", PairOut, select)


@router.get("/decisions", responses=answers_with(Listed[IdentityDecisionOut]))
def decisions(
    request: Request, store: StoreDep, asked: AskedDecisions, select: Select = None
) -> Response:
    """What people decided, newest first, with what was withdrawn, by whom and why."""
    with store.reading() as session:
        found = list_identity_decisions(session, asked)
    return listed(request, found, "identity/decisions.html", IdentityDecisionOut, select)


@router.get("/decisions/{decision}", responses=answers_with(IdentityDecisionOut))
def decision(request: Request, store: StoreDep, decision: str) -> Response:
    """One decision, and where its two sides are now."""
    with store.reading() as session:
        found = read_identity_decision(session, _number(decision))
    return answer(request, found, "identity/decision.html")


@router.post("/decisions", status_code=201, responses=answers_with(IdentityDecisionOut))
def decide(store: StoreDep, given: IdentityDecisionIn, sent: Sent) -> Response:
    """Say that two works are one (they are merged) or are not (they are parted, and stay so).

    409 where a decision that stands says otherwise, naming it. Withdrawing a decision undoes it.
    """
    deciding = IdentityDeciding(of=given.of, kind=given.decision, who=given.who, why=given.why)
    with store.writing() as session:
        number = decide_identity(session, deciding, sent, datetime.now(UTC))
        made = read_identity_decision(session, number)
    return _made(made, 201)


@router.post("/decisions/{decision}/withdraw", responses=answers_with(IdentityDecisionOut))
def withdraw(store: StoreDep, decision: str, given: WithdrawalIn) -> Response:
    """Take a decision back: what it joined is two works again, as they were; what it kept apart is
    decided by what the sources say."""
    with store.writing() as session:
        number = _number(decision)
        withdraw_decision(session, number, given.who, given.why, datetime.now(UTC))
        made = read_identity_decision(session, number)
    return _made(made, 200)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidInput(f"not the number of a decision: {text[:40]!r} (expected e.g. 1)")
    return int(text)


def _made(value: IdentityDecisionOut, status: int) -> Response:
    content: Any = orjson.dumps(value)
    return Response(
        content,
        status_code=status,
        media_type="application/json",
        headers={
            "Location": f"/identity/decisions/{value.id}",
            "Cache-Control": "no-store",
        },
    )
