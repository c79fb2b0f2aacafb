"""A drawing as a value: marks at places, in points (1/72 inch) from the top left corner.

What a picture shows is decided before anything is painted, so that the same marks become SVG, PDF
and PNG (`kb.pictures.render`), and a test can read them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from kb.pictures.lettering import text_width, wrapped

INK = "#1d2733"
MUTED = "#5a6672"
RULE = "#9aa6ae"
FAINT = "#dde2e6"
WHITE = "#ffffff"

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One line of text; `y` is its baseline, `angle` in degrees against the clock."""

    x: float
    y: float
    text: str
    size: float
    anchor: Anchor = "start"
    is_bold: bool = False
    colour: str = INK
    angle: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    points: tuple[Point, ...]
    width: float = 0.7
    colour: str = INK
    dash: tuple[float, float] | None = None  # lengths of stroke and gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A polygon. No fill is no paint at all, so that what lies under it shows."""

    points: tuple[Point, ...]
    fill: str | None = None
    stroke: str | None = None
    width: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Disc:
    x: float
    y: float
    radius: float
    fill: str | None = None
    stroke: str | None = None
    width: float = 0.7
    dash: tuple[float, float] | None = None


Mark = Text | Line | Shape | Disc


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A finished picture. `description` is the text for who cannot see it: it says what the picture
    shows, numbers included. Later marks lie over earlier ones."""

    width: float
    height: float
    title: str
    description: str
    marks: tuple[Mark, ...]


@dataclass(slots=True)
class Sheet:
    """Where marks are put down while a picture is laid out."""

    marks: list[Mark] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 8.0,
        anchor: Anchor = "start",
        is_bold: bool = False,
        colour: str = INK,
        angle: float = 0.0,
    ) -> None:
        said = plain(text)
        if said:
            self.marks.append(
                Text(
                    x=x,
                    y=y,
                    text=said,
                    size=size,
                    anchor=anchor,
                    is_bold=is_bold,
                    colour=colour,
                    angle=angle,
                )
            )

    def lines(
        self,
        x: float,
        y: float,
        lines: Sequence[str],
        *,
        size: float = 8.0,
        anchor: Anchor = "start",
        is_bold: bool = False,
        colour: str = INK,
    ) -> float:
        """Lines one under another, the first on baseline `y`. Returns the baseline of the next."""
        for line in lines:
            self.text(x, y, line, size=size, anchor=anchor, is_bold=is_bold, colour=colour)
            y += leading(size)
        return y

    def paragraph(
        self,
        x: float,
        y: float,
        text: str,
        *,
        width: float,
        size: float = 8.0,
        is_bold: bool = False,
        colour: str = INK,
    ) -> float:
        """Text broken to `width`. Returns the baseline of what follows."""
        broken = wrapped(plain(text), width, size, is_bold=is_bold)
        return self.lines(x, y, broken, size=size, is_bold=is_bold, colour=colour)

    def line(
        self,
        *points: Point,
        width: float = 0.7,
        colour: str = INK,
        dash: tuple[float, float] | None = None,
    ) -> None:
        self.marks.append(Line(points=points, width=width, colour=colour, dash=dash))

    def arrow(self, start: Point, end: Point, *, width: float = 0.8, colour: str = INK) -> None:
        """A line along one axis with a head at its end."""
        head = 2.6 + width
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        ux, uy = dx / length, dy / length
        neck = (end[0] - ux * head, end[1] - uy * head)
        self.line(start, neck, width=width, colour=colour)
        side = head * 0.5
        self.shape(
            end,
            (neck[0] - uy * side, neck[1] + ux * side),
            (neck[0] + uy * side, neck[1] - ux * side),
            fill=colour,
        )

    def shape(
        self,
        *points: Point,
        fill: str | None = None,
        stroke: str | None = None,
        width: float = 0.7,
    ) -> None:
        self.marks.append(Shape(points=points, fill=fill, stroke=stroke, width=width))

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str | None = None,
        stroke: str | None = None,
        line_width: float = 0.7,
    ) -> None:
        self.shape(
            (x, y),
            (x + width, y),
            (x + width, y + height),
            (x, y + height),
            fill=fill,
            stroke=stroke,
            width=line_width,
        )

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        fill: str | None = None,
        stroke: str | None = None,
        width: float = 0.7,
        dash: tuple[float, float] | None = None,
    ) -> None:
        self.marks.append(
            Disc(x=x, y=y, radius=radius, fill=fill, stroke=stroke, width=width, dash=dash)
        )

    def drawn(self, width: float, height: float, *, title: str, description: str) -> Drawing:
        return Drawing(
            width=round(width, 2),
            height=round(height, 2),
            title=plain(title),
            description=plain(description),
            marks=tuple(self.marks),
        )


def leading(size: float) -> float:
    """From one baseline to the next."""
    return size * 1.32


def centred(y: float, size: float) -> float:
    """The baseline of text whose capitals are centred on `y`."""
    return y + size * 0.365  # half the height of a capital of the lettering


def plain(text: str) -> str:
    """Without control characters and halves of characters, which no XML can hold, and with single
    spaces; no-break spaces stay."""
    kept = (" " if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in text)
    return " ".join(word for word in "".join(kept).split(" ") if word)


def fitted(text: str, width: float, size: float, *, is_bold: bool = False) -> str:
    """The text, ended with an ellipsis where it is wider than `width`."""
    said = plain(text)
    if text_width(said, size, is_bold=is_bold) <= width:
        return said
    while said and text_width(said + "…", size, is_bold=is_bold) > width:
        said = said[:-1].rstrip()
    return said + "…"
