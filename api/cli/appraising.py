"""Risk of bias, completeness of reporting, summary of findings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli._context import AsJson, base, console, print_json, reading, say

_MISTAKES = 2

app = typer.Typer(no_args_is_help=True)

StudyName = Annotated[
    str | None, typer.Option(help="Only this study: S1, a registration number or a record key.")
]
ToolName = Annotated[str | None, typer.Option(help="RoB 2, ROBINS-I, MINORS ...")]
Version = Annotated[str | None, typer.Option(help="Of the tool: 2019, 2024 ...")]


@app.callback()
def appraisal() -> None:
    """Judge studies with the tool and version that suit them, and say what the evidence supports.

    kb appraisal tools
    kb appraisal import judgements.csv --dry-run
    kb appraisal export --tool "RoB 2" > robvis.csv
    """


@app.command("tools")
def tools(as_json: AsJson = False) -> None:
    """List the tools, their versions and items.

    kb appraisal tools
    """
    from kb.appraisal.tool import load_tools

    if as_json:
        print_json(list(load_tools()))
        return
    from api.cli import show

    console().print(
        show.table(
            ("Tool ", "Version ", "For", "Items", "Answers"),
            (
                (
                    t.name,
                    t.version,
                    t.suits,
                    "; ".join(f"{i.key} {i.title}" for i in t.items),
                    ", ".join(t.answers),
                )
                for t in load_tools()
            ),
        )
    )


@app.command("import")
def import_table(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: one row per item, or robvis.")],
    tool: ToolName = None,
    version: Version = None,
    assessor: Annotated[
        str | None, typer.Option(help="Who judged, where the table does not say.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the table and write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import judgements: all of a table, or nothing where a cell is wrong.

        kb appraisal import judgements.csv --dry-run
        kb appraisal import robvis.csv --tool ROBINS-I --version 2024 --assessor anna

    Exit code 2: the table has mistakes; each is listed with its line and column.
    """
    from dataclasses import asdict
    from datetime import UTC, datetime

    from kb.errors import InvalidInput
    from kb.formats.appraisal_tables import read_appraisals

    try:
        body = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from None
    table = read_appraisals(body, tool=tool, version=version, assessor=assessor)
    if table.errors:
        if as_json:
            print_json({"errors": [asdict(mistake) for mistake in table.errors]})
        for mistake in table.errors:
            say(f"{file}: {mistake}")
        say(f"kb: nothing imported, {len(table.errors)} mistakes in {file}")
        raise typer.Exit(_MISTAKES)
    if dry_run:
        found = {"appraisals": len(table.claims), "errors": []}
        if as_json:
            print_json(found)
        else:
            typer.echo(f"No mistakes: {len(table.claims)} appraisals. Nothing was written.")
        return
    from kb.settings import Settings
    from kb.store.appraisals import save_appraisals

    with base(Settings()) as store, store.writing() as session:
        counted = save_appraisals(session, table.claims, body, datetime.now(UTC))
    if as_json:
        print_json({str(change): n for change, n in counted.items()})
    else:
        typer.echo(", ".join(f"{n} {change}" for change, n in counted.items()))


@app.command("list")
def list_appraisals(
    study: StudyName = None,
    tool: ToolName = None,
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Show judgements with their support.

    kb appraisal list --study MS_IACOBAEUS_2019
    """
    from kb.appraisal.tool import find_tool
    from kb.store.appraisals import read_appraisals
    from kb.store.lookup import resolve_study

    wanted = None if tool is None else find_tool(tool, version)
    with reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = read_appraisals(session, number, wanted)
    if as_json:
        print_json(found)
        return
    from api.cli import show

    if not found:
        typer.echo("No appraisal is held.")
        return
    console().print(
        show.table(
            ("Study", "Tool ", "About", "By", "Judgements", "Overall"),
            (
                (
                    a.study.label,
                    f"{a.tool} {a.version}",
                    a.subject or "the study",
                    "consensus" if a.is_consensus else a.assessor,
                    "\n".join(
                        f"{j.item} {j.title}: {j.answer}" + (f" ({j.support})" if j.support else "")
                        for j in a.judgements
                    ),
                    _overall(a.overall, a.overall_basis, a.score, a.most, a.reported)
                    + "".join(f"\n{w}" for w in a.warnings),
                )
                for a in found
            ),
        )
    )


def _overall(
    answer: str | None, basis: str | None, score: int | None, most: int | None, share: float | None
) -> str:
    if score is not None:
        return f"{score} of {most}"
    if share is not None:
        return f"{share:.0%} reported"
    return "none stated" if answer is None else f"{answer} ({basis})"


@app.command("export")
def export(
    tool: Annotated[str, typer.Option(help="RoB 2, ROBINS-I, MINORS ...")],
    version: Version = None,
) -> None:
    """Print the table that robvis reads: one judgement per study, a consensus before assessors.

    kb appraisal export --tool "RoB 2" > robvis.csv
    kb appraisal export --tool MINORS > minors.csv

    robvis has templates for RoB 2 and ROBINS-I; `kb plot rob` draws the tables of all tools.
    """
    from kb.appraisal.tool import find_tool
    from kb.store.appraisals import robvis_table

    wanted = find_tool(tool, version)
    with reading() as session:
        table, left_out = robvis_table(session, wanted)
    typer.echo(table, nl=False)
    for line in left_out:
        say(line)


@app.command("completeness")
def completeness(study: StudyName = None, as_json: AsJson = False) -> None:
    """Show what is told of each study's cells, by the items of DOSES and ISCT.

    kb appraisal completeness
    """
    from kb.store.appraisals import reporting_completeness
    from kb.store.lookup import resolve_study

    with reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = reporting_completeness(session, number)
    if as_json:
        print_json(found)
        return
    from api.cli import show

    console().print(
        show.table(
            ("Study", "Reported, of those judged ", "Held here ", "Items"),
            (
                (
                    c.study.label,
                    "nobody judged" if c.reported is None else f"{c.reported:.0%}",
                    f"{c.held} of {c.holdable}",
                    ", ".join(
                        f"{i.title}: {i.answer or ('held' if i.held else 'not judged')}"
                        for i in c.items
                        if i.answer or i.held
                    ),
                )
                for c in found
            ),
        )
    )
    typer.echo("Held: this base has it. That it does not is no sign that the paper does not tell.")


@app.command("sof")
def summary_of_findings(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON: a list of rows.")],
    as_json: AsJson = False,
) -> None:
    """Make GRADE summary of findings rows: certainty, risks per 1,000, and what cannot be said.

    kb appraisal sof rows.json
    """
    from kb.errors import InvalidInput
    from kb.formats.summary_of_findings import read_rows, table_rows

    try:
        body = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from None
    rows = read_rows(body)
    if as_json:
        print_json(rows)
        return
    from api.cli import show

    head, *cells = table_rows(rows)
    console().print(show.table(head, cells))
