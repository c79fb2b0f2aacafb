"""Which records look like one work: found by their blocking keys, compared, and kept as pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from kb.identity.blocking import blocking_keys
from kb.identity.comparison import Comparison, Verdict, compare, judge
from kb.identity.decide import ONE_PER_WORK, is_anchored
from kb.identity.descriptions import Description, describe
from kb.models.records import View, WorkRecord
from kb.models.tables import IdentityPair, PairVerdict, RecordKey, StoredRecord
from kb.store.inserting import insert_missing
from kb.store.records import as_work_record

# Of records that share a key, those that share most keys are compared, and no more than these: a
# record called "Editorial" shares one with thousands.
_MOST_CANDIDATES: Final = 100
# Keys are names of blocks, and long ones would not fit an index of PostgreSQL.
_LONGEST_KEY: Final = 200

OWN_IDENTIFIERS: Final = "the same by what they say, but each has identifiers of its own"


def keys_of(description: Description) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key[:_LONGEST_KEY] for key in blocking_keys(description)))


def refresh_pairs(
    session: Session, stored: StoredRecord, record: WorkRecord, now: datetime, *, is_new: bool
) -> tuple[set[int], bool]:
    """Compare the record with those that share a key, and keep what came of it.

    Returns the records that are the same as this one, or were until it changed, and whether any
    pair was found. Of a record that `is_new` nothing is held, and nothing is looked up.
    """
    assert stored.id is not None
    description = describe(record)
    keys = keys_of(description)
    _keep_keys(session, stored.id, keys, is_new=is_new)
    wanted = {
        other.id or 0: found
        for other in _candidates(session, stored.id, keys)
        if (found := _found(record, description, as_work_record(other))) is not None
    }
    held = {
        row.other_id if row.record_id == stored.id else row.record_id: row
        for row in (() if is_new else pairs_of(session, [stored.id]))
    }
    near = {i for i, row in held.items() if row.verdict == PairVerdict.SAME}
    near |= {i for i, (verdict, _) in wanted.items() if verdict is PairVerdict.SAME}
    for other_id, row in held.items():
        if other_id not in wanted:
            session.delete(row)
    for other_id, (verdict, comparison) in wanted.items():
        values: dict[str, Any] = {
            "verdict": verdict.value,
            "link": comparison.link,
            "reason": comparison.reason,
            "evidence_for": list(comparison.evidence_for),
            "evidence_against": list(comparison.evidence_against),
        }
        one = held.get(other_id)
        if one is None:
            first, second = sorted((stored.id, other_id))
            session.add(IdentityPair(record_id=first, other_id=second, seen_at=now, **values))
        elif any(getattr(one, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(one, name, value)
            session.add(one)
    session.flush()
    return near, bool(wanted)


def pairs_of(session: Session, records: Iterable[int]) -> Sequence[IdentityPair]:
    ids = sorted(set(records))
    found: dict[int | None, IdentityPair] = {}
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        for column in (col(IdentityPair.record_id), col(IdentityPair.other_id)):
            found |= {
                row.id: row for row in session.exec(select(IdentityPair).where(column.in_(chunk)))
            }
    return [found[i] for i in sorted(found, key=lambda i: i or 0)]


def has_open_pairs(session: Session, record_id: int) -> bool:
    """Whether a person should look at the record beside one of another work."""
    mine: Any = aliased(StoredRecord)
    other: Any = aliased(StoredRecord)
    query = (
        sa.select(sa.literal(1))
        .select_from(IdentityPair)
        .join(mine, mine.id == col(IdentityPair.record_id))
        .join(other, other.id == col(IdentityPair.other_id))
        .where(
            sa.or_(
                col(IdentityPair.record_id) == record_id, col(IdentityPair.other_id) == record_id
            ),
            col(IdentityPair.verdict) != PairVerdict.LINKED,
            mine.work_id != other.work_id,
        )
    )
    return session.execute(query.limit(1)).first() is not None


def _keep_keys(session: Session, record_id: int, keys: Sequence[str], *, is_new: bool) -> None:
    query = select(RecordKey.key).where(RecordKey.record_id == record_id)
    held = set() if is_new else set(session.exec(query))
    insert_missing(
        session, RecordKey, [{"key": k, "record_id": record_id} for k in keys if k not in held]
    )
    gone = held - set(keys)
    if gone:
        session.execute(
            sa.delete(RecordKey).where(
                col(RecordKey.record_id) == record_id, col(RecordKey.key).in_(gone)
            )
        )


def candidates(session: Session, keys: Sequence[str], *, but: int = 0) -> list[StoredRecord]:
    """Records that share one of the keys, the most alike first."""
    if not keys:
        return []
    shared = (
        sa.select(col(RecordKey.record_id), sa.func.count().label("n"))
        .where(col(RecordKey.key).in_(keys), col(RecordKey.record_id) != but)
        .group_by(col(RecordKey.record_id))
        .order_by(sa.desc("n"), col(RecordKey.record_id))
        .limit(_MOST_CANDIDATES)
        .subquery()
    )
    query = (
        select(StoredRecord)
        .join(shared, shared.c.record_id == col(StoredRecord.id))
        .where(col(StoredRecord.view).in_((View.WORK, View.BRIEF)))
        .order_by(shared.c.n.desc(), col(StoredRecord.id))
    )
    return list(session.exec(query))


def _candidates(session: Session, record_id: int, keys: Sequence[str]) -> list[StoredRecord]:
    return candidates(session, keys, but=record_id)


def _found(
    record: WorkRecord, description: Description, other: WorkRecord
) -> tuple[PairVerdict, Comparison] | None:
    """What is worth keeping of the comparison; None where the two are simply different, or share
    an identifier, which says more than any comparison."""
    ours, theirs = (_strong(r) for r in (record, other))
    if ours & theirs:
        return None
    described = describe(other)
    judged = judge(description, described)
    if judged.verdict is Verdict.DIFFERENT and judged.link is None:
        return None
    comparison = compare(description, described)  # the same with its evidence in words
    if comparison.link is not None:
        return PairVerdict.LINKED, comparison
    if comparison.verdict is Verdict.UNSURE:
        return PairVerdict.UNSURE, comparison
    if is_anchored(record) and is_anchored(other):
        # A title proposes and never merges what has identifiers of its own.
        return PairVerdict.UNSURE, Comparison(
            Verdict.UNSURE,
            f"{OWN_IDENTIFIERS}: {comparison.reason}",
            comparison.evidence_for,
            comparison.evidence_against,
        )
    return PairVerdict.SAME, comparison


def _strong(record: WorkRecord) -> set[object]:
    return {i for i in record.identifiers if i.scheme in ONE_PER_WORK}
