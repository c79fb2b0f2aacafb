"""Crossref's works become records that say what was deposited, and nothing more."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.formats.references.crossref_json import to_item, to_record
from kb.formats.references.formats import recognise
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.dates import PartialDate
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
    WorkRecord,
    WorkType,
    content_hash,
    from_json,
    to_json,
)
from tests.conftest import ROOT, shared
from tests.formats.provider_works import SEED
from tests.formats.provider_works import crossref_work as a_work
from tests.formats.references.work_records import (
    articles,
    markup_like,
    read_back,
    records_in,
    written,
)


def doi(value: str) -> Identifier:
    return Identifier(Scheme.DOI, value)


def a_record(**fields: Any) -> WorkRecord:
    return to_record(a_work(**fields))


def an_answer(message: Any, kind: str = "work") -> bytes:
    return json.dumps({"status": "ok", "message-type": kind, "message": message}).encode()


def a_date(*parts: Any) -> dict[str, Any]:
    return {"date-parts": [list(parts)]}


# -- a whole work --------------------------------------------------------------------------------


def the_seed() -> WorkRecord:
    body = (ROOT / "tests/payloads/crossref/work_jcm8122102.json").read_bytes()
    return to_record(json.loads(body)["message"])


def test_a_work_is_read_with_all_that_was_deposited():
    record = the_seed()
    assert (record.source, record.key) == ("crossref", SEED)
    assert record.identifiers == (doi(SEED),)
    assert record.title == (
        "Short and Long Term Clinical and Immunologic Follow up after Bone Marrow Mesenchymal "
        "Stromal Cell Therapy in Progressive Multiple Sclerosis—A Phase I Study"
    )
    assert record.type == WorkType.ARTICLE
    assert record.types_as_given == ("journal-article",)
    assert record.published == "2019-12-02"
    assert record.venue is not None
    assert record.venue.name == "Journal of Clinical Medicine"
    assert record.venue.abbreviation == "JCM"
    assert record.venue.issns == ("2077-0383",)
    assert record.venue.publisher == "MDPI AG"
    assert (record.volume, record.issue, record.pages) == ("8", "12", "2102")
    assert record.language == "en"
    assert record.license == "cc-by-4.0"
    assert record.authors[0] == AuthorClaim(
        family="Iacobaeus",
        given="Ellen",
        affiliations=(
            Affiliation(text="Karolinska Institutet, Stockholm, Sweden", ror="056d84691"),
        ),
    )
    assert record.authors[1] == AuthorClaim(family="Le Blanc", given="Katarina")
    assert record.authors_complete is None
    assert record.references_claimed == 2
    assert record.observations == (ObservationClaim(metric="citation_count", value=28),)
    assert record.registrations == (
        RegistrationMention(number="NCT03778333", registry="ClinicalTrials.gov", kind="results"),
    )
    assert record.updated == "2025-10-11"
    assert record.is_flagged_retracted is None


def test_a_structured_abstract_keeps_labels_exponents_and_less_than():
    assert the_seed().abstract == (
        AbstractSection(
            label="Background",
            text="Seven people with progressive multiple sclerosis received one infusion of their "
            "own bone marrow stromal cells, 1–2 × 10^6 per kg.",
        ),
        AbstractSection(
            label="Results",
            text="No new T2 lesions at 12 weeks in 5/6 (p < 0.05 was not claimed).",
        ),
    )


def test_being_indexed_anew_does_not_change_a_record():
    before = a_work(indexed=a_date(2026, 1, 1), score=1.0)
    after = a_work(indexed=a_date(2026, 11, 22), score=19.6)
    assert content_hash(to_record(before)) == content_hash(to_record(after))


def test_what_a_record_does_not_say_is_not_known():
    assert a_record() == WorkRecord(source="crossref", key=SEED, identifiers=(doi(SEED),))


def test_empty_and_null_fields_say_nothing():
    texts = ("title", "subtitle", "publisher", "abstract", "type", "language", "page", "volume")
    lists = ("ISSN", "author", "funder", "license", "reference", "assertion", "update-to")
    others = ("published", "deposited", "relation", "references-count", "is-referenced-by-count")
    empty: dict[str, Any] = {name: [] for name in ("title", "subtitle", *lists)}
    null = dict.fromkeys((*texts, *lists, *others))
    bare = a_record()
    assert to_record({"DOI": SEED, **empty}) == bare
    assert to_record({"DOI": SEED, **null}) == bare


# -- titles and abstracts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "subtitle", "read"),
    [
        pytest.param(["MSC in MS"], ["A Phase I Study"], "MSC in MS: A Phase I Study", id="joined"),
        pytest.param(
            ["MSC in MS: A phase I study"],
            ["A Phase I Study."],
            "MSC in MS: A phase I study",
            id="subtitle already printed",
        ),
        pytest.param(["Cells?"], ["A review"], "Cells? A review", id="title ends in a question"),
        pytest.param(
            ["MSC in MS:"], ["A review"], "MSC in MS: A review", id="title ends in a colon"
        ),
        pytest.param(["Racial Epithet"], [""], "Racial Epithet", id="empty subtitle"),
        pytest.param("A bare text", None, "A bare text", id="text instead of an array"),
        pytest.param([None, "Second"], [None], "Second", id="null in the array"),
        pytest.param(["One", "another title"], [], "One", id="first of several"),
        pytest.param(["<scp>VEGFC</scp> in <i>MSCs</i>"], [], "VEGFC in MSCs", id="face markup"),
        pytest.param(
            ["Muscle &amp;amp; Nerve &lt; 3"], [], "Muscle & Nerve < 3", id="doubled entity"
        ),
        pytest.param(
            ["MSC\n            therapy"], [], "MSC therapy", id="newline and run of spaces"
        ),
        pytest.param(
            ["MESENCHYMAL STROMAL CELLS"], [], "MESENCHYMAL STROMAL CELLS", id="all capitals"
        ),
        pytest.param(["RETRACTED: MSC in MS"], [], "RETRACTED: MSC in MS", id="retracted in words"),
        pytest.param([], ["Alone"], None, id="no title"),
    ],
)
def test_a_title_is_what_was_printed(title, subtitle, read):
    assert a_record(title=title, subtitle=subtitle).title == read


def test_an_original_title_is_kept_where_it_differs():
    assert a_record(title=["A"], original_title=["A"]).original_title is None
    assert a_record(title=["A"], original_title=["auf Deutsch"]).original_title == "auf Deutsch"


@pytest.mark.parametrize(
    ("abstract", "sections"),
    [
        pytest.param(
            "<jats:p>One.</jats:p>\n<jats:p>Two.</jats:p>", [(None, "One. Two.")], id="paragraphs"
        ),
        pytest.param(
            "<jats:title>Abstract</jats:title><jats:p>One.</jats:p>",
            [(None, "One.")],
            id="a heading that says abstract",
        ),
        pytest.param(
            "<jats:title>Significance</jats:title><jats:p>One.</jats:p>",
            [("Significance", "One.")],
            id="another heading",
        ),
        pytest.param(
            "<jats:title>Abstract</jats:title><jats:sec><jats:title>AIM</jats:title>"
            "<jats:p>One.</jats:p></jats:sec><jats:sec><jats:title>METHODS.</jats:title>"
            "<jats:p>Two.</jats:p></jats:sec>",
            [("AIM", "One."), ("METHODS", "Two.")],
            id="sections under a heading",
        ),
        pytest.param(
            "<jats:p><jats:bold>Aim:</jats:bold> One. <jats:bold>Methods</jats:bold>: "
            "<jats:bold>Two</jats:bold>.</jats:p>",
            [("Aim", "One."), ("Methods", "Two.")],
            id="bold headings with a colon",
        ),
        pytest.param(
            "<jats:p>Background\n One.\nMethods\n Two results.\nResults\n Three.</jats:p>",
            [("Background", "One."), ("Methods", "Two results."), ("Results", "Three.")],
            id="headings alone on their lines",
        ),
        pytest.param(
            "Plain text, p < 0.05 &amp; n &gt; 3.",
            [(None, "Plain text, p < 0.05 & n > 3.")],
            id="no markup",
        ),
        pytest.param("<p>In HTML.</p>", [(None, "In HTML.")], id="no prefix"),
        pytest.param("<jats:p>Cut off in <jats:ital", [(None, "Cut off in")], id="broken markup"),
        pytest.param("<jats:p />", [], id="empty"),
    ],
)
def test_an_abstract_is_split_at_its_headings(abstract, sections):
    read = a_record(abstract=abstract).abstract
    assert [(section.label, section.text) for section in read] == sections


# -- dates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "read"),
    [
        pytest.param(a_date(2019, 12, 2), "2019-12-02", id="day"),
        pytest.param(a_date(2019, 12), "2019-12", id="month"),
        pytest.param(a_date(2019), "2019", id="year"),
        pytest.param(a_date("2019", "12", "2"), "2019-12-02", id="as text"),
        pytest.param(a_date(2019, 12, 2, 11), "2019-12-02", id="a part too many"),
        pytest.param({"date-parts": [[2019, 12], [2020, 1]]}, "2019-12", id="a range"),
        pytest.param(a_date(2019, None, 2), "2019", id="null month"),
        pytest.param(a_date(2019, 13, 2), "2019", id="no such month"),
        pytest.param(a_date(2019, 2, 31), "2019-02", id="no such day"),
        pytest.param({"date-time": "2019-12-02T11:20:00Z"}, "2019-12-02", id="only the time"),
        pytest.param(a_date(None), None, id="null"),
        pytest.param({"date-parts": [[]]}, None, id="empty"),
        pytest.param({"date-parts": []}, None, id="emptier"),
        pytest.param({"date-parts": None}, None, id="null parts"),
        pytest.param({}, None, id="no parts"),
        pytest.param("2019", None, id="not a date object"),
    ],
)
def test_a_date_has_the_parts_that_were_given(date, read):
    assert a_record(issued=date).published == read


def test_the_earliest_publication_date_is_the_date_of_publication():
    record = a_record(
        published_print=a_date(2020, 2),
        published_online=a_date(2019, 12, 2),
        issued=a_date(2019, 12),
        created=a_date(2019, 11, 30),
        accepted=a_date(2019, 11, 25),
    )
    assert record.published == "2019-12-02"
    assert set(record.dates) == {
        DateClaim(role="online", date=PartialDate("2019-12-02")),
        DateClaim(role="print", date=PartialDate("2020-02")),
        DateClaim(role="published", date=PartialDate("2019-12")),
        DateClaim(role="accepted", date=PartialDate("2019-11-25")),
    }


def test_a_posting_date_is_a_publication_date():
    record = a_record(type="posted-content", subtype="preprint", posted=a_date(2022, 5, 26))
    assert record.published == "2022-05-26"
    assert record.dates == (DateClaim(role="posted", date=PartialDate("2022-05-26")),)


@pytest.mark.parametrize(
    ("name", "value", "claim"),
    [
        ("received", "2021-02-23", ("received", "2021-02-23")),
        ("accepted", "15 October 2021", ("accepted", "2021-10-15")),
        ("first_online", "November 6, 2022", ("online", "2022-11-06")),
        ("revised", "Feb 2021", ("revised", "2021-02")),
        pytest.param("received", "02/03/2021", None, id="day or month first?"),
        pytest.param("received", "Marchember 2021", None, id="no such month"),
        pytest.param("copyright", "2021-01-01", None, id="no date of the work"),
        pytest.param("conference_start_date", "8 October 2018", None, id="of the conference"),
    ],
)
def test_dates_among_the_assertions_are_read_where_they_are_unambiguous(name, value, claim):
    dates = a_record(assertion=[{"name": name, "value": value}]).dates
    assert [(d.role, d.date) for d in dates] == ([claim] if claim else [])


# -- types, venue, people, money -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "subtype", "read"),
    [
        ("journal-article", None, WorkType.ARTICLE),
        ("posted-content", "preprint", WorkType.PREPRINT),
        ("posted-content", "other", WorkType.OTHER),
        ("posted-content", None, WorkType.OTHER),
        ("book-chapter", None, WorkType.BOOK_CHAPTER),
        ("monograph", None, WorkType.BOOK),
        ("dissertation", None, WorkType.THESIS),
        ("dataset", None, WorkType.DATASET),
        ("peer-review", None, WorkType.OTHER),
        ("something-new", None, WorkType.OTHER),
        (None, None, None),
    ],
)
def test_types_are_mapped_and_kept_as_given(kind, subtype, read):
    record = a_record(type=kind, subtype=subtype, title=["A systematic review"])
    assert record.type == read
    assert record.types_as_given == tuple(t for t in (kind, subtype) if t)


@pytest.mark.parametrize(
    ("page", "number", "pages"),
    [
        ("150-156", None, "150-156"),
        ("e33693", None, "e33693"),
        pytest.param("100814", "100814", None, id="the article number once more"),
        pytest.param("n/a-n/a", None, None, id="not yet paginated"),
        pytest.param(None, "100814", None, id="only an article number"),
    ],
)
def test_pages_and_article_number_are_told_apart(page, number, pages):
    record = a_record(page=page, article_number=number)
    assert (record.pages, record.article_number) == (pages, number)


def test_issns_come_from_both_fields_once_and_only_if_their_check_digit_is_right():
    record = a_record(
        ISSN=["2077-0383", "1234-5678"],
        issn_type=[
            {"type": "print", "value": "0140-6736"},
            {"type": "electronic", "value": "20770383"},
        ],
    )
    assert record.venue is not None
    assert record.venue.issns == ("2077-0383", "0140-6736")


@pytest.mark.parametrize(
    ("given", "read"),
    [("en", "en"), ("EN", "en"), ("en-US", "en"), ("mul", "mul"), ("", None), (None, None)],
)
def test_a_language_is_its_two_letter_code_where_there_is_one(given, read):
    assert a_record(language=given).language == read


def test_authors_are_people_groups_or_names_as_printed():
    record = a_record(
        author=[
            {
                "family": "Le Blanc",
                "given": "Katarina",
                "suffix": "Jr.",
                "ORCID": "http://orcid.org/0000-0002-1825-0097",
            },
            {"family": "GUMLEY", "ORCID": "https://orcid.org/0000-0002-1825-0098"},
            {"name": "MESEMS study group", "sequence": "additional"},
            {"given": "Sukarno"},
            {"sequence": "additional", "affiliation": []},
            None,
        ]
    )
    assert record.authors == (
        AuthorClaim(family="Le Blanc", given="Katarina", suffix="Jr.", orcid="0000-0002-1825-0097"),
        AuthorClaim(family="GUMLEY"),
        AuthorClaim(collective="MESEMS study group"),
        AuthorClaim(name="Sukarno"),
    )


def test_affiliations_carry_their_ror_and_lose_their_entities():
    ror = {"id": "https://ror.org/056d84691", "id-type": "ROR", "asserted-by": "publisher"}
    record = a_record(
        author=[
            {
                "family": "Uccelli",
                "affiliation": [
                    {"name": "Bioregenerative Medicine &amp; Surgery  Unit"},
                    {"name": "Institutet", "place": ["Solna"], "department": ["MedH"], "id": [ror]},
                    {"id": [ror]},
                    {"name": ""},
                ],
            }
        ]
    )
    assert record.authors[0].affiliations == (
        Affiliation(text="Bioregenerative Medicine & Surgery Unit"),
        Affiliation(text="MedH, Institutet, Solna", ror="056d84691"),
        Affiliation(text="https://ror.org/056d84691", ror="056d84691"),
    )


def test_a_funder_gives_one_claim_per_award():
    record = a_record(
        funder=[
            {
                "name": "NCATS",
                "DOI": "10.13039/100006108",
                "doi-asserted-by": "publisher",
                "award": ["UL1TR001855", "UL1TR000130"],
            },
            {"name": "Vetenskapsrådet", "award": []},
            {"name": "By ROR", "id": [{"id": "https://ror.org/056d84691", "id-type": "ROR"}]},
            {"award": ["of nobody"]},
        ]
    )
    assert record.funding == (
        FundingClaim(funder="NCATS", funder_doi="10.13039/100006108", award="UL1TR001855"),
        FundingClaim(funder="NCATS", funder_doi="10.13039/100006108", award="UL1TR000130"),
        FundingClaim(funder="Vetenskapsrådet"),
        FundingClaim(funder="By ROR", funder_ror="056d84691"),
    )


@pytest.mark.parametrize(
    ("licenses", "read"),
    [
        pytest.param(
            [
                ("tdm", "https://www.springer.com/tdm"),
                ("vor", "https://creativecommons.org/licenses/by/4.0"),
            ],
            "cc-by-4.0",
            id="version of record before text mining",
        ),
        pytest.param(
            [
                ("am", "http://creativecommons.org/licenses/by-nc-nd/4.0/"),
                ("vor", "http://example.org/terms"),
            ],
            "http://example.org/terms",
            id="version of record before manuscript",
        ),
        pytest.param(
            [
                ("vor", "http://example.org/terms"),
                ("vor", "http://creativecommons.org/licenses/by/4.0/"),
            ],
            "cc-by-4.0",
            id="open before closed",
        ),
        pytest.param(
            [("unspecified", "http://creativecommons.org/licenses/by/4.0/")],
            "cc-by-4.0",
            id="unspecified",
        ),
        pytest.param(
            [("stm-asf", "https://doi.org/10.15223/policy-017")],
            None,
            id="sharing framework is no licence",
        ),
        pytest.param([("vor", None)], None, id="no address"),
    ],
)
def test_the_licence_is_that_of_the_version_of_record(licenses, read):
    given = [{"content-version": version, "URL": url} for version, url in licenses]
    assert a_record(license=given).license == read


@pytest.mark.parametrize(
    ("given", "mention"),
    [
        pytest.param(
            {"clinical-trial-number": "nct03778333", "registry": "10.18810/clinical-trials-gov"},
            RegistrationMention(number="NCT03778333", registry="ClinicalTrials.gov"),
            id="lower case",
        ),
        pytest.param(
            {"clinical-trial-number": "EudraCT 2010–024081–21", "type": "preResults"},
            RegistrationMention(number="2010-024081-21", registry="EudraCT", kind="preResults"),
            id="label and en dashes",
        ),
        pytest.param(
            {"clinical-trial-number": "tctr20190101001", "registry": "10.18810/tctr"},
            RegistrationMention(number="tctr20190101001", registry="10.18810/tctr"),
            id="a form not known here",
        ),
        pytest.param({"registry": "10.18810/isrctn"}, None, id="no number"),
    ],
)
def test_trial_numbers_are_in_their_normal_form_where_it_is_known(given, mention):
    assert a_record(clinical_trial_number=[given]).registrations == ((mention,) if mention else ())


@pytest.mark.parametrize("given", [0, 28, None, -1, "28", True, 2.5])
def test_a_citation_count_is_a_whole_number_or_not_known(given):
    values = [o.value for o in a_record(is_referenced_by_count=given).observations]
    assert values == ([given] if given in (0, 28) and given is not True else [])


# -- references ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "claim"),
    [
        pytest.param(
            {
                "key": "ref1",
                "DOI": "10.1016/S1474-4422(11)70305-2",
                "doi-asserted-by": "crossref",
                "author": "Connick",
                "article-title": "Autologous MSC &amp; MS",
                "year": "2012",
                "journal-title": "Lancet Neurol",
                "volume": "11",
                "first-page": "150",
            },
            ReferenceClaim(
                position=1,
                identifiers=identifiers(doi="10.1016/s1474-4422(11)70305-2"),
                title="Autologous MSC & MS",
                authors="Connick",
                year=2012,
                venue="Lancet Neurol",
                volume="11",
                pages="150",
                key="ref1",
                asserted_by="crossref",
            ),
            id="fields",
        ),
        pytest.param(
            {"key": "r", "unstructured": "Lublin FD. <i>Neurology</i> 2014.", "year": "2010a"},
            ReferenceClaim(
                position=1, text="Lublin FD. Neurology 2014.", year=2010, year_text="2010a", key="r"
            ),
            id="text and a year with a letter",
        ),
        pytest.param(
            {"key": "r", "year": "in press"},
            ReferenceClaim(position=1, year_text="in press", key="r"),
            id="year that is none",
        ),
        pytest.param(
            {"key": "r", "DOI": "not a doi", "doi-asserted-by": "publisher"},
            ReferenceClaim(position=1, text="not a doi", key="r"),
            id="malformed DOI is kept as text",
        ),
        pytest.param(
            {"key": "r", "DOI": "10.1/x", "unstructured": "Rice CM 2010"},
            ReferenceClaim(position=1, text="Rice CM 2010", key="r"),
            id="malformed DOI beside text",
        ),
        pytest.param(
            {"key": "r", "article-title": "A chapter", "volume-title": "A book"},
            ReferenceClaim(position=1, title="A chapter", venue="A book", key="r"),
            id="chapter",
        ),
        pytest.param(
            {"key": "r", "volume-title": "A book", "series-title": "A series"},
            ReferenceClaim(position=1, title="A book", venue="A series", key="r"),
            id="book",
        ),
        pytest.param({"key": "r"}, ReferenceClaim(position=1, key="r"), id="key alone"),
    ],
)
def test_a_reference_says_what_was_deposited(reference, claim):
    assert a_record(reference=[reference]).references == (claim,)


def test_references_keep_their_positions_and_the_deposited_count():
    record = a_record(reference=[{"key": "a"}, None, {"key": "c"}], references_count=60)
    assert [(r.position, r.key) for r in record.references] == [(1, "a"), (3, "c")]
    assert record.references_claimed == 60
    assert a_record(reference_count=7).references_claimed == 7


# -- notices and relations -----------------------------------------------------------------------


def an_update(target: str | None, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "DOI": target,
        "type": kind,
        "label": kind.title(),
        "updated": a_date(2010, 2, 6),
    } | more


def test_a_work_that_updates_another_is_a_notice_about_it():
    record = a_record(
        type="journal-article",
        title=["Corrigendum"],
        update_to=[an_update("10.1371/JOURNAL.PONE.0106896", "correction", label="Corrigendum")],
    )
    assert record.type == WorkType.NOTICE
    assert record.types_as_given == ("journal-article",)
    assert record.notices == (
        NoticeClaim(
            kind=NoticeKind.CORRECTION,
            is_about_self=False,
            other=(doi("10.1371/journal.pone.0106896"),),
            date=PartialDate("2010-02-06"),
            label="Corrigendum",
        ),
    )


def test_one_retraction_told_by_publisher_and_retraction_watch_is_two_claims():
    notice = "10.1016/s0140-6736(10)60175-4"
    record = to_record(
        {
            "DOI": "10.1016/s0140-6736(97)11096-0",
            "type": "journal-article",
            "updated-by": [
                an_update(notice, "retraction", source="publisher"),
                an_update(notice, "retraction", source="retraction-watch", **{"record-id": 17270}),
                an_update(notice, "retraction", source="publisher"),
            ],
        }
    )
    assert record.type == WorkType.ARTICLE
    assert [(n.kind, n.is_about_self, n.asserted_by) for n in record.notices] == [
        (NoticeKind.RETRACTION, True, "publisher"),
        (NoticeKind.RETRACTION, True, "retraction-watch"),
    ]
    assert {n.other for n in record.notices} == {(doi(notice),)}


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("retraction", NoticeKind.RETRACTION),
        ("partial_retraction", NoticeKind.PARTIAL_RETRACTION),
        ("withdrawal", NoticeKind.WITHDRAWAL),
        ("removal", NoticeKind.REMOVAL),
        ("expression_of_concern", NoticeKind.CONCERN),
        ("Expression of Concern", NoticeKind.CONCERN),
        ("erratum", NoticeKind.CORRECTION),
        ("addendum", NoticeKind.CORRECTION),
        ("clarification", NoticeKind.CORRECTION),
        ("reinstatement", NoticeKind.REINSTATEMENT),
    ],
)
def test_kinds_of_notice_are_told_apart(kind, read):
    (notice,) = a_record(updated_by=[an_update("10.1000/notice", kind)]).notices
    assert notice.kind == read


def test_a_new_version_is_a_relation_and_makes_no_notice():
    record = a_record(
        type="journal-article",
        update_to=[an_update("10.1000/old", "new_version")],
        updated_by=[an_update("10.1000/newer", "new_edition")],
    )
    assert record.type == WorkType.ARTICLE
    assert record.notices == ()
    assert record.relations == (
        RelationClaim(kind="update of", other=(doi("10.1000/old"),)),
        RelationClaim(kind="updated by", other=(doi("10.1000/newer"),)),
    )


@pytest.mark.parametrize(
    ("kind", "flag"),
    [("correction", None), ("retraction", True), ("withdrawal", True), ("new_version", None)],
)
@pytest.mark.parametrize("field", ["update_to", "updated_by"])
def test_an_update_of_itself_is_no_notice_but_a_retraction_leaves_a_hint(field, kind, flag):
    record = a_record(type="journal-article", **{field: [an_update(SEED.upper(), kind)]})
    assert (record.type, record.notices, record.relations) == (WorkType.ARTICLE, (), ())
    assert record.is_flagged_retracted is flag


@pytest.mark.parametrize(
    ("target", "text"), [("unavailable", "unavailable"), ("", None), (None, None)]
)
def test_a_retraction_whose_notice_has_no_doi_is_still_a_retraction(target, text):
    (notice,) = a_record(updated_by=[an_update(target, "retraction")]).notices
    assert (notice.kind, notice.other, notice.text) == (NoticeKind.RETRACTION, (), text)


def test_preprint_and_article_name_each_other():
    record = a_record(
        relation={
            "has-preprint": [{"id-type": "doi", "id": "10.1101/171108", "asserted-by": "object"}],
            "is-version-of": {"id-type": "doi", "id": "https://doi.org/10.1000/OTHER"},
            "is-comment-on": [{"id-type": "pmid", "id": "31810187"}],
            "is-preprint-of": [
                {"id-type": "doi", "id": SEED},
                {"id-type": "issn", "id": "2077-0383"},
                {"id-type": "doi", "id": ""},
            ],
            "cites": [],
            "has-review": [{"id-type": "doi", "id": "10.1000/review"}],
        }
    )
    assert record.relations == (
        RelationClaim(kind="has preprint", other=(doi("10.1101/171108"),)),
        RelationClaim(kind="version of", other=(doi("10.1000/other"),)),
        RelationClaim(kind="comment on", other=(Identifier(Scheme.PMID, "31810187"),)),
    )


# -- odd works ---------------------------------------------------------------------------------


def test_a_work_without_a_title_is_a_record_and_one_without_doi_is_not():
    assert a_record(title=[]).key == SEED
    with pytest.raises(ValueError, match="no DOI"):
        to_record({"DOI": "", "title": ["A title"]})


def test_a_malformed_doi_names_the_record_but_identifies_no_work():
    record = to_record({"DOI": "10.1/short", "title": ["A title"]})
    assert (record.key, record.identifiers) == ("10.1/short", ())


def test_fields_of_any_wrong_type_never_break_a_record():
    some: list[Any] = [1, True, 1.5, "text", [], [None], [[]], {}, {"a": 1}, [{"id": 3}], [1, "x"]]
    for wrong in some:
        for field in all_fields():
            record = to_record({"DOI": SEED, field: wrong})
            assert from_json(WorkRecord, to_json(record)) == record


def all_fields() -> list[str]:
    body = (ROOT / "tests/payloads/crossref/work_jcm8122102.json").read_bytes()
    more = ["subtype", "updated-by", "update-to", "assertion", "funder", "posted", "article-number"]
    return [name for name in json.loads(body)["message"] if name != "DOI"] + more


def recorded(name: str) -> Any:
    return json.loads((shared("payloads/crossref") / name).read_bytes())


def test_recorded_notices_are_notices_except_the_one_about_itself():
    records = {
        r.key: r for r in map(to_record, recorded("items_with_update_to.json")["message"]["items"])
    }
    own = records.pop("10.1103/physrevb.98.104436")
    assert (own.type, own.notices) == (WorkType.ARTICLE, ())
    assert len(records) == 18
    for record in records.values():
        assert record.type == WorkType.NOTICE
        assert all(n.asserted_by is None and n.other for n in record.notices)


def test_a_recorded_correction_is_found_on_the_corrected_article():
    body = recorded("samedoi_pnas.1414271111.json")["response"]["body"]
    record = to_record(body["message"])
    assert record.notices == (
        NoticeClaim(
            kind=NoticeKind.CORRECTION,
            is_about_self=True,
            other=(doi("10.1073/pnas.1507001112"),),
            date=PartialDate("2015-05-04"),
            label="Correction",
            asserted_by="publisher",
        ),
    )
    assert len(record.references) == record.references_claimed == 69


def test_recorded_msc_works_have_their_text_as_printed():
    items = recorded("msc_works_2022.json")["message"]["items"]
    records = {record.key: record for record in map(to_record, items)}
    assert (records["10.1111/micc.12792"].title or "").startswith(
        "Lentiviral overexpression of VEGFC"
    )
    assert [s.label for s in records["10.21203/rs.3.rs-847265/v1"].abstract] == [
        "Background",
        "Methods",
        "Results",
        "Conclusions",
    ]
    received = DateClaim(role="received", date=PartialDate("2021-02-23"))
    assert received in records["10.1002/bit.27974"].dates


# -- files ---------------------------------------------------------------------------------------


def in_file(*works: Any) -> list[WorkRecord]:
    return records_in("crossref-json", json.dumps(list(works)).encode())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(an_answer(a_work()), id="single work"),
        pytest.param(an_answer({"items": [a_work()]}, "work-list"), id="list"),
        pytest.param(json.dumps({"items": [a_work()]}).encode(), id="public data file"),
        pytest.param(json.dumps([a_work()]).encode(), id="array"),
        pytest.param(json.dumps(a_work()).encode() + b"\r\n", id="bare work"),
        pytest.param(b"\xef\xbb\xbf" + json.dumps([a_work()], indent=2).encode(), id="indented"),
    ],
)
def test_a_file_may_be_any_saved_answer(body):
    (read,) = read_back("crossref-json", body)
    assert isinstance(read, FileRecord)
    assert read.record == replace(a_record(), source="a file", key="record 1")


def test_lines_of_works_are_read_past_a_broken_one():
    lines = [json.dumps(a_work()), '{"DOI": "10.1000/b", "title": ["cut', json.dumps(a_work())]
    first, broken, last = read_back("crossref-json", "\n".join(lines).encode())
    assert isinstance(first, FileRecord)
    assert isinstance(broken, Unreadable)
    assert isinstance(last, FileRecord)
    assert "line 2" in broken.position
    assert last.position == "record 3 (line 3)"


def test_a_file_may_hold_works_without_a_doi():
    (record,) = in_file({"title": ["A report"], "type": "report", "label": "who2020"})
    assert (record.key, record.label, record.identifiers) == ("who2020", "who2020", ())
    assert record.type is WorkType.REPORT


def test_what_is_no_doi_is_kept_and_said():
    body = json.dumps([{"DOI": "not yet assigned", "title": ["A title"]}]).encode()
    (read,) = read_back("crossref-json", body)
    assert isinstance(read, FileRecord)
    assert read.warnings == ("not a DOI: 'not yet assigned', kept as it stands",)
    (item,) = json.loads(written("crossref-json", [read.record]))["message"]["items"]
    assert item["DOI"] == "not yet assigned"


def test_a_record_nested_without_end_or_half_a_character_spoils_no_other():
    deep = b'{"DOI": "10.1000/a", "x": ' + b"[" * 900 + b"]" * 900 + b"}"
    half = b'{"DOI": "10.1000/b", "title": ["Half \\ud83d"], "x": {"\\udc00": 1}}'
    first, second, third = read_back("crossref-json", b"[" + deep + b"," + half + b",{}]")
    assert isinstance(first, Unreadable)
    assert first.reason == "nested more than 200 deep"
    assert isinstance(second, FileRecord)
    assert second.record.title == "Half ?"
    assert from_json(WorkRecord, to_json(second.record)) == second.record
    assert isinstance(third, Unreadable)


def test_what_stands_beside_the_works_of_an_answer_is_no_work():
    around = {"facets": {}, "items": [a_work()], "query": {"start-index": 0}}
    assert len(read_back("crossref-json", an_answer(around, "work-list"))) == 1


def test_an_object_that_is_no_work_is_reported():
    (read,) = read_back("crossref-json", b'[{"name": "A funder", "location": "Norway"}]')
    assert isinstance(read, Unreadable)
    assert read.reason == "no work but an object with location, name"


def test_members_without_a_place_come_out_again_and_workings_do_not():
    more = {
        "container-title": ["Lecture Notes", "Proceedings of a meeting"],
        "archive": ["Portico"],
        "event": {"name": "ISCT", "location": "Vienna", "start": a_date(2020, 5, 1)},
        "published-print": {"date-parts": [[0]]},
        "type": "monograph",
        "relation": {"is-review-of": [{"id": "10.1000/x", "id-type": "doi"}]},
        "assertion": [{"name": "copyright", "value": "2020"}],
        "link": [{"URL": "https://x.org/a.pdf", "intended-application": "text-mining"}],
        "a-member-of-2031": {"deep": [1, 2.5, None, "x"]},
    }
    (record,) = in_file(a_work(indexed=a_date(2026, 1, 1), score=12.5) | more)
    assert record.venue is not None
    assert (record.venue.name, record.event, record.type) == ("Lecture Notes", "ISCT", "book")
    (item,) = json.loads(written("crossref-json", [record]))["message"]["items"]
    assert {name: item.get(name) for name in more} == more
    assert "score" not in item


def test_a_type_that_was_changed_since_is_written_as_changed():
    (record,) = in_file(a_work(type="monograph"))
    changed = replace(record, type=WorkType.THESIS)
    assert in_file(to_item(changed))[0].type is WorkType.THESIS


@pytest.mark.parametrize("kind", WorkType)
def test_every_type_is_read_as_it_was_written(kind):
    record = replace(a_record(title=["A title"]), type=kind)
    assert to_record(to_item(record)).type is kind


def test_every_recorded_work_survives_being_written():
    for name in ("msc_works_2022.json", "items_with_update_to.json"):
        works = in_file(*recorded(name)["message"]["items"])
        again = records_in("crossref-json", written("crossref-json", works))
        assert [unordered(work) for work in again] == [unordered(work) for work in works]


def unordered(work: WorkRecord) -> tuple[WorkRecord, *tuple[set[Any], ...]]:
    """The work, and apart from it what may come in another order."""
    bare = replace(work, funding=(), dates=(), extra=())
    return bare, set(work.funding), set(work.dates), set(work.extra)


@given(st.lists(articles | st.builds(replace, articles, title=markup_like), max_size=3))
def test_what_was_written_is_read_back(works):
    again = records_in("crossref-json", written("crossref-json", works))
    assert [as_crossref_says(a) for a in again] == [as_crossref_says(w) for w in works]


def as_crossref_says(work: WorkRecord) -> WorkRecord:
    """The work without what Crossref's members add or leave out."""
    return replace(work, key="", types_as_given=(), dates=())


def test_counts_of_others_are_not_written_as_crossrefs():
    counts = (
        ObservationClaim(metric="citation_count", value=7, source="openalex"),
        ObservationClaim(metric="citation_count", value=5, source="crossref"),
    )
    assert to_item(replace(a_record(), observations=counts))["is-referenced-by-count"] == 5
    assert "is-referenced-by-count" not in to_item(replace(a_record(), observations=counts[:1]))


def test_what_is_written_is_recognised():
    body = written("crossref-json", [a_record(title=["A title"])])
    assert recognise(body).name == "crossref-json"
    assert json.loads(written("crossref-json", []))["message"]["items"] == []
