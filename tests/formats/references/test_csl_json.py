"""A CSL item is understood, and comes out again as it came in."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.formats.references.csl_json import item_of, read, record_of
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.dates import PartialDate, partial_date
from kb.models.records import (
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    DateClaim,
    RegistrationMention,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
)
from tests.formats.references.work_records import articles, others, records_in, written
from tests.formats.references.zotero_facts import cases, facts_of_record, facts_of_zotero


def reads(body: str | bytes) -> list[FileRecord | Unreadable]:
    return list(read(io.BytesIO(body if isinstance(body, bytes) else body.encode()), "a file"))


def titles(body: str | bytes) -> list[str | None]:
    return [r.record.title if isinstance(r, FileRecord) else None for r in reads(body)]


def an_item(**more: Any) -> dict[str, Any]:
    return {"id": "k", "type": "article-journal", "title": "T"} | more


def understood(**more: Any) -> WorkRecord:
    return record_of({name.replace("_", "-"): v for name, v in an_item(**more).items()}, "a file")


# -- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('[{"id": 1, "title": "A"}, {"id": 2, "title": "B"}]', id="array"),
        pytest.param('{"items": [{"title": "A"}, {"title": "B"}], "n": 2}', id="items"),
        pytest.param('{"title": "A"}\n{"title": "B"}\n', id="lines"),
        pytest.param('[\n {\n  "title": "A",\n },\n {"title": "B"},\n]', id="commas too many"),
        pytest.param('\ufeff[{"title": "A"},\r\n{"title": "B"}]', id="byte order mark"),
        pytest.param('[{"title": "A"},{"title": "B"}]'.encode("utf-16"), id="utf-16"),
    ],
)
def test_items_are_read_however_they_are_put_together(body: str | bytes) -> None:
    assert titles(body) == ["A", "B"]


def test_one_item_alone_is_a_file() -> None:
    assert titles('{"id": "k", "title": "A", "references": "x"}') == ["A"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param('{"id": 2, "title": "no end},', id="string"),
        pytest.param('{"id": 2, "author": [{"family": "A"},', id="bracket"),
        pytest.param('{"id": 2 "title": "B"},', id="comma"),
        pytest.param('{"id": 2, "title": undefined},', id="word"),
        pytest.param('"no object",', id="no object"),
        pytest.param("{},", id="empty"),
    ],
)
def test_a_malformed_item_is_reported_with_its_line_and_the_next_is_read(broken: str) -> None:
    found = reads(f'[\n{{"id": 1, "title": "A"}},\n{broken}\n{{"id": 3, "title": "C"}}\n]')
    assert [isinstance(r, FileRecord) for r in found] == [True, False, True]
    assert found[1].position == "record 2 (line 3)"
    assert isinstance(found[2], FileRecord)
    assert found[2].record.title == "C"


def test_a_deeply_nested_item_stops_nothing() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    found = reads(f'[{{"id": 1, "custom": {deep}}}, {{"id": 2, "title": "B"}}]')
    assert isinstance(found[0], Unreadable)
    assert isinstance(found[-1], FileRecord)


@settings(max_examples=60, deadline=None)
@given(st.lists(articles, min_size=1, max_size=4), st.data())
def test_a_file_cut_off_anywhere_gives_what_came_before(
    works: list[WorkRecord], data: st.DataObject
) -> None:
    body = written("csl-json", works)
    cut = data.draw(st.integers(0, len(body)))
    found = [r.record.title for r in reads(body[:cut]) if isinstance(r, FileRecord)]
    whole = body[:cut].count(b"},\n{") if cut < len(body) else len(works)
    assert found[:whole] == [work.title for work in works][:whole]


# -- what an item says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issued", "published"),
    [
        pytest.param({"date-parts": [[2019, 12, 5]]}, "2019-12-05", id="numbers"),
        pytest.param({"date-parts": [["2019", "12"]]}, "2019-12", id="texts"),
        pytest.param({"date-parts": [[2019], [2020, 1]]}, "2019", id="range"),
        pytest.param({"date-parts": [[2019]], "season": 2}, "2019", id="season"),
        pytest.param({"date-parts": [[2019]], "circa": True}, "2019", id="circa"),
        pytest.param({"raw": "5 December 2019"}, "2019-12-05", id="raw"),
        pytest.param({"raw": "2019-12/2020-01"}, "2019-12", id="raw range"),
        pytest.param({"literal": "in press"}, None, id="literal"),
        pytest.param({"date-parts": [[0]]}, None, id="year 0"),
        pytest.param({"date-parts": [[-44, 3]]}, None, id="before our era"),
    ],
)
def test_dates_are_as_precise_as_given_and_come_out_again(
    issued: dict[str, Any], published: str | None
) -> None:
    record = understood(issued=issued)
    assert record.published == published
    again = item_of(record)["issued"]
    assert again == issued or again == {"date-parts": [[2019, 12]]}
    assert record_of(item_of(record), "a file") == record


@pytest.mark.parametrize(
    ("name", "author"),
    [
        pytest.param({"family": "Doe"}, AuthorClaim(family="Doe"), id="family"),
        pytest.param(
            {"family": "Gogh", "given": "Vincent", "non-dropping-particle": "van"},
            AuthorClaim(family="van Gogh", given="Vincent"), id="kept particle",
        ),
        pytest.param(
            {"family": "Humboldt", "given": "Alexander", "dropping-particle": "von"},
            AuthorClaim(family="Humboldt", given="Alexander von"), id="dropped particle",
        ),
        pytest.param(
            {"family": "King", "given": "M", "suffix": "Jr."},
            AuthorClaim(family="King", given="M", suffix="Jr."), id="suffix",
        ),
        pytest.param({"literal": "WHO"}, AuthorClaim(collective="WHO"), id="literal"),
        pytest.param(
            {"family": "WHO", "isInstitution": "true"},
            AuthorClaim(collective="WHO"), id="institution",
        ),
        pytest.param(
            {"family": "Doe", "ORCID": "http://orcid.org/0000-0002-1825-0097"},
            AuthorClaim(family="Doe", orcid="0000-0002-1825-0097"), id="orcid",
        ),
    ],
)  # fmt: skip
def test_names_are_read_in_every_form(name: dict[str, str], author: AuthorClaim) -> None:
    assert understood(author=[name]).authors == (author,)


def test_parts_of_names_come_out_again() -> None:
    author = [{"family": "Gogh", "given": "V", "non-dropping-particle": "van"}]
    assert item_of(understood(author=author))["author"] == author


def test_and_others_says_that_there_are_more() -> None:
    record = understood(author=[{"family": "Doe"}, {"literal": "others"}])
    assert (record.authors, record.authors_complete) == ((AuthorClaim(family="Doe"),), False)


def test_fields_in_the_note_count() -> None:
    record = understood(note="PMID: 31810187\nPMCID: PMC6947442\noriginal-date: 1990\nSeen twice.")
    assert record.identifiers == identifiers(pmid=31810187, pmcid="PMC6947442")
    assert record.notes == ("Seen twice.",)


def test_identifiers_in_any_spelling_are_those_meant() -> None:
    record = understood(DOI="https://doi.org/10.1000/ABC", PMID=31810187, PMCID="6947442")
    assert record.identifiers == identifiers(doi="10.1000/abc", pmid=31810187, pmcid="PMC6947442")
    assert item_of(record)["DOI"] == "10.1000/abc"


def test_what_is_no_identifier_is_kept_and_warned_of() -> None:
    (found,) = reads(orjson.dumps([an_item(DOI="in press")]))
    assert isinstance(found, FileRecord)
    assert found.warnings == ("DOI 'in press' is none; kept as is",)
    assert item_of(found.record)["DOI"] == "in press"


def test_markup_in_a_title_is_no_text_and_comes_out_again() -> None:
    title = 'Role of <i>Foxp3</i> in 10<sup>6</sup> <span class="nocase">Tregs</span>, p < 0.05'
    record = understood(title=title)
    assert record.title == "Role of Foxp3 in 10^6 Tregs, p < 0.05"
    assert item_of(record)["title"] == title


@pytest.mark.parametrize(
    ("page", "pages", "number"),
    [
        ("476–481", "476-481", None), ("e12345", None, "e12345"), ("S1-S9", "S1-S9", None),
        ("Article 7", None, "Article 7"), (5, "5", None),
    ],
)  # fmt: skip
def test_an_electronic_locator_is_no_page(page: Any, pages: str | None, number: str | None) -> None:
    record = understood(page=page)
    assert (record.pages, record.article_number) == (pages, number)
    assert str(item_of(record)["page"]) == str(page)


_TYPES = ["article", "article-journal", "article-magazine", "article-newspaper", "bill", "book", "broadcast", "chapter", "classic", "collection", "dataset", "document", "entry", "entry-dictionary", "entry-encyclopedia", "event", "figure", "graphic", "hearing", "interview", "legal_case", "legislation", "manuscript", "map", "motion_picture", "musical_score", "pamphlet", "paper-conference", "patent", "performance", "periodical", "personal_communication", "post", "post-weblog", "regulation", "report", "review", "review-book", "software", "song", "speech", "standard", "thesis", "treaty", "webpage"]  # fmt: skip # noqa: E501


@pytest.mark.parametrize("kind", _TYPES)
def test_every_type_comes_out_again_and_is_known(kind: str) -> None:
    (found,) = reads(orjson.dumps([an_item(type=kind)]))
    assert isinstance(found, FileRecord)
    assert found.warnings == ()
    assert item_of(found.record)["type"] == kind


def test_unknown_variables_come_out_as_they_came_in() -> None:
    given = {
        "custom": {"a": [1, {"b": None}]}, "accessed": {"date-parts": [[2020, 1, 2]]},
        "genre": "PhD", "number-of-pages": 12, "foo": [True, "5"], "annote": "{x}",
        "status": "true", "call-number": '"q"',
    }  # fmt: skip
    item = item_of(understood(**given))
    given["number-of-pages"] = "12"  # numbers and texts of digits are one to CSL
    assert {name: item[name] for name in given} == given


def test_what_was_kept_gives_way_to_what_was_changed_since() -> None:
    record = understood(title="<i>A</i>", issued={"date-parts": [[2019]], "season": 1}, foo="bar")
    item = item_of(replace(record, title="B", published=partial_date(2020)))
    assert (item["title"], item["issued"], item["foo"]) == ("B", {"date-parts": [[2020]]}, "bar")


# -- there and back ------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(articles | others)
def test_a_record_written_reads_back(work: WorkRecord) -> None:
    (back,) = records_in("csl-json", written("csl-json", [work]))
    assert replace(back, key=work.key) == work


@pytest.mark.parametrize("kind", [*WorkType, None])
def test_every_kind_of_work_survives(kind: WorkType | None) -> None:
    work = WorkRecord(source="a file", key="k", label="k", title="T", type=kind)
    assert records_in("csl-json", written("csl-json", [work])) == [work]


def test_what_csl_has_no_variable_for_survives() -> None:
    work = WorkRecord(
        source="a file",
        key="k",
        label="k",
        title="עברית 🧬 \u00a0x" + "y" * 10_000,
        type=WorkType.CASE_REPORT,
        identifiers=identifiers(openalex="W2992000000"),
        authors=(
            AuthorClaim(name="Somebody Unsplit"),
            *(AuthorClaim(family=f"F{n}", given="G") for n in range(5_000)),
        ),
        authors_complete=True,
        concepts=(ConceptClaim(scheme="mesh", label="Humans", is_major=False, qualifiers=("x",)),),
        contributors=(ContributorClaim(role="sponsor", person=AuthorClaim(collective="X")),),
        registrations=(RegistrationMention(number="NCT01745783", registry="ClinicalTrials.gov"),),
        urls=("https://a.b", "https://c.d"),
        venue=VenueClaim(name="J", issns=("2077-0383",)),
        article_number="2102",
    )
    assert records_in("csl-json", written("csl-json", [work])) == [work]


@pytest.mark.parametrize("case", cases("csl_json"), ids=lambda case: case["items"][0]["title"][:20])
def test_zotero_reads_the_same_csl(case: dict[str, Any]) -> None:
    found = [r.record for r in reads(case["input"]) if isinstance(r, FileRecord)]
    for record, item in zip(found, case["items"], strict=True):
        theirs = facts_of_zotero(item)
        ours = facts_of_record(record)
        assert {name: ours[name] for name in theirs} == theirs
    given = orjson.loads(case["input"])
    again = [item_of(record) for record in found]
    for before, after in zip(given, again, strict=True):
        before["issued"] = {"date-parts": [[int(n) for n in before["issued"]["date-parts"][0]]]}
        assert after == before


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
_NAMES = ["id", "type", "title", "author", "issued", "DOI", "page", "note", "custom", "keyword", "ISSN", "editor", "volume", "URL", "language"]  # fmt: skip # noqa: E501


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=6))
def test_no_value_stops_the_reader(item: dict[str, Any]) -> None:
    record = record_of(item, "a file")
    orjson.dumps(item_of(record))


@pytest.mark.parametrize(
    ("more", "variable"),
    [
        pytest.param({"type": WorkType.THESIS, "types_as_given": ("PhD",)}, "genre", id="thesis"),
        pytest.param({"types_as_given": ("Review", "Letter")}, "custom", id="types of work"),
        pytest.param({"type": WorkType.REPORT, "issue": "TR-1"}, "number", id="report"),
        pytest.param({"type": WorkType.PATENT, "issue": "US1"}, "number", id="patent"),
        pytest.param(
            {"dates": (DateClaim(role="accessed", date=PartialDate("2020-01-02")),)},
            "accessed",
            id="accessed",
        ),
    ],
)
def test_facts_of_other_formats_survive(more: dict[str, Any], variable: str) -> None:
    fields = {"type": WorkType.ARTICLE} | more
    work = WorkRecord(source="a file", key="k", label="k", title="T", **fields)
    assert variable in item_of(work)
    assert record_of(item_of(work), "a file") == work
