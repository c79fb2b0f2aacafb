"""Taking out of the base: outcomes as tables for R, RevMan, SRDR+ and spreadsheets, works as files
for reference managers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli._context import (
    AsJson,
    Filter,
    Search,
    Sort,
    console,
    opened,
    print_json,
    reading,
    say,
)
from api.cli.reading import asked_of

if TYPE_CHECKING:
    from kb.formats.outcome_tables.formats import Format
    from kb.formats.outcome_tables.summary import Summary
    from kb.outcomes.comparisons import Choices
    from kb.store.analysis_rows import Subject
    from kb.store.listing import Asked

# Beyond these the terminal is spared; --json has them all.
_MOST_LINES = 12

app = typer.Typer(no_args_is_help=True)


@app.callback()
def export() -> None:
    """Export outcomes as tables ready for analysis, and works for reference managers.

    kb export works mesenchymal --format ris --out works.ris
    kb export outcomes --filter outcome:EDSS_CAT --format metafor-proportion
    kb export adverse-events --code AE_SERIOUS --format metafor-2x2
    kb export columns --format metafor-2x2
    """


FormatName = Annotated[
    str,
    typer.Option(
        help="csv, jsonl, json, parquet, xlsx, srdr, revman5, revman-web, or a table for analysis: "
        "metafor-2x2, -continuous, -rate, -proportion, -mean, -one-rate, -prepost, -smcr, -yivi; "
        "meta-2x2 ... as the R package meta names columns.",
        metavar="NAME",
    ),
]


Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to FILE instead of stdout.", metavar="FILE"),
]
OfStudy = Annotated[str | None, typer.Option(help="S1, a registration number or a record key.")]
OfCondition = Annotated[str | None, typer.Option(help="multiple sclerosis ...")]
WithoutOrigin = Annotated[
    list[str] | None,
    typer.Option(help="Leave such numbers out: computed, imputed, digitised ..."),
]
HowShared = Annotated[
    str | None,
    typer.Option(help="Several arms against one control: flag, split or combine [default: flag]."),
]
OnePerWindow = Annotated[
    str | None,
    typer.Option(
        help="At most one time of each window (12 weeks, 12 months ...) per comparison: "
        "closest, longest or primary.",
    ),
]
WithControls = Annotated[
    bool, typer.Option("--with-controls", help="Also control arms, in tables of one group.")
]
StatedRoles = Annotated[
    bool,
    typer.Option(
        "--stated-roles",
        help="No comparison in which a label, and not the source, says which arm is the control.",
    ),
]


@app.command("outcomes")
def outcomes(
    format: FormatName = "csv",
    output: Output = None,
    study: OfStudy = None,
    outcome: Annotated[str | None, typer.Option(help="Code of the outcome, EDSS, or O1.")] = None,
    condition: OfCondition = None,
    search: Search = None,
    filter: Filter = None,
    sort: Sort = None,
    r: Annotated[
        float | None,
        typer.Option(
            "--r",
            help="Correlation of baseline with follow-up where none can be computed; "
            "the rows say it is assumed.",
        ),
    ] = None,
    without_origin: WithoutOrigin = None,
    shared_control: HowShared = None,
    one_per_window: OnePerWindow = None,
    with_complements: Annotated[
        bool,
        typer.Option(
            "--with-complements", help='Also counts of those without the event ("no new lesions").'
        ),
    ] = False,
    with_controls: WithControls = False,
    stated_roles: StatedRoles = False,
    as_json: AsJson = False,
) -> None:
    """Export results, or the rows of a meta-analysis made from them.

    The same filters as for `kb results` select the same results, as many as it counts. An empty
    cell is not reported, never 0. What a table leaves out is said beside it; with --output and
    --json that is printed as JSON.

        kb export outcomes --filter outcome:EDSS_CAT --format metafor-proportion > edss.csv
        kb export outcomes --condition "multiple sclerosis" --format xlsx -o ms.xlsx
        kb export outcomes --outcome EDSS --format metafor-smcr --r 0.7 -o edss.csv --json

    docs/exports.md describes formats and columns.
    """
    from kb.outcomes.comparisons import choices_of
    from kb.store.analysis_rows import OF_RESULTS

    choices = choices_of(
        r=r,
        without_origin=without_origin or (),
        shared_control=shared_control,
        one_per_window=one_per_window,
        complements=with_complements,
        controls=with_controls,
        stated_roles=stated_roles,
    )
    asked = asked_of(
        search, filter, sort, 1, 25, None, study=study, outcome=outcome, condition=condition
    )
    _export(OF_RESULTS, asked, format, choices, output, as_json)


@app.command("adverse-events")
def adverse_events(
    format: FormatName = "csv",
    output: Output = None,
    study: OfStudy = None,
    code: Annotated[str | None, typer.Option(help="AE_SERIOUS, AE_FEVER, DEATH ...")] = None,
    condition: OfCondition = None,
    search: Search = None,
    filter: Filter = None,
    sort: Sort = None,
    without_origin: WithoutOrigin = None,
    shared_control: HowShared = None,
    one_per_window: OnePerWindow = None,
    with_controls: WithControls = False,
    stated_roles: StatedRoles = False,
    as_json: AsJson = False,
) -> None:
    """Export adverse events, or the rows of a meta-analysis made from them.

    Persons affected, of those at risk, are the counts of 2x2 and proportion; numbers of events
    stand in the tables of rates, which need person-years. Serious events and others are never
    added, and "safe and well tolerated" is not reported, never 0.

        kb export adverse-events --code AE_SERIOUS --format metafor-2x2 > serious.csv
        kb export adverse-events --filter seriousness:serious --format xlsx -o serious.xlsx

    docs/exports.md describes formats and columns.
    """
    from kb.outcomes.comparisons import choices_of
    from kb.store.analysis_rows import OF_ADVERSE_EVENTS

    choices = choices_of(
        without_origin=without_origin or (),
        shared_control=shared_control,
        one_per_window=one_per_window,
        controls=with_controls,
        stated_roles=stated_roles,
    )
    asked = asked_of(search, filter, sort, 1, 25, None, study=study, code=code, condition=condition)
    _export(OF_ADVERSE_EVENTS, asked, format, choices, output, as_json)


def _export(
    of: Subject,
    asked: Asked,
    format: str,
    choices: Choices,
    output: Path | None,
    as_json: bool,
) -> None:
    from api.cli._progress import progress
    from kb.errors import InvalidInput
    from kb.formats.outcome_tables.formats import format_named
    from kb.outcomes.comparisons import Choices
    from kb.store.outcome_exports import export_outcomes

    wanted = format_named(format)
    if choices != Choices() and not wanted.compares:
        raise InvalidInput(
            f"{wanted.name} gives {of.name} as they are, so there is nothing to choose"
        )
    if as_json and output is None:
        raise InvalidInput("--json prints the summary where the table would be; give --output too")
    if wanted.is_binary and output is None and sys.stdout.isatty():
        raise InvalidInput(f"{wanted.name} is nothing for a terminal; give --output FILE")
    with reading() as session, progress() as tell:
        made = export_outcomes(
            session,
            asked,
            wanted,
            choices,
            lambda read: tell(of.name, read, made.summary.results),
            of,
        )
        with opened(output) as file:
            for piece in made.pieces:
                file.write(piece)
    _say_what_was_done(of, wanted, made.summary, output, as_json)


def _say_what_was_done(
    of: Subject, format: Format, summary: Summary, output: Path | None, as_json: bool
) -> None:
    if as_json:
        print_json({"format": format.name, "file": str(output), **summary.as_json()})
        return
    if format.compares:
        lines = list(summary.lines())
        for line in lines[:_MOST_LINES]:
            say(line)
        if len(lines) > _MOST_LINES:
            say(f"... and {len(lines) - _MOST_LINES} more; -o FILE --json tells all")
    elif format.name not in ("json", "jsonl"):
        say(f"{summary.results:,} {of.name} of {len(summary.studies):,} studies")
    else:
        say(f"{summary.results:,} {of.name}")


@app.command("works")
def works(
    query: Annotated[
        str | None, typer.Argument(metavar="[QUERY]", help="Words that all occur.")
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            help="ris, nbib, bibtex, biblatex, csl-json, endnote-xml, pubmed-xml, csv or xlsx.",
            metavar="NAME",
        ),
    ] = "ris",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "--output", "-o", help="Write to FILE instead of stdout.", metavar="FILE"
        ),
    ] = None,
    search: Search = None,
    filter: Filter = None,
    sort: Sort = None,
    as_json: AsJson = False,
) -> None:
    """Export works as a file for reference managers: all that `kb works` counts.

    A retracted work says so in its notes, and each names its id here. The id that a work had where
    it came from is the one it gets; fields that only one format has come out in it again.

        kb export works "mesenchymal sclerosis" --filter "year:>2015" --format ris > works.ris
        kb export works --filter has_study:true --format bibtex --out studies.bib

    docs/import-export.md says what each format holds.
    """
    from api.cli._progress import progress
    from kb.errors import InvalidInput
    from kb.formats.references.formats import write_records
    from kb.store.exported_works import export_format, selected_records
    from kb.store.listing import count_rows
    from kb.store.works import WORKS

    wanted = export_format(format)
    if as_json and out is None:
        raise InvalidInput("--json prints the count where the file would be; give --out too")
    if wanted.name == "xlsx" and out is None and sys.stdout.isatty():
        raise InvalidInput("xlsx is nothing for a terminal; give --out FILE")
    words = " ".join(part for part in (query, search) if part)
    asked = asked_of(words or None, filter, sort, 1, 25, None)
    with reading() as session, progress(quiet=as_json) as tell:
        count = count_rows(session, WORKS, asked)
        records = (
            record
            for n, record in enumerate(selected_records(session, asked))
            if tell("works", n, count) is None
        )
        with opened(out) as file:
            for piece in write_records(records, wanted):
                file.write(piece)
    if as_json:
        print_json({"format": wanted.name, "file": str(out), "works": count})
    else:
        say(f"{count:,} works as {wanted.title}")


@app.command("columns")
def columns(
    format: FormatName = "csv",
    of: Annotated[str, typer.Option(help="results or adverse-events.")] = "results",
    as_json: AsJson = False,
) -> None:
    """Say what the columns of a table mean; --json gives the JSON Schema of a row.

    kb export columns --format metafor-prepost
    """
    from kb.errors import InvalidInput
    from kb.formats.outcome_tables.dictionary import Layout, json_schema
    from kb.formats.outcome_tables.formats import format_named
    from kb.formats.outcome_tables.layouts import table_layout
    from kb.store.analysis_rows import subject_named
    from kb.store.outcome_exports import layout_of

    wanted = format_named(format)
    layout: Layout[Any]
    if wanted.table is not None:
        layout = table_layout(wanted.table, wanted.names)
    elif wanted.name in ("csv", "parquet"):
        layout = layout_of(subject_named(of))
    else:
        raise InvalidInput(
            f"{wanted.name} is described in docs/exports.md (expected csv, parquet or a table for "
            "analysis)"
        )
    if as_json:
        print_json(json_schema(layout))
        return
    from api.cli import show

    console().print(
        show.table(
            ("Column ", "Type ", "Unit", "Meaning"),
            (
                (c.name, c.type.value, c.unit or "", ". ".join(filter(None, (c.meaning, c.rule))))
                for c in layout.columns
            ),
        )
    )
