"""Writing what `kb.derive` made of a work's records: the work and the rows that belong to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
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
    to_json,
)
from kb.models.tables import (
    Author,
    Authorship,
    Concept,
    Funder,
    Reference,
    StoredRecord,
    Venue,
    VenueKey,
    Work,
    WorkConcept,
    WorkFunding,
)
from kb.store.records import as_work_record

_READ_MENTIONS = 5  # of what bibliographies say of a work, enough to choose from
_AT_ONCE = 500
_SHOWN_AUTHORS = 6  # in lists; the NLM style names six before "et al."


def rederive(session: Session, work_id: int, now: datetime) -> bool:
    """Recompute the work from its records; False where nothing changed and nothing was written."""
    work = session.get(Work, work_id)
    assert work is not None
    records = records_of(session, work_id)
    mentions = () if records else _mentions(session, [work_id]).get(work_id, ())
    derived = derive_work(records, mentions)
    # All sources' names and ISSNs of the venue, so that it does not matter which was believed when.
    for _, record in records:
        if record.venue != derived.venue:
            _venue(session, record.venue, now)
    was_described = work.is_described
    changed = _assign(work, _columns(derived, _venue(session, derived.venue, now)))
    # A bibliography names authors in a line of text, and says nothing of concepts or funding.
    if derived.is_described or was_described:
        authors = derived.authors if derived.is_described else ()
        rows = [_authorship(session, work_id, n, a) for n, a in enumerate(authors, 1)]
        changed |= _replace(session, Authorship, work_id, rows)
        concepts = _concepts(session, work_id, derived.concepts)
        changed |= _replace(session, WorkConcept, work_id, concepts)
        funding = _funding(session, work_id, derived.funding)
        changed |= _replace(session, WorkFunding, work_id, funding)
    if changed:
        work.changed_at = now
        session.add(work)
        session.flush()
    return changed


def rederive_mentioned(session: Session, work_ids: Iterable[int], now: datetime) -> None:
    """Recompute works that have no record, many at once."""
    ids = sorted(work_ids)
    for start in range(0, len(ids), _AT_ONCE):
        chunk = ids[start : start + _AT_ONCE]
        mentions = _mentions(session, chunk)
        derived = {work_id: derive_work((), mentions.get(work_id, ())) for work_id in chunk}
        venues = _venues_named(session, [d.venue for d in derived.values()], now)
        for work in session.exec(select(Work).where(col(Work.id).in_(chunk))).all():
            made = derived[work.id or 0]
            if _assign(work, _columns(made, venues.get(made.venue))):
                work.changed_at = now
                session.add(work)
        session.flush()


def records_of(session: Session, work_id: int) -> list[tuple[int, WorkRecord]]:
    """(id, record) of all that describe the work."""
    rows = session.exec(
        select(StoredRecord).where(
            StoredRecord.work_id == work_id,
            col(StoredRecord.view).in_((View.WORK, View.BRIEF)),
        )
    )
    return [(row.id, as_work_record(row)) for row in rows if row.id is not None]


def _mentions(session: Session, work_ids: Sequence[int]) -> dict[int, list[tuple[int, WorkRecord]]]:
    """How bibliographies describe the works: (id of the record that does, description)."""
    # The fullest come first, and the same ones whatever was read first.
    order = (
        col(Reference.title).is_(None),
        col(Reference.year).is_(None),
        col(StoredRecord.source),
        col(StoredRecord.key),
        col(StoredRecord.view),
        col(Reference.position),
    )
    place = sa.func.row_number().over(partition_by=col(Reference.cited_id), order_by=order)
    ranked = (
        sa.select(col(Reference.id), place.label("place"))
        .join(StoredRecord, col(StoredRecord.id) == col(Reference.record_id))
        .where(col(Reference.cited_id).in_(work_ids))
        .subquery()
    )
    rows = session.execute(
        sa.select(
            Reference, col(StoredRecord.source), col(StoredRecord.key), col(StoredRecord.view)
        )
        .join(ranked, ranked.c.id == col(Reference.id))
        .join(StoredRecord, col(StoredRecord.id) == col(Reference.record_id))
        .where(ranked.c.place <= _READ_MENTIONS)
    )
    found: dict[int, list[tuple[int, WorkRecord]]] = {}
    for row, source, key, view in rows:
        described = WorkRecord(
            source=source,
            key=f"{key} {view} {row.position:06d}",
            view=View.BRIEF,
            identifiers=tuple(_identifiers(row.identifiers)),
            title=row.title,
            published=partial_date(row.year),
            venue=VenueClaim(name=row.venue) if row.venue else None,
            volume=row.volume,
            pages=row.pages,
            authors=(AuthorClaim(name=row.authors),) if row.authors else (),
        )
        found.setdefault(row.cited_id, []).append((row.record_id, described))
    return found


def _identifiers(texts: Iterable[str]) -> Iterable[Identifier]:
    for text in texts:
        scheme, _, value = text.partition(":")
        yield Identifier(Scheme(scheme), value)


def _columns(derived: DerivedWork, venue_id: int | None) -> dict[str, Any]:
    return {
        "title": derived.title,
        "original_title": derived.original_title,
        "abstract": [asdict(section) for section in derived.abstract] or None,
        "type": derived.type,
        "types_as_given": list(derived.types_as_given),
        "published": derived.published,
        "year": derived.year,
        "dates": [asdict(date) for date in derived.dates],
        "venue_id": venue_id,
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
        "particulars": orjson.loads(to_json(derived.particulars)) if derived.particulars else None,
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
    if not held and not wanted:
        return False
    if held:
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
    by_orcid = by_openalex = None
    if claim.orcid:
        by_orcid = session.exec(select(Author).where(Author.orcid == claim.orcid)).first()
    if claim.openalex_id:
        query = select(Author).where(Author.openalex_id == claim.openalex_id)
        by_openalex = session.exec(query).first()
    found = by_orcid
    if found is None and by_openalex is not None and not (claim.orcid and by_openalex.orcid):
        found = by_openalex
    found = found or Author(name=display_name(claim))
    found.orcid = found.orcid or claim.orcid
    if by_openalex is None:
        found.openalex_id = found.openalex_id or claim.openalex_id
    # The name in its fullest spelling, so that it does not matter which work came first.
    found.name = _fullest(found.name, display_name(claim))
    session.add(found)
    session.flush()
    return found.id


def _fullest(*names: str | None) -> Any:
    """The longest; of equally long ones the first in the alphabet. None if there is none."""
    return min((n for n in names if n), key=lambda n: (-len(n), n), default=None)


def _venue(session: Session, claim: VenueClaim | None, now: datetime) -> int | None:
    """Recognised by any ISSN, else by its folded name. ISSNs given together are one venue's."""
    if claim is None:
        return None
    keys = [f"issn:{issn}" for issn in claim.issns]
    name = fold(claim.name or claim.abbreviation or "")
    if not keys and name:
        keys = [f"name:{name}"]
    if not keys:
        return None
    known = session.exec(
        select(VenueKey).where(col(VenueKey.key).in_(keys)).order_by(col(VenueKey.venue_id))
    ).all()
    ids = sorted({row.venue_id for row in known})
    venue = session.get(Venue, ids[0]) if ids else None
    venue = venue or Venue()
    for other in filter(None, (session.get(Venue, i) for i in ids[1:])):
        _describe_venue(venue, other)
        keys_of, works_of = (col(table.venue_id) == other.id for table in (VenueKey, Work))
        session.execute(sa.update(VenueKey).where(keys_of).values(venue_id=ids[0]))
        session.execute(sa.update(Work).where(works_of).values(venue_id=ids[0], changed_at=now))
        session.delete(other)
    _describe_venue(venue, claim)
    session.add(venue)
    session.flush()
    assert venue.id is not None
    for key in sorted(set(keys) - {row.key for row in known}):
        session.add(VenueKey(key=key, venue_id=venue.id))
    session.flush()
    return venue.id


def _venues_named(
    session: Session, claims: Iterable[VenueClaim | None], now: datetime
) -> dict[VenueClaim | None, int | None]:
    """Venues that bibliographies know by name alone, many at once."""
    folded = {claim: fold(claim.name or "") for claim in claims if claim}
    keys = {claim: f"name:{name}" for claim, name in folded.items() if name}
    query = select(VenueKey.key, VenueKey.venue_id).where(col(VenueKey.key).in_(keys.values()))
    known = dict(session.exec(query).all())
    return {claim: known.get(key) or _venue(session, claim, now) for claim, key in keys.items()}


def _describe_venue(venue: Venue, said: Venue | VenueClaim) -> None:
    venue.name = _fullest(venue.name, said.name)
    venue.abbreviation = _fullest(venue.abbreviation, said.abbreviation)
    venue.publisher = _fullest(venue.publisher, said.publisher)
    venue.nlm_id = _fullest(venue.nlm_id, said.nlm_id)


def _concepts(session: Session, work_id: int, claims: Sequence[ConceptClaim]) -> list[WorkConcept]:
    if not claims:
        return []
    keys = [concept_key(claim) for claim in claims]
    named = sa.tuple_(col(Concept.scheme), col(Concept.key)).in_(keys)
    known = {(c.scheme, c.key): c for c in session.exec(select(Concept).where(named))}
    for claim, (scheme, key) in zip(claims, keys):
        concept = known.setdefault(
            (scheme, key), Concept(scheme=scheme, key=key, label=claim.label, code=claim.code)
        )
        concept.label = _fullest(concept.label, claim.label)
        concept.code = concept.code or claim.code
        session.add(concept)
    session.flush()
    rows = {}
    for claim, of_concept in zip(claims, keys):
        concept_id = known[of_concept].id
        assert concept_id is not None
        rows[concept_id] = WorkConcept(
            work_id=work_id,
            concept_id=concept_id,
            is_major=claim.is_major,
            qualifiers=list(claim.qualifiers),
        )
    return list(rows.values())


def _funding(session: Session, work_id: int, claims: Sequence[FundingClaim]) -> list[WorkFunding]:
    if not claims:
        return []
    keys = [claim.funder_doi or claim.funder_ror or fold(claim.funder) for claim in claims]
    known = {f.key: f for f in session.exec(select(Funder).where(col(Funder.key).in_(keys)))}
    for claim, key in zip(claims, keys):
        funder = known.setdefault(key, Funder(key=key, name=claim.funder))
        funder.name = _fullest(funder.name, claim.funder)
        funder.doi = funder.doi or claim.funder_doi
        funder.ror = funder.ror or claim.funder_ror
        session.add(funder)
    session.flush()
    rows = {}
    for claim, key in zip(claims, keys):
        funder_id = known[key].id
        assert funder_id is not None
        award = claim.award or ""
        rows[funder_id, award] = WorkFunding(
            work_id=work_id, funder_id=funder_id, award=award, country=claim.country
        )
    return list(rows.values())
