"""CSL-JSON, the items of the Citation Style Language (1.0.2), as Zotero, Pandoc and doi.org write
them.

What of an item a record has no place for, or says in another way, is kept as it stood and written
again, as long as it still says the same as the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

import orjson

from kb.formats.nlm import is_retracted
from kb.formats.references.json_items import items
from kb.formats.references.reading import FileRecord, Read
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
    language_of,
    one_line,
    pages_or_number,
    person_text,
    with_kept,
)
from kb.identity.identifiers import identifier, normalize_orcid
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

_FORMAT: Final = "csl-json"
# CSL needs a type; this says that there was none.
_UNKNOWN: Final = "unknown"

_TYPES: Final[Mapping[str, WorkType]] = {
    "article": WorkType.PREPRINT,
    "article-journal": WorkType.ARTICLE,
    "article-magazine": WorkType.ARTICLE,
    "article-newspaper": WorkType.ARTICLE,
    "book": WorkType.BOOK,
    "chapter": WorkType.BOOK_CHAPTER,
    "dataset": WorkType.DATASET,
    "entry": WorkType.BOOK_CHAPTER,
    "entry-dictionary": WorkType.BOOK_CHAPTER,
    "entry-encyclopedia": WorkType.BOOK_CHAPTER,
    "paper-conference": WorkType.CONFERENCE_PAPER,
    "patent": WorkType.PATENT,
    "post": WorkType.WEB_PAGE,
    "post-weblog": WorkType.WEB_PAGE,
    "report": WorkType.REPORT,
    # A critique of another work, not a review of the literature.
    "review": WorkType.ARTICLE,
    "review-book": WorkType.ARTICLE,
    "software": WorkType.SOFTWARE,
    "standard": WorkType.REPORT,
    "thesis": WorkType.THESIS,
    "webpage": WorkType.WEB_PAGE,
}
_OTHER_TYPES: Final = frozenset(
    {"bill", "broadcast", "classic", "collection", "document", "event", "figure", "graphic"}
    | {"hearing", "interview", "legal_case", "legislation", "manuscript", "map", "motion_picture"}
    | {"musical_score", "pamphlet", "performance", "periodical", "personal_communication"}
    | {"regulation", "song", "speech", "treaty"}
)
# What doi.org and older programs write.
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "journal-article": "article-journal",
    "book-chapter": "chapter",
    "book-section": "chapter",
    "proceedings-article": "paper-conference",
    "posted-content": "article",
    "dissertation": "thesis",
    "monograph": "book",
    "edited-book": "book",
    "reference-book": "book",
    "journalarticle": "article-journal",
}
_IN_JOURNALS: Final = frozenset({"article", "article-journal"})
_WRITTEN: Final[Mapping[WorkType, str]] = {
    WorkType.PREPRINT: "article",
    WorkType.CONFERENCE_PAPER: "paper-conference",
    WorkType.BOOK: "book",
    WorkType.BOOK_CHAPTER: "chapter",
    WorkType.THESIS: "thesis",
    WorkType.DATASET: "dataset",
    WorkType.REPORT: "report",
    WorkType.WEB_PAGE: "webpage",
    WorkType.PATENT: "patent",
    WorkType.SOFTWARE: "software",
    WorkType.OTHER: "document",
}

# Their number is their own, not that of an issue.
_OF_NUMBERS: Final = frozenset({WorkType.REPORT, WorkType.PATENT})
_ROLES_OF_DATES: Final[Mapping[str, str]] = {"available-date": "online", "accessed": "accessed"}

# Names of CSL that are contributors, and their role.
_ROLES: Final[Mapping[str, str]] = {
    "editor": "editor",
    "collection-editor": "series editor",
    "container-author": "container author",
    "editorial-director": "editorial director",
    "original-author": "original author",
    "reviewed-author": "reviewed author",
    "executive-producer": "executive producer",
    "script-writer": "script writer",
    "series-creator": "series creator",
    **{
        role: role
        for role in (
            *("translator", "illustrator", "director", "interviewer", "recipient", "composer"),
            *("chair", "compiler", "contributor", "curator", "guest", "host", "narrator"),
            *("organizer", "performer", "producer"),
        )
    },
}
_VARIABLES: Final = {role: variable for variable, role in _ROLES.items()}

_TEXTS: Final = frozenset(
    {"annote", "archive", "archive_location", "archive-place", "authority", "call-number"}
    | {"chapter-number", "citation-key", "collection-number", "collection-title"}
    | {"container-title", "container-title-short", "dimensions", "division", "DOI", "edition"}
    | {"event-title", "event-place", "genre", "ISBN", "ISSN", "issue", "jurisdiction", "keyword"}
    | {"language", "license", "medium", "number", "number-of-pages", "number-of-volumes"}
    | {"original-publisher", "original-publisher-place", "original-title", "page", "part-number"}
    | {"part-title", "PMCID", "PMID", "printing-number", "publisher", "publisher-place"}
    | {"references", "reviewed-genre", "reviewed-title", "scale", "section", "source", "status"}
    | {"supplement-number", "title-short", "URL", "version", "volume", "volume-title"}
)
_DATES: Final = frozenset(
    {"accessed", "available-date", "event-date", "issued", "original-date", "submitted"}
)
_BY_FOLDED: Final = {
    name.lower(): name for name in (*_TEXTS, *_DATES, *_ROLES, "author", "type", "title")
}


# -- reading -------------------------------------------------------------------------------------


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """Every item of an array, of {"items": [...]}, of JSON Lines, or the one there is."""
    for item in items(stream):
        if item.error is not None:
            yield Unreadable(position=item.position, reason=item.error)
        elif not item.value:
            yield Unreadable(position=item.position, reason="an item without any field")
        else:
            warnings: list[str] = []
            record = _record_of(item.value, source, f"record {item.number}", warnings)
            yield FileRecord(position=item.position, record=record, warnings=tuple(warnings))


def record_of(item: Mapping[str, Any], source: str) -> WorkRecord:
    """What a CSL item says, as a record of `source`; its id is the label. `item_of` gives the same
    item again, also where it says more than a record holds."""
    return _record_of(item, source, "record 1", [])


def _record_of(item: Mapping[str, Any], source: str, key: str, warnings: list[str]) -> WorkRecord:
    record = _understood(item, source, key, warnings)
    again = _plain_item(record)
    again.pop("custom", None)  # ours
    extra = [
        ExtraField(format=_FORMAT, tag=_NO_TAG.sub("", name), value=_kept(value))
        for name, given in sorted(item.items())
        if not _is_same(again.get(name), value := _strict(name, given))
        and not (name in _IDENTIFIERS and name in again)
    ]
    return replace(record, extra=tuple(extra)) if extra else record


_IDENTIFIERS: Final = frozenset({"DOI", "PMID", "PMCID"})
_NAME_PARTS: Final = frozenset(
    {"family", "given", "dropping-particle", "non-dropping-particle", "suffix", "comma-suffix"}
    | {"static-ordering", "literal", "parse-names"}
)


def _strict(name: str, value: Any) -> Any:
    """The value as CSL wants it: no list for text, no parts of names and dates that it has not."""
    if name in _DATES and isinstance(value, str | int):
        return {"raw": str(value)}
    if name in _ROLES or name == "author":
        people = value if isinstance(value, list) else [value]
        return [
            {part: text for part, text in one.items() if part in _NAME_PARTS}
            if isinstance(one, dict) and not {"isInstitution", "name"} & one.keys()
            else {"literal": person_text(person)}
            for one in people
            if (person := _person(one)) is not None
        ]
    if name == "custom" and isinstance(value, dict):
        # What is ours is told anew.
        return {key: one for key, one in value.items() if key != "kb"}
    if name in _TEXTS or name in ("id", "title", "type", "note", "abstract"):
        return _string(value) or value
    return value


def _understood(item: Mapping[str, Any], source: str, key: str, warnings: list[str]) -> WorkRecord:
    given = _with_note_fields(item)
    custom = given.get("custom")
    ours = custom.get("kb") if isinstance(custom, dict) else None
    ours = ours if isinstance(ours, dict) else {}
    own = _line(given, "id") or _line(given, "citation-key")
    # What stands where a record has no id of its own.
    is_numbered = own is not None and re.fullmatch(r"record \d+", own) is not None
    label = None if is_numbered else own
    kind = _type(given, ours, warnings)
    pages, article_number = _place_in_volume(given, ours)
    authors, complete = _authors(given, ours)
    published = _date(given.get("issued"))
    if given.get("issued") and published is None:
        warnings.append(f"issued {_shown(given['issued'])} is no date that can be told; kept as is")
    abbreviation = _line(given, "container-title-short", "journalAbbreviation")
    venue = VenueClaim(
        name=_line(given, "container-title"),
        abbreviation=abbreviation,
        issns=issns_of(_line(given, "ISSN") or ""),
        publisher=_line(given, "publisher"),
    )
    note = clean(_string(given.get("note")))
    url = _line(given, "URL")
    dates = [
        DateClaim(role=role, date=date)
        for variable, role in _ROLES_OF_DATES.items()
        if (date := _date(given.get(variable)))
    ]
    genre = _line(given, "genre")
    types = _strings(ours.get("types")) or ((genre,) if genre else ())
    return WorkRecord(
        source=source,
        key=own or key,
        label=label,
        identifiers=_identifiers(given, ours, warnings),
        title=_rich(given, "title"),
        original_title=_rich(given, "original-title"),
        short_title=_rich(given, "title-short", "shortTitle"),
        abstract=abstract_of(_without_markup(_string(given.get("abstract")))),
        type=kind,
        types_as_given=types,
        is_flagged_retracted=is_retracted(types),
        published=published,
        dates=tuple(dates),
        venue=venue if venue != VenueClaim() else None,
        volume=_line(given, "volume"),
        issue=_line(given, "issue") or (_line(given, "number") if kind in _OF_NUMBERS else None),
        pages=pages,
        article_number=article_number,
        language=language_of(_line(given, "language") or ""),
        authors=authors,
        authors_complete=complete,
        contributors=_contributors(given, ours),
        concepts=(*keywords_of(_string(given.get("keyword"))), *_mesh(ours)),
        registrations=_registrations(ours),
        series=_line(given, "collection-title"),
        edition=_line(given, "edition"),
        place=_line(given, "publisher-place"),
        event=_line(given, "event-title", "event"),
        isbns=isbns_of(_line(given, "ISBN") or ""),
        urls=(*((url,) if url else ()), *_strings(ours.get("urls"))),
        notes=tuple(line for part in note.split("\n") if (line := one_line(part))),
    )


_NO_TAG = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def _string(value: object) -> str:
    """Text of a string, number or list of one; nothing of anything else."""
    if isinstance(value, list) and value and all(isinstance(v, str | int | float) for v in value):
        return ", ".join(str(v) for v in value) if len(value) > 1 else _string(value[0])
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def _strings(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _line(item: Mapping[str, Any], *names: str) -> str | None:
    return next((text for name in names if (text := one_line(_string(item.get(name))))), None)


_TAG = re.compile(
    r"</?(?:i|b|em|strong|sc|sup|sub|span|p|br|jats:\w+)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_RAISED = re.compile(r"(?<=\d)<sup>([-+−]?\d+)</sup>")


def _without_markup(text: str) -> str:
    """A number raised after a digit becomes a power, 10^6; other markup goes."""
    if "<" not in text:
        return text
    return _TAG.sub("", _RAISED.sub(r"^\1", text))


def _rich(item: Mapping[str, Any], *names: str) -> str | None:
    text = _line(item, *names)
    return (one_line(_without_markup(text)) or None) if text else None


def _type(item: Mapping[str, Any], ours: Mapping[str, Any], warnings: list[str]) -> WorkType | None:
    given = _line(item, "type")
    if given is None:
        return None
    plain = given.lower().replace(" ", "-")
    plain = _OTHER_NAMES.get(plain, plain)
    told = ours.get("type")
    if isinstance(told, str) and told in {*WorkType, _UNKNOWN}:
        return None if told == _UNKNOWN else WorkType(told)
    if plain == "article" and any(item.get(name) for name in ("volume", "issue", "ISSN")):
        return WorkType.ARTICLE
    if plain not in _TYPES and plain not in _OTHER_TYPES:
        warnings.append(f"type {given[:60]!r} is none of CSL; read as other")
    return _TYPES.get(plain, WorkType.OTHER)


def _place_in_volume(
    item: Mapping[str, Any], ours: Mapping[str, Any]
) -> tuple[str | None, str | None]:
    page = _line(item, "page") or _line(item, "page-first")
    number = _line(item, "article-number") or _line(ours, "article_number")
    if number is None and _line(item, "type") in _IN_JOURNALS:
        number = _line(item, "number")
    if page is None or page == number:
        return None, number
    pages, article_number = pages_or_number(page)
    return pages, number or article_number


def _identifiers(
    item: Mapping[str, Any], ours: Mapping[str, Any], warnings: list[str]
) -> tuple[Identifier, ...]:
    found: list[Identifier] = []
    for scheme, value in (
        (Scheme.DOI, _line(item, "DOI")),
        (Scheme.PMID, _line(item, "PMID")),
        (Scheme.PMCID, _line(item, "PMCID")),
        (Scheme.OPENALEX, _line(ours, "openalex")),
    ):
        if not value:
            continue
        one = identifier(scheme, value)
        if one is not None:
            found.append(one)
        else:
            warnings.append(f"{scheme.upper()} {value[:80]!r} is none; kept as is")
    return tuple(found)


# -- names ---------------------------------------------------------------------------------------


def _authors(
    item: Mapping[str, Any], ours: Mapping[str, Any]
) -> tuple[tuple[AuthorClaim, ...], bool | None]:
    people = list(_people(item.get("author")))
    told = ours.get("authors_complete")
    complete = told if isinstance(told, bool) else None
    if people and people[-1] in _AND_OTHERS:
        people.pop()
        complete = False
    unsplit = ours.get("unsplit_authors")
    for at in unsplit if isinstance(unsplit, list) else []:
        if isinstance(at, int) and 0 <= at < len(people) and people[at].collective:
            people[at] = AuthorClaim(name=people[at].collective)
    return tuple(people), complete


_AND_OTHERS: Final = tuple(
    made
    for name in ("others", "et al", "et al.")
    for made in (AuthorClaim(collective=name), AuthorClaim(family=name))
)


def _people(value: object) -> Iterator[AuthorClaim]:
    given = value if isinstance(value, list) else [value]
    yield from (person for one in given if (person := _person(one)) is not None)


def _person(value: object) -> AuthorClaim | None:
    if isinstance(value, str):
        last, comma, first = (one_line(part) for part in value.partition(","))
        if comma and last and first:
            return AuthorClaim(family=last, given=first)
        return AuthorClaim(name=one_line(value)) if one_line(value) else None
    if not isinstance(value, dict):
        return None
    family = " ".join(
        part for name in ("non-dropping-particle", "family") if (part := _line(value, name))
    )
    given = " ".join(
        part for name in ("given", "dropping-particle") if (part := _line(value, name))
    )
    literal = _line(value, "literal", "name")
    orcid = normalize_orcid(_string(value.get("ORCID") or value.get("orcid")))
    is_group = value.get("isInstitution") in (True, 1, "true", "1")
    if is_group or (not family and not given):
        whole = family if is_group and family else literal
        return AuthorClaim(collective=whole, orcid=orcid) if whole else None
    return AuthorClaim(
        family=family or None,
        given=given or None,
        suffix=_line(value, "suffix"),
        orcid=orcid,
    )


def _contributors(item: Mapping[str, Any], ours: Mapping[str, Any]) -> tuple[ContributorClaim, ...]:
    found = [
        ContributorClaim(role=role, person=person)
        for variable, role in _ROLES.items()
        for person in _people(item.get(variable) or [])
    ]
    others = ours.get("contributors")
    for other in others if isinstance(others, list) else []:
        if isinstance(other, dict) and (role := _line(other, "role")):
            found += [ContributorClaim(role=role, person=p) for p in _people(other.get("person"))]
    return tuple(found)


def _names(people: Iterable[AuthorClaim]) -> list[dict[str, str]]:
    written = []
    for person in people:
        whole = person.collective or person.name
        if whole:
            written.append({"literal": whole})
        else:
            parts = {"family": person.family, "given": person.given, "suffix": person.suffix}
            written.append({name: part for name, part in parts.items() if part})
    return written


# -- dates ---------------------------------------------------------------------------------------


def _date(value: object) -> PartialDate | None:
    """The first date of a CSL date, as precise as it is given."""
    if isinstance(value, str | int):
        return date_of(str(value))
    if not isinstance(value, dict):
        return None
    parts = value.get("date-parts")
    if isinstance(parts, list) and parts:
        first = parts[0] if isinstance(parts[0], list) else parts
        return partial_date(*map(_string, first[:3])) if first else None
    for name in ("raw", "literal"):
        if text := _line(value, name):
            whole = re.fullmatch(r"(\d{4}(?:-\d\d){0,2})/(?:\d{4}(?:-\d\d){0,2})?", text)
            return date_of(whole[1] if whole else text)
    return partial_date(_string(value.get("year")), _string(value.get("month")))


def _csl_date(date: PartialDate) -> dict[str, Any]:
    return {"date-parts": [[int(part) for part in date.split("-")]]}


# -- what stands in notes, and what is ours ------------------------------------------------------

_NOTE_FIELD = re.compile(r"\{?:?\s*([A-Za-z][A-Za-z _-]{1,30}?)\s*:\s*(\S[^\n]*?)\}?")


def _with_note_fields(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The item with the variables that stand as "PMID: 31810187" in lines at the head of its note,
    as people write what their program has no field for. What the item says itself goes before."""
    note = item.get("note")
    if not isinstance(note, str) or ":" not in note:
        return item
    found: dict[str, Any] = {}
    lines = note.split("\n")
    while lines and (match := _NOTE_FIELD.fullmatch(lines[0].strip())):
        name = _BY_FOLDED.get(re.sub(r"[ _]", "-", match[1].lower()))
        if name is None or name in found:
            break
        if name in _ROLES or name == "author":
            family, _, given = match[2].partition("||")
            person = {"family": family.strip(), "given": given.strip()}
            found[name] = [person if given else {"literal": family.strip()}]
        else:
            found[name] = {"raw": match[2]} if name in _DATES else match[2]
        lines.pop(0)
    if not found:
        return item
    return {**found, **item, "note": "\n".join(lines), **_type_from(found)}


def _type_from(found: Mapping[str, Any]) -> Mapping[str, Any]:
    # Programs write the type they have, and people the one they mean.
    return {"type": found["type"]} if "type" in found else {}


def _mesh(ours: Mapping[str, Any]) -> Iterator[ConceptClaim]:
    given = ours.get("mesh")
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict) and (label := _line(one, "label")):
            is_major = one.get("is_major")
            yield ConceptClaim(
                scheme="mesh",
                label=label,
                code=_line(one, "code"),
                is_major=is_major if isinstance(is_major, bool) else None,
                qualifiers=_strings(one.get("qualifiers")),
            )


def _registrations(ours: Mapping[str, Any]) -> tuple[RegistrationMention, ...]:
    found = (normalize_registration(number) for number in _strings(ours.get("registrations")))
    return tuple(RegistrationMention(number=f[1], registry=f[0]) for f in found if f)


def _ours(record: WorkRecord, kind: str) -> dict[str, Any]:
    """What CSL has no variable for, under a name of our own in `custom`."""
    mesh = [
        {
            "label": concept.label,
            **({"code": concept.code} if concept.code else {}),
            **({} if concept.is_major is None else {"is_major": concept.is_major}),
            **({"qualifiers": list(concept.qualifiers)} if concept.qualifiers else {}),
        }
        for concept in record.concepts
        if concept.scheme == "mesh"
    ]
    contributors = [
        {"role": c.role, "person": _names([c.person])[0]}
        for c in record.contributors
        if c.role not in _VARIABLES
    ]
    is_told = _TYPES.get(kind, WorkType.OTHER) is record.type
    made: dict[str, Any] = {
        "type": None if is_told else record.type or _UNKNOWN,
        "article_number": None if kind in _IN_JOURNALS else record.article_number,
        "mesh": mesh,
        "contributors": contributors,
        "registrations": [mention.number for mention in record.registrations],
        "urls": list(record.urls[1:]),
        "types": [] if _has_genre(record) else list(record.types_as_given),
        "unsplit_authors": [at for at, author in enumerate(record.authors) if author.name],
        "openalex": first_identifier(record.identifiers, Scheme.OPENALEX),
    }
    ours = {name: value for name, value in made.items() if value}
    if record.authors_complete is not None:
        ours["authors_complete"] = record.authors_complete
    return ours


# -- writing -------------------------------------------------------------------------------------


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """One array, an item to a line."""
    opening = b"[\n"
    for record in records:
        yield opening + orjson.dumps(item_of(record))
        opening = b",\n"
    yield (b"[\n" if opening == b"[\n" else b"\n") + b"]\n"


def item_of(record: WorkRecord) -> dict[str, Any]:
    """The record as a CSL item: its id is the label, else the key. Where the record came from such
    an item, what stood in that, as far as it still says what the record says."""
    item = _plain_item(record)
    kept = {f.tag: _restored(f.value) for f in record.extra if f.format == _FORMAT}
    if "custom" in item and isinstance(kept.get("custom"), dict):
        kept["custom"] = {**kept["custom"], **item["custom"]}
    return with_kept(item, kept, _read_again)


def _read_again(item: Mapping[str, Any]) -> WorkRecord:
    return _understood(item, "", "", [])


def _plain_item(record: WorkRecord) -> dict[str, Any]:
    kind = _written_type(record)
    venue = record.venue or VenueClaim()
    is_in_journal = kind in _IN_JOURNALS
    page = record.pages or (record.article_number if is_in_journal else None)
    dates = {d.role: _csl_date(d.date) for d in reversed(record.dates)}
    has_number = record.type in _OF_NUMBERS
    item: dict[str, Any] = {
        "id": record.label or record.key,
        "type": kind,
        "title": record.title,
        "original-title": record.original_title,
        "title-short": record.short_title,
        "author": _names(record.authors),
        "issued": _csl_date(record.published) if record.published else None,
        **{variable: dates.get(role) for variable, role in _ROLES_OF_DATES.items()},
        "container-title": venue.name,
        "container-title-short": venue.abbreviation,
        "collection-title": record.series,
        "publisher": venue.publisher,
        "publisher-place": record.place,
        "edition": record.edition,
        "event-title": record.event,
        "volume": record.volume,
        "issue": None if has_number else record.issue,
        "page": page,
        "number": record.article_number if is_in_journal else record.issue if has_number else None,
        "genre": record.types_as_given[0] if _has_genre(record) else None,
        "DOI": first_identifier(record.identifiers, Scheme.DOI),
        "PMID": first_identifier(record.identifiers, Scheme.PMID),
        "PMCID": first_identifier(record.identifiers, Scheme.PMCID),
        "ISSN": ", ".join(venue.issns),
        "ISBN": ", ".join(record.isbns),
        "URL": record.urls[0] if record.urls else None,
        "language": record.language,
        "abstract": abstract_text(record.abstract),
        "keyword": keywords_text(record.concepts),
        "note": "\n".join(record.notes),
    }
    for role, variable in _VARIABLES.items():
        item[variable] = _names(c.person for c in record.contributors if c.role == role)
    if ours := _ours(record, kind):
        item["custom"] = {"kb": ours}
    return {name: value for name, value in item.items() if value}


def _has_genre(record: WorkRecord) -> bool:
    """Whether the type of work is one that styles print: "PhD thesis", not "Journal Article"."""
    if len(record.types_as_given) != 1:
        return False
    was_genre = ExtraField(format=_FORMAT, tag="genre", value=record.types_as_given[0])
    return record.type in (WorkType.THESIS, WorkType.REPORT) or was_genre in record.extra


def _written_type(record: WorkRecord) -> str:
    if record.type is not None and record.type in _WRITTEN:
        return _WRITTEN[record.type]
    if record.type is WorkType.CONFERENCE_ABSTRACT:
        # Abstracts are printed in supplements of journals more often than in proceedings.
        is_in_volume = record.volume or (record.venue and record.venue.issns)
        return "article-journal" if is_in_volume else "paper-conference"
    if record.type is None and not (record.venue and record.venue.name):
        return "document"
    return "article-journal"


def _kept(value: Any) -> str:
    """Text and numbers as they are, all else as JSON."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        text = _NO_SURROGATE.sub("", str(value))
        return text if _restored(text) == text else orjson.dumps(text).decode()
    return orjson.dumps(_clean_json(value)).decode()


def _restored(text: str) -> Any:
    if not text.startswith(("{", "[", '"', "true", "false")):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


_NO_SURROGATE = re.compile("[\ud800-\udfff]")


def _clean_json(value: Any) -> Any:
    """The value without what cannot be written: halves of surrogate pairs, numbers too large."""
    if isinstance(value, str):
        return _NO_SURROGATE.sub("", value)
    if isinstance(value, list):
        return [_clean_json(one) for one in value]
    if isinstance(value, dict):
        return {_NO_SURROGATE.sub("", str(k)): _clean_json(v) for k, v in value.items()}
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value


def _is_same(ours: Any, theirs: Any) -> bool:
    """Whether two values of a variable say the same, a number written as text and a date with
    leading zeros apart."""
    if ours == theirs:
        return True
    if ours is None:
        return theirs is None or theirs in ("", [], {}, [{}])
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_is_same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_is_same, ours, theirs))
    if isinstance(ours, int) and isinstance(theirs, str):
        return theirs.lstrip("0") == str(ours)
    return isinstance(theirs, int) and not isinstance(theirs, bool) and str(theirs) == ours


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else orjson.dumps(_clean_json(value)).decode()
    return text if len(text) <= 80 else text[:77] + "..."
