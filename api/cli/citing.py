"""References and cites in the styles of journals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli._context import AsJson, print_json, reading, say
from kb.errors import InvalidInput

if TYPE_CHECKING:
    from kb.citing.items import Item

# A terminal's worth; --json has them all.
_MOST_STYLES = 40


def cite(
    works: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORK...]",
            help="W1, a DOI, PMID, PMCID or OpenAlex id; or `styles WORDS` to search the styles.",
        ),
    ] = None,
    csl_json: Annotated[
        Path | None,
        typer.Option(help="Cite the items of FILE instead; no database is needed.", metavar="FILE"),
    ] = None,
    style: Annotated[
        str,
        typer.Option(
            help="apa, nlm, ama, vancouver, nature, harvard, ieee, chicago, mla, bmj, lancet ..., "
            "any of the published CSL styles, or a .csl file; `list` names them.",
            metavar="NAME|FILE",
        ),
    ] = "apa",
    locale: Annotated[
        str | None,
        typer.Option(help="Language: de-DE, fr-FR ... [default: the style's]", metavar="LOCALE"),
    ] = None,
    format: Annotated[str, typer.Option(help="text or html.", metavar="NAME")] = "text",
    in_text: Annotated[
        bool,
        typer.Option(
            "--in-text", help="How each is cited in the text: in brackets, tab, in the sentence."
        ),
    ] = False,
    is_sorted: Annotated[
        bool,
        typer.Option("--sorted", help="In the order of the style's bibliography, not as given."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print references, one per line in the order given, numbered where the style numbers.

    kb cite 10.3390/jcm8122102 pmid:31810187 --style vancouver
    kb cite --csl-json library.json --style nature --format html
    kb cite W1 W2 --style apa --in-text
    kb cite styles stem cells
    """
    works = works or []
    if style == "list" or works[:1] == ["styles"]:
        _list_styles(" ".join(works[1:] if works[:1] == ["styles"] else works), as_json)
        return
    if format not in ("text", "html"):
        raise InvalidInput(f"no format {format[:40]!r} (expected text or html)")
    if bool(works) == (csl_json is not None):
        raise InvalidInput("name works of the base to cite, or a file with --csl-json FILE")
    from kb.citing.cited import cited, cited_together
    from kb.citing.styles import style as style_named

    wanted = style_named(style, locale)
    unreadable: list[dict[str, str]] = []
    items = _items_in(csl_json, unreadable) if csl_json is not None else _items_of(works)
    for left_out in unreadable:
        say(f"kb: {left_out['position']} is left out: {left_out['reason']}")
    if not items:
        raise InvalidInput(f"nothing to cite in {csl_json}")
    found = cited(wanted, items, is_sorted=is_sorted)
    for one in found:
        if one.is_retracted:
            say(f"kb: {one.id} is retracted")
    if as_json:
        together = cited_together(wanted, items)
        print_json({"references": found, "together": together, "unreadable": unreadable})
        return
    for one in found:
        if in_text:
            typer.echo(f"{getattr(one.parenthetical, format)}\t{getattr(one.narrative, format)}")
        else:
            typer.echo(getattr(one.reference, format))


def _items_of(names: list[str]) -> list[Item]:
    from kb.citing.cited import item_from_record
    from kb.store.exported_works import work_records
    from kb.store.lookup import resolve_work

    with reading() as session:
        numbers = [resolve_work(session, name) for name in names]
        return [item_from_record(record) for record in work_records(session, numbers)]


def _items_in(path: Path, unreadable: list[dict[str, str]]) -> list[Item]:
    """The items of a CSL-JSON file; those that cannot be read are added to `unreadable`."""
    from kb.citing.items import item_from_csl
    from kb.formats.references.json_items import items

    found = []
    try:
        with path.open("rb") as stream:
            for one in items(stream):
                try:
                    if one.error is not None:
                        raise InvalidInput(one.error)
                    found.append(item_from_csl(one.value))
                except InvalidInput as error:
                    unreadable.append({"position": one.position, "reason": str(error)})
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    return found


def _list_styles(words: str, as_json: bool) -> None:
    from kb.citing.styles import styles

    found: list[dict[str, Any]] = [{"name": one.name, "title": one.title} for one in styles(words)]
    if as_json:
        print_json(found)
        return
    for one in found[:_MOST_STYLES]:
        typer.echo(f"{one['name']}\t{one['title']}")
    if len(found) > _MOST_STYLES:
        say(f"... and {len(found) - _MOST_STYLES} more; say more words, or --json")
    if not found:
        raise InvalidInput(f"no style has {words!r} in its name")
