"""NBIB: read as PubMed's XML of the same work, written as PubMed writes it."""

from __future__ import annotations

import io
import textwrap
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.formats.pubmed_records import to_record
from kb.formats.references import nbib
from kb.formats.references.reading import FileRecord
from kb.formats.references.xml_elements import elements
from kb.identity.identifiers import identifiers
from kb.models.records import (
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
    FundingClaim,
    NoticeKind,
    RegistrationMention,
    Unreadable,
    WorkRecord,
    WorkType,
)
from tests.conftest import shared
from tests.formats.references.work_records import articles, books, chapters
from tests.formats.references.zotero_cases import Json, is_plain, missing, zotero_cases


def reads(text: str | bytes) -> list[FileRecord | Unreadable]:
    body = text.encode() if isinstance(text, str) else text
    return list(nbib.read(io.BytesIO(body), "pubmed"))


def read(text: str | bytes) -> WorkRecord:
    (found,) = reads(text)
    assert isinstance(found, FileRecord), found
    return found.record


def pubmed(lines: str) -> WorkRecord:
    return read("PMID- 1\n" + textwrap.dedent(lines).strip() + "\n")


def written(*records: WorkRecord) -> str:
    return b"".join(nbib.write(records)).decode()


def as_read(record: WorkRecord) -> WorkRecord:
    """What PubMed's format makes of a record: a type by its own name, a claim for its date."""
    types = record.types_as_given or (("Journal Article",) if record.type else ())
    if record.type in (WorkType.BOOK, WorkType.BOOK_CHAPTER):
        types = record.types_as_given
    dates = record.dates
    if record.published and not dates:
        dates = (DateClaim(role="published", date=record.published),)
    pmid = next((i.value for i in record.identifiers if i.scheme == "pmid"), None)
    key = pmid or record.label or "record 1"
    return replace(record, source="pubmed", types_as_given=types, dates=dates, key=key)


def _is_plain(record: WorkRecord) -> bool:
    """Whether PubMed's stop at the end of titles, and its keywords without case, lose nothing."""
    title = record.title or ""
    labels = [concept.label.casefold() for concept in record.concepts]
    return is_plain(record) and not title.endswith(".") and len(labels) == len(set(labels))


@settings(max_examples=50, deadline=None)
@given(st.one_of(articles, books, chapters).filter(_is_plain))
def test_reading_what_was_written_gives_the_same_record(record: WorkRecord) -> None:
    assert read(written(record)) == as_read(record)


def _works_of_pubmed() -> list[Any]:
    found = []
    for path in sorted(shared("payloads/pubmed").glob("*.xml")):
        with path.open("rb") as stream:
            if b"<PubmedArticle" not in stream.read():
                continue
            stream.seek(0)
            for element in elements(stream, "PubmedArticle", "PubmedBookArticle"):
                record = to_record(element)
                found.append(pytest.param(record, id=record.key))
    return found


@pytest.mark.parametrize("record", _works_of_pubmed())
def test_a_work_of_pubmeds_xml_survives(record: WorkRecord) -> None:
    """But for what the text has no field for: codes, references, whether authors are all there, and
    which keywords of indexing services are the main ones."""
    (found,) = reads(written(record))
    assert isinstance(found, FileRecord)

    def without(work: WorkRecord) -> WorkRecord:
        concepts = tuple(
            replace(c, code=None, is_major=None if c.scheme == "keyword" else c.is_major)
            for c in work.concepts
        )
        return replace(work, concepts=concepts, references=(), authors_complete=None)

    ours, theirs = without(found.record), without(record)
    roles = {"published": "print", "online": "print"}
    assert {(roles.get(d.role, d.role), d.date) for d in ours.dates} == {
        (roles.get(d.role, d.role), d.date) for d in theirs.dates
    }
    assert replace(ours, dates=()) == replace(theirs, dates=())


def test_a_record_is_written_as_pubmed_writes_it() -> None:
    record = WorkRecord(
        source="a",
        key="k",
        identifiers=identifiers(doi="10.1000/a", pmid=31810187, pmcid="PMC6947442"),
        type=WorkType.ARTICLE,
        types_as_given=("Journal Article",),
        title="word " * 20 + "end",
        language="de",
        authors=(
            AuthorClaim(family="Müller", given="Anna B", suffix="Jr"),
            AuthorClaim(collective="MESEMS Study Group"),
        ),
        registrations=(RegistrationMention(number="NCT02035514", registry="ClinicalTrials.gov"),),
        published="2019-12-02",  # type: ignore[arg-type]
    )
    assert written(record).splitlines() == [
        "PMID- 31810187",
        "DP  - 2019 Dec 2",
        "TI  - " + " ".join(["word"] * 15),
        "      " + "word " * 5 + "end.",
        "LID - 10.1000/a [doi]",
        "FAU - Müller, Anna B Jr",
        "AU  - Müller AB Jr",
        "CN  - MESEMS Study Group",
        "LA  - ger",
        "SI  - ClinicalTrials.gov/NCT02035514",
        "PT  - Journal Article",
        "PMC - PMC6947442",
        "AID - 10.1000/a [doi]",
        "",
    ]


def test_records_end_at_an_empty_line_or_at_the_next_number() -> None:
    text = "PMID- 1\nTI  - A.\n\nPMID- 2\nTI  - B.\nPMID- 3\nTI  - C.\n\n\n"
    found = reads(text)
    assert [(r.position, r.record.title) for r in found if isinstance(r, FileRecord)] == [
        ("line 1", "A"), ("line 4", "B"), ("line 6", "C"),
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_that_are_indented_go_on(ending: str) -> None:
    text = ending.join(["PMID- 1", "TI  - A long", "      title.", "AB  - x"])
    assert read(text).title == "A long title"


def test_a_word_longer_than_a_line_is_put_together() -> None:
    word = "https://example.org/" + "a" * 60
    assert pubmed(f"AB  - {word}\n      bcd and more").abstract[0].text == f"{word}bcd and more"


@pytest.mark.parametrize("text", ["", "Not a reference\n"])
def test_a_file_without_records_says_so(text: str) -> None:
    (found,) = reads(text)
    assert isinstance(found, Unreadable)
    assert "PMID- 31810187" in found.reason


@pytest.mark.parametrize(
    ("lines", "title", "original"),
    [
        ("TI  - A trial.\nLA  - eng", "A trial", None),
        ("TI  - [A trial].\nLA  - ger\nTT  - Eine Studie.", "A trial", "Eine Studie"),
        ("TI  - [11C]PIB and [18F]FDG.\nLA  - eng", "[11C]PIB and [18F]FDG", None),
        ("TT  - Eine Studie.\nLA  - ger", "Eine Studie", None),
    ],
)
def test_titles_are_as_printed(lines: str, title: str, original: str | None) -> None:
    record = pubmed(lines)
    assert (record.title, record.original_title) == (title, original)


def test_authors_come_with_their_places_and_numbers() -> None:
    record = pubmed(
        """
        FAU - Smith, John A Jr
        AU  - Smith JA Jr
        AUID- ORCID: 0000-0002-1825-0097
        AD  - Here.
        AD  - There.
        FAU - van der Berg, Anna
        AU  - van der Berg A
        CN  - A Study Group
        """
    )
    smith, berg, group = record.authors
    assert (smith.family, smith.given, smith.suffix) == ("Smith", "John A", "Jr")
    assert (smith.orcid, [a.text for a in smith.affiliations]) == (
        "0000-0002-1825-0097",
        ["Here.", "There."],
    )
    assert (berg.family, berg.given, group.collective) == ("van der Berg", "Anna", "A Study Group")


def test_older_files_have_short_names_and_one_address() -> None:
    record = pubmed("AD  - Here.\nAU  - Smith JA\nAU  - De Vries B 3rd")
    assert [(a.family, a.given, a.suffix) for a in record.authors] == [
        ("Smith", "JA", None),
        ("De Vries", "B", "3rd"),
    ]
    assert [a.text for a in record.authors[0].affiliations] == ["Here."]


def test_headings_have_qualifiers_and_stars() -> None:
    record = pubmed("MH  - *Stem Cells\nMH  - Pain/*drug therapy/etiology\nMH  - Humans\nOT  - *a")
    assert record.concepts == (
        ConceptClaim(scheme="mesh", label="Stem Cells", is_major=True),
        ConceptClaim(
            scheme="mesh", label="Pain", is_major=True, qualifiers=("drug therapy", "etiology")
        ),
        ConceptClaim(scheme="mesh", label="Humans", is_major=False),
        ConceptClaim(scheme="keyword", label="a"),
    )


@pytest.mark.parametrize(
    ("grant", "claim"),
    [
        ("R01 HL1/HL/NHLBI NIH HHS/United States", ("NHLBI NIH HHS", "R01 HL1", "United States")),
        ("001/WHO_/World Health Organization/International",
         ("World Health Organization", "001", "International")),
        ("BB/K01/1/BB_/BBSRC/United Kingdom", ("BBSRC", "BB/K01/1", "United Kingdom")),
        ("GBMF 4552/Gordon and Betty Moore Foundation",
         ("Gordon and Betty Moore Foundation", "GBMF 4552", None)),
        ("Wellcome Trust/United Kingdom", ("Wellcome Trust", None, "United Kingdom")),
    ],
)  # fmt: skip
def test_grants_are_taken_apart(grant: str, claim: tuple[str, str | None, str | None]) -> None:
    funder, award, country = claim
    expected = FundingClaim(funder=funder, award=award, country=country)
    assert pubmed(f"GR  - {grant}").funding == (expected,)


def test_notices_and_other_works_are_linked() -> None:
    record = pubmed(
        """
        RIN - Lancet. 2010 Feb 6;375(9713):445. doi: 10.1016/S0140-6736(10)60175-4. PMID: 20137807
        CIN - BMJ. 2011;342:c5347. PMID: 21209059
        """
    )
    (notice,) = record.notices
    assert (notice.kind, notice.is_about_self) == (NoticeKind.RETRACTION, True)
    assert notice.other == identifiers(doi="10.1016/s0140-6736(10)60175-4", pmid=20137807)
    (relation,) = record.relations
    assert (relation.kind, relation.other) == ("commented by", identifiers(pmid=21209059))
    assert read(written(record)) == record
    assert written(record).count("PMID: 21209059") == 1


@pytest.mark.parametrize(
    ("lines", "published", "dates"),
    [
        ("DP  - 2015 May 3", "2015-05-03", [("published", "2015-05-03")]),
        ("DP  - 2015 May\nPST - ppublish", "2015-05", [("print", "2015-05")]),
        ("DP  - 2015 May\nDEP - 20150303", "2015-03-03",
         [("published", "2015-05"), ("online", "2015-03-03")]),
        ("DP  - 2019 Nov-Dec", "2019", [("published", "2019")]),
        ("DP  - 2010\nPHST- 2009/05/29 00:00 [received]", "2010",
         [("published", "2010"), ("received", "2009-05-29")]),
    ],
)  # fmt: skip
def test_dates_have_their_roles(lines: str, published: str, dates: list[tuple[str, str]]) -> None:
    record = pubmed(lines)
    assert record.published == published
    assert [(d.role, d.date) for d in record.dates] == dates
    assert read(written(record)) == record


def test_pages_are_spelt_out_and_publishers_numbers_left() -> None:
    assert pubmed("PG  - 475-82\nLID - S0033-3506(15)00037-2 [pii]").pages == "475-482"
    located = pubmed("LID - e32822 [pii]")
    assert (located.pages, located.article_number) == (None, "e32822")


def test_unknown_tags_come_out_again() -> None:
    record = pubmed("OWN - NLM\nSTAT- MEDLINE\nSB  - IM\nXYZ - new\nCOIS- None\nSO  - J. 2019")
    assert record.extra == tuple(
        ExtraField(format="nbib", tag=tag, value=value)
        for tag, value in (
            ("OWN", "NLM"), ("STAT", "MEDLINE"), ("SB", "IM"), ("XYZ", "new"), ("COIS", "None"),
            ("SO", "J. 2019"),
        )
    )  # fmt: skip
    assert read(written(record)) == record


def test_a_book_and_its_chapter_are_told_apart() -> None:
    book = pubmed("BTI - StatPearls.\nPB  - Publisher\nPL  - Here\nFED - Smith, A\nED  - Smith A")
    assert (book.type, book.title, book.place) == (WorkType.BOOK, "StatPearls", "Here")
    assert [(c.role, c.person.family) for c in book.contributors] == [("editor", "Smith")]
    chapter = pubmed("TI  - Pain.\nBTI - StatPearls\nPB  - Publisher")
    assert chapter.type is WorkType.BOOK_CHAPTER
    assert chapter.venue is not None
    assert (chapter.venue.name, chapter.venue.publisher) == ("StatPearls", "Publisher")


@pytest.mark.parametrize("path", ["manubot_bibliography", "medline_nbib_1", "medline_nbib_3"])
def test_files_of_pubmed_survive(path: str) -> None:
    found = reads(shared(f"payloads/exports/{path}.nbib").read_bytes())
    records = [r.record for r in found if isinstance(r, FileRecord)]
    assert len(records) == len(found) > 0
    again = [r.record for r in reads(written(*records)) if isinstance(r, FileRecord)]

    def sorted_(record: WorkRecord) -> WorkRecord:
        return replace(record, extra=tuple(sorted(record.extra, key=lambda e: e.tag)))

    assert [sorted_(r) for r in again] == [sorted_(r) for r in records]


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(n)) for n, case in enumerate(zotero_cases("medlinenbib"))]
)
def test_our_records_hold_what_zotero_reads(case: Json) -> None:
    records = [r.record for r in reads(case["input"]) if isinstance(r, FileRecord)]
    assert len(records) == len(case["items"])
    for record, item in zip(records, case["items"], strict=True):
        if item.get("pages", "").startswith("S1080-"):
            item = {k: v for k, v in item.items() if k != "pages"}  # a publisher's item number
        assert missing(record, item) == []


def test_the_first_of_several_languages_stays_the_first() -> None:
    record = pubmed("LA  - ger\nLA  - eng\nTI  - A title.")
    assert record.language == "de"
    assert read(written(record)) == record


def test_what_pubmed_has_no_field_for_is_in_its_notes() -> None:
    record = WorkRecord(
        source="a file",
        key="k",
        title="T",
        short_title="Short",
        pages="1-9",
        article_number="e12",
        contributors=(
            ContributorClaim(role="translator", person=AuthorClaim(family="Tr", given="A")),
        ),
    )
    assert read(written(record)).notes == (
        "Short title: Short",
        "Translator: Tr, A",
        "Article number: e12",
    )
