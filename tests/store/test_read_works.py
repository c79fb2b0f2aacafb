"""What can be read of works, on both databases."""

import pytest
from sqlmodel import Session

from kb.errors import InvalidInput, NotFound
from kb.models import tables as t
from kb.store.listing import Asked
from kb.store.lookup import resolve_work
from kb.store.works import (
    list_citing,
    list_works,
    observations,
    read_payload,
    read_records,
    read_references,
    read_work,
)
from tests.builders import (
    NOW,
    a_citation,
    a_notice,
    a_payload,
    a_record,
    a_registration,
    a_study,
    a_work,
    kept,
    reported_by,
)


def titles(session: Session, **asked) -> list[str | None]:
    return [work.title for work in list_works(session, Asked(**asked)).results]


# -- any of its names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("W1", id="our id"),
        pytest.param("w1", id="our id in lower case"),
        pytest.param("10.3390/JCM8122102", id="bare doi"),
        pytest.param("doi:10.3390/jcm8122102", id="labelled doi"),
        pytest.param("https://doi.org/10.3390/jcm8122102", id="doi address"),
        pytest.param("31810187", id="bare pmid"),
        pytest.param("pmid:31810187", id="labelled pmid"),
        pytest.param("PMC6947442", id="pmcid"),
        pytest.param("openalex:W2992000000", id="labelled openalex id"),
        pytest.param("W2992000000", id="openalex id that is none of ours"),
    ],
)
def test_a_work_is_found_by_any_of_its_names(session, name):
    work = a_work(
        session,
        id=1,
        doi="10.3390/jcm8122102",
        pmid="31810187",
        pmcid="PMC6947442",
        openalex="W2992000000",
    )
    assert resolve_work(session, name) == work.id


def test_a_merged_work_is_found_where_it_went(session):
    survivor = a_work(session)
    middle = a_work(session, merged_into_id=survivor.id)
    loser = a_work(session, merged_into_id=middle.id, doi="10.1000/old")
    assert resolve_work(session, f"W{loser.id}") == survivor.id
    assert resolve_work(session, "10.1000/old") == survivor.id


@pytest.mark.parametrize(
    ("name", "error"),
    [
        pytest.param("not a work", InvalidInput, id="no identifier"),
        pytest.param("", InvalidInput, id="nothing"),
        pytest.param("S1", InvalidInput, id="a study"),
        pytest.param("W0", InvalidInput, id="no such number"),
        pytest.param("10.1000/\x00", InvalidInput, id="NUL"),
        pytest.param("10.1000/\ud800", InvalidInput, id="half a character"),
        pytest.param("10.1000/unknown", NotFound, id="unknown doi"),
        pytest.param("W77", NotFound, id="unknown id"),
        pytest.param("W3000000000", NotFound, id="beyond 32 bits"),
        pytest.param("W999999999999999999", NotFound, id="nearly 64 bits"),
        pytest.param("W" + "9" * 30, InvalidInput, id="beyond 64 bits"),
    ],
)
def test_a_name_of_no_work_is_refused(session, name, error):
    with pytest.raises(error):
        resolve_work(session, name)


# -- lists ---------------------------------------------------------------------------------------


def test_every_word_searched_for_must_stand_in_the_title(session):
    a_work(session, title="Stromal cells in Multiple Sclerosis")
    a_work(session, title="Multiple myeloma")
    assert titles(session, search="SCLEROSIS multiple") == ["Stromal cells in Multiple Sclerosis"]


def test_wildcards_in_a_search_mean_themselves(session):
    a_work(session, title="Survival of 100% at one year")
    a_work(session, title="Survival of 1000 patients")
    assert titles(session, search="100%") == ["Survival of 100% at one year"]
    assert titles(session, search="_") == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param("year:2019", {"b"}, id="equal"),
        pytest.param("year:>2015", {"b", "c"}, id="above"),
        pytest.param("year:>=2015,type:review", {"c"}, id="and"),
        pytest.param("year:2010-2019", {"a", "b"}, id="range"),
        pytest.param("type:review|article", {"a", "b", "c"}, id="or"),
        pytest.param("type:REVIEW", {"c"}, id="any case"),
        pytest.param("type:!article", {"c", "d"}, id="not keeps the unknown"),
        pytest.param("type:!article|review", {"d"}, id="none of two"),
        pytest.param("year:null", {"d"}, id="unknown"),
        pytest.param("year:!null", {"a", "b", "c"}, id="known"),
        pytest.param("venue:journal of clinical medicine", {"b"}, id="venue"),
        pytest.param('venue:"Stem Cells, Part A"', {"c"}, id="quoted comma"),
        pytest.param("issn:2077-0383", {"b"}, id="issn"),
        pytest.param("source:pubmed", {"b"}, id="source"),
        pytest.param("source:!pubmed", {"a", "c", "d"}, id="no record of a source"),
        pytest.param("has_abstract:true", {"a"}, id="abstract"),
        pytest.param("has_abstract:false", {"b", "c", "d"}, id="no abstract"),
        pytest.param("is_retracted:true", {"c"}, id="retracted"),
        pytest.param("has_study:true", {"a"}, id="reports a study"),
        pytest.param("study:KEY_A", {"a"}, id="reports this study"),
        pytest.param("cites:10.1000/c", {"a", "b"}, id="cites"),
        pytest.param("cited_by:>1", {"c"}, id="cited by two"),
        pytest.param("author:iacobaeus", {"b"}, id="author"),
    ],
)
def test_filters_find_what_they_say(session, condition, expected):
    journal = kept(session, t.Venue, name="Journal of Clinical Medicine")
    kept(session, t.VenueKey, key="issn:2077-0383", venue_id=journal.id)
    other = kept(session, t.Venue, name="Stem Cells, Part A")
    a = a_work(session, title="a", year=2015, type="article", abstract=[{"text": "x"}])
    b = a_work(session, title="b", year=2019, type="article", venue_id=journal.id)
    c = a_work(
        session,
        title="c",
        year=2020,
        type="review",
        venue_id=other.id,
        doi="10.1000/c",
        is_retracted=True,
    )
    a_work(session, title="d")
    a_record(session, work=b, source="pubmed")
    kept(session, t.Authorship, work_id=b.id, position=1, name="Ellen Iacobaeus")
    reported_by(session, a_study(session, "a", "KEY_A"), a)
    a_citation(session, a, c)
    a_citation(session, b, c)
    assert set(titles(session, filter=condition)) == expected
    assert list_works(session, Asked(filter=condition)).count == len(expected)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param({"filter": "colour:blue"}, "known:.*year", id="unknown field"),
        pytest.param({"filter": "year"}, "not a filter", id="no value"),
        pytest.param({"filter": "year:old"}, "whole number", id="not a number"),
        pytest.param({"filter": "year:99999999999"}, "year is", id="number too large"),
        pytest.param({"filter": "year:9999999999"}, "beyond", id="beyond 32 bits"),
        pytest.param({"filter": "type:>review"}, "no order", id="comparison of words"),
        pytest.param({"filter": 'venue:"x'}, "not closed", id="open quote"),
        pytest.param({"filter": "is_retracted:maybe"}, "true or false", id="not a truth"),
        pytest.param({"filter": "study:S9"}, "no study S9", id="unknown study"),
        pytest.param({"sort": "colour"}, "known:.*year", id="unknown order"),
        pytest.param({"sort": "year:up"}, "asc or", id="unknown direction"),
        pytest.param({"per_page": 101}, "1 to 100", id="page too long"),
        pytest.param({"page": 401}, "cursor", id="too deep"),
        pytest.param({"cursor": "bm9uc2Vuc2U"}, "not a cursor", id="no cursor"),
        pytest.param({"cursor": "*", "page": 2}, "exclude", id="cursor and page"),
        pytest.param({"search": "a\x00"}, "plain text", id="NUL"),
    ],
)
def test_what_is_not_understood_is_refused_and_not_ignored(session, asked, said):
    with pytest.raises(InvalidInput, match=said):
        list_works(session, Asked(**asked))


@pytest.mark.parametrize("order", ["year:asc", "year:desc"])
def test_unknown_years_come_last_whatever_the_direction(session, order):
    for year in (2019, None, 2001):
        a_work(session, title=str(year), year=year)
    assert titles(session, sort=order)[-1] == "None"


@pytest.mark.parametrize(
    "order", ["year:asc", "year:desc", "title:desc,year", "id:desc", "cited_by"]
)
def test_pages_and_cursors_go_through_all_works_once(session, order):
    for n in range(11):
        a_work(session, title=f"t{n % 3}" if n % 4 else None, year=2000 + n % 2 if n % 5 else None)
    whole = [w.id for w in list_works(session, Asked(sort=order, per_page=100)).results]
    paged, chased = [], []
    for page in (1, 2, 3, 4):
        found = list_works(session, Asked(sort=order, per_page=3, page=page))
        assert found.has_next is (page < 4)
        paged += [w.id for w in found.results]
    cursor: str | None = "*"
    while cursor:
        found = list_works(session, Asked(sort=order, per_page=3, cursor=cursor))
        chased += [w.id for w in found.results]
        cursor = found.next_cursor
    assert len(set(whole)) == 11
    assert paged == whole
    assert chased == whole


def test_a_cursor_made_up_for_another_type_is_refused(session):
    import base64

    a_work(session, year=2019)
    forged = base64.urlsafe_b64encode(b'["year:desc,id:asc","old",1]').decode()
    with pytest.raises(InvalidInput, match="not a cursor"):
        list_works(session, Asked(cursor=forged))


def test_works_merged_into_others_are_not_listed(session):
    survivor = a_work(session, title="kept")
    a_work(session, title="merged", merged_into_id=survivor.id)
    assert titles(session) == ["kept"]


# -- one work ------------------------------------------------------------------------------------


def test_each_field_of_a_work_names_the_record_it_came_from(session):
    work = a_work(session, title="a title")
    record = a_record(session, work=work, source="pubmed", key="31810187")
    work.provenance = {"title": record.id}
    session.add(work)
    session.flush()
    found = read_work(session, work.id).provenance["title"]
    assert (found.source, found.key, found.record_id) == ("pubmed", "31810187", record.id)


def test_a_retraction_seen_by_two_sources_is_one_notice_with_two_assertions(session):
    work = a_work(session, is_retracted=True)
    notice_work = a_work(session, title="Retraction note")
    a_notice(
        session,
        work,
        "retraction",
        "crossref",
        "pubmed",
        date="2024-06",
        notice_work_id=notice_work.id,
    )
    (notice,) = read_work(session, work.id).notices
    assert [a.source for a in notice.assertions] == ["crossref", "pubmed"]
    assert notice.notice_work
    assert notice.notice_work.title == "Retraction note"
    (seen_from_notice,) = read_work(session, notice_work.id).notice_of
    assert seen_from_notice.work.id == f"W{work.id}"


def test_a_work_says_that_it_cites_a_retracted_one(session):
    citing, cited = a_work(session), a_work(session, title="gone", is_retracted=True)
    a_citation(session, citing, cited)
    assert [w.title for w in read_work(session, citing.id).cites_retracted] == ["gone"]


def test_a_relation_is_seen_from_both_ends(session):
    preprint, article = a_work(session), a_work(session)
    record = a_record(session, work=preprint)
    kept(
        session,
        t.WorkRelation,
        work_id=preprint.id,
        kind="preprint of",
        other_id=article.id,
        record_id=record.id,
    )
    (here,) = read_work(session, preprint.id).relations
    (there,) = read_work(session, article.id).relations
    assert (here.kind, here.is_inverse, here.work.id) == ("preprint of", False, f"W{article.id}")
    assert (there.is_inverse, there.work.id) == (True, f"W{preprint.id}")


def test_an_open_conflict_of_identity_is_shown_on_the_work(session):
    work = a_work(session, doi="10.1000/a")
    record = a_record(session)
    kept(
        session,
        t.IdentityConflict,
        record_id=record.id,
        work_id=work.id,
        scheme="doi",
        value="10.1000/a",
        kind="different title",
        detail="...",
        seen_at=NOW,
    )
    (conflict,) = read_work(session, work.id).conflicts
    assert conflict.kind == "different title"
    assert conflict.record.record_id == record.id


def test_a_registration_named_by_two_sources_is_one_registration(session):
    work = a_work(session)
    registration = a_registration(session, "NCT03778333")
    for source in ("crossref", "pubmed"):
        kept(
            session,
            t.WorkRegistration,
            work_id=work.id,
            registration_id=registration.id,
            record_id=a_record(session, work=work, source=source).id,
            kind="named by the work",
        )
    (found,) = read_work(session, work.id).registrations
    assert {record.source for record in found.records} == {"crossref", "pubmed"}


def test_a_work_known_only_from_references_says_so(session):
    work = a_work(session, is_described=False)
    assert read_work(session, work.id).known_only_from_references


# -- bibliography --------------------------------------------------------------------------------


def _reference(session, work, record, position, **values):
    return kept(
        session,
        t.Reference,
        citing_id=work.id,
        record_id=record.id,
        position=position,
        **values,
    )


def test_the_fullest_reference_list_is_shown_in_its_order_unless_another_is_asked_for(session):
    work, cited = a_work(session), a_work(session, title="cited")
    short = a_record(session, work=work, source="pubmed")
    full = a_record(session, work=work, source="crossref")
    _reference(session, work, short, 1, text="only one")
    _reference(session, work, full, 2, text="second", cited_id=cited.id)
    _reference(session, work, full, 1, text="first")
    found = read_references(session, work.id)
    assert [r.text for r in found.references] == ["first", "second"]
    assert [r.is_resolved for r in found.references] == [False, True]
    assert found.references[1].work
    assert found.references[1].work.title == "cited"
    assert [(s.source, s.count, s.resolved) for s in found.sources] == [
        ("crossref", 2, 1),
        ("pubmed", 1, 0),
    ]
    assert [r.text for r in read_references(session, work.id, "pubmed").references] == ["only one"]


def test_a_list_that_came_in_pages_is_one_list(session):
    work = a_work(session)
    for page in (1, 2):
        record = a_record(
            session, work=work, source="europepmc", view="references", key=f"MED:1#{page}"
        )
        _reference(session, work, record, 1, text=f"page {page}")
    found = read_references(session, work.id)
    assert [r.text for r in found.references] == ["page 1", "page 2"]


def test_a_source_without_a_list_is_named_with_those_that_have_one(session):
    work = a_work(session)
    _reference(session, work, a_record(session, work=work, source="crossref"), 1)
    with pytest.raises(InvalidInput, match="known: crossref"):
        read_references(session, work.id, "pubmed")


def test_a_work_without_references_has_an_empty_list(session):
    assert read_references(session, a_work(session).id).references == []


def test_a_citing_work_names_everybody_who_says_so(session):
    citing, cited = a_work(session, title="citing"), a_work(session)
    a_citation(session, citing, cited, "openalex")
    a_citation(session, citing, cited, "crossref")
    (found,) = list_citing(session, cited.id, Asked()).results
    assert found.work.title == "citing"
    assert found.sources == ["crossref", "openalex"]


# -- who said what -------------------------------------------------------------------------------


def test_a_record_shows_its_content_and_its_payload(session):
    work = a_work(session)
    record = a_record(session, work=work, content={"title": "as delivered"})
    (found,) = read_records(session, work_id=work.id)
    assert found.content == {"title": "as delivered"}
    assert found.payload_id == record.payload_id


def test_counts_without_a_date_come_after_dated_ones_and_are_never_added_up(session):
    work = a_work(session)
    for value, day in ((10, None), (20, "2026-01-01"), (30, "2026-06-01")):
        kept(
            session,
            t.Observation,
            work_id=work.id,
            source="crossref",
            metric="citation_count",
            value=value,
            observed_at=day,
        )
    assert [o.value for o in observations(session, work.id)] == [30, 20, 10]


def test_a_payload_is_described_without_its_body(session):
    payload = a_payload(session, b"12345", request="GET /works/x")
    found = read_payload(session, payload.id)
    assert found is not None
    assert (found.size, found.request) == (5, "GET /works/x")
    assert read_payload(session, 99) is None
