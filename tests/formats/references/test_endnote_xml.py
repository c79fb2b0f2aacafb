"""EndNote's XML: runs of style, kinds by name and number, and files that break off."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from kb.formats.references import endnote_xml, ris
from kb.formats.references.kinds import KINDS
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.records import (
    AuthorClaim,
    ExtraField,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
)
from tests.formats.references.work_records import articles, others
from tests.formats.references.zotero_cases import Json, is_plain, missing, zotero_cases


def reads(body: str | bytes) -> list[FileRecord | Unreadable]:
    raw = body.encode() if isinstance(body, str) else body
    return list(endnote_xml.read(io.BytesIO(raw), "a file"))


def read(fields: str) -> WorkRecord:
    (found,) = reads(f"<xml><records><record>{fields}</record></records></xml>")
    assert isinstance(found, FileRecord), found
    return found.record


def written(*records: WorkRecord) -> bytes:
    return b"".join(endnote_xml.write(records))


_JOURNAL = '<ref-type name="Journal Article">17</ref-type>'


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(articles, others).filter(is_plain), max_size=3))
def test_reading_what_was_written_gives_the_same_records(records: list[WorkRecord]) -> None:
    found = [r.record for r in reads(written(*records)) if isinstance(r, FileRecord)]
    assert found == [replace(record, key=record.label or "") for record in records]


def test_a_record_has_its_fields_where_endnote_looks_for_them() -> None:
    record = WorkRecord(
        source="a file",
        key="k",
        label="k",
        type=WorkType.ARTICLE,
        identifiers=identifiers(doi="10.1000/a", pmid=31810187, pmcid="PMC6947442"),
        title="A & B < C",
        authors=(AuthorClaim(family="Smith", given="J."), AuthorClaim(collective="A Group,")),
        venue=VenueClaim(name="Journal", abbreviation="J", issns=("2077-0383", "0364-5134")),
        pages="12-15",
        published="2019-12",  # type: ignore[arg-type]
        notes=("One.", "Two."),
    )
    root = etree.fromstring(written(record))
    found = root.find("records/record")
    assert found is not None
    assert [child.tag for child in found] == [
        "ref-type", "contributors", "titles", "periodical", "pages", "dates", "isbn",
        "accession-num", "electronic-resource-num", "label", "notes", "custom2",
    ]  # fmt: skip
    assert found.findtext("titles/title") == "A & B < C"
    assert found.findtext("titles/secondary-title") == "Journal"
    assert found.findtext("periodical/full-title") == "Journal"
    assert found.findtext("periodical/abbr-1") == "J"
    assert found.findtext("isbn") == "2077-0383\n0364-5134"
    assert found.findtext("notes") == "One.\nTwo."
    assert (found.findtext("dates/year"), found.findtext("pages")) == ("2019", "12-15")


def test_styles_are_left_and_raised_numbers_stay_apart() -> None:
    title = (
        '<titles><title><style face="bold">Dose of 10</style><style face="superscript">6</style>'
        '<style face="normal">\u00a0CD4</style><style face="superscript">+</style> cells</title>'
        "</titles>"
    )
    assert read(_JOURNAL + title).title == "Dose of 10^6\u00a0CD4+ cells"


@pytest.mark.parametrize("kind", [k for k in KINDS if k.number], ids=lambda kind: kind.tag)
def test_a_kind_is_known_by_its_name_or_its_number(kind: Any) -> None:
    by_name = read(f'<ref-type name="{kind.name}">0</ref-type>')
    by_number = read(f"<ref-type>{kind.number}</ref-type>")
    assert by_name == by_number
    assert by_name.type is kind.type
    root = etree.fromstring(written(by_name))
    element = root.find("records/record/ref-type")
    assert element is not None
    assert (element.get("name"), element.text) == (kind.name, str(kind.number))


def test_serial_numbers_notes_and_addresses_stand_on_lines() -> None:
    record = read(
        f"{_JOURNAL}<isbn>1476-5616 (Electronic)&#xD;0033-3506 (Linking)</isbn>"
        "<notes>One&#xD;Two</notes><urls><related-urls><url>https://a.org</url>"
        "<url>https://b.org</url></related-urls><pdf-urls><url>internal-pdf://1.pdf</url>"
        "</pdf-urls></urls>"
    )
    assert record.venue == VenueClaim(issns=("1476-5616", "0033-3506"))
    assert record.notes == ("One", "Two")
    assert record.urls == ("https://a.org", "https://b.org")
    (pdf,) = record.extra
    assert (pdf.tag, pdf.value) == ("urls/pdf-urls/url", "internal-pdf://1.pdf")


def test_what_has_no_place_comes_out_again_with_its_attributes() -> None:
    fields = (
        '<database name="My.enl" path="C:\\x\'y.enl">My.enl</database><foreign-keys>'
        '<key app="EN" db-id="d&quot;1">1</key></foreign-keys>'
        f"{_JOURNAL}<custom1>Note</custom1><misc9>new</misc9>"
    )
    record = read(fields)
    assert [e.tag.partition("[")[0] for e in record.extra] == [
        "database", "foreign-keys/key", "custom1", "misc9"
    ]  # fmt: skip
    assert b'<key app="EN" db-id="d&quot;1">1</key>' in written(record)
    (again,) = reads(written(record))
    assert isinstance(again, FileRecord)
    assert sorted(again.record.extra, key=lambda e: e.tag) == sorted(
        record.extra, key=lambda e: e.tag
    )


def test_what_ris_keeps_endnote_keeps() -> None:
    text = b"TY  - NEWS\nTI  - A\nC1  - Column\nDB  - Name\nH1  - only RIS\nER  - \n"
    (found,) = ris.read(io.BytesIO(text), "a file")
    assert isinstance(found, FileRecord)
    body = written(found.record)
    assert b'<ref-type name="Newspaper Article">23</ref-type>' in body
    assert b"<custom1>Column</custom1>" in body
    assert b"H1: only RIS" in body
    (again,) = reads(body)
    assert isinstance(again, FileRecord)
    assert b"TY  - NEWS\r\n" in b"".join(ris.write([again.record]))


# -- files that are not as they should be --------------------------------------------------------

_TWO = (
    f"<xml><records>\n<record>{_JOURNAL}<titles><title>A</title></titles></record>\n"
    f"<record>{_JOURNAL}<titles><title>B</title></titles></record>\n</records></xml>"
)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param(_TWO[:-60], "line 3", id="cut off"),
        pytest.param(_TWO.replace("B</title>", "B</titel>"), "line 3", id="wrong tag"),
        pytest.param(
            _TWO.replace("B", f"{'<i>' * 300}B{'</i>' * 300}"), "line 3", id="nested too deep"
        ),
    ],
)
def test_what_stands_before_a_break_is_read(body: str, line: str) -> None:
    first, broken = reads(body)
    assert isinstance(first, FileRecord)
    assert first.record.title == "A"
    assert isinstance(broken, Unreadable)
    assert broken.position == line
    assert "after 1 records" in broken.reason


@pytest.mark.parametrize("body", ["", "<html></html>", "<xml><records></records></xml>"])
def test_a_file_without_records_says_so(body: str) -> None:
    (found,) = reads(body)
    assert isinstance(found, Unreadable)


def test_characters_xml_forbids_are_passed_over() -> None:
    record = read(f"{_JOURNAL}<titles><title>AT&T &#x1F;a\x0bb &amp; c</title></titles>")
    assert record.title == "AT&T ab & c"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ('<?xml version="1.0" encoding="UTF-8"?>', "utf-8-sig"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?>', "latin-1"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "cp1252"),
        ('<?xml version="1.0" encoding="UTF-16"?>', "utf-16"),
    ],
)
def test_text_is_read_from_any_encoding(body: str, encoding: str) -> None:
    (found, _) = reads((body + _TWO.replace("A<", "Größe<")).encode(encoding))
    assert isinstance(found, FileRecord)
    assert found.record.title == "Größe"


def test_entities_are_not_expanded_and_nothing_is_fetched() -> None:
    head = '<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    (found, _) = reads(head + _TWO.replace("A<", "A&a;&f;<"))
    assert isinstance(found, FileRecord)
    assert found.record.title == "A&a;&f;"


def test_entities_of_entities_are_refused() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    (found,) = reads(f'<!DOCTYPE xml [<!ENTITY l0 "ha">{laughs}]>{_TWO.replace("A<", "&l11;<")}')
    assert isinstance(found, Unreadable)


def test_great_files_are_read_in_pieces() -> None:
    class Long(io.RawIOBase):
        def __init__(self) -> None:
            super().__init__()
            self.asked = 0

        def read(self, size: int = -1) -> bytes:
            self.asked += 1
            record = f"<record>{_JOURNAL}<titles><title>A</title></titles></record>".encode()
            return (b"<xml><records>" if self.asked == 1 else b"") + record * 500

    stream = Long()
    found = endnote_xml.read(stream, "a file")  # type: ignore[arg-type]
    assert isinstance(next(found), FileRecord)
    assert stream.asked < 3


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(n)) for n, case in enumerate(zotero_cases("endnote_xml"))]
)
def test_our_records_hold_what_zotero_reads(case: Json) -> None:
    records = [r.record for r in reads(case["input"]) if isinstance(r, FileRecord)]
    assert len(records) == len(case["items"])
    for record, item in zip(records, case["items"], strict=True):
        assert missing(record, item) == []


def test_extra_fields_of_other_formats_stay_out() -> None:
    record = WorkRecord(
        source="a", key="k", extra=(ExtraField(format="bibtex", tag="owner", value="me"),)
    )
    assert b"me<" not in written(record)


def test_a_record_without_fields_is_reported_and_the_next_read() -> None:
    empty, full = reads(f"<xml><records><record/><record>{_JOURNAL}</record></records></xml>")
    assert isinstance(empty, Unreadable)
    assert isinstance(full, FileRecord)


@pytest.mark.parametrize(
    ("run", "title"),
    [
        pytest.param("a", "TNF-α", id="a letter"),
        pytest.param("abc", "TNF-abc", id="a word"),
        pytest.param("α", "TNF-α", id="Greek already"),
    ],
)
def test_a_letter_in_the_font_symbol_is_greek(run: str, title: str) -> None:
    styled = f'<style>TNF-</style><style font="Symbol">{run}</style>'
    assert read(f"{_JOURNAL}<titles><title>{styled}</title></titles>").title == title
