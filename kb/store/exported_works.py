"""Works as they leave the base: each derived work as one record again, for any reference format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import InvalidInput
from kb.formats.references.formats import Format, by_name
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier, Scheme
from kb.models.ids import Kind, public_id
from kb.models.records import (
    AbstractSection,
    Affiliation,
    AuthorClaim,
    ConceptClaim,
    DateClaim,
    FundingClaim,
    NoticeClaim,
    NoticeKind,
    RegistrationMention,
    RelationClaim,
    VenueClaim,
    WorkRecord,
    WorkType,
)
from kb.models.tables import (
    Author,
    Authorship,
    Concept,
    Funder,
    Notice,
    NoticeAssertion,
    Registration,
    Venue,
    VenueKey,
    Work,
    WorkConcept,
    WorkFunding,
    WorkIdentifier,
    WorkRegistration,
    WorkRelation,
)
from kb.store.listing import Asked, each_batch
from kb.store.reports import NAMED
from kb.store.works import WORKS, particulars_of

SOURCE: Final = "msc-evidence-base"
_AT_ONCE: Final = 500
# Who says so, of several that report one notice: the publisher's own word, where there is one.
_OWN_WORD: Final = "publisher"

EXPORT_FORMATS: Final[tuple[Format, ...]] = tuple(
    by_name(name)
    for name in (
        "ris", "nbib", "bibtex", "biblatex", "csl-json", "endnote-xml", "pubmed-xml", "csv", "xlsx"
    )
)  # fmt: skip


def export_format(name: str) -> Format:
    """The format people mean. Raises InvalidInput for one that works cannot be exported in."""
    found = by_name(name)
    if found not in EXPORT_FORMATS:
        known = ", ".join(format.name for format in EXPORT_FORMATS)
        raise InvalidInput(f"works cannot be exported as {found.title} (expected one of {known})")
    return found


def selected_records(session: Session, asked: Asked) -> Iterator[WorkRecord]:
    """All works of the list, in its order, as many as it counts, whatever page was asked for."""
    for numbers in each_batch(session, WORKS, asked, size=_AT_ONCE):
        yield from _batch(session, numbers)


def work_records(session: Session, ids: Iterable[int]) -> Iterator[WorkRecord]:
    """The works with these row numbers, in the order given; numbers of no work are left out.

    The record's `key` is the work's public id and `label` what the people who brought it in call
    it, else the public id. Notes name the public id, and say of a retracted work that it is.
    Memory holds some hundred works at a time.
    """
    numbers = iter(ids)
    while batch := list(islice(numbers, _AT_ONCE)):
        yield from _batch(session, batch)


def _batch(session: Session, numbers: Sequence[int]) -> Iterator[WorkRecord]:
    wanted = set(numbers)
    works = {w.id: w for w in session.exec(select(Work).where(col(Work.id).in_(wanted)))}
    identifiers = _identifiers(session, wanted)
    venues = _venues(session, {w.venue_id for w in works.values() if w.venue_id is not None})
    authors = _authors(session, wanted)
    concepts = _concepts(session, wanted)
    funding = _funding(session, wanted)
    notices = _notices(session, wanted)
    relations = _relations(session, wanted)
    registrations = _registrations(session, wanted)
    for number in numbers:
        work = works.get(number)
        if work is None:
            continue
        said = particulars_of(work)
        name = public_id(Kind.WORK, number)
        yield WorkRecord(
            source=SOURCE,
            key=name,
            label=said.labels[0].label if said.labels else name,
            identifiers=tuple(identifiers[number]),
            title=work.title,
            original_title=work.original_title,
            abstract=tuple(AbstractSection(**section) for section in work.abstract or ()),
            abstract_license=said.abstract_license,
            type=WorkType(work.type) if work.type else None,
            types_as_given=tuple(work.types_as_given),
            published=PartialDate(work.published) if work.published else None,
            dates=tuple(DateClaim(**date) for date in work.dates),
            venue=said.venue or venues.get(work.venue_id),
            volume=work.volume,
            issue=work.issue,
            pages=work.pages,
            article_number=work.article_number,
            language=work.language,
            authors=tuple(authors[number]),
            authors_complete=said.authors_complete,
            concepts=_in_order(concepts[number], said.keywords),
            funding=tuple(funding[number]),
            notices=tuple(notices[number]),
            relations=tuple(relations[number]),
            registrations=tuple(registrations[number]),
            license=work.license,
            is_open_access=work.is_open_access,
            open_access_url=work.open_access_url,
            is_flagged_retracted=work.is_flagged_retracted,
            updated=said.updated,
            contributors=said.contributors,
            short_title=said.short_title,
            series=said.series,
            edition=said.edition,
            place=said.place,
            event=said.event,
            isbns=said.isbns,
            urls=said.urls,
            notes=_notes(name, work, said.notes, notices[number]),
            extra=said.extra,
        )


def _notes(
    name: str, work: Work, given: Sequence[str], notices: Sequence[NoticeClaim]
) -> tuple[str, ...]:
    """Its standing first, so that it is seen; then what was noted, and what the work is here."""
    standing = [_said(notice) for notice in notices if notice.is_about_self]
    if work.is_flagged_retracted and not work.is_retracted:
        standing.append("Flagged as retracted by a source; no notice of it is held")
    # What this base wrote into a file that has come back is not written twice.
    return tuple(dict.fromkeys([*standing, *given, f"Evidence base: {name}"]))


_STANDING: Final = {
    NoticeKind.RETRACTION: "RETRACTED",
    NoticeKind.PARTIAL_RETRACTION: "RETRACTED IN PART",
    NoticeKind.WITHDRAWAL: "WITHDRAWN",
    NoticeKind.REMOVAL: "REMOVED",
    NoticeKind.CONCERN: "EXPRESSION OF CONCERN",
    NoticeKind.CORRECTION: "Corrected",
    NoticeKind.REINSTATEMENT: "Reinstated",
}


def _said(notice: NoticeClaim) -> str:
    other = ", ".join(str(i) for i in notice.other)
    return " ".join(filter(None, (_STANDING[notice.kind], notice.date, other and f"({other})")))


def _identifiers(session: Session, numbers: set[int]) -> dict[int, list[Identifier]]:
    rows = session.exec(select(WorkIdentifier).where(col(WorkIdentifier.work_id).in_(numbers)))
    found: dict[int, list[Identifier]] = defaultdict(list)
    for row in rows:
        found[row.work_id].append(Identifier(Scheme(row.scheme), row.value))
    for held in found.values():
        held.sort()
    return found


def _venues(session: Session, numbers: set[int]) -> dict[int | None, VenueClaim]:
    issns = defaultdict(list)
    for row in session.exec(
        select(VenueKey).where(col(VenueKey.venue_id).in_(numbers)).order_by(VenueKey.key)
    ):
        if row.key.startswith("issn:"):
            issns[row.venue_id].append(row.key.removeprefix("issn:"))
    return {
        venue.id: VenueClaim(
            name=venue.name,
            abbreviation=venue.abbreviation,
            issns=tuple(issns[venue.id or 0]),
            publisher=venue.publisher,
            nlm_id=venue.nlm_id,
        )
        for venue in session.exec(select(Venue).where(col(Venue.id).in_(numbers)))
    }


def _authors(session: Session, numbers: set[int]) -> dict[int, list[AuthorClaim]]:
    rows = session.execute(
        sa.select(
            col(Authorship.work_id),
            col(Authorship.family),
            col(Authorship.given),
            col(Authorship.suffix),
            col(Authorship.collective),
            col(Authorship.name),
            col(Authorship.is_corresponding),
            col(Authorship.affiliations),
            col(Author.orcid),
            col(Author.openalex_id),
        )
        .outerjoin(Author, col(Author.id) == col(Authorship.author_id))
        .where(col(Authorship.work_id).in_(numbers))
        .order_by(col(Authorship.work_id), col(Authorship.position))
    )
    found = defaultdict(list)
    for row in rows:
        found[row.work_id].append(
            AuthorClaim(
                family=row.family,
                given=row.given,
                suffix=row.suffix,
                collective=row.collective,
                # Where the parts are known, the whole is only how lists show them.
                name=None if row.family or row.collective else row.name,
                orcid=row.orcid,
                openalex_id=row.openalex_id,
                affiliations=tuple(Affiliation(**a) for a in row.affiliations),
                is_corresponding=row.is_corresponding,
            )
        )
    return found


def _concepts(session: Session, numbers: set[int]) -> dict[int, list[ConceptClaim]]:
    rows = session.execute(
        sa.select(
            col(WorkConcept.work_id),
            col(Concept.scheme),
            col(Concept.label),
            col(Concept.code),
            col(WorkConcept.is_major),
            col(WorkConcept.qualifiers),
        )
        .join(Concept, col(Concept.id) == col(WorkConcept.concept_id))
        .where(col(WorkConcept.work_id).in_(numbers))
        .order_by(col(Concept.scheme), col(Concept.label), col(Concept.id))
    )
    found = defaultdict(list)
    for row in rows:
        found[row.work_id].append(
            ConceptClaim(
                scheme=row.scheme,
                label=row.label,
                code=row.code,
                is_major=row.is_major,
                qualifiers=tuple(row.qualifiers),
            )
        )
    return found


def _in_order(
    concepts: Sequence[ConceptClaim], keywords: Sequence[str]
) -> tuple[ConceptClaim, ...]:
    """Keywords as they were given, in order; other concepts by scheme and label."""
    others = [c for c in concepts if c.scheme != "keyword"]
    held = {_words(c.label): c for c in concepts if c.scheme == "keyword"}
    ordered = []
    for label in keywords:
        known = held.pop(_words(label), ConceptClaim(scheme="keyword", label=label))
        ordered.append(replace(known, label=label))
    return (*others, *ordered, *held.values())


def _words(label: str) -> str:
    return " ".join(label.casefold().split())


def _funding(session: Session, numbers: set[int]) -> dict[int, list[FundingClaim]]:
    rows = session.execute(
        sa.select(
            col(WorkFunding.work_id),
            col(Funder.name),
            col(Funder.doi),
            col(Funder.ror),
            col(WorkFunding.award),
            col(WorkFunding.country),
        )
        .join(Funder, col(Funder.id) == col(WorkFunding.funder_id))
        .where(col(WorkFunding.work_id).in_(numbers))
        .order_by(col(Funder.name), col(WorkFunding.award))
    )
    found = defaultdict(list)
    for row in rows:
        found[row.work_id].append(
            FundingClaim(
                funder=row.name,
                funder_doi=row.doi,
                funder_ror=row.ror,
                award=row.award or None,
                country=row.country,
            )
        )
    return found


def _notices(session: Session, numbers: set[int]) -> dict[int, list[NoticeClaim]]:
    """Notices about the works, and of works that are notices those that they are."""
    notices = session.exec(
        select(Notice)
        .where(sa.or_(col(Notice.work_id).in_(numbers), col(Notice.notice_work_id).in_(numbers)))
        .order_by(col(Notice.date).nulls_last(), col(Notice.id))
    ).all()
    said: dict[int, NoticeAssertion] = {}
    for row in session.exec(
        select(NoticeAssertion)
        .where(col(NoticeAssertion.notice_id).in_([n.id for n in notices]))
        .order_by(NoticeAssertion.source, col(NoticeAssertion.id))
    ):
        held = said.setdefault(row.notice_id, row)
        if row.asserted_by == _OWN_WORD and held.asserted_by != _OWN_WORD:
            said[row.notice_id] = row
    others = _identifiers(session, {i for n in notices for i in (n.work_id, n.notice_work_id or 0)})
    found = defaultdict(list)
    for notice in notices:
        word = said.get(notice.id or 0)
        if notice.work_id in numbers:
            other = others[notice.notice_work_id or 0]
            found[notice.work_id].append(_notice(notice, word, other, is_about_self=True))
        if notice.notice_work_id in numbers:
            other = others[notice.work_id]
            found[notice.notice_work_id].append(_notice(notice, word, other, is_about_self=False))
    return found


def _notice(
    notice: Notice,
    word: NoticeAssertion | None,
    other: Sequence[Identifier],
    *,
    is_about_self: bool,
) -> NoticeClaim:
    return NoticeClaim(
        kind=NoticeKind(notice.kind),
        is_about_self=is_about_self,
        other=tuple(other),
        date=PartialDate(notice.date) if notice.date else None,
        label=word.label if word else None,
        asserted_by=word.asserted_by if word else None,
        text=word.text if word else None,
    )


def _relations(session: Session, numbers: set[int]) -> dict[int, list[RelationClaim]]:
    """To works that have an identifier; others could not be named."""
    rows = session.execute(
        sa.select(col(WorkRelation.work_id), col(WorkRelation.kind), col(WorkRelation.other_id))
        .where(col(WorkRelation.work_id).in_(numbers))
        .distinct()
        .order_by(col(WorkRelation.kind), col(WorkRelation.other_id))
    ).all()
    others = _identifiers(session, {row.other_id for row in rows})
    found = defaultdict(list)
    for row in rows:
        if others[row.other_id]:
            found[row.work_id].append(
                RelationClaim(kind=row.kind, other=tuple(others[row.other_id]))
            )
    return found


def _registrations(session: Session, numbers: set[int]) -> dict[int, list[RegistrationMention]]:
    """Those the work itself names; that a registry lists a work is no part of its description."""
    rows: Any = session.execute(
        sa.select(
            col(WorkRegistration.work_id),
            col(Registration.number),
            col(Registration.registry_name),
        )
        .join(Registration, col(Registration.id) == col(WorkRegistration.registration_id))
        .where(col(WorkRegistration.work_id).in_(numbers), col(WorkRegistration.kind) == NAMED)
        .distinct()
        .order_by(col(Registration.number))
    )
    found = defaultdict(list)
    for row in rows:
        found[row.work_id].append(
            RegistrationMention(number=row.number, registry=row.registry_name)
        )
    return found
