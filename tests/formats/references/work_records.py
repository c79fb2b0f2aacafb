"""Records as reading well-formed files gives them, for laws of reading and writing."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from kb.formats.references.formats import by_name
from kb.formats.references.reading import FileRecord, Read
from kb.identity.identifiers import identifiers, normalize_issn
from kb.models.dates import partial_date
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    VenueClaim,
    WorkRecord,
    WorkType,
)

# What formats use as marks, what keyboards in other places give, and what fonts lack.
_MARKS = "{}[]()<>&%$#@\\\"'`,;:|/~^_*=+-–—.?!0123456789"
_LETTERS = "abcxyzABCXYZäöüßéñçøåłžŞığαβγдЖעברשלוםمرحبا汉字日本한국"
_OTHER = "€™°±≤½²₃→∞😀🧬👩‍🔬\u0301"
letters = st.text(alphabet=_LETTERS, min_size=2, max_size=12)
words = st.text(alphabet=_LETTERS * 3 + _MARKS + _OTHER, min_size=1, max_size=12)


def _has_letter(text: str) -> bool:
    return any(c.isalpha() for c in text)


prose = st.lists(words, min_size=1, max_size=8).map(" ".join).filter(_has_letter)
"""Text on one line with single spaces, in which anything may stand."""
titles = prose.filter(lambda text: not text.endswith(".") and not text.startswith("["))
"""PubMed adds a full stop and puts translations into brackets; its readers take both off."""
names = st.lists(letters, min_size=1, max_size=2).map(" ".join)
keys = st.text(alphabet="abcxyzABCXYZ0123456789", min_size=1, max_size=12)
numbers = st.integers(1, 9999).map(str)
dates = st.builds(
    partial_date,
    st.integers(1000, 2999),
    st.none() | st.integers(1, 12),
    st.none() | st.integers(1, 31),
)
dois = st.builds(
    "10.{}/{}".format,
    st.integers(1000, 99999),
    st.text(alphabet="abcxyz0123456789._-()/", min_size=1, max_size=12).map(lambda s: f"a{s}z"),
)
issns = st.integers(1_000_000, 9_999_999).map(
    lambda n: next(i for c in "0123456789X" if (i := normalize_issn(f"{n}{c}")))
)
# A name of one word may be a group's; formats without a mark for it cannot tell.
people = st.builds(AuthorClaim, family=names, given=names)
groups = st.builds(AuthorClaim, collective=names.map(lambda name: f"{name} Study Group"))
urls = st.builds("https://example.org/{}?q={}&r=1".format, keys, keys)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def several(strategy: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=most, unique=True).map(tuple)


markup_like = st.sampled_from(
    ["p < 0.05 & q > 1", "a <b> c", "&lt;i&gt;", "x &amp;amp; y", "</p>text", "R&D", "&#60;"]
)
"""Text that a reader of markup could take for markup."""

_ids = st.builds(
    identifiers,
    doi=optional(dois),
    pmid=optional(st.integers(1, 99_999_999)),
    pmcid=optional(st.integers(1, 99_999_999).map("PMC{}".format)),
)
_venues = st.builds(
    VenueClaim,
    name=prose,
    abbreviation=optional(names),
    issns=several(issns, 2),
    publisher=optional(prose),
)
_pages = st.tuples(st.integers(1, 999), st.integers(1, 999)).map(
    lambda pair: f"{pair[0]}-{pair[0] + pair[1]}"
)

articles = st.builds(
    WorkRecord,
    source=st.just("a file"),
    key=st.just(""),
    identifiers=_ids,
    title=titles,
    abstract=several(st.builds(AbstractSection, text=prose), 1),
    type=st.just(WorkType.ARTICLE),
    published=dates,
    venue=_venues,
    volume=optional(numbers),
    issue=optional(numbers),
    pages=optional(_pages),
    language=optional(st.sampled_from(["en", "de", "fr", "zh"])),
    authors=several(people | groups, 4),
    concepts=several(
        st.builds(ConceptClaim, scheme=st.just("keyword"), label=letters.map(str.casefold))
    ),
    label=keys,
    contributors=several(st.builds(ContributorClaim, role=st.just("editor"), person=people), 2),
    isbns=st.just(()),
    urls=several(urls, 1),
    notes=several(prose, 1),
)
"""Articles with all that most formats carry."""

_roles = several(st.builds(ContributorClaim, role=st.just("editor"), person=people), 2)
_in_books = st.builds(VenueClaim, name=prose, publisher=optional(prose))
_by_itself = st.builds(VenueClaim, publisher=prose)
_isbns = several(st.sampled_from(["9780470699515", "9783030006679", "9780306406157"]), 1)


def _book_like(kind: WorkType, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[WorkRecord]:
    common: dict[str, st.SearchStrategy[Any]] = {
        "source": st.just("a file"),
        "key": st.just(""),
        "identifiers": st.builds(identifiers, doi=optional(dois)),
        "title": titles,
        "type": st.just(kind),
        "published": dates,
        "authors": several(people, 3),
        "label": keys,
        "place": optional(names),
        "venue": _by_itself,
    }
    return st.builds(WorkRecord, **(common | more))


books = _book_like(
    WorkType.BOOK,
    isbns=_isbns,
    edition=optional(numbers),
    series=optional(prose),
    contributors=_roles,
)
chapters = _book_like(
    WorkType.BOOK_CHAPTER, isbns=_isbns, contributors=_roles, venue=_in_books, pages=_pages
)
conference_papers = _book_like(
    WorkType.CONFERENCE_PAPER, venue=_in_books, pages=_pages, event=optional(prose)
)
theses = _book_like(WorkType.THESIS)
reports = _book_like(WorkType.REPORT, series=optional(prose))
datasets = _book_like(WorkType.DATASET)
"""Works that stand in no journal."""
others = st.one_of(books, chapters, conference_papers, theses, reports, datasets)


def written(name: str, records: Iterable[WorkRecord]) -> bytes:
    return b"".join(by_name(name).write(records))


def read_back(name: str, body: bytes, source: str = "a file") -> list[Read]:
    return list(by_name(name).read(io.BytesIO(body), source))


def records_in(name: str, body: bytes, source: str = "a file") -> list[WorkRecord]:
    """The records of a file of which every one can be read."""
    found = read_back(name, body, source)
    unreadable = [read for read in found if not isinstance(read, FileRecord)]
    assert not unreadable, unreadable
    return [read.record for read in found if isinstance(read, FileRecord)]
