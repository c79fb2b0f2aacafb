"""Forest plots: what each study reported, what it came to, and what all come to together.

Estimates, limits and intervals are given on the scale that is printed: an odds ratio, not its
logarithm; a proportion, not its logit. Nothing is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from kb.errors import InvalidInput
from kb.pictures.drawing import FAINT, INK, MUTED, RULE, WHITE, Drawing, Sheet, centred, plain
from kb.pictures.lettering import text_width, wrapped
from kb.pictures.scales import (
    Scale,
    beside,
    checked_limits,
    decimals,
    fixed,
    limits_around,
    number,
    p_value,
    tick_label,
)

NOT_REPORTED: Final = "NR"

# What a sign beside a number stands for; a number without one was reported.
SIGNS: Final[dict[str, tuple[str, str]]] = {
    "computed": ("†", "computed from other reported numbers"),
    "imputed": ("‡", "imputed"),
    "digitised": ("§", "read from a figure"),
    "author_supplied": ("¶", "supplied by the authors"),
    "corrected": ("*", "counts corrected because of a zero cell"),
}
_UNSURE: Final = ("imputed", "digitised")

_SIZE: Final = 8.0
_SMALL: Final = 7.0
_ROW: Final = 13.5
_GAP: Final = 9.0
_MARGIN: Final = 12.0
_LABEL_WIDTH: Final = 165.0
_PLOT_WIDTH: Final = 200.0
_SIDE: Final = 40.0  # room for words beside no effect
_LARGEST_SQUARE: Final = 9.0
_SMALLEST_SQUARE: Final = 2.2
_SQUARE: Final = "#35618f"
_DIAMOND: Final = "#1d2733"
_PREDICTION: Final = "#a3492a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number as printed. `text` None: not reported. `origin` as in kb.models.evidence.Origin."""

    text: str | None
    origin: str = "reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What is printed of one group of participants: heading and the names of its columns."""

    heading: str | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One study. `weight` in percent. Without an effect it is listed as not estimable, and `reason`
    says why. `is_corrected`: something was added to its counts because of a zero."""

    label: str
    numbers: tuple[Number, ...] = ()
    effect: Estimate | None
    weight: float | None = None
    is_corrected: bool = False
    origin: str = "reported"  # of the effect, where it was not computed from the numbers shown
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """`i2` in percent. None is not known."""

    q: float | None = None
    df: int | None = None
    p: float | None = None
    tau2: float | None = None
    i2: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What studies come to together. `numbers` stand under the columns of the studies."""

    label: str
    k: int
    effect: Estimate
    numbers: tuple[Number, ...] = ()
    weight: float | None = None
    prediction: tuple[float, float] | None = None
    test: str | None = None  # "z = 2.84, P = 0.004"
    heterogeneity: Heterogeneity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Studies under one heading, None for all of them under none."""

    name: str | None
    rows: tuple[Row, ...]
    pooled: tuple[Pooled, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """`measure` as printed: "Odds ratio". `null`: the value of no effect, None where there is none,
    as for a proportion. `favours`: who benefits to the left and to the right of it."""

    title: str
    measure: str
    groups: tuple[Group, ...]
    pooled: tuple[Pooled, ...] = ()
    columns: tuple[Columns, ...] = ()
    method: str | None = None  # "Random effects, REML, Hartung-Knapp"
    level: float = 95.0
    is_log: bool = False
    null: float | None = None
    bounds: tuple[float, float] | None = None  # that no value of the measure is beyond
    favours: tuple[str, str] | None = None
    limits: tuple[float, float] | None = None
    subgroup_test: str | None = None
    notes: tuple[str, ...] = ()


def forest(value: Forest) -> Drawing:
    """The plot, as wide as its columns and as long as its studies need.

    Raises InvalidInput where no study has an estimate, and for numbers that cannot be drawn.
    """
    _check(value)
    return _Layout(value).drawn()


def rows_of(value: Forest) -> list[Row]:
    return [row for group in value.groups for row in group.rows]


def _check(value: Forest) -> None:
    rows = rows_of(value)
    if not any(row.effect for row in rows):
        reasons = "; ".join(f"{r.label}: {r.reason}" for r in rows[:5] if r.reason)
        raise InvalidInput(
            "no study gives an estimate, so there is nothing to plot"
            + (f" ({reasons})" if reasons else f" ({len(rows)} rows)")
        )
    named = [(row.label, row.effect) for row in rows if row.effect]
    named += [(pooled.label, pooled.effect) for pooled in _all_pooled(value)]
    for label, effect in named:
        values = (effect.estimate, effect.low, effect.high)
        if any(map(math.isnan, values)) or not effect.low <= effect.estimate <= effect.high:
            raise InvalidInput(
                f"{label}: {effect.estimate:g} does not lie within its interval "
                f"{effect.low:g} to {effect.high:g}"
            )
        if value.is_log and (effect.estimate <= 0 or effect.low < 0):
            raise InvalidInput(
                f"{label}: {effect.estimate:g} ({effect.low:g} to {effect.high:g}) has no place on "
                "a logarithmic axis; give ratios, not their logarithms"
            )
    width = sum(len(columns.names) for columns in value.columns)
    for row in rows:
        if len(row.numbers) != width:
            raise InvalidInput(
                f"{row.label}: {len(row.numbers)} numbers for {width} columns of the plot"
            )


def _all_pooled(value: Forest) -> Iterator[Pooled]:
    yield from chain.from_iterable(group.pooled for group in value.groups)
    yield from value.pooled


# -- words ---------------------------------------------------------------------------------------


class Wording:
    """How the plot prints its estimates: ratios each with the decimals it needs, other numbers all
    with the same."""

    def __init__(self, value: Forest) -> None:
        self.level = value.level
        effects = [row.effect for row in rows_of(value) if row.effect]
        self.digits = None if value.is_log else decimals([e.estimate for e in effects])

    def number(self, value: float) -> str:
        return number(value) if self.digits is None else fixed(value, self.digits)

    def interval(self, low: float, high: float) -> str:
        return f"[{self.number(low)}, {self.number(high)}]"

    def effect(self, effect: Estimate) -> str:
        return f"{self.number(effect.estimate)} {self.interval(effect.low, effect.high)}"

    def sentence(self, effect: Estimate) -> str:
        return (
            f"{self.number(effect.estimate)} ({self.level:g}% CI {self.number(effect.low)} to "
            f"{self.number(effect.high)})"
        )


def heterogeneity_text(found: Heterogeneity, k: int) -> str:
    """Empty where nothing is known. I² is left out below three studies: it says nothing there."""
    parts = []
    if found.tau2 is not None:
        parts.append(f"τ² = {number(found.tau2)}")
    if found.q is not None and found.df is not None:
        p = f" ({p_value(found.p)})" if found.p is not None else ""
        parts.append(f"Q = {number(found.q)}, df = {found.df}{p}")
    if found.i2 is not None and k >= 3:
        parts.append(f"I² = {found.i2:.0f}%")
    return "; ".join(parts)


def in_words(value: Forest) -> str:
    """What the plot shows, for who cannot see it."""
    rows = [row for row in rows_of(value) if row.effect]
    count = "1 study" if len(rows) == 1 else f"{len(rows)} studies"
    parts = [f"Forest plot of {count}; {value.measure.lower()}."]
    if value.method:
        parts.append(f"{value.method}.")
    for pooled in value.pooled:
        parts.append(f"{_pooled_in_words(pooled, value)}")
    for group in value.groups:
        if group.name is None:
            continue
        held = sum(1 for row in group.rows if row.effect)
        parts.append(f"Subgroup {group.name}: {held} {'study' if held == 1 else 'studies'}.")
        parts += [_pooled_in_words(pooled, value) for pooled in group.pooled]
    if value.subgroup_test:
        parts.append(f"Test for subgroup differences: {value.subgroup_test}.")
    if not value.pooled and not any(group.pooled for group in value.groups):
        parts.append("The studies are not pooled.")
    if len(rows) > 1:
        parts.append(_spread_in_words(rows, value))
    if value.null is not None:
        beyond = [r for r in rows if r.effect and not _holds(r.effect, value.null)]
        parts.append(
            f"{len(beyond)} of {count} have an interval that excludes {number(value.null, 0)}."
            if len(rows) > 1
            else f"The interval {'excludes' if beyond else 'includes'} {number(value.null, 0)}."
        )
    unsure = [r.label for r in rows if is_unsure(r)]
    if unsure:
        parts.append(f"Resting on imputed or digitised values: {'; '.join(unsure)}.")
    out = [r for r in rows_of(value) if r.effect is None]
    if out:
        listed = "; ".join(r.label + (f" ({r.reason})" if r.reason else "") for r in out)
        parts.append(f"Without an estimate: {listed}.")
    return " ".join(parts)


def _pooled_in_words(pooled: Pooled, value: Forest) -> str:
    words = Wording(value)
    said = f"{pooled.label}: {words.sentence(pooled.effect)}"
    if pooled.prediction is not None:
        low, high = pooled.prediction
        said += f", prediction interval {words.number(low)} to {words.number(high)}"
    if pooled.heterogeneity and (found := heterogeneity_text(pooled.heterogeneity, pooled.k)):
        said += f"; heterogeneity: {found}"
    return said + "."


def _spread_in_words(rows: Sequence[Row], value: Forest) -> str:
    words = Wording(value)
    placed = [(row.effect.estimate, row.label) for row in rows if row.effect]
    (least, least_by), (most, most_by) = min(placed), max(placed)
    return (
        f"Estimates run from {words.number(least)} ({least_by}) to "
        f"{words.number(most)} ({most_by})."
        if least < most
        else f"All estimates are {words.number(least)}."
    )


def _holds(effect: Estimate, point: float) -> bool:
    return effect.low <= point <= effect.high


def is_unsure(row: Row) -> bool:
    return any(origin in _UNSURE for origin in (row.origin, *(n.origin for n in row.numbers)))


# -- layout --------------------------------------------------------------------------------------


class _Layout:
    """Columns from left to right, then rows from top to bottom."""

    def __init__(self, value: Forest) -> None:
        self.value = value
        self.words = Wording(value)
        self.sheet = Sheet()
        self.has_weights = any(row.weight is not None for row in rows_of(value))
        self.is_grouped = any(group.name is not None for group in value.groups)
        self.indent = 7.0 if self.is_grouped else 0.0
        # A row may stand for several lines of its label.
        self.labels = {
            id(row): wrapped(plain(row.label), _LABEL_WIDTH - self.indent, _SIZE) or [""]
            for row in rows_of(value)
        }
        self._place_columns()
        self.scale = self._scaled()
        self.y = _MARGIN

    def _place_columns(self) -> None:
        value = self.value
        widest = [text_width(line, _SIZE) for lines in self.labels.values() for line in lines]
        widest += [
            min(text_width(plain(p.label), _SIZE, is_bold=True), _LABEL_WIDTH)
            for p in _all_pooled(value)
        ]
        widest += [
            min(text_width(plain(g.name), _SIZE, is_bold=True), _LABEL_WIDTH)
            for g in value.groups
            if g.name
        ]
        x = _MARGIN + max([*widest, 40.0]) + self.indent + _GAP
        self.column_ends: list[float] = []
        self.headings: list[tuple[str, float, float]] = []
        place = 0
        for columns in value.columns:
            begin = x
            for name in columns.names:
                texts = [n for r in rows_of(value) for n in r.numbers[place : place + 1]]
                texts += [n for p in _all_pooled(value) for n in p.numbers[place : place + 1]]
                width = max(
                    text_width(name, _SIZE, is_bold=True),
                    *(text_width(number_text(n), _SIZE, is_bold=True) for n in texts),
                )
                x += width
                self.column_ends.append(x)
                x += _GAP
                place += 1
            if columns.heading:
                heading = plain(columns.heading)
                needed = text_width(heading, _SIZE, is_bold=True)
                missing = needed - (x - _GAP - begin)
                if missing > 0:  # a long name of an arm spreads its columns
                    names = len(columns.names)
                    for n in range(names):
                        self.column_ends[n - names] += missing * (n + 1) / names
                    x += missing
                self.headings.append((heading, begin, x - _GAP))
            x += _GAP * 0.6
        if self.has_weights:
            x += text_width("100.0%", _SIZE, is_bold=True)
            self.weight_end = max(x, _MARGIN)
            x += _GAP
        printed = [self.words.effect(r.effect) for r in rows_of(value) if r.effect]
        printed += [self.words.effect(p.effect) for p in _all_pooled(value)]
        printed += [self.words.interval(*p.prediction) for p in _all_pooled(value) if p.prediction]
        if any(r.effect is None for r in rows_of(value)):
            printed.append("Not estimable")
        self.effect_heading = wrapped(
            f"{plain(value.measure)} [{value.level:g}%\u00a0CI]", 120.0, _SIZE, is_bold=True
        )
        width = max(
            *(text_width(t, _SIZE, is_bold=True) for t in printed),
            *(text_width(t, _SIZE, is_bold=True) for t in self.effect_heading),
        )
        self.effect_end = x + width
        self.table_end = self.effect_end
        start = self.effect_end + _GAP * 1.6
        self.plot = (start, start + _PLOT_WIDTH)
        self.width = self.plot[1] + _MARGIN

    def _scaled(self) -> Scale:
        value = self.value
        effects = [row.effect for row in rows_of(value) if row.effect]
        kept = [v for p in _all_pooled(value) for v in (p.effect.low, p.effect.high)]
        kept += [value.null] if value.null is not None else []
        intervals = [(e.low, e.high) for e in effects]
        intervals += [p.prediction for p in _all_pooled(value) if p.prediction]
        if value.limits is not None:
            low, high = checked_limits(value.limits, is_log=value.is_log)
        else:
            low, high = limits_around(
                [e.estimate for e in effects], intervals, kept, is_log=value.is_log
            )
            if value.null is not None:
                low, high = beside(value.null, low, high, is_log=value.is_log)
            if value.bounds is not None:
                low, high = max(low, value.bounds[0]), min(high, value.bounds[1])
        start, end = self.plot
        return Scale(low=low, high=high, start=start + 5, end=end - 5, is_log=value.is_log)

    # -- rows ------------------------------------------------------------------------------------

    def drawn(self) -> Drawing:
        value, sheet = self.value, self.sheet
        self._title()
        self._headings()
        top = self.y
        behind = len(sheet.marks)
        for place, group in enumerate(value.groups):
            if place:
                self.y += 4
            self._group(group)
        if value.pooled:
            self.y += 3
            sheet.line((_MARGIN, self.y), (self.table_end, self.y), width=0.5, colour=RULE)
            self.y += 3
        for pooled in value.pooled:
            self._pooled(pooled, is_whole=True)
        bottom = self.y + 2
        self._reference_lines(top, bottom, behind)
        after_axis = self._axis(bottom)
        self.y = bottom + 11
        self._statistics()
        self.y = max(self.y, after_axis)
        self._footnotes()
        return sheet.drawn(
            self.width, self.y + _MARGIN - 6, title=value.title, description=in_words(value)
        )

    def _title(self) -> None:
        self.y += 6
        room = self.width - 2 * _MARGIN
        self.y = self.sheet.paragraph(
            _MARGIN, self.y, self.value.title, width=room, size=10, is_bold=True
        )
        if self.value.method:
            self.y = self.sheet.paragraph(
                _MARGIN, self.y, self.value.method, width=room, size=_SMALL, colour=MUTED
            )
        self.y += 6

    def _headings(self) -> None:
        sheet, value = self.sheet, self.value
        lines = max(2 if self.headings else 1, len(self.effect_heading))
        first = self.y
        base = first + (lines - 1) * 10.5
        for heading, begin, end in self.headings:
            sheet.text((begin + end) / 2, base - 11.5, heading, anchor="middle", is_bold=True)
            sheet.line((begin, base - 8.8), (end, base - 8.8), width=0.4, colour=RULE)
        sheet.text(_MARGIN, base, "Study", is_bold=True)
        names = [name for columns in value.columns for name in columns.names]
        for name, end in zip(names, self.column_ends, strict=True):
            sheet.text(end, base, name, anchor="end", is_bold=True)
        if self.has_weights:
            sheet.text(self.weight_end, base, "Weight", anchor="end", is_bold=True)
        y = base - (len(self.effect_heading) - 1) * 10.5
        sheet.lines(self.effect_end, y, self.effect_heading, anchor="end", is_bold=True)
        self.y = base + 4.5
        sheet.line((_MARGIN, self.y), (self.width - _MARGIN, self.y), width=0.6)
        self.y += 4

    def _group(self, group: Group) -> None:
        if group.name is not None:
            middle = self.y + _ROW / 2
            for line in wrapped(plain(group.name), self.table_end - _MARGIN, _SIZE, is_bold=True):
                self.sheet.text(_MARGIN, centred(middle, _SIZE), line, is_bold=True)
                middle += _ROW
                self.y += _ROW
        for row in group.rows:
            self._study(row)
        for pooled in group.pooled:
            self._pooled(pooled, is_whole=False)
            said = _statistics_of(pooled)
            if said and group.name is not None:
                room = self.table_end - _MARGIN
                for line in wrapped(_unbroken(said), room, _SMALL):
                    self.sheet.text(_MARGIN, self.y + 7.5, line, size=_SMALL, colour=MUTED)
                    self.y += 9.5
                self.y += 2

    def _study(self, row: Row) -> None:
        sheet = self.sheet
        lines = self.labels[id(row)]
        height = _ROW + (len(lines) - 1) * 10.0
        middle = self.y + height / 2
        first = middle - (len(lines) - 1) * 5.0
        for place, line in enumerate(lines):
            sheet.text(_MARGIN + self.indent, centred(first + place * 10.0, _SIZE), line)
        base = centred(middle, _SIZE)
        self._numbers(row.numbers, base)
        if row.effect is None:
            sheet.text(self.effect_end, base, "Not estimable", anchor="end", colour=MUTED)
        else:
            if self.has_weights and row.weight is not None:
                sheet.text(self.weight_end, base, f"{row.weight:.1f}%", anchor="end")
            sheet.text(self.effect_end, base, self.words.effect(row.effect), anchor="end")
            signs = _signs_of_effect(row)
            if signs:  # after the bracket, in the margin, so that the numbers stay in line
                sheet.text(self.effect_end + 1, base, signs)
            self._interval(row.effect, middle)
            self._square(row, middle)
        self.y += height

    def _numbers(self, numbers: Sequence[Number], base: float, *, is_bold: bool = False) -> None:
        for found, end in zip(numbers, self.column_ends):
            colour = MUTED if found.text is None else INK
            said = NOT_REPORTED if found.text is None else plain(found.text)
            self.sheet.text(end, base, said, anchor="end", is_bold=is_bold, colour=colour)
            if found.text is not None and found.origin in SIGNS:
                self.sheet.text(end + 0.5, base, SIGNS[found.origin][0])

    def _interval(self, effect: Estimate, y: float) -> None:
        scale, sheet = self.scale, self.sheet
        low, high = scale.clipped(effect.low), scale.clipped(effect.high)
        if effect.high < scale.low or effect.low > scale.high:
            # The whole interval lies beyond the axis: an arrow at the end tells the side.
            edge, back = (scale.start, 7.0) if effect.high < scale.low else (scale.end, -7.0)
            sheet.arrow((edge + back, y), (edge, y))
            return
        sheet.line((low, y), (high, y), width=0.9)
        for value, place, back in ((effect.low, low, 6.0), (effect.high, high, -6.0)):
            if not scale.holds(value):
                sheet.arrow((place + back, y), (place, y), width=0.9)

    def _square(self, row: Row, y: float) -> None:
        assert row.effect is not None
        if not self.scale.holds(row.effect.estimate):
            return
        heaviest = max((r.weight or 0.0 for r in rows_of(self.value)), default=0.0)
        if row.weight is None or heaviest <= 0:
            side = 5.0
        else:
            side = max(_LARGEST_SQUARE * math.sqrt(row.weight / heaviest), _SMALLEST_SQUARE)
        x = self.scale.place(row.effect.estimate)
        unsure = is_unsure(row)
        self.sheet.box(
            x - side / 2,
            y - side / 2,
            side,
            side,
            fill=WHITE if unsure else _SQUARE,
            stroke=_SQUARE,
            line_width=1.0 if unsure else 0.3,
        )

    def _pooled(self, pooled: Pooled, *, is_whole: bool) -> None:
        sheet, scale = self.sheet, self.scale
        lines = wrapped(plain(pooled.label), _LABEL_WIDTH, _SIZE, is_bold=True)
        height = _ROW + 1 + (len(lines) - 1) * 10.0
        middle = self.y + height / 2
        base = centred(middle, _SIZE)
        for place, line in enumerate(lines):
            first = middle - (len(lines) - 1) * 5.0
            sheet.text(_MARGIN, centred(first + place * 10.0, _SIZE), line, is_bold=True)
        self._numbers(pooled.numbers, base, is_bold=True)
        if self.has_weights and pooled.weight is not None:
            sheet.text(self.weight_end, base, f"{pooled.weight:.1f}%", anchor="end", is_bold=True)
        sheet.text(
            self.effect_end, base, self.words.effect(pooled.effect), anchor="end", is_bold=True
        )
        self._diamond(pooled.effect, middle, is_whole=is_whole)
        self.y += height
        if pooled.prediction is not None:
            self._prediction(pooled.prediction, scale)

    def _diamond(self, effect: Estimate, y: float, *, is_whole: bool) -> None:
        scale = self.scale
        half = 5.0 if is_whole else 4.2
        low, middle, high = (
            scale.place(max(v, 1e-300) if scale.is_log else v)
            for v in (effect.low, effect.estimate, effect.high)
        )
        outline = _cut_diamond(low, middle, high, y, half, scale.start, scale.end)
        fill = _DIAMOND if is_whole else WHITE
        if outline:
            self.sheet.shape(*outline, fill=fill, stroke=_DIAMOND, width=0.9)
        for value, edge, ahead in ((effect.low, scale.start, -5), (effect.high, scale.end, 5)):
            if not scale.holds(value):
                self.sheet.arrow((edge - ahead * 0.2, y), (edge + ahead, y))

    def _prediction(self, interval: tuple[float, float], scale: Scale) -> None:
        sheet = self.sheet
        middle = self.y + _ROW / 2
        base = centred(middle, _SIZE)
        sheet.text(_MARGIN, base, "Prediction interval", colour=_PREDICTION)
        sheet.text(
            self.effect_end, base, self.words.interval(*interval), anchor="end", colour=_PREDICTION
        )
        low, high = (scale.clipped(v) for v in interval)
        sheet.line((low, middle), (high, middle), width=2.2, colour=_PREDICTION)
        for value, place, back in ((interval[0], low, 6.0), (interval[1], high, -6.0)):
            if scale.holds(value):
                sheet.line((place, middle - 3), (place, middle + 3), colour=_PREDICTION, width=1.2)
            else:
                sheet.arrow((place + back, middle), (place, middle), width=2.2, colour=_PREDICTION)
        self.y += _ROW

    # -- around the rows -------------------------------------------------------------------------

    def _reference_lines(self, top: float, bottom: float, behind: int) -> None:
        """The value of no effect, and the pooled one, under everything else."""
        under = Sheet()
        if self.value.null is not None and self.scale.holds(self.value.null):
            x = self.scale.place(self.value.null)
            under.line((x, top), (x, bottom), width=0.7, colour=INK)
        if len(self.value.pooled) == 1:
            estimate = self.value.pooled[0].effect.estimate
            if self.scale.holds(estimate):
                x = self.scale.place(estimate)
                under.line((x, top), (x, bottom), width=0.6, colour=RULE, dash=(2.5, 2.0))
        self.sheet.marks[behind:behind] = under.marks

    def _axis(self, y: float) -> float:
        """Returns where what is under the axis ends."""
        sheet, scale, value = self.sheet, self.scale, self.value
        sheet.line((self.plot[0], y), (self.plot[1], y), width=0.7)
        after = -math.inf
        for tick in scale.ticks():
            x = scale.place(tick)
            sheet.line((x, y), (x, y + 3), width=0.7)
            said = tick_label(tick)
            half = text_width(said, _SMALL) / 2
            if x - half > after + 3:
                sheet.text(x, y + 11, said, size=_SMALL, anchor="middle")
                after = x + half
        y += 25
        if value.favours:
            left, right = (plain(f"Favours {who}") for who in value.favours)
            y = self._favours(left, right, y)
        return y

    def _favours(self, left: str, right: str, y: float) -> float:
        """Both sides of no effect, or of the middle where that is at an end of the axis."""
        sheet, (start, end), null = self.sheet, self.plot, self.value.null
        x = self.scale.clipped(null) if null is not None else start
        if min(x - start, end - x) < _SIDE:
            x = (start + end) / 2
        lines_left = wrapped(left, x - start - 6 + _GAP, _SMALL)
        lines_right = wrapped(right, end - x - 6 + _GAP, _SMALL)
        ends = [
            sheet.lines(x - 6, y, lines_left, size=_SMALL, anchor="end"),
            sheet.lines(x + 6, y, lines_right, size=_SMALL),
        ]
        sheet.arrow((x - 6, y - 8.5), (x - 26, y - 8.5), width=0.6, colour=MUTED)
        sheet.arrow((x + 6, y - 8.5), (x + 26, y - 8.5), width=0.6, colour=MUTED)
        return max(ends)

    def _statistics(self) -> None:
        """What the pooled values rest on, in the room beside the axis."""
        room = self.table_end - _MARGIN
        lines = [
            (f"{pooled.label}. " if len(self.value.pooled) > 1 else "") + said
            for pooled in self.value.pooled
            if (said := _statistics_of(pooled))
        ]
        if self.value.subgroup_test:
            lines.append(f"Test for subgroup differences: {self.value.subgroup_test}")
        for line in lines:
            self.y = self.sheet.paragraph(_MARGIN, self.y, _unbroken(line), width=room, size=_SMALL)

    def _footnotes(self) -> None:
        value = self.value
        used = {n.origin for r in rows_of(value) for n in r.numbers if n.text is not None}
        used |= {row.origin for row in rows_of(value)}
        used |= {"corrected"} if any(r.is_corrected for r in rows_of(value)) else set()
        notes = []
        if signs := [f"{sign} {means}" for key, (sign, means) in SIGNS.items() if key in used]:
            notes.append("; ".join(signs) + ".")
        if any(is_unsure(r) for r in rows_of(value) if r.effect):
            notes.append("Hollow square: rests on imputed or digitised values.")
        if any(n.text is None for r in rows_of(value) for n in r.numbers):
            notes.append(f"{NOT_REPORTED}: not reported.")
        if out := [r for r in rows_of(value) if r.effect is None]:
            listed = "; ".join(r.label + (f" ({r.reason})" if r.reason else "") for r in out)
            notes.append(f"Not estimable: {listed}.")
        notes += value.notes
        if not notes:
            return
        self.y += 4
        self.sheet.line(
            (_MARGIN, self.y - 6), (self.width - _MARGIN, self.y - 6), width=0.4, colour=FAINT
        )
        self.y += 4
        for note in notes:
            self.y = self.sheet.paragraph(
                _MARGIN, self.y, note, width=self.width - 2 * _MARGIN, size=_SMALL, colour=MUTED
            )


def number_text(found: Number) -> str:
    if found.text is None:
        return NOT_REPORTED
    return plain(found.text)


def _unbroken(text: str) -> str:
    """So that no line ends within "P = 0.03"."""
    for sign in "=<":
        text = text.replace(f" {sign} ", f"\u00a0{sign}\u00a0")
    return text


def _signs_of_effect(row: Row) -> str:
    keys = (row.origin, "corrected" if row.is_corrected else "")
    return "".join(SIGNS[key][0] for key in keys if key in SIGNS)


def _statistics_of(pooled: Pooled) -> str:
    parts = []
    if pooled.heterogeneity and (found := heterogeneity_text(pooled.heterogeneity, pooled.k)):
        parts.append(f"Heterogeneity: {found}")
    if pooled.test:
        parts.append(f"Test for overall effect: {pooled.test}")
    return ". ".join(parts)


def _cut_diamond(
    low: float, middle: float, high: float, y: float, half: float, start: float, end: float
) -> list[tuple[float, float]]:
    """The outline of a diamond as far as it lies between `start` and `end`; empty beyond them."""

    def height(x: float) -> float:
        span = middle - low if x < middle else high - middle
        away = abs(x - middle)
        return half * (1 - away / span) if span > 0 else half

    first, last = max(low, start), min(high, end)
    if first > last:
        return []
    xs = sorted({first, last, *([middle] if first < middle < last else [])})
    above = [(x, y - height(x)) for x in xs]
    return above + [(x, y + height(x)) for x in reversed(xs)]
