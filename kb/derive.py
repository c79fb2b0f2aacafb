"""A work recomputed from all its records: pure, and the same whatever the order of arrival."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from kb.identity.names import fold
from kb.models.dates import PartialDate, year_of
from kb.models.identifiers import Identifier
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
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
class GivenLabel:
    """What the people behind a source call the work: a citation key, an accession number."""

    source: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What only reference files and bibliographies ask for.

    `venue` is as this work's own records print it, while `Venue` unites those of all works; of a
    whole book it holds the publisher alone. `keywords` are in the order and spelling given.
    """

    labels: tuple[GivenLabel, ...] = ()
    contributors: tuple[ContributorClaim, ...] = ()
    authors_complete: bool | None = None  # False: there are more than are named
    venue: VenueClaim | None = None
    short_title: str | None = None
    series: str | None = None
    edition: str | None = None
    place: str | None = None
    event: str | None = None
    isbns: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    abstract_license: str | None = None
    updated: PartialDate | None = None  # the latest change a source tells of
    extra: tuple[ExtraField, ...] = ()


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
    particulars: Particulars | None = None
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
        particulars=_particulars(held, chosen["venue"]) if described else None,
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


# -- what reference files ask for ----------------------------------------------------------------


def _particulars(
    held: list[tuple[int, WorkRecord]], venue: VenueClaim | None
) -> Particulars | None:
    """None where no record says anything of the kind."""
    ranked = [record for _, record in _by_preference(held, _BIBLIOGRAPHY)]

    def first(name: str) -> Any:
        return next((value for r in ranked if (value := getattr(r, name)) is not None), None)

    authors = _authors(held)
    shown = dict(held)[authors[0]] if authors else None
    labels = [GivenLabel(source=r.source, label=r.label) for r in ranked if r.label]
    found = Particulars(
        labels=_each_once(labels),
        contributors=_contributors(ranked),
        authors_complete=shown.authors_complete if shown else None,
        venue=_own_venue(ranked, venue),
        short_title=first("short_title"),
        series=first("series"),
        edition=first("edition"),
        place=first("place"),
        event=first("event"),
        isbns=_each_once(isbn for r in ranked for isbn in r.isbns),
        urls=_each_once(url for r in ranked for url in r.urls),
        keywords=_keywords(held),
        notes=_each_once(note for r in ranked for note in r.notes),
        abstract_license=first("abstract_license"),
        updated=max((r.updated for r in ranked if r.updated), default=None),
        extra=_extra(ranked),
    )
    return found if found != Particulars() else None


T = TypeVar("T")


def _each_once(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


def _contributors(ranked: list[WorkRecord]) -> tuple[ContributorClaim, ...]:
    """Those of each role from the first record that names any, so that two spellings of one
    editor do not become two."""
    by_role: dict[str, list[ContributorClaim]] = {}
    for record in ranked:
        taken = set(by_role)
        for one in record.contributors:
            if one.role not in taken:
                by_role.setdefault(one.role, []).append(one)
    return tuple(one for listed in by_role.values() for one in listed)


def _own_venue(ranked: list[WorkRecord], chosen: VenueClaim | None) -> VenueClaim | None:
    """The venue as chosen, with what other records say of the same one, and its publisher."""
    others = [r.venue for r in ranked if r.venue is not None]
    if chosen is None:
        return others[0] if others else None
    for other in others:
        if not _same_venue(chosen, other):
            continue
        chosen = replace(
            chosen,
            name=chosen.name or other.name,
            abbreviation=chosen.abbreviation or other.abbreviation,
            issns=chosen.issns or other.issns,
            publisher=chosen.publisher or other.publisher,
            nlm_id=chosen.nlm_id or other.nlm_id,
        )
    return chosen


def _same_venue(a: VenueClaim, b: VenueClaim) -> bool:
    """By an ISSN or a name they share; a publisher alone goes with any."""
    if not (b.name or b.abbreviation or b.issns) or set(a.issns) & set(b.issns):
        return True
    ours, theirs = ({fold(n) for n in (v.name, v.abbreviation) if n} for v in (a, b))
    return bool(ours & theirs)


def _keywords(held: list[tuple[int, WorkRecord]]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for _, record in _by_preference(held, _TEXT):
        for concept in record.concepts:
            if concept.scheme == "keyword":
                found.setdefault(" ".join(concept.label.casefold().split()), concept.label)
    return tuple(found.values())


def _extra(ranked: list[WorkRecord]) -> tuple[ExtraField, ...]:
    """All fields of all records; one that several records hold as often as one of them has it."""
    found: list[ExtraField] = []
    for record in ranked:
        had = Counter(found)
        for extra in record.extra:
            if had[extra] > 0:
                had[extra] -= 1
            else:
                found.append(extra)
    return tuple(found)
