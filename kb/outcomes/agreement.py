"""How far people who read the same things independently agree, beyond what chance would give.

Ratings are given by unit: for each thing that was rated, the rating of each rater who rated it.
Raters may have rated different things; a unit that one rater alone rated tells nothing about
agreement, and every statistic counts in `n` those that two rated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import atanh, fsum, sqrt, tanh
from statistics import NormalDist
from typing import Final, TypeVar

from scipy.special import stdtrit

R = TypeVar("R", bound=Hashable)

_Z: Final = NormalDist().inv_cdf(0.975)
_LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An estimate with its 95 % interval, over `n` units.

    The estimate is None where these ratings do not determine it, and `reason` says why; the
    interval is None there too, and where no standard formula gives one.
    """

    estimate: float | None
    low: float | None = None
    high: float | None = None
    n: int
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Differences of two raters, first minus second: their mean, and between which limits 95 % of
    them lie, in the unit of the numbers."""

    mean: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None


def _none(n: int, reason: str) -> Agreement:
    return Agreement(estimate=None, n=n, reason=reason)


_NOBODY: Final = "no unit was rated by two raters"


def _shared(units: Sequence[Mapping[str, R]]) -> list[Mapping[str, R]]:
    return [unit for unit in units if len(unit) > 1]


def percent_agreement(units: Sequence[Mapping[str, Hashable]]) -> Agreement:
    """The share of pairs of ratings of one unit that are the same, averaged over units; 0 to 1.

    With two raters the share of units they agree on, with its score interval (Wilson 1927, J Am
    Stat Assoc 22:209-212); with more raters the pairs of a unit depend on each other and no
    interval is given.
    """
    shared = _shared(units)
    n = len(shared)
    if n == 0:
        return _none(0, _NOBODY)
    share = fsum(_pairs_alike(list(unit.values())) for unit in shared) / n
    if any(len(unit) > 2 for unit in shared):
        return Agreement(estimate=share, n=n)
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Agreement(estimate=share, low=max(0.0, middle - half), high=min(1.0, middle + half), n=n)


def _pairs_alike(ratings: Sequence[Hashable]) -> float:
    m = len(ratings)
    return sum(count * (count - 1) for count in Counter(ratings).values()) / (m * (m - 1))


def cohens_kappa(units: Sequence[Mapping[str, R]], first: str, second: str) -> Agreement:
    """Agreement of two raters beyond that of two who rate at random, each with the shares of the
    categories that they used.

    None where both used one and the same category throughout: chance alone then agrees always.
    The interval is normal with the standard error for large samples, cut at -1 and 1.

    References
    ----------
    Cohen (1960), Educ Psychol Meas 20:37-46. Fleiss, Cohen & Everitt (1969), Psychol Bull
    72:323-327, the standard error where agreement is not assumed to be none.
    """
    pairs = [(unit[first], unit[second]) for unit in units if first in unit and second in unit]
    n = len(pairs)
    if n == 0:
        return _none(0, _NOBODY)
    cells = {pair: count / n for pair, count in Counter(pairs).items()}
    rows, columns = _margins(cells)
    observed = fsum(p for (a, b), p in cells.items() if a == b)
    chance = fsum(p * columns.get(category, 0.0) for category, p in rows.items())
    if len(rows) == 1 and rows.keys() == columns.keys():
        return _none(n, "both raters used one category throughout: there is no variation")
    kappa = (observed - chance) / (1 - chance)
    agreeing = fsum(
        p * (1 - (rows.get(a, 0.0) + columns.get(a, 0.0)) * (1 - kappa)) ** 2
        for (a, b), p in cells.items()
        if a == b
    )
    differing = (1 - kappa) ** 2 * fsum(
        p * (columns.get(a, 0.0) + rows.get(b, 0.0)) ** 2 for (a, b), p in cells.items() if a != b
    )
    correction = (kappa - chance * (1 - kappa)) ** 2
    variance = max(0.0, agreeing + differing - correction) / (n * (1 - chance) ** 2)
    half = _Z * sqrt(variance)
    return Agreement(estimate=kappa, low=max(-1.0, kappa - half), high=min(1.0, kappa + half), n=n)


def _margins(cells: Mapping[tuple[R, R], float]) -> tuple[dict[R, float], dict[R, float]]:
    rows: dict[R, float] = {}
    columns: dict[R, float] = {}
    for (a, b), p in cells.items():
        rows[a] = rows.get(a, 0.0) + p
        columns[b] = columns.get(b, 0.0) + p
    return rows, columns


def gwets_ac1(units: Sequence[Mapping[str, R]], categories: Sequence[R]) -> Agreement:
    """Agreement of two or more raters beyond chance, where only ratings that are hard to make are
    thought to be left to it; steady where nearly all ratings are alike, as kappa is not.

    `categories` are all that could have been given, two at least. The interval has the variance
    over units, with Student's t; None for one unit.

    References
    ----------
    Gwet (2008), Br J Math Stat Psychol 61:29-48, also for several raters and missing ratings.
    """
    rated = [unit for unit in units if unit]
    shared, q = _shared(rated), len(set(categories))
    if not shared:
        return _none(0, _NOBODY)
    if q < 2:
        return _none(len(shared), "one category alone could be given")
    counts = [Counter(unit.values()) for unit in rated]
    sizes = [len(unit) for unit in rated]
    n = len(rated)
    # A unit that one rater rated tells how often the categories are used.
    shares = {c: fsum(count[c] / m for count, m in zip(counts, sizes)) / n for c in categories}
    chance = fsum(p * (1 - p) for p in shares.values()) / (q - 1)
    ac1 = (fsum(_pairs_alike(list(unit.values())) for unit in shared) / len(shared) - chance) / (
        1 - chance
    )
    if n == 1:
        return Agreement(estimate=ac1, n=n)
    by_unit = []
    for unit, count, m in zip(rated, counts, sizes):
        own = fsum(count[c] / m * (1 - shares[c]) for c in categories) / (q - 1)
        alike = _pairs_alike(list(unit.values())) - chance if m > 1 else 0.0
        by_unit.append((n / len(shared) * alike - 2 * (1 - ac1) * (own - chance)) / (1 - chance))
    variance = fsum((value - ac1) ** 2 for value in by_unit) / (n * (n - 1))
    half = float(stdtrit(n - 1, (1 + _LEVEL) / 2)) * sqrt(variance)
    low, high = max(-1.0, ac1 - half), min(1.0, ac1 + half)
    return Agreement(estimate=ac1, low=low, high=high, n=len(shared))


def krippendorffs_alpha(units: Sequence[Mapping[str, Hashable]]) -> Agreement:
    """1 minus the disagreement observed over that expected by chance, for categories of which any
    two are equally far apart; any number of raters, ratings may be missing. No interval: the usual
    one is a bootstrap.

    References
    ----------
    Krippendorff (2004), Content Analysis, 2nd edition, chapter 11.
    """
    return _alpha([list(unit.values()) for unit in _shared(units)], lambda a, b: float(a != b))


def krippendorffs_alpha_of_numbers(units: Sequence[Mapping[str, float]]) -> Agreement:
    """The same for numbers, whose distance is the square of their difference."""
    return _alpha([list(unit.values()) for unit in _shared(units)], lambda a, b: (a - b) ** 2)


def _alpha(units: Sequence[Sequence[R]], distance: Callable[[R, R], float]) -> Agreement:
    n = len(units)
    if n == 0:
        return _none(0, _NOBODY)
    observed = fsum(
        2 * distance(a, b) / (len(unit) - 1) for unit in units for a, b in combinations(unit, 2)
    )
    ratings = Counter(rating for unit in units for rating in unit)
    total = sum(ratings.values())
    expected = fsum(
        2 * ratings[a] * ratings[b] * distance(a, b) for a, b in combinations(ratings, 2)
    )
    if expected == 0:
        return _none(n, "all ratings are the same: there is no variation")
    return Agreement(estimate=1 - (total - 1) * observed / expected, n=n)


# -- numbers ---------------------------------------------------------------------------------------


def lins_concordance(pairs: Sequence[tuple[float, float]]) -> Agreement:
    """How near pairs of numbers lie to the line on which both are equal; -1 to 1.

    The interval is that of the inverse hyperbolic tangent, brought back; None with fewer than 3
    pairs and where all pairs lie on a line.

    References
    ----------
    Lin (1989), Biometrics 45:255-268, with the variance as corrected in Biometrics 56:324-325
    (2000).
    """
    n = len(pairs)
    if n < 2:
        return _none(n, "fewer than two pairs of numbers")
    mean_x, mean_y = fsum(x for x, _ in pairs) / n, fsum(y for _, y in pairs) / n
    var_x = fsum((x - mean_x) ** 2 for x, _ in pairs) / n
    var_y = fsum((y - mean_y) ** 2 for _, y in pairs) / n
    both = fsum((x - mean_x) * (y - mean_y) for x, y in pairs) / n
    apart = var_x + var_y + (mean_x - mean_y) ** 2
    if apart == 0:
        return _none(n, "all numbers are the same: there is no variation")
    ccc = 2 * both / apart
    if n < 3 or var_x == 0 or var_y == 0 or both == 0:
        return Agreement(estimate=ccc, n=n)
    r2 = both**2 / (var_x * var_y)
    # Rounding alone may leave a perfect correlation short of 1.
    if 1 - r2 < 1e-12 or abs(ccc) >= 1:
        return Agreement(estimate=ccc, n=n)
    u2 = (mean_x - mean_y) ** 2 / sqrt(var_x * var_y)
    r = both / sqrt(var_x * var_y)
    variance = (
        (1 - r2) * ccc**2 / ((1 - ccc**2) * r2)
        + 2 * ccc**3 * (1 - ccc) * u2 / (r * (1 - ccc**2) ** 2)
        - ccc**4 * u2**2 / (2 * r2 * (1 - ccc**2) ** 2)
    ) / (n - 2)
    half = _Z * sqrt(max(0.0, variance))
    return Agreement(estimate=ccc, low=tanh(atanh(ccc) - half), high=tanh(atanh(ccc) + half), n=n)


def limits_of_agreement(pairs: Sequence[tuple[float, float]]) -> Limits:
    """Mean difference and 1.96 standard deviations of the differences to each side.

    Bland & Altman (1986), Lancet 327:307-310.
    """
    n = len(pairs)
    if n < 2:
        return Limits(mean=None, low=None, high=None, n=n, reason="fewer than two pairs of numbers")
    apart = [x - y for x, y in pairs]
    mean = fsum(apart) / n
    spread = sqrt(fsum((d - mean) ** 2 for d in apart) / (n - 1))
    return Limits(mean=mean, low=mean - _Z * spread, high=mean + _Z * spread, n=n)
