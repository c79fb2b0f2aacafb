"""Studies, their registrations and reports, arms and what the arms received.

Every row that one source asserts names the record it came from (`record_id`) and the key it has
there, so that a changed record replaces its own rows and nobody else's.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.evidence import Standing
from kb.models.tables.base import one_of


class Study(SQLModel, table=True):
    """An investigation with participants, whatever it was published as or registered under."""

    __tablename__ = "study"

    id: int | None = Field(default=None, primary_key=True)
    label: str
    acronym: str | None = None
    title: str | None = Field(default=None, sa_type=sa.Text)
    conditions: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    phenotype: str | None = None
    year: int | None = None
    merged_into_id: int | None = Field(default=None, foreign_key="study.id")


class Registration(SQLModel, table=True):
    """A registry entry, as the registry describes it where it was seen, else as others name it."""

    __tablename__ = "registration"

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(unique=True)  # normal form
    registry_name: str | None = None
    title: str | None = Field(default=None, sa_type=sa.Text)
    sponsor: str | None = None
    country: str | None = None
    phase: str | None = None
    status: str | None = None
    n_registered: int | None = None
    n_is_actual: bool | None = None
    start: str | None = None
    primary_completion: str | None = None
    completion: str | None = None
    results_posted: str | None = None
    updated: str | None = None
    has_results: bool | None = None
    listed_pmids: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    planned_outcomes: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)
    caveats: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    note: str | None = Field(default=None, sa_type=sa.Text)
    evidence_id: int | None = Field(default=None, foreign_key="evidence.id", index=True)
    record_id: int | None = Field(default=None, foreign_key="record.id", index=True)


class RegistrationAlias(SQLModel, table=True):
    """Another number of the same entry."""

    __tablename__ = "registration_alias"

    number: str = Field(primary_key=True)
    registration_id: int = Field(foreign_key="registration.id", index=True)


class StudyRegistration(SQLModel, table=True):
    """Study registered as, and on whose word."""

    __tablename__ = "study_registration"

    study_id: int = Field(primary_key=True, foreign_key="study.id")
    registration_id: int = Field(primary_key=True, foreign_key="registration.id", index=True)
    record_id: int = Field(primary_key=True, foreign_key="record.id", index=True)
    basis: str | None = None  # "stated by the report", "inferred: sponsor, n, dose"


class WorkRegistration(SQLModel, table=True):
    """A work's record names a registration, or the registry lists the work. Only some of these
    make the work a report: see `Report`."""

    __tablename__ = "work_registration"

    work_id: int = Field(primary_key=True, foreign_key="work.id")
    registration_id: int = Field(primary_key=True, foreign_key="registration.id", index=True)
    record_id: int = Field(primary_key=True, foreign_key="record.id", index=True)
    kind: str = Field(primary_key=True)  # "named by the work", "background", "derived", "result"


class Report(SQLModel, table=True):
    """Work reports study, and on whose word."""

    __tablename__ = "report"

    work_id: int = Field(primary_key=True, foreign_key="work.id")
    study_id: int = Field(primary_key=True, foreign_key="study.id", index=True)
    record_id: int = Field(primary_key=True, foreign_key="record.id", index=True)
    basis: str  # "curated", "registry result", "registration named by pubmed"


class StudyOverlap(SQLModel, table=True):
    """Participants that may stand in two studies. Do not pool them together."""

    __tablename__ = "study_overlap"

    study_id: int = Field(primary_key=True, foreign_key="study.id")
    other_id: int = Field(primary_key=True, foreign_key="study.id", index=True)
    record_id: int = Field(primary_key=True, foreign_key="record.id", index=True)
    kind: str
    certainty: str
    reason: str | None = Field(default=None, sa_type=sa.Text)


class Evidence(SQLModel, table=True):
    """Where a statement stands. `payload_id` is where it was read or entered from."""

    __tablename__ = "evidence"
    __table_args__ = (sa.CheckConstraint(one_of("standing", Standing), name="standing"),)

    id: int | None = Field(default=None, primary_key=True)
    record_id: int = Field(foreign_key="record.id", index=True)
    payload_id: int = Field(foreign_key="payload.id", index=True)
    work_id: int | None = Field(default=None, foreign_key="work.id", index=True)
    kind: str
    document: str = Field(sa_type=sa.Text)
    locator: str = Field(sa_type=sa.Text)
    standing: str
    quote: str | None = Field(default=None, sa_type=sa.Text)
    row: str | None = None  # "results.csv:150"


class StudyDescription(SQLModel, table=True):
    """The study as one source describes it."""

    __tablename__ = "study_description"

    id: int | None = Field(default=None, primary_key=True)
    study_id: int = Field(foreign_key="study.id", index=True)
    record_id: int = Field(foreign_key="record.id", unique=True)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    design: str | None = None
    allocation: str | None = None
    masking: str | None = None
    phase: str | None = None
    purpose: str | None = None
    study_type: str | None = None
    country: str | None = Field(default=None, sa_type=sa.Text)
    n_enrolled: int | None = None
    n_randomised: int | None = None
    n_treated: int | None = None
    n_analysed: int | None = None
    n_completed: int | None = None
    followup_value: float | None = None
    followup_unit: str | None = None
    followup_text: str | None = None
    eligibility: str | None = Field(default=None, sa_type=sa.Text)
    caveats: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    note: str | None = Field(default=None, sa_type=sa.Text)


class Arm(SQLModel, table=True):
    """An arm as one record lays the study out. Arms of two records are never matched silently."""

    __tablename__ = "arm"
    __table_args__ = (sa.UniqueConstraint("record_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    study_id: int = Field(foreign_key="study.id", index=True)
    record_id: int = Field(foreign_key="record.id")
    key: str
    label: str = Field(sa_type=sa.Text)
    role: str | None = None
    is_whole_study: bool = False  # all participants together: not an arm that was assigned


class ArmDescription(SQLModel, table=True):
    """What one source says of an arm. Two that disagree are two rows."""

    __tablename__ = "arm_description"

    id: int | None = Field(default=None, primary_key=True)
    arm_id: int = Field(foreign_key="arm.id", index=True)
    record_id: int = Field(foreign_key="record.id", index=True)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    label: str = Field(sa_type=sa.Text)
    role: str | None = None
    description: str | None = Field(default=None, sa_type=sa.Text)
    n_randomised: int | None = None
    n_treated: int | None = None
    n_analysed: int | None = None
    n_completed: int | None = None
    comparator: str | None = None
    caveats: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    note: str | None = Field(default=None, sa_type=sa.Text)


class CellProduct(SQLModel, table=True):
    """The cell product an arm received, as one source describes it."""

    __tablename__ = "cell_product"

    id: int | None = Field(default=None, primary_key=True)
    arm_id: int = Field(foreign_key="arm.id", index=True)
    record_id: int = Field(foreign_key="record.id", index=True)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    intervention: str | None = Field(default=None, sa_type=sa.Text)
    tissue: str | None = None
    donor: str | None = None
    passage_low: int | None = None
    passage_high: int | None = None
    is_cryopreserved: bool | None = None
    viability_text: str | None = None
    note: str | None = Field(default=None, sa_type=sa.Text)


class DoseEvent(SQLModel, table=True):
    """One dose as reported. A range stays a range and nothing is converted here."""

    __tablename__ = "dose_event"

    id: int | None = Field(default=None, primary_key=True)
    arm_id: int = Field(foreign_key="arm.id", index=True)
    product_id: int | None = Field(default=None, foreign_key="cell_product.id", index=True)
    record_id: int = Field(foreign_key="record.id", index=True)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    basis: str | None = None
    n_administrations: int | None = None
    n_administrations_text: str | None = None
    interval_text: str | None = None
    route: str | None = None


class ParticipantFlow(SQLModel, table=True):
    """Participants of an arm at one milestone, or lost for one reason."""

    __tablename__ = "participant_flow"
    __table_args__ = (sa.UniqueConstraint("record_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    arm_id: int = Field(foreign_key="arm.id", index=True)
    record_id: int = Field(foreign_key="record.id")
    key: str = Field(sa_type=sa.Text)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    period: str | None = Field(default=None, sa_type=sa.Text)
    milestone: str = Field(sa_type=sa.Text)
    reason: str | None = Field(default=None, sa_type=sa.Text)
    n: int | None = None
    note: str | None = Field(default=None, sa_type=sa.Text)
