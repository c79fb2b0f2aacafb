"""Reference files over the API: the file is the body, the answer says what became of it."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import guard
from kb.store.engine import Store
from tests.reference_files import TITLES, article, ris

BODY = ris(article(TITLES[0], ID="a1"), article(TITLES[1], ID="a2", DO="10.1234/1"))


def test_a_file_is_brought_in_and_told_of(client: TestClient, store: Store):
    answer = client.post("/imports?filename=embase.ris&who=dora", content=BODY)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["source"], made["format"], made["records"]) == ("embase", "ris", 2)
    assert made["this_run"] == {
        "new_works": 2, "joined": 0, "unsure": 0, "changed": 0, "unchanged": 0, "unsaved": 0,
    }  # fmt: skip
    assert answer.headers["location"] == f"/imports/{made['id']}"
    told = client.get(answer.headers["location"]).json()
    assert (told["file_name"], told["who"], told["new_works"]) == ("embase.ris", "dora", 2)
    (listed,) = client.get("/imports").json()["results"]
    assert listed == {name: value for name, value in told.items() if name != "not_read"}
    assert client.get("/works?source=embase").json()["meta"]["count"] == 2
    assert client.get(f"/payloads/{told['payload_id']}/body").content == BODY


def test_the_same_file_again_is_no_new_import(plain_client: TestClient):
    first = plain_client.post("/imports?source=embase-2026-11", content=BODY)
    again = plain_client.post("/imports?source=embase-2026-11", content=BODY)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == again.headers["location"]
    assert (again.json()["written"], again.json()["this_run"]["unchanged"]) == (0, 2)
    assert plain_client.get("/imports").json()["meta"]["count"] == 1


def test_a_dry_run_tells_each_record_and_keeps_nothing(plain_client: TestClient):
    body = b'[{"id":"k1","type":"book","title":"A book"}, 7]'
    answer = plain_client.post("/imports?dry_run=true&filename=my.json", content=body)
    assert answer.status_code == 200
    told = answer.json()
    (record,) = told["records"]
    assert (record["title"], record["type"], record["label"]) == ("A book", "book", "k1")
    assert record["position"]
    assert "abstract" not in record
    (part,) = told["unreadable"]
    assert part["reason"]
    assert part["position"]
    assert told["counts"] == {"records": 1, "with_warnings": 0, "unreadable": 1}
    assert plain_client.get("/imports").json()["meta"]["count"] == 0
    assert plain_client.get("/works").json()["meta"]["count"] == 0


@pytest.mark.parametrize(
    ("asked", "body", "status", "said"),
    [
        pytest.param("filename=a.pdf", b"%PDF-1.7\n1 0 obj", 422, "a PDF", id="PDF"),
        pytest.param("format=ris", b"%PDF-1.7\n1 0 obj", 422, "a PDF", id="PDF called RIS"),
        pytest.param("dry_run=true", b"%PDF-1.7\n1 0 obj", 422, "a PDF", id="PDF to look at"),
        pytest.param("", b"", 422, "empty", id="nothing"),
        pytest.param("format=docx", BODY, 422, "expected json, html, ris", id="unknown format"),
        pytest.param("source=Embase%202", BODY, 422, "not a name", id="no name"),
        pytest.param("source=pubmed", BODY, 422, "is taken", id="name of a source"),
        pytest.param("map=title", BODY, 422, "expected Titel=title", id="no column"),
        pytest.param("colour=blue", BODY, 422, "known: ", id="unknown parameter"),
    ],
)
def test_what_cannot_be_brought_in_is_said(
    plain_client: TestClient, asked: str, body: bytes, status: int, said: str
):
    answer = plain_client.post(f"/imports?{asked}", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert said in answer.json()["detail"]
    assert plain_client.get("/imports").json()["meta"]["count"] == 0


def test_a_form_is_told_to_be_a_file(plain_client: TestClient):
    answer = plain_client.post("/imports", files={"file": ("embase.ris", BODY)})
    assert answer.status_code == 415
    assert "--data-binary" in answer.json()["detail"]


def test_a_file_beyond_the_limit_is_too_large(
    plain_client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(guard, "_LARGER", {"/imports": 100})
    for content in (BODY, iter([BODY[:80], BODY[80:]])):  # its length told beforehand, and not
        answer = plain_client.post("/imports", content=content)
        assert answer.status_code == 413
        assert "larger than 100 bytes" in answer.json()["detail"]


def test_bringing_in_needs_a_token_where_there_are_tokens(client_of: Callable[..., TestClient]):
    client = client_of(api_tokens=("secret",))
    assert client.post("/imports", content=BODY).status_code == 401
    answer = client.post("/imports", content=BODY, headers={"Authorization": "Bearer secret"})
    assert answer.status_code == 201


def test_what_could_not_be_read_stands_with_the_import(plain_client: TestClient):
    body = b'[{"id":"k1","type":"book","title":"A book"}, 7]'
    made = plain_client.post("/imports?filename=my.json", content=body).json()
    assert (made["records"], made["unreadable"]) == (1, 1)
    told: dict[str, Any] = plain_client.get(f"/imports/{made['id']}").json()
    assert told["not_read"] == made["not_read"] != []
    page = plain_client.get(f"/imports/{made['id']}", headers={"Accept": "text/html"}).text
    assert told["not_read"][0]["position"] in page


def test_the_page_of_imports_counts_what_a_flow_diagram_asks_for(plain_client: TestClient):
    plain_client.post("/imports?filename=embase.ris", content=BODY)
    plain_client.post("/imports?filename=scopus.ris", content=BODY)
    page = plain_client.get("/imports", headers={"Accept": "text/html"}).text
    for text in ("embase.ris", "scopus.ris", "/works?source=scopus", "Duplicates"):
        assert text in page


@pytest.mark.parametrize("path", ["/imports/9", "/imports/99999999999"])
def test_an_import_that_is_not_there_is_not_found(plain_client: TestClient, path: str):
    assert plain_client.get(path).status_code == 404


def test_columns_of_a_table_are_named(plain_client: TestClient):
    body = "Titel;Wer;Wann\nZellen als Medikament;Müller, Jörg;2019\n".encode()
    asked = {"filename": "my.csv", "map": ["Titel=title", "Wer=authors", "Wann=year"]}
    made = plain_client.post("/imports", params=asked, content=body)
    assert made.status_code == 201, made.text
    assert made.json()["columns"] == {"title": "Titel", "authors": "Wer", "year": "Wann"}
    (work,) = plain_client.get("/works").json()["results"]
    assert (work["title"], work["year"]) == ("Zellen als Medikament", 2019)
