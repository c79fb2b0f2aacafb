"""The command `kb` itself: its parts, and what its errors mean to a shell."""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from api.cli import (
    appraising,
    bundling,
    checking,
    citing,
    deduping,
    evidence,
    exporting,
    identity,
    importing,
    ingesting,
    outcomes,
    plotting,
    pooling,
    reading,
    serving,
)
from api.cli._context import say
from kb.errors import (
    Conflict,
    InvalidInput,
    KBError,
    NotEstimable,
    NotFound,
    SourceRejected,
    SourceUnavailable,
    StoreUnavailable,
)

EXIT_CODES: Final[dict[type[KBError], int]] = {
    InvalidInput: 2,  # as for options that do not exist
    NotFound: 3,
    Conflict: 4,
    StoreUnavailable: 5,
    SourceUnavailable: 6,
    SourceRejected: 7,
    NotEstimable: 8,
}
_ANY_OTHER: Final = 1
_OUR_MISTAKE: Final = 70  # EX_SOFTWARE of BSD's sysexits.h


class _Commands(TyperGroup):
    """Says in a sentence what went wrong; where in the code it did, only when asked to."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            # Exits, wrong options and closed pipes are typer's to handle.
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort | BrokenPipeError):
                raise
            if ctx.params["debug"]:
                traceback.print_exc()
            message, code = _explained(error)
            say(f"kb: {message}")
            raise typer.Exit(code) from None


def _explained(error: Exception) -> tuple[str, int]:
    """What to say and the exit code, that of the nearest class in `EXIT_CODES`."""
    if isinstance(error, KBError):
        codes = (EXIT_CODES[c] for c in type(error).__mro__ if c in EXIT_CODES)
        return str(error), next(codes, _ANY_OTHER)
    said = " ".join(str(error).split())[:300]
    if isinstance(error, OSError):
        return said, EXIT_CODES[StoreUnavailable]
    return (
        f"a mistake of kb's own, not of yours: {type(error).__name__}: {said} "
        "(kb --debug shows where it happened)",
        _OUR_MISTAKE,
    )


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"kb {version('msc-evidence-base')}")
        raise typer.Exit


@app.callback()
def kb(
    is_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", envvar="KB_DEBUG", help="Show where in the code a failure happened."
        ),
    ] = False,
) -> None:
    """An evidence base on mesenchymal stromal cell therapy, where every number leads back to
    where it was reported.

        kb serve
        kb study NCT03778333
        kb results --outcome EDSS --json
        kb ingest work 10.3390/jcm8122102 --hops 1

    Settings are read from KB_... variables or a .env file: KB_DATA_DIR, KB_DATABASE_URL,
    KB_CONTACT_EMAIL (sources answer faster those who say who is asking), KB_PORT ...

    Exit codes: 0 done, 1 nothing obtained, 2 wrong input or setting, 3 not in this base,
    4 contradicts what is recorded, 5 database or data folder unusable, 6 source did not answer,
    7 source refused, 8 cannot be computed from these data, 130 interrupted.
    """


app.command("serve")(serving.serve)
app.command("init")(serving.init)
app.command("work")(reading.work)
app.command("works")(reading.works)
app.command("study")(reading.study)
app.command("studies")(reading.studies)
app.command("results")(reading.results)
app.command("registration")(reading.registration)
app.command("import")(importing.import_)
app.command("convert")(importing.convert)
app.command("check")(checking.check)
app.command("cite")(citing.cite)
app.command("pool")(pooling.pool)
app.command("dedupe")(deduping.dedupe)
app.add_typer(plotting.app, name="plot")
app.add_typer(ingesting.app, name="ingest")
app.add_typer(identity.app, name="identity")
app.add_typer(evidence.app, name="evidence")
exporting.app.command("bundle")(bundling.bundle)
app.add_typer(exporting.app, name="export")
app.add_typer(outcomes.app, name="outcomes")
app.add_typer(appraising.app, name="appraisal")


def main() -> None:
    try:
        app(prog_name="kb")
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read has had enough; Python would complain at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
