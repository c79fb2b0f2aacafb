"""What cannot be true, what seldom is, and what is left in peace."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from typing import Any

import pytest

import kb.outcomes.checks.beside as beside
import kb.outcomes.checks.numbers as numbers
import kb.outcomes.checks.persons as persons_of
from kb.models.evidence import Cell, CellName, ResultKind, State, Statistic
from kb.outcomes.checks.beside import (
    ArmSize,
    check_beside,
    n_exceeds_arm,
    sd_like_se_across_studies,
)
from kb.outcomes.checks.explained import EXPLAINED
from kb.outcomes.checks.finding import Finding, Severity, Statement, half_unit
from kb.outcomes.checks.numbers import check_numbers
from kb.outcomes.checks.persons import (
    AdverseStatement,
    StatedOverlap,
    StudyLinks,
    check_adverse_events,
    shared_participants,
)
from kb.outcomes.vocabulary import load_vocabulary

Elsewhere = dict[tuple[str, str | None], list[float]]
NUMBER = {name.value for name in CellName}


def a_result(**given: Any) -> Statement:
    """A final value; numbers are given as printed: `mean="4.5"`."""
    cells = {
        CellName(name): Cell(
            name=CellName(name),
            value=float(text),
            text=text,
            state=State.REPORTED if float(text) else State.REPORTED_ZERO,
        )
        for name, text in given.items()
        if name in NUMBER
    }
    rest = {name: value for name, value in given.items() if name not in NUMBER}
    values: dict[str, Any] = {
        "id": "R1",
        "study": "S1",
        "record": "my-review",
        "kind": ResultKind.ARM,
        "arm": "M1",
        "arm_label": "MSC",
        "outcome": "own",
        "outcome_title": "Outcome",
        "days": 84.0,
        "statistic": Statistic.FINAL,
        "cells": cells,
    }
    return Statement(**values | rest)


def persons(**given: Any) -> Statement:
    return a_result(**{"statistic": Statistic.PERSON_COUNT} | given)


def edss(**given: Any) -> Statement:
    values = {"outcome": "EDSS", "definition": load_vocabulary()["EDSS"], "unit": "score"}
    return a_result(**values | given)


def contrast(**given: Any) -> Statement:
    values = {"kind": ResultKind.CONTRAST, "comparator": "M2", "ci_level": 95.0, "statistic": None}
    return a_result(**values | given)


def names(found: list[Finding]) -> set[str]:
    return {finding.check for finding in found}


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        pytest.param(persons(events="8", n_analysed="7"), "events-exceed-n", id="8 of 7"),
        pytest.param(persons(events="2.5", n_analysed="7"), "count-not-whole", id="2.5 persons"),
        pytest.param(persons(events="-1", n_analysed="7"), "count-not-whole", id="-1 persons"),
        pytest.param(
            persons(events="5", n_analysed="7", percent="81"), "percent-contradicts-count", id="5/7"
        ),
        pytest.param(persons(percent="35", n_analysed="7"), "percent-of-nobody", id="35 % of 7"),
        pytest.param(persons(percent="120", n_analysed="7"), "percent-out-of-range", id="120 %"),
        pytest.param(edss(mean="6.13", n_analysed="7"), "mean-of-nobody", id="mean 6.13 of 7"),
        pytest.param(edss(mean="12.1"), "off-scale", id="EDSS 12.1"),
        pytest.param(edss(min="-1"), "off-scale", id="EDSS -1"),
        pytest.param(
            edss(statistic=Statistic.CHANGE, mean="-10.5"), "off-scale", id="change below -10"
        ),
        pytest.param(edss(max="6.3"), "off-step", id="EDSS 6.3 of one person"),
        pytest.param(edss(min="0.5"), "off-step", id="EDSS 0.5, which is not used"),
        pytest.param(edss(median="5.75", n_analysed="7"), "off-step", id="middle of seven"),
        pytest.param(a_result(q1="5", median="4"), "quantiles-out-of-order", id="q1 > median"),
        pytest.param(a_result(min="5", max="4"), "quantiles-out-of-order", id="min > max"),
        pytest.param(
            a_result(mean="9", min="2", max="8"), "mean-beyond-extremes", id="mean above max"
        ),
        pytest.param(a_result(sd="-1.0"), "sd-negative", id="SD -1"),
        pytest.param(
            a_result(sd="0.4", n_analysed="10", min="1.0", max="6.5"), "sd-below-range", id="SE"
        ),
        pytest.param(
            a_result(sd="4.0", n_analysed="10", min="1.0", max="6.5"), "sd-above-range", id="wide"
        ),
        pytest.param(
            edss(mean="9.5", sd="3.0", n_analysed="20"), "sd-above-scale", id="9.5 +- 3 of 10"
        ),
        pytest.param(
            a_result(sd="2.0", se="2.0", n_analysed="16"), "sd-contradicts-se", id="SD = SE"
        ),
        pytest.param(
            a_result(mean="10.0", sd="1.00", ci_low="8.04", ci_high="11.96", n_analysed="25"),
            "sd-is-se",
            id="SD is half the interval",
        ),
        pytest.param(
            contrast(measure="mean difference", estimate="3", ci_low="2", ci_high="1"),
            "interval-reversed",
            id="limits turned round",
        ),
        pytest.param(
            contrast(measure="odds ratio", estimate="3.1", ci_low="1.2", ci_high="2.9"),
            "estimate-outside-interval",
            id="OR above its interval",
        ),
        pytest.param(
            contrast(measure="odds ratio", estimate="2.0", ci_low="1.0", ci_high="3.0"),
            "interval-not-midway",
            id="OR midway on the natural scale",
        ),
        pytest.param(
            contrast(measure="hazard ratio", estimate="0.5", ci_low="-0.2", ci_high="1.2"),
            "ratio-not-positive",
            id="HR below 0",
        ),
        pytest.param(
            contrast(
                measure="risk ratio", estimate="1.50", ci_low="0.90", ci_high="2.50", p_text="0.01"
            ),
            "p-contradicts-interval",
            id="P 0.01 and 1 inside",
        ),
        pytest.param(edss(mean="4.5", sd="1.0", n_analysed="1"), "sd-of-one", id="SD of one"),
        pytest.param(edss(mean="4.5", sd="0", n_analysed="9"), "sd-zero", id="all had 4.5"),
        pytest.param(
            a_result(sd="0.5", se="0.9", n_analysed="16"), "sd-contradicts-se", id="SE above SD"
        ),
        pytest.param(
            edss(statistic=Statistic.PERCENT_CHANGE, unit="%", mean="-130"),
            "off-scale",
            id="lost more than all",
        ),
        pytest.param(
            contrast(
                measure="mean difference", estimate="-12", definition=load_vocabulary()["EDSS"]
            ),
            "off-scale",
            id="arms 12 of 10 points apart",
        ),
        pytest.param(
            contrast(measure="risk difference", estimate="120"), "off-scale", id="120 % more"
        ),
        pytest.param(
            a_result(definition=load_vocabulary()["VAS_PAIN_100"], unit="mm", mean="150"),
            "off-scale",
            id="150 of a line of 100 mm",
        ),
        pytest.param(edss(unit="seconds", mean="4.5"), "other-unit", id="EDSS in seconds"),
        pytest.param(edss(unit="score 0-100", mean="45"), "other-unit", id="EDSS from 0 to 100"),
        pytest.param(
            edss(unit="units on a scale", mean="12"), "off-scale", id="12 units on a scale"
        ),
        pytest.param(
            persons(events="5", n_analysed="18", percent="27.7"),
            "percent-contradicts-count",
            id="digits cut off",
        ),
        pytest.param(edss(mean="4.5", better="higher"), "other-direction", id="EDSS up is better"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_is_found(statement: Statement, check: str) -> None:
    assert check in names(check_numbers(statement))


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(persons(events="0", n_analysed="6"), id="0 of 6"),
        pytest.param(persons(events="5", n_analysed="7", percent="71.4"), id="5 of 7, 71.4 %"),
        pytest.param(persons(percent="71", n_analysed="7"), id="71 % of 7"),
        pytest.param(persons(percent="33.3", n_analysed="900"), id="33.3 % of 900"),
        pytest.param(
            a_result(statistic=Statistic.EVENT_COUNT, events="12", n_analysed="7"), id="12 relapses"
        ),
        pytest.param(
            a_result(statistic=Statistic.PERCENT_CHANGE, percent="-21.3", n_analysed="7"),
            id="fell by a fifth",
        ),
        pytest.param(edss(mean="6.14", n_analysed="7"), id="43 half points of 7"),
        pytest.param(edss(mean="6.1", n_analysed="70"), id="70 persons, one decimal"),
        pytest.param(edss(median="5.75", n_analysed="8"), id="middle of eight"),
        pytest.param(edss(unit="score 0-10", mean="4.5"), id="EDSS with its range"),
        pytest.param(
            edss(statistic=Statistic.CHANGE, mean="1.5", better="higher"), id="improvement by 1.5"
        ),
        pytest.param(edss(median="5.75"), id="middle of nobody knows how many"),
        pytest.param(edss(statistic=Statistic.CHANGE, mean="-0.5", min="-1.5"), id="EDSS fell"),
        pytest.param(edss(statistic=Statistic.CHANGE, max="0.5"), id="EDSS rose by a half"),
        pytest.param(edss(mean="6.1", sd="1.2", n_analysed="40", min="3.0", max="8.0"), id="usual"),
        pytest.param(a_result(sd="2.0", se="0.50", n_analysed="16"), id="SD and SE agree"),
        pytest.param(
            a_result(mean="10.0", sd="5.0", ci_low="8.0", ci_high="12.0", n_analysed="25"),
            id="interval of 25",
        ),
        pytest.param(
            contrast(
                measure="odds ratio", estimate="0.64", ci_low="0.33", ci_high="1.22", p_text="0.18"
            ),
            id="OR 0.64 (0.33 to 1.22)",
        ),
        pytest.param(
            contrast(
                measure="mean difference", estimate="-0.31", ci_low="-0.58", ci_high="-0.03",
                p_text="0.03",
            ),
            id="MD -0.31",
        ),
        pytest.param(
            contrast(
                measure="mean difference", estimate="1.0", ci_low="0.0", ci_high="2.0",
                p_text="0.048",
            ),
            id="limit on the null",
        ),
        pytest.param(a_result(percent="12", ci_low="2", ci_high="40"), id="share, skewed interval"),
        pytest.param(a_result(mean="4"), id="alone"),
        pytest.param(
            edss(mean="4.5", min="4.5", max="4.5", sd="0", n_analysed="3"), id="three of 4.5"
        ),
        pytest.param(
            edss(statistic=Statistic.PERCENT_CHANGE, unit="%", mean="130"), id="more than doubled"
        ),
        pytest.param(
            contrast(
                measure="mean difference", estimate="-12", unit="%",
                definition=load_vocabulary()["EDSS"],
            ),
            id="12 % apart",
        ),
        pytest.param(
            a_result(definition=load_vocabulary()["VAS_PAIN_100"], unit="mm", mean="62"),
            id="62 of a line of 100 mm",
        ),
        pytest.param(a_result(), id="told without a number"),
    ],
)  # fmt: skip
def test_a_number_that_can_be_is_left_in_peace(statement: Statement) -> None:
    assert check_numbers(statement) == []


def test_ends_changed_over_are_one_mistake() -> None:
    (found,) = check_numbers(a_result(q1="6", median="5", q3="4", min="1", max="9"))
    assert found.message == "q1 6 is above q3 4"
    (found,) = check_numbers(a_result(min="8", q1="4", median="5", q3="6", max="3"))
    assert found.message == "min 8 is above max 3"


def test_what_is_rounded_may_be_off_by_half_its_last_digit() -> None:
    assert [half_unit(text) for text in ("3.1", "12", "0.50", "1·5", "5.")] == [
        0.05, 0.5, 0.005, 0.5, 0.5,
    ]  # fmt: skip


def test_denominators_may_fall_and_not_rise() -> None:
    seven, six, five = (
        persons(id=f"R{i}", days=days, events="1", n_analysed=n)
        for i, (days, n) in enumerate([(0.0, "7"), (84.0, "6"), (336.0, "5")], 1)
    )
    assert check_beside([five, seven, six]) == []
    back = replace(five, cells=seven.cells)
    found = check_beside([seven, six, back])
    assert [(f.check, f.subjects) for f in found] == [("n-rises", ("R2", "R3"))]
    assert [n.value for n in found[0].numbers] == [6.0, 7.0]


def test_other_persons_of_other_outcomes_do_not_rise() -> None:
    first = persons(id="R1", days=84.0, events="1", n_analysed="5")
    for other in ({"outcome": "T2_NEW"}, {"arm": "M2"}, {"population": "per protocol"}):
        later = persons(id="R2", days=336.0, events="1", n_analysed="7", **other)
        assert check_beside([first, later]) == []


def three(change: str, *, n: str = "10", sd: str = "1.8") -> list[Statement]:
    def one(i: int, statistic: Statistic, days: float, mean: str, of: str) -> Statement:
        return edss(
            id=f"R{i}", statistic=statistic, days=days, mean=mean, sd=of, n_analysed=n, unit=None
        )

    return [
        one(1, Statistic.BASELINE, 0.0, "6.1", "2.38"),
        one(2, Statistic.FINAL, 168.0, "5.6", "2.21"),
        one(3, Statistic.CHANGE, 168.0, change, sd),
    ]


@pytest.mark.parametrize(
    ("change", "severity"),
    [("-0.5", None), ("-0.6", None), ("0.5", Severity.ERROR), ("-1.5", Severity.WARNING)],
)
def test_a_change_is_follow_up_minus_baseline(change: str, severity: Severity | None) -> None:
    found = [f for f in check_beside(three(change)) if f.check == "change-contradicts-difference"]
    assert [f.severity for f in found] == ([severity] if severity else [])


def test_a_change_in_fewer_persons_may_differ() -> None:
    baseline, final, change = three("0.5")
    fewer = replace(change, cells={**change.cells, **persons(n_analysed="8").cells})
    assert check_beside([baseline, final, fewer]) == []


def test_three_sds_need_a_correlation_that_exists() -> None:
    assert names(check_beside(three("-0.5", sd="1.84"))) == set()  # Handbook: r is 0.68
    assert names(check_beside(three("-0.5", sd="0.05"))) == {"no-such-correlation"}


def test_sds_that_differ_as_standard_errors_would_are_suspected() -> None:
    large = a_result(id="R1", arm="M1", sd="0.50", n_analysed="64")
    small = a_result(id="R2", arm="M2", sd="1.00", n_analysed="16")
    assert names(check_beside([large, small])) == {"sd-like-se"}
    alike = replace(small, cells=a_result(sd="0.52", n_analysed="16").cells)
    assert check_beside([large, alike]) == []


def test_an_sd_a_third_of_another_arms_that_would_be_like_it_as_an_error_is_suspected() -> None:
    large = edss(mean="5.1", sd="1.2", n_analysed="16")
    small = edss(id="R2", arm="M2", mean="5.2", sd="0.3", n_analysed="16")
    (found,) = check_beside([large, small])
    assert (found.check, found.subjects) == ("sd-like-se", ("R1", "R2"))
    assert "SD of 1.2" in found.message
    halved = edss(id="R2", arm="M2", mean="5.2", sd="0.6", n_analysed="16")
    assert check_beside([large, halved]) == []


@pytest.mark.parametrize(
    ("estimate", "is_found"),
    [("-0.5", False), ("0.5", True), ("0.9", True), ("0.1", False), ("3.0", False)],
)
def test_a_comparison_and_its_arms_favour_the_same_arm(estimate: str, is_found: bool) -> None:
    results = [
        edss(statistic=Statistic.CHANGE, mean="-0.3"),
        edss(id="R2", arm="M2", arm_label="Sham", statistic=Statistic.CHANGE, mean="0.2"),
        contrast(id="R3", outcome="EDSS", measure="mean difference", estimate=estimate),
    ]
    assert ("estimate-turned-round" in names(check_beside(results))) is is_found


@pytest.mark.parametrize(
    ("measure", "estimate", "is_found"),
    [
        ("odds ratio", "0.14", False),
        ("odds ratio", "7.0", True),
        ("risk ratio", "0.25", False),
        ("risk ratio", "4.0", True),
        ("hazard ratio", "4.0", False),
    ],
)
def test_a_ratio_and_the_counts_of_its_arms_favour_the_same_arm(
    measure: str, estimate: str, is_found: bool
) -> None:
    results = [
        persons(category="event", events="2", n_analysed="16"),
        persons(id="R2", arm="M2", category="event", events="8", n_analysed="16"),
        contrast(id="R3", measure=measure, estimate=estimate),
    ]
    assert ("estimate-turned-round" in names(check_beside(results))) is is_found


def test_small_arms_differ_by_chance() -> None:
    six = a_result(id="R1", arm="M1", sd="7", n_analysed="6")
    twelve = a_result(id="R2", arm="M2", sd="5", n_analysed="12")
    assert check_beside([six, twelve]) == []


def test_a_number_that_was_cut_off_is_only_noted() -> None:
    (found,) = check_numbers(persons(events="5", n_analysed="18", percent="27.7"))
    assert found.severity is Severity.NOTE


def test_an_sd_far_below_that_of_other_studies_is_suspected() -> None:
    others: Elsewhere = {("EDSS", "score"): [1.4, 1.6, 1.9]}
    few: Elsewhere = {("EDSS", "score"): [1.4, 1.6]}
    low = edss(mean="5.5", sd="0.40", n_analysed="16")
    assert names(list(sd_like_se_across_studies([low], others))) == {"sd-like-se"}
    assert not list(sd_like_se_across_studies([edss(sd="1.3", n_analysed="16")], others))
    assert not list(sd_like_se_across_studies([low], few))


def course(improved: str, stable: str, worsened: str, n: str = "10") -> list[Statement]:
    return [
        persons(id=f"R{i}", category=side, events=x, n_analysed=n)
        for i, (side, x) in enumerate(
            [("improved", improved), ("stable", stable), ("worsened", worsened)], 1
        )
    ]


def test_improved_stable_and_worsened_are_everybody() -> None:
    assert check_beside(course("4", "3", "3")) == []
    assert names(check_beside(course("4", "3", "4"))) == {"sides-exceed-n"}
    assert names(check_beside(course("4", "3", "2"))) == {"sides-below-n"}
    assert check_beside(course("4", "3", "2")[:2]) == []


def test_two_sources_that_tell_the_same_count_once() -> None:
    one = persons(id="R1", record="my-review", events="2", n_analysed="9")
    same = replace(one, id="R2", record="clinicaltrials NCT00395200")
    assert [(f.check, f.severity) for f in check_beside([one, same])] == [
        ("told-twice", Severity.NOTE)
    ]
    other = replace(same, cells=persons(events="3", n_analysed="9").cells)
    assert names(check_beside([one, other])) == {"sources-disagree"}


def test_two_outcomes_with_one_mean_and_sd_are_suspected() -> None:
    one = a_result(id="R1", outcome="A", mean="12.41", sd="3.07")
    other = a_result(id="R2", outcome="B", mean="12.41", sd="3.07")
    assert names(check_beside([one, other])) == {"numbers-of-a-neighbour"}
    round_numbers = [replace(s, cells=a_result(mean="1", sd="1").cells) for s in (one, other)]
    assert check_beside(round_numbers) == []


def test_a_control_in_two_comparisons_is_found() -> None:
    one = contrast(id="R1", arm="M1", measure="odds ratio", estimate="2.0")
    two = contrast(id="R2", arm="M3", measure="odds ratio", estimate="3.0")
    assert names(check_beside([one, two])) == {"control-counted-twice"}
    assert check_beside([one, replace(two, days=336.0)]) == []


def test_nobody_is_analysed_who_was_not_there() -> None:
    size = {"M1": ArmSize(id="M1", label="MSC", n=7, basis="treated")}
    eight = persons(events="1", n_analysed="8")
    assert names(list(n_exceeds_arm([eight], size))) == {"n-exceeds-arm"}
    assert not list(n_exceeds_arm([persons(events="1", n_analysed="7")], size))
    assert not list(n_exceeds_arm([replace(eight, unit_of_analysis="eye")], size))


def adverse(**given: Any) -> AdverseStatement:
    values: dict[str, Any] = {
        "id": "X1", "arm": "M1", "arm_n": 7, "record": "my-review", "code": "AE_ANY", "term": None,
        "seriousness": None, "time": (None,), "n_at_risk": None, "persons_affected": None,
        "event_count": None, "percent": None,
    }  # fmt: skip
    return AdverseStatement(**values | given)


@pytest.mark.parametrize(
    ("given", "check"),
    [
        ({"persons_affected": 8, "n_at_risk": 7}, "persons-exceed-at-risk"),
        ({"persons_affected": 5, "event_count": 4}, "events-below-persons"),
        ({"n_at_risk": 9}, "at-risk-exceeds-arm"),
        ({"persons_affected": 2, "n_at_risk": 7, "percent": 50.0}, "percent-contradicts-count"),
    ],
)
def test_adverse_events_count_persons_and_events(given: dict[str, Any], check: str) -> None:
    assert names(check_adverse_events([adverse(**given)])) == {check}


def test_one_wrong_size_of_an_arm_is_one_finding() -> None:
    both = [adverse(n_at_risk=9), adverse(id="X2", code="DEATH", n_at_risk=9)]
    assert [f.subjects for f in check_adverse_events(both)] == [("X1", "X2", "M1")]


def test_five_persons_may_have_nine_events() -> None:
    assert not check_adverse_events(
        [adverse(persons_affected=5, n_at_risk=7, event_count=9, percent=71.0)]
    )


def test_serious_events_are_some_of_all() -> None:
    any_event = adverse(persons_affected=1)
    serious = adverse(id="X2", code="AE_SERIOUS", persons_affected=2)
    assert names(check_adverse_events([any_event, serious])) == {"serious-exceeds-any"}
    assert not check_adverse_events([any_event, replace(serious, arm="M2")])


def a_study(number: int, *, registrations: tuple[str, ...] = (), **given: Any) -> StudyLinks:
    values: dict[str, Any] = {"reports": frozenset(), "has_results": True}
    return StudyLinks(
        id=f"S{number}",
        label=f"Study {number}",
        registrations=frozenset(registrations),
        **values | given,
    )


def test_one_trial_under_seven_registrations_is_pooled_once() -> None:
    # MESEMS: participating centres registered their own parts of one protocol.
    whole = a_study(1, registrations=("NCT01854957", "NCT01745783", "NCT02239393"))
    centre = a_study(2, registrations=("NCT01745783",))
    unrelated = a_study(3, registrations=("NCT00395200",))
    found = shared_participants([whole, centre, unrelated], [])
    assert [f.subjects for f in found] == [("S1", "S2")]
    assert "NCT01745783" in found[0].message


def test_a_stated_overlap_says_how_sure_it_is() -> None:
    stated = StatedOverlap(
        study="S1", other="S2", kind="follow-up of", certainty="certain", reason=None
    )
    found = shared_participants([a_study(1), a_study(2)], [stated])
    assert [(f.severity, f.subjects) for f in found] == [(Severity.WARNING, ("S1", "S2"))]


def test_a_study_without_results_cannot_be_counted_twice() -> None:
    one = a_study(1, registrations=("NCT01745783",))
    planned = a_study(2, registrations=("NCT01745783",), has_results=False)
    assert shared_participants([one, planned], []) == []


def test_a_finding_keeps_its_name_while_its_numbers_stay() -> None:
    (found,) = check_numbers(persons(events="8", n_analysed="7"))
    (again,) = check_numbers(persons(events="8", n_analysed="7"))
    (other,) = check_numbers(persons(events="9", n_analysed="7"))
    assert found.key == again.key != other.key


def test_every_check_is_explained() -> None:
    made = set()
    for module in (beside, numbers, persons_of):
        made |= set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', inspect.getsource(module)))
    assert set(EXPLAINED) <= made
