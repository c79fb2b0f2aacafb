"""Workbooks as people fill them in: the template's sheets, with cells as a program makes them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import xlsxwriter

from kb.formats.curation_columns import TABLES, in_working_order
from kb.formats.xlsx import letters


@dataclass(frozen=True)
class Number:
    """A number typed into a cell that is not formatted as text."""

    value: float
    form: str = "General"


@dataclass(frozen=True)
class Day:
    """What a program makes of "1-2"."""

    value: date
    form: str = "d-mmm"


@dataclass(frozen=True)
class Formula:
    text: str
    result: Any = 0


@dataclass(frozen=True)
class Raised:
    """Text of which the end is raised: 10 to the power of 6."""

    text: str
    raised: str
    rest: str = ""


Value = str | bool | None | Number | Day | Formula | Raised
Rows = Mapping[str, Sequence[Mapping[str, Value]]]


def a_workbook(rows: Rows, *, names: Mapping[str, str] | None = None) -> bytes:
    """A workbook with these rows below the headers of the template; `names` renames sheets."""
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True})
    for table, of_table in rows.items():
        sheet = book.add_worksheet((names or {}).get(table, table))
        header = header_of(table, of_table)
        for column, name in enumerate(header):
            sheet.write_string(0, column, name)
        for line, row in enumerate(of_table, start=1):
            for name, value in row.items():
                write(book, sheet, line, header.index(name), value)
    book.close()
    return output.getvalue()


def header_of(table: str, rows: Sequence[Mapping[str, Value]]) -> list[str]:
    """The columns of the template, and those that only the rows have."""
    known = in_working_order(table) if table in TABLES else ()
    return list(dict.fromkeys([*known, *(name for row in rows for name in row)]))


def write(book: Any, sheet: Any, line: int, column: int, value: Value) -> None:
    match value:
        case None:
            pass
        case str():
            sheet.write_string(line, column, value)
        case bool():
            sheet.write_boolean(line, column, value)
        case Number():
            form = book.add_format({"num_format": value.form})
            sheet.write_number(line, column, value.value, form)
        case Day():
            form = book.add_format({"num_format": value.form})
            sheet.write_datetime(line, column, value.value, form)
        case Formula():
            sheet.write_formula(line, column, value.text, None, value.result)
        case Raised():
            up = book.add_format({"font_script": 1})
            parts = [value.text, up, value.raised, *([value.rest] if value.rest else [])]
            sheet.write_rich_string(line, column, *parts)


def cell_of(table: str, rows: Sequence[Mapping[str, Value]], number: int, column: str) -> str:
    """The address of a column in the row of this number (1 is the first below the header)."""
    return f"{letters(header_of(table, rows).index(column) + 1)}{number + 1}"
