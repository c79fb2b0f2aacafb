"""Intervals of small proportions, against values printed elsewhere and against their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from kb.errors import InvalidInput
from kb.synthesis.proportions import clopper_pearson, wilson
from tests.synthesis.reference import reference, reference_ids

counts = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize("name", [n for n in reference_ids() if n.startswith("prop_")])
def test_study_intervals_are_those_of_r(name: str) -> None:
    held = reference(name)
    x, n = held.columns["xi"], held.columns["ni"]
    expected = held.results["study_ci"]
    # prop.test and binom.test of R 4.2.2; the exact limits are quantiles found by iteration.
    for found, kind in ((wilson(x, n), "wilson"), (clopper_pearson(x, n), "clopper_pearson")):
        np.testing.assert_allclose(found.lb, expected[f"{kind}.lb"], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.ub, expected[f"{kind}.ub"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("x", "n", "exact", "score"),
    [
        pytest.param(0, 6, (0, 0.459), (0, 0.390), id="worsening on the EDSS at week 12"),
        pytest.param(3, 5, (0.147, 0.947), (0.231, 0.882), id="new T2 lesions by week 48"),
        pytest.param(1, 6, (0.004, 0.641), None, id="new T2 lesions at week 12"),
        pytest.param(0, 7, (0, 0.410), None, id="none of seven infused"),
    ],
)
def test_fractions_of_the_seed_study_have_the_limits_known_for_them(x, n, exact, score):
    assert tuple(map(float, clopper_pearson(x, n))) == pytest.approx(exact, abs=5e-4)
    if score:
        assert tuple(map(float, wilson(x, n))) == pytest.approx(score, abs=5e-4)


@given(counts, st.sampled_from([80.0, 95.0, 99.0]))
def test_each_exact_limit_leaves_half_of_the_error_on_its_side(count, level):
    x, n = count
    lb, ub = clopper_pearson(x, n, level=level)
    half = (1 - level / 100) / 2
    assert binom.sf(x - 1, n, lb) == pytest.approx(half if x else 1.0, rel=1e-6)
    assert binom.cdf(x, n, ub) == pytest.approx(half if x < n else 1.0, rel=1e-6)


@given(counts)
def test_intervals_of_the_complement_mirror_each_other(count):
    x, n = count
    for interval in (clopper_pearson, wilson):
        lb, ub = interval(x, n)
        mirrored = interval(n - x, n)
        assert lb == pytest.approx(1 - mirrored.ub, abs=1e-12)
        assert ub == pytest.approx(1 - mirrored.lb, abs=1e-12)
        assert 0 <= lb <= x / n <= ub <= 1


def test_what_is_not_reported_has_no_interval():
    for interval in (clopper_pearson, wilson):
        found = interval([np.nan, 1, 2], [5, np.nan, 4])
        assert np.isnan(found.lb).tolist() == np.isnan(found.ub).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("x", "n"),
    [
        pytest.param(6, 5, id="more events than persons"),
        pytest.param(-1, 5, id="negative"),
        pytest.param(0, 0, id="nobody"),
        pytest.param(np.inf, np.inf, id="infinite"),
    ],
)
def test_what_is_no_proportion_is_refused(x, n):
    for interval in (clopper_pearson, wilson):
        with pytest.raises(InvalidInput, match="is no proportion"):
            interval(x, n)


def test_exact_limits_need_whole_counts_and_a_level_between_0_and_100():
    with pytest.raises(InvalidInput, match=r"2\.5 of 5"):
        clopper_pearson(2.5, 5)
    with pytest.raises(InvalidInput, match="level is 100"):
        wilson(2, 5, level=100)
