"""From what a record says about other works and trials to edges between them.

Every row written here names its record, so linking a changed record replaces its own rows and
nobody else's. Functions return the ids of works whose description may have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.identity.registrations import normalize_registration
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    NoticeClaim,
    NoticeKind,
    ObservationClaim,
    ReferenceClaim,
    View,
    WorkRecord,
)
from kb.models.tables import (
    CitationAssertion,
    Cites,
    Coverage,
    Notice,
    NoticeAssertion,
    Observation,
    Reference,
    Registration,
    StoredRecord,
    Work,
    WorkIdentifier,
    WorkRegistration,
    WorkRelation,
)
from kb.store.records import find_record
from kb.store.reports import NAMED, find_or_make_registration, forget_reports, link_reports
from kb.store.works_derived import refresh_retraction

# A publisher's notice and its entry at Retraction Watch are dated up to weeks apart.
_ONE_EVENT_DAYS = 60


def link_work_record(
    session: Session,
    stored: StoredRecord,
    record: WorkRecord,
    now: datetime,
    seen_on: PartialDate | None,
) -> set[int]:
    assert stored.work_id is not None
    touched = link_references(session, stored, record.references, now)
    if record.references or record.references_claimed is not None:
        count_references(session, stored.work_id, record.source, record.references_claimed, now)
    touched |= _link_notices(session, stored, record.notices, now)
    touched |= _link_relations(session, stored, record, now)
    _link_registrations(session, stored, record)
    _observe(session, stored, record.observations, seen_on)
    return touched


# -- identifiers -----------------------------------------------------------------------------


def identifiers_of(session: Session, work_id: int) -> list[Identifier]:
    rows = session.exec(select(WorkIdentifier).where(WorkIdentifier.work_id == work_id))
    return sorted(Identifier(Scheme(row.scheme), row.value) for row in rows)


def claim(session: Session, work_id: int, identifiers: Iterable[Identifier]) -> None:
    """Give the work those of the identifiers that nobody holds yet."""
    for identifier in identifiers:
        if holder(session, identifier) is None:
            session.add(
                WorkIdentifier(
                    scheme=identifier.scheme.value, value=identifier.value, work_id=work_id
                )
            )
    session.flush()


def find_or_make_work(
    session: Session, identifiers: Sequence[Identifier], now: datetime
) -> int | None:
    """The work holding the first of the identifiers anybody holds, else a new, undescribed one.

    A mention is weak evidence: it never joins two works, nor gives a described one another id.
    None without identifiers.
    """
    for identifier in identifiers:
        found = holder(session, identifier)
        if found is not None:
            return found
    if not identifiers:
        return None
    work = Work(changed_at=now)
    session.add(work)
    session.flush()
    assert work.id is not None
    claim(session, work.id, identifiers)
    return work.id


def holder(session: Session, identifier: Identifier) -> int | None:
    """The work that holds the identifier, if any does."""
    row = session.get(WorkIdentifier, (identifier.scheme.value, identifier.value))
    return row.work_id if row else None


# -- references and citations ------------------------------------------------------------------


def link_references(
    session: Session, stored: StoredRecord, claims: Sequence[ReferenceClaim], now: datetime
) -> set[int]:
    """Replace the record's references: all of them in order, resolved or not."""
    assert stored.id is not None
    assert stored.work_id is not None
    old = session.exec(select(Reference).where(Reference.record_id == stored.id)).all()
    touched = {row.cited_id for row in old if row.cited_id is not None}
    session.execute(sa.delete(Reference).where(col(Reference.record_id) == stored.id))
    cited: set[int] = set()
    for claim_ in claims:
        cited_id = _referenced(session, stored.source, claim_, now)
        if cited_id is not None:
            cited.add(cited_id)
        session.add(
            Reference(
                citing_id=stored.work_id,
                record_id=stored.id,
                position=claim_.position,
                cited_id=cited_id,
                identifiers=[str(i) for i in claim_.identifiers],
                text=claim_.text,
                title=claim_.title,
                authors=claim_.authors,
                year=claim_.year,
                year_text=claim_.year_text,
                venue=claim_.venue,
                volume=claim_.volume,
                pages=claim_.pages,
                label=claim_.key,
                asserted_by=claim_.asserted_by,
            )
        )
    session.flush()
    _assert_edges(session, stored, {(stored.work_id, c) for c in cited})
    return {w for w in touched | cited if not _is_described(session, w)}


def _referenced(session: Session, source: str, claim_: ReferenceClaim, now: datetime) -> int | None:
    if claim_.record_key is not None:
        own = find_record(session, source, claim_.record_key, View.WORK)
        if own is not None and own.work_id is not None:
            return own.work_id
    return find_or_make_work(session, claim_.identifiers, now)


def link_citing(session: Session, stored: StoredRecord, citing: Iterable[int]) -> None:
    assert stored.work_id is not None
    _assert_edges(session, stored, {(c, stored.work_id) for c in citing})


def _assert_edges(session: Session, stored: StoredRecord, wanted: set[tuple[int, int]]) -> None:
    """Make the record assert exactly these edges; an edge nobody asserts any more goes."""
    assert stored.id is not None
    wanted = {(citing, cited) for citing, cited in wanted if citing != cited}
    held = {
        (row.citing_id, row.cited_id)
        for row in session.exec(
            select(CitationAssertion).where(CitationAssertion.record_id == stored.id)
        )
    }
    for citing, cited in sorted(wanted - held):
        if session.get(Cites, (citing, cited)) is None:
            session.add(Cites(citing_id=citing, cited_id=cited))
            session.flush()
        session.add(
            CitationAssertion(
                citing_id=citing, cited_id=cited, record_id=stored.id, source=stored.source
            )
        )
    for citing, cited in sorted(held - wanted):
        gone = session.get(CitationAssertion, (citing, cited, stored.id))
        session.delete(gone)
        session.flush()
        still = session.exec(
            select(CitationAssertion.record_id)
            .where(CitationAssertion.citing_id == citing, CitationAssertion.cited_id == cited)
            .limit(1)
        ).first()
        if still is None:
            session.delete(session.get(Cites, (citing, cited)))
    session.flush()


def count_references(
    session: Session, work_id: int, source: str, claimed: int | None, now: datetime
) -> None:
    """References held from the source over all its records of the work, and how many resolve."""
    held, resolved = session.execute(
        sa.select(sa.func.count(), sa.func.count(col(Reference.cited_id)))
        .join(StoredRecord, col(StoredRecord.id) == col(Reference.record_id))
        .where(col(Reference.citing_id) == work_id, col(StoredRecord.source) == source)
    ).one()
    _cover(session, work_id, source, "references", claimed, held, resolved, now)


def count_citations(
    session: Session, work_id: int, source: str, claimed: int | None, now: datetime
) -> None:
    held = session.execute(
        sa.select(sa.func.count(sa.distinct(col(CitationAssertion.citing_id))))
        .join(StoredRecord, col(StoredRecord.id) == col(CitationAssertion.record_id))
        .where(
            col(CitationAssertion.cited_id) == work_id,
            col(CitationAssertion.source) == source,
            col(StoredRecord.view) == View.CITATIONS,
        )
    ).scalar_one()
    _cover(session, work_id, source, "citations", claimed, held, held, now)


def note_truncation(
    session: Session, work_id: int, source: str, direction: str, reason: str | None
) -> None:
    """Say why a list ends before its claimed total; None once it no longer does."""
    row = session.get(Coverage, (work_id, source, direction))
    if row is None and reason is not None:
        row = Coverage(work_id=work_id, source=source, direction=direction)
    if row is not None and row.truncated_by != reason:
        row.truncated_by = reason
        session.add(row)
        session.flush()


def _cover(
    session: Session,
    work_id: int,
    source: str,
    direction: str,
    claimed: int | None,
    held: int,
    resolved: int,
    now: datetime,
) -> None:
    row = session.get(Coverage, (work_id, source, direction))
    if row is None:
        row = Coverage(work_id=work_id, source=source, direction=direction)
    claimed = row.claimed if claimed is None else claimed
    if (row.claimed, row.held, row.resolved) == (claimed, held, resolved) and row.observed_at:
        return
    row.claimed, row.held, row.resolved = claimed, held, resolved
    row.observed_at = now.date().isoformat()
    session.add(row)
    session.flush()


def _is_described(session: Session, work_id: int) -> bool:
    work = session.get(Work, work_id)
    return work is not None and work.is_described


# -- notices and relations ---------------------------------------------------------------------


def _link_notices(
    session: Session, stored: StoredRecord, claims: Sequence[NoticeClaim], now: datetime
) -> set[int]:
    """Join each claim to the notice it speaks of; two asserters of one event are one notice."""
    assert stored.id is not None
    old = session.exec(select(NoticeAssertion).where(NoticeAssertion.record_id == stored.id)).all()
    before = {row.notice_id for row in old}
    for row in old:
        session.delete(row)
    session.flush()
    touched: set[int] = set()
    after: set[int] = set()
    for claim_ in claims:
        other = find_or_make_work(session, claim_.other, now)
        target, notice_work = (
            (stored.work_id, other) if claim_.is_about_self else (other, stored.work_id)
        )
        if target is None or target == notice_work:
            continue
        notice = _notice(session, target, notice_work, claim_)
        session.add(
            NoticeAssertion(
                notice_id=notice,
                record_id=stored.id,
                source=stored.source,
                asserted_by=claim_.asserted_by,
                label=claim_.label,
                date=claim_.date,
                text=claim_.text,
            )
        )
        after.add(notice)
        touched |= {w for w in (target, notice_work) if w is not None}
    session.flush()
    for notice_id in sorted(before | after):
        notice_row = session.get(Notice, notice_id)
        assert notice_row is not None
        touched.add(notice_row.work_id)
        dates = session.exec(
            select(NoticeAssertion.date).where(NoticeAssertion.notice_id == notice_id)
        ).all()
        if not dates:
            session.delete(notice_row)
        else:
            notice_row.date = min((d for d in dates if d), default=None)
            session.add(notice_row)
        session.flush()
    for work_id in sorted(touched):
        refresh_retraction(session, work_id, now)
    return touched


def _notice(session: Session, target: int, notice_work: int | None, claim_: NoticeClaim) -> int:
    same_kind = session.exec(
        select(Notice)
        .where(Notice.work_id == target, Notice.kind == claim_.kind)
        .order_by(col(Notice.id))
    ).all()
    for row in same_kind:
        named = notice_work is not None and row.notice_work_id is not None
        if named and row.notice_work_id != notice_work:
            continue
        if named or _close(row.date, claim_.date):
            row.notice_work_id = row.notice_work_id or notice_work
            session.add(row)
            assert row.id is not None
            return row.id
    notice = Notice(
        work_id=target,
        notice_work_id=notice_work,
        kind=NoticeKind(claim_.kind).value,
        date=claim_.date,
    )
    session.add(notice)
    session.flush()
    assert notice.id is not None
    return notice.id


def _close(a: str | None, b: str | None) -> bool:
    """Whether two dates may be one event's; a missing or coarse date rules nothing out."""
    if a is None or b is None:
        return True
    if len(a) < 10 or len(b) < 10:
        shorter = min(len(a), len(b))
        return a[:shorter] == b[:shorter]
    return abs((date.fromisoformat(a) - date.fromisoformat(b)).days) <= _ONE_EVENT_DAYS


def _link_relations(
    session: Session, stored: StoredRecord, record: WorkRecord, now: datetime
) -> set[int]:
    assert stored.id is not None
    assert stored.work_id is not None
    session.execute(sa.delete(WorkRelation).where(col(WorkRelation.record_id) == stored.id))
    touched: set[int] = set()
    seen: set[tuple[str, int]] = set()
    for relation in record.relations:
        other = find_or_make_work(session, relation.other, now)
        if other is None or other == stored.work_id or (relation.kind, other) in seen:
            continue
        seen.add((relation.kind, other))
        touched.add(other)
        session.add(
            WorkRelation(
                work_id=stored.work_id, kind=relation.kind, other_id=other, record_id=stored.id
            )
        )
    session.flush()
    return touched


def _link_registrations(session: Session, stored: StoredRecord, record: WorkRecord) -> None:
    assert stored.id is not None
    assert stored.work_id is not None
    old = session.exec(
        select(WorkRegistration).where(WorkRegistration.record_id == stored.id)
    ).all()
    affected = {row.registration_id for row in old}
    for row in old:
        session.delete(row)
    forget_reports(session, stored.id)
    session.flush()
    for mention in {m.number: m for m in record.registrations}.values():
        known = normalize_registration(mention.number)
        registry = mention.registry or (known[0] if known else None)
        registration: Registration = find_or_make_registration(session, mention.number, registry)
        assert registration.id is not None
        session.add(
            WorkRegistration(
                work_id=stored.work_id,
                registration_id=registration.id,
                record_id=stored.id,
                kind=NAMED,
            )
        )
        affected.add(registration.id)
    session.flush()
    for registration_id in sorted(affected):
        link_reports(session, registration_id)


def _observe(
    session: Session,
    stored: StoredRecord,
    claims: Sequence[ObservationClaim],
    seen_on: PartialDate | None,
) -> None:
    """Append counts that differ from the last ones this source gave."""
    assert stored.work_id is not None
    for claim_ in claims:
        source = claim_.source or stored.source
        last = session.exec(
            select(Observation)
            .where(
                Observation.work_id == stored.work_id,
                Observation.source == source,
                Observation.metric == claim_.metric,
                col(Observation.dimension).is_not_distinct_from(claim_.dimension),
                col(Observation.category).is_not_distinct_from(claim_.category),
            )
            .order_by(col(Observation.id).desc())
            .limit(1)
        ).first()
        observed_at = claim_.observed_at or seen_on
        if last is not None and last.value == claim_.value:
            continue
        session.add(
            Observation(
                work_id=stored.work_id,
                source=source,
                metric=claim_.metric,
                dimension=claim_.dimension,
                category=claim_.category,
                value=claim_.value,
                observed_at=observed_at,
                record_id=stored.id,
            )
        )
    session.flush()
