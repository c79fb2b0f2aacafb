"""Tables as people keep them: rows of text cells, with every mistake located.

Nothing is guessed and nothing is lost on the way: a cell that cannot be read as what its column
asks for becomes a `CellError`, and the reading goes on to find the next one.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import orjson

from kb.errors import InvalidInput
from kb.models.dates import PartialDate, parse_partial_date

E = TypeVar("E", bound=StrEnum)

# A thousand times the starter evidence; more in one table is a mix-up, not curation.
MAX_TABLE_BYTES = 20_000_000

# Plain decimals, and the Unicode minus that typesetters print. No thousands separators: whether
# "1,5" is fifteen hundred or one and a half depends on who typed it.
_NUMBER = re.compile(r"[-+−]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellError:
    """One mistake in a table. `line` is the line of the file (a table's row number where there is
    no file), 0 where the whole file is meant; `column` and `value` are empty where a row or a file
    is wrong as a whole."""

    file: str
    line: int
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        column = f" {self.column}:" if self.column else ""
        return f"{place}:{column} {self.message}"


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
    noting the mistake."""

    def __init__(
        self, file: str, line: int, cells: Mapping[str, str], errors: list[CellError]
    ) -> None:
        self.place = f"{file}:{line}"
        self._file = file
        self._line = line
        self._cells = cells
        self._errors = errors

    def error(self, column: str, message: str) -> None:
        value = self._cells.get(column, "")
        self._errors.append(
            CellError(file=self._file, line=self._line, column=column, value=value, message=message)
        )

    def text(self, column: str) -> str | None:
        return self._cells.get(column) or None

    def listed(self, column: str) -> tuple[str, ...]:
        """The parts of a cell that holds several, separated by semicolons."""
        parts = (part.strip() for part in self._cells.get(column, "").split(";"))
        return tuple(dict.fromkeys(part for part in parts if part))

    def number(self, column: str) -> float | None:
        text = self.text(column)
        if text is None:
            return None
        plain = text.replace("−", "-")
        if not _NUMBER.fullmatch(text) or not math.isfinite(float(plain)):
            self.error(
                column,
                f"not a number: {shown(text)} (expected e.g. 1.5: decimal point, no unit, no sign "
                "such as < or %)",
            )
            return None
        return float(plain)

    def whole(self, column: str, *, least: int = 0) -> int | None:
        text = self.text(column)
        if text is None:
            return None
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < least:
            self.error(column, f"not a whole number from {least}: {shown(text)} (expected e.g. 7)")
            return None
        return int(text)

    def choice(self, column: str, allowed: type[E]) -> E | None:
        text = self.one_of(column, tuple(allowed))
        return allowed(text) if text else None

    def one_of(self, column: str, allowed: Iterable[str]) -> str | None:
        text = self.text(column)
        if text is None:
            return None
        known = tuple(str(word) for word in allowed)
        if text not in known:
            self.error(column, f"unknown {column}: {shown(text)} ({expected(text, known)})")
            return None
        return text

    def known(self, column: str, names: Iterable[str], table: str) -> str | None:
        """A key that must stand in another table."""
        key = self.text(column)
        if key is None:
            return None
        known = tuple(names)
        if not known and self._is_unread(table):
            return None
        if key not in known:
            self.error(column, f"{shown(key)} is not in {table} ({expected(key, known)})")
            return None
        return key

    def _is_unread(self, table: str) -> bool:
        """Whether that table is wrong as a whole, so that rows naming its keys are not at fault."""
        return any(e.line <= 1 and e.file.rpartition(".")[0] == table for e in self._errors)

    def flag(self, column: str) -> bool | None:
        text = self.one_of(column, ("yes", "no"))
        return None if text is None else text == "yes"

    def date(self, column: str) -> PartialDate | None:
        text = self.text(column)
        if text is None:
            return None
        date = parse_partial_date(text) if _DATE.fullmatch(text) else None
        if date != text:
            self.error(column, f"not a date: {shown(text)} (expected e.g. 2019-12-02, or 2019-12)")
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
            self.error(column, f"not {what}: {shown(text)} (expected e.g. {example})")
        return value


def shown(text: str) -> str:
    """The text quoted, and cut where it is long."""
    return repr(text if len(text) <= 80 else text[:77] + "...")


def expected(text: str, known: Sequence[str]) -> str:
    """What would do instead of `text`: all of a short list, the nearest of a long one."""
    if len(known) <= 20:
        return "expected " + ", ".join(known) if known else "there are none"
    near = difflib.get_close_matches(text, known, n=3, cutoff=0.5)
    return "nearest: " + ", ".join(near) if near else f"none of the {len(known)} known is near"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a set of tables. A table that is not there has none."""

    by_table: Mapping[str, list[Row]]

    def table(self, name: str) -> list[Row]:
        return self.by_table.get(name, [])


def keyed(rows: Iterable[Row], column: str) -> dict[str, Row]:
    """The rows by the cell that names each of them; the second of a name is a mistake."""
    found: dict[str, Row] = {}
    for row in rows:
        key = row.text(column)
        if key in found:
            row.error(column, f"{shown(key)} stands in {found[key].place} already")
        elif key is not None:
            found[key] = row
    return found


def once(row: Row, column: str, key: object, seen: dict[object, Row]) -> bool:
    """Whether `key` comes up for the first time; the second time is a mistake."""
    if key in seen:
        row.error(column, f"says what {seen[key].place} says already")
        return False
    seen[key] = row
    return True


Tables = dict[str, list[Row]]


def read_folder(
    folder: Path, known: Mapping[str, Columns], errors: list[CellError]
) -> tuple[Tables, dict[str, bytes]]:
    """The rows of each table in a folder of CSV files, and the files as they are.

    Files other than *.csv are left alone. Raises InvalidInput if `folder` holds no table.
    """
    paths = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    if not paths:
        raise InvalidInput(
            f"no tables in {str(folder)!r} (expected a folder with CSV files such as studies.csv)"
        )
    tables: Tables = {}
    files: dict[str, bytes] = {}
    for path in paths:
        if path.stem not in known:
            _file_error(errors, path.name, f"no such table ({expected(path.stem, tuple(known))})")
        elif (size := path.stat().st_size) > MAX_TABLE_BYTES:
            _file_error(errors, path.name, f"{size} bytes; at most {MAX_TABLE_BYTES} are read")
        else:
            body = files[path.name] = path.read_bytes()
            tables[path.stem] = _csv_rows(path.name, body, known[path.stem], errors)
    return tables, files


def read_memory(
    given: Mapping[str, Sequence[Mapping[str, str | None]]],
    known: Mapping[str, Columns],
    errors: list[CellError],
) -> tuple[Tables, dict[str, bytes]]:
    """The same from tables that are no files: for each table a list of rows by column name."""
    tables: Tables = {}
    files: dict[str, bytes] = {}
    for name, rows in given.items():
        file = f"{name}.json"
        if name not in known:
            _file_error(errors, file, f"no such table ({expected(name, tuple(known))})")
            continue
        tables[name] = []
        for line, row in enumerate(rows, start=1):
            cells: dict[str, str] = {}
            for column, value in row.items():
                if value is None or isinstance(value, str):
                    cells[column] = (value or "").strip()
                else:
                    message = "not text; numbers are sent as text, so that 1.0 stays 1.0"
                    _error(errors, file, line, column, repr(value), message)
            unknown = [column for column in cells if column not in known[name].all]
            for column in unknown:
                _error(errors, file, line, column, column, _no_column(column, known[name]))
            tables[name].append(_row(file, line, cells, known[name], errors))
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
        return {str(k): v or "" for k, v in row.items()} if isinstance(row, dict) else None
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


def _csv_rows(file: str, body: bytes, known: Columns, errors: list[CellError]) -> list[Row]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 (byte {body[error.start]:#04x}); save the table as CSV in UTF-8"
        _error(errors, file, line, "", "", message)
        return []
    if "\0" in text:
        _file_error(errors, file, "not text (it holds NUL bytes); save the table as CSV in UTF-8")
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    line = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        if not _header_is_fine(file, header, known, errors):
            return []
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(header):
                    message = f"{len(cells)} cells where the header has {len(header)} columns"
                    _error(errors, file, line, "", "", message)
                else:
                    row = dict(zip(header, (cell.strip() for cell in cells)))
                    rows.append(_row(file, line, row, known, errors))
            line = reader.line_num + 1
    except csv.Error as error:
        _error(errors, file, line, "", "", f"not well-formed CSV: {error}")
    return rows


def _header_is_fine(file: str, header: list[str], known: Columns, errors: list[CellError]) -> bool:
    before = len(errors)
    if not header:
        _file_error(errors, file, f"empty (expected a header: {', '.join(known.all)})")
    elif len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        _error(errors, file, 1, "", header[0], "cells are not separated by commas")
    else:
        for column in dict.fromkeys(header):
            if column not in known.all:
                _error(errors, file, 1, column, column, _no_column(column, known))
            elif header.count(column) > 1:
                _error(errors, file, 1, column, column, "column stands there twice")
        for column in known.required:
            if column not in header:
                _error(errors, file, 1, column, "", "column is missing")
    return len(errors) == before


def _no_column(column: str, known: Columns) -> str:
    near = difflib.get_close_matches(column, known.all, n=1)
    hint = f"nearest: {near[0]}" if near else f"expected {', '.join(known.all)}"
    return f"no such column: {shown(column)} ({hint})"


def _row(
    file: str, line: int, cells: Mapping[str, str], known: Columns, errors: list[CellError]
) -> Row:
    row = Row(file, line, cells, errors)
    for column in known.required:
        if not row.text(column):
            row.error(column, f"empty, but every row needs {column}")
    return row


def _file_error(errors: list[CellError], file: str, message: str) -> None:
    _error(errors, file, 0, "", "", message)


def _error(
    errors: list[CellError], file: str, line: int, column: str, value: str, message: str
) -> None:
    errors.append(CellError(file=file, line=line, column=column, value=value, message=message))
