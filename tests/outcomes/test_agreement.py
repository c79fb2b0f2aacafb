"""Agreement statistics against published examples and values worked out by hand."""

from math import sqrt
from statistics import mean, stdev

import pytest

from kb.outcomes.agreement import (
    cohens_kappa,
    gwets_ac1,
    krippendorffs_alpha,
    krippendorffs_alpha_of_numbers,
    limits_of_agreement,
    lins_concordance,
    percent_agreement,
)

approx = pytest.approx


def table(yes_yes: int, yes_no: int, no_yes: int, no_no: int) -> list[dict[str, bool]]:
    """Ratings of two raters, by how often each pair was given."""
    pairs = [(True, True)] * yes_yes + [(True, False)] * yes_no
    pairs += [(False, True)] * no_yes + [(False, False)] * no_no
    return [{"a": a, "b": b} for a, b in pairs]


# Four observers, twelve units, ratings missing: the example of K. Krippendorff, "Computing
# Krippendorff's Alpha-Reliability" (2011), section C: alpha 0.743 nominal, 0.849 interval.
_OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
FOUR = [
    {name: int(given) for name, given in zip("ABCD", unit) if given != "."}
    for unit in zip(*(row.split() for row in _OBSERVERS))
]

# Peak flow by two meters, l/min: Bland & Altman (1986), Lancet 327:307-310, table.
WRIGHT = (494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427)
MINI = (512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451)
PEAK_FLOW = list(zip(map(float, WRIGHT), map(float, MINI)))


def test_kappa_of_a_two_by_two_table() -> None:
    # Observed (20 + 15) / 50 = 0.7; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5; kappa 0.2 / 0.5.
    found = cohens_kappa(table(20, 5, 10, 15), "a", "b")
    assert found.estimate == approx(0.4)
    assert found.n == 50
    # Fleiss, Cohen & Everitt by hand. Rows 0.5, 0.5; columns 0.6, 0.4; 1 - kappa = 0.6.
    #   agreeing  0.4 * (1 - 1.1 * 0.6)^2 + 0.3 * (1 - 0.9 * 0.6)^2        = 0.10972
    #   differing 0.36 * (0.1 * (0.6 + 0.5)^2 + 0.2 * (0.4 + 0.5)^2)       = 0.10188
    #     a yes and b no (0.1): column of yes 0.6, row of no 0.5; the other way round 0.4 and 0.5
    #   correction (0.4 - 0.5 * 0.6)^2                                     = 0.01
    #   variance (0.10972 + 0.10188 - 0.01) / (50 * 0.25)                  = 0.016128
    half = 1.959964 * sqrt(0.016128)
    assert found.low == approx(0.4 - half, abs=1e-6)
    assert found.high == approx(0.4 + half, abs=1e-6)


def test_kappa_is_low_and_ac1_is_not_where_nearly_all_is_alike() -> None:
    # 118 of 125 both yes, none both no: the paradox of Feinstein & Cicchetti.
    ratings = table(118, 5, 2, 0)
    # Observed 0.944. Kappa: chance (123 * 120 + 2 * 5) / 125^2 = 0.94528, so -0.00128 / 0.05472.
    assert cohens_kappa(ratings, "a", "b").estimate == approx(-0.02339, abs=1e-5)
    # AC1: share of yes (123 + 120) / 250 = 0.972; chance 2 * 0.972 * 0.028 = 0.054432.
    found = gwets_ac1(ratings, (True, False))
    assert found.estimate == approx((0.944 - 0.054432) / (1 - 0.054432))
    assert found.estimate == approx(0.9408, abs=5e-5)


def test_ac1_of_several_raters_with_ratings_missing() -> None:
    # The same four observers as Gwet's worked example for his AC1: 0.77544, standard error
    # 0.14295; with t of 11 degrees of freedom, 2.20099, the interval begins at 0.46081.
    found = gwets_ac1(FOUR, (1, 2, 3, 4, 5))
    assert found.estimate == approx(0.77544, abs=5e-6)
    assert found.low == approx(0.77544 - 2.20099 * 0.14295, abs=5e-5)
    assert (found.high, found.n) == (1.0, 11)


def test_alpha_of_krippendorffs_examples() -> None:
    assert krippendorffs_alpha(FOUR).estimate == approx(0.743, abs=5e-4)
    assert krippendorffs_alpha_of_numbers(FOUR).estimate == approx(0.849, abs=5e-4)
    # Section A of the same: two observers, ten units, two categories, alpha 0.095.
    two = [{"a": a, "b": b} for a, b in zip("0100000010", "1110010000")]
    assert krippendorffs_alpha(two).estimate == approx(0.095, abs=5e-4)


def test_percent_agreement_has_the_score_interval() -> None:
    found = percent_agreement(table(20, 5, 10, 15))
    # Wilson for 35 of 50: (0.7 + z^2/100 -+ z sqrt(0.21/50 + z^2/10000)) / (1 + z^2/50).
    z2 = 1.959964**2
    half = 1.959964 * sqrt(0.21 / 50 + z2 / 10000)
    assert found.low == approx((0.7 + z2 / 100 - half) / (1 + z2 / 50), abs=1e-6)
    assert found.high == approx((0.7 + z2 / 100 + half) / (1 + z2 / 50), abs=1e-6)


def test_concordance_and_limits_of_two_meters() -> None:
    differences = [x - y for x, y in PEAK_FLOW]
    limits = limits_of_agreement(PEAK_FLOW)
    # As printed: mean difference -2.1, standard deviation 38.8 l/min.
    assert limits.mean == approx(-2.1, abs=0.05)
    assert stdev(differences) == approx(38.8, abs=0.05)
    assert limits.low == approx(mean(differences) - 1.959964 * stdev(differences), abs=1e-4)
    found = lins_concordance(PEAK_FLOW)
    # By the definition: twice the covariance over both variances and the squared shift, all by 17.
    x, y = WRIGHT, MINI
    both = mean(a * b for a, b in zip(x, y)) - mean(x) * mean(y)
    spread = mean(a * a for a in x) - mean(x) ** 2 + mean(b * b for b in y) - mean(y) ** 2
    assert found.estimate == approx(2 * both / (spread + (mean(x) - mean(y)) ** 2))
    assert found.estimate == approx(0.9427, abs=5e-5)
    assert found.low is not None
    assert found.high is not None
    assert 0.84 < found.low < 0.9427 < found.high < 0.98


def test_concordance_falls_with_a_shift_that_correlation_does_not_see() -> None:
    # x = 1, 2, 3 and y = x + 1: variances 2/3, covariance 2/3: 2 * 2/3 / (4/3 + 1) = 4/7.
    found = lins_concordance([(1, 2), (2, 3), (3, 4)])
    assert found.estimate == approx(4 / 7)
    assert found.low is None
    assert lins_concordance([(1, 1), (2, 2), (3, 3)]).estimate == approx(1)


def test_what_one_rater_alone_rated_says_nothing_of_agreement() -> None:
    shared = table(20, 5, 10, 15)
    more = [*shared, {"a": True}, {"b": False}, {}]
    for statistic in (percent_agreement, krippendorffs_alpha):
        assert statistic(more) == statistic(shared)
    assert cohens_kappa(more, "a", "b") == cohens_kappa(shared, "a", "b")
    assert gwets_ac1(more, (True, False)).n == 50


def test_agreement_does_not_depend_on_the_order_of_units() -> None:
    ratings = table(20, 5, 10, 15)
    for statistic in (percent_agreement, krippendorffs_alpha):
        assert statistic(ratings[::-1]).estimate == approx(statistic(ratings).estimate)
    assert gwets_ac1(FOUR[::-1], (1, 2, 3, 4, 5)).low == approx(
        gwets_ac1(FOUR, (1, 2, 3, 4, 5)).low
    )


def test_what_these_ratings_do_not_determine_is_none_with_its_reason() -> None:
    alike = table(9, 0, 0, 0)
    assert percent_agreement(alike).estimate == 1
    for found in (cohens_kappa(alike, "a", "b"), krippendorffs_alpha(alike)):
        assert (found.estimate, found.n) == (None, 9)
        assert found.reason is not None
        assert "no variation" in found.reason
    assert gwets_ac1(alike, (True, False)).estimate == 1
    assert gwets_ac1(alike, (True,)).estimate is None
    nothing = [{"a": 1}]
    for found in (
        percent_agreement(nothing),
        cohens_kappa(nothing, "a", "b"),
        gwets_ac1(nothing, (1, 2)),
        krippendorffs_alpha(nothing),
    ):
        assert (found.estimate, found.n, found.reason) == (
            None, 0, "no unit was rated by two raters",
        )  # fmt: skip
    assert lins_concordance([(1, 2)]).estimate is None
    assert lins_concordance([(1, 1), (1, 1)]).estimate is None
    assert limits_of_agreement([(1, 2)]).mean is None


def test_raters_who_never_agree_are_below_chance() -> None:
    opposed = table(0, 5, 5, 0)
    assert cohens_kappa(opposed, "a", "b").estimate == approx(-1)
    assert percent_agreement(opposed).estimate == 0
