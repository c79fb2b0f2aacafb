"""What single studies do to the pooled effect: leave-one-out, cumulative, influence.

References
----------
Viechtbauer & Cheung (2010), Res Synth Methods 1:112-125 (outliers and influence).
Lau et al. (1992), N Engl J Med 327:248-254 (cumulative meta-analysis).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.pooling import Fit, Test, pool
from kb.synthesis.tau2 import Floats, Method, checked


@dataclass(frozen=True, slots=True)
class Refits:
    """One pooled effect per row, as arrays of k; `i2` in percent."""

    estimate: Floats
    se: Floats
    statistic: Floats
    pval: Floats
    ci_lb: Floats
    ci_ub: Floats
    q: Floats
    q_p: Floats
    tau2: Floats
    i2: Floats
    h2: Floats


@dataclass(frozen=True, slots=True)
class Influence:
    """Case diagnostics, arrays of k in the order given; `weight` in percent.

    `rstudent` is the externally standardised residual, `dfbs` the change of the effect and
    `dffits` that of the fitted value in standard errors, `cook_d` Cook's distance, `cov_r` the
    ratio of the variances of the effect; `tau2_del` and `qe_del` are those without the study.
    """

    rstudent: Floats
    dffits: Floats
    cook_d: Floats
    cov_r: Floats
    tau2_del: Floats
    qe_del: Floats
    hat: Floats
    weight: Floats
    dfbs: Floats
    is_influential: tuple[bool, ...]


def leave_one_out(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> Refits:
    """Row i pools all studies but study i. Needs 2 studies."""
    y, v = checked(yi, vi)
    return _refits(
        pool(a, b, method=method, test=test, level=level) for a, b in _without_each(y, v)
    )


def cumulative(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    order: Sequence[int] | None = None,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> Refits:
    """Row i pools the first i + 1 studies of `order`: positions from 0, as given when None."""
    y, v = checked(yi, vi)
    k = y.size
    if order is None:
        order = range(k)
    elif sorted(order) != list(range(k)):
        raise InvalidInput(f"order must name each position from 0 to {k - 1} once, got {order}")
    y, v = y[list(order)], v[list(order)]
    return _refits(
        pool(y[:i], v[:i], method=method, test=test, level=level) for i in range(1, k + 1)
    )


def influence(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "z",
) -> Influence:
    """Case diagnostics of a pooled effect. Needs 3 studies.

    A study is marked influential where |dffits| > 3 sqrt(1 / (k - 1)), the chi-square of 1 degree
    of freedom puts `cook_d` above its median, hat > 3 / k, or |dfbs| > 1.
    """
    y, v = checked(yi, vi)
    k = y.size
    if k < 3:
        raise NotEstimable(f"influence needs at least 3 studies, got {k}")
    fit = pool(y, v, method=method, test=test)
    without = [pool(a, b, method=method, test=test) for a, b in _without_each(y, v)]
    estimate = np.array([f.estimate for f in without])
    variance = np.array([f.se**2 for f in without])
    tau2 = np.array([f.tau2 for f in without])
    shift = fit.estimate - estimate
    hat = fit.hat
    # What Knapp and Hartung's test makes of the variances without study i; 1 for z.
    factor = np.array([f.se**2 * float((1.0 / (f.vi + f.tau2)).sum()) for f in without])
    total = factor * (v + tau2)
    # All studies weighted with the tau² that study i had no part in.
    each = factor * np.array([1.0 / float((1.0 / (v + t)).sum()) for t in tau2.tolist()])
    dffits = shift / np.sqrt(hat * total)
    cook_d = shift**2 / fit.se**2
    dfbs = shift / np.sqrt(each)
    flags = (
        (np.abs(dffits) > 3.0 * sqrt(1.0 / (k - 1)))
        | (chdtrc(1, cook_d) < 0.5)
        | (hat > 3.0 / k)
        | (np.abs(dfbs) > 1.0)
    )
    return Influence(
        rstudent=(y - estimate) / np.sqrt(total + variance),
        dffits=dffits,
        cook_d=cook_d,
        cov_r=variance / fit.se**2,
        tau2_del=tau2,
        qe_del=np.array([f.qe for f in without]),
        hat=hat,
        weight=fit.weights,
        dfbs=dfbs,
        is_influential=tuple(flags.tolist()),
    )


def _without_each(y: Floats, v: Floats) -> Iterable[tuple[Floats, Floats]]:
    if y.size < 2:
        raise NotEstimable("leaving one out needs at least 2 studies, got 1")
    for i in range(y.size):
        yield np.delete(y, i), np.delete(v, i)


def _refits(fits: Iterable[Fit]) -> Refits:
    rows = np.array(
        [
            (
                f.estimate, f.se, f.statistic, f.pval, f.ci_lb, f.ci_ub, f.qe, f.qe_p, f.tau2,
                f.i2, f.h2,
            )
            for f in fits
        ]
    )  # fmt: skip
    return Refits(*rows.T)
