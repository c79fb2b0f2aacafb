"""PubMed through NCBI's E-utilities: esearch finds, efetch describes, elink connects.

E-utilities: https://www.ncbi.nlm.nih.gov/books/NBK25499/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from lxml import etree

from ingest.fetch import Fetch, Rate, Source
from ingest.sources import AnyRecord, Page
from kb.errors import SourceRejected, SourceUnavailable
from kb.formats.documents import parse_json, parse_xml
from kb.formats.markup import element_text
from kb.formats.pubmed_records import RECORDS, pmid_of, to_record, version_of
from kb.formats.shapes import whole
from kb.identity.identifiers import identifiers, normalize_pmid
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    CitingList,
    Payload,
    ReferenceClaim,
    ReferenceList,
    Unreadable,
    View,
    WorkRecord,
)

SOURCE: Final = Source(
    name="pubmed",
    url_setting="eutils_url",
    # NCBI counts requests, not connections; a few at once keep slow answers from halving the rate.
    rate=Rate(3, 3),
    rate_with_key=Rate(10, 5),
    contact_parameter="email",
    key_setting="eutils_key",
    key_parameter="api_key",
    fixed_parameters=(("tool", "msc-evidence-base"),),
)

# PubMed's search knows no field for PMCIDs (einfo lists none).
LOOKS_UP: Final = frozenset({Scheme.PMID, Scheme.DOI})

# efetch is asked for at most this many works at once, and by POST when the ids get many.
BATCH: Final = 200
_POST_ABOVE: Final = 100
# The service's documentation says 10,000, but its error reads "'retstart' cannot be larger than
# 9998", so hit 9,999 is the last one.
REACHABLE_HITS: Final = 9_999
# Before the oldest entry date in PubMed (records of the 1780s carry their publication date).
_FIRST_ENTRY_DATE: Final = date(1750, 1, 1)


# -- records from efetch -------------------------------------------------------------------------


def to_records(payload: Payload) -> list[WorkRecord | Unreadable]:
    """Every article and book of an efetch answer, in its order; of one PMID in several versions
    the latest. An empty set gives an empty list: unknown and deleted PMIDs are just left out.

    Raises SourceRejected for an answer that is no set of articles.
    """
    root = _xml(payload)
    if root.tag in RECORDS:
        items = [root]
    elif root.tag in ("PubmedArticleSet", "PubmedBookArticleSet"):
        items = [item for item in root if item.tag in RECORDS]
    elif _means_no_such_ids(root):
        items = []
    else:
        raise SourceRejected(f"{_named(payload)}: no set of articles but <{root.tag!s}>")
    records: dict[str, WorkRecord | Unreadable] = {}
    versions: dict[str, int] = {}
    for number, item in enumerate(items, start=1):
        position = f"{item.tag!s} {number}"
        record: WorkRecord | Unreadable
        try:
            record = to_record(item)
        except ValueError as error:
            record = Unreadable(position=position, reason=str(error), key=pmid_of(item))
        key = record.key or position
        version = version_of(item)
        if key not in records or version >= versions[key]:
            records[key], versions[key] = record, version
    return list(records.values())


# -- what answers look like ----------------------------------------------------------------------

# Messages of the service that name a passing trouble.
_PASSING = re.compile(
    r"rate limit|address table is empty|temporarily unavailable|timed?[ -]?out|try again", re.I
)


def check(payload: Payload) -> None:
    """Tells failures that arrive with status 200 from answers.

    Raises SourceUnavailable where asking again may help (cut-off answers, the rate limit, a link
    server that is down), SourceRejected for error pages and for what the service calls an error.
    """
    body = payload.body.removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        raise SourceUnavailable(f"{_named(payload)} is empty")
    if body.startswith((b"{", b"[")):
        if not body.endswith((b"}", b"]")):
            raise SourceUnavailable(f"{_named(payload)} breaks off")
        value = parse_json(body, what=_named(payload))
        message = value.get("error") if isinstance(value, dict) else None
        result = value.get("esearchresult") if isinstance(value, dict) else None
        if isinstance(result, dict):
            message = message or result.get("ERROR")
        if message:
            _fail(payload, str(message))
        return
    if re.search(rb"<(?:!doctype\s+)?html", body[:500], re.I):
        raise SourceRejected(f"{_named(payload)} is a web page: {body[:100]!r}")
    first_tag = re.search(rb"<([A-Za-z][\w.-]*)", body)
    try:
        root = parse_xml(body, what=_named(payload))
    except SourceRejected:
        if first_tag and not body.endswith(b"</" + first_tag[1] + b">"):
            raise SourceUnavailable(f"{_named(payload)} breaks off: {body[-60:]!r}") from None
        raise
    # One refused set of links does not spoil the others, but a passing trouble is waited out.
    for message in root.itertext("ERROR"):
        if _PASSING.search(message):
            _fail(payload, message)
    if not _means_no_such_ids(root) and (message := _error_in(root)):
        _fail(payload, message)


def _fail(payload: Payload, message: str) -> None:
    said = f"{_named(payload)} is an error: {' '.join(message.split())[:300]}"
    raise SourceUnavailable(said) if _PASSING.search(message) else SourceRejected(said)


def _named(payload: Payload) -> str:
    return f"PubMed's answer to {re.split('[? ]', payload.request.partition(' ')[2])[0]}"


def _error_in(root: etree._Element) -> str | None:
    return element_text(root if root.tag == "ERROR" else root.find("ERROR"))


def _means_no_such_ids(root: etree._Element) -> bool:
    """efetch's other way of saying that it knows none of the ids."""
    message = (_error_in(root) or "").lower()
    return root.tag == "eFetchResult" and "id list" in message and "empty" in message


def _xml(payload: Payload) -> etree._Element:
    return parse_xml(payload.body, what=_named(payload))


# -- lookup --------------------------------------------------------------------------------------


def fetch_works(fetch: Fetch, identifiers: Sequence[Identifier]) -> Iterator[Page]:
    """The works PubMed has under these PMIDs and DOIs; others are passed over.

    A DOI counts only if exactly one record carries it. `Page.total` is None.
    """
    asked = dict.fromkeys(i.value for i in identifiers if i.scheme is Scheme.PMID)
    found_by_doi: dict[str, Identifier] = {}
    for doi in dict.fromkeys(i for i in identifiers if i.scheme is Scheme.DOI):
        pmid = _find_doi(fetch, doi.value)
        if pmid and pmid not in asked:
            found_by_doi[pmid] = doi
    for payload, records in _fetch_pmids(fetch, [*asked, *found_by_doi]):
        # The index of article ids also holds other numbers of publishers, so the DOI must agree.
        kept = [
            record
            for record in records
            if record.key not in found_by_doi
            or (isinstance(record, WorkRecord) and found_by_doi[record.key] in record.identifiers)
        ]
        yield Page(payload, kept)


def _find_doi(fetch: Fetch, doi: str) -> str | None:
    if '"' in doi:
        return None  # the query language has no way to quote it
    answer = _esearch(fetch, f'"{doi}"[aid]', at_most=2)
    return answer.pmids[0] if answer.count == len(answer.pmids) == 1 else None


def _fetch_pmids(
    fetch: Fetch, pmids: Sequence[str]
) -> Iterator[tuple[Payload, list[WorkRecord | Unreadable]]]:
    """Records in the order asked for, batch by batch.

    What a batch leaves out is asked for once more, since efetch has been seen to drop records it
    knows; what is then missing PubMed does not have.
    """
    for start in range(0, len(pmids), BATCH):
        missing = list(pmids[start : start + BATCH])
        order = {pmid: position for position, pmid in enumerate(missing)}
        for _ in range(2):
            payload = fetch.get(
                SOURCE,
                "efetch.fcgi",
                {"db": "pubmed", "id": ",".join(missing), "retmode": "xml"},
                check=check,
                post=len(missing) > _POST_ABOVE,
            )
            records = [r for r in to_records(payload) if r.key is None or r.key in missing]
            records.sort(key=lambda record: order.get(record.key or "", len(order)))
            if records:
                yield payload, records
            came = {record.key for record in records}
            missing = [pmid for pmid in missing if pmid not in came]
            if not missing or len(order) == 1:
                break


# -- search --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hits:
    payload: Payload
    count: int
    pmids: tuple[str, ...]
    remarks: tuple[str, ...]  # where the query was not searched as written


def search(fetch: Fetch, query: str, limit: int | None) -> Iterator[Page]:
    """The works found by a query in PubMed's syntax, newest first, at most `limit`.

    Beyond PubMed's wall of 9,999 hits the search is split by entry date. `Page.total` is PubMed's
    count; the last page's `truncated_by` states what is out of reach, not delivered or cut by
    `limit`, and which words of the query PubMed did not search as written.

    Raises SourceRejected for a query with an unknown field or one that PubMed cannot read.
    """
    first = _esearch(fetch, query, at_most=REACHABLE_HITS if limit is None else limit)
    pmids: dict[str, None] = {}
    remarks = list(first.remarks)
    wanted = first.count if limit is None else min(limit, first.count)
    _collect(fetch, query, first, None, wanted, pmids, remarks)
    found = list(pmids)[:wanted]
    if len(found) < wanted and not any("out of reach" in remark for remark in remarks):
        remarks.append(f"PubMed counts {first.count} hits but listed {len(found)}")
    if wanted < first.count:
        remarks.append(f"limit of {limit}")

    missing = dict.fromkeys(found)
    held = Page(first.payload, [], total=first.count)
    for number, (payload, records) in enumerate(_fetch_pmids(fetch, found)):
        for record in records:
            missing.pop(record.key or "", None)
        if number:
            yield held
        held = Page(payload, records, total=first.count)
    if missing:
        remarks.append(f"efetch did not return {len(missing)}: {', '.join(list(missing)[:10])}")
    yield Page(held.payload, held.records, held.total, "; ".join(remarks) or None)


def _collect(
    fetch: Fetch,
    query: str,
    hits: _Hits,
    window: tuple[date, date] | None,
    wanted: int,
    pmids: dict[str, None],
    remarks: list[str],
) -> None:
    """Adds to `pmids` those of a search whose first answer is `hits`, until `wanted` are there.

    Lists shift while they are read and days belong to one window only, but a record may get
    another entry date in between: `pmids` holds each once.
    """
    needed = wanted - len(pmids)
    if hits.count > REACHABLE_HITS and needed > REACHABLE_HITS:
        # The day after, since dates are those of the US East.
        tomorrow = hits.payload.fetched_at.date() + timedelta(days=1)
        since, until = window or (_FIRST_ENTRY_DATE, tomorrow)
        if since < until:
            middle = since + (until - since) // 2
            for half in ((middle + timedelta(days=1), until), (since, middle)):
                if len(pmids) < wanted:
                    part = _esearch(fetch, query, at_most=REACHABLE_HITS, window=half)
                    _collect(fetch, query, part, half, wanted, pmids, remarks)
            return
        remarks.append(
            f"{hits.count - REACHABLE_HITS} of the {hits.count} hits entered on {since:%Y/%m/%d} "
            f"are out of reach: PubMed lists {REACHABLE_HITS} at most"
        )
    read = 0
    while True:
        pmids.update(dict.fromkeys(hits.pmids))
        read += len(hits.pmids)
        reach = min(hits.count, REACHABLE_HITS)
        if not hits.pmids or read >= reach or len(pmids) >= wanted:
            return
        hits = _esearch(fetch, query, at_most=reach - read, start=read, window=window)


def _esearch(
    fetch: Fetch,
    query: str,
    *,
    at_most: int,
    start: int = 0,
    window: tuple[date, date] | None = None,
) -> _Hits:
    params = {
        "db": "pubmed",
        "term": query,
        "retmode": "json",
        "retmax": str(min(at_most, REACHABLE_HITS)),
        "retstart": str(start),
    }
    if window:
        since, until = window
        params |= {
            "datetype": "edat",
            "mindate": f"{since:%Y/%m/%d}",
            "maxdate": f"{until:%Y/%m/%d}",
        }
    # Systematic reviews write queries longer than an address may be.
    payload = fetch.get(SOURCE, "esearch.fcgi", params, check=check, post=len(query) > 1500)
    return _to_hits(payload)


def _to_hits(payload: Payload) -> _Hits:
    value = parse_json(payload.body, what=_named(payload))
    result = value.get("esearchresult") if isinstance(value, dict) else None
    if not isinstance(result, dict):
        raise SourceRejected(f"{_named(payload)} has no esearchresult: {payload.body[:100]!r}")
    count, listed = whole(result.get("count")), result.get("idlist")
    if count is None or not isinstance(listed, list):
        raise SourceRejected(f"{_named(payload)} has no count and idlist: {payload.body[:100]!r}")

    def complaints(part: str, kind: str) -> str:
        said = result.get(part)
        said = said.get(kind) if isinstance(said, dict) else None
        return ", ".join(str(word) for word in said) if isinstance(said, list) else ""

    if fields := complaints("errorlist", "fieldsnotfound"):
        raise SourceRejected(f"PubMed knows no search field {fields}; see its list of field tags")
    remarks = []
    if words := complaints("errorlist", "phrasesnotfound"):
        remarks.append(f"PubMed left out what it did not find: {words}")
    if words := complaints("warninglist", "phrasesignored"):
        remarks.append(f"PubMed ignored: {words}")
    if words := complaints("warninglist", "quotedphrasesnotfound"):
        remarks.append(f"PubMed searched the single words of phrases it did not find: {words}")
    return _Hits(
        payload=payload,
        count=count,
        pmids=tuple(pmid for raw in listed if (pmid := normalize_pmid(str(raw)))),
        remarks=tuple(remarks),
    )


# -- links ---------------------------------------------------------------------------------------

_REFERENCES: Final = "pubmed_pubmed_refs"
_CITED_IN: Final = "pubmed_pubmed_citedin"


def fetch_references(fetch: Fetch, work: Sequence[Identifier]) -> Iterator[Page]:
    """The works in PubMed that a work in PMC cites: PMIDs alone, and only where PMC has the text.

    A work without PMID gives no page; one without links gives a page without records.
    """
    return _fetch_links(fetch, work, _REFERENCES, to_reference_lists)


def fetch_citations(fetch: Fetch, work: Sequence[Identifier]) -> Iterator[Page]:
    """The works in PMC that cite a work, as brief records of their PMIDs; far from all."""
    return _fetch_links(fetch, work, _CITED_IN, to_citing_lists)


def to_reference_lists(payload: Payload) -> list[ReferenceList | Unreadable]:
    """The reference list of each work an elink answer is about, in the order given.

    Raises SourceRejected for an answer that is none of elink.
    """
    return [
        linked
        if isinstance(linked, Unreadable)
        else ReferenceList(
            source=SOURCE.name,
            key=f"{linked.pmid}#elink",
            of=identifiers(pmid=linked.pmid),
            references=tuple(
                ReferenceClaim(position=position, identifiers=identifiers(pmid=pmid))
                for position, pmid in enumerate(linked.others, start=1)
            ),
        )
        for linked in _links(payload, _REFERENCES)
    ]


def to_citing_lists(payload: Payload) -> list[CitingList | Unreadable]:
    """The citing works of each work an elink answer is about, in the order given.

    Raises SourceRejected for an answer that is none of elink.
    """
    return [
        linked
        if isinstance(linked, Unreadable)
        else CitingList(
            source=SOURCE.name,
            key=f"{linked.pmid}#elink",
            of=identifiers(pmid=linked.pmid),
            citing=tuple(
                WorkRecord(
                    source=SOURCE.name,
                    key=pmid,
                    view=View.BRIEF,
                    identifiers=identifiers(pmid=pmid),
                )
                for pmid in linked.others
            ),
        )
        for linked in _links(payload, _CITED_IN)
    ]


def _fetch_links(
    fetch: Fetch,
    work: Sequence[Identifier],
    link: str,
    read: Callable[[Payload], Sequence[AnyRecord | Unreadable]],
) -> Iterator[Page]:
    pmids = list(dict.fromkeys(i.value for i in work if i.scheme is Scheme.PMID))
    for start in range(0, len(pmids), BATCH):
        batch = pmids[start : start + BATCH]
        payload = fetch.get(
            SOURCE,
            "elink.fcgi",
            # Repeated ids are answered one by one; joined by commas they would be one set.
            {"dbfrom": "pubmed", "db": "pubmed", "linkname": link, "retmode": "xml", "id": batch},
            check=check,
            post=len(batch) > _POST_ABOVE,
        )
        yield Page(payload, read(payload))


@dataclass(frozen=True, slots=True)
class _Linked:
    pmid: str
    others: tuple[str, ...]


def _links(payload: Payload, link: str) -> list[_Linked | Unreadable]:
    root = _xml(payload)
    if root.tag != "eLinkResult":
        raise SourceRejected(f"{_named(payload)}: no links but <{root.tag!s}>")
    found: list[_Linked | Unreadable] = []
    for number, links in enumerate(root.findall("LinkSet"), start=1):
        asked = [normalize_pmid(part.text) for part in links.findall("IdList/Id")]
        error = _error_in(links)
        others = [
            normalize_pmid(part.text)
            for group in links.findall("LinkSetDb")
            if group.findtext("LinkName") == link
            for part in group.findall("Link/Id")
        ]
        if error or (others and (len(asked) != 1 or asked[0] is None)):
            reason = error or f"the links of {len(asked)} works in one set belong to none of them"
            key = asked[0] if len(asked) == 1 else None
            found.append(Unreadable(position=f"LinkSet {number}", reason=reason, key=key))
        elif others and asked[0]:
            unique = tuple(dict.fromkeys(pmid for pmid in others if pmid))
            found.append(_Linked(asked[0], unique))
    return found
