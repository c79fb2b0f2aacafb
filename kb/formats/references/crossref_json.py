"""Crossref's description of a work in JSON: what publishers deposited, with references, funders and
update notices.

`to_record` reads one work as Crossref answers it. `read` and `write` are for files: saved answers
about one work or many, arrays, JSON Lines and the files of the public data set. What a work of ours
says beyond Crossref's own members is written under the names of CSL-JSON (`PMID`, `keyword`,
`note`), of which Crossref's answers are a dialect; the caller's own id is `label`.

https://api.crossref.org/swagger-ui/index.html, https://github.com/CrossRef/rest-api-doc
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Final, TypeVar
from urllib.parse import quote

import orjson

from kb.formats.licenses import license_name
from kb.formats.markup import markup, plain_text
from kb.formats.references.json_items import Item, as_json, items
from kb.formats.references.reading import FileRecord, Read
from kb.identity.identifiers import (
    identifier,
    identifiers,
    normalize_doi,
    normalize_issn,
    normalize_orcid,
    normalize_ror,
)
from kb.identity.registrations import find_registrations
from kb.models.dates import PartialDate, parse_partial_date, partial_date
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    AbstractSection,
    Affiliation,
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
    FundingClaim,
    NoticeClaim,
    NoticeKind,
    ObservationClaim,
    ReferenceClaim,
    RegistrationMention,
    RelationClaim,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
)

T = TypeVar("T")


# -- files ---------------------------------------------------------------------------------------

_FORMAT: Final = "crossref-json"


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """Every work of a file in its order, with or without a DOI, as what `source` says.

    Members without a place in a record become extra fields, each as JSON; what the service says
    about its own workings (`indexed`, `score`, `member` ...) is left out.
    """
    for item in items(stream):
        if item.error is not None:
            yield Unreadable(position=item.position, reason=item.error)
            continue
        try:
            yield _file_record(item, source)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            yield Unreadable(
                position=item.position, reason=str(error), key=_text(item.value.get("DOI"))
            )


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """The answer of a list call with these works."""
    yield b'{"status":"ok","message-type":"work-list","message-version":"1.0.0",'
    yield b'"message":{"items":[\n'
    number = 0
    for number, record in enumerate(records, 1):
        yield (b",\n" if number > 1 else b"") + as_json(to_item(record))
    yield b'\n],"total-results":%d,"items-per-page":%d}}\n' % (number, number)


def _file_record(item: Item, source: str) -> FileRecord:
    work = item.value
    if not work.keys() & (_TOLD - {"type", "language", "label", "note"}):
        raise ValueError(f"no work but an object with {', '.join(sorted(work)[:6]) or 'nothing'}")
    label = _text(work.get("label"))
    record = _work(work, source, label or f"record {item.number}")
    extra = tuple(
        ExtraField(format=_FORMAT, tag=name, value=as_json(left).decode())
        for name, value in work.items()
        if (left := _left_over(name, value, record)) not in _EMPTY
    )
    observations = tuple(replace(o, source="crossref") for o in record.observations)
    warnings = []
    if not record.identifiers and (given := _text(work.get("DOI"))):
        warnings.append(f"not a DOI: {given[:80]!r}, kept as it stands")
    return FileRecord(
        position=item.position,
        record=replace(record, label=label, observations=observations, extra=extra),
        warnings=tuple(warnings),
    )


# -- one work ------------------------------------------------------------------------------------


def read_work(item: object, position: str, source: str = "crossref") -> WorkRecord | Unreadable:
    """The record of one work object, or why there is none; `position` says where it stood."""
    try:
        return to_record(item, source)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        key = _text(item.get("DOI")) if isinstance(item, Mapping) else None
        return Unreadable(position=position, reason=str(error), key=key)


def to_record(item: Mapping[str, Any], source: str = "crossref") -> WorkRecord:
    """One work, the `message` of a single-work answer or one of the `items` of a list, as what
    `source` says.

    Of `published`, the online, print and posting dates, the earliest is taken, the more precise
    where one contains another (2019-12-02 rather than 2019-12). Raises ValueError without a DOI.
    """
    if not isinstance(item, Mapping):
        raise ValueError(f"a work is an object, got {type(item).__name__}")
    given = _text(item.get("DOI")) or _text(item.get("URL"))
    if given is None:
        raise ValueError("no DOI, so nothing to tell this work from others")
    return _work(item, source, normalize_doi(given) or given)


def _work(item: Mapping[str, Any], source: str, key: str) -> WorkRecord:
    doi = normalize_doi(_text(item.get("DOI")) or _text(item.get("URL")))
    notices, updates, is_flagged_retracted = _notices(item, doi)
    return WorkRecord(
        source=source,
        key=key,
        identifiers=identifiers(
            doi=doi, pmid=_text(item.get("PMID")), pmcid=_text(item.get("PMCID"))
        ),
        title=_title(item),
        original_title=_original_title(item),
        abstract=_abstract(_text(item.get("abstract"))),
        type=WorkType.NOTICE if _is_notice(notices) else _type(item),
        types_as_given=tuple(t for k in ("type", "subtype") if (t := _plain(item.get(k)))),
        published=_published(item),
        dates=_dates(item),
        venue=_venue(item),
        volume=_plain(item.get("volume")),
        issue=_plain(item.get("issue")),
        pages=_pages(item),
        article_number=_plain(item.get("article-number")),
        language=_language(item),
        authors=tuple(_people(item.get("author"))),
        concepts=_concepts(item),
        funding=_funding(item),
        references=_references(item),
        references_claimed=_count(item.get("references-count", item.get("reference-count"))),
        notices=notices,
        relations=_unique([*_relations(item, doi), *updates]),
        registrations=_registrations(item),
        observations=_observations(item),
        license=_license(item),
        is_flagged_retracted=is_flagged_retracted,
        updated=_date(item.get("deposited")),
        contributors=tuple(_contributors(item)),
        short_title=next(iter(_plains(item.get("short-title"))), None),
        series=_plain(item.get("collection-title")),
        edition=_plain(item.get("edition-number")),
        place=_plain(item.get("publisher-location")),
        event=_plain(_event(item).get("name")),
        isbns=_isbns(item),
        urls=_urls(item, doi),
        notes=tuple(_plains(item.get("note"))),
    )


# -- titles, types, dates ------------------------------------------------------------------------


def _title(item: Mapping[str, Any]) -> str | None:
    """ "Title: Subtitle", unless the title already ends with its subtitle."""
    titles = _plains(item.get("title"))
    if not titles:
        return None
    title = titles[0]
    for subtitle in _plains(item.get("subtitle")):
        if not _bare(title).endswith(_bare(subtitle)):
            title += f" {subtitle}" if title[-1] in ":?!.–—" else f": {subtitle}"
    return title


def _bare(text: str) -> str:
    return text.casefold().rstrip(" .")


def _original_title(item: Mapping[str, Any]) -> str | None:
    titles, originals = _plains(item.get("title")), _plains(item.get("original-title"))
    return next((o for o in originals if o not in titles), None)


_TYPES: Final = {
    "journal-article": WorkType.ARTICLE,
    "proceedings-article": WorkType.CONFERENCE_PAPER,
    "book": WorkType.BOOK,
    "edited-book": WorkType.BOOK,
    "monograph": WorkType.BOOK,
    "reference-book": WorkType.BOOK,
    "book-set": WorkType.BOOK,
    "book-series": WorkType.BOOK,
    "book-chapter": WorkType.BOOK_CHAPTER,
    "book-part": WorkType.BOOK_CHAPTER,
    "book-section": WorkType.BOOK_CHAPTER,
    "book-track": WorkType.BOOK_CHAPTER,
    "reference-entry": WorkType.BOOK_CHAPTER,
    "dissertation": WorkType.THESIS,
    "dataset": WorkType.DATASET,
    "database": WorkType.DATASET,
    "report": WorkType.REPORT,
    "report-component": WorkType.REPORT,
}
# Crossref gives a subtype to what is posted alone; ours tell what its types leave open.
_KINDS: Final = {kind.value.replace(" ", "-"): kind for kind in WorkType}
_POSTED_TYPES: Final = {
    "preprint": WorkType.PREPRINT,
    "review": WorkType.REVIEW,
    "letter": WorkType.LETTER,
    "dissertation": WorkType.THESIS,
}


def _type(item: Mapping[str, Any]) -> WorkType | None:
    given = _plain(item.get("type"))
    subtype = _plain(item.get("subtype"))
    if subtype in _KINDS:
        return _KINDS[subtype]
    if given == "posted-content":
        return _POSTED_TYPES.get(subtype or "", WorkType.OTHER)
    return _TYPES.get(given, WorkType.OTHER) if given else None


def _is_notice(notices: Iterable[NoticeClaim]) -> bool:
    return any(not notice.is_about_self for notice in notices)


_PUBLICATION_DATES: Final = (
    ("published", "published"),
    ("published-online", "online"),
    ("published-print", "print"),
    ("issued", "published"),
    ("posted", "posted"),
)


def _date(value: Any) -> PartialDate | None:
    """From {"date-parts": [[2019, 12, 2]]}, of which any part may be missing, null or too much."""
    if not isinstance(value, Mapping):
        return None
    parts = value.get("date-parts")
    if isinstance(parts, list) and parts and isinstance(parts[0], list):
        parts = parts[0]
    if isinstance(parts, list) and parts:
        known = [p if isinstance(p, int | str) else None for p in parts[:3]]
        return partial_date(*known)
    return parse_partial_date(_text(value.get("date-time")))


def _published(item: Mapping[str, Any]) -> PartialDate | None:
    dates = sorted(d for field, _ in _PUBLICATION_DATES if (d := _date(item.get(field))))
    if not dates:
        return None
    earliest = dates[0]
    for date in dates:  # in text order, so that the earliest of the more precise comes first
        if date.startswith(earliest):
            earliest = date
    return earliest


# Names publishers give the dates among their assertions, letters only.
_ASSERTED_DATES: Final = {
    "received": "received",
    "datereceived": "received",
    "receiveddate": "received",
    "revised": "revised",
    "daterevised": "revised",
    "reviseddate": "revised",
    "accepted": "accepted",
    "dateaccepted": "accepted",
    "accepteddate": "accepted",
    "published": "published",
    "datepublished": "published",
    "firstonline": "online",
    "publishedonline": "online",
}


def _dates(item: Mapping[str, Any]) -> tuple[DateClaim, ...]:
    claims: list[DateClaim] = []
    for field, role in (*_PUBLICATION_DATES, ("accepted", "accepted")):
        if date := _date(item.get(field)):
            claims.append(DateClaim(role=role, date=date))
    claims += [c for a in _objects(item.get("assertion")) if (c := _asserted_date(a))]
    return _unique(claims)


def _asserted_date(assertion: Mapping[str, Any]) -> DateClaim | None:
    name = re.sub("[^a-z]", "", (_text(assertion.get("name")) or "").lower())
    role, date = _ASSERTED_DATES.get(name), _printed_date(_plain(assertion.get("value")))
    return DateClaim(role=role, date=date) if role and date else None


_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:T.*)?")
_DAY_FIRST = re.compile(
    r"(?:(?P<day>\d{1,2})\.?\s+)?(?P<month>[A-Za-z]{3,9})\.?,?\s+(?P<year>\d{4})"
)
_MONTH_FIRST = re.compile(r"(?P<month>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})")


def _printed_date(text: str | None) -> PartialDate | None:
    """From "2021-02-23", "23 February 2021", "February 23, 2021" or "Feb 2021". None for the rest:
    "02/03/2021" is one day in Europe and another in America."""
    if not text:
        return None
    if iso := _ISO.fullmatch(text):
        return partial_date(*iso.groups())
    match = _DAY_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    if match is None or match["month"][:3].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(match["month"][:3].lower()) + 1
    return partial_date(match["year"], month, match["day"])


# -- abstract ------------------------------------------------------------------------------------

# A section's heading: its title, bold words with a colon, or, as Research Square deposits them,
# one of the customary words alone on its line.
_HEADING = re.compile(
    r"<(?:jats:)?title\b[^>]*>(?P<title>.*?)</(?:jats:)?title\s*>"
    r"|<(?:jats:)?(?:bold|b|strong)>(?P<bold>[^<>]{2,60}?)"
    r"(?:\s*:\s*</(?:jats:)?(?:bold|b|strong)>|</(?:jats:)?(?:bold|b|strong)>\s*:)"
    r"|(?:^|\n|<(?:jats:)?p>)[ \t]*(?P<line>"
    r"(?:background|introduction|objectives?|aims?|purpose|(?:(?:materials|patients) and )?methods?"
    r"|results|findings|discussion|conclusions?|interpretation|trial registration))"
    r"[ \t]*:?[ \t]*(?=\n)",
    re.S | re.I,
)


def _abstract(deposited: str | None) -> tuple[AbstractSection, ...]:
    """The sections of a JATS abstract; a heading that only says "Abstract" is no label."""
    if deposited is None:
        return ()
    sections: list[AbstractSection] = []
    label: str | None = None
    start = 0
    for heading in _HEADING.finditer(deposited):
        _add_section(sections, label, deposited[start : heading.start()])
        words = heading["title"] or heading["bold"] or heading["line"]
        label = (plain_text(words) or "").rstrip(" :.") or None
        if label and label.casefold() == "abstract":
            label = None
        start = heading.end()
    _add_section(sections, label, deposited[start:])
    return tuple(sections)


def _add_section(sections: list[AbstractSection], label: str | None, text: str) -> None:
    if plain := plain_text(text):
        sections.append(AbstractSection(text=plain, label=label))


# -- venue, people, money ------------------------------------------------------------------------

# What Wiley and others deposit while a work has no pages yet.
_NO_PAGES: Final = frozenset({"n/a", "n/a-n/a", "no-no", "na-na"})


def _pages(item: Mapping[str, Any]) -> str | None:
    pages = _plain(item.get("page"))
    if pages is None or pages.lower() in _NO_PAGES:
        return None
    # Elsevier deposits an article number in both places.
    return None if pages == _plain(item.get("article-number")) else pages


def _venue(item: Mapping[str, Any]) -> VenueClaim | None:
    given = [
        *_list(item.get("ISSN")),
        *(issn.get("value") for issn in _objects(item.get("issn-type"))),
    ]
    venue = VenueClaim(
        name=next(iter(_plains(item.get("container-title"))), None),
        abbreviation=next(iter(_plains(item.get("short-container-title"))), None),
        issns=_unique(issn for raw in given if (issn := normalize_issn(_text(raw)))),
        publisher=_plain(item.get("publisher")),
    )
    return venue if venue != VenueClaim() else None


def _isbns(item: Mapping[str, Any]) -> tuple[str, ...]:
    given = [
        *_list(item.get("ISBN")),
        *(isbn.get("value") for isbn in _objects(item.get("isbn-type"))),
    ]
    # Older answers give addresses: http://id.crossref.org/isbn/9780470012345
    return _unique(i for raw in given if (i := (_plain(raw) or "").rpartition("/")[2].strip()))


def _event(item: Mapping[str, Any]) -> Mapping[str, Any]:
    event = item.get("event")
    return event if isinstance(event, Mapping) else {}


def _urls(item: Mapping[str, Any], doi: str | None) -> tuple[str, ...]:
    """Where the work is, besides its DOI: the address deposited first, then bare links. Links for
    text mining and plagiarism checks are not for readers."""
    resource = item.get("resource")
    primary = resource.get("primary") if isinstance(resource, Mapping) else None
    given = [
        _text(item.get("URL")),
        _text(primary.get("URL")) if isinstance(primary, Mapping) else None,
        *(_text(link["URL"]) for link in _objects(item.get("link")) if link.keys() == {"URL"}),
    ]
    return _unique(url for url in given if url and not (doi and normalize_doi(url) == doi))


def _concepts(item: Mapping[str, Any]) -> tuple[ConceptClaim, ...]:
    # `subject` is of the journal, and no longer given.
    return _unique(ConceptClaim(scheme="keyword", label=k) for k in _plains(item.get("keyword")))


def _language(item: Mapping[str, Any]) -> str | None:
    given = _plain(item.get("language"))
    primary = re.fullmatch(r"([A-Za-z]{2})(?:[-_]\w+)*", given or "")
    return primary[1].lower() if primary else given


def _people(value: Any) -> Iterator[AuthorClaim]:
    for person in _objects(value):
        family, given = _plain(person.get("family")), _plain(person.get("given"))
        name = _plain(person.get("name"))
        if not (family or given or name):
            continue
        yield AuthorClaim(
            family=family,
            given=given if family else None,
            suffix=_plain(person.get("suffix")),
            collective=name if not (family or given) else None,
            name=given if given and not family else None,
            orcid=normalize_orcid(_text(person.get("ORCID"))),
            affiliations=_affiliations(person),
        )


_ROLES: Final = ("editor", "chair", "translator")


def _contributors(item: Mapping[str, Any]) -> Iterator[ContributorClaim]:
    for role in _ROLES:
        for person in _people(item.get(role)):
            yield ContributorClaim(role=role, person=person)
    for other in _objects(item.get("contributor")):
        if named := _plain(other.get("role")):
            for person in _people(other):
                yield ContributorClaim(role=named, person=person)


def _affiliations(author: Mapping[str, Any]) -> tuple[Affiliation, ...]:
    claims = []
    for affiliation in _objects(author.get("affiliation")):
        parts = [
            *_plains(affiliation.get("department")),
            *_plains(affiliation.get("name")),
            *_plains(affiliation.get("place")),
        ]
        ror = _ror(affiliation)
        if text := ", ".join(parts) or (f"https://ror.org/{ror}" if ror else None):
            claims.append(Affiliation(text=text, ror=ror))
    return _unique(claims)


def _ror(holder: Mapping[str, Any]) -> str | None:
    rors = (
        normalize_ror(_text(i.get("id")))
        for i in _objects(holder.get("id"))
        if (_text(i.get("id-type")) or "").upper() == "ROR"
    )
    return next((ror for ror in rors if ror), None)


def _funding(item: Mapping[str, Any]) -> tuple[FundingClaim, ...]:
    """One claim per award, or one for a funder without."""
    claims = []
    for funder in _objects(item.get("funder")):
        doi, ror = normalize_doi(_text(funder.get("DOI"))), _ror(funder)
        name = _plain(funder.get("name")) or doi or (f"https://ror.org/{ror}" if ror else None)
        if name is None:
            continue
        claim = FundingClaim(funder=name, funder_doi=doi, funder_ror=ror)
        awards = _plains(funder.get("award"))
        claims += [replace(claim, award=award) for award in awards] or [claim]
    return _unique(claims)


_LICENSE_ORDER: Final = ("vor", "unspecified", "am", "tdm")


def _license(item: Mapping[str, Any]) -> str | None:
    """The licence of the version of record, else the next that is known; an open one first."""
    ranked = []
    for entry in _objects(item.get("license")):
        name = license_name(_text(entry.get("URL")))
        version = _text(entry.get("content-version")) or "unspecified"
        if name and version in _LICENSE_ORDER:
            ranked.append((_LICENSE_ORDER.index(version), not name.startswith("cc"), name))
    # min() keeps the first of equals, so that the depositor's order decides.
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _observations(item: Mapping[str, Any]) -> tuple[ObservationClaim, ...]:
    cited = _count(item.get("is-referenced-by-count"))
    return () if cited is None else (ObservationClaim(metric="citation_count", value=cited),)


def _registrations(item: Mapping[str, Any]) -> tuple[RegistrationMention, ...]:
    """Numbers of a form not known here are kept as given, with the registry's DOI."""
    mentions = []
    for entry in _objects(item.get("clinical-trial-number")):
        given, kind = _plain(entry.get("clinical-trial-number")), _plain(entry.get("type"))
        if given is None:
            continue
        found = [
            RegistrationMention(number=number, registry=registry, kind=kind)
            for registry, number in find_registrations(given)
        ]
        registry_doi = normalize_doi(_text(entry.get("registry")))
        mentions += found or [RegistrationMention(number=given, registry=registry_doi, kind=kind)]
    return _unique(mentions)


# -- links to other works ------------------------------------------------------------------------


def _references(item: Mapping[str, Any]) -> tuple[ReferenceClaim, ...]:
    return tuple(
        _reference(position, reference)
        for position, reference in enumerate(_list(item.get("reference")), 1)
        if isinstance(reference, Mapping)
    )


def _reference(position: int, reference: Mapping[str, Any]) -> ReferenceClaim:
    def field(name: str) -> str | None:
        return _plain(reference.get(name))

    given_doi = _text(reference.get("DOI"))
    found = identifiers(doi=given_doi)
    titles = [t for n in ("article-title", "volume-title", "series-title") if (t := field(n))]
    journal = field("journal-title")
    year = re.fullmatch(r"\W*c?([12]\d{3})[a-z]?\W*", field("year") or "", re.I)
    return ReferenceClaim(
        position=position,
        identifiers=found,
        # What should have been a DOI may still tell a reader what is meant.
        text=field("unstructured") or (None if found else given_doi),
        title=titles[0] if titles else None,
        authors=field("author"),
        year=int(year[1]) if year else None,
        year_text=None if year and year[1] == field("year") else field("year"),
        venue=journal or (titles[1] if len(titles) > 1 else None),
        volume=field("volume"),
        pages=field("first-page"),
        key=_text(reference.get("key")),
        asserted_by=_text(reference.get("doi-asserted-by")) if found else None,
    )


_RELATIONS: Final = {
    "is-preprint-of": "preprint of",
    "has-preprint": "has preprint",
    "is-version-of": "version of",
    "has-version": "has version",
    "is-manuscript-of": "version of",
    "has-manuscript": "has version",
    "replaces": "update of",
    "is-replaced-by": "updated by",
    "is-comment-on": "comment on",
    "has-comment": "commented by",
}


def _relations(item: Mapping[str, Any], doi: str | None) -> Iterator[RelationClaim]:
    relations = item.get("relation")
    for name, others in relations.items() if isinstance(relations, Mapping) else ():
        for other in _objects(others):
            found = _related(other)
            if name in _RELATIONS and found and found.value != doi:
                yield RelationClaim(kind=_RELATIONS[name], other=(found,))


def _related(other: Mapping[str, Any]) -> Identifier | None:
    kind, value = (_text(other.get("id-type")) or "").lower(), _text(other.get("id"))
    if kind in ("pmid", "pmcid"):
        return identifier(Scheme(kind), value)
    return identifier(Scheme.DOI, value) if kind in ("doi", "uri", "") else None


_NOTICES: Final = {
    "retraction": NoticeKind.RETRACTION,
    "partial_retraction": NoticeKind.PARTIAL_RETRACTION,
    "withdrawal": NoticeKind.WITHDRAWAL,
    "removal": NoticeKind.REMOVAL,
    "expression_of_concern": NoticeKind.CONCERN,
    "concern": NoticeKind.CONCERN,
    "correction": NoticeKind.CORRECTION,
    "corrigendum": NoticeKind.CORRECTION,
    "erratum": NoticeKind.CORRECTION,
    "addendum": NoticeKind.CORRECTION,
    "clarification": NoticeKind.CORRECTION,
    "reinstatement": NoticeKind.REINSTATEMENT,
}
_VERSIONS: Final = frozenset({"new_version", "new_edition"})
_TAKEN_BACK: Final = frozenset({NoticeKind.RETRACTION, NoticeKind.WITHDRAWAL, NoticeKind.REMOVAL})


def _notices(
    item: Mapping[str, Any], doi: str | None
) -> tuple[tuple[NoticeClaim, ...], list[RelationClaim], bool | None]:
    """Notices in both directions, new versions as relations, and whether the work is said to have
    been retracted by a notice under its own DOI.

    An update that points at its own DOI is no link between two works. Where it says "retraction" it
    may be one made in place, or a notice deposited with the wrong target: a hint, not a notice.
    """
    notices: list[NoticeClaim] = []
    versions: list[RelationClaim] = []
    is_flagged_retracted: bool | None = None
    for field, is_about_self in (("update-to", False), ("updated-by", True)):
        for update in _objects(item.get(field)):
            given = _text(update.get("DOI"))
            other = identifiers(doi=given)
            words = [_update_word(update.get("type")), _update_word(update.get("label"))]
            kind = next((_NOTICES[w] for w in words if w in _NOTICES), None)
            if doi and any(i.value == doi for i in other):
                is_flagged_retracted = kind in _TAKEN_BACK or is_flagged_retracted
            elif kind is not None:
                notices.append(
                    NoticeClaim(
                        kind=kind,
                        is_about_self=is_about_self,
                        other=other,
                        date=_date(update.get("updated")),
                        label=_plain(update.get("label")) or _plain(update.get("type")),
                        asserted_by=_text(update.get("source")),
                        text=None if other else given,
                    )
                )
            elif other and not _VERSIONS.isdisjoint(words):
                relation = "updated by" if is_about_self else "update of"
                versions.append(RelationClaim(kind=relation, other=other))
    return _unique(notices), versions, is_flagged_retracted or None


def _update_word(value: Any) -> str:
    return re.sub(r"[\s-]+", "_", (_text(value) or "").lower())


# -- reading JSON of any shape -------------------------------------------------------------------


def _list(value: Any) -> list[Any]:
    """A list as it is, one value as a list of one, null as none."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in _list(value) if isinstance(v, Mapping)]


def _text(value: Any) -> str | None:
    """Text as given, without surrounding space and NUL; whole numbers as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return (value.replace("\x00", "").strip() or None) if isinstance(value, str) else None


def _plain(value: Any) -> str | None:
    return plain_text(_text(value))


def _plains(value: Any) -> list[str]:
    return [text for v in _list(value) if (text := _plain(v))]


def _count(value: Any) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and value >= 0 else None


def _unique(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


# -- record to item ------------------------------------------------------------------------------

# (type, subtype) as written. A notice is known by what it updates.
_WRITTEN_TYPES: Final[dict[WorkType, tuple[str, str | None]]] = {
    WorkType.ARTICLE: ("journal-article", None),
    WorkType.NOTICE: ("journal-article", "notice"),
    WorkType.PREPRINT: ("posted-content", "preprint"),
    WorkType.CONFERENCE_PAPER: ("proceedings-article", None),
    WorkType.CONFERENCE_ABSTRACT: ("proceedings-article", "conference-abstract"),
    WorkType.BOOK: ("book", None),
    WorkType.BOOK_CHAPTER: ("book-chapter", None),
    WorkType.THESIS: ("dissertation", None),
    WorkType.DATASET: ("dataset", None),
    WorkType.REPORT: ("report", None),
    WorkType.WEB_PAGE: ("other", "web-page"),
    WorkType.PATENT: ("other", "patent"),
    WorkType.SOFTWARE: ("other", "software"),
    WorkType.OTHER: ("other", None),
    **{
        kind: ("journal-article", kind.value.replace(" ", "-"))
        for kind in (
            *(WorkType.REVIEW, WorkType.PROTOCOL, WorkType.LETTER, WorkType.EDITORIAL),
            WorkType.CASE_REPORT,
        )
    },
}


def to_item(record: WorkRecord) -> dict[str, Any]:
    """The work as Crossref's answers describe one, without what is not known."""
    ids = {i.scheme: i.value for i in reversed(record.identifiers)}
    doi = ids.get(Scheme.DOI)
    venue = record.venue or VenueClaim()
    kept = _kept(record)
    item = {
        "label": record.label,
        "DOI": doi,
        "PMID": ids.get(Scheme.PMID),
        "PMCID": ids.get(Scheme.PMCID),
        **_type_item(record, kept),
        "title": _faces(record.title),
        "original-title": _faces(record.original_title),
        "short-title": _faces(record.short_title),
        "abstract": _abstract_item(record.abstract),
        **_date_items(record),
        "container-title": _faces(venue.name),
        "short-container-title": _faces(venue.abbreviation),
        "ISSN": list(venue.issns),
        "ISBN": list(record.isbns),
        "publisher": markup(venue.publisher),
        "publisher-location": markup(record.place),
        "collection-title": markup(record.series),
        "edition-number": markup(record.edition),
        "event": {"name": markup(record.event)} if record.event else None,
        "volume": markup(record.volume),
        "issue": markup(record.issue),
        "page": markup(record.pages),
        "article-number": markup(record.article_number),
        "language": record.language,
        "author": [_person_item(a, n) for n, a in enumerate(record.authors)],
        **_contributor_items(record.contributors),
        "keyword": [markup(c.label) for c in record.concepts if c.scheme == "keyword"],
        "funder": _funder_items(record.funding),
        "reference": [_reference_item(r) for r in record.references],
        "references-count": record.references_claimed,
        "is-referenced-by-count": _count_of(record),
        "clinical-trial-number": [_registration_item(r) for r in record.registrations],
        "license": [{"URL": _license_url(record.license), "content-version": "vor"}]
        if record.license
        else None,
        **_update_items(record, doi),
        "relation": _relation_items(record.relations),
        "deposited": _date_item(record.updated),
        **_url_items(record.urls, doi),
        "note": _faces(*record.notes),
    }
    for tag, value in kept.items():
        item[tag] = _joined(item.get(tag), value)
    return {name: value for name, value in item.items() if value not in _EMPTY}


_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


def _kept(record: WorkRecord) -> dict[str, Any]:
    """The members that came with the record and have no place in it, by name."""
    kept = {}
    for field in record.extra:
        if field.format == _FORMAT:
            try:
                kept[field.tag] = orjson.loads(field.value)
            except orjson.JSONDecodeError:
                kept[field.tag] = field.value
    return kept


def _joined(own: Any, kept: Any) -> Any:
    if isinstance(own, list) and isinstance(kept, list):
        return own + kept
    return {**own, **kept} if isinstance(own, dict) and isinstance(kept, dict) else kept


def _faces(*texts: str | None) -> list[str]:
    return [face for text in texts if (face := markup(text))]


def _type_item(record: WorkRecord, kept: dict[str, Any]) -> dict[str, Any]:
    """What Crossref called the work, as long as the record still is of that type."""
    given = {"type": kept.pop("type", None), "subtype": kept.pop("subtype", None)}
    if record.type is None:
        return {}
    kind, subtype = _WRITTEN_TYPES[record.type]
    written = {"type": given["type"] or kind, "subtype": given["subtype"] or subtype}
    if record.type is WorkType.NOTICE and _is_notice(record.notices):
        written["subtype"] = given["subtype"]
    elif _type(written) is not record.type:
        written = {"type": kind, "subtype": subtype}
    return written


def _abstract_item(sections: Sequence[AbstractSection]) -> str | None:
    parts = []
    for number, section in enumerate(sections):
        text = f"<jats:p>{markup(section.text)}</jats:p>"
        if section.label or number:
            text = (
                f"<jats:sec><jats:title>{markup(section.label) or ''}</jats:title>{text}</jats:sec>"
            )
        parts.append(text)
    return "".join(parts) or None


def _date_item(date: PartialDate | None) -> dict[str, Any] | None:
    return {"date-parts": [[int(part) for part in date.split("-")]]} if date else None


def _date_items(record: WorkRecord) -> dict[str, Any]:
    items: dict[str, Any] = {}
    names = {"published": "published", "online": "published-online", "print": "published-print"}
    for claim in record.dates:
        name = names.get(claim.role, claim.role)
        if name in ("received", "revised"):
            entry = {"name": name, "label": name.capitalize(), "value": claim.date}
            items.setdefault("assertion", []).append(entry)
        elif name in (*names.values(), "posted", "accepted"):
            # A second date of publication is the one of issue.
            name = "issued" if name == "published" in items else name
            items.setdefault(name, _date_item(claim.date))
    if _published(items) != record.published:
        # What the record says of its publication counts, not what else it mentions.
        for name in (*names.values(), "posted", "issued"):
            items.pop(name, None)
        items["published"] = _date_item(record.published)
    items.setdefault("issued", items.get("published") or _date_item(record.published))
    return items


def _person_item(person: AuthorClaim, number: int) -> dict[str, Any]:
    item = {
        "family": markup(person.family),
        "given": markup(person.given if person.family else person.name or person.given),
        "suffix": markup(person.suffix),
        "name": markup(person.collective),
        "ORCID": f"https://orcid.org/{person.orcid}" if person.orcid else None,
        "sequence": "additional" if number else "first",
        "affiliation": [_affiliation_item(a) for a in person.affiliations],
    }
    if person.collective:
        item |= {"family": None, "given": None}
    return {name: value for name, value in item.items() if value not in _EMPTY}


def _affiliation_item(affiliation: Affiliation) -> dict[str, Any]:
    return {"name": markup(affiliation.text), **_ror_item(affiliation.ror)}


def _ror_item(ror: str | None) -> dict[str, Any]:
    return {"id": [{"id": f"https://ror.org/{ror}", "id-type": "ROR"}]} if ror else {}


def _contributor_items(contributors: Sequence[ContributorClaim]) -> dict[str, Any]:
    items: dict[str, Any] = {}
    for contributor in contributors:
        name = contributor.role if contributor.role in _ROLES else "contributor"
        people = items.setdefault(name, [])
        person = _person_item(contributor.person, len(people))
        if name == "contributor":
            person["role"] = markup(contributor.role)
        people.append(person)
    return items


def _funder_items(funding: Sequence[FundingClaim]) -> list[dict[str, Any]]:
    items: dict[tuple[str, str | None, str | None], dict[str, Any]] = {}
    for claim in funding:
        item = items.setdefault(
            (claim.funder, claim.funder_doi, claim.funder_ror),
            {"name": markup(claim.funder), **_ror_item(claim.funder_ror)},
        )
        if claim.funder_doi:
            item["DOI"] = claim.funder_doi
        if claim.award:
            item.setdefault("award", []).append(markup(claim.award))
    return list(items.values())


def _reference_item(claim: ReferenceClaim) -> dict[str, Any]:
    doi = next((i.value for i in claim.identifiers if i.scheme is Scheme.DOI), None)
    year = None if claim.year is None else str(claim.year)
    item = {
        "key": claim.key,
        "DOI": doi,
        "doi-asserted-by": claim.asserted_by if doi else None,
        "unstructured": markup(claim.text),
        "article-title": markup(claim.title),
        "author": markup(claim.authors),
        "year": markup(claim.year_text) or year,
        "journal-title": markup(claim.venue),
        "volume": markup(claim.volume),
        "first-page": markup(claim.pages),
    }
    return {name: value for name, value in item.items() if value is not None}


def _count_of(record: WorkRecord) -> int | None:
    """How often Crossref counted the work as cited; others' counts are not Crossref's."""
    for seen in record.observations:
        if seen.metric == "citation_count" and (seen.source or record.source) == "crossref":
            return seen.value
    return None


def _registration_item(mention: RegistrationMention) -> dict[str, Any]:
    item = {
        "clinical-trial-number": markup(mention.number),
        "registry": normalize_doi(mention.registry),
        "type": mention.kind,
    }
    return {name: value for name, value in item.items() if value is not None}


def _license_url(name: str | None) -> str | None:
    """The address of a Creative Commons licence; what has none as it is."""
    match = re.fullmatch(r"cc(0|-by[a-z-]*)-(\d\.\d)(?:-([a-z]+))?", name or "")
    if match is None:
        return name
    kind = "publicdomain/zero" if match[1] == "0" else f"licenses/{match[1][1:]}"
    port = f"{match[3]}/" if match[3] else ""
    return f"https://creativecommons.org/{kind}/{match[2]}/{port}"


_NOTICE_WORDS: Final = {kind: word for word, kind in reversed(_NOTICES.items())}


def _update_items(record: WorkRecord, doi: str | None) -> dict[str, Any]:
    items: dict[str, Any] = {}
    for notice in record.notices:
        other = next((i.value for i in notice.other if i.scheme is Scheme.DOI), notice.text)
        update = {
            "DOI": other,
            "type": _NOTICE_WORDS[notice.kind],
            "label": markup(notice.label),
            "source": notice.asserted_by,
            "updated": _date_item(notice.date),
        }
        field = "updated-by" if notice.is_about_self else "update-to"
        items.setdefault(field, []).append({k: v for k, v in update.items() if v is not None})
    if record.is_flagged_retracted and doi:
        own = {"DOI": doi, "type": "retraction"}
        items.setdefault("updated-by", []).append(own)
    return items


_RELATION_NAMES: Final = {kind: name for name, kind in reversed(_RELATIONS.items())}


def _relation_items(relations: Sequence[RelationClaim]) -> dict[str, Any]:
    items: dict[str, Any] = {}
    for relation in relations:
        name = _RELATION_NAMES.get(relation.kind)
        others = [i for i in relation.other if i.scheme is not Scheme.OPENALEX]
        if name and others:
            other = min(others, key=lambda i: i.scheme is not Scheme.DOI)
            entry = {"id-type": other.scheme.value, "id": other.value, "asserted-by": "subject"}
            items.setdefault(name, []).append(entry)
    return items


def _url_items(urls: Sequence[str], doi: str | None) -> dict[str, Any]:
    items: dict[str, Any] = {"URL": f"https://doi.org/{quote(doi, safe='/')}" if doi else None}
    if urls:
        items["resource"] = {"primary": {"URL": urls[0]}}
        items["link"] = [{"URL": url} for url in urls[1:]]
    return items


# -- what is left over ---------------------------------------------------------------------------

# What the service says about its own workings, or says twice.
_WORKINGS: Final = frozenset(
    {"content-domain", "created", "indexed", "issn-type", "isbn-type", "journal-issue", "member"}
    | {"prefix", "reference-count", "score", "source", "update-policy"}
)
# Members that a record holds whole, or says otherwise.
_TOLD: Final = frozenset(
    {"DOI", "PMID", "PMCID", "URL", "ISSN", "ISBN", "abstract", "accepted", "article-number"}
    | {"assertion", "author", "chair", "clinical-trial-number", "collection-title"}
    | {"container-title", "contributor", "deposited", "edition-number", "editor", "event"}
    | {"funder", "is-referenced-by-count", "issue", "issued", "keyword", "label", "language"}
    | {"license", "link", "note", "original-title", "page", "posted", "published"}
    | {"published-online", "published-print", "publisher", "publisher-location", "reference"}
    | {"references-count", "relation", "resource", "short-container-title", "short-title"}
    | {"subtitle", "subtype", "title", "translator", "type", "update-to", "updated-by", "volume"}
)
_DATES: Final = frozenset(
    {"accepted", "deposited", "issued", "posted", "published", "published-online"}
    | {"published-print"}
)
# Of these a record holds the first alone.
_FIRST: Final = frozenset({"container-title", "short-container-title", "short-title"})


def _left_over(name: str, value: Any, record: WorkRecord) -> Any:
    """What of a member the record made of it does not say; None where it says it all."""
    if name in _WORKINGS or value in _EMPTY:
        return None
    if name not in _TOLD:
        return value
    if name in _DATES:
        blank = isinstance(value, Mapping) and value.get("date-parts") in ([[None]], [[]], [])
        return None if blank or _date(value) else value
    if name in _FIRST:
        return _plains(value)[1:]
    if name == "DOI":
        return None if normalize_doi(_text(value)) else value
    if name in ("type", "subtype"):
        written = _WRITTEN_TYPES[record.type] if record.type else (None, None)
        is_notice = record.type is WorkType.NOTICE and _is_notice(record.notices)
        usual = {"type": written[0], "subtype": None if is_notice else written[1]}
        return None if value == usual[name] else value
    if name == "original-title":
        return [t for t in _plains(value) if t != record.original_title and t != record.title]
    if name == "assertion":
        return [a for a in _objects(value) if not _asserted_date(a)]
    if name == "link":
        return [link for link in _objects(value) if link.keys() != {"URL"}]
    if name == "relation" and isinstance(value, Mapping):
        return {k: v for k, v in value.items() if k not in _RELATIONS and v not in _EMPTY}
    if name == "event" and isinstance(value, Mapping):
        return {k: v for k, v in value.items() if k != "name"}
    if name == "page" and record.pages is None and _plain(value) != record.article_number:
        return value
    return None
