"""Writing what `kb.derive` made of a work's records: the work and the rows that belong to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from kb.derive import DerivedWork, concept_key, derive_work
from kb.identity.names import fold
from kb.models.dates import partial_date
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    AuthorClaim,
    ConceptClaim,
    FundingClaim,
    VenueClaim,
    View,
    WorkRecord,
)
from kb.models.tables import (
    Author,
    Authorship,
    Concept,
    Funder,
    Notice,
    Reference,
    StoredRecord,
    Venue,
    VenueKey,
    Work,
    WorkConcept,
    WorkFunding,
)
from kb.store.records import as_work_record

_SHOWN_AUTHORS = 6  # in lists; the NLM style names six before "et al."


def rederive(session: Session, work_id: int, now: datetime) -> bool:
    """Recompute the work from its records; False where nothing changed and nothing was written."""
    work = session.get(Work, work_id)
    assert work is not None
    derived = derive_work(_records(session, work_id), _mentions(session, work_id))
    changed = _assign(work, _columns(session, derived))
    changed |= _replace(
        session,
        Authorship,
        work_id,
        [_authorship(session, work_id, n, a) for n, a in enumerate(derived.authors, 1)],
    )
    changed |= _replace(
        session, WorkConcept, work_id, _concepts(session, work_id, derived.concepts)
    )
    changed |= _replace(session, WorkFunding, work_id, _funding(session, work_id, derived.funding))
    if changed:
        work.changed_at = now
        session.add(work)
        session.flush()
    return changed


def records_of(session: Session, work_id: int) -> list[tuple[int, WorkRecord]]:
    return list(_records(session, work_id))


def _records(session: Session, work_id: int) -> Iterable[tuple[int, WorkRecord]]:
    rows = session.exec(
        select(StoredRecord).where(
            StoredRecord.work_id == work_id,
            col(StoredRecord.view).in_((View.WORK, View.BRIEF)),
        )
    )
    for row in rows:
        assert row.id is not None
        yield row.id, as_work_record(row)


def _mentions(session: Session, work_id: int) -> Iterable[tuple[int, WorkRecord]]:
    """How bibliographies describe the work. Read only by works that have no record."""
    rows = session.exec(
        select(Reference, StoredRecord)
        .join(StoredRecord, col(StoredRecord.id) == col(Reference.record_id))
        .where(Reference.cited_id == work_id)
        .limit(200)
    )
    for row, stored in rows:
        yield (
            row.record_id,
            WorkRecord(
                source=stored.source,
                key=f"{stored.key} reference {row.position}",
                view=View.BRIEF,
                identifiers=tuple(_identifiers(row.identifiers)),
                title=row.title,
                published=partial_date(row.year),
                venue=VenueClaim(name=row.venue) if row.venue else None,
                volume=row.volume,
                pages=row.pages,
                authors=(AuthorClaim(name=row.authors),) if row.authors else (),
            ),
        )


def _identifiers(texts: Iterable[str]) -> Iterable[Identifier]:
    for text in texts:
        scheme, _, value = text.partition(":")
        yield Identifier(Scheme(scheme), value)


def _columns(session: Session, derived: DerivedWork) -> dict[str, Any]:
    return {
        "title": derived.title,
        "original_title": derived.original_title,
        "abstract": [asdict(section) for section in derived.abstract] or None,
        "type": derived.type,
        "types_as_given": list(derived.types_as_given),
        "published": derived.published,
        "year": derived.year,
        "dates": [asdict(date) for date in derived.dates],
        "venue_id": _venue(session, derived.venue),
        "volume": derived.volume,
        "issue": derived.issue,
        "pages": derived.pages,
        "article_number": derived.article_number,
        "language": derived.language,
        "license": derived.license,
        "is_open_access": derived.is_open_access,
        "open_access_url": derived.open_access_url,
        "is_described": derived.is_described,
        "is_flagged_retracted": derived.is_flagged_retracted,
        "authors_text": authors_text(derived.authors),
        "provenance": dict(sorted(derived.provenance.items())),
    }


def _assign(row: SQLModel, values: dict[str, Any]) -> bool:
    changed = False
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed = True
    return changed


def _replace(session: Session, table: type[Any], work_id: int, wanted: Sequence[SQLModel]) -> bool:
    """Make the work's rows of a table those wanted, touching nothing where they already are."""
    held = session.exec(select(table).where(table.work_id == work_id)).all()
    as_rows = {_frozen(row.model_dump()) for row in held}
    if as_rows == {_frozen(row.model_dump()) for row in wanted} and len(held) == len(wanted):
        return False
    session.execute(sa.delete(table).where(table.work_id == work_id))
    session.add_all(wanted)
    session.flush()
    return True


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((k, _frozen(v)) for k, v in sorted(value.items()))
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def display_name(author: AuthorClaim) -> str:
    if author.family:
        parts = (author.given, author.family, author.suffix)
        return " ".join(part for part in parts if part)
    return author.collective or author.name or "name not given"


def authors_text(authors: Sequence[AuthorClaim]) -> str | None:
    """ "Iacobaeus E, Kadri N, ... et al." for lists."""
    shown = [_short_name(author) for author in authors[:_SHOWN_AUTHORS]]
    if not shown:
        return None
    return ", ".join(shown) + (", et al." if len(authors) > _SHOWN_AUTHORS else "")


def _short_name(author: AuthorClaim) -> str:
    if not author.family:
        return display_name(author)
    given = author.given or ""
    initials = (
        given
        if given.isupper() and len(given) <= 4
        else "".join(part[0].upper() for part in given.replace("-", " ").split())
    )
    return f"{author.family} {initials}".strip()


def _authorship(session: Session, work_id: int, position: int, author: AuthorClaim) -> Authorship:
    return Authorship(
        work_id=work_id,
        position=position,
        author_id=_author(session, author),
        family=author.family,
        given=author.given,
        suffix=author.suffix,
        collective=author.collective,
        name=display_name(author),
        is_corresponding=author.is_corresponding,
        affiliations=[asdict(affiliation) for affiliation in author.affiliations],
    )


def _author(session: Session, claim: AuthorClaim) -> int | None:
    """The person behind a strong id; an ORCID is believed before an OpenAlex id."""
    if not claim.orcid and not claim.openalex_id:
        return None
    found = None
    if claim.orcid:
        found = session.exec(select(Author).where(Author.orcid == claim.orcid)).first()
    if found is None and claim.openalex_id:
        by_openalex = session.exec(
            select(Author).where(Author.openalex_id == claim.openalex_id)
        ).first()
        if by_openalex is not None and not (claim.orcid and by_openalex.orcid):
            found = by_openalex
            found.orcid = found.orcid or claim.orcid
    if found is None:
        taken = (
            claim.openalex_id
            and session.exec(
                select(Author.id).where(Author.openalex_id == claim.openalex_id)
            ).first()
        )
        found = Author(
            name=display_name(claim),
            orcid=claim.orcid,
            openalex_id=None if taken else claim.openalex_id,
        )
    session.add(found)
    session.flush()
    return found.id


def _venue(session: Session, claim: VenueClaim | None) -> int | None:
    """Recognised by any ISSN, else by its folded name."""
    if claim is None:
        return None
    keys = [f"issn:{issn}" for issn in claim.issns]
    name = claim.name or claim.abbreviation
    if not keys and name:
        keys = [f"name:{fold(name)}"]
    if not keys:
        return None
    known = session.exec(
        select(VenueKey).where(col(VenueKey.key).in_(keys)).order_by(col(VenueKey.venue_id))
    ).all()
    venue = session.get(Venue, known[0].venue_id) if known else None
    venue = venue or Venue()
    venue.name = venue.name or claim.name
    venue.abbreviation = venue.abbreviation or claim.abbreviation
    venue.publisher = venue.publisher or claim.publisher
    venue.nlm_id = venue.nlm_id or claim.nlm_id
    session.add(venue)
    session.flush()
    venue_id = venue.id
    assert venue_id is not None
    for key in sorted(set(keys) - {row.key for row in known}):
        session.add(VenueKey(key=key, venue_id=venue_id))
    session.flush()
    return venue_id


def _concepts(session: Session, work_id: int, claims: Sequence[ConceptClaim]) -> list[WorkConcept]:
    rows = {}
    for claim in claims:
        scheme, key = concept_key(claim)
        known = session.exec(
            select(Concept).where(Concept.scheme == scheme, Concept.key == key)
        ).first()
        if known is None:
            known = Concept(scheme=scheme, key=key, label=claim.label, code=claim.code)
            session.add(known)
            session.flush()
        assert known.id is not None
        rows[known.id] = WorkConcept(
            work_id=work_id,
            concept_id=known.id,
            is_major=claim.is_major,
            qualifiers=list(claim.qualifiers),
        )
    return list(rows.values())


def _funding(session: Session, work_id: int, claims: Sequence[FundingClaim]) -> list[WorkFunding]:
    rows = {}
    for claim in claims:
        key = claim.funder_doi or claim.funder_ror or fold(claim.funder)
        known = session.exec(select(Funder).where(Funder.key == key)).first()
        if known is None:
            known = Funder(key=key, name=claim.funder, doi=claim.funder_doi, ror=claim.funder_ror)
            session.add(known)
            session.flush()
        assert known.id is not None
        award = claim.award or ""
        rows[known.id, award] = WorkFunding(work_id=work_id, funder_id=known.id, award=award)
    return list(rows.values())


_RETRACTING = ("retraction", "withdrawal", "removal")


def refresh_retraction(session: Session, work_id: int, now: datetime) -> None:
    """A work is retracted while a retraction stands that no later reinstatement reverses."""
    notices = session.exec(select(Notice).where(Notice.work_id == work_id)).all()
    reinstated = [n.date or "" for n in notices if n.kind == "reinstatement"]
    stands = any(
        n.kind in _RETRACTING and not any(date >= (n.date or "") for date in reinstated)
        for n in notices
    )
    work = session.get(Work, work_id)
    assert work is not None
    if work.is_retracted != stands:
        work.is_retracted, work.changed_at = stands, now
        session.add(work)
        session.flush()
