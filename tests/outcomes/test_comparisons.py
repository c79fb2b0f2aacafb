"""Results side by side: what may be compared, what a row needs, and what is never made up."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from kb.errors import InvalidInput
from kb.models.evidence import Category, Origin, ResultKind, State, Statistic
from kb.outcomes.comparisons import (
    NOTES,
    REASONS,
    AnalysisRow,
    Compared,
    Table,
    analysis_rows,
    choices_of,
)
from kb.outcomes.observed import ArmFacts, Observed, Overlap
from tests.outcomes.measured import a_report, a_result, a_study, an_arm, weeks

TREATED = an_arm(1)
CONTROL = an_arm(2, "control")


def rows(table: Table, *results: Observed, **choices: Any) -> tuple[AnalysisRow, ...]:
    return analysis_rows(table, results, choices_of(**choices)).rows


def left_out(compared: Compared) -> dict[str, str]:
    return {entry.result: entry.reason for entry in compared.left_out}


def values(row: AnalysisRow) -> dict[str, float | None]:
    return {name: number.value for name, number in row.numbers.items()}


def persons(number: int, arm: Any, events: float | None, n: float | None, **more: Any) -> Observed:
    return a_result(number, arm, numbers={"events": events, "n_analysed": n}, **more)


def mean(
    number: int, arm: Any, mean: float | None, sd: float | None, n: float | None = 10, **more: Any
) -> Observed:
    more = {"statistic": Statistic.FINAL, "code": "EDSS", "unit": "points"} | more
    return a_result(number, arm, numbers={"mean": mean, "sd": sd, "n_analysed": n}, **more)


# -- one group -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "n"),
    [
        pytest.param(0, 6, id="stable in 6 of 6, so worsened in none"),
        pytest.param(1, 6, id="no new lesions in 5 of 6"),
        pytest.param(3, 5, id="3 of 5 at 48 weeks"),
        pytest.param(5, 7, id="5 of 7 completed"),
    ],
)
def test_a_count_of_one_group_is_a_row(x: int, n: int):
    (row,) = rows(Table.PROPORTION, persons(1, TREATED, x, n))
    assert values(row) == {"xi": x, "ni": n}
    assert row.is_usable


def test_an_unreported_count_stays_unreported_and_says_so():
    (row,) = rows(Table.PROPORTION, persons(1, TREATED, None, 7))
    assert values(row) == {"xi": None, "ni": 7}
    assert row.why_not == "xi not reported"


def test_persons_without_the_event_need_both_the_count_and_the_denominator():
    (row,) = rows(Table.BINARY, persons(1, TREATED, 3, None), persons(2, CONTROL, 3, 5))
    assert (values(row)["ai"], values(row)["bi"], values(row)["di"]) == (3, None, 2)
    assert row.numbers["bi"].state is State.NOT_REPORTED


def test_more_events_than_persons_make_no_persons_without():
    (row,) = rows(Table.BINARY, persons(1, TREATED, 9, 7), persons(2, CONTROL, 3, 5))
    assert row.numbers["bi"].state is State.UNCLEAR


def test_a_percentage_becomes_a_count_where_only_one_count_fits():
    result = a_result(1, TREATED, numbers={"percent": 33.3, "n_analysed": 39},
                      statistic=Statistic.PERCENT)  # fmt: skip
    (row,) = rows(Table.PROPORTION, result)
    assert (row.numbers["xi"].value, row.numbers["xi"].origin) == (13, Origin.COMPUTED)


def test_a_percentage_beside_the_count_of_the_same_persons_is_not_a_second_row():
    percent = a_result(2, TREATED, numbers={"percent": 50, "n_analysed": 6},
                       statistic=Statistic.PERCENT)  # fmt: skip
    found = analysis_rows(Table.PROPORTION, [persons(1, TREATED, 3, 6), percent])
    assert [row.results[0].id for row in found.rows] == ["R1"]
    assert left_out(found) == {"R2": "twice"}


def test_a_complement_leaves_its_place_to_the_event_unless_it_is_asked_for():
    complement = persons(1, TREATED, 5, 6, category=Category.COMPLEMENT)
    event = persons(2, TREATED, 1, 6, category=Category.EVENT)
    found = analysis_rows(Table.PROPORTION, [complement, event])
    assert [row.results[0].id for row in found.rows] == ["R2"]
    assert left_out(found) == {"R1": "complement"}
    assert len(rows(Table.PROPORTION, complement, event, complements=True)) == 2


@pytest.mark.parametrize(
    "arm",
    [
        pytest.param(CONTROL, id="control arm"),
        pytest.param(
            an_arm(3, None, is_whole_study=True, holds_controls=True), id="all, with controls"
        ),
        pytest.param(an_arm(4, "period"), id="a period of unknown treatment"),
    ],
)
def test_groups_with_controls_are_no_treated_groups_unless_asked_for(arm):
    found = analysis_rows(Table.PROPORTION, [persons(1, arm, 1, 9)])
    assert found.rows == ()
    assert left_out(found) == {"R1": "not_treated"}
    assert len(rows(Table.PROPORTION, persons(1, arm, 1, 9), controls=True)) == 1


def test_persons_and_events_never_stand_in_one_table():
    relapses = a_result(1, TREATED, numbers={"events": 4, "exposure_person_years": 10.5},
                        statistic=Statistic.EVENT_COUNT)  # fmt: skip
    assert rows(Table.PROPORTION, relapses) == ()
    (row,) = rows(Table.ONE_RATE, relapses, persons(2, TREATED, 3, 9))
    assert values(row) == {"xi": 4, "ti": 10.5}


def test_what_was_superseded_or_is_disputed_enters_no_table():
    found = analysis_rows(
        Table.PROPORTION, [persons(1, TREATED, 1, 6, status="disputed", enters_analyses=False)]
    )
    assert found.rows == ()
    assert left_out(found) == {"R1": "not_for_analysis"}


# -- two groups ----------------------------------------------------------------------------------


def test_the_experimental_arm_comes_first_whatever_the_order_of_arrival():
    results = [persons(1, CONTROL, 4, 20), persons(2, TREATED, 2, 21)]
    for order in (results, results[::-1]):
        (row,) = rows(Table.BINARY, *order)
        assert values(row) == {"ai": 2, "bi": 19, "ci": 4, "di": 16, "n1i": 21, "n2i": 20}
        assert row.comparison == "experimental 1 vs control 2"


def test_a_two_by_two_table_never_makes_nought_of_not_reported():
    (row,) = rows(Table.BINARY, persons(1, TREATED, 10, 56), persons(2, CONTROL, 0, None))
    assert values(row) == {"ai": 10, "bi": 46, "ci": 0, "di": None, "n1i": 56, "n2i": None}
    assert (row.is_usable, row.why_not) == (False, "n2i not reported")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"time": weeks(24)}, id="another time"),
        pytest.param({"time": weeks(12, anchor="randomisation")}, id="counted from elsewhere"),
        pytest.param({"code": "CDP24"}, id="another outcome"),
        pytest.param({"category": Category.IMPROVED}, id="another category"),
        pytest.param({"analysis_set": "per protocol"}, id="another population"),
        pytest.param({"subgroup": "SPMS"}, id="another subgroup"),
        pytest.param({"unit": "knees"}, id="another unit"),
        pytest.param({"unit_of_analysis": "knee"}, id="parts of persons"),
        pytest.param({"account": "clinicaltrials"}, id="another account of the study"),
        pytest.param({"statistic": Statistic.EVENT_COUNT}, id="events, not persons"),
    ],
)
def test_only_what_is_alike_is_compared(other):
    found = analysis_rows(
        Table.BINARY, [persons(1, TREATED, 2, 21), persons(2, CONTROL, 4, 20, **other)]
    )
    assert found.rows == ()
    assert left_out(found)["R1"] == "no_comparison"


def test_one_time_printed_in_two_ways_is_one_time():
    printed = replace(weeks(12), unit="month", value=84 / 30.4375, text="week 12")
    assert len(rows(Table.BINARY, persons(1, TREATED, 2, 21),
                    persons(2, CONTROL, 4, 20, time=printed))) == 1  # fmt: skip


def test_values_at_baseline_compare_nothing():
    found = analysis_rows(
        Table.CONTINUOUS,
        [
            mean(1, TREATED, 5.0, 1.0, statistic=Statistic.BASELINE, time=weeks(0)),
            mean(2, CONTROL, 5.1, 1.0, statistic=Statistic.BASELINE, time=weeks(0)),
        ],
    )
    assert found.rows == ()
    assert set(left_out(found).values()) == {"baseline"}


def test_arms_without_a_said_role_are_not_compared_by_guess():
    found = analysis_rows(
        Table.BINARY, [persons(1, an_arm(1, None), 2, 21), persons(2, an_arm(2, None), 4, 20)]
    )
    assert found.rows == ()
    assert set(left_out(found).values()) == {"no_role"}


def test_final_values_and_changes_stand_in_rows_of_their_own():
    found = rows(
        Table.CONTINUOUS,
        mean(1, TREATED, 4.5, 1.0),
        mean(2, CONTROL, 5.5, 1.0),
        mean(3, TREATED, -0.5, 0.6, statistic=Statistic.CHANGE),
        mean(4, CONTROL, 0.3, 0.6, statistic=Statistic.CHANGE),
    )
    assert [row.first.statistic for row in found] == [Statistic.FINAL, Statistic.CHANGE]


def test_a_range_gives_way_to_the_mean_of_the_same_arm():
    found = analysis_rows(
        Table.CONTINUOUS,
        [
            mean(1, TREATED, 4.5, 1.0),
            a_result(2, TREATED, numbers={"min": 2, "max": 6}, statistic=Statistic.FINAL,
                     code="EDSS", unit="points"),
            mean(3, CONTROL, 5.5, 1.0),
        ],
    )  # fmt: skip
    assert [values(row)["m1i"] for row in found.rows] == [4.5]
    assert left_out(found) == {"R2": "no_number"}


def test_two_means_of_one_arm_in_one_place_are_not_chosen_between():
    found = analysis_rows(
        Table.CONTINUOUS,
        [mean(1, TREATED, 4.5, 1.0), mean(2, TREATED, 4.7, 1.1), mean(3, CONTROL, 5.5, 1.0)],
    )
    assert found.rows == ()
    assert left_out(found)["R1"] == "ambiguous"


def test_two_wordings_of_one_outcome_are_paired_by_wording():
    found = rows(
        Table.BINARY,
        persons(1, TREATED, 2, 21, outcome_title="by 0.5"),
        persons(2, TREATED, 1, 21, outcome_title="by 1.0"),
        persons(3, CONTROL, 6, 20, outcome_title="by 0.5"),
        persons(4, CONTROL, 5, 20, outcome_title="by 1.0"),
    )
    assert {(row.numbers["ai"].value, row.numbers["ci"].value) for row in found} == {(2, 6), (1, 5)}


def test_a_single_pair_worded_differently_is_compared_and_says_so():
    (row,) = rows(
        Table.BINARY,
        persons(1, TREATED, 2, 21, outcome_title="progressed"),
        persons(2, CONTROL, 6, 20, outcome_title="got worse"),
    )
    assert "titles_differ" in row.notes


def test_the_sd_of_both_arms_follows_from_the_interval_of_their_difference():
    # Handbook 6.5.2.3: difference 3.8 (0.4 to 7.2), 25 and 22 persons; large-sample z.
    contrast = a_result(
        3, TREATED, numbers={"estimate": 3.8, "ci_low": 0.4, "ci_high": 7.2},
        kind=ResultKind.CONTRAST, statistic=Statistic.FINAL, code="EDSS", unit="points",
        comparator=CONTROL, measure="mean difference", ci_level=95.0,
    )  # fmt: skip
    (row,) = rows(
        Table.CONTINUOUS,
        mean(1, TREATED, 9.8, None, 25),
        mean(2, CONTROL, 6.0, None, 22),
        contrast,
    )
    assert row.numbers["sd1i"].value == row.numbers["sd2i"].value == pytest.approx(5.77, abs=0.06)
    assert row.numbers["sd1i"].origin in (Origin.COMPUTED, Origin.IMPUTED)
    assert [o.id for o in row.results] == ["R1", "R2", "R3"]


# -- several arms --------------------------------------------------------------------------------


def three_arms() -> list[Observed]:
    return [
        persons(1, an_arm(1), 3, 20),
        persons(2, an_arm(2), 5, 20),
        persons(3, an_arm(3, "control"), 8, 20),
    ]


def test_a_control_that_two_rows_stand_on_is_marked_in_both():
    found = rows(Table.BINARY, *three_arms())
    assert [(row.shared_control, "shared_control" in row.notes) for row in found] == [(2, True)] * 2


def test_a_split_control_counts_its_participants_once():
    found = rows(Table.BINARY, *three_arms(), shared_control="split")
    assert math.fsum(row.numbers["n2i"].value or 0 for row in found) == 20
    assert math.fsum(row.numbers["ci"].value or 0 for row in found) == 8
    assert {row.numbers["n2i"].origin for row in found} != {Origin.REPORTED}
    assert all("control_split" in row.notes for row in found)


def test_combined_arms_are_one_row_against_the_whole_control():
    (row,) = rows(Table.BINARY, *three_arms(), shared_control="combine")
    assert values(row) == {"ai": 8, "bi": 32, "ci": 8, "di": 12, "n1i": 40, "n2i": 20}
    assert (row.shared_control, row.arm_label) == (None, "experimental 1 + experimental 2")


def test_combined_means_follow_the_handbook():
    # Handbook 6.5.2.10.
    (row,) = rows(
        Table.CONTINUOUS,
        mean(1, an_arm(1), 11.8, 2.4, 10),
        mean(2, an_arm(2), 15.3, 3.2, 20),
        mean(3, an_arm(3, "control"), 8.4, 4.1, 15),
        shared_control="combine",
    )
    n, m = 30, (10 * 11.8 + 20 * 15.3) / 30
    sd = math.sqrt((9 * 2.4**2 + 19 * 3.2**2 + 10 * 20 / 30 * (11.8 - 15.3) ** 2) / 29)
    assert row.numbers["n1i"].value == n
    assert row.numbers["m1i"].value == pytest.approx(m)
    assert row.numbers["sd1i"].value == pytest.approx(sd)


# -- before and after ----------------------------------------------------------------------------


def before_and_after(**more: Any) -> list[Observed]:
    start: dict[str, Any] = {"statistic": Statistic.BASELINE, "time": weeks(0, anchor="baseline")}
    return [mean(1, TREATED, 6.0, 1.0, **start), mean(2, TREATED, 5.5, 1.2, **more)]


def test_change_is_after_minus_before():
    (row,) = rows(Table.CHANGE, *before_and_after(), r=0.7)
    assert values(row) == {"m1i": 5.5, "m2i": 6.0, "sd1i": 1.2, "sd2i": 1.0, "ri": 0.7, "ni": 10}
    assert row.made_from == "baseline and follow-up"


def test_the_standardiser_of_a_standardised_change_is_the_sd_before():
    (row,) = rows(Table.STANDARDISED_CHANGE, *before_and_after(), r=0.7)
    assert values(row) == {"m1i": 5.5, "m2i": 6.0, "sd1i": 1.0, "ri": 0.7, "ni": 10}


def test_no_correlation_is_assumed_unless_one_is_given():
    (row,) = rows(Table.CHANGE, *before_and_after())
    assert (row.numbers["ri"].value, row.why_not) == (None, "ri not reported")


def test_an_assumed_correlation_says_that_it_is_imputed_and_can_be_dropped():
    (row,) = rows(Table.CHANGE, *before_and_after(), r=0.7)
    assert row.numbers["ri"].origin is Origin.IMPUTED
    assert "correlation_assumed" in row.notes
    (row,) = rows(Table.CHANGE, *before_and_after(), r=0.7, without_origin=["imputed"])
    assert row.numbers["ri"].value is None


def test_three_sds_give_the_correlation():
    # Handbook 6.5.2.8: r = (SDb² + SDf² - SDc²) / (2 SDb SDf).
    change = a_result(3, TREATED, numbers={"sd": 0.9, "n_analysed": 10}, code="EDSS",
                      unit="points", statistic=Statistic.CHANGE)  # fmt: skip
    (row,) = rows(Table.CHANGE, *before_and_after(), change)
    assert row.numbers["ri"].value == pytest.approx((1 + 1.44 - 0.81) / 2.4)
    assert row.numbers["ri"].origin is Origin.COMPUTED


def test_a_reported_change_stands_alone_with_noughts_that_say_what_they_are():
    change = mean(3, TREATED, -0.5, 0.9, statistic=Statistic.CHANGE)
    (row,) = rows(Table.CHANGE, change)
    assert values(row) == {"m1i": -0.5, "m2i": 0, "sd1i": 0.9, "sd2i": 0, "ri": 0, "ni": 10}
    assert row.made_from == "change"
    assert {row.numbers[name].rule for name in ("m2i", "sd2i", "ri")} == {"change-as-difference"}
    assert row.numbers["m2i"].origin is Origin.COMPUTED


def test_a_change_without_its_sd_makes_no_noughts_of_what_it_lacks():
    (row,) = rows(Table.CHANGE, mean(3, TREATED, -0.5, None, statistic=Statistic.CHANGE))
    assert (values(row)["m1i"], values(row)["sd1i"], values(row)["sd2i"]) == (-0.5, None, None)
    assert not row.is_usable


def test_a_reported_change_needs_no_correlation_and_is_taken_first():
    change = mean(3, TREATED, -0.5, 0.9, statistic=Statistic.CHANGE)
    (row,) = rows(Table.CHANGE, *before_and_after(), change)
    assert (row.made_from, row.is_usable) == ("change", True)


def test_different_denominators_before_and_after_are_pointed_out():
    results = before_and_after()
    fewer = mean(2, TREATED, 5.5, 1.2, 7)
    (row,) = rows(Table.CHANGE, results[0], fewer, r=0.5)
    assert "different_n" in row.notes
    assert (row.numbers["ni"].value, row.numbers["ni"].origin) == (7, Origin.IMPUTED)


def test_a_follow_up_without_baseline_has_no_change():
    found = analysis_rows(Table.CHANGE, [mean(2, TREATED, 5.5, 1.2)])
    assert found.rows == ()
    assert left_out(found) == {"R2": "no_pair"}


# -- contrasts -----------------------------------------------------------------------------------


def a_contrast(number: int = 1, **values: Any) -> Observed:
    given: dict[str, Any] = {
        "numbers": {"estimate": 0.346, "ci_low": 0.18, "ci_high": 0.664},
        "kind": ResultKind.CONTRAST,
        "statistic": None,
        "comparator": CONTROL,
        "measure": "hazard ratio",
        "ci_level": 95.0,
    }
    return a_result(number, values.pop("arm", TREATED), **(given | values))


def test_a_ratio_is_ready_on_the_log_scale_beside_what_was_printed():
    (row,) = rows(Table.ESTIMATE, a_contrast())
    assert (row.measure, row.scale) == ("HR", "log")
    assert row.numbers["yi"].value == pytest.approx(math.log(0.346))
    se = (math.log(0.664) - math.log(0.18)) / (2 * 1.959964)
    assert row.numbers["vi"].value == pytest.approx(se**2, rel=1e-5)
    assert row.numbers["estimate"].value == 0.346


def test_a_contrast_printed_control_first_is_turned_round_and_says_so():
    (plain,) = rows(Table.ESTIMATE, a_contrast())
    printed = {"estimate": 1 / 0.346, "ci_low": 1 / 0.664, "ci_high": 1 / 0.18}
    turned = a_contrast(arm=CONTROL, comparator=TREATED, better="higher", numbers=printed)
    (row,) = rows(Table.ESTIMATE, turned)
    for name in ("yi", "vi", "estimate", "ci_low", "ci_high"):
        assert row.numbers[name].value == pytest.approx(plain.numbers[name].value), name
    assert (row.comparison, row.better) == ("experimental 1 vs control 2", "lower")
    assert "turned_round" in row.notes


def test_a_contrast_with_a_p_value_alone_is_a_row_that_cannot_be_used():
    (row,) = rows(Table.ESTIMATE, a_contrast(numbers={}, measure=None, p_text="0.03"))
    assert {row.numbers[name].value for name in ("yi", "vi")} == {None}
    assert not row.is_usable


def test_an_estimate_of_no_known_measure_is_not_taken_for_a_difference():
    (row,) = rows(Table.ESTIMATE, a_contrast(measure="median difference"))
    assert (row.numbers["yi"].value, row.numbers["estimate"].value) == (None, 0.346)


def test_two_contrasts_on_one_control_are_marked():
    found = rows(Table.ESTIMATE, a_contrast(1), a_contrast(2, arm=an_arm(3)))
    assert [row.shared_control for row in found] == [2, 2]


# -- rows beside each other ----------------------------------------------------------------------


def visits() -> list[Observed]:
    return [
        persons(n, TREATED, n, 20, time=weeks(week), is_primary=week == 44)
        for n, week in enumerate((12, 44, 48, 52, 56), start=1)
    ]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        pytest.param(None, [12, 44, 48, 52, 56], id="all of them"),
        pytest.param("closest", [12, 52], id="the later of two that are on the day"),
        pytest.param("longest", [12, 56], id="the last"),
        pytest.param("primary", [12, 44], id="the primary one, elsewhere the closest"),
    ],
)
def test_a_study_stands_once_in_a_window_where_that_is_asked(rule, kept):
    found = rows(Table.PROPORTION, *visits(), one_per_window=rule)
    assert [(row.first.days or 0) / 7 for row in found] == kept
    assert {row.window_rule is not None for row in found} == {rule is not None}


def test_rows_do_not_depend_on_the_order_of_results():
    results = [*visits(), *three_arms(), *before_and_after()]
    results = [replace_id(o, n) for n, o in enumerate(results)]
    expected = [analysis_rows(table, results) for table in Table]
    for seed in range(5):
        random.Random(seed).shuffle(results)
        assert [analysis_rows(table, results).rows for table in Table] == [e.rows for e in expected]


def replace_id(o: Observed, number: int) -> Observed:
    return replace(o, reported=replace(o.reported, key=f"R{number}"))


def test_labels_tell_the_rows_of_a_study_apart_and_say_no_more_than_that():
    found = rows(Table.PROPORTION, *visits())
    assert [row.slab for row in found][:2] == ["Study 1, 12 weeks", "Study 1, 44 weeks"]
    (alone,) = rows(Table.PROPORTION, persons(1, TREATED, 1, 20))
    assert alone.slab == "Study 1"


def test_two_results_that_nothing_tells_apart_are_told_apart_by_their_ids():
    found = rows(Table.PROPORTION, persons(1, TREATED, 1, 20), persons(2, TREATED, 2, 20))
    assert len({row.slab for row in found}) == 2
    assert all("given_twice" in row.notes for row in found)


@pytest.mark.parametrize(
    ("study", "note"),
    [
        pytest.param(
            a_study(overlaps=(Overlap(study="S2", label="x", kind="y", certainty="certain"),)),
            "shares_participants",
            id="overlap",
        ),
        pytest.param(a_study(reports=(a_report(is_retracted=True),)), "retracted_report", id="ret"),
    ],
)
def test_what_stands_against_pooling_a_study_stands_in_its_rows(study, note):
    (row,) = rows(Table.PROPORTION, persons(1, TREATED, 1, 20, study=study))
    assert note in row.notes


def test_results_of_two_studies_are_refused():
    with pytest.raises(InvalidInput, match="several studies"):
        rows(
            Table.PROPORTION, persons(1, TREATED, 1, 2), persons(2, TREATED, 1, 2, study=a_study(2))
        )


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"shared_control": "ignore"}, id="shared control"),
        pytest.param({"without_origin": ["guessed"]}, id="origin"),
        pytest.param({"one_per_window": "best"}, id="window rule"),
        pytest.param({"r": 1.2}, id="correlation"),
    ],
)
def test_choices_that_are_none_are_refused(wrong):
    with pytest.raises(InvalidInput):
        choices_of(**wrong)


def test_every_note_and_reason_is_explained():
    assert all(text.endswith(".") for text in NOTES.values())
    assert all(REASONS.values())


# -- which arm is the control, where the source does not say -------------------------------------


def labelled(number: int, label: str, role: str | None = None, **more: Any) -> ArmFacts:
    return an_arm(number, role, label=label, **more)


def pairs_of(*arms: ArmFacts, **choices: Any) -> list[tuple[str, tuple[str, ...]]]:
    """Comparison and notes of each row that the arms' counts give."""
    counts = [persons(number, arm, number, 10) for number, arm in enumerate(arms, start=1)]
    found = rows(Table.BINARY, *counts, **choices)
    inferred = ("role_from_label", "active_comparator")
    return [(row.comparison, tuple(n for n in row.notes if n in inferred)) for row in found]


@pytest.mark.parametrize(
    ("arms", "comparisons"),
    [
        pytest.param(
            [labelled(1, "Placebo qw", "experimental"), labelled(2, "Drug qw", "experimental")],
            ["Drug qw vs Placebo qw"],
            id="a placebo registered as experimental",
        ),
        pytest.param(
            [labelled(1, "Repaglinide"), labelled(2, "Placebo")],
            ["Repaglinide vs Placebo"],
            id="no role said of either",
        ),
        pytest.param(
            [labelled(1, "MSC", "control"), labelled(2, "Sham", "experimental")],
            ["MSC vs Sham"],
            id="roles the wrong way round",
        ),
        pytest.param(
            [labelled(1, "Enhanced usual care", "active comparator"),
             labelled(2, "Problem solving", "experimental")],
            ["Problem solving vs Enhanced usual care"],
            id="a control registered as active comparator",
        ),
        pytest.param(
            [labelled(1, "MSC high"), labelled(2, "MSC low"), labelled(3, "Control")],
            ["MSC high vs Control", "MSC low vs Control"],
            id="two doses and a control",
        ),
        pytest.param(
            [labelled(1, "Fat graft", "control"), labelled(2, "ADSC graft", "active comparator")],
            ["ADSC graft vs Fat graft"],
            id="cells registered as active comparator of a sham",
        ),
    ],
)  # fmt: skip
def test_a_label_says_which_arm_is_the_control_and_the_row_says_so(arms, comparisons):
    assert pairs_of(*arms) == [(one, ("role_from_label",)) for one in comparisons]
    assert pairs_of(*arms, stated_roles=True) in ([], [("Sham vs MSC", ())])


@pytest.mark.parametrize(
    "arms",
    [
        pytest.param([labelled(1, "MSC 10^6", "experimental"),
                      labelled(2, "MSC 10^7", "experimental")], id="two doses"),
        pytest.param([labelled(1, "MSC then placebo"), labelled(2, "Placebo then MSC")],
                     id="two sequences"),
        pytest.param([labelled(1, "Placebo"), labelled(2, "Sham")], id="two controls"),
        pytest.param([labelled(1, "Sirolimus"), labelled(2, "Tacrolimus")], id="two medicines"),
        pytest.param([an_arm(1, None, label="All", is_whole_study=True), labelled(2, "Placebo")],
                     id="all participants beside a part of them"),
        pytest.param([labelled(1, "MSC", "experimental"),
                      labelled(2, "MSC, fresh", "active comparator")], id="cells against cells"),
    ],
)  # fmt: skip
def test_without_a_control_nothing_is_compared(arms):
    assert pairs_of(*arms) == []


def test_a_stated_control_keeps_its_place_beside_stated_treatment():
    arms = [labelled(1, "MSC", "experimental"), labelled(2, "Ringer", "control"),
            labelled(3, "Hyaluronic acid", "active comparator")]  # fmt: skip
    assert pairs_of(*arms) == [("MSC vs Ringer", ())]


def test_an_active_comparator_without_cells_is_the_control_of_cells():
    cells_ = labelled(1, "Product X", "experimental", holds_cells=True)
    other = labelled(2, "Hyaluronic acid", "active comparator")
    assert pairs_of(cells_, other) == [("Product X vs Hyaluronic acid", ("active_comparator",))]
    assert pairs_of(cells_, other, stated_roles=True) == []
    medicine = labelled(3, "Medicine", "experimental")
    assert pairs_of(medicine, other) == []


def test_pooled_groups_are_not_compared_beside_their_parts():
    arms = [labelled(1, "MSC 10^6", "experimental"), labelled(2, "All MSC doses"),
            labelled(3, "Placebo", "control")]  # fmt: skip
    assert [comparison for comparison, _ in pairs_of(*arms)] == ["MSC 10^6 vs Placebo"]


def test_each_cohort_has_its_own_control():
    arms = [
        labelled(n, f"Cohort {cohort} {what}", role)
        for n, (cohort, what, role) in enumerate(
            ((1, "MSC", "experimental"), (1, "placebo", "control"),
             (2, "MSC", "experimental"), (2, "placebo", "control")), start=1)
    ]  # fmt: skip
    assert [comparison for comparison, _ in pairs_of(*arms)] == [
        "Cohort 1 MSC vs Cohort 1 placebo",
        "Cohort 2 MSC vs Cohort 2 placebo",
    ]


@pytest.mark.parametrize(
    ("label", "in_table"),
    [
        pytest.param("Placebo", False, id="a control of which no role is said"),
        pytest.param("MSC", True, id="cells"),
    ],
)
def test_a_group_labelled_as_a_control_is_no_treated_group(label, in_table):
    found = rows(Table.PROPORTION, persons(1, labelled(1, label), 1, 9))
    assert bool(found) is in_table


def test_an_estimate_whose_direction_is_not_said_has_no_sign():
    contrast = a_result(
        1, CONTROL, kind=ResultKind.CONTRAST, comparator=TREATED, measure="mean difference",
        numbers={"estimate": 2.0, "se": 0.5}, statistic=None, caveats=("direction_not_stated",),
    )  # fmt: skip
    (row,) = rows(Table.ESTIMATE, contrast)
    assert (row.numbers["yi"].value, row.numbers["estimate"].value) == (None, 2.0)
    assert row.why_not == "yi unclear"
    assert "turned_round" not in row.notes
    assert "direction_not_stated" in row.notes


def test_a_contrast_finds_its_arms_though_a_ratio_has_no_unit():
    more: dict[str, Any] = {"code": "EDSS", "unit": "points", "statistic": Statistic.FINAL}
    contrast = a_result(
        3, TREATED, kind=ResultKind.CONTRAST, comparator=CONTROL, measure="mean difference",
        numbers={"estimate": -1.0, "ci_low": -2.0, "ci_high": 0.0}, ci_level=95.0,
        statistic=None, code="EDSS",
    )  # fmt: skip
    arms = [mean(1, TREATED, 4, 1, **more), mean(2, CONTROL, 5, 1, **more)]
    (row,) = rows(Table.ESTIMATE, *arms, contrast)
    assert (row.numbers["n1i"].value, row.numbers["n2i"].value) == (10, 10)
    assert "arm_level_exists" in row.notes
