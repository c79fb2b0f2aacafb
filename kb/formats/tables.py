"""Tables as people keep them: rows of text cells, with every mistake located.

Nothing is guessed and nothing is lost on the way: a cell that cannot be read as what its column
asks for becomes a `CellError`, and the reading goes on to find the next one.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

import orjson
from rapidfuzz import fuzz, process

from kb.errors import InvalidInput
from kb.models.dates import PartialDate, parse_partial_date

E = TypeVar("E", bound=StrEnum)

# A thousand times the starter evidence; more in one table is a mix-up, not curation.
MAX_TABLE_BYTES = 20_000_000
# A cell states a fact. The longest of the starter evidence has 286 characters; what is longer than
# this is a passage of a document, and those are not ours to copy.
MAX_CELL = 2000

# Plain decimals, and the Unicode minus that typesetters print. No thousands separators: whether
# "1,5" is fifteen hundred or one and a half depends on who typed it.
_NUMBER = re.compile(r"[-+−]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?", re.ASCII)

# What people type where nothing was reported. Words that a source may print ("unknown", "none")
# are among them only where a number is asked for.
_PLACEHOLDER = re.compile(
    r"n\.?a\.?|n/a|#n/a|n\.?r\.?|n/r|n\.?d\.?|nan|null|[-–—.?]+|not (?:reported|available|stated)",
    re.IGNORECASE,
)
_ERROR_VALUE = re.compile(r"#(?:DIV/0!|REF!|VALUE!|NAME\?|NUM!|NULL!)")
_NO_NUMBER = re.compile(
    r"unknown|missing|none|nil|not (?:measured|applicable|assessed|known|given)|unclear|tbd",
    re.IGNORECASE,
)
# Names of people and works are as they are: there are authors called Na.
_NAMES: Final = frozenset({"family", "given", "group", "suffix", "title", "acronym"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SPACES = str.maketrans(
    {"\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u200b": None, "\u2060": None, "\ufeff": None}
)
_MOST_HINTS: Final = 500
# How alike a misspelt header and a column must be for the cells below to be read as that column's.
_SAME_COLUMN: Final = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class CellError:
    """One mistake in a table, or with `is_warning` something to look at that stops nothing.

    `code` names the kind of mistake and does not change. `file` is the file, or the sheet of a
    workbook. `line` is the line of the file (a table's row number where there is no file), 0 where
    the whole file is meant; `column` and `value` are empty where a row or a file is wrong as a
    whole. `cell` is the address in a workbook ("H12", or "12:12" of a whole row), else empty.
    """

    file: str
    line: int
    column: str
    value: str
    message: str
    code: str
    cell: str = ""
    is_warning: bool = False

    @property
    def place(self) -> str:
        """ "results.csv:12", "results!H12", or the file alone."""
        if self.cell:
            return f"{self.file}!{self.cell}"
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        column = f" {self.column}:" if self.column else ""
        return f"{self.place}:{column} {self.message}"


class Findings:
    """The mistakes found so far, in the order of finding, and which tables there were."""

    def __init__(self) -> None:
        self._found: dict[CellError, None] = {}
        self._alike: dict[Hashable, tuple[CellError, list[str]]] = {}
        self.unread: set[str] = set()  # tables that could not be read, at least in part

    def add(self, error: CellError, *, alike: Hashable = None) -> None:
        """Note a mistake. One that is `alike` an earlier one is told with it and not once more."""
        if alike is not None:
            first, others = self._alike.setdefault(alike, (error, []))
            if first != error:
                near = error.cell or str(error.line)
                others.append(near if error.file == first.file else error.place)
                return
        self._found[error] = None

    def __len__(self) -> int:
        return len(self._found)

    def all(self) -> tuple[CellError, ...]:
        """Every mistake once, by file and line."""
        also = {first: others for first, others in self._alike.values() if others}
        told = (
            replace(e, message=f"{e.message}; {_and_in(also[e])}") if e in also else e
            for e in self._found
        )
        return tuple(sorted(told, key=lambda e: (e.file, e.line)))


def _and_in(places: Sequence[str]) -> str:
    shown_places = ", ".join(places[:5])
    return f"also in {shown_places}" + (f" and {len(places) - 5} more" if places[5:] else "")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one kind of table. Those required must be there and filled in every row."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return self.required + self.optional


def columns(required: str, optional: str = "") -> Columns:
    return Columns(tuple(required.split()), tuple(optional.split()))


class Row:
    """One row. Readers of cells return None for an empty cell, and for one that is wrong after
    noting the mistake.

    `addresses` gives each column's letters in a workbook. The cells of `unreadable` columns hold
    something of which was said already what is wrong with it.
    """

    def __init__(
        self,
        file: str,
        line: int,
        cells: Mapping[str, str],
        findings: Findings,
        *,
        addresses: Mapping[str, str] | None = None,
        unreadable: Collection[str] = (),
    ) -> None:
        self.place = f"{file}:{line}"
        self.cells = cells
        self._file = file
        self._line = line
        self._findings = findings
        self._addresses = addresses or {}
        self._unreadable = set(unreadable)
        self.is_wrong = False  # whether an error was noted in it

    def error(self, code: str, column: str, message: str, *, alike: Hashable = None) -> None:
        """Note a mistake; `column` is empty where the row is wrong as a whole. One that is `alike`
        another of this table and column is told with it."""
        about = None if alike is None else (self._file, column, alike)
        self._note(code, column, message, alike=about)

    def missing_table(self, column: str, table: str) -> None:
        """Note that the cell names a row of a table that has none, once for all tables."""
        message = f"{shown(self.cells[column])} is to be found in {table}, but {table} has no rows"
        self._note("missing-table", column, message, alike=table)

    def warn(self, code: str, column: str, message: str) -> None:
        """Note what a person should look at; it stops nothing."""
        self._note(code, column, message, is_warning=True)

    def _note(
        self,
        code: str,
        column: str,
        message: str,
        *,
        alike: Hashable = None,
        is_warning: bool = False,
    ) -> None:
        self.is_wrong = self.is_wrong or not is_warning
        letters = self._addresses.get(column)
        whole_row = f"{self._line}:{self._line}" if self._addresses else ""
        error = CellError(
            file=self._file,
            line=self._line,
            column=column,
            value=self.cells.get(column, ""),
            message=message,
            code=code,
            cell=f"{letters}{self._line}" if letters else whole_row,
            is_warning=is_warning,
        )
        self._findings.add(error, alike=alike)

    def unreadable(self, code: str, column: str, message: str) -> None:
        """Note a mistake in a cell, and read it as neither filled nor empty from now on."""
        self.error(code, column, message)
        self._unreadable.add(column)

    def text(self, column: str) -> str | None:
        return None if column in self._unreadable else self.cells.get(column) or None

    def has(self, column: str) -> bool:
        """Whether anything stands in the cell, readable or not."""
        return bool(self.cells.get(column)) or column in self._unreadable

    def listed(self, column: str) -> tuple[str, ...]:
        """The parts of a cell that holds several, separated by semicolons."""
        parts = (part.strip() for part in (self.text(column) or "").split(";"))
        return tuple(dict.fromkeys(part for part in parts if part))

    def number(self, column: str) -> float | None:
        text = self.text(column)
        if text is None:
            return None
        value = _read_number(text)
        if value is None:
            code, hint = _why_no_number(text)
            self.error(code, column, f"not a number: {shown(text)} ({hint})")
        return value

    def whole(self, column: str, *, least: int = 0) -> int | None:
        text = self.text(column)
        if text is None:
            return None
        if re.fullmatch(r"\d{1,9}", text, re.ASCII) and int(text) >= least:
            return int(text)
        value = _read_number(text)
        if value is None:
            code, hint = _why_no_number(text)
        elif value < least:
            code, hint = "below-least", "expected e.g. 7"
        elif not value.is_integer():
            code, hint = "not-whole", "expected e.g. 7: persons and events are counted, not parted"
        else:
            code, hint = "not-whole", "expected digits alone, at most nine, e.g. 7"
        self.error(code, column, f"not a whole number from {least}: {shown(text)} ({hint})")
        return None

    def choice(self, column: str, allowed: type[E]) -> E | None:
        text = self.one_of(column, tuple(allowed))
        return allowed(text) if text else None

    def one_of(self, column: str, allowed: Iterable[str]) -> str | None:
        text = self.text(column)
        if text is None:
            return None
        known = tuple(str(word) for word in allowed)
        if text not in known:
            message = f"unknown {column}: {shown(text)} ({self._expected(text, known)})"
            self.error(f"unknown-{_dashed(column)}", column, message)
            return None
        return text

    def known(self, column: str, names: Iterable[str], table: str) -> str | None:
        """A key that must stand in another table."""
        key = self.text(column)
        if key is None:
            return None
        known = tuple(names)
        if key in known:
            return key
        if not known:
            if table not in self._findings.unread:
                self.missing_table(column, table)
            return None
        message = f"{shown(key)} is not in {table} ({self._expected(key, known)})"
        self.error(f"unknown-{KEY_OF.get(table, 'key')}", column, message, alike=key)
        return None

    def _expected(self, text: str, known: Sequence[str]) -> str:
        """What would do; of very many mistakes the later ones are told without suggestions, which
        take longer to find than everything else."""
        if len(self._findings) > _MOST_HINTS and len(known) > 20:
            return f"expected one of the {len(known)} known"
        return expected(text, known)

    def flag(self, column: str) -> bool | None:
        text = self.one_of(column, ("yes", "no"))
        return None if text is None else text == "yes"

    def date(self, column: str) -> PartialDate | None:
        text = self.text(column)
        if text is None:
            return None
        date = parse_partial_date(text) if _DATE.fullmatch(text) else None
        if date != text:
            message = f"not a date: {shown(text)} (expected e.g. 2019-12-02, or 2019-12, or 2019)"
            self.error("not-a-date", column, message)
            return None
        return date

    def normalized(
        self, column: str, normalize: Callable[[str], str | None], what: str, example: str
    ) -> str | None:
        text = self.text(column)
        if text is None:
            return None
        value = normalize(text)
        if value is None:
            message = f"not {what}: {shown(text)} (expected e.g. {example})"
            self.error(f"malformed-{_dashed(column)}", column, message)
        return value


# What the keys of a table name, one of them.
KEY_OF: Final = {"studies": "study", "sources": "source", "works": "work"}


def _dashed(column: str) -> str:
    return column.replace("_", "-")


def _read_number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace("−", "-"))
    # 1e-400 is not 0, and no measurement either.
    is_lost = value == 0 and re.search("[1-9]", re.split("[eE]", text)[0]) is not None
    return value if math.isfinite(value) and not is_lost else None


_WORDS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
)  # fmt: skip
_D: Final = r"\d[\d.,]*"
# How a cell that is no number came to be, most telling first: pattern, code, what would do.
_WHY_NO_NUMBER: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), code, hint)
    for pattern, code, hint in (
        (
            r"\d{4}-\d{2}-\d{2}.*|\d{1,2}[-./ ]?[a-z]{3}(?:[-./ ]?\d{2,4})?|[a-z]{3}[-./ ]?\d{2,4}",
            "date-for-number",
            "a date, perhaps made by a spreadsheet out of 1-2 or 3/4: type what is printed, in a "
            "cell formatted as text",
        ),
        (
            r"[-+−]?\d{1,3}(?:[ '’]\d{3})+(?:[.,]\d+)?|\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?"
            r"|\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:\.\d{3})+,\d+",
            "thousands-separator",
            "no thousands separators: write 1200.5",
        ),
        (
            r"[-+−]?\d*[,·]\d+",
            "comma-in-number",
            "decimal point, no thousands separator: write 1.5, or 1500",
        ),
        (
            rf"(?:[<>≤≥=~≈]|ca\.?|circa|about|approx\w*\.?|p\s*[<>=])\s*=?\s*[-−]?{_D}.*",
            "limit-for-number",
            "a limit is not a number: leave the cell empty and put the words in note, or in p",
        ),
        (
            rf"[-+−]?{_D}\s*(?:%|percent|per cent)",
            "percent-sign",
            "no sign such as < or %: the number alone, in the column percent",
        ),
        (
            rf"[-+−]?{_D}\s*(?:±|\+/-|\+-)\s*{_D}|[-+−]?{_D}\s*[(\[][-−\d.,;–%\s]+[)\]]",
            "several-values",
            "one number in a cell: mean, sd, se, quartiles and range have columns of their own",
        ),
        (
            rf"{_D}\s*(?:/|of|out of)\s*{_D}",
            "fraction-for-number",
            "one number in a cell: those counted in events or persons, all of them in n or at_risk",
        ),
        (
            rf"[-−]?{_D}\s*(?:-|–|—|to|\.\.)\s*[-−]?{_D}",
            "range-for-number",
            "one number in a cell: the ends of a range have columns of their own",
        ),
        (
            rf"[-+−]?{_D}\s*[(\[].*|.*[(\[]\s*{_D}\s*[)\]]|[-+−]?{_D}\s*\?",
            "remark-in-number",
            "the number alone as printed, remarks in note; what is assumed is not entered",
        ),
        (
            rf"[-+−]?{_D}\s*[*†‡§#a-d]",
            "mark-on-number",
            "the number alone: what a footnote sign stands for goes to note",
        ),
        (
            rf"[-+−]?{_D}\s*[^\W\d_]\S*(?:\s.*)?",
            "unit-in-number",
            "decimal point, no unit: units have a column of their own",
        ),
    )
)


def _why_no_number(text: str) -> tuple[str, str]:
    """(code, what would do) for a cell that is no number."""
    if _PLACEHOLDER.fullmatch(text) or _NO_NUMBER.fullmatch(text):
        return "placeholder", "an empty cell means not reported: clear it"
    if text.lower() in _WORDS:
        return "word-for-number", f"write {_WORDS.index(text.lower())}"
    if _ERROR_VALUE.fullmatch(text):
        return "error-value", "the error of a formula: clear the cell"
    for pattern, code, hint in _WHY_NO_NUMBER:
        if pattern.fullmatch(text):
            return code, hint
    return "not-a-number", "expected e.g. 1.5: decimal point, no unit, no sign such as < or %"


def shown(text: str) -> str:
    """The text quoted, and cut where it is long."""
    return repr(text if len(text) <= 80 else text[:77] + "...")


def nearest(text: str, known: Iterable[str], *, cutoff: float = 0.5) -> list[str]:
    """Up to three of the known words that `text` may be a misspelling of, the nearest first."""
    folded: dict[str, str] = {}
    for word in known:
        folded.setdefault(_folded(word), word)
    near = process.extract(
        _folded(text), list(folded), scorer=fuzz.ratio, limit=3, score_cutoff=100 * cutoff
    )
    return [folded[word] for word, *_ in near]


@lru_cache(maxsize=16384)
def _folded(text: str) -> str:
    return re.sub(r"[\s_.-]+", "_", text.strip().casefold())


def expected(text: str, known: Sequence[str]) -> str:
    """What would do instead of `text`: all of a short list, the nearest of a long one."""
    if len(known) <= 20:
        if not known:
            return "there are none"
        near = nearest(text, known, cutoff=0.6)
        hint = f"nearest: {near[0]}; " if near and len(known) > 3 else ""
        return hint + "expected " + ", ".join(known)
    near = nearest(text, known)
    return "nearest: " + ", ".join(near) if near else f"none of the {len(known)} known is near"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a set of tables. A table that is not there has none; `unread` are those of which
    rows could not be read."""

    by_table: Mapping[str, list[Row]]
    unread: frozenset[str] = frozenset()

    def table(self, name: str) -> list[Row]:
        return self.by_table.get(name, [])


def keyed(rows: Iterable[Row], column: str) -> dict[str, Row]:
    """The rows by the cell that names each of them; the second of a name is a mistake."""
    found: dict[str, Row] = {}
    for row in rows:
        key = row.text(column)
        if key in found:
            message = f"{shown(key)} stands in {found[key].place} already"
            row.error("duplicate-key", column, message)
        elif key is not None:
            found[key] = row
    return found


def once(row: Row, column: str, key: object, seen: dict[object, Row]) -> bool:
    """Whether `key` comes up for the first time; the second time is a mistake."""
    if key in seen:
        row.error("duplicate-row", column, f"says what {seen[key].place} says already")
        return False
    seen[key] = row
    return True


Tables = dict[str, list[Row]]


def read_folder(
    folder: Path, known: Mapping[str, Columns], findings: Findings
) -> tuple[Tables, dict[str, bytes]]:
    """The rows of each table in a folder of CSV files, and the files as they are.

    Files other than *.csv are left alone. Raises InvalidInput if `folder` holds no table.
    """
    if not folder.exists():
        raise InvalidInput(
            f"no tables: {str(folder)!r} is not there (expected a workbook or a folder of CSV)"
        )
    paths = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    if not paths:
        raise InvalidInput(
            f"no tables in {str(folder)!r} (expected a folder with CSV files such as studies.csv)"
        )
    tables: Tables = {}
    files: dict[str, bytes] = {}
    for path in paths:
        if path.stem not in known:
            message = f"no such table ({expected(path.stem, tuple(known))})"
            findings.add(of_file(path.name, "unknown-table", message))
        elif (size := path.stat().st_size) > MAX_TABLE_BYTES:
            message = f"{size} bytes; at most {MAX_TABLE_BYTES} are read"
            findings.add(of_file(path.name, "too-large", message))
            findings.unread.add(path.stem)
        else:
            body = files[path.name] = path.read_bytes()
            tables[path.stem] = _csv_rows(path.name, body, known[path.stem], findings)
    return tables, files


def read_memory(
    given: Mapping[str, Sequence[Mapping[str, str | None]]],
    known: Mapping[str, Columns],
    findings: Findings,
) -> tuple[Tables, dict[str, bytes]]:
    """The same from tables that are no files: for each table a list of rows by column name."""
    tables: Tables = {}
    files: dict[str, bytes] = {}
    for name, rows in given.items():
        file = f"{name}.json"
        if name not in known:
            message = f"no such table ({expected(name, tuple(known))})"
            findings.add(of_file(file, "unknown-table", message))
            continue
        tables[name] = []
        for line, row in enumerate(rows, start=1):
            cells: dict[str, str] = {}
            unreadable: set[str] = set()
            names = _header(file, line, list(row), known[name], findings, is_row=True)
            for (given_name, value), column in zip(row.items(), names):
                if value is None or isinstance(value, str):
                    cells[column or given_name] = clean(value or "")
                else:
                    message = "not text; numbers are sent as text, so that 1.0 stays 1.0"
                    error = of_cell(file, line, given_name, repr(value), "not-text", message)
                    findings.add(error)
                    unreadable.add(column or given_name)
            made = make_row(file, line, cells, known[name], findings, unreadable=unreadable)
            if made is not None:
                tables[name].append(made)
        files[file] = orjson.dumps([dict(row) for row in rows], default=str)
    return tables, files


def read_row(body: bytes, media_type: str | None, line: int) -> dict[str, str] | None:
    """The cells of one row of a kept table by column: that which begins in this line of a CSV file,
    or the row of this number of a table that came as JSON. None where there is none."""
    if media_type == "application/json":
        rows = orjson.loads(body)
        if not isinstance(rows, list) or not 0 < line <= len(rows):
            return None
        row = rows[line - 1]
        return {str(k): v or "" for k, v in row.items()} if isinstance(row, dict) and row else None
    if media_type != "text/csv":
        return None
    reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    header = next(reader, [])
    begins = reader.line_num + 1
    for cells in reader:
        if begins == line:
            return dict(zip(header, cells))
        begins = reader.line_num + 1
    return None


def _csv_rows(file: str, body: bytes, known: Columns, findings: Findings) -> list[Row]:
    table = file.rpartition(".")[0]
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 (byte {body[error.start]:#04x}); save the table as CSV in UTF-8"
        findings.add(of_cell(file, line, "", "", "not-utf8", message))
        findings.unread.add(table)
        return []
    if "\0" in text:
        message = "not text (it holds NUL bytes); save the table as CSV in UTF-8"
        findings.add(of_file(file, "not-text", message))
        findings.unread.add(table)
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    line = 1
    try:
        header = next(reader, [])
        if not header:
            message = f"empty (expected a header: {', '.join(known.all)})"
            findings.add(of_file(file, "no-header", message))
        elif len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            message = "cells are not separated by commas"
            findings.add(of_cell(file, 1, "", header[0], "not-commas", message))
        else:
            names = _header(file, 1, header, known, findings)
            if any(column not in names for column in known.required):
                findings.unread.add(table)
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    if len(cells) != len(header):
                        message = f"{len(cells)} cells where the header has {len(header)} columns"
                        findings.add(of_cell(file, line, "", "", "ragged-row", message))
                    else:
                        row = {name: clean(cell) for name, cell in zip(names, cells) if name}
                        absent = set(known.required) - set(names)
                        made = make_row(file, line, row, known, findings, unreadable=absent)
                        if made is not None:
                            rows.append(made)
                line = reader.line_num + 1
            return rows
    except csv.Error as error:
        findings.add(of_cell(file, line, "", "", "not-csv", f"not well-formed CSV: {error}"))
    findings.unread.add(table)
    return rows


def _header(
    file: str,
    line: int,
    header: Sequence[str],
    known: Columns,
    findings: Findings,
    *,
    is_row: bool = False,
) -> list[str | None]:
    """The column each name of a header stands for, None where it stands for none."""
    names, mistakes = match_columns(header, known, is_row=is_row)
    for wrong in mistakes:
        value = "" if wrong.position is None else wrong.column
        error = of_cell(file, line, wrong.column, value, wrong.code, wrong.message)
        findings.add(error, alike=(file, wrong.code, wrong.column) if is_row else None)
    return names


@dataclass(frozen=True, slots=True)
class HeaderMistake:
    """What is wrong with a name in a header; `position` is None for a column that is missing."""

    position: int | None
    column: str
    code: str
    message: str


def match_columns(
    header: Sequence[str], known: Columns, *, is_row: bool = False
) -> tuple[list[str | None], list[HeaderMistake]]:
    """What column each name of a header stands for (None: none), and the mistakes in it.

    The cells below a misspelt name are read as the column it is nearest to, unless that is there as
    well, so that one slip is one message. With `is_row` the names are those of one row in memory,
    where a column left out is an empty cell.
    """
    plain = [spelt(clean(name), known.all) for name in header]
    names: list[str | None] = []
    mistakes: list[HeaderMistake] = []
    for position, name in enumerate(plain):
        if name in names:
            message = "column stands there twice"
            mistakes.append(HeaderMistake(position, name, "duplicate-column", message))
            names.append(None)
        elif name in known.all:
            names.append(name)
        else:
            near = nearest(name, known.all, cutoff=0.6)
            hint = f"nearest: {near[0]}" if near else f"expected {', '.join(known.all)}"
            if name:
                message = f"no such column: {shown(name)} ({hint})"
                mistakes.append(HeaderMistake(position, name, "unknown-column", message))
            meant = nearest(name, known.all, cutoff=_SAME_COLUMN)[:1]
            is_free = bool(meant) and meant[0] not in plain and meant[0] not in names
            names.append(meant[0] if is_free else None)
    if not is_row:
        mistakes += [
            HeaderMistake(None, column, "missing-column", "column is missing")
            for column in known.required
            if column not in names
        ]
    return names, mistakes


def spelt(name: str, known: Collection[str]) -> str:
    """A name as it is known, where it differs in capitals and in spaces for underscores alone."""
    if name in known:
        return name
    return next((word for word in known if _folded(word) == _folded(name)), name)


def clean(text: str) -> str:
    """The text without spaces around it; non-breaking spaces are spaces, invisible ones nothing."""
    return text.translate(_SPACES).strip()


def make_row(
    file: str,
    line: int,
    cells: Mapping[str, str],
    known: Columns,
    findings: Findings,
    *,
    addresses: Mapping[str, str] | None = None,
    unreadable: Collection[str] = (),
) -> Row | None:
    """The row, with what is wrong in any table noted. None for one that names nothing and is
    beside the table rather than in it."""
    row = Row(file, line, cells, findings, addresses=addresses, unreadable=unreadable)
    empty = [column for column in known.required if not row.has(column)]
    filled = [column for column in known.all if row.has(column)]
    # Under a table of statements people write totals, with a word in the first column.
    is_total = len(empty) == len(known.required) - 1 and {"study", "arm"} <= set(known.required)
    if filled and len(known.required) > 1 and (len(empty) == len(known.required) or is_total):
        at, needed = filled[0], ", ".join(empty)
        message = f"{shown(cells.get(at, ''))} stands in a row without {needed}"
        row.error("stray-row", at, f"{message} (fill them in, or move it out of the table)")
        return None
    # A key may be called as its column is; hardly are most cells of a row.
    if sum(spelt(cells.get(column, ""), (column,)) == column for column in filled) > max(
        2, len(filled) // 2
    ):
        message = "the header stands here again (delete the row)"
        row.error("stray-row", filled[0], message)
        return None
    for column in empty:
        row.error(f"missing-{_dashed(column)}", column, f"empty, but every row needs {column}")
    for column in filled:
        text = row.text(column) or ""
        if found := _CONTROL.search(text):
            message = f"holds a character that is no text ({found[0]!a}); type the cell again"
            row.unreadable("control-character", column, message)
        elif len(text) > MAX_CELL:
            message = f"{len(text)} characters, at most {MAX_CELL}: state the fact, not the passage"
            row.unreadable("too-long", column, message)
        elif column not in _NAMES and _PLACEHOLDER.fullmatch(text):
            message = f"{shown(text)} is not what was reported (an empty cell means not reported)"
            row.unreadable("placeholder", column, message)
    return row


def of_file(file: str, code: str, message: str, *, is_warning: bool = False) -> CellError:
    """A mistake of a file or sheet as a whole."""
    return CellError(
        file=file,
        line=0,
        column="",
        value="",
        message=message,
        code=code,
        is_warning=is_warning,
    )


def of_cell(
    file: str,
    line: int,
    column: str,
    value: str,
    code: str,
    message: str,
    *,
    cell: str = "",
    is_warning: bool = False,
) -> CellError:
    """A mistake in a cell of a row that was not read as one."""
    return CellError(
        file=file,
        line=line,
        column=column,
        value=value,
        message=message,
        code=code,
        cell=cell,
        is_warning=is_warning,
    )
