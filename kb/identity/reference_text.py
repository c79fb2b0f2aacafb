"""A line of a bibliography taken apart: authors, title, venue, year, volume and pages.

Journals print references in many styles, and no rule reads them all. What is found here is only
compared with works that are held, so a part read wrongly makes a match fail and never makes one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from kb.identity.descriptions import Description
from kb.identity.identifiers import normalize_doi, normalize_pmcid, normalize_pmid
from kb.identity.names import Agreement
from kb.identity.venues import compare_venues
from kb.models.dates import partial_date
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import AuthorClaim, ReferenceClaim, VenueClaim, View, WorkRecord

# Nothing of use stands beyond this; a whole page given as one reference is none.
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class ReferenceText:
    """The parts that could be told; "" and None where they could not. `authors` are family names
    with initials, as far as the line lists them."""

    authors: tuple[AuthorClaim, ...] = ()
    title: str = ""
    venue: str = ""
    year: int | None = None
    volume: str = ""
    issue: str = ""
    pages: str = ""
    identifiers: tuple[Identifier, ...] = ()


def read_reference(text: str) -> ReferenceText:
    """Take apart one reference as printed, in any of the usual styles.

    "Uccelli A, et al. Safety of ... Lancet Neurol. 2021;20:917-29." as well as "(2017)" after the
    authors, authors before a colon, initials first, or no title at all.
    """
    line = " ".join(text[:_LONGEST].split())
    identifiers, line = _without_identifiers(line)
    line = _NUMBERING.sub("", line).strip()
    year = _year(line)
    place = _place(line)
    head = line[: place.start] if place else line
    authors, rest = _authors(head)
    rest = _AFTER_AUTHORS.sub("", rest)
    rest = _YEAR_AT_END.sub("", _YEAR_IN_BRACKETS.sub(" ", rest).strip(" ,.;:"))
    title, venue = _title_and_venue(rest, has_authors=bool(authors), has_place=place is not None)
    return ReferenceText(
        authors=authors,
        title=title,
        venue=venue,
        year=year,
        volume=place.volume if place else "",
        issue=place.issue if place else "",
        pages=place.pages if place else "",
        identifiers=identifiers,
    )


def as_record(claim: ReferenceClaim, source: str = "", key: str = "") -> WorkRecord:
    """The work a line speaks of, as comparing needs it: from its fields, and for what they leave
    open from its text. Identifiers are left to those who look them up."""
    read = read_reference(claim.text) if claim.text else ReferenceText()
    listed = _authors(_listed(claim.authors))[0] if claim.authors else ()
    if claim.authors and not listed:
        listed = (AuthorClaim(name=claim.authors),)
    # A source that splits a line gives the first author alone.
    authors = read.authors if len(read.authors) > len(listed) else listed
    venue = claim.venue or read.venue
    return WorkRecord(
        source=source,
        key=key or str(claim.position),
        view=View.BRIEF,
        title=claim.title or read.title or None,
        published=partial_date(claim.year or read.year),
        venue=VenueClaim(name=venue) if venue else None,
        volume=claim.volume or read.volume or None,
        issue=read.issue or None,
        pages=_fuller(claim.pages, read.pages) or None,
        authors=authors,
    )


SAME_PLACE: Final = "same first author, year, volume and first page, and the line has no title"


def is_same_place(line: Description, other: Description) -> bool:
    """Whether a line that gives no title, as in chemistry, names the place where the other begins.

    One page of one volume holds the beginnings of two works of one first author hardly ever; a
    journal that contradicts is another volume of that number.
    """
    return (
        line.pages is not None
        and other.pages is not None
        and line.pages.first == other.pages.first
        and bool(line.volume)
        and line.volume == other.volume
        and line.year is not None
        and line.year == other.year
        and line.first_family != ""
        and line.first_family == other.first_family
        and bool(line.venues)
        and bool(other.venues)
        and any(compare_venues(a, b) >= Agreement.LIKELY for a in line.venues for b in other.venues)
    )


def _fuller(first_page: str | None, pages: str) -> str:
    """The whole range where a source gives the first page alone."""
    if first_page and pages.startswith(first_page):
        return pages
    return first_page or pages


def _listed(authors: str) -> str:
    return authors.replace(";", ",").replace("|", ",")


# -- what is set apart first -----------------------------------------------------------------------

_NUMBERING = re.compile(r"^(?:\[\d{1,4}\]|\(\d{1,3}\)|\d{1,3}[.)])\s+")
_DOI = re.compile(
    r"(?:https?://(?:dx\.)?doi\.org/|\bdoi\s*[:.]?\s*)(10\.\d{4,9}/\S+)|\b(10\.\d{4,9}/\S+)", re.I
)
_PMID = re.compile(r"\b(?:PMID|PubMed(?: PMID)?)\s*:?\s*(\d{1,8})\b", re.I)
_PMCID = re.compile(r"\b(PMC\d{4,9})\b")
_URL = re.compile(
    r"(?:available (?:from|at|online)|retrieved from|accessed|cited \d{4})\b.*$"
    r"|\bURL:?\s|https?://\S+",
    re.I,
)
_EPUB = re.compile(r"\bEpub (?:ahead of print|\d{4} [A-Z][a-z]{2} \d{1,2})\.?", re.I)
_MARKS = re.compile(
    r"\[(?:PubMed|CrossRef|Google Scholar|PMC free article|DOI|MEDLINE|ISI|CAS)\]", re.I
)


def _without_identifiers(line: str) -> tuple[tuple[Identifier, ...], str]:
    found: list[Identifier] = []
    for pattern, scheme, normal in (
        (_DOI, Scheme.DOI, normalize_doi),
        (_PMID, Scheme.PMID, normalize_pmid),
        (_PMCID, Scheme.PMCID, normalize_pmcid),
    ):
        values = {
            value
            for match in pattern.finditer(line)
            if (value := normal(next(group for group in match.groups() if group)))
        }
        if len(values) == 1:  # two of a kind: nothing tells which is meant
            found.append(Identifier(scheme, values.pop()))
        line = pattern.sub(" ", line)
    for pattern in (_MARKS, _EPUB, _URL):
        line = pattern.sub(" ", line)
    line = re.sub(r"\b(?:PMCID|doi)\s*:?\s*(?=$|[.;,\s])", " ", line, flags=re.I)
    return tuple(sorted(found)), " ".join(line.split()).strip(" ;,")


# -- year, volume, pages ---------------------------------------------------------------------------

_YEAR_IN_BRACKETS = re.compile(r"\(\s*(1[6-9]\d\d|20\d\d)[a-z]?(?:,[^)]{0,20})?\s*\)")
_YEAR_AT_END = re.compile(r"[\s,.;]+(?:[A-Z][a-z]{2,8}\.?\s)?(?:1[6-9]\d\d|20\d\d)$")
_YEAR_BEFORE_VOLUME = re.compile(
    r"\b(1[6-9]\d\d|20\d\d)[a-z]?(?: [A-Z][a-z]{2,8}\.?(?: \d{1,2})?(?:[-–]\w+)?)?\s*[;,]\s*\d"
)
_YEAR = re.compile(r"(?<![\d–:.-])(1[6-9]\d\d|20\d\d)(?![\d–:-])")


def _year(line: str) -> int | None:
    for pattern in (_YEAR_IN_BRACKETS, _YEAR_BEFORE_VOLUME):
        found = pattern.findall(line)
        if found:
            return int(found[-1])
    found = _YEAR.findall(line)
    return int(found[-1]) if found else None


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    volume: str = ""
    issue: str = ""
    pages: str = ""


_PAGES = r"(?:pp?\.?\s*|art(?:icle)?\.?\s*(?:no\.?\s*)?)?(?P<pages>[A-Z]{0,3}\d+[A-Z]?(?:\s*[-–—‐]{1,2}\s*[A-Z]{0,3}\d+[A-Z]?)?)"  # noqa: E501
_VOL = r"(?:vol(?:ume)?\.?\s*)?(?P<volume>[A-Z]?\d{1,4}[A-Z]?)"
_ISSUE = r"(?:\s*\((?P<issue>[^()]{1,20})\)|,?\s*(?:no|issue|n°)\.?\s*(?P<number>[\w–-]{1,10}))"
_DATE = r"\b(?:1[6-9]\d\d|20\d\d)[a-z]?(?: [A-Z][a-z]{2,8}\.?(?: \d{1,2})?(?:[-–]\w+)?)?"
_PLACES: Final = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # 2021;20(11):917-29
        rf"{_DATE}\s*;\s*{_VOL}{_ISSUE}?\s*(?:Suppl[^:,]{{0,12}})?\s*[:,]\s*{_PAGES}",
        # 1995, 117, 6273
        rf"{_DATE}\s*,\s*{_VOL}{_ISSUE}?\s*[,:]\s*{_PAGES}(?=\s*[.,;(]|\s*$)",
        # 21(11):2963-2973   11(12), 625-653   40: 507-516
        rf"(?<![\w(.-]){_VOL}{_ISSUE}\s*[:,]\s*{_PAGES}(?=\s*[.,;(]|\s*$)",
        rf"(?<![\w(.-]){_VOL}\s*:\s*{_PAGES}(?=\s*[.,;(]|\s*$)",
        rf"(?<![\w(.-]){_VOL}\s*,\s*{_PAGES}(?=\s*\(|\s*[.,;]?\s*$)",
        # 3 461 (1960)
        rf"(?<![\w(.-]){_VOL}\s+{_PAGES}(?=\s*\(\d{{4}})",
        # 2021;20   pp. 251-274
        rf"{_DATE}\s*;\s*{_VOL}(?:\s*\((?P<issue>[^()]{{1,20}})\))?(?=\s*[.;]|\s*$)",
        r"\bpp?\.?\s*(?P<pages>[A-Z]?\d+(?:\s*[-–—‐]{1,2}\s*[A-Z]?\d+)?)",
    )
)  # fmt: skip


def _place(line: str) -> _Place | None:
    """Where in the line volume and pages begin, and what they are."""
    for pattern in _PLACES:
        matches = list(pattern.finditer(line))
        if not matches or matches[-1].start() < 3:
            continue
        found = matches[-1]  # numbers in titles come before
        groups = found.groupdict()
        pages = re.sub(r"\s*[-–—‐]{1,2}\s*", "-", groups.get("pages") or "")
        return _Place(
            found.start(),
            groups.get("volume") or "",
            groups.get("issue") or groups.get("number") or "",
            pages,
        )
    return None


# -- authors ---------------------------------------------------------------------------------------

_U = r"[^\W\d_a-zß-öø-ÿ]"  # a capital, of any Latin script
_NAME = rf"(?:(?:d[aei]|d[eu]|de la|del|della|van|van der|van den|von|von der|ten|ter|le|la|el|al|bin|O)[ '’])?(?:[A-Z]['’])?{_U}[\w'’‐-]+(?:[ ]{_U}[\w'’‐-]+){{0,2}}"  # noqa: E501
_INITIALS = rf"{_U}(?:[.\s-]{{0,2}}{_U}){{0,3}}\b\.?"
_DOTTED = rf"(?:{_U}\.[\s-]?)+"
_SUFFIX = r"(?:,?\s(?:Jr|Sr|2nd|3rd|II|III)\.?)?"
_ONE_AUTHOR: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<family>{_NAME}),\s*(?P<given>{_DOTTED}){_SUFFIX}(?=\s*(?:[,;:&(]|and\b|et\b|\.|$|{_U}))",
        rf"(?P<family>{_NAME})\s(?P<given>{_DOTTED}){_SUFFIX}(?=\s*(?:[,;:&(]|and\b|et\b|$))",
        rf"(?P<family>{_NAME})\s(?P<given>[A-Z](?:[A-Z-]{{0,4}}))\b{_SUFFIX}(?=\s*(?:[,;:.&(]|and\b|et\b|$))",
        rf"(?P<given>{_DOTTED})\s*(?P<family>{_NAME})(?=\s*(?:[,;:&(]|and\b|et\b|$))",
        rf"(?P<given>[A-Z]{{1,3}})\s(?P<family>{_NAME})(?=\s*(?:[,;:&(]|and\b|et\b|$))",
        rf"(?P<family>{_NAME}),\s*(?P<given>[A-Z]{{1,3}})\b(?=\s*(?:[,;:&(]|and\b|et\b|\.|$))",
    )
)  # fmt: skip
_BETWEEN = re.compile(r"\s*(?:[,;]\s*(?:and\b|&|\.\.\.|…)?|and\b|&)\s*", re.I)
_ET_AL = re.compile(
    r"\s*[,;]?\s*(?:and\s+)?(?:et\.?\s*al\b\.?|and others\b|&\s*al\b\.?)\s*,?", re.I
)
_AFTER_AUTHORS = re.compile(r"^[\s,.;:]*(?:\(?eds?\.?\)?[\s,.;:]+)?")


def _authors(text: str) -> tuple[tuple[AuthorClaim, ...], str]:
    """The authors a line begins with, and what follows them."""
    found: list[AuthorClaim] = []
    at = 0
    while at < len(text) and len(found) < 500:
        match = next((m for p in _ONE_AUTHOR if (m := p.match(text, at))), None)
        if match is None:
            break
        found.append(
            AuthorClaim(family=_cased(match["family"]), given=match["given"].strip(" ,") or None)
        )
        at = match.end()
        if et_al := _ET_AL.match(text, at):
            at = et_al.end()
            break
        between = _BETWEEN.match(text, at)
        if between is None or between.end() == at:
            break
        at = between.end()
    return tuple(found), text[at:]


def _cased(family: str) -> str:
    return family.title() if family.isupper() and len(family) > 3 else family


# -- title and venue -------------------------------------------------------------------------------

_BOUNDARY = re.compile(r"(?<=[^\W_)\]”\"’'])[.?!][”\"’']?\s+(?=\S)|(?<=[)\]”\"])[.,?!]\s+(?=\S)")
_CONNECTING = frozenset(
    {"of", "and", "the", "in", "for", "on", "&", "de", "et", "der", "und", "für", "des", "la"}
    | {"le", "di", "del", "e", "a", "-", "part", "section", "series"}
)
_IN = re.compile(r"[.,;:?]?\s+In\s?:\s+")


def _title_and_venue(text: str, *, has_authors: bool, has_place: bool) -> tuple[str, str]:
    """What is left between the authors and the volume: a title, a venue, or both."""
    text = text.strip(" ,.;:")
    if not text:
        return "", ""
    if contained := _IN.search(text):
        return _trimmed(text[: contained.start()]), _trimmed(text[contained.end() :])
    if has_authors and has_place and _is_abbreviated(text):
        return "", _trimmed(text)
    for boundary in _BOUNDARY.finditer(text):
        title, venue = text[: boundary.start()], text[boundary.end() :]
        if _is_venue(venue) and len(title.split()) > 1:
            return _trimmed(title), _trimmed(venue)
    if has_authors and _is_venue(text) and ("." in text or text.isupper() or len(text) < 40):
        before, comma, after = text.rpartition(", ")
        if comma and text.isupper():
            return _trimmed(before), _trimmed(after)
        return "", _trimmed(text)
    if has_authors and has_place and (_is_venue(text) or _is_named_journal(text)):
        return "", _trimmed(text)  # nothing but a journal stands between authors and volume
    before, comma, after = text.rpartition(", ")
    if comma and _is_venue(after) and len(before.split()) > 2:
        return _trimmed(before), _trimmed(after)
    return _trimmed(text), ""


def _is_abbreviated(text: str) -> bool:
    """ "J. Am. Chem. Soc": every word but the last ends in a full stop."""
    *words, _ = text.split()
    return bool(words) and all(w.endswith(".") or w.lower() in _CONNECTING for w in words)


_JOURNAL = re.compile(
    r"\b(?:journal|annals|archives|proceedings|transactions|acta|bulletin)\b", re.I
)


def _is_named_journal(text: str) -> bool:
    return ", " not in text and len(text.split()) <= 10 and _JOURNAL.search(text) is not None


def _is_venue(text: str) -> bool:
    """Whether all words are capitals, abbreviations or small connecting words."""
    words = re.sub(r"[()\[\]]", " ", text).split()
    return 0 < len(words) <= 14 and all(
        word[0].isupper() or word.endswith(".") or word.lower().strip(",:") in _CONNECTING
        for word in words
    )


def _trimmed(text: str) -> str:
    return text.strip(" ,.;:“”\"'")
