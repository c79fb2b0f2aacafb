"""What follows from reported counts by rule, and what does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.models.evidence import (
    Category,
    Cell,
    CellName,
    EvidenceClaim,
    Origin,
    ResultClaim,
    ResultKind,
    Standing,
    State,
    Statistic,
    TimepointClaim,
)
from kb.outcomes.rules import RULES, derive_results, direction_of_benefit

ABSTRACT = EvidenceClaim(
    kind="abstract", document="10.3390/jcm8122102", locator="abstract", standing=Standing.PRIMARY
)
WEEK_24 = TimepointClaim(value=24, unit="week", text="week 24")


def a_count(
    category: Category | None = Category.COMPLEMENT,
    x: float | None = 5,
    n: float | None = 6,
    **given: Any,
) -> ResultClaim:
    cells = ((CellName.EVENTS, x), (CellName.N_ANALYSED, n))
    values: dict[str, Any] = {
        "key": str(category),
        "kind": ResultKind.ARM,
        "arm": "msc",
        "outcome_title": "T2 lesions",
        "statistic": Statistic.PERSON_COUNT,
        "time": WEEK_24,
        "cells": tuple(Cell(name=name, value=v) for name, v in cells if v is not None),
        "evidence": ABSTRACT,
    } | given
    return ResultClaim(category=category, **values)


def counted(result: ResultClaim) -> tuple[float | None, float | None]:
    values = {cell.name: cell.value for cell in result.cells}
    return values.get(CellName.EVENTS), values.get(CellName.N_ANALYSED)


def test_no_new_lesions_in_5_of_6_is_new_lesions_in_1_of_6():
    (made,) = derive_results([a_count()])
    assert (made.claim.category, counted(made.claim)) == (Category.EVENT, (1, 6))
    assert (made.rule, made.statement) == ("complement", "6 - 5 = 1 of 6")
    key = a_count().key
    assert made.inputs == ((key, CellName.EVENTS), (key, CellName.N_ANALYSED))


def test_stable_in_all_leaves_nobody_improved_or_worse():
    made = derive_results([a_count(Category.STABLE, 6, 6)])
    assert {(m.claim.category, counted(m.claim)) for m in made} == {
        (Category.IMPROVED, (0, 6)),
        (Category.WORSENED, (0, 6)),
    }


def test_a_derived_count_is_named_by_what_it_counts():
    (event,) = derive_results([a_count(outcome_code="T2_NEW", outcome_title="no new T2 lesions")])
    assert event.claim.outcome_title == (
        "New or enlarging T2 lesions (computed from: no new T2 lesions)"
    )
    titles = [m.claim.outcome_title for m in derive_results([a_count(Category.STABLE, 6, 6)])]
    assert titles == [
        "Improved (computed from: T2 lesions)",
        "Worsened (computed from: T2 lesions)",
    ]


def test_a_derived_number_is_computed_and_its_denominator_reported():
    (made,) = derive_results([a_count(x=6)])
    events, n = made.claim.cells
    assert (events.value, events.origin, events.state) == (0, Origin.COMPUTED, State.REPORTED)
    assert events.text is None  # nobody printed it
    assert n.origin is Origin.REPORTED


def test_what_was_said_of_the_reported_number_is_not_said_of_the_derived_one():
    reported = a_count(p_text="< 0.03", note="two scans missing", better="higher")
    (made,) = derive_results([reported])
    assert (made.claim.p_text, made.claim.note, made.claim.better) == (None, None, "lower")


@pytest.mark.parametrize(
    "reported",
    [
        pytest.param(a_count(Category.EVENT, 1), id="as the event"),
        pytest.param(
            a_count(Category.EVENT, 1, time=TimepointClaim(value=24, unit="week", text="24 weeks")),
            id="the time in other words",
        ),
        pytest.param(
            a_count(Category.EVENT, 1, time=TimepointClaim(value=168, unit="day")),
            id="the time in days",
        ),
    ],
)
def test_what_is_reported_is_not_derived_beside_it(reported):
    assert derive_results([a_count(), reported]) == []
    assert derive_results([reported, a_count()]) == []


@pytest.mark.parametrize(
    "given_",
    [
        {"arm": "placebo"},
        {"time": TimepointClaim(value=48, unit="week")},
        {"subgroup": "relapsing"},
        {"population": "completers"},
        {"unit_of_analysis": "eye"},
        {"outcome_title": "relapses"},
    ],
)
def test_what_is_reported_elsewhere_does_not_stand_in_the_way(given_):
    assert len(derive_results([a_count(), a_count(Category.EVENT, 1, **given_)])) == 1


def test_two_reports_of_one_count_make_one_derived_result():
    again = a_count(key="again", time=TimepointClaim(value=168, unit="day"))
    assert len(derive_results([a_count(), again])) == 1


@pytest.mark.parametrize(
    "reported",
    [
        pytest.param(a_count(x=None), id="no count"),
        pytest.param(a_count(n=None), id="no denominator"),
        pytest.param(a_count(x=7), id="more than all"),
        pytest.param(a_count(x=-1), id="fewer than none"),
        pytest.param(a_count(x=4.5), id="half a person"),
        pytest.param(a_count(x=float("nan")), id="no number"),
        pytest.param(a_count(n=float("inf")), id="no end"),
        pytest.param(a_count(statistic=Statistic.EVENT_COUNT), id="events, not persons"),
        pytest.param(a_count(statistic=None), id="unknown what is counted"),
        pytest.param(a_count(kind=ResultKind.CONTRAST), id="a contrast"),
        pytest.param(a_count(None), id="unknown which side"),
        pytest.param(a_count(Category.EVENT), id="the event itself"),
        pytest.param(a_count(Category.STABLE, 5), id="some left over"),
        pytest.param(a_count(Category.STABLE, 0, 0), id="nobody there"),
    ],
)
def test_nothing_follows_from_what_does_not_determine_it(reported):
    assert derive_results([reported]) == []


results = st.lists(
    st.builds(
        a_count,
        st.sampled_from(Category) | st.none(),
        st.integers(0, 6),
        st.integers(0, 6),
        arm=st.sampled_from(["msc", "placebo"]),
        key=st.uuids().map(str),
    ),
    max_size=6,
)


@given(results)
def test_every_derived_result_is_explained_within_range_and_of_its_inputs(given_):
    by_key = {result.key: result for result in given_}
    for made in derive_results(given_):
        x, n = counted(made.claim)
        assert x is not None
        assert n is not None
        assert 0 <= x <= n
        assert made.rule in RULES
        assert made.claim.key not in by_key
        for key, cell in made.inputs:
            assert cell in {c.name for c in by_key[key].cells}


@given(results)
def test_a_derived_result_stands_where_none_is_reported(given_):
    made = [one.claim for one in derive_results(given_)]
    places = {(m.arm, m.category) for m in made}
    assert places.isdisjoint((r.arm, r.category) for r in given_)


@pytest.mark.parametrize(
    ("category", "of_outcome", "better"),
    [
        pytest.param(Category.WORSENED, "lower", "lower", id="fewer who worsened"),
        pytest.param(Category.IMPROVED, "lower", "higher", id="more who improved, low score good"),
        pytest.param(Category.STABLE, "lower", None, id="stable: neither"),
        pytest.param(Category.EVENT, "lower", "lower", id="the event as the outcome"),
        pytest.param(Category.COMPLEMENT, "lower", "higher", id="its complement turned round"),
        pytest.param(Category.COMPLEMENT, None, None, id="no direction to turn"),
        pytest.param(None, "lower", None, id="no category"),
    ],
)
def test_the_direction_of_benefit_follows_from_the_side_counted(category, of_outcome, better):
    assert direction_of_benefit(category, of_outcome) == better
