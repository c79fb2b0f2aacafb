"""Where each value stands among those that one collection holds for the same thing, kept current.

The records of a collection about one study are a family: one per extractor, one per result entered
by itself, one per decision. What they say of one place is compared; see `kb.outcomes.places`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.models.evidence import (
    DecisionKind,
    Status,
    StudyRecord,
    collection_of,
    extractor_of,
)
from kb.models.records import View, from_json
from kb.models.tables import AdverseEvent, Decision, DecisionInput, Result, StoredRecord
from kb.outcomes.places import Claim, Stand, statuses
from kb.outcomes.rules import derive_results

Table: TypeAlias = type[Result] | type[AdverseEvent]
TABLES: tuple[Table, ...] = (Result, AdverseEvent)


def read_family(session: Session, record: StudyRecord) -> list[StoredRecord]:
    """All records of the record's collection about its study, itself among them where it is kept,
    and the one that lays the study out where that is another collection's."""
    about, elsewhere = record.about or record.key, record.about_in
    own = collection_of(record.source)
    laying_out = session.exec(
        select(StoredRecord)
        .where(StoredRecord.key == about, StoredRecord.view == View.STUDY)
        .order_by(col(StoredRecord.id))
    )
    family = [r for r in laying_out if collection_of(r.source) == (elsewhere or own)]
    added = session.exec(
        select(StoredRecord)
        .where(
            col(StoredRecord.study_id).in_({r.study_id for r in family if r.study_id is not None}),
            StoredRecord.view == View.BRIEF,
        )
        .order_by(col(StoredRecord.id))
    )
    family += [
        r for r in added if collection_of(r.source) == own and _about(r) == (about, elsewhere)
    ]
    return family


def _about(stored: StoredRecord) -> tuple[str | None, str | None]:
    """The study's key, and the collection that lays it out where that is another one."""
    record = _record(stored)
    return record.about, record.about_in


def _record(stored: StoredRecord) -> StudyRecord:
    return from_json(StudyRecord, stored.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The rows of a family in one table that their sources still give, and what they say."""

    stands: Sequence[Stand]
    rows: Mapping[int, Any]
    records: Mapping[int, StoredRecord]  # by row


def refresh_statuses(session: Session, record: StudyRecord) -> None:
    """Bring the statuses of all values in the record's family up to date."""
    family = own_records(read_family(session, record), record)
    session.flush()
    for table in TABLES:
        if len(family) == 1:
            # One voice: nothing to compare.
            update = sa.update(table).where(
                col(table.record_id) == family[0].id, col(table.status) != Status.SINGLE.value
            )
            session.execute(update.values(status=Status.SINGLE.value))
            continue
        held = read_held(session, family, table)
        for number, status in statuses(held.stands).items():
            row = held.rows[number]
            if row.status != status:
                row.status = status.value
                session.add(row)
    session.flush()


def own_records(family: Iterable[StoredRecord], record: StudyRecord) -> list[StoredRecord]:
    """Those of the record's own collection."""
    collection = collection_of(record.source)
    return [row for row in family if collection_of(row.source) == collection]


def claims_of(record: StudyRecord, table: Table) -> dict[str, tuple[Claim, tuple[str, ...]]]:
    """What a record says in one table, by key of the row: each claim with the keys of the rows it
    is derived from, none where it is reported."""
    if table is AdverseEvent:
        return {claim.key: (claim, ()) for claim in record.adverse_events}
    said: dict[str, tuple[Claim, tuple[str, ...]]] = {c.key: (c, ()) for c in record.results}
    for made in derive_results(record.results):
        inputs = tuple(dict.fromkeys(key for key, _ in made.inputs))
        said[made.claim.key] = made.claim, inputs
    return said


def subject_column(table: Table) -> Any:
    """The column of `DecisionInput` that names rows of the table."""
    of = DecisionInput.result_id if table is Result else DecisionInput.adverse_event_id
    return col(of)


def read_held(session: Session, family: Sequence[StoredRecord], table: Table) -> Held:
    records = {row.id or 0: row for row in family}
    said = {number: claims_of(_record(row), table) for number, row in records.items()}
    rows: dict[int, Any] = {
        row.id: row
        for row in session.execute(
            sa.select(table)
            .where(col(table.record_id).in_(records))
            .order_by(col(table.record_id), col(table.id))
        ).scalars()
    }
    live = {number: row for number, row in rows.items() if row.withdrawn_at is None}
    by_key = {(row.record_id, row.key): number for number, row in live.items()}
    decisions = _Decisions(session, rows, table)
    inputs = {
        number: {by_key[row.record_id, key] for key in said[row.record_id][row.key][1]}
        for number, row in live.items()
    }
    stands = [
        Stand(
            id=number,
            claim=said[row.record_id][row.key][0],
            extractor=extractor_of(records[row.record_id].source),
            is_derived=bool(inputs[number]),
            decided=decisions.kinds.get(row.record_id),
            instead_of=frozenset(_stands_for(number, inputs, decisions)),
            is_superseded=not decisions.superseded.isdisjoint({number, *inputs[number]}),
        )
        for number, row in live.items()
    ]
    of_rows = {number: records[row.record_id] for number, row in live.items()}
    return Held(stands=stands, rows=live, records=of_rows)


class _Decisions:
    """The decisions about some rows of a table."""

    def __init__(self, session: Session, rows: Mapping[int, Any], table: Table) -> None:
        self.kinds: dict[int, DecisionKind] = {}  # by record
        self._subjects: dict[int, list[int]] = defaultdict(list)  # by record
        self._rows = rows
        records = {row.record_id for row in rows.values()}
        subject = subject_column(table)
        for record_id, kind, number in session.execute(
            sa.select(col(Decision.record_id), col(Decision.kind), subject)
            .join(DecisionInput, col(DecisionInput.decision_id) == col(Decision.id))
            .where(col(Decision.record_id).in_(records), subject.is_not(None))
            .order_by(col(DecisionInput.id))
        ):
            self.kinds[record_id] = DecisionKind(kind)
            self._subjects[record_id].append(number)
        self.superseded = {n for numbers in self._subjects.values() for n in numbers}

    def roots(self, number: int) -> set[int]:
        """What extractors entered, that the row stands for in the end: itself where no decision
        made it."""
        subjects = self._subjects.get(self._rows[number].record_id)
        if subjects is None:
            return {number}
        return {root for subject in subjects for root in self.roots(subject)}


def _stands_for(number: int, inputs: Mapping[int, set[int]], decisions: _Decisions) -> set[int]:
    if not inputs[number]:
        return decisions.roots(number) - {number}
    # A derived row of a decision stands for what followed from the rows decided on.
    roots = {root for given in inputs[number] for root in decisions.roots(given)} - inputs[number]
    return {other for other, given in inputs.items() if given & roots}
