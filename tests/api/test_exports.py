"""Exports over HTTP and from the command line: whole or nothing, and as many as the list counts."""

from __future__ import annotations

import csv
import io
import os
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import uvicorn
from fastapi.testclient import TestClient
from lxml import html
from python_calamine import CalamineWorkbook

from api.app import create_app
from kb.formats.outcome_tables.formats import FORMATS
from kb.models import tables as t
from kb.settings import Settings
from kb.store import outcome_exports
from kb.store.engine import Store
from tests import builders as a
from tests.api.cli import an_installation, its_store, json_of, kb

PATIENCE_S = 30


def a_trial(store: Store) -> None:
    """The seed study, and a trial of two arms one of whose denominators is not reported."""
    with store.writing() as session:
        a.the_seed_study(session)
        trial = a.a_study(session, "=SUM(A1)", "TRIAL")
        week = a.a_timepoint(session, trial, value=12, unit="week", days=84)
        arms = [a.an_arm(session, trial, role, role=role) for role in ("experimental", "control")]
        of_control: dict[str, dict[str, float]] = {"CDP12": {"n_analysed": 20}, "CDP24": {}}
        for code, n in of_control.items():
            common = {"timepoint": week, "statistic": "person_count"}
            common |= {"outcome": a.an_outcome(session, code)}
            a.a_result(session, arms[0], {"events": 2, "n_analysed": 21}, **common)
            a.a_result(session, arms[1], {"events": 5, **n}, **common)


@pytest.fixture
def base(plain_store: Store) -> Store:
    a_trial(plain_store)
    return plain_store


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True))


# -- over HTTP -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "json"])
def test_every_format_is_an_attachment_that_tells_the_count_of_the_list(
    plain_client: TestClient, base: Store, name: str
):
    answer = plain_client.get("/results", params={"format": name})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FORMATS[name].media_type
    assert FORMATS[name].filename in answer.headers["content-disposition"]
    listed = plain_client.get("/results").json()["meta"]["count"]
    assert int(answer.headers["x-total-count"]) == listed == 7


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="everything"),
        pytest.param({"filter": "outcome:T2_NEW,category:event"}, id="filter"),
        pytest.param({"study": "TRIAL"}, id="a field by itself"),
        pytest.param({"search": "lesions", "sort": "days:desc"}, id="words, sorted"),
        pytest.param({"filter": "days:>1000"}, id="nothing"),
    ],
)
def test_the_rows_of_an_export_are_those_the_list_has(client: TestClient, store: Store, asked):
    a_trial(store)
    listed = client.get("/results", params={**asked, "per_page": 100}).json()["results"]
    lines = client.get("/results", params={**asked, "format": "jsonl"}).content.splitlines()
    assert [orjson.loads(line) for line in lines] == listed
    table = client.get("/results", params={**asked, "format": "csv"}).content
    assert [row["result_id"] for row in rows_of(table)] == [r["id"] for r in listed]
    parquet = client.get("/results", params={**asked, "format": "parquet"}).content
    assert pq.read_table(io.BytesIO(parquet)).num_rows == len(listed)


def test_the_seeds_fractions_come_out_of_the_table_of_one_group(
    plain_client: TestClient, base: Store
):
    asked = {"format": "metafor-proportion", "filter": "study:MS_IACOBAEUS_2019"}
    found = rows_of(plain_client.get("/results", params=asked).content)
    told = [(row["timepoint"], row["xi"], row["ni"], row["xi_origin"]) for row in found]
    assert told == [("12 weeks", "1", "6", "computed"), ("48 weeks", "3", "5", "reported")]
    assert found[0]["derivations"].endswith("6 - 5 = 1 of 6 (complement)")
    assert {row["tissue"] for row in found} == {"bone marrow"}
    assert {(row["dose_per_kg_low"], row["dose_per_kg_high"]) for row in found} == {("1", "2")}
    assert {row["registrations"] for row in found} == {"NCT03778333"}


def test_a_two_by_two_table_does_not_make_nought_of_what_is_not_reported(
    plain_client: TestClient, base: Store
):
    found = rows_of(plain_client.get("/results?format=metafor-2x2").content)
    assert [(r["outcome"], r["ai"], r["n1i"], r["ci"], r["n2i"], r["di"]) for r in found] == [
        ("CDP12", "2", "21", "5", "20", "15"),
        ("CDP24", "2", "21", "5", "", ""),
    ]
    assert [r["is_usable"] for r in found] == ["TRUE", "FALSE"]
    assert {r["study"] for r in found} == {"'=SUM(A1)"}


def test_a_workbook_holds_results_tables_dictionary_and_what_was_left_out(
    plain_client: TestClient, base: Store, tmp_path: Path
):
    path = tmp_path / "export.xlsx"
    path.write_bytes(plain_client.get("/results?format=xlsx").content)
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names[:3] == ["about", "results", "metafor-2x2"]
    results = book.get_sheet_by_name("results").to_python()
    assert len(results) == 1 + 7
    described = {tuple(row[:2]) for row in book.get_sheet_by_name("dictionary").to_python()}
    for name in book.sheet_names[1:-1]:
        header = book.get_sheet_by_name(name).to_python()[0]
        told = "long" if name == "results" else name
        assert {(told, column) for column in header} <= described
    about = [[str(cell) for cell in row] for row in book.get_sheet_by_name("about").to_python()]
    assert ["results", "7.0", "as many as the list of results counts"] in about
    assert any("n2i not reported" in row for row in about)


def test_revman_is_told_what_the_package_leaves_out(plain_client: TestClient, base: Store):
    body = plain_client.get("/results?format=revman-web").content
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        left_out = package.read("outcomes-files/left-out.csv").decode("utf-8-sig")
    assert "n2i not reported" in left_out


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        pytest.param("text/csv", "text/csv", id="csv"),
        pytest.param("application/x-ndjson", "application/x-ndjson", id="lines of JSON"),
        pytest.param("text/csv;q=0.5, application/json", "application/json", id="rather JSON"),
        pytest.param("text/html, text/csv;q=0.1", "text/html", id="rather a page"),
        pytest.param("*/*", "application/json", id="anything"),
    ],
)
def test_the_accept_header_can_ask_for_a_table(
    plain_client: TestClient, base: Store, accept: str, media_type: str
):
    answer = plain_client.get("/results", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(media_type)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param("format=metafor", "metafor-2x2", id="no such format"),
        pytest.param("format=csv&page=2", "leave out page", id="a page of an export"),
        pytest.param("format=csv&select=id", "leave out select", id="fields of an export"),
        pytest.param("format=csv&r=0.5", "nothing to choose", id="a choice without a table"),
        pytest.param("shared_control=split", "nothing to choose", id="a choice for the list"),
        pytest.param("format=metafor-smcr&sort=days", "leave out sort", id="order of a table"),
        pytest.param("format=csv&filter=colour:red", "cannot filter", id="unknown filter"),
        pytest.param("format=metafor-smcr&r=2", "less than or equal to 1", id="no correlation"),
        pytest.param("format=metafor-smcr&one_per_window=best", "closest", id="no rule"),
    ],
)
def test_what_cannot_be_exported_is_an_error_and_not_a_file(
    plain_client: TestClient, base: Store, asked: str, said: str
):
    answer = plain_client.get(f"/results?{asked}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert "content-disposition" not in answer.headers


def test_the_page_of_results_links_to_every_format_with_its_filter(
    plain_client: TestClient, base: Store
):
    asked = {"filter": "study:TRIAL", "sort": "days", "page": "1", "format": "html"}
    tree = html.fromstring(plain_client.get("/results", params=asked).text)
    links = tree.xpath("//details[@class='exports']//a/@href")
    assert len(links) == len(FORMATS) - 1
    for link in links:
        answer = plain_client.get(f"{link}")
        assert (answer.status_code, answer.headers["x-total-count"]) == (200, "4"), link


# -- a connection that breaks --------------------------------------------------------------------


@contextmanager
def served(store: Store) -> Iterator[int]:
    """The port of a real server: the test client has no connection that could break."""
    app = create_app(Settings(_env_file=None), store)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)


def endless(results: list[Any], let_go: threading.Event, fails_after: int = 0) -> Any:
    """Reading that goes on for ever, or fails after a while; sets `let_go` when it is closed."""

    def read(*_: Any) -> Iterator[Any]:
        count = 0
        try:
            while True:
                yield from results
                count += len(results)
                if 0 < fails_after < count:
                    raise RuntimeError("the disk is gone")
        finally:
            let_go.set()

    return read


def held_results(store: Store) -> list[Any]:
    from kb.store.analysis_rows import each_result
    from kb.store.listing import Asked

    with store.reading() as session:
        return list(each_result(session, Asked()))


def test_a_failure_on_the_way_never_looks_like_a_whole_file(
    base: Store, monkeypatch: pytest.MonkeyPatch
):
    let_go = threading.Event()
    reads = endless(held_results(base), let_go, fails_after=2000)
    monkeypatch.setattr(outcome_exports, "each_result", reads)
    with served(base) as port, closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/results?format=jsonl")
        answer = connection.getresponse()
        assert answer.status == 200
        with pytest.raises(IncompleteRead):
            answer.read()
    assert let_go.is_set()


def test_a_failure_before_the_first_row_is_an_answer_of_its_own(
    base: Store, monkeypatch: pytest.MonkeyPatch
):
    let_go = threading.Event()
    reads = endless(held_results(base), let_go, fails_after=1)
    monkeypatch.setattr(outcome_exports, "each_result", reads)
    with served(base) as port, closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/results?format=jsonl")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
        answer.read()


def test_reading_stops_when_the_client_is_gone(base: Store, monkeypatch: pytest.MonkeyPatch):
    let_go = threading.Event()
    monkeypatch.setattr(outcome_exports, "each_result", endless(held_results(base), let_go))
    with served(base) as port:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(b"GET /results?format=jsonl HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert not let_go.is_set()
        connection.close()
        assert let_go.wait(PATIENCE_S)
        deadline = time.monotonic() + PATIENCE_S
        while base.engine.pool.checkedout() and time.monotonic() < deadline:  # type: ignore[attr-defined]
            time.sleep(0.02)
        assert base.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


# -- from the command line -----------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_base: Path) -> Path:
    folder = an_installation(monkeypatch, tmp_path)
    folder.mkdir()
    (folder / "kb.sqlite3").write_bytes(sqlite_base.read_bytes())
    store = its_store()
    a_trial(store)
    store.close()
    return tmp_path


def test_the_command_writes_what_the_address_sends(installed: Path, plain_client, base: Store):
    for name in ("csv", "metafor-2x2", "revman5"):
        done = kb("export", "outcomes", "--format", name)
        assert done.exit_code == 0, done.output
        sent = plain_client.get("/results", params={"format": name}).content
        assert done.stdout_bytes == sent, name


def test_a_file_is_written_whole_and_the_summary_said_beside_it(installed: Path):
    done = kb(
        "export", "outcomes", "--filter", "study:TRIAL", "--format", "metafor-2x2",
        "--output", "rows.csv", "--json",
    )  # fmt: skip
    summary = json_of(done)
    assert len(rows_of((installed / "rows.csv").read_bytes())) == summary["rows"] == 2
    assert (summary["results"], summary["usable"]) == (4, 1)
    assert summary["not_usable"] == {"n2i not reported": 1}
    assert [path.name for path in installed.glob("*rows*")] == ["rows.csv"]


def test_what_a_link_leads_to_is_written_and_a_pipe_stays_one(installed: Path, tmp_path: Path):
    (tmp_path / "link.csv").symlink_to("linked.csv")
    assert kb("export", "outcomes", "-o", str(tmp_path / "link.csv")).exit_code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "linked.csv").read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        arguments = ("--format", "metafor-2x2", "-o", str(pipe))
        assert kb("export", "outcomes", *arguments).exit_code == 0
        assert os.read(reader, 6) == b"study,"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_people_are_told_what_cannot_be_used(installed: Path):
    done = kb("export", "outcomes", "--format", "metafor-2x2")
    assert "2 rows of 1 study, 1 usable" in done.stderr
    assert "not usable: 1 row, n2i not reported" in done.stderr


def test_an_export_that_fails_leaves_the_file_that_was_there(
    installed: Path, monkeypatch: pytest.MonkeyPatch
):
    (installed / "rows.jsonl").write_text("before")
    store = its_store()
    reads = endless(held_results(store), threading.Event(), fails_after=2000)
    store.close()
    monkeypatch.setattr(outcome_exports, "each_result", reads)
    done = kb("export", "outcomes", "--format", "jsonl", "--output", "rows.jsonl")
    assert done.exit_code == 70
    assert (installed / "rows.jsonl").read_text() == "before"
    assert len(list(installed.glob("*rows*"))) + len(list(installed.glob(".rows*"))) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--format", "sas"), "no format 'sas'", id="format"),
        pytest.param(("--format", "csv", "--r", "0.5"), "nothing to choose", id="choice"),
        pytest.param(("--json",), "--output", id="two things on stdout"),
        pytest.param(("--filter", "colour:red"), "cannot filter", id="filter"),
        pytest.param(
            ("--format", "metafor-2x2", "--without-origin", "reported"), "cannot be dropped",
            id="origin",
        ),
        pytest.param(("-o", "nowhere/rows.csv"), "there is no folder", id="folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_with_its_exit_code(installed: Path, arguments, said: str):
    done = kb("export", "outcomes", *arguments)
    assert done.exit_code in (2, 5)
    assert said in done.stderr
    assert done.stdout == ""


def test_columns_are_explained_and_can_be_had_as_a_schema(installed: Path):
    assert (
        "Persons with the event in the experimental group"
        in kb("export", "columns", "--format", "metafor-2x2").stdout
    )
    schema = json_of(kb("export", "columns", "--format", "metafor-2x2", "--json"))
    assert schema["properties"]["n2i"]["type"] == ["number", "null"]


def test_a_choice_is_carried_into_the_rows(installed: Path):
    store = its_store()
    with store.writing() as session:
        study = a.a_study(session, "before and after")
        arm = a.an_arm(session, study, role="experimental")
        for days, statistic, mean in ((0, "baseline", 6.0), (84, "final", 5.5)):
            time = a.a_timepoint(session, study, days=days)
            cells = {"mean": mean, "sd": 1.0, "n_analysed": 10}
            a.a_result(session, arm, cells, timepoint=time, statistic=statistic)
        assert session.get(t.Study, study.id)
    store.close()
    done = kb("export", "outcomes", "--format", "metafor-smcr", "--r", "0.7")
    (row,) = rows_of(done.stdout_bytes)
    assert (row["m1i"], row["m2i"], row["sd1i"], row["ri"]) == ("5.5", "6", "1", "0.7")
    assert (row["ri_origin"], row["ri_rule"]) == ("imputed", "assumed-correlation")
