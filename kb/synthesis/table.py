"""Tables of study results as people send them: CSV files, or rows by column name.

Column names are metafor's, or those of the R package meta. An empty cell or NA is not given, and
never 0; anything else that is no number, where one is needed, is an error with its place.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kb.errors import InvalidInput
from kb.synthesis.effects import MEASURES, Floats, Measure, measure_of

MAX_BYTES: Final = 16_000_000
# A hundred times the largest meta-analyses; more is another kind of data.
MAX_ROWS: Final = 10_000
MAX_COLUMNS: Final = 500
_MOST_SHOWN: Final = 8

Cell = str | float | None

STATES: Final = (
    "reported", "reported_zero", "not_reported", "not_measured", "not_applicable", "unclear",
)  # fmt: skip
WITH_A_NUMBER: Final = ("reported", "reported_zero")
ORIGINS: Final = ("reported", "computed", "imputed", "digitised", "author_supplied")

# Names of the R package meta (Balduzzi et al. 2019, Evid Based Ment Health 22:153-160). Some stand
# for several of metafor's; which, the measure decides.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "ai": ("event.e",),
    "n1i": ("n.e",),
    "ci": ("event.c",),
    "n2i": ("n.c",),
    "x1i": ("event.e",),
    "t1i": ("time.e",),
    "x2i": ("event.c",),
    "t2i": ("time.c",),
    "m1i": ("mean.e",),
    "sd1i": ("sd.e",),
    "m2i": ("mean.c",),
    "sd2i": ("sd.c",),
    "xi": ("event",),
    "ni": ("n",),
    "ti": ("time",),
    "ri": ("cor",),
    "sdi": ("sd",),
    "yi": ("te",),
    "sei": ("sete",),
}
# `mi` is a mean or the persons without the event; meta's `mean` is only the first.
_MEAN_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {**_ALIASES, "mi": ("mean",)}
_LABELS: Final = ("slab", "studlab", "study", "trial")

_NUMBER: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_WITH_POINT: Final = re.compile(r"[-+−]?\d*\.\d+(?:[eE][-+]?\d+)?", re.ASCII)
_WITH_COMMA: Final = re.compile(r"[-+−]?\d+,\d+(?:[eE][-+]?\d+)?", re.ASCII)
_MAYBE_THOUSANDS: Final = re.compile(r"[-+−]?[1-9]\d{0,2},\d{3}", re.ASCII)
_NOT_GIVEN: Final = ("", "NA", "NaN", "nan")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells by column. `places` says where each row stands ("line 3"), `notes` what was
    done to read it. Columns are found whatever the case of their names."""

    columns: Mapping[str, tuple[Cell, ...]]
    places: tuple[str, ...]
    decimal: str = "."
    notes: tuple[str, ...] = ()

    @property
    def k(self) -> int:
        return len(self.places)

    def name_of(self, column: str) -> str | None:
        """The column's name as it stands in the table, None where there is no such column."""
        wanted = column.casefold()
        return next((name for name in self.columns if name.casefold() == wanted), None)

    def texts(self, column: str) -> list[str | None]:
        """The cells as text; None where nothing is given."""
        return [_text(cell) for cell in self.columns[self._known(column)]]

    def is_numeric(self, column: str) -> bool:
        """Whether every cell given in it is a number."""
        cells = self.columns[self._known(column)]
        return all(isinstance(_number(cell, self.decimal), float | None) for cell in cells)

    def numbers(self, column: str) -> Floats:
        """The cells as numbers, NaN where not given, as its `_state` column may say too.

        Raises InvalidInput with the place of every cell that is not a number.
        """
        name = self._known(column)
        errors: list[str] = []
        values = np.full(self.k, np.nan)
        for i, cell in enumerate(self.columns[name]):
            number = _number(cell, self.decimal)
            if isinstance(number, str):
                errors.append(f"{self.places[i]}, {name}: {number}")
            elif number is not None:
                values[i] = number
        errors += self._states_at_odds(name, values)
        raise_all(errors)
        return values

    def _states_at_odds(self, name: str, values: Floats) -> Iterable[str]:
        """Where a number stands in a cell whose state says that there is none."""
        if self.name_of(f"{name}_state") is None:
            return
        for i, state in enumerate(self.texts(f"{name}_state")):
            place = f"{self.places[i]}, {name}_state"
            if state is not None and state not in STATES:
                yield f"{place}: unknown state {state[:40]!r} (expected {', '.join(STATES)})"
            elif state is None or np.isnan(values[i]):
                continue
            elif state not in WITH_A_NUMBER:
                yield f"{place}: {state}, but {name} says {values[i]:g}"
            elif state == "reported_zero" and values[i] != 0:
                yield f"{place}: reported_zero, but {name} says {values[i]:g}"

    def origins(self, column: str) -> list[str | None]:
        """Where each number of a column came from, as its `_origin` column says; None where it
        does not. Raises InvalidInput for a word that is no origin."""
        if self.name_of(f"{column}_origin") is None:
            return [None] * self.k
        found = self.texts(f"{column}_origin")
        raise_all(
            f"{self.places[i]}, {column}_origin: unknown origin {origin[:40]!r} "
            f"(expected {', '.join(ORIGINS)})"
            for i, origin in enumerate(found)
            if origin is not None and origin not in ORIGINS
        )
        return found

    def labels(self) -> list[str]:
        """What to call each study: slab, studlab, study, trial, or author and year; else its
        number."""
        found: list[str | None] = [None] * self.k
        own = next((name for name in _LABELS if self.name_of(name) is not None), None)
        if own is not None:
            found = self.texts(own)
        elif self.name_of("author") is not None:
            authors = self.texts("author")
            years = self.texts("year") if self.name_of("year") else [None] * self.k
            found = [" ".join(filter(None, pair)) or None for pair in zip(authors, years)]
        return [label or str(i + 1) for i, label in enumerate(found)]

    def _known(self, column: str) -> str:
        name = self.name_of(column)
        if name is None:
            raise InvalidInput(f"no column {column[:60]!r}{_nearest(column, self.columns)}")
        return name


@dataclass(frozen=True, slots=True)
class MeasureData:
    """What a table holds for one measure: `columns` under metafor's names, and in `names` what
    each is called in the table. `is_given` where yi and vi stand for the measure's own columns."""

    columns: Mapping[str, Floats]
    names: Mapping[str, str]
    is_given: bool


def raise_all(errors: Iterable[str]) -> None:
    """InvalidInput with the first of the errors and how many more there are; nothing for none."""
    found = list(errors)
    if found:
        more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
        raise InvalidInput("; ".join(found[:_MOST_SHOWN]) + more)


# -- which columns a measure takes ---------------------------------------------------------------


def measure_data(table: Table, measure: str) -> MeasureData:
    """The numbers of a measure: from its own columns or, where the table has none of those that it
    needs, from yi and vi or sei on the measure's scale.

    Raises InvalidInput where columns are missing, saying which, and for cells that are no numbers.
    """
    known = measure_of(measure)
    own = _names(table, known)
    missing = _missing(known, own)
    is_given = False
    if (
        missing
        and (given := _names(table, MEASURES["GEN"]))
        and not _missing(MEASURES["GEN"], given)
    ):
        own, missing, is_given = given, [], True
    if missing:
        raise InvalidInput(
            f"{measure} ({known.name}) needs the columns {_listed(known)}; "
            f"missing: {', '.join(missing)}"
            + _nearest(missing[0], [name for name in table.columns if name not in own.values()])
        )
    columns: dict[str, Floats] = {}
    errors: list[str] = []
    for name, held in own.items():
        try:
            columns[name] = table.numbers(held)
        except InvalidInput as error:
            errors.append(str(error))
    raise_all(errors)
    return MeasureData(columns=columns, names=own, is_given=is_given)


def permitted_measures(table: Table) -> list[str]:
    """The measures whose columns the table has."""
    return [
        code for code, measure in MEASURES.items() if not _missing(measure, _names(table, measure))
    ]


def _names(table: Table, measure: Measure) -> dict[str, str]:
    """The table's names for the columns of a measure that it has; metafor's go before meta's."""
    aliases = _MEAN_ALIASES if "sdi" in measure.columns else _ALIASES
    found: dict[str, str] = {}
    for column in measure.columns:
        candidates = map(table.name_of, (column, *aliases.get(column, ())))
        name = next((name for name in candidates if name is not None), None)
        if name is not None:
            found[column] = name
    return found


def _missing(measure: Measure, found: Mapping[str, str]) -> list[str]:
    needs = [need for need in measure.needs if not any(n in found for n in need.split("|"))]
    return [need.replace("|", " or ") for need in needs]


def _listed(measure: Measure) -> str:
    return ", ".join(need.replace("|", " or ") for need in measure.needs)


def _nearest(column: str, columns: Iterable[str]) -> str:
    known = [name for name in columns if name]
    near = [
        match
        for part in column.split(" or ")
        for match in difflib.get_close_matches(part, known, n=1, cutoff=0.6)
    ]
    if near:
        return f" (nearest: {near[0]})"
    return f" (the table has {', '.join(known[:30])})" if known else ""


# -- reading -------------------------------------------------------------------------------------


def read_rows(rows: Sequence[Mapping[str, object]]) -> Table:
    """A table from rows by column name; cells are numbers, texts or None."""
    if len(rows) > MAX_ROWS:
        raise InvalidInput(f"{len(rows)} rows; at most {MAX_ROWS} are read")
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        if not _is_whole(name):
            raise InvalidInput(f"{name[:40]!a} names a column and has half a character in it")
    places = tuple(f"row {i + 1}" for i in range(len(rows)))
    errors: list[str] = []
    columns: dict[str, tuple[Cell, ...]] = {}
    for name in names:
        cells: list[Cell] = []
        for place, row in zip(places, rows):
            value = row.get(name)
            if isinstance(value, bool) or not isinstance(value, str | int | float | None):
                errors.append(f"{place}, {name}: neither number nor text: {str(value)[:40]!r}")
                value = None
            if isinstance(value, str) and not _is_whole(value):
                errors.append(f"{place}, {name}: half a character in {value[:40]!a}")
            # An integer of any length would not fit a float.
            cells.append(_as_float(value) if isinstance(value, int) else value)
        columns[name] = tuple(cells)
    raise_all(errors)
    _check_names(names)
    return Table(columns=columns, places=places)


def _is_whole(text: str) -> bool:
    """Whether no half of a surrogate pair is in it, which JSON can spell and UTF-8 cannot."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def read_csv(body: bytes) -> Table:
    """A table from a CSV file: separated by commas, semicolons or tabs, which the header decides.

    UTF-8 or UTF-16 with or without BOM; other bytes are read as Windows-1252, and the notes say
    so. Numbers have a decimal point, or a decimal comma where cells are separated by something
    else. Raises InvalidInput with the line of what cannot be read.
    """
    if len(body) > MAX_BYTES:
        raise InvalidInput(f"{len(body)} bytes; at most {MAX_BYTES} are read")
    text, notes = _decoded(body)
    if "\0" in text:
        raise InvalidInput("not text (it holds NUL bytes); save the table as CSV in UTF-8")
    lines_before, separator, text = _separator(text)
    header, records = _records(text, separator, lines_before)
    names = [name.strip() for name in header]
    _check_names([name for name in names if name])
    columns = {
        name: tuple(cells[i] for _, cells in records) for i, name in enumerate(names) if name
    }
    decimal = "," if separator != "," and _has_decimal_commas(columns.values()) else "."
    if decimal == ",":
        notes += ("numbers were read with a decimal comma",)
    return Table(
        columns=columns,
        places=tuple(f"line {line}" for line, _ in records),
        decimal=decimal,
        notes=notes,
    )


def _decoded(body: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        if body.startswith((b"\xff\xfe", b"\xfe\xff")):
            return body.decode("utf-16"), ()
        return body.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        # Spreadsheets in Western Europe and America; every byte means something.
        text = body.decode("cp1252", errors="replace")
        return text, ("not UTF-8; names were read as Windows-1252",)


def _separator(text: str) -> tuple[int, str, str]:
    """How many lines stand before the header, what separates cells, and the text from there on."""
    said = re.match(r"\s*sep=(.)\r?\n", text)  # a line that spreadsheets write and read
    if said and said[1] in ",;\t":
        return text.count("\n", 0, said.end()), said[1], text[said.end() :]
    before = len(text) - len(text.lstrip("\r\n"))
    text_from_header = text[before:]
    header = text_from_header.split("\n", 1)[0]
    bare = re.sub(r'"[^"]*"', "", header)
    counts = {separator: bare.count(separator) for separator in ",;\t"}
    return text.count("\n", 0, before), max(counts, key=lambda s: counts[s]), text_from_header


def _records(
    text: str, separator: str, lines_before: int
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the line and the cells of each row that holds anything."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records: list[tuple[int, list[str]]] = []
    line = 1
    try:
        header = next(reader, [])
        if not any(name.strip() for name in header):
            raise InvalidInput("an empty table (expected a header with column names, and rows)")
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if any(cell.strip() for cell in cells[len(header) :]) or len(cells) < len(header):
                    raise InvalidInput(
                        f"line {line + lines_before}: {len(cells)} cells where the header has "
                        f"{len(header)} columns"
                    )
                records.append((line + lines_before, [cell.strip() for cell in cells]))
                if len(records) > MAX_ROWS:
                    raise InvalidInput(f"more than {MAX_ROWS} rows; at most so many are read")
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"line {line + lines_before}: not well-formed CSV: {error}") from error
    return header, records


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MAX_COLUMNS:
        raise InvalidInput(f"{len(names)} columns; at most {MAX_COLUMNS} are read")
    folded = [name.casefold() for name in names]
    twice = [name for name in names if folded.count(name.casefold()) > 1]
    if twice:
        raise InvalidInput(f"column {twice[0]!r} stands there twice; keep one")


def _has_decimal_commas(columns: Iterable[Sequence[Cell]]) -> bool:
    cells = [cell for column in columns for cell in column if isinstance(cell, str)]
    with_comma = [cell for cell in cells if _WITH_COMMA.fullmatch(cell)]
    if not with_comma or any(_WITH_POINT.fullmatch(cell) for cell in cells):
        return False
    if all(_MAYBE_THOUSANDS.fullmatch(cell) for cell in with_comma):
        raise InvalidInput(
            f"{with_comma[0]} may be a thousand or a fraction; save numbers with a decimal point "
            "and without thousands separators"
        )
    return True


# -- cells ---------------------------------------------------------------------------------------


def _text(cell: Cell) -> str | None:
    if isinstance(cell, float):
        return f"{cell:g}" if abs(cell) < 1e15 else str(cell)
    return None if cell is None or cell.strip() in _NOT_GIVEN else cell.strip()


def _number(cell: Cell, decimal: str) -> float | str | None:
    """The number in a cell, None where nothing is given, or what is wrong with it."""
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return float(cell) if math.isfinite(cell) else "not a finite number"
    text = _text(cell)
    if text is None:
        return None
    plain = text.replace("−", "-")
    if decimal == "," and "." not in plain:
        plain = plain.replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        hint = (
            "a decimal comma or a thousands separator; expected e.g. 1234 or 1.5"
            if _WITH_COMMA.fullmatch(text)
            else "expected e.g. 1.5, or an empty cell where nothing is reported"
        )
        return f"not a number: {text[:40]!r} ({hint})"
    return float(plain) if math.isfinite(float(plain)) else f"{text[:40]} is beyond any number"
