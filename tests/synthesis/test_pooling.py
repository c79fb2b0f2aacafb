"""Pooled effects and meta-regressions against metafor at tight thresholds, and their laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.pooling import (
    TESTS,
    Fit,
    Test,
    heterogeneity_interval,
    metafor_names,
    pool,
    predict,
    subgroups,
)
from kb.synthesis.tau2 import METHODS, Method
from tests.synthesis.r import in_r

# Trials of BCG vaccine (Colditz 1994), log risk ratios and their variances.
BCG_YI = [
    -0.889311333920205, -1.58538865720143, -1.34807314829969, -1.44155119002131, -0.217547322211296,
    -0.786115585818864, -1.62089822359839, 0.011952333523841, -0.469417648762195, -1.37134480343447,
    -0.339358828338391, 0.445913400571397, -0.0173139482168798,
]  # fmt: skip
BCG_VI = [
    0.325584765003, 0.194581121398, 0.415367965367, 0.020010031902, 0.05121017216, 0.006905618456,
    0.223017247572, 0.00396157929, 0.056434210463, 0.073024793614, 0.012412213976, 0.532505844,
    0.071404660156,
]  # fmt: skip


def test_bcg_trials_pool_to_the_published_estimate() -> None:
    # Viechtbauer (2010), J Stat Softw 36(3), p. 14: -0.7145 (0.1798), tau² 0.3132, I² 92.22 %.
    fit = pool(BCG_YI, BCG_VI)
    assert round(fit.estimate, 4) == -0.7145
    assert round(fit.se, 4) == 0.1798
    assert round(fit.tau2, 4) == 0.3132
    assert round(fit.i2, 2) == 92.22
    assert round(fit.qe, 4) == 152.2330
    assert round(pool(BCG_YI, BCG_VI, method="DL").tau2, 4) == 0.3088


def sets(seed: int, count: int, moderators: int) -> list[dict[str, Any]]:
    dice = np.random.default_rng(seed)
    made = []
    for i in range(count):
        k = int(dice.integers(3 + moderators, 25))
        v = np.exp(dice.uniform(-4, 0, k))
        y = dice.normal(0.3, [0.0, 0.2, 1.0][i % 3], k) + dice.normal(0, np.sqrt(v))
        x = dice.normal(size=(k, moderators)) if moderators else None
        made.append({"y": y, "v": v, "x": x})
    return made


@pytest.mark.parametrize("moderators", [0, 1, 3])
def test_every_number_of_a_fit_is_that_of_metafor(moderators: int) -> None:
    made = sets(3 + moderators, 8, moderators)
    answers = in_r(
        """
        tight <- list(threshold = 1e-14, maxiter = 10000, tol = 1e-15)
        answer <- lapply(given$made, function(set) {
          sapply(c("EE", "DL", "REML", "SJ"), simplify = FALSE, function(method)
            sapply(c("z", "knha", "adhoc"), simplify = FALSE, function(test) {
              suppressWarnings(fit <- if (is.null(set$x))
                rma(set$y, set$v, method = method, test = test, control = tight, level = 90)
              else
                rma(set$y, set$v, mods = set$x, method = method, test = test, control = tight,
                    level = 90))
              at <- if (is.null(set$x)) predict(fit) else predict(fit, newmods = set$x[1, ])
              list(
                b = I(c(fit$beta)), se = I(fit$se), stat = I(fit$zval), p = I(fit$pval),
                lb = I(fit$ci.lb), ub = I(fit$ci.ub), tau2 = fit$tau2, QE = fit$QE, QEp = fit$QEp,
                I2 = fit$I2, H2 = fit$H2, QM = fit$QM, QMp = fit$QMp, R2 = fit$R2,
                hat = I(unname(hatvalues(fit))), weights = I(unname(weights(fit))),
                resid = I(unname(c(resid(fit)))), vcov = unname(vcov(fit)),
                at = I(c(at$pred, at$se, at$ci.lb, at$ci.ub, at$pi.lb, at$pi.ub))
              )
            }))
        })
        """,
        "metafor",
        made=made,
    )
    for one, by_method in zip(made, answers):
        x = one["x"]
        mods = None if x is None else {f"x{i}": x[:, i] for i in range(moderators)}
        for method, by_test in by_method.items():
            for test, theirs in by_test.items():
                fit = pool(one["y"], one["v"], mods=mods, method=method, test=test, level=90)
                compare(fit, theirs, None if x is None else x[0])


def compare(fit: Fit, theirs: dict[str, Any], row: Any) -> None:
    columns = list(zip(*(tuple(c)[1:] for c in fit.coefficients)))
    for ours, name in zip(columns, ("b", "se", "stat", "p", "lb", "ub")):
        # Far tails of t are exact to eight digits only.
        rel = 1e-7 if name == "p" else 1e-9
        assert ours == pytest.approx(theirs[name], rel=rel, abs=1e-12), name
    for one, name in [
        (fit.tau2, "tau2"), (fit.qe, "QE"), (fit.qe_p, "QEp"), (fit.i2, "I2"), (fit.h2, "H2"),
    ]:  # fmt: skip
        assert one == pytest.approx(theirs[name], rel=1e-9, abs=1e-9), name
    assert fit.hat == pytest.approx(theirs["hat"], rel=1e-8)
    assert fit.weights == pytest.approx(theirs["weights"], rel=1e-8)
    assert fit.residuals == pytest.approx(theirs["resid"], rel=1e-8, abs=1e-10)
    if fit.p > 1:
        assert fit.vcov is not None
        assert fit.vcov.ravel() == pytest.approx(np.ravel(theirs["vcov"]), rel=1e-8, abs=1e-14)
        assert (fit.qm, fit.qm_p) == pytest.approx((theirs["QM"], theirs["QMp"]), rel=1e-8)
        if pool(fit.yi, fit.vi, method=fit.method).tau2 or fit.method == "EE":
            # Else metafor compares two roundings of 0.
            assert fit.r2 == pytest.approx(theirs["R2"], rel=1e-6, abs=1e-6)
        [prediction] = predict(fit, row)
    else:
        [prediction] = predict(fit)
        bounds = (prediction.pi_lb, prediction.pi_ub)
        assert (fit.pi_lb, fit.pi_ub) == (pytest.approx(bounds) if bounds[0] else bounds)
    expected = [value for value in theirs["at"] if value is not None]
    assert [x for x in prediction if x is not None] == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_a_prediction_interval_of_the_handbook_has_k_minus_two_degrees_of_freedom() -> None:
    # Higgins et al. (2009): mu -+ t(k - 2) sqrt(tau² + se²); t(11, 0.975) = 2.200985.
    fit = pool(BCG_YI, BCG_VI)
    [wide] = predict(fit, pi="hts")
    half = 2.200985 * (fit.tau2 + fit.se**2) ** 0.5
    assert wide.pi_lb == pytest.approx(fit.estimate - half, rel=1e-6)
    assert wide.pi_ub == pytest.approx(fit.estimate + half, rel=1e-6)
    [few] = predict(pool([0.1, 0.4], [0.1, 0.1]), pi="hts")
    assert few.pi_lb is few.pi_ub is None


numbers = st.floats(-5, 5, allow_subnormal=False)
studies = st.lists(st.tuples(numbers, st.floats(0.01, 4)), min_size=3, max_size=12)


@given(studies, st.sampled_from(METHODS), st.floats(-50, 50), st.floats(1e-2, 1e2))
def test_shift_and_unit_of_the_estimates_carry_over(
    rows: list[tuple[float, float]], method: Method, shift: float, unit: float
) -> None:
    y, v = (np.array(column) for column in zip(*rows))
    plain, moved = pool(y, v, method=method), pool(unit * y + shift, unit**2 * v, method=method)
    size = unit * 10 + abs(shift)
    for name in ("estimate", "ci_lb", "ci_ub"):
        expected = unit * getattr(plain, name) + shift
        assert getattr(moved, name) == pytest.approx(expected, rel=1e-7, abs=1e-8 * size)
    assert moved.se == pytest.approx(unit * plain.se, rel=1e-6)
    assert moved.i2 == pytest.approx(plain.i2, rel=1e-5, abs=1e-5)


@given(studies, st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_the_order_of_studies_does_not_matter(
    rows: list[tuple[float, float]], method: Method, random: Any
) -> None:
    plain = pool(*zip(*rows), method=method)
    shuffled = pool(*zip(*random.sample(rows, len(rows))), method=method)
    assert shuffled.only[1:] == pytest.approx(plain.only[1:], rel=1e-7, abs=1e-9)


@given(studies)
def test_the_adhoc_factor_never_narrows(rows: list[tuple[float, float]]) -> None:
    z, adhoc = pool(*zip(*rows)), pool(*zip(*rows), test="adhoc")
    assert adhoc.se >= z.se * (1 - 1e-12)
    assert adhoc.ci_ub - adhoc.ci_lb >= z.ci_ub - z.ci_lb


@given(studies)
def test_weights_are_percentages_and_leverages_sum_to_the_coefficients(
    rows: list[tuple[float, float]],
) -> None:
    fit = pool(*zip(*rows))
    assert fit.weights.sum() == pytest.approx(100)
    assert fit.hat.sum() == pytest.approx(1)
    y, v = zip(*rows)
    regression = pool(y, v, mods={"rank": range(len(y))}, method="EE")
    assert regression.hat.sum() == pytest.approx(2)


def test_a_single_study_is_its_own_pooled_effect() -> None:
    fit = pool([0.5], [0.04], test="knha")
    assert (fit.estimate, fit.se, fit.tau2, fit.i2, fit.qe, fit.qe_p) == (0.5, 0.2, 0, 0, 0, 1)
    assert fit.ddf is fit.se_tau2 is None
    # As in metafor; what it predicts, `kb.synthesis.advice` says.
    assert (fit.pi_lb, fit.pi_ub) == (fit.only.ci_lb, fit.only.ci_ub)
    assert fit.ci_ub == pytest.approx(0.5 + 1.959963984540054 * 0.2)


def test_two_studies_can_be_pooled_by_every_method_and_test() -> None:
    for method in METHODS:
        for test in TESTS:
            fit = pool([0.1, 0.9], [0.04, 0.09], method=method, test=test)
            assert fit.ci_lb < fit.estimate < fit.ci_ub


def test_results_that_agree_exactly_have_no_knapp_hartung_error() -> None:
    with pytest.raises(NotEstimable, match="agree exactly"):
        pool([0.5, 0.5], [0.1, 0.2], test="knha")
    assert pool([0.5, 0.5], [0.1, 0.2], test="adhoc").se == pool([0.5, 0.5], [0.1, 0.2]).se


def test_the_interval_of_i2_follows_from_that_of_tau2() -> None:
    fit = pool(BCG_YI, BCG_VI)
    tau2, i2, h2 = heterogeneity_interval(fit)
    # What metafor prints: tau² 0.3132 (0.1197, 1.1115), I² 92.22 (81.92, 97.67), from root finding
    # within 1.2e-4 of tau².
    assert tau2 == pytest.approx((0.3132, 0.1197, 1.1115), abs=2e-4)
    assert i2 == pytest.approx((92.22, 81.92, 97.67), abs=1e-2)
    assert h2 == pytest.approx([1 / (1 - x / 100) for x in i2])


def test_subgroups_of_one_study_join_the_comparison() -> None:
    found = subgroups([0.1, 0.2, 0.9], [0.1, 0.1, 0.2], ["b", "b", "A"], method="DL")
    assert list(found.groups) == ["A", "b"]
    assert found.groups["A"].k == 1
    assert found.between_df == 1
    z = (0.9 - 0.15) / (0.2 + 0.05) ** 0.5
    assert found.between_q == pytest.approx(z**2)
    assert [c.name for c in found.common.coefficients] == ["intrcpt", "b"]


def test_metafors_names_leave_out_what_a_fit_does_not_have() -> None:
    plain = metafor_names(pool(BCG_YI, BCG_VI, method="EE"))
    assert "pi.lb" not in plain
    assert "ddf" not in plain
    assert plain["se.tau2"] is None
    regression = metafor_names(pool(BCG_YI, BCG_VI, mods={"year": range(13)}, test="knha"))
    assert list(regression["coef"]) == ["intrcpt", "year"]
    assert regression["QMdf"] == [1, 11]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        pytest.param({"method": "MAP"}, InvalidInput, "no estimator of tau²: 'MAP'", id="method"),
        pytest.param({"test": "t"}, InvalidInput, "no test: 't'", id="test"),
        pytest.param({"level": 100}, InvalidInput, "between 0 and 100", id="level"),
        pytest.param({"mods": {"x": [1, 1, 1]}}, InvalidInput, "'x' is constant", id="constant"),
        pytest.param({"mods": {"x": [1, 2]}}, InvalidInput, "one number for each", id="short"),
        pytest.param({"mods": {"x": "abc"}}, InvalidInput, "'x' must be numbers", id="words"),
        pytest.param({"mods": {"x": [1, None, 3]}}, InvalidInput, "missing for study 2", id="gap"),
        pytest.param(
            {"mods": {"x": [1, 2, 4], "y": [1, 0, 0]}}, NotEstimable, "at least 4", id="too few"
        ),
    ],
)
def test_what_cannot_be_pooled_says_why(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        pool([0.1, 0.2, 0.4], [0.1, 0.1, 0.2], **options)


@pytest.mark.parametrize("test", TESTS)
def test_a_regression_on_group_means_is_the_groups_difference(test: Test) -> None:
    y, v = [0.1, 0.3, 0.9, 1.3], [0.1] * 4
    fit = pool(y, v, mods={"late": [0, 0, 1, 1]}, test=test)
    assert fit.coefficients[1].estimate == pytest.approx(0.9)
    with pytest.raises(InvalidInput, match="no single effect"):
        _ = fit.estimate
