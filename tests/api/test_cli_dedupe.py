"""`kb dedupe` on files alone: clusters, doubts for a person, and the counts of a PRISMA diagram."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from kb.formats.dedupe_tables import PAIR_COLUMNS
from tests.api.cli import kb

HEADER = (
    "record_id,entry_type,title,author,year,journal,booktitle,volume,number,pages,doi,isbn,abstract"
)
TITLE = "Infusion of stromal cells in adults with multiple sclerosis"
ROW = f'{{id}},article,"{TITLE}","Kadri, N and Li, W",2019,J Clin Med,,8,12,{{pages}},{{doi}},,'


def a_table(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def a_row(id: str, *, pages: str = "1-9", doi: str = "") -> str:
    return ROW.format(id=id, pages=pages, doi=doi)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def report(*arguments: str) -> dict[str, Any]:
    done = kb("dedupe", *arguments, "--json")
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_records_of_one_work_get_one_cluster_and_counts_are_reported(tmp_path):
    a_table(tmp_path / "a.csv", a_row("x1"), a_row("x2"), 'x3,article,"Another title of a work"')
    counts = report("a.csv", "--out", "c.csv", "--review", "u.csv", "--linked", "l.csv")
    assert rows_of(tmp_path / "c.csv") == [
        {"record_id": "x1", "cluster_id": "x1"},
        {"record_id": "x2", "cluster_id": "x1"},
        {"record_id": "x3", "cluster_id": "x3"},
    ]
    assert counts["records_identified"] == 3
    assert counts["duplicates_removed"] == 1
    assert counts["records_after"] == 2
    for name in ("u.csv", "l.csv"):
        assert (tmp_path / name).read_text() == ",".join(PAIR_COLUMNS) + "\n"


def test_files_are_deduplicated_together_and_ids_that_clash_get_the_files_name(tmp_path):
    a_table(tmp_path / "a.csv", a_row("1"), a_row("only"))
    a_table(tmp_path / "b.csv", a_row("1"), a_row("1"))
    counts = report("a.csv", "b.csv")
    assert {row["record_id"] for row in rows_of(tmp_path / "clusters.csv")} == {
        "a.csv:1", "only", "b.csv:1", "b.csv:1#2",
    }  # fmt: skip
    assert counts["ids_renamed"] == 3
    assert [file["duplicates_removed"] for file in counts["files"]] == [1, 2]


def test_other_formats_are_recognised_by_what_they_hold(tmp_path):
    (tmp_path / "a.ris").write_text(
        f"TY  - JOUR\nID  - r1\nTI  - {TITLE}\nAU  - Kadri, N\nAU  - Li, W\nPY  - 2019\n"
        "T2  - J Clin Med\nVL  - 8\nSP  - 1\nEP  - 9\nER  - \n"
    )
    a_table(tmp_path / "b.csv", a_row("x1"))
    assert report("a.ris", "b.csv")["duplicates_removed"] == 1


def test_a_doubt_is_decided_by_filling_the_table_and_giving_it_back(tmp_path):
    a_table(tmp_path / "a.csv", a_row("x1", doi="10.1000/a"), a_row("x2", doi="10.1000/b"))
    assert report("a.csv", "--review", "u.csv")["unsure_pairs"] == 1
    (doubt,) = rows_of(tmp_path / "u.csv")
    assert (doubt["record_id_1"], doubt["record_id_2"]) == ("x1", "x2")
    assert doubt["title_1"] == TITLE
    assert "10.1000/a against 10.1000/b" in doubt["evidence_against"]
    text = (tmp_path / "u.csv").read_text()
    (tmp_path / "u.csv").write_text(text.rstrip("\n") + "same\n")

    counts = report("a.csv", "--review", "u.csv", "--decisions", "u.csv")

    assert counts["duplicates_removed"] == 1
    assert counts["unsure_pairs"] == 0
    # What was decided stays in the table, so that the next batch goes on from it.
    assert [row["decision"] for row in rows_of(tmp_path / "u.csv")] == ["same"]


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        pytest.param(
            ["x1,x2,maybe"], 2, "'maybe' (expected same, different or nothing)", id="word"
        ),
        pytest.param(["x1,x2,same", "x2,x1,different"], 4, "contradict each other", id="both"),
        pytest.param(["x1,x1,same"], 2, "against itself", id="itself"),
    ],
)
def test_decisions_that_cannot_be_followed_are_refused(tmp_path, rows, code, said):
    a_table(tmp_path / "a.csv", a_row("x1"), a_row("x2"))
    a_table(tmp_path / "d.csv", *rows, header="record_id_1,record_id_2,decision")
    done = kb("dedupe", "a.csv", "--decisions", "d.csv")
    assert done.exit_code == code
    assert said in done.stderr
    assert not (tmp_path / "clusters.csv").exists()


def test_decisions_about_records_that_are_not_here_are_told(tmp_path):
    a_table(tmp_path / "a.csv", a_row("x1"))
    a_table(tmp_path / "d.csv", "x1,gone,same", header="record_id_1,record_id_2,decision")
    counts = report("a.csv", "--decisions", "d.csv")
    assert counts["decisions_about_other_records"] == ["d.csv, row 2"]


def test_what_cannot_be_read_is_told_and_stops_nothing(tmp_path):
    (tmp_path / "a.csv").write_bytes(
        f"{HEADER}\n{a_row('x1')}\nx2,article,a title, with a comma,A,2019,J,,8,12,1-9,,,,more\n"
        f"{a_row('x3')}\n".encode()
        + "x4,article,Wirkung von Müller-Zellen".encode("latin-1")
    )
    counts = report("a.csv")
    assert counts["unreadable"] == [
        {
            "file": "a.csv",
            "position": "row 3",
            "reason": "15 fields where the header has 13: is one with a comma not quoted?",
        }
    ]
    assert counts["records_read"] == 3


def test_a_file_that_is_no_reference_file_is_named_for_what_it_is(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"%PDF-1.7 ...")
    done = kb("dedupe", "a.csv")
    assert done.exit_code == 2
    assert "PDF" in done.stderr


def test_ids_come_out_as_they_went_in_and_are_found_behind_an_apostrophe(tmp_path):
    ids = ["0012", "x, y", "é 💡", "-5", "=1+1"]
    a_table(tmp_path / "a.csv", *(a_row(f'"{id}"', pages=str(n)) for n, id in enumerate(ids, 900)))
    report("a.csv")
    out = [row["record_id"] for row in rows_of(tmp_path / "clusters.csv")]
    assert out == ["0012", "x, y", "é 💡", "-5", "=1+1"]
    a_table(tmp_path / "d.csv", "0012,'=1+1,same", header="record_id_1,record_id_2,decision")
    assert report("a.csv", "--decisions", "d.csv")["decisions_applied"] == 1


def test_an_empty_table_is_nothing_to_do(tmp_path):
    a_table(tmp_path / "a.csv")
    assert kb("dedupe", "a.csv").exit_code == 1
