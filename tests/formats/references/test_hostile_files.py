"""Whatever bytes come as a reference file: every reader reads or reports, and soon."""

from __future__ import annotations

import io
import random
from time import process_time
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.formats.references.formats import FORMATS, by_name, read_file
from kb.formats.references.reading import EndlessLine, FileRecord, Read
from kb.identity.identifiers import identifiers
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
    from_json,
    to_json,
)
from tests.formats.references.work_records import read_back, written

NAMES: Final = tuple(format.name for format in FORMATS)
# A workbook is an archive: a byte changed anywhere breaks it whole.
IN_TEXT: Final = tuple(name for name in NAMES if name != "xlsx")

WORKS: Final = [
    WorkRecord(
        source="a file",
        key="",
        label=f"a{number}",
        identifiers=identifiers(doi=f"10.1000/a.{number}", pmid=number),
        title=f"Stromal cells & <β> “{number}”",
        abstract=(AbstractSection(text="We infused 10^6 cells per kg. They stayed."),),
        type=WorkType.ARTICLE,
        published=None,
        venue=VenueClaim(name="Journal of Clinical Medicine", issns=("2077-0383",)),
        authors=(AuthorClaim(family="Iacobæus", given="Ellen"),),
    )
    for number in range(1, 6)
]


def read_or_reported(name: str, body: bytes) -> list[Read]:
    """What a reader makes of it, where all that is a record can be kept and written again."""
    found = read_back(name, body)
    for read in found:
        assert read.position
        if isinstance(read, FileRecord):
            assert read.record.key
            assert from_json(WorkRecord, to_json(read.record)) == read.record
            written(name, [read.record])
        else:
            assert read.reason
    return found


# What changes formats most: their own marks, and bytes of other encodings.
PIECES: Final = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\x1a", b"\x85", b"\xe2\x80\xa8"),
    *(b"{" * 50, b"}" * 5, b'"', b"<", b"<![CDATA[", b"]]>", b"&#0;", b"&#xD800;", b"\\ud800"),
    *(
        b"[[[",
        b"@",
        b"@article{",
        b"\\",
        b"TY  - ",
        b"ER  - ",
        b"PMID- ",
        b"%0 ",
        b"EF",
        b"9" * 400,
    ),
    *(
        b"-1",
        b"1e999",
        b"NaN",
        b",,,,",
        b"; ; ;",
        b"\xc3",
        b"title,title\n",
        b"<?xml encoding='zlib'?>",
    ),
)
ENCODINGS: Final = ("utf-16", "utf-32", "latin-1", "cp1252", "utf-7", "shift_jis", "gb18030")


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    name = draw(st.sampled_from(IN_TEXT))
    other = draw(st.sampled_from(IN_TEXT))
    body = BODIES[name]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        end = at + draw(st.sampled_from([1, 5, 50]))
        match draw(st.integers(0, 6)):
            case 0:
                body = body[:at]
            case 1:
                body = body[:at] + bytes(b ^ 0x80 for b in body[at:end]) + body[end:]
            case 2:
                body = body[:at] + BODIES[other][at:end] + body[at:]
            case 3:
                body = body[:at] + body[end:]
            case 4:
                body = body[:at] + draw(st.sampled_from(PIECES)) + body[at:]
            case 5:
                body = body[at:] + body[:at]
            case _:
                encoding = draw(st.sampled_from(ENCODINGS))
                body = body.decode(errors="replace").encode(encoding, errors="replace")
    return name, body


BODIES: Final = {name: written(name, WORKS) for name in IN_TEXT}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_damaged_file_is_read_or_reported(case):
    name, body = case
    try:
        read_or_reported(name, body)
    except InvalidInput:
        assert name == "csv"  # no column of it is known, or it is not closed


@pytest.mark.parametrize("name", IN_TEXT)
def test_one_damaged_byte_costs_no_more_than_the_records_around_it(name):
    body = BODIES[name]
    dice = random.Random(1)
    lost = []
    for _ in range(30):
        at = dice.randrange(len(body) // 3, len(body))
        damaged = body[:at] + b"\xe9" + body[at + 1 :]
        try:
            found = read_or_reported(name, damaged)
        except InvalidInput:
            continue
        lost.append(len(WORKS) - sum(isinstance(read, FileRecord) for read in found))
    # What an XML parser cannot go on after ends the file; everything before is kept.
    assert max(lost) <= (4 if name.endswith("xml") else 2)


HOSTILE: Final = {
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf",
    "zeros": b"\x00" * 100_000,
    "line ends": b"\n" * 100_000,
    "braces": b"{" * 100_000,
    "brackets": b"[" * 100_000,
    "quotes": b'"' * 100_001,
    "backslashes": b"\\" * 100_001,
    "commas": b"," * 100_000,
    "tags": b"<a>" * 30_000,
    "entities": b"&" * 100_000,
    "commands": b"@article{" * 20_000,
    "concatenations": b"x # " * 30_000,
    "dashes": b"- " * 50_000,
}
BEGINNINGS: Final = {
    "ris": b"TY  - JOUR\nAU  - ",
    "nbib": b"PMID- 1\nAU  - ",
    "pubmed-xml": b"<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>",
    "bibtex": b"@article{a, author = {",
    "biblatex": b'@article{a, author = "',
    "csl-json": b'[{"id": "a", "title": "',
    "endnote-xml": b"<xml><records><record><titles><title>",
    "csv": b"title,author\n",
    "crossref-json": b'{"message": {"items": [{"DOI": "10.1000/a", "title": ["',
    "openalex-json": b'{"results": [{"id": "https://openalex.org/W1000", "title": "',
    "isi": b"FN x\nVR 1.0\nPT J\nAU ",
    "refer": b"%0 Journal Article\n%A ",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", IN_TEXT)
def test_marks_without_end_are_gone_through_in_time_proportional_to_their_number(name, body):
    for start in (b"", BEGINNINGS[name]):
        begun = process_time()
        try:
            read_or_reported(name, start + body)
        except InvalidInput:
            assert name == "csv"
        assert process_time() - begun < 4


@pytest.mark.parametrize("name", ["ris", "nbib", "bibtex", "isi", "refer", "csv"])
def test_a_file_without_line_ends_is_given_up_before_it_fills_memory(name):
    stream = io.BytesIO(BEGINNINGS[name] + b"a" * 33_000_000)
    *_, last = read_file(stream, source="a file", format=name)
    assert isinstance(last, Unreadable)
    assert "32 MB" in last.reason


def test_an_endless_line_ends_what_can_be_read_and_keeps_what_was_before():
    stream = io.BytesIO(BODIES["ris"] + b"TY  - JOUR\r\nTI  - " + b"a" * 33_000_000)
    found = list(read_file(stream, source="a file", name="all.ris"))
    assert [type(read) for read in found] == [FileRecord] * 5 + [Unreadable]
    with pytest.raises(EndlessLine):
        list(by_name("ris").read(io.BytesIO(b"a" * 33_000_000), "a file"))


ENTITIES: Final = (
    b'<!DOCTYPE x [<!ENTITY a "'
    + b"A" * 1000
    + b'">'
    + b"".join(
        b'<!ENTITY a%d "%s">' % (n, (b"&a%d;" % (n - 1) if n else b"&a;") * 10) for n in range(9)
    )
    + b"]>"
)
OUTSIDE: Final = b'<!DOCTYPE x [<!ENTITY outside SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("name", ["endnote-xml", "pubmed-xml"])
@pytest.mark.parametrize(
    ("declared", "used"),
    [
        pytest.param(ENTITIES, b"&a8;", id="entities of entities"),
        pytest.param(OUTSIDE, b"&outside;", id="a file from outside"),
    ],
)
def test_no_entity_is_expanded(name, declared, used):
    body = BODIES[name]
    root = body.index(b"<xml" if name == "endnote-xml" else b"<PubmedArticleSet")
    title = body.index(b"Stromal")
    found = read_or_reported(name, declared + body[root:title] + used + body[title:])
    text = b"".join(to_json(read.record) for read in found if isinstance(read, FileRecord))
    assert b"root:" not in text
    assert len(text) < 100_000


@pytest.mark.parametrize("encoding", ["zlib", "bz2", "undefined", "idna", "x" * 300])
def test_an_encoding_that_is_none_is_read_as_text(encoding):
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    body = BODIES["endnote-xml"]
    assert len(read_or_reported("endnote-xml", declared + body[body.index(b"<xml>") :])) == 5


@pytest.mark.parametrize("name", ["ris", "nbib", "bibtex", "biblatex", "isi", "refer"])
def test_a_text_without_any_record_is_said_to_have_none(name):
    (read,) = read_or_reported(name, b"Dear colleagues,\n\nplease find the references below.\n")
    assert isinstance(read, Unreadable)
