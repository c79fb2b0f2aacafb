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

from kb.models.evidence import (
    AdverseEventClaim,
    ArmClaim,
    EvidenceClaim,
    FlowClaim,
    Origin,
    RegistrationClaim,
    ReportClaim,
    ResultClaim,
    StudyRecord,
    TimepointClaim,
)
from kb.models.records import View, from_json
from kb.models.tables import (
    AdverseEvent,
    Arm,
    ArmDescription,
    CellProduct,
    Derivation,
    DerivationInput,
    DoseEvent,
    Evidence,
    OutcomeDefinition,
    ParticipantFlow,
    Population,
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
from kb.outcomes.vocabulary import load_vocabulary
from kb.store.links import find_or_make_work
from kb.store.records import Change, find_record, keep_record
from kb.store.reports import find_or_make_registration, find_registration, link_reports, main_study

WHOLE_STUDY = "all"
# Link bases too weak to join two studies by; the registration is shown with the basis all the same.
_WEAK = ("probable", "possible")
REGISTRIES = ("clinicaltrials",)


def save_study_record(
    session: Session,
    record: StudyRecord,
    payload_id: int,
    now: datetime,
    files: Mapping[str, int] | None = None,
) -> tuple[Change, int]:
    """Keep the record and bring study, arms, results and links up to date. Returns the study's id.

    `files` names the payloads of the tables the statements were entered in, by file name
    ("results.csv"); a statement without one stands in the record's own payload.
    """
    stored, change = keep_record(session, record, payload_id, now)
    assert stored.id is not None
    if change is Change.UNCHANGED and stored.study_id is not None:
        return change, stored.study_id
    study_id = _study(session, stored, record)
    stored.study_id = study_id
    session.add(stored)
    session.flush()
    _describe(session, study_id)
    _Writer(session, record, stored.id, study_id, payload_id, files or {}, now).write()
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
    old = session.exec(select(Evidence).where(Evidence.record_id == stored.id)).all()
    for claim in record.registrations:
        evidence_id = None
        if claim.evidence is not None:
            row = _evidence_row(session, claim.evidence, stored.id, payload_id, files, now)
            evidence_id = row.id
        save_registration(session, claim, stored, evidence_id)
    for gone in old:
        session.delete(gone)
    session.flush()


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
        if find_registration(session, alias) is None:
            session.add(RegistrationAlias(number=alias, registration_id=row.id))
    session.flush()
    return row.id


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


def _values(row: SQLModel) -> tuple[Any, ...]:
    return tuple(row.model_dump().values())


# -- which study ---------------------------------------------------------------------------------


def _study(session: Session, stored: StoredRecord, record: StudyRecord) -> int:
    """The study this record describes.

    Registration numbers join records to studies. Two records of one curator are two studies
    whatever they are registered under (a follow-up is registered with its trial); a registry entry
    joins the study that is registered under it; studies that are known to a registry alone become
    one when a curator says so.
    """
    if stored.study_id is not None:
        return stored.study_id
    linked = _registered_studies(session, record)
    if record.source in REGISTRIES:
        if linked:
            return linked[0]
    else:
        free = [s for s in linked if not _has_record_of(session, s, record.source)]
        if free:
            for other in free[1:]:
                merge_studies(session, loser=other, survivor=free[0])
            return free[0]
    study = Study(label=record.label)
    session.add(study)
    session.flush()
    assert study.id is not None
    return study.id


def _registered_studies(session: Session, record: StudyRecord) -> list[int]:
    """Studies registered under the record's numbers; an entry's main study first."""
    found: dict[int, None] = {}
    for claim in record.registrations:
        if not claim.is_linked or (claim.link_basis or "").startswith(_WEAK):
            continue
        registration = find_registration(session, claim.number)
        if registration is None or registration.id is None:
            continue
        main = main_study(session, registration.id)
        if main is not None:
            found.setdefault(main)
        for row in session.exec(
            select(StudyRegistration)
            .where(StudyRegistration.registration_id == registration.id)
            .order_by(col(StudyRegistration.study_id))
        ):
            if not (row.basis or "").startswith(_WEAK):
                found.setdefault(row.study_id)
    return list(found)


def _has_record_of(session: Session, study_id: int, source: str) -> bool:
    query = select(StoredRecord.id).where(
        StoredRecord.study_id == study_id, StoredRecord.source == source
    )
    return session.exec(query.limit(1)).first() is not None


_OF_STUDY: tuple[type[Any], ...] = (
    StoredRecord,
    StudyDescription,
    Arm,
    Timepoint,
    Population,
    Result,
    AdverseEvent,
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
    gone = session.get(Study, loser)
    assert gone is not None
    gone.merged_into_id = survivor
    session.add(gone)
    session.flush()
    session.expire_all()


def _describe(session: Session, study_id: int) -> None:
    """The study's heading from all its records: a curator's words before a registry's."""
    stored = session.exec(
        select(StoredRecord)
        .where(StoredRecord.study_id == study_id)
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
    """Writes the rows of one study record. Lives for one call of `save_study_record`."""

    def __init__(
        self,
        session: Session,
        record: StudyRecord,
        record_id: int,
        study_id: int,
        payload_id: int,
        files: Mapping[str, int],
        now: datetime,
    ) -> None:
        self.session = session
        self.record = record
        self.record_id = record_id
        self.study_id = study_id
        self.payload_id = payload_id
        self.files = files
        self.now = now
        self.arms: dict[str, int] = {}
        self.evidence_ids: dict[EvidenceClaim, int] = {}

    def write(self) -> None:
        old_evidence = self._ids(Evidence)
        self._write_registrations()
        self._write_reports()
        self._write_description()
        self._write_arms()
        self._write_flow()
        self._write_results()
        self._write_adverse_events()
        self._drop_unused_arms()
        self._delete(Evidence, old_evidence)

    # Registrations and reports

    def _write_registrations(self) -> None:
        stored = self.session.get(StoredRecord, self.record_id)
        assert stored is not None
        held = self._own(StudyRegistration)
        affected = {row.registration_id for row in held}
        for row in held:
            self.session.delete(row)
        self.session.flush()
        for claim in {c.number: c for c in self.record.registrations}.values():
            evidence = self._evidence(claim.evidence) if claim.evidence else None
            registration_id = save_registration(self.session, claim, stored, evidence)
            affected.add(registration_id)
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
        for registration_id in sorted(affected):
            link_reports(self.session, registration_id)

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
        for row in self._own(StudyDescription):
            self.session.delete(row)
        self.session.flush()
        claim = self.record.description
        if claim is None:
            return
        values = {f: getattr(claim, f) for f in claim.__dataclass_fields__ if f != "evidence"}
        values["caveats"] = list(claim.caveats)
        self.session.add(
            StudyDescription(
                study_id=self.study_id,
                record_id=self.record_id,
                evidence_id=self._evidence(claim.evidence),
                **values,
            )
        )
        self.session.flush()

    def _write_arms(self) -> None:
        for table in (DoseEvent, CellProduct, ArmDescription):
            for row in self._own(table):
                self.session.delete(row)
            self.session.flush()
        for claim in self.record.arms:
            self._write_arm(claim)

    def _write_arm(self, claim: ArmClaim) -> None:
        arm_id = self._arm(claim.key, claim.label, claim.role)
        evidence_id = self._evidence(claim.evidence)
        shared: dict[str, Any] = {
            "arm_id": arm_id,
            "record_id": self.record_id,
            "evidence_id": evidence_id,
        }
        self.session.add(
            ArmDescription(
                **shared,
                label=claim.label,
                role=claim.role,
                description=claim.description,
                n_randomised=claim.n_randomised,
                n_treated=claim.n_treated,
                n_analysed=claim.n_analysed,
                n_completed=claim.n_completed,
                comparator=claim.comparator,
                caveats=list(claim.caveats),
                note=claim.note,
            )
        )
        product_id = None
        if claim.product is not None:
            product = CellProduct(**shared, **asdict(claim.product))
            self.session.add(product)
            self.session.flush()
            product_id = product.id
        if claim.dose is not None:
            self.session.add(DoseEvent(**shared, product_id=product_id, **asdict(claim.dose)))
        self.session.flush()

    def _arm(self, key: str, label: str | None = None, role: str | None = None) -> int:
        if key not in self.arms:
            row = self.session.exec(
                select(Arm).where(Arm.record_id == self.record_id, Arm.key == key)
            ).first()
            row = row or Arm(study_id=self.study_id, record_id=self.record_id, key=key, label=key)
            row.study_id = self.study_id
            row.is_whole_study = key == WHOLE_STUDY
            row.label = label or ("all participants" if row.is_whole_study else key)
            row.role = role
            self.session.add(row)
            self.session.flush()
            assert row.id is not None
            self.arms[key] = row.id
        return self.arms[key]

    def _drop_unused_arms(self) -> None:
        used = set(self.arms.values())
        for row in self._own(Arm):
            if row.id not in used:
                self.session.delete(row)
        self.session.flush()

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

        self._sync(ParticipantFlow, {c.key: values(c) for c in self.record.flow})

    def _write_results(self) -> None:
        results = self.record.results
        derived = derive_results(results)
        old_derivations = {r.derivation_id for r in self._own(Result) if r.derivation_id}
        new_derivations = {made.claim.key: self._derivation(made) for made in derived}
        wanted = {claim.key: self._result(claim) for claim in results}
        for made in derived:
            wanted[made.claim.key] = {
                **self._result(made.claim),
                "origin": Origin.COMPUTED.value,
                "derivation_id": new_derivations[made.claim.key],
            }
        self._clear_cells()
        rows = self._sync(Result, wanted)
        for claim in (*results, *(made.claim for made in derived)):
            for cell in claim.cells:
                self.session.add(
                    ResultCell(
                        result_id=rows[claim.key],
                        name=cell.name.value,
                        value=cell.value,
                        text=cell.text,
                        state=cell.state.value,
                        origin=cell.origin.value,
                    )
                )
        for made in derived:
            for key, cell_name in made.inputs:
                self.session.add(
                    DerivationInput(
                        derivation_id=new_derivations[made.claim.key],
                        result_id=rows[key],
                        cell=cell_name.value,
                    )
                )
        self.session.flush()
        self._delete(Derivation, old_derivations)

    def _clear_cells(self) -> None:
        """Cells and derivation inputs of this record are written anew; results keep their ids."""
        ids = sa.select(col(Result.id)).where(col(Result.record_id) == self.record_id)
        self.session.execute(
            sa.delete(DerivationInput).where(col(DerivationInput.result_id).in_(ids))
        )
        self.session.execute(sa.delete(ResultCell).where(col(ResultCell.result_id).in_(ids)))

    def _derivation(self, made: DerivedResult) -> int:
        row = Derivation(rule=made.rule, statement=made.statement)
        self.session.add(row)
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

        self._sync(AdverseEvent, {c.key: values(c) for c in self.record.adverse_events})

    # What several rows share

    def _evidence(self, claim: EvidenceClaim) -> int:
        """One row per place in a document; equal claims of this record share it."""
        if claim not in self.evidence_ids:
            row = _evidence_row(
                self.session, claim, self.record_id, self.payload_id, self.files, self.now
            )
            assert row.id is not None
            self.evidence_ids[claim] = row.id
        return self.evidence_ids[claim]

    def _outcome(self, claim: ResultClaim) -> int:
        """The vocabulary's definition of the code; without a code, the source's own wording."""
        if claim.outcome_code is not None:
            known = self.session.exec(
                select(OutcomeDefinition).where(OutcomeDefinition.code == claim.outcome_code)
            ).first()
            row = known or _from_vocabulary(claim.outcome_code)
        else:
            known = self.session.exec(
                select(OutcomeDefinition).where(
                    OutcomeDefinition.record_id == self.record_id,
                    OutcomeDefinition.title == claim.outcome_title,
                    col(OutcomeDefinition.unit).is_not_distinct_from(claim.unit),
                )
            ).first()
            row = known or OutcomeDefinition(
                title=claim.outcome_title, unit=claim.unit, record_id=self.record_id
            )
        if known is None:
            self.session.add(row)
            self.session.flush()
        assert row.id is not None
        return row.id

    def _timepoint(self, claim: TimepointClaim | None) -> int | None:
        if claim is None or claim == TimepointClaim():
            return None
        values = asdict(claim)
        known = self.session.exec(_same(Timepoint, study_id=self.study_id, **values)).first()
        if known is None:
            in_days = None
            if claim.value is not None and claim.unit is not None:
                in_days = days(claim.value, claim.unit)
            known = Timepoint(study_id=self.study_id, days=in_days, **values)
            self.session.add(known)
            self.session.flush()
        return known.id  # type: ignore[no-any-return]

    def _population(self, claim: ResultClaim) -> int | None:
        if claim.population is None and claim.subgroup is None:
            return None
        values: dict[str, Any] = {
            "study_id": self.study_id,
            "analysis_set": claim.population,
            "subgroup": claim.subgroup,
        }
        known = self.session.exec(_same(Population, **values)).first()
        if known is None:
            known = Population(**values)
            self.session.add(known)
            self.session.flush()
        return known.id  # type: ignore[no-any-return]

    # Rows of this record

    def _own(self, table: type[Any]) -> Sequence[Any]:
        return self.session.exec(select(table).where(table.record_id == self.record_id)).all()

    def _ids(self, table: type[Any]) -> set[int]:
        return {row.id for row in self._own(table)}

    def _sync(self, table: type[Any], wanted: Mapping[str, dict[str, Any]]) -> dict[str, int]:
        """Insert, update and delete so that the record's rows are those wanted; ids by key."""
        held = {row.key: row for row in self._own(table)}
        for key in held.keys() - wanted.keys():
            self.session.delete(held.pop(key))
        self.session.flush()
        for key, values in wanted.items():
            row = held.get(key)
            if row is None:
                row = held[key] = table(record_id=self.record_id, key=key, **values)
            else:
                for name, value in values.items():
                    if getattr(row, name) != value:
                        setattr(row, name, value)
            self.session.add(row)
        self.session.flush()
        return {key: row.id for key, row in held.items()}

    def _delete(self, table: type[Any], ids: Iterable[int]) -> None:
        gone = sorted(ids)
        for start in range(0, len(gone), 500):
            self.session.execute(sa.delete(table).where(table.id.in_(gone[start : start + 500])))
        self.session.flush()


def _evidence_row(
    session: Session,
    claim: EvidenceClaim,
    record_id: int,
    payload_id: int,
    files: Mapping[str, int],
    now: datetime,
) -> Evidence:
    file = (claim.row or "").partition(":")[0]
    row = Evidence(
        record_id=record_id,
        payload_id=files.get(file, payload_id),
        work_id=find_or_make_work(session, claim.work, now),
        kind=claim.kind,
        document=claim.document,
        locator=claim.locator,
        standing=claim.standing.value,
        quote=claim.quote,
        row=claim.row,
    )
    session.add(row)
    session.flush()
    return row


def _same(table: type[Any], **values: Any) -> Any:
    query = select(table)
    for name, value in values.items():
        query = query.where(getattr(table, name).is_not_distinct_from(value))
    return query.order_by(table.id).limit(1)


def _from_vocabulary(code: str) -> OutcomeDefinition:
    known = load_vocabulary().get(code)
    if known is None:
        # A curator's own code: a definition without a range, in the words given.
        return OutcomeDefinition(code=code, title=code)
    return OutcomeDefinition(
        code=code,
        title=known.name,
        unit=known.unit,
        low=known.low,
        high=known.high,
        step=known.step,
        better=known.better,
        note=known.notes,
        version=known.version,
    )
