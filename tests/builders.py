"""Rows for tests that read: each function inserts the smallest valid thing and says only what the
test is about. Nothing here decides anything; what records become is tested where it is decided.

Rows are returned as Any, because the tables type an id as one that may not be there yet."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

import orjson
from sqlmodel import Session, SQLModel, select

from kb.models import tables as t

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
T = TypeVar("T", bound=SQLModel)
_numbers = count(1)


def kept(session: Session, table: type[T], **values: Any) -> T:
    row = table(**values)
    session.add(row)
    session.flush()
    return row


def a_payload(session: Session, body: bytes = b"{}", **values: Any) -> Any:
    values = {
        "source": "crossref",
        "request": f"GET /works/{next(_numbers)}",
        "status": 200,
        "media_type": "application/json",
        "fetched_at": NOW,
        "current_since": NOW,
        "sha256": "0" * 64,
        "size": len(body),
        "body": zlib.compress(body),
    } | values
    return kept(session, t.StoredPayload, **values)


def a_record(
    session: Session,
    *,
    work: t.Work | None = None,
    study: t.Study | None = None,
    content: Any = None,
    **values: Any,
) -> Any:
    values = {
        "source": "crossref" if study is None else "curated",
        "key": f"key {next(_numbers)}",
        "view": "work" if study is None else "study",
        "content_sha256": "0" * 64,
        "first_seen": NOW,
        "changed_at": NOW,
    } | values
    if study is not None and content is None:
        # The least that can be read as a record of a study.
        content = {"source": values["source"], "key": values["key"], "label": study.label}
    values.setdefault("content", orjson.dumps(content or {}).decode())
    if "payload_id" not in values:
        values["payload_id"] = a_payload(session, source=values["source"]).id
    return kept(
        session, t.StoredRecord, work_id=work and work.id, study_id=study and study.id, **values
    )


def a_work(
    session: Session,
    *,
    doi: str | None = None,
    pmid: str | None = None,
    pmcid: str | None = None,
    openalex: str | None = None,
    **values: Any,
) -> Any:
    work = kept(session, t.Work, **{"changed_at": NOW, "is_described": True} | values)
    schemes = {"doi": doi, "pmid": pmid, "pmcid": pmcid, "openalex": openalex}
    for scheme, value in schemes.items():
        if value:
            kept(session, t.WorkIdentifier, scheme=scheme, value=value, work_id=work.id)
    return work


def a_citation(session: Session, citing: t.Work, cited: t.Work, source: str = "crossref") -> None:
    record = a_record(session, work=citing, source=source)
    if session.get(t.Cites, (citing.id, cited.id)) is None:
        kept(session, t.Cites, citing_id=citing.id, cited_id=cited.id)
    kept(
        session,
        t.CitationAssertion,
        citing_id=citing.id,
        cited_id=cited.id,
        record_id=record.id,
        source=source,
    )


def a_notice(
    session: Session, work: t.Work, kind: str = "retraction", *sources: str, **values: Any
) -> Any:
    notice = kept(session, t.Notice, work_id=work.id, kind=kind, **values)
    for source in sources or ("crossref",):
        record = a_record(session, work=work, source=source)
        kept(
            session,
            t.NoticeAssertion,
            notice_id=notice.id,
            record_id=record.id,
            source=source,
            asserted_by="publisher",
        )
    return notice


def a_study(session: Session, label: str = "a study", key: str | None = None, **values: Any) -> Any:
    """The study, with one record of it that carries `key`."""
    study = kept(session, t.Study, label=label, **values)
    a_record(session, study=study, **_named(key))
    return study


def _named(key: str | None) -> dict[str, Any]:
    return {"key": key} if key else {}


def record_of(session: Session, study: t.Study) -> Any:
    found = session.exec(select(t.StoredRecord).where(t.StoredRecord.study_id == study.id)).first()
    assert found is not None
    return found


def evidence(session: Session, study: t.Study, **values: Any) -> Any:
    record = record_of(session, study)
    values = {
        "kind": "abstract",
        "document": "10.3390/jcm8122102",
        "locator": "abstract",
        "standing": "primary_source",
    } | values
    return kept(session, t.Evidence, record_id=record.id, payload_id=record.payload_id, **values)


def an_arm(session: Session, study: t.Study, key: str = "msc", **values: Any) -> Any:
    values = {"label": key} | values
    return kept(
        session, t.Arm, study_id=study.id, record_id=record_of(session, study).id, key=key, **values
    )


def of_arm(session: Session, arm: t.Arm, table: type[SQLModel], **values: Any) -> Any:
    """A description, product, dose or flow row of the arm, with evidence of its own."""
    study = session.get_one(t.Study, arm.study_id)
    values = {"evidence_id": evidence(session, study).id, "record_id": arm.record_id} | values
    return kept(session, table, arm_id=arm.id, **values)


def an_outcome(session: Session, code: str | None = "EDSS", **values: Any) -> Any:
    if code is not None:
        held = session.exec(
            select(t.OutcomeDefinition).where(t.OutcomeDefinition.code == code)
        ).first()
        if held is not None:
            return held
    return kept(session, t.OutcomeDefinition, **{"code": code, "title": code or "?"} | values)


def a_timepoint(session: Session, study: t.Study, **values: Any) -> Any:
    return kept(session, t.Timepoint, study_id=study.id, **values)


def a_result(
    session: Session,
    arm: t.Arm,
    cells: Mapping[str, float | dict[str, Any]] | None = None,
    *,
    outcome: t.OutcomeDefinition | None = None,
    timepoint: t.Timepoint | None = None,
    **values: Any,
) -> Any:
    """Cells by name: a number stands for that number as reported, a dict for the whole row."""
    study = session.get_one(t.Study, arm.study_id)
    outcome = outcome or an_outcome(session)
    values = {
        "key": f"result {next(_numbers)}",
        "kind": "arm",
        "outcome_title": outcome.title,
        "state": "reported",
        "evidence_id": evidence(session, study).id,
    } | values
    result = kept(
        session,
        t.Result,
        study_id=study.id,
        record_id=arm.record_id,
        arm_id=arm.id,
        outcome_id=outcome.id,
        timepoint_id=timepoint and timepoint.id,
        **values,
    )
    for name, cell in (cells or {}).items():
        if not isinstance(cell, dict):
            cell = {"value": cell, "text": f"{cell:g}", "state": "reported"}
        kept(session, t.ResultCell, result_id=result.id, name=name, **cell)
    return result


def derived_from(
    session: Session, inputs: list[tuple[t.Result, str]], rule: str, statement: str
) -> Any:
    derivation = kept(session, t.Derivation, rule=rule, statement=statement)
    for result, cell in inputs:
        kept(
            session, t.DerivationInput, derivation_id=derivation.id, result_id=result.id, cell=cell
        )
    return derivation


def an_adverse_event(session: Session, arm: t.Arm, **values: Any) -> Any:
    study = session.get_one(t.Study, arm.study_id)
    values = {
        "key": f"event {next(_numbers)}",
        "state": "reported",
        "evidence_id": evidence(session, study).id,
    } | values
    return kept(
        session, t.AdverseEvent, study_id=study.id, arm_id=arm.id, record_id=arm.record_id, **values
    )


def a_registration(
    session: Session, number: str, *studies: t.Study, basis: str | None = None, **values: Any
) -> Any:
    registration = kept(session, t.Registration, number=number, **values)
    for study in studies:
        kept(
            session,
            t.StudyRegistration,
            study_id=study.id,
            registration_id=registration.id,
            record_id=record_of(session, study).id,
            basis=basis,
        )
    return registration


def reported_by(session: Session, study: t.Study, work: t.Work, basis: str = "curated") -> None:
    kept(
        session,
        t.Report,
        work_id=work.id,
        study_id=study.id,
        record_id=record_of(session, study).id,
        basis=basis,
    )


def the_seed_study(session: Session) -> Any:
    """Iacobaeus 2019: one arm, denominators 7, 6 and 5, a complement and a dose range."""
    work = a_work(
        session,
        doi="10.3390/jcm8122102",
        pmid="31810187",
        pmcid="PMC6947442",
        title="Short and Long Term Clinical and Immunologic Follow up after Bone Marrow "
        "Mesenchymal Stromal Cell Therapy in Progressive Multiple Sclerosis",
        year=2019,
        type="article",
        authors_text="Iacobaeus E, Kadri N",
    )
    study = a_study(
        session,
        "Iacobaeus 2019",
        "MS_IACOBAEUS_2019",
        conditions=["multiple sclerosis"],
        phenotype="progressive MS",
        year=2019,
    )
    reported_by(session, study, work)
    a_registration(
        session, "NCT03778333", study, basis="inferred: sponsor, N, dose", n_registered=7
    )
    arm = an_arm(session, study, "msc", label="autologous BM-MSC IV", role="experimental")
    of_arm(session, arm, t.ArmDescription, label=arm.label, n_treated=7, n_completed=5)
    product = of_arm(
        session, arm, t.CellProduct, intervention="MSC", tissue="bone marrow", donor="autologous"
    )
    of_arm(
        session,
        arm,
        t.DoseEvent,
        product_id=product.id,
        low=1.0,
        high=2.0,
        unit="10^6 cells/kg",
        n_administrations=1,
        route="intravenous",
    )
    week_12 = a_timepoint(session, study, value=12, unit="week", anchor="treatment", days=84)
    week_48 = a_timepoint(session, study, value=48, unit="week", anchor="treatment", days=336)
    t2 = an_outcome(session, "T2_NEW", title="new T2 lesions", better="lower")
    common: dict[str, Any] = {"statistic": "person_count", "outcome": t2}
    complement = a_result(
        session,
        arm,
        {"n_analysed": 6, "events": 5},
        timepoint=week_12,
        outcome_title="no new T2 lesions",
        category="complement",
        better="higher",
        **common,
    )
    derivation = derived_from(
        session,
        [(complement, "n_analysed"), (complement, "events")],
        "complement",
        "6 - 5 = 1 of 6",
    )
    a_result(
        session,
        arm,
        {
            "n_analysed": 6,
            "events": {"value": 1, "state": "reported", "origin": "computed"},
        },
        timepoint=week_12,
        outcome_title="new T2 lesions",
        category="event",
        origin="computed",
        derivation_id=derivation.id,
        **common,
    )
    a_result(
        session,
        arm,
        {"n_analysed": 5, "events": 3},
        timepoint=week_48,
        outcome_title="new T2 lesions",
        category="event",
        **common,
    )
    an_adverse_event(
        session, arm, code="AE_ANY", n_at_risk=7, state="not_reported", note="no counts given"
    )
    return study
