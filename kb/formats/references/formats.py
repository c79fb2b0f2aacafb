"""The reference formats there are: by name, by the look of a file, reader beside writer.

`read_file` and `write_records` are the one way in and out for everything that takes files. The
modules of the formats are imported when they are first used, so that starting stays fast.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final, cast

from kb.errors import InvalidInput
from kb.formats.references.reading import EndlessLine, FileRecord, Read
from kb.models.records import Unreadable, WorkRecord

# What a file is can be told from its beginning; a record with thousands of authors is longer.
HEAD_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`read(stream, source)` yields each record of a file in its order, as what `source` says;
    `write(records)` yields pieces of a file of the format, in UTF-8."""

    name: str  # "ris", as options and requests name it
    title: str  # as people call it
    suffixes: tuple[str, ...]
    media_type: str
    read: Callable[[BinaryIO, str], Iterator[Read]]
    write: Callable[[Iterable[WorkRecord]], Iterator[bytes]]


def _format(
    name: str,
    title: str,
    suffixes: str,
    media_type: str,
    module: str,
    *,
    read: str = "read",
    write: str = "write",
) -> Format:
    def found(function: str) -> Any:
        return getattr(import_module(f"kb.formats.references.{module}"), function)

    return Format(
        name=name,
        title=title,
        suffixes=tuple(suffixes.split()),
        media_type=media_type,
        read=lambda stream, source: cast(Iterator[Read], found(read)(stream, source)),
        write=lambda records: cast(Iterator[bytes], found(write)(records)),
    )


_XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FORMATS: Final[tuple[Format, ...]] = (
    _format("ris", "RIS", ".ris", "application/x-research-info-systems", "ris"),
    _format("nbib", "PubMed NBIB (MEDLINE)", ".nbib .medline", "application/nbib", "nbib"),
    _format("pubmed-xml", "PubMed XML", ".xml", "application/xml", "pubmed_xml"),
    _format(
        "bibtex", "BibTeX", ".bib .bibtex", "application/x-bibtex", "bibtex", write="write_bibtex"
    ),
    _format(
        "biblatex", "BibLaTeX", ".bib", "application/x-bibtex", "bibtex", write="write_biblatex"
    ),
    _format(
        "csl-json",
        "CSL-JSON",
        ".json .csljson .jsonl",
        "application/vnd.citationstyles.csl+json",
        "csl_json",
    ),
    _format("endnote-xml", "EndNote XML", ".xml", "application/xml", "endnote_xml"),
    _format("csv", "CSV", ".csv .tsv .tab .txt", "text/csv", "table", write="write_csv"),
    _format("xlsx", "Excel", ".xlsx", _XLSX_TYPE, "table", read="read_xlsx", write="write_xlsx"),
    _format("crossref-json", "Crossref JSON", ".json", "application/json", "crossref_json"),
    _format("openalex-json", "OpenAlex JSON", ".json .jsonl", "application/json", "openalex_json"),
    _format("isi", "Web of Science (tagged)", ".isi .ciw .txt", "text/plain", "isi"),
    _format("refer", "Refer/BibIX", ".enw .refer", "application/x-endnote-refer", "refer"),
)
"""Every format, the ones most asked for first."""

_ALIASES: Final[Mapping[str, str]] = {
    "medline": "nbib",
    "pubmed": "nbib",
    "pubmedxml": "pubmed-xml",
    "bib": "bibtex",
    "json": "csl-json",
    "csl": "csl-json",
    "csljson": "csl-json",
    "endnote": "endnote-xml",
    "endnotexml": "endnote-xml",
    "tsv": "csv",
    "excel": "xlsx",
    "crossref": "crossref-json",
    "openalex": "openalex-json",
    "wos": "isi",
    "ciw": "isi",
    "enw": "refer",
}


def by_name(name: str) -> Format:
    """The format people mean by `name`: "ris", "RIS", "bib", "medline", "csl_json".

    Raises InvalidInput for a name that is none, with those there are.
    """
    plain = name.strip().lower().replace("_", "-").removeprefix(".")
    plain = _ALIASES.get(plain, plain)
    found = next((f for f in FORMATS if f.name == plain), None)
    if found is None:
        known = ", ".join(f.name for f in FORMATS)
        raise InvalidInput(f"no such reference format: {name!r} (expected one of {known})")
    return found


def recognise(head: bytes, name: str | None = None) -> Format:
    """The format of a file from its first bytes (HEAD_BYTES are enough); its name decides only
    where the content leaves it open.

    Raises InvalidInput for what is no reference file, naming what it is.
    """
    from kb.formats.references.recognition import format_name

    return by_name(format_name(head, name))


def read_file(
    file: Path | BinaryIO,
    *,
    source: str,
    name: str | None = None,
    format: Format | str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Iterator[Read]:
    """Every record of a reference file in its order, as what `source` says.

    `name` is what the file is called, where that is not its path; `format` overrules what its
    content looks like; `columns` maps fields of ours to columns of a table ("title" to "Artikel").
    A file whose name promises another format than it holds is read as what it holds, with a warning
    at its first record.

    Raises InvalidInput before the first record where the file is no reference file, or cannot be
    opened.
    """
    with _opened(file) as stream:
        called = name or (file.name if isinstance(file, Path) else None)
        whole, head = _peeked(stream)
        if format is None:
            chosen = recognise(head, called)
        else:
            chosen = by_name(format) if isinstance(format, str) else format
        if columns is not None:
            from kb.formats.references.table import read_table

            if chosen.name not in ("csv", "xlsx"):
                raise InvalidInput(f"columns are named for tables (csv, xlsx), not {chosen.title}")
            records = read_table(whole, source, format=chosen.name, columns=columns)
        else:
            records = chosen.read(whole, source)
        warning = _misnamed(called, chosen)
        try:
            for read in records:
                if warning and isinstance(read, FileRecord):
                    yield replace(read, warnings=(warning, *read.warnings))
                    warning = None
                else:
                    yield read
        except EndlessLine as error:
            yield Unreadable(position="the rest of the file", reason=str(error))


def write_records(records: Iterable[WorkRecord], format: Format | str) -> Iterator[bytes]:
    """A file of the format in pieces, written as the records come."""
    chosen = by_name(format) if isinstance(format, str) else format
    return chosen.write(records)


def _misnamed(name: str | None, chosen: Format) -> str | None:
    suffix = PurePath(name or "").suffix.lower()
    if not suffix or suffix in chosen.suffixes:
        return None
    promised = next((f for f in FORMATS if suffix in f.suffixes), None)
    if promised is None or suffix in (".txt", ".xml", ".json"):
        return None
    return f"called {PurePath(name or '').name}, but holds {chosen.title}; read as {chosen.title}"


@contextmanager
def _opened(file: Path | BinaryIO) -> Iterator[BinaryIO]:
    if not isinstance(file, Path):
        yield file
        return
    try:
        stream = file.open("rb")
    except IsADirectoryError as error:
        raise InvalidInput(f"{str(file)!r} is a folder (expected a reference file)") from error
    except OSError as error:
        raise InvalidInput(f"cannot open {str(file)!r}: {error.strerror}") from error
    with stream:
        yield stream


def _peeked(stream: BinaryIO) -> tuple[BinaryIO, bytes]:
    """The stream as it was, and its first bytes; it need not be one that can go back."""
    head = bytearray()
    while len(head) < HEAD_BYTES and (piece := stream.read(HEAD_BYTES - len(head))):
        head += piece
    return io.BufferedReader(_Rejoined(bytes(head), stream), HEAD_BYTES), bytes(head)


class _Rejoined(io.RawIOBase):
    """What was read already, then the rest."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)
