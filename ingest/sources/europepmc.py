"""Europe PMC: articles, preprints and books with their references and the works citing them.

https://europepmc.org/RestfulWebService. Its key is the pair of source and id ("MED:31810187"):
the id alone is not unique.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import orjson

from ingest.fetch import Fetch, Rate, Source
from ingest.sources import Page
from kb.errors import NotFound, SourceRejected, SourceUnavailable
from kb.formats.documents import parse_json
from kb.formats.markup import plain_text
from kb.formats.nlm import (
    is_retracted,
    language,
    notice_link,
    relation_link,
    republished_notice,
    title_as_printed,
    work_type,
)
from kb.formats.shapes import listed, mapping, mappings, text, texts, truth, whole
from kb.identity.identifiers import identifiers, normalize_issn, normalize_orcid
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
    NoticeClaim,
    ObservationClaim,
    Payload,
    ReferenceClaim,
    ReferenceList,
    RelationClaim,
    Unreadable,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)

# They publish no limit for a single client; half of what their developer forum names (10 a second,
# 500 a minute) would still be impolite for one base.
SOURCE: Final = Source(name="europepmc", url_setting="europepmc_url", rate=Rate(2, 1))
LOOKS_UP: Final = frozenset({Scheme.DOI, Scheme.PMID, Scheme.PMCID})

_SEARCH_PAGE: Final = 200  # full records are about 10 kB each; the source allows 1000
_LINKS_PAGE: Final = 1000  # the source's maximum
_IDS_PER_QUERY: Final = 25  # keeps the address below 2 kB

Record = WorkRecord | ReferenceList | CitingList | Unreadable


# -- one work ------------------------------------------------------------------------------------


def to_record(item: Mapping[str, Any], view: View = View.WORK) -> WorkRecord:
    """The record of one `core` result, or of a `lite` result, id list row or citing work with
    View.BRIEF.

    Raises ValueError without source and id, and where neither title nor identifier is left.
    """
    source, number = text(item.get("source")), text(item.get("id"))
    if not source or not number:
        raise ValueError(f"no source and id, only {sorted(item)[:8]}")
    tongue = language(text(item.get("language")))
    # Brief results do not tell the language; brackets around the whole still mark a translation.
    title = title_as_printed(text(item.get("title")), is_translated=tongue != "en")
    ids = _identifiers(item, source, number)
    if not title and not ids:
        raise ValueError(f"neither a title nor an identifier in {source}:{number}")
    journal = mapping(item.get("journalInfo"))
    types = _types(item)
    published, dates = _dates(item, journal, source, view)
    authors, authors_complete = _authors(item)
    kind = WorkType.PREPRINT if source == "PPR" else work_type(types)
    notices, relations = _links(item, is_preprint=kind is WorkType.PREPRINT)
    return WorkRecord(
        source=SOURCE.name,
        key=f"{source}:{number}",
        view=view,
        identifiers=ids,
        title=title,
        abstract=_abstract(item.get("abstractText")),
        type=kind,
        types_as_given=types,
        published=published,
        dates=dates,
        venue=_venue(item, journal, source),
        volume=text(journal.get("volume") or item.get("journalVolume") or item.get("volume")),
        issue=text(journal.get("issue") or item.get("issue")),
        pages=text(item.get("pageInfo")),
        language=tongue,
        authors=authors,
        authors_complete=authors_complete,
        concepts=_concepts(item),
        funding=_funding(item),
        notices=notices,
        relations=relations,
        observations=_observations(item),
        license=(text(item.get("license")) or "").lower().replace(" ", "-") or None,
        is_open_access=truth(item.get("isOpenAccess")),
        open_access_url=_open_access_url(item),
        is_flagged_retracted=is_retracted(types),
        updated=parse_partial_date(text(item.get("dateOfRevision"))),
    )


def _identifiers(item: Mapping[str, Any], source: str, number: str) -> tuple[Identifier, ...]:
    """Only the sources MED and PMC have ids that mean something elsewhere."""
    return identifiers(
        doi=text(item.get("doi")),
        pmid=text(item.get("pmid")) or (number if source == "MED" else None),
        pmcid=text(item.get("pmcid")) or (number if source == "PMC" else None),
    )


_HEADING = re.compile(r"<h4\b[^>]*>(.*?)</h4>", re.I | re.S)


def _abstract(value: object) -> tuple[AbstractSection, ...]:
    """Sections where the text has <h4> headings; what stands before the first has no label."""
    raw = value if isinstance(value, str) else ""
    if "&lt;h4&gt;" in raw:
        raw = html.unescape(raw)
    first, *rest = _HEADING.split(raw)  # the pattern has one group: labels and texts alternate
    sections = []
    for label, body in [("", first), *zip(rest[::2], rest[1::2])]:
        section = plain_text(body)
        if section:
            name = (plain_text(label) or "").rstrip(": ") or None
            sections.append(AbstractSection(text=section, label=name))
    return tuple(sections)


def _types(item: Mapping[str, Any]) -> tuple[str, ...]:
    given = mapping(item.get("pubTypeList")).get("pubType")
    if given is None:
        joined = text(item.get("pubType")) or text(item.get("citationType")) or ""
        given = joined.split(";")
    return texts(given)


def _authors(item: Mapping[str, Any]) -> tuple[tuple[AuthorClaim, ...], bool | None]:
    rows = mappings(mapping(item.get("authorList")).get("author"))
    if rows:
        return tuple(a for row in rows if (a := _author(row))), None
    return _authors_of_line(text(item.get("authorString")))


def _author(row: Mapping[str, Any]) -> AuthorClaim | None:
    family, group = text(row.get("lastName")), text(row.get("collectiveName"))
    name = text(row.get("fullName"))
    if not (family or group or name):
        return None
    orcid = next(
        (row.get("value") for row in mappings(row.get("authorId")) if row.get("type") == "ORCID"),
        None,
    )
    details = mapping(row.get("authorAffiliationDetailsList")).get("authorAffiliation")
    places = texts([place.get("affiliation") for place in mappings(details)])
    return AuthorClaim(
        family=family,
        given=(text(row.get("firstName")) or text(row.get("initials"))) if family else None,
        collective=None if family else group,
        name=None if family or group else name,
        orcid=normalize_orcid(text(orcid)),
        affiliations=tuple(Affiliation(text=p) for p in places or texts(row.get("affiliation"))),
    )


def _authors_of_line(line: str | None) -> tuple[tuple[AuthorClaim, ...], bool | None]:
    """Authors of "Carfi A, Landi F; Gemelli Study Group.": persons, then groups after semicolons.
    "et al" says that there are more."""
    persons, *groups = [part.strip() for part in (line or "").rstrip(". ").split(";")]
    names = [name.strip() for name in persons.split(",") if name.strip()]
    is_cut = any(re.fullmatch(r"et al\.?", name, re.I) for name in names)
    authors = [AuthorClaim(name=n) for n in names if not re.fullmatch(r"et al\.?", n, re.I)]
    authors += [AuthorClaim(collective=group) for group in groups if group]
    return tuple(authors), False if is_cut else None


def _venue(item: Mapping[str, Any], info: Mapping[str, Any], source: str) -> VenueClaim | None:
    journal = mapping(info.get("journal"))
    book = mapping(item.get("bookOrReportDetails"))
    publisher = text(book.get("publisher"))
    short = text(journal.get("isoabbreviation")) or text(journal.get("medlineAbbreviation"))
    name = text(journal.get("title"))
    brief = text(item.get("journalTitle")) or text(item.get("journalAbbreviation"))
    if source == "MED":
        short = short or brief  # brief results of MEDLINE carry the abbreviation as the title
    else:
        name = name or brief
    # Of a preprint, the "publisher" is the server it stands on.
    name = name or (publisher if source == "PPR" else text(book.get("comprisingTitle")))
    issns = [text(journal.get("issn")), text(journal.get("essn"))]
    issns += (text(item.get("journalIssn")) or "").split(";")
    issns += [text(item.get("issn")), text(item.get("essn"))]
    venue = VenueClaim(
        name=name,
        abbreviation=short,
        issns=tuple(dict.fromkeys(i for raw in issns if (i := normalize_issn(raw)))),
        publisher=publisher,
        nlm_id=text(journal.get("nlmid")),
    )
    return venue if venue != VenueClaim() else None


_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_ISSUE_DATE = re.compile(r"(\d{4})(?: ([A-Za-z]{3})[a-z]*\.?(?: (\d{1,2}))?)?")


def _printed(year: str, month: str | None, day: str | None) -> PartialDate | None:
    number = _MONTHS.index(month.lower()) + 1 if month and month.lower() in _MONTHS else None
    return partial_date(year, number, day if number else None)


def _issue_date(info: Mapping[str, Any]) -> PartialDate | None:
    """The date of the issue as precisely as it was printed: `printPublicationDate` fills missing
    months and days with 01, `dateOfPublication` ("2025 Aug") does not. Of seasons and ranges of
    months the year is left."""
    said = text(info.get("dateOfPublication"))
    if said and (match := _ISSUE_DATE.fullmatch(said)):
        return _printed(*match.groups())
    if said and re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", said):
        return parse_partial_date(said)
    if said:
        return partial_date(said[:4])
    return _without_filling(parse_partial_date(text(info.get("printPublicationDate"))))


def _without_filling(date: PartialDate | None) -> PartialDate | None:
    """A first of the month may be a filled-in day and 1 January a filled-in month: what may be
    filling is left off."""
    return PartialDate(date.removesuffix("-01").removesuffix("-01")) if date else None


def _dates(
    item: Mapping[str, Any], info: Mapping[str, Any], source: str, view: View
) -> tuple[PartialDate | None, tuple[DateClaim, ...]]:
    """The earliest publication date, and all of them.

    `firstPublicationDate` repeats the online date, or else the print date with its filling. In
    brief results it stands alone, so there a first of the month may be filling.
    """
    issue = _issue_date(info)
    online = parse_partial_date(text(item.get("electronicPublicationDate")))
    first = parse_partial_date(text(item.get("firstPublicationDate")))
    if first and first != online and first == info.get("printPublicationDate"):
        first = issue
    elif source != "PPR" and view is View.BRIEF:
        first = _without_filling(first)
    is_printed = not (text(item.get("pubModel")) or "").startswith("Electronic")
    claims = (
        ("posted" if source == "PPR" else "published", first),
        ("online", online),
        ("print" if is_printed else "published", issue),
    )
    said = tuple(dict.fromkeys(DateClaim(role=role, date=date) for role, date in claims if date))
    # The same day under a plainer name adds nothing.
    named = {claim.date for claim in said if claim.role != "published"}
    dates = tuple(c for c in said if c.role != "published" or c.date not in named)
    book_year = text(mapping(item.get("bookOrReportDetails")).get("yearOfPublication"))
    year = partial_date(text(item.get("pubYear")) or book_year)
    return _earliest(c.date for c in dates) or year, dates


def _earliest(dates: Iterable[PartialDate]) -> PartialDate | None:
    # Of "2025-08" and "2025-08-22" the second: nothing says that the first is before it.
    return min(dates, key=lambda date: date + "-99" * ((10 - len(date)) // 3), default=None)


def _concepts(item: Mapping[str, Any]) -> tuple[ConceptClaim, ...]:
    found = []
    for row in mappings(mapping(item.get("meshHeadingList")).get("meshHeading")):
        qualifiers = mappings(mapping(row.get("meshQualifierList")).get("meshQualifier"))
        majors = [truth(q.get("majorTopic_YN")) for q in (row, *qualifiers)]
        if label := text(row.get("descriptorName")):
            found.append(
                ConceptClaim(
                    scheme="mesh",
                    label=label,
                    is_major=any(majors) if set(majors) != {None} else None,
                    qualifiers=texts([q.get("qualifierName") for q in qualifiers]),
                )
            )
    for keyword in texts(mapping(item.get("keywordList")).get("keyword")):
        found.append(ConceptClaim(scheme="keyword", label=keyword))
    for row in mappings(mapping(item.get("chemicalList")).get("chemical")):
        code = text(row.get("registryNumber"))
        if label := text(row.get("name")):
            # "0" stands for a substance without a registry number.
            claim = ConceptClaim(
                scheme="chemical", label=label, code=code if code and code != "0" else None
            )
            found.append(claim)
    return tuple(dict.fromkeys(found))


def _funding(item: Mapping[str, Any]) -> tuple[FundingClaim, ...]:
    rows = mappings(mapping(item.get("grantsList")).get("grant"))
    claims = (
        FundingClaim(funder=funder, award=text(row.get("grantId")))
        for row in rows
        if (funder := text(row.get("agency")))
    )
    return tuple(dict.fromkeys(claims))


def _observations(item: Mapping[str, Any]) -> tuple[ObservationClaim, ...]:
    count = whole(item.get("citedByCount"))
    return () if count is None else (ObservationClaim(metric="citation_count", value=count),)


def _open_access_url(item: Mapping[str, Any]) -> str | None:
    """The open access copy, its page rather than its PDF. "Free" is free to read, not open."""
    rows = mappings(mapping(item.get("fullTextUrlList")).get("fullTextUrl"))
    urls = [row for row in rows if row.get("availabilityCode") == "OA" and text(row.get("url"))]
    urls.sort(key=lambda row: row.get("documentStyle") != "html")
    return text(urls[0].get("url")) if urls else None


_REFERENCE_DATE = re.compile(
    r"\b((?:19|20)\d{2})(?: ([A-Z][a-z]{2})[a-z]*(?: (\d{1,2}))?)?(?=[\s;:.]|$)"
)
_REFERENCE_DOI = re.compile(r"\bdoi:\s*(10\.\S+)", re.I)


def _links(
    item: Mapping[str, Any], *, is_preprint: bool
) -> tuple[tuple[NoticeClaim, ...], tuple[RelationClaim, ...]]:
    """Notices and relations to other works.

    Each link names the other work as source and id and quotes it. Where neither that id nor the
    quoted text gives an identifier, a notice is still a notice, but a relation leads nowhere and
    is left out.
    """
    notices: list[NoticeClaim] = []
    relations: list[RelationClaim] = []
    for row in mappings(mapping(item.get("commentCorrectionList")).get("commentCorrection")):
        name = text(row.get("type")) or ""
        said = text(row.get("reference"))
        doi = _REFERENCE_DOI.search(said or "")
        other = _identifiers(
            {"doi": doi[1] if doi else None},
            text(row.get("source")) or "",
            text(row.get("id")) or "",
        )
        if link := notice_link(name):
            kind, is_about_self = link
            notices.append(
                NoticeClaim(
                    kind=kind,
                    is_about_self=is_about_self,
                    other=other,
                    # The text quotes the notice only where this work is what it is about.
                    date=_date_quoted(said) if is_about_self else None,
                    label=name,
                    asserted_by="nlm",
                    text=said,
                )
            )
        if fate := republished_notice(name):
            notices.append(
                NoticeClaim(kind=fate, is_about_self=True, label=name, asserted_by="nlm", text=said)
            )
        relation = relation_link(name, said, is_preprint=is_preprint)
        if other and relation:
            relations.append(RelationClaim(kind=relation, other=other))
    return tuple(dict.fromkeys(notices)), tuple(dict.fromkeys(relations))


def _date_quoted(said: str | None) -> PartialDate | None:
    """The date in "Lancet. 2024 Sep 28;404(10459):1227"."""
    match = _REFERENCE_DATE.search(said or "")
    return _printed(*match.groups()) if match else None


# -- one answer ----------------------------------------------------------------------------------


def check(payload: Payload) -> None:
    """Raises for the failures that arrive with status 200: NotFound, SourceUnavailable where the
    error code says that waiting helps, else SourceRejected."""
    body = _body(payload)
    if "errCode" in body:
        code = whole(body["errCode"]) or 0
        if code == 404:
            raise NotFound(_error(payload, body))
        if code == 429 or code >= 500:
            raise SourceUnavailable(_error(payload, body))
    _list_of(payload, body)


def to_records(payload: Payload, of: Sequence[Identifier] = ()) -> list[Record]:
    """What a search, an article, a references or a citations answer says.

    `of` adds to what the answer itself tells about the work whose references or citations these
    are: source and id only, which for a preprint is no identifier.
    """
    body = _body(payload)
    kind, rows = _list_of(payload, body)
    if kind == "reference":
        return [_reference_list(payload, body, rows, of)]
    if kind == "citation":
        return _citing_list(payload, body, rows, of)
    view = _view(body, rows)
    return [_read(row, f"result {n}", view) for n, row in enumerate(rows, 1)]


def _body(payload: Payload) -> dict[str, Any]:
    body = parse_json(payload.body, what=f"Europe PMC, {payload.request}")
    if not isinstance(body, dict):
        raise SourceRejected(
            f"Europe PMC, {payload.request}: {type(body).__name__} instead of an object"
        )
    return body


def _error(payload: Payload, body: Mapping[str, Any]) -> str:
    return (
        f"Europe PMC, {payload.request}: error {body.get('errCode')}, "
        f"{text(body.get('errMsg')) or 'without a message'}"
    )


def _list_of(payload: Payload, body: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """What the answer lists and its rows; raises SourceRejected for what is no answer."""
    if "errCode" in body:
        raise SourceRejected(_error(payload, body))
    for outer, inner in (
        ("resultList", "result"),
        ("referenceList", "reference"),
        ("citationList", "citation"),
    ):
        if outer in body:
            return inner, listed(mapping(body[outer]).get(inner))
    if "result" in body:
        return "result", listed(body["result"])
    if "hitCount" in body:  # an empty list of links may be left out altogether
        last = urlsplit(payload.request).path.rpartition("/")[2]
        return {"references": "reference", "citations": "citation"}.get(last, "result"), []
    raise SourceRejected(f"Europe PMC, {payload.request}: no list of results in {sorted(body)[:8]}")


def _view(body: Mapping[str, Any], rows: Sequence[Any]) -> View:
    asked = text(mapping(body.get("request")).get("resultType"))
    if asked:
        return View.WORK if asked.lower() == "core" else View.BRIEF
    full = {"authorList", "journalInfo", "pubTypeList", "bookOrReportDetails"}
    return View.WORK if any(full & row.keys() for row in mappings(rows)) else View.BRIEF


def _read(row: Any, position: str, view: View) -> WorkRecord | Unreadable:
    try:
        return to_record(mapping(row), view)
    except ValueError as error:
        source, number = text(mapping(row).get("source")), text(mapping(row).get("id"))
        key = f"{source}:{number}" if source and number else None
        return Unreadable(position=position, reason=str(error), key=key)


def _work_and_page(
    payload: Payload, body: Mapping[str, Any], of: Sequence[Identifier]
) -> tuple[str, tuple[Identifier, ...], int, int | None]:
    """Key of the work whose links these are, its identifiers, page number and page size."""
    asked = mapping(body.get("request"))
    request = urlsplit(payload.request.rpartition(" ")[2])
    path = request.path.strip("/").split("/")
    source, number = text(asked.get("source")), text(asked.get("id"))
    if not (source and number) and len(path) == 3:
        source, number = path[0], path[1]
    if not (source and number):
        raise SourceRejected(f"Europe PMC, {payload.request}: does not say whose links these are")
    query = parse_qs(request.query)
    page = whole(query.get("page", ["1"])[0]) or 1
    size = whole(query.get("pageSize", [""])[0]) or whole(asked.get("pageSize"))
    known = tuple(dict.fromkeys((*of, *_identifiers({}, source, number))))
    return f"{source}:{number}", known, page, size


def _reference_list(
    payload: Payload, body: Mapping[str, Any], rows: Sequence[Any], of: Sequence[Identifier]
) -> ReferenceList:
    key, known, page, size = _work_and_page(payload, body, of)
    read = mappings(rows)
    given = [whole(row.get("citedOrder")) for row in read]
    # The order in the paper, where it is given for every line and once.
    is_usable = all(order and order > 0 for order in given) and len(set(given)) == len(given)
    before = (page - 1) * (size or len(read))
    references = tuple(
        _reference(row, order if is_usable and order else before + n)
        for n, (row, order) in enumerate(zip(read, given), 1)
    )
    return ReferenceList(
        source=SOURCE.name,
        key=f"{key}#{page}",
        of=known,
        references=references,
        claimed=whole(body.get("hitCount")),
    )


def _reference(row: Mapping[str, Any], position: int) -> ReferenceClaim:
    year = text(row.get("pubYear"))
    plain_year = partial_date(year)
    source, number = text(row.get("source")), text(row.get("id"))
    return ReferenceClaim(
        position=position,
        identifiers=_identifiers(row, source or "", number or ""),
        text=text(row.get("unstructuredInformation")),
        title=title_as_printed(text(row.get("title")), is_translated=True),
        authors=text(row.get("authorString")),
        year=int(plain_year) if plain_year else None,
        year_text=year if year and not plain_year and year != "0" else None,
        venue=text(row.get("journalAbbreviation")) or text(row.get("publicationTitle")),
        volume=text(row.get("volume")),
        pages=text(row.get("pageInfo")),
        record_key=f"{source}:{number}" if source and number else None,
        asserted_by=SOURCE.name if truth(row.get("match")) else None,
    )


def _citing_list(
    payload: Payload, body: Mapping[str, Any], rows: Sequence[Any], of: Sequence[Identifier]
) -> list[Record]:
    key, known, page, _ = _work_and_page(payload, body, of)
    read = [_read(row, f"citation {n}", View.BRIEF) for n, row in enumerate(rows, 1)]
    citing = CitingList(
        source=SOURCE.name,
        key=f"{key}#{page}",
        of=known,
        citing=tuple(record for record in read if isinstance(record, WorkRecord)),
        claimed=whole(body.get("hitCount")),
    )
    return [citing, *(record for record in read if isinstance(record, Unreadable))]


# -- the network ---------------------------------------------------------------------------------


def fetch_works(fetch: Fetch, ids: Sequence[Identifier]) -> Iterator[Page]:
    """The works with these DOIs, PMIDs and PMCIDs. One work may come as two records, one from
    MEDLINE and one from PMC."""
    wanted = list(dict.fromkeys(i for i in ids if i.scheme in LOOKS_UP))
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        yield from _matching(fetch, wanted[start : start + _IDS_PER_QUERY], "core")


def search(fetch: Fetch, query: str, limit: int | None) -> Iterator[Page]:
    """Full records matching a query in Europe PMC's own syntax (`TITLE:stromal AND SRC:PPR`), in
    its order of relevance; at most `limit`."""
    yield from _search(fetch, query, "core", limit)


def fetch_references(fetch: Fetch, work: Sequence[Identifier]) -> Iterator[Page]:
    """The reference list of a work, one `ReferenceList` per page; nothing for an unknown work."""
    yield from _links_of(fetch, work, "references")


def fetch_citations(fetch: Fetch, work: Sequence[Identifier]) -> Iterator[Page]:
    """The works citing a work, one `CitingList` per page, each citing work in brief."""
    yield from _links_of(fetch, work, "citations")


_FIELDS: Final = {
    Scheme.DOI: 'DOI:"{}"',
    Scheme.PMID: "(EXT_ID:{} AND SRC:MED)",
    Scheme.PMCID: "PMCID:{}",
}


def _matching(fetch: Fetch, ids: Sequence[Identifier], result_type: str) -> Iterator[Page]:
    """Pages with only those results that carry one of `ids`: a DOI search also finds neighbours."""
    query = " OR ".join(
        _FIELDS[i.scheme].format(i.value.replace("\\", "\\\\").replace('"', '\\"')) for i in ids
    )
    for page in _search(fetch, query, result_type, None):
        records = [
            r
            for r in page.records
            if not isinstance(r, WorkRecord) or not set(ids).isdisjoint(r.identifiers)
        ]
        yield Page(page.payload, records, page.total, page.truncated_by)


def _search(fetch: Fetch, query: str, result_type: str, limit: int | None) -> Iterator[Page]:
    if limit is not None and limit <= 0:
        return
    size = _SEARCH_PAGE if limit is None else min(limit, _SEARCH_PAGE)
    mark, used = "*", set[str]()
    seen: set[str] = set()
    delivered = unreadable = 0
    while True:
        params = {
            "query": query,
            "resultType": result_type,
            "format": "json",
            "pageSize": str(size),
            "cursorMark": mark,
        }
        payload = fetch.get(SOURCE, "/search", params, check=check)
        used.add(mark)
        body = _body(payload)
        records: list[Record] = []
        for record in to_records(payload):
            if isinstance(record, Unreadable):
                unreadable += 1
            elif isinstance(record, WorkRecord) and record.key not in seen:
                seen.add(record.key)  # results shift while paging, so one may come twice
            else:
                continue
            records.append(record)
            if limit is not None and len(seen) + unreadable >= limit:
                break
        before, delivered = delivered, len(seen) + unreadable
        total = whole(body.get("hitCount"))
        mark = text(body.get("nextCursorMark")) or ""
        is_full = limit is not None and delivered >= limit
        is_last = (
            is_full
            or delivered == before  # an empty page, or the same works under a new mark
            or not mark
            or mark in used
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


def _links_of(fetch: Fetch, work: Sequence[Identifier], what: str) -> Iterator[Page]:
    key = _source_and_id(fetch, work)
    if key is None:
        return
    path = f"/{quote(key[0], safe='')}/{quote(key[1], safe='')}/{what}"
    seen: set[bytes] = set()
    delivered, number = 0, 1
    while True:
        params = {"format": "json", "page": str(number), "pageSize": str(_LINKS_PAGE)}
        try:
            payload = fetch.get(SOURCE, path, params, check=check)
        except NotFound:
            return
        body = _body(payload)
        rows = _list_of(payload, body)[1]
        fingerprint = orjson.dumps(rows)
        is_repeated = fingerprint in seen
        seen.add(fingerprint)
        delivered += 0 if is_repeated else len(rows)
        total = whole(body.get("hitCount"))
        is_last = not rows or is_repeated or (total is not None and delivered >= total)
        reason = None
        if is_last and total is not None and delivered < total:
            reason = f"the source gave {delivered} of {total} {what}"
        yield Page(payload, [] if is_repeated else to_records(payload, work), total, reason)
        if is_last:
            return
        number += 1


def _source_and_id(fetch: Fetch, work: Sequence[Identifier]) -> tuple[str, str] | None:
    """The pair the source knows a work by; asks for it where there is no PMID. Of several records
    of the work MEDLINE's comes first, for its links are the most complete."""
    for known in work:
        if known.scheme is Scheme.PMID:
            return "MED", known.value
    ids = [i for i in work if i.scheme in LOOKS_UP]
    if not ids:
        return None
    keys = [
        record.key
        for page in _matching(fetch, ids, "lite")
        for record in page.records
        if isinstance(record, WorkRecord)
    ]
    rank = {"MED": 0, "PMC": 1}
    pairs = sorted((tuple(key.split(":", 1)) for key in keys), key=lambda p: rank.get(p[0], 2))
    return (pairs[0][0], pairs[0][1]) if pairs else None
