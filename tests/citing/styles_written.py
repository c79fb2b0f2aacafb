"""Small styles and items for tests, and printing with them."""

from __future__ import annotations

from typing import Any

from kb.citing.documents import Document, Style
from kb.citing.items import Item, item_from_csl
from kb.citing.styles import style_from_csl
from kb.citing.text import as_html, as_text


def a_style(
    bibliography: str = "",
    citation: str = '<layout><text variable="title"/></layout>',
    locale: str | None = None,
    inside: str = "",
    **options: str,
) -> Style:
    """A style of these parts; `inside` is locales and macros, options as name_with_underscores."""
    given = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in options.items())
    listed = f"<bibliography>{bibliography}</bibliography>" if bibliography else ""
    if not citation.startswith("<citation"):
        citation = f"<citation>{citation}</citation>"
    xml = f"""<style xmlns="http://purl.org/net/xbiblio/csl" class="in-text" version="1.0" {given}>
    <info><title>Test</title><id>test</id><updated>2026-01-01T00:00:00Z</updated></info>
    {inside}{citation}{listed}</style>"""
    return style_from_csl(xml.encode(), locale)


def an_item(**fields: Any) -> Item:
    """A journal article of these fields, named_with_underscores."""
    raw = {name.replace("_", "-"): value for name, value in fields.items()}
    return item_from_csl({"id": "one", "type": "article-journal", **raw})


def authors(*names: str) -> list[dict[str, str]]:
    """ "Lalu, Manoj M." as CSL names."""
    parts = [name.partition(", ") for name in names]
    return [{"family": family, "given": given} for family, _, given in parts]


def year(number: int) -> dict[str, Any]:
    return {"date-parts": [[number]]}


def printed(elements: str, item: Item, format: str = "text", **style: Any) -> str:
    """The item in a bibliography of these elements."""
    made = a_style(f"<layout>{elements}</layout>", **style)
    (runs,) = Document(made, [item]).references()
    return as_html(runs) if format == "html" else as_text(runs)
