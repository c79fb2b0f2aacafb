"""PubMed through NCBI's E-utilities: esearch finds, efetch describes, elink connects.

References
----------
E-utilities: https://www.ncbi.nlm.nih.gov/books/NBK25499/
Elements of the records: https://www.nlm.nih.gov/bsd/licensee/elements_descriptions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from lxml import etree

from ingest.fetch import Fetch, Rate, Source
from ingest.nlm import (
    is_retracted,
    language,
    notice_link,
    relation_link,
    republished_notice,
    title_as_printed,
    work_type,
)
from ingest.reading import element_text, parse_json, parse_xml
from ingest.shapes import whole
from ingest.sources import AnyRecord, Page
from kb.errors import SourceRejected, SourceUnavailable
from kb.identity.identifiers import (
    identifiers,
    normalize_doi,
    normalize_issn,
    normalize_orcid,
    normalize_pmid,
    normalize_ror,
)
from kb.identity.registrations import find_registrations
from kb.models.dates import PartialDate, partial_date
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    AbstractSection,
    Affiliation,
    AuthorClaim,
    CitingList,
    ConceptClaim,
    DateClaim,
    FundingClaim,
    NoticeClaim,
    Payload,
    ReferenceClaim,
    ReferenceList,
    RegistrationMention,
    RelationClaim,
    Unreadable,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)

SOURCE: Final = Source(
    name="pubmed",
    url_setting="eutils_url",
    # NCBI counts requests, not connections; a few at once keep slow answers from halving the rate.
    rate=Rate(3, 3),
    rate_with_key=Rate(10, 5),
    contact_parameter="email",
    key_setting="eutils_key",
    key_parameter="api_key",
    fixed_parameters=(("tool", "msc-evidence-base"),),
)

# PubMed's search knows no field for PMCIDs (einfo lists none).
LOOKS_UP: Final = frozenset({Scheme.PMID, Scheme.DOI})

# efetch is asked for at most this many works at once, and by POST when the ids get many.
BATCH: Final = 200
_POST_ABOVE: Final = 100
# The service's documentation says 10,000, but its error reads "'retstart' cannot be larger than
# 9998", so hit 9,999 is the last one.
REACHABLE_HITS: Final = 9_999
# Before the oldest entry date in PubMed (records of the 1780s carry their publication date).
_FIRST_ENTRY_DATE: Final = date(1750, 1, 1)


# -- records from efetch -------------------------------------------------------------------------


def to_records(payload: Payload) -> list[WorkRecord | Unreadable]:
    """Every article and book of an efetch answer, in its order; of one PMID in several versions
    the latest. An empty set gives an empty list: unknown and deleted PMIDs are just left out.

    Raises SourceRejected for an answer that is no set of articles.
    """
    root = _xml(payload)
    if root.tag in _READERS:
        items = [root]
    elif root.tag in ("PubmedArticleSet", "PubmedBookArticleSet"):
        items = [item for item in root if item.tag in _READERS]
    elif _means_no_such_ids(root):
        items = []
    else:
        raise SourceRejected(f"{_named(payload)}: no set of articles but <{root.tag!s}>")
    records: dict[str, WorkRecord | Unreadable] = {}
    versions: dict[str, int] = {}
    for number, item in enumerate(items, start=1):
        position = f"{item.tag!s} {number}"
        record: WorkRecord | Unreadable
        try:
            record = to_record(item)
        except ValueError as error:
            record = Unreadable(position=position, reason=str(error), key=_pmid_of(item))
        key = record.key or position
        version = _version(item)
        if key not in records or version >= versions[key]:
            records[key], versions[key] = record, version
    return list(records.values())


def to_record(element: etree._Element) -> WorkRecord:
    """The record of one `PubmedArticle` or `PubmedBookArticle`.

    Raises ValueError, saying why, for anything else and for one without PMID.
    """
    reader = _READERS.get(str(element.tag))
    if reader is None:
        raise ValueError(f"neither a PubmedArticle nor a PubmedBookArticle: <{element.tag!s}>")
    pmid = _pmid_of(element)
    if pmid is None:
        raise ValueError(f"{element.tag!s} without a PMID")
    return reader(element, pmid)


def _article(element: etree._Element, pmid: str) -> WorkRecord:
    citation = element.find("MedlineCitation")
    article = element.find("MedlineCitation/Article")
    data = element.find("PubmedData")
    if citation is None or article is None:
        raise ValueError("PubmedArticle without MedlineCitation/Article")
    languages = _texts(article, "Language")
    title, original_title = _titles(
        article.find("ArticleTitle"), article.find("VernacularTitle"), languages
    )
    types = _texts(article, "PublicationTypeList/PublicationType")
    kind = work_type(types)
    doi, pmcid = _own_ids(article, data)
    dates = _article_dates(article, data)
    pages, article_number = _location(article)
    notices, relations, cited = _comments(citation, is_preprint=kind is WorkType.PREPRINT)
    return WorkRecord(
        source=SOURCE.name,
        key=pmid,
        identifiers=identifiers(doi=doi, pmid=pmid, pmcid=pmcid),
        title=title,
        original_title=original_title,
        abstract=_abstract(article),
        abstract_license=element_text(article.find("Abstract/CopyrightInformation")),
        type=kind,
        types_as_given=types,
        published=_earliest(c.date for c in dates if c.role in ("online", "print", "published")),
        dates=dates,
        venue=_journal(citation, article),
        volume=_text(article, "Journal/JournalIssue/Volume"),
        issue=_text(article, "Journal/JournalIssue/Issue"),
        pages=pages,
        article_number=article_number,
        language=language(languages[0]) if languages else None,
        authors=_authors(article.findall("AuthorList/Author")),
        authors_complete=_yes_or_no(article.find("AuthorList"), "CompleteYN"),
        concepts=_concepts(citation),
        funding=_funding(article),
        references=_references(data) or cited,
        notices=notices,
        relations=relations,
        registrations=_registrations(article),
        is_flagged_retracted=is_retracted(types),
        updated=_partial(citation.find("DateRevised")),
    )


def _book(element: etree._Element, pmid: str) -> WorkRecord:
    """A book or a chapter of the NCBI Bookshelf: only a chapter has a title beside the book's."""
    document = element.find("BookDocument")
    book = element.find("BookDocument/Book")
    if document is None or book is None:
        raise ValueError("PubmedBookArticle without BookDocument/Book")
    is_chapter = element_text(document.find("ArticleTitle")) is not None
    described = document if is_chapter else book
    languages = _texts(document, "Language")
    title, original_title = _titles(
        described.find("ArticleTitle" if is_chapter else "BookTitle"),
        document.find("VernacularTitle") if is_chapter else None,
        languages,
    )
    # Book/ELocationID names the book, never the chapter.
    doi, pmcid = _own_ids(None if is_chapter else book, document, element.find("PubmedBookData"))
    published = _partial(document.find("ContributionDate")) if is_chapter else None
    published = published or _partial(book.find("PubDate"))
    revised = _partial(document.find("DateRevised"))
    lists = [
        group
        for group in described.findall("AuthorList")
        if group.get("Type", "authors") != "editors"
    ]
    return WorkRecord(
        source=SOURCE.name,
        key=pmid,
        identifiers=identifiers(doi=doi, pmid=pmid, pmcid=pmcid),
        title=title,
        original_title=original_title,
        abstract=_abstract(document),
        abstract_license=element_text(document.find("Abstract/CopyrightInformation")),
        type=WorkType.BOOK_CHAPTER if is_chapter else WorkType.BOOK,
        types_as_given=_texts(document, "PublicationType"),
        published=published,
        dates=_claims(("published", published), ("revised", revised)),
        venue=VenueClaim(
            name=element_text(book.find("BookTitle")) if is_chapter else None,
            publisher=element_text(book.find("Publisher/PublisherName")),
        ),
        volume=_text(book, "Volume"),
        pages=_pages(document),
        language=language(languages[0]) if languages else None,
        authors=_authors(author for group in lists for author in group.findall("Author")),
        authors_complete=_yes_or_no(lists[0], "CompleteYN") if len(lists) == 1 else None,
        concepts=_keywords(document),
        funding=_funding(document),
        references=_references(document),
        updated=revised,
    )


_READERS: Final[dict[str, Callable[[etree._Element, str], WorkRecord]]] = {
    "PubmedArticle": _article,
    "PubmedBookArticle": _book,
}


def _pmid_of(item: etree._Element) -> str | None:
    return normalize_pmid(
        item.findtext("MedlineCitation/PMID") or item.findtext("BookDocument/PMID")
    )


def _version(item: etree._Element) -> int:
    pmid = item.find("MedlineCitation/PMID")
    version = pmid.get("Version", "") if pmid is not None else ""
    return whole(version) or 1


# -- identifiers and titles ----------------------------------------------------------------------


def _own_ids(
    located: etree._Element | None, *data: etree._Element | None
) -> tuple[str | None, str | None]:
    """DOI and PMCID of the article itself, never those of its references.

    A DOI that the record itself marks as wrong (ValidYN="N") is not given.
    """
    listed = [
        (part.get("IdType"), (part.text or "").strip())
        for place in data
        if place is not None
        for part in place.findall("ArticleIdList/ArticleId")
    ]
    dois = [normalize_doi(value) for kind, value in listed if kind == "doi"]
    wrong: set[str | None] = {None}
    for part in located.findall("ELocationID[@EIdType='doi']") if located is not None else ():
        if part.get("ValidYN") == "N":
            wrong.add(normalize_doi(part.text))
        else:
            dois.append(normalize_doi(part.text))
    doi = next((doi for doi in dois if doi not in wrong), None)
    return doi, next((value for kind, value in listed if kind in ("pmc", "pmcid")), None)


def _titles(
    title: etree._Element | None, vernacular: etree._Element | None, languages: Sequence[str]
) -> tuple[str | None, str | None]:
    """(title, title in the work's own language where the first is a translation)."""
    is_translated = list(languages) != ["eng"]
    given = title_as_printed(element_text(title), is_translated=is_translated)
    original = title_as_printed(element_text(vernacular), is_translated=False)
    return (given, original) if given else (original, None)


def _abstract(article: etree._Element) -> tuple[AbstractSection, ...]:
    sections = []
    for part in article.findall("Abstract/AbstractText"):
        text = element_text(part)
        label = " ".join(part.get("Label", "").split())
        if text:
            sections.append(
                AbstractSection(
                    text=text, label=label if label.upper() not in ("", "UNLABELLED") else None
                )
            )
    return tuple(sections)


# -- people --------------------------------------------------------------------------------------


def _authors(elements: Iterable[etree._Element]) -> tuple[AuthorClaim, ...]:
    """In order; names marked invalid were misspelt and are followed by the right one."""
    return tuple(
        author
        for element in elements
        if element.get("ValidYN") != "N" and (author := _author(element)) is not None
    )


def _author(element: etree._Element) -> AuthorClaim | None:
    family = element_text(element.find("LastName"))
    given = element_text(element.find("ForeName")) or element_text(element.find("Initials"))
    collective = element_text(element.find("CollectiveName"))
    if not (family or given or collective):
        return None
    orcids = (normalize_orcid(i.text) for i in element.findall("Identifier[@Source='ORCID']"))
    affiliations = []
    for info in element.findall("AffiliationInfo"):
        text = element_text(info.find("Affiliation"))
        rors = (normalize_ror(i.text) for i in info.findall("Identifier[@Source='ROR']"))
        if text:
            affiliations.append(
                Affiliation(text=text, ror=next((ror for ror in rors if ror), None))
            )
    return AuthorClaim(
        family=family,
        given=given if family else None,
        name=given if not family and not collective else None,
        suffix=element_text(element.find("Suffix")),
        collective=collective,
        orcid=next((orcid for orcid in orcids if orcid), None),
        affiliations=tuple(affiliations),
    )


# -- where and when ------------------------------------------------------------------------------


def _journal(citation: etree._Element, article: etree._Element) -> VenueClaim:
    issns = [
        normalize_issn(part.text)
        for part in (
            *article.findall("Journal/ISSN"),
            *citation.findall("MedlineJournalInfo/ISSNLinking"),
        )
    ]
    return VenueClaim(
        name=_text(article, "Journal/Title"),
        abbreviation=_text(article, "Journal/ISOAbbreviation")
        or _text(citation, "MedlineJournalInfo/MedlineTA"),
        issns=tuple(dict.fromkeys(issn for issn in issns if issn)),
        nlm_id=_text(citation, "MedlineJournalInfo/NlmUniqueID"),
    )


# A publisher item identifier (S0167-4889(24)00110-1) is a number in a warehouse, not in a journal.
_ITEM_IDENTIFIER = re.compile(r"[SB]\d{4}-?\d{3}[\dX]\(?\d{2}\)?\d{5}-?[\dX]")


def _location(article: etree._Element) -> tuple[str | None, str | None]:
    """(pages, article number): PubMed gives a publisher's item number where pages are missing."""
    pages = _pages(article)
    for part in article.findall("ELocationID[@EIdType='pii']"):
        number = (part.text or "").strip()
        is_valid = part.get("ValidYN") != "N" and not _ITEM_IDENTIFIER.fullmatch(number)
        if number and is_valid and pages in (None, number):
            return None, number
    return pages, None


def _pages(element: etree._Element) -> str | None:
    printed = _text(element, "Pagination/MedlinePgn")
    start = _text(element, "Pagination/StartPage")
    end = _text(element, "Pagination/EndPage")
    # "107-14" is spelt out by start and end; "12-3; discussion 45" says more than they do.
    if start and end and not re.search(r"[,;]", printed or ""):
        return start if start == end else f"{start}-{end}"
    return printed or start


_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        start=1,
    )
}


def _partial(element: etree._Element | None) -> PartialDate | None:
    """A date of any of PubMed's forms: of a season, and of free text ("1998 Dec-1999 Jan"), only
    the (first) year is kept."""
    if element is None:
        return None
    year = element.findtext("Year")
    if year is None:
        found = re.search(r"\b[12]\d{3}\b", element.findtext("MedlineDate") or "")
        return partial_date(found[0]) if found else None
    month = (element.findtext("Month") or "").strip()
    return partial_date(year, _MONTHS.get(month[:3].lower(), month), element.findtext("Day"))


# What JournalIssue/PubDate is the date of depends on how the journal publishes. The collection of
# an online journal is dated after its articles, so that date is not when they went online.
_ISSUE_DATE_ROLES: Final = {
    "Print": "print",
    "Print-Electronic": "print",
    "Electronic-Print": "print",
    "Electronic": "online",
}


def _article_dates(article: etree._Element, data: etree._Element | None) -> tuple[DateClaim, ...]:
    issue_role = _ISSUE_DATE_ROLES.get(article.get("PubModel", ""), "published")
    claims = [(issue_role, _partial(article.find("Journal/JournalIssue/PubDate")))]
    claims += [
        ("online", _partial(part))
        for part in article.findall("ArticleDate[@DateType='Electronic']")
    ]
    if data is not None:
        claims += [
            (role, _partial(part))
            for role in ("received", "revised", "accepted")
            for part in data.findall(f"History/PubMedPubDate[@PubStatus='{role}']")
        ]
    return _claims(*claims)


def _claims(*dates: tuple[str, PartialDate | None]) -> tuple[DateClaim, ...]:
    claims = (DateClaim(role=role, date=on) for role, on in dates if on)
    return tuple(dict.fromkeys(claims))


def _earliest(dates: Iterable[PartialDate]) -> PartialDate | None:
    # Of "2019" and "2019-12-02" the second: nothing says that the first is before it.
    return min(dates, key=lambda on: on + "-99" * ((10 - len(on)) // 3), default=None)


# -- concepts, money, registrations ----------------------------------------------------------------


def _concepts(citation: etree._Element) -> tuple[ConceptClaim, ...]:
    concepts = []
    for heading in citation.findall("MeshHeadingList/MeshHeading"):
        descriptor = heading.find("DescriptorName")
        label = element_text(descriptor)
        if descriptor is None or label is None:
            continue
        qualifiers = heading.findall("QualifierName")
        # With qualifiers, PubMed puts the star on the qualifier and not on the descriptor.
        concepts.append(
            ConceptClaim(
                scheme="mesh",
                label=label,
                code=descriptor.get("UI"),
                is_major=any(p.get("MajorTopicYN") == "Y" for p in (descriptor, *qualifiers)),
                qualifiers=tuple(text for q in qualifiers if (text := element_text(q))),
            )
        )
    concepts += [
        ConceptClaim(scheme="mesh", label=label, code=part.get("UI"))
        for part in citation.findall("SupplMeshList/SupplMeshName")
        if (label := element_text(part))
    ]
    concepts += _keywords(citation)
    for chemical in citation.findall("ChemicalList/Chemical"):
        substance = chemical.find("NameOfSubstance")
        label = element_text(substance)
        number = _text(chemical, "RegistryNumber")
        if substance is not None and label:
            code = substance.get("UI") or (number if number != "0" else None)
            concepts.append(ConceptClaim(scheme="chemical", label=label, code=code))
    return tuple(dict.fromkeys(concepts))


def _keywords(citation: etree._Element) -> tuple[ConceptClaim, ...]:
    """Keywords of the authors, and those of the indexing services (NASA, KIE) that mark the main
    ones; what authors list is all marked "N", which says nothing."""
    keywords: dict[str, ConceptClaim] = {}
    for group in citation.findall("KeywordList"):
        is_authors = group.get("Owner") == "NOTNLM"
        for part in group.findall("Keyword"):
            label = element_text(part)
            if label:
                is_major = None if is_authors else _yes_or_no(part, "MajorTopicYN")
                keyword = ConceptClaim(scheme="keyword", label=label, is_major=is_major)
                keywords.setdefault(label.casefold(), keyword)
    return tuple(keywords.values())


def _funding(article: etree._Element) -> tuple[FundingClaim, ...]:
    claims = (
        FundingClaim(funder=funder, award=_text(grant, "GrantID"), country=_text(grant, "Country"))
        for grant in article.findall("GrantList/Grant")
        if (funder := _text(grant, "Agency") or _text(grant, "Acronym"))
    )
    return tuple(dict.fromkeys(claims))


# Registries among PubMed's data banks whose numbers have no known pattern: kept as given.
_OTHER_REGISTRIES: Final = frozenset(
    {"CRiS", "JapicCTI", "JMACCT", "JPRN", "LBCTR", "PACTR", "REPEC", "RPCEC", "SLCTR", "TCTR"}
)


def _registrations(article: etree._Element) -> tuple[RegistrationMention, ...]:
    """Trial registrations; the other data banks (GENBANK, GEO, figshare) hold data, not trials."""
    mentions = []
    for bank in article.findall("DataBankList/DataBank"):
        name = _text(bank, "DataBankName")
        for given in _texts(bank, "AccessionNumberList/AccessionNumber"):
            known = find_registrations(given)
            if not known and name in _OTHER_REGISTRIES:
                known = [(name, given)]
            mentions += [RegistrationMention(number=n, registry=registry) for registry, n in known]
    return tuple(dict.fromkeys(mentions))


# -- other works ---------------------------------------------------------------------------------


def _comments(
    citation: etree._Element, *, is_preprint: bool
) -> tuple[tuple[NoticeClaim, ...], tuple[RelationClaim, ...], tuple[ReferenceClaim, ...]]:
    """(notices, relations, references as PubMed listed them until 2018)"""
    notices: list[NoticeClaim] = []
    relations: list[RelationClaim] = []
    cited: list[ReferenceClaim] = []
    for part in citation.findall("CommentsCorrectionsList/CommentsCorrections"):
        link = part.get("RefType", "")
        where = _text(part, "RefSource")
        other = identifiers(doi=_doi_in(where), pmid=part.findtext("PMID"))
        if link == "Cites":
            cited.append(ReferenceClaim(position=len(cited) + 1, identifiers=other, text=where))
        notice, named = notice_link(link), other
        if republished := republished_notice(link):
            # That it was replaced is said of the work; what replaces it is an article, no notice.
            notice, named = (republished, True), ()
        if notice:
            note = element_text(part.find("Note"))
            notices.append(
                NoticeClaim(
                    kind=notice[0],
                    is_about_self=notice[1],
                    other=named,
                    label=link,
                    asserted_by="nlm",
                    text=". ".join(filter(None, (where, note))) or None,
                )
            )
        relation = relation_link(link, where, is_preprint=is_preprint)
        if relation and other:
            relations.append(RelationClaim(kind=relation, other=other))
    return tuple(dict.fromkeys(notices)), tuple(dict.fromkeys(relations)), tuple(cited)


def _doi_in(where: str | None) -> str | None:
    """The DOI at the end of "Lancet. 2021;397(1):5. doi: 10.1016/..."."""
    _, found, rest = (where or "").partition("doi: ")
    return normalize_doi(rest.split()[0]) if found and rest.split() else None


def _references(data: etree._Element | None) -> tuple[ReferenceClaim, ...]:
    """Numbered over all (nested) lists; each line with its own ids only."""
    if data is None:
        return ()
    claims = []
    lines = (line for group in data.findall("ReferenceList") for line in group.iter("Reference"))
    for position, line in enumerate(lines, start=1):
        ids = {
            part.get("IdType"): part.text
            for part in reversed(line.findall("ArticleIdList/ArticleId"))
        }
        claims.append(
            ReferenceClaim(
                position=position,
                identifiers=identifiers(
                    doi=ids.get("doi"),
                    pmid=ids.get("pubmed"),
                    pmcid=ids.get("pmc") or ids.get("pmcid"),
                ),
                text=element_text(line.find("Citation")),
            )
        )
    return tuple(claims)


# -- what answers look like ----------------------------------------------------------------------

# Messages of the service that name a passing trouble.
_PASSING = re.compile(
    r"rate limit|address table is empty|temporarily unavailable|timed?[ -]?out|try again", re.I
)


def check(payload: Payload) -> None:
    """Tells failures that arrive with status 200 from answers.

    Raises SourceUnavailable where asking again may help (cut-off answers, the rate limit, a link
    server that is down), SourceRejected for error pages and for what the service calls an error.
    """
    body = payload.body.removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        raise SourceUnavailable(f"{_named(payload)} is empty")
    if body.startswith((b"{", b"[")):
        if not body.endswith((b"}", b"]")):
            raise SourceUnavailable(f"{_named(payload)} breaks off")
        value = parse_json(body, what=_named(payload))
        message = value.get("error") if isinstance(value, dict) else None
        result = value.get("esearchresult") if isinstance(value, dict) else None
        if isinstance(result, dict):
            message = message or result.get("ERROR")
        if message:
            _fail(payload, str(message))
        return
    if re.search(rb"<(?:!doctype\s+)?html", body[:500], re.I):
        raise SourceRejected(f"{_named(payload)} is a web page: {body[:100]!r}")
    first_tag = re.search(rb"<([A-Za-z][\w.-]*)", body)
    try:
        root = parse_xml(body, what=_named(payload))
    except SourceRejected:
        if first_tag and not body.endswith(b"</" + first_tag[1] + b">"):
            raise SourceUnavailable(f"{_named(payload)} breaks off: {body[-60:]!r}") from None
        raise
    # One refused set of links does not spoil the others, but a passing trouble is waited out.
    for message in root.itertext("ERROR"):
        if _PASSING.search(message):
            _fail(payload, message)
    if not _means_no_such_ids(root) and (message := _error_in(root)):
        _fail(payload, message)


def _fail(payload: Payload, message: str) -> None:
    said = f"{_named(payload)} is an error: {' '.join(message.split())[:300]}"
    raise SourceUnavailable(said) if _PASSING.search(message) else SourceRejected(said)


def _named(payload: Payload) -> str:
    return f"PubMed's answer to {re.split('[? ]', payload.request.partition(' ')[2])[0]}"


def _error_in(root: etree._Element) -> str | None:
    return element_text(root if root.tag == "ERROR" else root.find("ERROR"))


def _means_no_such_ids(root: etree._Element) -> bool:
    """efetch's other way of saying that it knows none of the ids."""
    message = (_error_in(root) or "").lower()
    return root.tag == "eFetchResult" and "id list" in message and "empty" in message


def _xml(payload: Payload) -> etree._Element:
    return parse_xml(payload.body, what=_named(payload))


def _text(element: etree._Element, path: str) -> str | None:
    """Of an element that the format allows no markup in."""
    return " ".join((element.findtext(path) or "").split()) or None


def _texts(element: etree._Element, path: str) -> tuple[str, ...]:
    return tuple(text for part in element.findall(path) if (text := element_text(part)))


def _yes_or_no(element: etree._Element | None, name: str) -> bool | None:
    return {"Y": True, "N": False}.get(element.get(name, "")) if element is not None else None


# -- lookup --------------------------------------------------------------------------------------


def fetch_works(fetch: Fetch, identifiers: Sequence[Identifier]) -> Iterator[Page]:
    """The works PubMed has under these PMIDs and DOIs; others are passed over.

    A DOI counts only if exactly one record carries it. `Page.total` is None.
    """
    asked = dict.fromkeys(i.value for i in identifiers if i.scheme is Scheme.PMID)
    found_by_doi: dict[str, Identifier] = {}
    for doi in dict.fromkeys(i for i in identifiers if i.scheme is Scheme.DOI):
        pmid = _find_doi(fetch, doi.value)
        if pmid and pmid not in asked:
            found_by_doi[pmid] = doi
    for payload, records in _fetch_pmids(fetch, [*asked, *found_by_doi]):
        # The index of article ids also holds other numbers of publishers, so the DOI must agree.
        kept = [
            record
            for record in records
            if record.key not in found_by_doi
            or (isinstance(record, WorkRecord) and found_by_doi[record.key] in record.identifiers)
        ]
        yield Page(payload, kept)


def _find_doi(fetch: Fetch, doi: str) -> str | None:
    if '"' in doi:
        return None  # the query language has no way to quote it
    answer = _esearch(fetch, f'"{doi}"[aid]', at_most=2)
    return answer.pmids[0] if answer.count == len(answer.pmids) == 1 else None


def _fetch_pmids(
    fetch: Fetch, pmids: Sequence[str]
) -> Iterator[tuple[Payload, list[WorkRecord | Unreadable]]]:
    """Records in the order asked for, batch by batch.

    What a batch leaves out is asked for once more, since efetch has been seen to drop records it
    knows; what is then missing PubMed does not have.
    """
    for start in range(0, len(pmids), BATCH):
        missing = list(pmids[start : start + BATCH])
        order = {pmid: position for position, pmid in enumerate(missing)}
        for _ in range(2):
            payload = fetch.get(
                SOURCE,
                "efetch.fcgi",
                {"db": "pubmed", "id": ",".join(missing), "retmode": "xml"},
                check=check,
                post=len(missing) > _POST_ABOVE,
            )
            records = [r for r in to_records(payload) if r.key is None or r.key in missing]
            records.sort(key=lambda record: order.get(record.key or "", len(order)))
            if records:
                yield payload, records
            came = {record.key for record in records}
            missing = [pmid for pmid in missing if pmid not in came]
            if not missing or len(order) == 1:
                break


# -- search --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hits:
    payload: Payload
    count: int
    pmids: tuple[str, ...]
    remarks: tuple[str, ...]  # where the query was not searched as written


def search(fetch: Fetch, query: str, limit: int | None) -> Iterator[Page]:
    """The works found by a query in PubMed's syntax, newest first, at most `limit`.

    Beyond PubMed's wall of 9,999 hits the search is split by entry date. `Page.total` is PubMed's
    count; the last page's `truncated_by` states what is out of reach, not delivered or cut by
    `limit`, and which words of the query PubMed did not search as written.

    Raises SourceRejected for a query with an unknown field or one that PubMed cannot read.
    """
    first = _esearch(fetch, query, at_most=REACHABLE_HITS if limit is None else limit)
    pmids: dict[str, None] = {}
    remarks = list(first.remarks)
    wanted = first.count if limit is None else min(limit, first.count)
    _collect(fetch, query, first, None, wanted, pmids, remarks)
    found = list(pmids)[:wanted]
    if len(found) < wanted and not any("out of reach" in remark for remark in remarks):
        remarks.append(f"PubMed counts {first.count} hits but listed {len(found)}")
    if wanted < first.count:
        remarks.append(f"limit of {limit}")

    missing = dict.fromkeys(found)
    held = Page(first.payload, [], total=first.count)
    for number, (payload, records) in enumerate(_fetch_pmids(fetch, found)):
        for record in records:
            missing.pop(record.key or "", None)
        if number:
            yield held
        held = Page(payload, records, total=first.count)
    if missing:
        remarks.append(f"efetch did not return {len(missing)}: {', '.join(list(missing)[:10])}")
    yield Page(held.payload, held.records, held.total, "; ".join(remarks) or None)


def _collect(
    fetch: Fetch,
    query: str,
    hits: _Hits,
    window: tuple[date, date] | None,
    wanted: int,
    pmids: dict[str, None],
    remarks: list[str],
) -> None:
    """Adds to `pmids` those of a search whose first answer is `hits`, until `wanted` are there.

    Lists shift while they are read and days belong to one window only, but a record may get
    another entry date in between: `pmids` holds each once.
    """
    needed = wanted - len(pmids)
    if hits.count > REACHABLE_HITS and needed > REACHABLE_HITS:
        # The day after, since dates are those of the US East.
        tomorrow = hits.payload.fetched_at.date() + timedelta(days=1)
        since, until = window or (_FIRST_ENTRY_DATE, tomorrow)
        if since < until:
            middle = since + (until - since) // 2
            for half in ((middle + timedelta(days=1), until), (since, middle)):
                if len(pmids) < wanted:
                    part = _esearch(fetch, query, at_most=REACHABLE_HITS, window=half)
                    _collect(fetch, query, part, half, wanted, pmids, remarks)
            return
        remarks.append(
            f"{hits.count - REACHABLE_HITS} of the {hits.count} hits entered on {since:%Y/%m/%d} "
            f"are out of reach: PubMed lists {REACHABLE_HITS} at most"
        )
    read = 0
    while True:
        pmids.update(dict.fromkeys(hits.pmids))
        read += len(hits.pmids)
        reach = min(hits.count, REACHABLE_HITS)
        if not hits.pmids or read >= reach or len(pmids) >= wanted:
            return
        hits = _esearch(fetch, query, at_most=reach - read, start=read, window=window)


def _esearch(
    fetch: Fetch,
    query: str,
    *,
    at_most: int,
    start: int = 0,
    window: tuple[date, date] | None = None,
) -> _Hits:
    params = {
        "db": "pubmed",
        "term": query,
        "retmode": "json",
        "retmax": str(min(at_most, REACHABLE_HITS)),
        "retstart": str(start),
    }
    if window:
        since, until = window
        params |= {
            "datetype": "edat",
            "mindate": f"{since:%Y/%m/%d}",
            "maxdate": f"{until:%Y/%m/%d}",
        }
    # Systematic reviews write queries longer than an address may be.
    payload = fetch.get(SOURCE, "esearch.fcgi", params, check=check, post=len(query) > 1500)
    return _to_hits(payload)


def _to_hits(payload: Payload) -> _Hits:
    value = parse_json(payload.body, what=_named(payload))
    result = value.get("esearchresult") if isinstance(value, dict) else None
    if not isinstance(result, dict):
        raise SourceRejected(f"{_named(payload)} has no esearchresult: {payload.body[:100]!r}")
    count, listed = whole(result.get("count")), result.get("idlist")
    if count is None or not isinstance(listed, list):
        raise SourceRejected(f"{_named(payload)} has no count and idlist: {payload.body[:100]!r}")

    def complaints(part: str, kind: str) -> str:
        said = result.get(part)
        said = said.get(kind) if isinstance(said, dict) else None
        return ", ".join(str(word) for word in said) if isinstance(said, list) else ""

    if fields := complaints("errorlist", "fieldsnotfound"):
        raise SourceRejected(f"PubMed knows no search field {fields}; see its list of field tags")
    remarks = []
    if words := complaints("errorlist", "phrasesnotfound"):
        remarks.append(f"PubMed left out what it did not find: {words}")
    if words := complaints("warninglist", "phrasesignored"):
        remarks.append(f"PubMed ignored: {words}")
    if words := complaints("warninglist", "quotedphrasesnotfound"):
        remarks.append(f"PubMed searched the single words of phrases it did not find: {words}")
    return _Hits(
        payload=payload,
        count=count,
        pmids=tuple(pmid for raw in listed if (pmid := normalize_pmid(str(raw)))),
        remarks=tuple(remarks),
    )


# -- links ---------------------------------------------------------------------------------------

_REFERENCES: Final = "pubmed_pubmed_refs"
_CITED_IN: Final = "pubmed_pubmed_citedin"


def fetch_references(fetch: Fetch, work: Sequence[Identifier]) -> Iterator[Page]:
    """The works in PubMed that a work in PMC cites: PMIDs alone, and only where PMC has the text.

    A work without PMID gives no page; one without links gives a page without records.
    """
    return _fetch_links(fetch, work, _REFERENCES, to_reference_lists)


def fetch_citations(fetch: Fetch, work: Sequence[Identifier]) -> Iterator[Page]:
    """The works in PMC that cite a work, as brief records of their PMIDs; far from all."""
    return _fetch_links(fetch, work, _CITED_IN, to_citing_lists)


def to_reference_lists(payload: Payload) -> list[ReferenceList | Unreadable]:
    """The reference list of each work an elink answer is about, in the order given.

    Raises SourceRejected for an answer that is none of elink.
    """
    return [
        linked
        if isinstance(linked, Unreadable)
        else ReferenceList(
            source=SOURCE.name,
            key=f"{linked.pmid}#elink",
            of=identifiers(pmid=linked.pmid),
            references=tuple(
                ReferenceClaim(position=position, identifiers=identifiers(pmid=pmid))
                for position, pmid in enumerate(linked.others, start=1)
            ),
        )
        for linked in _links(payload, _REFERENCES)
    ]


def to_citing_lists(payload: Payload) -> list[CitingList | Unreadable]:
    """The citing works of each work an elink answer is about, in the order given.

    Raises SourceRejected for an answer that is none of elink.
    """
    return [
        linked
        if isinstance(linked, Unreadable)
        else CitingList(
            source=SOURCE.name,
            key=f"{linked.pmid}#elink",
            of=identifiers(pmid=linked.pmid),
            citing=tuple(
                WorkRecord(
                    source=SOURCE.name,
                    key=pmid,
                    view=View.BRIEF,
                    identifiers=identifiers(pmid=pmid),
                )
                for pmid in linked.others
            ),
        )
        for linked in _links(payload, _CITED_IN)
    ]


def _fetch_links(
    fetch: Fetch,
    work: Sequence[Identifier],
    link: str,
    read: Callable[[Payload], Sequence[AnyRecord | Unreadable]],
) -> Iterator[Page]:
    pmids = list(dict.fromkeys(i.value for i in work if i.scheme is Scheme.PMID))
    for start in range(0, len(pmids), BATCH):
        batch = pmids[start : start + BATCH]
        payload = fetch.get(
            SOURCE,
            "elink.fcgi",
            # Repeated ids are answered one by one; joined by commas they would be one set.
            {"dbfrom": "pubmed", "db": "pubmed", "linkname": link, "retmode": "xml", "id": batch},
            check=check,
            post=len(batch) > _POST_ABOVE,
        )
        yield Page(payload, read(payload))


@dataclass(frozen=True, slots=True)
class _Linked:
    pmid: str
    others: tuple[str, ...]


def _links(payload: Payload, link: str) -> list[_Linked | Unreadable]:
    root = _xml(payload)
    if root.tag != "eLinkResult":
        raise SourceRejected(f"{_named(payload)}: no links but <{root.tag!s}>")
    found: list[_Linked | Unreadable] = []
    for number, links in enumerate(root.findall("LinkSet"), start=1):
        asked = [normalize_pmid(part.text) for part in links.findall("IdList/Id")]
        error = _error_in(links)
        others = [
            normalize_pmid(part.text)
            for group in links.findall("LinkSetDb")
            if group.findtext("LinkName") == link
            for part in group.findall("Link/Id")
        ]
        if error or (others and (len(asked) != 1 or asked[0] is None)):
            reason = error or f"the links of {len(asked)} works in one set belong to none of them"
            key = asked[0] if len(asked) == 1 else None
            found.append(Unreadable(position=f"LinkSet {number}", reason=reason, key=key))
        elif others and asked[0]:
            unique = tuple(dict.fromkeys(pmid for pmid in others if pmid))
            found.append(_Linked(asked[0], unique))
    return found
