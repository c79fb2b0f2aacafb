"""Every number taken from an abstract is checked against the abstract, where its text is held."""

from typing import Any

import pytest
from sqlmodel import Session

from kb.models import tables as t
from kb.store.evidence_check import (
    Finding,
    Support,
    check_adverse_events,
    check_evidence,
    check_results,
)
from tests.builders import (
    a_result,
    a_study,
    a_timepoint,
    a_work,
    an_adverse_event,
    an_arm,
    an_outcome,
    derived_from,
    evidence,
    kept,
)

ABSTRACT = [
    {
        "label": "METHODS",
        "text": "Seven people received one infusion of 1–2 × 10^6 MSC per kg.",
    },
    {
        "label": "RESULTS",
        "text": "At 12 weeks MRI found no new T2 lesions in 5/6. No serious adverse events were "
        "seen. The mean EDSS was 6.1.",
    },
]


class Scene:
    """One study, one arm, and what an abstract says of them."""

    def __init__(self, session: Session, abstract: Any = ABSTRACT) -> None:
        self.session = session
        self.work = a_work(session, abstract=abstract)
        self.study = a_study(session)
        self.arm = an_arm(session, self.study)
        self.week_12 = a_timepoint(session, self.study, value=12, unit="week", days=84)
        self.t2 = an_outcome(session, "T2_NEW", title="New T2 lesions")

    def evidence(self, **values: Any) -> Any:
        return evidence(self.session, self.study, **{"work_id": self.work.id} | values).id

    def result(self, cells: dict[str, Any], **values: Any) -> Any:
        values = {"evidence_id": self.evidence(), "outcome": self.t2} | values
        return a_result(self.session, self.arm, cells, timepoint=self.week_12, **values)

    def only(self) -> Finding:
        (finding,) = check_evidence(self.session, self.study.id)
        return finding


def verdicts(finding: Finding) -> dict[str, str]:
    return {cell.name: cell.verdict.value for cell in finding.cells}


def test_numbers_that_stand_in_one_sentence_are_confirmed_with_the_sentence(session):
    scene = Scene(session)
    result = scene.result({"n_analysed": 6, "events": 5}, outcome_title="No new T2 lesions")
    finding = scene.only()
    assert finding.support is Support.CONFIRMED
    assert finding.subject == f"R{result.id}"
    assert finding.work == f"W{scene.work.id}"
    assert finding.evidence == f"E{result.evidence_id}"
    assert (finding.section, finding.sentence, finding.names_time) == ("RESULTS", 2, True)
    assert finding.quote == "At 12 weeks MRI found no new T2 lesions in 5/6."
    assert verdicts(finding) == {"n_analysed": "stands", "events": "stands"}


def test_numbers_from_two_sentences_are_partly_confirmed(session):
    scene = Scene(session)
    scene.result({"n_analysed": 6, "mean": 6.1}, outcome=an_outcome(session, "EDSS"))
    finding = scene.only()
    assert finding.support is Support.PARTLY
    assert verdicts(finding) == {"n_analysed": "elsewhere", "mean": "stands"}


def test_numbers_that_stand_nowhere_are_not_found(session):
    scene = Scene(session)
    scene.result({"n_analysed": 11, "events": 10})
    finding = scene.only()
    assert finding.support is Support.NOT_FOUND
    assert (finding.quote, finding.sentence) == (None, None)
    assert verdicts(finding) == {"n_analysed": "absent", "events": "absent"}


def test_a_p_value_is_checked_with_the_cells(session):
    scene = Scene(session)
    scene.result({"n_analysed": 6, "events": 5}, p_text="< 0.05")
    assert scene.only().support is Support.PARTLY
    assert verdicts(scene.only())["p"] == "absent"


@pytest.mark.parametrize("abstract", [pytest.param(None, id="none"), pytest.param([], id="empty")])
def test_a_work_without_abstract_leaves_its_numbers_unchecked(session, abstract):
    scene = Scene(session, abstract)
    scene.result({"n_analysed": 6, "events": 5})
    assert scene.only().support is Support.NO_TEXT
    assert set(verdicts(scene.only()).values()) == {"not_checkable"}


def test_evidence_that_names_no_work_is_counted_as_unchecked(session):
    scene = Scene(session)
    scene.result({"events": 5}, evidence_id=scene.evidence(work_id=None))
    assert (scene.only().support, scene.only().work) == (Support.NO_TEXT, None)


def test_only_evidence_from_abstracts_is_checked(session):
    scene = Scene(session)
    scene.result({"events": 5}, evidence_id=scene.evidence(kind="full text table"))
    scene.result({"events": 5}, evidence_id=scene.evidence(kind="abstract summary"))
    assert len(check_evidence(session)) == 1


def test_a_derived_number_is_checked_through_what_it_was_made_from(session):
    scene = Scene(session)
    reported = scene.result({"n_analysed": 6, "events": 5}, outcome_title="No new T2 lesions")
    derivation = derived_from(
        session, [(reported, "events"), (reported, "n_analysed")], "complement", "6 - 5 = 1 of 6"
    )
    made = scene.result(
        {"n_analysed": 6, "events": {"value": 1, "state": "reported", "origin": "computed"}},
        origin="computed",
        derivation_id=derivation.id,
    )
    (finding,) = check_results(session, [made.id or 0]).values()
    assert finding.through == (f"R{reported.id}",)
    assert verdicts(finding) == {
        "n_analysed": "not_checkable",
        "events": "not_checkable",
        f"R{reported.id} events": "stands",
        f"R{reported.id} n_analysed": "stands",
    }
    assert finding.support is Support.CONFIRMED
    assert [f.subject for f in check_evidence(session)] == [f"R{reported.id}", f"R{made.id}"]


def test_a_computed_cell_of_a_reported_result_is_not_checkable(session):
    scene = Scene(session)
    computed = {"value": 5, "state": "reported", "origin": "computed"}
    scene.result({"n_analysed": 6, "events": computed})
    assert verdicts(scene.only()) == {"n_analysed": "stands", "events": "not_checkable"}


def test_a_zero_that_rests_on_a_statement_is_found_in_its_words(session):
    scene = Scene(session)
    event = an_adverse_event(
        session,
        scene.arm,
        code="AE_SERIOUS",
        persons_affected=0,
        n_at_risk=7,
        state="reported_zero",
        evidence_id=scene.evidence(),
    )
    (finding,) = check_adverse_events(session, [event.id or 0]).values()
    assert finding.support is Support.PARTLY  # the seven stand in the methods
    assert verdicts(finding) == {"persons_affected": "stands", "n_at_risk": "elsewhere"}
    assert finding.quote == "No serious adverse events were seen."


def test_a_safety_statement_without_counts_has_no_number_to_check(session):
    scene = Scene(session)
    an_adverse_event(
        session,
        scene.arm,
        code="AE_ANY",
        n_at_risk=7,
        state="not_reported",
        evidence_id=scene.evidence(),
    )
    assert scene.only().support is Support.NO_NUMBER


def test_arms_and_doses_are_checked_too(session):
    scene = Scene(session)
    shared = {
        "arm_id": scene.arm.id,
        "record_id": scene.arm.record_id,
        "evidence_id": scene.evidence(),
    }
    kept(session, t.ArmDescription, **shared, label="MSC", n_treated=7)
    dose = kept(
        session,
        t.DoseEvent,
        **shared,
        low=1,
        high=2,
        unit="10^6 cells/kg",
        n_administrations=1,
    )
    found = {f.subject: f for f in check_evidence(session, scene.study.id)}
    assert found.keys() == {f"M{scene.arm.id}", f"D{dose.id}"}
    assert {f.support for f in found.values()} == {Support.CONFIRMED}
    assert {(f.section, f.sentence) for f in found.values()} == {("METHODS", 1)}


def test_one_study_is_checked_without_the_others(session):
    one, other = Scene(session), Scene(session)
    one.result({"events": 5})
    other.result({"events": 5})
    assert len(check_evidence(session)) == 2
    assert check_evidence(session, one.study.id) == [one.only()]
    assert check_results(session, []) == {}


def test_numbers_beside_another_outcome_are_not_confirmed(session):
    scene = Scene(session, [{"label": None, "text": "Fever was seen in 3 of 5 patients."}])
    scene.result({"events": 3, "n_analysed": 5}, outcome_title="New T2 lesions")
    assert scene.only().support is Support.PARTLY
