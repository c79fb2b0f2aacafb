"""Which work a record describes; what contradicts goes to a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.identity.decide import Decision, Holder, contradicting_ids, decide
from kb.identity.identifiers import identifiers
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import WorkRecord

TITLE = "Seven infused patients with multiple sclerosis"
OTHER_TITLE = "Pluripotency of stem cells derived from adult marrow"


def a_record(title: str | None = TITLE, **ids: str) -> WorkRecord:
    return WorkRecord(source="crossref", key="1", title=title, identifiers=identifiers(**ids))


def a_work(work_id: int, title: str | None = TITLE, **ids: str) -> Holder:
    held = a_record(title, **ids)
    return Holder(work_id, frozenset(held.identifiers), (held,))


def mentioned(work_id: int, **ids: str) -> Holder:
    return Holder(work_id, frozenset(identifiers(**ids)))


def kinds(decision: Decision) -> list[tuple[int, str]]:
    return [(c.work_id, c.kind) for c in decision.contradictions]


def test_an_unknown_record_is_a_new_work_with_all_its_identifiers():
    record = a_record(doi="10.1000/a", pmid="1")
    assert decide(record, []) == Decision((), record.identifiers)


def test_a_shared_identifier_makes_them_one():
    record = a_record(doi="10.1000/a", pmid="1")
    decision = decide(record, [a_work(7, doi="10.1000/a")])
    assert (decision.same, decision.claims) == ((7,), record.identifiers)


@pytest.mark.parametrize(
    ("ours", "theirs", "kind", "kept"),
    [
        pytest.param(
            {"doi": "10.1000/a", "pmid": "1"},
            {"doi": "10.1000/a", "pmid": "2"},
            "different pmid",
            {"pmid": "1"},
            id="same DOI, other PMID",
        ),
        pytest.param(
            {"doi": "10.1000/a", "pmid": "1"},
            {"doi": "10.1000/b", "pmid": "1"},
            "different doi",
            {"doi": "10.1000/a"},
            id="same PMID, other DOI",
        ),
        pytest.param(
            {"doi": "10.1000/a", "pmcid": "PMC1"},
            {"doi": "10.1000/a", "pmcid": "PMC2"},
            "different pmcid",
            {"pmcid": "PMC1"},
            id="same DOI, other PMCID",
        ),
    ],
)
def test_contradicting_identifiers_leave_two_works(ours, theirs, kind, kept):
    decision = decide(a_record(**ours), [a_work(7, **theirs)])
    assert kinds(decision) == [(7, kind)]
    assert (decision.same, decision.claims) == ((), identifiers(**kept))


def test_two_openalex_ids_contradict_nothing():
    theirs = a_work(7, doi="10.1000/a", openalex="W1000001")
    assert decide(a_record(doi="10.1000/a", openalex="W1000002"), [theirs]).same == (7,)


def test_another_title_after_a_match_waits_for_a_person():
    decision = decide(a_record(OTHER_TITLE, doi="10.1000/a"), [a_work(7, doi="10.1000/a")])
    assert kinds(decision) == [(7, "different title")]
    assert decision.is_undecided
    assert repr(OTHER_TITLE) in decision.contradictions[0].detail


def test_a_record_that_bridges_two_works_makes_them_one():
    holders = [a_work(9, pmid="1"), a_work(7, doi="10.1000/a")]
    assert decide(a_record(doi="10.1000/a", pmid="1"), holders).same == (7, 9)


def test_works_that_contradict_each_other_are_not_bridged():
    bridge = a_record(doi="10.1000/a", openalex="W1000001")
    holders = [a_work(7, doi="10.1000/a", pmid="1"), a_work(9, openalex="W1000001", pmid="2")]
    decision = decide(bridge, holders)
    assert decision.same == (7,)
    assert kinds(decision) == [(9, "different pmid")]
    assert decision.claims == identifiers(doi="10.1000/a")


def test_works_of_different_titles_are_not_bridged_by_a_record_without_one():
    holders = [a_work(7, doi="10.1000/a"), a_work(9, OTHER_TITLE, pmid="1")]
    decision = decide(a_record(None, doi="10.1000/a", pmid="1"), holders)
    assert decision.same == (7,)
    assert kinds(decision) == [(9, "different title")]


def test_what_only_bibliographies_say_contradicts_no_record():
    decision = decide(
        a_record(doi="10.1000/a", pmid="1"), [mentioned(7, doi="10.1000/a", pmid="2")]
    )
    assert (decision.same, decision.contradictions) == ((7,), ())


some_ids = st.frozensets(
    st.builds(Identifier, st.sampled_from(Scheme), st.sampled_from(["1", "2"])), max_size=4
)


@given(some_ids, some_ids)
def test_contradiction_does_not_depend_on_the_side(a, b):
    assert (contradicting_ids(a, b) is None) == (contradicting_ids(b, a) is None)


@given(some_ids, st.lists(some_ids, max_size=3), st.randoms())
def test_a_decision_does_not_depend_on_the_order_of_holders(ours, held, random):
    record = WorkRecord(source="s", key="k", title=TITLE, identifiers=tuple(sorted(ours)))
    holders = [
        Holder(n, ids, (WorkRecord(source="s", key=str(n), title=TITLE),))
        for n, ids in enumerate(held, 1)
        if ids & ours
    ]
    decision = decide(record, holders)
    assert decide(record, random.sample(holders, len(holders))) == decision
    # Nobody is left out: each holder is the work, or contradicts it.
    assert {*decision.same, *(c.work_id for c in decision.contradictions)} == {
        h.work_id for h in holders
    }
