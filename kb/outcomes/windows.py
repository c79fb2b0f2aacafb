"""Which timepoints count as one for analysis, and which of a study's is taken.

A window never changes a time: 48 weeks and 12 months fall in one window and stay two values, each
with what it was counted from.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final

from kb.errors import InvalidInput
from kb.models.evidence import Origin
from kb.outcomes.chains import Rule
from kb.outcomes.timepoints import DAYS_PER_UNIT

_WEEK, _MONTH, _YEAR = (DAYS_PER_UNIT[unit] for unit in ("week", "month", "year"))
# How far a visit may lie from its planned day: four weeks, as between monthly visits; one week for
# the visit at one month, which is itself only four weeks from the start.
_FOUR_WEEKS = 4 * _WEEK


class Family(StrEnum):
    """Windows of one family do not overlap."""

    VISIT = "visit"  # about a planned visit; between them lie times of no window
    SAFETY = "safety"  # how soon after treatment harm came; they leave no gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Times from `low` (excluded where `is_open`) to `high` days. `nominal_low` to `nominal_high`
    are the days a result of exactly this visit is printed with."""

    id: str
    label: str
    family: Family
    low: float
    high: float
    nominal_low: float
    nominal_high: float
    why: str
    is_open: bool = False

    def __contains__(self, days: float) -> bool:
        return days <= self.high and (days > self.low if self.is_open else days >= self.low)

    def distance(self, days: float) -> float:
        """Days to the nearest time this visit is printed with; 0 within."""
        return max(self.nominal_low - days, days - self.nominal_high, 0.0)


def _visit(id: str, label: str, first: float, last: float, slack: float = _FOUR_WEEKS) -> Window:
    return Window(
        id=id,
        label=label,
        family=Family.VISIT,
        low=first - slack,
        high=last + slack,
        nominal_low=first,
        nominal_high=last,
        why=f"{first:g} to {last:g} days, the visit printed in weeks or in months, "
        f"and {slack:g} days either way",
    )


def _bin(id: str, label: str, low: float, high: float, why: str) -> Window:
    return Window(
        id=id,
        label=label,
        family=Family.SAFETY,
        low=low,
        high=high,
        nominal_low=low,
        nominal_high=high,
        why=why,
        is_open=True,
    )


_THOMPSON: Final = "as the groups of harms of Thompson et al. 2020, EClinicalMedicine 19:100249"

WINDOWS: Final = (
    _visit("4-wk", "4 weeks, 1 month", 4 * _WEEK, _MONTH, _WEEK),
    _visit("12-wk", "12 weeks, 3 months", 12 * _WEEK, 3 * _MONTH),
    _visit("24-wk", "24 weeks, 6 months", 24 * _WEEK, 6 * _MONTH),
    _visit("36-wk", "36 weeks, 9 months", 36 * _WEEK, 9 * _MONTH),
    _visit("48-52-wk", "48 to 52 weeks, 12 months", 48 * _WEEK, _YEAR),
    _visit("18-mo", "72 weeks, 18 months", 72 * _WEEK, 18 * _MONTH),
    _visit("2-y", "96 weeks, 2 years", 96 * _WEEK, 2 * _YEAR),
    _bin("immediate", "within 24 hours", 0, 1, f"reactions to the infusion, {_THOMPSON}"),
    _bin("early", "after 24 hours, within 30 days", 1, 30, "harm while the cells may be present"),
    _bin("medium", "after 30 days, within 1 year", 30, _YEAR, "between early and long"),
    _bin("long", "after 1 year", _YEAR, inf, f"malignancy and death, {_THOMPSON}"),
)
_BY_ID: Final = {window.id: window for window in WINDOWS}

_SOURCE = (
    "Cochrane Handbook for Systematic Reviews of Interventions, version 5.1, 9.3.4 "
    "(repeated observations on participants)"
)
CLOSEST: Final = Rule(
    id="closest-in-window",
    title="The time nearest to the planned visit",
    formula="of the times in the window, the one with the fewest days to it; of two, the later",
    guard="one timepoint for each study, arm and outcome",
    source=_SOURCE,
    origin=Origin.REPORTED,
)
LONGEST: Final = Rule(
    id="longest-in-window",
    title="The last time in the window",
    formula="of the times in the window, the one with the most days",
    guard="one timepoint for each study, arm and outcome",
    source=_SOURCE,
    origin=Origin.REPORTED,
)
PRIMARY: Final = Rule(
    id="primary-in-window",
    title="The time of the primary outcome",
    formula="of the times in the window, the one the study calls primary; of several, the nearest",
    guard="one timepoint for each study, arm and outcome; where none is primary, the nearest",
    source=_SOURCE,
    origin=Origin.REPORTED,
)
RULES: Final = (CLOSEST, LONGEST, PRIMARY)


class Choose(StrEnum):
    CLOSEST = "closest"
    LONGEST = "longest"
    PRIMARY = "primary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A result as far as choosing goes. Results compete where `place` is equal: study, arm,
    outcome, and all else that must not be mixed (population, subgroup, statistic, category)."""

    key: str
    place: Hashable
    days: float | None
    anchor: str | None = None  # "treatment", "last dose" ...; None is not said
    is_primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The one timepoint taken at a place. `chosen` are all results at it: several where sources
    tell of the same time. `others` lie in the window too and are not taken."""

    place: Hashable
    window: Window
    days: float
    anchor: str | None
    rule: str  # id of the rule that decided, which is "closest-in-window" where none is primary
    reason: str
    chosen: tuple[Timed, ...]
    others: tuple[Timed, ...]


def window(id: str) -> Window:
    """A window by its id."""
    if id not in _BY_ID:
        raise InvalidInput(f"no window {id!r} (there are {', '.join(_BY_ID)})")
    return _BY_ID[id]


def window_of(days: float | None, family: Family = Family.VISIT) -> Window | None:
    """The window of a family that a time falls in; None for no time, baseline and in between."""
    if days is None:
        return None
    return next((w for w in WINDOWS if w.family is family and days in w), None)


def choose(results: Iterable[Timed], within: Window, rule: Choose = Choose.CLOSEST) -> list[Choice]:
    """At most one timepoint of each place within a window, in the order the places come.

    Times that are equal in days but counted from different events are two timepoints.
    """
    places: dict[Hashable, list[Timed]] = {}
    for result in results:
        if result.days is not None and result.days in within:
            places.setdefault(result.place, []).append(result)
    return [_choice(place, there, within, rule) for place, there in places.items()]


def _choice(place: Hashable, there: Sequence[Timed], within: Window, rule: Choose) -> Choice:
    primary = [result for result in there if result.is_primary]
    if rule is Choose.LONGEST:
        used, candidates = LONGEST, there
    elif rule is Choose.PRIMARY and primary:
        used, candidates = PRIMARY, primary
    else:
        used, candidates = CLOSEST, there
    first = min(candidates, key=_order(within, used))
    days, anchor = first.days or 0.0, first.anchor
    at_it = tuple(r for r in there if (r.days, r.anchor) == (first.days, anchor))
    others = tuple(r for r in there if r not in at_it)
    reason = f"{days:g} d: {used.formula}" if others else f"{days:g} d: the only time in the window"
    if rule is Choose.PRIMARY and used is CLOSEST:
        reason += "; none is of a primary outcome"
    return Choice(
        place=place,
        window=within,
        days=days,
        anchor=anchor,
        rule=used.id,
        reason=reason,
        chosen=at_it,
        others=others,
    )


def _order(within: Window, rule: Rule) -> Callable[[Timed], tuple[float, float, str]]:
    """Smallest first; the name of the anchor last, so that the order of arrival never decides."""

    def order(result: Timed) -> tuple[float, float, str]:
        days = result.days or 0.0
        distance = 0.0 if rule is LONGEST else within.distance(days)
        return distance, -days, result.anchor or ""

    return order
