"""A small base that holds every kind of node and edge, and bare works for path tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlmodel import Session, SQLModel

from kb.models import tables as t

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def add(session: Session, *rows: SQLModel) -> None:
    """Insert in the order given: what is referred to comes first."""
    for row in rows:
        session.add(row)
        session.flush()


def a_work(number: int, title: str | None = None) -> t.Work:
    return t.Work(id=number, title=title, changed_at=NOW)


def citing_works(session: Session, pairs: Iterable[tuple[int, int]], *, works: int) -> None:
    """Works 1 to `works`, and the citations between them."""
    session.add_all([a_work(n) for n in range(1, works + 1)])
    session.flush()
    session.add_all([t.Cites(citing_id=a, cited_id=b) for a, b in sorted(set(pairs))])
    session.flush()


def a_record(number: int, source: str = "curated") -> t.StoredRecord:
    return t.StoredRecord(
        id=number,
        source=source,
        key=f"key {number}",
        view="study",
        payload_id=1,
        content="{}",
        content_sha256="0" * 64,
        first_seen=NOW,
        changed_at=NOW,
    )


def every_kind(session: Session) -> None:
    """At least one edge of every kind, around study S1 and its report W1."""
    add(
        session,
        t.StoredPayload(
            id=1,
            source="curated",
            request="results.csv",
            status=200,
            fetched_at=NOW,
            current_since=NOW,
            sha256="0" * 64,
            size=0,
            body=b"",
        ),
        a_record(1),
        a_record(2, "registry"),
        t.Venue(id=1, name="J Clin Med"),
        t.VenueKey(key="issn:2077-0383", venue_id=1),
        t.Work(id=1, title="Seven infused patients", venue_id=1, changed_at=NOW),
        t.WorkIdentifier(scheme="doi", value="10.3390/jcm8122102", work_id=1),
        a_work(2, "Protocol"),
        a_work(3),
        t.Cites(citing_id=1, cited_id=2),
        t.Cites(citing_id=3, cited_id=1),
        t.CitationAssertion(citing_id=1, cited_id=2, record_id=1, source="crossref"),
        t.CitationAssertion(citing_id=1, cited_id=2, record_id=2, source="openalex"),
        t.Author(id=1, name="Iacobaeus E"),
        t.Authorship(work_id=1, position=1, author_id=1, name="Iacobaeus E"),
        t.Authorship(work_id=1, position=2, name="Known by name alone"),
        t.Concept(id=1, scheme="mesh", key="D009103", label="Multiple Sclerosis"),
        t.WorkConcept(work_id=1, concept_id=1, is_major=True),
        t.Funder(id=1, key="a funder", name="A Funder"),
        t.WorkFunding(work_id=1, funder_id=1, award=""),
        t.WorkFunding(work_id=1, funder_id=1, award="2015-1"),
        t.Notice(id=1, work_id=1, notice_work_id=2, kind="correction", date="2020-01"),
        t.NoticeAssertion(notice_id=1, record_id=1, source="crossref"),
        t.WorkRelation(work_id=1, kind="has preprint", other_id=2, record_id=1),
        t.WorkRelation(work_id=1, kind="has preprint", other_id=2, record_id=2),
        t.WorkRelation(work_id=1, kind="commented by", other_id=2, record_id=1),
        t.Evidence(
            id=1,
            record_id=1,
            payload_id=1,
            work_id=1,
            kind="full text table",
            document="10.3390/jcm8122102",
            locator="table 2",
            standing="primary_source",
        ),
        t.Study(id=1, label="Iacobaeus 2019", acronym="MESEMS"),
        t.Study(id=2, label="A follow-up"),
        t.StudyDescription(study_id=1, record_id=1, evidence_id=1, n_treated=7),
        t.Registration(id=1, number="NCT01730547", evidence_id=1),
        t.RegistrationAlias(number="EudraCT 2012-000518-13", registration_id=1),
        t.StudyRegistration(study_id=1, registration_id=1, record_id=1, basis="stated"),
        t.StudyRegistration(study_id=1, registration_id=1, record_id=2),
        t.WorkRegistration(work_id=1, registration_id=1, record_id=1, kind="named by the work"),
        t.Report(work_id=1, study_id=1, record_id=1, basis="curated"),
        t.Report(work_id=1, study_id=1, record_id=2, basis="registry result"),
        t.StudyOverlap(
            study_id=2, other_id=1, record_id=1, kind="follow-up of", certainty="certain"
        ),
        t.Arm(id=1, study_id=1, record_id=1, key="msc", label="MSC"),
        t.Arm(id=2, study_id=1, record_id=1, key="placebo", label="Placebo"),
        t.ArmDescription(arm_id=1, record_id=1, evidence_id=1, label="MSC", n_treated=7),
        t.CellProduct(id=1, arm_id=1, record_id=1, evidence_id=1, tissue="bone marrow"),
        t.DoseEvent(
            id=1,
            arm_id=1,
            product_id=1,
            record_id=1,
            evidence_id=1,
            low=1.0,
            high=2.0,
            unit="10^6 cells/kg",
        ),
        t.ParticipantFlow(arm_id=1, record_id=1, key="1", evidence_id=1, milestone="started", n=7),
        t.ParticipantFlow(
            arm_id=1, record_id=1, key="2", evidence_id=1, milestone="completed", n=5
        ),
        t.OutcomeDefinition(id=1, title="No new T2 lesions"),
        t.OutcomeDefinition(id=2, title="New or enlarging T2 lesions", code="T2_NEW"),
        t.OutcomeMatch(
            outcome_id=1,
            definition_id=2,
            category="complement",
            confirmed_by="a reviewer",
            confirmed_at=NOW,
        ),
        t.OutcomeWork(outcome_id=2, work_id=2),
        t.Timepoint(id=1, study_id=1, value=0.0, unit="day"),
        t.Timepoint(id=2, study_id=1, value=24.0, unit="week", text="week 24"),
        t.Population(id=1, study_id=1, analysis_set="completers"),
        t.Derivation(id=1, rule="complement", statement="6 - 5 = 1 of 6"),
        a_result(1),
        a_result(2, origin="computed", derivation_id=1),
        a_result(
            3,
            kind="contrast",
            comparator_id=2,
            timepoint_id=2,
            baseline_timepoint_id=1,
            population_id=1,
        ),
        t.ResultCell(result_id=1, name="events", value=5.0, text="5", state="reported"),
        t.ResultCell(result_id=1, name="n_analysed", value=6.0, text="6", state="reported"),
        t.ResultCell(result_id=1, name="percent", state="not_reported"),
        t.DerivationInput(derivation_id=1, result_id=1, cell="events"),
        t.DerivationInput(derivation_id=1, result_id=1, cell="n_analysed"),
        t.AdverseEvent(
            id=1,
            study_id=1,
            arm_id=1,
            record_id=1,
            key="1",
            term="Fever",
            timepoint_id=2,
            state="not_reported",
            evidence_id=1,
        ),
    )


def a_result(
    number: int,
    *,
    kind: str = "arm",
    origin: str = "reported",
    comparator_id: int | None = None,
    timepoint_id: int | None = None,
    baseline_timepoint_id: int | None = None,
    population_id: int | None = None,
    derivation_id: int | None = None,
) -> t.Result:
    return t.Result(
        id=number,
        study_id=1,
        record_id=1,
        key=str(number),
        kind=kind,
        arm_id=1,
        comparator_id=comparator_id,
        outcome_id=1,
        outcome_title="No new T2 lesions",
        timepoint_id=timepoint_id,
        baseline_timepoint_id=baseline_timepoint_id,
        population_id=population_id,
        state="reported",
        origin=origin,
        derivation_id=derivation_id,
        evidence_id=1,
    )
