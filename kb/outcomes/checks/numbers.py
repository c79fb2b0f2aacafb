"""Checks of one result by itself: counts, shares, scales, dispersion, intervals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import NormalDist
from typing import Final

from kb.models.evidence import CellName, ResultKind, Statistic
from kb.outcomes.checks.finding import Finding, Severity, Statement

# Bounds are compared in floats: what is off by less than this is not off.
_EPSILON: Final = 1e-9
_POSITIONS: Final = (
    CellName.MEAN,
    CellName.MEDIAN,
    CellName.Q1,
    CellName.Q3,
    CellName.MIN,
    CellName.MAX,
    CellName.GEOMETRIC_MEAN,
)
_ON_SCALE: Final = (Statistic.BASELINE, Statistic.FINAL)
_RATIOS: Final = re.compile(r"\b(ratio|relative risk|odds)\b", re.IGNORECASE)
_DIFFERENCES: Final = re.compile(r"\bdifference\b", re.IGNORECASE)
_P: Final = re.compile(r"\s*[Pp]?\s*(?P<sign>[<>=≤≥]?)\s*(?P<value>[01]?[.·]\d+|[01])\s*")


def events_exceed_n(s: Statement) -> Iterator[Finding]:
    """More persons with the event than persons."""
    events, n = s.value(CellName.EVENTS), s.value(CellName.N_ANALYSED)
    if s.statistic in (Statistic.EVENT_COUNT, Statistic.RATE) or events is None or n is None:
        return
    if events > n:
        yield _found(
            "events-exceed-n",
            Severity.ERROR,
            s,
            f"{s.says(CellName.EVENTS)} of {s.says(CellName.N_ANALYSED)}: more than there are",
            CellName.EVENTS,
            CellName.N_ANALYSED,
        )


def count_not_whole(s: Statement) -> Iterator[Finding]:
    """Persons and events are whole numbers."""
    for name in (CellName.EVENTS, CellName.N_ANALYSED):
        value = s.value(name)
        if value is not None and (value < 0 or not float(value).is_integer()):
            yield _found(
                "count-not-whole",
                Severity.ERROR,
                s,
                f"{name.value} {s.says(name)} is not a count",
                name,
            )


def percent_of_nobody(s: Statement) -> Iterator[Finding]:
    """A share that no whole number of `n` persons gives, or not that of the count beside it.

    The idea of the GRIM test (Brown & Heathers 2017, Soc Psychol Personal Sci 8:363-369), applied
    to percentages.
    """
    percent, n = s.value(CellName.PERCENT), s.value(CellName.N_ANALYSED)
    if percent is None or n is None or n <= 0 or s.statistic is Statistic.PERCENT_CHANGE:
        return
    if not 0 <= percent <= 100:
        yield _found(
            "percent-out-of-range",
            Severity.ERROR,
            s,
            f"{s.says(CellName.PERCENT)} % of {n:g} is no share",
            CellName.PERCENT,
        )
        return
    rounding = s.half_unit(CellName.PERCENT) + _EPSILON
    events = s.value(CellName.EVENTS)
    if events is not None and s.statistic is not Statistic.EVENT_COUNT:
        exact = 100 * events / n
        if abs(exact - percent) > rounding:
            # 27.7 for 27.78: the last digits were cut off, and nothing is wrong with the count.
            is_cut = 0 < exact - percent < 2 * rounding
            yield _found(
                "percent-contradicts-count",
                Severity.NOTE if is_cut else Severity.ERROR,
                s,
                f"{events:g} of {n:g} is {exact:.4g} %, printed is {s.says(CellName.PERCENT)} %",
                CellName.EVENTS,
                CellName.N_ANALYSED,
                CellName.PERCENT,
            )
        return
    if s.statistic not in (Statistic.PERSON_COUNT, Statistic.PERCENT, None):
        return
    # A printed percentage may be one of measurements; of persons it must come from a count.
    if s.statistic is None or (s.category is None and s.statistic is not Statistic.PERSON_COUNT):
        return
    nearest = 100 * round(percent * n / 100) / n
    if abs(nearest - percent) > rounding:
        yield _found(
            "percent-of-nobody",
            Severity.WARNING,
            s,
            f"no whole number of {n:g} is {s.says(CellName.PERCENT)} %; "
            f"{round(percent * n / 100)} of {n:g} is {nearest:.4g} %",
            CellName.PERCENT,
            CellName.N_ANALYSED,
        )


def mean_of_nobody(s: Statement) -> Iterator[Finding]:
    """A mean that no `n` values on the steps of the scale give (GRIM, Brown & Heathers 2017)."""
    d, mean, n = s.definition, s.value(CellName.MEAN), s.value(CellName.N_ANALYSED)
    if d is None or d.step is None or mean is None or n is None or n < 1 or not _in_its_unit(s):
        return
    if s.statistic not in (*_ON_SCALE, Statistic.CHANGE) or s.unit_of_analysis is not None:
        return
    rounding = s.half_unit(CellName.MEAN) + _EPSILON
    if d.step / n <= 2 * rounding:  # every printed mean is near some possible one
        return
    nearest = round(mean * n / d.step) * d.step / n
    if abs(nearest - mean) > rounding:
        yield _found(
            "mean-of-nobody",
            Severity.WARNING,
            s,
            f"no {n:g} scores in steps of {d.step:g} have the mean {s.says(CellName.MEAN)}; "
            f"the nearest is {nearest:.6g}",
            CellName.MEAN,
            CellName.N_ANALYSED,
        )


def off_scale(s: Statement) -> Iterator[Finding]:
    """A value beyond the ends of its scale; a change larger than the whole scale."""
    ends = _ends(s)
    if ends is None:
        return
    low, high = ends
    for name in _POSITIONS:
        value = s.value(name)
        if value is None:
            continue
        if (low is not None and value < low - _EPSILON) or (
            high is not None and value > high + _EPSILON
        ):
            bounds = f"{'' if low is None else f'{low:g}'} to {'' if high is None else f'{high:g}'}"
            what = "a change on this scale lies within" if _is_change(s) else "the scale runs from"
            yield _found(
                "off-scale",
                Severity.ERROR,
                s,
                f"{name.value} {s.says(name)}: {what} {bounds.strip()}",
                name,
            )


def share_lost_beyond_all(s: Statement) -> Iterator[Finding]:
    """More than all of it gone: of what is never below 0, no change is below -100 %."""
    d = s.definition
    if d is None or d.low is None or d.low < 0 or s.statistic is not Statistic.PERCENT_CHANGE:
        return
    for name in _POSITIONS:
        value = s.value(name)
        if value is not None and value < -100:
            yield _found(
                "off-scale",
                Severity.ERROR,
                s,
                f"{name.value} {s.says(name)}: what is never below {d.low:g} loses 100 % at most",
                name,
            )


def difference_off_scale(s: Statement) -> Iterator[Finding]:
    """A difference of two arms larger than the scale that both are measured on; one of risks
    larger than all against none."""
    estimate = s.value(CellName.ESTIMATE)
    if s.kind is not ResultKind.CONTRAST or estimate is None or s.measure is None:
        return
    d, measure = s.definition, s.measure.casefold()
    if measure == "risk difference":
        low, high, what = 0.0, 100.0, "shares of persons run"
    elif (
        measure in ("mean difference", "median difference")
        and d is not None
        and d.low is not None
        and d.high is not None
        and s.statistic in (None, *_ON_SCALE, Statistic.CHANGE)
        and (s.unit is None or _plain(s.unit) == _plain(d.unit or ""))
    ):
        low, high, what = d.low, d.high, "the scale runs"
    else:
        return
    if abs(estimate) > high - low + _EPSILON:
        message = f"{s.measure} {s.says(CellName.ESTIMATE)}: {what} from {low:g} to {high:g}"
        yield _found("off-scale", Severity.ERROR, s, message, CellName.ESTIMATE)


def off_step(s: Statement) -> Iterator[Finding]:
    """The score of one person (smallest, largest, middle of an odd number) off the steps."""
    d = s.definition
    if d is None or d.step is None or not _in_its_unit(s):
        return
    if s.statistic not in (*_ON_SCALE, Statistic.CHANGE):
        return
    n = s.value(CellName.N_ANALYSED)
    for name in (CellName.MIN, CellName.MAX, CellName.MEDIAN):
        value = s.value(name)
        if value is None or (name is CellName.MEDIAN and n is None):
            continue
        # The median of an even number may lie half-way between two scores.
        step = d.step / 2 if name is CellName.MEDIAN and n is not None and n % 2 == 0 else d.step
        start = 0.0 if _is_change(s) or d.low is None else d.low
        steps = (value - start) / step
        # No single person scores what a scale leaves out (0.5 of EDSS); a change of that may be.
        is_left_out = not _is_change(s) and step == d.step and value in d.unused
        if abs(steps - round(steps)) > 1e-6 or is_left_out:
            yield _found(
                "off-step",
                Severity.WARNING,
                s,
                f"{name.value} {s.says(name)} is no score of one person: steps are {d.step:g}"
                + (f", and {s.says(name)} is not used" if is_left_out else ""),
                name,
            )


def order_of_quantiles(s: Statement) -> Iterator[Finding]:
    """min ≤ q1 ≤ median ≤ q3 ≤ max, and the mean between the extremes."""
    ordered = [
        n
        for n in (CellName.MIN, CellName.Q1, CellName.MEDIAN, CellName.Q3, CellName.MAX)
        if s.value(n) is not None
    ]
    pairs = list(pairwise(ordered))
    for low_end, high_end in ((CellName.Q1, CellName.Q3), (CellName.MIN, CellName.MAX)):
        both = low_end in ordered and high_end in ordered
        if both and (s.value(low_end) or 0.0) > (s.value(high_end) or 0.0):
            # Two ends changed over are one mistake, not one for each number between them.
            pairs = [p for p in pairs if not {low_end, high_end} & set(p)]
            pairs.append((low_end, high_end))
    for before, after in pairs:
        if (s.value(before) or 0.0) > (s.value(after) or 0.0):
            yield _found(
                "quantiles-out-of-order",
                Severity.ERROR,
                s,
                f"{before.value} {s.says(before)} is above {after.value} {s.says(after)}",
                before,
                after,
            )
    mean, low, high = (s.value(n) for n in (CellName.MEAN, CellName.MIN, CellName.MAX))
    if mean is None:
        return
    if (low is not None and mean < low - s.half_unit(CellName.MEAN)) or (
        high is not None and mean > high + s.half_unit(CellName.MEAN)
    ):
        yield _found(
            "mean-beyond-extremes",
            Severity.ERROR,
            s,
            f"mean {s.says(CellName.MEAN)} lies outside the smallest and largest value",
            CellName.MEAN,
            CellName.MIN,
            CellName.MAX,
        )


def sd_within_bounds(s: Statement) -> Iterator[Finding]:
    """A standard deviation larger or smaller than the range, or the scale, permits.

    For n values with range R, R / sqrt(2 (n - 1)) <= SD <= R / 2 * sqrt(n / (n - 1)) (Thomson 1955;
    Popoviciu 1935 with Bessel's correction). On a scale from a to b with mean m the variance is at
    most (m - a) (b - m) n / (n - 1) (Bhatia & Davis 2000, Am Math Mon 107:353-357).
    """
    sd, n = s.value(CellName.SD), s.value(CellName.N_ANALYSED)
    if sd is None:
        return
    if sd < 0:
        yield _found("sd-negative", Severity.ERROR, s, f"SD {s.says(CellName.SD)}", CellName.SD)
        return
    if n == 1 and sd > 0 and s.unit_of_analysis is None:
        message = f"SD {s.says(CellName.SD)} of one person"
        yield _found("sd-of-one", Severity.ERROR, s, message, CellName.SD, CellName.N_ANALYSED)
    if n is None or n < 2:
        return
    if sd == 0 and s.value(CellName.MEAN) is not None:
        if {s.value(CellName.MIN), s.value(CellName.MAX)} != {s.value(CellName.MEAN)}:
            message = f"SD {s.says(CellName.SD)}: {n:g} would all have had the same value"
            yield _found("sd-zero", Severity.WARNING, s, message, CellName.SD)
        return
    rounding = s.half_unit(CellName.SD)
    low, high = s.value(CellName.MIN), s.value(CellName.MAX)
    if low is not None and high is not None and high >= low:
        slack = s.half_unit(CellName.MIN) + s.half_unit(CellName.MAX)
        least = max(0.0, high - low - slack) / math.sqrt(2 * (n - 1))
        most = (high - low + slack) / 2 * math.sqrt(n / (n - 1))
        if sd + rounding < least:
            of_se = sd * math.sqrt(n)
            yield _found(
                "sd-below-range",
                Severity.ERROR,
                s,
                f"SD {s.says(CellName.SD)} is too small for values from {low:g} to {high:g} "
                f"(at least {least:.3g}); as a standard error it would be an SD of {of_se:.3g}",
                CellName.SD,
                CellName.N_ANALYSED,
                CellName.MIN,
                CellName.MAX,
            )
        if sd - rounding > most:
            yield _found(
                "sd-above-range",
                Severity.ERROR,
                s,
                f"SD {s.says(CellName.SD)} is too large for values from {low:g} to {high:g} "
                f"(at most {most:.3g})",
                CellName.SD,
                CellName.N_ANALYSED,
                CellName.MIN,
                CellName.MAX,
            )
    ends, mean = _ends(s), s.value(CellName.MEAN)
    if ends is None or ends[0] is None or ends[1] is None or mean is None:
        return
    room = s.half_unit(CellName.MEAN)
    product = (mean + room - ends[0]) * (ends[1] - mean + room)
    most = math.sqrt(max(0.0, product) * n / (n - 1))
    if ends[0] <= mean <= ends[1] and sd - rounding > most:
        yield _found(
            "sd-above-scale",
            Severity.ERROR,
            s,
            f"SD {s.says(CellName.SD)} around {s.says(CellName.MEAN)} does not fit the scale from "
            f"{ends[0]:g} to {ends[1]:g} (at most {most:.3g})",
            CellName.SD,
            CellName.MEAN,
            CellName.N_ANALYSED,
        )


def sd_against_se_and_interval(s: Statement) -> Iterator[Finding]:
    """SD, SE and confidence interval of one mean that contradict each other.

    An SD equal to half the interval's width over its quantile is a standard error under another
    name (Cochrane Handbook v6, section 6.5.2.2).
    """
    if s.kind is not ResultKind.ARM:
        return
    sd, se, n = (s.value(c) for c in (CellName.SD, CellName.SE, CellName.N_ANALYSED))
    low, high = s.value(CellName.CI_LOW), s.value(CellName.CI_HIGH)
    if n is None or n < 2:
        return
    root = math.sqrt(n)
    if sd is not None and se is not None and se > 0:
        slack = s.half_unit(CellName.SE) * root + s.half_unit(CellName.SD)
        if abs(se * root - sd) > slack + 0.05 * sd:
            yield _found(
                "sd-contradicts-se",
                # The standard error of two or more is below the standard deviation.
                Severity.ERROR if sd - se <= s.half_unit(CellName.SD) else Severity.WARNING,
                s,
                f"SE {s.says(CellName.SE)} of {n:g} is an SD of {se * root:.3g}, "
                f"printed is {s.says(CellName.SD)}",
                CellName.SD,
                CellName.SE,
                CellName.N_ANALYSED,
            )
    if s.value(CellName.MEAN) is None or low is None or high is None or sd is None or sd == 0:
        return
    # Normal quantiles differ from t ones by less than the tolerance from six persons on.
    z = _normal_quantile(s.ci_level or 95.0)
    implied = (high - low) / (2 * z)
    slack = (s.half_unit(CellName.CI_LOW) + s.half_unit(CellName.CI_HIGH)) / (2 * z)
    slack += s.half_unit(CellName.SD)
    if n > 4 and abs(implied - sd) <= slack + 0.02 * sd and sd < 0.75 * implied * root:
        yield _found(
            "sd-is-se",
            Severity.ERROR,
            s,
            f"SD {s.says(CellName.SD)} is the standard error that the interval implies "
            f"({implied:.3g}); the SD would be {implied * root:.3g}",
            CellName.SD,
            CellName.CI_LOW,
            CellName.CI_HIGH,
            CellName.N_ANALYSED,
        )


def estimate_in_interval(s: Statement) -> Iterator[Finding]:
    """The estimate between its confidence limits, and, for ratios on the log scale, midway."""
    low, high = s.value(CellName.CI_LOW), s.value(CellName.CI_HIGH)
    if low is None or high is None:
        return
    if low > high:
        yield _found(
            "interval-reversed",
            Severity.ERROR,
            s,
            f"interval from {s.says(CellName.CI_LOW)} to {s.says(CellName.CI_HIGH)}",
            CellName.CI_LOW,
            CellName.CI_HIGH,
        )
        return
    candidates = (
        CellName.ESTIMATE,
        CellName.MEAN,
        CellName.LS_MEAN,
        CellName.GEOMETRIC_MEAN,
        CellName.MEDIAN,
        CellName.PERCENT,
        CellName.NUMBER,
        CellName.UNSPECIFIED,
    )
    name = next((c for c in candidates if s.value(c) is not None), None)
    if name is None:
        return
    value = s.value(name)
    assert value is not None
    if value < low - s.half_unit(CellName.CI_LOW) or value > high + s.half_unit(CellName.CI_HIGH):
        yield _found(
            "estimate-outside-interval",
            Severity.ERROR,
            s,
            f"{name.value} {s.says(name)} lies outside its interval "
            f"{s.says(CellName.CI_LOW)} to {s.says(CellName.CI_HIGH)}",
            name,
            CellName.CI_LOW,
            CellName.CI_HIGH,
        )
        return
    if name not in (CellName.ESTIMATE, CellName.MEAN, CellName.LS_MEAN):
        return  # intervals of shares and medians need not be symmetric
    is_ratio = name is CellName.ESTIMATE and _is_ratio(s)
    if is_ratio and low <= 0:
        if low < 0 or value <= 0:
            yield _found(
                "ratio-not-positive",
                Severity.ERROR,
                s,
                f"{s.measure}: {s.says(name)} ({low:g} to {high:g}) cannot be a ratio",
                name,
                CellName.CI_LOW,
                CellName.CI_HIGH,
            )
        return
    if name is CellName.ESTIMATE and not is_ratio and not _DIFFERENCES.search(s.measure or ""):
        return
    # Each printed number moves by half its last digit; the rest must be midway.
    slack = [s.half_unit(c) for c in (CellName.CI_LOW, name, CellName.CI_HIGH)]
    points = [low, value, high]
    if is_ratio:
        slack = [h / p for h, p in zip(slack, points)]
        points = [math.log(p) for p in points]
    off = abs((points[0] + points[2]) / 2 - points[1])
    if off > (slack[0] + slack[2]) / 2 + slack[1] + 0.05 * (points[2] - points[0]):
        where = "on the log scale " if is_ratio else ""
        yield _found(
            "interval-not-midway",
            Severity.NOTE,
            s,
            f"{name.value} {s.says(name)} is not {where}midway between {s.says(CellName.CI_LOW)} "
            f"and {s.says(CellName.CI_HIGH)}: no standard error follows from this interval",
            name,
            CellName.CI_LOW,
            CellName.CI_HIGH,
        )


def p_against_interval(s: Statement) -> Iterator[Finding]:
    """A P value on the other side of 0.05 than the 95 % interval."""
    low, high = s.value(CellName.CI_LOW), s.value(CellName.CI_HIGH)
    printed = _P.fullmatch(s.p_text or "")
    if s.kind is not ResultKind.CONTRAST or printed is None or low is None or high is None:
        return
    is_ratio = _is_ratio(s)
    if (s.ci_level or 0) != 95 or not (is_ratio or _DIFFERENCES.search(s.measure or "")):
        return
    p = float(printed["value"].replace("·", "."))
    null = 1.0 if is_ratio else 0.0
    # Next to 0.05 tests of different kinds may fall on either side; so may rounded limits.
    edge = max(s.half_unit(CellName.CI_LOW), s.half_unit(CellName.CI_HIGH))
    excludes = null < low - edge or null > high + edge
    includes = low + edge < null < high - edge
    below = p <= 0.04 if printed["sign"] in ("", "=") else p <= 0.05 and printed["sign"] in "<≤"
    above = p >= 0.06 if printed["sign"] in ("", "=") else p >= 0.05 and printed["sign"] in ">≥"
    if (below and includes) or (above and excludes):
        yield _found(
            "p-contradicts-interval",
            Severity.WARNING,
            s,
            f"P {s.p_text}, yet the 95 % interval {s.says(CellName.CI_LOW)} to "
            f"{s.says(CellName.CI_HIGH)} {'includes' if includes else 'excludes'} {null:g}",
            CellName.CI_LOW,
            CellName.CI_HIGH,
        )


def other_unit(s: Statement) -> Iterator[Finding]:
    """A score in another unit than the vocabulary's: its scale cannot be checked."""
    d = s.definition
    if d is None or d.unit is None or s.unit is None or not _measures(s) or _in_its_unit(s):
        return
    yield _found(
        "other-unit",
        Severity.NOTE,
        s,
        f"in {s.unit}; the vocabulary gives {d.code} in {d.unit}, so its range was not checked",
    )


def other_direction(s: Statement) -> Iterator[Finding]:
    """Said to be better in the direction that the vocabulary calls worse."""
    d = s.definition
    if d is None or d.better is None or s.better is None or s.category is not None:
        return
    # A reduction of a score is better when higher: only the score itself can be compared.
    if s.kind is ResultKind.ARM and s.statistic in _ON_SCALE and s.better != d.better:
        yield _found(
            "other-direction",
            Severity.WARNING,
            s,
            f"entered as {s.better} is better; {d.code} is better when {d.better}",
        )


_CHECKS: Final[tuple[Callable[[Statement], Iterator[Finding]], ...]] = (
    events_exceed_n,
    count_not_whole,
    percent_of_nobody,
    mean_of_nobody,
    off_scale,
    share_lost_beyond_all,
    difference_off_scale,
    off_step,
    order_of_quantiles,
    sd_within_bounds,
    sd_against_se_and_interval,
    estimate_in_interval,
    p_against_interval,
    other_unit,
    other_direction,
)


def check_numbers(statement: Statement) -> list[Finding]:
    """All findings on one result by itself."""
    return [finding for check in _CHECKS for finding in check(statement)]


# -- what a statement is about -------------------------------------------------------------------


def _measures(s: Statement) -> bool:
    return s.statistic in (*_ON_SCALE, Statistic.CHANGE) and any(
        s.value(name) is not None for name in _POSITIONS
    )


def _is_change(s: Statement) -> bool:
    return s.statistic is Statistic.CHANGE


def _in_its_unit(s: Statement) -> bool:
    """Whether the numbers are on the definition's own scale: its unit, or none named."""
    d = s.definition
    if d is None or not _measures(s):
        return False
    if s.unit is None or d.unit is None:
        return True
    if _plain(s.unit) == _plain(d.unit):
        return True
    # A visual analogue scale is a line, and its score is where the mark stands on it.
    if "visual analogue" in d.name and d.low == 0 and _LINES.get(_plain(s.unit)) == d.high:
        return True
    # A registry's "units on a scale" and a curator's "score 0-10" name the scale itself.
    named = _SCORE.fullmatch(s.unit)
    if named is None or _SCORE.fullmatch(d.unit) is None:
        return False
    ends = named["low"], named["high"]
    return None in ends or (d.low, d.high) == tuple(float(end) for end in ends)


_LINES: Final = {"mm": 100.0, "cm": 10.0}
_SCORE: Final = re.compile(
    r"(?:scores?|points?|units?)(?: on (?:a|the) (?:\w+ )?scale)?"
    r"(?:,? *\(?(?P<low>\d+)(?: to |[-–])(?P<high>\d+)\)?)?",
    re.IGNORECASE,
)


def _plain(unit: str) -> str:
    return re.sub(r"[\s.]+", "", unit).casefold()


def _ends(s: Statement) -> tuple[float | None, float | None] | None:
    """The least and the largest value possible; None where that is not known."""
    d = s.definition
    if d is None or (d.low is None and d.high is None) or not _in_its_unit(s):
        return None
    if not _is_change(s):
        return d.low, d.high
    if d.low is None or d.high is None:
        return None
    return d.low - d.high, d.high - d.low


def _is_ratio(s: Statement) -> bool:
    return _RATIOS.search(s.measure or "") is not None and not _DIFFERENCES.search(s.measure or "")


def _normal_quantile(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 200)


def _found(check: str, severity: Severity, s: Statement, message: str, *names: CellName) -> Finding:
    return Finding(
        check=check,
        severity=severity,
        subjects=(s.id,),
        message=message,
        numbers=s.behind(*names),
    )
