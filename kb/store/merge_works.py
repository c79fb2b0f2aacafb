"""Two works turn out to be one: everything that pointed to the one points to the other.

Records are reassigned, nothing is edited; the caller recomputes the survivor from all of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.models.tables import (
    Authorship,
    CitationAssertion,
    Cites,
    Coverage,
    Evidence,
    IdentityConflict,
    Notice,
    NoticeAssertion,
    Observation,
    OutcomeWork,
    Reference,
    Report,
    StoredRecord,
    Work,
    WorkConcept,
    WorkFunding,
    WorkIdentifier,
    WorkMerge,
    WorkRegistration,
    WorkRelation,
)
from kb.store.links import count_citations, count_references
from kb.store.notices import settle_notices
from kb.store.reports import link_reports
from kb.store.work_rows import snapshot

# Recomputed from the records, so only cleared.
_DERIVED: tuple[type[Any], ...] = (Authorship, WorkConcept, WorkFunding)
# Columns naming a work, in tables where the row has an id of its own.
_PLAIN: tuple[tuple[type[Any], str], ...] = (
    (StoredRecord, "work_id"),
    (WorkIdentifier, "work_id"),
    (IdentityConflict, "work_id"),
    (Reference, "citing_id"),
    (Reference, "cited_id"),
    (Observation, "work_id"),
    (Notice, "work_id"),
    (Notice, "notice_work_id"),
    (NoticeAssertion, "notice_work_id"),
    (Evidence, "work_id"),
)
# Columns that are part of the key: a row the survivor already has is dropped.
_KEYED: tuple[tuple[type[Any], str], ...] = (
    (Cites, "citing_id"),
    (Cites, "cited_id"),
    (CitationAssertion, "citing_id"),
    (CitationAssertion, "cited_id"),
    (WorkRelation, "work_id"),
    (WorkRelation, "other_id"),
    (WorkRegistration, "work_id"),
    (Report, "work_id"),
    (OutcomeWork, "work_id"),
    (Coverage, "work_id"),
)
# A work does not cite or relate to itself; assertions before their edges.
_FROM_WORK_TO_WORK: tuple[tuple[type[Any], str, str], ...] = (
    (CitationAssertion, "citing_id", "cited_id"),
    (Cites, "citing_id", "cited_id"),
    (WorkRelation, "work_id", "other_id"),
)


def merge_works(
    session: Session,
    *,
    loser: int,
    survivor: int,
    now: datetime,
    decision_id: int | None = None,
    record_id: int | None = None,
) -> set[int]:
    """Move all of `loser` to `survivor` and leave a pointer. Returns works to recompute.

    The merge is kept with its reason, the decision of a person or the record that joined the two,
    and with what `kb.store.unmerge_works` needs to undo it.
    """
    before = snapshot(session, loser=loser, survivor=survivor)
    for table in _DERIVED:
        session.execute(sa.delete(table).where(table.work_id == loser))
    for table, name in _PLAIN:
        column = getattr(table, name)
        session.execute(sa.update(table).where(column == loser).values({name: survivor}))
    # Edges are copied before their assertions move, and the old ones dropped after: an assertion
    # always has its edge.
    for table, name in _KEYED:
        _copy(session, table, name, loser, survivor)
    for table, name in reversed(_KEYED):
        session.execute(sa.delete(table).where(getattr(table, name) == loser))
    for table, left, right in _FROM_WORK_TO_WORK:
        session.execute(sa.delete(table).where(getattr(table, left) == getattr(table, right)))
    session.execute(
        sa.delete(NoticeAssertion).where(
            col(NoticeAssertion.notice_work_id) == survivor,
            col(NoticeAssertion.notice_id).in_(
                sa.select(col(Notice.id)).where(col(Notice.work_id) == survivor)
            ),
        )
    )
    gone = session.get(Work, loser)
    assert gone is not None
    gone.merged_into_id, gone.changed_at, gone.is_retracted = survivor, now, False
    session.add(gone)
    session.execute(
        sa.update(Work).where(col(Work.merged_into_id) == loser).values(merged_into_id=survivor)
    )
    session.add(
        WorkMerge(
            survivor_id=survivor,
            loser_id=loser,
            at=now,
            decision_id=decision_id,
            record_id=record_id,
            before=before,
        )
    )
    session.flush()
    session.expire_all()
    # Two notices may have become one, about the survivor or by it.
    concerned = select(Notice.work_id).where(
        sa.or_(col(Notice.work_id) == survivor, col(Notice.notice_work_id) == survivor)
    )
    settle_notices(session, {survivor, *session.exec(concerned)}, now)
    link_reports(session, [survivor])
    for row in session.exec(select(Coverage).where(Coverage.work_id == survivor)).all():
        count = count_references if row.direction == "references" else count_citations
        count(session, survivor, row.source, row.claimed, now)
    return {survivor}


def _copy(session: Session, table: type[Any], name: str, loser: int, survivor: int) -> None:
    """Give the survivor a copy of the loser's rows, except those it has."""
    mapper = sa.inspect(table)
    columns = [attribute.key for attribute in mapper.column_attrs]
    keys = [column.key for column in mapper.primary_key]
    rows = session.execute(
        sa.select(*(getattr(table, c) for c in columns)).where(getattr(table, name) == loser)
    ).all()
    for row in rows:
        values = {**row._mapping, name: survivor}
        if session.get(table, tuple(values[k] for k in keys)) is None:
            session.execute(sa.insert(table).values(values))
