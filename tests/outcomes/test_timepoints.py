"""When something was measured, as texts of registries and papers say it."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.models.evidence import TimepointClaim
from kb.outcomes.timepoints import (
    days,
    names_a_clock_time,
    names_a_time,
    split_timepoint,
    timepoint,
    whole_timepoint,
)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        pytest.param(7, "day", 7.0, id="day"),
        pytest.param(36, "hour", 1.5, id="hours"),
        pytest.param(90, "minute", 0.0625, id="minutes"),
        pytest.param(48, "week", 336.0, id="weeks"),
        pytest.param(12, "month", 365.25, id="twelve months are a year"),
        pytest.param(1, "month", 30.4375, id="month"),
        pytest.param(2, "years", 730.5, id="plural"),
        pytest.param(0, "day", 0.0, id="baseline"),
    ],
)
def test_units_of_time_have_the_length_the_handbooks_use(value, unit, expected):
    assert days(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        pytest.param(None, "day", id="no value"),
        pytest.param(1, None, id="no unit"),
        pytest.param(1, "visit", id="no unit of time"),
        pytest.param(1, "", id="empty unit"),
    ],
)
def test_days_are_not_made_up(value, unit):
    assert days(value, unit) is None


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        pytest.param("Week 48", 48, "week", id="unit first"),
        pytest.param("12 months", 12, "month", id="number first"),
        pytest.param("Day 7", 7, "day", id="day"),
        pytest.param("2-year", 2, "year", id="hyphen"),
        pytest.param("2 year/end of study", 2, "year", id="slash, not a rate"),
        pytest.param("7days", 7, "day", id="no space"),
        pytest.param("24h", 24, "hour", id="short unit"),
        pytest.param("Three months after the graft", 3, "month", id="in words"),
        pytest.param("up to 1.5 years", 1.5, "year", id="window, decimal"),
        pytest.param("Baseline", 0, "day", id="baseline"),
        pytest.param("Baseline (Day 1)", 0, "day", id="baseline with the protocol's day"),
        pytest.param("Day 0 (baseline)", 0, "day", id="day 0 named baseline"),
        pytest.param("Week 16 (Day 112)", 16, "week", id="one time said twice"),
        pytest.param("12 ± 2 weeks", 12, "week", id="tolerance inside"),
        pytest.param("Week 12 (± 3 days)", 12, "week", id="tolerance after"),
        pytest.param("every 3 months for 2 years", 2, "year", id="frequency is no time"),
        pytest.param("Up to 1 year from baseline", 1, "year", id="counted from baseline"),
        pytest.param("Day -2", -2, "day", id="before day 0, by number"),
    ],
)
def test_one_time_is_read(text, value, unit):
    found = timepoint(text)
    assert found is not None
    assert (found.value, found.unit, found.text) == (value, unit, text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("3 and 18 months", id="two"),
        pytest.param("0, 3, 6, 12 and 24 months", id="list, number first"),
        pytest.param("Weeks 4, 8 and 12", id="list, unit first"),
        pytest.param("3-6 months", id="range"),
        pytest.param("Baseline and 30 Weeks", id="baseline and another"),
        pytest.param("from Day 0 to Day 7", id="from to"),
        pytest.param("36 weeks post-menstrual age", id="age"),
        pytest.param("12 months of age", id="age of a child"),
        pytest.param("Cycle 1 Day 22", id="within a cycle"),
        pytest.param("2 weeks before surgery", id="backwards"),
        pytest.param("through study completion, an average of 1 year", id="average"),
        pytest.param("twenty-four months", id="number in words that is not read"),
        pytest.param("1 1/2 years", id="fraction"),
        pytest.param(
            "at first transplantation and 12 months following the final administration",
            id="beside a time without number",
        ),
        pytest.param("Hospital discharge", id="none"),
    ],
)
def test_what_is_not_one_time_stays_text(text):
    assert timepoint(text) == TimepointClaim(text=text)


def test_no_text_is_no_time():
    assert timepoint(None) is None
    assert timepoint("  ") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("Baseline to Week 16", 16, id="to"),
        pytest.param("Baseline, Week 16", 16, id="list"),
        pytest.param("Day 0 and Day 7", 7, id="day 0"),
        pytest.param("Week 16", 16, id="end alone"),
        pytest.param("Baseline, Week 8, Week 16", None, id="two ends"),
    ],
)
def test_a_change_is_timed_by_its_end(text, value):
    found = timepoint(text, is_change=True)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        pytest.param("12 months following the final administration", "last dose", id="last"),
        pytest.param("24 weeks from the first infusion", "first dose", id="first"),
        pytest.param("6 months post MSC infusion", "treatment", id="treatment"),
        pytest.param("12 months after surgery", "surgery", id="surgery"),
        pytest.param("60 days after randomization", "randomisation", id="randomisation"),
        pytest.param("12 months after baseline", "baseline", id="baseline"),
        pytest.param("12 months", None, id="not said"),
    ],
)
def test_the_anchor_is_what_the_text_counts_from(text, anchor):
    found = timepoint(text)
    assert found is not None
    assert found.anchor == anchor


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2 hour glucose", id="part of a name"),
        pytest.param("Baseline EDSS", id="baseline of something"),
        pytest.param("Weeks 4 and 8", id="two times"),
        pytest.param("Duration > 12 months", id="a condition"),
        pytest.param("Participant 3", id="number without unit"),
    ],
)
def test_a_label_with_a_time_in_it_is_not_a_time(text):
    assert whole_timepoint(text) is None


@pytest.mark.parametrize(
    ("text", "rest", "value"),
    [
        pytest.param("Week 48", "", 48, id="nothing else"),
        pytest.param("Post-injection 12 weeks", "", 12, id="with its anchor"),
        pytest.param("SF-36. Physical Function. 3 months", "SF-36. Physical Function", 3, id="end"),
        pytest.param("PAIN (24 MONTHS)", "PAIN", 24, id="in brackets"),
        pytest.param("Relapse by 12 months", "Relapse", 12, id="preposition"),
        pytest.param("Week 24: left eye", "left eye", 24, id="beginning"),
        pytest.param("Change from Baseline to Week 24", "Change from Baseline", 24, id="change"),
        pytest.param("Baseline to Week 24", "Baseline to Week 24", None, id="interval"),
        pytest.param("KOOS outcome 3 months", "KOOS outcome 3 months", None, id="no boundary"),
        pytest.param("IL6", "IL6", None, id="no time"),
    ],
)
def test_a_label_is_parted_from_its_time(text, rest, value):
    label, found = split_timepoint(text)
    assert label == rest
    assert (found.value if found else None) == value


def test_times_without_number_are_times():
    assert names_a_time("4th follow-up")
    assert names_a_time("Before surgery")
    assert names_a_time("3rd transplantation")
    assert not names_a_time("Swollen joints")
    assert not names_a_time(None)


def test_a_clock_time_may_be_part_of_a_measurement():
    assert names_a_time("2 hour glucose")
    assert not names_a_time("2 hour glucose", of_the_clock=False)
    assert names_a_clock_time("pre-dose, 1, 2 and 4 hours")
    assert not names_a_clock_time("2 years")


@given(st.text(max_size=60))
def test_any_text_is_read_without_complaint_and_kept(text):
    found = timepoint(text)
    plain = " ".join(text.split())
    assert (found.text if found else "") == plain
    assert split_timepoint(text)[0] in plain


# Time doubled with each separator once, and grew with the square of prose.
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("week 1" + " , " * 60 + "and so on", id="separators without numbers"),
        pytest.param("visits " + "1 and " * 60 + "more", id="numbers without a unit"),
        pytest.param("week 1, " * 50_000, id="prose"),
    ],
)
def test_a_text_full_of_numbers_is_read_at_once(text):
    started = perf_counter()
    split_timepoint(text)
    timepoint(text)
    names_a_time(text)
    assert perf_counter() - started < 2


def test_a_number_longer_than_any_time_is_none():
    text = "week " + "9" * 400
    assert timepoint(text) == TimepointClaim(text=text)
