"""Records without strong identifiers find their work by what they say, in any order."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from kb.models import tables as t
from kb.models.dates import partial_date
from kb.models.records import VenueClaim, WorkRecord, WorkType
from kb.store.engine import Store
from tests.store.identity_scene import OTHER, described, partition
from tests.store.saves import dump, ids, references, rows_of, save, save_each, undone


def test_a_record_without_identifiers_joins_the_work_it_describes(session: Session) -> None:
    (held,) = save(session, described("pubmed", "1", identifiers=ids(pmid="1", doi="10.1000/a")))
    (come,) = save(session, described("my library", "x", volume=None, issue=None))
    assert come.work_id == held.work_id
    assert not come.unsure


def test_identifiers_come_to_a_work_that_had_none(session: Session) -> None:
    (held,) = save(session, described("my library", "x"))
    (come,) = save(session, described("pubmed", "1", identifiers=ids(pmid="1", doi="10.1000/a")))
    assert come.work_id == held.work_id
    assert {(i.scheme, i.value) for i in rows_of(session, t.WorkIdentifier)} == {
        ("doi", "10.1000/a"),
        ("pmid", "1"),
    }


def test_works_with_identifiers_of_their_own_are_proposed_and_not_joined(session: Session) -> None:
    one, other = save(
        session,
        described("crossref", "1", identifiers=ids(doi="10.1000/a")),
        described("pubmed", "1", identifiers=ids(pmid="1")),
    )
    assert one.work_id != other.work_id
    assert other.unsure
    (pair,) = rows_of(session, t.IdentityPair)
    assert pair.verdict == "unsure"
    assert "identifiers of its own" in pair.reason


def test_two_dois_are_never_joined_by_a_record_that_fits_both(session: Session) -> None:
    saved = save(
        session,
        described("crossref", "1", identifiers=ids(doi="10.1000/a")),
        described("my library", "x"),
        described("crossref", "2", identifiers=ids(doi="10.1000/b")),
    )
    assert len({s.work_id for s in saved}) >= 2
    assert partition(session) == {
        frozenset({"crossref 1"}),
        frozenset({"crossref 2"}),
        frozenset({"my library x"}),
    }


def test_a_preprint_is_linked_to_its_article_and_not_joined(session: Session) -> None:
    preprint = described(
        "crossref",
        "p",
        identifiers=ids(doi="10.1101/2011.01.01.123456"),
        type=WorkType.PREPRINT,
        venue=VenueClaim(name="bioRxiv"),
        volume=None,
        issue=None,
        pages=None,
        published=partial_date(2011),
    )
    article = described("pubmed", "1", identifiers=ids(pmid="1", doi="10.1000/a"))
    one, other = save(session, preprint, article)
    assert one.work_id != other.work_id
    (pair,) = rows_of(session, t.IdentityPair)
    assert (pair.verdict, bool(pair.link)) == ("linked", True)


LIBRARY: tuple[WorkRecord, ...] = (
    described("crossref", "1", identifiers=ids(doi="10.1000/a")),
    described("pubmed", "1", identifiers=ids(doi="10.1000/a", pmid="1")),
    described("my library", "x"),
    described("their library", "y", pages=None),
)


@pytest.mark.parametrize("other_doi", [False, True], ids=["one DOI", "another DOI besides"])
def test_the_order_of_arrival_changes_nothing(plain_store: Store, other_doi: bool) -> None:
    arriving = LIBRARY
    if other_doi:
        arriving = (*LIBRARY[1:], described("crossref", "2", identifiers=ids(doi="10.1000/b")))
    seen = set()
    for order in permutations(arriving):
        with undone(plain_store) as session:
            save(session, *order)
            seen.add(frozenset(partition(session)))
    assert len(seen) == 1


@st.composite
def libraries(draw: st.DrawFn) -> list[WorkRecord]:
    """Records about two articles, poor and rich, with and without identifiers."""
    records = []
    for n in range(draw(st.integers(2, 6))):
        is_other = draw(st.booleans())
        given_: dict[str, Any] = {"title": OTHER, "volume": "30"} if is_other else {}
        given_["pages"] = draw(st.sampled_from([None, "150-156", "7-9"]))
        given_["issue"] = draw(st.sampled_from([None, "2"]))
        if not draw(st.booleans()):
            given_["venue"] = None
        names = draw(
            st.sampled_from([{}, {"doi": "10.1000/a"}, {"pmid": "1"}, {"doi": "10.1000/b"}])
        )
        given_["identifiers"] = ids(**names)
        records.append(described("file", str(n), **given_))
    return records


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=libraries(), random=st.randoms(use_true_random=False))
def test_which_records_are_one_work_does_not_depend_on_order(
    plain_store: Store, records: list[WorkRecord], random: Any
) -> None:
    # Whom a contested identifier stays with is decided by who came first, and said so.
    seen = set()
    for _ in range(3):
        with undone(plain_store) as session:
            save(session, *random.sample(records, len(records)))
            if rows_of(session, t.IdentityConflict):
                return
            seen.add(frozenset(partition(session)))
    assert len(seen) == 1


def test_the_same_records_again_write_nothing(plain_store: Store) -> None:
    save_each(plain_store, LIBRARY)
    with plain_store.reading() as session:
        before = dump(session)
    save_each(plain_store, LIBRARY)
    with plain_store.reading() as session:
        assert dump(session) == before


def test_a_record_that_says_something_else_leaves_the_work(session: Session) -> None:
    held, come = save(
        session,
        described("pubmed", "1", identifiers=ids(pmid="1", doi="10.1000/a")),
        described("my library", "x"),
    )
    assert come.work_id == held.work_id
    changed = described(
        "my library", "x", title=OTHER, volume="30", pages="7-9", published=partial_date(2019)
    )
    (left,) = save(session, changed)
    assert left.work_id not in (None, held.work_id)
    assert partition(session) == {frozenset({"pubmed 1"}), frozenset({"my library x"})}


def test_a_record_that_comes_to_contradict_its_work_leaves_it(session: Session) -> None:
    held, come = save(
        session,
        described("pubmed", "1", identifiers=ids(pmid="1", doi="10.1000/a")),
        described("my library", "x"),
    )
    assert come.work_id == held.work_id
    named = described("my library", "x", title=OTHER, identifiers=ids(doi="10.1000/b"))
    (left,) = save(session, named)
    assert left.work_id not in (None, held.work_id)
    names = {i.value: i.work_id for i in rows_of(session, t.WorkIdentifier)}
    assert names == {"1": held.work_id, "10.1000/a": held.work_id, "10.1000/b": left.work_id}


def test_a_work_that_gains_a_contradicting_record_loses_what_joined_it_by_words(
    plain_store: Store,
) -> None:
    arriving = (
        described("file", "0", pages="7-9", identifiers=ids(pmid="1")),
        described("file", "2", venue=None, pages="7-9", issue=None),
        described("file", "3", title=OTHER, volume="30", identifiers=ids(pmid="1")),
    )
    seen = set()
    for order in permutations(arriving):
        with undone(plain_store) as session:
            save(session, *order)
            seen.add(frozenset(partition(session)))
    assert len(seen) == 1


def test_what_was_found_by_an_identifier_follows_it(session: Session) -> None:
    a, b = ids(doi="10.1000/a"), ids(doi="10.1000/b")
    held, _ = save(
        session,
        described("crossref", "1", identifiers=a),
        described(
            "crossref",
            "citing",
            identifiers=ids(doi="10.1000/c"),
            title=OTHER,
            references=references(a),
        ),
    )
    save(session, described("crossref", "1", identifiers=b))
    (line,) = rows_of(session, t.Reference)
    owner = {i.value: i.work_id for i in rows_of(session, t.WorkIdentifier)}
    assert owner["10.1000/b"] == held.work_id
    assert line.cited_id == owner["10.1000/a"] != held.work_id
    assert [c.cited_id for c in rows_of(session, t.Cites)] == [line.cited_id]


def test_the_number_of_a_work_whose_only_record_goes_is_another_name_of_where_it_goes(
    session: Session,
) -> None:
    alone, held = save(
        session,
        described("my library", "x", title=OTHER, identifiers=ids(doi="10.1000/a")),
        described("pubmed", "1", identifiers=ids(pmid="1")),
    )
    assert alone.work_id != held.work_id
    save(session, described("my library", "x", identifiers=ids(pmid="1")))
    assert session.get_one(t.Work, alone.work_id).merged_into_id == held.work_id
