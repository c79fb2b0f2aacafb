"""Appraisals are kept, never overwritten, and one judgement goes beside a study's numbers."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from kb.appraisal.tool import find_tool
from kb.errors import InvalidInput
from kb.formats.appraisal_tables import read_appraisals as read_table
from kb.models.tables import CellProduct, DoseEvent, StudyDescription
from kb.store.appraisals import (
    read_appraisals,
    reporting_completeness,
    risk_of_bias,
    robvis_table,
    save_appraisals,
)
from kb.store.records import Change
from tests.builders import a_study, an_arm, evidence, kept, of_arm, record_of
from tests.store.saves import LATER, NOW


def rob2(study: str, assessor: str, answer: str, *, consensus: str = "") -> str:
    rows = [f"{study},RoB 2,2019,{assessor},{consensus},D{n},{answer}" for n in range(1, 6)]
    return "\n".join(["study,tool,version,assessor,consensus,item,answer", *rows]) + "\n"


def save(session: Session, text: str, now: object = NOW) -> dict[Change, int]:
    table = read_table(text.encode())
    assert table.errors == []
    return save_appraisals(session, table.claims, text.encode(), now)  # type: ignore[arg-type]


@pytest.fixture
def study(session: Session) -> int:
    found = a_study(session, "A trial", "S_A")
    assert found.id is not None
    return int(found.id)


def test_the_same_judgement_again_writes_nothing(session: Session, study: int) -> None:
    text = rob2("S_A", "anna", "Low")
    assert save(session, text)[Change.NEW] == 1
    assert save(session, text, LATER) == {Change.NEW: 0, Change.CHANGED: 0, Change.UNCHANGED: 1}


def test_a_changed_mind_stands_beside_what_was_thought_before(session: Session, study: int) -> None:
    save(session, rob2("S_A", "anna", "Low"))
    assert save(session, rob2("S_A", "anna", "High"), LATER)[Change.CHANGED] == 1
    assert [a.overall for a in read_appraisals(session)] == ["High"]
    assert [a.overall for a in read_appraisals(session, with_earlier=True)] == ["High", "Low"]


def test_assessors_who_differ_leave_the_risk_open_until_they_agree(
    session: Session, study: int
) -> None:
    save(session, rob2("S_A", "anna", "Low"))
    assert risk_of_bias(session)[study].overall == "Low"
    save(session, rob2("S_A", "ben", "High"))
    differ = risk_of_bias(session)[study]
    assert (differ.overall, differ.reason) == (None, "assessors differ")
    assert robvis_table(session, find_tool("RoB 2", None))[1] != []
    save(session, rob2("S_A", "anna and ben", "Some concerns", consensus="yes"))
    agreed = risk_of_bias(session)[study]
    assert (agreed.overall, agreed.reason) == ("Some concerns", "consensus")
    table, left_out = robvis_table(session, find_tool("RoB 2", None))
    assert left_out == []
    assert table.splitlines()[1].startswith("A trial,Some concerns")


def test_points_are_summed_in_the_wide_table(session: Session, study: int) -> None:
    points = "".join(f"S_A,MINORS,2003,anna,,{n},{n % 3}\n" for n in range(1, 9))
    save(session, rob2("S_A", "anna", "Low").splitlines(keepends=True)[0] + points)
    table, left_out = robvis_table(session, find_tool("MINORS", None))
    assert table.splitlines()[1] == "A trial,1,2,0,1,2,0,1,2,9"
    assert left_out == []


def test_a_study_nobody_judged_has_no_risk_of_bias(session: Session, study: int) -> None:
    assert risk_of_bias(session) == {}


def test_an_unknown_study_keeps_the_whole_table_out(session: Session, study: int) -> None:
    both = rob2("S_A", "anna", "Low") + "S_X,RoB 2,2019,anna,,D1,Low\n"
    with pytest.raises(InvalidInput, match="line 7"):
        save(session, both)
    assert read_appraisals(session) == []


def test_a_trial_tool_on_a_study_without_randomisation_is_warned_of(
    session: Session, study: int
) -> None:
    from kb.models.tables import Study

    row = session.get_one(Study, study)
    kept(
        session,
        StudyDescription,
        study_id=study,
        record_id=record_of(session, row).id,
        evidence_id=evidence(session, row).id,
        design="single arm, open label",
    )
    save(session, rob2("S_A", "anna", "Low"))
    assert "randomised" in read_appraisals(session)[0].warnings[0]


def test_what_is_held_is_not_what_is_reported(session: Session, study: int) -> None:
    from kb.models.tables import Study

    arm = an_arm(session, session.get_one(Study, study))
    of_arm(session, arm, CellProduct, donor="autologous", tissue="bone marrow")
    of_arm(session, arm, DoseEvent, route="intravenous")
    (found,) = reporting_completeness(session)
    assert found.reported is None
    assert (found.held, found.holdable) == (3, 4)
    save(
        session,
        "study,tool,assessor,item,answer\nS_A,ISCT,anna,1,Reported\nS_A,ISCT,anna,2,Absent\n",
    )
    (judged,) = reporting_completeness(session, study)
    assert judged.reported == 0.5
