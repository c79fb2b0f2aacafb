"""Tables of records, CSV and XLSX: one row per record, columns known by the names programs give
them or named by the caller.

Columns we have no field for are kept and written again. The last column of a table of ours,
`details`, holds as JSON what the cells before it cannot say (a group among the authors whose name
holds a semicolon); it counts for a cell only as long as nobody changed that cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, BinaryIO, Final

import orjson
from pydantic import ValidationError

from kb.errors import InvalidInput
from kb.formats.nlm import is_retracted, work_type
from kb.formats.outcome_tables.delimited import guarded
from kb.formats.references import names
from kb.formats.references.reading import FileRecord, Read, lines
from kb.formats.references.table_columns import (
    NAMES,
    delimiter_of,
    folded,
    is_web_of_science,
    known_in,
    matched,
)
from kb.formats.references.texts import date_in, prose, sections
from kb.formats.references.values import (
    abstract_of,
    abstract_text,
    clean,
    first_identifier,
    isbns_of,
    issns_of,
    language_of,
    month_number,
    one_line,
    pages_or_number,
)
from kb.identity.identifiers import identifier
from kb.identity.registrations import find_registrations
from kb.models.dates import PartialDate, partial_date
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
    RegistrationMention,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
    from_json,
    to_json,
)

_FORMAT: Final = "csv"
# Where the header is looked for: below what programs say of the export.
_HEADER_LINES: Final = 20
# A quoted text goes over lines; one that is never closed must not swallow the file.
_MAX_LINES: Final = 2_000
_MAX_ROW: Final = 8_000_000
# Ten thousand names fit; the default of the library does not hold the authors of one paper.
csv.field_size_limit(_MAX_ROW)

# Our columns, in the order they are written. Others are only read.
COLUMNS: Final = tuple(
    name
    for name in NAMES
    if name
    not in (
        *("book_title", "month", "day", "start_page", "end_page", "citation", "eissn", "more"),
        *("series_editors", "translators", "book_authors", "other_contributors", "automatic_tags"),
    )
)


# -- reading -------------------------------------------------------------------------------------


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """Every row of a CSV file, separated by whatever it is separated by."""
    return read_table(stream, source, format="csv", columns=None)


def read_xlsx(stream: BinaryIO, source: str) -> Iterator[Read]:
    """Every row of the first sheet of a workbook that has columns we know."""
    return read_table(stream, source, format="xlsx", columns=None)


def read_table(
    stream: BinaryIO, source: str, *, format: str, columns: Mapping[str, str] | None
) -> Iterator[Read]:
    """Every row of a table ("csv" or "xlsx"); `columns` maps fields of ours to its columns and goes
    before what their names say.

    Raises InvalidInput where no column is known or a named one is not there.
    """
    if format == "xlsx":
        rows, begin = _sheet_rows(stream.read(), columns)
    else:
        rows, begin = _csv_rows(stream, columns)
    header, at = begin
    ours, others = matched(header, columns)
    if not ours:
        shown = ", ".join(repr(name) for name in header[:12] if name) or "none"
        raise InvalidInput(
            f"no column of the table is known (they are {shown}); name them as column=field, "
            f"e.g. Titel=title (fields: {', '.join(COLUMNS[:-1])})"
        )
    layout = _Layout(header, ours, others, is_web_of_science(header))
    for number, cells in enumerate(rows, at + 1):
        if isinstance(cells, str):
            yield Unreadable(position=f"row {number}", reason=cells)
        elif any(cell.strip() for cell in cells):
            yield _row(number, cells, layout, source)


@dataclass(frozen=True, slots=True)
class _Layout:
    header: Sequence[str]
    ours: Mapping[str, int]
    others: Sequence[int]
    is_web_of_science: bool


def _row(number: int, cells: Sequence[str], layout: _Layout, source: str) -> Read:
    position = f"row {number}"
    width = len(layout.header)
    warnings: list[str] = []
    if len(cells) > width and any(cell.strip() for cell in cells[width:]):
        said = f"{len(cells)} cells where the header has {width}; a cell may hold a separator"
        return Unreadable(position=position, reason=f"{said} without quotes around it")
    if len(cells) < width:
        warnings.append(f"{len(cells)} cells where the header has {width}; the others are empty")
        cells = [*cells, *[""] * (width - len(cells))]
    given = {field: text for field, at in layout.ours.items() if (text := clean(cells[at]))}
    if not given and len(cells) < width:
        return Unreadable(position=position, reason=warnings[0])
    extra = [
        ExtraField(format=_FORMAT, tag=one_line(layout.header[at]), value=text)
        for at in layout.others
        if (text := clean(cells[at]))
    ]
    left: dict[str, str] = {}
    record = _understood(given, source, f"record {number - 1}", left, warnings)
    extra += [
        ExtraField(format=_FORMAT, tag=one_line(layout.header[layout.ours[field]]), value=text)
        for field, text in left.items()
    ]
    record = replace(record, extra=tuple(extra))
    if details := given.get("details"):
        record = _with_details(record, given, details, warnings)
    own = sorted((e for e in record.extra if e.format == _FORMAT), key=lambda e: (e.tag, e.value))
    foreign = (e for e in record.extra if e.format != _FORMAT)
    record = replace(record, extra=(*own, *foreign))
    return FileRecord(position=position, record=record, warnings=tuple(warnings))


# The apostrophe that keeps a text from being run as a formula.
_GUARD = re.compile(r"'(?='*[=+\-@\t\n])")


# -- CSV -----------------------------------------------------------------------------------------

_Header = tuple[list[str], int]
_Rows = Iterator["list[str] | str"]


def _csv_rows(stream: BinaryIO, columns: Mapping[str, str] | None) -> tuple[_Rows, _Header]:
    """(rows after the header, the header and its number)."""
    source = lines(stream)
    first = list(islice(source, _HEADER_LINES))
    said = {folded(name) for name in (columns or {}).values()}

    def worth(line: str) -> int:
        cells = [folded(cell) for cell in re.split(r"[\t,;|]", line.replace('"', ""))]
        return known_in(_split(line, delimiter_of(line), True)) + len(said & set(cells))

    texts = [text for _, text in first]
    if texts and (match := re.fullmatch(r"sep=(.)", texts[0].strip(), re.I)):
        at, delimiter = 1, match[1]
    else:
        at = max(range(len(texts)), key=lambda i: (worth(texts[i]), -i), default=0)
        while at < len(texts) - 1 and not texts[at].strip():
            at += 1
        delimiter = delimiter_of(texts[at]) if texts else ","
    remaining = chain(texts[at:], (text for _, text in source))
    quotes = not (texts and is_web_of_science(texts[at].split("\t")))
    rows = _assembled(remaining, delimiter, quotes)
    header = next(rows, [])
    if isinstance(header, str):
        raise InvalidInput(f"the header of the table cannot be read: {header}")
    return rows, ([one_line(name) for name in header], at + 1)


def _assembled(source: Iterator[str], delimiter: str, quotes: bool) -> _Rows:
    """Rows from lines: a quoted cell may go over several. What is wrong with a row, where it could
    not be put together."""
    waiting: deque[str] = deque()  # lines looked at in vain for the end of a quote
    patience = _MAX_LINES
    is_open = _open_test(delimiter)
    while True:
        line = waiting.popleft() if waiting else next(source, None)
        if line is None:
            return
        if not quotes or line.count('"') % 2 == 0 or not is_open(line):
            yield _split(line, delimiter, quotes)
            continue
        held = [line]
        size = len(line)
        closed = False
        while len(held) < patience and size < _MAX_ROW:
            more = waiting.popleft() if waiting else next(source, None)
            if more is None:
                break
            held.append(more)
            size += len(more) + 1
            if more.count('"') % 2 and not is_open("\n".join(held)):
                closed = True
                break
        if closed:
            yield _split("\n".join(held), delimiter, quotes)
        else:
            yield f"a quote is not closed: {line[:80]!r}"
            waiting.extendleft(reversed(held[1:]))
            # A file full of them is not gone through so far for each.
            patience = max(patience // 2, 20)


def _open_test(delimiter: str) -> Callable[[str], bool]:
    mark = re.escape(delimiter)
    cell = rf'[ ]*+"(?:[^"]|"")*+"[^{mark}\n]*+|[^"{mark}\n][^{mark}\n]*+|'
    whole = re.compile(rf"(?:{cell})(?:(?:{mark}|\n)(?:{cell}))*+\Z")
    return lambda text: whole.match(text) is None


def _split(text: str, delimiter: str, quotes: bool) -> list[str]:
    if not quotes:
        return text.split(delimiter)
    try:
        rows = list(
            csv.reader(
                io.StringIO(text.replace("\0", ""), newline=""),
                delimiter=delimiter,
                skipinitialspace='"' in text,
            )
        )
    except csv.Error:
        return text.split(delimiter)
    return [cell[1:] if _GUARD.match(cell) else cell for cell in rows[0]] if rows else []


# -- XLSX ----------------------------------------------------------------------------------------


def _sheet_rows(body: bytes, columns: Mapping[str, str] | None) -> tuple[_Rows, _Header]:
    from kb.formats.xlsx import read_workbook

    said = {folded(name) for name in (columns or {}).values()}
    best: tuple[int, int, list[list[str]]] | None = None
    for sheet in read_workbook(body).sheets:
        by_row: dict[int, dict[int, str]] = {}
        for (row, column), cell in sheet.cells.items():
            by_row.setdefault(row, {})[column] = cell.text
        last = max(by_row, default=0)
        for at in range(1, min(last, _HEADER_LINES) + 1):
            names_ = list(by_row.get(at, {}).values())
            worth = known_in(names_) + len(said & {folded(name) for name in names_})
            if best is None or worth > best[0]:
                width = max(by_row.get(at, {}), default=0)
                table = [_sheet_row(by_row.get(n, {}), width) for n in range(at, last + 1)]
                best = (worth, at, table)
    if best is None or not best[2]:
        raise InvalidInput("a workbook without a filled cell")
    _, at, table = best
    header, rows = _rejoined(table)
    return rows, (header, at)


def _sheet_row(cells: Mapping[int, str], width: int) -> list[str]:
    return [cells.get(column, "") for column in range(1, max(width, *cells, 0) + 1)]


def _rejoined(table: list[list[str]]) -> tuple[list[str], _Rows]:
    """Header and rows, with texts put together that went on in a column of their own since a cell
    of a workbook holds no more."""
    header = [one_line(name) for name in table[0]]
    parts: dict[int, list[int]] = {}
    for at, name in enumerate(header):
        if (match := _CONTINUED.fullmatch(name)) and match[1] in header:
            parts.setdefault(header.index(match[1]), []).append(at)
    if not parts:
        return header, iter(table[1:])
    gone = {at for places in parts.values() for at in places}

    def row(cells: list[str]) -> list[str]:
        cells = [*cells, *[""] * (len(header) - len(cells))]
        for at, places in parts.items():
            cells[at] += "".join(cells[place] for place in places)
        return [cell for at, cell in enumerate(cells) if at not in gone]

    names_ = [name for at, name in enumerate(header) if at not in gone]
    return names_, (row(cells) for cells in table[1:])


_CONTINUED = re.compile(r"(.+) \(continued \d+\)")


# -- from cells to a record ----------------------------------------------------------------------


def _understood(
    cells: Mapping[str, str],
    source: str,
    key: str,
    left: dict[str, str],
    warnings: list[str],
) -> WorkRecord:
    """The record of a row; what no field takes goes to `left` by our name of its column."""
    cells = _with_citation(cells, left)
    line = {name: one_line(text) for name, text in cells.items()}
    label = line.get("id")
    authors, complete = _authors(line.get("authors", ""))
    pages, article_number = _pages(line)
    venue = VenueClaim(
        name=line.get("journal") or line.get("book_title"),
        abbreviation=line.get("journal_abbreviation"),
        issns=issns_of(f"{line.get('issn', '')} {line.get('eissn', '')}"),
        publisher=line.get("publisher"),
    )
    if line.get("journal") and line.get("book_title"):
        left["book_title"] = line["book_title"]
    for name in ("issn", "eissn"):
        if line.get(name) and not issns_of(line[name]):
            left[name] = line[name]
    accessed, is_all = date_in(line.get("accessed", ""))
    if "accessed" in line and not is_all:
        left["accessed"] = line["accessed"]
    notes, told = _notes(cells)
    line = {**told, **line}
    types = tuple(part for part in line.get("publication_types", "").split("; ") if part)
    identifiers = _identifiers(line, left, warnings)
    isbns = isbns_of(" ".join((line.get("isbn", ""), line.get("issn", ""))))
    if line.get("isbn") and not isbns:
        left["isbn"] = line["isbn"]
    return WorkRecord(
        source=source,
        key=label or key,
        label=label,
        identifiers=identifiers,
        title=line.get("title"),
        original_title=line.get("original_title"),
        short_title=line.get("short_title"),
        abstract=_abstract(cells.get("abstract", "")),
        type=_type(line.get("type"), left),
        types_as_given=types,
        is_flagged_retracted=is_retracted(types),
        published=_published(line, left, warnings),
        dates=(DateClaim(role="accessed", date=accessed),) if accessed else (),
        venue=venue if venue != VenueClaim() else None,
        volume=line.get("volume"),
        issue=line.get("issue"),
        pages=pages,
        article_number=line.get("article_number") or article_number,
        language=language_of(line.get("language", "")),
        authors=authors,
        authors_complete=complete,
        contributors=tuple(_contributors(line)),
        concepts=(*_all_keywords(cells), *_mesh(line.get("mesh", ""))),
        registrations=_registrations(line.get("registrations", ""), left),
        series=line.get("series"),
        edition=line.get("edition"),
        place=line.get("place"),
        event=line.get("event"),
        isbns=isbns,
        urls=tuple(re.split(r"[;,]?\s+|;(?=https?:)", line["urls"])) if "urls" in line else (),
        notes=notes,
    )


_MORE = re.compile(r"(PMID|PMCID|DOI):\s*(\S+)", re.I)


def _notes(cells: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """(notes, identifiers that stand among Zotero's "Extra" for want of a column)"""
    told: dict[str, str] = {}
    notes = [prose(part) for part in cells.get("notes", "").split("\n")]
    for part in cells.get("more", "").split("\n"):
        match = _MORE.fullmatch(part.strip())
        if match and match[1].lower() not in (*told, *cells):
            told[match[1].lower()] = match[2]
        else:
            notes.append(part)
    return tuple(text for note in notes if (text := one_line(note))), told


# PubMed's: "J Clin Med. 2019 Dec 2;8(12):2102. doi: ..."
_PUBMED_PLACE = re.compile(r";\s*([^();:.]+)?(?:\(([^()]*)\))?(?::\s*([^\s.;]+))?\.?(?:\s|$)")
# Embase's: "Journal of Clinical Medicine (2019) 8:12 (2102)"
_EMBASE_SOURCE = re.compile(r"(.+?) \((\d{4})\) ([^\s:()]+)(?::([^\s()]+))?(?: \(([^()]*)\))?")


def _with_citation(cells: Mapping[str, str], left: dict[str, str]) -> Mapping[str, str]:
    """The cells with volume, issue and pages from a citation in one cell, where there are no
    columns for them."""
    if "citation" in cells:
        left["citation"] = cells["citation"]
    if "volume" in cells:
        return cells
    found: dict[str, str | None]
    if match := _EMBASE_SOURCE.fullmatch(cells.get("journal", "")):
        left["journal"] = cells["journal"]
        found = dict(zip(("year", "volume", "issue", "pages"), match.groups()[1:], strict=True))
        cells = {**cells, "journal": match[1]}
    elif match := _PUBMED_PLACE.search(cells.get("citation", "")):
        found = dict(zip(("volume", "issue", "pages"), match.groups(), strict=True))
    else:
        return cells
    return {**{name: text for name, text in found.items() if text}, **cells}


def _pages(line: Mapping[str, str]) -> tuple[str | None, str | None]:
    pages = line.get("pages") or "-".join(
        dict.fromkeys(text for name in ("start_page", "end_page") if (text := line.get(name)))
    )
    return pages_or_number(pages)


# As programs write a list for want of a separator: "['a', 'b, c']".
_LISTED = re.compile(r"\[\s*(?:'[^']*'|\"[^\"]*\")(?:\s*,\s*(?:'[^']*'|\"[^\"]*\"))*\s*\]")


def _unlisted(text: str) -> str:
    if not _LISTED.fullmatch(text):
        return text
    return "; ".join(a or b for a, b in re.findall(r"'([^']*)'|\"([^\"]*)\"", text))


_SCOPUS_ID = re.compile(r"\s*\(\d{6,}\)")
_AND = re.compile(r"(?:^|\s+)and\s+", re.I)


def _authors(text: str) -> tuple[tuple[AuthorClaim, ...], bool | None]:
    """The names of a list in the style it is written in: "Smith, J.; Doe, A.", "Smith J, Doe A",
    "Smith, J. and Doe, A."."""
    text = _SCOPUS_ID.sub("", _unlisted(text))
    complete = None
    if match := re.search(r"[;,]?\s*(?:\band\s+others|\bet\.? al\.?|;\s*\.\.\.|…)\s*$", text):
        complete = False
        text = text[: match.start()]
    if ";" not in text and _AND.search(text):
        parts = _AND.split(text)
        # "Smith, J. and Doe, A. and Trial Group", not "Barnes and Noble, Inc."
        is_list = sum("," in part for part in parts) * 2 > len(parts)
        if is_list or all(_FAMILY_INITIALS.fullmatch(part) for part in parts):
            return tuple(p for part in parts if (p := names.person(part))), complete
    return tuple(names.people(_paired(_without_full_stop(text)))), complete


_FAMILY_INITIALS = re.compile(
    r"[^\W\d_][\w'’‐-]+(?: [\w'’‐-]+){0,3} (?:[A-ZÀ-ÖØ-Þ]\.?[-‐]?){1,3}"
    r"(?: (?:Jr|Sr|2nd|3rd|II|III|IV)\.?)?"
)


def _paired(text: str) -> str:
    """ "Smith, J., Doe, A." as "Smith, J.; Doe, A.", and "Smith J, Doe A" as "Smith J; Doe A"."""
    if ";" in text:
        return text
    parts = [part.strip() for part in text.split(",")]
    are_names = [_FAMILY_INITIALS.fullmatch(part) is not None for part in parts]
    if len(parts) > 1 and (all(are_names) or (are_names[0] and sum(are_names) * 2 > len(parts))):
        # PubMed has groups among them.
        return "; ".join(parts)
    if len(parts) < 4 or len(parts) % 2:
        return text
    if all(re.fullmatch(r"(?:[^\W\d_a-z]\.?[ -]?){1,4}", part) for part in parts[1::2]):
        return "; ".join(f"{a}, {b}" for a, b in zip(parts[::2], parts[1::2], strict=True))
    return text


def _without_full_stop(text: str) -> str:
    """PubMed ends its list with one."""
    is_last = text.count(".") == 1 and text.endswith(".") and ";" not in text
    return (
        text[:-1] if is_last and re.match(r"[^,]*[^\W\d_]{2} [A-Z]{1,3}(?:[ .,]|$)", text) else text
    )


_ROLES_OF_COLUMNS: Final = {
    "series_editors": "series editor",
    "translators": "translator",
    "book_authors": "container author",
    "other_contributors": "contributor",
}


def _contributors(line: Mapping[str, str]) -> Iterator[ContributorClaim]:
    for person in _authors(line.get("editors", ""))[0]:
        yield ContributorClaim(role="editor", person=person)
    for column, role in _ROLES_OF_COLUMNS.items():
        for person in _authors(line.get(column, ""))[0]:
            yield ContributorClaim(role=role, person=person)
    for part in line.get("contributors", "").split(";"):
        role, colon, name = part.partition(":")
        if colon and (found := names.person(name)):
            yield ContributorClaim(role=role.strip(), person=found)


def _identifiers(
    line: Mapping[str, str], left: dict[str, str], warnings: list[str]
) -> tuple[Identifier, ...]:
    found = []
    for scheme in (Scheme.DOI, Scheme.PMID, Scheme.PMCID, Scheme.OPENALEX):
        given = line.get(scheme.value)
        # Programs that take numbers for numbers write "31810187.0".
        one = identifier(scheme, re.sub(r"^(\d+)\.0$", r"\1", given or ""))
        if one is not None:
            found.append(one)
        elif given:
            warnings.append(f"{scheme.upper()} {given[:80]!r} is none; kept as is")
            left[scheme.value] = given
    return tuple(found)


def _abstract(text: str) -> tuple[Any, ...]:
    whole = abstract_of(text)
    return sections(whole[0].text) if len(whole) == 1 and whole[0].label is None else whole


def _all_keywords(cells: Mapping[str, str]) -> Iterator[ConceptClaim]:
    both = (_keywords(cells.get(name, "")) for name in ("keywords", "automatic_tags"))
    yield from dict.fromkeys(chain(*both))


def _keywords(text: str) -> Iterator[ConceptClaim]:
    text = _unlisted(text)
    mark = ";" if ";" in text else "|" if "|" in text else "\n" if "\n" in text else ","
    for word in (one_line(part) for part in text.split(mark)):
        if word:
            yield ConceptClaim(scheme="keyword", label=word)


def _mesh(text: str) -> Iterator[ConceptClaim]:
    for part in text.split(";"):
        label, *qualifiers = (one_line(word) for word in part.split("/"))
        if label.strip("*"):
            is_major = True if label.startswith("*") else None
            yield ConceptClaim(
                scheme="mesh",
                label=label.strip("*"),
                is_major=is_major,
                qualifiers=tuple(qualifiers),
            )


def _registrations(text: str, left: dict[str, str]) -> tuple[RegistrationMention, ...]:
    found = find_registrations(text)
    if text and not found:
        left["registrations"] = text
    return tuple(RegistrationMention(number=number, registry=name) for name, number in found)


def _published(
    line: Mapping[str, str], left: dict[str, str], warnings: list[str]
) -> PartialDate | None:
    year = re.sub(r"^(\d{4})\.0$", r"\1", line.get("year", ""))
    if given := line.get("date"):
        found, is_all = date_in(given, year or None)
        if found and is_all:
            return found
        left["date"] = given
        if not year:
            return found
    if not year:
        return None
    month, day = month_number(line.get("month", "")), line.get("day")
    made = partial_date(year, month, day)
    if made is None:
        made, is_all = date_in(year)
        if not is_all:
            left["year"] = year
        if made is None:
            warnings.append(f"year {year[:60]!r} is none that can be told; kept as is")
    return made


_TYPES: Final[Mapping[str, WorkType]] = {
    **{folded(kind): kind for kind in WorkType},
    **dict.fromkeys(
        (
            *("journalarticle", "article", "articleinpress", "j", "jour", "shortsurvey"),
            *("magazinearticle", "newspaperarticle", "datapaper", "note", "researcharticle"),
            *("articleearlyaccess", "journal", "retracted", "articlejournal", "clinicaltrial"),
        ),
        WorkType.ARTICLE,
    ),
    **dict.fromkeys(("review", "reviewbook", "reviewearlyaccess"), WorkType.REVIEW),
    **dict.fromkeys(("preprint", "postedcontent"), WorkType.PREPRINT),
    **dict.fromkeys(
        (
            *("conferencepaper", "inproceedings", "conference", "proceeding", "proceedingspaper"),
            *("articleproceedingspaper", "conferenceproceedingsarticle", "cpaper", "c"),
            *("proceedingsarticle", "paperconference"),
        ),
        WorkType.CONFERENCE_PAPER,
    ),
    **dict.fromkeys(("meetingabstract", "conferenceabstract"), WorkType.CONFERENCE_ABSTRACT),
    **dict.fromkeys(("editorialmaterial", "editorial"), WorkType.EDITORIAL),
    **dict.fromkeys(("erratum", "correction", "retraction", "corrigendum"), WorkType.NOTICE),
    **dict.fromkeys(
        ("book", "monograph", "b", "editedbook", "proceedings", "collection"), WorkType.BOOK
    ),
    **dict.fromkeys(
        ("booksection", "chapter", "inbook", "incollection", "chap"), WorkType.BOOK_CHAPTER
    ),
    **dict.fromkeys(("phdthesis", "mastersthesis", "dissertation", "thes"), WorkType.THESIS),
    **dict.fromkeys(("techreport", "rprt"), WorkType.REPORT),
    **dict.fromkeys(("webpage", "blogpost", "online", "website"), WorkType.WEB_PAGE),
    **dict.fromkeys(("patent", "p"), WorkType.PATENT),
    **dict.fromkeys(("computerprogram", "software"), WorkType.SOFTWARE),
    **dict.fromkeys(("dataset", "data"), WorkType.DATASET),
    **dict.fromkeys(("misc", "document", "generic", "manuscript", "unpublished"), WorkType.OTHER),
}


def _type(text: str | None, left: dict[str, str]) -> WorkType | None:
    if not text:
        return None
    kind = _TYPES.get(folded(text)) or work_type(re.split(r"[;|,]\s*", text))
    if kind != text:
        left["type"] = text
    return kind


# -- what cells cannot say -----------------------------------------------------------------------

# Fields of a record that the columns hold.
_HELD: Final = (
    "label", "identifiers", "title", "original_title", "short_title", "abstract", "type",
    "types_as_given", "published", "venue", "volume", "issue", "pages", "article_number",
    "language", "authors", "authors_complete", "contributors", "concepts", "registrations",
    "series", "edition", "place", "event", "isbns", "urls", "notes",
)  # fmt: skip


def _with_details(
    record: WorkRecord, given: Mapping[str, str], details: str, warnings: list[str]
) -> WorkRecord:
    """The record with what its details say, as far as the cells still are what was written."""
    try:
        said = orjson.loads(details)
        told = from_json(WorkRecord, orjson.dumps({"source": "", "key": "", **said}))
    except (orjson.JSONDecodeError, ValidationError, TypeError):
        warnings.append("details are no JSON of ours; left out")
        return record
    cells = _cells(record)
    for name in _HELD:
        if name in said:
            changed = replace(record, **{name: getattr(told, name)})
            differing = [
                (column, text) for column, text in _cells(changed).items() if text != cells[column]
            ]
            if all(text == given.get(column, "") for column, text in differing):
                record = changed
    return replace(record, extra=(*record.extra, *told.extra))


def _details(record: WorkRecord, cells: Mapping[str, str], homeless: list[ExtraField]) -> str:
    """What does not read back from the cells, as JSON; "" where all does."""
    again = _read_again(record, cells)
    told: dict[str, Any] = {
        name: getattr(record, name)
        for name in _HELD
        if getattr(again, name) != getattr(record, name)
    }
    if not told and not homeless:
        return ""
    written = orjson.loads(to_json(replace(_EMPTY, **told, extra=tuple(homeless))))
    # What is None or empty is not written, but here it is what is to be said.
    nothing = {name: value for name, value in told.items() if value in (None, ())}
    kept = {name: value for name, value in written.items() if name in told or name == "extra"}
    return orjson.dumps({**kept, **nothing}).decode()


def _read_again(record: WorkRecord, cells: Mapping[str, str]) -> WorkRecord:
    given = {name: text for name, text in cells.items() if text}
    return _understood(given, record.source, record.key, {}, [])


_EMPTY: Final = WorkRecord(source="", key="")


# -- writing -------------------------------------------------------------------------------------

# A table has the columns its first records were read with beside ours; what comes only later goes
# to `details`, so that what is written can leave at once.
_LOOKED_AT: Final = 1_000
_MAX_OTHERS: Final = 1_000
_CHUNK: Final = 64 * 1024
# ECMA-376 as Excel applies it: 32,767 characters.
_MAX_CELL: Final = 32_000


def write_csv(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """A header with our columns and those the records were read with, then a row per record; UTF-8
    with commas. A cell that a spreadsheet would run begins with an apostrophe."""
    source = iter(records)
    first = list(islice(source, _LOOKED_AT))
    others = _others(first)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    header = [*COLUMNS[:-1], *others, COLUMNS[-1]]
    writer.writerow(header)
    for record in chain(first, source):
        row = _row_of(record, others)
        writer.writerow([_guarded(row.get(name, "")) for name in header])
        if buffer.tell() >= _CHUNK:
            yield buffer.getvalue().encode(errors="replace")
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode(errors="replace")


def write_xlsx(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """A workbook with one sheet. A text longer than a cell holds goes on in a column of its own,
    which reading puts together again."""
    from kb.formats.outcome_tables.spreadsheet import Workbook

    with TemporaryDirectory() as folder, TemporaryFile() as spool:
        others: dict[str, None] = {}
        parts: dict[str, int] = {}
        for record in records:
            if len(others) < _MAX_OTHERS:
                others.update(dict.fromkeys(_others((record,))))
            row = _row_of(record, others)
            for name, text in row.items():
                parts[name] = max(parts.get(name, 1), -(-len(text) // _MAX_CELL))
            spool.write(orjson.dumps(row) + b"\n")
        columns = [
            (name, part)
            for name in (*COLUMNS[:-1], *others, COLUMNS[-1])
            for part in range(parts.get(name, 1))
        ]
        path = Path(folder) / "records.xlsx"
        book = Workbook(path)
        book.sheet("records", [n if p == 0 else f"{n} (continued {p + 1})" for n, p in columns])
        spool.seek(0)
        for line in spool:
            row = orjson.loads(line)
            book.add(
                "records",
                (row.get(n, "")[p * _MAX_CELL : (p + 1) * _MAX_CELL] for n, p in columns),
            )
        book.close()
        with path.open("rb") as made:
            while piece := made.read(_CHUNK):
                yield piece


def _others(records: Iterable[WorkRecord]) -> dict[str, None]:
    """Columns the records were read with that are none of ours, in their order."""
    found = (
        extra.tag
        for record in records
        for extra in record.extra
        if extra.format == _FORMAT and extra.tag not in COLUMNS
    )
    return dict.fromkeys(islice(dict.fromkeys(found), _MAX_OTHERS))


def _row_of(record: WorkRecord, others: Mapping[str, None]) -> dict[str, str]:
    cells = _cells(record)
    row: dict[str, str] = {}
    homeless: list[ExtraField] = []
    for extra in record.extra:
        tag, value = extra.tag, extra.value
        if extra.format != _FORMAT or tag in row:
            homeless.append(extra)
        elif tag in others:
            row[tag] = value
        elif tag in cells and _is_same_with(record, cells, tag, value):
            # What stood in a column of ours and says more than we understand of it.
            cells[tag] = value
        else:
            homeless.append(extra)
    return {**row, **cells, COLUMNS[-1]: _details(record, cells, homeless)}


def _is_same_with(record: WorkRecord, cells: Mapping[str, str], tag: str, value: str) -> bool:
    return _read_again(record, {**cells, tag: value}) == _read_again(record, cells)


def _guarded(text: str) -> str:
    return f"'{text}" if _GUARD.match(text) else guarded(text)


def _cells(record: WorkRecord) -> dict[str, str]:
    """The cells of our columns, but for the details."""
    venue = record.venue or VenueClaim()
    by_scheme = {
        scheme.value: first_identifier(record.identifiers, scheme) or "" for scheme in Scheme
    }
    editors = [c.person for c in record.contributors if c.role == "editor"]
    others = [c for c in record.contributors if c.role != "editor"]
    authors = [names.written(author) for author in record.authors]
    cells = {
        "id": record.label,
        "type": record.type,
        "title": record.title,
        "original_title": record.original_title,
        "short_title": record.short_title,
        "authors": "; ".join([*authors, *(["et al."] if record.authors_complete is False else [])]),
        "editors": "; ".join(names.written(editor) for editor in editors),
        "year": (record.published or "")[:4],
        "date": record.published,
        "journal": venue.name,
        "journal_abbreviation": venue.abbreviation,
        "volume": record.volume,
        "issue": record.issue,
        "pages": record.pages,
        "article_number": record.article_number,
        "issn": ", ".join(venue.issns),
        "isbn": ", ".join(record.isbns),
        "abstract": abstract_text(record.abstract),
        "keywords": "; ".join(c.label for c in record.concepts if c.scheme == "keyword"),
        "mesh": "; ".join(
            "/".join((("*" if c.is_major else "") + c.label, *c.qualifiers))
            for c in record.concepts
            if c.scheme == "mesh"
        ),
        "language": record.language,
        "publisher": venue.publisher,
        "place": record.place,
        "edition": record.edition,
        "series": record.series,
        "event": record.event,
        "contributors": "; ".join(f"{c.role}: {names.written(c.person)}" for c in others),
        "registrations": "; ".join(mention.number for mention in record.registrations),
        "urls": " ".join(record.urls),
        "accessed": next((d.date for d in record.dates if d.role == "accessed"), None),
        "notes": "\n".join(record.notes),
        "publication_types": "; ".join(record.types_as_given),
    }
    return {
        name: clean(by_scheme[name] if name in by_scheme else cells[name] or "")
        for name in COLUMNS[:-1]
    }
