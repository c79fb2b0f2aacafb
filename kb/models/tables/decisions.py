"""What people decided about values: which ones a decision took the place of, who, when and why."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.evidence import DecisionKind
from kb.models.tables.base import UtcDateTime, one_of


class Decision(SQLModel, table=True):
    """A person's word on a value. What was decided is a row of the decision's own record, whose
    payload is the decision as it was sent."""

    __tablename__ = "decision"
    __table_args__ = (sa.CheckConstraint(one_of("kind", DecisionKind), name="kind"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    study_id: int = Field(foreign_key="study.id", index=True)
    record_id: int = Field(foreign_key="record.id", unique=True)
    at: datetime = Field(sa_type=UtcDateTime)
    who: str
    why: str = Field(sa_type=sa.Text)


class DecisionInput(SQLModel, table=True):
    """A row the decision took the place of. No row is superseded twice: who decides on it again
    decides on what stands in its place."""

    __tablename__ = "decision_input"
    __table_args__ = (
        sa.CheckConstraint("(result_id IS NULL) <> (adverse_event_id IS NULL)", name="one_subject"),
    )

    id: int | None = Field(default=None, primary_key=True)
    decision_id: int = Field(foreign_key="decision.id", index=True)
    result_id: int | None = Field(default=None, foreign_key="result.id", unique=True)
    adverse_event_id: int | None = Field(default=None, foreign_key="adverse_event.id", unique=True)
    claim_sha256: str  # of what the row said then: whether its source changed since
