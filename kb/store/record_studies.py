"""A study record comes in, from a registry or a curator's tables: one door, one transaction.

Rows are keyed by (record, key in the record), so a changed record updates its own rows, keeps
their public ids, and touches nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from kb.errors import NotFound
from kb.models.evidence import (
    AdverseEventClaim,
    ArmClaim,
    EvidenceClaim,
    FlowClaim,
    Origin,
    RegistrationClaim,
    ReportClaim,
    ResultClaim,
    Status,
    StudyRecord,
    TimepointClaim,
    collection_of,
)
from kb.models.identifiers import Identifier
from kb.models.records import View, from_json
from kb.models.tables import (
    AdverseEvent,
    Appraisal,
    Arm,
    ArmDescription,
    CellProduct,
    Decision,
    DecisionInput,
    Derivation,
    DerivationInput,
    DoseEvent,
    Evidence,
    OutcomeDefinition,
    OutcomeMatch,
    ParticipantFlow,
    Population,
    Registration,
    RegistrationAlias,
    Report,
    Result,
    ResultCell,
    StoredRecord,
    Study,
    StudyDescription,
    StudyOverlap,
    StudyRegistration,
    Timepoint,
    WorkRegistration,
)
from kb.outcomes.rules import DerivedResult, derive_results
from kb.outcomes.timepoints import days
from kb.store.definitions import find_or_make_definition
from kb.store.links import find_or_make_work
from kb.store.records import Change, find_record, keep_record
from kb.store.reports import (
    find_or_make_registration,
    find_registration,
    is_firm,
    link_reports,
    main_study,
    works_naming,
)
from kb.store.statuses import read_family, refresh_statuses

WHOLE_STUDY = "all"
REGISTRIES = ("clinicaltrials",)


def save_study_record(
    session: Session,
    record: StudyRecord,
    payload_id: int,
    now: datetime,
    files: Mapping[str, int] | None = None,
    *,
    who: str | None = None,
    why: str | None = None,
) -> tuple[Change, int]:
    """Keep the record and bring study, arms, results and links up to date. Returns the study's id.

    `files` names the payloads of the tables the statements were entered in, by file name
    ("results.csv"); a statement without one stands in the record's own payload. A record in a
    brief view adds to the study of the record it is `about`, which is held.
    """
    stored, change = keep_record(session, record, payload_id, now, who=who, why=why)
    assert stored.id is not None
    if change is Change.UNCHANGED and stored.study_id is not None:
        return change, stored.study_id
    family = read_family(session, record)
    study_id = _study(session, stored, record, family)
    stored.study_id = study_id
    session.add(stored)
    session.flush()
    _describe(session, study_id)
    relatives = [row.id for row in family if row.id not in (None, stored.id)]
    _Writer(session, record, stored.id, study_id, payload_id, files or {}, now, relatives).write()
    refresh_statuses(session, record)
    return change, study_id


def save_registrations(
    session: Session,
    record: StudyRecord,
    stored: StoredRecord,
    payload_id: int,
    files: Mapping[str, int],
    now: datetime,
) -> None:
    """The registrations of a record that stands for no study."""
    assert stored.id is not None
    writer = _Writer(session, record, stored.id, None, payload_id, files, now)
    writer.write_registrations_alone(stored)


def save_registration(
    session: Session,
    claim: RegistrationClaim,
    stored: StoredRecord,
    evidence_id: int | None,
) -> int:
    """The registration's row. What the registry itself says wins over what others say of it;
    neither ever blanks the other."""
    assert stored.id is not None
    row = find_or_make_registration(session, claim.number, claim.registry)
    is_own = stored.source in REGISTRIES and stored.key == claim.number
    values = {
        "registry_name": claim.registry,
        "title": claim.title,
        "sponsor": claim.sponsor,
        "country": claim.country,
        "phase": claim.phase,
        "status": claim.status,
        "n_registered": claim.n_registered,
        "n_is_actual": claim.n_is_actual,
        "start": claim.start,
        "primary_completion": claim.primary_completion,
        "completion": claim.completion,
        "results_posted": claim.results_posted,
        "updated": claim.updated,
        "has_results": claim.has_results,
        "listed_pmids": list(claim.listed_pmids) or None,
        "planned_outcomes": [asdict(o) for o in claim.planned_outcomes] or None,
        "caveats": list(claim.caveats) or None,
        "note": claim.note,
    }
    for name, value in values.items():
        held = getattr(row, name)
        if value is not None and (is_own or held is None or held == []):
            setattr(row, name, value)
    if is_own or row.record_id in (None, stored.id):
        row.record_id, row.evidence_id = stored.id, evidence_id
    session.add(row)
    session.flush()
    assert row.id is not None
    for alias in claim.aliases:
        _alias(session, alias, row.id)
    session.flush()
    return row.id


def _alias(session: Session, number: str, registration_id: int) -> None:
    """Make the number another one of the entry.

    Where works named it before as an entry of its own, they named this one.
    """
    known = find_registration(session, number)
    if known is not None and (known.id == registration_id or known.record_id is not None):
        return
    if known is not None:
        for table in (WorkRegistration, StudyRegistration):
            column = col(table.registration_id)
            move = sa.update(table).where(column == known.id)
            session.execute(move.values(registration_id=registration_id))
        session.delete(known)
        session.flush()
    session.add(RegistrationAlias(number=number, registration_id=registration_id))


def link_overlaps(session: Session, source: str, records: Iterable[StudyRecord]) -> None:
    """Overlaps between studies of one source, once all of them are kept."""
    for record in records:
        stored = find_record(session, source, record.key, View.STUDY)
        if stored is None or stored.study_id is None or stored.id is None:
            continue
        wanted = {}
        for overlap in record.overlaps:
            other = find_record(session, source, overlap.other, View.STUDY)
            if other is None or other.study_id in (None, stored.study_id):
                continue
            wanted[other.study_id] = StudyOverlap(
                study_id=stored.study_id,
                other_id=other.study_id,
                record_id=stored.id,
                kind=overlap.kind,
                certainty=overlap.certainty,
                reason=overlap.reason,
            )
        held = session.exec(select(StudyOverlap).where(StudyOverlap.record_id == stored.id)).all()
        if {_values(row) for row in held} == {_values(row) for row in wanted.values()}:
            continue
        session.execute(sa.delete(StudyOverlap).where(col(StudyOverlap.record_id) == stored.id))
        session.add_all(wanted.values())
        session.flush()
        # Which study is an entry's own one depends on which is a follow-up of which.
        registrations = select(StudyRegistration.registration_id).where(
            col(StudyRegistration.study_id).in_([stored.study_id, *filter(None, wanted)])
        )
        link_reports(session, works_naming(session, session.exec(registrations)))


def _values(row: SQLModel) -> tuple[Any, ...]:
    return tuple(row.model_dump().values())


# -- which study ---------------------------------------------------------------------------------


def _study(
    session: Session, stored: StoredRecord, record: StudyRecord, family: Sequence[StoredRecord]
) -> int:
    """The study this record describes.

    Extractors of one collection mean the same study by the same key; two keys of a collection are
    two studies whatever they are registered under (a follow-up is registered with its trial).
    Across collections registration numbers join records to studies; a registry entry joins the
    study that is registered under it; studies that are known to a registry alone become one when a
    curator says so.
    """
    shared = next((row.study_id for row in family if row.study_id is not None), None)
    if record.view is View.BRIEF:
        if shared is None:
            raise NotFound(f"no study {record.about!r} in {collection_of(record.source)}")
        return shared
    linked = _registered_studies(session, record)
    if record.source in REGISTRIES:
        study_id = stored.study_id or next(iter(linked), None)
    else:
        own = collection_of(record.source)
        told = {s: _collections(session, s) for s in linked}
        free = (s for s in linked if own not in told[s])
        study_id = stored.study_id or shared or next(free, None)
        for other in linked:
            if study_id != other and study_id and told[other] <= set(REGISTRIES):
                merge_studies(session, loser=other, survivor=study_id)
    if study_id is None:
        study = Study(label=record.label)
        session.add(study)
        session.flush()
        study_id = study.id
    assert study_id is not None
    return study_id


def _registered_studies(session: Session, record: StudyRecord) -> list[int]:
    """Studies firmly registered under the record's numbers; an entry's main study first."""
    found: dict[int, None] = {}
    for claim in record.registrations:
        if not claim.is_linked or not is_firm(claim.link_basis):
            continue
        registration = find_registration(session, claim.number)
        if registration is None or registration.id is None:
            continue
        main = main_study(session, registration.id, firmly=True)
        if main is not None:
            found.setdefault(main)
        for row in session.exec(
            select(StudyRegistration)
            .where(StudyRegistration.registration_id == registration.id)
            .order_by(col(StudyRegistration.study_id))
        ):
            if is_firm(row.basis):
                found.setdefault(row.study_id)
    return list(found)


def _collections(session: Session, study_id: int) -> set[str]:
    """Those that lay the study out."""
    sources = select(StoredRecord.source).where(
        StoredRecord.study_id == study_id, StoredRecord.view == View.STUDY
    )
    return {collection_of(source) for source in session.exec(sources)}


_OF_STUDY: tuple[type[Any], ...] = (
    Appraisal,
    StoredRecord,
    StudyDescription,
    Arm,
    Timepoint,
    Population,
    Result,
    AdverseEvent,
    Decision,
)
_LINKS_OF_STUDY: tuple[tuple[type[Any], str], ...] = (
    (StudyRegistration, "study_id"),
    (Report, "study_id"),
    (StudyOverlap, "study_id"),
    (StudyOverlap, "other_id"),
)


def merge_studies(session: Session, *, loser: int, survivor: int) -> None:
    """Everything of `loser` becomes `survivor`'s; a pointer stays behind."""
    for table in _OF_STUDY:
        session.execute(sa.update(table).where(table.study_id == loser).values(study_id=survivor))
    for table, name in _LINKS_OF_STUDY:
        column = getattr(table, name)
        for row in session.exec(select(table).where(column == loser)).all():
            values = {**row.model_dump(), name: survivor}
            session.delete(row)
            session.flush()
            keys = [c.key for c in sa.inspect(table).primary_key]
            if session.get(table, tuple(values[k] for k in keys)) is None:
                session.add(table(**values))
            session.flush()
    session.execute(
        sa.delete(StudyOverlap).where(col(StudyOverlap.study_id) == col(StudyOverlap.other_id))
    )
    pointers = sa.or_(col(Study.id) == loser, col(Study.merged_into_id) == loser)
    session.execute(sa.update(Study).where(pointers).values(merged_into_id=survivor))
    session.flush()
    session.expire_all()


def _describe(session: Session, study_id: int) -> None:
    """The study's heading from all its records: a curator's words before a registry's."""
    stored = session.exec(
        select(StoredRecord)
        .where(StoredRecord.study_id == study_id, StoredRecord.view == View.STUDY)
        .order_by(
            col(StoredRecord.source).in_(REGISTRIES),
            col(StoredRecord.source),
            col(StoredRecord.key),
        )
    ).all()
    records = [from_json(StudyRecord, row.content) for row in stored]
    study = session.get(Study, study_id)
    assert study is not None

    def first(name: str) -> Any:
        return next((v for r in records if (v := getattr(r, name)) not in (None, ())), None)

    study.label = first("label") or study.label
    study.acronym = first("acronym")
    study.title = first("title")
    study.conditions = list(first("conditions") or ())
    study.phenotype = first("phenotype")
    study.year = first("year")
    session.add(study)
    session.flush()


# -- writing one record's rows ---------------------------------------------------------------------


class _Writer:
    """Writes the rows of one record. Lives for one call of `save_study_record`."""

    def __init__(
        self,
        session: Session,
        record: StudyRecord,
        record_id: int,
        study_id: int | None,
        payload_id: int,
        files: Mapping[str, int],
        now: datetime,
        relatives: Sequence[int | None] = (),
    ) -> None:
        self.session = session
        self.record = record
        self.record_id = record_id
        self._study_id = study_id
        self.payload_id = payload_id
        self.files = files
        self.now = now
        self.relatives = relatives  # records of the same study in the same collection
        self.arms: dict[str, int] = {}
        self.pools: dict[type[Any], dict[tuple[Any, ...], list[Any]]] = {}
        self.shared: dict[tuple[Any, ...], int] = {}
        self.works: dict[tuple[Identifier, ...], int | None] = {}

    @property
    def study_id(self) -> int:
        assert self._study_id is not None
        return self._study_id

    def write(self) -> None:
        affected = self._write_registrations()
        self._write_reports()
        link_reports(self.session, works_naming(self.session, affected))
        self._write_description()
        self._write_arms()
        self._write_flow()
        self._write_results()
        self._write_adverse_events()
        self._drop_unused()

    def write_registrations_alone(self, stored: StoredRecord) -> None:
        self._save_registrations(stored)
        self._drop_unused_of(Evidence)

    # Registrations and reports

    def _write_registrations(self) -> set[int]:
        """Returns the registrations whose reports may change."""
        stored = self.session.get(StoredRecord, self.record_id)
        assert stored is not None
        held = self._own(StudyRegistration)
        for row in held:
            self.session.delete(row)
        self.session.flush()
        saved = self._save_registrations(stored)
        for registration_id, claim in saved.items():
            if claim.is_linked:
                self.session.add(
                    StudyRegistration(
                        study_id=self.study_id,
                        registration_id=registration_id,
                        record_id=self.record_id,
                        basis=claim.link_basis,
                    )
                )
        self.session.flush()
        return {row.registration_id for row in held} | saved.keys()

    def _save_registrations(self, stored: StoredRecord) -> dict[int, RegistrationClaim]:
        described = set(
            self.session.exec(
                select(Registration.id).where(Registration.record_id == self.record_id)
            )
        )
        saved: dict[int, RegistrationClaim] = {}
        for claim in self.record.registrations:
            evidence = self._evidence(claim.evidence) if claim.evidence else None
            saved.setdefault(save_registration(self.session, claim, stored, evidence), claim)
        for registration_id in described - saved.keys():
            row = self.session.get(Registration, registration_id)
            assert row is not None
            row.record_id = row.evidence_id = None
            self.session.add(row)
        self.session.flush()
        return saved

    def _write_reports(self) -> None:
        for table in (Report, WorkRegistration):
            for row in self._own(table):
                self.session.delete(row)
        self.session.flush()
        for claim in self.record.reports:
            work_id = self._reporting_work(claim)
            key = (work_id, self.study_id, self.record_id)
            if work_id is not None and self.session.get(Report, key) is None:
                self.session.add(
                    Report(
                        work_id=work_id,
                        study_id=self.study_id,
                        record_id=self.record_id,
                        basis=claim.basis,
                    )
                )
                self.session.flush()
        own = next((c.number for c in self.record.registrations if c.is_linked), None)
        registration = find_registration(self.session, own) if own else None
        for background in self.record.background:
            work_id = find_or_make_work(self.session, background.work, self.now)
            if work_id is None or registration is None or registration.id is None:
                continue
            key4 = (work_id, registration.id, self.record_id, background.kind)
            if self.session.get(WorkRegistration, key4) is None:
                self.session.add(
                    WorkRegistration(
                        work_id=work_id,
                        registration_id=registration.id,
                        record_id=self.record_id,
                        kind=background.kind,
                    )
                )
                self.session.flush()

    def _reporting_work(self, claim: ReportClaim) -> int | None:
        if claim.record_key is not None:
            own = find_record(self.session, self.record.source, claim.record_key, View.WORK)
            if own is not None and own.work_id is not None:
                return own.work_id
        return find_or_make_work(self.session, claim.work, self.now)

    # The study and its arms

    def _write_description(self) -> None:
        row = next(iter(self._own(StudyDescription)), None)
        claim = self.record.description
        if claim is None:
            if row is not None:
                self.session.delete(row)
            return
        values = {f: getattr(claim, f) for f in claim.__dataclass_fields__ if f != "evidence"}
        values["caveats"] = list(claim.caveats)
        values["evidence_id"] = self._evidence(claim.evidence)
        values["study_id"] = self.study_id
        if row is None:
            row = StudyDescription(record_id=self.record_id, **values)
        self._set(row, values)
        self.session.flush()

    def _write_arms(self) -> None:
        for claim in self.record.arms:
            self._write_arm(claim)

    def _write_arm(self, claim: ArmClaim) -> None:
        shared: dict[str, Any] = {
            "arm_id": self._arm(claim.key, claim.label, claim.role),
            "record_id": self.record_id,
            "evidence_id": self._evidence(claim.evidence),
        }
        said = {
            name: getattr(claim, name)
            for name in (
                "label", "role", "description", "n_randomised", "n_treated", "n_analysed",
                "n_completed", "comparator", "note",
            )
        }  # fmt: skip
        self._take(ArmDescription, {**shared, **said, "caveats": list(claim.caveats)})
        product_id = None
        if claim.product is not None:
            product_id = self._take(CellProduct, {**shared, **asdict(claim.product)})
        if claim.dose is not None:
            dose = {**shared, "product_id": product_id, **asdict(claim.dose)}
            self._take(DoseEvent, dose)

    def _arm(self, key: str, label: str | None = None, role: str | None = None) -> int:
        if key not in self.arms:
            row = self.session.exec(
                select(Arm)
                .where(col(Arm.record_id).in_([self.record_id, *self.relatives]), Arm.key == key)
                .order_by(col(Arm.record_id) != self.record_id, col(Arm.record_id))
            ).first()
            row = row or Arm(study_id=self.study_id, record_id=self.record_id, key=key, label=key)
            # A relative's arm keeps the name it was given there.
            if row.record_id == self.record_id:
                row.study_id = self.study_id
                row.is_whole_study = key == WHOLE_STUDY
                row.label = label or ("all participants" if row.is_whole_study else key)
                row.role = role
            self.session.add(row)
            self.session.flush()
            assert row.id is not None
            self.arms[key] = row.id
        return self.arms[key]

    # Numbers

    def _write_flow(self) -> None:
        def values(claim: FlowClaim) -> dict[str, Any]:
            return {
                "arm_id": self._arm(claim.arm),
                "evidence_id": self._evidence(claim.evidence),
                "period": claim.period,
                "milestone": claim.milestone,
                "reason": claim.reason,
                "n": claim.n,
                "note": claim.note,
            }

        self._sync(ParticipantFlow, {c.key: values(c) for c in self.record.flow}, kept=set())

    def _write_results(self) -> None:
        results = self.record.results
        derived = derive_results(results)
        old = {r.key: r.derivation_id for r in self._own(Result) if r.derivation_id}
        new_derivations = {
            made.claim.key: self._derivation(made, old.get(made.claim.key)) for made in derived
        }
        wanted = {claim.key: self._result(claim) for claim in results}
        for made in derived:
            wanted[made.claim.key] = {
                **self._result(made.claim),
                "origin": Origin.COMPUTED.value,
                "derivation_id": new_derivations[made.claim.key],
            }
        kept = self._decided_results()
        gone = [row for row in self._own(Result) if row.key not in wanted and row.id in kept]
        self._clear_cells({row.id for row in gone})
        rows = self._sync(Result, wanted, kept)
        cells = [
            {
                "result_id": rows[claim.key],
                "name": cell.name.value,
                "value": cell.value,
                "text": cell.text,
                "state": cell.state.value,
                "origin": cell.origin.value,
            }
            for claim in (*results, *(made.claim for made in derived))
            for cell in claim.cells
        ]
        inputs = [
            {
                "derivation_id": new_derivations[made.claim.key],
                "result_id": rows[key],
                "cell": cell_name.value,
            }
            for made in derived
            for key, cell_name in made.inputs
        ]
        for table, values in ((ResultCell, cells), (DerivationInput, inputs)):
            if values:
                self.session.execute(sa.insert(table), values)
        of_gone = {row.derivation_id for row in gone}
        self._delete(Derivation, set(old.values()) - set(new_derivations.values()) - of_gone)

    def _decided_results(self) -> set[int]:
        """Those of this record that people decided on, and what these were derived from."""
        decided = sa.select(col(DecisionInput.result_id)).join(
            Result, col(Result.id) == col(DecisionInput.result_id)
        )
        found = set(
            self.session.execute(decided.where(col(Result.record_id) == self.record_id)).scalars()
        )
        inputs = (
            sa.select(col(DerivationInput.result_id))
            .join(Result, col(Result.derivation_id) == col(DerivationInput.derivation_id))
            .where(col(Result.id).in_(found))
        )
        return {n for n in (*found, *self.session.execute(inputs).scalars()) if n is not None}

    def _clear_cells(self, kept: set[int | None]) -> None:
        """Cells and derivation inputs of this record are written anew, but of rows that are kept
        as they were; results keep their ids."""
        ids = sa.select(col(Result.id)).where(
            col(Result.record_id) == self.record_id, col(Result.id).not_in(kept)
        )
        derived = sa.select(col(Result.derivation_id)).where(
            col(Result.id).in_(kept), col(Result.derivation_id).is_not(None)
        )
        self.session.execute(
            sa.delete(DerivationInput).where(
                col(DerivationInput.derivation_id).not_in(derived),
                sa.or_(
                    col(DerivationInput.result_id).in_(ids),
                    col(DerivationInput.derivation_id).in_(
                        sa.select(col(Result.derivation_id)).where(
                            col(Result.id).in_(ids), col(Result.derivation_id).is_not(None)
                        )
                    ),
                ),
            )
        )
        self.session.execute(sa.delete(ResultCell).where(col(ResultCell.result_id).in_(ids)))

    def _derivation(self, made: DerivedResult, old: int | None) -> int:
        row = self.session.get(Derivation, old) if old is not None else None
        values = {"rule": made.rule, "statement": made.statement}
        row = row or Derivation(rule=made.rule, statement=made.statement)
        self._set(row, values)
        self.session.flush()
        assert row.id is not None
        return row.id

    def _result(self, claim: ResultClaim) -> dict[str, Any]:
        comparator = self._arm(claim.comparator) if claim.comparator else None
        return {
            "study_id": self.study_id,
            "kind": claim.kind.value,
            "arm_id": self._arm(claim.arm),
            "comparator_id": comparator,
            "outcome_id": self._outcome(claim),
            "outcome_title": claim.outcome_title,
            "category": claim.category.value if claim.category else None,
            "timepoint_id": self._timepoint(claim.time),
            "baseline_timepoint_id": self._timepoint(claim.baseline_time),
            "population_id": self._population(claim),
            "statistic": claim.statistic.value if claim.statistic else None,
            "unit": claim.unit,
            "unit_of_analysis": claim.unit_of_analysis,
            "state": claim.state.value,
            "origin": Origin.REPORTED.value,
            "derivation_id": None,
            "direction": claim.direction,
            "measure": claim.measure,
            "ci_level": claim.ci_level,
            "p_text": claim.p_text,
            "method": claim.method,
            "better": claim.better,
            "is_primary_outcome": claim.is_primary_outcome,
            "caveats": list(claim.caveats),
            "note": claim.note,
            "evidence_id": self._evidence(claim.evidence),
        }

    def _write_adverse_events(self) -> None:
        def values(claim: AdverseEventClaim) -> dict[str, Any]:
            plain = {
                name: getattr(claim, name)
                for name in (
                    "code", "term", "organ_system", "vocabulary", "seriousness", "relatedness",
                    "severity", "assessment", "n_at_risk", "persons_affected", "event_count",
                    "percent", "note",
                )
            }  # fmt: skip
            return {
                **plain,
                "study_id": self.study_id,
                "arm_id": self._arm(claim.arm),
                "timepoint_id": self._timepoint(claim.time),
                "state": claim.state.value,
                "caveats": list(claim.caveats),
                "evidence_id": self._evidence(claim.evidence),
            }

        decided = (
            sa.select(col(DecisionInput.adverse_event_id))
            .join(AdverseEvent, col(AdverseEvent.id) == col(DecisionInput.adverse_event_id))
            .where(col(AdverseEvent.record_id) == self.record_id)
        )
        kept = {n for n in self.session.execute(decided).scalars() if n is not None}
        self._sync(AdverseEvent, {c.key: values(c) for c in self.record.adverse_events}, kept)

    # What several rows share

    def _evidence(self, claim: EvidenceClaim) -> int:
        """One row per place in a document; equal claims of this record share it."""
        file = (claim.row or "").partition(":")[0]
        return self._share(
            Evidence,
            {
                "record_id": self.record_id,
                "work_id": self._work(claim.work),
                "kind": claim.kind,
                "document": claim.document,
                "locator": claim.locator,
                "standing": claim.standing.value,
                "quote": claim.quote,
                "row": claim.row,
            },
            # The same statement may come in a newer file.
            payload_id=self.files.get(file, self.payload_id),
        )

    def _work(self, identifiers: tuple[Identifier, ...]) -> int | None:
        if identifiers not in self.works:
            self.works[identifiers] = find_or_make_work(self.session, identifiers, self.now)
        return self.works[identifiers]

    def _outcome(self, claim: ResultClaim) -> int:
        """The vocabulary's definition of the code; without a code, the source's own wording."""
        code = claim.outcome_code
        if code is None:
            values = {"title": claim.outcome_title, "unit": claim.unit}
            record_id = (
                self.session.execute(
                    sa.select(col(OutcomeDefinition.record_id))
                    .where(
                        col(OutcomeDefinition.record_id).in_(self.relatives),
                        col(OutcomeDefinition.code).is_(None),
                        col(OutcomeDefinition.title) == claim.outcome_title,
                        col(OutcomeDefinition.unit).is_not_distinct_from(claim.unit),
                    )
                    .order_by(col(OutcomeDefinition.record_id))
                )
                .scalars()
                .first()
            )
            owner = record_id or self.record_id
            return self._share(OutcomeDefinition, {**values, "record_id": owner})
        if (OutcomeDefinition, code) not in self.shared:
            row = find_or_make_definition(self.session, code)
            assert row.id is not None
            self.shared[OutcomeDefinition, code] = row.id
        return self.shared[OutcomeDefinition, code]

    def _timepoint(self, claim: TimepointClaim | None) -> int | None:
        if claim is None or claim == TimepointClaim():
            return None
        in_days = days(claim.value, claim.unit)
        return self._share(Timepoint, {"study_id": self.study_id, "days": in_days, **asdict(claim)})

    def _population(self, claim: ResultClaim) -> int | None:
        if claim.population is None and claim.subgroup is None:
            return None
        values = {"analysis_set": claim.population, "subgroup": claim.subgroup}
        return self._share(Population, {"study_id": self.study_id, **values})

    # Rows of this record

    def _own(self, table: type[Any]) -> Sequence[Any]:
        return self.session.exec(select(table).where(table.record_id == self.record_id)).all()

    def _set(self, row: Any, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
        self.session.add(row)

    def _share(self, table: type[Any], values: dict[str, Any], **also: Any) -> int:
        """The row with these values for all who ask for it."""
        key = (table, _frozen(values))
        if key not in self.shared:
            self.shared[key] = self._take(table, values, **also)
        return self.shared[key]

    def _take(self, table: type[Any], values: dict[str, Any], **also: Any) -> int:
        """A row with these values that nobody took yet, of those held before, or a new one.

        Rows that say what they said before keep their ids so. `also` is set, but not compared.
        """
        held = self._pool(table).get(_content(table(**values), *also))
        row = held.pop(0) if held else table(**values, **also)
        self._set(row, also)
        self.session.flush()
        return row.id  # type: ignore[no-any-return]

    def _pool(self, table: type[Any]) -> dict[tuple[Any, ...], list[Any]]:
        """Rows held before, by content: the study's timepoints and populations, which all its
        records share, and of other tables the record's own."""
        if table not in self.pools:
            of_study = table in (Timepoint, Population)
            query = select(table).order_by(table.id)
            if of_study:
                query = query.where(table.study_id == self.study_id)
            elif table is OutcomeDefinition:
                query = query.where(table.record_id.in_([self.record_id, *self.relatives]))
            else:
                query = query.where(table.record_id == self.record_id)
            pool = self.pools[table] = {}
            for row in self.session.exec(query):
                left_out = ("payload_id",) if table is Evidence else ()
                pool.setdefault(_content(row, *left_out), []).append(row)
        return self.pools[table]

    def _drop_unused(self) -> None:
        """Delete what the record no longer says; what refers to a row goes before it."""
        for of_arm in (DoseEvent, CellProduct, ArmDescription):
            self._drop_unused_of(of_arm)
        self._delete(Arm, self._unused_arms())
        self._delete(
            Timepoint,
            self._left(Timepoint)
            - self._used(Result.timepoint_id, Result.baseline_timepoint_id)
            - self._used(AdverseEvent.timepoint_id),
        )
        self._delete(Population, self._left(Population) - self._used(Result.population_id))
        matched = self.session.exec(select(OutcomeMatch.outcome_id))
        self._delete(
            OutcomeDefinition,
            self._left(OutcomeDefinition) - self._used(Result.outcome_id) - set(matched),
        )
        self._delete(
            Evidence,
            self._left(Evidence) - self._used(Result.evidence_id, AdverseEvent.evidence_id),
        )

    def _unused_arms(self) -> set[int]:
        """Arms of this record and its relatives that nothing refers to any more."""
        held = sa.select(col(Arm.id)).where(
            col(Arm.record_id).in_([self.record_id, *self.relatives])
        )
        left = set(self.session.execute(held).scalars()) - set(self.arms.values())
        for column in _OF_ARM:
            if left:
                left -= set(
                    self.session.execute(sa.select(column).where(column.in_(left))).scalars()
                )
        return left

    def _drop_unused_of(self, table: type[Any]) -> None:
        self._delete(table, self._left(table))

    def _left(self, table: type[Any]) -> set[int]:
        return {row.id for rows in self._pool(table).values() for row in rows}

    def _used(self, *columns: Any) -> set[int]:
        """What any record of the study refers to."""
        return {
            used
            for column in columns
            for used in self.session.exec(
                select(column).where(column.class_.study_id == self.study_id).distinct()
            )
        }

    def _sync(
        self, table: type[Any], wanted: Mapping[str, dict[str, Any]], kept: set[int]
    ) -> dict[str, int]:
        """Insert, update and delete so that the record's rows are those wanted; ids by key. Rows in
        `kept` are withdrawn instead of deleted."""
        held = {row.key: row for row in self._own(table)}
        for key in held.keys() - wanted.keys():
            row = held.pop(key)
            if row.id not in kept:
                self.session.delete(row)
            elif row.withdrawn_at is None:
                self._set(row, {"withdrawn_at": self.now, "status": Status.WITHDRAWN.value})
        for row in held.values():
            if getattr(row, "withdrawn_at", None) is not None:
                self._set(row, {"withdrawn_at": None, "status": Status.SINGLE.value})
        self.session.flush()
        for key, values in wanted.items():
            row = held.get(key)
            if row is None:
                row = held[key] = table(record_id=self.record_id, key=key, **values)
            self._set(row, values)
        self.session.flush()
        return {key: row.id for key, row in held.items()}

    def _delete(self, table: type[Any], ids: Iterable[int]) -> None:
        gone = sorted(ids)
        for start in range(0, len(gone), 500):
            self.session.execute(sa.delete(table).where(table.id.in_(gone[start : start + 500])))
        self.session.flush()


# Everything that refers to an arm.
_OF_ARM: tuple[Any, ...] = (
    col(Result.arm_id),
    col(Result.comparator_id),
    col(AdverseEvent.arm_id),
    col(ArmDescription.arm_id),
    col(CellProduct.arm_id),
    col(DoseEvent.arm_id),
    col(ParticipantFlow.arm_id),
)


def _content(row: SQLModel, *left_out: str) -> tuple[Any, ...]:
    return _frozen(row.model_dump(exclude={"id", *left_out}))


def _frozen(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple((n, tuple(v) if isinstance(v, list) else v) for n, v in sorted(values.items()))
