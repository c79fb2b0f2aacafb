"""Small-study effects: Egger's and Begg's tests, trim and fill, fail-safe N, the funnel.

References
----------
Egger et al. (1997), BMJ 315:629-634. Sterne & Egger (2005), in Publication Bias in Meta-analysis.
Begg & Mazumdar (1994), Biometrics 50:1088-1101.
Duval & Tweedie (2000), Biometrics 56:455-463 and J Am Stat Assoc 95:89-98.
Rosenthal (1979), Psychol Bull 86:638-641.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.counts import columns
from kb.synthesis.pooling import INTERCEPT, Fit, Test, critical, pool, two_sided
from kb.synthesis.tau2 import Floats, Method, checked

Predictor = Literal["sei", "vi", "ninv", "sqrtninv", "ni", "sqrtni"]
Side = Literal["left", "right"]
Estimator = Literal["L0", "R0", "Q0"]


@dataclass(frozen=True, slots=True)
class Egger:
    """Regression of the estimates on a measure of their imprecision.

    `slope` belongs to the predictor (of sei it is Egger's classic intercept), `statistic` is t
    with `df` for "lm" and for knha, z (df None) otherwise. `limit_estimate` is the effect where
    the predictor is 0; None with the predictors ni and sqrtni, whose 0 is no limit.
    """

    model: Literal["lm", "mixed"]
    predictor: Predictor
    statistic: float
    df: int | None
    pval: float
    slope: float
    slope_se: float
    limit_estimate: float | None
    limit_ci_lb: float | None
    limit_ci_ub: float | None


@dataclass(frozen=True, slots=True)
class RankTest:
    """Kendall's `tau` (tau-b where there are ties) and its two-sided `pval`."""

    tau: float
    pval: float
    is_exact: bool


@dataclass(frozen=True, slots=True)
class TrimAndFill:
    """`k0` studies missing on `side`; `fit` is of the k studies with the filled ones after them."""

    estimator: Estimator
    side: Side
    k0: int
    k0_se: float
    fit: Fit
    filled_yi: tuple[float, ...]
    filled_vi: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Funnel:
    """Points of a funnel plot and the width of its pseudo-limits around `center`.

    The limits at standard error s are `center` -+ `z` * sqrt(s² + `tau2`).
    """

    yi: Floats
    sei: Floats
    center: float
    z: float
    tau2: float


def egger(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    model: Literal["lm", "mixed"] = "lm",
    predictor: Predictor = "sei",
    ni: ArrayLike | None = None,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> Egger:
    """Do smaller studies find other effects? Egger's regression test.

    Parameters
    ----------
    model : "lm", Egger's own: weights 1 / vi and a residual variance estimated from the spread;
        "mixed": a meta-regression with `method` and `test`, which serve it alone.
    predictor : standard error, variance, or a function of the sample sizes `ni`.

    Raises
    ------
    NotEstimable
        If there are fewer than 3 studies, or the predictor is the same for all.
    """
    y, v = checked(yi, vi)
    k = y.size
    if k < 3:
        raise NotEstimable(f"Egger's test needs at least 3 studies, got {k}")
    x = _predictor(predictor, v, ni)
    if float(np.ptp(x)) <= 1e-12 * float(np.abs(x).max()):
        raise NotEstimable(f"{predictor} is the same for all studies: there is no trend to test")
    has_limit = predictor not in ("ni", "sqrtni")
    if model == "mixed":
        fit = pool(y, v, mods={predictor: x}, method=method, test=test, level=level)
        limit, slope = fit.coefficients
        return Egger(
            model, predictor, slope.statistic, fit.ddf, slope.pval, slope.estimate, slope.se,
            limit.estimate if has_limit else None,
            limit.ci_lb if has_limit else None,
            limit.ci_ub if has_limit else None,
        )  # fmt: skip
    if model != "lm":
        raise InvalidInput(f"no model of Egger's test: {model!r} (known: lm, mixed)")
    # The least squares with weights 1 / vi are those of an equal-effects regression, whose
    # standard errors assume a residual variance of 1.
    fit = pool(y, v, mods={predictor: x}, method="EE", level=level)
    df = k - 2
    scale = sqrt(fit.qe / df)
    if scale == 0.0:
        raise NotEstimable("the estimates lie exactly on a line, which leaves nothing to test with")
    limit, slope = fit.coefficients
    statistic = slope.statistic / scale
    half = critical(level, df) * limit.se * scale
    return Egger(
        model, predictor, statistic, df, two_sided(statistic, df), slope.estimate,
        slope.se * scale,
        limit.estimate if has_limit else None,
        limit.estimate - half if has_limit else None,
        limit.estimate + half if has_limit else None,
    )  # fmt: skip


def _predictor(predictor: Predictor, v: Floats, ni: ArrayLike | None) -> Floats:
    if predictor == "sei":
        return np.sqrt(v)
    if predictor == "vi":
        return v
    if ni is None:
        raise InvalidInput(f"the predictor {predictor!r} needs the sample sizes ni")
    [n] = columns(ni=ni)
    if n.size != v.size or n.min() <= 0:
        raise InvalidInput(f"ni must be {v.size} positive sample sizes, got {n.tolist()}")
    match predictor:
        case "ni":
            return n
        case "sqrtni":
            return np.sqrt(n)
        case "ninv":
            return 1.0 / n
        case "sqrtninv":
            return 1.0 / np.sqrt(n)
    raise InvalidInput(f"no predictor: {predictor!r} (known: sei, vi, ni, sqrtni, ninv, sqrtninv)")


def begg(yi: ArrayLike, vi: ArrayLike) -> RankTest:
    """Do effects go with variances? Begg and Mazumdar's rank correlation.

    Exact up to 300 studies without ties, else by the normal approximation with ties corrected.
    """
    y, v = checked(yi, vi)
    k = y.size
    if k < 2:
        raise NotEstimable(f"a rank correlation needs at least 2 studies, got {k}")
    w = 1.0 / v
    total = float(w.sum())
    others = total - w
    heaviest = int(w.argmax())
    others[heaviest] = np.delete(w, heaviest).sum()  # not lost to rounding
    standardised = (y - float(w @ y) / total) / np.sqrt(v * others / total)
    signs = np.sign(np.subtract.outer(standardised, standardised)) * np.sign(
        np.subtract.outer(v, v)
    )
    score = float(signs.sum()) / 2.0
    pairs = k * (k - 1) / 2
    ties = [np.unique(values, return_counts=True)[1] for values in (standardised, v)]
    tied = [float((t * (t - 1)).sum()) / 2 for t in ties]
    if max(tied) == pairs:
        raise NotEstimable("all effects or all variances are the same: there is nothing to rank")
    tau = score / sqrt((pairs - tied[0]) * (pairs - tied[1]))
    if not any(tied) and k <= _MOST_EXACT:
        return RankTest(tau, _exact_kendall(round((score + pairs) / 2), k), True)
    t, u = ties
    variance = (
        k * (k - 1) * (2 * k + 5)
        - float((t * (t - 1) * (2 * t + 5)).sum())
        - float((u * (u - 1) * (2 * u + 5)).sum())
    ) / 18 + 4 * tied[0] * tied[1] / (2 * k * (k - 1))
    if k > 2:
        variance += (
            float((t * (t - 1) * (t - 2)).sum())
            * float((u * (u - 1) * (u - 2)).sum())
            / (9 * k * (k - 1) * (k - 2))
        )
    return RankTest(tau, 2.0 * float(ndtr(-abs(score) / sqrt(variance))), False)


_MOST_EXACT = 300


def _exact_kendall(concordant: int, k: int) -> float:
    """Two-sided p value of this many concordant among all pairs of k untied ranks."""
    # Share of the permutations of j + 1 with each number of inversions, from those of j.
    shares = np.ones(1)
    for j in range(1, k):
        summed = np.concatenate([np.zeros(1), np.cumsum(shares)])
        size = shares.size + j
        upper = np.minimum(np.arange(1, size + 1), shares.size)
        lower = np.maximum(np.arange(size) - j, 0)
        shares = (summed[upper] - summed[lower]) / (j + 1)
    fewer = min(concordant, k * (k - 1) // 2 - concordant)
    return min(1.0, 2.0 * float(shares[: fewer + 1].sum()))


def trim_and_fill(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    estimator: Estimator = "L0",
    side: Side | None = None,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> TrimAndFill:
    """The pooled effect had the funnel been symmetric, and how many studies that would take.

    `side` is where studies are missing; None lets the sign of Egger's regression decide. A
    sensitivity analysis: the filled studies are no data.

    Raises
    ------
    NotEstimable
        If there are fewer than 3 studies, or trimming does not settle.
    """
    y, v = checked(yi, vi)
    k = y.size
    if estimator not in ("L0", "R0", "Q0"):
        raise InvalidInput(f"no estimator of missing studies: {estimator!r} (known: L0, R0, Q0)")
    if side not in (None, "left", "right"):
        raise InvalidInput(f"no side of a funnel: {side!r} (known: left, right)")
    if k < 3:
        raise NotEstimable(f"trim and fill needs at least 3 studies, got {k}")
    if side is None:
        side = _missing_side(y, v, method)
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * y, kind="stable")
    ys, vs = sign * y[order], v[order]
    k0, center = 0, 0.0
    for _ in range(100):
        kept = k - k0
        center = pool(ys[:kept], vs[:kept], method=method).estimate
        estimated, se = _missing(estimator, ys - center)
        before, k0 = k0, max(0, round(estimated))
        if k0 == before:
            break
        if k0 >= k:
            raise NotEstimable(f"{estimator} takes all {k} studies for surplus")
    else:
        raise NotEstimable(f"{estimator} did not settle on a number of missing studies")
    filled = sign * (2.0 * center - ys[k - k0 :])
    fit = pool(
        np.concatenate([y, filled]),
        np.concatenate([v, vs[k - k0 :]]),
        method=method,
        test=test,
        level=level,
    )
    return TrimAndFill(
        estimator, side, k0, se, fit, tuple(filled.tolist()), tuple(vs[k - k0 :].tolist())
    )


def _missing_side(y: Floats, v: Floats, method: Method) -> Side:
    sei = np.sqrt(v)
    if float(np.ptp(sei)) <= 1e-12 * float(sei.max()):
        raise NotEstimable("all studies are equally precise: say on which side studies are missing")
    slope = pool(y, v, mods={"sei": sei}, method=method).coefficients[1].estimate
    return "right" if slope < 0 else "left"


def _missing(estimator: Estimator, centered: Floats) -> tuple[float, float]:
    """Estimated number of studies missing on the left, and its standard error."""
    k = centered.size
    ranks = np.empty(k)
    ranks[np.argsort(np.abs(centered), kind="stable")] = np.arange(1, k + 1)
    if estimator == "R0":
        # The run of largest distances that all lie on the right.
        k0 = k - float(ranks[centered < 0].max(initial=0.0)) - 1
        return k0, sqrt(2.0 * max(0.0, k0) + 2.0)
    s = float(ranks[centered > 0].sum())
    if estimator == "L0":
        k0 = (4.0 * s - k * (k + 1)) / (2 * k - 1)
        return k0, 4.0 * sqrt(max(0.0, _rank_sum_variance(k, k0))) / (2 * k - 1)
    under_root = 2.0 * k * k - 4.0 * s + 0.25
    if under_root < 0:
        raise NotEstimable("Q0 has no solution for these ranks; use L0 or R0")
    k0 = k - 0.5 - sqrt(under_root)
    divisor = (k - 0.5) ** 2 - k0 * (2 * k - k0 - 1)
    variance = max(0.0, _rank_sum_variance(k, k0))
    return k0, 2.0 * sqrt(variance / divisor) if divisor > 0 else 0.0


def _rank_sum_variance(k: int, k0: float) -> float:
    return (
        k * (k + 1) * (2 * k + 1)
        + 10 * k0**3
        + 27 * k0**2
        + 17 * k0
        - 18 * k * k0**2
        - 18 * k * k0
        + 6 * k**2 * k0
    ) / 24


def fail_safe_n(yi: ArrayLike, vi: ArrayLike, *, alpha: float = 0.05) -> int:
    """How many studies of no effect make Rosenthal's summed z non-significant (one-sided).

    0 where it is not significant as it is.
    """
    y, v = checked(yi, vi)
    if not 0.0 < alpha < 0.5:
        raise InvalidInput(f"a significance level lies between 0 and 0.5, got {alpha}")
    z = float((y / np.sqrt(v)).sum())
    return max(0, ceil((z / float(ndtri(1.0 - alpha))) ** 2 - y.size))


def funnel(fit: Fit, *, level: float = 95.0, add_tau2: bool = False) -> Funnel:
    """Points and limits of a funnel plot around a pooled effect.

    `add_tau2` widens the limits by the heterogeneity; without it they are those of sampling error
    alone. With moderators the points are residuals around 0.
    """
    center = fit.estimate if fit.p == 1 and fit.coefficients[0].name == INTERCEPT else 0.0
    return Funnel(
        yi=fit.yi if fit.p == 1 else fit.residuals,
        sei=np.sqrt(fit.vi),
        center=center,
        z=critical(level, None),
        tau2=fit.tau2 if add_tau2 else 0.0,
    )
