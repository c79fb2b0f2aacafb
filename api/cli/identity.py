"""Which works may be one, and what people decide about that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli._context import (
    AsJson,
    Filter,
    PageNumber,
    PerPage,
    Search,
    base,
    console,
    print_json,
    reading,
)
from api.cli.reading import asked_of, print_page

if TYPE_CHECKING:
    from kb.store.identity_lists import DecidedSide, IdentityDecisionOut, SideOut

app = typer.Typer(no_args_is_help=True)

Who = Annotated[str, typer.Option(help="Who decides.")]
Why = Annotated[str, typer.Option(help="The reason, to be read by others.")]


@app.callback()
def identity() -> None:
    """Say which works are one, and see what waits for a decision.

    What a person decided no source overturns; withdrawing it restores what was before.

        kb identity pairs --filter kind:unsure
        kb identity decide W1 W7 --same --who anna --why "online first and in print"
        kb identity withdraw 3 --who bert --why "the volumes differ"
    """


@app.command("pairs")
def pairs(
    search: Search = None,
    filter: Filter = None,
    page: PageNumber = 1,
    per_page: PerPage = 25,
    as_json: AsJson = False,
) -> None:
    """List what waits for a decision, with what speaks for and against.

    kb identity pairs --filter kind:unsure
    kb identity pairs --filter work:W12 --json
    """
    from api.cli import show
    from kb.store.identity_lists import list_pairs

    with reading() as session:
        found = list_pairs(session, asked_of(search, filter, None, page, per_page, None))
    if as_json:
        print_page(found, "pairs", as_json)
        return
    for pair in found.results:
        console().print(
            show.table(
                ("", *(_heading(side) for side in pair.sides)),
                (
                    (name, *(getattr(side, name) or "not said" for side in pair.sides))
                    for name in ("title", "authors", "year", "venue", "volume", "pages")
                ),
                title=f"{pair.kind}{f', {pair.link}' if pair.link else ''}: {pair.reason}",
            )
        )
        for sign, evidence in (("+", pair.evidence_for), ("-", pair.evidence_against)):
            for line in evidence:
                typer.echo(f"  {sign} {line}")
    console().print(show.page_line(found, "pairs"))


@app.command("decide")
def decide(
    one: Annotated[
        str,
        typer.Argument(
            metavar="ONE", help="W1 or any identifier of a work; record:12; reference:12:3."
        ),
    ],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The same.")],
    who: Who,
    why: Why,
    same: Annotated[
        bool, typer.Option("--same/--different", help="They are one work, or are not.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say that two works are one, or that they are not.

        kb identity decide W1 W7 --same --who anna --why "online first and in print"
        kb identity decide W1 record:12 --different --who anna --why "phase II, other patients"
        kb identity decide reference:12:3 W7 --different --who anna --why "another year"

    No source overturns a decision; withdrawing it undoes it.
    """
    import orjson

    from kb.models.tables import IdentityKind
    from kb.settings import Settings
    from kb.store.identity_decisions import IdentityDeciding, decide_identity
    from kb.store.identity_lists import read_identity_decision

    kind = IdentityKind.SAME if same else IdentityKind.DIFFERENT
    sent = {"works": [one, other], "decision": kind.value, "who": who, "why": why}
    with base(Settings()) as store, store.writing() as session:
        number = decide_identity(
            session,
            IdentityDeciding(of=(one, other), kind=kind, who=who, why=why),
            orjson.dumps(sent),
            datetime.now(UTC),
        )
        made = read_identity_decision(session, number)
    _print(made, as_json=as_json)


@app.command("withdraw")
def withdraw(
    decision: Annotated[int, typer.Argument(metavar="DECISION", help="Its number.")],
    who: Who,
    why: Why,
    as_json: AsJson = False,
) -> None:
    """Take a decision back: works it joined are two again, as they were.

    kb identity withdraw 3 --who bert --why "the volumes differ"
    """
    from kb.settings import Settings
    from kb.store.identity_decisions import withdraw_decision
    from kb.store.identity_lists import read_identity_decision

    with base(Settings()) as store, store.writing() as session:
        withdraw_decision(session, decision, who, why, datetime.now(UTC))
        made = read_identity_decision(session, decision)
    _print(made, as_json=as_json)


@app.command("decisions")
def decisions(
    search: Search = None,
    filter: Filter = None,
    page: PageNumber = 1,
    per_page: PerPage = 25,
    as_json: AsJson = False,
) -> None:
    """List what people decided, with what was withdrawn.

    kb identity decisions --filter stands:true
    """
    from api.cli import show
    from kb.store.identity_lists import list_identity_decisions

    with reading() as session:
        asked = asked_of(search, filter, None, page, per_page, None)
        found = list_identity_decisions(session, asked)
    if as_json:
        print_page(found, "decisions", as_json)
        return
    if found.results:
        rows = (
            (
                d.id,
                d.decision,
                " and ".join(_side(side) for side in d.sides),
                f"{d.who}, {d.at[:10]}: {d.why}",
                f"{d.withdrawn.who}, {d.withdrawn.at[:10]}: {d.withdrawn.why}"
                if d.withdrawn
                else "",
            )
            for d in found.results
        )
        heads = ("Id ", "Decision ", "Of", "Who and why", "Withdrawn")
        console().print(show.table(heads, rows))
    console().print(show.page_line(found, "decisions"))


@app.command("index")
def index(
    again: Annotated[
        bool, typer.Option("--again", help="Also the records that were compared before.")
    ] = False,
) -> None:
    """Compare records that came before records were compared, or all of them again.

    A base made by an earlier release is indexed when it is first opened for writing; this goes on
    where that was broken off.

        kb identity index
    """
    from kb.settings import Settings
    from kb.store.identity_index import index_identity

    with base(Settings()) as store:
        count = index_identity(store, again=again)
    typer.echo(f"{count:,} records compared" if count else "All records have been compared")


def _print(made: IdentityDecisionOut, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    sides = " and ".join(_side(side) for side in made.sides)
    said = "one work" if made.decision == "same" else "not one work"
    back = ", withdrawn" if made.withdrawn else ""
    typer.echo(f"Decision {made.id}{back}: {sides}: {said}")


def _side(side: DecidedSide) -> str:
    return f"{side.name} ({side.work})" if side.work else side.name


def _heading(side: SideOut) -> str:
    where = f" in {side.work}" if side.work and side.work != side.name else ""
    source = f", {side.record.source} {side.record.key}" if side.record else ""
    return f"{side.name}{where}{source}"
