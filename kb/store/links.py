"""From what a record says about other works and trials to edges between them.

Every row written here names its record, so linking a changed record replaces its own rows and
nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.identity.registrations import normalize_registration
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    ObservationClaim,
    ReferenceClaim,
    ReferenceList,
    View,
    WorkRecord,
    from_json,
)
from kb.models.tables import (
    CitationAssertion,
    Cites,
    Coverage,
    Observation,
    Reference,
    StoredRecord,
    Work,
    WorkIdentifier,
    WorkRegistration,
    WorkRelation,
)
from kb.store.inserting import insert_missing
from kb.store.reference_works import Resolved, decided_lines, works_of_lines
from kb.store.reports import NAMED, find_or_make_registration, link_reports

T = TypeVar("T")


def relink_work_record(
    session: Session, stored: StoredRecord, record: WorkRecord, now: datetime
) -> set[int]:
    """Make edges what the record says; what it counts is for `observe`.

    Returns the works without a record that the record's references describe anew.
    """
    assert stored.work_id is not None
    mentioned = link_references(session, stored, record.references, now)
    counted = session.get(Coverage, (stored.work_id, record.source, "references"))
    if counted or record.references or record.references_claimed is not None:
        count_references(session, stored.work_id, record.source, record.references_claimed, now)
    _link_relations(session, stored, record, now)
    _link_registrations(session, stored, record)
    return mentioned


# -- identifiers -----------------------------------------------------------------------------


def identifiers_of(session: Session, work_id: int) -> list[Identifier]:
    rows = session.exec(select(WorkIdentifier).where(WorkIdentifier.work_id == work_id))
    return sorted(Identifier(Scheme(row.scheme), row.value) for row in rows)


def claim(session: Session, work_id: int, identifiers: Iterable[Identifier]) -> None:
    """Give the work those of the identifiers that nobody holds yet."""
    wanted = set(identifiers)
    for identifier in sorted(wanted - holders(session, wanted).keys()):
        _give(session, work_id, identifier)
    session.flush()


def find_or_make_work(
    session: Session, identifiers: Sequence[Identifier], now: datetime
) -> int | None:
    """The one work of `find_or_make_works`."""
    return find_or_make_works(session, [identifiers], now)[0]


def find_or_make_works(
    session: Session, mentions: Sequence[Sequence[Identifier]], now: datetime
) -> list[int | None]:
    """For each mention the work holding the first of its identifiers that anybody holds, else a
    new, undescribed one; None without identifiers.

    A mention is weak evidence: it never joins two works, nor gives a described one another id.
    """
    held = holders(session, {i for identifiers in mentions for i in identifiers})
    known = {work.id: work for work in _works(session, set(held.values()))}
    holding: dict[Identifier, Work] = {i: known[work_id] for i, work_id in held.items()}
    schemes = _schemes(session, [w.id for w in known.values() if w.id and not w.is_described])
    found: list[Work | None] = []
    for identifiers in mentions:
        work = next((holding[i] for i in identifiers if i in holding), None)
        if work is None and identifiers:
            work = Work(changed_at=now)
            session.add(work)
        if work is not None and not work.is_described:
            has = schemes.setdefault(work.id or -id(work), set())
            for identifier in identifiers:
                if identifier not in holding and identifier.scheme not in has:
                    has.add(identifier.scheme)
                    holding[identifier] = work
        found.append(work)
    session.flush()
    for identifier in sorted(holding.keys() - held.keys()):
        _give(session, holding[identifier].id, identifier)
    session.flush()
    return [None if work is None else work.id for work in found]


def holders(session: Session, identifiers: Iterable[Identifier]) -> dict[Identifier, int]:
    """Which of the identifiers are held, and by which work."""
    pairs = [(i.scheme.value, i.value) for i in sorted(set(identifiers))]
    found: dict[Identifier, int] = {}
    for chunk in _chunks(pairs):
        named = sa.tuple_(col(WorkIdentifier.scheme), col(WorkIdentifier.value)).in_(chunk)
        for row in session.exec(select(WorkIdentifier).where(named)):
            found[Identifier(Scheme(row.scheme), row.value)] = row.work_id
    return found


def _works(session: Session, ids: Iterable[int]) -> list[Work]:
    chunks = _chunks(sorted(ids))
    return [w for ids in chunks for w in session.exec(select(Work).where(col(Work.id).in_(ids)))]


def _schemes(session: Session, work_ids: Sequence[int]) -> dict[int, set[Scheme]]:
    found: dict[int, set[Scheme]] = {}
    for chunk in _chunks(sorted(work_ids)):
        query = select(WorkIdentifier).where(col(WorkIdentifier.work_id).in_(chunk))
        for row in session.exec(query):
            found.setdefault(row.work_id, set()).add(Scheme(row.scheme))
    return found


def _give(session: Session, work_id: int | None, identifier: Identifier) -> None:
    assert work_id is not None
    session.add(
        WorkIdentifier(scheme=identifier.scheme.value, value=identifier.value, work_id=work_id)
    )


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Few enough for one statement: SQLite takes 32,766 values, and plans long lists slowly."""
    return (items[start : start + 500] for start in range(0, len(items), 500))


def holder(session: Session, identifier: Identifier) -> int | None:
    """The work that holds the identifier, if any does."""
    row = session.get(WorkIdentifier, (identifier.scheme.value, identifier.value))
    return row.work_id if row else None


# -- references and citations ------------------------------------------------------------------


def link_references(
    session: Session, stored: StoredRecord, claims: Sequence[ReferenceClaim], now: datetime
) -> set[int]:
    """Make the record's references those claimed: all of them in order, resolved or not.

    Returns the undescribed works that are described here in another way than before.
    """
    assert stored.id is not None
    assert stored.work_id is not None
    held = {
        row.position: row
        for row in session.exec(select(Reference).where(Reference.record_id == stored.id))
    }
    if not held and not claims:
        return set()
    cited = _resolved(session, stored, claims, now, is_new=not held)
    touched: set[int | None] = set()
    for claim_, (cited_id, matched_by) in zip(claims, cited):
        values: dict[str, Any] = {
            "citing_id": stored.work_id,
            "cited_id": cited_id,
            "matched_by": matched_by,
            "identifiers": [str(i) for i in claim_.identifiers],
            "text": claim_.text,
            "title": claim_.title,
            "authors": claim_.authors,
            "year": claim_.year,
            "year_text": claim_.year_text,
            "venue": claim_.venue,
            "volume": claim_.volume,
            "pages": claim_.pages,
            "label": claim_.key,
            "asserted_by": claim_.asserted_by,
        }
        row = held.pop(claim_.position, None)
        if row is not None and all(getattr(row, name) == v for name, v in values.items()):
            continue
        if row is None:
            row = Reference(record_id=stored.id, position=claim_.position, **values)
        else:
            touched.add(row.cited_id)
            for name, value in values.items():
                setattr(row, name, value)
        touched.add(cited_id)
        session.add(row)
    for gone in held.values():
        touched.add(gone.cited_id)
        session.delete(gone)
    session.flush()
    _assert_edges(session, stored, {(stored.work_id, c) for c, _ in cited if c is not None})
    ids = {work_id for work_id in touched if work_id is not None}
    return {w.id for w in _works(session, ids) if w.id is not None and not w.is_described}


def relink(session: Session, work_id: int, lost: set[Identifier], now: datetime) -> set[int]:
    """Resolve anew what was resolved to the work by an identifier that it has lost."""
    if not lost:
        return set()
    held = {str(i) for i in identifiers_of(session, work_id)}
    gone = {str(i) for i in lost}
    rows = session.exec(select(Reference).where(Reference.cited_id == work_id))
    records = {
        row.record_id
        for row in rows
        if gone & set(row.identifiers) and not held & set(row.identifiers)
    }
    touched: set[int] = set()
    for record_id in sorted(records):
        stored = session.get(StoredRecord, record_id)
        assert stored is not None
        said: ReferenceList | WorkRecord
        if stored.view == View.REFERENCES:
            said = from_json(ReferenceList, stored.content)
        else:
            said = from_json(WorkRecord, stored.content)
        touched |= link_references(session, stored, said.references, now)
    return touched


def _resolved(
    session: Session,
    stored: StoredRecord,
    claims: Sequence[ReferenceClaim],
    now: datetime,
    *,
    is_new: bool,
) -> list[Resolved]:
    """What each line means: by its identifiers; without any by what it says; and before both by
    what a person said of it."""
    assert stored.id is not None
    cited = _cited(session, stored.source, claims, now)
    bare = [c for c, work_id in zip(claims, cited) if work_id is None and not c.identifiers]
    matched = works_of_lines(session, stored, bare) if bare or not is_new else {}
    said = decided_lines(session, stored.id)
    found: list[Resolved] = []
    for claim_, work_id in zip(claims, cited):
        resolved = matched.get(claim_.position, (work_id, None))
        found.append(said.apply(claim_.position, resolved))
    return found


def _cited(
    session: Session, source: str, claims: Sequence[ReferenceClaim], now: datetime
) -> list[int | None]:
    """The works meant: by the source's own record of them where it names one, else by id."""
    keys = sorted({c.record_key for c in claims if c.record_key is not None})
    own: dict[str, int] = {}
    for chunk in _chunks(keys):
        query = select(StoredRecord.key, StoredRecord.work_id).where(
            StoredRecord.source == source,
            StoredRecord.view == View.WORK,
            col(StoredRecord.key).in_(chunk),
        )
        own |= {key: work_id for key, work_id in session.exec(query) if work_id is not None}
    by_key = [own.get(c.record_key or "") for c in claims]
    mentions = [() if work_id else c.identifiers for c, work_id in zip(claims, by_key)]
    by_id = find_or_make_works(session, mentions, now)
    return [a or b for a, b in zip(by_key, by_id)]


def link_citing(session: Session, stored: StoredRecord, citing: Iterable[int]) -> None:
    assert stored.work_id is not None
    _assert_edges(session, stored, {(c, stored.work_id) for c in citing})


def _assert_edges(session: Session, stored: StoredRecord, wanted: set[tuple[int, int]]) -> None:
    """Make the record assert exactly these edges; an edge nobody asserts any more goes."""
    assert stored.id is not None
    wanted = {(citing, cited) for citing, cited in wanted if citing != cited}
    asserted = select(CitationAssertion.citing_id, CitationAssertion.cited_id)
    held = set(session.exec(asserted.where(CitationAssertion.record_id == stored.id)).all())
    edges = [{"citing_id": a, "cited_id": b} for a, b in sorted(wanted - held)]
    said = [{**edge, "record_id": stored.id, "source": stored.source} for edge in edges]
    insert_missing(session, Cites, edges)
    insert_missing(session, CitationAssertion, said)
    gone = [{"citing": a, "cited": b} for a, b in sorted(held - wanted)]
    if not gone:
        return
    citing = sa.bindparam("citing", type_=sa.Integer)
    cited = sa.bindparam("cited", type_=sa.Integer)
    said_of = sa.and_(
        col(CitationAssertion.citing_id) == citing, col(CitationAssertion.cited_id) == cited
    )
    connection = session.connection()
    mine = sa.delete(CitationAssertion).where(col(CitationAssertion.record_id) == stored.id)
    connection.execute(mine.where(said_of), gone)
    edge = sa.and_(col(Cites.citing_id) == citing, col(Cites.cited_id) == cited)
    connection.execute(sa.delete(Cites).where(edge, ~sa.exists().where(said_of)), gone)


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
    if not held and claimed is None and row.observed_at:
        session.delete(row)  # the source has nothing to say of it any more
        session.flush()
        return
    if (row.claimed, row.held, row.resolved) == (claimed, held, resolved) and row.observed_at:
        return
    row.claimed, row.held, row.resolved = claimed, held, resolved
    row.observed_at = now.date().isoformat()
    session.add(row)
    session.flush()


# -- relations, registrations, counts ------------------------------------------------------------


def _link_relations(
    session: Session, stored: StoredRecord, record: WorkRecord, now: datetime
) -> None:
    assert stored.id is not None
    assert stored.work_id is not None
    others = find_or_make_works(session, [r.other for r in record.relations], now)
    wanted = {
        (stored.work_id, relation.kind, other)
        for relation, other in zip(record.relations, others)
        if other is not None and other != stored.work_id
    }
    held = session.exec(select(WorkRelation).where(WorkRelation.record_id == stored.id)).all()
    for row in held:
        if (row.work_id, row.kind, row.other_id) in wanted:
            wanted.remove((row.work_id, row.kind, row.other_id))
        else:
            session.delete(row)
    for work_id, kind, other in sorted(wanted):
        session.add(WorkRelation(work_id=work_id, kind=kind, other_id=other, record_id=stored.id))
    session.flush()


def _link_registrations(session: Session, stored: StoredRecord, record: WorkRecord) -> None:
    assert stored.id is not None
    assert stored.work_id is not None
    held = {
        (row.work_id, row.registration_id): row
        for row in session.exec(
            select(WorkRegistration).where(WorkRegistration.record_id == stored.id)
        )
    }
    if not held and not record.registrations:
        return
    for mention in record.registrations:
        known = normalize_registration(mention.number)
        registry = mention.registry or (known[0] if known else None)
        registration = find_or_make_registration(session, mention.number, registry)
        assert registration.id is not None
        insert_missing(
            session,
            WorkRegistration,
            [
                {
                    "work_id": stored.work_id,
                    "registration_id": registration.id,
                    "record_id": stored.id,
                    "kind": NAMED,
                }
            ],
        )
        held.pop((stored.work_id, registration.id), None)
    for gone in held.values():
        session.delete(gone)
    session.flush()
    link_reports(session, {stored.work_id} | {row.work_id for row in held.values()})


def observe(
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
