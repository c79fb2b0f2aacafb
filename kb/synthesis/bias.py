"""Small-study effects: Egger's and Begg's tests, trim and fill, fail-safe N, funnel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from kb.synthesis.pooling import Fit, Test
from kb.synthesis.tau2 import Floats, Method

Predictor = Literal["sei", "vi", "ninv", "sqrtninv", "ni", "sqrtni"]
Side = Literal["left", "right"]


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
    """Kendall's `tau` between standardised effects and variances, two-sided `pval`."""

    tau: float
    pval: float
    is_exact: bool


@dataclass(frozen=True, slots=True)
class TrimAndFill:
    """`k0` studies missing on `side`; `fit` is of the k studies and the `filled_yi`, `filled_vi`."""

    estimator: Literal["L0", "R0", "Q0"]
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
    """Egger's test."""
    raise NotImplementedError


def begg(yi: ArrayLike, vi: ArrayLike) -> RankTest:
    """Begg and Mazumdar's rank correlation."""
    raise NotImplementedError


def trim_and_fill(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    estimator: Literal["L0", "R0", "Q0"] = "L0",
    side: Side | None = None,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> TrimAndFill:
    """Trim and fill."""
    raise NotImplementedError


def fail_safe_n(yi: ArrayLike, vi: ArrayLike, *, alpha: float = 0.05) -> int:
    """Rosenthal's number of null studies that would make the result non-significant."""
    raise NotImplementedError


def funnel(fit: Fit, *, level: float = 95.0, add_tau2: bool = False) -> Funnel:
    """Points and limits of a funnel plot."""
    raise NotImplementedError
