"""Retractions, corrections and concerns, as several sources tell of them."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from sqlmodel import Session

from kb.models import tables as t
from kb.models.records import NoticeKind, WorkRecord
from kb.store.engine import Store
from tests.store.saves import a_record, ids, notice, rows_of, save, undone

PAPER, NOTICE = ids(doi="10.1000/paper", pmid="1"), ids(doi="10.1000/notice", pmid="2")


def of_paper(source: str, *told: object, **given: object) -> WorkRecord:
    return a_record(source, "paper", identifiers=PAPER, notices=told, **given)


def of_notice(source: str, *told: object) -> WorkRecord:
    return a_record(source, "notice", title="Retraction notice", identifiers=NOTICE, notices=told)


def is_retracted(session: Session) -> bool:
    (held,) = rows_of(session, t.WorkIdentifier, value="10.1000/paper")
    session.expire_all()
    return session.get_one(t.Work, held.work_id).is_retracted


def notices(session: Session) -> list[tuple[str, str | None, int]]:
    """(kind, date, number of assertions) of each."""
    return sorted(
        (n.kind, n.date, len(rows_of(session, t.NoticeAssertion, notice_id=n.id)))
        for n in rows_of(session, t.Notice)
    )


def test_a_retraction_seen_twice_is_one_notice(session: Session) -> None:
    publisher = notice(other=NOTICE, date="2020-01-01", asserted_by="publisher")
    watch = notice(other=NOTICE, date="2020-01-20", asserted_by="retraction-watch")
    save(session, of_paper("crossref", publisher, watch))
    assert notices(session) == [("retraction", "2020-01-01", 2)]


def test_a_retraction_seen_by_two_sources_is_one_notice(session: Session) -> None:
    named = notice(other=NOTICE[:1], date="2020-01-01")
    unnamed = notice(date="2020-02-10", asserted_by="nlm")
    save(session, of_paper("crossref", named), of_paper("europepmc", unnamed))
    assert notices(session) == [("retraction", "2020-01-01", 2)]


def test_two_corrections_stay_two(session: Session) -> None:
    first = notice(NoticeKind.CORRECTION, ids(doi="10.1000/n1"), "2020-01-01")
    second = notice(NoticeKind.CORRECTION, ids(doi="10.1000/n2"), "2020-01-02")
    save(session, of_paper("crossref", first, second), of_paper("europepmc", second, first))
    assert notices(session) == [
        ("correction", "2020-01-01", 2),
        ("correction", "2020-01-02", 2),
    ]


def test_either_record_tells_the_direction(session: Session) -> None:
    save(
        session,
        of_notice("crossref", notice(is_about_self=False, other=PAPER)),
        of_paper("pubmed", notice(other=NOTICE)),
    )
    (row,) = rows_of(session, t.Notice)
    (paper,) = rows_of(session, t.WorkIdentifier, value="10.1000/paper")
    (by,) = rows_of(session, t.WorkIdentifier, value="10.1000/notice")
    assert (row.work_id, row.notice_work_id) == (paper.work_id, by.work_id)
    assert is_retracted(session)
    assert not session.get_one(t.Work, by.work_id).is_retracted


def test_a_notice_about_itself_is_none(session: Session) -> None:
    save(session, of_paper("crossref", notice(other=PAPER)))
    assert notices(session) == []
    assert not is_retracted(session)


def test_a_notice_about_a_work_nobody_named_is_none(session: Session) -> None:
    save(session, of_notice("crossref", notice(is_about_self=False)))
    assert notices(session) == []


@pytest.mark.parametrize(
    ("kind", "retracts"),
    [
        (NoticeKind.RETRACTION, True),
        (NoticeKind.WITHDRAWAL, True),
        (NoticeKind.REMOVAL, True),
        (NoticeKind.PARTIAL_RETRACTION, False),
        (NoticeKind.CONCERN, False),
        (NoticeKind.CORRECTION, False),
        (NoticeKind.REINSTATEMENT, False),
    ],
)
def test_only_what_takes_a_work_back_makes_it_retracted(
    session: Session, kind: NoticeKind, retracts: bool
) -> None:
    save(session, of_paper("crossref", notice(kind, NOTICE, "2020")))
    assert is_retracted(session) is retracts


def test_a_bare_flag_never_makes_a_work_retracted(session: Session) -> None:
    save(session, of_paper("openalex", is_flagged_retracted=True))
    assert not is_retracted(session)
    (work,) = rows_of(session, t.Work)
    assert work.is_flagged_retracted


@pytest.mark.parametrize(
    ("retracted", "reinstated", "stands"),
    [
        pytest.param("2020-01-01", "2021-01-01", False, id="later"),
        pytest.param("2020-01-01", "2019-01-01", True, id="earlier: it was retracted again"),
        pytest.param(None, "2021", False, id="retraction without a date"),
        pytest.param("2020-01-01", None, True, id="reinstatement without a date"),
    ],
)
def test_a_later_reinstatement_reverses_a_retraction(
    store: Store, retracted: str | None, reinstated: str | None, stands: bool
) -> None:
    told = (
        of_paper("crossref", notice(date=retracted)),
        of_paper("pubmed", notice(NoticeKind.REINSTATEMENT, date=reinstated)),
    )
    for order in permutations(told):
        with undone(store) as session:
            save(session, *order)
            assert is_retracted(session) is stands


def test_a_retraction_its_source_takes_back_is_gone(session: Session) -> None:
    save(session, of_paper("crossref", notice(other=NOTICE)), of_paper("crossref"))
    assert notices(session) == []
    assert not is_retracted(session)


def test_a_retraction_one_of_two_sources_takes_back_stands(session: Session) -> None:
    told = notice(other=NOTICE)
    save(session, of_paper("crossref", told), of_paper("pubmed", told), of_paper("crossref"))
    assert notices(session) == [("retraction", None, 1)]
    assert is_retracted(session)


def test_a_notice_named_by_doi_and_by_pmid_is_one_when_its_record_says_so(store: Store) -> None:
    """In whatever order the three come."""
    told: Sequence[WorkRecord] = (
        of_paper("crossref", notice(NoticeKind.CORRECTION, NOTICE[:1], "2020-01-01")),
        of_paper("pubmed", notice(NoticeKind.CORRECTION, NOTICE[1:])),
        of_notice("europepmc"),
    )
    for order in permutations(told):
        with undone(store) as session:
            save(session, *order)
            assert notices(session) == [("correction", "2020-01-01", 2)]


def test_sightings_a_chain_of_weeks_apart_are_counted_alike_in_any_order(store: Store) -> None:
    dates = ("2020-01-01", "2020-02-20", "2020-04-10")
    told = [
        of_paper(source, notice(date=date))
        for source, date in zip(("crossref", "pubmed", "europepmc"), dates)
    ]
    found = set()
    for order in permutations(told):
        with undone(store) as session:
            save(session, *order)
            found.add(tuple(notices(session)))
    assert found == {(("retraction", "2020-01-01", 2), ("retraction", "2020-04-10", 1))}


def test_a_notice_keeps_its_id_when_another_source_tells_of_it(session: Session) -> None:
    save(session, of_paper("pubmed", notice(other=NOTICE)))
    (before,) = rows_of(session, t.Notice)
    save(session, of_paper("crossref", notice(other=NOTICE, date="2020-01-01")))
    (after,) = rows_of(session, t.Notice)
    assert (after.id, after.date) == (before.id, "2020-01-01")
