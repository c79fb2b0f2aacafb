"""Reading results and adverse events, each with the place it was reported in.

A cell tells its state. The main cells (`MAIN_CELLS`) are always there: one the source does not
give has value None and a state that says why, normally "not_reported". Other cells are there only
where a source gives them. None is never 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from kb.errors import NotFound
from kb.models.evidence import ENTERING, Category, CellName, State
from kb.models.ids import Kind, public_id
from kb.models.tables import (
    AdverseEvent,
    Arm,
    CellProduct,
    Derivation,
    DerivationInput,
    DoseEvent,
    Evidence,
    OutcomeDefinition,
    OutcomeMatch,
    Population,
    Report,
    Result,
    ResultCell,
    StoredRecord,
    Study,
    StudyRegistration,
    Timepoint,
)
from kb.outcomes.products import Kind as ProductTerms
from kb.outcomes.products import means
from kb.outcomes.rules import direction_of_benefit
from kb.store.evidence_check import Finding, check_adverse_events, check_results
from kb.store.listing import Asked, Condition, Field, Listing, Page, Reads, in_order, list_rows
from kb.store.lookup import (
    resolve_outcome,
    resolve_registration,
    resolve_study,
    resolve_work,
    row_number,
)

T = TypeVar("T")

MAIN_CELLS = (
    CellName.N_ANALYSED,
    CellName.EVENTS,
    CellName.PERCENT,
    CellName.MEAN,
    CellName.SD,
    CellName.MEDIAN,
)
_WHOLE = (CellName.N_ANALYSED, CellName.EVENTS)
_REPORTED = (State.REPORTED, State.REPORTED_ZERO)
# A chain is as long as the rules that made it; what is longer than this is a ring.
_MAX_CHAIN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceOut:
    """Where a statement stands. `document` as cited, `locator` the place in it; `work` where this
    base holds the document as a work; `payload_id` what it was read or entered from."""

    id: str
    kind: str
    document: str
    locator: str
    standing: str  # "primary_source": the report or registry itself; "secondary_source": others
    quote: str | None
    row: str | None
    work: str | None
    source: str
    record_id: int
    payload_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOut:
    """`text` as printed; `origin` None where there is no number."""

    value: int | float | None
    text: str | None
    state: str
    origin: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedFrom:
    """A cell of another result that went into a derivation, with that result's own derivation
    where it was derived itself."""

    result: str
    outcome_title: str
    cell: str
    value: int | float | None
    text: str | None
    derivation: DerivationOut | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationOut:
    id: str
    rule: str
    statement: str
    inputs: list[DerivedFrom]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeOut:
    """What is measured. `better` is "lower", "higher" or None: depends, or not known."""

    id: str
    code: str | None
    title: str
    unit: str | None
    low: float | None
    high: float | None
    step: float | None
    better: str | None
    version: str | None
    note: str | None
    variant_of: str | None  # the code this narrows to one version, unit or way of scoring
    instrument_version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeMatchOut:
    """A person's word that an outcome without a code is `definition`. `confidence` and `basis`
    are those of the suggestion then, None where there was none."""

    definition: OutcomeOut
    category: str | None
    confidence: float | None
    basis: str | None
    confirmed_by: str
    confirmed_at: datetime
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSummary:
    """`results` and `studies` count what stands under the outcome, confirmed matches included."""

    outcome: OutcomeOut
    results: int
    studies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLink:
    id: str
    key: str
    label: str
    is_whole_study: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRef:
    id: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimepointOut:
    """When, as reported; `days` only where they follow from value and unit."""

    id: str
    value: float | None
    unit: str | None
    text: str | None
    anchor: str | None
    days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationOut:
    id: str
    analysis_set: str | None
    subgroup: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstractOut:
    """The sentence of the abstract held here that a statement was found in, and whether its
    numbers stand there. `quote` is at most one sentence; `cells` says of each number "stands",
    "elsewhere" (in the abstract), "absent" or "not_checkable"."""

    support: str  # "confirmed", "partly", "not found", "no number" or "no text held"
    quote: str | None
    section: str | None
    sentence: int | None  # from 1, over the whole abstract
    cells: dict[str, str]
    through: list[str]  # the results a derived one was made from, whose numbers these are


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultOut:
    """One value set. `better` holds for the value as printed: as the curator says, else as the side
    counted (improved, worsened, event, complement) has it; None leaves the outcome's own. `status`
    says where it stands among the rows about one thing in a collection; of these at most one has
    `enters_analyses`, and analyses use that."""

    id: str
    key: str
    status: str
    enters_analyses: bool
    study: StudyRef
    kind: str
    arm: ArmLink
    comparator: ArmLink | None
    outcome: OutcomeOut
    match: (
        OutcomeMatchOut | None
    )  # what a person found the outcome to be; None: has a code, or open
    outcome_title: str
    category: str | None
    timepoint: TimepointOut | None
    baseline: TimepointOut | None
    population: PopulationOut | None
    statistic: str | None
    unit: str | None
    unit_of_analysis: str | None
    state: str
    origin: str
    cells: dict[str, CellOut]
    direction: str | None
    measure: str | None
    ci_level: float | None
    p_text: str | None
    method: str | None
    better: str | None
    is_primary_outcome: bool | None
    caveats: list[str]
    note: str | None
    derivation: DerivationOut | None
    derives: list[str] = field(default_factory=list)  # results computed from this one
    evidence: EvidenceOut
    in_abstract: AbstractOut | None  # None: not taken from an abstract


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEventOut:
    """One statement for one arm. Persons and events are two numbers; None is not reported. `status`
    is that of results."""

    id: str
    key: str
    status: str
    enters_analyses: bool
    study: StudyRef
    arm: ArmLink
    code: str | None
    term: str | None
    organ_system: str | None
    vocabulary: str | None
    seriousness: str | None
    relatedness: str | None
    severity: str | None
    assessment: str | None
    timepoint: TimepointOut | None
    n_at_risk: int | None
    persons_affected: int | None
    event_count: int | None
    percent: float | None
    state: str
    caveats: list[str]
    note: str | None
    evidence: EvidenceOut
    in_abstract: AbstractOut | None  # None: not taken from an abstract


# -- lists ---------------------------------------------------------------------------------------


def _arm_number(_: Session, text: str) -> int:
    return row_number(text, Kind.ARM)


def _of_arm(table: type[CellProduct] | type[DoseEvent], arm_id: object) -> object:
    return lambda condition: sa.exists(
        sa.select(1).select_from(table).where(col(table.arm_id) == arm_id, condition)
    )


_DEFINITION = aliased(OutcomeDefinition)


def _is_of(definitions: Any) -> Condition:
    """The result is of one of these outcomes, or of one that a person matched to them."""
    matched = sa.select(col(OutcomeMatch.outcome_id)).where(
        col(OutcomeMatch.definition_id).in_(definitions)
    )
    return sa.or_(col(Result.outcome_id).in_(definitions), col(Result.outcome_id).in_(matched))


def _fields_of_arm(arm_id: object, study_id: object, status: Any) -> dict[str, Field]:
    """Filters that results and adverse events share: the study, and what its arm received."""
    return {
        "study": Field(
            about="S1, NCT03778333 or a record key",
            column=study_id,
            reads=Reads.ROW,
            resolve=resolve_study,
        ),
        "condition": Field(
            about="A condition of the study", column=col(Study.conditions), reads=Reads.LISTED
        ),
        "phenotype": Field(
            about="Words of the study's phenotype", column=col(Study.phenotype), reads=Reads.WORDS
        ),
        "registration": Field(
            about="A registration of the study",
            column=col(StudyRegistration.registration_id),
            reads=Reads.ROW,
            resolve=resolve_registration,
            within=lambda condition: sa.exists(
                sa.select(1)
                .select_from(StudyRegistration)
                .where(col(StudyRegistration.study_id) == study_id, condition)
            ),
        ),
        "report": Field(
            about="A work reporting the study: W1, a DOI ...",
            column=col(Report.work_id),
            reads=Reads.ROW,
            resolve=resolve_work,
            within=lambda condition: sa.exists(
                sa.select(1).select_from(Report).where(col(Report.study_id) == study_id, condition)
            ),
        ),
        "arm": Field(about="M1", column=arm_id, reads=Reads.ROW, resolve=_arm_number),
        "tissue": Field(
            about="Tissue the arm's cells came from: BM, bone marrow, umbilical cord ...",
            column=col(CellProduct.tissue),
            means=partial(means, ProductTerms.TISSUE),
            within=_of_arm(CellProduct, arm_id),  # type: ignore[arg-type]
        ),
        "donor": Field(
            about="autologous, allogeneic ...",
            column=col(CellProduct.donor),
            means=partial(means, ProductTerms.DONOR),
            within=_of_arm(CellProduct, arm_id),  # type: ignore[arg-type]
        ),
        "route": Field(
            about="How the arm's cells were given: IV, intrathecal ... alone or with others",
            column=col(DoseEvent.route),
            means=partial(means, ProductTerms.ROUTE),
            within=_of_arm(DoseEvent, arm_id),  # type: ignore[arg-type]
        ),
        "days": Field(
            about="Time in days, where it follows from the report",
            column=col(Timepoint.days),
            reads=Reads.NUMBER,
        ),
        "status": Field(
            about="single, agreed, disputed, adjudicated, corrected ...", column=status
        ),
        "enters_analyses": Field(
            about="true for values that analyses use: of several about one thing, one",
            column=status.in_(ENTERING),
            reads=Reads.BOOLEAN,
        ),
        "standing": Field(
            about="primary_source or secondary_source", column=col(Evidence.standing)
        ),
        "source": Field(about="Who recorded it", column=col(StoredRecord.source)),
        "document": Field(
            about="Words of the document as cited", column=col(Evidence.document), reads=Reads.WORDS
        ),
    }


RESULTS = Listing(
    name="results",
    source=(
        sa.join(Result, Study, col(Study.id) == col(Result.study_id))
        .join(OutcomeDefinition, col(OutcomeDefinition.id) == col(Result.outcome_id))
        .join(Evidence, col(Evidence.id) == col(Result.evidence_id))
        .join(StoredRecord, col(StoredRecord.id) == col(Result.record_id))
        .outerjoin(Timepoint, col(Timepoint.id) == col(Result.timepoint_id))
        .outerjoin(Population, col(Population.id) == col(Result.population_id))
    ),
    id=col(Result.id),
    order="id:asc",
    searched=col(Result.outcome_title),
    fields={
        **_fields_of_arm(col(Result.arm_id), col(Result.study_id), col(Result.status)),
        "outcome": Field(
            about="Code of the outcome, EDSS, or O1; with those that a person matched to it",
            column=col(_DEFINITION.id),
            reads=Reads.ROW,
            resolve=resolve_outcome,
            within=lambda condition: _is_of(sa.select(col(_DEFINITION.id)).where(condition)),
        ),
        "outcome_code": Field(
            about="Code of the outcome, to sort by",
            column=col(OutcomeDefinition.code),
        ),
        "kind": Field(about="arm, within_arm or contrast", column=col(Result.kind)),
        "statistic": Field(about="person_count, final, change ...", column=col(Result.statistic)),
        "category": Field(
            about="event, complement, improved, stable or worsened", column=col(Result.category)
        ),
        "state": Field(about="reported, reported_zero, not_reported ...", column=col(Result.state)),
        "origin": Field(
            about="reported, computed, imputed, digitised or author_supplied",
            column=col(Result.origin),
        ),
        "direction": Field(about="Stated without a number", column=col(Result.direction)),
        "measure": Field(about="Of a contrast", column=col(Result.measure)),
        "is_primary_outcome": Field(
            about="A primary outcome of its study",
            column=col(Result.is_primary_outcome),
            reads=Reads.BOOLEAN,
        ),
        "subgroup": Field(
            about="Words of the subgroup", column=col(Population.subgroup), reads=Reads.WORDS
        ),
        "cell": Field(
            about="A number that is there: mean, sd, events ...",
            column=col(ResultCell.name),
            within=lambda condition: sa.exists(
                sa.select(1)
                .select_from(ResultCell)
                .where(
                    col(ResultCell.result_id) == col(Result.id),
                    col(ResultCell.value).is_not(None),
                    condition,
                )
            ),
        ),
    },
)

ADVERSE_EVENTS = Listing(
    name="adverse events",
    source=(
        sa.join(AdverseEvent, Study, col(Study.id) == col(AdverseEvent.study_id))
        .join(Evidence, col(Evidence.id) == col(AdverseEvent.evidence_id))
        .join(StoredRecord, col(StoredRecord.id) == col(AdverseEvent.record_id))
        .outerjoin(Timepoint, col(Timepoint.id) == col(AdverseEvent.timepoint_id))
    ),
    id=col(AdverseEvent.id),
    order="id:asc",
    searched=col(AdverseEvent.term),
    fields={
        **_fields_of_arm(
            col(AdverseEvent.arm_id), col(AdverseEvent.study_id), col(AdverseEvent.status)
        ),
        "code": Field(about="AE_SERIOUS, AE_ANY ...", column=col(AdverseEvent.code)),
        "seriousness": Field(about="serious or not serious", column=col(AdverseEvent.seriousness)),
        "relatedness": Field(about="As stated", column=col(AdverseEvent.relatedness)),
        "organ_system": Field(about="As classified", column=col(AdverseEvent.organ_system)),
        "state": Field(
            about="reported, reported_zero, not_reported ...", column=col(AdverseEvent.state)
        ),
        "persons_affected": Field(
            about="Persons with the event",
            column=col(AdverseEvent.persons_affected),
            reads=Reads.INTEGER,
        ),
        "event_count": Field(
            about="Number of events", column=col(AdverseEvent.event_count), reads=Reads.INTEGER
        ),
    },
)


def list_results(session: Session, asked: Asked, *conditions: Condition) -> Page[ResultOut]:
    found = list_rows(session, RESULTS, asked, *conditions)
    return found.of(read_results(session, found.results))


def list_adverse_events(
    session: Session, asked: Asked, *conditions: Condition
) -> Page[AdverseEventOut]:
    found = list_rows(session, ADVERSE_EVENTS, asked, *conditions)
    return found.of(read_adverse_events(session, found.results))


def results_of_study(session: Session, study_id: int) -> list[ResultOut]:
    """By outcome, then in time, those without a time last."""
    numbers = session.execute(
        sa.select(col(Result.id))
        .join(OutcomeDefinition, col(OutcomeDefinition.id) == col(Result.outcome_id))
        .outerjoin(Timepoint, col(Timepoint.id) == col(Result.timepoint_id))
        .where(col(Result.study_id) == study_id)
        .order_by(
            col(OutcomeDefinition.code).nulls_last(),
            col(Result.outcome_id),
            col(Timepoint.days).nulls_last(),
            col(Result.arm_id),
            col(Result.id),
        )
    ).scalars()
    return read_results(session, list(numbers))


def adverse_events_of_study(session: Session, study_id: int) -> list[AdverseEventOut]:
    numbers = session.execute(
        sa.select(col(AdverseEvent.id))
        .where(col(AdverseEvent.study_id) == study_id)
        .order_by(col(AdverseEvent.id))
    ).scalars()
    return read_adverse_events(session, list(numbers))


def read_result(session: Session, text: str) -> ResultOut:
    """The result named "R12". Raises InvalidInput for another name, NotFound for no result."""
    found = read_results(session, [row_number(text, Kind.RESULT)])
    if not found:
        raise NotFound(f"no result {text.strip().upper()} in this base")
    return found[0]


def read_adverse_event(session: Session, text: str) -> AdverseEventOut:
    found = read_adverse_events(session, [row_number(text, Kind.ADVERSE_EVENT)])
    if not found:
        raise NotFound(f"no adverse event {text.strip().upper()} in this base")
    return found[0]


# -- rows ----------------------------------------------------------------------------------------


def read_results(session: Session, numbers: Sequence[int]) -> list[ResultOut]:
    """In the order given; numbers of no result are left out."""
    rows = session.exec(select(Result).where(col(Result.id).in_(numbers))).all()
    parts = _Parts(
        session,
        studies=[row.study_id for row in rows],
        arms=[n for row in rows for n in (row.arm_id, row.comparator_id)],
        timepoints=[n for row in rows for n in (row.timepoint_id, row.baseline_timepoint_id)],
        evidence=[row.evidence_id for row in rows],
    )
    outcomes = read_outcomes(session, [row.outcome_id for row in rows])
    matches = read_matches(session, outcomes)
    populations = _populations(session, [row.population_id for row in rows])
    cells = _cells(session, numbers)
    derivations = _derivations(session, [row.derivation_id for row in rows])
    checked = check_results(session, numbers)
    derives = defaultdict(list)
    for input_id, result_id in session.execute(
        sa.select(col(DerivationInput.result_id), col(Result.id))
        .join(Result, col(Result.derivation_id) == col(DerivationInput.derivation_id))
        .where(col(DerivationInput.result_id).in_(numbers))
        .distinct()
        .order_by(col(Result.id))
    ):
        derives[input_id].append(public_id(Kind.RESULT, result_id))
    found = {}
    for row in rows:
        number = row.id or 0
        found[number] = ResultOut(
            id=public_id(Kind.RESULT, number),
            key=row.key,
            status=row.status,
            enters_analyses=row.status in ENTERING,
            study=parts.studies[row.study_id],
            kind=row.kind,
            arm=parts.arms[row.arm_id],
            comparator=_get(parts.arms, row.comparator_id),
            outcome=outcomes[row.outcome_id],
            match=matches.get(row.outcome_id),
            outcome_title=row.outcome_title,
            category=row.category,
            timepoint=_get(parts.timepoints, row.timepoint_id),
            baseline=_get(parts.timepoints, row.baseline_timepoint_id),
            population=_get(populations, row.population_id),
            statistic=row.statistic,
            unit=row.unit,
            unit_of_analysis=row.unit_of_analysis,
            state=row.state,
            origin=row.origin,
            cells=_with_main_cells(row.state, cells[number]),
            direction=row.direction,
            measure=row.measure,
            ci_level=row.ci_level,
            p_text=row.p_text,
            method=row.method,
            better=row.better or _better(row, outcomes[row.outcome_id], matches),
            is_primary_outcome=row.is_primary_outcome,
            caveats=row.caveats,
            note=row.note,
            derivation=_get(derivations, row.derivation_id),
            derives=derives[number],
            evidence=parts.evidence[row.evidence_id],
            in_abstract=_in_abstract(checked.get(number)),
        )
    return in_order(numbers, found)


def _better(row: Result, outcome: OutcomeOut, matches: Mapping[int, OutcomeMatchOut]) -> str | None:
    match = matches.get(row.outcome_id)
    category = row.category or (match.category if match else None)
    better = match.definition.better if match else outcome.better
    return direction_of_benefit(Category(category) if category else None, better)


def _in_abstract(finding: Finding | None) -> AbstractOut | None:
    if finding is None:
        return None
    return AbstractOut(
        support=finding.support.value,
        quote=finding.quote,
        section=finding.section,
        sentence=finding.sentence,
        cells={cell.name: cell.verdict.value for cell in finding.cells},
        through=list(finding.through),
    )


def read_adverse_events(session: Session, numbers: Sequence[int]) -> list[AdverseEventOut]:
    """In the order given; numbers of no adverse event are left out."""
    rows = session.exec(select(AdverseEvent).where(col(AdverseEvent.id).in_(numbers))).all()
    parts = _Parts(
        session,
        studies=[row.study_id for row in rows],
        arms=[row.arm_id for row in rows],
        timepoints=[row.timepoint_id for row in rows],
        evidence=[row.evidence_id for row in rows],
    )
    checked = check_adverse_events(session, numbers)
    found = {
        row.id or 0: AdverseEventOut(
            id=public_id(Kind.ADVERSE_EVENT, row.id or 0),
            key=row.key,
            status=row.status,
            enters_analyses=row.status in ENTERING,
            study=parts.studies[row.study_id],
            arm=parts.arms[row.arm_id],
            code=row.code,
            term=row.term,
            organ_system=row.organ_system,
            vocabulary=row.vocabulary,
            seriousness=row.seriousness,
            relatedness=row.relatedness,
            severity=row.severity,
            assessment=row.assessment,
            timepoint=_get(parts.timepoints, row.timepoint_id),
            n_at_risk=row.n_at_risk,
            persons_affected=row.persons_affected,
            event_count=row.event_count,
            percent=row.percent,
            state=row.state,
            caveats=row.caveats,
            note=row.note,
            evidence=parts.evidence[row.evidence_id],
            in_abstract=_in_abstract(checked.get(row.id or 0)),
        )
        for row in rows
    }
    return in_order(numbers, found)


class _Parts:
    """What results and adverse events point to, fetched once for all of them."""

    def __init__(
        self,
        session: Session,
        *,
        studies: Sequence[int],
        arms: Sequence[int | None],
        timepoints: Sequence[int | None],
        evidence: Sequence[int],
    ) -> None:
        labels = session.execute(
            sa.select(col(Study.id), col(Study.label)).where(col(Study.id).in_(set(studies)))
        )
        self.studies = {
            number: StudyRef(id=public_id(Kind.STUDY, number), label=label)
            for number, label in labels
        }
        self.arms = {
            row.id or 0: ArmLink(
                id=public_id(Kind.ARM, row.id or 0),
                key=row.key,
                label=row.label,
                is_whole_study=row.is_whole_study,
            )
            for row in session.exec(select(Arm).where(col(Arm.id).in_(_known(arms))))
        }
        self.timepoints = {
            row.id or 0: TimepointOut(
                id=public_id(Kind.TIMEPOINT, row.id or 0),
                value=row.value,
                unit=row.unit,
                text=row.text,
                anchor=row.anchor,
                days=row.days,
            )
            for row in session.exec(
                select(Timepoint).where(col(Timepoint.id).in_(_known(timepoints)))
            )
        }
        self.evidence = read_evidence(session, evidence)


def _known(numbers: Sequence[int | None]) -> set[int]:
    return {number for number in numbers if number is not None}


def _get(found: dict[int, T], number: int | None) -> T | None:
    return None if number is None else found.get(number)


def read_evidence(session: Session, numbers: Sequence[int | None]) -> dict[int, EvidenceOut]:
    rows = session.execute(
        sa.select(Evidence, col(StoredRecord.source))
        .join(StoredRecord, col(StoredRecord.id) == col(Evidence.record_id))
        .where(col(Evidence.id).in_(_known(numbers)))
    )
    return {
        row.id: EvidenceOut(
            id=public_id(Kind.EVIDENCE, row.id),
            kind=row.kind,
            document=row.document,
            locator=row.locator,
            standing=row.standing,
            quote=row.quote,
            row=row.row,
            work=None if row.work_id is None else public_id(Kind.WORK, row.work_id),
            source=source,
            record_id=row.record_id,
            payload_id=row.payload_id,
        )
        for row, source in rows
    }


def _populations(session: Session, numbers: Sequence[int | None]) -> dict[int, PopulationOut]:
    rows = session.exec(select(Population).where(col(Population.id).in_(_known(numbers))))
    return {
        row.id or 0: PopulationOut(
            id=public_id(Kind.POPULATION, row.id or 0),
            analysis_set=row.analysis_set,
            subgroup=row.subgroup,
        )
        for row in rows
    }


def _cells(session: Session, numbers: Sequence[int]) -> dict[int, dict[str, CellOut]]:
    found: dict[int, dict[str, CellOut]] = defaultdict(dict)
    for row in session.exec(select(ResultCell).where(col(ResultCell.result_id).in_(numbers))):
        found[row.result_id][row.name] = CellOut(
            value=_as_counted(row.name, row.value),
            text=row.text,
            state=row.state,
            origin=row.origin if row.state in _REPORTED else None,
        )
    return found


def _as_counted(name: str, value: float | None) -> int | float | None:
    """Persons are counted in whole numbers, though all cells are stored as floats."""
    return int(value) if name in _WHOLE and value is not None and value.is_integer() else value


def _with_main_cells(state: str, cells: dict[str, CellOut]) -> dict[str, CellOut]:
    # Where the whole result was not measured, say, none of its numbers was either.
    missing = CellOut(
        value=None,
        text=None,
        state=State.NOT_REPORTED.value if state in _REPORTED else state,
        origin=None,
    )
    names = [name.value for name in CellName if name in MAIN_CELLS or name in cells]
    return {name: cells.get(name, missing) for name in names}


def _derivations(
    session: Session, numbers: Sequence[int | None], depth: int = 0
) -> dict[int, DerivationOut]:
    wanted = _known(numbers)
    if not wanted or depth == _MAX_CHAIN:
        return {}
    inputs = session.execute(
        sa.select(DerivationInput, col(Result.outcome_title), col(Result.derivation_id))
        .join(Result, col(Result.id) == col(DerivationInput.result_id))
        .where(col(DerivationInput.derivation_id).in_(wanted))
        .order_by(col(DerivationInput.result_id), col(DerivationInput.cell))
    ).all()
    cells = _cells(session, [row.result_id for row, _, _ in inputs])
    before = _derivations(session, [derivation for _, _, derivation in inputs], depth + 1)
    by_derivation = defaultdict(list)
    for row, title, derivation_id in inputs:
        cell = cells[row.result_id].get(row.cell)
        by_derivation[row.derivation_id].append(
            DerivedFrom(
                result=public_id(Kind.RESULT, row.result_id),
                outcome_title=title,
                cell=row.cell,
                value=cell.value if cell else None,
                text=cell.text if cell else None,
                derivation=_get(before, derivation_id),
            )
        )
    rows = session.exec(select(Derivation).where(col(Derivation.id).in_(wanted)))
    return {
        row.id or 0: DerivationOut(
            id=public_id(Kind.DERIVATION, row.id or 0),
            rule=row.rule,
            statement=row.statement,
            inputs=by_derivation[row.id or 0],
        )
        for row in rows
    }


# -- outcomes ------------------------------------------------------------------------------------


def _count_of_results(counted: object) -> Any:
    matched = sa.select(col(OutcomeMatch.outcome_id)).where(
        col(OutcomeMatch.definition_id) == col(OutcomeDefinition.id)
    )
    return (
        sa.select(sa.func.count(counted))  # type: ignore[arg-type]
        .select_from(Result)
        .where(
            sa.or_(
                col(Result.outcome_id) == col(OutcomeDefinition.id),
                col(Result.outcome_id).in_(matched.correlate(OutcomeDefinition)),
            )
        )
        .correlate(OutcomeDefinition)
        .scalar_subquery()
    )


_RESULTS_OF_OUTCOME = _count_of_results(col(Result.id))
_STUDIES_OF_OUTCOME = _count_of_results(sa.distinct(col(Result.study_id)))

OUTCOMES = Listing(
    name="outcomes",
    source=OutcomeDefinition,
    id=col(OutcomeDefinition.id),
    order="code,title",
    searched=col(OutcomeDefinition.title),
    fields={
        "code": Field(about="EDSS, T2_NEW ...", column=col(OutcomeDefinition.code)),
        "title": Field(about="As defined", column=col(OutcomeDefinition.title)),
        "better": Field(about="lower or higher", column=col(OutcomeDefinition.better)),
        "unit": Field(about="As defined", column=col(OutcomeDefinition.unit)),
        "has_code": Field(
            about="From the vocabulary, not as one registry entry words it",
            column=col(OutcomeDefinition.code).is_not(None),
            reads=Reads.BOOLEAN,
        ),
        "results": Field(
            about="How many results there are", column=_RESULTS_OF_OUTCOME, reads=Reads.INTEGER
        ),
        "studies": Field(
            about="How many studies measured it", column=_STUDIES_OF_OUTCOME, reads=Reads.INTEGER
        ),
    },
)


def list_outcomes(session: Session, asked: Asked) -> Page[OutcomeSummary]:
    found = list_rows(session, OUTCOMES, asked)
    return found.of(outcome_summaries(session, found.results))


def outcome_summaries(session: Session, numbers: Sequence[int]) -> list[OutcomeSummary]:
    definitions = read_outcomes(session, numbers)
    counts = {
        outcome_id: (results, studies)
        for outcome_id, results, studies in session.execute(
            sa.select(col(OutcomeDefinition.id), _RESULTS_OF_OUTCOME, _STUDIES_OF_OUTCOME).where(
                col(OutcomeDefinition.id).in_(numbers)
            )
        )
    }
    return [
        OutcomeSummary(
            outcome=definitions[number],
            results=counts.get(number, (0, 0))[0],
            studies=counts.get(number, (0, 0))[1],
        )
        for number in numbers
        if number in definitions
    ]


def read_outcomes(session: Session, numbers: Sequence[int]) -> dict[int, OutcomeOut]:
    rows = session.exec(
        select(OutcomeDefinition).where(col(OutcomeDefinition.id).in_(set(numbers)))
    )
    return {
        row.id or 0: OutcomeOut(
            id=public_id(Kind.OUTCOME, row.id or 0),
            code=row.code,
            title=row.title,
            unit=row.unit,
            low=row.low,
            high=row.high,
            step=row.step,
            better=row.better,
            version=row.version,
            note=row.note,
            variant_of=row.variant_of,
            instrument_version=row.instrument_version,
        )
        for row in rows
    }


def read_matches(session: Session, numbers: Iterable[int]) -> dict[int, OutcomeMatchOut]:
    """What a person found these outcomes to be, by the number of the outcome."""
    rows = session.exec(
        select(OutcomeMatch).where(col(OutcomeMatch.outcome_id).in_(set(numbers)))
    ).all()
    definitions = read_outcomes(session, [row.definition_id for row in rows])
    return {
        row.outcome_id: OutcomeMatchOut(
            definition=definitions[row.definition_id],
            category=row.category,
            confidence=row.confidence,
            basis=row.basis,
            confirmed_by=row.confirmed_by,
            confirmed_at=row.confirmed_at,
            why=row.why,
        )
        for row in rows
    }
