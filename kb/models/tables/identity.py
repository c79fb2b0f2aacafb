"""Which records may be one work, what people decided about that, and what joined which works."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.tables.base import UtcDateTime, one_of


class PairVerdict(StrEnum):
    """What comparing two records came to. Pairs that differ are not kept."""

    SAME = "same"
    UNSURE = "unsure"
    LINKED = "linked"  # two works that belong together: preprint and article, part I and part II


class IdentityKind(StrEnum):
    """What a person says of two works, or of a record and a work."""

    SAME = "same"
    DIFFERENT = "different"


class RecordKey(SQLModel, table=True):
    """A blocking key of a record: only records that share one are compared."""

    __tablename__ = "record_key"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: str = Field(primary_key=True)
    record_id: int = Field(primary_key=True, foreign_key="record.id", index=True)


class ReferenceKey(SQLModel, table=True):
    """A blocking key of a line of a bibliography that comes without identifiers."""

    __tablename__ = "reference_key"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: str = Field(primary_key=True)
    record_id: int = Field(primary_key=True, foreign_key="record.id", index=True)
    position: int = Field(primary_key=True)


class IdentityPair(SQLModel, table=True):
    """Two records that are or may be one work, or belong together. It follows from what the two
    say, and from nothing else."""

    __tablename__ = "identity_pair"
    __table_args__ = (
        sa.UniqueConstraint("record_id", "other_id"),
        sa.CheckConstraint(one_of("verdict", PairVerdict), name="verdict"),
        sa.CheckConstraint("record_id < other_id", name="order"),
    )

    id: int | None = Field(default=None, primary_key=True)
    record_id: int = Field(foreign_key="record.id")
    other_id: int = Field(foreign_key="record.id", index=True)
    verdict: str
    link: str | None = None  # of two works that belong together: in which way
    reason: str = Field(sa_type=sa.Text)
    evidence_for: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    evidence_against: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class IdentityDecision(SQLModel, table=True):
    """A person's word that two things are one work or are not. It stands until it is withdrawn.

    A side is a record, a line of a bibliography (record and position) or, of a work that no record
    describes, an identifier. `work_id` and `other_work_id` are the works these were in then.
    """

    __tablename__ = "identity_decision"
    __table_args__ = (
        sa.CheckConstraint(one_of("kind", IdentityKind), name="kind"),
        sa.CheckConstraint("(record_id IS NULL) <> (identifier IS NULL)", name="one_side"),
        sa.CheckConstraint(
            "(other_record_id IS NULL) <> (other_identifier IS NULL)", name="other_side"
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)"
            " AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            name="withdrawn",
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    record_id: int | None = Field(default=None, foreign_key="record.id", index=True)
    position: int | None = None
    identifier: str | None = Field(default=None, index=True)  # "doi:10.3390/jcm8122102"
    work_id: int | None = Field(default=None, foreign_key="work.id", index=True)
    other_record_id: int | None = Field(default=None, foreign_key="record.id", index=True)
    other_position: int | None = None
    other_identifier: str | None = Field(default=None, index=True)
    other_work_id: int | None = Field(default=None, foreign_key="work.id", index=True)
    payload_id: int = Field(foreign_key="payload.id", index=True)  # the decision as it was sent
    at: datetime = Field(sa_type=UtcDateTime)
    who: str
    why: str = Field(sa_type=sa.Text)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_by: str | None = None
    withdrawn_why: str | None = Field(default=None, sa_type=sa.Text)


class WorkMerge(SQLModel, table=True):
    """Two works became one: by a person's decision, or because a record said so.

    `before` holds every row that named either of them as it stood before (see
    `kb.store.unmerge_works`), so that the merge can be undone.
    """

    __tablename__ = "work_merge"

    id: int | None = Field(default=None, primary_key=True)
    survivor_id: int = Field(foreign_key="work.id", index=True)
    loser_id: int = Field(foreign_key="work.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    decision_id: int | None = Field(default=None, foreign_key="identity_decision.id", index=True)
    record_id: int | None = Field(default=None, foreign_key="record.id", index=True)
    before: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)  # None once undone
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
