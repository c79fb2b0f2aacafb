"""What several extractors read side by side, and what people decide about values.

Values are entered and corrected here one at a time; `api.guard` decides who may.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.answers import (
    Listed,
    Select,
    StoreDep,
    also_as,
    answer,
    answers_with,
    asked_of,
    finished,
    is_current,
    listed,
)
from api.collection_names import extraction_source
from api.comparison_table import as_csv
from api.negotiation import asked_format, wants_html
from api.problems import problem
from kb.errors import InvalidInput
from kb.formats.single_values import ADVERSE_EVENTS, RESULTS
from kb.models.evidence import DecisionKind
from kb.store import decisions, entries, extractions, results
from kb.store.decisions import DECISIONS, Deciding, DecisionOut, Place
from kb.store.entries import Entering
from kb.store.extractions import AgreementOut, Comparison, History
from kb.store.listing import Asked
from kb.store.lookup import plain_text, resolve_study
from kb.store.records import Change

router = APIRouter(tags=["decisions"])

AskedDecisions = Annotated[Asked, Depends(asked_of(DECISIONS))]
Collection = Annotated[str, Query(description="The collection's name: my-review")]
OfStudy = Annotated[
    str | None, Query(description="Only this study: S1, NCT03778333 or a record key")
]
_VALUES: Any = Field(
    default_factory=dict,
    description="What is changed, by the columns of the curation tables (docs/curation-tables.md): "
    '{"events": 4, "n": 6, "state": "reported"}; null empties a column',
)


async def _sent(request: Request) -> bytes:
    return await request.body()


Sent = Annotated[bytes, Depends(_sent)]


class PlaceIn(BaseModel):
    """Where the value stands. What is left out is as in the value that is followed."""

    model_config = ConfigDict(extra="forbid")

    document: str | None = Field(None, description="As cited: a DOI, PMID, registration number ...")
    locator: str | None = Field(None, description="The place in it: table 2")
    kind: str | None = Field(None, description="abstract, full text table, registry ...")
    standing: str | None = Field(None, description="primary or secondary")
    quote: str | None = Field(None, description="Verbatim")

    def as_place(self) -> Place:
        return Place(**self.model_dump())


_BY: Final = {"who": "dora", "why": "read again in the report"}


class DecisionIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "correction", "of": ["R1"], "values": {"note": "In table 2 too."}, **_BY}
            ]
        },
    )

    kind: DecisionKind
    of: list[str] = Field(description="The values decided on: R12, R40")
    follow: str | None = Field(None, description="Whose values stand; the first where left out")
    values: dict[str, Any] = _VALUES
    evidence: PlaceIn = PlaceIn()
    who: str
    why: str


class CorrectionIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"values": {"note": "In table 2 too."}, **_BY}]},
    )

    values: dict[str, Any] = _VALUES
    evidence: PlaceIn = PlaceIn()
    who: str
    why: str


class ValueIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str = Field(description="Name of the collection, e.g. ms-review-2026")
    extractor: str | None = Field(None, description="Who of its extractors")
    study: str = Field(description="A study held: S1, NCT03778333 or a record key")
    values: dict[str, Any] = Field(
        description="By the columns of the curation table; `arm` is a key or an id (M1)"
    )
    evidence: PlaceIn = Field(description="document, locator, kind and standing are needed")
    who: str | None = None
    why: str | None = None


class EnteredOut(BaseModel):
    id: str
    change: str = Field(description="new, or unchanged where the same was entered before")


# -- side by side ----------------------------------------------------------------------------------


@router.get("/extractions", responses=answers_with(Comparison))
@also_as("csv")
def compare(
    request: Request, store: StoreDep, collection: Collection, study: OfStudy = None
) -> Response:
    """What the extractors of a collection entered, item by item, and where they differ. With
    `format=csv` one row for each statement."""
    with store.reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = extractions.compare_extractions(session, plain_text(collection), number)
    if asked_format(request.scope) == "csv":
        return finished(request, as_csv(found), "text/csv; charset=utf-8")
    return answer(request, found, "extractions/compare.html", context={"asked_study": study})


@router.get("/extractions/agreement", responses=answers_with(AgreementOut))
def agreement(
    request: Request, store: StoreDep, collection: Collection, study: OfStudy = None
) -> Response:
    """How far the extractors of a collection agreed before anybody decided: percent, Cohen's kappa,
    Gwet's AC1, Krippendorff's alpha, and of numbers Lin's concordance and limits of agreement. A
    statistic that these data do not determine is null with its reason."""
    with store.reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = extractions.extraction_agreement(session, plain_text(collection), number)
    return answer(request, found, "extractions/agreement.html")


# -- decisions -------------------------------------------------------------------------------------


@router.get("/decisions", responses=answers_with(Listed[DecisionOut]))
def list_decisions(
    request: Request, store: StoreDep, asked: AskedDecisions, select: Select = None
) -> Response:
    """What people decided about values, newest first: who, when, why, and in whose place."""
    with store.reading() as session:
        found = decisions.list_decisions(session, asked)
    return listed(request, found, "decisions/list.html", DecisionOut, select)


@router.get("/decisions/{decision}", responses=answers_with(DecisionOut))
def one_decision(request: Request, store: StoreDep, decision: str) -> Response:
    """A decision with the values it took the place of."""
    if not (decision.isascii() and decision.isdigit() and len(decision) < 19):
        raise InvalidInput(f"not the number of a decision: {decision[:40]!r} (expected e.g. 1)")
    with store.reading() as session:
        found = decisions.read_decision(session, int(decision))
    return answer(request, found, "decisions/one.html")


@router.post("/decisions", status_code=201, responses=answers_with(DecisionOut))
def decide(store: StoreDep, given: DecisionIn, sent: Sent) -> Response:
    """Decide between values of extractors (adjudication), or put one right (correction).

    A new value stands from then on; those it took the place of stay to see. 409 where a value was
    decided on already, naming what stands now, or where others that differ are not named.
    """
    deciding = Deciding(
        kind=given.kind,
        of=tuple(given.of),
        follow=given.follow,
        values=given.values,
        place=given.evidence.as_place(),
        who=given.who,
        why=given.why,
    )
    with store.writing() as session:
        number = decisions.decide(session, deciding, sent, datetime.now(UTC))
        made = decisions.read_decision(session, number)
    return _made(made, 201, f"/decisions/{number}")


@router.patch("/results/{value}", responses=answers_with(DecisionOut))
def correct_result(
    request: Request, store: StoreDep, value: str, given: CorrectionIn, sent: Sent
) -> Response:
    """Correct a result: a decision of kind correction. With `If-Match` and the ETag of the result
    as JSON, only if it is still what was seen; 412 otherwise."""
    return _correct(request, store, value, given, sent, results.read_result)


@router.patch("/adverse-events/{value}", responses=answers_with(DecisionOut))
def correct_adverse_event(
    request: Request, store: StoreDep, value: str, given: CorrectionIn, sent: Sent
) -> Response:
    """The same of an adverse event."""
    return _correct(request, store, value, given, sent, results.read_adverse_event)


def _correct(
    request: Request, store: StoreDep, value: str, given: CorrectionIn, sent: bytes, read: Any
) -> Response:
    deciding = Deciding(
        kind=DecisionKind.CORRECTION,
        of=(value,),
        values=given.values,
        place=given.evidence.as_place(),
        who=given.who,
        why=given.why,
    )
    with store.writing() as session:
        held = read(session, value)
        expected = request.headers.get("if-match")
        if expected is not None and not is_current(expected, orjson.dumps(held)):
            return problem(
                412,
                f"{held.id} is not what it was when its ETag was given; read it again",
                path=request.url.path,
                as_page=wants_html(request.scope),
            )
        number = decisions.decide(session, deciding, sent, datetime.now(UTC))
        made = decisions.read_decision(session, number)
    return _made(made, 200, f"/decisions/{number}")


@router.get("/results/{value}/versions", responses=answers_with(History))
def result_versions(request: Request, store: StoreDep, value: str) -> Response:
    """What a result said over time: in its source, what it took the place of, and what took its
    place, each with who, when, why and where."""
    with store.reading() as session:
        found = extractions.value_history(session, value)
    return answer(request, found, "results/versions.html")


@router.get("/adverse-events/{value}/versions", responses=answers_with(History))
def adverse_event_versions(request: Request, store: StoreDep, value: str) -> Response:
    """The same of an adverse event."""
    with store.reading() as session:
        found = extractions.value_history(session, value)
    return answer(request, found, "results/versions.html")


# -- one value by itself ---------------------------------------------------------------------------


_EXAMPLE: Final = {
    "source": "my-review",
    "extractor": "anna",
    "study": "MS_IACOBAEUS_2019",
    "evidence": {
        "document": "10.3390/jcm8122102",
        "locator": "abstract",
        "kind": "abstract",
        "standing": "primary",
    },
}
_RESULT: Final = {
    "arm": "msc", "outcome": "T2_NEW", "category": "complement", "statistic": "person_count",
    "time": 12, "time_unit": "week", "since": "treatment", "n": 6, "events": 5,
    "state": "reported",
}  # fmt: skip
_ADVERSE_EVENT: Final = {"arm": "msc", "code": "AE_ANY", "at_risk": 7, "state": "not_reported"}
ResultIn = Annotated[ValueIn, Body(examples=[{**_EXAMPLE, "values": _RESULT}])]
AdverseEventIn = Annotated[ValueIn, Body(examples=[{**_EXAMPLE, "values": _ADVERSE_EVENT}])]


@router.post("/results", status_code=201, responses=answers_with(EnteredOut))
def enter_result(store: StoreDep, given: ResultIn, sent: Sent) -> Response:
    """Enter one result of a study and an arm that are held, into a collection. The same again
    changes nothing; where the same extractor said otherwise, correct that (409 names it)."""
    return _enter(store, given, sent, RESULTS)


@router.post("/adverse-events", status_code=201, responses=answers_with(EnteredOut))
def enter_adverse_event(store: StoreDep, given: AdverseEventIn, sent: Sent) -> Response:
    """Enter one adverse event likewise."""
    return _enter(store, given, sent, ADVERSE_EVENTS)


def _enter(store: StoreDep, given: ValueIn, sent: bytes, table: str) -> Response:
    entering = Entering(
        source=extraction_source(given.source, given.extractor),
        study=given.study,
        values=given.values,
        place=given.evidence.as_place(),
        table=table,
        who=given.who,
        why=given.why,
    )
    with store.writing() as session:
        change, name = entries.enter(session, entering, sent, datetime.now(UTC))
    status = 200 if change is Change.UNCHANGED else 201
    where = f"/{table.replace('_', '-')}/{name}"
    return _made({"id": name, "change": change.value}, status, where)


def _made(value: Any, status: int, where: str) -> Response:
    return Response(
        orjson.dumps(value),
        status_code=status,
        media_type="application/json",
        headers={"Location": where, "Cache-Control": "no-store"},
    )
