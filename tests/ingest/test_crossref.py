"""Crossref is asked for works, and what answers is told from what does not."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ingest.sources.crossref import (
    LOOKS_UP,
    SOURCE,
    check,
    fetch_works,
    search,
    to_records,
)
from kb.errors import NotFound, SourceRejected, SourceUnavailable
from kb.formats.references.crossref_json import to_record
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    Unreadable,
    WorkRecord,
    from_json,
    to_json,
)
from tests.conftest import shared
from tests.formats.provider_works import SEED
from tests.formats.provider_works import crossref_work as a_work
from tests.ingest.fakes import FakeFetch, a_payload


def doi(value: str) -> Identifier:
    return Identifier(Scheme.DOI, value)


def an_answer(message: Any, kind: str = "work") -> bytes:
    return json.dumps({"status": "ok", "message-type": kind, "message": message}).encode()


def a_list(items: list[Any], **more: Any) -> bytes:
    return an_answer(
        {"items": items} | {k.replace("_", "-"): v for k, v in more.items()}, "work-list"
    )


# -- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(an_answer(a_work()), id="single work"),
        pytest.param(a_list([a_work()]), id="list"),
        pytest.param(json.dumps(a_work()).encode(), id="bare work"),
    ],
)
def test_works_are_found_in_every_envelope(body):
    assert to_records(a_payload(body)) == [to_record(a_work())]
    check(a_payload(body))


def test_a_bad_item_is_set_aside_and_the_others_are_read():
    items = [a_work(), None, {"DOI": "", "title": ["Nameless"]}, "text", a_work(DOI="10.1000/b")]
    records = to_records(a_payload(a_list(items)))
    assert [r.key for r in records] == [SEED, None, None, None, "10.1000/b"]
    assert [r.position for r in records if isinstance(r, Unreadable)] == [
        "item 2",
        "item 3",
        "item 4",
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b"Resource not found.", SourceUnavailable, id="not JSON"),
        pytest.param(b"<html>busy</html>", SourceUnavailable, id="a page from in between"),
        pytest.param(b'{"status":"ok","message":{"DOI"', SourceUnavailable, id="cut off"),
        pytest.param(b"[]", SourceRejected, id="array"),
        pytest.param(b"{}", SourceRejected, id="empty object"),
        pytest.param(
            b'{"status":"failed","message-type":"validation-failure","message":[{"value":"x"}]}',
            SourceRejected,
            id="failed",
        ),
        pytest.param(an_answer({"items": []}, "funder-list"), SourceRejected, id="funders"),
        pytest.param(an_answer({"items": None}, "work-list"), SourceRejected, id="null items"),
        pytest.param(an_answer(None), SourceRejected, id="null message"),
    ],
)
def test_a_200_that_is_no_answer_is_found_out(body, error):
    with pytest.raises(error):
        check(a_payload(body))
    with pytest.raises(SourceRejected):
        to_records(a_payload(body))


# -- asking --------------------------------------------------------------------------------------


def dois(*values: str) -> list[Identifier]:
    return [doi(value) for value in values]


def keys(pages: Any) -> list[list[str | None]]:
    return [[record.key for record in page.records] for page in pages]


def test_crossref_knows_works_by_doi_alone():
    assert {Scheme.DOI} == LOOKS_UP
    fetch = FakeFetch({})
    assert list(fetch_works(fetch, [Identifier(Scheme.PMID, "31810187")])) == []
    assert fetch.requests == []


def test_a_single_work_is_asked_for_with_its_doi_escaped():
    old = "10.1002/1531-8249(199909)46:3<296::aid-ana4>3.0.co;2-#"
    address = (
        "GET /works/10.1002%2F1531-8249%28199909%2946%3A3%3C296%3A%3Aaid-ana4%3E3.0.co%3B2-%23"
    )
    fetch = FakeFetch({address: an_answer(a_work(DOI=old))})
    assert keys(fetch_works(fetch, dois(old))) == [[old]]


def test_many_works_are_asked_for_together_except_dois_that_would_break_the_filter():
    odd = "10.1000/a,b"
    fetch = FakeFetch(
        {
            "GET /works?filter=doi%3A10.1000%2Fa%2Cdoi%3A10.1000%2Fb&rows=2": a_list(
                [a_work(DOI="10.1000/b")], total_results=1
            ),
            "GET /works/10.1000%2Fa%2Cb": an_answer(a_work(DOI=odd)),
        }
    )
    found = keys(fetch_works(fetch, dois("10.1000/a", odd, "10.1000/b", "10.1000/a")))
    assert found == [["10.1000/b"], [odd]]


def test_no_call_selects_fields_since_that_hides_notices():
    fetch = FakeFetch(lambda _: a_list([], total_results=0))
    list(fetch_works(fetch, dois("10.1000/a", "10.1000/b")))
    list(search(fetch, "mesenchymal", 5))
    assert fetch.requests
    assert not any("select" in request for request in fetch.requests)


def test_more_dois_than_fit_one_filter_take_several_calls():
    fetch = FakeFetch(lambda _: a_list([], total_results=0))
    list(fetch_works(fetch, dois(*(f"10.1000/{n}" for n in range(120)))))
    asked = [request.count("doi%3A") for request in fetch.requests]
    assert sum(asked) == 120
    assert max(asked) <= 50


def test_a_filter_that_is_refused_is_replaced_by_single_calls():
    def answer(request: str) -> bytes | Exception:
        if "filter" in request:
            return SourceRejected("400")
        return an_answer(a_work(DOI="10.1000/a")) if request.endswith("Fa") else NotFound("404")

    assert keys(fetch_works(FakeFetch(answer), dois("10.1000/a", "10.1000/b"))) == [["10.1000/a"]]


def test_an_unknown_doi_simply_does_not_come_back():
    assert list(fetch_works(FakeFetch({}), dois("10.5281/zenodo.1"))) == []


class Results:
    """A search over `n` works that honours rows and cursor, as Crossref does."""

    def __init__(self, n: int, cursors: Iterator[str] | None = None, short_by: int = 0) -> None:
        self.n, self.short_by = n, short_by
        self.cursors = cursors or (f"cursor{i}" for i in count(1))
        self.starts: dict[str, int] = {}

    def __call__(self, request: str) -> bytes | Exception:
        given: Mapping[str, list[str]] = parse_qs(urlsplit(request).query)
        cursor, rows = given["cursor"][0], int(given["rows"][0])
        start = 0 if cursor == "*" else self.starts[cursor]
        end = min(start + rows, self.n - self.short_by)
        following = next(self.cursors)
        self.starts[following] = end
        items = [a_work(DOI=f"10.1000/{i}") for i in range(start, end)]
        return a_list(items, total_results=self.n, next_cursor=following)


def test_a_search_pages_to_the_end():
    fetch = FakeFetch(Results(450))
    pages = list(search(fetch, "mesenchymal stromal", None))
    assert [len(page.records) for page in pages] == [200, 200, 50]
    assert {page.total for page in pages} == {450}
    assert pages[-1].truncated_by is None
    assert fetch.requests[0] == (
        "GET /works?cursor=%2A&query.bibliographic=mesenchymal%20stromal&rows=200"
    )


def test_a_search_that_ends_on_a_full_page_asks_no_further():
    fetch = FakeFetch(Results(400))
    assert [p.truncated_by for p in search(fetch, "x", None)] == [None, None]


@pytest.mark.parametrize(
    ("limit", "rows", "sizes"), [(5, "5", [5]), (200, "200", [200]), (250, "200", [200, 50])]
)
def test_a_limit_asks_for_no_more_than_needed_and_says_what_was_left(limit, rows, sizes):
    fetch = FakeFetch(Results(1000))
    pages = list(search(fetch, "x", limit))
    assert [len(page.records) for page in pages] == sizes
    assert all(f"rows={rows}" in request for request in fetch.requests)
    assert [page.truncated_by for page in pages][-1] == f"limit of {limit} works"


def test_a_limit_that_all_results_meet_truncates_nothing():
    assert [p.truncated_by for p in search(FakeFetch(Results(3)), "x", 3)] == [None]
    assert list(search(FakeFetch(Results(3)), "x", 0)) == []


def test_a_search_without_results_is_one_empty_page():
    (page,) = search(FakeFetch(Results(0)), "nonsense", None)
    assert (list(page.records), page.total, page.truncated_by) == ([], 0, None)


def test_an_expired_cursor_keeps_what_came_and_says_so():
    results = Results(1000)

    def answer(request: str) -> bytes | Exception:
        return NotFound("cursor-invalid") if "cursor2" in request else results(request)

    pages = list(search(FakeFetch(answer), "x", None))
    assert [len(page.records) for page in pages] == [200, 200]
    assert [p.truncated_by for p in pages] == [None, "the cursor expired after 400 of 1000 works"]


def test_a_failure_between_pages_is_raised_after_what_came():
    results = Results(1000)

    def answer(request: str) -> bytes | Exception:
        return SourceUnavailable("503") if "cursor1" in request else results(request)

    pages = search(FakeFetch(answer), "x", None)
    assert len(next(pages).records) == 200
    with pytest.raises(SourceUnavailable):
        next(pages)


def test_a_failure_of_the_first_page_is_raised():
    with pytest.raises(NotFound):
        list(search(FakeFetch({}), "x", None))


def test_a_repeated_cursor_ends_the_search():
    results = Results(1000, cursors=iter(["same"] * 9))
    pages = list(search(FakeFetch(results), "x", None))
    assert "repeated cursor after 400 of 1000" in (pages[-1].truncated_by or "")


def test_a_missing_cursor_ends_the_search():
    items = [a_work(DOI=f"10.1000/{i}") for i in range(200)]
    fetch = FakeFetch(lambda _: a_list(items, total_results=1000))
    assert [p.truncated_by for p in search(fetch, "x", None)] == [
        "the source gave no cursor after 200 of 1000 works"
    ]


def test_the_same_page_under_ever_new_cursors_ends_the_search():
    items = [a_work(DOI=f"10.1000/{i}") for i in range(200)]
    cursors = count()
    fetch = FakeFetch(lambda _: a_list(items, total_results=9999, next_cursor=f"c{next(cursors)}"))
    pages = list(search(fetch, "x", None))
    assert [len(page.records) for page in pages] == [200, 0]
    assert "repeated itself" in (pages[-1].truncated_by or "")


def test_fewer_works_than_promised_is_said():
    pages = list(search(FakeFetch(Results(250, short_by=30)), "x", None))
    assert pages[-1].truncated_by == "the source ended after 220 of 250 works"


def test_the_key_goes_into_its_own_header():
    assert (SOURCE.key_header, SOURCE.key_prefix) == ("Crossref-Plus-API-Token", "Bearer ")
    assert SOURCE.contact_parameter == "mailto"


# -- recordings ----------------------------------------------------------------------------------


def recorded_bodies() -> Iterator[tuple[str, bytes]]:
    """(file, body) of every recorded answer: bare files, lines of works, and HTTP recordings."""
    for file in sorted(shared("payloads/crossref").iterdir()):
        if file.suffix == ".jsonl":
            yield from ((file.name, line) for line in file.read_bytes().splitlines())
            continue
        content = json.loads(file.read_bytes())
        for exchange in content if isinstance(content, list) else [content]:
            if "response" not in exchange:
                yield file.name, file.read_bytes()
                continue
            response = exchange["response"]
            body = response.get("body", response)
            yield file.name, body.encode() if isinstance(body, str) else json.dumps(body).encode()


def test_every_recorded_answer_about_works_is_read():
    read = 0
    for file, body in recorded_bodies():
        try:
            records = to_records(a_payload(body))
        except SourceRejected:
            continue
        for record in records:
            assert isinstance(record, WorkRecord), (file, record)
            assert record.key
            assert from_json(WorkRecord, to_json(record)) == record
        read += len(records)
    assert read > 170
