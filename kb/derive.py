"""A work recomputed from all its records: pure, and the same whatever the order of arrival."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from kb.identity.names import fold
from kb.models.dates import PartialDate, year_of
from kb.models.identifiers import Identifier
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    ConceptClaim,
    DateClaim,
    FundingClaim,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)

# Who is believed first, per kind of fact. Indexers' records are checked by people and keep the
# printed text; publishers' deposits know volume, dates and licence best; OpenAlex is compiled by
# machine and goes last. A source not named stands after those named, in alphabetical order.
_TEXT = ("pubmed", "europepmc", "crossref", "openalex")
_BIBLIOGRAPHY = ("crossref", "pubmed", "europepmc", "openalex")

_PREFERENCE: dict[str, tuple[str, ...]] = {
    "title": _TEXT,
    "original_title": _TEXT,
    "abstract": _TEXT,
    "authors": ("pubmed", "crossref", "europepmc", "openalex"),
    "published": _BIBLIOGRAPHY,
    "venue": _BIBLIOGRAPHY,
    "volume": _BIBLIOGRAPHY,
    "issue": _BIBLIOGRAPHY,
    "pages": _BIBLIOGRAPHY,
    "article_number": _BIBLIOGRAPHY,
    "language": _TEXT,
    "license": ("crossref", "europepmc", "openalex"),
    "is_open_access": ("europepmc", "openalex", "crossref"),
    "open_access_url": ("europepmc", "openalex", "crossref"),
}

# "article" is what sources say when they know nothing better; any of these says more.
_VAGUE = (WorkType.ARTICLE, WorkType.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedWork:
    """A work's fields and, per field, the id of the record it was taken from.

    A field no record gives is None (or empty) and has no provenance. Nor has a field gathered
    from several records (concepts, funding, identifiers, dates).
    """

    identifiers: tuple[Identifier, ...] = ()
    title: str | None = None
    original_title: str | None = None
    abstract: tuple[AbstractSection, ...] = ()
    type: WorkType | None = None
    types_as_given: tuple[str, ...] = ()
    published: PartialDate | None = None
    dates: tuple[DateClaim, ...] = ()
    venue: VenueClaim | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    article_number: str | None = None
    language: str | None = None
    license: str | None = None
    is_open_access: bool | None = None
    open_access_url: str | None = None
    is_flagged_retracted: bool | None = None
    is_described: bool = False
    authors: tuple[AuthorClaim, ...] = ()
    concepts: tuple[ConceptClaim, ...] = ()
    funding: tuple[FundingClaim, ...] = ()
    provenance: dict[str, int] = field(default_factory=dict)

    @property
    def year(self) -> int | None:
        return year_of(self.published)


def derive_work(
    records: Iterable[tuple[int, WorkRecord]], mentions: Iterable[tuple[int, WorkRecord]] = ()
) -> DerivedWork:
    """The work that these records (id, record) describe.

    `mentions` are descriptions in other works' reference lists; they are looked at only where no
    record exists, and leave the work undescribed. Any order of either gives the same work.
    """
    held = list(records)
    described = bool(held)
    if not held:
        held = list(mentions)
    provenance: dict[str, int] = {}

    def first(name: str, accept: Callable[[WorkRecord], bool] | None = None) -> Any:
        for record_id, record in _by_preference(held, _PREFERENCE.get(name, _TEXT)):
            value = getattr(record, name)
            if value is not None and value != () and (accept is None or accept(record)):
                provenance[name] = record_id
                return value
        return None

    chosen = {name: first(name) for name in _PREFERENCE if name not in ("authors", "published")}
    chosen["abstract"] = chosen["abstract"] or ()
    authors = first("authors", lambda r: r.authors_complete is not False) or first("authors") or ()
    published = first("published")
    kind, kinds, type_id = _type(held)
    if type_id is not None:
        provenance["type"] = type_id
    return DerivedWork(
        identifiers=tuple(sorted({i for _, record in held for i in record.identifiers})),
        type=kind,
        types_as_given=kinds,
        published=_refined(published, held),
        dates=tuple(sorted({d for _, r in held for d in r.dates}, key=lambda d: (d.role, d.date))),
        is_flagged_retracted=_any(r.is_flagged_retracted for _, r in held),
        is_described=described,
        authors=_with_ids(authors, held),
        concepts=_concepts(held),
        funding=_funding(held),
        provenance=provenance,
        **chosen,
    )


def _by_preference(
    held: list[tuple[int, WorkRecord]], order: tuple[str, ...]
) -> list[tuple[int, WorkRecord]]:
    def rank(item: tuple[int, WorkRecord]) -> tuple[Any, ...]:
        _, record = item
        place = order.index(record.source) if record.source in order else len(order)
        # The full view before the brief one; key last, so that no two records tie.
        return (record.view is not View.WORK, place, record.source, record.key)

    return sorted(held, key=rank)


def _type(
    held: list[tuple[int, WorkRecord]],
) -> tuple[WorkType | None, tuple[str, ...], int | None]:
    """The first type that says more than "article"; OpenAlex's only where nobody else has one."""
    ranked = [
        (i, r)
        for i, r in _by_preference(held, ("pubmed", "europepmc", "crossref"))
        if r.type is not None
    ]
    trusted = [(i, r) for i, r in ranked if r.source != "openalex"] or ranked
    telling = [(i, r) for i, r in trusted if r.type not in _VAGUE] or trusted
    if not telling:
        return None, (), None
    record_id, record = telling[0]
    return record.type, record.types_as_given, record_id


def _refined(
    published: PartialDate | None, held: list[tuple[int, WorkRecord]]
) -> PartialDate | None:
    """A day or month from another record, where it lies within the date chosen."""
    if published is None:
        return None
    within = {r.published for _, r in held if r.published and r.published.startswith(published)}
    longest = max(map(len, within), default=len(published))
    return min((d for d in within if len(d) == longest), default=published)


def _any(flags: Iterable[bool | None]) -> bool | None:
    said = [flag for flag in flags if flag is not None]
    return any(said) if said else None


def _with_ids(
    authors: tuple[AuthorClaim, ...], held: list[tuple[int, WorkRecord]]
) -> tuple[AuthorClaim, ...]:
    """ORCIDs and OpenAlex ids that other records give the same name in the same place.

    Place and family name must both agree: ORCIDs are known to land on the wrong co-author.
    """
    others = [r.authors for _, r in _by_preference(held, _PREFERENCE["authors"])]
    filled = []
    for place, author in enumerate(authors):
        for listed in others:
            if len(listed) != len(authors):
                continue
            other = listed[place]
            if not _same_family(author, other):
                continue
            author = replace(
                author,
                orcid=author.orcid or other.orcid,
                openalex_id=author.openalex_id or other.openalex_id,
                affiliations=author.affiliations or other.affiliations,
            )
        filled.append(author)
    return tuple(filled)


def _same_family(a: AuthorClaim, b: AuthorClaim) -> bool:
    if a.family and b.family:
        return fold(a.family) == fold(b.family)
    family, name = (a.family, b.name) if a.family else (b.family, a.name)
    if family and name:
        return fold(family) in fold(name)
    return bool(a.name and b.name and fold(a.name) == fold(b.name))


def concept_key(concept: ConceptClaim) -> tuple[str, str]:
    """What makes two mentions of a concept one: its code, else its words."""
    return concept.scheme, concept.code or " ".join(concept.label.casefold().split())


def _concepts(held: list[tuple[int, WorkRecord]]) -> tuple[ConceptClaim, ...]:
    """Each concept once; qualifiers and the major mark from the record preferred."""
    found: dict[tuple[str, str], ConceptClaim] = {}
    for _, record in _by_preference(held, _TEXT):
        for concept in record.concepts:
            found.setdefault(concept_key(concept), concept)
    return tuple(found[key] for key in sorted(found))


def _funding(held: list[tuple[int, WorkRecord]]) -> tuple[FundingClaim, ...]:
    found: dict[tuple[str, str], FundingClaim] = {}
    for _, record in _by_preference(held, _BIBLIOGRAPHY):
        for grant in record.funding:
            found.setdefault((fold(grant.funder), fold(grant.award or "")), grant)
    return tuple(found[key] for key in sorted(found))
