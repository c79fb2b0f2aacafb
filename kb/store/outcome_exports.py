"""Results or adverse events as a file in any format, written while they are read.

Text comes in pieces as the database gives rows; workbooks, Parquet files and packages, which are
only whole at their end, are put together in a folder of their own and then given in pieces. An
export that fails raises where the next piece was due: what came before is not the whole, and
nothing follows it that could make it look so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
from sqlmodel import Session

from kb.errors import InvalidInput
from kb.formats.outcome_tables.delimited import csv_of
from kb.formats.outcome_tables.dictionary import DICTIONARY_HEADER, Layout, Value, dictionary_rows
from kb.formats.outcome_tables.formats import Format
from kb.formats.outcome_tables.layouts import event_layout, long_layout, table_layout
from kb.formats.outcome_tables.parquet import write_parquet
from kb.formats.outcome_tables.revman import TABLES, Collected
from kb.formats.outcome_tables.revman5 import revman5_csv
from kb.formats.outcome_tables.revman_web import write_package
from kb.formats.outcome_tables.spreadsheet import Workbook
from kb.formats.outcome_tables.srdr import SHEETS, srdr_rows
from kb.formats.outcome_tables.summary import Summary
from kb.outcomes.comparisons import (
    NOTES,
    REASONS,
    AnalysisRow,
    Choices,
    Compared,
    Table,
    analysis_rows,
)
from kb.outcomes.observed import Observed
from kb.store.analysis_rows import (
    OF_ADVERSE_EVENTS,
    OF_RESULTS,
    Subject,
    count_results,
    each_observed,
    each_result,
    each_study,
)
from kb.store.listing import Asked

Tell = Callable[[int], None]  # how many results have been read

_PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Export:
    """`summary` is complete once `pieces` are used up; its count of results is so from the start.

    `pieces` read from the session: it must stay open until they are used up or closed.
    """

    format: Format
    summary: Summary
    pieces: Iterator[bytes]


def export_outcomes(
    session: Session,
    asked: Asked,
    format: Format,
    choices: Choices | None = None,
    tell: Tell = lambda _: None,
    of: Subject = OF_RESULTS,
) -> Export:
    """What is selected in a format. Raises InvalidInput for a selection that cannot be."""
    if format.compares and asked.sort:
        raise InvalidInput(
            f"{format.name} has an order of its own, by study, outcome and time; leave out sort"
        )
    summary = Summary(results=count_results(session, asked, of))
    reading = _Reading(session, asked, choices or Choices(), summary, tell, of)
    return Export(format, summary, _pieces(format, reading))


@dataclass(slots=True)
class _Reading:
    session: Session
    asked: Asked
    choices: Choices
    summary: Summary
    tell: Tell
    of: Subject
    read: int = 0

    def results(self) -> Iterator[Any]:
        yield from self._counted(each_result(self.session, self.asked, self.of))

    def observed(self) -> Iterator[Observed]:
        for o in each_observed(self.session, self.asked, self.of):
            self.summary.studies.add(o.study.id)
            yield from self._counted([o])

    def studies(self) -> Iterator[list[Observed]]:
        for own in each_study(self.session, self.asked, self.of):
            self.read += len(own)
            self.tell(self.read)
            yield own

    def compared(self, table: Table, own: Sequence[Observed]) -> Compared:
        return analysis_rows(table, own, self.choices)

    def rows(self, table: Table) -> Iterator[AnalysisRow]:
        for own in self.studies():
            compared = self.compared(table, own)
            self.summary.left(*compared.left_out)
            for row in compared.rows:
                self.summary.saw(row)
                yield row

    def _counted(self, results: Any) -> Iterator[Any]:
        for result in results:
            self.read += 1
            self.summary.rows += 1
            self.tell(self.read)
            yield result


def _pieces(format: Format, reading: _Reading) -> Iterator[bytes]:
    if format.table is not None:
        layout = table_layout(format.table, format.names)
        return csv_of(layout, reading.rows(format.table))
    return _WRITERS[format.name](reading)


def layout_of(of: Subject) -> Layout[Observed]:
    """The columns of what is exported one by one."""
    return event_layout() if of is OF_ADVERSE_EVENTS else long_layout()


def _csv(reading: _Reading) -> Iterator[bytes]:
    return csv_of(layout_of(reading.of), reading.observed())


def _jsonl(reading: _Reading) -> Iterator[bytes]:
    return _joined(orjson.dumps(result) + b"\n" for result in reading.results())


def _json(reading: _Reading) -> Iterator[bytes]:
    def parts() -> Iterator[bytes]:
        yield b'{"meta":' + orjson.dumps({"count": reading.summary.results}) + b',"results":['
        for number, result in enumerate(reading.results()):
            yield (b",\n" if number else b"\n") + orjson.dumps(result)
        yield b"\n]}\n"

    return _joined(parts())


def _joined(parts: Iterator[bytes]) -> Iterator[bytes]:
    """In pieces of a size worth sending."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= _PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


# -- files that are only whole at their end ------------------------------------------------------


def _file(reading: _Reading, write: Callable[[_Reading, Path], None]) -> Iterator[bytes]:
    with TemporaryDirectory(prefix="kb-export-") as folder:
        path = Path(folder) / "export"
        write(reading, path)
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def _parquet(reading: _Reading, path: Path) -> None:
    about = {"results": str(reading.summary.results), "filter": reading.asked.selection}
    write_parquet(path, layout_of(reading.of), reading.observed(), about)


def _xlsx(reading: _Reading, path: Path) -> None:
    """One pass over the studies fills the sheet of results and those of all tables."""
    layouts: dict[Table, Layout[AnalysisRow]] = {table: table_layout(table) for table in Table}
    long = layout_of(reading.of)
    tables = reading.summary.tables
    book = Workbook(path)
    book.sheet("about", ("what", "value", "meaning"))
    book.sheet(reading.of.name, long.header)
    for layout in layouts.values():
        book.sheet(layout.name, layout.header)
        tables[layout.name] = Summary(results=reading.summary.results)
    book.sheet("dictionary", DICTIONARY_HEADER)
    for own in reading.studies():
        reading.summary.studies.add(own[0].study.id)
        for o in own:
            reading.summary.rows += 1
            book.add(reading.of.name, long.values(o))
        for table, layout in layouts.items():
            compared = reading.compared(table, own)
            tables[layout.name].left(*compared.left_out)
            for row in compared.rows:
                tables[layout.name].saw(row)
                book.add(layout.name, layout.values(row))
    for line in dictionary_rows([long, *layouts.values()]):
        book.add("dictionary", line)
    for said in _about(reading):
        book.add("about", said)
    book.close()


def _about(reading: _Reading) -> Iterator[tuple[Value, ...]]:
    of = reading.of.name
    yield (of, reading.summary.results, f"as many as the list of {of} counts")
    yield ("filter", reading.asked.selection, "what was asked for; empty: everything")
    for name, summary in reading.summary.tables.items():
        yield (f"{name}: rows", summary.rows, f"{summary.usable} of them usable")
        for what, n in summary.not_usable.most_common():
            yield (f"{name}: rows not usable", n, what)
        for reason, n in summary.left_out.most_common():
            yield (f"{name}: {of} left out", n, f"{reason}: {REASONS[reason]}")
    for note, meaning in NOTES.items():
        yield ("note", note, meaning)


def _srdr(reading: _Reading, path: Path) -> None:
    book = Workbook(path)
    for name, header in SHEETS.items():
        book.sheet(name, header)
    for o in reading.observed():
        for name, values in srdr_rows(o):
            book.add(name, values)
    book.close()


def _collected(reading: _Reading) -> Collected:
    collected = Collected()
    for own in reading.studies():
        for table in TABLES:
            compared = reading.compared(table, own)
            reading.summary.left(*compared.left_out)
            for row in compared.rows:
                reading.summary.saw(row)
            collected.add(compared.rows)
    return collected


def _revman5(reading: _Reading) -> Iterator[bytes]:
    yield from revman5_csv(_collected(reading).analyses())


def _revman_web(reading: _Reading, path: Path) -> None:
    collected = _collected(reading)
    write_package(path, collected.analyses(), collected.left_out)


_WRITERS: Final[dict[str, Callable[[_Reading], Iterator[bytes]]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "json": _json,
    "parquet": lambda reading: _file(reading, _parquet),
    "xlsx": lambda reading: _file(reading, _xlsx),
    "srdr": lambda reading: _file(reading, _srdr),
    "revman5": _revman5,
    "revman-web": lambda reading: _file(reading, _revman_web),
}
