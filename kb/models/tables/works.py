"""Works, derived from their records, and what belongs to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from kb.models.records import NoticeKind, WorkType
from kb.models.tables.base import UtcDateTime, one_of


class Work(SQLModel, table=True):
    """A publication over all its records. Never edited: `kb.derive` recomputes it."""

    __tablename__ = "work"
    __table_args__ = (
        sa.CheckConstraint(f"type IS NULL OR {one_of('type', WorkType)}", name="type"),
    )

    id: int | None = Field(default=None, primary_key=True)
    title: str | None = Field(default=None, sa_type=sa.Text)
    original_title: str | None = Field(default=None, sa_type=sa.Text)
    abstract: list[dict[str, Any]] | None = Field(default=None, sa_type=sa.JSON)  # label, text
    type: str | None = None
    types_as_given: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    published: str | None = None  # partial ISO date
    year: int | None = Field(default=None, index=True)
    dates: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)  # role, date
    venue_id: int | None = Field(default=None, foreign_key="venue.id", index=True)
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    article_number: str | None = None
    language: str | None = None
    license: str | None = None
    is_open_access: bool | None = None
    open_access_url: str | None = Field(default=None, sa_type=sa.Text)
    is_described: bool = False  # False: known only because other works or notices name it
    is_retracted: bool = False  # by a notice that stands, never by a bare flag
    is_flagged_retracted: bool | None = None  # some source flags it without a notice
    authors_text: str | None = Field(default=None, sa_type=sa.Text)  # short form for lists
    # What only reference files and bibliographies ask for: contributors, series, edition, place,
    # event, isbns, urls, notes, label, extra; see WorkRecord. None where nothing of it is known.
    particulars: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    provenance: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)  # field -> record id
    merged_into_id: int | None = Field(default=None, foreign_key="work.id")
    changed_at: datetime = Field(sa_type=UtcDateTime)


class WorkIdentifier(SQLModel, table=True):
    """Who holds an identifier. One work at a time: a contested one stays with its holder and the
    contest is an `IdentityConflict`."""

    __tablename__ = "work_identifier"

    scheme: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    work_id: int = Field(foreign_key="work.id", index=True)


class IdentityConflict(SQLModel, table=True):
    """A record that shares an identifier with a work and contradicts it in another way.

    Open until a person decides; the machine neither merges nor forgets.
    """

    __tablename__ = "identity_conflict"
    __table_args__ = (sa.UniqueConstraint("record_id", "work_id", "scheme", "value"),)

    id: int | None = Field(default=None, primary_key=True)
    record_id: int = Field(foreign_key="record.id", index=True)
    work_id: int = Field(foreign_key="work.id", index=True)  # the holder
    scheme: str  # the identifier they share
    value: str
    kind: str  # "different pmid", "different title" ...
    detail: str = Field(sa_type=sa.Text)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class Venue(SQLModel, table=True):
    __tablename__ = "venue"

    id: int | None = Field(default=None, primary_key=True)
    name: str | None = None
    abbreviation: str | None = None
    publisher: str | None = None
    nlm_id: str | None = None


class VenueKey(SQLModel, table=True):
    """What a venue is recognised by: "issn:2077-0383", or "name:..." where there is no ISSN."""

    __tablename__ = "venue_key"

    key: str = Field(primary_key=True)
    venue_id: int = Field(foreign_key="venue.id", index=True)


class Author(SQLModel, table=True):
    """A person known by a strong id. Names alone never make two authorships one person."""

    __tablename__ = "author"

    id: int | None = Field(default=None, primary_key=True)
    name: str
    orcid: str | None = Field(default=None, unique=True)
    openalex_id: str | None = Field(default=None, unique=True)


class Authorship(SQLModel, table=True):
    __tablename__ = "authorship"

    work_id: int = Field(primary_key=True, foreign_key="work.id")
    position: int = Field(primary_key=True)  # from 1
    author_id: int | None = Field(default=None, foreign_key="author.id", index=True)
    family: str | None = None
    given: str | None = None
    suffix: str | None = None
    collective: str | None = Field(default=None, sa_type=sa.Text)
    name: str = Field(sa_type=sa.Text)  # for display, never empty
    is_corresponding: bool | None = None
    affiliations: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)


class Concept(SQLModel, table=True):
    __tablename__ = "concept"
    __table_args__ = (sa.UniqueConstraint("scheme", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    scheme: str
    key: str  # the code, or the folded label where there is none
    label: str
    code: str | None = None


class WorkConcept(SQLModel, table=True):
    __tablename__ = "work_concept"

    work_id: int = Field(primary_key=True, foreign_key="work.id")
    concept_id: int = Field(primary_key=True, foreign_key="concept.id", index=True)
    is_major: bool | None = None
    qualifiers: list[str] = Field(default_factory=list, sa_type=sa.JSON)


class Funder(SQLModel, table=True):
    __tablename__ = "funder"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # DOI, ROR or folded name
    name: str
    doi: str | None = None
    ror: str | None = None


class WorkFunding(SQLModel, table=True):
    __tablename__ = "work_funding"

    work_id: int = Field(primary_key=True, foreign_key="work.id")
    funder_id: int = Field(primary_key=True, foreign_key="funder.id", index=True)
    award: str = Field(default="", primary_key=True)  # "" here means no award number was named
    country: str | None = None


class Observation(SQLModel, table=True):
    """A count one source gave on one day. Appended when it differs from the last, never changed."""

    __tablename__ = "observation"
    __table_args__ = (sa.Index("ix_observation_series", "work_id", "source", "metric"),)

    id: int | None = Field(default=None, primary_key=True)
    work_id: int = Field(foreign_key="work.id")
    source: str
    metric: str
    dimension: str | None = None
    category: str | None = None
    value: int
    observed_at: str | None = None  # partial ISO date; None: the source of the count tells no date
    record_id: int | None = Field(default=None, foreign_key="record.id", index=True)


class WorkRelation(SQLModel, table=True):
    """Work -kind-> other work ("preprint of", "comment on"), as some source says."""

    __tablename__ = "work_relation"

    work_id: int = Field(primary_key=True, foreign_key="work.id")
    kind: str = Field(primary_key=True)
    other_id: int = Field(primary_key=True, foreign_key="work.id", index=True)
    record_id: int = Field(primary_key=True, foreign_key="record.id", index=True)


class Notice(SQLModel, table=True):
    """One retraction, correction or concern about a work, however many sources report it."""

    __tablename__ = "notice"
    __table_args__ = (sa.CheckConstraint(one_of("kind", NoticeKind), name="kind"),)

    id: int | None = Field(default=None, primary_key=True)
    work_id: int = Field(foreign_key="work.id", index=True)
    notice_work_id: int | None = Field(default=None, foreign_key="work.id", index=True)
    kind: str
    date: str | None = None  # partial ISO date


class NoticeAssertion(SQLModel, table=True):
    """Who says so: which record, on whose authority."""

    __tablename__ = "notice_assertion"

    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    record_id: int = Field(foreign_key="record.id", index=True)
    notice_work_id: int | None = Field(default=None, foreign_key="work.id", index=True)  # as named
    source: str
    asserted_by: str | None = None
    label: str | None = None
    date: str | None = None
    text: str | None = Field(default=None, sa_type=sa.Text)


class Coverage(SQLModel, table=True):
    """How much of a work's references or citing works one source has given us."""

    __tablename__ = "coverage"

    work_id: int = Field(primary_key=True, foreign_key="work.id")
    source: str = Field(primary_key=True)
    direction: str = Field(primary_key=True)  # "references" or "citations"
    claimed: int | None = None  # what the source says there are
    held: int = 0
    resolved: int = 0  # of those held, linked to a work
    truncated_by: str | None = None  # why held is below claimed, where it is known
    observed_at: str | None = None
