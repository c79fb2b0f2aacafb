"""PubMed: every record whole, no id of another work, no hit lost in silence."""

import re
from datetime import date, timedelta
from urllib.parse import parse_qs, unquote

import orjson
import pytest

from ingest.sources.pubmed import (
    BATCH,
    REACHABLE_HITS,
    check,
    fetch_citations,
    fetch_references,
    fetch_works,
    search,
    to_citing_lists,
    to_records,
    to_reference_lists,
)
from kb.errors import SourceRejected, SourceUnavailable
from kb.identity.identifiers import identifiers
from kb.models.records import (
    CitingList,
    ReferenceList,
    Unreadable,
    View,
    WorkRecord,
)
from tests.conftest import shared
from tests.formats.provider_works import pubmed_article as an_article
from tests.formats.provider_works import pubmed_set as a_set
from tests.ingest.fakes import FakeFetch, a_payload


def recorded(name):
    return a_payload(shared(f"payloads/pubmed/{name}").read_bytes(), source="pubmed")


# -- sets ----------------------------------------------------------------------------------------


def test_every_recorded_article_is_read():
    for path in sorted(shared("payloads/pubmed").glob("*.xml")):
        body = path.read_bytes()
        articles = len(re.findall(rb"<PubmedArticle>", body))
        if not articles:
            continue
        records = to_records(a_payload(body))
        assert len(records) == articles, path.name
        for record in records:
            assert isinstance(record, WorkRecord)
            assert record.title
            assert record.type
            assert record.published
            assert record.venue
            assert record.language


def test_an_empty_set_is_an_answer():
    assert to_records(recorded("efetch_37909814.xml")) == []
    check(recorded("efetch_37909814.xml"))


def test_a_set_without_its_doctype_and_a_bare_article_are_read():
    assert [r.key for r in to_records(a_payload(a_set(an_article("5"), an_article("6"))))] == [
        "5",
        "6",
    ]
    assert [r.key for r in to_records(a_payload(an_article("5").encode()))] == ["5"]


def test_one_unreadable_article_does_not_spoil_the_set():
    broken = "<PubmedArticle><MedlineCitation><PMID>7</PMID></MedlineCitation></PubmedArticle>"
    nameless = "<PubmedArticle><MedlineCitation><Article/></MedlineCitation></PubmedArticle>"
    records = to_records(a_payload(a_set(broken, nameless, an_article("8"))))
    assert records[:2] == [
        Unreadable(
            position="PubmedArticle 1",
            reason="PubmedArticle without MedlineCitation/Article",
            key="7",
        ),
        Unreadable(position="PubmedArticle 2", reason="PubmedArticle without a PMID"),
    ]
    assert records[2].key == "8"


def test_of_two_versions_of_a_record_the_later_counts():
    first = an_article("5", article="<ArticleTitle>First.</ArticleTitle>")
    second = an_article("5", article="<ArticleTitle>Second.</ArticleTitle>")
    second = second.replace('Version="1"', 'Version="2"')
    for versions in ((first, second), (second, first)):
        (record,) = to_records(a_payload(a_set(*versions)))
        assert isinstance(record, WorkRecord)
        assert record.title == "Second"


def test_a_book_without_its_book_is_unreadable():
    broken = "<PubmedBookArticle><BookDocument><PMID>99</PMID></BookDocument></PubmedBookArticle>"
    assert to_records(a_payload(a_set(broken))) == [
        Unreadable(
            position="PubmedBookArticle 1",
            reason="PubmedBookArticle without BookDocument/Book",
            key="99",
        )
    ]


def test_an_answer_that_is_no_set_is_rejected():
    with pytest.raises(SourceRejected, match="<eSearchResult>"):
        to_records(recorded("biopython_esearch1.xml"))


# -- failures with status 200 --------------------------------------------------------------------

PART_OF_A_SET = a_set(an_article("5"), an_article("6"))[:-40]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b"<!DOCTYPE html><html><h1>Error</h1></html>", SourceRejected, id="web page"),
        pytest.param(b'{"error":"Invalid db name"}', SourceRejected, id="JSON error"),
        pytest.param(b'{"error":"API rate limit exceeded"}', SourceUnavailable, id="rate limit"),
        pytest.param(
            b"<eFetchResult><ERROR>Bad id</ERROR></eFetchResult>", SourceRejected, id="XML error"
        ),
        pytest.param(
            b'{"esearchresult":{"ERROR":"Search Backend failed: syntax"}}',
            SourceRejected,
            id="search error",
        ),
        pytest.param(
            b"<eLinkResult><LinkSet><ERROR>Couldn't resolve, the address table is empty.</ERROR>"
            b"</LinkSet></eLinkResult>",
            SourceUnavailable,
            id="link server down",
        ),
        pytest.param(PART_OF_A_SET, SourceUnavailable, id="XML breaks off"),
        pytest.param(
            a_set(an_article("5")).removesuffix(b"</PubmedArticleSet>"),
            SourceUnavailable,
            id="XML breaks off after an article",
        ),
        pytest.param(b'{"esearchresult":{"count":"1', SourceUnavailable, id="JSON breaks off"),
        pytest.param(b"", SourceUnavailable, id="empty"),
        pytest.param(
            b"<PubmedArticleSet><a></b></PubmedArticleSet>", SourceRejected, id="not well formed"
        ),
        pytest.param(b"busy", SourceRejected, id="neither XML nor JSON"),
    ],
)
def test_a_failure_with_status_200_is_told_from_an_answer(body, error):
    with pytest.raises(error):
        check(a_payload(body))


def test_recorded_failures_are_told_from_answers():
    with pytest.raises(SourceUnavailable, match="rate limit"):
        check(recorded("esummary_2026.json"))
    with pytest.raises(SourceRejected, match="Neither query_key nor id"):
        check(recorded("biopython_esummary8.xml"))
    for name in ("esearch_2026.json", "biopython_elink1.xml", "biopython_pubmed4.xml"):
        check(recorded(name))


def test_knowing_none_of_the_ids_is_no_failure():
    message = b"ID list is empty! Possibly it has no correct IDs."
    nothing = b"<eFetchResult><ERROR>" + message + b"</ERROR></eFetchResult>"
    check(a_payload(nothing))
    assert to_records(a_payload(nothing)) == []


# -- a small PubMed ------------------------------------------------------------------------------


class PubMed:
    """Works with an entry date each; answers esearch and efetch like the service."""

    def __init__(self, entered, *, wall=REACHABLE_HITS, page=REACHABLE_HITS, dropped=(), dois=()):
        self.entered = dict(entered)  # pmid -> entry date, newest first
        self.wall, self.page, self.dropped = wall, page, set(dropped)
        self.dois = dict(dois)  # doi searched -> [(pmid, doi on the record)]
        self.extra: dict[str, object] = {}
        self.fetch = FakeFetch(self.answer)
        self.shift_after_first = False

    def answer(self, request):
        path, query = re.split("[? ]", request.split(" ", 1)[1], maxsplit=1)
        params = {name: values[0] for name, values in parse_qs(query).items()}
        return self.efetch(params) if path == "/efetch.fcgi" else self.esearch(params)

    def esearch(self, params):
        hits = list(self.entered)
        if match := re.fullmatch(r'"(.*)"\[aid\]', params["term"]):
            hits = [pmid for pmid, _ in self.dois.get(match[1], ())]
        elif "mindate" in params:
            since, until = params["mindate"], params["maxdate"]
            hits = [p for p in hits if since <= f"{self.entered[p]:%Y/%m/%d}" <= until]
        start = int(params["retstart"])
        assert start < self.wall
        if self.shift_after_first and start:
            hits = ["999999", *hits]  # a new work moves all others on by one
        end = min(start + int(params["retmax"]), start + self.page, self.wall)
        listed = hits[start:end]
        result = {"count": str(len(hits)), "retmax": str(len(listed)), "idlist": listed}
        return orjson.dumps({"esearchresult": result | self.extra})

    def efetch(self, params):
        ids = {
            pmid: f'<ArticleId IdType="doi">{doi}</ArticleId>'
            for pairs in self.dois.values()
            for pmid, doi in pairs
        }
        listed = [p for p in params["id"].split(",") if p not in self.dropped]
        return a_set(
            *(
                an_article(p, data=f"<ArticleIdList>{ids.get(p, '')}</ArticleIdList>")
                for p in reversed(listed)
            )
        )


def keys(pages):
    return [record.key for page in pages for record in page.records]


def day(number):
    return date(2020, 1, 1) - timedelta(days=number)


# -- lookup --------------------------------------------------------------------------------------


def test_works_come_in_the_order_asked_for_and_unknown_ones_not_at_all():
    pubmed = PubMed({}, dropped=["11"])
    asked = [identifiers(pmid=pmid)[0] for pmid in (12, 11, 10, 12)]
    assert keys(fetch_works(pubmed.fetch, asked)) == ["12", "10"]


def test_many_works_are_fetched_in_batches_by_post():
    pubmed = PubMed({})
    asked = [identifiers(pmid=pmid)[0] for pmid in range(1, BATCH + 2)]
    pages = list(fetch_works(pubmed.fetch, asked))
    assert [len(page.records) for page in pages] == [BATCH, 1]
    assert [request.split()[0] for request in pubmed.fetch.requests] == ["POST", "GET"]


def test_what_a_batch_leaves_out_is_asked_for_once_more():
    pubmed = PubMed({}, dropped=["2"])
    asked = [identifiers(pmid=pmid)[0] for pmid in (1, 2, 3)]
    pages = fetch_works(pubmed.fetch, asked)
    assert [r.key for r in next(pages).records] == ["1", "3"]
    pubmed.dropped.clear()
    assert keys(pages) == ["2"]
    assert unquote(pubmed.fetch.requests[-1]).endswith("id=2&retmode=xml")


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        pytest.param([("5", "10.3390/JCM8122102")], ["5"], id="one"),
        pytest.param([("5", "10.3390/jcm8122102"), ("6", "10.3390/jcm8122102")], [], id="several"),
        pytest.param([("5", "10.3390/another")], [], id="record has another DOI"),
        pytest.param([], [], id="none"),
    ],
)
def test_a_doi_counts_only_if_exactly_one_record_carries_it(hits, expected):
    doi = "10.3390/jcm8122102"
    pubmed = PubMed({}, dois={doi: hits})
    assert keys(fetch_works(pubmed.fetch, identifiers(doi=doi))) == expected


def test_a_work_named_by_doi_and_pmid_comes_once():
    doi = "10.3390/jcm8122102"
    pubmed = PubMed({}, dois={doi: [("31810187", doi)]})
    assert keys(fetch_works(pubmed.fetch, identifiers(doi=doi, pmid=31810187))) == ["31810187"]


# -- search --------------------------------------------------------------------------------------


def test_a_search_gives_every_hit_with_its_full_record():
    pubmed = PubMed({str(n): day(n) for n in range(1, 451)})
    pages = list(search(pubmed.fetch, "mesenchymal", None))
    assert keys(pages) == [str(n) for n in range(1, 451)]
    assert {page.total for page in pages} == {450}
    assert [page.truncated_by for page in pages] == [None, None, None]


def test_a_limit_is_stated_on_the_last_page_only():
    pubmed = PubMed({str(n): day(n) for n in range(1, 451)})
    pages = list(search(pubmed.fetch, "mesenchymal", 201))
    assert len(keys(pages)) == 201
    assert [(page.total, page.truncated_by) for page in pages] == [
        (450, None),
        (450, "limit of 201"),
    ]


def test_no_hit_is_one_empty_page():
    (page,) = search(PubMed({}).fetch, "nothing at all", None)
    assert (list(page.records), page.total, page.truncated_by) == ([], 0, None)


def test_hits_that_shift_while_they_are_read_come_once():
    pubmed = PubMed({str(n): day(n) for n in range(1, 31)}, page=10)
    pubmed.shift_after_first = True
    found = keys(search(pubmed.fetch, "mesenchymal", None))
    assert len(found) == len(set(found))
    assert found[:10] == [str(n) for n in range(1, 11)]


def test_records_efetch_keeps_back_are_named():
    pubmed = PubMed({"1": day(1), "2": day(2)}, dropped=["2"])
    *_, last = search(pubmed.fetch, "mesenchymal", None)
    assert last.truncated_by == "efetch did not return 1: 2"


def test_ids_counted_but_not_listed_are_a_shortfall():
    pubmed = PubMed({"1": day(1)})
    pubmed.extra = {"count": "3"}
    (page,) = search(pubmed.fetch, "mesenchymal", None)
    assert page.truncated_by == "PubMed counts 3 hits but listed 1"


def test_beyond_the_wall_a_search_is_split_by_entry_date(monkeypatch):
    monkeypatch.setattr("ingest.sources.pubmed.REACHABLE_HITS", 20)
    # Three a day, the newest entered on the day of the search.
    entered = {str(n): date(2026, 11, 22) - timedelta(days=n // 3) for n in range(1, 101)}
    pubmed = PubMed(entered, wall=20)
    pages = list(search(pubmed.fetch, "mesenchymal", None))
    assert keys(pages) == list(entered)
    assert pages[-1].total == 100
    assert pages[-1].truncated_by is None
    windows = [r for r in pubmed.fetch.requests if "mindate" in r]
    assert windows
    assert all("datetype=edat" in r for r in windows)


def test_a_split_search_stops_at_its_limit(monkeypatch):
    monkeypatch.setattr("ingest.sources.pubmed.REACHABLE_HITS", 20)
    pubmed = PubMed({str(n): day(n) for n in range(1, 101)}, wall=20)
    pages = list(search(pubmed.fetch, "mesenchymal", 30))
    assert keys(pages) == [str(n) for n in range(1, 31)]
    assert pages[-1].truncated_by == "limit of 30"


def test_a_day_above_the_wall_is_named(monkeypatch):
    monkeypatch.setattr("ingest.sources.pubmed.REACHABLE_HITS", 20)
    entered = {str(n): date(2025, 1, 2) for n in range(1, 26)} | {"30": date(2024, 1, 1)}
    pubmed = PubMed(entered, wall=20)
    pages = list(search(pubmed.fetch, "mesenchymal", None))
    assert keys(pages) == [*(str(n) for n in range(1, 21)), "30"]
    assert pages[-1].truncated_by == (
        "5 of the 25 hits entered on 2025/01/02 are out of reach: PubMed lists 20 at most"
    )


def test_a_search_field_pubmed_does_not_know_is_rejected():
    pubmed = PubMed({"1": day(1)})
    pubmed.extra = {"errorlist": {"phrasesnotfound": [], "fieldsnotfound": ["titel"]}}
    with pytest.raises(SourceRejected, match="titel"):
        list(search(pubmed.fetch, "cells[titel]", None))


def test_a_term_pubmed_left_out_of_the_query_is_stated():
    body = shared("payloads/pubmed/esearch_2026.json").read_bytes()
    ids = orjson.loads(body)["esearchresult"]["idlist"]
    fetch = FakeFetch(
        lambda request: body if "esearch" in request else a_set(*(an_article(i) for i in ids))
    )
    (page,) = search(fetch, "APC AND p.E1317Q", 100)
    assert page.total == 40362
    assert len(page.records) == 100
    assert page.truncated_by == "PubMed left out what it did not find: p.E1317Q; limit of 100"


# -- links ---------------------------------------------------------------------------------------


def links(*sets):
    """An elink answer; a set is (PMIDs asked, {link name: PMIDs})."""
    body = "".join(
        "<LinkSet><DbFrom>pubmed</DbFrom><IdList>"
        + "".join(f"<Id>{pmid}</Id>" for pmid in asked)
        + "</IdList>"
        + "".join(
            f"<LinkSetDb><DbTo>pubmed</DbTo><LinkName>{name}</LinkName>"
            + "".join(f"<Link><Id>{pmid}</Id></Link>" for pmid in found)
            + "</LinkSetDb>"
            for name, found in named.items()
        )
        + "</LinkSet>"
        for asked, named in sets
    )
    return f"<eLinkResult>{body}</eLinkResult>".encode()


def test_only_links_of_the_name_asked_for_count():
    (references,) = to_reference_lists(recorded("biopython_elink1.xml"))
    (citing,) = to_citing_lists(recorded("biopython_elink1.xml"))
    assert isinstance(references, ReferenceList)
    assert isinstance(citing, CitingList)
    assert (references.key, citing.key) == ("9298984#elink", "9298984#elink")
    assert references.of == citing.of == identifiers(pmid=9298984)
    text = shared("payloads/pubmed/biopython_elink1.xml").read_text()
    expected = {
        name: re.findall(
            r"<Id>(\d+)", text.split(f"<LinkName>{name}</LinkName>")[1].split("</LinkSetDb>")[0]
        )
        for name in ("pubmed_pubmed_refs", "pubmed_pubmed_citedin")
    }
    assert [r.identifiers[0].value for r in references.references] == expected["pubmed_pubmed_refs"]
    assert [r.position for r in references.references][:3] == [1, 2, 3]
    assert [w.key for w in citing.citing] == expected["pubmed_pubmed_citedin"]
    assert {w.view for w in citing.citing} == {View.BRIEF}


def test_links_of_several_works_merged_into_one_set_belong_to_none():
    (merged,) = to_citing_lists(recorded("biopython_elink3.xml"))
    assert isinstance(merged, Unreadable)
    assert "2 works" in merged.reason


def test_each_work_is_asked_for_by_an_id_of_its_own():
    answer = links(
        (["1"], {"pubmed_pubmed_refs": ["8", "9", "8"], "pubmed_pubmed": ["7"]}),
        (["2"], {}),
    )
    fetch = FakeFetch(lambda request: answer)
    (page,) = fetch_references(fetch, [*identifiers(pmid=1), *identifiers(pmid=2, doi="10.1/2")])
    assert "id=1&id=2&linkname=pubmed_pubmed_refs" in fetch.requests[0]
    (references,) = page.records
    assert isinstance(references, ReferenceList)
    assert [(r.position, r.identifiers) for r in references.references] == [
        (1, identifiers(pmid=8)),
        (2, identifiers(pmid=9)),
    ]


def test_a_work_without_links_asserts_nothing_and_one_without_pmid_is_not_asked_for():
    assert to_reference_lists(recorded("biopython_elink8.xml")) == []
    fetch = FakeFetch(lambda request: links((["1"], {})))
    assert [list(p.records) for p in fetch_citations(fetch, identifiers(pmid=1))] == [[]]
    assert list(fetch_citations(fetch, identifiers(doi="10.1000/1"))) == []


def test_a_refused_set_of_links_does_not_spoil_the_others():
    answer = links((["2"], {"pubmed_pubmed_citedin": ["5"]})).replace(
        b"<eLinkResult>",
        b"<eLinkResult><LinkSet><IdList><Id>1</Id></IdList><ERROR>no such id</ERROR></LinkSet>",
    )
    refused, citing = to_citing_lists(a_payload(answer))
    assert isinstance(citing, CitingList)
    assert refused == Unreadable(position="LinkSet 1", reason="no such id", key="1")
    assert citing.of == identifiers(pmid=2)
