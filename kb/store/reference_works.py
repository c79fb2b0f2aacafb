"""Lines of bibliographies that come without identifiers, and the works they mean.

A line is compared with the records held as one record is with another, and resolved where it is the
same as those of exactly one work. Which works it finds depends on the works there are, so a line is
looked at again when a record that shares a key with it comes, changes or moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.identity.comparison import Comparison, Verdict, compare, judge
from kb.identity.descriptions import Description, describe
from kb.identity.reference_text import SAME_PLACE, as_record, is_same_place, read_reference
from kb.models.identifiers import Identifier
from kb.models.records import ReferenceClaim
from kb.models.tables import (
    IdentityDecision,
    IdentityKind,
    RecordKey,
    Reference,
    ReferenceKey,
    StoredRecord,
    WorkIdentifier,
)
from kb.store.identity_pairs import candidates, keys_of
from kb.store.identity_said import holder_of, lines_said, told, work_of_record
from kb.store.inserting import insert_missing
from kb.store.records import as_work_record

Resolved = tuple[int | None, str | None]  # the work, and why a line without identifiers means it
_MOST_LINES: Final = 500


@dataclass(frozen=True, slots=True)
class LinesSaid:
    """What people said of lines of one bibliography, by position."""

    same: Mapping[int, Resolved] = field(default_factory=dict)
    different: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def apply(self, position: int, found: Resolved) -> Resolved:
        if position in self.same:
            return self.same[position]
        if found[0] in self.different.get(position, ()):
            return None, None
        return found


def decided_lines(session: Session, record_id: int) -> LinesSaid:
    same: dict[int, Resolved] = {}
    different: dict[int, frozenset[int]] = defaultdict(frozenset)
    for decision in lines_said(session, record_id):
        position, work_id = _line_and_work(session, decision)
        if work_id is None:
            continue
        if decision.kind == IdentityKind.SAME:
            same[position] = (work_id, told(decision))
        else:
            different[position] |= {work_id}
    return LinesSaid(same, different)


def _line_and_work(session: Session, d: IdentityDecision) -> tuple[int, int | None]:
    if d.position is not None:
        position, record_id, name = d.position, d.other_record_id, d.other_identifier
    else:
        position, record_id, name = d.other_position or 0, d.record_id, d.identifier
    if record_id is not None:
        return position, work_of_record(session, record_id)
    return position, holder_of(session, name or "")


def works_of_lines(
    session: Session, stored: StoredRecord, claims: Sequence[ReferenceClaim]
) -> dict[int, Resolved]:
    """For lines without identifiers, by position, the works they mean; keeps their keys, by which
    works that come later find them."""
    assert stored.id is not None
    described = {c.position: describe(as_record(c)) for c in claims}
    keys = {position: keys_of(d) for position, d in described.items()}
    _keep_keys(session, stored.id, keys)
    texts = {c.position: c.text for c in claims}
    return {
        position: _means(session, stored.work_id, description, keys[position], texts[position])
        for position, description in described.items()
    }


def _means(
    session: Session,
    citing_id: int | None,
    description: Description,
    keys: Sequence[str],
    text: str | None,
) -> Resolved:
    """The one work the line is the same as; (None, None) where there is none, or more than one."""
    printed = read_reference(text).identifiers if text else ()
    found: dict[int, Comparison] = {}
    for other in _held(session, keys, printed):
        if other.work_id in (None, citing_id) or other.work_id in found:
            continue
        theirs = describe(as_work_record(other))
        assert other.work_id is not None
        if _in_supplement(description) != _in_supplement(theirs):
            continue
        if not description.titles:
            if is_same_place(description, theirs):
                found[other.work_id] = Comparison(Verdict.SAME, SAME_PLACE)
        elif judge(description, theirs).verdict is Verdict.SAME:
            found[other.work_id] = compare(description, theirs)
    if len(found) != 1:
        return None, None
    ((work_id, comparison),) = found.items()
    return work_id, f"by what the line says: {comparison.reason}"


def _in_supplement(description: Description) -> bool:
    """Page S150 of a volume is an abstract in its supplement, and page 150 the article."""
    return description.pages is not None and description.pages.letters.lower() == "s"


def _held(
    session: Session, keys: Sequence[str], printed: Iterable[Identifier]
) -> list[StoredRecord]:
    """Records that share a key with the line, or are of a work whose identifier is printed in it.
    An identifier in a text is a hint: what it leads to is compared like anything else."""
    found = {row.id: row for row in candidates(session, keys)}
    for identifier in printed:
        row = session.get(WorkIdentifier, (identifier.scheme.value, identifier.value))
        if row is not None:
            query = select(StoredRecord).where(
                StoredRecord.work_id == row.work_id, col(StoredRecord.view).in_(("work", "brief"))
            )
            found |= {record.id: record for record in session.exec(query)}
    return list(found.values())


def _keep_keys(session: Session, record_id: int, keys: Mapping[int, Sequence[str]]) -> None:
    wanted = {(key, position) for position, names in keys.items() for key in names}
    held = {
        (row.key, row.position)
        for row in session.exec(select(ReferenceKey).where(ReferenceKey.record_id == record_id))
    }
    insert_missing(
        session,
        ReferenceKey,
        [
            {"key": key, "record_id": record_id, "position": position}
            for key, position in sorted(wanted - held)
        ],
    )
    for key, position in sorted(held - wanted):
        session.execute(
            sa.delete(ReferenceKey).where(
                col(ReferenceKey.record_id) == record_id,
                col(ReferenceKey.key) == key,
                col(ReferenceKey.position) == position,
            )
        )


def bibliographies_to_read_again(session: Session, records: Iterable[int]) -> list[int]:
    """Records with lines that mean another work than they are resolved to, now that these records
    are what they are."""
    keys = sa.select(col(RecordKey.key)).where(col(RecordKey.record_id).in_(sorted(set(records))))
    rows = session.execute(
        sa.select(col(ReferenceKey.record_id), col(ReferenceKey.position))
        .where(col(ReferenceKey.key).in_(keys))
        .distinct()
        .order_by(col(ReferenceKey.record_id), col(ReferenceKey.position))
        .limit(_MOST_LINES)
    ).all()
    lines: dict[int, list[int]] = defaultdict(list)
    for record_id, position in rows:
        lines[record_id].append(position)
    return [r for r, positions in lines.items() if _mean_other(session, r, positions)]


def _mean_other(session: Session, record_id: int, positions: Sequence[int]) -> bool:
    said = decided_lines(session, record_id)
    rows = session.exec(
        select(Reference).where(
            Reference.record_id == record_id, col(Reference.position).in_(positions)
        )
    ).all()
    for row in rows:
        claim = ReferenceClaim(
            position=row.position,
            text=row.text,
            title=row.title,
            authors=row.authors,
            year=row.year,
            venue=row.venue,
            volume=row.volume,
            pages=row.pages,
        )
        description = describe(as_record(claim))
        keys = keys_of(description)
        means = _means(session, row.citing_id, description, keys, row.text)
        if said.apply(row.position, means)[0] != row.cited_id:
            return True
    return False
