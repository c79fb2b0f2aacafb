"""Mantel-Haenszel and Peto against metafor, published results and laws."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.counts import (
    CommonEffect,
    expected_events,
    mantel_haenszel,
    mantel_haenszel_rates,
    peto,
)
from tests.synthesis.r import in_r

# Aspirin after myocardial infarction (Fleiss 1993, Stat Methods Med Res 2:121-145): deaths.
ASPIRIN = (
    [49, 44, 102, 32, 85, 246, 1570],
    [615, 758, 832, 317, 810, 2267, 8587],
    [67, 64, 126, 38, 52, 219, 1720],
    [624, 771, 850, 309, 406, 2257, 8600],
)


def test_aspirin_trials_give_the_odds_ratio_that_revman_exports() -> None:
    found = mantel_haenszel(*ASPIRIN)
    ratios = np.exp([found.estimate, found.ci_lb, found.ci_ub])
    assert ratios.round(4).tolist() == [0.8969, 0.8405, 0.9570]
    assert round(found.qe, 3) == 9.946
    assert (found.qe_df, round(found.qe_p, 4)) == (6, 0.1269)
    assert round(found.i2, 2) == 39.67
    assert round(abs(found.statistic), 3) == 3.288


METAFOR = """
said <- function(f) list(
  estimate = c(f$beta), se = f$se, statistic = f$zval, pval = f$pval, ci_lb = f$ci.lb,
  ci_ub = f$ci.ub, qe = f$QE, qe_p = f$QEp, i2 = f$I2, h2 = f$H2, weights = unname(weights(f)),
  cmh = f$MH, cochran = f$CO, breslow_day = f$BD, tarone = f$TA
)
answer <- suppressWarnings(lapply(given$sets, function(s) list(
  OR = said(rma.mh(ai = s$a, n1i = s$n1, ci = s$c, n2i = s$n2, measure = "OR")),
  RR = said(rma.mh(ai = s$a, n1i = s$n1, ci = s$c, n2i = s$n2, measure = "RR")),
  RD = said(rma.mh(ai = s$a, n1i = s$n1, ci = s$c, n2i = s$n2, measure = "RD")),
  PETO = said(rma.peto(ai = s$a, n1i = s$n1, ci = s$c, n2i = s$n2)),
  IRR = said(rma.mh(x1i = s$a, t1i = s$n1, x2i = s$c, t2i = s$n2, measure = "IRR")),
  IRD = said(rma.mh(x1i = s$a, t1i = s$n1, x2i = s$c, t2i = s$n2, measure = "IRD"))
)))
"""


def test_rare_events_and_empty_studies_agree_with_metafor() -> None:
    dice = np.random.default_rng(4)
    sets = []
    for _ in range(25):
        k = int(dice.integers(2, 12))
        n1, n2 = dice.integers(2, 60, k), dice.integers(2, 60, k)
        # Rare enough for zeros in one or both arms, and one study where everybody had the event.
        a, c = dice.binomial(n1, 0.08), dice.binomial(n2, 0.1)
        a[0], c[0] = max(a[0], 1), max(c[0], 1)
        if k > 4:
            a[-1], c[-1] = n1[-1], n2[-1]
        sets.append({"a": a, "n1": n1, "c": c, "n2": n2})
    for one, theirs in zip(sets, in_r(METAFOR, "metafor", sets=sets)):
        rows: Any = [one[name] for name in ("a", "n1", "c", "n2")]
        compare(peto(*rows), theirs["PETO"])
        measures: tuple[Literal["OR", "RR", "RD"], ...] = ("OR", "RR", "RD")
        for measure in measures:
            compare(mantel_haenszel(*rows, measure=measure), theirs[measure])
        compare(mantel_haenszel_rates(*rows, measure="IRR"), theirs["IRR"])
        compare(mantel_haenszel_rates(*rows, measure="IRD"), theirs["IRD"])


def compare(ours: CommonEffect, theirs: dict[str, Any]) -> None:
    for name in ("estimate", "se", "statistic", "pval", "ci_lb", "ci_ub"):
        assert getattr(ours, name) == pytest.approx(theirs[name], rel=1e-9, abs=1e-12), name
    assert ours.weights == pytest.approx(theirs["weights"], rel=1e-9)
    if ours.qe_df:
        for name in ("qe", "qe_p", "i2", "h2"):
            assert getattr(ours, name) == pytest.approx(theirs[name], rel=1e-8, abs=1e-9), name
    for name in ("cmh", "cochran", "breslow_day", "tarone"):
        chi_square = getattr(ours, name)
        if chi_square is not None:
            assert chi_square.statistic == pytest.approx(theirs[name], rel=1e-8, abs=1e-9), name


tables = st.lists(
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20)),
    min_size=2,
    max_size=8,
)


def columns(cells: list[tuple[int, int, int, int]]) -> Any:
    a, b, c, d = (np.array(column) for column in zip(*cells))
    return a, a + b, c, c + d


@given(tables)
def test_swapping_the_groups_changes_the_sign(cells: list[tuple[int, int, int, int]]) -> None:
    a, n1, c, n2 = columns(cells)
    measures: tuple[Literal["OR", "RR", "RD"], ...] = ("OR", "RR", "RD")
    for measure in measures:
        one = mantel_haenszel(a, n1, c, n2, measure=measure)
        other = mantel_haenszel(c, n2, a, n1, measure=measure)
        assert other.estimate == pytest.approx(-one.estimate, abs=1e-12)
        assert other.se == pytest.approx(one.se)
    assert peto(c, n2, a, n1).estimate == pytest.approx(-peto(a, n1, c, n2).estimate, abs=1e-12)


@given(tables)
def test_counting_the_complement_changes_the_sign_of_odds_ratios(
    cells: list[tuple[int, int, int, int]],
) -> None:
    a, n1, c, n2 = columns(cells)
    one, other = mantel_haenszel(a, n1, c, n2), mantel_haenszel(n1 - a, n1, n2 - c, n2)
    assert other.estimate == pytest.approx(-one.estimate, abs=1e-12)
    assert (other.se, other.qe) == pytest.approx((one.se, one.qe))


@given(tables)
def test_one_table_gives_its_own_ratio(cells: list[tuple[int, int, int, int]]) -> None:
    (a, b, c, d), *_ = cells
    found = mantel_haenszel([a], [a + b], [c], [c + d])
    assert found.estimate == pytest.approx(np.log(a * d / (b * c)))
    assert found.se**2 == pytest.approx(1 / a + 1 / b + 1 / c + 1 / d)
    assert (found.qe, found.qe_df, found.i2) == (0.0, 0, 0.0)


@given(tables)
def test_studies_without_information_leave_odds_ratios_alone(
    cells: list[tuple[int, int, int, int]],
) -> None:
    rows = columns(cells)
    more = [np.append(column, [extra, extra2]) for column, extra, extra2 in
            zip(rows, (0, 9, 0, 5), (7, 7, 4, 4))]  # fmt: skip
    for pooled in (mantel_haenszel, peto):
        with_them, without = pooled(*more), pooled(*rows)
        assert with_them.estimate == pytest.approx(without.estimate, abs=1e-12)
        assert (with_them.se, with_them.qe) == pytest.approx((without.se, without.qe))
        assert with_them.k == without.k + 2


@given(st.integers(1, 500), st.integers(1, 500), st.floats(0.01, 0.99), st.floats(-8, 8))
def test_expected_events_lie_within_the_margins_and_have_the_odds_ratio(
    n1: int, n2: int, share: float, log_ratio: float
) -> None:
    m = round(share * (n1 + n2))
    assume(0 < m < n1 + n2)
    size, other, events = (np.array([float(x)]) for x in (n1, n2, m))
    [x] = expected_events(size, other, events, log_ratio).tolist()
    assert max(0, m - n2) - 1e-9 <= x <= min(n1, m) + 1e-9
    left, right = x * (n2 - m + x), float(np.exp(log_ratio)) * (n1 - x) * (m - x)
    assert left == pytest.approx(right, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param(([0, 0], [9, 8], [1, 2], [9, 8]), "0: no events on one side", id="zero"),
        pytest.param(([1, 2], [9, 8], [0, 0], [9, 8]), "infinite: no events", id="infinite"),
        pytest.param(([0, 0], [9, 8], [0, 0], [9, 8]), "undefined: no events", id="undefined"),
    ],
)
def test_a_ratio_without_events_on_one_side_is_not_estimable(rows: Any, said: str) -> None:
    with pytest.raises(NotEstimable, match=said):
        mantel_haenszel(*rows, measure="RR")
    with pytest.raises(NotEstimable, match=said):
        mantel_haenszel_rates(*rows)


def test_nobody_or_everybody_with_the_event_gives_no_peto_estimate() -> None:
    with pytest.raises(NotEstimable, match="some but not all"):
        peto([0, 5], [9, 5], [0, 4], [8, 4])
    with pytest.raises(NotEstimable, match="no standard error"):
        mantel_haenszel([0], [9], [0], [8], measure="RD")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param(([5], [4], [1], [9]), "study 1 has 5 events of 4 persons", id="too many"),
        pytest.param(([1, 1], [4, 4], [1, -1], [9, 9]), "study 2 has -1 events", id="negative"),
        pytest.param(([1], [None], [1], [9]), "n1i of study 1 is missing", id="missing"),
        pytest.param(([0], [0], [1], [9]), "0 events of 0 persons", id="nobody"),
        pytest.param(([1, 2], [4], [1], [9]), "one number per study", id="lengths"),
    ],
)
def test_counts_that_cannot_be_are_refused(rows: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        mantel_haenszel(*rows)
