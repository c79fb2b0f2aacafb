"""Bringing in curated evidence, and checking what is held."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.cli._context import AsJson, base, console, print_json, reading, say
from api.cli._progress import progress

_MISTAKES = 2

app = typer.Typer(no_args_is_help=True)


@app.callback()
def evidence() -> None:
    """Import evidence tables, and check the evidence held.

    kb evidence import my-tables --name my-review --dry-run
    kb evidence check --study NCT03778333
    """


@app.command("import")
def import_tables(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Holds the CSV tables.")],
    name: Annotated[
        str, typer.Option(help="What the collection is called; the same name again updates it.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the tables and write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a folder of evidence tables: all of it, or nothing where a cell is wrong.

        kb evidence import my-tables --name my-review --dry-run
        kb evidence import my-tables --name my-review

    Exit code 2: the tables have mistakes; each is listed with its file, line and column.
    """
    from api.collection_names import check_name
    from kb.formats.curation import read_tables

    check_name(name)
    curated = read_tables(folder, source=name)
    if curated.errors:
        if as_json:
            print_json({"errors": [asdict(error) for error in curated.errors]})
        for error in curated.errors:
            say(str(error))
        say(f"kb: nothing imported, {len(curated.errors)} mistakes in {folder}")
        raise typer.Exit(_MISTAKES)
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
            print_json({"source": name, "errors": [], "found": found})
        else:
            listed = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in found.items())
            typer.echo(f"No mistakes: {listed}. Nothing was written.")
        return
    from kb.settings import Settings
    from kb.store.curated import save_curated
    from kb.store.records import Change

    with base(Settings()) as store, progress(quiet=as_json) as tell:
        report = save_curated(store, name, curated, progress=tell)
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
        print_json({"source": name, "counts": counts, "conflicts": report.conflicts})
        return
    from api.cli import show

    show.import_report(console(), counts)
    if report.conflicts:
        say(f"{report.conflicts} contradictions wait for a person: kb ingest conflicts")


@app.command("check")
def check(
    study: Annotated[
        str | None, typer.Option(help="Only this one: S1, a registration number or a record key.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check whether the numbers taken from abstracts stand in the abstracts held.

    Lists those of which some number was not found; --json lists all that were looked at.

    kb evidence check
    kb evidence check --study MS_IACOBAEUS_2019 --json
    """
    from kb.store.evidence_check import check_evidence
    from kb.store.lookup import resolve_study

    with reading() as session:
        number = None if study is None else resolve_study(session, study)
        findings = check_evidence(session, number)
    if as_json:
        print_json(findings)
        return
    from api.cli import show

    show.findings(console(), findings)
