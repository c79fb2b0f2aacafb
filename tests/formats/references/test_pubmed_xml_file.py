"""Files of PubMed's XML, read and written."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from lxml import etree

from kb.formats.references import pubmed_xml
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.records import (
    AuthorClaim,
    ContributorClaim,
    DateClaim,
    ExtraField,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
)
from tests.conftest import shared
from tests.formats.references.work_records import articles
from tests.formats.references.zotero_cases import Json, is_plain, missing, zotero_cases


def reads(body: bytes) -> list[FileRecord | Unreadable]:
    return list(pubmed_xml.read(io.BytesIO(body), "pubmed"))


def written(*records: WorkRecord) -> bytes:
    return b"".join(pubmed_xml.write(records))


def files() -> list[Any]:
    found = [
        pytest.param(case["input"].encode(), id=f"zotero {n}")
        for n, case in enumerate(zotero_cases("pubmed_xml"))
    ]
    for path in sorted(shared("payloads/pubmed").glob("*.xml")):
        body = path.read_bytes()
        if b"<PubmedArticle>" in body:
            found.append(pytest.param(body, id=path.name))
    return found


@pytest.mark.parametrize("body", files())
def test_a_file_of_pubmed_survives(body: bytes) -> None:
    found = reads(body)
    records = [r.record for r in found if isinstance(r, FileRecord)]
    assert len(records) == len(found) > 0
    again = [r.record for r in reads(written(*records)) if isinstance(r, FileRecord)]
    assert again == records


@pytest.mark.parametrize("body", files())
def test_what_is_written_is_a_set_of_articles(body: bytes) -> None:
    records = [r.record for r in reads(body) if isinstance(r, FileRecord)]
    root = etree.fromstring(written(*records))
    assert root.tag == "PubmedArticleSet"
    for citation in root.iterfind("PubmedArticle/MedlineCitation"):
        tags = [child.tag for child in citation]
        assert tags[:1] == ["PMID"]
        assert tags.index("Article") < tags.index("MedlineJournalInfo")
        article = citation.find("Article")
        assert article is not None
        order = ("Journal", "ArticleTitle", "Abstract", "AuthorList", "Language", "GrantList",
                 "PublicationTypeList", "VernacularTitle", "ArticleDate")  # fmt: skip
        places = [order.index(str(child.tag)) for child in article if child.tag in order]
        assert places == sorted(places)


@settings(max_examples=40, deadline=None)
@given(articles.filter(is_plain))
def test_articles_from_anywhere_are_written_and_read(record: WorkRecord) -> None:
    title = record.title or ""
    if title.endswith(".") or len({c.label.casefold() for c in record.concepts}) < len(
        record.concepts
    ):
        return
    (found,) = reads(written(record))
    assert isinstance(found, FileRecord)
    assert record.published
    assert record.venue
    pmid = next((i.value for i in record.identifiers if i.scheme == "pmid"), None)
    assert found.record == replace(
        record,
        source="pubmed",
        key=pmid or record.label or "",
        types_as_given=("Journal Article",),
        dates=(DateClaim(role="published", date=record.published),),
    )


def test_a_book_and_its_chapter_survive() -> None:
    book = WorkRecord(
        source="pubmed",
        key="20301301",
        identifiers=identifiers(pmid=20301301),
        title="Gene Reviews",
        type=WorkType.BOOK,
        venue=VenueClaim(publisher="University"),
        place="Seattle",
        edition="2",
        isbns=("9780470699515",),
        label="b",
        notes=("One.",),
    )
    chapter = replace(
        book, type=WorkType.BOOK_CHAPTER, title="A gene", venue=VenueClaim(name="Gene Reviews")
    )
    again = [r.record for r in reads(written(book, chapter)) if isinstance(r, FileRecord)]
    assert again == [book, chapter]


def test_what_the_parser_passes_over_comes_out_again() -> None:
    body = gzip.decompress(gzip.compress(written(WorkRecord(source="a", key="1", title="A"))))
    kept = b"<CoiStatement>None &amp; <b>none</b>.</CoiStatement>"
    body = body.replace(b"</MedlineCitation>", kept + b"</MedlineCitation>")
    (found,) = reads(body)
    assert isinstance(found, FileRecord)
    assert found.record.extra == (
        ExtraField(format="pubmed-xml", tag="CoiStatement", value=kept.decode()),
    )
    assert kept in written(found.record)


def test_an_article_that_cannot_be_read_stops_no_other() -> None:
    good = written(WorkRecord(source="a", key="1", title="A"))
    bad = b"<PubmedArticle><MedlineCitation><PMID>1</PMID></MedlineCitation></PubmedArticle>"
    body = good.replace(b"<PubmedArticleSet>\n", b"<PubmedArticleSet>\n" + bad)
    first, second = reads(body)
    assert isinstance(first, Unreadable)
    assert (first.key, first.position) == ("1", "record 1 (line 4)")
    assert isinstance(second, FileRecord)


def test_a_file_that_breaks_off_says_where() -> None:
    body = written(
        WorkRecord(source="a", key="1", title="A"), WorkRecord(source="a", key="2", title="B")
    )
    first, broken = reads(body[: body.rindex(b"<ArticleTitle>") + 20])
    assert isinstance(first, FileRecord)
    assert isinstance(broken, Unreadable)
    assert broken.position == "line 5"


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(n)) for n, case in enumerate(zotero_cases("pubmed_xml"))]
)
def test_our_records_hold_what_zotero_reads(case: Json) -> None:
    records = [r.record for r in reads(case["input"].encode()) if isinstance(r, FileRecord)]
    assert len(records) == len(case["items"])
    for record, item in zip(records, case["items"], strict=True):
        assert missing(record, item) == []


def test_what_articles_have_no_field_for_comes_back_from_their_notes() -> None:
    record = WorkRecord(
        source="pubmed",
        key="1",
        identifiers=identifiers(pmid=1),
        title="T",
        venue=VenueClaim(publisher="A publisher"),
        place="Basel",
        series="A series",
        edition="2nd",
        isbns=("9780306406157",),
        urls=("https://example.org/a", "https://example.org/b"),
        notes=("A note",),
        contributors=(ContributorClaim(role="editor", person=AuthorClaim(family="Ed", given="A")),),
    )
    (found,) = reads(written(record))
    assert isinstance(found, FileRecord)
    assert found.record == record
