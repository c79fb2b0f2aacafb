"""Small-study effects against metafor, and what must hold of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.bias import begg, egger, fail_safe_n, funnel, trim_and_fill
from kb.synthesis.pooling import pool
from tests.synthesis.r import in_r

METAFOR = """
tight <- list(threshold = 1e-14, maxiter = 10000)
egger <- function(f, model, predictor) {
  r <- regtest(f, model = model, predictor = predictor)
  list(statistic = r$zval, pval = r$pval, limit = r$est, lb = r$ci.lb, ub = r$ci.ub)
}
answer <- suppressWarnings(lapply(given$sets, function(s) {
  out <- list()
  f <- rma(s$y, s$v, ni = s$n, control = tight)
  for (predictor in c("sei", "vi", "ni", "ninv", "sqrtni", "sqrtninv"))
    for (model in c("lm", "rma"))
      out$egger[[predictor]][[model]] <- egger(f, model, predictor)
  knha <- rma(s$y, s$v, test = "knha", method = "DL")
  out$knha <- egger(knha, "rma", "sei")
  r <- ranktest(f); out$begg <- c(r$tau, r$pval)
  out$fsn <- fsn(s$y, s$v)$fsnum
  for (method in c("EE", "DL")) for (estimator in c("L0", "R0", "Q0")) {
    t <- tryCatch(trimfill(rma(s$y, s$v, method = method), estimator = estimator),
                  error = function(e) NULL)
    if (!is.null(t)) out$trim[[method]][[estimator]] <- list(
      k0 = t$k0, se = t$se.k0, side = t$side, estimate = c(t$beta), ci = c(t$ci.lb, t$ci.ub))
  }
  out
}))
"""


def sets() -> list[dict[str, Any]]:
    dice = np.random.default_rng(8)
    made = []
    for i in range(15):
        k = int(dice.integers(4, 30))
        n = dice.integers(10, 400, k)
        v = 4.0 / n * dice.uniform(0.9, 1.1, k)
        y = dice.normal(0.2, 0.2, k) + dice.normal(0, np.sqrt(v)) + (i % 3) * np.sqrt(v)
        if i % 4 == 3:
            v[1] = v[0]  # a tie
        made.append({"y": y, "v": v, "n": n})
    return made


def test_tests_of_asymmetry_are_those_of_metafor() -> None:
    made = sets()
    answers = in_r(METAFOR, "metafor", sets=made)
    for one, theirs in zip(made, answers):
        y, v, n = one["y"], one["v"], one["n"]
        for predictor, by_model in theirs["egger"].items():
            for model, expected in by_model.items():
                ours = egger(y, v, ni=n, predictor=predictor, model=_MODELS[model])
                compare(ours, expected)
        compare(egger(y, v, model="mixed", method="DL", test="knha"), theirs["knha"])
        assert [begg(y, v).tau, begg(y, v).pval] == pytest.approx(theirs["begg"], rel=1e-8)
        assert fail_safe_n(y, v) == theirs["fsn"]
        for method, by_estimator in theirs["trim"].items():
            for estimator, expected in by_estimator.items():
                found = trim_and_fill(y, v, estimator=estimator, method=method)
                assert (found.k0, found.side) == (expected["k0"], expected["side"])
                assert found.k0_se == pytest.approx(expected["se"], rel=1e-9)
                assert found.fit.estimate == pytest.approx(expected["estimate"], rel=1e-9)
                bounds = (found.fit.ci_lb, found.fit.ci_ub)
                assert bounds == pytest.approx(expected["ci"], rel=1e-9)


_MODELS: dict[str, Any] = {"lm": "lm", "rma": "mixed"}


def compare(ours: Any, theirs: dict[str, Any]) -> None:
    assert (ours.statistic, ours.pval) == pytest.approx(
        (theirs["statistic"], theirs["pval"]), rel=1e-7
    )
    limits = (ours.limit_estimate, ours.limit_ci_lb, ours.limit_ci_ub)
    if theirs["limit"] in (None, {}):
        assert limits == (None, None, None)
    else:
        expected = (theirs["limit"], theirs["lb"], theirs["ub"])
        assert limits == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_filled_studies_mirror_the_trimmed_ones() -> None:
    # A symmetric funnel of which the small studies on the left were never published.
    y = np.array([0.3, 0.2, 0.4, 0.1, 0.5, 0.8, 0.9, 1.0])
    v = np.array([0.001, 0.01, 0.01, 0.02, 0.02, 0.06, 0.08, 0.1])
    found = trim_and_fill(y, v, method="EE", side="left")
    assert found.k0 == 2
    assert found.filled_vi == (0.08, 0.1)
    # Mirrored around the effect of the studies that trimming left.
    center = pool(y[:6], v[:6], method="EE").estimate
    assert found.filled_yi == pytest.approx((2 * center - 0.9, 2 * center - 1.0))
    assert found.fit.k == 10
    assert found.fit.estimate < pool(y, v, method="EE").estimate


@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 1)), min_size=4, max_size=12),
    st.sampled_from(["L0", "R0"]),
)
def test_turning_a_funnel_over_turns_its_filled_studies_over(
    rows: list[tuple[float, float]], estimator: Any
) -> None:
    y, v = (np.array(column) for column in zip(*rows))
    left = trim_and_fill(y, v, estimator=estimator, side="left", method="DL")
    right = trim_and_fill(-y, v, estimator=estimator, side="right", method="DL")
    assert right.k0 == left.k0
    assert right.filled_yi == pytest.approx([-x for x in left.filled_yi], abs=1e-9)
    assert right.fit.estimate == pytest.approx(-left.fit.estimate, abs=1e-9)


def test_a_rank_correlation_of_four_studies_is_counted_exactly() -> None:
    # All 6 pairs concordant has probability 1/24 on either side.
    found = begg([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    assert (found.tau, found.is_exact) == (1.0, True)
    assert found.pval == pytest.approx(2 / 24)


def test_a_rank_correlation_of_many_studies_takes_the_normal_approximation() -> None:
    dice = np.random.default_rng(1)
    v = dice.uniform(0.1, 1, 301)
    y = dice.normal(0, np.sqrt(v))
    found, smaller = begg(y, v), begg(y[:300], v[:300])
    assert (found.is_exact, smaller.is_exact) == (False, True)
    assert found.pval == pytest.approx(smaller.pval, abs=0.1)


def test_results_that_are_not_significant_need_no_null_studies() -> None:
    assert fail_safe_n([0.1, -0.1], [1, 1]) == 0
    # Stouffer's z = 3 * 2 / sqrt(3) = 3.464; 3 (3.464 / 1.645)² - 3 = 10.3.
    assert fail_safe_n([2, 2, 2], [1, 1, 1]) == 11


def test_a_funnel_is_centred_on_the_pooled_effect() -> None:
    fit = pool([0.1, 0.4, 0.9], [0.04, 0.09, 0.16])
    plain, wide = funnel(fit), funnel(fit, add_tau2=True, level=99)
    assert plain.center == fit.estimate
    assert plain.sei.tolist() == pytest.approx([0.2, 0.3, 0.4])
    assert (plain.tau2, wide.tau2) == (0.0, fit.tau2)
    assert wide.z == pytest.approx(2.5758293)
    regression = pool([0.1, 0.4, 0.9], [0.04, 0.09, 0.16], mods={"x": [1, 2, 4]}, method="EE")
    assert funnel(regression).center == 0.0
    assert funnel(regression).yi == pytest.approx(regression.residuals)


@pytest.mark.parametrize("test", [egger, trim_and_fill])
def test_two_studies_make_no_funnel(test: Any) -> None:
    with pytest.raises(NotEstimable, match="at least 3 studies, got 2"):
        test([0.1, 0.2], [0.1, 0.2])


@pytest.mark.parametrize("test", [egger, trim_and_fill])
def test_equally_precise_studies_make_no_funnel(test: Any) -> None:
    with pytest.raises(NotEstimable, match=r"same for all|equally precise"):
        test([0.1, 0.2, 0.4], [0.1, 0.1, 0.1])


def test_what_no_test_knows_is_refused() -> None:
    rows: Any = ([0.1, 0.2, 0.4], [0.1, 0.2, 0.1])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"predictor": "ni"}, "needs the sample sizes"),
        ({"predictor": "ni", "ni": [1, 2]}, "3 positive sample sizes"),
        ({"predictor": "n", "ni": [1, 2, 3]}, "no predictor: 'n'"),
        ({"model": "rma"}, "no model of Egger's test"),
    ]
    for options, said in wrong:
        with pytest.raises(InvalidInput, match=said):
            egger(*rows, **options)
    with pytest.raises(InvalidInput, match="no estimator of missing studies"):
        trim_and_fill(*rows, estimator="L1")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="no side"):
        trim_and_fill(*rows, side="top")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="between 0 and"):
        fail_safe_n(*rows, alpha=0.5)
