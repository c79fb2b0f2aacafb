"""What readers get: pages that are whole without a script, over the values of the JSON."""

import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient
from lxml import html

from api.app import create_app
from kb.models import tables as t
from kb.settings import Settings
from kb.store.engine import Store
from tests.builders import (
    a_citation,
    a_notice,
    a_payload,
    a_record,
    a_registration,
    a_result,
    a_study,
    a_work,
    an_adverse_event,
    an_arm,
    an_outcome,
    kept,
    of_arm,
    reported_by,
    the_seed_study,
)

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def page(client: TestClient, path: str, status: int = 200) -> html.HtmlElement:
    answer = client.get(path, headers={"Accept": BROWSER})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return html.fromstring(answer.text)


def text(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def row_of(tree: html.HtmlElement, public_id: str) -> dict[str, str]:
    (row,) = tree.xpath(f"//tr[@id='{public_id}']")
    return {cell.get("data-label"): text(cell) for cell in row.xpath("td")}


@pytest.mark.parametrize(
    ("accept", "query", "expected"),
    [
        pytest.param(BROWSER, "", "text/html", id="browser"),
        pytest.param("*/*", "", "application/json", id="curl"),
        pytest.param("", "", "application/json", id="nothing said"),
        pytest.param("application/json", "", "application/json", id="program"),
        pytest.param("text/html;q=0.4,application/json", "", "application/json", id="weighed"),
        pytest.param("application/json", "?format=html", "text/html", id="html asked for"),
        pytest.param(BROWSER, "?format=json", "application/json", id="json asked for"),
        pytest.param("text/html;q=x", "", "application/json", id="malformed weight"),
    ],
)
def test_one_address_serves_json_and_pages(plain_client: TestClient, accept, query, expected):
    answer = plain_client.get(f"/studies{query}", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(expected)
    assert answer.headers["vary"] == "Accept"


def test_browsers_get_errors_as_pages(plain_client: TestClient):
    assert "no work W9" in text(page(plain_client, "/works/W9", 404)).lower().replace("w9", "W9")
    assert "Not Found" in text(page(plain_client, "/nowhere", 404))
    assert "unknown parameter" in text(page(plain_client, "/works?colour=1", 422)).lower()


def test_every_page_of_a_full_base_is_linked_and_none_is_broken(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        study = the_seed_study(session)
        work = session.get_one(t.Work, 1)
        other = a_work(session, title="other", year=None, is_described=False, doi="10.1000/a,b")
        a_citation(session, other, work)
        a_citation(session, work, other)
        a_notice(session, work, "correction", date="2020-01")
        reference = {"citing_id": 1, "record_id": a_record(session, work=work).id, "position": 1}
        kept(session, t.Reference, **reference, text="Someone. Something. 1999.")
        another = a_study(session, "another")
        kept(
            session,
            t.StudyOverlap,
            study_id=study.id,
            other_id=another.id,
            record_id=1,
            kind="may share participants",
            certainty="possible",
        )
        a_registration(session, "CTRI/2019/05/000001", another)
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.endswith("/body"):
            continue
        seen.add(path)
        answer = plain_client.get(path, headers={"Accept": BROWSER})
        assert answer.status_code == 200, (path, answer.text)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        tree = html.fromstring(answer.text)
        links = tree.xpath("//a/@href | //link/@href")
        waiting += [
            f"{link}" for link in links if link.startswith("/") and "format=json" not in link
        ]
        assert not tree.xpath("//script | //@style | //@onclick"), path
    assert {
        "/works/W1",
        "/works/W1/references",
        "/works/W2/cited-by",
        "/studies/S2",
        "/results/R2",
        "/adverse-events/X1",
        "/registrations/CTRI/2019/05/000001",
        "/outcomes/T2_NEW",
        "/payloads/1",
        "/checks",
        "/appraisals",
        "/appraisal-tools",
        "/completeness",
        "/decisions",
        "/synthesis",
        "/evidence-map",
        "/docs",
        "/health",
    } <= seen


def test_the_study_page_shows_each_number_with_its_n_its_time_and_its_place(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        the_seed_study(session)
    tree = page(plain_client, "/studies/MS_IACOBAEUS_2019")
    complement = row_of(tree, "R1")
    assert complement["n"] == "6"
    assert complement["Result"].startswith("5 of 6")
    assert complement["Time"].startswith("12 weeks")
    assert "10.3390/jcm8122102, abstract" in complement["Where"]
    derived = row_of(tree, "R2")
    assert "computed" in derived["Result"]
    assert "6 - 5 = 1 of 6" in derived["Result"]
    event = row_of(tree, "X1")
    assert (event["At risk"], event["People"], event["Events"]) == (
        "7",
        "not reported",
        "not reported",
    )
    shown = text(tree)
    assert "1–2 × 10⁶ cells/kg, intravenous, 1 time" in shown
    assert "inferred: sponsor, N, dose" in shown


def test_a_reported_zero_looks_different_from_nothing_reported(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        arm = an_arm(session, a_study(session))
        zero = {"value": 0, "text": "0", "state": "reported_zero"}
        a_result(session, arm, {"events": zero, "n_analysed": 6})
        a_result(session, arm)
        a_result(session, arm, direction="increased")
        an_adverse_event(session, arm, persons_affected=0, state="reported_zero")
        an_adverse_event(session, arm, event_count=3, percent=4.5)
    tree = page(plain_client, "/studies/S1")
    assert row_of(tree, "R1")["Result"] == "0 of 6 zero reported"
    assert row_of(tree, "R2")["Result"] == "not reported"
    assert row_of(tree, "R3")["Result"] == "increased (stated without a number)"
    assert row_of(tree, "R3")["n"] == "not reported"
    assert row_of(tree, "X1")["People"] == "0 zero reported"
    assert (row_of(tree, "X2")["People"], row_of(tree, "X2")["Events"]) == ("4.5 %", "3")


def test_numbers_stand_as_they_were_printed(plain_client: TestClient, plain_store: Store):
    with plain_store.writing() as session:
        arm = an_arm(session, a_study(session))
        a_result(
            session,
            arm,
            {
                "mean": {"value": 6.7, "text": "6.70", "state": "reported"},
                "sd": {"value": 1.0, "text": "1.0", "state": "reported"},
                "min": 3.5,
                "max": 8,
            },
            unit="score",
            p_text="< 0.03",
        )
    shown = row_of(page(plain_client, "/studies/S1"), "R1")["Result"]
    assert shown == "mean 6.70 score SD 1.0; range 3.5 to 8; p < 0.03"


@pytest.mark.parametrize(
    ("typed", "leads_to"),
    [
        pytest.param("/works?search=10.3390/jcm8122102", "/works/W1", id="DOI"),
        pytest.param("/works?search=31810187", "/works/W1", id="PMID"),
        pytest.param("/studies?search=NCT03778333", "/studies/S1", id="registration"),
    ],
)
def test_an_identifier_in_a_search_box_leads_to_what_it_names(
    plain_client: TestClient, plain_store: Store, typed: str, leads_to: str
):
    with plain_store.writing() as session:
        the_seed_study(session)
    answer = plain_client.get(typed, headers={"Accept": BROWSER}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


def test_works_are_found_by_the_words_of_their_title_and_their_authors(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        the_seed_study(session)
    for words, found in (("iacobaeus sclerosis", 1), ("Kadri", 1), ("iacobaeus stroke", 0)):
        answer = plain_client.get("/works", params={"search": words})
        assert answer.json()["meta"]["count"] == found, words
        page(plain_client, f"/works?search={words}")


def test_what_was_worked_out_is_not_shown_as_printed(plain_client: TestClient, plain_store: Store):
    with plain_store.writing() as session:
        the_seed_study(session)
    (derived,) = plain_client.get("/results?origin=computed").json()["results"]
    tree = page(plain_client, f"/results/{derived['id']}")
    (row,) = tree.xpath("//tr[td[1]='events']")
    assert [text(cell) for cell in row.xpath("td")] == ["events", "", "1", "reported", "computed"]


def test_one_line_of_a_source_is_named_once_for_the_dose_and_the_numbers_it_gives(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        study = a_study(session)
        arm = an_arm(session, study, "msc")
        said = of_arm(session, arm, t.ArmDescription, label=arm.label, n_treated=7)
        of_arm(session, arm, t.DoseEvent, low=1.0, high=2.0, evidence_id=said.evidence_id)
    (card,) = page(plain_client, "/studies/S1").xpath("//section[@id='M1']")
    assert len(card.xpath(".//div[@class='evidence']")) == 1
    assert "Treated7" in text(card)


def test_what_a_registry_lists_for_reading_is_linked_where_it_can_be_read(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        a_registration(session, "NCT01933802", a_study(session), listed_pmids=["21962795"])
    tree = page(plain_client, "/registrations/NCT01933802")
    assert tree.xpath("//a[.='PMID 21962795']/@href") == [
        "https://pubmed.ncbi.nlm.nih.gov/21962795/"
    ]


def test_caveats_are_explained_where_the_number_stands(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        arm = an_arm(session, a_study(session))
        a_result(session, arm, {"mean": 5.0}, caveats=["central_value_unnamed", "seen twice"])
    shown = row_of(page(plain_client, "/studies/S1"), "R1")["Result"]
    assert "whether mean or median" in shown
    assert "seen twice" in shown


def test_a_retraction_is_seen_on_the_work_its_study_and_what_cites_it(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        work = a_work(session, title="Retracted report", is_retracted=True)
        a_notice(session, work, "retraction", "crossref", "pubmed", date="2024-06")
        reported_by(session, a_study(session), work)
        a_citation(session, a_work(session), work)
    banner = text(page(plain_client, "/works/W1").xpath("//*[contains(@class, 'alarm')]")[0])
    assert "Retraction" in banner
    assert "2024-06" in banner
    assert "crossref" in banner
    assert "pubmed" in banner
    assert page(plain_client, "/studies/S1").xpath("//*[contains(@class, 'alarm')]")
    assert "Cites retracted work" in text(page(plain_client, "/works/W2"))
    assert "retracted" in text(page(plain_client, "/works"))


def test_a_flag_without_a_notice_is_shown_as_a_flag(plain_client: TestClient, plain_store: Store):
    with plain_store.writing() as session:
        a_work(session, is_flagged_retracted=True)
    tree = page(plain_client, "/works/W1")
    assert "no notice of it is held" in text(tree)
    assert not tree.xpath("//*[contains(@class, 'alarm')]")


def test_what_sources_send_stays_text_on_the_page(plain_client: TestClient, plain_store: Store):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    with plain_store.writing() as session:
        work = a_work(
            session,
            title=evil,
            abstract=[{"label": evil, "text": evil}],
            open_access_url="javascript:alert(1)",
            year=2020,
            authors_text=evil,
        )
        a_record(session, work=work, source=evil, content={"title": evil})
        a_payload(session, request=evil)
        study = a_study(session, evil, conditions=[evil])
        arm = an_arm(session, study, label=evil)
        a_result(
            session,
            arm,
            {"events": 1, "n_analysed": 2},
            outcome=an_outcome(session, None, title=evil),
            statistic="person_count",
            note=evil,
        )
        of_arm(session, arm, t.DoseEvent, value=1, unit=evil)
        an_adverse_event(session, arm, term=evil)
        a_registration(session, "NCT00000001", study, title=evil)
    for path in (
        "/works", "/works/W1", "/works/W1/records", "/studies", "/studies/S1", "/results",
        "/results/R1", "/adverse-events", "/adverse-events/X1", "/registrations",
        "/registrations/NCT00000001", "/outcomes", "/payloads/2", "/works?search=%3Cscript%3E",
    ):  # fmt: skip
        tree = page(plain_client, path)
        assert not tree.xpath("//script | //img | //*[@onerror]"), path
        assert not tree.xpath("//a[starts-with(@href, 'javascript:')]"), path


def test_references_without_a_work_are_listed_as_printed(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        work, cited = a_work(session), a_work(session, title="resolved one")
        record = a_record(session, work=work)
        for position, values in enumerate(
            ({"cited_id": cited.id}, {"text": "Kurtzke JF. 1983."}, {}), start=1
        ):
            kept(
                session,
                t.Reference,
                citing_id=work.id,
                record_id=record.id,
                position=position,
                **values,
            )
    items = [text(item) for item in page(plain_client, "/works/W1/references").xpath("//ol/li")]
    assert items[0].startswith("resolved one")
    assert items[1] == "Kurtzke JF. 1983. not resolved"
    assert "Nothing but its place" in items[2]


def test_a_work_without_a_title_is_named_by_what_is_known(
    plain_client: TestClient, plain_store: Store
):
    with plain_store.writing() as session:
        work = a_work(session, authors_text="Petrou P", year=2025)
        reported_by(session, a_study(session), work)
    for path in ("/works", "/studies/S1"):
        shown = text(page(plain_client, path))
        assert "Petrou P, 2025 (title not held)" in shown, path
    assert "2025 (title not held)" in text(page(plain_client, "/works/W1"))


def test_lists_page_with_links(plain_client: TestClient, plain_store: Store):
    with plain_store.writing() as session:
        for n in range(60):
            a_work(session, title=f"work {n}", year=2000)
    tree = page(plain_client, "/works?search=work&page=2")
    assert len(tree.xpath("//ol/li")) == 25
    assert "page 2 of 3" in text(tree)
    assert tree.xpath("//a[@rel='next']/@href")[0] == "/works?search=work&page=3"
    assert tree.xpath("//a[@rel='prev']/@href")[0] == "/works?search=work&page=1"
    assert tree.xpath("//input[@name='search']/@value") == ["work"]


def test_a_page_appears_in_a_browser(plain_store: Store, tmp_path: Path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed (Debian, Ubuntu: apt-get install chromium)")
    with plain_store.writing() as session:
        the_seed_study(session)
    app = create_app(Settings(_env_file=None), plain_store)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        seen = subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu",
                "--disable-background-networking", "--disable-dev-shm-usage",
                f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
                f"http://127.0.0.1:{port}/studies/S1",
            ],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
    finally:
        server.should_exit = True
        thread.join(timeout=20)
    shown = text(html.fromstring(seen.stdout))
    assert "Iacobaeus 2019" in shown
    assert "5 of 6" in shown
