"""What a body of evidence supports, and what evidence without a comparator cannot say."""

from __future__ import annotations

import pytest

from kb.appraisal.grade import (
    Body,
    Certainty,
    Effect,
    PerThousand,
    Share,
    Step,
    certainty,
    corresponding_risk,
    summary_row,
)
from kb.errors import InvalidInput


def down(domain: str = "imprecision", levels: int = -1) -> Step:
    return Step(domain=domain, levels=levels, reason="few events")


@pytest.mark.parametrize(
    ("body", "steps", "ends"),
    [
        (Body.RANDOMISED, [], Certainty.HIGH),
        (Body.RANDOMISED, [down(), down("risk of bias", -2)], Certainty.VERY_LOW),
        (Body.NON_RANDOMISED, [], Certainty.LOW),
        (Body.NON_RANDOMISED_ROBINS, [down("risk of bias", -2)], Certainty.LOW),
        (Body.SINGLE_ARM, [], Certainty.LOW),
        (Body.SINGLE_ARM, [down()], Certainty.VERY_LOW),
        (Body.SINGLE_ARM, [down(levels=-2), down("risk of bias", -2)], Certainty.VERY_LOW),
    ],
)
def test_certainty_starts_by_design_and_goes_down_by_steps(
    body: Body, steps: list[Step], ends: Certainty
) -> None:
    assert certainty(body, steps) is ends


def test_a_large_effect_raises_observational_evidence_only() -> None:
    up = Step(domain="large effect", levels=2, reason="RR below 0.2")
    assert certainty(Body.NON_RANDOMISED, [up]) is Certainty.HIGH
    for body in (Body.RANDOMISED, Body.SINGLE_ARM):
        with pytest.raises(InvalidInput, match="not raised"):
            certainty(body, [up])
    with pytest.raises(InvalidInput, match="risk of bias"):
        certainty(Body.NON_RANDOMISED, [up, down("risk of bias")])


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([down(levels=-3)], id="three levels"),
        pytest.param([down(levels=1)], id="imprecision raises"),
        pytest.param([down(), down()], id="twice"),
        pytest.param([Step(domain="imprecision", levels=-1, reason=" ")], id="no reason"),
        pytest.param([down("heterogeneity")], id="no such domain"),
    ],
)
def test_a_step_that_cannot_be_is_refused(steps: list[Step]) -> None:
    with pytest.raises(InvalidInput):
        certainty(Body.RANDOMISED, steps)


def test_a_single_arm_row_says_what_it_cannot() -> None:
    row = summary_row(outcome="New T2 lesions", body=Body.SINGLE_ARM, studies=9, participants=133)
    assert row.cannot_say is not None
    assert "No comparator" in row.cannot_say
    assert (row.assumed, row.corresponding, row.effect) == (None, None, None)
    effect = Effect(measure="RR", estimate=1.0, ci_low=0.5, ci_high=2.0)
    with pytest.raises(InvalidInput, match="no comparator"):
        summary_row(outcome="x", body=Body.SINGLE_ARM, studies=1, assumed_risk=0.3)
    with pytest.raises(InvalidInput, match="no comparator"):
        summary_row(outcome="x", body=Body.SINGLE_ARM, studies=1, effect=effect)


def test_a_single_arm_row_tells_how_many_had_the_outcome_and_no_effect() -> None:
    share = Share(estimate=0.29, ci_low=0.18, ci_high=0.44)
    row = summary_row(outcome="EDSS worsened", body=Body.SINGLE_ARM, studies=6, observed=share)
    assert row.observed == PerThousand(estimate=290, ci_low=180, ci_high=440)
    assert (row.assumed, row.corresponding, row.effect) == (None, None, None)
    with pytest.raises(InvalidInput, match="single-arm"):
        summary_row(outcome="x", body=Body.RANDOMISED, studies=1, observed=share)
    percent = Share(estimate=29, ci_low=18, ci_high=44)
    with pytest.raises(InvalidInput, match="no share"):
        summary_row(outcome="x", body=Body.SINGLE_ARM, studies=1, observed=percent)


def test_risks_per_thousand_follow_from_the_ratio() -> None:
    effect = Effect(measure="RR", estimate=2.48, ci_low=1.27, ci_high=4.86)
    row = summary_row(
        outcome="Fever", body=Body.RANDOMISED, studies=20, effect=effect, assumed_risk=0.05
    )
    assert row.assumed == pytest.approx(50)
    assert row.corresponding is not None
    assert row.corresponding.estimate == pytest.approx(124)
    assert row.corresponding.ci_high == pytest.approx(243)


@pytest.mark.parametrize(
    ("measure", "ratio", "assumed", "risk"),
    [
        ("RR", 0.5, 0.2, 0.1),
        ("RR", 3.0, 0.5, 1.0),
        ("OR", 1.0, 0.2, 0.2),
        ("OR", 2.0, 0.5, 2 / 3),
        ("HR", 2.0, 0.5, 0.75),
    ],
)
def test_a_risk_follows_from_each_ratio(
    measure: str, ratio: float, assumed: float, risk: float
) -> None:
    assert corresponding_risk(measure, ratio, assumed) == pytest.approx(risk)


def test_a_risk_of_nothing_known_is_refused() -> None:
    with pytest.raises(InvalidInput, match="RR, OR or HR"):
        corresponding_risk("MD", 1.0, 0.2)
    with pytest.raises(InvalidInput, match="0 to 1"):
        summary_row(outcome="x", body=Body.RANDOMISED, studies=1, assumed_risk=5.0)
    with pytest.raises(InvalidInput, match="no ratio"):
        summary_row(
            outcome="x", body=Body.RANDOMISED, studies=1,
            effect=Effect(measure="RR", estimate=1.0, ci_low=1.5, ci_high=2.0),
        )  # fmt: skip
