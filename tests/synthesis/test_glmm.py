"""Models of counts against lme4 at tight settings, against integrals done otherwise, and laws."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import gammaln, logsumexp
from scipy.stats import binom, norm

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.glmm import (
    GlmmFit,
    TwoGroupModel,
    glmm_odds_ratios,
    glmm_proportions,
    glmm_rate_ratios,
    glmm_rates,
)
from tests.synthesis.r import in_r

# Trials with zeros, small and large arms.
EVENTS = ([0, 5, 2, 3, 10, 0, 4, 9], [10, 20, 15, 30, 40, 12, 40, 60])
OTHERS = ([1, 9, 2, 4, 12, 3, 15, 30], [12, 22, 14, 28, 41, 12, 50, 61])

# PIRLS at lme4's default tolerance leaves the modes, and so the curvature of the likelihood, off
# by up to a per cent with Laplace's approximation; optimisers stop early too.
LME4 = """
tight <- glmerControl(
  optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6), tolPwrss = 1e-11,
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore"
)
x <- given$x; n <- given$n; y <- given$y; m <- given$m
k <- length(x)
study <- factor(rep(1:k, 2)); group <- rep(c(0.5, -0.5), each = k)
both <- c(x, y); of <- c(n, m); one <- factor(1:k)
said <- function(fit, which) list(
  estimate = fixef(fit)[[which]], se = sqrt(diag(as.matrix(vcov(fit))))[[which]],
  variances = as.numeric(unlist(VarCorr(fit)))
)
answer <- suppressWarnings(list(
  PLO = said(glmer(cbind(x, n - x) ~ 1 + (1 | one), family = binomial, nAGQ = 7, control = tight), 1),
  PLO1 = said(glmer(cbind(x, n - x) ~ 1 + (1 | one), family = binomial, control = tight), 1),
  IRLN = said(glmer(x ~ 1 + offset(log(n)) + (1 | one), family = poisson, nAGQ = 7,
    control = tight), 1),
  UM.FS = said(glmer(cbind(both, of - both) ~ -1 + study + group + (group - 1 | study),
    family = binomial, nAGQ = 7, control = tight), "group"),
  UM.RS = said(glmer(cbind(both, of - both) ~ group + (1 | study) + (group - 1 | study),
    family = binomial, control = tight), "group"),
  CM.AL = said(glmer(cbind(x, y) ~ 1 + offset(log(n / m)) + (1 | one), family = binomial, nAGQ = 7,
    control = tight), 1),
  IRR.RS = said(glmer(both ~ group + offset(log(of)) + (1 | study) + (group - 1 | study),
    family = poisson, control = tight), "group"),
  IRR.FS = said(glmer(both ~ -1 + study + group + offset(log(of)) + (group - 1 | study),
    family = poisson, nAGQ = 7, control = tight), "group")
))
"""  # noqa: E501


def test_estimates_are_those_of_lme4_at_tight_settings() -> None:
    x, n = EVENTS
    y, m = OTHERS
    theirs = in_r(LME4, "lme4", x=x, n=n, y=y, m=m)
    ours: dict[str, GlmmFit] = {
        "PLO": glmm_proportions(x, n),
        "PLO1": glmm_proportions(x, n, points=1),
        "IRLN": glmm_rates(x, n),
        "UM.FS": glmm_odds_ratios(x, n, y, m),
        "UM.RS": glmm_odds_ratios(x, n, y, m, model="UM.RS"),
        "CM.AL": glmm_odds_ratios(x, n, y, m, model="CM.AL"),
        "IRR.RS": glmm_rate_ratios(x, n, y, m, model="UM.RS"),
        "IRR.FS": glmm_rate_ratios(x, n, y, m),
    }
    assert set(ours) == set(theirs)
    for name, fit in ours.items():
        expected = theirs[name]
        assert fit.estimate == pytest.approx(expected["estimate"], rel=1e-5), name
        assert fit.se == pytest.approx(expected["se"], rel=3e-4), name
        variances = expected["variances"]
        if isinstance(variances, list):
            # Of the study's level and of its contrast, in the order of the formula.
            assert fit.sigma2 == pytest.approx(variances[0], rel=1e-4, abs=1e-8), name
            variances = variances[1]
        assert fit.tau2 == pytest.approx(variances, rel=1e-4, abs=1e-8), name


def test_the_exact_conditional_model_maximises_the_integrated_likelihood() -> None:
    a, n1, c, n2 = (np.array(column) for column in (*EVENTS, *OTHERS))

    # Sums over a fine grid: of a smooth integrand that vanishes at both ends they are exact.
    u = np.linspace(-8, 8, 1601)

    def minus_log_likelihood(parameters: Any) -> float:
        effect, tau = parameters
        total = 0.0
        for x, size, y, other in zip(a, n1, c, n2):
            support = np.arange(max(0, x + y - other), min(size, x + y) + 1)
            ways = -sum(
                gammaln(part + 1)
                for part in (support, size - support, x + y - support, other - x - y + support)
            )
            logs = ways + np.multiply.outer(effect + tau * u, support)
            terms = logs[:, x - support[0]] - logsumexp(logs, axis=1)
            total -= float(np.log((np.exp(terms) * norm.pdf(u)).sum() * (u[1] - u[0])))
        return total

    fit = glmm_odds_ratios(a, n1, c, n2, model="CM.EL")
    found = minimize(
        minus_log_likelihood, [fit.estimate + 0.1, fit.tau2**0.5 + 0.1], method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-10},
    )  # fmt: skip
    assert fit.estimate == pytest.approx(found.x[0], abs=1e-5)
    assert fit.tau2 == pytest.approx(found.x[1] ** 2, abs=1e-5)


def test_more_quadrature_points_approach_the_integral() -> None:
    x, n = (np.array(column) for column in EVENTS)
    fit = glmm_proportions(x, n, points=31)

    def term(u: float, events: int, of: int) -> float:
        p = 1 / (1 + np.exp(-(fit.estimate + fit.tau2**0.5 * u)))
        return float(binom.pmf(events, of, p) * norm.pdf(u))

    exact = sum(np.log(quad(term, -9, 9, args=(e, of), epsabs=1e-13)[0]) for e, of in zip(x, n))
    assert fit.log_likelihood == pytest.approx(float(exact), abs=1e-8)


MODELS: tuple[TwoGroupModel, ...] = ("UM.FS", "UM.RS", "CM.EL", "CM.AL")


@pytest.mark.parametrize("model", MODELS)
def test_swapping_the_groups_changes_the_sign(model: TwoGroupModel) -> None:
    one = glmm_odds_ratios(*EVENTS, *OTHERS, model=model)
    other = glmm_odds_ratios(*OTHERS, *EVENTS, model=model)
    assert other.estimate == pytest.approx(-one.estimate, abs=1e-6)
    assert (other.se, other.tau2) == pytest.approx((one.se, one.tau2), rel=1e-4)


def test_equal_studies_have_no_heterogeneity_and_the_pooled_proportion() -> None:
    methods: tuple[Literal["ML", "EE"], ...] = ("ML", "EE")
    for method in methods:
        fit = glmm_proportions([3, 3, 6], [10, 10, 20], method=method)
        assert fit.tau2 == 0.0
        assert fit.estimate == pytest.approx(np.log(0.3 / 0.7), abs=1e-7)
        assert fit.se == pytest.approx((40 * 0.3 * 0.7) ** -0.5, rel=1e-6)
        assert fit.qe_lrt == pytest.approx(0, abs=1e-6)


def test_the_seed_studys_kind_of_data_can_be_fitted() -> None:
    # One study of nothing but zeros beside others; and a single study.
    fit = glmm_proportions([0, 3, 1], [6, 5, 6])
    assert 0 < 1 / (1 + np.exp(-fit.estimate)) < 0.6
    alone = glmm_proportions([3], [5], test="t")
    assert alone.estimate == pytest.approx(np.log(3 / 2), abs=1e-7)
    assert alone.ddf is alone.pi_lb is None
    assert (alone.tau2, alone.qe_df, alone.qe_lrt_p) == (0, 0, 1)


def test_studies_without_information_on_the_ratio_are_left_out() -> None:
    (a, n1), (c, n2) = EVENTS, OTHERS
    plain = glmm_odds_ratios(a, n1, c, n2)
    more = glmm_odds_ratios([*a, 0, 7], [*n1, 9, 7], [*c, 0, 5], [*n2, 8, 5])
    assert more.k == plain.k
    assert more.estimate == pytest.approx(plain.estimate, abs=1e-9)


def test_a_t_test_widens_the_intervals() -> None:
    z, t = glmm_proportions(*EVENTS), glmm_proportions(*EVENTS, test="t")
    assert (t.ddf, t.se) == (7, z.se)
    assert t.ci_lb < z.ci_lb
    assert t.pi_lb is not None
    assert z.pi_lb is not None
    assert t.pi_lb < z.pi_lb


def test_large_counts_do_not_overflow() -> None:
    fit = glmm_rates([100_000, 250_000, 90_000], [1e6, 2e6, 1.5e6])
    assert fit.estimate == pytest.approx(-2.39, abs=0.1)
    fit = glmm_proportions([99_999, 50_000, 2], [100_000, 100_000, 100_000])
    assert fit.tau2 > 10


@pytest.mark.parametrize(
    ("x", "n"), [pytest.param([0, 0], [5, 6], id="none"), pytest.param([5, 6], [5, 6], id="all")]
)
def test_a_mean_logit_without_end_is_not_estimable(x: list[int], n: list[int]) -> None:
    with pytest.raises(NotEstimable, match="has no end"):
        glmm_proportions(x, n)
    with pytest.raises(NotEstimable, match="has no end"):
        glmm_odds_ratios(x, n, [1, 2], [5, 6])


def test_what_is_no_count_or_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="study 2 has 7 events of 6"):
        glmm_proportions([1, 7], [5, 6])
    with pytest.raises(InvalidInput, match="person-time is positive"):
        glmm_rates([1, 2], [5, 0])
    with pytest.raises(InvalidInput, match="no model of odds ratios: 'UM'"):
        glmm_odds_ratios(*EVENTS, *OTHERS, model="UM")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="no test for these models: 'knha'"):
        glmm_proportions(*EVENTS, test="knha")  # type: ignore[arg-type]
    with pytest.raises(NotEstimable, match="at least one study, got none"):
        glmm_rates([0, 0], [5, 6])


def test_more_events_than_can_be_weighed_one_by_one_are_refused() -> None:
    a, c, n = np.array([2e6, 3e6]), np.array([2e6, 2e6]), np.full(2, 1e8)
    with pytest.raises(InvalidInput, match="at most 500,000; take UM"):
        glmm_odds_ratios(a, n, c, n, model="CM.EL")
    assert glmm_odds_ratios(a, n, c, n, model="CM.AL").k == 2
