"""What the columns of bibliographic tables are called, by the programs that write them.

Embase, Scopus, Web of Science, PubMed, Cochrane CENTRAL, Covidence, Rayyan, EPPI-Reviewer,
ASReview, Zotero, Dimensions, Lens.org, labelled sets for deduplication, and
our own. Names are compared
without case, spaces and punctuation.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Final

from kb.errors import InvalidInput
from kb.identity.names import fold

# Our field: what it is called elsewhere. The first name in a list that a table has is taken, the
# others are kept as they are.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": (
        "id", "record_id", "label", "citation key", "citekey", "bibtex key", "Key", "Covidence #",
        "Covidence number", "Publication ID", "Lens ID", "EID", "UT (Unique WOS ID)",
        "Unique WOS ID", "UT", "Item ID", "ItemId", "rayyan_id", "Ref ID", "Reference ID",
        "Record Number", "PUI", "Embase Accession ID", "Accession Number", "Study ID",
    ),
    "type": (
        "Item Type", "Document Type", "entry_type", "type", "Type of reference",
        "type_of_reference", "Ref Type", "Reference Type", "DT", "Publication Type",
    ),
    "title": (
        "title", "Article Title", "Document Title", "primary_title", "Titles", "TI", "Titel",
        "Titre", "Título", "Publication Title (English)",
    ),
    "original_title": (
        "original_title", "Original Title", "Title (original language)", "Foreign Title",
        "Original Non-English Title", "Translated title", "Title (original)",
    ),
    "short_title": ("short_title", "Short Title"),
    "authors": (
        "Author Full Names", "authors", "author", "Author Names", "Author(s)", "Author/s",
        "first_authors", "AF", "AU", "Creators", "Autoren", "Auteurs", "Autores",
    ),
    "editors": ("editors", "editor", "Book Editors", "Editor(s)", "BE"),
    "year": (
        "year", "Publication Year", "PubYear", "Pub Year", "Published Year", "Year of Publication",
        "PY", "Jahr", "Année", "Año",
    ),
    "date": (
        "date", "Publication Date", "Date Published", "Date of Publication", "Date Publication",
        "published", "Publication Date (online)", "PD",
    ),
    "journal": (
        "journal", "Source title", "Journal/Book", "Journal Title", "Journal Name", "venue",
        "Publication Title", "Parent Title", "Parent title", "Full journal", "secondary_title",
        "Container Title", "SO", "Zeitschrift", "Revue", "Revista", "T2", "JF",
        "Title of source", "Periodical", "Source",
    ),
    "journal_abbreviation": (
        "journal_abbreviation", "Journal Abbreviation", "Abbreviated Source Title",
        "Journal ISO Abbreviation", "alternate_title3", "J9", "JI", "Abbreviated journal",
    ),
    "book_title": ("book_title", "booktitle", "Proceedings title", "Anthology title", "Book title"),
    "volume": ("volume", "Vol", "Vol.", "VL", "Band"),
    "issue": ("issue", "number", "Issue Number", "Issue no.", "no", "no.", "IS", "Heft"),
    "month": ("month", "Published Month", "Publication Month"),
    "day": ("day",),
    "citation": ("citation",),
    "pages": ("pages", "page", "Page range", "Pagination", "Page numbers", "Seiten", "page(s)"),
    "start_page": (
        "start_page", "Page start", "First Page", "Start Page", "Beginning Page", "BP", "SP",
    ),
    "end_page": ("end_page", "Page end", "Last Page", "End Page", "Ending Page", "EP"),
    "article_number": (
        "article_number", "Art. No.", "Article Number", "Article no.", "eid number", "elocation id",
        "elocation", "e-location", "AR",
    ),
    "doi": ("doi", "DOI link", "DI", "DOI Number", "Digital Object Identifier", "DO"),
    "pmid": (
        "pmid", "PubMed ID", "Medline PMID", "Pubmed Id", "PM", "PubMed", "PMID number",
        "Medline ID",
    ),
    "pmcid": ("pmcid", "PMC ID", "PMC", "PubMed Central ID"),
    "openalex": ("openalex", "openalex_id", "OpenAlex ID"),
    "issn": ("issn", "ISSNs", "ISSN (print)", "ISSN/ISBN", "SN"),
    "eissn": ("eISSN", "E-ISSN", "Electronic ISSN", "ISSN (electronic)", "ISSN (online)"),
    "isbn": ("isbn", "ISBNs", "BN"),
    "abstract": (
        "abstract", "Abstract Note", "AB", "notes_abstract", "Abstracts", "Zusammenfassung",
        "Résumé", "Resumen", "Summary",
    ),
    "keywords": (
        "keywords", "keyword", "Author Keywords", "Manual Tags", "DE", "Author Keyword", "KW",
        "Stichwörter",
    ),
    "automatic_tags": ("Automatic Tags",),
    "mesh": ("mesh", "MeSH terms", "MeSH", "MH", "MeSH headings"),
    "language": (
        "language", "Language of Original Document", "Article Language", "languages",
        "Publication Language", "Language of Article", "LA", "Sprache", "Langue", "Idioma",
    ),
    "publisher": ("publisher", "Publisher Name", "PU", "Verlag"),
    "place": (
        "place", "Place Published", "Publisher City", "City", "Publisher Address", "pubplace",
        "PI", "location",
    ),
    "edition": ("edition", "Edition"),
    "series": ("series", "Series Title", "Book Series Title", "SE", "Anthology series title"),
    "event": (
        "event", "Conference name", "Conference Title", "Meeting name", "Conference",
        "CT",
    ),
    "contributors": ("contributors",),
    "series_editors": ("Series Editor", "Series Editors"),
    "translators": ("Translator", "Translators"),
    "book_authors": ("Book Author", "Book Authors"),
    "other_contributors": ("Contributor",),
    "registrations": (
        "registrations", "Trial registration", "Clinical Trial Numbers", "Clinical trial number",
        "Trial Registration Number", "Registry number", "Clinical Trial Registry Number",
    ),
    "urls": ("urls", "url", "link", "Source URLs", "URL(s)", "External URL", "UR"),
    "accessed": ("accessed", "Access Date", "Date Accessed"),
    "notes": ("notes", "note", "Note(s)", "User notes"),
    "publication_types": ("publication_types",),
    "more": ("Extra",),
    "details": ("details",),
}  # fmt: skip
"""Every field of a table, in the order of our own columns, each with its other names."""


def folded(name: str) -> str:
    return fold(name.replace("#", "number"))


# In the tab-delimited files of Web of Science, whose two letters mean other things elsewhere.
_WEB_OF_SCIENCE: Final[Mapping[str, str]] = {
    "AF": "authors", "AU": "authors", "BE": "editors", "TI": "title", "SO": "journal",
    "SE": "series", "LA": "language", "DT": "type", "CT": "event", "DE": "keywords",
    "AB": "abstract", "PU": "publisher", "PI": "place", "SN": "issn", "EI": "eissn", "BN": "isbn",
    "J9": "journal_abbreviation", "PD": "date", "PY": "year", "VL": "volume", "IS": "issue",
    "BP": "start_page", "EP": "end_page", "AR": "article_number", "DI": "doi", "PM": "pmid",
    "UT": "id",
}  # fmt: skip


def is_web_of_science(header: Sequence[str]) -> bool:
    """Whether a header is that of a tab-delimited file of Web of Science, which quotes nothing."""
    return {"PT", "AU", "TI", "SO"} <= {name.strip() for name in header}


def folded_header(name: str) -> str:
    """As `folded`; of two letters only as they stand, since "a,b" is not the tag AB."""
    plain = folded(name)
    return plain if len(plain) > 2 or name.strip().isalnum() else ""


_BY_NAME: Final[Mapping[str, tuple[str, int]]] = {
    folded(name): (ours, rank)
    for ours, names in reversed(tuple(NAMES.items()))
    for rank, name in reversed(tuple(enumerate(names)))
}


def matched(
    header: Sequence[str], columns: Mapping[str, str] | None = None
) -> tuple[dict[str, int], list[int]]:
    """(position of the column for each of our fields, positions of columns that are none).

    `columns` maps our fields to names in the header and goes before what the names say. Where
    several columns fit a field, the better known name is taken, and the others are none. Raises
    InvalidInput for a mapping to a field or column that is not there.
    """
    ours: dict[str, tuple[int, int]] = {}
    plain = [folded_header(name) for name in header]
    by_name = _BY_NAME
    if "details" in header and not columns:
        # A table of ours, whose other columns are what was read with its records.
        own = {name: list(header).index(name) for name in NAMES if name in header}
        return own, [at for at, name in enumerate(header) if at not in own.values() and name]
    if is_web_of_science(header):
        order = {tag: rank for rank, tag in enumerate(_WEB_OF_SCIENCE)}
        by_name = {fold(tag): (ours_, order[tag]) for tag, ours_ in _WEB_OF_SCIENCE.items()}
    chosen = _chosen(header, plain, columns or {})
    for at, name in enumerate(plain):
        field, rank = by_name.get(name, (None, 0))
        if field is None or field in chosen or at in chosen.values():
            continue
        if field not in ours or rank < ours[field][0]:
            ours[field] = (rank, at)
    found = {field: at for field, (_, at) in ours.items()} | chosen
    taken = set(found.values())
    return found, [at for at in range(len(header)) if at not in taken and plain[at]]


def _chosen(
    header: Sequence[str], plain: Sequence[str], columns: Mapping[str, str]
) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for field, column in columns.items():
        ours = next((name for name in NAMES if folded(name) == folded(field)), None)
        if ours is None:
            raise InvalidInput(f"no such field: {field!r} (expected one of {', '.join(NAMES)})")
        if column in header:
            chosen[ours] = list(header).index(column)
        elif folded(column) in plain:
            chosen[ours] = plain.index(folded(column))
        else:
            there = ", ".join(repr(name) for name in header if name) or "none"
            raise InvalidInput(f"no column {column!r} in the table (its columns: {there})")
    return chosen


def delimiter_of(line: str) -> str:
    """What separates the names in a header: tab, semicolon, comma or bar, by how many known names
    it gives, then by how many names at all."""
    return max("\t,;|", key=lambda mark: (known_in(cells_of(line, mark)), line.count(mark)))


def columns_known(line: str) -> int:
    """How many names of a header in a line are those of columns we know."""
    return known_in(cells_of(line, delimiter_of(line)))


def known_in(header: Sequence[str]) -> int:
    return len({_BY_NAME[name][0] for cell in header if (name := folded_header(cell)) in _BY_NAME})


def cells_of(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.strip("\n")], delimiter=delimiter), [])
    except csv.Error:
        return re.split(re.escape(delimiter), line)
