"""Outcome tables in every format: what R, RevMan, spreadsheets and people read out of them."""

from __future__ import annotations

import csv
import io
import math
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from kb.errors import InvalidInput
from kb.formats.outcome_tables import delimited, parquet, revman, revman5, revman_web, srdr
from kb.formats.outcome_tables.dictionary import Layout, dictionary_rows, json_schema
from kb.formats.outcome_tables.formats import ALIASES, FORMATS, format_named
from kb.formats.outcome_tables.layouts import META_TABLES, Names, long_layout, table_layout
from kb.formats.outcome_tables.spreadsheet import Workbook
from kb.models.evidence import Category, CellName, Origin, ResultKind, State, Statistic
from kb.outcomes.comparisons import AnalysisRow, Table, analysis_rows, choices_of
from kb.outcomes.observed import Fact, Observed
from kb.synthesis.effects import effect_sizes
from tests.outcomes.measured import a_result, a_study, an_arm, weeks

TREATED, CONTROL = an_arm(1), an_arm(2, "control")
LAYOUTS: list[Layout[Any]] = [
    long_layout(),
    *(
        table_layout(table, names)
        for names in Names
        for table in Table
        if names is Names.METAFOR or table in META_TABLES
    ),
]


def a_count(number: int, arm: Any, events: float | None, n: float | None, **more: Any) -> Observed:
    return a_result(number, arm, numbers={"events": events, "n_analysed": n}, **more)


def a_mean(number: int, arm: Any, mean: float, sd: float | None, n: int, **more: Any) -> Observed:
    more = {"statistic": Statistic.FINAL, "code": "EDSS"} | more
    return a_result(number, arm, numbers={"mean": mean, "sd": sd, "n_analysed": n}, **more)


def two_by_two(**more: Any) -> list[Observed]:
    return [a_count(1, TREATED, 2, 21, **more), a_count(2, CONTROL, 4, 20, **more)]


def rows(table: Table, results: list[Observed], **choices: Any) -> list[AnalysisRow]:
    return list(analysis_rows(table, results, choices_of(**choices)).rows)


def read(layout: Layout[Any], found: list[Any]) -> list[dict[str, str]]:
    text = b"".join(delimited.csv_of(layout, found)).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


# -- columns -------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_no_two_columns_have_one_name_and_each_is_explained(layout):
    assert len(set(layout.header)) == len(layout.header)
    assert all(column.meaning for column in layout.columns)
    assert len(list(dictionary_rows([layout]))) == len(layout.columns)


@pytest.mark.parametrize("layout", LAYOUTS[1:], ids=lambda layout: layout.name)
def test_every_number_for_analysis_has_its_state_origin_and_rule_beside_it(layout):
    names = set(layout.header)
    for name in names - {"window"}:
        if f"{name}_rule" in names:
            assert {f"{name}_state", f"{name}_origin"} <= names, name
    wanted = {"slab", "studlab"} & names
    assert len(wanted) == 1


def test_a_count_that_follows_from_its_complement_names_that_rule_in_tables_for_analysis():
    told = a_count(1, TREATED, 1, 6, rule="complement", statement="6 - 5 = 1 of 6")
    events = told.reported.cells[CellName.EVENTS]
    cells = {**told.reported.cells, CellName.EVENTS: replace(events, origin=Origin.COMPUTED)}
    follows = replace(told, reported=replace(told.reported, cells=cells))
    beside = [follows, a_count(2, CONTROL, 3, 6)]
    (row,) = read(table_layout(Table.BINARY, Names.METAFOR), rows(Table.BINARY, beside))
    assert (row["ai"], row["ai_origin"], row["ai_rule"]) == ("1", "computed", "complement")
    assert (row["n1i_rule"], row["ci_rule"], row["n2i_rule"]) == ("", "", "")
    (analysis,) = collected(beside).analyses()
    assert "ai computed (complement)" in analysis.data[0].footnote


def test_a_row_of_the_long_form_fits_its_json_schema():
    result = a_count(1, TREATED, 0, 6)
    layout = long_layout()
    schema = json_schema(layout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(dict(zip(layout.header, layout.values(result))), schema)


def test_a_row_for_analysis_fits_its_json_schema():
    layout = table_layout(Table.BINARY)
    for row in rows(Table.BINARY, two_by_two()):
        jsonschema.validate(dict(zip(layout.header, layout.values(row))), json_schema(layout))


@pytest.mark.parametrize(
    ("table", "results", "expected"),
    [
        pytest.param(
            Table.BINARY, two_by_two(), {"event.e": "2", "n.e": "21", "event.c": "4", "n.c": "20"},
            id="metabin",
        ),
        pytest.param(
            Table.CONTINUOUS, [a_mean(1, TREATED, 4.5, 1, 9), a_mean(2, CONTROL, 5.5, 1.5, 8)],
            {"n.e": "9", "mean.e": "4.5", "sd.e": "1", "n.c": "8", "mean.c": "5.5", "sd.c": "1.5"},
            id="metacont",
        ),
        pytest.param(
            Table.PROPORTION, [a_count(1, TREATED, 3, 5)], {"event": "3", "n": "5"}, id="metaprop"
        ),
    ],
)  # fmt: skip
def test_the_names_of_meta_hold_the_same_numbers(table, results, expected):
    (row,) = read(table_layout(table, Names.META), rows(table, results))
    assert {name: row[name] for name in expected} == expected
    assert row["studlab"] == "Study 1"


@pytest.mark.parametrize("table", [Table.CHANGE, Table.STANDARDISED_CHANGE])
def test_meta_has_no_columns_for_before_and_after(table):
    with pytest.raises(InvalidInput, match="metafor"):
        table_layout(table, Names.META)


def test_every_format_has_one_name_and_an_unknown_one_is_told_the_others():
    assert all(format_named(alias).name == name for alias, name in ALIASES.items())
    assert len({f.filename for f in FORMATS.values()}) == len(FORMATS)
    with pytest.raises(InvalidInput, match="metafor-2x2"):
        format_named("metafor")


# -- csv -----------------------------------------------------------------------------------------


def test_what_is_not_reported_is_an_empty_cell_with_its_state_and_never_nought():
    (row,) = read(table_layout(Table.BINARY), rows(Table.BINARY, [
        a_count(1, TREATED, 10, 56), a_count(2, CONTROL, 0, None)]))  # fmt: skip
    assert (row["ci"], row["n2i"], row["di"]) == ("0", "", "")
    assert (row["n2i_state"], row["n2i_origin"]) == ("not_reported", "")
    assert (row["is_usable"], row["why_not"]) == ("FALSE", "n2i not reported")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("=1+1", "'=1+1", id="formula"),
        pytest.param("+44 20", "'+44 20", id="plus"),
        pytest.param("-1 (SD 2)", "'-1 (SD 2)", id="minus before words"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="at"),
        pytest.param("\tx", "'\tx", id="tab"),
        pytest.param("-0.5", "-0.5", id="a printed number stays one"),
        pytest.param("a=1", "a=1", id="equals within"),
    ],
)
def test_no_text_of_a_source_runs_in_a_spreadsheet(text, written):
    (row,) = read(long_layout(), [a_count(1, TREATED, 1, 2, outcome_title=text)])
    assert row["outcome_title"] == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(value):
    text = delimited.number_text(value)
    assert float(text) == value
    assert "," not in text


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)))
def test_any_text_survives_the_csv(texts):
    body = b"".join(delimited.csv_lines(("a",), ([text] for text in texts))).decode()
    found = list(csv.reader(io.StringIO(body, newline="")))[1:]
    assert ["".join(row) for row in found] == [delimited.guarded(text) for text in texts]


def test_a_long_table_comes_in_pieces_with_one_header():
    pieces = list(delimited.csv_lines(("n",), ([n] for n in range(50_000))))
    assert len(pieces) > 1
    assert b"".join(pieces).count(b"\n") == 50_001


def test_the_long_form_keeps_what_was_printed_beside_the_number():
    result = a_count(1, TREATED, 3, 5)
    (row,) = read(long_layout(), [result])
    assert (row["events"], row["events_text"], row["events_state"]) == ("3", "3", "reported")
    assert (row["mean"], row["mean_state"], row["mean_origin"]) == ("", "not_reported", "")


def test_a_result_that_was_not_measured_has_no_number_that_was_merely_not_reported():
    (row,) = read(long_layout(), [a_result(1, numbers={}, state=State.NOT_MEASURED)])
    assert row["mean_state"] == "not_measured"


# -- moderators ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param("bone marrow", "bone_marrow", id="one"),
        pytest.param("bone marrow | BM", "bone_marrow", id="two wordings of one"),
        pytest.param("bone marrow | adipose", "", id="sources that differ"),
        pytest.param(None, "", id="not said"),
    ],
)
def test_a_moderator_has_a_normal_form_where_sources_agree(said, code):
    arm = an_arm(1, tissue=Fact(value=said, state=State.REPORTED))
    (row,) = read(table_layout(Table.PROPORTION), rows(Table.PROPORTION, [a_count(1, arm, 1, 6)]))
    assert row["tissue_code"] == code


# -- workbook and Parquet ------------------------------------------------------------------------


def test_a_workbook_holds_texts_as_texts_and_numbers_as_numbers(tmp_path: Path):
    book = Workbook(tmp_path / "b.xlsx")
    book.sheet("a", ("text", "number", "truth", "nothing"))
    book.sheet("b", ("text",))
    book.add("a", ["=1+1", 2.5, True, None])
    book.add("b", ["https://example.org"])
    book.add("a", ["x" * 40_000, 0, False, ""])
    book.close()
    read_back = CalamineWorkbook.from_path(tmp_path / "b.xlsx")
    first, second = read_back.get_sheet_by_name("a").to_python()[1:]
    assert first[:3] == ["=1+1", 2.5, True]
    assert f"{second[0]}".endswith("(cut: 40,000 characters, a cell holds 32,767)")
    assert len(f"{second[0]}") == 32_767
    with zipfile.ZipFile(tmp_path / "b.xlsx") as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_parquet_keeps_types_nulls_and_meanings(tmp_path: Path):
    layout = long_layout()
    results = [a_count(n, TREATED, None if n == 2 else n, 9) for n in range(1, 4)]
    parquet.write_parquet(tmp_path / "p", layout, results, {"filter": "study:S1"})
    table = pq.read_table(tmp_path / "p")
    assert table.column_names == layout.header
    assert table.column("events").to_pylist() == [1.0, None, 3.0]
    assert table.column("enters_analyses").to_pylist() == [True] * 3
    assert table.schema.field("timepoint_days").metadata[b"unit"] == b"days"
    assert table.schema.metadata[b"filter"] == b"study:S1"


def test_parquet_of_nothing_still_says_its_columns(tmp_path: Path):
    parquet.write_parquet(tmp_path / "p", long_layout(), [], {})
    assert pq.read_table(tmp_path / "p").column_names == long_layout().header


# -- RevMan --------------------------------------------------------------------------------------


def collected(*studies: list[Observed]) -> revman.Collected:
    found = revman.Collected()
    for own in studies:
        for table in revman.TABLES:
            found.add(analysis_rows(table, own).rows)
    return found


def of_study(number: int, results: list[Observed]) -> list[Observed]:
    study = a_study(number)
    return [
        a_result(
            10 * number + i, o.arm, numbers={k.value: c.value for k, c in o.reported.cells.items()},
            kind=o.kind, statistic=o.statistic, study=study, code=o.code, time=o.time,
            comparator=o.comparator, measure=o.reported.measure, ci_level=o.reported.ci_level,
        )
        for i, o in enumerate(results)
    ]  # fmt: skip


def a_hazard_ratio() -> Observed:
    return a_result(
        9, TREATED, numbers={"estimate": 0.346, "ci_low": 0.18, "ci_high": 0.664},
        kind=ResultKind.CONTRAST, statistic=None, comparator=CONTROL, measure="hazard ratio",
        ci_level=95.0, code="MI",
    )  # fmt: skip


def revman5_lines(found: revman.Collected) -> list[dict[str, str]]:
    text = b"".join(revman5.revman5_csv(found.analyses())).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_revman_5_has_a_comparison_its_outcomes_and_their_studies():
    lines = revman5_lines(collected(of_study(1, two_by_two()), of_study(2, two_by_two())))
    places = [(x["Comparison Number"], x["Outcome Number"], x["Subgroup Number"]) for x in lines]
    assert places == [("1", "0", "0"), ("1", "1", "0"), ("1", "1", "0"), ("1", "1", "0")]
    assert (lines[1]["Data Type"], lines[1]["Events 1"], lines[1]["Total 2"]) == ("DIC", "4", "40")
    study = lines[2]
    assert (study["Name"], study["Events 1"], study["Total 1"]) == ("Study 1", "2", "21")
    assert (study["Mean 1"], study["SD 2"]) == ("0", "0")  # what a count has no use for
    assert float(study["Effect Estimate"]) == pytest.approx(2 / 21 / (4 / 20))
    assert lines[3]["Name"] == "Study 2"


def test_revman_never_gets_a_row_that_lacks_a_number():
    found = collected([a_count(1, TREATED, 10, 56), a_count(2, CONTROL, 0, None)])
    assert revman5_lines(found) == []
    assert found.left_out == [("Study 1", "n2i not reported")]


def test_times_of_one_window_are_one_analysis_and_other_outcomes_are_others():
    later = two_by_two(time=weeks(52))
    found = collected(
        of_study(1, two_by_two(time=weeks(48))),
        of_study(2, later),
        of_study(3, two_by_two(time=weeks(12))),
        of_study(4, [a_mean(1, TREATED, 4, 1, 9), a_mean(2, CONTROL, 5, 1, 9)]),
    )
    sizes = {analysis.name: len(analysis.data) for analysis in found.analyses()}
    assert sorted(sizes.values()) == [1, 1, 2]
    assert any("48 to 52 weeks" in name and n == 2 for name, n in sizes.items())


def test_a_study_that_stands_twice_in_an_analysis_is_told_apart():
    results = [
        a_count(1, an_arm(1), 3, 20), a_count(2, an_arm(2), 5, 20),
        a_count(3, an_arm(3, "control"), 8, 20),
    ]  # fmt: skip
    lines = revman5_lines(collected(results))
    assert len({line["Name"] for line in lines[2:]}) == 2


def package(tmp_path: Path, found: revman.Collected) -> dict[str, bytes]:
    path = tmp_path / "package.zip"
    revman_web.write_package(path, found.analyses(), found.left_out)
    with zipfile.ZipFile(path) as outer:
        inner = outer.read("outcomes-files/outcomes-data.zip")
        left_out = outer.read("outcomes-files/left-out.csv")
    with zipfile.ZipFile(io.BytesIO(inner)) as data:
        return {name: data.read(name) for name in data.namelist()} | {"left-out": left_out}


def test_a_revman_web_package_marks_its_text_and_writes_unused_numbers_as_0_0(tmp_path: Path):
    found = collected(of_study(1, [*two_by_two(), a_hazard_ratio()]))
    files = package(tmp_path, found)
    assert all(body.startswith(b"\xef\xbb\xbf") for body in files.values())
    body = files["outcomes-analysis-data/outcomes-data-rows.csv"].decode("utf-8-sig")
    count, ratio = csv.DictReader(io.StringIO(body))
    assert (count["Experimental cases"], count["Control N"]) == ("2", "20")
    assert {count[name] for name in ("GIV Mean", "Experimental SD", "O-E", "Weight")} == {"0.0"}
    assert float(ratio["GIV Mean"]) == pytest.approx(math.log(0.346))
    assert float(ratio["Mean"]) == pytest.approx(0.346)
    assert float(ratio["CI end"]) == pytest.approx(0.664, abs=2e-3)
    settings = files["outcomes-analysis-data/outcomes-overall-estimates-and-settings.csv"]
    first, second = csv.DictReader(io.StringIO(settings.decode("utf-8-sig")))
    assert (first["Data type"], first["Log-scale data"]) == ("Dichotomous", "FALSE")
    assert (second["Data type"], second["Log-scale data"]) == ("Contrast level", "TRUE")


def test_a_package_lists_what_it_leaves_out_and_names_the_reports(tmp_path: Path):
    found = collected(
        of_study(1, two_by_two()), [a_count(1, TREATED, 10, 56), a_count(2, CONTROL, 0, None)]
    )
    files = package(tmp_path, found)
    assert b"Study 1,n2i not reported" in files["left-out"]
    references = files["outcomes-study-data/outcomes-included.ris"].decode("utf-8-sig")
    assert references.startswith("TY  - JOUR\r\nID  - W1\r\nAU  - Who, A\r\nAU  - Whom, B\r\n")
    assert references.endswith("ER  - \r\n")


def test_the_same_rows_make_the_same_package(tmp_path: Path):
    for name in ("a", "b"):
        found = collected(of_study(1, two_by_two()))
        revman_web.write_package(tmp_path / name, found.analyses(), found.left_out)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# -- SRDR+ ---------------------------------------------------------------------------------------


def test_srdr_has_one_row_per_number_in_the_sheet_of_its_kind():
    results = [
        a_mean(1, TREATED, 4.5, 1, 9),
        a_mean(2, TREATED, -0.5, 0.6, 9, statistic=Statistic.CHANGE),
        a_hazard_ratio(),
    ]
    found = [
        (sheet, values[-2], values[-1]) for o in results for sheet, values in srdr.srdr_rows(o)
    ]
    assert found == [
        (srdr.STATISTICS, "N Analyzed", "9"),
        (srdr.STATISTICS, "Mean", "4.5"),
        (srdr.STATISTICS, "Standard Deviation (SD)", "1"),
        (srdr.WITHIN, "N Analyzed", "9"),
        (srdr.WITHIN, "Mean", "-0.5"),
        (srdr.WITHIN, "Standard Deviation (SD)", "0.6"),
        (srdr.BETWEEN, "95% CI low", "0.18"),
        (srdr.BETWEEN, "95% CI high", "0.664"),
        (srdr.BETWEEN, "hazard ratio", "0.346"),
    ]


@pytest.mark.parametrize(
    "result",
    [
        a_count(1, TREATED, 2, 21),
        a_result(1, kind=ResultKind.WITHIN_ARM, statistic=Statistic.CHANGE, p_text="< 0.03"),
        a_hazard_ratio(),
    ],
)
def test_every_row_of_srdr_is_as_wide_as_its_sheet(result):
    for sheet, values in srdr.srdr_rows(result):
        assert len(values) == len(srdr.SHEETS[sheet])


def test_srdr_says_of_an_unreported_result_that_it_is_not_reported():
    ((_, values),) = srdr.srdr_rows(a_result(1, numbers={"mean": None}, state=State.NOT_REPORTED))
    assert values[-2:] == ["Reporting", "not reported"]


# -- R -------------------------------------------------------------------------------------------

ESCALC = """
suppressMessages(library(metafor))
for (line in readLines(file("stdin"))) {
  part <- strsplit(line, " ")[[1]]
  d <- read.csv(part[3], fileEncoding = "UTF-8")
  stopifnot(!any(duplicated(d$slab)), is.logical(d$is_usable))
  known <- c("ai", "bi", "ci", "di", "n1i", "n2i", "m1i", "sd1i", "m2i", "sd2i", "x1i", "t1i",
             "x2i", "t2i", "xi", "ni", "ti", "mi", "sdi", "ri")
  if (part[2] == "GEN") e <- d
  else {
    given <- d[intersect(strsplit(part[4], ",")[[1]], names(d))]
    e <- do.call(escalc, c(list(measure = part[2], slab = d$slab), given))
  }
  cat(part[1], format(as.numeric(e$yi), digits = 15), format(as.numeric(e$vi), digits = 15), "\\n")
}
"""


def every_table() -> dict[str, tuple[Table, str, list[str], list[AnalysisRow]]]:
    start: dict[str, Any] = {"statistic": Statistic.BASELINE, "time": weeks(0)}
    relapses: dict[str, Any] = {"statistic": Statistic.EVENT_COUNT, "code": "RELAPSE_N"}
    course = [a_mean(1, TREATED, 6.0, 1.0, 10, **start), a_mean(2, TREATED, 5.5, 1.2, 10)]
    rates = [
        a_result(1, TREATED, numbers={"events": 4, "exposure_person_years": 10.5}, **relapses),
        a_result(2, CONTROL, numbers={"events": 9, "exposure_person_years": 11.0}, **relapses),
    ]
    means = [a_mean(1, TREATED, 4.5, 1.0, 9), a_mean(2, CONTROL, 5.5, 1.5, 8)]
    asked = [
        ("RR", Table.BINARY, ["ai", "bi", "ci", "di"], rows(Table.BINARY, two_by_two())),
        ("MD", Table.CONTINUOUS, ["m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i"],
         rows(Table.CONTINUOUS, means)),
        ("SMD", Table.CONTINUOUS, ["m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i"],
         rows(Table.CONTINUOUS, means)),
        ("IRR", Table.RATE, ["x1i", "t1i", "x2i", "t2i"], rows(Table.RATE, rates)),
        ("PLO", Table.PROPORTION, ["xi", "ni"],
         rows(Table.PROPORTION, [a_count(1, TREATED, 0, 6), a_count(2, TREATED, 3, 5,
                                 category=Category.WORSENED)])),
        ("MN", Table.MEAN, ["mi", "sdi", "ni"], rows(Table.MEAN, means[:1])),
        ("IRLN", Table.ONE_RATE, ["xi", "ti"], rows(Table.ONE_RATE, rates[:1])),
        ("MC", Table.CHANGE, ["m1i", "m2i", "sd1i", "sd2i", "ri", "ni"],
         rows(Table.CHANGE, course, r=0.7)),
        ("SMCC", Table.CHANGE, ["m1i", "m2i", "sd1i", "sd2i", "ri", "ni"],
         rows(Table.CHANGE, [a_mean(3, TREATED, -0.5, 0.9, 10, statistic=Statistic.CHANGE)])),
        ("SMCR", Table.STANDARDISED_CHANGE, ["m1i", "m2i", "sd1i", "ri", "ni"],
         rows(Table.STANDARDISED_CHANGE, course, r=0.7)),
        ("GEN", Table.ESTIMATE, ["yi", "vi"], rows(Table.ESTIMATE, [a_hazard_ratio()])),
    ]  # fmt: skip
    return {measure: (table, measure, names, found) for measure, table, names, found in asked}


def test_metafor_reads_every_table_and_computes_the_same_effects(tmp_path: Path):
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not installed (R with the package metafor)")
    lines = []
    for key, (table, measure, names, found) in every_table().items():
        path = tmp_path / f"{key}.csv"
        path.write_bytes(b"".join(delimited.csv_of(table_layout(table), found)))
        lines.append(f"{key} {measure} {path} {','.join(names)}")
    done = subprocess.run(
        [rscript, "-e", ESCALC], input="\n".join(lines) + "\n", capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if "there is no package" in done.stderr:
        pytest.skip("R lacks the package metafor")
    assert done.returncode == 0, done.stderr
    answers = {
        (said := line.split())[0]: [float(x) for x in said[1:]] for line in done.stdout.splitlines()
    }
    for key, (_, measure, names, found) in every_table().items():
        columns = {
            name: np.array([row.numbers[name].value for row in found], dtype=float)
            for name in names
        }
        ours = effect_sizes(measure, columns)
        assert answers[key] == pytest.approx([*ours.yi, *ours.vi], rel=1e-12), key
