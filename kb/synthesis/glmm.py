"""Random-effects models of the counts themselves: zeros need no correction, studies no variances.

The marginal likelihood of each study is integrated over its random effect by adaptive Gauss-Hermite
quadrature with 7 points (1 point, Laplace's approximation, for the two effects of "UM.RS"), as lme4
does for metafor's rma.glmm, and maximised over tau = sqrt(tau²) and the fixed effects. Standard
errors come from the curvature of the likelihood in all parameters.

References
----------
Stijnen, Hamza & Özdemir (2010), Stat Med 29:3046-3067 (the models and their names' origin).
Jackson et al. (2018), Stat Med 37:1059-1085 (comparison; coding of the groups as -1/2, 1/2).
Pinheiro & Bates (1995), J Comput Graph Stat 4:12-35 (adaptive quadrature).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi, sqrt
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import chdtrc, expit, gammaln, logsumexp, xlogy

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.counts import columns, rates, tables
from kb.synthesis.pooling import critical, two_sided
from kb.synthesis.tau2 import Floats, Problem, solve

TwoGroupModel = Literal["UM.FS", "UM.RS", "CM.EL", "CM.AL"]
RateRatioModel = Literal["UM.FS", "UM.RS", "CM.EL"]
# Counted as studies times the longest list of ways to share out one study's events. A fit takes
# about as long as it has of them, and 0.1 GB for a million.
MAX_EXACT_TERMS: Final = 500_000


@dataclass(frozen=True, slots=True)
class GlmmFit:
    """Mean effect by maximum likelihood, on the logit or log scale; `i2` in percent.

    `k` counts the studies that carry information: of two groups those without any event, or with
    nothing but events, are left out. `model` is None for one group. `ddf` is k - 1 with test "t",
    None for z. `sigma2` is the variance of the study effects in "UM.RS", None elsewhere. The
    prediction interval is None for method "EE". `qe_wald` and `qe_lrt` test with `qe_df` whether
    the studies share one effect. `log_likelihood` is the marginal one;
    `conditional_log_likelihood`, that of the counts given the studies' fitted effects, is what
    metafor 3.8 calls logLik.
    """

    measure: Literal["PLO", "IRLN", "OR", "IRR"]
    model: TwoGroupModel | None
    method: Literal["ML", "EE"]
    test: Literal["z", "t"]
    level: float
    k: int
    ddf: int | None
    estimate: float
    se: float
    statistic: float
    pval: float
    ci_lb: float
    ci_ub: float
    pi_lb: float | None
    pi_ub: float | None
    tau2: float
    sigma2: float | None
    i2: float
    h2: float
    qe_wald: float
    qe_wald_p: float
    qe_lrt: float
    qe_lrt_p: float
    qe_df: int
    log_likelihood: float
    conditional_log_likelihood: float


class _Counts(NamedTuple):
    """Counts x of m rows per study, (k, m), binomial of n or Poisson where n is None.

    `offset` is added to the linear predictor: log person-time, or the log ratio of group sizes.
    """

    x: Floats
    n: Floats | None
    offset: Floats

    def log_likelihood(self, eta: Floats) -> Floats:
        """Per count, up to the constants."""
        if self.n is None:
            return self.x * eta - np.exp(eta)
        return self.x * eta - self.n * np.logaddexp(0.0, eta)

    def mean_and_variance(self, eta: Floats) -> tuple[Floats, Floats]:
        if self.n is None:
            mean = np.exp(np.minimum(eta, 700.0))
            return mean, mean
        p = expit(eta)
        return self.n * p, self.n * p * (1.0 - p)

    def constants(self) -> float:
        if self.n is None:
            return -float(gammaln(self.x + 1).sum())
        return float(
            (gammaln(self.n + 1) - gammaln(self.x + 1) - gammaln(self.n - self.x + 1)).sum()
        )

    def saturated(self) -> float:
        """The log-likelihood where every count is expected as it is, up to the constants."""
        if self.n is None:
            return float((xlogy(self.x, self.x) - self.x).sum())
        rest = self.n - self.x
        return float((xlogy(self.x, self.x) + xlogy(rest, rest) - xlogy(self.n, self.n)).sum())


class _Hypergeometric:
    """Events of the first group given the events of both, by the log odds ratio.

    Noncentral hypergeometric with `x` of shape (k, 1); the same methods as `_Counts`.
    """

    def __init__(self, a: Floats, n1: Floats, c: Floats, n2: Floats) -> None:
        self.x = a[:, None]
        self.offset = np.zeros((a.size, 1))
        m = a + c
        self.lowest, self.highest = np.maximum(0.0, m - n2), np.minimum(n1, m)
        size = int((self.highest - self.lowest).max()) + 1
        if size * a.size > MAX_EXACT_TERMS:
            raise InvalidInput(
                f"CM.EL weighs every way to share out the events of a study: {size:,} times "
                f"{a.size} studies, of at most {MAX_EXACT_TERMS:,}; take UM.FS or UM.RS"
            )
        self.values = self.lowest[:, None] + np.arange(size)  # (k, size), past the end -inf
        inside = self.values <= self.highest[:, None]
        s = np.where(inside, self.values, self.lowest[:, None])
        ways = _log_choose(n1[:, None], s) + _log_choose(n2[:, None], m[:, None] - s)
        self.log_ways = np.where(inside, ways, -np.inf)
        self.observed = _log_choose(n1, a) + _log_choose(n2, c)

    def log_likelihood(self, eta: Floats) -> Floats:
        flat = eta.reshape(-1, len(self.x))
        rows = [
            self.observed + self.x[:, 0] * row
            - logsumexp(self.log_ways + self.values * row[:, None], axis=1)
            for row in flat
        ]  # fmt: skip
        return np.array(rows).reshape(eta.shape)

    def mean_and_variance(self, eta: Floats) -> tuple[Floats, Floats]:
        terms = self.log_ways + self.values * eta
        p = np.exp(terms - terms.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        mean = (p * self.values).sum(axis=1, keepdims=True)
        variance = (p * (self.values - mean) ** 2).sum(axis=1, keepdims=True)
        return mean, variance

    def constants(self) -> float:
        return 0.0

    def own_estimates(self) -> tuple[Floats, Floats, float]:
        """Log odds ratios and variances of the studies that have one, and the likelihood there."""
        eta = np.zeros_like(self.x)
        own = (self.x[:, 0] > self.lowest) & (self.x[:, 0] < self.highest)
        for _ in range(200):
            mean, variance = self.mean_and_variance(eta)
            step = np.where(own[:, None], (self.x - mean) / np.maximum(variance, 1e-12), 0.0)
            eta = eta + np.clip(step, -1.0, 1.0)
            if float(np.abs(step).max()) < 1e-12:
                break
        variance = self.mean_and_variance(eta)[1]
        # A count at its bound is certain for an infinite odds ratio.
        value = float(self.log_likelihood(eta)[own].sum())
        return eta[own, 0], 1.0 / variance[own, 0], value

    def saturated(self) -> float:
        return self.own_estimates()[2]


def _log_choose(n: Floats, k: Floats) -> Floats:
    chosen: Floats = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return chosen


class _Integral:
    """log of the integral over standard normal u of the likelihood at `base + scale * z * u`.

    Remembers the modes, from which the next search starts.
    """

    def __init__(self, counts: _Counts | _Hypergeometric, z: Floats, points: int) -> None:
        self.counts = counts
        self.z = z
        self.nodes, weights = np.polynomial.hermite.hermgauss(points)
        self.log_weights = np.log(weights) + self.nodes**2
        self.u = np.zeros(len(counts.x))

    def __call__(self, base: Floats, scale: float) -> Floats:
        """k logarithms for `base` of shape (k, m), offsets included."""
        u = self.u
        load = scale * self.z
        for _ in range(200):
            mean, variance = self.counts.mean_and_variance(base + np.multiply.outer(u, load))
            curvature = 1.0 + variance @ (load * load)
            step = ((self.counts.x - mean) @ load - u) / curvature
            # Far from the mode of a Poisson likelihood a full step may go where exp overflows.
            u = u + np.clip(step, -3.0, 3.0)
            if float(np.abs(step).max()) < 1e-10:
                break
        self.u = u
        _, variance = self.counts.mean_and_variance(base + np.multiply.outer(u, load))
        width = np.sqrt(2.0 / (1.0 + variance @ (load * load)))
        at = u + np.multiply.outer(self.nodes, width)  # (points, k)
        eta = base + at[:, :, None] * load
        terms = self.counts.log_likelihood(eta).sum(axis=2) - 0.5 * at**2
        integral: Floats = logsumexp(terms + self.log_weights[:, None], axis=0)
        return integral + np.log(width) - 0.5 * log(2.0 * pi)


class _Maximum(NamedTuple):
    at: Floats
    value: float
    covariance: Floats


_Objective = Callable[[Floats], float]


def _maximum(f: _Objective, start: Floats, scale: Floats) -> _Maximum:
    """The maximum of a smooth function near `start`, and the inverse of minus its Hessian there.

    `scale` is about one standard error of each parameter; derivatives are central differences
    over a hundredth of it, which leaves about 1e-6 of a standard error.
    """

    def negative(t: Floats) -> float:
        return -f(start + scale * t)

    found = minimize(
        negative,
        np.zeros(start.size),
        method="BFGS",
        options={"gtol": 1e-4, "eps": 1e-4},
    )
    t = np.asarray(found.x, dtype=np.float64)

    def g(t: Floats) -> float:
        return f(start + scale * t)

    gradient, hessian = _derivatives(g, t)
    for _ in range(20):
        curvature = -hessian
        if float(np.linalg.eigvalsh(curvature)[0]) <= 0.0:
            break
        step = np.linalg.solve(curvature, gradient)
        t = t + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        gradient, hessian = _derivatives(g, t)
        if float(np.abs(step).max()) < 1e-7:
            break
    covariance = scale[:, None] * np.linalg.pinv(-hessian) * scale
    return _Maximum(start + scale * t, g(t), covariance)


def _derivatives(f: _Objective, t: Floats, h: float = 0.01) -> tuple[Floats, Floats]:
    """Gradient and Hessian, of fourth order but for the mixed derivatives."""
    m = t.size
    unit = np.eye(m) * h
    here = f(t)
    gradient, hessian = np.empty(m), np.empty((m, m))
    for i in range(m):
        one, two = unit[i], 2.0 * unit[i]
        up, down, up2, down2 = f(t + one), f(t - one), f(t + two), f(t - two)
        gradient[i] = (8.0 * (up - down) - (up2 - down2)) / (12.0 * h)
        hessian[i, i] = (16.0 * (up + down) - (up2 + down2) - 30.0 * here) / (12.0 * h * h)
        for j in range(i):
            other = unit[j]
            hessian[i, j] = hessian[j, i] = (
                f(t + one + other) - f(t + one - other) - f(t - one + other) + f(t - one - other)
            ) / (4.0 * h * h)
    return gradient, hessian


def glmm_proportions(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    method: Literal["ML", "EE"] = "ML",
    test: Literal["z", "t"] = "z",
    level: float = 95.0,
    points: int = 7,
) -> GlmmFit:
    """Mean logit of k proportions `xi` of `ni` ("PLO"): binomial counts, normal logits.

    The logit of the typical study, not of the mean proportion. `points` is the number of
    quadrature points; 1 is Laplace's approximation.

    Raises
    ------
    InvalidInput
        If a count is missing, negative or above its denominator.
    NotEstimable
        If no study has an event, or all studies have nothing but events.
    """
    x, n = columns(xi=xi, ni=ni)
    _refuse((x < 0) | (x > n) | (n <= 0), x, n, "events lie between 0 and the persons")
    _some_but_not_all(x, n, "the studies")
    y, v = _with_halves(x, n - x, lambda a, b: (np.log(a / b), 1 / a + 1 / b))
    counts = _Counts(x[:, None], n[:, None], np.zeros((x.size, 1)))
    own = (x > 0) & (x < n)
    inside, outside = x[own], (n - x)[own]
    logits, variances = np.log(inside / outside), 1 / inside + 1 / outside
    return _one_effect(
        counts, "PLO", None, method, test, level, points, y, v, _wald(logits, variances)
    )


def glmm_rates(
    xi: ArrayLike,
    ti: ArrayLike,
    *,
    method: Literal["ML", "EE"] = "ML",
    test: Literal["z", "t"] = "z",
    level: float = 95.0,
    points: int = 7,
) -> GlmmFit:
    """Mean log incidence rate of `xi` events in `ti` person-time ("IRLN").

    Poisson counts, normal log rates; see `glmm_proportions` for the rest.
    """
    x, t = columns(xi=xi, ti=ti)
    _refuse((x < 0) | (t <= 0), x, t, "events are not negative, person-time is positive")
    if not x.any():
        raise NotEstimable("a log rate needs an event in at least one study, got none")
    halved = np.where(x == 0, 0.5, x)
    y, v = np.log(halved / t), 1 / halved
    counts = _Counts(x[:, None], None, np.log(t)[:, None])
    own = x > 0
    return _one_effect(
        counts,
        "IRLN",
        None,
        method,
        test,
        level,
        points,
        y,
        v,
        _wald(np.log(x[own] / t[own]), 1 / x[own]),
    )


def glmm_odds_ratios(
    ai: ArrayLike,
    n1i: ArrayLike,
    ci: ArrayLike,
    n2i: ArrayLike,
    *,
    model: TwoGroupModel = "UM.FS",
    method: Literal["ML", "EE"] = "ML",
    test: Literal["z", "t"] = "z",
    level: float = 95.0,
    points: int = 7,
) -> GlmmFit:
    """Mean log odds ratio of events `ai` of `n1i` against `ci` of `n2i`.

    Parameters
    ----------
    model : "UM.FS" binomial counts with a parameter for each study's level; "UM.RS" with normally
        distributed levels; "CM.EL" the counts given their sum, noncentral hypergeometric;
        "CM.AL" its binomial approximation for rare events.

    Raises
    ------
    InvalidInput
        If a count is missing, negative or above its denominator, or the events are more than
        "CM.EL" can weigh (`MAX_EXACT_TERMS`).
    NotEstimable
        If one group has no event, or nothing but events, in all studies together.
    """
    a, n1, c, n2 = tables(ai, n1i, ci, n2i)
    empty = ((a == 0) & (c == 0)) | ((a == n1) & (c == n2))
    if empty.all():
        raise NotEstimable(
            "no study has events, and others without, in its two groups: there is no odds ratio"
        )
    a, n1, c, n2 = (column[~empty] for column in (a, n1, c, n2))
    _some_but_not_all(a, n1, "the first groups")
    _some_but_not_all(c, n2, "the second groups")
    b, d = n1 - a, n2 - c
    zero = np.where((a == 0) | (b == 0) | (c == 0) | (d == 0), 0.5, 0.0)
    ah, bh, ch, dh = a + zero, b + zero, c + zero, d + zero
    y, v = np.log(ah * dh / (bh * ch)), 1 / ah + 1 / bh + 1 / ch + 1 / dh
    own = zero == 0.0
    if model == "CM.AL":
        x, n = a[:, None], (a + c)[:, None]
        counts = _Counts(x, n, np.log(n1 / n2)[:, None])
        both = (a > 0) & (c > 0)
        ratios = np.log(a[both] * n2[both] / (c[both] * n1[both]))
        wald = _wald(ratios, 1 / a[both] + 1 / c[both])
        return _one_effect(counts, "OR", model, method, test, level, points, y, v, wald)
    if model == "CM.EL":
        exact = _Hypergeometric(a, n1, c, n2)
        wald = _wald(*exact.own_estimates()[:2])
        return _one_effect(exact, "OR", model, method, test, level, _EXACT_POINTS, y, v, wald)
    counts = _Counts(np.column_stack([a, c]), np.column_stack([n1, n2]), np.zeros((a.size, 2)))
    if model == "UM.FS":
        wald = _wald(y[own], v[own])
        return _two_groups(counts, "OR", method, test, level, points, y, v, wald)
    if model == "UM.RS":
        return _random_levels(counts, "OR", method, test, level, y, v)
    raise InvalidInput(f"no model of odds ratios: {model!r} (known: UM.FS, UM.RS, CM.EL, CM.AL)")


def glmm_rate_ratios(
    x1i: ArrayLike,
    t1i: ArrayLike,
    x2i: ArrayLike,
    t2i: ArrayLike,
    *,
    model: RateRatioModel = "UM.FS",
    method: Literal["ML", "EE"] = "ML",
    test: Literal["z", "t"] = "z",
    level: float = 95.0,
    points: int = 7,
) -> GlmmFit:
    """Mean log incidence rate ratio of `x1i` events in `t1i` against `x2i` in `t2i`.

    "CM.EL" takes the counts given their sum, which are binomial; see `glmm_odds_ratios` for the
    rest.
    """
    x1, t1, x2, t2 = rates(x1i, t1i, x2i, t2i)
    empty = (x1 == 0) & (x2 == 0)
    x1, t1, x2, t2 = (column[~empty] for column in (x1, t1, x2, t2))
    if not x1.any() or not x2.any():
        raise NotEstimable("a rate ratio needs events on both sides in the studies together")
    zero = np.where((x1 == 0) | (x2 == 0), 0.5, 0.0)
    h1, h2 = x1 + zero, x2 + zero
    y, v = np.log(h1 * t2 / (h2 * t1)), 1 / h1 + 1 / h2
    wald = _wald(y[zero == 0.0], v[zero == 0.0])
    if model == "CM.EL":
        counts = _Counts(x1[:, None], (x1 + x2)[:, None], np.log(t1 / t2)[:, None])
        return _one_effect(counts, "IRR", model, method, test, level, points, y, v, wald)
    counts = _Counts(np.column_stack([x1, x2]), None, np.log(np.column_stack([t1, t2])))
    if model == "UM.FS":
        return _two_groups(counts, "IRR", method, test, level, points, y, v, wald)
    if model == "UM.RS":
        return _random_levels(counts, "IRR", method, test, level, y, v)
    raise InvalidInput(f"no model of rate ratios: {model!r} (known: UM.FS, UM.RS, CM.EL)")


# metafor integrates this likelihood adaptively; with this many points nothing is left to see.
_EXACT_POINTS = 31


def _refuse(wrong: NDArray[np.bool_], x: Floats, of: Floats, rule: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InvalidInput(f"study {row + 1} has {x[row]:g} events of {of[row]:g}: {rule}")


def _some_but_not_all(x: Floats, n: Floats, whose: str) -> None:
    if x.size == 0 or not x.any() or (x == n).all():
        raise NotEstimable(
            f"{whose} together have {x.sum():g} events of {n.sum():g}: with none, or nothing else,"
            " the mean logit has no end"
        )


def _with_halves(
    a: Floats, b: Floats, effect: Callable[[Floats, Floats], tuple[Floats, Floats]]
) -> tuple[Floats, Floats]:
    zero = np.where((a == 0) | (b == 0), 0.5, 0.0)
    return effect(a + zero, b + zero)


def _wald(estimates: Floats, variances: Floats) -> float:
    """Q of the studies' own estimates; those of studies with a zero have infinite variances."""
    return Problem(estimates, variances).at(0.0).q if estimates.size else 0.0


class _Fitted(NamedTuple):
    """One model at its maximum; `at` the effect and its variance, `value` up to the constants."""

    effect: float
    variance: float
    tau: float
    value: float


def _one_effect(
    counts: _Counts | _Hypergeometric,
    measure: Literal["PLO", "IRLN", "OR", "IRR"],
    model: TwoGroupModel | None,
    method: Literal["ML", "EE"],
    test: Literal["z", "t"],
    level: float,
    points: int,
    y: Floats,
    v: Floats,
    wald: float,
) -> GlmmFit:
    """Counts with one row per study: offset + effect + tau u."""
    z = np.ones(1)
    integral = _Integral(counts, z, points)

    def likelihood(effect: float, tau: float) -> float:
        return float(integral(counts.offset + effect, tau).sum())

    equal, best = _fit(likelihood, y, v)
    best = equal if method == "EE" else best
    base = counts.offset + best.effect
    likelihood(best.effect, best.tau)
    conditional = counts.log_likelihood(base + best.tau * integral.u[:, None])
    return _result(
        measure, model, method, test, level, y, v, best, None, wald,
        2.0 * (counts.saturated() - equal.value), counts, float(conditional.sum()),
    )  # fmt: skip


def _two_groups(
    counts: _Counts,
    measure: Literal["OR", "IRR"],
    method: Literal["ML", "EE"],
    test: Literal["z", "t"],
    level: float,
    points: int,
    y: Floats,
    v: Floats,
    wald: float,
) -> GlmmFit:
    """Counts with two rows per study: offset + level of the study +- (effect + tau u) / 2."""
    integral = _Integral(counts, _HALVES, points)
    levels = _start_levels(counts)

    def base(effect: float) -> Floats:
        return counts.offset + levels[:, None] + effect * _HALVES

    def likelihood(effect: float, tau: float) -> float:
        nonlocal levels
        fixed = counts.offset + effect * _HALVES
        levels, values = _profiled(lambda at: integral(fixed + at[:, None], tau), levels)
        return float(values.sum())

    equal, best = _fit(likelihood, y, v)
    best = equal if method == "EE" else best
    likelihood(best.effect, best.tau)
    eta = base(best.effect) + best.tau * np.multiply.outer(integral.u, _HALVES)
    return _result(
        measure, "UM.FS", method, test, level, y, v, best, None, wald,
        2.0 * (counts.saturated() - equal.value), counts, float(counts.log_likelihood(eta).sum()),
    )  # fmt: skip


_HALVES = np.array([0.5, -0.5])
_FIRST = np.array([1.0, 0.0])


def _start_levels(counts: _Counts) -> Floats:
    if counts.n is None:
        rates_together: Floats = counts.x.sum(axis=1) / np.exp(counts.offset).sum(axis=1)
        return np.log(rates_together)
    x, n = counts.x.sum(axis=1), counts.n.sum(axis=1)
    odds: Floats = x / (n - x)
    return np.log(odds)


def _profiled(f: Callable[[Floats], Floats], start: Floats) -> tuple[Floats, Floats]:
    """Where each of k functions of one number is largest, and the k values there."""
    at, h = start, 1e-3
    for _ in range(100):
        here, up, down = f(at), f(at + h), f(at - h)
        curvature = np.maximum((2.0 * here - up - down) / (h * h), 1e-10)
        step = (up - down) / (2.0 * h) / curvature
        # The slope is a central difference, exact up to h²: enough for a value exact up to h⁴.
        if float((step * step * curvature).max()) < 1e-16:
            return at, here
        at = np.clip(at + np.clip(step, -2.0, 2.0), -40.0, 40.0)
    return at, f(at)


def _fit(
    likelihood: Callable[[float, float], float], y: Floats, v: Floats
) -> tuple[_Fitted, _Fitted]:
    """The fit with tau = 0 and the best one, which may be the same."""
    w = 1.0 / v
    mean, se = float(w @ y / w.sum()), 1.0 / sqrt(float(w.sum()))
    found = _maximum(lambda t: likelihood(t[0], 0.0), np.array([mean]), np.array([se]))
    equal = _Fitted(float(found.at[0]), float(found.covariance[0, 0]), 0.0, found.value)
    if y.size < 2:
        return equal, equal
    problem = Problem(y, v)
    spread = sqrt(solve(problem, "PM").value)
    tau = max([0.1, 0.3, 1.0, *([spread] if spread else [])], key=lambda t: likelihood(mean, t))
    there = problem.at(tau * tau)
    mean, variance = problem.origin + there.mean, 1.0 / there.w
    start = np.array([mean, tau])
    scale = np.array([sqrt(variance), max(0.2 * tau, tau / sqrt(2.0 * y.size))])
    found = _maximum(lambda t: likelihood(t[0], abs(t[1])), start, scale)
    tau = abs(float(found.at[1]))
    # The likelihood is even in tau, so 0 is always level; it is the maximum unless beaten.
    if found.value - equal.value < 1e-7:
        return equal, equal
    return equal, _Fitted(float(found.at[0]), float(found.covariance[0, 0]), tau, found.value)


def _result(
    measure: Literal["PLO", "IRLN", "OR", "IRR"],
    model: TwoGroupModel | None,
    method: Literal["ML", "EE"],
    test: Literal["z", "t"],
    level: float,
    y: Floats,
    v: Floats,
    best: _Fitted,
    sigma2: float | None,
    wald: float,
    lrt: float,
    counts: _Counts | _Hypergeometric,
    conditional: float,
) -> GlmmFit:
    if method not in ("ML", "EE"):
        raise InvalidInput(f"no method for these models: {method!r} (known: ML, EE)")
    if test not in ("z", "t"):
        raise InvalidInput(f"no test for these models: {test!r} (known: z, t)")
    if not 0.0 < level < 100.0:
        raise InvalidInput(f"a level is a percentage between 0 and 100, got {level}")
    k, df = y.size, y.size - 1
    ddf = df if test == "t" and df else None
    se, tau2 = sqrt(best.variance), best.tau**2
    statistic, quantile = best.effect / se, critical(level, ddf)
    low = high = None
    if method == "ML" and df:
        wide = quantile * sqrt(best.variance + tau2)
        low, high = best.effect - wide, best.effect + wide
    typical = df / Problem(y, v).at(0.0).tr_p if df else 1.0
    lrt = max(0.0, lrt)
    return GlmmFit(
        measure=measure,
        model=model,
        method=method,
        test=test,
        level=level,
        k=k,
        ddf=ddf,
        estimate=best.effect,
        se=se,
        statistic=statistic,
        pval=two_sided(statistic, ddf),
        ci_lb=best.effect - quantile * se,
        ci_ub=best.effect + quantile * se,
        pi_lb=low,
        pi_ub=high,
        tau2=tau2,
        sigma2=sigma2,
        i2=100.0 * tau2 / (typical + tau2),
        h2=tau2 / typical + 1.0,
        qe_wald=wald,
        qe_wald_p=float(chdtrc(df, wald)) if df else 1.0,
        qe_lrt=lrt,
        qe_lrt_p=float(chdtrc(df, lrt)) if df else 1.0,
        qe_df=df,
        log_likelihood=best.value + counts.constants(),
        conditional_log_likelihood=conditional + counts.constants(),
    )


class _Levels:
    """Laplace's approximation with two effects per study: its level and its contrast.

    The linear predictor is offset + mean + sigma a +- (effect + tau b) / 2.
    """

    def __init__(self, counts: _Counts) -> None:
        self.counts = counts
        self.a = np.zeros(len(counts.x))
        self.b = np.zeros(len(counts.x))

    def eta(self, mean: float, effect: float, sigma: float, tau: float) -> Floats:
        level = mean + sigma * self.a
        contrast = 0.5 * (effect + tau * self.b)
        return self.counts.offset + np.column_stack([level + contrast, level - contrast])

    def __call__(self, mean: float, effect: float, sigma: float, tau: float) -> float:
        half = 0.5 * tau
        for _ in range(200):
            expected, variance = self.counts.mean_and_variance(self.eta(mean, effect, sigma, tau))
            off = self.counts.x - expected
            both, between = variance.sum(axis=1), variance[:, 0] - variance[:, 1]
            slope_a = sigma * off.sum(axis=1) - self.a
            slope_b = half * (off[:, 0] - off[:, 1]) - self.b
            aa, bb, ab = 1 + sigma**2 * both, 1 + half**2 * both, sigma * half * between
            determinant = aa * bb - ab * ab
            step_a = (bb * slope_a - ab * slope_b) / determinant
            step_b = (aa * slope_b - ab * slope_a) / determinant
            self.a = self.a + np.clip(step_a, -3.0, 3.0)
            self.b = self.b + np.clip(step_b, -3.0, 3.0)
            if float(np.abs(step_a).max() + np.abs(step_b).max()) < 1e-10:
                break
        values = self.counts.log_likelihood(self.eta(mean, effect, sigma, tau)).sum(axis=1)
        return float((values - 0.5 * (self.a**2 + self.b**2) - 0.5 * np.log(determinant)).sum())


def _random_levels(
    counts: _Counts,
    measure: Literal["OR", "IRR"],
    method: Literal["ML", "EE"],
    test: Literal["z", "t"],
    level: float,
    y: Floats,
    v: Floats,
) -> GlmmFit:
    approximation = _Levels(counts)
    levels = _start_levels(counts)
    k = y.size
    mean, sigma = float(levels.mean()), max(float(levels.std()), 0.1)
    w = 1.0 / v
    effect, se = float(w @ y / w.sum()), 1.0 / sqrt(float(w.sum()))
    tau = max(sqrt(solve(Problem(y, v), "PM").value), 0.1) if k > 1 else 0.0

    def fit(is_free: tuple[bool, bool]) -> tuple[Floats, _Maximum]:
        """Mean, effect, sigma and tau, of which the last two may be held at 0."""
        free = np.array([True, True, *is_free])
        start = np.where(free, [mean, effect, sigma, tau], 0.0)
        scale = np.array([
            max(sigma / sqrt(k), 0.05), sqrt(se**2 + tau**2 / k), sigma / sqrt(2 * k), 0.3 * tau,
        ])  # fmt: skip

        def likelihood(t: Floats) -> float:
            at = np.zeros(4)
            at[free] = t
            return approximation(*at.tolist())

        found = _maximum(likelihood, start[free], scale[free])
        at = np.zeros(4)
        at[free] = found.at
        return at, found

    equal_at, equal = max((fit((s, False)) for s in (True, False)), key=_gain)
    best_at, best = equal_at, equal
    if method == "ML" and k > 1:
        at, found = max((fit((s, True)) for s in (True, False)), key=_gain)
        if found.value - equal.value > 1e-7:
            best_at, best = at, found
    approximation(*best_at.tolist())
    conditional = counts.log_likelihood(approximation.eta(*best_at.tolist()))
    lrt, wald = _against_own_effects(counts, equal_at, equal.value)
    fitted = _Fitted(
        float(best_at[1]), float(best.covariance[1, 1]), abs(float(best_at[3])), best.value
    )
    return _result(
        measure, "UM.RS", method, test, level, y, v, fitted, float(best_at[2]) ** 2, wald, lrt,
        counts, float(conditional.sum()),
    )  # fmt: skip


def _gain(fitted: tuple[Floats, _Maximum]) -> float:
    # A variance must earn its place beyond rounding.
    return fitted[1].value - 1e-7 * float((fitted[0] != 0.0).sum())


def _against_own_effects(
    counts: _Counts, equal_at: Floats, equal_value: float
) -> tuple[float, float]:
    """Likelihood ratio and Wald tests of one effect against one for each study.

    Levels stay random in both models; with own effects they are, as in metafor, those of the
    second group, which makes a difference because levels and effects are then related.
    """
    integral = _Integral(counts, np.ones(2), 1)
    own = np.full(len(counts.x), float(equal_at[1]))

    def values(mean: float, sigma: float, effects: Floats) -> Floats:
        return integral(counts.offset + mean + np.multiply.outer(effects, _FIRST), abs(sigma))

    def likelihood(t: Floats) -> float:
        nonlocal own
        mean, sigma = float(t[0]), float(t[1])
        own, each = _profiled(lambda at: values(mean, sigma, at), own)
        return float(each.sum())

    start = np.array([equal_at[0], equal_at[2]])
    size = max(abs(float(equal_at[2])), 0.1) / sqrt(len(own))
    found = _maximum(likelihood, start, np.array([size, size]))
    mean, sigma = float(found.at[0]), float(found.at[1])
    lrt = 2.0 * (likelihood(found.at) - equal_value)
    # Minus the second derivatives of each study's term in (mean, sigma, own effect).
    h = 1e-3
    unit = np.eye(3) * h

    def at(shift: Floats) -> Floats:
        return values(mean + shift[0], sigma + shift[1], own + shift[2])

    curvature = np.empty((3, 3, len(own)))
    for i in range(3):
        for j in range(3):
            plus, minus = unit[i] + unit[j], unit[i] - unit[j]
            curvature[i, j] = (at(minus) + at(-minus) - at(plus) - at(-plus)) / (4 * h * h)
    shared, cross, each = curvature[:2, :2].sum(axis=2), curvature[:2, 2], curvature[2, 2]
    information = np.diag(np.maximum(each, 0.0)) - cross.T @ np.linalg.pinv(shared) @ cross
    total = information.sum(axis=1)
    weighted = information @ own
    wald = float(own @ weighted) - float(total @ own) ** 2 / float(total.sum())
    return lrt, max(0.0, wald)
