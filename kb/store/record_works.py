"""A record comes in: keep it, find its work, derive the work, link it. One transaction each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, select

from kb.identity.decide import ONE_PER_WORK, Decision, Holder, decide
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier
from kb.models.records import CitingList, ReferenceList, View, WorkRecord
from kb.models.tables import IdentityConflict, StoredRecord, Work, WorkIdentifier
from kb.store import links
from kb.store.merge_works import merge_works
from kb.store.notices import link_notices
from kb.store.records import Change, as_work_record, find_record, keep_record
from kb.store.reports import link_reports
from kb.store.works_derived import records_of, rederive, rederive_mentioned


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
    said_before = as_work_record(before).identifiers if before else ()
    stored, change = keep_record(session, record, payload_id, now)
    assert stored.id is not None
    if change is Change.UNCHANGED:
        return Saved(change, stored.work_id)
    if stored.work_id is not None:
        _take_back(session, stored, set(said_before) - set(record.identifiers))
    decision = _decide(session, record, stored)
    work_id, affected = _place(session, stored, decision, now)
    conflicts = _note_conflicts(session, stored.id, decision, now)
    if work_id is not None:
        _recompute(session, {work_id}, now)
        mentioned = links.link_work_record(session, stored, record, now, seen_on)
        rederive_mentioned(session, mentioned, now)
        link_notices(session, stored, record.notices, now)
    _recompute(session, affected - {work_id}, now)
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
        mentioned = links.link_references(session, stored, record.references, now)
        rederive_mentioned(session, mentioned, now)
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


def _recompute(session: Session, work_ids: Iterable[int], now: datetime) -> None:
    changed = {work_id for work_id in sorted(work_ids) if rederive(session, work_id, now)}
    # Whether a work reports the trials it names depends on what type of work it is.
    link_reports(session, changed)


def _take_back(session: Session, stored: StoredRecord, dropped: set[Identifier]) -> None:
    """Take from the work the identifiers that only this record gave it and gives no more."""
    assert stored.work_id is not None
    others = [r for i, r in records_of(session, stored.work_id) if i != stored.id]
    for identifier in sorted(dropped - {i for record in others for i in record.identifiers}):
        row = session.get(WorkIdentifier, (identifier.scheme.value, identifier.value))
        if row is not None and row.work_id == stored.work_id:
            session.delete(row)
    session.flush()


def _decide(session: Session, record: WorkRecord, stored: StoredRecord) -> Decision:
    decision = decide(record, _holders(session, record.identifiers, stored))
    contradicted = {c.work_id for c in decision.contradictions}
    if not decision.same and stored.work_id is not None and stored.work_id not in contradicted:
        # A record that lost its last shared identifier still describes the work it described.
        decision = replace(decision, same=(stored.work_id,))
    return decision


def _holders(
    session: Session, identifiers: Sequence[Identifier], stored: StoredRecord
) -> list[Holder]:
    """The works holding any of the identifiers, with the records they have besides this one."""
    return [
        Holder(
            work_id,
            frozenset(links.identifiers_of(session, work_id)),
            tuple(record for i, record in records_of(session, work_id) if i != stored.id),
        )
        for work_id in sorted(set(links.holders(session, identifiers).values()))
    ]


def _place(
    session: Session, stored: StoredRecord, decision: Decision, now: datetime
) -> tuple[int | None, set[int]]:
    """The work the record belongs to (merged or made as needed), and works to recompute."""
    if decision.is_undecided:
        return None, _withdraw(session, stored, now)
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
    if stored.work_id is not None and stored.work_id != work_id:
        affected.add(stored.work_id)
    stored.work_id = work_id
    session.add(stored)
    session.flush()
    links.claim(session, work_id, decision.claims)
    _believe_records(session, work_id, now)
    return work_id, affected


def _believe_records(session: Session, work_id: int, now: datetime) -> None:
    """Take from the work the identifiers that bibliographies gave it and its records contradict.

    What pointed to it by one of these alone points to another work then.
    """
    held = links.identifiers_of(session, work_id)
    doubled = {s for s in ONE_PER_WORK if sum(i.scheme is s for i in held) > 1}
    if not doubled:
        return
    said = {i for _, record in records_of(session, work_id) for i in record.identifiers}
    loose = {i for i in held if i.scheme in doubled and i not in said}
    for identifier in loose:
        session.delete(session.get(WorkIdentifier, (identifier.scheme.value, identifier.value)))
    session.flush()
    rederive_mentioned(session, links.relink(session, work_id, loose, now), now)


def _withdraw(session: Session, stored: StoredRecord, now: datetime) -> set[int]:
    """Take the record from the work it described, with all it said there."""
    before = stored.work_id
    if before is None:
        return set()
    nothing = WorkRecord(source=stored.source, key=stored.key, view=View(stored.view))
    rederive_mentioned(session, links.link_work_record(session, stored, nothing, now, None), now)
    link_notices(session, stored, (), now)
    stored.work_id = None
    session.add(stored)
    session.flush()
    return {before}


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
