"""A filled workbook sent over the network: as the tables in JSON, or refused cell by cell."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from kb.formats.workbook import MEDIA_TYPE, write_template

SOURCES = [{"key": "report", "kind": "abstract", "document": "d", "standing": "primary"}]
STUDY = {"study": "S_A", "label": "A study", "source": "report", "locator": "abstract"}


def send(client: TestClient, body: bytes, source: str | None = "my-review") -> Any:
    return client.post(
        "/evidence",
        params={"source": source} if source else {},
        content=body,
        headers={"Content-Type": MEDIA_TYPE},
    )


def a_workbook(**cells: str) -> bytes:
    return write_template([], {"sources": SOURCES, "studies": [{**STUDY, **cells}]})


def test_a_workbook_sent_is_there_to_read_and_sent_again_changes_nothing(client: TestClient):
    answer = send(client, a_workbook())
    assert answer.status_code == 200, answer.text
    assert answer.json()["studies"] == {"new": 1}
    assert answer.json()["warnings"] == []
    assert client.get("/studies/S_A").json()["label"] == "A study"
    assert send(client, a_workbook()).json()["is_unchanged"] is True


def test_evidence_leads_to_the_row_of_the_sheet_and_to_the_workbook(plain_client: TestClient):
    send(plain_client, a_workbook())
    evidence = plain_client.get("/studies/S_A").json()["descriptions"][0]["evidence"]
    assert evidence["row"] == "studies:2"
    row = plain_client.get(f"/payloads/{evidence['payload_id']}/rows/2").json()
    assert row["cells"] == STUDY
    assert plain_client.get(f"/payloads/{evidence['payload_id']}/rows/1").status_code == 404
    page = plain_client.get("/studies/S_A", headers={"Accept": "text/html"}).text
    assert f'/payloads/{evidence["payload_id"]}/rows/2">studies:2</a>' in page
    workbooks = [
        plain_client.get(f"/payloads/{number}").json()
        for number in range(1, evidence["payload_id"] + 3)
    ]
    assert "table workbook.xlsx" in [payload.get("request") for payload in workbooks]


def test_a_wrong_cell_refuses_all_of_it_and_is_named_for_programs(plain_client: TestClient):
    answer = send(plain_client, a_workbook(n_treated="seven"))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert (error["table"], error["row"], error["column"]) == ("studies", "2", "n_treated")
    assert error["parameter"] == f"studies!{error['cell']} n_treated"
    assert (error["code"], error["value"]) == ("word-for-number", "seven")
    assert plain_client.get("/studies").json()["meta"]["count"] == 0


def test_a_workbook_needs_the_name_of_its_collection(plain_client: TestClient):
    for source in (None, "starter", "A B"):
        assert send(plain_client, a_workbook(), source).status_code == 422
    assert "?source=" in send(plain_client, a_workbook(), None).json()["detail"]


def test_what_is_no_workbook_is_refused_in_words(plain_client: TestClient):
    for body in (b"", b"study\nS\n", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        answer = send(plain_client, body)
        assert answer.status_code == 422, body
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_description_of_the_api_names_both_ways(plain_client: TestClient):
    document = plain_client.get("/openapi.json").json()
    body = document["paths"]["/evidence"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", MEDIA_TYPE}
    assert set(body["application/json"]["schema"]["properties"]) == {
        "source",
        "tables",
        "extractor",
        "who",
        "why",
    }
