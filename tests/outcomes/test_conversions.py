"""Formulas from what is printed to what is pooled, against published and computed values."""

import json
from itertools import pairwise, permutations
from math import exp, log, sqrt
from statistics import mean, stdev

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kb.outcomes import conversions as c
from kb.outcomes.chains import Guard, Refused
from kb.outcomes.rules import RULES
from tests.conftest import ROOT, shared

approx = pytest.approx

sds = st.floats(0.01, 1e4)
sizes = st.integers(2, 2000)
values = st.floats(-1e4, 1e4)
samples = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)


def number(made):
    assert not isinstance(made, Refused), made
    return made


# -- published values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "expected", "places"),
    [
        # Recomputed from the formulas of Luo 2018, Wan 2014 and Shi 2020; agree with metafor.
        pytest.param(c.mean_from_quartiles(5, 6, 6.5, 10), 5.8153, 4, id="quartiles, mean"),
        pytest.param(c.sd_from_quartiles(5, 6, 6.5, 10), 1.2900, 4, id="quartiles, SD"),
        pytest.param(c.mean_from_range(4, 6, 7, 7), 5.7591, 4, id="range, mean"),
        pytest.param(c.sd_from_range(4, 6, 7, 7), 1.0993, 4, id="range, SD"),
        pytest.param(c.mean_from_five(3, 5, 6, 6.5, 7.5, 24), 5.7298, 4, id="five, mean"),
        pytest.param(c.sd_from_five(3, 5, 6, 6.5, 7.5, 24), 1.1641, 4, id="five, SD"),
        # Cochrane Handbook 5.1, 16.4.6.4.
        pytest.param(c.change_sd(2.38, 2.21, 0.68), 1.8426, 4, id="SD of change"),
        # metafor 4, page of conv.wald: OR 0.64 (0.33 to 1.22).
        pytest.param(c.log_of_ratio(0.64), -0.4463, 4, id="log of a ratio"),
        pytest.param(
            number(c.log_se_from_ratio_ci(0.33, 1.22)) ** 2, 0.1113, 4, id="variance of a ratio"
        ),
        # z at 95, 90 and 99 %: the divisors 3.92, 3.29 and 5.15 of the Handbook.
        pytest.param(c.sd_from_ci(0, 3.92, 100), 10.0, 3, id="large group, 95 %"),
        pytest.param(c.sd_from_ci(0, 3.29, 100, 90), 10.0, 2, id="large group, 90 %"),
        pytest.param(c.sd_from_ci(0, 5.15, 100, 99), 10.0, 2, id="large group, 99 %"),
        # t(0.975; 24) = 2.0639, as the Handbook prints it for 25 participants.
        pytest.param(c.sd_from_ci(0, 2 * 2.0639, 25), 5.0, 3, id="small group, t"),
        # Two groups of 25 and 22, difference 3.8, P = 0.008: t(45) = 2.78, SE = 1.37, and from
        # SE the SD = 4.69 (Handbook 6.5.2.3).
        pytest.param(c.se_from_md_p(3.8, 0.008, 25, 22), 1.37, 2, id="P of a difference"),
        pytest.param(c.sd_from_md_se(1.37, 25, 22), 4.69, 2, id="SD of both groups"),
    ],
)
def test_published_and_recomputed_values_are_met(made, expected, places):
    assert made == approx(expected, abs=0.51 * 10**-places)


def test_combining_three_groups_gives_the_published_group():
    groups = [c.Group(10, 11.8, 2.4), c.Group(20, 15.3, 3.2), c.Group(15, 8.4, 4.1)]
    made = number(c.combined_groups(groups))
    assert (made.n, made.mean, made.sd) == (45, approx(12.2222, abs=5e-5), approx(4.5028, abs=5e-5))


def test_changes_of_opposite_sign_are_combined_with_their_signs():
    made = number(c.combined_groups([c.Group(10, -0.5, 1), c.Group(10, 0.5, 1)]))
    assert (made.mean, made.sd) == (0, approx(1.1002, abs=5e-5))


def test_conversions_agree_with_metafor():
    """metafor 5.1.12: conv.fivenum, conv.wald; tolerance that of printing to 15 digits."""
    reference = json.loads(shared("data/meta/conversions.json").read_text())
    for case in reference["five_number_to_mean_sd"]:
        given_ = case["input"]
        a, q1, m, q3, b, n = (given_[k] for k in ("min", "q1", "median", "q3", "max", "n"))
        if q1 is None:
            made = (c.mean_from_range(a, m, b, n), c.sd_from_range(a, m, b, n))
        elif a is None:
            made = (c.mean_from_quartiles(q1, m, q3, n), c.sd_from_quartiles(q1, m, q3, n))
        else:
            made = (c.mean_from_five(a, q1, m, q3, b, n), c.sd_from_five(a, q1, m, q3, b, n))
        expected = case["default"]
        assert made == approx((expected["mean"], expected["sd"]), rel=1e-12)
    (wald,) = reference["wald_ci_to_yi_vi"]
    assert c.log_of_ratio(wald["input"]["est"]) == approx(wald["yi"], rel=1e-12)
    bounds = (wald["input"]["lb"], wald["input"]["ub"])
    assert c.log_se_from_ratio_ci(*bounds) == approx(wald["sei"], rel=1e-12)
    (change,) = reference["sd_of_change"]
    given_ = change["input"]
    sd = c.change_sd(given_["sd0"], given_["sd1"], given_["r"])
    assert sd == approx(change["sd_change"], rel=1e-12)
    (ci,) = reference["ci_of_mean_to_sd"]
    given_ = ci["input"]
    assert c.sd_from_ci(given_["lb"], given_["ub"], given_["n"]) == approx(ci["sd_t"], rel=1e-12)
    (two,) = reference["combine_two_groups"]
    g = two["input"]
    both = number(
        c.combined_groups(
            [c.Group(g["n1"], g["m1"], g["sd1"]), c.Group(g["n2"], g["m2"], g["sd2"])]
        )
    )
    assert (both.n, both.mean, both.sd) == approx((two["n"], two["mean"], two["sd"]), rel=1e-12)


# -- laws ----------------------------------------------------------------------------------------


@given(st.lists(samples, min_size=1, max_size=4))
def test_combined_groups_are_the_pooled_participants(groups):
    made = number(c.combined_groups([c.Group(len(g), mean(g), stdev(g)) for g in groups]))
    everybody = [x for g in groups for x in g]
    assert made.n == len(everybody)
    assert made.mean == approx(mean(everybody), abs=1e-9)
    assert made.sd == approx(stdev(everybody), rel=1e-6, abs=1e-6)


@given(st.lists(st.builds(c.Group, sizes, values, sds), min_size=2, max_size=4))
def test_groups_combine_alike_in_any_order(groups):
    first = number(c.combined_groups(groups))
    for order in permutations(groups):
        other = number(c.combined_groups(order))
        assert (other.n, other.mean, other.sd) == approx((first.n, first.mean, first.sd))


@given(sds, sizes)
def test_an_sd_survives_its_standard_error(sd, n):
    assert c.sd_from_se(number(c.se_from_sd(sd, n)), n) == approx(sd)


@given(values, sds, sizes, st.floats(50, 99.9))
def test_an_sd_survives_its_confidence_interval(centre, sd, n, level):
    half = c._half_width(level, n - 1 if n < c.SMALL_GROUP else None) * sd / sqrt(n)
    assume(half > 1e-6)
    made = c.sd_from_ci(centre - half, centre + half, n, level)
    assert made == approx(sd, rel=1e-3)


@given(sds, sds, st.floats(-1, 1))
def test_a_correlation_survives_the_sd_of_change(before, after, r):
    change = number(c.change_sd(before, after, r))
    made = c.correlation(before, after, change)
    # Where one SD is tiny beside the other, change hardly knows of the correlation.
    assume(min(before, after) / max(before, after) > 1e-3)
    if isinstance(made, Refused):  # rounding may carry r past 1
        assert abs(r) == approx(1)
    else:
        assert made == approx(r, abs=1e-6)


@given(sds, sds)
def test_a_stronger_correlation_means_a_steadier_change(before, after):
    at = [number(c.change_sd(before, after, r)) for r in (0.5, 0.7, 0.9)]
    assert at == sorted(at, reverse=True)


@given(st.lists(st.floats(-100, 100), min_size=5, max_size=5), st.integers(5, 500), values)
def test_moving_all_quantiles_moves_the_mean_and_not_the_sd(quantiles, n, shift):
    five = sorted(quantiles)
    assume(all(b - a > 1e-3 for a, b in pairwise(five)))
    anyway = frozenset({Guard.SKEWED})
    a, q1, m, q3, b = five
    here = number(c.mean_from_five(a, q1, m, q3, b, n, override=anyway))
    sd = number(c.sd_from_five(a, q1, m, q3, b, n, override=anyway))
    a, q1, m, q3, b = (x + shift for x in five)
    there = number(c.mean_from_five(a, q1, m, q3, b, n, override=anyway))
    assert there == approx(here + shift, abs=1e-6)
    assert c.sd_from_five(a, q1, m, q3, b, n, override=anyway) == approx(sd, abs=1e-6)
    assert five[0] <= here <= five[-1]


@given(st.integers(1, 400), st.integers(0, 3), st.data())
def test_a_count_is_found_again_in_its_printed_percentage_or_shares_it(n, decimals, data):
    x = data.draw(st.integers(0, n))
    printed = round(100 * x / n, decimals)
    made = c.count_from_percent(printed, n, decimals)
    if isinstance(made, Refused):
        nearest = number(c.nearest_count(printed, n, decimals))
        assert abs(nearest - x) <= n * 10.0**-decimals / 100 + 1e-9
    else:
        assert made == x


@given(st.floats(0.1, 100), st.floats(0.01, 1.5), st.integers(5, 200))
def test_log_normal_values_keep_their_mean_and_sd(geometric_mean, log_sd, n):
    half = c._half_width(95, n - 1 if n < c.SMALL_GROUP else None) * log_sd / sqrt(n)
    bounds = (geometric_mean * exp(-half), geometric_mean * exp(half))
    found = number(c.log_sd_from_ci(*bounds, n))
    assert found == approx(log_sd)
    m, sd = (
        number(c.mean_from_log(geometric_mean, found)),
        number(c.sd_from_log(geometric_mean, found)),
    )
    assert sqrt(log(1 + (sd / m) ** 2)) == approx(log_sd)


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(), st.floats(), st.floats())
def test_no_number_whatever_makes_a_formula_raise(a, b, x, n):
    for made in (
        c.sd_from_se(a, n),
        c.sd_from_ci(a, b, n, x),
        c.se_from_md_ci(a, b, n, x),
        c.se_from_md_p(a, b, n, x),
        c.sd_from_md_se(a, n, x),
        c.log_se_from_ratio_ci(a, b, x),
        c.log_of_ratio(a),
        c.mean_from_range(a, b, x, n),
        c.sd_from_quartiles(a, b, x, n),
        c.sd_from_iqr(a, b, n),
        c.change_sd(a, b, x),
        c.correlation(a, b, x),
        c.change_sd_from_p(a, b, n),
        c.count_from_percent(a, n, 1),
        c.nearest_count(a, n, 0),
        c.percent_from_count(a, n),
        c.mean_from_log(a, b),
        c.sd_from_log(a, b),
    ):
        assert isinstance(made, (float, Refused))


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "guard"),
    [
        pytest.param(c.sd_from_range(0, 2, 20, 10), Guard.SKEWED, id="skewed range"),
        pytest.param(c.sd_from_quartiles(0, 1, 20, 40), Guard.SKEWED, id="skewed quartiles"),
        pytest.param(c.mean_from_five(0, 1, 2, 3, 50, 40), Guard.SKEWED, id="skewed five numbers"),
        pytest.param(c.sd_from_range(1, 2, 3, 4), Guard.SMALL_SAMPLE, id="four participants"),
        pytest.param(c.sd_from_iqr(1, 3, 99), Guard.SMALL_SAMPLE, id="IQR of a small group"),
    ],
)
def test_what_a_person_may_decide_otherwise_says_by_which_guard(made, guard):
    assert isinstance(made, Refused)
    assert made.guard is guard


def test_a_guard_set_aside_gives_the_number():
    assert isinstance(c.sd_from_range(0, 2, 20, 10, override=[Guard.SKEWED]), float)
    assert isinstance(c.sd_from_range(1, 2, 3, 4, override=[Guard.SMALL_SAMPLE]), float)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(c.sd_from_quartiles(6, 5, 7, 30), id="median below the lower quartile"),
        pytest.param(c.sd_from_quartiles(0, 0, 0, 30), id="half of the values tied"),
        pytest.param(c.sd_from_se(0.4, 1), id="one participant"),
        pytest.param(c.sd_from_se(-0.4, 10), id="negative standard error"),
        pytest.param(c.sd_from_ci(3, 2, 10), id="interval upside down"),
        pytest.param(c.sd_from_ci(2, 3, 10, 0.95), id="level as a fraction"),
        pytest.param(c.log_se_from_ratio_ci(0, 2), id="ratio from zero"),
        pytest.param(c.se_from_md_t(0, 2), id="no difference"),
        pytest.param(c.se_from_p(0.4, 1), id="P of one"),
        pytest.param(c.change_sd(1, 1, 1.1), id="correlation above one"),
        pytest.param(c.correlation(1, 1, 5), id="SD of change too large"),
        pytest.param(c.combined_groups([]), id="no group"),
        pytest.param(c.count_from_percent(45, 7, 0), id="no count fits"),
        pytest.param(c.count_from_percent(33, 250, 0), id="two counts fit"),
        pytest.param(c.count_from_percent(101, 7, 0), id="more than all"),
        pytest.param(c.percent_from_count(7, 6), id="more than there are"),
    ],
)
def test_what_does_not_determine_an_answer_is_refused_for_good(made):
    assert isinstance(made, Refused)
    assert made.guard is None
    assert made.reason


@pytest.mark.parametrize(
    ("estimate", "low", "high", "rounding", "is_midway"),
    [
        pytest.param(log(0.64), log(0.33), log(1.22), 0.02, True, id="odds ratio on the log scale"),
        pytest.param(0.64, 0.33, 1.22, 0.01, False, id="the same, not on the log scale"),
        pytest.param(5.2, 4.3, 6.1, 0.1, True, id="mean"),
        pytest.param(5.2, 4.9, 6.1, 0.1, False, id="wrong bound"),
    ],
)
def test_an_estimate_is_midway_in_its_interval(estimate, low, high, rounding, is_midway):
    assert (c.not_midway(estimate, low, high, rounding) is None) is is_midway


@pytest.mark.parametrize(
    ("text", "value", "is_bound"),
    [
        pytest.param("< 0.05", 0.05, True, id="bound"),
        pytest.param("P = .003", 0.003, False, id="no zero"),
        pytest.param("0·04", 0.04, False, id="raised point"),
        pytest.param("P≤0.01", 0.01, True, id="at most"),
        pytest.param("p-value 0,02", 0.02, False, id="comma"),
        pytest.param("1.2e-5", 1.2e-5, False, id="exponent"),
        pytest.param("3 × 10^-4", 3e-4, False, id="power of ten"),
        pytest.param("P<0.001 (two-sided)", 0.001, True, id="sides said"),
    ],
)
def test_p_values_are_read_as_printed(text, value, is_bound):
    assert c.p_value(text) == c.PValue(value, is_bound)


@pytest.mark.parametrize(
    "text", ["NS", "> 0.05", "0.000", "1", "0.04 and 0.05", "one-sided 0.02", "", "0.02 one-sided"]
)
def test_what_is_no_p_value_is_not_made_one(text):
    assert isinstance(c.p_value(text), Refused)


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [
        pytest.param("43 %", 43, 0, id="none"),
        pytest.param("42·9", 42.9, 1, id="raised point"),
        pytest.param("0.90", 0.9, 2, id="zero at the end"),
        pytest.param("6.7 (2.0)", 2.0, 1, id="the second number"),
        pytest.param(None, 42.9, 1, id="no text"),
        pytest.param(None, 43.0, 0, id="no text, whole"),
        pytest.param(None, 1e-5, 5, id="small"),
    ],
)
def test_printed_decimals_are_those_of_the_text(text, value, decimals):
    assert c.printed_decimals(text, value) == decimals


def test_every_rule_is_documented_with_its_formula_and_source():
    text = (ROOT / "docs" / "harmonisation.md").read_text(encoding="utf-8")
    for rule in RULES.values():
        for part in (f"`{rule.id}`", rule.title, rule.formula, rule.guard, rule.source):
            assert part in text, f"docs/harmonisation.md lacks {part!r} of {rule.id}"
