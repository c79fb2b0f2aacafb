"""Europe PMC: what its answers say, and how its pages end."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from ingest.sources import europepmc
from ingest.sources.europepmc import (
    check,
    fetch_citations,
    fetch_references,
    fetch_works,
    search,
    to_record,
    to_records,
)
from kb.errors import NotFound, SourceRejected, SourceUnavailable
from kb.identity.identifiers import identifiers, parse_identifier
from kb.models.dates import PartialDate
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    CitingList,
    ConceptClaim,
    DateClaim,
    FundingClaim,
    NoticeKind,
    ObservationClaim,
    ReferenceList,
    RelationClaim,
    Unreadable,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)
from tests.conftest import shared
from tests.ingest.fakes import FakeFetch, a_payload

SEED = parse_identifier("pmid:31810187")


def a_result(**changes: Any) -> dict[str, Any]:
    """The smallest core result, of the seed study; a change to None leaves a field out."""
    result = {"id": "31810187", "source": "MED", "title": "Repeated infusions.", **changes}
    return {name: value for name, value in result.items() if value is not None}


def results(*rows: Any, **envelope: Any) -> bytes:
    body = {"hitCount": len(rows), "resultList": {"result": list(rows)}, **envelope}
    return orjson.dumps(body)


def links(kind: str, *rows: Any, **envelope: Any) -> bytes:
    asked = {"id": "31810187", "source": "MED"}
    body = {"hitCount": len(rows), "request": asked, f"{kind}List": {kind: list(rows)}, **envelope}
    return orjson.dumps(body)


def read(body: bytes, request: str = "GET /search") -> list[Any]:
    return list(to_records(a_payload(body, request=request)))


def recorded(name: str) -> list[Any]:
    return read(shared(f"payloads/europepmc/{name}").read_bytes())


def a_link(type_: str, **fields: Any) -> dict[str, Any]:
    return {"commentCorrectionList": {"commentCorrection": [{"type": type_, **fields}]}}


# -- one work ------------------------------------------------------------------------------------


def test_a_full_record_is_read_field_by_field():
    record = recorded("search_cancer_core.json")[15]
    assert record.key == "MED:39212676"
    assert record.view is View.WORK
    assert [i.scheme for i in record.identifiers] == ["doi", "pmid", "pmcid"]
    assert record.type is WorkType.REVIEW
    assert "review-article" in record.types_as_given
    assert record.language == "en"
    assert record.license == "cc-by"
    assert record.is_open_access is True
    assert record.open_access_url == "https://europepmc.org/articles/PMC12166167"
    assert FundingClaim(funder="CIHR", award="PJT-162279") in record.funding
    assert record.authors[0].orcid == "0000-0002-9865-367X"
    assert record.authors[0].affiliations
    assert record.venue.abbreviation == "Nutr Rev"
    assert [section.label for section in record.abstract][:2] == ["Context", "Objective"]


@pytest.mark.parametrize(
    "name",
    ["search_cancer_core.json", "search_cancer.json", "search_cancer_idlist.json"],
)
def test_every_result_of_a_recorded_page_is_a_record(name):
    assert len(recorded(name)) == 25
    assert all(isinstance(record, WorkRecord) for record in recorded(name))


def test_the_key_is_the_pair_because_one_id_occurs_in_several_sources():
    twins = [
        a_result(id="123", source="AGR", doi="10.1000/x"),
        a_result(id="123", source="MED"),
    ]
    assert [r.key for r in read(results(*twins))] == ["AGR:123", "MED:123"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, identifiers(pmid=31810187), id="MED id is a PMID"),
        pytest.param(
            {"source": "PMC", "id": "PMC6947442"}, identifiers(pmcid="PMC6947442"), id="PMC id"
        ),
        pytest.param({"source": "PPR", "id": "PPR179288"}, (), id="preprint id is nobody else's"),
        pytest.param(
            {"pmid": "31810187", "pmcid": "PMC6947442", "doi": "10.3390/JCM8122102"},
            identifiers(doi="10.3390/jcm8122102", pmid=31810187, pmcid="PMC6947442"),
            id="all three",
        ),
    ],
)
def test_only_medline_and_pmc_ids_mean_something_elsewhere(fields, expected):
    assert to_record(a_result(**fields)).identifiers == expected


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        pytest.param("H<sub>2</sub>S in <i>ATM</i>.", "H2S in ATM", id="tags, full stop"),
        pytest.param("αSMA&lt;sup&gt;+&lt;/sup&gt; CAFs.", "αSMA+ CAFs", id="tags escaped"),
        pytest.param("Is it safe?", "Is it safe?", id="question"),
        pytest.param("And so on...", "And so on...", id="ellipsis"),
    ],
)
def test_a_title_is_plain_text_without_the_full_stop_that_was_added(raw, title):
    assert to_record(a_result(title=raw)).title == title


def test_the_brackets_of_a_translated_title_are_not_part_of_it():
    chinese = a_result(title="[Stem cells in ataxia.]", language="chi")
    assert (to_record(chinese).title, to_record(chinese).language) == (
        "Stem cells in ataxia",
        "zh",
    )
    english = a_result(title="[11C]PIB", language="eng")
    assert to_record(english).title == "[11C]PIB"


@pytest.mark.parametrize(
    ("raw", "sections"),
    [
        pytest.param(
            "<h4>Background</h4>MSC.<h4>Methods: </h4>2 &times; 10<sup>6</sup>/kg, p<0.05",
            (("Background", "MSC."), ("Methods", "2 × 10^6/kg, p<0.05")),
            id="headed",
        ),
        pytest.param("Seven patients.", ((None, "Seven patients."),), id="plain"),
        pytest.param(
            "Preface.<h4>Aim</h4>Safety.", ((None, "Preface."), ("Aim", "Safety.")), id="preface"
        ),
        pytest.param("<h4>Aim</h4><h4>Results</h4>Safe.", (("Results", "Safe."),), id="empty one"),
        pytest.param("&lt;h4&gt;Aim&lt;/h4&gt;Safety.", (("Aim", "Safety."),), id="escaped"),
        pytest.param(None, (), id="none"),
    ],
)
def test_an_abstract_is_cut_at_its_headings(raw, sections):
    assert to_record(a_result(abstractText=raw)).abstract == tuple(
        AbstractSection(label=label, text=text) for label, text in sections
    )


@pytest.mark.parametrize(
    ("author", "claim"),
    [
        pytest.param(
            {"fullName": "Le Blanc K", "lastName": "Le Blanc", "firstName": "Katarina"},
            AuthorClaim(family="Le Blanc", given="Katarina"),
            id="person",
        ),
        pytest.param(
            {"fullName": "Le Blanc K", "lastName": "Le Blanc", "initials": "K"},
            AuthorClaim(family="Le Blanc", given="K"),
            id="initials",
        ),
        pytest.param(
            {"collectiveName": "MESEMS Study Group"},
            AuthorClaim(collective="MESEMS Study Group"),
            id="group",
        ),
        pytest.param({"fullName": "Plato"}, AuthorClaim(name="Plato"), id="whole name only"),
        pytest.param(
            {"lastName": "Carberry", "authorId": {"type": "ORCID", "value": "0000-0002-1825-0098"}},
            AuthorClaim(family="Carberry"),
            id="ORCID with a wrong check digit",
        ),
    ],
)
def test_an_author_is_a_person_or_a_group(author, claim):
    record = to_record(a_result(authorList={"author": author}))  # an object, not a list
    assert record.authors == (claim,)


def test_the_author_line_of_a_brief_result_is_taken_apart():
    line = "Carfi A, Bernabei R, Landi F; Gemelli Post-Acute Care Study Group."
    record = to_record(a_result(authorString=line), View.BRIEF)
    assert [a.name for a in record.authors] == ["Carfi A", "Bernabei R", "Landi F", None]
    assert record.authors[-1].collective == "Gemelli Post-Acute Care Study Group"
    assert record.authors_complete is None


def test_an_author_line_that_ends_in_et_al_is_known_to_be_cut():
    record = to_record(a_result(authorString="Carfi A, et al."), View.BRIEF)
    assert ([a.name for a in record.authors], record.authors_complete) == (["Carfi A"], False)


def an_issue(said: str | None, filled: str) -> dict[str, Any]:
    return {"printPublicationDate": filled, "dateOfPublication": said}


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        pytest.param(
            {
                "journalInfo": an_issue("2019 Dec", "2019-12-01"),
                "electronicPublicationDate": "2019-12-02",
                "firstPublicationDate": "2019-12-02",
            },
            "2019-12-02",
            id="a day within the month of the issue",
        ),
        pytest.param(
            {
                "journalInfo": an_issue("2020 Feb", "2020-02-01"),
                "electronicPublicationDate": "2019-11-20",
            },
            "2019-11-20",
            id="online the year before print",
        ),
        pytest.param(
            {
                "journalInfo": an_issue("2019 Dec", "2019-12-01"),
                "firstPublicationDate": "2019-12-01",
            },
            "2019-12",
            id="the first date repeats the filled-in print date",
        ),
        pytest.param({"journalInfo": an_issue("2019 Spring", "2019-03-01")}, "2019", id="season"),
        pytest.param(
            {"journalInfo": an_issue("2000 Nov-Dec", "2000-11-01")}, "2000", id="two months"
        ),
        pytest.param(
            {"journalInfo": an_issue("2019 Jul 8", "2019-07-08")}, "2019-07-08", id="whole date"
        ),
        pytest.param(
            {"journalInfo": an_issue(None, "2019-07-01")}, "2019-07", id="filled date alone"
        ),
        pytest.param({"pubYear": "2019"}, "2019", id="year alone"),
        pytest.param({}, None, id="none"),
    ],
)
def test_the_publication_date_is_the_earliest_and_no_more_precise_than_printed(fields, published):
    assert to_record(a_result(**fields)).published == published


def test_a_first_of_the_month_in_a_brief_result_may_be_filling_and_loses_its_day():
    brief = to_record(a_result(firstPublicationDate="2018-08-01"), View.BRIEF)
    preprint = a_result(source="PPR", id="PPR1", firstPublicationDate="2021-03-01")
    assert brief.published == "2018-08"
    assert to_record(preprint, View.BRIEF).published == "2021-03-01"


def test_the_date_of_an_online_journals_issue_is_no_print_date():
    record = to_record(
        a_result(
            pubModel="Electronic",
            journalInfo=an_issue("2025 Jun", "2025-06-01"),
            electronicPublicationDate="2025-06-16",
        )
    )
    assert record.dates == (
        DateClaim(role="online", date=PartialDate("2025-06-16")),
        DateClaim(role="published", date=PartialDate("2025-06")),
    )


def test_a_preprint_stands_on_its_server_and_was_posted_there():
    record = to_record(
        a_result(
            id="PPR179288",
            source="PPR",
            doi="10.1101/2020.06.16.20133157",
            pubTypeList={"pubType": ["Preprint"]},
            bookOrReportDetails={"publisher": "medRxiv", "yearOfPublication": 2020},
            firstPublicationDate="2020-06-17",
        )
    )
    assert record.type is WorkType.PREPRINT
    assert record.venue == VenueClaim(name="medRxiv", publisher="medRxiv")
    assert record.dates == (DateClaim(role="posted", date=PartialDate("2020-06-17")),)


def test_mesh_is_major_where_the_heading_or_a_subheading_is():
    heading = {
        "descriptorName": "Paclitaxel",
        "majorTopic_YN": "N",
        "meshQualifierList": {
            "meshQualifier": [{"qualifierName": "pharmacology", "majorTopic_YN": "Y"}]
        },
    }
    record = to_record(a_result(meshHeadingList={"meshHeading": [heading]}))
    assert record.concepts == (
        ConceptClaim(
            scheme="mesh", label="Paclitaxel", is_major=True, qualifiers=("pharmacology",)
        ),
    )


def test_a_substance_without_registry_number_has_no_code():
    chemicals = [
        {"name": "Sulfides", "registryNumber": "0"},
        {"name": "Hydrogen Sulfide", "registryNumber": "YY9FVM7NSN"},
    ]
    record = to_record(a_result(chemicalList={"chemical": chemicals}))
    assert [c.code for c in record.concepts] == [None, "YY9FVM7NSN"]


def test_no_citations_counted_is_a_count_and_no_count_is_none():
    zero = ObservationClaim(metric="citation_count", value=0)
    assert to_record(a_result(citedByCount=0)).observations == (zero,)
    assert to_record(a_result()).observations == ()


@pytest.mark.parametrize(("flag", "value"), [("Y", True), ("N", False), (None, None), ("", None)])
def test_open_access_is_yes_no_or_not_said(flag, value):
    assert to_record(a_result(isOpenAccess=flag)).is_open_access is value


def test_free_to_read_is_not_open_access():
    urls = [
        {"availabilityCode": "F", "documentStyle": "html", "url": "https://europepmc.org/a"},
        {"availabilityCode": "OA", "documentStyle": "pdf", "url": "https://europepmc.org/b"},
        {"availabilityCode": "OA", "documentStyle": "html", "url": "https://europepmc.org/c"},
    ]
    free = to_record(a_result(fullTextUrlList={"fullTextUrl": urls[:1]}))
    both = to_record(a_result(fullTextUrlList={"fullTextUrl": urls}))
    assert free.open_access_url is None
    assert both.open_access_url == "https://europepmc.org/c"


# -- notices and relations -------------------------------------------------------------------------


def test_a_retracted_article_names_its_notice_and_when_it_appeared():
    said = "Lancet. 2010 Feb 6;375(9713):445. doi: 10.1016/S0140-6736(10)60175-4."
    record = to_record(
        a_result(
            id="9500320",
            pubTypeList={"pubType": ["Journal Article", "Retracted Publication"]},
            **a_link("Retraction in", id="20137807", source="MED", reference=said),
        )
    )
    (notice,) = record.notices
    assert (notice.kind, notice.is_about_self) == (NoticeKind.RETRACTION, True)
    assert notice.other == identifiers(doi="10.1016/s0140-6736(10)60175-4", pmid=20137807)
    assert (notice.date, notice.asserted_by, notice.text) == ("2010-02-06", "nlm", said)
    assert record.is_flagged_retracted is True
    assert record.type is WorkType.ARTICLE


def test_a_recorded_erratum_names_the_work_it_corrects_and_not_its_date():
    record = recorded("search_cancer_core.json")[1]
    (notice,) = record.notices
    assert (notice.kind, notice.is_about_self) == (NoticeKind.CORRECTION, False)
    assert notice.other == identifiers(doi="10.1016/s0140-6736(24)01653-2", pmid=39293462)
    assert notice.date is None
    assert record.type is WorkType.NOTICE
    assert record.is_flagged_retracted is None


def test_a_notice_without_identifier_is_still_a_notice():
    record = to_record(a_result(**a_link("Expression of concern in", reference="Lancet. 2014;1")))
    (notice,) = record.notices
    assert (notice.kind, notice.other, notice.date) == (NoticeKind.CONCERN, (), "2014")


def test_a_replaced_article_is_retracted_and_its_replacement_is_no_notice():
    link = a_link("Retracted and republished in", id="1234", source="MED", reference="J. 2020;1")
    record = to_record(a_result(**link))
    assert [(n.kind, n.other) for n in record.notices] == [(NoticeKind.RETRACTION, ())]
    assert record.relations == (RelationClaim(kind="republished in", other=identifiers(pmid=1234)),)


@pytest.mark.parametrize(
    ("source", "type_", "kind"),
    [
        ("PPR", "Preprint of", "preprint of"),
        ("MED", "Comment in", "commented by"),
        ("MED", "Comment on", "comment on"),
        ("MED", "Update of", "update of"),
        ("MED", "Update in", "updated by"),
    ],
)
def test_relations_lead_to_works_by_their_pmid(source, type_, kind):
    result = a_result(source=source, id="77", doi="10.1000/x")
    record = to_record({**result, **a_link(type_, id="38605817", source="MED")})
    assert record.relations == (RelationClaim(kind=kind, other=identifiers(pmid=38605817)),)


def test_a_link_to_a_preprint_id_leads_nowhere_and_is_left_out():
    record = to_record(a_result(**a_link("Preprint in", id="PPR179288", source="PPR")))
    assert (record.relations, record.notices) == ((), ())


def test_kinds_of_links_not_kept_do_no_harm():
    record = to_record(a_result(**a_link("Summary for patients in", id="1", source="MED")))
    assert (record.relations, record.notices) == ((), ())


# -- one answer ------------------------------------------------------------------------------------


def test_a_single_result_may_come_as_an_object():
    body = {"hitCount": 1, "resultList": {"result": a_result()}}
    assert len(read(orjson.dumps(body))) == 1


def test_the_article_call_gives_its_work_under_another_name():
    body = {"hitCount": 1, "request": {"resultType": "CORE"}, "result": a_result()}
    (record,) = read(orjson.dumps(body))
    assert record.view is View.WORK


@pytest.mark.parametrize("name", ["hitCount_3.json", "search_no_results.json"])
def test_nothing_found_is_an_empty_list_in_every_form(name):
    assert recorded(name) == []


def test_brief_results_are_brief_records_with_what_they_have():
    (record,) = recorded("search_lite_20516115_2026.json")
    assert record.view is View.BRIEF
    assert record.title.startswith("Comprehensive analysis of missense variations")
    assert record.published == "2010-06"  # "2010-06-01"
    assert record.types_as_given[-1] == "research support, n.i.h., extramural"
    assert record.venue == VenueClaim(abbreviation="Cancer Res", issns=("0008-5472", "1538-7445"))


def test_one_bad_result_does_not_spoil_the_page():
    body = results(a_result(id=None), "nonsense", a_result(source="PPR", title=None), a_result())
    *bad, good = read(body)
    assert [b.position for b in bad] == ["result 1", "result 2", "result 3"]
    assert all(isinstance(b, Unreadable) for b in bad)
    assert bad[2].key == "PPR:31810187"
    assert good.key == "MED:31810187"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b'{"errCode":404,"errMsg":"Not found"}', NotFound, id="unknown"),
        pytest.param(b'{"errCode":500,"errMsg":"Oops"}', SourceUnavailable, id="their fault"),
        pytest.param(b'{"errCode":400,"errMsg":"Bad query"}', SourceRejected, id="our fault"),
        pytest.param(b'{"version":"6.9"}', SourceRejected, id="no list"),
        pytest.param(b"[]", SourceRejected, id="not an object"),
        pytest.param(b"<html>", SourceRejected, id="not JSON"),
    ],
)
def test_a_failure_with_status_200_is_told_by_its_body(body, error):
    with pytest.raises(error):
        check(a_payload(body))
    with pytest.raises(SourceRejected):
        read(body)


def test_recorded_answers_pass_the_check():
    for name in (
        "search_cancer_core",
        "search_no_results",
        "hitCount_3",
        "references_MED_34308300",
    ):
        check(a_payload(shared(f"payloads/europepmc/{name}.json").read_bytes()))


def test_recorded_references_keep_order_and_identifiers():
    (page,) = recorded("references_MED_34308300.json")
    assert isinstance(page, ReferenceList)
    assert (page.key, page.claimed) == ("MED:34308300#1", 30)
    assert page.of == identifiers(pmid=34308300)
    assert [r.position for r in page.references] == list(range(1, 26))
    first = page.references[0]
    assert first.identifiers == identifiers(pmid=32150622)
    assert (first.title, first.year) == ("Diagnostic Testing for the Novel Coronavirus", 2020)
    assert (first.asserted_by, first.record_key) == ("europepmc", "MED:32150622")


def test_a_reference_nobody_matched_keeps_its_text_and_has_no_identifier():
    row = {"match": "N", "citedOrder": 1, "unstructuredInformation": "Plato. <i>Timaeus</i>."}
    (page,) = read(links("reference", row))
    (reference,) = page.references
    assert (reference.identifiers, reference.record_key) == ((), None)
    assert (reference.text, reference.asserted_by) == ("Plato. Timaeus.", None)
    assert reference.year is None


def test_a_deposited_doi_counts_without_a_match():
    row = {"match": "N", "doi": "10.3390/JCM8122102", "pubYear": 2019}
    (page,) = read(links("reference", row))
    assert page.references[0].identifiers == identifiers(doi="10.3390/jcm8122102")


@pytest.mark.parametrize(
    "orders",
    [
        pytest.param([1, 1, 2], id="twice the same"),
        pytest.param([1, None, 3], id="one missing"),
        pytest.param([0, 1, 2], id="from zero"),
    ],
)
def test_where_the_given_order_is_no_order_the_place_in_the_list_counts(orders):
    rows = [{"title": "T", "citedOrder": order} for order in orders]
    request = "GET /MED/31810187/references?format=json&page=2&pageSize=1000"
    (page,) = read(links("reference", *rows), request)
    assert page.key == "MED:31810187#2"
    assert [r.position for r in page.references] == [1001, 1002, 1003]


def test_recorded_citing_works_are_brief_records():
    (page,) = recorded("citations_MED_34308300.json")
    assert isinstance(page, CitingList)
    assert (page.key, page.claimed, len(page.citing)) == ("MED:34308300#1", 1741, 25)
    assert {work.view for work in page.citing} == {View.BRIEF}
    assert page.citing[0].type is WorkType.PREPRINT
    assert page.citing[0].published == "2025"


def test_a_citing_row_without_id_is_set_aside_and_the_others_stay():
    row = {"id": "40903751", "source": "MED", "title": "Post-COVID syndrome.", "pubYear": 2025}
    page, bad = read(links("citation", {"title": "?"}, row))
    assert [work.key for work in page.citing] == ["MED:40903751"]
    assert bad.position == "citation 1"


# -- the network -----------------------------------------------------------------------------------


def parameter(request: str, name: str) -> str:
    return parse_qs(urlsplit(request).query)[name][0]


def test_several_identifiers_go_into_one_query_and_only_what_was_asked_for_comes_back():
    wanted = [parse_identifier(i) for i in ("10.3390/jcm8122102", "pmid:1", "PMC5")]
    fetch = FakeFetch(
        lambda _: results(
            a_result(doi="10.3390/jcm8122102"),
            a_result(id="2", doi="10.3390/jcm8122102.s001"),
            a_result(id="PMC5", source="PMC"),
        )
    )
    (page,) = fetch_works(fetch, wanted)
    (request,) = fetch.requests
    assert parameter(request, "query") == (
        'DOI:"10.3390/jcm8122102" OR (EXT_ID:1 AND SRC:MED) OR PMCID:PMC5'
    )
    assert parameter(request, "resultType") == "core"
    assert [r.key for r in page.records] == ["MED:31810187", "PMC:PMC5"]


def test_many_identifiers_are_asked_for_in_batches():
    wanted = [parse_identifier(f"pmid:{n}") for n in range(1, 61)]
    fetch = FakeFetch(lambda _: results())
    assert [page.records for page in fetch_works(fetch, wanted)] == [[], [], []]
    assert len(fetch.requests) == 3


def pages_of(*bodies: bytes) -> FakeFetch:
    """Answers in turn, the last one for ever."""
    remaining = list(bodies)
    return FakeFetch(lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0])


def test_a_search_follows_the_marks_and_a_work_on_two_pages_comes_once():
    fetch = pages_of(
        results(a_result(id="1"), a_result(id="2"), hitCount=3, nextCursorMark="b"),
        results(a_result(id="2"), a_result(id="3"), hitCount=3, nextCursorMark="c"),
    )
    pages = list(search(fetch, "mesenchymal", None))
    assert [r.key for p in pages for r in p.records] == ["MED:1", "MED:2", "MED:3"]
    assert [parameter(r, "cursorMark") for r in fetch.requests] == ["*", "b"]
    assert [(p.total, p.truncated_by) for p in pages] == [(3, None), (3, None)]


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(results(hitCount=9, nextCursorMark="c"), id="empty page"),
        pytest.param(results(a_result(id="2"), hitCount=9, nextCursorMark="b"), id="same mark"),
        pytest.param(results(a_result(id="2"), hitCount=9), id="no mark"),
        pytest.param(results(a_result(id="1"), hitCount=9, nextCursorMark="c"), id="same works"),
    ],
)
def test_a_search_ends_and_says_what_is_missing(last):
    fetch = pages_of(results(a_result(id="1"), hitCount=9, nextCursorMark="b"), last)
    *_, end = search(fetch, "mesenchymal", None)
    assert len(fetch.requests) == 2
    assert end.truncated_by in ("the source gave 1 of 9 works", "the source gave 2 of 9 works")


def test_a_search_stops_at_its_limit_and_says_so():
    fetch = pages_of(results(*(a_result(id=str(n)) for n in range(1, 9)), hitCount=8))
    (page,) = search(fetch, "mesenchymal", 3)
    assert (len(page.records), page.truncated_by) == (3, "limit of 3")
    assert parameter(fetch.requests[0], "pageSize") == "3"
    assert list(search(fetch, "mesenchymal", 0)) == []


def test_references_are_read_page_after_page_from_page_one():
    fetch = pages_of(
        links("reference", {"title": "A", "citedOrder": 1}, hitCount=2),
        links("reference", {"title": "B", "citedOrder": 2}, hitCount=2),
    )
    pages = list(fetch_references(fetch, [SEED]))
    assert [r.key for p in pages for r in p.records] == ["MED:31810187#1", "MED:31810187#2"]
    assert [parameter(r, "page") for r in fetch.requests] == ["1", "2"]
    assert pages[-1].truncated_by is None


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(links("reference", {"title": "A"}, hitCount=7), id="the same page again"),
        pytest.param(links("reference", hitCount=7), id="empty page"),
        pytest.param(orjson.dumps({"hitCount": 7}), id="no list"),
    ],
)
def test_references_end_and_say_what_is_missing(last):
    fetch = pages_of(links("reference", {"title": "A"}, hitCount=7), last)
    *_, end = fetch_references(fetch, [SEED])
    assert len(fetch.requests) == 2
    assert end.truncated_by == "the source gave 1 of 7 references"


def test_a_work_without_links_is_an_empty_list_and_an_unknown_work_is_nothing():
    (page,) = fetch_citations(pages_of(links("citation")), [SEED])
    assert [r.citing for r in page.records if isinstance(r, CitingList)] == [()]
    unknown = pages_of(b'{"errCode":404,"errMsg":"unknown"}')
    assert list(fetch_citations(unknown, [SEED])) == []


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        pytest.param(
            [
                a_result(id="PMC6947442", source="PMC", doi="10.3390/jcm8122102"),
                a_result(doi="10.3390/jcm8122102"),
            ],
            "/MED/31810187/citations",
            id="MEDLINE before PMC",
        ),
        pytest.param(
            [a_result(id="PPR9", source="PPR", doi="10.3390/jcm8122102")],
            "/PPR/PPR9/citations",
            id="preprint",
        ),
    ],
)
def test_a_work_known_by_its_doi_is_looked_up_first(rows, path):
    work = [parse_identifier("10.3390/jcm8122102")]

    def answer(request: str) -> bytes:
        asked = path.split("/")
        envelope = {"request": {"source": asked[1], "id": asked[2]}}
        return results(*rows) if "/search?" in request else links("citation", **envelope)

    fetch = FakeFetch(answer)
    (page,) = fetch_citations(fetch, work)
    assert urlsplit(fetch.requests[-1]).path == f"GET {path}"
    (citing,) = page.records
    assert isinstance(citing, CitingList)
    assert work[0] in citing.of


def test_a_work_the_source_does_not_know_has_no_links_to_fetch():
    fetch = FakeFetch(lambda _: results())
    assert list(fetch_references(fetch, [parse_identifier("10.3390/jcm8122102")])) == []
    assert list(fetch_references(fetch, [parse_identifier("openalex:W2741809807")])) == []
    assert len(fetch.requests) == 1


def test_the_source_is_asked_gently():
    assert europepmc.SOURCE.rate.requests_per_s <= 2
    assert europepmc.SOURCE.rate.concurrency == 1
