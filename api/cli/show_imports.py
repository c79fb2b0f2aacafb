"""What people see of reference files that are read or brought in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from rich.console import Console

from api.cli.show import table
from api.cli.words import plain, said
from kb.errors import KBError
from kb.formats.references.as_read import ReadingOf
from kb.formats.references.reading import FileRecord
from kb.models.dates import year_of
from kb.store.imports import ImportRun
from kb.store.works_derived import authors_text

# Beyond these the terminal is spared; --json has them all.
_MOST_ROWS: Final = 100
_MOST_LINES: Final = 10
_LONGEST: Final = 120


def import_runs(
    console: Console, runs: Sequence[ImportRun], failed: Sequence[tuple[str, KBError]]
) -> None:
    console.print(
        table(
            (
                "Import ", "File", "Source", "Format ", "Records ", "New works ", "Duplicates ",
                "Unsure ", "Changed ", "Unchanged ", "Not read ",
            ),
            (
                (
                    run.done.id,
                    run.done.file_name,
                    run.done.source,
                    run.done.format,
                    run.done.records,
                    run.this_run["new_works"],
                    run.this_run["joined"],
                    run.this_run["unsure"],
                    run.this_run["changed"],
                    run.this_run["unchanged"],
                    run.done.unreadable + run.this_run["unsaved"],
                )
                for run in runs
            ),
        )
    )  # fmt: skip
    for run in runs:
        if run.is_interrupted:
            console.print(plain(f"{run.done.file_name}: stopped; the same command goes on"))
        elif run.done.records and not run.written:
            console.print(plain(f"{run.done.file_name}: all of it was held, nothing was written"))
        _lines(
            console,
            [f"{run.done.file_name}, {p.position}: {p.reason}" for p in run.not_read],
            "not read",
        )
        _lines(
            console,
            [f"{run.done.file_name}, {w.position}: {'; '.join(w.warnings)}" for w in run.warnings],
            "read with warnings",
        )
    for name, error in failed:
        console.print(plain(f"{name}: {error}"), style="red")


def as_read(console: Console, readings: Sequence[ReadingOf]) -> None:
    """A table of the first records of each file, and how many there are."""
    for reading in readings:
        console.print(
            table(
                ("Where ", "Type", "Title", "Authors", "Year ", "Known as", "Warnings"),
                _rows(reading),
                title=reading.file,
            )
        )
        for _ in reading.each():
            pass  # counted, not shown
        shown = min(_MOST_ROWS, reading.records)
        more = "" if shown == reading.records else f", {shown} of them shown (--json has them all)"
        console.print(f"{reading.records:,} records read{more}; nothing was written")
        _lines(
            console,
            [f"{p.position or 'the rest'}: {p.reason}" for p in reading.not_read],
            "not read",
        )


def _rows(reading: ReadingOf) -> Iterator[tuple[object, ...]]:
    return map(_row, islice(reading.each(), _MOST_ROWS))


def _row(read: FileRecord) -> tuple[object, ...]:
    record = read.record
    return (
        read.position,
        said(record.type),
        said(record.title and _short(record.title)),
        said(authors_text(record.authors)),
        said(year_of(record.published)),
        ", ".join(map(str, record.identifiers)),
        "; ".join(read.warnings),
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _lines(console: Console, lines: Sequence[str], what: str) -> None:
    if not lines:
        return
    console.print(f"{len(lines):,} {what}:")
    for line in lines[:_MOST_LINES]:
        console.print(plain(f"  {line}"))
    if len(lines) > _MOST_LINES:
        console.print(f"  ... and {len(lines) - _MOST_LINES:,} more; --json has them all")
