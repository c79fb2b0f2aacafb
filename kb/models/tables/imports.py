"""Reference files brought in, and what became of their records."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.tables.base import UtcDateTime


class FileImport(SQLModel, table=True):
    """One reference file read into the base. The same file, read in the same way, is one import,
    however often it was brought in.

    Each record that could be read is counted once: `records` is the sum of all counts from
    `new_works` to `unsaved`. They say what happened when the record first came; `gone_through` of
    them have been looked at, fewer than `records` where the import was stopped.
    """

    __tablename__ = "file_import"

    id: int | None = Field(default=None, primary_key=True)
    source: str  # the label its records stand under: "embase-2026-11"
    file_name: str = Field(sa_type=sa.Text)
    format: str
    columns: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)  # field -> column
    payload_id: int = Field(foreign_key="payload.id", index=True)
    who: str | None = None
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    records: int = 0
    unreadable: int = 0
    gone_through: int = 0
    new_works: int = 0
    joined: int = 0  # to works that were held
    unsure: int = 0  # whether they describe a work held: a person decides
    changed: int = 0  # held from an earlier file of the source, which said something else
    unchanged: int = 0
    unsaved: int = 0  # could not be brought in; each is a failure with its reason
