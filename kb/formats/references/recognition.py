"""What a file is, by its first bytes: which reference format, or what else.

People send what they have: the PDF instead of its reference, the page that offered the download,
the workbook of an old program. Each is named, so that the answer says what to do.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from kb.errors import InvalidInput
from kb.formats.references.reading import decoded

_EXPECTED: Final = (
    "expected RIS, NBIB, PubMed XML, BibTeX, CSL-JSON, EndNote XML, CSV, XLSX, Crossref or "
    "OpenAlex JSON"
)

# First bytes of files that are something else, and what to say.
_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "an RTF document; save the references as RIS or plain text"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database; export the references from its program"),
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"II*\x00", "an image (TIFF)"),
    (b"MM\x00*", "an image (TIFF)"),
    (b"BM", "an image (BMP)"),
    (b"PAR1", "a Parquet file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"%!PS", "a PostScript file"),
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def format_name(head: bytes, name: str | None) -> str:
    """The name of the format of a file that begins with `head` and is called `name`.

    Raises InvalidInput for what is no reference file, naming what it is.
    """
    suffix = PurePath(name or "").suffix.lower()
    found = _binary(head, name, suffix)
    if found:
        return found
    text = _text(head, name)
    start = text.lstrip()
    if not start:
        raise _refused("an empty file", name)
    if start.startswith("<"):
        return _xml(start, name)
    if start.startswith(("{", "[")) and (found := _json(start, name)):
        return found
    return _lines(text, name, suffix)


def _refused(what: str, name: str | None) -> InvalidInput:
    subject = PurePath(name).name if name else "this"
    kind, _, advice = what.partition("; ")
    return InvalidInput(
        f"{subject} is {kind}, not a reference file ({advice + '; ' if advice else ''}{_EXPECTED})"
    )


# -- not text ------------------------------------------------------------------------------------


def _binary(head: bytes, name: str | None, suffix: str) -> str | None:
    for magic, what in _MAGIC:
        # Two letters can begin a text as well.
        if head.startswith(magic) and (len(magic) > 2 or b"\x00" in head[:64] or magic[0] > 127):
            raise _refused(what, name)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        raise _refused("an image (WebP)", name)
    # Readers of PDF take one that begins within the first kilobyte; a text says it in a sentence.
    if re.search(rb"^%PDF-\d\.\d", head[:1024], re.M):
        raise _refused("a PDF", name)
    if head.startswith(_OLE):
        if suffix == ".doc":
            raise _refused("an old Word document (.doc); export the references as RIS", name)
        raise _refused("an old Excel file (.xls) or a protected one; save it as .xlsx", name)
    if head.startswith(b"PK\x03\x04"):
        return _archive(head, name, suffix)
    return None


def _archive(head: bytes, name: str | None, suffix: str) -> str:
    if b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet" in head[:200]:
        raise _refused("an OpenDocument spreadsheet (.ods); save it as .xlsx", name)
    if b"mimetypeapplication/" in head[:200]:
        raise _refused("an OpenDocument or EPUB document", name)
    if b"xl/workbook.bin" in head:
        raise _refused("a binary workbook (.xlsb); save it as .xlsx", name)
    if b"xl/" in head:
        return "xlsx"
    if b"word/" in head:
        raise _refused("a Word document (DOCX); export the references as RIS", name)
    if b"ppt/" in head:
        raise _refused("a PowerPoint presentation (PPTX)", name)
    if b"[Content_Types].xml" in head and suffix in (".xlsx", ".xlsm"):
        return "xlsx"
    raise _refused("a ZIP archive; unpack it first", name)


def _text(head: bytes, name: str | None) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", errors="replace")
    text = head.removeprefix(codecs.BOM_UTF8)
    # The end may cut a letter in two.
    for cut in range(4):
        try:
            found = text[: len(text) - cut].decode()
            break
        except UnicodeDecodeError:
            found = ""
    else:
        found = decoded(text)
    strange = sum(found.count(chr(code)) for code in (*range(9), *range(14, 27), *range(28, 29)))
    # A few slip into texts that programs put together; a short file is not binary for one.
    if strange > 3 + len(found) // 100:
        raise _refused("a binary file", name)
    return found


# -- XML -----------------------------------------------------------------------------------------

_BEFORE_ROOT = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>]|\[.*?\])*>", re.S | re.I)
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_NOT_REFERENCES: Final = {
    "mods": "a MODS file (XML); export it as RIS or BibTeX",
    "modscollection": "a MODS file (XML); export it as RIS or BibTeX",
    "rdf": "an RDF file; export it as RIS or BibTeX",
    "tei": "a TEI document (XML)",
    "article": "an article in XML (JATS)",
    "svg": "an image (SVG)",
    "sources": "a Word bibliography (XML); export it as RIS or BibTeX",
    "collection": "a MARC or BioC collection (XML)",
    "esearchresult": "a PubMed search result without records; fetch the records as PubMed XML",
    "esummaryresult": "a PubMed summary; fetch the records as PubMed XML",
    "feed": "a news feed (Atom)",
    "rss": "a news feed (RSS)",
}


def _xml(text: str, name: str | None) -> str:
    at = 0
    if re.match(r"\s*<!DOCTYPE\s+html", text, re.I):
        raise _refused("an HTML page", name)
    while match := _BEFORE_ROOT.match(text, at):
        at = match.end()
    root = _ROOT.match(text, at)
    if root is None:
        raise _refused("text that begins like XML and is none", name)
    local = root[1].rpartition(":")[2].lower()
    if local.startswith(("pubmedarticle", "pubmedbookarticle", "medlinecitation")):
        return "pubmed-xml"
    if local in ("xml", "records"):
        return "endnote-xml"
    if local in ("html", "head", "body", "div", "p", "script", "meta", "title"):
        raise _refused("an HTML page", name)
    raise _refused(_NOT_REFERENCES.get(local, f"an XML document with the root <{root[1]}>"), name)


# -- JSON ----------------------------------------------------------------------------------------

_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?|[\[\]{}]', re.S)
_CSL_KEYS: Final = frozenset(
    {"author", "issued", "title", "container-title", "DOI", "URL", "publisher", "page", "volume"}
    | {"citation-key", "ISSN", "ISBN", "editor", "genre", "number", "note", "abstract"}
)


def _json(text: str, name: str | None) -> str | None:
    """None where it only looks like JSON in its first letter."""
    keys = list(_json_keys(text))
    every = {key for _, key in keys}
    top = {key for depth, key in keys if depth == 1}
    if not keys:
        if re.match(r"(\[\s*(\{\s*\}\s*)?\]|\{\s*\})\s*$", text):
            return "csl-json"
        if re.match(r'\[\s*("|[-\d]|\[|null|true|false)', text):
            raise _refused("JSON of another kind (a list of values)", name)
        return None
    is_response = "message" in top and ("message-type" in top or "status" in top)
    if is_response:
        return "crossref-json"
    if "authorships" in every or re.search(r'"https?://openalex\.org/W\d', text[:4000]):
        return "openalex-json"
    if "itemType" in every:
        raise _refused("Zotero's own JSON; export it as CSL JSON or RIS", name)
    if {"DOI", "title"} <= every and re.search(r'"title"\s*:\s*\[', text):
        return "crossref-json"
    if every & _CSL_KEYS and len(every & (_CSL_KEYS | {"id", "type"})) >= 2:
        return "csl-json"
    shown = ", ".join(list(dict.fromkeys(key for _, key in keys))[:5])
    raise _refused(f"JSON of another kind (with {shown})", name)


def _json_keys(text: str) -> Iterator[tuple[int, str]]:
    depth = 0
    for match in _JSON_TOKEN.finditer(text):
        token = match[0]
        if token in "[{":
            depth += 1
        elif token in "]}":
            depth -= 1
        elif match[1]:
            yield depth, token[1 : token.rindex('"')]


# -- text in lines -------------------------------------------------------------------------------

# The lines that begin a record, or a file, of each format.
_BEGINNINGS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("ris", re.compile(r"^[ \t]*TY\s{0,3}-(?:\s|$)", re.M)),
    ("nbib", re.compile(r"^(?:PMID|OWN |STAT|DCOM|BTI )- ", re.M)),
    ("bibtex", re.compile(r"^[ \t]*@[ \t]*[A-Za-z]+\s*[{(]", re.M)),
    ("isi", re.compile(r"^(?:FN [^\t\n]+$|PT [A-Z]\s*$)", re.M)),
    ("refer", re.compile(r"^%[0A-Z] \S", re.M)),
)
_HEADER_LINES: Final = 10
_RIS_LINE = re.compile(r"^[A-Z][A-Z0-9] {1,2}- ?", re.M)
_BIBLATEX = re.compile(r"^\s*(?:journaltitle|date|location|eprinttype|langid)\s*=", re.M | re.I)


def _lines(text: str, name: str | None, suffix: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = [(match.start(), kind) for kind, p in _BEGINNINGS if (match := p.search(text))]
    from kb.formats.references.table_columns import columns_known

    header = text.lstrip("\n ").partition("\n")[0]
    # Dimensions and others say where the table is from in lines before it.
    before = text[: min(found)[0]] if found else text
    if any(columns_known(line) >= 2 for line in before.lstrip("\n ").split("\n")[:_HEADER_LINES]):
        return "csv"
    if found:
        kind = min(found)[1]
        return "biblatex" if kind == "bibtex" and _BIBLATEX.search(text) else kind
    if suffix == ".ris" and len(_RIS_LINE.findall(text)) >= 2:
        return "ris"
    if suffix in (".csv", ".tsv", ".tab") and re.search(r"[,;\t]", header):
        return "csv"
    if re.search(r"<(?:html|body|div|p|span|a)\b", text[:4000], re.I):
        raise _refused("an HTML page", name)
    raise _refused("plain text without a mark of any reference format", name)
