"""Bringing in curated evidence, and checking what is held."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli._context import AsJson, console, print_json, reading
from api.cli.outcomes_entry import DryRun, Extractor, Name, Who, Why, bring_in

app = typer.Typer(no_args_is_help=True)


@app.callback()
def evidence() -> None:
    """Import evidence tables, and check the evidence held.

    kb evidence import my-tables --name my-review --dry-run
    kb evidence check --study NCT03778333
    """


@app.command("import")
def import_tables(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Holds the CSV tables; or a workbook.")
    ],
    name: Name,
    extractor: Extractor = None,
    who: Who = None,
    why: Why = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import a folder of evidence tables: all of it, or nothing where a cell is wrong.

        kb evidence import my-tables --name my-review --dry-run
        kb evidence import my-tables --name my-review

    Exit code 2: the tables have mistakes; each is listed with its file, line and column.
    """
    bring_in(folder, name, extractor, (who, why), dry_run=dry_run, as_json=as_json)


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
