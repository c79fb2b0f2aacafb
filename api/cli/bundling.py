"""A synthesis as a package that others can check and repeat."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli._context import AsJson, Filter, Search, print_json, reading, say
from api.cli.reading import asked_of

if TYPE_CHECKING:
    from kb.store.bundles import Bundle

_MOST_LINES = 12


def bundle(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="A new folder, or a file ending in .zip.", metavar="PATH"
        ),
    ],
    table: Annotated[
        str,
        typer.Option(
            help="2x2, continuous, rate, proportion, mean, one-rate, prepost, smcr or yivi."
        ),
    ],
    measure: Annotated[
        str | None, typer.Option(help="RR, OR, MD, SMD, PLO, PR, IRR ... [default: the table's]")
    ] = None,
    method: Annotated[str, typer.Option(help="REML, DL, PM, EE, MH, PETO, GLMM ...")] = "REML",
    test: Annotated[str, typer.Option(help="z, knha or adhoc.")] = "z",
    level: Annotated[float, typer.Option(help="Of intervals, in percent.")] = 95.0,
    study: Annotated[
        str | None, typer.Option(help="S1, a registration number or a record key.")
    ] = None,
    of: Annotated[str, typer.Option(help="results or adverse-events.")] = "results",
    outcome: Annotated[str | None, typer.Option(help="Code of the outcome, EDSS, or O1.")] = None,
    code: Annotated[str | None, typer.Option(help="Of adverse events: AE_SERIOUS ...")] = None,
    condition: Annotated[str | None, typer.Option(help="multiple sclerosis ...")] = None,
    search: Search = None,
    filter: Filter = None,
    r: Annotated[
        float | None, typer.Option("--r", help="Correlation where none can be computed.")
    ] = None,
    without_origin: Annotated[
        list[str] | None, typer.Option(help="Leave such numbers out: imputed, digitised ...")
    ] = None,
    shared_control: Annotated[str | None, typer.Option(help="flag, split or combine.")] = None,
    one_per_window: Annotated[str | None, typer.Option(help="closest, longest or primary.")] = None,
    with_complements: Annotated[bool, typer.Option("--with-complements")] = False,
    with_controls: Annotated[bool, typer.Option("--with-controls")] = False,
    stated_roles: Annotated[bool, typer.Option("--stated-roles")] = False,
    keep_dependent: Annotated[
        bool,
        typer.Option("--keep-dependent", help="Pool rows though participants count twice."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the package of one synthesis: frozen data, dictionary, JSON Schema, R script, included
    references, provenance of every number, PRISMA counts, checksums.

        kb export bundle --table proportion --outcome EDSS_CAT \\
            --filter category:worsened --one-per-window longest -o edss-worsened.zip
        kb export bundle --of adverse-events --code AE_SERIOUS --table 2x2 --measure OR -o serious

    Rows that would count participants twice are refused, and named; --keep-dependent keeps them.
    """
    from datetime import UTC, datetime

    from api.cli._progress import progress
    from kb.errors import InvalidInput
    from kb.outcomes.comparisons import Table, choices_of
    from kb.store.analysis_rows import subject_named
    from kb.store.analysis_tables import DEFAULT_MEASURE
    from kb.store.bundles import write_bundle, write_checksums
    from kb.synthesis.analysis import Choices

    if table not in list(Table):
        raise InvalidInput(f"no table {table[:40]!r} (expected {', '.join(Table)})")
    if output.exists():
        raise InvalidInput(f"{output} is there already; name a new folder or file")
    if not output.absolute().parent.is_dir():
        raise InvalidInput(f"there is no folder {output.absolute().parent}")
    comparing = choices_of(
        r=r,
        without_origin=without_origin or (),
        shared_control=shared_control,
        one_per_window=one_per_window,
        complements=with_complements,
        controls=with_controls,
        stated_roles=stated_roles,
    )
    wanted = Table(table)
    pooling = Choices(
        measure=measure or DEFAULT_MEASURE[wanted], method=method, test=test, level=level
    )
    subject = subject_named(of)
    asked = asked_of(
        search, filter, None, 1, 25, None,
        study=study, outcome=outcome, code=code, condition=condition,
    )  # fmt: skip
    # Whole or not at all: it takes its name when everything is in it.
    work = Path(mkdtemp(prefix=f".{output.name}.", dir=output.absolute().parent))
    try:
        with reading() as session, progress(quiet=as_json) as tell:
            made = write_bundle(
                session,
                asked,
                wanted,
                work,
                pooling=pooling,
                comparing=comparing,
                keep_dependent=keep_dependent,
                of=subject,
                now=datetime.now(UTC),
                tell=lambda read: tell(subject.name, read, read),
            )
        _draw(made, work)
        write_checksums(work)
        _place(work, output)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _say(made, output, as_json)


def _draw(made: Bundle, folder: Path) -> None:
    from kb.pictures.forest import forest
    from kb.pictures.of_analysis import forest_of
    from kb.pictures.render import render
    from kb.synthesis.table import read_csv

    table = read_csv((folder / "data/analysis.csv").read_bytes())
    drawing = forest(forest_of(made.analysis, table, title=f"Snapshot {made.snapshot}"))
    (folder / "results/forest.svg").write_bytes(render(drawing, "svg"))
    (folder / "results/forest.pdf").write_bytes(render(drawing, "pdf"))


def _place(work: Path, output: Path) -> None:
    if output.suffix != ".zip":
        work.chmod(0o755)
        work.rename(output)
        return
    part = work.with_suffix(".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(p for p in work.rglob("*") if p.is_file()):
                archive.write(path, f"{output.stem}/{path.relative_to(work).as_posix()}")
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _say(made: Bundle, output: Path, as_json: bool) -> None:
    if as_json:
        from kb.synthesis.report import as_json as json_of

        print_json(
            {
                "snapshot": made.snapshot,
                "path": str(output),
                "files": list(made.files),
                "warnings": list(made.warnings),
                "summary": made.summary.as_json(),
                "pooled": json_of(made.analysis),
            }
        )
        return
    for line in list(made.summary.lines())[:_MOST_LINES]:
        say(line)
    for warning in made.warnings:
        say(f"kept knowingly: {warning}")
    typer.echo(f"{output}: snapshot {made.snapshot}, {len(made.files)} files")
