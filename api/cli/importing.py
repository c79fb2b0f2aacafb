"""Reference files: into the base, to be looked at, and from one format to another."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, cast

import typer

from api.cli._context import AsJson, base, console, opened, print_json, say

if TYPE_CHECKING:
    from kb.formats.references.as_read import ReadingOf
    from kb.store.imports import ImportRun

_INTERRUPTED: Final = 130
_NOTHING_OBTAINED: Final = 1
# Beyond these the terminal is spared; --json has them all.
_MOST_LINES: Final = 20

FORMATS: Final = (
    "ris, nbib, pubmed-xml, bibtex, biblatex, csl-json, endnote-xml, csv, xlsx, crossref-json, "
    "openalex-json"
)
ReadAs = Annotated[
    str | None,
    typer.Option(help=f"{FORMATS} ...; seen from the content unless said.", metavar="NAME"),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--map", help="Of a table, which column holds what: Titel=title.", metavar="COLUMN=FIELD"
    ),
]


def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Reference files; - is stdin.")
    ],
    format: ReadAs = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="What the records stand under, embase-2026-11; the file's name unless said.",
            metavar="NAME",
        ),
    ] = None,
    columns: Columns = None,
    who: Annotated[str | None, typer.Option(help="Who brings them in.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only read them: needs no database, writes nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring reference files of any format into the base; records of one work become one work.

    Every file is kept as it is. What cannot be read is told with its place and stops nothing else.
    The same file again writes nothing; one that was stopped half-way goes on.

        kb import embase.ris scopus.csv pubmed.nbib
        kb import records.csv --source embase-2026-11 --map Titel=title --map Autoren=authors
        kb import library.bib --dry-run --json

    Exit code 1: no record could be read. 130: stopped with Ctrl-C, what came until then is held.
    """
    from kb.formats.references.as_read import columns_said

    said = columns_said(columns or ())
    if dry_run:
        _look(files, format, source, said, as_json)
    else:
        _bring_in(files, format, source, said, who, as_json)


def _bring_in(
    files: list[Path],
    format: str | None,
    source: str | None,
    columns: dict[str, str] | None,
    who: str | None,
    as_json: bool,
) -> None:
    from api.cli._progress import progress
    from api.collection_names import import_source
    from kb.errors import KBError, StoreUnavailable
    from kb.settings import Settings
    from kb.store.imports import import_file

    runs: list[ImportRun] = []
    failed: list[tuple[str, KBError]] = []
    with base(Settings()) as store, progress(quiet=as_json) as tell:
        for path in files:
            name = _name(path)
            try:
                with _own(path) as file:
                    run = import_file(
                        store,
                        file,
                        source=import_source(source, name),
                        file_name=name,
                        format=format,
                        columns=columns,
                        who=who,
                        progress=lambda what, n, of, name=name: tell(f"{name}: {what}", n, of),  # type: ignore[misc]
                    )
            except StoreUnavailable:
                raise
            except KBError as error:
                failed.append((name, error))
                continue
            runs.append(run)
            if run.is_interrupted:
                break
    if len(files) == 1 and failed:
        raise failed[0][1]
    if as_json:
        told = [{"file": name, "reason": str(error)} for name, error in failed]
        print_json({"imports": [run.as_dict() for run in runs], "failed": told})
    else:
        from api.cli import show_imports

        show_imports.import_runs(console(), runs, failed)
    if any(run.is_interrupted for run in runs):
        raise typer.Exit(_INTERRUPTED)
    if not any(run.done.records for run in runs):
        raise failed[0][1] if failed else typer.Exit(_NOTHING_OBTAINED)


def _look(
    files: list[Path],
    format: str | None,
    source: str | None,
    columns: dict[str, str] | None,
    as_json: bool,
) -> None:
    from api.collection_names import import_source
    from kb.formats.references.as_read import as_json as pieces_of

    with ExitStack() as held:
        readings = [
            _begun(held, path, format, import_source(source, _name(path)), columns)
            for path in files
        ]
        if as_json:
            for piece in pieces_of(readings):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            from api.cli import show_imports

            show_imports.as_read(console(), readings)
    if not any(reading.records for reading in readings):
        raise typer.Exit(_NOTHING_OBTAINED)


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A reference file; - is stdin.")],
    to: Annotated[str, typer.Option("--to", help=f"{FORMATS.partition(', crossref')[0]}.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write to FILE instead of stdout.", metavar="FILE"),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="The file's format; seen from the content unless said."),
    ] = None,
    columns: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Turn a reference file into one of another format, record by record, without a database.

    Records come out in their order, with the id they had and what the other format has no field
    for in its notes or fields of its own; what cannot be read is told with its place.

        kb convert library.bib --to ris > library.ris
        kb convert records.csv --map Titel=title --to nbib --out records.nbib
        kb convert pubmed.nbib --to csl-json --out pubmed.json --json

    Exit code 1: no record could be read.
    """
    from api.cli._progress import progress
    from kb.errors import InvalidInput
    from kb.formats.references.as_read import columns_said
    from kb.formats.references.formats import by_name, write_records

    wanted = by_name(to)
    if as_json and out is None:
        raise InvalidInput("--json prints the counts where the file would be; give --out too")
    if wanted.name == "xlsx" and out is None and sys.stdout.isatty():
        raise InvalidInput("xlsx is nothing for a terminal; give --out FILE")
    with ExitStack() as held:
        reading = _begun(held, file, from_, "file", columns_said(columns or ()))
        tell = held.enter_context(progress(quiet=as_json))
        with opened(out) as written:
            records = (_told(read.record, tell, reading) for read in reading.each())
            for piece in write_records(records, wanted):
                written.write(piece)
    if as_json:
        not_read = [{"position": p.position, "reason": p.reason} for p in reading.not_read]
        print_json({"to": wanted.name, "file": str(out), **reading.counts, "not_read": not_read})
    else:
        say(f"{reading.records:,} records as {wanted.title}")
        for part in reading.not_read[:_MOST_LINES]:
            say(f"not read: {part.position or 'the rest'}: {part.reason}")
        if len(reading.not_read) > _MOST_LINES:
            say(f"... and {len(reading.not_read) - _MOST_LINES} more; --out FILE --json tells all")
    if not reading.records:
        raise typer.Exit(_NOTHING_OBTAINED)


def _told(record: Any, tell: Any, reading: ReadingOf) -> Any:
    if reading.records % 500 == 0:
        tell("records", reading.records, None)
    return record


def _begun(
    held: ExitStack,
    path: Path,
    format: str | None,
    source: str,
    columns: dict[str, str] | None,
) -> ReadingOf:
    from kb.formats.references.as_read import begun
    from kb.formats.references.formats import read_file

    file = held.enter_context(_own(path))
    reads = read_file(file, source=source, name=_name(path), format=format, columns=columns)
    return begun(_name(path), source, reads)


def _name(path: Path) -> str:
    return "stdin" if str(path) == "-" else path.name


@contextmanager
def _own(path: Path) -> Iterator[BinaryIO]:
    """The file, or a copy of what comes through a pipe, since it is read more than once."""
    from kb.errors import InvalidInput

    try:
        stream = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    except IsADirectoryError as error:
        raise InvalidInput(f"{path} is a folder; name reference files") from error
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    with ExitStack() as held:
        if str(path) != "-":
            held.enter_context(stream)
        if str(path) != "-" and path.is_file():
            yield cast(BinaryIO, stream)
            return
        copy = held.enter_context(TemporaryFile())
        shutil.copyfileobj(stream, copy)
        copy.seek(0, os.SEEK_SET)
        yield cast(BinaryIO, copy)
