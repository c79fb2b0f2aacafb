"""Reading works: lists, one work with everything known of it, and who said what.

Every value is plain and ready to be written as JSON; ids are public ("W1"), those of records and
payloads are bare numbers. None means that no source says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.derive import GivenLabel, Particulars
from kb.errors import InvalidInput
from kb.identity.identifiers import normalize_issn, normalize_orcid
from kb.models.ids import Kind, public_id
from kb.models.records import ExtraField, from_json
from kb.models.tables import (
    Author,
    Authorship,
    CitationAssertion,
    Cites,
    Concept,
    Coverage,
    Funder,
    IdentityConflict,
    Notice,
    NoticeAssertion,
    Observation,
    OutcomeDefinition,
    OutcomeWork,
    Reference,
    Registration,
    Report,
    StoredPayload,
    StoredRecord,
    Study,
    Venue,
    VenueKey,
    Work,
    WorkConcept,
    WorkFunding,
    WorkIdentifier,
    WorkRegistration,
    WorkRelation,
)
from kb.store.listing import (
    Asked,
    Condition,
    Field,
    Listing,
    Page,
    Reads,
    in_order,
    is_filled,
    list_rows,
)
from kb.store.lookup import resolve_registration, resolve_study, resolve_work
from kb.store.works_derived import display_name


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRef:
    """One provider's record: who, under which key, and the payload it was read from."""

    record_id: int
    source: str
    key: str
    view: str
    payload_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSummary:
    """A work in a list. `cited_by` counts the citing works held here, not those in the world."""

    id: str
    title: str | None
    authors: str | None
    year: int | None
    published: str | None
    type: str | None
    venue: str | None
    language: str | None
    doi: str | None
    pmid: str | None
    pmcid: str | None
    is_described: bool
    is_retracted: bool
    is_flagged_retracted: bool | None
    is_open_access: bool | None
    has_abstract: bool
    cited_by: int
    studies: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLink:
    """Another work, named so that a reader knows it."""

    id: str
    title: str | None
    authors: str | None
    year: int | None
    is_retracted: bool
    is_described: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorOut:
    position: int
    name: str
    family: str | None
    given: str | None
    suffix: str | None
    collective: str | None
    orcid: str | None
    author: str | None  # "A1", where a strong id tells who it is
    is_corresponding: bool | None
    affiliations: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOut:
    id: str
    name: str | None
    abbreviation: str | None
    publisher: str | None
    issns: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptOut:
    id: str
    scheme: str
    label: str
    code: str | None
    is_major: bool | None
    qualifiers: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingOut:
    id: str
    funder: str
    award: str | None
    doi: str | None
    ror: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributorOut:
    """Somebody who had a part in the work other than as its author: an editor, a translator."""

    role: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAssertionOut:
    source: str
    asserted_by: str | None
    label: str | None
    date: str | None
    text: str | None
    record: RecordRef


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeOut:
    """A retraction, correction or concern about `work`, and everybody who reports it."""

    id: str
    kind: str
    date: str | None
    work: WorkLink
    notice_work: WorkLink | None
    assertions: list[NoticeAssertionOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationOut:
    """This work `kind` the other ("preprint of"), or, where `is_inverse`, the other this one."""

    kind: str
    is_inverse: bool
    work: WorkLink
    records: list[RecordRef]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRegistrationOut:
    id: str
    number: str
    registry: str | None
    kind: str  # "named by the work", "background", "derived", "result"
    records: list[RecordRef]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLink:
    id: str
    label: str
    basis: list[str]  # on whose word the work reports it


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictOut:
    """A record that shares an identifier with this work and contradicts it; open until decided."""

    scheme: str
    value: str
    kind: str
    detail: str
    seen_at: str
    record: RecordRef


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedOutcome:
    id: str
    code: str | None
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDetail:
    id: str
    identifiers: dict[str, list[str]]
    title: str | None
    original_title: str | None
    abstract: list[dict[str, Any]] | None  # label, text
    type: str | None
    types_as_given: list[str]
    published: str | None
    year: int | None
    dates: list[dict[str, Any]]  # role, date
    venue: VenueOut | None
    volume: str | None
    issue: str | None
    pages: str | None
    article_number: str | None
    language: str | None
    license: str | None
    is_open_access: bool | None
    open_access_url: str | None
    authors: list[AuthorOut]
    concepts: list[ConceptOut]
    funding: list[FundingOut]
    contributors: list[ContributorOut]
    short_title: str | None
    series: str | None
    edition: str | None
    publisher: str | None
    place: str | None  # of the publisher
    event: str | None
    isbns: list[str]
    urls: list[str]
    notes: list[str]
    labels: list[GivenLabel]
    extra: list[ExtraField]  # fields of reference files that have no place of their own
    is_retracted: bool
    is_flagged_retracted: bool | None
    notices: list[NoticeOut]
    notice_of: list[NoticeOut]  # where this work is itself the notice
    relations: list[RelationOut]
    registrations: list[WorkRegistrationOut]
    studies: list[StudyLink]
    defines: list[DefinedOutcome]  # outcomes whose instrument this work defines
    cites_retracted: list[WorkLink]
    counts: dict[str, int]
    known_only_from_references: bool
    provenance: dict[str, RecordRef]
    conflicts: list[ConflictOut]
    changed_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceOut:
    position: int
    label: str | None
    text: str | None
    title: str | None
    authors: str | None
    year: int | None
    year_text: str | None
    venue: str | None
    volume: str | None
    pages: str | None
    identifiers: list[str]
    asserted_by: str | None
    record_id: int
    is_resolved: bool
    work: WorkLink | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSource:
    """One source's reference list of a work. `claimed` is how many lines the source says there
    are; None where it does not say."""

    source: str
    view: str
    count: int
    resolved: int
    claimed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceList:
    """One source's list in its order, and which other lists there are."""

    source: str | None
    view: str | None
    sources: list[ReferenceSource]
    references: list[ReferenceOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class CitingWork:
    work: WorkSummary
    sources: list[str]  # who says that it cites


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOut:
    record_id: int
    source: str
    key: str
    view: str
    payload_id: int
    first_seen: str
    changed_at: str
    content_sha256: str
    content: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationOut:
    """A count as one source gave it. Counts of different sources are never added up."""

    source: str
    metric: str
    dimension: str | None
    category: str | None
    value: int
    observed_at: str | None  # None: the source does not say of which day its count is
    record_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageOut:
    source: str
    direction: str
    claimed: int | None
    held: int
    resolved: int
    truncated_by: str | None
    observed_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadOut:
    """What arrived, without its body."""

    payload_id: int
    source: str
    request: str
    status: int
    media_type: str | None
    headers: dict[str, Any]
    fetched_at: str
    sha256: str
    size: int
    records: list[RecordRef] = field(default_factory=list)


# -- lists ---------------------------------------------------------------------------------------


def _some(table: Any, *on: Condition) -> Any:
    """Wraps a condition into "there is a row of `table` for which it holds"."""
    return lambda condition: sa.exists(sa.select(1).select_from(table).where(*on, condition))


def _orcid(text: str) -> str:
    found = normalize_orcid(text)
    if found is None:
        raise InvalidInput(f"not an ORCID: {text[:40]!r} (expected e.g. 0000-0002-1825-0097)")
    return found


def _issn(text: str) -> str:
    found = normalize_issn(text)
    if found is None:
        raise InvalidInput(f"not an ISSN: {text[:40]!r} (expected e.g. 2077-0383)")
    return f"issn:{found}"


_CITED_BY = (
    sa.select(sa.func.count())
    .select_from(Cites)
    .where(col(Cites.cited_id) == col(Work.id))
    .correlate(Work)
    .scalar_subquery()
)
_HAS_AUTHOR = (col(Authorship.work_id) == col(Work.id),)

WORKS = Listing(
    name="works",
    source=Work,
    id=col(Work.id),
    order="year:desc",
    searched=sa.func.coalesce(col(Work.title), "")
    .concat(" ")
    .concat(sa.func.coalesce(col(Work.authors_text), "")),
    always=(col(Work.merged_into_id).is_(None),),
    fields={
        "year": Field(about="Year of publication", column=col(Work.year), reads=Reads.INTEGER),
        "title": Field(about="Words of the title", column=col(Work.title), reads=Reads.WORDS),
        "type": Field(about="article, review, preprint ...", column=col(Work.type)),
        "language": Field(about="ISO 639-1 code, en", column=col(Work.language)),
        "license": Field(about="Licence as given", column=col(Work.license)),
        "venue": Field(
            about="Journal or conference, its full name",
            column=col(Venue.name),
            within=_some(Venue, col(Venue.id) == col(Work.venue_id)),
        ),
        "issn": Field(
            about="ISSN of the venue",
            column=col(VenueKey.key),
            read=_issn,
            within=_some(VenueKey, col(VenueKey.venue_id) == col(Work.venue_id)),
        ),
        "source": Field(
            about="Who describes it: pubmed, crossref, europepmc ...",
            column=col(StoredRecord.source),
            within=_some(StoredRecord, col(StoredRecord.work_id) == col(Work.id)),
        ),
        "author": Field(
            about="Words of an author's name",
            column=col(Authorship.name),
            reads=Reads.WORDS,
            within=_some(Authorship, *_HAS_AUTHOR),
        ),
        "orcid": Field(
            about="An author's ORCID",
            column=col(Author.orcid),
            read=_orcid,
            within=_some(
                sa.join(Authorship, Author, col(Author.id) == col(Authorship.author_id)),
                *_HAS_AUTHOR,
            ),
        ),
        "concept": Field(
            about="Subject heading or keyword",
            column=col(Concept.label),
            within=_some(
                sa.join(WorkConcept, Concept, col(Concept.id) == col(WorkConcept.concept_id)),
                col(WorkConcept.work_id) == col(Work.id),
            ),
        ),
        "study": Field(
            about="Reports this study: S1, NCT03778333 ...",
            column=col(Report.study_id),
            reads=Reads.ROW,
            resolve=resolve_study,
            within=_some(Report, col(Report.work_id) == col(Work.id)),
        ),
        "registration": Field(
            about="Names, or is listed by, this registry entry",
            column=col(WorkRegistration.registration_id),
            reads=Reads.ROW,
            resolve=resolve_registration,
            within=_some(WorkRegistration, col(WorkRegistration.work_id) == col(Work.id)),
        ),
        "cites": Field(
            about="Cites this work: W1, a DOI ...",
            column=col(Cites.cited_id),
            reads=Reads.ROW,
            resolve=resolve_work,
            within=_some(Cites, col(Cites.citing_id) == col(Work.id)),
        ),
        "cited_by_work": Field(
            about="Is cited by this work",
            column=col(Cites.citing_id),
            reads=Reads.ROW,
            resolve=resolve_work,
            within=_some(Cites, col(Cites.cited_id) == col(Work.id)),
        ),
        "notice": Field(
            about="Kind of notice about it: retraction, correction ...",
            column=col(Notice.kind),
            within=_some(Notice, col(Notice.work_id) == col(Work.id)),
        ),
        "is_described": Field(
            about="Some source describes it; else it is known only from references",
            column=col(Work.is_described),
            reads=Reads.BOOLEAN,
        ),
        "is_retracted": Field(
            about="By a notice that stands", column=col(Work.is_retracted), reads=Reads.BOOLEAN
        ),
        "is_flagged_retracted": Field(
            about="A source flags it as retracted, with or without a notice",
            column=col(Work.is_flagged_retracted),
            reads=Reads.BOOLEAN,
        ),
        "is_open_access": Field(
            about="Free to read", column=col(Work.is_open_access), reads=Reads.BOOLEAN
        ),
        "has_abstract": Field(
            about="An abstract is held", column=is_filled(Work.abstract), reads=Reads.BOOLEAN
        ),
        "has_study": Field(
            about="Reports a study held here",
            column=sa.exists(
                sa.select(1).select_from(Report).where(col(Report.work_id) == col(Work.id))
            ),
            reads=Reads.BOOLEAN,
        ),
        "cited_by": Field(
            about="Number of citing works held here", column=_CITED_BY, reads=Reads.INTEGER
        ),
    },
)


def list_works(session: Session, asked: Asked, *conditions: Condition) -> Page[WorkSummary]:
    found = list_rows(session, WORKS, asked, *conditions)
    return found.of(work_summaries(session, found.results))


def work_summaries(session: Session, numbers: Sequence[int]) -> list[WorkSummary]:
    """In the order given; numbers of no work are left out."""
    rows = session.execute(
        sa.select(Work, col(Venue.name), col(Venue.abbreviation), _CITED_BY)
        .outerjoin(Venue, col(Venue.id) == col(Work.venue_id))
        .where(col(Work.id).in_(numbers))
    ).all()
    names = _identifiers_of(session, numbers)
    studies = defaultdict(list)
    for work_id, study_id in session.execute(
        sa.select(col(Report.work_id), col(Report.study_id))
        .where(col(Report.work_id).in_(numbers))
        .distinct()
        .order_by(col(Report.study_id))
    ):
        studies[work_id].append(public_id(Kind.STUDY, study_id))
    found = {}
    for work, venue, abbreviation, cited_by in rows:
        held = names[work.id]
        found[work.id] = WorkSummary(
            id=public_id(Kind.WORK, work.id),
            title=work.title,
            authors=work.authors_text,
            year=work.year,
            published=work.published,
            type=work.type,
            venue=venue or abbreviation,
            language=work.language,
            doi=_first(held.get("doi")),
            pmid=_first(held.get("pmid")),
            pmcid=_first(held.get("pmcid")),
            is_described=work.is_described,
            is_retracted=work.is_retracted,
            is_flagged_retracted=work.is_flagged_retracted,
            is_open_access=work.is_open_access,
            has_abstract=bool(work.abstract),
            cited_by=cited_by,
            studies=studies[work.id],
        )
    return in_order(numbers, found)


def _first(values: list[str] | None) -> str | None:
    return values[0] if values else None


def _identifiers_of(session: Session, numbers: Sequence[int]) -> dict[int, dict[str, list[str]]]:
    found: dict[int, dict[str, list[str]]] = defaultdict(dict)
    for row in session.exec(
        select(WorkIdentifier)
        .where(col(WorkIdentifier.work_id).in_(numbers))
        .order_by(WorkIdentifier.scheme, WorkIdentifier.value)
    ):
        found[row.work_id].setdefault(row.scheme, []).append(row.value)
    return found


def work_links(session: Session, numbers: Sequence[int | None]) -> dict[int, WorkLink]:
    wanted = {number for number in numbers if number is not None}
    rows = session.execute(
        sa.select(
            col(Work.id),
            col(Work.title),
            col(Work.authors_text),
            col(Work.year),
            col(Work.is_retracted),
            col(Work.is_described),
        ).where(col(Work.id).in_(wanted))
    )
    return {
        number: WorkLink(
            id=public_id(Kind.WORK, number),
            title=title,
            authors=authors,
            year=year,
            is_retracted=is_retracted,
            is_described=is_described,
        )
        for number, title, authors, year, is_retracted, is_described in rows
    }


def record_refs(session: Session, numbers: Sequence[int | None]) -> dict[int, RecordRef]:
    wanted = {number for number in numbers if number is not None}
    rows = session.execute(
        sa.select(
            col(StoredRecord.id),
            col(StoredRecord.source),
            col(StoredRecord.key),
            col(StoredRecord.view),
            col(StoredRecord.payload_id),
        ).where(col(StoredRecord.id).in_(wanted))
    )
    return {
        number: RecordRef(
            record_id=number, source=source, key=key, view=view, payload_id=payload_id
        )
        for number, source, key, view, payload_id in rows
    }


# -- one work ------------------------------------------------------------------------------------


def read_work(session: Session, work_id: int) -> WorkDetail:
    """Everything known of the work with this row number (see `kb.store.lookup.resolve_work`)."""
    work = session.get_one(Work, work_id)
    provenance = {
        name: record_id for name, record_id in work.provenance.items() if record_id is not None
    }
    sources = record_refs(session, list(provenance.values()))
    said = particulars_of(work)
    return WorkDetail(
        id=public_id(Kind.WORK, work_id),
        identifiers=_identifiers_of(session, [work_id])[work_id],
        title=work.title,
        original_title=work.original_title,
        abstract=work.abstract,
        type=work.type,
        types_as_given=work.types_as_given,
        published=work.published,
        year=work.year,
        dates=work.dates,
        venue=_venue(session, work.venue_id),
        volume=work.volume,
        issue=work.issue,
        pages=work.pages,
        article_number=work.article_number,
        language=work.language,
        license=work.license,
        is_open_access=work.is_open_access,
        open_access_url=work.open_access_url,
        authors=_authors(session, work_id),
        concepts=_concepts(session, work_id),
        funding=_funding(session, work_id),
        contributors=[
            ContributorOut(role=c.role, name=display_name(c.person)) for c in said.contributors
        ],
        short_title=said.short_title,
        series=said.series,
        edition=said.edition,
        publisher=said.venue.publisher if said.venue else None,
        place=said.place,
        event=said.event,
        isbns=list(said.isbns),
        urls=list(said.urls),
        notes=list(said.notes),
        labels=list(said.labels),
        extra=list(said.extra),
        is_retracted=work.is_retracted,
        is_flagged_retracted=work.is_flagged_retracted,
        notices=_notices(session, col(Notice.work_id) == work_id),
        notice_of=_notices(session, col(Notice.notice_work_id) == work_id),
        relations=_relations(session, work_id),
        registrations=_registrations(session, work_id),
        studies=_studies(session, work_id),
        defines=_defines(session, work_id),
        cites_retracted=_cited_retracted(session, work_id),
        counts=_counts(session, work_id),
        known_only_from_references=not work.is_described,
        provenance={
            name: sources[record_id]
            for name, record_id in provenance.items()
            if record_id in sources
        },
        conflicts=_conflicts(session, work_id),
        changed_at=work.changed_at.isoformat(),
    )


def particulars_of(work: Work) -> Particulars:
    """What only reference files ask for, as `kb.derive` made it; empty where there is nothing."""
    if work.particulars is None:
        return Particulars()
    return from_json(Particulars, orjson.dumps(work.particulars))


def _defines(session: Session, work_id: int) -> list[DefinedOutcome]:
    rows = session.execute(
        sa.select(OutcomeDefinition)
        .join(OutcomeWork, col(OutcomeWork.outcome_id) == col(OutcomeDefinition.id))
        .where(col(OutcomeWork.work_id) == work_id)
        .order_by(col(OutcomeDefinition.code))
    ).scalars()
    return [
        DefinedOutcome(id=public_id(Kind.OUTCOME, row.id or 0), code=row.code, title=row.title)
        for row in rows
    ]


def _venue(session: Session, venue_id: int | None) -> VenueOut | None:
    venue = session.get(Venue, venue_id) if venue_id is not None else None
    if venue is None:
        return None
    keys = session.exec(
        select(VenueKey.key).where(VenueKey.venue_id == venue_id).order_by(VenueKey.key)
    ).all()
    return VenueOut(
        id=public_id(Kind.VENUE, venue.id or 0),
        name=venue.name,
        abbreviation=venue.abbreviation,
        publisher=venue.publisher,
        issns=[key.removeprefix("issn:") for key in keys if key.startswith("issn:")],
    )


def _authors(session: Session, work_id: int) -> list[AuthorOut]:
    rows = session.execute(
        sa.select(Authorship, col(Author.orcid))
        .outerjoin(Author, col(Author.id) == col(Authorship.author_id))
        .where(col(Authorship.work_id) == work_id)
        .order_by(col(Authorship.position))
    )
    return [
        AuthorOut(
            position=row.position,
            name=row.name,
            family=row.family,
            given=row.given,
            suffix=row.suffix,
            collective=row.collective,
            orcid=orcid,
            author=None if row.author_id is None else public_id(Kind.AUTHOR, row.author_id),
            is_corresponding=row.is_corresponding,
            affiliations=row.affiliations,
        )
        for row, orcid in rows
    ]


def _concepts(session: Session, work_id: int) -> list[ConceptOut]:
    rows = session.execute(
        sa.select(WorkConcept, Concept)
        .join(Concept, col(Concept.id) == col(WorkConcept.concept_id))
        .where(col(WorkConcept.work_id) == work_id)
        .order_by(col(Concept.scheme), col(Concept.label))
    )
    return [
        ConceptOut(
            id=public_id(Kind.CONCEPT, concept.id or 0),
            scheme=concept.scheme,
            label=concept.label,
            code=concept.code,
            is_major=link.is_major,
            qualifiers=link.qualifiers,
        )
        for link, concept in rows
    ]


def _funding(session: Session, work_id: int) -> list[FundingOut]:
    rows = session.execute(
        sa.select(WorkFunding, Funder)
        .join(Funder, col(Funder.id) == col(WorkFunding.funder_id))
        .where(col(WorkFunding.work_id) == work_id)
        .order_by(col(Funder.name), col(WorkFunding.award))
    )
    return [
        FundingOut(
            id=public_id(Kind.FUNDER, funder.id or 0),
            funder=funder.name,
            award=link.award or None,
            doi=funder.doi,
            ror=funder.ror,
        )
        for link, funder in rows
    ]


def _notices(session: Session, condition: Condition) -> list[NoticeOut]:
    notices = session.execute(
        sa.select(Notice).where(condition).order_by(col(Notice.date).nulls_last(), col(Notice.id))
    ).scalars()
    rows = list(notices)
    assertions = session.exec(
        select(NoticeAssertion)
        .where(col(NoticeAssertion.notice_id).in_([row.id for row in rows]))
        .order_by(NoticeAssertion.source, col(NoticeAssertion.id))
    ).all()
    records = record_refs(session, [a.record_id for a in assertions])
    works = work_links(session, [n for row in rows for n in (row.work_id, row.notice_work_id)])
    by_notice = defaultdict(list)
    for a in assertions:
        by_notice[a.notice_id].append(
            NoticeAssertionOut(
                source=a.source,
                asserted_by=a.asserted_by,
                label=a.label,
                date=a.date,
                text=a.text,
                record=records[a.record_id],
            )
        )
    return [
        NoticeOut(
            id=public_id(Kind.NOTICE, row.id),
            kind=row.kind,
            date=row.date,
            work=works[row.work_id],
            notice_work=works.get(row.notice_work_id),
            assertions=by_notice[row.id],
        )
        for row in rows
    ]


def _relations(session: Session, work_id: int) -> list[RelationOut]:
    rows = session.exec(
        select(WorkRelation).where(
            sa.or_(col(WorkRelation.work_id) == work_id, col(WorkRelation.other_id) == work_id)
        )
    ).all()
    records = record_refs(session, [row.record_id for row in rows])
    works = work_links(session, [n for row in rows for n in (row.work_id, row.other_id)])
    grouped: dict[tuple[bool, str, int], list[RecordRef]] = defaultdict(list)
    for row in rows:
        is_inverse = row.work_id != work_id
        other = row.work_id if is_inverse else row.other_id
        grouped[is_inverse, row.kind, other].append(records[row.record_id])
    return [
        RelationOut(kind=kind, is_inverse=is_inverse, work=works[other], records=said)
        for (is_inverse, kind, other), said in sorted(grouped.items(), key=lambda item: item[0])
    ]


def _registrations(session: Session, work_id: int) -> list[WorkRegistrationOut]:
    rows = session.execute(
        sa.select(WorkRegistration, Registration)
        .join(Registration, col(Registration.id) == col(WorkRegistration.registration_id))
        .where(col(WorkRegistration.work_id) == work_id)
        .order_by(col(Registration.number), col(WorkRegistration.kind))
    ).all()
    records = record_refs(session, [link.record_id for link, _ in rows])
    grouped: dict[tuple[int, str], WorkRegistrationOut] = {}
    for link, registration in rows:
        entry = grouped.setdefault(
            (link.registration_id, link.kind),
            WorkRegistrationOut(
                id=public_id(Kind.REGISTRATION, link.registration_id),
                number=registration.number,
                registry=registration.registry_name,
                kind=link.kind,
                records=[],
            ),
        )
        entry.records.append(records[link.record_id])
    return list(grouped.values())


def _studies(session: Session, work_id: int) -> list[StudyLink]:
    rows = session.execute(
        sa.select(col(Study.id), col(Study.label), col(Report.basis))
        .join(Report, col(Report.study_id) == col(Study.id))
        .where(col(Report.work_id) == work_id)
        .order_by(col(Study.id), col(Report.basis))
    )
    grouped: dict[int, StudyLink] = {}
    for number, label, basis in rows:
        link = grouped.setdefault(
            number, StudyLink(id=public_id(Kind.STUDY, number), label=label, basis=[])
        )
        if basis not in link.basis:
            link.basis.append(basis)
    return list(grouped.values())


def _cited_retracted(session: Session, work_id: int) -> list[WorkLink]:
    numbers = session.exec(
        select(Work.id)
        .join(Cites, col(Cites.cited_id) == col(Work.id))
        .where(Cites.citing_id == work_id, col(Work.is_retracted).is_(sa.true()))
        .order_by(col(Work.id))
    ).all()
    links = work_links(session, numbers)
    return [links[number] for number in numbers if number is not None]


def _counts(session: Session, work_id: int) -> dict[str, int]:
    """Held here; what the world holds is in the observations, per source and day."""

    def count(table: Any, *conditions: Condition) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(*conditions)
        return int(session.execute(query).scalar_one())

    lists = _reference_sources(session, work_id)
    return {
        "references": lists[0].count if lists else 0,
        "references_resolved": lists[0].resolved if lists else 0,
        "cites": count(Cites, col(Cites.citing_id) == work_id),
        "cited_by": count(Cites, col(Cites.cited_id) == work_id),
        "records": count(StoredRecord, col(StoredRecord.work_id) == work_id),
        "observations": count(Observation, col(Observation.work_id) == work_id),
    }


def _conflicts(session: Session, work_id: int) -> list[ConflictOut]:
    rows = session.exec(
        select(IdentityConflict)
        .where(IdentityConflict.work_id == work_id)
        .order_by(col(IdentityConflict.id))
    ).all()
    records = record_refs(session, [row.record_id for row in rows])
    return [
        ConflictOut(
            scheme=row.scheme,
            value=row.value,
            kind=row.kind,
            detail=row.detail,
            seen_at=row.seen_at.isoformat(),
            record=records[row.record_id],
        )
        for row in rows
    ]


# -- bibliography and citations ------------------------------------------------------------------


def _reference_sources(session: Session, work_id: int) -> list[ReferenceSource]:
    """The lists held of this work, fullest first; pages of one list count as one."""
    rows = session.execute(
        sa.select(
            col(StoredRecord.source),
            col(StoredRecord.view),
            sa.func.count(),
            sa.func.count(col(Reference.cited_id)),
        )
        .join(StoredRecord, col(StoredRecord.id) == col(Reference.record_id))
        .where(col(Reference.citing_id) == work_id)
        .group_by(col(StoredRecord.source), col(StoredRecord.view))
    )
    claimed = {c.source: c.claimed for c in coverage(session, work_id) if c.direction[0] == "r"}
    found = [
        ReferenceSource(
            source=source, view=view, count=n, resolved=resolved, claimed=claimed.get(source)
        )
        for source, view, n, resolved in rows
    ]
    return sorted(found, key=lambda s: (-s.count, -s.resolved, s.source, s.view))


def read_references(session: Session, work_id: int, source: str | None = None) -> ReferenceList:
    """The fullest list held of the work's references, or the fullest by one source.

    Raises InvalidInput for a source none is held from, unless none is held at all.
    """
    sources = _reference_sources(session, work_id)
    chosen = next((s for s in sources if source in (None, s.source)), None)
    if chosen is None:
        if sources:
            known = ", ".join(sorted({s.source for s in sources}))
            raise InvalidInput(f"no reference list from {source!r} is held (known: {known})")
        return ReferenceList(source=None, view=None, sources=[], references=[])
    rows = session.exec(
        select(Reference)
        .join(StoredRecord, col(StoredRecord.id) == col(Reference.record_id))
        .where(
            Reference.citing_id == work_id,
            StoredRecord.source == chosen.source,
            StoredRecord.view == chosen.view,
        )
        # Pages were stored one after the other; within one, the order printed.
        .order_by(col(Reference.record_id), col(Reference.position))
    ).all()
    works = work_links(session, [row.cited_id for row in rows])
    return ReferenceList(
        source=chosen.source,
        view=chosen.view,
        sources=sources,
        references=[
            ReferenceOut(
                position=row.position,
                label=row.label,
                text=row.text,
                title=row.title,
                authors=row.authors,
                year=row.year,
                year_text=row.year_text,
                venue=row.venue,
                volume=row.volume,
                pages=row.pages,
                identifiers=row.identifiers,
                asserted_by=row.asserted_by,
                record_id=row.record_id,
                is_resolved=row.cited_id is not None,
                work=None if row.cited_id is None else works.get(row.cited_id),
            )
            for row in rows
        ],
    )


def list_citing(session: Session, work_id: int, asked: Asked) -> Page[CitingWork]:
    """Works that cite this one, and who says so."""
    found = list_rows(
        session,
        WORKS,
        asked,
        col(Work.id).in_(sa.select(col(Cites.citing_id)).where(col(Cites.cited_id) == work_id)),
    )
    sources: dict[int, set[str]] = defaultdict(set)
    for citing_id, source in session.execute(
        sa.select(col(CitationAssertion.citing_id), col(CitationAssertion.source)).where(
            col(CitationAssertion.cited_id) == work_id,
            col(CitationAssertion.citing_id).in_(found.results),
        )
    ):
        sources[citing_id].add(source)
    summaries = work_summaries(session, found.results)
    return found.of(
        [
            CitingWork(work=summary, sources=sorted(sources[int(summary.id[1:])]))
            for summary in summaries
        ]
    )


# -- who said what -------------------------------------------------------------------------------


def read_records(session: Session, *, work_id: int) -> list[RecordOut]:
    """Every record of the work, by source; `content` is the record as it was understood."""
    rows = session.exec(
        select(StoredRecord)
        .where(StoredRecord.work_id == work_id)
        .order_by(StoredRecord.source, StoredRecord.view, StoredRecord.key)
    )
    return [
        RecordOut(
            record_id=row.id or 0,
            source=row.source,
            key=row.key,
            view=row.view,
            payload_id=row.payload_id,
            first_seen=row.first_seen.isoformat(),
            changed_at=row.changed_at.isoformat(),
            content_sha256=row.content_sha256,
            content=orjson.loads(row.content),
        )
        for row in rows
    ]


def observations(session: Session, work_id: int) -> list[ObservationOut]:
    """Counts per source and metric, newest first within each; those without a date come last."""
    rows = session.execute(
        sa.select(Observation)
        .where(col(Observation.work_id) == work_id)
        .order_by(
            col(Observation.metric),
            col(Observation.source),
            col(Observation.dimension).nulls_first(),
            col(Observation.category),
            col(Observation.observed_at).desc().nulls_last(),
            col(Observation.id).desc(),
        )
    ).scalars()
    return [
        ObservationOut(
            source=row.source,
            metric=row.metric,
            dimension=row.dimension,
            category=row.category,
            value=row.value,
            observed_at=row.observed_at,
            record_id=row.record_id,
        )
        for row in rows
    ]


def coverage(session: Session, work_id: int) -> list[CoverageOut]:
    """Per source, how many references and citing works it claims, and how many are held."""
    rows = session.exec(
        select(Coverage)
        .where(Coverage.work_id == work_id)
        .order_by(col(Coverage.direction).desc(), Coverage.source)
    )
    return [
        CoverageOut(
            source=row.source,
            direction=row.direction,
            claimed=row.claimed,
            held=row.held,
            resolved=row.resolved,
            truncated_by=row.truncated_by,
            observed_at=row.observed_at,
        )
        for row in rows
    ]


def read_payload(session: Session, payload_id: int) -> PayloadOut | None:
    """Everything but the body, or None where there is no such payload."""
    columns = [c for c in sa.inspect(StoredPayload).columns if c.key != "body"]
    row = session.execute(sa.select(*columns).where(col(StoredPayload.id) == payload_id)).first()
    if row is None:
        return None
    records = session.exec(
        select(StoredRecord.id).where(StoredRecord.payload_id == payload_id).limit(200)
    ).all()
    return PayloadOut(
        payload_id=payload_id,
        source=row.source,
        request=row.request,
        status=row.status,
        media_type=row.media_type,
        headers=row.headers,
        fetched_at=row.fetched_at.isoformat(),
        sha256=row.sha256,
        size=row.size,
        records=list(record_refs(session, records).values()),
    )
