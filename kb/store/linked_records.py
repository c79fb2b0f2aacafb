"""A record and the work it describes: taken away, moved to another, linked anew."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.models.evidence import StudyRecord
from kb.models.identifiers import Identifier
from kb.models.records import CitingList, ReferenceList, View, WorkRecord, from_json
from kb.models.tables import (
    Authorship,
    CitationAssertion,
    Coverage,
    IdentityConflict,
    Notice,
    NoticeAssertion,
    Observation,
    Reference,
    Registration,
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
from kb.store import links
from kb.store.inserting import insert_missing
from kb.store.notices import link_notices
from kb.store.records import as_work_record, find_record
from kb.store.work_rows import KEYED, POINTING, rows_naming
from kb.store.works_derived import records_of, rederive_mentioned

DESCRIBING = (View.WORK, View.BRIEF)


def take_back(
    session: Session, stored: StoredRecord, dropped: Collection[Identifier]
) -> set[Identifier]:
    """Take from the work the identifiers that only this record gave it, and return them: what was
    resolved by them is to be resolved anew, once others had the chance to claim them."""
    assert stored.work_id is not None
    if not dropped:
        return set()
    others = [r for i, r in records_of(session, stored.work_id) if i != stored.id]
    lost: set[Identifier] = set()
    for identifier in sorted(set(dropped) - {i for r in others for i in r.identifiers}):
        row = session.get(WorkIdentifier, (identifier.scheme.value, identifier.value))
        if row is not None and row.work_id == stored.work_id:
            session.delete(row)
            lost.add(identifier)
    session.flush()
    return lost


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
    lost = set() if before is None else take_back(session, stored, record.identifiers)
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
    mentioned = relink(session, stored, now)
    if before is not None:
        for record_id in sorted(_naming_by_key(session, stored, before)):
            mentioned |= relink(session, session.get_one(StoredRecord, record_id), now)
        resolve_again(session, before, lost, now)
    rederive_mentioned(session, mentioned, now)
    if before is not None:
        retire(session, before, work_id, now)
    return affected | {work_id}


def retire(session: Session, work_id: int, into: int, now: datetime) -> None:
    """Make the number of a work that has nothing left another name of the work its last record has
    gone to."""
    naming: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
        (StoredRecord, ("work_id",)),
        (WorkIdentifier, ("work_id",)),
        (IdentityConflict, ("work_id",)),
        (Notice, ("work_id", "notice_work_id")),
        (NoticeAssertion, ("notice_work_id",)),
        *POINTING,
        *KEYED,
    )
    if any(rows_naming(session, table, columns, [work_id]) for table, columns in naming):
        return
    merged = select(WorkMerge.id).where(
        WorkMerge.survivor_id == work_id, col(WorkMerge.undone_at).is_(None)
    )
    if session.exec(merged.limit(1)).first() is not None:
        return
    derived: tuple[type[Any], ...] = (Authorship, WorkConcept, WorkFunding, Coverage)
    for table in derived:
        session.execute(sa.delete(table).where(table.work_id == work_id))
    work = session.get_one(Work, work_id)
    work.merged_into_id, work.changed_at = into, now
    session.add(work)
    session.execute(
        sa.update(Work).where(col(Work.merged_into_id) == work_id).values(merged_into_id=into)
    )
    session.flush()


def _naming_by_key(session: Session, stored: StoredRecord, work_id: int) -> set[int]:
    """Records of the same source that may mean this record where they name the work it was in:
    lists of citing works, and bibliographies."""
    queries = (
        sa.select(col(CitationAssertion.record_id))
        .join(StoredRecord, col(StoredRecord.id) == col(CitationAssertion.record_id))
        .where(
            col(CitationAssertion.citing_id) == work_id,
            col(CitationAssertion.source) == stored.source,
            col(StoredRecord.view) == View.CITATIONS,
        ),
        sa.select(col(Reference.record_id))
        .join(StoredRecord, col(StoredRecord.id) == col(Reference.record_id))
        .where(col(Reference.cited_id) == work_id, col(StoredRecord.source) == stored.source),
    )
    return {i for query in queries for i in session.execute(query).scalars() if i != stored.id}


def resolve_again(session: Session, work_id: int, lost: set[Identifier], now: datetime) -> None:
    """Resolve anew what pointed to the work, which has lost these identifiers."""
    if not lost:
        return
    work_id = session.get_one(Work, work_id).merged_into_id or work_id
    mentioned = links.relink(session, work_id, lost, now)
    for record_id in sorted(_naming(session, work_id)):
        mentioned |= relink(session, session.get_one(StoredRecord, record_id), now)
    rederive_mentioned(session, mentioned, now)


def _naming(session: Session, work_id: int) -> set[int]:
    """Records that say something of the work besides describing it or listing it as a reference."""
    listing = col(StoredRecord.view).not_in(DESCRIBING)
    queries = (
        sa.select(col(StoredRecord.id)).where(col(StoredRecord.work_id) == work_id, listing),
        sa.select(col(CitationAssertion.record_id))
        .join(StoredRecord, col(StoredRecord.id) == col(CitationAssertion.record_id))
        .where(
            sa.or_(
                col(CitationAssertion.citing_id) == work_id,
                col(CitationAssertion.cited_id) == work_id,
            ),
            col(StoredRecord.view) == View.CITATIONS,
        ),
        sa.select(col(WorkRelation.record_id)).where(col(WorkRelation.other_id) == work_id),
        sa.select(col(NoticeAssertion.record_id))
        .join(Notice, col(Notice.id) == col(NoticeAssertion.notice_id))
        .where(
            sa.or_(col(Notice.work_id) == work_id, col(NoticeAssertion.notice_work_id) == work_id)
        ),
        sa.select(col(Report.record_id))
        .join(StoredRecord, col(StoredRecord.id) == col(Report.record_id))
        .where(col(Report.work_id) == work_id, col(StoredRecord.view) == View.STUDY),
    )
    return {i for query in queries for i in session.execute(query).scalars() if i is not None}


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
