"""Outcomes as data: definitions, timepoints, results cell by cell, derivations, adverse events.

The promise is kept by constraints: a number stands only where the state says it was reported, and
a derived number names its derivation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.evidence import (
    Category,
    CellName,
    Origin,
    ResultKind,
    State,
    Statistic,
    Status,
)
from kb.models.tables.base import UtcDateTime, one_of


class OutcomeDefinition(SQLModel, table=True):
    """What is measured. From the vocabulary (has a code), or as a registry entry words it.

    A row with a code says what the vocabulary says in this `version`; see
    `kb.outcomes.vocabulary` for what each part means. Without a code the parts after `version`
    are None.
    """

    __tablename__ = "outcome_definition"

    id: int | None = Field(default=None, primary_key=True)
    code: str | None = Field(default=None, unique=True)
    title: str = Field(sa_type=sa.Text)
    record_id: int | None = Field(default=None, foreign_key="record.id", index=True)
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    better: str | None = None  # "lower", "higher"; None: depends on context or unknown
    note: str | None = Field(default=None, sa_type=sa.Text)
    version: str | None = None
    variant_of: str | None = None  # code of the definition this narrows
    instrument_version: str | None = None
    statistics: list[str] | None = Field(default=None, sa_type=sa.JSON)
    unused: list[float] | None = Field(default=None, sa_type=sa.JSON)
    thresholds: list[dict[str, Any]] | None = Field(default=None, sa_type=sa.JSON)
    conditions: list[str] | None = Field(default=None, sa_type=sa.JSON)
    synonyms: list[str] | None = Field(default=None, sa_type=sa.JSON)
    concepts: list[str] | None = Field(default=None, sa_type=sa.JSON)  # "mesh:D001423"
    source: str | None = Field(default=None, sa_type=sa.Text)
    unconfirmed: list[str] | None = Field(default=None, sa_type=sa.JSON)  # parts not yet seen


class OutcomeWork(SQLModel, table=True):
    """The work that defines an outcome's instrument, as the vocabulary names it."""

    __tablename__ = "outcome_work"

    outcome_id: int = Field(primary_key=True, foreign_key="outcome_definition.id")
    work_id: int = Field(primary_key=True, foreign_key="work.id", index=True)


class OutcomeMatch(SQLModel, table=True):
    """A person's word that an outcome without a code is one the vocabulary defines.

    `confidence` and `basis` are those of the suggestion at that time, None where there was none.
    """

    __tablename__ = "outcome_match"
    __table_args__ = (
        sa.CheckConstraint(f"category IS NULL OR {one_of('category', Category)}", name="category"),
        sa.CheckConstraint(
            "confidence IS NULL OR (confidence >= 0 AND confidence <= 1)", name="confidence"
        ),
    )

    outcome_id: int = Field(primary_key=True, foreign_key="outcome_definition.id")
    definition_id: int = Field(foreign_key="outcome_definition.id", index=True)
    category: str | None = None  # the side its persons are on, where the wording says so
    confidence: float | None = None
    basis: str | None = Field(default=None, sa_type=sa.Text)
    confirmed_by: str
    confirmed_at: datetime = Field(sa_type=UtcDateTime)
    why: str | None = Field(default=None, sa_type=sa.Text)


class Timepoint(SQLModel, table=True):
    """When, as reported, and the same in days where that follows without guessing."""

    __tablename__ = "timepoint"

    id: int | None = Field(default=None, primary_key=True)
    study_id: int = Field(foreign_key="study.id", index=True)
    value: float | None = None
    unit: str | None = None
    text: str | None = Field(default=None, sa_type=sa.Text)
    anchor: str | None = None
    days: float | None = None  # month = 30.4375 d, year = 365.25 d


class Population(SQLModel, table=True):
    """Whom a result is about, where the source says: an analysis set, a subgroup."""

    __tablename__ = "population"

    id: int | None = Field(default=None, primary_key=True)
    study_id: int = Field(foreign_key="study.id", index=True)
    analysis_set: str | None = Field(default=None, sa_type=sa.Text)
    subgroup: str | None = Field(default=None, sa_type=sa.Text)


class Result(SQLModel, table=True):
    """One value set of an arm at a time, within an arm, or of a contrast. Its numbers are cells."""

    __tablename__ = "result"
    __table_args__ = (
        sa.UniqueConstraint("record_id", "key"),
        sa.CheckConstraint(one_of("kind", ResultKind), name="kind"),
        sa.CheckConstraint(one_of("state", State), name="state"),
        sa.CheckConstraint(one_of("origin", Origin), name="origin"),
        sa.CheckConstraint(
            f"statistic IS NULL OR {one_of('statistic', Statistic)}", name="statistic"
        ),
        sa.CheckConstraint(f"category IS NULL OR {one_of('category', Category)}", name="category"),
        sa.CheckConstraint(
            "origin = 'reported' OR origin = 'author_supplied' OR derivation_id IS NOT NULL",
            name="derived_has_derivation",
        ),
        sa.CheckConstraint("kind = 'contrast' OR comparator_id IS NULL", name="comparator"),
        sa.CheckConstraint(one_of("status", Status), name="status"),
        sa.CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
    )

    id: int | None = Field(default=None, primary_key=True)
    study_id: int = Field(foreign_key="study.id", index=True)
    record_id: int = Field(foreign_key="record.id")
    key: str = Field(sa_type=sa.Text)
    kind: str
    arm_id: int = Field(foreign_key="arm.id", index=True)
    comparator_id: int | None = Field(default=None, foreign_key="arm.id", index=True)
    outcome_id: int = Field(foreign_key="outcome_definition.id", index=True)
    outcome_title: str = Field(sa_type=sa.Text)  # what exactly was measured or counted
    category: str | None = None
    timepoint_id: int | None = Field(default=None, foreign_key="timepoint.id", index=True)
    baseline_timepoint_id: int | None = Field(default=None, foreign_key="timepoint.id", index=True)
    population_id: int | None = Field(default=None, foreign_key="population.id", index=True)
    statistic: str | None = None
    unit: str | None = Field(default=None, sa_type=sa.Text)
    unit_of_analysis: str | None = None
    state: str
    origin: str = "reported"
    derivation_id: int | None = Field(default=None, foreign_key="derivation.id", index=True)
    direction: str | None = None
    measure: str | None = None
    ci_level: float | None = None
    p_text: str | None = None
    method: str | None = Field(default=None, sa_type=sa.Text)
    better: str | None = None
    is_primary_outcome: bool | None = None
    caveats: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    note: str | None = Field(default=None, sa_type=sa.Text)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    # Kept current by `kb.store.statuses`, with every change of a record or decision.
    status: str = Field(default=Status.SINGLE.value, sa_column_kwargs={"server_default": "single"})
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ResultCell(SQLModel, table=True):
    """One number of a result, as printed. A cell that is absent was not reported."""

    __tablename__ = "result_cell"
    __table_args__ = (
        sa.CheckConstraint(one_of("name", CellName), name="name"),
        sa.CheckConstraint(one_of("state", State), name="state"),
        sa.CheckConstraint(one_of("origin", Origin), name="origin"),
        sa.CheckConstraint(
            "value IS NULL OR state IN ('reported', 'reported_zero')",
            name="unreported_has_no_number",
        ),
        # A NULL in a condition would let the row pass.
        sa.CheckConstraint(
            "state <> 'reported_zero' OR (value IS NOT NULL AND value = 0)",
            name="reported_zero_is_zero",
        ),
        {"sqlite_with_rowid": False},
    )

    result_id: int = Field(primary_key=True, foreign_key="result.id")
    name: str = Field(primary_key=True)
    value: float | None = None
    text: str | None = None
    state: str
    origin: str = "reported"


class Derivation(SQLModel, table=True):
    """How a number was made from others: rule and inputs."""

    __tablename__ = "derivation"

    id: int | None = Field(default=None, primary_key=True)
    rule: str  # id of the rule in kb.outcomes.rules
    statement: str = Field(sa_type=sa.Text)  # "6 - 5 = 1 of 6"


class DerivationInput(SQLModel, table=True):
    __tablename__ = "derivation_input"

    derivation_id: int = Field(primary_key=True, foreign_key="derivation.id")
    result_id: int = Field(primary_key=True, foreign_key="result.id", index=True)
    cell: str = Field(primary_key=True)


class AdverseEvent(SQLModel, table=True):
    """One adverse-event statement for one arm. Persons and events are two numbers."""

    __tablename__ = "adverse_event"
    __table_args__ = (
        sa.UniqueConstraint("record_id", "key"),
        sa.CheckConstraint(one_of("state", State), name="state"),
        sa.CheckConstraint(
            "state IN ('reported', 'reported_zero') OR (persons_affected IS NULL"
            " AND event_count IS NULL AND percent IS NULL)",
            name="unreported_has_no_number",
        ),
        sa.CheckConstraint(
            "state <> 'reported_zero' OR (COALESCE(persons_affected, 0) = 0"
            " AND COALESCE(event_count, 0) = 0 AND COALESCE(percent, 0) = 0)",
            name="reported_zero_is_zero",
        ),
        sa.CheckConstraint(one_of("status", Status), name="status"),
        sa.CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
    )

    id: int | None = Field(default=None, primary_key=True)
    study_id: int = Field(foreign_key="study.id", index=True)
    arm_id: int = Field(foreign_key="arm.id", index=True)
    record_id: int = Field(foreign_key="record.id")
    key: str = Field(sa_type=sa.Text)
    code: str | None = None
    term: str | None = Field(default=None, sa_type=sa.Text)
    organ_system: str | None = None
    vocabulary: str | None = None
    seriousness: str | None = None
    relatedness: str | None = None
    severity: str | None = None
    assessment: str | None = None
    timepoint_id: int | None = Field(default=None, foreign_key="timepoint.id", index=True)
    n_at_risk: int | None = None
    persons_affected: int | None = None
    event_count: int | None = None
    percent: float | None = None
    state: str
    caveats: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    note: str | None = Field(default=None, sa_type=sa.Text)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    # Kept current by `kb.store.statuses`, with every change of a record or decision.
    status: str = Field(default=Status.SINGLE.value, sa_column_kwargs={"server_default": "single"})
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
