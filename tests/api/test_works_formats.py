"""Works leave the base as files for reference managers, as many as the list counts."""

import io
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient

from kb.formats.references.formats import read_file, write_records
from kb.formats.references.reading import FileRecord
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    ConceptClaim,
    NoticeClaim,
    NoticeKind,
    RegistrationMention,
    VenueClaim,
    WorkRecord,
    WorkType,
)
from kb.store import exported_works
from kb.store.engine import Store
from kb.store.exported_works import EXPORT_FORMATS, work_records
from kb.store.record_works import save_work_record
from tests.api.cli import an_installation, filled, json_of, kb
from tests.builders import NOW, a_payload, a_work
from tests.reference_files import TITLES

NAMES = [format.name for format in EXPORT_FORMATS]
FORMATS = pytest.mark.parametrize("name", NAMES)

SEED = WorkRecord(
    source="pubmed",
    key="MED:31810187",
    identifiers=(
        Identifier(Scheme.DOI, "10.3390/jcm8122102"),
        Identifier(Scheme.PMID, "31810187"),
        Identifier(Scheme.PMCID, "PMC6947321"),
    ),
    title=TITLES[0],
    abstract=(AbstractSection(label="METHODS", text="Seven patients with < 5 relapses & more."),),
    type=WorkType.ARTICLE,
    published=PartialDate("2019-12-02"),
    venue=VenueClaim(name="Journal of Clinical Medicine", issns=("2077-0383",)),
    volume="8",
    issue="12",
    pages="2102",
    language="en",
    authors=(
        AuthorClaim(family="Iacobaeus", given="Ellen"),
        AuthorClaim(family="Le Blanc", given="Katarina", suffix="Jr."),
        AuthorClaim(collective="Karolinska MSC Group"),
    ),
    concepts=(
        ConceptClaim(scheme="mesh", label="Multiple Sclerosis", code="D009103"),
        ConceptClaim(scheme="keyword", label="stromal cells"),
    ),
    registrations=(RegistrationMention(number="NCT03778333", registry="ClinicalTrials.gov"),),
)


def saved(store: Store, *records: WorkRecord) -> None:
    for record in records:
        with store.writing() as session:
            save_work_record(session, record, a_payload(session).id, NOW)


def read(body: bytes, name: str) -> list[WorkRecord]:
    found = list(read_file(io.BytesIO(body), source="back", format=name))
    assert all(isinstance(one, FileRecord) for one in found), found
    return [one.record for one in found if isinstance(one, FileRecord)]


def exported(store: Store, name: str) -> WorkRecord:
    """The first work, written in the format and read again."""
    with store.reading() as session:
        body = b"".join(write_records(work_records(session, [1]), name))
    (record,) = read(body, name)
    return record


def test_a_file_holds_as_many_works_as_the_list_counts(
    plain_client: TestClient, plain_store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exported_works, "_AT_ONCE", 3)
    with plain_store.writing() as session:
        for n in range(8):
            a_work(session, doi=f"10.1234/{n}", title=f"{TITLES[n % 5]} {n}", year=2010 + n)
        a_work(session, doi="10.1234/mentioned", is_described=False)
    asked = "filter=year:>2012|null&sort=year:asc"
    listed = plain_client.get(f"/works?{asked}").json()
    for name in NAMES:
        answer = plain_client.get(f"/works?{asked}&format={name}")
        assert answer.status_code == 200, (name, answer.text)
        records = read(answer.content, name)
        assert len(records) == listed["meta"]["count"] == int(answer.headers["x-total-count"]) == 6
        assert [i.value for r in records for i in r.identifiers] == [
            work["doi"] for work in listed["results"]
        ], name
        assert answer.headers["content-disposition"].startswith('attachment; filename="works.')


def test_one_work_is_a_file_too(plain_client: TestClient, plain_store: Store):
    saved(plain_store, SEED)
    for name in NAMES:
        answer = plain_client.get(f"/works/31810187?format={name}")
        assert answer.headers["content-disposition"].startswith('attachment; filename="W1.')
        assert [record.title for record in read(answer.content, name)] == [SEED.title], name


@FORMATS
def test_what_every_manager_shows_is_in_every_format(plain_store: Store, name: str):
    saved(plain_store, SEED)
    record = exported(plain_store, name)
    assert record.title == SEED.title
    assert [(a.family, a.given) for a in record.authors[:2]] == [
        ("Iacobaeus", "Ellen"),
        ("Le Blanc", "Katarina"),
    ]
    assert Identifier(Scheme.DOI, "10.3390/jcm8122102") in record.identifiers
    assert (record.published or "")[:4] == "2019"
    assert record.venue is not None
    assert record.venue.name == "Journal of Clinical Medicine"
    assert (record.volume, record.issue, record.pages) == ("8", "12", "2102")
    assert record.abstract
    assert {c.label for c in record.concepts} >= {"stromal cells"}
    assert "W1" in (record.label or "") or any("W1" in note for note in record.notes)


@FORMATS
def test_a_retracted_work_says_so_in_every_format(plain_store: Store, name: str):
    retraction = NoticeClaim(
        kind=NoticeKind.RETRACTION,
        is_about_self=True,
        other=(Identifier(Scheme.DOI, "10.1234/notice"),),
        date=PartialDate("2021-05-03"),
        asserted_by="publisher",
    )
    retracted = WorkRecord(
        source="crossref",
        key="10.1234/r",
        identifiers=(Identifier(Scheme.DOI, "10.1234/r"),),
        title=TITLES[2],
        notices=(retraction,),
    )
    saved(plain_store, retracted)
    record = exported(plain_store, name)
    said = [*record.notes, *record.types_as_given, *(e.value for e in record.extra)]
    is_noticed = any(n.kind is NoticeKind.RETRACTION for n in record.notices)
    assert is_noticed or any("retracted" in text.lower() for text in said), record


def test_the_work_is_told_whole(plain_store: Store):
    saved(plain_store, SEED)
    with plain_store.reading() as session:
        (record,) = work_records(session, [1, 99])
    assert set(record.identifiers) == set(SEED.identifiers)
    for name in ("title", "abstract", "type", "published", "venue", "volume",
                 "issue", "pages", "language", "authors", "concepts", "registrations"):  # fmt: skip
        assert getattr(record, name) == getattr(SEED, name), name
    assert (record.label, record.notes) == ("W1", ("Evidence base: W1",))


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        pytest.param("application/x-research-info-systems", "application/x-research", id="RIS"),
        pytest.param("application/x-bibtex", "application/x-bibtex", id="BibTeX"),
        pytest.param(
            "application/vnd.citationstyles.csl+json, */*;q=0.1", "application/vnd.cit", id="CSL"
        ),
        pytest.param("application/json", "application/json", id="JSON"),
        pytest.param("*/*", "application/json", id="anything"),
        pytest.param("text/html,application/xml;q=0.9,*/*;q=0.8", "text/html", id="a browser"),
    ],
)
def test_the_accept_header_asks_for_a_format_too(
    plain_client: TestClient, plain_store: Store, accept: str, media_type: str
):
    saved(plain_store, SEED)
    for path in ("/works", "/works/W1"):
        answer = plain_client.get(path, headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(media_type)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        pytest.param("/works?format=docx", "expected json, html, ris", id="unknown format"),
        pytest.param("/works?format=ris&page=2", "leave out page", id="a page of a file"),
        pytest.param("/works?format=ris&select=id", "leave out select", id="fields of a file"),
        pytest.param("/works?format=ris&filter=colour:blue", "known: ", id="unknown filter"),
    ],
)
def test_what_makes_no_file_is_refused(plain_client: TestClient, path: str, said: str):
    answer = plain_client.get(path)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_the_page_of_works_links_to_every_format_with_its_filters(
    plain_client: TestClient, plain_store: Store
):
    saved(plain_store, SEED)
    page = plain_client.get("/works?filter=year:2019&page=1", headers={"Accept": "text/html"}).text
    for format in EXPORT_FORMATS:
        assert f'href="/works?filter=year%3A2019&amp;format={format.name}"' in page


def test_the_page_of_a_work_shows_what_reference_files_say(
    plain_client: TestClient, plain_store: Store
):
    body = (
        b"TY  - CHAP\r\nTI  - Cells as medicine\r\nAU  - Le Blanc, Katarina\r\n"
        b"A2  - Uccelli, Antonio\r\nT2  - A handbook\r\nPB  - Springer\r\nCY  - Berlin\r\n"
        b"SN  - 9783030016081\r\nET  - 2nd\r\nID  - leblanc2020\r\nXQ  - unheard of\r\nER  - \r\n"
    )
    assert plain_client.post("/imports?filename=my.ris", content=body).status_code == 201
    page = plain_client.get("/works/W1", headers={"Accept": "text/html"}).text
    for text in ("Antonio Uccelli", "Springer", "Berlin", "9783030016081", "2nd", "leblanc2020",
                 "unheard of"):  # fmt: skip
        assert text in page, text


# -- the command line ----------------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_base: Path) -> Path:
    return filled(an_installation(monkeypatch, tmp_path), starter_base)


def test_the_command_line_exports_what_the_list_counts(installed: Path, tmp_path: Path):
    count = json_of(kb("works", "--search", "mesenchymal", "--json"))["meta"]["count"]
    out = tmp_path / "works.json"
    told = json_of(
        kb("export", "works", "mesenchymal", "--format", "csl-json", "--out", str(out), "--json")
    )
    assert told == {"format": "csl-json", "file": str(out), "works": count}
    assert len(orjson.loads(out.read_bytes())) == count > 3


def test_a_format_that_works_cannot_leave_in_is_refused(installed: Path):
    result = kb("export", "works", "--format", "crossref-json")
    assert result.exit_code == 2
    assert "expected one of ris, nbib" in result.stderr
