"""Works and items printed in a style: what the command and the API answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kb.citing.documents import Cite, Document, Style
from kb.citing.items import Item, Name, item_from_csl
from kb.citing.text import Run, as_html, as_text
from kb.formats.references.csl_json import item_of
from kb.models.records import NoticeKind, WorkRecord


@dataclass(frozen=True)
class Printed:
    """The same thing twice: without formatting, and as HTML that is safe to put into a page."""

    text: str
    html: str


@dataclass(frozen=True)
class Cited:
    """One item in a style. Where a style names nobody in the text, `narrative` is as in
    brackets."""

    id: str
    reference: Printed
    parenthetical: Printed
    narrative: Printed
    is_retracted: bool = False


def cited(style: Style, items: Sequence[Item], *, is_sorted: bool = False) -> list[Cited]:
    """Each item as reference and as it is cited in the text, told apart from the others.

    In the order given, or in that of the style's bibliography, where the same authors again may be
    a dash.
    """
    document = Document(style, items, is_sorted=is_sorted)
    return [
        Cited(
            item.id,
            _printed(runs),
            _printed(document.parenthetical(item)),
            _printed(document.narrative(item)),
            item.is_retracted,
        )
        for item, runs in zip(document.items, document.references(), strict=True)
    ]


def cited_together(style: Style, items: Sequence[Item]) -> Printed:
    """All items cited in one place, sorted and collapsed as the style does: (1–3), (A, 2019; B,
    2020)."""
    document = Document(style, items)
    return _printed(style.finished(document.cluster([Cite(item) for item in document.items])))


def item_from_record(record: WorkRecord) -> Item:
    """A work of the base as it is cited; its id is the work's.

    MEDLINE gave initials alone until 2002, run together ("Pittenger MF"); CSL reads them as one
    given name, so they are set apart first, unless the family name is in capitals too.
    """
    item = item_from_csl(item_of(record))
    item.id = record.key
    item.names = {key: tuple(map(_apart, names)) for key, names in item.names.items()}
    item.is_retracted = bool(record.is_flagged_retracted) or any(
        notice.is_about_self and notice.kind is NoticeKind.RETRACTION for notice in record.notices
    )
    return item


def _apart(name: Name) -> Name:
    given = name.given
    crowded = 2 <= len(given) <= 3 and given.isalpha() and given.isupper()
    return replace(name, given=" ".join(given)) if crowded and not name.family.isupper() else name


def _printed(runs: list[Run]) -> Printed:
    return Printed(as_text(runs), as_html(runs))
