"""Appraisals over the network, on pages and from the command line."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient

from kb.store.engine import Store
from tests.api.cli import an_installation, filled, its_store, json_of, kb
from tests.builders import a_study

HTML = {"Accept": "text/html"}
TABLE = "study,tool,version,assessor,item,answer,support\n" + "".join(
    f"S_A,RoB 2,2019,anna,D{n},Low,<b>why</b>\n" for n in range(1, 6)
)


@pytest.fixture
def held(plain_client: TestClient, plain_store: Store) -> TestClient:
    with plain_store.writing() as session:
        a_study(session, "A trial", "S_A")
    answer = plain_client.post("/appraisals", json={"table": TABLE})
    assert answer.json() == {"new": 1, "changed": 0, "unchanged": 0}
    return plain_client


def test_judgements_are_read_with_tool_version_and_support(held: TestClient) -> None:
    (found,) = held.get("/appraisals?study=S_A").json()["results"]
    assert (found["tool"], found["version"], found["overall"]) == ("RoB 2", "2019", "Low")
    assert found["judgements"][0] == {
        "item": "D1", "title": "Randomisation process", "answer": "Low",
        "support": "<b>why</b>", "locator": None,
    }  # fmt: skip
    assert held.get("/studies/S_A/appraisals").json()["meta"]["count"] == 1
    assert held.get("/appraisals?tool=MINORS").json()["meta"]["count"] == 0


def test_robvis_gets_its_table(held: TestClient) -> None:
    answer = held.get("/appraisals/robvis?tool=RoB 2")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text == "Study,D1,D2,D3,D4,D5,Overall\r\nA trial,Low,Low,Low,Low,Low,Low\r\n"
    assert held.get("/appraisals/robvis?tool=MINORS").text == "Study,1,2,3,4,5,6,7,8,Overall\r\n"
    assert held.get("/appraisals/robvis").status_code == 422


def test_pages_print_support_as_text(held: TestClient) -> None:
    for path in ("/appraisals", "/studies/S_A/appraisals", "/studies/S1"):
        page = held.get(path, headers=HTML)
        assert page.status_code == 200
        assert "Randomisation process" in page.text
        assert "<b>why</b>" not in page.text
    for path in ("/appraisal-tools", "/completeness"):
        assert held.get(path, headers=HTML).status_code == 200
    assert held.get("/appraisal-tools").json()["meta"]["count"] == 8


def test_a_mistake_in_a_table_is_named(held: TestClient) -> None:
    answer = held.post("/appraisals", json={"table": TABLE.replace("D5,Low", "D5,Grave")})
    assert (answer.status_code, answer.headers["content-type"]) == (
        422, "application/problem+json",
    )  # fmt: skip
    assert answer.json()["errors"][0]["parameter"] == "line 6 answer"
    unknown = held.post("/appraisals", json={"table": TABLE.replace("S_A", "S_X")})
    assert unknown.status_code == 422


def test_single_arm_evidence_is_told_what_it_cannot_say(plain_client: TestClient) -> None:
    row = {"outcome": "New T2 lesions", "body": "single-arm", "studies": 9, "participants": 133}
    (found,) = plain_client.post("/summary-of-findings", json=[row]).json()
    assert found["certainty"] == "low"
    assert found["cannot_say"].startswith("No comparator")
    wrong = plain_client.post("/summary-of-findings", json=[{**row, "assumed_risk": 0.2}])
    assert wrong.status_code == 422
    assert "row 1" in wrong.json()["detail"]
    assert plain_client.post("/summary-of-findings", json=[]).status_code == 422


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        pytest.param(rb'"outcome": "\ud800"', "outcome '\\ud800'", id="half a character"),
        pytest.param(b'"studies": 1e400', "studies inf (expected a whole number)", id="inf"),
        pytest.param(b'"studies": 1' + b"0" * 30, "(expected a count)", id="beyond counting"),
        pytest.param(b'"assumed_risk": 1' + b"0" * 400, "(expected a number below", id="huge"),
    ],
)
def test_odd_cells_of_a_findings_row_are_mistakes_of_the_request(
    plain_client: TestClient, cell: bytes, says: str
) -> None:
    row = b'[{"outcome": "Fever", "body": "randomised", "studies": 2, %s}]' % cell
    answer = plain_client.post(
        "/summary-of-findings", content=row, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_the_command_imports_lists_and_exports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_base: Path
) -> None:
    filled(an_installation(monkeypatch, tmp_path), starter_base)
    store = its_store()
    with store.writing() as session:
        a_study(session, "A trial", "S_A")
    store.close()
    table, rows = tmp_path / "judgements.csv", tmp_path / "rows.json"
    table.write_text(TABLE)
    assert "Nothing was written" in kb("appraisal", "import", str(table), "--dry-run").stdout
    assert json_of(kb("appraisal", "import", str(table), "--json"))["new"] == 1
    assert "Randomisation process: Low" in kb("appraisal", "list", "--study", "S_A").stdout
    assert kb("appraisal", "export", "--tool", "RoB 2").stdout.startswith("Study,D1")
    assert json_of(kb("appraisal", "tools", "--json"))[0]["name"] == "RoB 2"
    assert kb("appraisal", "completeness").exit_code == 0
    rows.write_bytes(
        orjson.dumps(
            [
                {
                    "outcome": "Fever",
                    "body": "randomised",
                    "studies": 20,
                    "assumed_risk": 0.05,
                    "effect": {"measure": "RR", "estimate": 2.48, "ci_low": 1.27, "ci_high": 4.86},
                    "steps": [{"domain": "imprecision", "levels": -1, "reason": "wide"}],
                }
            ]
        )
    )
    shown = kb("appraisal", "sof", str(rows))
    assert "124 (64 to 243)" in shown.stdout
    assert json_of(kb("appraisal", "sof", str(rows), "--json"))[0]["certainty"] == "moderate"
    table.write_text(TABLE.replace("D1,Low", "D1,Grave"))
    wrong = kb("appraisal", "import", str(table))
    assert wrong.exit_code == 2
    assert "line 2, answer" in wrong.output
    assert kb("appraisal", "import", str(tmp_path / "none.csv")).exit_code == 2
