"""Reading studies and registrations: what each source says of them, never reconciled silently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.models.ids import Kind, public_id
from kb.models.records import View
from kb.models.tables import (
    AdverseEvent,
    Arm,
    ArmDescription,
    CellProduct,
    DoseEvent,
    Notice,
    ParticipantFlow,
    Registration,
    RegistrationAlias,
    Report,
    Result,
    StoredRecord,
    Study,
    StudyDescription,
    StudyOverlap,
    StudyRegistration,
    WorkRegistration,
)
from kb.outcomes.products import Kind as ProductTerms
from kb.outcomes.products import Term, means, normalise
from kb.store.listing import Asked, Condition, Field, Listing, Page, Reads, in_order, list_rows
from kb.store.lookup import resolve_registration, resolve_work
from kb.store.results import (
    AdverseEventOut,
    EvidenceOut,
    ResultOut,
    StudyRef,
    adverse_events_of_study,
    read_evidence,
    results_of_study,
)
from kb.store.works import RecordRef, WorkLink, record_refs, work_links


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """A study in a list. `results` and `adverse_events` count the statements held."""

    id: str
    label: str
    acronym: str | None
    title: str | None
    conditions: list[str]
    phenotype: str | None
    year: int | None
    keys: list[str]  # what its records are called: "MS_IACOBAEUS_2019", "NCT03778333"
    registrations: list[str]
    reports: list[str]
    arms: int
    results: int
    adverse_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDescriptionOut:
    """The study as one source describes it."""

    design: str | None
    allocation: str | None
    masking: str | None
    phase: str | None
    purpose: str | None
    study_type: str | None
    country: str | None
    n_enrolled: int | None
    n_randomised: int | None
    n_treated: int | None
    n_analysed: int | None
    n_completed: int | None
    followup_value: float | None
    followup_unit: str | None
    followup_text: str | None
    eligibility: str | None
    caveats: list[str]
    note: str | None
    evidence: EvidenceOut


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRegistrationOut:
    id: str
    number: str
    registry: str | None
    title: str | None
    status: str | None
    n_registered: int | None
    n_is_actual: bool | None
    basis: str | None  # "stated by the report", "inferred: sponsor, N, dose"
    planned_outcomes: list[dict[str, Any]]
    caveats: list[str]
    note: str | None
    record: RecordRef  # whose word the link is


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNotice:
    kind: str  # "correction", "retraction" ...
    date: str | None  # partial ISO date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOut:
    work: WorkLink
    basis: list[str]
    records: list[RecordRef]
    notices: list[ReportNotice]  # of the work: what it reports may have been corrected


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapOut:
    """Participants this study may share with `other`. `is_inverse`: the other is the "follow-up
    of" this one, say."""

    other: StudyRef
    kind: str
    certainty: str
    reason: str | None
    is_inverse: bool
    record: RecordRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDescriptionOut:
    label: str
    role: str | None
    description: str | None
    n_randomised: int | None
    n_treated: int | None
    n_analysed: int | None
    n_completed: int | None
    comparator: str | None
    comparator_terms: list[Term]
    caveats: list[str]
    note: str | None
    evidence: EvidenceOut


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductOut:
    """As one source describes it; the `_terms` are normal forms of its words, each with a
    confidence, and never stand for them."""

    id: str
    intervention: str | None
    tissue: str | None
    donor: str | None
    passage_low: int | None
    passage_high: int | None
    is_cryopreserved: bool | None
    viability_text: str | None
    note: str | None
    tissue_terms: list[Term]
    donor_terms: list[Term]
    evidence: EvidenceOut


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseOut:
    """As reported: `value`, or a range from `low` to `high`. Nothing is converted."""

    id: str
    product: str | None
    value: float | None
    low: float | None
    high: float | None
    unit: str | None
    basis: str | None
    n_administrations: int | None
    n_administrations_text: str | None
    interval_text: str | None
    route: str | None
    unit_terms: list[Term]
    basis_terms: list[Term]
    route_terms: list[Term]
    evidence: EvidenceOut


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOut:
    period: str | None
    milestone: str
    reason: str | None
    n: int | None
    note: str | None
    evidence: EvidenceOut


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmOut:
    """An arm as one record lays the study out, with all that any source says it received."""

    id: str
    key: str
    label: str
    role: str | None
    is_whole_study: bool
    record: RecordRef
    descriptions: list[ArmDescriptionOut]
    products: list[ProductOut]
    doses: list[DoseOut]
    flow: list[FlowOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDetail:
    id: str
    label: str
    acronym: str | None
    title: str | None
    conditions: list[str]
    phenotype: str | None
    year: int | None
    records: list[RecordRef]
    descriptions: list[StudyDescriptionOut]
    registrations: list[StudyRegistrationOut]
    reports: list[ReportOut]
    overlaps: list[OverlapOut]
    arms: list[ArmOut]
    results: list[ResultOut]
    adverse_events: list[AdverseEventOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationSummary:
    id: str
    number: str
    registry: str | None
    title: str | None
    sponsor: str | None
    country: str | None
    phase: str | None
    status: str | None
    n_registered: int | None
    n_is_actual: bool | None
    start: str | None
    completion: str | None
    has_results: bool | None
    studies: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredStudy:
    study: StudyRef
    basis: str | None
    record: RecordRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredWork:
    work: WorkLink
    kind: str  # "result" makes it a report; "background" and "derived" are reading
    record: RecordRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationDetail:
    id: str
    number: str
    aliases: list[str]
    registry: str | None
    title: str | None
    sponsor: str | None
    country: str | None
    phase: str | None
    status: str | None
    n_registered: int | None
    n_is_actual: bool | None
    start: str | None
    primary_completion: str | None
    completion: str | None
    results_posted: str | None
    updated: str | None
    has_results: bool | None
    listed_pmids: list[str]
    planned_outcomes: list[dict[str, Any]]
    caveats: list[str]
    note: str | None
    studies: list[RegisteredStudy]
    works: list[RegisteredWork]
    evidence: EvidenceOut | None
    record: RecordRef | None


# -- lists ---------------------------------------------------------------------------------------


def _has(table: Any, *on: Condition) -> Condition:
    return sa.exists(sa.select(1).select_from(table).where(*on))


def _count(table: Any, *on: Condition, of: type[Any]) -> Any:
    return sa.select(sa.func.count()).select_from(table).where(*on).correlate(of).scalar_subquery()


def _some(table: Any, *on: Condition) -> Any:
    return lambda condition: _has(table, *on, condition)


_THIS = col(Study.id)
_PRODUCT = sa.join(CellProduct, Arm, col(Arm.id) == col(CellProduct.arm_id))
_DOSE = sa.join(DoseEvent, Arm, col(Arm.id) == col(DoseEvent.arm_id))

STUDIES = Listing(
    name="studies",
    source=Study,
    id=_THIS,
    order="year:desc,label",
    searched=col(Study.label).concat(" ").concat(sa.func.coalesce(col(Study.title), "")),
    always=(col(Study.merged_into_id).is_(None),),
    fields={
        "label": Field(about="Its short name", column=col(Study.label)),
        "condition": Field(
            about="multiple sclerosis ...", column=col(Study.conditions), reads=Reads.LISTED
        ),
        "phenotype": Field(
            about="Words of the phenotype", column=col(Study.phenotype), reads=Reads.WORDS
        ),
        "year": Field(
            about="Year of its first report", column=col(Study.year), reads=Reads.INTEGER
        ),
        "has_results": Field(
            about="Outcome results are held",
            column=_has(Result, col(Result.study_id) == _THIS),
            reads=Reads.BOOLEAN,
        ),
        "has_adverse_events": Field(
            about="Adverse-event statements are held",
            column=_has(AdverseEvent, col(AdverseEvent.study_id) == _THIS),
            reads=Reads.BOOLEAN,
        ),
        "has_overlap": Field(
            about="May share participants with another study",
            column=_has(
                StudyOverlap,
                sa.or_(col(StudyOverlap.study_id) == _THIS, col(StudyOverlap.other_id) == _THIS),
            ),
            reads=Reads.BOOLEAN,
        ),
        "registration": Field(
            about="Registered as NCT03778333 ...",
            column=col(StudyRegistration.registration_id),
            reads=Reads.ROW,
            resolve=resolve_registration,
            within=_some(StudyRegistration, col(StudyRegistration.study_id) == _THIS),
        ),
        "report": Field(
            about="Reported by this work: W1, a DOI ...",
            column=col(Report.work_id),
            reads=Reads.ROW,
            resolve=resolve_work,
            within=_some(Report, col(Report.study_id) == _THIS),
        ),
        "source": Field(
            about="Who describes it",
            column=col(StoredRecord.source),
            within=_some(StoredRecord, col(StoredRecord.study_id) == _THIS),
        ),
        "key": Field(
            about="What a record of it is called: MS_IACOBAEUS_2019",
            column=col(StoredRecord.key),
            within=_some(StoredRecord, col(StoredRecord.study_id) == _THIS),
        ),
        "country": Field(
            about="As described",
            column=col(StudyDescription.country),
            reads=Reads.WORDS,
            within=_some(StudyDescription, col(StudyDescription.study_id) == _THIS),
        ),
        "phase": Field(
            about="As described",
            column=col(StudyDescription.phase),
            within=_some(StudyDescription, col(StudyDescription.study_id) == _THIS),
        ),
        "tissue": Field(
            about="Tissue an arm's cells came from: BM, bone marrow ...",
            column=col(CellProduct.tissue),
            means=partial(means, ProductTerms.TISSUE),
            within=_some(_PRODUCT, col(Arm.study_id) == _THIS),
        ),
        "donor": Field(
            about="autologous, allogeneic ...",
            column=col(CellProduct.donor),
            means=partial(means, ProductTerms.DONOR),
            within=_some(_PRODUCT, col(Arm.study_id) == _THIS),
        ),
        "route": Field(
            about="How an arm's cells were given: IV, intrathecal ...",
            column=col(DoseEvent.route),
            means=partial(means, ProductTerms.ROUTE),
            within=_some(_DOSE, col(Arm.study_id) == _THIS),
        ),
        "results": Field(
            about="How many results are held",
            column=_count(Result, col(Result.study_id) == _THIS, of=Study),
            reads=Reads.INTEGER,
        ),
    },
)

_ENTRY = col(Registration.id)

REGISTRATIONS = Listing(
    name="registrations",
    source=Registration,
    id=_ENTRY,
    order="number",
    searched=col(Registration.number)
    .concat(" ")
    .concat(sa.func.coalesce(col(Registration.title), "")),
    fields={
        "number": Field(about="In its normal form", column=col(Registration.number)),
        "registry": Field(about="ClinicalTrials.gov ...", column=col(Registration.registry_name)),
        "status": Field(about="As the registry says", column=col(Registration.status)),
        "phase": Field(about="As the registry says", column=col(Registration.phase)),
        "sponsor": Field(
            about="Words of the sponsor", column=col(Registration.sponsor), reads=Reads.WORDS
        ),
        "country": Field(
            about="Words of the country", column=col(Registration.country), reads=Reads.WORDS
        ),
        "n_registered": Field(
            about="Participants planned or enrolled",
            column=col(Registration.n_registered),
            reads=Reads.INTEGER,
        ),
        "has_results": Field(
            about="Results are posted in the registry",
            column=col(Registration.has_results),
            reads=Reads.BOOLEAN,
        ),
        "has_study": Field(
            about="A study held here is registered so",
            column=_has(StudyRegistration, col(StudyRegistration.registration_id) == _ENTRY),
            reads=Reads.BOOLEAN,
        ),
        "start": Field(about="Start date as given", column=col(Registration.start)),
        "completion": Field(about="Completion date", column=col(Registration.completion)),
        "work": Field(
            about="Named by, or listing, this work: W1, a DOI ...",
            column=col(WorkRegistration.work_id),
            reads=Reads.ROW,
            resolve=resolve_work,
            within=_some(WorkRegistration, col(WorkRegistration.registration_id) == _ENTRY),
        ),
    },
)


def list_studies(session: Session, asked: Asked, *conditions: Condition) -> Page[StudySummary]:
    found = list_rows(session, STUDIES, asked, *conditions)
    return found.of(study_summaries(session, found.results))


def study_summaries(session: Session, numbers: Sequence[int]) -> list[StudySummary]:
    """In the order given; numbers of no study are left out."""
    rows = session.exec(select(Study).where(col(Study.id).in_(numbers))).all()
    registrations, reports, keys = (defaultdict[int, list[str]](list) for _ in range(3))
    for study_id, number in session.execute(
        sa.select(col(StudyRegistration.study_id), col(Registration.number))
        .join(Registration, col(StudyRegistration.registration_id) == _ENTRY)
        .where(col(StudyRegistration.study_id).in_(numbers))
        .distinct()
        .order_by(col(Registration.number))
    ):
        registrations[study_id].append(number)
    for study_id, work_id in session.execute(
        sa.select(col(Report.study_id), col(Report.work_id))
        .where(col(Report.study_id).in_(numbers))
        .distinct()
        .order_by(col(Report.work_id))
    ):
        reports[study_id].append(public_id(Kind.WORK, work_id))
    for study_id, key in session.execute(
        sa.select(col(StoredRecord.study_id), col(StoredRecord.key))
        .where(col(StoredRecord.study_id).in_(numbers), col(StoredRecord.view) == View.STUDY.value)
        .order_by(col(StoredRecord.key))
    ):
        keys[study_id].append(key)

    def counts(table: type[Arm] | type[Result] | type[AdverseEvent]) -> dict[int, int]:
        column = col(table.study_id)
        query = sa.select(column, sa.func.count()).where(column.in_(numbers)).group_by(column)
        return dict(session.execute(query).all())

    arms, results, events = counts(Arm), counts(Result), counts(AdverseEvent)
    found = {
        row.id or 0: StudySummary(
            id=public_id(Kind.STUDY, row.id or 0),
            label=row.label,
            acronym=row.acronym,
            title=row.title,
            conditions=row.conditions,
            phenotype=row.phenotype,
            year=row.year,
            keys=keys[row.id or 0],
            registrations=registrations[row.id or 0],
            reports=reports[row.id or 0],
            arms=arms.get(row.id or 0, 0),
            results=results.get(row.id or 0, 0),
            adverse_events=events.get(row.id or 0, 0),
        )
        for row in rows
    }
    return in_order(numbers, found)


# -- one study -----------------------------------------------------------------------------------


def read_study(session: Session, study_id: int) -> StudyDetail:
    """The study with this row number (see `kb.store.lookup.resolve_study`), and everything that
    any source says of it."""
    study = session.get_one(Study, study_id)
    records = session.execute(
        sa.select(col(StoredRecord.id))
        .where(col(StoredRecord.study_id) == study_id)
        .order_by(col(StoredRecord.source), col(StoredRecord.key))
    ).scalars()
    return StudyDetail(
        id=public_id(Kind.STUDY, study_id),
        label=study.label,
        acronym=study.acronym,
        title=study.title,
        conditions=study.conditions,
        phenotype=study.phenotype,
        year=study.year,
        records=list(record_refs(session, list(records)).values()),
        descriptions=_descriptions(session, study_id),
        registrations=_registrations(session, study_id),
        reports=_reports(session, study_id),
        overlaps=_overlaps(session, study_id),
        arms=_arms(session, study_id),
        results=results_of_study(session, study_id),
        adverse_events=adverse_events_of_study(session, study_id),
    )


def _descriptions(session: Session, study_id: int) -> list[StudyDescriptionOut]:
    rows = session.exec(
        select(StudyDescription)
        .where(StudyDescription.study_id == study_id)
        .order_by(col(StudyDescription.id))
    ).all()
    evidence = read_evidence(session, [row.evidence_id for row in rows])
    return [
        StudyDescriptionOut(
            **row.model_dump(exclude={"id", "study_id", "record_id", "evidence_id"}),
            evidence=evidence[row.evidence_id],
        )
        for row in rows
    ]


def _registrations(session: Session, study_id: int) -> list[StudyRegistrationOut]:
    rows = session.execute(
        sa.select(StudyRegistration, Registration)
        .join(Registration, col(StudyRegistration.registration_id) == _ENTRY)
        .where(col(StudyRegistration.study_id) == study_id)
        .order_by(col(Registration.number), col(StudyRegistration.record_id))
    ).all()
    records = record_refs(session, [link.record_id for link, _ in rows])
    return [
        StudyRegistrationOut(
            id=public_id(Kind.REGISTRATION, entry.id or 0),
            number=entry.number,
            registry=entry.registry_name,
            title=entry.title,
            status=entry.status,
            n_registered=entry.n_registered,
            n_is_actual=entry.n_is_actual,
            basis=link.basis,
            planned_outcomes=entry.planned_outcomes,
            caveats=entry.caveats,
            note=entry.note,
            record=records[link.record_id],
        )
        for link, entry in rows
    ]


def _reports(session: Session, study_id: int) -> list[ReportOut]:
    rows = session.exec(
        select(Report)
        .where(Report.study_id == study_id)
        .order_by(col(Report.work_id), Report.basis)
    ).all()
    works = work_links(session, [row.work_id for row in rows])
    records = record_refs(session, [row.record_id for row in rows])
    notices: dict[int, list[ReportNotice]] = defaultdict(list)
    for notice in session.exec(
        select(Notice)
        .where(col(Notice.work_id).in_(set(works)))
        .order_by(col(Notice.date).nulls_last(), col(Notice.id))
    ):
        notices[notice.work_id].append(ReportNotice(kind=notice.kind, date=notice.date))
    grouped: dict[int, ReportOut] = {}
    for row in rows:
        report = grouped.setdefault(
            row.work_id,
            ReportOut(work=works[row.work_id], basis=[], records=[], notices=notices[row.work_id]),
        )
        report.records.append(records[row.record_id])
        if row.basis not in report.basis:
            report.basis.append(row.basis)
    return list(grouped.values())


def _overlaps(session: Session, study_id: int) -> list[OverlapOut]:
    """Overlaps that somebody states, then those that a report in common makes possible."""
    rows = session.exec(
        select(StudyOverlap)
        .where(
            sa.or_(col(StudyOverlap.study_id) == study_id, col(StudyOverlap.other_id) == study_id)
        )
        .order_by(StudyOverlap.certainty, col(StudyOverlap.study_id), col(StudyOverlap.other_id))
    ).all()
    others = [row.other_id if row.study_id == study_id else row.study_id for row in rows]
    shared = {
        report.study_id: report
        for report in _reports_in_common(session, study_id)
        if report.study_id not in others
    }
    labels = study_refs(session, [*others, *shared])
    said_by = [row.record_id for row in rows] + [report.record_id for report in shared.values()]
    records = record_refs(session, said_by)
    stated = [
        OverlapOut(
            other=labels[other],
            kind=row.kind,
            certainty=row.certainty,
            reason=row.reason,
            is_inverse=row.study_id != study_id,
            record=records[row.record_id],
        )
        for row, other in zip(rows, others)
    ]
    possible = [
        OverlapOut(
            other=labels[other],
            kind="may share participants",
            certainty="possible",
            reason=f"{public_id(Kind.WORK, report.work_id)} is said to report both",
            is_inverse=False,
            record=records[report.record_id],
        )
        for other, report in sorted(shared.items())
    ]
    return stated + possible


def _reports_in_common(session: Session, study_id: int) -> Sequence[Report]:
    """What is said of other studies' reports where the work reports this study too."""
    own = sa.select(col(Report.work_id)).where(col(Report.study_id) == study_id)
    return session.exec(
        select(Report)
        .where(col(Report.work_id).in_(own), Report.study_id != study_id)
        .order_by(col(Report.study_id), col(Report.work_id).desc(), col(Report.record_id))
    ).all()


def study_refs(session: Session, numbers: Sequence[int]) -> dict[int, StudyRef]:
    rows = session.execute(sa.select(_THIS, col(Study.label)).where(_THIS.in_(set(numbers))))
    return {
        number: StudyRef(id=public_id(Kind.STUDY, number), label=label) for number, label in rows
    }


def _arms(session: Session, study_id: int) -> list[ArmOut]:
    arms = session.exec(
        select(Arm)
        .where(Arm.study_id == study_id)
        .order_by(col(Arm.record_id), col(Arm.is_whole_study), col(Arm.id))
    ).all()
    numbers = [arm.id for arm in arms]
    records = record_refs(session, [arm.record_id for arm in arms])
    descriptions = _rows_of_arms(session, ArmDescription, numbers)
    products = _rows_of_arms(session, CellProduct, numbers)
    doses = _rows_of_arms(session, DoseEvent, numbers)
    flow = _rows_of_arms(session, ParticipantFlow, numbers)
    evidence = read_evidence(
        session,
        [
            row.evidence_id
            for rows in (descriptions, products, doses, flow)
            for of_arm in rows.values()
            for row in of_arm
        ],
    )
    beside = {"id", "arm_id", "record_id", "evidence_id", "product_id", "key"}

    def out(kind: Any, row: Any, **more: Any) -> Any:
        return kind(**row.model_dump(exclude=beside), **more, evidence=evidence[row.evidence_id])

    return [
        ArmOut(
            id=public_id(Kind.ARM, arm.id or 0),
            key=arm.key,
            label=arm.label,
            role=arm.role,
            is_whole_study=arm.is_whole_study,
            record=records[arm.record_id],
            descriptions=[
                out(
                    ArmDescriptionOut,
                    row,
                    comparator_terms=_terms(ProductTerms.COMPARATOR, row.comparator),
                )
                for row in descriptions[arm.id or 0]
            ],
            products=[
                out(
                    ProductOut,
                    row,
                    id=public_id(Kind.PRODUCT, row.id),
                    tissue_terms=_terms(ProductTerms.TISSUE, row.tissue),
                    donor_terms=_terms(ProductTerms.DONOR, row.donor),
                )
                for row in products[arm.id or 0]
            ],
            doses=[
                out(
                    DoseOut,
                    row,
                    id=public_id(Kind.DOSE, row.id),
                    product=row.product_id and public_id(Kind.PRODUCT, row.product_id),
                    unit_terms=_terms(ProductTerms.DOSE_UNIT, row.unit),
                    basis_terms=_terms(ProductTerms.DOSE_BASIS, row.basis),
                    route_terms=_terms(ProductTerms.ROUTE, row.route),
                )
                for row in doses[arm.id or 0]
            ],
            flow=[out(FlowOut, row) for row in flow[arm.id or 0]],
        )
        for arm in arms
    ]


def _terms(kind: ProductTerms, text: str | None) -> list[Term]:
    return list(normalise(kind, text)) if text else []


def _rows_of_arms(
    session: Session, table: Any, numbers: Sequence[int | None]
) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    query = select(table).where(col(table.arm_id).in_(numbers)).order_by(col(table.id))
    for row in session.exec(query):
        found[row.arm_id].append(row)
    return found


# -- registrations -------------------------------------------------------------------------------


def list_registrations(session: Session, asked: Asked) -> Page[RegistrationSummary]:
    found = list_rows(session, REGISTRATIONS, asked)
    rows = session.exec(select(Registration).where(_ENTRY.in_(found.results))).all()
    studies = defaultdict(list)
    for registration_id, study_id in session.execute(
        sa.select(col(StudyRegistration.registration_id), col(StudyRegistration.study_id))
        .where(col(StudyRegistration.registration_id).in_(found.results))
        .distinct()
        .order_by(col(StudyRegistration.study_id))
    ):
        studies[registration_id].append(public_id(Kind.STUDY, study_id))
    summaries = {
        row.id or 0: RegistrationSummary(
            id=public_id(Kind.REGISTRATION, row.id or 0),
            number=row.number,
            registry=row.registry_name,
            title=row.title,
            sponsor=row.sponsor,
            country=row.country,
            phase=row.phase,
            status=row.status,
            n_registered=row.n_registered,
            n_is_actual=row.n_is_actual,
            start=row.start,
            completion=row.completion,
            has_results=row.has_results,
            studies=studies[row.id or 0],
        )
        for row in rows
    }
    return found.of(in_order(found.results, summaries))


def read_registration(session: Session, registration_id: int) -> RegistrationDetail:
    """The entry with this row number (see `kb.store.lookup.resolve_registration`)."""
    row = session.get_one(Registration, registration_id)
    aliases = session.exec(
        select(RegistrationAlias.number)
        .where(RegistrationAlias.registration_id == registration_id)
        .order_by(RegistrationAlias.number)
    ).all()
    links = session.exec(
        select(StudyRegistration)
        .where(StudyRegistration.registration_id == registration_id)
        .order_by(col(StudyRegistration.study_id), col(StudyRegistration.record_id))
    ).all()
    listed = session.exec(
        select(WorkRegistration)
        .where(WorkRegistration.registration_id == registration_id)
        .order_by(col(WorkRegistration.work_id), WorkRegistration.kind)
    ).all()
    records = record_refs(
        session,
        [row.record_id, *(link.record_id for link in links), *(link.record_id for link in listed)],
    )
    studies = study_refs(session, [link.study_id for link in links])
    works = work_links(session, [link.work_id for link in listed])
    return RegistrationDetail(
        id=public_id(Kind.REGISTRATION, registration_id),
        number=row.number,
        aliases=list(aliases),
        registry=row.registry_name,
        title=row.title,
        sponsor=row.sponsor,
        country=row.country,
        phase=row.phase,
        status=row.status,
        n_registered=row.n_registered,
        n_is_actual=row.n_is_actual,
        start=row.start,
        primary_completion=row.primary_completion,
        completion=row.completion,
        results_posted=row.results_posted,
        updated=row.updated,
        has_results=row.has_results,
        listed_pmids=row.listed_pmids,
        planned_outcomes=row.planned_outcomes,
        caveats=row.caveats,
        note=row.note,
        studies=[
            RegisteredStudy(
                study=studies[link.study_id], basis=link.basis, record=records[link.record_id]
            )
            for link in links
        ],
        works=[
            RegisteredWork(work=works[link.work_id], kind=link.kind, record=records[link.record_id])
            for link in listed
        ],
        evidence=read_evidence(session, [row.evidence_id]).get(row.evidence_id or 0),
        record=records.get(row.record_id or 0),
    )
