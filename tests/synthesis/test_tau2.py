"""tau² of every estimator, against metafor at tight thresholds and against laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.tau2 import METHODS, Method, q_profile, tau2
from tests.synthesis.r import in_r

# Steps of metafor's Fisher scoring down to 1e-14, its root finding down to rounding. Shorter steps
# converge where full ones alternate around the maximum; null where none do.
METAFOR = """
fitted <- function(set, method) {
  for (step in c(1, 0.5, 0.2)) {
    tight <- list(threshold = 1e-14, maxiter = 5000, stepadj = step, tol = 1e-15, tau2.max = 1e6)
    fit <- tryCatch(suppressWarnings(
      if (is.null(set$x))
        rma(set$y, set$v, method = method, control = tight)
      else
        rma(set$y, set$v, mods = set$x, method = method, control = tight)
    ), error = function(e) NULL)
    if (!is.null(fit))
      return(list(tau2 = fit$tau2, se.tau2 = fit$se.tau2))
  }
  NULL
}
answer <- lapply(given$sets, function(set) {
  methods <- c("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")
  sapply(methods, function(method) fitted(set, method), simplify = FALSE)
})
"""


def random_sets(seed: int, count: int, *, most: int, moderators: int) -> list[dict[str, Any]]:
    """Studies of many sizes and spreads; each set has at least two more than coefficients."""
    dice = np.random.default_rng(seed)
    sets = []
    for i in range(count):
        k = int(dice.integers(2 + moderators, most + 1))
        v = np.exp(dice.uniform(-4.0, dice.uniform(-3.9, 1.0), k))
        tau = [0.0, 0.05, 0.5, 3.0][i % 4]
        y = dice.normal(0.3, tau, k) + dice.normal(0.0, np.sqrt(v))
        here: dict[str, Any] = {"y": y, "v": v}
        if moderators:
            here["x"] = np.column_stack(
                [dice.normal(0, 1, k), dice.integers(-15, 15, k)][:moderators]
            )
        sets.append(here)
    return sets


@pytest.mark.parametrize("moderators", [0, 1, 2])
def test_every_estimator_agrees_with_metafor_to_ten_digits(moderators: int) -> None:
    sets = random_sets(20 + moderators, 40, most=40, moderators=moderators)
    answers = in_r(METAFOR, "metafor", sets=sets)
    compared = 0
    for given_set, expected in zip(sets, answers):
        y, v = given_set["y"], given_set["v"]
        k = len(y)
        x = np.column_stack([np.ones(k), given_set["x"]]) if moderators else None
        for method in METHODS:
            if not expected[method]:
                continue
            theirs = expected[method]
            ours = tau2(y, v, x, method=method)
            # Where tau² is 0 metafor's scoring ends within a rounding of it.
            near = 1e-10 * float(v.min())
            assert ours.value == pytest.approx(theirs["tau2"], rel=1e-10, abs=near), (method, k)
            if method == "EE":
                assert ours.se is None
            else:
                assert ours.se == pytest.approx(theirs["se.tau2"], rel=1e-9), (method, k)
            compared += 1
    assert compared >= 0.98 * len(sets) * len(METHODS)


@pytest.mark.parametrize("moderators", [0, 1])
def test_the_interval_of_tau2_is_that_of_metafor(moderators: int) -> None:
    sets = random_sets(40 + moderators, 40, most=30, moderators=moderators)
    answers = in_r(
        """
        answer <- lapply(given$sets, function(set) {
          fit <- if (is.null(set$x)) rma(set$y, set$v) else rma(set$y, set$v, mods = set$x)
          c(confint(fit, control = list(tol = 1e-14, tau2.max = 1e5))$random["tau^2", 2:3])
        })
        """,
        "metafor",
        sets=sets,
    )
    for given_set, (low, high) in zip(sets, answers):
        k = len(given_set["y"])
        x = np.column_stack([np.ones(k), given_set["x"]]) if moderators else None
        assert q_profile(given_set["y"], given_set["v"], x) == pytest.approx(
            (low, high), 1e-8, 1e-10
        )


def test_the_likelihood_is_maximal_where_it_has_two_modes() -> None:
    # The precise studies agree, the imprecise ones are spread: a mode at 0 and one beyond.
    y = np.array([0.0, 0.01, -0.01, 4.0, -3.0, 5.0])
    v = np.array([0.02, 0.02, 0.02, 1.0, 1.0, 1.0])
    methods: list[tuple[Method, float]] = [("REML", 1.0), ("ML", 0.0)]
    for method, restricted in methods:

        def log_likelihood(t: float, restricted: float = restricted) -> float:
            w = 1 / (v + t)
            mean = w @ y / w.sum()
            crossed = restricted * np.log(w.sum())
            return float(0.5 * (np.log(w).sum() - w @ (y - mean) ** 2 - crossed))

        values = [0.0, *np.geomspace(1e-6, 1e3, 4000).tolist()]
        found = tau2(y, v, method=method).value
        assert log_likelihood(found) >= max(map(log_likelihood, values)) - 1e-12


numbers = st.floats(-5, 5, allow_subnormal=False)
variances = st.floats(0.01, 4)
studies = st.lists(st.tuples(numbers, variances), min_size=3, max_size=12)
methods = st.sampled_from(METHODS)


@given(studies, methods, st.randoms(use_true_random=False))
def test_tau2_does_not_depend_on_the_order_of_studies(
    rows: list[tuple[float, float]], method: Method, random: Any
) -> None:
    shuffled = random.sample(rows, len(rows))
    expected = tau2(*zip(*rows), method=method).value
    assert tau2(*zip(*shuffled), method=method).value == pytest.approx(
        expected, rel=1e-9, abs=1e-11
    )


@given(studies, methods, st.floats(-100, 100))
def test_tau2_ignores_a_shift_common_to_all_studies(
    rows: list[tuple[float, float]], method: Method, shift: float
) -> None:
    y, v = (np.array(column) for column in zip(*rows))
    expected = tau2(y, v, method=method).value
    assert tau2(y + shift, v, method=method).value == pytest.approx(expected, rel=1e-7, abs=1e-9)


@given(studies, methods, st.floats(1e-3, 1e3))
def test_tau2_follows_the_square_of_the_unit(
    rows: list[tuple[float, float]], method: Method, unit: float
) -> None:
    y, v = (np.array(column) for column in zip(*rows))
    expected = tau2(y, v, method=method).value * unit**2
    found = tau2(y * unit, v * unit**2, method=method).value
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-11 * unit**2)


@given(studies, methods)
def test_an_intercept_given_as_a_design_changes_nothing(
    rows: list[tuple[float, float]], method: Method
) -> None:
    y, v = (np.array(column) for column in zip(*rows))
    plain, designed = tau2(y, v, method=method), tau2(y, v, np.ones((len(y), 1)), method=method)
    assert designed.value == pytest.approx(plain.value, rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("method", METHODS[1:])
def test_years_may_be_given_as_years(method: Method) -> None:
    dice = np.random.default_rng(7)
    v = dice.uniform(0.01, 0.5, 12)
    y, years = dice.normal(0.0, np.sqrt(v + 0.1)), dice.integers(1990, 2020, 12)
    ones = np.ones(12)
    as_years = tau2(y, v, np.column_stack([ones, years]), method=method)
    centred = tau2(y, v, np.column_stack([ones, years - 2005]), method=method)
    assert as_years == pytest.approx(centred, rel=1e-11)


@given(studies)
def test_the_interval_holds_the_paule_mandel_estimate(rows: list[tuple[float, float]]) -> None:
    y, v = (np.array(column) for column in zip(*rows))
    low, high = q_profile(y, v)
    middle = tau2(y, v, method="PM").value
    assume(high > 0)
    # Q's expectation k - 1 lies between its 2.5 and 97.5 per cent points.
    assert low <= middle * (1 + 1e-9)
    assert middle <= high * (1 + 1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ratio", [1e-12, 1e-6, 1e6, 1e12])
def test_one_study_may_weigh_a_million_times_the_others(method: Method, ratio: float) -> None:
    y, v = [0.2, 0.5, -0.4, 0.1, 0.9], [ratio, 0.1, 0.2, 0.15, 0.3]
    found = tau2(y, v, method=method)
    assert 0.0 <= found.value < 1e12
    if method == "DL" and ratio < 1:
        # The precise study is the mean; the moments are then those of the others around it.
        w = 1 / np.array(v[1:])
        q = float(w @ (np.array(y[1:]) - 0.2) ** 2)
        assert found.value == pytest.approx(max(0.0, (q - 4) / (2 * w.sum())), rel=1e-5)


def test_equal_estimates_have_no_heterogeneity_at_all() -> None:
    for method in METHODS:
        assert tau2([0.5] * 4, [0.1, 0.2, 0.3, 0.4], method=method).value == 0.0


def test_ten_thousand_studies_take_no_matrix_of_their_square() -> None:
    dice = np.random.default_rng(0)
    v = dice.uniform(0.01, 0.2, 10_000)
    y = dice.normal(0.0, np.sqrt(v + 0.04))
    x = np.column_stack([np.ones(10_000), dice.normal(size=10_000)])
    assert tau2(y, v).value == pytest.approx(0.04, rel=0.1)
    assert tau2(y, v, x).value == pytest.approx(0.04, rel=0.1)


@pytest.mark.parametrize(
    ("yi", "vi", "said"),
    [
        pytest.param([0.1, 0.2], [0.1, 0.0], "study 2 has the variance 0", id="zero variance"),
        pytest.param([0.1, 0.2], [-0.1, 0.1], "study 1 has the variance -0.1", id="negative"),
        pytest.param([0.1, None], [0.1, 0.1], "study 2 has the estimate nan", id="missing"),
        pytest.param([0.1, 0.2], [0.1, None], "study 2 has the variance nan", id="no variance"),
        pytest.param([0.1, 0.2], [0.1], "two lists of one length", id="lengths"),
        pytest.param(["a", "b"], [0.1, 0.1], "must be numbers", id="words"),
        pytest.param([0.1, 0.2], [0.1, 1e-300], "out of range", id="out of range"),
    ],
)
def test_what_is_no_estimate_with_a_variance_is_refused(yi: Any, vi: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        tau2(yi, vi)


def test_too_few_studies_are_said_to_be_too_few() -> None:
    assert tau2([0.3], [0.1]).value == 0.0
    with pytest.raises(NotEstimable, match="0 studies"):
        tau2([], [])
    with pytest.raises(NotEstimable, match="at least 3 studies, got 2"):
        tau2([0.1, 0.2], [0.1, 0.1], [[1, 1], [1, 2]])
    with pytest.raises(NotEstimable, match="at least 2 studies, got 1"):
        q_profile([0.3], [0.1])


@pytest.mark.parametrize(
    ("x", "said"),
    [
        pytest.param([[1, 2], [1, 2], [1, 2], [1, 2]], "'column 2' is constant", id="constant"),
        pytest.param([[1, 0], [1, 0], [1, 0], [1, 0]], "'column 2' is 0", id="zero"),
        pytest.param([[1], [1]], "one row for each of 4", id="rows"),
        pytest.param([[1, 1], [1, None], [1, 3], [1, 4]], "missing for study 2", id="missing"),
    ],
)
def test_a_design_that_determines_nothing_is_refused(x: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        tau2([0.1, 0.2, 0.3, 0.5], [0.1, 0.1, 0.2, 0.1], x)
