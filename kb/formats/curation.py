"""Curation tables: evidence entered by hand, read into the records everything else is made of.

`docs/curation-tables.md` describes the tables for those who fill them in. The starter evidence is
kept in the same form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from kb.formats.curated_checks import check_usual
from kb.formats.curated_studies import Studies
from kb.formats.curated_works import Works
from kb.formats.curation_columns import TABLES
from kb.formats.tables import CellError, Findings, Rows, read_folder, read_memory
from kb.formats.workbook import read_file, read_sheets
from kb.models.evidence import StudyRecord
from kb.models.records import CitingList, ReferenceList, WorkRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """What a set of tables says. With `errors` there is nothing else: a set that is wrong in one
    cell imports nothing, so that it can be mended and read again as a whole."""

    works: tuple[WorkRecord, ...] = ()
    lists: tuple[ReferenceList | CitingList, ...] = ()
    studies: tuple[StudyRecord, ...] = ()
    # Registrations that no study of the tables names, each in a record of its own.
    registered_only: tuple[StudyRecord, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    errors: tuple[CellError, ...] = ()
    # What somebody should look at; it stops nothing.
    warnings: tuple[CellError, ...] = ()


MemoryTables = Mapping[str, Sequence[Mapping[str, str | None]]]


def read_tables(
    tables: Path | bytes | MemoryTables, *, source: str, today: date | None = None
) -> Curated:
    """Records from a folder of CSV files, from a workbook (a path to one, or its bytes), or from
    tables in memory (rows by table name).

    `source` names the collection; records carry it, and statements say in which row they were
    entered ("results.csv:150", "results:150" in a workbook's sheet, "results.json:3" for the third
    row of a table in memory). `files` holds the tables as read, by file name. Every mistake is
    collected in `errors`; years after the next, counted from `today` (now), are mistakes. Raises
    InvalidInput only for a folder without tables and for a file that is no workbook.
    """
    findings = Findings()
    if isinstance(tables, Path) and tables.is_file():
        tables = read_file(tables)
    if isinstance(tables, Path):
        rows, files = read_folder(tables, TABLES, findings)
    elif isinstance(tables, bytes):
        rows, files = read_sheets(tables, TABLES, findings)
    else:
        rows, files = read_memory(tables, TABLES, findings)
    for table, of_table in rows.items():
        for row in of_table:
            check_usual(table, row)
    this_year = (today or datetime.now(UTC).date()).year
    every = Rows(rows, frozenset(findings.unread))
    works = Works(every, source, this_year)
    studies = Studies(every, source, works, this_year)
    curated = Curated(
        works=tuple(works.records.values()),
        lists=works.lists(studies.sources),
        studies=studies.records(),
        registered_only=studies.registered_only(),
        files=files,
    )
    found = findings.all()
    errors = tuple(f for f in found if not f.is_warning)
    warnings = tuple(f for f in found if f.is_warning)
    if errors:
        return Curated(files=files, errors=errors, warnings=warnings)
    return replace(curated, warnings=warnings)
