"""Thousands of resampled meta-analyses at once.

A resample of k studies is a row of k multiplicities, so the sums over studies that tau² is made of
are products of a matrix of weights with three columns: 1, y and y² (see `tau2.py` for the moments).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.tau2 import Floats, checked

_CHUNK = 500  # resamples whose weights stay in the processor's cache at 100 studies
_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """`estimates` and `tau2s` of n resamples of the studies, and their percentile intervals."""

    estimates: Floats
    tau2s: Floats
    level: float
    estimate_lb: float
    estimate_ub: float
    tau2_lb: float
    tau2_ub: float


def bootstrap(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    n: int = 10_000,
    seed: int,
    method: Literal["DL", "REML"] = "REML",
    level: float = 95.0,
) -> Bootstrap:
    """Percentile intervals from `n` resamples of the studies with replacement.

    The same seed gives the same resamples. Needs 2 studies. The likelihood of a resample is
    climbed from DerSimonian and Laird's estimate; where it has several modes, to the nearest.
    """
    y, v = checked(yi, vi)
    k = y.size
    if k < 2:
        raise NotEstimable(f"resampling needs at least 2 studies, got {k}")
    if method not in ("DL", "REML"):
        raise InvalidInput(f"no estimator for resamples: {method!r} (known: DL, REML)")
    if n < 1:
        raise InvalidInput(f"at least 1 resample, got {n}")
    if not 0.0 < level < 100.0:
        raise InvalidInput(f"a level is a percentage between 0 and 100, got {level}")
    dice = np.random.default_rng(seed)
    estimates, tau2s = np.empty(n), np.empty(n)
    for start in range(0, n, _CHUNK):
        rows = min(_CHUNK, n - start)
        drawn = dice.integers(0, k, size=(rows, k)) + k * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * k).reshape(rows, k)
        here = slice(start, start + rows)
        estimates[here], tau2s[here] = resampled(y, v, counts.astype(np.float64), method)
    tails = [50.0 - level / 2.0, 50.0 + level / 2.0]
    low, high = np.percentile(estimates, tails).tolist()
    tau2_low, tau2_high = np.percentile(tau2s, tails).tolist()
    return Bootstrap(estimates, tau2s, level, low, high, tau2_low, tau2_high)


def resampled(
    y: Floats, v: Floats, counts: Floats, method: Literal["DL", "REML"]
) -> tuple[Floats, Floats]:
    """Pooled effects and tau² of resamples, each a row of how often it holds each study."""
    df = y.size - 1.0
    # Around the most precise study, so that the squares lose no digits.
    origin = float(y[v.argmin()])
    d = y - origin
    columns = np.column_stack([np.ones_like(d), d, d * d])
    single = counts / v
    total, b, c = (single @ columns).T
    mu = b / total
    second = single / v
    s2 = second @ columns
    tr_p = total - s2[:, 0] / total
    # One study drawn k times has no spread, and tr P > 0 because its copies count as studies.
    tau2 = np.maximum(0.0, (c - mu * b - df) / tr_p)
    if method == "REML":
        tau2 = _restricted(v, counts, columns, tau2, float(v.min()))
        total, b, _ = ((counts / (v + tau2[:, None])) @ columns).T
    elif method == "DL":
        total, b, _ = ((counts / (v + tau2[:, None])) @ columns).T
    return origin + b / total, tau2


def _restricted(v: Floats, counts: Floats, columns: Floats, start: Floats, unit: float) -> Floats:
    """The restricted likelihood climbed by Newton's method on tr P / y'PPy (see `tau2.py`)."""
    tau2 = start.copy()
    low, high = np.full_like(tau2, -np.inf), np.full_like(tau2, np.inf)
    open_rows = np.arange(tau2.size)
    for _ in range(_MOST_STEPS):
        t = tau2[open_rows]
        weight = 1.0 / (v + t[:, None])
        w1 = counts * weight
        w2 = w1 * weight
        w3 = w2 * weight
        a1, b1, _ = (w1 @ columns).T
        a2, b2, c2 = (w2 @ columns).T
        a3, b3, c3 = (w3 @ columns).T
        mu = b1 / a1
        spread = a2 / a1
        tr_p = a1 - spread
        tr_pp = a2 - 2.0 * a3 / a1 + spread * spread
        q2 = np.maximum(c2 - 2.0 * mu * b2 + mu * mu * a2, 0.0)
        shift = b2 - mu * a2
        q3 = c3 - 2.0 * mu * b3 + mu * mu * a3 - shift * shift / a1
        rising = q2 > tr_p
        low[open_rows] = np.where(rising, t, low[open_rows])
        high[open_rows] = np.where(rising, high[open_rows], t)
        slope = 2.0 * tr_p * q3 - tr_pp * q2
        is_steep = slope > 0.0
        step = np.where(is_steep, q2 * (q2 - tr_p) / np.where(is_steep, slope, 1.0), np.inf)
        target = t + step
        below, above = low[open_rows], high[open_rows]
        inside = (target > below) & (target < above)
        middle = np.where(
            np.isfinite(above), 0.5 * (np.maximum(below, 0.0) + above), 2.0 * t + unit
        )
        settled = np.abs(step) <= 1e-8 * t + 1e-15 * unit
        # Falling at 0 means that 0 is the maximum; a step past 0 asks there next.
        at_bound = (t == 0.0) & ~rising
        target = np.where(settled | inside, target, middle)
        tau2[open_rows] = np.where(at_bound, 0.0, np.maximum(target, 0.0))
        done = settled | at_bound
        open_rows = open_rows[~done]
        if not open_rows.size:
            break
        if done.any():
            counts = counts[~done]
    return tau2
