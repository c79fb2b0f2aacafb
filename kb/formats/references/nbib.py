"""NBIB files: PubMed's MEDLINE text, as PubMed, older interfaces to MEDLINE and ERIC write it.

What is read here equals what PubMed's XML of the same work gives (`pubmed_records`), where the text
says it: no codes of MeSH headings, no references, dates of submission without their kind.

References
----------
Tags: https://www.nlm.nih.gov/bsd/mms/medlineelements.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import BinaryIO, Final

from kb.formats import nlm
from kb.formats.references.names import person
from kb.formats.references.nlm_links import LINKS, links_of
from kb.formats.references.reading import FileRecord, Read, lines
from kb.formats.references.texts import abstract_text, date_in, flat, prose, sections
from kb.formats.references.values import (
    first_identifier,
    is_suffix,
    isbns_of,
    issns_of,
    language_of,
)
from kb.identity.identifiers import (
    identifiers,
    normalize_doi,
    normalize_orcid,
    normalize_pmcid,
    normalize_pmid,
)
from kb.identity.registrations import find_registrations
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    Affiliation,
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
    FundingClaim,
    NoticeClaim,
    RegistrationMention,
    RelationClaim,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
)

FORM: Final = "nbib"
CONFERENCE: Final = "Conference: "
"""How a note begins that names the meeting: PubMed has no field for it."""
# Four letters and a hyphen; ERIC pads its tags differently.
_TAGGED = re.compile(r"([A-Z][A-Z0-9]{1,4}) {0,3}-(?: (.*)|)$")
# PubMed breaks a word only where it is longer than a line.
_FULL_LINE: Final = 70


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """The records of an NBIB file in its order, as what `source` says."""
    reader = _Reader(source)
    blank = False
    for number, raw in lines(stream):
        line = raw
        if not raw.isprintable():  # tags may be set off with other space than the format's
            line = raw[:8].replace("\xa0", " ").replace("\t", " ") + raw[8:]
        if not line.strip():
            blank = True
            continue
        match = None if line[0] == " " else _TAGGED.match(line)
        if match is None:
            reader.continue_(number, line.strip(" "), is_indented=line[0] == " ")
        else:
            if reader.ends_before(match[1], after_blank=blank):
                yield reader.record()
            reader.add(number, match[1], flat(match[2] or ""))
        blank = False
    if reader.is_open:
        yield reader.record()
    yield from reader.rest()


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._number = 0
        self._line = 0
        self._fields: list[tuple[str, list[str]]] = []
        self._tags: set[str] = set()
        self._stray: tuple[int, str] | None = None

    @property
    def is_open(self) -> bool:
        return bool(self._fields)

    def ends_before(self, tag: str, *, after_blank: bool) -> bool:
        if not self._fields:
            return False
        held = self._tags
        if tag == "PMID":
            return "PMID" in held or after_blank
        # Records of ERIC have no number that begins them.
        return after_blank and (tag in held or tag == "OWN" or "TI" in held or "BTI" in held)

    def add(self, number: int, tag: str, value: str) -> None:
        if not self._fields:
            self._line = number
        self._fields.append((tag, [value]))
        self._tags.add(tag)

    def continue_(self, number: int, text: str, *, is_indented: bool) -> None:
        if self._fields:
            self._fields[-1][1].append(flat(text))
        elif self._stray is None:
            self._stray = (number, text)

    def record(self) -> FileRecord:
        self._number += 1
        fields = [(tag, value) for tag, parts in self._fields if (value := _joined(parts))]
        record, warnings = _Record(fields).record(self._source, self._number)
        if self._stray:
            number, text = self._stray
            warnings.insert(0, f"belongs to no record: line {number}, {text[:60]!r}")
        read = FileRecord(position=f"line {self._line}", record=record, warnings=tuple(warnings))
        self._fields, self._tags, self._stray = [], set(), None
        return read

    def rest(self) -> Iterator[Unreadable]:
        if self._stray or not self._number:
            number, text = self._stray or (1, "")
            found = f", but {text[:60]!r}" if text else ""
            reason = f"no NBIB record (expected lines like 'PMID- 31810187'){found}"
            yield Unreadable(position=f"line {number}", reason=reason)


def _joined(parts: Sequence[str]) -> str:
    text = [parts[0]]
    for last, part in pairwise(parts):
        is_broken = len(last) >= _FULL_LINE and " " not in last
        text += [part] if is_broken or text == [""] else [" ", part]
    return "".join(text).strip()


# -- fields to a record --------------------------------------------------------------------------

_LINK_VALUE = re.compile(r"(?P<where>.*?)\s*(?:PMID:\s*(?P<pmid>\d+)\.?)?", re.S)
_DOI_IN_LINK = re.compile(r"doi:\s*(\S+)", re.I)
_AU = re.compile(r"(?P<family>\S.*?) (?P<given>[A-Z-]{1,6})(?: (?P<suffix>\S+))?")
_HISTORY = re.compile(r"(\d{4}/\d\d/\d\d)(?: \d\d:\d\d)? \[(received|revised|accepted)\]")
_ITEM_IDENTIFIER = re.compile(r"[SB]\d{4}-?\d{3}[\dX]\(?\d{2}\)?\d{5}-?[\dX]")
_COUNTRIES: Final = frozenset(
    {
        "United States", "United Kingdom", "International", "Canada", "Austria", "Ireland", "Italy",
        "Switzerland", "Germany", "France", "Netherlands", "Belgium", "Denmark", "Sweden",
        "Norway", "Finland", "Spain", "Portugal", "Australia", "Japan", "China", "India",
        "South Africa", "Israel", "Brazil",
    }
)  # fmt: skip
_ACRONYM = re.compile(r"[A-Z][A-Z0-9]_?|[A-Z]{3}_|[A-Z]{2,3}\d?")
_ERIC_TYPES: Final = (
    ("Journal Articles", WorkType.ARTICLE),
    ("Dissertations/Theses", WorkType.THESIS),
    ("Speeches/Meeting Papers", WorkType.CONFERENCE_PAPER),
    ("Books", WorkType.BOOK),
    ("Reports", WorkType.REPORT),
)


class _Record:
    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._fields = fields
        self._is_used = bytearray(len(fields))
        self._at: dict[str, list[int]] = {}
        for index, (tag, _) in enumerate(fields):
            self._at.setdefault(tag, []).append(index)
        self._warnings: list[str] = []
        self._is_eric = self._value("OWN") == "ERIC"

    def _value(self, tag: str) -> str | None:
        at = self._at.get(tag)
        return self._fields[at[0]][1] if at else None

    def _one(self, tag: str) -> str | None:
        """The first value; others of the tag stay."""
        at = self._at.get(tag)
        if not at:
            return None
        self._is_used[at[0]] = True
        return self._fields[at[0]][1]

    def _text(self, tag: str) -> str | None:
        value = self._one(tag)
        return prose(value) or None if value else None

    def _each(self, tag: str) -> Iterator[tuple[int, str]]:
        for index in self._at.get(tag, ()):
            yield index, self._fields[index][1]

    def _taken(self, tag: str) -> list[str]:
        values = []
        for index, value in self._each(tag):
            self._is_used[index] = True
            values.append(value)
        return values

    def record(self, source: str, number: int) -> tuple[WorkRecord, list[str]]:
        pmid = self._pmid()
        doi, pmcid, urls = self._ids()
        languages = [value for _, value in self._each("LA")]
        self._one("LA")
        book = self._text("BTI")
        is_translated = languages not in ([], ["eng"]) and not self._is_eric
        title, original = self._titles(is_translated)
        types = tuple(prose(value) for value in self._taken("PT"))
        type_ = self._type(types, book, title)
        is_chapter = book is not None and title is not None
        label = self._label()
        venue = self._venue(book if is_chapter else None, type_, has_book=book is not None)
        dates, published = self._dates()
        pages, article_number = self._location()
        is_preprint = type_ is WorkType.PREPRINT
        notices, relations = self._links(is_preprint=is_preprint)
        authors, editors = self._people()
        # Of a journal in PubMed, PL says in which country it appears.
        is_place = book is not None or pmid is None or not self._at.keys() & {"JT", "TA"}
        said = [prose(note) for note in self._taken("GN")]
        event = next((n.removeprefix(CONFERENCE) for n in said if n.startswith(CONFERENCE)), None)
        notes = tuple(note for note in said if event is None or note != CONFERENCE + event)
        updated, is_date = date_in(self._value("LR") or "")
        if updated and is_date:
            self._one("LR")
        record = WorkRecord(
            source=source,
            key=pmid or label or f"record {number}",
            identifiers=identifiers(doi=doi, pmid=pmid, pmcid=pmcid),
            title=title
            if is_chapter or book is None
            else nlm.title_as_printed(book, is_translated=is_translated),
            original_title=original,
            abstract=sections(self._text("AB")),
            abstract_license=self._text("CI"),
            type=type_,
            types_as_given=types,
            published=published,
            dates=dates,
            venue=venue,
            volume=self._one("VI"),
            issue=self._one("IP"),
            pages=pages,
            article_number=article_number,
            language=language_of(languages[0]) if languages else None,
            authors=authors,
            concepts=self._concepts(),
            funding=tuple(dict.fromkeys(map(_grant, self._taken("GR")))),
            notices=notices,
            relations=relations,
            registrations=self._registrations(),
            is_flagged_retracted=nlm.is_retracted(types),
            updated=updated if is_date else None,
            label=label,
            contributors=editors,
            series=self._text("CTI"),
            edition=self._text("EN"),
            place=self._text("PL") if is_place else None,
            event=event,
            isbns=self._isbns(),
            urls=urls,
            notes=notes,
            extra=self._extra(),
        )
        return record, self._warnings

    def _extra(self) -> tuple[ExtraField, ...]:
        return tuple(
            ExtraField(format=FORM, tag=tag, value=value)
            for index, (tag, value) in enumerate(self._fields)
            if not self._is_used[index]
            and (tag, value) not in (("OWN", "NOTNLM"), ("OTO", "NOTNLM"))
        )

    def _pmid(self) -> str | None:
        given = self._value("PMID")
        if given is None:
            return None
        pmid = normalize_pmid(given)
        if pmid is None:
            self._warnings.append(f"PMID holds no PMID: {given[:60]!r}")
        else:
            self._one("PMID")
        return pmid

    def _label(self) -> str | None:
        """The number other organisations know the record by, where it does not name them."""
        for index, value in self._each("OID"):
            if not re.match(r"[A-Z]+: ", value):
                self._is_used[index] = True
                return value
        return None

    def _ids(self) -> tuple[str | None, str | None, tuple[str, ...]]:
        dois: list[str] = []
        urls: list[str] = []
        for tag in ("AID", "LID"):
            for index, value in self._each(tag):
                doi = normalize_doi(value) if "10." in value else None
                if doi and (value.endswith("[doi]") or "doi.org" in value or not dois):
                    dois.append(doi)
                    # Another DOI than the first stays to be seen.
                    self._is_used[index] = doi == dois[0]
                elif self._is_eric:
                    urls.append(value)
                    self._is_used[index] = True
        pmcid = normalize_pmcid(self._value("PMC"))
        if pmcid:
            self._one("PMC")
        for index, value in self._each("URL"):
            urls.append(value)
            self._is_used[index] = True
        return dois[0] if dois else None, pmcid, tuple(urls)

    def _titles(self, is_translated: bool) -> tuple[str | None, str | None]:
        given, original = self._text("TI"), self._text("TT")
        if not self._is_eric:
            given = nlm.title_as_printed(given, is_translated=is_translated)
            original = nlm.title_as_printed(original, is_translated=False)
        return (given, original) if given else (original, None)

    def _type(self, types: Sequence[str], book: str | None, title: str | None) -> WorkType | None:
        if book is not None:
            return WorkType.BOOK if title is None else WorkType.BOOK_CHAPTER
        return _type(types, is_eric=self._is_eric)

    def _venue(
        self, book: str | None, type_: WorkType | None, *, has_book: bool
    ) -> VenueClaim | None:
        name, abbreviation = self._text("JT"), self._text("TA")
        issns: list[str] = []
        for tag in ("IS", "ISSN"):
            for index, value in self._each(tag):
                found = issns_of(value.upper().removeprefix("E").replace("ISSN-", ""))
                issns += found
                self._is_used[index] = bool(found)
        publisher = self._text("PB")
        if self._is_eric and type_ is not WorkType.ARTICLE and not has_book:
            name, publisher = None, publisher or name
        nlm_id = self._one("JID")
        if not (name or abbreviation or issns or publisher or nlm_id or book):
            return None
        return VenueClaim(
            name=book or name,
            abbreviation=abbreviation,
            issns=tuple(dict.fromkeys(issns)),
            publisher=publisher,
            nlm_id=nlm_id,
        )

    def _isbns(self) -> tuple[str, ...]:
        isbns: list[str] = []
        for index, value in self._each("ISBN"):
            found = isbns_of(value)
            isbns += found
            self._is_used[index] = bool(found)
        return tuple(dict.fromkeys(isbns))

    def _dates(self) -> tuple[tuple[DateClaim, ...], PartialDate | None]:
        claims: list[DateClaim] = []
        status = self._value("PST")
        online = None
        for index, value in self._each("DEP"):
            online, is_all = date_in(value)
            self._is_used[index] = online is not None and is_all
        tag = "DP" if "DP" in self._at else "CTDT"
        for index, value in self._each(tag):
            date, is_all = date_in(value)
            if date is None:
                self._warnings.append(f"{tag} holds no date: {value[:60]!r}")
                continue
            self._is_used[index] = is_all
            role = "published"
            if status == "ppublish" or (status == "epublish" and online is None):
                role = "print" if status == "ppublish" else "online"
                self._one("PST")
            claims.append(DateClaim(role=role, date=date))
            break
        if online:
            claims.append(DateClaim(role="online", date=online))
        published = min(
            (claim.date for claim in claims),
            key=lambda date: date + "-99" * ((10 - len(date)) // 3),
            default=None,
        )
        for role in ("received", "revised", "accepted"):
            for index, value in self._each("PHST"):
                match = _HISTORY.fullmatch(value)
                date = date_in(match[1])[0] if match and match[2] == role else None
                if date:
                    self._is_used[index] = value.endswith(f"00:00 [{role}]") or " [" in value
                    claims.append(DateClaim(role=role, date=date))
        return tuple(dict.fromkeys(claims)), published

    def _location(self) -> tuple[str | None, str | None]:
        pages = nlm.pages_in_full(self._one("PG"))
        for index, value in self._each("LID"):
            number, mark, _ = value.partition(" [pii]")
            if mark and not _ITEM_IDENTIFIER.fullmatch(number) and pages in (None, number):
                self._is_used[index] = True
                return None, number
        return pages, None

    def _people(self) -> tuple[tuple[AuthorClaim, ...], tuple[ContributorClaim, ...]]:
        authors: list[AuthorClaim] = []
        editors: list[ContributorClaim] = []
        affiliations: list[Affiliation] = []
        last: str | None = None  # "FAU" directly before, which AU then says in short

        def close() -> None:
            nonlocal affiliations
            if affiliations and authors:
                authors[-1] = replace(authors[-1], affiliations=tuple(affiliations))
                affiliations = []

        for index, (tag, value) in enumerate(self._fields):
            if tag in ("FAU", "AU", "CN"):
                is_short_form = tag == "AU" and last == "FAU"
                if not is_short_form:
                    close()
                    claim = _author(tag, prose(value), is_eric=self._is_eric)
                    if claim:
                        authors.append(claim)
                        if affiliations:
                            close()
                self._is_used[index] = True
            elif tag in ("FED", "ED"):
                is_short_form = tag == "ED" and last == "FED"
                claim = None if is_short_form else _author("FAU", prose(value), is_eric=True)
                if claim:
                    editors.append(ContributorClaim(role="editor", person=claim))
                self._is_used[index] = True
            elif tag == "AD" and (authors or self._at.keys() & {"FAU", "AU"}):
                # Before the first author it is his, as until 2014 every affiliation was.
                affiliations.append(Affiliation(text=prose(value)))
                self._is_used[index] = True
            elif (
                tag == "AUID"
                and authors
                and (orcid := normalize_orcid(value.removeprefix("ORCID:")))
            ):
                authors[-1] = replace(authors[-1], orcid=orcid)
                self._is_used[index] = True
            last = tag if tag in ("FAU", "FED") else None
        close()
        return tuple(authors), tuple(editors)

    def _concepts(self) -> tuple[ConceptClaim, ...]:
        concepts: list[ConceptClaim] = []
        for value in self._taken("MH"):
            label, *qualifiers = prose(value).split("/")
            concepts.append(
                ConceptClaim(
                    scheme="mesh",
                    label=label.lstrip("*"),
                    is_major="*" in value,
                    qualifiers=tuple(q.lstrip("*") for q in qualifiers),
                )
            )
        concepts += [ConceptClaim(scheme="mesh", label=prose(value)) for value in self._taken("NM")]
        is_authors = self._value("OTO") in (None, "NOTNLM")
        keywords: dict[str, ConceptClaim] = {}
        for value in self._taken("OT"):
            label = prose(value)
            is_major = None if is_authors else label.startswith("*")
            label = label.removeprefix("*")
            keyword = ConceptClaim(scheme="keyword", label=label, is_major=is_major)
            keywords.setdefault(label.casefold(), keyword)
        concepts += keywords.values()
        for value in self._taken("RN"):
            match = re.fullmatch(r"(\S+) \((.*)\)", value)
            code, label = (match[1], match[2]) if match else ("0", value)
            number = code if code != "0" else None
            concepts.append(ConceptClaim(scheme="chemical", label=prose(label), code=number))
        return tuple(dict.fromkeys(concepts))

    def _registrations(self) -> tuple[RegistrationMention, ...]:
        mentions: dict[RegistrationMention, None] = {}
        for index, value in self._each("SI"):
            bank, slash, number = value.partition("/")
            found = find_registrations(number if slash else value)
            if not found and bank in nlm.OTHER_REGISTRIES and number:
                found = [(bank, number)]
            for registry, normal in found:
                mentions[RegistrationMention(number=normal, registry=registry)] = None
            self._is_used[index] = bool(found)
        return tuple(mentions)

    def _links(
        self, *, is_preprint: bool
    ) -> tuple[tuple[NoticeClaim, ...], tuple[RelationClaim, ...]]:
        notices: dict[NoticeClaim, None] = {}
        relations: dict[RelationClaim, None] = {}
        for index, (tag, value) in enumerate(self._fields):
            link = LINKS.get(tag)
            match = _LINK_VALUE.fullmatch(value) if link else None
            if link is None or match is None:
                continue
            where = prose(match["where"]).strip() or None
            doi = _DOI_IN_LINK.search(where or "")
            other = identifiers(doi=doi[1] if doi else None, pmid=match["pmid"])
            notice, named = nlm.notice_link(link), other
            if republished := nlm.republished_notice(link):
                notice, named = (republished, True), ()
            if notice:
                claim = NoticeClaim(
                    kind=notice[0],
                    is_about_self=notice[1],
                    other=named,
                    label=link,
                    asserted_by="nlm",
                    text=where,
                )
                notices[claim] = None
            relation = nlm.relation_link(link, where, is_preprint=is_preprint)
            if relation and other:
                relations[RelationClaim(kind=relation, other=other)] = None
            # Where a comment appeared has no place beside what it is.
            is_all = where is None or re.fullmatch(r"doi: \S+", where)
            self._is_used[index] = bool(notice) or bool(relation and other and is_all)
        return tuple(notices), tuple(relations)


def _type(types: Sequence[str], *, is_eric: bool) -> WorkType | None:
    if is_eric:
        found = (kind for name, kind in _ERIC_TYPES if any(t.startswith(name) for t in types))
        return next(found, None)
    return nlm.work_type(types)


def _author(tag: str, value: str, *, is_eric: bool) -> AuthorClaim | None:
    if not value:
        return None
    if tag == "CN":
        return AuthorClaim(collective=value)
    family, comma, rest = (part.strip() for part in value.partition(","))
    if comma:
        if is_eric or "," in rest:
            return person(value)
        given, _, suffix = rest.rpartition(" ")
        if given and is_suffix(suffix):
            return AuthorClaim(family=family, given=given, suffix=suffix)
        return AuthorClaim(family=family, given=rest or None)
    if tag == "AU" and (match := _AU.fullmatch(value)):
        suffix = match["suffix"]
        if suffix is None or is_suffix(suffix):
            return AuthorClaim(family=match["family"], given=match["given"], suffix=suffix)
    return AuthorClaim(family=value)


def _grant(value: str) -> FundingClaim:
    """ "R01 HL1/HL/NHLBI NIH HHS/United States": number, acronym, agency and country, of which all
    but the agency may be missing; a number may hold slashes of its own."""
    parts = [part.strip() for part in prose(value).split("/")]
    country = parts.pop() if len(parts) > 1 and parts[-1] in _COUNTRIES else None
    funder = parts.pop()
    if len(parts) > 1 and _ACRONYM.fullmatch(parts[-1]):
        parts.pop()
    return FundingClaim(funder=funder, award="/".join(parts) or None, country=country)


# -- a record to fields --------------------------------------------------------------------------

# What kind of work PubMed's types make of a record, where those it has do not.
TYPE_NAMES: Final = {
    WorkType.ARTICLE: "Journal Article",
    WorkType.REVIEW: "Review",
    WorkType.PREPRINT: "Preprint",
    WorkType.PROTOCOL: "Clinical Trial Protocol",
    WorkType.CONFERENCE_ABSTRACT: "Meeting Abstract",
    WorkType.LETTER: "Letter",
    WorkType.EDITORIAL: "Editorial",
    WorkType.CASE_REPORT: "Case Reports",
    WorkType.NOTICE: "Published Erratum",
    WorkType.THESIS: "Academic Dissertation",
    WorkType.DATASET: "Dataset",
}
_TAG_OF_LINK: Final = {name: tag for tag, name in LINKS.items()}
_MONTHS: Final = re.findall("...", "JanFebMarAprMayJunJulAugSepOctNovDec")
# These say what a record of PubMed is, and stand at its beginning.
_FIRST: Final = frozenset({"OWN", "STAT", "DCOM", "DA"})
_WIDTH: Final = 80


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """One piece for each record, an empty line between them."""
    for record in records:
        yield ("".join(map(_line, *zip(*_fields(record), strict=True))) + "\n").encode()


def _line(tag: str, value: str) -> str:
    """Lines of at most 80 characters where words are not longer, the first with the tag."""
    return f"{tag:<4}- " + "\n      ".join(_wrapped(value)) + "\n"


def _wrapped(value: str) -> Iterator[str]:
    width = _WIDTH - 6
    start = 0
    while len(value) - start > width:
        cut = value.rfind(" ", start + 1, start + width + 1)
        # A line of one long word would be read as the first part of one. Of several spaces, none
        # may end a line.
        while cut > start and not _may_end(value, start, cut):
            cut = value.rfind(" ", start + 1, cut)
        if cut <= start:
            cut = value.find(" ", start + width)
            while cut != -1 and not _may_end(value, start, cut):
                cut = value.find(" ", cut + 1)
            if cut == -1:
                break
        yield value[start:cut]
        start = cut + 1
    yield value[start:]


def _may_end(value: str, start: int, cut: int) -> bool:
    if value[cut - 1].isspace() or value[cut + 1].isspace():
        return False
    return cut - start < _FULL_LINE or value.find(" ", start, cut) != -1


def _fields(record: WorkRecord) -> Iterator[tuple[str, str]]:
    kept = [(e.tag, e.value) for e in record.extra if e.format == FORM]
    pmid = first_identifier(record.identifiers, Scheme.PMID)
    if pmid:
        yield "PMID", pmid
    elif not any(tag == "OWN" for tag, _ in kept):
        yield "OWN", "NOTNLM"
    for tag, value in kept:
        if tag in _FIRST:
            yield tag, flat(value)
    for tag, known in _known_fields(record, kept):
        if known and (text := flat(known)):
            yield tag, text
    for tag, value in kept:
        if tag not in _FIRST and (text := flat(value)):
            yield (tag, text) if re.fullmatch(r"[A-Z][A-Z0-9]{1,3}", tag) else ("GN", text)


def _known_fields(
    record: WorkRecord, kept: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str | None]]:
    venue = record.venue or VenueClaim()
    doi = first_identifier(record.identifiers, Scheme.DOI)
    is_book, is_chapter = record.type is WorkType.BOOK, record.type is WorkType.BOOK_CHAPTER
    held = {tag for tag, _ in kept}
    is_eric = ("OWN", "ERIC") in kept
    yield from (("IS", issn) for issn in venue.issns)
    yield from (("ISBN", isbn) for isbn in record.isbns)
    yield "VI", record.volume
    yield "IP", record.issue
    yield from _date_fields(record, held)
    title = record.title if is_eric else printed_title(record)
    yield ("BTI" if is_book and not is_eric else "TI"), title
    if is_chapter:
        yield "BTI", venue.name
    yield "PG", record.pages
    if record.article_number and not record.pages:
        yield "LID", f"{record.article_number} [pii]"
    if doi:
        yield "LID", f"{doi} [doi]"
    yield "AB", abstract_text(record.abstract)
    yield "CI", record.abstract_license
    for author in record.authors:
        yield from _author_fields(author)
    for contributor in record.contributors:
        if contributor.role == "editor":
            yield "FED", _full_name(contributor.person)
    if record.language:
        yield "LA", nlm.nlm_language(record.language)
    for grant in record.funding:
        yield "GR", "/".join(filter(None, (grant.award, grant.funder, grant.country)))
    yield from (("SI", _bank(mention)) for mention in record.registrations)
    yield from (("PT", name) for name in record.types_as_given)
    is_told = is_book or is_chapter or _type(record.types_as_given, is_eric=is_eric) is record.type
    if record.type and not is_told:
        yield "PT", TYPE_NAMES.get(record.type, record.type.capitalize())
    if record.original_title:
        yield "TT", f"{record.original_title}."
    if "PL" not in held:
        yield "PL", record.place
    yield "CTI", record.series
    yield "EN", record.edition
    yield "PB", venue.publisher
    yield "TA", venue.abbreviation
    if not is_chapter:
        yield "JT", venue.name
    yield "JID", venue.nlm_id
    yield "PMC", first_identifier(record.identifiers, Scheme.PMCID)
    yield from _concept_fields(record, held)
    yield from _link_fields(record, kept)
    for date in record.dates:
        if date.role in ("received", "revised", "accepted"):
            yield "PHST", f"{_full_date(date.date)} 00:00 [{date.role}]"
    if record.updated:
        yield "LR", record.updated.replace("-", "")
    if doi:
        yield "AID", f"{doi} [doi]"
    yield "OID", record.label
    yield from (("URL", url) for url in record.urls)
    if record.event:
        yield "GN", CONFERENCE + record.event
    yield from (("GN", note) for note in (*homeless(record), *record.notes))


def homeless(record: WorkRecord) -> Iterator[str]:
    """What PubMed has no field for, as notes."""
    if record.short_title:
        yield f"Short title: {record.short_title}"
    for contributor in record.contributors:
        if contributor.role != "editor":
            yield f"{contributor.role.capitalize()}: {_full_name(contributor.person)}"
    if record.article_number and record.pages:
        yield f"Article number: {record.article_number}"


def printed_title(record: WorkRecord) -> str | None:
    """As PubMed prints it: with a full stop, and in brackets where it is a translation."""
    title = record.title
    if not title:
        return None
    stopped = title if title.endswith((".", "?", "!")) else f"{title}."
    return f"[{stopped}]." if record.original_title and record.language != "en" else stopped


def _date_fields(record: WorkRecord, held: set[str]) -> Iterator[tuple[str, str]]:
    """DP is the date of the issue, DEP when the work went online."""
    issued = next((d for d in record.dates if d.role in ("published", "print")), None)
    online = [d.date for d in record.dates if d.role == "online"]
    if issued is None and record.published and record.published not in online:
        issued = DateClaim(role="published", date=record.published)
    status = "ppublish" if issued and issued.role == "print" else None
    if issued is None and online:
        issued, status = DateClaim(role="online", date=online.pop(0)), "epublish"
    if issued and "DP" not in held:
        year, month, day = (*issued.date.split("-"), "", "")[:3]
        month = _MONTHS[int(month) - 1] if month else ""
        yield "DP", " ".join(filter(None, (year, month, str(int(day)) if day else "")))
    yield from (("DEP", date.replace("-", "")) for date in online if len(date) == 10)
    if status and "PST" not in held:
        yield "PST", status


def _full_date(date: PartialDate) -> str:
    year, month, day = (*date.split("-"), "01", "01")[:3]
    return f"{year}/{month}/{day}"


def _author_fields(author: AuthorClaim) -> Iterator[tuple[str, str]]:
    if author.collective:
        yield "CN", author.collective
    else:
        yield "FAU", _full_name(author)
        initials = "".join(part[0] for part in re.split(r"[\s.‐-]+", author.given or "") if part)
        short = (author.family or author.name, initials.upper(), author.suffix)
        yield "AU", " ".join(part for part in short if part)
    if author.orcid:
        yield "AUID", f"ORCID: {author.orcid}"
    yield from (("AD", affiliation.text) for affiliation in author.affiliations)


def _full_name(claim: AuthorClaim) -> str:
    given = " ".join(part for part in (claim.given, claim.suffix) if part)
    name = claim.family or claim.name or claim.collective or ""
    return f"{name}, {given}" if given else name


def _bank(mention: RegistrationMention) -> str:
    return f"{mention.registry}/{mention.number}" if mention.registry else mention.number


def _concept_fields(record: WorkRecord, held: set[str]) -> Iterator[tuple[str, str]]:
    by_scheme: dict[str, list[ConceptClaim]] = {}
    for concept in record.concepts:
        by_scheme.setdefault(concept.scheme, []).append(concept)
    for concept in by_scheme.pop("mesh", ()):
        star = "*" if concept.is_major else ""
        if concept.is_major is None:
            yield "NM", concept.label
        elif concept.qualifiers:
            yield "MH", f"{concept.label}/{star}{'/'.join(concept.qualifiers)}"
        else:
            yield "MH", f"{star}{concept.label}"
    for concept in by_scheme.pop("chemical", ()):
        yield "RN", f"{concept.code or 0} ({concept.label})"
    keywords = by_scheme.pop("keyword", [])
    if keywords and "OTO" not in held:
        yield "OTO", "NOTNLM"
    for concept in keywords:
        yield "OT", f"{'*' if concept.is_major else ''}{concept.label}"


def _link_fields(record: WorkRecord, kept: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for link, where, other in links_of(record):
        # PubMed's own line about it says where, too.
        is_kept = where is None and any(
            LINKS.get(tag) and other[-1].value in value.lower() for tag, value in kept
        )
        if not is_kept:
            yield _TAG_OF_LINK[link], _link_value(where, other)


def _link_value(where: str | None, other: Sequence[Identifier]) -> str:
    doi, pmid = (first_identifier(other, scheme) for scheme in (Scheme.DOI, Scheme.PMID))
    text = where or ""
    if doi and doi not in text.lower():
        text = f"{text.rstrip('. ')}. doi: {doi}." if text else f"doi: {doi}."
    return f"{text} PMID: {pmid}".strip() if pmid else text
