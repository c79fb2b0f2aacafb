"""The outcome vocabulary: looking things up in it, and saying what an outcome is."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.cli._context import AsJson, base, console, print_json, reading

_BY = Annotated[str, typer.Option("--by", help="Who confirms it.", metavar="NAME")]


def list_(
    search: Annotated[
        str | None, typer.Option(help="Words that all occur in code, name or synonyms.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the outcomes of the vocabulary, with unit, range and direction of benefit.

    kb outcomes list --search fatigue
    """
    from kb.outcomes.vocabulary import load_vocabulary

    words = (search or "").casefold().split()
    found = [
        d
        for d in load_vocabulary().values()
        if all(w in " ".join((d.code, d.name, *d.synonyms)).casefold() for w in words)
    ]
    if as_json:
        print_json([asdict(definition) for definition in found])
        return
    from api.cli import show

    console().print(
        show.table(
            ("Code ", "Outcome", "Unit", "Range ", "Better ", "Counted as", "To be confirmed"),
            (
                (
                    d.code,
                    d.name,
                    d.unit or "",
                    _range(d.low, d.high),
                    d.better or "",
                    ", ".join(d.statistics),
                    ", ".join(d.unconfirmed),
                )
                for d in found
            ),
        )
    )


def show_(
    name: Annotated[str, typer.Argument(metavar="OUTCOME", help="A code such as EDSS, or O1.")],
    as_json: AsJson = False,
) -> None:
    """Show an outcome: definition, thresholds, defining work, matches and what is held of it.

    kb outcomes show EDSS
    """
    from kb.store.lookup import resolve_outcome
    from kb.store.outcomes import read_outcome

    with reading() as session:
        found = read_outcome(session, resolve_outcome(session, name))
    if as_json:
        print_json(found)
        return
    outcome = found.outcome
    lines: list[tuple[str, Any]] = [
        ("Id", outcome.id),
        ("Unit", outcome.unit),
        ("Range", _range(outcome.low, outcome.high)),
        ("Step", outcome.step),
        ("Never", ", ".join(f"{value:g}" for value in found.unused or ())),
        ("Better", outcome.better),
        ("Counted as", ", ".join(found.statistics or ())),
        ("Narrows", outcome.variant_of),
        ("Instrument version", outcome.instrument_version),
        ("Narrower", ", ".join(variant.code or "" for variant in found.variants)),
        ("Defined by", "; ".join(f"{work.id} {work.title}" for work in found.defined_by)),
        ("Seen in", found.source),
        ("To be confirmed", ", ".join(found.unconfirmed or ())),
        ("Version", outcome.version),
        ("Note", outcome.note),
        ("Synonyms", "; ".join(found.synonyms or ())),
        ("Held", f"{found.results} results in {found.studies} studies"),
    ]
    if found.match:
        lines.append(("Matched", f"to {found.match.definition.code} by {found.match.confirmed_by}"))
    lines += [("Matched to it", f"{m.outcome.id} {m.outcome.title}") for m in found.matched]
    to = console()
    to.print(f"{outcome.code or outcome.id}  {outcome.title}")
    for label, value in lines:
        if value not in (None, ""):
            to.print(f"  {label}: {value}")
    for threshold in found.thresholds or ():
        to.print(f"  {_threshold(threshold)}")
    if found.suggested:
        _print_matches(found.suggested)


def match(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="As worded; without it, all that are open here."),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What the source says of it.")] = None,
    unit: Annotated[str | None, typer.Option(help="As reported.")] = None,
    condition: Annotated[str | None, typer.Option(help="What was treated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Suggest which outcome of the vocabulary a name means. Nothing is stored.

    kb outcomes match "Change in Kurtzke score" --condition "multiple sclerosis"
    kb outcomes match --json
    """
    from kb.outcomes.matching import match_outcome

    if name is None:
        _open_outcomes(as_json)
        return
    found = match_outcome(name, description=description, unit=unit, condition=condition)
    if as_json:
        print_json([asdict(one) for one in found])
    elif found:
        _print_matches(found)
    else:
        typer.echo("Nothing in the vocabulary is near enough to suggest.")


def confirm(
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help="One without a code: O12.")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="What it is: EDSS.")],
    by: _BY,
    why: Annotated[str | None, typer.Option(help="The reason, in a sentence.")] = None,
    category: Annotated[
        str | None,
        typer.Option(help="Side its persons are on: event, complement, improved ..."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which outcome of the vocabulary one without a code is.

    Its results are then found under that code, each with the match beside it.

        kb outcomes confirm O12 EDSS --by "A. Reviewer" --why "same scale, see protocol"
    """
    from kb.settings import Settings
    from kb.store.lookup import resolve_outcome
    from kb.store.outcomes import confirm_match

    with base(Settings()) as store, store.writing() as session:
        found = confirm_match(
            session,
            resolve_outcome(session, outcome),
            code,
            by=by,
            why=why,
            category=category,
            now=datetime.now(UTC),
        )
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{outcome} is {found.definition.code}, confirmed by {found.confirmed_by}.")


def withdraw(
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help="A matched one: O12.")],
) -> None:
    """Take a confirmed match back.

    kb outcomes withdraw O12
    """
    from kb.settings import Settings
    from kb.store.lookup import resolve_outcome
    from kb.store.outcomes import withdraw_match

    with base(Settings()) as store, store.writing() as session:
        withdraw_match(session, resolve_outcome(session, outcome))
    typer.echo(f"{outcome} is not matched any more.")


def _open_outcomes(as_json: bool) -> None:
    from kb.store.outcomes import open_outcomes

    with reading() as session:
        found = open_outcomes(session)
    if as_json:
        print_json(found)
        return
    from api.cli import show

    console().print(
        show.table(
            ("Id ", "Outcome as worded", "Results", "May be", "Confidence", "Because"),
            (
                (
                    one.outcome.id,
                    one.outcome.title,
                    one.results,
                    one.suggested[0].code if one.suggested else "",
                    f"{one.suggested[0].confidence:.2f}" if one.suggested else "",
                    one.suggested[0].basis if one.suggested else "",
                )
                for one in found
            ),
        )
    )


def _print_matches(found: Any) -> None:
    from api.cli import show

    console().print(
        show.table(
            ("Code ", "Confidence ", "Because", "Side"),
            ((m.code, f"{m.confidence:.2f}", m.basis, m.category or "") for m in found),
        )
    )


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"{'?' if low is None else f'{low:g}'} to {'?' if high is None else f'{high:g}'}"


def _threshold(threshold: dict[str, Any]) -> str:
    text = f"{threshold['side']} from {threshold['change']:g} {threshold['unit']}"
    low, high = threshold["baseline_low"], threshold["baseline_high"]
    if low is not None:
        text += f", baseline {'above' if threshold['is_above_low'] else 'from'} {low:g}"
    if high is not None:
        text += f", baseline to {high:g}"
    if threshold["confirmed_weeks"]:
        weeks = " or ".join(f"{week:g}" for week in threshold["confirmed_weeks"])
        text += f", confirmed after {weeks} weeks"
    unsure = ", to be confirmed" if threshold["unconfirmed"] else ""
    return f"{text} ({threshold['source']}{unsure})"
