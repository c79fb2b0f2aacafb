"""What waits: failures until they are read well, contradictions until a person decides."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, select

from kb.models.tables import Failure, IdentityConflict, StoredRecord
from kb.store.listing import Asked, Field, Listing, Page, Reads, in_order, list_rows
from kb.store.lookup import resolve_work
from kb.store.works import RecordRef, WorkLink, record_refs, work_links


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureOut:
    """A request, or one part of an answer, that could not be used. `position` is where in the
    answer, None for the whole of it; `payload_id` None where no answer came."""

    source: str
    request: str
    position: str | None
    key: str | None
    reason: str
    payload_id: int | None
    seen_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConflict:
    """`record` shares the identifier `scheme`:`value` with `work`, its holder, and contradicts it
    in another way, so that the two were neither made one nor kept apart for good."""

    work: WorkLink
    scheme: str
    value: str
    kind: str
    detail: str
    seen_at: str
    record: RecordRef


FAILURES = Listing(
    name="failures",
    source=Failure,
    id=col(Failure.id),
    order="id:desc",
    searched=col(Failure.reason),
    fields={
        "source": Field(about="pubmed, crossref ...", column=col(Failure.source)),
        "request": Field(
            about="Words of the request", column=col(Failure.request), reads=Reads.WORDS
        ),
        "key": Field(about="The record, where it has a name", column=col(Failure.key)),
    },
)

CONFLICTS = Listing(
    name="conflicts",
    source=IdentityConflict,
    id=col(IdentityConflict.id),
    order="id:desc",
    searched=col(IdentityConflict.detail),
    fields={
        "work": Field(
            about="The holder: W1, a DOI ...",
            column=col(IdentityConflict.work_id),
            reads=Reads.ROW,
            resolve=resolve_work,
        ),
        "kind": Field(about="different pmid, different title ...", column=IdentityConflict.kind),
        "source": Field(
            about="Whose record contradicts",
            column=select(StoredRecord.source)
            .where(col(StoredRecord.id) == col(IdentityConflict.record_id))
            .correlate(IdentityConflict)
            .scalar_subquery(),
        ),
    },
)


def list_failures(session: Session, asked: Asked) -> Page[FailureOut]:
    """Newest first."""
    found = list_rows(session, FAILURES, asked)
    rows = session.exec(select(Failure).where(col(Failure.id).in_(found.results)))
    shown = {
        row.id or 0: FailureOut(
            source=row.source,
            request=row.request,
            position=row.position or None,
            key=row.key,
            reason=row.reason,
            payload_id=row.payload_id,
            seen_at=row.seen_at.isoformat(),
        )
        for row in rows
    }
    return found.of(in_order(found.results, shown))


def list_conflicts(session: Session, asked: Asked) -> Page[OpenConflict]:
    """Newest first."""
    found = list_rows(session, CONFLICTS, asked)
    rows = session.exec(
        select(IdentityConflict).where(col(IdentityConflict.id).in_(found.results))
    ).all()
    works = work_links(session, [row.work_id for row in rows])
    records = record_refs(session, [row.record_id for row in rows])
    shown = {
        row.id or 0: OpenConflict(
            work=works[row.work_id],
            scheme=row.scheme,
            value=row.value,
            kind=row.kind,
            detail=row.detail,
            seen_at=row.seen_at.isoformat(),
            record=records[row.record_id],
        )
        for row in rows
    }
    return found.of(in_order(found.results, shown))
