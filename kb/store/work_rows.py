"""The rows that name a work, as values: what a merge keeps of both works, to be undone by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.models.tables import (
    CitationAssertion,
    Coverage,
    Evidence,
    IdentityConflict,
    Notice,
    NoticeAssertion,
    Observation,
    OutcomeWork,
    Reference,
    Report,
    StoredRecord,
    Work,
    WorkIdentifier,
    WorkRegistration,
    WorkRelation,
)

# Rows with a number of their own, which a merge points elsewhere and never drops.
POINTING: Final[tuple[tuple[type[Any], tuple[str, ...]], ...]] = (
    (Reference, ("citing_id", "cited_id")),
    (Observation, ("work_id",)),
    (Evidence, ("work_id",)),
)
# Rows whose key holds the work: of two that become alike, a merge drops one.
KEYED: Final[tuple[tuple[type[Any], tuple[str, ...]], ...]] = (
    (CitationAssertion, ("citing_id", "cited_id")),
    (WorkRelation, ("work_id", "other_id")),
    (WorkRegistration, ("work_id",)),
    (Report, ("work_id",)),
    (OutcomeWork, ("work_id",)),
)

Row = dict[str, Any]


def rows_naming(
    session: Session, table: type[Any], columns: Sequence[str], works: Iterable[int]
) -> list[Row]:
    """Rows in whose `columns` one of the works stands; without the long texts of pointing rows."""
    ids = sorted(works)
    whole = (table, tuple(columns)) in KEYED or table in (Coverage, WorkIdentifier)
    shown = sa.inspect(table).column_attrs.keys() if whole else ("id", *columns)
    if not whole and "record_id" in sa.inspect(table).column_attrs:
        shown = (*shown, "record_id")
    named = sa.or_(*(getattr(table, name).in_(ids) for name in columns))
    rows = session.execute(sa.select(*(getattr(table, name) for name in shown)).where(named))
    return [dict(row._mapping) for row in rows]


def notice_family(session: Session, works: Iterable[int]) -> dict[str, list[Row]]:
    """All notices and assertions about the works, and about works they are notices of: what is
    settled together."""
    ids = sorted(works)
    about = {
        *ids,
        *session.exec(select(Notice.work_id).where(col(Notice.notice_work_id).in_(ids))),
        *session.exec(
            select(Notice.work_id)
            .join(NoticeAssertion, col(NoticeAssertion.notice_id) == col(Notice.id))
            .where(col(NoticeAssertion.notice_work_id).in_(ids))
        ),
    }
    notices = session.exec(select(Notice).where(col(Notice.work_id).in_(about))).all()
    assertions = session.exec(
        select(NoticeAssertion).where(col(NoticeAssertion.notice_id).in_([n.id for n in notices]))
    ).all()
    return {
        "notices": [row.model_dump() for row in notices],
        "assertions": [row.model_dump() for row in assertions],
    }


def snapshot(session: Session, *, loser: int, survivor: int) -> dict[str, Any]:
    """Every row that names either work, plain enough for JSON.

    `said` is what the records behind these rows said then, as hashes: a row is put back only while
    its record still says the same. `works` are hashes of the two works themselves.
    """
    both = (loser, survivor)
    rows = {
        table.__tablename__: rows_naming(session, table, columns, both)
        for table, columns in (*POINTING, *KEYED)
    }
    family = notice_family(session, both)
    records = {
        str(row.id): row.work_id
        for row in session.execute(
            sa.select(col(StoredRecord.id), col(StoredRecord.work_id)).where(
                col(StoredRecord.work_id).in_(both)
            )
        )
    }
    named = {row.get("record_id") for table in rows.values() for row in table}
    named |= {row["record_id"] for row in family["assertions"]} | set(map(int, records))
    conflicts = session.exec(
        select(IdentityConflict).where(col(IdentityConflict.work_id).in_(both))
    )
    return {
        "rows": rows,
        **family,
        "conflicts": [row.model_dump(mode="json") for row in conflicts],
        "coverage": rows_naming(session, Coverage, ("work_id",), both),
        "identifiers": rows_naming(session, WorkIdentifier, ("work_id",), both),
        "records": records,
        "said": {str(i): said for i, said in said_by(session, named - {None}).items()},
        "merged": sorted(session.exec(select(Work.id).where(Work.merged_into_id == loser)).all()),
        "works": {str(i): [work_hash(session, i), _changed(session, i)] for i in both},
    }


def said_by(session: Session, records: Iterable[int | None]) -> dict[int, str]:
    """Hash of what each record says now."""
    ids = sorted(i for i in set(records) if i is not None)
    found: dict[int, str] = {}
    for start in range(0, len(ids), 500):
        query = sa.select(col(StoredRecord.id), col(StoredRecord.content_sha256))
        rows = session.execute(query.where(col(StoredRecord.id).in_(ids[start : start + 500])))
        found |= {row.id: row.content_sha256 for row in rows}
    return found


def work_hash(session: Session, work_id: int) -> str:
    """Hash of the work's own row, all but when it changed."""
    work = session.get_one(Work, work_id)
    values = work.model_dump(exclude={"changed_at", "merged_into_id"})
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _changed(session: Session, work_id: int) -> str:
    return session.get_one(Work, work_id).changed_at.isoformat()
