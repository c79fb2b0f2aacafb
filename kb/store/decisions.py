"""People decide about values: a correction of one, an adjudication between several.

What is decided becomes a row of its own, in a record of its own whose payload is the decision as it
was sent; the rows it takes the place of stay, marked. Nothing is overwritten: who decides again
decides on the row that stands now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import Conflict, InvalidInput, NotFound
from kb.formats.single_values import edited
from kb.identity.identifiers import parse_identifier
from kb.models.evidence import (
    DECIDED,
    DecisionKind,
    EvidenceClaim,
    Standing,
    StudyRecord,
    collection_of,
    source_of,
)
from kb.models.ids import Kind, parse_public_id, public_id
from kb.models.records import Payload, View, content_hash, from_json
from kb.models.tables import (
    AdverseEvent,
    Arm,
    Decision,
    DecisionInput,
    Result,
    StoredRecord,
    Study,
)
from kb.outcomes.places import Claim, Stand, agree, matched
from kb.store.evidence_check import check_quotes
from kb.store.listing import Asked, Field, Listing, Page, Reads, in_order, list_rows
from kb.store.lookup import plain_text, resolve_study
from kb.store.payloads import keep
from kb.store.record_studies import save_study_record
from kb.store.results import EvidenceOut, StudyRef, read_evidence
from kb.store.statuses import (
    Held,
    Table,
    claims_of,
    own_records,
    read_family,
    read_held,
    refresh_statuses,
    subject_column,
)

TABLES: Final[Mapping[Kind, Table]] = {Kind.RESULT: Result, Kind.ADVERSE_EVENT: AdverseEvent}
_STANDINGS: Final = {"primary": Standing.PRIMARY, "secondary": Standing.SECONDARY}
_MOST_VALUES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value stands; what is None is as in the value that is followed.

    `standing` is "primary" or "secondary", `quote` verbatim.
    """

    document: str | None = None
    locator: str | None = None
    kind: str | None = None
    standing: str | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """What a person decides about the values `of` ("R12" ...).

    The value that stands from then on is the one to `follow` (None: the first) with `values`
    changed, which are columns of the curation tables.
    """

    kind: DecisionKind
    of: tuple[str, ...]
    who: str
    why: str
    follow: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    place: Place = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedOn:
    """A value whose place the decision took, and whether its source has said something else since,
    or nothing any more."""

    id: str
    source: str
    has_changed_since: bool
    is_withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOut:
    """`value` stands in the place of those it was decided `of`. `quote_stands` is None without a
    quote, and where the text it should stand in is not held."""

    id: int
    kind: str
    at: datetime
    who: str
    why: str
    study: StudyRef
    collection: str
    of: list[DecidedOn]
    value: str
    status: str
    evidence: EvidenceOut
    quote_stands: bool | None
    record_id: int
    payload_id: int


# -- deciding --------------------------------------------------------------------------------------


def decide(session: Session, deciding: Deciding, sent: bytes, now: datetime) -> int:
    """Write the decision, kept as it was `sent` (JSON), within the caller's transaction. Returns
    its number.

    Raises Conflict where a value is not the one that stands, or differs from others that the
    decision does not name; InvalidInput where what is decided is no value.
    """
    who, why = _word("who", deciding.who), _word("why", deciding.why)
    kind, numbers = _subjects(deciding)
    table = TABLES[kind]
    rows = [_standing_row(session, kind, number) for number in numbers]
    record, family = _family(session, rows)
    if any(row.record_id not in {r.id for r in family} for row in rows):
        named = ", ".join(public_id(kind, n) for n in numbers)
        raise InvalidInput(f"{named} are not values of one collection about one study")
    held = read_held(session, family, table)
    subjects = _with_those_that_agree(held, kind, numbers, deciding.kind)
    base = _followed(subjects, kind, numbers, deciding)
    claim = _decided_claim(session, record, base.claim, deciding)
    if deciding.kind is DecisionKind.CORRECTION and claim == _without_row(base.claim):
        raise InvalidInput(f"nothing is changed in {public_id(kind, base.id)}")
    collection = collection_of(record.source)
    source = source_of(collection, DECIDED)
    about = record.about or record.key
    decided = StudyRecord(
        source=source,
        key=f"{about} | {public_id(kind, numbers[0])}",
        about=about,
        about_in=record.about_in,
        label=record.label,
        view=View.BRIEF,
        **{"adverse_events" if table is AdverseEvent else "results": (claim,)},  # type: ignore[arg-type]
    )
    payload = Payload(
        source=source,
        request=f"decision on {', '.join(public_id(kind, s.id) for s in subjects)}",
        status=200,
        body=sent,
        fetched_at=now,
        media_type="application/json",
    )
    payload_id = keep(session, payload)
    _, study_id = save_study_record(session, decided, payload_id, now, who=who, why=why)
    stored = session.exec(
        select(StoredRecord).where(
            StoredRecord.source == source,
            StoredRecord.key == decided.key,
            StoredRecord.view == View.BRIEF,
        )
    ).one()
    assert stored.id is not None
    row = Decision(
        kind=deciding.kind.value, study_id=study_id, record_id=stored.id, at=now, who=who, why=why
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    name = subject_column(table).key
    for subject in subjects:
        digest = content_hash(_without_row(subject.claim))
        session.add(DecisionInput(decision_id=row.id, claim_sha256=digest, **{name: subject.id}))
    session.flush()
    refresh_statuses(session, decided)
    return row.id


def _word(name: str, text: str) -> str:
    text = plain_text(text).strip()
    if not text:
        raise InvalidInput(f"{name} is empty (a decision names its person and its reason)")
    return text


def _subjects(deciding: Deciding) -> tuple[Kind, list[int]]:
    named = [parse_public_id(plain_text(text).upper()) for text in deciding.of[: _MOST_VALUES + 1]]
    kinds = {kind for kind, _ in named}
    if len(kinds) > 1 or not kinds <= TABLES.keys():
        listed = ", ".join(deciding.of)[:80]
        raise InvalidInput(f"not results, and not adverse events: {listed!r} (expected e.g. R12)")
    numbers = list(dict.fromkeys(number for _, number in named))
    if len(named) > _MOST_VALUES:
        raise InvalidInput(f"more than {_MOST_VALUES} values in one decision")
    if deciding.kind is DecisionKind.CORRECTION and len(numbers) != 1:
        raise InvalidInput(f"a correction is of one value, not of {len(numbers)}")
    if deciding.kind is DecisionKind.ADJUDICATION and len(numbers) < 2:
        raise InvalidInput(
            "an adjudication is between values (expected two ids at least; of one value, make a "
            "correction)"
        )
    return named[0][0], numbers


def _standing_row(session: Session, kind: Kind, number: int) -> Any:
    row: Any = session.get(TABLES[kind], number)
    name = public_id(kind, number)
    if row is None:
        raise NotFound(f"no {kind.name.lower().replace('_', ' ')} {name} in this base")
    current = current_value(session, kind, number)
    if current != number:
        raise Conflict(
            f"{name} was decided on already; {public_id(kind, current)} stands in its place, "
            "decide on that"
        )
    if row.withdrawn_at is not None:
        raise Conflict(f"{name} was withdrawn: its source no longer says it")
    return row


def current_value(session: Session, kind: Kind, number: int) -> int:
    """The row that stands in the place of this one now: itself where nobody decided on it."""
    subject = subject_column(TABLES[kind])
    while True:
        record_id = session.execute(
            sa.select(col(Decision.record_id))
            .join(DecisionInput, col(DecisionInput.decision_id) == col(Decision.id))
            .where(subject == number)
        ).scalar()
        if record_id is None:
            return number
        number = _value_of(session, kind, [record_id])[record_id]


def _value_of(session: Session, kind: Kind, records: Iterable[int]) -> dict[int, int]:
    """The row that each decision made, by its record; what follows from it by rule is left out."""
    table = TABLES[kind]
    query = sa.select(col(table.record_id), col(table.id)).where(
        col(table.record_id).in_(set(records))
    )
    if table is Result:
        query = query.where(col(Result.derivation_id).is_(None))
    return {row.record_id: row.id for row in session.execute(query)}


def _family(session: Session, rows: Sequence[Any]) -> tuple[StudyRecord, list[StoredRecord]]:
    stored = session.get_one(StoredRecord, rows[0].record_id)
    record = from_json(StudyRecord, stored.content)
    return record, own_records(read_family(session, record), record)


def _with_those_that_agree(
    held: Held, kind: Kind, numbers: Sequence[int], deciding: DecisionKind
) -> list[Stand]:
    """The values named and those that say the same of the same thing.

    One that says something else must be named too: nobody's word is overruled unseen.
    """
    by_id = {stand.id: stand for stand in held.stands}
    subjects = {number: by_id[number] for number in numbers}
    for group in matched(held.stands):
        ours = [stand for stand in group if stand.id in numbers]
        for stand in group if ours else ():
            if stand.id in subjects or stand.is_superseded:
                continue
            if not any(agree(stand, our) for our in ours):
                other, name = public_id(kind, stand.id), public_id(kind, ours[0].id)
                raise Conflict(
                    f"{other} says otherwise than {name}; adjudicate between them"
                    if deciding is DecisionKind.CORRECTION
                    else f"{other} says otherwise about the same; name it too"
                )
            subjects[stand.id] = stand
    return list(subjects.values())


def _followed(
    subjects: Sequence[Stand], kind: Kind, numbers: Sequence[int], deciding: Deciding
) -> Stand:
    is_open = not deciding.follow and not deciding.values and deciding.place == Place()
    if is_open and deciding.kind is DecisionKind.ADJUDICATION:
        raise InvalidInput("nothing is decided (expected the value to follow, or values)")
    named = [stand for stand in subjects if stand.id in numbers]
    if deciding.follow:
        followed = parse_public_id(plain_text(deciding.follow).upper())
        named = [stand for stand in named if (kind, stand.id) == followed]
        if not named:
            listed = ", ".join(public_id(kind, number) for number in numbers)
            raise InvalidInput(
                f"{deciding.follow[:20]!r} is none of the values decided on (expected {listed})"
            )
    base = next((stand for stand in named if not stand.is_derived), None)
    if base is None:
        raise InvalidInput(
            f"{public_id(kind, named[0].id)} follows by rule from another value; decide on that"
        )
    return base


def _decided_claim(session: Session, record: StudyRecord, base: Claim, deciding: Deciding) -> Claim:
    family = [row.id for row in read_family(session, record)]
    arms = {
        key: public_id(Kind.ARM, number)
        for key, number in session.execute(
            sa.select(col(Arm.key), col(Arm.id))
            .where(col(Arm.record_id).in_(family))
            .order_by(col(Arm.id))
        )
    }
    values = with_arm_keys(deciding.values, arms)
    claim = _without_row(base)
    if values:
        claim = edited(claim, values, arms=tuple(arms))
    return replace(claim, evidence=placed(claim.evidence, deciding.place))


def with_arm_keys(values: Mapping[str, Any], arms: Mapping[str, str]) -> dict[str, Any]:
    """The values with arms named by their keys, where they are named by id ("M12")."""
    keys = {name: key for key, name in arms.items()}
    found = {}
    for name, value in values.items():
        plain_text(name)
        if isinstance(value, str):
            value = plain_text(value)
            if name in ("arm", "versus"):
                value = keys.get(value.strip().upper(), value)
        found[name] = value
    return found


def placed(evidence: EvidenceClaim, place: Place) -> EvidenceClaim:
    """The evidence, with what is said of its place. Another place takes its own quote along."""
    given = {
        name: plain_text(text).strip()
        for name in ("document", "locator", "kind", "standing", "quote")
        if (text := getattr(place, name)) is not None and text.strip()
    }
    standing = given.pop("standing", None)
    if standing is not None:
        if standing not in _STANDINGS:
            raise InvalidInput(f"standing is {standing[:40]!r} (expected primary or secondary)")
        evidence = replace(evidence, standing=_STANDINGS[standing])
    if given.keys() & {"document", "locator"}:
        evidence = replace(evidence, quote=None)
    if "document" in given and given["document"] != evidence.document:
        evidence = replace(evidence, work=_works(given["document"]))
    return replace(evidence, **given)  # type: ignore[arg-type]


def _works(document: str) -> tuple[Any, ...]:
    try:
        return (parse_identifier(document),)
    except InvalidInput:
        return ()  # a registry entry, a web address


def _without_row(claim: Claim) -> Claim:
    """What is said, wherever in a table it was entered."""
    return replace(claim, evidence=replace(claim.evidence, row=None))


# -- reading ---------------------------------------------------------------------------------------


def _result_number(_: Session, text: str) -> int:
    kind, number = parse_public_id(text.upper())
    if kind is not Kind.RESULT:
        raise InvalidInput(f"not the id of a result: {text[:20]!r} (expected e.g. R12)")
    return number


DECISIONS: Final = Listing(
    name="decisions",
    source=(
        sa.join(Decision, Study, col(Study.id) == col(Decision.study_id)).join(
            StoredRecord, col(StoredRecord.id) == col(Decision.record_id)
        )
    ),
    id=col(Decision.id),
    order="id:desc",
    searched=col(Decision.why),
    fields={
        "study": Field(
            about="S1, NCT03778333 or a record key",
            column=col(Decision.study_id),
            reads=Reads.ROW,
            resolve=resolve_study,
        ),
        "collection": Field(
            about="Whose values were decided on",
            column=col(StoredRecord.source),
            read=lambda name: source_of(name, DECIDED),
        ),
        "kind": Field(about="correction or adjudication", column=col(Decision.kind)),
        "who": Field(about="Who decided", column=col(Decision.who)),
        "of": Field(
            about="A result that was decided on: R12",
            column=col(DecisionInput.result_id),
            reads=Reads.ROW,
            resolve=_result_number,
            within=lambda condition: sa.exists(
                sa.select(1)
                .select_from(DecisionInput)
                .where(col(DecisionInput.decision_id) == col(Decision.id), condition)
            ),
        ),
    },
)


def list_decisions(session: Session, asked: Asked) -> Page[DecisionOut]:
    found = list_rows(session, DECISIONS, asked)
    return found.of(read_decisions(session, found.results))


def read_decision(session: Session, number: int) -> DecisionOut:
    """Raises NotFound for a number of no decision."""
    found = read_decisions(session, [number])
    if not found:
        raise NotFound(f"no decision {number} in this base")
    return found[0]


def read_decisions(session: Session, numbers: Sequence[int]) -> list[DecisionOut]:
    """In the order given; numbers of no decision are left out."""
    decisions = session.exec(select(Decision).where(col(Decision.id).in_(numbers))).all()
    labels = {
        row.id: row.label
        for row in session.execute(
            sa.select(col(Study.id), col(Study.label)).where(
                col(Study.id).in_({d.study_id for d in decisions})
            )
        )
    }
    decided_on: dict[int, list[DecidedOn]] = defaultdict(list)
    values: dict[int, tuple[Kind, Any]] = {}
    for kind in TABLES:
        for number, subject in _decided_on(session, kind, [d.id or 0 for d in decisions]):
            decided_on[number].append(subject)
        values |= _values(session, kind, [d.record_id for d in decisions])
    evidence = [row.evidence_id for _, row in values.values()]
    shown = read_evidence(session, evidence)
    quotes = check_quotes(session, evidence)
    found = {}
    for one in decisions:
        kind, row = values[one.record_id]
        standing = shown[row.evidence_id]
        found[one.id or 0] = DecisionOut(
            id=one.id or 0,
            kind=one.kind,
            at=one.at,
            who=one.who,
            why=one.why,
            study=StudyRef(id=public_id(Kind.STUDY, one.study_id), label=labels[one.study_id]),
            collection=collection_of(standing.source),
            of=decided_on[one.id or 0],
            value=public_id(kind, row.id),
            status=row.status,
            evidence=standing,
            quote_stands=quotes.get(row.evidence_id),
            record_id=one.record_id,
            payload_id=standing.payload_id,
        )
    return in_order(numbers, found)


def _values(session: Session, kind: Kind, records: Sequence[int]) -> dict[int, tuple[Kind, Any]]:
    """What each decision made, by its record."""
    ids = _value_of(session, kind, records)
    table = TABLES[kind]
    rows = session.execute(sa.select(table).where(col(table.id).in_(ids.values()))).scalars()
    return {row.record_id: (kind, row) for row in rows}


def _decided_on(
    session: Session, kind: Kind, decisions: Sequence[int]
) -> list[tuple[int, DecidedOn]]:
    table, subject = TABLES[kind], subject_column(TABLES[kind])
    rows = session.execute(
        sa.select(DecisionInput, table, StoredRecord)
        .join(table, col(table.id) == subject)
        .join(StoredRecord, col(StoredRecord.id) == col(table.record_id))
        .where(col(DecisionInput.decision_id).in_(decisions))
        .order_by(col(DecisionInput.id))
    ).all()
    records = {stored.id: from_json(StudyRecord, stored.content) for _, _, stored in rows}
    found = []
    for given, row, stored in rows:
        claim, _ = claims_of(records[stored.id], table).get(row.key, (None, ()))
        is_same = claim is not None and content_hash(_without_row(claim)) == given.claim_sha256
        found.append(
            (
                given.decision_id,
                DecidedOn(
                    id=public_id(kind, row.id),
                    source=stored.source,
                    has_changed_since=not is_same,
                    is_withdrawn=row.withdrawn_at is not None,
                ),
            )
        )
    return found
