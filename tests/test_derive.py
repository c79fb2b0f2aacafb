"""A work is what its records say, whatever came first."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.derive import DerivedWork, derive_work
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import (
    AbstractSection,
    Affiliation,
    AuthorClaim,
    ConceptClaim,
    ContributorClaim,
    ExtraField,
    FundingClaim,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)

ORCID = "0000-0002-1825-0097"


def a_record(source: str = "crossref", key: str = "1", **given: Any) -> WorkRecord:
    return WorkRecord(source=source, key=key, **given)


def derived(*records: WorkRecord, mentions: tuple[WorkRecord, ...] = ()) -> DerivedWork:
    return derive_work(enumerate(records, 1), enumerate(mentions, 101))


# -- laws ----------------------------------------------------------------------------------------

texts = st.sampled_from(["Seven patients", "A cohort", "Sju patienter"])
dates = st.sampled_from(["2019", "2019-12", "2019-12-02", "2019-12-10", "2020-01"])
authors = st.builds(
    AuthorClaim,
    family=st.sampled_from(["Iacobaeus", "Le Blanc"]) | st.none(),
    name=st.sampled_from(["Ellen Iacobaeus", "Le Blanc K"]) | st.none(),
    orcid=st.sampled_from([ORCID]) | st.none(),
    affiliations=st.lists(
        st.builds(Affiliation, text=st.sampled_from(["Stockholm", "Solna"])), max_size=1
    ).map(tuple),
)
facts = {
    "identifiers": st.lists(
        st.sampled_from([Identifier(Scheme.DOI, "10.1/a"), Identifier(Scheme.PMID, "1")])
    ).map(tuple),
    "title": texts | st.none(),
    "original_title": texts | st.none(),
    "abstract": st.lists(st.builds(AbstractSection, text=texts), max_size=1).map(tuple),
    "type": st.sampled_from(WorkType) | st.none(),
    "types_as_given": st.lists(st.sampled_from(["Journal Article", "Review"]), max_size=2).map(
        tuple
    ),
    "published": dates.map(PartialDate) | st.none(),
    "venue": st.builds(
        VenueClaim,
        name=st.sampled_from(["J Clin Med"]) | st.none(),
        publisher=st.sampled_from(["MDPI"]) | st.none(),
    )
    | st.none(),
    "volume": st.sampled_from(["8"]) | st.none(),
    "language": st.sampled_from(["en", "sv"]) | st.none(),
    "is_open_access": st.booleans() | st.none(),
    "is_flagged_retracted": st.booleans() | st.none(),
    "authors": st.lists(authors, max_size=2).map(tuple),
    "authors_complete": st.booleans() | st.none(),
    "concepts": st.lists(
        st.builds(
            ConceptClaim,
            scheme=st.sampled_from(["mesh", "keyword"]),
            label=st.sampled_from(["Multiple Sclerosis", "multiple sclerosis"]),
            code=st.sampled_from(["D009103"]) | st.none(),
        ),
        max_size=2,
    ).map(tuple),
    "funding": st.lists(
        st.builds(FundingClaim, funder=st.sampled_from(["Region Stockholm", "region stockholm"])),
        max_size=2,
    ).map(tuple),
    "label": st.sampled_from(["iacobaeus2019", "PMC6947321"]) | st.none(),
    "contributors": st.lists(
        st.builds(ContributorClaim, role=st.sampled_from(["editor", "translator"]), person=authors),
        max_size=2,
    ).map(tuple),
    "series": st.sampled_from(["Methods in Molecular Biology"]) | st.none(),
    "isbns": st.lists(st.sampled_from(["9781493910168", "9783030016081"]), max_size=2).map(tuple),
    "notes": st.lists(st.sampled_from(["read twice", "in print"]), max_size=2).map(tuple),
    "extra": st.lists(
        st.builds(
            ExtraField,
            format=st.just("ris"),
            tag=st.sampled_from(["C1", "M3"]),
            value=st.sampled_from(["Stockholm", "Article"]),
        ),
        max_size=3,
    ).map(tuple),
}
keys = st.tuples(
    st.sampled_from(["pubmed", "europepmc", "crossref", "openalex", "elsewhere"]),
    st.sampled_from(["1", "2"]),
    st.sampled_from([View.WORK, View.BRIEF]),
)
# A base keeps one record under each source, key and view.
record_sets = st.lists(keys, unique=True, min_size=1, max_size=5).flatmap(
    lambda held: st.tuples(
        *(
            st.builds(WorkRecord, source=st.just(s), key=st.just(k), view=st.just(v), **facts)
            for s, k, v in held
        )
    )
)


@given(record_sets, st.randoms())
def test_any_order_of_records_gives_the_same_work(records, random):
    numbered = list(enumerate(records, 1))
    assert derive_work(random.sample(numbered, len(numbered))) == derive_work(numbered)


@given(record_sets, st.randoms())
def test_any_order_of_mentions_gives_the_same_work(mentions, random):
    numbered = list(enumerate(mentions, 1))
    assert derive_work((), random.sample(numbered, len(numbered))) == derive_work((), numbered)


@given(record_sets)
def test_a_further_record_never_takes_a_particular_away(records):
    before, after = derived(*records[:-1]).particulars, derived(*records).particulars
    of_another = ("authors_complete", "venue")  # which say what the authors or venue chosen are
    for field in fields(before) if before else ():
        if is_given(getattr(before, field.name)) and field.name not in of_another:
            assert is_given(getattr(after, field.name, None)), field.name


def is_given(value: Any) -> bool:
    return value is not None and value != ()


@given(record_sets)
def test_a_further_record_never_blanks_a_field(records):
    before, after = derived(*records[:-1]), derived(*records)
    for field in fields(DerivedWork):
        if is_given(getattr(before, field.name)) and field.name != "provenance":
            assert is_given(getattr(after, field.name)), field.name


GATHERED = {
    "identifiers", "dates", "is_flagged_retracted", "is_described", "concepts", "funding",
    "particulars", "provenance",
}  # fmt: skip


@given(record_sets)
def test_every_field_names_the_record_that_says_so(records):
    work = derived(*records)
    for field in fields(DerivedWork):
        value = getattr(work, field.name)
        if field.name in GATHERED or not is_given(value):
            assert field.name not in work.provenance
        else:
            said = getattr(records[work.provenance[field.name] - 1], field.name)
            if field.name == "authors":
                assert [a.family for a in value] == [a.family for a in said]
            else:
                assert value == said


BRIEF_NEVER_WINS = ("title", "abstract", "volume", "language", "is_open_access", "authors")


@given(record_sets)
def test_a_brief_view_never_beats_a_full_one(records):
    work = derived(*records)
    for name in BRIEF_NEVER_WINS:
        full = [r for r in records if r.view is View.WORK and is_given(getattr(r, name))]
        if full and is_given(getattr(work, name)):
            assert records[work.provenance[name] - 1].view is View.WORK


# -- who is believed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "order"),
    [
        pytest.param("title", "T", ["pubmed", "europepmc", "crossref", "openalex"], id="title"),
        pytest.param("volume", "8", ["crossref", "pubmed", "europepmc", "openalex"], id="volume"),
        pytest.param("license", "cc-by", ["crossref", "europepmc", "openalex"], id="licence"),
    ],
)
def test_sources_are_believed_in_the_order_of_what_they_know_best(name, value, order):
    records = [
        a_record(source, **{name: f"{value} by {source}"}) for source in [*order, "a library"]
    ]
    for n, source in enumerate([*order, "a library"]):
        assert getattr(derived(*reversed(records[n:])), name) == f"{value} by {source}"


def test_a_type_that_says_more_than_article_wins():
    work = derived(
        a_record("pubmed", type=WorkType.ARTICLE, types_as_given=("Journal Article",)),
        a_record("crossref", type=WorkType.REVIEW, types_as_given=("review-article",)),
    )
    assert (work.type, work.types_as_given) == (WorkType.REVIEW, ("review-article",))


def test_a_notice_is_a_notice_although_openalex_calls_it_a_review():
    work = derived(
        a_record("pubmed", type=WorkType.NOTICE), a_record("openalex", type=WorkType.REVIEW)
    )
    assert work.type is WorkType.NOTICE


def test_openalexs_type_counts_where_nobody_else_has_one():
    work = derived(a_record("pubmed"), a_record("openalex", type=WorkType.PREPRINT))
    assert work.type is WorkType.PREPRINT


def test_a_more_precise_date_within_the_preferred_one_is_taken_with_its_record():
    work = derived(
        a_record("crossref", published=PartialDate("2019-12")),
        a_record("pubmed", published=PartialDate("2019-12-02")),
        a_record("openalex", published=PartialDate("2019-11-30")),
    )
    assert (work.published, work.provenance["published"]) == ("2019-12-02", 2)


def test_a_publisher_alone_does_not_stand_in_for_the_venue():
    work = derived(
        a_record("crossref", venue=VenueClaim(publisher="MDPI")),
        a_record("pubmed", venue=VenueClaim(name="J Clin Med")),
    )
    assert work.venue == VenueClaim(name="J Clin Med")


def test_a_complete_list_of_authors_comes_before_a_cut_one():
    cut = (AuthorClaim(family="Iacobaeus"),)
    whole = (*cut, AuthorClaim(family="Le Blanc"))
    work = derived(
        a_record("pubmed", authors=cut, authors_complete=False),
        a_record("crossref", authors=whole),
    )
    assert work.authors == whole


def test_a_heading_is_one_concept_whether_its_code_is_given_or_not():
    work = derived(
        a_record("pubmed", concepts=(ConceptClaim(scheme="mesh", label="Multiple Sclerosis"),)),
        a_record(
            "openalex",
            concepts=(ConceptClaim(scheme="mesh", label="Multiple sclerosis", code="D009103"),),
        ),
    )
    assert [(c.label, c.code) for c in work.concepts] == [("Multiple Sclerosis", "D009103")]


# -- ORCIDs --------------------------------------------------------------------------------------


def with_orcid_from(other: tuple[AuthorClaim, ...], *listed: AuthorClaim) -> list[str | None]:
    work = derived(a_record("pubmed", authors=listed), a_record("crossref", authors=other))
    return [author.orcid for author in work.authors]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param({"family": "Le Blanc"}, {"family": "LE BLANC"}, id="case"),
        pytest.param({"family": "Müller"}, {"family": "Muller"}, id="accent"),
        pytest.param({"family": "Le Blanc"}, {"name": "Katarina Le Blanc"}, id="name at the end"),
        pytest.param({"family": "Le Blanc"}, {"name": "Le Blanc, K"}, id="name at the start"),
        pytest.param({"name": "K. Le Blanc"}, {"name": "K Le Blanc"}, id="two whole names"),
    ],
)
def test_an_orcid_goes_to_the_same_family_name_in_the_same_place(ours, theirs):
    other = (AuthorClaim(family="Iacobaeus"), AuthorClaim(**theirs, orcid=ORCID))
    listed = (AuthorClaim(family="Iacobaeus"), AuthorClaim(**ours))
    assert with_orcid_from(other, *listed) == [None, ORCID]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param({"family": "Iacobaeus"}, {"family": "Le Blanc"}, id="another name"),
        pytest.param({"family": "Li"}, {"name": "Ali Khalili"}, id="letters within a name"),
        pytest.param({"collective": "MESEMS"}, {"family": "Uccelli"}, id="a group"),
        pytest.param({"name": "-"}, {"name": "."}, id="no letters"),
    ],
)
def test_an_orcid_does_not_go_to_another_name(ours, theirs):
    assert with_orcid_from((AuthorClaim(**theirs, orcid=ORCID),), AuthorClaim(**ours)) == [None]


def test_an_orcid_does_not_move_to_another_place():
    ours = (AuthorClaim(family="Wang", given="Li"), AuthorClaim(family="Wang", given="Bo"))
    theirs = (AuthorClaim(family="Wang", orcid=ORCID),)
    assert with_orcid_from(theirs, *ours) == [None, None]


# -- mentions ------------------------------------------------------------------------------------


def test_a_work_without_records_is_described_by_mentions_and_says_so():
    work = derived(mentions=(a_record(title="As cited", published=PartialDate("2010")),))
    assert (work.title, work.year, work.is_described) == ("As cited", 2010, False)


def test_mentions_say_nothing_of_a_work_that_has_a_record():
    record = a_record("openalex", published=PartialDate("2011"))
    work = derived(record, mentions=(a_record("pubmed", title="As cited", volume="3"),))
    assert work == replace(derived(record), is_described=True)
    assert (work.title, work.volume) == (None, None)


# -- what reference files say besides ------------------------------------------------------------


def test_labels_and_unknown_fields_of_all_records_are_kept_each_once():
    tag = ExtraField(format="ris", tag="C1", value="Stockholm")
    work = derived(
        a_record("embase", label="L2005", extra=(tag, tag)),
        a_record("scopus", label="2-s2.0-85", extra=(tag,)),
    )
    assert work.particulars is not None
    assert [(given.source, given.label) for given in work.particulars.labels] == [
        ("embase", "L2005"),
        ("scopus", "2-s2.0-85"),
    ]
    assert work.particulars.extra == (tag, tag)


def test_the_editors_of_two_records_are_named_once():
    def edited(source: str, role: str, *families: str) -> WorkRecord:
        people = tuple(
            ContributorClaim(role=role, person=AuthorClaim(family=family)) for family in families
        )
        return a_record(source, contributors=people)

    work = derived(
        edited("embase", "editor", "Uccelli", "Freedman"),
        edited("scopus", "editor", "UCCELLI", "FREEDMAN"),
        edited("zotero", "translator", "Mancardi"),
    )
    assert work.particulars is not None
    assert [c.person.family for c in work.particulars.contributors] == [
        "Uccelli",
        "Freedman",
        "Mancardi",
    ]


def test_a_whole_book_keeps_its_publisher():
    work = derived(a_record(venue=VenueClaim(publisher="Springer")))
    assert work.venue is None
    assert work.particulars is not None
    assert work.particulars.venue == VenueClaim(publisher="Springer")


def test_the_venue_is_filled_from_records_that_name_the_same_one():
    work = derived(
        a_record("crossref", venue=VenueClaim(name="Stem Cells")),
        a_record("embase", venue=VenueClaim(name="STEM CELLS", abbreviation="Stem Cells")),
        a_record("scopus", venue=VenueClaim(name="Cytotherapy", issns=("1465-3249",))),
    )
    assert work.particulars is not None
    assert work.particulars.venue == VenueClaim(name="Stem Cells", abbreviation="Stem Cells")


def test_keywords_keep_the_order_and_spelling_given():
    words = [ConceptClaim(scheme="keyword", label=w) for w in ("Sclerosis", "MSC", "cells")]
    work = derived(a_record(concepts=tuple(words)))
    assert work.particulars is not None
    assert work.particulars.keywords == ("Sclerosis", "MSC", "cells")


def test_a_work_of_which_nothing_of_the_kind_is_said_has_no_particulars():
    assert derived(a_record(title="Seven patients")).particulars is None
