"""What the fields of RIS mean, which EndNote's XML has under other names: fields to a record, and a
record to fields.

One table of kinds (`kinds`) says what a field means in a kind of reference; nothing is dropped: a
field without a place in a record becomes an ExtraField, and comes out where it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from kb.formats.nlm import is_retracted, work_type
from kb.formats.references.endnote_tags import FORM, TAGS
from kb.formats.references.kinds import GENERIC, Kind, kind_for, kind_named
from kb.formats.references.names import people, written
from kb.formats.references.texts import (
    abstract_text,
    date_in,
    flat,
    prose,
    sections,
    serial_numbers,
)
from kb.formats.references.values import first_identifier, language_of, pages_or_number
from kb.identity.identifiers import (
    identifiers,
    normalize_doi,
    normalize_pmcid,
    normalize_pmid,
)
from kb.identity.registrations import normalize_registration
from kb.models.dates import PartialDate
from kb.models.identifiers import Scheme
from kb.models.records import (
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
    RegistrationMention,
    VenueClaim,
    WorkRecord,
    WorkType,
)

RIS: Final = "ris"


class Field(NamedTuple):
    """One field; `lines` are those of its value, without space around them, none of them empty."""

    tag: str
    lines: list[str]


def record_of(
    fields: Sequence[Field],
    *,
    source: str,
    number: int,
    form: str = RIS,
    names: Mapping[str, str] | None = None,
) -> tuple[WorkRecord, list[str]]:
    """The record that fields make, the `number`th of its file, and what is wrong with them.

    `form` is the format they come from, and `names` what tags are called there, for what is kept.
    """
    return _Reader(fields, form, names or {}).record(source, number)


_DOI_NOTE = re.compile(r"(?:doi[:\s]\s*|https?://(?:dx\.)?doi\.org/|^)(10\.\d{4,9}/\S+)$", re.I)
_DOI_ADDRESS = re.compile(r"^(?:https?://)?(?:dx\.|www\.)?doi\.org/", re.I)
_PUBMED_ADDRESS = re.compile(r"pubmed\.ncbi\.nlm|ncbi\.nlm\.nih\.gov/pubmed/", re.I)
_PMC_ADDRESS = re.compile(r"ncbi\.nlm\.nih\.gov/(?:pmc/)?articles/PMC\d+/?$", re.I)
_PMC = re.compile(r"PMC\d{1,10}(?:\.\d+)?", re.I)
_PMID_NOTE = re.compile(r"(?:PMID|PubMed ID)\s*:?\s*(\d{1,8})\.?", re.I)
_PMID_OF_CENTRAL = re.compile(r"\bPUBMED (\d{5,8})\b")  # "PUBMED 30582447,EMBASE 625634571"
# EBSCO's: "Accession Number: 123. Language: English. PMID: NLM31810187."
_PMID_OF_EBSCO = re.compile(r"Accession Number: .*\bPMID: (?:NLM)?(\d{5,8})\b")
_PMCID_NOTE = re.compile(r"PMCID\s*:?\s*(PMC\d+)\.?", re.I)
_ACCESSION = re.compile(r"(?:(?P<label>PMID|MEDLINE|MED)[:\s]*)?(?P<number>\d{1,8})", re.I)
_OF_PUBMED = re.compile(r"pubmed|medline|europe ?pmc|\bnlm\b|cmedm|library of medicine", re.I)
_OTHER_DATABASE = re.compile(
    r"embase|proquest|ebsco|psyc(?:info|net)|scopus|webofscience|wos|eric\.ed|cochrane", re.I
)
_BETWEEN_URLS = re.compile(r"[;,]\s*(?=https?:|www\.|ftp:)|\s+(?=https?://|ftp://)", re.I)
_ISSUE = re.compile(r"[^()]{1,30}")
_AND_OTHERS: Final = frozenset(
    claim for name in ("et al.", "et al", "others") for claim in people(name)
)
_NOTE_LABELS: Final = ("Original title: ", "Conference: ", "Registration: ")


class _Reader:
    def __init__(self, fields: Sequence[Field], form: str, names: Mapping[str, str]) -> None:
        self._fields = fields
        self._form = form
        self._names = names
        self._values = [f.lines[0] if len(f.lines) == 1 else " ".join(f.lines) for f in fields]
        self._is_used = bytearray(len(fields))
        self._at: dict[str, list[int]] = {}
        for index, field in enumerate(fields):
            self._at.setdefault(field.tag, []).append(index)
        self._warnings: list[str] = []
        self._registrations: tuple[RegistrationMention, ...] = ()

    # -- taking fields -----------------------------------------------------------------------------

    def _peek(self, tag: str) -> str | None:
        at = self._at.get(tag)
        return self._values[at[0]] if at else None

    def _one(self, *tags: str) -> str | None:
        """The first value of the first of the tags there is; the same value under the others, too,
        is taken with it."""
        found = None
        for tag in tags:
            for index in self._at.get(tag, ()):
                if self._is_used[index]:
                    continue
                if found is None:
                    found = self._values[index]
                if self._values[index] == found:
                    self._is_used[index] = True
        return found

    def _text(self, *tags: str) -> str | None:
        found = self._one(*tags)
        return prose(found) or None if found else None

    def _each(self, tag: str) -> Iterator[tuple[int, str]]:
        for index in self._at.get(tag, ()):
            if not self._is_used[index]:
                yield index, self._values[index]

    def _taken(self, tag: str) -> list[str]:
        values = []
        for index, value in self._each(tag):
            self._is_used[index] = True
            values.append(value)
        return values

    # -- the record --------------------------------------------------------------------------------

    def record(self, source: str, number: int) -> tuple[WorkRecord, list[str]]:
        given_kind = self._one("TY")
        kind = kind_named(given_kind) if given_kind else None
        if given_kind is None:
            self._warnings.append("no type of reference (TY)")
        kind = kind or GENERIC
        doi, pmid, pmcid = self._identifiers()
        types = tuple(dict.fromkeys(prose(value) for value in self._taken("M3")))
        kind = meant_kind(kind, types)
        title = self._text("TI", "T1", "CT")
        if title is None and kind.type is WorkType.BOOK:
            title = self._text("BT")
        notes, labelled = self._notes()
        authors, contributors = self._people(kind)
        is_cut = bool(authors) and authors[-1] in _AND_OTHERS
        name, event = self._venue_and_event(kind)
        abbreviation = self._text("JA", "J2", "JI", "JO", "J1", "J9")
        issns, isbns = self._serial_numbers()
        publisher = self._text("PB", "PU")
        series = self._text("T2") if kind.titles[0] == "series" else None
        if series is None and "series" in kind.titles:
            series = self._text("T3")
        venue = None
        if name or abbreviation or issns or publisher:
            venue = VenueClaim(
                name=name, abbreviation=abbreviation, issns=issns, publisher=publisher
            )
        volume = self._one("VL", "VO")
        issue = self._issue(kind)
        pages, article_number = self._pages(kind)
        published, dates = self._dates()
        is_epub_date = kind.is_periodical and date_in(self._peek("ET") or "")[0] is not None
        label = self._one("ID") or self._one("LB")
        language = self._peek("LA")
        if language:
            self._one("LA")
        type_ = implied_type(kind, types)
        record = WorkRecord(
            source=source,
            key=label or f"record {number}",
            identifiers=identifiers(doi=doi, pmid=pmid, pmcid=pmcid),
            title=title,
            original_title=labelled.get("Original title: "),
            abstract=sections(self._abstract()),
            type=type_,
            types_as_given=types,
            published=published,
            dates=dates,
            venue=venue,
            volume=volume,
            issue=issue,
            pages=pages,
            article_number=article_number,
            language=language_of(language) if language else None,
            authors=authors[:-1] if is_cut else authors,
            authors_complete=False if is_cut else None,
            concepts=self._keywords(),
            registrations=self._registrations,
            is_flagged_retracted=is_retracted(types),
            label=label,
            contributors=contributors,
            short_title=self._text("ST"),
            series=series,
            edition=None if is_epub_date else self._text("ET"),
            place=self._text("CY", "PP", "PI"),
            event=event or labelled.get("Conference: "),
            isbns=isbns,
            urls=self._urls(),
            notes=notes,
            extra=self._extra(given_kind, kind, type_, venue, volume or issue),
        )
        return record, self._warnings

    def _extra(
        self,
        given_kind: str | None,
        kind: Kind,
        type_: WorkType | None,
        venue: VenueClaim | None,
        number: str | None,
    ) -> tuple[ExtraField, ...]:
        extra = []
        usual = kind_for(type_, in_periodical=_in_periodical(venue, number))
        if given_kind and given_kind != usual.tag:
            extra.append(ExtraField(format=self._form, tag=self._name("TY"), value=given_kind))
        for index, field in enumerate(self._fields):
            if not self._is_used[index]:
                tag = self._name(field.tag)
                parts = field.lines if field.tag in _LINKS else [self._values[index]]
                extra += [ExtraField(format=self._form, tag=tag, value=part) for part in parts]
        return tuple(extra)

    def _name(self, tag: str) -> str:
        return self._names.get(tag, tag)

    def _identifiers(self) -> tuple[str | None, str | None, str | None]:
        doi = None
        for index, value in self._each("DO"):
            found = normalize_doi(value)
            if found is None:
                self._warnings.append(f"DO holds no DOI: {_shown(value)}")
            elif doi in (None, found):
                doi = found
                self._is_used[index] = True
        pmid = pmcid = None
        for tag in ("M3", "L3"):
            for index, value in self._each(tag):
                found = normalize_doi(value) if "10." in value else None
                if found and doi in (None, found):
                    doi = found
                    self._is_used[index] = True
        for index in self._at.get("N1", ()):
            for line in self._fields[index].lines:
                if doi is None and (match := _DOI_NOTE.search(line)):
                    doi = normalize_doi(match[1])
                if pmid is None and (
                    match := _PMID_NOTE.fullmatch(line) or _PMID_OF_EBSCO.match(line)
                ):
                    pmid = match[1]
                if pmcid is None and (match := _PMCID_NOTE.fullmatch(line)):
                    pmcid = match[1]
        for url in self._links():
            if doi is None and _DOI_ADDRESS.match(url):
                doi = normalize_doi(url)
            elif pmid is None and _PUBMED_ADDRESS.search(url):
                pmid = normalize_pmid(url)
            elif pmcid is None and _PMC_ADDRESS.search(url):
                pmcid = normalize_pmcid(url.rstrip("/"))
        databases = " ".join(v for tag in ("DB", "DP") for _, v in self._each(tag))
        if not databases:
            databases = " ".join(
                match[0] for _, v in self._each("UR") if (match := _OTHER_DATABASE.search(v))
            )
        for index, value in self._each("AN"):
            accession = _pmid_of_accession(value, databases)
            if accession and (pmid is None or normalize_pmid(pmid) == accession):
                pmid = accession
                self._is_used[index] = True
        for tag in ("C2", "C1", "C3", "C4", "C5", "C6", "C7", "C8"):
            for index, value in self._each(tag):
                if _PMC.fullmatch(value) and pmcid in (None, normalize_pmcid(value)):
                    pmcid = normalize_pmcid(value)
                    self._is_used[index] = True
                elif pmid is None and (match := _PMID_OF_CENTRAL.search(value)):
                    pmid = match[1]
                elif tag == "C2" and _is_pmid_of_scopus(value, databases, pmid):
                    pmid = value
                    self._is_used[index] = True
        return doi, pmid, pmcid

    def _links(self) -> Iterator[str]:
        for tag in ("UR", "L2", "L1", "LK"):
            for index in self._at.get(tag, ()):
                for line in self._fields[index].lines:
                    yield from _BETWEEN_URLS.split(line)

    def _people(self, kind: Kind) -> tuple[tuple[AuthorClaim, ...], tuple[ContributorClaim, ...]]:
        roles = dict(zip(("A2", "A3", "A4"), kind.roles, strict=True)) | {"ED": "editor"}
        authors: list[AuthorClaim] = []
        others: list[ContributorClaim] = []
        for index, field in enumerate(self._fields):
            if field.tag not in _PEOPLE:
                continue
            role = roles.get(field.tag)
            if role is None and field.tag in roles:
                continue
            if field.tag in ("A2", "A3") and role == "series editor" and not self._has_series():
                # Many programs write the editors of a book as its secondary authors; only a
                # series has series editors.
                role = "editor" if field.tag == "A2" and not self._at.get("A3") else role
            if role is None and kind.tag == "EDBOOK":
                role = "editor"
            self._is_used[index] = True
            found = [claim for line in field.lines for claim in people(prose(line))]
            if role is None:
                authors += found
            else:
                others += [ContributorClaim(role=role, person=claim) for claim in found]
        return tuple(authors), tuple(others)

    def _has_series(self) -> bool:
        return "T2" in self._at or "T3" in self._at

    def _venue_and_event(self, kind: Kind) -> tuple[str | None, str | None]:
        """The T2 of a conference paper is the meeting, and where no proceedings are named it stands
        for them, too."""
        if kind.titles[0] == "event":
            event = self._text("T2")
            return self._text("C3", "BT", "JF", "JO") or event, event
        if kind.is_periodical and self._is_of_sciencedirect():
            # Its T2 is the title of a special issue.
            return self._text("JO"), None
        if kind.titles[0] == "venue":
            return self._text("JF", "T2", "BT", "JO"), None
        return self._text("JF", "JO"), None

    def _is_of_sciencedirect(self) -> bool:
        has_both = "JO" in self._at and "T2" in self._at and "JF" not in self._at
        return has_both and any(
            "//www.sciencedirect.com/" in value for _, value in self._each("UR")
        )

    def _serial_numbers(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        issns: list[str] = []
        isbns: list[str] = []
        for index, value in self._each("SN"):
            serials, books, is_all = serial_numbers(value)
            issns += serials
            isbns += books
            self._is_used[index] = is_all and bool(serials or books)
        return tuple(dict.fromkeys(issns)), tuple(dict.fromkeys(isbns))

    def _issue(self, kind: Kind) -> str | None:
        issue = self._one("IS", "CP")
        if issue is None and kind.is_periodical:
            numbers = [value for _, value in self._each("M1")]
            if len(numbers) == 1 and _ISSUE.fullmatch(numbers[0]):
                return self._one("M1")
        return issue

    def _pages(self, kind: Kind) -> tuple[str | None, str | None]:
        first, last = self._peek("SP"), self._peek("EP")
        pages = number = None
        if first and last:
            self._one("SP")
            if first == last or first.endswith((f"-{last}", f"–{last}")):
                self._one("EP")
                pages = first
            elif re.search(r"\d[-–]\w", first):
                pages = first
            else:
                self._one("EP")
                pages = f"{first}-{last}"
        elif first and (not kind.counts_pages or re.fullmatch(r"\w*\d[-–]\w*\d", first)):
            self._one("SP")
            pages, number = pages_or_number(first)
        if number is None and (kind.is_periodical or kind.type in _IN_VOLUMES):
            number = self._one("C7")
        return pages, number

    def _dates(self) -> tuple[PartialDate | None, tuple[DateClaim, ...]]:
        published: PartialDate | None = None
        for tag in ("PY", "Y1", "DA"):
            for index, value in self._each(tag):
                found, is_all = date_in(value, published[:4] if published else None)
                if found is None and tag != "DA":
                    self._warnings.append(f"{tag} holds no date: {_shown(value)}")
                if found is None or not (
                    published is None or found.startswith(published) or published.startswith(found)
                ):
                    continue
                if published is None or len(found) > len(published):
                    published = found
                self._is_used[index] = is_all
        dates: list[DateClaim] = []
        for index, value in self._each("Y2"):
            accessed, is_all = date_in(value)
            if accessed and not dates:
                dates.append(DateClaim(role="accessed", date=accessed))
                self._is_used[index] = is_all
        return published, tuple(dates)

    def _abstract(self) -> str | None:
        """Of all lines of AB, else of N2; where both are there and differ, N2 is left."""
        values = self._taken("AB")
        if not values:
            values = self._taken("N2")
        for index, value in self._each("N2"):
            if value == " ".join(values):
                self._is_used[index] = True
        return prose(" ".join(values)) or None

    def _keywords(self) -> tuple[ConceptClaim, ...]:
        labels: dict[str, None] = {}
        for index in self._at.get("KW", ()):
            self._is_used[index] = True
            for line in self._fields[index].lines:
                whole = prose(line)
                for part in whole.split(";") if ";" in whole else (whole,):
                    if label := part.strip():
                        labels[label] = None
        return tuple(ConceptClaim(scheme="keyword", label=label) for label in labels)

    def _urls(self) -> tuple[str, ...]:
        urls: dict[str, None] = {}
        for index in self._at.get("UR", ()):
            self._is_used[index] = True
            for line in self._fields[index].lines:
                urls |= dict.fromkeys(url for url in _BETWEEN_URLS.split(line) if url)
        return tuple(urls)

    def _notes(self) -> tuple[tuple[str, ...], dict[str, str]]:
        """(notes, what notes of ours say that RIS has no tag for)"""
        notes = []
        labelled: dict[str, str] = {}
        registrations = []
        for value in self._taken("N1"):
            label = next((known for known in _NOTE_LABELS if value.startswith(known)), None)
            rest = value[len(label) :] if label else ""
            registration = normalize_registration(rest) if label == "Registration: " else None
            if registration:
                registry, number = registration
                registrations.append(RegistrationMention(number=number, registry=registry))
            elif label and label != "Registration: " and label not in labelled:
                labelled[label] = prose(rest)
            elif note := prose(value):
                notes.append(note)
        self._registrations = tuple(registrations)
        return tuple(notes), labelled


_IN_VOLUMES: Final = frozenset({WorkType.CONFERENCE_PAPER, WorkType.BOOK_CHAPTER})

# More than one link may stand in one field, each on its line; each author may.
_LINKS: Final = frozenset({"L1", "L2", "L3", "L4", "LK"})
_PEOPLE: Final = frozenset({"AU", "A1", "A2", "A3", "A4", "ED"})


def meant_kind(kind: Kind, types: Iterable[str]) -> Kind:
    """What a kind of reference is together with its types of work: Scopus calls a chapter of a book
    in a series SER, and says in M3 what it is."""
    if kind.tag != "SER":
        return kind
    named = (kind_named(name) for name in types)
    return next((found for found in named if found), kind)


def implied_type(kind: Kind, types: Iterable[str]) -> WorkType | None:
    """What a kind of reference makes of a work together with its types of work (M3), which tell
    what an article in a periodical is: "Review", "Letter", "Conference Abstract"."""
    if (
        kind.type not in (None, WorkType.OTHER, WorkType.CONFERENCE_PAPER)
        and not kind.is_periodical
    ):
        return kind.type
    given = list(types)
    exact = (next((t for t in WorkType if t == name.lower().strip()), None) for name in given)
    return next((t for t in exact if t), None) or work_type(given) or kind.type


def _in_periodical(venue: VenueClaim | None, number: str | None) -> bool:
    return venue is not None and bool(venue.issns) and (bool(number) or bool(venue.name))


def _pmid_of_accession(value: str, databases: str) -> str | None:
    """The PMID an accession number is, where it says so or its database has such; a bare number of
    five to eight digits without a database is one, too, as EndNote and we write it."""
    match = _ACCESSION.fullmatch(value)
    if match is None or not (
        match["label"]
        or _OF_PUBMED.search(databases)
        or (not databases and len(match["number"]) >= 5)
    ):
        return None
    return normalize_pmid(match["number"])


def _is_pmid_of_scopus(value: str, databases: str, pmid: str | None) -> bool:
    """Scopus has the PMID where EndNote has the PMCID."""
    is_number = re.fullmatch(r"[1-9]\d{4,7}", value) is not None
    return is_number and "scopus" in databases.lower() and pmid in (None, value)


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else f"{value[:57]}...")


# -- a record to fields --------------------------------------------------------------------------


def fields_of(
    record: WorkRecord, *, form: str = RIS, tags: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """(tag, value on one line) of a record in the order to write, TY first, without ER.

    What was kept of RIS, of EndNote's XML and of `form`, in which `tags` are called otherwise,
    comes last, in its order: under the tag of RIS, or as `form` has it where RIS has none. A kept
    TY, PY or Y2 stands in place of what would be written there.
    """
    called = {RIS: {}, FORM: TAGS, form: tags or {}}
    kept = []
    for field in record.extra:
        known = called.get(field.format)
        if known is not None:
            tag = known.get(field.tag, field.tag)
            if tag != field.tag or field.format in (RIS, form):
                kept.append((tag, field.value))
    replaced = {tag for tag, _ in kept} & {"TY", "PY", "Y2"}
    given_kind = next((value for tag, value in kept if tag == "TY"), None)
    venue = record.venue
    usual = kind_for(
        record.type, in_periodical=_in_periodical(venue, record.volume or record.issue)
    )
    kind = (kind_named(given_kind) or GENERIC) if given_kind else usual
    yield "TY", flat(given_kind or kind.tag)
    kind = meant_kind(kind, record.types_as_given)
    for tag, value in _known_fields(record, kind, kept):
        if value and tag not in replaced and (text := flat(value)):
            yield tag, text
    for tag, value in kept:
        if tag != "TY" and (text := flat(value)):
            yield tag, text


def _known_fields(
    record: WorkRecord, kind: Kind, kept: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str | None]]:
    venue = record.venue or VenueClaim()
    for author in record.authors:
        yield "AU", written(author)
    if record.authors and record.authors_complete is False:
        yield "AU", "et al."
    notes: list[str] = []
    for contributor in record.contributors:
        tag = _role_tag(contributor.role, kind, record.series is not None)
        name = written(contributor.person)
        if tag:
            yield tag, name
        else:
            notes.append(f"{contributor.role.capitalize()}: {name}")
    yield "TI", record.title
    yield "ST", record.short_title
    if kind.titles[0] == "event":
        yield "T2", record.event
        yield "C3", venue.name if venue.name != record.event else None
    else:
        yield ("T2" if kind.titles[0] == "venue" else "JF"), venue.name
        if record.event:
            notes.append(f"Conference: {record.event}")
    yield "J2", venue.abbreviation
    has_place_for_series = "series" in kind.titles
    if has_place_for_series:
        yield ("T2" if kind.titles[0] == "series" else "T3"), record.series
    elif record.series:
        notes.append(f"Series: {record.series}")
    if record.published:
        yield "PY", record.published[:4]
        if len(record.published) > 4:
            yield "DA", _slashed(record.published)
    yield "VL", record.volume
    yield "IS", record.issue
    yield from _page_fields(record)
    yield "ET", record.edition
    yield "PB", venue.publisher
    yield "CY", record.place
    for serial in (*venue.issns, *record.isbns):
        yield "SN", serial
    yield "DO", first_identifier(record.identifiers, Scheme.DOI)
    yield from (("UR", url) for url in record.urls)
    pmid = first_identifier(record.identifiers, Scheme.PMID)
    if pmid:
        databases = " ".join(value for tag, value in kept if tag in ("DB", "DP"))
        databases = databases or " ".join(
            match[0] for url in record.urls if (match := _OTHER_DATABASE.search(url))
        )
        yield "AN", pmid if _pmid_of_accession(pmid, databases) else f"PMID:{pmid}"
    yield "C2", first_identifier(record.identifiers, Scheme.PMCID)
    yield "LA", record.language
    if record.type and implied_type(kind, record.types_as_given) is not record.type:
        yield "M3", record.type.capitalize()  # before the words that mislead
    yield from (("M3", given) for given in record.types_as_given)
    for concept in record.concepts:
        yield "KW", "/".join((concept.label, *concept.qualifiers))
    affiliations = (a.text for author in record.authors for a in author.affiliations)
    yield from (("AD", text) for text in dict.fromkeys(affiliations))
    yield "AB", abstract_text(record.abstract)
    for date in record.dates:
        if date.role == "accessed":
            yield "Y2", _slashed(date.date)
    yield "ID", record.label
    if record.original_title:
        yield "N1", f"Original title: {record.original_title}"
    yield from (("N1", f"Registration: {mention.number}") for mention in record.registrations)
    yield from (("N1", note) for note in (*notes, *record.notes))


def _slashed(date: str) -> str:
    """YYYY/MM/DD/, its slashes there though the day is not."""
    year, month, day = (*date.split("-"), "", "")[:3]
    return f"{year}/{month}/{day}/"


def _page_fields(record: WorkRecord) -> Iterator[tuple[str, str | None]]:
    match = re.fullmatch(r"([^\s,;–-]+) ?[–-] ?([^\s,;–-]+)", record.pages or "")
    if match and match[1] != match[2]:
        yield "SP", match[1]
        yield "EP", match[2]
        yield "C7", record.article_number
    elif record.pages:
        yield "SP", record.pages
        yield "C7", record.article_number
    elif record.article_number and pages_or_number(record.article_number)[1]:
        yield "SP", record.article_number
    else:
        yield "C7", record.article_number


def _role_tag(role: str, kind: Kind, has_series: bool) -> str | None:
    if role == "editor" and kind.roles[0] == "series editor" and not has_series:
        return "A2"
    tags = dict(zip(kind.roles, ("A2", "A3", "A4"), strict=True))
    if role == "editor" and kind.tag == "EDBOOK":
        return "AU"
    return tags.get(role) or ("ED" if role == "editor" else None)
