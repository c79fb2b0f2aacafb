"""PubMed: every record whole, no id of another work, no hit lost in silence."""

import re
from datetime import date, timedelta
from urllib.parse import parse_qs, unquote

import orjson
import pytest

from ingest.reading import parse_xml
from ingest.sources.pubmed import (
    BATCH,
    REACHABLE_HITS,
    check,
    fetch_citations,
    fetch_references,
    fetch_works,
    search,
    to_citing_lists,
    to_record,
    to_records,
    to_reference_lists,
)
from kb.errors import SourceRejected, SourceUnavailable
from kb.identity.identifiers import identifiers
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    CitingList,
    ConceptClaim,
    NoticeKind,
    ReferenceList,
    RegistrationMention,
    RelationClaim,
    Unreadable,
    View,
    WorkRecord,
    WorkType,
)
from tests.conftest import ROOT, shared
from tests.ingest.fakes import FakeFetch, a_payload


def recorded(name):
    return a_payload(shared(f"payloads/pubmed/{name}").read_bytes(), source="pubmed")


def recorded_record(pmid, name="baseline_sample_selected.xml"):
    return next(r for r in to_records(recorded(name)) if r.key == pmid)


def an_article(pmid="1", *, article="", citation="", data="", pub_model="Print"):
    title = "" if "<ArticleTitle" in article else "<ArticleTitle>A trial.</ArticleTitle>"
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID>'
        f'<Article PubModel="{pub_model}">{title}{article}</Article>{citation}</MedlineCitation>'
        f"<PubmedData>{data}</PubmedData></PubmedArticle>"
    )


def a_set(*articles):
    return f"<PubmedArticleSet>{''.join(articles)}</PubmedArticleSet>".encode()


def read(**parts):
    return to_record(parse_xml(an_article(**parts).encode(), what="test"))


# -- titles and abstracts ------------------------------------------------------------------------


def test_a_title_goes_on_after_its_first_markup():
    record = recorded_record("28731372", "efetch_28731372.xml")
    assert record.title is not None
    assert record.title.startswith("Exploring the effect of vitamin D3 supplementation on the anti")


def test_powers_in_an_abstract_stay_powers():
    text = "<AbstractText>We gave 1 × 10<sup>6</sup> cells/kg</AbstractText>"
    record = read(article=f"<Abstract>{text}</Abstract>")
    assert record.abstract == (AbstractSection(text="We gave 1 × 10^6 cells/kg"),)


@pytest.mark.parametrize(
    ("given", "title"),
    [
        pytest.param("Cells in sclerosis.", "Cells in sclerosis", id="full stop"),
        pytest.param("Cells: what now?", "Cells: what now?", id="question mark"),
        pytest.param("And then...", "And then...", id="ellipsis"),
        pytest.param("Cells in the U.S.", "Cells in the U.S.", id="abbreviation"),
    ],
)
def test_the_full_stop_pubmed_puts_after_every_title_is_not_part_of_it(given, title):
    assert read(article=f"<ArticleTitle>{given}</ArticleTitle>").title == title


def test_a_translated_title_loses_its_brackets_and_the_original_is_kept_beside_it():
    record = recorded_record("8655018")
    assert record.title is not None
    assert record.title.startswith("Effect of fetal and neonatal growth")
    assert record.title.endswith("diseases in adults")
    assert record.original_title is not None
    assert record.original_title.startswith("Wpływ przebiegu rozwoju")
    assert record.language == "pl"


@pytest.mark.parametrize(
    ("title", "language"),
    [
        pytest.param("[11C]PIB and [18F]FDG", "ger", id="two pairs"),
        pytest.param("[Image of the month]", "eng", id="not translated"),
    ],
)
def test_brackets_of_the_title_itself_stay(title, language):
    given = f"<ArticleTitle>{title}.</ArticleTitle><Language>{language}</Language>"
    assert read(article=given).title == title


def test_not_available_is_no_title():
    given = (
        "<ArticleTitle>[Not Available].</ArticleTitle><Language>fre</Language>"
        "<VernacularTitle>Cellules souches.</VernacularTitle>"
    )
    record = read(article=given)
    assert (record.title, record.original_title) == ("Cellules souches", None)


def test_an_abstract_keeps_its_labels_and_its_copyright_and_leaves_other_languages_out():
    record = recorded_record("28731372", "efetch_28731372.xml")
    assert [s.label for s in record.abstract] == [
        "BACKGROUND",
        "OBJECTIVES",
        "METHODS",
        "RESULTS",
        "CONCLUSION",
    ]
    licensed = recorded_record("11748933", "biopython_pubmed2.xml")
    assert licensed.abstract_license == "Copyright 2001 Elsevier Science."
    assert not any("Copyright" in s.text for s in licensed.abstract)
    # 11540070 has no abstract but one written by NASA for its own index.
    assert recorded_record("11540070").abstract == ()


# -- identifiers ---------------------------------------------------------------------------------


def test_an_article_never_takes_an_id_from_its_references():
    references = (
        "<ReferenceList><Reference><Citation>Another</Citation><ArticleIdList>"
        '<ArticleId IdType="doi">10.1000/other</ArticleId>'
        '<ArticleId IdType="pmc">PMC7</ArticleId></ArticleIdList></Reference></ReferenceList>'
    )
    record = read(pmid="31810187", data=references)
    assert record.identifiers == identifiers(pmid=31810187)
    assert record.references[0].identifiers == identifiers(doi="10.1000/other", pmcid="PMC7")


@pytest.mark.parametrize(
    ("article", "data", "doi"),
    [
        pytest.param('ValidYN="Y">10.3390/JCM8122102', "", "10.3390/jcm8122102", id="location"),
        pytest.param('ValidYN="N">10.3390/wrong', "", None, id="marked as wrong"),
        pytest.param(
            'ValidYN="N">10.3390/wrong',
            '<ArticleId IdType="doi">10.3390/wrong</ArticleId>',
            None,
            id="marked as wrong and listed",
        ),
        pytest.param(
            'ValidYN="N">10.3390/wrong',
            '<ArticleId IdType="doi">10.3390/jcm8122102</ArticleId>',
            "10.3390/jcm8122102",
            id="wrong one replaced",
        ),
        pytest.param(
            'ValidYN="Y">none', '<ArticleId IdType="doi">n/a</ArticleId>', None, id="no DOI at all"
        ),
    ],
)
def test_the_doi_comes_from_the_article_and_not_if_it_is_marked_wrong(article, data, doi):
    record = read(
        article=f'<ELocationID EIdType="doi" {article}</ELocationID>',
        data=f"<ArticleIdList>{data}</ArticleIdList>",
    )
    assert record.identifiers == identifiers(doi=doi, pmid=1)


# -- people --------------------------------------------------------------------------------------


def test_a_misspelt_author_marked_invalid_is_dropped():
    record = recorded_record("9634358")
    names = [a.family for a in record.authors]
    assert "Whitley" in names
    assert "Whitely" not in names
    assert record.authors_complete is True


@pytest.mark.parametrize(
    "spelling",
    [
        "0000-0002-1825-0097",
        "0000000218250097",
        "https://orcid.org/0000-0002-1825-0097",
        "http://orcid.org/0000000218250097",
    ],
)
def test_an_orcid_is_one_in_each_of_its_spellings(spelling):
    author = (
        f"<Author><LastName>Carberry</LastName><ForeName>Josiah</ForeName><Suffix>Jr</Suffix>"
        f'<Identifier Source="ORCID">{spelling}</Identifier></Author>'
    )
    record = read(article=f'<AuthorList CompleteYN="N">{author}</AuthorList>')
    assert record.authors == (
        AuthorClaim(family="Carberry", given="Josiah", suffix="Jr", orcid="0000-0002-1825-0097"),
    )
    assert record.authors_complete is False


def test_an_orcid_with_a_wrong_check_digit_is_none():
    orcid = '<Identifier Source="ORCID">0000-0002-1825-0098</Identifier>'
    author = f"<Author><LastName>Carberry</LastName>{orcid}</Author>"
    assert read(article=f"<AuthorList>{author}</AuthorList>").authors[0].orcid is None


def test_a_group_is_an_author_and_its_members_are_not():
    group = recorded_record("11237011")
    assert group.authors[-1].collective == "International Human Genome Sequencing Consortium"
    # The only investigator named in 10097079 belongs to an institution's list.
    assert [a.family for a in recorded_record("10097079").authors] == [
        "Haney",
        "Badger",
        "Buldak",
        "Reich",
        "Woese",
        "Olsen",
    ]


def test_an_author_keeps_every_affiliation_with_its_ror():
    info = (
        "<AffiliationInfo><Affiliation>Karolinska Institutet, Stockholm.</Affiliation>"
        '<Identifier Source="ROR">https://ror.org/056d84691</Identifier></AffiliationInfo>'
        "<AffiliationInfo><Affiliation>Karolinska University Hospital.</Affiliation>"
        "</AffiliationInfo>"
    )
    record = read(
        article=f"<AuthorList><Author><LastName>Le Blanc</LastName>{info}</Author></AuthorList>"
    )
    assert [(a.text, a.ror) for a in record.authors[0].affiliations] == [
        ("Karolinska Institutet, Stockholm.", "056d84691"),
        ("Karolinska University Hospital.", None),
    ]


# -- where and when ------------------------------------------------------------------------------


def test_a_journal_has_its_own_and_its_linking_issn():
    venue = recorded_record("15968009").venue
    assert venue is not None
    assert venue.name == "Annals of internal medicine"
    assert venue.issns == ("1539-3704", "0003-4819")
    assert venue.nlm_id == "0372351"


@pytest.mark.parametrize(
    ("pages", "pii", "expected"),
    [
        pytest.param("", "2102", (None, "2102"), id="article number"),
        pytest.param(
            "<StartPage>107</StartPage><EndPage>114</EndPage><MedlinePgn>107-14</MedlinePgn>",
            "NEJMoa1203421",
            ("107-114", None),
            id="pages spelt out, publisher's number left",
        ),
        pytest.param("<MedlinePgn>687-90</MedlinePgn>", None, ("687-90", None), id="as printed"),
        pytest.param("<MedlinePgn>e23</MedlinePgn>", "e23", (None, "e23"), id="both the same"),
        pytest.param(
            "<StartPage>12</StartPage><EndPage>13</EndPage>"
            "<MedlinePgn>12-3; discussion 45</MedlinePgn>",
            None,
            ("12-3; discussion 45", None),
            id="more than a range",
        ),
        pytest.param("", "S0167-4889(24)00110-1", (None, None), id="item identifier"),
    ],
)
def test_pages_and_article_numbers_are_told_apart(pages, pii, expected):
    located = f'<ELocationID EIdType="pii" ValidYN="Y">{pii}</ELocationID>' if pii else ""
    record = read(article=f"<Pagination>{pages}</Pagination>{located}")
    assert (record.pages, record.article_number) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("<Year>2019</Year><Month>Dec</Month><Day>02</Day>", "2019-12-02", id="name"),
        pytest.param("<Year>2019</Year><Month>12</Month>", "2019-12", id="number"),
        pytest.param("<Year>2019</Year><Season>Winter</Season>", "2019", id="season"),
        pytest.param("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", "1998", id="free text"),
        pytest.param("<MedlineDate>Winter</MedlineDate>", None, id="free text without year"),
    ],
)
def test_an_issue_is_dated_as_precisely_as_all_forms_allow(given, expected):
    issue = f"<Journal><JournalIssue><PubDate>{given}</PubDate></JournalIssue></Journal>"
    record = read(article=issue)
    assert record.published == expected
    assert [d.role for d in record.dates] == (["print"] if expected else [])


def test_published_is_the_earlier_of_online_and_print():
    record = recorded_record("27797938", "biopython_pubmed4.xml")
    assert {d.role: d.date for d in record.dates} == {
        "print": "2017-06",
        "online": "2016-10-21",
        "received": "2016-06-27",
        "revised": "2016-08-22",
        "accepted": "2016-10-01",
    }
    assert record.published == "2016-10-21"


def test_the_year_of_an_online_collection_is_no_print_date_and_not_before_the_day_online():
    record = recorded_record("19129924", "efetch_19129924.xml")
    assert [(d.role, d.date) for d in record.dates[:2]] == [
        ("published", "2008"),
        ("online", "2008-12-19"),
    ]
    assert record.published == "2008-12-19"


# -- types and concepts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (["Journal Article", "Randomized Controlled Trial"], WorkType.ARTICLE),
        (["Clinical Trial, Phase I"], WorkType.ARTICLE),
        (["Journal Article", "Meta-Analysis", "Systematic Review"], WorkType.REVIEW),
        (["Published Erratum", "Journal Article"], WorkType.NOTICE),
        (["Expression of Concern"], WorkType.NOTICE),
        (["Journal Article", "Clinical Trial Protocol"], WorkType.PROTOCOL),
        (["Preprint", "Journal Article"], WorkType.PREPRINT),
        (["Congress"], WorkType.CONFERENCE_ABSTRACT),
        (["Research Support, Non-U.S. Gov't"], None),
    ],
)
def test_publication_types_give_the_kind_of_work_and_are_all_kept(types, kind):
    given = "".join(f"<PublicationType>{name}</PublicationType>" for name in types)
    record = read(article=f"<PublicationTypeList>{given}</PublicationTypeList>")
    assert record.type is kind
    assert record.types_as_given == tuple(types)


def test_only_a_retracted_work_is_flagged_and_the_others_are_not_said_to_be_sound():
    assert recorded_record("11543891").is_flagged_retracted is True
    assert recorded_record("11600210").is_flagged_retracted is None


def test_a_heading_is_major_if_one_of_its_qualifiers_is():
    concepts = recorded_record("8655018").concepts
    assert (
        ConceptClaim(
            scheme="mesh",
            label="Cardiovascular Diseases",
            code="D002318",
            is_major=True,
            qualifiers=("etiology", "mortality"),
        )
        in concepts
    )
    assert ConceptClaim(scheme="mesh", label="Adult", code="D000328", is_major=False) in concepts


def test_authors_keywords_are_not_said_to_be_minor():
    keywords = (
        '<KeywordList Owner="NOTNLM"><Keyword MajorTopicYN="N">Sepsis</Keyword></KeywordList>'
        '<KeywordList Owner="NASA"><Keyword MajorTopicYN="Y">Flight</Keyword>'
        '<Keyword MajorTopicYN="N">sepsis</Keyword></KeywordList>'
    )
    assert read(citation=keywords).concepts == (
        ConceptClaim(scheme="keyword", label="Sepsis"),
        ConceptClaim(scheme="keyword", label="Flight", is_major=True),
    )


def test_a_chemical_without_registry_number_has_no_code_zero():
    chemical = "<RegistryNumber>0</RegistryNumber><NameOfSubstance>HLA-G</NameOfSubstance>"
    chemical = f"<ChemicalList><Chemical>{chemical}</Chemical></ChemicalList>"
    assert read(citation=chemical).concepts == (ConceptClaim(scheme="chemical", label="HLA-G"),)


def test_each_grant_is_a_claim_of_its_own_with_or_without_number():
    funding = recorded_record("23674598").funding
    assert [(f.funder, f.award) for f in funding] == [
        ("Medical Research Council", "MR/J000655/1"),
        ("Biotechnology and Biological Sciences Research Council", None),
        ("Medical Research Council", None),
        ("Wellcome Trust", None),
    ]


def test_trial_registries_are_told_from_banks_of_sequences():
    assert recorded_record("15968009").registrations == (
        RegistrationMention(number="NCT00000419", registry="ClinicalTrials.gov"),
    )
    # 9394824 names sequences in GENBANK.
    assert recorded_record("9394824").registrations == ()


@pytest.mark.parametrize(
    ("bank", "number", "expected"),
    [
        ("EudraCT", "2010–024081–21", ("2010-024081-21", "EudraCT")),
        ("ISRCTN", "isrctn 12345678", ("ISRCTN12345678", "ISRCTN")),
        ("PACTR", "PACTR201105000288364", ("PACTR201105000288364", "PACTR")),
        ("GENBANK", "AF078607", None),
        ("ClinicalTrials.gov", "NCT123", None),
    ],
)
def test_registrations_get_their_normal_form(bank, number, expected):
    banks = (
        f"<DataBankList><DataBank><DataBankName>{bank}</DataBankName><AccessionNumberList>"
        f"<AccessionNumber>{number}</AccessionNumber></AccessionNumberList></DataBank></DataBankList>"
    )
    found = [(m.number, m.registry) for m in read(article=banks).registrations]
    assert found == ([expected] if expected else [])


# -- notices, relations, references --------------------------------------------------------------


def test_a_retraction_is_seen_from_both_its_ends():
    retracted, notice = recorded_record("11543891"), recorded_record("11600210")
    (about_self,) = retracted.notices
    (about_other,) = notice.notices
    assert (about_self.kind, about_self.is_about_self) == (NoticeKind.RETRACTION, True)
    assert about_self.other == identifiers(pmid=11600210)
    assert (about_other.kind, about_other.is_about_self) == (NoticeKind.RETRACTION, False)
    assert about_other.other == identifiers(pmid=11543891)
    assert about_self.asserted_by == about_other.asserted_by == "nlm"
    assert notice.type is WorkType.NOTICE


def test_an_erratum_without_record_keeps_where_it_appeared_and_what_it_says():
    erratum = recorded_record("11237011").notices[0]
    assert erratum.kind is NoticeKind.CORRECTION
    assert erratum.other == ()
    assert erratum.text is not None
    assert erratum.text.startswith("Nature 2001 Jun 7;411(6838):720. Szustakowki, J [corrected to")


def test_a_notice_is_named_by_its_doi_too():
    (erratum,) = recorded_record("38833988", "efetch_38833988.xml").notices
    assert not erratum.is_about_self
    assert erratum.other == identifiers(doi="10.1016/j.bbamcr.2020.118918", pmid=33279609)


@pytest.mark.parametrize(
    ("link", "where", "types", "kind"),
    [
        pytest.param("UpdateOf", "Cochrane Database Syst Rev. 2009", "", "update of", id="update"),
        pytest.param("UpdateIn", "Cochrane Database Syst Rev. 2020", "", "updated by", id="newer"),
        pytest.param("UpdateOf", "medRxiv. 2020 May 1", "", "has preprint", id="preprint of it"),
        pytest.param("UpdateIn", "Lancet. 2021", "Preprint", "preprint of", id="preprint"),
        pytest.param("UpdateIn", "bioRxiv. 2021", "Preprint", "updated by", id="newer preprint"),
        pytest.param("CommentOn", "Lancet. 2021", "Letter", "comment on", id="comment"),
        pytest.param("RepublishedFrom", "BMJ. 2021", "", "republished from", id="republished"),
        pytest.param("SummaryForPatientsIn", "BMJ. 2021", "", None, id="not kept"),
    ],
)
def test_links_between_works_keep_their_direction(link, where, types, kind):
    comments = (
        f'<CommentsCorrectionsList><CommentsCorrections RefType="{link}">'
        f'<RefSource>{where}</RefSource><PMID Version="1">7</PMID></CommentsCorrections>'
        "</CommentsCorrectionsList>"
    )
    types = f"<PublicationTypeList><PublicationType>{types}</PublicationType></PublicationTypeList>"
    record = read(citation=comments, article=types)
    expected = (RelationClaim(kind=kind, other=identifiers(pmid=7)),) if kind else ()
    assert record.relations == expected
    assert record.notices == ()


def test_an_article_corrected_and_republished_is_corrected_but_its_successor_is_no_notice():
    comments = (
        '<CommentsCorrectionsList><CommentsCorrections RefType="CorrectedandRepublishedIn">'
        '<RefSource>BMJ. 2021</RefSource><PMID Version="1">7</PMID></CommentsCorrections>'
        "</CommentsCorrectionsList>"
    )
    record = read(citation=comments)
    assert [(n.kind, n.is_about_self, n.other) for n in record.notices] == [
        (NoticeKind.CORRECTION, True, ())
    ]
    assert record.relations == (RelationClaim(kind="republished in", other=identifiers(pmid=7)),)


def test_references_are_numbered_over_nested_lists_and_kept_without_ids():
    line = "<Reference><Citation>{}</Citation></Reference>"
    nested = (
        "<ReferenceList><ReferenceList><Title>Main</Title>"
        + line.format("A <i>b</i> c")
        + "</ReferenceList><ReferenceList>"
        + line.format("D")
        + "</ReferenceList></ReferenceList>"
        "<ReferenceList>" + line.format("E") + "</ReferenceList>"
    )
    references = read(data=nested).references
    assert [(r.position, r.text, r.identifiers) for r in references] == [
        (1, "A b c", ()),
        (2, "D", ()),
        (3, "E", ()),
    ]


def test_references_of_older_records_come_from_their_cites_links_and_are_not_relations():
    record = recorded_record("27797938", "biopython_pubmed4.xml")
    assert len(record.references) == 48
    assert record.references[0].identifiers == identifiers(pmid=2657958)
    assert [r.kind for r in record.relations] == ["commented by"]


# -- sets ----------------------------------------------------------------------------------------


def test_every_recorded_article_is_read():
    for path in sorted(shared("payloads/pubmed").glob("*.xml")):
        body = path.read_bytes()
        articles = len(re.findall(rb"<PubmedArticle>", body))
        if not articles:
            continue
        records = to_records(a_payload(body))
        assert len(records) == articles, path.name
        for record in records:
            assert isinstance(record, WorkRecord)
            assert record.title
            assert record.type
            assert record.published
            assert record.venue
            assert record.language


def test_an_empty_set_is_an_answer():
    assert to_records(recorded("efetch_37909814.xml")) == []
    check(recorded("efetch_37909814.xml"))


def test_a_set_without_its_doctype_and_a_bare_article_are_read():
    assert [r.key for r in to_records(a_payload(a_set(an_article("5"), an_article("6"))))] == [
        "5",
        "6",
    ]
    assert [r.key for r in to_records(a_payload(an_article("5").encode()))] == ["5"]


def test_one_unreadable_article_does_not_spoil_the_set():
    broken = "<PubmedArticle><MedlineCitation><PMID>7</PMID></MedlineCitation></PubmedArticle>"
    nameless = "<PubmedArticle><MedlineCitation><Article/></MedlineCitation></PubmedArticle>"
    records = to_records(a_payload(a_set(broken, nameless, an_article("8"))))
    assert records[:2] == [
        Unreadable(
            position="PubmedArticle 1",
            reason="PubmedArticle without MedlineCitation/Article",
            key="7",
        ),
        Unreadable(position="PubmedArticle 2", reason="PubmedArticle without a PMID"),
    ]
    assert records[2].key == "8"


def test_of_two_versions_of_a_record_the_later_counts():
    first = an_article("5", article="<ArticleTitle>First.</ArticleTitle>")
    second = an_article("5", article="<ArticleTitle>Second.</ArticleTitle>")
    second = second.replace('Version="1"', 'Version="2"')
    for versions in ((first, second), (second, first)):
        (record,) = to_records(a_payload(a_set(*versions)))
        assert isinstance(record, WorkRecord)
        assert record.title == "Second"


def test_chapters_and_books_are_read_from_their_own_tree():
    body = (ROOT / "tests/payloads/pubmed/books.xml").read_bytes()
    chapter, book = to_records(a_payload(body))
    assert isinstance(chapter, WorkRecord)
    assert isinstance(book, WorkRecord)
    assert chapter.type is WorkType.BOOK_CHAPTER
    assert chapter.title == "BRCA1- and BRCA2-Associated Hereditary Breast and Ovarian Cancer"
    assert chapter.venue is not None
    assert chapter.venue.name == "GeneReviews®"
    assert [a.family for a in chapter.authors] == ["Petrucelli", "Daly", "Pal"]  # no editor
    assert (chapter.published, chapter.updated) == ("1998-09-04", "2023-09-21")
    assert chapter.abstract[0].label == "MANAGEMENT"
    assert chapter.types_as_given == ("Review",)
    assert book.type is WorkType.BOOK
    assert book.title == "Finding What Works in Health Care: Standards for Systematic Reviews"
    assert book.identifiers == identifiers(doi="10.17226/13059", pmid=24983062)
    assert book.authors[0].collective is not None
    assert book.authors[0].collective.startswith("Institute of Medicine (US) Committee")


def test_a_chapter_does_not_get_the_doi_of_its_book():
    body = (ROOT / "tests/payloads/pubmed/books.xml").read_bytes()
    located = b'<ELocationID EIdType="doi" ValidYN="Y">10.1000/the-book</ELocationID><Medium>'
    chapter = to_records(a_payload(body.replace(b"<Medium>", located)))[0]
    assert isinstance(chapter, WorkRecord)
    assert chapter.identifiers == identifiers(pmid=20301425)


def test_a_book_without_its_book_is_unreadable():
    broken = "<PubmedBookArticle><BookDocument><PMID>99</PMID></BookDocument></PubmedBookArticle>"
    assert to_records(a_payload(a_set(broken))) == [
        Unreadable(
            position="PubmedBookArticle 1",
            reason="PubmedBookArticle without BookDocument/Book",
            key="99",
        )
    ]


def test_an_answer_that_is_no_set_is_rejected():
    with pytest.raises(SourceRejected, match="<eSearchResult>"):
        to_records(recorded("biopython_esearch1.xml"))


# -- failures with status 200 --------------------------------------------------------------------

PART_OF_A_SET = a_set(an_article("5"), an_article("6"))[:-40]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b"<!DOCTYPE html><html><h1>Error</h1></html>", SourceRejected, id="web page"),
        pytest.param(b'{"error":"Invalid db name"}', SourceRejected, id="JSON error"),
        pytest.param(b'{"error":"API rate limit exceeded"}', SourceUnavailable, id="rate limit"),
        pytest.param(
            b"<eFetchResult><ERROR>Bad id</ERROR></eFetchResult>", SourceRejected, id="XML error"
        ),
        pytest.param(
            b'{"esearchresult":{"ERROR":"Search Backend failed: syntax"}}',
            SourceRejected,
            id="search error",
        ),
        pytest.param(
            b"<eLinkResult><LinkSet><ERROR>Couldn't resolve, the address table is empty.</ERROR>"
            b"</LinkSet></eLinkResult>",
            SourceUnavailable,
            id="link server down",
        ),
        pytest.param(PART_OF_A_SET, SourceUnavailable, id="XML breaks off"),
        pytest.param(
            a_set(an_article("5")).removesuffix(b"</PubmedArticleSet>"),
            SourceUnavailable,
            id="XML breaks off after an article",
        ),
        pytest.param(b'{"esearchresult":{"count":"1', SourceUnavailable, id="JSON breaks off"),
        pytest.param(b"", SourceUnavailable, id="empty"),
        pytest.param(
            b"<PubmedArticleSet><a></b></PubmedArticleSet>", SourceRejected, id="not well formed"
        ),
        pytest.param(b"busy", SourceRejected, id="neither XML nor JSON"),
    ],
)
def test_a_failure_with_status_200_is_told_from_an_answer(body, error):
    with pytest.raises(error):
        check(a_payload(body))


def test_recorded_failures_are_told_from_answers():
    with pytest.raises(SourceUnavailable, match="rate limit"):
        check(recorded("esummary_2026.json"))
    with pytest.raises(SourceRejected, match="Neither query_key nor id"):
        check(recorded("biopython_esummary8.xml"))
    for name in ("esearch_2026.json", "biopython_elink1.xml", "biopython_pubmed4.xml"):
        check(recorded(name))


def test_knowing_none_of_the_ids_is_no_failure():
    message = b"ID list is empty! Possibly it has no correct IDs."
    nothing = b"<eFetchResult><ERROR>" + message + b"</ERROR></eFetchResult>"
    check(a_payload(nothing))
    assert to_records(a_payload(nothing)) == []


# -- a small PubMed ------------------------------------------------------------------------------


class PubMed:
    """Works with an entry date each; answers esearch and efetch like the service."""

    def __init__(self, entered, *, wall=REACHABLE_HITS, page=REACHABLE_HITS, dropped=(), dois=()):
        self.entered = dict(entered)  # pmid -> entry date, newest first
        self.wall, self.page, self.dropped = wall, page, set(dropped)
        self.dois = dict(dois)  # doi searched -> [(pmid, doi on the record)]
        self.extra: dict[str, object] = {}
        self.fetch = FakeFetch(self.answer)
        self.shift_after_first = False

    def answer(self, request):
        path, query = re.split("[? ]", request.split(" ", 1)[1], maxsplit=1)
        params = {name: values[0] for name, values in parse_qs(query).items()}
        return self.efetch(params) if path == "/efetch.fcgi" else self.esearch(params)

    def esearch(self, params):
        hits = list(self.entered)
        if match := re.fullmatch(r'"(.*)"\[aid\]', params["term"]):
            hits = [pmid for pmid, _ in self.dois.get(match[1], ())]
        elif "mindate" in params:
            since, until = params["mindate"], params["maxdate"]
            hits = [p for p in hits if since <= f"{self.entered[p]:%Y/%m/%d}" <= until]
        start = int(params["retstart"])
        assert start < self.wall
        if self.shift_after_first and start:
            hits = ["999999", *hits]  # a new work moves all others on by one
        end = min(start + int(params["retmax"]), start + self.page, self.wall)
        listed = hits[start:end]
        result = {"count": str(len(hits)), "retmax": str(len(listed)), "idlist": listed}
        return orjson.dumps({"esearchresult": result | self.extra})

    def efetch(self, params):
        ids = {
            pmid: f'<ArticleId IdType="doi">{doi}</ArticleId>'
            for pairs in self.dois.values()
            for pmid, doi in pairs
        }
        listed = [p for p in params["id"].split(",") if p not in self.dropped]
        return a_set(
            *(
                an_article(p, data=f"<ArticleIdList>{ids.get(p, '')}</ArticleIdList>")
                for p in reversed(listed)
            )
        )


def keys(pages):
    return [record.key for page in pages for record in page.records]


def day(number):
    return date(2020, 1, 1) - timedelta(days=number)


# -- lookup --------------------------------------------------------------------------------------


def test_works_come_in_the_order_asked_for_and_unknown_ones_not_at_all():
    pubmed = PubMed({}, dropped=["11"])
    asked = [identifiers(pmid=pmid)[0] for pmid in (12, 11, 10, 12)]
    assert keys(fetch_works(pubmed.fetch, asked)) == ["12", "10"]


def test_many_works_are_fetched_in_batches_by_post():
    pubmed = PubMed({})
    asked = [identifiers(pmid=pmid)[0] for pmid in range(1, BATCH + 2)]
    pages = list(fetch_works(pubmed.fetch, asked))
    assert [len(page.records) for page in pages] == [BATCH, 1]
    assert [request.split()[0] for request in pubmed.fetch.requests] == ["POST", "GET"]


def test_what_a_batch_leaves_out_is_asked_for_once_more():
    pubmed = PubMed({}, dropped=["2"])
    asked = [identifiers(pmid=pmid)[0] for pmid in (1, 2, 3)]
    pages = fetch_works(pubmed.fetch, asked)
    assert [r.key for r in next(pages).records] == ["1", "3"]
    pubmed.dropped.clear()
    assert keys(pages) == ["2"]
    assert unquote(pubmed.fetch.requests[-1]).endswith("id=2&retmode=xml")


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        pytest.param([("5", "10.3390/JCM8122102")], ["5"], id="one"),
        pytest.param([("5", "10.3390/jcm8122102"), ("6", "10.3390/jcm8122102")], [], id="several"),
        pytest.param([("5", "10.3390/another")], [], id="record has another DOI"),
        pytest.param([], [], id="none"),
    ],
)
def test_a_doi_counts_only_if_exactly_one_record_carries_it(hits, expected):
    doi = "10.3390/jcm8122102"
    pubmed = PubMed({}, dois={doi: hits})
    assert keys(fetch_works(pubmed.fetch, identifiers(doi=doi))) == expected


def test_a_work_named_by_doi_and_pmid_comes_once():
    doi = "10.3390/jcm8122102"
    pubmed = PubMed({}, dois={doi: [("31810187", doi)]})
    assert keys(fetch_works(pubmed.fetch, identifiers(doi=doi, pmid=31810187))) == ["31810187"]


# -- search --------------------------------------------------------------------------------------


def test_a_search_gives_every_hit_with_its_full_record():
    pubmed = PubMed({str(n): day(n) for n in range(1, 451)})
    pages = list(search(pubmed.fetch, "mesenchymal", None))
    assert keys(pages) == [str(n) for n in range(1, 451)]
    assert {page.total for page in pages} == {450}
    assert [page.truncated_by for page in pages] == [None, None, None]


def test_a_limit_is_stated_on_the_last_page_only():
    pubmed = PubMed({str(n): day(n) for n in range(1, 451)})
    pages = list(search(pubmed.fetch, "mesenchymal", 201))
    assert len(keys(pages)) == 201
    assert [(page.total, page.truncated_by) for page in pages] == [
        (450, None),
        (450, "limit of 201"),
    ]


def test_no_hit_is_one_empty_page():
    (page,) = search(PubMed({}).fetch, "nothing at all", None)
    assert (list(page.records), page.total, page.truncated_by) == ([], 0, None)


def test_hits_that_shift_while_they_are_read_come_once():
    pubmed = PubMed({str(n): day(n) for n in range(1, 31)}, page=10)
    pubmed.shift_after_first = True
    found = keys(search(pubmed.fetch, "mesenchymal", None))
    assert len(found) == len(set(found))
    assert found[:10] == [str(n) for n in range(1, 11)]


def test_records_efetch_keeps_back_are_named():
    pubmed = PubMed({"1": day(1), "2": day(2)}, dropped=["2"])
    *_, last = search(pubmed.fetch, "mesenchymal", None)
    assert last.truncated_by == "efetch did not return 1: 2"


def test_ids_counted_but_not_listed_are_a_shortfall():
    pubmed = PubMed({"1": day(1)})
    pubmed.extra = {"count": "3"}
    (page,) = search(pubmed.fetch, "mesenchymal", None)
    assert page.truncated_by == "PubMed counts 3 hits but listed 1"


def test_beyond_the_wall_a_search_is_split_by_entry_date(monkeypatch):
    monkeypatch.setattr("ingest.sources.pubmed.REACHABLE_HITS", 20)
    # Three a day, the newest entered on the day of the search.
    entered = {str(n): date(2026, 11, 22) - timedelta(days=n // 3) for n in range(1, 101)}
    pubmed = PubMed(entered, wall=20)
    pages = list(search(pubmed.fetch, "mesenchymal", None))
    assert keys(pages) == list(entered)
    assert pages[-1].total == 100
    assert pages[-1].truncated_by is None
    windows = [r for r in pubmed.fetch.requests if "mindate" in r]
    assert windows
    assert all("datetype=edat" in r for r in windows)


def test_a_split_search_stops_at_its_limit(monkeypatch):
    monkeypatch.setattr("ingest.sources.pubmed.REACHABLE_HITS", 20)
    pubmed = PubMed({str(n): day(n) for n in range(1, 101)}, wall=20)
    pages = list(search(pubmed.fetch, "mesenchymal", 30))
    assert keys(pages) == [str(n) for n in range(1, 31)]
    assert pages[-1].truncated_by == "limit of 30"


def test_a_day_above_the_wall_is_named(monkeypatch):
    monkeypatch.setattr("ingest.sources.pubmed.REACHABLE_HITS", 20)
    entered = {str(n): date(2025, 1, 2) for n in range(1, 26)} | {"30": date(2024, 1, 1)}
    pubmed = PubMed(entered, wall=20)
    pages = list(search(pubmed.fetch, "mesenchymal", None))
    assert keys(pages) == [*(str(n) for n in range(1, 21)), "30"]
    assert pages[-1].truncated_by == (
        "5 of the 25 hits entered on 2025/01/02 are out of reach: PubMed lists 20 at most"
    )


def test_a_search_field_pubmed_does_not_know_is_rejected():
    pubmed = PubMed({"1": day(1)})
    pubmed.extra = {"errorlist": {"phrasesnotfound": [], "fieldsnotfound": ["titel"]}}
    with pytest.raises(SourceRejected, match="titel"):
        list(search(pubmed.fetch, "cells[titel]", None))


def test_a_term_pubmed_left_out_of_the_query_is_stated():
    body = shared("payloads/pubmed/esearch_2026.json").read_bytes()
    ids = orjson.loads(body)["esearchresult"]["idlist"]
    fetch = FakeFetch(
        lambda request: body if "esearch" in request else a_set(*(an_article(i) for i in ids))
    )
    (page,) = search(fetch, "APC AND p.E1317Q", 100)
    assert page.total == 40362
    assert len(page.records) == 100
    assert page.truncated_by == "PubMed left out what it did not find: p.E1317Q; limit of 100"


# -- links ---------------------------------------------------------------------------------------


def links(*sets):
    """An elink answer; a set is (PMIDs asked, {link name: PMIDs})."""
    body = "".join(
        "<LinkSet><DbFrom>pubmed</DbFrom><IdList>"
        + "".join(f"<Id>{pmid}</Id>" for pmid in asked)
        + "</IdList>"
        + "".join(
            f"<LinkSetDb><DbTo>pubmed</DbTo><LinkName>{name}</LinkName>"
            + "".join(f"<Link><Id>{pmid}</Id></Link>" for pmid in found)
            + "</LinkSetDb>"
            for name, found in named.items()
        )
        + "</LinkSet>"
        for asked, named in sets
    )
    return f"<eLinkResult>{body}</eLinkResult>".encode()


def test_only_links_of_the_name_asked_for_count():
    (references,) = to_reference_lists(recorded("biopython_elink1.xml"))
    (citing,) = to_citing_lists(recorded("biopython_elink1.xml"))
    assert isinstance(references, ReferenceList)
    assert isinstance(citing, CitingList)
    assert (references.key, citing.key) == ("9298984#elink", "9298984#elink")
    assert references.of == citing.of == identifiers(pmid=9298984)
    text = shared("payloads/pubmed/biopython_elink1.xml").read_text()
    expected = {
        name: re.findall(
            r"<Id>(\d+)", text.split(f"<LinkName>{name}</LinkName>")[1].split("</LinkSetDb>")[0]
        )
        for name in ("pubmed_pubmed_refs", "pubmed_pubmed_citedin")
    }
    assert [r.identifiers[0].value for r in references.references] == expected["pubmed_pubmed_refs"]
    assert [r.position for r in references.references][:3] == [1, 2, 3]
    assert [w.key for w in citing.citing] == expected["pubmed_pubmed_citedin"]
    assert {w.view for w in citing.citing} == {View.BRIEF}


def test_links_of_several_works_merged_into_one_set_belong_to_none():
    (merged,) = to_citing_lists(recorded("biopython_elink3.xml"))
    assert isinstance(merged, Unreadable)
    assert "2 works" in merged.reason


def test_each_work_is_asked_for_by_an_id_of_its_own():
    answer = links(
        (["1"], {"pubmed_pubmed_refs": ["8", "9", "8"], "pubmed_pubmed": ["7"]}),
        (["2"], {}),
    )
    fetch = FakeFetch(lambda request: answer)
    (page,) = fetch_references(fetch, [*identifiers(pmid=1), *identifiers(pmid=2, doi="10.1/2")])
    assert "id=1&id=2&linkname=pubmed_pubmed_refs" in fetch.requests[0]
    (references,) = page.records
    assert isinstance(references, ReferenceList)
    assert [(r.position, r.identifiers) for r in references.references] == [
        (1, identifiers(pmid=8)),
        (2, identifiers(pmid=9)),
    ]


def test_a_work_without_links_asserts_nothing_and_one_without_pmid_is_not_asked_for():
    assert to_reference_lists(recorded("biopython_elink8.xml")) == []
    fetch = FakeFetch(lambda request: links((["1"], {})))
    assert [list(p.records) for p in fetch_citations(fetch, identifiers(pmid=1))] == [[]]
    assert list(fetch_citations(fetch, identifiers(doi="10.1000/1"))) == []


def test_a_refused_set_of_links_does_not_spoil_the_others():
    answer = links((["2"], {"pubmed_pubmed_citedin": ["5"]})).replace(
        b"<eLinkResult>",
        b"<eLinkResult><LinkSet><IdList><Id>1</Id></IdList><ERROR>no such id</ERROR></LinkSet>",
    )
    refused, citing = to_citing_lists(a_payload(answer))
    assert isinstance(citing, CitingList)
    assert refused == Unreadable(position="LinkSet 1", reason="no such id", key="1")
    assert citing.of == identifiers(pmid=2)
