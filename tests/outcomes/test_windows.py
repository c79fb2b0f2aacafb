"""Which times count as one for analysis, and which of a study's is taken."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.outcomes.rules import RULES
from kb.outcomes.timepoints import days
from kb.outcomes.windows import WINDOWS, Choose, Family, Timed, choose, window, window_of
from tests.conftest import ROOT

YEAR = window("48-52-wk")


def a_time(day: float | None, key: str = "", **given_: Any) -> Timed:
    return Timed(key=key or f"day {day}", **({"place": "edss", "days": day} | given_))


@pytest.mark.parametrize(
    ("value", "unit", "visit", "safety"),
    [
        pytest.param(0, "day", None, None, id="baseline"),
        pytest.param(2, "hour", None, "immediate", id="2 h"),
        pytest.param(24, "hour", None, "immediate", id="24 h"),
        pytest.param(7, "day", None, "early", id="day 7"),
        pytest.param(30, "day", "4-wk", "early", id="30 d"),
        pytest.param(1, "month", "4-wk", "medium", id="a month is longer than 30 d"),
        pytest.param(12, "week", "12-wk", "medium", id="12 wk"),
        pytest.param(3, "month", "12-wk", "medium", id="3 mo"),
        pytest.param(6, "month", "24-wk", "medium", id="6 mo"),
        pytest.param(48, "week", "48-52-wk", "medium", id="48 wk"),
        pytest.param(12, "month", "48-52-wk", "medium", id="12 mo"),
        pytest.param(13, "month", None, "long", id="between visits"),
        pytest.param(2, "year", "2-y", "long", id="2 y"),
        pytest.param(5, "year", None, "long", id="5 y"),
        pytest.param(-1, "day", None, None, id="before"),
        pytest.param(None, None, None, None, id="no time"),
    ],
)
def test_a_time_falls_in_the_window_of_its_visit(value, unit, visit, safety):
    for family, expected in ((Family.VISIT, visit), (Family.SAFETY, safety)):
        found = window_of(days(value, unit), family)
        assert (found.id if found else None) == expected


@given(st.floats(-10, 5000))
def test_windows_of_one_family_do_not_overlap(day):
    for family in Family:
        assert sum(day in w for w in WINDOWS if w.family is family) <= 1
    assert (window_of(day, Family.SAFETY) is not None) == (day > 0)


@pytest.mark.parametrize(
    ("rule", "taken", "by"),
    [
        pytest.param(Choose.CLOSEST, 336, "closest-in-window", id="closest"),
        pytest.param(Choose.LONGEST, 390, "longest-in-window", id="longest"),
        pytest.param(Choose.PRIMARY, 320, "primary-in-window", id="primary"),
    ],
)
def test_one_timepoint_is_taken_and_says_by_which_rule(rule, taken, by):
    times = [a_time(320, is_primary=True), a_time(336), a_time(390), a_time(420), a_time(None)]
    (choice,) = choose(times, YEAR, rule)
    assert (choice.days, choice.rule) == (taken, by)
    assert RULES[by].formula in choice.reason
    assert {t.days for t in (*choice.chosen, *choice.others)} == {320, 336, 390}


def test_where_none_is_primary_the_nearest_is_taken_and_said():
    (choice,) = choose([a_time(320), a_time(336)], YEAR, Choose.PRIMARY)
    assert (choice.days, choice.rule) == (336, "closest-in-window")
    assert "none is of a primary outcome" in choice.reason


def test_of_two_that_are_equally_near_the_later_is_taken():
    (choice,) = choose([a_time(336), a_time(365.25)], YEAR)
    assert choice.days == 365.25


def test_two_accounts_of_one_time_stay_together():
    (choice,) = choose([a_time(336, "paper"), a_time(336, "registry")], YEAR)
    assert [t.key for t in choice.chosen] == ["paper", "registry"]
    assert choice.others == ()


def test_equal_days_from_other_anchors_are_two_times():
    first, last = a_time(336, anchor="first dose"), a_time(336, anchor="last dose")
    (choice,) = choose([last, first], YEAR)
    assert (choice.anchor, choice.chosen, choice.others) == ("first dose", (first,), (last,))


def test_each_place_has_its_own_timepoint():
    choices = choose([a_time(336, place="msc"), a_time(350, place="placebo")], YEAR)
    assert [(c.place, c.days) for c in choices] == [("msc", 336), ("placebo", 350)]


@given(
    st.lists(
        st.builds(
            a_time,
            st.sampled_from([300.0, 310.0, 336.0, 350.0, 390.0]),
            st.text("ab", min_size=1),
            anchor=st.sampled_from(["treatment", "last dose", None]),
            is_primary=st.booleans(),
        ),
        max_size=6,
    ),
    st.sampled_from(Choose),
    st.randoms(),
)
def test_the_choice_does_not_depend_on_the_order(times, rule, random):
    shuffled = random.sample(times, len(times))
    taken = [(c.days, c.anchor) for c in choose(times, YEAR, rule)]
    assert taken == [(c.days, c.anchor) for c in choose(shuffled, YEAR, rule)]
    assert len(taken) <= 1


def test_an_unknown_window_is_named_with_those_there_are():
    with pytest.raises(InvalidInput, match=r"no window '3-mo' .*12-wk"):
        window("3-mo")


def test_every_window_is_documented():
    text = (ROOT / "docs" / "harmonisation.md").read_text(encoding="utf-8")
    for one in WINDOWS:
        assert f"| `{one.id}`: {one.label} |" in text
        assert one.why in text
