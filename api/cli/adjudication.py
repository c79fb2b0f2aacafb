"""Several extractors: what they differ in, how far they agree, and deciding between them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli._context import AsJson, base, console, print_json, reading

if TYPE_CHECKING:
    from kb.outcomes.agreement import Agreement
    from kb.store.decisions import Deciding, DecisionOut

Collection = Annotated[str, typer.Argument(metavar="COLLECTION", help="Its name: my-review.")]
Study = Annotated[
    str | None, typer.Option(help="Only this one: S1, a registration number or a record key.")
]
Who = Annotated[str, typer.Option(help="Who decides.")]
Why = Annotated[str, typer.Option(help="The reason, to be read by others.")]
Document = Annotated[
    str | None, typer.Option(help="Where it stands, if elsewhere: a DOI, PMID, address ...")
]
Locator = Annotated[str | None, typer.Option(help="The place in the document: table 2.")]
Quote = Annotated[str | None, typer.Option(help="The words it stands in, verbatim.")]


def compare(
    collection: Collection,
    study: Study = None,
    differing: Annotated[
        bool, typer.Option("--differing", help="Only what is not agreed on.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a table, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the extractors of a collection entered, side by side.

    kb outcomes compare my-review --differing
    kb outcomes compare my-review --study MS_IACOBAEUS_2019 --csv differences.csv
    """
    from api.comparison_table import as_csv
    from kb.errors import InvalidInput
    from kb.store.extractions import compare_extractions
    from kb.store.lookup import resolve_study

    with reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = compare_extractions(session, collection, number)
    if csv is not None:
        try:
            csv.write_text(as_csv(found), encoding="utf-8", newline="")
        except OSError as error:
            raise InvalidInput(f"{csv} cannot be written: {error.strerror}") from error
    if as_json:
        print_json(found)
        return
    from api.cli import show

    items = [item for item in found.items if not differing or item.agreement != "agreed"]
    rows = [
        (
            item.study.label if place == 0 else "",
            item.what if place == 0 else "",
            item.agreement if place == 0 else "",
            f"{said.extractor} {said.id}",
            said.status,
            ", ".join(
                f"{name} {said.values.get(name, 'not given')}"
                for name in (item.differs or _numbers(said.values))
            ),
        )
        for item in items
        for place, said in enumerate(item.statements)
    ]
    if rows:
        heads = ("Study", "What", "Agreement ", "Extractor ", "Status ", "Says")
        console().print(show.table(heads, rows))
    console().print(
        f"{', '.join(found.extractors)}: {found.agreed} agreed, {found.disputed} disputed "
        f"({found.undecided} undecided), {found.only_one} with one extractor only"
    )


def _numbers(values: dict[str, str]) -> list[str]:
    from kb.formats.single_values import ADVERSE_EVENTS, RESULTS, number_columns

    known = (*number_columns(RESULTS), *number_columns(ADVERSE_EVENTS))
    return ["state", *(name for name in values if name in known)]


def agreement(collection: Collection, study: Study = None, as_json: AsJson = False) -> None:
    """Say how far the extractors of a collection agreed before anybody decided.

    Each statistic has its 95 % interval, where a standard formula gives one.

        kb outcomes agreement my-review
    """
    from kb.store.extractions import extraction_agreement
    from kb.store.lookup import resolve_study

    with reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = extraction_agreement(session, collection, number)
    if as_json:
        print_json(found)
        return
    from api.cli import show

    measures = {
        "state of the item": found.state,
        "number given or not": found.given,
        "number as printed": found.value,
    }
    rows: list[tuple[object, ...]] = [("item found", _shown(found.found), "", "", "")]
    for name, m in measures.items():
        kappas = "\n".join(
            (f"{pair.first}, {pair.second}: " if len(m.kappa) > 1 else "") + _shown(pair.kappa)
            for pair in m.kappa
        )
        rows.append((name, _shown(m.percent), kappas, _shown(m.ac1), _shown(m.alpha)))
    columns = ("Of what", "Agreement", "Cohen's kappa", "Gwet's AC1", "Krippendorff's alpha")
    console().print(show.table(columns, rows))
    numbers = []
    for one in found.numbers:
        for pair in one.pairs:
            limits = pair.limits
            spread = (
                limits.reason
                if limits.mean is None
                else f"{limits.mean:.3g} ({limits.low:.3g} to {limits.high:.3g})"
            )
            who = f"{pair.first}, {pair.second}"
            numbers.append((one.cell, who, _shown(one.exact), _shown(pair.concordance), spread))
    if numbers:
        columns = ("Number", "Extractors", "Exactly alike", "Lin's concordance", "Difference")
        console().print(show.table(columns, numbers))
    console().print(
        f"{', '.join(found.extractors)}: {found.items} items of {found.studies} "
        f"{'study' if found.studies == 1 else 'studies'}, "
        f"{found.agreed} agreed, {found.disputed} disputed, {found.only_one} with one extractor "
        "only"
    )


def _shown(found: Agreement) -> str:
    if found.estimate is None:
        return f"{found.reason}, n {found.n}"
    interval = "" if found.low is None else f" ({found.low:.3f} to {found.high:.3f})"
    return f"{found.estimate:.3f}{interval}, n {found.n}"


def adjudicate(
    of: Annotated[list[str], typer.Argument(metavar="ID...", help="The values that differ.")],
    who: Who,
    why: Why,
    follow: Annotated[
        str | None, typer.Option(help="The one that is right; or the one to start from.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="What it is instead; may be repeated."),
    ] = None,
    document: Document = None,
    locator: Locator = None,
    quote: Quote = None,
    as_json: AsJson = False,
) -> None:
    """Decide between values of several extractors; what is decided enters analyses.

    kb outcomes adjudicate R12 R40 --follow R12 --who carla --why "table 3 prints 5"
    kb outcomes adjudicate R12 R40 --set events=4 --who carla --why "both misread table 3"
    kb outcomes adjudicate R12 R40 --set state=not_reported --who carla --why "of another arm"
    """
    _decide("adjudication", of, who, why, follow, values or [], (document, locator, quote), as_json)


def edit(
    value: Annotated[str, typer.Argument(metavar="ID", help="The value that is wrong: R12.")],
    who: Who,
    why: Why,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="COLUMN=VALUE...", help="What it is instead.")
    ] = None,
    document: Document = None,
    locator: Locator = None,
    quote: Quote = None,
    as_json: AsJson = False,
) -> None:
    """Correct a value: a new version stands in its place, and the old one stays to see.

    Columns are those of the tables (docs/curation-tables.md); nothing after = empties one.

        kb outcomes edit R12 events=4 n=6 --who carla --why "misread"
    """
    _decide(
        "correction", [value], who, why, None, values or [], (document, locator, quote), as_json
    )


def _decide(
    kind: str,
    of: list[str],
    who: str,
    why: str,
    follow: str | None,
    settings: list[str],
    where: tuple[str | None, str | None, str | None],
    as_json: bool,
) -> None:
    import orjson

    from kb.models.evidence import DecisionKind
    from kb.settings import Settings
    from kb.store.decisions import Deciding, Place, decide, read_decision

    document, locator, quote = where
    deciding = Deciding(
        kind=DecisionKind(kind),
        of=tuple(of),
        follow=follow,
        values=_given(settings),
        place=Place(document=document, locator=locator, quote=quote),
        who=who,
        why=why,
    )
    with base(Settings()) as store, store.writing() as session:
        number = decide(session, deciding, orjson.dumps(_as_sent(deciding)), datetime.now(UTC))
        made = read_decision(session, number)
    if as_json:
        print_json(made)
    else:
        typer.echo(_told(made))


def _given(settings: list[str]) -> dict[str, str | None]:
    from kb.errors import InvalidInput

    found: dict[str, str | None] = {}
    for setting in settings:
        column, equals, text = setting.partition("=")
        if not equals or column in found:
            raise InvalidInput(f"not a change: {setting[:60]!r} (expected once e.g. events=4)")
        found[column.strip()] = text.strip() or None
    return found


def _as_sent(deciding: Deciding) -> dict[str, Any]:
    """The same that POST /decisions takes."""
    from dataclasses import asdict

    said = asdict(deciding)
    said["evidence"] = said.pop("place")
    return said


def _told(made: DecisionOut) -> str:
    places = ", ".join(one.id for one in made.of)
    quote = {True: " The quote stands in the text held.", False: " The quote was not found."}
    told = quote.get(made.quote_stands, "") if made.quote_stands is not None else ""
    return f"{made.value} ({made.status}) stands in the place of {places}.{told}"


def history(
    value: Annotated[str, typer.Argument(metavar="ID", help="R12, or X3 for an adverse event.")],
    as_json: AsJson = False,
) -> None:
    """Show what a value was over time: who entered, changed or decided it, when and why.

    kb outcomes history R12
    """
    from kb.store.extractions import value_history

    with reading() as session:
        found = value_history(session, value)
    if as_json:
        print_json(found)
        return
    from api.cli import show

    rows = [
        (
            v.id,
            v.at.strftime("%Y-%m-%d %H:%M"),
            v.how,
            v.who or v.source,
            v.why or "",
            ", ".join(
                f"{name} {v.values.get(name, 'empty')}" for name in v.changed or _numbers(v.values)
            ),
            ", ".join(part for part in (v.document, v.locator) if part),
        )
        for v in found.versions
    ]
    heads = ("Value ", "When ", "How ", "Who ", "Why", "Says", "Where")
    console().print(show.table(heads, rows))
    console().print(
        f"{found.id} stands as it is, {found.status}"
        if found.current == found.id
        else f"{found.current} stands in the place of {found.id}, {found.status}"
    )
