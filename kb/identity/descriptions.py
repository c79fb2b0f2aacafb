"""A record as comparing needs it: everything in normal form, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from kb.identity import names
from kb.identity.folding import closed
from kb.identity.identifiers import normalize_doi, normalize_pmcid, normalize_pmid
from kb.identity.locators import Pages, pages, volume
from kb.identity.names import Authors
from kb.identity.titles import Title, title_letters
from kb.models.dates import year_of
from kb.models.identifiers import Scheme
from kb.models.records import WorkRecord, WorkType

_ABSTRACT_LETTERS: Final = 160
_ABSTRACT_READ: Final = 320


class Description:
    """One record made comparable. What not every comparison needs is worked out when first asked.

    `titles` are its title and, where it has them, the original or translated one, each as folded
    words; `letters` is the first of them closed up and without small words. `doi` is without a
    version ("10.1002/14651858.cd002273"), `doi_as_given` with it.
    """

    __slots__ = (
        "_authors",
        "_raw_authors",
        "_raw_title",
        "about",
        "abstract",
        "doi",
        "doi_as_given",
        "first_family",
        "is_flagged",
        "isbns",
        "kind",
        "language",
        "letters",
        "number",
        "pages",
        "pmcid",
        "pmid",
        "record_id",
        "titles",
        "venues",
        "volume",
        "year",
    )

    def __init__(
        self,
        record_id: str,
        *,
        title: str = "",
        other_title: str = "",
        authors: str | Authors = "",
        year: int | None = None,
        venues: tuple[str, ...] = (),
        volume_text: str = "",
        number_text: str = "",
        pages_text: str = "",
        doi: str | None = None,
        pmid: str | None = None,
        pmcid: str | None = None,
        isbns: str = "",
        abstract: str = "",
        kind: str = "",
        language: str | None = None,
    ) -> None:
        self.record_id = record_id
        self._raw_title = title
        read = Title(title, other_title)
        self.titles = read.forms
        self.about = read.about
        self.is_flagged = read.is_flagged
        self.letters = title_letters(self.titles[0]) if self.titles else ""
        self._raw_authors = authors if isinstance(authors, str) else ""
        self._authors = authors if isinstance(authors, Authors) else None
        # Of the text alone, as reading all names of all records would cost more than comparing.
        self.first_family = (
            names.first_family(authors)
            if isinstance(authors, str)
            else (authors.families[0] if authors.families else "")
        )
        self.year = year
        self.venues = venues
        self.volume = volume(volume_text) if volume_text else ()
        self.number = volume(number_text) if number_text else ()
        self.pages: Pages | None = pages(pages_text) if pages_text else None
        self.doi_as_given = doi
        self.doi = without_version(doi) if doi else None
        self.pmid = pmid
        self.pmcid = pmcid
        self.isbns = isbns
        self.abstract = _beginning(abstract) if len(abstract) > _ABSTRACT_LETTERS else ""
        self.kind = kind
        self.language = language

    @property
    def title(self) -> str:
        """As the record has it, for people."""
        return self._raw_title

    @property
    def authors(self) -> Authors:
        if self._authors is None:
            self._authors = names.of_text(self._raw_authors) if self._raw_authors else names.NOBODY
        return self._authors

    @property
    def author_text(self) -> str:
        return self._raw_authors

    def __repr__(self) -> str:
        return f"Description({self.record_id!r}, {self._raw_title[:60]!r}, {self.year})"


_YEAR: Final = re.compile(r"\b(1[4-9]\d\d|20\d\d)\b")


@lru_cache(maxsize=4096)
def year_in(text: str) -> int | None:
    """The first believable year in a text: 2019 in "2019", "2019.0", "Dec 2019"."""
    found = _YEAR.search(text)
    return int(found[1]) if found else None


# Versions of one thing: Cochrane reviews ("...pub3"), preprints ("/v2", "-v1", ".v3"), and the
# F1000 platforms' reviewed versions ("f1000research.12345.2").
_VERSION: Final = re.compile(
    r"(?<=^10\.1002/14651858\.)(?P<review>(?:cd|ed|mr)\d+)\.pub\d+$"
    r"|(?P<numbered>/v\d+|(?<=\d)[-.]?v\d+)$"
    r"|(?P<f1000>(?<=research\.\d{5})\.\d|(?<=research\.\d{4})\.\d)$"
)
_TAIL: Final = re.compile(
    r"(?:/(?:full|abstract|pdf|epdf|meta|summary)|\.(?:full|abstract)?\.?pdf)$"
)
_TAIL_ENDS: Final = ("/full", "/abstract", "pdf", "/meta", "/summary")


def without_version(doi: str) -> str:
    """The DOI of the work of which this is a version; the DOI itself for most."""
    if doi.endswith(_TAIL_ENDS):
        doi = _TAIL.sub("", doi)
    if "v" not in doi[-5:] and ".pub" not in doi and "research." not in doi:
        return doi
    found = _VERSION.search(doi)
    if found is None:
        return doi
    return doi[: found.start()] + (found["review"] or "")


def _beginning(abstract: str) -> str:
    return closed(abstract[:_ABSTRACT_READ])[:_ABSTRACT_LETTERS]


COLUMNS: Final = (
    "record_id", "entry_type", "title", "author", "year", "journal", "booktitle", "volume",
    "number", "pages", "doi", "isbn", "abstract",
)  # fmt: skip


def describe_row(row: Mapping[str, str]) -> Description:
    """From a row of a table with the columns `COLUMNS`; absent columns and None are empty."""
    return describe_values(*(row.get(column) or "" for column in COLUMNS))


def describe_values(
    record_id: str,
    entry_type: str = "",
    title: str = "",
    author: str = "",
    year: str = "",
    journal: str = "",
    booktitle: str = "",
    volume: str = "",
    number: str = "",
    pages: str = "",
    doi: str = "",
    isbn: str = "",
    abstract: str = "",
) -> Description:
    """The same from the values of `COLUMNS` in their order."""
    venues: tuple[str, ...]
    if journal:
        venues = (journal, booktitle) if booktitle else (journal,)
    else:
        venues = (booktitle,) if booktitle else ()
    return Description(
        record_id,
        title=title,
        authors=author,
        year=year_in(year) if year else None,
        venues=venues,
        volume_text=volume,
        number_text=number,
        pages_text=pages,
        doi=normalize_doi(doi) if doi else None,
        isbns=isbn,
        abstract=abstract,
        kind=entry_type.lower(),
    )


def describe(record: WorkRecord) -> Description:
    """From a record of a source or a file. `record_id` is its label, else its key."""
    ids = {i.scheme: i.value for i in record.identifiers}
    venue = record.venue
    given = (venue.name, venue.abbreviation) if venue else (None, None)
    venues: tuple[str, ...] = tuple(v for v in (*given, record.event) if v)
    return Description(
        record.label or record.key,
        title=record.title or record.original_title or "",
        other_title=(record.original_title or "") if record.title else "",
        authors=names.of_claims(record.authors),
        year=year_of(record.published),
        venues=venues,
        volume_text=record.volume or "",
        number_text=record.issue or "",
        pages_text=record.pages or record.article_number or "",
        doi=normalize_doi(ids.get(Scheme.DOI)),
        pmid=normalize_pmid(ids.get(Scheme.PMID)),
        pmcid=normalize_pmcid(ids.get(Scheme.PMCID)),
        isbns=" ".join((*record.isbns, *(venue.issns if venue else ()))),
        abstract=" ".join(s.text for s in record.abstract),
        kind=_KINDS.get(record.type, "") if record.type else "",
        language=record.language,
    )


# The words of the table's entry_type, which are BibTeX's.
_KINDS: Final = {
    WorkType.ARTICLE: "article",
    WorkType.REVIEW: "article",
    WorkType.PREPRINT: "preprint",
    WorkType.PROTOCOL: "article",
    WorkType.CONFERENCE_ABSTRACT: "conference abstract",
    WorkType.CONFERENCE_PAPER: "inproceedings",
    WorkType.LETTER: "article",
    WorkType.EDITORIAL: "article",
    WorkType.CASE_REPORT: "article",
    WorkType.NOTICE: "notice",
    WorkType.BOOK: "book",
    WorkType.BOOK_CHAPTER: "incollection",
    WorkType.THESIS: "phdthesis",
    WorkType.REPORT: "techreport",
}
