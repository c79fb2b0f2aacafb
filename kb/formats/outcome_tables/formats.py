"""What outcomes can be exported as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kb.errors import InvalidInput
from kb.formats.outcome_tables.layouts import META_TABLES, TABLES_ABOUT, Names
from kb.outcomes.comparisons import Table

CSV: Final = "text/csv; charset=utf-8"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`is_binary`: no text, so nothing for a terminal. `table` and `names` where the rows are for
    analysis; `compares` where any table for analysis is in it, so that the choices count."""

    name: str
    media_type: str
    suffix: str
    about: str
    table: Table | None = None
    names: Names = Names.METAFOR
    compares: bool = False
    is_binary: bool = False

    @property
    def filename(self) -> str:
        return self.file_of("outcomes")

    def file_of(self, what: str) -> str:
        """Name of a file of `what` ("adverse-events")."""
        stem = what if self.name == self.suffix else f"{what}-{self.name}"
        return f"{stem}.{self.suffix}"


def _tables() -> list[Format]:
    return [
        Format(
            name=f"{names.value}-{table.value}",
            media_type=CSV,
            suffix="csv",
            about=f"{TABLES_ABOUT[table]} Columns as the R package {names.value} names them.",
            table=table,
            names=names,
            compares=True,
        )
        for names in Names
        for table in Table
        if names is Names.METAFOR or table in META_TABLES
    ]


FORMATS: Final[Mapping[str, Format]] = {
    f.name: f
    for f in (
        Format(
            name="csv",
            media_type=CSV,
            suffix="csv",
            about="One row per result, with every number it can have, its text, state and origin.",
        ),
        Format(
            name="jsonl",
            media_type="application/x-ndjson",
            suffix="jsonl",
            about="One result per line, as the list of results shows it.",
        ),
        Format(
            name="json",
            media_type="application/json",
            suffix="json",
            about="All results in one document, as the list of results shows them.",
        ),
        Format(
            name="parquet",
            media_type="application/vnd.apache.parquet",
            suffix="parquet",
            about="As csv, typed, with the meaning of each column in the schema.",
            is_binary=True,
        ),
        Format(
            name="xlsx",
            media_type=_XLSX,
            suffix="xlsx",
            about="A workbook: results, every table for analysis, what was left out and why, and "
            "what each column means.",
            compares=True,
            is_binary=True,
        ),
        *_tables(),
        Format(
            name="revman5",
            media_type=CSV,
            suffix="csv",
            about="Two groups and contrasts as RevMan 5 exports analyses; meta::read.rm5 reads it.",
            compares=True,
        ),
        Format(
            name="revman-web",
            media_type="application/zip",
            suffix="zip",
            about="Two groups and contrasts as a RevMan Web data package, version 1; "
            "meta::read.cdir reads it.",
            compares=True,
            is_binary=True,
        ),
        Format(
            name="srdr",
            media_type=_XLSX,
            suffix="xlsx",
            about="One row per number, in the sheets of an SRDR+ export.",
            is_binary=True,
        ),
    )
}
# Other names that people try first.
ALIASES: Final[Mapping[str, str]] = {"long": "csv", "ndjson": "jsonl"}


def format_named(name: str) -> Format:
    """Raises InvalidInput for a name that is no format's, with those that are."""
    found = FORMATS.get(ALIASES.get(name, name))
    if found is None:
        raise InvalidInput(f"no format {name[:60]!r} (expected {', '.join(FORMATS)})")
    return found
