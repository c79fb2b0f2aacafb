"""Random-effects models of the counts themselves: no correction of zeros, no study variances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

TwoGroupModel = Literal["UM.FS", "UM.RS", "CM.EL", "CM.AL"]


@dataclass(frozen=True, slots=True)
class GlmmFit:
    """Mean effect by maximum likelihood, on the logit or log scale; `i2` in percent.

    `model` is None for one group. `ddf` is k - 1 with test "t", None for z. `sigma2` is the
    variance of the study effects in "UM.RS", None elsewhere. The prediction interval is None
    for method "EE". `qe_wald` and `qe_lrt` test whether the studies share one effect.
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


def glmm_proportions(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    method: Literal["ML", "EE"] = "ML",
    test: Literal["z", "t"] = "z",
    level: float = 95.0,
    points: int = 7,
) -> GlmmFit:
    """Mean logit of proportions ("PLO"): binomial counts, normal logits."""
    raise NotImplementedError


def glmm_rates(
    xi: ArrayLike,
    ti: ArrayLike,
    *,
    method: Literal["ML", "EE"] = "ML",
    test: Literal["z", "t"] = "z",
    level: float = 95.0,
    points: int = 7,
) -> GlmmFit:
    """Mean log incidence rate ("IRLN"): Poisson counts, normal log rates."""
    raise NotImplementedError


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
    """Mean log odds ratio."""
    raise NotImplementedError


def glmm_rate_ratios(
    x1i: ArrayLike,
    t1i: ArrayLike,
    x2i: ArrayLike,
    t2i: ArrayLike,
    *,
    model: Literal["UM.FS", "UM.RS", "CM.EL"] = "UM.FS",
    method: Literal["ML", "EE"] = "ML",
    test: Literal["z", "t"] = "z",
    level: float = 95.0,
    points: int = 7,
) -> GlmmFit:
    """Mean log incidence rate ratio."""
    raise NotImplementedError
