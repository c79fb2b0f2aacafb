"""Crossref's description of a work in JSON: what publishers deposited, with references, funders and
update notices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from kb.formats.licenses import license_name
from kb.formats.markup import plain_text
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
    DateClaim,
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
    given_doi = _text(item.get("DOI")) or _text(item.get("URL"))
    if given_doi is None:
        raise ValueError("no DOI, so nothing to tell this work from others")
    doi = normalize_doi(given_doi)
    notices, updates, is_flagged_retracted = _notices(item, doi)
    return WorkRecord(
        source=source,
        key=doi or given_doi,
        identifiers=identifiers(doi=doi),
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
        authors=_authors(item),
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
    "proceedings-article": WorkType.ARTICLE,
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
}
_POSTED_TYPES: Final = {
    "preprint": WorkType.PREPRINT,
    "review": WorkType.REVIEW,
    "letter": WorkType.LETTER,
    "dissertation": WorkType.THESIS,
}


def _type(item: Mapping[str, Any]) -> WorkType | None:
    given = _plain(item.get("type"))
    if given == "posted-content":
        return _POSTED_TYPES.get(_plain(item.get("subtype")) or "", WorkType.OTHER)
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
    for assertion in _objects(item.get("assertion")):
        name = re.sub("[^a-z]", "", (_text(assertion.get("name")) or "").lower())
        asserted = _ASSERTED_DATES.get(name)
        if asserted and (date := _printed_date(_plain(assertion.get("value")))):
            claims.append(DateClaim(role=asserted, date=date))
    return _unique(claims)


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


def _language(item: Mapping[str, Any]) -> str | None:
    given = _plain(item.get("language"))
    primary = re.fullmatch(r"([A-Za-z]{2})(?:[-_]\w+)*", given or "")
    return primary[1].lower() if primary else given


def _authors(item: Mapping[str, Any]) -> tuple[AuthorClaim, ...]:
    claims = []
    for author in _objects(item.get("author")):
        family, given = _plain(author.get("family")), _plain(author.get("given"))
        name = _plain(author.get("name"))
        if not (family or given or name):
            continue
        claims.append(
            AuthorClaim(
                family=family,
                given=given if family else None,
                suffix=_plain(author.get("suffix")),
                collective=name if not (family or given) else None,
                name=given if given and not family else None,
                orcid=normalize_orcid(_text(author.get("ORCID"))),
                affiliations=_affiliations(author),
            )
        )
    return tuple(claims)


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
