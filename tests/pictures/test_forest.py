"""Forest plots: studies, numbers, weights, pooled effects and what stands for what."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.pictures.forest import Estimate, Group, Heterogeneity, Row, forest
from kb.pictures.scales import fixed, limits_around, log_ticks, number, p_value, ticks
from tests.pictures.scene import (
    a_forest,
    a_pooled,
    a_row,
    an_effect,
    diamonds,
    height_of,
    is_within_the_page,
    numbers,
    said,
    squares,
    text_at,
    texts,
    two_arms,
    width_of,
)


def test_a_study_shows_its_numbers_weight_and_effect():
    drawing = forest(
        a_forest(
            a_row(numbers=numbers("3", "60", "11", "30"), effect=an_effect(0.09, 0.02, 0.36)),
            columns=two_arms(),
        )
    )
    assert {"3", "60", "11", "30", "50.0%", "0.09 [0.02, 0.36]"} <= set(texts(drawing))
    assert {"MSC", "Placebo", "Events", "Total", "Odds ratio [95%\u00a0CI]"} <= set(texts(drawing))


def test_a_square_is_as_large_as_its_weight():
    small, large = squares(
        forest(a_forest(a_row("light", weight=10.0), a_row("heavy", weight=90.0)))
    )
    assert width_of(large) ** 2 / width_of(small) ** 2 == pytest.approx(9, rel=0.01)


def test_the_pooled_diamond_is_as_wide_as_its_interval():
    value = a_forest(pooled=(a_pooled(effect=an_effect(0.6, 0.25, 1.0)),))
    drawing = forest(value)
    (diamond,) = diamonds(drawing)
    # On a logarithmic axis both halves of the studies' interval, 0.25 to 1, are as wide.
    spans = [m for m in drawing.marks if getattr(m, "width", None) == 0.9 and hasattr(m, "dash")]
    (x1, _), (x2, _) = spans[0].points  # type: ignore[union-attr]
    assert width_of(diamond) == pytest.approx(x2 - x1, rel=1e-6)


def test_the_prediction_interval_has_a_row_of_its_own():
    drawing = forest(a_forest(pooled=(a_pooled(prediction=(0.1, 3.0)),)))
    assert "Prediction interval" in texts(drawing)
    assert "[0.10, 3.00]" in texts(drawing)


def test_subgroups_have_headings_and_hollow_diamonds_of_their_own():
    drawing = forest(
        a_forest(
            groups=(
                Group(name="Autologous", rows=(a_row("A"),), pooled=(a_pooled(label="Subtotal"),)),
                Group(name="Allogeneic", rows=(a_row("B"),), pooled=(a_pooled(label="Subtotal"),)),
            ),
            pooled=(a_pooled(),),
            subgroup_test="Q = 1.85, df = 1 (P = 0.17)",
        )
    )
    assert text_at(drawing, "Autologous").y < text_at(drawing, "A").y
    assert text_at(drawing, "A").y < text_at(drawing, "Allogeneic").y
    assert [d.fill for d in diamonds(drawing)] == ["#ffffff", "#ffffff", "#1d2733"]
    assert "Test for subgroup differences: Q = 1.85" in said(drawing)


@pytest.mark.parametrize(
    ("origin", "sign", "is_hollow"),
    [
        ("computed", "†", False),
        ("imputed", "‡", True),
        ("digitised", "§", True),
        ("author_supplied", "¶", False),
        ("reported", None, False),
    ],
)
def test_a_number_that_was_not_reported_carries_a_sign(origin, sign, is_hollow):
    drawing = forest(
        a_forest(a_row(numbers=numbers("3", "60", "11", "30", n4=origin)), columns=two_arms())
    )
    if sign is None:
        assert not {"†", "‡", "§", "¶"} & set("".join(texts(drawing)))
    else:
        assert text_at(drawing, sign).y == text_at(drawing, "30").y
        assert f"{sign} " in said(drawing)
    (square,) = squares(drawing)
    assert (square.fill == "#ffffff") is is_hollow
    assert ("imputed or digitised" in drawing.description) is is_hollow


def test_a_correction_for_zero_cells_is_told():
    drawing = forest(a_forest(a_row(is_corrected=True)))
    assert "*" in texts(drawing)
    assert "* counts corrected because of a zero cell" in said(drawing)


def test_what_is_not_reported_is_never_a_number():
    drawing = forest(a_forest(a_row(numbers=numbers("0", None, "1", "20")), columns=two_arms()))
    assert "NR" in texts(drawing)
    assert "NR: not reported." in texts(drawing)


def test_a_study_without_an_estimate_is_listed_with_the_reason():
    drawing = forest(
        a_forest(a_row(), a_row("Zero 2010", effect=None, reason="no event in either arm"))
    )
    assert "Not estimable" in texts(drawing)
    assert "Not estimable: Zero 2010 (no event in either arm)." in texts(drawing)
    assert len(squares(drawing)) == 1
    assert "Zero 2010 (no event in either arm)" in drawing.description


def test_an_interval_beyond_the_axis_ends_in_an_arrow():
    value = a_forest(a_row(effect=an_effect(0.5, 0.001, 200.0)), limits=(0.1, 10.0))
    within = a_forest(a_row(effect=an_effect(0.5, 0.2, 2.0)), limits=(0.1, 10.0))
    arrows = [
        [m for m in forest(v).marks if getattr(m, "fill", None) == INK and len(m.points) == 3]  # type: ignore[union-attr]
        for v in (value, within)
    ]
    assert [len(found) for found in arrows] == [2, 0]


INK = "#1d2733"


def test_an_estimate_beyond_the_axis_is_no_square_on_it():
    drawing = forest(a_forest(a_row(effect=an_effect(50, 20, 100)), limits=(0.1, 10.0)))
    assert squares(drawing) == []


def test_a_few_wide_intervals_do_not_press_the_others_together():
    intervals = [(0.4, 1.2)] * 9 + [(1e-6, 1e6)]
    low, high = limits_around([0.7] * 10, intervals, [1.0], is_log=True)
    assert 1e-3 < low < 0.4
    assert 1.2 < high < 1e3


def test_the_description_tells_the_finding_in_words():
    drawing = forest(
        a_forest(
            a_row("A", effect=an_effect(0.2, 0.1, 0.4)),
            a_row("B", effect=an_effect(1.5, 0.5, 4.5)),
            a_row("C"),
            method="Random effects, REML",
            pooled=(
                a_pooled(
                    k=3,
                    prediction=(0.05, 5.0),
                    heterogeneity=Heterogeneity(q=9.5, df=2, p=0.009, tau2=0.3, i2=79.0),
                ),
            ),
        )
    )
    assert drawing.description == (
        "Forest plot of 3 studies; odds ratio. Random effects, REML. All studies: 0.60 (95% CI "
        "0.40 to 0.90), prediction interval 0.05 to 5.00; heterogeneity: τ² = 0.30; Q = 9.50, "
        "df = 2 (P = 0.009); I² = 79%. Estimates run from 0.20 (A) to 1.50 (B). 1 of 3 studies "
        "have an interval that excludes 1."
    )


def test_heterogeneity_of_two_studies_is_no_percentage():
    found = Heterogeneity(q=1.2, df=1, p=0.27, tau2=0.1, i2=17.0)
    two, three = (forest(a_forest(pooled=(a_pooled(k=k, heterogeneity=found),))) for k in (2, 3))
    assert "I²" not in said(two)
    assert "I² = 17%" in said(three)


@pytest.mark.parametrize("k", [1, 2, 30, 150])
def test_the_page_grows_with_the_studies(k):
    rows = [a_row(f"Study {n}", weight=100 / k) for n in range(k)]
    drawing = forest(a_forest(*rows, pooled=(a_pooled(),)))
    assert drawing.height > 13 * k
    assert len(squares(drawing)) == k
    assert is_within_the_page(drawing)


@pytest.mark.parametrize(
    "label",
    [
        pytest.param("A very long name of a study that goes on and on " * 4, id="long"),
        pytest.param("x" * 300, id="one word"),
        pytest.param("Ωmega Ж 研究 \u05e2\u05d1\u05e8\u05d9\u05ea 2020", id="scripts"),
        pytest.param('$\\frac{1}{2}$ <b> & "', id="markup"),
        pytest.param("", id="none"),
    ],
)
def test_any_label_stays_on_the_page(label):
    drawing = forest(
        a_forest(
            a_row(label, numbers=numbers("1", "2", "3", "4")),
            columns=two_arms(),
            title=label or "x",
            favours=(label or "x", label or "x"),
            pooled=(a_pooled(label=label or "x"),),
        )
    )
    assert is_within_the_page(drawing)


def test_rows_do_not_overlap():
    rows = [a_row("A long label that takes more lines than one " * (n % 3 + 1)) for n in range(9)]
    drawing = forest(a_forest(*rows))
    found = squares(drawing)
    tops = [min(y for _, y in s.points) for s in found]
    assert all(b - a >= height_of(found[0]) for a, b in pairwise(tops))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param(
            a_forest(a_row(effect=None, reason="no events")),
            r"no study gives an estimate.*no events",
            id="k is 0",
        ),
        pytest.param(a_forest(groups=()), "nothing to plot", id="no rows"),
        pytest.param(
            a_forest(a_row("A", effect=an_effect(-0.7, -1.3, -0.1))),
            "A: .*give ratios, not their logarithms",
            id="logarithms",
        ),
        pytest.param(
            a_forest(a_row("A", effect=an_effect(2.0, 0.5, 1.0))),
            "A: 2 does not lie within its interval 0.5 to 1",
            id="outside its interval",
        ),
        pytest.param(
            a_forest(a_row("A", effect=an_effect(math.nan, 0.5, 1.0))), "A: nan", id="not a number"
        ),
        pytest.param(
            a_forest(a_row("A", numbers=numbers("1")), columns=two_arms()),
            "A: 1 numbers for 4 columns",
            id="columns",
        ),
        pytest.param(a_forest(limits=(10.0, 0.1)), "from a lower to a higher", id="limits"),
        pytest.param(a_forest(limits=(-1.0, 10.0)), "begins above 0", id="limits below 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(value, says):
    with pytest.raises(InvalidInput, match=says):
        forest(value)


def test_infinite_limits_are_drawn_as_arrows():
    drawing = forest(a_forest(a_row(effect=Estimate(estimate=2.0, low=0.0, high=math.inf))))
    assert "2.00 [0.00, ∞]" in texts(drawing)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-1e4, 1e4), st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0.01, 100)),
        min_size=1,
        max_size=12,
    )
)
def test_any_differences_have_a_plot_on_its_page(studies):
    rows = [
        Row(
            label=f"S{n}",
            effect=Estimate(estimate=y, low=y - below, high=y + above),
            weight=w,
        )
        for n, (y, below, above, w) in enumerate(studies)
    ]
    drawing = forest(a_forest(*rows, is_log=False, null=0.0, measure="Mean difference"))
    assert is_within_the_page(drawing)


# -- numbers and ticks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0.0, "0.00"),
        (0.5, "0.50"),
        (-0.5, "−0.50"),
        (0.0043, "0.0043"),
        (1234.5, "1,234"),
        (1.5e7, "1.5 × 10⁷"),
        (2e-9, "2.0 × 10⁻⁹"),
        (math.inf, "∞"),
        (-1e-20, "−1.0 × 10⁻²⁰"),
    ],
)
def test_numbers_have_the_digits_that_say_something(value, printed):
    assert number(value) == printed


def test_a_limit_that_rounds_to_zero_keeps_its_sign():
    assert fixed(-0.0042, 2) == "−0.00"
    assert fixed(0.0042, 2) == "0.00"


@pytest.mark.parametrize(
    ("p", "printed"), [(0.0001, "P < 0.001"), (0.0312, "P = 0.031"), (0.27, "P = 0.27")]
)
def test_p_values_are_printed_as_journals_do(p, printed):
    assert p_value(p) == printed


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.02, 12, [0.03, 0.1, 0.3, 1, 3, 10]),
        (0.4, 3, [0.5, 1, 2]),
        (0.85, 1.3, [0.9, 1.0, 1.1, 1.2, 1.3]),
        (1e-4, 1e4, [1e-4, 1e-2, 1, 1e2, 1e4]),
    ],
)
def test_ticks_of_ratios_are_round_and_hold_1(low, high, found):
    assert log_ticks(low, high) == pytest.approx(found)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_lie_within_the_limits_and_are_few(low, width):
    found = ticks(low, low + width)
    slack = 1e-6 * width
    assert all(low - slack <= tick <= low + width + slack for tick in found)
    assert 1 <= len(found) <= 12
