"""What the base holds, in numbers, and which schema it has."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from kb.models.tables import (
    AdverseEvent,
    Cites,
    Failure,
    IdentityConflict,
    IdentityPair,
    Notice,
    Reference,
    Registration,
    Result,
    StoredPayload,
    StoredRecord,
    Study,
    Work,
)


def counts(session: Session) -> dict[str, int]:
    """Rows per kind. Works and studies that were merged into others are not counted."""
    counted: dict[str, Any] = {
        "works": sa.select(sa.func.count(col(Work.id))).where(col(Work.merged_into_id).is_(None)),
        "works_described": sa.select(sa.func.count(col(Work.id))).where(
            col(Work.merged_into_id).is_(None), col(Work.is_described).is_(sa.true())
        ),
        "studies": sa.select(sa.func.count(col(Study.id))).where(
            col(Study.merged_into_id).is_(None)
        ),
        "registrations": _all(Registration),
        "results": _all(Result),
        "adverse_events": _all(AdverseEvent),
        "citations": _all(Cites),
        "references": _all(Reference),
        "notices": _all(Notice),
        "records": _all(StoredRecord),
        "payloads": _all(StoredPayload),
        "failures": _all(Failure),
        "identity_conflicts": _all(IdentityConflict),
        "identity_pairs": _pairs(),
    }
    # One statement, so that the numbers belong together.
    query = sa.select(*(of.scalar_subquery().label(name) for name, of in counted.items()))
    return dict(session.execute(query).mappings().one())


def _pairs() -> Any:
    """Pairs of records of different works that are or may be one, or belong together."""
    other: Any = aliased(StoredRecord)
    return (
        sa.select(sa.func.count())
        .select_from(IdentityPair)
        .join(StoredRecord, col(StoredRecord.id) == col(IdentityPair.record_id))
        .join(other, other.id == col(IdentityPair.other_id))
        .where(col(StoredRecord.work_id) != other.work_id)
    )


def _all(table: Any) -> Any:
    return sa.select(sa.func.count()).select_from(table)


def schema_revision(session: Session) -> str | None:
    """The migration the database stands at; None where none has run."""
    if not sa.inspect(session.connection()).has_table("alembic_version"):
        return None
    return session.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
