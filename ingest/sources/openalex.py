"""OpenAlex: works, their references as OpenAlex ids, and the works citing them.

https://developers.openalex.org. Every call but the lookup of one work costs money, from a daily
allowance that a free key enlarges: 0.0001 dollars for a list, ten times that for a search. So works
are fetched by id, a hundred to a call.

Answers of 2025 and of 2026 differ in shape (`grants` became `awards` and `funders`); both are read
and neither is required.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from ingest.fetch import Fetch, Rate, Source
from ingest.reading import parse_json, plain_text
from ingest.shapes import listed, mapping, mappings, text, texts, truth, whole
from ingest.sources import Page
from kb.errors import NotFound, SourceRejected
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
    CitingList,
    ConceptClaim,
    DateClaim,
    FundingClaim,
    ObservationClaim,
    Payload,
    ReferenceClaim,
    Unreadable,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)

# They allow 100 requests a second; money runs out long before.
SOURCE: Final = Source(
    name="openalex",
    url_setting="openalex_url",
    rate=Rate(5, 1),
    rate_with_key=Rate(10, 4),
    key_setting="openalex_key",
    key_parameter="api_key",
    also_retried=frozenset({403}),  # too fast; 429 is the end of the day's allowance
    has_daily_budget=True,
)
LOOKS_UP: Final = frozenset({Scheme.DOI, Scheme.PMID, Scheme.PMCID, Scheme.OPENALEX})

_PER_PAGE: Final = 100  # the source's maximum, also for the values of one filter
_FILTER_LENGTH: Final = 4000  # characters, below what servers take for an address
_AUTHORS_IN_LISTS: Final = 100  # list answers stop there

Record = WorkRecord | CitingList | Unreadable


# -- one work ------------------------------------------------------------------------------------


def to_record(item: Mapping[str, Any], asked: Identifier | None = None) -> WorkRecord:
    """The record of one work object.

    `asked` is the OpenAlex id it was asked for by: where the work answers under another, the two
    were merged and the record carries both. A work cut down by `select` is a brief view, without
    an `id` it goes by its DOI.

    Raises ValueError for another entity (an author, a funder), and where there is neither an
    OpenAlex id nor a DOI.
    """
    address = _address(item.get("id"))
    if address and not normalize_openalex(address):
        raise ValueError(f"not a work: {address!r}")
    ids = _identifiers(item, asked)
    own = normalize_openalex(address) or next(
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
        source=SOURCE.name,
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
        open_access_url=_address(access.get("oa_url")),
        is_flagged_retracted=truth(item.get("is_retracted")),
        updated=parse_partial_date(_address(item.get("updated_date"))),
    )


def _address(value: object) -> str | None:
    """Text that is no prose: left as it is."""
    return value.strip() or None if isinstance(value, str) else None


def _identifiers(item: Mapping[str, Any], asked: Identifier | None) -> tuple[Identifier, ...]:
    given = mapping(item.get("ids"))
    # Older answers give the PMCID as a number or as the end of an address, without its letters.
    pmcid = (text(given.get("pmcid")) or "").rstrip("/").rpartition("/")[2]
    found = identifiers(
        doi=_address(item.get("doi")) or _address(given.get("doi")),
        pmid=text(given.get("pmid")),
        pmcid=pmcid or None,
        openalex=_address(item.get("id")) or _address(given.get("openalex")),
    )
    aliases = [identifier(Scheme.OPENALEX, _address(given.get("openalex"))), asked]
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
    date = parse_partial_date(_address(item.get("publication_date")))
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
    return (_address(value) or "").rstrip("/").rpartition("/")[2] or None


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
        orcid=normalize_orcid(_address(person.get("orcid"))),
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
            ror = rors.get(_address(ids[0])) if len(ids) == 1 else None
            found.append(Affiliation(text=printed, ror=ror))
    if not found:
        found = [Affiliation(text=t) for t in texts(row.get("raw_affiliation_strings"))]
    if not found:
        found = [
            Affiliation(text=name, ror=rors.get(_address(institution.get("id"))))
            for institution in institutions
            if (name := text(institution.get("display_name")))
        ]
    return tuple(dict.fromkeys(found))


def _rors(rows: Sequence[Mapping[str, Any]]) -> dict[str | None, str]:
    """ROR ids of institutions or funders by their OpenAlex ids."""
    pairs = ((_address(row.get("id")), normalize_ror(_address(row.get("ror")))) for row in rows)
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
        funder_id = _address(row.get("funder_id") or row.get("funder"))
        if name := text(row.get("funder_display_name")):
            award = text(row.get("funder_award_id")) or text(row.get("award_id"))
            claims.append(FundingClaim(funder=name, funder_ror=rors.get(funder_id), award=award))
    named = {claim.funder for claim in claims}
    for row in funders:
        name = text(row.get("display_name"))
        if name and name not in named:
            claims.append(FundingClaim(funder=name, funder_ror=rors.get(_address(row.get("id")))))
    return tuple(dict.fromkeys(claims))


def _references(item: Mapping[str, Any]) -> tuple[ReferenceClaim, ...]:
    """The references OpenAlex found among its works, in the order given, which is not the
    bibliography's; what it did not find is left out. `related_works` are similar, not cited."""
    return tuple(
        ReferenceClaim(position=n, identifiers=(found,), asserted_by=SOURCE.name)
        for n, raw in enumerate(listed(item.get("referenced_works")), 1)
        if (found := identifier(Scheme.OPENALEX, _address(raw)))
    )


def _observations(item: Mapping[str, Any]) -> tuple[ObservationClaim, ...]:
    count = whole(item.get("cited_by_count"))
    return () if count is None else (ObservationClaim(metric="citation_count", value=count),)


# -- one answer ----------------------------------------------------------------------------------


def check(payload: Payload) -> None:
    """Raises SourceRejected for an answer with status 200 that is neither a work nor a list."""
    _body(payload)


def to_records(payload: Payload, page: int | None = None) -> list[Record]:
    """The work or works of an answer; of a `filter=cites:` list one CitingList.

    It holds the citing works as full records and is keyed by the cited work and `page`, or the
    cursor where no page is given: the answer does not say how many came before it.
    """
    body = _body(payload)
    path, filters = _asked(payload)
    if "results" not in body:
        last = identifier(Scheme.OPENALEX, path.rpartition("/")[2])
        return [_read(body, "the work", last)]
    rows = listed(body["results"])
    read: list[Record] = [_read(row, f"result {n}") for n, row in enumerate(rows, 1)]
    if not filters.startswith("cites:"):
        return read
    cited = [identifier(Scheme.OPENALEX, value) for value in filters[len("cites:") :].split("|")]
    of = tuple(i for i in cited if i)
    cursor = parse_qs(urlsplit(payload.request).query).get("cursor", ["*"])[0]
    citing = CitingList(
        source=SOURCE.name,
        key=f"{'|'.join(i.value for i in of)}#{page or cursor}",
        of=of,
        citing=tuple(record for record in read if isinstance(record, WorkRecord)),
        claimed=whole(mapping(body.get("meta")).get("count")),
    )
    return [citing, *(record for record in read if isinstance(record, Unreadable))]


def _body(payload: Payload) -> dict[str, Any]:
    what = f"OpenAlex, {payload.request}"
    body = parse_json(payload.body, what=what)
    if not isinstance(body, dict):
        raise SourceRejected(f"{what}: {type(body).__name__} instead of an object")
    if "error" in body:
        message = text(body.get("message")) or "without a message"
        raise SourceRejected(f"{what}: {text(body['error'])}, {message}")
    is_list = isinstance(body.get("results"), list)
    if not is_list and not body.keys() & {"id", "doi", "ids"}:
        raise SourceRejected(f"{what}: neither a work nor a list of works in {sorted(body)[:8]}")
    return body


def _asked(payload: Payload) -> tuple[str, str]:
    """Path and filter of the request, decoded."""
    request = urlsplit(payload.request.partition(" ")[2])
    return request.path, parse_qs(request.query).get("filter", [""])[0]


def _read(row: object, position: str, asked: Identifier | None = None) -> WorkRecord | Unreadable:
    try:
        return to_record(mapping(row), asked)
    except ValueError as error:
        return Unreadable(position=position, reason=str(error))


# -- the network ---------------------------------------------------------------------------------


def fetch_works(fetch: Fetch, ids: Sequence[Identifier]) -> Iterator[Page]:
    """The works with these identifiers: in lists of a hundred, and one by one, which is free, where
    a list cannot say it.

    One by one go PMCIDs, DOIs with a comma or bar (which end a filter's value), a single
    identifier, and OpenAlex ids a list did not bring: merged ids answer only when asked alone.
    """
    wanted = list(dict.fromkeys(i for i in ids if i.scheme in LOOKS_UP))
    alone = [i for i in wanted if i.scheme is Scheme.PMCID or re.search(r"[,|]", i.value)]
    together = [i for i in wanted if i not in set(alone)]
    if len(together) == 1:
        alone, together = alone + together, []
    for batch in _batches(together):
        name = "openalex" if batch[0].scheme is Scheme.OPENALEX else batch[0].scheme.value
        missing = {i for i in batch if i.scheme is Scheme.OPENALEX}
        filters = f"{name}:{'|'.join(i.value for i in batch)}"
        for page in _list(fetch, {"filter": filters}, None):
            works = [r for r in page.records if _answers(r, batch)]
            missing -= {i for r in works if isinstance(r, WorkRecord) for i in r.identifiers}
            yield Page(page.payload, works, page.total, page.truncated_by)
        alone += [i for i in batch if i in missing]
    for one in alone:
        if payload := _single(fetch, one):
            records = to_records(payload)
            yield Page(payload, [r for r in records if _answers(r, [one])], len(records))


def search(fetch: Fetch, query: str, limit: int | None) -> Iterator[Page]:
    """Works whose title, abstract or full text match, most relevant first; at most `limit`.

    Dear: 0.001 dollars a page of 100 works, ten times a list, so a day's allowance is a thousand
    pages with a key and far fewer without.
    """
    yield from _list(fetch, {"search": query}, limit)


def fetch_citations(fetch: Fetch, work: Sequence[Identifier]) -> Iterator[Page]:
    """All works citing a work, one `CitingList` per page of 100, 0.0001 dollars each. Nothing for a
    work OpenAlex does not know."""
    own = sorted(i.value for i in work if i.scheme is Scheme.OPENALEX)
    if not own:
        own = _openalex_ids(fetch, work)
    if own:
        yield from _list(fetch, {"filter": f"cites:{'|'.join(own)}"}, None)


def _openalex_ids(fetch: Fetch, work: Sequence[Identifier]) -> list[str]:
    for known in work:
        if payload := _single(fetch, known):
            for record in to_records(payload):
                found = record.identifiers if isinstance(record, WorkRecord) else ()
                if _answers(record, [known]):
                    return [i.value for i in found if i.scheme is Scheme.OPENALEX]
    return []


def _batches(ids: Sequence[Identifier]) -> Iterator[list[Identifier]]:
    """Identifiers of one scheme at a time, no more than one filter takes."""
    for scheme in (Scheme.OPENALEX, Scheme.PMID, Scheme.DOI):
        batch: list[Identifier] = []
        length = 0
        for one in (i for i in ids if i.scheme is scheme):
            cost = len(quote(one.value, safe="")) + len("%7C")
            if batch and (len(batch) == _PER_PAGE or length + cost > _FILTER_LENGTH):
                yield batch
                batch, length = [], 0
            batch.append(one)
            length += cost
        if batch:
            yield batch


def _answers(record: object, asked: Sequence[Identifier]) -> bool:
    """Whether a record is of one of the works asked for. It need not carry the identifier (many
    lack the PMCID OpenAlex knows them by), but must not carry another of its scheme."""
    if not isinstance(record, WorkRecord):
        return True
    found = {i.scheme for i in record.identifiers}
    return any(i in record.identifiers or i.scheme not in found for i in asked)


def _single(fetch: Fetch, one: Identifier) -> Payload | None:
    value = quote(one.value, safe="")
    path = value if one.scheme is Scheme.OPENALEX else f"{one.scheme}:{value}"
    try:
        return fetch.get(SOURCE, f"/works/{path}", check=check)
    except NotFound:
        return None


def _list(fetch: Fetch, params: Mapping[str, str], limit: int | None) -> Iterator[Page]:
    """Pages of a list by cursor, until the source has no more. An extra call would cost money, so
    none is made when as many works as it counts have come."""
    if limit is not None and limit <= 0:
        return
    size = _PER_PAGE if limit is None else min(limit, _PER_PAGE)
    cursor, used = "*", set[str]()
    seen: set[str] = set()
    number = delivered = unreadable = 0
    while True:
        number += 1
        paged = {**params, "per_page": str(size), "cursor": cursor}
        payload = fetch.get(SOURCE, "/works", paged, check=check)
        used.add(cursor)
        body = _body(payload)
        records: list[Record] = []
        for record in to_records(payload, number):
            if isinstance(record, WorkRecord):
                if record.key in seen or (limit is not None and len(seen) >= limit):
                    continue
                seen.add(record.key)
            elif isinstance(record, CitingList):
                seen.update(work.key for work in record.citing)
            else:
                unreadable += 1
            records.append(record)
        meta = mapping(body.get("meta"))
        total, cursor = whole(meta.get("count")), _address(meta.get("next_cursor")) or ""
        before, delivered = delivered, len(seen) + unreadable
        is_full = limit is not None and delivered >= limit
        is_last = (
            is_full
            or delivered == before  # an empty page, or the same works under a new cursor
            or not cursor
            or cursor in used
            or (total is not None and delivered >= total)
        )
        reason = None
        if is_last and total is not None and delivered < total:
            reason = (
                f"limit of {limit}" if is_full else f"the source gave {delivered} of {total} works"
            )
        yield Page(payload, records, total, reason)
        if is_last:
            return
