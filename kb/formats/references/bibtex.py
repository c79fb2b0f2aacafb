"""BibTeX and BibLaTeX, read alike and written each in its own names of fields.

One reader for both, since files mix them. What a record has no place for, or says in another way,
is kept as it stood in LaTeX and written again, as long as it still says the same as the record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from kb.formats.nlm import is_retracted
from kb.formats.references.bibtex_entries import MONTHS, BrokenEntry, Entry, entries
from kb.formats.references.bibtex_names import names_text, people_of
from kb.formats.references.latex import latex_of, title_of, unicode_of
from kb.formats.references.reading import FileRecord, Read, lines
from kb.formats.references.values import (
    abstract_of,
    abstract_text,
    clean,
    date_of,
    first_identifier,
    isbns_of,
    issns_of,
    keywords_of,
    keywords_text,
    language_name,
    language_of,
    month_number,
    one_line,
    pages_or_number,
    with_hyphens,
    with_kept,
)
from kb.identity.identifiers import identifier
from kb.identity.names import fold
from kb.identity.registrations import normalize_registration
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
)

_FORMAT: Final = "bibtex"
# Stands for the type of the entry among the fields that are kept.
_ENTRY_TYPE: Final = "entrytype"
_UNKNOWN: Final = "unknown"
_PIECE: Final = 1 << 20
_IN_MEMORY: Final = 16 << 20

_TYPES: Final[Mapping[str, WorkType]] = {
    **dict.fromkeys(("article", "suppperiodical", "review"), WorkType.ARTICLE),
    **dict.fromkeys(
        (
            *("book", "mvbook", "booklet", "manual", "collection", "mvcollection"),
            *("proceedings", "mvproceedings", "reference", "mvreference"),
        ),
        WorkType.BOOK,
    ),
    **dict.fromkeys(
        ("inbook", "bookinbook", "suppbook", "incollection", "suppcollection", "inreference"),
        WorkType.BOOK_CHAPTER,
    ),
    **dict.fromkeys(("inproceedings", "conference"), WorkType.CONFERENCE_PAPER),
    **dict.fromkeys(("thesis", "phdthesis", "mastersthesis"), WorkType.THESIS),
    **dict.fromkeys(("report", "techreport", "standard"), WorkType.REPORT),
    **dict.fromkeys(("online", "electronic", "www"), WorkType.WEB_PAGE),
    "patent": WorkType.PATENT,
    "dataset": WorkType.DATASET,
    "software": WorkType.SOFTWARE,
}
_OTHER_TYPES: Final = frozenset(
    {"misc", "unpublished", "periodical", "set", "artwork", "audio", "bibnote", "commentary"}
    | {"image", "jurisdiction", "legislation", "legal", "letter", "movie", "music", "performance"}
    | {"video", "customa", "customb", "customc", "customd", "custome", "customf"}
)
_PREPRINT_SERVERS: Final = frozenset(
    {"arxiv", "biorxiv", "medrxiv", "chemrxiv", "psyarxiv", "ssrn"}
)

# BibTeX's names, and those of programs, to BibLaTeX's.
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "journal": "journaltitle",
    "journal-title": "journaltitle",
    "address": "location",
    "school": "institution",
    "annote": "annotation",
    "archiveprefix": "eprinttype",
    "primaryclass": "eprintclass",
    "pdf": "file",
    "key": "sortkey",
    "keyword": "keywords",
    "articleno": "eid",
    "article-number": "eid",
    "artnum": "eid",
    "pmc": "pmcid",
    "pubmed": "pmid",
    "pubmedid": "pmid",
    "iso-source-abbreviation": "shortjournal",
    "journal-iso": "shortjournal",
    "short_title": "shorttitle",
    "da": "date",
}
_BIBTEX_NAMES: Final = {
    "journaltitle": "journal",
    "location": "address",
    "annotation": "annote",
    "eprinttype": "archiveprefix",
    "eprintclass": "primaryclass",
    "sortkey": "key",
}
_JOINED: Final[Mapping[str, str]] = {"author": " and ", "editor": " and ", "keywords": ", "}

_ROLES: Final[Mapping[str, str]] = {
    "editor": "editor",
    "translator": "translator",
    "bookauthor": "container author",
    "annotator": "annotator",
    "commentator": "commentator",
    "introduction": "introduction",
    "foreword": "foreword",
    "afterword": "afterword",
    "holder": "holder",
}
_OTHER_EDITORS: Final = ("editora", "editorb", "editorc")
_OF_PARTS: Final = frozenset({WorkType.BOOK_CHAPTER, WorkType.CONFERENCE_PAPER})
# Their number is their own, not that of an issue or of their place in a series.
_OF_NUMBERS: Final = frozenset({WorkType.REPORT, WorkType.PATENT})
_VERBATIM: Final = frozenset({"url", "doi", "eprint", "file", "pmid", "pmcid", "openalex"})

# Fields that say of the parent alone what they say; an identifier inherited would make a chapter
# and its book one work.
_NOT_INHERITED: Final = frozenset(
    {"ids", "crossref", "xref", "xdata", "entryset", "entrysubtype", "execute", "label", "options"}
    | {"presort", "related", "relatedoptions", "relatedstring", "relatedtype", "shorthand"}
    | {"shorthandintro", "sortkey", "doi", "url", "urldate", "eprint", "eprinttype", "eprintclass"}
    | {"pmid", "pmcid", "openalex", "pages", "pagetotal", "abstract", "keywords", "note", "file"}
    | {"annotation", "eid", "shorttitle", "subtitle", "title", "titleaddon", "author", "recordid"}
)
# The parent's name of a field to the child's (manual of BibLaTeX, appendix on inheritance).
_OF_PARENT: Final[Mapping[str, Mapping[str, str]]] = {
    "book": {"title": "booktitle", "subtitle": "booksubtitle", "author": "bookauthor"},
    "periodical": {"title": "journaltitle", "subtitle": "journalsubtitle"},
}

# Entries inherit from books, and books from their series; a circle must end.
_MAX_DEPTH: Final = 3
_MAX_PARENTS: Final = 20

_INHERITS = re.compile(rb"\b(?:crossref|xdata)\s*=", re.IGNORECASE)


# -- reading -------------------------------------------------------------------------------------


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """Every entry of the file, one after the other. Entries that others inherit from may come later
    than those: the file is looked through for them first."""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        inherits, begins = _copied(stream, cast(BinaryIO, spool))
        if not begins:
            reason = "no BibTeX entry (expected e.g. '@article{key, ...}')"
            yield Unreadable(position="line 1", reason=reason)
            return
        parents = _parents(cast(BinaryIO, spool)) if inherits else {}
        spool.seek(0)
        keys: dict[str, int] = {}
        number = 0
        for entry in entries(lines(cast(BinaryIO, spool))):
            if isinstance(entry, BrokenEntry):
                position = f"line {entry.line}"
                yield Unreadable(position=position, reason=entry.reason, key=entry.key)
                number += 1
            elif entry.type not in ("xdata", "set"):
                number += 1
                yield _file_record(entry, source, number, parents, keys)


def _copied(stream: BinaryIO, spool: BinaryIO) -> tuple[bool, bool]:
    """Whether any entry of the file may inherit from another; whether it may hold entries at all,
    or is empty, which a library may be."""
    found = begins = False
    is_blank = True
    end = b""
    while piece := stream.read(_PIECE):
        spool.write(piece)
        begins = begins or b"@" in piece
        is_blank = is_blank and not piece.strip()
        found = found or _INHERITS.search(end + piece) is not None
        end = piece[-64:]
    spool.seek(0)
    return found, begins or is_blank


def _parents(spool: BinaryIO) -> dict[str, Entry]:
    """The entries that others name in crossref or xdata, by key in lower case."""
    named: set[str] = set()
    for entry in entries(lines(spool)):
        if isinstance(entry, Entry):
            fields = dict(entry.fields)
            named.update(_keys(fields.get("crossref", "")))
            named.update(_keys(fields.get("xdata", "")))
    spool.seek(0)
    return {
        entry.key.lower(): entry
        for entry in entries(lines(spool))
        if isinstance(entry, Entry) and entry.key.lower() in named
    }


def _keys(written: str) -> list[str]:
    return [key.strip().lower() for key in written.split(",")[:_MAX_PARENTS] if key.strip()]


def _file_record(
    entry: Entry,
    source: str,
    number: int,
    parents: Mapping[str, Entry],
    keys: dict[str, int],
) -> FileRecord:
    warnings = list(entry.warnings)
    if entry.key:
        before = keys.setdefault(entry.key, entry.line)
        if before != entry.line:
            warnings.append(f"the key {entry.key!r} was used in line {before} already")
    own, repeated = _canonical(entry, warnings)
    fields = _with_inherited(entry.type, own, parents, warnings)
    record = _understood(entry.type, entry.key, fields, source, f"record {number}", warnings)
    again = _fields_of(record)
    if record.published:
        again["date"] = record.published
    if record.type is WorkType.THESIS and not record.types_as_given:
        again["type"] = _NO_TYPE
    if own.get("entrysubtype") in {*WorkType, _UNKNOWN}:
        again["entrysubtype"] = own["entrysubtype"]
    if name_of := language_name(record.language or ""):
        again["langid"] = name_of
    extra = [
        ExtraField(format=_FORMAT, tag=name, value=value)
        for name, value in [*own.items(), *repeated]
        if not _is_same(name, again.get(name), value)
    ]
    # What writing makes of a type in one dialect and the other says no more than the type.
    is_ours = "entrysubtype" in again or entry.type in ("phdthesis", "techreport")
    if again[_ENTRY_TYPE] != entry.type and not is_ours:
        extra.append(ExtraField(format=_FORMAT, tag=_ENTRY_TYPE, value=entry.type))
    extra.sort(key=lambda field: (field.tag, field.value))
    record = replace(record, extra=tuple(extra))
    return FileRecord(position=f"line {entry.line}", record=record, warnings=tuple(warnings))


_DOUBLED = re.compile(r"\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")


def _canonical(entry: Entry, warnings: list[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """(the fields by BibLaTeX's names, those that stand there again)."""
    found: dict[str, str] = {}
    repeated: list[tuple[str, str]] = []
    names = {name for name, _ in entry.fields}
    # ACM's "location" is where the meeting was, its "address" where the publisher is.
    other_names = _OTHER_NAMES
    if names >= {"address", "location"} and not names & {"venue", "eventvenue"}:
        other_names = {**_OTHER_NAMES, "location": "venue"}
        names = names - {"location"}
    # Web of Science puts every value in braces twice, which protects nothing by intention.
    is_doubled = any(n == "year" and _DOUBLED.fullmatch(clean(v)) for n, v in entry.fields)
    for given, value in entry.fields:
        if is_doubled and (doubled := _DOUBLED.fullmatch(clean(value))):
            value = doubled[1]
        name = other_names.get(given, given)
        if name != given and name in names:
            name = given  # both are there; each stays what it is
        value = clean(value)
        if not value:
            continue
        if name not in found:
            found[name] = value
        elif name in _JOINED:
            found[name] += _JOINED[name] + value
        elif value != found[name]:
            repeated.append((name, value))
            if name != "note":
                warnings.append(f"{given} stands there twice; the first is taken")
    return found, repeated


def _with_inherited(
    kind: str,
    own: dict[str, str],
    parents: Mapping[str, Entry],
    warnings: list[str],
    depth: int = 0,
) -> dict[str, str]:
    fields = dict(own)
    for key in _keys(own.get("xdata", "")):
        if key in parents and depth < _MAX_DEPTH:
            data, _ = _canonical(parents[key], [])
            fields = {**_with_inherited(kind, data, parents, [], depth + 1), **fields}
        else:
            warnings.append(f"xdata names {key!r}, which is not in the file")
    for key in _keys(own.get("crossref", "")):
        parent = parents.get(key)
        if parent is None or depth >= _MAX_DEPTH:
            warnings.append(f"crossref names {key!r}, which is not in the file")
            continue
        given, _ = _canonical(parent, [])
        given = _with_inherited(parent.type, given, parents, [], depth + 1)
        renamed = _OF_PARENT.get("periodical" if parent.type == "periodical" else "book", {})
        is_part = _TYPES.get(kind) in _OF_PARTS or parent.type == "periodical"
        for name, value in given.items():
            if is_part and name in renamed:
                fields.setdefault(renamed[name], value)
            if kind in ("inbook", "bookinbook", "suppbook") and name == "author":
                fields.setdefault(name, value)
            if name not in _NOT_INHERITED:
                fields.setdefault(name, value)
    return fields


def _text(fields: Mapping[str, str], *names: str) -> str | None:
    """The first of these fields that is there, as one line of plain text."""
    for name in names:
        text = _shown(name, fields.get(name, ""))
        if text:
            return text
    return None


def _lines(written: str) -> str:
    """Text of several paragraphs: a blank line stays a line's end, others are space."""
    paragraphs = re.split(r"\n[ \t]*\n\s*|\\par\b\s*|\\\\\s+", written)
    return clean("\n".join(one_line(unicode_of(paragraph)) for paragraph in paragraphs))


def _understood(
    kind: str,
    key: str,
    fields: Mapping[str, str],
    source: str,
    numbered: str,
    warnings: list[str],
) -> WorkRecord:
    work_type = _type(kind, fields, warnings)
    authors, complete = people_of(fields.get("author", ""), warnings)
    venue = _venue(kind, fields)
    pages, article_number = pages_or_number((_text(fields, "pages") or "").replace("\u00a0", " "))
    eid = _text(fields, "eid")
    if eid and pages == eid:
        pages = None
    urls = [_text(fields, "url"), *_addresses(fields.get("howpublished", ""))]
    label = _text(fields, "recordid") or key or None
    is_journal = kind in ("article", "periodical", "suppperiodical", "review")
    issue_names = ("number", "issue") if is_journal or "series" not in fields else ("issue",)
    if work_type in _OF_NUMBERS:
        issue_names = ("number", "issue")
    elif work_type is WorkType.BOOK or kind == "manual":
        issue_names = ("issue",)
    notes = [_lines(fields[name]) for name in ("note", "annotation") if name in fields]
    types = _types_as_given(kind, fields)
    accessed = date_of(_text(fields, "urldate") or "")
    return WorkRecord(
        source=source,
        key=label or numbered,
        label=label,
        identifiers=_identifiers(fields, warnings),
        title=_title(fields, "title", "subtitle") or _book_title(kind, fields),
        original_title=_text(fields, "origtitle"),
        short_title=_text(fields, "shorttitle"),
        abstract=abstract_of(_lines(fields.get("abstract", ""))),
        type=work_type,
        types_as_given=types,
        is_flagged_retracted=is_retracted(types),
        published=_published(fields, warnings),
        dates=(DateClaim(role="accessed", date=accessed),) if accessed else (),
        venue=venue if venue != VenueClaim() else None,
        volume=_text(fields, "volume"),
        issue=_text(fields, *issue_names),
        pages=pages,
        article_number=eid or article_number,
        language=_language(fields),
        authors=authors,
        authors_complete=complete,
        contributors=tuple(_contributors(fields, warnings)),
        concepts=(
            *_keywords(fields.get("keywords", "")),
            *_mesh(_text(fields, "mesh") or ""),
        ),
        registrations=_registrations(fields),
        series=_text(fields, "series"),
        edition=_text(fields, "edition"),
        place=_text(fields, "location"),
        event=_text(fields, "eventtitle"),
        isbns=isbns_of(_text(fields, "isbn") or ""),
        urls=tuple(dict.fromkeys(url for url in urls if url)),
        notes=tuple(line for note in notes for line in note.split("\n") if line),
    )


def _type(kind: str, fields: Mapping[str, str], warnings: list[str]) -> WorkType | None:
    told = _text(fields, "entrysubtype")
    if told == _UNKNOWN:
        return None
    if told is not None and told in set(WorkType):
        return WorkType(told)
    if kind in ("misc", "unpublished", "online", "electronic"):
        server = fold(fields.get("eprinttype", "") or fields.get("publisher", ""))
        if server in _PREPRINT_SERVERS:
            return WorkType.PREPRINT
    if kind not in _TYPES and kind not in _OTHER_TYPES:
        warnings.append(f"@{kind} is no type of entry that is known; read as other")
    return _TYPES.get(kind, WorkType.OTHER)


# Whose field "type" styles print; that of others is no field of theirs.
_WITH_TYPES: Final = frozenset({WorkType.THESIS, WorkType.REPORT, WorkType.PATENT})
# What BibLaTeX calls kinds of works in every language (manual, section 4.9.2.11).
_TYPES_BY_KEY: Final[Mapping[str, str]] = {
    "mathesis": "Master's thesis",
    "mastersthesis": "Master's thesis",
    "phdthesis": "PhD thesis",
    "bathesis": "Bachelor's thesis",
    "candthesis": "Candidate thesis",
    "techreport": "Technical report",
    "resreport": "Research report",
}
_KEYS_OF_TYPES: Final = {"Master's thesis": "mathesis", "PhD thesis": "phdthesis"}
_OF_MASTERS = re.compile(r"\b(?:master\w*|m\.?\s?(?:sc|a|phil|eng)|diplom\w*)\b", re.I)


def _types_as_given(kind: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """The kinds of work that the entry names: those of theses and reports, and what the project
    writes of others in "types"."""
    is_named = _TYPES.get(kind) in _WITH_TYPES
    given = _text(fields, "type") if is_named else None
    default = {"mastersthesis": "mastersthesis", "phdthesis": "phdthesis"}.get(kind, "")
    text = given or _text(fields, "types") or default
    if text == _NO_TYPE:
        return ()
    named = (_TYPES_BY_KEY.get(part, part) for part in text.split("; "))
    return tuple(dict.fromkeys(part for part in named if part))


# Of a thesis of no kind that is told: BibTeX would print "PhD thesis".
_NO_TYPE: Final = "Thesis"


def _title(fields: Mapping[str, str], name: str, sub: str) -> str | None:
    title, subtitle = _text(fields, name), _text(fields, sub)
    if title and subtitle:
        mark = " " if title[-1] in ":?!.–—" else ": "
        return f"{title}{mark}{subtitle}"
    return title or subtitle


def _book_title(kind: str, fields: Mapping[str, str]) -> str | None:
    """Programs call a book by the name it has for its chapters."""
    is_book = _TYPES.get(kind) is WorkType.BOOK
    return _title(fields, "booktitle", "booksubtitle") if is_book else None


def _venue(kind: str, fields: Mapping[str, str]) -> VenueClaim:
    journal = _title(fields, "journaltitle", "journalsubtitle")
    book = _title(fields, "booktitle", "booksubtitle") or _text(fields, "maintitle")
    full = _text(fields, "fjournal")
    is_part = _TYPES.get(kind) in _OF_PARTS
    if _TYPES.get(kind) is WorkType.BOOK:
        book = None
    name = (book or journal) if is_part else (full or journal or book)
    abbreviation = _text(fields, "shortjournal") or (journal if full and not is_part else None)
    publisher = _text(fields, *_publishers(kind))
    issns = issns_of(" ".join(t for n in ("issn", "eissn", "e-issn") if (t := _text(fields, n))))
    return VenueClaim(name=name, abbreviation=abbreviation, issns=issns, publisher=publisher)


def _publishers(kind: str) -> tuple[str, ...]:
    if _TYPES.get(kind) in (WorkType.THESIS, WorkType.REPORT):
        return ("institution", "publisher", "organization")
    return ("publisher", "institution", "organization")


def _addresses(written: str) -> list[str]:
    found = re.findall(r"\\url\s*\{([^{}]+)\}|^\s*(https?://\S+)\s*$", written)
    return [one_line(unicode_of(a or b, is_verbatim=True)) for a, b in found]


_BRACED_LIST = re.compile(r"\{[^{}]*,[^{}]*\}")


def _keywords(written: str) -> tuple[ConceptClaim, ...]:
    """The keywords of a list; a comma in braces separates none ("{knee, left}, hip")."""
    if ";" not in written and (found := _BRACED_LIST.findall(written)):
        whole = _BRACED_LIST.sub("\0", written)
        if "," in whole:
            inside = iter(part[1:-1] for part in found)
            parts = (
                "".join(next(inside) if c == "\0" else c for c in part) for part in whole.split(",")
            )
            return tuple(
                ConceptClaim(scheme="keyword", label=label)
                for part in parts
                if (label := one_line(_lines(part)))
            )
    return keywords_of(_lines(written))


def _language(fields: Mapping[str, str]) -> str | None:
    return language_of(_text(fields, "language", "langid", "hyphenation") or "")


_PMID_IN_NOTE = re.compile(r"\bPMID:?\s*(\d{1,9})\b", re.I)
_PMCID_IN_NOTE = re.compile(r"\bPMCID:?\s*(PMC\d{1,9})\b", re.I)


def _identifiers(fields: Mapping[str, str], warnings: list[str]) -> tuple[Identifier, ...]:
    given = {scheme: _text(fields, scheme.value) for scheme in Scheme}
    kind, eprint = fold(fields.get("eprinttype", "")), _text(fields, "eprint")
    if eprint and kind in ("pubmed", "pmid"):
        given[Scheme.PMID] = given[Scheme.PMID] or eprint
    if eprint and kind in ("pmc", "pmcid", "pubmedcentral"):
        given[Scheme.PMCID] = given[Scheme.PMCID] or eprint
    notes = " ".join(filter(None, (_text(fields, name) for name in ("note", "annotation"))))
    if not given[Scheme.PMID] and (match := _PMID_IN_NOTE.search(notes)):
        given[Scheme.PMID] = match[1]
    if not given[Scheme.PMCID] and (match := _PMCID_IN_NOTE.search(notes)):
        given[Scheme.PMCID] = match[1]
    address = _text(fields, "url") or ""
    if not given[Scheme.DOI] and re.match(r"https?://(?:dx\.)?doi\.org/10\.", address):
        given[Scheme.DOI] = address
    found: list[Identifier] = []
    for scheme in (Scheme.DOI, Scheme.PMID, Scheme.PMCID, Scheme.OPENALEX):
        value = given[scheme]
        if not value:
            continue
        one = identifier(scheme, value)
        if one is not None:
            found.append(one)
        else:
            warnings.append(f"{scheme.upper()} {value[:80]!r} is none; kept as is")
    return tuple(found)


def _contributors(fields: Mapping[str, str], warnings: list[str]) -> Iterator[ContributorClaim]:
    for name, role in _ROLES.items():
        for person in people_of(fields.get(name, ""), warnings)[0]:
            yield ContributorClaim(role=role, person=person)
    for name in _OTHER_EDITORS:
        role = _text(fields, f"{name}type") or "editor"
        for person in people_of(fields.get(name, ""), warnings)[0]:
            yield ContributorClaim(role=role, person=person)


def _mesh(text: str) -> Iterator[ConceptClaim]:
    for word in (one_line(part) for part in text.split(";")):
        label, *qualifiers = word.split("/")
        is_major = label.startswith("*") or None
        if label.lstrip("*"):
            yield ConceptClaim(
                scheme="mesh", label=label.lstrip("*"), is_major=is_major,
                qualifiers=tuple(qualifiers),
            )  # fmt: skip


def _mesh_text(concepts: Iterable[ConceptClaim]) -> str:
    return "; ".join(
        "/".join((("*" if c.is_major else "") + c.label, *c.qualifiers))
        for c in concepts
        if c.scheme == "mesh"
    )


def _registrations(fields: Mapping[str, str]) -> tuple[RegistrationMention, ...]:
    given = (_text(fields, "registration") or "").split(",")
    found = (normalize_registration(number) for number in given)
    return tuple(RegistrationMention(number=f[1], registry=f[0]) for f in found if f)


# -- dates ---------------------------------------------------------------------------------------

_DAY_AND_MONTH = re.compile(r"(?:(\d{1,2})\.?[\s~-]*)?([^\W\d_]+)\.?(?:[\s~-]*(\d{1,2}))?")
_FIRST_YEAR = re.compile(r"(?<!\d)(1\d{3}|2\d{3})(?!\d)")


def _published(fields: Mapping[str, str], warnings: list[str]) -> PartialDate | None:
    """The date, or where a range of them begins."""
    if given := _text(fields, "date"):
        # Approximate ("1997~") and uncertain ("2004?") dates are still the dates given.
        first = re.split(r"/|\.\.", given.rstrip("~?%"))[0].rstrip("~?%")
        season = re.fullmatch(r"(\d{4})-(?:2[1-9]|3\d|4[01])", first)
        found = date_of(season[1] if season else first)
        if found is None:
            warnings.append(f"date {given[:60]!r} is no date that can be told; kept as is")
        return found
    year = _text(fields, "year")
    if year is None:
        return None
    if (whole := date_of(year)) and len(whole) > 4:
        return whole
    match = _FIRST_YEAR.search(year)
    if match is None:
        warnings.append(f"year {year[:60]!r} is none that can be told; kept as is")
        return None
    month, day = _month_and_day(_text(fields, "month") or "")
    return partial_date(match[1], month, _text(fields, "day") or day)


def _month_and_day(text: str) -> tuple[int | None, str | None]:
    text = text.replace("\u00a0", " ")
    if (number := month_number(text)) is not None:
        return number, None
    first = re.split(r"\s*(?:/|–|—|-{1,2})\s*", text)[0]
    if match := _DAY_AND_MONTH.fullmatch(first):
        return month_number(match[2]), match[1] or match[3]
    return None, None


# -- what is kept --------------------------------------------------------------------------------


def _is_same(name: str, ours: str | None, theirs: str) -> bool:
    """Whether two values in LaTeX say the same, capitals that must stay included."""
    if ours is None:
        return False
    if ours == theirs:
        return True
    if name in ("author", "editor", "translator"):
        # The numbers by which DBLP tells namesakes apart are no part of names.
        is_plain = re.findall(r"\d", ours) == re.findall(r"\d", theirs)
        return is_plain and people_of(ours, []) == people_of(theirs, [])
    if name == "title":
        # More capitals may be protected than were; none may be lost.
        protects = "{" in _shown(name, theirs, True)
        return _shown(name, ours, protects) == _shown(name, theirs, protects)
    if name == "month":
        return ours == str(month_number(unicode_of(theirs)))
    if name == "pages":
        return with_hyphens(_shown(name, ours)) == with_hyphens(_shown(name, theirs))
    if name == "keywords":
        return _keywords(ours) == _keywords(theirs)
    if name == "doi":
        return identifier(Scheme.DOI, _shown(name, ours)) == identifier(
            Scheme.DOI, _shown(name, theirs)
        )
    if name in ("abstract", "note"):
        return _lines(ours) == _lines(theirs)
    return _shown(name, ours) == _shown(name, theirs)


def _shown(name: str, written: str, keep_braces: bool = False) -> str:
    text = unicode_of(written, is_verbatim=name in _VERBATIM, keep_braces=keep_braces)
    return one_line(text)


# -- writing -------------------------------------------------------------------------------------


def write_bibtex(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """Entries for BibTeX: journal, address, year and month. In UTF-8."""
    return _written(records, _as_bibtex)


def write_biblatex(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """Entries for BibLaTeX: journaltitle, location, date. In UTF-8."""
    return _written(records, _as_biblatex)


def _written(
    records: Iterable[WorkRecord], named: Callable[[WorkRecord, dict[str, str]], dict[str, str]]
) -> Iterator[bytes]:
    keys: set[str] = set()
    for record in records:
        fields = named(record, _fields_with_kept(record))
        kind = fields.pop(_ENTRY_TYPE)
        if _type(kind, {_OTHER_NAMES.get(n, n): v for n, v in fields.items()}, []) != record.type:
            fields["entrysubtype"] = record.type or _UNKNOWN
        key = _key(record, keys)
        keys.add(key.lower())
        if record.label is not None and key != record.label:
            fields["recordid"] = latex_of(record.label)
        yield _entry_text(kind, key, fields).encode(errors="replace")


def _entry_text(kind: str, key: str, fields: Mapping[str, str]) -> str:
    lines = []
    for name, value in fields.items():
        is_month = name == "month" and value.isdigit() and 1 <= int(value) <= 12
        lines.append(f"  {name} = {MONTHS[int(value) - 1] if is_month else '{' + value + '}'}")
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}\n\n"


def _as_bibtex(record: WorkRecord, fields: dict[str, str]) -> dict[str, str]:
    kind = fields[_ENTRY_TYPE]
    is_kept = any(f.format == _FORMAT and f.tag == _ENTRY_TYPE for f in record.extra)
    if not is_kept:
        kind = {"thesis": _kind_of_thesis(record), "report": "techreport"}.get(kind, kind)
        kind = "misc" if kind in ("online", "patent", "dataset", "software") else kind
        if kind == "misc" and "type" in fields:
            fields = {**fields, "types": fields["type"]}
            del fields["type"]
    if kind in ("phdthesis", "mastersthesis"):
        given = {**fields, "type": fields.get("type", _NO_TYPE)}
        bare = {name: value for name, value in given.items() if name != "type"}
        is_same = _types_as_given(kind, bare) == _types_as_given(kind, given)
        fields = bare if is_same else given
    names = _BIBTEX_NAMES
    if _TYPES.get(kind) is WorkType.THESIS:
        names = {**names, "institution": "school"}
    named = {names.get(name, name): value for name, value in fields.items()}
    if "eid" in fields and "pages" not in fields:
        # Styles of BibTeX know of pages alone.
        named["pages"] = fields["eid"]
    return {**named, _ENTRY_TYPE: kind}


def _kind_of_thesis(record: WorkRecord) -> str:
    is_masters = any(_OF_MASTERS.search(given) for given in record.types_as_given)
    return "mastersthesis" if is_masters else "phdthesis"


def _as_biblatex(record: WorkRecord, fields: dict[str, str]) -> dict[str, str]:
    parts = [fields.get(name, "") for name in ("year", "month", "day")]
    if record.published and "date" not in fields and "".join(parts).isdigit():
        for name in ("year", "month", "day"):
            fields.pop(name, None)
        fields["date"] = record.published
    elif "date" in fields:
        for name in ("year", "month", "day"):
            fields.pop(name, None)
    kind = fields[_ENTRY_TYPE]
    if kind == "mastersthesis" and _types_as_given(kind, fields) == _types_as_given(kind, {}):
        fields.pop("type", None)
    if fields.get("type") in _KEYS_OF_TYPES:
        fields["type"] = _KEYS_OF_TYPES[fields["type"]]
    if "langid" not in fields and (name_of := language_name(fields.get("language", ""))):
        del fields["language"]
        fields["langid"] = name_of
    return fields


def _fields_with_kept(record: WorkRecord) -> dict[str, str]:
    fields = _fields_of(record)
    kept: dict[str, str] = {}
    for extra in record.extra:
        if extra.format == _FORMAT:
            kept.setdefault(extra.tag, extra.value)
    return with_kept(fields, kept, _read_again)


def _read_again(fields: Mapping[str, str]) -> WorkRecord:
    return _understood(fields[_ENTRY_TYPE], "", fields, "", "", [])


def _fields_of(record: WorkRecord) -> dict[str, str]:
    """The record in the fields of BibLaTeX, with year, month and day for its date."""
    kind = _written_type(record)
    venue = record.venue or VenueClaim()
    is_part = record.type in _OF_PARTS
    is_of_institution = record.type in (WorkType.THESIS, WorkType.REPORT)
    has_type = record.type in _WITH_TYPES
    year, month, day = [*(record.published or "").split("-"), "", ""][:3]
    is_issue = kind != "article" and record.type not in _OF_NUMBERS
    is_issue = is_issue and (record.series is not None or record.type is WorkType.BOOK)
    plain = {
        "subtitle": None,
        "origtitle": record.original_title,
        "shorttitle": record.short_title,
        "booktitle" if is_part else "journaltitle": venue.name,
        "shortjournal": venue.abbreviation,
        "volume": record.volume,
        "issue" if is_issue else "number": record.issue,
        "eid": record.article_number,
        "year": year,
        "month": month.lstrip("0"),
        "day": day.lstrip("0"),
        "series": record.series,
        "edition": record.edition,
        "institution" if is_of_institution else "publisher": venue.publisher,
        "location": record.place,
        "eventtitle": record.event,
        "issn": ", ".join(venue.issns),
        "isbn": ", ".join(record.isbns),
        "language": record.language,
        "registration": ", ".join(mention.number for mention in record.registrations),
        "mesh": _mesh_text(record.concepts),
        "urldate": next((d.date for d in record.dates if d.role == "accessed"), None),
        "type" if has_type else "types": "; ".join(record.types_as_given),
        "keywords": keywords_text(record.concepts),
    }
    verbatim = {
        **{scheme.value: first_identifier(record.identifiers, scheme) for scheme in Scheme},
        "url": record.urls[0] if record.urls else None,
    }
    others = " ".join(rf"\url{{{_verbatim(url)}}}" for url in record.urls[1:])
    fields = {
        _ENTRY_TYPE: kind,
        "author": names_text(record.authors, and_others=record.authors_complete is False),
        **_contributor_fields(record.contributors),
        "title": title_of(record.title or ""),
        **{name: latex_of(one_line(value)) for name, value in plain.items() if value},
        "pages": latex_of(record.pages or "").replace("-", "--"),
        **{name: _verbatim(value) for name, value in verbatim.items() if value},
        "howpublished": others,
        "abstract": _paragraphs(abstract_text(record.abstract)),
        "note": _paragraphs("\n".join(record.notes)),
    }
    return {name: value for name, value in fields.items() if value}


def _verbatim(text: str) -> str:
    return latex_of(text, is_verbatim=True)


def _paragraphs(text: str) -> str:
    return latex_of(text).replace("\n", "\n\n")


def _contributor_fields(contributors: Sequence[ContributorClaim]) -> dict[str, str]:
    by_role: dict[str, list[AuthorClaim]] = {}
    for contributor in contributors:
        by_role.setdefault(contributor.role, []).append(contributor.person)
    known = {role: name for name, role in _ROLES.items()}
    fields = {
        known[role]: names_text(tuple(people)) for role, people in by_role.items() if role in known
    }
    others = [(role, people) for role, people in by_role.items() if role not in known]
    for name, (role, people) in zip(_OTHER_EDITORS, others):
        fields[name] = names_text(tuple(people))
        fields[f"{name}type"] = latex_of(role)
    return fields


_WRITTEN: Final[Mapping[WorkType, str]] = {
    WorkType.PREPRINT: "online",
    WorkType.CONFERENCE_PAPER: "inproceedings",
    WorkType.BOOK: "book",
    WorkType.BOOK_CHAPTER: "incollection",
    WorkType.THESIS: "thesis",
    WorkType.DATASET: "dataset",
    WorkType.REPORT: "report",
    WorkType.WEB_PAGE: "online",
    WorkType.PATENT: "patent",
    WorkType.SOFTWARE: "software",
    WorkType.OTHER: "misc",
}


def _written_type(record: WorkRecord) -> str:
    if record.type is None:
        return "article" if record.venue and record.venue.name else "misc"
    return _WRITTEN.get(record.type, "article")


# -- keys ----------------------------------------------------------------------------------------

# What BibTeX, BibLaTeX and LaTeX take as a key in every place where keys stand.
_VALID_KEY = re.compile(r"[^\s\"#%'(),={}\\~@^$&]+")
_SMALL_WORDS: Final = frozenset(
    {"a", "an", "the", "on", "of", "in", "and", "for", "to", "with", "from", "der", "die", "das"}
    | {"ein", "eine", "le", "la", "les", "un", "une", "el", "los", "las"}
)


def _key(record: WorkRecord, taken: set[str]) -> str:
    """The label where it can be a key, else family name, year and first word of the title; with a
    letter or number after it where that was taken. Keys that differ in case alone are one to
    BibTeX."""
    if record.label is not None and _VALID_KEY.fullmatch(record.label):
        key = record.label
    else:
        author = record.authors[0] if record.authors else None
        family = (author.family or author.collective or author.name) if author else None
        words = (_ascii(word) for word in re.split(r"[\s/-]+", record.title or ""))
        word = next((w for w in words if w and w not in _SMALL_WORDS), "")
        name = "".join(_ascii(part).capitalize() for part in (family or "").split()[:3])
        key = f"{name}{(record.published or '')[:4]}{word.capitalize()}" or "record"
    if key.lower() not in taken:
        return key
    if counted := next((key + c for c in _LETTERS if (key + c).lower() not in taken), None):
        return counted
    number = 2
    while f"{key}-{number}".lower() in taken:
        number += 1
    return f"{key}-{number}"


_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def _ascii(text: str) -> str:
    return "".join(letter for letter in fold(text) if letter.isascii())
