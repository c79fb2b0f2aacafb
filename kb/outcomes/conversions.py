"""From the statistics a report prints to those an analysis needs: one small function per rule.

Functions take plain floats and give a float, or `Refused` with the reason where these inputs do
not determine the answer; none raises. Levels of confidence are in percent (95.0), percentages are
0 to 100, P values are two-sided. Beside each function stands its `Rule`; all of them are in
`kb.outcomes.rules.RULES`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil, exp, floor, fsum, inf, isfinite, log, pow, sqrt
from statistics import NormalDist
from typing import Final

from scipy.special import stdtrit

from kb.models.evidence import Origin
from kb.outcomes.chains import Guard, Refused, Rule

_HANDBOOK = "Cochrane Handbook for Systematic Reviews of Interventions, version 6"
_LUO = "Luo et al. 2018, Stat Methods Med Res 27:1785-1805"
_WAN = "Wan et al. 2014, BMC Med Res Methodol 14:135"
_SHI = "Shi et al. 2020, Res Synth Methods 11:641-654"
_SHI_TEST = "skewness test of Shi et al. 2023, Stat Methods Med Res 32:1338-1360"

# Below this many in a group, intervals are taken to rest on the t and not the normal distribution.
SMALL_GROUP: Final = 60  # Handbook 6.5.2.2: "say fewer than 60 participants in each group"
# Sample quantiles of fewer carry too little for the formulas to have been studied.
SMALLEST_WITH_QUANTILES: Final = 5  # the simulations of Wan 2014 and Luo 2018 begin there
# The Handbook wants a large sample for IQR / 1.35 and elsewhere (6.5.2.3) calls 100 a group large.
LARGE_GROUP: Final = 100

# Beyond these there is no measurement and no group; the square of a value stays a float.
_LARGEST_VALUE: Final = 1e100
_LARGEST_GROUP: Final = 1e10

_NORMAL: Final = NormalDist()


def _z(p: float) -> float:
    return _NORMAL.inv_cdf(p)


def _t(p: float, df: float) -> float:
    return float(stdtrit(df, p))


# -- standard deviation of a group ---------------------------------------------------------------

SD_FROM_SE: Final = Rule(
    id="sd-from-se",
    title="SD of a group from the standard error of its mean",
    formula="SD = SE × √n",
    guard="n is at least 2, SE is not negative",
    source=f"{_HANDBOOK}, 6.5.2.2",
    origin=Origin.COMPUTED,
)


def sd_from_se(se: float, n: float) -> float | Refused:
    return _bad_se(se) or _bad_n(n) or se * sqrt(n)


SE_FROM_SD: Final = Rule(
    id="se-from-sd",
    title="Standard error of a mean from the SD of the group",
    formula="SE = SD / √n",
    guard="n is at least 2, SD is not negative",
    source=f"{_HANDBOOK}, 6.5.2.2",
    origin=Origin.COMPUTED,
)


def se_from_sd(sd: float, n: float) -> float | Refused:
    return _bad_sd(sd) or _bad_n(n) or sd / sqrt(n)


SD_FROM_CI: Final = Rule(
    id="sd-from-ci",
    title="SD of a group from the confidence interval of its mean",
    formula="SD = √n × (upper - lower) / (2 × t), t at n - 1 degrees of freedom; "
    f"from n = {SMALL_GROUP} on z in place of t (1.96 at 95 %)",
    guard="n is at least 2, lower is below upper, the mean is midway within rounding",
    source=f"{_HANDBOOK}, 6.5.2.2",
    origin=Origin.COMPUTED,
)


def sd_from_ci(low: float, high: float, n: float, level: float = 95.0) -> float | Refused:
    bad = _bad_n(n) or _bad_interval(low, high, level)
    if bad:
        return bad
    return sqrt(n) * (high - low) / (2 * _half_width(level, n - 1 if n < SMALL_GROUP else None))


def not_midway(estimate: float, low: float, high: float, rounding: float = 0.0) -> Refused | None:
    """Refused where the estimate is not in the middle of its interval, all on one scale.

    `rounding` is how far the printed numbers may have moved the distance to the middle. On top of
    it a twentieth of the half width is allowed: for intervals from t, or rounded on the way.
    """
    middle, half = (low + high) / 2, (high - low) / 2
    if abs(estimate - middle) <= rounding + half / 20:
        return None
    return Refused(
        f"the estimate {estimate:g} is not midway between {low:g} and {high:g}: the interval "
        "was not made from a standard error on this scale, or a number is wrong",
        Guard.NOT_MIDWAY,
    )


SD_FROM_IQR: Final = Rule(
    id="sd-from-iqr",
    title="SD from an interquartile range printed beside a mean",
    formula="SD = (upper quartile - lower quartile) / 1.35",
    guard=f"n is at least {LARGE_GROUP} (overridable), the quartiles differ",
    source=f"{_HANDBOOK}, 6.5.2.5",
    origin=Origin.IMPUTED,
)


def sd_from_iqr(
    q1: float, q3: float, n: float, *, override: Collection[Guard] = ()
) -> float | Refused:
    bad = _bad_n(n) or _disordered(q1, q3)
    if bad:
        return bad
    if q1 == q3:
        return _EQUAL_QUARTILES
    if n < LARGE_GROUP and Guard.SMALL_SAMPLE not in override:
        return Refused(f"n = {n:g} is fewer than {LARGE_GROUP}", Guard.SMALL_SAMPLE)
    return (q3 - q1) / 1.35


# -- mean and SD from quantiles ------------------------------------------------------------------

_QUANTILE_GUARD = (
    f"n is at least {SMALLEST_WITH_QUANTILES} (overridable), the values are in order, "
    f"{_SHI_TEST} does not call them skewed (overridable)"
)

MEAN_FROM_RANGE: Final = Rule(
    id="mean-from-range",
    title="Mean from minimum, median and maximum",
    formula="mean = w × (min + max) / 2 + (1 - w) × median, w = 4 / (4 + n^0.75)",
    guard=_QUANTILE_GUARD,
    source=f"{_LUO}, equation 7",
    origin=Origin.IMPUTED,
)


def mean_from_range(
    low: float, median: float, high: float, n: float, *, override: Collection[Guard] = ()
) -> float | Refused:
    bad = _bad_range(low, median, high, n, override)
    if bad:
        return bad
    w = 4 / (4 + pow(n, 0.75))
    return w * (low + high) / 2 + (1 - w) * median


SD_FROM_RANGE: Final = Rule(
    id="sd-from-range",
    title="SD from minimum, median and maximum",
    formula="SD = (max - min) / (2 × z), z at the probability (n - 0.375) / (n + 0.25)",
    guard=_QUANTILE_GUARD,
    source=f"{_WAN}, equation 9",
    origin=Origin.IMPUTED,
)


def sd_from_range(
    low: float, median: float, high: float, n: float, *, override: Collection[Guard] = ()
) -> float | Refused:
    return _bad_range(low, median, high, n, override) or (high - low) / _range_in_sds(n)


MEAN_FROM_QUARTILES: Final = Rule(
    id="mean-from-quartiles",
    title="Mean from median and quartiles",
    formula="mean = w × (q1 + q3) / 2 + (1 - w) × median, w = 0.7 + 0.39 / n",
    guard=_QUANTILE_GUARD,
    source=f"{_LUO}, equation 11",
    origin=Origin.IMPUTED,
)


def mean_from_quartiles(
    q1: float, median: float, q3: float, n: float, *, override: Collection[Guard] = ()
) -> float | Refused:
    bad = _bad_quartiles(q1, median, q3, n, override)
    if bad:
        return bad
    w = 0.7 + 0.39 / n
    return w * (q1 + q3) / 2 + (1 - w) * median


SD_FROM_QUARTILES: Final = Rule(
    id="sd-from-quartiles",
    title="SD from median and quartiles",
    formula="SD = (q3 - q1) / (2 × z), z at the probability (0.75 n - 0.125) / (n + 0.25)",
    guard=f"{_QUANTILE_GUARD}, the quartiles differ",
    source=f"{_WAN}, equation 16",
    origin=Origin.IMPUTED,
)


def sd_from_quartiles(
    q1: float, median: float, q3: float, n: float, *, override: Collection[Guard] = ()
) -> float | Refused:
    bad = _bad_quartiles(q1, median, q3, n, override)
    if bad:
        return bad
    # Half of the values may be tied, as lesion counts are: that says nothing of the other half.
    return _EQUAL_QUARTILES if q1 == q3 else (q3 - q1) / _iqr_in_sds(n)


MEAN_FROM_FIVE: Final = Rule(
    id="mean-from-five-numbers",
    title="Mean from minimum, quartiles, median and maximum",
    formula="mean = w1 × (min + max) / 2 + w2 × (q1 + q3) / 2 + (1 - w1 - w2) × median, "
    "w1 = 2.2 / (2.2 + n^0.75), w2 = 0.7 - 0.72 / n^0.55",
    guard=_QUANTILE_GUARD,
    source=f"{_LUO}, equation 15",
    origin=Origin.IMPUTED,
)


def mean_from_five(
    low: float,
    q1: float,
    median: float,
    q3: float,
    high: float,
    n: float,
    *,
    override: Collection[Guard] = (),
) -> float | Refused:
    bad = _bad_five(low, q1, median, q3, high, n, override)
    if bad:
        return bad
    w1, w2 = 2.2 / (2.2 + pow(n, 0.75)), 0.7 - 0.72 / pow(n, 0.55)
    return w1 * (low + high) / 2 + w2 * (q1 + q3) / 2 + (1 - w1 - w2) * median


SD_FROM_FIVE: Final = Rule(
    id="sd-from-five-numbers",
    title="SD from minimum, quartiles, median and maximum",
    formula="SD = w × (max - min) / (2 × z1) + (1 - w) × (q3 - q1) / (2 × z2), "
    "w = 1 / (1 + 0.07 n^0.6), z1 at (n - 0.375) / (n + 0.25), z2 at (0.75 n - 0.125) / (n + 0.25)",
    guard=_QUANTILE_GUARD,
    source=f"{_SHI}, equation 10",
    origin=Origin.IMPUTED,
)


def sd_from_five(
    low: float,
    q1: float,
    median: float,
    q3: float,
    high: float,
    n: float,
    *,
    override: Collection[Guard] = (),
) -> float | Refused:
    bad = _bad_five(low, q1, median, q3, high, n, override)
    if bad:
        return bad
    w = 1 / (1 + 0.07 * pow(n, 0.6))
    return w * (high - low) / _range_in_sds(n) + (1 - w) * (q3 - q1) / _iqr_in_sds(n)


def _range_in_sds(n: float) -> float:
    return 2 * _z((n - 0.375) / (n + 0.25))


def _iqr_in_sds(n: float) -> float:
    return 2 * _z((0.75 * n - 0.125) / (n + 0.25))


def _bad_range(
    low: float, median: float, high: float, n: float, override: Collection[Guard]
) -> Refused | None:
    bad = _bad_n(n) or _disordered(low, median, high) or _too_few(n, override)
    if bad:
        return bad
    return _skewed(_skew(low, median, high), 1 / log(n + 9) + 2.5 / (n + 1), override)


def _bad_quartiles(
    q1: float, median: float, q3: float, n: float, override: Collection[Guard]
) -> Refused | None:
    bad = _bad_n(n) or _disordered(q1, median, q3) or _too_few(n, override)
    if bad:
        return bad
    return _skewed(_skew(q1, median, q3), 2.65 / sqrt(n) - 6 / n**2, override)


def _bad_five(
    low: float,
    q1: float,
    median: float,
    q3: float,
    high: float,
    n: float,
    override: Collection[Guard],
) -> Refused | None:
    bad = _bad_n(n) or _disordered(low, q1, median, q3, high) or _too_few(n, override)
    if bad:
        return bad
    of_range = 2.65 * log(0.6 * n) / sqrt(n) * _skew(low, median, high)
    skew = max(of_range, _skew(q1, median, q3))
    return _skewed(skew, 3 / sqrt(n) - 40 / n**3, override)


def _skew(low: float, median: float, high: float) -> float:
    """How far the median is from the middle, as a part of the width; 0 where there is no width."""
    return abs(low + high - 2 * median) / (high - low) if high > low else 0.0


def _skewed(skew: float, critical: float, override: Collection[Guard]) -> Refused | None:
    if skew < critical or Guard.SKEWED in override:
        return None
    return Refused(
        f"skewed: the test statistic {skew:.3g} is not below {critical:.3g}", Guard.SKEWED
    )


def _too_few(n: float, override: Collection[Guard]) -> Refused | None:
    if n >= SMALLEST_WITH_QUANTILES or Guard.SMALL_SAMPLE in override:
        return None
    return Refused(f"n = {n:g} is fewer than {SMALLEST_WITH_QUANTILES}", Guard.SMALL_SAMPLE)


_EQUAL_QUARTILES: Final = Refused("the quartiles are equal: they do not tell the spread")


# -- difference of two means ---------------------------------------------------------------------

SE_FROM_MD_CI: Final = Rule(
    id="se-from-md-ci",
    title="Standard error of a difference of means from its confidence interval",
    formula="SE = (upper - lower) / (2 × t), t at n1 + n2 - 2 degrees of freedom; "
    f"z in place of t where both groups have {SMALL_GROUP} or more",
    guard="lower is below upper, the estimate is midway within rounding",
    source=f"{_HANDBOOK}, 6.5.2.3",
    origin=Origin.COMPUTED,
)


def se_from_md_ci(
    low: float, high: float, n_1: float, n_2: float, level: float = 95.0
) -> float | Refused:
    bad = _bad_interval(low, high, level) or _bad_groups(n_1, n_2)
    if bad:
        return bad
    df = n_1 + n_2 - 2 if min(n_1, n_2) < SMALL_GROUP else None
    return (high - low) / (2 * _half_width(level, df))


SE_FROM_CI: Final = Rule(
    id="se-from-ci",
    title="Standard error of an estimate from its confidence interval",
    formula="SE = (upper - lower) / (2 × z), 1.96 for z at 95 %",
    guard="lower is below upper, the estimate is midway within rounding",
    source=f"{_HANDBOOK}, 6.3.1",
    origin=Origin.COMPUTED,
)


def se_from_ci(low: float, high: float, level: float = 95.0) -> float | Refused:
    return _bad_interval(low, high, level) or (high - low) / (2 * _half_width(level, None))


SE_FROM_MD_T: Final = Rule(
    id="se-from-md-t",
    title="Standard error of a difference of means from its t value",
    formula="SE = difference / t, without their signs",
    guard="neither is zero",
    source=f"{_HANDBOOK}, 6.5.2.3",
    origin=Origin.COMPUTED,
)


def se_from_md_t(difference: float, t: float) -> float | Refused:
    if not (isfinite(difference) and isfinite(t)) or difference == 0 or t == 0:
        return Refused("a difference or a t value of zero says nothing of the standard error")
    return abs(difference / t)


SE_FROM_MD_P: Final = Rule(
    id="se-from-md-p",
    title="Standard error of a difference of means from the P value of a t test",
    formula="SE = difference / t without its sign, t from P at n1 + n2 - 2 degrees of freedom",
    guard="P is between 0 and 1, the difference is not zero, the test is a t test or not named",
    source=f"{_HANDBOOK}, 6.5.2.3",
    origin=Origin.COMPUTED,
)


def se_from_md_p(difference: float, p: float, n_1: float, n_2: float) -> float | Refused:
    bad = _bad_p(p) or _bad_groups(n_1, n_2)
    return bad or se_from_md_t(difference, _t(p / 2, n_1 + n_2 - 2))


SD_FROM_MD_SE: Final = Rule(
    id="sd-from-md-se",
    title="SD of both groups from the standard error of the difference of their means",
    formula="SD = SE / √(1/n1 + 1/n2), the same for both groups",
    guard="each group has at least 1 and both together at least 3, SE is not negative",
    source=f"{_HANDBOOK}, 6.5.2.3",
    origin=Origin.COMPUTED,
)


def sd_from_md_se(se: float, n_1: float, n_2: float) -> float | Refused:
    return _bad_se(se) or _bad_groups(n_1, n_2) or se / sqrt(1 / n_1 + 1 / n_2)


# -- ratios and other estimates ------------------------------------------------------------------

LOG_OF_RATIO: Final = Rule(
    id="log-of-ratio",
    title="A ratio on the scale it is pooled on",
    formula="estimate = natural logarithm of the ratio",
    guard="the ratio is above zero",
    source=f"{_HANDBOOK}, 6.4.1",
    origin=Origin.COMPUTED,
)


def log_of_ratio(ratio: float) -> float | Refused:
    if not 0 < ratio < inf:
        return Refused(f"a ratio is above zero, this one is {ratio:g}")
    return log(ratio)


LOG_SE_FROM_RATIO_CI: Final = Rule(
    id="log-se-from-ratio-ci",
    title="Standard error of a log ratio from the confidence interval of the ratio",
    formula="SE = (ln upper - ln lower) / (2 × z), 1.96 for z at 95 %",
    guard="0 < lower < upper, ln of the ratio is midway between them within rounding",
    source=f"{_HANDBOOK}, 6.3.2",
    origin=Origin.COMPUTED,
)


def log_se_from_ratio_ci(low: float, high: float, level: float = 95.0) -> float | Refused:
    bad = _bad_interval(low, high, level)
    if bad:
        return bad
    if low <= 0:
        return Refused(f"the interval of a ratio is above zero, this one begins at {low:g}")
    return se_from_ci(log(low), log(high), level)


SE_FROM_P: Final = Rule(
    id="se-from-p",
    title="Standard error of an estimate from its P value",
    formula="SE = estimate / z without its sign, z from P; of a ratio: ln of the ratio / z",
    guard="P is between 0 and 1, the estimate is not that of no effect",
    source=f"{_HANDBOOK}, 6.3.1 and 6.3.2",
    origin=Origin.COMPUTED,
)


def se_from_p(estimate: float, p: float) -> float | Refused:
    """`estimate` on the scale of analysis: the log of a ratio."""
    return _bad_p(p) or se_from_md_t(estimate, _z(p / 2))


# -- change from baseline ------------------------------------------------------------------------

CHANGE_MEAN: Final = Rule(
    id="change-mean",
    title="Mean change from the means before and after",
    formula="change = mean at follow-up - mean at baseline",
    guard="none; flagged where fewer were analysed after than before",
    source=f"{_HANDBOOK}, 6.5.2.8",
    origin=Origin.COMPUTED,
)


def change_mean(follow_up: float, baseline: float) -> float | Refused:
    return follow_up - baseline


CHANGE_SD: Final = Rule(
    id="change-sd",
    title="SD of change from the SDs before and after and their correlation",
    formula="SD of change = √(SD before² + SD after² - 2 × r × SD before × SD after)",
    guard="r is between -1 and 1",
    source=f"{_HANDBOOK}, 6.5.2.8",
    origin=Origin.COMPUTED,
)


def change_sd(baseline: float, follow_up: float, r: float) -> float | Refused:
    """At r below 0.5 with equal SDs, change varies more than the final value does."""
    bad = _bad_sd(baseline) or _bad_sd(follow_up)
    if bad:
        return bad
    if not -1 <= r <= 1:
        return Refused(f"a correlation is between -1 and 1, this one is {r:g}")
    # At r = 1 and equal SDs, rounding can leave a trace below zero.
    return sqrt(max(0.0, baseline**2 + follow_up**2 - 2 * r * baseline * follow_up))


CORRELATION: Final = Rule(
    id="correlation-from-sds",
    title="Correlation of baseline with follow-up from the three SDs",
    formula="r = (SD before² + SD after² - SD of change²) / (2 × SD before × SD after)",
    guard="neither SD is zero, r comes out between -1 and 1",
    source=f"{_HANDBOOK}, 6.5.2.8",
    origin=Origin.COMPUTED,
)


def correlation(baseline: float, follow_up: float, change: float) -> float | Refused:
    bad = _bad_sd(baseline) or _bad_sd(follow_up) or _bad_sd(change)
    if bad:
        return bad
    if baseline == 0 or follow_up == 0:
        return Refused("an SD of zero has no correlation")
    # Not by the squares, of which small SDs leave nothing.
    r = (baseline / follow_up + follow_up / baseline - change / baseline * (change / follow_up)) / 2
    if not -1 <= r <= 1:
        return Refused(
            f"r comes out as {r:.3g}: these SDs are not of the same participants, or one is no SD"
        )
    return r


CHANGE_SD_FROM_P: Final = Rule(
    id="change-sd-from-p",
    title="SD of change from the P value of a paired t test",
    formula="SD of change = change × √n / t without its sign, t from P at n - 1 degrees of freedom",
    guard="P is of a paired t test and between 0 and 1, the change is not zero, n is at least 2",
    source=f"{_HANDBOOK}, 6.5.2.8",
    origin=Origin.COMPUTED,
)


def change_sd_from_p(change: float, p: float, n: float) -> float | Refused:
    bad = _bad_n(n) or _bad_p(p)
    if bad:
        return bad
    se = se_from_md_t(change, _t(p / 2, n - 1))
    return se if isinstance(se, Refused) else se * sqrt(n)


# -- groups together and apart -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """n, mean and SD of one group."""

    n: float
    mean: float
    sd: float


COMBINED_GROUPS: Final = Rule(
    id="combined-groups",
    title="Several groups taken together",
    formula="n = sum of n; mean = sum of n × mean / n; "
    "SD = √((sum of (n - 1) × SD² + sum of n × (mean - mean of all)²) / (n of all - 1)); "
    "persons and events are added",
    guard="every group has at least 1 and an SD, all together at least 2",
    source=f"{_HANDBOOK}, 6.5.2.10",
    origin=Origin.COMPUTED,
)


def combined_groups(groups: Sequence[Group]) -> Group | Refused:
    """What the pooled raw data would give, whatever the number and order of the groups.

    Means keep their signs: of changes that straddle zero, absolute means give another SD.
    """
    if not groups:
        return Refused("no group was given")
    for group in groups:
        bad = _bad_sd(group.sd) or (
            None
            if 1 <= group.n <= _LARGEST_GROUP and abs(group.mean) <= _LARGEST_VALUE
            else _TOO_SMALL
        )
        if bad:
            return bad
    n = fsum(g.n for g in groups)
    if n < 2:
        return _TOO_SMALL
    mean = fsum(g.n * g.mean for g in groups) / n
    squares = [(g.n - 1) * g.sd**2 for g in groups]
    squares += [g.n * (g.mean - mean) ** 2 for g in groups]
    return Group(n, mean, sqrt(fsum(squares) / (n - 1)))


_TOO_SMALL: Final = Refused("a group has nobody in it, or no mean")

SHARED_GROUP: Final = Rule(
    id="shared-group",
    title="A control group shared by several comparisons",
    formula="n and events divided by the number of comparisons; mean and SD as they are",
    guard="at least 2 comparisons",
    source=f"{_HANDBOOK}, 23.3.4",
    origin=Origin.COMPUTED,
)


def shared_group(count: float, comparisons: float) -> float | Refused:
    """Persons or events for one of `comparisons`; need not be whole."""
    if comparisons < 2:
        return Refused(f"{comparisons:g} comparisons share nothing")
    return count / comparisons


# -- counts and percentages ----------------------------------------------------------------------

COUNT_FROM_PERCENT: Final = Rule(
    id="count-from-percent",
    title="Persons from a percentage",
    formula="the one whole number x for which 100 × x / n is printed as this percentage",
    guard="exactly one whole number fits within the rounding of the printed percentage",
    source="arithmetic; Brown & Heathers 2017, Soc Psychol Personal Sci 8:363-369 for the check",
    origin=Origin.COMPUTED,
)


def count_from_percent(percent: float, n: float, decimals: int) -> float | Refused:
    """`decimals` are those printed: "43 %" has none, "42.9 %" one."""
    fitting = _fitting_counts(percent, n, decimals)
    if isinstance(fitting, Refused):
        return fitting
    fewest, most = fitting
    if fewest < most:
        return Refused(
            f"each count from {fewest:,} to {most:,} of {n:g} is printed as {percent:g} %"
        )
    return float(fewest)


NEAREST_COUNT: Final = Rule(
    id="nearest-count-from-percent",
    title="Persons from a percentage that several counts would be printed as",
    formula="x = percentage × n / 100, to the nearest whole number",
    guard="at least one whole number fits within the rounding of the printed percentage",
    source=f"{_HANDBOOK}, 6.4",
    origin=Origin.IMPUTED,
)


def nearest_count(percent: float, n: float, decimals: int) -> float | Refused:
    fitting = _fitting_counts(percent, n, decimals)
    if isinstance(fitting, Refused):
        return fitting
    fewest, most = fitting
    return float(min(max(round(percent * n / 100), fewest), most))


def _fitting_counts(percent: float, n: float, decimals: int) -> tuple[int, int] | Refused:
    """The fewest and the most persons of n that are this percentage, however halves are rounded."""
    if not (0 < n <= _LARGEST_GROUP and n == int(n)):
        return Refused(f"n = {n:g} is not a number of persons")
    if not 0 <= percent <= 100:
        return Refused(f"{percent:g} is not a percentage of persons")
    half = 0.5 * 10.0**-decimals + 1e-9
    lowest = max(0, ceil((percent - half) * n / 100))
    highest = min(int(n), floor((percent + half) * n / 100))
    if lowest > highest:
        return Refused(f"no whole number of {n:g} is printed as {percent:.{decimals}f} %")
    return lowest, highest


PERCENT_FROM_COUNT: Final = Rule(
    id="percent-from-count",
    title="Percentage of persons",
    formula="percentage = 100 × x / n",
    guard="n is above zero, x is from 0 to n",
    source="arithmetic",
    origin=Origin.COMPUTED,
)


def percent_from_count(count: float, n: float) -> float | Refused:
    if not (0 < n < inf and 0 <= count <= n):
        return Refused(f"{count:g} of {n:g} is no part of a whole")
    return 100 * count / n


# -- log scale -----------------------------------------------------------------------------------

LOG_SD_FROM_CI: Final = Rule(
    id="log-sd-from-geometric-ci",
    title="SD of the logarithms from the confidence interval of a geometric mean",
    formula="as the SD from a confidence interval, of the natural logarithms of its ends",
    guard="0 < lower < upper, n is at least 2",
    source="Higgins, White & Anzures-Cabrera 2008, Stat Med 27:6072-6092",
    origin=Origin.COMPUTED,
)


def log_sd_from_ci(low: float, high: float, n: float, level: float = 95.0) -> float | Refused:
    if not low > 0:
        return Refused(f"the interval of a geometric mean is above zero, this begins at {low:g}")
    return _bad_interval(low, high, level) or sd_from_ci(log(low), log(high), n, level)


MEAN_FROM_LOG: Final = Rule(
    id="mean-from-log",
    title="Mean from a geometric mean and the SD of the logarithms",
    formula="mean = geometric mean × exp(SD of logarithms² / 2)",
    guard="assumes log-normal values; the geometric mean is above zero",
    source="Higgins, White & Anzures-Cabrera 2008, Stat Med 27:6072-6092, method 1",
    origin=Origin.IMPUTED,
)


def mean_from_log(geometric_mean: float, log_sd: float) -> float | Refused:
    if not 0 < geometric_mean < inf:
        return Refused(f"a geometric mean is above zero, this one is {geometric_mean:g}")
    return _bad_log_sd(log_sd) or geometric_mean * exp(log_sd**2 / 2)


SD_FROM_LOG: Final = Rule(
    id="sd-from-log",
    title="SD from a geometric mean and the SD of the logarithms",
    formula="SD = geometric mean × exp(s² / 2) × √(exp(s²) - 1), s the SD of the logarithms",
    guard="assumes log-normal values; the geometric mean is above zero",
    source="Higgins, White & Anzures-Cabrera 2008, Stat Med 27:6072-6092, method 1",
    origin=Origin.IMPUTED,
)


def sd_from_log(geometric_mean: float, log_sd: float) -> float | Refused:
    mean = mean_from_log(geometric_mean, log_sd)
    return mean if isinstance(mean, Refused) else mean * sqrt(exp(log_sd**2) - 1)


# -- what is printed -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PValue:
    """A two-sided P as printed. `is_bound` where only "less than" is said."""

    value: float
    is_bound: bool


_P_TEXT: Final = re.compile(
    r"\s*(?:(?:two|2)[- ]?(?:sided|tailed)\s+)?(?:p\s*(?:[- ]?values?)?\s*)?(?:of\s+|is\s+)?"
    r"(?P<sign><|>|=|\u2264|\u2265|<=|>=|=<|less than|greater than|below|above)?\s*"
    r"(?P<number>\d*[.,\u00b7]?\d+(?:\s*(?:e|[x\u00d7]\s*10\s*\^?)\s*[-\u2212\u2013]\s*\d+)?)"
    r"\s*(?:\(?\s*(?:two|2)[- ]?(?:sided|tailed)\s*\)?)?\s*\.?\s*",
    re.IGNORECASE,
)
_BELOW: Final = ("<", "\u2264", "<=", "=<", "less than", "below")
_ABOVE: Final = (">", "\u2265", ">=", "greater than", "above")


def p_value(text: str) -> PValue | Refused:
    """The P value a text prints: "< 0.05", "P = .003", "0\u00b704"; else refused."""
    found = _P_TEXT.fullmatch(text)
    if found is None:
        return Refused(f"no P value is read from {text!r}")
    sign = (found["sign"] or "=").lower()
    if sign in _ABOVE:
        return Refused(f"P {text.strip()!r} has no lower bound")
    number = re.sub(r"\s", "", found["number"].lower()).replace("\u2212", "-")
    number = re.sub(r"[x\u00d7]10\^?", "e", number.replace("\u2013", "-"))
    value = float(number.replace("\u00b7", ".").replace(",", "."))
    if not 0 < value < 1:
        return Refused(f"P = {value:g} determines no test statistic")
    return PValue(value, sign in _BELOW)


def printed_decimals(text: str | None, value: float) -> int:
    """Decimals of `value` as printed in `text`; without text, the fewest that write it."""
    for number in re.findall(r"\d+(?:[.,\u00b7]\d+)?", text or ""):
        whole, _, decimals = re.sub(r"[,\u00b7]", ".", number).partition(".")
        if float(f"{whole}.{decimals or 0}") == abs(value):
            return len(decimals)
    shortest = f"{abs(value):.12g}"
    if "e-" in shortest:
        digits, _, exponent = shortest.partition("e-")
        return len(digits.partition(".")[2]) + int(exponent)
    return len(shortest.partition(".")[2])


# -- what is refused -----------------------------------------------------------------------------


def _half_width(level: float, df: float | None) -> float:
    """Of a confidence interval in standard errors; `df` None for the normal distribution."""
    upper = 0.5 + level / 200
    return _z(upper) if df is None else _t(upper, df)


def _bad_n(n: float) -> Refused | None:
    return None if 2 <= n <= _LARGEST_GROUP else Refused(f"n = {n:g}: at least 2 are needed")


def _bad_groups(n_1: float, n_2: float) -> Refused | None:
    if min(n_1, n_2) >= 1 and max(n_1, n_2) <= _LARGEST_GROUP and n_1 + n_2 > 2:
        return None
    return Refused(f"groups of {n_1:g} and {n_2:g} leave no degree of freedom")


def _bad_se(se: float) -> Refused | None:
    return None if 0 <= se <= _LARGEST_VALUE else Refused(f"a standard error is not {se:g}")


def _bad_sd(sd: float) -> Refused | None:
    return None if 0 <= sd <= _LARGEST_VALUE else Refused(f"an SD is not {sd:g}")


def _bad_log_sd(log_sd: float) -> Refused | None:
    # Beyond this the mean of the values is e^50 times their geometric mean: no measurement.
    return None if 0 <= log_sd <= 10 else Refused(f"an SD of logarithms is not {log_sd:g}")


def _bad_p(p: float) -> Refused | None:
    return None if 0 < p < 1 else Refused(f"P = {p:g} determines no test statistic")


def _bad_interval(low: float, high: float, level: float) -> Refused | None:
    if not 1 < level < 100:
        return Refused(f"a level of confidence is in percent, such as 95; this one is {level:g}")
    if not (isfinite(low) and isfinite(high) and low < high):
        return Refused(f"{low:g} to {high:g} is no interval")
    return None


def _disordered(*values: float) -> Refused | None:
    if all(isfinite(v) for v in values) and list(values) == sorted(values):
        return None
    return Refused(f"not in order: {', '.join(f'{v:g}' for v in values)}")
