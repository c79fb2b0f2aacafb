"""A record comes in: keep it, find its work, derive the work, link it. One transaction each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, select

from kb.identity.decide import (
    ONE_PER_WORK,
    RECORD,
    Decision,
    Holder,
    Said,
    decide,
    is_anchored,
    may_stay,
)
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier
from kb.models.records import CitingList, ReferenceList, WorkRecord
from kb.models.tables import IdentityConflict, PairVerdict, StoredRecord, Work, WorkIdentifier
from kb.store import links
from kb.store.identity_pairs import has_open_pairs, pairs_of, refresh_pairs
from kb.store.identity_said import is_joined_by_people, said_of
from kb.store.linked_records import move, relink, resolve_again, take_back, withdraw
from kb.store.merge_works import merge_works
from kb.store.notices import link_notices
from kb.store.records import Change, as_work_record, find_record, keep_record
from kb.store.reference_works import bibliographies_to_read_again
from kb.store.reports import link_reports
from kb.store.settle_works import settle
from kb.store.works_derived import records_of, rederive, rederive_mentioned


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a record. `work_id` is None where a person must decide first."""

    change: Change
    work_id: int | None
    conflicts: int = 0
    unsure: bool = False  # it may be one with a record of another work, for a person to say


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
    was_of, lost = stored.work_id, set[Identifier]()
    if was_of is not None:
        lost = take_back(session, stored, set(said_before) - set(record.identifiers))
    near, is_paired = refresh_pairs(session, stored, record, now, is_new=change is Change.NEW)
    work_id, conflicts = _bring_up_to_date(session, stored, record, near, now)
    if was_of is not None:
        resolve_again(session, was_of, lost, now)
    if work_id is not None:
        links.observe(session, stored, record.observations, seen_on)
    unsure = is_paired and has_open_pairs(session, stored.id)
    return Saved(change, work_id, conflicts, unsure=unsure)


def reconsider(session: Session, stored: StoredRecord, now: datetime) -> int | None:
    """Decide anew which work the record describes, and link it there. What it says is as it was;
    people's decisions, or the works around it, are not. Returns the work."""
    assert stored.id is not None
    record = as_work_record(stored)
    near = {
        other
        for pair in pairs_of(session, [stored.id])
        if pair.verdict == PairVerdict.SAME
        for other in (pair.record_id, pair.other_id)
    }
    return _bring_up_to_date(session, stored, record, near - {stored.id}, now)[0]


def _bring_up_to_date(
    session: Session, stored: StoredRecord, record: WorkRecord, near: set[int], now: datetime
) -> tuple[int | None, int]:
    """The work the record describes, and how many contradictions it meets."""
    assert stored.id is not None
    decision, said = _decide(session, record, stored)
    work_id, affected, moved = _place(session, stored, record, decision, said, near, now)
    conflicts = _note_conflicts(session, stored.id, decision, now)
    affected.discard(work_id or 0)
    if work_id is not None:
        recompute(session, {work_id}, now)
        mentioned = links.relink_work_record(session, stored, record, now)
        rederive_mentioned(session, mentioned, now)
        link_notices(session, stored, record.notices, now)
    recompute(session, affected, now)
    for record_id in bibliographies_to_read_again(session, {stored.id, *near, *moved}):
        listed = session.get_one(StoredRecord, record_id)
        rederive_mentioned(session, relink(session, listed, now), now)
    return work_id, conflicts


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


def recompute(session: Session, work_ids: Iterable[int], now: datetime) -> None:
    """Derive the works anew from the records they have now."""
    living = (w for w in sorted(work_ids) if session.get_one(Work, w).merged_into_id is None)
    changed = {work_id for work_id in living if rederive(session, work_id, now)}
    # Whether a work reports the trials it names depends on what type of work it is.
    link_reports(session, changed)


def _decide(session: Session, record: WorkRecord, stored: StoredRecord) -> tuple[Decision, Said]:
    holding = set(links.holders(session, record.identifiers).values())
    said = said_of(session, stored, holding)
    decision = decide(record, _holders(session, holding | said.together, stored), said)
    avoided = {c.work_id for c in decision.contradictions}
    avoided |= {w for pair in said.apart for w in pair if RECORD in pair}
    if not decision.same and stored.work_id is not None and stored.work_id not in avoided:
        # A record that lost its last shared identifier still describes the work it described,
        # unless it has come to contradict it.
        (own,) = _holders(session, [stored.work_id], stored)
        if may_stay(record, own):
            decision = replace(decision, same=(stored.work_id,))
    return decision, said


def _holders(session: Session, works: Iterable[int], stored: StoredRecord) -> list[Holder]:
    """These works with their identifiers and the records they have besides this one."""
    return [
        Holder(
            work_id,
            frozenset(links.identifiers_of(session, work_id)),
            tuple(record for i, record in records_of(session, work_id) if i != stored.id),
        )
        for work_id in sorted(works)
    ]


def _place(
    session: Session,
    stored: StoredRecord,
    record: WorkRecord,
    decision: Decision,
    said: Said,
    near: set[int],
    now: datetime,
) -> tuple[int | None, set[int], set[int]]:
    """The work the record belongs to (merged or made as needed), works to recompute, and the other
    records that changed works with it."""
    assert stored.id is not None
    if decision.is_undecided:
        affected = withdraw(session, stored, now)
        settled = settle(session, near, now, by=stored.id)
        return None, affected | settled.affected, settled.moved
    affected = set()
    moved: set[int] = set()
    was_of, lost = stored.work_id, set[Identifier]()
    if decision.same:
        work_id = min(decision.same)
        for other in sorted(set(decision.same) - {work_id}):
            word = said.decisions.get(other) or said.decisions.get(work_id)
            affected |= merge_works(
                session,
                loser=other,
                survivor=work_id,
                now=now,
                decision_id=word,
                record_id=None if word else stored.id,
            )
        if stored.work_id is not None and stored.work_id not in decision.same:
            affected |= move(session, stored, work_id, now)
        stored.work_id = work_id
        session.add(stored)
        session.flush()
    elif stored.work_id is not None:
        lost = take_back(session, stored, record.identifiers)
        affected |= withdraw(session, stored, now)
    elsewhere = set() if stored.work_id is None else _alike(session, stored.work_id)
    if near or elsewhere or (stored.work_id is not None and not is_anchored(record)):
        seeds = near | elsewhere | {stored.id}
        settled = settle(session, seeds, now, by=stored.id, new=stored.id)
        affected |= settled.affected
        moved = settled.moved
    if stored.work_id is None:
        work = Work(changed_at=now)
        session.add(work)
        session.flush()
        stored.work_id = work.id
        session.add(stored)
        session.flush()
    assert stored.work_id is not None
    links.claim(session, stored.work_id, decision.claims)
    if was_of is not None:
        resolve_again(session, was_of, lost, now)
    _believe_records(session, stored.work_id, now)
    return stored.work_id, affected, moved


def _alike(session: Session, work_id: int) -> set[int]:
    """Records, of the work or another, that are the same by their words as one of the other side:
    what the work says with one record more may join or part them."""
    records = session.exec(select(StoredRecord.id).where(StoredRecord.work_id == work_id)).all()
    found = pairs_of(session, (i for i in records if i is not None))
    same = (p for p in found if p.verdict == PairVerdict.SAME)
    return {record_id for pair in same for record_id in (pair.record_id, pair.other_id)}


def _believe_records(session: Session, work_id: int, now: datetime) -> None:
    """Take from the work the identifiers that bibliographies gave it and its records contradict.

    What pointed to it by one of these alone points to another work then.
    """
    if is_joined_by_people(session, work_id):
        return  # the identifiers of both stand
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
