"""What can be read of studies and their results, on both databases."""

import pytest

from kb.errors import Conflict, InvalidInput, NotFound
from kb.models import tables as t
from kb.store.listing import Asked
from kb.store.lookup import resolve_outcome, resolve_registration, resolve_study
from kb.store.results import list_results, read_result, results_of_study
from kb.store.studies import list_studies, read_registration, read_study
from tests.builders import (
    a_record,
    a_registration,
    a_result,
    a_study,
    a_timepoint,
    a_work,
    an_arm,
    an_outcome,
    derived_from,
    kept,
    of_arm,
    record_of,
    reported_by,
    the_seed_study,
)


def test_a_study_is_found_by_id_key_and_registration(session):
    study = a_study(session, key="MS_IACOBAEUS_2019")
    registration = a_registration(session, "NCT03778333", study)
    kept(session, t.RegistrationAlias, number="2012-000518-13", registration_id=registration.id)
    for name in (f"S{study.id}", "MS_IACOBAEUS_2019", "nct03778333", "2012-000518-13"):
        assert resolve_study(session, name) == study.id
    for name in ("NCT03778333", "2012-000518-13", f"G{registration.id}"):
        assert resolve_registration(session, name) == registration.id


def test_a_merged_study_is_found_where_it_went(session):
    survivor = a_study(session)
    loser = a_study(session, key="OLD", merged_into_id=survivor.id)
    assert resolve_study(session, f"S{loser.id}") == survivor.id
    assert resolve_study(session, "OLD") == survivor.id
    assert [s.id for s in list_studies(session, Asked()).results] == [f"S{survivor.id}"]


def test_a_registration_stands_for_its_trial_and_not_for_a_follow_up(session):
    follow_up, trial = a_study(session, "follow-up"), a_study(session, "trial")
    a_registration(session, "NCT01933802", follow_up, trial)
    kept(
        session,
        t.StudyOverlap,
        study_id=follow_up.id,
        other_id=trial.id,
        record_id=record_of(session, follow_up).id,
        kind="follow-up of",
        certainty="certain",
    )
    assert resolve_study(session, "NCT01933802") == trial.id


def test_a_key_that_two_sources_give_to_two_studies_names_neither(session):
    a_study(session, "one", "TRIAL_1")
    a_record(session, study=a_study(session, "two"), source="other", key="TRIAL_1")
    with pytest.raises(Conflict, match="S1, S2"):
        resolve_study(session, "TRIAL_1")


@pytest.mark.parametrize(
    ("resolve", "name", "error"),
    [
        pytest.param(resolve_study, "a b", InvalidInput, id="words"),
        pytest.param(resolve_study, "S0", InvalidInput, id="zero"),
        pytest.param(resolve_study, "S3000000000", NotFound, id="beyond 32 bits"),
        pytest.param(resolve_study, "NCT00000001", NotFound, id="unknown registration"),
        pytest.param(resolve_study, "X\x00", InvalidInput, id="NUL"),
        pytest.param(resolve_registration, "NCT00000001", NotFound, id="unknown entry"),
        pytest.param(resolve_registration, "hello", InvalidInput, id="no number"),
        pytest.param(resolve_outcome, "NOTHING", NotFound, id="unknown outcome"),
        pytest.param(resolve_outcome, "a b", InvalidInput, id="no outcome"),
    ],
)
def test_a_name_of_nothing_is_refused(session, resolve, name, error):
    with pytest.raises(error):
        resolve(session, name)


def test_two_sources_that_disagree_on_an_arm_are_both_shown(session):
    arm = an_arm(session, a_study(session))
    of_arm(session, arm, t.ArmDescription, label="msc", n_treated=7)
    of_arm(session, arm, t.ArmDescription, label="msc", n_treated=8)
    of_arm(session, arm, t.CellProduct, tissue="bone marrow")
    of_arm(session, arm, t.DoseEvent, low=1.0, high=2.0, unit="10^6 cells/kg")
    of_arm(session, arm, t.ParticipantFlow, key="f", milestone="started", n=7)
    (found,) = read_study(session, arm.study_id).arms
    assert [d.n_treated for d in found.descriptions] == [7, 8]
    (dose,) = found.doses
    assert (dose.value, dose.low, dose.high) == (None, 1.0, 2.0)
    for rows in (found.descriptions, found.products, found.doses, found.flow):
        assert [row.evidence.locator for row in rows] == ["abstract"] * len(rows) != []


def test_results_of_a_study_stand_by_outcome_and_in_time(session):
    study = a_study(session)
    arm = an_arm(session, study)
    late = a_timepoint(session, study, value=48, unit="week", days=336.0)
    early = a_timepoint(session, study, value=12, unit="week", days=84.0)
    edss, t2 = an_outcome(session, "EDSS"), an_outcome(session, "T2_NEW")
    for outcome, timepoint in ((t2, early), (edss, None), (edss, late), (edss, early)):
        a_result(session, arm, outcome=outcome, timepoint=timepoint)
    found = [
        (r.outcome.code, r.timepoint and r.timepoint.days)
        for r in results_of_study(session, study.id)
    ]
    assert found == [("EDSS", 84.0), ("EDSS", 336.0), ("EDSS", None), ("T2_NEW", 84.0)]


def test_a_chain_of_derivations_is_told_back_to_what_was_reported(session):
    arm = an_arm(session, a_study(session))
    reported = a_result(session, arm, {"events": 5})
    first = a_result(
        session,
        arm,
        {"events": 1},
        origin="computed",
        derivation_id=derived_from(session, [(reported, "events")], "complement", "6 - 5").id,
    )
    second = a_result(
        session,
        arm,
        {"percent": 16.7},
        origin="computed",
        derivation_id=derived_from(session, [(first, "events")], "percent", "1 / 6").id,
    )
    derivation = read_result(session, f"R{second.id}").derivation
    assert derivation is not None
    (step,) = derivation.inputs
    assert step.result == f"R{first.id}"
    assert step.derivation is not None
    (origin,) = step.derivation.inputs
    assert (origin.result, origin.value, origin.derivation) == (f"R{reported.id}", 5, None)


def test_a_cell_without_a_number_keeps_its_own_state(session):
    arm = an_arm(session, a_study(session))
    result = a_result(
        session, arm, {"sd": {"value": None, "text": "see figure", "state": "unclear"}}
    )
    cell = read_result(session, f"R{result.id}").cells["sd"]
    assert (cell.value, cell.text, cell.state, cell.origin) == (None, "see figure", "unclear", None)


def test_persons_are_whole_numbers_and_measurements_are_not(session):
    arm = an_arm(session, a_study(session))
    result = a_result(session, arm, {"n_analysed": 6, "mean": 5})
    cells = read_result(session, f"R{result.id}").cells
    assert repr(cells["n_analysed"].value) == "6"
    assert repr(cells["mean"].value) == "5.0"


def test_a_contrast_names_both_arms(session):
    study = a_study(session)
    arm, control = an_arm(session, study, "msc"), an_arm(session, study, "placebo")
    a_result(session, arm, {"estimate": -0.3}, kind="contrast", comparator_id=control.id)
    (found,) = list_results(session, Asked(fields={"kind": "contrast"})).results
    assert (found.arm.key, found.comparator and found.comparator.key) == ("msc", "placebo")


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        pytest.param("condition:multiple sclerosis", 1, id="condition"),
        pytest.param("condition:null", 1, id="no condition known"),
        pytest.param("phenotype:progressive", 1, id="phenotype"),
        pytest.param("has_results:true", 1, id="results"),
        pytest.param("registration:NCT03778333", 1, id="registration"),
        pytest.param("registration:null", 1, id="unregistered"),
        pytest.param("report:10.3390/jcm8122102", 1, id="report"),
        pytest.param("year:>2018", 1, id="year"),
        pytest.param("donor:autologous,tissue:bone marrow,route:intravenous", 1, id="product"),
        pytest.param("donor:!autologous", 1, id="another donor, or none known"),
    ],
)
def test_studies_are_found_by_what_they_are(session, condition, count):
    the_seed_study(session)
    a_study(session, "another")
    assert list_studies(session, Asked(filter=condition)).count == count


def test_a_registry_entry_tells_which_works_report_and_which_are_reading(session):
    study, work = a_study(session), a_work(session, title="background reading")
    registration = a_registration(session, "NCT03778333", study, listed_pmids=["1"])
    kept(
        session,
        t.WorkRegistration,
        work_id=work.id,
        registration_id=registration.id,
        record_id=record_of(session, study).id,
        kind="background",
    )
    reported_by(session, study, a_work(session))
    found = read_registration(session, registration.id)
    assert [(w.work.title, w.kind) for w in found.works] == [("background reading", "background")]
    assert read_study(session, study.id).reports[0].basis == ["curated"]


def test_studies_with_a_report_in_common_may_share_participants(session):
    one, other, third = a_study(session), a_study(session), a_study(session)
    work = a_work(session)
    for study in (one, other):
        reported_by(session, study, work)
    reported_by(session, third, a_work(session))
    found = read_study(session, one.id).overlaps
    assert [(o.other.id, o.kind, o.certainty) for o in found] == [
        (f"S{other.id}", "may share participants", "possible")
    ]
    assert found[0].reason == f"W{work.id} is said to report both"
