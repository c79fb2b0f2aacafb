"""Keys and pairs of records that came before records were compared."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import col, select

from kb.models.records import ReferenceList, View, from_json
from kb.models.tables import RecordKey, StoredRecord
from kb.store.engine import Store
from kb.store.identity_pairs import refresh_pairs
from kb.store.linked_records import DESCRIBING, relink
from kb.store.record_works import reconsider
from kb.store.records import as_work_record
from kb.store.works_derived import rederive_mentioned

_AT_ONCE = 100


def index_identity(store: Store, *, again: bool = False) -> int:
    """Compare all records of a base that has no keys yet, as it is when it has just been migrated
    from a schema without them, and resolve the lines of bibliographies that come without
    identifiers. Returns how many records there were; 0 where nothing was to do.

    It can be broken off and run again. `again` compares all records anew, for which the rules of
    comparing must have changed.
    """
    if again:
        with store.writing() as session:
            session.execute(sa.delete(RecordKey))
    with store.reading() as session:
        keyed = sa.exists().where(col(RecordKey.record_id) == col(StoredRecord.id))
        titled = col(StoredRecord.content).contains('"title"')
        first = session.exec(
            select(StoredRecord.id)
            .where(col(StoredRecord.view).in_(DESCRIBING), titled, ~keyed)
            .order_by(col(StoredRecord.id))
            .limit(1)
        ).first()
        if first is None:
            return 0
        views = (*DESCRIBING, View.REFERENCES)
        query = select(StoredRecord.id).where(
            col(StoredRecord.view).in_(views), col(StoredRecord.id) >= first
        )
        numbers = [n for n in session.exec(query.order_by(col(StoredRecord.id))) if n is not None]
    for start in range(0, len(numbers), _AT_ONCE):
        with store.writing() as session:
            now = datetime.now(UTC)
            for number in numbers[start : start + _AT_ONCE]:
                stored = session.get_one(StoredRecord, number)
                if stored.view in DESCRIBING:
                    near, _ = refresh_pairs(
                        session, stored, as_work_record(stored), now, is_new=False
                    )
                    if near:
                        reconsider(session, stored, now)
                if _has_bare_lines(stored):
                    rederive_mentioned(session, relink(session, stored, now), now)
    return len(numbers)


def _has_bare_lines(stored: StoredRecord) -> bool:
    if stored.view == View.REFERENCES:
        lines = from_json(ReferenceList, stored.content).references
    else:
        lines = as_work_record(stored).references
    return any(not claim.identifiers for claim in lines)
