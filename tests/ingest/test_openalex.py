"""OpenAlex: what its answers say in both of their shapes, and how its pages end."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from ingest.sources import openalex
from ingest.sources.openalex import (
    check,
    fetch_citations,
    fetch_works,
    search,
    to_records,
)
from kb.errors import SourceRejected
from kb.identity.identifiers import parse_identifier
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    CitingList,
    Unreadable,
    View,
    WorkRecord,
)
from tests.conftest import shared
from tests.formats.provider_works import openalex_work
from tests.ingest.fakes import FakeFetch, a_payload

W1, W2, W3 = (Identifier(Scheme.OPENALEX, f"W{n}00000000") for n in (1, 2, 3))


def a_work(number: Identifier = W1, **changes: Any) -> dict[str, Any]:
    return openalex_work(number, **changes)


def a_list(*works: Any, count: int | None = None, cursor: str | None = None) -> bytes:
    meta = {"count": len(works) if count is None else count, "next_cursor": cursor}
    return orjson.dumps({"meta": meta, "results": list(works)})


def read(body: bytes, request: str = "GET /works/pmid:31810187") -> list[Any]:
    return list(to_records(a_payload(body, request=request)))


def recorded(name: str) -> Any:
    """The record in a recording, which may be wrapped with its request."""
    found = orjson.loads(shared(f"payloads/openalex/{name}").read_bytes())
    found = found[0] if isinstance(found, list) else found
    if "response" not in found:
        return read(orjson.dumps(found))[0]
    address = found["request"]["url"].removeprefix("https://api.openalex.org")
    return read(orjson.dumps(found["response"]["body"]), f"GET {address}")[0]


# -- one answer ------------------------------------------------------------------------------------


def test_a_merged_work_answers_under_another_id_and_the_record_carries_both():
    (record,) = read(orjson.dumps(a_work(W2)), f"GET /works/{W1.value}")
    assert (record.key, record.identifiers) == (W2.value, (W2, W1))


def test_a_work_asked_for_by_its_own_id_carries_it_once():
    (record,) = read(orjson.dumps(a_work(W1)), f"GET /works/{W1.value}")
    assert record.identifiers == (W1,)


@pytest.mark.parametrize("kind", ["author", "funder", "institution", "source", "topic"])
def test_other_entities_are_no_works(kind):
    record = recorded(f"entity_{kind}_2026.json")
    assert isinstance(record, Unreadable)
    assert record.reason.startswith("not a work")


def test_one_bad_work_does_not_spoil_the_list():
    bad, nonsense, good = read(a_list({"title": "?"}, "?", a_work()), "GET /works?filter=doi%3Ax")
    assert (bad.position, nonsense.position, good.key) == ("result 1", "result 2", W1.value)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"error":"Invalid query parameter","message":"no such filter"}', id="error"),
        pytest.param(b"<!doctype html><title>404 Not Found</title>", id="page"),
        pytest.param(b'{"results":null}', id="no list"),
        pytest.param(b"[]", id="not an object"),
    ],
)
def test_what_is_no_answer_is_rejected_with_what_came(body):
    with pytest.raises(SourceRejected):
        check(a_payload(body))
    with pytest.raises(SourceRejected):
        read(body)


def test_a_list_of_citing_works_says_which_work_they_cite():
    body = a_list(a_work(W2), {"title": "?"}, count=7)
    citing, bad = read(body, f"GET /works?cursor=abc&filter=cites%3A{W1.value}&per_page=100")
    assert isinstance(citing, CitingList)
    assert (citing.of, citing.claimed) == ((W1,), 7)
    assert [work.view for work in citing.citing] == [View.WORK]
    assert citing.key == f"{W1.value}#abc"
    assert bad.position == "result 2"


# -- the network -----------------------------------------------------------------------------------


def parameter(request: str, name: str) -> str:
    return parse_qs(urlsplit(request).query)[name][0]


def keys(pages: Any) -> list[str]:
    return [record.key for page in pages for record in page.records]


def test_works_are_asked_for_by_the_hundred_one_scheme_at_a_time():
    pmids = [parse_identifier(f"pmid:{n}") for n in range(1, 151)]
    dois = [parse_identifier("10.3390/jcm8122102"), parse_identifier("10.1000/b")]
    fetch = FakeFetch(lambda _: a_list())
    assert keys(fetch_works(fetch, [*pmids, *dois])) == []
    filters = [parameter(r, "filter") for r in fetch.requests]
    assert [f.partition(":")[0] for f in filters] == ["pmid", "pmid", "doi"]
    assert [f.count("|") + 1 for f in filters] == [100, 50, 2]
    assert {parameter(r, "per_page") for r in fetch.requests} == {"100"}


def test_long_identifiers_make_smaller_batches():
    dois = [parse_identifier(f"10.1002/{n}{'<>' * 40}") for n in range(100)]
    fetch = FakeFetch(lambda _: a_list())
    list(fetch_works(fetch, dois))
    assert len(fetch.requests) > 1
    assert max(map(len, fetch.requests)) < 6000


def test_a_single_work_is_asked_for_alone_because_that_is_free():
    work = a_work(doi="https://doi.org/10.3390/jcm8122102")
    fetch = FakeFetch({"GET /works/doi:10.3390%2Fjcm8122102": orjson.dumps(work)})
    assert keys(fetch_works(fetch, [parse_identifier("10.3390/jcm8122102")])) == [W1.value]


def test_a_doi_that_a_filter_would_split_is_asked_for_alone():
    odd = parse_identifier("10.1000/a,b|c")
    plain = [parse_identifier("10.1000/x"), parse_identifier("10.1000/y")]
    fetch = FakeFetch(lambda r: a_list() if "filter" in r else orjson.dumps(a_work(doi=odd.value)))
    assert keys(fetch_works(fetch, [odd, *plain])) == [W1.value]
    assert [parameter(r, "filter") for r in fetch.requests if "filter" in r] == [
        "doi:10.1000/x|10.1000/y"
    ]
    assert fetch.requests[-1] == "GET /works/doi:10.1000%2Fa%2Cb%7Cc"


def test_an_id_that_a_list_did_not_bring_may_be_merged_and_is_asked_for_alone():
    fetch = FakeFetch(
        {
            f"GET /works?cursor=%2A&filter=openalex%3A{W1.value}%7C{W2.value}&per_page=100": a_list(
                a_work(W2)
            ),
            f"GET /works/{W1.value}": orjson.dumps(a_work(W3)),
        }
    )
    pages = list(fetch_works(fetch, [W1, W2]))
    assert keys(pages) == [W2.value, W3.value]
    merged = pages[-1].records[0]
    assert isinstance(merged, WorkRecord)
    assert merged.identifiers == (W3, W1)


def test_works_the_source_does_not_know_do_not_come_back():
    assert keys(fetch_works(FakeFetch({}), [parse_identifier("PMC6947442"), W1])) == []


def test_a_pmcid_is_answered_by_a_work_that_does_not_repeat_it():
    pmcid = parse_identifier("PMC6947442")
    known = FakeFetch({"GET /works/pmcid:PMC6947442": orjson.dumps(a_work())})
    assert keys(fetch_works(known, [pmcid])) == [W1.value]
    other = a_work(ids={"pmcid": "PMC1"})
    wrong = FakeFetch({"GET /works/pmcid:PMC6947442": orjson.dumps(other)})
    assert keys(fetch_works(wrong, [pmcid])) == []


def pages_of(*bodies: bytes) -> FakeFetch:
    """Answers in turn, the last one for ever."""
    remaining = list(bodies)
    return FakeFetch(lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0])


def test_citing_works_are_followed_by_cursor_and_numbered_by_page():
    fetch = pages_of(
        a_list(a_work(W2), count=2, cursor="abc"), a_list(a_work(W3), count=2, cursor="def")
    )
    pages = list(fetch_citations(fetch, [W1]))
    assert keys(pages) == [f"{W1.value}#1", f"{W1.value}#2"]
    assert [parameter(r, "cursor") for r in fetch.requests] == ["*", "abc"]
    assert {parameter(r, "filter") for r in fetch.requests} == {f"cites:{W1.value}"}
    assert [(p.total, p.truncated_by) for p in pages] == [(2, None), (2, None)]


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(a_list(count=9, cursor="def"), id="empty page"),
        pytest.param(a_list(a_work(W3), count=9), id="no cursor"),
        pytest.param(a_list(a_work(W3), count=9, cursor="abc"), id="same cursor"),
        pytest.param(a_list(a_work(W2), count=9, cursor="def"), id="same works"),
    ],
)
def test_citing_works_end_and_say_what_is_missing(last):
    fetch = pages_of(a_list(a_work(W2), count=9, cursor="abc"), last)
    *_, end = fetch_citations(fetch, [W1])
    assert len(fetch.requests) == 2
    assert end.truncated_by in ("the source gave 1 of 9 works", "the source gave 2 of 9 works")


def test_no_call_is_paid_for_when_all_that_are_counted_have_come():
    fetch = pages_of(a_list(a_work(W2), count=1, cursor="abc"))
    assert len(list(fetch_citations(fetch, [W1]))) == 1
    assert len(fetch.requests) == 1


def test_a_work_known_by_its_doi_is_looked_up_before_its_citing_works():
    doi = parse_identifier("10.3390/jcm8122102")
    fetch = FakeFetch(lambda r: a_list() if "cites" in r else orjson.dumps(a_work(doi=doi.value)))
    (page,) = fetch_citations(fetch, [doi])
    assert fetch.requests[0] == "GET /works/doi:10.3390%2Fjcm8122102"
    (citing,) = page.records
    assert isinstance(citing, CitingList)
    assert (citing.of, citing.citing) == ((W1,), ())
    assert list(fetch_citations(FakeFetch({}), [doi])) == []


def test_a_search_stops_at_its_limit_and_says_so():
    fetch = pages_of(a_list(a_work(W1), a_work(W2), a_work(W3), count=900, cursor="abc"))
    (page,) = search(fetch, "mesenchymal stromal cells", 2)
    assert keys([page]) == [W1.value, W2.value]
    assert (page.total, page.truncated_by) == (900, "limit of 2")
    assert parameter(fetch.requests[0], "search") == "mesenchymal stromal cells"
    assert list(search(fetch, "anything", 0)) == []


def test_the_key_goes_into_the_query_and_the_allowance_is_daily():
    assert openalex.SOURCE.key_parameter == "api_key"
    assert openalex.SOURCE.has_daily_budget
