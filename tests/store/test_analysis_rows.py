"""Reading selected results whole: as many as the list counts, each with what stands around it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from kb.errors import InvalidInput
from kb.models import tables as t
from kb.models.evidence import State
from kb.store import analysis_rows
from kb.store.analysis_rows import count_results, each_observed, each_result, each_study
from kb.store.engine import Store
from kb.store.listing import Asked
from kb.store.results import list_results
from tests import builders as a

FILTERS = [
    pytest.param(Asked(), id="everything"),
    pytest.param(Asked(filter="outcome:T2_NEW"), id="an outcome"),
    pytest.param(Asked(filter="state:reported,days:80-90"), id="several conditions"),
    pytest.param(Asked(search="new lesions"), id="words"),
    pytest.param(Asked(fields={"donor": "autologous"}), id="a moderator"),
    pytest.param(Asked(filter="category:!complement"), id="not"),
    pytest.param(Asked(filter="outcome:T2_NEW,days:>400"), id="nothing"),
    pytest.param(Asked(sort="days:desc"), id="sorted"),
]


def some_studies(session: Session) -> None:
    a.the_seed_study(session)
    for label in ("b", "c"):
        study = a.a_study(session, label)
        for key in ("msc", "control"):
            arm = a.an_arm(session, study, key, role="control" if key == "control" else None)
            a.a_result(session, arm, {"mean": 1.0})
            for days in (84, 168):
                time = a.a_timepoint(session, study, days=days)
                a.a_result(session, arm, {"mean": 1.0}, timepoint=time)


@pytest.mark.parametrize("asked", FILTERS)
def test_as_many_results_are_read_as_the_list_counts(
    session: Session, asked: Asked, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(analysis_rows, "_BATCH", 3)
    some_studies(session)
    found = list_results(session, asked)
    assert found.count == len(found.results) == count_results(session, asked)
    assert [r.id for r in each_result(session, asked)] == [r.id for r in found.results]
    assert [o.id for o in each_observed(session, asked)] == [r.id for r in found.results]
    by_study = list(each_study(session, asked))
    assert sorted(o.id for own in by_study for o in own) == sorted(r.id for r in found.results)
    assert len({own[0].study.id for own in by_study}) == len(by_study)


def test_a_wrong_filter_is_refused_before_anything_is_read(session: Session):
    for reads in (each_result, each_observed, each_study):
        with pytest.raises(InvalidInput, match="cannot filter"):
            next(iter(reads(session, Asked(filter="colour:red"))))


def test_a_number_that_is_not_there_is_none_and_says_why(session: Session):
    study = a.a_study(session)
    a.a_result(session, a.an_arm(session, study), state="not_measured")
    (result,) = each_observed(session, Asked())
    assert {cell.value for cell in result.reported.cells.values()} == {None}
    assert {cell.state for cell in result.reported.cells.values()} == {State.NOT_MEASURED}


def test_studies_with_one_label_have_names_of_their_own(session: Session):
    for label in ("Who 2010", "Who 2010", "Whom 2011"):
        a.a_result(session, a.an_arm(session, a.a_study(session, label)))
    names = [own[0].study.name for own in each_study(session, Asked())]
    assert names == ["Who 2010 (S1)", "Who 2010 (S2)", "Whom 2011"]


def test_a_study_brings_its_reports_and_registrations_and_whether_one_is_retracted(
    session: Session,
):
    study = a.the_seed_study(session)
    retracted = a.a_work(session, doi="10.1000/2", is_retracted=True)
    a.reported_by(session, study, retracted)
    facts = next(each_observed(session, Asked())).study
    assert facts.registrations == ("NCT03778333",)
    assert [(w.doi, w.pmid, w.is_retracted) for w in facts.reports] == [
        ("10.3390/jcm8122102", "31810187", False),
        ("10.1000/2", None, True),
    ]


def test_an_overlap_counts_where_both_studies_are_selected(session: Session):
    studies = [a.a_study(session, label) for label in "abc"]
    for study in studies:
        a.a_result(session, a.an_arm(session, study))
    a.kept(
        session, t.StudyOverlap, study_id=studies[0].id, other_id=studies[1].id,
        record_id=a.record_of(session, studies[0]).id, kind="follow-up of", certainty="certain",
    )  # fmt: skip
    work = a.a_work(session)
    for study in (studies[0], studies[2]):
        a.reported_by(session, study, work)

    def overlaps(asked: Asked) -> dict[str, list[tuple[str, str]]]:
        return {
            own[0].study.label: [(o.label, o.certainty) for o in own[0].study.overlaps]
            for own in each_study(session, asked)
        }

    assert overlaps(Asked()) == {
        "a": [("b", "certain"), ("c", "possible")],
        "b": [("a", "certain")],
        "c": [("a", "possible")],
    }
    assert overlaps(Asked(filter="study:S1|S2")) == {
        "a": [("b", "certain")],
        "b": [("a", "certain")],
    }


def test_a_dose_range_stays_a_range_and_what_it_received_stands_beside_it(session: Session):
    a.the_seed_study(session)
    arm = next(each_observed(session, Asked())).arm
    assert (arm.dose_per_kg.value, arm.dose_per_kg_low.value, arm.dose_per_kg_high.value) == (
        None, 1.0, 2.0,
    )  # fmt: skip
    assert (arm.tissue.value, arm.donor.value, arm.route.value) == (
        "bone marrow", "autologous", "intravenous",
    )  # fmt: skip


def test_sources_that_differ_leave_a_moderator_unclear(session: Session):
    study = a.a_study(session)
    arm = a.an_arm(session, study)
    for tissue, dose in (("adipose", 20), ("bone marrow", 40)):
        a.of_arm(session, arm, t.CellProduct, tissue=tissue)
        a.of_arm(session, arm, t.DoseEvent, value=dose, unit="10^6 cells", n_administrations=1)
    a.a_result(session, arm)
    facts = next(each_observed(session, Asked())).arm
    assert (facts.tissue.value, facts.tissue.state) == ("adipose | bone marrow", State.UNCLEAR)
    assert (facts.dose_cells.value, facts.dose_cells.state) == (None, State.UNCLEAR)


@pytest.mark.parametrize(
    ("role", "tissue", "holds_controls"),
    [
        pytest.param("experimental", "bone marrow", False, id="all were treated"),
        pytest.param("control", None, True, id="some were controls"),
    ],
)
def test_all_participants_received_what_every_arm_received(
    session: Session, role: str, tissue: str | None, holds_controls: bool
):
    study = a.a_study(session)
    for key, own in (("one", "experimental"), ("two", role)):
        arm = a.an_arm(session, study, key, role=own)
        a.of_arm(session, arm, t.CellProduct, tissue="bone marrow")
    a.a_result(session, a.an_arm(session, study, "all", is_whole_study=True))
    facts = next(each_observed(session, Asked())).arm
    assert (facts.tissue.value, facts.holds_controls) == (tissue, holds_controls)


def test_what_enters_no_analysis_is_read_with_its_status(session: Session):
    a.a_result(session, a.an_arm(session, a.a_study(session)), status="superseded")
    (result,) = each_observed(session, Asked())
    assert (result.status, result.enters_analyses) == ("superseded", False)


def test_queries_grow_with_batches_not_with_results(
    plain_store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(analysis_rows, "_BATCH", 20)
    with plain_store.writing() as session:
        for n in range(5):
            arm = a.an_arm(session, a.a_study(session, f"study {n}"))
            for _ in range(8):
                a.a_result(session, arm, {"mean": 1.0, "n_analysed": 9})
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1

    def queries(reads: Callable[[Session], Any]) -> int:
        nonlocal count
        with plain_store.reading() as session:
            count = 0
            reads(session)
        return count

    sa.event.listen(plain_store.engine, "before_cursor_execute", counted)
    one = queries(lambda session: list(islice(each_study(session, Asked()), 1)))
    all_of_them = queries(lambda session: list(each_study(session, Asked())))
    # 40 results are two full batches and the look that finds no third.
    assert all_of_them <= 3 * one
    assert all_of_them < 100


def test_a_matched_outcome_goes_by_its_code_and_says_that_a_person_matched_it(session: Session):
    study = a.a_study(session)
    worded = a.an_outcome(session, None, title="Disability by EDSS")
    a.a_result(session, a.an_arm(session, study), {"mean": 4.5}, outcome=worded)
    a.kept(
        session,
        t.OutcomeMatch,
        outcome_id=worded.id,
        definition_id=a.an_outcome(session, "EDSS").id,
        confirmed_by="A. Reader",
        confirmed_at=a.NOW,
    )
    (observed,) = each_observed(session, Asked(filter="outcome:EDSS"))
    assert (observed.code, observed.is_matched) == ("EDSS", True)
    assert observed.outcome_title == "Disability by EDSS"
