"""When two statements are about one thing, and where each stands among them."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from kb.models.evidence import (
    Category,
    Cell,
    CellName,
    DecisionKind,
    EvidenceClaim,
    ResultClaim,
    ResultKind,
    Standing,
    State,
    Statistic,
    TimepointClaim,
)
from kb.outcomes.places import Stand, differences, place, said, statuses

WEEK_12 = TimepointClaim(value=12, unit="week")


def stands_in(document: str) -> EvidenceClaim:
    return EvidenceClaim(
        kind="abstract", document=document, locator="abstract", standing=Standing.PRIMARY
    )


def a_claim(events: float | None = 5, n: float | None = 6, **given: Any) -> ResultClaim:
    numbers = ((CellName.EVENTS, events), (CellName.N_ANALYSED, n))
    values: dict[str, Any] = {
        "key": "t2",
        "kind": ResultKind.ARM,
        "arm": "msc",
        "outcome_code": "T2_NEW",
        "outcome_title": "New T2 lesions",
        "category": Category.EVENT,
        "statistic": Statistic.PERSON_COUNT,
        "time": WEEK_12,
        "cells": tuple(Cell(name=name, value=v) for name, v in numbers if v is not None),
        "evidence": stands_in("10.3390/jcm8122102"),
    } | given
    return ResultClaim(**values)


def stand(number: int, extractor: str | None, claim: ResultClaim, **given: Any) -> Stand:
    return Stand(id=number, extractor=extractor, claim=claim, **given)


def told(*stands: Stand) -> list[str]:
    found = statuses(stands)
    return [found[s.id].value for s in stands]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(a_claim(evidence=stands_in("PMC6947442")), id="another document"),
        pytest.param(a_claim(outcome_title="No. with new T2"), id="other words for a code"),
        pytest.param(a_claim(time=TimepointClaim(value=84, unit="day")), id="the same time"),
        pytest.param(a_claim(events=1), id="another number"),
        pytest.param(a_claim(state=State.NOT_REPORTED, cells=()), id="another state"),
    ],
)
def test_the_same_thing_is_one_place_however_it_is_told(other: ResultClaim) -> None:
    assert place(a_claim()) == place(other)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"arm": "placebo"}, id="arm"),
        pytest.param({"category": Category.COMPLEMENT}, id="side"),
        pytest.param({"time": None}, id="time"),
        pytest.param({"subgroup": "women"}, id="subgroup"),
        pytest.param({"population": "per protocol"}, id="population"),
        pytest.param({"statistic": Statistic.PERCENT}, id="statistic"),
        pytest.param({"outcome_code": "GD_N"}, id="outcome"),
        pytest.param({"unit_of_analysis": "eye"}, id="unit of analysis"),
    ],
)
def test_another_thing_is_another_place(given: dict[str, Any]) -> None:
    assert place(a_claim()) != place(a_claim(**given))


@pytest.mark.parametrize(
    ("other", "names"),
    [
        pytest.param(a_claim(), [], id="nothing"),
        pytest.param(a_claim(events=4), ["events"], id="a number"),
        pytest.param(a_claim(n=None), ["n_analysed"], id="a number one of them gives"),
        pytest.param(a_claim(p_text="0.03"), ["p"], id="a p value one of them gives"),
        pytest.param(
            a_claim(None, state=State.NOT_REPORTED), ["state", "events"], id="a state"
        ),
        pytest.param(a_claim(unit="persons"), [], id="a unit that one leaves to the outcome"),
        pytest.param(a_claim(direction="increased"), [], id="words beside the number"),
        pytest.param(a_claim(note="as printed"), [], id="a note"),
    ],
)  # fmt: skip
def test_two_claims_differ_in_their_numbers_and_states(
    other: ResultClaim, names: list[str]
) -> None:
    assert differences(said(a_claim()), said(other)) == names
    assert sorted(differences(said(other), said(a_claim()))) == sorted(names)


@pytest.mark.parametrize("spelt", ["p = .03", "P=0.03", "0.03", "p-value = 0.03"])
def test_a_p_value_is_one_however_it_is_labelled(spelt: str) -> None:
    assert said(a_claim(p_text=spelt))["p"] == "0.03"


def test_one_voice_is_single_and_two_that_agree_enter_once() -> None:
    anna, ben = stand(1, "anna", a_claim()), stand(2, "ben", a_claim())
    assert told(anna) == ["single"]
    assert told(anna, ben) == ["agreed", "confirming"]
    assert told(anna, stand(3, "ben", a_claim(time=None))) == ["single", "single"]


def test_one_of_three_who_differs_disputes_all() -> None:
    rows = [stand(n, who, a_claim()) for n, who in enumerate(("anna", "ben"), 1)]
    assert told(*rows, stand(3, "cem", a_claim(4))) == ["disputed"] * 3


def test_two_documents_of_one_extractor_stand_side_by_side_and_each_is_compared() -> None:
    table = stands_in("table 2 of PMC6947442")
    rows = [
        stand(1, "anna", a_claim()),
        stand(2, "anna", a_claim(4, evidence=table)),
        stand(3, "ben", a_claim(4, evidence=table)),
    ]
    for order in permutations(rows):
        found = statuses(order)
        assert found[1] == "single"
        assert sorted((found[2], found[3])) == ["agreed", "confirming"]


def test_a_decision_enters_and_what_it_took_the_place_of_does_not() -> None:
    decided = stand(
        3, "decision", a_claim(), decided=DecisionKind.ADJUDICATION, instead_of=frozenset({1, 2})
    )
    rows = (
        stand(1, "anna", a_claim(), is_superseded=True),
        stand(2, "ben", a_claim(4), is_superseded=True),
    )
    late = (stand(4, "cem", a_claim()), stand(5, "dora", a_claim(3)))
    assert told(*rows, decided, *late) == [
        "superseded", "superseded", "adjudicated", "confirming", "disputed",
    ]  # fmt: skip


def test_a_correction_of_one_document_leaves_the_other_as_it_is() -> None:
    table = stands_in("table 2")
    rows = (
        stand(1, "anna", a_claim()),
        stand(2, "anna", a_claim(4, evidence=table), is_superseded=True),
        stand(
            3, "decision", a_claim(3, evidence=table),
            decided=DecisionKind.CORRECTION, instead_of=frozenset({2}),
        ),
    )  # fmt: skip
    assert told(*rows) == ["single", "superseded", "corrected"]


def test_what_follows_by_rule_confirms_or_disputes_what_another_read() -> None:
    read = a_claim(1, 6)
    more = replace(read, cells=(*read.cells, Cell(name=CellName.PERCENT, value=16.7)))
    follows = stand(1, "anna", read, is_derived=True)
    assert told(follows) == ["single"]
    # Only what both say is compared: a rule says no percentage.
    assert told(follows, stand(2, "ben", more)) == ["confirming", "agreed"]
    assert told(follows, stand(2, "ben", a_claim(2, 6))) == ["disputed", "disputed"]
