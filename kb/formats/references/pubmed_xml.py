"""PubMed's XML as a file: what efetch and PubMed's baseline give, read and written.

`pubmed_records` says what the elements mean. What it passes over is kept as it stood, element by
element, and written again.

References
----------
The elements and their order: https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO, Final

from lxml import etree

from kb.formats.markup import element_text, markup, plain_text
from kb.formats.nlm import nlm_language, work_type
from kb.formats.pubmed_records import pmid_of, to_record
from kb.formats.references.names import person, written
from kb.formats.references.nbib import CONFERENCE, TYPE_NAMES, homeless, printed_title
from kb.formats.references.nlm_links import links_of
from kb.formats.references.reading import FileRecord, Read
from kb.formats.references.texts import flat
from kb.formats.references.values import first_identifier, isbns_of
from kb.formats.references.xml_elements import Broken, elements
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
)

FORM: Final = "pubmed-xml"

# Children of MedlineCitation that say nothing `pubmed_records` knows.
_KEPT: Final = frozenset(
    {
        "DateCompleted", "CitationSubset", "GeneSymbolList", "NumberOfReferences", "OtherAbstract",
        "PersonalNameSubjectList", "OtherID", "CoiStatement", "SpaceFlightMission",
        "InvestigatorList",
    }
)  # fmt: skip
_LABEL: Final = "Label: "


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """The records of a file of PubMed's XML in its order, as what `source` says."""
    number = 0
    try:
        found = elements(stream, "PubmedArticle", "PubmedBookArticle")
        for number, element in enumerate(found, 1):
            position = f"record {number} (line {element.sourceline})"
            try:
                record = _record(element, source, number)
            except ValueError as error:
                key = pmid_of(element)
                yield Unreadable(position=position, reason=str(error), key=key)
            else:
                yield FileRecord(position=position, record=record)
    except Broken as broken:
        yield Unreadable(
            position=f"line {broken.line}",
            reason=f"not XML from here on, after {number} records ({broken})",
        )
    else:
        if number == 0:
            reason = "no record (expected <PubmedArticle> elements, as PubMed exports them)"
            yield Unreadable(position="line 1", reason=reason)


def _record(element: etree._Element, source: str, number: int) -> WorkRecord:
    label, event, notes = None, None, []
    homeless: dict[str, list[str]] = {}
    is_article = element.tag == "PubmedArticle"
    said = element.findall("MedlineCitation/GeneralNote") + element.findall(".//ItemList/Item")
    for note in filter(None, map(element_text, said)):
        if label is None and note.startswith(_LABEL):
            label = note.removeprefix(_LABEL)
        elif event is None and note.startswith(CONFERENCE):
            event = note.removeprefix(CONFERENCE)
        elif (known := _OF_NO_FIELD.fullmatch(note)) and (is_article or known[1] == "URL"):
            homeless.setdefault(known[1], []).append(known[2])
        else:
            notes.append(note)
    record = to_record(element, source, key=label or f"record {number}")
    extra = [
        ExtraField(
            format=FORM,
            tag=str(part.tag),
            value=etree.tostring(part, encoding="unicode", with_tail=False),
        )
        for part in element.findall("MedlineCitation/*")
        if part.tag in _KEPT
    ]
    record = replace(record, label=label, event=event, notes=tuple(notes), extra=tuple(extra))
    return _with_homeless(record, homeless) if homeless else record


_OF_NO_FIELD = re.compile(r"(Editor|Publisher|Place|Series|Edition|ISBN|URL): (.+)", re.S)


def _with_homeless(record: WorkRecord, said: Mapping[str, Sequence[str]]) -> WorkRecord:
    """The record with what `_homeless` wrote of it."""
    editors = (person(name) for name in said.get("Editor", ()))
    one = {name: values[0] for name, values in said.items()}
    venue = record.venue or VenueClaim()
    if "Publisher" in one:
        venue = replace(venue, publisher=one["Publisher"])
    return replace(
        record,
        venue=venue if venue != VenueClaim() else None,
        contributors=(
            *record.contributors,
            *(ContributorClaim(role="editor", person=editor) for editor in editors if editor),
        ),
        place=one.get("Place", record.place),
        series=one.get("Series", record.series),
        edition=one.get("Edition", record.edition),
        isbns=isbns_of(one.get("ISBN", "")) or record.isbns,
        urls=(*record.urls, *said.get("URL", ())),
    )


# -- writing -------------------------------------------------------------------------------------

_DOCTYPE: Final = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN"'
    ' "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">'
)
_CITATION: Final = (
    "PMID", "DateCompleted", "DateRevised", "Article", "MedlineJournalInfo", "ChemicalList",
    "SupplMeshList", "CitationSubset", "CommentsCorrectionsList", "GeneSymbolList",
    "MeshHeadingList", "NumberOfReferences", "PersonalNameSubjectList", "OtherID", "OtherAbstract",
    "KeywordList", "CoiStatement", "SpaceFlightMission", "InvestigatorList", "GeneralNote",
)  # fmt: skip
_MONTHS: Final = re.findall("...", "JanFebMarAprMayJunJulAugSepOctNovDec")
_FORBIDDEN = re.compile("[\ufffe\uffff]")


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """The declaration, one piece for each record, and the end."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n{_DOCTYPE}\n<PubmedArticleSet>\n'.encode()
    for record in records:
        is_book = record.type in (WorkType.BOOK, WorkType.BOOK_CHAPTER)
        yield etree.tostring(_book(record) if is_book else _article(record), encoding="utf-8")
        yield b"\n"
    yield b"</PubmedArticleSet>\n"


def _add(
    parent: etree._Element, tag: str, text: str | None = None, **attributes: str
) -> etree._Element:
    element = etree.SubElement(parent, tag, attributes)
    if text:
        text = _FORBIDDEN.sub("", flat(text))
        # Readers take markup off text, too, which PubMed's has been seen to carry escaped.
        element.text = markup(text) if plain_text(text) != plain_text(markup(text)) else text
    return element


def _maybe(parent: etree._Element, tag: str, text: str | None, **attributes: str) -> None:
    if text:
        _add(parent, tag, text, **attributes)


def _article(record: WorkRecord) -> etree._Element:
    root = etree.Element("PubmedArticle")
    citation = _add(root, "MedlineCitation", Status="PubMed-not-MEDLINE", Owner="NLM")
    pmid = first_identifier(record.identifiers, Scheme.PMID)
    doi = first_identifier(record.identifiers, Scheme.DOI)
    venue = record.venue or VenueClaim()
    _add(citation, "PMID", pmid, Version="1")
    if record.updated:
        _dated(_add(citation, "DateRevised"), record.updated)
    issued, online, model = _issue_and_online(record)
    article = _add(citation, "Article", PubModel=model)
    journal = _add(article, "Journal")
    _maybe(journal, "ISSN", next(iter(venue.issns), None), IssnType="Electronic")
    issue = _add(journal, "JournalIssue", CitedMedium="Internet")
    _maybe(issue, "Volume", record.volume)
    _maybe(issue, "Issue", record.issue)
    _dated(_add(issue, "PubDate"), issued, in_words=True)
    _maybe(journal, "Title", venue.name)
    _maybe(journal, "ISOAbbreviation", venue.abbreviation)
    _add(article, "ArticleTitle", printed_title(record))
    if record.pages:
        _add(_add(article, "Pagination"), "MedlinePgn", record.pages)
    if record.article_number and not record.pages:
        _add(article, "ELocationID", record.article_number, EIdType="pii", ValidYN="Y")
    _maybe(article, "ELocationID", doi, EIdType="doi", ValidYN="Y")
    _abstract(article, record)
    _authors(article, record.authors, record.authors_complete)
    _add(article, "Language", nlm_language(record.language) if record.language else "und")
    _registrations(article, record)
    _grants(article, record)
    types = _add(article, "PublicationTypeList")
    for name in record.types_as_given:
        _add(types, "PublicationType", name, UI="")
    if record.type and work_type(record.types_as_given) is not record.type:
        name = TYPE_NAMES.get(record.type, record.type.capitalize())
        _add(types, "PublicationType", name, UI="")
    if record.original_title:
        _add(article, "VernacularTitle", f"{record.original_title}.")
    for date in online:
        _dated(_add(article, "ArticleDate", DateType="Electronic"), date)
    about = _add(citation, "MedlineJournalInfo")
    _add(about, "MedlineTA", venue.abbreviation)
    _maybe(about, "NlmUniqueID", venue.nlm_id)
    for issn in venue.issns[1:2]:
        _add(about, "ISSNLinking", issn)
    _concepts(citation, record.concepts)
    _links(citation, record)
    for note in [*_notes(record), *_homeless(record)]:
        _add(citation, "GeneralNote", note, Owner="NLM")
    for kept in record.extra:
        if kept.format == FORM and (element := _parsed(kept)) is not None:
            citation.append(element)
    citation[:] = sorted(citation, key=lambda child: _CITATION.index(str(child.tag)))
    _data(root, record, pmid, doi)
    return root


def _parsed(kept: ExtraField) -> etree._Element | None:
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        element = etree.fromstring(kept.value, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return element if element.tag in _KEPT else None


def _issue_and_online(record: WorkRecord) -> tuple[str | None, list[str], str]:
    """(date of the issue, dates of going online, how the journal publishes)"""
    issued = next((d for d in record.dates if d.role in ("published", "print")), None)
    online = [str(d.date) for d in record.dates if d.role == "online"]
    if issued is None and record.published and record.published not in online:
        issued = DateClaim(role="published", date=record.published)
    if issued is None:
        return (online.pop(0) if online else None), online, "Electronic"
    if issued.role == "published":
        return issued.date, online, "Electronic-eCollection"
    return issued.date, online, "Print-Electronic" if online else "Print"


def _dated(parent: etree._Element, date: str | None, *, in_words: bool = False) -> None:
    if date is None:
        _add(parent, "MedlineDate")
        return
    year, month, day = (*date.split("-"), "", "")[:3]
    _add(parent, "Year", year)
    _maybe(parent, "Month", _MONTHS[int(month) - 1] if month and in_words else month)
    _maybe(parent, "Day", day)


def _abstract(parent: etree._Element, record: WorkRecord) -> None:
    if not record.abstract:
        return
    abstract = _add(parent, "Abstract")
    for section in record.abstract:
        label = {"Label": flat(section.label)} if section.label else {}
        _add(abstract, "AbstractText", section.text, **label)
    _maybe(abstract, "CopyrightInformation", record.abstract_license)


def _authors(
    parent: etree._Element,
    authors: Sequence[AuthorClaim],
    is_complete: bool | None,
    **attributes: str,
) -> None:
    if not authors:
        return
    if is_complete is not None:
        attributes["CompleteYN"] = "Y" if is_complete else "N"
    group = _add(parent, "AuthorList", **attributes)
    for author in authors:
        element = _add(group, "Author", ValidYN="Y")
        if author.collective:
            _add(element, "CollectiveName", author.collective)
        else:
            _add(element, "LastName", author.family or author.name)
            _maybe(element, "ForeName", author.given)
            initials = "".join(p[0] for p in re.split(r"[\s.‐-]+", author.given or "") if p)
            _maybe(element, "Initials", initials.upper())
            _maybe(element, "Suffix", author.suffix)
        _maybe(element, "Identifier", author.orcid, Source="ORCID")
        for affiliation in author.affiliations:
            info = _add(element, "AffiliationInfo")
            _add(info, "Affiliation", affiliation.text)
            _maybe(info, "Identifier", affiliation.ror, Source="ROR")


def _registrations(parent: etree._Element, record: WorkRecord) -> None:
    if not record.registrations:
        return
    banks = _add(parent, "DataBankList", CompleteYN="Y")
    for mention in record.registrations:
        bank = _add(banks, "DataBank")
        _add(bank, "DataBankName", mention.registry)
        _add(_add(bank, "AccessionNumberList"), "AccessionNumber", mention.number)


def _grants(parent: etree._Element, record: WorkRecord) -> None:
    if not record.funding:
        return
    grants = _add(parent, "GrantList", CompleteYN="Y")
    for claim in record.funding:
        grant = _add(grants, "Grant")
        _maybe(grant, "GrantID", claim.award)
        _add(grant, "Agency", claim.funder)
        _maybe(grant, "Country", claim.country)


def _concepts(citation: etree._Element, concepts: Sequence[ConceptClaim]) -> None:
    lists: dict[str, etree._Element] = {}

    def within(tag: str) -> etree._Element:
        if tag not in lists:
            lists[tag] = _add(citation, tag)
        return lists[tag]

    keywords: etree._Element | None = None
    for concept in concepts:
        code = {"UI": concept.code or ""}
        if concept.scheme == "mesh" and concept.is_major is None:
            _add(within("SupplMeshList"), "SupplMeshName", concept.label, Type="Protocol", **code)
        elif concept.scheme == "mesh":
            heading = _add(within("MeshHeadingList"), "MeshHeading")
            major = "Y" if concept.is_major else "N"
            # As PubMed has it: the star is on a qualifier where there is one.
            on_label = "N" if concept.qualifiers else major
            _add(heading, "DescriptorName", concept.label, MajorTopicYN=on_label, **code)
            for place, qualifier in enumerate(concept.qualifiers):
                marked = major if place == 0 else "N"
                _add(heading, "QualifierName", qualifier, MajorTopicYN=marked, UI="")
        elif concept.scheme == "chemical":
            chemical = _add(within("ChemicalList"), "Chemical")
            is_ui = re.fullmatch(r"[CD]\d+", concept.code or "") is not None
            _add(chemical, "RegistryNumber", (concept.code or "0") if not is_ui else "0")
            ui = concept.code if is_ui and concept.code else ""
            _add(chemical, "NameOfSubstance", concept.label, UI=ui)
        elif concept.scheme == "keyword":
            owner = "NOTNLM" if concept.is_major is None else "NLM"
            if keywords is None or keywords.get("Owner") != owner:
                keywords = _add(citation, "KeywordList", Owner=owner)
            _add(keywords, "Keyword", concept.label, MajorTopicYN="Y" if concept.is_major else "N")


def _links(citation: etree._Element, record: WorkRecord) -> None:
    links = list(links_of(record))
    if not links:
        return
    group = _add(citation, "CommentsCorrectionsList")
    for name, where, other in links:
        link = _add(group, "CommentsCorrections", RefType=name)
        doi = first_identifier(other, Scheme.DOI)
        if doi and doi not in (where or "").lower():
            where = f"{where.rstrip('. ')}. doi: {doi}." if where else f"doi: {doi}."
        _add(link, "RefSource", where)
        _maybe(link, "PMID", first_identifier(other, Scheme.PMID), Version="1")


def _notes(record: WorkRecord) -> list[str]:
    label = [f"{_LABEL}{record.label}"] if record.label else []
    event = [f"{CONFERENCE}{record.event}"] if record.event else []
    urls = (f"URL: {url}" for url in record.urls)
    return [*label, *event, *urls, *homeless(record), *record.notes]


def _homeless(record: WorkRecord) -> Iterator[str]:
    """What has a field in PubMed's XML of books, but none in that of articles."""
    for contributor in record.contributors:
        if contributor.role == "editor":
            yield f"Editor: {written(contributor.person)}"
    known = {
        "Publisher": record.venue.publisher if record.venue else None,
        "Place": record.place,
        "Series": record.series,
        "Edition": record.edition,
        "ISBN": ", ".join(record.isbns),
    }
    yield from (f"{name}: {value}" for name, value in known.items() if value)


def _data(root: etree._Element, record: WorkRecord, pmid: str | None, doi: str | None) -> None:
    data = _add(root, "PubmedData")
    history = [d for d in record.dates if d.role in ("received", "revised", "accepted")]
    if history:
        parent = _add(data, "History")
        for claim in history:
            _dated(_add(parent, "PubMedPubDate", PubStatus=claim.role), claim.date)
    _add(data, "PublicationStatus", "ppublish")
    _identifiers(data, pmid, doi, first_identifier(record.identifiers, Scheme.PMCID))
    _references(data, record)


def _identifiers(
    parent: etree._Element, pmid: str | None, doi: str | None, pmcid: str | None
) -> None:
    listed = _add(parent, "ArticleIdList")
    _maybe(listed, "ArticleId", pmid, IdType="pubmed")
    _maybe(listed, "ArticleId", doi, IdType="doi")
    _maybe(listed, "ArticleId", pmcid, IdType="pmc")


def _references(parent: etree._Element, record: WorkRecord) -> None:
    if not record.references:
        return
    listed = _add(parent, "ReferenceList")
    for claim in record.references:
        line = _add(listed, "Reference")
        _add(line, "Citation", claim.text)
        if claim.identifiers:
            _identifiers(line, *(_first(claim.identifiers)))


def _first(identifiers: Sequence[Identifier]) -> tuple[str | None, str | None, str | None]:
    pmid, doi, pmcid = (
        first_identifier(identifiers, scheme) for scheme in (Scheme.PMID, Scheme.DOI, Scheme.PMCID)
    )
    return pmid, doi, pmcid


def _book(record: WorkRecord) -> etree._Element:
    root = etree.Element("PubmedBookArticle")
    document = _add(root, "BookDocument")
    pmid, doi, pmcid = _first(record.identifiers)
    is_chapter = record.type is WorkType.BOOK_CHAPTER
    venue = record.venue or VenueClaim()
    _add(document, "PMID", pmid, Version="1")
    _identifiers(document, None, doi, pmcid)
    book = _add(document, "Book")
    publisher = _add(book, "Publisher")
    _add(publisher, "PublisherName", venue.publisher)
    _maybe(publisher, "PublisherLocation", record.place)
    _add(book, "BookTitle", venue.name if is_chapter else printed_title(record))
    _dated(_add(book, "PubDate"), record.published)
    if not is_chapter:
        _authors(book, record.authors, record.authors_complete, Type="authors")
    editors = [c.person for c in record.contributors if c.role == "editor"]
    _authors(book, editors, None, Type="editors")
    _maybe(book, "Volume", record.volume)
    _maybe(book, "Edition", record.edition)
    _maybe(book, "CollectionTitle", record.series)
    for isbn in record.isbns:
        _add(book, "Isbn", isbn)
    if is_chapter:
        _add(document, "ArticleTitle", printed_title(record))
        if record.original_title:
            _add(document, "VernacularTitle", f"{record.original_title}.")
    if record.pages:
        _add(_add(document, "Pagination"), "MedlinePgn", record.pages)
    _add(document, "Language", nlm_language(record.language) if record.language else "und")
    if is_chapter:
        _authors(document, record.authors, record.authors_complete, Type="authors")
    for name in record.types_as_given:
        _add(document, "PublicationType", name, UI="")
    _abstract(document, record)
    _concepts(document, [c for c in record.concepts if c.scheme == "keyword"])
    if record.updated:
        _dated(_add(document, "DateRevised"), record.updated)
    _grants(document, record)
    if notes := _notes(record):
        items = _add(document, "ItemList", ListType="Notes")
        for note in notes:
            _add(items, "Item", note)
    _references(document, record)
    return root
