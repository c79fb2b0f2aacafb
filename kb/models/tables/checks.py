"""What people said to the findings of the checks."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.tables.base import UtcDateTime


class Acceptance(SQLModel, table=True):
    """Who accepted a finding, or took that back, when and why. The last word on a finding counts.

    Findings are computed, not stored: `key` is `kb.outcomes.checks.finding.Finding.key`.
    """

    __tablename__ = "acceptance"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True)
    check: str
    is_accepted: bool
    by: str = Field(sa_type=sa.Text)
    at: datetime = Field(sa_type=UtcDateTime)
    why: str = Field(sa_type=sa.Text)
