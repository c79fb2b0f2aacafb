"""Keeping records: what is new, what changed, what stayed as it was."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.models.evidence import StudyRecord
from kb.models.records import View, WorkRecord, content_hash, from_json, to_json
from kb.models.tables import Failure, RecordVersion, StoredRecord


class Change(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def keep_record(
    session: Session,
    record: Any,
    payload_id: int,
    now: datetime,
    *,
    who: str | None = None,
    why: str | None = None,
) -> tuple[StoredRecord, Change]:
    """Store the record under (source, key, view). Unchanged content writes nothing; what a study
    record said before is kept as a version. `who` brings in the new content, and `why`."""
    stored = find_record(session, record.source, record.key, record.view)
    digest = content_hash(record)
    if stored is not None and stored.content_sha256 == digest:
        return stored, Change.UNCHANGED
    change = Change.CHANGED
    if stored is None:
        change = Change.NEW
        stored = StoredRecord(
            source=record.source,
            key=record.key,
            view=record.view,
            payload_id=payload_id,
            content="",
            content_sha256="",
            first_seen=now,
            changed_at=now,
        )
    elif isinstance(record, StudyRecord):
        _keep_version(session, stored, now)
    stored.payload_id = payload_id
    stored.content = to_json(record).decode()
    stored.content_sha256 = digest
    stored.changed_at = now
    stored.who, stored.why = who, why
    session.add(stored)
    session.flush()
    return stored, change


def _keep_version(session: Session, stored: StoredRecord, now: datetime) -> None:
    assert stored.id is not None
    last = session.execute(
        sa.select(sa.func.max(col(RecordVersion.version))).where(
            col(RecordVersion.record_id) == stored.id
        )
    ).scalar()
    session.add(
        RecordVersion(
            record_id=stored.id,
            version=(last or 0) + 1,
            content=stored.content,
            payload_id=stored.payload_id,
            valid_from=stored.changed_at,
            valid_until=now,
            who=stored.who,
            why=stored.why,
        )
    )


def find_record(session: Session, source: str, key: str, view: View) -> StoredRecord | None:
    return session.exec(
        select(StoredRecord).where(
            StoredRecord.source == source, StoredRecord.key == key, StoredRecord.view == view
        )
    ).first()


def as_work_record(stored: StoredRecord) -> WorkRecord:
    return from_json(WorkRecord, stored.content)


def note_failure(
    session: Session,
    *,
    source: str,
    request: str,
    reason: str,
    now: datetime,
    position: str = "",
    key: str | None = None,
    payload_id: int | None = None,
) -> None:
    """Remember what could not be used. The same failure seen again writes nothing."""
    known = session.exec(
        select(Failure).where(
            Failure.source == source, Failure.request == request, Failure.position == position
        )
    ).first()
    if known is not None and (known.reason, known.payload_id) == (reason, payload_id):
        return
    row = known or Failure(
        source=source, request=request, position=position, reason="", seen_at=now
    )
    row.reason, row.key, row.payload_id, row.seen_at = reason, key, payload_id, now
    session.add(row)


def clear_failures(session: Session, source: str, request: str, still: set[str]) -> None:
    """Drop failures of a request whose parts (all but `still`) have now been read well."""
    for row in session.exec(
        select(Failure).where(Failure.source == source, Failure.request == request)
    ):
        if row.position not in still:
            session.delete(row)
