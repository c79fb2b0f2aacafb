"""Single studies' part in the pooled effect, against metafor and against doing it by hand."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import pytest

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.pooling import pool
from kb.synthesis.sensitivity import cumulative, influence, leave_one_out
from tests.synthesis.r import in_r


def studies(seed: int, k: int) -> tuple[Any, Any]:
    dice = np.random.default_rng(seed)
    v = np.exp(dice.uniform(-4, -1, k))
    y = dice.normal(0.2, 0.3, k) + dice.normal(0, np.sqrt(v))
    y[0] += 2.0  # an outlier
    return y, v


@pytest.mark.parametrize(
    ("method", "test"), [("EE", "z"), ("DL", "z"), ("DL", "knha"), ("REML", "knha")]
)
def test_diagnostics_are_those_of_metafor(method: Any, test: Any) -> None:
    y, v = studies(3, 9)
    theirs = in_r(
        """
        f <- rma(given$y, given$v, method = given$method, test = given$test,
                 control = list(threshold = 1e-14, maxiter = 10000))
        i <- influence(f)
        leave <- leave1out(f); cumulated <- cumul(f)
        table <- function(x) sapply(c("estimate", "se", "ci.lb", "ci.ub"),
                                    function(name) as.numeric(x[[name]]), simplify = FALSE)
        answer <- list(inf = as.list(as.data.frame(unclass(i$inf)[1:8])), dfbs = i$dfbs[[1]],
                       infl = i$is.infl, leave = table(leave), cumulated = table(cumulated))
        """,
        "metafor",
        y=y,
        v=v,
        method=method,
        test=test,
    )
    found = influence(y, v, method=method, test=test)
    for name, expected in theirs["inf"].items():
        ours = getattr(found, name.replace(".", "_").lower())
        assert ours == pytest.approx(expected, rel=1e-8, abs=1e-11), name
    assert found.dfbs == pytest.approx(theirs["dfbs"], rel=1e-8)
    assert list(found.is_influential) == theirs["infl"]
    assert found.is_influential[0]
    for rows, expected in [
        (leave_one_out(y, v, method=method, test=test), theirs["leave"]),
        (cumulative(y, v, method=method, test=test), theirs["cumulated"]),
    ]:
        for name, values in expected.items():
            ours = getattr(rows, name.replace(".", "_"))
            # metafor gives a single study the test of the whole analysis.
            assert ours[1:] == pytest.approx(values[1:], rel=1e-7, abs=1e-10), name


def test_leaving_one_out_is_pooling_the_others() -> None:
    y, v = studies(5, 6)
    rows = leave_one_out(y, v, level=90)
    fit = pool(np.delete(y, 2), np.delete(v, 2), level=90)
    assert (rows.estimate[2], rows.ci_lb[2], rows.i2[2]) == (fit.estimate, fit.ci_lb, fit.i2)
    assert len(rows.estimate) == 6


def test_accumulating_in_any_order_ends_with_all_studies() -> None:
    y, v = studies(5, 6)
    rows = cumulative(y, v, order=[5, 3, 1, 0, 2, 4])
    assert rows.estimate[0] == y[5]
    assert rows.estimate[-1] == pytest.approx(pool(y, v).estimate, rel=1e-12)
    with pytest.raises(InvalidInput, match="each position from 0 to 5 once"):
        cumulative(y, v, order=[1, 2, 3, 4, 5, 6])


def test_a_thousand_studies_are_left_out_one_by_one_in_seconds() -> None:
    y, v = studies(6, 1000)
    begun = perf_counter()
    assert len(leave_one_out(y, v).estimate) == 1000
    assert perf_counter() - begun < 20  # a fraction of a second on an idle machine


def test_too_few_studies_leave_nothing_to_leave_out() -> None:
    with pytest.raises(NotEstimable, match="at least 2 studies"):
        leave_one_out([0.1], [0.1])
    with pytest.raises(NotEstimable, match="at least 3 studies, got 2"):
        influence([0.1, 0.2], [0.1, 0.1])
    assert leave_one_out([0.1, 0.2], [0.1, 0.1]).estimate.tolist() == [0.2, 0.1]
