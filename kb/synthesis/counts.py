"""Common effects straight from counts: Mantel-Haenszel and Peto.

Zero cells enter as they are. Only `qe`, which compares the studies' own estimates with the common
one, adds 1/2 to every cell of a study that has a zero cell, and leaves out studies where nobody or
everybody had the event, as metafor's rma.mh does.

References
----------
Mantel & Haenszel (1959), J Natl Cancer Inst 22:719-748.
Robins, Breslow & Greenland (1986), Biometrics 42:311-323 (variance of the log odds ratio).
Greenland & Robins (1985), Biometrics 41:55-68 (risk and rate ratios, rate difference).
Sato (1989), Biometrics 45:1323-1324 (variance of the risk difference).
Breslow & Day (1980), Statistical Methods in Cancer Research I, IARC.
Tarone (1985), Biometrika 72:91-95.
Yusuf et al. (1985), Prog Cardiovasc Dis 27:335-371 (Peto's method).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.pooling import critical, two_sided
from kb.synthesis.tau2 import Floats


class ChiSquare(NamedTuple):
    statistic: float
    df: int
    pval: float


@dataclass(frozen=True, slots=True)
class CommonEffect:
    """A common effect of k studies; ratios on the log scale, `i2` and `weights` in percent.

    `qe` has one degree of freedom less than there are studies with an estimate of their own. The
    four chi-squares exist for the Mantel-Haenszel odds ratio: `cmh` (hypergeometric variance) and
    `cochran` (binomial variance) of no effect, both with a continuity correction; `breslow_day`
    and `tarone` of one effect in all studies; `cmh` also for rate ratios. They are None
    elsewhere and where no study carries them.
    """

    method: Literal["MH", "PETO"]
    measure: str
    level: float
    k: int
    estimate: float
    se: float
    statistic: float
    pval: float
    ci_lb: float
    ci_ub: float
    qe: float
    qe_df: int
    qe_p: float
    i2: float
    h2: float
    weights: tuple[float, ...]
    cmh: ChiSquare | None = None
    cochran: ChiSquare | None = None
    breslow_day: ChiSquare | None = None
    tarone: ChiSquare | None = None


def mantel_haenszel(
    ai: ArrayLike,
    n1i: ArrayLike,
    ci: ArrayLike,
    n2i: ArrayLike,
    *,
    measure: Literal["OR", "RR", "RD"] = "OR",
    level: float = 95.0,
) -> CommonEffect:
    """Events `ai` of `n1i` persons against `ci` of `n2i`: log odds ratio, log risk ratio or RD.

    Raises
    ------
    InvalidInput
        If a count is missing or negative, or events exceed persons.
    NotEstimable
        If an odds or risk ratio would be 0 or infinite over all studies together.
    """
    a, n1, c, n2 = tables(ai, n1i, ci, n2i)
    b, d, n = n1 - a, n2 - c, n1 + n2
    more: dict[str, ChiSquare | None] = {}
    if measure == "OR":
        r, s = a * d / n, b * c / n
        estimate = _log_ratio(r, s, "odds ratio")
        p, q = (a + d) / n, (b + c) / n
        sum_r, sum_s = float(r.sum()), float(s.sum())
        variance = (
            float(p @ r) / (2 * sum_r**2)
            + float(p @ s + q @ r) / (2 * sum_r * sum_s)
            + float(q @ s) / (2 * sum_s**2)
        )
        weights = s
        more = _chi_squares(a, n1, c, n2, estimate)
    elif measure == "RR":
        r, s = a * n2 / n, c * n1 / n
        estimate = _log_ratio(r, s, "risk ratio")
        together = n1 * n2 * (a + c) / n**2 - a * c / n
        variance = float(together.sum()) / (float(r.sum()) * float(s.sum()))
        weights = s
    elif measure == "RD":
        weights = n1 * n2 / n
        total = float(weights.sum())
        estimate = float((a * n2 - c * n1) @ (1 / n)) / total
        p = (n1**2 * c - n2**2 * a + n1 * n2 * (n2 - n1) / 2) / n**2
        q = (a * d + c * b) / (2 * n)
        variance = (estimate * float(p.sum()) + float(q.sum())) / total**2
    else:
        raise InvalidInput(f"Mantel and Haenszel's method has no {measure!r} (known: OR, RR, RD)")
    own = ~(((a == 0) & (c == 0)) | ((b == 0) & (d == 0)))
    add = np.where((a == 0) | (b == 0) | (c == 0) | (d == 0), 0.5, 0.0)
    a, b, c, d = ((cell + add)[own] for cell in (a, b, c, d))
    n1, n2 = a + b, c + d
    if measure == "OR":
        yi, vi = np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    elif measure == "RR":
        yi, vi = np.log(a * n2 / (c * n1)), 1 / a - 1 / n1 + 1 / c - 1 / n2
    else:
        yi, vi = a / n1 - c / n2, a * b / n1**3 + c * d / n2**3
    return _common("MH", measure, level, estimate, variance, weights, yi, 1 / vi, more)


def mantel_haenszel_rates(
    x1i: ArrayLike,
    t1i: ArrayLike,
    x2i: ArrayLike,
    t2i: ArrayLike,
    *,
    measure: Literal["IRR", "IRD"] = "IRR",
    level: float = 95.0,
) -> CommonEffect:
    """Events `x1i` in person-time `t1i` against `x2i` in `t2i`: log rate ratio or difference.

    Raises
    ------
    InvalidInput
        If a count is missing or negative, or person-time not positive.
    NotEstimable
        If a rate ratio would be 0 or infinite over all studies together.
    """
    x1, t1, x2, t2 = rates(x1i, t1i, x2i, t2i)
    t = t1 + t2
    more: dict[str, ChiSquare | None] = {}
    if measure == "IRR":
        r, s = x1 * t2 / t, x2 * t1 / t
        estimate = _log_ratio(r, s, "rate ratio")
        at_random = float((t1 * t2 * (x1 + x2) / t**2).sum())
        variance = at_random / (float(r.sum()) * float(s.sum()))
        weights = s
        off = abs(float((x1 - (x1 + x2) * t1 / t).sum())) - 0.5
        more = {"cmh": _chi_square(off * off / at_random, 1)}
    elif measure == "IRD":
        weights = t1 * t2 / t
        total = float(weights.sum())
        estimate = float((x1 * t2 - x2 * t1) @ (1 / t)) / total
        variance = float((weights**2 * (x1 / t1**2 + x2 / t2**2)).sum()) / total**2
        if variance <= 0.0:
            raise NotEstimable("a rate difference needs an event in at least one study, got none")
    else:
        raise InvalidInput(f"Mantel and Haenszel's method has no {measure!r} (known: IRR, IRD)")
    own = (x1 > 0) | (x2 > 0)
    add = np.where((x1 == 0) | (x2 == 0), 0.5, 0.0)
    x1, x2, t1, t2 = (x1 + add)[own], (x2 + add)[own], t1[own], t2[own]
    if measure == "IRR":
        yi, vi = np.log(x1 * t2 / (x2 * t1)), 1 / x1 + 1 / x2
    else:
        yi, vi = x1 / t1 - x2 / t2, x1 / t1**2 + x2 / t2**2
    return _common("MH", measure, level, estimate, variance, weights, yi, 1 / vi, more)


def peto(
    ai: ArrayLike, n1i: ArrayLike, ci: ArrayLike, n2i: ArrayLike, *, level: float = 95.0
) -> CommonEffect:
    """Peto's one-step log odds ratio, for rare events, balanced arms and small effects.

    Raises
    ------
    InvalidInput
        If a count is missing or negative, or events exceed persons.
    NotEstimable
        If in no study some but not all persons had the event.
    """
    a, n1, c, n2 = tables(ai, n1i, ci, n2i)
    expected, variance = _hypergeometric(a, n1, c, n2)
    total = float(variance.sum())
    if total <= 0.0:
        raise NotEstimable("Peto's method needs a study where some but not all had the event")
    own = variance > 0
    excess = (a - expected)[own]
    return _common(
        "PETO",
        "OR",
        level,
        float(excess.sum()) / total,
        1.0 / total,
        variance,
        excess / variance[own],
        variance[own],
        {},
    )


def _common(
    method: Literal["MH", "PETO"],
    measure: str,
    level: float,
    estimate: float,
    variance: float,
    weights: Floats,
    yi: Floats,
    wi: Floats,
    more: dict[str, ChiSquare | None],
) -> CommonEffect:
    """`yi` and their inverse variances `wi` are of the studies with estimates of their own."""
    if not 0.0 < level < 100.0:
        raise InvalidInput(f"a level is a percentage between 0 and 100, got {level}")
    if variance <= 0.0:
        raise NotEstimable(f"the {measure} has no standard error: the studies show no variation")
    se = sqrt(variance)
    statistic = estimate / se
    half = critical(level, None) * se
    df = max(yi.size - 1, 0)
    q = float(wi @ (yi - estimate) ** 2) if df else 0.0
    total = float(weights.sum())
    return CommonEffect(
        method=method,
        measure=measure,
        level=level,
        k=weights.size,
        estimate=estimate,
        se=se,
        statistic=statistic,
        pval=two_sided(statistic, None),
        ci_lb=estimate - half,
        ci_ub=estimate + half,
        qe=q,
        qe_df=df,
        qe_p=float(chdtrc(df, q)) if df else 1.0,
        i2=100.0 * max(0.0, (q - df) / q) if q > 0.0 else 0.0,
        h2=q / df if df else 1.0,
        weights=tuple((100.0 * weights / total).tolist()),
        **more,
    )


def _log_ratio(r: Floats, s: Floats, name: str) -> float:
    above, below = float(r.sum()), float(s.sum())
    if above <= 0.0 or below <= 0.0:
        raise NotEstimable(
            f"the {name} of all studies together is"
            f" {'undefined' if above == below else '0' if above <= 0.0 else 'infinite'}:"
            " no events on one side; try the risk difference"
        )
    return log(above / below)


def _hypergeometric(a: Floats, n1: Floats, c: Floats, n2: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of `a` given all margins, were there no effect."""
    n, m = n1 + n2, a + c
    return m * n1 / n, n1 * n2 * m * (n - m) / (n**2 * np.maximum(n - 1, 1))


def _chi_squares(
    a: Floats, n1: Floats, c: Floats, n2: Floats, log_odds_ratio: float
) -> dict[str, ChiSquare | None]:
    n, m = n1 + n2, a + c
    expected, variance = _hypergeometric(a, n1, c, n2)
    off = abs(float((a - expected).sum())) - 0.5
    binomial = float((n1 * n2 * m * (n - m) / n**3).sum())
    found: dict[str, ChiSquare | None] = {
        "cmh": _chi_square(off * off / float(variance.sum()), 1),
        "cochran": _chi_square(off * off / binomial, 1),
    }
    # Studies where nobody or everybody had the event fit every odds ratio.
    open_margins = (m > 0) & (m < n)
    a, n1, n2, m = (values[open_margins] for values in (a, n1, n2, m))
    df = a.size - 1
    if df > 0:
        fitted = expected_events(n1, n2, m, log_odds_ratio)
        varies = 1 / (1 / fitted + 1 / (n1 - fitted) + 1 / (m - fitted) + 1 / (n2 - m + fitted))
        off_each = a - fitted
        day = float((off_each**2 / varies).sum())
        tarone = day - float(off_each.sum()) ** 2 / float(varies.sum())
        found["breslow_day"] = _chi_square(day, df)
        found["tarone"] = _chi_square(tarone, df)
    return found


def expected_events(n1: Floats, n2: Floats, m: Floats, log_odds_ratio: float) -> Floats:
    """Events in the first group that have this odds ratio to the other m - x of n2."""
    ratio = float(np.exp(log_odds_ratio))
    # x (n2 - m + x) = ratio (n1 - x)(m - x), of whose roots one lies within the margins.
    square = 1.0 - ratio
    linear = n2 - m + ratio * (n1 + m)
    constant = -ratio * n1 * m
    root = np.sqrt(linear**2 - 4.0 * square * constant)
    # Of the two forms of a root, that which adds numbers of one sign; `linear` is negative only
    # for ratios below 1.
    fitted: Floats = np.where(
        linear > 0.0,
        -2.0 * constant / np.where(linear > 0.0, linear + root, 1.0),
        (root - linear) / (2.0 * square if square else 1.0),
    )
    return fitted


def _chi_square(statistic: float, df: int) -> ChiSquare:
    return ChiSquare(statistic, df, float(chdtrc(df, statistic)))


def tables(
    ai: ArrayLike, n1i: ArrayLike, ci: ArrayLike, n2i: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    """k two by two tables as arrays; InvalidInput unless 0 <= events <= persons > 0 in all."""
    a, n1, c, n2 = columns(ai=ai, n1i=n1i, ci=ci, n2i=n2i)
    for events, persons, names in ((a, n1, "ai, n1i"), (c, n2, "ci, n2i")):
        wrong = np.flatnonzero((events < 0) | (events > persons) | (persons <= 0))
        if wrong.size:
            row = int(wrong[0])
            raise InvalidInput(
                f"study {row + 1} has {events[row]:g} events of {persons[row]:g} persons"
                f" ({names}): events lie between 0 and the persons"
            )
    return a, n1, c, n2


def rates(
    x1i: ArrayLike, t1i: ArrayLike, x2i: ArrayLike, t2i: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    """k pairs of rates as arrays; InvalidInput unless events >= 0 and person-time > 0 in all."""
    x1, t1, x2, t2 = columns(x1i=x1i, t1i=t1i, x2i=x2i, t2i=t2i)
    for events, time, names in ((x1, t1, "x1i, t1i"), (x2, t2, "x2i, t2i")):
        wrong = np.flatnonzero((events < 0) | (time <= 0))
        if wrong.size:
            row = int(wrong[0])
            raise InvalidInput(
                f"study {row + 1} has {events[row]:g} events in {time[row]:g} person-time"
                f" ({names}): events are not negative, person-time is positive"
            )
    return x1, t1, x2, t2


def columns(**given: ArrayLike) -> list[Floats]:
    """Each as an array of k finite numbers; InvalidInput, by its name, for one that is not."""
    found: list[Floats] = []
    for name, values in given.items():
        try:
            column = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{name} must be numbers: {error}") from error
        if column.ndim != 1 or (found and column.size != found[0].size):
            raise InvalidInput(f"{name} must be a list of one number per study")
        if not column.size:
            raise NotEstimable("no studies to pool")
        if not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0]) + 1
            raise InvalidInput(f"{name} of study {row} is missing: leave out studies without it")
        found.append(column)
    return found
