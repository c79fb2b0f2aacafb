"""Adverse events as tables for analysis: persons and events apart, serious and other apart, and
"well tolerated" never nought."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook

from kb.formats.outcome_tables.formats import FORMATS
from kb.models import tables as t
from kb.store.engine import Store
from tests import builders as a
from tests.api.cli import an_installation, filled, json_of, kb
from tests.conftest import ROOT


def some_trials(store: Store) -> None:
    """A trial of cells against placebo with all that adverse events are told by, and another that
    only says its cells were well tolerated."""
    with store.writing() as session:
        trial = a.a_study(session, "Trial", "TRIAL")
        cells = a.an_arm(session, trial, "msc", role="experimental")
        placebo = a.an_arm(session, trial, "placebo", role="control")
        a.of_arm(session, cells, t.CellProduct, tissue="bone marrow")
        week = a.a_timepoint(session, trial, value=24, unit="week", days=168)
        start = a.a_timepoint(session, trial, value=0, unit="day", days=0)

        def event(arm: t.Arm, persons: int | None, n: int | None, **more: object) -> None:
            state = "reported" if persons else "reported_zero"
            if persons is None and "event_count" not in more:
                state = "not_reported"
            values = {"timepoint_id": week.id, "state": state} | more
            a.an_adverse_event(session, arm, persons_affected=persons, n_at_risk=n, **values)

        event(cells, 3, 25, code="AE_SERIOUS", seriousness="serious", event_count=4)
        event(placebo, 0, 24, code="AE_SERIOUS", seriousness="serious", event_count=0)
        event(cells, 20, 25, code="AE_OTHER", seriousness="not serious")
        event(placebo, 18, 24, code="AE_OTHER", seriousness="not serious")
        for arm, n, persons in ((cells, 25, 1), (placebo, 24, 2)):
            event(arm, persons, n, term="Headache", seriousness="serious")
            event(arm, persons + 5, n, term="Headache", seriousness="not serious")
        event(cells, 2, 25, term="Fever", timepoint_id=start.id)
        event(placebo, 1, 24, term="fever", timepoint_id=start.id)
        event(cells, None, 25, code="AE_INFECTION", event_count=5, state="reported")
        event(placebo, 1, 24, code="AE_INFECTION")
        event(cells, 9, 25, code="AE_SERIOUS", seriousness="serious", status="superseded")
        other = a.a_study(session, "Tolerated", "OTHER")
        a.an_adverse_event(
            session, a.an_arm(session, other, "msc", role="experimental"), code="AE_ANY",
            state="not_reported", caveats=["safety_statement_only"],
        )  # fmt: skip


COUNT = 14


@pytest.fixture
def base(plain_store: Store) -> Store:
    some_trials(plain_store)
    return plain_store


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True))


def exported(client: TestClient, format: str, **asked: str) -> list[dict[str, str]]:
    answer = client.get("/adverse-events", params={**asked, "format": format})
    assert answer.status_code == 200, answer.text
    return rows_of(answer.content)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "json"])
def test_every_format_tells_the_count_of_the_list(plain_client: TestClient, base: Store, name: str):
    answer = plain_client.get("/adverse-events", params={"format": name})
    assert answer.status_code == 200, answer.text
    assert FORMATS[name].file_of("adverse-events") in answer.headers["content-disposition"]
    listed = plain_client.get("/adverse-events").json()["meta"]["count"]
    assert int(answer.headers["x-total-count"]) == listed == COUNT


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="everything"),
        pytest.param({"filter": "code:AE_SERIOUS"}, id="a code"),
        pytest.param({"filter": "tissue:bone marrow,persons_affected:>1"}, id="a moderator"),
        pytest.param({"search": "headache", "sort": "persons_affected:desc"}, id="words, sorted"),
    ],
)
def test_the_rows_are_those_the_list_has(client: TestClient, store: Store, asked: dict[str, str]):
    some_trials(store)
    listed = client.get("/adverse-events", params={**asked, "per_page": 100}).json()["results"]
    answer = client.get("/adverse-events", params={**asked, "format": "jsonl"})
    assert [orjson.loads(line) for line in answer.content.splitlines()] == listed
    table = exported(client, "csv", **asked)
    assert [row["event_id"] for row in table] == [event["id"] for event in listed]
    for row, event in zip(table, listed):
        for name in ("persons_affected", "n_at_risk", "event_count"):
            assert row[name] == ("" if event[name] is None else str(event[name]))


def test_persons_of_those_at_risk_stand_in_the_table_of_two_groups(
    plain_client: TestClient, base: Store
):
    found = exported(plain_client, "metafor-2x2")
    told = {
        row["outcome_title"]: tuple(row[name] for name in ("ai", "n1i", "ci", "n2i"))
        for row in found
    }
    assert told == {
        "Serious adverse event": ("3", "25", "0", "24"),
        "Adverse event that is not serious": ("20", "25", "18", "24"),
        "Headache (serious)": ("1", "25", "2", "24"),
        "Headache (not serious)": ("6", "25", "7", "24"),
        "Fever": ("2", "25", "1", "24"),
        "Infection": ("", "25", "1", "24"),
    }
    assert len(found) == len(told)
    (serious,) = [row for row in found if row["outcome"] == "AE_SERIOUS"]
    assert (serious["ci_state"], serious["ci_origin"]) == ("reported_zero", "reported")
    assert (serious["tissue"], serious["is_usable"]) == ("bone marrow", "TRUE")
    assert serious["evidence"]
    (infection,) = [row for row in found if row["outcome"] == "AE_INFECTION"]
    assert (infection["ai_state"], infection["is_usable"]) == ("not_reported", "FALSE")


def test_events_stand_in_the_table_of_rates_which_says_what_it_lacks(
    plain_client: TestClient, base: Store
):
    found = {row["outcome"]: row for row in exported(plain_client, "metafor-rate")}
    serious = found["AE_SERIOUS"]
    assert (serious["x1i"], serious["x2i"], serious["t1i"]) == ("4", "0", "")
    assert serious["why_not"] == "t1i not reported; t2i not reported"
    assert found["AE_INFECTION"]["x1i"] == "5"
    assert found["AE_OTHER"]["x1i"] == ""


def test_well_tolerated_is_never_nought(plain_client: TestClient, base: Store):
    (row,) = exported(plain_client, "metafor-proportion", filter="study:OTHER")
    assert (row["xi"], row["xi_state"], row["is_usable"]) == ("", "not_reported", "FALSE")
    assert "safety_statement_only" in row["caveats"]


def test_what_was_superseded_enters_no_table(plain_client: TestClient, base: Store):
    found = exported(plain_client, "metafor-proportion", filter="code:AE_SERIOUS")
    assert [(row["xi"], row["ni"]) for row in found] == [("3", "25")]
    assert len(exported(plain_client, "csv", filter="code:AE_SERIOUS")) == 3


def test_a_workbook_holds_events_and_tables(plain_client: TestClient, base: Store, tmp_path: Path):
    path = tmp_path / "export.xlsx"
    path.write_bytes(plain_client.get("/adverse-events?format=xlsx").content)
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names[:3] == ["about", "adverse events", "metafor-2x2"]
    assert len(book.get_sheet_by_name("adverse events").to_python()) == 1 + COUNT


def test_the_page_links_every_format(plain_client: TestClient, base: Store):
    page = plain_client.get("/adverse-events", headers={"accept": "text/html"}).text
    assert "/adverse-events?format=metafor-2x2" in page


def test_a_selection_of_adverse_events_is_pooled(plain_client: TestClient, base: Store):
    selection = {"of": "adverse_events", "table": "2x2", "filter": "code:AE_OTHER"}
    answer = plain_client.post("/synthesis", json={"selection": selection, "measure": "RD"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["k"] == 1
    assert found["estimate"] == pytest.approx(20 / 25 - 18 / 24)
    twice = plain_client.post(
        "/synthesis", json={"selection": {"of": "adverse_events", "table": "2x2"}}
    )
    assert twice.status_code == 422
    assert "more than once" in twice.text


# -- from the command line -----------------------------------------------------------------------


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_base: Path) -> Path:
    return filled(an_installation(monkeypatch, tmp_path), starter_base)


def test_the_starters_events_are_exported_whole(installation: Path, tmp_path: Path):
    with (ROOT / "kb/starter/adverse_events.csv").open(encoding="utf-8", newline="") as file:
        listed = len(list(csv.DictReader(file)))
    told = json_of(kb("export", "adverse-events", "-o", str(tmp_path / "all.csv"), "--json"))
    assert told["results"] == told["rows"] == listed > 100
    rows = rows_of((tmp_path / "all.csv").read_bytes())
    assert len(rows) == listed
    silent = [row for row in rows if row["state"] == "not_reported"]
    assert silent
    assert {(row["persons_affected"], row["event_count"]) for row in silent} == {("", "")}


METAFOR = """
suppressMessages(library(metafor))
rows <- read.csv(commandArgs(TRUE)[1])
rows <- rows[rows$is_usable, ]
es <- escalc("OR", ai=ai, bi=bi, ci=ci, di=di, slab=slab, data=rows)
cat(nrow(es), sprintf("%.12g", c(es$yi, es$vi)), sep="\\n")
"""


def test_metafor_reads_the_table_of_two_groups(installation: Path, tmp_path: Path):
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not installed (R with the package metafor)")
    path = tmp_path / "serious.csv"
    asked = ("export", "adverse-events", "--format", "metafor-2x2", "-o", str(path))
    assert kb(*asked).exit_code == 0
    script = tmp_path / "read.R"
    script.write_text(METAFOR)
    done = subprocess.run(
        [rscript, str(script), str(path)], capture_output=True, text=True, check=False
    )
    if "there is no package" in done.stderr:
        pytest.skip("R lacks the package metafor")
    assert done.returncode == 0, done.stderr
    k, *numbers = [float(line) for line in done.stdout.split()]
    rows = [row for row in rows_of(path.read_bytes()) if row["is_usable"] == "TRUE"]
    assert k == len(rows) > 5
    assert len(numbers) == 2 * k
    first = {name: float(rows[0][name]) for name in ("ai", "bi", "ci", "di")}
    if all(first.values()):
        variance = sum(1 / value for value in first.values())
        assert numbers[len(rows)] == pytest.approx(variance)


def test_a_bundle_of_adverse_events_says_what_it_is_of(installation: Path, tmp_path: Path):
    out = tmp_path / "serious"
    result = kb(
        "export", "bundle", "--of", "adverse-events", "--code", "AE_SERIOUS", "--table",
        "proportion", "--keep-dependent", "-o", str(out),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    snapshot = json.loads((out / "snapshot.json").read_text())
    assert snapshot["of"] == "adverse events"
    assert rows_of((out / "data/outcomes.csv").read_bytes())[0]["event_id"]
    assert (
        kb("export", "bundle", "--of", "x", "--table", "2x2", "-o", str(out) + "2").exit_code == 2
    )


def test_columns_of_adverse_events_are_told(installation: Path):
    schema = json_of(kb("export", "columns", "--of", "adverse-events", "--json"))
    assert "persons_affected" in schema["properties"]
