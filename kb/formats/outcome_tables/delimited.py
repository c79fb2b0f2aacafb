"""Rows as CSV for R and spreadsheets: UTF-8, dot decimal, empty for not known.

Texts come from registries and papers. One that a spreadsheet would run as a formula is led by an
apostrophe (OWASP, "CSV Injection"); a number printed with its sign stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from kb.formats.outcome_tables.dictionary import Layout, Value

R = TypeVar("R")

_CHUNK: Final = 64 * 1024
_RUNS: Final = ("=", "+", "-", "@", "\t", "\n")
_SIGNED_NUMBER: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


def csv_of(layout: Layout[R], rows: Iterable[R]) -> Iterator[bytes]:
    """The table in pieces of a few tens of kilobytes, a header first."""
    return csv_lines(layout.header, (layout.values(row) for row in rows))


def csv_lines(
    header: Sequence[str], rows: Iterable[Sequence[Value]], *, with_bom: bool = False
) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if with_bom:
        buffer.write("\ufeff")
    writer.writerow(header)
    for row in rows:
        writer.writerow([in_csv(value) for value in row])
        if buffer.tell() >= _CHUNK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def in_csv(value: Value) -> str:
    """As R's read.csv takes it: "" for NA, TRUE and FALSE, numbers in full precision."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return number_text(value)
    return guarded(str(value))


def number_text(value: float) -> str:
    """The shortest text that reads back as the same number, without a thousands separator."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


def guarded(text: str) -> str:
    # A lone carriage return ends a line for some readers, quoted or not.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.startswith(_RUNS) and not _SIGNED_NUMBER.fullmatch(text):
        return "'" + text
    return text
