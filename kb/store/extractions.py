"""What the extractors of a collection read, side by side, how far they agree, and what became of
each value over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import NotFound
from kb.formats.single_values import column_of, shown_row
from kb.models.evidence import State, StudyRecord, extractor_of
from kb.models.ids import Kind, parse_public_id, public_id
from kb.models.records import from_json
from kb.models.tables import Decision, DecisionInput, RecordVersion, StoredRecord, Study
from kb.outcomes.agreement import (
    Agreement,
    Limits,
    cohens_kappa,
    gwets_ac1,
    krippendorffs_alpha,
    krippendorffs_alpha_of_numbers,
    limits_of_agreement,
    lins_concordance,
    percent_agreement,
)
from kb.outcomes.places import Claim, Stand, differences, matched, said
from kb.store.decisions import TABLES, current_value
from kb.store.lookup import plain_text
from kb.store.results import StudyRef
from kb.store.statuses import claims_of, own_records, read_family, read_held, subject_column

# The voice of a collection that names no extractor.
UNNAMED: Final = "(no name)"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOut:
    """What one extractor entered, by the columns of the curation tables."""

    extractor: str
    id: str
    status: str
    values: dict[str, str]
    document: str
    locator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOut:
    """One thing that was extracted. `agreement` is "agreed", "disputed" or "only one", of the
    extractors who extracted its study; `differs` names the columns; `missing` those who have
    nothing about it. `decided` is the value that stands by decision, None without one."""

    study: StudyRef
    table: str  # "results" or "adverse_events"
    what: str
    agreement: str
    differs: list[str]
    missing: list[str]
    statements: list[StatementOut]
    decided: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    collection: str
    extractors: list[str]
    agreed: int
    disputed: int
    only_one: int
    undecided: int  # disputed, and nobody has decided yet
    items: list[ItemOut]


# -- side by side ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """Statements about one thing, by extractor, and the decision's row about it."""

    study_id: int
    kind: Kind
    voices: tuple[str, ...]  # all who extracted the study
    stands: Mapping[str, Stand]
    status: Mapping[int, str]
    decided: int | None

    @property
    def differs(self) -> list[str]:
        found: dict[str, None] = {}
        for one, other in combinations(self.stands.values(), 2):
            found |= dict.fromkeys(differences(said(one.claim), said(other.claim)))
        return list(found)

    @property
    def agreement(self) -> str:
        if len(self.stands) == 1:
            return "only one"
        return "disputed" if self.differs else "agreed"


def compare_extractions(
    session: Session, collection: str, study_id: int | None = None
) -> Comparison:
    """Everything that several extractors of the collection read, of one study or of all; also what
    people have decided since. Raises NotFound for a collection without studies."""
    items = _items(session, collection, study_id)
    labels = _labels(session, {item.study_id for item in items})
    shown = [_item_out(item, labels) for item in items]
    count = {kind: sum(i.agreement == kind for i in shown) for kind in _AGREEMENTS}
    return Comparison(
        collection=collection,
        extractors=_voices(items),
        agreed=count["agreed"],
        disputed=count["disputed"],
        only_one=count["only one"],
        undecided=sum(i.agreement == "disputed" and i.decided is None for i in shown),
        items=shown,
    )


_AGREEMENTS: Final = ("agreed", "disputed", "only one")


def _voices(items: Iterable[_Item]) -> list[str]:
    return sorted({voice for item in items for voice in item.voices})


def _items(session: Session, collection: str, study_id: int | None) -> list[_Item]:
    source = col(StoredRecord.source)
    query = select(StoredRecord).where(
        sa.or_(source == collection, source.startswith(f"{collection}/", autoescape=True)),
        col(StoredRecord.study_id).is_not(None),
    )
    if study_id is not None:
        query = query.where(col(StoredRecord.study_id) == study_id)
    records = session.exec(query.order_by(col(StoredRecord.study_id), col(StoredRecord.id))).all()
    if not records:
        of = f" about {public_id(Kind.STUDY, study_id)}" if study_id is not None else ""
        raise NotFound(f"no collection {collection[:60]!r} in this base says anything{of}")
    items: list[_Item] = []
    seen: set[int] = set()
    for record in records:
        if record.id in seen:
            continue
        content = from_json(StudyRecord, record.content)
        family = own_records(read_family(session, content), content)
        seen |= {row.id or 0 for row in family}
        items += _items_of(session, record.study_id or 0, family)
    return items


def _items_of(session: Session, study_id: int, family: Sequence[StoredRecord]) -> list[_Item]:
    by = {row.id: extractor_of(row.source) or UNNAMED for row in family}
    decisions = set(
        session.execute(
            sa.select(col(Decision.record_id)).where(col(Decision.record_id).in_(list(by)))
        ).scalars()
    )
    voices = tuple(sorted({name for number, name in by.items() if number not in decisions}))
    items = []
    for kind, table in TABLES.items():
        held = read_held(session, family, table)
        for group in matched(s for s in held.stands if not s.is_derived):
            stands = {s.extractor or UNNAMED: s for s in group if s.decided is None}
            decided = [s.id for s in group if s.decided is not None and not s.is_superseded]
            if stands:
                items.append(
                    _Item(
                        study_id=study_id,
                        kind=kind,
                        voices=voices,
                        stands=dict(sorted(stands.items())),
                        status={s.id: held.rows[s.id].status for s in group},
                        decided=_decided(session, kind, decided, stands.values()),
                    )
                )
    return items


def _decided(
    session: Session, kind: Kind, here: Sequence[int], stands: Iterable[Stand]
) -> int | None:
    """The value that stands by decision, also where the decision moved it to another place."""
    if here:
        return here[0]
    current = (current_value(session, kind, s.id) for s in stands if s.is_superseded)
    return next(current, None)


def _item_out(item: _Item, labels: Mapping[int, str]) -> ItemOut:
    first = next(iter(item.stands.values())).claim
    row = shown_row(first)
    about = [row.get(name) for name in _ABOUT]
    number = public_id(Kind.STUDY, item.study_id)
    return ItemOut(
        study=StudyRef(id=number, label=labels[item.study_id]),
        table="results" if item.kind is Kind.RESULT else "adverse_events",
        what=" | ".join(part for part in about if part),
        agreement=item.agreement,
        differs=[column_of(name) for name in item.differs],
        missing=[voice for voice in item.voices if voice not in item.stands],
        statements=[
            StatementOut(
                extractor=extractor,
                id=public_id(item.kind, stand.id),
                status=item.status[stand.id],
                values=shown_row(stand.claim),
                document=stand.claim.evidence.document,
                locator=stand.claim.evidence.locator,
            )
            for extractor, stand in item.stands.items()
        ],
        decided=None if item.decided is None else public_id(item.kind, item.decided),
    )


_ABOUT: Final = (
    "arm", "versus", "outcome", "code", "what", "term", "category", "statistic", "time",
    "time_unit", "subgroup", "population", "seriousness", "relatedness", "severity",
)  # fmt: skip


def _labels(session: Session, studies: set[int]) -> dict[int, str]:
    rows = session.execute(
        sa.select(col(Study.id), col(Study.label)).where(col(Study.id).in_(studies))
    )
    return {row.id: row.label for row in rows}


# -- how far they agree ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOut:
    first: str
    second: str
    kappa: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    percent: Agreement
    kappa: list[PairOut]  # of each two extractors
    ac1: Agreement
    alpha: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOfNumbers:
    first: str
    second: str
    concordance: Agreement
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberOut:
    """Agreement on one kind of number, where two extractors at least give it."""

    cell: str
    exact: Agreement
    alpha: Agreement
    pairs: list[PairOfNumbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementOut:
    """Agreement before anybody decided, over the studies that two extractors at least read.

    `found` is whether both have an item at all; `state` the state of the items that several have;
    `given` whether each of their numbers is given; `value` each number, and that it is not given,
    exactly as printed; `numbers` the same by kind of number.
    """

    collection: str
    extractors: list[str]
    studies: int
    items: int
    agreed: int
    disputed: int
    only_one: int
    found: Agreement
    state: Measures
    given: Measures
    value: Measures
    numbers: list[NumberOut]


def extraction_agreement(
    session: Session, collection: str, study_id: int | None = None
) -> AgreementOut:
    """Raises NotFound for a collection without studies."""
    items = [item for item in _items(session, collection, study_id) if len(item.voices) > 1]
    both = [item for item in items if len(item.stands) > 1]
    cells = [unit for item in both for unit in _cells(item)]
    values = [unit for _, unit in cells]
    given = [{who: value is not None for who, value in unit.items()} for unit in values]
    numbers: dict[str, list[dict[str, float]]] = defaultdict(list)
    for name, unit in cells:
        numbers[name].append({w: v for w, v in unit.items() if isinstance(v, (int, float))})
    state = [{who: s.claim.state.value for who, s in item.stands.items()} for item in both]
    voices = _voices(items)
    return AgreementOut(
        collection=collection,
        extractors=voices,
        studies=len({item.study_id for item in items}),
        items=len(items),
        agreed=sum(item.agreement == "agreed" for item in items),
        disputed=sum(item.agreement == "disputed" for item in items),
        only_one=sum(item.agreement == "only one" for item in items),
        found=percent_agreement([{v: v in i.stands for v in i.voices} for i in items]),
        state=_measures(state, voices, tuple(State)),
        given=_measures(given, voices, (True, False)),
        value=_measures(values, voices, list({v for unit in values for v in unit.values()})),
        numbers=[
            _number(name, units, voices)
            for name, units in numbers.items()
            if any(len(unit) > 1 for unit in units)
        ],
    )


def _cells(item: _Item) -> Iterable[tuple[str, dict[str, Hashable]]]:
    """Each number of an item that somebody gives: by extractor, None for those who do not."""
    by = {who: _numbers(stand.claim) for who, stand in item.stands.items()}
    for name in dict.fromkeys(name for given in by.values() for name in given):
        yield name, {who: given.get(name) for who, given in by.items()}


_NO_NUMBERS: Final = ("state", "p", "direction", "unit", "ci_level", "better")


def _numbers(claim: Claim) -> dict[str, Hashable]:
    return {name: value for name, value in said(claim).items() if name not in _NO_NUMBERS}


def _measures(
    units: Sequence[Mapping[str, Any]], voices: Sequence[str], categories: Sequence[Any]
) -> Measures:
    return Measures(
        percent=percent_agreement(units),
        kappa=[
            PairOut(first=a, second=b, kappa=cohens_kappa(units, a, b))
            for a, b in combinations(voices, 2)
        ],
        ac1=gwets_ac1(units, categories),
        alpha=krippendorffs_alpha(units),
    )


def _number(name: str, units: Sequence[Mapping[str, float]], voices: Sequence[str]) -> NumberOut:
    pairs = []
    for a, b in combinations(voices, 2):
        both = [(unit[a], unit[b]) for unit in units if a in unit and b in unit]
        if both:
            pairs.append(
                PairOfNumbers(
                    first=a,
                    second=b,
                    concordance=lins_concordance(both),
                    limits=limits_of_agreement(both),
                )
            )
    return NumberOut(
        cell=name,
        exact=percent_agreement(units),
        alpha=krippendorffs_alpha_of_numbers(units),
        pairs=pairs,
    )


# -- over time -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionOut:
    """What one row said from `at` until `until` (None: still). `how` it came: "entered",
    "changed" or "withdrawn" in its source, or by a "correction" or "adjudication", whose number is
    `decision` and which took the place `instead_of` others. `changed` names the columns that
    differ from the row's version before, or from the first value it took the place of."""

    id: str
    version: int
    how: str
    at: datetime
    until: datetime | None
    who: str | None
    why: str | None
    source: str
    values: dict[str, str]
    changed: list[str]
    document: str | None
    locator: str | None
    quote: str | None
    decision: int | None
    instead_of: list[str]
    payload_id: int
    record_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that is known of a value over time, oldest first; `current` is what stands now."""

    id: str
    current: str
    status: str
    versions: list[VersionOut]


def value_history(session: Session, text: str) -> History:
    """The history of the result "R12" or adverse event "X3": of the values it took the place of,
    its own, and of what took its place. Raises NotFound where there is no such row."""
    kind, number = parse_public_id(plain_text(text).upper())
    table = TABLES.get(kind)
    row: Any = session.get(table, number) if table is not None else None
    if row is None:
        raise NotFound(f"no result or adverse event {text.strip().upper()[:20]} in this base")
    chain = _chain(session, kind, number)
    versions = [v for one in chain.numbers for v in _versions(session, kind, one, chain)]
    current = current_value(session, kind, number)
    standing: Any = session.get_one(TABLES[kind], current)
    return History(
        id=public_id(kind, number),
        current=public_id(kind, current),
        status=standing.status,
        versions=sorted(versions, key=lambda v: v.at),
    )


@dataclass(frozen=True, slots=True)
class _Chain:
    """Rows linked by decisions; those a decision took the place of come before what it made."""

    numbers: list[int]
    decisions: dict[int, Decision]  # by the row that a decision made
    inputs: dict[int, list[int]]  # by the same


def _chain(session: Session, kind: Kind, number: int) -> _Chain:
    chain = _Chain([], {}, {})
    _follow(session, kind, current_value(session, kind, number), chain)
    return chain


def _follow(session: Session, kind: Kind, number: int, chain: _Chain) -> None:
    row: Any = session.get_one(TABLES[kind], number)
    decision = session.exec(select(Decision).where(Decision.record_id == row.record_id)).first()
    if decision is not None:
        subject = subject_column(TABLES[kind])
        before = session.execute(
            sa.select(subject)
            .where(col(DecisionInput.decision_id) == decision.id, subject.is_not(None))
            .order_by(col(DecisionInput.id))
        ).scalars()
        chain.decisions[number], chain.inputs[number] = decision, list(before)
        for one in chain.inputs[number]:
            _follow(session, kind, one, chain)
    chain.numbers.append(number)


def _versions(session: Session, kind: Kind, number: int, chain: _Chain) -> list[VersionOut]:
    table = TABLES[kind]
    row: Any = session.get_one(table, number)
    stored = session.get_one(StoredRecord, row.record_id)
    kept = session.exec(
        select(RecordVersion)
        .where(RecordVersion.record_id == stored.id)
        .order_by(col(RecordVersion.version))
    ).all()
    told: list[tuple[str, datetime, str | None, str | None, int]] = [
        *((v.content, v.valid_from, v.who, v.why, v.payload_id) for v in kept),
        (stored.content, stored.changed_at, stored.who, stored.why, stored.payload_id),
    ]
    decision = chain.decisions.get(number)
    instead_of = [public_id(kind, n) for n in chain.inputs.get(number, ())]
    shown = _first_shown(session, kind, chain.inputs.get(number, ()))
    found: list[VersionOut] = []
    last: Claim | None = None
    for content, at, who, why, payload_id in told:
        claim, _ = claims_of(from_json(StudyRecord, content), table).get(row.key, (None, ()))
        if found and _bare(claim) == _bare(last):
            continue
        if claim is None and not found:
            continue  # the row was not yet there
        if found:
            found[-1] = replace(found[-1], until=at)
        how = "withdrawn" if claim is None else "changed" if found else "entered"
        values = {} if claim is None else shown_row(claim)
        names = dict.fromkeys((*shown, *values)) if claim is not None and shown else ()
        found.append(
            VersionOut(
                id=public_id(kind, number),
                version=len(found) + 1,
                how=decision.kind if decision is not None and not found else how,
                at=at,
                until=None,
                who=who,
                why=why,
                source=stored.source,
                values=values,
                changed=[name for name in names if shown.get(name) != values.get(name)],
                document=claim.evidence.document if claim else None,
                locator=claim.evidence.locator if claim else None,
                quote=claim.evidence.quote if claim else None,
                decision=decision.id if decision else None,
                instead_of=instead_of,
                payload_id=payload_id,
                record_id=row.record_id,
            )
        )
        last, shown = claim, values
    end = session.execute(
        sa.select(col(Decision.at))
        .join(DecisionInput, col(DecisionInput.decision_id) == col(Decision.id))
        .where(subject_column(table) == number)
    ).scalar()
    if end is not None and found:
        # What was decided on stands no more, whatever its source says since.
        found = [v if v.until is not None or v.at > end else replace(v, until=end) for v in found]
    return found


def _first_shown(session: Session, kind: Kind, numbers: Sequence[int]) -> dict[str, str]:
    """What the first of these rows says now."""
    for number in numbers:
        row: Any = session.get_one(TABLES[kind], number)
        record = from_json(StudyRecord, session.get_one(StoredRecord, row.record_id).content)
        claim, _ = claims_of(record, TABLES[kind]).get(row.key, (None, ()))
        if claim is not None:
            return shown_row(claim)
    return {}


def _bare(claim: Claim | None) -> Claim | None:
    """What is said, in whatever row of a table."""
    return None if claim is None else replace(claim, evidence=replace(claim.evidence, row=None))
