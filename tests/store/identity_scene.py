"""Records for the tests of identity, and what a reader sees of a base."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlmodel import Session

from kb.models import tables as t
from kb.models.dates import partial_date
from kb.models.records import AuthorClaim, VenueClaim, WorkRecord
from kb.models.tables import IdentityKind
from kb.store import works
from kb.store.identity_decisions import (
    IdentityDeciding,
    decide_identity,
    withdraw_decision,
)
from kb.store.listing import Asked
from tests.store.saves import LATER, rows_of

TITLE = "Autologous mesenchymal stem cells for secondary progressive multiple sclerosis"
OTHER = "Adipose derived cells in relapsing disease of the spinal cord: a pilot trial"
AUTHORS = (
    AuthorClaim(family="Connick", given="Peter"),
    AuthorClaim(family="Kolappan", given="Madhan"),
    AuthorClaim(family="Chandran", given="Siddharthan"),
)


def described(source: str, key: str, **given: Any) -> WorkRecord:
    """A record as complete as indexers make them, of one article unless said otherwise."""
    values: dict[str, Any] = {
        "title": TITLE,
        "authors": AUTHORS,
        "published": partial_date(2012),
        "venue": VenueClaim(name="The Lancet Neurology", abbreviation="Lancet Neurol"),
        "volume": "11",
        "issue": "2",
        "pages": "150-156",
    } | given
    return WorkRecord(source=source, key=key, **values)


def seen(session: Session, *numbers: int) -> dict[int, Any]:
    """All that is shown of these works: details, references, citing works, records, counts and
    neighbours, as JSON."""

    session.flush()
    session.expire_all()
    found = {}
    for number in numbers:
        shown = {
            "detail": works.read_work(session, number),
            "references": works.read_references(session, number),
            "citing": works.list_citing(session, number, Asked()),
            "records": works.read_records(session, work_id=number),
            "observations": works.observations(session, number),
            "coverage": works.coverage(session, number),
        }
        found[number] = orjson.loads(orjson.dumps(shown))
    return found


def living(session: Session) -> list[int]:
    return sorted(w.id for w in rows_of(session, t.Work) if w.merged_into_id is None)


def partition(session: Session) -> set[frozenset[str]]:
    """Which records share a work, by source and key; those that wait for a person are left out."""
    by_work: dict[int, set[str]] = {}
    for row in rows_of(session, t.StoredRecord):
        if row.work_id is not None and row.view in ("work", "brief"):
            by_work.setdefault(row.work_id, set()).add(f"{row.source} {row.key}")
    return {frozenset(names) for names in by_work.values()}


def say(session: Session, kind: str, one: str, other: str, now: datetime = LATER, **by: str) -> int:
    deciding = IdentityDeciding(
        of=(one, other), kind=IdentityKind(kind), **{"who": "anna", "why": "read both"} | by
    )
    return decide_identity(session, deciding, orjson.dumps([kind, one, other]), now)


def take_back(session: Session, number: int, now: datetime = LATER) -> None:
    withdraw_decision(session, number, "bert", "was wrong", now)
