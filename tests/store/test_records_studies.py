"""Studies, their numbers and their links, as registries and curators tell of them."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from kb.models import tables as t
from kb.models.evidence import (
    AdverseEventClaim,
    ArmClaim,
    BackgroundClaim,
    Category,
    Cell,
    CellName,
    DescriptionClaim,
    DoseClaim,
    EvidenceClaim,
    FlowClaim,
    OverlapClaim,
    ProductClaim,
    RegistrationClaim,
    ReportClaim,
    ResultClaim,
    ResultKind,
    Standing,
    State,
    Statistic,
    StudyRecord,
    TimepointClaim,
)
from kb.models.records import NoticeKind, RegistrationMention, WorkRecord, WorkType
from kb.store.engine import Store
from kb.store.payloads import keep
from kb.store.record_studies import link_overlaps, save_study_record
from kb.store.records import Change
from tests.store.saves import (
    LATER,
    NOW,
    a_payload,
    a_record,
    dump,
    ids,
    notice,
    rows_of,
    save,
    undone,
)

NCT = "NCT01730547"
REPORT = ids(doi="10.3390/jcm8122102", pmid="31810187")


def stands(locator: str = "table 2", **given: Any) -> EvidenceClaim:
    values: dict[str, Any] = {
        "kind": "full text table",
        "document": "10.3390/jcm8122102",
        "standing": Standing.PRIMARY,
        "work": REPORT,
    } | given
    return EvidenceClaim(locator=locator, **values)


def a_cell(name: CellName, value: float | None, **given: Any) -> Cell:
    return Cell(name=name, value=value, **given)


def a_result(key: str = "t2", events: float = 5, n: float = 6, **given: Any) -> ResultClaim:
    values: dict[str, Any] = {
        "kind": ResultKind.ARM,
        "arm": "msc",
        "outcome_title": "No new T2 lesions",
        "category": Category.COMPLEMENT,
        "statistic": Statistic.PERSON_COUNT,
        "time": TimepointClaim(value=24, unit="week", text="week 24"),
        "population": "completers",
        "cells": (a_cell(CellName.EVENTS, events), a_cell(CellName.N_ANALYSED, n)),
        "evidence": stands(),
    } | given
    return ResultClaim(key=key, **values)


def a_study(source: str = "curated", key: str = "A", *numbers: str, **given: Any) -> StudyRecord:
    linked = tuple(RegistrationClaim(number=n, link_basis="stated") for n in numbers)
    return StudyRecord(source=source, key=key, **{"label": key, "registrations": linked} | given)


def an_entry(number: str = NCT, **given: Any) -> StudyRecord:
    """What the registry itself says."""
    claim = RegistrationClaim(number=number, title="As registered", **given)
    return StudyRecord(source="clinicaltrials", key=number, label=number, registrations=(claim,))


RICH = a_study(
    "curated",
    "MS_IACOBAEUS_2019",
    NCT,
    year=2019,
    conditions=("multiple sclerosis",),
    description=DescriptionClaim(n_treated=7, followup_value=48, evidence=stands("abstract")),
    reports=(ReportClaim(work=REPORT, basis="curated"),),
    background=(BackgroundClaim(work=ids(pmid="5"), kind="background"),),
    arms=(
        ArmClaim(
            key="msc",
            label="MSC",
            n_treated=7,
            product=ProductClaim(tissue="bone marrow"),
            dose=DoseClaim(low=1, high=2, unit="10^6 cells/kg"),
            evidence=stands("methods"),
        ),
    ),
    flow=(FlowClaim(key="1", arm="msc", milestone="started", n=7, evidence=stands("figure 1")),),
    results=(
        a_result(),
        a_result("edss", category=None, outcome_title="EDSS", statistic=None, cells=()),
    ),
    adverse_events=(
        AdverseEventClaim(
            key="sae", arm="all", term="Serious", persons_affected=0,
            state=State.REPORTED_ZERO, evidence=stands("results"),
        ),
    ),
)  # fmt: skip


def save_study(session: Session, *records: StudyRecord, now: Any = NOW) -> list[int]:
    payload_id = keep(session, a_payload())
    return [save_study_record(session, record, payload_id, now)[1] for record in records]


def results(session: Session) -> dict[str, t.Result]:
    session.expire_all()
    return {row.key: row for row in rows_of(session, t.Result)}


# -- saving again --------------------------------------------------------------------------------


def test_the_same_study_record_again_writes_nothing(session: Session) -> None:
    save_study(session, RICH)
    before = dump(session)
    change, _ = save_study_record(session, RICH, keep(session, a_payload()), LATER)
    assert change is Change.UNCHANGED
    assert dump(session) == before


def test_a_changed_study_record_keeps_every_row_that_says_the_same(session: Session) -> None:
    save_study(session, RICH)
    before = set(dump(session))
    save_study(session, replace(RICH, acronym="MESEMS"), now=LATER)
    changed = {row.split(" ", 1)[0] for row in set(dump(session)) ^ before}
    assert changed == {"record", "record_version", "study"}


def test_a_changed_number_stays_in_the_result_of_its_key(session: Session) -> None:
    save_study(session, RICH)
    before = {key: row.id for key, row in results(session).items()}
    save_study(session, replace(RICH, results=(a_result(events=4), RICH.results[1])))
    after = results(session)
    assert {key: row.id for key, row in after.items()} == before
    cells = rows_of(session, t.ResultCell, result_id=before["t2"])
    assert {cell.name: cell.value for cell in cells} == {"events": 4, "n_analysed": 6}


def test_rows_a_record_no_longer_gives_are_dropped_with_what_they_stood_on(
    session: Session,
) -> None:
    save_study(session, RICH, replace(RICH, results=(), adverse_events=(), flow=(), arms=()))
    for table in (
        t.Result, t.ResultCell, t.Derivation, t.DerivationInput, t.AdverseEvent, t.Arm,
        t.ArmDescription, t.CellProduct, t.DoseEvent, t.ParticipantFlow, t.Timepoint, t.Population,
        t.OutcomeDefinition,
    ):  # fmt: skip
        assert rows_of(session, table) == [], table
    assert {row.locator for row in rows_of(session, t.Evidence)} == {"abstract"}


def test_a_registration_a_record_no_longer_names_loses_its_link_and_stays_known(
    session: Session,
) -> None:
    named = RegistrationClaim(number=NCT, title="As told", evidence=stands("abstract"))
    ours = a_study(registrations=(named,))
    save_study(session, ours, replace(ours, registrations=()))
    assert rows_of(session, t.StudyRegistration) == []
    (row,) = rows_of(session, t.Registration)
    assert (row.record_id, row.evidence_id) == (None, None)


def test_a_newer_file_moves_the_evidence_and_keeps_its_id(session: Session) -> None:
    ours = a_study(results=(a_result(evidence=stands(row="results.csv:2")),))
    first, second = (keep(session, a_payload(body)) for body in (b"one", b"two"))
    save_study_record(session, ours, first, NOW, {"results.csv": first})
    (before,) = rows_of(session, t.Evidence)
    before_id = before.id
    save_study_record(session, replace(ours, year=2019), second, NOW, {"results.csv": second})
    (after,) = rows_of(session, t.Evidence)
    assert (after.id, after.payload_id) == (before_id, second)


# -- numbers -------------------------------------------------------------------------------------


def test_what_is_not_reported_has_no_cell(session: Session) -> None:
    save_study(session, a_study(results=(a_result(cells=(), state=State.NOT_REPORTED),)))
    assert rows_of(session, t.ResultCell) == []


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(a_cell(CellName.EVENTS, 0, state=State.NOT_REPORTED), id="unreported zero"),
        pytest.param(a_cell(CellName.EVENTS, 3, state=State.UNCLEAR), id="unclear number"),
        pytest.param(a_cell(CellName.EVENTS, 1, state=State.REPORTED_ZERO), id="a zero of one"),
        pytest.param(a_cell(CellName.EVENTS, None, state=State.REPORTED_ZERO), id="empty zero"),
    ],
)
def test_the_database_refuses_a_number_its_state_denies(store: Store, cell: Cell) -> None:
    with pytest.raises(sa.exc.IntegrityError), store.writing() as session:
        save_study(session, a_study(results=(a_result(cells=(cell,)),)))
    with store.reading() as session:
        assert rows_of(session, t.StoredRecord) == []


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"persons_affected": 2, "state": State.NOT_REPORTED}, id="unreported"),
        pytest.param({"event_count": 1, "state": State.REPORTED_ZERO}, id="a zero of one"),
        pytest.param({"percent": 5.0, "state": State.REPORTED_ZERO}, id="a zero of 5 %"),
    ],
)
def test_the_database_refuses_an_adverse_event_count_its_state_denies(
    session: Session, given: dict[str, Any]
) -> None:
    event = AdverseEventClaim(key="1", arm="msc", evidence=stands(), **given)
    with pytest.raises(sa.exc.IntegrityError):
        save_study(session, a_study(adverse_events=(event,)))


def test_the_database_refuses_a_derived_number_without_its_derivation(session: Session) -> None:
    save_study(session, RICH)
    row = results(session)["edss"]
    row.origin = "computed"
    session.add(row)
    with pytest.raises(sa.exc.IntegrityError):
        session.flush()


def test_a_derived_result_carries_its_rule_and_leads_to_its_inputs(session: Session) -> None:
    save_study(session, RICH)
    held = results(session)
    (key,) = held.keys() - {"t2", "edss"}
    derived = held[key]
    assert (derived.origin, derived.category) == ("computed", "event")
    (derivation,) = rows_of(session, t.Derivation, id=derived.derivation_id)
    assert (derivation.rule, derivation.statement) == ("complement", "6 - 5 = 1 of 6")
    inputs = rows_of(session, t.DerivationInput, derivation_id=derivation.id)
    assert {(i.result_id, i.cell) for i in inputs} == {
        (held["t2"].id, "events"),
        (held["t2"].id, "n_analysed"),
    }


def test_a_result_that_is_reported_is_not_derived_beside_it(session: Session) -> None:
    event = a_result("event", events=1, category=Category.EVENT, outcome_code="T2")
    save_study(session, a_study(results=(a_result(outcome_code="T2"), event)))
    assert results(session).keys() == {"t2", "event"}
    assert rows_of(session, t.Derivation) == []


def test_a_derived_result_keeps_its_id_and_derivation_when_its_inputs_change(
    session: Session,
) -> None:
    save_study(session, RICH)
    key = next(k for k, row in results(session).items() if row.derivation_id)
    before = results(session)[key]
    told = (before.id, before.derivation_id)
    save_study(session, replace(RICH, results=(a_result(events=4),)))
    after = results(session)[key]
    assert (after.id, after.derivation_id) == told
    (derivation,) = rows_of(session, t.Derivation)
    assert derivation.statement == "6 - 4 = 2 of 6"


# -- which study ---------------------------------------------------------------------------------


def test_two_records_of_one_curator_are_two_studies(session: Session) -> None:
    first, second = save_study(session, a_study("curated", "A", NCT), a_study("curated", "B", NCT))
    assert first != second


@pytest.mark.parametrize("entry_first", [True, False], ids=["entry first", "curated first"])
def test_a_registry_entry_and_a_curators_record_under_one_number_are_one_study(
    session: Session, entry_first: bool
) -> None:
    told = [an_entry(), a_study("curated", "A", NCT)]
    ids_ = save_study(session, *(told if entry_first else reversed(told)))
    assert ids_[0] == ids_[1]
    session.expire_all()
    assert session.get_one(t.Study, ids_[0]).label == "A"


def test_a_probable_link_joins_nothing(session: Session) -> None:
    claim = RegistrationClaim(number=NCT, link_basis="probable: same university")
    entry, other = save_study(session, an_entry(), a_study(registrations=(claim,)))
    assert entry != other
    assert len(rows_of(session, t.StudyRegistration)) == 2


def test_a_study_of_many_registrations_absorbs_what_registries_alone_knew(
    session: Session,
) -> None:
    numbers = ("NCT01730547", "NCT01854957", "NCT01745783")
    entries = save_study(session, *map(an_entry, numbers))
    assert len(set(entries)) == 3
    (mesems,) = save_study(session, a_study("curated", "MESEMS", *numbers))
    session.expire_all()
    living = [s.id for s in rows_of(session, t.Study) if s.merged_into_id is None]
    assert living == [mesems]
    assert {r.study_id for r in rows_of(session, t.StoredRecord)} == {mesems}
    assert {r.study_id for r in rows_of(session, t.StudyRegistration)} == {mesems}


def test_a_registration_added_later_brings_its_study_along(session: Session) -> None:
    ours = a_study("curated", "A", NCT)
    kept, entry = save_study(session, ours, an_entry("NCT01854957"))
    assert kept != entry
    save_study(session, a_study("curated", "A", NCT, "NCT01854957"))
    session.expire_all()
    assert session.get_one(t.Study, entry).merged_into_id == kept


def test_one_curator_does_not_join_what_another_holds_apart(session: Session) -> None:
    first, second = save_study(session, a_study("one", "A", NCT), a_study("one", "B", NCT))
    (other,) = save_study(session, a_study("other", "C", NCT))
    session.expire_all()
    assert other == first
    assert session.get_one(t.Study, second).merged_into_id is None


# -- works and trials ----------------------------------------------------------------------------


def a_work(source: str = "pubmed", number: str = NCT, **given: Any) -> WorkRecord:
    named = (RegistrationMention(number=number),)
    return a_record(source, "W", **{"identifiers": ids(pmid="1"), "registrations": named} | given)


Step = Callable[[Session], Any]


def in_any_order(store: Store, *steps: Step) -> list[list[tuple[str, str]]]:
    """(label of the study, basis) of every report, per order of the steps."""
    found = []
    for order in permutations(steps):
        with undone(store) as session:
            for step in order:
                step(session)
            labels = {s.id: s.label for s in rows_of(session, t.Study)}
            found.append(sorted((labels[r.study_id], r.basis) for r in rows_of(session, t.Report)))
    return found


def test_a_work_that_names_a_registration_reports_its_study_whichever_comes_first(
    store: Store,
) -> None:
    found = in_any_order(store, lambda s: save(s, a_work()), lambda s: save_study(s, an_entry()))
    assert found == [[(NCT, "registration named by pubmed")]] * 2


def test_two_sources_that_name_it_make_one_report(store: Store) -> None:
    found = in_any_order(
        store,
        lambda s: save(s, a_work("pubmed")),
        lambda s: save(s, a_work("europepmc")),
        lambda s: save_study(s, an_entry()),
    )
    assert found == [[(NCT, "registration named by europepmc")]] * 6


def test_a_curated_report_says_it_once(store: Store) -> None:
    curated = a_study(
        "curated", "A", NCT, reports=(ReportClaim(work=ids(pmid="1"), basis="curated"),)
    )
    found = in_any_order(
        store, lambda s: save(s, a_work()), lambda s: save_study(s, curated, an_entry())
    )
    assert found == [[("A", "curated")]] * 2


def test_an_alias_named_before_the_registry_explained_it_leads_to_the_study(store: Store) -> None:
    found = in_any_order(
        store,
        lambda s: save(s, a_work(number="2012-000734-19")),
        lambda s: save_study(s, an_entry(aliases=("2012-000734-19",))),
    )
    assert found == [[(NCT, "registration named by pubmed")]] * 2


@pytest.mark.parametrize(
    "kind", [WorkType.REVIEW, WorkType.EDITORIAL, WorkType.LETTER, WorkType.NOTICE]
)
def test_what_only_writes_about_a_trial_does_not_report_it(store: Store, kind: WorkType) -> None:
    """Also where the type is learned from a record that names no trial."""
    found = in_any_order(
        store,
        lambda s: save(s, a_work("europepmc")),
        lambda s: save(s, a_record("pubmed", identifiers=ids(pmid="1"), type=kind)),
        lambda s: save_study(s, an_entry()),
    )
    assert found == [[]] * 6


def test_reading_listed_by_the_registry_makes_no_report(session: Session) -> None:
    listed = (BackgroundClaim(work=ids(pmid="1"), kind="background"),)
    save_study(session, replace(an_entry(), background=listed))
    save(session, a_record("pubmed", identifiers=ids(pmid="1")))
    assert rows_of(session, t.Report) == []
    (link,) = rows_of(session, t.WorkRegistration)
    assert link.kind == "background"


def test_of_several_studies_under_one_number_only_the_main_one_is_reported(store: Store) -> None:
    follow_up = a_study(
        "curated",
        "B",
        NCT,
        overlaps=(OverlapClaim(other="A", kind="follow-up of", certainty="certain"),),
    )
    main = a_study("curated", "A", NCT)

    def studies(session: Session) -> None:
        save_study(session, follow_up, main)
        link_overlaps(session, "curated", [follow_up, main])

    found = in_any_order(store, studies, lambda s: save(s, a_work()))
    assert found == [[("A", "registration named by pubmed")]] * 2


def test_a_work_of_two_trials_reports_both(session: Session) -> None:
    named = tuple(RegistrationMention(number=n) for n in (NCT, "NCT01854957"))
    save_study(session, an_entry(), an_entry("NCT01854957"))
    save(session, a_work(registrations=named))
    assert len(rows_of(session, t.Report)) == 2


def test_a_work_that_no_longer_names_the_trial_no_longer_reports_it(session: Session) -> None:
    save_study(session, an_entry())
    save(session, a_work(), a_work(registrations=()))
    assert rows_of(session, t.Report) == []


def test_a_probable_link_makes_no_report(session: Session) -> None:
    claim = RegistrationClaim(number=NCT, link_basis="probable: same university")
    save_study(session, a_study(registrations=(claim,)))
    save(session, a_work())
    assert rows_of(session, t.Report) == []


def test_a_retracted_report_stays_a_report(session: Session) -> None:
    save_study(session, an_entry())
    save(session, a_work(notices=(notice(NoticeKind.RETRACTION),)))
    assert len(rows_of(session, t.Report)) == 1


# -- registrations -------------------------------------------------------------------------------


def test_the_registry_is_believed_before_others_and_nobody_blanks_anybody(store: Store) -> None:
    told = RegistrationClaim(number=NCT, title="As told", sponsor="Karolinska", note="seen 2020")
    found = []
    for order in permutations([an_entry(phase="Phase 1"), a_study(registrations=(told,))]):
        with undone(store) as session:
            save_study(session, *order)
            (row,) = rows_of(session, t.Registration)
            found.append((row.title, row.sponsor, row.phase, row.note))
    assert found == [("As registered", "Karolinska", "Phase 1", "seen 2020")] * 2
