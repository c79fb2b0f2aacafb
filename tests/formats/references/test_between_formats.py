"""What two formats can both say survives the way from one into the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.formats.references.formats import FORMATS, recognise
from kb.identity.identifiers import identifiers
from kb.models.identifiers import Scheme
from kb.models.records import AuthorClaim, VenueClaim, WorkRecord, WorkType
from tests.formats.references.work_records import articles, others, records_in, written

NAMES: Final = tuple(format.name for format in FORMATS)


def _id(scheme: Scheme) -> Callable[[WorkRecord], Any]:
    return lambda work: [i.value for i in work.identifiers if i.scheme is scheme]


def _venue(name: str) -> Callable[[WorkRecord], Any]:
    return lambda work: getattr(work.venue or VenueClaim(), name)


def _person(author: AuthorClaim) -> tuple[str | None, ...]:
    return (author.family, author.given, author.suffix, author.collective, author.name)


ASPECTS: Final[dict[str, Callable[[WorkRecord], Any]]] = {
    "type": lambda work: work.type,
    "title": lambda work: work.title,
    "abstract": lambda work: " ".join(section.text for section in work.abstract),
    "authors": lambda work: [_person(author) for author in work.authors],
    "editors": lambda work: [_person(c.person) for c in work.contributors if c.role == "editor"],
    "published": lambda work: work.published,
    "year": lambda work: (work.published or "")[:4],
    "venue": _venue("name"),
    "abbreviation": _venue("abbreviation"),
    "issns": lambda work: sorted(_venue("issns")(work)),
    "publisher": _venue("publisher"),
    "volume": lambda work: work.volume,
    "issue": lambda work: work.issue,
    "pages": lambda work: work.pages,
    "language": lambda work: work.language,
    "keywords": lambda work: sorted(c.label for c in work.concepts if c.scheme == "keyword"),
    "doi": _id(Scheme.DOI),
    "pmid": _id(Scheme.PMID),
    "pmcid": _id(Scheme.PMCID),
    "label": lambda work: work.label,
    "urls": lambda work: sorted(work.urls),
    "notes": lambda work: work.notes,
    "series": lambda work: work.series,
    "edition": lambda work: work.edition,
    "place": lambda work: work.place,
    "event": lambda work: work.event,
    "isbns": lambda work: sorted(work.isbns),
    "short title": lambda work: work.short_title,
}
# What a format has no place for, by its own description.
CANNOT_SAY: Final[dict[str, frozenset[str]]] = {
    # Whole names, dates filled up with 01, and nothing about books.
    "openalex-json": frozenset(
        {"authors", "editors", "published", "abbreviation", "notes", "series", "edition"}
        | {"place", "event", "isbns"}
    ),
}


def differences(before: WorkRecord, after: WorkRecord, *ways: str) -> dict[str, tuple[Any, Any]]:
    """What of a work is not as it was after a way through formats that all can say it."""
    cannot = frozenset[str]().union(*(CANNOT_SAY.get(way, ()) for way in ways))
    return {
        aspect: (told(before), told(after))
        for aspect, told in ASPECTS.items()
        if aspect not in cannot and told(before) != told(after)
    }


@pytest.mark.parametrize("first", NAMES)
@settings(max_examples=3, deadline=None)
@given(work=st.one_of(articles, others))
def test_a_work_goes_from_every_format_into_every_other(first, work):
    (once,) = records_in(first, written(first, [work]))
    assert differences(work, once, first) == {}
    for second in NAMES:
        (twice,) = records_in(second, written(second, [once]))
        assert differences(work, twice, first, second) == {}, (first, second)


CHAIN: Final = (
    *("ris", "bibtex", "biblatex", "csl-json", "endnote-xml", "isi", "refer", "nbib"),
    *("pubmed-xml", "crossref-json", "csv", "xlsx", "ris"),
)


@settings(max_examples=10, deadline=None)
@given(works=st.lists(st.one_of(articles, others), min_size=1, max_size=3))
def test_works_go_all_the_way_round(works):
    found = works
    for name in CHAIN:
        found = records_in(name, written(name, found))
    for before, after in zip(works, found, strict=True):
        assert differences(before, after, *CHAIN) == {}


ODD: Final = {
    "ten thousand characters": "Stromal cells " * 700 + "end",
    "right to left": "خلايا جذعية وسيطة (MSC) in מחלה",
    "emoji": "Cells 🧬 and 👩🏽‍🔬 in 日本語, ½ of 10⁶",
    "non-breaking spaces": "10\u00a0mg of cells",
    "marks": "{α} & <β> \\ % $ # _ ^ ~ \"q\" 'r' -- --- @ ; | , : /* */ [x] =",
    "combining": "e\u0301 a\u0308 is not é ä",
    "looks like a mark": "TY  - is a tag, @article{ too, %T and PMID- as well",
    "figures alone": "1984",
}


@pytest.mark.parametrize("title", ODD.values(), ids=ODD)
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_title_comes_back_as_it_was(name, title):
    if "\u00a0" in title and name in ("crossref-json", "openalex-json", "pubmed-xml"):
        title = title.replace("\u00a0", " ")  # as everything these sources deliver is read
    work = WorkRecord(source="a file", key="", label="a1", title=title, type=WorkType.ARTICLE)
    (read,) = records_in(name, written(name, [work]))
    assert re.sub(" +", " ", read.title or "") == re.sub(" +", " ", title)
    assert read.label == "a1"


@pytest.mark.parametrize("name", NAMES)
def test_five_thousand_authors_come_back_in_their_order(name):
    authors = tuple(AuthorClaim(family=f"Author{n}", given="Ann B") for n in range(5000))
    work = WorkRecord(source="a file", key="", label="a1", title="A title", authors=authors)
    (read,) = records_in(name, written(name, [work]))
    if name == "openalex-json":
        authors = tuple(AuthorClaim(name=f"{a.given} {a.family}") for a in authors)
    assert [_person(a) for a in read.authors] == [_person(a) for a in authors]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_written_is_recognised_as_its_format(name):
    work = WorkRecord(
        source="a file",
        key="",
        label="a1",
        title="A title",
        type=WorkType.ARTICLE,
        identifiers=identifiers(doi="10.1000/a"),
    )
    found = recognise(written(name, [work]), None).name
    # An entry without any field of BibLaTeX's own is both.
    assert found == name or {found, name} == {"bibtex", "biblatex"}
