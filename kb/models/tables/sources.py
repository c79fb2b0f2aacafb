"""What arrived, and what it was read as."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.records import View
from kb.models.tables.base import UtcDateTime, one_of


class StoredPayload(SQLModel, table=True):
    """One answer of a source, verbatim. The same answer to the same request is kept once, for which
    `kb.store.payloads` looks first: a unique index would bound the length of requests."""

    __tablename__ = "payload"
    __table_args__ = (sa.Index("ix_payload_request", "request", postgresql_using="hash"),)

    id: int | None = Field(default=None, primary_key=True)
    source: str
    request: str = Field(sa_type=sa.Text)
    status: int
    media_type: str | None = None
    headers: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    fetched_at: datetime = Field(sa_type=UtcDateTime)  # first
    # Later than fetched_at where the source went back to an earlier answer.
    current_since: datetime = Field(sa_type=UtcDateTime)
    sha256: str
    size: int  # bytes before compression
    body: bytes = Field(sa_type=sa.LargeBinary)  # zlib


class StoredRecord(SQLModel, table=True):
    """A record and which work or study it was found to describe.

    Neither: it waits for a person (see `IdentityConflict`).
    """

    __tablename__ = "record"
    __table_args__ = (
        sa.UniqueConstraint("source", "key", "view"),
        sa.CheckConstraint(one_of("view", View), name="view"),
        sa.CheckConstraint("work_id IS NULL OR study_id IS NULL", name="one_subject"),
    )

    id: int | None = Field(default=None, primary_key=True)
    source: str
    key: str = Field(index=True)
    view: str
    work_id: int | None = Field(default=None, foreign_key="work.id", index=True)
    study_id: int | None = Field(default=None, foreign_key="study.id", index=True)
    payload_id: int = Field(foreign_key="payload.id", index=True)
    content: str = Field(sa_type=sa.Text)  # canonical JSON of the record
    content_sha256: str
    first_seen: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    who: str | None = None  # brought in this content; None: no person
    why: str | None = Field(default=None, sa_type=sa.Text)


class RecordVersion(SQLModel, table=True):
    """What a study record said before it changed. Versions count from 1; the current one, which
    `StoredRecord` holds, is the next."""

    __tablename__ = "record_version"
    __table_args__ = (sa.CheckConstraint("version >= 1", name="version"),)

    record_id: int = Field(primary_key=True, foreign_key="record.id")
    version: int = Field(primary_key=True)
    content: str = Field(sa_type=sa.Text)
    payload_id: int = Field(foreign_key="payload.id", index=True)
    valid_from: datetime = Field(sa_type=UtcDateTime)
    valid_until: datetime = Field(sa_type=UtcDateTime)
    who: str | None = None
    why: str | None = Field(default=None, sa_type=sa.Text)


class Failure(SQLModel, table=True):
    """A request or a part of a payload that could not be used. It stays until it is read well."""

    __tablename__ = "failure"
    __table_args__ = (sa.Index("ix_failure_request", "request", postgresql_using="hash"),)

    id: int | None = Field(default=None, primary_key=True)
    source: str
    request: str = Field(sa_type=sa.Text)
    position: str = ""  # where in the payload; "" is the whole of it
    key: str | None = None
    reason: str = Field(sa_type=sa.Text)
    payload_id: int | None = Field(default=None, foreign_key="payload.id", index=True)
    seen_at: datetime = Field(sa_type=UtcDateTime)
