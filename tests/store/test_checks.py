"""Findings on what is held, and what people said to them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import Session

from kb.errors import Conflict, InvalidInput, NotFound
from kb.models import tables as t
from kb.store.checks import FindingOut, accept, check
from kb.store.curated import load_starter
from kb.store.engine import Store
from tests.builders import (
    a_registration,
    a_result,
    a_study,
    a_timepoint,
    an_adverse_event,
    an_arm,
    an_outcome,
    kept,
    of_arm,
)
from tests.store.saves import LATER, NOW

PERSONS: dict[str, Any] = {"statistic": "person_count"}


def names(found: list[FindingOut]) -> list[str]:
    return [finding.check for finding in found]


def eight_of_seven(session: Session, label: str = "a study", **values: Any) -> Any:
    study = a_study(session, label)
    arm = an_arm(session, study)
    a_result(session, arm, {"events": 8, "n_analysed": 7}, **PERSONS | values)
    return study


def test_a_finding_names_its_study_and_the_numbers_behind_it(session: Session) -> None:
    eight_of_seven(session)
    (found,) = check(session)
    assert (found.check, found.severity, found.subjects) == ("events-exceed-n", "error", ["R1"])
    assert [(n.name, n.value) for n in found.numbers] == [("events", 8), ("n_analysed", 7)]
    assert found.studies[0].label == "a study"
    assert found.acceptance is None


def test_one_study_is_checked_alone(session: Session) -> None:
    one, other = eight_of_seven(session), eight_of_seven(session, "another")
    assert len(check(session)) == 2
    assert [f.studies[0].id for f in check(session, other.id)] == [f"S{other.id}"]
    assert [f.studies[0].id for f in check(session, one.id)] == [f"S{one.id}"]


def test_a_value_that_does_not_enter_analyses_is_not_checked(session: Session) -> None:
    eight_of_seven(session, status="superseded")
    assert check(session) == []


def test_the_size_of_an_arm_is_the_largest_any_source_gives(session: Session) -> None:
    arm = an_arm(session, a_study(session))
    of_arm(session, arm, t.ArmDescription, label="MSC", n_randomised=7)
    of_arm(session, arm, t.ArmDescription, label="MSC", n_treated=8)
    a_result(session, arm, {"events": 1, "n_analysed": 8}, **PERSONS)
    assert check(session) == []
    a_result(session, arm, {"events": 1, "n_analysed": 9}, **PERSONS)
    assert names(check(session)) == ["n-exceeds-arm"]


def test_denominators_are_followed_over_time(session: Session) -> None:
    study = a_study(session)
    arm, outcome = an_arm(session, study), an_outcome(session, "T2_NEW")
    for days, n in ((84, 5), (336, 6)):
        a_result(
            session,
            arm,
            {"events": 1, "n_analysed": n},
            outcome=outcome,
            timepoint=a_timepoint(session, study, days=days, value=days / 7, unit="week"),
            category="event",
            **PERSONS,
        )
    (found,) = check(session)
    assert found.check == "n-rises"
    assert "12 weeks" in found.message
    assert "48 weeks" in found.message


def test_an_outcome_that_a_person_matched_has_the_scale_of_its_definition(
    session: Session,
) -> None:
    arm = an_arm(session, a_study(session))
    worded = an_outcome(session, None, title="Disability by EDSS")
    a_result(session, arm, {"mean": 12.1}, outcome=worded, statistic="final")
    assert check(session) == []
    edss = an_outcome(session, "EDSS")
    kept(
        session,
        t.OutcomeMatch,
        outcome_id=worded.id,
        definition_id=edss.id,
        confirmed_by="A. Reader",
        confirmed_at=NOW,
    )
    assert names(check(session)) == ["off-scale"]


def test_adverse_events_are_checked(session: Session) -> None:
    an_adverse_event(session, an_arm(session, a_study(session)), persons_affected=8, n_at_risk=7)
    assert names(check(session)) == ["persons-exceed-at-risk"]


def test_two_studies_under_one_registration_may_be_the_same_persons(session: Session) -> None:
    studies = [a_study(session, label) for label in ("the trial", "one centre")]
    for study in studies:
        a_result(session, an_arm(session, study), {"events": 1, "n_analysed": 7}, **PERSONS)
    a_registration(session, "NCT01854957", *studies, basis="stated by the report")
    (found,) = check(session, studies[1].id)
    assert found.check == "shared-participants"
    assert {s.label for s in found.studies} == {"the trial", "one centre"}


def test_an_accepted_finding_stays_with_its_reason(session: Session) -> None:
    eight_of_seven(session)
    key = check(session)[0].key
    accept(session, key, by="A. Reader", why="eight eyes of seven persons", now=NOW)
    (found,) = check(session)
    assert found.acceptance is not None
    assert (found.acceptance.by, found.acceptance.at) == ("A. Reader", NOW)
    accept(session, key, by="B. Reader", why="they were persons", now=LATER, is_accepted=False)
    assert check(session)[0].acceptance is None
    assert len(session.exec(t.Acceptance.__table__.select()).all()) == 2  # type: ignore[attr-defined]


def test_another_number_is_another_finding(session: Session) -> None:
    eight_of_seven(session)
    accept(session, check(session)[0].key, by="A. Reader", why="as printed", now=NOW)
    cell = session.get_one(t.ResultCell, (1, "events"))
    cell.value = 9
    session.add(cell)
    session.flush()
    assert check(session)[0].acceptance is None


def test_who_accepts_says_why(session: Session) -> None:
    eight_of_seven(session)
    key = check(session)[0].key
    for by, why in (("", "because"), ("A. Reader", " "), ("A. Reader", "x" * 3000)):
        with pytest.raises(InvalidInput):
            accept(session, key, by=by, why=why, now=NOW)
    with pytest.raises(NotFound):
        accept(session, "0" * 16, by="A. Reader", why="because", now=NOW)
    with pytest.raises(Conflict, match="open"):
        accept(session, key, by="A. Reader", why="because", now=NOW, is_accepted=False)
    accept(session, key, by="A. Reader", why="because", now=NOW)
    with pytest.raises(Conflict, match="because"):
        accept(session, key, by="B. Reader", why="I think so too", now=NOW)


def test_the_starter_evidence_has_no_number_above_its_denominator(plain_store: Store) -> None:
    load_starter(plain_store)
    with plain_store.reading() as session:
        found = check(session)
    assert {"events-exceed-n", "off-scale", "quantiles-out-of-order", "sd-negative"}.isdisjoint(
        names(found)
    )
    # Participants of the follow-up of Harris 2018 stand in both studies.
    shared = [f for f in found if f.check == "shared-participants"]
    assert any({"Harris 2021" in s.label for s in f.studies} == {True, False} for f in shared)
