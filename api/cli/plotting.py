"""`kb plot`: pictures of print quality, from tables or from the base."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from api.cli._context import AsJson, print_json, reading, say, whole_file

if TYPE_CHECKING:
    from kb.pictures.drawing import Drawing
    from kb.pictures.render import Format
    from kb.synthesis.analysis import Analysis, Choices
    from kb.synthesis.table import Table

app = typer.Typer(no_args_is_help=True)

File = Annotated[str, typer.Argument(metavar="FILE", help="CSV table, or - for stdin.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", help="Write to FILE.svg, .pdf or .png instead of stdout.", metavar="FILE"
    ),
]
FormatName = Annotated[
    str | None,
    typer.Option(help="svg, pdf or png (else as FILE ends, else svg).", metavar="NAME"),
]
Dpi = Annotated[int, typer.Option(help="Dots per inch of a PNG.")]
Title = Annotated[str | None, typer.Option(help="Over the picture.")]
Measure = Annotated[
    str, typer.Option(help="OR, RR, RD, PETO, MD, SMD, PLO, IRR, HR, MC ..., as for kb pool.")
]
Method = Annotated[
    str, typer.Option(help="REML, DL, PM, ML, EB, HE, HS, SJ, EE, MH, PETO or GLMM.")
]
Test = Annotated[str, typer.Option(help="z, knha, or adhoc (knha, never narrower).")]
Level = Annotated[float, typer.Option(help="Of intervals, in percent.")]
Vtype = Annotated[str | None, typer.Option(help="Kind of variance: LS, UB, LS2, HO, AV, RevMan.")]
Add = Annotated[float | None, typer.Option(help="Added to zero cells (else 0.5 where needed).")]
To = Annotated[str, typer.Option(help="Where: only0, all, if0all or none.")]
Drop00 = Annotated[
    bool, typer.Option("--drop00", help="Leave out studies with no events in both groups.")
]
WithoutOrigin = Annotated[
    list[str] | None,
    typer.Option(help="Leave out rows with such values, e.g. imputed.", metavar="ORIGIN"),
]
Ratio = Annotated[
    str | None,
    typer.Option(
        help="Of GEN: yi are logarithms of this, which is printed: 'Risk ratio'.", metavar="NAME"
    ),
]


@app.callback()
def plot() -> None:
    """Draw forest and funnel plots, risk of bias, PRISMA flows and the evidence map: as SVG, PDF
    or PNG, with a description in words in each.

    kb plot forest bcg.csv --measure RR --out forest.svg
    kb plot prisma counts.csv --out flow.pdf
    """


@app.command("forest")
def forest(
    file: File,
    measure: Measure,
    output: Output = None,
    format: FormatName = None,
    dpi: Dpi = 300,
    title: Title = None,
    method: Method = "REML",
    test: Test = "z",
    level: Level = 95.0,
    vtype: Vtype = None,
    add: Add = None,
    to: To = "only0",
    drop00: Drop00 = False,
    model: Annotated[
        str, typer.Option(help="GLMM of two groups: UM.FS, UM.RS, CM.EL or CM.AL.")
    ] = "UM.FS",
    subgroup: Annotated[
        str | None, typer.Option(help="A heading for each group of this column.", metavar="COLUMN")
    ] = None,
    without_origin: WithoutOrigin = None,
    arms: Annotated[
        str, typer.Option(help="What the two groups are called.", metavar="A,B")
    ] = "Experimental,Control",
    favours: Annotated[
        str | None,
        typer.Option(help="Who is favoured left and right of no effect.", metavar="A,B"),
    ] = None,
    limits: Annotated[
        str | None, typer.Option(help="Ends of the axis, as printed: 0.1,10.", metavar="LOW,HIGH")
    ] = None,
    ratio: Ratio = None,
    as_json: AsJson = False,
) -> None:
    """Draw a forest plot of a table: studies, their numbers, weights, the pooled effect and its
    prediction interval. Values that were not reported carry a sign.

        kb plot forest bcg.csv --measure RR --out forest.svg
        kb plot forest bcg.csv --measure OR --subgroup alloc --arms "BCG,no BCG" \\
            --favours "BCG,no BCG" --out forest.pdf
        kb plot forest edss.csv --measure PLO --format png --dpi 600 > forest.png

    Columns are those of `kb pool`. With --json the numbers behind the picture are printed.
    """
    from kb.pictures.forest import forest as drawn
    from kb.pictures.of_analysis import forest_of
    from kb.synthesis.analysis import Choices

    table, analysis = _analysed(
        file,
        Choices(
            measure=measure,
            method=method,
            test=test,
            level=level,
            vtype=vtype,
            add=add,
            to=to,
            drop00=drop00,
            model=model,
            subgroup=subgroup,
            without_origins=_split(without_origin),
        ),
    )
    value = forest_of(
        analysis,
        table,
        title=title or _titled(file, "Forest plot"),
        arms=_two(arms, "--arms"),
        favours=None if favours is None else _two(favours, "--favours"),
        ratio=ratio,
        limits=None if limits is None else _limits(limits),
    )
    _deliver(drawn(value), asdict(value), output, format, dpi, as_json=as_json)


@app.command("funnel")
def funnel(
    file: File,
    measure: Measure,
    output: Output = None,
    format: FormatName = None,
    dpi: Dpi = 300,
    title: Title = None,
    method: Method = "REML",
    test: Test = "z",
    level: Level = 95.0,
    vtype: Vtype = None,
    add: Add = None,
    to: To = "only0",
    drop00: Drop00 = False,
    without_origin: WithoutOrigin = None,
    contours: Annotated[
        bool, typer.Option("--contours", help="Shade where a study would be significant.")
    ] = False,
    trimfill: Annotated[
        bool, typer.Option("--trimfill", help="Show the studies that trim and fill adds, hollow.")
    ] = False,
    ratio: Ratio = None,
    as_json: AsJson = False,
) -> None:
    """Draw a funnel plot of a table: estimates against their standard errors.

        kb plot funnel bcg.csv --measure RR --out funnel.svg
        kb plot funnel bcg.csv --measure OR --contours --trimfill --out funnel.pdf

    Asymmetry is not judged below ten studies. Columns are those of `kb pool`.
    """
    from kb.pictures.funnel import FEWEST_FOR_ASYMMETRY
    from kb.pictures.funnel import funnel as drawn
    from kb.pictures.of_analysis import funnel_of
    from kb.synthesis.analysis import COUNT_METHODS, Choices, analyse

    choices = Choices(
        measure=measure,
        method=method,
        test=test,
        level=level,
        vtype=vtype,
        add=add,
        to=to,
        drop00=drop00,
        trimfill="L0" if trimfill else None,
        without_origins=_split(without_origin),
    )
    table, analysis = _analysed(file, choices)
    by_variance = analysis.choices.method not in COUNT_METHODS
    if by_variance and len(analysis.studies) >= FEWEST_FOR_ASYMMETRY:
        analysis = analyse(table, replace(choices, bias=True))
    value = funnel_of(
        analysis,
        title=title or _titled(file, "Funnel plot"),
        ratio=ratio,
        is_contoured=contours,
    )
    _deliver(drawn(value), asdict(value), output, format, dpi, as_json=as_json)


@app.command("rob")
def rob(
    file: File,
    tool: Annotated[str, typer.Option(help="RoB 2, ROBINS-I, MINORS, JBI case series ...")],
    version: Annotated[
        str | None, typer.Option(help="Of the tool, where there are several: 2016, 2024.")
    ] = None,
    output: Output = None,
    format: FormatName = None,
    dpi: Dpi = 300,
    title: Title = None,
    as_json: AsJson = False,
) -> None:
    """Draw the traffic-light plot of a robvis table: Study, D1, D2 ..., Overall.

    kb plot rob robvis.csv --tool "RoB 2" --out rob.svg
    kb plot rob robins.csv --tool ROBINS-I --version 2016 --out rob.pdf
    """
    _judged(file, tool, version, title, output, format, dpi, is_summary=False, as_json=as_json)


@app.command("rob-summary")
def rob_summary(
    file: File,
    tool: Annotated[str, typer.Option(help="RoB 2, ROBINS-I, MINORS, JBI case series ...")],
    version: Annotated[
        str | None, typer.Option(help="Of the tool, where there are several: 2016, 2024.")
    ] = None,
    output: Output = None,
    format: FormatName = None,
    dpi: Dpi = 300,
    title: Title = None,
    as_json: AsJson = False,
) -> None:
    """Draw the share of each judgement in each domain, by the column Weight where there is one.

    kb plot rob-summary robvis.csv --tool "RoB 2" --out summary.svg
    """
    _judged(file, tool, version, title, output, format, dpi, is_summary=True, as_json=as_json)


@app.command("prisma")
def prisma(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSON, or - for stdin.")],
    output: Output = None,
    format: FormatName = None,
    dpi: Dpi = 300,
    title: Title = None,
    previous: Annotated[
        bool | None,
        typer.Option(
            "--previous/--no-previous",
            help="Draw previous studies (else where counts are given).",
        ),
    ] = None,
    other: Annotated[
        bool | None,
        typer.Option(
            "--other/--no-other", help="Draw other methods (else where counts are given)."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Draw nothing where counts contradict each other.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw the PRISMA 2020 flow diagram of a table of counts, and say where they disagree.

        kb plot prisma counts.csv --out flow.svg
        kb plot prisma counts.json --no-previous --strict --out flow.pdf

    The table is that of the PRISMA 2020 flow diagram (columns data, boxtext, n), or has the
    columns key and n. A count that is not there is printed as not reported, never as 0.
    """
    from kb.errors import InvalidInput
    from kb.pictures.prisma import counts_of, problems, read_flow
    from kb.pictures.prisma import prisma as drawn

    value = read_flow(_body(file))
    value = replace(
        value,
        title=value.title if title is None else title,
        has_previous=previous,
        has_other=other,
    )
    found = problems(value)
    if strict and found:
        raise InvalidInput(f"the counts contradict each other: {'; '.join(found)}")
    for problem in () if as_json else found:
        say(f"kb: the counts contradict each other: {problem}")
    data = {"title": value.title, "counts": counts_of(value), "problems": found}
    _deliver(drawn(value), data, output, format, dpi, as_json=as_json)


@app.command("map")
def evidence_map(
    condition: Annotated[
        str | None, typer.Option(help="Only studies of it: multiple sclerosis.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="What tells products apart: donor_tissue or tissue.")
    ] = "donor_tissue",
    outcomes: Annotated[int, typer.Option(help="At most so many, those of most studies.")] = 20,
    output: Output = None,
    format: FormatName = None,
    dpi: Dpi = 300,
    as_json: AsJson = False,
) -> None:
    """Draw which products of this base were studied for which outcomes, in how many participants.

    kb plot map --condition "multiple sclerosis" --out map.svg
    kb plot map --by tissue --outcomes 12 --json
    """
    from api.pictures import map_drawing
    from kb.store.evidence_map import evidence_map as held

    with reading() as session:
        found = held(session, by=by, condition=condition, most=outcomes)
    _deliver(map_drawing(found), asdict(found), output, format, dpi, as_json=as_json)


# -- what is drawn -------------------------------------------------------------------------------


def _analysed(file: str, choices: Choices) -> tuple[Table, Analysis]:
    from kb.synthesis.analysis import analyse
    from kb.synthesis.table import read_csv

    table = read_csv(_body(file))
    return table, analyse(table, choices)


def _judged(
    file: str,
    tool: str,
    version: str | None,
    title: str | None,
    output: Path | None,
    format: str | None,
    dpi: int,
    *,
    is_summary: bool,
    as_json: bool,
) -> None:
    from kb.appraisal.tool import find_tool, load_tools
    from kb.pictures.rob import judgement_shares, read_robvis, summary, traffic_lights

    known = {_squeezed(known.name) for known in load_tools()}
    is_known = _squeezed(tool) in known
    if not is_known:
        names = ", ".join(dict.fromkeys(known.name for known in load_tools()))
        say(f"kb: {tool} is not among the tools held ({names}), so its words are not checked")
    value = read_robvis(_body(file), tool=find_tool(tool, version) if is_known else tool)
    value = replace(value, title=title)
    data = asdict(value)
    if is_summary:
        data["shares"] = judgement_shares(value)
    drawing = summary(value) if is_summary else traffic_lights(value)
    _deliver(drawing, data, output, format, dpi, as_json=as_json)


def _squeezed(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


# -- what is asked and answered ------------------------------------------------------------------


def _body(file: str) -> bytes:
    from kb.errors import InvalidInput
    from kb.synthesis.table import MAX_BYTES

    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read {file!r}: {error.strerror}") from error


def _titled(file: str, otherwise: str) -> str:
    return otherwise if file == "-" else Path(file).stem.replace("_", " ")


def _split(given: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(part.strip() for text in given or () for part in text.split(",") if part.strip())


def _two(text: str, option: str) -> tuple[str, str]:
    from kb.errors import InvalidInput

    first, comma, second = (part.strip() for part in text.partition(","))
    if not (first and comma and second):
        raise InvalidInput(f"{option} names two, separated by a comma, not {text!r}")
    return first, second


def _limits(text: str) -> tuple[float, float]:
    from kb.errors import InvalidInput

    low, high = _two(text, "--limits")
    try:
        return float(low), float(high)
    except ValueError:
        raise InvalidInput(f"--limits are two numbers, such as 0.1,10, not {text!r}") from None


def _deliver(
    drawing: Drawing,
    data: dict[str, Any],
    output: Path | None,
    format: str | None,
    dpi: int,
    *,
    as_json: bool,
) -> None:
    """The picture into the file or to stdout; with `as_json` the data to stdout, and the picture
    into the file where one is named."""
    from kb.errors import InvalidInput
    from kb.pictures.render import MEDIA_TYPES, characters_without_font, render

    if as_json and output is None and format is not None:
        raise InvalidInput("--json prints the data where the picture would be; give --out too")
    if not as_json or output is not None:
        wanted = format or (output.suffix.lower().removeprefix(".") if output else "svg")
        if wanted not in MEDIA_TYPES:
            raise InvalidInput(
                f"no picture format {wanted!r} (known: {', '.join(MEDIA_TYPES)}; "
                "name the file so, or say --format)"
            )
        if output is None and wanted != "svg" and sys.stdout.isatty():
            raise InvalidInput(f"{wanted} is nothing for a terminal; give --out FILE")
        if wanted != "svg" and (missing := characters_without_font(drawing)):
            say(
                f"kb: no font on this machine has {missing[:20]}: boxes in their place "
                "(an SVG keeps them; or install e.g. Noto Sans CJK)"
            )
        body = render(drawing, cast("Format", wanted), dpi=dpi)
        if output is None:
            sys.stdout.buffer.write(body)
        else:
            with whole_file(output) as file:
                file.write(body)
    if as_json:
        print_json(data | {"description": drawing.description})
