"""Funnel plots: each study's estimate against its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from kb.errors import InvalidInput
from kb.pictures.drawing import INK, MUTED, RULE, WHITE, Drawing, Sheet, plain
from kb.pictures.lettering import text_width
from kb.pictures.scales import Scale, number, tick_label, ticks

# Below this many studies tests for asymmetry cannot tell chance from bias (Handbook 13.3.5.4).
FEWEST_FOR_ASYMMETRY: Final = 10

_WIDTH: Final = 430.0
_HEIGHT: Final = 330.0
_POINT: Final = "#35618f"
# Outermost first: what lies between the contours of P = 0.01, 0.05 and 0.10, after Peters et al
# (2008), J Clin Epidemiol 61:991-996.
_CONTOURS: Final = ((0.0, "#f3f4f2", "P < 0.01"), (0.01, "#dcdfdf", "0.01 ≤ P < 0.05"),
                    (0.05, "#c0c6c8", "0.05 ≤ P < 0.10"), (0.10, WHITE, "P ≥ 0.10"))  # fmt: skip
_OUTSIDE_ALL: Final = _CONTOURS[0][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A study on the scale of analysis: for ratios the logarithm. `is_filled`: not a study but one
    that trim and fill supposes."""

    label: str
    estimate: float
    se: float
    is_filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """`centre`: the pooled estimate, `adjusted` that of trim and fill, `null` no effect, all on the
    scale of analysis; `is_log`: that scale is logarithmic and the axis prints ratios. `asymmetry`:
    what a test said; it is not shown below ten studies."""

    title: str
    measure: str
    points: tuple[Point, ...]
    centre: float
    adjusted: float | None = None
    null: float = 0.0
    is_log: bool = False
    level: float = 95.0
    is_contoured: bool = False
    asymmetry: str | None = None
    notes: tuple[str, ...] = ()


def funnel(value: Funnel) -> Drawing:
    """The plot. Raises InvalidInput where there is no study, or one without a standard error."""
    _check(value)
    sheet = Sheet()
    left, right = 58.0, _WIDTH - 16.0
    y = sheet.paragraph(12, 20, value.title, width=_WIDTH - 24, size=10, is_bold=True)
    top, bottom = y + 2, y + 2 + _HEIGHT - 90
    ses = [point.se for point in value.points]
    largest = max(ses) * 1.06
    reach = _normal(value.level) * largest
    xs = [p.estimate for p in value.points] + [value.centre - reach, value.centre + reach]
    if value.is_contoured:
        xs.append(value.null)
    pad = 0.05 * (max(xs) - min(xs))
    across = Scale(low=min(xs) - pad, high=max(xs) + pad, start=left, end=right, is_log=False)
    down = Scale(low=0.0, high=largest, start=top, end=bottom, is_log=False)
    if value.is_contoured:
        _contours(sheet, value, across, down)
    _limits(sheet, value, across, down)
    for point in sorted(value.points, key=lambda p: p.is_filled):
        sheet.disc(
            across.place(point.estimate),
            down.place(point.se),
            3.0,
            fill=WHITE if point.is_filled else _POINT,
            stroke=_POINT if point.is_filled else WHITE,
            width=0.9 if point.is_filled else 0.5,
        )
    after = _axes(sheet, value, across, down)
    after = _legend(sheet, value, after)
    return sheet.drawn(_WIDTH, after + 4, title=value.title, description=in_words(value))


def in_words(value: Funnel) -> str:
    """What the plot shows, for who cannot see it."""
    studies = [p for p in value.points if not p.is_filled]
    filled = [p for p in value.points if p.is_filled]
    count = "1 study" if len(studies) == 1 else f"{len(studies)} studies"
    parts = [
        f"Funnel plot of {count}: {value.measure.lower()} against standard error, "
        f"around {_printed(value, value.centre)}.",
        f"Standard errors run from {number(min(p.se for p in studies))} to "
        f"{number(max(p.se for p in studies))}.",
    ]
    z = _normal(value.level)
    beyond = [p for p in studies if abs(p.estimate - value.centre) > z * p.se]
    named = ": " + "; ".join(p.label for p in beyond) if 0 < len(beyond) <= 12 else ""
    parts.append(f"{len(beyond)} outside the {value.level:g}% pseudo confidence limits{named}.")
    right = sum(p.estimate > value.centre for p in studies)
    left = sum(p.estimate < value.centre for p in studies)
    parts.append(f"{left} to the left and {right} to the right of the centre.")
    if filled:
        line = "" if value.adjusted is None else f", to {_printed(value, value.adjusted)}"
        parts.append(f"Trim and fill adds {len(filled)}{line}.")
    parts.append(asymmetry_text(value))
    return " ".join(part for part in parts if part)


def asymmetry_text(value: Funnel) -> str:
    k = sum(not p.is_filled for p in value.points)
    if k < FEWEST_FOR_ASYMMETRY:
        return (
            f"Asymmetry is not judged: {k} studies, and fewer than {FEWEST_FOR_ASYMMETRY} "
            "cannot tell bias from chance."
        )
    return f"{value.asymmetry}." if value.asymmetry else ""


def _check(value: Funnel) -> None:
    if not any(not p.is_filled for p in value.points):
        raise InvalidInput("no study gives an estimate, so there is no funnel to plot")
    for point in value.points:
        if not (math.isfinite(point.estimate) and math.isfinite(point.se) and point.se > 0):
            raise InvalidInput(
                f"{point.label}: estimate {point.estimate:g} with standard error {point.se:g} "
                "(expected numbers, and a standard error above 0)"
            )


def _normal(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 200)


def _printed(value: Funnel, estimate: float) -> str:
    return number(math.exp(estimate)) if value.is_log else number(estimate)


def _contours(sheet: Sheet, value: Funnel, across: Scale, down: Scale) -> None:
    """Where a study would be significant or not, whatever the pooled estimate."""
    sheet.box(
        across.start,
        down.start,
        across.end - across.start,
        down.end - down.start,
        fill=_OUTSIDE_ALL,
    )
    for p, colour, _ in _CONTOURS[1:]:
        reach = NormalDist().inv_cdf(1 - p / 2) * down.high
        _wedge(sheet, value.null, reach, across, down, fill=colour)


def _wedge(
    sheet: Sheet, centre: float, reach: float, across: Scale, down: Scale, *, fill: str
) -> None:
    """From the centre at standard error 0 to `reach` on both sides at the largest, as far as it is
    within the plot."""

    def side(way: int) -> list[tuple[float, float]]:
        edge = across.high if way > 0 else across.low
        room = (edge - centre) * way
        if room >= reach:
            return [(across.place(centre + way * reach), down.end)]
        met = down.place(down.high * room / reach)
        return [(across.place(edge), met), (across.place(edge), down.end)]

    apex = (across.place(centre), down.start)
    sheet.shape(apex, *side(1), *reversed(side(-1)), fill=fill)


def _limits(sheet: Sheet, value: Funnel, across: Scale, down: Scale) -> None:
    reach = _normal(value.level) * down.high
    apex = (across.place(value.centre), down.start)
    for way in (-1, 1):
        foot = (across.place(value.centre + way * reach), down.end)
        sheet.line(apex, foot, width=0.8, colour=MUTED, dash=(4, 2.5))
    sheet.line(apex, (apex[0], down.end), width=0.8)
    if value.adjusted is not None:
        x = across.place(value.adjusted)
        sheet.line((x, down.start), (x, down.end), width=0.8, dash=(1.5, 1.5))
    if across.holds(value.null):
        x = across.place(value.null)
        sheet.line((x, down.start), (x, down.end), width=0.6, colour=RULE)


def _axes(sheet: Sheet, value: Funnel, across: Scale, down: Scale) -> float:
    sheet.line((across.start, down.start), (across.start, down.end), (across.end, down.end))
    for tick in ticks(0.0, down.high):
        y = down.place(tick)
        sheet.line((across.start - 3, y), (across.start, y))
        sheet.text(across.start - 5, y + 2.6, tick_label(tick), size=7, anchor="end")
    middle = (down.start + down.end) / 2
    sheet.text(20, middle, "Standard error", anchor="middle", angle=90)
    after = -math.inf
    for place, said in _across_ticks(value, across):
        x = across.place(place)
        half = text_width(said, 7) / 2
        sheet.line((x, down.end), (x, down.end + 3))
        if x - half > after + 3:
            sheet.text(x, down.end + 11, said, size=7, anchor="middle")
            after = x + half
    said = plain(value.measure) + (" (logarithmic axis)" if value.is_log else "")
    sheet.text((across.start + across.end) / 2, down.end + 24, said, anchor="middle")
    return down.end + 40


def _across_ticks(value: Funnel, across: Scale) -> list[tuple[float, str]]:
    if not value.is_log:
        return [(tick, tick_label(tick)) for tick in across.ticks()]
    printed = Scale(
        low=math.exp(across.low), high=math.exp(across.high), start=0, end=1, is_log=True
    )
    return [(math.log(tick), tick_label(tick)) for tick in printed.ticks()]


def _legend(sheet: Sheet, value: Funnel, y: float) -> float:
    x = 58.0
    items: list[tuple[str, str]] = [(f"{value.level:g}% pseudo confidence limits", "dash")]
    if any(p.is_filled for p in value.points):
        items += [("study", "study"), ("added by trim and fill", "filled")]
    if value.adjusted is not None:
        items.append(("centre after trim and fill", "dots"))
    if value.is_contoured:
        items += [(said, colour) for _, colour, said in reversed(_CONTOURS)]
    for said, kind in items:
        width = 17 + text_width(said, 7) + 12
        if x + width > _WIDTH - 8 and x > 58:
            x, y = 58.0, y + 11
        if kind == "dash":
            sheet.line((x, y - 2.5), (x + 13, y - 2.5), width=0.8, colour=MUTED, dash=(4, 2.5))
        elif kind == "dots":
            sheet.line((x, y - 2.5), (x + 13, y - 2.5), width=0.8, dash=(1.5, 1.5))
        elif kind in ("study", "filled"):
            is_filled = kind == "filled"
            sheet.disc(
                x + 6, y - 2.5, 3, fill=WHITE if is_filled else _POINT, stroke=_POINT, width=0.9
            )
        else:
            sheet.box(x, y - 6, 12, 7, fill=kind, stroke=RULE, line_width=0.4)
        sheet.text(x + 17, y, said, size=7, colour=MUTED)
        x += width
    y += 12
    for note in (asymmetry_text(value), *value.notes):
        if note:
            y = sheet.paragraph(58, y, note, width=_WIDTH - 70, size=7, colour=INK)
    return y
