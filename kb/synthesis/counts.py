"""Common effects straight from counts: Mantel-Haenszel and Peto, no study weighted by a variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from numpy.typing import ArrayLike


class ChiSquare(NamedTuple):
    statistic: float
    df: int
    pval: float


@dataclass(frozen=True, slots=True)
class CommonEffect:
    """A common effect of k studies; ratios on the log scale, `i2` in percent.

    `qe` compares the studies that carry an estimate with it. The four chi-squares exist for the
    Mantel-Haenszel odds ratio (`cmh` with continuity correction and `cochran` without, of no
    effect; `breslow_day` and `tarone` of one effect in all); `cmh` also for rates.
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
    """Events `ai` of `n1i` against `ci` of `n2i`."""
    raise NotImplementedError


def mantel_haenszel_rates(
    x1i: ArrayLike,
    t1i: ArrayLike,
    x2i: ArrayLike,
    t2i: ArrayLike,
    *,
    measure: Literal["IRR", "IRD"] = "IRR",
    level: float = 95.0,
) -> CommonEffect:
    """Events `x1i` in person-time `t1i` against `x2i` in `t2i`."""
    raise NotImplementedError


def peto(
    ai: ArrayLike, n1i: ArrayLike, ci: ArrayLike, n2i: ArrayLike, *, level: float = 95.0
) -> CommonEffect:
    """Peto's one-step log odds ratio."""
    raise NotImplementedError
