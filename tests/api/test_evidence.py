"""Curation tables sent over the network: all of them, or nothing."""

from typing import Any

from fastapi.testclient import TestClient

SOURCES = [
    {
        "key": "report",
        "kind": "abstract",
        "document": "10.3390/jcm8122102",
        "standing": "primary",
    }
]
JSON = {"Content-Type": "application/json"}
STUDIES = [{"study": "S_A", "label": "A study", "source": "report", "locator": "abstract"}]


def send(client: TestClient, source: str = "my-review", **tables: Any) -> Any:
    return client.post("/evidence", json={"source": source, "tables": tables})


def test_tables_sent_are_there_to_read(client: TestClient):
    answer = send(client, sources=SOURCES, studies=STUDIES)
    assert answer.status_code == 200, answer.text
    assert answer.json()["studies"] == {"new": 1}
    study = client.get("/studies/S_A").json()
    assert study["label"] == "A study"
    assert study["descriptions"][0]["evidence"]["document"] == "10.3390/jcm8122102"
    assert study["descriptions"][0]["n_treated"] is None


def test_the_same_tables_sent_again_change_nothing(client: TestClient):
    send(client, sources=SOURCES, studies=STUDIES)
    again = send(client, sources=SOURCES, studies=STUDIES)
    assert again.json()["is_unchanged"] is True
    assert client.get("/studies").json()["meta"]["count"] == 1


def test_one_wrong_cell_refuses_all_of_it_and_is_named(plain_client: TestClient):
    wrong = [{**STUDIES[0], "n_treated": "seven"}]
    answer = send(plain_client, sources=SOURCES, studies=wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "studies" in answer.json()["errors"][0]["parameter"]
    assert "n_treated" in answer.json()["errors"][0]["parameter"]
    assert plain_client.get("/studies").json()["meta"]["count"] == 0


def test_a_collection_cannot_pass_for_a_provider(plain_client: TestClient):
    for name in ("pubmed", "starter", "", "../x", "A B", "x" * 61):
        assert send(plain_client, name, sources=SOURCES, studies=STUDIES).status_code == 422, name


def test_what_is_no_set_of_tables_is_refused(plain_client: TestClient):
    for body in (
        b"",
        b"[]",
        b"{",
        b'{"source": "a"}',
        b'{"source": "a", "tables": {"studies": 1}}',
    ):
        answer = plain_client.post("/evidence", content=body, headers=JSON)
        assert answer.status_code == 422, body
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_no_set_of_tables_is_told_in_plain_words(plain_client: TestClient):
    for body, said in (
        (b"{", "body: not JSON"),
        (b'{"source": "a"}', "tables: missing"),
        (b'{"source": "a", "tables": {}}', "no tables (expected rows by table name"),
    ):
        answer = plain_client.post("/evidence", content=body, headers=JSON)
        assert answer.json()["detail"].startswith(said), body


def test_evidence_leads_to_the_row_it_was_entered_in(plain_client: TestClient):
    send(plain_client, sources=SOURCES, studies=STUDIES)
    study = plain_client.get("/studies/S_A").json()
    evidence = study["descriptions"][0]["evidence"]
    assert evidence["row"] == "studies.json:1"
    entered = f"/payloads/{evidence['payload_id']}/rows/1"
    assert plain_client.get(entered).json()["cells"] == STUDIES[0]
    page = plain_client.get("/studies/S_A", headers={"Accept": "text/html"}).text
    assert f'<a href="{entered}">studies.json:1</a>' in page
    assert "A study" in plain_client.get(entered, headers={"Accept": "text/html"}).text
    assert plain_client.get(f"/payloads/{evidence['payload_id']}/rows/2").status_code == 404


def test_text_that_no_database_holds_is_refused(client: TestClient):
    for label in (rb"a\u0000b", rb"a\ud800b"):
        rows = b'[{"study": "S_A", "label": "' + label + b'"}]'
        body = b'{"source": "x", "tables": {"studies": ' + rows + b"}}"
        answer = client.post("/evidence", content=body, headers=JSON)
        assert answer.status_code == 422, label


def test_half_a_character_is_refused_wherever_it_stands(plain_client: TestClient):
    for body in (
        rb'{"source": "\ud800", "tables": {"studies": []}}',
        rb'{"source": "a", "tables": {"\ud800": []}}',
        rb'{"source": "a", "tables": {"studies": [{"\ud800": "S"}]}}',
        rb'{"source": "a", "tables": {"studies": [{"study": "\ud800"}]}}',
    ):
        answer = plain_client.post("/evidence", content=body, headers=JSON)
        assert answer.status_code == 422, (body, answer.text)
