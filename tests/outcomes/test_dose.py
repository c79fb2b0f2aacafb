"""Doses of cells side by side, and what of a dose is not understood."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import starter
from kb.errors import InvalidInput
from kb.models.evidence import DoseClaim, Origin, State
from kb.outcomes.chains import Number, Refused
from kb.outcomes.dose import Amount, harmonise_dose, read_dose

approx: Any = pytest.approx
SEED = DoseClaim(low=1, high=2, unit="10^6 cells/kg", n_administrations=1)
RIORDAN = DoseClaim(value=20, unit="10^6 cells", basis="per infusion", n_administrations=7)


def ends(amount: Amount) -> tuple[float | None, float | None, float | None]:
    return amount.low.value, amount.value.value, amount.high.value


def a_dose(**given_: Any) -> DoseClaim:
    values: dict[str, Any] = {"value": 2, "unit": "10^6 cells/kg", "n_administrations": 1}
    return DoseClaim(**(values | given_))


def a_weight(kg: float) -> Number:
    return Number(value=kg, state=State.REPORTED, origin=Origin.REPORTED, result="r1")


NONE = (None, None, None)


def test_the_seed_stays_a_range_per_kg_and_needs_a_weight_for_more():
    values = harmonise_dose(SEED)
    assert ends(values.reported.per_kg_each) == (1, None, 2)
    assert ends(values.reported.per_kg_cumulative) == (1, None, 2)
    assert ends(values.reported.each) == ends(values.reported.cumulative) == NONE
    assert values.at_assumed_weight is None
    assert values.not_understood == ()


def test_seven_infusions_of_20_million_are_140_million():
    reported = harmonise_dose(RIORDAN).reported
    assert ends(reported.each) == (None, 20, None)
    assert ends(reported.cumulative) == (None, 140, None)
    (step,) = reported.cumulative.value.chain
    assert (step.rule, step.statement) == (
        "dose-cumulative",
        "cumulative = each time × number of times; each 20, times 7 gives 140",
    )
    assert ends(reported.per_kg_each) == NONE


def test_a_reported_weight_makes_a_dose_absolute():
    reported = harmonise_dose(SEED, weight_kg=a_weight(65)).reported
    assert ends(reported.cumulative) == (65, None, 130)
    assert reported.cumulative.low.origin is Origin.COMPUTED
    assert [i.result for i in reported.cumulative.low.chain[-1].inputs] == [None, "r1"]
    back = harmonise_dose(RIORDAN, weight_kg=a_weight(80)).reported
    assert ends(back.per_kg_each) == (None, 0.25, None)


def test_an_assumed_weight_stands_apart_and_is_imputed():
    values = harmonise_dose(SEED, assumed_weight_kg=70)
    assert ends(values.reported.cumulative) == NONE
    assumed = values.at_assumed_weight
    assert assumed is not None
    assert ends(assumed.cumulative) == (70, None, 140)
    assert ends(assumed.per_kg_each) == NONE  # nothing was assumed for it
    for number in (assumed.cumulative.low, assumed.cumulative.high):
        assert (number.origin, number.flags) == (Origin.IMPUTED, ("assumed-weight",))


def test_a_reported_weight_leaves_nothing_to_assume():
    values = harmonise_dose(SEED, weight_kg=a_weight(65), assumed_weight_kg=70)
    assert ends(values.reported.cumulative) == (65, None, 130)
    assert values.at_assumed_weight is not None
    assert not values.at_assumed_weight.cumulative.is_known


@pytest.mark.parametrize(
    ("dose", "each", "cumulative"),
    [
        pytest.param(
            a_dose(value=90, unit="10^6 cells", basis="total of three infusions",
                   n_administrations=3),
            (None, 30, None), (None, 90, None), id="total",
        ),
        pytest.param(
            a_dose(value=None, high=10, unit="10^6 cells", basis="per injection, at most",
                   n_administrations=3),
            (None, None, 10), (None, None, 30), id="at most",
        ),
        pytest.param(
            a_dose(unit="10^6 cells", basis="per infusion", n_administrations=None,
                   n_administrations_text="4-8"),
            (None, 2, None), (8, None, 16), id="a range of times",
        ),
        pytest.param(
            a_dose(value=200, unit="10^5 cells", basis="per infusion"),
            (None, 20, None), (None, 20, None), id="another power of ten",
        ),
        pytest.param(
            a_dose(value=0.5, unit="billion cells"), (None, 500, None), (None, 500, None),
            id="in words",
        ),
        pytest.param(
            a_dose(value=1.6, low=1.1, high=2.0, unit="10⁶ MSCs", basis="mean (range)"),
            (1.1, 1.6, 2.0), (1.1, 1.6, 2.0), id="mean and range",
        ),
    ],
)  # fmt: skip
def test_each_and_all_follow_from_what_the_dose_is_said_to_be(dose, each, cumulative):
    reported = harmonise_dose(dose).reported
    assert ends(reported.each) == approx(each)
    assert ends(reported.cumulative) == approx(cumulative)


def test_equal_parts_of_a_total_are_imputed():
    dose = a_dose(value=90, unit="10^6 cells", basis="total", n_administrations=3)
    assert harmonise_dose(dose).reported.each.value.origin is Origin.IMPUTED


@pytest.mark.parametrize(
    ("dose", "why"),
    [
        pytest.param(a_dose(value=None), "no dose is reported", id="nothing"),
        pytest.param(a_dose(unit=None), "the unit None", id="no unit"),
        pytest.param(a_dose(unit="10^6 cells/mL"), "the unit", id="in a volume"),
        pytest.param(a_dose(unit="mg"), "the unit", id="not cells"),
        pytest.param(a_dose(n_administrations=None), "not reported as one", id="how often"),
        pytest.param(a_dose(n_administrations=3), "not reported as one", id="each or all"),
        pytest.param(a_dose(basis="in the first week"), "neither of each", id="strange basis"),
        pytest.param(
            a_dose(basis="per infusion", n_administrations=None,
                   n_administrations_text="8 (plus 4 optional)"),
            "no number and no range", id="optional",
        ),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_said_and_not_guessed(dose, why):
    values = harmonise_dose(dose, assumed_weight_kg=70)
    assert not values.reported.cumulative.is_known
    assert not values.reported.per_kg_cumulative.is_known
    assert why in " ".join(values.not_understood)


def test_predicted_weight_is_not_the_weight_that_is_reported():
    dose = a_dose(unit="10^6 cells/kg predicted body weight")
    values = harmonise_dose(dose, weight_kg=a_weight(80), assumed_weight_kg=70)
    assert ends(values.reported.per_kg_each) == (None, 2, None)
    assert not values.reported.each.is_known
    assert values.at_assumed_weight is None


def test_no_body_weighs_a_ton():
    with pytest.raises(InvalidInput, match="no body weight"):
        harmonise_dose(SEED, assumed_weight_kg=70_000)


def test_every_dose_of_the_starter_evidence_is_understood_or_said_not_to_be():
    doses = [
        arm.dose for study in starter.read().studies for arm in study.arms if arm.dose is not None
    ]
    given_ = [d for d in doses if (d.value, d.low, d.high) != NONE]
    assert len(given_) > 30
    unknown = []
    for dose in given_:
        values = harmonise_dose(dose)
        amounts = values.reported
        known = amounts.each.is_known or amounts.per_kg_each.is_known
        assert known or values.not_understood
        unknown += [] if known else [values.not_understood]
    assert len(unknown) <= 8


# -- free text -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dose"),
    [
        pytest.param(
            "Single dose of 1-2 x 1000000 cells/Kg body weight",
            DoseClaim(low=1, high=2, unit="10^6 cells/kg", n_administrations=1),
            id="range",
        ),
        pytest.param(
            "Seven infusions of 20 million cells",
            DoseClaim(value=20, unit="10^6 cells", basis="per infusion", n_administrations=7),
            id="words",
        ),
        pytest.param(
            "A single IV infusion of up to 2 million cells per kg",
            DoseClaim(high=2, unit="10^6 cells/kg", basis="per infusion", n_administrations=1),
            id="at most",
        ),
        pytest.param("2*10^6 MSC / kg", DoseClaim(value=2, unit="10^6 cells/kg"), id="star"),
        pytest.param(
            "1 Million Cells/kg PBW",
            DoseClaim(value=1, unit="10^6 cells/kg predicted body weight"),
            id="predicted weight",
        ),
        pytest.param(
            "between 2 and 10 million cells", DoseClaim(low=2, high=10, unit="10^6 cells"), id="and"
        ),
    ],
)
def test_one_dose_is_read_from_a_text(text, dose):
    assert read_dose(text) == dose


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1-2 x106 MSCs/kg", id="raised digits lost"),
        pytest.param("4*10e6 cells/Kg", id="10e6 is 10^6 or 10^7"),
        pytest.param("1 million cells/ml", id="in a volume"),
        pytest.param("2 million cells per meter squared", id="on an area"),
        pytest.param("1, 5 and 10 million cells/kg", id="a list"),
        pytest.param("60 million cells IT and 20 million cells IV", id="two doses"),
        pytest.param("1.5 million (aMBMC) per kg, at most 150 million cells", id="cells unnamed"),
        pytest.param("10 Million Cellls/kg", id="mistyped"),
        pytest.param("2x10^8 nano vesicles", id="no cells"),
        pytest.param("mesenchymal stem cells", id="no number"),
        pytest.param("1 million cells " * 100, id="long"),
    ],
)
def test_what_is_not_one_dose_is_refused(text):
    assert isinstance(read_dose(text), Refused)


@given(st.text("0123456789 x^.-millioncskg/ertupofad\n×⁶", max_size=300))
def test_any_text_is_read_or_refused(text):
    assert isinstance(read_dose(text), (DoseClaim, Refused))
