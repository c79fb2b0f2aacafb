"""A record comes in: keep it, find its work, derive the work, link it. One transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.identity.decide import Decision, Holder, decide
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier
from kb.models.records import CitingList, ReferenceList, WorkRecord
from kb.models.tables import IdentityConflict, StoredRecord, Work, WorkIdentifier
from kb.store import links
from kb.store.merge_works import merge_works
from kb.store.records import Change, find_record, keep_record
from kb.store.works_derived import records_of, rederive


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a record. `work_id` is None where a person must decide first."""

    change: Change
    work_id: int | None
    conflicts: int = 0


def save_work_record(
    session: Session,
    record: WorkRecord,
    payload_id: int,
    now: datetime,
    seen_on: PartialDate | None = None,
) -> Saved:
    """Keep the record and bring the base up to date with it.

    `seen_on` dates counts the record gives without a date of their own. Saving the same record
    again writes nothing.
    """
    before = find_record(session, record.source, record.key, record.view)
    stored, change = keep_record(session, record, payload_id, now)
    assert stored.id is not None
    if change is Change.UNCHANGED:
        return Saved(change, stored.work_id)
    decision = _decide(session, record, before.work_id if before else None)
    work_id, affected = _place(session, stored, record, decision, now)
    conflicts = _note_conflicts(session, stored.id, decision, now)
    if work_id is not None:
        rederive(session, work_id, now)
        affected |= links.link_work_record(session, stored, record, now, seen_on)
    for other in sorted(affected - {work_id}):
        rederive(session, other, now)
    return Saved(change, work_id, conflicts)


def save_reference_list(
    session: Session, record: ReferenceList, payload_id: int, now: datetime
) -> Saved:
    """Keep one page of a work's references, in order, and resolve what has identifiers."""
    stored, change = keep_record(session, record, payload_id, now)
    if change is Change.UNCHANGED:
        return Saved(change, stored.work_id)
    stored.work_id = links.find_or_make_work(session, record.of, now)
    session.add(stored)
    session.flush()
    if stored.work_id is not None:
        for other in sorted(links.link_references(session, stored, record.references, now)):
            rederive(session, other, now)
        links.count_references(session, stored.work_id, record.source, record.claimed, now)
    return Saved(change, stored.work_id)


def save_citing_list(
    session: Session,
    record: CitingList,
    payload_id: int,
    now: datetime,
    seen_on: PartialDate | None = None,
) -> tuple[Saved, list[Saved]]:
    """Keep one page of citing works: each as a record of its own, and the edges between."""
    saved: list[Saved] = []
    citing: list[int] = []
    for one in record.citing:
        work_id: int | None
        if one.title is None and one.identifiers:
            work_id = links.find_or_make_work(session, one.identifiers, now)
        else:
            done = save_work_record(session, one, payload_id, now, seen_on)
            saved.append(done)
            work_id = done.work_id
        if work_id is not None:
            citing.append(work_id)
    # The list itself keeps only who cites; the descriptions are records of their own.
    brief = tuple(
        WorkRecord(source=w.source, key=w.key, view=w.view, identifiers=w.identifiers)
        for w in record.citing
    )
    stored, change = keep_record(session, replace(record, citing=brief), payload_id, now)
    if change is Change.UNCHANGED:
        return Saved(change, stored.work_id), saved
    stored.work_id = links.find_or_make_work(session, record.of, now)
    session.add(stored)
    session.flush()
    if stored.work_id is not None:
        links.link_citing(session, stored, citing)
        links.count_citations(session, stored.work_id, record.source, record.claimed, now)
    return Saved(change, stored.work_id), saved


def reassign(session: Session, stored: StoredRecord, work_id: int | None, now: datetime) -> None:
    """Move a record to another work; the caller rederives both."""
    stored.work_id = work_id
    stored.changed_at = now
    session.add(stored)
    session.flush()


def _decide(session: Session, record: WorkRecord, present: int | None) -> Decision:
    decision = decide(record, _holders(session, record.identifiers))
    if not decision.same and present is not None:
        # A record that lost its last shared identifier still describes the work it described.
        decision = replace(decision, same=(present,))
    return decision


def _holders(session: Session, identifiers: Sequence[Identifier]) -> list[Holder]:
    if not identifiers:
        return []
    pairs = [(i.scheme.value, i.value) for i in identifiers]
    ids = session.exec(
        select(WorkIdentifier.work_id)
        .where(sa.tuple_(col(WorkIdentifier.scheme), col(WorkIdentifier.value)).in_(pairs))
        .distinct()
    ).all()
    return [
        Holder(
            work_id,
            frozenset(links.identifiers_of(session, work_id)),
            tuple(record for _, record in records_of(session, work_id)),
        )
        for work_id in ids
    ]


def _place(
    session: Session,
    stored: StoredRecord,
    record: WorkRecord,
    decision: Decision,
    now: datetime,
) -> tuple[int | None, set[int]]:
    """The work the record belongs to (merged or made as needed), and works to recompute."""
    if decision.is_undecided:
        before = stored.work_id
        reassign(session, stored, None, now)
        return None, {before} if before else set()
    affected: set[int] = set()
    if not decision.same:
        work = Work(changed_at=now)
        session.add(work)
        session.flush()
        assert work.id is not None
        work_id = work.id
    else:
        work_id = min(decision.same)
        for other in sorted(set(decision.same) - {work_id}):
            affected |= merge_works(session, loser=other, survivor=work_id, now=now)
    if stored.work_id is not None and stored.work_id not in decision.same:
        affected.add(stored.work_id)
    reassign(session, stored, work_id, now)
    links.claim(session, work_id, decision.claims)
    return work_id, affected


def _note_conflicts(session: Session, record_id: int, decision: Decision, now: datetime) -> int:
    """Keep the contradictions of this record, and only those that still stand."""
    found = {(c.work_id, c.shared.scheme.value, c.shared.value): c for c in decision.contradictions}
    known = session.exec(
        select(IdentityConflict).where(IdentityConflict.record_id == record_id)
    ).all()
    for row in known:
        if found.pop((row.work_id, row.scheme, row.value), None) is None:
            session.delete(row)
    for (work_id, scheme, value), c in found.items():
        session.add(
            IdentityConflict(
                record_id=record_id,
                work_id=work_id,
                scheme=scheme,
                value=value,
                kind=c.kind,
                detail=c.detail,
                seen_at=now,
            )
        )
    session.flush()
    return len(decision.contradictions)
