"""Curation tables: what is entered becomes records, and what is wrong is said cell by cell."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from kb.errors import InvalidInput
from kb.formats import curated_checks, curated_studies, curated_works, workbook
from kb.formats import tables as tables_module
from kb.formats.curation import Curated, read_tables
from kb.formats.curation_columns import TABLES
from kb.models.evidence import CellName, ResultKind, Standing, State
from kb.models.records import CitingList, ReferenceList
from tests.conftest import ROOT

Tables = dict[str, list[dict[str, str | None]]]


def minimal() -> Tables:
    """One study with one arm and one result, each with its source."""
    return {
        "sources": [{"key": "paper", "kind": "abstract", "document": "d", "standing": "primary"}],
        "works": [{"work": "w", "doi": "10.3390/jcm8122102"}],
        "studies": [{"study": "S", "label": "A study", "source": "paper", "locator": "abstract"}],
        "arms": [
            {"study": "S", "arm": "msc", "label": "MSC", "source": "paper", "locator": "page 1"},
            {"study": "S", "arm": "sham", "label": "sham", "source": "paper", "locator": "page 1"},
        ],
        "results": [
            {
                "study": "S", "arm": "msc", "outcome": "T2_NEW", "statistic": "person_count",
                "n": "6", "events": "5", "time": "12", "time_unit": "week", "state": "reported",
                "source": "paper", "locator": "abstract",
            }
        ],
        "adverse_events": [
            {
                "study": "S", "arm": "msc", "code": "AE_SERIOUS", "at_risk": "7", "persons": "0",
                "state": "reported_zero", "source": "paper", "locator": "abstract",
            }
        ],
    }  # fmt: skip


def changed(table: str, **cells: str | None) -> Tables:
    """The minimal tables, with cells of the table's last row changed."""
    tables = minimal()
    rows = tables.setdefault(table, [{}])
    rows[-1] = {**rows[-1], **cells}
    return tables


def read(tables: Mapping[str, list[dict[str, str | None]]]) -> Curated:
    return read_tables(tables, source="test")


def write(folder: Path, tables: Tables) -> Path:
    for name, rows in tables.items():
        header = list(dict.fromkeys(column for row in rows for column in row))
        lines = [",".join(header), *(",".join(row.get(c) or "" for c in header) for row in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_the_minimal_tables_are_one_study_with_its_evidence():
    curated = read(minimal())
    assert curated.errors == ()
    (study,) = curated.studies
    (result,) = study.results
    assert (study.source, study.key, study.label) == ("test", "S", "A study")
    assert result.evidence.standing is Standing.PRIMARY
    assert (result.evidence.document, result.evidence.row) == ("d", "results.json:1")
    assert [(c.name, c.value, c.text) for c in result.cells] == [
        (CellName.N_ANALYSED, 6, "6"),
        (CellName.EVENTS, 5, "5"),
    ]


def test_an_empty_cell_is_not_reported_and_never_zero():
    (study,) = read(minimal()).studies
    (event,) = study.adverse_events
    assert event.persons_affected == 0
    assert event.event_count is None
    assert event.percent is None
    assert study.description is not None
    assert study.description.n_enrolled is None
    assert study.arms[0].dose is None


def test_a_number_stays_as_it_was_printed():
    tables = changed("results", statistic="change", events=None, mean="5.10", min="−1.0")
    (study,) = read(tables).studies
    cells = {cell.name: cell for cell in study.results[0].cells}
    assert (cells[CellName.MEAN].value, cells[CellName.MEAN].text) == (5.1, "5.10")
    assert (cells[CellName.MIN].value, cells[CellName.MIN].text) == (-1, "−1.0")


def test_a_title_left_empty_is_the_vocabularys_name():
    (study,) = read(minimal()).studies
    assert study.results[0].outcome_title == "New or enlarging T2 lesions"


def test_a_code_of_ones_own_needs_words_and_then_is_kept():
    (study,) = read(changed("results", outcome="MY_SCALE", what="My scale")).studies
    assert (study.results[0].outcome_code, study.results[0].outcome_title) == (
        "MY_SCALE",
        "My scale",
    )


def test_two_arms_may_be_told_of_together_and_the_whole_study_too():
    for arm in ("msc+sham", "all"):
        (study,) = read(changed("adverse_events", arm=arm)).studies
        assert study.adverse_events[0].arm == arm


def test_a_comparison_with_baseline_is_within_the_arm_and_has_no_comparator():
    tables = changed(
        "results", versus="baseline", statistic="change", n=None, events=None, direction="increased"
    )
    (study,) = read(tables).studies
    (result,) = study.results
    assert (result.kind, result.comparator, result.cells) == (ResultKind.WITHIN_ARM, None, ())
    assert result.direction == "increased"
    assert result.baseline_time is not None
    assert result.baseline_time.value == 0


def test_a_contrast_names_both_arms():
    tables = changed(
        "results", versus="sham", statistic=None, events=None, measure="rate ratio",
        estimate="0.94", ci_low="0.58", ci_high="1.50", ci_level="95", p="0.78",
    )  # fmt: skip
    (study,) = read(tables).studies
    (result,) = study.results
    assert (result.kind, result.arm, result.comparator) == (ResultKind.CONTRAST, "msc", "sham")
    assert [c.text for c in result.cells] == ["6", "0.94", "0.58", "1.50"]


def test_a_reported_zero_is_marked_in_its_cell_and_not_in_the_denominator():
    (study,) = read(changed("results", state="reported_zero", events="0")).studies
    states = {cell.name: cell.state for cell in study.results[0].cells}
    assert states == {CellName.EVENTS: State.REPORTED_ZERO, CellName.N_ANALYSED: State.REPORTED}


@pytest.mark.parametrize(
    ("table", "cells", "column", "message"),
    [
        pytest.param("results", {"evnts": "1"}, "evnts", "nearest: events", id="unknown column"),
        pytest.param("results", {"state": ""}, "state", "every row needs state", id="missing"),
        pytest.param("results", {"events": "five"}, "events", "'five'", id="not a count"),
        pytest.param("results", {"events": "-1"}, "events", "whole number", id="negative count"),
        pytest.param("results", {"mean": "1,5"}, "mean", "not a number: '1,5'", id="comma"),
        pytest.param("results", {"mean": "<5"}, "mean", "not a number", id="inequality"),
        pytest.param("results", {"mean": "nan"}, "mean", "empty cell means not reported", id="nan"),
        pytest.param("results", {"mean": "1e999"}, "mean", "not a number", id="infinite"),
        pytest.param("results", {"state": "reportd"}, "state", "expected reported", id="state"),
        pytest.param("results", {"statistic": "avg"}, "statistic", "baseline", id="statistic"),
        pytest.param("results", {"statistic": ""}, "statistic", "empty", id="no statistic"),
        pytest.param("results", {"category": "bad"}, "category", "event", id="category"),
        pytest.param(
            "results",
            {"category": "event", "statistic": "final", "events": None, "mean": "1"},
            "category",
            "of persons",
            id="category of a mean",
        ),
        pytest.param("sources", {"standing": "third"}, "standing", "secondary", id="standing"),
        pytest.param("results", {"events": "7"}, "events", "7 of 6", id="more events than n"),
        pytest.param("results", {"study": "T"}, "study", "'T' is not in studies", id="study"),
        pytest.param("results", {"arm": "mcs"}, "arm", "not an arm of S", id="arm"),
        pytest.param("results", {"versus": "placebo"}, "versus", "not an arm of S", id="versus"),
        pytest.param("results", {"source": "papr"}, "source", "expected paper", id="source"),
        pytest.param("works", {"doi": "doi"}, "doi", "10.3390/jcm8122102", id="DOI"),
        pytest.param("works", {"pmid": "PMC1"}, "pmid", "not a PMID: 'PMC1'", id="PMID"),
        pytest.param("works", {"pmcid": "x"}, "pmcid", "not a PMCID: 'x'", id="PMCID"),
        pytest.param("works", {"issn": "1234-5678"}, "issn", "not an ISSN", id="ISSN"),
        pytest.param("works", {"published": "2019-13"}, "published", "not a date", id="month 13"),
        pytest.param("works", {"type": "paper"}, "type", "expected article", id="work type"),
        pytest.param(
            "registrations", {"number": "NCT1"}, "number", "NCT03778333", id="registration"
        ),
        pytest.param(
            "results",
            {"state": "not_reported"},
            "events",
            "a number in a row whose state is not_reported",
            id="number not reported",
        ),
        pytest.param(
            "adverse_events",
            {"state": "not_reported"},
            "persons",
            "a number in a row whose state is not_reported",
            id="persons not reported",
        ),
        pytest.param(
            "adverse_events",
            {"persons": "3"},
            "persons",
            "3 in a row whose state is reported_zero",
            id="zero of three",
        ),
        pytest.param(
            "adverse_events", {"persons": "8", "state": "reported"}, "persons",
            "8 persons affected of 7",
            id="more persons than at risk",
        ),
        pytest.param(
            "results",
            {"events": None, "statistic": "final", "ci_low": "3", "ci_high": "1"},
            "ci_low",
            "interval from 3 to 1",
            id="low above high",
        ),
        pytest.param(
            "results", {"events": None}, "state", "no number, no p and no direction", id="nothing"
        ),
        pytest.param("results", {"percent": "120"}, "percent", "0 and 100", id="percentage"),
        pytest.param(
            "results",
            {"statistic": "final", "events": None, "mean": "1", "sd": "-2"},
            "sd",
            "SD -2",
            id="negative SD",
        ),
        pytest.param("results", {"time_unit": "fortnight"}, "time_unit", "week", id="unit"),
        pytest.param("results", {"time_unit": ""}, "time_unit", "empty beside", id="no unit"),
        pytest.param("results", {"caveats": "abstrct_cut"}, "caveats", "abstract_cut", id="caveat"),
        pytest.param("results", {"outcome": "T2_NW"}, "outcome", "nearest: T2_NEW", id="outcome"),
        pytest.param("results", {"direction": "up"}, "direction", "increased", id="direction"),
        pytest.param("results", {"estimate": "1"}, "estimate", "compares no arms", id="estimate"),
        pytest.param("arms", {"arm": "all"}, "arm", "meaning of its own", id="arm called all"),
        pytest.param("arms", {"dose": "2"}, "dose_unit", "empty beside a dose", id="dose unit"),
        pytest.param("arms", {"times": "-2"}, "times", "below 0", id="times below 0"),
        pytest.param("arms", {"cryopreserved": "1"}, "cryopreserved", "expected yes", id="flag"),
        pytest.param("observations", {"work": "w", "metric": "m", "value": "1.5"}, "value",
                     "not a whole number", id="count of citations"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_cell_gives_a_message_that_names_it(table, cells, column, message):
    curated = read(changed(table, **cells))
    found = [e for e in curated.errors if e.column == column and message in e.message]
    assert len(found) == 1, curated.errors
    assert found[0].file == f"{table}.json"
    assert found[0].line == len(minimal().get(table, [{}]))
    assert str(found[0]).startswith(f"{table}.json:{found[0].line}: {column}: ")


@pytest.mark.parametrize(
    ("table", "column"),
    [("studies", "study"), ("sources", "key"), ("works", "work")],
)
def test_a_key_stands_in_its_table_once(table, column):
    tables = minimal()
    tables[table].append(dict(tables[table][0]))
    errors = [e for e in read(tables).errors if e.column == column]
    assert [e.message for e in errors] == [
        f"{tables[table][0][column]!r} stands in {table}.json:1 already"
    ]


def test_two_works_do_not_share_a_doi():
    tables = minimal()
    tables["works"].append({"work": "v", "doi": "https://doi.org/10.3390/JCM8122102"})
    (error,) = read(tables).errors
    assert (error.line, error.column) == (2, "doi")
    assert "works.json:1" in error.message


def test_tables_with_errors_import_nothing_and_say_them_all():
    tables = changed("results", events="seven", state="reportd")
    tables["adverse_events"][0]["study"] = "T"
    curated = read(tables)
    assert {(e.file, e.column) for e in curated.errors} == {
        ("results.json", "events"),
        ("results.json", "state"),
        ("adverse_events.json", "study"),
    }
    assert (curated.works, curated.lists, curated.studies, curated.registered_only) == ((),) * 4


def test_a_table_that_could_not_be_read_is_not_blamed_on_the_rows_that_name_its_keys(tmp_path):
    folder = write(tmp_path, minimal())
    studies = folder / "studies.csv"
    studies.write_text(studies.read_text().replace("label", "lable", 1))
    errors = read_tables(folder, source="test").errors
    assert {error.file for error in errors} == {"studies.csv"}
    assert "nearest: label" in str(errors[0])


def test_a_row_of_a_kept_table_is_found_by_the_line_it_begins_in():
    table = b'study,note\nS,"two\nlines"\nT,\n'
    assert tables_module.read_row(table, "text/csv", 2) == {"study": "S", "note": "two\nlines"}
    assert tables_module.read_row(table, "text/csv", 4) == {"study": "T", "note": ""}
    for line in (1, 3, 5):
        assert tables_module.read_row(table, "text/csv", line) is None
    assert tables_module.read_row(b"<xml/>", "application/xml", 1) is None


def test_a_number_that_is_no_text_is_asked_for_as_text():
    tables = minimal()
    tables["results"][0]["n"] = 6  # type: ignore[assignment]
    (error,) = read(tables).errors
    assert (error.column, error.value) == ("n", "6")
    assert "as text" in error.message


def test_a_result_keeps_its_key_when_rows_are_added_and_numbers_corrected():
    (before,) = read(minimal()).studies
    tables = changed("results", events="4", note="corrected")
    other = {**tables["results"][0], "outcome": "GD_N"}
    tables["results"].insert(0, other)
    (after,) = read(tables).studies
    assert before.results[0].key == after.results[1].key
    assert len({r.key for r in after.results}) == 2


def test_rows_about_the_very_same_thing_are_numbered():
    tables = minimal()
    row = tables["results"][0]
    tables["results"] += [{**row, "events": "4"}, {**row, "events": "3"}]
    (study,) = read(tables).studies
    first = study.results[0].key
    assert [r.key for r in study.results] == [first, f"{first} #2", f"{first} #3"]


def test_a_folder_of_csv_reads_as_the_same_tables_in_memory(tmp_path):
    from_files = read_tables(write(tmp_path, minimal()), source="test")
    from_memory = read(minimal())
    assert from_files.errors == ()
    assert from_files.works == from_memory.works
    assert from_files.studies[0].results[0].key == from_memory.studies[0].results[0].key
    assert from_files.studies[0].results[0].evidence.row == "results.csv:2"
    assert from_files.files["results.csv"] == (tmp_path / "results.csv").read_bytes()
    assert set(from_memory.files) == {f"{name}.json" for name in minimal()}


def test_byte_order_mark_and_crlf_are_no_mistake(tmp_path):
    folder = write(tmp_path, minimal())
    for path in folder.glob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_tables(folder, source="test").studies[0].key == "S"


def test_a_row_is_placed_by_its_line_also_after_a_cell_of_two_lines(tmp_path):
    folder = write(tmp_path, minimal())
    with (folder / "works.csv").open("a") as table:
        table.write('v,"no\ndoi"\n\nu,nonsense\n')
    errors = read_tables(folder, source="test").errors
    assert [(e.line, e.column) for e in errors] == [(3, "doi"), (6, "doi")]


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        pytest.param(b"work,title\nw,caf\xe9\n", 2, "not UTF-8 (byte 0xe9)", id="Latin-1"),
        pytest.param("work\nw\n".encode("utf-16"), 1, "not UTF-8", id="UTF-16"),
        pytest.param(b"work\nw\0\n", 0, "NUL", id="NUL"),
        pytest.param(b"work;title\nw;t\n", 1, "not separated by commas", id="semicolons"),
        pytest.param(b"work,doy\nw,1\n", 1, "nearest: doi", id="unknown column"),
        pytest.param(b"work,doi,doi\n", 1, "twice", id="column twice"),
        pytest.param(b"title\nt\n", 1, "column is missing", id="missing column"),
        pytest.param(b"work,title\nw\n", 2, "1 cells where the header has 2", id="short row"),
        pytest.param(b'work,title\nw,"t\n', 2, "not well-formed CSV", id="open quote"),
        pytest.param(b"", 0, "empty", id="empty file"),
        pytest.param(b"work,title\nw," + b"t" * 101, 0, "at most 100", id="too large"),
    ],
)
def test_a_file_that_is_no_table_says_why(tmp_path, monkeypatch, body, line, message):
    monkeypatch.setattr(tables_module, "MAX_TABLE_BYTES", 100)
    (tmp_path / "works.csv").write_bytes(body)
    (error,) = read_tables(tmp_path, source="test").errors
    assert (error.file, error.line) == ("works.csv", line)
    assert message in error.message


def test_a_table_nobody_knows_is_a_mistake_and_another_file_is_not(tmp_path):
    folder = write(tmp_path, minimal())
    (folder / "README.md").write_text("about these tables")
    (folder / "result.csv").write_text("study\n")
    (error,) = read_tables(folder, source="test").errors
    assert error.file == "result.csv"
    assert "results" in error.message


def test_a_folder_without_tables_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InvalidInput, match="no tables"):
            read_tables(folder, source="test")


def test_lists_of_references_and_of_citing_works_name_the_tables_own_works():
    tables = minimal()
    tables["works"].append({"work": "old", "title": "An old work", "published": "1983"})
    tables["citations"] = [
        {"list": "references", "citing": "w", "cited": "old", "position": "1", "source": "paper"},
        {"list": "citing works", "citing": "old", "cited": "w", "position": "1", "source": "paper"},
    ]
    curated = read(tables)
    assert curated.errors == ()
    references, citing = curated.lists
    assert isinstance(references, ReferenceList)
    assert isinstance(citing, CitingList)
    assert references.key == citing.key == "w#paper"
    assert (references.references[0].record_key, references.references[0].year) == ("old", 1983)
    assert citing.citing == (curated.works[1],)


def test_a_work_without_identifiers_has_no_list_of_its_own():
    tables = minimal()
    tables["works"].append({"work": "old", "title": "An old work"})
    tables["citations"] = [
        {"list": "references", "citing": "old", "cited": "w", "position": "1", "source": "paper"}
    ]
    (error,) = read(tables).errors
    assert (error.column, "no DOI, PMID or PMCID" in error.message) == ("citing", True)


def test_a_registration_no_study_names_is_known_but_linked_to_none():
    tables = minimal()
    tables["registrations"] = [
        {"number": "NCT03778333", "source": "paper", "locator": "record"},
        {"number": "nct01364246", "title": "A trial", "n": "20", "n_is": "planned"},
    ]
    tables["study_registrations"] = [
        {"study": "S", "registration": "NCT03778333", "basis": "stated by the report"}
    ]
    curated = read(tables)
    assert curated.errors == ()
    assert [r.number for r in curated.studies[0].registrations] == ["NCT03778333"]
    assert curated.studies[0].registrations[0].link_basis == "stated by the report"
    (alone,) = curated.registered_only
    assert alone.registrations[0].is_linked is False
    assert (alone.key, alone.label, alone.registrations[0].n_is_actual) == (
        "NCT01364246",
        "A trial",
        False,
    )


def test_the_guide_for_curators_names_every_table_and_column():
    guide = (Path(__file__).parents[2] / "docs" / "curation-tables.md").read_text()
    for table, known in TABLES.items():
        section = guide.partition(f"## {table}.csv")[2].partition("\n## ")[0]
        missing = [column for column in known.all if f"`{column}`" not in section]
        assert missing == [], table


@pytest.mark.parametrize("junk", ["?", "-1", "9" * 40, "a;b;;", "²", "1e999", "None", "\x00"])
def test_no_cell_can_stop_the_reading(junk):
    for table, known in TABLES.items():
        for column in known.all:
            curated = read(changed(table, **{column: junk}))
            assert curated.errors or curated.studies, (table, column)


def test_the_documentation_lists_every_kind_of_mistake():
    named = (ROOT / "docs" / "curation-tables.md").read_text(encoding="utf-8")
    found: set[str] = set()
    for module in (curated_checks, curated_studies, curated_works, tables_module, workbook):
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        found |= set(re.findall(r'(?:error|warn|unreadable)\(\s*"([a-z0-9-]+)"', source))
    assert len(found) > 70
    assert {code for code in found if code and f"`{code}`" not in named} == set()
