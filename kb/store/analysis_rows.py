"""Selected results, or adverse events, with everything an outcome table needs, read some at a
time.

The selection is a list's: the same filters give the same rows, as many as the list counts.
Studies come one after another for tables that compare; memory holds one batch, or one study.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import InvalidInput
from kb.models.evidence import (
    Category,
    Cell,
    CellName,
    DoseClaim,
    Origin,
    ResultKind,
    State,
    Statistic,
    StudyRecord,
    collection_of,
)
from kb.models.ids import Kind, parse_public_id, public_id
from kb.models.records import View, from_json
from kb.models.tables import (
    AdverseEvent,
    Arm,
    CellProduct,
    DoseEvent,
    Registration,
    Report,
    Result,
    StoredRecord,
    Study,
    StudyDescription,
    StudyOverlap,
    StudyRegistration,
    Venue,
    Work,
    WorkIdentifier,
)
from kb.outcomes.chains import Number
from kb.outcomes.dose import DoseAmounts, harmonise_dose
from kb.outcomes.harmonise import ReportedResult
from kb.outcomes.observed import (
    CONTROL,
    EXPERIMENTAL,
    NOT_SAID,
    SEPARATOR,
    ArmFacts,
    EventFacts,
    Fact,
    Observed,
    Overlap,
    Source,
    StudyFacts,
    When,
    WorkFacts,
    counted,
)
from kb.outcomes.vocabulary import load_vocabulary
from kb.store.appraisals import RiskOfBias, risk_of_bias
from kb.store.listing import Asked, Listing, count_rows, each_batch, where_of
from kb.store.results import (
    ADVERSE_EVENTS,
    RESULTS,
    AdverseEventOut,
    CellOut,
    EvidenceOut,
    ResultOut,
    TimepointOut,
    read_adverse_events,
    read_results,
)

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A list whose rows can stand in tables for analysis."""

    name: str  # in words
    listing: Listing
    table: Any
    read: Callable[[Session, Sequence[int]], list[Any]]  # as the list shows them
    observed: Callable[[Any, str, StudyFacts, dict[int, ArmFacts]], Observed]


def count_results(session: Session, asked: Asked, of: Subject | None = None) -> int:
    """How many results are selected: the count of the list."""
    return count_rows(session, (of or OF_RESULTS).listing, asked)


def each_result(session: Session, asked: Asked, of: Subject | None = None) -> Iterator[Any]:
    """Selected results in the order of the list, as the list shows them."""
    of = of or OF_RESULTS
    for numbers in each_batch(session, of.listing, asked, size=_BATCH):
        yield from of.read(session, numbers)


def each_observed(session: Session, asked: Asked, of: Subject | None = None) -> Iterator[Observed]:
    """Selected results in the order of the list, with study, arms and sources around them."""
    of = of or OF_RESULTS
    facts = _Facts(session, asked, of)
    for numbers in each_batch(session, of.listing, asked, size=_BATCH):
        yield from facts.observed(numbers)


def each_study(
    session: Session, asked: Asked, of: Subject | None = None
) -> Iterator[list[Observed]]:
    """Selected results of one study after the other, by the studies' ids."""
    of = of or OF_RESULTS
    facts = _Facts(session, asked, of)

    def all_of_them() -> Iterator[Observed]:
        together = col(of.table.study_id)
        for numbers in each_batch(session, of.listing, asked, size=_BATCH, together=together):
            yield from facts.observed(numbers)

    for _, own in groupby(all_of_them(), key=lambda o: o.study.id):
        yield list(own)


class _Facts:
    """What stands around the results of a batch, a fixed number of queries for each."""

    def __init__(self, session: Session, asked: Asked, of: Subject) -> None:
        self.session = session
        self._of = of
        # Studies that the selection holds: an overlap with any other harms nobody here.
        self._selected = (
            sa.select(col(of.table.study_id))
            .select_from(of.listing.source)
            .where(*where_of(session, of.listing, asked))
        )
        self._risk_of_bias = risk_of_bias(session)

    def observed(self, numbers: Sequence[int]) -> list[Observed]:
        rows = self._of.read(self.session, numbers)
        accounts = self._accounts(numbers)
        studies = self._studies({_number(row.study.id) for row in rows})
        arms = self._arms(
            {
                _number(arm.id)
                for row in rows
                for arm in (row.arm, getattr(row, "comparator", None))
                if arm is not None
            }
        )
        return [
            self._of.observed(row, accounts[_number(row.id)], studies[_number(row.study.id)], arms)
            for row in rows
        ]

    def _accounts(self, numbers: Sequence[int]) -> dict[int, str]:
        """Whose account of the study each result belongs to: a collection's, with all who extract
        for it and what was decided between them, or that of one registry entry."""
        record, table = StoredRecord, self._of.table
        rows = self.session.execute(
            sa.select(col(table.id), col(record.source), col(record.key), col(record.id))
            .join(record, col(record.id) == col(table.record_id))
            .where(col(table.id).in_(numbers))
        ).all()
        briefs = sa.select(col(record.id), col(record.content)).where(
            col(record.id).in_({record_id for *_, record_id in rows}),
            col(record.view) == View.BRIEF,
        )
        added_to = {
            record_id: from_json(StudyRecord, content).about
            for record_id, content in self.session.execute(briefs)
        }
        return {
            number: f"{collection_of(source)} {added_to.get(record_id) or key}"
            for number, source, key, record_id in rows
        }

    def _studies(self, numbers: set[int]) -> dict[int, StudyFacts]:
        rows = self.session.exec(select(Study).where(col(Study.id).in_(numbers))).all()
        labels = {row.label for row in rows}
        shared = set(
            self.session.execute(
                sa.select(col(Study.label))
                .where(col(Study.label).in_(labels), col(Study.merged_into_id).is_(None))
                .group_by(col(Study.label))
                .having(sa.func.count() > 1)
            ).scalars()
        )
        described = defaultdict(list)
        for description in self.session.exec(
            select(StudyDescription)
            .where(col(StudyDescription.study_id).in_(numbers))
            .order_by(col(StudyDescription.record_id))
        ):
            described[description.study_id].append(description)
        registrations = self._registrations(numbers)
        reports = self._reports(numbers)
        overlaps = self._overlaps(numbers)
        found = {}
        for row in rows:
            number = row.id or 0
            name = public_id(Kind.STUDY, number)
            found[number] = StudyFacts(
                id=name,
                label=row.label,
                name=f"{row.label} ({name})" if row.label in shared else row.label,
                title=row.title,
                year=row.year,
                conditions=tuple(row.conditions),
                phenotype=row.phenotype,
                design=_agreed(described[number], lambda d: d.design),
                country=_agreed(described[number], lambda d: d.country),
                registrations=tuple(registrations[number]),
                reports=tuple(reports[number]),
                overlaps=tuple(overlaps[number]),
                rob_overall=_judged(self._risk_of_bias.get(number), lambda r: r.overall),
                rob_tool=_judged(self._risk_of_bias.get(number), lambda r: f"{r.tool} {r.version}"),
            )
        return found

    def _registrations(self, numbers: set[int]) -> dict[int, list[str]]:
        found = defaultdict(list)
        for study_id, number in self.session.execute(
            sa.select(col(StudyRegistration.study_id), col(Registration.number))
            .join(Registration, col(StudyRegistration.registration_id) == col(Registration.id))
            .where(col(StudyRegistration.study_id).in_(numbers))
            .distinct()
            .order_by(col(Registration.number))
        ):
            found[study_id].append(number)
        return found

    def _reports(self, numbers: set[int]) -> dict[int, list[WorkFacts]]:
        rows = self.session.execute(
            sa.select(col(Report.study_id), Work, col(Venue.name))
            .join(Work, col(Work.id) == col(Report.work_id))
            .outerjoin(Venue, col(Venue.id) == col(Work.venue_id))
            .where(col(Report.study_id).in_(numbers))
            .order_by(col(Report.study_id), col(Work.id))
        ).all()
        works = {work.id for _, work, _ in rows}
        identifiers: dict[tuple[int, str], str] = {}
        for held in self.session.exec(
            select(WorkIdentifier)
            .where(
                col(WorkIdentifier.work_id).in_(works),
                col(WorkIdentifier.scheme).in_(("doi", "pmid")),
            )
            .order_by(col(WorkIdentifier.value).desc())
        ):
            identifiers[held.work_id, held.scheme] = held.value
        found: dict[int, dict[int, WorkFacts]] = defaultdict(dict)
        for study_id, work, venue in rows:
            work_id = int(work.id)
            found[study_id][work_id] = WorkFacts(
                id=public_id(Kind.WORK, work_id),
                doi=identifiers.get((work_id, "doi")),
                pmid=identifiers.get((work_id, "pmid")),
                title=work.title,
                authors=work.authors_text,
                year=work.year,
                venue=venue,
                is_retracted=work.is_retracted,
            )
        return defaultdict(list, {study: list(own.values()) for study, own in found.items()})

    def _overlaps(self, numbers: set[int]) -> dict[int, list[Overlap]]:
        """As somebody states them, and as a report in common makes them possible."""
        pairs: dict[tuple[int, int], tuple[str, str]] = {}
        a, b = col(StudyOverlap.study_id), col(StudyOverlap.other_id)
        for one, another in ((a, b), (b, a)):
            for study, with_study, kind, certainty in self.session.execute(
                sa.select(one, another, col(StudyOverlap.kind), col(StudyOverlap.certainty))
                .where(one.in_(numbers), another.in_(self._selected))
                .order_by(col(StudyOverlap.certainty), one, another)
            ):
                pairs.setdefault((study, with_study), (kind, certainty))
        mine, theirs = sa.orm.aliased(Report), sa.orm.aliased(Report)
        for study, with_study in self.session.execute(
            sa.select(col(mine.study_id), col(theirs.study_id))
            .join(theirs, col(theirs.work_id) == col(mine.work_id))
            .where(
                col(mine.study_id).in_(numbers),
                col(theirs.study_id) != col(mine.study_id),
                col(theirs.study_id).in_(self._selected),
            )
            .distinct()
        ):
            pairs.setdefault((study, with_study), ("may share participants", "possible"))
        others = {other for _, other in pairs}
        labels: dict[int, str] = dict(
            self.session.execute(
                sa.select(col(Study.id), col(Study.label)).where(col(Study.id).in_(others))
            ).all()
        )
        found: dict[int, list[Overlap]] = defaultdict(list)
        for (of, other), (kind, certainty) in sorted(pairs.items()):
            found[of].append(
                Overlap(
                    study=public_id(Kind.STUDY, other),
                    label=labels[other],
                    kind=kind,
                    certainty=certainty,
                )
            )
        return found

    def _arms(self, numbers: set[int]) -> dict[int, ArmFacts]:
        rows = self.session.exec(select(Arm).where(col(Arm.id).in_(numbers))).all()
        whole = {row.record_id for row in rows if row.is_whole_study}
        siblings = self.session.exec(
            select(Arm).where(col(Arm.record_id).in_(whole), col(Arm.is_whole_study).is_(False))
        ).all()
        known = {row.id or 0 for row in (*rows, *siblings)}
        products = self._of_arms(CellProduct, known)
        doses = self._of_arms(DoseEvent, known)
        found = {}
        for row in rows:
            number = row.id or 0
            own = [number]
            arms = [a for a in siblings if a.record_id == row.record_id and row.is_whole_study]
            # All participants received it where every arm of the account is experimental.
            are_treated = bool(arms) and all(arm.role == EXPERIMENTAL for arm in arms)
            if are_treated and not products[number] and not doses[number]:
                own = [arm.id or 0 for arm in arms]
            found[number] = _arm_facts(
                row,
                any(arm.role == CONTROL for arm in arms),
                [product for arm in own for product in products[arm]],
                [dose for arm in own for dose in doses[arm]],
            )
        return found

    def _of_arms(self, table: Any, numbers: set[int]) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = defaultdict(list)
        query = select(table).where(col(table.arm_id).in_(numbers)).order_by(col(table.id))
        for row in self.session.exec(query):
            found[row.arm_id].append(row)
        return found


def _arm_facts(
    row: Arm,
    holds_controls: bool,
    products: Sequence[CellProduct],
    doses: Sequence[DoseEvent],
) -> ArmFacts:
    values = [harmonise_dose(_claim(dose)).reported for dose in doses if _names_a_dose(dose)]

    def dose(of: Callable[[DoseAmounts], Number]) -> Fact:
        return _agreed_numbers([of(amounts) for amounts in values])

    return ArmFacts(
        id=public_id(Kind.ARM, row.id or 0),
        label=row.label,
        role=row.role,
        is_whole_study=row.is_whole_study,
        holds_controls=holds_controls,
        holds_cells=bool(products),
        tissue=_agreed(products, lambda p: p.tissue),
        donor=_agreed(products, lambda p: p.donor),
        route=_agreed(doses, lambda d: d.route),
        dose_per_kg=dose(lambda a: a.per_kg_each.value),
        dose_per_kg_low=dose(lambda a: a.per_kg_each.low),
        dose_per_kg_high=dose(lambda a: a.per_kg_each.high),
        dose_cells=dose(lambda a: a.each.value),
        cumulative_per_kg=dose(lambda a: a.per_kg_cumulative.value),
        cumulative_cells=dose(lambda a: a.cumulative.value),
        n_administrations=_agreed_numbers(
            [
                Number(value=d.n_administrations, state=State.REPORTED, origin=Origin.REPORTED)
                for d in doses
                if d.n_administrations is not None
            ]
        ),
    )


def _names_a_dose(dose: DoseEvent) -> bool:
    return any(number is not None for number in (dose.value, dose.low, dose.high))


def _claim(dose: DoseEvent) -> DoseClaim:
    return DoseClaim(
        value=dose.value,
        low=dose.low,
        high=dose.high,
        unit=dose.unit,
        basis=dose.basis,
        n_administrations=dose.n_administrations,
        n_administrations_text=dose.n_administrations_text,
        interval_text=dose.interval_text,
        route=dose.route,
    )


def _judged(found: RiskOfBias | None, of: Callable[[RiskOfBias], str | None]) -> Fact:
    if found is None:
        return NOT_SAID
    value = of(found)
    if value is None:  # assessors differ, and nobody has decided
        return Fact(value=None, state=State.UNCLEAR)
    return Fact(value=value, state=State.REPORTED, origin=Origin.REPORTED)


def _agreed(rows: Iterable[Any], of: Callable[[Any], str | None]) -> Fact:
    """What all sources that say anything say; all of it, joined and unclear, where they differ."""
    said = list(dict.fromkeys(value for row in rows if (value := of(row)) is not None))
    if not said:
        return NOT_SAID
    if len(said) == 1:
        return Fact(value=said[0], state=State.REPORTED, origin=Origin.REPORTED)
    return Fact(value=SEPARATOR.join(said), state=State.UNCLEAR, origin=Origin.REPORTED)


def _agreed_numbers(said: Sequence[Number]) -> Fact:
    """The one number that is said; None and unclear where there are several."""
    known = {number.value: number for number in said if number.value is not None}
    if len(known) == 1:
        (number,) = known.values()
        return Fact(value=number.value, state=number.state, origin=number.origin, rule=number.rule)
    if len(known) > 1 or any(number.state is State.UNCLEAR for number in said):
        return Fact(value=None, state=State.UNCLEAR)
    return NOT_SAID


def _observed(r: ResultOut, account: str, study: StudyFacts, arms: dict[int, ArmFacts]) -> Observed:
    reported = ReportedResult(
        key=r.id,
        kind=ResultKind(r.kind),
        cells={CellName(name): _cell(name, cell) for name, cell in r.cells.items()},
        state=State(r.state),
        statistic=Statistic(r.statistic) if r.statistic else None,
        title=r.outcome_title,
        unit=r.unit,
        measure=r.measure,
        ci_level=r.ci_level,
        p_text=r.p_text,
        method=r.method,
    )
    # What a person matched counts as defined; the row says so.
    defined = r.match.definition if r.match else r.outcome
    category = r.category or (r.match.category if r.match else None)
    return Observed(
        reported=reported,
        account=account,
        study=study,
        arm=arms[_number(r.arm.id)],
        comparator=arms[_number(r.comparator.id)] if r.comparator else None,
        outcome=r.outcome.id,
        code=defined.code,
        definition=defined.title,
        version=defined.version,
        outcome_title=r.outcome_title,
        category=Category(category) if category else None,
        time=_when(r.timepoint),
        baseline_time=_when(r.baseline),
        analysis_set=r.population.analysis_set if r.population else None,
        subgroup=r.population.subgroup if r.population else None,
        unit_of_analysis=r.unit_of_analysis,
        origin=Origin(r.origin),
        direction=r.direction,
        better=r.better or r.outcome.better,
        is_primary=r.is_primary_outcome,
        caveats=tuple(r.caveats),
        is_matched=r.match is not None,
        note=r.note,
        rule=r.derivation.rule if r.derivation else None,
        statement=r.derivation.statement if r.derivation else None,
        derived_from=tuple(dict.fromkeys(i.result for i in r.derivation.inputs))
        if r.derivation
        else (),
        source=_source(r.evidence),
        status=r.status,
        enters_analyses=r.enters_analyses,
    )


def _source(evidence: EvidenceOut) -> Source:
    return Source(
        document=evidence.document,
        locator=evidence.locator,
        kind=evidence.kind,
        standing=evidence.standing,
        quote=evidence.quote,
        work=evidence.work,
        recorded_by=evidence.source,
        row=evidence.row,
        payload=evidence.payload_id,
    )


# What a total of a code says of seriousness anyway.
_IMPLIED: Final = {"AE_SERIOUS": "serious", "AE_OTHER": "not serious", "DEATH": "serious"}


def _observed_event(
    e: AdverseEventOut, account: str, study: StudyFacts, arms: dict[int, ArmFacts]
) -> Observed:
    """An adverse event as a count of persons. Its outcome is the code, or else the term in its
    organ system; of serious events, of others and of those of which it is not said it is three."""
    known = load_vocabulary().get(e.code or "")
    implied = _IMPLIED.get(e.code or "")
    seriousness = None if e.seriousness == implied else e.seriousness
    said = [text for text in (seriousness, e.relatedness, e.severity) if text]
    named = e.term or (known.name if known else None) or e.code or "adverse event"
    system = None if e.code else e.organ_system
    identity = [e.code or " ".join(named.casefold().split()), system, *said]
    cells = counted(CellName.N_ANALYSED, e.n_at_risk) | counted(CellName.EVENTS, e.persons_affected)
    if e.percent is not None:
        cells[CellName.PERCENT] = Cell(
            name=CellName.PERCENT, value=e.percent, text=f"{e.percent:g}"
        )
    return Observed(
        reported=ReportedResult(
            key=e.id,
            kind=ResultKind.ARM,
            cells=cells,
            state=State(e.state),
            statistic=Statistic.PERSON_COUNT,
            title=named,
        ),
        account=account,
        study=study,
        arm=arms[_number(e.arm.id)],
        comparator=None,
        outcome="; ".join(text for text in identity if text),
        code=e.code,
        definition=known.name if known else named,
        version=known.version if known else None,
        outcome_title=f"{named} ({', '.join(said)})" if said else named,
        category=None,
        time=_when(e.timepoint),
        baseline_time=None,
        analysis_set=None,
        subgroup=None,
        unit_of_analysis=None,
        origin=Origin.REPORTED,
        direction=None,
        better="lower",
        is_primary=None,
        caveats=tuple(e.caveats),
        note=e.note,
        rule=None,
        statement=None,
        derived_from=(),
        source=_source(e.evidence),
        status=e.status,
        enters_analyses=e.enters_analyses,
        event=EventFacts(
            code=e.code,
            term=e.term,
            organ_system=e.organ_system,
            vocabulary=e.vocabulary,
            seriousness=e.seriousness,
            relatedness=e.relatedness,
            severity=e.severity,
            assessment=e.assessment,
            n_at_risk=e.n_at_risk,
            persons=e.persons_affected,
            count=e.event_count,
            percent=e.percent,
        ),
    )


def _cell(name: str, cell: CellOut) -> Cell:
    return Cell(
        name=CellName(name),
        value=cell.value,
        text=cell.text,
        state=State(cell.state),
        origin=Origin(cell.origin) if cell.origin else Origin.REPORTED,
    )


def _when(time: TimepointOut | None) -> When | None:
    if time is None:
        return None
    return When(
        value=time.value, unit=time.unit, text=time.text, anchor=time.anchor, days=time.days
    )


def _number(public: str) -> int:
    return parse_public_id(public)[1]


OF_RESULTS: Final = Subject(
    name="results", listing=RESULTS, table=Result, read=read_results, observed=_observed
)
OF_ADVERSE_EVENTS: Final = Subject(
    name="adverse events",
    listing=ADVERSE_EVENTS,
    table=AdverseEvent,
    read=read_adverse_events,
    observed=_observed_event,
)


def subject_named(name: str) -> Subject:
    """By its name, however its words are joined: "adverse-events". Raises InvalidInput."""
    for subject in (OF_RESULTS, OF_ADVERSE_EVENTS):
        if subject.name == name.replace("-", " ").replace("_", " "):
            return subject
    raise InvalidInput(f"nothing to select from: {name[:40]!r} (expected results, adverse-events)")
