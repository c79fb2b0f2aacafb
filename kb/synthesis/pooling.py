"""Pooled effects, meta-regression and subgroups by inverse variances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from numpy.typing import ArrayLike

from kb.synthesis.tau2 import Floats, Method

Test = Literal["z", "knha", "adhoc"]
TESTS: tuple[Test, ...] = ("z", "knha", "adhoc")


class Coefficient(NamedTuple):
    """One row of a model: the pooled effect ("intrcpt") or the slope of a moderator."""

    name: str
    estimate: float
    se: float
    statistic: float
    pval: float
    ci_lb: float
    ci_ub: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model of k estimates with p coefficients; everything on the scale of `yi`.

    `level`, `i2`, `r2` and `weights` are percentages (0 to 100). `ddf` is None for z. `se_tau2` is
    None for "EE". `pi_lb` and `pi_ub` are the prediction interval with the quantile of the test
    (z, or t with `ddf`), None for "EE" and with moderators; `predict` gives those. `qm`, `qm_p`,
    `qm_df` and `r2` are None without moderators; `qm_df` is (m, None) for z and (m, k - p) for t.
    `estimate`, `se`, ... are those of the only coefficient, an error where there are several.
    """

    method: Method
    test: Test
    level: float
    k: int
    p: int
    ddf: int | None
    coefficients: tuple[Coefficient, ...]
    tau2: float
    se_tau2: float | None
    qe: float
    qe_p: float
    i2: float
    h2: float
    pi_lb: float | None
    pi_ub: float | None
    qm: float | None
    qm_p: float | None
    qm_df: tuple[int, int | None] | None
    r2: float | None
    vcov: Floats
    yi: Floats
    vi: Floats
    x: Floats

    # properties: estimate, se, statistic, pval, ci_lb, ci_ub (of the only coefficient);
    # weights (percent, sum 100), hat, fitted, residuals (arrays of k)


class Prediction(NamedTuple):
    """Expected effect with its confidence interval, and the interval of a new study's effect."""

    pred: float
    se: float
    ci_lb: float
    ci_ub: float
    pi_lb: float | None
    pi_ub: float | None


class HeterogeneityInterval(NamedTuple):
    """(estimate, lower, upper) of each, by Q-profile."""

    tau2: tuple[float, float, float]
    i2: tuple[float, float, float]
    h2: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Subgroups:
    """`groups` by name, each with its own tau²; `common` is the meta-regression with one tau²."""

    groups: Mapping[str, Fit]
    between_q: float
    between_df: int
    between_p: float
    common: Fit


def pool(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    mods: Mapping[str, ArrayLike] | None = None,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> Fit:
    """Pooled effect, or with moderators (name -> k numbers) a meta-regression with intercept."""
    raise NotImplementedError


def predict(
    fit: Fit,
    rows: ArrayLike | None = None,
    *,
    pi: Literal["test", "hts"] = "test",
) -> list[Prediction]:
    """Predictions at rows of moderators (without intercept); `pi="hts"` takes t with k - 2 df."""
    raise NotImplementedError


def heterogeneity_interval(fit: Fit, *, level: float | None = None) -> HeterogeneityInterval:
    """Q-profile intervals of tau², I² and H²."""
    raise NotImplementedError


def subgroups(
    yi: ArrayLike,
    vi: ArrayLike,
    groups: Sequence[str],
    *,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> Subgroups:
    """Each group pooled alone, the test between them, and the same with one tau² for all."""
    raise NotImplementedError


def metafor_names(fit: Fit) -> dict[str, Any]:
    """The fit under metafor's names (estimate, ci.lb, QE, I2, pi.lb, ...), ready for JSON."""
    raise NotImplementedError
