"""How people judged studies, with which tool in which version."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.tables.base import UtcDateTime


class Appraisal(SQLModel, table=True):
    """One assessor's judgement of a study by one tool, or what the assessors agreed on.

    Nothing is overwritten: a later appraisal by the same assessor of the same thing takes its
    place in reading, and both stay.
    """

    __tablename__ = "appraisal"

    id: int | None = Field(default=None, primary_key=True)
    study_id: int = Field(foreign_key="study.id", index=True)
    tool: str  # "RoB 2"
    version: str  # "2019"
    # What of the study: an outcome, a result. None: the study as a whole.
    subject: str | None = Field(default=None, sa_type=sa.Text)
    assessor: str
    is_consensus: bool = False
    at: datetime = Field(sa_type=UtcDateTime)
    overall: str | None = None  # as stated; None: none stated
    overall_support: str | None = Field(default=None, sa_type=sa.Text)
    payload_id: int = Field(foreign_key="payload.id", index=True)


class AppraisalJudgement(SQLModel, table=True):
    """One item's answer. `support` says why, `locator` where in the paper."""

    __tablename__ = "appraisal_judgement"

    appraisal_id: int = Field(primary_key=True, foreign_key="appraisal.id")
    item: str = Field(primary_key=True)
    answer: str
    support: str | None = Field(default=None, sa_type=sa.Text)
    locator: str | None = Field(default=None, sa_type=sa.Text)
