"""Resampling in batches is resampling one by one."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.bootstrap import bootstrap, resampled
from kb.synthesis.pooling import pool
from kb.synthesis.tau2 import Floats

Estimator = Literal["DL", "REML"]


def studies(k: int, tau: float = 0.2) -> tuple[Floats, Floats]:
    dice = np.random.default_rng(k)
    v = np.exp(dice.uniform(-4, -2, k))
    return dice.normal(0.3, tau, k) + dice.normal(0, np.sqrt(v)), v


@pytest.mark.parametrize("method", ["DL", "REML"])
@pytest.mark.parametrize("k", [2, 3, 8, 40])
def test_a_batch_gives_what_pooling_each_resample_gives(method: Estimator, k: int) -> None:
    y, v = studies(k)
    counts = np.random.default_rng(1).multinomial(k, np.full(k, 1 / k), size=200)
    estimates, tau2s = resampled(y, v, counts.astype(float), method)
    for row, estimate, tau2 in zip(counts, estimates, tau2s):
        fit = pool(np.repeat(y, row), np.repeat(v, row), method=method)
        assert tau2 == pytest.approx(fit.tau2, rel=1e-9, abs=1e-12)
        assert estimate == pytest.approx(fit.estimate, rel=1e-9)


def test_the_same_seed_gives_the_same_resamples() -> None:
    y, v = studies(12)
    one, again = bootstrap(y, v, n=700, seed=3), bootstrap(y, v, n=700, seed=3)
    assert np.array_equal(one.estimates, again.estimates)
    assert not np.array_equal(one.estimates, bootstrap(y, v, n=700, seed=4).estimates)
    assert one.estimates.shape == one.tau2s.shape == (700,)


def test_percentiles_enclose_the_pooled_effect_and_narrow_with_the_level() -> None:
    y, v = studies(40)
    fit, wide = pool(y, v), bootstrap(y, v, n=2000, seed=1)
    narrow = bootstrap(y, v, n=2000, seed=1, level=50)
    assert wide.estimate_lb < narrow.estimate_lb < fit.estimate
    assert fit.estimate < narrow.estimate_ub < wide.estimate_ub
    assert 0 <= wide.tau2_lb <= narrow.tau2_lb < narrow.tau2_ub < wide.tau2_ub
    # Resampled effects spread about as much as the pooled one is uncertain.
    assert wide.estimates.std() == pytest.approx(fit.se, rel=0.3)


def test_identical_studies_have_no_heterogeneity_in_any_resample() -> None:
    found = bootstrap([0.5] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], n=300, seed=1)
    assert not found.tau2s.any()
    assert found.estimates == pytest.approx(0.5)


def test_what_cannot_be_resampled_says_why() -> None:
    with pytest.raises(NotEstimable, match="at least 2 studies, got 1"):
        bootstrap([0.5], [0.1], seed=1)
    with pytest.raises(InvalidInput, match="no estimator for resamples: 'ML'"):
        bootstrap([0.5, 0.4], [0.1, 0.1], seed=1, method="ML")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="at least 1 resample"):
        bootstrap([0.5, 0.4], [0.1, 0.1], seed=1, n=0)
    with pytest.raises(InvalidInput, match="between 0 and 100"):
        bootstrap([0.5, 0.4], [0.1, 0.1], seed=1, level=0)
