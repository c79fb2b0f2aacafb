"""What programs get: JSON that says what is known, and what is not."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from kb.models import tables as t
from kb.store import results, studies, works
from kb.store.engine import Store
from tests.builders import (
    NOW,
    a_citation,
    a_payload,
    a_record,
    a_registration,
    a_result,
    a_study,
    a_work,
    an_adverse_event,
    an_arm,
    kept,
    the_seed_study,
)


def test_a_work_is_answered_under_any_of_its_names(client: TestClient, store: Store):
    with store.writing() as session:
        work = a_work(session, doi="10.3390/jcm8122102", pmid="31810187", title="Seed")
        a_citation(session, a_work(session, title="citing"), work)
    for name in (
        "W1",
        "10.3390/jcm8122102",
        "10.3390%2Fjcm8122102",
        "doi:10.3390/jcm8122102",
        "https%3A%2F%2Fdoi.org%2F10.3390%2Fjcm8122102",
        "31810187",
        "pmid:31810187",
    ):
        answer = client.get(f"/works/{name}")
        assert (answer.status_code, answer.json()["title"]) == (200, "Seed"), name
        assert client.get(f"/works/{name}/references").json()["results"] == []
        (citing,) = client.get(f"/works/{name}/cited-by").json()["results"]
        assert (citing["work"]["title"], citing["sources"]) == ("citing", ["crossref"])


def test_the_id_of_a_merged_work_sends_on_to_its_survivor(client: TestClient, store: Store):
    with store.writing() as session:
        survivor = a_work(session, title="kept")
        a_work(session, merged_into_id=survivor.id)
    for part in ("", "/references", "/cited-by?per_page=5"):
        answer = client.get(f"/works/W2{part}")
        assert (answer.status_code, answer.headers["location"]) == (301, f"/works/W1{part}")


def test_the_id_of_a_merged_study_sends_on_to_its_survivor(client: TestClient, store: Store):
    with store.writing() as session:
        survivor = a_study(session)
        a_study(session, merged_into_id=survivor.id)
    answer = client.get("/studies/S2?format=json")
    assert (answer.status_code, answer.headers["location"]) == (301, "/studies/S1?format=json")


def test_a_doi_may_hold_whatever_dois_hold(client: TestClient, store: Store):
    old = "10.1002/(sici)1097-0258(19980815)17:15<1661::aid-sim968>3.0.co;2-2"
    with store.writing() as session:
        a_work(session, doi=old, title="old style")
    answer = client.get(
        "/works/10.1002/(SICI)1097-0258(19980815)17:15%3C1661::AID-SIM968%3E3.0.CO;2-2"
    )
    assert answer.json()["title"] == "old style"


def test_lists_come_in_an_envelope_with_a_link_to_the_next_page(client: TestClient, store: Store):
    with store.writing() as session:
        for year in (2001, 2002, 2003):
            a_work(session, year=year)
    answer = client.get("/works?per_page=2&sort=year:asc")
    assert answer.json()["meta"] == {"count": 3, "page": 1, "per_page": 2, "next_cursor": None}
    assert [work["year"] for work in answer.json()["results"]] == [2001, 2002]
    assert answer.headers["link"] == '</works?per_page=2&sort=year%3Aasc&page=2>; rel="next"'
    second = client.get("/works?per_page=2&sort=year:asc&page=2")
    assert [work["year"] for work in second.json()["results"]] == [2003]
    assert "link" not in second.headers


def test_a_cursor_ends_in_null(client: TestClient, store: Store):
    with store.writing() as session:
        for _ in range(5):
            a_work(session)
    seen, cursor = [], "*"
    while cursor:
        page = client.get("/works", params={"cursor": cursor, "per_page": 2}).json()
        seen += [work["id"] for work in page["results"]]
        cursor = page["meta"]["next_cursor"]
    assert sorted(seen) == ["W1", "W2", "W3", "W4", "W5"]


LISTS = {
    "works": works.WORKS,
    "studies": studies.STUDIES,
    "registrations": studies.REGISTRATIONS,
    "results": results.RESULTS,
    "adverse-events": results.ADVERSE_EVENTS,
    "outcomes": results.OUTCOMES,
}


@pytest.mark.parametrize("listed", LISTS)
def test_a_cursor_leads_through_a_list_in_any_order(client: TestClient, store: Store, listed: str):
    with store.writing() as session:
        the_seed_study(session)
        another = a_study(session, "Another")
        a_result(session, an_arm(session, another, "msc"), {"n_analysed": 3})
        an_adverse_event(session, an_arm(session, another, "sham"), state="not_reported")
        a_registration(session, "NCT00395200", another)
        a_work(session, title="Unread")
    for order in (f"{field}:{way}" for field in LISTS[listed].sortable for way in ("asc", "desc")):
        asked: dict[str, Any] = {"sort": order, "per_page": 1}
        at_once = client.get(f"/{listed}", params=asked | {"per_page": 100}).json()["results"]
        one_by_one, cursor = [], "*"
        while cursor:
            page = client.get(f"/{listed}", params=asked | {"cursor": cursor}).json()
            one_by_one += page["results"]
            cursor = page["meta"]["next_cursor"]
        assert one_by_one == at_once, order
        assert len(at_once) > 1


def test_select_keeps_the_fields_named(client: TestClient, store: Store):
    with store.writing() as session:
        a_work(session, title="x")
    answer = client.get("/works?select=id,title")
    assert answer.json()["results"] == [{"id": "W1", "title": "x"}]


@pytest.mark.parametrize(
    ("path", "select", "kept"),
    [
        pytest.param("/works/W1", "id,year", {"id": "W1", "year": 2019}, id="work"),
        pytest.param("/studies/S1", "label", {"label": "Iacobaeus 2019"}, id="study"),
        pytest.param("/registrations/G1", "number", {"number": "NCT03778333"}, id="registration"),
        pytest.param("/results/R1", "category", {"category": "complement"}, id="result"),
        pytest.param("/adverse-events/X1", "code", {"code": "AE_ANY"}, id="adverse event"),
        pytest.param("/outcomes/T2_NEW", "studies", {"studies": 1}, id="outcome"),
    ],
)
def test_select_keeps_the_fields_named_of_a_single_thing_too(
    client: TestClient, store: Store, path, select, kept
):
    with store.writing() as session:
        the_seed_study(session)
    assert client.get(path, params={"select": select}).json() == kept
    assert client.get(path, params={"select": "colour"}).status_code == 422


def test_a_field_is_a_parameter_of_its_own_where_commas_mean_themselves(
    client: TestClient, store: Store
):
    with store.writing() as session:
        venue = kept(session, t.Venue, name="Stem Cells, Part A")
        a_work(session, title="here", venue_id=venue.id)
        a_work(session, title="there")
    answer = client.get("/works", params={"venue": "stem cells, part a"})
    assert [work["title"] for work in answer.json()["results"]] == ["here"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        pytest.param("/works?colour=blue", 422, "known: ", id="unknown parameter"),
        pytest.param("/works/W1?colour=blue", 422, "known: format", id="of a single work"),
        pytest.param("/works?filter=colour:blue", 422, "known: ", id="unknown field"),
        pytest.param("/works?select=colour", 422, "known: id", id="unknown selection"),
        pytest.param("/works?sort=colour", 422, "known: ", id="unknown order"),
        pytest.param("/works?per_page=101", 422, "per_page", id="page too long"),
        pytest.param("/works?page=0", 422, "page", id="page too small"),
        pytest.param("/works?page=401", 422, "cursor=*", id="too deep"),
        pytest.param("/works?page=" + "9" * 40, 422, "page", id="enormous page"),
        pytest.param("/works?page=x", 422, "page", id="no number"),
        pytest.param("/works?year=2001&year=2002", 422, "more than once", id="given twice"),
        pytest.param("/works?search=%00", 422, "plain text", id="NUL"),
        pytest.param("/works?search=%ED%A0%80", 422, "plain text", id="lone surrogate"),
        pytest.param("/works?search=%FF", 422, "plain text", id="not UTF-8"),
        pytest.param("/works?format=xml", 422, "format", id="unknown format"),
        pytest.param("/works?year=99999999999", 422, "whole number", id="year too large"),
        pytest.param("/works?year=1" + "|1" * 1100, 422, "at most", id="choices without end"),
        pytest.param("/works?filter=year:1" + ",year:1" * 999, 422, "at most", id="long filter"),
        pytest.param("/works?search=" + "x" * 50_001, 422, "at most", id="long word"),
        pytest.param("/works?venue=" + "x" * 50_001, 422, "at most", id="long value"),
        pytest.param("/works/nonsense", 422, "expected e.g.", id="no identifier"),
        pytest.param("/works/%00", 422, "NUL", id="NUL in the path"),
        pytest.param("/works/10.1000/unknown", 404, "no work", id="unknown work"),
        pytest.param("/works/W99999999999999999999", 422, "W1", id="id beyond 64 bit"),
        pytest.param("/works/W9000000000", 404, "no work", id="id beyond 32 bit"),
        pytest.param("/studies/S9000000000", 404, "no study", id="study beyond 32 bit"),
        pytest.param("/studies/NCT99999999", 404, "no study", id="unknown registration"),
        pytest.param("/studies/two words", 422, "expected e.g.", id="no name of a study"),
        pytest.param("/results/R9", 404, "no result", id="unknown result"),
        pytest.param("/results/W1", 422, "expected R1", id="not a result"),
        pytest.param("/results?arm=M9000000000", 422, "no arm", id="arm beyond 32 bit"),
        pytest.param("/results?days=>x", 422, "number", id="not a number of days"),
        pytest.param("/adverse-events/X9", 404, "no adverse event", id="unknown event"),
        pytest.param("/registrations/NCT99999999", 404, "no registration", id="no such entry"),
        pytest.param("/registrations/what", 422, "not a registration", id="no number of one"),
        pytest.param("/outcomes/NOTHING", 404, "no outcome", id="unknown outcome"),
        pytest.param("/payloads/9", 404, "no payload", id="unknown payload"),
        pytest.param("/payloads/9999999999999", 404, "no payload", id="payload beyond 32 bit"),
        pytest.param("/payloads/x", 422, "its number", id="no payload number"),
        pytest.param("/nowhere", 404, "/docs", id="unknown address"),
        pytest.param("/graph/nodes/W9000000000", 404, "no work", id="graph"),
        pytest.param("/graph/schema?colour=blue", 422, "known: ", id="graph parameter"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_document(client: TestClient, path, status, said):
    answer = client.get(path)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in problem["detail"]
    assert set(problem) >= {"type", "title", "status", "detail", "instance"}


def test_another_method_is_refused_with_those_that_are_served(plain_client: TestClient):
    answer = plain_client.put("/works/W1")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert "GET" in answer.headers["allow"]


def test_a_mistake_of_the_server_tells_nothing_of_its_insides(plain_client: TestClient):
    def fail() -> None:
        raise RuntimeError("secret path /srv/kb")

    plain_client.app.add_api_route("/fail", fail)  # type: ignore[attr-defined]
    answer = plain_client.get("/fail")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


def test_a_database_that_does_not_answer_is_503(plain_client: TestClient, plain_store: Store):
    assert plain_store.url.database
    with plain_store.writing() as session:
        session.connection().exec_driver_sql("DROP TABLE alembic_version")
    answer = plain_client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
    assert plain_store.url.database not in answer.text


def test_health_tells_the_schema_and_what_is_held(client: TestClient, store: Store):
    with store.writing() as session:
        a_work(session)
        a_work(session, is_described=False)
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["database"] == ("sqlite" if store.is_sqlite else "postgresql")
    assert health["schema_revision"]
    assert (health["counts"]["works"], health["counts"]["works_described"]) == (2, 1)


# -- results -------------------------------------------------------------------------------------


def test_the_seed_study_is_told_without_loss(client: TestClient, store: Store):
    with store.writing() as session:
        the_seed_study(session)
    study = client.get("/studies/MS_IACOBAEUS_2019").json()
    (arm,) = study["arms"]
    (dose,) = arm["doses"]
    assert (dose["value"], dose["low"], dose["high"]) == (None, 1.0, 2.0)
    assert arm["descriptions"][0]["n_randomised"] is None
    shown = [
        (
            r["outcome_title"],
            r["timepoint"]["days"],
            r["cells"]["events"]["value"],
            r["cells"]["n_analysed"]["value"],
            r["origin"],
        )
        for r in study["results"]
    ]
    assert shown == [
        ("no new T2 lesions", 84.0, 5, 6, "reported"),
        ("new T2 lesions", 84.0, 1, 6, "computed"),
        ("new T2 lesions", 336.0, 3, 5, "reported"),
    ]
    assert study["registrations"][0]["basis"] == "inferred: sponsor, N, dose"
    assert client.get("/studies/NCT03778333").json()["id"] == study["id"]


def test_a_computed_number_leads_back_to_the_reported_ones(client: TestClient, store: Store):
    with store.writing() as session:
        the_seed_study(session)
    (computed,) = client.get("/results?origin=computed").json()["results"]
    assert computed["derivation"]["statement"] == "6 - 5 = 1 of 6"
    inputs = {(i["result"], i["cell"], i["value"]) for i in computed["derivation"]["inputs"]}
    (reported,) = client.get("/results?category=complement").json()["results"]
    assert inputs == {(reported["id"], "n_analysed", 6), (reported["id"], "events", 5)}
    assert reported["derives"] == [computed["id"]]
    assert reported["evidence"]["locator"] == "abstract"


def test_a_cell_that_is_not_there_is_not_reported_and_never_zero(client: TestClient, store: Store):
    with store.writing() as session:
        arm = an_arm(session, a_study(session))
        a_result(session, arm, {"percent": 40})
        a_result(session, arm, {"events": {"value": 0, "text": "0", "state": "reported_zero"}})
        a_result(session, arm, state="not_measured")
    printed, zero, unmeasured = client.get("/results").json()["results"]
    missing = {"value": None, "text": None, "state": "not_reported", "origin": None}
    assert printed["cells"]["events"] == printed["cells"]["n_analysed"] == missing
    assert printed["cells"]["percent"]["value"] == 40.0
    assert (zero["cells"]["events"]["value"], zero["cells"]["events"]["state"]) == (
        0,
        "reported_zero",
    )
    assert unmeasured["cells"]["mean"]["state"] == "not_measured"
    assert "se" not in printed["cells"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param("study=MS_IACOBAEUS_2019", 3, id="study by key"),
        pytest.param("registration=NCT03778333", 3, id="registration"),
        pytest.param("report=10.3390/jcm8122102", 3, id="report"),
        pytest.param("condition=Multiple Sclerosis", 3, id="condition"),
        pytest.param("condition=sclerosis", 0, id="condition is whole"),
        pytest.param("outcome=T2_NEW", 3, id="outcome"),
        pytest.param("arm=M1", 3, id="arm"),
        pytest.param("statistic=person_count&category=event", 2, id="statistic and category"),
        pytest.param("origin=!computed", 2, id="origin"),
        pytest.param("days=80-90", 2, id="days between"),
        pytest.param("days=>100", 1, id="days after"),
        pytest.param("tissue=bone marrow", 3, id="tissue"),
        pytest.param("donor=allogeneic", 0, id="donor"),
        pytest.param("route=intravenous", 3, id="route"),
        pytest.param("standing=secondary_source", 0, id="standing"),
        pytest.param("kind=arm", 3, id="kind"),
        pytest.param("source=curated", 3, id="source"),
        pytest.param("cell=mean", 0, id="a number that is there"),
        pytest.param("search=new lesions", 3, id="words"),
        pytest.param("filter=outcome:T2_NEW,days:<100,category:complement", 1, id="filter"),
    ],
)
def test_results_are_found_by_what_their_arms_received_and_what_was_measured(
    plain_client: TestClient, plain_store: Store, asked, expected
):
    with plain_store.writing() as session:
        the_seed_study(session)
    answer = plain_client.get(f"/results?{asked}").json()
    assert answer["meta"]["count"] == len(answer["results"]) == expected


def test_every_declared_filter_and_order_runs_on_both_databases(client: TestClient, store: Store):
    with store.writing() as session:
        the_seed_study(session)
    document = client.get("/openapi.json").json()
    values = {
        "orcid": "0000-0002-1825-0097", "issn": "2077-0383", "study": "S1", "arm": "M1",
        "registration": "NCT03778333", "report": "W1", "work": "W1", "cites": "W1",
        "cited_by_work": "W1", "outcome": "T2_NEW",
    }  # fmt: skip
    own = {"search", "filter", "sort", "select", "page", "per_page", "cursor", "format"}
    own |= {"r", "without_origin", "shared_control", "one_per_window", "stated_roles"}  # of exports
    own |= {"with_complements", "with_controls"}
    for path in ("works", "studies", "results", "adverse-events", "registrations", "outcomes"):
        parameters = document["paths"][f"/{path}"]["get"]["parameters"]
        names = [p["name"] for p in parameters if p["name"] not in own]
        assert names
        for name in names:
            tried = [
                client.get(f"/{path}", params={name: value}).status_code
                for value in ([values[name]] if name in values else ["true", "1", "word"])
            ]
            assert 200 in tried, (path, name)
            assert set(tried) <= {200, 422}, (path, name)
            for value in ("null", "!null"):
                answer = client.get(f"/{path}", params={name: value})
                assert answer.status_code == 200, (path, name, value, answer.text)
        refused = client.get(f"/{path}", params={"sort": "?"}).json()["detail"]
        for name in refused.partition("known: ")[2].rstrip(")").split(", "):
            for way in ("asc", "desc"):
                answer = client.get(f"/{path}", params={"sort": f"{name}:{way}", "cursor": "*"})
                assert answer.status_code == 200, (path, name, answer.text)


def test_people_and_events_are_different_numbers(client: TestClient, store: Store):
    with store.writing() as session:
        arm = an_arm(session, a_study(session))
        an_adverse_event(session, arm, term="headache", event_count=9, n_at_risk=7)
        an_adverse_event(session, arm, term="any", state="not_reported")
    headache, any_event = client.get("/adverse-events").json()["results"]
    assert (headache["persons_affected"], headache["event_count"]) == (None, 9)
    assert (any_event["persons_affected"], any_event["event_count"]) == (None, None)
    assert any_event["state"] == "not_reported"


def test_a_registration_tells_its_studies_and_on_whose_word(client: TestClient, store: Store):
    with store.writing() as session:
        study = a_study(session, "a study")
        a_registration(session, "NCT03778333", study, basis="inferred", title="a trial")
        kept(session, t.RegistrationAlias, number="2012-000518-13", registration_id=1)
    for number in ("NCT03778333", "nct03778333", "2012-000518-13", "G1"):
        found = client.get(f"/registrations/{number}").json()
        assert [(s["study"]["id"], s["basis"]) for s in found["studies"]] == [("S1", "inferred")]
    (listed,) = client.get("/registrations?has_study=true").json()["results"]
    assert listed["studies"] == ["S1"]


def test_every_caveat_has_an_explanation(plain_client: TestClient):
    caveats = {c["code"]: c["explanation"] for c in plain_client.get("/caveats").json()["results"]}
    assert "mean or median" in caveats["central_value_unnamed"]
    assert all(caveats.values())


def test_studies_that_may_share_participants_name_each_other(client: TestClient, store: Store):
    with store.writing() as session:
        first, second = a_study(session, "first"), a_study(session, "second", "KEY_2")
        record = session.get_one(t.StoredRecord, 2)
        kept(
            session,
            t.StudyOverlap,
            study_id=second.id,
            other_id=first.id,
            record_id=record.id,
            kind="follow-up of",
            certainty="certain",
        )
    (seen,) = client.get("/studies/S1").json()["overlaps"]
    assert (seen["other"]["label"], seen["is_inverse"]) == ("second", True)
    (seen,) = client.get("/studies/KEY_2").json()["overlaps"]
    assert (seen["other"]["label"], seen["is_inverse"]) == ("first", False)
    assert client.get("/studies?has_overlap=true").json()["meta"]["count"] == 2


def test_records_observations_and_coverage_say_who_and_when(client: TestClient, store: Store):
    with store.writing() as session:
        work = a_work(session)
        a_record(session, work=work, content={"title": "as said"})
        kept(
            session,
            t.Observation,
            work_id=work.id,
            source="mendeley",
            metric="reader_count",
            value=58,
        )
        kept(
            session,
            t.Coverage,
            work_id=work.id,
            source="crossref",
            direction="references",
            claimed=None,
            held=3,
            resolved=1,
        )
    (record,) = client.get("/works/W1/records").json()["results"]
    assert (record["content"], record["first_seen"][:10]) == ({"title": "as said"}, "2026-11-22")
    (seen,) = client.get("/works/W1/observations").json()["results"]
    assert (seen["value"], seen["observed_at"]) == (58, None)
    (covered,) = client.get("/works/W1/coverage").json()["results"]
    assert (covered["claimed"], covered["held"]) == (None, 3)


# -- payloads ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media_type", "served"),
    [
        pytest.param("text/html", "text/plain; charset=utf-8", id="html"),
        pytest.param("application/xhtml+xml", "text/plain; charset=utf-8", id="xhtml"),
        pytest.param("image/svg+xml", "text/plain; charset=utf-8", id="svg"),
        pytest.param("application/pdf", "application/octet-stream", id="pdf"),
        pytest.param(None, "application/octet-stream", id="not said"),
    ],
)
def test_a_body_is_saved_and_never_shown_as_a_page_of_ours(
    plain_client: TestClient, plain_store: Store, media_type, served
):
    with plain_store.writing() as session:
        a_payload(session, b"<script>alert(1)</script>", media_type=media_type, fetched_at=NOW)
    answer = plain_client.get("/payloads/1/body")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == served
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    described = plain_client.get("/payloads/1").json()
    assert (described["size"], described["media_type"]) == (25, media_type)
    assert "body" not in described


# -- http ----------------------------------------------------------------------------------------


def test_what_has_not_changed_is_not_sent_again(plain_client: TestClient, plain_store: Store):
    first = plain_client.get("/works")
    again = plain_client.get("/works", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    with plain_store.writing() as session:
        a_work(session)
    changed = plain_client.get("/works", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


def test_head_answers_like_get_without_a_body(plain_client: TestClient):
    answer = plain_client.head("/works")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == plain_client.get("/works").headers["etag"]


def test_every_address_is_described_for_programs(plain_client: TestClient):
    document = plain_client.get("/openapi.json").json()
    cell = document["components"]["schemas"]["CellOut"]["properties"]
    assert set(cell) == {"value", "text", "state", "origin"}
    assert "never 0" in document["paths"]["/results"]["get"]["description"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation.get("description") or operation.get("summary"), path
