"""Intervals of single proportions: exact and by the score, on arrays of any one shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri

from kb.errors import InvalidInput
from kb.synthesis.effects import Floats


class Interval(NamedTuple):
    """Lower and upper limits, from 0 to 1, in the shape of what came in; NaN where that was."""

    lb: Floats
    ub: Floats


def clopper_pearson(xi: ArrayLike, ni: ArrayLike, *, level: float = 95.0) -> Interval:
    """The exact interval of `xi` of `ni`: covers at least `level` percent of the time.

    Counts must be whole. Clopper & Pearson (1934), Biometrika 26:404-413, by quantiles of the
    beta distribution.
    """
    x, n, alpha = _counts(xi, ni, level, whole=True)
    with np.errstate(invalid="ignore"):
        lower = np.where(x == 0, 0.0, betaincinv(x, n - x + 1, alpha / 2))
        upper = np.where(x == n, 1.0, betaincinv(x + 1, n - x, 1 - alpha / 2))
    return _known(x, n, lower, upper)


def wilson(xi: ArrayLike, ni: ArrayLike, *, level: float = 95.0) -> Interval:
    """The score interval of `xi` of `ni`, without continuity correction.

    Wilson (1927), J Am Stat Assoc 22:209-212; recommended for small n by Brown, Cai & DasGupta
    (2001), Stat Sci 16:101-133.
    """
    x, n, alpha = _counts(xi, ni, level)
    z2 = ndtri(1 - alpha / 2) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (x + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (x * (n - x) / n + z2 / 4)) / (n + z2)
        # Rounding would leave 1e-17 where the limit is 0 or 1.
        lower = np.where(x == 0, 0.0, centre - half)
        upper = np.where(x == n, 1.0, centre + half)
    return _known(x, n, lower, upper)


def _counts(
    xi: ArrayLike, ni: ArrayLike, level: float, *, whole: bool = False
) -> tuple[Floats, Floats, float]:
    x, n = np.broadcast_arrays(np.asarray(xi, dtype=float), np.asarray(ni, dtype=float))
    if not 0 < level < 100:
        raise InvalidInput(f"level is {level:g}, but is a percentage between 0 and 100")
    with np.errstate(invalid="ignore"):
        is_wrong = (x < 0) | (x > n) | (n <= 0) | np.isinf(x) | np.isinf(n)
        if whole:
            is_wrong |= (x % 1 != 0) & ~np.isnan(x) | (n % 1 != 0) & ~np.isnan(n)
    if is_wrong.any():
        i = int(np.flatnonzero(is_wrong)[0])
        kind = "whole counts with 0 <= x <= n" if whole else "counts with 0 <= x <= n"
        raise InvalidInput(f"{x.flat[i]:g} of {n.flat[i]:g} is no proportion (expected {kind})")
    return x, n, 1 - level / 100


def _known(x: Floats, n: Floats, lower: Floats, upper: Floats) -> Interval:
    is_unknown = np.isnan(x) | np.isnan(n)
    return Interval(np.where(is_unknown, np.nan, lower), np.where(is_unknown, np.nan, upper))
