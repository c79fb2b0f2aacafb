"""Evidence maps: which products were studied for which outcomes, in how many participants."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from kb.errors import InvalidInput
from kb.pictures.drawing import FAINT, INK, MUTED, WHITE, Drawing, Sheet, centred, fitted, plain
from kb.pictures.lettering import text_width, wrapped

_MARGIN: Final = 12.0
_LABEL_WIDTH: Final = 150.0
_COLUMN: Final = 40.0
_ROW: Final = 42.0
_LARGEST: Final = 18.0
_SMALLEST: Final = 3.0
_UNKNOWN: Final = 9.0
_HEADING: Final = 150.0
_SIZE: Final = 8.0
_SMALL: Final = 7.0
# Light enough for dark figures on each; told apart with any kind of colour vision, and by the
# figure before R.
_NONE, _SOME, _ALL = "#f6dca8", "#b5d4ea", "#6fb0da"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The evidence on one product and one outcome.

    `participants`: of the studies that report them, None where none does; `unreported`: how many
    studies do not. `randomised`: how many studies are.
    """

    product: str
    outcome: str
    studies: int
    participants: int | None
    unreported: int = 0
    randomised: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceMap:
    """`products` are the rows and `outcomes` the columns, by name; cells without evidence are left
    out of `cells`. `studies`: how many there are in all, each counted once."""

    title: str
    products: tuple[str, ...]
    outcomes: tuple[str, ...]
    cells: tuple[Cell, ...]
    studies: int
    notes: tuple[str, ...] = ()


def evidence_map(value: EvidenceMap) -> Drawing:
    """The map. Raises InvalidInput where there is no evidence to show."""
    if not value.cells:
        raise InvalidInput("no study has a result for any product, so there is no map to draw")
    sheet = Sheet()
    labels = [wrapped(plain(name), _LABEL_WIDTH, _SIZE) or [""] for name in value.products]
    left = _MARGIN + max(text_width(line, _SIZE) for lines in labels for line in lines) + 10
    headings = [fitted(name, _HEADING, _SIZE) for name in value.outcomes]
    slope = math.radians(55)
    rise = max(text_width(name, _SIZE) for name in headings) * math.sin(slope) + 10
    lean = text_width(headings[-1], _SIZE) * math.cos(slope)
    right = left + _COLUMN * len(value.outcomes)
    width = max(right + max(lean - _COLUMN / 2, 0) + _MARGIN, 380.0)

    y = sheet.paragraph(_MARGIN, 20, value.title, width=width - 2 * _MARGIN, size=10, is_bold=True)
    top = y + rise
    bottom = top + _ROW * len(value.products)
    for place, name in enumerate(headings):
        x = left + _COLUMN * (place + 0.5)
        sheet.line((x, top), (x, bottom), width=0.5, colour=FAINT)
        sheet.text(x + 2, top - 4, name, angle=55)
    for place, lines in enumerate(labels):
        middle = top + _ROW * (place + 0.5)
        sheet.line((left, middle), (right, middle), width=0.5, colour=FAINT)
        first = middle - (len(lines) - 1) * 5.0
        for n, line in enumerate(lines):
            sheet.text(left - 8, centred(first + n * 10.0, _SIZE), line, anchor="end")
    sheet.box(left, top, right - left, bottom - top, stroke=MUTED, line_width=0.5)
    scale = _LARGEST / math.sqrt(max((c.participants or 0 for c in value.cells), default=0) or 1)
    for cell in value.cells:
        x = left + _COLUMN * (value.outcomes.index(cell.outcome) + 0.5)
        _bubble(sheet, cell, x, top + _ROW * (value.products.index(cell.product) + 0.5), scale)
    y = _legend(sheet, value, bottom + 18, scale, width)
    for note in value.notes:
        y = sheet.paragraph(_MARGIN, y, note, width=width - 2 * _MARGIN, size=_SMALL, colour=MUTED)
    return sheet.drawn(width, y + 2, title=value.title, description=in_words(value))


def in_words(value: EvidenceMap) -> str:
    """What the map shows, for who cannot see it: its extent and its fullest cells."""
    possible = len(value.products) * len(value.outcomes)
    parts = [
        f"Evidence map of {_counted(value.studies, 'study', 'studies')}: "
        f"{_counted(len(value.products), 'product', 'products')} by "
        f"{_counted(len(value.outcomes), 'outcome', 'outcomes')}; "
        f"{possible - len(value.cells)} of {possible} combinations have no result."
    ]
    fullest = sorted(value.cells, key=lambda c: (-c.studies, -(c.participants or 0)))[:8]
    parts.append("Most studied: " + "; ".join(map(_cell_in_words, fullest)) + ".")
    return " ".join(parts)


def _cell_in_words(cell: Cell) -> str:
    if cell.participants is None:
        participants = "participants not reported"
    else:
        participants = _counted(cell.participants, "participant", "participants")
        if cell.unreported:
            participants += f", not reported by {cell.unreported}"
    randomised = f", {cell.randomised} randomised" if cell.randomised else ""
    return (
        f"{cell.product}, {cell.outcome}: {_counted(cell.studies, 'study', 'studies')}"
        f"{randomised} ({participants})"
    )


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _colour(cell: Cell) -> str:
    if not cell.randomised:
        return _NONE
    return _ALL if cell.randomised == cell.studies else _SOME


def _bubble(sheet: Sheet, cell: Cell, x: float, y: float, scale: float) -> None:
    if cell.participants is None:
        radius = _UNKNOWN
        sheet.disc(x, y, radius, fill=WHITE, stroke=INK, width=0.8, dash=(1.8, 1.6))
    else:
        radius = max(scale * math.sqrt(cell.participants), _SMALLEST)
        sheet.disc(x, y, radius, fill=_colour(cell), stroke=INK, width=0.7)
        if cell.unreported:
            radius += 2.2
            sheet.disc(x, y, radius, stroke=INK, width=0.7, dash=(1.8, 1.6))
    holds_both = bool(cell.randomised) and radius > 12
    middle = y - 3.2 if holds_both else y
    sheet.text(x, centred(middle, _SIZE), str(cell.studies), anchor="middle", is_bold=True)
    if cell.randomised:
        below = y + 5 if holds_both else y + max(radius, 4.5) + 4.5
        sheet.text(x, centred(below, 6), f"{cell.randomised} R", size=6, anchor="middle")


def _legend(sheet: Sheet, value: EvidenceMap, y: float, scale: float, width: float) -> float:
    most = max((c.participants or 0 for c in value.cells), default=0)
    sizes = [n for n in (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000) if n <= most][-3:]
    x = _MARGIN
    if sizes:
        largest = max(scale * math.sqrt(sizes[-1]), _SMALLEST)
        y += max(largest - 6, 0)
        sheet.text(x, centred(y, _SMALL), "Participants:", size=_SMALL)
        x += text_width("Participants:", _SMALL) + 8
        for n in sizes:
            radius = max(scale * math.sqrt(n), _SMALLEST)
            sheet.disc(x + radius, y, radius, stroke=INK)
            x += 2 * radius + 4
            sheet.text(x, centred(y, _SMALL), f"{n:,}", size=_SMALL)
            x += text_width(f"{n:,}", _SMALL) + 10
        y += max(largest, 6) + 12
    items: list[tuple[str, str | None]] = []
    if any(c.participants is None for c in value.cells):
        items.append(("participants not reported", None))
    if any(c.participants is not None and c.unreported for c in value.cells):
        items.append(("dashed ring: some studies do not report them", "ring"))
    known = [c for c in value.cells if c.participants is not None]
    for colour, said in (
        (_NONE, "no study randomised"),
        (_SOME, "some randomised"),
        (_ALL, "all randomised"),
    ):
        if any(_colour(cell) == colour for cell in known):
            items.append((said, colour))
    x = _MARGIN
    for said, kind in items:
        needed = 18 + text_width(said, _SMALL) + 12
        if x + needed > width and x > _MARGIN:
            x, y = _MARGIN, y + 15
        if kind == "ring":
            sheet.disc(x + 6, y - 2.5, 3.6, stroke=INK)
            sheet.disc(x + 6, y - 2.5, 5.6, stroke=INK, dash=(1.8, 1.6))
        else:
            dash = (1.8, 1.6) if kind is None else None
            sheet.disc(x + 6, y - 2.5, 5.0, fill=kind or WHITE, stroke=INK, dash=dash)
        sheet.text(x + 16, y, said, size=_SMALL)
        x += needed
    y += 14
    said = "Figures: number of studies; before R, how many of them are randomised."
    return sheet.paragraph(_MARGIN, y, said, width=width - 2 * _MARGIN, size=_SMALL, colour=MUTED)
