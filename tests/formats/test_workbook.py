"""Workbooks: what is typed comes in as it was typed, and what is wrong is said at its cell."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import python_calamine
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb import starter
from kb.errors import InvalidInput
from kb.formats import xlsx
from kb.formats.curation import Curated, read_tables
from kb.formats.curation_columns import (
    CHOICES,
    HELP,
    IN_TEMPLATE,
    TABLES,
    in_working_order,
    of_column,
)
from kb.formats.workbook import VERSION, outcomes_of, write_template
from kb.models.evidence import CellName, StudyRecord
from kb.outcomes.vocabulary import load_vocabulary
from tests.formats.workbooks import (
    Day,
    Formula,
    Number,
    Raised,
    Value,
    a_workbook,
    cell_of,
    header_of,
)

Tables = dict[str, list[dict[str, Value]]]

RESULT: dict[str, Value] = {
    "study": "S", "arm": "msc", "outcome": "T2_NEW", "statistic": "person_count", "n": "6",
    "events": "5", "time": "12", "time_unit": "week", "state": "reported", "source": "paper",
    "locator": "abstract",
}  # fmt: skip
SCORE: dict[str, Value] = {
    **{c: v for c, v in RESULT.items() if c not in ("events", "n")},
    "outcome": "EDSS",
    "statistic": "final",
}
CONTRAST: dict[str, Value] = {
    **{c: v for c, v in RESULT.items() if c not in ("events", "statistic", "n")},
    "outcome": "EDSS",
    "versus": "sham",
    "measure": "mean difference",
    "estimate": "-0.5",
}
EVENT: dict[str, Value] = {
    "study": "S", "arm": "msc", "code": "AE_FEVER", "at_risk": "7", "persons": "1",
    "state": "reported", "source": "paper", "locator": "table 3",
}  # fmt: skip
ARM: dict[str, Value] = {
    "study": "S", "arm": "msc", "label": "MSC", "source": "paper", "locator": "page 1",
}  # fmt: skip


def minimal() -> Tables:
    """One study with two arms, a report, a registration and a result, without a mistake."""
    return {
        "sources": [
            {"key": "paper", "kind": "abstract", "document": "d", "standing": "primary",
             "work": "w"},
        ],
        "works": [{"work": "w", "doi": "10.3390/jcm8122102", "pmid": "31810187"}],
        "studies": [
            {"study": "S", "label": "A study", "follow_up": "2", "follow_up_unit": "year",
             "source": "paper", "locator": "abstract"}
        ],
        "reports": [{"study": "S", "work": "w"}],
        "registrations": [{"number": "NCT03778333", "start": "2011-03", "completion": "2016"}],
        "study_registrations": [
            {"study": "S", "registration": "NCT03778333", "basis": "stated by the report"}
        ],
        "arms": [ARM, {**ARM, "arm": "sham", "label": "Sham"}],
        "flow": [
            {"study": "S", "arm": arm, "milestone": "started", "n": "7", "source": "paper",
             "locator": "page 2"}
            for arm in ("msc", "sham")
        ],
        "results": [{**RESULT}],
        "adverse_events": [{**EVENT}],
        "overlaps": [],
    }  # fmt: skip


def read(tables: Tables) -> Curated:
    return read_tables(a_workbook(tables), source="test")


def test_a_filled_workbook_without_mistakes_is_read_whole():
    curated = read(minimal())
    assert [str(e) for e in curated.errors] == []
    assert [str(w) for w in curated.warnings] == []
    (study,) = curated.studies
    assert [arm.key for arm in study.arms] == ["msc", "sham"]
    assert study.results[0].evidence.row == "results:2"
    assert curated.works[0].identifiers


# -- forty-odd mistakes ----------------------------------------------------------------------------


def result(**cells: Value) -> dict[str, Value]:
    return {**RESULT, **cells}


def score(**cells: Value) -> dict[str, Value]:
    return {**SCORE, **cells}


def contrast(**cells: Value) -> dict[str, Value]:
    return {**CONTRAST, **cells}


def event(**cells: Value) -> dict[str, Value]:
    return {**EVENT, **cells}


# One row each: the table, the row, the column of the mistake, its code, a word of the message.
MISTAKES: tuple[tuple[str, dict[str, Value], str, str, str], ...] = (
    ("results", result(study="T"), "study", "unknown-study", "expected S"),
    ("results", result(arm="mcs"), "arm", "unknown-arm", "nearest"),
    ("results", result(source="papr"), "source", "unknown-source", "expected paper"),
    ("results", result(locator=None), "locator", "missing-locator", "every row needs locator"),
    ("results", result(state="reportd"), "state", "unknown-state", "nearest: reported"),
    ("results", result(statistic="count"), "statistic", "unknown-statistic", "person_count"),
    ("results", result(category="better"), "category", "unknown-category", "improved"),
    ("results", result(time_unit="weeks"), "time_unit", "unknown-time-unit", "nearest: week"),
    ("results", result(time="-3"), "time", "below-zero", "time_text"),
    ("results", result(time_unit=None), "time_unit", "time-unit-missing", "expected minute"),
    ("results", result(outcome="EDS"), "outcome", "unknown-outcome", "EDSS"),
    ("results", result(outcome="MY"), "what", "unnamed", "not in the vocabulary"),
    ("results", result(events="7"), "events", "events-exceed-n", "7 of 6"),
    ("results", result(events="five"), "events", "word-for-number", "write 5"),
    ("results", result(events="4.5"), "events", "not-whole", "counted"),
    ("results", result(n="-6"), "n", "below-least", "whole number from 1"),
    ("results", result(n="0"), "n", "below-least", "whole number from 1"),
    ("results", result(n="6*"), "n", "mark-on-number", "footnote"),
    ("results", result(events="5/6"), "events", "fraction-for-number", "all of them in n"),
    ("results", result(events="NA"), "events", "placeholder", "empty cell means not reported"),
    ("results", result(events="0 (assumed)"), "events", "remark-in-number", "assumed"),
    ("results", result(percent="120"), "percent", "percent-out-of-range", "0 and 100"),
    ("results", result(percent="38.3"), "percent", "percent-contradicts-count", "83.33"),
    ("results", result(percent="83%"), "percent", "percent-sign", "%"),
    ("results", result(mean="1"), "mean", "number-of-another-statistic", "has no mean"),
    ("results", result(state="not_reported", n=None), "events", "number-although-silent", "state"),
    ("results", result(state="reported_zero"), "events", "zero-is-not-zero", "reported_zero"),
    ("results", result(events=None), "state", "reported-nothing", "no number"),
    ("results", result(caveats="postho"), "caveats", "unknown-caveat", "post_hoc"),
    ("results", result(p="0,03"), "p", "malformed-p", "expected e.g. < 0.03"),
    ("results", result(p="1.3"), "p", "p-out-of-range", "above 1"),
    ("results", result(is_primary="primary"), "is_primary", "unknown-is-primary", "yes, no"),
    ("results", result(better="down"), "better", "unknown-better", "lower"),
    ("results", score(mean="12"), "mean", "off-scale", "0 to 10"),
    ("results", score(mean="5,1"), "mean", "comma-in-number", "decimal point"),
    ("results", score(mean="5.1 (0.3)"), "mean", "several-values", "columns of their own"),
    ("results", score(mean="5.1", sd="-1"), "sd", "sd-negative", "-1"),
    ("results", score(mean="5.1", se="<0.1"), "se", "limit-for-number", "limit"),
    ("results", score(median="4", q1="5", q3="6"), "q1", "quantiles-out-of-order", "above"),
    ("results", score(min="6", max="3"), "min", "quantiles-out-of-order", "above max"),
    ("results", score(mean="2", min="3", max="6"), "mean", "mean-beyond-extremes", "outside"),
    ("results", score(mean="5", ci_low="6", ci_high="4", ci_level="95"), "ci_low",
     "interval-reversed", "6"),
    ("results", score(mean="5", ci_low="6", ci_high="7", ci_level="95"), "mean",
     "estimate-outside-interval", "outside"),
    ("results", score(mean="5", ci_low="4", ci_high="6", ci_level="0.95"), "ci_level",
     "ci-level-out-of-range", "write 95"),
    ("results", score(mean="5", category="event"), "category", "category-of-no-count", "persons"),
    ("results", score(mean="5", statistic="baseline"), "time", "baseline-after-start", "baseline"),
    ("results", score(mean="5", estimate="2"), "estimate", "compares-no-arms", "versus"),
    ("results", contrast(versus="msc"), "versus", "arm-against-itself", "itself"),
    ("results", contrast(measure=None), "measure", "missing-measure", "hazard ratio"),
    ("results", contrast(measure="HR", estimate="0.5"), "measure", "unknown-measure",
     "hazard ratio"),
    ("results", contrast(measure="odds ratio"), "estimate", "ratio-not-positive", "logarithm"),
    ("results", contrast(mean="4"), "mean", "number-of-one-arm", "one arm"),
    ("results", score(mean=Formula("=1+1", 2)), "mean", "formula", "no source"),
    ("results", score(mean=Formula("=1/0", "#DIV/0!")), "mean", "error-value", "#DIV/0!"),
    ("results", score(mean=Day(date(2026, 2, 1))), "mean", "date-for-number", "1-2"),
    ("results", result(percent=Number(0.833, "0.0%")), "percent", "percent-format", "type 83.3"),
    ("results", result(is_primary=True), "is_primary", "logical-value", "yes, no"),
    ("results", result(time=Day(date(2026, 4, 3))), "time", "date-for-number", "text"),
    ("adverse_events", event(persons="8"), "persons", "persons-exceed-at-risk", "7 at risk"),
    ("adverse_events", event(persons="3", events="2"), "events", "events-below-persons", "3"),
    ("adverse_events", event(code=None), "term", "unnamed", "one of them at least"),
    ("adverse_events", event(seriousness="grave"), "seriousness", "unknown-seriousness",
     "not serious"),
    ("adverse_events", event(code="AE_SERIOUS", seriousness="not serious"), "seriousness",
     "seriousness-contradicts-code", "AE_SERIOUS"),
    ("adverse_events", event(percent="50"), "percent", "percent-contradicts-count", "14.29"),
    ("arms", {**ARM, "arm": "a", "donor": "autolog"}, "donor", "unknown-donor", "autologous"),
    ("arms", {**ARM, "arm": "b", "dose": "2"}, "dose_unit", "missing-dose-unit", "10^6"),
    ("arms", {**ARM, "arm": "c", "dose_low": "2", "dose_high": "1", "dose_unit": "10^6 cells"},
     "dose_low", "range-reversed", "above"),
    ("arms", {**ARM, "arm": "d", "dose": "-2", "dose_unit": "10^6 cells"}, "dose",
     "dose-not-positive", "above 0"),
    ("arms", {**ARM, "arm": "e", "dose": "2", "dose_unit": Raised("10", "6", " cells/kg")},
     "dose_unit", "superscript", "10^6"),
    ("arms", {**ARM, "arm": "f", "dose": "2", "dose_unit": "x10e6 cells/kg"}, "dose_unit",
     "unknown-dose-unit", "10^6 cells/kg"),
    ("arms", {**ARM, "arm": "all"}, "arm", "reserved-arm", "names no arm"),
    ("arms", {**ARM, "arm": "msc"}, "arm", "duplicate-arm", "arms:2"),
    ("arms", {**ARM, "arm": "g", "passage_low": "5", "passage_high": "3"}, "passage_low",
     "range-reversed", "above"),
    ("arms", {**ARM, "arm": "h", "dose": "2", "dose_unit": "mg/kg", "tissue": "adipose"},
     "dose_unit", "unknown-dose-unit", "no unit of a dose of cells"),
    ("arms", {**ARM, "arm": "i", "n_randomised": "6", "n_analysed": "7"}, "n_analysed",
     "more-than-there-were", "more than n_randomised 6"),
    ("adverse_events", event(code="EDSS"), "code", "not-an-event", "belongs in results"),
    ("results", score(mean="5", n="9", sd="0.5", se="0.9"), "sd", "sd-contradicts-se", "SE 0.9"),
    ("results", score(median="5", q1="6", q3="4"), "q1", "quantiles-out-of-order", "above q3 4"),
    ("results", score(mean="-120", statistic="percent_change"), "mean", "off-scale", "100 %"),
    ("results", contrast(estimate="-12"), "estimate", "off-scale", "from 0 to 10"),
    ("results", {"study": "Total", "n": "13"}, "study", "stray-row", "out of the table"),
    ("results", result(outcome="EDDS"), "outcome", "unknown-outcome", "what is empty"),
    ("works", {"work": "q", "published": "2999"}, "published", "implausible-year", "future"),
    ("works", {"work": "p", "language": "english"}, "language", "malformed-language", "en"),
    ("results", result(statistic="percent", percent="83.3", mean="4"), "mean",
     "number-of-another-statistic", "percent and n"),
    ("results", score(mean="5", percent="50"), "percent", "number-of-another-statistic",
     "expected percent"),
    ("results", score(mean="5", sd="1", n="1"), "sd", "sd-of-one", "one person"),
    ("results", result(person_years="0"), "person_years", "below-least", "nobody was observed"),
    ("results", score(mean="5", time="baseline", time_unit=None), "time", "not-a-number", "1.5"),
    ("results", {"study": "study", "arm": "arm", "state": "State"}, "study", "stray-row",
     "header stands here again"),
    ("works", {"work": "v", "doi": "jcm8122102"}, "doi", "malformed-doi", "10.3390"),
    ("works", {"work": "u", "pmid": "PMC6947442"}, "pmid", "malformed-pmid", "31810187"),
    ("works", {"work": "t", "doi": "10.3390/jcm8122102"}, "doi", "duplicate-identifier", "works:2"),
    ("works", {"work": "s", "published": "2.12.2019"}, "published", "not-a-date", "2019-12-02"),
    ("works", {"work": "w", "title": "Again"}, "work", "duplicate-key", "works:2"),
    ("works", {"work": "r", "pages": Day(date(2026, 2, 1))}, "pages", "date-for-text", "3/4"),
    ("registrations", {"number": "NCT1"}, "number", "malformed-registration", "NCT03778333"),
    ("overlaps", {"study": "S", "other": "S", "kind": "follow-up of", "certainty": "certain"},
     "other", "overlaps-itself", "itself"),
    ("reports", {"study": "S", "work": "nobody"}, "work", "unknown-work", "not in works"),
    ("flow", {"study": "S", "arm": "msc", "milestone": "completed", "n": "9", "source": "paper",
              "locator": "p"}, "n", "more-than-started", "7 started"),
    ("studies", {"study": "Z", "label": "Z", "source": "paper", "locator": "p", "year": "19"},
     "year", "not-a-year", "2019"),
)  # fmt: skip


def mistaken() -> tuple[Tables, list[tuple[str, str, str, str]]]:
    """The minimal tables and below them a row for each mistake; and (sheet, cell, column, code)
    of each."""
    tables = minimal()
    expected = []
    for number, (table, row, *_) in enumerate(MISTAKES):
        # No two rows are about the same thing, so that none is mistaken for another's repetition.
        told_apart = {"subgroup": f"row {number}"} if table == "results" else {}
        told_apart |= {"time_text": f"row {number}"} if table == "adverse_events" else {}
        tables[table].append({**row, **told_apart})
    placed: Counter[str] = Counter({table: len(rows) for table, rows in minimal().items()})
    for table, _, column, code, _ in MISTAKES:
        placed[table] += 1
        cell = cell_of(table, tables[table], placed[table], column)
        expected.append((table, cell, column, code))
    return tables, expected


def test_many_kinds_of_mistakes_give_one_clear_message_each_at_their_cells():
    tables, expected = mistaken()
    curated = read(tables)
    assert len({code for *_, code in expected}) >= 55
    assert len(expected) >= 80
    found = [(e.file, e.cell, e.column, e.code) for e in curated.errors]
    assert Counter(found) == Counter(expected)
    by_cell = {(e.file, e.cell): e for e in curated.errors}
    for (table, cell, _, _), (*_, said) in zip(expected, MISTAKES, strict=True):
        assert said in by_cell[table, cell].message
        assert str(by_cell[table, cell]).startswith(f"{table}!{cell}: ")


def test_a_workbook_with_mistakes_imports_nothing():
    curated = read(mistaken()[0])
    assert (curated.works, curated.lists, curated.studies, curated.registered_only) == ((),) * 4


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m[3]} in {m[2]}")
def test_a_mistake_alone_gives_its_message_and_no_other(mistake):
    table, row, column, code, _ = mistake
    tables = minimal()
    told_apart: dict[str, Value] = {"subgroup": "x"} if table == "results" else {}
    tables[table].append({**row, **told_apart})
    assert [(e.column, e.code) for e in read(tables).errors] == [(column, code)]


# -- what stops nothing ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "cells", "column", "code"),
    [
        pytest.param("results", result(n=None), "n", "denominator-missing", id="count without n"),
        pytest.param(
            "results", score(mean="5", ci_low="4", ci_high="6"), "ci_level", "ci-level-missing",
            id="interval without level",
        ),
        pytest.param(
            "results", score(mean="5", ci_low="4"), "ci_high", "half-interval", id="half interval"
        ),
        pytest.param("results", score(sd="1"), "sd", "dispersion-alone", id="SD without mean"),
        pytest.param(
            "results", score(median="5", q1="4"), "q3", "half-range", id="one quartile"
        ),
        pytest.param(
            "results", score(mean="5", n="10", sd="1.00", se="0.50"), "sd", "sd-contradicts-se",
            id="SD and SE",
        ),
        pytest.param(
            "results", score(mean="5", time=None, time_unit=None), "time", "time-missing",
            id="no time",
        ),
        pytest.param("results", score(mean="5", time="0"), "time", "final-at-start", id="day 0"),
        pytest.param(
            "results", score(mean="5", unit="mm"), "unit", "other-unit", id="another unit"
        ),
        pytest.param(
            "results", score(mean="5", better="higher"), "better", "other-direction", id="direction"
        ),
        pytest.param(
            "results", contrast(measure="my effect"), "measure", "unusual-measure", id="measure"
        ),
        pytest.param(
            "results", score(mean="5", time="9", time_unit="year"), "time", "time-after-follow-up",
            id="after follow-up",
        ),
        pytest.param(
            "results", score(mean="5", n="6", sd="0"), "sd", "sd-zero", id="SD of zero"
        ),
        pytest.param(
            "results", result(outcome="AE_FEVER"), "outcome", "event-among-results",
            id="adverse event among results",
        ),
        pytest.param(
            "results", score(statistic="change", mean="-0.5", direction="increased"), "direction",
            "direction-contradicts-number", id="decrease called an increase",
        ),
        pytest.param(
            "results", score(statistic="change", mean="0.5", direction="improved"), "direction",
            "direction-contradicts-number", id="EDSS up and improved",
        ),
        pytest.param(
            "arms", {**ARM, "arm": "third"}, "label", "same-label", id="two arms of one label"
        ),
        pytest.param(
            "arms", {**ARM, "locator": "page 2", "passage_low": "250"}, "passage_low",
            "implausible-passage", id="passage 250",
        ),
        pytest.param("arms", {**ARM, "arm": "third"}, "arm", "unused-arm", id="arm of no rows"),
        pytest.param(
            "arms", {**ARM, "locator": "page 2", "route": "by teleport"}, "route",
            "unusual-word", id="route nobody knows",
        ),
        pytest.param(
            "arms",
            {**ARM, "locator": "page 2", "role": "control", "comparator": "placebo",
             "tissue": "adipose"},
            "role", "control-with-cells", id="placebo of cells",
        ),
        pytest.param("results", contrast(p="0.000"), "p", "p-is-zero", id="p of zero"),
        pytest.param(
            "arms", {**ARM, "locator": "page 2", "n_treated": "9", "n_completed": "10"},
            "n_completed", "participants-increase", id="more completed than treated",
        ),
        pytest.param(
            "arms",
            {**ARM, "locator": "page 2", "dose": "2000000", "dose_unit": "10^6 cells"},
            "dose", "implausible-dose", id="millions of millions",
        ),
        pytest.param(
            "arms", {**ARM, "locator": "page 2", "route": "intrathecall"}, "route",
            "unusual-word", id="misspelt route",
        ),
        pytest.param(
            "sources", {"key": "b", "kind": "abstract", "document": "d", "standing": "primary"},
            "key", "unused-source", id="source nobody names",
        ),
        pytest.param(
            "registrations", {"number": "NCT01364246", "start": "2016", "completion": "2011"},
            "completion", "dates-out-of-order", id="ends before it starts",
        ),
        pytest.param(
            "adverse_events", event(at_risk=None), "at_risk", "denominator-missing",
            id="persons without at risk",
        ),
        pytest.param(
            "results", result(what=Formula('="a"', "words")), "what", "formula-text",
            id="formula that gives text",
        ),
    ],
)  # fmt: skip
def test_what_may_be_right_is_a_warning_and_comes_in(table, cells, column, code):
    tables = minimal()
    told_apart = {"results": "subgroup", "adverse_events": "time_text"}.get(table)
    tables[table].append({**cells, **({told_apart: "x"} if told_apart else {})})
    curated = read(tables)
    assert [str(e) for e in curated.errors] == []
    assert (column, code) in [(w.column, w.code) for w in curated.warnings]
    assert curated.studies


def test_what_a_source_prints_against_reason_comes_in_when_a_caveat_says_so():
    wrong = result(percent="38.3", subgroup="x")
    tables = minimal()
    tables["results"].append(wrong)
    (error,) = read(tables).errors
    assert "printed_so" in error.message
    for caveat in ("printed_so", "percent_disagrees_with_count"):
        tables["results"][-1] = {**wrong, "caveats": caveat}
        assert read(tables).errors == ()


def test_arms_that_sources_count_differently_are_shown_beside_each_other():
    tables = minimal()
    tables["sources"].append(
        {"key": "entry", "kind": "registry", "document": "e", "standing": "primary"}
    )
    tables["arms"][0] = {**ARM, "n_randomised": "12"}
    tables["arms"].append({**ARM, "source": "entry", "n_randomised": "13"})
    (warning,) = read(tables).warnings
    assert (warning.column, warning.code) == ("n_randomised", "arm-counts-disagree")
    assert "12 in arms:2" in warning.message
    for row, role in zip((0, -1), ("experimental", "control")):
        tables["arms"][row] = {**tables["arms"][row], "n_randomised": None, "role": role}
    (warning,) = read(tables).warnings
    assert (warning.column, warning.code) == ("role", "arm-roles-disagree")


def test_a_row_copied_and_not_changed_is_a_mistake_and_a_changed_one_is_shown():
    tables = minimal()
    tables["results"].append({**RESULT})
    assert [e.code for e in read(tables).errors] == ["duplicate-row"]
    tables["results"][-1] = result(events="4")
    curated = read(tables)
    assert curated.errors == ()
    assert [w.code for w in curated.warnings if w.code == "contradicting-row"]


def test_those_who_completed_and_those_who_did_not_are_no_more_than_started():
    tables = minimal()
    ended = {"study": "S", "arm": "msc", "source": "paper", "locator": "p"}
    tables["flow"] += [
        {**ended, "milestone": "completed", "n": "5"},
        {**ended, "milestone": "not completed", "n": "2"},
        {**ended, "milestone": "not completed", "n": "1", "reason": "died"},
        {**ended, "milestone": "not completed", "n": "1", "reason": "moved"},
    ]
    assert codes(read(tables)) == []
    tables["flow"][-1]["n"] = "2"
    (error,) = read(tables).errors
    assert (error.code, error.cell) == ("more-than-started", "F7")


def sizes(arm: str, study: str, **told: Value) -> Tables:
    """A trial whose first arm and which itself randomised so many."""
    tables = minimal()
    tables["arms"][0] = {**ARM, "n_randomised": arm}
    tables["studies"][0] |= {"n_randomised": study, **told}
    return tables


def test_nobody_is_analysed_who_was_not_randomised():
    tables = sizes("5", "10")
    (error,) = read(tables).errors
    assert (error.column, error.code) == ("n", "n-exceeds-arm")
    for told in ({"caveats": "n_above_treated"}, {"unit_of_analysis": "knee"}):
        assert read({**tables, "results": [result(**told)]}).errors == ()


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param(sizes("5", "10", design="randomised crossover"), id="crossover"),
        pytest.param(
            {**sizes("5", "10"), "results": [result(population="as treated")]}, id="as treated"
        ),
        pytest.param(
            {**sizes("5", "10"), "arms": [{**ARM, "n_treated": "5"}, {**ARM, "arm": "sham"}]},
            id="of those treated",
        ),
    ],
)
def test_more_than_an_arm_had_may_be_where_people_change_sides(tables):
    curated = read(tables)
    assert curated.errors == ()
    assert "n-exceeds-arm" in [w.code for w in curated.warnings]


def test_no_arm_is_larger_than_its_study():
    (error,) = read(sizes("12", "10")).errors
    assert (error.file, error.column, error.code) == ("arms", "n_randomised", "arm-exceeds-study")
    tables = sizes("7", "10")
    tables["arms"][1]["n_randomised"] = "7"
    assert codes(read(tables)) == [("arms!F3", "arms-exceed-study")]


def test_one_slip_is_not_told_for_every_row_that_repeats_it():
    tables = minimal()
    tables["results"] = [result(arm="mcs", subgroup=str(n)) for n in range(20)]
    (error,) = read(tables).errors
    assert "also in B3, B4, B5, B6, B7 and 14 more" in error.message


# -- cells as programs make them -------------------------------------------------------------------


def test_numbers_stay_as_typed_in_text_and_as_shown_in_numbers():
    tables = minimal()
    tables["results"] = [
        score(mean="1.0", sd=Number(0.1 + 0.2), se=Number(2, "0.00"), min=Number(1e-05)),
        result(n=Number(6, "0.0"), events=Number(5), time=Number(12)),
    ]
    (study,) = read(tables).studies
    texts = {cell.name: cell.text for cell in study.results[0].cells}
    assert texts == {
        CellName.MEAN: "1.0", CellName.SD: "0.3", CellName.SE: "2.00", CellName.MIN: "0.00001",
    }  # fmt: skip
    assert [cell.text for cell in study.results[1].cells] == ["6", "5"]


def test_spaces_around_and_within_cells_are_no_mistake():
    tables = minimal()
    tables["results"] = [
        result(arm="\u00a0msc ", n=" 6\u00a0", state="reported\u200b", what="a\u00a0b")
    ]
    (study,) = read(tables).studies
    assert (study.results[0].arm, study.results[0].outcome_title) == ("msc", "a b")


def test_a_date_typed_as_one_is_a_date_where_dates_belong():
    tables = minimal()
    tables["works"][0]["published"] = Day(date(2019, 12, 2), "dd/mm/yyyy")
    tables["works"][0]["accepted"] = Day(date(2019, 11, 1), "mmm-yy")
    (work,) = read(tables).works
    assert {d.role: d.date for d in work.dates} == {
        "accepted": "2019-11",
        "published": "2019-12-02",
    }


def test_a_value_and_a_key_of_a_formula_are_told_apart():
    tables = minimal()
    tables["results"].append(result(study=Formula("=A2", "S"), subgroup="x"))
    curated = read(tables)
    assert curated.errors == ()
    assert [(w.cell, w.code) for w in curated.warnings] == [("A3", "formula-text")]


@pytest.mark.parametrize("saved", [b"<v></v>", b"<v/>", b""], ids=["empty", "closed", "none"])
@pytest.mark.parametrize("column", ["mean", "n", "what"])
def test_a_formula_saved_without_its_result_is_one_all_the_same(column, saved):
    tables = minimal()
    tables["results"].append({**SCORE, "mean": "5", column: Formula("=1+1", 777)})
    output = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(a_workbook(tables))) as given,
        zipfile.ZipFile(output, "w") as made,
    ):
        for name in given.namelist():
            made.writestr(name, given.read(name).replace(b"<v>777</v>", saved))
    (error,) = read_tables(output.getvalue(), source="test").errors
    assert (error.column, error.code) == (column, "formula")
    assert "saved without its result" in error.message


# -- sheets that are not as they were --------------------------------------------------------------


def edited(tables: Tables, edit) -> Curated:
    """The workbook of the tables, after `edit(book, sheets)`."""
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True})
    sheets = {}
    for table, rows in tables.items():
        sheet = sheets[table] = book.add_worksheet(table)
        header = header_of(table, rows)
        for column, name in enumerate(header):
            sheet.write_string(0, column, name)
        for line, row in enumerate(rows, start=1):
            for name, value in row.items():
                if value is not None:
                    sheet.write_string(line, header.index(name), str(value))
    edit(book, sheets)
    book.close()
    return read_tables(output.getvalue(), source="test")


def codes(curated: Curated) -> list[tuple[str, str]]:
    return [(f.place, f.code) for f in (*curated.errors, *curated.warnings)]


def test_a_sheet_renamed_is_named_and_read_all_the_same():
    tables = minimal()
    for name in ("result", "Resluts", "my findings"):
        body = a_workbook(tables, names={"results": name})
        (error,) = read_tables(body, source="test").errors
        assert (error.file, error.code) == (name, "renamed-sheet")
        assert "expected results" in error.message


def test_capitals_and_spaces_make_no_other_sheet_and_no_other_column():
    tables = minimal()
    names = {"results": "Results", "adverse_events": " Adverse Events", "arms": "ARMS"}
    body = a_workbook(tables, names=names)
    assert codes(read_tables(body, source="test")) == []

    def shout(book: Any, sheets: Any) -> None:
        for table, name in (("results", "Time Unit "), ("arms", "STUDY"), ("flow", "N")):
            column = header_of(table, tables[table]).index(name.strip().lower().replace(" ", "_"))
            sheets[table].write(0, column, name)

    assert codes(edited(tables, shout)) == []


def test_a_sheet_of_notes_is_not_read_and_that_is_said():
    curated = edited(minimal(), lambda book, _: book.add_worksheet("to do").write(0, 0, "ask"))
    assert codes(curated) == [("to do", "unread-sheet")]


@pytest.mark.parametrize("table", ["sources", "studies", "arms", "works"])
def test_a_sheet_that_is_missing_is_told_once_for_all_that_name_its_keys(table):
    tables = minimal()
    del tables[table]
    tables["results"] += [result(subgroup=str(n)) for n in range(9)]
    (error,) = read(tables).errors
    assert error.code == "missing-table"
    assert f"{table} has no rows; also in " in error.message


@pytest.mark.parametrize(
    ("edit", "place", "code"),
    [
        pytest.param(
            lambda b, s: s["results"].merge_range("D1:E1", "outcome"), "results!D1",
            "merged-cells", id="merged header",
        ),
        pytest.param(
            lambda b, s: s["results"].write(0, 2, "vs"), "results!C1", "unknown-column",
            id="unknown",
        ),
        pytest.param(
            lambda b, s: s["results"].write(0, 3, "Outcom"), "results!D1", "unknown-column",
            id="spelt otherwise",
        ),
        pytest.param(
            lambda b, s: s["results"].write(0, 2, "study"), "results!C1", "duplicate-column",
            id="twice",
        ),
        pytest.param(
            lambda b, s: s["works"].write(0, 0, "x"), "works!1:1", "missing-column", id="missing"
        ),
        pytest.param(
            lambda b, s: s["results"].write(1, 60, "12"), "results!BI2", "column-without-name",
            id="beside the table",
        ),
        pytest.param(
            lambda b, s: s["results"].write(9, 4, "Total"), "results!E10", "stray-row",
            id="below the table",
        ),
        pytest.param(
            lambda b, s: s["results"].merge_range(1, 0, 2, 0, "S"), "results!A2", "merged-cells",
            id="merged cells",
        ),
        pytest.param(
            lambda b, s: s["results"].set_row(1, None, None, {"hidden": True}), "results",
            "hidden-rows", id="hidden row",
        ),
        pytest.param(
            lambda b, s: s["results"].set_column(3, 3, None, None, {"hidden": True}), "results",
            "hidden-columns", id="hidden column",
        ),
        pytest.param(lambda b, s: s["flow"].hide(), "flow", "hidden-sheet", id="hidden sheet"),
    ],
)  # fmt: skip
def test_what_was_done_to_a_sheet_is_said_where_it_was_done(edit, place, code):
    assert (place, code) in codes(edited(minimal(), edit))


def test_rows_above_the_header_are_told_once():
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output)
    for table, rows in minimal().items():
        sheet = book.add_worksheet(table)
        above = 2 if table == "results" else 0
        if above:
            sheet.write(0, 0, "Results of my review")
        header = header_of(table, rows)
        sheet.write_row(above, 0, header)
        for line, row in enumerate(rows, start=above + 1):
            for name, value in row.items():
                sheet.write_string(line, header.index(name), str(value))
    book.close()
    (error,) = read_tables(output.getvalue(), source="test").errors
    assert (error.place, error.code) == ("results!A3", "header-not-first")


# -- files that are none ---------------------------------------------------------------------------


def a_zip(**parts: bytes) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name.replace("__", "/"), body)
    return output.getvalue()


def changed_part(name: str, edit) -> bytes:
    """The minimal workbook with one part of it edited."""
    output = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(a_workbook(minimal()))) as before,
        zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for part in before.namelist():
            body = before.read(part)
            after.writestr(part, edit(body) if part == name else body)
    return output.getvalue()


def with_entities(body: bytes) -> bytes:
    """A part with a document type before its root, in which entities hold each other."""
    declaration, _, rest = body.partition(b"?>")
    bomb = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    return declaration + b"?>" + bomb + rest


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"", "an empty file", id="nothing"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel file", id="xls"),
        pytest.param(b"study,arm\nS,msc\n", "a text file", id="CSV"),
        pytest.param(b"%PDF-1.7\n", "a PDF", id="PDF"),
        pytest.param(b"<html><table></table></html>", "XML or HTML", id="HTML called .xls"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(50), "not a workbook", id="picture"),
        pytest.param(b"PK\x03\x04" + b"x" * 40, "damaged workbook", id="torn zip"),
        pytest.param(a_zip(word__document_xml=b"<a/>"), "without a workbook", id="another zip"),
        pytest.param(
            a_zip(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), ".ods", id="ods"
        ),
        pytest.param(
            a_zip(**{"xl__workbook.bin": b"\x83\x01"}), "binary workbook", id="xlsb"
        ),
        pytest.param(a_zip(**{"xl__workbook.xml": b"0" * 3_000_000}), "unpacks to", id="zip bomb"),
        pytest.param(
            changed_part("xl/workbook.xml", with_entities),
            "document type", id="entities in the workbook",
        ),
        pytest.param(
            changed_part("xl/worksheets/sheet9.xml", with_entities),
            "document type", id="entities in a sheet",
        ),
        pytest.param(
            changed_part("xl/worksheets/sheet1.xml", lambda b: b[:300]), "damaged", id="torn sheet"
        ),
        pytest.param(
            changed_part("xl/sharedStrings.xml", lambda b: b"<sst/>"), "not there", id="no strings"
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_no_workbook_is_named_for_what_it_is(body, said):
    with pytest.raises(InvalidInput, match=said):
        read_tables(body, source="test")


def test_a_workbook_too_large_is_refused_before_it_fills_a_memory(monkeypatch):
    monkeypatch.setattr(xlsx, "MAX_UNPACKED", 1000)
    with pytest.raises(InvalidInput, match="bytes unpacked"):
        read(minimal())
    monkeypatch.setattr(xlsx, "MAX_CELLS", 10)
    monkeypatch.setattr(xlsx, "MAX_UNPACKED", 10**9)
    with pytest.raises(InvalidInput, match="filled cells"):
        read(minimal())
    monkeypatch.setattr(xlsx, "MAX_CELLS", 10**6)
    monkeypatch.setattr(xlsx, "MAX_CHARACTERS", 100)
    with pytest.raises(InvalidInput, match="100 characters"):
        read(minimal())


def test_a_template_of_another_version_is_refused():
    body = changed_part("nothing", lambda b: b)
    with zipfile.ZipFile(io.BytesIO(write_template([]))) as archive:
        properties = archive.read("docProps/custom.xml")
    output = io.BytesIO(body)
    with zipfile.ZipFile(output, "a") as archive:
        archive.writestr("docProps/custom.xml", properties.replace(b">1<", b">99<"))
    with pytest.raises(InvalidInput, match="version '99'"):
        read_tables(output.getvalue(), source="test")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_refused_in_words(body):
    with pytest.raises(InvalidInput):
        read_tables(body, source="test")


_VALID = a_workbook(minimal())
_PARTS = zipfile.ZipFile(io.BytesIO(_VALID)).namelist()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_a_workbook_with_bytes_changed_is_read_or_refused_in_words(rng: random.Random, changes):
    body = bytearray(_VALID)
    for _ in range(changes):
        body[rng.randrange(len(body))] = rng.randrange(256)
    with suppress(InvalidInput):
        read_tables(bytes(body), source="test")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(_PARTS), st.randoms(use_true_random=False), st.integers(1, 12))
def test_a_part_with_bytes_changed_is_read_or_refused_in_words(part, rng: random.Random, changes):
    def edit(body: bytes) -> bytes:
        edited_body = bytearray(body)
        for _ in range(changes):
            at = rng.randrange(len(edited_body))
            edited_body[at : at + rng.randrange(3)] = bytes([rng.choice(b'<>/="0129AZaz &;')])
        return bytes(edited_body)

    with suppress(InvalidInput):
        read_tables(changed_part(part, edit), source="test")


# -- the template ----------------------------------------------------------------------------------


def starter_rows() -> dict[str, list[dict[str, str]]]:
    rows = {}
    for table in IN_TEMPLATE:
        with (starter.folder() / f"{table}.csv").open(encoding="utf-8") as lines:
            rows[table] = list(csv.DictReader(lines))
    # Its authors stand in a table that the template has no sheet for.
    for work in rows["works"]:
        work["authors"] = ""
    return rows


def without_rows(record: StudyRecord) -> StudyRecord:
    """The record without the places in which its statements were entered."""

    def moved(claims):
        return tuple(replace(c, evidence=replace(c.evidence, row=None)) for c in claims)

    assert record.description is not None
    (description,) = moved((record.description,))
    return replace(
        record,
        description=description,
        registrations=tuple(
            replace(r, evidence=r.evidence and replace(r.evidence, row=None))
            for r in record.registrations
        ),
        arms=moved(record.arms),
        flow=moved(record.flow),
        results=moved(record.results),
        adverse_events=moved(record.adverse_events),
    )


def test_the_starter_evidence_in_a_workbook_is_the_same_as_in_csv(tmp_path):
    rows = starter_rows()
    for table, of_table in rows.items():
        with (tmp_path / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(of_table[0]))
            writer.writeheader()
            writer.writerows(of_table)
    from_csv = read_tables(tmp_path, source="test")
    (tmp_path / "filled.xlsx").write_bytes(write_template([], rows))
    from_sheets = read_tables(tmp_path / "filled.xlsx", source="test")
    assert from_csv.errors == from_sheets.errors == ()
    assert from_csv.works == from_sheets.works
    assert list(map(without_rows, from_csv.studies)) == list(map(without_rows, from_sheets.studies))
    said = [[(w.code, w.line, w.column) for w in c.warnings] for c in (from_csv, from_sheets)]
    assert Counter(said[0]) == Counter(said[1])


def test_another_reader_finds_in_the_template_what_was_written(tmp_path):
    rows = starter_rows()
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(write_template([], rows)))
    for table in IN_TEMPLATE:
        header, *lines = book.get_sheet_by_name(table).to_python()
        assert tuple(header) == in_working_order(table)
        wanted = [[row.get(str(column)) or "" for column in header] for row in rows[table]]
        assert lines == wanted
    hidden = {
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible is not python_calamine.SheetVisibleEnum.Visible
    }
    assert hidden == {"lists"}


def test_the_template_has_every_column_of_its_tables_with_help_and_its_version():
    assert write_template([]) == write_template([])
    for table, columns in TABLES.items():
        assert set(in_working_order(table)) == set(columns.all)
        for column in columns.all:
            assert of_column(table, column, HELP), (table, column)
    book = xlsx.read_workbook(write_template(list(load_vocabulary().values())))
    assert book.properties["kb template"] == str(VERSION)
    (how_to,) = [s for s in book.sheets if s.name == "how to"]
    assert any(f"version {VERSION}" in cell.text for cell in how_to.cells.values())


def test_help_and_lists_name_no_column_that_is_not_there():
    known = {f"{t}.{c}" for t, columns in TABLES.items() for c in columns.all}
    known |= {name.partition(".")[2] for name in known}
    assert set(HELP) | set(CHOICES) <= known


def test_a_cell_of_the_template_offers_what_may_stand_in_it():
    body = write_template(list(load_vocabulary().values()))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        sheet = archive.read(f"xl/worksheets/sheet{IN_TEMPLATE.index('results') + 2}.xml").decode()
    for wanted in ("studies!$A$2:", "arms!$B$2:", "sources!$A$2:", "vocabulary!$A$2:", "lists!$"):
        assert wanted in sheet
    assert 'state="frozen"' in sheet


def test_the_outcomes_offered_are_those_of_the_condition_and_of_any():
    every, of_ms = outcomes_of([]), outcomes_of(["multiple sclerosis"])
    assert of_ms == outcomes_of(["ms"])
    assert {"EDSS", "AE_ANY"} <= {d.code for d in of_ms} < {d.code for d in every}
    assert "LVEF" in {d.code for d in outcomes_of(["ms", "heart"])}
    with pytest.raises(InvalidInput, match="expected a condition"):
        outcomes_of(["astrology"])


def test_an_empty_template_says_that_nothing_is_in_it():
    with pytest.raises(InvalidInput, match="without a filled row"):
        read_tables(write_template([]), source="test")


@pytest.mark.parametrize(("number", "name"), [(1, "A"), (26, "Z"), (27, "AA"), (16384, "XFD")])
def test_columns_go_by_the_names_that_programs_give_them(number, name):
    assert xlsx.letters(number) == name
