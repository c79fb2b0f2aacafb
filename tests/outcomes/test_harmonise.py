"""From the cells of a result to numbers for analysis, and what never becomes one."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.models.evidence import (
    Cell,
    CellName,
    EvidenceClaim,
    Origin,
    ResultClaim,
    ResultKind,
    Standing,
    State,
    Statistic,
)
from kb.outcomes.chains import TRUST, Guard, Number
from kb.outcomes.harmonise import (
    ArmValues,
    Options,
    ReportedResult,
    combined_arms,
    harmonise_arm,
    harmonise_contrast,
    in_unit,
    pre_post,
    reported_result,
    sd_from_contrast,
    split_arm,
    with_borrowed_sd,
)
from kb.outcomes.rules import RULES
from kb.outcomes.units import factor
from tests.conftest import ROOT

approx: Any = pytest.approx
NO_IMPUTED = Options(drop=frozenset({Origin.IMPUTED}))
_CELLS = {name.value for name in CellName}


def a_cell(name: str, given_: Any) -> Cell:
    """A cell from a number, a printed text, a state or a ready cell."""
    if isinstance(given_, Cell):
        return given_
    if isinstance(given_, State):
        return Cell(name=CellName(name), value=None, state=given_)
    if isinstance(given_, str):
        return Cell(name=CellName(name), value=float(given_.strip("%")), text=given_)
    state = State.REPORTED_ZERO if given_ == 0 and name == "events" else State.REPORTED
    return Cell(name=CellName(name), value=given_, state=state)


def a_result(**given_: Any) -> ReportedResult:
    cells = {name: given_.pop(name) for name in list(given_) if name in _CELLS}
    values: dict[str, Any] = {
        "key": "r1",
        "kind": ResultKind.ARM,
        "statistic": Statistic.FINAL,
        "ci_level": 95.0,
    } | given_
    return ReportedResult(cells={CellName(k): a_cell(k, v) for k, v in cells.items()}, **values)


def a_contrast(**given_: Any) -> ReportedResult:
    return a_result(**({"kind": ResultKind.CONTRAST, "statistic": None} | given_))


def a_number(value: float) -> Number:
    return Number(value=value, state=State.REPORTED, origin=Origin.REPORTED, result="r1")


def missing_value(number: Number) -> tuple[None, State]:
    assert number.value is None
    assert number.origin is None
    return number.value, number.state


# -- one arm: what is taken ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "value", "rule", "origin"),
    [
        pytest.param({"sd": 2.0, "se": 0.42}, 2.0, None, Origin.REPORTED, id="reported SD first"),
        pytest.param(
            {"mean": 5.2, "se": 0.42, "ci_low": 4.3, "ci_high": 6.1},
            2.1,
            "sd-from-se",
            Origin.COMPUTED,
            id="then the standard error",
        ),
        pytest.param(
            {"mean": 5.2, "ci_low": 4.3, "ci_high": 6.1, "median": 5.0, "q1": 4.0, "q3": 6.5},
            2.1803,
            "sd-from-ci",
            Origin.COMPUTED,
            id="then the interval",
        ),
        pytest.param(
            {"median": 5.0, "q1": 4.0, "q3": 6.5},
            1.9653,
            "sd-from-quartiles",
            Origin.IMPUTED,
            id="then quantiles",
        ),
        pytest.param(
            {
                "mean": 5.2,
                "se": 0.42,
                "sd": Cell(name=CellName.SD, value=2.3, origin=Origin.DIGITISED),
            },
            2.1,
            "sd-from-se",
            Origin.COMPUTED,
            id="computed before digitised",
        ),
        pytest.param(
            {"mean": 5.2, "se": Cell(name=CellName.SE, value=0.4, origin=Origin.DIGITISED)},
            2.0,
            "sd-from-se",
            Origin.DIGITISED,
            id="computed from digitised is digitised",
        ),
        pytest.param(
            {"ls_mean": 5.2, "se": 0.42}, 2.1, "sd-from-se", Origin.IMPUTED, id="adjusted"
        ),
    ],
)
def test_the_sd_comes_from_the_best_there_is(cells, value, rule, origin):
    sd = harmonise_arm(a_result(n_analysed=25, **cells)).sd
    assert (sd.value, sd.rule, sd.origin) == (approx(value, abs=1e-4), rule, origin)


def test_a_number_tells_its_rule_inputs_and_output():
    result = a_result(n_analysed=25, mean=5.2, se="0.42")
    (step,) = harmonise_arm(result).sd.chain
    assert step.rule == "sd-from-se"
    assert step.statement == "SD = SE × √n; se 0.42, n 25 gives 2.1"
    assert [(i.result, i.name, i.value, i.text) for i in step.inputs] == [
        ("r1", "se", 0.42, "0.42"),
        ("r1", "n", 25, None),
    ]
    assert step.output == approx(2.1)


def test_a_reported_number_is_itself():
    mean = harmonise_arm(a_result(mean="5.20")).mean
    assert (mean.value, mean.text, mean.chain, mean.origin) == (5.2, "5.20", (), Origin.REPORTED)


def test_what_was_not_taken_is_kept_as_a_check():
    values = harmonise_arm(a_result(n_analysed=25, mean=5.2, sd=2.1, se=0.42))
    (check,) = values.checks
    assert (check.quantity, check.taken.value, check.other.rule) == ("sd", 2.1, "sd-from-se")
    assert check.agrees


def test_a_standard_error_printed_as_sd_disagrees_with_the_interval():
    values = harmonise_arm(a_result(n_analysed=25, mean=5.2, sd=0.42, ci_low=4.3, ci_high=6.1))
    (check,) = values.checks
    assert not check.agrees


def test_rounding_in_print_is_no_disagreement():
    # SE 0.4 may be 0.35 to 0.45, so the SD of 36 may be 2.1 to 2.7.
    (check,) = harmonise_arm(a_result(n_analysed=36, mean=5.2, sd=2.6, se="0.4")).checks
    assert check.agrees
    (check,) = harmonise_arm(a_result(n_analysed=36, mean=5.2, sd=2.6, se="0.400")).checks
    assert not check.agrees


# -- one arm: what is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "state"),
    [
        pytest.param({}, State.NOT_REPORTED, id="nothing said"),
        pytest.param({"sd": State.NOT_MEASURED}, State.NOT_MEASURED, id="not measured"),
        pytest.param({"sd": State.UNCLEAR}, State.UNCLEAR, id="unclear"),
        pytest.param({"median": 2.0, "se": 0.4}, State.NOT_REPORTED, id="SE beside a median"),
        pytest.param(
            {"geometric_mean": 2.0, "sd": 0.4}, State.UNCLEAR, id="SD of a geometric mean"
        ),
        pytest.param({"median": 2.0, "min": 0.0, "max": 20.0}, State.UNCLEAR, id="skewed"),
        pytest.param({"median": 0.0, "q1": 0.0, "q3": 0.0}, State.UNCLEAR, id="half are tied"),
        pytest.param({"mean": 5.0, "ci_low": 4.9, "ci_high": 7.0}, State.UNCLEAR, id="off centre"),
        pytest.param({"sd": -2.0}, State.UNCLEAR, id="negative"),
        pytest.param({"sd": float("nan")}, State.UNCLEAR, id="no number"),
    ],
)
def test_no_sd_is_made_of_what_does_not_give_one(cells, state):
    sd = harmonise_arm(a_result(n_analysed=10, **cells)).sd
    assert missing_value(sd) == (None, state)


@pytest.mark.parametrize("state", [s for s in State if s not in ("reported", "reported_zero")])
def test_the_state_of_a_whole_result_is_that_of_all_its_numbers(state):
    values = harmonise_arm(a_result(state=state))
    for number in (values.n, values.events, values.person_years, values.mean, values.sd):
        assert missing_value(number) == (None, state)


def test_a_refusal_is_told():
    sd = harmonise_arm(a_result(n_analysed=10, median=2.0, min=0.0, max=20.0)).sd
    (why,) = sd.refused
    assert (why.rule, why.guard) == ("sd-from-range", Guard.SKEWED)
    assert why.reason == "skewed: the test statistic 0.8 is not below 0.567"


def test_a_guard_set_aside_is_flagged():
    options = Options(override=frozenset({Guard.SKEWED}))
    sd = harmonise_arm(a_result(n_analysed=10, median=2.0, min=0.0, max=20.0), options).sd
    assert (sd.value, sd.flags) == (approx(6.4656, abs=1e-4), ("skewed",))


def test_an_interval_without_its_level_is_an_assumption():
    result = a_result(n_analysed=25, mean=5.2, ci_low=4.3, ci_high=6.1, ci_level=None)
    sd = harmonise_arm(result).sd
    assert [s.rule for s in sd.chain] == ["assumed-ci-level", "sd-from-ci"]
    assert sd.origin is Origin.IMPUTED
    assert harmonise_arm(result, NO_IMPUTED).sd.value is None


def test_a_dropped_origin_gives_way_to_the_next():
    digitised = Cell(name=CellName.SE, value=0.5, origin=Origin.DIGITISED)
    result = a_result(n_analysed=25, mean=5.2, se=digitised, ci_low=4.3, ci_high=6.1)
    for dropped, rule in (
        ({Origin.DIGITISED}, "sd-from-ci"),
        ({Origin.COMPUTED}, None),
        ({Origin.DIGITISED, Origin.COMPUTED}, None),
    ):
        sd = harmonise_arm(result, Options(drop=frozenset(dropped))).sd
        assert sd.rule == rule
        assert sd.origins.isdisjoint(dropped)


def test_what_was_reported_cannot_be_dropped():
    with pytest.raises(InvalidInput, match="reported numbers cannot be dropped"):
        Options(drop=frozenset({Origin.REPORTED}))


# -- counts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "value", "state", "origin"),
    [
        pytest.param({"events": 0}, 0, State.REPORTED_ZERO, Origin.REPORTED, id="zero stated"),
        pytest.param({}, None, State.NOT_REPORTED, None, id="nothing is no zero"),
        pytest.param({"percent": "0%"}, 0, State.REPORTED, Origin.COMPUTED, id="0 % of 22"),
        pytest.param({"percent": "59.1"}, 13, State.REPORTED, Origin.COMPUTED, id="13 of 22"),
        pytest.param({"percent": "58"}, None, State.UNCLEAR, None, id="no count fits"),
        pytest.param(
            {"percent": "33", "n_analysed": 250}, 82, State.REPORTED, Origin.IMPUTED, id="two fit"
        ),
        pytest.param(
            {"percent": "33", "n_analysed": State.NOT_REPORTED},
            None,
            State.NOT_REPORTED,
            None,
            id="no denominator",
        ),
        pytest.param(
            {"percent": "27.3", "title": "Chronic GvHD, cumulative incidence"},
            None,
            State.UNCLEAR,
            None,
            id="estimated over time",
        ),
        pytest.param(
            {"percent": "27.3", "statistic": Statistic.FINAL},
            None,
            State.NOT_REPORTED,
            None,
            id="percentage of something else",
        ),
    ],
)
def test_persons_follow_from_a_percentage_only_where_they_fit(cells, value, state, origin):
    given_ = {"n_analysed": 22, "statistic": Statistic.PERCENT} | cells
    events = harmonise_arm(a_result(**given_)).events
    assert (events.value, events.state, events.origin) == (value, state, origin)


def test_a_count_and_a_percentage_that_contradict_each_other_are_flagged():
    given_ = {"statistic": Statistic.PERSON_COUNT, "n_analysed": 22}
    agreeing = harmonise_arm(a_result(events=13, percent="59.1", **given_))
    assert all(check.agrees for check in agreeing.checks)
    contradicting = harmonise_arm(a_result(events=12, percent="59.1", **given_))
    assert {check.quantity for check in contradicting.checks if not check.agrees} == {
        "events",
        "percent",
    }


# -- contrasts -----------------------------------------------------------------------------------


def test_a_ratio_is_taken_to_its_logarithm():
    values = harmonise_contrast(
        a_contrast(measure="Adjusted Hazard Ratio", estimate=0.64, ci_low=0.33, ci_high=1.22)
    )
    assert (values.measure, values.scale, values.is_adjusted) == ("HR", "log", True)
    assert values.estimate.value == approx(-0.4463, abs=5e-5)
    assert values.se.value == approx(0.1113**0.5, abs=5e-4)


@pytest.mark.parametrize(
    ("given_", "se", "rule"),
    [
        pytest.param({"se": 0.6}, 0.6, None, id="reported"),
        pytest.param({"ci_low": -2.4, "ci_high": 0.0}, 0.5917, "se-from-md-ci", id="interval on t"),
        pytest.param({"p_text": "P = 0.05"}, 0.5917, "se-from-md-p", id="P"),
        pytest.param({"p_text": "< 0.05"}, 0.5917, "se-from-md-p", id="bound of P"),
    ],
)
def test_the_standard_error_of_a_mean_difference_comes_from_the_best_there_is(given_, se, rule):
    # t(0.975; 36) = 2.028; 1.2 / 2.028 = 0.5917.
    result = a_contrast(measure="mean difference", estimate=-1.2, **given_)
    made = harmonise_contrast(result, n_1=a_number(20), n_2=a_number(18)).se
    assert (made.value, made.rule) == (approx(se, abs=1e-4), rule)


def test_a_bound_of_p_is_conservative_and_imputed():
    result = a_contrast(measure="mean difference", estimate=-1.2, p_text="< 0.05")
    n_1, n_2 = a_number(20), a_number(18)
    se = harmonise_contrast(result, n_1=n_1, n_2=n_2).se
    assert (se.origin, se.flags) == (Origin.IMPUTED, ("conservative",))
    assert harmonise_contrast(result, NO_IMPUTED, n_1=n_1, n_2=n_2).se.value is None


@pytest.mark.parametrize(
    "given_",
    [
        pytest.param({"measure": "mean difference", "p_text": "0.03"}, id="groups unknown"),
        pytest.param({"measure": "odds ratio", "p_text": "> 0.05"}, id="P above a bound"),
        pytest.param(
            {"measure": "odds ratio", "p_text": "0.03", "method": "Fisher exact"}, id="exact test"
        ),
        pytest.param({"measure": "odds ratio", "se": 0.3}, id="SE of ratio or of logarithm"),
        pytest.param({"measure": "odds ratio", "ci_low": 0.0, "ci_high": 2.0}, id="from zero"),
        pytest.param({"measure": "odds ratio", "ci_low": 0.2, "ci_high": 0.9}, id="not midway"),
        pytest.param({"measure": "median difference", "ci_low": 0.2, "ci_high": 1.0}, id="median"),
        pytest.param({"measure": None, "ci_low": 0.2, "ci_high": 1.0}, id="measure not said"),
    ],
)
def test_no_standard_error_is_made_of_what_does_not_give_one(given_):
    values = harmonise_contrast(a_contrast(estimate=0.6, **given_))
    assert values.se.value is None
    assert values.se.refused


def test_a_risk_difference_in_percentage_points_becomes_one_of_parts():
    values = harmonise_contrast(
        a_contrast(measure="risk difference", unit="%", estimate=12.0, ci_low=2.2, ci_high=21.8)
    )
    assert (values.estimate.value, values.se.value) == (approx(0.12), approx(0.05, abs=1e-4))


def test_both_arms_of_a_mean_difference_share_an_sd():
    # Handbook 6.5.2.3: 25 and 22 participants, SE 1.37, SD 4.69.
    contrast = harmonise_contrast(a_contrast(measure="MD", estimate=3.8, se=1.37))
    sd = sd_from_contrast(contrast, a_number(25), a_number(22))
    assert (sd.value, sd.origin) == (approx(4.69, abs=0.005), Origin.COMPUTED)
    adjusted = harmonise_contrast(a_contrast(measure="LS mean difference", estimate=3.8, se=1.37))
    assert sd_from_contrast(adjusted, a_number(25), a_number(22)).origin is Origin.IMPUTED
    ratio = harmonise_contrast(a_contrast(measure="OR", estimate=1.2, ci_low=1.0, ci_high=1.44))
    assert sd_from_contrast(ratio, a_number(25), a_number(22)).value is None


# -- before and after ----------------------------------------------------------------------------

BEFORE = a_result(key="before", statistic=Statistic.BASELINE, n_analysed=10, mean=5.0, sd=2.38)
AFTER = a_result(key="after", n_analysed=10, mean=4.2, sd=2.21)


def test_the_sd_of_change_is_shown_at_several_correlations():
    values = pre_post(BEFORE, AFTER)
    assert values.change_mean.value == approx(-0.8)
    assert [one.r.value for one in values.change_sd] == [0.5, 0.7, 0.9]
    assert all(one.sd.origin is Origin.IMPUTED for one in values.change_sd)
    (one,) = pre_post(BEFORE, AFTER, options=Options(correlations=(0.68,))).change_sd
    assert one.sd.value == approx(1.8426, abs=5e-5)  # Handbook 5.1, 16.4.6.4
    assert pre_post(BEFORE, AFTER, options=NO_IMPUTED).change_sd == ()


def test_three_sds_give_the_correlation():
    change = a_result(key="change", statistic=Statistic.CHANGE, n_analysed=10, mean=-0.8, sd=1.8426)
    (one,) = pre_post(BEFORE, AFTER, change).change_sd
    assert (one.sd.value, one.r.value) == (1.8426, approx(0.68, abs=5e-5))
    assert one.r.origin is Origin.COMPUTED
    assert {i.result for i in one.r.chain[-1].inputs} == {"before", "after", "change"}


def test_a_change_that_is_not_follow_up_minus_baseline_is_flagged():
    change = a_result(key="change", statistic=Statistic.CHANGE, n_analysed=10, mean=0.8, sd=1.8)
    checks = pre_post(BEFORE, AFTER, change).checks
    assert [(c.quantity, c.agrees) for c in checks] == [("change_mean", False)]


def test_fewer_after_than_before_are_fewer_pairs():
    values = pre_post(BEFORE, a_result(key="after", n_analysed=7, mean=4.2, sd=2.21))
    assert (values.n.value, values.n.origin) == (7, Origin.IMPUTED)
    assert values.change_mean.flags == ("unequal-n",)


def test_the_sd_of_change_follows_from_a_paired_test():
    # t(0.975; 15) = 2.1314; SD = 1.2 × √16 / 2.1314.
    result = a_result(
        n_analysed=16, mean=-1.2, statistic=Statistic.CHANGE, p_text="0.05", method="paired t test"
    )
    assert harmonise_arm(result).sd.value == approx(2.2521, abs=1e-3)
    unpaired = a_result(n_analysed=16, mean=-1.2, statistic=Statistic.CHANGE, p_text="0.05")
    assert harmonise_arm(unpaired).sd.value is None


# -- several arms --------------------------------------------------------------------------------


def an_arm(key: str, n: float, mean: float, sd: float | State) -> ArmValues:
    return harmonise_arm(a_result(key=key, n_analysed=n, mean=mean, sd=sd))


def test_arms_combine_as_the_published_example():
    arms = [an_arm("a", 10, 11.8, 2.4), an_arm("b", 20, 15.3, 3.2), an_arm("c", 15, 8.4, 4.1)]
    made = combined_arms(arms)
    assert (made.n.value, made.mean.value, made.sd.value) == approx((45, 12.2222, 4.5028), abs=5e-5)
    assert made.sd.origin is Origin.COMPUTED


def test_an_arm_without_sd_leaves_the_whole_without():
    made = combined_arms([an_arm("a", 10, 11.8, 2.4), an_arm("b", 20, 15.3, State.NOT_REPORTED)])
    assert made.mean.value == approx((118 + 306) / 30)
    assert missing_value(made.sd) == (None, State.NOT_REPORTED)
    assert missing_value(made.events) == (None, State.NOT_REPORTED)


def test_a_shared_control_is_divided_and_keeps_mean_and_sd():
    made = split_arm(an_arm("a", 21, 11.8, 2.4), 2)
    assert (made.n.value, made.mean.value, made.sd.value) == (10.5, 11.8, 2.4)


def test_a_borrowed_sd_is_imputed_and_only_where_none_is_there():
    lender = an_arm("baseline", 10, 5.0, 2.4).sd
    made = with_borrowed_sd(an_arm("a", 10, 4.0, State.NOT_REPORTED), lender)
    assert (made.sd.value, made.sd.origin, made.sd.flags) == (2.4, Origin.IMPUTED, ("borrowed",))
    assert with_borrowed_sd(an_arm("a", 10, 4.0, 1.9), lender).sd.value == 1.9


def test_another_unit_is_a_step_of_the_chain():
    made = in_unit(an_arm("a", 10, 1500.0, 200.0), "mm3", "mL")
    assert (made.mean.value, made.sd.value, made.sd.rule) == (1.5, 0.2, "unit")
    refused = in_unit(an_arm("a", 10, 1500.0, 200.0), "score", "mL")
    assert missing_value(refused.mean) == (None, State.UNCLEAR)


@pytest.mark.parametrize(
    ("unit", "wanted", "by"),
    [
        pytest.param("mm³", "mL", 1e-3, id="volume"),
        pytest.param("µL", "mm^3", 1, id="spelling"),
        pytest.param("pg/mL", "ng/L", 1, id="same in other words"),
        pytest.param("%", "fraction", 0.01, id="part"),
        pytest.param("× 10⁹/L", "cells/uL", 1000, id="cells"),
        pytest.param("min", "seconds", 60, id="time"),
        pytest.param("years", "months", 12, id="calendar"),
        pytest.param("ft/s", "m/s", 0.3048, id="speed"),
        pytest.param("score 0-10", "score 0-10", 1, id="unknown, but the same"),
    ],
)
def test_units_of_one_dimension_have_an_exact_factor(unit, wanted, by):
    assert factor(unit, wanted) == by


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        pytest.param("s", "ft/s", id="time and speed"),
        pytest.param("months", "days", id="a month has no fixed days"),
        pytest.param("% of baseline", "%", id="percentage of something"),
        pytest.param("points", "score", id="no units"),
        pytest.param("mg/dL", "mmol/L", id="mass and amount"),
        pytest.param("MU/mL", "U/mL", id="mega is not milli"),
    ],
)
def test_units_of_no_known_pair_are_refused(unit, wanted):
    assert not isinstance(factor(unit, wanted), float)


# -- over all ------------------------------------------------------------------------------------


def test_a_claim_of_a_source_is_read_as_it_stands():
    claim = ResultClaim(
        key="r9",
        kind=ResultKind.ARM,
        arm="msc",
        outcome_title="EDSS",
        cells=(Cell(name=CellName.MEAN, value=5.2),),
        evidence=EvidenceClaim(
            kind="abstract", document="a", locator="abstract", standing=Standing.PRIMARY
        ),
    )
    assert harmonise_arm(reported_result(claim)).mean.result == "r9"


@given(
    st.dictionaries(
        st.sampled_from(sorted(_CELLS)),
        st.floats(-10, 1000)
        | st.integers(0, 50)
        | st.sampled_from(State).filter(lambda s: not s.startswith("reported")),
    ),
    st.sampled_from(Statistic),
    st.frozensets(st.sampled_from([o for o in Origin if o is not Origin.REPORTED])),
    st.frozensets(st.sampled_from(Guard)),
)
def test_every_number_is_reported_or_explained(cells, statistic, drop, override):
    options = Options(drop=drop, override=override)
    values = harmonise_arm(a_result(statistic=statistic, **cells), options)
    contrast = harmonise_contrast(a_contrast(measure="odds ratio", **cells), options)
    for number in (
        values.n, values.events, values.person_years, values.mean, values.sd,
        contrast.estimate, contrast.se,
    ):  # fmt: skip
        assert number.origins.isdisjoint(drop)
        if number.value is None:
            assert number.state not in (State.REPORTED, State.REPORTED_ZERO)
            assert number.chain == ()
            continue
        assert number.state in (State.REPORTED, State.REPORTED_ZERO)
        if not number.chain:
            assert number.value in cells.values()
        for step in number.chain:
            assert TRUST.index(number.origin) >= TRUST.index(RULES[step.rule].origin)


def test_the_example_of_the_documentation_prints_what_it_says(capsys):
    text = (ROOT / "docs" / "harmonisation.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(example, {})
    assert f"# {capsys.readouterr().out.strip()}" == example.strip().splitlines()[-1]
