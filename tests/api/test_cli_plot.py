"""`kb plot`: pictures into files and pipes, and the data behind them."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from lxml import etree

from tests.api.cli import an_installation, json_of, kb
from tests.pictures.test_of_analysis import BCG, PROPORTIONS
from tests.pictures.test_rob import ROBVIS

PRISMA = b"key,n\ndatabase_results,100\nrecords_screened,90\nduplicates,9\nexcluded_automatic,0\n"
PRISMA += b"excluded_other,0\nregister_results,0\n"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    an_installation(monkeypatch, tmp_path)
    for name, body in (
        ("bcg.csv", BCG),
        ("edss.csv", PROPORTIONS),
        ("robvis.csv", ROBVIS),
        ("counts.csv", PRISMA),
    ):
        (tmp_path / name).write_bytes(body)
    return tmp_path


FOREST = ("plot", "forest", "bcg.csv", "--measure", "OR")
ALL = [
    pytest.param(FOREST, id="forest"),
    pytest.param(("plot", "funnel", "bcg.csv", "--measure", "RR", "--contours"), id="funnel"),
    pytest.param(("plot", "rob", "robvis.csv", "--tool", "RoB 2"), id="rob"),
    pytest.param(("plot", "rob-summary", "robvis.csv", "--tool", "RoB 2"), id="rob-summary"),
    pytest.param(("plot", "prisma", "counts.csv"), id="prisma"),
]


@pytest.mark.parametrize("command", ALL)
def test_each_plot_is_an_svg_on_stdout(command):
    result = kb(*command)
    assert result.exit_code == 0, result.output
    assert etree.fromstring(result.stdout_bytes).get("role") == "img"


@pytest.mark.parametrize("command", ALL)
def test_each_plot_gives_its_data_as_json_with_the_description(command):
    result = kb(*command, "--json")
    assert result.exit_code == 0, result.output
    assert len(json_of(result)["description"]) > 20


@pytest.mark.parametrize(
    ("name", "magic"), [("f.svg", b"<svg "), ("f.pdf", b"%PDF-"), ("F.PNG", b"\x89PNG")]
)
def test_the_name_of_the_file_decides_the_format(folder, name, magic):
    result = kb(*FOREST, "--out", name)
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert (folder / name).read_bytes().startswith(magic)


def test_the_format_that_is_named_goes_before_the_name_of_the_file(folder):
    kb(*FOREST, "--out", "f.svg", "--format", "png", "--dpi", "72")
    assert (folder / "f.svg").read_bytes().startswith(b"\x89PNG")


def test_data_and_picture_can_be_had_together(folder):
    assert json_of(kb(*FOREST, "--json", "--out", "f.svg"))["measure"] == "Odds ratio"
    assert (folder / "f.svg").exists()


def test_a_forest_plot_takes_the_words_it_is_given():
    result = kb(
        *FOREST, "--arms", "BCG,nothing", "--favours", "BCG,no BCG", "--title", "Tuberculosis",
        "--subgroup", "alloc", "--limits", "0.1,10",
    )  # fmt: skip
    for text in ("BCG", "nothing", "Favours no BCG", "Tuberculosis", "random", "alternate"):
        assert f">{text}</text>" in result.stdout


def test_rows_of_imputed_values_can_be_left_out():
    found = json_of(kb(*FOREST, "--without-origin", "imputed", "--json"))
    assert found["pooled"][0]["k"] == 2
    assert "n2i is imputed" in found["description"]


def test_a_prisma_flow_whose_counts_disagree_is_drawn_and_says_so():
    result = kb("plot", "prisma", "counts.csv")
    assert result.exit_code == 0
    assert "= 91, not 90 records screened" in result.stderr
    assert json_of(kb("plot", "prisma", "counts.csv", "--json"))["problems"] != []
    strict = kb("plot", "prisma", "counts.csv", "--strict")
    assert (strict.exit_code, strict.stdout) == (2, "")


def test_a_tool_that_is_not_held_is_said_to_be_unchecked(folder):
    (folder / "quadas.csv").write_bytes(b"Study,D1,D2\nA,Low,Unclear\n")
    result = kb("plot", "rob", "quadas.csv", "--tool", "QUADAS-2")
    assert result.exit_code == 0
    assert "not among the tools held" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param((*FOREST, "--out", "f.gif"), "known: svg, pdf, png", id="format"),
        pytest.param(("plot", "forest", "none.csv", "--measure", "OR"), "cannot read", id="file"),
        pytest.param((*FOREST, "--limits", "1"), "--limits", id="limits"),
        pytest.param((*FOREST, "--limits", "a,b"), "two numbers", id="limits in words"),
        pytest.param((*FOREST, "--favours", "BCG"), "--favours names two", id="favours"),
        pytest.param((*FOREST, "--format", "png", "--dpi", "9"), "expected 50 to", id="dpi"),
        pytest.param((*FOREST, "--json", "--format", "svg"), "give --out", id="json and format"),
        pytest.param(
            ("plot", "rob", "robvis.csv", "--tool", "ROBINS-I"), "which version", id="tool"
        ),
        pytest.param(("plot", "forest", "bcg.csv", "--measure", "SMD"), "m1i", id="columns"),
        pytest.param(
            ("plot", "funnel", "edss.csv", "--measure", "PLO", "--contours"), "contours", id="null"
        ),
        pytest.param(("plot", "prisma", "bcg.csv"), "no columns data", id="no counts"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_with_what_would_do(arguments, says):
    result = kb(*arguments)
    assert result.exit_code == 2, result.output
    assert says in result.stderr


def test_studies_without_any_estimate_are_nothing_to_plot(folder):
    (folder / "none.csv").write_bytes(b"study,ai,n1i,ci,n2i\nA,,10,1,10\n")
    result = kb("plot", "forest", "none.csv", "--measure", "OR")
    assert result.exit_code == 8
    assert "ai is not given" in result.stderr


def test_the_evidence_map_is_drawn_from_the_base(folder):
    assert kb("init").exit_code == 0
    result = kb("plot", "map", "--condition", "multiple sclerosis", "--out", "map.svg")
    assert result.exit_code == 0, result.output
    assert b"bone marrow, autologous" in (folder / "map.svg").read_bytes()
    held = json_of(kb("plot", "map", "--by", "tissue", "--outcomes", "3", "--json"))
    assert len(held["outcomes"]) == 3


def test_a_picture_that_cannot_be_written_leaves_what_was_there(folder, monkeypatch):
    (folder / "forest.svg").write_text("of before")
    monkeypatch.setattr("os.replace", _full)
    result = kb(*FOREST, "--out", "forest.svg")
    assert result.exit_code == 5
    assert "No space left" in result.stderr
    assert (folder / "forest.svg").read_text() == "of before"
    assert not list(folder.glob(".forest*"))


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("nowhere/f.svg", "there is no folder", id="no folder"),
        pytest.param("folder.svg", "is a folder", id="folder"),
    ],
)
def test_what_is_no_name_of_a_file_is_wrong_input(folder, name, says):
    (folder / "folder.svg").mkdir()
    result = kb(*FOREST, "--out", name)
    assert result.exit_code == 2
    assert says in result.stderr
