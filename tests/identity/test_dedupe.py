"""Clusters do not depend on the order of records, hold no contradiction, and are as good on the
labelled sets as those of bib-dedupe 0.11."""

import csv
import gzip
import io
import random
from collections import Counter
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import Conflict
from kb.identity.blocking import blocking_keys
from kb.identity.candidates import candidate_pairs
from kb.identity.dedupe import Deduplication, PersonsDecision, deduplicate, explained
from kb.identity.descriptions import Description, describe_row
from tests.conftest import shared

TITLE = "Infusion of stromal cells in adults with progressive multiple sclerosis"


def a_record(record_id: str, title: str = TITLE, **values: str) -> Description:
    row = {
        "author": "Iacobaeus, Ellen and Kadri, Nadir",
        "year": "2019",
        "journal": "Journal of Clinical Medicine",
        "volume": "8",
    }
    return describe_row({"record_id": record_id, "title": title, **row, **values})


def clusters_of(records: list[Description], **given) -> set[frozenset[str]]:
    return named(deduplicate(records, **given), records)


def named(found: Deduplication, records: list[Description]) -> set[frozenset[str]]:
    return {frozenset(records[i].record_id for i in cluster) for cluster in found.clusters}


def test_a_chain_of_alike_records_never_leads_from_one_doi_to_another():
    records = [a_record("a", doi="10.1000/a"), a_record("b"), a_record("c", doi="10.1000/c")]
    found = deduplicate(records)
    assert named(found, records) == {frozenset("ab"), frozenset("c")}
    assert [(records[p.first].record_id, records[p.second].record_id) for p in found.unsure] == [
        ("a", "c")
    ]


def test_what_is_refused_says_which_records_contradict():
    records = [a_record("a", doi="10.1000/a"), a_record("b"), a_record("c", doi="10.1000/c")]
    (doubt,) = deduplicate(records).unsure
    assert "DOI 10.1000/a against 10.1000/c" in explained(doubt, records).evidence_against


def test_counts_add_up():
    records = [a_record(str(n)) for n in range(3)] + [a_record("x", "Another title altogether")]
    found = deduplicate(records)
    assert found.removed == 2
    assert len(records) - found.removed == len(found.clusters)


# -- decisions of people ---------------------------------------------------------------------------


def test_a_person_joins_what_the_machine_keeps_apart():
    records = [a_record("a", doi="10.1000/a"), a_record("b", doi="10.1000/b")]
    found = deduplicate(records, decisions=[PersonsDecision(0, 1, is_same=True)])
    assert named(found, records) == {frozenset("ab")}
    assert found.unsure == []
    assert len(found.decided) == 1


def test_a_person_keeps_apart_what_the_machine_would_join_also_through_others():
    records = [a_record("a"), a_record("b"), a_record("c")]
    found = deduplicate(records, decisions=[PersonsDecision(0, 2, is_same=False)])
    assert not any({"a", "c"} <= cluster for cluster in named(found, records))


def test_decisions_that_contradict_each_other_are_an_error():
    records = [a_record("a"), a_record("b"), a_record("c")]
    decisions = [
        PersonsDecision(0, 1, is_same=True),
        PersonsDecision(1, 2, is_same=True),
        PersonsDecision(0, 2, is_same=False),
    ]
    with pytest.raises(Conflict, match="'a' and 'c' are decided to be different"):
        deduplicate(records, decisions=decisions)


# -- blocks ----------------------------------------------------------------------------------------


def test_thousands_of_editorials_are_compared_with_their_neighbours_alone():
    dice = random.Random(1)
    records = [
        a_record(str(n), "Editorial", author="", year=str(dice.randint(1990, 2020)), volume="")
        for n in range(20_000)
    ]
    began = process_time()
    assert len(candidate_pairs(records)[0]) <= 10 * len(records)
    assert process_time() - began < 10


def test_records_of_one_work_share_a_key_in_spite_of_a_slip_anywhere_in_the_title():
    keys = set(blocking_keys(a_record("1", pages="12-15")))
    for place in range(len(TITLE) - 1):
        slipped = TITLE[:place] + TITLE[place + 1 :]
        assert keys & set(blocking_keys(a_record("2", slipped, pages="12")))


# -- laws ------------------------------------------------------------------------------------------

values = st.fixed_dictionaries(
    {
        "title": st.sampled_from(
            [
                TITLE,
                TITLE + ".",
                TITLE.upper(),
                TITLE + ": a trial",
                TITLE + ". Part 2",
                "Editorial",
            ]
        ),
        "author": st.sampled_from(
            ["Iacobaeus, Ellen and Kadri, Nadir", "Iacobaeus E", "", "Li, W"]
        ),
        "year": st.sampled_from(["2019", "2020", "2023"]),
        "volume": st.sampled_from(["", "8", "9"]),
        "pages": st.sampled_from(["", "12-15", "12", "90-99"]),
        "doi": st.sampled_from(["", "10.1000/a", "10.1000/b"]),
    }
)
tables = st.lists(values, max_size=9).map(
    lambda rows: [
        describe_row({"record_id": f"r{n}", "journal": "J Clin Med", **row})
        for n, row in enumerate(rows)
    ]
)


@given(tables, st.randoms())
def test_clusters_and_doubts_do_not_depend_on_the_order_of_records(records, dice):
    shuffled = dice.sample(records, len(records))
    here, there = deduplicate(records), deduplicate(shuffled)
    assert named(here, records) == named(there, shuffled)
    doubts = [
        [(d[p.first].record_id, d[p.second].record_id) for p in found.unsure]
        for d, found in ((records, here), (shuffled, there))
    ]
    assert doubts[0] == doubts[1]


@given(tables)
def test_no_cluster_has_two_dois(records):
    for cluster in deduplicate(records).clusters:
        assert len({records[i].doi for i in cluster} - {None}) <= 1


@given(tables)
def test_clusters_given_back_as_decisions_give_the_same_clusters(records):
    found = deduplicate(records)
    decisions = [
        PersonsDecision(cluster[0], other, is_same=True)
        for cluster in found.clusters
        for other in cluster[1:]
    ]
    assert clusters_of(records, decisions=decisions) == named(found, records)


@given(tables)
def test_every_record_twice_gives_clusters_of_both(records):
    again = [
        describe_row(
            {"record_id": d.record_id + "'", "title": d.title, "author": d.author_text,
             "year": str(d.year), "journal": "J Clin Med", "doi": d.doi_as_given or "",
             "volume": " ".join(d.volume), "pages": f"{d.pages.first}" if d.pages else ""}
        )
        for d in records
    ]  # fmt: skip
    clusters = clusters_of([*records, *again])
    for d in records:
        told = len(d.letters) > 25 and (d.authors.families or d.doi)
        if told:
            assert any({d.record_id, d.record_id + "'"} <= cluster for cluster in clusters)


# -- labelled sets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found_by_peer"), [("stroke", 312), ("haematology", 120)]
)  # TP of bib-dedupe 0.11, FP 0 as published
def test_no_fewer_duplicates_are_found_than_by_bib_dedupe_and_none_wrongly(name, found_by_peer):
    folder = shared(f"data/dedup/{name}")
    text = gzip.decompress((folder / "records.csv.gz").read_bytes()).decode()
    records = [describe_row(row) for row in csv.DictReader(io.StringIO(text, newline=""))]
    with (folder / "gold.csv").open(newline="") as file:
        gold = {row["record_id"]: row["cluster_id"] for row in csv.DictReader(file)}
    right = wrong = 0
    for cluster in deduplicate(records).clusters:
        works = Counter(gold[records[i].record_id] for i in cluster)
        right += sum(works.values()) - len(works)
        wrong += len(works) - 1
    assert right >= found_by_peer
    assert wrong == 0
