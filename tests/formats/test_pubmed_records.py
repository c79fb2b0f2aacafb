"""PubMed's records are read whole, and never take an id of another work."""

import pytest

from kb.formats.documents import parse_xml
from kb.formats.pubmed_records import pmid_of, to_record
from kb.identity.identifiers import identifiers
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    ConceptClaim,
    NoticeKind,
    RegistrationMention,
    RelationClaim,
    WorkType,
)
from tests.conftest import ROOT, shared
from tests.formats.provider_works import pubmed_article


def recorded_record(pmid, name="baseline_sample_selected.xml"):
    root = parse_xml(shared(f"payloads/pubmed/{name}").read_bytes(), what="test")
    return next(to_record(element) for element in (root, *root) if pmid_of(element) == pmid)


def read(**parts):
    return to_record(parse_xml(pubmed_article(**parts).encode(), what="test"))


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
        pytest.param("<MedlinePgn>687-90</MedlinePgn>", None, ("687-690", None), id="in short"),
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


# -- books ----


def test_chapters_and_books_are_read_from_their_own_tree():
    body = (ROOT / "tests/payloads/pubmed/books.xml").read_bytes()
    chapter, book = map(to_record, parse_xml(body, what="test"))
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
    chapter = to_record(parse_xml(body.replace(b"<Medium>", located), what="test")[0])
    assert chapter.identifiers == identifiers(pmid=20301425)
