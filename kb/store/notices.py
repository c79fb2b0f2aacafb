"""Notices about works, worked out from what all records say of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.identity.notices import Sighting, earliest, group_notices
from kb.models.dates import PartialDate
from kb.models.records import NoticeClaim, NoticeKind
from kb.models.tables import Notice, NoticeAssertion, StoredRecord, Work
from kb.store.links import find_or_make_works, identifiers_of

_RETRACTING = (NoticeKind.RETRACTION, NoticeKind.WITHDRAWAL, NoticeKind.REMOVAL)


def link_notices(
    session: Session, stored: StoredRecord, claims: Sequence[NoticeClaim], now: datetime
) -> None:
    """Replace what the record says of notices."""
    assert stored.id is not None
    assert stored.work_id is not None
    held = session.exec(
        select(NoticeAssertion, Notice)
        .join(Notice, col(Notice.id) == col(NoticeAssertion.notice_id))
        .where(NoticeAssertion.record_id == stored.id)
    ).all()
    others = find_or_make_works(session, [c.other for c in claims], now)
    wanted: dict[tuple[Any, ...], None] = {}
    for claim, other in zip(claims, others):
        target, by = (stored.work_id, other) if claim.is_about_self else (other, stored.work_id)
        if target is not None and target != by:
            said = (claim.asserted_by, claim.label, claim.date, claim.text)
            wanted.setdefault((target, NoticeKind(claim.kind).value, by, *said))
    if {_said(*row) for row in held} == set(wanted):
        return
    for assertion, _ in held:
        session.delete(assertion)
    session.flush()
    for target, kind, by, asserted_by, label, date, text in wanted:
        session.add(
            NoticeAssertion(
                notice_id=_any_notice(session, target, kind),
                record_id=stored.id,
                notice_work_id=by,
                source=stored.source,
                asserted_by=asserted_by,
                label=label,
                date=date,
                text=text,
            )
        )
    session.flush()
    targets = {notice.work_id for _, notice in held} | {key[0] for key in wanted}
    settle_notices(session, targets, now)


def settle_notices(session: Session, work_ids: Iterable[int], now: datetime) -> None:
    """Make the notices about these works those that all assertions together amount to."""
    for work_id in sorted(set(work_ids)):
        notices = session.exec(
            select(Notice).where(Notice.work_id == work_id).order_by(col(Notice.id))
        ).all()
        for kind in dict.fromkeys(notice.kind for notice in notices):
            _settle(session, {n.id: n for n in notices if n.kind == kind}, NoticeKind(kind))
        _refresh_retraction(session, work_id, now)


def _settle(session: Session, notices: dict[int | None, Notice], kind: NoticeKind) -> None:
    rows = session.execute(
        sa.select(
            NoticeAssertion,
            col(StoredRecord.source),
            col(StoredRecord.key),
            col(StoredRecord.view),
        )
        .join(StoredRecord, col(StoredRecord.id) == col(NoticeAssertion.record_id))
        .where(col(NoticeAssertion.notice_id).in_(list(notices)))
    ).all()
    sightings: list[Sighting] = []
    row_of: dict[int, NoticeAssertion] = {}  # by the identity of the sighting: two may be equal
    for row, source, key, view in rows:
        names = identifiers_of(session, row.notice_work_id) if row.notice_work_id else ()
        said = (row.asserted_by or "", row.label or "", row.text or "")
        sighting = Sighting(
            key=(source, key, view, *said),
            notice_work=row.notice_work_id,
            names=frozenset(names),
            date=PartialDate(row.date) if row.date else None,
        )
        sightings.append(sighting)
        row_of[id(sighting)] = row
    work_id = next(iter(notices.values())).work_id
    free = dict(notices)
    for group in group_notices(kind, sightings):
        assertions = [row_of[id(sighting)] for sighting in group]
        kept = next((n for a in assertions if (n := free.pop(a.notice_id, None))), None)
        notice = kept or Notice(work_id=work_id, kind=kind.value)
        notice.date = earliest(group)
        notice.notice_work_id = next((s.notice_work for s in group if s.notice_work), None)
        session.add(notice)
        session.flush()
        for assertion in assertions:
            assert notice.id is not None
            assertion.notice_id = notice.id
            session.add(assertion)
    session.flush()
    for notice in free.values():
        session.delete(notice)
    session.flush()


def _said(assertion: NoticeAssertion, notice: Notice) -> tuple[Any, ...]:
    a = assertion
    by = a.notice_work_id
    return (notice.work_id, notice.kind, by, a.asserted_by, a.label, a.date, a.text)


def _any_notice(session: Session, work_id: int, kind: str) -> int:
    """A notice to hang an assertion on, until `settle_notices` finds the right one."""
    query = select(Notice).where(Notice.work_id == work_id, Notice.kind == kind)
    notice = session.exec(query.order_by(col(Notice.id)).limit(1)).first()
    if notice is None:
        notice = Notice(work_id=work_id, kind=kind)
        session.add(notice)
        session.flush()
    assert notice.id is not None
    return notice.id


def _refresh_retraction(session: Session, work_id: int, now: datetime) -> None:
    """A work is retracted while a retraction stands that no later reinstatement reverses."""
    notices = session.exec(select(Notice).where(Notice.work_id == work_id)).all()
    reinstated = [n.date or "" for n in notices if n.kind == NoticeKind.REINSTATEMENT]
    stands = any(
        n.kind in _RETRACTING and not any(date >= (n.date or "") for date in reinstated)
        for n in notices
    )
    work = session.get(Work, work_id)
    assert work is not None
    if work.is_retracted != stands:
        work.is_retracted, work.changed_at = stands, now
        session.add(work)
        session.flush()
