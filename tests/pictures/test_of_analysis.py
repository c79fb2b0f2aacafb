"""Plots of an analysis: the table's numbers beside the estimates, on the scale people read."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kb.errors import InvalidInput
from kb.pictures.forest import Forest, forest, rows_of
from kb.pictures.funnel import funnel
from kb.pictures.of_analysis import forest_of, funnel_of, method_text
from kb.synthesis.analysis import Analysis, Choices, analyse
from kb.synthesis.table import Table, read_csv
from tests.pictures.scene import said, texts

# Three of the BCG trials (Colditz 1994, JAMA 271:698-702), and one made up without any event.
BCG = b"""study,ai,n1i,ci,n2i,n2i_origin,alloc
Aronson 1948,4,123,11,139,,random
Ferguson 1949,6,306,29,303,imputed,random
Stein 1953,180,1541,372,1451,,alternate
Nobody 1999,0,10,,10,,random
"""
PROPORTIONS = b"study,xi,ni\nIacobaeus 2019,3,5\nUccelli 2021,0,20\n"
RATIOS = b"study,yi,sei\nA,-0.7,0.2\nB,0.1,0.3\n"
PAIRED = b"study,m1i,m2i,sd1i,sd2i,ri,ni\nA,6.1,5.8,1.2,1.1,0.7,10\nB,5,5.5,1,1,0.5,20\n"


def analysed(body: bytes, measure: str, **choices: Any) -> tuple[Analysis, Table]:
    table = read_csv(body)
    return analyse(table, Choices(measure=measure, **choices)), table


def plotted(body: bytes, measure: str, **choices: Any) -> Forest:
    return forest_of(*analysed(body, measure, **choices), title="BCG")


def test_the_numbers_of_the_table_stand_beside_the_estimates():
    row = rows_of(plotted(BCG, "OR"))[2]
    assert [n.text for n in row.numbers] == ["180", "1,541", "372", "1,451"]
    assert row.effect is not None
    assert row.effect.estimate == pytest.approx((180 * 1079) / (1361 * 372))


def test_estimates_are_printed_as_ratios_on_a_logarithmic_axis():
    value = plotted(BCG, "RR")
    assert (value.measure, value.is_log, value.null) == ("Risk ratio", True, 1.0)
    assert value.pooled[0].effect.estimate == pytest.approx(
        math.exp(analysed(BCG, "RR")[0].pooled.estimate)
    )


@pytest.mark.parametrize(
    ("body", "measure", "null", "bounds"),
    [
        pytest.param(PROPORTIONS, "PLO", None, (0.0, 1.0), id="proportion"),
        pytest.param(PAIRED, "MC", 0.0, None, id="change"),
        pytest.param(BCG, "RD", 0.0, None, id="difference"),
    ],
)
def test_other_measures_have_a_plain_axis(body, measure, null, bounds):
    value = plotted(body, measure)
    assert (value.is_log, value.null, value.bounds) == (False, null, bounds)
    forest(value)


def test_the_origin_of_a_number_is_carried_into_the_plot():
    value = plotted(BCG, "OR")
    assert [n.origin for n in rows_of(value)[1].numbers] == ["reported"] * 3 + ["imputed"]
    assert "Resting on imputed or digitised values: Ferguson 1949." in forest(value).description


def test_a_study_that_could_not_be_pooled_stays_in_its_place_with_what_it_reports():
    value = plotted(BCG, "OR")
    assert [row.label for row in rows_of(value)][3] == "Nobody 1999"
    assert [n.text for n in rows_of(value)[3].numbers] == ["0", "10", None, "10"]
    assert "Not estimable: Nobody 1999 (ci is not given)." in texts(forest(value))


def test_only_counts_have_sums():
    assert [n.text for n in plotted(BCG, "OR").pooled[0].numbers] == [
        "190",
        "1,970",
        "412",
        "1,893",
    ]
    assert [n.text for n in plotted(PAIRED, "MC").pooled[0].numbers] == ["", "", "", "", "30", ""]


def test_a_zero_cell_that_was_corrected_is_marked():
    value = plotted(PROPORTIONS, "PLO")
    assert [row.is_corrected for row in rows_of(value)] == [False, True]


def test_weights_are_those_of_the_analysis():
    analysis, table = analysed(BCG, "OR", method="MH")
    value = forest_of(analysis, table, title="BCG")
    assert [row.weight for row in rows_of(value)][:3] == [row.weight for row in analysis.studies]
    assert value.pooled[0].weight == pytest.approx(100)
    assert value.pooled[0].prediction is None
    assert value.method == "Common effect, Mantel-Haenszel"


@pytest.mark.parametrize(("method", "is_estimable"), [("MH", False), ("REML", True)])
def test_a_study_without_any_event_has_an_estimate_only_where_a_correction_is_pooled(
    method, is_estimable
):
    body = b"study,ai,n1i,ci,n2i\nNobody 1999,0,10,0,12\nB,3,20,5,20\n"
    value = plotted(body, "OR", method=method)
    row = rows_of(value)[0]
    assert (row.effect is not None) is is_estimable
    assert row.is_corrected is is_estimable
    if not is_estimable:
        assert row.reason == "no events, or nothing but events, in both groups"
        assert value.pooled[0].heterogeneity is None  # one study alone tells of none


def test_subgroups_are_plotted_with_their_own_effects():
    value = plotted(BCG, "OR", subgroup="alloc")
    assert [(g.name, len(g.rows), len(g.pooled)) for g in value.groups] == [
        ("alternate", 1, 1),
        ("random", 3, 1),
    ]
    assert "Test for subgroup differences: Q = " in said(forest(value))


def test_logarithms_that_were_given_are_printed_as_the_ratio_they_are_of():
    analysis, table = analysed(RATIOS, "GEN")
    value = forest_of(analysis, table, title="x", ratio="Rate ratio")
    assert (value.measure, value.is_log, value.columns) == ("Rate ratio", True, ())
    effect = rows_of(value)[0].effect
    assert effect is not None
    assert effect.estimate == pytest.approx(math.exp(-0.7))
    forest(value)
    forest(forest_of(analysis, table, title="x"))


def test_a_ratio_is_not_taken_twice():
    with pytest.raises(InvalidInput, match="OR is printed as odds ratio already"):
        forest_of(*analysed(BCG, "OR"), title="x", ratio="Odds ratio")


def test_the_prediction_interval_is_that_of_three_studies_or_more():
    assert plotted(BCG, "OR").pooled[0].prediction is not None
    assert plotted(PROPORTIONS, "PLO").pooled[0].prediction is None


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({}, "Random effects, inverse variance, τ² by REML"),
        ({"method": "DL", "test": "knha"},
         "Random effects, inverse variance, τ² by DL, Hartung-Knapp interval"),
        ({"method": "EE"}, "Common effect, inverse variance"),
        ({"method": "PETO"}, "Common effect, Peto"),
    ],
)  # fmt: skip
def test_the_plot_says_how_studies_were_pooled(choices, text):
    assert method_text(analysed(BCG, "OR", **choices)[0]) == text


def test_a_meta_regression_has_studies_and_no_one_diamond():
    body = BCG.replace(b"alloc", b"year").replace(b"random", b"1948").replace(b"alternate", b"1953")
    value = plotted(body, "OR", mods=("year",))
    assert value.pooled == ()
    assert "The studies are not pooled." in forest(value).description


def test_a_funnel_stands_around_the_pooled_effect():
    analysis, _ = analysed(BCG, "OR")
    value = funnel_of(analysis, title="BCG", is_contoured=True)
    assert value.centre == analysis.pooled.estimate
    assert (value.measure, value.is_log) == ("Odds ratio", True)
    assert [p.se for p in value.points] == [row.sei for row in analysis.studies]
    funnel(value)


def test_a_funnel_of_proportions_stands_on_the_scale_of_analysis():
    analysis, _ = analysed(PROPORTIONS, "PLO")
    value = funnel_of(analysis, title="x")
    assert (value.measure, value.is_log) == ("Logit proportion", False)
    with pytest.raises(InvalidInput, match="which a proportion does not have"):
        funnel_of(analysis, title="x", is_contoured=True)
