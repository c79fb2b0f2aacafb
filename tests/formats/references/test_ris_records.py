"""RIS: read as programs write it, written as the format has it."""

from __future__ import annotations

import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import rispy
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.formats.references import ris
from kb.formats.references.kinds import KINDS
from kb.formats.references.reading import FileRecord
from kb.formats.references.texts import flat, prose
from kb.identity.identifiers import identifiers
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
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
from tests.formats.references.work_records import articles, others
from tests.formats.references.zotero_cases import Json, is_plain, missing, zotero_cases


def reads(text: str | bytes) -> list[FileRecord | Unreadable]:
    body = text.encode() if isinstance(text, str) else text
    return list(ris.read(io.BytesIO(body), "a file"))


def read(text: str | bytes) -> WorkRecord:
    (found,) = reads(text)
    assert isinstance(found, FileRecord), found
    return found.record


def jour(*lines: str) -> WorkRecord:
    return read("\n".join(("TY  - JOUR", *lines, "ER  - ")))


def written(*records: WorkRecord) -> str:
    return b"".join(ris.write(records)).decode()


def lines_of(**given: Any) -> list[str]:
    record = WorkRecord(source="a file", key="k", **given)
    return written(record).split("\r\n")


def back(record: WorkRecord) -> WorkRecord:
    return replace(read(written(record)), key=record.key)


# -- writing -------------------------------------------------------------------------------------


def test_a_record_starts_with_its_type_and_ends_with_er() -> None:
    text = written(
        WorkRecord(source="a", key="1", title="A trial", type=WorkType.ARTICLE),
        WorkRecord(source="a", key="2", type=WorkType.BOOK),
    )
    assert text.split("\r\n") == [
        "TY  - JOUR", "TI  - A trial", "ER  - ", "", "TY  - BOOK", "ER  - ", "", ""
    ]  # fmt: skip


def test_a_line_break_in_a_title_does_not_start_a_field() -> None:
    lines = lines_of(title="A\r\nTY  - BOOK\x00", identifiers=identifiers(doi="10.1000/a"))
    assert "TI  - A TY  - BOOK" in lines
    assert "DO  - 10.1000/a" in lines


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ("117-24", ["SP  - 117", "EP  - 24"]),
        ("117–124", ["SP  - 117", "EP  - 124"]),
        ("e2102", ["SP  - e2102"]),
        ("12-15, 18", ["SP  - 12-15, 18"]),
        ("7", ["SP  - 7"]),
    ],
)
def test_pages_are_first_and_last(pages: str, expected: list[str]) -> None:
    assert [line for line in lines_of(pages=pages) if line[:2] in ("SP", "EP")] == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2019-12-02", ["PY  - 2019", "DA  - 2019/12/02/"]),
        ("2019-12", ["PY  - 2019", "DA  - 2019/12//"]),
        ("2019", ["PY  - 2019"]),
    ],
)
def test_a_date_keeps_its_slashes(date: Any, expected: list[str]) -> None:
    assert [line for line in lines_of(published=date) if line[:2] in ("PY", "DA")] == expected


@pytest.mark.parametrize("kind", list(WorkType), ids=str)
def test_a_work_of_every_type_is_read_as_that_type(kind: WorkType) -> None:
    record = WorkRecord(source="a file", key="k", type=kind, title="A work")
    assert back(record).type is kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.tag)
def test_every_kind_of_reference_comes_out_as_it_went_in(kind: Any) -> None:
    text = f"TY  - {kind.tag}\r\nAU  - A, B\r\nA2  - C, D\r\nA3  - E, F\r\nA4  - G, H\r\n"
    text += "TI  - T\r\nT2  - Second\r\nT3  - Third\r\nPY  - 2019\r\nSP  - 12\r\nER  - \r\n\r\n"
    assert Counter(values(written(read(text)))) == Counter(values(text))


# -- laws ----------------------------------------------------------------------------------------

# Whatever people type, on one line and without markup, which programs leave in and readers remove.
texts = st.text(max_size=60).map(flat).filter(lambda text: text and prose(text) == text)
odd = st.builds(
    WorkRecord,
    source=st.just("a file"),
    key=st.just(""),
    title=texts,
    type=st.just(WorkType.ARTICLE),
    abstract=texts.map(lambda text: (AbstractSection(text=text),)),
    venue=st.builds(VenueClaim, name=texts),
    notes=st.lists(texts, max_size=2).map(tuple),
    label=texts,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(articles, others, odd).filter(is_plain), max_size=3))
def test_reading_what_was_written_gives_the_same_records(records: list[WorkRecord]) -> None:
    found = [r.record for r in reads(written(*records)) if isinstance(r, FileRecord)]
    assert found == [
        replace(record, key=record.label or f"record {number}")
        for number, record in enumerate(records, 1)
    ]


def test_great_and_strange_records_survive() -> None:
    record = WorkRecord(
        source="a file",
        key="kept 🧬",
        label="kept 🧬",
        type=WorkType.ARTICLE,
        title="\u202bתאי גזע\u202c " + "long " * 2000 + "end\u00a0of 👩‍🔬 it",
        identifiers=identifiers(
            doi="10.1002/1531-8249(199909)46:3<296::AID-ANA4>3.0.CO;2-#", pmid=31810187
        ),
        authors=tuple(AuthorClaim(family=f"Müller-{n}", given="Ö. É.") for n in range(5000)),
        venue=VenueClaim(name="Ann Neurol", issns=("0364-5134",)),
    )
    assert back(record) == record


def test_what_ris_has_no_tag_for_is_told_in_notes_and_understood() -> None:
    record = WorkRecord(
        source="a file",
        key="k",
        label="k",
        type=WorkType.ARTICLE,
        title="Stem cells",
        original_title="Stammzellen",
        event="ECTRIMS 2019",
        registrations=(RegistrationMention(number="NCT02035514", registry="ClinicalTrials.gov"),),
    )
    assert "N1  - Registration: NCT02035514" in written(record)
    assert back(record) == record


# -- forms of lines ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("TY  - JOUR\nTI  - A\nPY  - 2019\nER  - \n", id="as it should be"),
        pytest.param("TY - JOUR\nTI - A\nPY - 2019\nER -\n", id="one space"),
        pytest.param("TY  -JOUR\nTI  -A\nPY  -2019\nER  -", id="no space after the hyphen"),
        pytest.param("ty  - JOUR\nti  - A\npy  - 2019\ner  - \n", id="lower case"),
        pytest.param("  TY  - JOUR\n  TI  - A\n  PY  - 2019\n  ER  - \n", id="indented"),
        pytest.param("\ufeff\n\nTY  - JOUR\nTI  - A\n\nPY  - 2019\nER\n", id="mark, blank lines"),
        pytest.param("TY  - JOUR\r\nTI  - A\r\nPY  - 2019\r\nER  - \r\n", id="CRLF"),
        pytest.param("TY  - JOUR\rTI  - A\rPY  - 2019\rER  - \r", id="CR"),
        pytest.param("TY  - JOUR\nTI  - A\nPY  - 2019", id="no end"),
        pytest.param("1.\nTY  - JOUR\nTI  - A\nPY  - 2019\nER  - \n\n2.\n", id="numbered"),
        pytest.param("TY\t- JOUR\nTI\t- A\nPY\t- 2019\nER\t- \n", id="tabs"),
        pytest.param("TY  - Journal Article\nT1  - A\nY1  - 2019//\nER  - ", id="type by name"),
    ],
)
def test_a_record_is_read_however_its_lines_look(text: str) -> None:
    record = read(text)
    assert (record.type, record.title, record.published) == (WorkType.ARTICLE, "A", "2019")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_from_any_encoding(encoding: str) -> None:
    text = "TY  - JOUR\r\nTI  - Größe\u00a0und\u00a0Maß\r\nER  - \r\n"
    assert read(text.encode(encoding)).title == "Größe\u00a0und\u00a0Maß"


def test_a_record_without_an_end_ends_where_the_next_begins() -> None:
    found = reads("TY  - JOUR\nTI  - A\nTY  - BOOK\nTI  - B\nER  - \n")
    assert [(r.position, r.record.title) for r in found if isinstance(r, FileRecord)] == [
        ("line 1", "A"),
        ("line 3", "B"),
    ]


def test_values_go_on_over_lines_that_look_like_none() -> None:
    record = jour("AB  - in vitro and", "ER then positive", "", "in - vivo", "TI  - A")
    assert record.abstract == (AbstractSection(text="in vitro and ER then positive in - vivo"),)


def test_text_between_records_is_told_with_the_next() -> None:
    first, second = reads("Provider: X\nTY  - JOUR\nER  - \nstray\nTY  - JOUR\nTI  - B\nER  - \n")
    assert isinstance(first, FileRecord)
    assert first.warnings == ("belongs to no record: line 1, 'Provider: X'",)
    assert isinstance(second, FileRecord)
    assert second.warnings == ("belongs to no record: line 4, 'stray'",)


@pytest.mark.parametrize("text", ["", "no references here\nat all"])
def test_a_file_without_records_says_so(text: str) -> None:
    (found,) = reads(text)
    assert isinstance(found, Unreadable)
    assert "TY  - JOUR" in found.reason
    assert found.position == "line 1"


def test_a_record_without_a_type_is_read_with_a_warning() -> None:
    (found,) = reads("TI  - A\nPY  - 2019\nER  - \n")
    assert isinstance(found, FileRecord)
    assert found.warnings == ("no type of reference (TY)",)
    assert (found.record.title, found.record.type) == ("A", None)


def test_records_come_before_the_file_is_at_its_end() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"TY  - JOUR\nTI  - A\nER  - \n" * 1000

    first = next(ris.read(Endless(), "a file"))  # type: ignore[arg-type]
    assert isinstance(first, FileRecord)


# -- dialects ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "doi"),
    [
        ("DO  - 10.1136/BMJ.n71", "10.1136/bmj.n71"),
        ("DO  - doi: 10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("DO  - http://dx.doi.org/10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("M3  - 10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("M3  - doi:10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("L3  - 10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("N1  - 10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("N1  - DOI: 10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("UR  - https://doi.org/10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("L2  - http://dx.doi.org/10.1136/bmj.n71", "10.1136/bmj.n71"),
        ("UR  - https://a.org\nhttps://doi.org/10.1136/bmj.n71", "10.1136/bmj.n71"),
        (
            "DO  - 10.1002/1531-8249(199909)46:3<296::AID-ANA4>3.0.CO;2-#",
            "10.1002/1531-8249(199909)46:3<296::aid-ana4>3.0.co;2-#",
        ),
    ],
)
def test_a_doi_is_found_where_programs_put_it(line: str, doi: str) -> None:
    assert jour(line).identifiers == identifiers(doi=doi)


def test_what_is_no_doi_is_kept_with_a_warning() -> None:
    (found,) = reads("TY  - JOUR\nDO  - see publisher\nER  - ")
    assert isinstance(found, FileRecord)
    assert found.warnings == ("DO holds no DOI: 'see publisher'",)
    assert found.record.extra == (ExtraField(format="ris", tag="DO", value="see publisher"),)
    assert "DO  - see publisher\r\n" in written(found.record)


@pytest.mark.parametrize(
    ("lines", "pmid"),
    [
        pytest.param(["AN  - 31810187", "DB  - Ovid MEDLINE(R)"], "31810187", id="Ovid"),
        pytest.param(["AN  - 31810187", "DP  - NLM"], "31810187", id="EndNote of PubMed"),
        pytest.param(["AN  - 31810187"], "31810187", id="bare"),
        pytest.param(["AN  - PMID:17"], "17", id="labelled"),
        pytest.param(["AN  - 31810187", "DB  - Embase"], None, id="another database"),
        pytest.param(["AN  - 2214991469; 51887", "DB  - PTSDpubs"], None, id="ProQuest"),
        pytest.param(["AN  - 5"], None, id="a number in a list"),
        pytest.param(["AN  - WOS:000444108200009"], None, id="Web of Science"),
        pytest.param(["UR  - https://pubmed.ncbi.nlm.nih.gov/31810187/"], "31810187", id="address"),
        pytest.param(["N1  - PMID: 31810187"], "31810187", id="note"),
        pytest.param(["C3  - PUBMED 31810187,EMBASE 625634571"], "31810187", id="CENTRAL"),
    ],
)
def test_an_accession_number_is_a_pmid_only_in_pubmed(lines: list[str], pmid: str | None) -> None:
    record = jour(*lines)
    assert record.identifiers == identifiers(pmid=pmid)
    assert back(record).identifiers == record.identifiers


def test_a_pmcid_stands_in_a_custom_field() -> None:
    assert jour("C2  - PMC6947442").identifiers == identifiers(pmcid="PMC6947442")
    assert jour("C2  - 116th").extra == (ExtraField(format="ris", tag="C2", value="116th"),)


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("Baldwin,S.A.", AuthorClaim(family="Baldwin", given="S.A.")),
        ("Smith, J., Jr", AuthorClaim(family="Smith", given="J.", suffix="Jr")),
        ("Smith, John, III", AuthorClaim(family="Smith", given="John", suffix="III")),
        ("Smith, Jr., John", AuthorClaim(family="Smith", given="John", suffix="Jr.")),
        ("van der Berg, A.", AuthorClaim(family="van der Berg", given="A.")),
        ("Liu R.", AuthorClaim(family="Liu", given="R.")),
        ("J. A. van der Berg", AuthorClaim(family="van der Berg", given="J. A.")),
        ("World Health Organization", AuthorClaim(collective="World Health Organization")),
        ("MESEMS Study Group,", AuthorClaim(collective="MESEMS Study Group")),
        ("Anonymous", AuthorClaim(collective="Anonymous")),
        ("Ada Lovelace", AuthorClaim(name="Ada Lovelace")),
        ("余敏", AuthorClaim(name="余敏")),
    ],
)
def test_names_are_taken_apart(name: str, claim: AuthorClaim) -> None:
    record = jour(f"AU  - {name}")
    assert record.authors == (claim,)
    assert back(record).authors == (claim,)


def test_authors_in_one_field_are_several() -> None:
    expected = [("Smith", "John"), ("Doe", "J.")]
    for lines in (["AU  - Smith, John; Doe, J."], ["A1  - Smith, John", "AU  - Doe, J."]):
        assert [(a.family, a.given) for a in jour(*lines).authors] == expected
    listed = jour("AU  - Smith JA, Jones B, De Vries C").authors
    assert [a.family for a in listed] == ["Smith", "Jones", "De Vries"]


@pytest.mark.parametrize(
    ("lines", "published", "kept"),
    [
        (["PY  - 2012/03/05/"], "2012-03-05", []),
        (["Y1  - 1996"], "1996", []),
        (["PY  - 2014//"], "2014", []),
        (["PY  - 2019 Dec"], "2019-12", []),
        (["PY  - 2019", "DA  - 2019/12/02/"], "2019-12-02", []),
        (["PY  - 2018", "DA  - SEP"], "2018-09", []),
        (["PY  - 2018", "DA  - NOV 6"], "2018-11-06", []),
        (["PY  - 2018", "DA  - JAN-FEB"], "2018", [("DA", "JAN-FEB")]),
        (["PY  - 2010///Summer"], "2010", [("PY", "2010///Summer")]),
        (["PY  - 2019", "DA  - 2018/12/20/"], "2019", [("DA", "2018/12/20/")]),
        (["DA  - 2018-12-20"], "2018-12-20", []),
        (["PY  - 0/0/0"], None, [("PY", "0/0/0")]),
        (["PY  - 0000"], None, [("PY", "0000")]),
        (["PY  - 10 15"], None, [("PY", "10 15")]),
    ],
)
def test_dates_say_as_much_as_they_did(
    lines: list[str], published: str | None, kept: list[tuple[str, str]]
) -> None:
    record = jour(*lines)
    assert record.published == published
    assert [(e.tag, e.value) for e in record.extra] == kept
    again = back(record)
    assert (again.published, again.extra) == (record.published, record.extra)


def test_the_day_of_access_is_a_date() -> None:
    assert jour("Y2  - 2019/03/12/").dates == (DateClaim(role="accessed", date="2019-03-12"),)  # type: ignore[arg-type]
    (found,) = reads("TY  - WEB\nY2  - 2019/03/12/T20:12:22Z\nER  - ")
    assert isinstance(found, FileRecord)
    assert "Y2  - 2019/03/12/T20:12:22Z\r\n" in written(found.record)
    assert written(found.record).count("Y2  - ") == 1


@pytest.mark.parametrize(
    ("lines", "pages", "number"),
    [
        (["SP  - 476", "EP  - 481"], "476-481", None),
        (["SP  - 476-481"], "476-481", None),
        (["SP  - 476-481", "EP  - 481"], "476-481", None),
        (["SP  - 7", "EP  - 7"], "7", None),
        (["SP  - e123"], None, "e123"),
        (["SP  - 1", "EP  - 12", "C7  - 4215"], "1-12", "4215"),
        (["C7  - 4215"], None, "4215"),
    ],
)
def test_pages_and_article_numbers(lines: list[str], pages: str | None, number: str | None) -> None:
    record = jour(*lines)
    assert (record.pages, record.article_number) == (pages, number)
    assert (back(record).pages, back(record).article_number) == (pages, number)


def test_of_a_book_sp_counts_the_pages() -> None:
    record = read("TY  - BOOK\nSP  - 320\nER  - ")
    assert (record.pages, record.extra) == (
        None,
        (ExtraField(format="ris", tag="SP", value="320"),),
    )


@pytest.mark.parametrize(
    ("line", "issns", "isbns"),
    [
        ("SN  - 2077-0383", ("2077-0383",), ()),
        ("SN  - 2325-9671 (electronic)", ("2325-9671",), ()),
        ("SN  - 0894-9867, 0894-9867", ("0894-9867",), ()),
        ("SN  - 1476-5616 (Electronic) 0033-3506 (Linking)", ("1476-5616", "0033-3506"), ()),
        ("SN  - 9783642002304", (), ("9783642002304",)),
        ("SN  - 978-3-642-00230-4", (), ("978-3-642-00230-4",)),
    ],
)
def test_serial_and_book_numbers_are_told_apart(
    line: str, issns: tuple[str, ...], isbns: tuple[str, ...]
) -> None:
    record = jour(line)
    assert (record.venue.issns if record.venue else (), record.isbns) == (issns, isbns)
    assert record.extra == ()


def test_keywords_stand_on_lines_or_between_semicolons() -> None:
    record = jour("KW  - a; b", "c &amp; d", "KW  - e, f")
    assert [concept.label for concept in record.concepts] == ["a", "b", "c & d", "e, f"]


def test_entities_and_markup_of_databases_are_resolved() -> None:
    record = jour("TI  - R&amp;D of 10<sup>6</sup> CD4<sup>+</sup> cells", "AB  - p &lt; 0.05")
    assert record.title == "R&D of 10^6 CD4+ cells"
    assert record.abstract[0].text == "p < 0.05"


def test_the_sections_of_an_abstract_are_known_by_labels_in_capitals() -> None:
    record = jour("AB  - BACKGROUND: Why. METHODS: How (DNA: yes). RESULTS: What.")
    assert [(s.label, s.text) for s in record.abstract] == [
        ("BACKGROUND", "Why."),
        ("METHODS", "How (DNA: yes)."),
        ("RESULTS", "What."),
    ]
    assert back(record) == record


@pytest.mark.parametrize(
    ("lines", "name", "abbreviation"),
    [
        (["T2  - Journal A"], "Journal A", None),
        (["JO  - J. A"], "J. A", None),
        (["JF  - Journal A", "JO  - J A"], "Journal A", "J A"),
        (["JF  - Journal A", "JA  - J A"], "Journal A", "J A"),
        (["T2  - JOURNAL A", "J9  - J A", "JI  - J. A."], "JOURNAL A", "J. A."),
        (["J2  - J A"], None, "J A"),
    ],
)
def test_a_journal_has_a_name_and_an_abbreviation(
    lines: list[str], name: str | None, abbreviation: str | None
) -> None:
    venue = jour(*lines).venue
    assert venue is not None
    assert (venue.name, venue.abbreviation) == (name, abbreviation)


def test_what_a_field_means_depends_on_the_kind() -> None:
    book = read("TY  - BOOK\nTI  - B\nT2  - S\nA2  - Ed, A\nA3  - Ed, B\nER  - ")
    assert (book.series, [c.role for c in book.contributors]) == ("S", ["series editor", "editor"])
    chapter = read("TY  - CHAP\nTI  - C\nT2  - B\nT3  - S\nA2  - Ed, A\nER  - ")
    assert (chapter.venue, chapter.series) == (VenueClaim(name="B"), "S")
    assert [c.role for c in chapter.contributors] == ["editor"]
    paper = read("TY  - CONF\nTI  - P\nT2  - Meeting\nC3  - Proceedings\nER  - ")
    assert (paper.venue, paper.event) == (VenueClaim(name="Proceedings"), "Meeting")
    alone = read("TY  - BOOK\nTI  - B\nA2  - Ed, A\nER  - ")
    person = AuthorClaim(family="Ed", given="A")
    assert alone.contributors == (ContributorClaim(role="editor", person=person),)


@pytest.mark.parametrize(
    ("m3", "kind"),
    [
        ("Article", WorkType.ARTICLE),
        ("Review", WorkType.REVIEW),
        ("Conference Abstract", WorkType.CONFERENCE_ABSTRACT),
        ("Conference Paper", WorkType.CONFERENCE_PAPER),
        ("Letter", WorkType.LETTER),
        ("Erratum", WorkType.ARTICLE),
        ("Journal Article", WorkType.ARTICLE),
    ],
)
def test_the_type_of_work_tells_what_stands_in_a_journal(m3: str, kind: WorkType) -> None:
    record = jour(f"M3  - {m3}", "T2  - J")
    assert (record.type, record.types_as_given) == (kind, (m3,))
    assert "TY  - JOUR" in written(record)


def test_unknown_tags_come_out_again_in_their_order() -> None:
    record = jour("JP  - CRISPR", "H1  - A", "H2  - 1", "H1  - B", "TI  - T", "DC  - x y", "z")
    assert [(e.tag, e.value) for e in record.extra] == [
        ("JP", "CRISPR"), ("H1", "A"), ("H2", "1"), ("H1", "B"), ("DC", "x y z"),
    ]  # fmt: skip
    text = written(record)
    assert re.findall(r"(?:JP|H1|H2|DC)  - .*?(?=\r)", text) == [
        "JP  - CRISPR", "H1  - A", "H2  - 1", "H1  - B", "DC  - x y z",
    ]  # fmt: skip


def test_extra_fields_of_other_formats_stay_out() -> None:
    record = WorkRecord(
        source="a", key="k", extra=(ExtraField(format="bibtex", tag="owner", value="me"),)
    )
    assert "me" not in written(record)


# -- files of other projects ---------------------------------------------------------------------

# Tags that mean the same, under the one we write. Types may be named otherwise.
_ONE = {
    "T1": "TI", "CT": "TI", "A1": "AU", "ED": "A2", "Y1": "PY", "JF": "T2", "BT": "T2", "JO": "T2",
    "C3": "T2", "JA": "J2", "JI": "J2", "J1": "J2", "J9": "J2", "N2": "AB", "PP": "CY", "PI": "CY",
    "PU": "PB", "VO": "VL", "CP": "IS",
}  # fmt: skip
_SAME = {"AU", "A2", "A3", "A4", "KW", "DO", "SN", "LA", "SP", "EP", "PY", "DA", "TY", "M1", "IS"}


def values(text: str) -> Iterator[tuple[str, str]]:
    """(tag, value) of a file; names, numbers and dates without their punctuation."""
    tag = ""
    found: list[tuple[str, str]] = []
    for line in text.lstrip("\ufeff").splitlines():
        match = re.match(r"([A-Z][A-Z0-9]) {1,2}-(?: |$)(.*)", line)
        if match and match[1] == "ER":
            tag = ""
        elif match:
            tag = _ONE.get(match[1], match[1])
            found.append((tag, match[2].strip()))
        elif tag and line.strip():
            before, value = found.pop()
            found.append((before, f"{value} {line.strip()}".strip()))
    for tag, value in found:
        if value:
            yield tag, " ".join(value.split())


def words_of(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def ris_files() -> list[Any]:
    archive = shared("data/importers/rispy_examples.tar.gz")
    found = [
        pytest.param(case["input"], id=f"zotero {n}") for n, case in enumerate(zotero_cases("ris"))
    ]
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            body = tar.extractfile(member) if member.isfile() else None
            text = body.read().decode() if body and "wos" not in member.name else ""
            if text:
                found.append(pytest.param(text, id=member.name.removeprefix("./")))
    for path in sorted(shared("payloads/exports").glob("asreview_*")):
        text = path.read_bytes().decode()
        if path.suffix in (".ris", ".txt") and "TY  - " in text:
            found.append(pytest.param(text, id=path.name))
    return found


@pytest.mark.parametrize("text", ris_files())
def test_every_tag_and_value_of_a_file_comes_out_again(text: str) -> None:
    found = reads(text)
    records = [r.record for r in found if isinstance(r, FileRecord)]
    assert len(records) == len(re.findall(r"^\ufeff?TY {1,2}- ", text, re.M))
    ours = list(values(written(*records)))
    by_tag: dict[str, str] = {}
    for tag, value in ours:
        by_tag[tag] = f"{by_tag.get(tag, '')} {value}"
    everything = words_of(" ".join(value for _, value in ours))
    for tag, value in values(text):
        lost = words_of(value) - everything
        if tag in ("LA", "TY", "DO", "PY", "SN", "DA"):
            continue  # other words for the same: see the tests above
        assert not lost, (tag, value, lost)
        assert tag in by_tag or tag in ("M3", "L3", "M1", "IS", "SP", "EP", "C7", "T2", "J2", "N1")
    again = [r.record for r in reads(written(*records)) if isinstance(r, FileRecord)]
    assert [replace(r, key="") for r in again] == [replace(r, key="") for r in records]


# What we put into other words: identifiers, numbers, dates and languages in their normal forms.
_NORMALISED = {"type_of_reference", "doi", "issn", "language", "year", "publication_year", "date"}


@pytest.mark.parametrize("text", ris_files())
def test_where_rispy_reads_a_value_so_do_we(text: str) -> None:
    try:
        entries = rispy.loads(text.lstrip("\ufeff"))
    except Exception:  # whatever makes it give up must not make us
        entries = []
    records = [r.record for r in reads(text) if isinstance(r, FileRecord)]
    assert len(records) >= len(entries)
    for entry, record in zip(entries, records, strict=False):
        ours = words_of(written(record))
        for key, value in entry.items():
            unknown = value.values() if key == "unknown_tag" else [value]
            given = " ".join(" ".join(v) if isinstance(v, list) else str(v) for v in unknown)
            assert key in _NORMALISED or not words_of(given) - ours, (key, given)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(n)) for n, case in enumerate(zotero_cases("ris"))]
)
def test_our_records_hold_what_zotero_reads(case: Json) -> None:
    records = [r.record for r in reads(case["input"]) if isinstance(r, FileRecord)]
    assert len(records) == len(case["items"])
    for record, item in zip(records, case["items"], strict=True):
        assert missing(record, item) == []


# -- what single databases mean ------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["C2  - 31810187", "DB  - Scopus"], id="Scopus"),
        pytest.param(
            ["N1  - Accession Number: 12. Language: English. PMID: 31810187."], id="EBSCO"
        ),
        pytest.param(["N1  - Accession Number: 12. PMID: NLM31810187."], id="CINAHL"),
    ],
)
def test_a_pmid_is_found_where_a_database_puts_it(lines: list[str]) -> None:
    assert jour(*lines).identifiers == identifiers(pmid=31810187)


def test_a_pmid_of_a_comment_is_not_that_of_the_work() -> None:
    assert jour("N1  - Comment in: J Foo. 2020;1:1. PMID: 31810187").identifiers == ()


def test_a_chapter_that_scopus_calls_a_serial_is_in_its_book() -> None:
    record = read("TY  - SER\nTI  - A chapter\nT2  - Methods\nM3  - Book Chapter\nER  - ")
    assert record.type is WorkType.BOOK_CHAPTER
    assert record.venue == VenueClaim(name="Methods")
    assert back(record) == record


def test_a_special_issue_of_sciencedirect_is_not_its_journal() -> None:
    record = jour(
        "JO  - Cytotherapy", "T2  - A Meeting", "UR  - https://www.sciencedirect.com/science/x"
    )
    assert record.venue == VenueClaim(name="Cytotherapy")
    assert record.extra == (ExtraField(format="ris", tag="T2", value="A Meeting"),)
    assert back(record) == record


def test_a_series_is_found_in_t3_where_t2_is_not_there() -> None:
    record = read("TY  - BOOK\nTI  - A book\nT3  - A series\nER  - ")
    assert record.series == "A series"


def test_the_article_number_of_a_paper_with_pages_is_kept() -> None:
    record = read("TY  - CPAPER\nTI  - T\nSP  - 1\nEP  - 13\nC7  - 3\nER  - ")
    assert (record.pages, record.article_number) == ("1-13", "3")
    assert back(record) == record


def test_a_retracted_publication_is_flagged() -> None:
    assert jour("M3  - Retracted Publication").is_flagged_retracted is True


def test_et_al_is_nobody() -> None:
    record = jour("AU  - Smith, J.", "AU  - et al.")
    assert record.authors == (AuthorClaim(family="Smith", given="J."),)
    assert record.authors_complete is False
    assert back(record) == record


def test_the_mark_at_the_end_of_a_file_is_no_record() -> None:
    assert len(reads("TY  - JOUR\nTI  - T\nER  - \n\nEF  - \n")) == 1


def test_a_doi_in_angle_brackets_is_one() -> None:
    assert jour("DO  - <https://doi.org/10.1000/a>").identifiers == identifiers(doi="10.1000/a")
