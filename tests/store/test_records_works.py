"""What becomes of a base when records come in, on both databases."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from kb.models import tables as t
from kb.models.dates import PartialDate
from kb.models.records import (
    Affiliation,
    AuthorClaim,
    CitingList,
    ConceptClaim,
    FundingClaim,
    NoticeKind,
    ObservationClaim,
    ReferenceClaim,
    ReferenceList,
    RegistrationMention,
    RelationClaim,
    VenueClaim,
    View,
    WorkRecord,
    WorkType,
)
from kb.store.engine import Store
from kb.store.links import holder
from kb.store.lookup import resolve_work
from kb.store.payloads import keep
from kb.store.record_works import save_citing_list, save_reference_list
from kb.store.records import Change
from tests.store.saves import (
    LATER,
    NOW,
    TITLE,
    a_payload,
    a_record,
    dump,
    ids,
    notice,
    references,
    rows_of,
    save,
    save_each,
    undone,
    works,
)

OTHER_TITLE = "Pluripotency of stem cells derived from adult marrow"
A, B, C = ids(doi="10.1000/a"), ids(doi="10.1000/b"), ids(doi="10.1000/c")

RICH = a_record(
    identifiers=ids(doi="10.1000/a", pmid="1"),
    authors=(
        AuthorClaim(
            family="Iacobaeus",
            given="Ellen",
            orcid="0000-0002-1825-0097",
            affiliations=(Affiliation(text="Karolinska Institutet"),),
        ),
        AuthorClaim(collective="MESEMS"),
    ),
    type=WorkType.ARTICLE,
    published=PartialDate("2019-12-02"),
    venue=VenueClaim(name="J Clin Med", issns=("2077-0383",)),
    concepts=(ConceptClaim(scheme="mesh", label="Multiple Sclerosis", code="D009103"),),
    funding=(FundingClaim(funder="Region Stockholm", award="1"), FundingClaim(funder="NIH")),
    references=(
        *references(B, C, title="As cited", year=2010),
        ReferenceClaim(position=3, text="A line without identifiers"),
    ),
    notices=(notice(NoticeKind.CORRECTION, ids(doi="10.1000/n"), "2020-01-01"),),
    relations=(RelationClaim(kind="has preprint", other=ids(doi="10.1101/p")),),
    registrations=(RegistrationMention(number="NCT01730547"),),
    observations=(ObservationClaim(metric="citation_count", value=5),),
)


def work_of(session: Session, **named: str) -> t.Work:
    (identifier,) = ids(**named)
    found = holder(session, identifier)
    assert found is not None, identifier
    session.expire_all()
    return session.get_one(t.Work, found)


def cited_by(session: Session, work: t.Work) -> list[int | None]:
    """Ids of the works it cites, in the order of their making."""
    return sorted(row.cited_id for row in rows_of(session, t.Cites, citing_id=work.id))


# -- saving again --------------------------------------------------------------------------------


def test_saving_the_same_record_again_writes_nothing(session: Session) -> None:
    save(session, RICH)
    before = dump(session)
    (again,) = save(session, RICH, now=LATER)
    assert again.change is Change.UNCHANGED
    assert dump(session) == before


def test_saving_the_same_lists_again_writes_nothing(session: Session) -> None:
    listed = ReferenceList(source="europepmc", key="1#1", of=A, references=references(B, C))
    citing = CitingList(
        source="europepmc",
        key="1#1",
        of=A,
        citing=(a_record("europepmc", "2", view=View.BRIEF, identifiers=B),),
    )
    payload_id = keep(session, a_payload())
    for now in (NOW, LATER):
        save_reference_list(session, listed, payload_id, now)
        save_citing_list(session, citing, payload_id, now)
        if now is NOW:
            before = dump(session)
    assert dump(session) == before


def test_a_changed_record_changes_only_what_it_should(session: Session) -> None:
    save(session, RICH)
    before = set(dump(session))
    save(session, replace(RICH, volume="8"), now=LATER)
    changed = {row.split(" ", 1)[0] for row in set(dump(session)) ^ before}
    assert changed == {"record", "work"}
    assert work_of(session, doi="10.1000/a").volume == "8"


def test_a_dropped_identifier_is_free_for_the_work_it_belongs_to(session: Session) -> None:
    wrong = a_record(identifiers=ids(doi="10.1000/a", pmid="2"))
    save(session, wrong, replace(wrong, identifiers=ids(doi="10.1000/a", pmid="1")))
    (saved,) = save(session, a_record("pubmed", "2", identifiers=ids(pmid="2"), title=OTHER_TITLE))
    assert saved.conflicts == 0
    assert work_of(session, pmid="2").id != work_of(session, pmid="1").id
    assert work_of(session, pmid="1").id == work_of(session, doi="10.1000/a").id


def test_an_identifier_another_record_gives_too_stays(session: Session) -> None:
    ours = a_record(identifiers=ids(doi="10.1000/a", pmid="1"))
    save(session, ours, replace(ours, source="pubmed"), replace(ours, identifiers=A))
    assert work_of(session, pmid="1").id == work_of(session, doi="10.1000/a").id


# -- contradictions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        pytest.param(
            {"doi": "10.1000/a", "pmid": "1"},
            {"doi": "10.1000/a", "pmid": "2"},
            "different pmid",
            id="same DOI",
        ),
        pytest.param(
            {"doi": "10.1000/a", "pmid": "1"},
            {"doi": "10.1000/b", "pmid": "1"},
            "different doi",
            id="same PMID",
        ),
    ],
)
def test_contradicting_identifiers_keep_two_works_and_the_conflict(
    session: Session, first: dict[str, str], second: dict[str, str], kind: str
) -> None:
    one = a_record("crossref", identifiers=ids(**first))
    other = a_record("pubmed", identifiers=ids(**second))
    a, b = save(session, one, other)
    assert None is not a.work_id != b.work_id is not None
    (conflict,) = rows_of(session, t.IdentityConflict)
    assert (conflict.kind, conflict.work_id) == (kind, a.work_id)
    assert all(work.merged_into_id is None for work in rows_of(session, t.Work))


def test_a_record_with_another_title_waits_with_its_conflict(session: Session) -> None:
    save(session, a_record(identifiers=A))
    (saved,) = save(session, a_record("openalex", title=OTHER_TITLE, identifiers=A))
    assert (saved.work_id, saved.conflicts) == (None, 1)
    (conflict,) = rows_of(session, t.IdentityConflict)
    assert conflict.kind == "different title"
    assert work_of(session, doi="10.1000/a").title == TITLE


def test_a_record_whose_title_turns_wrong_takes_back_all_it_said(session: Session) -> None:
    ours = a_record("openalex", identifiers=A, references=references(B), notices=(notice(),))
    save(session, a_record(identifiers=A), ours)
    assert work_of(session, doi="10.1000/a").is_retracted
    save(session, replace(ours, title=OTHER_TITLE))
    work = work_of(session, doi="10.1000/a")
    assert not work.is_retracted
    assert cited_by(session, work) == []
    assert rows_of(session, t.Reference) == []


def test_a_conflict_goes_when_the_source_mends_its_record(session: Session) -> None:
    wrong = a_record("pubmed", identifiers=ids(doi="10.1000/a", pmid="2"))
    save(session, a_record(identifiers=ids(doi="10.1000/a", pmid="1")), wrong)
    (saved,) = save(session, replace(wrong, identifiers=ids(pmid="2")))
    assert saved.conflicts == 0
    assert rows_of(session, t.IdentityConflict) == []


def test_a_record_is_believed_before_bibliographies(session: Session) -> None:
    citing = a_record(
        identifiers=ids(doi="10.1000/citing"),
        references=references(ids(doi="10.1000/a", pmid="9"), ids(pmid="9")),
    )
    save(session, citing)
    (saved,) = save(session, a_record("pubmed", identifiers=ids(doi="10.1000/a", pmid="1")))
    assert saved.conflicts == 0
    ours, other = work_of(session, doi="10.1000/a"), work_of(session, pmid="9")
    assert work_of(session, pmid="1").id == ours.id != other.id
    cited = cited_by(session, work_of(session, doi="10.1000/citing"))
    assert set(cited) == {ours.id, other.id}


# -- merging -------------------------------------------------------------------------------------


def a_base_with_two_halves(session: Session) -> tuple[int, int]:
    """One article known by its DOI and, apart from that, by its PMID; the ids of the two works.

    Everything that can point to a work points to the second.
    """
    pmid = ids(pmid="1")
    citing = a_record("pubmed", "citing", identifiers=ids(pmid="7"), references=references(pmid))
    notice_of_it = a_record(
        "pubmed",
        "notice",
        title="Retraction notice",
        identifiers=ids(pmid="8"),
        notices=(notice(is_about_self=False, other=pmid),),
    )
    half = a_record(
        "pubmed",
        "1",
        identifiers=pmid,
        references=references(B),
        relations=(RelationClaim(kind="has preprint", other=C),),
        registrations=(RegistrationMention(number="NCT01730547"),),
        observations=(ObservationClaim(metric="citation_count", value=5),),
    )
    first, *_, second = save(session, a_record(identifiers=A), citing, notice_of_it, half)
    assert first.work_id is not None
    assert second.work_id is not None
    study = t.Study(label="a study")
    session.add(study)
    session.flush()
    (record,) = rows_of(session, t.StoredRecord, key="1", source="pubmed")
    assert study.id is not None
    session.add(t.Report(work_id=second.work_id, study_id=study.id, record_id=record.id, basis="x"))
    session.add(
        t.Evidence(
            record_id=record.id,
            payload_id=record.payload_id,
            work_id=second.work_id,
            kind="abstract",
            document="1",
            locator="abstract",
            standing="primary_source",
        )
    )
    session.flush()
    return first.work_id, second.work_id


def test_a_record_that_bridges_two_works_makes_them_one_with_all_that_pointed_to_either(
    session: Session,
) -> None:
    survivor, loser = a_base_with_two_halves(session)
    (saved,) = save(session, a_record("europepmc", identifiers=ids(doi="10.1000/a", pmid="1")))
    session.expire_all()
    assert saved.work_id == survivor
    assert resolve_work(session, f"W{loser}") == survivor
    work = session.get_one(t.Work, survivor)
    assert work.is_retracted
    held = {
        table: [getattr(row, name) for row in rows_of(session, table)]
        for table, name in {
            t.Report: "work_id",
            t.Evidence: "work_id",
            t.Observation: "work_id",
            t.WorkRegistration: "work_id",
            t.WorkRelation: "work_id",
            t.Notice: "work_id",
        }.items()
    }
    assert held == {table: [survivor] for table in held}
    citing = work_of(session, pmid="7")
    assert cited_by(session, citing) == [survivor]
    assert cited_by(session, work) == [work_of(session, doi="10.1000/b").id]
    assert {row.citing_id for row in rows_of(session, t.CitationAssertion)} == {
        survivor,
        citing.id,
    }
    (coverage,) = rows_of(session, t.Coverage, work_id=survivor)
    assert (coverage.held, coverage.resolved) == (1, 1)


def test_nothing_points_to_a_merged_work(session: Session) -> None:
    _, loser = a_base_with_two_halves(session)
    save(session, a_record("europepmc", identifiers=ids(doi="10.1000/a", pmid="1")))
    pointing = [
        f"{table.name}.{key.parent.name}"
        for table in t.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "work"
        and any(
            row == loser
            for (row,) in session.connection().execute(table.select().with_only_columns(key.parent))
        )
    ]
    assert pointing == ["work_merge.loser_id"]  # what the merge is remembered by


def test_edges_both_halves_had_are_kept_once(session: Session) -> None:
    save(
        session,
        a_record(identifiers=A, references=references(B)),
        a_record("pubmed", identifiers=ids(pmid="1"), references=references(B, A)),
        a_record("europepmc", identifiers=ids(doi="10.1000/a", pmid="1")),
    )
    work = work_of(session, pmid="1")
    # The half's citation of the other half would be one of itself.
    assert cited_by(session, work) == [work_of(session, doi="10.1000/b").id]
    assert len(rows_of(session, t.CitationAssertion)) == 2


def test_a_retraction_told_of_both_halves_is_one_notice_when_they_are_one(
    session: Session,
) -> None:
    retracted = notice(other=ids(doi="10.1000/n"), date="2020-01-01")
    save(
        session,
        a_record(identifiers=A, notices=(retracted,)),
        a_record("pubmed", identifiers=ids(pmid="1"), notices=(retracted,)),
        a_record("europepmc", identifiers=ids(doi="10.1000/a", pmid="1")),
    )
    assert len(rows_of(session, t.Notice)) == 1
    assert len(rows_of(session, t.NoticeAssertion)) == 2


# -- references ----------------------------------------------------------------------------------


def test_references_keep_order_and_text_whether_or_not_they_resolve(session: Session) -> None:
    save(session, RICH)
    rows = sorted(rows_of(session, t.Reference), key=lambda row: row.position)
    assert [(r.position, r.title, r.text, r.cited_id is None) for r in rows] == [
        (1, "As cited", None, False),
        (2, "As cited", None, False),
        (3, None, "A line without identifiers", True),
    ]


def test_a_work_known_from_a_reference_has_its_title_and_year_and_is_not_described(
    session: Session,
) -> None:
    save(session, RICH)
    work = work_of(session, doi="10.1000/b")
    assert (work.title, work.year, work.is_described) == ("As cited", 2010, False)


def test_a_mentioned_work_keeps_its_id_when_its_record_comes(session: Session) -> None:
    save(session, RICH)
    mentioned = work_of(session, doi="10.1000/b").id
    save(session, a_record("pubmed", "2", title="In full", identifiers=B))
    work = work_of(session, doi="10.1000/b")
    assert (work.id, work.title, work.is_described) == (mentioned, "In full", True)


def test_references_that_shrink_drop_their_edges_and_descriptions(session: Session) -> None:
    ours = a_record(identifiers=A, references=references(B, C, title="As cited"))
    save(session, ours, replace(ours, references=references(B, title="As cited")))
    assert cited_by(session, work_of(session, doi="10.1000/a")) == [
        work_of(session, doi="10.1000/b").id
    ]
    assert work_of(session, doi="10.1000/c").title is None
    (coverage,) = rows_of(session, t.Coverage)
    assert coverage.held == 1


def test_an_edge_two_sources_assert_survives_the_loss_of_one(session: Session) -> None:
    one = a_record("crossref", identifiers=A, references=references(B))
    save(session, one, a_record("openalex", identifiers=A, references=references(B)))
    save(session, replace(one, references=()))
    assert len(rows_of(session, t.Cites)) == 1
    assert [row.source for row in rows_of(session, t.CitationAssertion)] == ["openalex"]


def test_an_edge_nobody_asserts_any_more_goes(session: Session) -> None:
    ours = a_record(identifiers=A, references=references(B))
    save(session, ours, replace(ours, references=()))
    assert rows_of(session, t.Cites) == []


def test_a_work_does_not_cite_itself(session: Session) -> None:
    save(session, a_record(identifiers=A, references=references(A, B)))
    assert cited_by(session, work_of(session, doi="10.1000/a")) == [
        work_of(session, doi="10.1000/b").id
    ]
    assert len(rows_of(session, t.Reference)) == 2


def test_two_lines_of_one_work_are_one_edge(session: Session) -> None:
    save(session, a_record(identifiers=A, references=references(B, B)))
    assert len(rows_of(session, t.Cites)) == 1


def test_a_mention_joins_no_works(session: Session) -> None:
    save(
        session,
        a_record("crossref", "2", identifiers=B),
        a_record("pubmed", "3", title=OTHER_TITLE, identifiers=ids(pmid="3")),
        a_record(identifiers=A, references=references((*B, *ids(pmid="3")))),
    )
    assert work_of(session, doi="10.1000/b").id != work_of(session, pmid="3").id


def test_a_mention_gives_no_described_work_another_id(session: Session) -> None:
    save(
        session,
        a_record("crossref", "2", identifiers=B),
        a_record(identifiers=A, references=references((*B, *ids(pmid="3")))),
    )
    assert holder(session, ids(pmid="3")[0]) is None


def test_lines_that_share_an_id_name_one_work(session: Session) -> None:
    both = ids(doi="10.1000/b", pmid="2")
    save(session, a_record(identifiers=A, references=references(B, both, ids(pmid="2"))))
    assert len(rows_of(session, t.Cites)) == 1


def test_a_reference_by_the_sources_own_key_finds_its_record(session: Session) -> None:
    line = ReferenceClaim(position=1, record_key="MED:2")
    save(
        session,
        a_record("europepmc", "MED:2", identifiers=ids(pmid="2")),
        a_record("europepmc", "MED:1", identifiers=ids(pmid="1"), references=(line,)),
    )
    assert cited_by(session, work_of(session, pmid="1")) == [work_of(session, pmid="2").id]


def test_citing_works_come_with_their_edges_and_the_count_claimed(session: Session) -> None:
    listed = CitingList(
        source="europepmc",
        key="1#1",
        of=A,
        citing=(
            a_record("europepmc", "2", view=View.BRIEF, identifiers=B, title="Citing"),
            WorkRecord(source="europepmc", key="3", view=View.BRIEF, identifiers=C),
        ),
        claimed=9,
    )
    save_citing_list(session, listed, keep(session, a_payload()), NOW)
    cited = work_of(session, doi="10.1000/a")
    citing = {row.citing_id for row in rows_of(session, t.Cites, cited_id=cited.id)}
    assert citing == {work_of(session, doi=f"10.1000/{x}").id for x in "bc"}
    (coverage,) = rows_of(session, t.Coverage)
    assert (coverage.direction, coverage.claimed, coverage.held) == ("citations", 9, 2)
    assert work_of(session, doi="10.1000/b").title == "Citing"


# -- counts, venues, people ----------------------------------------------------------------------


def test_a_count_is_kept_when_it_differs_from_the_last_and_never_overwritten(
    session: Session,
) -> None:
    def counted(value: int, **given: Any) -> WorkRecord:
        claim = ObservationClaim(metric="citation_count", value=value)
        return a_record(identifiers=A, observations=(claim,), **given)

    save(session, counted(5), counted(5, volume="8"), counted(6))
    assert [row.value for row in rows_of(session, t.Observation)] == [5, 6]


def test_issns_given_together_make_their_venues_one(session: Session) -> None:
    def in_venue(key: str, name: str, *issns: str) -> WorkRecord:
        venue = VenueClaim(name=name, issns=issns)
        return a_record("pubmed", key, identifiers=ids(pmid=key), venue=venue)

    records = [
        in_venue("1", "Mult Scler", "1352-4585"),
        in_venue("2", "Multiple Sclerosis Journal", "1477-0970"),
        in_venue("3", "Mult Scler J", "1352-4585", "1477-0970"),
    ]
    save(session, *records)
    (venue,) = rows_of(session, t.Venue)
    assert venue.name == "Multiple Sclerosis Journal"
    assert {work.venue_id for work in rows_of(session, t.Work)} == {venue.id}


def test_a_person_known_by_orcid_keeps_the_openalex_id_too(session: Session) -> None:
    orcid = "0000-0002-1825-0097"

    def by(key: str, **known: Any) -> WorkRecord:
        author = AuthorClaim(family="Le Blanc", given="K", **known)
        return a_record("openalex", key, identifiers=ids(pmid=key), authors=(author,))

    save(
        session,
        by("1", orcid=orcid),
        by("2", orcid=orcid, openalex_id="A1"),
        by("3", openalex_id="A1"),
    )
    (author,) = rows_of(session, t.Author)
    assert (author.orcid, author.openalex_id) == (orcid, "A1")


def test_names_alone_make_nobody_one_person(session: Session) -> None:
    for key in ("1", "2"):
        author = AuthorClaim(family="Wang", given="L")
        save(session, a_record("pubmed", key, identifiers=ids(pmid=key), authors=(author,)))
    assert rows_of(session, t.Author) == []


# -- any order -----------------------------------------------------------------------------------

# Three articles. Every record of one carries its DOI, so that records alone say what belongs
# together; bibliographies name the articles by either id, and one that has no record.
_KNOWN = {n: {"doi": f"10.1000/{n}", "pmid": str(n), "openalex": f"W100000{n}"} for n in (1, 2, 3)}
_TITLES = {
    1: TITLE,
    2: OTHER_TITLE,
    3: "Notice of retraction: seven infused patients",
}
_VENUES = (
    VenueClaim(name="J Clin Med", issns=("2077-0383",)),
    VenueClaim(name="Journal of Clinical Medicine", publisher="MDPI", issns=("2077-0383",)),
)
_schemes = st.lists(st.sampled_from(["pmid", "openalex"]), unique=True)
_named = st.one_of(
    st.builds(lambda n, s: ids(**{s: _KNOWN[n][s]}), st.sampled_from([1, 2]), st.just("doi")),
    st.just(ids(doi="10.1000/unread")),
    st.just(ids(pmid="99")),
    st.just(()),
)
_lines = st.lists(_named, max_size=3).map(lambda found: references(*found, title="As cited"))
_notices = st.lists(
    st.builds(
        notice,
        st.sampled_from([NoticeKind.RETRACTION, NoticeKind.REINSTATEMENT, NoticeKind.CORRECTION]),
        st.sampled_from([(), ids(doi="10.1000/3"), ids(doi="10.1000/unread")]),
        st.sampled_from([None, "2020", "2020-01-01", "2020-02-20", "2020-04-10"]),
    ),
    max_size=2,
    unique_by=repr,
).map(tuple)


def _one(n: int, source: str, view: View, schemes: list[str], **given: Any) -> WorkRecord:
    known = {name: value for name, value in _KNOWN[n].items() if name in ("doi", *schemes)}
    return a_record(
        source, f"key {n}", view=view, title=_TITLES[n], identifiers=ids(**known), **given
    )


_records = st.lists(
    st.builds(
        _one,
        st.sampled_from([1, 2, 3]),
        st.sampled_from(["pubmed", "crossref", "openalex"]),
        st.sampled_from([View.WORK, View.BRIEF]),
        _schemes,
        references=_lines,
        notices=_notices,
        venue=st.sampled_from(_VENUES) | st.none(),
        volume=st.sampled_from(["8", None]),
        registrations=st.sampled_from([(), (RegistrationMention(number="NCT01730547"),)]),
        authors=st.sampled_from(
            [
                (),
                (AuthorClaim(family="Iacobaeus", given="Ellen"),),
                (AuthorClaim(family="Iacobaeus", given="E", orcid="0000-0002-1825-0097"),),
            ]
        ),
    ),
    min_size=2,
    max_size=6,
    unique_by=lambda r: (r.source, r.key, r.view),
)


@given(_records, st.randoms())
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_of_arrival_gives_the_same_works(store: Store, records: Any, random: Any) -> None:
    with undone(store) as session:
        save(session, *records)
        expected = works(session)
    with undone(store) as session:
        save(session, *random.sample(records, len(records)))
        assert works(session) == expected


@given(_records, st.data())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_changed_record_leaves_no_trace_of_what_it_said(
    store: Store, records: Any, data: Any
) -> None:
    changed = data.draw(st.sampled_from(records))
    other = data.draw(_records)[0]
    about = ("source", "key", "view", "title", "identifiers", "authors", "venue")
    before = replace(other, **{name: getattr(changed, name) for name in about})
    with undone(store) as session:
        save(session, *records)
        expected = described(session)
    with undone(store) as session:
        save(session, before, *records)
        assert described(session) == expected


def described(session: Session) -> dict[str, Any]:
    """Works with records. Those that were once mentioned stay, though nothing points to them."""
    return {name: work for name, work in works(session).items() if work["records"]}


def test_bridging_records_in_any_transactions_give_one_work(store: Store) -> None:
    found = save_each(
        store,
        [
            a_record("openalex", identifiers=ids(openalex="W1000001")),
            a_record("crossref", identifiers=A),
            a_record("pubmed", identifiers=ids(pmid="1")),
            a_record("europepmc", identifiers=ids(doi="10.1000/a", pmid="1")),
            a_record("openalex", "2", identifiers=ids(doi="10.1000/a", openalex="W1000001")),
        ],
    )
    assert found == [1, 2, 3, 2, 1]
    with store.reading() as session:
        assert {resolve_work(session, f"W{n}") for n in (1, 2, 3)} == {1}
