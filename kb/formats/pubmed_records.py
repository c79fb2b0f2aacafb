"""PubMed's description of a work in XML.

Elements of the records: https://www.nlm.nih.gov/bsd/licensee/elements_descriptions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from lxml import etree

from kb.formats.markup import element_text
from kb.formats.nlm import (
    OTHER_REGISTRIES,
    is_retracted,
    language,
    notice_link,
    pages_in_full,
    relation_link,
    republished_notice,
    title_as_printed,
    work_type,
)
from kb.formats.shapes import whole
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
from kb.models.records import (
    AbstractSection,
    Affiliation,
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    FundingClaim,
    NoticeClaim,
    ReferenceClaim,
    RegistrationMention,
    RelationClaim,
    VenueClaim,
    WorkRecord,
    WorkType,
)


def to_record(
    element: etree._Element, source: str = "pubmed", *, key: str | None = None
) -> WorkRecord:
    """The record of one `PubmedArticle` or `PubmedBookArticle`, as what `source` says.

    `key` is that of a record without PMID, as files of others than PubMed hold them. Raises
    ValueError, saying why, for anything else, and for one without PMID where there is no `key`.
    """
    reader = _READERS.get(str(element.tag))
    if reader is None:
        raise ValueError(f"neither a PubmedArticle nor a PubmedBookArticle: <{element.tag!s}>")
    pmid = pmid_of(element)
    if pmid is None and key is None:
        raise ValueError(f"{element.tag!s} without a PMID")
    record = reader(element, pmid, source)
    return replace(record, key=key) if pmid is None and key is not None else record


def _article(element: etree._Element, pmid: str | None, source: str) -> WorkRecord:
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
        source=source,
        key=pmid or "",
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


def _book(element: etree._Element, pmid: str | None, source: str) -> WorkRecord:
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
        source=source,
        key=pmid or "",
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
        contributors=tuple(
            ContributorClaim(role="editor", person=person)
            for group in book.findall("AuthorList[@Type='editors']")
            for person in _authors(group.findall("Author"))
        ),
        series=element_text(book.find("CollectionTitle")),
        edition=element_text(book.find("Edition")),
        place=_text(book, "Publisher/PublisherLocation"),
        isbns=_texts(book, "Isbn"),
    )


_READERS: Final[dict[str, Callable[[etree._Element, str | None, str], WorkRecord]]] = {
    "PubmedArticle": _article,
    "PubmedBookArticle": _book,
}
RECORDS: Final = frozenset(_READERS)
"""The elements that `to_record` reads."""


def pmid_of(item: etree._Element) -> str | None:
    """The PMID of an article or book, None where there is none."""
    return normalize_pmid(
        item.findtext("MedlineCitation/PMID") or item.findtext("BookDocument/PMID")
    )


def version_of(item: etree._Element) -> int:
    """The version of an article's record, 1 where it does not say: PubMed keeps the later ones of a
    preprint or a living review under one PMID."""
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
    return pages_in_full(printed) or start


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
                code=descriptor.get("UI") or None,
                is_major=any(p.get("MajorTopicYN") == "Y" for p in (descriptor, *qualifiers)),
                qualifiers=tuple(text for q in qualifiers if (text := element_text(q))),
            )
        )
    concepts += [
        ConceptClaim(scheme="mesh", label=label, code=part.get("UI") or None)
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


def _registrations(article: etree._Element) -> tuple[RegistrationMention, ...]:
    """Trial registrations; the other data banks (GENBANK, GEO, figshare) hold data, not trials."""
    mentions = []
    for bank in article.findall("DataBankList/DataBank"):
        name = _text(bank, "DataBankName")
        for given in _texts(bank, "AccessionNumberList/AccessionNumber"):
            known = find_registrations(given)
            if not known and name in OTHER_REGISTRIES:
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


# -- elements ------------------------------------------------------------------------------------


def _text(element: etree._Element, path: str) -> str | None:
    """Of an element that the format allows no markup in."""
    return " ".join((element.findtext(path) or "").split()) or None


def _texts(element: etree._Element, path: str) -> tuple[str, ...]:
    return tuple(text for part in element.findall(path) if (text := element_text(part)))


def _yes_or_no(element: etree._Element | None, name: str) -> bool | None:
    return {"Y": True, "N": False}.get(element.get(name, "")) if element is not None else None
