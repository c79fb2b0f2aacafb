"""Records to save, and what a base holds said without its row numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from kb.identity.identifiers import identifiers
from kb.models import tables as t
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier
from kb.models.records import (
    NoticeClaim,
    NoticeKind,
    Payload,
    ReferenceClaim,
    WorkRecord,
)
from kb.store.engine import Store
from kb.store.payloads import keep
from kb.store.record_works import Saved, save_work_record

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

TITLE = "Seven infused patients with multiple sclerosis"


def ids(**given: str) -> tuple[Identifier, ...]:
    """`ids(doi="10.1000/a", pmid="1")`, in their normal forms."""
    return identifiers(**given)


def a_record(source: str = "crossref", key: str = "1", **given: Any) -> WorkRecord:
    return WorkRecord(source=source, key=key, **{"title": TITLE} | given)


def references(*named: tuple[Identifier, ...], **given: Any) -> tuple[ReferenceClaim, ...]:
    return tuple(
        ReferenceClaim(position=n, identifiers=one, **given) for n, one in enumerate(named, 1)
    )


def notice(
    kind: NoticeKind = NoticeKind.RETRACTION,
    other: tuple[Identifier, ...] = (),
    date: str | None = None,
    **given: Any,
) -> NoticeClaim:
    on = PartialDate(date) if date else None
    return NoticeClaim(kind=kind, other=other, date=on, **{"is_about_self": True} | given)


def a_payload(body: bytes = b"{}", **given: Any) -> Payload:
    values: dict[str, Any] = {
        "source": "test",
        "request": "GET /",
        "status": 200,
        "fetched_at": NOW,
    } | given
    return Payload(body=body, **values)


def save(session: Session, *records: WorkRecord, now: datetime = NOW) -> list[Saved]:
    payload_id = keep(session, a_payload())
    return [save_work_record(session, record, payload_id, now) for record in records]


def save_each(store: Store, records: Iterable[WorkRecord], now: datetime = NOW) -> list[int | None]:
    """Each in a transaction of its own, as ingesting does. Returns the works' ids."""
    found = []
    for record in records:
        with store.writing() as session:
            found += [saved.work_id for saved in save(session, record, now=now)]
    return found


class Undone(Exception):
    pass


@contextmanager
def undone(store: Store) -> Iterator[Session]:
    """A writing session of which nothing stays."""
    try:
        with store.writing() as session:
            yield session
            raise Undone
    except Undone:
        pass


def dump(session: Session) -> list[str]:
    """Every row of every table, as text."""
    rows = []
    session.flush()
    for table in t.metadata.sorted_tables:
        query = sa.select(table).order_by(*table.primary_key.columns)
        rows += [f"{table.name} {tuple(row)!r}" for row in session.connection().execute(query)]
    return rows


def rows_of(session: Session, table: type[Any], **where: Any) -> list[Any]:
    query = sa.select(table)
    for name, value in where.items():
        query = query.where(getattr(table, name) == value)
    session.flush()
    return list(session.execute(query).scalars())


def works(session: Session) -> dict[str, dict[str, Any]]:
    """All works by their identifiers: which records each has, what is derived from these, and what
    points where. Equal for two bases that hold the same, whatever their row numbers."""
    session.flush()
    session.expire_all()
    records = {r.id: f"{r.source} {r.key} {r.view}" for r in rows_of(session, t.StoredRecord)}
    living = [w for w in rows_of(session, t.Work) if w.merged_into_id is None]
    names: dict[int | None, str] = {None: "nothing"}
    for work in living:
        held = rows_of(session, t.WorkIdentifier, work_id=work.id)
        names[work.id] = " ".join(sorted(f"{i.scheme}:{i.value}" for i in held)) or "no id"

    def told(table: type[Any], *left_out: str, **where: Any) -> list[str]:
        said = []
        for row in rows_of(session, table, **where):
            values = row.model_dump(exclude={"id", "changed_at", *left_out})
            for name in values:
                if name.endswith("work_id") or name in ("citing_id", "cited_id", "other_id"):
                    values[name] = names[values[name]]
                elif name == "record_id":
                    values[name] = records[values[name]]
            said.append(repr(sorted(values.items())))
        return sorted(said)

    found = {}
    for work in living:
        columns = work.model_dump(exclude={"id", "venue_id", "merged_into_id", "changed_at"})
        columns["provenance"] = {f: records[r] for f, r in work.provenance.items()}
        venue = session.get(t.Venue, work.venue_id) if work.venue_id else None
        columns["venue"] = venue and venue.model_dump(exclude={"id"})
        columns["authors"] = [
            (a.position, a.name, a.author_id and session.get_one(t.Author, a.author_id).orcid)
            for a in rows_of(session, t.Authorship, work_id=work.id)
        ]
        columns["concepts"] = sorted(
            (session.get_one(t.Concept, c.concept_id).label, str(c.is_major), *c.qualifiers)
            for c in rows_of(session, t.WorkConcept, work_id=work.id)
        )
        columns["records"] = sorted(
            records[r.id] for r in rows_of(session, t.StoredRecord, work_id=work.id)
        )
        columns["notices"] = sorted(
            (
                n.kind,
                str(n.date),
                names[n.notice_work_id],
                told(t.NoticeAssertion, "notice_id", notice_id=n.id),
            )
            for n in rows_of(session, t.Notice, work_id=work.id)
        )
        columns["references"] = told(t.Reference, citing_id=work.id)
        columns["cites"] = told(t.Cites, citing_id=work.id)
        columns["assertions"] = told(t.CitationAssertion, citing_id=work.id)
        columns["relations"] = told(t.WorkRelation, work_id=work.id)
        columns["coverage"] = told(t.Coverage, work_id=work.id)
        found[names[work.id]] = columns
    assert len(found) == len(living)
    return found
