"""A file is what it holds, not what it is called; and what is no reference file is named."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.formats.references.formats import FORMATS, by_name, read_file, recognise, write_records
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.records import AuthorClaim, VenueClaim, WorkRecord, WorkType
from tests.conftest import ROOT

RIS = b"TY  - JOUR\r\nTI  - Title\r\nER  - \r\n"

A_WORK = WorkRecord(
    source="a file",
    key="k",
    label="k",
    title="A title",
    type=WorkType.ARTICLE,
    venue=VenueClaim(name="A journal"),
    authors=(AuthorClaim(family="Doe", given="Jane"),),
    identifiers=identifiers(doi="10.1000/x", pmid=31810187),
)


def named(head: bytes | str, name: str | None = None) -> str:
    return recognise(head if isinstance(head, bytes) else head.encode(), name).name


# -- reference files -----------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_what_a_format_writes_is_recognised_as_it(format) -> None:
    body = b"".join(format.write([A_WORK]))
    same = {"biblatex": {"bibtex", "biblatex"}}.get(format.name, {format.name})
    assert named(body) in same


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_what_a_format_writes_is_read_through_the_one_door(format) -> None:
    body = b"".join(write_records([A_WORK], format.name))
    (found,) = read_file(io.BytesIO(body), source="a file")
    assert isinstance(found, FileRecord)
    assert found.record.title == A_WORK.title
    assert A_WORK.identifiers[0] in found.record.identifiers


@pytest.mark.parametrize(
    ("head", "format"),
    [
        pytest.param(RIS, "ris", id="ris"),
        pytest.param(b"\xef\xbb\xbf\r\n\r\n" + RIS, "ris", id="ris after a mark and empty lines"),
        pytest.param(RIS.decode().encode("utf-16"), "ris", id="ris in utf-16"),
        pytest.param(b"Provider: X\nContent: text\n\n" + RIS, "ris", id="ris after a preamble"),
        pytest.param(b"TY - JOUR\nTI - x\n", "ris", id="ris with single spaces"),
        pytest.param(RIS + b"N2  - \n@article{x,\n", "ris", id="ris with an entry in a note"),
        pytest.param(b"\nPMID- 31810187\nOWN - NLM\n", "nbib", id="nbib"),
        pytest.param(b"% Encoding: UTF-8\n\n@article{a,\n", "bibtex", id="bibtex"),
        pytest.param(b"@ARTICLE(a,\n title={x}}", "bibtex", id="bibtex in parentheses"),
        pytest.param(b"@article{a,\n  journaltitle = {x}}", "biblatex", id="biblatex"),
        pytest.param(b"FN Clarivate Analytics Web of Science\nVR 1.0\nPT J\n", "isi", id="isi"),
        pytest.param(b"%0 Journal Article\n%A Doe, J\n", "refer", id="refer"),
        pytest.param('[{"id": "x", "type": "book", "title": "T"}]', "csl-json", id="csl"),
        pytest.param('{"items": [{"id": 1, "issued": {}, "title": "T"}]}', "csl-json", id="items"),
        pytest.param('{"id": 1, "title": "T"}\n{"id": 2}', "csl-json", id="json lines"),
        pytest.param("[]", "csl-json", id="empty array"),
        pytest.param(
            '{"status": "ok", "message-type": "work", "message": {"DOI": "10.1/x"}}',
            "crossref-json", id="crossref answer",
        ),
        pytest.param('[{"DOI": "10.1/x", "title": ["T"]}]', "crossref-json", id="crossref works"),
        pytest.param(
            '{"meta": {}, "results": [{"id": "https://openalex.org/W1", "authorships": []}]}',
            "openalex-json", id="openalex answer",
        ),
        pytest.param(
            '<?xml version="1.0"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM" "x.dtd">\n'
            "<PubmedArticleSet>", "pubmed-xml", id="pubmed",
        ),
        pytest.param("<PubmedArticle>", "pubmed-xml", id="pubmed article"),
        pytest.param(
            '<?xml version="1.0"?><xml><records><record>', "endnote-xml", id="endnote"
        ),
        pytest.param("PMID,Title,Authors\n1,x,y\n", "csv", id="csv"),
        pytest.param("Titel;Jahr;Autoren\n", "csv", id="csv with semicolons"),
        pytest.param("PT\tAU\tTI\tSO\nJ\t", "csv", id="tab-delimited"),
        pytest.param('"About the data: x"\nRank,DOI,Title\n', "csv", id="csv after a preamble"),
        pytest.param('title,note\nA,"\nTY  - JOUR"\n', "csv", id="csv with ris in a cell"),
    ],
)  # fmt: skip
def test_a_format_is_known_by_its_content(head: bytes | str, format: str) -> None:
    for name in (None, "references.txt", "wrong.bib", "wrong.pdf"):
        assert named(head, name) == format


def test_the_name_decides_what_the_content_leaves_open() -> None:
    assert named("T1  - Title\nA1  - Doe\n", "x.ris") == "ris"
    assert named("Beitrag,Jahrgang\n", "x.csv") == "csv"
    with pytest.raises(InvalidInput):
        recognise(b"Beitrag,Jahrgang\n", "x.txt")


def test_a_ris_file_called_bib_is_read_as_ris_with_a_warning() -> None:
    first, second = read_file(io.BytesIO(RIS * 2), source="a file", name="x.bib")
    assert isinstance(first, FileRecord)
    assert isinstance(second, FileRecord)
    assert first.warnings[0] == "called x.bib, but holds RIS; read as RIS"
    assert second.warnings == ()


@pytest.mark.parametrize("name", ["x.ris", "x.txt", "x", None, "x.data"])
def test_other_names_are_no_reason_to_warn(name: str | None) -> None:
    (found,) = read_file(io.BytesIO(RIS), source="a file", name=name)
    assert isinstance(found, FileRecord)
    assert found.warnings == ()


# -- other files ---------------------------------------------------------------------------------


def a_zip(*names: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return body.getvalue()


@pytest.mark.parametrize(
    ("head", "name", "what"),
    [
        pytest.param(b"%PDF-1.7\n", "x.ris", "x.ris is a PDF", id="pdf"),
        pytest.param(b"junk\n%PDF-1.4\n", None, "this is a PDF", id="pdf after junk"),
        pytest.param(b"", "x.bib", "x.bib is an empty file", id="empty"),
        pytest.param(b"\xef\xbb\xbf \r\n", None, "this is an empty file", id="blank"),
        pytest.param(a_zip("a.ris"), "a.zip", "is a ZIP archive, .*unpack", id="zip"),
        pytest.param(
            a_zip("[Content_Types].xml", "word/document.xml"), "a.docx", "Word document", id="docx"
        ),
        pytest.param(
            a_zip("[Content_Types].xml", "xl/workbook.bin"), "a.xlsb", "binary workbook", id="xlsb"
        ),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls", "old Excel", id="xls"
        ),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc", "old Word", id="doc"
        ),
        pytest.param(gzip.compress(RIS), "a.ris.gz", "gzip archive", id="gzip"),
        pytest.param(b"SQLite format 3\x00", "a.sqlite", "SQLite database", id="sqlite"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(80), "a.png", "an image", id="png"),
        pytest.param(b"\xff\xd8\xff\xe0", "a.jpg", "an image", id="jpeg"),
        pytest.param(bytes(range(256)) * 4, "a.bin", "a binary file", id="binary"),
        pytest.param(b"{\\rtf1\\ansi", "a.rtf", "an RTF document", id="rtf"),
        pytest.param("<!DOCTYPE html><html>", "a.ris", "an HTML page", id="html"),
        pytest.param("\n <html><body>TY  - JOUR", None, "an HTML page", id="html without type"),
        pytest.param("<modsCollection xmlns='x'>", "a.xml", "a MODS file", id="mods"),
        pytest.param("<?xml version='1.0'?><mods:mods>", "a.xml", "a MODS file", id="mods prefix"),
        pytest.param('<rdf:RDF xmlns:rdf="x">', "a.rdf", "an RDF file", id="rdf"),
        pytest.param("<foo><bar/></foo>", "a.xml", "the root <foo>", id="other xml"),
        pytest.param('{"name": "x", "version": 1}', "a.json", "JSON of another kind", id="json"),
        pytest.param("[1, 2, 3]", "a.json", "JSON of another kind", id="json values"),
        pytest.param('[{"itemType": "book"}]', None, "Zotero's own JSON", id="zotero"),
        pytest.param("Dear all,\nplease find the list.\n", "a.txt", "plain text", id="prose"),
    ],
)  # fmt: skip
def test_what_is_no_reference_file_is_named(head: bytes | str, name: str | None, what: str) -> None:
    body = head if isinstance(head, bytes) else head.encode()
    with pytest.raises(InvalidInput, match=what) as error:
        recognise(body, name)
    assert "not a reference file" in str(error.value)
    assert "expected RIS, NBIB" in str(error.value)
    with pytest.raises(InvalidInput, match=what):
        next(read_file(io.BytesIO(body), source="a file", name=name))


@given(st.binary(max_size=200))
def test_no_file_stops_recognition(head: bytes) -> None:
    with suppress(InvalidInput):
        assert recognise(head) in FORMATS


def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        next(read_file(tmp_path / "none.ris", source="a file"))
    with pytest.raises(InvalidInput, match="is a folder"):
        next(read_file(tmp_path, source="a file"))


# -- names of formats ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("RIS", "ris"), (" .ris", "ris"), ("medline", "nbib"), ("bib", "bibtex"),
        ("json", "csl-json"), ("csl_json", "csl-json"), ("EndNote", "endnote-xml"),
        ("tsv", "csv"), ("excel", "xlsx"), ("crossref", "crossref-json"), ("wos", "isi"),
    ],
)  # fmt: skip
def test_formats_go_by_the_names_people_use(name: str, format: str) -> None:
    assert by_name(name).name == format


def test_a_name_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"'doc' \(expected one of ris, nbib, .*xlsx"):
        by_name("doc")


def test_columns_are_for_tables() -> None:
    with pytest.raises(InvalidInput, match="columns are named for tables"):
        next(read_file(io.BytesIO(RIS), source="a file", columns={"title": "TI"}))


def test_a_stream_that_cannot_go_back_is_read_whole() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, body: bytes) -> None:
            self._body = io.BytesIO(body)

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self._body.read(min(size, 1_000) if size > 0 else size)

    found = read_file(Pipe(RIS * 5_000), source="a file")  # type: ignore[arg-type]
    assert sum(isinstance(r, FileRecord) for r in found) == 5_000


def test_knowing_the_formats_loads_none_of_them() -> None:
    script = (
        "import sys, kb.formats.references.formats as f; f.by_name('bib');"
        "sys.exit(' '.join(m for m in sys.modules if m in ('lxml', 'xlsxwriter', 'pylatexenc')"
        " or m.startswith('kb.formats.references.') and m.rsplit('.')[-1] in"
        " ('ris', 'bibtex', 'table', 'csl_json', 'recognition')) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_stray_byte_makes_a_short_text_no_binary_file() -> None:
    assert named(b"TY  - JOUR\nTI  - A\x00B\nER  - \n") == "ris"
