"""A record and the work it describes: taken away, moved to another, linked anew."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.models.evidence import StudyRecord
from kb.models.identifiers import Identifier
from kb.models.records import CitingList, ReferenceList, View, WorkRecord, from_json
from kb.models.tables import (
    Observation,
    Registration,
    Report,
    StoredRecord,
    WorkIdentifier,
    WorkRegistration,
)
from kb.store import links
from kb.store.inserting import insert_missing
from kb.store.notices import link_notices
from kb.store.records import as_work_record, find_record
from kb.store.works_derived import records_of, rederive_mentioned

DESCRIBING = (View.WORK, View.BRIEF)


def take_back(session: Session, stored: StoredRecord, dropped: Collection[Identifier]) -> None:
    """Take from the work the identifiers that only this record gave it."""
    assert stored.work_id is not None
    others = [r for i, r in records_of(session, stored.work_id) if i != stored.id]
    for identifier in sorted(set(dropped) - {i for r in others for i in r.identifiers}):
        row = session.get(WorkIdentifier, (identifier.scheme.value, identifier.value))
        if row is not None and row.work_id == stored.work_id:
            session.delete(row)
    session.flush()


def withdraw(session: Session, stored: StoredRecord, now: datetime) -> set[int]:
    """Take the record from the work it described, with all it said there; what it counted stays.

    Returns the work, which is to be recomputed.
    """
    before = stored.work_id
    if before is None:
        return set()
    nothing = WorkRecord(source=stored.source, key=stored.key, view=View(stored.view))
    rederive_mentioned(session, links.relink_work_record(session, stored, nothing, now), now)
    link_notices(session, stored, (), now)
    stored.work_id = None
    session.add(stored)
    session.flush()
    return {before}


def move(session: Session, stored: StoredRecord, work_id: int, now: datetime) -> set[int]:
    """Make the record describe another work, with all it says and counted, and with the
    identifiers that nobody else gave the work it leaves. Returns works to recompute."""
    assert stored.id is not None
    record = as_work_record(stored)
    before = stored.work_id
    if before == work_id:
        return set()
    if before is not None:
        take_back(session, stored, record.identifiers)
    affected = withdraw(session, stored, now)
    stored.work_id = work_id
    session.add(stored)
    session.execute(
        sa.update(Observation)
        .where(col(Observation.record_id) == stored.id)
        .values(work_id=work_id)
    )
    session.flush()
    links.claim(session, work_id, record.identifiers)
    rederive_mentioned(session, relink(session, stored, now), now)
    return affected | {work_id}


def relink(session: Session, stored: StoredRecord, now: datetime) -> set[int]:
    """Make every edge the record asserts what it says, by who holds which identifier now.

    Returns the works without a record that it describes in another way than before.
    """
    if stored.view == View.STUDY:
        return _relink_study(session, stored, now)
    if stored.view == View.REFERENCES:
        listed = from_json(ReferenceList, stored.content)
        stored.work_id = links.find_or_make_work(session, listed.of, now)
        session.add(stored)
        session.flush()
        if stored.work_id is None:
            return set()
        mentioned = links.link_references(session, stored, listed.references, now)
        links.count_references(session, stored.work_id, stored.source, listed.claimed, now)
        return mentioned
    if stored.view == View.CITATIONS:
        citing = from_json(CitingList, stored.content)
        stored.work_id = links.find_or_make_work(session, citing.of, now)
        session.add(stored)
        session.flush()
        if stored.work_id is not None:
            found = [_citing_work(session, one, now) for one in citing.citing]
            links.link_citing(session, stored, [w for w in found if w is not None])
            links.count_citations(session, stored.work_id, stored.source, citing.claimed, now)
        return set()
    if stored.work_id is None:
        return set()
    record = as_work_record(stored)
    mentioned = links.relink_work_record(session, stored, record, now)
    link_notices(session, stored, record.notices, now)
    return mentioned


def _citing_work(session: Session, brief: WorkRecord, now: datetime) -> int | None:
    """The work of a line of a list of citing works, by its own record where it has one."""
    own = find_record(session, brief.source, brief.key, brief.view)
    if own is not None:
        return own.work_id
    return links.find_or_make_work(session, brief.identifiers, now)


def _relink_study(session: Session, stored: StoredRecord, now: datetime) -> set[int]:
    """Which works report the study, and which its registry entry lists."""
    record = from_json(StudyRecord, stored.content)
    if stored.study_id is not None:
        wanted: dict[int, str] = {}
        for claim in record.reports:
            own = claim.record_key and find_record(
                session, record.source, claim.record_key, View.WORK
            )
            work_id = (own and own.work_id) or links.find_or_make_work(session, claim.work, now)
            if work_id is not None:
                wanted.setdefault(work_id, claim.basis)
        held = session.exec(select(Report).where(Report.record_id == stored.id)).all()
        for row in held:
            if row.study_id == stored.study_id and wanted.pop(row.work_id, None) is None:
                session.delete(row)
        session.add_all(
            Report(work_id=w, study_id=stored.study_id, record_id=stored.id or 0, basis=basis)
            for w, basis in wanted.items()
        )
    listed = {(links.find_or_make_work(session, b.work, now), b.kind) for b in record.background}
    own_entry = select(Registration.id).where(Registration.record_id == stored.id)
    entries = set(session.exec(own_entry))
    for link in session.exec(
        select(WorkRegistration).where(WorkRegistration.record_id == stored.id)
    ).all():
        entries.add(link.registration_id)
        if (link.work_id, link.kind) not in listed:
            session.delete(link)
    session.flush()
    if len(entries) == 1:
        (entry,) = entries
        rows = [
            {"work_id": w, "registration_id": entry, "record_id": stored.id, "kind": kind}
            for w, kind in sorted(listed, key=str)
            if w is not None
        ]
        insert_missing(session, WorkRegistration, rows)
    return set()
