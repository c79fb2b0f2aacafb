"""OpenAlex's description of a work in JSON.

https://developers.openalex.org. Works of 2025 and of 2026 differ in shape (`grants` became `awards`
and `funders`); both are read and neither is required.

`to_record` reads one work as OpenAlex answers it. `read` and `write` are for files: saved answers
about one work or many, arrays, and the JSON Lines of the snapshot. OpenAlex knows authors by their
whole names and abstracts by their words, and so they are written; the caller's own id is `label`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Final

import orjson

from kb.formats.markup import markup, plain_text
from kb.formats.references.json_items import Item, as_json, items
from kb.formats.references.reading import FileRecord, Read
from kb.formats.shapes import address, listed, mapping, mappings, text, texts, truth, whole
from kb.identity.identifiers import (
    identifier,
    identifiers,
    normalize_doi,
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
    ExtraField,
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


# -- files ---------------------------------------------------------------------------------------

_FORMAT: Final = "openalex-json"


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """Every work of a file in its order, with or without an OpenAlex id, as what `source` says.

    Members that are not OpenAlex's become extra fields, each as JSON; what it computes around a
    work (`related_works`, `counts_by_year`, `locations` ...) is left out.
    """
    for item in items(stream):
        if item.error is not None:
            yield Unreadable(position=item.position, reason=item.error)
            continue
        try:
            yield _file_record(item, source)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            yield Unreadable(
                position=item.position, reason=str(error), key=address(item.value.get("id"))
            )


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """The answer of a list call with these works."""
    yield b'{"results":[\n'
    number = 0
    for number, record in enumerate(records, 1):
        yield (b",\n" if number > 1 else b"") + as_json(to_item(record))
    yield b'\n],"meta":{"count":%d}}\n' % number


def _file_record(item: Item, source: str) -> FileRecord:
    work = item.value
    if not work.keys() & _TELLING:
        raise ValueError(f"no work but an object with {', '.join(sorted(work)[:6]) or 'nothing'}")
    given = address(work.get("id"))
    if given and "openalex.org" in given and not normalize_openalex(given):
        raise ValueError(f"not a work: {given!r}")
    label = text(work.get("label"))
    record = _work(work, _identifiers(work, None), source, label or f"record {item.number}")
    extra = tuple(
        ExtraField(format=_FORMAT, tag=name, value=as_json(value).decode())
        for name, value in work.items()
        if name not in _TOLD and value not in _EMPTY
    )
    observations = tuple(replace(o, source="openalex") for o in record.observations)
    doi = address(work.get("doi"))
    warnings = (f"not a DOI: {doi[:80]!r}",) if doi and not normalize_doi(doi) else ()
    if warnings:
        extra = (ExtraField(format=_FORMAT, tag="doi", value=as_json(doi).decode()), *extra)
    return FileRecord(
        position=item.position,
        record=replace(record, label=label, observations=observations, extra=extra),
        warnings=warnings,
    )


# -- one work ------------------------------------------------------------------------------------


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
    return _work(item, ids, source, key)


def _work(
    item: Mapping[str, Any], ids: tuple[Identifier, ...], source: str, key: str
) -> WorkRecord:
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
        urls=_urls(location),
    )


def _urls(location: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the work is, besides its DOI."""
    page = address(location.get("landing_page_url"))
    return (page,) if page and not normalize_doi(page) else ()


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
    "report": WorkType.REPORT,
    "software": WorkType.SOFTWARE,
    **dict.fromkeys(
        (
            *("grant", "libguides", "other", "paratext", "peer-review", "reference-entry"),
            *("standard", "supplementary-materials"),
        ),
        WorkType.OTHER,
    ),
}
# What OpenAlex calls an article or something else, and the publisher or we more exactly.
_RAW_TYPES: Final = {
    "proceedings-article": WorkType.CONFERENCE_PAPER,
    "protocol": WorkType.PROTOCOL,
    "case-report": WorkType.CASE_REPORT,
    "patent": WorkType.PATENT,
    "web-page": WorkType.WEB_PAGE,
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
    if kind in (WorkType.ARTICLE, WorkType.OTHER):
        return _RAW_TYPES.get(raw or "", kind)
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


# -- record to item ------------------------------------------------------------------------------

_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
# (type, raw type) as written.
_WRITTEN_TYPES: Final[dict[WorkType, tuple[str, str | None]]] = {
    **{kind: (name, None) for name, kind in reversed(_TYPES.items())},
    WorkType.OTHER: ("other", None),
    **{kind: ("article", name) for name, kind in _RAW_TYPES.items()},
    WorkType.PATENT: ("other", "patent"),
    WorkType.WEB_PAGE: ("other", "web-page"),
}


def to_item(record: WorkRecord) -> dict[str, Any]:
    """The work as OpenAlex's answers describe one, without what is not known."""
    ids = {i.scheme: i.value for i in reversed(record.identifiers)}
    own = _url("https://openalex.org/", ids.get(Scheme.OPENALEX))
    doi = _url("https://doi.org/", ids.get(Scheme.DOI))
    kind, raw_type = _WRITTEN_TYPES[record.type] if record.type else (None, None)
    venue = record.venue or VenueClaim()
    item = {
        "label": record.label,
        "id": own,
        "doi": doi,
        "title": markup(record.title),
        "display_name": markup(record.title),
        "publication_year": int(record.published[:4]) if record.published else None,
        "publication_date": f"{record.published}-01-01"[:10] if record.published else None,
        "ids": _full(
            openalex=own,
            doi=doi,
            pmid=_url("https://pubmed.ncbi.nlm.nih.gov/", ids.get(Scheme.PMID)),
            pmcid=_url("https://www.ncbi.nlm.nih.gov/pmc/articles/", ids.get(Scheme.PMCID)),
        ),
        "language": record.language,
        "type": kind,
        "primary_location": _full(
            landing_page_url=record.urls[0] if record.urls else None,
            license=record.license,
            raw_type=raw_type,
            source=_full(
                id=_url("https://openalex.org/", venue.openalex_id),
                display_name=markup(venue.name),
                issn_l=venue.issns[0] if venue.issns else None,
                issn=list(venue.issns),
                host_organization_name=markup(venue.publisher),
            ),
        ),
        "open_access": _full(is_oa=record.is_open_access, oa_url=record.open_access_url),
        "authorships": [_authorship(author) for author in record.authors],
        "is_authors_truncated": True if record.authors_complete is False else None,
        "biblio": _biblio(record),
        "abstract_inverted_index": _inverted(record.abstract),
        "keywords": [_named(c) for c in record.concepts if c.scheme == "keyword"],
        "mesh": [row for c in record.concepts if c.scheme == "mesh" for row in _mesh_rows(c)],
        "topics": [_named(c) for c in record.concepts if c.scheme == "topic"],
        "primary_topic": next(
            (_named(c) for c in record.concepts if c.scheme == "topic" and c.is_major), None
        ),
        **_funding_items(record.funding),
        "referenced_works": [
            f"https://openalex.org/{i.value}"
            for reference in record.references
            for i in reference.identifiers
            if i.scheme is Scheme.OPENALEX
        ],
        "referenced_works_count": record.references_claimed,
        "cited_by_count": _count_of(record),
        "is_retracted": record.is_flagged_retracted,
        "updated_date": record.updated,
    }
    for field in record.extra:
        if field.format == _FORMAT and item.get(field.tag) in _EMPTY:
            try:
                item[field.tag] = orjson.loads(field.value)
            except orjson.JSONDecodeError:
                item[field.tag] = field.value
    # Without authorships a work counts as cut down.
    return {
        name: value for name, value in item.items() if value not in _EMPTY or name == "authorships"
    }


def _full(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in _EMPTY}


def _url(base: str, value: str | None) -> str | None:
    return f"{base}{value}" if value else None


def _authorship(author: AuthorClaim) -> dict[str, Any]:
    parts = (author.given, author.family, author.suffix)
    name = author.collective or author.name or " ".join(part for part in parts if part)
    rors = {a.ror: f"https://ror.org/{a.ror}" for a in author.affiliations if a.ror}
    return _full(
        author=_full(
            id=_url("https://openalex.org/", author.openalex_id),
            display_name=markup(name),
            orcid=_url("https://orcid.org/", author.orcid),
        ),
        raw_author_name=markup(name),
        is_corresponding=author.is_corresponding,
        affiliations=[
            _full(
                raw_affiliation_string=markup(a.text),
                institution_ids=[rors[a.ror]] if a.ror else [],
            )
            for a in author.affiliations
        ],
        institutions=[{"id": ror, "ror": ror} for ror in rors.values()],
    )


def _biblio(record: WorkRecord) -> dict[str, Any]:
    """An article number goes where pages begin: OpenAlex has no other place for it."""
    pages = record.pages or record.article_number or ""
    first, hyphen, last = pages.partition("-")
    is_range = bool(first and hyphen and last and "-" not in last and first != last)
    return _full(
        volume=markup(record.volume),
        issue=markup(record.issue),
        first_page=markup(first if is_range else pages),
        last_page=markup(last) if is_range else None,
    )


def _inverted(sections: Sequence[AbstractSection]) -> dict[str, list[int]]:
    """The positions of each word of the abstract, its headings run on into the text."""
    words = " ".join(f"{s.label}: {s.text}" if s.label else s.text for s in sections)
    index: dict[str, list[int]] = {}
    for position, word in enumerate((markup(words) or "").split()):
        index.setdefault(word, []).append(position)
    return index


def _named(concept: ConceptClaim) -> dict[str, Any]:
    return _full(
        id=_url("https://openalex.org/", concept.code) if concept.scheme == "topic" else None,
        display_name=markup(concept.label),
    )


def _mesh_rows(concept: ConceptClaim) -> list[dict[str, Any]]:
    return [
        _full(
            descriptor_ui=concept.code,
            descriptor_name=markup(concept.label),
            qualifier_name=markup(qualifier),
            is_major_topic=concept.is_major,
        )
        for qualifier in concept.qualifiers or (None,)
    ]


def _funding_items(funding: Sequence[FundingClaim]) -> dict[str, Any]:
    return {
        "awards": [
            _full(
                funder_id=_url("https://ror.org/", claim.funder_ror),
                funder_display_name=markup(claim.funder),
                funder_award_id=markup(claim.award),
            )
            for claim in funding
            if claim.award
        ],
        "funders": [
            _full(
                id=_url("https://ror.org/", claim.funder_ror),
                display_name=markup(claim.funder),
                ror=_url("https://ror.org/", claim.funder_ror),
            )
            for claim in dict.fromkeys(replace(c, award=None) for c in funding)
        ],
    }


def _count_of(record: WorkRecord) -> int | None:
    """How often OpenAlex counted the work as cited; others' counts are not OpenAlex's."""
    for seen in record.observations:
        if seen.metric == "citation_count" and (seen.source or record.source) == "openalex":
            return seen.value
    return None


# Members of which any tells that the object may be a work.
_TELLING: Final = frozenset(
    {"id", "doi", "ids", "title", "display_name", "authorships", "abstract_inverted_index"}
)
# Members that a record holds, and what OpenAlex computes around a work.
_TOLD: Final = (
    _TELLING
    | {"label", "type", "type_crossref", "language", "publication_date", "publication_year"}
    | {"primary_location", "biblio", "open_access", "best_oa_location", "is_retracted", "mesh"}
    | {"keywords", "topics", "primary_topic", "awards", "grants", "funders", "referenced_works"}
    | {"referenced_works_count", "cited_by_count", "updated_date", "is_paratext"}
    | {"is_authors_truncated", "abstract_inverted_index_v3", "apc_list", "apc_paid"}
    | {"authors_count", "citation_normalized_percentile", "cited_by_api_url"}
    | {"cited_by_percentile_year", "concepts", "concepts_count", "content_urls", "content_url"}
    | {"corresponding_author_ids", "corresponding_institution_ids", "countries_distinct_count"}
    | {"counts_by_year", "created_date", "fulltext", "fulltext_origin", "fwci", "has_content"}
    | {"has_fulltext", "indexed_in", "institutions", "institutions_distinct_count", "is_oa"}
    | {"is_xpac", "locations", "locations_count", "ngrams_url", "related_works"}
    | {"relevance_score", "summary_stats", "sustainable_development_goals", "topics_count"}
    | {"updated", "versions"}
)
