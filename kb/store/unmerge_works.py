"""A merge undone: both works as they were, and what arrived since where it belongs.

A row that stood before the merge is put back while its record still says what it said then and what
the merge made of the row stands. What records say otherwise by now is linked anew by the caller,
who also decides which of the two works the records describe that came since: see `Undone`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import InvalidInput
from kb.identity.identifiers import parse_identifier
from kb.models.tables import (
    CitationAssertion,
    Cites,
    Coverage,
    Evidence,
    IdentityConflict,
    Notice,
    NoticeAssertion,
    Observation,
    StoredRecord,
    Work,
    WorkIdentifier,
    WorkMerge,
)
from kb.store.inserting import insert_missing
from kb.store.linked_records import DESCRIBING
from kb.store.work_rows import KEYED, POINTING, Row, notice_family, rows_naming, said_by, work_hash


@dataclass(frozen=True, slots=True)
class Undone:
    """`newcomers` describe the survivor since the merge, `relink` said something new since that
    names it. Both are numbers of records, in order of arrival."""

    loser: int
    survivor: int
    newcomers: tuple[int, ...]
    relink: tuple[int, ...]
    targets: frozenset[int]  # works whose notices are to be settled again


def unmerge(session: Session, merge: WorkMerge, now: datetime) -> Undone:
    """Take the merge apart; the caller brings both works up to date.

    It must be the last merge of the survivor that is not undone.
    """
    assert merge.before is not None
    before, loser, survivor = merge.before, merge.loser_id, merge.survivor_id
    gone = session.get_one(Work, loser)
    assert gone.merged_into_id == survivor, "only the last merge of a work can be undone"
    gone.merged_into_id, gone.changed_at = None, now
    session.add(gone)
    session.flush()
    _set(session, Work, "merged_into_id", survivor, loser, before["merged"])
    newcomers, lists = _give_back_records(session, before["records"], loser, survivor)
    said = {int(i): digest for i, digest in before["said"].items()}
    now_said = said_by(session, said)
    changed = {i for i in said if now_said.get(i) != said[i]}
    relink = changed | lists
    for table, columns in POINTING:
        relink |= _give_back_pointers(session, table, columns, before, loser, survivor)
    for table, columns in KEYED:
        relink |= _give_back_rows(session, table, columns, before, changed, loser, survivor)
    _drop_unsaid_edges(session, (loser, survivor))
    _give_back_identifiers(session, before["identifiers"], loser, survivor)
    _give_back_conflicts(session, before["conflicts"], survivor)
    _give_back_coverage(session, before["coverage"], survivor)
    targets, anew = _give_back_notices(session, before, changed, loser, survivor)
    relink |= anew
    relink |= _asserting_anew(session, before, survivor)
    merge.undone_at = now
    session.add(merge)
    session.flush()
    session.expire_all()
    relink -= set(newcomers)
    return Undone(
        loser, survivor, newcomers, tuple(sorted(relink)), frozenset(targets | {loser, survivor})
    )


def restore_dates(session: Session, merge: WorkMerge) -> None:
    """Where a work is again what it was, it changed when it had changed; `before` is let go."""
    assert merge.before is not None
    for number, (digest, changed_at) in merge.before["works"].items():
        work = session.get_one(Work, int(number))
        if work_hash(session, int(number)) == digest:
            work.changed_at = datetime.fromisoformat(changed_at)
            session.add(work)
    merge.before = None
    session.add(merge)
    session.flush()


def _set(
    session: Session, table: type[Any], name: str, old: int, new: int, ids: Iterable[int]
) -> None:
    numbers = sorted(ids)
    column = getattr(table, name)
    for start in range(0, len(numbers), 500):
        chunk = numbers[start : start + 500]
        session.execute(
            sa.update(table)
            .where(table.id.in_(chunk), column == old)
            .values({name: new})
            .execution_options(synchronize_session=False)
        )


def _give_back_records(
    session: Session, records: dict[str, int], loser: int, survivor: int
) -> tuple[tuple[int, ...], set[int]]:
    """What has come to the survivor since: records that describe it, and lists about it."""
    mine = [int(i) for i, work_id in records.items() if work_id == loser]
    _set(session, StoredRecord, "work_id", survivor, loser, mine)
    held = session.execute(
        sa.select(col(StoredRecord.id), col(StoredRecord.view))
        .where(col(StoredRecord.work_id) == survivor)
        .order_by(col(StoredRecord.id))
    ).all()
    new = [(i, view) for i, view in held if str(i) not in records]
    return (
        tuple(i for i, view in new if view in DESCRIBING),
        {i for i, view in new if view not in DESCRIBING},
    )


def _give_back_pointers(
    session: Session,
    table: type[Any],
    columns: tuple[str, ...],
    before: dict[str, Any],
    loser: int,
    survivor: int,
) -> set[int]:
    """Returns the records whose rows have come to name the survivor since."""
    known: list[Row] = before["rows"][table.__tablename__]
    for name in columns:
        _set(session, table, name, survivor, loser, (r["id"] for r in known if r[name] == loser))
    ids = {row["id"] for row in known}
    rows = [r for r in rows_naming(session, table, columns, [survivor]) if r["id"] not in ids]
    if table is Evidence:
        _documents_of(session, [row["id"] for row in rows], loser)
    if table is Observation:
        _counts_of(session, [row["id"] for row in rows], loser)
    return {row["record_id"] for row in rows if row["record_id"] is not None}


def _counts_of(session: Session, observations: list[int], loser: int) -> None:
    """Counts given since, by records of the one work and not the other."""
    query = (
        select(Observation)
        .join(StoredRecord, col(StoredRecord.id) == col(Observation.record_id))
        .where(col(Observation.id).in_(observations), StoredRecord.work_id == loser)
    )
    for row in session.exec(query):
        row.work_id = loser
        session.add(row)
    session.flush()


def _documents_of(session: Session, evidence: list[int], loser: int) -> None:
    """Evidence entered since, in a document that is the one work and not the other."""
    for row in session.exec(select(Evidence).where(col(Evidence.id).in_(evidence))):
        try:
            wanted = parse_identifier(row.document)
        except InvalidInput:
            continue
        held = session.get(WorkIdentifier, (wanted.scheme.value, wanted.value))
        if held is not None and held.work_id == loser:
            row.work_id = loser
            session.add(row)
    session.flush()


def _give_back_rows(
    session: Session,
    table: type[Any],
    columns: tuple[str, ...],
    before: dict[str, Any],
    changed: set[int],
    loser: int,
    survivor: int,
) -> set[int]:
    """A row is put back while what the merge made of it still stands. Returns the records behind
    all other rows, of then and of now."""
    known: list[Row] = before["rows"][table.__tablename__]
    keys = [column.key for column in sa.inspect(table).primary_key]

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in keys)

    def moved(row: Row) -> Row:
        return row | {name: survivor for name in columns if row[name] == loser}

    held = {key(row): row for row in rows_naming(session, table, columns, [survivor])}
    back = [row for row in known if key(moved(row)) in held and row.get("record_id") not in changed]
    images = {key(moved(row)) for row in back if loser in (row[name] for name in columns)}
    for name in images:
        where = sa.and_(*(getattr(table, k) == value for k, value in zip(keys, name)))
        session.execute(sa.delete(table).where(where).execution_options(synchronize_session=False))
    if table is CitationAssertion:
        insert_missing(session, Cites, [{name: row[name] for name in columns} for row in back])
    insert_missing(session, table, back)
    done = {key(row) for row in back}
    other = [row for row in known if key(row) not in done]
    other += [row for name, row in held.items() if name not in images | done]
    return {row["record_id"] for row in other if row.get("record_id") is not None}


def _drop_unsaid_edges(session: Session, works: tuple[int, int]) -> None:
    said = sa.exists().where(
        col(CitationAssertion.citing_id) == col(Cites.citing_id),
        col(CitationAssertion.cited_id) == col(Cites.cited_id),
    )
    named = sa.or_(col(Cites.citing_id).in_(works), col(Cites.cited_id).in_(works))
    session.execute(
        sa.delete(Cites).where(named, ~said).execution_options(synchronize_session=False)
    )


def _give_back_identifiers(session: Session, known: list[Row], loser: int, survivor: int) -> None:
    """What the survivor has come to hold since is let go: who says it claims it again."""
    owner = {(row["scheme"], row["value"]): row["work_id"] for row in known}
    for row in session.exec(select(WorkIdentifier).where(WorkIdentifier.work_id == survivor)):
        work_id = owner.get((row.scheme, row.value))
        if work_id is None:
            session.delete(row)
        elif work_id == loser:
            row.work_id = loser
            session.add(row)
    session.flush()


def _give_back_conflicts(session: Session, known: list[Row], survivor: int) -> None:
    """Contradictions with the one or the other. Which of them still stand is decided anew when
    their records are considered."""
    named = {(row["record_id"], row["scheme"], row["value"]) for row in known}
    held = select(IdentityConflict).where(IdentityConflict.work_id == survivor)
    for one in session.exec(held).all():
        if (one.record_id, one.scheme, one.value) in named:
            session.delete(one)
    session.flush()
    for row in known:
        values = {**row, "id": None, "seen_at": datetime.fromisoformat(row["seen_at"])}
        session.add(IdentityConflict(**values))
    session.flush()


def _give_back_coverage(session: Session, known: list[Row], survivor: int) -> None:
    named = {(row["source"], row["direction"]) for row in known}
    for row in session.exec(select(Coverage).where(Coverage.work_id == survivor)):
        if (row.source, row.direction) in named:
            session.delete(row)
        else:
            row.claimed = None  # said since, and said again when its record is linked anew
            session.add(row)
    session.flush()
    insert_missing(session, Coverage, known)
    session.expire_all()


def _give_back_notices(
    session: Session, before: dict[str, Any], changed: set[int], loser: int, survivor: int
) -> tuple[set[int], set[int]]:
    """Notices with their numbers and what each record said of them. Returns the works concerned,
    and the records that say something else of them by now."""
    gone = _merged_since(session, before, (loser, survivor))
    said_now = {
        (row["record_id"], row["asserted_by"], row["label"], row["date"], row["text"])
        for row in notice_family(session, [survivor])["assertions"]
    }
    numbers: dict[int, int] = {}
    targets = set()
    for row in before["notices"]:
        if row["work_id"] in gone or row["notice_work_id"] in gone:
            continue
        targets.add(row["work_id"])
        held = session.get(Notice, row["id"])
        is_same = held is not None and held.kind == row["kind"] and held.work_id in (
            row["work_id"], survivor if row["work_id"] == loser else row["work_id"]
        )  # fmt: skip
        if held is not None and is_same:
            for name, value in row.items():
                setattr(held, name, value)
        else:
            # Another notice may have been given the number of one that was dropped.
            values = row if held is None else {k: v for k, v in row.items() if k != "id"}
            held = Notice(**values)
        session.add(held)
        session.flush()
        assert held.id is not None
        numbers[row["id"]] = held.id
    relink = set()
    for row in before["assertions"]:
        record_id = row["record_id"]
        said = (record_id, row["asserted_by"], row["label"], row["date"], row["text"])
        is_dropped = said not in said_now and not _is_by_itself(row, before, loser, survivor)
        if record_id in changed or is_dropped or row["notice_id"] not in numbers:
            relink.add(record_id)
            continue
        held_one = session.get(NoticeAssertion, row["id"])
        if held_one is None or held_one.record_id != record_id:
            values = row if held_one is None else {k: v for k, v in row.items() if k != "id"}
            held_one = NoticeAssertion(**values)
        held_one.notice_id = numbers[row["notice_id"]]
        held_one.notice_work_id = row["notice_work_id"]
        session.add(held_one)
    session.flush()
    return targets, relink


def _merged_since(session: Session, before: dict[str, Any], but: tuple[int, int]) -> set[int]:
    """Works that notices named then and that are in other works by now."""
    named = {row[name] for row in before["notices"] for name in ("work_id", "notice_work_id")}
    named |= {row["notice_work_id"] for row in before["assertions"]}
    query = select(Work.id).where(
        col(Work.id).in_(named - {None, *but}), col(Work.merged_into_id).is_not(None)
    )
    return {i for i in session.exec(query) if i is not None}


def _is_by_itself(row: Row, before: dict[str, Any], loser: int, survivor: int) -> bool:
    """Whether the merge dropped what was said, as it made one work of a notice and its target."""
    target = next(n["work_id"] for n in before["notices"] if n["id"] == row["notice_id"])
    return {target, row["notice_work_id"]} == {loser, survivor}


def _asserting_anew(session: Session, before: dict[str, Any], survivor: int) -> set[int]:
    """Records that have said something of notices of, or by, the survivor since."""
    known = {row["id"] for row in before["assertions"]}
    family = notice_family(session, [survivor])
    return {row["record_id"] for row in family["assertions"] if row["id"] not in known}
