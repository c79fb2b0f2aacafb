"""The tagged files of Web of Science and of Refer."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.formats.references.formats import by_name
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.records import AuthorClaim, Unreadable, VenueClaim, WorkRecord, WorkType
from tests.conftest import shared
from tests.formats.references.work_records import articles, others
from tests.formats.references.zotero_cases import Json, is_plain, missing, zotero_cases


def reads(name: str, text: str | bytes) -> list[FileRecord | Unreadable]:
    body = text.encode() if isinstance(text, str) else text
    return list(by_name(name).read(io.BytesIO(body), "a file"))


def read(name: str, text: str) -> WorkRecord:
    (found,) = reads(name, text)
    assert isinstance(found, FileRecord), found
    return found.record


def _begins_as_no_tag(record: WorkRecord) -> bool:
    return is_plain(record) and not any(note[2:3] == " " for note in record.notes)


@pytest.mark.parametrize("name", ["isi", "refer"])
@settings(max_examples=40, deadline=None)
@given(record=st.one_of(articles, others).filter(_begins_as_no_tag))
def test_reading_what_was_written_gives_the_same_record(name: str, record: WorkRecord) -> None:
    body = b"".join(by_name(name).write([record]))
    (found,) = reads(name, body)
    assert isinstance(found, FileRecord)
    assert found.record == replace(record, key=record.label or "")


def test_web_of_science_has_names_in_short_and_in_full() -> None:
    record = read(
        "isi",
        "FN Clarivate\nVR 1.0\nPT J\nAU Smith, JA\n   Jones, B\nAF Smith, John A.\n   Jones, Beth\n"
        "CA A Study Group\nTI A long\n   title\nSO JOURNAL\nDT Article; Early Access\n"
        "DE a; b\nID C; D\nSN 2077-0383\nEI 0364-5134\nJI J.\nPD SEP 12\nPY 2018\nVL 7\nBP 3\n"
        "EP 9\nDI 10.1000/a\nPM 31810187\nUT WOS:000444108200009\nCT ECTRIMS\nC1 Here\n"
        "CR Doe J, 2004, J, V1, P1, DOI 10.1000/b\n   Roe R, 2005\nER\n\nEF\n",
    )
    assert [(a.family, a.given, a.collective) for a in record.authors] == [
        ("Smith", "John A.", None),
        ("Jones", "Beth", None),
        (None, None, "A Study Group"),
    ]
    assert (record.title, record.type) == ("A long title", WorkType.ARTICLE)
    assert record.venue == VenueClaim(
        name="JOURNAL", abbreviation="J.", issns=("2077-0383", "0364-5134")
    )
    assert (record.published, record.pages, record.event) == ("2018-09-12", "3-9", "ECTRIMS")
    assert [c.label for c in record.concepts] == ["a", "b", "C", "D"]
    assert record.identifiers == identifiers(doi="10.1000/a", pmid=31810187)
    assert record.label == "WOS:000444108200009"
    assert [r.text for r in record.references] == [
        "Doe J, 2004, J, V1, P1, DOI 10.1000/b",
        "Roe R, 2005",
    ]
    assert record.references[0].identifiers == identifiers(doi="10.1000/b")
    assert [(e.tag, e.value) for e in record.extra] == [("C1", "Here")]


def test_a_file_of_web_of_science_is_read_whole() -> None:
    found = reads("isi", shared("payloads/exports/rispy_example_wos.ris").read_bytes())
    records = [r.record for r in found if isinstance(r, FileRecord)]
    assert len(records) == len(found) == 2
    assert [len(r.references) for r in records] == [59, 86]
    again = reads("isi", b"".join(by_name("isi").write(records)))
    assert [r.record.title for r in again if isinstance(r, FileRecord)] == [
        r.title for r in records
    ]


@pytest.mark.parametrize("name", ["isi", "refer"])
@pytest.mark.parametrize("text", ["", "no references\n"])
def test_a_file_without_records_says_so(name: str, text: str) -> None:
    (found,) = reads(name, text)
    assert isinstance(found, Unreadable)
    assert found.position == "line 1"


def test_refer_guesses_the_kind_from_the_fields_there_are() -> None:
    kinds = [
        read("refer", text).type
        for text in ("%T A\n%J J", "%T A\n%B B\n%I P", "%T A\n%I P", "%T A", "%0 Thesis\n%T A")
    ]
    assert kinds == [
        WorkType.ARTICLE, WorkType.BOOK_CHAPTER, WorkType.BOOK, None, WorkType.THESIS
    ]  # fmt: skip


def test_refer_lines_without_a_letter_go_on() -> None:
    record = read(
        "refer", "%0 Journal Article\n%A Smith, J.\n%T A\nlong title\n%K a\nb\n%2 PMC12\n"
    )
    assert (record.title, [c.label for c in record.concepts]) == ("A long title", ["a", "b"])
    assert record.authors == (AuthorClaim(family="Smith", given="J."),)
    assert record.identifiers == identifiers(pmcid="PMC12")


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(n)) for n, case in enumerate(zotero_cases("referbibix"))]
)
def test_our_records_hold_what_zotero_reads(case: Json) -> None:
    records = [r.record for r in reads("refer", case["input"]) if isinstance(r, FileRecord)]
    assert len(records) == len(case["items"])
    for record, item in zip(records, case["items"], strict=True):
        assert missing(record, item) == []
