"""Asking ClinicalTrials.gov, and making records of its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ingest.fetch import Fetch, Rate, Source
from ingest.sources import Page
from ingest.sources.clinicaltrials import protocol, results
from ingest.sources.clinicaltrials.reading import Json, Place, line, part, strings
from kb.errors import InvalidInput, NotFound, SourceRejected, SourceUnavailable
from kb.formats.documents import parse_json
from kb.identity.registrations import normalize_registration
from kb.models.evidence import StudyRecord
from kb.models.records import Payload, Unreadable

# No limit is published; about 50 a minute was the guidance for the old interface.
SOURCE: Final = Source(name="clinicaltrials", url_setting="clinicaltrials_url", rate=Rate(1.0, 1))

# The source allows 1000, but a study with results may take more than a megabyte.
_PAGE_SIZE: Final = 100
# An empty page may come before the end; more than these in a row are no search going on.
_MOST_EMPTY_PAGES: Final = 10


def to_record(study: Json) -> StudyRecord:
    """What the registry says about one study, from the JSON of one study.

    Modules that are absent (or were not asked for with `fields=`) leave their part empty. Raises
    ValueError where there is no NCT number or a part has not the documented shape.
    """
    place = Place(protocol.nct_number(study))
    registered = part(study, "protocolSection")
    reported = part(study, "resultsSection")
    identification = part(registered, "identificationModule")
    acronym, title = line(identification, "acronym"), line(identification, "briefTitle")
    arms = list(protocol.arms(registered, place))
    found = results.read(reported, arms, protocol.registered_arms(registered), place)
    return StudyRecord(
        source=SOURCE.name,
        key=place.number,
        label=acronym or title or place.number,
        acronym=acronym,
        title=line(identification, "officialTitle") or title,
        conditions=tuple(strings(part(registered, "conditionsModule"), "conditions")),
        description=protocol.description(registered, reported, place),
        registrations=tuple(protocol.registrations(study, place)),
        reports=tuple(protocol.reports(registered)),
        background=tuple(protocol.background(registered)),
        arms=found.arms,
        flow=found.flow,
        results=found.results,
        adverse_events=found.adverse_events,
        updated=protocol.updated(registered),
    )


def to_records(payload: Payload) -> list[StudyRecord | Unreadable]:
    """The studies of an answer, a single one or a page of a search.

    Raises SourceRejected where the answer is neither: a web page, an error, other JSON.
    """
    body = _body(payload)
    if "studies" not in body:
        return [_record_of(body, "study")]
    return [_record_of(study, f"study {n}") for n, study in enumerate(body["studies"], start=1)]


def check(payload: Payload) -> None:
    """Raises SourceUnavailable for a web page in place of an answer (maintenance, a gateway),
    and SourceRejected for anything else that is not a study or a page of studies."""
    if payload.body.lstrip()[:1] == b"<":
        raise SourceUnavailable(f"{SOURCE.name} answered {payload.request} with a web page")
    _body(payload)


def fetch_studies(fetch: Fetch, numbers: Sequence[str]) -> Iterator[Page]:
    """A page per entry that exists, in the order asked. What is no NCT number is passed over.

    An old number of an entry is redirected by the source: the record has the present number, and
    the old one among the aliases of its registration.
    """
    found = (normalize_registration(number) for number in numbers)
    for number in dict.fromkeys(f[1] for f in found if f and f[0] == protocol.REGISTRY):
        try:
            payload = fetch.get(SOURCE, f"/studies/{number}", check=check)
        except NotFound:
            continue
        yield Page(payload, to_records(payload))


def search(
    fetch: Fetch,
    *,
    condition: str | None = None,
    intervention: str | None = None,
    term: str | None = None,
    limit: int | None = None,
) -> Iterator[Page]:
    """Studies matching all the given queries (the source's Essie syntax), at most `limit`.

    Raises InvalidInput without any query: that would be the whole registry.
    """
    asked = {"query.cond": condition, "query.intr": intervention, "query.term": term}
    query = {name: text.strip() for name, text in asked.items() if text and text.strip()}
    if not query or (limit is not None and limit < 1):
        raise InvalidInput(
            f"nothing to search {SOURCE.name} for: {asked}, limit {limit} (expected a condition, "
            "an intervention or a term, e.g. 'multiple sclerosis', and a limit of at least 1)"
        )
    size = _PAGE_SIZE if limit is None else min(limit, _PAGE_SIZE)
    params = query | {"pageSize": str(size), "countTotal": "true"}
    tokens: set[str] = set()
    total: int | None = None
    n_seen = n_empty = 0
    while True:
        payload = fetch.get(SOURCE, "/studies", params, check=check)
        body = _body(payload)
        records = to_records(payload)
        token = body.get("nextPageToken")
        if isinstance(body.get("totalCount"), int):  # on the first page only
            total = body["totalCount"]
        if limit is not None:
            records, n_cut = records[: limit - n_seen], len(records) - (limit - n_seen)
        else:
            n_cut = 0
        n_seen += len(records)
        n_empty = 0 if records else n_empty + 1
        truncated_by = None
        if limit is not None and n_seen >= limit:
            if token or n_cut > 0:
                truncated_by = f"limit of {limit}"
        elif token in tokens:
            truncated_by = "repeated page token"
        elif token and n_empty >= _MOST_EMPTY_PAGES:
            truncated_by = f"{n_empty} empty pages in a row"
        elif token:
            yield Page(payload, records, total)
            tokens.add(token)
            params = params | {"pageToken": token}
            continue
        elif total is not None and n_seen < total:
            truncated_by = f"the source ended after {n_seen} of {total}"
        yield Page(payload, records, total, truncated_by)
        return


def _body(payload: Payload) -> Json:
    what = f"{SOURCE.name} {payload.request}"
    body: Any = parse_json(payload.body, what=what)
    if not isinstance(body, dict):
        raise SourceRejected(f"{what}: expected an object, received {type(body).__name__}")
    if "studies" in body:
        if not isinstance(body["studies"], list):
            raise SourceRejected(f"{what}: its studies are no list")
        return body
    if not any(name.endswith("Section") for name in body):
        said = body.get("message") or body.get("error") or sorted(body)
        raise SourceRejected(
            f"{what}: neither a study nor a list of studies, but {str(said)[:200]}"
        )
    return body


def _record_of(study: Any, position: str) -> StudyRecord | Unreadable:
    if not isinstance(study, dict):
        return Unreadable(position=position, reason=f"{type(study).__name__}, expected an object")
    try:
        return to_record(study)
    except ValueError as error:
        return Unreadable(position=position, reason=str(error), key=_key(study))


def _key(study: Json) -> str | None:
    try:
        return protocol.nct_number(study)
    except ValueError:
        return None
