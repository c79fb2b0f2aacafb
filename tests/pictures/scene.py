"""What is drawn, read back from drawings; and the smallest valid things to draw."""

from __future__ import annotations

import math
from typing import Any

from kb.pictures.drawing import Disc, Drawing, Line, Shape, Text
from kb.pictures.forest import Columns, Estimate, Forest, Group, Number, Pooled, Row


def texts(drawing: Drawing) -> list[str]:
    return [mark.text for mark in drawing.marks if isinstance(mark, Text)]


def said(drawing: Drawing) -> str:
    """All that is printed, no-break spaces as spaces."""
    return " ".join(texts(drawing)).replace("\u00a0", " ")


def text_at(drawing: Drawing, text: str) -> Text:
    return next(m for m in drawing.marks if isinstance(m, Text) and m.text == text)


def discs(drawing: Drawing) -> list[Disc]:
    return [mark for mark in drawing.marks if isinstance(mark, Disc)]


def squares(drawing: Drawing) -> list[Shape]:
    """The squares of a forest plot, from top to bottom."""
    found = [m for m in drawing.marks if isinstance(m, Shape) and len(m.points) == 4]
    return [m for m in found if math.isclose(width_of(m), height_of(m), rel_tol=1e-6)]


def diamonds(drawing: Drawing) -> list[Shape]:
    """Shapes that come to a point left and right."""
    found = [m for m in drawing.marks if isinstance(m, Shape) and m not in squares(drawing)]
    return [m for m in found if m.stroke is not None]


def width_of(shape: Shape) -> float:
    xs = [x for x, _ in shape.points]
    return max(xs) - min(xs)


def height_of(shape: Shape) -> float:
    ys = [y for _, y in shape.points]
    return max(ys) - min(ys)


def is_within_the_page(drawing: Drawing) -> bool:
    """Whether no mark leaves the page; of text, as wide as it is measured."""
    from kb.pictures.lettering import text_width

    for mark in drawing.marks:
        if isinstance(mark, Text):
            width = text_width(mark.text, mark.size, is_bold=mark.is_bold)
            along = {"start": 0.0, "middle": width / 2, "end": width}[mark.anchor]
            turn = math.radians(mark.angle)
            ends = [(-along, 0.0), (width - along, 0.0)]
            points = [
                (mark.x + dx * math.cos(turn), mark.y - dx * math.sin(turn)) for dx, _ in ends
            ]
        elif isinstance(mark, Disc):
            r = mark.radius
            points = [(mark.x - r, mark.y - r), (mark.x + r, mark.y + r)]
        else:
            points = list(mark.points)
        if any(
            not (-0.5 <= x <= drawing.width + 0.5 and -0.5 <= y <= drawing.height + 0.5)
            for x, y in points
        ):
            return False
    return True


def lines(drawing: Drawing) -> list[Line]:
    return [mark for mark in drawing.marks if isinstance(mark, Line)]


def an_effect(estimate: float = 0.5, low: float = 0.25, high: float = 1.0) -> Estimate:
    return Estimate(estimate=estimate, low=low, high=high)


def a_row(label: str = "Iacobaeus 2019", **values: Any) -> Row:
    given: dict[str, Any] = {"label": label, "effect": an_effect(), "weight": 50.0}
    return Row(**(given | values))


def a_pooled(**values: Any) -> Pooled:
    given: dict[str, Any] = {"label": "All studies", "k": 2, "effect": an_effect(0.6, 0.4, 0.9)}
    return Pooled(**(given | values))


def a_forest(*rows: Row, **values: Any) -> Forest:
    """A plot of odds ratios without columns."""
    held = rows or (a_row("Iacobaeus 2019"), a_row("Uccelli 2021"))
    given: dict[str, Any] = {
        "title": "Relapse",
        "measure": "Odds ratio",
        "groups": (Group(name=None, rows=held),),
        "is_log": True,
        "null": 1.0,
    }
    return Forest(**(given | values))


def two_arms() -> tuple[Columns, ...]:
    return (
        Columns(heading="MSC", names=("Events", "Total")),
        Columns(heading="Placebo", names=("Events", "Total")),
    )


def numbers(*values: str | None, **origins: str) -> tuple[Number, ...]:
    """Numbers of a row; `n2="imputed"` gives the second another origin."""
    return tuple(
        Number(text=value, origin=origins.get(f"n{place}", "reported"))
        for place, value in enumerate(values, start=1)
    )
