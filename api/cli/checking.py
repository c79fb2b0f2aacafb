"""Looking for numbers that cannot be, and saying why one stands."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from api.cli._context import AsJson, base, console, print_json, reading


def check(
    study: Annotated[
        str | None,
        typer.Argument(metavar="STUDY", help="S1, a registration number or a record key."),
    ] = None,
    severity: Annotated[
        str | None, typer.Option(help="Only these: error, warning or note.")
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also those that somebody accepted.")
    ] = False,
    accept: Annotated[
        str | None, typer.Option(metavar="KEY", help="Accept this finding, with --by and --why.")
    ] = None,
    reopen: Annotated[
        str | None, typer.Option(metavar="KEY", help="Take an acceptance back.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who accepts it.")] = "",
    why: Annotated[str, typer.Option(help="Why it stands as it is.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check what is held for numbers that cannot be true, seldom are, or count persons twice.

        kb check
        kb check MS_IACOBAEUS_2019 --all
        kb check --accept 0123456789abcdef --by "A. Reader" --why "two eyes per person"

    A finding says which numbers are behind it. Accepting one keeps it, with the reason.
    """
    from kb.errors import InvalidInput
    from kb.outcomes.checks.finding import Severity
    from kb.store import checks
    from kb.store.lookup import resolve_study

    if accept is not None or reopen is not None:
        _decide(accept, reopen, by, why, as_json=as_json)
        return
    if severity is not None and severity not in list(Severity):
        raise InvalidInput(f"not a severity: {severity!r} (expected {', '.join(Severity)})")
    with reading() as session:
        number = None if study is None else resolve_study(session, study)
        found = checks.check(session, number)
    shown = [
        f
        for f in found
        if (severity is None or f.severity == severity) and (show_all or f.acceptance is None)
    ]
    if as_json:
        print_json(shown)
        return
    from api.cli import show

    if shown:
        console().print(
            show.table(
                ("Key ", "Severity ", "Study", "On", "Finding"),
                (
                    (
                        f.key,
                        f.severity,
                        ", ".join(s.label for s in f.studies),
                        ", ".join(f.subjects),
                        f.message
                        + (
                            f"\naccepted by {f.acceptance.by}: {f.acceptance.why}"
                            if f.acceptance
                            else ""
                        ),
                    )
                    for f in shown
                ),
            )
        )
    counts = Counter(f.severity for f in found if f.acceptance is None)
    accepted = sum(f.acceptance is not None for f in found)
    listed = ", ".join(f"{counts[s]} {s}{'' if counts[s] == 1 else 's'}" for s in Severity)
    console().print(f"{listed}; {accepted} accepted")


def _decide(accept: str | None, reopen: str | None, by: str, why: str, *, as_json: bool) -> None:
    from datetime import UTC, datetime

    from kb.errors import InvalidInput
    from kb.settings import Settings
    from kb.store import checks

    if accept is not None and reopen is not None:
        raise InvalidInput("--accept and --reopen at once; give one of them")
    key = accept if accept is not None else reopen
    assert key is not None
    with base(Settings()) as store, store.writing() as session:
        found = checks.accept(
            session,
            key,
            by=by,
            why=why,
            is_accepted=accept is not None,
            now=datetime.now(UTC),
        )
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{'Accepted' if found.acceptance else 'Open again'}: {found.message}")
