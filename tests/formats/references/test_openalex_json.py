"""OpenAlex's works in both of their shapes."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.formats.references.formats import recognise
from kb.formats.references.openalex_json import to_item, to_record
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    Affiliation,
    AuthorClaim,
    ConceptClaim,
    DateClaim,
    FundingClaim,
    ObservationClaim,
    Unreadable,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)
from tests.conftest import shared
from tests.formats.provider_works import openalex_work
from tests.formats.references.work_records import articles, read_back, records_in, written

W1, W2, W3 = (Identifier(Scheme.OPENALEX, f"W{n}00000000") for n in (1, 2, 3))


def a_work(number: Identifier = W1, **changes: Any) -> dict[str, Any]:
    return openalex_work(number, **changes)


def recorded(name: str) -> WorkRecord:
    """The record of the first work in a recording, which may be wrapped with its request."""
    found = orjson.loads(shared(f"payloads/openalex/{name}").read_bytes())
    found = found[0] if isinstance(found, list) else found
    found = found["response"]["body"] if "response" in found else found
    return to_record(found["results"][0] if "results" in found else found)


# -- one work ------------------------------------------------------------------------------------


def test_a_work_of_2026_is_read_field_by_field():
    record = recorded("entity_work_2026.json")
    assert (record.key, record.view) == ("W2741809807", View.WORK)
    assert record.identifiers == identifiers(
        doi="10.7717/peerj.4375", pmid=29456894, openalex="W2741809807"
    )
    assert (record.title or "").startswith("The state of OA: a large-scale analysis")
    assert record.published == "2018-02-13"
    assert (record.volume, record.issue, record.pages) == ("6", None, "e4375")
    assert record.language == "en"
    assert record.license == "cc-by"
    assert record.is_open_access is True
    assert record.open_access_url == "https://doi.org/10.7717/peerj.4375"
    assert record.is_flagged_retracted is False
    assert record.updated == "2026-02-16"
    assert record.venue == VenueClaim(
        name="PeerJ", issns=("2167-8359",), publisher="PeerJ, Inc.", openalex_id="S1983995261"
    )
    assert record.authors[0].orcid == "0000-0003-1613-5981"
    assert record.authors[0].affiliations == (
        Affiliation(text="Impactstory, Sanford, NC, USA", ror="05ppvf150"),
    )
    assert (record.authors[0].is_corresponding, record.authors[1].is_corresponding) == (True, False)
    assert record.observations == (ObservationClaim(metric="citation_count", value=1149),)


def test_a_work_of_2025_is_read_from_its_older_shape():
    record = recorded("samedoi_xgen.2025.100814.json")
    assert FundingClaim(funder="Cancer Research UK", award="CC2190") in record.funding
    assert FundingClaim(funder="Wellcome Trust") in record.funding
    assert record.types_as_given == ("article", "journal-article")
    numeric = recorded("samedoi_pnas.1414271111.json")
    assert Identifier(Scheme.PMCID, "PMC4234579") in numeric.identifiers


def test_an_article_called_a_book_chapter_is_an_article():
    record = recorded("entity_work_2026.json")
    assert record.type is WorkType.ARTICLE
    assert record.types_as_given == ("book-chapter", "journal-article")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        pytest.param({"type": "article"}, WorkType.ARTICLE, id="article"),
        pytest.param({"type": "review"}, WorkType.REVIEW, id="review"),
        pytest.param({"type": "preprint"}, WorkType.PREPRINT, id="preprint"),
        pytest.param({"type": "erratum"}, WorkType.NOTICE, id="erratum"),
        pytest.param({"type": "retraction"}, WorkType.NOTICE, id="retraction"),
        pytest.param({"type": "dissertation"}, WorkType.THESIS, id="thesis"),
        pytest.param({"type": "article", "is_paratext": True}, WorkType.OTHER, id="cover"),
        pytest.param({"type": "book-chapter"}, WorkType.BOOK_CHAPTER, id="chapter"),
        pytest.param(
            {"type": "book-chapter", "primary_location": {"source": {"type": "journal"}}},
            None,
            id="chapter of a journal",
        ),
        pytest.param(
            {"type": "article", "primary_location": {"raw_type": "posted-content"}},
            WorkType.PREPRINT,
            id="posted",
        ),
        pytest.param({"type": "something new"}, None, id="unknown"),
        pytest.param({"type": None}, None, id="none"),
    ],
)
def test_the_type_is_believed_only_where_the_place_does_not_contradict_it(fields, kind):
    assert to_record(a_work(**fields)).type is kind


@pytest.mark.parametrize(
    ("index", "abstract"),
    [
        pytest.param({"was": [1, 3], "It": [0], "safe.": [4], "and": [2]}, "It was and was safe."),
        pytest.param({"Safe": [0], "feasible.": [999_999_999]}, "Safe feasible.", id="gap"),
        pytest.param({"Abstract": [0], "Background:": [1]}, "Background:", id="heading"),
        pytest.param({"ABSTRACT:": [0], "we": [1]}, "we", id="heading with colon"),
        pytest.param({"AbstractBackground": [0], "MSC": [1]}, "Background MSC", id="glued"),
        pytest.param({"Abstract": [0], "thinking": [1]}, "Abstract thinking", id="a sentence"),
        pytest.param({"p": [0], "<": [1], "0.05": [2]}, "p < 0.05", id="less than"),
        pytest.param({"2": [0], "10<sup>6</sup>": [1]}, "2 10^6", id="markup"),
        pytest.param({"MSC": ["x", -1, None]}, None, id="positions that are none"),
        pytest.param({}, None, id="empty"),
        pytest.param(None, None, id="withheld"),
    ],
)
def test_an_abstract_is_put_together_by_position(index, abstract):
    sections = to_record(a_work(abstract_inverted_index=index)).abstract
    assert [(s.label, s.text) for s in sections] == ([(None, abstract)] if abstract else [])


def test_a_recorded_abstract_reads_as_printed():
    (section,) = recorded("samedoi_pnas.1414271111.json").abstract
    assert section.text.startswith("Significance The inadequate mechanical properties")
    assert section.text.endswith("are clinically applicable.")


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        pytest.param({"publication_date": "2019-12-02"}, "2019-12-02", id="day"),
        pytest.param({"publication_date": "2019-12-01"}, "2019-12", id="day may be filling"),
        pytest.param({"publication_date": "2019-01-01"}, "2019", id="month may be filling"),
        pytest.param({"publication_year": 2019}, "2019", id="year alone"),
        pytest.param({"publication_date": None, "publication_year": None}, None, id="none"),
    ],
)
def test_what_may_be_filling_is_no_part_of_the_date(fields, published):
    record = to_record(a_work(**fields))
    assert record.published == published
    dates = (DateClaim(role="published", date=PartialDate(published)),) if published else ()
    assert record.dates == dates


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("https://www.ncbi.nlm.nih.gov/pmc/articles/4234579", "PMC4234579"),
        ("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC4234579/", "PMC4234579"),
        ("4234579", "PMC4234579"),
    ],
)
def test_a_pmcid_is_known_with_and_without_its_letters_and_address(raw, value):
    record = to_record(a_work(ids={"pmcid": raw}))
    assert Identifier(Scheme.PMCID, value) in record.identifiers


def test_a_merged_work_answers_under_another_id_and_the_record_carries_both():
    record = to_record(a_work(W2), W1)
    assert (record.key, record.identifiers) == (W2.value, (W2, W1))


def test_the_name_as_printed_is_preferred_to_the_one_of_the_person():
    author = {"author": {"display_name": "Ellen Iacobaeus"}, "raw_author_name": "E. Iacobaeus"}
    assert to_record(a_work(authorships=[author])).authors[0].name == "E. Iacobaeus"


def test_where_nobody_is_marked_nothing_is_known_of_the_corresponding_author():
    record = recorded("samedoi_pnas.1414271111.json")
    assert {author.is_corresponding for author in record.authors} == {None}


def test_an_affiliation_naming_two_institutions_gets_neither_ror():
    places = [{"id": "I1", "ror": "https://ror.org/056d84691"}, {"id": "I2", "ror": None}]
    shared_line = {"raw_affiliation_string": "KI and Hospital", "institution_ids": ["I1", "I2"]}
    own_line = {"raw_affiliation_string": "KI", "institution_ids": ["I1"]}
    author = {
        "raw_author_name": "K. Le Blanc",
        "institutions": places,
        "affiliations": [shared_line, own_line],
    }
    assert to_record(a_work(authorships=[author])).authors[0].affiliations == (
        Affiliation(text="KI and Hospital"),
        Affiliation(text="KI", ror="056d84691"),
    )


@pytest.mark.parametrize(
    ("fields", "complete"),
    [
        pytest.param({"authorships": [{"raw_author_name": "A"}]}, None, id="not said"),
        pytest.param({"is_authors_truncated": True}, False, id="said"),
        pytest.param({"authorships": [{"raw_author_name": "A"}] * 100}, False, id="a hundred"),
    ],
)
def test_a_list_cut_at_a_hundred_authors_is_not_complete(fields, complete):
    assert to_record(a_work(**fields)).authors_complete is complete


def test_a_repository_is_the_venue_of_a_preprint_but_not_of_an_article():
    location = {
        "source": {"display_name": "PubMed", "type": "repository"},
        "raw_source_name": "J Clin Med",
    }
    article = to_record(a_work(type="article", primary_location=location))
    preprint = to_record(a_work(type="preprint", primary_location=location))
    assert article.venue == VenueClaim(name="J Clin Med")
    assert preprint.venue == VenueClaim(name="PubMed")


def test_mesh_headings_are_gathered_from_a_row_per_qualifier():
    record = recorded("samedoi_pnas.1414271111.json")
    mesh = [c for c in record.concepts if c.scheme == "mesh"]
    assert mesh[0] == ConceptClaim(
        scheme="mesh",
        label="Chondrocytes",
        code="D019902",
        is_major=True,
        qualifiers=("metabolism", "cytology"),
    )
    assert len({c.label for c in mesh}) == len(mesh)


def test_the_primary_topic_comes_once_and_first():
    record = recorded("entity_work_2026.json")
    topics = [(c.code, c.is_major) for c in record.concepts if c.scheme == "topic"]
    assert topics == [("T10102", True), ("T13607", False), ("T11937", False)]


def test_awards_name_their_funder_and_funders_without_award_follow():
    funders = [
        {"id": "F1", "display_name": "Vetenskapsrådet", "ror": "https://ror.org/03zttf063"},
        {"id": "F2", "display_name": "Region Stockholm", "ror": None},
    ]
    awards = [
        {"funder_id": "F1", "funder_display_name": "Vetenskapsrådet", "funder_award_id": "2018-1"}
    ]
    assert to_record(a_work(awards=awards, funders=funders)).funding == (
        FundingClaim(funder="Vetenskapsrådet", funder_ror="03zttf063", award="2018-1"),
        FundingClaim(funder="Region Stockholm"),
    )


def test_references_are_the_works_cited_and_never_the_related_ones():
    record = recorded("entity_work_2026.json")
    assert record.references_claimed == len(record.references) == 54
    assert [r.position for r in record.references] == list(range(1, 55))
    assert record.references[0].identifiers == identifiers(openalex="W1560783210")
    related = to_record(a_work(related_works=[f"https://openalex.org/{W2.value}"]))
    assert (related.references, related.references_claimed) == ((), None)


def test_a_retraction_flag_is_a_flag_and_no_notice():
    record = to_record(a_work(is_retracted=True))
    assert (record.is_flagged_retracted, record.notices) == (True, ())
    assert to_record(a_work()).is_flagged_retracted is None


def test_every_field_may_be_null():
    names = orjson.loads(shared("payloads/openalex/entity_work_2026.json").read_bytes())
    record = to_record({**dict.fromkeys(names), "id": f"https://openalex.org/{W1.value}"})
    assert record == WorkRecord(source="openalex", key=W1.value, identifiers=(W1,))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        pytest.param("oc2026_openalex_doi.json", "W1985052597", id="id alone"),
        pytest.param(
            "mix_test_does_openalex_work_oa_in_openalex1.json",
            "10.1021/acs.jctc.5b00178",
            id="without id",
        ),
    ],
)
def test_a_work_cut_down_by_select_is_a_brief_view(name, key):
    record = recorded(name)
    assert (record.key, record.view, record.title) == (key, View.BRIEF, None)


# -- files ---------------------------------------------------------------------------------------


def in_file(*works: Any) -> list[WorkRecord]:
    return records_in("openalex-json", orjson.dumps(works))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(orjson.dumps(a_work()), id="single work"),
        pytest.param(orjson.dumps({"meta": {"count": 1}, "results": [a_work()]}), id="list"),
        pytest.param(orjson.dumps([a_work()]), id="array"),
        pytest.param(orjson.dumps(a_work()) + b"\n", id="line of the snapshot"),
    ],
)
def test_a_file_may_be_any_saved_answer(body):
    (read,) = read_back("openalex-json", body)
    assert isinstance(read, FileRecord)
    assert read.record == replace(to_record(a_work()), source="a file", key="record 1")
    assert recognise(body).name == "openalex-json"


def test_lines_of_works_are_read_past_a_broken_one():
    lines = [orjson.dumps(a_work()), b'{"id": "https://openalex.org/W9', orjson.dumps(a_work(W2))]
    first, broken, last = read_back("openalex-json", b"\n".join(lines))
    assert isinstance(broken, Unreadable)
    assert "line 2" in broken.position
    assert isinstance(first, FileRecord)
    assert isinstance(last, FileRecord)
    assert last.record.identifiers == (W2,)


def test_an_entity_that_is_no_work_is_reported():
    author = {"id": "https://openalex.org/A5023888391", "display_name": "An author"}
    (read,) = read_back("openalex-json", orjson.dumps([author]))
    assert isinstance(read, Unreadable)
    assert read.reason == "not a work: 'https://openalex.org/A5023888391'"


def test_members_that_are_not_openalexs_come_out_again_and_what_it_computes_does_not():
    more: dict[str, Any] = {"screened": {"by": ["A", "B"], "score": 0.5}, "doi": "none yet"}
    body = orjson.dumps([a_work(counts_by_year=[{"year": 2020}]) | more])
    (read,) = read_back("openalex-json", body)
    assert isinstance(read, FileRecord)
    assert read.warnings == ("not a DOI: 'none yet'",)
    item = to_item(read.record)
    assert {name: item[name] for name in more} == more
    assert "counts_by_year" not in item


@pytest.mark.parametrize("kind", WorkType)
def test_every_type_is_read_as_it_was_written(kind):
    assert to_record(to_item(replace(to_record(a_work()), type=kind))).type is kind


def test_recorded_works_survive_being_written():
    for name in ("entity_work_2026.json", "samedoi_pnas.1414271111.json"):
        found = orjson.loads(shared(f"payloads/openalex/{name}").read_bytes())
        found = found["response"]["body"] if "response" in found else found
        (work,) = in_file(found)
        (again,) = records_in("openalex-json", written("openalex-json", [work]))
        assert set(again.concepts) == set(work.concepts)
        # What a place of publication is called raw is written only where our types need it.
        assert replace(again, concepts=work.concepts, types_as_given=work.types_as_given) == work


@given(st.lists(articles, max_size=3))
def test_what_was_written_is_read_back(works):
    again = records_in("openalex-json", written("openalex-json", works))
    assert [as_openalex_says(a) for a in again] == [as_openalex_says(w) for w in works]


def as_openalex_says(work: WorkRecord) -> WorkRecord:
    """What OpenAlex's members can say of the work: whole names, no first of a month."""
    date = (work.published or "").removesuffix("-01").removesuffix("-01")
    venue = work.venue or VenueClaim()
    return WorkRecord(
        source=work.source,
        key="",
        label=work.label,
        identifiers=work.identifiers,
        title=work.title,
        abstract=work.abstract,
        type=work.type,
        published=PartialDate(date),
        venue=VenueClaim(name=venue.name, issns=venue.issns, publisher=venue.publisher),
        volume=work.volume,
        issue=work.issue,
        pages=work.pages,
        language=work.language,
        authors=tuple(
            AuthorClaim(name=a.name or a.collective or f"{a.given or ''} {a.family}".strip())
            for a in work.authors
        ),
        concepts=work.concepts,
        urls=work.urls,
    )
