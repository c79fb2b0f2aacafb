"""Everything in one workbook: results, tables for analysis, what columns mean, what was left out.

Rows are written to disk as they come, so that memory does not grow with them. Texts are cells of
text, whatever they begin with: no formula of a source is ever one here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from kb.errors import InvalidInput
from kb.formats.outcome_tables.dictionary import Value

# Limits of the format, ECMA-376 as Excel applies it.
MAX_ROWS: Final = 1_048_576
_MAX_TEXT: Final = 32_767

_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class Workbook:
    """A workbook being written; sheets take rows in any alternation."""

    def __init__(self, path: Path) -> None:
        # What is written before the workbook is put together goes when its folder goes.
        options = {**_OPTIONS, "tmpdir": str(path.parent)}
        self._book = xlsxwriter.Workbook(str(path), options)
        self._bold = self._book.add_format({"bold": True})
        self._sheets: dict[str, Any] = {}
        self._next: dict[str, int] = {}

    def sheet(self, name: str, header: Sequence[str]) -> None:
        """Begin a sheet; names are at most 31 characters and unlike each other."""
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        self._sheets[name] = sheet
        self._next[name] = 1
        for column, title in enumerate(header):
            sheet.write_string(0, column, title, self._bold)

    def add(self, name: str, values: Iterable[Value]) -> None:
        row = self._next[name]
        if row >= MAX_ROWS:
            raise InvalidInput(
                f"more than {MAX_ROWS:,} rows, which no worksheet holds; filter, or take csv "
                "or parquet"
            )
        sheet = self._sheets[name]
        for column, value in enumerate(values):
            if isinstance(value, bool):
                sheet.write_boolean(row, column, value)
            elif isinstance(value, int | float):
                sheet.write_number(row, column, value)
            elif value:
                sheet.write_string(row, column, _fitted(str(value)))
        self._next[name] = row + 1

    def close(self) -> None:
        self._book.close()


def _fitted(text: str) -> str:
    if len(text) <= _MAX_TEXT:
        return text
    said = f" ... (cut: {len(text):,} characters, a cell holds {_MAX_TEXT:,})"
    return text[: _MAX_TEXT - len(said)] + said
