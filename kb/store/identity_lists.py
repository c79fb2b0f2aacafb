"""Reading what waits for a person's word on identity, and what people said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from kb.errors import NotFound
from kb.models.dates import year_of
from kb.models.ids import Kind, public_id
from kb.models.records import WorkRecord
from kb.models.tables import (
    IdentityConflict,
    IdentityDecision,
    IdentityKind,
    IdentityPair,
    PairVerdict,
    StoredRecord,
    Work,
    WorkIdentifier,
)
from kb.store.listing import Asked, Field, Listing, Page, Reads, in_order, list_rows
from kb.store.lookup import LARGEST_ID, resolve_work
from kb.store.records import as_work_record
from kb.store.works import RecordRef, record_refs
from kb.store.works_derived import authors_text

# -- pairs -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SideOut:
    """One of the two: a record with the work it is in now, or a work as a whole. `name` is what a
    decision can name it by."""

    name: str
    work: str | None  # None: the record is in no work until a person decides
    record: RecordRef | None
    title: str | None
    authors: str | None
    year: int | None
    venue: str | None
    volume: str | None
    pages: str | None
    type: str | None
    identifiers: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOut:
    """`kind` is unsure (perhaps one work), linked (two works that belong together, `link` says how)
    or contradiction (they share an identifier and differ in another way)."""

    kind: str
    link: str | None
    reason: str
    evidence_for: list[str]
    evidence_against: list[str]
    seen_at: str
    sides: list[SideOut]


_mine: Any = aliased(StoredRecord, name="mine")
_theirs: Any = aliased(StoredRecord, name="theirs")
_said_one: Any = aliased(StoredRecord, name="said_one")
_said_other: Any = aliased(StoredRecord, name="said_other")
_holder: Any = aliased(Work, name="holder")
_one: Any = aliased(Work, name="one_work")


def _between(one: Any, other: Any) -> Any:
    """That a decision which stands keeps the two works apart."""
    return sa.exists(
        sa.select(1)
        .select_from(IdentityDecision)
        .join(_said_one, _said_one.id == col(IdentityDecision.record_id))
        .join(_said_other, _said_other.id == col(IdentityDecision.other_record_id))
        .where(
            col(IdentityDecision.kind) == IdentityKind.DIFFERENT.value,
            col(IdentityDecision.withdrawn_at).is_(None),
            col(IdentityDecision.position).is_(None),
            col(IdentityDecision.other_position).is_(None),
            sa.or_(
                sa.and_(_said_one.work_id == one, _said_other.work_id == other),
                sa.and_(_said_one.work_id == other, _said_other.work_id == one),
            ),
        )
    )


def _open() -> sa.Subquery:
    """One row for two works, however many of their records are alike, and one for each record that
    contradicts a work."""
    low = sa.case((_mine.work_id < _theirs.work_id, _mine.work_id), else_=_theirs.work_id)
    high = sa.case((_mine.work_id < _theirs.work_id, _theirs.work_id), else_=_mine.work_id)
    is_linked = col(IdentityPair.verdict) == PairVerdict.LINKED.value
    kind = sa.case((is_linked, "linked"), else_="unsure")
    first = (
        sa.select(
            sa.func.min(col(IdentityPair.id)).label("id"),
            low.label("work_id"),
            high.label("other_work_id"),
            kind.label("kind"),
        )
        .join(_mine, _mine.id == col(IdentityPair.record_id))
        .join(_theirs, _theirs.id == col(IdentityPair.other_id))
        .where(_mine.work_id != _theirs.work_id)
        .group_by(low, high, kind)
        .subquery("first")
    )
    titles = (
        sa.func.coalesce(_one.title, "").concat(" ").concat(sa.func.coalesce(_holder.title, ""))
    )
    pairs = (
        sa.select(
            (first.c.id * 2).label("id"),
            first.c.kind,
            first.c.work_id,
            first.c.other_work_id,
            col(IdentityPair.link).label("link"),
            titles.label("titles"),
        )
        .join(IdentityPair, col(IdentityPair.id) == first.c.id)
        .join(_one, _one.id == first.c.work_id)
        .join(_holder, _holder.id == first.c.other_work_id)
        .where(~_between(first.c.work_id, first.c.other_work_id))
    )
    contradictions = (
        sa.select(
            (col(IdentityConflict.id) * 2 + 1).label("id"),
            sa.literal("contradiction").label("kind"),
            _mine.work_id.label("work_id"),
            col(IdentityConflict.work_id).label("other_work_id"),
            sa.null().label("link"),
            titles.label("titles"),
        )
        .join(_mine, _mine.id == col(IdentityConflict.record_id))
        .outerjoin(_one, _one.id == _mine.work_id)
        .join(_holder, _holder.id == col(IdentityConflict.work_id))
    )
    return sa.union_all(pairs, contradictions).subquery("open_pair")


_OPEN: Final = _open()

PAIRS: Final = Listing(
    name="pairs",
    source=_OPEN,
    id=_OPEN.c.id,
    order="id:asc",
    searched=_OPEN.c.titles,
    fields={
        "kind": Field(about="unsure, linked or contradiction", column=_OPEN.c.kind),
        "link": Field(about="preprint, companion paper ...", column=_OPEN.c.link),
        "work": Field(
            about="One of the two: W1, a DOI ...",
            column=col(Work.id),
            reads=Reads.ROW,
            resolve=resolve_work,
            within=lambda condition: sa.exists(
                sa.select(1)
                .select_from(Work)
                .where(
                    sa.or_(col(Work.id) == _OPEN.c.work_id, col(Work.id) == _OPEN.c.other_work_id),
                    condition,
                )
            ),
        ),
    },
)


def list_pairs(session: Session, asked: Asked) -> Page[PairOut]:
    """What waits for a person, in the order it was found."""
    found = list_rows(session, PAIRS, asked)
    pairs = {
        row.id: row
        for row in session.exec(
            select(IdentityPair).where(
                col(IdentityPair.id).in_([n // 2 for n in found.results if n % 2 == 0])
            )
        )
    }
    conflicts = {
        row.id: row
        for row in session.exec(
            select(IdentityConflict).where(
                col(IdentityConflict.id).in_([n // 2 for n in found.results if n % 2])
            )
        )
    }
    records = [r for row in pairs.values() for r in (row.record_id, row.other_id)]
    records += [row.record_id for row in conflicts.values()]
    sides = _record_sides(session, records)
    works = _work_sides(session, [row.work_id for row in conflicts.values()])
    shown: dict[int, PairOut] = {}
    for number in found.results:
        if number % 2 == 0:
            pair = pairs[number // 2]
            is_linked = pair.verdict == PairVerdict.LINKED
            shown[number] = PairOut(
                kind="linked" if is_linked else "unsure",
                link=pair.link,
                reason=pair.reason,
                evidence_for=pair.evidence_for,
                evidence_against=pair.evidence_against,
                seen_at=pair.seen_at.isoformat(),
                sides=[sides[pair.record_id], sides[pair.other_id]],
            )
        else:
            conflict = conflicts[number // 2]
            shown[number] = PairOut(
                kind="contradiction",
                link=None,
                reason=conflict.kind,
                evidence_for=[f"both have {conflict.scheme} {conflict.value}"],
                evidence_against=[conflict.detail],
                seen_at=conflict.seen_at.isoformat(),
                sides=[sides[conflict.record_id], works[conflict.work_id]],
            )
    return found.of(in_order(found.results, shown))


def _record_sides(session: Session, numbers: Sequence[int]) -> dict[int, SideOut]:
    rows = session.exec(select(StoredRecord).where(col(StoredRecord.id).in_(set(numbers)))).all()
    refs = record_refs(session, [row.id for row in rows])
    return {row.id or 0: _of_record(row, refs[row.id or 0]) for row in rows}


def _of_record(row: StoredRecord, ref: RecordRef) -> SideOut:
    record: WorkRecord = as_work_record(row)
    venue = record.venue
    return SideOut(
        name=f"record:{row.id}",
        work=None if row.work_id is None else public_id(Kind.WORK, row.work_id),
        record=ref,
        title=record.title or record.original_title,
        authors=authors_text(record.authors),
        year=year_of(record.published),
        venue=(venue.name or venue.abbreviation) if venue else None,
        volume=record.volume,
        pages=record.pages or record.article_number,
        type=record.type,
        identifiers=[str(i) for i in record.identifiers],
    )


def _work_sides(session: Session, numbers: Sequence[int]) -> dict[int, SideOut]:
    works = session.exec(select(Work).where(col(Work.id).in_(set(numbers)))).all()
    names: dict[int, list[str]] = {}
    for row in session.exec(
        select(WorkIdentifier)
        .where(col(WorkIdentifier.work_id).in_(set(numbers)))
        .order_by(WorkIdentifier.scheme, WorkIdentifier.value)
    ):
        names.setdefault(row.work_id, []).append(f"{row.scheme}:{row.value}")
    return {
        work.id or 0: SideOut(
            name=public_id(Kind.WORK, work.id or 0),
            work=public_id(Kind.WORK, work.id or 0),
            record=None,
            title=work.title,
            authors=work.authors_text,
            year=work.year,
            venue=None,
            volume=work.volume,
            pages=work.pages or work.article_number,
            type=work.type,
            identifiers=names.get(work.id or 0, []),
        )
        for work in works
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class OfWork:
    """What people said of one work and have not withdrawn, and what waits; the first of each."""

    decisions: list[IdentityDecisionOut]
    pairs: Page[PairOut]


def of_work(session: Session, work_id: int) -> OfWork:
    name = public_id(Kind.WORK, work_id)
    asked = Asked(fields={"work": name, "stands": "true"})
    return OfWork(
        decisions=list_identity_decisions(session, asked).results,
        pairs=list_pairs(session, Asked(fields={"work": name})),
    )


# -- decisions -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedSide:
    """A record, line `position` of the bibliography in a record, or a work that nothing described,
    by its identifier. `work` is where it is now, `work_then` where it was."""

    name: str
    work: str | None
    work_then: str | None
    record: RecordRef | None
    position: int | None
    identifier: str | None
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    at: str
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDecisionOut:
    """What a person said of two things; it stands unless it was withdrawn."""

    id: int
    decision: str  # same, different
    at: str
    who: str
    why: str
    sides: list[DecidedSide]
    stands: bool
    withdrawn: Withdrawal | None
    payload_id: int


_STANDS = col(IdentityDecision.withdrawn_at).is_(None)
_side_record: Any = aliased(StoredRecord, name="side_record")

IDENTITY_DECISIONS: Final = Listing(
    name="decisions",
    source=IdentityDecision,
    id=col(IdentityDecision.id),
    order="id:desc",
    searched=col(IdentityDecision.why),
    fields={
        "decision": Field(about="same or different", column=col(IdentityDecision.kind)),
        "who": Field(about="Who decided", column=col(IdentityDecision.who)),
        "stands": Field(about="Nobody has withdrawn it", column=_STANDS, reads=Reads.BOOLEAN),
        "work": Field(
            about="A work it is about, or was: W1, a DOI ...",
            column=col(Work.id),
            reads=Reads.ROW,
            resolve=resolve_work,
            within=lambda condition: sa.exists(
                sa.select(1)
                .select_from(Work)
                .where(
                    condition,
                    sa.or_(
                        col(Work.id).in_(
                            [col(IdentityDecision.work_id), col(IdentityDecision.other_work_id)]
                        ),
                        sa.exists(
                            sa.select(1)
                            .select_from(_side_record)
                            .where(
                                _side_record.id.in_(
                                    [
                                        col(IdentityDecision.record_id),
                                        col(IdentityDecision.other_record_id),
                                    ]
                                ),
                                _side_record.work_id == col(Work.id),
                            )
                        ),
                    ),
                )
            ),
        ),
    },
)


def list_identity_decisions(session: Session, asked: Asked) -> Page[IdentityDecisionOut]:
    """What people decided, with what was withdrawn; newest first."""
    found = list_rows(session, IDENTITY_DECISIONS, asked)
    return found.of(_decisions(session, found.results))


def read_identity_decision(session: Session, number: int) -> IdentityDecisionOut:
    """Raises NotFound where there is none of this number."""
    found = _decisions(session, [number]) if number <= LARGEST_ID else []
    if not found:
        raise NotFound(f"no decision {number} on identity in this base")
    return found[0]


def _decisions(session: Session, numbers: Sequence[int]) -> list[IdentityDecisionOut]:
    rows = session.exec(select(IdentityDecision).where(col(IdentityDecision.id).in_(numbers))).all()
    records = [r for row in rows for r in (row.record_id, row.other_record_id) if r is not None]
    refs = record_refs(session, records)
    stored = {
        row.id: row
        for row in session.exec(select(StoredRecord).where(col(StoredRecord.id).in_(records)))
    }

    def side(
        record_id: int | None, position: int | None, identifier: str | None, then: int | None
    ) -> DecidedSide:
        row = stored.get(record_id)
        title = None
        work = row.work_id if row is not None and position is None else None
        if row is not None and row.view in ("work", "brief"):
            record = as_work_record(row)
            title = record.title or record.original_title
        elif identifier is not None:
            work = _resolved(session, identifier)
        name = identifier or (
            f"record:{record_id}" if position is None else f"reference:{record_id}:{position}"
        )
        return DecidedSide(
            name=name,
            work=None if work is None else public_id(Kind.WORK, work),
            work_then=None if then is None else public_id(Kind.WORK, then),
            record=refs.get(record_id or 0),
            position=position,
            identifier=identifier,
            title=title,
        )

    shown = {
        row.id or 0: IdentityDecisionOut(
            id=row.id or 0,
            decision=row.kind,
            at=row.at.isoformat(),
            who=row.who,
            why=row.why,
            sides=[
                side(row.record_id, row.position, row.identifier, row.work_id),
                side(
                    row.other_record_id,
                    row.other_position,
                    row.other_identifier,
                    row.other_work_id,
                ),
            ],
            stands=row.withdrawn_at is None,
            withdrawn=None
            if row.withdrawn_at is None
            else Withdrawal(
                at=row.withdrawn_at.isoformat(),
                who=row.withdrawn_by or "",
                why=row.withdrawn_why or "",
            ),
            payload_id=row.payload_id,
        )
        for row in rows
    }
    return in_order(numbers, shown)


def _resolved(session: Session, identifier: str) -> int | None:
    try:
        return resolve_work(session, identifier)
    except NotFound:
        return None
