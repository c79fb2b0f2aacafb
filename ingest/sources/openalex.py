"""OpenAlex: works, their references as OpenAlex ids, and the works citing them.

https://developers.openalex.org. Every call but the lookup of one work costs money, from a daily
allowance that a free key enlarges: 0.0001 dollars for a list, ten times that for a search. So works
are fetched by id, a hundred to a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from ingest.fetch import Fetch, Rate, Source
from ingest.sources import Page
from kb.errors import NotFound, SourceRejected
from kb.formats.documents import parse_json
from kb.formats.references.openalex_json import read_work
from kb.formats.shapes import address, listed, mapping, text, whole
from kb.identity.identifiers import identifier
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import CitingList, Payload, Unreadable, WorkRecord

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

Record = WorkRecord | CitingList | Unreadable


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
        return [read_work(body, "the work", last)]
    rows = listed(body["results"])
    read: list[Record] = [read_work(row, f"result {n}") for n, row in enumerate(rows, 1)]
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
        total, cursor = whole(meta.get("count")), address(meta.get("next_cursor")) or ""
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
