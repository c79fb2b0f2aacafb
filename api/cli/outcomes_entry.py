"""Getting outcomes in: a workbook to fill in, and the filled one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli._context import AsJson, base, console, print_json, reading, say, whole_file
from api.cli._progress import progress

if TYPE_CHECKING:
    from kb.formats.tables import CellError

_MISTAKES: Final = 2
_MOST_SHOWN: Final = 100

Name = Annotated[
    str, typer.Option(help="What the collection is called; the same name again updates it.")
]
Extractor = Annotated[
    str | None,
    typer.Option(help="Whose extraction it is, where several people extract for one collection."),
]
Who = Annotated[
    str | None, typer.Option(help="Who brings it in; the extractor if nobody is named.")
]
Why = Annotated[str | None, typer.Option(help="Why it was entered or changed, for its history.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the tables and write nothing.")]


def template(
    xlsx: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the workbook.")],
    study: Annotated[
        str | None,
        typer.Option(help="A study held, whose arms and planned outcomes stand in it already."),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="Only outcomes of this field or condition, and those of any: ms."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
) -> None:
    """Write a workbook to fill in with what studies report, one sheet for each kind of statement.

    kb outcomes template --xlsx my-extraction.xlsx --condition ms
    kb outcomes template --xlsx iacobaeus.xlsx --study MS_IACOBAEUS_2019
    """
    from kb.errors import Conflict, InvalidInput
    from kb.formats.workbook import outcomes_of, write_template

    if xlsx.suffix.lower() != ".xlsx":
        raise InvalidInput(f"not the name of a workbook: {xlsx.name!r} (expected e.g. ms.xlsx)")
    vocabulary = outcomes_of(condition or [])
    rows: dict[str, list[dict[str, str]]] = {}
    about = None
    if study is not None:
        from kb.store.lookup import resolve_study
        from kb.store.template_rows import template_rows

        with reading() as session:
            number = resolve_study(session, study)
            rows = template_rows(session, number)
        about = f"{rows['studies'][0]['label']} (S{number})"
    body = write_template(vocabulary, rows, about=about)
    if xlsx.exists() and not force:
        raise Conflict(f"{xlsx} is there already (--force writes over it)")
    try:
        with whole_file(xlsx) as file:
            file.write(body)
    except OSError as error:
        raise InvalidInput(f"{xlsx} cannot be written: {error.strerror}") from error
    typer.echo(f"{xlsx}: {len(vocabulary)} outcomes to choose from")
    for table, of_table in rows.items():
        if of_table:
            typer.echo(f"  {table}: {len(of_table)} rows filled in as far as the base knows them")


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A filled workbook.")],
    name: Name,
    extractor: Extractor = None,
    who: Who = None,
    why: Why = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import a filled workbook: all of it, or nothing where a cell is wrong.

        kb outcomes import my-extraction.xlsx --name my-review --dry-run
        kb outcomes import my-extraction.xlsx --name my-review

    Exit code 2: the workbook has mistakes; each is listed with its sheet and cell.
    """
    bring_in(file, name, extractor, (who, why), dry_run=dry_run, as_json=as_json)


def bring_in(
    tables: Path,
    name: str,
    extractor: str | None,
    said: tuple[str | None, str | None],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Check tables, in a folder or a workbook, and import them; exits with 2 for mistakes. `said`
    is who brings them in, and why."""
    from api.collection_names import extraction_source
    from kb.formats.curation import read_tables

    source = extraction_source(name, extractor)
    curated = read_tables(tables, source=source)
    is_workbook = tables.is_file()
    warnings = [told(found, is_workbook) for found in curated.warnings]
    if curated.errors:
        if as_json:
            errors = [told(found, is_workbook) for found in curated.errors]
            print_json({"errors": errors, "warnings": warnings})
        _list(curated.errors, "")
        _list(curated.warnings, "warning: ")
        mistakes = _counted(len(curated.errors), "mistake")
        say(f"kb: nothing imported, {mistakes} in {tables}")
        raise typer.Exit(_MISTAKES)
    if not as_json:
        _list(curated.warnings, "warning: ")
    if dry_run:
        found = {
            "works": len(curated.works),
            "lists": len(curated.lists),
            "studies": len(curated.studies),
            "registrations": len(curated.registered_only),
            "results": sum(len(study.results) for study in curated.studies),
            "adverse_events": sum(len(study.adverse_events) for study in curated.studies),
        }
        if as_json:
            print_json({"source": source, "errors": [], "warnings": warnings, "found": found})
        else:
            listed = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in found.items())
            typer.echo(f"No mistakes: {listed}. Nothing was written.")
        return
    from kb.settings import Settings
    from kb.store.curated import save_curated
    from kb.store.records import Change

    with base(Settings()) as store, progress(quiet=as_json) as tell:
        who, why = said
        report = save_curated(store, source, curated, who=who, why=why, progress=tell)
    counts = {
        kind: {str(change): counter[change] for change in Change}
        for kind, counter in (
            ("works", report.works),
            ("lists", report.lists),
            ("studies", report.studies),
            ("registrations", report.registrations),
        )
    }
    if as_json:
        print_json(
            {
                "source": source,
                "counts": counts,
                "conflicts": report.conflicts,
                "warnings": warnings,
            }
        )
        return
    from api.cli import show

    show.import_report(console(), counts)
    if report.conflicts:
        say(f"{report.conflicts} contradictions wait for a person: kb ingest conflicts")


def told(found: CellError, is_workbook: bool) -> dict[str, Any]:
    """A mistake for programs: by file and line, in a workbook by sheet, row and cell."""
    value = asdict(found)
    del value["is_warning"]
    if is_workbook:
        return {"sheet": value.pop("file"), "row": value.pop("line"), **value}
    del value["cell"]
    return value


def _list(found: Sequence[CellError], label: str) -> None:
    for one in found[:_MOST_SHOWN]:
        say(f"{label}{one} [{one.code}]")
    if len(found) > _MOST_SHOWN:
        more = len(found) - _MOST_SHOWN
        say(f"{label}... and {more} more (--json lists all)")


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
