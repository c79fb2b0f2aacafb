"""What people said of identity and have not taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.identity.decide import NOTHING_SAID, RECORD, Said
from kb.models.tables import (
    IdentityDecision,
    IdentityKind,
    StoredRecord,
    Work,
    WorkIdentifier,
    WorkMerge,
)

_KNOWN: Final = "identity decisions stand"


def anything_said(session: Session) -> bool:
    """Whether any decision stands. Most bases have none, and looking once for a transaction saves
    the look-ups for every record; who decides calls `said_now`."""
    if _KNOWN not in session.info:
        query = select(IdentityDecision.id).where(col(IdentityDecision.withdrawn_at).is_(None))
        session.info[_KNOWN] = session.exec(query.limit(1)).first() is not None
    known: bool = session.info[_KNOWN]
    return known


def said_now(session: Session) -> None:
    session.info[_KNOWN] = True


def standing_decisions(
    session: Session, *, records: Iterable[int] = (), identifiers: Iterable[str] = ()
) -> Sequence[IdentityDecision]:
    """Those about works in which one of these records or identifiers is a side, oldest first;
    what was said of lines of bibliographies is left out."""
    if not anything_said(session):
        return []
    ids, names = sorted(set(records)), sorted(set(identifiers))
    d = IdentityDecision
    found: dict[int, IdentityDecision] = {}
    for columns, wanted in (
        ((d.record_id, d.other_record_id), ids),
        ((d.identifier, d.other_identifier), names),
    ):
        for start in range(0, len(wanted), 500):
            chunk = wanted[start : start + 500]
            named = sa.or_(*(col(column).in_(chunk) for column in columns))
            query = select(d).where(
                named,
                col(d.withdrawn_at).is_(None),
                col(d.position).is_(None),
                col(d.other_position).is_(None),
            )
            found |= {row.id or 0: row for row in session.exec(query)}
    return [found[i] for i in sorted(found)]


def lines_said(session: Session, record_id: int) -> list[IdentityDecision]:
    """What people said of the lines of one bibliography, oldest first."""
    if not anything_said(session):
        return []
    d = IdentityDecision
    query = select(d).where(
        col(d.withdrawn_at).is_(None),
        sa.or_(
            sa.and_(col(d.record_id) == record_id, col(d.position).is_not(None)),
            sa.and_(col(d.other_record_id) == record_id, col(d.other_position).is_not(None)),
        ),
    )
    return list(session.exec(query.order_by(col(d.id))))


def told(decision: IdentityDecision) -> str:
    """ "decision 3 by Anna (2026-11-22): two phases of one trial"."""
    return f"decision {decision.id} by {decision.who} ({decision.at.date()}): {decision.why}"


def said_of(session: Session, stored: StoredRecord, works: Collection[int]) -> Said:
    """What people said of the record and of these works, which hold its identifiers."""
    if not anything_said(session):
        return NOTHING_SAID
    assert stored.id is not None
    known = {*works, *([stored.work_id] if stored.work_id else [])}
    records = dict(
        session.execute(
            sa.select(col(StoredRecord.id), col(StoredRecord.work_id)).where(
                col(StoredRecord.work_id).in_(known)
            )
        ).all()
    )
    names = {
        f"{row.scheme}:{row.value}": row.work_id
        for row in session.exec(
            select(WorkIdentifier).where(col(WorkIdentifier.work_id).in_(works))
        )
    }
    decisions = standing_decisions(session, records={stored.id, *records}, identifiers=names)
    together: set[int] = set()
    if stored.work_id is not None and is_joined_by_people(session, stored.work_id):
        together.add(stored.work_id)
    if not decisions and not together:
        return NOTHING_SAID
    words: dict[int, int] = {}
    apart: dict[frozenset[int], str] = {}
    for decision in decisions:
        sides: list[int | None] = []
        for record_id, name in (
            (decision.record_id, decision.identifier),
            (decision.other_record_id, decision.other_identifier),
        ):
            if record_id == stored.id:
                sides.append(RECORD)
            elif record_id is not None:
                sides.append(records.get(record_id) or work_of_record(session, record_id))
            else:
                sides.append(names.get(name or "") or holder_of(session, name or ""))
        one, other = sides
        if one is None or other is None:
            continue
        if decision.kind == IdentityKind.DIFFERENT:
            apart[frozenset({one, other})] = told(decision)
        elif RECORD in sides:
            words |= dict.fromkeys({one, other} - {RECORD}, decision.id or 0)
    kept = {pair: why for pair, why in apart.items() if len(pair) == 2}
    together -= {w for pair in kept if RECORD in pair for w in pair}
    return Said(frozenset(together | words.keys()), words, kept, stored.work_id)


def is_joined_by_people(session: Session, work_id: int) -> bool:
    """Whether a merge by a person's decision made the work what it is."""
    if not anything_said(session):
        return False
    names = sa.select(col(Work.id)).where(col(Work.merged_into_id) == work_id)
    query = select(WorkMerge.id).where(
        sa.or_(col(WorkMerge.survivor_id) == work_id, col(WorkMerge.survivor_id).in_(names)),
        col(WorkMerge.decision_id).is_not(None),
        col(WorkMerge.undone_at).is_(None),
    )
    return session.exec(query.limit(1)).first() is not None


def work_of_record(session: Session, record_id: int) -> int | None:
    return session.exec(select(StoredRecord.work_id).where(StoredRecord.id == record_id)).first()


def holder_of(session: Session, name: str) -> int | None:
    scheme, _, value = name.partition(":")
    row = session.get(WorkIdentifier, (scheme, value))
    return row.work_id if row else None
