"""Entries with results, as the tables a meta-analyst would make of them by hand.

The entries are of real trials in the registry's shape, in words of our own; what is expected was
read from them, not computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ingest.sources.clinicaltrials import to_records
from kb.models.evidence import StudyRecord
from kb.models.records import Payload
from kb.outcomes.comparisons import AnalysisRow, Table, analysis_rows, choices_of
from kb.outcomes.observed import Observed
from kb.store.analysis_rows import each_study
from kb.store.engine import Store
from kb.store.listing import Asked
from kb.store.migrate import migrate
from kb.store.payloads import keep
from kb.store.record_studies import save_study_record
from tests.conftest import ROOT, shared
from tests.ingest.fakes import a_payload
from tests.store.saves import NOW


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('base')}/kb.sqlite3")
    migrate(store)
    yield store
    store.close()


def observed(store: Store, body: bytes) -> dict[str, list[Observed]]:
    """Results by the number of the entry."""
    payload: Payload = a_payload(body)
    for record in to_records(payload):
        assert isinstance(record, StudyRecord)
        with store.writing() as session:
            save_study_record(session, record, keep(session, payload), NOW)
    with store.reading() as session:
        return {own[0].study.registrations[0]: own for own in each_study(session, Asked())}


@pytest.fixture(scope="module")
def ours(base: Store) -> dict[str, list[Observed]]:
    return observed(base, (ROOT / "tests/payloads/clinicaltrials/with_results.json").read_bytes())


def rows(table: Table, own: list[Observed], **choices: Any) -> tuple[AnalysisRow, ...]:
    return analysis_rows(table, own, choices_of(**choices)).rows


def said(row: AnalysisRow, *names: str) -> tuple[Any, ...]:
    """Outcome, days and the numbers of these names."""
    numbers = [row.numbers[name].value for name in names]
    return (row.first.outcome_title, row.first.days, *numbers)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            "NCT03117738",
            [("AstroStem vs Placebo-Control", "Adverse events related to treatment", 210,
              6, 11, 3, 10)],
            id="counts of participants",
        ),
        pytest.param(
            "NCT00629018",
            [("SC Group vs Controls", "Heart failure mortality", 1826.25, 8, 55, 19, 55)],
            id="a number of participants, and a group by another name",
        ),
        pytest.param(
            "NCT01529008",
            [("Core decompression/PREOB® implantation vs Core decompression/placebo implantation",
              "Percentage of treatment responders", 730.5, 14, 23, 18, 26)],
            id="a percentage that one count fits",
        ),
        pytest.param(
            "NCT03102879",
            [
                ("Regenerative Endodontic Procedure (REP) vs Conventional Root Canal Treatment",
                 title, days, *numbers)
                for title, days, numbers in (
                    ("Participants with an adverse event", 182.625, (0, 18, 0, 18)),
                    ("Participants with an adverse event", 365.25, (0, 18, 1, 18)),
                    ("Response of the pulp – Cold Test – Response", 182.625, (3, 18, 1, 18)),
                    ("Response of the pulp – Cold Test – Response", 365.25, (10, 18, 1, 18)),
                )
            ],
            id="two names of one group, times in classes, one side of two categories",
        ),
        pytest.param("NCT02467387", [], id="events are no persons"),
        pytest.param("NCT01385644", [], id="two doses without a control"),
    ],
)  # fmt: skip
def test_persons_stand_in_the_table_of_two_groups(ours, entry, expected):
    found = rows(Table.BINARY, ours[entry])
    assert sorted(
        (row.comparison, *said(row, "ai", "n1i", "ci", "n2i")) for row in found
    ) == sorted(expected)
    assert all(row.is_usable for row in found)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            "NCT03117738",
            [("ADAS-Cog", 210, 5.9, 6.8, 7, 3.0, 5.4, 7, "change"),
             ("MMSE", 210, -3.4, 2.8, 7, -1.4, 2.8, 7, "as_registered")],
            id="a change by its description, and one of which it is not said",
        ),
        pytest.param(
            "NCT00629018",
            [("Left ventricular ejection fraction", 1826.25, 30.0, 5.1, 55, 23.3, 4.2, 55,
              "final")],
            id="a course with its baseline",
        ),
        pytest.param(
            "NCT02467387",
            [("Change in LVEF from baseline to day 90 – %", 90, 34.1, 9.7, 9, 36.7, 5.42, 12,
              "final")],
            id="numbers analysed by class",
        ),
    ],
)  # fmt: skip
def test_means_stand_in_the_table_of_two_groups(ours, entry, expected):
    found = rows(Table.CONTINUOUS, ours[entry])
    names = ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")
    assert sorted((*said(row, *names), row.first.statistic) for row in found) == sorted(expected)


def test_one_group_is_the_treated_one(ours):
    found = rows(Table.PROPORTION, ours["NCT01385644"])
    assert [(row.arm_label, *said(row, "xi", "ni")[2:]) for row in found] == [
        ("1*10^6 MSC / kg", 0, 4),
        ("2*10^6 MSC / kg", 0, 4),
    ]
    assert {row.numbers["xi"].state for row in found} == {"reported_zero"}


def test_a_course_stands_before_and_after(ours):
    (row,) = rows(Table.CHANGE, ours["NCT00629018"], r=0.5)
    assert said(row, "m1i", "m2i", "sd1i", "sd2i", "ni")[1:] == (1826.25, 30.0, 24.3, 5.1, 6.5, 55)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param("NCT01529008", ("RD", -0.08, True), id="difference of proportions"),
        pytest.param("NCT03117738", ("MD", 2.9, True), id="difference of means"),
    ],
)
def test_an_analysis_is_a_contrast_the_right_way_round(ours, entry, expected):
    (row,) = rows(Table.ESTIMATE, ours[entry])
    assert (row.measure, row.numbers["yi"].value, row.is_usable) == expected
    assert "arm_level_exists" in row.notes
    assert "direction_from_numbers" in row.first.caveats


def test_a_crossover_says_that_its_groups_are_the_same_persons(ours):
    (row,) = rows(Table.CONTINUOUS, ours["NCT02467387"])
    assert "crossover" in row.notes
    assert rows(Table.CONTINUOUS, ours["NCT00629018"])[0].notes == ()


def test_recorded_entries_become_the_tables_of_their_arms(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/kb.sqlite3")
    migrate(store)
    found: dict[str, list[Observed]] = {}
    for name in ("v2_NCT00763412.json", "v2_NCT02210780.json"):
        found |= observed(store, shared(f"payloads/clinicaltrials_gov/{name}").read_bytes())
    store.close()
    for_means = rows(Table.CONTINUOUS, found["NCT00763412"])
    bmi = next(row for row in for_means if row.first.outcome_title == "BMI")
    assert said(bmi, "m1i", "n1i", "m2i", "n2i") == ("BMI", 730.5, 21.19, 4, 19.63, 4)
    assert bmi.comparison == "2. repaglinide vs 1 Placebo"
    assert bmi.why_not == "sd1i not reported; sd2i not reported"  # only ranges are given
    responders = rows(Table.BINARY, found["NCT02210780"])
    assert {row.comparison for row in responders} == {"Dupilumab 300 mg qw vs Placebo qw"}
    assert all("role_from_label" in row.notes for row in responders)
    easi = next(row for row in responders if row.numbers["ai"].value == 70)
    assert said(easi, "ai", "n1i", "ci", "n2i")[2:] == (70, 97, 31, 97)  # 72.2 % and 32.0 %
    estimates = rows(Table.ESTIMATE, found["NCT02210780"])
    means = [row for row in estimates if row.measure == "MD"]
    assert sorted(row.numbers["yi"].value or 0 for row in means) == [-17.8, -8.3, -2.4, -2.13]
    assert rows(Table.BINARY, found["NCT02210780"], stated_roles=True) == ()
