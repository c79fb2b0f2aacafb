"""A work recomputed from all its records: pure, and the same whatever the order of arrival."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    # Europe PMC's "no" only means: not in its own open-access subset.
    "is_open_access": ("openalex", "europepmc", "crossref"),
    "open_access_url": ("europepmc", "openalex", "crossref"),
}

# Chosen by more than the order above.
_OWN_RULE = ("authors", "published")

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

    def note(name: str, found: tuple[int, Any] | None) -> Any:
        if found is None:
            return None
        provenance[name], value = found
        return value

    chosen = {name: note(name, _first(held, name)) for name in _PREFERENCE if name not in _OWN_RULE}
    chosen["abstract"] = chosen["abstract"] or ()
    authors = note("authors", _authors(held)) or ()
    kind, kinds = _type(held)
    return DerivedWork(
        identifiers=tuple(sorted({i for _, record in held for i in record.identifiers})),
        type=note("type", kind),
        types_as_given=note("types_as_given", kinds) or (),
        published=note("published", _published(held)),
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


def _first(held: list[tuple[int, WorkRecord]], name: str) -> tuple[int, Any] | None:
    for record_id, record in _by_preference(held, _PREFERENCE[name]):
        value = getattr(record, name)
        if isinstance(value, VenueClaim) and not (value.name or value.abbreviation or value.issns):
            continue  # a publisher alone names no venue
        if value is not None and value != ():
            return record_id, value
    return None


def _authors(held: list[tuple[int, WorkRecord]]) -> tuple[int, tuple[AuthorClaim, ...]] | None:
    """A full view's list before a brief one's, and of either a complete one before a cut one."""
    ranked = [(i, r) for i, r in _by_preference(held, _PREFERENCE["authors"]) if r.authors]
    ranked.sort(key=lambda item: (item[1].view is not View.WORK, item[1].authors_complete is False))
    return (ranked[0][0], ranked[0][1].authors) if ranked else None


def _type(
    held: list[tuple[int, WorkRecord]],
) -> tuple[tuple[int, WorkType] | None, tuple[int, tuple[str, ...]] | None]:
    """The first type that says more than "article", and its words; OpenAlex's only where nobody
    else has one."""
    ranked = _by_preference(held, ("pubmed", "europepmc", "crossref"))
    typed = [(i, r) for i, r in ranked if r.type is not None]
    trusted = [(i, r) for i, r in typed if r.source != "openalex"] or typed
    telling = [(i, r) for i, r in trusted if r.type not in _VAGUE] + trusted
    kind = next(((i, r.type) for i, r in telling if r.type is not None), None)
    # Where the record with the type gives no words for it, the next best does.
    words = ((i, r.types_as_given) for i, r in [*telling, *ranked] if r.types_as_given)
    return kind, next(words, None)


def _published(held: list[tuple[int, WorkRecord]]) -> tuple[int, PartialDate] | None:
    """The preferred record's date, or one from another record that lies within it and also names
    the month or day."""
    dated = [
        (i, r.published) for i, r in _by_preference(held, _PREFERENCE["published"]) if r.published
    ]
    within = [(i, d) for i, d in dated if d.startswith(dated[0][1])]
    return max(within, key=lambda item: len(item[1]), default=None)


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
    """Whether both have one family name; it may be the head or the tail of a whole name."""
    if a.family and b.family:
        return fold(a.family) == fold(b.family)
    family, name = (_words(a.family), b.name) if a.family else (_words(b.family), a.name)
    words = _words(name)
    if family and words:
        return family in (words[: len(family)], words[-len(family) :])
    return bool(a.name and b.name) and _words(a.name) == _words(b.name) != []


def _words(name: str | None) -> list[str]:
    return [word for part in re.split(r"[^\w'’]+", name or "") if (word := fold(part))]


def concept_key(concept: ConceptClaim) -> tuple[str, str]:
    """What makes two mentions of a concept one: its code, else its words.

    MeSH headings go by their words, which are unique and which every source gives; the code only
    some do.
    """
    words = " ".join(concept.label.casefold().split())
    return concept.scheme, words if concept.scheme == "mesh" else concept.code or words


def _concepts(held: list[tuple[int, WorkRecord]]) -> tuple[ConceptClaim, ...]:
    """Each concept once; qualifiers and the major mark from the record preferred."""
    found: dict[tuple[str, str], ConceptClaim] = {}
    for _, record in _by_preference(held, _TEXT):
        for concept in record.concepts:
            known = found.setdefault(concept_key(concept), concept)
            if known.code is None and concept.code is not None:
                found[concept_key(concept)] = replace(known, code=concept.code)
    return tuple(found[key] for key in sorted(found))


def _funding(held: list[tuple[int, WorkRecord]]) -> tuple[FundingClaim, ...]:
    found: dict[tuple[str, str], FundingClaim] = {}
    for _, record in _by_preference(held, _BIBLIOGRAPHY):
        for grant in record.funding:
            found.setdefault((fold(grant.funder), fold(grant.award or "")), grant)
    return tuple(found[key] for key in sorted(found))
