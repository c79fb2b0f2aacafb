"""One value by itself, in the columns of the tables."""

from dataclasses import replace

import pytest

from kb import starter
from kb.errors import InvalidInput
from kb.formats.single_values import ADVERSE_EVENTS, RESULTS, edited, read_value, shown_row
from kb.models.evidence import (
    Cell,
    CellName,
    EvidenceClaim,
    ResultClaim,
    Standing,
    State,
    Statistic,
)
from kb.outcomes.places import Claim

ARMS = ("msc", "sham")
HERE = EvidenceClaim(
    kind="abstract", document="10.1000/a", locator="abstract", standing=Standing.PRIMARY
)
COUNT = {
    "arm": "msc", "outcome": "T2_NEW", "category": "event", "statistic": "person_count",
    "time": 12, "time_unit": "week", "n": 6, "events": 1, "state": "reported",
}  # fmt: skip


def a_count(**given):
    return read_value(RESULTS, COUNT | given, arms=ARMS, evidence=HERE)


def cells(claim):
    return {cell.name.value: (cell.value, cell.text) for cell in claim.cells}


def test_every_value_of_the_starter_evidence_can_be_told_in_columns_and_read_back():
    count = 0
    for study in starter.read().studies:
        arms = tuple(arm.key for arm in study.arms)
        claims: list[Claim] = [*study.results, *study.adverse_events]
        for claim in claims:
            table = RESULTS if isinstance(claim, ResultClaim) else ADVERSE_EVENTS
            row = shown_row(claim)
            named = (claim.arm, getattr(claim, "comparator", None) or claim.arm)
            made = read_value(table, row, arms=(*arms, *named), evidence=claim.evidence)
            assert replace(made, key=claim.key) == claim, claim.key
            count += 1
    assert count > 500


def test_only_what_is_changed_changes():
    before = a_count(note="as printed")
    after = edited(before, {"events": "2"}, arms=ARMS)
    assert cells(after) == {"n_analysed": (6, "6"), "events": (2, "2")}
    assert replace(after, cells=before.cells) == before
    assert edited(before, {"events": 1}, arms=ARMS) is before
    assert edited(before, {"note": None}, arms=ARMS).note is None


def test_a_state_without_numbers_empties_them_and_keeps_how_many_were_looked_at():
    after = edited(a_count(p="0.03"), {"state": "not_reported"}, arms=ARMS)
    assert (after.state, cells(after), after.p_text) == (
        State.NOT_REPORTED, {"n_analysed": (6, "6")}, None,
    )  # fmt: skip


def test_a_reported_zero_says_so_in_its_cell():
    zero = edited(a_count(), {"events": 0, "state": "reported_zero"}, arms=ARMS)
    states = {cell.name: cell.state for cell in zero.cells}
    assert states[CellName.EVENTS] is State.REPORTED_ZERO
    with pytest.raises(InvalidInput, match="reported_zero"):
        edited(zero, {"events": 1}, arms=ARMS)


def test_arms_that_were_mixed_up_can_be_put_right():
    assert edited(a_count(), {"arm": "sham"}, arms=ARMS).arm == "sham"
    with pytest.raises(InvalidInput, match="'other' is no arm of the study"):
        edited(a_count(), {"arm": "other"}, arms=ARMS)


def test_a_number_of_a_registry_without_a_column_stays_until_it_is_named():
    bare = replace(
        a_count(), category=None, statistic=Statistic.AS_REGISTERED,
        cells=(Cell(name=CellName.NUMBER, value=4.2, text="4.2"),),
    )  # fmt: skip
    assert shown_row(bare)["number"] == "4.2"
    assert cells(edited(bare, {"n": 6}, arms=ARMS)) == {
        "n_analysed": (6, "6"), "number": (4.2, "4.2"),
    }  # fmt: skip
    named = edited(bare, {"mean": "4.2", "central": None, "statistic": "final"}, arms=ARMS)
    assert cells(named) == {"mean": (4.2, "4.2")}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"events": 7}, "events", id="more than all"),
        pytest.param({"events": "one"}, "events", id="no number"),
        pytest.param({"state": "unknown"}, "state", id="no state"),
        pytest.param({"what_else": 1}, "no column is called 'what_else'", id="no column"),
        pytest.param({"source": "x"}, "no column is called 'source'", id="told elsewhere"),
        pytest.param({"events": [1]}, "events is no text or number", id="a list"),
        pytest.param({"n": 1.5}, "n", id="half a person"),
    ],
)
def test_a_change_that_is_a_mistake_is_refused(changes, said):
    with pytest.raises(InvalidInput, match=said):
        edited(a_count(), changes, arms=ARMS)


def test_what_other_rules_let_in_does_not_stand_in_the_way_of_mending_something_else():
    empty = replace(a_count(), cells=())  # a registry's group for which nothing was reported
    assert cells(edited(empty, {"n": 6}, arms=ARMS)) == {"n_analysed": (6, "6")}
    counted = edited(empty, {"n": 6, "events": 2}, arms=ARMS)
    assert (counted.state, counted.direction) == (State.REPORTED, None)
    assert edited(empty, {"state": "not_reported"}, arms=ARMS).state is State.NOT_REPORTED
