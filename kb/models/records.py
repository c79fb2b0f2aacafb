"""What sources assert, as plain frozen values.

A record is what one source says about one work, one list of links or one study. Parsers make
records from payloads; everything else in the base is derived from them. Values are normalised
(identifiers, dates, markup) but nothing is inferred: None means "not said".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter

from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One answer of a source (or one file read), as it arrived.

    `request` names it within its source, without secrets and independent of the base URL:
    "GET /works/10.3390%2Fjcm8122102". `id` is None until it is kept.
    """

    source: str
    request: str
    status: int
    body: bytes
    fetched_at: datetime
    media_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    id: int | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A part of a payload that could not be made into a record, and why."""

    position: str  # where in the payload: "item 3", "PubmedArticle 12"
    reason: str
    key: str | None = None  # the source's key, where it could still be read


class View(StrEnum):
    """How much a record tells. A full view and a brief one of the same work are two records, so
    that the brief one can never blank the full one."""

    WORK = "work"
    BRIEF = "brief"  # a search hit or a line in a list of citing works
    REFERENCES = "references"
    CITATIONS = "citations"
    STUDY = "study"


# -- works ---------------------------------------------------------------------------------------


class WorkType(StrEnum):
    ARTICLE = "article"
    REVIEW = "review"  # narrative, systematic and meta-analysis; types_as_given tells which
    PREPRINT = "preprint"
    PROTOCOL = "protocol"
    CONFERENCE_ABSTRACT = "conference abstract"
    CONFERENCE_PAPER = "conference paper"  # printed in full in proceedings
    LETTER = "letter"
    EDITORIAL = "editorial"
    CASE_REPORT = "case report"
    NOTICE = "notice"  # correction, retraction or concern: a work, but never a report of a study
    BOOK = "book"
    BOOK_CHAPTER = "book chapter"
    THESIS = "thesis"
    DATASET = "dataset"
    REPORT = "report"
    WEB_PAGE = "web page"
    PATENT = "patent"
    SOFTWARE = "software"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstractSection:
    text: str
    label: str | None = None  # "METHODS"; None in an unstructured abstract


@dataclass(frozen=True, slots=True, kw_only=True)
class DateClaim:
    role: str  # "published", "online", "print", "received", "accepted", "posted", "revised"
    date: PartialDate


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueClaim:
    name: str | None = None
    abbreviation: str | None = None
    issns: tuple[str, ...] = ()  # "2077-0383"
    publisher: str | None = None
    nlm_id: str | None = None
    openalex_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Affiliation:
    text: str
    ror: str | None = None  # bare id, "056d84691"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorClaim:
    """One author in order. Either a person (family) or a group (collective); `name` is the whole
    name as printed, where the source gives only that."""

    family: str | None = None
    given: str | None = None  # given names or initials, as delivered
    suffix: str | None = None
    collective: str | None = None
    name: str | None = None
    orcid: str | None = None  # dashed, check digit verified: "0000-0002-1825-0097"
    openalex_id: str | None = None
    affiliations: tuple[Affiliation, ...] = ()
    is_corresponding: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptClaim:
    scheme: str  # "mesh", "keyword", "chemical", "topic"
    label: str
    code: str | None = None  # "D009103"
    is_major: bool | None = None
    qualifiers: tuple[str, ...] = ()  # MeSH subheadings


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingClaim:
    funder: str
    funder_doi: str | None = None
    funder_ror: str | None = None
    award: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceClaim:
    """One line of a bibliography, as deposited: with or without identifiers, text or fields."""

    position: int  # from 1, in the order given
    identifiers: tuple[Identifier, ...] = ()
    text: str | None = None
    title: str | None = None
    authors: str | None = None
    year: int | None = None
    year_text: str | None = None  # where it is more than the year: "2010a"
    venue: str | None = None
    volume: str | None = None
    pages: str | None = None
    key: str | None = None  # the depositor's own label
    asserted_by: str | None = None  # who matched the identifier: "publisher", "crossref"
    record_key: str | None = None  # the same source's own record of that work


class NoticeKind(StrEnum):
    RETRACTION = "retraction"
    PARTIAL_RETRACTION = "partial retraction"
    WITHDRAWAL = "withdrawal"
    REMOVAL = "removal"
    CONCERN = "expression of concern"
    CORRECTION = "correction"  # erratum, corrigendum, addendum, clarification
    REINSTATEMENT = "reinstatement"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeClaim:
    """That a notice exists about a work. In a record of the work itself `is_about_self` is True and
    `other` names the notice; in a record of the notice it is False and `other` names the work."""

    kind: NoticeKind
    is_about_self: bool
    other: tuple[Identifier, ...] = ()
    date: PartialDate | None = None
    label: str | None = None  # the source's own word: "Corrigendum"
    asserted_by: str | None = None  # "publisher", "retraction-watch", "nlm"
    text: str | None = None  # where the notice appeared, as given


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationClaim:
    """This work `kind` that other work.

    Kinds: "preprint of", "has preprint", "version of", "has version", "update of", "updated by",
    "comment on", "commented by", "republished from", "republished in".
    """

    kind: str
    other: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationMention:
    """A trial registration named by a work's record, e.g. PubMed's DataBankList."""

    number: str  # normal form, see kb.identity.registrations
    registry: str | None = None
    kind: str | None = None  # Crossref's "preResults", "results", "postResults"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationClaim:
    """A count as a source gave it. Never summed across sources, dated by when it was seen."""

    metric: str  # "citation_count", "reader_count", "reference_count"
    value: int
    dimension: str | None = None  # "academic_status", "discipline", "country"
    category: str | None = None  # the value of the dimension: "Neuroscience"
    source: str | None = None  # who counted, where that is not the source of the record
    observed_at: PartialDate | None = None  # None: the day of the fetch, where there was one


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributorClaim:
    """Somebody who had a part in the work other than as its author."""

    role: str  # "editor", "series editor", "translator" ...
    person: AuthorClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraField:
    """A field of a reference file that has no place of its own in a record, kept as it stood so
    that it comes out again in the same format."""

    format: str  # "ris", "bibtex" ...
    tag: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRecord:
    """What one source says about one work."""

    source: str
    key: str  # the source's own key: "MED:31810187", a DOI, "W2992000000"
    view: View = View.WORK
    identifiers: tuple[Identifier, ...] = ()
    title: str | None = None  # plain text; sub- and superscripts as Unicode or ^ and _ (10^6)
    original_title: str | None = None  # in the work's own language, where `title` is a translation
    abstract: tuple[AbstractSection, ...] = ()
    abstract_license: str | None = None  # copyright line that came with the abstract
    type: WorkType | None = None
    types_as_given: tuple[str, ...] = ()
    published: PartialDate | None = None  # earliest publication date the source gives
    dates: tuple[DateClaim, ...] = ()
    venue: VenueClaim | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    article_number: str | None = None
    language: str | None = None  # ISO 639-1 where it exists ("en"), else as given
    authors: tuple[AuthorClaim, ...] = ()
    authors_complete: bool | None = None
    concepts: tuple[ConceptClaim, ...] = ()
    funding: tuple[FundingClaim, ...] = ()
    references: tuple[ReferenceClaim, ...] = ()
    references_claimed: int | None = None  # what the source says the work has
    notices: tuple[NoticeClaim, ...] = ()
    relations: tuple[RelationClaim, ...] = ()
    registrations: tuple[RegistrationMention, ...] = ()
    observations: tuple[ObservationClaim, ...] = ()
    license: str | None = None
    is_open_access: bool | None = None
    open_access_url: str | None = None
    is_flagged_retracted: bool | None = None  # a bare flag is a hint, not a notice
    updated: PartialDate | None = None  # the source's own date of last change
    # What reference files say besides.
    label: str | None = None  # the caller's own id of the record: a citation key, an accession
    contributors: tuple[ContributorClaim, ...] = ()
    short_title: str | None = None
    series: str | None = None
    edition: str | None = None
    place: str | None = None  # of the publisher
    event: str | None = None  # the conference or meeting
    isbns: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    extra: tuple[ExtraField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceList:
    """One page of a work's references, from a call of its own. `key` names work and page."""

    source: str
    key: str  # "MED:34308300#1"
    of: tuple[Identifier, ...]
    references: tuple[ReferenceClaim, ...]
    claimed: int | None = None  # total over all pages, as the source states it
    view: View = View.REFERENCES


@dataclass(frozen=True, slots=True, kw_only=True)
class CitingList:
    """One page of the works citing a work. Each citing work comes as a record of its own, brief or
    full, or with identifiers alone."""

    source: str
    key: str
    of: tuple[Identifier, ...]
    citing: tuple[WorkRecord, ...]
    claimed: int | None = None
    view: View = View.CITATIONS


# -- text form -----------------------------------------------------------------------------------


def to_json(record: Any) -> bytes:
    """Canonical JSON of a record: equal records give equal bytes. What is None is left out where
    that is the default."""
    return orjson.dumps(_pruned(record), option=orjson.OPT_SORT_KEYS)


def content_hash(record: Any) -> str:
    return hashlib.sha256(to_json(record)).hexdigest()


def from_json(kind: type[T], content: bytes | str) -> T:
    """The record written by `to_json`. Raises pydantic's ValidationError for anything else."""
    return _adapter(kind).validate_json(content)  # type: ignore[no-any-return, arg-type]


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _pruned(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        fields = ((f, getattr(value, name)) for name, f in value.__dataclass_fields__.items())
        # A field without a default is written even where it is None, so that it can be read.
        return {f.name: _pruned(v) for f, v in fields if v != f.default or v not in (None, ())}
    if isinstance(value, tuple):
        return [_pruned(v) for v in value]
    return value
