"""The PRISMA 2020 flow: every count in its box, none invented, and where they disagree."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from kb.errors import InvalidInput
from kb.pictures.prisma import LABELS, Flow, counts_of, prisma, problems, read_flow
from tests.pictures.scene import is_within_the_page, said, texts

AGREES: dict[str, Any] = {
    "database_results": 1200,
    "register_results": 50,
    "duplicates": 240,
    "excluded_automatic": 0,
    "excluded_other": 10,
    "records_screened": 1000,
    "records_excluded": 900,
    "dbr_sought_reports": 100,
    "dbr_notretrieved_reports": 4,
    "dbr_assessed": 96,
    "dbr_excluded": {"Wrong population": 40, "No comparator": 36},
    "new_studies": 18,
    "new_reports": 20,
}
UPDATED: dict[str, Any] = AGREES | {
    "previous_studies": 12,
    "previous_reports": 15,
    "website_results": 3,
    "organisation_results": 0,
    "citations_results": 17,
    "other_sought_reports": 12,
    "other_notretrieved_reports": 1,
    "other_assessed": 11,
    "other_excluded": {"Duplicate report": 6},
    "new_reports": 25,
    "total_studies": 30,
    "total_reports": 40,
    "total_studies_ma": 14,
}


def a_flow(**counts: Any) -> Flow:
    return read_flow(json.dumps(counts).encode())


def test_a_flow_that_agrees_has_no_problems():
    assert problems(a_flow(**AGREES)) == []
    assert problems(a_flow(**UPDATED)) == []


def test_every_count_stands_in_the_diagram():
    shown = said(prisma(a_flow(**UPDATED)))
    for n in ("1,200", "50", "240", "1,000", "900", "96", "40", "36", "18", "25", "12", "17", "14"):
        assert f"(n = {n})" in shown
    assert "Reports excluded (n = 76):" in shown


def test_what_is_not_reported_is_printed_so_and_never_as_0():
    drawing = prisma(a_flow(database_results=100, records_screened=90, duplicates=0))
    shown = said(drawing)
    assert "Registers (n not reported)" in shown
    assert "Duplicate records removed (n = 0)" in shown
    assert shown.count("(n = 0)") == 1
    assert "registers not reported" in drawing.description
    assert counts_of(a_flow(database_results=100))["register_results"] is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param(
            {"records_screened": 1001},
            "1200 databases \\+ 50 registers − 240 duplicate records removed − 0 records marked as "
            "ineligible by automation tools − 10 records removed for other reasons = 1000, not "
            "1001 records screened",
            id="identified and screened",
        ),
        pytest.param({"records_excluded": 899}, "= 101, not 100 reports sought", id="screened"),
        pytest.param({"dbr_notretrieved_reports": 5}, "= 95, not 96", id="retrieved"),
        pytest.param({"new_reports": 21}, "= 20, not 21 reports of new", id="included"),
        pytest.param({"new_studies": 22}, "22 new studies .* only 20 reports", id="studies"),
        pytest.param(
            {"database_specific_results": {"MEDLINE": 700, "Embase": 499}},
            "the parts make 1199, not 1200",
            id="databases",
        ),
        pytest.param({"total_studies_ma": 19}, "19 .*meta-analysis, but only 18", id="pooled"),
    ],
)
def test_counts_that_contradict_each_other_are_named(changed, says):
    assert any(re.search(says, problem) for problem in problems(a_flow(**(AGREES | changed))))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param({"total_studies": 31}, "12 .* \\+ 18 .* = 30, not 31", id="total studies"),
        pytest.param({"other_assessed": 12}, "12 .*− 1 .*= 11, not 12", id="other methods"),
        pytest.param({"other_sought_reports": 21}, "only 20 records identified", id="other sought"),
    ],
)
def test_counts_of_an_update_that_contradict_each_other_are_named(changed, says):
    assert any(re.search(says, problem) for problem in problems(a_flow(**(UPDATED | changed))))


def test_a_count_that_is_not_reported_is_unknown_and_no_contradiction():
    unknown = AGREES | {"duplicates": None, "excluded_other": None}
    assert problems(a_flow(**unknown)) == []
    too_many = unknown | {"records_screened": 1300, "records_excluded": 1200}
    (problem,) = problems(a_flow(**too_many))
    assert "at most 1250, not 1300" in problem


def test_layers_are_drawn_where_they_have_counts_or_are_asked_for():
    new, updated = prisma(a_flow(**AGREES)), prisma(a_flow(**UPDATED))
    assert "Previous studies" not in texts(new)
    assert "Previous studies" in texts(updated)
    assert updated.width > new.width
    without = replace(a_flow(**UPDATED), has_other=False, has_previous=False)
    assert "other methods" not in said(prisma(without))


@pytest.mark.parametrize("counts", [AGREES, UPDATED], ids=["new", "updated"])
def test_nothing_leaves_the_page(counts):
    reasons = {f"A reason in many words, number {n}, which goes on and on": n for n in range(15)}
    labels = {"newstud": "A heading of one's own that is very long indeed " * 4}
    value = read_flow(
        json.dumps({"counts": counts | {"dbr_excluded": reasons}, "labels": labels}).encode()
    )
    assert is_within_the_page(prisma(value))


def test_the_prisma_2020_table_is_read_with_its_labels():
    value = read_flow(
        b"data,node,box,description,boxtext,tooltips,url,n\n"
        b"NA,node4,prevstud,d,Earlier studies,t,u,0\n"
        b"database_results,node7,box2,d,Bibliographic databases,t,u,1200\n"
        b"register_results,NA,box2,d,Registers,NA,NA,xxx\n"
        b'database_specific_results,NA,box2,d,Databases,NA,NA,"MEDLINE, 700; Embase, 500"\n'
        b'dbr_excluded,node14,box9,d,Reports excluded,t,u,"Population, not MS, 3; Design, xxx"\n'
        b"identification,node1,identification,d,Finding,t,u,0\n"
    )
    assert value.counts["register_results"] is None
    assert value.lists["database_specific_results"] == (("MEDLINE", 700), ("Embase", 500))
    assert value.lists["dbr_excluded"] == (("Population, not MS", 3), ("Design", None))
    assert value.count("dbr_excluded") is None
    shown = said(prisma(value))
    assert "Bibliographic databases (n = 1,200)" in shown
    assert "MEDLINE (n = 700)" in shown
    assert "Finding" in shown


def test_a_simple_table_of_keys_and_counts_is_read():
    value = read_flow(b'key,n\nrecords_screened,"1,000"\nrecords_excluded,NA\n')
    assert dict(value.counts) == {"records_screened": 1000, "records_excluded": None}


@pytest.mark.parametrize(
    "written",
    ["Wrong population, 3; Design, 5", "Wrong population: 3; Design: 5",
     "Wrong population (n = 3); Design (n=5)"],
)  # fmt: skip
def test_reasons_are_read_as_people_write_them(written):
    assert a_flow(dbr_excluded=written).lists["dbr_excluded"] == (
        ("Wrong population", 3),
        ("Design", 5),
    )


def test_one_number_of_reports_excluded_needs_no_reasons():
    value = a_flow(dbr_assessed=10, dbr_excluded=4, new_reports=6)
    assert problems(value) == []
    assert "Reports excluded (n = 4)" in said(prisma(value))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"key,n\nrecords_seen,3\n", "line 2: 'records_seen' is no count", id="name"),
        pytest.param(b"key,n\nduplicates,-3\n", "'-3' is no count", id="below 0"),
        pytest.param(b"key,n\nduplicates,2.5\n", "'2.5' is no count", id="fraction"),
        pytest.param(b"key,n\nduplicates,many\n", "'many' is no count", id="words"),
        pytest.param(b"key,n\nduplicates,3\nduplicates,4\n", "line 3: .*twice", id="twice"),
        pytest.param(b"a,b\n1,2\n", "no columns data .or key. and n", id="columns"),
        pytest.param(b'{"duplicates": [1]}', "is one number, not a list", id="list of one number"),
        pytest.param(b'{"dbr_excluded": [[1, 2]]}', "no pair of text and number", id="pairs"),
        pytest.param(b'{"duplicates": true}', "is no count", id="truth"),
        pytest.param(b'{"duplicates": ', "not JSON", id="not JSON"),
        pytest.param(b'{"counts": 3}', "expected counts by name", id="no object"),
        pytest.param(b"key,n\nduplicates,NA\n", "no count is given", id="nothing"),
    ],
)
def test_what_is_no_count_is_refused(body, says):
    with pytest.raises(InvalidInput, match=says):
        read_flow(body)


def test_the_counts_come_back_with_the_figure():
    told = counts_of(a_flow(**AGREES))
    assert told["records_screened"] == 1000
    assert told["dbr_excluded"] == {"Wrong population": 40, "No comparator": 36}
    assert set(told) <= set(LABELS)
