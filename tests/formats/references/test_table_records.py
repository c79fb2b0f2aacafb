"""Tables of records are read from every program that writes them, and read back from here."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.formats.references.formats import read_file
from kb.formats.references.reading import FileRecord
from kb.formats.references.table import read, write_csv, write_xlsx
from kb.identity.identifiers import identifiers
from kb.models.dates import PartialDate
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
    RegistrationMention,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
)
from tests.conftest import shared
from tests.formats.references.work_records import articles, others, records_in, written


def reads(body: str | bytes, **options: Any) -> list[FileRecord | Unreadable]:
    stream = io.BytesIO(body if isinstance(body, bytes) else body.encode())
    if options:
        return list(read_file(stream, source="a file", format="csv", **options))
    return list(read(stream, "a file"))


def records(body: str | bytes, **options: Any) -> list[WorkRecord]:
    return [r.record for r in reads(body, **options) if isinstance(r, FileRecord)]


def person(family: str, given_: str | None = None) -> AuthorClaim:
    return AuthorClaim(family=family, given=given_)


SMITH_AND_DOE = (person("Smith", "J"), person("Doe", "A"))

# -- the tables of programs ----------------------------------------------------------------------

PUBMED = """PMID,Title,Authors,Citation,First Author,Journal/Book,Publication Year,Create Date,PMCID,NIHMS ID,DOI
31810187,"A title, with comma","Smith J, Doe A.","J Clin Med. 2019 Dec 2;8(12):2102. doi: 10.3390/jcm8122102.",Smith J,J Clin Med,2019,2019/12/08,PMC6947442,,10.3390/jcm8122102
"""  # noqa: E501
SCOPUS = """\ufeff"Authors","Author full names","Author(s) ID","Title","Year","Source title","Volume","Issue","Art. No.","Page start","Page end","Cited by","DOI","Link","Abstract","Author Keywords","ISSN","PubMed ID","Language of Original Document","Abbreviated Source Title","Document Type","Source","EID"
"Smith J.; Doe A.","Smith, J (57190001234); Doe, A (12345678)","57190001234; 12345678","A title, with comma","2019","J Clin Med","8","12","","2102","","5","10.3390/jcm8122102","https://www.scopus.com/x","Text","msc; ms","20770383","31810187","English","J. Clin. Med.","Article","Scopus","2-s2.0-85"
"""  # noqa: E501
WEB_OF_SCIENCE = (
    "PT\tAU\tTI\tSO\tLA\tDT\tDE\tID\tAB\tSN\tJ9\tPD\tPY\tVL\tIS\tSP\tBP\tEP\tDI\tPM\tUT\n"
    "J\tSmith, J; Doe, A\tA title, with comma\tJ Clin Med\tEnglish\tArticle\tmsc; ms\tPLUS\tText"
    "\t2077-0383\tJ CLIN MED\tDEC 2\t2019\t8\t12\tA sponsor\t2102\t\t10.3390/jcm8122102\t31810187"
    "\tWOS:1\n"
)
EMBASE = """"Title","Author Names","Source","Publication Year","Publication Type","Medline PMID","DOI"
"A title, with comma","Smith J., Doe A.","J Clin Med (2019) 8:12 (2102)","2019","Article","31810187","10.3390/jcm8122102"
"""  # noqa: E501
COVIDENCE = """Title,Authors,Abstract,Published Year,Published Month,Journal,Volume,Issue,Pages,DOI,Ref,Covidence #,Notes
"A title, with comma","Smith, J; Doe, A",Text,2019,12,J Clin Med,8,12,2102,10.3390/jcm8122102,7,#12,
"""  # noqa: E501
RAYYAN = """key,title,year,month,day,journal,issn,volume,issue,pages,authors,url,language,publisher,location,abstract,notes,doi,pubmed_id,pmc_id
rayyan-1,"A title, with comma",2019,12,2,J Clin Med,2077-0383,8,12,2102,"Smith, J and Doe, A",https://x.y,eng,MDPI,Basel,Text,RAYYAN-INCLUSION: {},10.3390/jcm8122102,31810187,PMC6947442
"""  # noqa: E501
ZOTERO = """"Key","Item Type","Publication Year","Author","Title","Publication Title","ISSN","DOI","Url","Abstract Note","Date","Pages","Issue","Volume","Journal Abbreviation","Type","Manual Tags","Extra"
"ABCD2345","journalArticle","2019","Smith, J; Doe, A","A title, with comma","J Clin Med","2077-0383","10.3390/jcm8122102","","Text","2019-12-02","2102","12","8","J. Clin. Med.","","msc; ms",""
"""  # noqa: E501
DIMENSIONS = """"About the data: Exported on Nov 22, 2026. Criteria: 'x' in full data.",,
Rank,Publication ID,DOI,PMID,PMCID,Title,Source title,PubYear,Volume,Issue,Pagination,Publication Type,Authors,MeSH terms
1,pub.1,10.3390/jcm8122102,31810187,PMC6947442,"A title, with comma",J Clin Med,2019,8,12,2102,article,"Smith, J; Doe, A",Humans; Mice
"""  # noqa: E501
LENS = """Lens ID,Title,Date Published,Publication Year,Publication Type,Source Title,ISSNs,Publisher,Author/s,Abstract,Volume,Issue Number,Start Page,End Page,PMID,DOI
000-1,"A title, with comma",2019-12-02,2019,journal article,J Clin Med,20770383,MDPI,Smith J; Doe A,Text,8,12,2102,,31810187,10.3390/jcm8122102
"""  # noqa: E501
CENTRAL = """"Author(s)","Title","Source","Year","Volume","Issue","Pages","DOI","PubMed ID","Publication Type"
"Smith J, Doe A","A title, with comma","J Clin Med","2019","8","12","2102","10.3390/jcm8122102","31810187","Journal article"
"""  # noqa: E501
SEMICOLONS = (
    "Titel;Autoren;Jahr;Zeitschrift;Band;Heft;Seiten;DOI\r\n"
    '"A title, with comma";Smith, J and Doe, A;2019;J Clin Med;8;12;2102;10.3390/jcm8122102\r\n'
)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(PUBMED, id="PubMed"),
        pytest.param(SCOPUS, id="Scopus"),
        pytest.param(WEB_OF_SCIENCE, id="Web of Science"),
        pytest.param(EMBASE, id="Embase"),
        pytest.param(COVIDENCE, id="Covidence"),
        pytest.param(RAYYAN, id="Rayyan"),
        pytest.param(ZOTERO, id="Zotero"),
        pytest.param(DIMENSIONS, id="Dimensions"),
        pytest.param(LENS, id="Lens"),
        pytest.param(CENTRAL, id="CENTRAL"),
        pytest.param(SEMICOLONS, id="semicolons, in German"),
        pytest.param("sep=;\n" + SEMICOLONS, id="sep="),
    ],
)
def test_the_tables_of_programs_say_the_same(table: str) -> None:
    (found,) = read_file(io.BytesIO(table.encode()), source="a file")
    assert isinstance(found, FileRecord)
    record = found.record
    authors = [(a.family, (a.given or "").strip(".")) for a in record.authors]
    assert authors == [("Smith", "J"), ("Doe", "A")]
    assert record.title == "A title, with comma"
    assert record.venue is not None
    assert record.venue.name == "J Clin Med"
    assert (record.volume, record.issue, record.pages) == ("8", "12", "2102")
    assert (record.published or "")[:4] == "2019"
    assert identifiers(doi="10.3390/jcm8122102")[0] in record.identifiers
    assert record.type in (WorkType.ARTICLE, None)
    assert found.warnings == ()


def test_dates_are_put_together_from_their_columns() -> None:
    assert [r.published for r in records(COVIDENCE + "")] == ["2019-12"]
    assert [r.published for r in records(RAYYAN)] == ["2019-12-02"]
    assert [r.published for r in records(WEB_OF_SCIENCE)] == ["2019-12-02"]


def test_web_of_science_quotes_nothing() -> None:
    (record,) = records(WEB_OF_SCIENCE.replace("A title, with", '"A" title 5" with'))
    assert record.title == '"A" title 5" with comma'


def test_a_labelled_set_is_read_whole() -> None:
    path = shared("data/dedup/stroke/records.csv.gz")
    with gzip.open(path) as stream:
        found = list(read_file(stream, source="a file"))  # type: ignore[arg-type]
    with gzip.open(path, "rt", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(found) == len(rows)
    for one, row in zip(found, rows, strict=True):
        assert isinstance(one, FileRecord)
        assert one.record.label == row["record_id"]
        assert (one.record.title or "") == " ".join(row["title"].split())
        assert len(one.record.authors) == len([a for a in row["author"].split(" and ") if a])


# -- columns named by the caller -----------------------------------------------------------------

ODD = "Beitrag,Wer,Wann,Kennung\nA title,Smith J,2019,x1\n"


def test_columns_can_be_named() -> None:
    columns = {"title": "Beitrag", "authors": "wer", "year": "WANN", "id": "Kennung"}
    (record,) = records(ODD, columns=columns)
    assert (record.title, record.published, record.label) == ("A title", "2019", "x1")
    assert record.authors == (person("Smith", "J"),)
    assert record.extra == ()


def test_a_named_column_goes_before_what_names_say() -> None:
    (record,) = records("Title,Alternative\nA,B\n", columns={"title": "Alternative"})
    assert record.title == "B"
    assert record.extra == (ExtraField(format="csv", tag="Title", value="A"),)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param({"titel": "Beitrag"}, "no such field: 'titel'", id="field"),
        pytest.param({"title": "Nowhere"}, "no column 'Nowhere' .* 'Beitrag'", id="column"),
    ],
)
def test_a_name_that_is_none_is_refused(columns: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        records(ODD, columns=columns)


def test_a_table_without_a_known_column_says_how_to_name_them() -> None:
    with pytest.raises(InvalidInput, match=r"'Beitrag', 'Wer'.*Titel=title"):
        records(ODD)


# -- rows ----------------------------------------------------------------------------------------


def test_a_quoted_line_break_is_in_the_cell() -> None:
    first, second = reads('id,abstract\n1,"One, ""two""\nthree"\n2,x\n')
    assert isinstance(first, FileRecord)
    assert first.record.abstract == (AbstractSection(text='One, "two"\nthree'),)
    assert second.position == "row 3"


def test_a_row_with_too_many_cells_is_reported_and_the_next_is_read() -> None:
    bad, good = reads("id,title,year\n1,A, B,2019\n2,C,2020\n")
    assert bad == Unreadable(
        position="row 2",
        reason="4 cells where the header has 3; "
        "a cell may hold a separator without quotes around it",
    )
    assert isinstance(good, FileRecord)


def test_a_row_with_too_few_cells_is_read_with_a_warning() -> None:
    (found,) = reads("id,title,year\n1,A\n")
    assert isinstance(found, FileRecord)
    assert found.warnings == ("2 cells where the header has 3; the others are empty",)
    assert found.record.title == "A"


def test_a_quote_that_is_never_closed_spoils_one_row() -> None:
    rows = "".join(f'{n},"Title {n}"\n' for n in range(3, 3_000))
    found = reads(f'id,title\n1,"A"\n2,"no end\n{rows}')
    assert isinstance(found[1], Unreadable)
    assert "quote is not closed" in found[1].reason
    assert sum(isinstance(r, FileRecord) for r in found) == 2_998


def test_bytes_that_are_no_utf8_are_read() -> None:
    (record,) = records("title;author\nMüller—x;Öz, B.\n".encode("cp1252"))
    assert (record.title, record.authors) == ("Müller—x", (person("Öz", "B."),))


@pytest.mark.parametrize(
    ("written_as", "people"),
    [
        pytest.param("Smith, J; Doe, A", SMITH_AND_DOE, id="semicolons"),
        pytest.param("Smith J, Doe A", SMITH_AND_DOE, id="PubMed"),
        pytest.param("Smith J, Doe A.", SMITH_AND_DOE, id="PubMed with its full stop"),
        pytest.param("Smith, J and Doe, A", SMITH_AND_DOE, id="and"),
        pytest.param("Smith, J, Doe, A", SMITH_AND_DOE, id="commas alone"),
        pytest.param("Smith J; Doe A", SMITH_AND_DOE, id="initials"),
        pytest.param("Smith, J", SMITH_AND_DOE[:1], id="one"),
        pytest.param("Anderson, S", (person("Anderson", "S"),), id="and inside a name"),
        pytest.param(
            "Smith, J and Doe, A and Epic Study",
            (*SMITH_AND_DOE, AuthorClaim(collective="Epic Study")),
            id="and a group",
        ),
        pytest.param("WHO Study Group", (AuthorClaim(collective="WHO Study Group"),), id="group"),
    ],
)
def test_authors_are_split_by_the_style_used(
    written_as: str, people: tuple[AuthorClaim, ...]
) -> None:
    (record,) = records(f'title,authors\nT,"{written_as}"\n')
    assert record.authors == people


def test_et_al_says_that_there_are_more() -> None:
    (record,) = records('title,authors\nT,"Smith, J; Doe, A; et al."\n')
    assert (record.authors, record.authors_complete) == (SMITH_AND_DOE, False)


def test_what_is_no_identifier_or_year_is_kept_and_warned_of() -> None:
    (found,) = reads("title,doi,pmid,year\nT,in press,31810187.0,0\n")
    assert isinstance(found, FileRecord)
    assert found.record.identifiers == identifiers(pmid=31810187)
    assert found.record.extra == (
        ExtraField(format="csv", tag="doi", value="in press"),
        ExtraField(format="csv", tag="year", value="0"),
    )
    assert len(found.warnings) == 2


# -- workbooks -----------------------------------------------------------------------------------


def a_workbook(rows: list[list[Any]], before: int = 0) -> bytes:
    body = io.BytesIO()
    with xlsxwriter.Workbook(body) as book:
        book.add_worksheet("notes").write(0, 0, "read me")
        sheet = book.add_worksheet("records")
        for row, cells in enumerate(rows, before):
            sheet.write_row(row, 0, cells)
    return body.getvalue()


def test_a_workbook_is_read_from_the_sheet_with_the_records() -> None:
    body = a_workbook([["Title", "Year", "DOI", "Mine"], ["T", 2019, "10.1000/x", 1.5]], before=2)
    (found,) = read_file(io.BytesIO(body), source="a file", name="x.xlsx")
    assert isinstance(found, FileRecord)
    assert found.position == "row 4"
    assert (found.record.title, found.record.published) == ("T", "2019")
    assert found.record.extra == (ExtraField(format="csv", tag="Mine", value="1.5"),)


def test_columns_of_a_workbook_can_be_named() -> None:
    body = a_workbook([["Beitrag"], ["T"]])
    (found,) = read_file(io.BytesIO(body), source="a file", columns={"title": "Beitrag"})
    assert isinstance(found, FileRecord)
    assert found.record.title == "T"


# -- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["csv", "xlsx"])
@settings(max_examples=30, deadline=None)
@given(works=st.lists(articles | others, min_size=1, max_size=3))
def test_records_written_read_back(name: str, works: list[WorkRecord]) -> None:
    back = records_in(name, written(name, works))
    assert [replace(b, key=w.key) for b, w in zip(back, works, strict=True)] == works


AWKWARD = WorkRecord(
    source="a file",
    key="=1+1",
    label="=1+1",
    title="-title 🧬 עברית \u00a0" + "x" * 10_000,
    type=WorkType.CASE_REPORT,
    identifiers=identifiers(doi="10.1002/(sici)1<1::aid-ana4>3.0.co;2-#", openalex="W2992000000"),
    abstract=(
        AbstractSection(label="METHODS", text="Done."),
        AbstractSection(label="Odd; label", text="x" * 40_000),
    ),
    authors=(
        AuthorClaim(collective="A; B and C"),
        AuthorClaim(name="Somebody Unsplit"),
        AuthorClaim(family="Doe", given="J", suffix="Jr."),
        *(AuthorClaim(family=f"Family {n}", given="G") for n in range(5_000)),
    ),
    authors_complete=True,
    concepts=(
        ConceptClaim(scheme="keyword", label="a, b; c"),
        ConceptClaim(scheme="mesh", label="Humans", is_major=True, qualifiers=("blood",)),
    ),
    contributors=(ContributorClaim(role="translator", person=AuthorClaim(family="T")),),
    registrations=(RegistrationMention(number="NCT01745783", registry="ClinicalTrials.gov"),),
    venue=VenueClaim(name="@venue", issns=("2077-0383",)),
    notes=("+note", "'=quoted", "\u202bמימין"),
    extra=(
        ExtraField(format="csv", tag="Screening", value="=included"),
        ExtraField(format="csv", tag="Screening", value="twice"),
        ExtraField(format="csv", tag="year", value="0"),
        ExtraField(format="ris", tag="C8", value="kept"),
    ),
)


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_the_extremes_survive(name: str) -> None:
    assert records_in(name, written(name, [AWKWARD])) == [AWKWARD]


def test_no_cell_is_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(b"".join(write_csv([AWKWARD])).decode())))
    assert not [cell for cell in rows[1] if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_unknown_columns_come_out_under_their_names() -> None:
    table = "title,Reviewer 1,Reviewer 2\nA,in,out\nB,,out\n"
    rows = list(csv.DictReader(io.StringIO(b"".join(write_csv(records(table))).decode())))
    assert [(r["title"], r["Reviewer 1"], r["Reviewer 2"]) for r in rows] == [
        ("A", "in", "out"),
        ("B", "", "out"),
    ]


def test_a_column_that_comes_late_is_not_lost() -> None:
    late = ExtraField(format="csv", tag="Late", value="x")
    works = [WorkRecord(source="a file", key=f"{n}", label=f"{n}", title="T") for n in range(1_100)]
    works[-1] = replace(works[-1], extra=(late,))
    assert records_in("csv", written("csv", works)) == works


def test_a_cell_somebody_changed_goes_before_the_details() -> None:
    work = WorkRecord(
        source="a file", key="k", label="k", authors=(AuthorClaim(collective="A; B"),), title="T"
    )
    header, row = csv.reader(io.StringIO(written("csv", [work]).decode()))
    row[header.index("authors")] = "Smith, J"
    out = io.StringIO()
    csv.writer(out).writerows([header, row])
    (changed,) = records(out.getvalue())
    assert changed.authors == (person("Smith", "J"),)


def test_both_writers_write_the_same_table() -> None:
    out_csv = records_in("csv", b"".join(write_csv([AWKWARD])))
    out_xlsx = records_in("xlsx", b"".join(write_xlsx([AWKWARD])))
    assert out_csv == out_xlsx


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab,;\t\n\"|='1", max_size=60))
def test_no_text_below_a_header_stops_the_reader(text: str) -> None:
    found = reads(f"id,title,authors,year,doi\n{text}")
    assert all(isinstance(r, FileRecord | Unreadable) for r in found)


# -- what single programs write ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "people"),
    [
        pytest.param(
            "Smith JA, Jones B Jr, WHO Group.",
            (
                person("Smith", "JA"),
                AuthorClaim(family="Jones", given="B", suffix="Jr"),
                AuthorClaim(collective="WHO Group"),
            ),
            id="PubMed's with a group",
        ),
        pytest.param(
            "Smith J and Jones B", (person("Smith", "J"), person("Jones", "B")), id="and, no commas"
        ),
        pytest.param(
            "['Smith, J', 'Jones, B']", (person("Smith", "J"), person("Jones", "B")), id="a list"
        ),
    ],
)
def test_authors_are_told_apart(text: str, people: tuple[AuthorClaim, ...]) -> None:
    (record,) = records(f'title,authors\nT,"{text}"\n')
    assert record.authors == people


def test_a_list_in_brackets_is_a_list_of_keywords() -> None:
    (record,) = records("title,keywords\nT,\"['a', 'b, c']\"\n")
    assert [c.label for c in record.concepts] == ["a", "b, c"]


def test_everybody_zotero_names_has_a_role() -> None:
    (record,) = records(
        'Title,Editor,Series Editor,Translator,Book Author\nT,"Ed, E","Ser, S","Tr, T","Bk, B"\n'
    )
    assert [(c.role, c.person.family) for c in record.contributors] == [
        ("editor", "Ed"), ("series editor", "Ser"),
        ("translator", "Tr"), ("container author", "Bk"),
    ]  # fmt: skip


def test_what_zotero_has_under_extra_is_understood_or_a_note() -> None:
    (record,) = records('Title,Extra,Notes\nT,"PMID: 31810187\nMore",<p>Own</p>\n')
    assert record.identifiers == identifiers(pmid=31810187)
    assert record.notes == ("Own", "More")


def test_manual_and_automatic_tags_are_keywords() -> None:
    (record,) = records("Title,Manual Tags,Automatic Tags\nT,a; b,b; c\n")
    assert [c.label for c in record.concepts] == ["a", "b", "c"]


def test_both_issns_of_a_journal_are_read() -> None:
    (record,) = records("title,ISSN,eISSN\nT,1066-5099,1549-4918\n")
    assert record.venue == VenueClaim(issns=("1066-5099", "1549-4918"))


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_a_retraction_and_the_day_of_access_survive_a_table(name: str) -> None:
    work = WorkRecord(
        source="a file",
        key="k",
        label="k",
        title="T",
        types_as_given=("Journal Article", "Retracted Publication"),
        is_flagged_retracted=True,
        dates=(DateClaim(role="accessed", date=PartialDate("2020-01-02")),),
    )
    assert records_in(name, written(name, [work])) == [work]
