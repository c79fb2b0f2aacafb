"""Which sightings are one notice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.identity.identifiers import identifiers
from kb.identity.notices import Sighting, close, earliest, group_notices
from kb.models.dates import PartialDate
from kb.models.records import NoticeKind


def seen(by: str, work: int | None = None, date: str | None = None, **ids: str) -> Sighting:
    return Sighting(
        key=(by,),
        notice_work=work,
        names=frozenset(identifiers(**ids)),
        date=PartialDate(date) if date else None,
    )


def groups(kind: NoticeKind, *sightings: Sighting) -> list[list[str]]:
    return sorted(sorted(s.key[0] for s in group) for group in group_notices(kind, sightings))


def test_those_that_name_one_notice_are_one_whatever_their_dates():
    a = seen("crossref", 1, "2010-01-01", doi="10.1000/n")
    b = seen("retraction watch", 1, "2012-01-01", doi="10.1000/n")
    assert groups(NoticeKind.CORRECTION, a, b) == [["crossref", "retraction watch"]]


def test_two_corrections_with_notices_of_their_own_stay_two():
    a, b = seen("a", 1, "2010-01-01", doi="10.1000/n"), seen("b", 2, "2010-01-02", pmid="2")
    assert groups(NoticeKind.CORRECTION, a, b) == [["a"], ["b"]]


def test_a_retraction_named_by_doi_here_and_by_pmid_there_is_one():
    a, b = seen("a", 1, "2010-01-01", doi="10.1000/n"), seen("b", 2, pmid="2")
    assert groups(NoticeKind.RETRACTION, a, b) == [["a", "b"]]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(seen("a", 1, doi="10.1000/n"), seen("b", 2, doi="10.1000/m"), id="two DOIs"),
        pytest.param(
            seen("a", 1, "2010-01-01", doi="10.1000/n"),
            seen("b", 2, "2015-01-01", pmid="2"),
            id="years apart",
        ),
    ],
)
def test_retractions_that_are_plainly_two_stay_two(a, b):
    assert groups(NoticeKind.RETRACTION, a, b) == [["a"], ["b"]]


def test_a_sighting_without_a_name_joins_the_notice_of_its_time():
    early, late = seen("a", 1, "2010-01-01"), seen("b", 2, "2015-01-01")
    assert groups(NoticeKind.CORRECTION, early, late, seen("c", None, "2015-02-01")) == [
        ["a"],
        ["b", "c"],
    ]


@pytest.mark.parametrize(
    ("a", "b", "may_be_one"),
    [
        ("2010-01-01", "2010-02-20", True),
        ("2010-01-01", "2010-04-01", False),
        ("2010", "2010-04-01", True),
        ("2010-03", "2010-04-01", False),
        (None, "2010", True),
    ],
)
def test_dates_weeks_apart_may_be_one_event(a, b, may_be_one):
    assert close(a, b) is close(b, a) is may_be_one


def test_the_date_of_a_notice_is_the_first_and_the_most_precise_where_that_is_open():
    assert earliest([seen("a", date="2010"), seen("b", date="2010-05"), seen("c")]) == "2010-05"


sightings = st.lists(
    st.builds(
        seen,
        st.sampled_from("abc"),
        st.sampled_from([1, 2, None]),
        st.sampled_from(["2010", "2010-01-01", "2010-02-20", "2010-04-01", None]),
    ),
    max_size=6,
)


@given(st.sampled_from(NoticeKind), sightings, st.randoms())
def test_any_order_of_sightings_gives_the_same_notices(kind, given_, random):
    def told(one: Any) -> list[str]:
        return sorted(repr(sorted(map(repr, group))) for group in group_notices(kind, one))

    assert told(random.sample(given_, len(given_))) == told(given_)
    assert sum(map(len, group_notices(kind, given_))) == len(given_)
