"""`kb evidence`: tables come in whole or not at all, and numbers are checked against abstracts."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from kb import starter
from tests.api.cli import an_installation, json_of, kb


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return an_installation(monkeypatch, tmp_path)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A folder of tables: those of the starter evidence."""
    folder = tmp_path / "tables"
    folder.mkdir()
    for table in starter.folder().glob("*.csv"):
        shutil.copy(table, folder)
    return folder


def test_tables_come_in_once(tables: Path) -> None:
    first = json_of(kb("evidence", "import", str(tables), "--name", "my-review", "--json"))
    assert first["source"] == "my-review"
    assert first["counts"]["studies"]["new"] > 0
    assert kb("study", "MS_IACOBAEUS_2019").exit_code == 0
    again = json_of(kb("evidence", "import", str(tables), "--name", "my-review", "--json"))
    assert again["counts"]["studies"] == {
        "new": 0, "changed": 0, "unchanged": first["counts"]["studies"]["new"]
    }  # fmt: skip
    shown = kb("evidence", "import", str(tables), "--name", "my-review")
    (row,) = [r for r in shown.stdout.splitlines() if "studies" in r]
    assert row.split() == ["studies", "0", "0", str(first["counts"]["studies"]["new"])]


def test_a_dry_run_writes_nothing(tables: Path, installation: Path) -> None:
    result = kb("evidence", "import", str(tables), "--name", "my-review", "--dry-run")
    assert result.exit_code == 0
    assert "No mistakes" in result.stdout
    assert "Nothing was written" in result.stdout
    assert not installation.exists()


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry run", "import"])
def test_a_mistake_is_named_with_its_place_and_imports_nothing(
    tables: Path, installation: Path, dry_run: bool
) -> None:
    results = tables / "results.csv"
    lines = results.read_text().splitlines()
    header = lines[0].split(",")
    cells = lines[1].split(",")
    cells[header.index("n")] = "five"
    results.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    arguments = ["evidence", "import", str(tables), "--name", "my-review"]
    result = kb(*arguments, *(["--dry-run"] if dry_run else []), "--json")
    assert result.exit_code == 2
    assert "results.csv:2" in result.stderr
    (error,) = orjson.loads(result.stdout)["errors"]
    assert (error["file"], error["line"], error["column"]) == ("results.csv", 2, "n")
    assert not installation.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("starter", "'starter' is taken", id="the starter's"),
        pytest.param("crossref", "'crossref' is taken", id="a source's"),
        pytest.param("My Review", "not a name of a collection", id="not a name"),
    ],
)
def test_a_collection_cannot_take_another_ones_name(tables: Path, name: str, said: str) -> None:
    result = kb("evidence", "import", str(tables), "--name", name)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    result = kb("evidence", "import", str(tmp_path / "nowhere"), "--name", "my-review")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_numbers_are_checked_against_the_abstracts_held() -> None:
    assert kb("init").exit_code == 0
    everything = json_of(kb("evidence", "check", "--json"))
    of_seed = json_of(kb("evidence", "check", "--study", "MS_IACOBAEUS_2019", "--json"))
    assert 0 < len(of_seed) < len(everything)
    assert len({finding["study"] for finding in of_seed}) == 1
    shown = kb("evidence", "check", "--study", "MS_IACOBAEUS_2019").stdout
    assert f"{len(of_seed)} statements taken from abstracts" in shown
    assert kb("evidence", "check", "--study", "S9999").exit_code == 3
    # Nothing was fetched yet, and the user is told what would fetch it.
    assert f"kb ingest work {of_seed[0]['work']}" in shown
