"""Outcomes: what they are, and getting them in."""

from __future__ import annotations

import typer

from api.cli import adjudication, outcomes_entry, vocabulary

app = typer.Typer(no_args_is_help=True)


@app.callback()
def outcomes() -> None:
    """Get the outcomes of studies in, and say what they are.

    kb outcomes show EDSS
    kb outcomes match "Expanded disability score"
    kb outcomes template --xlsx my-extraction.xlsx
    kb outcomes import my-extraction.xlsx --name my-review
    """


app.command("template")(outcomes_entry.template)
app.command("import")(outcomes_entry.import_file)
app.command("list")(vocabulary.list_)
app.command("show")(vocabulary.show_)
app.command("match")(vocabulary.match)
app.command("confirm")(vocabulary.confirm)
app.command("withdraw")(vocabulary.withdraw)
app.command("compare")(adjudication.compare)
app.command("agreement")(adjudication.agreement)
app.command("adjudicate")(adjudication.adjudicate)
app.command("edit")(adjudication.edit)
app.command("history")(adjudication.history)
