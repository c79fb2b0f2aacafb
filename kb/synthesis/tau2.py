"""Between-study variance tau²: nine estimators, with and without moderators, and its interval.

With the sampling variances vi, a design of p columns, weights w = 1/(vi + tau²) and the projection
P = W - W X (X'WX)^-1 X'W, everything here is made of a few numbers: the sums of w and w², the
traces of P and PP, and y'Py (the generalised Q), y'PPy and y'PPPy. They cost O(k p²); no k by k
matrix is ever built.

References
----------
Viechtbauer (2005), J Educ Behav Stat 30:261-293 (HE, DL, HS, ML, REML and their standard errors).
Veroniki et al. (2016), Res Synth Methods 7:55-79 (survey of the estimators).
Sidik & Jonkman (2005), J R Stat Soc C 54:367-384. Paule & Mandel (1982), J Res NBS 87:377-385.
Morris (1983), J Am Stat Assoc 78:47-55 (EB). Viechtbauer (2007), Stat Med 26:37-52 (Q-profile).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, isfinite, log, nan, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from kb.errors import InvalidInput, NotEstimable

Floats = NDArray[np.float64]
Method = Literal["EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM"]
METHODS: tuple[Method, ...] = ("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")

# Cubes of weights stay far from the ends of double precision between these.
_SMALLEST_VARIANCE = 1e-90
_LARGEST_VARIANCE = 1e90
_MOST_STEPS = 200


class Tau2(NamedTuple):
    """`value` in squared units of the estimates, never negative; `se` is None for "EE" and k = 1.

    0.0 means that the spread is no larger than sampling error alone predicts, not that the
    studies agree.
    """

    value: float
    se: float | None


class Moments(NamedTuple):
    """What one value of tau² makes of the data; see the module for P."""

    w: float  # sum of the weights
    w2: float  # sum of their squares
    tr_p: float
    tr_pp: float
    q: float  # y'Py, y'PPy, y'PPPy
    q2: float
    q3: float
    mean: float  # weighted, from the problem's origin; NaN with a design


class Problem:
    """k estimates with their variances and a design of p independent columns.

    `x` None means an intercept alone. `at(tau2)` gives the moments, `solve(tau2)` the coefficients
    and the inverse of X'WX.
    """

    __slots__ = (
        "_d", "_m", "_q", "_r", "_v", "_w1", "_w2", "_w3", "_wt",
        "k", "origin", "p", "v", "v_max", "v_min", "x", "y",
    )  # fmt: skip

    def __init__(self, yi: ArrayLike, vi: ArrayLike, x: Floats | None = None) -> None:
        y, v = checked(yi, vi)
        self.k = k = y.size
        self.x = x
        self.y = y
        self.v = v
        first = v.argmin()
        self.v_min = float(v[first])
        self.v_max = float(v[v.argmax()])
        self.origin = float(y[first])
        d = y - self.origin
        if x is None:
            # The most precise study comes first and is the origin. It may carry nearly all
            # weight; sums over the others then lose nothing to it.
            if first:
                v = v.copy()
                v[first] = v[0]
                d[first] = d[0]
            self.p = 1
            self._v = v[1:]
            self._d = d = d[1:]
            self._m = m = np.empty((3, k - 1))
            m[0] = 1.0
            m[1] = d
            np.multiply(d, d, out=m[2])
            w = np.empty((3, k - 1))
            self._w1, self._w2, self._w3 = w
            self._wt = w.T
        else:
            self.p = x.shape[1]
            self._v = v
            self._d = d
            # Orthonormal columns, so that years and doses beside an intercept cost no digits.
            self._q, self._r = np.linalg.qr(x)

    @property
    def df(self) -> int:
        return self.k - self.p

    def at(self, tau2: float) -> Moments:
        if self.x is not None:
            return self._at_design(tau2)
        w1, w2 = self._w1, self._w2
        np.add(self._v, tau2, w1)
        np.reciprocal(w1, w1)
        np.multiply(w1, w1, w2)
        np.multiply(w1, w2, self._w3)
        (a1, a2, a3), (b1, b2, b3), (c1, c2, c3) = np.dot(self._m, self._wt).tolist()
        w0 = 1.0 / (self.v_min + tau2)
        total = w0 + a1
        mu = b1 / total
        spread = a2 / total
        p00 = w0 * a1 / total
        squares = a2 + w0 * w0
        shift = b2 - mu * squares
        q = c1 - mu * b1
        q2 = c2 - mu * (2.0 * b2 - mu * squares)
        q3 = c3 - mu * (2.0 * b3 - mu * (a3 + w0 * w0 * w0)) - shift * shift / total
        return Moments(
            total,
            squares,
            (2.0 * w0 * a1 + a1 * a1 - a2) / total,
            p00 * p00 + 2.0 * (w0 / total) ** 2 * a2 + a2 - 2.0 * a3 / total + spread * spread,
            # Rounding must not make a sum of squares negative.
            q if q > 0.0 else 0.0,
            q2 if q2 > 0.0 else 0.0,
            q3 if q3 > 0.0 else 0.0,
            mu,
        )

    def _at_design(self, tau2: float) -> Moments:
        w = 1.0 / (self._v + tau2)
        wq = w[:, None] * self._q
        inverse = np.linalg.inv(self._q.T @ wq)
        residuals = self._d - self._q @ (inverse @ (wq.T @ self._d))
        py = w * residuals
        wpy = w * py
        slope = wq.T @ py
        by_w2 = inverse @ (wq.T @ wq)
        by_w3 = inverse @ ((w[:, None] * wq).T @ wq)
        total, squares = float(w.sum()), float(w @ w)
        return Moments(
            total,
            squares,
            total - float(np.trace(by_w2)),
            squares - 2.0 * float(np.trace(by_w3)) + float((by_w2 * by_w2.T).sum()),
            max(0.0, float(residuals @ py)),
            max(0.0, float(py @ py)),
            max(0.0, float(py @ wpy) - float(slope @ inverse @ slope)),
            nan,
        )

    def coefficients(self, tau2: float) -> tuple[Floats, Floats]:
        """Coefficients and the inverse of X'WX, for a design."""
        w = 1.0 / (self._v + tau2)
        wq = w[:, None] * self._q
        inverse = np.linalg.inv(self._q.T @ wq)
        # The origin was taken from every estimate: put it back through the same projection.
        b = inverse @ (wq.T @ self._d) + self.origin * self._q.sum(axis=0)
        back = np.linalg.inv(self._r)
        return back @ b, back @ inverse @ back.T

    def log_likelihood(self, tau2: float, *, restricted: bool) -> float:
        """Up to a constant; for comparing values of tau²."""
        w = 1.0 / (self._v + tau2)
        logs = float(np.log(w).sum())
        q = self.at(tau2).q
        if self.x is None:
            w0 = 1.0 / (self.v_min + tau2)
            logs += log(w0)
            crossed = log(float(w.sum()) + w0)
        else:
            crossed = float(np.linalg.slogdet((w[:, None] * self._q).T @ self._q)[1])
        return 0.5 * (logs - q - (crossed if restricted else 0.0))

    def unweighted(self) -> tuple[float, float, float]:
        """Residual sum of squares, tr(PV) and tr(PVPV) with P = I - X (X'X)^-1 X'."""
        if self.x is None:
            k = self.k
            shift = float(self._d.sum()) / k
            rest = self._d - shift
            total = self.v_min + float(self._v.sum())
            squares = self.v_min**2 + float(self._v @ self._v)
            return (
                float(rest @ rest) + shift * shift,
                total * (1 - 1 / k),
                squares * (1 - 2 / k) + (total / k) ** 2,
            )
        q, v = self._q, self._v
        rest = self._d - q @ (q.T @ self._d)
        vq = v[:, None] * q
        b = q.T @ vq
        return (
            float(rest @ rest),
            float(v.sum() - np.trace(b)),
            float(v @ v - 2 * (vq * vq).sum() + (b * b).sum()),
        )

    def rises(self, grid: Floats, *, restricted: bool) -> NDArray[np.bool_]:
        """Whether the (restricted) likelihood rises at each value of tau² > 0 in `grid`."""
        if self.x is not None:
            moments = [self._at_design(t) for t in grid.tolist()]
            return np.array([m.q2 > (m.tr_p if restricted else m.w) for m in moments])
        w = 1.0 / (grid[:, None] + self._v)
        a1, b1, _ = np.dot(self._m, w.T)
        a2, b2, c2 = np.dot(self._m, (w * w).T)
        w0 = 1.0 / (grid + self.v_min)
        total = w0 + a1
        mu = b1 / total
        q2 = c2 - mu * (2.0 * b2 - mu * (a2 + w0 * w0))
        if restricted:
            total = (a1 * (w0 + total) - a2) / total
        rises: NDArray[np.bool_] = q2 > total
        return rises

    def unweighted_spread(self) -> float:
        """Residual sum of squares of the fit with equal weights."""
        if self.x is not None:
            rest = self._d - self._q @ (self._q.T @ self._d)
            return float(rest @ rest)
        total = float(self._d.dot(self._m[0]))
        return max(0.0, float(self._d.dot(self._d)) - total * total / self.k)

    def spread(self) -> float:
        """Variance of the estimates with divisor k."""
        if self.x is None:
            shift = float(self._d.sum()) / self.k
            rest = self._d - shift
            return (float(rest @ rest) + shift * shift) / self.k
        return float(np.var(self._d))


def checked(yi: ArrayLike, vi: ArrayLike) -> tuple[Floats, Floats]:
    """Both as arrays of k finite numbers, the variances positive; InvalidInput otherwise."""
    try:
        y = np.asarray(yi, dtype=np.float64)
        v = np.asarray(vi, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"estimates and variances must be numbers: {error}") from error
    if y.ndim != 1 or y.shape != v.shape:
        raise InvalidInput(
            f"estimates and variances must be two lists of one length, got shapes {y.shape}"
            f" and {v.shape}"
        )
    if not y.size:
        raise NotEstimable("no estimates to pool: 0 studies")
    if not (
        isfinite(float(y.dot(y))) and v.min() >= _SMALLEST_VARIANCE and v.max() <= _LARGEST_VARIANCE
    ):
        _explain(y, v)
    return y, v


def _explain(y: Floats, v: Floats) -> None:
    for row, (estimate, variance) in enumerate(zip(y.tolist(), v.tolist()), start=1):
        if not isfinite(estimate):
            raise InvalidInput(
                f"study {row} has the estimate {estimate}: leave out studies without one"
            )
        if not isfinite(variance) or variance <= 0:
            raise InvalidInput(
                f"study {row} has the variance {variance}: a sampling variance is positive;"
                " leave out studies without one"
            )
        if not _SMALLEST_VARIANCE <= variance <= _LARGEST_VARIANCE or abs(estimate) > 1e150:
            raise InvalidInput(
                f"study {row} has the estimate {estimate:g} and the variance {variance:g}:"
                " out of range, use another unit"
            )


def tau2(
    yi: ArrayLike, vi: ArrayLike, x: ArrayLike | None = None, *, method: Method = "REML"
) -> Tau2:
    """Between-study variance of k estimates `yi` with sampling variances `vi`.

    Parameters
    ----------
    yi, vi : k numbers each on one common scale, every variance positive.
    x : design of shape (k, p) with independent columns, the intercept among them; None means an
        intercept alone.

    Raises
    ------
    InvalidInput
        If a number is missing or no variance, or columns of `x` depend on one another.
    NotEstimable
        If k is not above p, except k = 1 without moderators, where tau² is 0.
    """
    design = (
        None if x is None else checked_design(np.asarray(x, dtype=np.float64), len(np.asarray(yi)))
    )
    found = solve(Problem(yi, vi, design), method)
    return Tau2(found.value, found.se)


def checked_design(x: Floats, k: int, names: Sequence[str] | None = None) -> Floats:
    """`x` where it has k rows of finite numbers and independent columns."""
    if x.ndim != 2 or x.shape[0] != k:
        raise InvalidInput(f"the moderators must have one row for each of {k} studies")
    names = names or [f"column {i + 1}" for i in range(x.shape[1])]
    for name, column in zip(names, x.T):
        if not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0]) + 1
            raise InvalidInput(
                f"moderator {name!r} is missing for study {row}: leave out studies without it"
            )
    if x.shape[1] > k:
        raise NotEstimable(f"{x.shape[1]} coefficients cannot be told from {k} studies")
    scale = np.sqrt((x * x).sum(axis=0))
    if not scale.all():
        raise InvalidInput(f"moderator {names[int(scale.argmin())]!r} is 0 for every study")
    diagonal = np.abs(np.diag(np.linalg.qr(x / scale)[1]))
    if diagonal.min() < 1e-10:
        raise InvalidInput(
            f"moderator {names[int(diagonal.argmin())]!r} is constant or follows from the others:"
            " leave it out"
        )
    return x


class Solution(NamedTuple):
    """tau² of a problem, with the moments at 0 and at the estimate."""

    value: float
    se: float | None
    at_zero: Moments
    there: Moments


def solve(problem: Problem, method: Method) -> Solution:
    """tau² of a problem; NotEstimable as for `tau2`."""
    zero = problem.at(0.0)
    if method == "EE" or problem.k == 1:
        return Solution(0.0, None, zero, zero)
    k, df = problem.k, problem.df
    if df < 1:
        raise NotEstimable(
            f"tau² beside {problem.p} coefficients needs at least {problem.p + 1} studies, got {k}"
        )
    if method in ("REML", "ML", "EB", "PM"):
        value = _iterated(problem, method, zero)
        there = problem.at(value) if value else zero
        if method == "REML":
            se = sqrt(2.0 / there.tr_pp)
        elif method == "ML":
            se = sqrt(2.0 / there.w2)
        else:
            se = k * sqrt(2.0 / df) / there.w
        return Solution(value, se, zero, there)
    if method == "DL":
        value, divisor = max(0.0, (zero.q - df) / zero.tr_p), zero.tr_p
        variance = 2.0 * df + 4.0 * value * zero.tr_p + 2.0 * value * value * zero.tr_pp
    elif method == "HS":
        value, divisor = max(0.0, (zero.q - k) / zero.w), zero.w
        variance = 2.0 * df + 4.0 * value * zero.tr_p + 2.0 * value * value * zero.tr_pp
    elif method == "HE":
        rss, tr_pv, tr_pvpv = problem.unweighted()
        value, divisor = max(0.0, (rss - tr_pv) / df), float(df)
        # With weights of one, tr(PVP) = tr(PV) and tr(PP) = k - p.
        variance = 2.0 * tr_pvpv + 4.0 * value * tr_pv + 2.0 * value * value * df
    elif method == "SJ":
        start = problem.spread()
        m = problem.at(start)
        value, divisor = start * m.q / df, df / start if start else inf
        # y'Py has the variance 2 tr(PSPS), and the covariance S of y differs from the one that
        # P was made with by `off` on the diagonal.
        off = value - start
        variance = max(0.0, 2.0 * (df + 2.0 * off * m.tr_p + off * off * m.tr_pp))
    else:
        raise InvalidInput(f"no estimator of tau²: {method!r} (known: {', '.join(METHODS)})")
    return Solution(value, sqrt(variance) / divisor, zero, problem.at(value) if value else zero)


# (a, b, a', b'): the estimate solves a = b, and is larger where b > a; the slopes are in tau².
_Sides = Callable[[Moments, float], tuple[float, float, float, float]]


def _of_reml(m: Moments, df: float) -> tuple[float, float, float, float]:
    return m.tr_p, m.q2, -m.tr_pp, -2.0 * m.q3


def _of_ml(m: Moments, df: float) -> tuple[float, float, float, float]:
    return m.w, m.q2, -m.w2, -2.0 * m.q3


def _of_q(m: Moments, target: float) -> tuple[float, float, float, float]:
    return target, m.q, 0.0, -m.q2


# EB and PM solve the same equation: the generalised Q equals its expectation.
_SIDES: dict[str, _Sides] = {"REML": _of_reml, "ML": _of_ml, "EB": _of_q, "PM": _of_q}


def _iterated(problem: Problem, method: Method, at_zero: Moments) -> float:
    sides, df = _SIDES[method], float(problem.df)
    a, b, _, _ = sides(at_zero, df)
    start = (at_zero.q - df) / at_zero.tr_p
    if sides is _of_q:
        return root(problem, sides, df, 0.0, inf, start) if b > a else 0.0
    if b > a:
        if problem.v_max <= _ONE_MODE * problem.v_min:
            return root(problem, sides, df, 0.0, inf, start)
    elif 2.0 * at_zero.q2 * a >= at_zero.q * (at_zero.tr_pp if sides is _of_reml else at_zero.w2):
        return 0.0
    # A likelihood of unequal variances may have several modes: look for every change from rising
    # to falling below the largest value a mode can have.
    top = _largest_mode(problem.unweighted_spread() / df, problem.v_min, problem.v_max)
    if top <= 0.0:
        return 0.0
    restricted = method == "REML"
    grid = top * _GRID
    modes = [] if b > a else [0.0]
    before, rising = 0.0, b > a
    for value, still in zip(grid.tolist(), problem.rises(grid, restricted=restricted).tolist()):
        if rising and not still:
            modes.append(root(problem, sides, df, before, value, start))
        before, rising = value, still
    if rising:
        modes.append(root(problem, sides, df, before, inf, start))
    if len(modes) == 1:
        return modes[0]
    return max(modes, key=lambda t: problem.log_likelihood(t, restricted=restricted))


# Fractions of the largest possible mode at which the slope of a likelihood is looked at.
_GRID = np.geomspace(1e-5, 1.0, 24)
# Ratio of the largest to the smallest variance up to which a likelihood that rises at 0 has one
# mode: none of 120,000 random sets of 2 to 20 studies with ratios up to 10 had two. One that falls
# at 0 has no other mode where twice the mean weight of the residuals, y'PPy / y'Py, reaches the
# mean weight of the studies, tr PP / tr P: of 3.1 million random sets 42,000 had several modes,
# and none of those that fell at 0 passed 0.92 of that.
_ONE_MODE = 10.0


def _largest_mode(c: float, v_min: float, v_max: float) -> float:
    """No mode of the (restricted) likelihood lies above this.

    y'PPy <= c (k - p) / (v_min + t)² and tr P >= (k - p) / (v_max + t), with c the residual
    variance of the unweighted fit; so (v_min + t)² <= c (v_max + t) wherever they are equal.
    """
    half = 0.5 * c - v_min
    inside = half * half + c * v_max - v_min * v_min
    return half + sqrt(inside) if inside > 0.0 else 0.0


def root(
    problem: Problem, sides: _Sides, target: float, low: float, high: float, start: float
) -> float:
    """Where the sides of an estimating equation meet between `low` and `high`.

    Newton's method on a/b, which is linear in tau² where the variances are equal and close to it
    elsewhere, kept inside a bracket that only shrinks. `target` is k - p, or for Q its value.
    """
    unit = problem.v_min
    t = start if low < start < high else (low + unit if high == inf else 0.5 * (low + high))
    for _ in range(_MOST_STEPS):
        a, b, da, db = sides(problem.at(t), target)
        if b > a:
            low = t
        else:
            high = t
        slope = da * b - a * db
        step = b * (b - a) / slope if slope > 0.0 else inf
        # A step has the square of the error of the one before: the next would change nothing.
        if abs(step) <= 1e-8 * t + 1e-15 * unit:
            return max(t + step, 0.0)
        if low < t + step < high:
            t += step
        elif high == inf:
            t = 2.0 * t + unit
        elif high - low <= 1e-15 * high:
            break
        else:
            t = 0.5 * (low + high)
    return t


def q_profile(
    yi: ArrayLike, vi: ArrayLike, x: ArrayLike | None = None, *, level: float = 95.0
) -> tuple[float, float]:
    """Interval of tau² that inverts the generalised Q statistic (Viechtbauer 2007).

    (0, 0) where even tau² = 0 is more spread than the data show.
    """
    design = (
        None if x is None else checked_design(np.asarray(x, dtype=np.float64), len(np.asarray(yi)))
    )
    return profile(Problem(yi, vi, design), level)


def profile(problem: Problem, level: float) -> tuple[float, float]:
    """The interval of `q_profile` for a problem."""
    df = problem.df
    if df < 1:
        raise NotEstimable(
            f"an interval of tau² beside {problem.p} coefficients needs at least"
            f" {problem.p + 1} studies, got {problem.k}"
        )
    tail = (1.0 - level / 100.0) / 2.0
    at_zero = problem.at(0.0)

    def bound(target: float) -> float:
        if at_zero.q <= target:
            return 0.0
        start = (at_zero.q - target) / at_zero.tr_p
        return root(problem, _of_q, target, 0.0, inf, start)

    return bound(float(chdtri(df, tail))), bound(float(chdtri(df, 1.0 - tail)))
