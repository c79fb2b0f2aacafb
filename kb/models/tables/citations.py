"""Bibliographies as printed, and the citation edges resolved from them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class Reference(SQLModel, table=True):
    """One line of a work's bibliography as one record gives it, resolved to a work or not."""

    __tablename__ = "reference"
    __table_args__ = (sa.UniqueConstraint("record_id", "position"),)

    id: int | None = Field(default=None, primary_key=True)
    citing_id: int = Field(foreign_key="work.id", index=True)
    record_id: int = Field(foreign_key="record.id")
    position: int
    cited_id: int | None = Field(default=None, foreign_key="work.id", index=True)
    identifiers: list[str] = Field(default_factory=list, sa_type=sa.JSON)  # "doi:10.1212/..."
    text: str | None = Field(default=None, sa_type=sa.Text)
    title: str | None = Field(default=None, sa_type=sa.Text)
    authors: str | None = Field(default=None, sa_type=sa.Text)
    year: int | None = None
    year_text: str | None = None
    venue: str | None = Field(default=None, sa_type=sa.Text)
    volume: str | None = None
    pages: str | None = None
    label: str | None = None  # the depositor's key
    asserted_by: str | None = None
    # Why a line without identifiers was taken for the work it is resolved to.
    matched_by: str | None = Field(default=None, sa_type=sa.Text)


class Cites(SQLModel, table=True):
    """Work cites work, said by at least one source."""

    __tablename__ = "cites"
    __table_args__ = (
        # Both directions are answered from an index alone.
        sa.Index("ix_cites_cited_id_citing_id", "cited_id", "citing_id"),
        {"sqlite_with_rowid": False},
    )

    citing_id: int = Field(primary_key=True, foreign_key="work.id")
    cited_id: int = Field(primary_key=True, foreign_key="work.id")


class CitationAssertion(SQLModel, table=True):
    """Which source says so, in which record."""

    __tablename__ = "citation_assertion"
    __table_args__ = (
        sa.ForeignKeyConstraint(["citing_id", "cited_id"], ["cites.citing_id", "cites.cited_id"]),
        {"sqlite_with_rowid": False},
    )

    citing_id: int = Field(primary_key=True)
    cited_id: int = Field(primary_key=True)
    record_id: int = Field(primary_key=True, foreign_key="record.id", index=True)
    source: str
