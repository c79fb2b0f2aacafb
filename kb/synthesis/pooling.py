"""Pooled effects, meta-regression and subgroups by inverse variances.

Names and conventions are those of the R package metafor 3.8 where the literature leaves a choice.

References
----------
Cochrane Handbook for Systematic Reviews of Interventions, v6, 10.10 (heterogeneity, prediction).
Higgins & Thompson (2002), Stat Med 21:1539-1558 (I², H²).
Knapp & Hartung (2003), Stat Med 22:2693-2710 (test "knha").
Jackson et al. (2017), Stat Med 36:3923-3934 (test "adhoc": the factor is never below 1).
Higgins, Thompson & Spiegelhalter (2009), J R Stat Soc A 172:137-159 (prediction with k - 2 df).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import erfc, sqrt
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc, ndtri, stdtr, stdtrit

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.tau2 import (
    METHODS,
    Floats,
    Method,
    Problem,
    checked,
    checked_design,
    profile,
    solve,
)

Test = Literal["z", "knha", "adhoc"]
TESTS: tuple[Test, ...] = ("z", "knha", "adhoc")
INTERCEPT = "intrcpt"


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
    `qm_df` and `r2` are None without moderators; `qm` is a chi-square with `qm_df` (m, None) for
    z, an F with (m, k - p) otherwise. `estimate`, `se`, ... are those of the only coefficient,
    an error where there are several.
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
    yi: Floats
    vi: Floats
    x: Floats | None  # the design, (k, p); None for an intercept alone
    vcov: Floats | None  # of the coefficients, (p, p); None for an intercept alone

    @property
    def only(self) -> Coefficient:
        if self.p != 1:
            raise InvalidInput(f"a model of {self.p} coefficients has no single effect")
        return self.coefficients[0]

    @property
    def estimate(self) -> float:
        return self.only.estimate

    @property
    def se(self) -> float:
        return self.only.se

    @property
    def statistic(self) -> float:
        return self.only.statistic

    @property
    def pval(self) -> float:
        return self.only.pval

    @property
    def ci_lb(self) -> float:
        return self.only.ci_lb

    @property
    def ci_ub(self) -> float:
        return self.only.ci_ub

    @property
    def weights(self) -> Floats:
        """Inverse variances 1 / (vi + tau²) in percent of their sum, k numbers."""
        w = 1.0 / (self.vi + self.tau2)
        weights: Floats = 100.0 * w / w.sum()
        return weights

    @property
    def fitted(self) -> Floats:
        """Expected effect of each study."""
        b = np.array([c.estimate for c in self.coefficients])
        return np.full(self.k, b[0]) if self.x is None else self.x @ b

    @property
    def residuals(self) -> Floats:
        return self.yi - self.fitted

    @property
    def hat(self) -> Floats:
        """Leverages: how much each estimate determines its own fitted value; they sum to p."""
        if self.x is None:
            return self.weights / 100.0
        root_w = np.sqrt(1.0 / (self.vi + self.tau2))
        q = np.linalg.qr(root_w[:, None] * self.x)[0]
        hat: Floats = (q * q).sum(axis=1)
        return hat


class Prediction(NamedTuple):
    """Expected effect with its confidence interval, and the interval of a new study's effect."""

    pred: float
    se: float
    ci_lb: float
    ci_ub: float
    pi_lb: float | None
    pi_ub: float | None


class HeterogeneityInterval(NamedTuple):
    """(estimate, lower, upper) of each, by Q-profile; I² in percent."""

    tau2: tuple[float, float, float]
    i2: tuple[float, float, float]
    h2: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Subgroups:
    """`groups` by name, each with its own tau²; `common` is the meta-regression with one tau².

    `between_q` compares the groups' effects with each other by their own standard errors.
    """

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
    """Pooled effect, or with moderators a meta-regression.

    Parameters
    ----------
    yi, vi : k estimates on one scale and their sampling variances, all positive.
    mods : name -> k numbers each; an intercept comes first on its own.
    method : estimator of tau², or "EE" for one effect common to all studies. A single study
        (k = 1, no moderators) has tau² = 0.
    test : "z"; "knha" for Knapp and Hartung's t; "adhoc" for the same, never narrower than z's se.
    level : of all intervals, in percent.

    Raises
    ------
    InvalidInput
        If a number is missing, a variance not positive, or moderators depend on one another.
    NotEstimable
        If there are too few studies, or "knha" is asked of results that agree exactly.
    """
    if method not in METHODS:
        raise InvalidInput(f"no estimator of tau²: {method!r} (known: {', '.join(METHODS)})")
    if test not in TESTS:
        raise InvalidInput(f"no test: {test!r} (known: {', '.join(TESTS)})")
    if not 0.0 < level < 100.0:
        raise InvalidInput(f"a level is a percentage between 0 and 100, got {level}")
    if mods:
        return _regress(yi, vi, mods, method, test, level)
    problem = Problem(yi, vi)
    k = problem.k
    tau2, se_tau2, at_zero, there = solve(problem, method)
    mean, variance = problem.origin + there.mean, 1.0 / there.w
    df = k - 1
    # A single study leaves no degrees of freedom for t.
    ddf = df if test != "z" and df else None
    if ddf:
        variance *= _factor(there.q / df, test)
    se = sqrt(variance)
    quantile = critical(level, ddf)
    statistic = mean / se
    half = quantile * se
    i2, h2 = _i2_h2(method, tau2, at_zero.q, df, at_zero.tr_p)
    pi_lb = pi_ub = None
    # Of one study it repeats the confidence interval, as in metafor: tau² is 0 there.
    if method != "EE":
        wide = quantile * sqrt(variance + tau2)
        pi_lb, pi_ub = mean - wide, mean + wide
    return Fit(
        method=method,
        test=test,
        level=level,
        k=k,
        p=1,
        ddf=ddf,
        coefficients=(
            Coefficient(
                INTERCEPT, mean, se, statistic, two_sided(statistic, ddf), mean - half, mean + half
            ),
        ),
        tau2=tau2,
        se_tau2=se_tau2,
        qe=at_zero.q,
        qe_p=float(chdtrc(df, at_zero.q)) if df else 1.0,
        i2=i2,
        h2=h2,
        pi_lb=pi_lb,
        pi_ub=pi_ub,
        qm=None,
        qm_p=None,
        qm_df=None,
        r2=None,
        yi=problem.y,
        vi=problem.v,
        x=None,
        vcov=None,
    )


def _regress(
    yi: ArrayLike,
    vi: ArrayLike,
    mods: Mapping[str, ArrayLike],
    method: Method,
    test: Test,
    level: float,
) -> Fit:
    y, v = checked(yi, vi)
    k = y.size
    names = [INTERCEPT, *mods]
    x = checked_design(_design(mods, k), k, names)
    problem = Problem(y, v, x)
    p, df = problem.p, problem.df
    tau2, se_tau2, at_zero, there = solve(problem, method)
    q = at_zero.q if df else 0.0
    b, vcov = problem.coefficients(tau2)
    ddf = None
    if test != "z":
        if not df:
            raise NotEstimable(f"{test} needs more studies than coefficients, got {k} and {p}")
        ddf = df
        vcov = vcov * _factor(there.q / df, test)
    quantile = critical(level, ddf)
    coefficients = []
    for name, value, variance in zip(names, b.tolist(), np.diag(vcov).tolist()):
        se = sqrt(variance)
        statistic = value / se
        half = quantile * se
        coefficients.append(
            Coefficient(
                name, value, se, statistic, two_sided(statistic, ddf), value - half, value + half
            )
        )
    m = p - 1
    qm = float(b[1:] @ np.linalg.solve(vcov[1:, 1:], b[1:]))
    if ddf:
        qm /= m
        qm_p = float(fdtrc(m, ddf, qm))
    else:
        qm_p = float(chdtrc(m, qm))
    i2, h2 = _i2_h2(method, tau2, q, df, at_zero.tr_p)
    return Fit(
        method=method,
        test=test,
        level=level,
        k=k,
        p=p,
        ddf=ddf,
        coefficients=tuple(coefficients),
        tau2=tau2,
        se_tau2=se_tau2,
        qe=q,
        qe_p=float(chdtrc(df, q)) if df else 1.0,
        i2=i2,
        h2=h2,
        pi_lb=None,
        pi_ub=None,
        qm=qm,
        qm_p=qm_p,
        qm_df=(m, ddf),
        r2=_r2(y, v, method, tau2, q, df),
        yi=y,
        vi=v,
        x=x,
        vcov=vcov,
    )


def _design(mods: Mapping[str, ArrayLike], k: int) -> Floats:
    columns = [np.ones(k)]
    for name, values in mods.items():
        try:
            column = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"moderator {name!r} must be numbers: {error}") from error
        if column.shape != (k,):
            raise InvalidInput(
                f"moderator {name!r} must have one number for each of {k} studies,"
                f" got shape {column.shape}"
            )
        columns.append(column)
    return np.column_stack(columns)


def _factor(mean_square: float, test: Test) -> float:
    """What the variances of coefficients are multiplied with, from y'Py / (k - p)."""
    if test == "adhoc":
        return max(1.0, mean_square)
    if mean_square <= 0.0:
        raise NotEstimable(
            "the results agree exactly, so Knapp and Hartung's standard error is 0; use z or adhoc"
        )
    return mean_square


def _i2_h2(method: Method, tau2: float, q: float, df: int, tr_p: float) -> tuple[float, float]:
    if not df:
        return 0.0, 1.0
    if method == "EE":
        return (100.0 * max(0.0, (q - df) / q) if q > 0.0 else 0.0), q / df
    typical = df / tr_p  # Higgins and Thompson's typical sampling variance
    return 100.0 * tau2 / (typical + tau2), tau2 / typical + 1.0


def _r2(y: Floats, v: Floats, method: Method, tau2: float, q: float, df: int) -> float | None:
    """Percent of the heterogeneity without moderators that they account for."""
    without = Problem(y, v)
    if method == "EE":
        # No tau² to compare: the adjusted R² of the weighted regression.
        total = without.at(0.0).q / without.df
        return 100.0 * max(0.0, 1.0 - q / df / total) if df and total > 0.0 else None
    total = solve(without, method).value
    return 100.0 * max(0.0, (total - tau2) / total) if total > 0.0 else 0.0


@lru_cache(maxsize=256)
def critical(level: float, ddf: int | None) -> float:
    """Two-sided quantile of the normal, or of t with `ddf`, for a level in percent."""
    upper = 0.5 + level / 200.0
    return float(ndtri(upper) if ddf is None else stdtrit(ddf, upper))


def two_sided(statistic: float, ddf: int | None) -> float:
    """p value of a z, or of a t with `ddf`."""
    if ddf is None:
        return erfc(abs(statistic) * _ROOT_HALF)
    return 2.0 * float(stdtr(ddf, -abs(statistic)))


_ROOT_HALF = sqrt(0.5)


def predict(
    fit: Fit,
    rows: ArrayLike | None = None,
    *,
    pi: Literal["test", "hts"] = "test",
) -> list[Prediction]:
    """Expected effects at rows of moderator values, without the intercept; None for the mean.

    The prediction interval adds tau² to the variance of the expectation. `pi="test"` takes the
    quantile of the fit's test; "hts" takes t with k - p - 1 degrees of freedom, for a mean the
    k - 2 of Higgins, Thompson and Spiegelhalter and the Cochrane Handbook, and gives none where
    that is below 1. There is none for "EE".
    """
    m = fit.p - 1
    if rows is None:
        if m:
            raise InvalidInput(f"say at which values of {m} moderators to predict")
        at = np.ones((1, 1))
    else:
        given = np.atleast_2d(np.asarray(rows, dtype=np.float64))
        if given.shape[1] != m or not np.isfinite(given).all():
            raise InvalidInput(f"each row must have {m} moderator values, got {given.tolist()}")
        at = np.column_stack([np.ones(len(given)), given])
    b = np.array([c.estimate for c in fit.coefficients])
    vcov = np.array([[fit.only.se**2]]) if fit.vcov is None else fit.vcov
    quantile = critical(fit.level, fit.ddf)
    df = fit.k - fit.p - 1
    wider = quantile if pi == "test" else (critical(fit.level, df) if df > 0 else None)
    predictions = []
    for pred, variance in zip((at @ b).tolist(), ((at @ vcov) * at).sum(axis=1).tolist()):
        se = sqrt(variance)
        low = high = None
        if fit.method != "EE" and wider is not None:
            half = wider * sqrt(variance + fit.tau2)
            low, high = pred - half, pred + half
        predictions.append(
            Prediction(pred, se, pred - quantile * se, pred + quantile * se, low, high)
        )
    return predictions


def heterogeneity_interval(fit: Fit, *, level: float | None = None) -> HeterogeneityInterval:
    """Q-profile intervals of tau² and of the I² and H² that follow from it."""
    problem = Problem(fit.yi, fit.vi, fit.x)
    low, high = profile(problem, fit.level if level is None else level)
    tr_p = problem.at(0.0).tr_p
    values = (fit.tau2, low, high)
    pairs = [_i2_h2("DL", value, 0.0, problem.df, tr_p) for value in values]
    return HeterogeneityInterval(
        values,
        (pairs[0][0], pairs[1][0], pairs[2][0]),
        (pairs[0][1], pairs[1][1], pairs[2][1]),
    )


def indicators(groups: Sequence[str]) -> dict[str, Floats]:
    """Moderators that tell each group but the first from the first, in alphabetical order."""
    names = sorted(set(groups), key=lambda name: (name.casefold(), name))
    if len(names) < 2:
        raise NotEstimable(f"a comparison needs at least 2 groups, got {names}")
    return {
        name: np.array([1.0 if group == name else 0.0 for group in groups]) for name in names[1:]
    }


def subgroups(
    yi: ArrayLike,
    vi: ArrayLike,
    groups: Sequence[str],
    *,
    method: Method = "REML",
    test: Test = "z",
    level: float = 95.0,
) -> Subgroups:
    """Each group pooled alone, the test between them, and the same with one tau² for all.

    `groups` names the group of each of the k studies. A group of one study has tau² = 0. Needs
    two groups; `common` also needs more studies than groups, except for "EE".
    """
    y, v = checked(yi, vi)
    if len(groups) != y.size:
        raise InvalidInput(f"{len(groups)} group names for {y.size} studies")
    mods = indicators(groups)
    first = next(name for name in groups if name not in mods)
    fits: dict[str, Fit] = {}
    for name in [first, *mods]:
        inside = np.array([group == name for group in groups])
        fits[name] = pool(y[inside], v[inside], method=method, test=test, level=level)
    means = np.array([fit.estimate for fit in fits.values()])
    between = Problem(means, np.array([fit.se**2 for fit in fits.values()])).at(0.0).q
    df = len(fits) - 1
    return Subgroups(
        groups=fits,
        between_q=between,
        between_df=df,
        between_p=float(chdtrc(df, between)),
        common=pool(y, v, mods=mods, method=method, test=test, level=level),
    )


def metafor_names(fit: Fit) -> dict[str, Any]:
    """The fit under metafor's names (estimate, ci.lb, QE, I2, pi.lb, ...), ready for JSON.

    With moderators `coef` maps names to estimates and se, statistic, ... are lists in that order.
    """
    found: dict[str, Any] = {}
    columns = ("se", "statistic", "pval", "ci_lb", "ci_ub")
    if fit.p == 1:
        found["estimate"] = fit.estimate
        found |= {c.replace("_", "."): getattr(fit.only, c) for c in columns}
    else:
        found["coef"] = {c.name: c.estimate for c in fit.coefficients}
        found |= {c.replace("_", "."): [getattr(b, c) for b in fit.coefficients] for c in columns}
    found |= {
        "k": fit.k,
        "p": fit.p,
        "tau2": fit.tau2,
        "se.tau2": fit.se_tau2,
        "QE": fit.qe,
        "QEp": fit.qe_p,
        "I2": fit.i2,
        "H2": fit.h2,
    }
    if fit.ddf is not None:
        found["ddf"] = fit.ddf
    if fit.qm_df is not None:
        found |= {"QM": fit.qm, "QMp": fit.qm_p, "QMdf": list(fit.qm_df), "R2": fit.r2}
    if fit.pi_lb is not None:
        found |= {"pi.lb": fit.pi_lb, "pi.ub": fit.pi_ub}
    return found
