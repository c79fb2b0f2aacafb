"""Crossref: what publishers deposited about a work, with references, funders and update notices.

Crossref counts citing works but does not list them, so there is no `fetch_citations`; references
come inside the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from ingest.fetch import Fetch, Rate, Source
from ingest.sources import Page
from kb.errors import KBError, NotFound, SourceRejected, SourceUnavailable
from kb.formats.documents import parse_json
from kb.formats.references.crossref_json import read_work
from kb.formats.shapes import address, whole
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import Payload, Unreadable, WorkRecord

# Limits as the reply headers stated them in June 2026: public 5/s and one at a time, polite (with
# a contact) 10/s and three at a time; Plus 150/s.
SOURCE: Final = Source(
    name="crossref",
    url_setting="crossref_url",
    rate=Rate(5, 1),
    rate_with_contact=Rate(10, 3),
    rate_with_key=Rate(150, 3),
    contact_parameter="mailto",
    key_setting="crossref_key",
    key_header="Crossref-Plus-API-Token",
    key_prefix="Bearer ",
)
LOOKS_UP: Final = frozenset({Scheme.DOI})

_BATCH = 50  # DOIs in one filter; keeps the address below the usual limit of 8 kB
_ROWS = 200  # works in one page; 1000 are allowed, but with their references that is 50 MB
# In a filter, commas and colons separate; other DOIs are asked for one by one.
_SAFE_IN_FILTER = re.compile(r"[0-9a-z./_()-]+")


# -- network -------------------------------------------------------------------------------------


def fetch_works(fetch: Fetch, identifiers: Sequence[Identifier]) -> Iterator[Page]:
    """The works with these DOIs, several in one call where their DOIs allow it.

    Other identifiers, and DOIs that are not Crossref's (DataCite has some, too), do not come back.
    """
    dois = list(dict.fromkeys(i.value for i in identifiers if i.scheme == Scheme.DOI))
    together = [doi for doi in dois if _SAFE_IN_FILTER.fullmatch(doi)]
    alone = [doi for doi in dois if not _SAFE_IN_FILTER.fullmatch(doi)]
    for start in range(0, len(together), _BATCH):
        batch = together[start : start + _BATCH]
        if len(batch) == 1:
            alone += batch
            continue
        params = {"filter": ",".join(f"doi:{doi}" for doi in batch), "rows": str(len(batch))}
        try:
            payload = fetch.get(SOURCE, "works", params, check=check)
        except SourceRejected:  # one DOI it cannot take spoils the filter, not the others' answers
            alone += batch
            continue
        yield Page(payload, to_records(payload), total=_total(payload))
    for doi in alone:
        try:
            payload = fetch.get(SOURCE, f"works/{quote(doi, safe='')}", check=check)
        except NotFound:
            continue
        yield Page(payload, to_records(payload), total=1)


def search(fetch: Fetch, query: str, limit: int | None) -> Iterator[Page]:
    """Works whose bibliographic fields match `query`, the best first, at most `limit` of them.

    Each page is handed on when the next one has come, since only then it is known whether the
    cursor was still valid.
    """
    if limit is not None and limit < 1:
        return
    rows = min(limit or _ROWS, _ROWS)
    params = {"query.bibliographic": query, "rows": str(rows)}
    cursor: str | None = "*"
    cursors: set[str] = set()
    seen: set[str] = set()
    retrieved = 0
    held: Page | None = None
    while cursor is not None:
        cursors.add(cursor)
        try:
            payload = fetch.get(SOURCE, "works", {**params, "cursor": cursor}, check=check)
            found = to_records(payload)
        except KBError as error:
            if held is None:
                raise
            # A cursor no longer known is answered with 404 "cursor-invalid".
            if isinstance(error, NotFound):
                reason = f"the cursor expired after {retrieved} of {held.total} works"
                yield replace(held, truncated_by=reason)
                return
            yield held
            raise
        if held is not None:
            yield held
        # Results shift while paging, and a work may come twice.
        new = [r for r in found if isinstance(r, Unreadable) or r.key not in seen]
        seen.update(r.key for r in new if isinstance(r, WorkRecord))
        if limit is not None:
            new = new[: limit - retrieved]
        retrieved += len(new)
        total = _total(payload)
        next_cursor = address(_message(payload).get("next-cursor"))
        so_far = f"after {retrieved} of {total} works"
        is_last, shortfall = True, None
        if total is not None and retrieved >= total:
            pass
        elif limit is not None and retrieved >= limit:
            shortfall = f"limit of {limit} works"
        elif len(found) < rows:
            shortfall = f"the source ended {so_far}" if total is not None else None
        elif not new:
            shortfall = f"the source repeated itself {so_far}"
        elif next_cursor is None or next_cursor in cursors:
            which = "no" if next_cursor is None else "a repeated"
            shortfall = f"the source gave {which} cursor {so_far}"
        else:
            is_last = False
        held = Page(payload, new, total=total, truncated_by=shortfall)
        cursor = None if is_last else next_cursor
    if held is not None:
        yield held


def check(payload: Payload) -> None:
    """Raises SourceUnavailable for a page that is no JSON (sent by something in between), and
    SourceRejected for JSON that is no answer about works."""
    try:
        parse_json(payload.body, what=_what(payload))
    except SourceRejected as error:
        raise SourceUnavailable(str(error)) from error
    _items(payload)


# -- payload to records --------------------------------------------------------------------------


def to_records(payload: Payload) -> list[WorkRecord | Unreadable]:
    """The works in the answer to a single-work or list call, or in a bare work.

    Raises SourceRejected for an answer about anything else, and for Crossref's own errors.
    """
    return [read_work(item, f"item {n}") for n, item in enumerate(_items(payload), 1)]


def _what(payload: Payload) -> str:
    return f"{payload.source} {payload.request}"


def _document(payload: Payload) -> dict[str, Any]:
    document = parse_json(payload.body, what=_what(payload))
    if not isinstance(document, dict):
        raise SourceRejected(f"{_what(payload)}: expected an object, got {str(document)[:80]!r}")
    return document


def _message(payload: Payload) -> dict[str, Any]:
    message = _document(payload).get("message")
    return message if isinstance(message, dict) else {}


def _total(payload: Payload) -> int | None:
    return whole(_message(payload).get("total-results"))


def _items(payload: Payload) -> list[Any]:
    """The works in an answer, read or not. Raises SourceRejected where it is no such answer."""
    document = _document(payload)
    if "message" not in document and "DOI" in document:
        return [document]
    message, status = document.get("message"), document.get("status")
    kind = document.get("message-type", "work")
    if status == "ok" and isinstance(message, dict):
        if kind == "work-list" and isinstance(message.get("items"), list):
            return list(message["items"])
        if kind == "work":
            return [message]
    said = str(message)[:200] if status != "ok" else "an answer of another shape"
    raise SourceRejected(
        f"{_what(payload)}: expected works, got status {status!r}, {kind!r}: {said}"
    )
