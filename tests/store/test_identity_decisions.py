"""What people decide joins and separates works, and taking it back leaves no trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import Session

from kb.errors import Conflict, InvalidInput, NotFound
from kb.models import tables as t
from kb.models.dates import partial_date
from kb.models.records import (
    CitingList,
    NoticeKind,
    ObservationClaim,
    ReferenceClaim,
    ReferenceList,
    RegistrationMention,
    RelationClaim,
    View,
)
from kb.store.payloads import keep
from kb.store.record_works import save_citing_list, save_reference_list
from tests.store.identity_scene import OTHER, described, living, partition, say, seen, take_back
from tests.store.saves import LATER, NOW, a_payload, ids, notice, references, rows_of, save

A, B, C = ids(doi="10.1000/a"), ids(doi="10.1000/b"), ids(doi="10.1000/c")


def two_works(session: Session) -> tuple[int, int]:
    """Two works that differ in DOI, each with everything a work can have, and works around them."""
    payload = keep(session, a_payload())
    rich: dict[str, Any] = {
        "observations": (ObservationClaim(metric="citation_count", value=7),),
        "registrations": (RegistrationMention(number="NCT00395200"),),
    }
    one, other, *_ = save(
        session,
        described(
            "crossref",
            "a",
            identifiers=A,
            references=references(C, B),
            notices=(notice(other=ids(doi="10.1000/retraction"), date="2014"),),
            relations=(RelationClaim(kind="has preprint", other=ids(doi="10.1101/p")),),
            **rich,
        ),
        described(
            "crossref",
            "b",
            identifiers=B,
            title=OTHER,
            references=references(C, ids(pmid="77"), A),
            notices=(
                notice(NoticeKind.RETRACTION, ids(doi="10.1000/retraction"), "2014"),
                notice(NoticeKind.CORRECTION, ids(doi="10.1000/erratum"), "2013"),
            ),
            **rich,
        ),
        described("pubmed", "9", identifiers=ids(pmid="9"), references=references(A, B)),
        described("europepmc", "b", identifiers=(*B, *ids(pmid="12")), title=OTHER),
        described(
            "crossref",
            "erratum",
            identifiers=ids(doi="10.1000/erratum"),
            title="Erratum",
            notices=(notice(NoticeKind.CORRECTION, B, is_about_self=False),),
        ),
    )
    citing = described("europepmc", "c", identifiers=ids(pmid="13"), title="A later review")
    save_citing_list(
        session,
        CitingList(source="europepmc", key="b#1", of=B, citing=(citing,), claimed=3),
        payload,
        NOW,
    )
    save_reference_list(
        session,
        ReferenceList(source="europepmc", key="a#1", of=A, references=references(C), claimed=1),
        payload,
        NOW,
    )
    assert one.work_id is not None
    assert other.work_id is not None
    return one.work_id, other.work_id


def test_a_merge_taken_back_restores_both_works(session: Session) -> None:
    one, other = two_works(session)
    everybody = living(session)
    before = seen(session, *everybody)
    number = say(session, "same", f"W{one}", f"W{other}")
    assert living(session) == [w for w in everybody if w != other]
    assert seen(session, one)[one]["detail"]["identifiers"]["doi"] == ["10.1000/a", "10.1000/b"]
    take_back(session, number)
    assert living(session) == everybody
    assert seen(session, *everybody) == before


def test_what_arrived_in_between_goes_to_the_work_it_belongs_to(session: Session) -> None:
    one, other = two_works(session)
    number = say(session, "same", f"W{one}", f"W{other}")
    payload = keep(session, a_payload())
    late_a, late_b, citing = save(
        session,
        described("openalex", "a", identifiers=A),
        described("openalex", "b", identifiers=B, title=OTHER),
        described("crossref", "new", identifiers=C, title="News", references=references(A, B)),
        now=LATER,
    )
    save_citing_list(
        session,
        CitingList(
            source="openalex",
            key="b#1",
            of=B,
            citing=(described("openalex", "n", identifiers=ids(pmid="50"), title="Fifty"),),
        ),
        payload,
        LATER,
    )
    assert late_a.work_id == late_b.work_id == one
    take_back(session, number)
    (a,) = rows_of(session, t.StoredRecord, source="openalex", key="a")
    (b,) = rows_of(session, t.StoredRecord, source="openalex", key="b", view="work")
    assert (a.work_id, b.work_id) == (one, other)
    cites = {(c.citing_id, c.cited_id) for c in rows_of(session, t.Cites)}
    assert {(citing.work_id, one), (citing.work_id, other)} <= cites
    (fifty,) = rows_of(session, t.WorkIdentifier, scheme="pmid", value="50")
    assert (fifty.work_id, other) in cites
    assert (fifty.work_id, one) not in cites


def test_a_record_that_changed_in_between_says_what_it_says_now(session: Session) -> None:
    one, other = two_works(session)
    number = say(session, "same", f"W{one}", f"W{other}")
    save(
        session,
        described("pubmed", "9", identifiers=ids(pmid="9"), references=references(B)),
        now=LATER,
    )
    take_back(session, number)
    nine = rows_of(session, t.WorkIdentifier, scheme="pmid", value="9")[0].work_id
    cited = {c.cited_id for c in rows_of(session, t.Cites, citing_id=nine)}
    assert cited == {other}


def test_works_known_from_bibliographies_alone_can_be_joined_and_parted(session: Session) -> None:
    save(session, described("crossref", "a", identifiers=A, references=references(B, C)))
    b, c = (
        rows_of(session, t.WorkIdentifier, value=d)[0].work_id for d in ("10.1000/b", "10.1000/c")
    )
    before = seen(session, *living(session))
    number = say(session, "same", "10.1000/b", "10.1000/c")
    # A record of one of them comes: both identifiers stand.
    save(session, described("crossref", "b", identifiers=B, title=OTHER), now=LATER)
    assert {i.work_id for i in rows_of(session, t.WorkIdentifier) if i.value[-1] in "bc"} == {b}
    take_back(session, number)
    assert {i.value: i.work_id for i in rows_of(session, t.WorkIdentifier, work_id=c)} == {
        "10.1000/c": c
    }
    assert seen(session, c)[c] == before[c]


def test_what_a_person_joined_stays_joined_whatever_a_source_says(session: Session) -> None:
    one, other = two_works(session)
    say(session, "same", f"W{one}", f"W{other}")
    save(
        session,
        described("crossref", "b", identifiers=B, title="Something else entirely about eyes"),
        described("europepmc", "b", identifiers=(*B, *ids(pmid="14")), title="Again other"),
        now=LATER,
    )
    assert {r.work_id for r in rows_of(session, t.StoredRecord, key="b", view="work")} == {one}


def test_what_a_person_kept_apart_is_not_joined_by_a_later_record(session: Session) -> None:
    one, other = save(
        session,
        described("crossref", "a", identifiers=A),
        described("pubmed", "1", identifiers=ids(pmid="1")),
    )
    say(session, "different", f"W{one.work_id}", f"W{other.work_id}")
    (come,) = save(
        session, described("europepmc", "x", identifiers=(*A, *ids(pmid="1"))), now=LATER
    )
    assert {one.work_id, other.work_id} == set(living(session))
    (conflict,) = rows_of(session, t.IdentityConflict)
    assert conflict.kind == "kept apart"
    assert "anna" in conflict.detail
    assert come.conflicts == 1


def test_a_record_is_taken_out_of_its_work_and_put_back(session: Session) -> None:
    one, _ = two_works(session)
    (extra,) = save(session, described("openalex", "a", identifiers=A))
    assert extra.work_id == one
    before = seen(session, one)
    (row,) = rows_of(session, t.StoredRecord, source="openalex")
    number = say(session, "different", f"W{one}", f"record:{row.id}")
    session.refresh(row)
    assert row.work_id not in (None, one)
    # The same said again by its source does not bring it back.
    save(session, described("openalex", "a", identifiers=A, pages="150-157"), now=LATER)
    session.refresh(row)
    assert row.work_id not in (None, one)
    save(session, described("openalex", "a", identifiers=A), now=LATER)
    take_back(session, number)
    session.refresh(row)
    assert row.work_id == one
    after = seen(session, one)
    assert after[one]["detail"]["identifiers"] == before[one]["detail"]["identifiers"]
    assert after[one]["references"] == before[one]["references"]


def test_saying_that_two_records_differ_undoes_what_a_third_joined(session: Session) -> None:
    save(
        session,
        described("crossref", "a", identifiers=A),
        described("pubmed", "1", identifiers=ids(pmid="1")),
    )
    before = seen(session, 1, 2)
    save(session, described("europepmc", "1", identifiers=(*A, *ids(pmid="1"))), now=LATER)
    assert living(session) == [1]
    say(session, "different", "record:1", "record:2")
    assert set(living(session)) == {1, 2}
    conflicts = seen(session, 2)[2]["detail"].pop("conflicts")
    assert seen(session, 2)[2]["detail"] | {"conflicts": []} == before[2]["detail"]
    assert len(conflicts) == 1
    assert partition(session) == {
        frozenset({"crossref a", "europepmc 1"}),
        frozenset({"pubmed 1"}),
    }
    # Whom the third belongs to is for a person to say.
    assert [c.kind for c in rows_of(session, t.IdentityConflict)] == ["kept apart"]


def test_merges_are_taken_back_in_any_order(session: Session) -> None:
    saved = save(
        session,
        *(
            described("crossref", d, identifiers=ids(doi=f"10.1000/{d}"), title=f"On {d * 9} cells")
            for d in "abcd"
        ),
    )
    works = [s.work_id for s in saved]
    before = seen(session, *living(session))
    ab = say(session, "same", f"W{works[0]}", f"W{works[1]}")
    cd = say(session, "same", f"W{works[2]}", f"W{works[3]}")
    ac = say(session, "same", f"W{works[0]}", f"W{works[2]}")
    assert living(session) == [works[0]]
    take_back(session, ab)
    assert living(session) == [works[0], works[1]]
    take_back(session, cd)
    assert living(session) == [works[0], works[1], works[3]]
    take_back(session, ac)
    assert seen(session, *living(session)) == before


def test_a_contradiction_is_resolved_either_way(session: Session) -> None:
    first, second = save(
        session,
        described("crossref", "a", identifiers=(*A, *ids(pmid="1"))),
        described("pubmed", "2", identifiers=(*A, *ids(pmid="2"))),
    )
    assert second.conflicts == 1
    before = seen(session, *living(session))
    record = rows_of(session, t.StoredRecord, source="pubmed")[0].id
    number = say(session, "different", f"record:{record}", f"W{first.work_id}")
    assert rows_of(session, t.IdentityConflict) == []
    take_back(session, number)
    assert len(rows_of(session, t.IdentityConflict)) == 1
    number = say(session, "same", f"record:{record}", f"W{first.work_id}")
    assert rows_of(session, t.IdentityConflict) == []
    assert partition(session) == {frozenset({"crossref a", "pubmed 2"})}
    take_back(session, number)
    after = seen(session, *living(session))
    for shown in (*before.values(), *after.values()):
        for conflict in shown["detail"]["conflicts"]:
            del conflict["seen_at"]  # it was seen anew
    assert after == before


def test_decisions_that_contradict_are_refused_by_name(session: Session) -> None:
    one, other = two_works(session)
    number = say(session, "different", f"W{one}", f"W{other}")
    with pytest.raises(Conflict, match=rf"decision {number} by anna.*keeps these apart"):
        say(session, "same", f"W{one}", "10.1000/b", who="bert")
    with pytest.raises(Conflict, match=rf"decision {number} by anna.*says so already"):
        say(session, "different", f"W{one}", f"W{other}")
    take_back(session, number)
    with pytest.raises(Conflict, match=f"decision {number} was withdrawn by bert"):
        take_back(session, number)
    joined = say(session, "same", f"W{one}", f"W{other}")
    records = rows_of(session, t.StoredRecord, source="crossref")
    a, b = (next(r.id for r in records if r.key == key) for key in "ab")
    with pytest.raises(Conflict, match=rf"decision {joined} by anna.*joined these"):
        say(session, "different", f"record:{a}", f"record:{b}")


@pytest.mark.parametrize(
    ("of", "error", "said"),
    [
        pytest.param(("W1", "W1"), InvalidInput, "one and the same", id="one work"),
        pytest.param(("W1", "W99"), NotFound, "no work W99", id="unknown work"),
        pytest.param(("W1", "record:99"), NotFound, "no record 99", id="unknown record"),
        pytest.param(("W1", "reference:1:9"), NotFound, "no line 9", id="unknown line"),
        pytest.param(("W1", "nonsense"), InvalidInput, "nonsense", id="no name"),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_on_is_named(
    session: Session, of: tuple[str, str], error: type[Exception], said: str
) -> None:
    save(session, described("crossref", "a", identifiers=A))
    with pytest.raises(error, match=said):
        say(session, "same", *of)


def test_a_decision_without_a_person_or_a_reason_is_refused(session: Session) -> None:
    one, other = two_works(session)
    for missing in ({"who": " "}, {"why": ""}):
        with pytest.raises(InvalidInput, match=next(iter(missing))):
            say(session, "same", f"W{one}", f"W{other}", LATER, **missing)


def test_a_shared_identifier_does_not_bring_together_what_a_person_parted(
    session: Session,
) -> None:
    """Also when a third record that was beside one of the two goes elsewhere."""
    one, other, third = save(
        session,
        described("crossref", "a", identifiers=A),
        described("pubmed", "a", identifiers=A),
        described("europepmc", "a", identifiers=A),
    )
    assert one.work_id == other.work_id == third.work_id
    say(session, "different", "record:1", "record:2")
    for arriving in (
        described("europepmc", "a"),
        described("lib", "x"),
        described("europepmc", "a", title=OTHER, volume="30", pages="7-9"),
    ):
        save(session, arriving, now=LATER)
        works = {r.id: r.work_id for r in rows_of(session, t.StoredRecord)}
        assert works[1] != works[2]


def test_a_record_is_taken_out_of_a_work_that_a_person_joined(session: Session) -> None:
    one, other = two_works(session)
    (extra,) = save(session, described("openalex", "a", identifiers=A))
    say(session, "same", f"W{one}", f"W{other}")
    (row,) = rows_of(session, t.StoredRecord, source="openalex")
    (first,) = rows_of(session, t.StoredRecord, source="crossref", key="a")
    say(session, "different", f"record:{first.id}", f"record:{row.id}")
    session.refresh(row)
    session.refresh(first)
    assert row.work_id not in (None, first.work_id)
    assert extra.work_id == first.work_id


def test_what_a_person_joined_is_not_parted_by_words(session: Session) -> None:
    """A record with identifiers that fits as well as the one a person chose parts nothing."""
    poor = described("lib", "poor", title=OTHER, volume="30", pages="7-9")
    one, _, held, loose = save(
        session,
        poor,
        described("lib", "poor too", title=OTHER, volume="30", pages="7-9", issue=None),
        described("crossref", "a", identifiers=A),
        described("lib", "x"),
    )
    assert held.work_id == loose.work_id
    say(session, "same", f"W{one.work_id}", f"W{held.work_id}")
    together = {"lib poor", "lib poor too", "crossref a", "lib x"}
    assert together in [set(p) for p in partition(session)]
    save(session, described("pubmed", "1", identifiers=ids(pmid="1")), now=LATER)
    assert together in [set(p) for p in partition(session)]


def test_a_merge_of_a_citing_work_is_taken_back_after_the_one_of_the_cited(
    session: Session,
) -> None:
    """Two merges that touch one citation, taken back in either order, leave it as it was."""
    saved = save(
        session,
        *(
            described(
                "crossref",
                d,
                identifiers=ids(doi=f"10.1000/{d}"),
                title=f"On {d * 9} cells",
                references=references(B) if d == "d" else (),
                notices=(notice(other=ids(doi="10.1000/b"), date="2014"),) if d == "d" else (),
                observations=(ObservationClaim(metric="citation_count", value=7),),
            )
            for d in "abcd"
        ),
    )
    works = [s.work_id for s in saved]
    before = seen(session, *living(session))
    for first in (0, 1):
        numbers = [
            say(session, "same", f"W{works[0]}", f"W{works[1]}"),
            say(session, "same", f"W{works[2]}", f"W{works[3]}"),
        ]
        take_back(session, numbers[first])
        take_back(session, numbers[1 - first])
        assert seen(session, *living(session)) == before


def test_counts_given_since_a_merge_go_with_their_record(session: Session) -> None:
    one, other = two_works(session)
    number = say(session, "same", f"W{one}", f"W{other}")
    counted = (ObservationClaim(metric="citation_count", value=9),)
    record = described("europepmc", "b", identifiers=(*B, *ids(pmid="12")), title=OTHER)
    save(session, replace(record, observations=counted), now=LATER)
    take_back(session, number)
    assert {o.work_id for o in rows_of(session, t.Observation, value=9)} == {other}


# -- lines of bibliographies -----------------------------------------------------------------------

LINE = (
    "Connick P, Kolappan M, Chandran S. Autologous mesenchymal stem cells for secondary "
    "progressive multiple sclerosis. Lancet Neurol. 2012;11(2):150-6."
)


def citing(*lines: str) -> Any:
    return described(
        "crossref",
        "citing",
        identifiers=C,
        title="A review of cells",
        volume="40",
        pages="1-30",
        published=partial_date(2020),
        references=tuple(ReferenceClaim(position=n, text=line) for n, line in enumerate(lines, 1)),
    )


@pytest.mark.parametrize("is_first", [True, False], ids=["line first", "work first"])
def test_a_line_of_text_finds_its_work_whichever_comes_first(
    session: Session, is_first: bool
) -> None:
    work = described("pubmed", "1", identifiers=ids(pmid="1"))
    arriving = [citing(LINE, "Nobody N. Nothing at all. 1999."), work]
    saved = save(session, *(arriving if is_first else reversed(arriving)))
    found = saved[1 if is_first else 0].work_id
    lines = sorted(rows_of(session, t.Reference), key=lambda r: r.position)
    assert [line.cited_id for line in lines] == [found, None]
    assert lines[0].matched_by.startswith("by what the line says")
    assert [(c.cited_id) for c in rows_of(session, t.Cites)] == [found]


def test_an_abstract_in_the_supplement_is_not_the_article_on_the_same_page(
    session: Session,
) -> None:
    save(
        session,
        citing(LINE.replace("11(2):150-6", "11(Suppl 1):S150")),
        described("pubmed", "1", identifiers=ids(pmid="1")),
    )
    (line,) = rows_of(session, t.Reference)
    assert line.cited_id is None


def test_a_line_that_fits_two_works_is_left_open(session: Session) -> None:
    save(
        session,
        citing(LINE),
        described("pubmed", "1", identifiers=ids(pmid="1")),
        described("pubmed", "2", identifiers=ids(pmid="2")),
    )
    (line,) = rows_of(session, t.Reference)
    assert line.cited_id is None


def test_a_wrong_match_is_rejected_for_good(session: Session) -> None:
    come, held = save(session, citing(LINE), described("pubmed", "1", identifiers=ids(pmid="1")))
    (line,) = rows_of(session, t.Reference)
    number = say(session, "different", f"reference:{line.record_id}:1", f"W{held.work_id}")
    session.refresh(line)
    assert line.cited_id is None
    save(session, described("pubmed", "1", identifiers=ids(pmid="1"), issue="3"), now=LATER)
    session.refresh(line)
    assert line.cited_id is None
    assert rows_of(session, t.Cites) == []
    take_back(session, number)
    session.refresh(line)
    assert line.cited_id == held.work_id
    del come


def test_a_person_says_what_a_line_means(session: Session) -> None:
    save(
        session,
        citing("Connick, personal copy"),
        described("pubmed", "1", identifiers=ids(pmid="1")),
    )
    (line,) = rows_of(session, t.Reference)
    number = say(session, "same", f"reference:{line.record_id}:1", "pmid:1")
    session.refresh(line)
    assert line.cited_id is not None
    assert f"decision {number} by anna" in line.matched_by


def test_the_view_of_a_record_is_kept_where_it_is_put(session: Session) -> None:
    """A brief view and a full one of one source's record move each for itself."""
    one, _ = two_works(session)
    save(session, described("openalex", "a", view=View.BRIEF, identifiers=A))
    (row,) = rows_of(session, t.StoredRecord, source="openalex", view="brief")
    say(session, "different", f"W{one}", f"record:{row.id}")
    session.refresh(row)
    assert row.work_id != one
