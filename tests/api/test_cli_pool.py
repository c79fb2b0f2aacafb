"""`kb pool`: a table in, metafor's numbers out, on the terminal and as JSON."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.app import app
from kb.synthesis.effects import MEASURES
from tests.api.cli import json_of, kb
from tests.conftest import ROOT

DOCS = (ROOT / "docs" / "synthesis.md").read_text()

# BCG vaccine against tuberculosis: the first six trials of Colditz et al. (1994).
BCG = """study,year,ai,n1i,ci,n2i,alloc
Aronson 1948,1948,4,123,11,139,random
Ferguson & Simes 1949,1949,6,306,29,303,random
Rosenthal 1960,1960,3,231,11,220,random
Hart & Sutherland 1977,1977,62,13598,248,12867,random
Frimodt-Moller 1973,1973,33,5069,47,5808,alternate
Stein & Aronson 1953,1953,180,1541,372,1451,alternate
"""


@pytest.fixture
def bcg(tmp_path: Path) -> str:
    file = tmp_path / "bcg.csv"
    file.write_text(BCG)
    return str(file)


def test_a_table_is_pooled_and_shown_as_ratios(bcg: str) -> None:
    shown = kb("pool", bcg, "--measure", "OR")
    assert shown.exit_code == 0, shown.output
    # Numbers of metafor 3.8-1: rma(measure="OR", ...), and exp() of them.
    assert "Pooled odds ratio: 0.3497, 95% CI 0.2187 to 0.5594" in shown.stdout
    assert "Pooled log odds ratio (scale: log): -1.051, SE 0.2396" in shown.stdout
    assert "Aronson 1948" in shown.stdout


def test_json_holds_every_digit_under_metafors_names(bcg: str) -> None:
    found = json_of(kb("pool", bcg, "--measure", "OR", "--test", "knha", "--json"))
    assert found["k"] == 6
    assert found["tval"] == found["statistic"]
    assert {"estimate", "se", "pval", "ci.lb", "ci.ub", "tau2", "QE", "I2", "pi.lb"} <= set(found)
    assert found["options"]["test"] == "knha"


def test_a_table_comes_from_stdin_too() -> None:
    done = CliRunner().invoke(app, ["pool", "-", "--measure", "RR", "--json"], input=BCG)
    assert json_of(done)["measure"] == "RR"


def test_everything_can_be_asked_for_at_once(bcg: str) -> None:
    asked = (
        "--measure", "OR", "--method", "DL", "--subgroup", "alloc", "--cumulative", "year",
        "--leave-one-out", "--bias", "--trimfill", "--trimfill-estimator", "R0", "--influence",
        "--level", "90", "--add", "0.25", "--to", "all", "--drop00", "--vtype", "LS",
        "--without-origin", "imputed,digitised",
    )  # fmt: skip
    shown = kb("pool", bcg, *asked)
    assert shown.exit_code == 0, shown.output
    for words in ("90% CI", "Subgroups; between them", "Cumulative", "Leave one out", "Egger: t =",
                  "Trim and fill (R0)", "Influence"):  # fmt: skip
        assert words in shown.stdout
    found = json_of(kb("pool", bcg, *asked, "--json"))
    for part in ("subgroups", "cumulative", "leave_one_out", "bias", "trimfill", "influence"):
        assert found[part]
    assert [row["added"] for row in found["cumulative"]][:2] == [
        "Aronson 1948", "Ferguson & Simes 1949",
    ]  # fmt: skip
    assert found["options"]["without_origins"] == ["imputed", "digitised"]


def test_moderators_are_separated_by_commas_or_given_again(bcg: str) -> None:
    one = json_of(kb("pool", bcg, "--measure", "OR", "--mods", "year, alloc", "--json"))
    two = json_of(kb("pool", bcg, "--measure", "OR", "--mods", "year", "--mods", "alloc", "--json"))
    assert list(one["coef"]) == ["intrcpt", "year", "allocrandom"]
    assert one["coef"] == two["coef"]
    assert "allocrandom" in kb("pool", bcg, "--measure", "OR", "--mods", "alloc").stdout


@pytest.mark.parametrize("method", ["MH", "PETO", "GLMM"])
def test_counts_are_pooled_by_their_own_methods(bcg: str, method: str) -> None:
    shown = kb("pool", bcg, "--measure", "OR", "--method", method, "--leave-one-out")
    assert shown.exit_code == 0, shown.output
    assert f"[{method}, z]" in shown.stdout


def test_rows_left_out_are_named_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "prepost.csv"
    file.write_text("study,m1i,m2i,sd1i,sd2i,ri,ni\nA,5,6,1,1,0.6,7\nB,5.5,6,1,1,NA,6\n")
    shown = kb("pool", str(file), "--measure", "MC")
    (row,) = [line.split() for line in shown.stdout.splitlines() if "line 3" in line]
    assert row == ["B", "line", "3", "ri", "is", "not", "given"]
    assert "One study: its own result is shown" in shown.stdout


def test_without_a_measure_the_possible_ones_are_named(bcg: str) -> None:
    failed = kb("pool", bcg)
    assert failed.exit_code == 2
    assert "say --measure; these columns permit OR, RR, RD, AS, PETO" in failed.stderr


@pytest.mark.parametrize(
    ("text", "arguments", "code", "said"),
    [
        pytest.param(
            BCG.replace("4,123", "124,123"), (), 2, "line 2, ai: 124 is more", id="events"
        ),
        pytest.param(
            BCG.replace("4,123", "four,123"), (), 2, "line 2, ai: not a number", id="word"
        ),
        pytest.param(BCG, ("--method", "XX"), 2, "unknown method 'XX'", id="method"),
        pytest.param(BCG.splitlines()[0], (), 8, "no row gives an effect", id="no rows"),
        pytest.param("", (), 2, "an empty table", id="empty file"),
    ],
)
def test_what_cannot_be_pooled_ends_in_a_sentence(
    tmp_path: Path, text: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    file = tmp_path / "table.csv"
    file.write_text(text)
    failed = kb("pool", str(file), "--measure", "OR", *arguments)
    assert failed.exit_code == code, failed.output
    assert said in failed.stderr
    assert failed.stdout == ""


def test_a_file_that_is_not_there_is_wrong_input(tmp_path: Path) -> None:
    failed = kb("pool", str(tmp_path / "none.csv"), "--measure", "OR")
    assert failed.exit_code == 2
    assert "No such file" in failed.stderr


def test_the_example_of_the_documentation_comes_out_as_told(tmp_path: Path) -> None:
    found = re.search(r"```csv\n(.*?)```", DOCS, re.DOTALL)
    assert found
    file = tmp_path / "trials.csv"
    file.write_text(found[1])
    result = json_of(kb("pool", str(file), "--measure", "RR", "--json"))
    assert [study["slab"] for study in result["studies"]] == ["A", "B", "C", "D"]
    assert result["corrected"] == ["C"]
    assert result["left_out"] == [{"label": "E", "place": "line 6", "reason": "ai is not given"}]


@pytest.mark.parametrize("measure", MEASURES)
def test_the_documentation_names_the_columns_of_every_measure(measure: str) -> None:
    rows = [line.replace("\\|", "/") for line in DOCS.splitlines() if line.startswith("| `")]
    cells = [row.split("|") for row in rows if row.count("|") == 4]
    (row,) = [cell for cell in cells if f"`{measure}`" in cell[1]]
    columns = row[3].strip(" `").replace("/", "|").split()
    if columns == ["the", "same"]:
        columns = ["ai", "bi|n1i", "ci", "di|n2i"]
    assert sorted(columns) == sorted(MEASURES[measure].needs)
