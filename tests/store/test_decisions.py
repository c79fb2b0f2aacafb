"""Two people extract, differ, and a third decides: what enters analyses, and what stays to see."""

import threading
from dataclasses import replace

import pytest
from sqlmodel import Session

from kb.errors import Conflict, InvalidInput, NotFound
from kb.models import tables as t
from kb.models.evidence import DecisionKind, StudyRecord
from kb.models.ids import Kind, public_id
from kb.outcomes.comparisons import AnalysisRow, Choices, Table, analysis_rows
from kb.store import decisions
from kb.store.analysis_rows import each_study
from kb.store.decisions import Deciding, Place, decide, read_decision
from kb.store.engine import Store
from kb.store.listing import Asked
from kb.store.record_studies import merge_studies
from kb.store.results import list_results, read_result
from tests.store.extracting import Tables, cells, changed, extract, found, results, seed_tables
from tests.store.saves import LATER, dump, rows_of
from tests.store.test_records_studies import a_result, a_study, an_entry, save_study

ANNA, BEN, DECIDED = "my-review/anna", "my-review/ben", "my-review/decision"
T2_12 = {"outcome": "T2_NEW", "time": "12"}
T2_48 = {"outcome": "T2_NEW", "time": "48"}
EDSS_48 = {"outcome": "EDSS_CAT", "time": "48"}


def bens_tables():
    """As Anna's, but for three differences."""
    tables = changed(seed_tables(), "results", T2_12, events="4")
    tables = changed(tables, "results", EDSS_48, n="6")
    return changed(tables, "results", T2_48, state="not_reported", n=None, events=None, better=None)


@pytest.fixture
def extracted(store: Store) -> Store:
    extract(store, "anna", seed_tables())
    extract(store, "ben", bens_tables())
    return store


def name(row) -> str:
    return public_id(Kind.RESULT, row.id)


def deciding(kind: str, *of, **given) -> Deciding:
    values = {"who": "carla", "why": "read again in the report"} | given
    return Deciding(kind=DecisionKind(kind), of=tuple(name(r) for r in of), **values)


def both(session: Session, **where):
    return found(session, ANNA, **where), found(session, BEN, **where)


def pair(session: Session, which: str):
    where = {
        "t2 12": {"code": "T2_NEW", "category": "complement"},
        "t2 48": {"code": "T2_NEW", "category": "event"},
        "edss 48": {"code": "EDSS_CAT", "category": "worsened"},
        "edss 12": {"code": "EDSS_CAT", "category": "stable"},
    }[which]
    return both(session, **where)


def decided(session: Session, deciding: Deciding, now=LATER):
    number = decide(session, deciding, b"{}", now)
    out = read_decision(session, number)
    return session.get_one(t.Result, int(out.value[1:])), out


def status(session: Session, row) -> str:
    session.expire_all()
    return session.get_one(t.Result, row.id).status


def test_extractors_of_a_collection_describe_one_study_and_its_arms(extracted: Store):
    with extracted.reading() as session:
        assert len(rows_of(session, t.Study)) == 1
        assert [arm.key for arm in rows_of(session, t.Arm)] == ["msc"]
        assert len(rows_of(session, t.ArmDescription)) == 2
        assert {r.arm_id for r in results(session, BEN)} == {
            r.arm_id for r in results(session, ANNA)
        }


def test_what_extractors_agree_on_enters_once_and_what_they_differ_in_not_at_all(extracted: Store):
    with extracted.reading() as session:
        assert [row.status for row in pair(session, "edss 12")] == ["agreed", "confirming"]
        for which in ("t2 12", "t2 48", "edss 48"):
            assert [row.status for row in pair(session, which)] == ["disputed", "disputed"]
        entering = list_results(session, Asked(filter="enters_analyses:true")).results
        assert {r.evidence.source for r in entering} == {ANNA}
        assert len(list_results(session, Asked(filter="status:disputed")).results) == 6 + 2


def test_what_follows_from_disputed_values_is_disputed_and_from_the_decided_one_enters(
    extracted: Store,
):
    with extracted.writing() as session:
        made = [found(session, s, code="T2_NEW", derived=True) for s in (ANNA, BEN)]
        assert [row.status for row in made] == ["disputed", "disputed"]
        decided(session, deciding("adjudication", *pair(session, "t2 12"), values={"events": 3}))
        assert [status(session, row) for row in made] == ["superseded", "superseded"]
        follows = found(session, DECIDED, derived=True)
        assert follows.status == "adjudicated"
        assert cells(session, follows) == {"events": 3, "n_analysed": 6}


def test_an_adjudicated_value_enters_and_the_others_remain(extracted: Store):
    with extracted.writing() as session:
        anna, ben = pair(session, "t2 12")
        row, out = decided(session, deciding("adjudication", anna, ben, follow=name(anna)))
        assert (row.status, status(session, anna), status(session, ben)) == (
            "adjudicated", "superseded", "superseded",
        )  # fmt: skip
        assert cells(session, row) == {"events": 5, "n_analysed": 6}
        assert cells(session, ben) == {"events": 4, "n_analysed": 6}
        assert (row.arm_id, row.timepoint_id, row.outcome_id) == (
            anna.arm_id, anna.timepoint_id, anna.outcome_id,
        )  # fmt: skip
        assert [one.id for one in out.of] == [name(anna), name(ben)]
        assert (out.who, out.why, out.at) == ("carla", "read again in the report", LATER)
        assert out.evidence.document == read_result(session, name(anna)).evidence.document
        payload = session.get_one(t.StoredPayload, out.payload_id)
        assert (payload.source, payload.request) == (
            DECIDED, f"decision on {name(anna)}, {name(ben)}",
        )  # fmt: skip


def with_control(tables: Tables) -> Tables:
    """As if the participants of the seed study had been compared with others."""
    (arm,) = tables["arms"]
    lesions = [row for row in tables["results"] if row["outcome"] == "T2_NEW"]
    return tables | {
        "arms": [arm, {**arm, "arm": "control", "label": "Placebo", "role": "control"}],
        "results": [*tables["results"], *({**row, "arm": "control"} for row in lesions)],
    }


def compared(session: Session, table: Table) -> list[AnalysisRow]:
    session.expire_all()
    (own,) = each_study(session, Asked(filter="outcome:T2_NEW,category:event,days:>300"))
    return list(analysis_rows(table, own, Choices()).rows)


@pytest.mark.parametrize(
    ("arm", "expected"),
    [pytest.param("msc", (4, 3), id="treated"), pytest.param("control", (3, 4), id="control")],
)
def test_a_decided_value_is_compared_with_the_arm_that_all_agree_on(
    store: Store, arm: str, expected: tuple[float, float]
):
    alike = with_control(seed_tables())
    extract(store, "anna", alike)
    extract(store, "ben", changed(alike, "results", {**T2_48, "arm": arm}, events="4"))
    with store.writing() as session:
        assert compared(session, Table.BINARY) == []
        of = [
            row
            for source in (ANNA, BEN)
            for row in results(session, source, code="T2_NEW", category="event", status="disputed")
        ]
        decided(session, deciding("adjudication", *of, follow=name(of[1])))
        (row,) = compared(session, Table.BINARY)
    assert (row.numbers["ai"].value, row.numbers["ci"].value) == expected


def test_a_corrected_value_is_compared_with_the_arm_beside_it(store: Store):
    extract(store, None, with_control(seed_tables()))
    with store.writing() as session:
        row = found(session, "my-review", arm_id=1, code="T2_NEW", category="event")
        decided(session, deciding("correction", row, values={"events": 1}))
        (compared_row,) = compared(session, Table.BINARY)
    assert [compared_row.numbers[n].value for n in ("ai", "ci")] == [1, 3]


def test_a_decision_may_find_that_neither_is_right(extracted: Store):
    with extracted.writing() as session:
        row, _ = decided(
            session,
            deciding(
                "adjudication", *pair(session, "t2 48"), values={"state": "not_reported"},
                place=Place(locator="table 3"),
            ),
        )  # fmt: skip
        assert (row.state, row.status) == ("not_reported", "adjudicated")
        # How many were looked at may be known all the same.
        assert cells(session, row) == {"n_analysed": 5}
        assert session.get_one(t.Evidence, row.evidence_id).locator == "table 3"


def test_a_correction_of_a_correction_is_a_chain_of_versions(extracted: Store):
    with extracted.writing() as session:
        first, ben = pair(session, "edss 12")
        second, _ = decided(session, deciding("correction", first, values={"n": 7, "events": "7"}))
        assert status(session, ben) == "superseded"  # it said the same as what was wrong
        third, out = decided(session, deciding("correction", second, values={"n": 6, "events": 6}))
        assert [status(session, row) for row in (first, second, third)] == [
            "superseded", "superseded", "corrected",
        ]  # fmt: skip
        assert [one.id for one in out.of] == [name(second)]


def test_of_two_decisions_on_one_value_the_first_stands(extracted: Store):
    with extracted.writing() as session:
        anna, ben = pair(session, "t2 12")
        row, _ = decided(session, deciding("adjudication", anna, ben, follow=name(anna)))
        with pytest.raises(Conflict, match=f"{name(row)} stands in its place"):
            decide(session, deciding("adjudication", anna, ben, follow=name(ben)), b"{}", LATER)


def test_nobody_is_overruled_unseen(extracted: Store):
    extract(extracted, "cem", changed(seed_tables(), "results", T2_12, events="3"))
    with extracted.writing() as session:
        anna, ben = pair(session, "t2 12")
        cem = found(session, "my-review/cem", code="T2_NEW", category="complement")
        with pytest.raises(Conflict, match=f"{name(cem)} says otherwise about the same"):
            decide(session, deciding("adjudication", anna, ben, follow=name(anna)), b"{}", LATER)
        with pytest.raises(Conflict, match="adjudicate between them"):
            decide(session, deciding("correction", anna, values={"events": 4}), b"{}", LATER)
        decided(session, deciding("adjudication", anna, ben, cem, follow=name(anna)))


def test_who_extracts_after_a_decision_confirms_or_disputes_it_and_does_not_undo_it(
    extracted: Store,
):
    with extracted.writing() as session:
        anna, ben = pair(session, "t2 12")
        row, _ = decided(session, deciding("adjudication", anna, ben, follow=name(anna)))
    extract(extracted, "cem", seed_tables())
    extract(extracted, "dora", changed(seed_tables(), "results", T2_12, events="2"))
    with extracted.reading() as session:
        late = [
            found(session, f"my-review/{who}", code="T2_NEW", category="complement").status
            for who in ("cem", "dora")
        ]
        assert late == ["confirming", "disputed"]
        assert status(session, row) == "adjudicated"


def test_bringing_the_sources_in_again_changes_nothing(extracted: Store):
    with extracted.writing() as session:
        decided(session, deciding("adjudication", *pair(session, "t2 12"), values={"events": 3}))
        before = dump(session)
    for who, tables in (("anna", seed_tables()), ("ben", bens_tables())):
        assert extract(extracted, who, tables, now=LATER).is_unchanged
    with extracted.reading() as session:
        assert dump(session) == before


def test_a_source_that_changes_after_a_decision_is_shown_and_the_decision_stays(extracted: Store):
    with extracted.writing() as session:
        anna, ben = pair(session, "t2 12")
        row, out = decided(session, deciding("adjudication", anna, ben, follow=name(anna)))
        assert not any(one.has_changed_since for one in out.of)
    extract(extracted, "ben", changed(bens_tables(), "results", T2_12, events="2"), now=LATER)
    with extracted.reading() as session:
        assert status(session, ben) == "superseded"
        assert status(session, row) == "adjudicated"
        after = read_decision(session, out.id)
        assert [one.has_changed_since for one in after.of] == [False, True]


def test_a_row_that_leaves_its_source_stays_withdrawn_where_people_decided_on_it(extracted: Store):
    with extracted.writing() as session:
        anna, ben = pair(session, "t2 12")
        row, out = decided(session, deciding("adjudication", anna, ben, follow=name(anna)))
    extract(extracted, "ben", changed(bens_tables(), "results", T2_12), now=LATER)
    with extracted.reading() as session:
        gone = session.get_one(t.Result, ben.id)
        assert (gone.status, gone.withdrawn_at) == ("withdrawn", LATER)
        assert cells(session, gone) == {"events": 4, "n_analysed": 6}
        assert read_result(session, name(gone)).evidence.locator == "abstract"
        assert [one.is_withdrawn for one in read_decision(session, out.id).of] == [False, True]
        assert status(session, row) == "adjudicated"
    extract(extracted, "ben", bens_tables(), now=LATER)  # and comes back as itself
    with extracted.reading() as session:
        assert (status(session, ben), len(results(session, BEN))) == ("superseded", 7)


def test_an_undecided_row_that_leaves_its_source_is_gone_and_the_other_stands_alone(
    extracted: Store,
):
    extract(extracted, "ben", changed(bens_tables(), "results", T2_12), now=LATER)
    with extracted.reading() as session:
        row = found(session, ANNA, code="T2_NEW", category="complement")
        assert row.status == "single"


def test_the_extractor_whose_study_comes_first_may_leave_without_taking_the_arm(
    extracted: Store,
):
    nothing = {"studies": seed_tables()["studies"], "sources": seed_tables()["sources"]}
    extract(extracted, "anna", nothing, now=LATER)
    with extracted.reading() as session:
        assert [arm.key for arm in rows_of(session, t.Arm)] == ["msc"]
        assert {row.status for row in results(session, BEN)} == {"single"}
    extract(extracted, "ben", nothing, now=LATER)
    with extracted.reading() as session:
        for table in (t.Arm, t.Result, t.OutcomeDefinition):
            left = [r for r in rows_of(session, table) if getattr(r, "code", None) is None]
            assert left == [], table


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"who": " "}, "who is empty", id="nobody"),
        pytest.param({"why": ""}, "why is empty", id="no reason"),
        pytest.param({"values": {}}, "nothing is changed", id="no change"),
        pytest.param({"values": {"events": "9"}}, "events", id="more than all"),
        pytest.param({"values": {"colour": "red"}}, "no column is called 'colour'", id="no column"),
        pytest.param({"values": {"arm": "placebo"}}, "'placebo' is no arm", id="no arm"),
        pytest.param({"follow": "R9999"}, "none of the values", id="follows another"),
        pytest.param({"place": Place(standing="third")}, "standing is 'third'", id="standing"),
    ],
)  # fmt: skip
def test_what_is_no_decision_is_refused(extracted: Store, given, said):
    with extracted.writing() as session:
        before = dump(session)
        anna, _ = pair(session, "edss 12")
        with pytest.raises(InvalidInput, match=said):
            decide(
                session, deciding("correction", anna, **{"values": {"n": 7}} | given), b"{}", LATER
            )
        assert dump(session) == before


def test_what_follows_by_rule_is_decided_on_where_it_follows_from(extracted: Store):
    with extracted.writing() as session:
        row = found(session, ANNA, code="T2_NEW", derived=True)
        with pytest.raises((InvalidInput, Conflict)):
            decide(session, deciding("correction", row, values={"events": 2}), b"{}", LATER)
        nobodys = replace(deciding("correction", values={"n": 2}), of=("R9999",))
        with pytest.raises(NotFound):
            decide(session, nobodys, b"{}", LATER)


def test_collections_stand_side_by_side(extracted: Store):
    extract(extracted, None, bens_tables(), collection="other-review")
    with extracted.reading() as session:
        assert {row.status for row in results(session, "other-review")} == {"single"}
        assert pair(session, "t2 12")[0].status == "disputed"


def test_the_place_of_a_value_can_be_corrected(extracted: Store):
    with extracted.writing() as session:
        anna, ben = pair(session, "edss 12")
        row, _ = decided(
            session,
            deciding("correction", anna, values={"time": 24}, place=Place(quote="at 24 weeks")),
        )
        timepoint = session.get_one(t.Timepoint, row.timepoint_id)
        assert (timepoint.value, timepoint.unit) == (24, "week")
        assert status(session, row) == "corrected"
        assert status(session, ben) == "superseded"


def test_of_two_people_at_once_exactly_one_wins(extracted: Store):
    with extracted.reading() as session:
        between = deciding("adjudication", *pair(session, "t2 12"))
    together = threading.Barrier(2)
    ended = []

    def decide_for(follow: str) -> None:
        together.wait(timeout=30)
        try:
            with extracted.writing() as session:
                decide(session, replace(between, follow=follow), b"{}", LATER)
            ended.append("decided")
        except Conflict:
            ended.append("refused")

    people = [threading.Thread(target=decide_for, args=(one,)) for one in between.of]
    for person in people:
        person.start()
    for person in people:
        person.join(timeout=60)
    assert sorted(ended) == ["decided", "refused"]
    with extracted.reading() as session:
        assert len(rows_of(session, t.Decision)) == 1


def test_a_decision_that_breaks_off_leaves_nothing(
    extracted: Store, monkeypatch: pytest.MonkeyPatch
):
    with extracted.reading() as session:
        before = dump(session)
        between = deciding("adjudication", *pair(session, "t2 12"), values={"events": 3})

    def failing(*_: object) -> None:
        raise ConnectionError("killed")

    monkeypatch.setattr(decisions, "refresh_statuses", failing)
    with pytest.raises(ConnectionError), extracted.writing() as session:
        decide(session, between, b"{}", LATER)
    with extracted.reading() as session:
        assert dump(session) == before


def test_a_registry_result_can_be_corrected_and_coming_again_does_not_undo_it(session: Session):
    def entry(events: float) -> StudyRecord:
        return replace(
            an_entry(), results=(a_result(events=events), a_result("other", category=None))
        )

    save_study(session, entry(5))
    (row,) = [r for r in rows_of(session, t.Result) if r.key == "t2"]
    made, out = decided(session, deciding("correction", row, values={"events": 4}))
    assert (made.status, out.collection) == ("corrected", "clinicaltrials")
    save_study(session, entry(3), now=LATER)
    session.expire_all()
    assert {r.key: r.status for r in rows_of(session, t.Result, record_id=row.record_id)} == {
        "t2": "superseded", "t2 | complement: event": "superseded", "other": "single",
    }  # fmt: skip
    assert read_decision(session, out.id).of[0].has_changed_since
    assert cells(session, made) == {"events": 4, "n_analysed": 6}
    assert len(rows_of(session, t.Arm)) == 1


def test_merging_studies_takes_their_decisions_along(extracted: Store):
    with extracted.writing() as session:
        decided(session, deciding("adjudication", *pair(session, "t2 12"), values={"events": 3}))
        (study,) = rows_of(session, t.Study)
        (other,) = save_study(session, a_study("elsewhere", "B"))
        merge_studies(session, loser=study.id, survivor=other)
        assert rows_of(session, t.Decision)[0].study_id == other
    assert extract(extracted, "anna", seed_tables(), now=LATER).is_unchanged
    changes = changed(seed_tables(), "results", EDSS_48, n="7")
    extract(extracted, "anna", changes, now=LATER)
    with extracted.reading() as session:
        assert {row.study_id for row in rows_of(session, t.Result)} == {other}
        assert pair(session, "edss 48")[0].status == "disputed"
