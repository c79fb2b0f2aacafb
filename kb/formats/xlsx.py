"""Workbooks (Office Open XML, ISO/IEC 29500) read cell by cell, with what a cell is beside its
value.

A value alone hides what must be known of it: that it is the result of a formula, a date a program
made of "1-2", or a percentage shown as 50 % and held as 0.5. Nothing in the file is run, no formula
is computed and no link is followed. What comes from strangers is bounded before it is unpacked.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum, auto
from typing import Final

from lxml import etree

from kb.errors import InvalidInput

MAX_FILE: Final = 20_000_000
# A workbook of text packs about ten to one; what packs far better is made to fill a memory.
MAX_UNPACKED: Final = 100_000_000
MAX_RATIO: Final = 200
MAX_PARTS: Final = 2_000
MAX_SHEETS: Final = 200
MAX_CELLS: Final = 2_000_000
# Of all cells together, which may share one text that is stored once.
MAX_CHARACTERS: Final = 50_000_000
# Number formats are no longer in any program; regions and column groups are far fewer.
_MAX_FORMAT: Final = 255
_MAX_REGIONS: Final = 1_000
# Of any spreadsheet program: XFD1048576.
_MAX_ROW: Final = 1_048_576
_MAX_COLUMN: Final = 16_384

_EXPECTED: Final = "expected a workbook saved as .xlsx, e.g. one of `kb outcomes template --xlsx`"
# Day 60 of the 1900 system is 29 February 1900, a day there never was.
_EPOCH: Final = datetime(1899, 12, 30)
_EPOCH_1904: Final = datetime(1904, 1, 1)

# Number formats that every program knows by number (ISO/IEC 29500-1, 18.8.30).
_BUILT_IN: Final[Mapping[int, str]] = {
    1: "0",
    2: "0.00",
    9: "0%",
    10: "0.00%",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm",
    19: "h:mm:ss",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
}


class Kind(Enum):
    """What a cell holds. Its text is what would be typed to hold the same."""

    TEXT = auto()
    NUMBER = auto()
    DATE = auto()
    PERCENT = auto()  # a number shown as a percentage; the text is what is shown: "50%"
    LOGICAL = auto()  # TRUE or FALSE
    ERROR = auto()  # "#DIV/0!"


@dataclass(frozen=True, slots=True)
class XlsxCell:
    kind: Kind
    text: str
    is_formula: bool = False
    has_superscript: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet. Rows and columns count from 1; empty cells are not there."""

    name: str
    cells: Mapping[tuple[int, int], XlsxCell]
    is_hidden: bool = False
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    # (first row, first column, last row, last column)
    merged: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Workbook:
    sheets: tuple[Sheet, ...]
    properties: Mapping[str, str] = field(default_factory=dict)  # those that a program added
    has_macros: bool = False


def read_workbook(body: bytes) -> Workbook:
    """All sheets of a workbook. Raises InvalidInput for what is none, is damaged or too large."""
    _refuse_other_files(body)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return _Reader(archive).read()
    except InvalidInput:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error) as error:
        raise InvalidInput(f"a damaged workbook ({error}); {_EXPECTED}") from error
    except (etree.XMLSyntaxError, UnicodeError, LookupError, ValueError) as error:
        said = " ".join(str(error).split())[:100]
        raise InvalidInput(f"a damaged workbook ({said}); {_EXPECTED}") from error
    except (NotImplementedError, RuntimeError, OSError, OverflowError) as error:
        said = " ".join(str(error).split())[:100]
        raise InvalidInput(f"not a workbook that can be read ({said}); {_EXPECTED}") from error


def letters(column: int) -> str:
    """The name of a column: 1 is "A", 27 is "AA"."""
    name = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _refuse_other_files(body: bytes) -> None:
    if not body:
        raise InvalidInput(f"an empty file; {_EXPECTED}")
    if len(body) > MAX_FILE:
        raise InvalidInput(f"{len(body)} bytes; of a workbook at most {MAX_FILE} are read")
    if body.startswith(b"PK"):
        return
    if body.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise InvalidInput(
            "an old Excel file (.xls), or a workbook protected by a password; save it as .xlsx "
            "without a password"
        )
    if body.startswith(b"%PDF"):
        raise InvalidInput(f"a PDF, not a workbook; {_EXPECTED}")
    start = body[:2000].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"<"):
        raise InvalidInput(f"an XML or HTML file, not a workbook; {_EXPECTED}")
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            raise InvalidInput(f"not a workbook; {_EXPECTED}") from error
        text = start[: error.start].decode()
    if text.isprintable() or "\n" in text:
        raise InvalidInput(
            "a text file, not a workbook; tables as CSV are imported as a folder with "
            "`kb evidence import`"
        )
    raise InvalidInput(f"not a workbook; {_EXPECTED}")


class _Reader:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts = _bounded_parts(archive)
        self._left = MAX_CELLS
        self._characters_left = MAX_CHARACTERS

    def read(self) -> Workbook:
        if "mimetype" in self._parts and b"opendocument" in self._part("mimetype"):
            raise InvalidInput("an OpenDocument file (.ods); save it as .xlsx")
        main = next((t for _, kind, t in self._relations("") if kind == "officeDocument"), None)
        main = main or "xl/workbook.xml"
        if main.endswith(".bin") or "xl/workbook.bin" in self._parts:
            raise InvalidInput("a binary workbook (.xlsb); save it as .xlsx")
        if main not in self._parts or "word/" in main or "ppt/" in main:
            raise InvalidInput(f"a zip archive without a workbook in it; {_EXPECTED}")
        root = self._xml(main)
        if _name(root) != "workbook":
            raise InvalidInput(f"a zip archive without a workbook in it; {_EXPECTED}")
        targets = {key: (kind, target) for key, kind, target in self._relations(main)}
        by_kind = dict(targets.values())
        self._strings = self._shared_strings(by_kind.get("sharedStrings"))
        self._formats = self._number_formats(by_kind.get("styles"))
        self._epoch = _EPOCH
        sheets: list[Sheet] = []
        for element in root.iter(etree.Element):
            name = _name(element)
            if name == "workbookPr" and element.get("date1904") in ("1", "true"):
                self._epoch = _EPOCH_1904
            if name != "sheet":
                continue
            key = next((v for k, v in element.attrib.items() if _plain(str(k)) == "id"), "")
            kind, target = targets.get(str(key), ("", ""))
            if kind != "worksheet" or target not in self._parts:
                continue
            if len(sheets) >= MAX_SHEETS:
                raise InvalidInput(f"more than {MAX_SHEETS} sheets; a template has far fewer")
            is_hidden = element.get("state", "visible") != "visible"
            sheets.append(self._sheet(str(element.get("name", "")), target, is_hidden))
        if not sheets:
            raise InvalidInput(f"a workbook without a sheet; {_EXPECTED}")
        has_macros = any(part.endswith("vbaProject.bin") for part in self._parts)
        return Workbook(tuple(sheets), self._properties(), has_macros)

    # Parts of the archive

    def _part(self, name: str) -> bytes:
        info = self._parts[name]
        with self._archive.open(info) as part:
            body = part.read(info.file_size + 1)
        if len(body) > info.file_size:
            raise InvalidInput("a damaged workbook (a part is larger than it says)")
        return body

    def _xml(self, name: str) -> etree._Element:
        root = etree.fromstring(self._part(name), _parser())
        if root.getroottree().docinfo.doctype:
            raise InvalidInput("a workbook with a document type in it, which none needs; refused")
        return root

    def _relations(self, of: str) -> Iterator[tuple[str, str, str]]:
        """(id, kind, part) of what a part, or the archive (""), is related to within the file."""
        folder, name = posixpath.split(of)
        part = posixpath.join(folder, "_rels", f"{name}.rels")
        if part not in self._parts:
            return
        for element in self._xml(part):
            if _name(element) != "Relationship" or element.get("TargetMode") == "External":
                continue
            target = str(element.get("Target", ""))
            path = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            kind = str(element.get("Type", "")).rpartition("/")[2]
            yield str(element.get("Id", "")), kind, posixpath.normpath(path)

    def _properties(self) -> dict[str, str]:
        name = "docProps/custom.xml"
        if name not in self._parts:
            return {}
        return {
            str(element.get("name", "")): "".join(str(t) for t in element.itertext())
            for element in self._xml(name)
            if _name(element) == "property"
        }

    # What cells share

    def _shared_strings(self, part: str | None) -> list[tuple[str, bool]]:
        if part is None or part not in self._parts:
            return []
        return [_string(item) for item in self._xml(part) if _name(item) == "si"]

    def _number_formats(self, part: str | None) -> list[str]:
        """The bare format of each cell style, in the order that cells number them."""
        if part is None or part not in self._parts:
            return []
        root = self._xml(part)
        own: dict[int, str] = {}
        used: list[str] = []
        for element in root.iter(etree.Element):
            if _name(element) == "numFmt":
                own[_int(element.get("numFmtId"))] = str(element.get("formatCode", ""))
        for element in root:
            if _name(element) == "cellXfs":
                for style in element:
                    number = _int(style.get("numFmtId"))
                    form = own.get(number, _BUILT_IN.get(number, ""))
                    used.append(_bare(form[:_MAX_FORMAT]))
        return used

    # Sheets

    def _sheet(self, name: str, part: str, is_hidden: bool) -> Sheet:
        cells: dict[tuple[int, int], XlsxCell] = {}
        hidden_rows: set[int] = set()
        hidden_columns: set[int] = set()
        merged: list[tuple[int, int, int, int]] = []
        row, column, groups = 0, 0, 0
        for event, element in _events(self._part(part)):
            tag = _name(element)
            if event == "start":
                if tag == "row":
                    row = _int(element.get("r")) or row + 1
                    column = 0
                    if element.get("hidden") in ("1", "true"):
                        hidden_rows.add(row)
                continue
            if tag == "c":
                at = _address(str(element.get("r", "")))
                at = at or (row, column + 1)
                row, column = at
                if not (0 < row <= _MAX_ROW and 0 < column <= _MAX_COLUMN):
                    raise InvalidInput(f"a damaged workbook (a cell at row {row})")
                cell = self._cell(element)
                if cell is not None:
                    cells[at] = cell
                    self._left -= 1
                    self._characters_left -= len(cell.text)
                    if self._left < 0 or self._characters_left < 0:
                        raise InvalidInput(
                            f"more than {MAX_CELLS} filled cells or {MAX_CHARACTERS} characters; "
                            "not curation"
                        )
                element.clear()
            elif tag == "row":
                element.clear()
            elif tag == "col" and element.get("hidden") in ("1", "true") and groups < _MAX_REGIONS:
                groups += 1
                first, last = _int(element.get("min")), _int(element.get("max"))
                hidden_columns.update(range(max(first, 1), min(last, _MAX_COLUMN) + 1))
            elif tag == "mergeCell" and len(merged) < _MAX_REGIONS:
                first_cell, _, last_cell = str(element.get("ref", "")).partition(":")
                ends = _address(first_cell), _address(last_cell)
                if ends[0] is not None and ends[1] is not None:
                    merged.append((*ends[0], *ends[1]))
        return Sheet(
            name=name,
            cells=cells,
            is_hidden=is_hidden,
            hidden_rows=frozenset(hidden_rows),
            hidden_columns=frozenset(hidden_columns),
            merged=tuple(merged),
        )

    def _cell(self, element: etree._Element) -> XlsxCell | None:
        value: str | None = None
        text, has_superscript = "", False
        is_formula = False
        for child in element:
            tag = _name(child)
            if tag == "v":
                value = child.text or ""
            elif tag == "f":
                is_formula = True
            elif tag == "is":
                text, has_superscript = _string(child)
        kind = element.get("t", "n")
        if kind == "inlineStr":
            return _text_cell(text, is_formula, has_superscript)
        # Programs that compute nothing save a formula without its result.
        if value is None or (is_formula and not value.strip()):
            return XlsxCell(Kind.TEXT, "", is_formula=True) if is_formula else None
        if kind == "s":
            number = _int(value)
            if not 0 <= number < len(self._strings):
                raise InvalidInput("a damaged workbook (a cell names a text that is not there)")
            text, has_superscript = self._strings[number]
            return _text_cell(text, is_formula, has_superscript)
        if kind == "str":
            return _text_cell(_unescaped(value), is_formula, False)
        if kind == "b":
            return XlsxCell(Kind.LOGICAL, "TRUE" if value == "1" else "FALSE", is_formula)
        if kind == "e":
            return XlsxCell(Kind.ERROR, value, is_formula)
        if kind == "d":
            return XlsxCell(Kind.DATE, value.removesuffix("T00:00:00"), is_formula)
        return self._number(value.strip(), _int(element.get("s")), is_formula)

    def _number(self, value: str, style: int, is_formula: bool) -> XlsxCell | None:
        if not value:
            return None
        number = float(value)
        code = self._formats[style] if 0 <= style < len(self._formats) else ""
        if re.search(r"[ymdhs]", code, re.IGNORECASE) and "general" not in code.lower():
            return XlsxCell(Kind.DATE, _as_date(number, code, self._epoch), is_formula)
        if "%" in code:
            return XlsxCell(Kind.PERCENT, f"{_as_typed(number * 100)}%", is_formula)
        return XlsxCell(Kind.NUMBER, _as_shown(number, code), is_formula)


def _text_cell(text: str, is_formula: bool, has_superscript: bool) -> XlsxCell | None:
    if not text.strip() and not is_formula:
        return None
    return XlsxCell(Kind.TEXT, text, is_formula, has_superscript)


def _bounded_parts(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The parts by name, none of which was unpacked yet and all of which may be."""
    infos = archive.infolist()
    if len(infos) > MAX_PARTS:
        raise InvalidInput(f"{len(infos)} parts in the file; a workbook has far fewer")
    total = 0
    for info in infos:
        if info.flag_bits & 1:
            raise InvalidInput("a file protected by a password; save it without one")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InvalidInput(f"a damaged workbook (packed as no workbook is); {_EXPECTED}")
        total += info.file_size
        if info.file_size > 1_000_000 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise InvalidInput("a part of the file unpacks to more than is reasonable; refused")
    if total > MAX_UNPACKED:
        raise InvalidInput(f"{total} bytes unpacked; of a workbook at most {MAX_UNPACKED} are read")
    return {info.filename: info for info in infos}


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True
    )


def _events(body: bytes) -> Iterator[tuple[str, etree._Element]]:
    for event, element in etree.iterparse(
        io.BytesIO(body),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
    ):
        if element.getparent() is None and element.getroottree().docinfo.doctype:
            raise InvalidInput("a workbook with a document type in it, which none needs; refused")
        yield event, element


def _name(element: etree._Element) -> str:
    return _plain(str(element.tag))


def _plain(name: str) -> str:
    """Without its namespace: strict and transitional workbooks differ in nothing else here."""
    return name.rpartition("}")[2]


def _string(item: etree._Element) -> tuple[str, bool]:
    """The text of a plain or formatted string, and whether a figure in it is raised."""
    parts: list[str] = []
    has_superscript = False
    for child in item:
        tag = _name(child)
        if tag == "t":
            parts.append(child.text or "")
        elif tag == "r":
            run = "".join(part.text or "" for part in child if _name(part) == "t")
            raised = any(
                _name(e) == "vertAlign" and e.get("val") == "superscript"
                for e in child.iter(etree.Element)
            )
            has_superscript = has_superscript or (raised and any(c.isdigit() for c in run))
            parts.append(run)
    return _unescaped("".join(parts)), has_superscript


def _unescaped(text: str) -> str:
    """Characters that XML cannot hold are written _x0000_ (ISO/IEC 29500-1, 22.4.2.4)."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


def _int(text: object) -> int:
    """The number in an attribute, 0 where there is none."""
    plain = str(text or "")
    return int(plain) if re.fullmatch(r"\d{1,9}", plain, re.ASCII) else 0


def _address(text: str) -> tuple[int, int] | None:
    """(row, column) of "H12"."""
    found = re.fullmatch(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})", text)
    if found is None:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column


def _bare(form: str) -> str:
    """A number format without what is printed as it is, colours and conditions; first part."""
    bare = re.sub(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', "", form)
    return bare.partition(";")[0]


def _as_date(number: float, code: str, epoch: datetime) -> str:
    """An ISO date with the parts that the format shows; a time of day alone stays one."""
    try:
        moment = epoch + timedelta(days=number)
    except OverflowError:
        return _as_typed(number)
    has_day = re.search(r"d", code, re.IGNORECASE)
    has_year = re.search(r"y", code, re.IGNORECASE)
    if not has_day and not has_year:
        return moment.strftime("%H:%M")
    day = date(moment.year, moment.month, moment.day).isoformat()
    if has_day:
        return day
    return day[:7] if re.search(r"m", code, re.IGNORECASE) else day[:4]


def _as_typed(number: float) -> str:
    """The number in the fifteen digits that spreadsheets show: 0.1 + 0.2 is 0.3."""
    text = f"{number:.15g}"
    if "e" in text:
        exact = f"{number:.15f}".rstrip("0").rstrip(".")
        text = exact if 1e-6 <= abs(number) < 1e15 else text
    return "0" if text == "-0" else text


def _as_shown(number: float, code: str) -> str:
    """As typed, with the zeros at its end that the format shows."""
    text = _as_typed(number)
    found = re.fullmatch(r"[#0,]*0\.(0+)", code.strip())
    if found is None or "e" in text:
        return text
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(len(found[1]), '0')}"
