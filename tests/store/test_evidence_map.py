"""The evidence map: which studies count for a product and an outcome, and how many participants."""

from __future__ import annotations

from typing import Any

import pytest

from kb.errors import InvalidInput
from kb.models import tables as t
from kb.store.evidence_map import EvidenceMapOut, MapCell, evidence_map
from tests.builders import (
    a_result,
    a_study,
    a_timepoint,
    an_adverse_event,
    an_arm,
    an_outcome,
    kept,
    of_arm,
    record_of,
    the_seed_study,
)


def treated(session, label: str = "A 2020", n: int | None = 10, *, key: str = "msc", **study: Any):
    """A study whose one arm received autologous bone marrow cells, with EDSS of `n` persons."""
    made = a_study(session, label, **study)
    arm = an_arm(session, made, key)
    of_arm(session, arm, t.CellProduct, tissue="bone marrow", donor="autologous")
    cells: dict[str, Any] = {"mean": 5.0} if n is None else {"mean": 5.0, "n_analysed": n}
    a_result(session, arm, cells)
    return made


def the_cell(found: EvidenceMapOut) -> MapCell:
    (cell,) = found.cells
    return cell


def test_the_seed_study_counts_those_analysed_at_most(session):
    the_seed_study(session)
    cell = the_cell(evidence_map(session))
    assert (cell.product, cell.outcome) == ("bone marrow, autologous", "T2_NEW")
    assert cell.participants == 6  # 6 at week 12, 5 at week 48, 7 treated
    assert [study.label for study in cell.studies] == ["Iacobaeus 2019"]


def test_participants_nobody_reports_are_none_and_not_0(session):
    treated(session, "A", None)
    assert the_cell(evidence_map(session)).participants is None
    treated(session, "B", 8)
    cell = the_cell(evidence_map(session))
    assert (cell.participants, cell.unreported, len(cell.studies)) == (8, 1, 2)


def test_arms_that_received_a_product_are_added_and_controls_are_not(session):
    study = treated(session, n=10)
    low, control = an_arm(session, study, "low"), an_arm(session, study, "placebo")
    of_arm(session, low, t.CellProduct, tissue="bone marrow", donor="autologous")
    a_result(session, low, {"n_analysed": 7})
    a_result(session, control, {"n_analysed": 50})
    assert the_cell(evidence_map(session)).participants == 17


def test_a_number_of_knees_is_no_number_of_participants(session):
    study = treated(session, n=None)
    arm = an_arm(session, study, "knees")
    of_arm(session, arm, t.CellProduct, tissue="bone marrow", donor="autologous")
    a_result(session, arm, {"n_analysed": 30}, unit_of_analysis="knee")
    assert the_cell(evidence_map(session)).participants is None


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"statistic": "baseline"}, id="baseline"),
        pytest.param({"state": "not_reported"}, id="not reported"),
        pytest.param({"outcome": None}, id="no code"),
    ],
)
def test_what_is_no_outcome_after_treatment_is_not_on_the_map(session, values):
    study = a_study(session)
    arm = an_arm(session, study)
    of_arm(session, arm, t.CellProduct, tissue="bone marrow")
    if "outcome" in values:
        values = {"outcome": an_outcome(session, None, title="as one registry words it")}
    a_result(session, arm, **values)
    day_0 = a_timepoint(session, study, value=0, unit="day", days=0)
    a_result(session, arm, {"mean": 5.0}, timepoint=day_0)
    assert evidence_map(session).cells == []


def test_adverse_events_are_outcomes_with_persons_at_risk(session):
    study = a_study(session)
    arm = an_arm(session, study)
    of_arm(session, arm, t.CellProduct, tissue="adipose", donor="allogeneic")
    an_adverse_event(session, arm, code="AE_SERIOUS", n_at_risk=12, persons_affected=1)
    an_adverse_event(session, arm, code="AE_ANY", n_at_risk=12, state="not_reported")
    cell = the_cell(evidence_map(session))
    assert (cell.product, cell.outcome, cell.participants) == (
        "adipose, allogeneic",
        "AE_SERIOUS",
        12,
    )


@pytest.mark.parametrize(
    ("certainty", "participants"), [("certain", 20), ("probable", 20), ("possible", 28)]
)
def test_participants_of_two_studies_count_once_where_they_are_known_to_be_the_same(
    session, certainty, participants
):
    first, second = treated(session, "A 2020", 20), treated(session, "A 2022", 8)
    kept(
        session,
        t.StudyOverlap,
        study_id=second.id,
        other_id=first.id,
        record_id=record_of(session, second).id,
        kind="follow-up of",
        certainty=certainty,
    )
    cell = the_cell(evidence_map(session))
    assert cell.participants == participants
    assert len(cell.studies) == 2
    assert cell.overlapping == (participants == 20)


def test_two_accounts_of_one_study_are_not_added(session):
    study = treated(session, n=10)
    from tests.builders import a_record, evidence

    other = a_record(session, study=study, source="clinicaltrials.gov")
    arm = kept(session, t.Arm, study_id=study.id, record_id=other.id, key="MSC", label="MSC")
    kept(
        session,
        t.CellProduct,
        arm_id=arm.id,
        record_id=other.id,
        evidence_id=evidence(session, study).id,
        tissue="bone marrow",
        donor="autologous",
    )
    a_result(session, arm, {"n_analysed": 11})
    assert the_cell(evidence_map(session)).participants == 11


def test_products_are_told_apart_by_tissue_alone_or_with_the_donor(session):
    study = treated(session)
    other = an_arm(session, study, "allogeneic")
    of_arm(session, other, t.CellProduct, tissue="bone marrow", donor="allogeneic")
    a_result(session, other, {"n_analysed": 4})
    unknown = an_arm(session, study, "unknown")
    of_arm(session, unknown, t.CellProduct, intervention="MSC")
    a_result(session, unknown)
    assert evidence_map(session, by="donor_tissue").products == [
        "bone marrow, allogeneic",
        "bone marrow, autologous",
        "tissue not reported, donor not reported",
    ]
    assert evidence_map(session, by="tissue").products == ["bone marrow", "tissue not reported"]


def test_all_participants_together_received_what_each_arm_did(session):
    study = a_study(session)
    arm = an_arm(session, study)
    of_arm(session, arm, t.CellProduct, tissue="bone marrow", donor="autologous")
    whole = an_arm(session, study, "all", is_whole_study=True)
    a_result(session, whole, {"n_analysed": 9})
    assert the_cell(evidence_map(session)).participants == 9
    an_arm(session, study, "placebo")  # now some of them received no cells
    assert evidence_map(session).cells == []


@pytest.mark.parametrize(
    ("allocations", "is_randomised"),
    [
        (["randomised 1:1"], True),
        (["not randomised"], False),
        (["none"], False),
        ([None], None),
        (["randomised", "not randomised"], False),
    ],
)
def test_a_study_is_randomised_where_its_sources_say_so(session, allocations, is_randomised):
    study = treated(session)
    from tests.builders import a_record, evidence

    for allocation in allocations:
        kept(
            session,
            t.StudyDescription,
            study_id=study.id,
            record_id=a_record(session, study=study).id,
            evidence_id=evidence(session, study).id,
            allocation=allocation,
        )
    cell = the_cell(evidence_map(session))
    assert cell.studies[0].is_randomised is is_randomised
    assert cell.randomised == (is_randomised is True)


def test_a_map_of_one_condition_holds_its_studies_alone(session):
    treated(session, "MS", 5, conditions=["multiple sclerosis"])
    treated(session, "OA", 9, conditions=["knee osteoarthritis"])
    found = evidence_map(session, condition="Multiple Sclerosis")
    assert [s.label for s in the_cell(found).studies] == ["MS"]
    assert found.studies == 1
    assert evidence_map(session, condition=" ").studies == 2


def test_outcomes_of_most_studies_come_first_and_the_others_are_named(session):
    study = treated(session, "A")
    treated(session, "B")
    arm = session.get(t.Arm, 1)
    a_result(session, arm, outcome=an_outcome(session, "T25FW", title="walk"))
    assert study.id is not None
    found = evidence_map(session, most=1)
    assert [outcome.code for outcome in found.outcomes] == ["EDSS"]
    assert [outcome.code for outcome in found.omitted] == ["T25FW"]
    assert found.outcomes[0].title == "Expanded Disability Status Scale"


@pytest.mark.parametrize("values", [{"by": "colour"}, {"most": 0}, {"most": 1000}])
def test_what_cannot_be_asked_is_refused(session, values):
    with pytest.raises(InvalidInput):
        evidence_map(session, **values)
