"""Outcomes: getting them in."""

from __future__ import annotations

import typer

from api.cli import outcomes_entry

app = typer.Typer(no_args_is_help=True)


@app.callback()
def outcomes() -> None:
    """Get the outcomes of studies in.

    kb outcomes template --xlsx my-extraction.xlsx
    kb outcomes import my-extraction.xlsx --name my-review
    """


app.command("template")(outcomes_entry.template)
app.command("import")(outcomes_entry.import_file)
