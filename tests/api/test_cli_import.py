"""`kb import` and `kb convert`: files in, looked at, and into one another."""

import io
import os
import subprocess
from pathlib import Path

import orjson
import pytest

from kb.formats.references.formats import read_file
from kb.formats.references.reading import FileRecord
from tests.api.cli import COMMAND, an_installation, json_of, kb
from tests.conftest import ROOT
from tests.reference_files import TITLES, article, ris

BODY = ris(article(TITLES[0], ID="a1"), article(TITLES[1], ID="a2", DO="10.1234/1"))


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_base: Path) -> Path:
    """The working folder of an installation that has no base yet."""
    an_installation(monkeypatch, tmp_path)
    (tmp_path / "embase.ris").write_bytes(BODY)
    return tmp_path


def test_files_come_in_and_what_became_of_them_is_told(folder: Path):
    (folder / "scopus.json").write_bytes(b'[{"id":"s1","type":"book","title":"A book"}, 7]')
    told = json_of(kb("import", "embase.ris", "scopus.json", "--json"))
    embase, scopus = told["imports"]
    assert (embase["source"], embase["records"], embase["new_works"]) == ("embase", 2, 2)
    assert (scopus["format"], scopus["records"], scopus["unreadable"]) == ("csl-json", 1, 1)
    assert told["failed"] == []
    again = json_of(kb("import", "embase.ris", "--json"))["imports"][0]
    assert (again["written"], again["this_run"]["unchanged"]) == (0, 2)
    shown = kb("import", "embase.ris")
    assert "nothing was written" in shown.stdout


def test_a_file_that_is_none_stops_none_of_the_others(folder: Path):
    (folder / "article.pdf").write_bytes(b"%PDF-1.7\n1 0 obj")
    result = kb("import", "article.pdf", "embase.ris", "--json")
    told = orjson.loads(result.stdout)
    assert (result.exit_code, len(told["imports"])) == (0, 1)
    (failed,) = told["failed"]
    assert failed["file"] == "article.pdf"
    assert "a PDF" in failed["reason"]


@pytest.mark.parametrize(
    ("name", "body", "code", "said"),
    [
        pytest.param("article.pdf", b"%PDF-1.7\n1 0 obj", 2, "a PDF", id="another kind"),
        pytest.param("missing.ris", None, 2, "cannot be read", id="no file"),
        pytest.param("none.csv", b"title,year\n", 1, "", id="nothing to read"),
    ],
)
def test_exit_codes_tell_that_nothing_came(
    folder: Path, name: str, body: bytes | None, code: int, said: str
):
    if body is not None:
        (folder / name).write_bytes(body)
    for more in ((), ("--dry-run",)):
        result = kb("import", name, *more)
        assert (result.exit_code, said in result.stderr) == (code, True), result.output


def test_a_dry_run_needs_no_base_and_makes_none(folder: Path):
    told = json_of(kb("import", "embase.ris", "--dry-run", "--json"))
    assert [r["title"] for r in told["records"]] == list(TITLES[:2])
    assert [r["label"] for r in told["records"]] == ["a1", "a2"]
    assert told["records"][1]["identifiers"] == [{"scheme": "doi", "value": "10.1234/1"}]
    assert all(r["position"].startswith("line ") for r in told["records"])
    assert told["counts"]["records"] == 2
    shown = kb("import", "embase.ris", "--dry-run")
    assert TITLES[0] in shown.stdout
    assert "2 records read; nothing was written" in shown.stdout
    assert not (folder / "data").exists()


def test_standard_input_is_a_file_too(folder: Path):
    done = subprocess.run(
        [*COMMAND, "import", "-", "--dry-run", "--json"],
        input=BODY,
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    told = orjson.loads(done.stdout)
    assert (told["files"][0]["file"], told["counts"]["records"]) == ("stdin", 2)


def test_labels_make_the_round_trip(folder: Path):
    kb("import", "embase.ris")
    out = folder / "back.bib"
    assert kb("export", "works", "--format", "bibtex", "-o", str(out)).exit_code == 0
    read = list(read_file(io.BytesIO(out.read_bytes()), source="back", format="bibtex"))
    assert {r.record.label for r in read if isinstance(r, FileRecord)} == {"a1", "a2"}


# -- converting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["ris", "nbib", "bibtex", "biblatex", "csl-json", "endnote-xml",
                                "pubmed-xml", "csv", "xlsx"])  # fmt: skip
def test_a_file_becomes_one_of_another_format(folder: Path, to: str):
    out = folder / "out"
    told = json_of(kb("convert", "embase.ris", "--to", to, "--out", str(out), "--json"))
    assert (told["records"], told["not_read"]) == (2, [])
    read = [*read_file(io.BytesIO(out.read_bytes()), source="back", format=to)]
    records = [one.record for one in read if isinstance(one, FileRecord)]
    assert [(r.title, r.label) for r in records] == [(TITLES[0], "a1"), (TITLES[1], "a2")]


def test_converting_tells_what_could_not_be_read_and_goes_on(folder: Path):
    (folder / "my.json").write_bytes(b'[{"id":"k1","type":"book","title":"A book"}, 7]')
    result = kb("convert", "my.json", "--to", "ris")
    assert result.exit_code == 0
    assert "TI  - A book" in result.stdout
    assert "1 records as RIS" in result.stderr
    assert "not read: " in result.stderr


def test_a_file_that_cannot_be_converted_leaves_what_there_was(folder: Path):
    out = folder / "out.ris"
    out.write_text("what there was")
    (folder / "article.pdf").write_bytes(b"%PDF-1.7\n1 0 obj")
    result = kb("convert", "article.pdf", "--to", "ris", "--out", str(out))
    assert result.exit_code == 2
    assert out.read_text() == "what there was"
