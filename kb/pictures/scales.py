"""Axes and numbers: where values lie, which ticks are drawn, how numbers are printed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

from kb.errors import InvalidInput

MINUS: Final = "\N{MINUS SIGN}"
_MOST_TICKS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """An axis from `low` to `high` in the units printed at it, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool

    def place(self, value: float) -> float:
        """Where the value lies, also beyond the ends."""
        along = (self._on_axis(value) - self._on_axis(self.low)) / (
            self._on_axis(self.high) - self._on_axis(self.low)
        )
        return self.start + along * (self.end - self.start)

    def clipped(self, value: float) -> float:
        """Where the value lies, or the end that it lies beyond."""
        inside = min(max(value, self.low), self.high)
        return self.place(inside)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self) -> list[float]:
        return log_ticks(self.low, self.high) if self.is_log else ticks(self.low, self.high)

    def _on_axis(self, value: float) -> float:
        if not self.is_log:
            return value
        return math.log(value) if value > 0 else -math.inf


def ticks(low: float, high: float) -> list[float]:
    """About five round values within the limits."""
    step = _round_step((high - low) / 5)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Multiples, not sums: 0.1 + 0.2 is not 0.3.
    places = max(0, 2 - math.floor(math.log10(step)))
    return [round(n * step, places) + 0.0 for n in range(first, last + 1)]


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= step * 0.999)


def log_ticks(low: float, high: float) -> list[float]:
    """Round values within the limits that are near evenly spaced on a logarithmic axis, 1 among
    them where it is within."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    kept: list[float] = []
    for every, digits in ((1, (1, 2, 5)), (1, (1, 3)), (1, (1,)), (2, (1,)), (3, (1,)), (6, (1,))):
        kept = [
            d * 10.0**n
            for n in decades
            if n % every == 0
            for d in digits
            if low * (1 - 1e-9) <= d * 10.0**n <= high * (1 + 1e-9)
        ]
        if len(kept) <= _MOST_TICKS:
            break
    return kept if len(kept) >= 3 else ticks(low, high)


def limits_around(
    estimates: Iterable[float],
    intervals: Iterable[tuple[float, float]],
    kept: Iterable[float],
    *,
    is_log: bool,
) -> tuple[float, float]:
    """Limits of an axis that hold the estimates and `kept` (pooled values, the null), and the
    intervals as far as a few very wide ones do not press all others together."""
    onto = math.log if is_log else float
    inner = [onto(v) for v in (*estimates, *kept) if math.isfinite(v) and (v > 0 or not is_log)]
    lows, highs = [], []
    for low, high in intervals:
        if not is_log or low > 0:
            lows.append(onto(low))
        if not is_log or high > 0:
            highs.append(onto(high))
    finite_lows = [v for v in lows if math.isfinite(v)]
    finite_highs = [v for v in highs if math.isfinite(v)]
    low = min([*inner, *finite_lows])
    high = max([*inner, *finite_highs])
    core_low = min([*inner, _quantile(finite_lows, 0.25, inner)])
    core_high = max([*inner, _quantile(finite_highs, 0.75, inner)])
    core = core_high - core_low
    low, high = max(low, core_low - 0.6 * core), min(high, core_high + 0.6 * core)
    if high - low < 1e-9 * max(1.0, abs(low)):
        low, high = low - 0.5, high + 0.5
    pad = 0.04 * (high - low)
    low, high = low - pad, high + pad
    return (math.exp(low), math.exp(high)) if is_log else (low, high)


def _quantile(values: Sequence[float], part: float, otherwise: Sequence[float]) -> float:
    if len(values) < 2:
        return values[0] if values else otherwise[0]
    return quantiles(values, n=100, method="inclusive")[round(part * 100) - 1]


def beside(point: float, low: float, high: float, *, is_log: bool) -> tuple[float, float]:
    """Limits moved out so that a quarter of the axis lies on either side of `point`."""
    onto = math.log if is_log else float
    low, point, high = onto(low), onto(point), onto(high)
    low, high = min(low, point - (high - point) / 3), max(high, point + (point - low) / 3)
    return (math.exp(low), math.exp(high)) if is_log else (low, high)


def checked_limits(limits: tuple[float, float], *, is_log: bool) -> tuple[float, float]:
    """Limits that a person asked for. Raises InvalidInput where no axis has them."""
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidInput(f"an axis runs from a lower to a higher number, not {low:g} to {high:g}")
    if is_log and low <= 0:
        raise InvalidInput(f"a logarithmic axis begins above 0, not at {low:g}")
    return limits


def decimals(values: Sequence[float]) -> int:
    """How many decimals show numbers of this size: two, more where most are below 0.1."""
    size = median(map(abs, values)) if values else 1.0
    return 2 if size >= 0.1 or size == 0 else min(2 - math.floor(math.log10(size) + 1), 6)


def fixed(value: float, digits: int) -> str:
    """With this many decimals, so that numbers in a column compare; what was rounded to 0 keeps its
    sign, which may be all that matters. The very large and the very small are as in `number`."""
    if abs(value) >= 1000 or 0 < abs(value) < 1e-6:
        return number(value)
    said = f"{abs(value):.{digits}f}"
    return said if value >= 0 else MINUS + said


def number(value: float, digits: int = 2) -> str:
    """A number by itself: two decimals, more where a small one would become 0.00, fewer where they
    say nothing."""
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    if size >= 1e5 or 0 < size < 1e-4:
        mantissa, _, power = f"{size:.1e}".partition("e")
        said = f"{mantissa} × 10{_superscript(int(power))}"
    elif 0 < size < 10.0**-digits:
        said = f"{size:.{1 - math.floor(math.log10(size))}f}"
    elif size >= 1000:
        said = f"{size:,.0f}"
    else:
        said = f"{size:.{digits}f}"
    is_zero = not any(c in "123456789" for c in said)
    return said if value >= 0 or is_zero else MINUS + said


def tick_label(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 1e5 or abs(value) < 1e-4:
        return number(value)
    return f"{value:.6g}".replace("-", MINUS)


def p_value(p: float) -> str:
    return "P < 0.001" if p < 0.001 else f"P = {p:.3f}" if p < 0.1 else f"P = {p:.2f}"


def _superscript(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
