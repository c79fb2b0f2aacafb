"""`kb outcomes template` and `kb outcomes import`: a workbook goes out and comes back filled."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from kb.formats.curation_columns import TABLES
from kb.formats.tables import Findings
from kb.formats.workbook import read_sheets, write_template
from tests.api.cli import an_installation, json_of, kb

SOURCES = [{"key": "report", "kind": "abstract", "document": "d", "standing": "primary"}]
STUDIES = [{"study": "S_A", "label": "A study", "source": "report", "locator": "abstract"}]


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return an_installation(monkeypatch, tmp_path)


def filled(path: Path, **cells: str) -> str:
    rows = {"sources": SOURCES, "studies": [{**STUDIES[0], **cells}]}
    path.write_bytes(write_template([], rows))
    return str(path)


def test_a_filled_workbook_comes_in_once(tmp_path: Path) -> None:
    file = filled(tmp_path / "filled.xlsx")
    arguments = ["outcomes", "import", file, "--name", "my-review"]
    tried = kb(*arguments, "--dry-run")
    assert "No mistakes: 0 works, 0 lists, 1 studies" in tried.stdout
    assert kb("study", "S_A").exit_code != 0
    assert json_of(kb(*arguments, "--json"))["counts"]["studies"]["new"] == 1
    assert kb("study", "S_A").exit_code == 0
    again = json_of(kb(*arguments, "--json"))["counts"]["studies"]
    assert again == {"new": 0, "changed": 0, "unchanged": 1}


def test_a_mistake_is_named_with_sheet_and_cell_and_imports_nothing(
    tmp_path: Path, installation: Path
) -> None:
    file = filled(tmp_path / "filled.xlsx", year="19", n_treated="7?")
    result = kb("outcomes", "import", file, "--name", "my-review", "--json")
    assert result.exit_code == 2
    errors = orjson.loads(result.stdout)["errors"]
    assert [(e["sheet"], e["row"], e["column"], e["value"], e["code"]) for e in errors] == [
        ("studies", 2, "year", "19", "not-a-year"),
        ("studies", 2, "n_treated", "7?", "remark-in-number"),
    ]
    for error in errors:
        assert f"studies!{error['cell']}: {error['column']}: {error['message']}" in result.stderr
    assert "nothing imported, 2 mistakes" in result.stderr
    assert not installation.exists()


def test_of_very_many_mistakes_the_first_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    rows = [{**STUDIES[0], "study": f"S_{n}", "label": f"L {n}", "year": "x"} for n in range(120)]
    (tmp_path / "f.xlsx").write_bytes(write_template([], {"sources": SOURCES, "studies": rows}))
    result = kb("outcomes", "import", str(tmp_path / "f.xlsx"), "--name", "my-review")
    assert "... and 20 more (--json lists all)" in result.stderr
    assert "120 mistakes" in result.stderr


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        pytest.param("f.xlsx", b"study\nS\n", "a text file, not a workbook", id="text"),
        pytest.param("f.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file", id="xls"),
        pytest.param("f.xlsx", None, "is not there", id="no file"),
    ],
)
def test_a_file_that_is_no_workbook_is_refused(
    tmp_path: Path, name: str, body: bytes | None, said: str
) -> None:
    if body is not None:
        (tmp_path / name).write_bytes(body)
    result = kb("outcomes", "import", str(tmp_path / name), "--name", "my-review")
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_a_template_lists_the_outcomes_of_a_condition_and_keeps_a_file_that_is_there(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ms.xlsx"
    assert kb("outcomes", "template", "--xlsx", str(file), "--condition", "ms").exit_code == 0
    body = file.read_bytes()
    again = kb("outcomes", "template", "--xlsx", str(file))
    assert again.exit_code == 4
    assert "--force" in again.stderr
    assert file.read_bytes() == body
    assert kb("outcomes", "template", "--xlsx", str(file), "--force").exit_code == 0
    assert file.read_bytes() != body
    assert kb("outcomes", "template", "--xlsx", str(tmp_path / "ms.xls")).exit_code == 2
    wrong = kb("outcomes", "template", "--xlsx", str(tmp_path / "b.xlsx"), "--condition", "x")
    assert (wrong.exit_code, "expected a condition" in wrong.stderr) == (2, True)


def test_a_template_of_a_study_held_starts_from_its_arms_and_lacks_only_what_was_read(
    tmp_path: Path,
) -> None:
    assert kb("init").exit_code == 0
    file = tmp_path / "petrou.xlsx"
    written = kb("outcomes", "template", "--xlsx", str(file), "--study", "MS_PETROU_2020")
    assert written.exit_code == 0, written.output
    findings = Findings()
    tables, _ = read_sheets(file.read_bytes(), TABLES, findings)
    arms = [row.text("arm") for row in tables["arms"]]
    assert len(arms) == 3
    assert {row.text("registration") for row in tables["study_registrations"]} == {"NCT02166021"}
    assert tables["works"][0].text("pmid") == "33253391"
    result = kb("outcomes", "import", str(file), "--name", "my-review", "--json")
    missing = {error["code"] for error in orjson.loads(result.stdout)["errors"]}
    assert missing == {"missing-kind", "missing-locator"}
