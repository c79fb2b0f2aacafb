"""OpenAlex's description of a work in JSON.

https://developers.openalex.org. Works of 2025 and of 2026 differ in shape (`grants` became `awards`
and `funders`); both are read and neither is required.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kb.formats.markup import plain_text
from kb.formats.shapes import address, listed, mapping, mappings, text, texts, truth, whole
from kb.identity.identifiers import (
    identifier,
    identifiers,
    normalize_issn,
    normalize_openalex,
    normalize_orcid,
    normalize_ror,
)
from kb.models.dates import PartialDate, parse_partial_date, partial_date
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    AbstractSection,
    Affiliation,
    AuthorClaim,
    ConceptClaim,
    DateClaim,
    FundingClaim,
    ObservationClaim,
    ReferenceClaim,
    Unreadable,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)

_AUTHORS_IN_LISTS: Final = 100  # list answers stop there


def read_work(
    row: object, position: str, asked: Identifier | None = None, source: str = "openalex"
) -> WorkRecord | Unreadable:
    """The record of one work object, or why there is none; `position` says where it stood."""
    try:
        return to_record(mapping(row), asked, source)
    except ValueError as error:
        return Unreadable(position=position, reason=str(error))


def to_record(
    item: Mapping[str, Any], asked: Identifier | None = None, source: str = "openalex"
) -> WorkRecord:
    """The record of one work object, as what `source` says.

    `asked` is the OpenAlex id it was asked for by: where the work answers under another, the two
    were merged and the record carries both. A work cut down by `select` is a brief view, without
    an `id` it goes by its DOI.

    Raises ValueError for another entity (an author, a funder), and where there is neither an
    OpenAlex id nor a DOI.
    """
    given = address(item.get("id"))
    if given and not normalize_openalex(given):
        raise ValueError(f"not a work: {given!r}")
    ids = _identifiers(item, asked)
    own = normalize_openalex(given) or next(
        (i.value for i in ids if i.scheme is Scheme.OPENALEX and i != asked), None
    )
    key = own or next((i.value for i in ids if i.scheme is Scheme.DOI), None)
    if key is None:
        raise ValueError(f"neither an OpenAlex id nor a DOI, only {sorted(item)[:8]}")
    location = mapping(item.get("primary_location"))
    types = [item.get("type"), location.get("raw_type") or item.get("type_crossref")]
    kind = _type(item, location)
    published = _published(item)
    authors, authors_complete = _authors(item)
    biblio, access = mapping(item.get("biblio")), mapping(item.get("open_access"))
    is_whole = "authorships" in item and ("title" in item or "display_name" in item)
    return WorkRecord(
        source=source,
        key=key,
        view=View.WORK if is_whole else View.BRIEF,
        identifiers=ids,
        title=text(item.get("title")) or text(item.get("display_name")),
        abstract=_abstract(item.get("abstract_inverted_index")),
        type=kind,
        types_as_given=texts(types),
        published=published,
        dates=(DateClaim(role="published", date=published),) if published else (),
        venue=_venue(location, kind),
        volume=text(biblio.get("volume")),
        issue=text(biblio.get("issue")),
        pages=_pages(text(biblio.get("first_page")), text(biblio.get("last_page"))),
        language=text(item.get("language")),
        authors=authors,
        authors_complete=authors_complete,
        concepts=_concepts(item),
        funding=_funding(item),
        references=_references(item),
        references_claimed=whole(item.get("referenced_works_count")),
        observations=_observations(item),
        license=text(location.get("license"))
        or text(mapping(item.get("best_oa_location")).get("license")),
        is_open_access=truth(access.get("is_oa")),
        open_access_url=address(access.get("oa_url")),
        is_flagged_retracted=truth(item.get("is_retracted")),
        updated=parse_partial_date(address(item.get("updated_date"))),
    )


def _identifiers(item: Mapping[str, Any], asked: Identifier | None) -> tuple[Identifier, ...]:
    given = mapping(item.get("ids"))
    # Older answers give the PMCID as a number or as the end of an address, without its letters.
    pmcid = (text(given.get("pmcid")) or "").rstrip("/").rpartition("/")[2]
    found = identifiers(
        doi=address(item.get("doi")) or address(given.get("doi")),
        pmid=text(given.get("pmid")),
        pmcid=pmcid or None,
        openalex=address(item.get("id")) or address(given.get("openalex")),
    )
    aliases = [identifier(Scheme.OPENALEX, address(given.get("openalex"))), asked]
    return tuple(dict.fromkeys((*found, *(a for a in aliases if a))))


# "Abstract" as a heading, grown onto the first word.
_GROWN = re.compile(r"^(?:Abstract(?=[A-Z0-9])|ABSTRACT(?=[A-Z][a-z]))")


def _abstract(index: object) -> tuple[AbstractSection, ...]:
    """The abstract put together from its words' positions, never the authoritative text: gaps are
    closed up, section headings run on into the text."""
    placed = [
        (position, word)
        for word, positions in mapping(index).items()
        for position in listed(positions)
        if isinstance(position, int) and position >= 0
    ]
    # Only by position: of two words at one place the order of the answer is kept.
    words = [word for _, word in sorted(placed, key=lambda pair: pair[0])]
    whole_text = plain_text(" ".join(words)) or ""
    body = _without_heading(whole_text)
    return (AbstractSection(text=body),) if body else ()


def _without_heading(body: str) -> str:
    if match := _GROWN.match(body):
        return body[match.end() :]
    first, _, rest = body.partition(" ")
    if first.rstrip(":.-–—").lower() == "abstract" and (
        first[-1] in ":.-–—" or not rest or not rest[0].islower()
    ):
        return rest.lstrip(":.-–— ")
    return body


_TYPES: Final = {
    "article": WorkType.ARTICLE,
    "review": WorkType.REVIEW,
    "preprint": WorkType.PREPRINT,
    "letter": WorkType.LETTER,
    "editorial": WorkType.EDITORIAL,
    "erratum": WorkType.NOTICE,
    "retraction": WorkType.NOTICE,
    "book": WorkType.BOOK,
    "book-chapter": WorkType.BOOK_CHAPTER,
    "dissertation": WorkType.THESIS,
    "dataset": WorkType.DATASET,
    "conference-abstract": WorkType.CONFERENCE_ABSTRACT,
    **dict.fromkeys(
        (
            *("grant", "libguides", "other", "paratext", "peer-review", "reference-entry"),
            *("report", "software", "standard", "supplementary-materials"),
        ),
        WorkType.OTHER,
    ),
}
_NOT_IN_JOURNALS: Final = frozenset({WorkType.BOOK, WorkType.BOOK_CHAPTER, WorkType.THESIS})


def _type(item: Mapping[str, Any], location: Mapping[str, Any]) -> WorkType | None:
    """The type, unless the place of publication contradicts it.

    Since the rewrite of November 2025 some articles are called book chapters. What stands in a
    journal is none; it is an article where the publisher's own type says so, else not known.
    """
    if truth(item.get("is_paratext")):
        return WorkType.OTHER
    kind = _TYPES.get(text(item.get("type")) or "")
    raw = text(location.get("raw_type")) or text(item.get("type_crossref"))
    is_journal = mapping(location.get("source")).get("type") == "journal"
    if kind in _NOT_IN_JOURNALS and (is_journal or raw == "journal-article"):
        return WorkType.ARTICLE if raw == "journal-article" else None
    if kind is WorkType.ARTICLE and raw == "posted-content":
        return WorkType.PREPRINT
    return kind


def _published(item: Mapping[str, Any]) -> PartialDate | None:
    """The date without what may be filling: OpenAlex writes 01 for an unknown day and 01-01 for an
    unknown month, so a true first of the month is given as its month, a true 1 January as its
    year."""
    date = parse_partial_date(address(item.get("publication_date")))
    if date is None:
        return partial_date(whole(item.get("publication_year")))
    return PartialDate(date.removesuffix("-01").removesuffix("-01"))


def _venue(location: Mapping[str, Any], kind: WorkType | None) -> VenueClaim | None:
    """Where it was published. A repository that holds a copy is no venue, the one a preprint or a
    dataset was posted in is."""
    source = mapping(location.get("source"))
    named = text(location.get("raw_source_name"))
    posted = (WorkType.PREPRINT, WorkType.DATASET, WorkType.THESIS)
    if not source or (source.get("type") == "repository" and kind not in posted):
        return VenueClaim(name=named) if named else None
    issns = [text(source.get("issn_l")), *texts(source.get("issn"))]
    return VenueClaim(
        name=text(source.get("display_name")) or named,
        issns=tuple(dict.fromkeys(i for raw in issns if (i := normalize_issn(raw)))),
        publisher=text(source.get("host_organization_name")),
        openalex_id=_short(source.get("id")),
    )


def _short(value: object) -> str | None:
    """ "S125754415" for "https://openalex.org/S125754415"."""
    return (address(value) or "").rstrip("/").rpartition("/")[2] or None


def _pages(first: str | None, last: str | None) -> str | None:
    if first and last and first != last:
        return f"{first}-{last}"
    return first or last


def _authors(item: Mapping[str, Any]) -> tuple[tuple[AuthorClaim, ...], bool | None]:
    rows = mappings(item.get("authorships"))
    # Where nobody is marked, False means that nothing is known.
    is_marked = any(row.get("is_corresponding") is True for row in rows)
    authors = tuple(a for row in rows if (a := _author(row, is_marked)))
    is_cut = truth(item.get("is_authors_truncated")) or len(rows) == _AUTHORS_IN_LISTS
    return authors, False if is_cut else None


def _author(row: Mapping[str, Any], is_marked: bool) -> AuthorClaim | None:
    person = mapping(row.get("author"))
    name = text(row.get("raw_author_name")) or text(person.get("display_name"))
    if name is None:
        return None
    return AuthorClaim(
        name=name,
        orcid=normalize_orcid(address(person.get("orcid"))),
        openalex_id=_short(person.get("id")),
        affiliations=_affiliations(row),
        is_corresponding=truth(row.get("is_corresponding")) if is_marked else None,
    )


def _affiliations(row: Mapping[str, Any]) -> tuple[Affiliation, ...]:
    """Affiliations as printed. A ROR id goes with one only where OpenAlex found a single
    institution in it."""
    institutions = mappings(row.get("institutions"))
    rors = _rors(institutions)
    found = []
    for part in mappings(row.get("affiliations")):
        ids = listed(part.get("institution_ids"))
        if printed := text(part.get("raw_affiliation_string")):
            ror = rors.get(address(ids[0])) if len(ids) == 1 else None
            found.append(Affiliation(text=printed, ror=ror))
    if not found:
        found = [Affiliation(text=t) for t in texts(row.get("raw_affiliation_strings"))]
    if not found:
        found = [
            Affiliation(text=name, ror=rors.get(address(institution.get("id"))))
            for institution in institutions
            if (name := text(institution.get("display_name")))
        ]
    return tuple(dict.fromkeys(found))


def _rors(rows: Sequence[Mapping[str, Any]]) -> dict[str | None, str]:
    """ROR ids of institutions or funders by their OpenAlex ids."""
    pairs = ((address(row.get("id")), normalize_ror(address(row.get("ror")))) for row in rows)
    return {own: ror for own, ror in pairs if own and ror}


def _concepts(item: Mapping[str, Any]) -> tuple[ConceptClaim, ...]:
    found = _mesh(mappings(item.get("mesh")))
    for row in mappings(item.get("keywords")):
        if label := text(row.get("display_name")):
            found.append(ConceptClaim(scheme="keyword", label=label))
    primary = mapping(item.get("primary_topic"))
    topics: dict[str | None, ConceptClaim] = {}
    for row in (primary, *mappings(item.get("topics"))):
        code, label = _short(row.get("id")), text(row.get("display_name"))
        if label and code not in topics:
            is_primary = row is primary if primary else None
            topics[code] = ConceptClaim(scheme="topic", label=label, code=code, is_major=is_primary)
    return tuple(dict.fromkeys((*found, *topics.values())))


def _mesh(rows: Sequence[Mapping[str, Any]]) -> list[ConceptClaim]:
    """One claim per heading: OpenAlex writes one row per heading and qualifier."""
    headings: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if label := text(row.get("descriptor_name")):
            headings.setdefault(label, []).append(row)
    return [
        ConceptClaim(
            scheme="mesh",
            label=label,
            code=text(same[0].get("descriptor_ui")),
            is_major=any(majors) if set(majors) != {None} else None,
            qualifiers=texts([row.get("qualifier_name") for row in same]),
        )
        for label, same in headings.items()
        if (majors := [truth(row.get("is_major_topic")) for row in same])
    ]


def _funding(item: Mapping[str, Any]) -> tuple[FundingClaim, ...]:
    """Awards with their funder, then funders without an award; `grants` in answers of 2025."""
    funders = mappings(item.get("funders"))
    rors = _rors(funders)
    claims = []
    for row in (*mappings(item.get("awards")), *mappings(item.get("grants"))):
        funder_id = address(row.get("funder_id") or row.get("funder"))
        if name := text(row.get("funder_display_name")):
            award = text(row.get("funder_award_id")) or text(row.get("award_id"))
            claims.append(FundingClaim(funder=name, funder_ror=rors.get(funder_id), award=award))
    named = {claim.funder for claim in claims}
    for row in funders:
        name = text(row.get("display_name"))
        if name and name not in named:
            claims.append(FundingClaim(funder=name, funder_ror=rors.get(address(row.get("id")))))
    return tuple(dict.fromkeys(claims))


def _references(item: Mapping[str, Any]) -> tuple[ReferenceClaim, ...]:
    """The references OpenAlex found among its works, in the order given, which is not the
    bibliography's; what it did not find is left out. `related_works` are similar, not cited."""
    return tuple(
        ReferenceClaim(position=n, identifiers=(found,), asserted_by="openalex")
        for n, raw in enumerate(listed(item.get("referenced_works")), 1)
        if (found := identifier(Scheme.OPENALEX, address(raw)))
    )


def _observations(item: Mapping[str, Any]) -> tuple[ObservationClaim, ...]:
    count = whole(item.get("cited_by_count"))
    return () if count is None else (ObservationClaim(metric="citation_count", value=count),)
