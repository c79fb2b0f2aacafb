"""A title is asked after every match by identifier; it may forbid, never join."""

import pytest

from kb.identity.titles import may_be_one, titles_agree
from kb.models.dates import PartialDate
from kb.models.records import AuthorClaim, WorkRecord

SEED = "Short term outcomes of mesenchymal stromal cells in progressive multiple sclerosis"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(SEED, SEED.upper() + ".", id="case and full stop"),
        pytest.param(SEED, SEED + ": a phase I study", id="subtitle"),
        pytest.param(SEED, "RETRACTED: " + SEED, id="retracted"),
        pytest.param(SEED, "RETRACTED ARTICLE - " + SEED, id="retracted article"),
        pytest.param(SEED, "Correction to: " + SEED, id="correction notice"),
        pytest.param("Effect of CD4⁺ T cells", "Effect of CD4+ T cells", id="superscript"),
        pytest.param("Die Wirkung von Müller-Zellen", "Die Wirkung von Muller Zellen", id="umlaut"),
        pytest.param("???", SEED, id="nothing to compare"),
    ],
)
def test_ways_of_writing_one_title_agree(a, b):
    assert titles_agree(a, b)
    assert titles_agree(b, a)


@pytest.mark.parametrize(
    "other",
    [
        "Pluripotency of mesenchymal stem cells derived from adult marrow",
        "Randomised trial of interferon beta in relapsing disease",
    ],
)
def test_titles_of_other_works_do_not_agree(other):
    assert not titles_agree(SEED, other)


def a_record(title: str | None, family: str | None = None, year: str | None = None, **given):
    authors = (AuthorClaim(family=family),) if family else ()
    date = PartialDate(year) if year else None
    return WorkRecord(
        source="crossref", key="1", title=title, authors=authors, published=date, **given
    )


SWEDISH = "Kortsiktiga resultat vid progressiv sjukdom"


def test_a_translated_title_is_forgiven_for_the_same_first_author_and_year():
    ours, theirs = a_record(SEED, "Iacobaeus", "2019-12"), a_record(SWEDISH, "Iacobæus", "2020")
    assert not may_be_one(ours, theirs)  # æ is another letter than ae
    assert may_be_one(ours, a_record(SWEDISH, "IACOBAEUS", "2020"))
    assert not may_be_one(ours, a_record(SWEDISH, "Iacobaeus", "2022"))
    assert not may_be_one(ours, a_record(SWEDISH, "Iacobaeus"))


def test_an_original_title_counts_as_much_as_its_translation():
    assert may_be_one(a_record(SEED, original_title=SWEDISH), a_record(SWEDISH))


def test_a_missing_title_contradicts_nothing():
    assert may_be_one(a_record(None), a_record(SEED))
