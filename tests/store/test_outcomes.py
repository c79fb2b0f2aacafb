"""Outcome definitions in the base, and outcomes that a person matches to them."""

from datetime import UTC, datetime

import pytest
from sqlmodel import Session, col, select

from graphs.schema import Node
from graphs.traverse import neighbors
from kb.errors import Conflict, InvalidInput, NotFound
from kb.models import tables as t
from kb.models.ids import Kind
from kb.outcomes.vocabulary import load_vocabulary, load_works
from kb.store import results
from kb.store.definitions import find_or_make_definition, store_vocabulary
from kb.store.engine import Store
from kb.store.listing import Asked
from kb.store.lookup import resolve_outcome
from kb.store.outcomes import confirm_match, open_outcomes, read_outcome, withdraw_match
from kb.store.works import read_work
from tests.builders import a_result, a_study, a_work, an_arm, an_outcome, kept, of_arm

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def outcome(session: Session, code: str):
    return read_outcome(session, resolve_outcome(session, code))


def counted(session: Session, code: str) -> int:
    return results.list_results(session, Asked(filter=f"outcome:{code}")).count


@pytest.fixture
def worded(session: Session):
    """An outcome as one registry entry words it, with one result."""
    study = a_study(session, conditions=["Multiple Sclerosis"])
    found = an_outcome(session, code=None, title="Absence of new T2 lesions at week 12")
    a_result(session, an_arm(session, study), outcome=found)
    return found


# -- the vocabulary in the base ------------------------------------------------------------------


def test_the_whole_vocabulary_is_brought_in_once(store: Store):
    assert store_vocabulary(store, NOW) == len(load_vocabulary())
    assert store_vocabulary(store, NOW) == 0
    with store.reading() as session:
        held = session.exec(select(t.OutcomeDefinition)).all()
    assert {row.code for row in held} == set(load_vocabulary())


def test_a_definition_held_from_an_older_vocabulary_is_brought_up_to_date(store: Store):
    with store.writing() as session:
        kept(session, t.OutcomeDefinition, code="EDSS", title="EDSS", high=9.5, version="1")
    store_vocabulary(store, NOW)
    with store.reading() as session:
        edss = outcome(session, "EDSS")
    assert edss.outcome.high == 10
    assert edss.unused == [0.5]
    assert edss.outcome.version == load_vocabulary()["EDSS"].version


def test_the_work_that_defines_the_scale_is_a_work_like_any_other(store: Store):
    with store.writing() as session:
        cited = a_work(session, doi="10.1212/wnl.33.11.1444", title="Rating neurologic impairment")
        number = cited.id
    store_vocabulary(store, NOW)
    with store.reading() as session:
        edss = outcome(session, "EDSS")
        works = len(session.exec(select(t.OutcomeWork)).all())
        around = neighbors(session, Node(Kind.OUTCOME, resolve_outcome(session, "EDSS")))
        work = read_work(session, number)
    assert [work.id for work in edss.defined_by] == [f"W{number}"]
    assert "EDSS" in [outcome.code for outcome in work.defines]
    assert works == sum(len(d.works) for d in load_vocabulary().values())
    assert "defined_by" in str(around)


def test_every_defining_work_becomes_a_described_work(plain_store: Store):
    store_vocabulary(plain_store, NOW)
    with plain_store.reading() as session:
        titles = set(session.exec(select(t.Work.title).where(col(t.Work.is_described))))
    assert {work.title for work in load_works().values()} <= titles


def test_a_definition_names_its_narrower_ones(plain_store: Store):
    store_vocabulary(plain_store, NOW)
    with plain_store.reading() as session:
        assert [v.code for v in outcome(session, "FSS").variants] == ["FSS_MEAN", "FSS_SUM"]


def test_a_code_of_a_curators_own_is_a_definition_without_a_range(session: Session):
    row = find_or_make_definition(session, "OUR_SCALE")
    assert (row.title, row.low, row.synonyms) == ("OUR_SCALE", None, None)


# -- matches -------------------------------------------------------------------------------------


def test_an_outcome_without_a_code_comes_with_what_it_may_be(session: Session, worded):
    found = read_outcome(session, worded.id)
    assert found.match is None
    assert [(s.code, s.category) for s in found.suggested] == [("T2_NEW", "complement")]
    assert 0.4 <= found.suggested[0].confidence < 1


def test_a_suggestion_alone_changes_nothing(session: Session, worded):
    find_or_make_definition(session, "T2_NEW")
    assert counted(session, "T2_NEW") == 0


def test_a_confirmed_match_brings_the_results_under_the_code(session: Session, worded):
    confirm_match(session, worded.id, "T2_NEW", by="A. Reviewer", why="protocol", now=NOW)
    page = results.list_results(session, Asked(filter="outcome:T2_NEW"))
    (result,) = page.results
    assert page.count == 1
    assert result.outcome.code is None
    assert result.match is not None
    assert result.match.definition.code == "T2_NEW"
    assert result.match.confirmed_by == "A. Reviewer"
    assert result.match.confidence is not None
    assert results.list_results(session, Asked(filter="outcome:!T2_NEW")).count == 0


def test_the_direction_of_a_matched_result_follows_from_the_side_counted(session, worded):
    confirm_match(session, worded.id, "T2_NEW", by="A. Reviewer", now=NOW)
    (result,) = results.list_results(session, Asked()).results
    assert load_vocabulary()["T2_NEW"].better == "lower"
    assert result.better == "higher"  # without new lesions


def test_counts_of_an_outcome_are_those_its_filter_delivers(session: Session, worded):
    confirm_match(session, worded.id, "T2_NEW", by="A. Reviewer", now=NOW)
    found = outcome(session, "T2_NEW")
    assert (found.results, found.studies) == (counted(session, "T2_NEW"), 1)
    assert [m.outcome.id for m in found.matched] == [f"O{worded.id}"]
    listed = results.list_outcomes(session, Asked(filter="results:>0,code:T2_NEW")).results
    assert [summary.results for summary in listed] == [1]


def test_a_match_is_withdrawn_and_the_outcome_open_again(session: Session, worded):
    confirm_match(session, worded.id, "T2_NEW", by="A. Reviewer", now=NOW)
    assert open_outcomes(session) == []
    withdraw_match(session, worded.id)
    assert counted(session, "T2_NEW") == 0
    assert [one.outcome.id for one in open_outcomes(session)] == [f"O{worded.id}"]
    with pytest.raises(NotFound, match="not matched"):
        withdraw_match(session, worded.id)


def test_what_was_never_suggested_can_be_confirmed_and_says_so(session: Session, worded):
    match = confirm_match(session, worded.id, "EDSS", by="A. Reviewer", why="misnamed", now=NOW)
    assert (match.confidence, match.basis, match.why) == (None, None, "misnamed")


def test_a_second_opinion_needs_the_first_withdrawn(session: Session, worded):
    confirm_match(session, worded.id, "T2_NEW", by="A. Reviewer", now=NOW)
    with pytest.raises(Conflict, match=r"matched to T2_NEW by A\. Reviewer"):
        confirm_match(session, worded.id, "T2_VOL", by="B. Reviewer", now=NOW)
    again = confirm_match(session, worded.id, "T2_NEW", by="B. Reviewer", now=NOW)
    assert again.confirmed_by == "B. Reviewer"


@pytest.mark.parametrize(
    ("code", "by", "category", "message"),
    [
        pytest.param("NOTHING", "A", None, "no outcome 'NOTHING'", id="unknown code"),
        pytest.param("T2_NEW", " ", None, "expected a name", id="nobody"),
        pytest.param("T2_NEW", "A", "halved", "category is 'halved'", id="unknown side"),
    ],
)
def test_a_match_that_cannot_be_is_refused(session, worded, code, by, category, message):
    with pytest.raises(InvalidInput, match=message):
        confirm_match(session, worded.id, code, by=by, category=category, now=NOW)


def test_an_outcome_with_a_code_is_not_matched_to_another(session: Session):
    edss = an_outcome(session)
    with pytest.raises(InvalidInput, match="is EDSS already"):
        confirm_match(session, edss.id, "T2_NEW", by="A", now=NOW)


# -- arms by normal forms ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        pytest.param("route:IV", 1, id="acronym"),
        pytest.param("route:i.t.", 1, id="among others"),
        pytest.param("route:!IT", 0, id="not"),
        pytest.param("route:intra-articular", 0, id="another route"),
        pytest.param("tissue:umbilical cord", 1, id="a part of it"),
        pytest.param('tissue:"Wharton\'s jelly"', 1, id="as reported"),
        pytest.param("tissue:BM", 0, id="another tissue"),
        pytest.param("donor:allogenic", 1, id="other spelling"),
    ],
)
def test_arms_are_found_by_what_their_words_mean(session: Session, asked: str, count: int):
    arm = an_arm(session, a_study(session))
    of_arm(session, arm, t.CellProduct, tissue="Wharton's jelly", donor="allogeneic")
    of_arm(session, arm, t.DoseEvent, route="intrathecal, then intravenous")
    a_result(session, arm)
    assert results.list_results(session, Asked(filter=asked)).count == count
